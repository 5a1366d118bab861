//! The watch over one provider: what is due to be asked, and what its verdict is.
//!
//! ```text
//!            a breaker opens, the network is down, failures in a row or too many of a minute,
//!            free questions that reach nobody
//!   Well ──────────────────────────────────────────────────────────────────────▶ Troubled
//!    ▲                                                                              │
//!    └──────────────────────────────────────────────────────────────────────────────┘
//!            good answers in a row and no breaker open; or, where nobody asks, free
//!            questions that reach it, or a diagnosis that twice finds nothing
//! ```
//!
//! Well, it is quiet: whoever asks is the witness, and what is asked beside that, the status page now and
//! then and without traffic a free question, is at most one request in [`Pace::every`]. Troubled, it
//! diagnoses at once and again until the verdict is sure and stays, reads the page, and goes on until
//! traffic says that it is over.
//!
//! **Invariants:** of each kind one is under way at most, and each has its own earliest time; a verdict
//! gives way only to a surer one, or to one that is found twice in a row; nothing here spends a token.

mod episode;
mod held;
mod job;
mod rules;

use crate::traffic::{Flow, Seen, Told};
use crate::{Moment, Verdict};
use episode::Episode;
pub use episode::Times;
use held::Held;
pub use held::{CERTAIN, act};
use ir::Time;
use ir::evidence::{Level, Page, Traffic};
use job::Job;
use std::time::Duration;

/// The watch over one provider.
#[derive(Debug)]
pub struct Watch {
    pace: Pace,
    flow: Flow,
    phase: Phase,
    page_job: Job,
    cheap_job: Job,
    diagnosis_job: Job,
    /// While all is well, nothing free is asked before this.
    free: Time,
    /// Free questions in a row that reached somebody, and that reached nobody.
    reached: u32,
    missed: u32,
    /// When one last reached somebody.
    reached_at: Option<Time>,
    /// How often trouble came back soon: then more good answers are asked for.
    relapses: u32,
    held: Held,
    episode: Option<Episode>,
    page: Option<Read>,
    /// Since when the page says that it is unwell, as far as we know.
    unwell: Option<Moment>,
    counted: Counted,
    chance: u64,
}

/// How often a watch may ask.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Pace {
    /// The least time between two free requests to one that is well.
    pub every: Duration,
    /// Whether status pages are read.
    pub pages: bool,
}

/// How it stands with a provider beside what its attempts met.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Around {
    /// A breaker of one of its targets, or of its host, is not closed.
    pub open: bool,
    /// Every remote host fails at once, and it is one.
    pub network_down: bool,
    /// It is the first of a chain.
    pub first: bool,
}

/// What is due.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Due {
    /// Everything is to be measured and judged.
    Diagnosis,
    /// Its status page is to be read.
    Page,
    /// One free question without a key.
    Cheap,
}

/// Something that is worth a line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Change {
    /// Another verdict holds.
    Verdict {
        /// Its word.
        cause: &'static str,
        /// How sure it is, per cent.
        confidence: u8,
        /// The strongest piece of evidence, in words.
        reason: String,
    },
    /// The provider's page says so too, so many seconds after we knew; less than 0 where it was first.
    Acknowledged {
        /// See there.
        lead_s: i64,
    },
}

/// Requests of the watch, since it began.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counted {
    /// For status pages.
    pub page: u64,
    /// Free questions.
    pub cheap: u64,
    /// Diagnoses; each is several requests.
    pub diagnosis: u64,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Well {
        since: Time,
    },
    /// `partial`: some answers were good.
    Troubled {
        since: Time,
        partial: bool,
    },
}

/// The page, when it was read.
#[derive(Clone, Debug)]
struct Read {
    at: Moment,
    page: Page,
}

/// How sure it is that one is well that gives good answers.
pub(crate) const SURE_OF_GOOD: u8 = 95;
/// Of one reading of a page no more requests than this are reckoned with.
const REQUESTS_MAX: u32 = 10;
/// Trouble that comes back within this comes back soon.
const SOON: Duration = Duration::from_mins(5);
/// The page of one that is well is read this often, at most.
const PAGE_WELL: Duration = Duration::from_mins(5);
const PAGE_TROUBLED: Duration = Duration::from_secs(30);
const CHEAP_TROUBLED: Duration = Duration::from_secs(15);
/// The next diagnosis, where the verdict may still change; where something is done because of it; where
/// it is sure and stays; and where nobody asks for the provider any more.
const AGAIN: Duration = Duration::from_secs(15);
const AGAIN_ACTING: Duration = Duration::from_secs(30);
const AGAIN_STABLE: Duration = Duration::from_mins(1);
const AGAIN_UNUSED: Duration = Duration::from_mins(5);

