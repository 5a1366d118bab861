//! Anthropic Messages: the JSON of events and answers, as far as we look at it.

use crate::json::{self, TokenCount, Type, Word};
use crate::lazy::Raw;
use ir::Tokens;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use std::fmt;

mod said;

/// An event's `data`; which fields it has depends on its type. Nearly all are deltas: what others
/// have is boxed, so that it costs them nothing.
#[derive(Debug, Deserialize)]
pub(crate) struct Wire<'a> {
    #[serde(borrow, rename = "type")]
    pub(crate) kind: Option<Word<'a>>,
    pub(crate) index: Option<u32>,
    #[serde(borrow)]
    pub(crate) message: Option<Box<Message<'a>>>,
    #[serde(borrow)]
    pub(crate) content_block: Option<Box<BlockStart<'a>>>,
    #[serde(borrow)]
    pub(crate) delta: Option<Delta<'a>>,
    #[serde(default, deserialize_with = "json::lenient")]
    pub(crate) usage: Option<Usage>,
    #[serde(borrow)]
    pub(crate) error: Option<Raw<'a>>,
}

/// The `message` of `message_start`.
#[derive(Debug, Deserialize)]
pub(crate) struct Message<'a> {
    #[serde(borrow)]
    id: Option<Raw<'a>>,
    #[serde(borrow)]
    model: Option<Raw<'a>>,
    #[serde(borrow)]
    content: Option<Raw<'a>>,
    #[serde(default, deserialize_with = "json::lenient")]
    pub(crate) usage: Option<Usage>,
}

/// The `content_block` of `content_block_start`, and a block of a whole answer.
#[derive(Debug, Deserialize)]
pub(crate) struct BlockStart<'a> {
    #[serde(borrow, rename = "type")]
    pub(crate) kind: Option<Word<'a>>,
    #[serde(borrow)]
    text: Option<Raw<'a>>,
    #[serde(borrow)]
    thinking: Option<Raw<'a>>,
    #[serde(borrow)]
    data: Option<Raw<'a>>,
    #[serde(borrow)]
    input: Option<Raw<'a>>,
    #[serde(borrow)]
    id: Option<Raw<'a>>,
    #[serde(borrow)]
    name: Option<Raw<'a>>,
}

/// The `delta` of `content_block_delta` and of `message_delta`.
#[derive(Debug, Default)]
pub(crate) struct Delta<'a> {
    /// Empty in `message_delta`.
    pub(crate) kind: Word<'a>,
    pub(crate) stop_reason: Option<Word<'a>>,
    text: Option<Raw<'a>>,
    partial_json: Option<Raw<'a>>,
    thinking: Option<Raw<'a>>,
    signature: Option<Raw<'a>>,
    rare: Option<Box<Rare<'a>>>,
    /// Any other member is a string, an array or an object that holds something.
    other: bool,
}

/// What few deltas have.
#[derive(Clone, Copy, Debug, Default)]
struct Rare<'a> {
    citation: Option<Raw<'a>>,
    stop_sequence: Option<Raw<'a>>,
    stop_details: Option<Raw<'a>>,
    container: Option<Raw<'a>>,
}

/// Token counts: `input_tokens` does not include the cache, `output_tokens` includes thinking
/// (<https://docs.claude.com/en/api/messages#response-usage>).
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Usage {
    input_tokens: TokenCount,
    cache_creation_input_tokens: TokenCount,
    cache_read_input_tokens: TokenCount,
    output_tokens: TokenCount,
    output_tokens_details: Option<OutputDetails>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
struct OutputDetails {
    thinking_tokens: TokenCount,
}

/// Whether there is content in an event whose rest has an unknown shape.
pub(crate) fn is_content(text: &str) -> bool {
    let members = json::Members::read(text).unwrap_or_default();
    ["delta", "content_block"].into_iter().any(|key| members.given(key).is_some())
}

// === impl Wire ===

impl Wire<'_> {
    /// Whether it has what says something of the answer, whatever its type is.
    pub(crate) fn is_content(&self) -> bool {
        self.delta.is_some() || self.content_block.is_some()
    }
}

