//! TLS towards callers: our certificate, and whose certificates they must show, if any.
//!
//! **Invariants:** TLS 1.2 is the oldest; a client's certificate is always checked where an authority
//! is named; a private key is in no message and in no debug output.

use std::fmt;
use std::sync::Arc;

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

/// How a listener speaks TLS. Clones are the same.
#[derive(Clone)]
pub struct ServerTls {
    config: Arc<ServerConfig>,
    /// Whose certificates callers must show, in PEM.
    clients: Option<Arc<[u8]>>,
}

/// Why TLS cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificate's file is not one or more certificates in PEM.
    #[error("the certificate cannot be read: {0}")]
    Certificate(pem::Error),
    /// The key's file is not a private key in PEM.
    #[error("the private key cannot be read: {0}")]
    Key(pem::Error),
    /// The file of client authorities is not one or more certificates in PEM.
    #[error("the authority of clients cannot be read: {0}")]
    ClientAuthority(pem::Error),
    /// The file of client authorities holds nothing that could be one.
    #[error("the authority of clients is none")]
    NoClientAuthority,
    /// Key and certificate do not belong together, or are of a kind that is not served.
    #[error("certificate and private key cannot be used: {0}")]
    Unfit(rustls::Error),
}

// === impl ServerTls ===

impl ServerTls {
    /// Serves with the certificates (its own first) and the private key of these PEM texts. Where
    /// `client_authority` is given, callers must show a certificate that it issued.
    pub fn new(
        certificate: &[u8],
        key: &[u8],
        client_authority: Option<&[u8]>,
    ) -> Result<Self, TlsError> {
        let chain = certificates(certificate).map_err(TlsError::Certificate)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(TlsError::Key)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Unfit)?;
        let builder = match client_authority {
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                let authorities = certificates(authority).map_err(TlsError::ClientAuthority)?;
                roots.add_parsable_certificates(authorities);
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                let verifier = verifier.build().map_err(|_| TlsError::NoClientAuthority)?;
                builder.with_client_cert_verifier(verifier)
            }
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_single_cert(chain, key).map_err(TlsError::Unfit)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { config: Arc::new(config), clients: client_authority.map(Arc::from) })
    }

    pub(super) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }

    /// Whether two listeners let the same callers in.
    pub(super) fn admit_the_same(one: Option<&Self>, other: Option<&Self>) -> bool {
        match (one, other) {
            (Some(one), Some(other)) => one.clients == other.clients,
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        }
    }
}

/// All certificates of a PEM text; it is an error if there is none.
fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, pem::Error> {
    let found = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>()?;
    if found.is_empty() { Err(pem::Error::NoItemsFound) } else { Ok(found) }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerTls")
    }
}