// === impl Watch ===

impl Watch {
    /// A watch that begins now. Of many, each with its own seed, not all ask at once.
    pub fn new(now: Moment, pace: Pace, seed: u64) -> Self {
        let mut watch = Self {
            pace,
            flow: Flow::default(),
            phase: Phase::Well { since: now.at },
            page_job: Job::default(),
            cheap_job: Job::default(),
            diagnosis_job: Job::default(),
            free: now.at,
            reached: 0,
            missed: 0,
            reached_at: None,
            relapses: 0,
            held: Held::default(),
            episode: None,
            page: None,
            unwell: None,
            counted: Counted::default(),
            chance: seed,
        };
        watch.free = now.at + watch.jitter(pace.every);
        watch
    }

    /// Another pace from now on.
    pub fn configure(&mut self, pace: Pace) {
        self.pace = pace;
    }

    /// An attempt ended.
    pub fn told(&mut self, now: Moment, told: &Told<'_>) {
        self.flow.told(now, told);
    }

    /// An attempt showed its first content, after so many ms.
    pub fn first_content(&mut self, now: Moment, model: &str, after_ms: u64) {
        self.flow.first_content(now, model, after_ms);
    }

    /// Looks: what is due now, which is under way from here on until [`Self::judged`],
    /// [`Self::read`], [`Self::knocked`] or [`Self::undone`] says how it ended; and what has changed.
    pub fn look(&mut self, now: Moment, around: Around) -> (Vec<Due>, Option<Change>) {
        let mut change = None;
        match self.phase {
            Phase::Well { since } => {
                if let Some(trouble) = self.trouble(now, since, around) {
                    change = self.begin(now, since, trouble);
                }
            }
            Phase::Troubled { since, partial } => {
                if let Some(why) = self.is_back(now.at, (since, partial), around) {
                    change = Some(self.end(now, why));
                }
            }
        }
        let due = self.due(now.at, around);
        for kind in &due {
            match kind {
                Due::Diagnosis => self.counted.diagnosis += 1,
                Due::Page | Due::Cheap => {}
            }
            self.job(*kind).begin(now.at);
        }
        (due, change)
    }

    /// A diagnosis came to this.
    pub fn judged(&mut self, now: Moment, verdict: Verdict, around: Around) -> Option<Change> {
        let used = self.is_used(now.at, around);
        match self.phase {
            Phase::Well { .. } => {
                self.diagnosis_job.end(now.at, AGAIN);
                None
            }
            Phase::Troubled { .. } => {
                let changed = self.held.take(now, verdict);
                let again = match (changed || !self.held.is_settled(), self.held.puts_local_first())
                {
                    _ if !used => AGAIN_UNUSED,
                    (true, _) => AGAIN,
                    (false, true) => AGAIN_ACTING,
                    (false, false) => AGAIN_STABLE,
                };
                self.diagnosis_job.end(now.at, again);
                if let (true, Some(episode)) = (self.held.verdict().is_some(), &mut self.episode) {
                    episode.judged(now);
                }
                changed.then(|| self.held.change()).flatten()
            }
        }
    }

    /// The status page was read, with so many requests.
    pub fn read(&mut self, now: Moment, page: Page, requests: u32) -> Option<Change> {
        self.counted.page = self.counted.page.saturating_add(u64::from(requests));
        let again = match self.phase {
            Phase::Well { .. } => PAGE_WELL,
            Phase::Troubled { .. } => PAGE_TROUBLED,
        };
        let again = again + self.jitter(again / 8);
        self.page_job.end(now.at, again);
        self.spent(now.at, requests);
        match page.level {
            Some(level) if Level::Operational < level => self.unwell = self.unwell.or(Some(now)),
            Some(_) => self.unwell = None,
            // What cannot be read says nothing.
            None => {}
        }
        self.page = Some(Read { at: now, page });
        self.acknowledged(now)
    }

