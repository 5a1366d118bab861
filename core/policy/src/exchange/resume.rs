//! An answer that was cut after some of it was handed over: who goes on with it, and how.
//!
//! ```text
//!                    cut, stall, error, with something shown
//!   Committed ────────────────────────────────────────────────▶ Seeking, resumed
//!       ▲                                                             │
//!       │ an attempt whose answer is joined to what was shown         │ nobody goes on
//!       └─────────────────────────────────────────────────────────────┤
//!                                                                     ▼
//!                                          Done: one honest error, of the cut
//! ```
//!
//! It is the seeking of before, with what was shown in mind: attempts are held until they are joined,
//! which is told outside by showing content; health, patience and budget are asked anew.

use super::attempt::Form;
use super::failing::{Again, Lapse, Standing};
use super::{AttemptId, Exchange, Phase};
use crate::board::{Health, Why};
use crate::repair::Lesson;
use crate::told::{Told, Way};
use crate::{Class, Next, Same};
use bytes::Bytes;
use ir::{Repair, Time, Tokens, Usage};
use std::borrow::Cow;

/// An answer that is gone on with.
#[derive(Debug)]
pub(super) struct Resumed {
    /// What was shown.
    pub(super) told: Told,
    /// How it was cut: the last word, if nobody goes on.
    pub(super) lapse: Lapse,
    /// The frame that said so, where one did.
    pub(super) said: Option<Bytes>,
    /// When it was cut.
    pub(super) since: Time,
    /// Whoever was cut was waited for, or is not to be.
    waited: bool,
}

/// Attempts that went on with one answer.
const SEAMS_MAX: usize = 2;

// === impl Exchange ===

impl Exchange {
    /// What was shown, while it is gone on with.
    pub fn told(&self) -> Option<&Told> {
        self.resumed.as_ref().map(|resumed| &resumed.told)
    }

    /// The attempts whose answers were handed over, one behind the other.
    pub fn leads(&self) -> &[AttemptId] {
        &self.leads
    }

    /// How many times the answer was gone on with.
    pub fn seams(&self) -> usize {
        self.leads.len().saturating_sub(1)
    }

    /// What those that handed over a part of the answer, and failed, have used: the longest of their
    /// prompts, and all that they wrote.
    pub fn used_before(&self) -> Tokens {
        let failed = self.leads.iter().filter_map(|id| self.attempts.get(id.0));
        let used = failed.filter(|it| !it.is_live()).map(|it| it.usage.tokens());
        used.fold(Tokens::default(), Tokens::joined)
    }

    /// The lead failed after something of it was handed over.
    pub(super) fn cut(
        &mut self,
        now: Time,
        id: AttemptId,
        said: Option<Bytes>,
        health: &dyn Health,
    ) {
        let Some(lapse) = self.lapse_of(id).cloned() else { return };
        match self.may_resume(id, lapse.class) {
            Ok(()) => self.resume(now, lapse, said, health),
            Err(why) => self.breaks(now, lapse, said, why.map(Cow::Borrowed)),
        }
    }

