//! Where one attempt's answer goes on with another's: which of its events the caller may see.
//!
//! ```text
//!            text that is not joined yet: held
//!              ┌────┐
//!              ▼    │        the joint is certain
//!   new ──▶ Seeking ┴──────────────────────────────▶ Joined ──▶ everything passes
//!              │ it is not, and cannot become so          │
//!              ▼                                          ▼ a document that is not what was asked for
//!            Lost ◀───────────────────────────────────────┘
//! ```
//!
//! **Invariants:** nothing that could be shown passes before the joint is certain; no call that was
//! delivered is shown again; a document that was promised a form is shown to its end only if all of
//! it has that form. **Absent:** bytes, dialects.

use crate::seam::{Join, Joint, Seam, Shown, TOLD_MAX};
use crate::told::{Told, Unescape, Way, escaped};
use calls::Calls;
pub use calls::NOTHING_MORE;
use ir::{Block, BlockKind, Event, Events, Finish, Piece, Reason};
use std::fmt;

mod calls;
#[cfg(test)]
mod tests;

/// What a joined document must be.
pub struct Form(Box<dyn Fn(&str) -> bool + Send>);

/// What holds for the answer.
#[derive(Debug)]
pub struct Terms {
    /// Its text is to be one document.
    pub form: Option<Form>,
    /// It has one tool call at most.
    pub one_call: bool,
    /// What may be held of its calls, in bytes.
    pub held_max: usize,
}

/// See the module.
#[derive(Debug)]
pub struct Joiner {
    state: State,
    /// It has said something behind the joint, or has none.
    said: bool,
    unescape: Unescape,
    document: Option<Document>,
}

#[derive(Debug)]
enum State {
    /// Text is held until its joint is certain.
    Seeking(Box<Seam>),
    /// Calls were shown last.
    Calls(Calls),
    Joined,
}

/// A document that is held until it is known to be one.
#[derive(Debug)]
struct Document {
    form: Form,
    /// What was delivered, and what is held behind it.
    text: String,
    delivered: usize,
}

/// What is held of a text, in bytes.
const HELD_MAX: usize = TOLD_MAX;

// === impl Terms ===

impl Default for Terms {
    fn default() -> Self {
        Self { form: None, one_call: false, held_max: HELD_MAX }
    }
}

// === impl Form ===

impl Form {
    /// A document of this form.
    pub fn new(is: impl Fn(&str) -> bool + Send + 'static) -> Self {
        Self(Box::new(is))
    }
}

impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Form")
    }
}

// === impl Joiner ===

impl Joiner {
    /// For an attempt that was asked in this way to go on with what was told.
    pub fn new(told: &Told, way: Way, terms: Terms) -> Self {
        let text = told.text();
        let seam = |join| {
            State::Seeking(Box::new(Seam::new(&text, told.half(), told.is_text_over(), join)))
        };
        let state = match way {
            Way::Fresh if text.is_empty() => State::Joined,
            // White space at most, which may come again.
            Way::Fresh | Way::Restart => seam(Join::Restart),
            Way::Anchor => seam(Join::Anchor),
            Way::Prefill => seam(Join::Prefill),
            Way::Calls => State::Calls(Calls::new(told, terms.one_call, terms.held_max)),
        };
        let delivered = text.len();
        // Where nothing of it was delivered, the document is one attempt's own.
        let form = terms.form.filter(|_| !matches!(state, State::Joined));
        let document = form.map(|form| Document { form, text, delivered });
        let said = matches!(state, State::Joined);
        Self { state, said, unescape: Unescape::default(), document }
    }

