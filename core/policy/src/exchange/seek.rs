//! Which leg next, and when: patience, waits, budgets, and the clock of an exchange.

use super::crawl::Crawl;
use super::failing::{Again, Standing};
use super::{Action, AttemptId, Exchange, Input, Phase, TAIL};
use crate::board::{Admission, Health, Outcome, Permit, Why};
use crate::exchange::attempt::{Attempt, Form};
use crate::{Class, Told, Turn, Way};
use ir::{Deadline, Failure, Shape, Time, invariant};
use std::collections::VecDeque;
use std::time::Duration;

/// After the budget said no to an extra attempt, it is asked again this much later.
const ASK_AGAIN: Duration = Duration::from_secs(1);

// === impl Exchange ===

impl Exchange {
    /// Lets time pass: deadlines, patience, waits that are over, keep-alives.
    pub fn tick(&mut self, now: Time, health: &dyn Health) {
        match self.phase {
            Phase::Done(_) => return,
            Phase::Seeking if self.total_at() <= now => return self.out_of_time(now, health),
            Phase::Seeking | Phase::Committed => {}
        }
        for index in 0..self.attempts.len() {
            self.tick_attempt(now, AttemptId(index), health);
        }
        self.seek(now, health);
        if self.ping_at().is_some_and(|at| at <= now) {
            self.ping(now);
        }
    }

    /// When to call [`Self::tick`] even if nothing happens.
    pub fn poll_timeout(&self) -> Option<Time> {
        if self.is_done() {
            return None;
        }
        let committed = self.phase == Phase::Committed;
        let mut at = if committed { Time::MAX } else { self.total_at() };
        for attempt in self.attempts.iter().filter(|attempt| attempt.is_live()) {
            at = at.min(self.gives_up_at(attempt)).min(self.crawls_at(attempt));
            if self.is_seeking() && !attempt.slow {
                at = at.min(self.slow_at(attempt));
            }
            at = at.min(attempt.late_at());
        }
        if self.is_seeking() && !self.is_promising() {
            let next = self.again.map(|again| again.at).or(self.ask_again);
            at = at.min(next.unwrap_or(Time::MAX));
        }
        at = at.min(self.ping_at().unwrap_or(Time::MAX));
        (at < Time::MAX).then_some(at)
    }

    /// When the time for the whole request, or for going on with it, is over.
    pub(super) fn total_at(&self) -> Time {
        self.resumed.as_ref().map_or(self.began, |resumed| resumed.since) + self.plan.total
    }

    /// A held stream is kept alive: before the commit, and while a tool call is held.
    fn ping_at(&self) -> Option<Time> {
        let held = match self.phase {
            Phase::Seeking => true,
            Phase::Committed => self.lead_attempt().is_some_and(Attempt::has_open_tool),
            Phase::Done(_) => false,
        };
        (held && self.plan.shape == Shape::Stream).then(|| self.last_out + self.plan.ping_every)
    }

    fn lead_attempt(&self) -> Option<&Attempt> {
        self.lead.and_then(|id| self.attempts.get(id.0))
    }

    fn ping(&mut self, now: Time) {
        invariant!(Ex1, !self.is_done());
        if !std::mem::replace(&mut self.head_out, true) {
            self.queue.push_back(Action::Head(None));
        }
        self.queue.push_back(Action::Ping);
        self.pings += 1;
        self.last_out = now;
    }

    /// When an attempt has had its time: the hard limit before content, the idle limits after it.
    fn gives_up_at(&self, attempt: &Attempt) -> Time {
        let Some(leg) = self.plan.legs.get(attempt.leg) else { return Time::MAX };
        if let Some(finished) = attempt.finished_at() {
            return finished.max(self.room) + TAIL.min(leg.deadlines.idle);
        }
        match (attempt.form, attempt.content_at, attempt.head_at) {
            (Form::Stream | Form::Watched, None, _) => attempt.silent_at(leg),
            // A document shows nothing until it is done; until its head only `total` rules.
            (Form::Whole, None, None) => Time::MAX,
            (Form::Stream | Form::Watched, Some(_), _) | (Form::Whole, _, _) => {
                attempt.stalls_at(self.room, leg)
            }
        }
    }

    fn slow_at(&self, attempt: &Attempt) -> Time {
        self.plan.legs.get(attempt.leg).map_or(Time::MAX, |leg| attempt.slow_at(leg))
    }

