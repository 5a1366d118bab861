//! What `OpenAI`'s API objects to in a request for Responses
//! (<https://platform.openai.com/docs/api-reference/responses/create>).

use super::chat::{missing, mistyped, named, one_of, required, unknown, wrong};
use super::{Checked, has, list, word};
use serde_json::Value;
use std::collections::BTreeSet;

/// The fields of a request.
const FIELDS: [&str; 36] = [
    "access_programs",
    "background",
    "client_metadata",
    "context_management",
    "conversation",
    "image",
    "include",
    "input",
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "model",
    "moderation",
    "parallel_tool_calls",
    "previous_response_id",
    "prompt",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning",
    "safety_identifier",
    "service_tier",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
    "steer",
    "type",
];

/// The fewest tokens that an answer may be limited to.
const TOKENS_MIN: u64 = 16;

/// The words of a reasoning effort.
const EFFORTS: [&str; 7] = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];

/// Checks a body.
pub(super) fn check(body: &Value) -> Checked {
    if !has(body, "model") {
        return Err(missing("model"));
    }
    unknown("", body, &FIELDS)?;
    settings(body)?;
    tools(body)?;
    if has(body, "previous_response_id") && has(body, "conversation") {
        let message = "Mutually exclusive parameters: 'previous_response_id' and 'conversation'.";
        return Err(wrong(message, Some("previous_response_id"), Some("mutually_exclusive")));
    }
    match body.get("input") {
        None | Some(Value::Null) if has(body, "previous_response_id") || has(body, "prompt") => {
            Ok(())
        }
        None | Some(Value::Null) => Err(missing("input")),
        Some(Value::String(_)) => Ok(()),
        Some(Value::Array(items)) => conversation(items, has(body, "previous_response_id")),
        Some(Value::Bool(_) | Value::Number(_) | Value::Object(_)) => {
            Err(mistyped("input", "a string or an array"))
        }
    }
}

fn settings(body: &Value) -> Checked {
    for key in ["stream", "background", "store", "parallel_tool_calls"] {
        if has(body, key) && !body.get(key).is_some_and(Value::is_boolean) {
            return Err(mistyped(key, "a boolean"));
        }
    }
    let yes = |key: &str| body.get(key).and_then(Value::as_bool) == Some(true);
    if has(body, "stream_options") && !yes("stream") {
        let message = "The 'stream_options' parameter is only allowed when 'stream' is enabled.";
        return Err(wrong(message, Some("stream_options"), None));
    }
    if let Some(limit) = body.get("max_output_tokens").filter(|it| !it.is_null()) {
        let Some(limit) = limit.as_u64() else {
            return Err(mistyped("max_output_tokens", "an integer"));
        };
        if limit < TOKENS_MIN {
            let message = format!(
                "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= \
                 {TOKENS_MIN}, but got {limit} instead."
            );
            let code = Some("integer_below_min_value");
            return Err(wrong(&message, Some("max_output_tokens"), code));
        }
    }
    if let Some(reasoning) = body.get("reasoning").filter(|it| !it.is_null()) {
        unknown("reasoning", reasoning, &["effort", "summary", "context", "mode"])?;
        one_of("reasoning", reasoning, "effort", &EFFORTS)?;
        one_of("reasoning", reasoning, "summary", &["auto", "concise", "detailed"])?;
    }
    one_of("", body, "truncation", &["auto", "disabled"])
}

fn tools(body: &Value) -> Checked {
    for (index, tool) in list(body, "tools").iter().enumerate() {
        let path = format!("tools[{index}]");
        required(&path, tool, &["type"])?;
        let name = format!("{path}.name");
        match word(tool, "type").unwrap_or_default() {
            "function" => {
                if has(tool, "function") {
                    return Err(missing(&name));
                }
                required(&path, tool, &["name", "parameters"])?;
                named(&name, word(tool, "name"))?;
                if tool.get("strict").is_none() {
                    return Err(missing(&format!("{path}.strict")));
                }
            }
            "custom" => {
                required(&path, tool, &["name"])?;
                named(&name, word(tool, "name"))?;
            }
            _ => {}
        }
    }
    let calls = matches!(body.get("tool_choice").and_then(Value::as_str), Some("required"));
    if calls && list(body, "tools").is_empty() {
        let message = "Tool choice 'required' must be specified with 'tools' parameter.";
        return Err(wrong(message, Some("tool_choice"), None));
    }
    Ok(())
}

/// The items of a conversation: each result belongs to a call, each call has its result. `continues`:
/// what went before is kept elsewhere.
fn conversation(items: &[Value], continues: bool) -> Checked {
    let (mut calls, mut results) = (BTreeSet::new(), BTreeSet::new());
    for (index, item) in items.iter().enumerate() {
        let path = format!("input[{index}]");
        let kind = word(item, "type").unwrap_or("message");
        let call = word(item, "call_id").unwrap_or_default();
        match kind {
            "message" => message(&path, item)?,
            "function_call" => {
                required(&path, item, &["call_id", "name", "arguments"])?;
                calls.insert(call);
            }
            "custom_tool_call" => {
                required(&path, item, &["call_id", "name", "input"])?;
                calls.insert(call);
            }
            "function_call_output" | "custom_tool_call_output" => {
                required(&path, item, &["call_id", "output"])?;
                if !continues && !calls.contains(call) {
                    let message =
                        format!("No tool call found for function call output with call_id {call}.");
                    return Err(wrong(&message, Some("input"), None));
                }
                results.insert(call);
            }
            "reasoning" => required(&path, item, &["summary"])?,
            "item_reference" => required(&path, item, &["id"])?,
            _ => {}
        }
    }
    match calls.difference(&results).next() {
        Some(call) => {
            let message = format!("No tool output found for function call {call}.");
            Err(wrong(&message, Some("input"), None))
        }
        None => Ok(()),
    }
}

fn message(path: &str, item: &Value) -> Checked {
    required(path, item, &["role", "content"])?;
    one_of(path, item, "role", &["user", "assistant", "system", "developer"])?;
    let own = word(item, "role") == Some("assistant");
    for (index, part) in list(item, "content").iter().enumerate() {
        let at = format!("{path}.content[{index}]");
        let kinds: &[&str] = if own {
            &["output_text", "refusal"]
        } else {
            &["input_text", "input_image", "input_file", "input_audio"]
        };
        required(&at, part, &["type"])?;
        one_of(&at, part, "type", kinds)?;
    }
    Ok(())
}
