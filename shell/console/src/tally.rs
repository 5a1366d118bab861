//! The counters, shared by those who count and those who read.

use ir::Record;
use monitor::{Gauges, Metrics};
use parking_lot::Mutex;
use std::sync::Arc;

/// Counters behind a lock. Clones are the same ones.
///
/// **Invariant:** the lock is held for one record or one page, and nothing is waited for meanwhile.
#[derive(Clone, Debug, Default)]
pub struct Tally(Arc<Mutex<Metrics>>);

// === impl Tally ===

impl Tally {
    /// Takes a record in.
    pub fn take(&self, record: &Record) {
        self.0.lock().take(record);
    }

    /// The page of a scrape.
    pub fn page(&self, gauges: &Gauges) -> String {
        self.0.lock().render(gauges)
    }
}
