//! What the last event of an answer has of its items.

use super::{INDEX_MAX, Items, Odd, Told, block};
use crate::responses::wire::Item;
use crate::responses::{is_content, item_kind};
use ir::{BlockKind, Event};
use std::collections::BTreeSet;

/// What an item of the last event is to those that are known.
#[derive(Clone, Copy, Debug)]
enum Found {
    /// The one with this index.
    Known(u32),
    New,
    /// It cannot be told.
    Nobody,
}

// === impl Items ===

impl Items {
    /// Takes what the last event has and nobody told: items that are not done or have said nothing, items
    /// that never began.
    pub(crate) fn complete(&mut self, output: &[Item<'_>], told: &mut Told) -> Result<(), Odd> {
        let found = self.by_ids(output).or_else(|| self.placed(output));
        let found = found.unwrap_or_else(|| self.counted(output, told));
        for ((place, item), found) in (0..).zip(output).zip(found) {
            let index = match found {
                Found::Known(index) if self.wants(index, item) => index,
                Found::Known(_) | Found::Nobody => continue,
                Found::New => {
                    let free = place <= INDEX_MAX && !self.known.contains_key(&place);
                    let index = if free { place } else { self.next()? };
                    self.begin(index, item, told);
                    index
                }
            };
            self.finish(index, item, told);
        }
        Ok(())
    }

    /// Whether something of the item with this index may not have been told.
    fn wants(&self, index: u32, whole: &Item<'_>) -> bool {
        let known = self.known.get(&index);
        known.is_some_and(|known| !known.done || known.is_silent() && is_content(whole))
    }

    /// By ids: if the list has all that are known, the rest of it is new, and if all of it is known, the
    /// rest of those is left out. Else ids tell nothing: some providers name an item anew with every event.
    fn by_ids(&self, output: &[Item<'_>]) -> Option<Vec<Found>> {
        let mut seen = BTreeSet::new();
        let mut find = |item: &Item<'_>| {
            let index = self.named(item, item_kind(item.kind()))?;
            seen.insert(index).then_some(Found::Known(index))
        };
        let found: Vec<_> = output.iter().map(|item| find(item).unwrap_or(Found::New)).collect();
        let all = seen.len() == self.known.len() || seen.len() == output.len();
        all.then_some(found)
    }

    /// By its place in the list, which should be an item's `output_index`. That is not so where something
    /// else stands there, or nothing.
    fn placed(&self, output: &[Item<'_>]) -> Option<Vec<Found>> {
        let there = |index: u32| usize::try_from(index).ok().and_then(|index| output.get(index));
        // Where there are more of them than were begun, it counts which of them was which.
        let more = self.known.len() < output.len();
        let aligned = self.known.iter().all(|(index, known)| {
            there(*index).is_some_and(|item| {
                item_kind(item.kind()) == known.kind && !(more && known.is_another(item))
            })
        });
        let found = |place: u32| {
            if self.known.contains_key(&place) { Found::Known(place) } else { Found::New }
        };
        aligned.then(|| (0..).map(found).take(output.len()).collect())
    }

    /// By their order, kind by kind, where the list has as many as are known. Texts and calls are new where
    /// there were none in the stream; where there were some and are more, nobody knows which of them are.
    fn counted(&self, output: &[Item<'_>], told: &mut Told) -> Vec<Found> {
        let mut found = vec![Found::Nobody; output.len()];
        for kind in [BlockKind::Text, BlockKind::Tool, BlockKind::Reasoning, BlockKind::Other] {
            let known = self.known.iter().filter(|(_, known)| known.kind == kind);
            let known: Vec<u32> = known.map(|(index, _)| *index).collect();
            let is = |(_, item): &(&mut Found, &Item<'_>)| item_kind(item.kind()) == kind;
            let mut listed: Vec<_> = found.iter_mut().zip(output).filter(is).collect();
            if listed.len() != known.len() {
                // One without a word may be there or not.
                listed.retain(|(_, item)| is_content(item));
            }
            let tells = matches!(kind, BlockKind::Text | BlockKind::Tool);
            if listed.len() == known.len() {
                for ((found, _), index) in listed.into_iter().zip(known) {
                    *found = Found::Known(index);
                }
            } else if tells && known.is_empty() {
                for (found, _) in listed {
                    *found = Found::New;
                }
            } else if tells && known.len() < listed.len() {
                told.contradicted();
            }
        }
        found
    }

    /// Closes what is open; calls only where they count as they are.
    pub(crate) fn close(&mut self, calls: bool, told: &mut Told) {
        for (index, known) in &mut self.known {
            if known.kind != BlockKind::Tool || calls {
                if std::mem::take(&mut known.open) {
                    told.events.push(Event::Close(block(known.kind, *index, 0)));
                }
                known.close_parts(*index, told);
            }
        }
    }
}
