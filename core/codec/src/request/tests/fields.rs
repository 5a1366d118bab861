//! Every field of both dialects: carried, or reported, or refused. There is nothing third.

use super::{OWN, quirks};
use crate::request::{Target, cross};
use crate::seal::Origin;
use ir::{Crossable, Thinks, Traits};
use serde_json::{Value, json};

/// Members of a request's top, each with a value that says something. With `|`, members that go
/// together.
pub(super) fn top(dialect: Crossable) -> Value {
    match dialect {
        // <https://platform.openai.com/docs/api-reference/chat/create>, openai-python 3.51.0.
        Crossable::Chat => json!({
            "audio": {"voice": "a", "format": "wav"},
            "frequency_penalty": 0.5,
            "function_call": {"name": "f"},
            "functions": [{"name": "g", "description": "d", "parameters": {"type": "object"}}],
            "logit_bias": {"1": 1},
            "logprobs": true,
            "max_completion_tokens": 7,
            "max_tokens": 7,
            "metadata": {"a": "b"},
            "modalities": ["text", "audio"],
            "moderation": {"model": "m"},
            "n": 2,
            "parallel_tool_calls": false,
            "prediction": {"type": "content", "content": "x"},
            "presence_penalty": -1,
            "prompt_cache_key": "k",
            "prompt_cache_options": {"mode": "explicit"},
            "prompt_cache_retention": "24h",
            "reasoning_effort": "low",
            "response_format": {"type": "json_object"},
            "safety_identifier": "s",
            "seed": 0,
            "service_tier": "priority",
            "stop": "S",
            "store": true,
            "temperature": 0,
            "tool_choice": "required",
            "tools": [{"type": "custom", "custom": {"name": "c"}}],
            "top_logprobs": 3,
            "top_p": 0.1,
            "user": "u",
            "verbosity": "high",
            "web_search_options": {"search_context_size": "high"},
        }),
        // <https://docs.claude.com/en/api/messages>, anthropic-sdk-python 2.10.0, betas included.
        Crossable::Messages => json!({
            "cache_control": {"type": "ephemeral"},
            "compaction": {"x": 1},
            "container": "c",
            "context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]},
            "diagnostics": {"previous_message_id": "msg_1"},
            "fallback_credit_token": "t",
            "fallbacks": [{"model": "m"}],
            "inference_geo": "us",
            "billing_policy": "p",
            "max_tokens": 0,
            "mcp_servers": [{"type": "url", "url": "u", "name": "n"}],
            "metadata": {"user_id": "u"},
            "output_config": {"effort": "low"},
            "service_tier": "standard_only",
            "speed": "fast",
            "stop_sequences": ["S"],
            "system": "s",
            "temperature": 0,
            "thinking": {"type": "disabled"},
            "thread": {"type": "create"},
            "tool_choice": {"type": "any"},
            "tools": [{"type": "web_fetch_20260318", "name": "web_fetch"}],
            "top_k": 5,
            "top_p": 0.1,
        }),
    }
}

