//! JSON schemas, as far as the families differ about them.
//!
//! Chat takes one as `strict` only if every object is closed and requires all its members
//! (<https://platform.openai.com/docs/guides/structured-outputs>); the answers of Messages have
//! only closed ones (<https://docs.claude.com/en/docs/build-with-claude/structured-outputs>).

mod walk;

use super::Out;
use crate::json::{self, Members, Type};
use crate::lazy::Raw;
use std::borrow::Cow;

/// Keys that hold values: a value may look like a schema and is none.
const VALUES: &[&str] = &["enum", "const", "default", "examples", "required"];

/// Keys whose members are named by the caller and hold schemas.
const NAMED: &[&str] = &["properties", "patternProperties", "$defs", "definitions"];

/// Keys that Chat refuses in a strict schema.
const LOOSE: &[&str] = &[
    "oneOf",
    "allOf",
    "not",
    "if",
    "then",
    "else",
    "dependentRequired",
    "dependentSchemas",
    "patternProperties",
];

/// The longest schema that is rebuilt, in bytes: every level is read anew.
const BYTES_MAX: usize = 256 << 10;

/// Whether every object in it is closed and requires all its members.
pub(crate) fn is_strict(schema: &str) -> bool {
    walk::found(schema).strict
}

/// The same with every object closed; as it was, to the letter, where it already is.
pub(crate) fn closed(schema: &str) -> Cow<'_, str> {
    if BYTES_MAX < schema.len() || walk::found(schema).closed {
        return Cow::Borrowed(schema);
    }
    rebuilt(schema)
}

fn rebuilt(schema: &str) -> Cow<'_, str> {
    let Some(members) = Members::read(schema) else { return Cow::Borrowed(schema) };
    let is_object = is_object(&members);
    let mut out = Out::with_capacity(schema.len().saturating_add(64));
    out.object(|out| {
        for (key, raw) in &members.0 {
            if key == "additionalProperties" && is_object {
                continue;
            }
            let value = if VALUES.contains(&key.as_ref()) {
                Cow::Borrowed(raw.get())
            } else if NAMED.contains(&key.as_ref()) {
                Cow::Owned(each(*raw))
            } else {
                value(*raw)
            };
            out.raw_member(key, &value);
        }
        if is_object {
            out.key("additionalProperties");
            out.raw("false");
        }
    });
    Cow::Owned(out.finish())
}

/// Closes the schemas that an object holds by name.
fn each(raw: Raw<'_>) -> String {
    let members = Members::read(raw.get()).unwrap_or_default();
    let mut out = Out::with_capacity(raw.get().len());
    out.object(|out| {
        for (key, raw) in &members.0 {
            out.raw_member(key, &value(*raw));
        }
    });
    out.finish()
}

/// Closes a schema, or those of a list.
fn value(raw: Raw<'_>) -> Cow<'_, str> {
    match json::type_of(raw) {
        Type::Object => rebuilt(raw.get()),
        Type::Array => {
            let items: Vec<Raw<'_>> = serde_json::from_str(raw.get()).unwrap_or_default();
            let mut out = Out::with_capacity(raw.get().len());
            out.list(|out| items.iter().for_each(|item| out.raw(&value(*item))));
            Cow::Owned(out.finish())
        }
        Type::String | Type::Number | Type::Bool | Type::Null => Cow::Borrowed(raw.get()),
    }
}

fn is_object(members: &Members<'_>) -> bool {
    let named = members.get("type").is_some_and(|raw| raw.get() == r#""object""#);
    named || members.get("properties").is_some_and(|raw| json::type_of(raw) == Type::Object)
}

#[cfg(test)]
mod tests {
    use super::{closed, is_strict};

    #[test]
    fn schemas_are_closed_where_they_are_open() {
        for (schema, expect, strict) in [
            (r#"{"type":"string"}"#, None, true),
            (
                r#"{ "type":"object","properties":{"a":{}},"required":["a"],"additionalProperties":false}"#,
                None,
                true,
            ),
            (
                r#"{"type":"object","properties":{"a":{}},"additionalProperties":false}"#,
                None,
                false,
            ),
            (
                r#"{"type":"object"}"#,
                Some(r#"{"type":"object","additionalProperties":false}"#),
                false,
            ),
            (
                r#"{"additionalProperties":{"type":"string"},"properties":{"properties":{"type":"object","default":{"type":"object"}}}}"#,
                Some(
                    r#"{"properties":{"properties":{"type":"object","default":{"type":"object"},"additionalProperties":false}},"additionalProperties":false}"#,
                ),
                false,
            ),
            (
                r##"{"anyOf":[{"type":"object"},{"$ref":"#/$defs/n"}],"$defs":{"n":{"type":"number","maximum":1.50}}}"##,
                Some(
                    r##"{"anyOf":[{"type":"object","additionalProperties":false},{"$ref":"#/$defs/n"}],"$defs":{"n":{"type":"number","maximum":1.50}}}"##,
                ),
                false,
            ),
        ] {
            assert_eq!(closed(schema), expect.unwrap_or(schema));
            assert_eq!(is_strict(schema), strict, "{schema}");
        }
    }
}
