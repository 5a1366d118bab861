//! What a request asks for, read without re-serialising it: the model's place in the bytes and the
//! few fields that decide how it is served.
//!
//! **Invariant:** only what we need is checked. Unknown fields and values are the provider's
//! business and never an error here. What we look at stands there once: of two, another reader might
//! take the other.

use crate::Error;
use crate::json::{self, Type, Word};
use crate::lazy::{self, Raw};
use bytes::Bytes;
use ir::Dialect;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use smallvec::SmallVec;
use std::fmt;
use std::ops::Range;

mod joint;
mod kept;
#[cfg(test)]
mod tests;

pub use kept::Kept;

/// The head of a request; by default that of one without a body.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "what was asked for, each on its own; no state")]
pub struct Head {
    /// The model's name, unescaped.
    pub model: String,
    /// Where its JSON string stands in the body, quotes included.
    pub model_range: Range<usize>,
    /// Asks for server-sent events.
    pub stream: bool,
    /// Offers at least one tool.
    pub tools: bool,
    /// Asks for reasoning: Messages `thinking` other than `disabled`, or `output_config.effort`;
    /// Chat `reasoning_effort` other than `none`; Responses `reasoning`, unless its `effort` is `none`.
    pub thinking: bool,
    /// How many answers (`n` of Chat).
    pub choices: u32,
    /// The limit of the answer's length, where it is a whole number.
    pub max_tokens: Option<u64>,
    /// The stream shall tell its usage. Messages and Responses always do.
    pub include_usage: bool,
    /// Where the value of `stream` stands.
    pub stream_range: Option<Range<usize>>,
    /// Where the value of `stream_options` stands.
    pub stream_options_range: Option<Range<usize>>,
    /// Its whole answer could be asked for as a stream and put together without a loss: Chat has
    /// several answers, audio and custom tools, for which that is not known to hold, and an answer of
    /// Responses that is written in the background is not waited for.
    pub watchable: bool,
    /// Its stream could be gone on with by another attempt: it has one choice, and text is all there is
    /// of it, with no probabilities of it told.
    pub continuable: bool,
    /// Its text is to be a JSON document.
    pub structured: bool,
    /// How long, in bytes, what the model is to read is: messages, system prompt and tools as JSON.
    pub prompt_bytes: usize,
    /// What of it is kept by whom it was told to. Only Responses has any of that.
    pub kept: Kept,
}

/// A request's body as pieces to be sent one after the other.
pub type Pieces = SmallVec<[Bytes; 3]>;

/// How a whole answer is asked for as a stream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Watch {
    /// The stream tells its usage only where it is asked to (`stream_options` of Chat).
    pub ask_usage: bool,
}

/// Model names are remembered, logged and sent back: they have a limit of their own.
const NAME_BYTES_MAX: usize = 256;

/// What asks a stream of Chat for its usage.
const USAGE: &[u8] = br#"{"include_usage":true}"#;

/// The largest `n` that Chat Completions takes
/// (<https://platform.openai.com/docs/api-reference/chat/create>).
pub(crate) const CHOICES_MAX: u32 = 128;

/// Reads the head of a request's body.
///
/// ```
/// let body = br#"{"model":"gpt-5.4","messages":[],"stream":true}"#;
/// let head = codec::read_head(ir::Dialect::Chat, body)?;
/// assert_eq!((head.model.as_str(), head.stream), ("gpt-5.4", true));
/// # Ok::<(), codec::Error>(())
/// ```
pub fn read_head(dialect: Dialect, body: &[u8]) -> Result<Head, Error> {
    let text = std::str::from_utf8(body)
        .map_err(|error| Error::NotUtf8 { offset: error.valid_up_to() })?;
    if let Some(fields) = lazy::quickly::<Fields<'_>>(text) {
        return fields.head(dialect, text);
    }
    if json::too_deep(body) {
        return Err(Error::TooDeep { limit: json::DEPTH_MAX });
    }
    if json::first(body) != Some(b'{') {
        let raw: Raw<'_> = serde_json::from_str(text).map_err(|error| not_json(&error))?;
        return Err(Error::NotObject { found: json::type_of(raw).name() });
    }
    let fields: Fields<'_> = serde_json::from_str(text).map_err(|error| not_json(&error))?;
    fields.head(dialect, text)
}