/// Members within a request: a pointer to where they stand in the base, and the member.
pub(super) fn within(dialect: Crossable) -> Vec<(&'static str, Value)> {
    match dialect {
        Crossable::Chat => vec![
            ("/messages/0", json!({"name": "bob"})),
            ("/messages/0/content/0", json!({"prompt_cache_breakpoint": {"mode": "explicit"}})),
            ("/messages/0/content/1/image_url", json!({"detail": "low"})),
            ("/messages/0/content/2/file", json!({"filename": "n.pdf"})),
            ("/messages/1", json!({"refusal": "no"})),
            ("/messages/1", json!({"audio": {"id": "a"}})),
            ("/messages/1", json!({"reasoning_content": "r"})),
            ("/messages/1", json!({"reasoning_details": [{"type": "x", "data": "y"}]})),
            ("/messages/1/tool_calls/0", json!({"extra_content": {"google": {"s": "t"}}})),
            ("/messages/2", json!({"name": "f"})),
            ("/tools/0", json!({"async": true})),
            ("/tool_choice/allowed_tools", json!({"tools": [{"function": {"name": "f"}}]})),
            (
                "/web_search_options",
                json!({"user_location": {"type": "approximate", "approximate": {"city": "Oslo"}}}),
            ),
            ("/tool_choice/allowed_tools/tools/0", json!({"x": 1})),
            ("/messages/0", json!({"tool_calls": [{"id": "x"}]})),
            ("/messages/0", json!({"reasoning_content": "r"})),
            ("/messages/0/content/0", json!({"image_url": {"url": "https://e.com/b.png"}})),
            ("/messages/0/content/2/file", json!({"file_id": "f"})),
            ("/messages/1", json!({"function_call": {"name": "h", "arguments": "{}"}})),
            ("/messages/1/tool_calls/0/function", json!({"parsed_arguments": {"a": 1}})),
            ("/stream_options", json!({"x": 1})),
            ("/tools/1/custom", json!({"format": {"type": "text"}})),
            ("/tools/1/custom", json!({"description": "d"})),
            ("/tools/0/function", json!({"description": "d"})),
            ("/tools/0/function", json!({"parameters": {"type": "object", "title": "t"}})),
            ("/tools/0/function", json!({"strict": true})),
        ],
        Crossable::Messages => vec![
            ("/messages/0", json!({"clear_at": 1})),
            ("/messages/0/content/0", json!({"cache_control": {"type": "ephemeral"}})),
            ("/messages/0/content/1", json!({"transformations": [{"type": "crop"}]})),
            ("/messages/0/content/2", json!({"title": "t"})),
            ("/messages/0/content/2", json!({"context": "c"})),
            ("/messages/0/content/2", json!({"citations": {"enabled": true}})),
            ("/messages/1/content/0", json!({"citations": [{"type": "char_location"}]})),
            ("/messages/1/content/1", json!({"caller": {"type": "direct"}})),
            ("/messages/1/content/1", json!({"toolset_name": "browser"})),
            ("/messages/2/content/0", json!({"is_error": true})),
            ("/messages/2/content/0", json!({"cache_control": {"type": "ephemeral"}})),
            ("/messages/2/content/0", json!({"toolset_name": "browser"})),
            ("/tools/0", json!({"description": "d"})),
            ("/tools/0", json!({"strict": true})),
            ("/tools/0", json!({"defer_loading": true})),
            ("/tools/0", json!({"allowed_callers": ["code_execution_20260521"]})),
            ("/tools/0", json!({"eager_input_streaming": true})),
            ("/tools/0", json!({"input_examples": [{"a": 1}]})),
            ("/tools/0", json!({"cache_control": {"type": "ephemeral"}})),
            ("/tool_choice", json!({"disable_parallel_tool_use": true})),
            ("/thinking", json!({"display": "summarized"})),
            ("/output_config", json!({"task_budget": {"total": 1}})),
            (
                "/output_config",
                json!({"format": {"type": "json_schema", "schema": {"type": "object"}}}),
            ),
            ("/metadata", json!({"team": "x"})),
            ("/messages/0/content/1/source", json!({"x": 1})),
            ("/messages/0/content/2/citations", json!({"x": 1})),
            ("/thinking", json!({"budget_tokens": 5})),
            ("/tool_choice", json!({"name": "f"})),
            ("/tools/1", json!({"user_location": {"type": "approximate", "city": "Oslo"}})),
        ],
    }
}

/// A block of every kind that Messages knows, for a message of the model or of the user.
pub(super) fn blocks() -> Vec<Value> {
    let kinds = [
        "server_tool_use",
        "web_search_tool_result",
        "web_fetch_tool_result",
        "code_execution_tool_result",
        "bash_code_execution_tool_result",
        "text_editor_code_execution_tool_result",
        "tool_search_tool_result",
        "container_upload",
        "mcp_tool_use",
        "mcp_tool_result",
        "mcp_tool_listing",
        "advisor_tool_result",
        "fallback",
        "tool_addition",
        "tool_removal",
        "tool_reference",
        "browser_state",
        "something_new",
    ];
    let mut blocks: Vec<Value> = kinds
        .iter()
        .map(
            |kind| json!({"type": kind, "id": "x", "tool_use_id": "x", "name": "x", "content": []}),
        )
        .collect();
    blocks.extend([
        json!({"type": "text", "text": "t"}),
        json!({"type": "image", "source": {"type": "url", "url": "https://e.com/b.png"}}),
        json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "BB"}}),
        json!({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "p"}}),
        json!({"type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": "BB"}}),
        json!({"type": "document",
            "source": {"type": "content", "content": [{"type": "text", "text": "q"}]}}),
        json!({"type": "thinking", "thinking": "t", "signature": "s"}),
        json!({"type": "redacted_thinking", "data": "d"}),
        json!({"type": "compaction", "content": "c", "encrypted_content": "e"}),
        json!({"type": "search_result", "source": "s", "title": "t", "content": []}),
        json!({"type": "tool_use", "id": "i", "name": "n", "input": {"a": 1}}),
    ]);
    blocks
}

