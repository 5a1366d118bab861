//! How fast a target usually writes: the mean time between two contents of its streams.

use std::time::Duration;

/// The streams of one target.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rate {
    /// Of its streams, the later ones weigh more.
    gap: Duration,
    seen: u32,
}

/// Fewer streams than this say nothing.
const ENOUGH: u32 = 8;
/// What the next stream weighs: 1 of so many.
const WEIGHT: u32 = 8;
/// A stream of fewer contents than this says nothing: it may have come in one piece.
pub const CONTENTS_MIN: u64 = 20;

// === impl Rate ===

impl Rate {
    /// A stream ended well; the mean time between its contents.
    pub fn note(&mut self, gap: Duration) {
        self.gap = if self.seen == 0 {
            gap
        } else {
            (self.gap.saturating_mul(WEIGHT - 1).saturating_add(gap)) / WEIGHT
        };
        self.seen = self.seen.saturating_add(1);
    }

    /// The usual time between two contents, once enough is known.
    pub fn usual(&self) -> Option<Duration> {
        (ENOUGH <= self.seen).then_some(self.gap)
    }
}

#[cfg(test)]
mod tests {
    use super::{ENOUGH, Rate};
    use std::time::Duration;

    #[test]
    fn it_is_known_after_some_and_follows() {
        let mut rate = Rate::default();
        for _ in 1..ENOUGH {
            rate.note(Duration::from_millis(100));
        }
        assert_eq!(rate.usual(), None);
        rate.note(Duration::from_millis(100));
        assert_eq!(rate.usual(), Some(Duration::from_millis(100)));
        for _ in 0..64 {
            rate.note(Duration::from_millis(10));
        }
        assert!(rate.usual().is_some_and(|gap| gap < Duration::from_millis(11)));
    }
}
