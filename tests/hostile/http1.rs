//! HTTP/1.1 by hand: a caller that can be honest, slow, silent, or gone.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// A connection to the gateway.
#[derive(Debug)]
pub(crate) struct Http1 {
    pub(crate) stream: TcpStream,
    buffer: Vec<u8>,
}

/// A complete answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// Where a connection comes from, so that ports suffice and addresses can be told apart.
pub(crate) fn source(nth: usize) -> Ipv4Addr {
    let low = u8::try_from(nth % 200).unwrap_or_default();
    Ipv4Addr::new(127, 0, 1, low + 1)
}

/// A question in Chat Completions.
pub(crate) fn ask(model: &str, stream: bool) -> Vec<u8> {
    ask_as(model, stream, None)
}

/// The same with a key.
pub(crate) fn ask_as(model: &str, stream: bool, key: Option<&str>) -> Vec<u8> {
    let body = body(model, stream);
    let length = body.len();
    let key = key.map(|key| format!("authorization: Bearer {key}\r\n")).unwrap_or_default();
    format!("{HEAD}{key}content-length: {length}\r\n\r\n{body}").into_bytes()
}

/// The body of a question.
pub(crate) fn body(model: &str, stream: bool) -> String {
    format!(
        "{{\"model\":\"{model}\",\"stream\":{stream},\
         \"messages\":[{{\"role\":\"user\",\"content\":\"hi\"}}]}}"
    )
}

/// The head of a question, but for its end.
pub(crate) const HEAD: &str = "POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\n\
     content-type: application/json\r\n";

/// Connects from an address of this machine. `receive` bounds what the system reads ahead for it.
pub(crate) async fn connect(
    addr: SocketAddr,
    from: Ipv4Addr,
    receive: Option<u32>,
) -> Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    if let Some(bytes) = receive {
        socket.set_recv_buffer_size(bytes)?;
    }
    socket.bind(SocketAddr::new(from.into(), 0))?;
    let connecting = tokio::time::timeout(Duration::from_secs(10), socket.connect(addr));
    let stream = connecting.await.context("not connected after 10 s")??;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Leaves with a reset.
pub(crate) fn reset(stream: TcpStream) -> Result<()> {
    // tokio's own setting of linger blocks only where it is not zero.
    stream.set_zero_linger()?;
    drop(stream);
    Ok(())
}

// === impl Http1 ===

impl Http1 {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self { stream, buffer: Vec::new() }
    }

    pub(crate) async fn open(addr: SocketAddr, from: Ipv4Addr) -> Result<Self> {
        Ok(Self::new(connect(addr, from, None).await?))
    }

    /// Sends a request and reads its answer.
    pub(crate) async fn call(&mut self, request: &[u8]) -> Result<Answer> {
        self.stream.write_all(request).await?;
        self.answer().await
    }

    /// Reads an answer to its end; one that breaks off is an error.
    pub(crate) async fn answer(&mut self) -> Result<Answer> {
        let end = loop {
            if let Some(at) = self.buffer.windows(4).position(|it| it == b"\r\n\r\n") {
                break at + 4;
            }
            self.more().await?;
        };
        let head: Vec<u8> = self.buffer.drain(..end).collect();
        let head = String::from_utf8(head)?.to_ascii_lowercase();
        let status = head.get(9..12).context("no status")?.parse()?;
        let length = head.split("content-length: ").nth(1).and_then(|it| it.split('\r').next());
        let body = if let Some(length) = length {
            self.take(length.parse()?).await?
        } else if head.contains("transfer-encoding: chunked") {
            self.chunks().await?
        } else {
            bail!("an answer without a length: {head}")
        };
        Ok(Answer { status, head, body })
    }

    async fn chunks(&mut self) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let end = loop {
                if let Some(at) = self.buffer.windows(2).position(|it| it == b"\r\n") {
                    break at;
                }
                self.more().await?;
            };
            let line: Vec<u8> = self.buffer.drain(..end + 2).collect();
            let size = String::from_utf8_lossy(&line);
            let size = usize::from_str_radix(size.trim(), 16).context("no chunk size")?;
            let data = self.take(size + 2).await?;
            if size == 0 {
                return Ok(body);
            }
            body.extend_from_slice(data.get(..size).unwrap_or_default());
        }
    }

    async fn take(&mut self, count: usize) -> Result<Vec<u8>> {
        while self.buffer.len() < count {
            self.more().await?;
        }
        Ok(self.buffer.drain(..count).collect())
    }

    async fn more(&mut self) -> Result<()> {
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            bail!("the connection closed");
        }
        Ok(())
    }
}

// === impl Answer ===

impl Answer {
    /// Whether it is a whole answer of 200, or a stream that came to its end.
    pub(crate) fn is_good(&self) -> bool {
        let ends = |end: &[u8]| self.body.ends_with(end);
        let stream = self.head.contains("text/event-stream");
        let error = self.body.windows(8).any(|it| it == b"\"error\":");
        self.status == 200 && !error && (!stream || ends(b"data: [DONE]\n\n"))
    }
}
