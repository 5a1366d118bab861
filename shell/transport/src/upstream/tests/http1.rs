//! The reuse of HTTP/1.1 connections, and that dropping is closing.

use std::future::poll_fn;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use ir::Failure;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::peer::{Step, peer};
use super::{SOON, next, plain, post, read, send, upstream, whole};
use crate::Payload;

const URI: &str = "http://localhost/v1/messages?beta=true";
const OK: Step = Step::Say("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");

#[tokio::test]
async fn a_request_arrives_as_it_was_meant() {
    let (address, seen) = peer(vec![vec![Step::Read, OK]]).await;
    let request = Request::post(URI)
        .header("x-api-key", "k")
        .body(Payload::from(["{\"model\":\"", "m", "\"}"].map(Bytes::from)))
        .unwrap();
    let answer = plain(address).send(request).await.unwrap();
    assert_eq!((answer.status, answer.headers["content-length"].as_bytes()), (200, &b"2"[..]));
    drop(answer);
    let expect = "POST /v1/messages?beta=true HTTP/1.1\r\nx-api-key: k\r\nhost: localhost\r\n\
                  content-length: 13\r\n\r\n{\"model\":\"m\"}";
    assert_eq!(seen.await.unwrap(), [expect]);
}

#[tokio::test]
async fn a_connection_is_reused_and_a_redirect_is_an_answer() {
    let moved = Step::Say("HTTP/1.1 307 No\r\nlocation: http://x/\r\ncontent-length: 0\r\n\r\n");
    let chunked =
        Step::Say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n");
    let script = vec![Step::Read, OK, Step::Read, chunked, Step::Read, moved, Step::Read, OK];
    let (address, seen) = peer(vec![script]).await;
    let upstream = plain(address);
    assert_eq!(whole(&upstream, URI).await, Ok(("ok".to_owned(), false)));
    assert_eq!(whole(&upstream, URI).await, Ok(("ok".to_owned(), true)));
    let answer = send(&upstream, URI).await.unwrap();
    assert_eq!((answer.status, answer.reused), (307, true));
    assert_eq!(whole(&upstream, URI).await, Ok(("ok".to_owned(), true)));
    assert_eq!(seen.await.unwrap().len(), 4);
}

#[tokio::test]
async fn a_reader_that_stops_at_the_last_event_keeps_the_connection() {
    let say =
        Step::Say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n6\r\n[DONE]\r\n0\r\n\r\n");
    let (address, _) = peer(vec![vec![Step::Read, say, Step::Read, OK]]).await;
    let upstream = plain(address);
    let mut answer = send(&upstream, URI).await.unwrap();
    assert_eq!(next(&mut answer.body).await, Some(Ok(Bytes::from("[DONE]"))));
    drop(answer);
    assert_eq!(whole(&upstream, URI).await, Ok(("ok".to_owned(), true)));
}

#[tokio::test]
async fn a_connection_that_ends_is_not_reused() {
    for head in ["HTTP/1.0 200 OK\r\n", "HTTP/1.1 200 OK\r\nconnection: close\r\n"] {
        let say = Step::SayBytes(format!("{head}content-length: 2\r\n\r\nok").into_bytes());
        let once = vec![Step::Read, say, Step::Hang];
        let (address, seen) = peer(vec![once.clone(), once]).await;
        let upstream = plain(address);
        assert_eq!(whole(&upstream, URI).await, Ok(("ok".to_owned(), false)));
        assert_eq!(whole(&upstream, URI).await, Ok(("ok".to_owned(), false)));
        assert_eq!(seen.await.unwrap().len(), 2);
    }
}

