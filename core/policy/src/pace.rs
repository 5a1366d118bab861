//! How long a target usually takes to its first content: the 95th percentile of recent answers; and
//! whether it takes several times as long just now.

use crate::brownout::Brownout;
use ir::Time;
use std::time::Duration;

/// The last answers of one target.
#[derive(Debug, Default)]
pub struct Pace {
    recent: Vec<Duration>,
    next: usize,
    /// Whether it is slow just now.
    pub brownout: Brownout,
}

/// How many answers are remembered.
const KEEP: usize = 64;
/// Fewer than this say nothing.
const ENOUGH: usize = 8;

// === impl Pace ===

impl Pace {
    /// An answer showed its first content after this long; `told`, it was said before that it was
    /// late.
    pub fn note(&mut self, now: Time, first_content: Duration, told: bool) {
        // Else an hour of slowness would teach patience with it.
        let late = self.brownout.late_after().unwrap_or(Duration::MAX);
        self.brownout.note(now, first_content, told);
        let first_content = first_content.min(late);
        match self.recent.get_mut(self.next) {
            Some(slot) => *slot = first_content,
            None => self.recent.push(first_content),
        }
        self.next = (self.next + 1) % KEEP;
    }

    /// The 95th percentile (nearest rank), once enough is known.
    pub fn p95(&self) -> Option<Duration> {
        if self.recent.len() < ENOUGH {
            return None;
        }
        let mut sorted = self.recent.clone();
        let rank = (sorted.len() * 95).div_ceil(100).saturating_sub(1);
        Some(*sorted.select_nth_unstable(rank).1)
    }
}

#[cfg(test)]
mod tests {
    use super::Pace;
    use ir::Time;
    use std::time::Duration;

    fn note(pace: &mut Pace, ms: u64) {
        pace.note(Time::ZERO, Duration::from_millis(ms), false);
    }

    #[test]
    fn knows_the_slow_end_of_recent_answers() {
        let mut pace = Pace::default();
        (1..=7).for_each(|ms| note(&mut pace, ms));
        assert_eq!(pace.p95(), None, "too few");
        (8..=100).for_each(|ms| note(&mut pace, ms));
        assert_eq!(pace.p95(), Some(Duration::from_millis(97)), "of 37..=100");
        (0..64).for_each(|_| note(&mut pace, 5));
        assert_eq!(pace.p95(), Some(Duration::from_millis(5)), "the past is forgotten");
    }
}
