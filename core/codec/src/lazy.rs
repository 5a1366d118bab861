//! Reading well-behaved JSON in one look: what is not wanted is passed over, what is only passed on
//! stays a part of the text.
//!
//! It is a `serde` format for the few shapes that providers and callers send nearly always: no
//! escapes in names, counts that are whole numbers. Whatever else comes is an [`Odd`], and
//! `serde_json` reads it: see [`read`].
//!
//! **Invariant:** what is read here, `serde_json` would read alike. An `Odd` decides nothing.

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::value::RawValue;
use std::fmt;

#[cfg(test)]
mod tests;

/// The text of a value, untouched, without white space around it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Raw<'a>(&'a str);

/// Not what is nearly always there; or not JSON.
#[derive(Debug)]
struct Odd;

/// A place in a text.
struct Reader<'de> {
    text: &'de str,
    at: usize,
    depth: u32,
}

/// The members of an object, or the items of an array, that is being read.
struct Inside<'r, 'de> {
    reader: &'r mut Reader<'de>,
    begun: bool,
    closed: bool,
}

/// How [`Raw`] asks for itself.
const RAW: &str = "backstop::Raw";

/// Words of a string that are looked at one by one.
const WORDS: usize = 8;

/// Deeper nesting is left to `serde_json`, which has the same limit where it builds something.
const DEPTH_MAX: u32 = 127;

/// Reads a text.
pub(crate) fn read<'a, T: Deserialize<'a>>(text: &'a str) -> serde_json::Result<T> {
    quickly(text).map_or_else(|| serde_json::from_str(text), Ok)
}

/// The same, or nothing where it is odd. What is read nests no deeper than
/// [`json::DEPTH_MAX`](crate::json::DEPTH_MAX).
pub(crate) fn quickly<'a, T: Deserialize<'a>>(text: &'a str) -> Option<T> {
    let mut reader = Reader { text, at: 0, depth: 0 };
    reader.space();
    let value = T::deserialize(&mut reader).ok()?;
    reader.space();
    reader.rest().is_empty().then_some(value)
}

// === impl Raw ===

impl<'a> Raw<'a> {
    /// As it is spelled.
    pub(crate) fn get(self) -> &'a str {
        self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Raw<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl<'de> Visitor<'de> for Text {
            type Value = Raw<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            /// From this reader.
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Raw<'de>, E> {
                Ok(Raw(text))
            }

            /// From `serde_json`.
            fn visit_newtype_struct<D: Deserializer<'de>>(
                self,
                deserializer: D,
            ) -> Result<Raw<'de>, D::Error> {
                <&RawValue>::deserialize(deserializer).map(|raw| Raw(raw.get()))
            }
        }

        deserializer.deserialize_newtype_struct(RAW, Text)
    }
}

// === impl Reader ===

