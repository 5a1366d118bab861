//! What an attempt tells health: that it lives, and how it ended.

use super::{Attempt, Fate, Form};
use crate::board::{Health, Outcome};
use crate::rate::CONTENTS_MIN;
use crate::{Class, Leg};
use ir::{Failure, Time, Usage};
use std::time::Duration;

// === impl Attempt ===

impl Attempt {
    /// Tells health that it lives. The pace of a document is its length, and tells nothing; nor does that
    /// of an answer that has to be joined.
    pub(in crate::exchange) fn alive(&mut self, now: Time, leg: &Leg, health: &dyn Health) {
        let paced = self.form != Form::Whole && !self.joins();
        let after = paced.then(|| now.since(self.began));
        if let Some(permit) = &mut self.permit {
            health.alive(now, leg, permit, after);
        }
    }

    fn settle(&mut self, now: Time, leg: &Leg, outcome: Outcome, health: &dyn Health) {
        if let Some(permit) = self.permit.take() {
            health.ended(now, leg, permit, outcome);
        }
        self.ended_at = Some(now);
        self.told.forget_unsettled();
        self.held.clear();
        self.held_bytes = 0;
    }

    pub(in crate::exchange) fn answered(&mut self, now: Time, leg: &Leg, health: &dyn Health) {
        self.fate = Fate::Answered;
        // A part of an answer is counted, for what is told is the sum.
        if self.way.is_some() && self.usage.tokens().output == 0 {
            self.estimate();
        }
        if let (Some(first), Some(permit)) = (self.content_at, &mut self.permit)
            && CONTENTS_MIN <= self.deltas
        {
            let deltas = u32::try_from(self.deltas).unwrap_or(u32::MAX);
            permit.gap = Some(self.last.since(first) / deltas);
        }
        self.settle(now, leg, Outcome::Good, health);
    }

    pub(in crate::exchange) fn cancelled(
        &mut self,
        now: Time,
        fate: Fate,
        leg: &Leg,
        health: &dyn Health,
    ) {
        self.fate = fate;
        self.estimate();
        self.settle(now, leg, Outcome::Cancelled, health);
    }

    pub(in crate::exchange) fn failed(
        &mut self,
        now: Time,
        (failure, class, wait): (&Failure, Class, Option<Duration>),
        leg: &Leg,
        health: &dyn Health,
    ) {
        if let Failure::Rejected(rejection) = failure
            && !rejection.in_band
        {
            self.status.get_or_insert(rejection.status);
        }
        self.fate = Fate::Failed(class);
        self.estimate();
        self.settle(now, leg, Outcome::Failed(class, wait), health);
    }

    /// It may have been processed and billed although its answer did not come whole.
    pub(in crate::exchange) fn is_ambiguous(&self) -> bool {
        match self.fate {
            Fate::Pending | Fate::Answered => false,
            Fate::Lost | Fate::Abandoned => true,
            Fate::Failed(class) => matches!(
                class,
                Class::Cut
                    | Class::Unjoined
                    | Class::Silent
                    | Class::Stalled
                    | Class::Stale
                    | Class::Reset
                    | Class::Malformed
                    | Class::BadHttp
                    | Class::RequestTimeout
            ),
        }
    }

    /// What was written where that is not told, or not to its end: our own count of pieces, or of what they
    /// said where pieces are long. What was withheld of an answer that is whole is not in its caller's count
    /// either.
    fn estimate(&mut self) {
        let whole = self.fate == Fate::Answered;
        let pieces = if whole { self.deltas } else { self.deltas + self.withheld };
        if pieces == 0 {
            return;
        }
        self.usage = Usage::Estimated(self.usage.tokens().written(pieces, self.said));
    }
}
