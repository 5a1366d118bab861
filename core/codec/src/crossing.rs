//! An answer that crosses: a provider's stream in one dialect, as the stream of another.
//!
//! ```text
//!   provider's bytes ─▶ Decoder (carrying) ─▶ events ─▶ encoder ─▶ caller's bytes
//! ```
//!
//! The events are the provider's, but for how calls are named and written, and the exchange decides by
//! them as it does where nothing crosses. The bytes of a frame are what the caller may have by then:
//! none where something must be held, more than one event where it could not be said before.
//!
//! It also writes what goes on with an answer that was cut ([`Crossing::resumed`]), whatever the two
//! dialects are: one envelope, its ids and places kept.
//!
//! **Invariants:** what leaves is a legal stream of the caller's dialect at every point, and has an
//! end only if the provider gave a finish. No part of a tool call leaves before all of it is there,
//! and none whose arguments are not a JSON object: clients carry out what they can read of a call.
//! Of several choices the first is read and no other. Texts and arguments are never re-spelled. What
//! cannot be said is a [`ir::Loss`]. **Absent:**
//! whole documents; they cross as streams.

mod call;
mod chat;
mod desk;
mod messages;
mod responses;
mod resume;
#[cfg(test)]
mod tests;

use crate::request::Alias;
use crate::{Decoder, Error, seal, sse};
use bytes::Bytes;
use desk::Desk;
use ir::{Aside, Block, Crossable, Event, Events, Frame, Losses, Mark};
pub use resume::Resume;

/// What a crossing has to know beside the bytes.
#[derive(Clone, Debug)]
pub struct CrossingPlan {
    /// The provider's dialect.
    pub from: Crossable,
    /// The caller's.
    pub to: Crossable,
    /// Whose secrets are sealed: the target's.
    pub origin: seal::Origin,
    /// The model to show.
    pub model: String,
    /// Our id of the request: where the provider gave the answer no id, and in errors.
    pub request_id: String,
    /// Tools that the provider knows by another name, or in another form, than the caller; sorted by
    /// the provider's names.
    pub aliases: Vec<Alias>,
    /// The caller of Chat asked for usage. Messages always tells it.
    pub include_usage: bool,
    /// The time, in seconds since 1970, where the provider does not tell it.
    pub now_unix: u64,
}

/// Writes one answer's stream in another dialect.
#[derive(Debug)]
pub struct Crossing {
    decoder: Decoder,
    encoder: Encoder,
    desk: Desk,
    /// The provider failed, or a call that must not be shown was met: what follows means nothing.
    over: bool,
    /// Its blocks are those of Chat, and say which choice they belong to.
    choices: bool,
    /// The choice that is read: the first that says something.
    chosen: Option<u32>,
    /// Its frames say where the caller's stream stands.
    marks: bool,
    /// What was told of it last.
    marked: Option<Mark>,
}

#[derive(Debug)]
enum Encoder {
    Chat(Box<chat::Encoder>),
    Messages(Box<messages::Encoder>),
    Responses(Box<responses::Encoder>),
}

/// What became of a frame's events.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Verdict {
    /// They are as they were.
    Same,
    /// The frame ends a tool call that must not be shown; the reason.
    Broken(&'static str),
}

// === impl Crossing ===

impl Crossing {
    /// For one answer with one choice, of which no more than `held_max` bytes are held: tool calls that
    /// are open, reasoning that is repeated at its end.
    pub fn new(plan: CrossingPlan, held_max: usize) -> Self {
        let decoder = Decoder::carrying(plan.from.dialect(), 1);
        let desk = Desk::new(held_max);
        let choices = plan.from == Crossable::Chat;
        let encoder = match plan.to {
            Crossable::Chat => Encoder::Chat(Box::new(chat::Encoder::new(plan))),
            Crossable::Messages => Encoder::Messages(Box::new(messages::Encoder::new(plan))),
        };
        Self {
            decoder,
            encoder,
            desk,
            over: false,
            choices,
            chosen: None,
            marks: false,
            marked: None,
        }
    }

    /// The same, whose frames also say where the caller's stream stands, and under which name: for
    /// whoever may have to go on with it.
    #[must_use]
    pub fn marking(mut self) -> Self {
        self.marks = true;
        self
    }

    /// Takes the provider's bytes as they come and puts out a frame for each of its frames: the
    /// caller's bytes, perhaps none, and the provider's events. Events of frames that are to be
    /// left out (`Malformed`, `Repeated`) have no bytes. A tool call whose arguments are not JSON
    /// is `Malformed` while it is open, and nothing follows.
    ///
    /// Fails where a frame is too long or more would have to be held than may be; the frames before
    /// it are in `out`, and the crossing is of no more use.
    pub fn feed(&mut self, chunk: Bytes, out: &mut Vec<Frame>) -> Result<(), Error> {
        self.feed_through(chunk, out, |_| Ok(()))
    }

