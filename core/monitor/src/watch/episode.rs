//! The times of one run of trouble, and how far ahead of the provider's own page we were.

use crate::Moment;
use ir::Time;
use ir::evidence::{Level, Page};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// One run of trouble; all times are in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Times {
    /// The first failure of the run.
    pub impact_unix_ms: u64,
    /// When it was noticed that there is trouble.
    pub detected_unix_ms: u64,
    /// When the first verdict was there.
    pub verdict_unix_ms: Option<u64>,
    /// When the provider's own page first said so.
    pub acknowledged_unix_ms: Option<u64>,
    /// When traffic, or free questions, showed that it is over.
    pub recovered_unix_ms: Option<u64>,
    /// How many seconds we knew before the page said so, rounded down; less than 0 where it was first.
    pub lead_s: Option<i64>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Episode {
    times: Times,
    over: Option<Time>,
}

/// Pages speak late: for so long after it was over, what they say is still about it.
const LATE: Duration = Duration::from_mins(30);
/// What a page told so long before the first failure may be about something else.
const EARLIER_MS: u64 = 3_600_000;

// === impl Episode ===

impl Episode {
    pub(super) fn new(impact: Moment, detected: Moment) -> Self {
        let times = Times {
            impact_unix_ms: impact.unix_ms.min(detected.unix_ms),
            detected_unix_ms: detected.unix_ms,
            ..Times::default()
        };
        Self { times, over: None }
    }

    pub(super) fn times(&self) -> Times {
        self.times
    }

    pub(super) fn judged(&mut self, now: Moment) {
        self.times.verdict_unix_ms.get_or_insert(now.unix_ms);
    }

    pub(super) fn recovered(&mut self, now: Moment) {
        self.times.recovered_unix_ms = Some(now.unix_ms);
        self.over = Some(now.at);
    }

    /// A page was read that says that it is unwell, since `first` as far as we have seen. How many
    /// seconds we knew before, where that is new.
    pub(super) fn acknowledge(&mut self, now: Moment, first: Moment, page: &Page) -> Option<i64> {
        let late = self.over.is_some_and(|over| LATE < now.at.since(over));
        if late || self.times.acknowledged_unix_ms.is_some() {
            return None;
        }
        let told = self.told(page).unwrap_or(first.unix_ms).min(now.unix_ms);
        let lead_ms = i128::from(told) - i128::from(self.times.detected_unix_ms);
        let lead_s = i64::try_from(lead_ms.div_euclid(1000)).ok();
        (self.times.acknowledged_unix_ms, self.times.lead_s) = (Some(told), lead_s);
        lead_s
    }

    /// When the page first told of it by its own word: the first that is not much older than the
    /// trouble, or else the newest there is.
    fn told(&self, page: &Page) -> Option<u64> {
        let unwell = page
            .incidents
            .iter()
            .filter(|it| !it.notice && it.level.is_none_or(|level| Level::Operational < level));
        let told: Vec<u64> = unwell.filter_map(|it| it.told_unix_ms).collect();
        let from = self.times.impact_unix_ms.saturating_sub(EARLIER_MS);
        let fits = told.iter().copied().filter(|told| from <= *told).min();
        fits.or_else(|| told.iter().copied().max())
    }
}