    /// A free question was asked; whether anybody answered it, with a status below 500.
    pub fn knocked(&mut self, now: Moment, reached: bool) {
        self.counted.cheap = self.counted.cheap.saturating_add(1);
        self.spent(now.at, 1);
        let again = match (self.phase, reached) {
            (Phase::Well { .. }, true) => self.pace.every,
            (Phase::Well { .. }, false) | (Phase::Troubled { .. }, _) => CHEAP_TROUBLED,
        };
        self.cheap_job.end(now.at, again);
        if reached {
            (self.reached, self.missed) = (self.reached.saturating_add(1), 0);
            self.reached_at = Some(now.at);
        } else {
            (self.reached, self.missed) = (0, self.missed.saturating_add(1));
            // It is not known to be well: the next question does not wait for its turn.
            self.free = now.at;
        }
    }

    /// What was due could not be done.
    pub fn undone(&mut self, now: Moment, due: Due) {
        self.spent(now.at, 1);
        let again = match due {
            Due::Diagnosis => AGAIN,
            Due::Page => PAGE_WELL,
            Due::Cheap => self.pace.every,
        };
        self.job(due).end(now.at, again);
    }

    /// What its attempts met, as evidence.
    pub fn traffic(&self, now: Moment) -> Traffic {
        self.flow.view(now)
    }

    /// The page as it was last read, with its age.
    pub fn page(&self, now: Moment) -> Option<Page> {
        let read = self.page.as_ref()?;
        let age_s = read.page.age_s.saturating_add(now.at.since(read.at.at).as_secs());
        Some(Page { age_s, ..read.page.clone() })
    }

    /// The models that were asked within the window.
    pub fn models(&self, now: Moment) -> Vec<Seen> {
        self.flow.models(now.at)
    }

    /// The times of the trouble that goes on, or of the last one.
    pub fn times(&self) -> Option<Times> {
        self.episode.as_ref().map(Episode::times)
    }

    /// When a free question was last answered.
    pub fn reached_at(&self) -> Option<Time> {
        self.reached_at
    }

    /// What it asked so far.
    pub fn counted(&self) -> Counted {
        self.counted
    }

    /// The verdict that holds while there is trouble, and since when.
    pub fn verdict(&self) -> Option<(&Verdict, Moment)> {
        self.held.verdict()
    }

    /// Whether there is trouble.
    pub fn is_troubled(&self) -> bool {
        match self.phase {
            Phase::Well { .. } => false,
            Phase::Troubled { .. } => true,
        }
    }

    fn begin(
        &mut self,
        now: Moment,
        well: Time,
        (impact, partial): (Moment, bool),
    ) -> Option<Change> {
        let soon = self.episode.is_some() && now.at.since(well) <= SOON;
        self.relapses = if soon { self.relapses.saturating_add(1) } else { 0 };
        self.phase = Phase::Troubled { since: now.at, partial };
        (self.reached, self.missed) = (0, 0);
        self.held = Held::default();
        self.episode = Some(Episode::new(impact, now));
        self.diagnosis_job.hasten(now.at);
        self.page_job.hasten(now.at);
        self.cheap_job.hasten(now.at);
        self.unwell.and_then(|_| self.acknowledged(now))
    }

    fn end(&mut self, now: Moment, why: &str) -> Change {
        self.phase = Phase::Well { since: now.at };
        self.held = Held::default();
        (self.reached, self.missed) = (0, 0);
        self.free = now.at + self.pace.every;
        if let Some(episode) = &mut self.episode {
            episode.recovered(now);
        }
        Change::Verdict { cause: "fine", confidence: SURE_OF_GOOD, reason: why.to_owned() }
    }

    /// The provider says so too, if that is new.
    fn acknowledged(&mut self, now: Moment) -> Option<Change> {
        let (first, page) = (self.unwell?, &self.page.as_ref()?.page);
        let lead_s = self.episode.as_mut()?.acknowledge(now, first, page)?;
        Some(Change::Acknowledged { lead_s })
    }

    fn job(&mut self, kind: Due) -> &mut Job {
        match kind {
            Due::Diagnosis => &mut self.diagnosis_job,
            Due::Page => &mut self.page_job,
            Due::Cheap => &mut self.cheap_job,
        }
    }

    /// So many free requests were made: the next has its turn later.
    fn spent(&mut self, now: Time, requests: u32) {
        let rest = self.pace.every.saturating_mul(requests.clamp(1, REQUESTS_MAX));
        self.free = now + rest + self.jitter(self.pace.every / 8);
    }

    /// Up to this much, by the seed (Steele and others, `SplitMix64`).
    fn jitter(&mut self, most: Duration) -> Duration {
        self.chance = self.chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.chance;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let share = u32::try_from((z ^ (z >> 31)) % 1024).unwrap_or(0);
        most / 1024 * share
    }
}

#[cfg(test)]
mod tests;
