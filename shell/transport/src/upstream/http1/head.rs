//! Heads of HTTP/1.1: a request's written, an answer's read.

use bytes::{Buf, Bytes, BytesMut};
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, Method, Request};
use httparse::Status;
use memchr::memchr;
use std::mem::MaybeUninit;

use super::framing::Framing;
use crate::Payload;

/// An answer's head may be this large, with the interim ones before it. Providers stay below 8 KiB.
const BYTES_MAX: usize = 256 * 1024;
/// And have this many lines.
const LINES_MAX: usize = 100;

const NOT_HTTP: &str = "the answer is not HTTP";
const NO_STATUS: &str = "the answer has no valid status";
const TOO_LARGE: &str = "the head of the answer is too large";

/// An answer's.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
}

/// Reads heads as they come.
#[derive(Debug, Default)]
pub(crate) struct Heads {
    /// So far there is no empty line.
    searched: usize,
    /// What was passed over.
    passed: usize,
}

/// What a head says.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) head: Head,
    pub(crate) framing: Framing,
    /// Whether the connection can carry another request.
    pub(crate) lasting: bool,
}

// === impl Heads ===

impl Heads {
    /// The next final head, taken from `input`; those of interim answers are passed over. `None`: more
    /// has to come.
    pub(crate) fn next(&mut self, input: &mut BytesMut) -> Result<Option<Read>, &'static str> {
        while let Some(length) = self.length(input)? {
            *self = Self { searched: 0, passed: self.passed + length };
            let read = read(&input.split_to(length).freeze())?;
            match read.head.status {
                // Nobody asked for another protocol.
                101 => return Err("an answer in another protocol"),
                100..=199 => {}
                _ => return Ok(Some(read)),
            }
        }
        Ok(None)
    }

    /// How long the head is, with the empty line, once that is there.
    fn length(&mut self, input: &mut BytesMut) -> Result<Option<usize>, &'static str> {
        while self.searched == 0 && input.first().is_some_and(|byte| matches!(byte, b'\r' | b'\n'))
        {
            input.advance(1);
            self.passed += 1;
        }
        // Whoever speaks something else may wait for us to go on.
        if !input.iter().zip(b"HTTP/1.").all(|(one, other)| one == other) {
            return Err(NOT_HTTP);
        }
        while let Some(line) = input.get(self.searched..).and_then(|rest| memchr(b'\n', rest)) {
            let next = self.searched + line + 1;
            let rest = input.get(next..).unwrap_or_default();
            let end = match rest {
                [b'\n', ..] => next + 1,
                [b'\r', b'\n', ..] => next + 2,
                [] | [b'\r'] => break,
                _ => {
                    self.searched = next;
                    continue;
                }
            };
            return if BYTES_MAX < self.passed + end { Err(TOO_LARGE) } else { Ok(Some(end)) };
        }
        if BYTES_MAX < self.passed + input.len() { Err(TOO_LARGE) } else { Ok(None) }
    }
}

/// Reads a head that is complete.
fn read(head: &Bytes) -> Result<Read, &'static str> {
    let mut lines = [const { MaybeUninit::uninit() }; LINES_MAX];
    let mut parsed = httparse::Response::new(&mut []);
    let config = httparse::ParserConfig::default();
    match config.parse_response_with_uninit_headers(&mut parsed, head, &mut lines) {
        Ok(Status::Complete(length)) if length == head.len() => {}
        Err(httparse::Error::TooManyHeaders) => return Err(TOO_LARGE),
        Err(httparse::Error::Status) => return Err(NO_STATUS),
        Ok(_) | Err(_) => return Err(NOT_HTTP),
    }
    let mut headers = HeaderMap::with_capacity(parsed.headers.len());
    for line in parsed.headers.iter() {
        let name = HeaderName::from_bytes(line.name.as_bytes()).map_err(|_| NOT_HTTP)?;
        let value = HeaderValue::from_maybe_shared(head.slice_ref(line.value));
        headers.append(name, value.map_err(|_| NOT_HTTP)?);
    }
    let status = parsed.code.filter(|code| 100 <= *code).ok_or(NO_STATUS)?;
    let version = parsed.version.ok_or(NOT_HTTP)?;
    let framing = Framing::of(status, &headers)?;
    // With two ways to tell its end, what stands behind that is nobody's (RFC 9112 §6.3).
    let twofold = headers.contains_key(header::TRANSFER_ENCODING)
        && (headers.contains_key(header::CONTENT_LENGTH) || version == 0);
    let kept = if version == 0 { says(&headers, "keep-alive") } else { !says(&headers, "close") };
    Ok(Read { head: Head { status, headers }, framing, lasting: kept && !twofold })
}

/// Whether `Connection` says this word.
fn says(headers: &HeaderMap, word: &str) -> bool {
    let values = headers.get_all(header::CONNECTION).into_iter();
    let mut words = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    words.any(|it| it.trim_ascii().eq_ignore_ascii_case(word.as_bytes()))
}

