//! JSON that grows: values that more is joined to, in the spelling in which they came.
//!
//! Every function that stores something returns how many bytes it added at most.

use crate::Error;
use crate::json::{self, Members, Type};
use crate::lazy::{self, Raw};
use std::borrow::Cow;

/// An object, its members in the order in which they first came.
#[derive(Clone, Debug, Default)]
pub(super) struct Object(Vec<(String, Value)>);

/// A value.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// As it came.
    Raw(String),
    /// The text between the quotes of a string.
    Text(String),
    Object(Object),
    Array(Vec<Value>),
}

/// An object with more members is not looked into: a limit on everything.
const MEMBERS_MAX: usize = 256;
/// Items of an array that are looked through for one with the same `index`.
const ITEMS_MAX: usize = 1024;
/// Levels at which values are joined; below, the latest holds.
const DEPTH_MAX: usize = 16;

/// Members that are said again rather than continued. The SDK of `OpenAI` has `index` and `type`; to
/// that come what compatible servers repeat in every piece.
const SAID_AGAIN: &[&str] = &["index", "type", "id", "role", "format", "status"];

/// The members of an object that must be taken in; `null` is one without any.
pub(super) fn object(raw: Raw<'_>) -> Result<Members<'_>, Error> {
    if json::type_of(raw) == Type::Null {
        return Ok(Members::default());
    }
    members(raw.get()).ok_or(ODD)
}

/// What is too large or too odd to be put together is no answer: nothing is dropped in silence.
pub(super) const ODD: Error = Error::NotAnswer("an object that cannot be taken in");

/// An object's members; of doubled keys the last, as everywhere. `None` where it is none, or has more
/// than we look at.
pub(super) fn members(text: &str) -> Option<Members<'_>> {
    let Members(mut members) = Members::read(text)?;
    if members.len() > MEMBERS_MAX {
        return None;
    }
    let mut seen: Vec<Cow<'_, str>> = Vec::with_capacity(members.len());
    members.reverse();
    members.retain(|(key, _)| {
        let new = !seen.contains(key);
        if new {
            seen.push(key.clone());
        }
        new
    });
    members.reverse();
    Some(Members(members))
}

