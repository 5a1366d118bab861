//! A brown-out: a target that answers, and takes several times as long as it usually does.
//!
//! ```text
//!            most answers of the last seconds late           one in its usual time
//!   Brisk ----------------------------------------> Slow ------------------------> Back
//!     ^                                              ^                              |
//!     |   limit reached                              |   one that is late           |
//!     +----------------------------------------------+------------------------------+
//! ```
//!
//! A slow target is passed over only where another is well and clearly faster; that is the board's
//! question. It keeps a trickle of live requests as measurement, fewer than one in a hundred, so that
//! even their slowness is outside of the 99th percentile of all.
//!
//! Long prompts take long, and their sizes are not known here. They are no brown-out by three
//! measures: what is late is so by `RATIO` and `FLOOR`; most of what came within the window must
//! be; and whoever is asked instead gets the same prompts, shows the same times and is no faster.
//!
//! **Invariant:** what began before it was found slow does not end that.

use crate::breaker::Window;
use ir::Time;
use std::time::Duration;

/// How fast a target shows its first content now, beside how fast it usually does.
#[derive(Debug, Default)]
pub struct Brownout {
    usual: Usual,
    /// Seconds, of the last few.
    recent: Option<f64>,
    window: Window,
    state: State,
}

/// What one request does about a target.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Turn {
    /// Nothing is known against it.
    Usual,
    /// It is slow, and this request finds out whether it still is.
    Measures,
    /// It is slow: another is asked.
    Over,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Brisk,
    /// Since when; when it was last measured, and how many were passed over since.
    Slow { since: Time, measured: Time, passed: u32 },
    /// It answered in its usual time: `left` more may see for themselves, of at most `limit` in this
    /// step; and whoever comes later, since not everyone tells.
    Back { since: Time, limit: u32, left: u32, let_in: Time },
}

/// The mean of its first contents, in seconds: of all at first, later of the last minutes.
#[derive(Debug, Default)]
struct Usual {
    mean: f64,
    count: u32,
    at: Time,
}

/// Late is whatever takes so many times as long as usual …
const RATIO: f64 = 3.0;
/// … and this much longer: nobody changes the model for a few milliseconds.
const FLOOR: Duration = Duration::from_millis(300);
/// In its usual time again is whatever takes less than this share of what is late.
const CALM: f64 = 2.0 / 3.0;
/// Most of the requests of this window …
const WINDOW: Duration = Duration::from_secs(5);
/// … this share of them …
const MOST_PERCENT: u32 = 75;
/// … and no fewer of them than this must be late.
const ENOUGH: u32 = 16;
/// What is usual is not known before so many.
const KNOWN: u32 = 32;
/// What is usual changes within about this time.
const CHANGES_IN: Duration = Duration::from_mins(10);
/// However long ago the last one was, one more is only one.
const PASSED_MAX: f64 = 0.1;
/// The weight of one more among the recent.
const WEIGHT: f64 = 1.0 / 8.0;
/// Of so many requests one measures a slow target, so that of any number from a hundred on it is at most
/// one in a hundred …
const MEASURED_OF: u32 = 200;
/// … at most one in this time …
const MEASURED_EVERY: Duration = Duration::from_secs(1);
/// … but one in this time where there are few.
const MEASURED_AFTER: Duration = Duration::from_mins(2);
/// It is back when so many would be let in at once.
const BACK_AT: u32 = 64;
/// After this, slow is what is usual.
const SLOW_MAX: Duration = Duration::from_hours(24);

// === impl Brownout ===

impl Brownout {
    /// The first content came after this long; `told`, it was said before that it was late.
    pub fn note(&mut self, now: Time, after: Duration, told: bool) {
        let late = self.late_after();
        if self.is_brisk(now) || matches!(self.state, State::Back { .. }) {
            match late.filter(|late| *late <= after) {
                Some(late) => self.usual.note_late(now, late),
                None => self.usual.note(now, after),
            }
        }
        let seconds = after.as_secs_f64();
        self.recent = Some(self.recent.map_or(seconds, |it| it + (seconds - it) * WEIGHT));
        let Some(late) = late else { return };
        if after < late {
            self.window.count(now, true, WINDOW);
            if after <= late.mul_f64(CALM) {
                self.was_calm(now, after);
            }
        } else if !told {
            self.was_late(now, after);
        }
    }

