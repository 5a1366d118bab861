//! Where an item is known: by its `output_index`, or by its id.

use super::known::Known;
use super::{Items, Odd, index_of};
use crate::responses::wire::{Item, Wire};
use ir::BlockKind;

// === impl Items ===

impl Items {
    /// Where the item of an event is known, which is of this `kind` if that is given: by its number or,
    /// where that is another's, by its id. Ollama gives a message and the calls behind it one number
    /// (<https://github.com/ollama/ollama/blob/main/openai/responses.go>).
    pub(super) fn index(&self, wire: &Wire<'_>, kind: Option<BlockKind>) -> Result<u32, Odd> {
        let number = index_of(wire.output_index)?;
        let taken = self.known.contains_key(&number);
        let elsewhere = wire.item_id().filter(|_| taken).and_then(|id| self.find(number, id, kind));
        Ok(elsewhere.unwrap_or(number))
    }

    /// The same of an item, or a part of it, that ends: under a number that is nobody's neither. vLLM ends
    /// what a tool of its own did under the next one.
    pub(super) fn ended(
        &self,
        wire: &Wire<'_>,
        id: Option<&str>,
        kind: BlockKind,
    ) -> Result<u32, Odd> {
        let number = index_of(wire.output_index);
        let found = |id| self.find(number.unwrap_or(u32::MAX), id, Some(kind));
        id.and_then(found).map_or(number, Ok)
    }

    /// The item of this id, by this number sooner than by another.
    fn find(&self, number: u32, id: &str, kind: Option<BlockKind>) -> Option<u32> {
        let is = |index: &u32| {
            self.known
                .get(index)
                .is_some_and(|known| *known.id == *id && kind.is_none_or(|kind| kind == known.kind))
        };
        Some(number).filter(is).or_else(|| self.ids.get(id).copied().filter(is))
    }

    /// Whether there is an item with this id.
    pub(super) fn is_named(&self, item: &Item<'_>) -> bool {
        item.id().is_some_and(|id| self.ids.contains_key(id))
    }

    /// A number that is nobody's.
    pub(super) fn next(&self) -> Result<u32, Odd> {
        let last = self.known.keys().next_back();
        index_of(Some(last.map_or(0, |last| last.saturating_add(1))))
    }

    /// Keeps what begins.
    pub(super) fn know(&mut self, index: u32, id: Option<&str>, kind: BlockKind) {
        if let Some(id) = id {
            self.ids.entry(id.into()).or_insert(index);
        }
        let id = id.unwrap_or_default().into();
        self.known.insert(index, Known { id, whole: self.whole, ..Known::new(kind) });
    }
}
