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
//! Where two diagnoses in a row find nothing and yet it is not over, as while a breaker stays open that
//! only a request could close, or while free questions still fail, it rests: it asks as of one that
//! is well, until something fails anew.
//!
//! **Invariants:** of each kind one is under way at most, and each has its own earliest time; a verdict
//! gives way only to a surer one, or to one that is found twice in a row; nothing here spends a token.

mod episode;
mod held;
mod job;
mod rules;
mod shared;
mod view;

use crate::traffic::{Flow, LATELY, RUN, Told};
use crate::{Moment, Verdict};
pub use episode::Times;
use episode::{Episode, Unwell};
use held::Held;
pub use held::{CERTAIN, act};
use ir::Time;
use ir::evidence::{Level, Page};
use job::Job;
use rules::CHEAPS;
pub(crate) use rules::{Back, SURE_OF_GOOD, SURE_OF_REACHED};
pub use shared::is_shared;
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
    /// Free questions in a row that reached the provider, and that reached nobody since then.
    reached: u32,
    missed: u32,
    missing: Time,
    /// When one last reached it.
    reached_at: Option<Time>,
    /// One reached nobody in this run of trouble.
    missed_now: bool,
    /// How often trouble came back soon: then more good answers are asked for.
    relapses: u32,
    held: Held,
    /// Since when there is nothing new to find out, although there is trouble.
    resting: Option<Time>,
    /// When something failed anew after such a rest.
    woken: Option<Time>,
    /// How it stood around it at the last look.
    around: Around,
    /// When trouble was last over, and why.
    over: Option<(Moment, Back)>,
    episode: Option<Episode>,
    page: Option<Read>,
    unwell: Option<Unwell>,
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
/// Trouble that has just begun is looked at more often: a few attempts seldom tell.
const AGAIN_EARLY: Duration = Duration::from_secs(5);
const EARLY: Duration = Duration::from_secs(30);
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
            missing: now.at,
            missed_now: false,
            reached_at: None,
            relapses: 0,
            held: Held::default(),
            resting: None,
            woken: None,
            around: Around::default(),
            over: None,
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
        if !pace.pages {
            (self.page, self.unwell) = (None, None);
        }
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
        self.around = around;
        match self.phase {
            Phase::Well { since } => {
                if let Some(trouble) = self.trouble(now, since, around) {
                    change = self.begin(now, since, trouble);
                }
            }
            Phase::Troubled { since, partial } => {
                if let Some(why) = self.is_back(now.at, (since, partial), around) {
                    change = Some(self.end(now, why));
                } else if let Some(since) = self.resting
                    && self.trouble(now, since, Around::default()).is_some()
                {
                    self.wake(now);
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
        self.around = around;
        match self.phase {
            Phase::Well { .. } => {
                self.diagnosis_job.end(now.at, AGAIN);
                None
            }
            Phase::Troubled { since, partial } => {
                let mut changed = self.held.take(now, verdict);
                let over = self.is_back(now.at, (since, partial), around).is_some();
                let rests = !over && self.held.found_nothing() && !self.is_alarmed(now.at);
                self.resting = rests.then(|| self.resting.unwrap_or(now.at));
                if rests && self.held.let_go() {
                    self.diagnosis_job.end(now.at, AGAIN_UNUSED);
                    let change =
                        |reason| Change::Verdict { cause: "unknown", confidence: 0, reason };
                    return self.undecided(now).map(change);
                }
                changed &= self.held.verdict().is_some();
                let again = match (changed || !self.held.is_settled(), self.held.puts_local_first())
                {
                    _ if rests || !used => AGAIN_UNUSED,
                    (true, _) if now.at.since(self.woken.unwrap_or(since)) < EARLY => AGAIN_EARLY,
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
        let again = if self.is_calm() { PAGE_WELL } else { PAGE_TROUBLED };
        let again = again + self.jitter(again / 8);
        self.page_job.end(now.at, again);
        self.spent(now.at, requests);
        let before = self.page(now).and_then(|it| it.level);
        match page.level {
            Some(level) if Level::Operational < level => {
                let seen = before.is_some_and(|before| before < level);
                if seen || self.unwell.is_none() {
                    self.unwell = Some(Unwell { since: now, seen });
                }
            }
            Some(_) => self.unwell = None,
            // What cannot be read says nothing.
            None => {}
        }
        self.page = Some(Read { at: now, page });
        self.acknowledged(now)
    }

    /// A free question was asked; whether the provider answered it. Where that is absent, something did
    /// that may stand in its place: that shows neither.
    pub fn knocked(&mut self, now: Moment, reached: Option<bool>) {
        self.counted.cheap = self.counted.cheap.saturating_add(1);
        self.spent(now.at, 1);
        match reached {
            Some(true) => {
                (self.reached, self.missed) = (self.reached.saturating_add(1), 0);
                self.reached_at = Some(now.at);
            }
            Some(false) => {
                if self.missed == 0 {
                    self.missing = now.at;
                }
                (self.reached, self.missed) = (0, self.missed.saturating_add(1));
                self.missed_now = true;
                // It is not known to be well: the next question does not wait for its turn.
                self.free = now.at;
            }
            None => (self.reached, self.missed) = (0, 0),
        }
        // What came out the same often enough says nothing new, nor what tells nothing.
        let told = match reached {
            Some(true) => self.is_calm() || CHEAPS <= self.reached,
            Some(false) => self.resting.is_some() && CHEAPS <= self.missed,
            None => true,
        };
        self.cheap_job.end(now.at, if told { self.pace.every } else { CHEAP_TROUBLED });
    }

    /// What was due could not be done.
    pub fn undone(&mut self, now: Moment, due: Due) {
        self.spent(now.at, 1);
        let again = match (due, self.is_calm()) {
            (Due::Diagnosis, _) => AGAIN,
            (Due::Page, true) => PAGE_WELL,
            (Due::Page, false) => PAGE_TROUBLED,
            (Due::Cheap, true) => self.pace.every,
            (Due::Cheap, false) => CHEAP_TROUBLED,
        };
        self.job(due).end(now.at, again);
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
        self.missed_now = CHEAPS <= self.missed;
        (self.resting, self.woken, self.over) = (None, None, None);
        (self.reached, self.missed) = (0, 0);
        self.held = Held::default();
        self.episode = Some(Episode::new(impact, now));
        self.diagnosis_job.hasten(now.at);
        self.page_job.hasten(now.at);
        self.cheap_job.hasten(now.at);
        // What an old reading said may be over.
        self.page(now)?.level?;
        self.acknowledged(now)
    }

    fn end(&mut self, now: Moment, back: Back) -> Change {
        self.phase = Phase::Well { since: now.at };
        self.held = Held::default();
        self.resting = None;
        self.over = Some((now, back));
        (self.reached, self.missed) = (0, 0);
        self.free = now.at + self.pace.every;
        if let Some(episode) = &mut self.episode {
            episode.recovered(now);
        }
        Change::Verdict { cause: "fine", confidence: back.sure, reason: back.why.to_owned() }
    }

    /// Something failed anew: it is found out again.
    fn wake(&mut self, now: Moment) {
        (self.resting, self.woken) = (None, Some(now.at));
        self.held.doubt();
        self.diagnosis_job.hasten(now.at);
        self.page_job.hasten(now.at);
        self.cheap_job.hasten(now.at);
    }

    /// Whether it asks as of one that is well.
    fn is_calm(&self) -> bool {
        !self.is_troubled() || self.resting.is_some()
    }

    /// Whether something failed again and again a moment ago, or free questions began to.
    fn is_alarmed(&self, now: Time) -> bool {
        let lately = |at: Time| now.since(at) <= LATELY;
        (RUN <= self.flow.runs().1 && self.flow.bad().is_some_and(lately))
            || (CHEAPS <= self.missed && lately(self.missing))
    }

    /// The provider says so too, if that is new.
    fn acknowledged(&mut self, now: Moment) -> Option<Change> {
        let (unwell, page) = (self.unwell?, &self.page.as_ref()?.page);
        let lead_s = self.episode.as_mut()?.acknowledge(now, unwell, page)?;
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
