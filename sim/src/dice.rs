//! Draws from a seed.

use policy::Rng;
use std::ops::Range;
use std::time::Duration;

/// A source of decisions.
#[derive(Clone, Debug)]
pub(crate) struct Dice(Rng);

// === impl Dice ===

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Rng::new(seed))
    }

    /// A seed for something of its own.
    pub(crate) fn seed(&mut self) -> u64 {
        self.0.draw()
    }

    /// Uniform in the range; its start where it is empty.
    pub(crate) fn within(&mut self, range: Range<u64>) -> u64 {
        let width = range.end.saturating_sub(range.start).max(1);
        range.start + self.0.draw() % width
    }

    pub(crate) fn ms(&mut self, range: Range<u64>) -> Duration {
        Duration::from_millis(self.within(range))
    }

    /// Uniform, above 0 and at most 1.
    #[expect(clippy::cast_precision_loss, reason = "of 53 bits none is lost")]
    pub(crate) fn unit(&mut self) -> f64 {
        ((self.0.draw() >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }

    pub(crate) fn percent(&mut self, chance: u64) -> bool {
        self.within(0..100) < chance
    }

    /// One of these; nothing of nothing.
    pub(crate) fn pick<T: Copy>(&mut self, of: &[T]) -> Option<T> {
        let count = u64::try_from(of.len()).unwrap_or(u64::MAX);
        usize::try_from(self.within(0..count)).ok().and_then(|index| of.get(index)).copied()
    }

    /// Another order.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            let other = self.within(0..u64::try_from(end).unwrap_or(0) + 1);
            items.swap(end, usize::try_from(other).unwrap_or(0));
        }
    }
}
