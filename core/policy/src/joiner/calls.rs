//! Calls behind those that were delivered: which of them are others.
//!
//! **Invariants:** a call is put out whole, when it is closed, and only if it is none of those that were
//! delivered; what is held of it is what it says, in however many pieces it came, and is given back then.

mod digest;

use super::HELD_MAX;
use crate::told::{Told, Unescape};
use ir::{Aside, Block, Call, Event, Events, ItemEvent, Opening, Piece, Said};
use std::collections::BTreeMap;

/// See the module.
#[derive(Debug)]
pub(super) struct Calls {
    /// Those that were delivered and did not come again: what each says.
    told: Vec<u64>,
    /// Those that come, each held until it is known to be another.
    open: BTreeMap<Block, Held>,
    /// What is said beside them: the word that nothing follows, or it is not certain what.
    text: String,
    /// There is to be no other.
    one: bool,
    /// Another call than those came.
    more: bool,
    held: usize,
    held_max: usize,
}

/// A call that comes.
#[derive(Debug, Default)]
struct Held {
    /// What is said of it beside its arguments; `None` where it began as something else.
    call: Option<Call>,
    /// The inside of a JSON string.
    arguments: String,
    /// What else is said of it.
    rest: Vec<Event>,
    /// How much of it is held, in bytes.
    size: usize,
}

/// The word by which a model says that nothing follows the calls that were delivered.
pub const NOTHING_MORE: &str = "NOTHING-MORE";

const SAYS: &str = "it says something behind the calls that were delivered";

// === impl Calls ===

impl Calls {
    /// Behind those of `told`. `one`: there is to be no other; of those that come, `held_max` bytes are
    /// held.
    pub(super) fn new(told: &Told, one: bool, held_max: usize) -> Self {
        let calls = told.parts().iter().filter_map(|part| match part {
            Said::Call(call, arguments) => Some(says(&call.name, arguments)),
            Said::Text(_) | Said::Thinking(..) | Said::Redacted(_) => None,
        });
        Self {
            told: calls.collect(),
            open: BTreeMap::new(),
            text: String::new(),
            one,
            more: false,
            held: 0,
            held_max,
        }
    }

    /// Something is said beside them.
    pub(super) fn says(&mut self, text: &str) -> Result<(), &'static str> {
        self.text.push_str(text);
        if HELD_MAX < self.text.len() { Err(SAYS) } else { Ok(()) }
    }

    /// Takes more of a call in; when it is closed, puts all of it out, unless it was delivered before.
    pub(super) fn take(&mut self, event: Event, left: &mut Events) -> Result<(), &'static str> {
        left.push(Event::Progress);
        let Some(block) = event.block() else { return Ok(()) };
        if matches!(event, Event::Close(_)) {
            return self.closes(block, left);
        }
        let call = self.open.entry(block).or_default();
        let before = call.size;
        call.take(event);
        self.held = self.held.saturating_sub(before).saturating_add(call.size);
        if self.held_max < self.held { Err("more calls than can be held") } else { Ok(()) }
    }

    fn closes(&mut self, block: Block, left: &mut Events) -> Result<(), &'static str> {
        let call = self.open.remove(&block).unwrap_or_default();
        self.held = self.held.saturating_sub(call.size);
        if !self.is_silent() && !self.says_over() {
            return Err(SAYS);
        }
        // Each that was delivered accounts for one.
        let says = says(call.call.as_ref().map_or("", |call| &call.name), &call.arguments);
        if let Some(known) = self.told.iter().position(|told| *told == says) {
            self.told.swap_remove(known);
        } else if self.one {
            return Err("it makes a second call where one may be");
        } else {
            self.more = true;
            call.put(block, left);
        }
        Ok(())
    }

    /// It is known that nothing follows: that was said, or the calls that follow came.
    pub(super) fn is_over(&self) -> bool {
        self.open.is_empty() && (self.says_over() || (self.more && self.is_silent()))
    }

    fn is_silent(&self) -> bool {
        self.text.trim().is_empty()
    }

    fn says_over(&self) -> bool {
        self.text.trim_matches(|c: char| !c.is_alphanumeric()) == NOTHING_MORE
    }
}

