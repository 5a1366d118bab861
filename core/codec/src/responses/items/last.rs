//! What the last event of an answer has of its items.

use super::{INDEX_MAX, Items, Odd, Told, block};
use crate::responses::wire::Item;
use crate::responses::{is_content, item_kind};
use ir::{BlockKind, Event};

// === impl Items ===

impl Items {
    /// Takes what the last event has and nobody told: items that are not done or have said nothing, items
    /// that never began.
    ///
    /// An item's place in the list should be its `output_index`. Where that cannot be, because something
    /// else stands there or nothing, what never began is known by its kind alone.
    pub(crate) fn complete(&mut self, output: &[Item<'_>], told: &mut Told) -> Result<(), Odd> {
        let there = |index: u32| usize::try_from(index).ok().and_then(|index| output.get(index));
        let mut known = self.known.iter();
        // Where there are more of them than were begun, it counts which of them was which.
        let more = self.known.len() < output.len();
        let aligned = known.all(|(index, known)| {
            there(*index).is_some_and(|item| {
                item_kind(item.kind()) == known.kind && !(more && known.is_another(item))
            })
        });
        if !aligned {
            self.unplaced(output, told)?;
        }
        for (index, item) in (0..=INDEX_MAX).zip(output) {
            let known = self.known.get(&index);
            let open = known.is_some_and(|known| {
                let wanting = !known.done || known.is_silent() && is_content(item);
                wanting && known.kind == item_kind(item.kind())
            });
            let new = aligned && known.is_none();
            if new {
                self.begin(index, item, told);
            }
            if new || open {
                self.finish(index, item, told);
            }
        }
        Ok(())
    }

    /// Takes the texts and calls of a list in which they do not have their places, where there were none
    /// in the stream. Where there were some and are more, nobody knows which of them are new.
    fn unplaced(&mut self, output: &[Item<'_>], told: &mut Told) -> Result<(), Odd> {
        for kind in [BlockKind::Text, BlockKind::Tool] {
            let is = |item: &&Item<'_>| item_kind(item.kind()) == kind && is_content(item);
            let known = self.known.values().filter(|known| known.kind == kind).count();
            let all = output.iter().filter(is).count();
            if known == 0 {
                for item in output.iter().filter(is) {
                    let next = self.next()?;
                    self.begin(next, item, told);
                    self.finish(next, item, told);
                }
            } else if known < all {
                told.contradicted();
            }
        }
        Ok(())
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
