//! What follows from a failed attempt: the same leg again, the next one, or the end.

use super::{Action, AttemptId, Exchange, Phase};
use crate::board::{Health, Why};
use crate::classify::classify;
use crate::repair::Lesson;
use crate::{Class, Next, Same, Scope};
use bytes::Bytes;
use ir::{Failure, Hints, Repair, Shape, Time};
use smallvec::SmallVec;
use std::sync::Arc;
use std::time::Duration;

/// What became of one leg.
#[derive(Debug, Default)]
pub(super) struct LegState {
    pub(super) standing: Standing,
    /// What refusals of it taught: each time it was asked again in another way.
    pub(super) lessons: SmallVec<[Lesson; 2]>,
    /// How the last one failed.
    pub(super) last: Option<Lapse>,
    /// It was asked at once to go on with its own answer.
    pub(super) resumed: bool,
}

/// A failed attempt, as the last word may need it.
#[derive(Clone, Debug)]
pub(super) struct Lapse {
    pub(super) attempt: AttemptId,
    pub(super) class: Class,
    pub(super) failure: Failure,
    /// When it may be asked again, where it said so.
    pub(super) back_at: Option<Time>,
}

/// How an attempt failed.
#[derive(Debug)]
pub(super) struct Fall {
    pub(super) failure: Failure,
    /// The frame that said so, where one did.
    pub(super) said: Option<Bytes>,
}

/// The same leg once more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Again {
    pub(super) leg: usize,
    pub(super) at: Time,
    /// Even where its health says no: it asked for this wait itself.
    pub(super) insist: bool,
}

/// What a failure says about trying the same again.
#[derive(Clone, Copy, Debug)]
struct Asked {
    /// The wait that was asked for.
    wait: Option<Duration>,
    should_retry: Option<bool>,
    /// It failed fast, and nothing is known against the target.
    blip: bool,
}

impl From<Failure> for Fall {
    fn from(failure: Failure) -> Self {
        Self { failure, said: None }
    }
}

/// Where a leg stands.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Standing {
    /// Not tried yet.
    #[default]
    Fresh,
    /// Not tried, since it is known to be down until then; and why. It is asked again before the
    /// last word is said.
    Shut(Time, Why),
    /// Tried, and not again.
    Tried,
    /// Not to be tried: it would fail in the same way.
    Out,
}

/// Waits for a model to load, per request.
const LOADS_MAX: usize = 32;
/// Rests that one request waits out; then a target is tried although it is shut.
const RESTS_MAX: u32 = 2;
/// Repetitions of what was provably not processed, per leg.
const FREE_MAX: usize = 2;
/// Ways in which one leg is asked for one request, beside the first: models refuse several fields,
/// one after the other.
const LESSONS_MAX: usize = 4;
/// What fails within this failed fast.
const FAST: Duration = Duration::from_secs(1);

// === impl Exchange ===

impl Exchange {
    /// An attempt failed.
    pub(super) fn failed(&mut self, now: Time, id: AttemptId, fall: Fall, health: &dyn Health) {
        let Fall { failure, said } = fall;
        let Some(leg_index) = self.attempts.get(id.0).map(|attempt| attempt.leg) else { return };
        let taught = self.teaches(id, leg_index, &failure);
        let Some(attempt) = self.attempts.get_mut(id.0) else { return };
        let Some(leg) = self.plan.legs.get(leg_index) else { return };
        let class = classify(&failure, leg.codes);
        let hints = hints(&failure);
        let wait = wait(class, &hints);
        let before = health.standing(leg);
        let trial = attempt.proving;
        let known = trial || !before.closed || 2 <= before.run;
        let fast = now.since(attempt.began) <= FAST;
        attempt.failed(now, (&failure, class, wait), leg, health);
        let repeatable = !attempt.is_billed_nothing() && (!trial || class.row().same == Same::Free);
        self.queue.push_back(Action::Cancel(id));
        let back_at = wait.map(|wait| now + wait);
        if let Some(state) = self.legs.get_mut(leg_index) {
            state.last = Some(Lapse { attempt: id, class, failure, back_at });
        }
        if self.phase == Phase::Committed {
            return self.cut(now, id, said, health);
        }
        if self.lead == Some(id) {
            self.lead = None;
        }
        if let Some(lesson) = self.refuses_prefill(id, class).or(taught) {
            return self.repairs(now, id, leg_index, lesson);
        }
        if self.turns_credential(now, leg_index, class, health) {
            self.again = Some(Again { leg: leg_index, at: now, insist: false });
            return;
        }
        let asked = Asked { wait, should_retry: hints.should_retry, blip: fast && !known };
        let pause = if repeatable { self.pause(now, leg_index, class, asked) } else { None };
        match pause {
            Some(pause) if may_repeat(class, health) => {
                self.again = Some(Again { leg: leg_index, at: now + pause, insist: true });
            }
            Some(_) | None if self.rule_out(leg_index, class) => {}
            // A slower one is still under way, and may see it otherwise: nobody else is asked.
            Some(_) | None if self.attempts.iter().any(super::Attempt::is_live) => {
                self.legs.iter_mut().for_each(LegState::rule_out);
                self.again = None;
                self.refusal = Some(id);
            }
            Some(_) | None => self.refused(now, id, health),
        }
    }

