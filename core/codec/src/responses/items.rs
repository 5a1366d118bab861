//! `OpenAI` Responses: the items of an answer's output while they come.
//!
//! **Invariant:** what was said of an item and of a part in pieces is not said again when they come
//! whole. What is said only then is said, as one more piece, for which a part that was closed without a
//! word is opened once more; a text that is not what its pieces were is [`Aside::Contradicted`].

use super::item_kind;
use super::wire::{Item, Part, Wire};
use crate::json;
use crate::lazy::Raw;
use ir::{Aside, Block, BlockKind, Event, Events, ItemEvent, Opening, Piece};
use known::{Known, Place, Wording};
use named::Names;
use std::collections::BTreeMap;

mod heard;
mod implied;
mod known;
mod last;
mod named;
mod thoughts;

/// The items of one answer by their numbers: their `output_index`, where that is nobody else's.
#[cfg_attr(test, derive(Clone))]
#[derive(Debug, Default)]
pub(crate) struct Items {
    known: BTreeMap<u32, Known>,
    /// Their numbers by hashes of their ids: the first, where several have one.
    ids: BTreeMap<u64, u32>,
    /// The item of an event that is being read.
    spoken_of: Option<u32>,
    /// Parts of all of them.
    parts: usize,
    /// Calls that the caller is to carry out …
    calls: usize,
    /// … unless their results are in the answer.
    results: usize,
    /// Of the texts that begin from here on.
    whole: Wording,
}

/// Events that are being told.
#[derive(Debug)]
pub(crate) struct Told {
    carry: bool,
    /// By the end of an answer that is incomplete: a filter may have shortened a text after it was said.
    cut: bool,
    pub(crate) events: Events,
}