fn not_json(error: &serde_json::Error) -> Error {
    let full = error.to_string();
    // The position is said in fields of its own.
    let what = full.split(" at line ").next().unwrap_or(&full).to_owned();
    Error::NotJson { line: error.line(), column: error.column(), what }
}

/// The members that we look at, untouched.
#[derive(Default)]
struct Fields<'a> {
    model: Option<Raw<'a>>,
    stream: Option<Raw<'a>>,
    messages: Option<Raw<'a>>,
    system: Option<Raw<'a>>,
    tools: Option<Raw<'a>>,
    functions: Option<Raw<'a>>,
    thinking: Option<Raw<'a>>,
    output_config: Option<Raw<'a>>,
    reasoning_effort: Option<Raw<'a>>,
    n: Option<Raw<'a>>,
    max_tokens: Option<Raw<'a>>,
    max_completion_tokens: Option<Raw<'a>>,
    stream_options: Option<Raw<'a>>,
    response_format: Option<Raw<'a>>,
    text: Option<Raw<'a>>,
    include: Option<Raw<'a>>,
    top_logprobs: Option<Raw<'a>>,
    logprobs: Option<Raw<'a>>,
    audio: Option<Raw<'a>>,
    modalities: Option<Raw<'a>>,
    input: Option<Raw<'a>>,
    instructions: Option<Raw<'a>>,
    reasoning: Option<Raw<'a>>,
    max_output_tokens: Option<Raw<'a>>,
    previous_response_id: Option<Raw<'a>>,
    conversation: Option<Raw<'a>>,
    background: Option<Raw<'a>>,
    /// The first that is there twice.
    twice: Option<&'static str>,
}

// === impl Head ===

impl Head {
    /// The body with another model's name in its place and, to be watched, asking for a stream.
    /// Nothing else changes, nothing is copied. Where there is nothing to change the body is
    /// untouched.
    ///
    /// `body` must be the one that the head was read from.
    pub fn splice(&self, body: &Bytes, model: &str, watch: Option<Watch>) -> Pieces {
        let mut edits: SmallVec<[(Range<usize>, Bytes); 1]> = SmallVec::new();
        if model != self.model {
            edits.push((self.model_range.clone(), Bytes::from(json::quoted(model))));
        }
        if let Some(watch) = watch {
            // What is not there yet is put in behind the model's name, which always is.
            let behind = || self.model_range.end..self.model_range.end;
            edits.push(match self.stream_range.clone() {
                Some(range) => (range, Bytes::from_static(b"true")),
                None => (behind(), Bytes::from_static(b",\"stream\":true")),
            });
            if watch.ask_usage {
                edits.push(match self.stream_options_range.clone() {
                    Some(range) => (range, Bytes::from_static(USAGE)),
                    None => (behind(), Bytes::from([&b",\"stream_options\":"[..], USAGE].concat())),
                });
            }
        }
        edits.sort_by_key(|(range, _)| range.start);
        let mut pieces = Pieces::new();
        let mut at = 0;
        for (Range { start, end }, text) in edits {
            let fits = at <= start && start <= end && end <= body.len();
            ir::invariant!(Cd2, fits);
            if fits {
                pieces.push(body.slice(at..start));
                pieces.push(text);
                at = end;
            }
        }
        pieces.push(body.slice(at..));
        pieces
    }
}

// === impl Fields ===

impl<'a> Fields<'a> {
    fn head(self, dialect: Dialect, text: &str) -> Result<Head, Error> {
        if let Some(field) = self.twice {
            return Err(Error::Duplicate { field });
        }
        let place = |raw: Raw<'_>| json::place_in(text, raw);
        let (stream_range, options_range) =
            (self.stream.map(place), self.stream_options.map(place));
        let (model, model_range) = self.model(text)?;
        let messages = match dialect {
            Dialect::Chat | Dialect::Messages => {
                Some(expect(self.messages, "messages", Type::Array, "an array")?)
            }
            // It may go on from an answer that its provider keeps, and say nothing more.
            Dialect::Responses => self.input,
        };
        let stream = self.stream()?;
        let prompt = [messages, self.system, self.instructions, self.tools, self.functions];
        let prompt_bytes = prompt.into_iter().flatten().map(|raw| raw.get().len()).sum();
        let tools = json::holds(self.tools);
        let head = Head {
            model,
            model_range,
            stream,
            tools,
            thinking: false,
            choices: 1,
            max_tokens: self.max_tokens.and_then(read),
            include_usage: true,
            stream_range,
            stream_options_range: options_range,
            watchable: !stream,
            continuable: true,
            structured: false,
            prompt_bytes,
            kept: Kept::default(),
        };
        Ok(match dialect {
            Dialect::Chat => Head {
                tools: tools || json::holds(self.functions),
                thinking: self.asks_for_effort(),
                choices: self.choices()?,
                max_tokens: self.max_completion_tokens.or(self.max_tokens).and_then(read),
                include_usage: self.wants_usage(),
                watchable: !stream && self.is_watchable(),
                continuable: self.is_continuable(),
                structured: self.is_structured(),
                ..head
            },
            Dialect::Messages => {
                Head { thinking: self.thinks(), structured: self.has_format(), ..head }
            }
            Dialect::Responses => {
                let kept = Kept::read(&self)?;
                Head {
                    thinking: self.reasons(),
                    max_tokens: self.max_output_tokens.and_then(read),
                    watchable: !stream && !kept.background,
                    continuable: !kept.background && !kept.elsewhere && !self.tells_odds(),
                    structured: self.has_text_format(),
                    kept,
                    ..head
                }
            }
        })
    }