    /// What a refusal says about how to ask: only of what we wrote ourselves, or may have mixed, each thing
    /// once per leg, and while nothing has left.
    fn teaches(&self, id: AttemptId, leg: usize, failure: &Failure) -> Option<Lesson> {
        let (target, state) = (self.plan.legs.get(leg)?, self.legs.get(leg)?);
        let Failure::Rejected(rejection) = failure else { return None };
        if LESSONS_MAX <= state.lessons.len() || self.phase != Phase::Seeking {
            return None;
        }
        let streams = target.shape(self.plan.shape) == Shape::Stream;
        let lesson = crate::repair::named(rejection, target.dialect)?;
        if state.lessons.iter().any(|it| lesson.repair.replaces(it.repair)) {
            return None;
        }
        let attempt = self.attempts.get(id.0)?;
        match lesson.repair {
            Repair::Plain => (streams && (target.crossed || target.watched)).then_some(lesson),
            // Another of the chain may have signed it; and what goes on with an answer is ours to write.
            Repair::Unsealed => {
                let ours = target.crossed || attempt.way.is_some();
                let mixed = ours || 1 < self.plan.legs.len();
                (mixed && attempt.can(Repair::Unsealed)).then_some(lesson)
            }
            repair if target.crossed => attempt.can(repair).then_some(lesson),
            // Beside the caller's own words only this is ours.
            Repair::Without("stream_options") if target.watched => {
                Some(Lesson { repair: Repair::Plain, ..lesson })
            }
            Repair::Without(_)
            | Repair::TokenField(_)
            | Repair::MaxTokens(_)
            | Repair::SystemAsUser
            | Repair::Unprefilled => None,
        }
    }

    /// The same leg at once, asked as it wants to be. It costs no budget, and the attempt that was
    /// refused does not count: the fault was ours.
    fn repairs(&mut self, now: Time, id: AttemptId, leg: usize, lesson: Lesson) {
        let repair = lesson.repair;
        if let Some(attempt) = self.attempts.get_mut(id.0) {
            attempt.repair = Some(repair);
        }
        if let Some(state) = self.legs.get_mut(leg) {
            state.lessons.push(lesson);
        }
        if let Some(target) = self.plan.legs.get_mut(leg)
            && repair == Repair::Plain
        {
            target.watched = false;
        }
        self.queue.push_back(Action::Repair { attempt: id, leg, repair });
        self.again = Some(Again { leg, at: now, insist: true });
    }

    /// A provider with several credentials: it was this one's fault, and another is in service.
    pub(super) fn turns_credential(
        &self,
        now: Time,
        leg: usize,
        class: Class,
        health: &dyn Health,
    ) -> bool {
        let Some(target) = self.plan.legs.get(leg) else { return false };
        let turned = |class: Class| matches!(class.row().scope, Scope::Park | Scope::Credential);
        let failed = |it: &&super::Attempt| it.leg == leg && it.class().is_some_and(turned);
        turned(class)
            && self.attempts.iter().filter(failed).count() < target.credentials
            && self.has_spare()
            && health.has_credential(now, target)
    }

