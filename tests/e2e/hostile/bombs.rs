//! Promise: nothing is ever unpacked. A compressed request is refused before its body is read; a
//! compressed answer, which nobody asked for, is a failure like any other, of which no more is read
//! than had come anyway.

use crate::world::{Act, Canned, Plan, Request, World, each, pair, path, plain};
use ir::Shape;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What a bomb may be said to be.
const ENCODINGS: [&str; 10] = [
    "gzip",
    "GZIP",
    "x-gzip",
    "deflate",
    "br",
    "zstd",
    "compress",
    "gzip, gzip",
    "identity, gzip",
    "gzip\r\ncontent-encoding: identity",
];

/// The beginning of 10 GiB of zeros, as gzip writes it, and a block of it to be repeated.
const BOMB: &[u8] =
    b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xec\xc1\x01\x01\x00\x00\x00\x80\x90\xfe";
/// What sockets hold beside what is read.
const UNREAD_MAX: usize = 8 << 20;
/// What a bomb would be if it were taken.
const BOMB_BYTES: usize = 64 << 20;

/// A provider that sends a bomb for as long as it is listened to.
struct Bomber {
    addr: SocketAddr,
    sent: Arc<AtomicUsize>,
    serving: JoinHandle<()>,
}

// === impl Bomber ===

impl Bomber {
    async fn start(status: u16, kind: &'static str, encoding: &'static str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let addr = listener.local_addr().expect("its port");
        let sent = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&sent);
        let serving = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                drop(stream.read(&mut vec![0; 64 * 1024]).await);
                let head = format!(
                    "HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\n\
                     content-encoding: {encoding}\r\ncontent-length: {BOMB_BYTES}\r\n\r\n"
                );
                drop(stream.write_all(head.as_bytes()).await);
                let block = BOMB.repeat(1000);
                while count.load(Ordering::Relaxed) < BOMB_BYTES
                    && stream.write_all(&block).await.is_ok()
                {
                    count.fetch_add(block.len(), Ordering::Relaxed);
                }
            }
        });
        Self { addr, sent, serving }
    }
}

impl Drop for Bomber {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

#[tokio::test]
async fn a_compressed_request_is_refused_unread() {
    each(async |dialect| {
        let world = World::pair(dialect, "").await;
        for encoding in ENCODINGS {
            // It announces a gigabyte and sends the beginning.
            let request = Request::post(path(dialect), BOMB)
                .header("content-encoding", encoding)
                .without("content-length")
                .header("content-length", "1073741824");
            let heard = world.hear(&request).await;
            assert_eq!((heard.status, heard.code().as_str()), (415, "BS0114"), "{encoding}");
        }
        let plain = Request::ask(dialect, Shape::Whole, "ok");
        let plain = plain.header("content-encoding", "Identity");
        assert_eq!(world.hear(&plain).await.status, 200);
        let twice = Request::ask(dialect, Shape::Whole, "ok").header("transfer-encoding", "gzip");
        assert_eq!(world.hear(&twice).await.status, 400);
        assert_eq!(world.calls(), [1, 0]);
        world.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_compressed_answer_is_not_read() {
    each(async |dialect| {
        for (at, encoding) in ENCODINGS.into_iter().enumerate() {
            let kind = ["application/json", "text/event-stream"][at % 2];
            let bomber = Bomber::start(200, kind, encoding).await;
            let text = pair(dialect, "");
            let text = if at % 3 == 0 { plain(&text) } else { text };
            let plan = Plan::new(text).at("a", format!("http://{}/v1", bomber.addr));
            let world = plan.clouds(&["b"]).await.start().await;
            let shape = [Shape::Whole, Shape::Stream][at / 2 % 2];
            let heard = world.ask(dialect, shape, "ok").await;
            assert_eq!(heard.status, 200, "{encoding}: {}", heard.text());
            assert_eq!(heard.header("x-backstop-target"), Some("b/ok"), "{encoding}");
            assert_eq!(heard.header("content-encoding"), None);
            let record = world.record().await;
            assert_eq!(record.attempts[0].outcome, "wrong_content", "{encoding}");
            world.stop().await;
            let sent = bomber.sent.load(Ordering::Relaxed);
            assert!(sent < UNREAD_MAX, "{encoding}: {sent} bytes were taken");
        }
    })
    .await;
}

/// An error is read for its words. What is compressed has none: it is told in ours.
#[tokio::test]
async fn a_compressed_error_is_an_error_without_words() {
    each(async |dialect| {
        for (status, expect) in [(400, 400), (401, 502), (500, 500), (429, 429)] {
            let bomber = Bomber::start(status, "application/json", "gzip").await;
            let text = crate::world::alone(dialect, "retry.per_target = 1");
            let plan = Plan::new(text).at("a", format!("http://{}/v1", bomber.addr));
            let world = plan.start().await;
            let heard = world.ask(dialect, Shape::Stream, "ok").await;
            assert_eq!(heard.status, expect, "{}", heard.text());
            assert_eq!(heard.header("content-encoding"), None);
            assert!(!heard.body.windows(4).any(|bytes| bytes == &BOMB[..4]), "{status}");
            world.stop().await;
            let sent = bomber.sent.load(Ordering::Relaxed);
            assert!(sent < UNREAD_MAX, "{status}: {sent} bytes were taken");
        }
        // Also where it says what it would say uncompressed.
        let body = br#"{"error":{"message":"plain after all","type":"invalid_request_error"}}"#;
        let head = format!(
            "HTTP/1.1 400 X\r\ncontent-type: application/json\r\ncontent-encoding: br\r\n\
             content-length: {}\r\n\r\n",
            body.len()
        );
        let canned = Canned::start(vec![Act::Send(head.into()), Act::Send(body.to_vec())]).await;
        let text = crate::world::alone(dialect, "");
        let world = Plan::new(text).at("a", canned.base_url()).start().await;
        let heard = world.ask(dialect, Shape::Whole, "ok").await;
        assert_eq!((heard.status, heard.header("content-encoding")), (400, None));
        assert!(!heard.text().contains("plain after all"), "{}", heard.text());
        world.stop().await;
    })
    .await;
}
