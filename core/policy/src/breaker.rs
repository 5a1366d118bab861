//! A circuit breaker: pass by what is known to be down, and come back carefully.
//!
//! ```text
//!            failures in a row, or a low success rate            probe good and
//!            over the window                                     backoff over
//!   Closed ------------------------------------------> Open ---------------------> Trial
//!     ^                                                 ^ ^                          |
//!     |   limit reached                        failure  | |         failure          |
//!     +------------------ Ramp -------------------------+ +--------------------------+
//!                          ^             failure                     first content   |
//!                          +---------------------------------------------------------+
//! ```
//!
//! One trial at a time, unless it stays silent; after it the number of requests that may be under way without having shown
//! content doubles with every success. So a lone user is back on the first target at once, and a
//! flood returns in steps. A rate limit counts in the rate but never in the run of failures; it
//! does fail a trial.
//!
//! The backoff spares a lone user, whom each trial costs time. Under load it is cut short: once
//! enough requests were turned away, one of them is little to pay for finding out. It is not where
//! answers broke after content: there a trial costs its caller the answer, so that trials are rare, and
//! one is over only with its answer.
//!
//! **Invariant:** what began before the breaker last opened, or before its trial, says nothing
//! about what came after: it carries an older [`Epoch`] and is not counted.

use crate::{Breakers, board::Why, rng::Rng};
use ir::Time;
use std::time::Duration;

/// What an attempt says about its target.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Sample {
    /// It answered.
    Good,
    /// It failed, was silent or cut.
    Bad,
    /// It failed after it had shown content: its caller has half an answer.
    Broken,
    /// It refused by rate: counts in the rate only.
    Throttled,
}

/// Whether an attempt may begin.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Entry {
    /// Yes.
    Open,
    /// Yes, as the one that finds out (a trial), or as one of a few (the ramp).
    Proving,
    /// No, and when to ask again.
    Shut(Time),
}

/// When an attempt began, as a breaker counts: a new one with every opening and every trial.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Epoch(u64);

/// The breaker of one target.
#[derive(Debug, Default)]
pub struct Breaker {
    state: State,
    window: Window,
    /// Of the window, answers that broke after content.
    broken: Window,
    run: u32,
    openings: u32,
    epoch: Epoch,
    /// It opened by an answer that broke after content: finding out costs a caller the answer.
    costly: bool,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Closed,
    /// Nothing enters before `until`, or, once [`TURNED_MAX`] were turned away, before `early`; nor
    /// before a free probe came back well.
    Open { until: Time, early: Time, gate: Gate, turned: u32 },
    /// One attempt finds out; another is let in beside one that has shown nothing for [`TRIAL_FOR`].
    Trial { since: Time },
    /// `proving` attempts are under way without having shown content, of at most `limit`.
    Ramp { limit: u32, proving: u32 },
    /// Misconfigured: only time heals it.
    Wrong { until: Time },
}

/// What the free probe said since the breaker opened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Gate {
    Unasked,
    Bad,
    Good,
}

/// The ramp ends when this many may be under way at once.
const RAMP_MAX: u32 = 64;
/// Of so many requests turned away, one more may find out.
const TURNED_MAX: u32 = 32;
/// In the rate, an answer that broke weighs as much as so many failures that nobody saw.
const BROKEN_WEIGHS: u32 = 3;
/// Where a trial costs an answer, the longest opening is so many times as long.
const COSTLY: u32 = 8;
/// A trial may take its time, a whole answer does; but a silent one must not bar the way.
const TRIAL_FOR: Duration = Duration::from_secs(10);
/// A probe that turns from bad to good brings the trial forward to within this.
const TURN_FOR_GOOD: Duration = Duration::from_secs(1);
/// How long a misconfigured target is left alone.
const WRONG_FOR: Duration = Duration::from_mins(5);

// === impl Breaker ===

