//! `OpenAI` Chat Completions: what the chunks of a stream mean
//! (<https://platform.openai.com/docs/api-reference/chat-streaming>).
//!
//! The protocol has no block borders; they are drawn here. Text and reasoning of a choice follow
//! one another, so a piece of another kind closes the block before it. Tool calls may interleave:
//! they stay open until the choice has its `finish_reason`. Leniency where compatible servers
//! differ:
//!
//! - A tool call without `index` is known by its `id`, or, where it has neither, continues the last
//!   one unless it brings a name. One with an `index` in use but another `id` and a name is a new
//!   call.
//! - `finish_reason: "stop"` after tool calls is [`Finish::Tool`].
//! - Fewer choices than were asked for, each of them finished, are a finished answer at `[DONE]`.
//! - Finish reasons that mean a fault of the provider (`error`, `network_error`) are `Fail`, never
//!   an end.

pub(crate) mod calls;
pub(crate) mod read;
pub(crate) mod unfold;
pub(crate) mod whole;
pub(crate) mod wire;
pub(crate) mod write;

use crate::head::CHOICES_MAX;
use crate::{broken, json, rejection, sse};
use calls::{CALLS_MAX, Calls};
use ir::{
    Aside, Block, BlockKind, Dialect, Event, Events, Finish, Opening, Piece, Reason, Rejection,
};
use smallvec::smallvec;
use std::collections::BTreeMap;
use wire::{Chunk, Content, Delta};

/// The state of one stream.
#[cfg_attr(test, derive(Clone))]
#[derive(Debug)]
pub(crate) struct Stream {
    /// How many choices were asked for.
    wanted: usize,
    /// Events say what was said.
    carry: bool,
    started: bool,
    /// The answer's finish was told.
    told: bool,
    choices: BTreeMap<u32, Choice>,
}

/// The state of one choice.
#[cfg_attr(test, derive(Clone))]
#[derive(Debug, Default)]
struct Choice {
    /// The open block that is not a tool call.
    current: Option<BlockKind>,
    /// What was told beside tool calls.
    told: Content,
    /// Readable reasoning came in a field of its own.
    thought: bool,
    calls: Calls,
    finish: Option<Finish>,
    /// How the finish was spelled.
    reason: Option<Box<Reason>>,
}

/// Chat's place of a block.
fn block(kind: BlockKind, choice: u32, tool: u32) -> Block {
    Block { kind, index: choice << 16 | tool }
}

/// The meaning of a `finish_reason`, or the fault that it stands for. Beside `OpenAI`'s own words
/// those of compatible servers: Mistral `model_length`, TGI and Together `eos_token` and `eos`, Zhipu
/// `sensitive` (<https://docs.bigmodel.cn/api-reference/模型-api/查询异步结果>).
pub(crate) fn finish(reason: &str, calls: bool) -> Result<Finish, Box<Rejection>> {
    if let Some(fault) = broken::off(reason) {
        return Err(fault);
    }
    Ok(match reason.to_ascii_lowercase().as_str() {
        "stop" | "stop_sequence" | "end_turn" | "eos" | "eos_token" if calls => Finish::Tool,
        "stop" | "stop_sequence" | "end_turn" | "eos" | "eos_token" => Finish::Stop,
        "length" | "max_tokens" | "model_length" => Finish::Length,
        "tool_calls" | "function_call" | "tool_use" => Finish::Tool,
        "content_filter" | "refusal" | "safety" | "sensitive" => Finish::Refusal,
        _ => Finish::Other,
    })
}

// === impl Stream ===

impl Stream {
    /// For this many choices; `carry`: what was said goes with the events.
    pub(crate) fn new(wanted: u32, carry: bool) -> Self {
        let wanted = usize::try_from(wanted.clamp(1, CHOICES_MAX)).unwrap_or(1);
        Self { wanted, carry, started: false, told: false, choices: BTreeMap::new() }
    }

