//! HTTP/1.1 by hand: heads and chunks to send, requests to read.
//!
//! **Invariant:** a request is read within limits of head, body, chunks and time, or refused.

use bytes::{Buf, Bytes, BytesMut};
use std::io::{Error, ErrorKind, Result};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The largest request head.
const HEAD_BYTES_MAX: usize = 256 * 1024;
/// The largest request body.
const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;
/// The longest chunk-size line, extensions included.
const CHUNK_LINE_MAX: usize = 4096;
/// The most headers.
const HEADERS_MAX: usize = 256;

/// The end of a chunked body.
pub(super) const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// A request as it came.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Request {
    /// The method.
    pub(super) method: String,
    /// The path with its query.
    pub(super) path: String,
    /// The headers, names in lower case.
    pub(super) headers: Vec<(String, String)>,
    /// The body.
    pub(super) body: Vec<u8>,
    /// The client wants the connection to end with this exchange.
    pub(super) close: bool,
}

/// A response head.
pub(super) fn head(status: u16, headers: &[(&str, String)]) -> Vec<u8> {
    let mut out = format!("HTTP/1.1 {status} {}\r\n", reason(status));
    for (name, value) in headers {
        out.push_str(name);
        out.push_str(": ");
        out.push_str(value);
        out.push_str("\r\n");
    }
    out.push_str("\r\n");
    out.into_bytes()
}

/// One chunk of a chunked body; nothing for no bytes, since an empty chunk would end it.
pub(super) fn chunk(bytes: &[u8]) -> Bytes {
    if bytes.is_empty() {
        return Bytes::new();
    }
    let mut out = format!("{:x}\r\n", bytes.len()).into_bytes();
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
    out.into()
}

/// The phrase of a status.
pub(super) fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        307 => "Temporary Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        408 => "Request Timeout",
        409 => "Conflict",
        413 => "Payload Too Large",
        422 => "Unprocessable Entity",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        529 => "Overloaded",
        _ => "Status",
    }
}

// === reading ===

/// The next request of a connection; `None` where it ended between two. What came too early of the
/// one after stays in `buffer`.
pub(super) async fn read_request<S>(io: &mut S, buffer: &mut BytesMut) -> Result<Option<Request>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut request, length) = loop {
        if let Some((consumed, request)) = parse_head(buffer)? {
            buffer.advance(consumed);
            break request;
        }
        if buffer.len() > HEAD_BYTES_MAX {
            return Err(bad("request head too large"));
        }
        if io.read_buf(buffer).await? == 0 {
            return if buffer.is_empty() { Ok(None) } else { Err(bad("cut request head")) };
        }
    };
    if request.headers.iter().any(|(name, value)| name == "expect" && value == "100-continue") {
        io.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    request.body = match length {
        Length::Known(length) => take(io, buffer, length).await?,
        Length::Chunked => read_chunks(io, buffer).await?,
    };
    Ok(Some(request))
}

enum Length {
    Known(usize),
    Chunked,
}

type Head = (Request, Length);

fn parse_head(buffer: &[u8]) -> Result<Option<(usize, Head)>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut parsed = httparse::Request::new(&mut headers);
    let consumed = match parsed.parse(buffer) {
        Ok(httparse::Status::Complete(consumed)) => consumed,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(error) => return Err(Error::new(ErrorKind::InvalidData, error)),
    };
    let headers: Vec<_> = parsed
        .headers
        .iter()
        .map(|header| {
            let value = String::from_utf8_lossy(header.value).into_owned();
            (header.name.to_ascii_lowercase(), value)
        })
        .collect();
    let mut length = Length::Known(0);
    for (name, value) in &headers {
        match name.as_str() {
            "transfer-encoding" if value.eq_ignore_ascii_case("chunked") => {
                length = Length::Chunked;
            }
            "transfer-encoding" => return Err(bad("unknown transfer encoding")),
            "content-length" if matches!(length, Length::Known(_)) => {
                let bytes = value.parse().map_err(|_| bad("content-length is not a number"))?;
                length = Length::Known(within(bytes)?);
            }
            _ => {}
        }
    }
    let says_close = |(name, value): &(String, String)| {
        name == "connection" && value.eq_ignore_ascii_case("close")
    };
    let request = Request {
        method: parsed.method.unwrap_or_default().to_owned(),
        path: parsed.path.unwrap_or_default().to_owned(),
        close: parsed.version != Some(1) || headers.iter().any(says_close),
        headers,
        body: Vec::new(),
    };
    Ok(Some((consumed, (request, length))))
}