    fn model(&self, text: &str) -> Result<(String, Range<usize>), Error> {
        let raw = expect(self.model, "model", Type::String, "a string")?;
        let range = json::place_in(text, raw);
        let Word(model) = lazy::read(raw.get()).map_err(|_| {
            // Only half a surrogate pair gets here: everything else failed before.
            let (line, column) = position(text, range.start);
            Error::NotJson { line, column, what: "the model's name is unreadable".to_owned() }
        })?;
        if NAME_BYTES_MAX < model.len() {
            return Err(Error::TooLong { field: "model", limit: NAME_BYTES_MAX });
        }
        Ok((model.into_owned(), range))
    }

    fn stream(&self) -> Result<bool, Error> {
        let Some(raw) = self.stream else { return Ok(false) };
        match json::type_of(raw) {
            Type::Bool => Ok(raw.get() == "true"),
            Type::Null => Ok(false),
            found @ (Type::Object | Type::Array | Type::String | Type::Number) => {
                let found = found.name();
                Err(Error::WrongType { field: "stream", expected: "a boolean", found })
            }
        }
    }

    fn choices(&self) -> Result<u32, Error> {
        let Some(raw) = self.n.filter(|raw| json::type_of(*raw) != Type::Null) else {
            return Ok(1);
        };
        let Some(n) = read::<u64>(raw) else {
            let found = json::type_of(raw).name();
            return Err(Error::WrongType { field: "n", expected: "a whole number", found });
        };
        u32::try_from(n).ok().filter(|n| (1..=CHOICES_MAX).contains(n)).ok_or(Error::OutOfRange {
            field: "n",
            min: 1,
            max: CHOICES_MAX,
            found: n,
        })
    }

