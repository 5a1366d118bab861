//! A conversation as `OpenAI`'s API wants it: roles, parts, calls and their results.

use super::{at, filled, mistyped, named, one_of, required, unknown, wrong};
use crate::provider::strict::{Checked, has, is_base64, list, word};
use serde_json::Value;

/// The longest id of a tool call.
const ID_MAX: usize = 40;

/// Checks the messages of a conversation.
pub(super) fn check(turns: &[Value]) -> Checked {
    filled("messages", turns)?;
    for (n, turn) in turns.iter().enumerate() {
        message(&format!("messages[{n}]"), turn)?;
    }
    pairs(turns)
}

const ROLES: [&str; 6] = ["system", "assistant", "user", "function", "tool", "developer"];

fn message(here: &str, turn: &Value) -> Checked {
    if !turn.is_object() {
        return Err(mistyped(here, "an object"));
    }
    required(here, turn, &["role"])?;
    one_of(here, turn, "role", &ROLES)?;
    let role = word(turn, "role").unwrap_or_default();
    let allowed: &[&str] = match role {
        // What the SDKs send back of an answer they were given rides along.
        "assistant" => &[
            "role",
            "content",
            "name",
            "refusal",
            "audio",
            "tool_calls",
            "function_call",
            "annotations",
            "parsed",
            // A provider that shows its thinking takes it back.
            "reasoning_content",
        ],
        "tool" => &["role", "content", "tool_call_id"],
        _ => &["role", "content", "name"],
    };
    unknown(here, turn, allowed)?;
    content(here, turn, role)?;
    if has(turn, "tool_calls") {
        let calls = list(turn, "tool_calls");
        filled(&at(here, "tool_calls"), calls)?;
        for (n, one) in calls.iter().enumerate() {
            call(&format!("{here}.tool_calls[{n}]"), one)?;
        }
    }
    if role == "tool" {
        required(here, turn, &["tool_call_id"])?;
        short(&at(here, "tool_call_id"), word(turn, "tool_call_id"))?;
    }
    Ok(())
}

fn content(here: &str, turn: &Value, role: &str) -> Checked {
    match turn.get("content") {
        Some(Value::String(_)) => Ok(()),
        Some(Value::Array(parts)) => {
            filled(&at(here, "content"), parts)?;
            let each = parts.iter().enumerate();
            each.into_iter()
                .try_for_each(|(n, one)| part(&format!("{here}.content[{n}]"), one, role))
        }
        None | Some(Value::Null)
            if role == "assistant"
                && ["tool_calls", "function_call", "refusal", "audio"]
                    .into_iter()
                    .any(|key| has(turn, key)) =>
        {
            Ok(())
        }
        None | Some(Value::Null) => {
            let param = at(here, "content");
            let message = "Invalid value for 'content': expected a string, got null.";
            Err(wrong(message, Some(&param), None))
        }
        Some(_) => Err(mistyped(&at(here, "content"), "one of a string or array of objects")),
    }
}

fn part(here: &str, part: &Value, role: &str) -> Checked {
    required(here, part, &["type"])?;
    let kinds = ["text", "image_url", "input_audio", "refusal", "file"];
    one_of(here, part, "type", &kinds)?;
    let kind = word(part, "type").unwrap_or_default();
    let fits = match kind {
        "text" => true,
        "refusal" => role == "assistant",
        _ => role == "user",
    };
    if !fits {
        let message = format!(
            "Invalid '{here}': content of type '{kind}' is not allowed in messages with role \
             '{role}'."
        );
        return Err(wrong(&message, Some(here), Some("invalid_value")));
    }
    unknown(here, part, &["type", kind, "prompt_cache_breakpoint"])?;
    required(here, part, &[kind])?;
    let inner = part.get(kind).unwrap_or(&Value::Null);
    let here = at(here, kind);
    match kind {
        "text" | "refusal" if !inner.is_string() => Err(mistyped(&here, "a string")),
        "image_url" => {
            unknown(&here, inner, &["url", "detail"])?;
            one_of(&here, inner, "detail", &["auto", "low", "high", "original"])?;
            image(&at(&here, "url"), word(inner, "url").unwrap_or_default())
        }
        "input_audio" => {
            unknown(&here, inner, &["data", "format"])?;
            required(&here, inner, &["data", "format"])?;
            one_of(&here, inner, "format", &["wav", "mp3"])
        }
        "file" => unknown(&here, inner, &["file_data", "file_id", "filename"]),
        _ => Ok(()),
    }
}

