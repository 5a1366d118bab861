//! A caller: one request on a connection of its own, and everything that is heard of its answer.

use super::network::Resets;
use ir::{Dialect, Shape};
use serde_json::json;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, timeout, timeout_at};

/// What one caller asks, and when.
#[derive(Clone, Debug)]
pub struct Ask {
    /// After the world began.
    pub at: Duration,
    /// What it speaks.
    pub dialect: Dialect,
    /// How it wants the answer.
    pub shape: Shape,
    /// Whom it asks for, which orders what the first provider does.
    pub model: String,
    /// It leaves after this.
    pub leaves: Option<Duration>,
}

/// Everything that one caller heard.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    /// 0 where nothing came.
    pub status: u16,
    /// In order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its chunks put together.
    pub body: Vec<u8>,
    /// It ended by its own framing; false where the connection broke, or the caller left.
    pub whole: bool,
    /// It left before the end.
    pub left: bool,
    /// Nothing ended it within [`LIMIT`].
    pub hung: bool,
    /// When the first byte of the answer's body came.
    pub first: Option<Duration>,
    /// When it was over.
    pub took: Duration,
}

/// Longer than any deadline of the product.
pub const LIMIT: Duration = Duration::from_mins(11);
/// What every caller calls its key. The gateway asks for none.
pub(super) const CALLERS_KEY: &str = "sk-callers-own";
/// The longest answer that is kept.
const ANSWER_MAX: usize = 128 << 20;

/// What came of an answer, and what of it is understood.
#[derive(Debug, Default)]
struct Answer {
    raw: Vec<u8>,
    framing: Framing,
}

/// How the rest of an answer is framed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Framing {
    /// Its head is not there yet.
    #[default]
    Head,
    /// So many more bytes.
    Left(usize),
    /// Chunks.
    Chunks,
    /// It has ended.
    Ended,
    /// What came is no answer.
    Odd,
}

// === impl Ask ===

impl Ask {
    /// Asks at once, for a stream.
    pub fn stream(dialect: Dialect, model: &str) -> Self {
        let model = model.to_owned();
        Self { at: Duration::ZERO, dialect, shape: Shape::Stream, model, leaves: None }
    }

    /// The same at another time.
    #[must_use]
    pub fn at(self, at: Duration) -> Self {
        Self { at, ..self }
    }

    fn bytes(&self) -> Vec<u8> {
        let stream = self.shape == Shape::Stream;
        let mut body = match self.dialect {
            Dialect::Chat | Dialect::Messages => json!({
                "model": self.model,
                "max_tokens": 4096,
                "stream": stream,
                "messages": [{ "role": "user", "content": "speak" }],
            }),
            Dialect::Responses => json!({
                "model": self.model,
                "stream": stream,
                "input": "speak",
            }),
        };
        match (self.dialect, body.as_object_mut()) {
            (Dialect::Chat, Some(fields)) if stream => {
                fields.insert("stream_options".to_owned(), json!({ "include_usage": true }));
            }
            (Dialect::Chat | Dialect::Messages | Dialect::Responses, _) => {}
        }
        let body = body.to_string();
        let head = format!(
            "POST /v1{} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
             authorization: Bearer {CALLERS_KEY}\r\ncontent-length: {}\r\n\r\n",
            self.dialect.path(),
            body.len()
        );
        [head, body].concat().into_bytes()
    }

    /// Asks the gateway at this address, and hears everything.
    pub(super) async fn call(self, addr: SocketAddr, resets: Resets) -> Heard {
        let began = Instant::now();
        let mut heard = Heard::default();
        let limit = self.leaves.unwrap_or(LIMIT);
        let over = timeout(limit, hear(&self, addr, &resets, (began, &mut heard))).await;
        heard.left = over.is_err() && self.leaves.is_some();
        heard.hung = over.is_err() && self.leaves.is_none();
        heard.took = began.elapsed();
        heard
    }
}