    fn asks_for_effort(&self) -> bool {
        self.reasoning_effort
            .is_some_and(|raw| json::type_of(raw) != Type::Null && raw.get() != r#""none""#)
    }

    fn thinks(&self) -> bool {
        #[derive(Deserialize)]
        struct Thinking<'a> {
            #[serde(borrow, rename = "type")]
            kind: Word<'a>,
        }
        #[derive(Deserialize)]
        struct OutputConfig<'a> {
            #[serde(borrow)]
            effort: Option<Raw<'a>>,
        }
        let thinking = self.thinking.and_then(read::<Thinking<'_>>).is_some_and(|thinking| {
            matches!(thinking.kind.as_str(), "enabled" | "adaptive" | "between_tools")
        });
        let effort = self.output_config.and_then(read::<OutputConfig<'_>>);
        thinking || effort.is_some_and(|config| config.effort.is_some())
    }

    /// Without an effort the model reasons as much as it likes.
    fn reasons(&self) -> bool {
        #[derive(Deserialize)]
        struct Reasoning<'a> {
            #[serde(borrow)]
            effort: Option<Raw<'a>>,
        }
        let Some(raw) = self.reasoning.filter(|raw| json::type_of(*raw) != Type::Null) else {
            return false;
        };
        let effort = read::<Reasoning<'_>>(raw).and_then(|reasoning| reasoning.effort);
        effort.is_none_or(|effort| effort.get() != r#""none""#)
    }

    fn wants_usage(&self) -> bool {
        #[derive(Deserialize)]
        struct StreamOptions {
            include_usage: Option<bool>,
        }
        let options = self.stream_options.and_then(read::<StreamOptions>);
        options.and_then(|options| options.include_usage).unwrap_or(false)
    }

    /// What is not known to come whole out of a stream: several answers, audio, custom tools. A
    /// field of an unknown shape may be any of them.
    fn is_watchable(&self) -> bool {
        #[derive(Deserialize)]
        struct Tool<'a> {
            #[serde(borrow, rename = "type")]
            kind: Option<Word<'a>>,
        }
        let is = |raw: Option<Raw<'a>>| raw.filter(|raw| json::type_of(*raw) != Type::Null);
        let tools = is(self.tools).map_or(Some(Vec::new()), read::<Vec<Tool<'_>>>);
        let custom = |tool: &Tool<'_>| tool.kind.as_ref().is_some_and(|it| it.as_str() == "custom");
        let modes = is(self.modalities).map_or(Some(Vec::new()), read::<Vec<Word<'_>>>);
        self.choices() == Ok(1)
            && is(self.audio).is_none()
            && modes.is_some_and(|modes| !modes.iter().any(|mode| mode.as_str() == "audio"))
            && tools.is_some_and(|tools| !tools.iter().any(custom))
    }

    /// The name of a key that we look at, and the place for its value.
    fn place(&mut self, key: &str) -> Option<(&'static str, &mut Option<Raw<'a>>)> {
        Some(match key {
            "model" => ("model", &mut self.model),
            "stream" => ("stream", &mut self.stream),
            "messages" => ("messages", &mut self.messages),
            "system" => ("system", &mut self.system),
            "tools" => ("tools", &mut self.tools),
            "functions" => ("functions", &mut self.functions),
            "thinking" => ("thinking", &mut self.thinking),
            "output_config" => ("output_config", &mut self.output_config),
            "reasoning_effort" => ("reasoning_effort", &mut self.reasoning_effort),
            "n" => ("n", &mut self.n),
            "max_tokens" => ("max_tokens", &mut self.max_tokens),
            "max_completion_tokens" => ("max_completion_tokens", &mut self.max_completion_tokens),
            "stream_options" => ("stream_options", &mut self.stream_options),
            "response_format" => ("response_format", &mut self.response_format),
            "logprobs" => ("logprobs", &mut self.logprobs),
            "audio" => ("audio", &mut self.audio),
            "modalities" => ("modalities", &mut self.modalities),
            "input" => ("input", &mut self.input),
            "instructions" => ("instructions", &mut self.instructions),
            "reasoning" => ("reasoning", &mut self.reasoning),
            "max_output_tokens" => ("max_output_tokens", &mut self.max_output_tokens),
            "previous_response_id" => ("previous_response_id", &mut self.previous_response_id),
            "conversation" => ("conversation", &mut self.conversation),
            "text" => ("text", &mut self.text),
            "include" => ("include", &mut self.include),
            "top_logprobs" => ("top_logprobs", &mut self.top_logprobs),
            "background" => ("background", &mut self.background),
            _ => return None,
        })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Fields::default();
                while let Some(key) = map.next_key::<Word<'de>>()? {
                    let Some((field, place)) = fields.place(key.as_str()) else {
                        json::skip(&mut map)?;
                        continue;
                    };
                    if place.replace(map.next_value()?).is_some() {
                        fields.twice = fields.twice.or(Some(field));
                    }
                }
                Ok(fields)
            }
        }

        deserializer.deserialize_map(Object)
    }
}

/// The value of a field that must be there and of this type.
fn expect<'a>(
    raw: Option<Raw<'a>>,
    field: &'static str,
    wanted: Type,
    expected: &'static str,
) -> Result<Raw<'a>, Error> {
    let raw = raw.ok_or(Error::Missing { field })?;
    let found = json::type_of(raw);
    if found == wanted {
        return Ok(raw);
    }
    Err(Error::WrongType { field, expected, found: found.name() })
}

/// A value as `T`, where it is one.
fn read<'a, T: Deserialize<'a>>(raw: Raw<'a>) -> Option<T> {
    lazy::read(raw.get()).ok()
}

/// Line and column, from 1, of a byte.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.as_bytes().get(..offset).unwrap_or_default();
    let line = memchr::memchr_iter(b'\n', before).count().saturating_add(1);
    let start = memchr::memrchr(b'\n', before).map_or(0, |at| at.saturating_add(1));
    (line, offset.saturating_sub(start).saturating_add(1))
}