    /// Whether the answer of the lead could be gone on with; where it is worth a word, why not.
    pub(super) fn may_resume(
        &self,
        id: AttemptId,
        class: Class,
    ) -> Result<(), Option<&'static str>> {
        let attempt = self.attempts.get(id.0).ok_or(None)?;
        let leg = self.plan.legs.get(attempt.leg).ok_or(None)?;
        let fault = match class.row().next {
            Next::Yes | Next::OtherProvider => true,
            Next::IfOurs => !leg.caller_owned,
            Next::No | Next::OtherModel | Next::IfFilterAllowed | Next::IfEmptyAllowed => false,
        };
        if attempt.form != Form::Stream || !fault {
            return Err(None);
        }
        if !self.plan.continues {
            return Err(self.plan.unjoinable);
        }
        if SEAMS_MAX <= self.seams() {
            return Err(Some("it was gone on with twice before"));
        }
        let bar = match self.told() {
            Some(before) => before.bar_with(&attempt.told),
            None => attempt.told.bar(),
        };
        bar.map_or(Ok(()), |bar| Err(Some(bar)))
    }

    fn resume(&mut self, now: Time, lapse: Lapse, said: Option<Bytes>, health: &dyn Health) {
        let Some(attempt) = self.attempts.get_mut(lapse.attempt.0) else { return };
        let leg = attempt.leg;
        let mut told = std::mem::take(&mut attempt.told);
        if let Some(before) = self.resumed.take() {
            let later = std::mem::replace(&mut told, before.told);
            told.absorb(later);
        }
        self.phase = Phase::Seeking;
        self.lead = None;
        self.ask_again = None;
        let class = lapse.class;
        self.revive(leg);
        let once_more = self.is_warm(leg, class) || self.turns_credential(now, leg, class, health);
        self.resumed = Some(Box::new(Resumed { told, lapse, said, since: now, waited: false }));
        if let Some(state) = self.legs.get_mut(leg)
            && once_more
            && health.spend()
        {
            state.resumed = true;
            self.again = Some(Again { leg, at: now, insist: false });
        }
    }

    /// Whether the target whose answer was cut is asked at once: its cache is warm, but who is known to be
    /// silent or crowded has the others before it, and so has who was asked at once before; and where
    /// one more attempt is left, who was not asked at all.
    fn is_warm(&self, leg: usize, class: Class) -> bool {
        let is_last = self.seams() + 1 == SEAMS_MAX;
        let mut others = self.untried().filter(|other| *other != leg);
        match class.row().same {
            Same::Once | Same::OnceIfFast | Same::Free => {
                if self.legs.get(leg).is_some_and(|state| state.resumed) {
                    others.next().is_none()
                } else {
                    !is_last || others.all(|other| self.is_asked(other))
                }
            }
            Same::No | Same::IfLocal | Same::Twice | Same::AfterWait | Same::WhileLoading => false,
        }
    }

    /// Who lost or failed before something was shown may be well by now.
    fn revive(&mut self, cut: usize) {
        for (leg, (target, state)) in self.plan.legs.iter().zip(&mut self.legs).enumerate() {
            let last = state.last.as_ref();
            let may = last.is_none_or(|lapse| lapse.class.row().transient);
            if leg != cut && may && state.standing == Standing::Tried {
                // Of a caller's own account nobody else knows when it is back.
                let back_at = last.and_then(|lapse| lapse.back_at).filter(|_| target.caller_owned);
                state.standing =
                    back_at.map_or(Standing::Fresh, |at| Standing::Shut(at, Why::Parked));
            }
        }
    }

    /// Nobody else goes on now: whose answer was cut is asked after a pause, where it was not asked at
    /// once, and nobody who rests is back before.
    pub(super) fn waits_for_cut(&mut self, now: Time, health: &dyn Health) -> bool {
        let (rested, over) = (self.rested(now), self.total_at());
        let Some(resumed) = &mut self.resumed else { return false };
        let Lapse { attempt, class, back_at, .. } = resumed.lapse;
        if resumed.waited || !class.row().transient {
            return false;
        }
        let retries = &self.plan.retries;
        let pause = self.rng.backoff(retries.backoff, 0, retries.backoff_max);
        let at = back_at.unwrap_or(now + pause).max(now);
        if rested.is_some_and(|(rested, _)| rested < at) {
            return false;
        }
        resumed.waited = true;
        let since = resumed.since;
        let Some(leg) = self.attempts.get(attempt.0).map(|it| it.leg) else { return false };
        let asked = self.attempts.iter().any(|it| it.leg == leg && since <= it.began);
        let patience = (now + retries.wait.max(pause)).min(over);
        if asked || patience < at || !self.may_begin() || !health.spend() {
            return false;
        }
        self.again = Some(Again { leg, at, insist: false });
        true
    }

    /// How a leg is asked; nothing of that where nothing was shown yet.
    pub(super) fn way(&self, leg: usize) -> Option<Way> {
        let told = self.told()?;
        let state = self.legs.get(leg)?;
        let refuses = state.lessons.iter().any(|lesson| lesson.repair == Repair::Unprefilled);
        let prefill = self.plan.legs.get(leg)?.prefill && !refuses;
        Some(told.way(prefill, self.plan.structured))
    }

    /// It refuses to go on with a turn of its own, or does not do so: it is asked otherwise.
    pub(super) fn refuses_prefill(&self, id: AttemptId, class: Class) -> Option<Lesson> {
        let refuses = matches!(class, Class::InvalidRequest | Class::Unsupported | Class::Opaque);
        let prefilled = self.attempts.get(id.0)?.way == Some(Way::Prefill);
        // What it said instead may have been of this text alone.
        let lesson = Lesson { repair: Repair::Unprefilled, lasts: refuses };
        (prefilled && (refuses || class == Class::Unjoined)).then_some(lesson)
    }

    /// Token counts of what was handed over: of one attempt, or of all that had a part in it.
    pub(super) fn usage(&self) -> Usage {
        let parts = self.leads.iter().filter_map(|id| self.attempts.get(id.0));
        let mut parts = parts.map(|attempt| attempt.usage);
        match (parts.next(), self.leads.len()) {
            (None, _) => Usage::Unknown,
            (Some(usage), 1) => usage,
            (Some(first), _) => {
                let rest = parts.map(Usage::tokens);
                Usage::Estimated(rest.fold(first.tokens(), Tokens::joined))
            }
        }
    }

    /// The answer was cut, and is gone on with, or was.
    pub(super) fn is_resumed(&self) -> bool {
        self.resumed.is_some()
    }
}
