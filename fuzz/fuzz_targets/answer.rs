//! Answers over HTTP/1.1: they mean the same however they come, and no cut passes for an end.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| transport::proof::check_answer(input));
