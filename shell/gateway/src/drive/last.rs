//! What a drive says beside the answer: who serves, and the error that ends a stream.

use super::{Drive, Step};
use crate::respond::{LOSSES_SHOWN, error_of};
use bytes::Bytes;
use codec::own;
use ir::{Dialect, Failure};
use policy::{Action, AttemptId, Final, Words};

// === impl Drive ===

impl Drive {
    /// Hands out what a provider said. Where that is its own error, and the end, why nobody went on and who
    /// was asked stand before it: it keeps its bytes, and nothing is read behind it.
    pub(super) fn relay(&mut self, bytes: Bytes) -> Step {
        if !codec::is_comment(&bytes) {
            self.last = bytes.clone();
            if self.ask.dialect == Dialect::Responses {
                self.counted.note(&bytes);
            }
        }
        // An exchange that goes on has nothing to say behind this that concerns it.
        self.next = if self.exchange.is_done() { self.exchange.poll() } else { None };
        if let Some(Action::Fail(word)) = &self.next
            && let (Words::Said(id), Some(why)) = (word.words, &word.why)
        {
            let note = self.note(Some(id), Some(why));
            self.tail.push_back(Step::Data(bytes));
            return Step::Data(note);
        }
        Step::Data(bytes)
    }

    /// After the head is out: one event that says so, and who was asked.
    pub(super) fn last_event(&mut self, word: &Final) {
        let before = self.before();
        let event = if let Words::Said(_) = word.words {
            let failure = self.explained(word);
            own::after_said(self.ask.dialect, &self.last, &failure, &before)
        } else {
            let word = &Final { failure: self.explained(word), ..word.clone() };
            let error = error_of(self, word);
            self.code = Some(error.code);
            self.tail.push_back(Step::Data(self.note(word.words.about(), word.why.as_deref())));
            Some(own::error_after(self.ask.dialect, &error.own(&self.ask.id), &before))
        };
        self.tail.extend(event.map(Step::Data));
        self.tail.push_back(Step::End);
    }

    /// What a provider said as the end, for an event of ours that says it once more: with the reason why
    /// nobody went on, where there is one.
    fn explained(&self, word: &Final) -> Failure {
        let mut failure = word.failure.clone();
        if let (Failure::Rejected(rejection), Some(why)) = (&mut failure, &word.why) {
            let trail = self.exchange.trail(self.now());
            let why = format!("not gone on with: {why}; asked: {trail}");
            rejection.message = match rejection.message.as_str() {
                "" => why,
                said => format!("{said}; {why}"),
            };
        }
        failure
    }

    /// Who serves and who was asked, as a comment; and `why` an answer that was cut ends there.
    pub(super) fn note(&self, winner: Option<AttemptId>, why: Option<&str>) -> Bytes {
        let trail = self.exchange.trail(self.now());
        let target = winner.and_then(|id| self.exchange.target(id));
        let losses = winner.map(|id| self.losses(id)).unwrap_or_default();
        let said = losses.said(LOSSES_SHOWN).join("; ");
        let losses = if losses.is_empty() { said } else { format!(" loss={said}") };
        let why = why.map(|why| format!(" why={why}")).unwrap_or_default();
        own::comment(&match target {
            Some(target) => format!("backstop target={target} trail={trail}{losses}{why}"),
            None => format!("backstop trail={trail}{why}"),
        })
    }
}
