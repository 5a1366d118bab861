//! Reading JSON without decoding what we only pass on.
//!
//! **Invariant:** text that is relayed is never unescaped here, so that spellings other parsers
//! accept (half a surrogate pair in each of two deltas) are no reason to lose it.

use crate::lazy::{self, Raw};
use serde::de::{
    Deserialize, DeserializeOwned, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess,
    Visitor,
};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;

/// A short string, borrowed where it has no escapes.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Word<'a>(pub(crate) Cow<'a, str>);

/// A number that is no count of tokens: `null`, a negative or a fractional one are read as well as they
/// can be.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Count(pub(crate) u64);

/// A count of tokens, where it is told. What is negative, fractional or beyond [`TOKENS_MAX`] counts
/// nothing, and is as good as `null`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct TokenCount(pub(crate) Option<u64>);

/// An object's members in their order, values untouched.
#[derive(Clone, Debug, Default)]
pub(crate) struct Members<'a>(pub(crate) Vec<(Cow<'a, str>, Raw<'a>)>);

/// An array of no more than `MAX` items; a longer one is refused before it is in memory.
#[derive(Clone, Debug)]
pub(crate) struct Few<T, const MAX: usize>(pub(crate) Vec<T>);

/// The JSON type of a value, by its first byte.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Type {
    Object,
    Array,
    String,
    Number,
    Bool,
    Null,
}

/// The last whole number that every reader of JSON has exactly
/// (<https://www.rfc-editor.org/rfc/rfc8259#section-6>).
const TOKENS_MAX: u64 = 1 << 53;

/// Levels of arrays and objects that we accept: what `serde_json` and most other parsers do.
pub(crate) const DEPTH_MAX: usize = 128;

/// The longest document of which a tree is built, in bytes: a tree takes many times its text.
pub(crate) const TREE_BYTES_MAX: usize = 1 << 20;

/// Reads an object; `None` where it is none, is not UTF-8, or has another shape.
pub(crate) fn object<'a, T: Deserialize<'a>>(data: &'a [u8]) -> Option<T> {
    object_in(std::str::from_utf8(data).ok()?)
}

/// The same of a text.
pub(crate) fn object_in<'a, T: Deserialize<'a>>(text: &'a str) -> Option<T> {
    if first(text.as_bytes()) != Some(b'{') {
        return None;
    }
    lazy::read(text).ok()
}

/// A member that is no reason to give up the rest: of another shape, it is as if it were not there.
pub(crate) fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let raw: Option<Raw<'_>> = Option::deserialize(deserializer)?;
    Ok(raw.and_then(|raw| lazy::read(raw.get()).ok()))
}

/// The JSON type of a raw value.
pub(crate) fn type_of(raw: Raw<'_>) -> Type {
    type_of_text(raw.get())
}

/// The JSON type of a value's text, which begins with no white space.
pub(crate) fn type_of_text(text: &str) -> Type {
    match text.as_bytes().first() {
        Some(b'{') => Type::Object,
        Some(b'[') => Type::Array,
        Some(b'"') => Type::String,
        Some(b't' | b'f') => Type::Bool,
        Some(b'n') => Type::Null,
        Some(_) | None => Type::Number,
    }
}

/// Whether a string, an array or an object holds anything; `None` for a number or a boolean.
pub(crate) fn filled(raw: Raw<'_>) -> Option<bool> {
    match type_of(raw) {
        Type::String => Some(raw.get().len() > 2),
        Type::Array | Type::Object => {
            let inside =
                raw.get().as_bytes().iter().skip(1).find(|byte| !byte.is_ascii_whitespace());
            Some(!matches!(inside, Some(b']' | b'}') | None))
        }
        Type::Null => Some(false),
        Type::Number | Type::Bool => None,
    }
}

/// Whether it is an array, an object or a string that holds anything.
pub(crate) fn holds(raw: Option<Raw<'_>>) -> bool {
    raw.and_then(filled).unwrap_or(false)
}

/// Whether arrays and objects nest deeper than [`DEPTH_MAX`]. Strings are skipped, nothing else is
/// checked.
pub(crate) fn too_deep(text: &[u8]) -> bool {
    let mut depth = 0usize;
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match byte {
            b'{' | b'[' => {
                depth = depth.saturating_add(1);
                if depth > DEPTH_MAX {
                    return true;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => rest = after_string(rest),
            _ => {}
        }
    }
    false
}

/// Whether a document that comes in pieces has come to its end: every bracket and string is closed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Balance {
    depth: usize,
    in_string: bool,
    escaped: bool,
    begun: bool,
}

