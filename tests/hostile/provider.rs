//! A provider of canned Chat streams, quick enough to stand behind ten thousand callers.
//!
//! The name of the model says what it does: `ok`; `slow-MS` (then ok); `drip-COUNT-MS` (a stream of
//! COUNT pieces); `big-MB` (a stream of so much text); `bad` (400); `down` (503); `half` (503 to three
//! of five).
//!
//! **Invariant:** it counts what it was asked, what of it is still open, and the bytes that were taken.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Collected};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::Handle;
use tokio::time::{Instant, Interval, interval_at, sleep_until};
use tokio_rustls::TlsAcceptor;

use crate::tls;

/// A piece of a large answer.
const PIECE: usize = 1024;
/// Connections that wait to be accepted.
const QUEUE: u32 = 4096;

/// A running provider.
#[derive(Debug)]
pub(crate) struct Provider {
    addr: SocketAddr,
    /// Who issued its certificate, where it speaks HTTP/2 over TLS.
    pub(crate) authority: Option<String>,
    pub(crate) counts: Arc<Counts>,
}

/// What it saw.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) asked: AtomicU64,
    /// Answers that are not over.
    pub(crate) open: AtomicU64,
    /// Bytes of answers that were taken.
    pub(crate) sent: AtomicU64,
    /// How long a moody model takes, and whether nothing is served at all.
    pub(crate) takes_ms: AtomicU64,
    pub(crate) down: AtomicBool,
    /// When moody models were asked, and when somebody only looked.
    pub(crate) times: Mutex<Vec<std::time::Instant>>,
    pub(crate) probes: Mutex<Vec<std::time::Instant>>,
}

/// An answer as it goes out.
struct Script {
    head: Option<Bytes>,
    piece: Bytes,
    count: u64,
    pace: Option<Interval>,
    tail: Option<Bytes>,
    open: Open,
}

/// Counts one open answer.
struct Open(Arc<Counts>);

// === impl Provider ===

impl Provider {
    /// Speaks HTTP/1.1 in the clear.
    pub(crate) async fn start(aside: &Handle) -> Result<Self> {
        Self::listen(aside, None).await
    }

    /// Speaks HTTP/2 over TLS.
    pub(crate) async fn start_h2(aside: &Handle) -> Result<Self> {
        let authority = tls::Authority::new("hostile provider")?;
        let acceptor = authority.acceptor(b"h2")?;
        let mut provider = Self::listen(aside, Some(acceptor)).await?;
        provider.authority = Some(authority.pem().to_owned());
        Ok(provider)
    }

    async fn listen(aside: &Handle, tls: Option<TlsAcceptor>) -> Result<Self> {
        let counts = Arc::<Counts>::default();
        let counted = Arc::clone(&counts);
        let listening = aside.spawn(async move {
            let socket = TcpSocket::new_v4()?;
            socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
            let listener = socket.listen(QUEUE)?;
            let addr = listener.local_addr()?;
            tokio::spawn(accept(listener, tls, counted));
            Ok::<_, std::io::Error>(addr)
        });
        let addr = listening.await??;
        Ok(Self { addr, authority: None, counts })
    }

    pub(crate) fn base_url(&self) -> String {
        let scheme = if self.authority.is_some() { "https" } else { "http" };
        format!("{scheme}://{}/v1", self.addr)
    }

    /// A configuration with this provider for every model, and more lines for `[server]`.
    pub(crate) fn config(&self, server: &str) -> String {
        format!(
            "[server]\nlisten = \"127.0.0.1:0\"\nrecord = \"off\"\n{server}\n\
             [providers.here]\ndialect = \"openai\"\nbase_url = \"{}\"\n\
             [models.\"*\"]\nchain = [\"here/*\"]\n",
            self.base_url()
        )
    }
}

// === impl Counts ===

impl Counts {
    pub(crate) fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }

    pub(crate) fn open(&self) -> u64 {
        self.open.load(Ordering::Relaxed)
    }

    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, counts: Arc<Counts>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let (tls, counts) = (tls.clone(), Arc::clone(&counts));
        tokio::spawn(async move {
            stream.set_nodelay(true).ok();
            match tls {
                Some(tls) => match tls.accept(stream).await {
                    Ok(stream) => serve(stream, counts).await,
                    Err(error) => crate::talk(&format!("provider: {error}")),
                },
                None => serve(stream, counts).await,
            }
        });
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, counts: Arc<Counts>) {
    let service = service_fn(move |request| {
        let counts = Arc::clone(&counts);
        async move { Ok::<_, Infallible>(answer(request, counts).await) }
    });
    let mut server = auto::Builder::new(TokioExecutor::new());
    server.http2().timer(TokioTimer::new()).max_concurrent_streams(200);
    // A connection that breaks is a finding of whoever counts answers.
    server.serve_connection(TokioIo::new(stream), service).await.ok();
}

