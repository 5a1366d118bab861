//! The keys that callers present: shown once, kept as a hash.
//!
//! A key has 256 bits of entropy, so a plain SHA-256 is enough at rest: there is nothing to guess.
//! That does not hold for words that people make up; those that everybody makes up are refused.

use sha2::{Digest, Sha256};
use std::fmt;

/// Someone who may ask.
#[derive(Clone, Eq, PartialEq)]
pub struct Key {
    /// The principal's name, as records and metrics show it.
    pub name: String,
    /// SHA-256 of the key's text.
    pub hash: [u8; 32],
    /// It may also read the console.
    pub console: bool,
}

/// Where a key of ours may stand.
pub const KEY_HEADERS: [&str; 3] = ["x-backstop-key", "authorization", "x-api-key"];

/// The key in the value of a header of this name. `x-backstop-key` leaves the other headers free for
/// a credential of the caller's own.
pub fn key_in<'a>(header: &str, value: &'a str) -> Option<&'a str> {
    if header != "authorization" {
        return Some(value);
    }
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// What is tried first, and what stands in examples. Nothing in words is a good key; of these
/// nobody can mean it.
const GUESSED: &[&str] = &[
    "",
    " ",
    "\n",
    "0",
    "1",
    "1234",
    "12345",
    "123456",
    "1234567",
    "12345678",
    "123456789",
    "1234567890",
    "abc",
    "abc123",
    "admin",
    "api-key",
    "api_key",
    "apikey",
    "backstop",
    "bsk_",
    "bsk_test",
    "bsk_xxx",
    "change-me",
    "change_me",
    "changeit",
    "changeme",
    "default",
    "demo",
    "dev",
    "dummy",
    "empty",
    "example",
    "guest",
    "key",
    "letmein",
    "local",
    "lm-studio",
    "master",
    "none",
    "not-needed",
    "null",
    "ollama",
    "openai",
    "pass",
    "password",
    "qwerty",
    "root",
    "secret",
    "sk-",
    "sk-1",
    "sk-123",
    "sk-1234",
    "sk-12345",
    "sk-123456",
    "sk-test",
    "sk-xxx",
    "sk-xxxx",
    "team",
    "team-a",
    "test",
    "test-key",
    "token",
    "undefined",
    "your-api-key",
    "your-key",
    "YOUR_API_KEY",
    "your_api_key",
    "xxx",
];

/// Makes a key of 32 random bytes: its text (`bsk_…`), to be shown once, and the value for `hash`
/// in `[keys.NAME]` (`sha256:…`).
pub fn new_key(entropy: [u8; 32]) -> (String, String) {
    let text = format!("bsk_{}", base32(&entropy));
    let hash = format!("sha256:{}", hex(&digest(&text)));
    (text, hash)
}

/// The key that was presented, in a time that does not depend on which one fits.
pub(crate) fn find<'a>(keys: &'a [Key], presented: &str) -> Option<&'a Key> {
    let hash = digest(presented);
    let mut found = None;
    for key in keys {
        if same(&key.hash, &hash) {
            found = Some(key);
        }
    }
    found
}

/// The 32 bytes of `sha256:<64 hex digits>`.
pub(crate) fn parse_hash(text: &str) -> Option<[u8; 32]> {
    let digits = text.strip_prefix("sha256:")?.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut hash = [0; 32];
    for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
        for digit in pair {
            let value = char::from(*digit).to_digit(16)?;
            *byte = (*byte << 4) | u8::try_from(value).ok()?;
        }
    }
    Some(hash)
}

/// Whether it is the hash of a key that anybody would guess, also one that a line end slipped into,
/// as in `echo password | sha256sum`.
pub(crate) fn is_guessed(hash: &[u8; 32]) -> bool {
    GUESSED.iter().any(|word| digest(word) == *hash || digest(&format!("{word}\n")) == *hash)
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// Compares without stopping at the first difference.
fn same(left: &[u8; 32], right: &[u8; 32]) -> bool {
    left.iter().zip(right).fold(0, |differences, (a, b)| differences | (a ^ b)) == 0
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|n| digit(n.into(), 16))
        .collect()
}

fn digit(value: u32, radix: u32) -> Option<char> {
    char::from_digit(value, radix)
}

/// Digits and lowercase letters only, so that a double click selects the whole key: five bits per
/// character (the extended-hex alphabet of RFC 4648), without padding.
fn base32(bytes: &[u8]) -> String {
    let mut text = String::new();
    let (mut pending, mut bits) = (0_u32, 0_u32);
    for byte in bytes {
        pending = (pending << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.extend(digit((pending >> bits) & 31, 32));
        }
        pending &= (1 << bits) - 1;
    }
    if bits > 0 {
        text.extend(digit((pending << (5 - bits)) & 31, 32));
    }
    text
}

