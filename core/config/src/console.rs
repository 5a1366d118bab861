//! The console: a listener of its own, for those who watch.

use std::net::{Ipv4Addr, SocketAddr};

/// The `[console]` section.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Console {
    /// Where it listens.
    pub listen: ConsoleListen,
}

/// Where the console listens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ConsoleListen {
    /// Nowhere.
    Off,
    /// Here, where nobody else does: nobody asked for it, so that a taken port stops nothing.
    IfFree(SocketAddr),
    /// Here, as the file says.
    At(SocketAddr),
}

// === impl Console ===

impl Default for Console {
    fn default() -> Self {
        let usual = SocketAddr::from((Ipv4Addr::LOCALHOST, 8485));
        Self { listen: ConsoleListen::IfFree(usual) }
    }
}

// === impl ConsoleListen ===

impl ConsoleListen {
    /// The address, if any.
    pub fn addr(self) -> Option<SocketAddr> {
        match self {
            Self::Off => None,
            Self::IfFree(addr) | Self::At(addr) => Some(addr),
        }
    }
}
