//! What a strict client reads: it takes legal streams only, and remembers what they said.
//!
//! Written by itself, not with the decoders: a mistake of theirs must not hide here.

use crate::json::Members;
use ir::{Dialect, Tokens};
use serde_json::Value;

/// What a stream said. Texts are the insides of JSON strings.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Told {
    /// One line for each event.
    pub(super) lines: Vec<String>,
    pub(super) text: String,
    pub(super) thinking: String,
    /// Id, name, arguments.
    pub(super) calls: Vec<(String, String, String)>,
    pub(super) finish: Option<String>,
    pub(super) tokens: Option<Tokens>,
    /// The end marker came.
    pub(super) ended: bool,
    /// An error came.
    pub(super) failed: bool,
}

/// A member of an object at a path, as it is spelled.
fn raw<'a>(json: &'a str, path: &[&str]) -> Option<&'a str> {
    path.iter().try_fold(json, |json, key| {
        let value = match key.parse::<usize>() {
            Ok(index) => {
                let items: Vec<crate::lazy::Raw<'_>> = serde_json::from_str(json).ok()?;
                *items.get(index)?
            }
            Err(_) => Members::read(json)?.get(key)?,
        };
        Some(value.get())
    })
}

/// The inside of a string at a path.
fn inside(json: &str, path: &[&str]) -> Option<String> {
    Some(raw(json, path)?.strip_prefix('"')?.strip_suffix('"')?.to_owned())
}

/// A word at a path.
fn word(json: &str, path: &[&str]) -> String {
    inside(json, path).unwrap_or_else(|| panic!("{path:?} is a string in {json}"))
}

fn count(json: &str, path: &[&str]) -> u64 {
    raw(json, path).map_or(0, |raw| raw.parse().unwrap_or_else(|_| panic!("{path:?} in {json}")))
}

/// Reads the stream, or panics over what a strict client would not take. `usage`: Chat's
/// `include_usage`.
pub(super) fn read(dialect: Dialect, bytes: &[u8], usage: bool) -> Told {
    let text = std::str::from_utf8(bytes).expect("UTF-8");
    let mut told = Told::default();
    let mut chat = Chat { usage, ..Chat::default() };
    let mut messages = Messages::default();
    let (frames, rest) = text.rsplit_once("\n\n").unwrap_or(("", text));
    assert_eq!(rest, "", "whole frames: {text}");
    // Blank lines before a comment belong to it and mean nothing.
    let frames = frames.split("\n\n").map(|frame| frame.trim_start_matches('\n'));
    for frame in frames.filter(|frame| !frame.is_empty()) {
        if frame.starts_with(':') {
            told.lines.push(frame.to_owned());
            continue;
        }
        assert!(!told.failed, "nothing follows an error: {frame}");
        match dialect {
            Dialect::Chat => chat.frame(frame, &mut told),
            Dialect::Messages => messages.frame(frame, &mut told),
            Dialect::Responses => panic!("it crosses to nobody"),
        }
    }
    told
}

#[derive(Default)]
struct Chat {
    usage: bool,
    /// Id, time and model, as they are spelled.
    envelope: Option<String>,
    started: bool,
    counted: bool,
    annotations: u64,
    details: u64,
}

// === impl Chat ===

