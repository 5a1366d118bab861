//! From a host to an open byte stream: DNS, TCP, TLS, under one deadline, each with its own failure.
//!
//! **Invariants:** a name is looked up once per connection, and the connection goes to an address
//! that was judged; or it goes to the proxy, and nowhere else. Nothing of a request is written
//! before the certificate was found to be right.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use ir::{Connect, Dns, Failure, Proxy, Tls};
use parking_lot::Mutex;
use rustls::pki_types::ServerName;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::Error;
use super::dial::dial;
use super::origin::{Origin, bare};
use super::resolve::Lookup;
use super::roots::Roots;
use super::tunnel::Tunnel;
use super::wire::Wire;
use crate::{Net, Tcp};

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
    Proxy,
    Tls,
}

/// Opens connections.
pub(super) struct Connector {
    lookup: Lookup,
    net: Net,
    /// Where nobody is connected to directly.
    tunnel: Option<Tunnel>,
    tls: TlsConnector,
}

// === impl Stage ===

impl Stage {
    /// What a deadline in this stage means.
    pub(super) fn late(self) -> Failure {
        match self {
            Self::Dns => Failure::Dns(Dns::Failed),
            Self::Tcp => Failure::Connect(Connect::Timeout),
            Self::Proxy => Failure::Proxy(Proxy::Silent),
            Self::Tls => Failure::Tls(Tls::Handshake),
        }
    }
}

// === impl Connector ===

impl Connector {
    pub(super) fn new(
        (lookup, net): (Lookup, Net),
        tunnel: Option<Tunnel>,
        roots: &Roots,
    ) -> Result<Self, Error> {
        let tls = TlsConnector::from(Arc::new(roots.client_config()?));
        Ok(Self { lookup, net, tunnel, tls })
    }

    /// Opens a connection to `origin`. The caller holds the deadline and asks `stage` for its meaning.
    pub(super) async fn open(
        &self,
        origin: &Origin,
        stage: &Mutex<Stage>,
    ) -> Result<Wire, Failure> {
        let stream = match &self.tunnel {
            Some(tunnel) => {
                *stage.lock() = Stage::Proxy;
                tunnel.open(origin).await.map_err(Failure::Proxy)?
            }
            None => self.direct(origin, stage).await?,
        };
        // A socket that cannot be tuned still works.
        if let Some(Err(error)) = stream.socket().map(tune) {
            tracing::debug!(%error, "socket options refused");
        }
        if !origin.is_tls() {
            return Ok(Wire::Plain(stream));
        }
        *stage.lock() = Stage::Tls;
        let name = ServerName::try_from(bare(origin.host()).to_owned())
            .map_err(|_| certificate("the host is not a name that certificates can hold"))?;
        let stream = self.tls.connect(name, stream).await.map_err(|error| refusal(&error))?;
        Ok(Wire::Tls(Box::new(stream)))
    }

    async fn direct(&self, origin: &Origin, stage: &Mutex<Stage>) -> Result<Tcp, Failure> {
        *stage.lock() = Stage::Dns;
        let found = self.lookup.addresses(origin.host(), origin.port()).await;
        let addresses = found.map_err(Failure::Dns)?;
        *stage.lock() = Stage::Tcp;
        dial(&self.net, addresses).await.map_err(Failure::Connect)
    }
}

fn tune(socket: &TcpStream) -> io::Result<()> {
    let tuned = socket.set_nodelay(true);
    let probed = SockRef::from(socket).set_tcp_keepalive(&KEEPALIVE);
    tuned.and(probed)
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
        f.debug_struct("Connector")
            .field("lookup", &self.lookup)
            .field("tunnel", &self.tunnel)
            .finish_non_exhaustive()
    }
}
