//! Callers: connections that ask the same again and again, each as soon as it was answered. Their own
//! cost is the same whoever is asked.

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

/// A question, ready to be written.
#[derive(Clone, Debug)]
pub(crate) struct Question(Bytes);

/// Connections to one port.
#[derive(Debug)]
pub(crate) struct Callers {
    connections: Vec<Connection>,
}

/// Times of many answers, in µs.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    /// To the first byte of the body.
    pub(crate) first: Vec<f64>,
    /// To the last.
    pub(crate) last: Vec<f64>,
}

#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// How the end of an answer is found.
enum Framing {
    /// Head and body have so many bytes.
    Length(usize),
    /// It ends with the empty chunk. One question is asked at a time, and no text of ours looks like
    /// that.
    Chunks,
}

const LAST_CHUNK: &[u8] = b"\r\n0\r\n\r\n";
const HEADERS_MAX: usize = 64;
/// No answer takes longer.
const PATIENCE: Duration = Duration::from_secs(30);

// === impl Question ===

impl Question {
    pub(crate) fn new(path: &str, model: &str, stream: bool, prompt: &str) -> Self {
        let (limit, turns) = if path.ends_with("/responses") {
            ("max_output_tokens", "input")
        } else {
            ("max_tokens", "messages")
        };
        let body = format!(
            r#"{{"model":"{model}","{limit}":1000,"stream":{stream},"{turns}":[{{"role":"user","content":"{prompt}"}}]}}"#
        );
        let length = body.len();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nuser-agent: bench\r\naccept: */*\r\n\
             authorization: Bearer k\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n\r\n"
        );
        Self(Bytes::from([head, body].concat()))
    }
}

// === impl Callers ===

impl Callers {
    pub(crate) fn connect(runtime: &Runtime, port: u16, count: usize) -> Result<Self> {
        runtime.block_on(async {
            let mut connections = Vec::with_capacity(count);
            for _ in 0..count {
                let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
                stream.set_nodelay(true)?;
                connections.push(Connection { stream, buffer: Vec::with_capacity(64 * 1024) });
            }
            Ok(Self { connections })
        })
    }

    /// Asks so many times in all.
    pub(crate) fn ask(
        &mut self,
        runtime: &Runtime,
        question: &Question,
        times: usize,
    ) -> Result<Taken> {
        let each = times.div_ceil(self.connections.len());
        let asking = async {
            let mut asked: JoinSet<Result<(Connection, Taken)>> = JoinSet::new();
            for connection in self.connections.drain(..) {
                asked.spawn(connection.ask(question.clone(), each));
            }
            let mut taken = Taken::default();
            while let Some(one) = asked.join_next().await {
                let (connection, one) = one??;
                self.connections.push(connection);
                taken.first.extend(one.first);
                taken.last.extend(one.last);
            }
            Ok(taken)
        };
        runtime.block_on(asking)
    }

    /// Asks once on each connection, and returns when every answer has begun.
    pub(crate) fn open(&mut self, runtime: &Runtime, question: &Question) -> Result<()> {
        runtime.block_on(async {
            for connection in &mut self.connections {
                connection.stream.write_all(&question.0).await?;
            }
            for connection in &mut self.connections {
                connection.buffer.clear();
                tokio::time::timeout(PATIENCE, connection.begun()).await??;
            }
            Ok(())
        })
    }
}

// === impl Connection ===

impl Connection {
    async fn ask(mut self, question: Question, times: usize) -> Result<(Self, Taken)> {
        let mut taken = Taken::default();
        for _ in 0..times {
            self.buffer.clear();
            let began = Instant::now();
            self.stream.write_all(&question.0).await?;
            let framing = self.begun().await?;
            taken.first.push(began.elapsed().as_secs_f64() * 1e6);
            while !framing.is_over(&self.buffer) {
                self.read().await?;
            }
            taken.last.push(began.elapsed().as_secs_f64() * 1e6);
        }
        Ok((self, taken))
    }

    /// Reads until there is a head and a byte of the body.
    async fn begun(&mut self) -> Result<Framing> {
        loop {
            self.read().await?;
            let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
            let mut answer = httparse::Response::new(&mut headers);
            let httparse::Status::Complete(head) = answer.parse(&self.buffer)? else { continue };
            if self.buffer.len() == head {
                continue;
            }
            if answer.code != Some(200) {
                bail!("not an answer: {}", String::from_utf8_lossy(&self.buffer));
            }
            let length =
                answer.headers.iter().find(|it| it.name.eq_ignore_ascii_case("content-length"));
            return Ok(match length {
                Some(header) => {
                    let length: usize = std::str::from_utf8(header.value)?.parse()?;
                    Framing::Length(head + length)
                }
                None => Framing::Chunks,
            });
        }
    }

    async fn read(&mut self) -> Result<()> {
        let read = self.stream.read_buf(&mut self.buffer).await.context("the answer broke off")?;
        ensure!(read != 0, "the answer broke off");
        Ok(())
    }
}

// === impl Framing ===

impl Framing {
    fn is_over(&self, buffer: &[u8]) -> bool {
        match self {
            Self::Length(length) => *length <= buffer.len(),
            Self::Chunks => buffer.ends_with(LAST_CHUNK),
        }
    }
}

/// The nearest rank.
pub(crate) fn percentile(values: &[f64], percent: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(rank).copied().unwrap_or(f64::NAN)
}

/// The middle one.
pub(crate) fn median(values: &[f64]) -> f64 {
    percentile(values, 50)
}
