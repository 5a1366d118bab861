//! The credentials of one provider: they rotate by their own state.

use ir::Time;
use std::time::Duration;

/// All credentials of one provider, in the order they were configured.
#[derive(Debug)]
pub(super) struct Credentials {
    out_until: Vec<Time>,
    next: usize,
}

/// A rate limit without a word about its end.
const PARK_FOR: Duration = Duration::from_secs(5);
/// A refused or exhausted credential is asked again after this long: keys are renewed in place.
const REFUSED_FOR: Duration = Duration::from_mins(1);
/// No wait is believed beyond this.
const OUT_MAX: Duration = Duration::from_hours(1);

// === impl Credentials ===

impl Credentials {
    /// `count` credentials in service; a provider without any has one nameless.
    pub(super) fn new(count: usize) -> Self {
        Self { out_until: vec![Time::ZERO; count.max(1)], next: 0 }
    }

    /// The next one in service, in turn, or `only` this; or when the first is back, which one that is not
    /// here never is. Its turn is over with [`Self::used`].
    pub(super) fn pick(&self, now: Time, only: Option<usize>) -> Result<usize, Time> {
        if let Some(only) = only {
            let until = self.out_until.get(only).copied().unwrap_or(Time::MAX);
            return if until <= now { Ok(only) } else { Err(until) };
        }
        let count = self.out_until.len();
        let turn = (0..count).map(|step| (self.next + step) % count);
        let ready = turn
            .into_iter()
            .find(|index| self.out_until.get(*index).is_some_and(|until| *until <= now));
        ready.ok_or_else(|| self.out_until.iter().min().copied().unwrap_or(Time::MAX))
    }

    /// An attempt began with it.
    pub(super) fn used(&mut self, index: usize) {
        self.next = (index + 1) % self.out_until.len().max(1);
    }

    /// Whether one is in service, or `only` this one.
    pub(super) fn is_ready(&self, now: Time, only: Option<usize>) -> bool {
        self.pick(now, only).is_ok()
    }

    /// The one that is back first, or `only` this one, which may not be here: then nothing can be asked.
    pub(super) fn least_bad(&self, only: Option<usize>) -> usize {
        let first = self.out_until.iter().enumerate().min_by_key(|(_, until)| **until);
        only.unwrap_or_else(|| first.map_or(0, |(index, _)| index))
    }

    /// It met a rate limit.
    pub(super) fn parked(&mut self, now: Time, index: usize, wait: Option<Duration>) {
        self.out(now, index, wait.unwrap_or(PARK_FOR));
    }

    /// It was refused, or its quota is used up.
    pub(super) fn refused(&mut self, now: Time, index: usize, wait: Option<Duration>) {
        self.out(now, index, wait.unwrap_or_default().max(REFUSED_FOR));
    }

    fn out(&mut self, now: Time, index: usize, wait: Duration) {
        if let Some(until) = self.out_until.get_mut(index) {
            *until = (*until).max(now + wait.min(OUT_MAX));
        }
    }
}
