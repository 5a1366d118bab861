//! Proofs of the listener over real loopback sockets.

mod edge;
mod framing;
mod secure;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::{ListenerSettings, PAUSE_MAX, PAUSE_MIN, Peer, Stopping, bind, pause_after, serve};

const SOON: Duration = Duration::from_secs(10);
const PROMPT: Duration = Duration::from_millis(100);
const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";

fn settings() -> ListenerSettings {
    let grace = Duration::from_millis(80);
    ListenerSettings { connections_max: 100, grace, ..ListenerSettings::default() }
}

/// Tells when it is dropped.
struct Gone(mpsc::UnboundedSender<()>);

impl Drop for Gone {
    fn drop(&mut self) {
        // The test may be over.
        self.0.send(()).ok();
    }
}

/// A body of these frames, and then silence.
struct Script {
    frames: VecDeque<Result<&'static str, io::Error>>,
    length: Option<u64>,
    ends: bool,
    _gone: Option<Gone>,
}

impl Script {
    fn cut(length: Option<u64>) -> Self {
        let frames = [Ok("hello"), Err(io::Error::other("cut"))].into();
        Self { frames, length, ends: false, _gone: None }
    }
}

impl Body for Script {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match self.frames.pop_front() {
            Some(frame) => Poll::Ready(Some(frame.map(|text| Frame::data(Bytes::from(text))))),
            None if self.ends => Poll::Ready(None),
            None => Poll::Pending,
        }
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.length.map_or_else(http_body::SizeHint::default, http_body::SizeHint::with_exact)
    }
}

/// A listener at work, until it is dropped or told to stop.
struct Running {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
}

impl Running {
    async fn start<F, B>(
        settings: ListenerSettings,
        handler: impl Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Response<B>> + Send + 'static,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        Self::serve(watch::channel(settings).1, move |request, _| handler(request), || {}).await
    }

    async fn serve<F, B>(
        settings: watch::Receiver<ListenerSettings>,
        handler: impl Fn(Request<Incoming>, Peer) -> F + Clone + Send + Sync + 'static,
        over: impl FnOnce() + Send + 'static,
    ) -> Self
    where
        F: Future<Output = Response<B>> + Send + 'static,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let listener = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async { drop(stopped.await) };
        let stopping = Stopping { asked: stopped, over };
        let serving = tokio::spawn(serve(listener, settings, handler, stopping));
        Self { address, stop: Some(stop), serving }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn connect_at_all(&self) -> bool {
        TcpStream::connect(self.address).await.is_ok()
    }

    async fn stop(mut self) {
        drop(self.stop.take());
        timeout(SOON, self.serving).await.unwrap().unwrap();
    }
}

async fn echo(request: Request<Incoming>) -> Response<Full<Bytes>> {
    let body = request.into_body().collect().await.unwrap().to_bytes();
    Response::new(Full::new(body))
}

/// Everything until the other side closes.
async fn all(stream: &mut TcpStream) -> io::Result<String> {
    let mut text = String::new();
    timeout(SOON, stream.read_to_string(&mut text)).await.expect("an end in time").map(|_| text)
}

/// An answer with a length, and its body.
async fn answer(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    loop {
        let mut buffer = [0; 1024];
        let read = timeout(SOON, stream.read(&mut buffer)).await.expect("an answer").unwrap();
        assert!(read > 0, "closed: {text:?}");
        text.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if length.is_some_and(|length| body.len() >= length.parse().unwrap()) {
                return text;
            }
        }
    }
}

