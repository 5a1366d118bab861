//! A JSON text as one number, by what it says and not by how that is spelled.
//!
//! **Invariants:** members count in any order, all of those that have one key; a number is the same however
//! it is written (`10`, `1e1`); nothing is kept of the text, however long it is. Texts that say something
//! else have one digest as seldom as 64 bits allow.

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Reads what is said next.
struct Digest;

/// What this text says; `None` where it is no JSON.
pub(super) fn of(text: &str) -> Option<u64> {
    let mut json = serde_json::Deserializer::from_str(text);
    let digest = Digest.deserialize(&mut json).ok()?;
    json.end().ok().map(|()| digest)
}

/// A text that is taken as it is.
pub(super) fn spelled(text: &str) -> u64 {
    hash('=', text)
}

/// One of these and one of those: what is said of both.
pub(super) fn both(one: u64, other: u64) -> u64 {
    hash('+', (one, other))
}

/// Without a key of its own, so that the same is always the same.
fn hash(kind: char, said: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    (kind, said).hash(&mut hasher);
    hasher.finish()
}

// === impl Digest ===

impl<'de> DeserializeSeed<'de> for Digest {
    type Value = u64;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<u64, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Digest {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_unit<E>(self) -> Result<u64, E> {
        Ok(hash('0', ()))
    }

    fn visit_bool<E>(self, said: bool) -> Result<u64, E> {
        Ok(hash('?', said))
    }

    fn visit_u64<E>(self, said: u64) -> Result<u64, E> {
        Ok(hash('#', said.to_string()))
    }

    fn visit_i64<E>(self, said: i64) -> Result<u64, E> {
        Ok(hash('#', said.to_string()))
    }

    /// A whole one is written as those are that came without a point or an exponent.
    fn visit_f64<E>(self, said: f64) -> Result<u64, E> {
        let nothing = said == 0.0;
        Ok(hash('#', if nothing { "0".to_owned() } else { said.to_string() }))
    }

    fn visit_str<E>(self, said: &str) -> Result<u64, E> {
        Ok(hash('"', said))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut said: A) -> Result<u64, A::Error> {
        let mut digest = hash('[', ());
        while let Some(next) = said.next_element_seed(Self)? {
            digest = hash(',', (digest, next));
        }
        Ok(digest)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut said: A) -> Result<u64, A::Error> {
        // A sum is the same in any order.
        let mut members = 0u64;
        while let Some(key) = said.next_key::<String>()? {
            let member = hash(':', (key, said.next_value_seed(Self)?));
            members = members.wrapping_add(member);
        }
        Ok(hash('{', members))
    }
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn what_says_the_same_has_one_digest_and_nothing_else_has_it() {
        let rows: [&[&str]; 14] = [
            &["null"],
            &["false"],
            &["0", "-0", "0.0", "0e7"],
            &["10", "10.0", "1e1", " 10 "],
            &["9007199254740993"],
            &["9007199254740992", "9007199254740992.0"],
            &["100000000000000000000", "1e20"],
            &["\"10\"", r#""\u0031\u0030""#],
            &["[]", "[ ]"],
            &["[1,2]", "[1.0, 2]"],
            &["[[1],2]"],
            &["[2,1]"],
            &["{}", "{ }"],
            &[r#"{"a":[1],"b":{"c":"é"}}"#, r#"{"b": {"c": "\u00e9"}, "a": [1]}"#],
        ];
        let digests = rows.map(|row| {
            let digests: Vec<u64> = row.iter().map(|text| of(text).expect("JSON")).collect();
            assert!(digests.iter().all(|digest| Some(digest) == digests.first()), "{row:?}");
            digests.first().copied()
        });
        for (place, digest) in digests.iter().enumerate() {
            assert!(!digests[..place].contains(digest), "{:?}", rows[place]);
        }
        for broken in ["", "{", "{} {}", "1e400", "nul"] {
            assert_eq!(of(broken), None, "{broken}");
        }
        let deep = "[".repeat(4096) + &"]".repeat(4096);
        assert_eq!(of(&deep), None, "as deep as whatever reads it");
    }
}
