//! Promise: a head is limited in size, in fields and in letters. What is beyond is refused with 431 or
//! 400 and its connection closes; no more of it is read than the limit, and nobody else notices.

use crate::world::{Call, LIMIT, Request, World};
use ir::{Dialect, Shape};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// The largest head that is read, and as much again for the sockets between.
const TAKEN_MAX: usize = 2 << 20;

/// The status of the answer to these bytes, 0 without one; and whether the connection was closed.
async fn answered(world: &World, bytes: &[u8]) -> (u16, bool) {
    let mut stream = TcpStream::connect(world.addr()).await.expect("a gateway");
    // It may be closed before everything was sent.
    drop(stream.write_all(bytes).await);
    let mut answer = Vec::new();
    let read = timeout(LIMIT, stream.read_to_end(&mut answer)).await;
    let text = String::from_utf8_lossy(&answer);
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.unwrap_or(0), read.is_ok())
}

fn with(field: &[u8]) -> Vec<u8> {
    [b"GET /health HTTP/1.1\r\nhost: localhost\r\n", field, b"\r\n\r\n"].concat()
}

#[tokio::test]
async fn heads_beyond_the_limits_are_refused() {
    let world = World::single(Dialect::Chat, "").await;
    let other = Request::ask(Dialect::Chat, Shape::Stream, "ok+tokens-200+every-1ms");
    let mut other = world.send(&other).await;
    assert!(other.until("w0").await);
    let many = |count: usize| {
        let fields: Vec<String> = (0..count).map(|at| format!("x-{at}: y")).collect();
        fields.join("\r\n")
    };
    let long = |count: usize| format!("x: {}", "y".repeat(count));
    let mut cases: Vec<(Vec<u8>, &[u16])> = vec![
        (with(long(1 << 20).as_bytes()), &[431]),
        (with(long(100_000).as_bytes()), &[431]),
        (with(many(101).as_bytes()), &[431]),
        (with(many(5000).as_bytes()), &[431]),
        (with(format!("{}: y", "x".repeat(100_000)).as_bytes()), &[400, 431]),
        (format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "x".repeat(100_000)).into(), &[414, 431]),
        (format!("{} / HTTP/1.1\r\nhost: a\r\n\r\n", "X".repeat(100_000)).into(), &[400, 431]),
        (b"GET / HTTP/9.9\r\nhost: a\r\n\r\n".to_vec(), &[400, 505]),
        (b"GET /\r\n\r\n".to_vec(), &[400]),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".to_vec(), &[400]),
    ];
    for field in [
        &b"x y: z"[..],
        b": z",
        b"x\0: z",
        b"x: \0",
        b"x: a\0b",
        b"x: a\rb",
        b"x: \x01",
        b"x: \x7f",
        b"x : z",
        b"x",
        b"(x): z",
        b"\xffx: z",
        b"x\t: z",
        b"x: y\r\n folded: z",
        b"host: \0",
    ] {
        cases.push((with(field), &[400]));
    }
    for (bytes, expect) in cases {
        let (status, closed) = answered(&world, &bytes).await;
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]).into_owned();
        assert!(expect.contains(&status), "{shown:?}…: {status}, not {expect:?}");
        assert!(closed, "{shown:?}…: the connection stays open");
    }
    let heard = other.finish().await;
    assert!(heard.whole && heard.text().contains("w199"), "{}", heard.text());
    world.stop().await;
}

/// A head that does not end is read as far as its limit, in however many fields it comes.
#[tokio::test]
async fn an_endless_head_is_read_to_its_limit() {
    let world = World::single(Dialect::Chat, "").await;
    for piece in
        ["x-filler: yyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n", "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"]
    {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_send_buffer_size(16 * 1024).expect("a small buffer");
        let mut stream = socket.connect(world.addr()).await.expect("a gateway");
        let head = "GET /health HTTP/1.1\r\nhost: localhost\r\nx: ";
        stream.write_all(head.as_bytes()).await.expect("taken");
        let block = piece.repeat(256);
        let mut taken = 0;
        while taken < 64 << 20 {
            match timeout(LIMIT, stream.write(block.as_bytes())).await.expect("in time") {
                Ok(count) => taken += count,
                Err(_) => break,
            }
        }
        assert!(taken < TAKEN_MAX, "{taken} bytes of a head were taken");
    }
    let fine = Request::get("/health");
    assert_eq!(Call::send(world.addr(), &fine).await.finish().await.status, 200);
    world.stop().await;
}