#[tokio::test]
async fn a_pooled_connection_that_the_peer_closed_is_replaced_unseen() {
    let late = Step::Say("HTTP/1.1 408 Request Timeout\r\nconnection: close\r\n\r\n");
    for end in [vec![], vec![Step::Reset], vec![late]] {
        let first = [vec![Step::Read, OK], end].concat();
        let (address, _) = peer(vec![first, vec![Step::Read, OK]]).await;
        let upstream = plain(address);
        assert_eq!(whole(&upstream, URI).await, Ok(("ok".to_owned(), false)));
        // The end has to arrive first: the next connection would be refused otherwise.
        tokio::time::timeout(SOON, async {
            while upstream.shared.pool.sweep() {
                tokio::task::yield_now().await;
            }
        })
        .await
        .unwrap();
        assert_eq!(whole(&upstream, URI).await, Ok(("ok".to_owned(), false)));
    }
}

#[tokio::test]
async fn a_reused_connection_that_dies_silently_is_stale_and_takes_its_siblings_along() {
    for end in [vec![], vec![Step::Reset]] {
        let dying = [vec![Step::Read, OK, Step::Read], end].concat();
        let sibling = vec![Step::Read, OK, Step::Hang];
        let (address, seen) = peer(vec![sibling, dying, vec![Step::Read, OK]]).await;
        let upstream = plain(address);
        let mut first = send(&upstream, URI).await.unwrap();
        let mut second = send(&upstream, URI).await.unwrap();
        assert_eq!(read(&mut first.body).await.1, Ok(()));
        assert_eq!(read(&mut second.body).await.1, Ok(()));
        assert_eq!(send(&upstream, URI).await.unwrap_err(), Failure::Stale);
        assert_eq!(whole(&upstream, URI).await, Ok(("ok".to_owned(), false)));
        assert_eq!(seen.await.unwrap().len(), 4);
    }
}

#[tokio::test]
async fn a_reused_connection_that_dies_within_a_head_is_not_stale() {
    let script = vec![Step::Read, OK, Step::Read, Step::Say("HTTP/1.1 200 OK\r\nconte")];
    let (address, _) = peer(vec![script]).await;
    let upstream = plain(address);
    assert_eq!(whole(&upstream, URI).await, Ok(("ok".to_owned(), false)));
    assert_eq!(send(&upstream, URI).await.unwrap_err(), Failure::Reset);
}

#[tokio::test]
async fn a_goodbye_that_crosses_a_request_is_no_answer() {
    let late = Step::Say("HTTP/1.1 408 Late\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    let script = vec![Step::Read, OK, Step::Read, late.clone()];
    let (address, _) = peer(vec![script, vec![Step::Read, late]]).await;
    let upstream = plain(address);
    assert_eq!(whole(&upstream, URI).await, Ok(("ok".to_owned(), false)));
    assert_eq!(send(&upstream, URI).await.unwrap_err(), Failure::Stale);
    // On a connection that nobody used before, it is one.
    assert_eq!(send(&upstream, URI).await.unwrap().status, 408);
}

#[tokio::test]
async fn idle_connections_are_few_and_not_old() {
    let script = vec![Step::Read, OK, Step::Hang];
    let (address, seen) = peer(vec![script.clone(), script.clone(), script]).await;
    let upstream = upstream(Ok(vec![address]), |settings| {
        settings.idle_per_host = 1;
        settings.idle_timeout = Duration::from_millis(30);
    });
    let mut answers = Vec::new();
    for _ in 0..3 {
        answers.push(send(&upstream, URI).await.unwrap());
    }
    for answer in &mut answers {
        assert_eq!(read(&mut answer.body).await.1, Ok(()));
    }
    // `Hang` ends when the connection is closed: two at once, the third by the sweeper.
    assert_eq!(tokio::time::timeout(SOON, seen).await.unwrap().unwrap().len(), 3);
}

#[tokio::test]
async fn dropping_closes() {
    let open = Step::Say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n");
    // While the body streams.
    let (address, seen) = peer(vec![vec![Step::Read, open, Step::Hang]]).await;
    let mut answer = send(&plain(address), URI).await.unwrap();
    assert_eq!(next(&mut answer.body).await, Some(Ok(Bytes::from("ok"))));
    drop(answer);
    tokio::time::timeout(SOON, seen).await.unwrap().unwrap();
    // While the answer is waited for.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstream = plain(listener.local_addr().unwrap());
    let sending = tokio::spawn(upstream.send(post(URI, "hi")));
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut buffer = [0; 4096];
    assert!(stream.read(&mut buffer).await.unwrap() > 0);
    sending.abort();
    let closed = async { while stream.read(&mut buffer).await.unwrap() > 0 {} };
    tokio::time::timeout(SOON, closed).await.unwrap();
}

#[tokio::test]
async fn an_early_answer_is_heard_while_the_request_is_written() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstream = plain(listener.local_addr().unwrap());
    let body = Payload::from(Bytes::from(vec![b'x'; 32 << 20]));
    let sending = tokio::spawn(upstream.send(Request::post(URI).body(body).unwrap()));
    let (mut stream, _) = listener.accept().await.unwrap();
    stream.write_all(b"HTTP/1.1 413 No\r\ncontent-length: 2\r\n\r\nno").await.unwrap();
    let mut answer = tokio::time::timeout(SOON, sending).await.unwrap().unwrap().unwrap();
    assert_eq!(answer.status, 413);
    assert_eq!(read(&mut answer.body).await, ("no".to_owned(), Ok(())));
}

