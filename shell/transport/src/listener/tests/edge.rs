//! Callers that take nothing, take too much, or speak HTTP/2.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::{
    Bytes, Frame, Full, GET, Gone, ListenerSettings, Running, SOON, all, answer, echo, settings,
    timeout,
};

/// An answer without end, as fast as it is taken, and whoever waits for its end.
fn endless(
    told: mpsc::UnboundedSender<()>,
) -> impl Fn(Request<hyper::body::Incoming>) -> std::future::Ready<Response<Endless>> + Clone {
    move |_| {
        let gone = Gone(told.clone());
        std::future::ready(Response::new(Endless { _gone: gone }))
    }
}

struct Endless {
    _gone: Gone,
}

impl http_body::Body for Endless {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _cx: &mut std::task::Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::from(vec![b'x'; 32 * 1024])))))
    }
}

#[tokio::test]
async fn a_caller_that_takes_nothing_is_given_up() {
    let (told, mut gone) = mpsc::unbounded_channel();
    let write_timeout = Duration::from_millis(100);
    let settings = ListenerSettings { write_timeout, ..settings() };
    let running = Running::start(settings, endless(told)).await;
    let mut stream = running.connect().await;
    let began = Instant::now();
    stream.write_all(GET).await.unwrap();
    timeout(SOON, gone.recv()).await.unwrap().unwrap();
    assert!(write_timeout <= began.elapsed());
    // One that takes its time, but takes, is served on.
    let mut stream = running.connect().await;
    stream.write_all(GET).await.unwrap();
    let mut taken = vec![0; 1 << 20];
    let end = Instant::now() + write_timeout * 4;
    while Instant::now() < end {
        timeout(SOON, stream.read(&mut taken)).await.unwrap().unwrap();
    }
    assert!(gone.try_recv().is_err());
}

