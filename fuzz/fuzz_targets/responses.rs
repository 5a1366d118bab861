//! The Responses decoder, its whole answers and its error documents.

#![no_main]

use ir::{Dialect, Hints};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    split::check(Dialect::Responses, input);
    if let Ok(whole) = codec::read_whole(Dialect::Responses, input) {
        let unfolded = codec::unfold(Dialect::Responses, input, !whole.empty);
        for frame in unfolded.iter().flatten() {
            assert!(frame.bytes.ends_with(b"\n\n"), "a frame that is whole");
        }
    }
    let rejection = codec::read_rejection(Dialect::Responses, 500, None, input, Hints::default());
    assert!(rejection.message.len() <= 2048);
    let _ids = codec::read_models(input);
});
