//! Configuration files: every text is a configuration or a list of problems.

#![no_main]

use config::Surroundings;
use libfuzzer_sys::fuzz_target;

/// Nothing is set and no file is there.
struct Nowhere;

impl Surroundings for Nowhere {
    fn env(&self, _name: &str) -> Option<String> {
        None
    }

    fn file(&self, _path: &str) -> Result<String, String> {
        Err("no such file".to_owned())
    }
}

fuzz_target!(|text: &str| {
    if let Err(problems) = config::load(text, &Nowhere) {
        assert!(!problems.is_empty(), "refused without a reason");
    }
});
