//! Two thousand worlds keep their promises, and the same seed is the same world.

use sim::{Figures, run};
use std::ops::Range;

/// Lives through these worlds. Invariants of the core panic in debug builds: say in which world.
fn live(seeds: Range<u64>) -> Result<Figures, String> {
    let mut all = Figures::default();
    for seed in seeds {
        let figures = std::panic::catch_unwind(|| run(seed));
        let figures = figures.map_err(|_panic| format!("seed {seed}: an invariant of the core"))?;
        all.add(&figures.map_err(|violation| violation.to_string())?);
    }
    Ok(all)
}

#[test]
fn worlds_keep_their_promises() {
    let all = live(0..1000).unwrap();
    assert!(
        10 < all.blackouts && 10 < all.recoveries && 10 < all.brown_outs,
        "they are worth living in: {all}"
    );
    assert!(all.denied * 1000 < all.requests, "the budget seldom stands in the way: {all}");
}

#[test]
fn other_worlds_do_too() {
    let all = live(1_000_000..1_001_000).unwrap();
    assert!(0 < all.seams && 0 < all.broken && 0 < all.abandoned && 0 < all.elsewhere, "{all}");
}

#[test]
fn the_same_seed_is_the_same_world() {
    for seed in [0, 7, 42, 4711] {
        assert_eq!(run(seed), run(seed), "seed {seed}");
    }
    assert_ne!(run(1).unwrap().hash, run(2).unwrap().hash);
}
