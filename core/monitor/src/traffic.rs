//! What our own attempts met at one provider: a fold over a window that moves.
//!
//! **Invariants:** what the caller did wrong, what was cancelled and what was ours is left out; a name
//! that is not there is kept, and is no part of any share, since a caller may have made it up. It is
//! bounded whatever callers ask for: buckets by the window, models by [`MODELS_MAX`], credentials by
//! [`KEYS_MAX`]. Names of models are escaped and cut.

mod times;

use crate::Moment;
use crate::diagnose::is_unreached;
use crate::names::{Names, Place};
use ir::Time;
use ir::evidence::{Tally, Traffic};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;
use times::Times;

/// What attempts met at one provider.
#[derive(Debug, Default)]
pub struct Flow {
    /// By the number of the step; those in which nothing happened are not there.
    buckets: BTreeMap<u64, BTreeMap<Place, Counts>>,
    /// Times to first content that are older than the window, by the hour.
    hours: BTreeMap<u64, Times>,
    names: Names,
    /// The names that were answered once, which nobody made up.
    answered: BTreeSet<Place>,
    keys: BTreeMap<usize, Key>,
    /// The last outcomes and when they came.
    recent: VecDeque<(Time, bool)>,
    /// Good ones in a row, up to now.
    goods: u32,
    /// Bad ones in a row, up to now, that say that something is wrong out there.
    bads: u32,
    /// One of them reached nobody.
    lost: bool,
    failing_since: Option<Moment>,
    asked: Option<Time>,
    good: Option<Time>,
    bad: Option<Time>,
    /// When a name was last asked for that was never answered.
    misnamed: Option<Time>,
}

/// An attempt that ended.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// The model's name there.
    pub model: &'a str,
    /// Which of the provider's credentials.
    pub credential: usize,
    /// How it ended.
    pub outcome: Settled,
}

/// How an attempt ended, as far as its provider is concerned.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Settled {
    /// With an answer.
    Good,
    /// With a failure of this class.
    Bad {
        /// As in `docs/failures.md`.
        class: &'static str,
        /// Whether several in a row mean that something is wrong.
        alarms: bool,
    },
    /// By this class: what it asked for is not there. It may be a name that a caller made up.
    Missing(&'static str),
    /// By the caller's fault, or by our own decision: it says nothing.
    Nothing,
}

/// One model within the window, for those who watch.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Seen {
    /// Its name there, fit to be shown.
    pub model: String,
    /// Attempts, without those by a name that may be made up.
    pub n: u64,
    /// Those that ended with an answer.
    pub ok: u64,
    /// Middle time to first content, in ms.
    pub ttft_ms: Option<u64>,
}

#[derive(Clone, Debug, Default)]
struct Counts {
    n: u64,
    ok: u64,
    classes: BTreeMap<&'static str, u64>,
    times: Times,
}

/// Outcomes a moment ago.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lately {
    pub(crate) all: u32,
    pub(crate) good: u32,
    /// When the first of them that was bad came.
    pub(crate) failed: Option<Time>,
}

#[derive(Clone, Copy, Debug)]
struct Key {
    used: Time,
    good: bool,
    refused: bool,
}

/// The window.
pub(crate) const WINDOW: Duration = Duration::from_mins(15);
/// The last of it.
pub(crate) const LATELY: Duration = Duration::from_mins(1);
/// It moves in steps of this.
const BUCKET: Duration = Duration::from_secs(10);
const HOUR: Duration = Duration::from_hours(1);
const HOURS_MAX: usize = 24;
/// So many bad ones in a row are a run, and trouble.
pub(crate) const RUN: u32 = 3;
/// Models that are shown.
const SHOWN_MAX: usize = 16;
/// Models with counts of their own in one bucket.
pub const MODELS_MAX: usize = 64;
/// Credentials that are remembered.
pub const KEYS_MAX: usize = 64;
/// Outcomes that are remembered one by one.
const RECENT_MAX: usize = 64;
/// Classes by which a credential is refused.
const REFUSALS: [&str; 2] = ["unauthorized", "forbidden"];

// === impl Flow ===

