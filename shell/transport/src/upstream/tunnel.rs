//! A tunnel through an HTTP proxy: `CONNECT`, for `https` and plain `http` alike (RFC 9110 §9.3.6).
//!
//! The name goes to the proxy as it is, which looks it up where it stands: behind many proxies nobody
//! else can. So the addresses it leads to are the proxy's to judge; those of the proxy are ours.
//!
//! **Invariants:** what goes wrong here is the proxy's ([`ir::Proxy`]) and never the provider's; of a
//! request the proxy learns host and port; its answer is read up to its end and not a byte further.

use std::net::{IpAddr, SocketAddr};

use http::HeaderValue;
use ir::{Proxy, Reach};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::dial::dial;
use super::origin::Origin;
use super::resolve::{Lookup, Resolver};
use crate::{Net, Tcp};

/// The head of a proxy's answer may be this large; a page of words behind it is not read.
const HEAD_BYTES_MAX: usize = 16 << 10;

/// A proxy is wherever the operator has one.
const ANYWHERE: Reach = Reach { loopback: true, private: true };

/// An HTTP proxy, and what it is told.
#[derive(Clone, Debug)]
pub struct Via {
    /// Its host; IPv6 without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// `Proxy-Authorization`.
    pub authorization: Option<HeaderValue>,
}

/// Opens tunnels.
#[derive(Debug)]
pub(super) struct Tunnel {
    via: Via,
    lookup: Lookup,
    net: Net,
    /// Asked for in place of the name, if there are any.
    pinned: Vec<IpAddr>,
}

// === impl Tunnel ===

impl Tunnel {
    pub(super) fn new(mut via: Via, (resolver, net): (Resolver, Net), pinned: Vec<IpAddr>) -> Self {
        // It is not to stand in any log.
        if let Some(authorization) = &mut via.authorization {
            authorization.set_sensitive(true);
        }
        Self { via, lookup: Lookup::new(resolver, ANYWHERE, Vec::new()), net, pinned }
    }

    /// A connection to `origin`, or to the first of its pinned addresses that the proxy reaches.
    pub(super) async fn open(&self, origin: &Origin) -> Result<Tcp, Proxy> {
        if self.pinned.is_empty() {
            return self.ask(&format!("{}:{}", origin.host(), origin.port())).await;
        }
        let mut last = Proxy::Unreachable;
        for address in &self.pinned {
            match self.ask(&SocketAddr::new(*address, origin.port()).to_string()).await {
                Ok(stream) => return Ok(stream),
                Err(failure) => last = failure,
            }
        }
        Err(last)
    }

    async fn ask(&self, target: &str) -> Result<Tcp, Proxy> {
        let Via { host, port, authorization } = &self.via;
        let found = self.lookup.addresses(host, *port).await.map_err(|why| {
            tracing::debug!(host, ?why, "the proxy has no address");
            Proxy::Unreachable
        })?;
        let mut stream = dial(&self.net, found).await.map_err(|why| {
            tracing::debug!(host, ?why, "the proxy is not reached");
            Proxy::Unreachable
        })?;
        let mut head = format!("CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n").into_bytes();
        if let Some(authorization) = authorization {
            head.extend_from_slice(b"proxy-authorization: ");
            head.extend_from_slice(authorization.as_bytes());
            head.extend_from_slice(b"\r\n");
        }
        head.extend_from_slice(b"\r\n");
        stream.write_all(&head).await.map_err(|_| Proxy::Garbled)?;
        match answer(&mut stream).await? {
            200..=299 => Ok(stream),
            status => Err(Proxy::Denied(status)),
        }
    }
}

/// Reads the head of an answer; its status. Behind one of 2xx there is nothing until we speak.
async fn answer(stream: &mut Tcp) -> Result<u16, Proxy> {
    let mut head = Vec::with_capacity(512);
    loop {
        // A refusal may come with a page: its head is enough.
        if let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") {
            let status = status(&head).ok_or(Proxy::Garbled)?;
            let more = end + 4 < head.len();
            return if more && status < 300 { Err(Proxy::Garbled) } else { Ok(status) };
        }
        if HEAD_BYTES_MAX <= head.len() {
            return Err(Proxy::Garbled);
        }
        let room = u64::try_from(HEAD_BYTES_MAX - head.len()).unwrap_or(0);
        match (&mut *stream).take(room).read_buf(&mut head).await {
            Ok(0) | Err(_) => return Err(Proxy::Garbled),
            Ok(_) => {}
        }
    }
}

/// The status of a final answer in HTTP/1 (RFC 9112 §4).
fn status(head: &[u8]) -> Option<u16> {
    let line = head.split(|byte| *byte == b'\r').next()?;
    let rest = line.strip_prefix(b"HTTP/1.1 ").or_else(|| line.strip_prefix(b"HTTP/1.0 "))?;
    let (digits, rest) = rest.split_at_checked(3)?;
    let ended = rest.first().is_none_or(|byte| *byte == b' ');
    let status: u16 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (ended && (200..=599).contains(&status)).then_some(status)
}

#[cfg(test)]
mod tests {
    use super::status;

    #[test]
    fn statuses() {
        let check = |line: &str, expect| assert_eq!(status(line.as_bytes()), expect, "{line}");
        check("HTTP/1.1 200 Connection established\r\n\r\n", Some(200));
        check("HTTP/1.0 200\r\n\r\n", Some(200));
        check("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", Some(407));
        for line in [
            "",
            "HTTP/1.1",
            "HTTP/2 200 OK",
            "HTTP/1.1  200 OK",
            "HTTP/1.1 20 OK",
            "HTTP/1.1 2000 OK",
            "HTTP/1.1 +20 OK",
            "HTTP/1.1 100 Continue",
            "HTTP/1.1 999 OK",
            "SSH-2.0-OpenSSH_9.2",
            "\u{5}\u{1}",
        ] {
            check(line, None);
        }
    }
}
