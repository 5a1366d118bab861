//! A tunnel through the proxy on the way (`CONNECT`, RFC 9110 §9.3.6), as the gateway asks for one.

use super::open::{dial, lookup};
use crate::measure::Scene;
use crate::subject::Proxy;
use ir::evidence::ProxySeen;
use ir::{Proxy as Fault, Reach};
use secrecy::ExposeSecret as _;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;
use transport::Tcp;

/// The head of a proxy's answer may be this large.
const HEAD_BYTES_MAX: usize = 16 << 10;
/// A proxy is wherever the operator has one.
const ANYWHERE: Reach = Reach { loopback: true, private: true };

/// How the proxy takes a wish for a tunnel to the provider.
pub(crate) async fn knock(scene: &Arc<Scene>, proxy: &Proxy) -> ProxySeen {
    let mut seen = ProxySeen {
        from: proxy.from.clone(),
        authority: proxy.authority(),
        reached: Some(false),
        answered: None,
    };
    let Some(mut stream) = reach(scene, proxy).await else { return seen };
    seen.reached = Some(true);
    let asked = timeout(scene.ground.limits.tls, ask(scene, proxy, &mut stream)).await;
    seen.answered = asked.ok().flatten();
    seen
}

/// A connection to the provider through the proxy.
pub(super) async fn open(scene: &Arc<Scene>, proxy: &Proxy) -> Result<Tcp, Fault> {
    let mut stream = reach(scene, proxy).await.ok_or(Fault::Unreachable)?;
    match timeout(scene.ground.limits.tls, ask(scene, proxy, &mut stream)).await {
        Ok(Some(200..=299)) => Ok(stream),
        Ok(Some(status)) => Err(Fault::Denied(status)),
        Ok(None) => Err(Fault::Garbled),
        Err(_) => Err(Fault::Silent),
    }
}

async fn reach(scene: &Arc<Scene>, proxy: &Proxy) -> Option<Tcp> {
    let found = lookup(scene, &proxy.host, proxy.port, ANYWHERE).await.ok()?;
    dial(scene, found).await.ok()
}

async fn ask(scene: &Scene, proxy: &Proxy, stream: &mut Tcp) -> Option<u16> {
    let base = &scene.subject.base;
    let target = match scene.subject.addresses.first().copied().or_else(|| base.literal()) {
        Some(address) => SocketAddr::new(address, base.port).to_string(),
        None => format!("{}:{}", base.host, base.port),
    };
    let mut head = format!("CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n");
    if let Some(told) = &proxy.authorization {
        head.push_str("proxy-authorization: ");
        head.push_str(told.expose_secret());
        head.push_str("\r\n");
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).await.ok()?;
    let mut read = Vec::with_capacity(512);
    // A refusal may come with a page: its head is enough.
    while !read.windows(4).any(|four| four == b"\r\n\r\n") {
        let room = u64::try_from(HEAD_BYTES_MAX.saturating_sub(read.len())).ok()?;
        if (&mut *stream).take(room).read_buf(&mut read).await.ok()? == 0 {
            return None;
        }
    }
    status(&read)
}

/// The status of a final answer in HTTP/1 (RFC 9112 §4).
fn status(head: &[u8]) -> Option<u16> {
    let rest = head.strip_prefix(b"HTTP/1.1 ").or_else(|| head.strip_prefix(b"HTTP/1.0 "))?;
    let status: u16 = std::str::from_utf8(rest.get(..3)?).ok()?.parse().ok()?;
    (200..=599).contains(&status).then_some(status)
}
