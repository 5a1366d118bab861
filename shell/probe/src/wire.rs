//! Connections: TCP by the ground's ways, and TLS whose certificates are always checked.
//!
//! **Invariant:** nothing here believes a certificate that the given roots do not vouch for.

use crate::{Ground, Trusted, Way};
use ir::Place;
use ir::evidence::{Knock, Reached};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, RootCertStore};
use std::future::pending;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use transport::{Clock, Tcp};

/// One attempt at a TCP connection, and the connection where there is one.
pub(crate) async fn tcp(ground: &Ground, to: SocketAddr, left: Duration) -> (Knock, Option<Tcp>) {
    let began = Instant::now();
    if !may_be_asked(to.ip()) {
        return (Knock { reached: Reached::Unreachable, took_ms: 0 }, None);
    }
    let (reached, stream) = match timeout(ground.limits.tcp.min(left), connect(ground, to)).await {
        Ok(Ok(stream)) => (Reached::Connected, Some(stream)),
        Ok(Err(error)) => (reached(&error), None),
        Err(_) => (Reached::Timeout, None),
    };
    (Knock { reached, took_ms: ms(began.elapsed()) }, stream)
}

/// A TCP connection, as long as it takes, to an address that was judged.
pub(crate) async fn connect(ground: &Ground, to: SocketAddr) -> io::Result<Tcp> {
    let to = match ground.ways.of_tcp(to) {
        Way::Straight => to,
        Way::To(other) => other,
        Way::Refused => return Err(io::ErrorKind::ConnectionRefused.into()),
        Way::Unreachable => return Err(io::ErrorKind::NetworkUnreachable.into()),
        Way::Silent => pending().await,
    };
    ground.net.connect(to).await
}

/// A fresh socket that hears nobody but `to`.
pub(crate) async fn udp(ground: &Ground, to: SocketAddr) -> io::Result<UdpSocket> {
    let to = match ground.ways.of_udp(to) {
        Way::Straight => to,
        Way::To(other) => other,
        Way::Refused => return Err(io::ErrorKind::ConnectionRefused.into()),
        Way::Unreachable => return Err(io::ErrorKind::NetworkUnreachable.into()),
        Way::Silent => pending().await,
    };
    let here: SocketAddr = if to.is_ipv4() { ([0; 4], 0).into() } else { ([0_u16; 8], 0).into() };
    let socket = UdpSocket::bind(here).await?;
    socket.connect(to).await?;
    Ok(socket)
}

/// Whether anything may be sent there, whoever named it: not to the services that tell clouds'
/// machines their credentials, nor to what is no host at all.
pub(crate) fn may_be_asked(address: IpAddr) -> bool {
    match Place::of(address) {
        Place::Public | Place::Private | Place::Loopback | Place::Example => true,
        Place::LinkLocal
        | Place::Metadata
        | Place::Unspecified
        | Place::Multicast
        | Place::Reserved => false,
    }
}

/// What an error of the system means.
pub(crate) fn reached(error: &io::Error) -> Reached {
    let kind = error.kind();
    if matches!(kind, io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset) {
        Reached::Refused
    } else if kind == io::ErrorKind::TimedOut {
        Reached::Timeout
    } else {
        Reached::Unreachable
    }
}

/// The ground's clock, for the dates of certificates.
#[derive(Debug)]
struct Now(Clock);

impl TimeProvider for Now {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_millis(self.0.unix_ms())))
    }
}

/// The TLS library's own cryptography.
pub(crate) fn cryptography() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// How TLS is spoken where something depends on who answers: with these roots and no others.
pub(crate) fn strict(
    roots: &Arc<RootCertStore>,
    clock: Clock,
) -> Result<Arc<ClientConfig>, rustls::Error> {
    let mut config = ClientConfig::builder_with_details(cryptography(), Arc::new(Now(clock)))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(Arc::clone(roots))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// A TLS session over a connection, as long as it takes.
pub(crate) async fn secure(
    config: Arc<ClientConfig>,
    host: &str,
    stream: Tcp,
) -> io::Result<TlsStream<Tcp>> {
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    TlsConnector::from(config).connect(name, stream).await
}

/// What the gateway trusts: the machine's store, and what is configured beside it.
pub(crate) fn trusted(roots: &Trusted, extra: &[CertificateDer<'static>]) -> Arc<RootCertStore> {
    if extra.is_empty() {
        return Arc::clone(&roots.machine);
    }
    let mut store = RootCertStore::clone(&roots.machine);
    store.add_parsable_certificates(extra.iter().cloned());
    Arc::new(store)
}

/// Whole milliseconds.
pub(crate) fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
