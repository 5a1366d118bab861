//! TLS listeners with certificates that are right, or wrong in one way.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::fmt::{Debug, Formatter, Result as FmtResult};
use std::io::{Error, Result};
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// What a TLS listener does. Its certificates are for `127.0.0.1` and `localhost`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum TlsFault {
    /// Nothing is wrong, for those who trust [`root`](super::Provider::root).
    Valid,
    /// The certificate ended in 2021.
    Expired,
    /// The certificate begins in 2100.
    Early,
    /// The certificate is for `elsewhere.invalid`.
    WrongHost,
    /// The certificate was not issued by [`root`](super::Provider::root).
    Untrusted,
    /// The certificate was issued by nobody but itself.
    SelfSigned,
    /// The `ClientHello` is never answered.
    Stall,
}

/// How a listener treats a new connection.
#[derive(Clone)]
pub(super) enum Tls {
    /// In the clear.
    Off,
    /// Never answers.
    Stall,
    /// With a handshake.
    On(TlsAcceptor),
}

// === impl TlsFault ===

impl TlsFault {
    /// Every one of them.
    pub const ALL: [Self; 7] = [
        Self::Valid,
        Self::Expired,
        Self::Early,
        Self::WrongHost,
        Self::Untrusted,
        Self::SelfSigned,
        Self::Stall,
    ];

    /// The listener's side, and the root that its clients shall trust.
    pub(super) fn prepare(self) -> Result<(Tls, Root)> {
        let issuer = Authority::new("Backstop drill CA")?;
        let root = Root { der: issuer.der.to_vec(), pem: issuer.pem.clone() };
        let mut params = leaf(&HERE)?;
        let tls = match self {
            Self::Valid => issuer.acceptor(&params)?,
            Self::Expired => {
                params.not_before = date_time_ymd(2020, 1, 1);
                params.not_after = date_time_ymd(2021, 1, 1);
                issuer.acceptor(&params)?
            }
            Self::Early => {
                params.not_before = date_time_ymd(2100, 1, 1);
                params.not_after = date_time_ymd(2101, 1, 1);
                issuer.acceptor(&params)?
            }
            Self::WrongHost => issuer.acceptor(&leaf(&["elsewhere.invalid"])?)?,
            Self::Untrusted => Authority::new("Stranger's CA")?.acceptor(&params)?,
            Self::SelfSigned => {
                let key = KeyPair::generate().map_err(Error::other)?;
                let own = params.self_signed(&key).map_err(Error::other)?;
                acceptor(vec![own.der().clone()], &key)?
            }
            Self::Stall => Tls::Stall,
        };
        Ok((tls, root))
    }
}

const HERE: [&str; 2] = ["127.0.0.1", "localhost"];

/// A certificate authority of our own.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    der: CertificateDer<'static>,
    pem: String,
}

/// The certificate of an authority.
#[derive(Clone, Debug)]
pub(super) struct Root {
    pub(super) der: Vec<u8>,
    pub(super) pem: String,
}

// === impl Authority ===

impl Authority {
    fn new(name: &str) -> Result<Self> {
        let key = KeyPair::generate().map_err(Error::other)?;
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, name);
        let root = params.self_signed(&key).map_err(Error::other)?;
        let (der, pem) = (root.der().clone(), root.pem());
        Ok(Self { issuer: Issuer::new(params, key), der, pem })
    }

    /// A server with a certificate from here.
    fn acceptor(&self, params: &CertificateParams) -> Result<Tls> {
        let key = KeyPair::generate().map_err(Error::other)?;
        let leaf = params.signed_by(&key, &self.issuer).map_err(Error::other)?;
        acceptor(vec![leaf.der().clone(), self.der.clone()], &key)
    }
}

fn leaf(hosts: &[&str]) -> Result<CertificateParams> {
    let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
    CertificateParams::new(hosts).map_err(Error::other)
}

fn acceptor(chain: Vec<CertificateDer<'static>>, key: &KeyPair) -> Result<Tls> {
    let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(Error::other)?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(Error::other)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(Error::other)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Tls::On(TlsAcceptor::from(Arc::new(config))))
}

// === impl Tls ===

impl Debug for Tls {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        f.write_str(match self {
            Self::Off => "Off",
            Self::Stall => "Stall",
            Self::On(_) => "On",
        })
    }
}
