//! The watch over providers: whether there is one, and how much it may ask and do.

use std::time::Duration;

/// The `[watch]` section.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "what is allowed, each on its own; no state")]
pub struct Watch {
    /// Whether anybody watches.
    pub enabled: bool,
    /// Whether a verdict that is certain changes anything.
    pub act: bool,
    /// Whether status pages are read.
    pub pages: bool,
    /// Whether neutral hosts and public resolvers are asked beside a provider that fails.
    pub controls: bool,
    /// The least time between two free requests to a provider that is well.
    pub every: Duration,
}

// === impl Watch ===

impl Default for Watch {
    fn default() -> Self {
        Self {
            enabled: true,
            act: true,
            pages: true,
            controls: true,
            every: Duration::from_mins(1),
        }
    }
}
