//! `OpenAI` Chat Completions: the JSON of chunks and answers, as far as we look at it.
//!
//! Reasoning is not in the specification; compatible servers call it `reasoning_content`
//! (`DeepSeek`, Qwen, xAI), `reasoning` (vLLM, Groq, `OpenRouter`), `reasoning_details` (`OpenRouter`) or
//! put it in an array of content parts (Mistral).

use super::calls::CALLS_MAX;
use crate::head::CHOICES_MAX;
use crate::json::{self, Few, TokenCount, Type, Word};
use crate::lazy::{self, Raw};
use ir::Tokens;
use serde::Deserialize;
use serde::de::IgnoredAny;

mod said;

pub(crate) use said::envelope;

/// One chunk.
#[derive(Debug, Deserialize)]
pub(crate) struct Chunk<'a> {
    #[serde(borrow)]
    object: Option<Word<'a>>,
    #[serde(borrow)]
    choices: Option<Few<Choice<'a>, { CHOICES_MAX as usize }>>,
    #[serde(default, deserialize_with = "json::lenient")]
    pub(crate) usage: Option<Usage>,
    #[serde(borrow)]
    error: Option<Raw<'a>>,
}

/// One choice of a chunk or of a whole answer.
#[derive(Debug, Deserialize)]
pub(crate) struct Choice<'a> {
    pub(crate) index: Option<u32>,
    #[serde(borrow)]
    pub(crate) delta: Option<Delta<'a>>,
    /// Of a whole answer; in a stream no client looks at it, but for what comes nowhere else.
    #[serde(borrow)]
    pub(crate) message: Option<Delta<'a>>,
    #[serde(borrow)]
    finish_reason: Option<Word<'a>>,
    pub(crate) logprobs: Option<IgnoredAny>,
    /// Moonshot puts it here.
    #[serde(default, deserialize_with = "json::lenient")]
    pub(crate) usage: Option<Usage>,
}

/// A piece of a message, or a whole one.
#[derive(Debug, Deserialize)]
pub(crate) struct Delta<'a> {
    #[serde(borrow)]
    content: Option<Raw<'a>>,
    #[serde(borrow)]
    reasoning_content: Option<Raw<'a>>,
    #[serde(borrow)]
    reasoning: Option<Raw<'a>>,
    #[serde(borrow)]
    reasoning_details: Option<Raw<'a>>,
    #[serde(borrow)]
    refusal: Option<Raw<'a>>,
    #[serde(borrow)]
    audio: Option<Raw<'a>>,
    #[serde(borrow)]
    images: Option<Raw<'a>>,
    #[serde(borrow)]
    pub(crate) annotations: Option<Raw<'a>>,
    #[serde(borrow)]
    tool_calls: Option<Few<Call<'a>, CALLS_MAX>>,
    #[serde(borrow)]
    function_call: Option<Function<'a>>,
}

/// A piece of a tool call.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Call<'a> {
    pub(crate) index: Option<u32>,
    #[serde(borrow)]
    pub(crate) id: Option<Word<'a>>,
    #[serde(borrow)]
    function: Option<Function<'a>>,
    #[serde(borrow)]
    custom: Option<Function<'a>>,
    #[serde(borrow)]
    extra_content: Option<Raw<'a>>,
}

/// What is called, and with what.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Function<'a> {
    #[serde(borrow)]
    name: Option<Raw<'a>>,
    #[serde(borrow)]
    arguments: Option<Raw<'a>>,
    /// Of a custom tool: free text.
    #[serde(borrow)]
    input: Option<Raw<'a>>,
}

/// What is shown. Of a `content`: a string is text, an array has parts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Content {
    pub(crate) text: bool,
    pub(crate) reasoning: bool,
    pub(crate) other: bool,
}