fn image(param: &str, url: &str) -> Checked {
    let data = url.strip_prefix("data:image/").and_then(|rest| rest.split_once(";base64,"));
    let known = |kind: &str| ["png", "jpeg", "gif", "webp"].contains(&kind);
    let web = url.starts_with("https://") || url.starts_with("http://");
    if web || data.is_some_and(|(kind, data)| known(kind) && is_base64(data)) {
        return Ok(());
    }
    let message = format!(
        "Invalid '{param}'. Expected a valid URL or base64-encoded data URL of an image, but got a \
         value with an invalid format."
    );
    Err(wrong(&message, Some(param), Some("invalid_image_url")))
}

fn call(here: &str, call: &Value) -> Checked {
    required(here, call, &["id", "type"])?;
    one_of(here, call, "type", &["function", "custom"])?;
    let kind = word(call, "type").unwrap_or_default();
    unknown(here, call, &["id", "type", kind, "index"])?;
    required(here, call, &[kind])?;
    short(&at(here, "id"), word(call, "id"))?;
    let inner = call.get(kind).unwrap_or(&Value::Null);
    let said = if kind == "function" { "arguments" } else { "input" };
    let here = at(here, kind);
    // The helpers of the SDKs leave their reading of the arguments where it was.
    unknown(&here, inner, &["name", said, "parsed_arguments"])?;
    required(&here, inner, &["name", said])?;
    named(&at(&here, "name"), word(inner, "name"))?;
    if !inner.get(said).is_some_and(Value::is_string) {
        return Err(mistyped(&at(&here, said), "a string"));
    }
    Ok(())
}

fn short(param: &str, id: Option<&str>) -> Checked {
    let Some(id) = id else { return Err(mistyped(param, "a string")) };
    let length = id.chars().count();
    if length <= ID_MAX {
        return Ok(());
    }
    let message = format!(
        "Invalid '{param}': string too long. Expected a string with maximum length {ID_MAX}, but \
         got a string with length {length} instead."
    );
    Err(wrong(&message, Some(param), Some("string_above_max_length")))
}

/// Every call is answered by the messages that follow it at once, and only calls are answered.
fn pairs(turns: &[Value]) -> Checked {
    let mut open: Vec<&str> = Vec::new();
    let mut answered: Vec<&str> = Vec::new();
    for (n, turn) in turns.iter().enumerate() {
        if word(turn, "role") == Some("tool") {
            let id = word(turn, "tool_call_id").unwrap_or_default();
            if !open.contains(&id) && !answered.contains(&id) {
                let message = "Invalid parameter: messages with role 'tool' must be a response to \
                               a preceeding message with 'tool_calls'.";
                return Err(wrong(message, Some(&format!("messages.[{n}].role")), None));
            }
            open.retain(|one| *one != id);
            answered.push(id);
            continue;
        }
        unanswered(&open)?;
        answered.clear();
        open = list(turn, "tool_calls").iter().filter_map(|call| word(call, "id")).collect();
    }
    unanswered(&open)
}

fn unanswered(open: &[&str]) -> Checked {
    if open.is_empty() {
        return Ok(());
    }
    let message = format!(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to \
         each 'tool_call_id'. The following tool_call_ids did not have response messages: {}",
        open.join(", ")
    );
    Err(wrong(&message, Some("messages"), None))
}