    /// When an attempt is given up because it crawls: only where another can do better.
    fn crawls_at(&self, attempt: &Attempt) -> Time {
        let at = attempt.crawls_at(self.room);
        let better = || {
            let may = |id| self.may_resume(id, Class::Stalled).is_ok();
            self.untried().any(|leg| leg != attempt.leg)
                && (self.phase == Phase::Seeking || self.lead.is_some_and(may))
        };
        if at < Time::MAX && better() { at } else { Time::MAX }
    }

    fn tick_attempt(&mut self, now: Time, id: AttemptId, health: &dyn Health) {
        let Some(attempt) = self.attempts.get(id.0).filter(|attempt| attempt.is_live()) else {
            return;
        };
        if self.crawls_at(attempt) <= now {
            return self.handle(now, id, Input::Failed(Failure::Crawling), health);
        }
        if self.gives_up_at(attempt) <= now {
            let shown = attempt.content_at.is_some() || attempt.head_at.is_some();
            let input = match (attempt.form, attempt.finished_at(), attempt.content_at) {
                (Form::Stream | Form::Watched, Some(_), _) => Input::Eof { clean: true },
                (Form::Stream | Form::Watched, None, None) => {
                    Input::Failed(Failure::Silent(Deadline::FirstContent))
                }
                (Form::Whole, _, _) | (Form::Stream | Form::Watched, None, Some(_)) => {
                    invariant!(Ex2, shown);
                    Input::Failed(Failure::Stalled)
                }
            };
            return self.handle(now, id, input, health);
        }
        let loses_patience = !attempt.slow && self.slow_at(attempt) <= now;
        if attempt.late_at() <= now
            && let Some(attempt) = self.attempts.get_mut(id.0)
            && let Some(leg) = self.plan.legs.get(attempt.leg)
        {
            attempt.is_late(now, leg, health);
        }
        if self.is_seeking()
            && loses_patience
            && let Some(attempt) = self.attempts.get_mut(id.0)
            && let Some(leg) = self.plan.legs.get(attempt.leg)
        {
            attempt.lost_patience(now, leg, health);
        }
    }

    /// Begins another attempt where one is wanted and allowed.
    pub(super) fn seek(&mut self, now: Time, health: &dyn Health) {
        while self.is_seeking() && !self.is_promising() {
            if let Some(again) = self.again {
                if now < again.at {
                    return;
                }
                self.again = None;
                self.begin_again(now, again, health);
                continue;
            }
            let beside = self.attempts.iter().any(Attempt::is_live);
            if beside && self.ask_again.is_some_and(|at| now < at) {
                return;
            }
            if let Some((leg, permit)) = self.pick(now, health) {
                self.begin(now, leg, permit, health);
            } else if beside {
                self.ask_again = self.next_asking(now, ASK_AGAIN);
                return;
            } else if !self.waits_for_cut(now, health) && !self.waits_for_reset(now) {
                match self.last_resort(now, health) {
                    Some((leg, permit)) => self.begin(now, leg, permit, health),
                    None if self.waits_for_load(now) => {}
                    None => self.exhausted(now),
                }
            }
        }
    }

    fn begin_again(&mut self, now: Time, again: Again, health: &dyn Health) {
        if !self.may_begin() {
            return;
        }
        let Some(leg) = self.plan.legs.get(again.leg) else { return };
        match health.enter(now, leg) {
            Admission::Go(permit) => self.begin(now, again.leg, permit, health),
            Admission::Shut(..) if again.insist => {
                let permit = health.force(now, leg);
                self.begin(now, again.leg, permit, health);
            }
            Admission::Shut(..) => {}
        }
    }

    /// Nobody has shown content yet.
    fn is_seeking(&self) -> bool {
        self.phase == Phase::Seeking && self.lead.is_none()
    }

    /// Somebody may still answer in time: an attempt that has not lost our patience.
    fn is_promising(&self) -> bool {
        self.attempts.iter().any(|attempt| attempt.is_live() && !attempt.slow)
    }

    /// An extra attempt beside a silent one costs the budget, unless the silent one's target turned
    /// out to be down: then it is a failover like any other.
    fn is_extra(&mut self, health: &dyn Health) -> bool {
        let mut extra = false;
        for attempt in self.attempts.iter_mut().filter(|attempt| attempt.is_live()) {
            let leg = self.plan.legs.get(attempt.leg);
            extra |= leg.is_some_and(|leg| !attempt.is_doomed(leg, health));
        }
        extra
    }

