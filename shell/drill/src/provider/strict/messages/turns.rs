//! A conversation as Anthropic's API wants it: roles, blocks, calls and their results.

use super::{Terms, at, extra, filled, one_of, required, wrong};
use crate::provider::messages::SIGNATURE;
use crate::provider::problem::Problem;
use crate::provider::strict::{Checked, is_base64, is_name, list, word};
use serde_json::Value;

/// Checks the turns of a conversation.
pub(super) fn check(turns: &[Value], terms: &Terms) -> Checked {
    for (at, turn) in turns.iter().enumerate() {
        message(at, turn, at.saturating_add(1) == turns.len(), terms)?;
    }
    if turns.first().and_then(|turn| word(turn, "role")) != Some("user") {
        return Err(wrong("messages: first message must use the \"user\" role"));
    }
    pairs(turns)
}

fn message(n: usize, turn: &Value, last: bool, terms: &Terms) -> Checked {
    let here = format!("messages.{n}");
    if !turn.is_object() {
        return Err(wrong(&format!("{here}: Input should be a valid dictionary")));
    }
    required(&here, turn, &["role", "content"])?;
    one_of(&here, turn, "role", &["user", "assistant", "system"])?;
    let role = word(turn, "role").unwrap_or_default();
    let beta: &[&str] =
        if terms.beta && role == "system" { &["clear_at", "output_config"] } else { &[] };
    extra(&here, turn, &[&["role", "content"], beta].concat())?;
    let empty = match turn.get("content") {
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Array(blocks)) => {
            for (n, one) in blocks.iter().enumerate() {
                block(&format!("{here}.content.{n}"), one, role, terms)?;
            }
            blocks.is_empty()
        }
        _ => {
            let message = "Input should be a valid string or a valid list";
            return Err(wrong(&format!("{here}.content: {message}")));
        }
    };
    if empty && !(last && role == "assistant") {
        return Err(wrong(&format!(
            "{here}: all messages must have non-empty content except for the optional final \
             assistant message"
        )));
    }
    Ok(())
}