    /// Whether the same leg is tried again, and after which pause.
    fn pause(&mut self, now: Time, leg: usize, class: Class, asked: Asked) -> Option<Duration> {
        let same = class.row().same;
        let tried = self.tried(leg);
        let others = self.has_others(leg);
        let local = self.plan.legs.get(leg).is_some_and(|leg| leg.local);
        let limit = match (same, asked.should_retry) {
            (Same::WhileLoading, _) if others => return None,
            (Same::WhileLoading, _) => return self.load_pause(now, leg),
            (Same::Free, _) => {
                let freed = self.failures(leg, Class::Unprocessed);
                return (freed <= FREE_MAX).then_some(Duration::ZERO);
            }
            (_, Some(false)) | (Same::No, None) => 0,
            (Same::Twice, _) => 2,
            (Same::IfLocal, None) => usize::from(local),
            (Same::No | Same::Once | Same::OnceIfFast | Same::IfLocal | Same::AfterWait, _) => 1,
        };
        let retries = &self.plan.retries;
        let per_target = usize::try_from(retries.per_target).unwrap_or(usize::MAX);
        if limit < tried || per_target <= tried || !self.has_spare() {
            return None;
        }
        if let Some(wait) = asked.wait.filter(|_| class.row().transient) {
            return (wait <= retries.wait && now + wait < self.total_at()).then_some(wait);
        }
        // Nobody asked for a wait. Where others are left, only a blip is worth another try.
        let quick = match same {
            Same::AfterWait | Same::IfLocal => !others,
            Same::OnceIfFast => asked.blip,
            Same::Once | Same::Twice | Same::No => asked.blip || !others,
            Same::Free | Same::WhileLoading => false,
        };
        quick.then(|| {
            let doublings = u32::try_from(tried.saturating_sub(1)).unwrap_or(u32::MAX);
            self.rng.backoff(retries.backoff, doublings, retries.backoff_max)
        })
    }

    /// A local server loads its model: it is asked again until its load deadline.
    fn load_pause(&self, now: Time, leg: usize) -> Option<Duration> {
        let deadline = self.plan.legs.get(leg)?.deadlines.load;
        let began = self.attempts.iter().find(|attempt| attempt.leg == leg)?.began;
        let left = deadline.checked_sub(now.since(began)).filter(|left| !left.is_zero())?;
        let loads = self.failures(leg, Class::Loading);
        let pause = Duration::from_millis(250).saturating_mul(1 << loads.min(5));
        (loads < LOADS_MAX).then(|| pause.min(left))
    }

    /// Every leg is shut, and one of them only rests from a rate limit that is soon over: that is
    /// waited out, as it would be by the request that met it.
    pub(super) fn waits_for_reset(&mut self, now: Time) -> bool {
        let Some((at, leg)) = self.rested(now) else { return false };
        self.rests += 1;
        // Everybody who waits for it would come back at once.
        let at = at + self.rng.upto(self.plan.retries.backoff);
        self.again = Some(Again { leg, at, insist: false });
        true
    }

    /// Whether a leg asked to be left alone until later.
    pub(super) fn rests(&self, now: Time, leg: usize) -> bool {
        let standing = self.legs.get(leg).map(|state| state.standing);
        matches!(standing, Some(Standing::Shut(until, Why::Parked)) if now < until)
    }

    /// Who is back first of those that rest, where that may be waited out.
    pub(super) fn rested(&self, now: Time) -> Option<(Time, usize)> {
        let soon = (now + self.plan.retries.wait).min(self.total_at());
        let resting =
            self.legs.iter().enumerate().filter_map(|(leg, state)| match state.standing {
                Standing::Shut(until, Why::Parked | Why::Cooling) if until <= soon => {
                    Some((until, leg))
                }
                Standing::Shut(..) | Standing::Fresh | Standing::Tried | Standing::Out => None,
            });
        resting.min().filter(|_| self.rests < RESTS_MAX && self.may_begin())
    }

