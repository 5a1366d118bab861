//! The last word: which of several failures the caller is told, and how.

use super::attempt::{Attempt, Fate};
use super::failing::{Lapse, Standing};
use super::{Action, AttemptId, Exchange, Phase};
use crate::board::Health;
use crate::verdict::Surface;
use crate::{Class, classify::classify};
use bytes::Bytes;
use ir::{Deadline, Ending, Failure, Rejection, Shape, Time};
use std::borrow::Cow;
use std::time::Duration;

/// An error that ends an exchange.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Final {
    /// What it was.
    pub class: Class,
    /// What was observed, for the message.
    pub failure: Failure,
    /// Whose words the caller sees.
    pub words: Words,
    /// The HTTP status, where there can still be one.
    pub status: u16,
    /// When to come back, in whole seconds from 1 to 60, where waiting may help.
    pub retry_after_s: Option<u32>,
    /// Whether trying again cannot help: `x-should-retry: false`.
    pub hopeless: bool,
    /// Why an answer that was cut was not gone on with, where that is worth a word.
    pub why: Option<Cow<'static, str>>,
}

/// Whose words an error is told in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Words {
    /// This attempt's, unmodified.
    Theirs(AttemptId),
    /// Ours, about this attempt where there was one.
    Ours(Option<AttemptId>),
    /// They were relayed already, as the last frame of the stream.
    Said(AttemptId),
}

// === impl Words ===

impl Words {
    /// The attempt they are about.
    pub fn about(self) -> Option<AttemptId> {
        match self {
            Self::Theirs(id) | Self::Said(id) => Some(id),
            Self::Ours(id) => id,
        }
    }
}

// === impl Exchange ===

impl Exchange {
    pub(super) fn is_complete(&self, id: AttemptId) -> bool {
        self.attempts.get(id.0).is_some_and(Attempt::is_complete)
    }

    /// An empty answer is tried elsewhere where the operator said so; the last one is handed over
    /// as it is.
    pub(super) fn passes_over_empty(&self, leg: usize) -> bool {
        // Once: some questions have an empty answer everywhere.
        let was_empty = |attempt: &Attempt| attempt.class() == Some(Class::Empty);
        let passed = self.attempts.iter().any(|it| it.leg != leg && was_empty(it));
        self.plan.empty_next && !passed && self.has_others(leg)
    }

    /// Every target failed or is ruled out.
    pub(super) fn exhausted(&mut self, now: Time) {
        // A refusal that came beside a slower target, which then failed: the request is refused.
        let refused = self.refusal.and_then(|id| self.lapse_of(id));
        let transient = || self.lapses().find(|lapse| lapse.class.row().transient);
        let told = || self.lapses().find(|lapse| rejection(&lapse.failure).is_some());
        let lapse =
            refused.or_else(transient).or_else(told).or_else(|| self.lapses().next()).cloned();
        let lapse = lapse.unwrap_or(Lapse {
            attempt: AttemptId(0),
            class: Class::GatewayFault,
            failure: Failure::Silent(Deadline::Total),
            back_at: None,
        });
        // What was passed over unasked may be back by then.
        let more = self.untried().next().is_some();
        self.fail(now, &lapse, more);
    }

    /// One attempt's refusal is the last word: others would say the same, or must not be asked, and
    /// nobody else is under way.
    pub(super) fn refused(&mut self, now: Time, id: AttemptId, health: &dyn Health) {
        self.cancel_all(now, health);
        if let Some(lapse) = self.lapse_of(id).cloned() {
            self.fail(now, &lapse, false);
        }
    }

    /// The time for the whole request is over.
    pub(super) fn out_of_time(&mut self, now: Time, health: &dyn Health) {
        let failure = Failure::Silent(Deadline::Total);
        let latest = self.attempts.len().saturating_sub(1);
        // What lost our patience is to blame; what was given no time is not.
        for index in 0..self.attempts.len() {
            let Some(attempt) = self.attempts.get_mut(index).filter(|it| it.is_live()) else {
                continue;
            };
            let Some(leg) = self.plan.legs.get(attempt.leg) else { continue };
            if attempt.slow {
                attempt.failed(now, (&failure, Class::Silent, None), leg, health);
            } else {
                attempt.cancelled(now, Fate::Abandoned, leg, health);
            }
            self.queue.push_back(Action::Cancel(AttemptId(index)));
        }
        if let Some(refused) = self.refusal.and_then(|id| self.lapse_of(id)).cloned() {
            return self.fail(now, &refused, false);
        }
        let class = classify(&failure, &[]);
        let lapse = Lapse { attempt: AttemptId(latest), class, failure, back_at: None };
        self.fail(now, &lapse, true);
    }

