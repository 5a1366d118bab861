//! Randomness from the operating system: seeds and ids. Or from a seed, where a world is lived through
//! once more.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Where ids and jitter come from. Never keys: see [`secret`].
#[derive(Clone, Debug, Default)]
pub enum Entropy {
    /// The operating system.
    #[default]
    System,
    /// What was drawn so far, beginning with a seed.
    Seeded(Arc<AtomicU64>),
}

/// What each draw adds: `SplitMix64` (<https://prng.di.unimi.it/splitmix64.c>).
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

// === impl Entropy ===

impl Entropy {
    /// The same draws for the same seed, in order. Clones draw from the one source.
    pub fn seeded(seed: u64) -> Self {
        Self::Seeded(Arc::new(AtomicU64::new(seed)))
    }

    /// 64 bits.
    pub fn draw(&self) -> u64 {
        match self {
            Self::System => entropy(),
            Self::Seeded(drawn) => {
                let z = drawn.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
                let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                z ^ (z >> 31)
            }
        }
    }
}

/// 64 random bits, for ids and jitter. Where the system call fails, the bits that the standard
/// library keeps for its hash maps: no panic, and still distinct.
pub fn entropy() -> u64 {
    getrandom::u64().unwrap_or_else(|_| RandomState::new().hash_one(()))
}

/// 256 random bits, for keys: the system's own, or none.
pub fn secret() -> std::io::Result<[u8; 32]> {
    let mut bits = [0; 32];
    getrandom::fill(&mut bits).map_err(std::io::Error::other)?;
    Ok(bits)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[test]
    fn does_not_repeat() {
        let drawn: BTreeSet<u64> = (0..1000).map(|_| super::entropy()).collect();
        assert_eq!(drawn.len(), 1000);
    }

    #[test]
    fn a_seed_draws_the_same_again() {
        let draw = |seed| {
            let entropy = super::Entropy::seeded(seed);
            [entropy.draw(), entropy.clone().draw(), entropy.draw()]
        };
        // As the reference implementation draws them.
        assert_eq!(draw(0), [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4, 0x06c4_5d18_8009_454f]);
        assert_ne!(draw(1), draw(0));
    }
}