/// An array's items.
pub(super) fn items(raw: Raw<'_>) -> Vec<Raw<'_>> {
    lazy::read(raw.get()).unwrap_or_default()
}

/// The text between a string's quotes.
pub(super) fn inside(raw: Raw<'_>) -> &str {
    json::inside(raw).unwrap_or_default()
}

// === impl Object ===

impl Object {
    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        self.0.iter_mut().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// Sets a member, where it was or behind all others.
    pub(super) fn set(&mut self, key: &str, value: Value) -> usize {
        let added = value.bytes();
        if let Some(place) = self.get_mut(key) {
            let before = std::mem::replace(place, value);
            return added.saturating_sub(before.bytes());
        }
        self.0.push((key.to_owned(), value));
        added.saturating_add(key.len())
    }

    /// Keeps a place for what is written by somebody else.
    pub(super) fn hold(&mut self, key: &str) -> usize {
        if self.get(key).is_some() { 0 } else { self.set(key, Value::null()) }
    }

    /// Sets a member to what was said first, unless that was nothing: Azure begins with a chunk that
    /// has no id, no model, and was created in 1970.
    pub(super) fn first(&mut self, key: &str, raw: Raw<'_>) -> usize {
        let nothing = ["null", "\"\"", "0"];
        let open = |it: &Value| matches!(it, Value::Raw(text) if nothing.contains(&text.as_str()));
        if self.get(key).is_none_or(open) { self.set(key, Value::raw(raw)) } else { 0 }
    }

    /// Sets a member to what was said last, unless that is nothing.
    pub(super) fn latest(&mut self, key: &str, raw: Raw<'_>) -> usize {
        if self.get(key).is_some() && json::filled(raw) == Some(false) {
            return 0;
        }
        self.set(key, Value::raw(raw))
    }

    /// Joins a piece to a member.
    pub(super) fn join(&mut self, key: &str, raw: Raw<'_>, depth: usize) -> usize {
        let held = self.hold(key);
        let joined = self.get_mut(key).map_or(0, |value| value.join(key, raw, depth));
        held.saturating_add(joined)
    }

    pub(super) fn write(&self, out: &mut String) {
        self.write_with(out, &[], |_, _| false);
    }

    /// Writes it, with these members and their text where they are missing. `own` may write a
    /// member's value itself, and says so.
    pub(super) fn write_with(
        &self,
        out: &mut String,
        usual: &[(&str, &str)],
        own: impl Fn(&str, &mut String) -> bool,
    ) {
        out.push('{');
        for (key, value) in &self.0 {
            key_of(key, out);
            if !own(key, out) {
                value.write(out);
            }
        }
        for (key, text) in usual.iter().filter(|(key, _)| self.get(key).is_none()) {
            key_of(key, out);
            if !own(key, out) {
                out.push_str(text);
            }
        }
        out.push('}');
    }
}

// === impl Value ===

impl Value {
    pub(super) fn null() -> Self {
        Self::Raw("null".to_owned())
    }

    pub(super) fn raw(raw: Raw<'_>) -> Self {
        Self::Raw(raw.get().to_owned())
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self, Self::Raw(text) if text == "null")
    }

    /// How many bytes it has, as far as that is at hand.
    fn bytes(&self) -> usize {
        match self {
            Self::Raw(text) | Self::Text(text) => text.len(),
            Self::Object(_) | Self::Array(_) => 0,
        }
    }

    fn type_of(&self) -> Type {
        match self {
            Self::Raw(text) => json::type_of_text(text),
            Self::Text(_) => Type::String,
            Self::Object(_) => Type::Object,
            Self::Array(_) => Type::Array,
        }
    }

    /// Joins a piece: strings and arrays go on, objects member by member, of all else the latest
    /// holds (the SDK of `OpenAI` adds numbers up; no provider is known to mean that). `null`, and what
    /// has another type, says nothing.
    pub(super) fn join(&mut self, key: &str, raw: Raw<'_>, depth: usize) -> usize {
        let kind = json::type_of(raw);
        if kind == Type::Null {
            return 0;
        }
        let said_again = SAID_AGAIN.contains(&key) || depth >= DEPTH_MAX;
        if self.is_null() && kind == Type::Array && !said_again {
            // Even the first one may hold several pieces of one item.
            *self = Self::Array(Vec::new());
        }
        if self.is_null() || (said_again && json::filled(raw) != Some(false)) {
            let before = self.bytes();
            *self = Self::raw(raw);
            return raw.get().len().saturating_sub(before);
        }
        match (self.type_of(), kind) {
            _ if said_again => 0,
            // Servers that send the name with every piece of a call.
            (Type::String, Type::String) if key == "name" && self.is_text(inside(raw)) => 0,
            (Type::String, Type::String) => self.append(inside(raw)),
            (Type::Object, Type::Object) => {
                let pieces = members(raw.get());
                let (Some(pieces), Some(object)) = (pieces, self.as_object()) else {
                    *self = Self::raw(raw); // Too large to be looked into: the latest holds.
                    return raw.get().len();
                };
                let join = |(key, raw): (Cow<'_, str>, Raw<'_>)| object.join(&key, raw, depth + 1);
                pieces.0.into_iter().map(join).sum()
            }
            (Type::Array, Type::Array) => {
                let pieces = items(raw);
                let Some(array) = self.as_array() else { return 0 };
                pieces.into_iter().map(|piece| item(array, piece, depth + 1)).sum()
            }
            (Type::Number, Type::Number) | (Type::Bool, Type::Bool) => {
                *self = Self::raw(raw);
                0
            }
            (
                Type::Object | Type::Array | Type::String | Type::Number | Type::Bool | Type::Null,
                Type::Object | Type::Array | Type::String | Type::Number | Type::Bool | Type::Null,
            ) => 0,
        }
    }

    /// Whether it is this string.
    fn is_text(&self, text: &str) -> bool {
        match self {
            Self::Raw(raw) => raw.len() == text.len() + 2 && raw.get(1..=text.len()) == Some(text),
            Self::Text(known) => known == text,
            Self::Object(_) | Self::Array(_) => false,
        }
    }

    /// Joins the inside of a string to a string; anything else becomes that string.
    pub(super) fn append(&mut self, text: &str) -> usize {
        match self {
            Self::Text(known) => known.push_str(text),
            Self::Raw(raw) => {
                let known = raw.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
                let mut joined = known.unwrap_or_default().to_owned();
                joined.push_str(text);
                *self = Self::Text(joined);
            }
            Self::Object(_) | Self::Array(_) => *self = Self::Text(text.to_owned()),
        }
        text.len()
    }

    /// Its members, where it is an object that we look into.
    pub(super) fn as_object(&mut self) -> Option<&mut Object> {
        if let Self::Raw(text) = self {
            let members = members(text)?;
            let members = members
                .0
                .into_iter()
                .map(|(key, raw)| (key.into_owned(), Self::raw(raw)))
                .collect();
            *self = Self::Object(Object(members));
        }
        match self {
            Self::Object(object) => Some(object),
            Self::Raw(_) | Self::Text(_) | Self::Array(_) => None,
        }
    }

    /// Its items, where it is an array.
    pub(super) fn as_array(&mut self) -> Option<&mut Vec<Self>> {
        if let Self::Raw(text) = self {
            let items: Vec<Raw<'_>> = lazy::read(text).ok()?;
            *self = Self::Array(items.into_iter().map(Self::raw).collect());
        }
        match self {
            Self::Array(items) => Some(items),
            Self::Raw(_) | Self::Text(_) | Self::Object(_) => None,
        }
    }

    pub(super) fn write(&self, out: &mut String) {
        match self {
            Self::Raw(text) => out.push_str(text),
            Self::Text(text) => {
                out.push('"');
                out.push_str(text);
                out.push('"');
            }
            Self::Object(object) => object.write(out),
            Self::Array(items) => write_all(out, items, Self::write),
        }
    }
}

/// The key of a member, behind whatever was written of its object.
fn key_of(key: &str, out: &mut String) {
    if !out.ends_with('{') {
        out.push(',');
    }
    out.push_str(&json::quoted(key));
    out.push(':');
}

/// An array of anything.
pub(super) fn write_all<'a, T: 'a>(
    out: &mut String,
    items: impl IntoIterator<Item = &'a T>,
    write: impl Fn(&'a T, &mut String),
) {
    out.push('[');
    for (position, item) in items.into_iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        write(item, out);
    }
    out.push(']');
}

/// One more item: a piece of the one with its `index`, or a new one.
fn item(array: &mut Vec<Value>, piece: Raw<'_>, depth: usize) -> usize {
    let members = members(piece.get()).unwrap_or_default();
    let index = members.get("index").filter(|raw| json::type_of(*raw) == Type::Number);
    if let Some(index) = index {
        let near = array.iter_mut().rev().take(ITEMS_MAX);
        let same = |it: &Value| matches!(it, Value::Raw(text) if text == index.get());
        let mut known = near.filter_map(Value::as_object);
        if let Some(known) = known.find(|known| known.get("index").is_some_and(same)) {
            let join = |(key, raw): (Cow<'_, str>, Raw<'_>)| known.join(&key, raw, depth + 1);
            return members.0.into_iter().map(join).sum();
        }
    }
    array.push(Value::raw(piece));
    piece.get().len()
}
