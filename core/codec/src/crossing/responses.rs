//! To `OpenAI` Responses, for whoever goes on with an answer that was cut: nothing crosses to it yet.
//!
//! What was begun is known from the events that began it ([`Resume::kept`]): the response as it was
//! announced, the items that are done, the item and the part that are open. What is written goes on
//! with their ids, indexes and numbers, and the last event has all items, those of before and those of
//! now.
//!
//! **Invariants:** an item is added once and done once; the numbers of events go on; a call is written
//! when it is complete; reasoning that was open is done before anything else begins; whoever shows what cannot
//! be written here has not gone on ([`Error::Unjoined`]), or his answer would end as if it were whole.
//! **Absent:** the reasoning of whoever goes on, which goes back to whoever thought it and to nobody else.

mod begun;
mod thought;

use super::call::{Calls, Ids, Written};
use super::desk::Desk;
use super::{Resume, Verdict, resume};
use crate::{Error, json, own, seal};
use begun::Begun;
use ir::{
    Aside, BlockKind, Dialect, Envelope, Event, Events, Finish, ItemEvent, Opening, Piece, Reason,
    Tokens,
};

/// See the module.
#[derive(Debug)]
pub(super) struct Encoder {
    begun: Begun,
    resume: Resume,
    /// Our id of the request, for errors.
    request_id: String,
    calls: Calls,
    /// The ids of the calls that were shown.
    shown: Ids,
    written: Written,
    /// Ids that were made here.
    minted: u32,
    finish: Option<(Finish, Option<Box<Reason>>)>,
    tokens: Option<Tokens>,
    over: bool,
}

/// Why an item that only its provider has is not gone on with.
const NATIVE: &str = "it shows what only its provider has";

// === impl Encoder ===

impl Encoder {
    pub(super) fn new(resume: Resume, request_id: String) -> Self {
        let begun = Begun::read(&resume);
        let (finish, tokens) = (None, None);
        let (calls, shown, written) =
            (Calls::default(), Ids::of(&resume.shown), Written::default());
        let (minted, over) = (0, false);
        Self { begun, resume, request_id, calls, shown, written, minted, finish, tokens, over }
    }

    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    pub(super) fn envelope(&self) -> Envelope {
        self.resume.envelope.clone()
    }

    /// The events that say what is begun and done, since it was last asked.
    pub(super) fn kept(&mut self) -> Vec<ItemEvent> {
        self.begun.take_kept()
    }

    pub(super) fn frame(&mut self, events: &mut Events, desk: &mut Desk) -> Result<Verdict, Error> {
        if self.begun.is_mixed() {
            return Err(Error::Unjoined("several texts were open where the answer was cut"));
        }
        let mut left = Events::new();
        for event in std::mem::take(events) {
            if self.over {
                left.push(event);
                continue;
            }
            let was_writing = self.begun.is_writing();
            if let Err(what) = self.event(&event, desk)? {
                self.over = true;
                return Ok(Verdict::Broken(what));
            }
            let of = |kind| {
                matches!(&event, Event::Open(block, _) | Event::Delta(block, _) | Event::Close(block)
                    if block.kind == kind)
            };
            // A part is opened with its first text; the one that is open goes on, whoever opens another
            // for it. What is thought from here on is not shown: it counts as work, and is not told.
            let opens = of(BlockKind::Text) && matches!(event, Event::Open(..));
            if opens || of(BlockKind::Reasoning) {
                left.push(Event::Progress);
                continue;
            }
            if let Event::Delta(block, Piece::Text(_)) = &event
                && !was_writing
                && self.begun.is_writing()
            {
                left.push(Event::Open(*block, None));
            }
            left.push(event);
        }
        *events = left;
        self.written.tell(events);
        Ok(Verdict::Same)
    }

    /// What is missing, where the finish is known.
    pub(super) fn end(&mut self, desk: &mut Desk) {
        let Some((finish, reason)) = self.finish.take().filter(|_| !self.over) else { return };
        self.over = true;
        self.begun.close(desk);
        let (status, why) = status(finish, reason.as_deref());
        let (tokens, object) = resume::ending(Some(&self.resume), self.tokens, desk);
        if self.tokens.is_none() {
            desk.lose("usage", resume::untold(tokens, "unknown"));
        }
        self.begun.end((status, &why), tokens, object, desk);
    }

