//! A request whose answer was cut, as another attempt is asked to go on with it: what was said, and what
//! is wished for, behind the messages of the caller.
//!
//! It stays in the caller's dialect; where the target speaks another it crosses like any other.
//!
//! **Invariant:** what the caller wrote keeps its bytes.

use super::Out;
use crate::json::{self, Members, Type, Word, type_of};
use crate::lazy::Raw;
use crate::{Conform, conforms};
use bytes::Bytes;
use ir::{Dialect, Said};
use serde::Deserialize;
use serde::de::IgnoredAny;

#[cfg(test)]
mod tests;

/// How an attempt is asked to go on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum GoOn<'a> {
    /// It goes on with the last turn by itself, where the turn has this boolean member, or the request
    /// has these.
    Turn {
        /// Of the turn.
        field: Option<&'static str>,
        /// Of the request.
        members: &'static [(&'static str, bool)],
    },
    /// It repeats this end of the text, and goes on.
    Anchor(&'a str),
    /// It says whether there are more calls, or this word.
    Calls(&'a str),
}

/// What the text of an answer is to be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Promise {
    /// Anything.
    Text,
    /// A JSON document.
    Json,
    /// A JSON document of this schema.
    Schema(String),
}

// === impl Promise ===

impl Promise {
    /// Whether a document is surely what was promised.
    pub fn is_kept(&self, document: &str) -> bool {
        match self {
            Self::Text => true,
            Self::Json => serde_json::from_str::<IgnoredAny>(document).is_ok(),
            Self::Schema(schema) => conforms(document, schema) == Conform::Yes,
        }
    }
}

/// The body with what was said and what is wished for behind its messages. `None` where it ends with
/// a turn of the model already, or cannot be read.
pub fn going_on(dialect: Dialect, body: &[u8], said: &[Said], how: GoOn<'_>) -> Option<Bytes> {
    #[derive(Deserialize)]
    struct Body<'a> {
        #[serde(borrow, alias = "input")]
        messages: Raw<'a>,
        #[serde(borrow, default)]
        tool_choice: Option<Raw<'a>>,
    }
    let text = std::str::from_utf8(body).ok()?;
    let Body { messages, tool_choice } = serde_json::from_str(text).ok()?;
    let place = json::place_in(text, messages);
    let mut added = turns(dialect, said, how).join(",");
    let place = if type_of(messages) == Type::String {
        // Responses takes a text for the one turn that it is.
        let user = format!("[{{\"role\":\"user\",\"content\":{}}},", messages.get());
        added.insert_str(0, &user);
        place
    } else {
        let all: Vec<Raw<'_>> = serde_json::from_str(messages.get()).ok()?;
        let last = Members::read(all.last()?.get())?;
        if last.get("role").is_some_and(|raw| raw.get() == "\"assistant\"") {
            return None;
        }
        added.insert(0, ',');
        place.end.checked_sub(1)?..place.end
    };
    added.push(']');
    if let GoOn::Turn { members, .. } = how {
        for (name, value) in members {
            added.extend([",\"", name, "\":", if *value { "true" } else { "false" }]);
        }
    }
    let mut edits = vec![(place, added)];
    if let (GoOn::Calls(_), Some(choice)) = (how, tool_choice) {
        let free = unforced(dialect, choice.get());
        edits.extend(free.map(|free| (json::place_in(text, choice), free)));
    }
    json::spliced(text, edits).map(Bytes::from)
}

