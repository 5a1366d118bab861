//! `OpenAI` Chat Completions: the chunks of a stream, in the only order there is
//! (<https://platform.openai.com/docs/api-reference/chat-streaming>).
//!
//! **Invariant:** whatever is called in whatever order, what is written is the beginning of a legal
//! stream of one choice: the role first, one finish, at most one chunk of usage, `[DONE]`. All
//! chunks have the same id, time and model.

use crate::crossing::desk::Desk;
use crate::json;
use ir::{Envelope, Tokens};

/// The state of the stream; every method writes what leads from here to where it may be said.
///
/// ```text
///           role                    finish, usage, [DONE]
///   Idle ────────▶ Started ─┐ delta ─────────────────────▶ Over
///                     ▲─────┘         or an error, from any state
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Idle,
    Started,
    Over,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Writer {
    state: State,
    /// Every chunk up to its choices.
    envelope: String,
    /// The same, up to the inside of the first choice's delta.
    opening: String,
    /// What follows the inside of a delta.
    closing: &'static str,
    /// The insides of `id` and `model`, and `created`.
    id: String,
    created: u64,
    model: String,
    include_usage: bool,
}

// === impl Writer ===

impl Writer {
    /// `id` is the inside of a string.
    pub(super) fn new(id: &str, created: u64, model: &str, include_usage: bool) -> Self {
        Self::of(id, created, json::escaped(model), include_usage)
    }

    /// Goes on with a stream that began under this name; `now` where it did not say when.
    pub(super) fn resumed(envelope: &Envelope, now: u64, include_usage: bool) -> Self {
        let Envelope { id, model, created } = envelope;
        let model = model.to_string();
        let writer = Self::of(id, created.unwrap_or(now), model, include_usage);
        Self { state: State::Started, ..writer }
    }

    /// Both are insides of strings.
    fn of(id: &str, created: u64, model: String, include_usage: bool) -> Self {
        // With usage, all chunks but the last say that it is not known yet.
        let closing = if include_usage {
            "},\"finish_reason\":null}],\"usage\":null}\n\n"
        } else {
            "},\"finish_reason\":null}]}\n\n"
        };
        let mut writer = Self {
            state: State::Idle,
            envelope: String::new(),
            opening: String::new(),
            closing,
            id: String::new(),
            created,
            model,
            include_usage,
        };
        writer.named(id, created);
        writer
    }

    pub(super) fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// The answer's id is known, before anything was written.
    pub(super) fn named(&mut self, id: &str, created: u64) {
        if self.state == State::Idle {
            id.clone_into(&mut self.id);
            self.created = created;
            let model = &self.model;
            self.envelope = format!(
                "data: {{\"id\":\"{id}\",\"object\":\"chat.completion.chunk\",\
                 \"created\":{created},\"model\":\"{model}\",\"choices\":["
            );
            self.opening = format!("{}{{\"index\":0,\"delta\":{{", self.envelope);
        }
    }

    /// The name of the stream.
    pub(super) fn envelope(&self) -> Envelope {
        Envelope {
            id: self.id.as_str().into(),
            model: self.model.as_str().into(),
            created: Some(self.created),
        }
    }

    /// The chunk with the role.
    pub(super) fn start(&mut self, desk: &mut Desk) {
        if self.state == State::Idle {
            self.state = State::Started;
            let role = "\"role\":\"assistant\",\"content\":\"\"";
            desk.put(&[&self.opening, role, self.closing]);
        }
    }

    /// A piece of one of the texts; both are insides of strings.
    pub(super) fn text(&mut self, field: &str, raw: &str, desk: &mut Desk) {
        if !raw.is_empty() {
            self.delta(&["\"", field, "\":\"", raw, "\""], desk);
        }
    }

    /// A chunk with this inside its delta.
    pub(super) fn delta(&mut self, inside: &[&str], desk: &mut Desk) {
        if self.is_over() {
            return;
        }
        self.start(desk);
        desk.put(&[&self.opening]);
        desk.put(inside);
        desk.put(&[self.closing]);
    }

    /// The finish, the usage if it was asked for and is known, the end marker. `object` is a member
    /// more of the last chunk, with the comma before it.
    pub(super) fn end(
        &mut self,
        reason: &str,
        tokens: Option<Tokens>,
        object: &str,
        desk: &mut Desk,
    ) {
        if self.is_over() {
            return;
        }
        self.start(desk);
        self.state = State::Over;
        let usage = if self.include_usage { ",\"usage\":null" } else { "" };
        desk.put(&[&self.opening, "},\"finish_reason\":\"", reason, "\"}]", usage]);
        match tokens.filter(|_| self.include_usage) {
            Some(tokens) => {
                let usage = usage_of(tokens);
                desk.put(&["}\n\n", &self.envelope, "],\"usage\":", &usage, object, "}\n\n"]);
            }
            None => desk.put(&[object, "}\n\n"]),
        }
        desk.put(&["data: [DONE]\n\n"]);
    }

    /// Ends the stream with bytes of ours; nothing follows an error.
    pub(super) fn fail(&mut self, error: &[u8], desk: &mut Desk) {
        if !self.is_over() {
            self.state = State::Over;
            desk.bytes(error);
        }
    }

    /// Nothing more.
    pub(super) fn abandon(&mut self) {
        self.state = State::Over;
    }
}

/// The prompt includes the cache here, and the completion includes reasoning
/// (<https://platform.openai.com/docs/api-reference/chat/object#chat/object-usage>).
fn usage_of(tokens: Tokens) -> String {
    let Tokens { input, cache_read, cache_write, output, reasoning } = tokens;
    let prompt = input.saturating_add(cache_read).saturating_add(cache_write);
    let total = prompt.saturating_add(output);
    format!(
        "{{\"prompt_tokens\":{prompt},\"completion_tokens\":{output},\"total_tokens\":{total},\
         \"prompt_tokens_details\":{{\"cached_tokens\":{cache_read},\
         \"cache_write_tokens\":{cache_write}}},\
         \"completion_tokens_details\":{{\"reasoning_tokens\":{reasoning}}}}}"
    )
}
