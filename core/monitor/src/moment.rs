//! One moment by both clocks: the one that only goes on, and the one that people read.

use ir::Time;

/// One moment.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Moment {
    /// By the monotonic clock: decisions go by this one.
    pub at: Time,
    /// By the wall clock, milliseconds since the Unix epoch: this one is shown.
    pub unix_ms: u64,
}

// === impl Moment ===

impl Moment {
    /// An earlier moment, as seen from this one.
    #[must_use]
    pub fn back_to(self, at: Time) -> Self {
        let ago = u64::try_from(self.at.since(at).as_millis()).unwrap_or(u64::MAX);
        Self { at: at.min(self.at), unix_ms: self.unix_ms.saturating_sub(ago) }
    }
}
