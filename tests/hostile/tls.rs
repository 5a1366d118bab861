//! Certificates for the scenarios, and odd handshakes (S33): that stall, that come in tiny records,
//! that are noise, that show a certificate that ended.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{interval, timeout};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::Bed;
use crate::gateway::{Folder, Gateway};
use crate::good::ms;
use crate::http1::{ask, connect, source};
use crate::provider::Provider;
use crate::report::Report;

/// A certificate authority of our own.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    der: CertificateDer<'static>,
    pem: String,
}

/// A certificate with its key.
struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: KeyPair,
    pem: String,
}

/// Connections of each kind.
const EACH: usize = 100;
/// `server.head_timeout` and a moment.
const CLOSED_WITHIN: Duration = Duration::from_secs(11);

/// How a handshake is odd.
#[derive(Clone, Copy, Debug)]
enum Odd {
    /// Not a byte.
    Silent,
    /// Half of a first record.
    Stalled,
    /// Records of one byte, without end.
    Tiny,
    /// Bytes that are no TLS.
    Noise,
    /// HTTP in the clear.
    Clear,
}

/// The scenario.
pub(crate) async fn play(bed: &Bed) -> Result<Report> {
    let mut report = Report::default();
    let provider = Provider::start(&bed.aside).await?;
    let folder = Folder::new()?;
    let authority = Authority::new("hostile callers")?;
    let server = authority.identity(true)?;
    let file = |name: &str, text: &str| folder.write(name, text);
    let lines = format!(
        "tls_cert = {:?}\ntls_key = {:?}\ntls_clients = {:?}",
        file("cert.pem", &server.pem)?,
        file("key.pem", &server.key.serialize_pem())?,
        file("clients.pem", &authority.pem)?,
    );
    let mut gateway = Gateway::start(bed, &folder, &provider.config(&lines)).await?;
    let before = gateway.holding()?;
    let (valid, expired) = (authority.identity(true)?, authority.identity(false)?);
    let mut handshakes = Vec::new();
    for (name, identity) in [("valid", Some(&valid)), ("expired", Some(&expired)), ("no", None)] {
        let tls = TcpStream::connect(gateway.addr).await?;
        let asked = timeout(CLOSED_WITHIN, authority.ask(tls, identity)).await;
        handshakes.push((name, matches!(asked, Ok(Ok(true)))));
    }
    let right = handshakes.iter().all(|(name, served)| *served == (*name == "valid"));
    report.check(right, format!("served with certificates: {handshakes:?}"));
    for odd in [Odd::Silent, Odd::Stalled, Odd::Tiny, Odd::Noise, Odd::Clear] {
        let mut all = JoinSet::new();
        for nth in 0..EACH {
            let stream = connect(gateway.addr, source(nth), None).await?;
            all.spawn(odd.handshake(stream));
        }
        // The valid one is served beside it.
        let beside = timeout(CLOSED_WITHIN, async {
            authority.ask(TcpStream::connect(gateway.addr).await?, Some(&valid)).await
        });
        let beside = matches!(beside.await, Ok(Ok(true)));
        let longest = timeout(CLOSED_WITHIN * 2, all.join_all()).await;
        let longest = longest.ok().and_then(|all| all.into_iter().max());
        report.check(
            beside && longest.is_some_and(|it| it <= CLOSED_WITHIN),
            format!("{odd:?}: {EACH} closed after {}", ms(longest.unwrap_or(Duration::MAX))),
        );
    }
    let back = gateway.returns_to(before.descriptors + 4, Duration::from_secs(5)).await?;
    report.check(back.is_some(), "descriptors back".to_owned());
    gateway.is_well(&mut report)?;
    Ok(report)
}

// === impl Odd ===

impl Odd {
    /// How long the connection is let open.
    async fn handshake(self, mut stream: TcpStream) -> Duration {
        let began = Instant::now();
        // A record of a handshake (22) in TLS 1.0's version, whose length is not what comes.
        let first: &[u8] = match self {
            Self::Silent | Self::Tiny => b"",
            Self::Stalled => &[22, 3, 1, 2, 0, 1, 0, 1, 252],
            Self::Noise => &[255; 512],
            Self::Clear => b"GET / HTTP/1.1\r\nhost: a\r\n\r\n",
        };
        let mut alive = stream.write_all(first).await.is_ok();
        let mut ticks = interval(Duration::from_millis(100));
        let mut buffer = [0; 1024];
        // A ClientHello of 64 KiB, a byte a record: it would take two hours.
        let mut hello = [1, 0, 255, 255].into_iter();
        while alive {
            tokio::select! {
                read = stream.read(&mut buffer) => alive = matches!(read, Ok(1..)),
                _ = ticks.tick(), if matches!(self, Self::Tiny) => {
                    let byte = hello.next().unwrap_or(3);
                    alive = stream.write_all(&[22, 3, 1, 0, 1, byte]).await.is_ok();
                }
            }
        }
        began.elapsed()
    }
}

// === impl Authority ===

impl Authority {
    pub(crate) fn new(name: &str) -> Result<Self> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, name);
        let root = params.self_signed(&key)?;
        let (der, pem) = (root.der().clone(), root.pem());
        Ok(Self { issuer: Issuer::new(params, key), der, pem })
    }

    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    /// A server on this machine that speaks one protocol.
    pub(crate) fn acceptor(&self, protocol: &[u8]) -> Result<TlsAcceptor> {
        let Identity { chain, key, .. } = self.identity(true)?;
        let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(anyhow::Error::msg)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider);
        let config = config.with_safe_default_protocol_versions()?.with_no_client_auth();
        let mut config = config.with_single_cert(chain, key)?;
        config.alpn_protocols = vec![protocol.to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// A certificate for this machine, valid or one that ended.
    fn identity(&self, valid: bool) -> Result<Identity> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(["127.0.0.1".to_owned(), "localhost".to_owned()])?;
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        if !valid {
            params.not_before = date_time_ymd(2020, 1, 1);
            params.not_after = date_time_ymd(2021, 1, 1);
        }
        let leaf = params.signed_by(&key, &self.issuer)?;
        let pem = leaf.pem();
        Ok(Identity { chain: vec![leaf.der().clone(), self.der.clone()], key, pem })
    }

    /// Asks over TLS, with a certificate or without; whether an answer came.
    async fn ask(&self, stream: TcpStream, identity: Option<&Identity>) -> Result<bool> {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone())?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider);
        let config = config.with_safe_default_protocol_versions()?.with_root_certificates(roots);
        let config = match identity {
            Some(Identity { chain, key, .. }) => {
                let key = PrivateKeyDer::try_from(key.serialize_der());
                config.with_client_auth_cert(chain.clone(), key.map_err(anyhow::Error::msg)?)?
            }
            None => config.with_no_client_auth(),
        };
        let name = ServerName::try_from("localhost")?;
        let mut tls = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
        tls.write_all(&ask("ok", false)).await?;
        let mut first = [0; 12];
        tls.read_exact(&mut first).await.context("refused")?;
        Ok(first.starts_with(b"HTTP/1.1 200"))
    }
}
