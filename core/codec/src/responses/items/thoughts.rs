//! Reasoning that can be read: its summary, or all of it.

use super::known::Place;
use super::{BETWEEN, INDEX_MAX, Items, Odd, PARTS_MAX, Told, block, filled};
use crate::json;
use crate::lazy::Raw;
use crate::responses::wire::Wire;
use ir::{BlockKind, Event, Piece};

/// Where reasoning that is no summary is kept, beside the parts of that.
const WHOLE_TEXT: u32 = 1 << 31;

/// Where the state of a part of reasoning is kept. What is no summary is one part: vLLM counts its
/// `content_index` up with every event.
fn thought_key(wire: &Wire<'_>, named: &str) -> u32 {
    let summary = named.starts_with("reasoning_summary");
    if summary { wire.summary_index.unwrap_or(0).min(INDEX_MAX) } else { WHOLE_TEXT }
}

// === impl Items ===

impl Items {
    /// A piece of readable reasoning.
    pub(crate) fn thought(
        &mut self,
        wire: &Wire<'_>,
        named: &str,
        told: &mut Told,
    ) -> Result<(), Odd> {
        let raw = wire.piece().map_err(Odd::Malformed)?;
        let index = self.goes_on(wire, Some(BlockKind::Reasoning))?;
        let key = thought_key(wire, named);
        self.think(wire, (index, key), raw, told)
    }

    /// All of a part of readable reasoning, once more.
    pub(crate) fn thought_done(
        &mut self,
        wire: &Wire<'_>,
        named: &str,
        told: &mut Told,
    ) -> Result<(), Odd> {
        let Some(raw) = wire.whole().filter(|raw| filled(*raw)) else { return Ok(()) };
        let index = self.ends(wire, BlockKind::Reasoning)?;
        let key = thought_key(wire, named);
        let known = self.known.get(&index);
        let told_before =
            known.is_some_and(|it| it.done || it.parts.get(&key).is_some_and(|part| part.said));
        if told_before { Ok(()) } else { self.think(wire, (index, key), raw, told) }
    }

    fn think(
        &mut self,
        wire: &Wire<'_>,
        (index, key): (u32, u32),
        raw: Raw<'_>,
        told: &mut Told,
    ) -> Result<(), Odd> {
        let place = block(BlockKind::Reasoning, index, 0);
        if PARTS_MAX <= self.parts {
            return Err(Odd::Malformed("too many parts"));
        }
        if !self.known.contains_key(&index) {
            self.implies(index, wire, BlockKind::Reasoning);
            told.open(place, || None);
        }
        let Some(known) = self.known.get_mut(&index) else { return Ok(()) };
        if known.kind != BlockKind::Reasoning || known.done {
            return Err(Odd::Malformed("reasoning in an item that has none"));
        }
        if !filled(raw) {
            told.events.push(Event::Progress);
            return Ok(());
        }
        let follows = known.summary.is_some_and(|last| last != key);
        known.summary = Some(key);
        known.said = true;
        let known_part = known.parts.insert(key, Place::said());
        self.parts += usize::from(known_part.is_none());
        told.piece(place, || {
            let between = if follows { BETWEEN } else { "" };
            let text = json::inside(raw).unwrap_or_default();
            Piece::Thinking(format!("{between}{text}").into())
        });
        Ok(())
    }
}