/// A frame that tells nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Odd {
    /// It says again what was said; what.
    Repeated(&'static str),
    /// It should be readable and is not; the reason.
    Malformed(&'static str),
}

/// Both indexes of a block fit into 16 bits each.
const INDEX_MAX: u32 = 0xFFFF;

/// Parts of all items that are kept: a limit on everything.
const PARTS_MAX: usize = 64 << 10;

const NO_MESSAGE: Odd = Odd::Malformed("a text in an item that is no message");

/// An empty line, as the inside of a JSON string: what stands between two parts of a summary.
pub(crate) const BETWEEN: &str = "\\n\\n";

fn block(kind: BlockKind, item: u32, part: u32) -> Block {
    Block { kind, index: item << 16 | part }
}

fn filled(raw: Raw<'_>) -> bool {
    json::holds(Some(raw))
}

// === impl Odd ===

impl Odd {
    pub(crate) fn event(self) -> Event {
        match self {
            Self::Repeated(what) => Event::Repeated(what),
            Self::Malformed(reason) => Event::Malformed(reason),
        }
    }
}

// === impl Told ===

impl Told {
    pub(crate) fn new(carry: bool) -> Self {
        Self { carry, cut: false, events: Events::new() }
    }

    /// The same, by the last event.
    pub(crate) fn ending(carry: bool, incomplete: bool) -> Self {
        Self { cut: incomplete, ..Self::new(carry) }
    }

    pub(crate) fn aside(&mut self, aside: Aside) {
        if self.carry {
            self.events.push(Event::Aside(aside));
        }
    }

    /// What was told in pieces is not what comes whole: once for a frame.
    fn contradicted(&mut self) {
        let aside = Event::Aside(Aside::Contradicted);
        if self.carry && !self.events.contains(&aside) {
            self.events.push(aside);
        }
    }

    /// Something began without an event of its own.
    fn began(&mut self, item: u32, event: impl FnOnce() -> String) {
        if self.carry {
            let event = ItemEvent { item, json: event().into() };
            self.events.push(Event::Aside(Aside::Kept(event)));
        }
    }

    fn open(&mut self, block: Block, opening: impl FnOnce() -> Option<Opening>) {
        let opening = if self.carry { opening() } else { None };
        self.events.push(Event::Open(block, opening.map(Box::new)));
    }

    fn piece(&mut self, block: Block, piece: impl FnOnce() -> Piece) {
        let piece = if self.carry { piece() } else { Piece::Unread };
        self.events.push(Event::Delta(block, piece));
    }
}

// === impl Items ===

impl Items {
    /// Nothing of an answer has come.
    pub(crate) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Whether the caller is to carry out any of the calls.
    pub(crate) fn waits(&self) -> bool {
        self.results < self.calls
    }

    /// `output_item.added`.
    pub(crate) fn added(&mut self, wire: &Wire<'_>, told: &mut Told) -> Result<(), Odd> {
        let item = wire.item.and_then(Item::read);
        let item = item.ok_or(Odd::Malformed("output_item.added without its item"))?;
        let index = self.begins(wire, &item)?;
        self.spoken_of = Some(index);
        self.begin(index, &item, told);
        Ok(())
    }

    fn begin(&mut self, index: u32, item: &Item<'_>, told: &mut Told) {
        let kind = item_kind(item.kind());
        let place = block(kind, index, 0);
        match kind {
            BlockKind::Text => {}
            BlockKind::Reasoning => {
                told.open(place, || None);
                told.events.push(Event::Progress);
            }
            BlockKind::Tool => told.open(place, || Some(Opening::Call(item.call()))),
            BlockKind::Other => told.open(place, || Some(Opening::Native(item.kind().into()))),
        }
        if kind == BlockKind::Other {
            self.whole = Wording::Edited;
        }
        self.know(index, Names::of(item), kind);
    }

    /// `output_item.done`.
    pub(crate) fn done(&mut self, wire: &Wire<'_>, told: &mut Told) -> Result<(), Odd> {
        let item = wire.item.and_then(Item::read);
        let item = item.ok_or(Odd::Malformed("output_item.done without its item"))?;
        let (names, kind) = (Names::of(&item), item_kind(item.kind()));
        let index = self.is_done(wire, names, kind)?;
        self.spoken_of = Some(index);
        match self.known.get(&index) {
            Some(known) if known.kind != kind || known.done && known.names.is_other(names) => {
                return Err(Odd::Malformed("an item that became another"));
            }
            Some(known) if known.done => {
                return Err(Odd::Repeated("output_item.done of an item that is done"));
            }
            Some(_) => {}
            None => self.begin(index, &item, told),
        }
        self.finish(index, &item, told);
        Ok(())
    }

    /// Takes an item as a whole: what of it was not told is told, and it is closed.
    fn finish(&mut self, index: u32, item: &Item<'_>, told: &mut Told) {
        let Some(known) = self.known.get_mut(&index) else { return };
        let place = block(known.kind, index, 0);
        match known.kind {
            BlockKind::Text => self.parts += known.message(index, &item.parts(), told),
            BlockKind::Reasoning => {
                for part in item.thoughts().iter().filter(|_| !known.said) {
                    let Some(raw) = part.said().filter(|raw| filled(*raw)) else { continue };
                    told.piece(place, || {
                        Piece::Thinking(json::inside(raw).unwrap_or_default().into())
                    });
                }
                if let Some(sealed) = item.sealed() {
                    let sealed = Aside::Sealed(place, sealed.into());
                    told.events.push(Event::Aside(sealed));
                }
                // It thought, whether it shows that or not.
                told.events.push(Event::Progress);
            }
            BlockKind::Tool => {
                self.calls += 1;
                known.call_whole(index, item.arguments(), told);
            }
            BlockKind::Other => {
                self.results += usize::from(is_result(item.kind()));
                told.piece(place, || Piece::Native("output[]"));
            }
        }
        if std::mem::take(&mut known.open) {
            told.events.push(Event::Close(place));
        }
        known.done = true;
        // That it is done is all that is asked of it from now on.
        self.parts = self.parts.saturating_sub(std::mem::take(&mut known.parts).len());
    }

    /// `content_part.added`.
    pub(crate) fn part_added(&mut self, wire: &Wire<'_>, told: &mut Told) -> Result<(), Odd> {
        let part = wire.part.and_then(Part::read);
        let part = part.ok_or(Odd::Malformed("content_part.added without its part"))?;
        let Some((index, place)) = self.place(wire, part.is_text(), told)? else { return Ok(()) };
        let known = self.message(index)?;
        if known.parts.contains_key(&place) {
            return Err(Odd::Repeated("content_part.added of a part that is there"));
        }
        self.parts += known.part_begun(index, place, &part, told);
        Ok(())
    }

    /// `content_part.done`.
    pub(crate) fn part_done(&mut self, wire: &Wire<'_>, told: &mut Told) -> Result<(), Odd> {
        let part = wire.part.and_then(Part::read);
        let part = part.ok_or(Odd::Malformed("content_part.done without its part"))?;
        let Some((index, place)) = self.place_ended(wire, part.is_text(), told)? else {
            let text = part.is_text() && json::holds(part.said());
            return if text { Err(NO_MESSAGE) } else { Ok(()) };
        };
        let known = self.message(index)?;
        let place = known.resolved(place, |_| true);
        if known.is_closed(place) {
            return Err(Odd::Repeated("content_part.done of a part that is done"));
        }
        self.parts += known.part_whole(index, place, &part, told);
        Ok(())
    }

    /// `output_text.delta` and `refusal.delta`.
    pub(crate) fn text(
        &mut self,
        wire: &Wire<'_>,
        named: &str,
        told: &mut Told,
    ) -> Result<(), Odd> {
        let raw = wire.piece().map_err(Odd::Malformed)?;
        let (index, place) = self.place(wire, true, told)?.ok_or(NO_MESSAGE)?;
        let known = self.message(index)?;
        let place = known.resolved(place, Place::goes_on);
        if known.is_closed(place) {
            return Err(Odd::Malformed("a delta of a part that is done"));
        }
        if known.is_full(place) {
            // It came too late: the whole text had it.
            return Ok(());
        }
        let new = known.say(index, place, (raw, named == "refusal.delta"), told);
        self.implied(wire, (index, place), new, told);
        Ok(())
    }

    /// `output_text.done` and `refusal.done`: all of the text, once more.
    pub(crate) fn text_done(
        &mut self,
        wire: &Wire<'_>,
        named: &str,
        told: &mut Told,
    ) -> Result<(), Odd> {
        let Some(raw) = wire.whole().filter(|raw| filled(*raw)) else { return Ok(()) };
        let (index, place) = self.place_ended(wire, true, told)?.ok_or(NO_MESSAGE)?;
        let known = self.message(index)?;
        let place = known.resolved(place, |part| part.may_be(raw));
        let new = known.say_whole(index, place, (Some(raw), named == "refusal.done"), told);
        self.implied(wire, (index, place), new, told);
        Ok(())
    }

    /// Counts `new` parts, which began by what was said in them.
    fn implied(
        &mut self,
        wire: &Wire<'_>,
        (index, place): (u32, u32),
        new: usize,
        told: &mut Told,
    ) {
        self.parts += new;
        if new != 0 {
            told.began(index, || implied::part(wire, index, place));
        }
    }

    /// A piece of a call's arguments.
    pub(crate) fn arguments(&mut self, wire: &Wire<'_>, told: &mut Told) -> Result<(), Odd> {
        let raw = wire.piece().map_err(Odd::Malformed)?;
        let index = self.goes_on(wire, Some(BlockKind::Tool))?;
        let known = self.known.get_mut(&index).filter(|known| known.kind == BlockKind::Tool);
        let known = known.ok_or(Odd::Malformed("a piece of a call that never began"))?;
        if known.done {
            return Err(Odd::Malformed("a piece of a call that is done"));
        }
        known.call(index, raw, told);
        Ok(())
    }

    /// All of a call's arguments, once more.
    pub(crate) fn arguments_done(&mut self, wire: &Wire<'_>, told: &mut Told) -> Result<(), Odd> {
        let index = self.ends(wire, BlockKind::Tool)?;
        let open = |known: &&mut Known| known.kind == BlockKind::Tool && !known.done;
        if let Some(known) = self.known.get_mut(&index).filter(open) {
            known.call_whole(index, wire.whole(), told);
        }
        Ok(())
    }

    /// Any other event of an item: a call that is written, or a tool of the provider at work. False
    /// where it is of no item that we know.
    pub(crate) fn elsewhere(&mut self, wire: &Wire<'_>, told: &mut Told) -> bool {
        let Ok(index) = self.goes_on(wire, None) else { return false };
        let Some(known) = self.known.get_mut(&index).filter(|known| !known.done) else {
            return false;
        };
        self.spoken_of = Some(index);
        match known.kind {
            BlockKind::Tool if wire.delta.is_some_and(filled) => {
                known.said = true;
                told.piece(block(BlockKind::Tool, index, 0), || Piece::Native("output[]"));
            }
            BlockKind::Tool | BlockKind::Other | BlockKind::Reasoning => {
                told.events.push(Event::Progress);
            }
            BlockKind::Text => {}
        }
        true
    }

    /// The indexes of a part of a message that goes on; `None` where its item is of another kind. Where
    /// there is no item, one is begun if it is a text.
    fn place(
        &mut self,
        wire: &Wire<'_>,
        is_text: bool,
        told: &mut Told,
    ) -> Result<Option<(u32, u32)>, Odd> {
        let kind = is_text.then_some(BlockKind::Text);
        let index = self.goes_on(wire, kind)?;
        Ok(self.placed_at(index, wire, is_text, told))
    }

    /// The same of a part that ends.
    fn place_ended(
        &mut self,
        wire: &Wire<'_>,
        is_text: bool,
        told: &mut Told,
    ) -> Result<Option<(u32, u32)>, Odd> {
        if !is_text {
            return self.place(wire, is_text, told);
        }
        let index = self.ends(wire, BlockKind::Text)?;
        Ok(self.placed_at(index, wire, is_text, told))
    }

    fn placed_at(
        &mut self,
        index: u32,
        wire: &Wire<'_>,
        is_text: bool,
        told: &mut Told,
    ) -> Option<(u32, u32)> {
        self.spoken_of = Some(index);
        // Where that is counted up with every event, it is of the part that is open.
        let part = wire.content_index.unwrap_or(0).min(INDEX_MAX);
        if is_text && !self.known.contains_key(&index) {
            self.implies(index, wire, BlockKind::Text);
            told.began(index, || implied::item(wire, index));
        }
        let known = self.known.get(&index);
        known.filter(|it| it.kind == BlockKind::Text).map(|_| (index, part))
    }

    /// The message with this index, which goes on.
    fn message(&mut self, index: u32) -> Result<&mut Known, Odd> {
        if PARTS_MAX <= self.parts {
            return Err(Odd::Malformed("too many parts"));
        }
        let known = self.known.get_mut(&index).filter(|known| !known.done);
        known.ok_or(Odd::Malformed("a part of an item that is done"))
    }
}

/// Whether an item is what came of a call: one that its provider carried out.
pub(super) fn is_result(kind: &str) -> bool {
    matches!(
        kind,
        "function_call_output"
            | "custom_tool_call_output"
            | "local_shell_call_output"
            | "shell_call_output"
            | "apply_patch_call_output"
            | "computer_call_output"
    )
}