/// Token counts. `prompt_tokens` includes what was read from or written to a cache,
/// `completion_tokens` includes reasoning
/// (<https://platform.openai.com/docs/api-reference/chat/object#chat/object-usage>).
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Usage {
    prompt_tokens: TokenCount,
    completion_tokens: TokenCount,
    total_tokens: TokenCount,
    prompt_tokens_details: Option<PromptDetails>,
    completion_tokens_details: Option<CompletionDetails>,
    /// `DeepSeek`.
    prompt_cache_hit_tokens: TokenCount,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
struct PromptDetails {
    cached_tokens: TokenCount,
    cache_write_tokens: TokenCount,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
struct CompletionDetails {
    reasoning_tokens: TokenCount,
}

/// Parts of one `content`: a limit on everything.
const PARTS_MAX: usize = 1024;

/// A part of a `content` array, of Mistral's `thinking`, or of `reasoning_details`.
#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Word<'a>>,
    #[serde(borrow)]
    text: Option<Raw<'a>>,
    #[serde(borrow)]
    thinking: Option<Raw<'a>>,
    #[serde(borrow)]
    summary: Option<Raw<'a>>,
}

/// Why a delta is malformed whose text is none.
const NO_TEXT: &str = "a delta whose text is not text";

/// Whether a text is there and is none: neither a string nor `null`.
fn no_text(raw: Option<Raw<'_>>) -> bool {
    raw.is_some_and(|raw| !matches!(json::type_of(raw), Type::String | Type::Null))
}

/// The parts of an array; `None` where it has another shape, or too many.
fn parts(raw: Raw<'_>) -> Option<Vec<Part<'_>>> {
    let parts: Few<Part<'_>, PARTS_MAX> = lazy::read(raw.get()).ok()?;
    Some(parts.0)
}

// === impl Chunk ===

impl Chunk<'_> {
    /// Whether it is an error: `{"error":…}`, or vLLM's older `{"object":"error"}`.
    pub(crate) fn is_error(&self) -> bool {
        json::holds(self.error)
            || self.object.as_ref().is_some_and(|object| object.as_str() == "error")
    }

    /// Whether its `error` is a number or `true`: no document, but in a stream clients raise at it.
    pub(crate) fn is_raised(&self) -> bool {
        self.error.is_some_and(|raw| match json::type_of(raw) {
            Type::Number => raw.get().parse() != Ok(0.0),
            Type::Bool => raw.get() == "true",
            Type::Object | Type::Array | Type::String | Type::Null => false,
        })
    }

    /// Its choices; `None` where it has no array of them.
    pub(crate) fn choices(&self) -> Option<&[Choice<'_>]> {
        self.choices.as_ref().map(|Few(choices)| choices.as_slice())
    }

    /// How many pieces of tool calls it has.
    pub(crate) fn calls(&self) -> usize {
        let deltas =
            self.choices().into_iter().flatten().filter_map(|choice| choice.delta.as_ref());
        deltas.map(|delta| delta.calls().count()).sum()
    }
}

// === impl Choice ===

impl Choice<'_> {
    /// Why it finished; some servers spell `null` as a word.
    pub(crate) fn reason(&self) -> Option<&str> {
        let reason = self.finish_reason.as_ref().map(Word::as_str);
        reason.filter(|reason| !matches!(*reason, "" | "null"))
    }
}

// === impl Content ===

impl Content {
    pub(crate) fn add(&mut self, other: Self) {
        self.text |= other.text;
        self.reasoning |= other.reasoning;
        self.other |= other.other;
    }

    /// Whether it has every kind that `other` has.
    pub(crate) fn has(self, other: Self) -> bool {
        (self.text || !other.text)
            && (self.reasoning || !other.reasoning)
            && (self.other || !other.other)
    }
}

// === impl Delta ===