    /// The gateway stops: one honest error, wherever it stands. Nobody's health is touched.
    pub fn stop(&mut self, now: Time, health: &dyn Health) {
        if self.is_done() {
            return;
        }
        let all = (0..self.attempts.len()).rev().map(AttemptId);
        let live = all.into_iter().find(|id| self.is_live(*id));
        let latest = AttemptId(self.attempts.len().saturating_sub(1));
        let told = self.lead.or(live).unwrap_or(latest);
        if self.is_live(told) && self.is_complete(told) {
            // All of it was said but the end.
            self.eof(now, told, false, health);
        }
        if self.is_done() {
            return;
        }
        let leg = self.attempts.get(told.0).map(|attempt| attempt.leg);
        for index in 0..self.attempts.len() {
            self.cancel(now, AttemptId(index), Fate::Abandoned, health);
        }
        let class = Class::Stopping;
        let lapse = Lapse { attempt: told, class, failure: Failure::Stopping, back_at: None };
        if self.phase == Phase::Seeking {
            return self.fail(now, &lapse, true);
        }
        if let Some(state) = leg.and_then(|leg| self.legs.get_mut(leg)) {
            state.last = Some(lapse.clone());
        }
        self.breaks(now, lapse, None, None);
    }

    /// The caller left: nobody is listening.
    pub fn caller_gone(&mut self, now: Time, health: &dyn Health) {
        if self.is_done() {
            return;
        }
        for index in 0..self.attempts.len() {
            self.cancel(now, AttemptId(index), Fate::Abandoned, health);
        }
        self.end(now, Ending::Abandoned);
    }

    /// It ended with an answer, of which its caller did not take all: the caller left, or `stopped`,
    /// we did.
    pub fn untaken(&mut self, stopped: bool) {
        if self.phase != Phase::Done(Ending::Answered) {
            return;
        }
        let mut ending = Ending::Abandoned;
        if stopped {
            ending = Ending::Broken;
            let words = Words::Ours(self.lead);
            self.last_word = Some(late(Class::Stopping, Failure::Stopping, words));
        }
        self.phase = Phase::Done(ending);
    }

    fn cancel_all(&mut self, now: Time, health: &dyn Health) {
        for index in 0..self.attempts.len() {
            self.cancel(now, AttemptId(index), Fate::Lost, health);
        }
    }

    /// Ends it without an answer. `more`: there are targets left that may answer another time.
    fn fail(&mut self, now: Time, lapse: &Lapse, more: bool) {
        if let Some(resumed) = &mut self.resumed {
            // That nobody went on is in the trail; what happened is that the answer was cut.
            let said = resumed.said.take();
            let stops = lapse.class == Class::Stopping;
            let lapse = if stops { lapse } else { &resumed.lapse }.clone();
            let why = self.why_nobody();
            return self.breaks(now, lapse, said.filter(|_| !stops), Some(why));
        }
        let row = lapse.class.row();
        let hopeful = row.transient || more;
        let owned = self.attempts.get(lapse.attempt.0).and_then(|it| self.plan.legs.get(it.leg));
        let owned = owned.is_some_and(|leg| leg.caller_owned);
        let about = self.attempts.get(lapse.attempt.0).map(|_| lapse.attempt);
        // A filter's refusal that came as an answer, and was not handed over, is one all the same.
        let status = if lapse.failure == Failure::Filtered { 400 } else { 502 };
        let ours = (Words::Ours(about), status);
        let theirs = rejection(&lapse.failure).map(|rejection| {
            // An empty 400 is passed on as it is; where waiting may help, words of ours say more.
            let bare = rejection.bare && lapse.class != Class::Opaque;
            // A status that is no error is no word to pass on.
            let error = (400..=599).contains(&rejection.status);
            let readable = !rejection.html && !bare && error;
            let words = if readable { Words::Theirs(lapse.attempt) } else { ours.0 };
            (words, if error { rejection.status } else { 502 })
        });
        let (words, status) = match row.surface {
            Surface::AsReceived => theirs.unwrap_or(ours),
            Surface::OwnIfOurs(_) if owned => theirs.unwrap_or(ours),
            Surface::OwnIfOurs(status) | Surface::Own(status) => (ours.0, status),
        };
        let word = Final {
            class: lapse.class,
            failure: lapse.failure.clone(),
            words,
            status,
            // Where nobody says when, soon: without a word clients try again at once, and often.
            retry_after_s: self.retry_after(now).or(Some(1)).filter(|_| hopeful),
            hopeless: !hopeful,
            why: None,
        };
        // A caller's mistake that is passed on is an answer of its own kind.
        let ending = match row.blame {
            ir::Blame::Caller => Ending::Rejected,
            ir::Blame::Gateway | ir::Blame::Provider | ir::Blame::Network => Ending::Failed,
        };
        self.say(now, word, ending);
    }