    /// What a frame with these fields means.
    pub(crate) fn events(&mut self, event: &str, data: &str) -> Events {
        if data.trim_ascii() == "[DONE]" {
            return self.done();
        }
        if let Some(chunk) = json::object_in::<Chunk<'_>>(data) {
            return self.meaning(event, data, &chunk);
        }
        match json::tidied(data).as_deref().and_then(json::object_in) {
            Some(chunk) => self.meaning(event, data, &chunk),
            None if event == "error" => fail(event, data),
            None if sse::is_keepalive(event, data) => smallvec![Event::Noise(sse::KEEPALIVE)],
            None => malformed("data that is not a chunk"),
        }
    }

    fn meaning(&mut self, event: &str, data: &str, chunk: &Chunk<'_>) -> Events {
        if event == "error" || chunk.is_error() || chunk.is_raised() {
            fail(event, data)
        } else if chunk.choices().is_none() && sse::is_keepalive("", data) {
            smallvec![Event::Noise(sse::KEEPALIVE)]
        } else {
            self.chunk(data, chunk)
        }
    }

    fn chunk(&mut self, data: &str, chunk: &Chunk<'_>) -> Events {
        // What cannot be read is told before anything of the frame is taken in.
        let pieces = chunk.calls();
        for choice in chunk.choices().into_iter().flatten() {
            if let Err(reason) = self.check(choice, pieces) {
                return malformed(reason);
            }
        }
        let mut events = Events::new();
        if !self.started && chunk.choices().is_some_and(|choices| !choices.is_empty()) {
            self.started = true;
            events.push(Event::Start(self.carry.then(|| Box::new(wire::envelope(data)))));
        }
        for choice in chunk.choices().into_iter().flatten() {
            self.choice(choice, &mut events);
        }
        let inside =
            || chunk.choices().into_iter().flatten().find_map(|choice| choice.usage.as_ref());
        if let Some(tokens) = chunk.usage.as_ref().or_else(inside).and_then(wire::Usage::tokens) {
            events.push(Event::Usage(tokens));
        }
        events
    }

    /// `calls`: how many pieces of tool calls the whole chunk has.
    fn check(&self, wire: &wire::Choice<'_>, calls: usize) -> Result<(), &'static str> {
        let index = wire.index.unwrap_or(0);
        if index >= CHOICES_MAX {
            return Err("a choice out of range");
        }
        let choice = self.choices.get(&index);
        if let Some(delta) = &wire.delta {
            Self::check_delta(choice, delta, calls)?;
        }
        wire.message.as_ref().map_or(Ok(()), |message| Self::check_message(choice, wire, message))
    }

    fn check_delta(
        choice: Option<&Choice>,
        delta: &Delta<'_>,
        calls: usize,
    ) -> Result<(), &'static str> {
        let known = choice.map_or(0, |choice| choice.calls.count());
        if calls > 0 && known.saturating_add(calls) > CALLS_MAX {
            return Err("too many tool calls");
        }
        delta.check()?;
        let mut begun: Vec<Option<u32>> = Vec::new();
        for call in delta.calls() {
            let known = choice.is_some_and(|choice| choice.calls.knows(&call));
            if !known && !call.names_itself() && !begun.contains(&call.index) {
                return Err("a piece of a call that never began");
            }
            begun.push(call.index);
        }
        Ok(())
    }

    /// A message is no loss where it says once more what was said: some end a stream so
    /// (<https://github.com/ENTERPILOT/GoModel/pull/1068>), some have it beside the delta. What was not
    /// told of its kinds is told nowhere else; and where nothing stands beside it, it may be a piece.
    fn check_message(
        choice: Option<&Choice>,
        wire: &wire::Choice<'_>,
        message: &Delta<'_>,
    ) -> Result<(), &'static str> {
        message.check()?;
        let (mut told, mut calls) = (Content::default(), 0usize);
        if let Some(choice) = choice.filter(|_| wire.delta.is_some() || wire.reason().is_some()) {
            told.add(choice.told);
            calls = choice.calls.count();
        }
        if let Some(delta) = &wire.delta {
            told.add(delta.shown());
            calls = calls.saturating_add(delta.calls().count());
        }
        let again = told.has(message.shown()) && message.calls_whole() <= calls;
        if again { Ok(()) } else { Err("a message in the place of a delta") }
    }

    fn choice(&mut self, wire: &wire::Choice<'_>, events: &mut Events) {
        let index = wire.index.unwrap_or(0);
        let choice = self.choices.entry(index).or_default();
        if let Some(delta) = &wire.delta {
            choice.delta(index, delta, self.carry, events);
        }
        if self.carry && wire.logprobs.is_some() {
            events.push(Event::Aside(Aside::Native("choices[].logprobs")));
        }
        if let Some(reason) = wire.reason() {
            match finish(reason, choice.calls.count() > 0) {
                Ok(finish) => {
                    choice.close(index, finish, events);
                    let spelled = || Reason { word: reason.into(), ..Reason::default() };
                    choice.reason = self.carry.then(|| Box::new(spelled()));
                }
                Err(rejection) => events.push(Event::Fail(rejection)),
            }
            // One that nobody asked for ends nothing while those before it go on.
            let asked = self.choices.values().take(self.wanted);
            if asked.filter(|choice| choice.finish.is_some()).count() >= self.wanted {
                self.tell(events);
            }
        }
    }

    fn done(&mut self) -> Events {
        let mut events = Events::new();
        if self.choices.values().all(|choice| choice.finish.is_some()) {
            self.tell(&mut events);
        }
        events.push(Event::End);
        events
    }

    /// Tells the finish, once: the first choice's.
    fn tell(&mut self, events: &mut Events) {
        let choice = self.choices.values().find(|choice| choice.finish.is_some());
        if let Some(choice) = choice.filter(|_| !self.told) {
            self.told = true;
            events.extend(choice.finish.map(|it| Event::Finish(it, choice.reason.clone())));
        }
    }
}

