//! Anthropic Messages: a whole answer as a stream.
//!
//! **Invariant:** what the provider spelled is copied, not re-spelled; blocks that have no deltas
//! of their own (server tools, what we do not know) stand verbatim in `content_block_start`.

use crate::Error;
use crate::json::{self, Members, Word};
use crate::lazy::Raw;
use std::fmt::Write as _;

/// What a usage that nobody told is for a caller: clients add the counts up, and take no event without.
pub(crate) const AS_ZERO: &str = r#"{"input_tokens":0,"output_tokens":0}"#;

/// The stream's bytes; `untold` is what stands for a usage that is not told.
pub(crate) fn stream(text: &str, untold: &str) -> Result<String, Error> {
    let message = Members::read(text).ok_or(Error::NotAnswer("not a JSON object"))?;
    let content = message.get("content").ok_or(Error::NotAnswer("no content array"))?;
    let blocks: Vec<Raw<'_>> = serde_json::from_str(content.get())
        .map_err(|_| Error::NotAnswer("content is not an array"))?;
    let usage = message.get("usage").map_or_else(|| untold.into(), json::one_line);
    let mut out = String::with_capacity(text.len().saturating_mul(2));
    frame(&mut out, "message_start", &format!(r#""message":{}"#, envelope(&message, &usage)));
    for (index, raw) in blocks.into_iter().enumerate() {
        block(&mut out, index, raw)?;
    }
    let mut delta = Vec::new();
    for key in ["stop_reason", "stop_sequence", "stop_details", "container"] {
        if let Some(raw) = message.get(key) {
            delta.push(format!(r#""{key}":{}"#, json::one_line(raw)));
        }
    }
    let fields = format!(r#""delta":{{{}}},"usage":{usage}"#, delta.join(","));
    frame(&mut out, "message_delta", &fields);
    frame(&mut out, "message_stop", "");
    Ok(out)
}

/// The message before anything was written.
fn envelope(message: &Members<'_>, usage: &str) -> String {
    let mut fields = Vec::new();
    for (key, raw) in &message.0 {
        let value = match key.as_ref() {
            "content" | "usage" | "container" => continue,
            "stop_reason" | "stop_sequence" | "stop_details" => "null".into(),
            _ => json::one_line(*raw),
        };
        fields.push(format!("{}:{value}", json::quoted(key)));
    }
    format!(r#"{{{},"content":[],"usage":{usage}}}"#, fields.join(","))
}

fn block(out: &mut String, index: usize, raw: Raw<'_>) -> Result<(), Error> {
    let members = Members::read(raw.get()).ok_or(Error::NotAnswer("a block is not an object"))?;
    let kind: Option<Word<'_>> =
        members.get("type").and_then(|raw| serde_json::from_str(raw.get()).ok());
    let deltas = match kind.as_ref().map_or("", Word::as_str) {
        "text" => text_deltas(&members),
        "thinking" => {
            let thinking = delta("thinking_delta", "thinking", &members);
            thinking.into_iter().chain(delta("signature_delta", "signature", &members)).collect()
        }
        "tool_use" => members.get("input").map(input_delta).into_iter().collect(),
        _ => Vec::new(),
    };
    let start =
        if deltas.is_empty() { json::one_line(raw).into_owned() } else { emptied(&members) };
    frame(out, "content_block_start", &format!(r#""index":{index},"content_block":{start}"#));
    for delta in deltas {
        frame(out, "content_block_delta", &format!(r#""index":{index},"delta":{delta}"#));
    }
    frame(out, "content_block_stop", &format!(r#""index":{index}"#));
    Ok(())
}

fn text_deltas(members: &Members<'_>) -> Vec<String> {
    let citations: Vec<Raw<'_>> = members
        .get("citations")
        .and_then(|raw| serde_json::from_str(raw.get()).ok())
        .unwrap_or_default();
    let cited = citations.into_iter().map(|citation| {
        format!(r#"{{"type":"citations_delta","citation":{}}}"#, json::one_line(citation))
    });
    cited.chain(delta("text_delta", "text", members)).collect()
}

fn delta(kind: &str, key: &str, members: &Members<'_>) -> Option<String> {
    let raw = members.get(key)?;
    Some(format!(r#"{{"type":"{kind}","{key}":{}}}"#, json::one_line(raw)))
}

/// The arguments' own spelling, as the text of one delta.
fn input_delta(input: Raw<'_>) -> String {
    format!(r#"{{"type":"input_json_delta","partial_json":{}}}"#, json::quoted(input.get()))
}

/// The block as it begins: what its deltas bring is not there yet.
fn emptied(members: &Members<'_>) -> String {
    let fields = members.0.iter().map(|(key, raw)| {
        let value = match (key.as_ref(), json::type_of(*raw)) {
            ("text" | "thinking" | "signature", _) => r#""""#.into(),
            ("citations", json::Type::Array) => "[]".into(),
            ("input", _) => "{}".into(),
            _ => json::one_line(*raw),
        };
        format!("{}:{value}", json::quoted(key))
    });
    format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
}

fn frame(out: &mut String, kind: &str, fields: &str) {
    let comma = if fields.is_empty() { "" } else { "," };
    // Writing to a string cannot fail.
    let _ignored = write!(out, "event: {kind}\ndata: {{\"type\":\"{kind}\"{comma}{fields}}}\n\n");
}
