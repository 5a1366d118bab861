//! What bodies that are still coming may hold, all together.
//!
//! One body is bounded by `server.body_max`, but a thousand that never end are not. What holds most
//! and has not said how long it will be is refused first; small ones always fit.
//!
//! **Invariant:** beyond the budgets nobody holds more than [`SMALL`].

use crate::memory::Pressure;
use config::Server;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// All bodies under way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Uploads(Arc<Totals>);

#[derive(Debug, Default)]
struct Totals {
    announced: AtomicU64,
    unannounced: AtomicU64,
}

/// One body under way. What it holds is given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Upload {
    all: Uploads,
    announced: bool,
    held: u64,
}

/// What each may hold, whatever the others do.
const SMALL: u64 = 64 * 1024;
/// All bodies together whose length was not announced: clients announce it, but for few.
const UNANNOUNCED_MAX: u64 = 8 << 20;

// === impl Uploads ===

impl Uploads {
    pub(crate) fn begin(&self, announced: bool) -> Upload {
        Upload { all: self.clone(), announced, held: 0 }
    }
}

// === impl Upload ===

impl Upload {
    /// Takes more bytes, unless that is too much for now.
    pub(crate) fn more(&mut self, bytes: u64, server: &Server, memory: Pressure) -> bool {
        let max = if self.announced { server.uploads_max } else { UNANNOUNCED_MAX };
        self.held += bytes;
        let all = self.total().fetch_add(bytes, Ordering::Relaxed) + bytes;
        // Whoever is alone may have it all.
        self.held <= SMALL || (memory < Pressure::Scarce && (all <= max || all == self.held))
    }

    fn total(&self) -> &AtomicU64 {
        let totals = &self.all.0;
        if self.announced { &totals.announced } else { &totals.unannounced }
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        self.total().fetch_sub(self.held, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::{SMALL, UNANNOUNCED_MAX, Uploads};
    use crate::memory::Pressure;
    use config::Server;

    #[test]
    fn large_ones_share_a_budget_and_small_ones_fit() {
        let server = Server { uploads_max: 4 << 20, ..Server::default() };
        for (announced, max) in [(true, server.uploads_max), (false, UNANNOUNCED_MAX)] {
            let uploads = Uploads::default();
            let mut alone = uploads.begin(announced);
            assert!(alone.more(max * 2, &server, Pressure::Tight), "nobody else is there");
            let mut second = uploads.begin(announced);
            assert!(second.more(SMALL, &server, Pressure::Tight));
            assert!(!second.more(1, &server, Pressure::Tight));
            assert!(!alone.more(1, &server, Pressure::Tight));
            drop(alone);
            assert!(second.more(max / 2, &server, Pressure::Tight));
            let mut other_kind = uploads.begin(!announced);
            assert!(other_kind.more(SMALL * 2, &server, Pressure::Tight), "a budget of its own");
            assert!(!other_kind.more(1, &server, Pressure::Scarce), "memory is scarce");
            drop((second, other_kind));
            let mut third = uploads.begin(announced);
            assert!(third.more(max, &server, Pressure::Tight), "all was given back");
        }
    }
}
