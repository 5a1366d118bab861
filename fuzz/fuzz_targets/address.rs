//! Addresses of providers and proxies: what is accepted has one reading.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| config::proof::check_address(text));
