//! What nobody who means well would send, from both sides, and that it changes nothing for anybody
//! else.
//!
//! Random inputs are made anew in each run; a failure says which one it was.

mod bombs;
mod documents;
mod heads;
mod keys;
mod paths;
mod splitting;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, TestRunner};

/// So many random inputs; `BACKSTOP_HOSTILE_CASES` sets another number.
fn cases(usual: usize) -> usize {
    let asked = std::env::var("BACKSTOP_HOSTILE_CASES").ok().and_then(|text| text.parse().ok());
    asked.unwrap_or(usual)
}

/// Draws so many random inputs.
fn drawn<T>(count: usize, strategy: &impl Strategy<Value = T>) -> Vec<T> {
    let mut runner = TestRunner::new(Config::default());
    let draw = |_| strategy.new_tree(&mut runner).expect("a value").current();
    (0..count).map(draw).collect()
}