// === impl BlockStart ===

impl BlockStart<'_> {
    /// Whether the block holds something before any delta: redacted thinking always does.
    pub(crate) fn shows(&self) -> bool {
        [self.text, self.thinking, self.data, self.input].into_iter().any(json::holds)
    }
}

// === impl Usage ===

impl Usage {
    /// The counts are cumulative: what is restated replaces what was said before.
    pub(crate) fn add_to(&self, said: &mut Self) {
        let set = |place: &mut TokenCount, count: TokenCount| {
            if count.0.is_some() {
                *place = count;
            }
        };
        set(&mut said.input_tokens, self.input_tokens);
        set(&mut said.cache_creation_input_tokens, self.cache_creation_input_tokens);
        set(&mut said.cache_read_input_tokens, self.cache_read_input_tokens);
        set(&mut said.output_tokens, self.output_tokens);
        if let Some(OutputDetails { thinking_tokens }) = self.output_tokens_details {
            let details = said.output_tokens_details.get_or_insert_default();
            set(&mut details.thinking_tokens, thinking_tokens);
        }
    }

    /// The counts under our convention; `None` where what was asked or what was written is not told: nobody
    /// could tell it from nothing.
    pub(crate) fn tokens(&self) -> Option<Tokens> {
        Some(Tokens {
            input: self.input_tokens.0?,
            cache_read: self.cache_read_input_tokens.or_none(),
            cache_write: self.cache_creation_input_tokens.or_none(),
            output: self.output_tokens.0?,
            reasoning: self.output_tokens_details.unwrap_or_default().thinking_tokens.or_none(),
        })
    }
}

// === impl Delta ===

impl<'a> Delta<'a> {
    fn keep(&mut self, key: &str, value: Raw<'a>) {
        let place: for<'r> fn(&'r mut Rare<'a>) -> &'r mut Option<Raw<'a>> = match key {
            "citation" => |rare| &mut rare.citation,
            "stop_sequence" => |rare| &mut rare.stop_sequence,
            "stop_details" => |rare| &mut rare.stop_details,
            "container" => |rare| &mut rare.container,
            _ => return,
        };
        *place(self.rare.get_or_insert_default()) = Some(value);
    }

    /// Whether it brings anything. What a type that we know must have, it must have: clients append
    /// it unseen.
    pub(crate) fn piece(&self) -> Result<bool, &'static str> {
        let own = match self.kind.as_str() {
            "" => return Err("a delta without a type"),
            "text_delta" => self.text,
            "input_json_delta" => self.partial_json,
            "thinking_delta" => self.thinking,
            "signature_delta" => self.signature,
            _ => {
                let known = [self.text, self.partial_json, self.thinking, self.signature];
                return Ok(self.other || known.into_iter().any(json::holds));
            }
        };
        let own = own.filter(|raw| json::type_of(*raw) == Type::String);
        own.map(|raw| json::holds(Some(raw))).ok_or("a delta without its text")
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Delta<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Delta<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut delta = Delta::default();
                while let Some(key) = map.next_key::<Word<'de>>()? {
                    match key.as_str() {
                        "type" => delta.kind = map.next_value()?,
                        "stop_reason" => delta.stop_reason = map.next_value()?,
                        "text" => delta.text = Some(map.next_value()?),
                        "partial_json" => delta.partial_json = Some(map.next_value()?),
                        "thinking" => delta.thinking = Some(map.next_value()?),
                        "signature" => delta.signature = Some(map.next_value()?),
                        other => {
                            let value = map.next_value()?;
                            delta.other |= json::holds(Some(value));
                            delta.keep(other, value);
                        }
                    }
                }
                Ok(delta)
            }
        }

        deserializer.deserialize_map(Object)
    }
}