    /// Everything else failed too: a model that still loads is worth the wait.
    pub(super) fn waits_for_load(&mut self, now: Time) -> bool {
        let loads = |state: &LegState| {
            let class = state.last.as_ref().map(|last| last.class);
            class == Some(Class::Loading) && state.standing == Standing::Tried
        };
        let pending = (0..self.legs.len()).find_map(|leg| {
            self.legs.get(leg).filter(|state| loads(state))?;
            Some((leg, self.load_pause(now, leg)?))
        });
        if let Some((leg, pause)) = pending.filter(|_| self.may_begin()) {
            self.again = Some(Again { leg, at: now + pause, insist: true });
        }
        self.again.is_some()
    }

    /// Whether the plan allows another attempt.
    pub(super) fn may_begin(&self) -> bool {
        self.spent() < self.plan.attempts_max()
    }

    /// Attempts that count, of those the plan allows.
    pub(super) fn spent(&self) -> usize {
        self.attempts.iter().filter(|attempt| attempt.counts()).count()
    }

    /// Whether an attempt is left over once every leg not tried yet has had its own.
    fn has_spare(&self) -> bool {
        self.spent() + self.untried().count() < self.plan.attempts_max()
    }

    /// Attempts on a leg that count.
    fn tried(&self, leg: usize) -> usize {
        self.attempts.iter().filter(|attempt| attempt.leg == leg && attempt.counts()).count()
    }

    /// Whether a leg was asked.
    pub(super) fn is_asked(&self, leg: usize) -> bool {
        self.attempts.iter().any(|attempt| attempt.leg == leg)
    }

    fn failures(&self, leg: usize, class: Class) -> usize {
        let same = |attempt: &&super::Attempt| attempt.leg == leg && attempt.class() == Some(class);
        self.attempts.iter().filter(same).count()
    }

    /// The legs that may yet be tried.
    pub(super) fn untried(&self) -> impl Iterator<Item = usize> {
        let may = |state: &LegState| matches!(state.standing, Standing::Fresh | Standing::Shut(..));
        let legs = self.legs.iter().enumerate().filter(move |(_, state)| may(state));
        legs.map(|(index, _)| index)
    }

    /// When it is worth asking again for an attempt beside a silent one.
    pub(super) fn next_asking(&self, now: Time, pause: Duration) -> Option<Time> {
        let at = self.untried().filter_map(|leg| match self.legs.get(leg)?.standing {
            Standing::Shut(until, _) => Some(until.max(now + pause)),
            Standing::Fresh | Standing::Tried | Standing::Out => Some(now + pause),
        });
        at.min().filter(|_| self.may_begin())
    }

    /// Whether another leg could still be tried, or is being tried and has not lost our patience.
    pub(super) fn has_others(&self, leg: usize) -> bool {
        let beside = |it: &super::Attempt| it.leg != leg && it.is_live() && !it.slow;
        self.untried().any(|index| index != leg) || self.attempts.iter().any(beside)
    }

    /// Rules out what would fail in the same way. False where nothing else may be tried at all.
    fn rule_out(&mut self, failed: usize, class: Class) -> bool {
        let Some(leg) = self.plan.legs.get(failed) else { return false };
        let (provider, model, owned) = (leg.provider, Arc::clone(&leg.model), leg.caller_owned);
        let row = class.row();
        match row.next {
            Next::Yes => return true,
            // What was refused is what we wrote: another may take it, or have the caller's own words.
            Next::No if (leg.crossed || self.is_resumed()) && is_refusal(class) => return true,
            Next::No => return false,
            Next::IfOurs => return !owned,
            Next::IfFilterAllowed => return self.plan.filter_next,
            Next::IfEmptyAllowed => return self.plan.empty_next,
            // Capacity is shared within a provider: its other models only as a last resort, which
            // the order sees to.
            Next::OtherProvider if row.transient => return true,
            Next::OtherProvider | Next::OtherModel => {}
        }
        for (leg, state) in self.plan.legs.iter().zip(&mut self.legs) {
            let same_model = row.next == Next::OtherModel && leg.model == model;
            let same = same_model || (row.next == Next::OtherProvider && leg.provider == provider);
            if same {
                state.rule_out();
            }
        }
        true
    }