#[tokio::test]
async fn streams_are_answered_side_by_side() {
    let running = Running::start(settings(), echo).await;
    let io = TokioIo::new(running.connect().await);
    let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    let driving = tokio::spawn(connection);
    let ask = |text: String| {
        let mut sender = sender.clone();
        async move {
            let request = Request::post("http://x/").body(Full::new(Bytes::from(text))).unwrap();
            let answer = sender.send_request(request).await.unwrap();
            answer.into_body().collect().await.unwrap().to_bytes()
        }
    };
    let large = "abcdefgh".repeat(64 * 1024);
    let (one, two) = tokio::join!(ask("one".to_owned()), ask(large.clone()));
    assert_eq!((one, two), (Bytes::from("one"), Bytes::from(large)));
    drop(sender);
    driving.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_head_has_a_length_and_no_body() {
    let handler =
        async |_: Request<hyper::body::Incoming>| Response::new(Full::new(Bytes::from("body")));
    let running = Running::start(settings(), handler).await;
    let io = TokioIo::new(running.connect().await);
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    let driving = tokio::spawn(connection);
    let request = Request::head("http://x/").body(Empty::<Bytes>::new()).unwrap();
    let answer = sender.send_request(request).await.unwrap();
    assert_eq!(answer.headers()[header::CONTENT_LENGTH], "4");
    assert!(answer.into_body().collect().await.unwrap().to_bytes().is_empty());
    drop(sender);
    driving.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_stream_names_its_host_as_a_request_of_old_does() {
    let handler = async |request: Request<hyper::body::Incoming>| {
        let hosts = request.headers().get_all(header::HOST).iter();
        let hosts: Vec<&[u8]> = hosts.map(HeaderValue::as_bytes).collect();
        Response::new(Full::new(Bytes::from(hosts.join(&b","[..]))))
    };
    let running = Running::start(settings(), handler).await;
    let io = TokioIo::new(running.connect().await);
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    let driving = tokio::spawn(connection);
    for told in [None, Some("localhost:8484")] {
        let mut request =
            Request::get("http://localhost:8484/").body(Empty::<Bytes>::new()).unwrap();
        let told = told.map(|host| (header::HOST, HeaderValue::from_static(host)));
        request.headers_mut().extend(told);
        let answer = sender.send_request(request).await.unwrap();
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "localhost:8484");
    }
    drop(sender);
    driving.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_stream_that_takes_nothing_is_reset_and_its_siblings_are_not() {
    let (told, mut gone) = mpsc::unbounded_channel();
    let write_timeout = Duration::from_millis(100);
    let settings = ListenerSettings { write_timeout, ..settings() };
    let endless = endless(told);
    let handler = move |request: Request<hyper::body::Incoming>| {
        let stalls = request.uri().path() == "/stalls";
        let answering = endless(request);
        async move {
            if stalls {
                answering.await.map(BodyExt::boxed)
            } else {
                Response::new(Empty::new().boxed())
            }
        }
    };
    let running = Running::start(settings, handler).await;
    let io = TokioIo::new(running.connect().await);
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    let driving = tokio::spawn(connection);
    let ask = |path: &str| Request::get(format!("http://x{path}")).body(Empty::<Bytes>::new());
    let stalled = sender.send_request(ask("/stalls").unwrap()).await.unwrap();
    // The first sibling's own answer is dropped at once.
    assert_eq!(sender.send_request(ask("/").unwrap()).await.unwrap().status(), StatusCode::OK);
    for _ in 0..2 {
        timeout(SOON, gone.recv()).await.unwrap().unwrap();
    }
    assert_eq!(sender.send_request(ask("/").unwrap()).await.unwrap().status(), StatusCode::OK);
    let read = stalled.into_body().collect().await;
    assert!(read.is_err(), "cut, and shown so");
    drop(sender);
    drop(driving.await);
}

#[tokio::test]
async fn an_idle_http2_connection_is_closed_in_its_time() {
    let idle_timeout = Duration::from_millis(80);
    let running = Running::start(ListenerSettings { idle_timeout, ..settings() }, echo).await;
    let io = TokioIo::new(running.connect().await);
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    let driving = tokio::spawn(connection);
    let request = Request::get("http://x/").body(Empty::<Bytes>::new()).unwrap();
    sender.send_request(request).await.unwrap().into_body().collect().await.unwrap();
    timeout(SOON, driving).await.expect("it is closed").unwrap().unwrap();
}

#[tokio::test]
async fn one_address_has_its_share_of_connections() {
    let settings = ListenerSettings { per_address_max: 2, ..settings() };
    let running = Running::start(settings, echo).await;
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = running.connect().await;
        stream.write_all(GET).await.unwrap();
        assert!(answer(&mut stream).await.starts_with("HTTP/1.1 200"));
        held.push(stream);
    }
    let mut third = running.connect().await;
    third.write_all(GET).await.ok();
    assert_eq!(all(&mut third).await.unwrap_or_default(), "");
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let mut other = socket.connect(running.address).await.unwrap();
    other.write_all(GET).await.unwrap();
    assert!(answer(&mut other).await.starts_with("HTTP/1.1 200"));
}

/// Streams that outlast the grace say that they were broken off; both kinds of HTTP.
#[tokio::test]
async fn the_last_word_is_heard() {
    let over = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&over);
    let handler = move |_, _| {
        let flag = Arc::clone(&flag);
        let mut lines = vec!["broken off", "begun "];
        let frames = Said(move || match (lines.len(), flag.load(Ordering::SeqCst)) {
            (1, false) => Poll::Pending,
            _ => Poll::Ready(lines.pop().map(Bytes::from)),
        });
        async move { Response::new(frames) }
    };
    let end = move || over.store(true, Ordering::SeqCst);
    let mut running = Running::serve(watch::channel(settings()).1, handler, end).await;
    let mut one = running.connect().await;
    one.write_all(GET).await.unwrap();
    let mut heard = [0; 4096];
    assert!(0 < one.read(&mut heard).await.unwrap());
    let io = TokioIo::new(running.connect().await);
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    let driving = tokio::spawn(connection);
    let request = Request::get("http://x/").body(Empty::<Bytes>::new()).unwrap();
    let two = sender.send_request(request).await.unwrap();
    drop(running.stop.take());
    let (one, two) = tokio::join!(all(&mut one), two.into_body().collect());
    assert!(one.unwrap().contains("broken off"));
    assert_eq!(two.unwrap().to_bytes(), "begun broken off");
    drop((sender, driving.await));
    running.stop().await;
}

/// A body of what a closure says.
struct Said<F>(F);

impl<F: FnMut() -> Poll<Option<Bytes>> + Unpin> http_body::Body for Said<F> {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _cx: &mut std::task::Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        (self.0)().map(|said| said.map(|bytes| Ok(Frame::data(bytes))))
    }
}

/// Promise: over HTTP/2, too, a head is read to its limit and no further, and costs nobody else anything.
#[tokio::test]
async fn heads_over_http2_are_limited() {
    let running = Running::start(settings(), echo).await;
    let field = |count: usize, size: usize| {
        (0..count).fold(Request::get("http://x/"), |request, at| {
            request.header(format!("x-{at}"), "y".repeat(size))
        })
    };
    for (fields, size, fits) in
        [(1, 8 * 1024, true), (1, 32 * 1024, false), (1, 1 << 20, false), (1000, 100, false)]
    {
        let io = TokioIo::new(running.connect().await);
        let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
        let driving = tokio::spawn(connection);
        let request = field(fields, size).body(Empty::<Bytes>::new()).unwrap();
        let answer = timeout(SOON, sender.send_request(request)).await.unwrap();
        let status = answer.map(|answer| answer.status());
        if fits {
            assert_eq!(status.unwrap(), StatusCode::OK);
        } else {
            // It may end the connection, where the head is far too large.
            let refused = status.is_err()
                || status.is_ok_and(|it| it == StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
            assert!(refused, "{fields} fields of {size}");
        }
        driving.abort();
    }
    let mut stream = running.connect().await;
    stream.write_all(GET).await.unwrap();
    assert!(answer(&mut stream).await.starts_with("HTTP/1.1 200"));
}
