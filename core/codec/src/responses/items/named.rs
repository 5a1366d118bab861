//! Which item an event is of: by its `output_index`, by its id, or by what is open.
//!
//! Indexes should be enough, and ids: but Ollama gives a message and the calls behind it one number
//! (<https://github.com/ollama/ollama/blob/main/openai/responses.go>), vLLM has ended items under the next
//! one, llama.cpp gives no number at all
//! (<https://github.com/ggml-org/llama.cpp/blob/master/tools/server/server-task.cpp>), and some providers
//! name an item anew with every event. So an item has a number here that is its own: the one it came with,
//! where that is nobody's.
//!
//! **Invariant:** of an id a hash is kept, however long it is.

use super::known::Known;
use super::{INDEX_MAX, Items, Odd};
use crate::responses::wire::{Item, Wire};
use ir::BlockKind;
use std::hash::{DefaultHasher, Hash, Hasher};

const NO_INDEX: Odd = Odd::Malformed("an event of an item without its index");

/// Ids by which an item may be known: its own and, of a call, that of the call.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Names {
    own: Option<u64>,
    other: Option<u64>,
}

fn number(wire: &Wire<'_>) -> Result<Option<u32>, Odd> {
    match wire.output_index {
        Some(index) if INDEX_MAX < index => Err(Odd::Malformed("an index out of range")),
        index => Ok(index),
    }
}

// === impl Names ===

impl Names {
    pub(super) fn of(item: &Item<'_>) -> Self {
        Self::new(item.id().or_else(|| item.call_id()), item.call_id())
    }

    fn said(wire: &Wire<'_>) -> Self {
        Self::new(wire.item_id(), None)
    }

    fn new(own: Option<&str>, other: Option<&str>) -> Self {
        let hash = |id: &str| {
            let mut hasher = DefaultHasher::new();
            id.hash(&mut hasher);
            hasher.finish()
        };
        Self { own: own.map(hash), other: other.map(hash) }
    }

    fn all(self) -> impl Iterator<Item = u64> {
        self.own.into_iter().chain(self.other)
    }

    /// Both have an id, and it is not the same.
    pub(super) fn is_other(self, names: Self) -> bool {
        self.own.zip(names.own).is_some_and(|(one, other)| one != other)
    }

    fn is(self, names: Self) -> bool {
        self.own.is_some() && self.own == names.own
    }
}

// === impl Items ===

impl Items {
    /// The item of the event that was read last, if it is of any.
    pub(crate) fn spoken_of(&mut self) -> Option<u32> {
        self.spoken_of.take()
    }

    /// The number of an item that begins.
    pub(super) fn begins(&self, wire: &Wire<'_>, item: &Item<'_>) -> Result<u32, Odd> {
        let names = Names::of(item);
        let number = number(wire)?;
        let known = number.and_then(|number| self.known.get(&number));
        let another = known.is_none_or(|known| known.names.is_other(names));
        match number {
            Some(number) if known.is_none() => Ok(number),
            // Some give all calls one id.
            _ if another && self.find(Names { other: None, ..names }, |_| true).is_none() => {
                self.next()
            }
            _ => Err(Odd::Repeated("output_item.added of an item that is there")),
        }
    }

    /// The item that goes on, which is of this `kind` if that is given. Under a number that is nobody's
    /// it may be a new one.
    pub(super) fn goes_on(&self, wire: &Wire<'_>, kind: Option<BlockKind>) -> Result<u32, Odd> {
        let names = Names::said(wire);
        match number(wire)? {
            Some(number) if self.has(number, names) => Ok(number),
            Some(number) => {
                let Some(known) = self.known.get(&number) else { return Ok(number) };
                let found = self.find(names, of(kind));
                // LiteLLM gives a text the number of the thoughts before it, and an id of its own.
                let new = known.done && !of(kind)(known) && known.names.is_other(names);
                let new = found.is_none() && new && self.find(names, |_| true).is_none();
                if new { self.next() } else { Ok(found.unwrap_or(number)) }
            }
            None => self.unnumbered(names, kind).ok_or(NO_INDEX),
        }
    }

    /// The item that ends, or of which something ends.
    pub(super) fn ends(&self, wire: &Wire<'_>, kind: BlockKind) -> Result<u32, Odd> {
        self.is_ended(wire, Names::said(wire), kind)?.ok_or(NO_INDEX)
    }

    /// The item that is done, or the number it is to have.
    pub(super) fn is_done(
        &self,
        wire: &Wire<'_>,
        names: Names,
        kind: BlockKind,
    ) -> Result<u32, Odd> {
        self.is_ended(wire, names, kind)?.map_or_else(|| self.next(), Ok)
    }

    fn is_ended(&self, wire: &Wire<'_>, names: Names, kind: BlockKind) -> Result<Option<u32>, Odd> {
        let open = |known: &Known| known.kind == kind && !known.done;
        Ok(match number(wire)? {
            Some(number) if self.has(number, names) => Some(number),
            Some(number) => {
                let other = self.known.get(&number).is_some_and(|known| known.kind != kind);
                let named = self.find(names, open);
                let last = || self.unnumbered(names, Some(kind)).filter(|_| other);
                Some(named.or_else(last).unwrap_or(number))
            }
            None => self.unnumbered(names, Some(kind)),
        })
    }

    /// Whether the item with this number has one of these names.
    fn has(&self, number: u32, names: Names) -> bool {
        self.known.get(&number).is_some_and(|known| known.names.is(names))
    }

    /// The item with one of these names that `is` so.
    fn find(&self, names: Names, is: impl Fn(&Known) -> bool) -> Option<u32> {
        let mut found = names.all().filter_map(|name| self.ids.get(&name).copied());
        found.find(|index| self.known.get(index).is_some_and(&is))
    }

    /// By these names, or the last item if that is open.
    fn unnumbered(&self, names: Names, kind: Option<BlockKind>) -> Option<u32> {
        let last = self.known.last_key_value();
        let last = last.filter(|(_, known)| !known.done && of(kind)(known));
        self.find(names, of(kind)).or_else(|| last.map(|(index, _)| *index))
    }

    /// The item of the last event with one of these names, of this kind.
    pub(super) fn named(&self, item: &Item<'_>, kind: BlockKind) -> Option<u32> {
        self.find(Names::of(item), of(Some(kind)))
    }

    /// A number that is nobody's.
    pub(super) fn next(&self) -> Result<u32, Odd> {
        let next = self.known.last_key_value().map_or(0, |(last, _)| last.saturating_add(1));
        if next <= INDEX_MAX { Ok(next) } else { Err(Odd::Malformed("too many items")) }
    }

    /// Keeps what begins.
    pub(super) fn know(&mut self, index: u32, names: Names, kind: BlockKind) {
        for name in names.all() {
            self.ids.entry(name).or_insert(index);
        }
        self.known.insert(index, Known { names, whole: self.whole, ..Known::new(kind) });
    }

    /// The same of what begins by an event that is about it.
    pub(super) fn implies(&mut self, index: u32, wire: &Wire<'_>, kind: BlockKind) {
        self.know(index, Names::said(wire), kind);
    }
}

fn of(kind: Option<BlockKind>) -> impl Fn(&Known) -> bool {
    move |known| kind.is_none_or(|kind| kind == known.kind)
}
