//! Whether callers and providers speak the same dialect.

use ir::Dialect;

/// The dialects of a caller and of its providers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Pairing {
    /// They speak the same.
    Same,
    /// The gateway translates.
    Crossed,
}

// === impl Pairing ===

impl Pairing {
    pub(crate) const ALL: [Self; 2] = [Self::Same, Self::Crossed];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Crossed => "crossed",
        }
    }

    /// Whether there is such a pair: what does not cross is spoken on both sides.
    pub(crate) fn is_there(self, dialect: Dialect) -> bool {
        self == Self::Same || dialect.crossable().is_some()
    }

    /// What the other side speaks, seen from either.
    pub(crate) fn beside(self, dialect: Dialect) -> Dialect {
        match (self, dialect) {
            (Self::Same, dialect) => dialect,
            (Self::Crossed, Dialect::Chat) => Dialect::Messages,
            (Self::Crossed, Dialect::Messages) => Dialect::Chat,
            (Self::Crossed, Dialect::Responses) => panic!("it crosses to nobody"),
        }
    }
}
