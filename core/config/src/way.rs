//! How a provider's address is reached, and whom to believe there.

use crate::{Ca, Proxy};
use ir::Reach;
use std::net::IpAddr;

/// The way to a provider.
#[derive(Clone, Debug)]
pub struct Way {
    /// Trusted in addition to the machine's own store.
    pub ca: Vec<Ca>,
    /// Whom to ask for a tunnel.
    pub proxy: Option<Proxy>,
    /// Where its name leads, whatever resolvers say. Empty: they are asked.
    pub addresses: Vec<IpAddr>,
    /// Where else its name may lead.
    pub reach: Reach,
}

// === impl Way ===

impl Way {
    /// Whether a connection made in one way could have been made in the other.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let Self { ca, proxy, addresses, reach } = self;
        let proxies = match (proxy, &other.proxy) {
            (Some(one), Some(two)) => one.is_same(two),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        *ca == other.ca && proxies && *addresses == other.addresses && *reach == other.reach
    }
}
