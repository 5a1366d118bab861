//! A provider that repeats the key it was asked with, in every place that it has; and one good
//! answer, full of what nobody but its caller shall read.

use super::secrets::{CONTENT, escaped};
use crate::world::Act;
use serde_json::json;

/// How it answers, as the last word of the model's name.
pub(super) const WAYS: [&str; 13] = [
    "400",
    "400-escaped",
    "401",
    "404-text",
    "500",
    "html",
    "encoded",
    "type",
    "redirect",
    "first",
    "late",
    "document",
    "ok",
];

/// The answer to a request.
pub(super) fn acts(request: &str) -> Vec<Act> {
    let chat = request.starts_with("POST /v1/chat/completions");
    let key = key(request);
    let way = request.split("-echo-").nth(1).and_then(|rest| rest.split('"').next());
    let error = |message: &str| {
        let kind = "invalid_request_error";
        let error = json!({ "type": kind, "code": "bad", "param": null, "message": message });
        json!({ "type": "error", "error": error }).to_string()
    };
    let repeated = error(&format!("Incorrect API key provided: {key}. Find yours at /keys"));
    let (json_type, stream) = ("application/json", "text/event-stream");
    match way.unwrap_or_default() {
        "400-escaped" => answer(400, json_type, &key, &repeated.replace(&key, &escaped(&key))),
        "401" => answer(401, json_type, &key, &repeated),
        "404-text" => answer(404, "text/plain", &key, &format!("{}{key}", "x".repeat(2040))),
        "500" => answer(500, json_type, &key, &repeated),
        "html" => answer(502, "text/html", &key, &format!("<html><title>{key}</title></html>")),
        "encoded" => answer(400, &format!("{json_type}\r\ncontent-encoding: br"), &key, &repeated),
        "type" => answer(200, &format!("text/{key}"), &key, "x"),
        "redirect" => {
            answer(307, &format!("{json_type}\r\nlocation: /?key={key}"), &key, &repeated)
        }
        "first" => answer(200, stream, &key, &event(chat, "error", &repeated)),
        "late" => {
            let body = beginning(chat) + &event(chat, "error", &repeated);
            answer(200, stream, &key, &body)
        }
        "document" => answer(200, json_type, &key, &repeated),
        "ok" if chat => answer(200, stream, &key, &(beginning(true) + &ending())),
        _ => answer(400, json_type, &key, &repeated),
    }
}

fn key(request: &str) -> String {
    let named = |line: &str, name: &str| {
        let (found, value) = line.split_once(": ")?;
        found.eq_ignore_ascii_case(name).then(|| value.to_owned())
    };
    let mut lines = request.lines().take_while(|line| !line.is_empty());
    let found =
        lines.find_map(|line| named(line, "authorization").or_else(|| named(line, "x-api-key")));
    let found = found.unwrap_or_else(|| "none".to_owned());
    found.strip_prefix("Bearer ").unwrap_or(&found).to_owned()
}

fn answer(status: u16, kind: &str, key: &str, body: &str) -> Vec<Act> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} Whatever {key}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\
         x-echo: {key}\r\nx-request-id: req-{key}\r\nconnection: close\r\n\r\n"
    );
    vec![Act::Send(head.into_bytes()), Act::Send(body.as_bytes().to_vec())]
}

fn event(chat: bool, kind: &str, data: &str) -> String {
    if chat { format!("data: {data}\n\n") } else { format!("event: {kind}\ndata: {data}\n\n") }
}

/// A stream as far as its text.
fn beginning(chat: bool) -> String {
    let (answer, arguments, reasoning) = (CONTENT[8], CONTENT[9], CONTENT[10]);
    if chat {
        let arguments = json!({ "x": arguments }).to_string();
        let call = json!({ "index": 0, "id": "call_1", "type": "function",
            "function": { "name": "look", "arguments": arguments } });
        return [
            json!({ "role": "assistant", "reasoning_content": reasoning }),
            json!({ "content": answer }),
            json!({ "tool_calls": [call] }),
        ]
        .into_iter()
        .map(|delta| event(true, "", &chunk(&delta, None)))
        .collect();
    }
    let message = json!({ "id": "msg_1", "type": "message", "role": "assistant", "content": [],
        "model": "m", "usage": { "input_tokens": 1, "output_tokens": 1 } });
    [
        ("message_start", json!({ "type": "message_start", "message": message })),
        (
            "content_block_start",
            json!({ "type": "content_block_start", "index": 0,
                "content_block": { "type": "text", "text": "" } }),
        ),
        (
            "content_block_delta",
            json!({ "type": "content_block_delta", "index": 0,
                "delta": { "type": "text_delta", "text": answer } }),
        ),
    ]
    .into_iter()
    .map(|(kind, data)| event(false, kind, &data.to_string()))
    .collect()
}

fn chunk(delta: &serde_json::Value, finish: Option<&str>) -> String {
    json!({ "id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
        "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }] })
    .to_string()
}

/// The rest of a stream of Chat.
fn ending() -> String {
    event(true, "", &chunk(&json!({}), Some("tool_calls"))) + "data: [DONE]\n\n"
}