impl Breaker {
    /// Whether an attempt may begin at `now`. A [`Entry::Proving`] must be followed by
    /// [`Self::proved`] or [`Self::released`], exactly once, with the [`Self::epoch`] of now.
    pub fn enter(&mut self, now: Time, settings: &Breakers) -> Entry {
        match &mut self.state {
            State::Closed => Entry::Open,
            State::Open { until, early, gate, turned } => {
                let gate = *gate == Gate::Good || settings.probe.is_zero();
                let early = *early <= now && TURNED_MAX <= *turned && !self.costly;
                if gate && (*until <= now || early) {
                    self.begin_trial(now)
                } else {
                    *turned = turned.saturating_add(1);
                    Entry::Shut((*until).max(now + settings.probe / 2))
                }
            }
            State::Trial { since } if now.since(*since) < TRIAL_FOR => {
                Entry::Shut(*since + TRIAL_FOR)
            }
            State::Trial { since } => {
                *since = now;
                Entry::Proving
            }
            State::Ramp { limit, proving } if *proving < *limit => {
                *proving += 1;
                Entry::Proving
            }
            State::Ramp { .. } => Entry::Shut(now + Duration::from_secs(1)),
            State::Wrong { until } if now < *until => Entry::Shut(*until),
            State::Wrong { .. } => self.begin_trial(now),
        }
    }

    fn begin_trial(&mut self, now: Time) -> Entry {
        self.epoch.0 += 1;
        self.state = State::Trial { since: now };
        Entry::Proving
    }

    /// The epoch of an attempt that begins now.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Whether content is what proves an attempt; where answers broke after it, only their end is.
    pub fn believes_content(&self) -> bool {
        !self.costly
    }

    /// A proving attempt showed content, or ended well where that is not enough.
    pub fn proved(&mut self, epoch: Epoch) {
        if epoch != self.epoch {
            return;
        }
        match &mut self.state {
            State::Trial { .. } => self.state = State::Ramp { limit: 2, proving: 0 },
            State::Ramp { limit, .. } if RAMP_MAX < *limit * 2 => {
                self.openings = 0;
                self.costly = false;
                self.state = State::Closed;
            }
            State::Ramp { limit, proving } => {
                *limit *= 2;
                *proving = proving.saturating_sub(1);
            }
            State::Closed | State::Open { .. } | State::Wrong { .. } => {}
        }
        self.run = 0;
    }

    /// A proving attempt ended without having shown anything: its place is free.
    pub fn released(&mut self, now: Time, epoch: Epoch) {
        if epoch != self.epoch {
            return;
        }
        match &mut self.state {
            State::Trial { .. } => {
                self.state = State::Open { until: now, early: now, gate: Gate::Good, turned: 0 };
            }
            State::Ramp { proving, .. } => *proving = proving.saturating_sub(1),
            State::Closed | State::Open { .. } | State::Wrong { .. } => {}
        }
    }

    /// Counts how an attempt of this epoch ended.
    pub fn sample(
        &mut self,
        now: Time,
        (epoch, sample): (Epoch, Sample),
        settings: &Breakers,
        rng: &mut Rng,
    ) {
        if epoch != self.epoch {
            return;
        }
        self.window.count(now, sample == Sample::Good, settings.window);
        if sample == Sample::Broken {
            self.broken.count(now, false, settings.window);
        }
        match (sample, &self.state) {
            (Sample::Good, State::Open { .. } | State::Wrong { .. }) => {
                // Tried although it was open, since nothing else was left: it is back.
                self.run = 0;
                self.state = State::Ramp { limit: 2, proving: 0 };
            }
            (Sample::Good, State::Closed | State::Trial { .. } | State::Ramp { .. }) => {
                self.run = 0;
            }
            (_, State::Trial { .. } | State::Ramp { .. }) => {
                self.costly = sample == Sample::Broken;
                self.open(now, settings, rng);
            }
            (_, State::Open { .. } | State::Wrong { .. }) => {}
            (Sample::Throttled, State::Closed) => self.judge(now, settings, rng),
            (Sample::Bad | Sample::Broken, State::Closed) => {
                self.costly = sample == Sample::Broken;
                self.run = self.run.saturating_add(1);
                self.judge(now, settings, rng);
            }
        }
    }

    /// A proving attempt did not even reach it: the trial failed, and nothing else is known.
    pub fn missed(&mut self, now: Time, epoch: Epoch, settings: &Breakers, rng: &mut Rng) {
        if epoch == self.epoch && matches!(self.state, State::Trial { .. } | State::Ramp { .. }) {
            self.open(now, settings, rng);
        }
    }

    fn judge(&mut self, now: Time, settings: &Breakers, rng: &mut Rng) {
        let (good, all) = self.window.totals(now, settings.window);
        let (_, broken) = self.broken.totals(now, settings.window);
        let weight = all + broken * (BROKEN_WEIGHS - 1);
        let low = f64::from(good) < settings.success_rate * f64::from(weight);
        let by_rate = settings.requests <= all && low;
        if settings.failures <= self.run || by_rate {
            self.open(now, settings, rng);
        }
    }

