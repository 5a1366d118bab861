//! Who stands behind the names of targets: provider and address, as the configuration has them.

use crate::names;
use config::Config;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The providers of one configuration.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    peers: BTreeMap<String, Peer>,
}

/// One provider.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    /// As OpenTelemetry calls it.
    pub(crate) name: &'static str,
    pub(crate) host: Arc<str>,
    pub(crate) port: u16,
}

/// A target in its parts.
#[derive(Debug)]
pub(crate) struct Whom<'a> {
    /// The name of the provider's section.
    pub(crate) section: &'a str,
    pub(crate) model: &'a str,
    pub(crate) peer: Option<&'a Peer>,
}

// === impl Directory ===

impl Directory {
    pub(crate) fn of(config: &Config) -> Self {
        let peers = config.providers.iter().map(|provider| {
            let peer = Peer {
                name: names::provider(provider.quirks.name),
                host: Arc::from(provider.base_url.host.as_str()),
                port: provider.base_url.port,
            };
            (provider.name.clone(), peer)
        });
        Self { peers: peers.collect() }
    }

    /// Whom `provider/model` names.
    pub(crate) fn find<'a>(&'a self, target: &'a str) -> Whom<'a> {
        let (section, model) = target.split_once('/').unwrap_or((target, ""));
        Whom { section, model, peer: self.peers.get(section) }
    }
}

// === impl Whom ===

impl Whom<'_> {
    /// As OpenTelemetry calls it; its section where nobody knows more.
    pub(crate) fn provider(&self) -> &str {
        self.peer.map_or(self.section, |peer| peer.name)
    }
}
