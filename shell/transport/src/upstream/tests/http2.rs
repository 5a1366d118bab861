//! HTTP/2: what a peer refuses, what it cuts, and how streams share connections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use h2::server::{Connection, SendResponse};
use h2::{Reason, RecvStream};
use http::{Request, Response};
use ir::Failure;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;

use super::tls::Authority;
use super::{SOON, next, read, send, trusting, upstream, whole};
use crate::{Roots, Upstream};

const URI: &str = "https://localhost/v1/messages";

type Open = Connection<TlsStream<TcpStream>, Bytes>;
type Asked = (Request<RecvStream>, SendResponse<Bytes>);

/// A peer that speaks HTTP/2 and hands every connection to `handle`, with its number.
async fn peer<F>(
    streams_max: u32,
    handle: impl Fn(usize, Open) -> F + Send + 'static,
) -> (SocketAddr, Vec<u8>, Arc<AtomicUsize>)
where
    F: Future<Output = ()> + Send + 'static,
{
    let authority = Authority::new("localhost", &["h2", "http/1.1"], |_| {});
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let stream = authority.acceptor.accept(stream).await.unwrap();
            let mut builder = h2::server::Builder::new();
            builder.max_concurrent_streams(streams_max);
            let open = builder.handshake(stream).await.unwrap();
            tokio::spawn(handle(counted.fetch_add(1, Ordering::SeqCst), open));
        }
    });
    (address, authority.root, count)
}

/// A peer whose every request is met with `meet`.
async fn meeting<F>(meet: impl Fn(Asked) -> F + Copy + Send + 'static) -> Upstream
where
    F: Future<Output = ()> + Send + 'static,
{
    let handle = move |_, mut open: Open| async move {
        while let Some(Ok(asked)) = open.accept().await {
            tokio::spawn(meet(asked));
        }
    };
    let (address, root, _) = peer(100, handle).await;
    trusting(address, &root)
}

fn ok((_, mut respond): Asked) {
    let mut body = respond.send_response(Response::new(()), false).unwrap();
    body.send_data(Bytes::from("ok"), true).unwrap();
}

#[tokio::test]
async fn streams_share_a_connection() {
    let upstream = meeting(async |asked: Asked| {
        let (parts, mut body) = asked.0.into_parts();
        assert_eq!(parts.uri.to_string(), URI);
        assert!(!parts.headers.contains_key("host"));
        assert_eq!(parts.headers["content-length"], "3");
        let mut text = Vec::new();
        while let Some(chunk) = body.data().await {
            text.extend_from_slice(&chunk.unwrap());
        }
        assert_eq!(text, b"hi!");
        ok((Request::from_parts(parts, body), asked.1));
    })
    .await;
    assert_eq!(whole(&upstream, URI).await, Ok(("ok".to_owned(), false)));
    assert_eq!(whole(&upstream, URI).await, Ok(("ok".to_owned(), true)));
}

#[tokio::test]
async fn a_stream_that_is_refused_was_not_processed() {
    let upstream =
        meeting(async |(_, mut respond): Asked| respond.send_reset(Reason::REFUSED_STREAM)).await;
    assert_eq!(send(&upstream, URI).await.unwrap_err(), Failure::Unprocessed);
    // The connection lives, and the refusal is the same on a reused one.
    assert_eq!(send(&upstream, URI).await.unwrap_err(), Failure::Unprocessed);
}

#[tokio::test]
async fn a_stream_that_is_reset_before_its_head_may_have_been_processed() {
    let upstream =
        meeting(async |(_, mut respond): Asked| respond.send_reset(Reason::INTERNAL_ERROR)).await;
    assert_eq!(send(&upstream, URI).await.unwrap_err(), Failure::Reset);
    assert_eq!(send(&upstream, URI).await.unwrap_err(), Failure::Reset);
}

#[tokio::test]
async fn a_stream_that_is_reset_after_its_head_is_cut() {
    for reason in [Reason::INTERNAL_ERROR, Reason::CANCEL, Reason::REFUSED_STREAM] {
        let seen = Arc::new(Notify::new());
        let gate = Arc::clone(&seen);
        let handle = move |_, mut open: Open| {
            let gate = Arc::clone(&gate);
            async move {
                while let Some(Ok((_, mut respond))) = open.accept().await {
                    let mut body = respond.send_response(Response::new(()), false).unwrap();
                    body.send_data(Bytes::from("he"), false).unwrap();
                    let gate = Arc::clone(&gate);
                    // A reset throws away what is queued, so it waits until that was read.
                    tokio::spawn(async move {
                        gate.notified().await;
                        body.send_reset(reason);
                    });
                }
            }
        };
        let (address, root, _) = peer(100, handle).await;
        let upstream = trusting(address, &root);
        let mut answer = send(&upstream, URI).await.unwrap();
        assert_eq!(next(&mut answer.body).await, Some(Ok(Bytes::from("he"))));
        seen.notify_one();
        let cut = Err(Failure::Cut { clean: false });
        assert_eq!(read(&mut answer.body).await, (String::new(), cut));
    }
}

/// Frame types of RFC 9113 §6.
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;

async fn write(stream: &mut TlsStream<TcpStream>, kind: u8, flags: u8, id: u8, payload: &[u8]) {
    let length = u8::try_from(payload.len()).unwrap();
    let head = [0, 0, length, kind, flags, 0, 0, 0, id];
    stream.write_all(&[&head, payload].concat()).await.unwrap();
    stream.flush().await.unwrap();
}

/// Reads frames until the headers of stream `id`.
async fn headers_of(stream: &mut TlsStream<TcpStream>, id: u8) {
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.unwrap();
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        stream.read_exact(&mut payload).await.unwrap();
        if head[3] == HEADERS && head[8] == id {
            return;
        }
    }
}