impl<'de> Reader<'de> {
    fn rest(&self) -> &'de [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or(&[])
    }

    fn peek(&self) -> Option<u8> {
        self.rest().first().copied()
    }

    /// Goes on to what is left of the text.
    fn go(&mut self, rest: &[u8]) {
        self.at = self.text.len().saturating_sub(rest.len());
    }

    fn space(&mut self) {
        self.go(space(self.rest()));
    }

    /// Takes this byte, or nothing.
    fn take(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    fn expect(&mut self, byte: u8) -> Result<(), Odd> {
        if self.take(byte) { Ok(()) } else { Err(Odd) }
    }

    fn word(&mut self, word: &str) -> Result<(), Odd> {
        let rest = self.rest().strip_prefix(word.as_bytes()).ok_or(Odd)?;
        self.go(rest);
        Ok(())
    }

    /// The inside of a string without escapes.
    fn string(&mut self) -> Result<&'de str, Odd> {
        self.expect(b'"')?;
        let start = self.at;
        self.go(plain(self.rest()));
        let inside = self.text.get(start..self.at).ok_or(Odd)?;
        self.expect(b'"')?;
        Ok(inside)
    }

    /// Passes over a value.
    fn skip(&mut self) -> Result<(), Odd> {
        let rest = after_value(self.rest(), DEPTH_MAX.saturating_sub(self.depth));
        self.go(rest.ok_or(Odd)?);
        Ok(())
    }

    fn raw(&mut self) -> Result<&'de str, Odd> {
        let start = self.at;
        self.skip()?;
        self.text.get(start..self.at).ok_or(Odd)
    }

    /// A whole number that is not negative.
    fn count(&mut self) -> Result<u64, Odd> {
        let raw = self.raw()?;
        if raw.as_bytes().first().is_some_and(u8::is_ascii_digit) {
            raw.parse().map_err(|_| Odd)
        } else {
            Err(Odd)
        }
    }

    /// Reads what is between two brackets.
    fn inside<T>(
        &mut self,
        read: impl FnOnce(&mut Inside<'_, 'de>) -> Result<T, Odd>,
    ) -> Result<T, Odd> {
        if DEPTH_MAX <= self.depth {
            return Err(Odd);
        }
        self.at += 1;
        self.depth += 1;
        let mut inside = Inside { reader: self, begun: false, closed: false };
        let value = read(&mut inside)?;
        // A visitor that left something behind has not seen whether it is JSON.
        let closed = inside.closed;
        self.depth -= 1;
        if closed { Ok(value) } else { Err(Odd) }
    }
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Odd;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Odd> {
        match self.peek().ok_or(Odd)? {
            b'"' => visitor.visit_borrowed_str(self.string()?),
            b'{' => self.inside(|it| visitor.visit_map(it)),
            b'[' => self.inside(|it| visitor.visit_seq(it)),
            b't' => self.word("true").and_then(|()| visitor.visit_bool(true)),
            b'f' => self.word("false").and_then(|()| visitor.visit_bool(false)),
            b'n' => self.word("null").and_then(|()| visitor.visit_unit()),
            _ => visitor.visit_u64(self.count()?),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Odd> {
        if self.peek() == Some(b'n') {
            self.word("null")?;
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Odd> {
        if name == RAW {
            return visitor.visit_borrowed_str(self.raw()?);
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Odd> {
        self.skip()?;
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct enum identifier
    }
}

// === impl Inside ===

impl Inside<'_, '_> {
    /// Whether there is one more member or item before `end`.
    fn next(&mut self, end: u8) -> Result<bool, Odd> {
        self.reader.space();
        if self.reader.take(end) {
            self.closed = true;
            return Ok(false);
        }
        if std::mem::replace(&mut self.begun, true) {
            self.reader.expect(b',')?;
            self.reader.space();
        }
        Ok(true)
    }
}

impl<'de> MapAccess<'de> for &mut Inside<'_, 'de> {
    type Error = Odd;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Odd> {
        if !self.next(b'}')? {
            return Ok(None);
        }
        // Only a string is a key.
        if self.reader.peek() != Some(b'"') {
            return Err(Odd);
        }
        seed.deserialize(&mut *self.reader).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Odd> {
        self.reader.space();
        self.reader.expect(b':')?;
        self.reader.space();
        seed.deserialize(&mut *self.reader)
    }
}

impl<'de> SeqAccess<'de> for &mut Inside<'_, 'de> {
    type Error = Odd;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Odd> {
        if !self.next(b']')? {
            return Ok(None);
        }
        seed.deserialize(&mut *self.reader).map(Some)
    }
}

// === impl Odd ===

impl fmt::Display for Odd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not what is nearly always there")
    }
}

impl std::error::Error for Odd {}

impl Error for Odd {
    fn custom<T: fmt::Display>(_what: T) -> Self {
        Self
    }
}

/// What follows white space.
fn space(mut rest: &[u8]) -> &[u8] {
    while let [b' ' | b'\n' | b'\r' | b'\t', tail @ ..] = rest {
        rest = tail;
    }
    rest
}

/// What follows a value; `None` where there is none, or one that nests deeper than that.
fn after_value(mut rest: &[u8], depth_max: u32) -> Option<&[u8]> {
    // One bit for each open bracket, the innermost lowest: whether it is an object's.
    let mut open: u128 = 0;
    let mut depth = 0;
    loop {
        rest = match rest {
            [b'"', tail @ ..] => after_string(tail)?,
            [bracket @ (b'{' | b'['), tail @ ..] => {
                if depth_max <= depth {
                    return None;
                }
                let object = *bracket == b'{';
                open = open << 1 | u128::from(object);
                depth += 1;
                let tail = space(tail);
                if !matches!((object, tail), (true, [b'}', ..]) | (false, [b']', ..])) {
                    rest = if object { after_key(tail)? } else { tail };
                    continue;
                }
                tail
            }
            [b't', b'r', b'u', b'e', tail @ ..]
            | [b'f', b'a', b'l', b's', b'e', tail @ ..]
            | [b'n', b'u', b'l', b'l', tail @ ..] => tail,
            _ => after_number(rest)?,
        };
        // What follows a value: another one, or the ends of what it stands in.
        loop {
            if depth == 0 {
                return Some(rest);
            }
            match (open & 1 == 1, space(rest)) {
                (true, [b',', tail @ ..]) => {
                    rest = after_key(space(tail))?;
                    break;
                }
                (false, [b',', tail @ ..]) => {
                    rest = space(tail);
                    break;
                }
                (true, [b'}', tail @ ..]) | (false, [b']', tail @ ..]) => rest = tail,
                (_, _) => return None,
            }
            open >>= 1;
            depth -= 1;
        }
    }
}

/// What follows a member's name and its colon.
fn after_key(rest: &[u8]) -> Option<&[u8]> {
    let tail = space(after_string(rest.strip_prefix(b"\"")?)?);
    tail.strip_prefix(b":").map(space)
}

/// What follows a string, with whatever escapes, whose opening quote has been taken.
fn after_string(mut rest: &[u8]) -> Option<&[u8]> {
    loop {
        rest = match plain(rest) {
            [b'"', tail @ ..] => return Some(tail),
            [b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', tail @ ..] => tail,
            [b'\\', b'u', digits @ ..] => {
                let (digits, tail) = digits.split_first_chunk::<4>()?;
                digits.iter().all(u8::is_ascii_hexdigit).then_some(tail)?
            }
            _ => return None,
        }
    }
}

fn after_number(rest: &[u8]) -> Option<&[u8]> {
    let mut rest = match rest.strip_prefix(b"-").unwrap_or(rest) {
        [b'0', tail @ ..] => tail,
        whole => after_digits(whole)?,
    };
    if let [b'.', tail @ ..] = rest {
        rest = after_digits(tail)?;
    }
    match rest {
        [b'e' | b'E', b'+' | b'-', tail @ ..] | [b'e' | b'E', tail @ ..] => after_digits(tail),
        _ => Some(rest),
    }
}

/// What follows one digit or more.
fn after_digits(rest: &[u8]) -> Option<&[u8]> {
    let length = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
    rest.get(length..).filter(|_| length != 0)
}

/// What follows the bytes of a string that stand for themselves.
fn plain(rest: &[u8]) -> &[u8] {
    let mut tail = rest;
    // Most strings are shorter than what a vector is worth.
    for _ in 0..WORDS {
        let Some((word, next)) = tail.split_first_chunk::<8>() else { break };
        let found = ends_in(u64::from_le_bytes(*word));
        if found != 0 {
            return tail.get(found.trailing_zeros() as usize / 8..).unwrap_or(&[]);
        }
        tail = next;
    }
    let length = memchr::memchr2(b'"', b'\\', tail).unwrap_or(tail.len());
    let (run, end) = tail.split_at(length);
    // The least of all, without a way out in the middle: so many are looked at at once.
    if run.iter().fold(u8::MAX, |least, byte| least.min(*byte)) < b' ' {
        return &[]; // No string goes on there.
    }
    end
}

/// The high bit of every byte of a word that does not stand for itself in a string; above the lowest
/// such byte also of some that do
/// (<https://graphics.stanford.edu/~seander/bithacks.html#HasLessInWord>).
fn ends_in(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    let least = |word: u64, limit: u8| word.wrapping_sub(ONES * u64::from(limit)) & !word;
    let is = |byte: u8| least(word ^ (ONES * u64::from(byte)), 1);
    (least(word, b' ') | is(b'"') | is(b'\\')) & (ONES << 7)
}
