//! Behind the joint, what is held a little longer: the anchor may have been quoted and not repeated, or
//! be repeated once more.

use super::clusters::Cluster;
use super::preamble::Preamble;
use super::search::{Finder, PREAMBLE_MAX};
use super::told::Told;
use super::why;

/// Reads what follows an anchor until it is certain that the text goes on.
#[derive(Debug)]
pub(super) struct Guard {
    finder: Option<Finder>,
    closers: String,
    /// Clusters that came, but for white space before the first.
    count: usize,
    /// As many belong to what may yet be a preamble: behind words, the anchor may come twice.
    until: usize,
}

// === impl Guard ===

impl Guard {
    pub(super) fn new(told: &Told, preamble: Preamble) -> Self {
        Self {
            finder: Finder::new(told),
            until: if preamble.talk { PREAMBLE_MAX } else { 1 },
            closers: preamble.closers,
            count: 0,
        }
    }

    /// Whether all that is held may leave; or why none of it may.
    pub(super) fn take(&mut self, told: &Told, cluster: Cluster<'_>) -> Result<bool, &'static str> {
        if self.count == 0 && cluster.is_white() {
            return Ok(false);
        }
        self.count += 1;
        if self.count == 1 && cluster.raw.starts_with(|it| self.closers.contains(it)) {
            return Err(why::TALK);
        }
        let Some(finder) = &mut self.finder else { return Ok(true) };
        if finder.take(told, cluster) {
            return Err(why::TWICE);
        }
        Ok(self.count >= self.until && finder.matched < self.count)
    }
}
