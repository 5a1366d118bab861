//! `OpenAI` Responses: events to an answer.
//!
//! The last event has it: its `response` is the whole answer, byte for byte. Some providers leave its
//! `output` empty (`store: false` behind some gateways), or leave items out of it; then it is made of the
//! items as each was done, as the official SDKs do. Ollama leaves out a text before calls, and says nowhere
//! else that it is done
//! (<https://github.com/ollama/ollama/blob/main/openai/responses.go>): it is made of its pieces.
//!
//! **Invariant:** what was begun is in the answer, but for a call that the token limit cut. A message and
//! reasoning begin with their first word; calls, and what else is an item, when they are added.

use super::tree::{ODD, items, members, write_all};
use crate::Error;
use crate::json::{self, Word};
use crate::lazy::{self, Raw};
use crate::responses::wire::Item;
use crate::responses::{is_content, is_incomplete, item_kind};
use ir::{Aside, BlockKind, Event};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// One answer.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// The last event's.
    whole: Option<String>,
    /// Its items, by the numbers that the decoder gives them ([`ir::ItemEvent`]).
    items: BTreeMap<u32, Begun>,
}

/// An item.
#[derive(Debug, Default)]
struct Begun {
    /// It has begun.
    counts: bool,
    kind: Option<BlockKind>,
    done: bool,
    /// As it was added, or done.
    item: Option<String>,
    /// Its id, where it was not added.
    id: Option<String>,
    said: Said,
}

/// What was said of a message, or with what is called.
#[derive(Debug, Default)]
enum Said {
    #[default]
    Nothing,
    /// That of this block came in pieces: the inside of a string.
    Pieces(u32, String),
    /// Not all of it is known.
    Other,
}

/// Members of a message, or of a call, that are said anew where it is made of its pieces.
const ANEW: [&str; 4] = ["type", "role", "status", "content"];
const CALLED: [&str; 3] = ["status", "arguments", "input"];

/// Events of which each has a piece.
const PIECES: [&str; 3] =
    ["output_text.delta", "function_call_arguments.delta", "custom_tool_call_input.delta"];

/// The inside of an item's id.
fn id_of(item: &str) -> Option<&str> {
    json::object_in::<Item<'_>>(item)?.id()
}

/// Whether it is a message without a word, or a call without arguments.
fn is_hollow(item: &str) -> bool {
    let Some(item) = json::object_in::<Item<'_>>(item) else { return false };
    match item_kind(item.kind()) {
        BlockKind::Text => !is_content(&item),
        BlockKind::Tool => !json::holds(item.arguments()),
        BlockKind::Reasoning | BlockKind::Other => false,
    }
}

/// The number of the item that begins or ends by a frame.
fn item_of(events: &[Event]) -> Option<u32> {
    events.iter().find_map(|event| {
        let Event::Aside(Aside::Kept(event)) = event else { return None };
        Some(event.item)
    })
}

