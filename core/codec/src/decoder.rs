//! A provider's stream, as frames with their meaning.
//!
//! **Invariants:** CD1 and CD2 of the crate.

use crate::sse::{Fields, Framer};
use crate::{Error, chat, messages, responses};
use bytes::Bytes;
use ir::{Dialect, Events, Frame};

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
        let Fields { event, data: Some(data) } = Fields::read(frame, first) else {
            return Events::new();
        };
        match &mut self.meaning {
            Meaning::Chat(stream) => stream.events(event, &data),
            Meaning::Messages(stream) => stream.events(event, &data),
            Meaning::Responses(stream) => stream.events(event, &data),
            Meaning::Resumed(stream) => stream.events(event, &data),
        }
    }
}
