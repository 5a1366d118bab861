//! Anthropic Messages: events to a message.
//!
//! The oracle is `accumulate_event` of anthropic-python
//! (<https://github.com/anthropics/anthropic-sdk-python/blob/main/src/anthropic/lib/streaming/_messages.py>).

use super::partial::closed;
use super::tree::{ODD, Object, Value, inside, items, members, object, write_all};
use crate::Error;
use crate::json::{self, Members, Type, Word};
use crate::lazy::{self, Raw};
use std::borrow::Cow;

/// One answer.
#[derive(Debug, Default)]
pub(super) struct Answer {
    message: Object,
    /// In the order in which they began.
    blocks: Vec<Block>,
}

/// What every message has.
const USUAL: &[(&str, &str)] =
    &[("type", r#""message""#), ("role", r#""assistant""#), ("content", "")];

#[derive(Debug)]
struct Block {
    index: u32,
    fields: Object,
    /// Pieces of `input` as they are spelled inside their strings.
    input: String,
}

fn word(raw: Option<Raw<'_>>) -> Cow<'_, str> {
    raw.and_then(|raw| lazy::read(raw.get()).ok()).map(|Word(word)| word).unwrap_or_default()
}

// === impl Answer ===

impl Answer {
    /// One more event; how many bytes it added.
    pub(super) fn take(&mut self, event: &str, text: &str) -> Result<usize, Error> {
        let members = members(text).ok_or(ODD)?;
        let kind = members.get("type").map(|raw| word(Some(raw)));
        let kind = kind.unwrap_or(Cow::Borrowed(event));
        let index = members.get("index").and_then(|raw| raw.get().parse().ok()).unwrap_or(0);
        let own = |key: &str| members.get(key).ok_or(ODD);
        match kind.as_ref() {
            "message_start" => self.start(own("message")?),
            "content_block_start" => self.open(index, own("content_block")?),
            "content_block_delta" => self.delta(index, own("delta")?),
            "content_block_stop" => self.close(index),
            "message_delta" => self.message_delta(members),
            _ => Ok(0),
        }
    }

    fn start(&mut self, raw: Raw<'_>) -> Result<usize, Error> {
        let mut added = 0;
        for (key, raw) in object(raw)?.0 {
            added += if key == "content" {
                let blocks = items(raw).into_iter().zip(0..);
                let blocks = blocks.map(|(raw, index)| self.open(index, raw));
                blocks.sum::<Result<usize, Error>>()? + self.message.hold("content")
            } else {
                self.message.set(&key, Value::raw(raw))
            };
        }
        Ok(added)
    }

    fn open(&mut self, index: u32, raw: Raw<'_>) -> Result<usize, Error> {
        let mut fields = Object::default();
        let members = object(raw)?;
        let added = members.0.iter().map(|(key, raw)| fields.set(key, Value::raw(*raw))).sum();
        self.blocks.push(Block { index, fields, input: String::new() });
        Ok(added)
    }

    fn delta(&mut self, index: u32, raw: Raw<'_>) -> Result<usize, Error> {
        let pieces = object(raw)?;
        let kind = word(pieces.get("type"));
        let Some(place) = self.blocks.iter().rposition(|block| block.index == index) else {
            return Ok(self.implied(index, &kind, &pieces));
        };
        Ok(self.blocks.get_mut(place).map_or(0, |block| block.delta(&kind, &pieces)))
    }

    /// A piece outside any block: the decoder takes text and thinking for what they are.
    fn implied(&mut self, index: u32, kind: &str, pieces: &Members<'_>) -> usize {
        let kind_of_block = if kind == "text_delta" { "text" } else { "thinking" };
        let mut fields = Object::default();
        fields.set("type", Value::Raw(json::quoted(kind_of_block)));
        let mut block = Block { index, fields, input: String::new() };
        let added = block.delta(kind, pieces);
        self.blocks.push(block);
        added
    }

    fn close(&mut self, index: u32) -> Result<usize, Error> {
        let block = self.blocks.iter_mut().rev().find(|block| block.index == index);
        let Some(block) = block.filter(|block| !block.input.is_empty()) else { return Ok(0) };
        let input = block.input().ok_or(Error::NotAnswer("arguments that are not JSON"))?;
        block.input.clear();
        Ok(block.fields.set("input", Value::Raw(input)))
    }

    /// What the end of a message says: of its `delta` each member, of its `usage` each count, and
    /// whatever stands beside them.
    fn message_delta(&mut self, members: Members<'_>) -> Result<usize, Error> {
        let mut added = 0;
        for (key, raw) in members.0 {
            added += match key.as_ref() {
                "type" => 0,
                "delta" => {
                    let members = object(raw)?;
                    members.0.iter().map(|(key, raw)| say(&mut self.message, key, *raw)).sum()
                }
                "usage" => self.usage(raw)?,
                _ => say(&mut self.message, &key, raw),
            };
        }
        Ok(added)
    }

    fn usage(&mut self, raw: Raw<'_>) -> Result<usize, Error> {
        let held = self.message.hold("usage");
        let known = self.message.get_mut("usage").and_then(Value::as_object);
        let Some(known) = known else {
            return Ok(held + self.message.set("usage", Value::raw(raw)));
        };
        let members = object(raw)?;
        Ok(members.0.iter().map(|(key, raw)| say(known, key, *raw)).sum::<usize>() + held)
    }

    pub(super) fn write(&self, out: &mut String) {
        self.message.write_with(out, USUAL, |key, out| {
            if key == "content" {
                write_all(out, &self.blocks, Block::write);
            }
            key == "content"
        });
    }
}

/// Sets a member, unless that would unsay what is known.
fn say(object: &mut Object, key: &str, raw: Raw<'_>) -> usize {
    if json::type_of(raw) == Type::Null {
        return object.hold(key);
    }
    object.set(key, Value::raw(raw))
}

// === impl Block ===

impl Block {
    fn delta(&mut self, kind: &str, pieces: &Members<'_>) -> usize {
        let own = |key: &str| pieces.get(key);
        match kind {
            "input_json_delta" => {
                let piece = own("partial_json").map(inside).unwrap_or_default();
                self.input.push_str(piece);
                piece.len()
            }
            // It comes in one piece (<https://github.com/vercel/ai/issues/19663>).
            "signature_delta" => {
                own("signature").map_or(0, |raw| self.fields.set("signature", Value::raw(raw)))
            }
            "citations_delta" => own("citation").map_or(0, |raw| {
                let held = self.fields.hold("citations");
                let Some(citations) = self.fields.get_mut("citations") else { return held };
                if citations.is_null() {
                    *citations = Value::Array(Vec::new());
                }
                let Some(citations) = citations.as_array() else { return held };
                citations.push(Value::raw(raw));
                held.saturating_add(raw.get().len())
            }),
            _ => {
                let pieces = pieces.0.iter().filter(|(key, _)| key != "type");
                pieces.map(|(key, raw)| self.fields.join(key, *raw, 0)).sum()
            }
        }
    }

    /// The input of a call, from its pieces: JSON, or what was complete of it.
    fn input(&self) -> Option<String> {
        let text: String = serde_json::from_str(&format!("\"{}\"", self.input)).ok()?;
        if text.trim().is_empty() { Some("{}".to_owned()) } else { closed(&text) }
    }

    fn write(&self, out: &mut String) {
        match self.input().filter(|_| !self.input.is_empty()) {
            // It was never closed.
            Some(input) => {
                let mut fields = self.fields.clone();
                fields.set("input", Value::Raw(input));
                fields.write(out);
            }
            None => self.fields.write(out),
        }
    }
}