/// The answer with these items in the place of its `output`.
fn filled(text: &str, output: Option<Raw<'_>>, items: &[Cow<'_, str>]) -> Option<String> {
    let mut list = String::new();
    write_all(&mut list, items, |item, out| out.push_str(item));
    if let Some(place) = output.map(|raw| json::place_in(text, raw)) {
        return json::spliced(text, vec![(place, list)]);
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
    whole.push_str(&list);
    whole.push('}');
    Some(whole)
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
        let named = kind.strip_prefix("response.").unwrap_or_default();
        match named {
            "output_item.added" | "output_item.done" => {
                // One that is said again is nobody's.
                let Some(number) = item_of(events) else { return Ok(0) };
                let item = members.get("item").ok_or(ODD)?.get();
                for event in events {
                    self.says(event, None, None);
                }
                let done = named == "output_item.done";
                Ok(self.items.entry(number).or_default().stands(item, done))
            }
            "completed" | "incomplete" => self.end(named, members.get("response").ok_or(ODD)?),
            _ => {
                let piece = members.get("delta").filter(|_| PIECES.contains(&named));
                let piece = piece.and_then(json::inside);
                let id = members.get("item_id").and_then(json::inside);
                for event in events {
                    self.says(event, id, piece);
                }
                Ok(piece.map_or(0, str::len))
            }
        }
    }

    /// Notes what an event begins, and what it says of a text.
    fn says(&mut self, event: &Event, id: Option<&str>, piece: Option<&str>) {
        let (Event::Open(block, _) | Event::Delta(block, _)) = event else { return };
        let begun = self.items.entry(block.item()).or_default();
        let said = matches!(event, Event::Delta(..));
        begun.counts |= said || matches!(block.kind, BlockKind::Tool | BlockKind::Other);
        begun.kind = Some(block.kind);
        if begun.item.is_none() && begun.id.is_none() {
            begun.id = id.map(str::to_owned);
        }
        if said {
            begun.said = match (std::mem::take(&mut begun.said), piece) {
                (Said::Nothing, Some(piece)) => Said::Pieces(block.index, piece.to_owned()),
                (Said::Pieces(index, text), Some(piece)) if index == block.index => {
                    Said::Pieces(index, text + piece)
                }
                (Said::Nothing | Said::Pieces(..) | Said::Other, _) => Said::Other,
            };
        }
    }

    /// The last event, by its name.
    fn end(&mut self, named: &str, response: Raw<'_>) -> Result<usize, Error> {
        let text = response.get();
        let members = members(text).ok_or(ODD)?;
        let status = members.given("status").and_then(|raw| lazy::read(raw.get()).ok());
        let cut = is_incomplete(named, status.as_ref().map_or(named, Word::as_str));
        if cut {
            // A call that the token limit cut is nobody's loss: it cannot be made.
            self.items.retain(|_, begun| begun.done || !begun.is_call());
        }
        let output = members.given("output");
        let listed = output.map(items).unwrap_or_default();
        let named = self.named(&listed);
        let is_in =
            named.as_ref().map_or_else(|| self.are_as_many(&listed), |it| self.are_in(it, cut));
        let whole = if is_in {
            text.to_owned()
        } else {
            let lacks = Error::NotAnswer("the last event lacks items that were begun");
            let items = named.and_then(|named| self.merged(named, cut)).ok_or(lacks)?;
            filled(text, output, &items).ok_or(ODD)?
        };
        self.whole = Some(whole);
        self.items.clear();
        Ok(text.len())
    }

    /// What is listed by the ids of the items that it is of. `None` where one has none, or one that is
    /// nobody's, or anybody has another's: some providers name items anew by then.
    fn named<'a>(&self, listed: &[Raw<'a>]) -> Option<BTreeMap<&'a str, &'a str>> {
        let mut named = BTreeMap::new();
        for item in listed {
            named.insert(id_of(item.get())?, item.get());
        }
        let mut known = BTreeSet::new();
        let own = self.items.values().filter_map(Begun::id).all(|id| known.insert(id));
        let all = named.len() == listed.len() && named.keys().all(|id| known.contains(id));
        (listed.is_empty() || own && all).then_some(named)
    }

    /// Whether all that was begun is listed, with what it said.
    fn are_in(&self, named: &BTreeMap<&str, &str>, cut: bool) -> bool {
        self.items.values().filter(|begun| begun.counts).all(|begun| {
            let item = begun.id().and_then(|id| named.get(id));
            item.is_some_and(|item| !begun.says_more(item, cut))
        })
    }

    /// Whether as many items of each kind are listed as were begun.
    fn are_as_many(&self, listed: &[Raw<'_>]) -> bool {
        let kind_of = |item: &str| Some(item_kind(json::object_in::<Item<'_>>(item)?.kind()));
        let kinds = [BlockKind::Text, BlockKind::Tool, BlockKind::Reasoning, BlockKind::Other];
        kinds.into_iter().all(|kind| {
            let begun =
                self.items.values().filter(|begun| begun.counts && begun.kind == Some(kind));
            begun.count() <= listed.iter().filter(|item| kind_of(item.get()) == Some(kind)).count()
        })
    }

    /// The items as they are listed or else as they came; `None` where one is not known.
    fn merged(&self, mut named: BTreeMap<&str, &str>, cut: bool) -> Option<Vec<Cow<'_, str>>> {
        let mut items = Vec::new();
        for begun in self.items.values() {
            let listed = begun.id().and_then(|id| named.remove(id));
            match listed.filter(|item| !begun.says_more(item, cut)) {
                Some(item) => items.push(Cow::Owned(item.to_owned())),
                None if begun.counts => items.push(begun.whole(cut)?),
                None => {}
            }
        }
        Some(items)
    }

    pub(super) fn write(&self, out: &mut String) {
        if let Some(whole) = &self.whole {
            return out.push_str(whole);
        }
        // Whoever reads this before the last event gets what is done by then.
        let done: Vec<_> = self.items.values().filter(|begun| begun.done).collect();
        out.push_str(r#"{"object":"response","status":"in_progress","output":"#);
        write_all(out, done, |begun, out| out.push_str(begun.item.as_deref().unwrap_or_default()));
        out.push('}');
    }
}

// === impl Begun ===

impl Begun {
    fn id(&self) -> Option<&str> {
        self.item.as_deref().map_or(self.id.as_deref(), id_of)
    }

    fn is_call(&self) -> bool {
        self.kind == Some(BlockKind::Tool)
    }

    /// Takes the item as it was added, or done; how many bytes it added. What was said is let go where it
    /// stands in the item.
    fn stands(&mut self, item: &str, done: bool) -> usize {
        let mut freed = self.item.replace(item.to_owned()).map_or(0, |item| item.len());
        (self.done, self.counts) = (done, self.counts || done);
        self.kind = json::object_in::<Item<'_>>(item).map(|item| item_kind(item.kind()));
        if done
            && !is_hollow(item)
            && let Said::Pieces(_, said) = std::mem::take(&mut self.said)
        {
            freed += said.len();
        }
        item.len().saturating_sub(freed)
    }

    /// Whether it has said something, of which there is nothing in this item; `cut`: a filter may have
    /// taken that back.
    fn says_more(&self, item: &str, cut: bool) -> bool {
        !cut && is_hollow(item) && self.whole(cut).is_some_and(|own| !is_hollow(&own))
    }

    /// As it was done; or, where it was not, or nothing is left of what it said, as it was said. A call
    /// that is not done is not known to be all.
    fn whole(&self, cut: bool) -> Option<Cow<'_, str>> {
        let done = self.item.as_deref().filter(|_| self.done);
        let stands =
            done.is_some_and(|done| cut || !is_hollow(done)) || self.is_call() && !self.done;
        let made = if stands { None } else { self.made() };
        made.map(Cow::Owned).or_else(|| done.map(Cow::Borrowed))
    }

    /// The item of what it said.
    fn made(&self) -> Option<String> {
        let Said::Pieces(_, said) = &self.said else { return None };
        let added = self.item.as_deref().and_then(members).unwrap_or_default();
        let anew = if self.is_call() { &CALLED[..] } else { &ANEW };
        let mut item = String::from("{");
        for (key, raw) in added.0.iter().filter(|(key, _)| !anew.contains(&key.as_ref())) {
            item.extend([&json::quoted(key), ":", raw.get(), ","]);
        }
        let custom = added.get("type").is_some_and(|kind| kind.get() == r#""custom_tool_call""#);
        let (before, behind) = match (self.is_call(), custom) {
            (true, true) => (r#""status":"completed","input":""#, "\"}"),
            (true, false) => (r#""status":"completed","arguments":""#, "\"}"),
            (false, _) => (
                r#""type":"message","role":"assistant","status":"completed","content":[{"type":"output_text","annotations":[],"text":""#,
                "\"}]}",
            ),
        };
        item.extend([before, said, behind]);
        Some(item)
    }
}
