//! Bodies of answers in every split: what is read, what is left, and what is a fault.

use bytes::BytesMut;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::{Framing, SIZE_LINE_MAX, TRAILERS_MAX};

fn headers(head: &str) -> HeaderMap {
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    let pair = |(name, value): (&str, &str)| {
        (name.parse::<HeaderName>().unwrap(), value.parse::<HeaderValue>().unwrap())
    };
    lines.map(pair).collect()
}

/// What is made of an answer that comes in these pieces, after which the connection closes: the text,
/// what is left over, and the fault.
fn read<'a>(
    head: &str,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<u8>, Vec<u8>, Result<(), &'static str>) {
    let mut framing = Framing::of(200, &headers(head)).unwrap();
    let (mut input, mut text) = (BytesMut::new(), Vec::new());
    for piece in pieces {
        input.extend_from_slice(piece);
        loop {
            match framing.next(&mut input) {
                Ok(Some(data)) => {
                    assert!(!data.is_empty());
                    text.extend_from_slice(&data);
                }
                Ok(None) => break,
                Err(why) => return (text, Vec::new(), Err(why)),
            }
        }
    }
    let end = if framing.close() { Ok(()) } else { Err("cut") };
    (text, input.to_vec(), end)
}

/// The same however it is split.
fn check(head: &str, body: &[u8], text: &str, rest: &str, end: Result<(), &'static str>) {
    let expect = (text.as_bytes().to_vec(), rest.as_bytes().to_vec(), end);
    let shown = String::from_utf8_lossy(body);
    assert_eq!(read(head, [body]), expect, "{head} {shown:?}");
    assert_eq!(read(head, body.chunks(1)), expect, "{head} {shown:?} byte by byte");
    for at in 0..body.len() {
        let (one, other) = body.split_at(at);
        assert_eq!(read(head, [one, other]), expect, "{head} {shown:?} at {at}");
    }
}

const CHUNKED: &str = "transfer-encoding: chunked";

#[test]
fn lengths() {
    check("content-length: 5", b"hello", "hello", "", Ok(()));
    check("content-length: 5, 5", b"hello", "hello", "", Ok(()));
    check("content-length: 5\ncontent-length: 5", b"hello", "hello", "", Ok(()));
    check("content-length: 5", b"hello you", "hello", " you", Ok(()));
    check("content-length: 5", b"hell", "hell", "", Err("cut"));
    check("content-length: 0", b"x", "", "x", Ok(()));
    check("content-length: 18446744073709551615", b"hello", "hello", "", Err("cut"));
    check("x: y", b"hello", "hello", "", Ok(()));
}

#[test]
fn chunks() {
    let check = |body: &str, text, rest, end| check(CHUNKED, body.as_bytes(), text, rest, end);
    check("5\r\nhello\r\n0\r\n\r\n", "hello", "", Ok(()));
    check("05\r\nhello\r\n000\r\n\r\nHTTP", "hello", "HTTP", Ok(()));
    check("5;x=\"y\"\r\nhello\r\n0;z\r\n\r\n", "hello", "", Ok(()));
    check("5 \r\nhello\r\n1\r\n!\r\n0\r\nx: y\r\nz: 1\r\n\r\n", "hello!", "", Ok(()));
    check("A\r\n0123456789\r\na\r\n9876543210\r\n0\r\n\r\n", "01234567899876543210", "", Ok(()));
    // Nothing but its own end ends it.
    check("", "", "", Err("cut"));
    check("5\r\nhello\r\n", "hello", "", Err("cut"));
    check("5\r\nhel", "hel", "", Err("cut"));
    check("5\r\nhello\r\n0", "hello", "0", Err("cut"));
    check("5\r\nhello\r\n0\r\n", "hello", "", Err("cut"));
    check("5\r\nhello\r\n0\r\nx: y\r\n", "hello", "", Err("cut"));
    check("5\r\nhello\r\n0\r\n \r\n", "hello", "", Err("cut"));
    check("ffffffffffffffff\r\nhello", "hello", "", Err("cut"));
    // What stands before a fault is handed out.
    for odd in [
        "x\r\n",
        "\r\n",
        " 0\r\n\r\n",
        "-1\r\n",
        "0x1\r\na",
        "5 5\r\n",
        "5\rhello",
        "1f\n",
        "5;x\ny\r\n",
    ] {
        let body = format!("5\r\nhello\r\n{odd}");
        check(&body, "hello", "", Err("a chunk whose size is not one"));
    }
    let odd = Err("a chunk whose size is not one");
    check("11111111111111111\r\nhello", "", "", odd);
    let odd = Err("a chunk that does not end where it said");
    check("5\r\nhello!\r\n0\r\n\r\n", "hello", "", odd);
    check("5\r\nhello\n0\r\n\r\n", "hello", "", odd);
}

#[test]
fn limits() {
    let long = format!("5;{}\r\nhello", "x".repeat(SIZE_LINE_MAX));
    let (text, _, end) = read(CHUNKED, long.as_bytes().chunks(1000));
    assert_eq!((text.len(), end), (0, Err("a chunk whose size is not one")));
    let trailers = format!("0\r\n{}", "x: y\r\n".repeat(TRAILERS_MAX / 6 + 1));
    let (_, _, end) = read(CHUNKED, trailers.as_bytes().chunks(1000));
    assert_eq!(end, Err("more trailers than a head may have"));
    let one = format!("0\r\n{}", "x".repeat(TRAILERS_MAX + 1));
    assert_eq!(read(CHUNKED, [one.as_bytes()]).2, end);
}

#[test]
fn heads() {
    let check = |status, head: &str, expect: &str| {
        let framing = Framing::of(status, &headers(head));
        assert_eq!(framing.map_or_else(str::to_owned, |it| format!("{it:?}")), expect, "{head}");
    };
    check(200, "", "Close");
    check(204, "", "Done");
    check(304, "content-length: 5", "Done");
    check(200, "content-length: 0", "Done");
    check(200, "content-length: 5", "Length(5)");
    check(200, "transfer-encoding: Chunked", "Chunked(Size)");
    check(200, "transfer-encoding: chunked\ncontent-length: 5", "Chunked(Size)");
    check(200, "content-length: 5, 6", "an answer of two lengths");
    check(200, "content-length: 5\ncontent-length: 6", "an answer of two lengths");
    for odd in ["+5", "-5", "5 5", "", ",5", "0x5", "18446744073709551616"] {
        check(200, &format!("content-length: {odd}"), "an answer of odd length");
    }
    let odd = "an answer in a transfer coding that nobody asked for";
    check(200, "transfer-encoding: gzip, chunked", odd);
    check(200, "transfer-encoding: identity", odd);
    let two = "transfer-encoding: chunked\ntransfer-encoding: chunked";
    check(200, two, "an answer with two transfer codings");
}
