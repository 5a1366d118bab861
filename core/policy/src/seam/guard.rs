//! Behind the joint, what is held a little longer: the anchor may have been quoted and not repeated, or
//! the delivered text be repeated once more.

use super::clusters::Cluster;
use super::echo::Echo;
use super::preamble::{FENCES, Preamble};
use super::search::{Finder, PREAMBLE_MAX};
use super::told::{OVERLAP_MIN, TOLD_MIN, Told};
use super::why;

/// Reads what follows the joint until it is certain that the text goes on.
#[derive(Debug)]
pub(super) struct Guard {
    /// The end of the delivered text, and its beginning.
    finders: Vec<Finder>,
    echo: Echo,
    /// The anchor begins a block of code.
    fenced: bool,
    /// Clusters that came, but for white space before the first.
    count: usize,
    /// As many are held: what stands before a repetition is no longer.
    until: usize,
}

/// Held where nothing was said before the anchor.
const HELD_MIN: usize = 120;

// === impl Guard ===

impl Guard {
    pub(super) fn new(told: &Told, preamble: Preamble) -> Self {
        let length = told.len();
        let mut finders = Vec::new();
        if let Some(end) = told.end {
            finders.push(Finder::new(told, length.saturating_sub(end.overlap)..length));
        }
        if told.begins_once() {
            finders.push(Finder::new(told, 0..TOLD_MIN));
        }
        let until = if preamble.talk { PREAMBLE_MAX } else { HELD_MIN };
        Self { finders, echo: Echo::new(told), fenced: preamble.fenced, count: 0, until }
    }

    /// Whether all that is held may leave; or why none of it may.
    pub(super) fn take(&mut self, told: &Told, cluster: Cluster<'_>) -> Result<bool, &'static str> {
        if self.count == 0 && cluster.is_white() {
            self.echo.part();
            return Ok(false);
        }
        self.count += 1;
        if self.count == 1 && self.fenced && cluster.raw.starts_with(FENCES) {
            return Err(why::TALK);
        }
        if self.echo.take(told, cluster) {
            return Err(why::TWICE);
        }
        let mut begun = false;
        for finder in &mut self.finders {
            if finder.take(told, cluster) {
                return Err(why::TWICE);
            }
            begun |= finder.matched >= OVERLAP_MIN;
        }
        Ok(self.count >= self.until && !begun)
    }
}