#[tokio::test]
async fn requests_are_answered_one_after_the_other() {
    let running = Running::start(settings(), echo).await;
    let mut stream = running.connect().await;
    for _ in 0..3 {
        stream
            .write_all(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nhi")
            .await
            .unwrap();
        assert!(answer(&mut stream).await.ends_with("\r\n\r\nhi"));
    }
    running.stop().await;
    assert_eq!(all(&mut stream).await.unwrap(), "");
}

#[tokio::test]
async fn a_cut_answer_is_visibly_cut() {
    let check = async |version: &str, length: Option<u64>, said: &str| {
        let handler = move |_| async move { Response::new(Script::cut(length)) };
        let running = Running::start(settings(), handler).await;
        let mut stream = running.connect().await;
        let request = format!("GET / {version}\r\nhost: x\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let end = all(&mut stream).await;
        match length {
            // Fewer bytes than announced.
            Some(_) => assert!(!end.unwrap().ends_with("hello, world")),
            // No last chunk.
            None if version == "HTTP/1.1" => assert!(!end.unwrap().contains("\r\n0\r\n")),
            // Nothing but a reset can tell.
            None => assert_eq!(end.unwrap_err().kind(), io::ErrorKind::ConnectionReset, "{said}"),
        }
    };
    check("HTTP/1.1", Some(12), "with a length").await;
    check("HTTP/1.1", None, "chunked").await;
    check("HTTP/1.0", None, "ended by closing").await;
}

/// The same through a real client: our own.
#[tokio::test]
async fn a_cut_answer_is_cut_for_a_client() {
    for length in [Some(12), None] {
        let handler = move |_| async move { Response::new(Script::cut(length)) };
        let running = Running::start(settings(), handler).await;
        let upstream = crate::Upstream::new(crate::UpstreamSettings::default()).unwrap();
        let uri = format!("http://{}/", running.address);
        let request = Request::get(uri).body(crate::Payload::empty()).unwrap();
        // hyper may drop the head together with the rest.
        let end = match timeout(SOON, upstream.send(request)).await.unwrap() {
            Ok(mut answer) => loop {
                let next = std::future::poll_fn(|cx| answer.body.poll_chunk(cx));
                match timeout(SOON, next).await.unwrap() {
                    Some(Ok(_)) => {}
                    end => break end.and_then(Result::err),
                }
            },
            Err(failure) => Some(failure),
        };
        let cut = ir::Failure::Cut { clean: false };
        assert!(end == Some(cut) || end == Some(ir::Failure::Reset), "{length:?}: {end:?}");
    }
}

#[tokio::test]
async fn a_caller_that_leaves_ends_the_handler_and_the_body() {
    for (streaming, reset) in [(false, false), (false, true), (true, false), (true, true)] {
        let (told, mut gone) = mpsc::unbounded_channel();
        let entered = Arc::new(Notify::new());
        let enter = Arc::clone(&entered);
        let handler = move |_| {
            let gone = Gone(told.clone());
            let enter = Arc::clone(&enter);
            async move {
                if streaming {
                    let frames = [Ok("hello")].into();
                    Response::new(Script { frames, length: None, ends: false, _gone: Some(gone) })
                } else {
                    enter.notify_one();
                    let _gone = gone;
                    std::future::pending().await
                }
            }
        };
        let running = Running::start(settings(), handler).await;
        let mut stream = running.connect().await;
        stream.write_all(GET).await.unwrap();
        if streaming {
            assert!(stream.read(&mut [0; 1024]).await.unwrap() > 0);
        } else {
            entered.notified().await;
        }
        if reset {
            socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
        }
        let left = Instant::now();
        drop(stream);
        timeout(SOON, gone.recv()).await.unwrap().unwrap();
        assert!(left.elapsed() < PROMPT, "{:?} streaming {streaming}", left.elapsed());
    }
}

#[tokio::test]
async fn silence_is_not_waited_for() {
    let hasty = ListenerSettings { head_timeout: Duration::from_millis(60), ..settings() };
    let running = Running::start(hasty.clone(), echo).await;
    for sent in [&b""[..], b"GET / HTTP/1.1\r\nho"] {
        let mut stream = running.connect().await;
        let began = Instant::now();
        stream.write_all(sent).await.unwrap();
        assert_eq!(all(&mut stream).await.unwrap(), "");
        assert!(began.elapsed() >= Duration::from_millis(55));
    }
    // An idle connection is not held to the clock of a head, a head on it is.
    let mut stream = running.connect().await;
    stream.write_all(GET).await.unwrap();
    assert!(answer(&mut stream).await.starts_with("HTTP/1.1 200"));
    assert!(timeout(hasty.head_timeout * 2, stream.read(&mut [0; 16])).await.is_err());
    stream.write_all(GET).await.unwrap();
    assert!(answer(&mut stream).await.starts_with("HTTP/1.1 200"));
    stream.write_all(b"GET").await.unwrap();
    assert_eq!(all(&mut stream).await.unwrap(), "");
}

#[tokio::test]
async fn a_drip_does_not_stretch_the_head() {
    let hasty = ListenerSettings { head_timeout: Duration::from_millis(60), ..settings() };
    let running = Running::start(hasty, echo).await;
    let (mut reading, mut writing) = running.connect().await.into_split();
    let dripping = tokio::spawn(async move {
        let mut tick = tokio::time::interval(Duration::from_millis(10));
        while writing.write_all(b"G").await.is_ok() {
            tick.tick().await;
        }
    });
    // A reset, where a drop came after the end.
    drop(timeout(SOON, reading.read_to_end(&mut Vec::new())).await.expect("an end in time"));
    timeout(SOON, dripping).await.unwrap().unwrap();
}

#[tokio::test]
async fn an_idle_connection_is_closed_in_its_time() {
    let idle_timeout = Duration::from_millis(60);
    let running = Running::start(ListenerSettings { idle_timeout, ..settings() }, echo).await;
    let mut stream = running.connect().await;
    stream.write_all(GET).await.unwrap();
    answer(&mut stream).await;
    let began = Instant::now();
    assert_eq!(all(&mut stream).await.unwrap(), "");
    assert!(began.elapsed() >= Duration::from_millis(50));
}

#[tokio::test]
async fn a_slow_handler_and_a_slow_stream_have_no_clock() {
    let short = Duration::from_millis(20);
    let hasty = ListenerSettings { head_timeout: short, idle_timeout: short, ..settings() };
    let release = Arc::new(Notify::new());
    let gate = Arc::clone(&release);
    let handler = move |_| {
        let gate = Arc::clone(&gate);
        async move {
            gate.notified().await;
            Response::new(Full::new(Bytes::from("late")))
        }
    };
    let running = Running::start(hasty, handler).await;
    let mut stream = running.connect().await;
    stream.write_all(GET).await.unwrap();
    assert!(timeout(short * 5, stream.read(&mut [0; 16])).await.is_err());
    release.notify_one();
    assert!(answer(&mut stream).await.ends_with("late"));
}

#[tokio::test]
async fn heads_are_limited() {
    let running = Running::start(settings(), echo).await;
    let check = async |head: String, expect: &str| {
        let mut stream = running.connect().await;
        // The answer comes before the end of it.
        stream.write_all(head.as_bytes()).await.ok();
        let mut buffer = [0; 1024];
        let read = timeout(SOON, stream.read(&mut buffer)).await.unwrap().unwrap();
        let text = std::str::from_utf8(&buffer[..read]).unwrap();
        assert!(text.starts_with(expect), "{text}");
    };
    let wide = |size| format!("GET / HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "x".repeat(size));
    let long = |lines| format!("GET / HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(lines));
    check(wide(32 * 1024), "HTTP/1.1 200").await;
    check(wide(80 * 1024), "HTTP/1.1 431").await;
    check(long(100), "HTTP/1.1 200").await;
    check(long(101), "HTTP/1.1 431").await;
    check("nonsense\r\n\r\n".to_owned(), "HTTP/1.1 400").await;
}

#[tokio::test]
async fn connections_beyond_the_cap_wait() {
    let settings = ListenerSettings { connections_max: 1, ..settings() };
    let connections = settings.connections.clone();
    let running = Running::start(settings, echo).await;
    let mut first = running.connect().await;
    first.write_all(GET).await.unwrap();
    answer(&mut first).await;
    assert_eq!(connections.open(), 1);
    let mut second = running.connect().await;
    second.write_all(GET).await.unwrap();
    assert!(timeout(Duration::from_millis(50), second.read(&mut [0; 16])).await.is_err());
    drop(first);
    assert!(answer(&mut second).await.starts_with("HTTP/1.1 200"));
    assert_eq!(connections.open(), 1);
    running.stop().await;
    assert_eq!(connections.open(), 0);
}

#[tokio::test]
async fn stopping_waits_for_what_is_at_hand() {
    let release = Arc::new(Notify::new());
    let entered = Arc::new(Notify::new());
    let (gate, enter) = (Arc::clone(&release), Arc::clone(&entered));
    let handler = move |_| {
        let (gate, enter) = (Arc::clone(&gate), Arc::clone(&enter));
        async move {
            enter.notify_one();
            gate.notified().await;
            Response::new(Full::new(Bytes::from("done")))
        }
    };
    let settings = ListenerSettings { grace: SOON, ..settings() };
    let mut running = Running::start(settings, handler).await;
    let mut silent = running.connect().await;
    let mut late = running.connect().await;
    let mut busy = running.connect().await;
    busy.write_all(GET).await.unwrap();
    entered.notified().await;
    drop(running.stop.take());
    // Nobody new is let in.
    timeout(SOON, async { while running.connect_at_all().await {} }).await.unwrap();
    release.notify_one();
    let text = all(&mut busy).await.unwrap();
    assert!(text.contains("connection: close") && text.ends_with("done"), "{text}");
    // Whoever was let in and has not spoken may ask once; one that says nothing is closed soon.
    late.write_all(GET).await.unwrap();
    entered.notified().await;
    release.notify_one();
    let text = all(&mut late).await.unwrap();
    assert!(text.contains("connection: close") && text.ends_with("done"), "{text}");
    assert_eq!(all(&mut silent).await.unwrap(), "");
    running.stop().await;
}

#[tokio::test]
async fn who_was_accepted_before_is_answered() {
    let settings = ListenerSettings { grace: SOON, ..settings() };
    let mut running = Running::start(settings, echo).await;
    let mut early = running.connect().await;
    let mut part = running.connect().await;
    part.write_all(b"GET / HTT").await.unwrap();
    // Accepted after them, so that they are accepted.
    let mut later = running.connect().await;
    later.write_all(GET).await.unwrap();
    assert!(answer(&mut later).await.starts_with("HTTP/1.1 200"));
    drop(running.stop.take());
    while TcpStream::connect(running.address).await.is_ok() {}
    early.write_all(GET).await.unwrap();
    part.write_all(b"P/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    for stream in [&mut early, &mut part] {
        let text = all(stream).await.unwrap();
        assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    }
    running.stop().await;
}

#[tokio::test]
async fn stopping_does_not_wait_for_ever() {
    let (told, mut gone) = mpsc::unbounded_channel();
    let entered = Arc::new(Notify::new());
    let enter = Arc::clone(&entered);
    let handler = move |_| {
        let gone = Gone(told.clone());
        enter.notify_one();
        async move {
            let _gone = gone;
            std::future::pending::<Response<Full<Bytes>>>().await
        }
    };
    let running = Running::start(settings(), handler).await;
    let mut stream = running.connect().await;
    stream.write_all(GET).await.unwrap();
    entered.notified().await;
    running.stop().await;
    // Returned means that nothing is left.
    assert_eq!(gone.try_recv(), Ok(()));
    assert_eq!(all(&mut stream).await.unwrap_or_default(), "");
}

#[tokio::test]
async fn an_address_in_use_is_explained() {
    let first = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = first.local_addr().unwrap();
    let error = bind(address).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    assert!(error.to_string().starts_with(&format!("{address} is in use")), "{error}");
    let error = bind("192.0.2.1:1".parse().unwrap()).await.unwrap_err();
    assert!(error.to_string().contains("not an address of this machine"), "{error}");
}

#[test]
fn accept_errors_pause_longer_and_longer() {
    // EMFILE
    let full = io::Error::from_raw_os_error(24);
    let mut pause = None;
    let mut pauses = Vec::new();
    for _ in 0..10 {
        pause = pause_after(&full, pause);
        pauses.push(pause.unwrap());
    }
    assert_eq!((pauses[0], pauses[9]), (PAUSE_MIN, PAUSE_MAX));
    assert!(pauses.is_sorted());
    let aborted = io::Error::from(io::ErrorKind::ConnectionAborted);
    assert_eq!(pause_after(&aborted, pause), None);
}

/// The face that others write against.
#[test]
fn the_handler_may_be_any_future() {
    fn assert_send<T: Send>(_: &T) {}
    let handler = |_: Request<Incoming>, peer: Peer| async move {
        Response::new(
            Full::new(Bytes::from(peer.addr.to_string()))
                .map_err(|never: Infallible| match never {}),
        )
    };
    let run = async move {
        let listener = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let stopping = Stopping { asked: std::future::ready(()), over: || {} };
        serve(listener, watch::channel(settings()).1, handler, stopping).await;
    };
    assert_send(&run);
}