impl Flow {
    /// An attempt ended.
    pub fn told(&mut self, now: Moment, told: &Told<'_>) {
        self.asked = self.asked.max(Some(now.at));
        let (class, alarms) = match told.outcome {
            Settled::Nothing => return,
            Settled::Good => (None, true),
            Settled::Bad { class, alarms } => (Some(class), alarms),
            Settled::Missing(class) => (Some(class), false),
        };
        self.note_key(now.at, told.credential, class);
        let place = self.names.place(told.model, class.is_none());
        if class.is_none() {
            self.answered.insert(place);
        }
        let made_up = matches!(told.outcome, Settled::Missing(_)) && !self.is_answered(place);
        if made_up {
            self.misnamed = Some(now.at);
        }
        let counts = self.counts(now.at, place);
        counts.n += u64::from(!made_up);
        match class {
            None => counts.ok += 1,
            Some(class) => *counts.classes.entry(class).or_default() += 1,
        }
        if alarms {
            self.note_run(now, class.is_none());
            self.lost = class.is_some_and(|class| self.lost || is_unreached(class));
        }
    }

    /// An attempt showed its first content, after so many ms.
    pub fn first_content(&mut self, now: Moment, model: &str, after_ms: u64) {
        self.asked = self.asked.max(Some(now.at));
        let place = self.names.place(model, false);
        self.counts(now.at, place).times.note(after_ms);
    }

    /// As evidence, at this moment.
    pub fn view(&self, now: Moment) -> Traffic {
        let sum = |length| {
            let mut sum = Counts::default();
            self.window(now.at, length).flatten().for_each(|(_, counts)| sum.add(counts));
            sum
        };
        let (all, lately) = (sum(WINDOW), sum(LATELY));
        let mut usual = Times::default();
        self.hours.values().for_each(|times| usual.add(times));
        let keys = || self.keys.values().filter(|key| now.at.since(key.used) <= WINDOW);
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let ago = |at| now.at.since(at).as_secs();
        let unix_ms = |since: Moment| since.unix_ms;
        Traffic {
            window_s: WINDOW.as_secs(),
            ttft_ms: all.times.middle(),
            ttft_usual_ms: usual.middle(),
            all: all.tally(),
            lately: lately.tally(),
            models: self
                .by_model(now.at)
                .into_iter()
                .map(|(place, it)| {
                    let answered = self.answered.contains(&place);
                    (self.names.text(place).to_owned(), Tally { answered, ..it.tally() })
                })
                .collect(),
            failing_since_unix_ms: self.failing_since.filter(|_| RUN <= self.bads).map(unix_ms),
            failed_ago_s: self.bad.map(ago),
            good_ago_s: self.good.map(ago),
            keys: count(keys().count()),
            keys_refused: count(keys().filter(|key| key.good && key.refused).count()),
        }
    }

    /// The models within the window, for those who watch: 16 at most, those with most failures first.
    pub fn models(&self, now: Time) -> Vec<Seen> {
        let seen = |(place, it): (Place, Counts)| Seen {
            model: self.names.text(place).to_owned(),
            n: it.n,
            ok: it.ok,
            ttft_ms: it.times.middle(),
        };
        self.by_model(now).into_iter().map(seen).collect()
    }

    /// When an attempt last showed or told anything.
    pub(crate) fn asked(&self) -> Option<Time> {
        self.asked
    }

    /// When an answer was last good.
    pub(crate) fn good(&self) -> Option<Time> {
        self.good
    }

    /// When a name was last asked for that was never answered.
    pub(crate) fn misnamed(&self) -> Option<Time> {
        self.misnamed
    }

    /// When an attempt last failed in a way that alarms.
    pub(crate) fn bad(&self) -> Option<Time> {
        self.bad
    }

    /// How many were good, and how many bad, in a row up to now.
    pub(crate) fn runs(&self) -> (u32, u32) {
        (self.goods, self.bads)
    }

    /// Whether an attempt of the run of failures that still goes on reached nobody.
    pub(crate) fn is_lost(&self) -> bool {
        self.lost
    }

    /// How many attempts ended within so long, and how many with an answer.
    pub(crate) fn count(&self, now: Time, length: Duration) -> (u64, u64) {
        let all = self.window(now, length).flatten();
        all.fold((0, 0), |(n, ok), (_, it)| (n + it.n, ok + it.ok))
    }

    /// When the run of failures that still goes on began.
    pub(crate) fn failing_since(&self) -> Option<Moment> {
        self.failing_since
    }

    /// Of the last minute and after `since`, the last `most`. Of many only the last [`RECENT_MAX`] are
    /// known.
    pub(crate) fn lately(&self, now: Time, since: Time, most: usize) -> Lately {
        let fits = |at: Time| since < at && now.since(at) <= LATELY;
        let mut lately = Lately::default();
        for (at, good) in self.recent.iter().rev().take(most).take_while(|(at, _)| fits(*at)) {
            lately.all += 1;
            lately.good += u32::from(*good);
            if !good {
                lately.failed = Some(*at);
            }
        }
        lately
    }

