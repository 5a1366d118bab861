//! A row for each thing that may come: the provider's data, what a strict client is told, what is
//! lost. Tests named `p12_…` are pitfalls that other gateways fell into; the number is ours, the
//! link beside it is the report.

mod calls;
mod errors;
mod to_chat;
mod to_messages;

use super::{Crossed, plan, row};
use ir::{Dialect, Event};

/// A chunk with one choice's delta.
pub(super) fn delta(fields: &str) -> String {
    format!(r#"{{"id":"c.1","created":7,"choices":[{{"index":0,"delta":{{{fields}}}}}]}}"#)
}

/// A chunk that finishes the choice.
pub(super) fn stop(reason: &str) -> String {
    format!(r#"{{"choices":[{{"index":0,"delta":{{}},"finish_reason":"{reason}"}}]}}"#)
}

/// A chunk with a piece of a call.
pub(super) fn call(fields: &str) -> String {
    delta(&format!(r#""tool_calls":[{{{fields}}}]"#))
}

/// Token counts of Chat, every one another.
pub(super) const USAGE: &str = r#"{"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":3,"cache_write_tokens":2},"completion_tokens_details":{"reasoning_tokens":1}}}"#;
/// What becomes of them.
pub(super) const COUNTS: &str = "usage in 5 read 3 write 2 out 4 reasoning 1";
pub(super) const START: &str = "start msg_c_1";

/// Deltas of Chat up to `[DONE]`, and what a client of Messages is told between start and usage.
#[track_caller]
pub(super) fn deltas(deltas: &[&str], reason: &str, expect: &[&str], losses: &[&str]) -> Crossed {
    let stop = stop(reason);
    let mut lines: Vec<&str> = deltas.to_vec();
    lines.extend([stop.as_str(), USAGE, "[DONE]"]);
    let mut told = vec![START];
    told.extend(expect);
    told.extend([COUNTS, "stop"]);
    row(plan(Dialect::Chat), &lines, &told, losses)
}

pub(super) const MESSAGE: &str = r#"{"type":"message_start","message":{"id":"msg_1","content":[],"usage":{"input_tokens":5,"cache_read_input_tokens":3,"cache_creation_input_tokens":2,"output_tokens":1}}}"#;
pub(super) const STOP: &str = r#"{"type":"message_stop"}"#;

pub(super) fn open(index: u32, block: &str) -> String {
    format!(r#"{{"type":"content_block_start","index":{index},"content_block":{{{block}}}}}"#)
}

pub(super) fn piece(index: u32, delta: &str) -> String {
    format!(r#"{{"type":"content_block_delta","index":{index},"delta":{{{delta}}}}}"#)
}

pub(super) fn close(index: u32) -> String {
    format!(r#"{{"type":"content_block_stop","index":{index}}}"#)
}

/// `message_delta` with these members beside the usage.
pub(super) fn end(delta: &str) -> String {
    format!(r#"{{"type":"message_delta","delta":{{{delta}}},"usage":{{"output_tokens":4}}}}"#)
}

/// Events of Messages between start and stop, and what a client of Chat is told between role and
/// usage.
#[track_caller]
pub(super) fn events(events: &[String], expect: &[&str], losses: &[&str]) -> Crossed {
    let mut lines = vec![MESSAGE];
    lines.extend(events.iter().map(String::as_str));
    lines.push(STOP);
    let mut told = vec!["role"];
    told.extend(expect);
    told.extend(["usage in 5 read 3 write 2 out 4 reasoning 0", "done"]);
    row(plan(Dialect::Messages), &lines, &told, losses)
}

/// The reason of the one frame that is left out.
pub(super) fn malformed(crossed: &Crossed) -> Option<(&'static str, bool)> {
    let mut frames = crossed.frames.iter();
    frames.find_map(|frame| match frame.events.as_slice() {
        [Event::Malformed(reason)] => Some((*reason, frame.bytes.is_empty())),
        _other => None,
    })
}