async fn answer(request: Request<Incoming>, counts: Arc<Counts>) -> Response<Script> {
    let nth = counts.asked.fetch_add(1, Ordering::Relaxed);
    counts.open.fetch_add(1, Ordering::Relaxed);
    let now = std::time::Instant::now();
    let down = counts.down.load(Ordering::Relaxed);
    let takes = Duration::from_millis(counts.takes_ms.load(Ordering::Relaxed));
    if request.method() == http::Method::GET {
        counts.probes.lock().push(now);
        let open = Open(counts);
        return if down { refuse(503, open) } else { stream(1, chunk("model"), None, open) };
    }
    let open = Open(counts);
    let body = request.into_body().collect().await.map(Collected::to_bytes);
    let model = model(&body.unwrap_or_default());
    let mut words = model.split('-');
    let kind = words.next().unwrap_or_default();
    let mut number = || words.next().and_then(|it| it.parse::<u64>().ok()).unwrap_or(1);
    match kind {
        "bad" => refuse(400, open),
        "moody" => {
            open.0.times.lock().push(now);
            if down {
                return refuse(503, open);
            }
            sleep_until(Instant::now() + takes).await;
            stream(3, chunk("word "), None, open)
        }
        "down" => refuse(503, open),
        "half" if nth % 5 < 3 => refuse(503, open),
        "slow" => {
            sleep_until(Instant::now() + Duration::from_millis(number())).await;
            stream(3, chunk("word "), None, open)
        }
        "drip" => {
            let (count, every) = (number(), Duration::from_millis(number()));
            let pace = interval_at(Instant::now() + every, every);
            stream(count, chunk("word "), Some(pace), open)
        }
        "big" => {
            let piece = chunk(&"x".repeat(PIECE));
            stream((number() << 20) / (PIECE as u64), piece, None, open)
        }
        _ => stream(3, chunk("word "), None, open),
    }
}

/// The model's name, from a body that we know the shape of.
fn model(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body.get(..body.len().min(4096)).unwrap_or_default());
    let name = text.split("\"model\":").nth(1).and_then(|rest| rest.split('"').nth(1));
    name.unwrap_or("ok").to_owned()
}

fn refuse(status: u16, open: Open) -> Response<Script> {
    let text = r#"{"error":{"message":"no","type":"server_error","param":null,"code":null}}"#;
    let tail = Some(Bytes::from_static(text.as_bytes()));
    let script = Script { head: None, piece: Bytes::new(), count: 0, pace: None, tail, open };
    respond(status, "application/json", script)
}

fn stream(count: u64, piece: Bytes, pace: Option<Interval>, open: Open) -> Response<Script> {
    let head = event(r#"{"role":"assistant","content":""}"#, "null");
    let mut tail = event("{}", "\"stop\"").to_vec();
    tail.extend_from_slice(b"data: [DONE]\n\n");
    let (head, tail) = (Some(head), Some(tail.into()));
    respond(200, "text/event-stream", Script { head, piece, count, pace, tail, open })
}

fn respond(status: u16, kind: &'static str, script: Script) -> Response<Script> {
    let mut response = Response::new(script);
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
    let kind = http::HeaderValue::from_static(kind);
    response.headers_mut().insert(http::header::CONTENT_TYPE, kind);
    response
}

fn chunk(text: &str) -> Bytes {
    event(&format!("{{\"content\":\"{text}\"}}"), "null")
}

fn event(delta: &str, finish: &str) -> Bytes {
    format!(
        "data: {{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\
         \"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":{finish}}}]}}\n\n"
    )
    .into()
}

// === impl Script ===

impl Body for Script {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        let next = if let Some(head) = this.head.take() {
            Some(head)
        } else if this.count > 0 {
            if let Some(pace) = &mut this.pace {
                std::task::ready!(pace.poll_tick(cx));
            }
            this.count -= 1;
            Some(this.piece.clone())
        } else {
            this.tail.take()
        };
        if let Some(bytes) = &next {
            this.open.0.sent.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        }
        Poll::Ready(next.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.head.is_none() && self.count == 0 && self.tail.is_none()
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}