/// A choice of tools that leaves it to the model whether it calls one, where this one forces it to:
/// the call that it was forced to make may have been delivered.
fn unforced(dialect: Dialect, choice: &str) -> Option<String> {
    const AUTO: &str = "\"auto\"";
    let Some(object) = Members::read(choice) else {
        return (choice == "\"required\"").then(|| AUTO.to_owned());
    };
    let kind = json::inside(object.get("type")?)?;
    match (dialect, kind) {
        // Some tools of all; Chat says it one level deeper.
        (Dialect::Chat | Dialect::Responses, "allowed_tools") => {
            let inner = object.get(kind).and_then(|raw| Members::read(raw.get()));
            let mode = inner.as_ref().unwrap_or(&object).get("mode")?;
            let forced = mode.get() == "\"required\"";
            let edit = (json::place_in(choice, mode), AUTO.to_owned());
            forced.then(|| json::spliced(choice, vec![edit])).flatten()
        }
        (Dialect::Chat | Dialect::Responses, _) => Some(AUTO.to_owned()),
        (Dialect::Messages, "any" | "tool") => {
            let key = "disable_parallel_tool_use";
            let alone = object.get(key).map(|raw| format!(",\"{key}\":{}", raw.get()));
            Some(format!("{{\"type\":{AUTO}{}}}", alone.unwrap_or_default()))
        }
        (Dialect::Messages, _) => None,
    }
}

/// Whether the answer to this request has one tool call at most.
pub fn is_one_call(dialect: Dialect, body: &[u8]) -> bool {
    let says =
        |members: &Members<'_>, key, word| members.get(key).is_some_and(|it| it.get() == word);
    let body = std::str::from_utf8(body).ok().and_then(Members::read);
    body.is_some_and(|body| match dialect {
        Dialect::Chat | Dialect::Responses => says(&body, "parallel_tool_calls", "false"),
        Dialect::Messages => {
            let choice = body.get("tool_choice").and_then(|it| Members::read(it.get()));
            choice.is_some_and(|it| says(&it, "disable_parallel_tool_use", "true"))
        }
    })
}

/// Why nothing can be put behind the messages of such a request.
pub fn why_not_going_on(body: &[u8]) -> &'static str {
    #[derive(Deserialize)]
    struct Body<'a> {
        #[serde(borrow, alias = "input")]
        messages: Option<Raw<'a>>,
    }
    let messages = serde_json::from_slice::<Body<'_>>(body).ok().and_then(|body| body.messages);
    // Responses goes on from what its provider keeps.
    if messages.and_then(json::filled).unwrap_or_default() {
        "the conversation ends with words of the model itself"
    } else {
        "the request has no conversation of its own"
    }
}

/// What the text of the answer to this request is to be.
pub fn promised(dialect: Dialect, body: &[u8]) -> Promise {
    let found = || {
        let body = Members::read(std::str::from_utf8(body).ok()?)?;
        let (format, schema) = match dialect {
            Dialect::Chat => {
                let format = Members::read(body.get("response_format")?.get())?;
                let schema = format.get("json_schema").and_then(|it| Members::read(it.get()));
                let schema = schema.and_then(|it| it.get("schema"));
                (format, schema)
            }
            Dialect::Messages => {
                let config = Members::read(body.get("output_config")?.get())?;
                let format = Members::read(config.get("format")?.get())?;
                let schema = format.get("schema");
                (format, schema)
            }
            Dialect::Responses => {
                let text = Members::read(body.get("text")?.get())?;
                let format = Members::read(text.get("format")?.get())?;
                let schema = format.get("schema");
                (format, schema)
            }
        };
        let Word(kind) = serde_json::from_str(format.get("type")?.get()).ok()?;
        match (&*kind, schema) {
            ("text", _) => None,
            (_, Some(schema)) => Some(Promise::Schema(schema.get().to_owned())),
            (_, None) => Some(Promise::Json),
        }
    };
    found().unwrap_or(Promise::Text)
}

/// The messages that are put behind those of the caller.
fn turns(dialect: Dialect, said: &[Said], how: GoOn<'_>) -> Vec<String> {
    match dialect {
        Dialect::Chat => chat(said, how),
        Dialect::Messages => messages(said, how),
        Dialect::Responses => items(said, how),
    }
}

