//! What a drive says beside the answer: who serves, and the error that ends a stream.

use super::{Drive, Step};
use crate::respond::{LOSSES_SHOWN, error_of};
use bytes::Bytes;
use codec::own;
use policy::{AttemptId, Final, Words};

// === impl Drive ===

impl Drive {
    /// After the head is out: one event that says so, and who was asked.
    pub(super) fn last_event(&mut self, word: &Final) {
        let before = self.before();
        let event = if let Words::Said(_) = word.words {
            own::after_said(self.ask.dialect, &self.last, &word.failure, &before)
        } else {
            let error = error_of(self, word);
            self.code = Some(error.code);
            self.tail.push_back(Step::Data(self.note(word.words.about())));
            Some(own::error_after(self.ask.dialect, &error.own(&self.ask.id), &before))
        };
        self.tail.extend(event.map(Step::Data));
        self.tail.push_back(Step::End);
    }

    /// Who serves and who was asked, as a comment.
    pub(super) fn note(&self, winner: Option<AttemptId>) -> Bytes {
        let trail = self.exchange.trail(self.now());
        let target = winner.and_then(|id| self.exchange.target(id));
        let losses = winner.map(|id| self.losses(id)).unwrap_or_default();
        let said = losses.said(LOSSES_SHOWN).join("; ");
        let losses = if losses.is_empty() { said } else { format!(" loss={said}") };
        own::comment(&match target {
            Some(target) => format!("backstop target={target} trail={trail}{losses}"),
            None => format!("backstop trail={trail}"),
        })
    }
}
