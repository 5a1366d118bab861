//! What a request asks for, as far as a provider must know to answer it: a tolerant reading.

use super::going::Going;
use ir::{Dialect, Shape};
use serde_json::Value;

/// What a path and method stand for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Endpoint {
    /// `POST …/chat/completions`, `POST …/messages`.
    Answer(Dialect),
    /// `POST …/messages/count_tokens`.
    CountTokens,
    /// `GET …/models`; the dialect is told by `anthropic-version`.
    Models(Dialect),
    /// `GET …/models/ID`, likewise.
    Model(Dialect),
    /// Anything else.
    Unknown,
}

/// A request's wishes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Asked {
    /// Where it went.
    pub endpoint: Endpoint,
    /// The model, or nothing where there is none.
    pub model: String,
    /// Stream or whole.
    pub shape: Shape,
    /// `stream_options.include_usage`.
    pub include_usage: bool,
    /// The names of the offered tools, in order.
    pub tools: Vec<String>,
    /// The conversation holds the result of a tool call.
    pub tool_result: bool,
    /// The text of the last message, where it is the assistant's.
    pub prefill: Option<String>,
    /// Whether it asks for the rest of an answer, and how.
    pub(super) going: Going,
    /// The body is JSON.
    pub readable: bool,
    /// All of it; null where it is no JSON.
    pub(super) document: Value,
}

// === impl Endpoint ===

impl Endpoint {
    /// The endpoint of a method, a path and the headers.
    pub fn of(method: &str, path: &str, headers: &[(String, String)]) -> Self {
        let path = path.split('?').next().unwrap_or_default().trim_end_matches('/');
        let post = method == "POST";
        if post && path.ends_with("/chat/completions") {
            Self::Answer(Dialect::Chat)
        } else if post && path.ends_with("/messages") {
            Self::Answer(Dialect::Messages)
        } else if post && path.ends_with("/messages/count_tokens") {
            Self::CountTokens
        } else if method == "GET" && path.ends_with("/models") {
            Self::Models(lister(headers))
        } else if method == "GET" && model(path).is_some() {
            Self::Model(lister(headers))
        } else {
            Self::Unknown
        }
    }

    /// In whose words to answer, errors included.
    pub fn dialect(self) -> Dialect {
        match self {
            Self::Answer(dialect) | Self::Models(dialect) | Self::Model(dialect) => dialect,
            Self::CountTokens => Dialect::Messages,
            Self::Unknown => Dialect::Chat,
        }
    }
}

// === impl Asked ===

impl Asked {
    /// Reads a request. What is missing or of another type than expected is taken for absent.
    pub fn read(endpoint: Endpoint, body: &[u8]) -> Self {
        let read: Option<Value> = serde_json::from_slice(body).ok();
        let readable = read.as_ref().is_some_and(Value::is_object);
        let document = read.unwrap_or_default();
        let stream = matches!(endpoint, Endpoint::Answer(_)) && yes(document.get("stream"));
        let messages = document.get("messages").and_then(Value::as_array);
        let messages = messages.map(Vec::as_slice).unwrap_or_default();
        let prefill = messages.last().and_then(prefill);
        Self {
            endpoint,
            model: text(document.get("model")),
            shape: if stream { Shape::Stream } else { Shape::Whole },
            include_usage: yes(document.pointer("/stream_options/include_usage")),
            tools: document
                .get("tools")
                .and_then(Value::as_array)
                .map(|tools| tools.iter().filter_map(tool_name).collect())
                .unwrap_or_default(),
            tool_result: messages.iter().any(has_tool_result),
            going: Going::read(messages, prefill.is_some()),
            prefill,
            readable: readable
                || matches!(endpoint, Endpoint::Models(_) | Endpoint::Model(_) | Endpoint::Unknown),
            document,
        }
    }
}

/// In whose words models are listed.
fn lister(headers: &[(String, String)]) -> Dialect {
    let anthropic = headers.iter().any(|(name, _)| name == "anthropic-version");
    if anthropic { Dialect::Messages } else { Dialect::Chat }
}

/// The model that a path asks for.
pub(super) fn model(path: &str) -> Option<&str> {
    let (_, id) = path.split('?').next()?.split_once("/models/")?;
    (!id.is_empty()).then_some(id)
}

