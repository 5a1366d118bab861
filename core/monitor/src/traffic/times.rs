//! A small histogram of times: four steps to each doubling, so that its middle is off by an eighth at
//! most.

use std::collections::BTreeMap;

/// How many times fell into each step.
#[derive(Clone, Debug, Default)]
pub(super) struct Times(BTreeMap<u8, u64>);

/// Steps to a doubling: 2 to the power of this.
const FINE: u32 = 2;
/// Longer ones fall into the last step.
const MS_MAX: u64 = 1 << 24;

// === impl Times ===

impl Times {
    pub(super) fn note(&mut self, ms: u64) {
        *self.0.entry(step(ms)).or_default() += 1;
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (step, count) in &other.0 {
            *self.0.entry(*step).or_default() += count;
        }
    }

    /// The middle one, in ms; absent where there are none.
    pub(super) fn middle(&self) -> Option<u64> {
        let all: u64 = self.0.values().sum();
        let mut before = 0;
        for (step, count) in &self.0 {
            before += count;
            if all <= before * 2 {
                return Some(value(*step));
            }
        }
        None
    }
}

/// Below 4 ms each has a step of its own; above, the two bits behind the first one tell.
fn step(ms: u64) -> u8 {
    let ms = ms.min(MS_MAX);
    if ms < 1 << FINE {
        return u8::try_from(ms).unwrap_or(0);
    }
    let doublings = ms.ilog2() - FINE;
    let fine = (ms >> doublings) & ((1 << FINE) - 1);
    u8::try_from((u64::from(doublings + 1) << FINE) + fine).unwrap_or(u8::MAX)
}

/// The middle of a step.
fn value(step: u8) -> u64 {
    let (step, fine) = (u64::from(step), 1_u64 << FINE);
    if step < fine {
        return step;
    }
    let doublings = (step >> FINE) - 1;
    let from = (fine + step % fine) << doublings;
    from + (1 << doublings) / 2
}

#[cfg(test)]
mod tests {
    use super::{Times, step, value};

    #[test]
    fn the_middle_is_off_by_an_eighth_at_most() {
        for ms in (0..2000).chain([4_095, 4_096, 60_000, 1_000_000, 1 << 24]) {
            let middle = value(step(ms));
            assert!(middle.abs_diff(ms) * 8 <= ms, "{ms} ms is told as {middle} ms");
        }
        assert_eq!(step(u64::MAX), step(1 << 24));
    }

    #[test]
    fn half_are_not_above_the_middle() {
        let check = |all: &[u64], expect: Option<u64>| {
            let mut times = Times::default();
            for ms in all {
                times.note(*ms);
            }
            assert_eq!(times.middle(), expect.map(|ms| value(step(ms))), "{all:?}");
        };
        check(&[], None);
        check(&[400], Some(400));
        check(&[100, 400, 90_000], Some(400));
        check(&[100, 400], Some(100));
        check(&[400, 400, 400, 9_000, 9_000], Some(400));
    }
}
