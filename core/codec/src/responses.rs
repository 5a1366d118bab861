//! `OpenAI` Responses: what the events of a stream mean
//! (<https://platform.openai.com/docs/api-reference/responses-streaming>).
//!
//! What decides is `data.type`; the `event:` line counts only where there is none. A part of a message
//! is a block, and so is every other item. The last event (`response.completed`, `.incomplete`) is
//! finish and end in one; what was left open it closes, for the whole answer stands in it. Leniency
//! where providers differ, never at the price of a text twice or a call twice:
//!
//! - Items and parts are known by their indexes, for some providers name an item anew with every event.
//!   Others give two items one index: who is added there under another name is known by that.
//! - What comes whole without having come in pieces (`….done`, `output_item.done`, the last event) is
//!   told then, once; of what has come in pieces the rest. A text of which nothing stands there was not
//!   taken back; one that is not what its pieces were is [`Aside::Contradicted`]: some servers lose
//!   pieces of what they have whole.
//! - A second `response.created` before any item is a frame to skip. Behind an item it means that the
//!   provider began the answer again, so it is `Fail`. Behind the end it is a new answer.
//! - A call that is neither done nor in the last event was never closed: the answer is cut.
//! - Unknown events, items and parts ride along. So does a `[DONE]` behind the end; before it, it ends
//!   an answer that is not complete.

pub(crate) mod items;
pub(crate) mod stored;
pub(crate) mod unfold;
pub(crate) mod whole;
pub(crate) mod wire;

use crate::json::{self, Word};
use crate::lazy::Raw;
use crate::{rejection, sse};
use ir::{Aside, BlockKind, Dialect, Event, Events, Finish, ItemEvent, Reason};
pub(crate) use items::BETWEEN;
use items::{Items, Told};
use smallvec::smallvec;
use wire::{Item, Response, Wire};

/// The state of one stream.
#[cfg_attr(test, derive(Clone))]
#[derive(Debug, Default)]
pub(crate) struct Stream {
    /// Events say what was said.
    carry: bool,
    progress: Progress,
    items: Items,
}

/// ```text
/// Idle ──response.created──▶ Started ──an item──▶ Written
///   ▲                           │                    │
///   └────── the last event ─────┴────────────────────┘
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Progress {
    /// Before `response.created`.
    #[default]
    Idle,
    /// After it.
    Started,
    /// An item was begun.
    Written,
}

/// Whether an event of this name is never without data, and no keep-alive.
pub(crate) fn has_data(event: &str) -> bool {
    let named = event.strip_prefix("response.");
    event == "error" || named.is_some_and(|named| !matches!(named, "in_progress" | "queued"))
}

/// The block kind of an item's type. Calls are those that the caller carries out; hosted tools and what
/// they found are something else.
pub(crate) fn item_kind(kind: &str) -> BlockKind {
    match kind {
        "message" => BlockKind::Text,
        "reasoning" => BlockKind::Reasoning,
        "function_call" | "custom_tool_call" | "local_shell_call" | "shell_call"
        | "apply_patch_call" | "computer_call" => BlockKind::Tool,
        _ => BlockKind::Other,
    }
}

/// Whether an answer is incomplete, by the name of its last event and by its own `status`: the worse of
/// the two counts.
pub(crate) fn is_incomplete(named: &str, status: &str) -> bool {
    [named, status].contains(&"incomplete")
}

/// How an answer ended, by its `status` and the reason that is given for an incomplete one. `waits`:
/// calls are in it that the caller is to carry out.
pub(crate) fn finish(status: &str, reason: &str, waits: bool) -> Finish {
    match (status, reason) {
        ("completed", _) if waits => Finish::Tool,
        ("completed", _) => Finish::Stop,
        ("incomplete", "max_output_tokens") => Finish::Length,
        ("incomplete", "content_filter") => Finish::Refusal,
        _ => Finish::Other,
    }
}

/// What an answer with this `status` and this reason is that is none: it failed, or was broken off. What
/// a reason may be, `max_messages` and `steered` among it, is in
/// <https://docs.rs/crate/openai-client-base/0.16.0/source/src/models/object0_21.rs>.
pub(crate) fn broken(
    status: &str,
    reason: &str,
    error: Option<Raw<'_>>,
) -> Option<Box<ir::Rejection>> {
    match (status, reason) {
        ("failed" | "cancelled", _) => Some(fault(status, error)),
        (
            "incomplete",
            "" | "max_output_tokens" | "max_messages" | "content_filter" | "steered",
        ) => None,
        ("incomplete", _) => {
            Some(rejection::said(500, reason, "the provider broke the answer off"))
        }
        _ => None,
    }
}

