//! What a request asks of its answer: read only for an order that obeys.

use super::sample;
use serde_json::Value;

/// A request's wishes for its answer.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Wish {
    /// The most words.
    pub(super) words_max: Option<usize>,
    /// Texts that end the answer before them.
    pub(super) stops: Vec<String>,
    /// The whole text, where its form is asked for.
    pub(super) text: Option<String>,
    /// Thinking, and whether it is to be shown.
    pub(super) thinks: Option<bool>,
    /// Which tool calls it wants.
    pub(super) calls: Calls,
    /// At most one call.
    pub(super) one_call: bool,
}

/// Which tool calls a request wants.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) enum Calls {
    /// As the model likes.
    #[default]
    Any,
    /// None.
    None,
    /// At least one.
    Some,
    /// Of this tool.
    Of(String),
}

// === impl Wish ===

impl Wish {
    /// Reads any dialect. Texts of a document say these words.
    pub(super) fn read(document: &Value, words: &str) -> Self {
        let at = |path: &str| document.pointer(path).filter(|it| !it.is_null());
        let number = |path: &str| usize::try_from(at(path)?.as_u64()?).ok();
        let is = |path: &str, word: bool| at(path).and_then(Value::as_bool) == Some(word);
        let schema = at("/response_format/json_schema/schema")
            .or_else(|| at("/output_config/format/schema"))
            .or_else(|| at("/text/format/schema"));
        let any = at("/response_format/type").and_then(Value::as_str) == Some("json_object");
        Self {
            words_max: ["/max_completion_tokens", "/max_tokens", "/max_output_tokens"]
                .into_iter()
                .find_map(number),
            stops: stops(at("/stop").or_else(|| at("/stop_sequences"))),
            text: schema
                .map(|schema| sample::of(schema, words))
                .or_else(|| any.then(|| r#"{"w0":0}"#.to_owned())),
            thinks: thinks(document),
            calls: Calls::read(at("/tool_choice")),
            one_call: is("/parallel_tool_calls", false)
                || is("/tool_choice/disable_parallel_tool_use", true),
        }
    }

    /// The first of its stop sequences in a text, and where that begins.
    pub(super) fn stop<'a>(&'a self, text: &str) -> Option<(usize, &'a str)> {
        let found = self.stops.iter().filter_map(|stop| Some((text.find(stop)?, stop.as_str())));
        found.min_by_key(|(place, _)| *place)
    }
}

// === impl Calls ===

impl Calls {
    fn read(choice: Option<&Value>) -> Self {
        let Some(choice) = choice else { return Self::Any };
        let kind = choice.as_str().or_else(|| choice.get("type")?.as_str()).unwrap_or_default();
        match kind {
            "none" => Self::None,
            "required" | "any" => Self::Some,
            "function" | "tool" => {
                let name = choice.pointer("/function/name").or_else(|| choice.get("name"));
                Self::Of(name.and_then(Value::as_str).unwrap_or_default().to_owned())
            }
            _ => Self::Any,
        }
    }
}

fn stops(value: Option<&Value>) -> Vec<String> {
    let all = match value {
        Some(Value::Array(all)) => all.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    let texts = all.iter().filter_map(Value::as_str).filter(|text| !text.is_empty());
    texts.map(str::to_owned).collect()
}

fn thinks(document: &Value) -> Option<bool> {
    let at = |path: &str| document.pointer(path).and_then(Value::as_str);
    let effort = at("/reasoning_effort").or_else(|| at("/reasoning/effort"));
    match (at("/thinking/type"), effort) {
        (Some("enabled" | "adaptive" | "between_tools"), _) => {
            Some(at("/thinking/display") != Some("omitted"))
        }
        (None, Some(effort)) if effort != "none" => Some(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Calls, Wish};
    use serde_json::{Value, json};

    fn read(document: &Value) -> Wish {
        Wish::read(document, "w0 w1")
    }

    #[test]
    fn both_dialects_are_read_alike() {
        let chat = read(&json!({
            "max_completion_tokens": 3, "stop": "w2", "reasoning_effort": "low",
            "response_format": {"type": "json_schema", "json_schema": {
                "schema": {"type": "object", "properties": {"n": {"type": "integer"}}}}},
            "tool_choice": {"type": "function", "function": {"name": "a"}},
            "parallel_tool_calls": false,
        }));
        let messages = read(&json!({
            "max_tokens": 3, "stop_sequences": ["w2"], "thinking": {"type": "adaptive"},
            "output_config": {"format": {"type": "json_schema",
                "schema": {"type": "object", "properties": {"n": {"type": "integer"}}}}},
            "tool_choice": {"type": "tool", "name": "a", "disable_parallel_tool_use": true},
        }));
        assert_eq!(chat, messages);
        assert_eq!(chat.calls, Calls::Of("a".to_owned()));
        assert_eq!(chat.text.as_deref(), Some(r#"{"n":7}"#));
        assert_eq!(chat.stop("w0 w1 w2"), Some((6, "w2")));
        assert_eq!(read(&json!({"tool_choice": "auto"})), Wish::default());
    }

    #[test]
    fn thinking_may_be_hidden() {
        let thinks = |body| read(&body).thinks;
        assert_eq!(thinks(json!({"thinking": {"type": "disabled"}})), None);
        assert_eq!(thinks(json!({"reasoning_effort": "none"})), None);
        let hidden = json!({"thinking": {"type": "adaptive", "display": "omitted"}});
        assert_eq!(thinks(hidden), Some(false));
    }
}