fn chat(said: &[Said], how: GoOn<'_>) -> Vec<String> {
    let text = texts(said);
    let mut turns = Vec::new();
    let mut turn = Out::with_capacity(text.len());
    turn.object(|out| {
        out.word("role", "assistant");
        if text.is_empty() {
            out.key("content");
            out.raw("null");
        } else {
            out.plain("content", &text);
        }
        if let GoOn::Turn { field: Some(field), .. } = how {
            out.key(field);
            out.raw("true");
        }
        if let GoOn::Calls(_) = how {
            out.key("tool_calls");
            out.list(|out| {
                for (id, name, arguments) in calls(said) {
                    out.object(|out| {
                        inside(out, "id", &id);
                        out.word("type", "function");
                        out.key("function");
                        out.object(|out| {
                            inside(out, "name", name);
                            inside(out, "arguments", arguments);
                        });
                    });
                }
            });
        }
    });
    turns.push(turn.finish());
    let Some(wish) = wish(how) else { return turns };
    if let GoOn::Calls(_) = how {
        for (id, ..) in calls(said) {
            let mut result = Out::with_capacity(64);
            result.object(|out| {
                out.word("role", "tool");
                inside(out, "tool_call_id", &id);
                out.word("content", NO_RESULT);
            });
            turns.push(result.finish());
        }
    }
    let mut user = Out::with_capacity(wish.len());
    user.object(|out| {
        out.word("role", "user");
        out.plain("content", &wish);
    });
    turns.push(user.finish());
    turns
}

fn messages(said: &[Said], how: GoOn<'_>) -> Vec<String> {
    let mut turn = Out::with_capacity(256);
    turn.object(|out| {
        out.word("role", "assistant");
        out.key("content");
        out.list(|out| blocks(out, said));
    });
    let mut turns = vec![turn.finish()];
    let Some(wish) = wish(how) else { return turns };
    let mut user = Out::with_capacity(wish.len());
    user.object(|out| {
        out.word("role", "user");
        out.key("content");
        out.list(|out| {
            for (id, ..) in calls(said) {
                out.object(|out| {
                    out.word("type", "tool_result");
                    inside(out, "tool_use_id", &id);
                    out.word("content", NO_RESULT);
                });
            }
            out.object(|out| {
                out.word("type", "text");
                out.plain("text", &wish);
            });
        });
    });
    turns.push(user.finish());
    turns
}

/// What was said, as blocks in their order: a signature is good for what stands before it.
/// Thinking at its end led to nothing that was delivered, and no turn may end with it
/// (<https://github.com/antinomyhq/forgecode/issues/2107>).
fn blocks(out: &mut Out, said: &[Said]) {
    let mut calls = calls(said);
    let is_text = |part: &Said| matches!(part, Said::Text(_));
    let says = |part: &Said| match part {
        Said::Text(text) => !text.trim().is_empty(),
        Said::Call(..) => true,
        Said::Thinking(..) | Said::Redacted(_) => false,
    };
    let end = said.iter().rposition(says).map_or(0, |last| last.saturating_add(1));
    let mut parts = said.get(..end).unwrap_or_default();
    while let Some((part, rest)) = parts.split_first() {
        parts = rest;
        match part {
            Said::Text(first) => {
                let more = rest.iter().take_while(|part| is_text(part)).count();
                let (texts, rest) = rest.split_at_checked(more).unwrap_or_default();
                parts = rest;
                let mut text = first.clone();
                text.extend(texts.iter().filter_map(Said::text));
                // White space at the end of all of it is refused, and a text of nothing else.
                let is_last = !rest.iter().any(|part| is_text(part) && says(part));
                let text = if is_last { text.trim_end() } else { &text };
                if !text.trim().is_empty() {
                    out.object(|out| {
                        out.word("type", "text");
                        out.plain("text", text);
                    });
                }
            }
            Said::Thinking(_, signature) if signature.is_empty() => {}
            Said::Thinking(text, signature) => out.object(|out| {
                out.word("type", "thinking");
                inside(out, "thinking", text);
                inside(out, "signature", signature);
            }),
            Said::Redacted(data) => out.object(|out| {
                out.word("type", "redacted_thinking");
                inside(out, "data", data);
            }),
            Said::Call(..) => {
                let Some((id, name, arguments)) = calls.next() else { continue };
                out.object(|out| {
                    out.word("type", "tool_use");
                    inside(out, "id", &id);
                    inside(out, "name", name);
                    out.key("input");
                    out.raw(&input(arguments));
                });
            }
        }
    }
}

