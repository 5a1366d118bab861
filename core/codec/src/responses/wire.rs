//! `OpenAI` Responses: the JSON of events and answers, as far as we look at it.

use crate::json::{self, Count, Few, Type, Word, inside_of};
use crate::lazy::{self, Raw};
use ir::{Envelope, Tokens};
use serde::Deserialize;

/// Items of one answer, and parts of one item: a limit on everything.
pub(crate) const ITEMS_MAX: usize = 16 << 10;

/// An event's `data`; which fields it has depends on its type.
#[derive(Debug, Deserialize)]
pub(crate) struct Wire<'a> {
    #[serde(borrow, rename = "type")]
    pub(crate) kind: Option<Word<'a>>,
    pub(crate) output_index: Option<u32>,
    pub(crate) content_index: Option<u32>,
    pub(crate) summary_index: Option<u32>,
    #[serde(borrow)]
    item_id: Option<Raw<'a>>,
    #[serde(borrow)]
    pub(crate) delta: Option<Raw<'a>>,
    #[serde(borrow)]
    text: Option<Raw<'a>>,
    #[serde(borrow)]
    refusal: Option<Raw<'a>>,
    #[serde(borrow)]
    arguments: Option<Raw<'a>>,
    #[serde(borrow)]
    input: Option<Raw<'a>>,
    #[serde(borrow)]
    pub(crate) item: Option<Raw<'a>>,
    #[serde(borrow)]
    pub(crate) part: Option<Raw<'a>>,
    #[serde(borrow)]
    pub(crate) response: Option<Raw<'a>>,
    #[serde(borrow)]
    pub(crate) error: Option<Raw<'a>>,
}

/// The `response` of the first and the last event, and a whole answer.
#[derive(Debug, Deserialize)]
pub(crate) struct Response<'a> {
    #[serde(borrow)]
    id: Option<Raw<'a>>,
    #[serde(borrow)]
    model: Option<Raw<'a>>,
    created_at: Option<Count>,
    #[serde(borrow)]
    pub(crate) status: Option<Word<'a>>,
    #[serde(borrow)]
    incomplete_details: Option<Raw<'a>>,
    #[serde(borrow)]
    pub(crate) output: Option<Raw<'a>>,
    #[serde(default, deserialize_with = "json::lenient")]
    pub(crate) usage: Option<Usage>,
    #[serde(borrow)]
    pub(crate) error: Option<Raw<'a>>,
}

/// An item of an answer's output.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Item<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Word<'a>>,
    #[serde(borrow)]
    id: Option<Raw<'a>>,
    #[serde(borrow)]
    call_id: Option<Raw<'a>>,
    #[serde(borrow)]
    name: Option<Raw<'a>>,
    #[serde(borrow)]
    arguments: Option<Raw<'a>>,
    #[serde(borrow)]
    input: Option<Raw<'a>>,
    #[serde(borrow)]
    content: Option<Raw<'a>>,
    #[serde(borrow)]
    summary: Option<Raw<'a>>,
    #[serde(borrow)]
    encrypted_content: Option<Raw<'a>>,
}

/// A part of a message, or of what was thought.
#[derive(Debug, Deserialize)]
pub(crate) struct Part<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Word<'a>>,
    #[serde(borrow)]
    text: Option<Raw<'a>>,
    #[serde(borrow)]
    refusal: Option<Raw<'a>>,
}

/// Token counts: `input_tokens` includes what was read from or written to a cache, `output_tokens`
/// includes reasoning
/// (<https://platform.openai.com/docs/api-reference/responses/object#responses/object-usage>).
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Usage {
    input_tokens: json::TokenCount,
    output_tokens: json::TokenCount,
    input_tokens_details: Option<InputDetails>,
    output_tokens_details: Option<OutputDetails>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
struct InputDetails {
    cached_tokens: json::TokenCount,
    cache_write_tokens: json::TokenCount,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
struct OutputDetails {
    reasoning_tokens: json::TokenCount,
}

fn parts(raw: Option<Raw<'_>>) -> Vec<Part<'_>> {
    let parts: Option<Few<Part<'_>, ITEMS_MAX>> = raw.and_then(|raw| lazy::read(raw.get()).ok());
    parts.map(|Few(parts)| parts).unwrap_or_default()
}

// === impl Wire ===

impl<'a> Wire<'a> {
    /// The inside of its item's id, where it has one.
    pub(crate) fn item_id(&self) -> Option<&'a str> {
        self.item_id.and_then(json::inside).filter(|id| !id.is_empty())
    }

    /// What a `….done` says at once.
    pub(crate) fn whole(&self) -> Option<Raw<'a>> {
        self.text.or(self.refusal).or(self.arguments).or(self.input)
    }

    /// The piece of text that a delta must have.
    pub(crate) fn piece(&self) -> Result<Raw<'a>, &'static str> {
        let text = |raw: &Raw<'_>| json::type_of(*raw) == Type::String;
        self.delta.filter(text).ok_or("a delta without its text")
    }
}

// === impl Response ===

impl<'a> Response<'a> {
    /// Reads it, where it is an object of the expected shape.
    pub(crate) fn read(raw: Raw<'a>) -> Option<Self> {
        json::object(raw.get().as_bytes())
    }

    /// Who answers.
    pub(crate) fn envelope(&self) -> Envelope {
        Envelope {
            id: inside_of(self.id),
            model: inside_of(self.model),
            created: self.created_at.map(|Count(created)| created),
        }
    }

    /// Why it is incomplete; empty where it does not say.
    pub(crate) fn reason(&self) -> String {
        #[derive(Deserialize)]
        struct Details<'a> {
            #[serde(borrow)]
            reason: Option<Word<'a>>,
        }
        let details: Option<Details<'_>> =
            self.incomplete_details.and_then(|raw| lazy::read(raw.get()).ok());
        let reason = details.and_then(|details| details.reason);
        reason.map(|Word(reason)| reason.into_owned()).unwrap_or_default()
    }

    /// Its items; `None` where it has no list of them.
    pub(crate) fn output(&self) -> Option<Vec<Item<'a>>> {
        let read: Few<Item<'_>, ITEMS_MAX> = lazy::read(self.output?.get()).ok()?;
        Some(read.0)
    }
}

