//! One request over one connection, and what came of it.

use crate::wire;
use ::http::{HeaderMap, Method, Uri, header};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Response;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use ir::evidence::Heard;
use std::time::{Duration, UNIX_EPOCH};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use transport::Clock;

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) tls: bool,
    /// `host`, or `host:port`.
    pub(crate) authority: String,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// No more is read of the answer's body.
    pub(crate) body_max: usize,
}

/// What came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reply {
    pub(crate) heard: Heard,
    pub(crate) status: Option<u16>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// All of the body was read.
    pub(crate) whole: bool,
    pub(crate) first_byte_ms: Option<u64>,
    /// Our clock less the date of the answer, in ms.
    pub(crate) ahead_ms: Option<i64>,
}

/// Sends a request and reads what comes until `until`.
pub(crate) async fn exchange<S>(
    stream: S,
    h2: bool,
    request: Request,
    (clock, until): (Clock, Instant),
) -> Reply
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let body_max = request.body_max;
    let sent_unix_ms = clock.unix_ms();
    let began = Instant::now();
    // What drives the connection ends with this function.
    let mut driver = JoinSet::new();
    let head = match timeout_at(until, send(stream, h2, request, &mut driver)).await {
        Ok(Ok(head)) => head,
        Ok(Err(heard)) => return Reply { heard, ..Reply::default() },
        Err(_) => return Reply { heard: Heard::Silent, ..Reply::default() },
    };
    let trip = wire::ms(began.elapsed());
    let (head, mut body) = head.into_parts();
    let mut reply = Reply {
        status: Some(head.status.as_u16()),
        ahead_ms: ahead(&head.headers, sent_unix_ms.saturating_add(trip / 2)),
        headers: head.headers,
        first_byte_ms: Some(trip),
        ..Reply::default()
    };
    let mut read = Vec::new();
    reply.heard = loop {
        match timeout_at(until, body.frame()).await {
            Ok(Some(Ok(frame))) => {
                let Ok(data) = frame.into_data() else { continue };
                let room = body_max.saturating_sub(read.len());
                read.extend_from_slice(data.get(..room).unwrap_or(&data));
                if room < data.len() {
                    break Heard::Answer;
                }
            }
            Ok(Some(Err(_))) => break Heard::Cut,
            Ok(None) => {
                reply.whole = true;
                break Heard::Answer;
            }
            Err(_) => break Heard::Stalled,
        }
    };
    reply.body = Bytes::from(read);
    reply
}

async fn send<S>(
    stream: S,
    h2: bool,
    request: Request,
    driver: &mut JoinSet<()>,
) -> Result<Response<Incoming>, Heard>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Request { method, tls, authority, path, headers, body, .. } = request;
    let mut made = hyper::Request::new(Full::new(body));
    *made.method_mut() = method;
    *made.headers_mut() = headers;
    let stream = TokioIo::new(stream);
    let sent = if h2 {
        let scheme = if tls { "https" } else { "http" };
        *made.uri_mut() = uri(&format!("{scheme}://{authority}{path}"))?;
        let shaken = http2::handshake(TokioExecutor::new(), stream).await;
        let (mut sender, connection) = shaken.map_err(|error| heard(&error))?;
        driver.spawn(async move { drop(connection.await) });
        sender.send_request(made).await
    } else {
        *made.uri_mut() = uri(&path)?;
        let host = authority.parse().map_err(|_| Heard::Unasked)?;
        made.headers_mut().insert(header::HOST, host);
        let shaken = http1::handshake(stream).await;
        let (mut sender, connection) = shaken.map_err(|error| heard(&error))?;
        driver.spawn(async move { drop(connection.await) });
        sender.send_request(made).await
    };
    sent.map_err(|error| heard(&error))
}

fn uri(text: &str) -> Result<Uri, Heard> {
    text.parse().map_err(|_| Heard::Unasked)
}

fn heard(error: &hyper::Error) -> Heard {
    if error.is_parse() { Heard::Garbled } else { Heard::Reset }
}

/// Our time in the middle of the way there and back, less theirs. A date is cut to whole seconds: it
/// is half a second later on average.
fn ahead(headers: &HeaderMap, ours_unix_ms: u64) -> Option<i64> {
    let date = headers.get(header::DATE)?.to_str().ok()?;
    let theirs = httpdate::parse_http_date(date).ok()? + Duration::from_millis(500);
    let theirs = wire::ms(theirs.duration_since(UNIX_EPOCH).ok()?);
    i64::try_from(i128::from(ours_unix_ms) - i128::from(theirs)).ok()
}
