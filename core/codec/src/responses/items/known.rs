//! One item of an answer's output, and the parts of a message.

use super::heard::{self, Heard, Letters, Whole};
use super::named::Names;
use super::{INDEX_MAX, Told, block, filled};
use crate::json;
use crate::lazy::Raw;
use crate::responses::wire::{Item, Part};
use ir::{BlockKind, Event, Piece};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// What was seen of an item.
#[cfg_attr(test, derive(Clone))]
#[derive(Debug)]
pub(super) struct Known {
    pub(super) names: Names,
    pub(super) kind: BlockKind,
    /// Its block is open; the blocks of a message are its parts.
    pub(super) open: bool,
    pub(super) done: bool,
    /// Something of it was told that comes whole again.
    pub(super) said: bool,
    /// With what is called, as far as it came in pieces; of a message that is done, its first text.
    pub(super) heard: Heard,
    pub(super) letters: Letters,
    pub(super) whole: Wording,
    /// The part of a summary that was last told.
    pub(super) summary: Option<u32>,
    pub(super) parts: BTreeMap<u32, Place>,
    /// Those of a message that are open.
    pub(super) open_parts: BTreeSet<u32>,
}

/// What was seen of a part.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    pub(super) said: bool,
    /// All of its text has come.
    full: bool,
    /// It began as something that is no text.
    other: bool,
    /// The text that was said.
    heard: Heard,
    whole: Wording,
}

/// Whether a text that comes whole is what its pieces were.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Wording {
    /// It has to be.
    #[default]
    Exact,
    /// A tool of its provider was at work before it. The marks by which a model cites what was found are
    /// taken from a text that comes whole, and not always from its pieces
    /// (<https://github.com/ogx-ai/ogx/issues/6598>). Or it began with a text, or a piece of it ended within
    /// a character, which is whole only there.
    Edited,
    /// It was not, and that was told: of the text nothing more is.
    Contradicted,
}

// === impl Place ===

impl Place {
    /// Of reasoning.
    pub(super) fn said() -> Self {
        Self { said: true, ..Self::default() }
    }

    /// Its text may go on.
    pub(super) fn goes_on(&self) -> bool {
        !self.full
    }

    /// This may be all of its text.
    pub(super) fn may_be(&self, whole: Raw<'_>) -> bool {
        let same = |text| self.heard.compare(text) == Whole::Same;
        !self.full || self.whole == Wording::Contradicted || json::inside(whole).is_none_or(same)
    }
}

// === impl Known ===

impl Known {
    pub(super) fn new(kind: BlockKind) -> Self {
        Self {
            names: Names::default(),
            kind,
            open: kind != BlockKind::Text,
            done: false,
            said: false,
            heard: Heard::default(),
            letters: Letters::default(),
            whole: Wording::Exact,
            summary: None,
            parts: BTreeMap::new(),
            open_parts: BTreeSet::new(),
        }
    }

    /// A message that was done without a word.
    pub(super) fn is_silent(&self) -> bool {
        self.done && self.kind == BlockKind::Text && !self.said
    }

    /// The state of a part of a message; where there is none it begins, and is counted.
    pub(super) fn part(&mut self, index: u32, place: u32, told: &mut Told) -> (&mut Place, usize) {
        let mut new = 0;
        let (whole, open) = (self.whole, &mut self.open_parts);
        let part = self.parts.entry(place).or_insert_with(|| {
            new = 1;
            open.insert(place);
            told.open(block(BlockKind::Text, index, place), || None);
            Place { whole, ..Place::default() }
        });
        (part, new)
    }

    /// Whether this is another item than the one that was told, or perhaps another.
    pub(super) fn is_another(&self, item: &Item<'_>) -> bool {
        let (heard, whole) = match self.kind {
            BlockKind::Text => {
                let heard = if self.done { self.heard } else { self.first() };
                (heard, item.parts().iter().find_map(|part| text_of(part.said())))
            }
            BlockKind::Tool => (self.heard, text_of(item.arguments())),
            BlockKind::Reasoning | BlockKind::Other => return false,
        };
        let goes_on = !self.done;
        !heard.is_empty()
            && whole.is_none_or(|whole| match heard.compare(&whole) {
                Whole::Same => false,
                Whole::More(_) => !goes_on,
                Whole::Other => true,
            })
    }