/// The items that are put behind those of the caller, in Responses.
fn items(said: &[Said], how: GoOn<'_>) -> Vec<String> {
    let text = texts(said);
    let mut items = Vec::new();
    let mut add = |fill: &dyn Fn(&mut Out)| {
        let mut item = Out::with_capacity(text.len());
        item.object(|out| fill(out));
        items.push(item.finish());
    };
    if !text.is_empty() {
        add(&|out| {
            out.word("role", "assistant");
            out.plain("content", &text);
        });
    }
    if let GoOn::Calls(_) = how {
        for (id, name, arguments) in calls(said) {
            add(&|out| {
                out.word("type", "function_call");
                inside(out, "call_id", &id);
                inside(out, "name", name);
                inside(out, "arguments", arguments);
            });
        }
        for (id, ..) in calls(said) {
            add(&|out| {
                out.word("type", "function_call_output");
                inside(out, "call_id", &id);
                out.word("output", NO_RESULT);
            });
        }
    }
    if let Some(wish) = wish(how) {
        add(&|out| {
            out.word("role", "user");
            out.plain("content", &wish);
        });
    }
    items
}

/// What stands in the place of a result that nobody has yet.
const NO_RESULT: &str = "(not known yet)";

/// What is wished for. The end of the text is quoted: "go on" alone is misread
/// (<https://github.com/anthropics/claude-code/issues/44459>). It stands last and without quotes, for
/// whoever repeats it shall repeat nothing else.
fn wish(how: GoOn<'_>) -> Option<String> {
    match how {
        GoOn::Turn { .. } => None,
        GoOn::Anchor(anchor) => Some(format!(
            "Your message above was cut off by a network failure while it was being sent; what you see \
             of it is what arrived, and it may end in the middle of a word. Go on with that same message \
             from exactly where it ends, in the same language, format and voice. So that both halves can \
             be joined, begin by repeating the end of what arrived, character by character as it stands \
             in the last lines here, and go on from there without a break. Write no introduction, no \
             apology, no heading and no comment before it. What arrived ends with:\n\n{anchor}"
        )),
        GoOn::Calls(word) => Some(format!(
            "Your turn above was cut off by a network failure behind its tool calls. They arrived and are \
             being carried out; their results are not known yet. Do not repeat them. If you meant to make \
             further tool calls in that same turn, make them now, and say nothing beside them. If not, \
             answer with this one word and nothing else: {word}"
        )),
    }
}

/// The text without white space at its end, which some refuse.
fn texts(said: &[Said]) -> String {
    let mut text: String = said.iter().filter_map(Said::text).collect();
    text.truncate(text.trim_end().len());
    text
}

/// Id, name and arguments of each call; an id of ours where it had none.
fn calls(said: &[Said]) -> impl Iterator<Item = (String, &str, &str)> {
    let calls = said.iter().filter_map(|part| match part {
        Said::Call(call, arguments) => Some((call, arguments)),
        Said::Text(_) | Said::Thinking(..) | Said::Redacted(_) => None,
    });
    calls.enumerate().map(|(place, (call, arguments))| {
        let id = if call.id.is_empty() { format!("call_{place}") } else { call.id.to_string() };
        (id, &*call.name, arguments.as_str())
    })
}

/// A member whose value is the inside of a string.
fn inside(out: &mut Out, name: &str, inside: &str) {
    out.key(name);
    out.joined(&[inside]);
}

/// The object whose spelling is the inside of this string.
fn input(arguments: &str) -> String {
    let read = || -> Option<String> {
        let text: String = serde_json::from_str(&format!("\"{arguments}\"")).ok()?;
        let raw: Raw<'_> = serde_json::from_str(&text).ok()?;
        (type_of(raw) == Type::Object).then(|| raw.get().to_owned())
    };
    read().unwrap_or_else(|| "{}".to_owned())
}