/// The error of an answer that failed or was cancelled.
pub(crate) fn fault(status: &str, error: Option<Raw<'_>>) -> Box<ir::Rejection> {
    match error.filter(|raw| json::holds(Some(*raw))) {
        Some(error) => {
            let document = format!("{{\"error\":{}}}", error.get());
            rejection::in_band(Dialect::Responses, document.as_bytes())
        }
        // The one who cancelled it knows; nobody is to blame, and nobody else is to be asked.
        None if status == "cancelled" => rejection::said(499, status, "the answer was cancelled"),
        None => rejection::said(500, "server_error", "the provider failed and did not say how"),
    }
}

fn is_known(kind: &str) -> bool {
    matches!(
        kind,
        "response.created"
            | "response.completed"
            | "response.incomplete"
            | "response.output_item.added"
            | "response.output_item.done"
            | "response.content_part.added"
            | "response.content_part.done"
            | "response.output_text.delta"
            | "response.refusal.delta"
            | "response.function_call_arguments.delta"
            | "response.custom_tool_call_input.delta"
    )
}

/// What begins or ends something that whoever goes on has to go on with.
const KEPT: [&str; 7] = [
    "response.created",
    "response.output_item.added",
    "response.output_item.done",
    "response.content_part.added",
    "response.content_part.done",
    "response.reasoning_summary_part.added",
    "response.reasoning_summary_part.done",
];

// === impl Stream ===

impl Stream {
    /// `carry`: what was said goes with the events.
    pub(crate) fn new(carry: bool) -> Self {
        Self { carry, ..Self::default() }
    }

    /// What a frame with these fields means.
    pub(crate) fn events(&mut self, event: &str, data: &str) -> Events {
        if data.trim_ascii() == "[DONE]" {
            let cut = self.progress != Progress::Idle;
            *self = Self::new(self.carry);
            return if cut { smallvec![Event::End] } else { Events::new() };
        }
        if sse::is_hollow(data) && !matches!(event, "error" | "response.failed") {
            return hollow(event);
        }
        if let Some(wire) = json::object_in::<Wire<'_>>(data) {
            return self.meaning(event, data, &wire);
        }
        let tidied = json::tidied(data);
        let tidied = tidied.as_deref();
        if let Some(wire) = tidied.and_then(json::object_in) {
            return self.meaning(event, data, &wire);
        }
        // What is unknown may have any shape; what is known may not.
        let kind = tidied.and_then(json::kind);
        match kind.as_deref().unwrap_or(event) {
            "error" | "response.failed" => fail(error(data)),
            known if is_known(known) => malformed("a known event of another shape"),
            "" if sse::is_keepalive("", data) => smallvec![Event::Noise(sse::KEEPALIVE)],
            "" => malformed("data that is no event"),
            _ if sse::is_torn(data) => malformed("data that is no event"),
            _ => self.unknown(),
        }
    }

    fn meaning(&mut self, event: &str, data: &str, wire: &Wire<'_>) -> Events {
        let kind = wire.kind.as_ref().map_or(event, Word::as_str);
        let mut events = self.said(kind, data, wire);
        // A frame that is left out, or fails, has begun nothing and ended nothing.
        let nothing = |event: &Event| {
            matches!(event, Event::Repeated(_) | Event::Malformed(_) | Event::Fail(_))
        };
        let item = if kind == "response.created" { Some(0) } else { self.items.spoken_of() };
        // Whoever puts the answer together must know which item it is.
        let is_item = matches!(kind, "response.output_item.added" | "response.output_item.done");
        let keeps = is_item || self.carry && KEPT.contains(&kind);
        if keeps && !events.iter().any(nothing) {
            let whole = || wire.kind.as_ref().map_or_else(|| typed(kind, data), |_| data.into());
            let json = if self.carry { whole() } else { Box::default() };
            events.extend(item.map(|item| Event::Aside(Aside::Kept(ItemEvent { item, json }))));
        }
        events
    }

    fn said(&mut self, kind: &str, data: &str, wire: &Wire<'_>) -> Events {
        let Some(named) = kind.strip_prefix("response.") else {
            return match kind {
                "ping" | "keepalive" => smallvec![Event::Ping],
                "error" => fail(error(data)),
                "" if json::holds(wire.error) => fail(error(data)),
                "" => malformed("an event without a type"),
                _ => self.unknown(),
            };
        };
        match named {
            "created" => self.start(wire),
            // Both are said as a matter of course, before any model is at work.
            "in_progress" | "queued" => smallvec![Event::Ping],
            "completed" | "incomplete" => self.end(named, wire),
            "failed" | "cancelled" => {
                let error = wire.response.and_then(Response::read).and_then(|it| it.error);
                fail(fault(named, error))
            }
            _ => self.part(named, wire),
        }
    }

    /// An event of an item.
    fn part(&mut self, named: &str, wire: &Wire<'_>) -> Events {
        let mut told = Told::new(self.carry);
        let read = match named {
            "output_item.added" => self.items.added(wire, &mut told),
            "output_item.done" => self.items.done(wire, &mut told),
            "content_part.added" => self.items.part_added(wire, &mut told),
            "content_part.done" => self.items.part_done(wire, &mut told),
            "output_text.delta" | "refusal.delta" => self.items.text(wire, named, &mut told),
            "output_text.done" | "refusal.done" => self.items.text_done(wire, named, &mut told),
            "reasoning_summary_text.delta" | "reasoning_text.delta" => {
                self.items.thought(wire, named, &mut told)
            }
            "reasoning_summary_text.done" | "reasoning_text.done" => {
                self.items.thought_done(wire, named, &mut told)
            }
            "function_call_arguments.delta" | "custom_tool_call_input.delta" => {
                self.items.arguments(wire, &mut told)
            }
            "function_call_arguments.done" | "custom_tool_call_input.done" => {
                self.items.arguments_done(wire, &mut told)
            }
            "output_text.annotation.added" => {
                told.aside(Aside::Native("output[].content[].annotations[]"));
                Ok(())
            }
            _ => {
                if !self.items.elsewhere(wire, &mut told) {
                    return self.unknown();
                }
                Ok(())
            }
        };
        match read {
            Ok(()) => {
                if !self.items.is_empty() {
                    self.progress = Progress::Written;
                }
                told.events
            }
            Err(odd) => smallvec![odd.event()],
        }
    }

    /// It rides along, and where it cannot, it is named.
    fn unknown(&self) -> Events {
        let aside = self.carry.then_some(Event::Aside(Aside::Native("an unknown event")));
        aside.into_iter().collect()
    }

    fn start(&mut self, wire: &Wire<'_>) -> Events {
        let Some(response) = wire.response.and_then(Response::read) else {
            return malformed("response.created without its response");
        };
        match self.progress {
            Progress::Idle => {}
            Progress::Started => return smallvec![Event::Repeated("a second response.created")],
            Progress::Written => {
                *self = Self::new(self.carry);
                let said = "the provider began the answer again (a second response.created)";
                return fail(rejection::said(500, "", said));
            }
        }
        self.progress = Progress::Started;
        smallvec![Event::Start(Some(Box::new(response.envelope())))]
    }

    /// The last event, by its name; what the answer says of itself counts where that is worse.
    fn end(&mut self, named: &str, wire: &Wire<'_>) -> Events {
        let Some(response) = wire.response.and_then(Response::read) else {
            return malformed("the last event without its response");
        };
        let reason = response.reason();
        let status = response.status.as_ref().map_or(named, Word::as_str);
        if let Some(fault) = broken(status, &reason, response.error) {
            return fail(fault);
        }
        if matches!(status, "in_progress" | "queued") {
            let said = "the provider ended an answer that is not complete";
            return fail(rejection::said(500, "server_error", said));
        }
        let incomplete = is_incomplete(named, status);
        let status = if incomplete { "incomplete" } else { named };
        let mut told = Told::ending(self.carry, incomplete);
        if let Some(tokens) = response.usage.as_ref().and_then(wire::Usage::tokens) {
            told.events.push(Event::Usage(tokens));
        }
        let output = response.output();
        let output = output.as_deref().unwrap_or_default();
        if let Err(odd) = self.items.complete(output, &mut told) {
            return smallvec![odd.event()];
        }
        // A call that the limit cut is part of what there is of the answer.
        self.items.close(incomplete, &mut told);
        let waits = self.items.waits() || whole::waits(output);
        let why = finish(status, &reason, waits);
        let word = Reason { word: reason.into(), ..Reason::default() };
        let spelled = self.carry.then(|| Box::new(word));
        told.events.push(Event::Finish(why, spelled));
        told.events.push(Event::End);
        *self = Self::new(self.carry);
        told.events
    }
}