// === impl Item ===

impl<'a> Item<'a> {
    /// Reads it, where it is an object of the expected shape.
    pub(crate) fn read(raw: Raw<'a>) -> Option<Self> {
        json::object(raw.get().as_bytes())
    }

    /// Its type, or nothing.
    pub(crate) fn kind(&self) -> &str {
        self.kind.as_ref().map_or("", Word::as_str)
    }

    /// The inside of its id, where it has one.
    pub(crate) fn id(&self) -> Option<&'a str> {
        self.id.and_then(json::inside).filter(|id| !id.is_empty())
    }

    /// The inside of a call's own id, where it has one.
    pub(crate) fn call_id(&self) -> Option<&'a str> {
        self.call_id.and_then(json::inside).filter(|id| !id.is_empty())
    }

    /// What it says of a call beside the arguments.
    pub(crate) fn call(&self) -> ir::Call {
        ir::Call {
            id: inside_of(self.call_id),
            name: inside_of(self.name),
            custom: self.kind() == "custom_tool_call",
            extra: None,
        }
    }

    /// With what is called: JSON as text, or free text.
    pub(crate) fn arguments(&self) -> Option<Raw<'a>> {
        self.arguments.or(self.input)
    }

    /// The parts of a message.
    pub(crate) fn parts(&self) -> Vec<Part<'a>> {
        parts(self.content)
    }

    /// What was thought, as far as it can be read: its summary, or else all of it.
    pub(crate) fn thoughts(&self) -> Vec<Part<'a>> {
        let summary = parts(self.summary);
        if summary.is_empty() { parts(self.content) } else { summary }
    }

    /// What was thought, as only its provider can read it: the inside of a JSON string.
    pub(crate) fn sealed(&self) -> Option<&'a str> {
        self.encrypted_content.and_then(json::inside).filter(|text| !text.is_empty())
    }
}

// === impl Part ===

impl<'a> Part<'a> {
    /// Reads it, where it is an object of the expected shape.
    pub(crate) fn read(raw: Raw<'a>) -> Option<Self> {
        json::object(raw.get().as_bytes())
    }

    /// Whether it declines.
    pub(crate) fn is_refusal(&self) -> bool {
        self.kind.as_ref().is_some_and(|kind| kind.as_str() == "refusal")
    }

    /// Whether it belongs to a message.
    pub(crate) fn is_text(&self) -> bool {
        let kind = self.kind.as_ref().map_or("", Word::as_str);
        matches!(kind, "output_text" | "refusal")
    }

    /// Its text.
    pub(crate) fn said(&self) -> Option<Raw<'a>> {
        if self.is_refusal() { self.refusal } else { self.text }
    }
}

// === impl Usage ===

impl Usage {
    /// The counts under our convention; `None` where what was asked or what was written is not told: nobody
    /// could tell it from nothing.
    pub(crate) fn tokens(&self) -> Option<Tokens> {
        let (all, output) = (self.input_tokens.0?, self.output_tokens.0?);
        let details = self.input_tokens_details.unwrap_or_default();
        let cache_read = details.cached_tokens.or_none();
        let cache_write = details.cache_write_tokens.or_none();
        Some(Tokens {
            input: all.saturating_sub(cache_read).saturating_sub(cache_write),
            cache_read,
            cache_write,
            output,
            reasoning: self.output_tokens_details.unwrap_or_default().reasoning_tokens.or_none(),
        })
    }
}