    fn event(&mut self, event: &Event, desk: &mut Desk) -> Result<Result<(), &'static str>, Error> {
        match event {
            Event::Open(block, opening) => match opening.as_deref() {
                Some(Opening::Call(said)) => self.calls.begin(*block, said, desk)?,
                Some(Opening::Native(_)) => return Err(Error::Unjoined(NATIVE)),
                Some(Opening::Redacted(_)) | None => {}
            },
            Event::Delta(block, piece) => match piece {
                Piece::Text(raw) => {
                    let id = self.mint("msg");
                    self.begun.text(raw, &id, desk)?;
                }
                Piece::Arguments(raw) => self.calls.add(*block, raw, desk)?,
                Piece::Refusal(_) => return Err(Error::Unjoined("it declined")),
                Piece::Thinking(_) | Piece::Signature(_) | Piece::Details(_) => {
                    desk.lose("output[].summary", "dropped");
                }
                Piece::Citation(_) => desk.lose("output[].content[].annotations[]", "dropped"),
                Piece::Native(path) => desk.lose(*path, "dropped"),
                Piece::Unread => {}
            },
            Event::Close(block) => match block.kind {
                BlockKind::Text => self.begun.close(desk),
                BlockKind::Tool => {
                    let Some(mut call) = self.calls.take(*block, desk) else { return Ok(Ok(())) };
                    if !call.is_whole() {
                        return Ok(Err(super::call::BROKEN));
                    }
                    let own = format!("call_{:016x}", seal::hash(&self.request_id));
                    let call_id = self.shown.show(&call.said.id, &own);
                    self.written.add(&call, &call_id, call.said.custom);
                    call.said.id = call_id.into();
                    let id = self.mint("fc");
                    self.begun.call(&call, &id, desk);
                }
                BlockKind::Reasoning | BlockKind::Other => {}
            },
            Event::Usage(tokens) => self.tokens = Some(*tokens),
            Event::Finish(finish, reason) => self.finish = Some((*finish, reason.clone())),
            Event::End => self.end(desk),
            Event::Fail(rejection) if self.finish.is_none() && !rejection.bare => {
                let error = own::translated(rejection, &self.request_id);
                let error = own::error_after(Dialect::Responses, &error, &self.begun.before());
                self.over = true;
                desk.bytes(&error);
            }
            Event::Ping => desk.bytes(&own::ping(Dialect::Responses)),
            Event::Aside(Aside::Call(block, said)) => self.calls.learn(*block, said, desk)?,
            Event::Aside(Aside::Native(path)) => desk.lose(*path, "dropped"),
            Event::Aside(Aside::Sealed(..)) => {
                desk.lose("output[].encrypted_content", "dropped");
            }
            Event::Aside(
                Aside::Mark(_) | Aside::Kept(_) | Aside::Shown(..) | Aside::Contradicted,
            )
            | Event::Start(_)
            | Event::Progress
            | Event::Fail(_)
            | Event::Repeated(_)
            | Event::Malformed(_)
            | Event::Noise(_) => {}
        }
        Ok(Ok(()))
    }

    /// An id that is the same whenever this answer is gone on with at the same place, and at no other: an
    /// item that was shown under one has moved the number of the last event.
    fn mint(&mut self, prefix: &str) -> String {
        if prefix == "msg" && self.begun.is_writing() {
            return String::new();
        }
        let place = self.minted;
        self.minted = self.minted.saturating_add(1);
        let Resume { envelope, sequence, .. } = &self.resume;
        let hash = seal::hash(&format!("{}/{sequence}", envelope.id));
        format!("{prefix}_{hash:016x}_{place}")
    }
}

/// `status` and the inside of the reason for an incomplete one; empty where nobody gave one.
fn status(finish: Finish, reason: Option<&Reason>) -> (&'static str, String) {
    match finish {
        Finish::Stop | Finish::Tool => ("completed", String::new()),
        Finish::Length => ("incomplete", "max_output_tokens".to_owned()),
        Finish::Refusal => ("incomplete", "content_filter".to_owned()),
        Finish::Pause | Finish::Other => {
            let word = reason.map(|reason| json::escaped(&reason.word));
            ("incomplete", word.unwrap_or_default())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::status;
    use crate::proof::{feed_carrying, framed};
    use bytes::Bytes;
    use ir::{Dialect, Event};

    #[test]
    fn no_reason_is_made_up() {
        let incomplete = |members: &str| {
            format!(r#"{{"type":"response.incomplete","response":{{"output":[]{members}}}}}"#)
        };
        let because =
            |reason: &str| incomplete(&format!(r#","incomplete_details":{{"reason":{reason}}}"#));
        for (line, expect) in [
            (incomplete(""), ("incomplete", "")),
            (incomplete(r#","incomplete_details":null"#), ("incomplete", "")),
            (because("null"), ("incomplete", "")),
            (because(r#""""#), ("incomplete", "")),
            (because(r#""max_output_tokens""#), ("incomplete", "max_output_tokens")),
            (because(r#""content_filter""#), ("incomplete", "content_filter")),
            (because(r#""steered""#), ("incomplete", "steered")),
            (r#"{"type":"response.completed","response":{}}"#.to_owned(), ("completed", "")),
        ] {
            let bytes = Bytes::from(framed(Dialect::Responses, [line.as_str()]));
            let frames = feed_carrying(Dialect::Responses, 1, &[bytes]);
            let ended = frames.iter().flat_map(|frame| &frame.events).find_map(|event| {
                let Event::Finish(finish, reason) = event else { return None };
                Some(status(*finish, reason.as_deref()))
            });
            let (status, why) = ended.expect("a finish");
            assert_eq!((status, why.as_str()), expect, "{line}");
        }
    }
}
