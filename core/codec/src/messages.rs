//! Anthropic Messages: what the events of a stream mean
//! (<https://docs.claude.com/en/docs/build-with-claude/streaming>).
//!
//! What decides is `data.type`; the `event:` line counts only where there is none. Leniency where
//! providers differ, never at the price of a text twice or a tool call twice:
//!
//! - A second `message_start` before any block is a frame to skip (`Malformed`). After a block it
//!   means that the provider began the answer again: whatever follows would double what was
//!   delivered, so it is `Fail`. After `message_stop` it is a new answer.
//! - A second `content_block_start` or `content_block_stop` of a block is a frame to skip.
//! - A text or thinking delta outside any block is text all the same: its block is opened. Any
//!   other delta outside a block is `Malformed`.
//! - Unknown events, blocks and deltas ride along. An unknown event that has a delta or a block is
//!   `Malformed`: what it says belongs to the answer, and nobody knows where.

pub(crate) mod read;
pub(crate) mod unfold;
pub(crate) mod whole;
pub(crate) mod wire;
pub(crate) mod write;

use crate::{broken, json, rejection, sse};
use ir::{Aside, Block, BlockKind, Dialect, Event, Events, Finish, Piece, Rejection};
use smallvec::smallvec;
use wire::{BlockStart, Delta, Usage, Wire};

/// Why an event is malformed that nobody knows and that says something.
const UNKNOWN: &str = "an unknown event with content";

/// Blocks open at the same time. The protocol has one; a limit on everything.
const OPEN_MAX: usize = 1024;

/// The state of one stream.
#[cfg_attr(test, derive(Clone))]
#[derive(Debug, Default)]
pub(crate) struct Stream {
    /// Events say what was said.
    carry: bool,
    progress: Progress,
    open: Vec<Block>,
    usage: Usage,
}

/// ```text
/// Idle ──message_start──▶ Started ──block──▶ Written
///   ▲                        │                  │
///   └──────message_stop──────┴──────────────────┘
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Progress {
    /// Before `message_start`.
    #[default]
    Idle,
    /// After it.
    Started,
    /// A block was begun.
    Written,
}

/// Whether an event of this name is never without data, and no keep-alive.
pub(crate) fn has_data(event: &str) -> bool {
    is_known(event) && event != "ping"
}

/// The block kind of a `content_block.type`.
pub(crate) fn block_kind(kind: &str) -> BlockKind {
    match kind {
        "text" => BlockKind::Text,
        "thinking" | "redacted_thinking" => BlockKind::Reasoning,
        "tool_use" => BlockKind::Tool,
        _ => BlockKind::Other,
    }
}

/// The meaning of a `stop_reason`
/// (<https://docs.claude.com/en/docs/build-with-claude/handling-stop-reasons>), or the fault that it
/// stands for with compatible servers.
pub(crate) fn finish(reason: &str) -> Result<Finish, Box<Rejection>> {
    if let Some(fault) = broken::off(reason) {
        return Err(fault);
    }
    Ok(match reason {
        "end_turn" | "stop_sequence" => Finish::Stop,
        "max_tokens" | "model_context_window_exceeded" => Finish::Length,
        "tool_use" => Finish::Tool,
        "refusal" => Finish::Refusal,
        "pause_turn" => Finish::Pause,
        _ => Finish::Other,
    })
}

fn is_known(kind: &str) -> bool {
    matches!(
        kind,
        "message_start"
            | "content_block_start"
            | "content_block_delta"
            | "content_block_stop"
            | "message_delta"
            | "message_stop"
            | "ping"
            | "error"
    )
}

// === impl Stream ===

impl Stream {
    /// `carry`: what was said goes with the events.
    pub(crate) fn new(carry: bool) -> Self {
        Self { carry, ..Self::default() }
    }

    /// What a frame with these fields means.
    pub(crate) fn events(&mut self, event: &str, data: &str) -> Events {
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
        match kind.as_deref().filter(|kind| !kind.is_empty()).unwrap_or(event) {
            "error" => fail(event, data),
            known if has_data(known) => malformed("a known event of another shape"),
            "" if data.trim_ascii() == "[DONE]" => Events::new(),
            "" if sse::is_keepalive("", data) => smallvec![Event::Noise(sse::KEEPALIVE)],
            "" => malformed("data that is no event"),
            _ if sse::is_torn(data) => malformed("data that is no event"),
            "ping" => smallvec![Event::Ping],
            _ if tidied.is_some_and(wire::is_content) => malformed(UNKNOWN),
            _ if sse::is_hollow(data) => smallvec![Event::Noise(sse::KEEPALIVE)],
            _ => self.unknown(event, data),
        }
    }

    fn meaning(&mut self, event: &str, data: &str, wire: &Wire<'_>) -> Events {
        let kind = wire.kind.as_ref().map_or(event, json::Word::as_str);
        match kind {
            "message_start" => self.start(wire),
            "content_block_start" => match (wire.index, &wire.content_block) {
                (Some(index), Some(start)) => self.open(index, start),
                _ => malformed("content_block_start without index or content_block"),
            },
            "content_block_delta" => match (wire.index, &wire.delta) {
                (Some(index), Some(delta)) => self.delta(index, delta),
                _ => malformed("content_block_delta without index or delta"),
            },
            "content_block_stop" => self.close(wire.index),
            "message_delta" => self.message_delta(wire),
            "message_stop" => {
                *self = Self::new(self.carry);
                smallvec![Event::End]
            }
            "ping" => smallvec![Event::Ping],
            "error" => fail(event, data),
            "" if json::holds(wire.error) => fail(event, data),
            "" if sse::is_keepalive("", data) => smallvec![Event::Noise(sse::KEEPALIVE)],
            "" => malformed("an event without a type"),
            _ if wire.is_content() => malformed(UNKNOWN),
            _ if sse::is_hollow(data) => smallvec![Event::Noise(sse::KEEPALIVE)],
            _ => self.unknown(event, data),
        }
    }