/// Written frame by frame, because h2's server cannot name a last stream that it did not process.
#[tokio::test]
async fn a_goaway_tells_which_streams_were_not_processed() {
    for answers in [true, false] {
        let authority = Authority::new("localhost", &["h2"], |_| {});
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let upstream = trusting(listener.local_addr().unwrap(), &authority.root);
        let first = tokio::spawn({
            let upstream = upstream.clone();
            async move { send(&upstream, URI).await.map(|answer| answer.status) }
        });
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = authority.acceptor.accept(stream).await.unwrap();
        stream.read_exact(&mut [0; 24]).await.unwrap();
        write(&mut stream, SETTINGS, 0, 0, &[]).await;
        headers_of(&mut stream, 1).await;
        let second = tokio::spawn({
            let upstream = upstream.clone();
            async move { send(&upstream, URI).await.map(|answer| answer.status) }
        });
        headers_of(&mut stream, 3).await;
        // The last stream is 1, the reason NO_ERROR.
        write(&mut stream, GOAWAY, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 0]).await;
        assert_eq!(second.await.unwrap(), Err(Failure::Unprocessed));
        if answers {
            // END_STREAM and END_HEADERS; `:status: 200` by its index.
            write(&mut stream, HEADERS, 5, 1, &[0x88]).await;
            assert_eq!(first.await.unwrap(), Ok(200));
        } else {
            drop(stream);
            assert_eq!(first.await.unwrap(), Err(Failure::Reset));
        }
        let third = tokio::spawn(async move { send(&upstream, URI).await });
        timeout(SOON, listener.accept()).await.expect("a new connection").unwrap();
        third.abort();
    }
}

#[tokio::test]
async fn a_connection_that_dies_is_stale_or_reset() {
    let handle = |_, mut open: Open| async move {
        let asked = open.accept().await.unwrap().unwrap();
        ok(asked);
        // The second request is read, and then the connection is gone.
        let _asked = open.accept().await;
    };
    let (address, root, count) = peer(100, handle).await;
    let upstream = trusting(address, &root);
    assert_eq!(whole(&upstream, URI).await, Ok(("ok".to_owned(), false)));
    assert_eq!(send(&upstream, URI).await.unwrap_err(), Failure::Stale);
    assert_eq!(whole(&upstream, URI).await, Ok(("ok".to_owned(), false)));
    assert_eq!(count.load(Ordering::SeqCst), 2);

    let handle = |_, mut open: Open| async move { drop(open.accept().await) };
    let (address, root, _) = peer(100, handle).await;
    assert_eq!(send(&trusting(address, &root), URI).await.unwrap_err(), Failure::Reset);
}

#[tokio::test]
async fn a_full_connection_gets_a_sibling() {
    let handle = |_, mut open: Open| async move {
        let mut held = Vec::new();
        while let Some(Ok((_, mut respond))) = open.accept().await {
            let mut body = respond.send_response(Response::new(()), false).unwrap();
            body.send_data(Bytes::from("ok"), false).unwrap();
            held.push(body);
        }
    };
    let (address, root, count) = peer(2, handle).await;
    let upstream = trusting(address, &root);
    let mut answers = Vec::new();
    for _ in 0..5 {
        let mut answer = send(&upstream, URI).await.unwrap();
        assert_eq!(next(&mut answer.body).await, Some(Ok(Bytes::from("ok"))));
        answers.push(answer);
    }
    assert_eq!(count.load(Ordering::SeqCst), 3);
    // A dropped answer gives its place back.
    answers.truncate(4);
    drop(answers.pop());
    assert!(send(&upstream, URI).await.unwrap().reused);
    assert_eq!(count.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn dropping_resets_the_stream() {
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let handle = move |_, mut open: Open| {
        let told = told.clone();
        async move {
            while let Some(Ok((_, mut respond))) = open.accept().await {
                let told = told.clone();
                told.send(None).unwrap();
                tokio::spawn(async move {
                    let reset = std::future::poll_fn(|cx| respond.poll_reset(cx)).await;
                    told.send(Some(reset.unwrap())).unwrap();
                });
            }
        }
    };
    let (address, root, _) = peer(100, handle).await;
    let upstream = trusting(address, &root);
    // It outlives the request, or the whole connection would close, and sometimes before the reset.
    let asked = upstream.clone();
    let waiting = tokio::spawn(async move { send(&asked, URI).await });
    assert_eq!(timeout(SOON, heard.recv()).await.unwrap(), Some(None));
    waiting.abort();
    assert_eq!(timeout(SOON, heard.recv()).await.unwrap(), Some(Some(Reason::CANCEL)));
    drop(upstream);
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let (told, mut closed) = tokio::sync::mpsc::unbounded_channel();
    let handle = move |_, open: Open| {
        let told = told.clone();
        async move {
            let mut open = open;
            while let Some(Ok(asked)) = open.accept().await {
                ok(asked);
            }
            told.send(()).unwrap();
        }
    };
    let (address, root, _) = peer(100, handle).await;
    let upstream = upstream(Ok(vec![address]), |settings| {
        settings.idle_timeout = Duration::from_millis(30);
        settings.roots = Roots::native().with_der(root);
    });
    assert_eq!(whole(&upstream, URI).await, Ok(("ok".to_owned(), false)));
    assert_eq!(timeout(SOON, closed.recv()).await.unwrap(), Some(()));
}
