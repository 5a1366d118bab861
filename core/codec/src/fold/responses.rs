//! `OpenAI` Responses: events to an answer.
//!
//! The last event has it: its `response` is the whole answer, byte for byte. Some providers leave its
//! `output` empty (`store: false` behind some gateways), or leave items out of it; then it is made of the
//! items as each was done, as the official SDKs do.
//!
//! **Invariant:** what was begun is in the answer, but for a call that the token limit cut. A message and
//! reasoning begin with their first word; calls, and what else is an item, when they are added.

use super::tree::{ODD, items, members, write_all};
use crate::Error;
use crate::json::{self, Word};
use crate::lazy::{self, Raw};
use crate::responses::wire::Item;
use crate::responses::{is_incomplete, item_kind};
use ir::{BlockKind, Event};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// One answer.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// The last event's.
    whole: Option<String>,
    /// Items that are done, by their `output_index`.
    done: BTreeMap<u32, String>,
    /// The indexes of these, and of all others that were begun.
    begun: BTreeSet<u32>,
    /// Those of calls that were added.
    calls: BTreeSet<u32>,
}

/// The inside of an item's id.
fn id_of(item: &str) -> Option<&str> {
    json::object_in::<Item<'_>>(item)?.id()
}

// === impl Answer ===

impl Answer {
    /// One more event, and what it means to the decoder; how many bytes it added.
    pub(super) fn take(
        &mut self,
        event: &str,
        text: &str,
        events: &[Event],
    ) -> Result<usize, Error> {
        // A `[DONE]` is no event.
        let Some(members) = members(text) else { return Ok(0) };
        let kind = members.get("type").and_then(|raw| lazy::read(raw.get()).ok());
        let kind = kind.map_or_else(|| Cow::Borrowed(event), |Word(kind)| kind);
        let index = || members.get("output_index").and_then(|raw| raw.get().parse().ok());
        match kind.as_ref() {
            "response.output_item.done" => {
                let (index, item) = index().zip(members.get("item")).ok_or(ODD)?;
                let begun = self.begin(index);
                let added = begun.saturating_add(item.get().len());
                let before = self.done.insert(index, item.get().to_owned());
                Ok(added.saturating_sub(before.map_or(0, |item| item.len())))
            }
            "response.completed" => self.end("completed", members.get("response").ok_or(ODD)?),
            "response.incomplete" => self.end("incomplete", members.get("response").ok_or(ODD)?),
            "response.output_item.added" => {
                let item = members.get("item").and_then(Item::read).ok_or(ODD)?;
                let Some(index) = index() else { return Ok(0) };
                match item_kind(item.kind()) {
                    // They begin with their first word.
                    BlockKind::Text | BlockKind::Reasoning => return Ok(0),
                    BlockKind::Tool => _ = self.calls.insert(index),
                    BlockKind::Other => {}
                }
                Ok(self.begin(index))
            }
            _ if events.iter().any(|event| matches!(event, Event::Delta(..))) => {
                Ok(index().map_or(0, |index| self.begin(index)))
            }
            _ => Ok(0),
        }
    }

    fn begin(&mut self, index: u32) -> usize {
        if self.begun.insert(index) { size_of::<u32>() } else { 0 }
    }

    /// The last event, by its name.
    fn end(&mut self, named: &str, response: Raw<'_>) -> Result<usize, Error> {
        let text = response.get();
        let members = members(text).ok_or(ODD)?;
        let status = members.given("status").and_then(|raw| lazy::read(raw.get()).ok());
        if is_incomplete(named, status.as_ref().map_or(named, Word::as_str)) {
            // A call that the token limit cut is nobody's loss: it cannot be made.
            let done = |index: &u32| self.done.contains_key(index);
            self.begun.retain(|index| !self.calls.contains(index) || done(index));
        }
        let output = members.given("output");
        let listed = output.map(items).unwrap_or_default();
        let filled = listed.len() < self.done.len() && self.has(&listed);
        let known = if filled { self.done.len() } else { listed.len() };
        if known < self.begun.len() {
            return Err(Error::NotAnswer("the last event lacks items that were begun"));
        }
        self.whole =
            Some(if filled { self.filled(text, output).ok_or(ODD)? } else { text.to_owned() });
        self.done.clear();
        self.begun.clear();
        self.calls.clear();
        Ok(text.len())
    }

    /// Whether all that is listed was done: nothing is lost where the list is not taken.
    fn has(&self, listed: &[Raw<'_>]) -> bool {
        let done: BTreeSet<_> = self.done.values().filter_map(|item| id_of(item)).collect();
        listed.iter().all(|item| id_of(item.get()).is_some_and(|id| done.contains(id)))
    }

    /// The answer with the items as they were done in the place of its `output`.
    fn filled(&self, text: &str, output: Option<Raw<'_>>) -> Option<String> {
        if let Some(place) = output.map(|raw| json::place_in(text, raw)) {
            let mut done = String::new();
            self.write_done(&mut done);
            return json::spliced(text, vec![(place, done)]);
        }
        let mut whole = String::with_capacity(text.len());
        whole.push('{');
        for (key, raw) in members(text)?.0.iter().filter(|(key, _)| key != "output") {
            whole.push_str(&json::quoted(key));
            whole.push(':');
            whole.push_str(raw.get());
            whole.push(',');
        }
        whole.push_str("\"output\":");
        self.write_done(&mut whole);
        whole.push('}');
        Some(whole)
    }

    fn write_done(&self, out: &mut String) {
        write_all(out, self.done.values(), |item, out| out.push_str(item));
    }

    pub(super) fn write(&self, out: &mut String) {
        if let Some(whole) = &self.whole {
            return out.push_str(whole);
        }
        // Whoever reads this before the last event gets what is done by then.
        out.push_str(r#"{"object":"response","status":"in_progress","output":"#);
        self.write_done(out);
        out.push('}');
    }
}