    /// Leaves of a frame's events what the caller may see. Fails, with the reason, where the answer
    /// does not go on with what was told: nothing of the frame may be shown then.
    pub fn pass(&mut self, events: &mut Events) -> Result<(), &'static str> {
        let mut left = Events::new();
        for event in std::mem::take(events) {
            self.event(event, &mut left)?;
        }
        *events = left;
        Ok(())
    }

    fn event(&mut self, event: Event, left: &mut Events) -> Result<(), &'static str> {
        let Some(block) = event.block() else {
            if let Event::Finish(finish, reason) = event {
                return self.finish(finish, reason, left);
            }
            left.push(event);
            return Ok(());
        };
        match block.kind {
            BlockKind::Text => self.text(event, left),
            BlockKind::Tool => self.tool(event, left),
            // Whoever goes on thinks anew: it is not what the reader was reading.
            BlockKind::Reasoning if !self.is_joined() => {
                left.push(Event::Progress);
                Ok(())
            }
            BlockKind::Other if !self.is_joined() => Err("it begins with something else"),
            BlockKind::Reasoning | BlockKind::Other => {
                left.push(event);
                Ok(())
            }
        }
    }

    fn is_joined(&self) -> bool {
        matches!(self.state, State::Joined)
    }

    /// Whether text passes as it comes.
    fn flows(&self) -> bool {
        self.is_joined() && self.document.is_none()
    }

    fn text(&mut self, event: Event, left: &mut Events) -> Result<(), &'static str> {
        let Event::Delta(block, Piece::Text(raw)) = event else {
            if !self.is_joined()
                && let Event::Delta(_, piece) = &event
            {
                about(piece)?;
            }
            left.push(if self.flows() { event } else { Event::Progress });
            return Ok(());
        };
        if self.flows() && self.said {
            left.push(Event::Delta(block, Piece::Text(raw)));
            return Ok(());
        }
        let mut text = String::new();
        if !self.unescape.push(&raw, &mut text) {
            return Err("its text is no text");
        }
        match &mut self.state {
            State::Joined => self.shows(block, &Shown { low: None, text }, left),
            State::Calls(calls) => {
                calls.says(&text)?;
                left.push(Event::Progress);
                Ok(())
            }
            State::Seeking(seam) => {
                let mut shown = Shown::default();
                match seam.take(&text, &mut shown) {
                    Joint::Held => left.push(Event::Progress),
                    Joint::Lost(why) => return Err(why),
                    Joint::Joined => {
                        self.state = State::Joined;
                        self.shows(block, &shown, left)?;
                    }
                }
                Ok(())
            }
        }
    }

    /// Text that may be seen, or is held until all of its document is there.
    fn shows(
        &mut self,
        block: Block,
        shown: &Shown,
        left: &mut Events,
    ) -> Result<(), &'static str> {
        self.said |= shown.low.is_some() || !shown.text.trim().is_empty();
        if let Some(document) = &mut self.document {
            document.text.push_str(&shown.text);
            left.push(Event::Progress);
            let long = shown.low.is_some() || HELD_MAX < document.text.len();
            return if long { Err("its document cannot be checked") } else { Ok(()) };
        }
        let mut raw = shown.low.map(|low| format!("\\u{low:04x}")).unwrap_or_default();
        raw.push_str(&escaped(&shown.text));
        // From here on pieces pass as they are spelled: so does half a character.
        if let Some(high) = std::mem::take(&mut self.unescape).half() {
            raw.extend(["\\u", &format!("{high:04x}")]);
            self.said = true;
        }
        if !raw.is_empty() {
            left.push(Event::Delta(block, Piece::Text(raw.into())));
        }
        Ok(())
    }

    fn tool(&mut self, event: Event, left: &mut Events) -> Result<(), &'static str> {
        if let Event::Open(block, _) = &event {
            self.ends_text(*block, true, left)?;
        }
        match &mut self.state {
            State::Calls(calls) => calls.take(event, left),
            State::Joined | State::Seeking(_) => {
                left.push(event);
                Ok(())
            }
        }
    }

    /// Joins what is held of its text, now or never.
    fn joins(&mut self, block: Block, left: &mut Events) -> Result<(), &'static str> {
        let State::Seeking(seam) = &mut self.state else { return Ok(()) };
        let mut shown = Shown::default();
        match seam.end(&mut shown) {
            Joint::Joined => {}
            Joint::Held => return Err("its end is no joint"),
            Joint::Lost(why) => return Err(why),
        }
        self.state = State::Joined;
        self.shows(block, &shown, left)
    }

    /// Its text is over. `calls`: it calls tools, and says no document then.
    fn ends_text(
        &mut self,
        block: Block,
        calls: bool,
        left: &mut Events,
    ) -> Result<(), &'static str> {
        let block = Block { kind: BlockKind::Text, index: block.index };
        self.joins(block, left)?;
        let calls = calls || matches!(self.state, State::Calls(_));
        let silent = |document: &Document| calls && document.text.trim().is_empty();
        if self.document.as_ref().is_some_and(silent) {
            return Ok(());
        }
        let Some(document) = self.document.take() else { return Ok(()) };
        if !(document.form.0)(&document.text) {
            return Err("the joined document is not what was asked for");
        }
        let text = document.text.get(document.delivered..).unwrap_or_default().to_owned();
        self.shows(block, &Shown { low: None, text }, left)
    }

    fn finish(
        &mut self,
        finish: Finish,
        reason: Option<Box<Reason>>,
        left: &mut Events,
    ) -> Result<(), &'static str> {
        let block = Block { kind: BlockKind::Text, index: 0 };
        // Who was stopped behind the joint has gone on, however little was said by then; who was stopped
        // before has not.
        if finish == Finish::Refusal && (self.joins(block, left).is_err() || !self.said) {
            return Err("it declined");
        }
        self.ends_text(block, finish == Finish::Tool, left)?;
        let State::Calls(calls) = &self.state else {
            left.push(Event::Finish(finish, reason));
            return Ok(());
        };
        if !calls.is_over() || !matches!(finish, Finish::Stop | Finish::Tool) {
            return Err("it is not said whether more calls follow");
        }
        left.push(Event::Finish(Finish::Tool, None));
        Ok(())
    }
}

/// What a piece of a text block that is no text says before the texts are joined.
fn about(piece: &Piece) -> Result<(), &'static str> {
    match piece {
        Piece::Refusal(_) => Err("it declined"),
        Piece::Native(_) => Err("it begins with something that only its dialect has"),
        // It is about text that is left out.
        Piece::Citation(_)
        | Piece::Unread
        | Piece::Text(_)
        | Piece::Thinking(_)
        | Piece::Signature(_)
        | Piece::Details(_)
        | Piece::Arguments(_) => Ok(()),
    }
}
