//! `OpenAI` Responses: what an answer that is kept says of itself, and a stream of it that is taken up
//! in its middle.

use super::finish;
use super::wire::{Item, Response, Wire};
use crate::json::{self, Word};
use ir::{Block, BlockKind, Envelope, Event, Events, Piece};

/// Who answers in a whole answer; its id is what later requests name it by.
pub(crate) fn envelope(body: &[u8]) -> Option<Envelope> {
    json::object::<Response<'_>>(body).map(|response| response.envelope())
}

/// What was sealed in a whole answer: the insides of JSON strings.
pub(crate) fn seals(body: &[u8]) -> Vec<Box<str>> {
    let output = json::object::<Response<'_>>(body).and_then(|response| response.output());
    let items = output.unwrap_or_default();
    items.iter().filter_map(Item::sealed).map(Into::into).collect()
}

/// A stream of an answer that is kept, perhaps from its middle (`starting_after`). Nothing of it is
/// looked at but its end, and that is as the provider kept it: a failure, too, is what was asked for.
#[cfg_attr(test, derive(Clone))]
#[derive(Debug, Default)]
pub(crate) struct Resumed {
    begun: bool,
}

const ALL: Block = Block { kind: BlockKind::Other, index: 0 };

// === impl Resumed ===

impl Resumed {
    /// What a frame with these fields means.
    pub(crate) fn events(&mut self, event: &str, data: &str) -> Events {
        let mut events = Events::new();
        if !std::mem::replace(&mut self.begun, true) {
            events.push(Event::Open(ALL, None));
        }
        events.push(Event::Delta(ALL, Piece::Unread));
        let wire: Option<Wire<'_>> = json::object_in(data);
        let kind = wire.as_ref().and_then(|wire| wire.kind.as_ref()).map_or(event, Word::as_str);
        let Some(status) = kind.strip_prefix("response.") else { return events };
        if matches!(status, "completed" | "incomplete" | "failed" | "cancelled") {
            self.begun = false;
            events.push(Event::Close(ALL));
            events.push(Event::Finish(finish(status, "", false), None));
            events.push(Event::End);
        }
        events
    }
}
