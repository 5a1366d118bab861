//! Where an address leads: straight there, or wherever a test says.

use std::collections::BTreeMap;
use std::net::SocketAddr;

/// Where addresses lead, TCP and UDP apart. What is in neither table goes `otherwise`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Ways {
    /// Of TCP.
    pub tcp: BTreeMap<SocketAddr, Way>,
    /// Of UDP.
    pub udp: BTreeMap<SocketAddr, Way>,
    /// Of what is named in neither.
    pub otherwise: Way,
}

/// Where one address leads.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Way {
    /// There.
    #[default]
    Straight,
    /// To another address, which answers in its place.
    To(SocketAddr),
    /// To a host where nobody listens.
    Refused,
    /// Nowhere: there is no route.
    Unreachable,
    /// Into a hole: nothing ever comes back.
    Silent,
}

// === impl Ways ===

impl Ways {
    /// The way of a TCP connection.
    pub fn of_tcp(&self, to: SocketAddr) -> Way {
        self.tcp.get(&to).copied().unwrap_or(self.otherwise)
    }

    /// The way of a datagram.
    pub fn of_udp(&self, to: SocketAddr) -> Way {
        self.udp.get(&to).copied().unwrap_or(self.otherwise)
    }
}
