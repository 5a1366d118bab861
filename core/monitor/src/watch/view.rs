//! What a watch shows: what it knows, and how old that is.

use super::rules::{IDLE, MANY};
use super::{Back, Counted, Episode, Phase, Times, Watch};
use crate::status::ago;
use crate::traffic::{LATELY, Seen, WINDOW};
use crate::{Cause, Moment, Verdict, diagnose};
use ir::evidence::{Page, Traffic};
use ir::{Evidence, Time};
use std::time::Duration;

/// What a page said so long ago is no longer what it says.
const STALE: Duration = Duration::from_mins(15);

// === impl Watch ===

impl Watch {
    /// What its attempts met, as evidence.
    pub fn traffic(&self, now: Moment) -> Traffic {
        self.flow.view(now)
    }

    /// The page as it was last read, with its age. What it says now is not known where that was too
    /// long ago.
    pub fn page(&self, now: Moment) -> Option<Page> {
        let read = self.page.as_ref()?;
        let age_s = read.page.age_s.saturating_add(now.at.since(read.at.at).as_secs());
        let page = Page { age_s, ..read.page.clone() };
        let Some(level) = page.level.filter(|_| STALE.as_secs() < age_s) else { return Some(page) };
        let ago = ago(age_s.saturating_mul(1000));
        let unknown = Some(format!("last read {ago} ago, as {}", level.word()));
        let (affected, incidents) = (Vec::new(), Vec::new());
        Some(Page { level: None, unknown, affected, incidents, ..page })
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

    /// When trouble was last over, and why.
    pub(crate) fn over(&self) -> Option<(Moment, Back)> {
        self.over
    }

    /// How attempts fared that ended since trouble was last over, of the last minute where they are
    /// enough: how many they are, and how many were good.
    pub(crate) fn fared(&self, now: Moment) -> (u64, u64) {
        let since = self.over.map_or(WINDOW, |(over, _)| now.at.since(over.at)).min(WINDOW);
        let lately = self.flow.count(now.at, since.min(LATELY));
        if u64::from(MANY) <= lately.0 { lately } else { self.flow.count(now.at, since) }
    }

    /// The verdict where what is asked for is not there, by what attempts met alone. That is no trouble of
    /// the provider's, so no diagnosis is made because of it.
    pub(crate) fn misnamed(&self, now: Moment) -> Option<Verdict> {
        self.flow.misnamed().filter(|at| now.at.since(*at) <= WINDOW)?;
        let (at_unix_ms, traffic) = (now.unix_ms, Some(self.traffic(now)));
        let verdict = diagnose(&Evidence { at_unix_ms, traffic, ..Evidence::default() });
        (verdict.cause == Cause::Config).then_some(verdict)
    }

    /// Why there may be no verdict although there is trouble; none where there is no trouble.
    pub(crate) fn undecided(&self, now: Moment) -> Option<String> {
        let Phase::Troubled { since, partial } = self.phase else { return None };
        let says = |text: &str| Some(text.to_owned());
        let last = match (self.held.nothing(), self.woken) {
            (0, None) => return says("trouble was noticed, and the first diagnosis is under way"),
            (0, Some(_)) => return says("something failed anew, and a diagnosis is under way"),
            (1, _) => "diagnosis".to_owned(),
            (times, _) => format!("{times} diagnoses"),
        };
        let (goods, needed) = self.goods(since, partial);
        let but = if self.around.open {
            "a breaker stays open".to_owned()
        } else if self.around.network_down {
            "every remote host still fails".to_owned()
        } else if 0 < self.missed && self.is_idle(now.at, IDLE) {
            "free questions still fail".to_owned()
        } else {
            format!("of the {needed} good answers in a row that end trouble, {goods} came so far")
        };
        Some(format!("what is measured is well, by the last {last}; but {but}"))
    }
}
