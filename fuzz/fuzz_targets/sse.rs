//! Framing: all decoders over the same bytes.

#![no_main]

use ir::Dialect;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    for dialect in Dialect::ALL {
        split::check(dialect, input);
    }
});
