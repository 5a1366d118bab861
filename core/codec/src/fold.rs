//! A stream as the whole answer that it would have been: the counterpart of [`unfold`].
//!
//! What is joined is joined as it is spelled: of strings the text between their quotes, so that no
//! escape is written anew and halves of a surrogate pair meet; everything else keeps its text. Keys
//! keep the order in which they first came, and unknown ones are kept at every level. The rules are
//! those of the official SDKs' own accumulators; where they differ is said beside each.
//!
//! **Invariant:** what does not fit is not taken in at all, so that [`Fold::document`] is a complete
//! document of everything before it.
//!
//! [`unfold`]: crate::unfold

mod chat;
mod messages;
mod partial;
mod responses;
mod tree;

use crate::Error;
use crate::sse::Fields;
use bytes::Bytes;
use ir::{Dialect, Event, Frame};

#[cfg(test)]
mod tests;

/// Puts one answer's stream together.
#[derive(Debug)]
pub struct Fold {
    answer: Answer,
    /// No frame was seen yet.
    first: bool,
    /// The end marker or an error was seen: what follows belongs to nobody.
    over: bool,
    /// Bytes that are held.
    held: usize,
    held_max: usize,
}

#[derive(Debug)]
enum Answer {
    Chat(chat::Answer),
    Messages(messages::Answer),
    Responses(responses::Answer),
}

// === impl Fold ===

impl Fold {
    /// For one answer, of which no more than `held_max` bytes are held.
    pub fn new(dialect: Dialect, held_max: usize) -> Self {
        let answer = match dialect {
            Dialect::Chat => Answer::Chat(chat::Answer::default()),
            Dialect::Messages => Answer::Messages(messages::Answer::default()),
            Dialect::Responses => Answer::Responses(responses::Answer::default()),
        };
        Self { answer, first: true, over: false, held: 0, held_max }
    }

    /// Takes the next frame in, as the decoder gave it: one that was malformed or says something
    /// again is left out, and behind the end nothing is listened to.
    ///
    /// Fails where there is more than may be held, where the arguments of a call are not JSON, or
    /// where an object is too large to be looked into.
    pub fn take(&mut self, frame: &Frame) -> Result<(), Error> {
        let first = std::mem::take(&mut self.first);
        let odd = |event: &Event| {
            matches!(event, Event::Malformed(_) | Event::Repeated(_) | Event::Noise(_))
        };
        let fails = frame.events.iter().any(|event| matches!(event, Event::Fail(_)));
        let ends = frame.events.contains(&Event::End);
        // The last event of Responses has the answer; the end markers of others have nothing.
        let last = match &self.answer {
            Answer::Responses(_) => false,
            Answer::Chat(_) | Answer::Messages(_) => ends,
        };
        let over = self.over;
        self.over = over || fails || ends;
        if over || fails || last || frame.events.iter().any(odd) {
            return Ok(());
        }
        let text = std::str::from_utf8(&frame.bytes).unwrap_or_default();
        let Fields { event, data: Some(text), .. } = Fields::read(text, first) else {
            return Ok(());
        };
        if self.held.saturating_add(text.len()) > self.held_max {
            return Err(Error::TooLarge { limit: self.held_max });
        }
        let added = match &mut self.answer {
            Answer::Chat(answer) => answer.take(&text),
            Answer::Messages(answer) => answer.take(event, &text),
            Answer::Responses(answer) => answer.take(event, &text, &frame.events),
        };
        // What means nothing to the decoder may have any shape.
        let added =
            added.or_else(|error| if frame.events.is_empty() { Ok(0) } else { Err(error) })?;
        self.held = self.held.saturating_add(added);
        Ok(())
    }

    /// The whole answer, of everything that was taken in.
    pub fn document(&self) -> Bytes {
        let mut out = String::with_capacity(self.held);
        match &self.answer {
            Answer::Chat(answer) => answer.write(&mut out),
            Answer::Messages(answer) => answer.write(&mut out),
            Answer::Responses(answer) => answer.write(&mut out),
        }
        Bytes::from(out)
    }
}
