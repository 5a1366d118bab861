//! A provider's stream, as frames with their meaning.
//!
//! **Invariants:** CD1 and CD2 of the crate.

use crate::sse::{Fields, Framer};
use crate::{Error, chat, messages, responses};
use bytes::Bytes;
use ir::{Dialect, Event, Events, Frame};
use smallvec::smallvec;

#[cfg(test)]
mod tests;

/// Reads one answer's stream.
#[cfg_attr(test, derive(Clone))]
#[derive(Debug)]
pub struct Decoder {
    framer: Framer,
    meaning: Meaning,
    /// No frame was read yet.
    first: bool,
}

#[cfg_attr(test, derive(Clone))]
#[derive(Debug)]
enum Meaning {
    Chat(chat::Stream),
    Messages(messages::Stream),
    Responses(responses::Stream),
    Resumed(responses::stored::Resumed),
}

// === impl Decoder ===

impl Decoder {
    /// For an answer of `choices` choices (1 but for Chat's `n`). Its events say what kind of thing
    /// came, and nothing of what it said.
    pub fn new(dialect: Dialect, choices: u32) -> Self {
        Self::told(dialect, choices, false)
    }

    /// The same, with what was said in the events. But for that, and for [`ir::Event::Aside`] and
    /// several pieces of one block in one frame, the events are those of [`Self::new`].
    pub fn carrying(dialect: Dialect, choices: u32) -> Self {
        Self::told(dialect, choices, true)
    }

    /// For the stream of an answer of Responses that its provider keeps, perhaps from its middle. Its
    /// events are content and an end, whatever that is.
    pub fn resuming() -> Self {
        let meaning = Meaning::Resumed(responses::stored::Resumed::default());
        Self { framer: Framer::default(), meaning, first: true }
    }

    fn told(dialect: Dialect, choices: u32, carry: bool) -> Self {
        let meaning = match dialect {
            Dialect::Chat => Meaning::Chat(chat::Stream::new(choices, carry)),
            Dialect::Messages => Meaning::Messages(messages::Stream::new(carry)),
            Dialect::Responses => Meaning::Responses(responses::Stream::new(carry)),
        };
        Self { framer: Framer::default(), meaning, first: true }
    }

    /// Takes bytes as they come and puts out every frame that is whole. A frame that lies in one
    /// chunk is a slice of it, not a copy.
    ///
    /// Fails where a frame exceeds [`FRAME_BYTES_MAX`](crate::FRAME_BYTES_MAX); the frames before
    /// it are in `out`, and the decoder is of no more use.
    pub fn feed(&mut self, chunk: Bytes, out: &mut Vec<Frame>) -> Result<(), Error> {
        let mut rest = chunk;
        while let Some(bytes) = self.framer.next(&mut rest)? {
            let events = self.events(&bytes);
            out.push(Frame { bytes, events });
        }
        Ok(())
    }

    /// The bytes left that were not a whole frame: none, line ends that came after the last frame,
    /// or a frame that was cut (which has no meaning, as the WHATWG rules).
    pub fn finish(&mut self) -> Bytes {
        self.framer.finish()
    }

    fn events(&mut self, frame: &[u8]) -> Events {
        let first = std::mem::take(&mut self.first);
        let Ok(text) = std::str::from_utf8(frame) else {
            return self.foreign(&String::from_utf8_lossy(frame), first);
        };
        let fields = Fields::read(text, first);
        if fields.torn && fields.data.is_some() {
            return self.failing(&fields, "a frame with what is left of another");
        }
        self.meaning.frame(&fields)
    }

    /// A frame that is not UTF-8, as a stream of events must be: strict clients end there, others show
    /// something else than was said. So an error is told in other words than its own bytes.
    fn foreign(&self, text: &str, first: bool) -> Events {
        let fields = Fields::read(text, first);
        if fields.data.is_none() && self.meaning.anew().frame(&fields).is_empty() {
            return smallvec![Event::Noise("a comment that is not UTF-8")];
        }
        let mut events = self.failing(&fields, "a frame that is not UTF-8");
        for event in &mut events {
            if let Event::Fail(rejection) = event {
                rejection.unheard = true;
            }
        }
        events
    }

    /// A frame of which nothing is taken in, for this reason; an error is one all the same.
    fn failing(&self, fields: &Fields<'_>, reason: &'static str) -> Events {
        let mut events = self.meaning.anew().frame(fields);
        events.retain(|event| matches!(event, Event::Fail(_)));
        if events.is_empty() {
            events.push(Event::Malformed(reason));
        }
        events
    }
}

// === impl Meaning ===

impl Meaning {
    /// The same dialect's at a stream's beginning.
    fn anew(&self) -> Self {
        match self {
            Self::Chat(_) => Self::Chat(chat::Stream::new(1, false)),
            Self::Messages(_) => Self::Messages(messages::Stream::new(false)),
            Self::Responses(_) => Self::Responses(responses::Stream::new(false)),
            Self::Resumed(_) => Self::Resumed(responses::stored::Resumed::default()),
        }
    }

    /// What a frame with these fields means.
    fn frame(&mut self, fields: &Fields<'_>) -> Events {
        let Fields { event, data, stray, .. } = fields;
        match (self, data) {
            (Self::Chat(stream), Some(data)) => stream.events(event, data),
            (Self::Messages(stream), Some(data)) => stream.events(event, data),
            (Self::Responses(stream), Some(data)) => stream.events(event, data),
            (Self::Resumed(stream), Some(data)) => stream.events(event, data),
            (meaning, None) if *stray || meaning.has_data(event) => {
                smallvec![Event::Malformed("a frame that has lost its data")]
            }
            (_, None) => Events::new(),
        }
    }

    /// Whether an event of this name is never without data, and no keep-alive.
    fn has_data(&self, event: &str) -> bool {
        match self {
            Self::Chat(_) => event == "error",
            Self::Messages(_) => messages::has_data(event),
            Self::Responses(_) | Self::Resumed(_) => responses::has_data(event),
        }
    }
}
