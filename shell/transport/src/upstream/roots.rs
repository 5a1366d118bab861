//! The certificates we trust: the machine's own store, Mozilla's where it has none, and extra ones.
//!
//! **Invariant:** verification cannot be switched off; a private authority is added instead.

use std::sync::{Arc, OnceLock};

use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};

use super::Error;

/// The machine's store, read once for the whole process.
static NATIVE: OnceLock<Arc<RootCertStore>> = OnceLock::new();

/// Whom to trust.
#[derive(Clone, Debug, Default)]
pub struct Roots {
    extra: Vec<CertificateDer<'static>>,
}

// === impl Roots ===

impl Roots {
    /// The machine's trust store; Mozilla's where the machine has none.
    pub fn native() -> Self {
        Self::default()
    }

    /// The machine's store, as [`native`](Self::native) has it. Blocks on files the first time.
    pub fn machine() -> Arc<RootCertStore> {
        Arc::clone(NATIVE.get_or_init(|| Arc::new(load())))
    }

    /// These and one more authority, in DER. A broken one is reported by
    /// [`Upstream::new`](crate::Upstream::new).
    #[must_use]
    pub fn with_der(mut self, der: Vec<u8>) -> Self {
        self.extra.push(CertificateDer::from(der));
        self
    }

    /// How an upstream speaks TLS: HTTP/2 where the peer has it, HTTP/1.1 otherwise.
    pub(super) fn client_config(&self) -> Result<ClientConfig, Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(Error::Tls)?
            .with_root_certificates(self.store()?)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }

    fn store(&self) -> Result<Arc<RootCertStore>, Error> {
        let native = Self::machine();
        if self.extra.is_empty() {
            return Ok(native);
        }
        let mut store = RootCertStore::clone(&native);
        for der in &self.extra {
            store.add(der.clone()).map_err(Error::Root)?;
        }
        Ok(Arc::new(store))
    }
}

fn load() -> RootCertStore {
    let mut store = RootCertStore::empty();
    let (added, ignored) =
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if added == 0 {
        store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    tracing::debug!(added, ignored, trusted = store.len(), "trust store read");
    store
}

#[cfg(test)]
mod tests {
    use super::{Error, Roots};

    #[test]
    fn a_broken_root_is_an_error_and_the_machine_has_some() {
        let broken = Roots::native().with_der(b"not a certificate".to_vec());
        assert!(matches!(broken.client_config(), Err(Error::Root(_))));
        assert!(!Roots::native().store().unwrap().is_empty());
    }
}
