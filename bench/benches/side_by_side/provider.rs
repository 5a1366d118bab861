//! The provider that everybody stands before: one thread, canned answers, connections kept alive. It
//! does as little as a provider can, so that what is measured is not its own time.

use super::script::{Script, Tongue, scripts};
use anyhow::{Context, Result, bail};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// All there is to say.
#[derive(Debug)]
struct Repertoire {
    chat: Vec<Script>,
    messages: Vec<Script>,
    responses: Vec<Script>,
}

/// What a request wants.
struct Wanted {
    /// Its length, head and body.
    length: usize,
    tongue: Tongue,
}

const HEADERS_MAX: usize = 64;

/// Starts it and returns its port. It lives as long as the process.
pub(crate) fn start() -> Result<u16> {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    let port = listener.local_addr()?.port();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let serve = async move {
        let repertoire = Arc::new(Repertoire {
            chat: scripts(Tongue::Chat),
            messages: scripts(Tongue::Messages),
            responses: scripts(Tongue::Responses),
        });
        let Ok(listener) = TcpListener::from_std(listener) else { return };
        while let Ok((stream, _)) = listener.accept().await {
            let repertoire = Arc::clone(&repertoire);
            // A connection that ends badly is seen by whoever asked.
            drop(tokio::spawn(async move { converse(stream, &repertoire).await.ok() }));
        }
    };
    std::thread::Builder::new()
        .name("provider".to_owned())
        .spawn(move || runtime.block_on(serve))?;
    Ok(port)
}

/// Answers what one connection asks until it ends.
async fn converse(mut stream: TcpStream, repertoire: &Repertoire) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer: Vec<u8> = Vec::with_capacity(16 * 1024);
    loop {
        let wanted = loop {
            if let Some(wanted) = wanted(&buffer)? {
                break wanted;
            }
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        };
        while buffer.len() < wanted.length {
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        }
        let script = repertoire.find(&wanted, &buffer)?;
        buffer.clear();
        for piece in &script.pieces {
            if script.pause != Duration::ZERO {
                tokio::time::sleep(script.pause).await;
            }
            stream.write_all(piece).await?;
        }
        if script.holds {
            stream.read_buf(&mut buffer).await?;
            return Ok(());
        }
    }
}

/// Reads a head, once it is complete.
fn wanted(buffer: &[u8]) -> Result<Option<Wanted>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(head) = request.parse(buffer)? else { return Ok(None) };
    let path = request.path.unwrap_or("");
    let tongue = match path.rsplit('/').next() {
        Some("messages") => Tongue::Messages,
        Some("responses") => Tongue::Responses,
        Some(_) | None => Tongue::Chat,
    };
    let mut length = 0;
    for header in request.headers.iter() {
        if header.name.eq_ignore_ascii_case("content-length") {
            length = std::str::from_utf8(header.value)?.parse()?;
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            bail!("a request without a length");
        }
    }
    Ok(Some(Wanted { length: head + length, tongue }))
}

// === impl Repertoire ===

impl Repertoire {
    fn find(&self, wanted: &Wanted, request: &[u8]) -> Result<&Script> {
        let scripts = match wanted.tongue {
            Tongue::Chat => &self.chat,
            Tongue::Messages => &self.messages,
            Tongue::Responses => &self.responses,
        };
        let name = model(request).context("a request without a model")?;
        let found = scripts.iter().find(|script| name.ends_with(script.name.as_bytes()));
        found.with_context(|| format!("no such answer: {:?}", String::from_utf8_lossy(name)))
    }
}

/// The model's name, wherever it stands.
fn model(request: &[u8]) -> Option<&[u8]> {
    const KEY: &[u8] = b"\"model\":\"";
    let start = memchr::memmem::find(request, KEY)? + KEY.len();
    let rest = request.get(start..)?;
    rest.get(..memchr::memchr(b'"', rest)?)
}
