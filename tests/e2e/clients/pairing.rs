//! Which dialect the provider behind the gateway speaks, seen from the client.

use ir::Dialect;

/// A client's dialect and its provider's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Pairing {
    /// They speak the same.
    Same,
    /// The gateway translates.
    Crossed,
}

// === impl Pairing ===

impl Pairing {
    /// The pairings that the gateway serves today: what is not in here is not played.
    pub(super) const READY: &'static [Self] = &[Self::Same, Self::Crossed];

    /// Every one of them.
    pub(super) const ALL: [Self; 2] = [Self::Same, Self::Crossed];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Crossed => "crossed",
        }
    }

    /// What the provider speaks, for a client of this dialect.
    pub(super) fn provider(self, client: Dialect) -> Dialect {
        match (self, client) {
            (Self::Same, dialect) => dialect,
            (Self::Crossed, Dialect::Chat) => Dialect::Messages,
            (Self::Crossed, Dialect::Messages) => Dialect::Chat,
        }
    }

    /// Those that are ready, in order.
    pub(super) fn ready() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|pairing| Self::READY.contains(pairing))
    }
}
