//! Looking into JSON that others wrote: whatever has another type than expected is absent.

use serde_json::Value;

/// A text.
pub(super) fn word<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key).and_then(Value::as_str)
}

/// A text, or a number as one.
pub(super) fn label(value: &Value, key: &str) -> Option<String> {
    match value.get(key)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A list.
pub(super) fn list<'v>(value: &'v Value, key: &str) -> Option<&'v [Value]> {
    value.get(key).and_then(Value::as_array).map(Vec::as_slice)
}

/// The items of a list; none where there is no such list.
pub(super) fn each<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> + use<'v> {
    list(value, key).unwrap_or_default().iter()
}

/// A table.
pub(super) fn table<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    value.get(key).filter(|found| found.is_object())
}

/// A moment: RFC 3339, in milliseconds since the Unix epoch.
pub(super) fn moment(value: &Value, key: &str) -> Option<u64> {
    super::moment::parse(word(value, key)?)
}
