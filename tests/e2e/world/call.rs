//! A caller of our own: HTTP/1.1 over a socket, which hides nothing: exact bytes, their times, and
//! whether the connection broke.

use super::LIMIT;
use ir::{Dialect, Shape};
use serde_json::json;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A request about to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    method: &'static str,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// A request under way. Dropped, it leaves.
#[derive(Debug)]
pub(crate) struct Call {
    stream: TcpStream,
    began: Instant,
    answer: Parser,
    pieces: Vec<Piece>,
    /// The other side closed or reset the connection.
    closed: bool,
}

/// Reads an answer from its bytes, however they are split.
#[derive(Debug, Default)]
pub(super) struct Parser {
    /// What came and is not yet understood.
    raw: Vec<u8>,
    head: Option<(u16, Vec<(String, String)>)>,
    framing: Framing,
    pub(super) body: Vec<u8>,
}

/// Some bytes of a body, and when they came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece {
    pub(crate) at: Instant,
    /// Where the bytes that came with it end in the body.
    pub(crate) end: usize,
}

/// Everything that was answered.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) status: u16,
    /// In order, names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// Its chunks put together.
    pub(crate) body: Vec<u8>,
    /// Whether it ended by its own framing; false where the connection broke.
    pub(crate) whole: bool,
    pub(crate) pieces: Vec<Piece>,
    /// When the request had been sent.
    pub(crate) began: Instant,
    pub(crate) took: Duration,
}

/// How a body ends.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Framing {
    /// The head is not there yet.
    #[default]
    Unknown,
    /// After so many more bytes.
    Left(usize),
    /// With the last chunk; this one has so many bytes left, and then a line end.
    Chunk(usize),
    /// Within the line of a chunk's size.
    Size,
    /// It has ended.
    Ended,
    /// With the connection.
    Open,
}

// === impl Request ===