    fn note_run(&mut self, now: Moment, good: bool) {
        if RECENT_MAX <= self.recent.len() {
            self.recent.pop_front();
        }
        self.recent.push_back((now.at, good));
        if good {
            self.goods = self.goods.saturating_add(1);
            self.bads = 0;
            self.failing_since = None;
            self.good = self.good.max(Some(now.at));
        } else {
            self.goods = 0;
            self.bads = self.bads.saturating_add(1);
            self.failing_since.get_or_insert(now);
            self.bad = self.bad.max(Some(now.at));
        }
    }

    /// Whether a model was ever answered under its name: so it was not made up.
    fn is_answered(&self, place: Place) -> bool {
        place != Place::OTHER && self.answered.contains(&place)
    }

    fn note_key(&mut self, now: Time, credential: usize, class: Option<&str>) {
        if KEYS_MAX <= self.keys.len() && !self.keys.contains_key(&credential) {
            return;
        }
        let unused = Key { used: now, good: false, refused: false };
        let key = self.keys.entry(credential).or_insert(unused);
        key.used = key.used.max(now);
        match class {
            None => (key.good, key.refused) = (true, false),
            Some(class) => key.refused = REFUSALS.contains(&class),
        }
    }

    /// The counts of a model, in the bucket of now.
    fn counts(&mut self, now: Time, place: Place) -> &mut Counts {
        self.forget(now);
        let bucket = self.buckets.entry(number(now, BUCKET)).or_default();
        let full = MODELS_MAX <= bucket.len() && !bucket.contains_key(&place);
        bucket.entry(if full { Place::OTHER } else { place }).or_default()
    }

    /// Lets go what is older than the window; times to first content are kept for a day.
    fn forget(&mut self, now: Time) {
        let first = first(now, WINDOW);
        let kept = self.buckets.split_off(&first);
        for (bucket, models) in std::mem::replace(&mut self.buckets, kept) {
            let hour = bucket / (HOUR.as_secs() / BUCKET.as_secs());
            let times = self.hours.entry(hour).or_default();
            for counts in models.values() {
                times.add(&counts.times);
            }
        }
        while HOURS_MAX < self.hours.len() {
            self.hours.pop_first();
        }
        let day = number(now, HOUR).saturating_sub(HOURS_MAX as u64);
        self.hours.retain(|hour, _| day <= *hour);
    }

    fn window(
        &self,
        now: Time,
        length: Duration,
    ) -> impl Iterator<Item = &BTreeMap<Place, Counts>> {
        self.buckets.range(first(now, length)..).map(|(_, models)| models)
    }

    fn by_model(&self, now: Time) -> Vec<(Place, Counts)> {
        let mut models: BTreeMap<Place, Counts> = BTreeMap::new();
        for (place, counts) in self.window(now, WINDOW).flatten() {
            models.entry(*place).or_default().add(counts);
        }
        let mut models: Vec<(Place, Counts)> = models.into_iter().collect();
        // Names that callers made up stand behind those that are used.
        let order = |it: &Counts| [it.n - it.ok, it.ok, it.classes.values().sum()].map(Reverse);
        models.sort_by_key(|(_, it)| order(it));
        models.truncate(SHOWN_MAX);
        models
    }
}

/// Which step of this length a time is in.
fn number(at: Time, step: Duration) -> u64 {
    at.since(Time::ZERO).as_secs() / step.as_secs()
}

/// The first bucket of a window of this length that ends now.
fn first(now: Time, length: Duration) -> u64 {
    let steps = length.as_secs() / BUCKET.as_secs();
    (number(now, BUCKET) + 1).saturating_sub(steps)
}

// === impl Counts ===

impl Counts {
    fn add(&mut self, other: &Self) {
        self.n += other.n;
        self.ok += other.ok;
        for (class, count) in &other.classes {
            *self.classes.entry(class).or_default() += count;
        }
        self.times.add(&other.times);
    }

    fn tally(&self) -> Tally {
        let classes = self.classes.iter().map(|(class, count)| ((*class).to_owned(), *count));
        Tally { n: self.n, ok: self.ok, classes: classes.collect(), answered: false }
    }
}

#[cfg(test)]
mod tests;