    fn open(&mut self, now: Time, settings: &Breakers, rng: &mut Rng) {
        let longer = if self.costly { COSTLY } else { 1 };
        let pause = rng.backoff(settings.open, self.openings, settings.open_max * longer);
        self.openings = self.openings.saturating_add(1);
        self.run = 0;
        self.window = Window::default();
        self.broken = Window::default();
        self.epoch.0 += 1;
        self.state = State::Open {
            until: now + pause,
            early: now + settings.open / 2 + rng.upto(settings.open / 2),
            gate: Gate::Unasked,
            turned: 0,
        };
    }

    /// It answers, but not to this: leave it alone until time or a reload heals it.
    pub fn misconfigured(&mut self, now: Time) {
        self.epoch.0 += 1;
        self.state = State::Wrong { until: now + WRONG_FOR };
    }

    /// A free probe came back.
    pub fn probed(&mut self, now: Time, good: bool, rng: &mut Rng) {
        if let State::Open { until, gate, .. } = &mut self.state {
            if good && *gate == Gate::Bad {
                *until = (*until).min(now + rng.upto(TURN_FOR_GOOD));
            }
            *gate = if good { Gate::Good } else { Gate::Bad };
        }
    }

    /// Forgets everything: it was not the target's fault.
    pub fn forgive(&mut self) {
        *self = Self { epoch: Epoch(self.epoch.0 + 1), ..Self::default() };
    }

    /// Whether it was found misconfigured.
    pub fn is_misconfigured(&self) -> bool {
        matches!(self.state, State::Wrong { .. })
    }

    /// Whether requests enter freely.
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// Whether a free probe could help it back.
    pub fn wants_probe(&self) -> bool {
        matches!(self.state, State::Open { gate: Gate::Unasked | Gate::Bad, .. })
    }

    /// Failures in a row so far.
    pub fn run(&self) -> u32 {
        self.run
    }

    /// `closed`, `open`, `trial`, `ramp` or `misconfigured`.
    pub fn word(&self) -> &'static str {
        match self.state {
            State::Closed => "closed",
            State::Open { .. } => "open",
            State::Trial { .. } => "trial",
            State::Ramp { .. } => "ramp",
            State::Wrong { .. } => "misconfigured",
        }
    }

    /// Why nothing enters, where nothing does.
    pub(crate) fn why(&self) -> Why {
        match self.state {
            State::Closed | State::Open { .. } => Why::Open,
            State::Trial { .. } => Why::Trial,
            State::Ramp { .. } => Why::Ramp,
            State::Wrong { .. } => Why::Misconfigured,
        }
    }

    /// Whether it holds nothing worth keeping.
    pub fn is_idle(&self, now: Time, settings: &Breakers) -> bool {
        self.is_closed() && self.run == 0 && self.window.totals(now, settings.window).1 == 0
    }
}

/// Exact counts in ten buckets: an average that decays would hide a tight burst.
#[derive(Debug, Default)]
pub(crate) struct Window {
    /// The bucket's number since the beginning, its good and all counts.
    buckets: [(u64, u32, u32); 10],
}

// === impl Window ===

impl Window {
    fn number(now: Time, window: Duration) -> u64 {
        let bucket = (window / 10).max(Duration::from_millis(1)).as_nanos();
        u64::try_from(now.since(Time::ZERO).as_nanos() / bucket).unwrap_or(u64::MAX)
    }

    pub(crate) fn count(&mut self, now: Time, good: bool, window: Duration) {
        let number = Self::number(now, window);
        let slot = usize::try_from(number % 10).unwrap_or(0);
        if let Some(bucket) = self.buckets.get_mut(slot) {
            if bucket.0 != number {
                *bucket = (number, 0, 0);
            }
            bucket.1 += u32::from(good);
            bucket.2 += 1;
        }
    }

    pub(crate) fn totals(&self, now: Time, window: Duration) -> (u32, u32) {
        let oldest = Self::number(now, window).saturating_sub(9);
        self.buckets
            .iter()
            .filter(|(number, _, _)| oldest <= *number)
            .fold((0, 0), |(good, all), (_, g, a)| (good + g, all + a))
    }
}

#[cfg(test)]
mod tests;