    /// The same, where only what `sieve` leaves of a frame's events is written. It may fail. Calls
    /// have the caller's names by then.
    pub fn feed_through(
        &mut self,
        chunk: Bytes,
        out: &mut Vec<Frame>,
        mut sieve: impl FnMut(&mut Events) -> Result<(), &'static str>,
    ) -> Result<(), Error> {
        let first = out.len();
        let fed = self.decoder.feed(chunk, out);
        for place in first..out.len() {
            let Some(frame) = out.get_mut(place) else { break };
            self.choose(&mut frame.events);
            call::rename(&mut frame.events, self.encoder.aliases());
            let sieved = sieve(&mut frame.events).map_err(Error::Unjoined);
            if let Err(error) = sieved.and_then(|()| self.frame(frame)) {
                out.truncate(place);
                return Err(error);
            }
        }
        fed
    }

    /// The end of a stream whose finish was seen and whose end marker never came; nothing where
    /// there was no finish, or the end is written.
    pub fn end(&mut self) -> Bytes {
        match &mut self.encoder {
            Encoder::Chat(encoder) => encoder.end(&mut self.desk),
            Encoder::Messages(encoder) => encoder.end(&mut self.desk),
            Encoder::Responses(encoder) => encoder.end(&mut self.desk),
        }
        self.desk.take()
    }

    /// What could not be said so far.
    pub fn losses(&self) -> &Losses {
        &self.desk.losses
    }

    /// Leaves of an answer its first choice: nobody asked for another. One that comes is work, and shows
    /// nothing.
    fn choose(&mut self, events: &mut Events) {
        if !self.choices {
            return;
        }
        let choice = |event: &Event| event.block().map(Block::item);
        self.chosen = self.chosen.or_else(|| events.iter().find_map(choice));
        let chosen = self.chosen;
        let other = |event: &Event| choice(event).is_some_and(|choice| Some(choice) != chosen);
        if events.iter().any(other) {
            self.desk.lose("choices[]", "dropped: all but the first");
            events.retain(|event| !other(event));
            events.insert(0, Event::Progress);
        }
    }

    fn frame(&mut self, frame: &mut Frame) -> Result<(), Error> {
        if self.over {
            *frame = Frame { bytes: Bytes::new(), events: Events::new() };
            return Ok(());
        }
        if frame.events.is_empty() && sse::is_comment(&frame.bytes) {
            if self.is_over() {
                frame.bytes = Bytes::new();
            }
            return Ok(());
        }
        if frame.events.contains(&Event::Aside(Aside::Contradicted)) {
            // What was written of its pieces has a hole.
            self.over = true;
            frame.bytes = Bytes::new();
            let hole = Event::Malformed("pieces that are not what was said as a whole");
            frame.events = Events::from_iter([Event::Aside(Aside::Contradicted), hole]);
            return Ok(());
        }
        if self.marks {
            self.desk.count(&frame.events);
        }
        let verdict = match &mut self.encoder {
            Encoder::Chat(encoder) => encoder.frame(&mut frame.events, &mut self.desk)?,
            Encoder::Messages(encoder) => encoder.frame(&mut frame.events, &mut self.desk)?,
            Encoder::Responses(encoder) => encoder.frame(&mut frame.events, &mut self.desk)?,
        };
        frame.bytes = self.desk.take();
        self.mark(&mut frame.events);
        if let Verdict::Broken(what) = verdict {
            self.over = true;
            frame.bytes = Bytes::new();
            frame.events = Events::from_elem(Event::Malformed(what), 1);
        }
        for event in &mut frame.events {
            if let Event::Fail(rejection) = event {
                // What is written of it is what the caller's dialect has for it.
                rejection.unheard = false;
                // Whether the answer was complete by then, `end` knows.
                self.over = true;
            }
        }
        Ok(())
    }

    fn mark(&mut self, events: &mut Events) {
        if !self.marks {
            return;
        }
        let (mark, envelope) = match &mut self.encoder {
            Encoder::Chat(encoder) => (encoder.mark(), encoder.envelope()),
            Encoder::Messages(encoder) => (encoder.mark(), encoder.envelope()),
            Encoder::Responses(encoder) => {
                events.retain(|event| !matches!(event, Event::Aside(Aside::Kept(_))));
                let kept = encoder.kept().into_iter();
                events.extend(kept.map(|event| Event::Aside(Aside::Kept(event))));
                (Mark::default(), encoder.envelope())
            }
        };
        for event in &mut *events {
            if let Event::Start(start) = event {
                *start = Some(Box::new(envelope.clone()));
            }
        }
        // The first one too, or it would be made of blocks that were held back.
        if self.marked != Some(mark) {
            self.marked = Some(mark);
            events.push(Event::Aside(Aside::Mark(mark)));
        }
    }

    fn is_over(&self) -> bool {
        match &self.encoder {
            Encoder::Chat(encoder) => encoder.is_over(),
            Encoder::Messages(encoder) => encoder.is_over(),
            Encoder::Responses(encoder) => encoder.is_over(),
        }
    }
}

// === impl Encoder ===

impl Encoder {
    /// The names of tools.
    fn aliases(&self) -> &[Alias] {
        match self {
            Self::Chat(encoder) => encoder.aliases(),
            Self::Messages(encoder) => encoder.aliases(),
            // Nothing crosses to it.
            Self::Responses(_) => &[],
        }
    }
}