    /// The first text that was said and has to come again.
    fn first(&self) -> Heard {
        let first = self.parts.values().find(|part| part.said);
        let exact = first.filter(|part| part.whole == Wording::Exact);
        exact.map(|part| part.heard).unwrap_or_default()
    }

    /// Whether a part was there and is closed.
    pub(super) fn is_closed(&self, place: u32) -> bool {
        self.parts.contains_key(&place) && !self.open_parts.contains(&place)
    }

    /// The part that an event with this `content_index` is of. vLLM counts that up with every event, or
    /// through all items
    /// (<https://github.com/vllm-project/vllm/blob/main/vllm/entrypoints/openai/responses/serving.py>):
    /// one that was never there is that of the part that is open, if it is the only one and `takes` it.
    pub(super) fn resolved(&self, place: u32, takes: impl FnOnce(&Place) -> bool) -> u32 {
        if self.parts.contains_key(&place) || self.open_parts.len() != 1 {
            return place;
        }
        let open = self.open_parts.first().and_then(|open| Some((open, self.parts.get(open)?)));
        open.filter(|(_, part)| takes(part)).map_or(place, |(open, _)| *open)
    }

    /// Whether all of a part's text has come.
    pub(super) fn is_full(&self, place: u32) -> bool {
        self.parts.get(&place).is_some_and(|part| part.full)
    }

    /// A part that begins, perhaps with text in it. Nobody knows whether its pieces go on behind that or
    /// begin with it.
    pub(super) fn part_begun(
        &mut self,
        index: u32,
        place: u32,
        begun: &Part<'_>,
        told: &mut Told,
    ) -> usize {
        let (part, new) = self.part(index, place, told);
        part.other = !begun.is_text();
        if json::holds(begun.said()) {
            part.whole = Wording::Edited;
        }
        new
    }

