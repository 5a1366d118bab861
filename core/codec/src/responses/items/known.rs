//! One item of an answer's output, and the parts of a message.

use super::{INDEX_MAX, Told, block, filled};
use crate::json;
use crate::lazy::Raw;
use crate::responses::wire::Part;
use ir::{BlockKind, Event, Piece};
use std::collections::BTreeMap;

/// What was seen of an item.
#[cfg_attr(test, derive(Clone))]
#[derive(Debug)]
pub(super) struct Known {
    pub(super) kind: BlockKind,
    /// Its block is open; the blocks of a message are its parts.
    pub(super) open: bool,
    pub(super) done: bool,
    /// Something of it was told that comes whole again.
    pub(super) said: bool,
    /// The part of a summary that was last told.
    pub(super) summary: Option<u32>,
    pub(super) parts: BTreeMap<u32, Place>,
}

/// What was seen of a part.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    pub(super) open: bool,
    pub(super) said: bool,
}

// === impl Known ===

impl Known {
    pub(super) fn new(kind: BlockKind) -> Self {
        Self {
            kind,
            open: kind != BlockKind::Text,
            done: false,
            said: false,
            summary: None,
            parts: BTreeMap::new(),
        }
    }

    /// The state of a part of a message; where there is none it begins, and is counted.
    pub(super) fn part(&mut self, index: u32, place: u32, told: &mut Told) -> (&mut Place, usize) {
        let mut new = 0;
        let part = self.parts.entry(place).or_insert_with(|| {
            new = 1;
            told.open(block(BlockKind::Text, index, place), || None);
            Place { open: true, said: false }
        });
        (part, new)
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
            part.said = true;
            told.piece(block(BlockKind::Text, index, place), || said(raw, refuses));
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
        let (part, new) = self.part(index, place, told);
        let here = block(BlockKind::Text, index, place);
        if let Some(raw) = whole.said().filter(|raw| filled(*raw) && part.open && !part.said) {
            part.said = true;
            told.piece(here, || said(raw, whole.is_refusal()));
        }
        if std::mem::take(&mut part.open) {
            told.events.push(Event::Close(here));
        }
        new
    }

    /// A message that is complete.
    pub(super) fn message(&mut self, index: u32, whole: &[Part<'_>], told: &mut Told) -> usize {
        let texts = (0..=INDEX_MAX).zip(whole).filter(|(_, part)| part.is_text());
        let new = texts.map(|(place, part)| self.part_whole(index, place, part, told)).sum();
        self.close_parts(index, told);
        new
    }

    pub(super) fn close_parts(&mut self, index: u32, told: &mut Told) {
        if self.kind != BlockKind::Text {
            return;
        }
        for (place, part) in &mut self.parts {
            if std::mem::take(&mut part.open) {
                told.events.push(Event::Close(block(BlockKind::Text, index, *place)));
            }
        }
    }
}

/// What a part of a message says.
fn said(raw: Raw<'_>, refuses: bool) -> Piece {
    let text = json::inside(raw).unwrap_or_default().into();
    if refuses { Piece::Refusal(text) } else { Piece::Text(text) }
}