/// A kind of block, what it must and may hold, and where it may stand.
type Kind =
    (&'static str, &'static [&'static str], &'static [&'static str], &'static [&'static str]);

const KINDS: [Kind; 11] = [
    ("text", &["text"], &["cache_control", "citations"], &["user", "assistant", "system", "tool"]),
    ("image", &["source"], &["cache_control", "transformations"], &["user", "tool"]),
    (
        "document",
        &["source"],
        &["cache_control", "citations", "context", "title"],
        &["user", "tool"],
    ),
    (
        "search_result",
        &["content", "source", "title"],
        &["cache_control", "citations"],
        &["user", "tool"],
    ),
    ("thinking", &["thinking", "signature"], &[], &["assistant"]),
    ("redacted_thinking", &["data"], &[], &["assistant"]),
    (
        "tool_use",
        &["id", "name", "input"],
        &["cache_control", "caller", "toolset_name"],
        &["assistant"],
    ),
    (
        "tool_result",
        &["tool_use_id"],
        &["cache_control", "content", "is_error", "toolset_name"],
        &["user"],
    ),
    ("server_tool_use", &["id", "name", "input"], &["cache_control", "caller"], &["assistant"]),
    ("container_upload", &["file_id"], &["cache_control"], &["user"]),
    ("tool_reference", &["tool_name"], &["cache_control"], &["tool"]),
];

/// A block of a message of `role`, or of a tool's result (`tool`).
fn block(here: &str, block: &Value, role: &str, terms: &Terms) -> Checked {
    required(here, block, &["type"])?;
    let kind = word(block, "type").unwrap_or_default();
    let known = KINDS.iter().find(|(name, ..)| *name == kind);
    let Some((_, must, may, places)) = known else {
        // What tools of the provider's own left behind is as the provider wrote it.
        if terms.beta || kind.ends_with("_tool_result") {
            return Ok(());
        }
        return Err(wrong(&format!(
            "{here}: Input tag '{kind}' found using 'type' does not match any of the expected tags"
        )));
    };
    if !(places.contains(&role) || kind == "document" && terms.is_old()) {
        let message = format!("`{kind}` blocks are not permitted in `{role}` messages");
        return Err(wrong(&format!("{here}: {message}")));
    }
    let here = at(here, kind);
    extra(&here, block, &[&["type"], *must, *may].concat())?;
    required(&here, block, must)?;
    match kind {
        "text" => {
            let cited = !list(block, "citations").is_empty();
            if cited && role == "user" && !terms.is_old() {
                return Err(wrong(&format!("{here}.citations: Extra inputs are not permitted")));
            }
            filled("messages", block)
        }
        "image" | "document" => source(&here, block),
        "thinking" if word(block, "signature") != Some(SIGNATURE) => {
            Err(wrong(&format!("{here}.signature: Invalid `signature` in `thinking` block")))
        }
        "tool_use" => {
            id(&here, block, "id")?;
            if block.get("input").is_some_and(Value::is_object) {
                return Ok(());
            }
            Err(wrong(&format!("{here}.input: Input should be a valid dictionary")))
        }
        "tool_result" => result(&here, block, terms),
        _ => Ok(()),
    }
}

fn result(here: &str, block: &Value, terms: &Terms) -> Checked {
    id(here, block, "tool_use_id")?;
    match block.get("content") {
        None | Some(Value::String(_)) => Ok(()),
        Some(Value::Array(blocks)) => blocks.iter().enumerate().try_for_each(|(n, one)| {
            self::block(&format!("{here}.content.{n}"), one, "tool", terms)
        }),
        Some(_) => {
            let message = "Input should be a valid string or a valid list";
            Err(wrong(&format!("{here}.content: {message}")))
        }
    }
}

fn id(here: &str, block: &Value, key: &str) -> Checked {
    if word(block, key).is_some_and(|id| is_name(id, usize::MAX)) {
        return Ok(());
    }
    Err(wrong(&format!("{here}.{key}: String should match pattern '^[a-zA-Z0-9_-]+$'")))
}

const IMAGES: [&str; 4] = ["image/jpeg", "image/png", "image/gif", "image/webp"];

fn source(here: &str, block: &Value) -> Checked {
    let here = at(here, "source");
    let source = block.get("source").unwrap_or(&Value::Null);
    required(&here, source, &["type"])?;
    let kind = word(source, "type").unwrap_or_default();
    let image = word(block, "type") == Some("image");
    let keys: &[&str] = match kind {
        "base64" => &["media_type", "data"],
        "text" if !image => &["media_type", "data"],
        "url" => &["url"],
        "file" => &["file_id"],
        "content" if !image => &["content"],
        _ => {
            return Err(wrong(&format!(
                "{here}: Input tag '{kind}' found using 'type' does not match any of the expected \
                 tags"
            )));
        }
    };
    let here = at(&here, kind);
    extra(&here, source, &[&["type"], keys].concat())?;
    required(&here, source, keys)?;
    if kind != "base64" {
        return Ok(());
    }
    one_of(&here, source, "media_type", if image { &IMAGES } else { &["application/pdf"] })?;
    if word(source, "data").is_some_and(is_base64) {
        return Ok(());
    }
    Err(wrong(&format!("{here}.data: invalid base64 data")))
}

/// Every call has its result at the head of the very next message, and every result its call.
fn pairs(turns: &[Value]) -> Checked {
    let ids = |turn: &Value, kind: &str, key: &str| -> Vec<String> {
        let blocks = list(turn, "content").iter().filter(|it| word(it, "type") == Some(kind));
        blocks.filter_map(|it| word(it, key)).map(str::to_owned).collect()
    };
    let mut all: Vec<String> = Vec::new();
    let mut open: Vec<String> = Vec::new();
    for (n, turn) in turns.iter().enumerate() {
        let results = ids(turn, "tool_result", "tool_use_id");
        if let Some(stray) = results.iter().find(|id| !open.contains(id)) {
            return Err(wrong(&format!(
                "messages.{n}.content.0: unexpected `tool_use_id` found in `tool_result` blocks: \
                 {stray}. Each `tool_result` block must have a corresponding `tool_use` block in \
                 the previous message."
            )));
        }
        let blocks = list(turn, "content").iter();
        let head: Vec<_> =
            blocks.take_while(|it| word(it, "type") == Some("tool_result")).collect();
        let behind = head.len() < results.len();
        open.retain(|id| behind || !results.contains(id));
        if !open.is_empty() {
            return Err(missing(n.saturating_sub(1), &open));
        }
        open = ids(turn, "tool_use", "id");
        for id in &open {
            if all.contains(id) {
                return Err(wrong("messages: `tool_use` ids must be unique"));
            }
            all.push(id.clone());
        }
    }
    if open.is_empty() { Ok(()) } else { Err(missing(turns.len().saturating_sub(1), &open)) }
}

fn missing(n: usize, open: &[String]) -> Problem {
    wrong(&format!(
        "messages.{n}: `tool_use` ids were found without `tool_result` blocks immediately after: \
         {}. Each `tool_use` block must have a corresponding `tool_result` block in the next \
         message.",
        open.join(", ")
    ))
}

/// Within a round of tool calls the thinking that led to them must come along.
pub(super) fn first_thoughts(turns: &[Value]) -> Checked {
    let [.., turn, result] = turns else { return Ok(()) };
    let answers = list(result, "content").iter().any(|it| word(it, "type") == Some("tool_result"));
    let first = list(turn, "content").first().and_then(|block| word(block, "type"));
    let thought = matches!(first, Some("thinking" | "redacted_thinking"));
    if !answers || word(turn, "role") != Some("assistant") || thought {
        return Ok(());
    }
    let at = turns.len().saturating_sub(2);
    let found = first.unwrap_or("text");
    Err(wrong(&format!(
        "messages.{at}.content.0.type: Expected `thinking` or `redacted_thinking`, but found \
         `{found}`. When `thinking` is enabled, a final `assistant` message must start with a \
         thinking block (preceding the lastmost set of `tool_use` and `tool_result` blocks)."
    )))
}
