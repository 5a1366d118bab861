//! Heads of requests, before HTTP is read: what is not odd has one framing and names one host.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| transport::proof::check_head(input));
