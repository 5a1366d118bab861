//! A stream that still comes, and comes much more slowly than its target is used to write.
//!
//! While text is open its contents are counted, window by window. A window that ends with fewer than the
//! share that the operator set of what the target usually writes is a stall that hides behind a trickle.
//!
//! **Invariants:** who is not known writes at no rate; no rate of a content a second or more is slow,
//! whatever is usual; a time in which the caller took nothing is nobody's slowness.

use ir::Time;
use std::time::Duration;

/// What is expected of a stream, and what it has done in this window.
#[derive(Debug)]
pub(super) struct Crawl {
    /// Contents that a window has at least.
    needed: u32,
    window: Duration,
    since: Time,
    count: u32,
}

// === impl Crawl ===

impl Crawl {
    /// For a stream whose target usually has this time between two contents. `None` where a window is too
    /// short to tell, or it is not to be told (`share` 0).
    pub(super) fn new(usual: Duration, share: f64, window: Duration, now: Time) -> Option<Self> {
        let usually = window.as_secs_f64() / usual.as_secs_f64().max(1e-6);
        let needed = (usually * share).min(window.as_secs_f64()).floor();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and the seconds of a window"
        )]
        let needed = needed as u32;
        (0 < needed).then_some(Self { needed, window, since: now, count: 0 })
    }

    /// A text block began: its window does, too.
    pub(super) fn opens(&mut self, now: Time) {
        self.since = now;
        self.count = 0;
    }

    /// Content came.
    pub(super) fn wrote(&mut self, now: Time) {
        if self.since + self.window <= now && self.needed <= self.count {
            self.opens(now);
        }
        self.count = self.count.saturating_add(1);
    }

    /// When its window ends with too little. `room`: since when there is room to deliver.
    pub(super) fn due(&self, room: Time) -> Time {
        if self.needed <= self.count { Time::MAX } else { self.since.max(room) + self.window }
    }
}

#[cfg(test)]
mod tests {
    use super::Crawl;
    use ir::Time;
    use std::time::Duration;

    fn at(ms: u64) -> Time {
        Time::ZERO + Duration::from_millis(ms)
    }

    /// The contents that a window of 10 s needs.
    fn needed(usual_ms: u64, share: f64) -> Option<u32> {
        let usual = Duration::from_millis(usual_ms);
        Crawl::new(usual, share, Duration::from_secs(10), Time::ZERO).map(|crawl| crawl.needed)
    }

    #[test]
    fn what_is_needed() {
        for (usual, share, expect) in [
            (20, 0.05, Some(10)),
            (100, 0.05, Some(5)),
            (100, 0.01, Some(1)),
            (100, 0.0, None),
            (2000, 0.05, None),
            (0, 0.05, Some(10)),
        ] {
            assert_eq!(needed(usual, share), expect, "{usual} ms at {share}");
        }
    }

    #[test]
    fn a_window_is_filled_or_is_due() {
        let window = Duration::from_secs(10);
        let new = || Crawl::new(Duration::from_millis(100), 0.02, window, at(0)).expect("a crawl");
        let mut crawl = new();
        assert_eq!(crawl.due(at(0)), at(10_000));
        assert_eq!(crawl.due(at(4_000)), at(14_000), "nobody took anything until then");
        crawl.wrote(at(1_000));
        assert_eq!(crawl.due(at(0)), at(10_000));
        crawl.wrote(at(9_000));
        assert_eq!(crawl.due(at(0)), Time::MAX, "enough for this window");
        crawl.wrote(at(11_000));
        assert_eq!(crawl.due(at(0)), at(21_000), "the next has begun");
        crawl.opens(at(15_000));
        assert_eq!(crawl.due(at(0)), at(25_000));
    }
}