// === impl Key ===

impl fmt::Debug for Key {
    /// Without the hash: it identifies a credential and helps nobody who reads a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{GUESSED, Key, find, is_guessed, new_key, parse_hash};
    use crate::tests::cases;
    use proptest::prop_assert_eq;
    use proptest::test_runner::{Config as Cases, TestRunner};

    /// Cases of an ordinary run; `BACKSTOP_HOSTILE_CASES` sets another number.
    const CASES: u32 = 2048;

    #[test]
    fn a_new_key_fits_its_hash_and_no_other() {
        let (text, line) = new_key([7; 32]);
        assert_eq!(text.len(), 4 + 52);
        assert!(text.starts_with("bsk_"));
        let key = |name: &str, line: &str| Key {
            name: name.to_owned(),
            hash: parse_hash(line).expect("our own line parses"),
            console: false,
        };
        let keys = [key("a", &new_key([8; 32]).1), key("b", &line)];
        assert!(find(&keys[1..], &text).is_some());
        assert!(find(&keys[..1], &text).is_none());
        assert_eq!(find(&keys, &text).map(|key| key.name.as_str()), Some("b"));
        assert_eq!(find(&keys, "bsk_"), None);
        assert_eq!(format!("{:?}", keys[0]), "Key { name: \"a\", .. }");
    }

    #[test]
    fn the_hash_is_that_of_sha256sum() {
        // printf %s "$text" | sha256sum
        let mut entropy = [0; 32];
        entropy[31] = 1;
        let (text, line) = new_key(entropy);
        assert_eq!(text, format!("bsk_{}{}", "0".repeat(51), "g"));
        assert_eq!(line.len(), "sha256:".len() + 64);
    }

    /// Promise: keys that everybody tries are not accepted.
    #[test]
    fn what_everybody_guesses_is_known() {
        let hash = super::digest;
        for word in GUESSED {
            assert!(is_guessed(&hash(word)) && is_guessed(&hash(&format!("{word}\n"))), "{word}");
        }
        assert!(!is_guessed(&hash("bsk_0")));
        assert!(!is_guessed(&parse_hash(&new_key([0; 32]).1).expect("a hash")));
    }

    /// Promise: a caller is known by its whole key. One that begins or ends alike, in another case or
    /// with something beside it, is nobody's.
    #[test]
    fn keys_that_share_a_part_are_not_one() {
        let settings = Cases { cases: cases(CASES), failure_persistence: None, ..Cases::default() };
        let all: Vec<(String, Key)> = (0..32)
            .map(|seed| {
                let (text, line) = new_key([seed; 32]);
                let hash = parse_hash(&line).expect("a hash");
                (text, Key { name: seed.to_string(), hash, console: false })
            })
            .collect();
        let keys: Vec<Key> = all.iter().map(|(_, key)| key.clone()).collect();
        // A part of one key, and what stands in the place of the rest.
        let inputs = (0..all.len(), 0..=56_usize, "[ -~]{0,60}|bsk_[0-9a-v]{0,52}", 0..5_u8);
        let ran = TestRunner::new(settings).run(&inputs, |(place, shared, other, way)| {
            let text = &all[place].0;
            let presented = match way {
                0 => format!("{}{other}", &text[..shared]),
                1 => format!("{other}{}", &text[shared..]),
                2 => format!("{text}{other}"),
                3 => format!("{}{}", text[..shared].to_uppercase(), &text[shared..]),
                _ => format!(
                    "{}{}",
                    &text[..shared],
                    all[(place + 1) % all.len()].0.split_at(shared).1
                ),
            };
            let found = find(&keys, &presented).map(|key| key.name.as_str());
            let meant = all.iter().find(|(text, _)| *text == presented);
            prop_assert_eq!(found, meant.map(|(_, key)| key.name.as_str()));
            Ok(())
        });
        ran.unwrap_or_else(|why| panic!("{why}"));
    }

    #[test]
    fn only_64_hex_digits_are_a_hash() {
        let good = "ab".repeat(32);
        assert_eq!(parse_hash(&format!("sha256:{good}")), Some([0xab; 32]));
        for bad in [
            good.clone(),
            format!("sha256:{}", &good[1..]),
            format!("sha256:{good}0"),
            format!("sha512:{good}"),
            format!("sha256:{}", good.replace('a', "g")),
            format!("sha256:{}é", &good[2..]),
            String::new(),
        ] {
            assert_eq!(parse_hash(&bad), None, "{bad}");
        }
    }
}