    /// The next leg, in order. A failover to a target whose breaker is closed is free; to one that
    /// must prove itself it costs the budget.
    fn pick(&mut self, now: Time, health: &dyn Health) -> Option<(usize, Permit)> {
        if !self.may_begin() {
            return None;
        }
        let extra = self.is_extra(health);
        let first = self.attempts.is_empty();
        let mut order = VecDeque::from(self.order(health));
        // Those that are passed over come again behind all others.
        let mut fresh = order.len();
        while let Some(index) = order.pop_front() {
            fresh = fresh.saturating_sub(1);
            let Some(leg) = self.plan.legs.get(index) else { continue };
            if leg.caller_owned && self.rests(now, index) {
                continue;
            }
            let turn = if 0 < fresh { self.turn(now, index, health) } else { Turn::Usual };
            if turn == Turn::Over {
                self.shut(index, now, Why::Slow);
                order.push_back(index);
                continue;
            }
            let Some(leg) = self.plan.legs.get(index) else { continue };
            match health.enter(now, leg) {
                Admission::Go(mut permit) => {
                    permit.measures = turn == Turn::Measures;
                    let free = !extra && (first || !permit.proving);
                    if free || health.spend() {
                        return Some((index, permit));
                    }
                    // Back through the door unused: nothing was learnt.
                    health.ended(now, leg, permit, Outcome::Cancelled);
                    if extra {
                        return None;
                    }
                    self.shut(index, now + ASK_AGAIN, Why::Budget);
                }
                Admission::Shut(until, why) => self.shut(index, until, why),
            }
        }
        None
    }

    /// Whether the next leg in order is slow just now, and another one should be asked.
    fn turn(&self, now: Time, index: usize, health: &dyn Health) -> Turn {
        let Some(leg) = self.plan.legs.get(index) else { return Turn::Usual };
        let others = self.untried().filter(|other| *other != index);
        let mut others = others.filter_map(|other| self.plan.legs.get(other));
        let tells = leg.shape(self.plan.shape) == Shape::Stream;
        health.turn(now, leg, &mut others, tells)
    }

    /// Every leg is shut: the least bad is tried all the same.
    fn last_resort(&mut self, now: Time, health: &dyn Health) -> Option<(usize, Permit)> {
        if !self.may_begin() {
            return None;
        }
        let index = self.least_bad()?;
        let leg = self.plan.legs.get(index)?;
        let free = self.attempts.is_empty();
        (free || health.spend()).then(|| (index, health.force(now, leg)))
    }

    fn begin(&mut self, now: Time, leg: usize, permit: Permit, health: &dyn Health) {
        let id = AttemptId(self.attempts.len());
        let Some(target) = self.plan.legs.get(leg) else { return };
        let shape = target.shape(self.plan.shape);
        let form = match (shape, self.plan.shape) {
            (Shape::Stream, Shape::Stream) => Form::Stream,
            (Shape::Stream, Shape::Whole) => Form::Watched,
            (Shape::Whole, Shape::Stream | Shape::Whole) => Form::Whole,
        };
        let standing = health.standing(target);
        let way = self.way(leg);
        // What has to be joined is shown later than its target shows anything else.
        let late = standing.late.filter(|_| form != Form::Whole && !way.is_some_and(Way::joins));
        let patience = target.patience(shape, standing.p95);
        // Who finds out whether a slow one still is does not wait for it longer than for others.
        let sooner = late.filter(|_| permit.measures).unwrap_or(patience);
        let patience = patience.min(sooner);
        let credential = permit.credential;
        self.queue.push_back(Action::Begin { attempt: id, leg, credential, way });
        let mut attempt = Attempt::new(leg, permit, form, patience, now);
        attempt.late = late;
        attempt.crawl = match form {
            Form::Stream | Form::Watched => standing.gap.and_then(|gap| {
                Crawl::new(gap, self.plan.retries.crawl, target.deadlines.idle, now)
            }),
            Form::Whole => None,
        };
        attempt.way = way;
        attempt.told = self.told().map(Told::behind).unwrap_or_default();
        self.attempts.push(attempt);
        if let Some(state) = self.legs.get_mut(leg) {
            state.standing = Standing::Tried;
        }
        self.ask_again = None;
        invariant!(Ex3, self.spent() <= self.plan.attempts_max());
    }
}
