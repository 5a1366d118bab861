//! What a provider saw, in order, within bounds.
//!
//! **Invariant:** at most [`ENTRIES_MAX`] requests and about [`BYTES_MAX`] of their bodies are
//! kept; the oldest fall out first.

use super::seen::{End, Seen};
use std::collections::VecDeque;

/// The most requests that are kept.
const ENTRIES_MAX: usize = 100_000;
/// The most bytes of bodies that are kept.
const BYTES_MAX: usize = 512 * 1024 * 1024;

/// The log of one provider.
#[derive(Debug, Default)]
pub(super) struct Log {
    seen: VecDeque<Seen>,
    next: u64,
    bytes: usize,
}

// === impl Log ===

impl Log {
    /// The number that the next request gets.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Adds a request under the next number.
    pub(super) fn push(&mut self, seen: Seen) {
        self.next = self.next.saturating_add(1);
        self.bytes = self.bytes.saturating_add(seen.body.len());
        self.seen.push_back(seen);
        while self.seen.len() > ENTRIES_MAX || (self.bytes > BYTES_MAX && self.seen.len() > 1) {
            let Some(oldest) = self.seen.pop_front() else { break };
            self.bytes = self.bytes.saturating_sub(oldest.body.len());
        }
    }

    /// Fills in how an exchange ended.
    pub(super) fn end(&mut self, serial: u64, end: End) {
        let place = self.seen.binary_search_by_key(&serial, |seen| seen.serial);
        if let Some(seen) = place.ok().and_then(|place| self.seen.get_mut(place)) {
            seen.ended = Some(end);
        }
    }

    /// The exchange that a connection had open was cut by our own reset.
    pub(super) fn sever(&mut self, connection: u64) {
        let open = |seen: &&mut Seen| seen.connection == connection && seen.ended.is_none();
        if let Some(seen) = self.seen.iter_mut().rev().find(open) {
            seen.ended = Some(End::Reset);
        }
    }

    /// Everything so far.
    pub(super) fn seen(&mut self) -> &[Seen] {
        self.seen.make_contiguous()
    }

    /// Forgets everything but the numbering.
    pub(super) fn clear(&mut self) {
        self.seen.clear();
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::{ENTRIES_MAX, End, Log};
    use crate::provider::seen::Seen;

    #[test]
    fn the_oldest_fall_out_and_ends_find_their_request() {
        let mut log = Log::default();
        for _ in 0..ENTRIES_MAX + 2 {
            let serial = log.next();
            log.push(Seen { serial, ..Seen::new("POST", "/", b"") });
        }
        assert_eq!(log.seen().len(), ENTRIES_MAX);
        assert_eq!(log.seen()[0].serial, 2);
        log.end(1, End::Done);
        log.end(2, End::Fin);
        assert_eq!(log.seen()[0].ended, Some(End::Fin));
        assert_eq!(log.seen()[1].ended, None);
        log.clear();
        assert_eq!((log.seen().len(), log.next()), (0, ENTRIES_MAX as u64 + 2));
    }
}