    /// After the commit: one honest error, and the end. `why` it was not gone on with.
    pub(super) fn breaks(
        &mut self,
        now: Time,
        lapse: Lapse,
        said: Option<Bytes>,
        why: Option<Cow<'static, str>>,
    ) {
        let id = lapse.attempt;
        self.phase = Phase::Committed;
        let words = match said {
            Some(bytes) => {
                self.relay(now, bytes);
                Words::Said(id)
            }
            // What it said is told in the caller's dialect, where it may be told at all.
            None if rejection(&lapse.failure).is_some_and(|it| it.unheard && !it.bare)
                && lapse.class.row().surface == Surface::AsReceived =>
            {
                Words::Theirs(id)
            }
            None => Words::Ours(Some(id)),
        };
        let word = Final { why, ..late(lapse.class, lapse.failure, words) };
        self.say(now, word, Ending::Broken);
    }

    /// Why nobody went on with an answer: where somebody could not even be asked to, what stood against it.
    fn why_nobody(&self) -> Cow<'static, str> {
        let asked = self.lapses().filter(|lapse| {
            self.attempts.get(lapse.attempt.0).is_some_and(|attempt| attempt.way.is_some())
        });
        let mut uncarried = asked.filter_map(|lapse| {
            if let Failure::Uncarried(why) = &lapse.failure { Some(why) } else { None }
        });
        match uncarried.next() {
            Some(why) => Cow::Owned(format!("nobody went on with it ({why})")),
            None => Cow::Borrowed("nobody went on with it"),
        }
    }

    /// How each leg failed last, in the plan's order.
    fn lapses(&self) -> impl Iterator<Item = &Lapse> {
        self.legs.iter().filter_map(|leg| leg.last.as_ref())
    }

    pub(super) fn lapse_of(&self, id: AttemptId) -> Option<&Lapse> {
        self.lapses().find(|lapse| lapse.attempt == id)
    }

    fn say(&mut self, now: Time, word: Final, ending: Ending) {
        ir::invariant!(Ex2, self.phase == Phase::Seeking || ending == Ending::Broken);
        self.last_word = Some(word.clone());
        let whole = self.plan.shape == Shape::Whole && ending == Ending::Broken;
        self.queue.push_back(if whole { Action::Break } else { Action::Fail(word) });
        self.end(now, ending);
    }

    /// The smallest wait that any target asked for or is known to need, in whole seconds.
    fn retry_after(&self, now: Time) -> Option<u32> {
        let asked = self.lapses().filter(|it| it.class.row().transient).filter_map(|it| it.back_at);
        let shut = self.legs.iter().filter_map(|leg| match leg.standing {
            Standing::Shut(until, _) => Some(until),
            Standing::Fresh | Standing::Tried | Standing::Out => None,
        });
        let wait = asked.chain(shut).map(|at| at.since(now)).min()?;
        let seconds = wait.as_secs() + u64::from(Duration::from_secs(wait.as_secs()) < wait);
        u32::try_from(seconds.clamp(1, 60)).ok()
    }
}

/// The last word where there was content before it.
fn late(class: Class, failure: Failure, words: Words) -> Final {
    let row = class.row();
    let status = match row.surface {
        Surface::Own(status) | Surface::OwnIfOurs(status) => status,
        Surface::AsReceived => rejection(&failure).map_or(502, |it| it.status),
    };
    let hopeless = !row.transient;
    Final { class, failure, words, status, retry_after_s: None, hopeless, why: None }
}

fn rejection(failure: &Failure) -> Option<&Rejection> {
    if let Failure::Rejected(rejection) = failure { Some(rejection) } else { None }
}
