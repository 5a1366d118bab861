//! `OpenAI` Chat Completions: chunks to an answer.
//!
//! The oracle is `accumulate_delta` of openai-python
//! (<https://github.com/openai/openai-python/blob/main/src/openai/lib/streaming/_deltas.py>). Which
//! call a piece belongs to is known by [`Calls`], as the decoder knows it.

use super::tree::{ODD, Object, Value, inside, items, members, object, write_all};
use crate::Error;
use crate::chat::calls::Calls;
use crate::chat::wire::Call;
use crate::json::{self, Type};
use crate::lazy::{self, Raw};

/// One answer.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// What chunks have beside choices.
    envelope: Object,
    /// In the order of their indexes.
    choices: Vec<Choice>,
}

#[derive(Debug, Default)]
struct Choice {
    index: u32,
    /// What it has beside its message.
    fields: Object,
    message: Object,
    /// What tells calls apart.
    known: Calls,
    /// Each call with the tool index that [`Calls`] gave it.
    calls: Vec<(u32, Object)>,
}

/// What every message of a whole answer has.
const USUAL: &[(&str, &str)] =
    &[("role", r#""assistant""#), ("content", "null"), ("refusal", "null")];

// === impl Answer ===

impl Answer {
    /// One more chunk; how many bytes it added.
    pub(super) fn take(&mut self, text: &str) -> Result<usize, Error> {
        let mut added = 0;
        for (key, raw) in members(text).ok_or(ODD)?.0 {
            added += match key.as_ref() {
                "choices" => {
                    let held = self.envelope.hold("choices");
                    let choices = items(raw).into_iter().map(|raw| self.choice(raw));
                    choices.sum::<Result<usize, Error>>()? + held
                }
                "object" => {
                    let whole = Value::Raw(r#""chat.completion""#.to_owned());
                    self.envelope.set("object", whole)
                }
                // Padding against whoever measures the length of frames.
                "obfuscation" => 0,
                "id" | "created" | "model" => self.envelope.first(&key, raw),
                _ => self.envelope.latest(&key, raw),
            };
        }
        Ok(added)
    }

    fn choice(&mut self, raw: Raw<'_>) -> Result<usize, Error> {
        let members = object(raw)?;
        let index = members.get("index").and_then(|raw| raw.get().parse().ok()).unwrap_or(0);
        let place = match self.choices.binary_search_by_key(&index, |choice| choice.index) {
            Ok(place) => place,
            Err(place) => {
                self.choices.insert(place, Choice { index, ..Choice::default() });
                place
            }
        };
        let Some(choice) = self.choices.get_mut(place) else { return Ok(0) };
        let mut added = 0;
        for (key, raw) in members.0 {
            added += match key.as_ref() {
                "delta" => choice.fields.hold("message") + choice.delta(raw)?,
                // In a stream no client looks at it.
                "message" => 0,
                // Moonshot puts it here.
                "usage" => self.envelope.latest("usage", raw),
                "logprobs" => choice.fields.join("logprobs", raw, 0),
                "finish_reason" => choice.finish(raw),
                _ => choice.fields.latest(&key, raw),
            };
        }
        Ok(added)
    }

    pub(super) fn write(&self, out: &mut String) {
        self.envelope.write_with(out, &[("choices", "")], |key, out| {
            if key == "choices" {
                write_all(out, &self.choices, Choice::write);
            }
            key == "choices"
        });
    }
}

// === impl Choice ===

impl Choice {
    fn delta(&mut self, raw: Raw<'_>) -> Result<usize, Error> {
        let mut added = 0;
        for (key, raw) in object(raw)?.0 {
            added += match key.as_ref() {
                "tool_calls" if json::type_of(raw) == Type::Array => {
                    let held = self.message.hold("tool_calls");
                    let calls = items(raw).into_iter().map(|raw| self.call(raw));
                    calls.sum::<Result<usize, Error>>()? + held
                }
                "tool_calls" => 0,
                "content" => self.content(raw),
                _ => self.message.join(&key, raw, 0),
            };
        }
        Ok(added)
    }

    fn call(&mut self, raw: Raw<'_>) -> Result<usize, Error> {
        let call = lazy::read::<Call<'_>>(raw.get()).map_err(|_| ODD)?;
        let (tool, new) = self.known.place(&call);
        if new {
            self.calls.push((tool, Object::default()));
        }
        let known = self.calls.iter_mut().rev().find(|(known, _)| *known == tool);
        let Some((_, call)) = known else { return Ok(0) };
        // The place among the pieces is no part of a whole answer.
        let members = object(raw)?.0.into_iter().filter(|(key, _)| key != "index");
        Ok(members.map(|(key, raw)| call.join(&key, raw, 0)).sum())
    }

    /// Text, or parts of it (Mistral): pieces of one part come as parts of one type.
    fn content(&mut self, raw: Raw<'_>) -> usize {
        let known = self.message.get("content").is_some_and(|it| !it.is_null());
        let parts = json::type_of(raw) == Type::Array;
        let Some(content) = self.message.get_mut("content").filter(|_| known) else {
            return self.message.join("content", raw, 0);
        };
        if content.as_array().is_none() && parts {
            // It began as text: nothing, or the first part.
            let mut text = String::new();
            content.write(&mut text);
            let part = format!(r#"{{"type":"text","text":{text}}}"#);
            let first = (text != r#""""#).then_some(Value::Raw(part));
            *content = Value::Array(first.into_iter().collect());
        }
        match content.as_array() {
            Some(array) if parts => items(raw).into_iter().map(|raw| part(array, raw, 0)).sum(),
            Some(array) if json::type_of(raw) == Type::String && !inside(raw).is_empty() => {
                let text = format!(r#"{{"type":"text","text":{}}}"#, raw.get());
                lazy::read(&text).map_or(0, |raw| part(array, raw, 0))
            }
            Some(_) => 0,
            None => content.join("content", raw, 0),
        }
    }

    fn finish(&mut self, raw: Raw<'_>) -> usize {
        // Some servers spell `null` as a word.
        if !matches!(raw.get(), "null" | r#""null""# | r#""""#) {
            self.known.close().for_each(drop);
        } else if self.fields.get("finish_reason").is_some() {
            return 0;
        }
        self.fields.latest("finish_reason", raw)
    }

    fn write(&self, out: &mut String) {
        self.fields.write_with(out, &[("message", "")], |key, out| {
            if key == "message" {
                self.write_message(out);
            }
            key == "message"
        });
    }

    fn write_message(&self, out: &mut String) {
        self.message.write_with(out, USUAL, |key, out| {
            let calls = key == "tool_calls" && !self.calls.is_empty();
            if calls {
                write_all(out, &self.calls, |(_, call), out| call.write(out));
            }
            calls
        });
    }
}

/// A part, or a piece of the one before it: of one type, with what grows in it. Parts within parts
/// (the text of `thinking`) do the same.
fn part(array: &mut Vec<Value>, raw: Raw<'_>, depth: usize) -> usize {
    const GROWING: [&str; 2] = ["text", "thinking"];
    const DEPTH_MAX: usize = 4;
    let pieces = members(raw.get()).unwrap_or_default();
    let kind = pieces.get("type").map(Raw::get);
    let only = pieces.0.iter().all(|(key, _)| key == "type" || GROWING.contains(&key.as_ref()));
    let last = array.last_mut().and_then(Value::as_object).filter(|last| {
        let same = |it: &Value| matches!(it, Value::Raw(text) if Some(text.as_str()) == kind);
        only && depth < DEPTH_MAX && last.get("type").is_some_and(same)
    });
    let Some(last) = last else {
        array.push(Value::raw(raw));
        return raw.get().len();
    };
    let mut added = 0;
    for (key, raw) in pieces.0.iter().filter(|(key, _)| key != "type") {
        let inner = last.get_mut(key).and_then(Value::as_array);
        added += match inner.filter(|_| json::type_of(*raw) == Type::Array) {
            Some(inner) => items(*raw).into_iter().map(|raw| part(inner, raw, depth + 1)).sum(),
            None => last.join(key, *raw, 0),
        };
    }
    added
}