fn yes(value: Option<&Value>) -> bool {
    value.and_then(Value::as_bool).unwrap_or_default()
}

fn text(value: Option<&Value>) -> String {
    value.and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Chat: `function.name`; Messages: `name`. Tools without a name run on the provider's side.
fn tool_name(tool: &Value) -> Option<String> {
    let name = tool.pointer("/function/name").or_else(|| tool.get("name"))?;
    Some(name.as_str()?.to_owned())
}

fn has_tool_result(message: &Value) -> bool {
    let blocks = message.get("content").and_then(Value::as_array);
    message.get("role").and_then(Value::as_str) == Some("tool")
        || blocks.is_some_and(|blocks| {
            blocks.iter().any(|one| one.get("type").and_then(Value::as_str) == Some("tool_result"))
        })
}

fn prefill(message: &Value) -> Option<String> {
    if message.get("role").and_then(Value::as_str) != Some("assistant") {
        return None;
    }
    said(message)
}

/// The text of a message: all of its blocks.
pub(super) fn said(message: &Value) -> Option<String> {
    match message.get("content")? {
        Value::String(text) => Some(text.clone()),
        Value::Array(blocks) => Some(blocks.iter().map(|block| text(block.get("text"))).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Asked, Endpoint};
    use ir::{Dialect, Shape};

    fn chat(body: &str) -> Asked {
        Asked::read(Endpoint::Answer(Dialect::Chat), body.as_bytes())
    }

    #[test]
    fn paths_with_any_prefix() {
        let check = |method, path, expect| assert_eq!(Endpoint::of(method, path, &[]), expect);
        check("POST", "/v1/chat/completions", Endpoint::Answer(Dialect::Chat));
        check("POST", "/x/openai/v1/chat/completions", Endpoint::Answer(Dialect::Chat));
        check("POST", "/v1/messages?beta=true", Endpoint::Answer(Dialect::Messages));
        check("POST", "/v1/messages/count_tokens", Endpoint::CountTokens);
        check("GET", "/v1/models?limit=1000", Endpoint::Models(Dialect::Chat));
        check("GET", "/v1/models/a/b?x=1", Endpoint::Model(Dialect::Chat));
        check("DELETE", "/v1/models/a", Endpoint::Unknown);
        check("GET", "/v1/messages", Endpoint::Unknown);
        check("POST", "/", Endpoint::Unknown);
        let header = [("anthropic-version".to_owned(), "2023-06-01".to_owned())];
        let models = Endpoint::of("GET", "/v1/models", &header);
        assert_eq!(models, Endpoint::Models(Dialect::Messages));
    }

    #[test]
    fn wishes_are_read() {
        let asked = chat(
            r#"{"model":"ok","stream":true,"stream_options":{"include_usage":true},
                "tools":[{"type":"function","function":{"name":"a"}},{"name":"b"},{"type":"web"}],
                "messages":[{"role":"user","content":"hi"}]}"#,
        );
        assert_eq!(asked.model, "ok");
        assert_eq!(asked.shape, Shape::Stream);
        assert!(asked.include_usage && asked.readable && !asked.tool_result);
        assert_eq!(asked.tools, ["a", "b"]);
        assert_eq!(asked.prefill, None);
    }

    #[test]
    fn tool_results_and_prefill_are_seen() {
        let tool = chat(r#"{"messages":[{"role":"tool","content":"x"}]}"#);
        assert!(tool.tool_result);
        let block = chat(r#"{"messages":[{"role":"user","content":[{"type":"tool_result"}]}]}"#);
        assert!(block.tool_result);
        let prefill = chat(r#"{"messages":[{"role":"assistant","content":[{"text":"w0"}]}]}"#);
        assert_eq!(prefill.prefill.as_deref(), Some("w0"));
    }

    #[test]
    fn nonsense_is_not_readable_and_harms_nobody() {
        for body in ["", "[]", "{", "\u{0}", "{\"messages\":3,\"tools\":{},\"stream\":\"yes\"}"] {
            let asked = chat(body);
            assert_eq!(asked.shape, Shape::Whole);
            assert_eq!(asked.readable, body.len() > 10);
        }
    }
}
