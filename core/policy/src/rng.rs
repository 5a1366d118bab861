//! Seeded randomness, so that a seed replays: `SplitMix64` (Steele, Lea, Flood 2014,
//! <https://doi.org/10.1145/2714064.2660195>). Jitter needs no more.

use std::time::Duration;

/// A generator with a seed of its own.
#[derive(Clone, Debug)]
pub struct Rng(u64);

// === impl Rng ===

impl Rng {
    /// A generator that replays with the same seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform in `0..=max`: full jitter.
    pub fn upto(&mut self, max: Duration) -> Duration {
        let nanos = u64::try_from(max.as_nanos()).unwrap_or(u64::MAX);
        match nanos.checked_add(1) {
            Some(range) => Duration::from_nanos(self.draw() % range),
            None => Duration::from_nanos(self.draw()),
        }
    }
    /// A wait with exponential backoff and full jitter: uniform up to `base` doubled so many times,
    /// and to no more than `max`.
    pub fn backoff(&mut self, base: Duration, doublings: u32, max: Duration) -> Duration {
        self.upto(base.saturating_mul(1 << doublings.min(16)).min(max))
    }
}