    /// It rides along, and where it cannot, it is named. Clients raise at the `event:` line of an error,
    /// whatever its type is.
    fn unknown(&self, event: &str, data: &str) -> Events {
        if event == "error" {
            return fail(event, data);
        }
        let aside = self.carry.then_some(Event::Aside(Aside::Native("an unknown event")));
        aside.into_iter().collect()
    }

    fn start(&mut self, wire: &Wire<'_>) -> Events {
        let Some(message) = &wire.message else {
            return malformed("message_start without message");
        };
        match self.progress {
            Progress::Idle => {}
            Progress::Started => return repeated("a second message_start"),
            Progress::Written => {
                *self = Self::new(self.carry);
                let said = "the provider began the answer again (a second message_start)";
                return smallvec![Event::Fail(rejection::said(500, "", said))];
            }
        }
        self.progress = Progress::Started;
        let mut events: Events =
            smallvec![Event::Start(self.carry.then(|| Box::new(message.said())))];
        if self.carry {
            events.extend(message.aside().map(Event::Aside));
        }
        if let Some(usage) = &message.usage {
            events.extend(self.usage(usage));
        }
        events
    }

    fn open(&mut self, index: u32, start: &BlockStart<'_>) -> Events {
        let Some(kind) = &start.kind else {
            return malformed("content_block_start without a type");
        };
        if self.kind_at(index).is_some() {
            return repeated("content_block_start of an open block");
        }
        if self.open.len() >= OPEN_MAX {
            return malformed("too many open blocks");
        }
        let block = Block { kind: block_kind(kind.as_str()), index };
        self.open.push(block);
        self.progress = Progress::Written;
        let mut events: Events = smallvec![];
        let opening = if self.carry { start.opening(block.kind) } else { None };
        events.push(Event::Open(block, opening.map(Box::new)));
        if block.kind == BlockKind::Other || start.shows() {
            let piece = if self.carry { start.said(block.kind) } else { Piece::Unread };
            events.push(Event::Delta(block, piece));
        }
        events
    }

    fn delta(&mut self, index: u32, delta: &Delta<'_>) -> Events {
        let filled = match delta.piece() {
            Ok(filled) => filled,
            Err(reason) => return malformed(reason),
        };
        let mut events = Events::new();
        let kind = match (self.kind_at(index), delta.kind.as_str()) {
            (Some(kind), _) => kind,
            (None, "text_delta") => self.implied(BlockKind::Text, index, &mut events),
            (None, "thinking_delta" | "signature_delta") => {
                self.implied(BlockKind::Reasoning, index, &mut events)
            }
            (None, _) => return malformed("a delta outside any block"),
        };
        if filled {
            let piece = if self.carry { delta.said(kind) } else { Piece::Unread };
            events.push(Event::Delta(Block { kind, index }, piece));
        } else if kind == BlockKind::Reasoning {
            // Reasoning that is not shown comes as empty pieces: the model works.
            events.push(Event::Progress);
        }
        events
    }

    fn implied(&mut self, kind: BlockKind, index: u32, events: &mut Events) -> BlockKind {
        let block = Block { kind, index };
        if self.open.len() < OPEN_MAX {
            self.open.push(block);
        }
        self.progress = Progress::Written;
        events.push(Event::Open(block, None));
        kind
    }

    fn close(&mut self, index: Option<u32>) -> Events {
        let Some(index) = index else { return malformed("content_block_stop without index") };
        let place = self.open.iter().position(|block| block.index == index);
        match place {
            Some(place) => smallvec![Event::Close(self.open.remove(place))],
            None => repeated("content_block_stop of a block that is not open"),
        }
    }

    fn message_delta(&mut self, wire: &Wire<'_>) -> Events {
        if wire.delta.is_none() && wire.usage.is_none() {
            return malformed("message_delta without delta or usage");
        }
        let mut events = Events::new();
        if let Some(usage) = &wire.usage {
            events.extend(self.usage(usage));
        }
        let Some(delta) = &wire.delta else { return events };
        if self.carry {
            events.extend(delta.aside().map(Event::Aside));
        }
        let reason = delta.stop_reason.as_ref().map(json::Word::as_str);
        if let Some(reason) = reason.filter(|reason| !reason.is_empty()) {
            let spelled = || self.carry.then(|| Box::new(delta.reason()));
            events.push(match finish(reason) {
                Ok(finish) => Event::Finish(finish, spelled()),
                Err(fault) => Event::Fail(fault),
            });
        }
        events
    }

    fn usage(&mut self, usage: &Usage) -> Option<Event> {
        usage.add_to(&mut self.usage);
        self.usage.tokens().map(Event::Usage)
    }

    fn kind_at(&self, index: u32) -> Option<BlockKind> {
        self.open.iter().find(|block| block.index == index).map(|block| block.kind)
    }
}

fn fail(event: &str, data: &str) -> Events {
    smallvec![Event::Fail(rejection::in_frame(Dialect::Messages, event, data))]
}

fn malformed(reason: &'static str) -> Events {
    smallvec![Event::Malformed(reason)]
}

/// Relayed, a doubled event could open, close or run something twice.
fn repeated(what: &'static str) -> Events {
    smallvec![Event::Repeated(what)]
}