/// What a call says, whatever its spelling: with another name, or other arguments, it is another. Both are
/// the insides of JSON strings; what cannot be read is spelled in one way.
fn says(name: &str, arguments: &str) -> u64 {
    let name = digest::spelled(plain(name).as_deref().unwrap_or(name));
    let said = plain(arguments).and_then(|text| {
        // Those of a call without any.
        digest::of(if text.trim().is_empty() { "{}" } else { &text })
    });
    digest::both(name, said.unwrap_or_else(|| digest::spelled(arguments)))
}

/// The text whose inside this is, where it is one.
fn plain(inside: &str) -> Option<String> {
    let mut text = String::new();
    Unescape::default().push(inside, &mut text).then_some(text)
}

// === impl Held ===

impl Held {
    /// Takes more of it in: pieces become one, and what is repeated with each of them is there once.
    fn take(&mut self, event: Event) {
        if let Event::Delta(_, Piece::Arguments(raw)) = &event {
            self.size = self.size.saturating_add(raw.len());
            self.arguments.push_str(raw);
            return;
        }
        if let Some(call) = &mut self.call
            && let Event::Aside(Aside::Call(_, later)) = &event
        {
            let before = size(call);
            call.learn(later);
            self.size = self.size.saturating_sub(before).saturating_add(size(call));
            return;
        }
        if self.call.is_none()
            && let Event::Open(_, Some(opening)) = &event
            && let Opening::Call(call) = &**opening
        {
            self.size = self.size.saturating_add(size(call));
            self.call = Some(call.clone());
            return;
        }
        self.keep(event);
    }

    fn keep(&mut self, event: Event) {
        self.size = self.size.saturating_add(weight(&event));
        self.rest.push(event);
    }

    fn put(self, block: Block, left: &mut Events) {
        let opening = self.call.map(|call| Box::new(Opening::Call(call)));
        left.extend(opening.map(|opening| Event::Open(block, Some(opening))));
        left.extend(self.rest);
        if !self.arguments.is_empty() {
            left.push(Event::Delta(block, Piece::Arguments(self.arguments.into())));
        }
        left.push(Event::Close(block));
    }
}

/// What is held of a call beside its arguments, in bytes: one that says nothing is not for nothing.
fn size(call: &Call) -> usize {
    size_of::<(Block, Held)>().saturating_add(call.said())
}

/// The same of whatever else is said of it.
fn weight(event: &Event) -> usize {
    let said = match event {
        Event::Delta(_, piece) => match piece {
            Piece::Text(raw)
            | Piece::Refusal(raw)
            | Piece::Thinking(raw)
            | Piece::Signature(raw)
            | Piece::Details(raw)
            | Piece::Arguments(raw)
            | Piece::Citation(raw) => raw.len(),
            Piece::Unread | Piece::Native(_) => 0,
        },
        Event::Open(_, Some(opening)) => match &**opening {
            Opening::Call(call) => size(call),
            Opening::Redacted(raw) | Opening::Native(raw) => raw.len(),
        },
        Event::Aside(aside) => match aside {
            Aside::Call(_, call) | Aside::Shown(_, call) => size(call),
            Aside::Sealed(_, raw) | Aside::Kept(ItemEvent { json: raw, .. }) => raw.len(),
            Aside::Native(_) | Aside::Mark(_) | Aside::Contradicted => 0,
        },
        Event::Open(_, None)
        | Event::Close(_)
        | Event::Ping
        | Event::Start(_)
        | Event::Progress
        | Event::Finish(..)
        | Event::Usage(_)
        | Event::End
        | Event::Fail(_)
        | Event::Repeated(_)
        | Event::Malformed(_)
        | Event::Noise(_) => 0,
    };
    size_of::<Event>() + said
}
