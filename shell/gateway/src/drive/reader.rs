//! What is made of a provider's stream: frames for the exchange, and, where the caller wants it, a
//! whole answer.
//!
//! ```text
//!   the caller's dialect:    bytes ─▶ Decoder ─▶ frames ──────────────────▶ relayed, or Fold ─▶ document
//!   another:                 bytes ─▶ Crossing ─▶ frames ─▶ Decoder, if ──▶ relayed, or Fold ─▶ document
//!                                                           there is a Fold
//!   going on with another:   bytes ─▶ Crossing, of what its Joiner lets pass ─▶ frames ─▶ relayed
//! ```
//!
//! **Invariant:** a frame that goes into a document has no bytes left to be relayed, unless it is
//! an error, which becomes a body of its own.

use super::manner::Wish;
use super::resume::Going;
use crate::ask::Endpoint;
use bytes::Bytes;
use codec::{Crossing, CrossingPlan, Decoder, Error, Fold};
use ir::{Event, Events, Failure, Frame, Losses, Shape};
use policy::Joiner;

/// Reads one answer. It outlives the connection: what comes behind the finish reason may be cut.
#[derive(Debug)]
pub(super) struct Reader {
    way: Way,
    fold: Option<Fold>,
}

#[derive(Debug)]
enum Way {
    /// Both speak the same.
    Same(Decoder),
    /// The answer is written anew; a decoder of the caller's dialect cuts it for the fold.
    Crossed(Box<Crossing>, Decoder),
    /// It goes on with another answer.
    Resumed(Box<Crossing>, Box<Joiner>),
}

// === impl Reader ===

impl Reader {
    /// For a caller with this wish; `crossing` where the provider speaks another dialect.
    pub(super) fn new(wish: &Wish, crossing: Option<CrossingPlan>) -> Self {
        let decoder = match wish.endpoint {
            Endpoint::Stored => Decoder::resuming(),
            Endpoint::Create if wish.continues => Decoder::carrying(wish.dialect, wish.choices),
            Endpoint::Create | Endpoint::Count | Endpoint::Compact => {
                Decoder::new(wish.dialect, wish.choices)
            }
        };
        let way = match crossing {
            Some(plan) => {
                let crossing = Crossing::new(plan, wish.answer_max);
                let crossing = if wish.continues { crossing.marking() } else { crossing };
                Way::Crossed(Box::new(crossing), decoder)
            }
            None => Way::Same(decoder),
        };
        let fold = match wish.shape {
            Shape::Whole => Some(Fold::new(wish.dialect, wish.answer_max)),
            Shape::Stream => None,
        };
        Self { way, fold }
    }

    /// For an answer that goes on with another.
    pub(super) fn resumed(wish: &Wish, crossing: Option<CrossingPlan>, going: Going) -> Self {
        let Going { resume, joiner, request_id, .. } = going;
        let crossing = match crossing {
            Some(plan) => Crossing::resumed(plan, resume, wish.answer_max),
            None => Crossing::resumed_responses(request_id, resume, wish.answer_max),
        };
        Self { way: Way::Resumed(Box::new(crossing), Box::new(joiner)), fold: None }
    }

    /// Whether its answer becomes a document.
    pub(super) fn folds(&self) -> bool {
        self.fold.is_some()
    }

    /// Takes the next bytes. The frames before a failure are good.
    pub(super) fn feed(&mut self, chunk: Bytes) -> (Vec<Frame>, Result<(), Failure>) {
        let mut frames = Vec::new();
        let fed = match &mut self.way {
            Way::Same(decoder) => decoder.feed(chunk, &mut frames),
            Way::Crossed(crossing, _) => crossing.feed(chunk, &mut frames),
            Way::Resumed(crossing, joiner) => {
                crossing.feed_through(chunk, &mut frames, |events| joiner.pass(events))
            }
        };
        for (place, frame) in frames.iter_mut().enumerate() {
            if let Err(error) = self.fold(frame) {
                frames.truncate(place);
                return (frames, Err(unreadable(&error)));
            }
        }
        (frames, fed.map_err(|error| unreadable(&error)))
    }

    /// Takes a frame into the document. What it means is enough to go by.
    fn fold(&mut self, frame: &mut Frame) -> Result<(), Error> {
        let Some(fold) = &mut self.fold else { return Ok(()) };
        match &mut self.way {
            // Nothing that is a document is gone on with.
            Way::Same(_) | Way::Resumed(..) => fold.take(frame)?,
            Way::Crossed(_, decoder) => {
                let mut frames = Vec::new();
                decoder.feed(frame.bytes.clone(), &mut frames)?;
                frames.iter().try_for_each(|frame| fold.take(frame))?;
            }
        }
        if !frame.events.iter().any(|event| matches!(event, Event::Fail(_))) {
            frame.bytes = Bytes::new();
        }
        Ok(())
    }

    /// What is missing at the end of a stream that has its finish reason, and no end marker.
    pub(super) fn end(&mut self) -> Option<Bytes> {
        match &mut self.way {
            Way::Same(_) => None,
            Way::Crossed(crossing, _) | Way::Resumed(crossing, _) => Some(crossing.end()),
        }
    }

    /// The whole answer.
    pub(super) fn document(&mut self) -> Option<Bytes> {
        if let Some(bytes) = self.end().filter(|bytes| !bytes.is_empty()) {
            let mut end = Frame { bytes, events: Events::new() };
            self.fold(&mut end).unwrap_or_default();
        }
        self.fold.as_ref().map(Fold::document)
    }

    /// What of the answer could not be said.
    pub(super) fn losses(&self) -> Option<&Losses> {
        match &self.way {
            Way::Same(_) => None,
            Way::Crossed(crossing, _) | Way::Resumed(crossing, _) => Some(crossing.losses()),
        }
    }
}

/// Why a stream cannot be read on.
fn unreadable(error: &Error) -> Failure {
    match error {
        Error::TooLarge { limit } => Failure::Overflow(u64::try_from(*limit).unwrap_or(u64::MAX)),
        Error::NotAnswer(what) => Failure::Malformed(what),
        Error::Unjoined(why) => Failure::Unjoined(why),
        Error::FrameTooLong { .. } => Failure::Malformed("a frame without end"),
        Error::NotUtf8 { .. }
        | Error::NotJson { .. }
        | Error::NotObject { .. }
        | Error::Missing { .. }
        | Error::WrongType { .. }
        | Error::TooLong { .. }
        | Error::Duplicate { .. }
        | Error::TooDeep { .. }
        | Error::OutOfRange { .. } => Failure::Malformed("a stream that cannot be put together"),
    }
}