/// A wake-up lost between the two halves of a connection would stop one of these for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_wake_up_is_lost() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstream = plain(listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(drip(stream));
        }
    });
    let mut asking = Vec::new();
    for _ in 0..32 {
        let upstream = upstream.clone();
        asking.push(tokio::spawn(async move {
            for _ in 0..50 {
                let (text, _) = whole(&upstream, URI).await.unwrap();
                assert_eq!(text.len(), DRIPS.iter().sum::<usize>());
            }
        }));
    }
    for asked in asking {
        asked.await.unwrap();
    }
}

/// Counts the wake-ups of a task.
struct Counting {
    wakes: AtomicUsize,
    task: Waker,
}

impl Wake for Counting {
    fn wake(self: Arc<Self>) {
        self.wakes.fetch_add(1, Ordering::SeqCst);
        self.task.wake_by_ref();
    }
}

#[tokio::test]
async fn a_chunk_costs_one_wake_up() {
    const CHUNKS: usize = 50;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstream = plain(listener.local_addr().unwrap());
    let (more, mut wanted) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0);
        let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        stream.write_all(head).await.unwrap();
        while wanted.recv().await.is_some() {
            stream.write_all(b"2\r\nok\r\n").await.unwrap();
        }
    });
    let mut answer = send(&upstream, URI).await.unwrap();
    let task = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
    let counting = Arc::new(Counting { wakes: AtomicUsize::new(0), task });
    let waker = Waker::from(Arc::clone(&counting));
    for _ in 0..CHUNKS {
        let mut asked = false;
        let next = poll_fn(|_| {
            let polled = answer.body.poll_chunk(&mut Context::from_waker(&waker));
            // Only now, so that every chunk is waited for.
            if polled.is_pending() && !mem::replace(&mut asked, true) {
                more.send(()).unwrap();
            }
            polled
        });
        assert_eq!(next.await, Some(Ok(Bytes::from("ok"))));
    }
    assert_eq!(counting.wakes.load(Ordering::SeqCst), CHUNKS);
}

/// Many small ones, and some that exhaust a task's budget of reads.
const DRIPS: [usize; 12] = [1, 2, 1, 3, 100, 1, 70_000, 1, 500_000, 5, 1, 1];

async fn drip(mut stream: tokio::net::TcpStream) {
    stream.set_nodelay(true).unwrap();
    let mut buffer = vec![0; 65536];
    while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {
        stream.write_all(b"HTTP/1.1 200 OK\r\n").await.unwrap();
        stream.write_all(b"transfer-encoding: chunked\r\n\r\n").await.unwrap();
        for size in DRIPS {
            let chunk = format!("{size:x}\r\n{}\r\n", "x".repeat(size));
            stream.write_all(chunk.as_bytes()).await.unwrap();
            tokio::task::yield_now().await;
        }
        stream.write_all(b"0\r\n\r\n").await.unwrap();
    }
}
