//! A provider as it is measured: the same address, way and key that requests have.

use config::{Ca, Credential, Provider};
use http::{HeaderName, HeaderValue};
use ir::Dialect;
use ir::evidence::{CaFile, KeySeen};
use probe::{Base, Header, Named, Proxy, Subject};
use secrecy::{ExposeSecret, SecretString};

/// Where a configuration came from, for whoever is to look there.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Told {
    /// Who says where the provider is.
    pub(crate) base_url: Named,
    /// Who says through which proxy.
    pub(crate) proxy: String,
    /// Who says which key.
    pub(crate) key: String,
}

// === impl Told ===

impl Told {
    /// What can be said where only the configuration is at hand.
    pub(crate) fn of_config(provider: &Provider) -> Self {
        let said = |field: &str| format!("providers.{}.{field}", provider.name);
        Self {
            base_url: Named { from: said("base_url"), path: None, line: None },
            proxy: said("proxy"),
            key: said("api_key"),
        }
    }
}

/// A provider as it is measured.
pub(crate) fn subject(provider: &Provider, told: Told) -> Subject {
    let url = &provider.base_url;
    let base =
        Base { tls: url.https, host: url.host.clone(), port: url.port, path: url.path.clone() };
    let usual: Option<Base> = provider.quirks.base_url.parse().ok();
    let usual = usual.filter(|_| !provider.local);
    let vendors = usual.as_ref().is_some_and(|usual| usual.host == base.host);
    let elsewhere = usual.filter(|_| !vendors);
    let version = HeaderValue::from_static("2023-06-01");
    let headers = match provider.dialect {
        Dialect::Messages => vec![(HeaderName::from_static("anthropic-version"), version)],
        Dialect::Chat | Dialect::Responses => Vec::new(),
    };
    let (header, key) = key(provider, told.key);
    let way = &provider.way;
    Subject {
        provider: provider.name.clone(),
        base,
        usual: elsewhere.map(|usual| (usual, told.base_url)),
        vendors,
        header,
        key,
        headers,
        proxy: way.proxy.as_ref().map(|proxy| Proxy {
            from: told.proxy,
            host: proxy.host.clone(),
            port: proxy.port,
            authorization: proxy.credential.clone(),
        }),
        addresses: way.addresses.clone(),
        reach: way.reach,
        extra_roots: way
            .ca
            .iter()
            .flat_map(|ca| &ca.certificates)
            .map(|der| der.clone().into())
            .collect(),
        ca: way.ca.iter().map(|ca| configured(provider, ca)).collect(),
        dialect: provider.dialect,
        codes: provider.quirks.codes,
        completion: None,
    }
}

/// A file of certificates, which was read and is in order.
fn configured(provider: &Provider, ca: &Ca) -> CaFile {
    let from = format!("providers.{}.ca", provider.name);
    CaFile { from, path: ca.path.clone(), usable: true }
}

/// The header that carries our key, and what may be told of the key.
fn key(provider: &Provider, from: String) -> (Option<Header>, Option<KeySeen>) {
    match provider.credentials.first() {
        Some(Credential::Ours(key)) => {
            let (name, value) = provider.quirks.auth.header(key.expose_secret());
            let name = HeaderName::from_static(name);
            let value = SecretString::from(value.into_owned());
            (Some(Header { name, value }), Some(KeySeen::Present { from }))
        }
        Some(Credential::Caller) => (None, Some(KeySeen::Callers)),
        Some(Credential::None) | None => (None, Some(KeySeen::NotNeeded)),
    }
}