/// A request's head, whose address is a path. What frames a request is said by its payload alone.
pub(crate) fn write(request: &Request<Payload>) -> Bytes {
    let length = request.body().remaining();
    let framing = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING];
    let path = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let headers = request.headers();
    let room: usize = headers.iter().map(|(name, it)| name.as_str().len() + it.len() + 4).sum();
    let mut head = BytesMut::with_capacity(room + path.len() + 64);
    let mut put = |parts: &[&[u8]]| parts.iter().for_each(|part| head.extend_from_slice(part));
    put(&[request.method().as_str().as_bytes(), b" ", path.as_bytes(), b" HTTP/1.1\r\n"]);
    for (name, value) in headers.iter().filter(|(name, _)| !framing.contains(name)) {
        put(&[name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"]);
    }
    if 0 < length || *request.method() != Method::GET {
        put(&[b"content-length: ", length.to_string().as_bytes(), b"\r\n"]);
    }
    put(&[b"\r\n"]);
    head.freeze()
}

#[cfg(test)]
mod tests {
    use super::{BYTES_MAX, Heads, LINES_MAX, TOO_LARGE};
    use bytes::BytesMut;

    /// What is read of a head that comes in these pieces: its status, how its body ends, whether the
    /// connection lasts, and what is left.
    fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> String {
        let (mut heads, mut input) = (Heads::default(), BytesMut::new());
        for piece in pieces {
            input.extend_from_slice(piece);
            match heads.next(&mut input) {
                Ok(Some(read)) => {
                    let end = if read.lasting { "lasts" } else { "closes" };
                    let count = read.head.headers.len();
                    return format!("{} {:?} {end} {count}", read.head.status, read.framing);
                }
                Ok(None) => {}
                Err(why) => return why.to_owned(),
            }
        }
        "more".to_owned()
    }

    #[test]
    fn heads_are_the_same_however_they_are_split() {
        let check = |head: &str, expect: &str| {
            assert_eq!(read([head.as_bytes()]), expect, "{head:?}");
            assert_eq!(read(head.as_bytes().chunks(1)), expect, "{head:?} byte by byte");
        };
        check("HTTP/1.1 200 OK\r\n\r\n", "200 Close lasts 0");
        check("HTTP/1.1 200\r\ncontent-length: 5\r\n\r\n", "200 Length(5) lasts 1");
        check("HTTP/1.1 200 OK\ncontent-length: 5\n\nhello", "200 Length(5) lasts 1");
        check("\r\nHTTP/1.1 200 OK\r\n\r\n", "200 Close lasts 0");
        check("HTTP/1.0 200 OK\r\nx: y\r\n\r\n", "200 Close closes 1");
        check("HTTP/1.0 200 OK\r\nconnection: Keep-Alive\r\n\r\n", "200 Close lasts 1");
        check("HTTP/1.1 200 OK\r\nconnection: x, Close\r\n\r\n", "200 Close closes 1");
        let both = "transfer-encoding: chunked\r\ncontent-length: 1\r\n\r\n";
        check(&format!("HTTP/1.1 200 OK\r\n{both}"), "200 Chunked(Size) closes 2");
        let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n";
        check(&format!("{interim}HTTP/1.1 204 None\r\n\r\n"), "204 Done lasts 0");
        check("HTTP/1.1 200 OK\r\nx: y", "more");
        check("HTTP/1.1 200 OK\r\n", "more");
        check("HTTP/1.1 101 Switching\r\n\r\n", "an answer in another protocol");
        for odd in ["SSH-2.0-OpenSSH", "HTTP/2 200 OK\r\n\r\n", "<html>", "\u{15}\u{3}\u{1}"] {
            check(odd, "the answer is not HTTP");
        }
        check("HTTP/1.1 200 OK\r\nbad header\r\n\r\n", "the answer is not HTTP");
        check("HTTP/1.1 200 OK\r\nx: a\r\n b\r\n\r\n", "the answer is not HTTP");
        check("HTTP/1.1 200 OK\r\nx : a\r\n\r\n", "the answer is not HTTP");
        for odd in ["2x0", "042", "099"] {
            check(&format!("HTTP/1.1 {odd} OK\r\n\r\n"), "the answer has no valid status");
        }
    }

    #[test]
    fn heads_have_limits() {
        let head = |lines: usize, value: usize| {
            let line = format!("x: {}\r\n", "y".repeat(value));
            format!("HTTP/1.1 200 OK\r\n{}\r\n", line.repeat(lines))
        };
        let check = |head: String, expect: &str| {
            assert_eq!(read(head.as_bytes().chunks(1000)), expect);
        };
        check(head(LINES_MAX, 1), "200 Close lasts 100");
        check(head(LINES_MAX + 1, 1), "the head of the answer is too large");
        check(head(1, BYTES_MAX - 24), "200 Close lasts 1");
        check(head(1, BYTES_MAX - 23), "the head of the answer is too large");
        check(head(1, BYTES_MAX * 2), "the head of the answer is too large");
        check("HTTP/1.1 103 Early\r\n\r\n".repeat(BYTES_MAX / 22 + 1), TOO_LARGE);
        check("\r\n".repeat(BYTES_MAX / 2) + &head(1, 1), TOO_LARGE);
    }
}
