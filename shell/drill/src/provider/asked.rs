//! What a request asks for, as far as a provider must know to answer it: a tolerant reading.

use super::going::Going;
use ir::{Dialect, Shape};
use serde_json::Value;

/// What a path and method stand for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Endpoint {
    /// `POST …/chat/completions`, `POST …/messages`, `POST …/responses`.
    Answer(Dialect),
    /// `POST …/responses/input_tokens`.
    InputTokens,
    /// `POST …/responses/compact`.
    Compact,
    /// Something about an answer of Responses that is kept.
    Stored(Stored),
    /// `POST …/messages/count_tokens`.
    CountTokens,
    /// `GET …/models`; the dialect is told by `anthropic-version`.
    Models(Dialect),
    /// `GET …/models/ID`, likewise.
    Model(Dialect),
    /// Anything else.
    Unknown,
}

/// What is done with an answer that is kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stored {
    /// `GET …/responses/ID`.
    Answer,
    /// The same with `stream=true`.
    Resume,
    /// `DELETE …/responses/ID`.
    Delete,
    /// `POST …/responses/ID/cancel`.
    Cancel,
    /// `GET …/responses/ID/input_items`.
    Items,
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
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let path = path.trim_end_matches('/');
        let post = method == "POST";
        if post && path.ends_with("/chat/completions") {
            Self::Answer(Dialect::Chat)
        } else if post && path.ends_with("/messages") {
            Self::Answer(Dialect::Messages)
        } else if post && path.ends_with("/messages/count_tokens") {
            Self::CountTokens
        } else if post && path.ends_with("/responses") {
            Self::Answer(Dialect::Responses)
        } else if post && path.ends_with("/responses/input_tokens") {
            Self::InputTokens
        } else if post && path.ends_with("/responses/compact") {
            Self::Compact
        } else if let Some((_, tail)) = response(path) {
            stored(method, tail, query).map_or(Self::Unknown, Self::Stored)
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
            Self::InputTokens | Self::Compact | Self::Stored(_) => Dialect::Responses,
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
        let stream = matches!(endpoint, Endpoint::Answer(_)) && yes(document.get("stream"))
            || endpoint == Endpoint::Stored(Stored::Resume);
        let messages = document.get("messages").or_else(|| document.get("input"));
        let messages = messages.and_then(Value::as_array);
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
            tool_result: messages.iter().any(has_tool_result) || has_output(&document),
            going: Going::read(messages, prefill.is_some()),
            prefill,
            readable: readable
                || matches!(
                    endpoint,
                    Endpoint::Models(_)
                        | Endpoint::Model(_)
                        | Endpoint::Stored(_)
                        | Endpoint::Unknown
                ),
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

/// The answer that a path is about, and what follows its id.
pub(super) fn response(path: &str) -> Option<(&str, &str)> {
    let (_, id) = path.split('?').next()?.split_once("/responses/")?;
    Some(id.split_once('/').unwrap_or((id, "")))
}

fn stored(method: &str, tail: &str, query: &str) -> Option<Stored> {
    match (method, tail) {
        ("GET", "") if query.split('&').any(|pair| pair == "stream=true") => Some(Stored::Resume),
        ("GET", "") => Some(Stored::Answer),
        ("DELETE", "") => Some(Stored::Delete),
        ("POST", "cancel") => Some(Stored::Cancel),
        ("GET", "input_items") => Some(Stored::Items),
        _ => None,
    }
}

fn yes(value: Option<&Value>) -> bool {
    value.and_then(Value::as_bool).unwrap_or_default()
}

fn text(value: Option<&Value>) -> String {
    value.and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Chat: `function.name`; Messages and Responses: `name`. Tools without a name run on the provider's
/// side; a namespace of Responses only holds some.
fn tool_name(tool: &Value) -> Option<String> {
    if tool.get("type").and_then(Value::as_str) == Some("namespace") {
        return None;
    }
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

/// The output of a call among the items of Responses.
fn has_output(document: &Value) -> bool {
    let items = document.get("input").and_then(Value::as_array).into_iter().flatten();
    let mut kinds = items.filter_map(|item| item.get("type")?.as_str());
    kinds.any(|kind| kind.ends_with("_call_output"))
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
    use super::{Asked, Endpoint, Stored};
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
        check("POST", "/v1/responses", Endpoint::Answer(Dialect::Responses));
        check("POST", "/v1/responses/input_tokens", Endpoint::InputTokens);
        check("POST", "/v1/responses/compact", Endpoint::Compact);
        check("GET", "/v1/responses/resp_1", Endpoint::Stored(Stored::Answer));
        let resume = Endpoint::Stored(Stored::Resume);
        check("GET", "/v1/responses/resp_1?starting_after=3&stream=true", resume);
        check("DELETE", "/v1/responses/resp_1", Endpoint::Stored(Stored::Delete));
        check("POST", "/v1/responses/resp_1/cancel", Endpoint::Stored(Stored::Cancel));
        check("GET", "/v1/responses/resp_1/input_items?limit=2", Endpoint::Stored(Stored::Items));
        check("POST", "/v1/responses/resp_1", Endpoint::Unknown);
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