/// Whether an item shows anything: text, reasoning that can be read, a call, what a tool found.
pub(crate) fn is_content(item: &Item<'_>) -> bool {
    match item_kind(item.kind()) {
        BlockKind::Text => item.parts().iter().any(|part| json::holds(part.said())),
        BlockKind::Reasoning => item.thoughts().iter().any(|part| json::holds(part.said())),
        BlockKind::Tool | BlockKind::Other => true,
    }
}

/// The data of an event that only its name said the type of, with that type.
fn typed(kind: &str, data: &str) -> Box<str> {
    let rest = data.trim_ascii_start().strip_prefix('{').unwrap_or_default();
    format!(r#"{{"type":"{kind}",{rest}"#).into()
}

/// What an event means that says nothing. Clients look for its type in its data.
fn hollow(event: &str) -> Events {
    match event {
        "ping" | "keepalive" => smallvec![Event::Ping],
        lost if has_data(lost) => malformed("an event that has lost its data"),
        _ => smallvec![Event::Noise(sse::KEEPALIVE)],
    }
}

fn error(data: &str) -> Box<ir::Rejection> {
    rejection::in_band(Dialect::Responses, data.as_bytes())
}

fn fail(rejection: Box<ir::Rejection>) -> Events {
    smallvec![Event::Fail(rejection)]
}

fn malformed(reason: &'static str) -> Events {
    smallvec![Event::Malformed(reason)]
}
