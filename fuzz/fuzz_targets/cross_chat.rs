//! Answers that cross to Chat Completions.

#![no_main]

use ir::Crossable;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| split::cross::check(Crossable::Messages, input));
