//! One connection of a caller, from accepting to closing: TLS where it is served, then HTTP/1.1 or
//! HTTP/2.

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::pin::{Pin, pin};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, Version, header};
use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
#[cfg(target_os = "linux")]
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::fault;
use super::frames::Frames;
use super::front::{Front, Socket};
use super::phase::{Clockwork, Timed, Tracked};
use super::place::Place;
use super::scan::Scan;
use super::{ListenerSettings, Peer, Phase, http2};
use crate::Tcp;

/// The bytes that are read ahead of a slow handler, and written ahead of a slow caller. A head must
/// fit.
const BUFFER_MAX: usize = 72 * 1024;
/// What the system holds for a caller that it has not sent yet. By itself it takes megabytes, and a
/// provider's answer would be drawn in for somebody who does not read it.
#[cfg(target_os = "linux")]
const UNSENT_MAX: u32 = 128 * 1024;

/// Whoever connected just before a stop, and was let in, may still ask: a request that is on its way
/// is not refused.
pub(super) const FRESH: Duration = Duration::from_secs(1);

/// Serves a connection as long as its place lets it.
pub(super) async fn run<H, F, B>(
    stream: Tcp,
    settings: ListenerSettings,
    handler: H,
    peer: Peer,
    mut place: Place,
) where
    H: Fn(Request<Incoming>, Peer) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    if let Some(Err(error)) = stream.socket().map(tune) {
        tracing::debug!(%error, "socket option refused");
    }
    let clockwork = Clockwork::new(settings.head_timeout, settings.idle_timeout);
    let timed = Timed::new(stream, clockwork.clone(), settings.write_timeout);
    let late = async {
        place.reached(Phase::Finish).await;
        timeout(FRESH, place.reached(Phase::Drop)).await.unwrap_or_default();
    };
    let greeted = tokio::select! {
        greeted = greet(timed, &settings) => greeted,
        () = late => return,
    };
    match greeted {
        Ok((front, true)) => {
            // What it says now belongs to HTTP/2, which keeps the time itself.
            clockwork.leave();
            let front = front.counted(Frames::new(Instant::now()));
            // In boxes: who says nothing makes no room for what he might.
            Box::pin(http2::run(front, &settings, handler, peer, place)).await;
        }
        Ok((front, false)) => {
            let front = front.scanned(Scan::new(settings.head_bytes_max), clockwork.clone());
            let asked = (settings.head_bytes_max, handler, peer);
            Box::pin(http1(front, clockwork, asked, place)).await;
        }
        Err(error) => tracing::debug!(%error, "no HTTP on a connection"),
    }
}

fn tune(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    #[cfg(target_os = "linux")]
    SockRef::from(stream).set_tcp_notsent_lowat(UNSENT_MAX)?;
    Ok(())
}

/// Finds out what is spoken, and waits for what is asked. `true` is HTTP/2.
async fn greet(timed: Timed, settings: &ListenerSettings) -> io::Result<(Front, bool)> {
    let mut socket = match &settings.tls {
        Some(tls) => {
            let accepted = Box::pin(TlsAcceptor::from(tls.config()).accept(timed)).await?;
            Socket::Tls(Box::new(accepted))
        }
        None => Socket::Plain(timed),
    };
    let (h2, ahead) = socket.greeted(settings.head_bytes_max).await?;
    Ok((Front::new(socket, ahead), h2))
}

/// Waits for an alarm that is set.
pub(super) async fn rung(alarm: Pin<&mut Option<Sleep>>) {
    if let Some(alarm) = alarm.as_pin_mut() {
        alarm.await;
    }
}

async fn http1<H, F, B>(
    front: Front,
    clockwork: Clockwork,
    (head_bytes_max, handler, peer): (usize, H, Peer),
    mut place: Place,
) where
    H: Fn(Request<Incoming>, Peer) -> F + Send,
    F: Future<Output = Response<B>> + Send,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let (asked, stopping) = (clockwork.clone(), place.clone());
    let service = service_fn(move |request: Request<Incoming>| {
        let (busy, odd) = clockwork.busy();
        let fault = odd.or_else(|| fault::find(&request));
        let unframed = request.version() == Version::HTTP_10;
        // In a box of its own, which is gone when there is a head: what hyper has for it stays as
        // long as the connection.
        let answering = Box::pin(handler(request, Peer { fault, ..peer }));
        let stopping = stopping.clone();
        async move {
            let mut answer = answering.await;
            if fault.is_some() || stopping.has_reached(Phase::Finish) {
                answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(answer.map(|body| Tracked::new(body, unframed, busy)))
        }
    });
    let connection = Builder::new()
        .keep_alive(true)
        .header_read_timeout(None)
        .max_buf_size(BUFFER_MAX)
        .max_header_size(head_bytes_max)
        .serve_connection(TokioIo::new(front), service);
    let mut connection = pin!(connection);
    let mut unasked = pin!(None::<Sleep>);
    // The listener may have been told to stop while it was greeted.
    if place.has_reached(Phase::Finish) {
        unasked.set(Some(sleep(FRESH)));
    }
    loop {
        tokio::select! {
            // First what came: asked to finish before it read anything, hyper would just close.
            biased;
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "connection ended");
                }
                return;
            }
            () = rung(unasked.as_mut()), if unasked.is_some() => {
                unasked.set(None);
                connection.as_mut().graceful_shutdown();
            }
            phase = place.changed() => match phase {
                // It is polled again, and with it the answer at hand, which knows when to end.
                Phase::Serve | Phase::Last => {}
                Phase::Finish if asked.is_unasked() => unasked.set(Some(sleep(FRESH))),
                Phase::Finish => connection.as_mut().graceful_shutdown(),
                Phase::Drop => return,
            },
        }
    }
}
