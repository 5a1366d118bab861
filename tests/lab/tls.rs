//! TLS servers with certificates that are right, or wrong in one way, and odd handshakes.

use anyhow::{Result, anyhow};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::fmt;
use std::future::pending;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// A first message with the post-quantum share of 1184 bytes is larger, one without it smaller.
const LARGE: usize = 1000;
/// The head of a TLS record: kind, version, length.
const RECORD_HEAD: usize = 5;
/// What an odd server reads before it does what it does.
const HELLO_MAX: usize = 16 * 1024;

/// Somebody who issues certificates.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    der: CertificateDer<'static>,
    pem: String,
}

/// How a certificate is, for a host.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Shown {
    /// For the host, and in date.
    Good,
    /// It ended in 2021.
    Expired,
    /// It begins in 2100.
    Early,
    /// It is for `elsewhere.invalid`.
    WrongHost,
    /// It was issued by itself.
    SelfSigned,
}

/// How a server shakes hands.
#[derive(Clone)]
pub enum Manner {
    /// As it should.
    Shake(TlsAcceptor),
    /// As it should if the first message is small; a large one is lost on the way.
    LosesLarge(TlsAcceptor),
    /// The first message is never answered.
    Stall,
    /// The first message is answered with the end of the connection.
    Cut,
    /// The first message is answered in the clear.
    Plain,
}

// === impl Authority ===

impl Authority {
    /// A new one, whose certificates name it as organisation and as common name.
    pub fn new(name: &str) -> Result<Self> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.remove(DnType::CommonName);
        params.distinguished_name.push(DnType::OrganizationName, name);
        params.distinguished_name.push(DnType::CommonName, format!("{name} root"));
        let root = params.self_signed(&key)?;
        let (der, pem) = (root.der().clone(), root.pem());
        Ok(Self { issuer: Issuer::new(params, key), der, pem })
    }

    /// Its own certificate.
    pub fn der(&self) -> CertificateDer<'static> {
        self.der.clone()
    }

    /// The same as the text of a PEM file.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A server's side of TLS that shows such a certificate for these names, and speaks these
    /// protocols.
    pub fn acceptor(&self, shown: Shown, names: &[&str], alpn: &[&str]) -> Result<TlsAcceptor> {
        let key = KeyPair::generate()?;
        let names = if shown == Shown::WrongHost { &["elsewhere.invalid"][..] } else { names };
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names)?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.distinguished_name.remove(DnType::CommonName);
        params.distinguished_name.push(DnType::CommonName, "a server of the lab");
        (params.not_before, params.not_after) = match shown {
            Shown::Expired => (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1)),
            Shown::Early => (date_time_ymd(2100, 1, 1), date_time_ymd(2101, 1, 1)),
            Shown::Good | Shown::WrongHost | Shown::SelfSigned => {
                (date_time_ymd(2020, 1, 1), date_time_ymd(2100, 1, 1))
            }
        };
        let chain = if shown == Shown::SelfSigned {
            vec![params.self_signed(&key)?.der().clone()]
        } else {
            vec![params.signed_by(&key, &self.issuer)?.der().clone(), self.der.clone()]
        };
        let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(|it| anyhow!(it))?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider);
        let config = config.with_safe_default_protocol_versions()?.with_no_client_auth();
        let mut config = config.with_single_cert(chain, key)?;
        config.alpn_protocols = alpn.iter().map(|it| it.as_bytes().to_vec()).collect();
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

// === impl Manner ===

impl Manner {
    /// Its handshake with a caller; none where there is nothing more to say.
    pub async fn shake(&self, mut stream: TcpStream) -> Option<TlsStream<TcpStream>> {
        match self {
            Self::Shake(acceptor) => acceptor.accept(stream).await.ok(),
            Self::LosesLarge(acceptor) => {
                if LARGE < hello_length(&stream).await? {
                    return pending().await;
                }
                acceptor.accept(stream).await.ok()
            }
            Self::Stall => pending().await,
            Self::Cut => {
                read_hello(&mut stream).await?;
                None
            }
            Self::Plain => {
                read_hello(&mut stream).await?;
                let said = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
                stream.write_all(said.as_bytes()).await.ok()?;
                stream.shutdown().await.ok()?;
                None
            }
        }
    }
}

impl fmt::Debug for Manner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shake(_) => "Shake",
            Self::LosesLarge(_) => "LosesLarge",
            Self::Stall => "Stall",
            Self::Cut => "Cut",
            Self::Plain => "Plain",
        })
    }
}

/// How long the first record says that it is, without taking it.
async fn hello_length(stream: &TcpStream) -> Option<usize> {
    let mut head = [0; RECORD_HEAD];
    // A peek waits for the first byte; a head comes in one piece over loopback.
    let seen = stream.peek(&mut head).await.ok()?;
    let [_, _, _, high, low] = head;
    (seen == RECORD_HEAD).then(|| usize::from(u16::from_be_bytes([high, low])))
}

/// Takes what comes first, so that the end that follows is no reset.
async fn read_hello(stream: &mut TcpStream) -> Option<()> {
    let length = hello_length(stream).await?.checked_add(RECORD_HEAD)?.min(HELLO_MAX);
    let mut hello = vec![0; length];
    stream.read_exact(&mut hello).await.ok()?;
    Some(())
}