/// What follows a string whose opening quote has been taken.
fn after_string(mut rest: &[u8]) -> &[u8] {
    loop {
        let Some(at) = memchr::memchr2(b'"', b'\\', rest) else { return &[] };
        let escape = rest.get(at) == Some(&b'\\');
        let skip = at.saturating_add(if escape { 2 } else { 1 });
        rest = rest.get(skip..).unwrap_or(&[]);
        if !escape {
            return rest;
        }
    }
}

/// The first byte that is not white space.
pub(crate) fn first(text: &[u8]) -> Option<u8> {
    text.iter().copied().find(|byte| !byte.is_ascii_whitespace())
}

/// The same object in a spelling that a strict reader takes: doubled keys (the last counts) are gone.
/// `None` where it is not an object. Slow: for what could not be read otherwise, and not for more
/// than [`TREE_BYTES_MAX`].
pub(crate) fn tidied(text: &str) -> Option<String> {
    if text.len() > TREE_BYTES_MAX {
        return None;
    }
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    value.is_object().then(|| value.to_string())
}

/// The type of an object whose rest has an unknown shape; empty where it has none.
pub(crate) fn kind(text: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Kind<'a> {
        #[serde(borrow, rename = "type")]
        kind: Option<Word<'a>>,
    }
    let Kind { kind } = object_in(text)?;
    Some(kind.map(|Word(kind)| kind.into_owned()).unwrap_or_default())
}

/// The inside of a string, as it is spelled: no quotes, escapes untouched.
pub(crate) fn inside(raw: Raw<'_>) -> Option<&str> {
    raw.get().strip_prefix('"')?.strip_suffix('"')
}

/// The same of what may be there; nothing else than a string has one.
pub(crate) fn inside_of(raw: Option<Raw<'_>>) -> Box<str> {
    raw.and_then(inside).unwrap_or_default().into()
}

/// A string as JSON.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A text as the inside of a JSON string.
pub(crate) fn escaped(text: &str) -> String {
    let quoted = quoted(text);
    quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or_default().to_owned()
}

/// Where a value stands in the text that it was read from.
pub(crate) fn place_in(text: &str, raw: Raw<'_>) -> Range<usize> {
    // `raw` borrows from `text`, so the distance of the two is its place.
    let start = raw.get().as_ptr().addr().saturating_sub(text.as_ptr().addr());
    start..start.saturating_add(raw.get().len())
}

/// Where an array's items stand in the text that they were read from, from the first to the last.
/// `None` where there are none.
pub(crate) fn place_of_all(text: &str, items: &[Raw<'_>]) -> Option<Range<usize>> {
    Some(place_in(text, *items.first()?).start..place_in(text, *items.last()?).end)
}

/// A text with other texts in the place of some of it; `None` where two of them overlap.
pub(crate) fn spliced(text: &str, mut edits: Vec<(Range<usize>, String)>) -> Option<String> {
    edits.sort_by_key(|(place, _)| place.start);
    let (mut made, mut from) = (String::with_capacity(text.len()), 0);
    for (place, new) in edits {
        made.push_str(text.get(from..place.start)?);
        made.push_str(&new);
        from = place.end;
    }
    made.push_str(text.get(from..)?);
    Some(made)
}

/// A raw value on one line. JSON's strings hold no raw line ends, so nothing in them changes.
pub(crate) fn one_line(raw: Raw<'_>) -> Cow<'_, str> {
    let text = raw.get();
    if memchr::memchr2(b'\n', b'\r', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().filter(|character| !matches!(character, '\n' | '\r')).collect())
}

// === impl Type ===

impl Type {
    /// With its article, as in "found a number".
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Object => "an object",
            Self::Array => "an array",
            Self::String => "a string",
            Self::Number => "a number",
            Self::Bool => "a boolean",
            Self::Null => "null",
        }
    }
}

// === impl Word ===

