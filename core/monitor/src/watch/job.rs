//! One kind of question: when it may be asked again, and whether it is under way.

use ir::Time;
use std::time::Duration;

/// When one kind of question is due.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Job {
    began: Option<Time>,
    not_before: Time,
}

/// Who has not come back by then is lost: each has a shorter limit of its own.
const LOST: Duration = Duration::from_mins(2);

// === impl Job ===

impl Job {
    pub(super) fn is_under_way(&self, now: Time) -> bool {
        self.began.is_some_and(|began| now.since(began) < LOST)
    }

    pub(super) fn is_due(&self, now: Time) -> bool {
        !self.is_under_way(now) && self.not_before <= now
    }

    pub(super) fn begin(&mut self, now: Time) {
        self.began = Some(now);
    }

    /// It ended; the next is due after so long.
    pub(super) fn end(&mut self, now: Time, again: Duration) {
        *self = Self { began: None, not_before: now + again };
    }

    /// The next is due at once.
    pub(super) fn hasten(&mut self, now: Time) {
        self.not_before = self.not_before.min(now);
    }
}