    /// The order in which legs are tried: the chain's; local ones first while the network is down;
    /// a provider that is over its capacity last, and before it whoever is asked anew after a cut.
    pub(super) fn order(&self, health: &dyn Health) -> Vec<usize> {
        let down = health.local_first();
        let crowded = |index: usize| {
            self.plan.legs.iter().zip(&self.legs).any(|(leg, state)| {
                let same = self.plan.legs.get(index).is_some_and(|it| it.provider == leg.provider);
                same && state.last.as_ref().is_some_and(|last| last.class == Class::Overloaded)
            })
        };
        let mut order: Vec<usize> = self.untried().collect();
        let local = |index: usize| self.plan.legs.get(index).is_some_and(|leg| leg.local);
        // Who failed before the cut is well by now perhaps.
        let failed = |index: usize| self.is_resumed() && self.is_asked(index);
        order.sort_by_key(|index| (down && !local(*index), crowded(*index), failed(*index)));
        order
    }

    pub(super) fn shut(&mut self, leg: usize, until: Time, why: Why) {
        if let Some(state) = self.legs.get_mut(leg) {
            state.standing = Standing::Shut(until, why);
        }
    }

    /// Of the legs that were passed over, the least bad: one that is on its way back, or else any of
    /// the best kind. Not always the same one, so that whoever is back first is found.
    pub(super) fn least_bad(&mut self) -> Option<usize> {
        let shut = |leg: &LegState| match leg.standing {
            Standing::Shut(_, why) => Some(badness(why)),
            Standing::Fresh | Standing::Tried | Standing::Out => None,
        };
        let best = self.legs.iter().filter_map(shut).min()?;
        let legs = self.legs.iter().enumerate().filter(|(_, leg)| shut(leg) == Some(best));
        let of: Vec<usize> = legs.map(|(index, _)| index).collect();
        let pick = self.rng.draw() % u64::try_from(of.len()).unwrap_or(1).max(1);
        of.get(usize::try_from(pick).unwrap_or(0)).copied()
    }
}

/// Whether a class says that a request is wrong as it stands.
fn is_refusal(class: Class) -> bool {
    matches!(class, Class::InvalidRequest | Class::Opaque | Class::BadSignature)
}

/// How little is to be hoped from a leg that is shut for this reason.
fn badness(why: Why) -> u8 {
    match why {
        Why::Ramp | Why::Trial | Why::Budget | Why::Slow => 0,
        Why::Open | Why::HostDown => 1,
        Why::Cooling => 2,
        Why::Parked => 3,
        Why::Misconfigured => 4,
    }
}

// === impl LegState ===

impl LegState {
    fn rule_out(&mut self) {
        if self.standing != Standing::Tried {
            self.standing = Standing::Out;
        }
    }
}

/// A repetition costs the budget, unless it was provably not processed.
fn may_repeat(class: Class, health: &dyn Health) -> bool {
    matches!(class.row().same, Same::Free | Same::WhileLoading) || health.spend()
}

/// How long it is to be left alone. The reset headers come with every answer and speak of rates and
/// quotas: beside any other failure they mean nothing.
fn wait(class: Class, hints: &Hints) -> Option<Duration> {
    match class.row().scope {
        Scope::Park | Scope::Credential => hints.wait(),
        Scope::None | Scope::Target | Scope::Misconfigured | Scope::Host => hints.after,
    }
}

fn hints(failure: &Failure) -> Hints {
    match failure {
        Failure::Rejected(rejection) => rejection.hints,
        Failure::Dns(_)
        | Failure::Connect(_)
        | Failure::Proxy(_)
        | Failure::Tls(_)
        | Failure::Unprocessed
        | Failure::Stale
        | Failure::Reset
        | Failure::BadHttp(_)
        | Failure::WrongContent(_)
        | Failure::Malformed(_)
        | Failure::Cut { .. }
        | Failure::Empty
        | Failure::Filtered
        | Failure::Silent(_)
        | Failure::Stalled
        | Failure::Crawling
        | Failure::Unjoined(_)
        | Failure::Overflow(_)
        | Failure::Unsendable(_)
        | Failure::Uncarried(_)
        | Failure::Stopping => Hints::default(),
    }
}