/// Errors are the end of what is heard.
async fn hear(ask: &Ask, addr: SocketAddr, resets: &Resets, (began, heard): (Instant, &mut Heard)) {
    let Ok(mut line) = resets.connect(addr).await else { return };
    if line.write_all(&ask.bytes()).await.is_err() {
        return;
    }
    let mut answer = Answer::default();
    while answer.raw.len() < ANSWER_MAX {
        match timeout_at(began + LIMIT, line.read_buf(&mut answer.raw)).await {
            Ok(Ok(0) | Err(_)) | Err(_) => return,
            Ok(Ok(_)) => {}
        }
        answer.understand(heard);
        if !heard.body.is_empty() {
            heard.first.get_or_insert_with(|| began.elapsed());
        }
        match answer.framing {
            Framing::Head | Framing::Left(_) | Framing::Chunks => {}
            Framing::Odd => return,
            Framing::Ended => {
                heard.whole = true;
                return;
            }
        }
    }
}

// === impl Answer ===

impl Answer {
    /// Takes as much of what came as can be understood.
    fn understand(&mut self, heard: &mut Heard) {
        loop {
            match self.framing {
                Framing::Head => match self.head(heard) {
                    Some(framing) => self.framing = framing,
                    None => return,
                },
                Framing::Left(0) => self.framing = Framing::Ended,
                Framing::Left(left) => {
                    let here = left.min(self.raw.len());
                    heard.body.extend(self.raw.drain(..here));
                    self.framing = Framing::Left(left - here);
                    if here < left {
                        return;
                    }
                }
                Framing::Chunks => match self.chunk(heard) {
                    Some(framing) => self.framing = framing,
                    None => return,
                },
                Framing::Ended | Framing::Odd => return,
            }
        }
    }

    fn head(&mut self, heard: &mut Heard) -> Option<Framing> {
        let end = find(&self.raw, b"\r\n\r\n")?;
        let head: Vec<u8> = self.raw.drain(..end + 4).collect();
        let text = String::from_utf8_lossy(&head).into_owned();
        let mut lines = text.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        heard.status = status.unwrap_or(0);
        let header = |line: &str| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_ascii_lowercase(), value.trim().to_owned()))
        };
        heard.headers = lines.filter_map(header).collect();
        if heard.header("transfer-encoding") == Some("chunked") {
            return Some(Framing::Chunks);
        }
        let length = heard.header("content-length").and_then(|length| length.parse().ok());
        Some(length.map_or(Framing::Odd, Framing::Left))
    }

    /// One whole chunk.
    fn chunk(&mut self, heard: &mut Heard) -> Option<Framing> {
        let line = find(&self.raw, b"\r\n")?;
        let size = self.raw.get(..line).and_then(|line| std::str::from_utf8(line).ok());
        let Some(size) = size.and_then(|size| usize::from_str_radix(size.trim(), 16).ok()) else {
            return Some(Framing::Odd);
        };
        let (from, to) = (line + 2, line.checked_add(2)?.checked_add(size)?);
        if self.raw.len() < to + 2 {
            return None;
        }
        heard.body.extend_from_slice(self.raw.get(from..to)?);
        self.raw.drain(..to + 2);
        Some(if size == 0 { Framing::Ended } else { Framing::Chunks })
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

// === impl Heard ===

impl Heard {
    /// The first header of this name (in lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(one, _)| one == name).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, Framing, Heard};

    #[test]
    fn answers_are_read_however_they_come() {
        let check = |raw: &[u8], body: &[u8], ends: Framing| {
            for step in 1..=raw.len() {
                let (mut answer, mut heard) = (Answer::default(), Heard::default());
                for piece in raw.chunks(step) {
                    answer.raw.extend_from_slice(piece);
                    answer.understand(&mut heard);
                }
                assert_eq!((heard.body.as_slice(), answer.framing), (body, ends), "by {step}");
                assert_eq!(heard.status, 200);
            }
        };
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let whole = [chunked.as_slice(), b"3\r\nabc\r\na\r\n0123456789\r\n0\r\n\r\n"].concat();
        check(&whole, b"abc0123456789", Framing::Ended);
        check(&whole[..whole.len() - 5], b"abc0123456789", Framing::Chunks);
        check(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nab", b"ab", Framing::Ended);
        check(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nab", b"ab", Framing::Left(1));
        check(b"HTTP/1.1 200 OK\r\n\r\nab", b"", Framing::Odd);
    }
}