async fn read_chunks<S>(io: &mut S, buffer: &mut BytesMut) -> Result<Vec<u8>>
where
    S: AsyncRead + Unpin,
{
    let mut body = Vec::new();
    // Each round but the last adds at least one byte, and `within` bounds their sum.
    loop {
        let line = line(io, buffer).await?;
        let digits = line.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(digits, 16).map_err(|_| bad("chunk size"))?;
        within(body.len().saturating_add(size))?;
        if size == 0 {
            break;
        }
        body.extend_from_slice(&take(io, buffer, size).await?);
        if !line_is_empty(io, buffer).await? {
            return Err(bad("chunk is longer than its size"));
        }
    }
    for _ in 0..HEADERS_MAX {
        if line_is_empty(io, buffer).await? {
            return Ok(body);
        }
    }
    Err(bad("too many trailers"))
}

async fn line_is_empty<S: AsyncRead + Unpin>(io: &mut S, buffer: &mut BytesMut) -> Result<bool> {
    Ok(line(io, buffer).await?.is_empty())
}

async fn line<S: AsyncRead + Unpin>(io: &mut S, buffer: &mut BytesMut) -> Result<String> {
    loop {
        if let Some(at) = buffer.iter().position(|byte| *byte == b'\n') {
            let line = buffer.split_to(at.saturating_add(1));
            return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
        }
        if buffer.len() > CHUNK_LINE_MAX {
            return Err(bad("chunk line too long"));
        }
        more(io, buffer).await?;
    }
}

async fn take<S>(io: &mut S, buffer: &mut BytesMut, length: usize) -> Result<Vec<u8>>
where
    S: AsyncRead + Unpin,
{
    while buffer.len() < length {
        more(io, buffer).await?;
    }
    Ok(buffer.split_to(length).into())
}

async fn more<S: AsyncRead + Unpin>(io: &mut S, buffer: &mut BytesMut) -> Result<()> {
    if io.read_buf(buffer).await? == 0 {
        return Err(bad("cut request body"));
    }
    Ok(())
}

fn within(bytes: usize) -> Result<usize> {
    if bytes > BODY_BYTES_MAX { Err(bad("request body too large")) } else { Ok(bytes) }
}

fn bad(what: &'static str) -> Error {
    Error::new(ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::{Request, chunk, head, read_request};
    use bytes::BytesMut;
    use std::io::Result;
    use tokio::io::AsyncWriteExt;

    async fn read(bytes: &[u8], piece: usize) -> Result<Vec<Request>> {
        let (mut client, mut server) = tokio::io::duplex(bytes.len().max(1));
        for part in bytes.chunks(piece) {
            client.write_all(part).await?;
        }
        drop(client.shutdown().await);
        let mut buffer = BytesMut::new();
        let mut requests = Vec::new();
        while let Some(request) = read_request(&mut server, &mut buffer).await? {
            requests.push(request);
        }
        Ok(requests)
    }

    #[tokio::test]
    async fn bodies_by_length_and_by_chunks_at_every_split() {
        let bytes = b"POST /v1/messages?x=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc\
            POST /b HTTP/1.1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n\
            2;x=y\r\nde\r\n1\r\nf\r\n0\r\nTrailer: 1\r\n\r\n";
        for piece in 1..bytes.len() {
            let requests = read(bytes, piece).await.unwrap();
            let [first, second] = requests.as_slice() else { panic!("{requests:?}") };
            assert_eq!((first.body.as_slice(), first.close), (b"abc".as_slice(), false));
            assert_eq!(first.path, "/v1/messages?x=1");
            assert_eq!((second.body.as_slice(), second.close), (b"def".as_slice(), true));
        }
    }

    #[tokio::test]
    async fn what_is_no_request_is_refused() {
        for bytes in [
            "nonsense\r\n\r\n",
            "POST / HTTP/1.1\r\ncontent-length: x\r\n\r\n",
            "POST / HTTP/1.1\r\ncontent-length: 99999999999\r\n\r\n",
            "POST / HTTP/1.1\r\ncontent-length: 5\r\n\r\nab",
            "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
            "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nfffffffff\r\n",
            "POST / HTTP/1.1\r\ntransfer-encoding: gzip\r\n\r\n",
            "POST / HTT",
        ] {
            assert!(read(bytes.as_bytes(), 7).await.is_err(), "{bytes}");
        }
    }

    #[test]
    fn heads_and_chunks() {
        assert_eq!(head(200, &[("a", "b".to_owned())]), b"HTTP/1.1 200 OK\r\na: b\r\n\r\n");
        assert_eq!(chunk(b"0123456789abcdef").as_ref(), b"10\r\n0123456789abcdef\r\n");
        assert!(chunk(b"").is_empty());
    }
}