    /// An attempt that began this long ago has shown nothing yet, and is late.
    pub fn late(&mut self, now: Time, after: Duration) {
        let seconds = after.as_secs_f64();
        let up = |it: f64| it + (seconds - it).max(0.0) * WEIGHT;
        self.recent = Some(self.recent.map_or(seconds, up));
        self.was_late(now, after);
    }

    fn was_late(&mut self, now: Time, after: Duration) {
        self.window.count(now, false, WINDOW);
        match self.state {
            State::Brisk => {
                let (calm, all) = self.window.totals(now, WINDOW);
                if ENOUGH <= all && all * MOST_PERCENT <= (all - calm) * 100 {
                    self.state = State::Slow { since: now, measured: now, passed: 0 };
                }
            }
            State::Back { since, .. } if now < since + after => {}
            State::Back { .. } => {
                self.state = State::Slow { since: now, measured: now, passed: 0 };
            }
            State::Slow { .. } => {}
        }
    }

    fn was_calm(&mut self, now: Time, after: Duration) {
        match self.state {
            State::Brisk => {}
            State::Slow { since, .. } | State::Back { since, .. } if now < since + after => {}
            State::Slow { .. } => {
                self.state = State::Back { since: now, limit: 2, left: 2, let_in: now };
            }
            State::Back { limit, .. } if BACK_AT < limit * 2 => {
                self.window = Window::default();
                self.state = State::Brisk;
            }
            State::Back { since, limit, let_in, .. } => {
                self.state = State::Back { since, limit: limit * 2, left: limit * 2, let_in };
            }
        }
    }

    /// One request, where another target is well and faster. Only one that `tells` the pace can
    /// measure.
    pub fn turn(&mut self, now: Time, tells: bool) -> Turn {
        if self.is_brisk(now) {
            return Turn::Usual;
        }
        if !tells {
            return Turn::Over;
        }
        let measures = match &mut self.state {
            State::Brisk => return Turn::Usual,
            State::Slow { measured, passed, .. } => {
                *passed = passed.saturating_add(1);
                let rested = now.since(*measured);
                let due = (MEASURED_OF <= *passed && MEASURED_EVERY <= rested)
                    || MEASURED_AFTER <= rested;
                if due {
                    (*measured, *passed) = (now, 0);
                }
                due
            }
            State::Back { left, let_in, .. } => {
                let may = 0 < *left || MEASURED_EVERY <= now.since(*let_in);
                if may {
                    *left = left.saturating_sub(1);
                    *let_in = now;
                }
                may
            }
        };
        if measures { Turn::Measures } else { Turn::Over }
    }

    /// Whether nothing is known against it. Slow for long enough is how it is: what is usual is
    /// learnt anew.
    fn is_brisk(&mut self, now: Time) -> bool {
        if let State::Slow { since, .. } = self.state
            && SLOW_MAX <= now.since(since)
        {
            *self = Self { recent: self.recent, ..Self::default() };
        }
        matches!(self.state, State::Brisk)
    }

    /// Whether it was found slow and is not back yet.
    pub fn is_slow(&self) -> bool {
        !matches!(self.state, State::Brisk)
    }

    /// What its first contents take just now.
    pub fn recent(&self) -> Option<Duration> {
        self.recent.map(Duration::from_secs_f64)
    }

    /// After how long without content one is late, once that is known.
    pub fn late_after(&self) -> Option<Duration> {
        (KNOWN <= self.usual.count).then(|| {
            let usual = Duration::from_secs_f64(self.usual.mean);
            usual.mul_f64(RATIO).max(usual + FLOOR)
        })
    }
}

// === impl Usual ===

impl Usual {
    fn note(&mut self, now: Time, after: Duration) {
        self.count = self.count.saturating_add(1);
        let by_count = 1.0 / f64::from(self.count);
        let weight = self.passed(now).max(by_count);
        self.moves(after, weight);
    }

    /// One that is late makes it slower only as time passes: many at once are a brown-out.
    fn note_late(&mut self, now: Time, late: Duration) {
        let weight = self.passed(now);
        self.moves(late, weight);
    }

    fn moves(&mut self, to: Duration, weight: f64) {
        self.mean += (to.as_secs_f64() - self.mean) * weight;
    }

    /// The weight of one more by the time since the last. (No exponential: it is not the same on
    /// every machine.)
    fn passed(&mut self, now: Time) -> f64 {
        let passed = now.since(self.at).as_secs_f64();
        self.at = self.at.max(now);
        (passed / (passed + CHANGES_IN.as_secs_f64())).min(PASSED_MAX)
    }
}

#[cfg(test)]
mod tests;
