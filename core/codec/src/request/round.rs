//! A round of tool calls of Messages: a model that thinks up to a budget wants the thinking back that led to
//! its calls, or not to be asked to think on
//! (<https://platform.claude.com/docs/en/build-with-claude/extended-thinking>).

use crate::json::{self, Members};
use crate::lazy::Raw;
use std::borrow::Cow;

/// A message as it is sent.
#[derive(Debug)]
pub(super) struct Sent<'a> {
    /// Its JSON.
    pub(super) text: Cow<'a, str>,
    /// It is not as the caller wrote it.
    pub(super) ours: bool,
}

/// Whether the round of calls at the end begins without thinking, or its last turn does, where that is our
/// doing: what the caller wrote that way is its own to mend. `added`: the last turns are ours.
pub(super) fn lacks_thought(messages: &[Sent<'_>], added: bool) -> bool {
    let (mut answered, mut ours) = (false, added);
    // Of the turn where the round begins, and of its last one.
    let (mut first, mut last) = (true, None);
    for sent in messages.iter().rev() {
        let Some(message) = Members::read(&sent.text) else { return false };
        let role = message.get("role").and_then(json::inside);
        let kinds = message.get("content").map(kinds).unwrap_or_default();
        match role {
            Some("user") => answered |= kinds.iter().any(|kind| kind == "tool_result"),
            Some("assistant") if answered => {
                answered = false;
                ours |= sent.ours;
                let kind = kinds.first().map(String::as_str);
                first = matches!(kind, Some("thinking" | "redacted_thinking"));
                last.get_or_insert(first);
            }
            Some("assistant") => break,
            // An operator may speak at any place.
            Some(_) | None => {}
        }
    }
    ours && !(first && last.unwrap_or(true))
}

/// Of what kind the blocks of a message are.
fn kinds(content: Raw<'_>) -> Vec<String> {
    let blocks: Vec<Raw<'_>> = serde_json::from_str(content.get()).unwrap_or_default();
    let kind = |raw: &Raw<'_>| {
        let block = Members::read(raw.get())?;
        block.get("type").and_then(json::inside).map(str::to_owned)
    };
    blocks.iter().map(|raw| kind(raw).unwrap_or_default()).collect()
}