impl Word<'_> {
    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Word<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl<'de> Visitor<'de> for Text {
            type Value = Word<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Word(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Word(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(Text)
    }
}

// === impl Count ===

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;

        impl Visitor<'_> for Number {
            type Value = Count;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }

            fn visit_u64<E>(self, count: u64) -> Result<Count, E> {
                Ok(Count(count))
            }

            fn visit_i64<E>(self, count: i64) -> Result<Count, E> {
                Ok(Count(u64::try_from(count).unwrap_or(0)))
            }

            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "`as` saturates, and that is what a count out of range shall do"
            )]
            fn visit_f64<E>(self, count: f64) -> Result<Count, E> {
                Ok(Count(count as u64))
            }

            fn visit_unit<E>(self) -> Result<Count, E> {
                Ok(Count(0))
            }
        }

        deserializer.deserialize_any(Number)
    }
}

// === impl TokenCount ===

impl TokenCount {
    fn new(count: u64) -> Self {
        Self(Some(count).filter(|count| *count <= TOKENS_MAX))
    }

    /// The count; what is not told is nothing.
    pub(crate) fn or_none(self) -> u64 {
        self.0.unwrap_or_default()
    }
}

impl<'de> Deserialize<'de> for TokenCount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;

        impl Visitor<'_> for Number {
            type Value = TokenCount;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }

            fn visit_u64<E>(self, count: u64) -> Result<TokenCount, E> {
                Ok(TokenCount::new(count))
            }

            fn visit_i64<E>(self, count: i64) -> Result<TokenCount, E> {
                Ok(u64::try_from(count).map_or(TokenCount(None), TokenCount::new))
            }

            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "it is whole and no less than 0, and `as` saturates beyond the limit"
            )]
            fn visit_f64<E>(self, count: f64) -> Result<TokenCount, E> {
                let whole = 0.0 <= count && count.fract() == 0.0;
                Ok(if whole { TokenCount::new(count as u64) } else { TokenCount(None) })
            }

            fn visit_unit<E>(self) -> Result<TokenCount, E> {
                Ok(TokenCount(None))
            }
        }

        deserializer.deserialize_any(Number)
    }
}

// === impl Few ===

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for Few<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items<T, const MAX: usize>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for Items<T, MAX> {
            type Value = Few<T, MAX>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "an array of no more than {MAX} items")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    if items.len() == MAX {
                        return Err(A::Error::invalid_length(MAX.saturating_add(1), &self));
                    }
                    items.push(item);
                }
                Ok(Few(items))
            }
        }

        deserializer.deserialize_seq(Items(PhantomData))
    }
}

// === impl Members ===

impl<'a> Members<'a> {
    /// The value of a key; the last where it is there twice.
    pub(crate) fn get(&self, key: &str) -> Option<Raw<'a>> {
        self.0.iter().rev().find(|(name, _)| name == key).map(|&(_, raw)| raw)
    }

    /// The same, unless it is `null`, which is as if it were not there.
    pub(crate) fn given(&self, key: &str) -> Option<Raw<'a>> {
        self.get(key).filter(|raw| type_of(*raw) != Type::Null)
    }

    /// Reads an object.
    pub(crate) fn read(text: &'a str) -> Option<Self> {
        lazy::read(text).ok()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;

        impl<'de> Visitor<'de> for Pairs {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some((Word(key), raw)) = map.next_entry::<Word<'de>, Raw<'de>>()? {
                    pairs.push((key, raw));
                }
                Ok(Members(pairs))
            }
        }

        deserializer.deserialize_map(Pairs)
    }
}

/// Passes over the value of a key that was read.
pub(crate) fn skip<'de, A: MapAccess<'de>>(map: &mut A) -> Result<(), A::Error> {
    map.next_value::<IgnoredAny>().map(|IgnoredAny| ())
}

// === impl Balance ===

impl Balance {
    /// Takes the next piece.
    pub fn feed(&mut self, piece: &[u8]) {
        for byte in piece {
            match (self.in_string, self.escaped, byte) {
                (true, true, _) => self.escaped = false,
                (true, false, b'\\') => self.escaped = true,
                (true, false, b'"') => self.in_string = false,
                (false, _, b'"') => self.in_string = true,
                (false, _, b'{' | b'[') => {
                    self.begun = true;
                    self.depth = self.depth.saturating_add(1);
                }
                (false, _, b'}' | b']') => self.depth = self.depth.saturating_sub(1),
                (_, _, _) => {}
            }
        }
    }

    /// Whether it is complete so far.
    pub fn is_closed(&self) -> bool {
        self.begun && self.depth == 0 && !self.in_string
    }
}
