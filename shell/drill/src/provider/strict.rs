//! What a real provider would object to in a request: in the dialect's own words, the first thing
//! it finds. The rest of the drill is tolerant; a test that must prove a request legal orders
//! `+strict`, or asks [`Seen::objection`](super::Seen::objection) afterwards.
//!
//! It is written from the public documentation and the official SDKs' types, and it shares nothing
//! with the codec. Where the documentation leaves a choice, it refuses: what passes here passes
//! there.

mod chat;
mod messages;
mod responses;

use super::asked::Endpoint;
use super::problem::Problem;
use ir::Dialect;
use serde_json::{Map, Value};

/// Fine, or what is wrong first.
type Checked = Result<(), Problem>;

/// Checks a request for an answer or a count; all others are fine.
pub(super) fn check(
    endpoint: Endpoint,
    path: &str,
    headers: &[(String, String)],
    document: &Value,
) -> Checked {
    let header = |name: &str| {
        headers.iter().find(|(one, _)| one == name).map_or("", |(_, value)| value.as_str())
    };
    let terms = |count| messages::Terms {
        version: header("anthropic-version").to_owned(),
        beta: !header("anthropic-beta").is_empty() || path.contains("beta=true"),
        count,
    };
    match endpoint {
        Endpoint::Answer(Dialect::Chat) => chat::check(document),
        Endpoint::Answer(Dialect::Messages) => messages::check(document, &terms(false)),
        Endpoint::Answer(Dialect::Responses) => responses::check(document),
        Endpoint::CountTokens => messages::check(document, &terms(true)),
        Endpoint::InputTokens
        | Endpoint::Compact
        | Endpoint::Stored(_)
        | Endpoint::Models(_)
        | Endpoint::Model(_)
        | Endpoint::Unknown => Ok(()),
    }
}

/// The fields of an object; none for anything else.
fn fields(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

/// The elements of a list under a key; none for anything else.
fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// The text under a key.
fn word<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

/// Whether there is something under a key: null counts as nothing.
fn has(value: &Value, key: &str) -> bool {
    value.get(key).is_some_and(|value| !value.is_null())
}

/// Whether a name is of letters, digits, `_` and `-`, and of at most so many of them.
fn is_name(name: &str, length_max: usize) -> bool {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-';
    !name.is_empty() && name.len() <= length_max && name.chars().all(plain)
}

/// Whether an object in a schema leaves open what else it may hold.
fn is_open(schema: &Value) -> bool {
    let open = schema.get("type").and_then(Value::as_str) == Some("object")
        && schema.get("additionalProperties") != Some(&Value::Bool(false));
    open || match schema {
        Value::Object(fields) => fields.values().any(is_open),
        Value::Array(items) => items.iter().any(is_open),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Whether this is base64 as RFC 4648 has it, padded.
fn is_base64(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    let letter = |one: u8| one.is_ascii_alphanumeric() || one == b'+' || one == b'/';
    !body.is_empty()
        && text.len().is_multiple_of(4)
        && text.len().saturating_sub(body.len()) <= 2
        && body.bytes().all(letter)
}

#[cfg(test)]
mod tests;