pub(super) fn base(dialect: Crossable) -> Value {
    match dialect {
        Crossable::Chat => json!({
            "model": "x",
            "messages": [
                {"role": "user", "content": [
                    {"type": "text", "text": "a"},
                    {"type": "image_url", "image_url": {"url": "https://e.com/a.png"}},
                    {"type": "file", "file": {"file_data": "data:application/pdf;base64,AA"}},
                ]},
                {"role": "assistant", "content": "b", "tool_calls": [
                    {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                ]},
                {"role": "tool", "tool_call_id": "c", "content": "d"},
            ],
            "tools": [
                {"type": "function", "function": {"name": "f"}},
                {"type": "custom", "custom": {"name": "c"}},
                {"type": "function", "function": {"name": "g"}},
            ],
            "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto",
                "tools": [{"type": "function", "function": {"name": "f"}},
                    {"type": "custom", "custom": {"name": "c"}}]}},
            "web_search_options": {},
            "stream_options": {},
        }),
        Crossable::Messages => json!({
            "model": "x",
            "max_tokens": 10,
            "messages": [
                {"role": "user", "content": [
                    {"type": "text", "text": "a"},
                    {"type": "image", "source": {"type": "url", "url": "https://e.com/a.png"}},
                    {"type": "document", "citations": {"enabled": false},
                     "source": {"type": "base64", "media_type": "application/pdf", "data": "AA"}},
                ]},
                {"role": "assistant", "content": [
                    {"type": "text", "text": "b"},
                    {"type": "tool_use", "id": "c", "name": "f", "input": {}},
                ]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "c", "content": "d"},
                ]},
            ],
            "tools": [
                {"name": "f", "input_schema": {"type": "object"}},
                {"type": "web_search_20260318", "name": "web_search"},
            ],
            "tool_choice": {"type": "auto"},
            "thinking": {"type": "adaptive"},
            "output_config": {},
            "metadata": {},
        }),
    }
}

/// What became of a request: its body and the paths of its losses, or its refusal.
pub(super) fn outcome(from: Crossable, request: &Value) -> Result<(Value, Vec<String>), String> {
    let to = if from == Crossable::Chat { Crossable::Messages } else { Crossable::Chat };
    let quirks = quirks(to);
    let traits = Traits { max_tokens: 32000, thinks: Thinks::Adaptive };
    let target = Target {
        dialect: to,
        quirks: &quirks,
        model: "model",
        traits,
        origin: Origin::of(OWN),
        stream: false,
        repairs: &[],
    };
    let written = cross(from, request.to_string().as_bytes(), &target);
    let written = written.map_err(|refused| refused.to_string())?;
    let losses = written.losses.iter().map(|loss| loss.path.to_string()).collect();
    Ok((serde_json::from_str(&written.body).expect("JSON"), losses))
}

/// Fails unless the member changed the body, or is named by a loss or a refusal.
fn check((from, base): (Crossable, &Value), changed: &Value, what: &str, names: &[&str]) {
    let (plain, known) = outcome(from, base).expect("the base crosses");
    match outcome(from, changed) {
        Err(refused) => {
            assert!(names.iter().any(|name| refused.contains(name)), "{what}: {refused}");
        }
        Ok((body, losses)) => {
            let named = losses.iter().filter(|loss| !known.contains(loss));
            let named = named.into_iter().any(|loss| names.iter().any(|name| loss.contains(name)));
            assert!(body != plain || named, "{from:?} {what} is neither carried nor reported");
        }
    }
}

#[test]
fn the_top_of_a_request() {
    for from in Crossable::ALL {
        let fields = top(from);
        for (key, value) in fields.as_object().expect("fields") {
            let mut plain = base(from);
            // It speaks of the same as others.
            plain.as_object_mut().expect("fields").remove("tool_choice");
            let mut request = plain.clone();
            request[key] = value.clone();
            check((from, &plain), &request, key, &[key]);
        }
    }
}

#[test]
fn what_stands_within() {
    for from in Crossable::ALL {
        for (place, member) in within(from) {
            let mut request = base(from);
            let (key, value) = member.as_object().expect("one").iter().next().expect("one");
            request.pointer_mut(place).expect("a place")[key] = value.clone();
            check((from, &base(from)), &request, &format!("{place}/{key}"), &[key]);
        }
    }
}

#[test]
fn every_kind_of_block() {
    for place in ["/messages/0/content", "/messages/1/content", "/messages/2/content/0/content"] {
        for block in blocks() {
            let mut request = base(Crossable::Messages);
            let content = request.pointer_mut(place).expect("a place");
            match content.as_array_mut() {
                Some(blocks) => blocks.insert(0, block.clone()),
                None => *content = json!([{"type": "text", "text": "d"}, block]),
            }
            let kind = block["type"].as_str().expect("a type");
            // A block within a result, and one that a user cannot say, is named by its place.
            let place = if matches!(kind, "thinking" | "redacted_thinking" | "tool_use") {
                "messages[].content[]"
            } else {
                kind
            };
            let of = (Crossable::Messages, &base(Crossable::Messages));
            check(of, &request, kind, &[kind, place, "image or document"]);
        }
    }
}