    /// A text of a part that is open.
    pub(super) fn say(
        &mut self,
        index: u32,
        place: u32,
        (raw, refuses): (Raw<'_>, bool),
        told: &mut Told,
    ) -> usize {
        let (part, new) = self.part(index, place, told);
        if filled(raw) {
            let text = json::inside(raw).unwrap_or_default();
            part.said = true;
            part.heard.add(text);
            if part.heard.is_torn() && part.whole == Wording::Exact {
                part.whole = Wording::Edited;
            }
            told.piece(block(BlockKind::Text, index, place), || said(text, refuses));
        }
        new
    }

    /// All of a part's text: told as far as it was not.
    pub(super) fn say_whole(
        &mut self,
        index: u32,
        place: u32,
        (raw, refuses): (Option<Raw<'_>>, bool),
        told: &mut Told,
    ) -> usize {
        let closed = self.is_closed(place);
        let (part, new) = self.part(index, place, told);
        // A text that is left out where it should come whole is nothing that was taken back.
        let text = raw.and_then(json::inside).unwrap_or_default();
        if text.is_empty() {
            return new;
        }
        part.full = true;
        let here = block(BlockKind::Text, index, place);
        match (part.heard.compare(text), part.whole) {
            (Whole::Same, _) | (_, Wording::Contradicted) => {}
            (Whole::More(rest), _) if !closed || !part.said => {
                part.said = true;
                part.heard.add(&rest);
                if closed {
                    self.open_parts.insert(place);
                    told.open(here, || None);
                }
                told.piece(here, || said(&rest, refuses));
            }
            (Whole::More(rest), _) if heard::is_white(&rest) => {}
            (Whole::Other, Wording::Exact) if told.cut => {}
            (Whole::More(_) | Whole::Other, Wording::Exact) => {
                part.whole = Wording::Contradicted;
                told.contradicted();
            }
            (Whole::More(_) | Whole::Other, Wording::Edited) => {}
        }
        new
    }

    /// A part that is complete.
    pub(super) fn part_whole(
        &mut self,
        index: u32,
        place: u32,
        whole: &Part<'_>,
        told: &mut Told,
    ) -> usize {
        let new = self.say_whole(index, place, (whole.said(), whole.is_refusal()), told);
        if self.open_parts.remove(&place) {
            told.events.push(Event::Close(block(BlockKind::Text, index, place)));
        }
        new
    }

    /// A message that is complete.
    pub(super) fn message(&mut self, index: u32, whole: &[Part<'_>], told: &mut Told) -> usize {
        let mut new = 0;
        let texts = || (0..=INDEX_MAX).zip(whole).filter(|(_, part)| part.is_text());
        let filled = texts().filter(|(_, part)| json::holds(part.said())).count();
        let said = self.parts.values().filter(|part| part.said).count();
        if said <= filled {
            // Where as many are there as were said, they are those: a part that is empty may be left out.
            let same = said != 0 && said == filled;
            let texts = texts().filter(|(_, part)| !same || json::holds(part.said()));
            new = self.in_order(index, texts, same, told);
        } else if filled != 0 && self.whole == Wording::Exact && !told.cut {
            // Which of them is left out, or which are one now, nobody knows.
            told.contradicted();
        }
        self.close_parts(index, told);
        self.said |= self.parts.values().any(|part| part.said);
        self.heard = self.first();
        new
    }

    /// The texts of a message, which are its parts in their order, whatever their indexes are. `same`:
    /// they are those that were said.
    fn in_order<'a>(
        &mut self,
        index: u32,
        texts: impl Iterator<Item = (u32, &'a Part<'a>)>,
        same: bool,
        told: &mut Told,
    ) -> usize {
        let known = self.parts.iter().filter(|(_, part)| part.said || !same && !part.other);
        let known: Vec<u32> = known.map(|(place, _)| *place).collect();
        let mut known = known.into_iter();
        let mut new = 0;
        // What was contradicted may be any of those that follow.
        let mut sure = self.parts.values().all(|part| part.whole != Wording::Contradicted);
        for (position, text) in texts {
            let last = self.parts.last_key_value();
            let known = known.next();
            let next = || last.map_or(position, |(last, _)| position.max(last.saturating_add(1)));
            let place = known.unwrap_or_else(next);
            if known.is_none() && !sure || INDEX_MAX < place {
                told.contradicted();
                break;
            }
            new += self.part_whole(index, place, text, told);
            let part = self.parts.get(&place);
            sure &= part.is_none_or(|part| part.whole != Wording::Contradicted);
        }
        new
    }

    /// With what is called, all of it: told as far as it was not. It may be spelled anew, which is
    /// nothing that was said.
    pub(super) fn call_whole(&mut self, index: u32, raw: Option<Raw<'_>>, told: &mut Told) {
        let Some(text) = text_of(raw) else { return };
        if self.said && self.heard.is_empty() || self.whole == Wording::Contradicted {
            return;
        }
        match self.heard.compare(&text) {
            Whole::Same => {}
            Whole::More(rest) => {
                self.said = true;
                self.heard.add(&rest);
                self.letters.add(&rest);
                let piece = || Piece::Arguments(rest.into());
                told.piece(block(BlockKind::Tool, index, 0), piece);
            }
            Whole::Other if told.cut || !self.letters.differs(&text) => {}
            Whole::Other => {
                self.whole = Wording::Contradicted;
                told.contradicted();
            }
        }
    }

    /// A piece of it.
    pub(super) fn call(&mut self, index: u32, raw: Raw<'_>, told: &mut Told) {
        if filled(raw) {
            let text = arguments(raw);
            self.said = true;
            self.heard.add(&text);
            self.letters.add(&text);
            told.piece(block(BlockKind::Tool, index, 0), || Piece::Arguments(text.into()));
        }
    }

    pub(super) fn close_parts(&mut self, index: u32, told: &mut Told) {
        for place in std::mem::take(&mut self.open_parts) {
            told.events.push(Event::Close(block(BlockKind::Text, index, place)));
        }
    }
}

/// A text, where it is not empty.
fn text_of(raw: Option<Raw<'_>>) -> Option<Cow<'_, str>> {
    raw.filter(|raw| filled(*raw)).map(arguments)
}

/// What a part of a message says.
fn said(text: &str, refuses: bool) -> Piece {
    let text = text.into();
    if refuses { Piece::Refusal(text) } else { Piece::Text(text) }
}

/// With what is called. Arguments that are an object become the text they should be.
fn arguments(raw: Raw<'_>) -> Cow<'_, str> {
    json::inside(raw).map_or_else(|| Cow::Owned(json::escaped(&json::one_line(raw))), Cow::Borrowed)
}
