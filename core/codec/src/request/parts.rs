//! What the readers of both dialects share: bodies, texts, and what is left over.

use super::Uncarried;
use crate::json::{self, Members, Type, Word};
use crate::lazy::Raw;
use crate::seal::hash;
use ir::request::{Json, Source, Text, Turn};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// A request's body: its messages, and its other members but for those that are `null`.
#[derive(Debug, Default)]
pub(crate) struct Body<'a> {
    pub(crate) messages: Vec<Members<'a>>,
    pub(crate) rest: Vec<(Cow<'a, str>, Raw<'a>)>,
}

/// What a name or an id may hold: ASCII letters, digits, `_` and `-`, and no more than this.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plainness {
    pub(crate) max: usize,
}

/// The inside of a string; `None` where it is none.
pub(crate) fn inside(raw: Raw<'_>) -> Option<Text<'_>> {
    json::inside(raw).map(Text::inside)
}

/// A string, unescaped; `None` where it is none.
pub(crate) fn text_of(raw: Raw<'_>) -> Option<Cow<'_, str>> {
    let Word(text) = serde_json::from_str(raw.get()).ok()?;
    Some(text)
}

/// What an inside says.
pub(crate) fn unescaped<'a>(text: &'a Text<'_>) -> Option<Cow<'a, str>> {
    if memchr::memchr(b'\\', text.as_str().as_bytes()).is_none() {
        return Some(Cow::Borrowed(text.as_str()));
    }
    serde_json::from_str::<String>(&format!("\"{}\"", text.as_str())).ok().map(Cow::Owned)
}

/// A text of ours as the inside of a string.
pub(crate) fn escaped(text: &str) -> Text<'static> {
    Text::inside(json::escaped(text))
}

/// Insides, one after the other.
pub(crate) fn concat(texts: &[&str]) -> Text<'static> {
    Text::inside(texts.concat())
}

/// Whether it says anything: `null`, `""`, `[]` and `{}` do not.
pub(crate) fn says(raw: Raw<'_>) -> bool {
    json::filled(raw) != Some(false)
}

/// The objects of an array.
pub(crate) fn objects<'a>(raw: Raw<'a>, path: &'static str) -> Result<Vec<Members<'a>>, Uncarried> {
    serde_json::from_str(raw.get()).map_err(|_| Uncarried::new(path, "it is no array of objects"))
}

/// A string that the request means nothing without.
pub(crate) fn only_text(
    path: impl Into<Cow<'static, str>>,
    raw: Option<Raw<'_>>,
) -> Result<Option<Text<'_>>, Uncarried> {
    let Some(raw) = raw.filter(|raw| !is_null(*raw)) else { return Ok(None) };
    inside(raw).map(Some).ok_or_else(|| Uncarried::new(path, "it is no string"))
}

/// Strings that the request means nothing without.
pub(crate) fn only_texts<'a>(path: &'static str, raw: Raw<'a>) -> Result<Vec<Text<'a>>, Uncarried> {
    let odd = || Uncarried::new(path, "they are no strings");
    let texts: Vec<Raw<'_>> = serde_json::from_str(raw.get()).map_err(|_| odd())?;
    texts.into_iter().map(|raw| inside(raw).ok_or_else(odd)).collect()
}

/// An object that the request means nothing without.
pub(crate) fn only_object(
    path: impl Into<Cow<'static, str>>,
    raw: Option<Raw<'_>>,
) -> Result<Option<Members<'_>>, Uncarried> {
    let Some(raw) = raw.filter(|raw| !is_null(*raw)) else { return Ok(None) };
    let members = Members::read(raw.get());
    members.map(Some).ok_or_else(|| Uncarried::new(path, "it is no object"))
}

/// Up to here a floating point number tells all whole ones apart: 2^53.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// A number of tokens, however it is spelt: without it there would be no limit.
pub(crate) fn only_count(
    path: impl Into<Cow<'static, str>>,
    raw: Raw<'_>,
) -> Result<Json<'_>, Uncarried> {
    if let Ok(1..) = raw.get().parse::<u64>() {
        return Ok(Json::of(raw.get()));
    }
    // `4096.0` is what some languages make of a product. What is not exact here is no limit.
    let number = raw.get().parse::<f64>().ok();
    match number.filter(|number| number.fract() == 0.0 && (1.0..=EXACT_MAX).contains(number)) {
        Some(whole) => Ok(Json::of(format!("{whole:.0}"))),
        None => Err(Uncarried::new(path, "it is no whole number above zero")),
    }
}

/// An image or a document in a `data:` URL, or elsewhere
/// (<https://www.rfc-editor.org/rfc/rfc2397>).
pub(crate) fn source(url: &str) -> Source<'_> {
    let inline = url.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,"));
    match inline {
        Some((mime, data)) => {
            let mime = mime.split(';').next().unwrap_or(mime);
            Source::Inline { mime: Text::inside(mime), data: Text::inside(data) }
        }
        None => Source::Url(Text::inside(url)),
    }
}

// === impl Body ===

impl<'a> Body<'a> {
    /// Reads a request's body.
    pub(crate) fn read(body: &'a [u8]) -> Result<Self, Uncarried> {
        let text =
            std::str::from_utf8(body).map_err(|_| Uncarried::new("the body", "it is not UTF-8"))?;
        serde_json::from_str(text)
            .map_err(|_| Uncarried::new("messages", "they are no array of objects"))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Body<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Body<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut body = Body::default();
                while let Some(Word(key)) = map.next_key::<Word<'de>>()? {
                    if key == "messages" {
                        body.messages = map.next_value()?;
                        continue;
                    }
                    let raw = map.next_value()?;
                    if !is_null(raw) {
                        body.rest.push((key, raw));
                    }
                }
                Ok(body)
            }
        }

        deserializer.deserialize_map(Object)
    }
}

/// A member's name, for headers and logs: callers may choose any.
pub(crate) fn name(key: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "_-.".contains(c) { c } else { '?' };
    key.chars().take(64).map(plain).collect()
}

/// Whether a value is `null`.
pub(crate) fn is_null(raw: Raw<'_>) -> bool {
    json::type_of(raw) == Type::Null
}

// === impl Plainness ===

impl Plainness {
    /// A name or an id that the target takes: the same, or, where it would be refused, another that
    /// is always the same for the same.
    pub(crate) fn of<'t>(self, text: &'t Text<'_>, prefix: &str) -> Cow<'t, str> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let text = text.as_str();
        if !text.is_empty() && text.len() <= self.max && text.chars().all(plain) {
            return Cow::Borrowed(text);
        }
        let kept: String =
            text.chars().filter(|&c| plain(c)).take(self.max.saturating_sub(32)).collect();
        Cow::Owned(format!("{prefix}{kept}_{:016x}", hash(text)))
    }
}

/// Whether a turn says anything.
pub(crate) fn is_empty(turn: &Turn<'_>) -> bool {
    turn.parts.is_empty()
}
