//! Some worlds of the real shell keep their promises, and the same seed is the same world to the byte.

use sim::shell::{Tally, run};

#[test]
fn worlds_keep_their_promises() {
    let mut all = Tally::default();
    for seed in 20..30 {
        all.add(&run(seed).unwrap_or_else(|violation| panic!("{violation}")));
    }
    let ended = |word| all.requests.get(word).copied().unwrap_or_default();
    assert!(80 < ended("answered") && 10 < all.elsewhere, "they are worth living in: {all}");
    let (struck, after_content) = all.struck;
    assert!(80 < struck && 20 < after_content, "something was struck: {all}");
    assert!(5 < all.gone_on && all.gone_on <= all.seams, "what was cut is gone on with: {all}");
    assert!(all.troubles.values().all(|count| 0 < *count), "all kinds of trouble: {all}");
}

#[test]
fn the_same_seed_is_the_same_world() {
    let first = run(11).unwrap();
    assert_eq!(Ok(&first), run(11).as_ref());
    assert_ne!(first.hash, run(12).unwrap().hash);
}