impl Request {
    /// Without a body.
    pub(crate) fn new(method: &'static str, path: &str) -> Self {
        Self { method, path: path.to_owned(), headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    /// With a JSON body and its length.
    pub(crate) fn post(path: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::new("POST", path).header("content-type", "application/json").body(body)
    }

    /// Asks for an answer.
    pub(crate) fn ask(dialect: Dialect, shape: Shape, model: &str) -> Self {
        let stream = shape == Shape::Stream;
        let content = "say the words";
        if dialect == Dialect::Responses {
            let turns = json!([{ "role": "user", "content": content }]);
            let body = json!({
                "model": model, "max_output_tokens": 64, "stream": stream, "input": turns,
            });
            return Self::post(path(dialect), body.to_string());
        }
        let body = json!({
            "model": model,
            "max_tokens": 64,
            "stream": stream,
            "messages": [{ "role": "user", "content": content }],
        });
        Self::post(path(dialect), body.to_string())
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Without the headers of this name.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    /// With this body, and its length in a header.
    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        let length = self.body.len().to_string();
        self.without("content-length").header("content-length", &length)
    }

    /// At another path.
    pub(crate) fn at(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    /// The headers that it carries.
    pub(crate) fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The body that it carries.
    pub(crate) fn payload(&self) -> &[u8] {
        &self.body
    }

    fn bytes(&self, addr: SocketAddr) -> Vec<u8> {
        let mut lines = vec![format!("{} {} HTTP/1.1", self.method, self.path)];
        if !self.headers.iter().any(|(name, _)| name == "host") {
            lines.push(format!("host: {addr}"));
        }
        lines.extend(self.headers.iter().map(|(name, value)| format!("{name}: {value}")));
        let head = lines.join("\r\n") + "\r\n\r\n";
        [head.as_bytes(), &self.body].concat()
    }
}

/// Where a dialect's answers are asked for.
pub(crate) fn path(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Chat => "/v1/chat/completions",
        Dialect::Messages => "/v1/messages",
        Dialect::Responses => "/v1/responses",
    }
}

// === impl Call ===

impl Call {
    pub(crate) async fn send(addr: SocketAddr, request: &Request) -> Self {
        let stream = timeout(LIMIT, TcpStream::connect(addr)).await;
        let stream = stream.expect("in time").expect("a gateway listens");
        stream.set_nodelay(true).expect("a socket");
        Self::on(stream, &request.bytes(addr)).await
    }

    /// Sends these bytes on a connection that is there.
    pub(crate) async fn on(mut stream: TcpStream, bytes: &[u8]) -> Self {
        let sent = timeout(LIMIT, stream.write_all(bytes)).await;
        // Who answers before it has read everything may close early.
        drop(sent.expect("in time"));
        let (answer, pieces) = (Parser::default(), Vec::new());
        Self { stream, began: Instant::now(), answer, pieces, closed: false }
    }

    /// The status, once it is there; 0 where the connection broke before.
    pub(crate) async fn status(&mut self) -> u16 {
        while self.answer.head.is_none() && self.read().await {}
        self.answer.head.as_ref().map_or(0, |(status, _)| *status)
    }

    /// Reads until the body holds this text; true where it does.
    pub(crate) async fn until(&mut self, text: &str) -> bool {
        loop {
            let body = &self.answer.body;
            if body.windows(text.len()).any(|window| window == text.as_bytes()) {
                return true;
            }
            if self.is_over() || !self.read().await {
                return false;
            }
        }
    }

    /// Reads to the end.
    pub(crate) async fn finish(self) -> Heard {
        self.finish_keeping().await.0
    }

    /// Reads to the end, and gives the connection back if it is still good.
    pub(crate) async fn finish_keeping(mut self) -> (Heard, Option<TcpStream>) {
        while !self.is_over() && self.read().await {}
        let stream = (!self.closed).then_some(self.stream);
        let Parser { raw, head, framing, body } = self.answer;
        let whole = framing == Framing::Ended || (framing == Framing::Open && raw.is_empty());
        let (status, headers) = head.unwrap_or_default();
        let (pieces, began) = (self.pieces, self.began);
        let took = began.elapsed();
        (Heard { status, headers, body, whole, pieces, began, took }, stream)
    }

    fn is_over(&self) -> bool {
        self.answer.framing == Framing::Ended || self.closed
    }

    /// Reads once. False where nothing more comes.
    async fn read(&mut self) -> bool {
        let mut buffer = vec![0; 64 * 1024];
        let read = timeout(LIMIT, self.stream.read(&mut buffer)).await.expect("bytes, or an end");
        match read {
            Ok(0) => self.closed = true,
            Err(_) => {
                self.closed = true;
                // A reset is no end by any framing.
                self.answer.raw.push(b'!');
            }
            Ok(count) => {
                let before = self.answer.body.len();
                self.answer.feed(&buffer[..count]);
                let end = self.answer.body.len();
                if before < end {
                    self.pieces.push(Piece { at: Instant::now(), end });
                }
            }
        }
        !self.closed
    }
}

// === impl Parser ===

impl Parser {
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.raw.extend_from_slice(bytes);
        while self.step() {}
    }

    /// Understands a little more of what was read.
    fn step(&mut self) -> bool {
        match self.framing {
            Framing::Unknown => self.read_head(),
            Framing::Left(0) => {
                self.framing = Framing::Ended;
                true
            }
            Framing::Left(left) => {
                let taken = self.take(left);
                self.framing = Framing::Left(left - taken);
                0 < taken
            }
            Framing::Open => 0 < self.take(usize::MAX),
            Framing::Chunk(0) => self.line().is_some_and(|line| {
                assert_eq!(line, "", "a chunk ends with a line end");
                self.framing = Framing::Size;
                true
            }),
            Framing::Chunk(left) => {
                let taken = self.take(left);
                self.framing = Framing::Chunk(left - taken);
                0 < taken
            }
            Framing::Size => self.read_size(),
            Framing::Ended => {
                assert!(self.raw.is_empty(), "bytes after the end: {:?}", self.raw);
                false
            }
        }
    }

    fn take(&mut self, most: usize) -> usize {
        let count = most.min(self.raw.len());
        self.body.extend(self.raw.drain(..count));
        count
    }

    fn line(&mut self) -> Option<String> {
        let end = self.raw.windows(2).position(|pair| pair == b"\r\n")?;
        let line = self.raw.drain(..end + 2).take(end).collect();
        Some(String::from_utf8(line).expect("text"))
    }

    fn read_size(&mut self) -> bool {
        // The last chunk and the blank line behind it are one.
        if self.raw.starts_with(b"0") && !self.raw.ends_with(b"\r\n\r\n") {
            return false;
        }
        let Some(line) = self.line() else { return false };
        let size = usize::from_str_radix(&line, 16).expect("a chunk's size");
        self.framing = Framing::Chunk(size);
        if size == 0 {
            assert_eq!(self.line().as_deref(), Some(""), "no trailers");
            self.framing = Framing::Ended;
        }
        true
    }

    fn read_head(&mut self) -> bool {
        let Some(end) = self.raw.windows(4).position(|four| four == b"\r\n\r\n") else {
            return false;
        };
        let head: Vec<u8> = self.raw.drain(..end + 4).take(end).collect();
        let head = String::from_utf8(head).expect("a head of text");
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).expect("a status");
        let status = status.parse().expect("a status");
        let headers: Vec<(String, String)> = lines
            .map(|line| line.split_once(':').expect("a header"))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let header = |name: &str| headers.iter().find(|(one, _)| one == name).map(|(_, it)| it);
        self.framing = match (header("transfer-encoding"), header("content-length")) {
            (Some(_), _) => Framing::Size,
            (None, Some(length)) => Framing::Left(length.parse().expect("a length")),
            (None, None) => Framing::Open,
        };
        self.head = Some((status, headers));
        true
    }
}

// === impl Heard ===

impl Heard {
    /// The first header of this name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(one, _)| one == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("JSON: {}", self.text()))
    }

    /// `error.code` of Chat, `error.details.error_code` of Messages: where our own codes stand.
    pub(crate) fn code(&self) -> String {
        let json = self.json();
        let code =
            json.pointer("/error/details/error_code").or_else(|| json.pointer("/error/code"));
        code.and_then(|code| code.as_str()).unwrap_or_default().to_owned()
    }
}
