//! Whether a JSON schema may be `strict`: Chat refuses one whose objects are open, or have members
//! that are not required (<https://platform.openai.com/docs/guides/structured-outputs>).

use crate::json::{self, Members, Type};
use crate::request::text_of;
use serde_json::value::RawValue;

/// Whether every object in it is closed and requires all its members.
pub(super) fn is_strict(schema: &str) -> bool {
    let Some(members) = Members::read(schema) else { return true };
    let is_object = members.get("type").is_some_and(|raw| raw.get() == r#""object""#);
    let properties = members.get("properties").and_then(|raw| Members::read(raw.get()));
    if properties.is_some() || is_object {
        let properties = properties.unwrap_or_default();
        let closed = members.get("additionalProperties").is_some_and(|raw| raw.get() == "false");
        let required: Vec<&RawValue> = members
            .get("required")
            .and_then(|raw| serde_json::from_str(raw.get()).ok())
            .unwrap_or_default();
        let requires = |key: &str| required.iter().any(|raw| text_of(raw).as_deref() == Some(key));
        if !closed || !properties.0.iter().all(|(key, _)| requires(key)) {
            return false;
        }
    }
    // `enum`, `const` and `default` hold values, and a value may look like a schema.
    let inner =
        members.0.iter().filter(|(key, _)| !matches!(key.as_ref(), "enum" | "const" | "default"));
    inner.into_iter().all(|(_, raw)| match json::type_of(raw) {
        Type::Object => is_strict(raw.get()),
        Type::Array => {
            let items: Vec<&RawValue> = serde_json::from_str(raw.get()).unwrap_or_default();
            items.into_iter().all(|item| is_strict(item.get()))
        }
        Type::String | Type::Number | Type::Bool | Type::Null => true,
    })
}
