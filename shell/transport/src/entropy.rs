//! Randomness from the operating system: seeds and ids.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

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
}
