//! A proxy for tunnels (CONNECT), open or not.

use anyhow::Result;
use std::collections::BTreeMap;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;

use super::server::{Log, Server};

/// The largest wish for a tunnel.
const WISH_MAX: usize = 8 * 1024;

/// What a proxy does with a wish for a tunnel.
#[derive(Clone, Debug)]
pub enum Policy {
    /// It leads to these authorities (`host:port`), each really elsewhere; others are 502.
    Open(BTreeMap<String, SocketAddr>),
    /// It refuses with this status: 407, 403.
    Refuse(u16),
    /// It never answers.
    Silent,
}

/// Starts one.
pub async fn start(at: SocketAddr, policy: Policy) -> Result<Server> {
    let log = Log::default();
    let noted = log.clone();
    let policy = Arc::new(policy);
    Server::tcp(at, log, move |stream| {
        let (policy, noted) = (Arc::clone(&policy), noted.clone());
        async move {
            // A caller that leaves in between is no concern of a proxy.
            drop(serve(stream, &policy, &noted).await);
        }
    })
    .await
}

async fn serve(mut stream: TcpStream, policy: &Policy, log: &Log) -> std::io::Result<()> {
    let mut wish = Vec::new();
    while !wish.ends_with(b"\r\n\r\n") {
        if WISH_MAX <= wish.len() || stream.read_buf(&mut wish).await? == 0 {
            return Ok(());
        }
    }
    let wish = String::from_utf8_lossy(&wish);
    let line = wish.lines().next().unwrap_or_default();
    log.note(line.to_owned());
    let authority = line.split(' ').nth(1).unwrap_or_default();
    let (status, to) = match policy {
        Policy::Silent => return pending().await,
        Policy::Refuse(status) => (*status, None),
        Policy::Open(roads) => match roads.get(authority) {
            Some(&to) => (200, TcpStream::connect(to).await.ok()),
            None => (502, None),
        },
    };
    let status = if status == 200 && to.is_none() { 502 } else { status };
    let wants = match status {
        407 => "proxy-authenticate: Basic realm=\"lab\"\r\n",
        _ => "",
    };
    let length = if status == 200 { "" } else { "content-length: 0\r\n" };
    let head = format!("HTTP/1.1 {status} Lab\r\n{wants}{length}\r\n");
    stream.write_all(head.as_bytes()).await?;
    if let Some(mut to) = to {
        copy_bidirectional(&mut stream, &mut to).await?;
    }
    Ok(())
}