// === impl Choice ===

impl Choice {
    fn delta(&mut self, index: u32, delta: &Delta<'_>, carry: bool, events: &mut Events) {
        let shown = delta.shown();
        self.told.add(shown);
        for (kind, filled) in [
            (BlockKind::Reasoning, shown.reasoning),
            (BlockKind::Text, shown.text),
            (BlockKind::Other, shown.other),
        ] {
            if filled {
                self.switch(Some(kind), index, events);
                let block = block(kind, index, 0);
                if carry {
                    let pieces = delta.said(kind, self.thought);
                    self.thought |= delta.thinks();
                    events.extend(pieces.into_iter().map(|piece| Event::Delta(block, piece)));
                } else {
                    events.push(Event::Delta(block, Piece::Unread));
                }
            }
        }
        if carry && json::holds(delta.annotations) {
            events.push(Event::Aside(Aside::Native("choices[].message.annotations")));
        }
        for call in delta.calls() {
            let (tool, new) = self.calls.place(&call);
            let block = block(BlockKind::Tool, index, tool);
            if new {
                self.switch(None, index, events);
                let opening = carry.then(|| Box::new(Opening::Call(call.said())));
                events.push(Event::Open(block, opening));
            } else if carry && call.says_more() {
                events.push(Event::Aside(Aside::Call(block, Box::new(call.said()))));
            }
            if call.has_arguments() {
                let piece = if carry { call.arguments() } else { Piece::Unread };
                events.push(Event::Delta(block, piece));
            }
        }
    }

    /// Makes this the open block beside the tool calls.
    fn switch(&mut self, kind: Option<BlockKind>, index: u32, events: &mut Events) {
        if self.current == kind {
            return;
        }
        if let Some(before) = self.current {
            events.push(Event::Close(block(before, index, 0)));
        }
        if let Some(kind) = kind {
            events.push(Event::Open(block(kind, index, 0), None));
        }
        self.current = kind;
    }

    fn close(&mut self, index: u32, finish: Finish, events: &mut Events) {
        self.switch(None, index, events);
        for tool in self.calls.close() {
            events.push(Event::Close(block(BlockKind::Tool, index, tool)));
        }
        self.finish = self.finish.or(Some(finish));
    }
}

fn fail(event: &str, data: &str) -> Events {
    smallvec![Event::Fail(rejection::in_frame(Dialect::Chat, event, data))]
}

fn malformed(reason: &'static str) -> Events {
    smallvec![Event::Malformed(reason)]
}
