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

/// Since when a page says that it is unwell.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unwell {
    pub(super) since: Moment,
    /// It was read shortly before, and said better things then.
    pub(super) seen: bool,
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

    /// A page was read that says that it is unwell. How many seconds we knew before, where that is new
    /// and about this trouble.
    pub(super) fn acknowledge(&mut self, now: Moment, unwell: Unwell, page: &Page) -> Option<i64> {
        let late = self.over.is_some_and(|over| LATE < now.at.since(over));
        if late || self.times.acknowledged_unix_ms.is_some() {
            return None;
        }
        let told = self.told(page, unwell)?.min(now.unix_ms);
        let lead_ms = i128::from(told) - i128::from(self.times.detected_unix_ms);
        let lead_s = i64::try_from(lead_ms.div_euclid(1000)).ok();
        (self.times.acknowledged_unix_ms, self.times.lead_s) = (Some(told), lead_s);
        lead_s
    }

    /// When the page first told of it by its own word: the first that is not much older than the
    /// trouble. Or else when it was first read so, if that was not long before, and if it is not an
    /// older incident that it has told of all the time.
    fn told(&self, page: &Page, unwell: Unwell) -> Option<u64> {
        let ongoing = page
            .incidents
            .iter()
            .filter(|it| !it.notice && it.level.is_none_or(|level| Level::Operational < level));
        let told: Vec<u64> = ongoing.filter_map(|it| it.told_unix_ms).collect();
        let from = self.times.impact_unix_ms.saturating_sub(EARLIER_MS);
        let fits = told.iter().copied().filter(|told| from <= *told).min();
        let ours = from <= unwell.since.unix_ms && (unwell.seen || told.is_empty());
        fits.or_else(|| ours.then_some(unwell.since.unix_ms))
    }
}
