//! Answers that cross to Messages.

#![no_main]

use ir::Crossable;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| split::cross::check(Crossable::Chat, input));
