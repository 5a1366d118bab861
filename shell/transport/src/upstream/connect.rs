//! From a host to an open byte stream: DNS, TCP, TLS, under one deadline, each with its own failure.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ir::{Connect, Dns, Failure, Tls};
use parking_lot::Mutex;
use rustls::pki_types::ServerName;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::Error;
use super::origin::{Origin, bare};
use super::resolve::Lookup;
use super::roots::Roots;
use super::wire::Wire;

/// How long one address may be silent before the next is tried beside it (RFC 8305 §5).
const STAGGER: Duration = Duration::from_millis(250);

/// Probes keep the entries of NATs and load balancers alive while a model thinks for minutes, and
/// end a connection whose other side is gone.
const KEEPALIVE: TcpKeepalive = TcpKeepalive::new()
    .with_time(Duration::from_secs(30))
    .with_interval(Duration::from_secs(10))
    .with_retries(3);

/// Certificates with hundreds of names make long messages.
const TEXT_MAX: usize = 256;

/// How far a connection came, for the deadline that ends it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Stage {
    Dns,
    Tcp,
    Tls,
}

/// Opens connections.
pub(super) struct Connector {
    lookup: Lookup,
    tls: TlsConnector,
}

// === impl Stage ===

impl Stage {
    /// What a deadline in this stage means.
    pub(super) fn late(self) -> Failure {
        match self {
            Self::Dns => Failure::Dns(Dns::Failed),
            Self::Tcp => Failure::Connect(Connect::Timeout),
            Self::Tls => Failure::Tls(Tls::Handshake),
        }
    }
}

// === impl Connector ===

impl Connector {
    pub(super) fn new(lookup: Lookup, roots: &Roots) -> Result<Self, Error> {
        let tls = TlsConnector::from(Arc::new(roots.client_config()?));
        Ok(Self { lookup, tls })
    }

    /// Opens a connection to `origin`. The caller holds the deadline and asks `stage` for its meaning.
    pub(super) async fn open(
        &self,
        origin: &Origin,
        stage: &Mutex<Stage>,
    ) -> Result<Wire, Failure> {
        let host = origin.host();
        *stage.lock() = Stage::Dns;
        let addresses = self.lookup.addresses(host, origin.port()).await.map_err(Failure::Dns)?;
        *stage.lock() = Stage::Tcp;
        let stream = reach(addresses).await.map_err(Failure::Connect)?;
        // A socket that cannot be tuned still works.
        let tuned = stream.set_nodelay(true);
        let probed = SockRef::from(&stream).set_tcp_keepalive(&KEEPALIVE);
        if let Err(error) = tuned.and(probed) {
            tracing::debug!(%error, "socket options refused");
        }
        if !origin.is_tls() {
            return Ok(Wire::plain(stream));
        }
        *stage.lock() = Stage::Tls;
        let name = ServerName::try_from(bare(host).to_owned())
            .map_err(|_| certificate("the host is not a name that certificates can hold"))?;
        let stream = self.tls.connect(name, stream).await.map_err(|error| refusal(&error))?;
        Ok(Wire::tls(stream))
    }
}

/// The first address that answers, in order, each with a head start on the next.
async fn reach(addresses: Vec<SocketAddr>) -> Result<TcpStream, Connect> {
    if let [only] = addresses.as_slice() {
        return TcpStream::connect(only).await.map_err(|error| observe(&error));
    }
    let mut queue = addresses.into_iter();
    let mut racing = JoinSet::new();
    let mut worst = Connect::Unreachable;
    loop {
        match queue.next() {
            Some(address) => drop(racing.spawn(TcpStream::connect(address))),
            None if racing.is_empty() => return Err(worst),
            None => {}
        }
        let wait = if queue.len() == 0 { Duration::MAX } else { STAGGER };
        match timeout(wait, racing.join_next()).await {
            Ok(Some(Ok(Ok(stream)))) => return Ok(stream),
            Ok(Some(Ok(Err(error)))) => worst = telling(worst, observe(&error)),
            Ok(Some(Err(_)) | None) | Err(_) => {}
        }
    }
}

/// What an operator learns more from: that the host answered, then that it was silent.
fn telling(one: Connect, other: Connect) -> Connect {
    match (one, other) {
        (Connect::Refused, _) | (_, Connect::Refused) => Connect::Refused,
        (Connect::Timeout, _) | (_, Connect::Timeout) => Connect::Timeout,
        (Connect::Unreachable, Connect::Unreachable) => Connect::Unreachable,
    }
}

fn observe(error: &io::Error) -> Connect {
    let kind = error.kind();
    if matches!(kind, io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset) {
        Connect::Refused
    } else if kind == io::ErrorKind::TimedOut {
        Connect::Timeout
    } else {
        // No route, network down, no address of that family, no file descriptor left.
        Connect::Unreachable
    }
}

fn refusal(error: &io::Error) -> Failure {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    if let Some(rustls::Error::InvalidCertificate(why)) = inner {
        certificate(&why.to_string())
    } else if let Some(error @ rustls::Error::NoCertificatesPresented) = inner {
        certificate(&error.to_string())
    } else {
        tracing::debug!(%error, "no TLS session");
        Failure::Tls(Tls::Handshake)
    }
}

fn certificate(why: &str) -> Failure {
    Failure::Tls(Tls::Certificate(why.chars().take(TEXT_MAX).collect()))
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector").field("lookup", &self.lookup).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use ir::Connect;

    use super::{observe, telling};

    #[test]
    fn tells_how_tcp_failed() {
        let check = |kind: io::ErrorKind, expect| assert_eq!(observe(&kind.into()), expect);
        check(io::ErrorKind::ConnectionRefused, Connect::Refused);
        check(io::ErrorKind::TimedOut, Connect::Timeout);
        check(io::ErrorKind::NetworkUnreachable, Connect::Unreachable);
        check(io::ErrorKind::HostUnreachable, Connect::Unreachable);
        check(io::ErrorKind::NetworkDown, Connect::Unreachable);
        check(io::ErrorKind::AddrNotAvailable, Connect::Unreachable);
    }

    #[test]
    fn keeps_the_most_telling_of_several() {
        use Connect::{Refused, Timeout, Unreachable};
        for (one, other, expect) in [
            (Unreachable, Refused, Refused),
            (Refused, Timeout, Refused),
            (Timeout, Unreachable, Timeout),
            (Unreachable, Unreachable, Unreachable),
        ] {
            assert_eq!(telling(one, other), expect);
        }
    }
}