impl<'a> Delta<'a> {
    /// Whether every field that we know has a type that we know.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        let odd = |raw: Option<Raw<'_>>| raw.is_some_and(|raw| json::filled(raw).is_none());
        let array = |raw: &Raw<'_>| json::type_of(*raw) == Type::Array;
        if no_text(self.content.filter(|raw| !array(raw)))
            || no_text(self.refusal)
            || odd(self.reasoning_content)
            || odd(self.reasoning)
        {
            return Err(NO_TEXT);
        }
        let calls = self.tool_calls.iter().flat_map(|Few(calls)| calls);
        let mut functions = calls.flat_map(|call| [&call.function, &call.custom]).flatten();
        if functions.any(|function| odd(function.arguments) || odd(function.input)) {
            return Err("a tool call whose arguments are not text");
        }
        self.content().map(|_| ())
    }

    /// What `content` holds.
    fn content(&self) -> Result<Content, &'static str> {
        let mut content = Content::default();
        let Some(raw) = self.content else { return Ok(content) };
        if json::type_of(raw) != Type::Array {
            content.text = json::holds(Some(raw));
            return Ok(content);
        }
        for part in parts(raw).ok_or("a content array of an unknown shape")? {
            match part.kind() {
                "text" if no_text(part.text) => return Err(NO_TEXT),
                "text" => content.text |= json::holds(part.text),
                "thinking" => content.reasoning |= json::holds(part.thinking),
                _ => content.other = true,
            }
        }
        Ok(content)
    }

    /// What it shows beside tool calls, in any of its fields.
    pub(crate) fn shown(&self) -> Content {
        let any = |fields: &[Option<Raw<'_>>]| fields.iter().copied().any(json::holds);
        let content = self.content().unwrap_or_default();
        let reasoning = [self.reasoning_content, self.reasoning, self.reasoning_details];
        Content {
            text: content.text || json::holds(self.refusal),
            reasoning: content.reasoning || any(&reasoning),
            other: content.other || any(&[self.audio, self.images]),
        }
    }

    /// Whether it says anything.
    pub(crate) fn is_content(&self) -> bool {
        let shown = self.shown();
        shown.text || shown.reasoning || shown.other || self.calls().next().is_some()
    }

    /// How many calls a whole message has; the deprecated `function_call` may be one of them once more.
    pub(crate) fn calls_whole(&self) -> usize {
        let calls = self.tool_calls.as_ref().map_or(0, |Few(calls)| calls.len());
        calls.max(usize::from(self.function_call.is_some()))
    }

    /// Its pieces of tool calls; the deprecated `function_call` is one with the index 0.
    pub(crate) fn calls(&self) -> impl Iterator<Item = Call<'a>> + '_ {
        let function = self.function_call.iter().map(|function| Call {
            index: Some(0),
            id: None,
            function: Some(function.clone()),
            custom: None,
            extra_content: None,
        });
        self.tool_calls.iter().flat_map(|Few(calls)| calls).cloned().chain(function)
    }
}

// === impl Part ===

impl Part<'_> {
    /// Its type, which may be left out.
    fn kind(&self) -> &str {
        self.kind.as_ref().map_or("text", Word::as_str)
    }
}

// === impl Call ===

impl Call<'_> {
    /// Whether it names what is called.
    pub(crate) fn has_name(&self) -> bool {
        self.functions().any(|function| json::holds(function.name))
    }

    /// Whether it has a name or an id: without either nobody could answer it.
    pub(crate) fn names_itself(&self) -> bool {
        self.has_name() || self.id.as_ref().is_some_and(|id| !id.as_str().is_empty())
    }

    /// Whether it brings a piece of the arguments.
    pub(crate) fn has_arguments(&self) -> bool {
        self.functions().any(|function| json::holds(function.text()))
    }

    fn functions(&self) -> impl Iterator<Item = &Function<'_>> {
        self.function.iter().chain(&self.custom)
    }
}

// === impl Function ===

impl<'a> Function<'a> {
    fn text(&self) -> Option<Raw<'a>> {
        self.arguments.or(self.input)
    }
}

// === impl Usage ===

impl Usage {
    /// The counts under our convention; `None` where what was asked or what was written is not told: nobody
    /// could tell it from nothing.
    pub(crate) fn tokens(&self) -> Option<Tokens> {
        let (prompt, completion) = (self.prompt_tokens.0?, self.completion_tokens.0?);
        let prompt_details = self.prompt_tokens_details.unwrap_or_default();
        let completion_details = self.completion_tokens_details.unwrap_or_default();
        let cached = prompt_details.cached_tokens.0;
        let cache_read = cached.unwrap_or_else(|| self.prompt_cache_hit_tokens.or_none());
        let cache_write = prompt_details.cache_write_tokens.or_none();
        let reasoning = completion_details.reasoning_tokens.or_none();
        // xAI counts reasoning beside the completion; the total shows it.
        let apart = prompt.saturating_add(completion).saturating_add(reasoning);
        let output = if self.total_tokens == TokenCount(Some(apart)) || reasoning > completion {
            completion.saturating_add(reasoning)
        } else {
            completion
        };
        let input = prompt.saturating_sub(cache_read).saturating_sub(cache_write);
        Some(Tokens { input, cache_read, cache_write, output, reasoning })
    }
}