impl Chat {
    fn frame(&mut self, frame: &str, told: &mut Told) {
        assert!(!told.ended, "nothing follows the end: {frame}");
        let data = frame.strip_prefix("data: ").expect("an event without a name");
        assert!(!data.contains('\n'), "one line: {data}");
        if data == "[DONE]" {
            assert!(told.finish.is_some(), "an end has a finish");
            told.ended = true;
            return told.lines.push("done".to_owned());
        }
        assert!(serde_json::from_str::<crate::lazy::Raw<'_>>(data).is_ok(), "{data}");
        if raw(data, &["error"]).is_some() {
            told.failed = true;
            let kind = word(data, &["error", "type"]);
            let code = raw(data, &["error", "code"]).expect("a code, if only null").to_owned();
            let message = word(data, &["error", "message"]);
            return told.lines.push(format!("error {kind} {code} {message}"));
        }
        assert_eq!(word(data, &["object"]), "chat.completion.chunk");
        let part = |key| raw(data, &[key]).unwrap_or_else(|| panic!("{key} in {data}"));
        let envelope = format!("{} {} {}", part("id"), part("created"), part("model"));
        assert_eq!(
            *self.envelope.get_or_insert_with(|| envelope.clone()),
            envelope,
            "one envelope"
        );
        let usage = raw(data, &["usage"]);
        assert_eq!(usage.is_some(), self.usage, "usage in every chunk or in none: {data}");
        if raw(data, &["choices"]) == Some("[]") {
            assert!(told.finish.is_some() && !self.counted, "one usage, behind the finish");
            self.counted = true;
            return Self::tokens(data, told);
        }
        assert!(usage.is_none_or(|usage| usage == "null"), "no usage before its chunk: {data}");
        assert_eq!(raw(data, &["choices", "0", "index"]), Some("0"), "{data}");
        assert_eq!(raw(data, &["choices", "1"]), None, "{data}");
        assert!(told.finish.is_none(), "nothing follows the finish: {data}");
        let delta = raw(data, &["choices", "0", "delta"]).expect("a delta");
        self.delta(delta, told);
        let finish = raw(data, &["choices", "0", "finish_reason"]).expect("a finish, if only null");
        if finish != "null" {
            let finish = word(data, &["choices", "0", "finish_reason"]);
            let known = ["stop", "length", "tool_calls", "content_filter"];
            assert!(known.contains(&finish.as_str()) && delta == "{}", "{data}");
            assert_eq!(
                finish == "tool_calls",
                !told.calls.is_empty() && finish != "length" && finish != "content_filter"
            );
            told.lines.push(format!("finish {finish}"));
            told.finish = Some(finish);
        }
    }

    fn delta(&mut self, delta: &str, told: &mut Told) {
        let members = Members::read(delta).expect("an object");
        for (key, value) in &members.0 {
            assert_eq!(
                key == "role",
                !std::mem::replace(&mut self.started, true),
                "the role is first: {delta}"
            );
            let value = value.get();
            match key.as_ref() {
                "role" => {
                    assert_eq!(delta, r#"{"role":"assistant","content":""}"#);
                    told.lines.push("role".to_owned());
                    return;
                }
                "content" | "refusal" => {
                    let text = word(delta, &[key]);
                    assert_ne!(text, "", "no empty pieces");
                    told.text.push_str(&text);
                    told.lines.push(format!("{key} {text}"));
                }
                "reasoning_content" => {
                    let text = word(delta, &[key]);
                    told.thinking.push_str(&text);
                    told.lines.push(format!("thinking {text}"));
                }
                "reasoning_details" | "annotations" => {
                    let place = if key == "annotations" {
                        &mut self.annotations
                    } else {
                        &mut self.details
                    };
                    let items: Vec<crate::lazy::Raw<'_>> =
                        serde_json::from_str(value).expect("a list");
                    for item in items {
                        assert_eq!(count(item.get(), &["index"]), *place, "numbered: {value}");
                        assert!(raw(item.get(), &["index"]).is_some(), "numbered: {value}");
                        *place += 1;
                    }
                    told.lines.push(format!("{key} {value}"));
                }
                "tool_calls" => call(value, told),
                other => panic!("an unknown field {other} in {delta}"),
            }
        }
    }

    fn tokens(data: &str, told: &mut Told) {
        let usage = raw(data, &["usage"]).expect("usage");
        let at = |path: &[&str]| raw(usage, path).map(|_| count(usage, path)).expect("every count");
        let (prompt, output) = (at(&["prompt_tokens"]), at(&["completion_tokens"]));
        let cache_read = at(&["prompt_tokens_details", "cached_tokens"]);
        let cache_write = at(&["prompt_tokens_details", "cache_write_tokens"]);
        let reasoning = at(&["completion_tokens_details", "reasoning_tokens"]);
        assert_eq!(at(&["total_tokens"]), prompt.saturating_add(output));
        let input = prompt.saturating_sub(cache_read).saturating_sub(cache_write);
        let tokens = Tokens { input, cache_read, cache_write, output, reasoning };
        told.lines.push(format!("usage {}", crate::proof::counts(tokens)));
        told.tokens = Some(tokens);
    }
}

/// A call of Chat: whole, in one piece, with the next number.
fn call(calls: &str, told: &mut Told) {
    assert!(raw(calls, &["1"]).is_none(), "one call in one chunk: {calls}");
    assert_eq!(count(calls, &["0", "index"]), told.calls.len() as u64, "{calls}");
    let kind = word(calls, &["0", "type"]);
    let id = word(calls, &["0", "id"]);
    let (name, arguments) = match kind.as_str() {
        "function" => {
            (word(calls, &["0", "function", "name"]), word(calls, &["0", "function", "arguments"]))
        }
        "custom" => (word(calls, &["0", "custom", "name"]), word(calls, &["0", "custom", "input"])),
        other => panic!("a call of an unknown type {other}"),
    };
    assert!(!id.is_empty() && !name.is_empty(), "{calls}");
    assert!(told.calls.iter().all(|(other, ..)| *other != id), "an id twice: {id}");
    if kind == "function" {
        is_object(&arguments);
    }
    told.lines.push(format!("{kind} {id} {name} {arguments}"));
    told.calls.push((id, name, arguments));
}

/// Arguments, the inside of a string, are an object's JSON.
fn is_object(arguments: &str) {
    // Half surrogates: JSON has them, Rust's strings do not.
    let text: Result<String, _> = serde_json::from_str(&format!("\"{arguments}\""));
    let Ok(text) = text else { return assert!(arguments.contains("\\u"), "{arguments}") };
    let whole = serde_json::from_str::<crate::lazy::Raw<'_>>(&text);
    assert!(whole.is_ok() && text.trim_start().starts_with('{'), "{text}");
}

#[derive(Default)]
struct Messages {
    started: bool,
    /// The open block: its type, and what it said.
    open: Option<(String, String)>,
    signed: bool,
    index: u64,
    ids: Vec<String>,
}

// === impl Messages ===

impl Messages {
    fn frame(&mut self, frame: &str, told: &mut Told) {
        assert!(!told.ended, "nothing follows the end: {frame}");
        let (event, data) = frame.split_once('\n').expect("two lines");
        let event = event.strip_prefix("event: ").expect("a name");
        let data = data.strip_prefix("data: ").expect("data");
        assert!(!data.contains('\n'), "one line: {data}");
        assert!(serde_json::from_str::<crate::lazy::Raw<'_>>(data).is_ok(), "{data}");
        assert_eq!(word(data, &["type"]), event);
        if event == "error" {
            told.failed = true;
            let (kind, message) =
                (word(data, &["error", "type"]), word(data, &["error", "message"]));
            let code = raw(data, &["error", "details", "error_code"]).unwrap_or("-");
            return told.lines.push(format!("error {kind} {code} {message}"));
        }
        if event == "ping" {
            return told.lines.push("ping".to_owned());
        }
        assert_eq!(event != "message_start", std::mem::replace(&mut self.started, true), "{frame}");
        match event {
            "message_start" => Self::start(data, told),
            "content_block_start" => self.open(data, told),
            "content_block_delta" => self.delta(data, told),
            "content_block_stop" => self.close(data, told),
            "message_delta" => self.end(data, told),
            "message_stop" => {
                assert!(told.finish.is_some(), "an end has a finish");
                told.ended = true;
                told.lines.push("stop".to_owned());
            }
            other => panic!("an unknown event {other}"),
        }
    }

    fn start(data: &str, told: &mut Told) {
        let message: Value = serde_json::from_str(raw(data, &["message"]).expect("a message"))
            .expect("no half surrogates here");
        let id = message["id"].as_str().expect("an id");
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        assert!(id.starts_with("msg_") && id.bytes().all(legal), "{id}");
        assert_eq!((&message["type"], &message["role"]), (&"message".into(), &"assistant".into()));
        assert_eq!(
            (&message["content"], &message["stop_reason"]),
            (&Value::Array(vec![]), &Value::Null)
        );
        assert!(message["model"].is_string() && message["usage"]["input_tokens"].is_u64());
        assert!(message["usage"]["output_tokens"].is_u64());
        told.lines.push(format!("start {id}"));
    }

    fn open(&mut self, data: &str, told: &mut Told) {
        assert!(self.open.is_none() && told.finish.is_none(), "one block at a time: {data}");
        assert_eq!(count(data, &["index"]), self.index);
        let block = raw(data, &["content_block"]).expect("a block");
        let kind = word(block, &["type"]);
        let line = match kind.as_str() {
            "text" => {
                assert_eq!(word(block, &["text"]), "");
                "text".to_owned()
            }
            "thinking" => {
                assert_eq!(
                    (word(block, &["thinking"]), word(block, &["signature"])),
                    (String::new(), String::new())
                );
                "thinking".to_owned()
            }
            "redacted_thinking" => format!("redacted {}", word(block, &["data"])),
            "tool_use" => {
                let (id, name) = (word(block, &["id"]), word(block, &["name"]));
                let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
                assert!(!id.is_empty() && id.bytes().all(legal) && !name.is_empty(), "{block}");
                assert!(!self.ids.contains(&id), "an id twice: {id}");
                self.ids.push(id.clone());
                assert_eq!(raw(block, &["input"]), Some("{}"));
                told.calls.push((id.clone(), name.clone(), String::new()));
                format!("call {id} {name}")
            }
            other => panic!("an unknown block {other}"),
        };
        told.lines.push(format!("{} {line}", self.index));
        self.signed = false;
        self.open = Some((kind, String::new()));
    }

    fn delta(&mut self, data: &str, told: &mut Told) {
        assert_eq!(count(data, &["index"]), self.index, "{data}");
        let (kind, said) = self.open.as_mut().expect("an open block");
        let delta = raw(data, &["delta"]).expect("a delta");
        assert!(!self.signed, "a signature is last: {data}");
        let text = match (kind.as_str(), word(delta, &["type"]).as_str()) {
            ("text", "text_delta") => {
                let text = word(delta, &["text"]);
                told.text.push_str(&text);
                text
            }
            ("thinking", "thinking_delta") => {
                let text = word(delta, &["thinking"]);
                told.thinking.push_str(&text);
                text
            }
            ("thinking", "signature_delta") => {
                self.signed = true;
                told.lines.push(format!("  signature {}", word(delta, &["signature"])));
                return;
            }
            ("tool_use", "input_json_delta") => {
                assert_eq!(said, "", "one piece");
                let text = word(delta, &["partial_json"]);
                told.calls.last_mut().expect("a call").2.clone_from(&text);
                text
            }
            (kind, delta) => panic!("a {delta} in a {kind}"),
        };
        assert_ne!(text, "", "no empty pieces");
        said.push_str(&text);
        told.lines.push(format!("  {text}"));
    }

    fn close(&mut self, data: &str, told: &mut Told) {
        assert_eq!(count(data, &["index"]), self.index, "{data}");
        let (kind, said) = self.open.take().expect("an open block");
        match kind.as_str() {
            "text" => {
                let blank = said.replace("\\n", "").replace("\\t", "").replace("\\r", "");
                assert_ne!(blank.trim(), "", "no empty text");
            }
            "thinking" => assert!(self.signed, "thinking is signed"),
            "tool_use" => is_object(&said),
            _redacted => {}
        }
        self.index += 1;
        told.lines.push("  .".to_owned());
    }

    fn end(&self, data: &str, told: &mut Told) {
        assert!(self.open.is_none() && told.finish.is_none(), "blocks are closed: {data}");
        let reason = word(data, &["delta", "stop_reason"]);
        let known = ["end_turn", "max_tokens", "tool_use", "refusal", "pause_turn"];
        assert!(known.contains(&reason.as_str()), "{data}");
        assert!(reason != "tool_use" || !told.calls.is_empty(), "a call for tool_use");
        let usage = raw(data, &["usage"]).expect("usage");
        let tokens = Tokens {
            input: count(usage, &["input_tokens"]),
            cache_read: count(usage, &["cache_read_input_tokens"]),
            cache_write: count(usage, &["cache_creation_input_tokens"]),
            output: count(usage, &["output_tokens"]),
            reasoning: count(usage, &["output_tokens_details", "thinking_tokens"]),
        };
        let details = raw(data, &["delta", "stop_details"]);
        assert_eq!(details.is_some(), reason == "refusal", "{data}");
        let details = details.map(|details| format!(" {details}")).unwrap_or_default();
        told.lines.push(format!("finish {reason}{details}"));
        told.lines.push(format!("usage {}", crate::proof::counts(tokens)));
        told.finish = Some(reason);
        told.tokens = Some(tokens);
    }
}
