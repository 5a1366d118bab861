//! A document that a JSON schema describes: the same one for the same schema and words.

use super::json::quote;
use serde_json::Value;

/// How deep a schema is followed; below it stands null.
const DEPTH_MAX: usize = 32;

/// A document of this schema, whose texts say these words.
pub(super) fn of(schema: &Value, words: &str) -> String {
    sample(schema, (schema, words), 0)
}

fn sample(schema: &Value, (root, words): (&Value, &str), depth: usize) -> String {
    if depth > DEPTH_MAX {
        return "null".to_owned();
    }
    let within = |inner: &Value| sample(inner, (root, words), depth.saturating_add(1));
    let text = |key: &str| schema.get(key).and_then(Value::as_str);
    if let Some(place) = text("$ref").and_then(|place| place.strip_prefix('#')) {
        return root.pointer(place).map_or_else(|| "null".to_owned(), within);
    }
    for key in ["anyOf", "oneOf", "allOf"] {
        if let Some(first) = schema.get(key).and_then(|all| all.get(0)) {
            return within(first);
        }
    }
    if let Some(value) = schema.get("const").or_else(|| schema.get("enum")?.get(0)) {
        return value.to_string();
    }
    let kind = text("type").or_else(|| schema.get("type")?.get(0)?.as_str()).unwrap_or_default();
    match kind {
        "object" => {
            let fields = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
            let fields = fields.map(|(key, inner)| format!("{}:{}", quote(key), within(inner)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
        }
        "array" => match schema.get("items") {
            Some(inner) => format!("[{}]", within(inner)),
            None => "[]".to_owned(),
        },
        "string" => quote(words),
        "integer" => "7".to_owned(),
        "number" => "1.5".to_owned(),
        "boolean" => "true".to_owned(),
        _ => "null".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn a_schema_gets_its_document() {
        let schema = json!({
            "type": "object",
            "properties": {
                "city": {"type": "string"},
                "days": {"type": "array", "items": {"$ref": "#/$defs/day"}},
                "unit": {"enum": ["celsius", "kelvin"]},
                "wind": {"anyOf": [{"type": "number"}, {"type": "null"}]},
            },
            "$defs": {"day": {"type": "object", "properties": {"at": {"type": ["integer", "null"]}}}},
        });
        let expect = r#"{"city":"w0 w1","days":[{"at":7}],"unit":"celsius","wind":1.5}"#;
        assert_eq!(super::of(&schema, "w0 w1"), expect);
        let endless = json!({"$ref": "#"});
        assert_eq!(super::of(&endless, ""), "null");
    }
}
