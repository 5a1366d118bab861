//! By which signs a watch finds that there is trouble, that it is over, and what is due.

use super::{Around, Due, Phase, Watch};
use crate::traffic::{RUN, WINDOW};
use crate::{Layer, Moment};
use ir::Time;
use std::time::Duration;

/// Why trouble is over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Back {
    /// In words.
    pub(crate) why: &'static str,
    /// Who says so.
    pub(crate) layer: Layer,
    /// How sure that makes that all is well, per cent.
    pub(crate) sure: u8,
}

/// How sure it is that one is well that gives good answers, of which everything that is measured is well,
/// and that answers free questions.
pub(crate) const SURE_OF_GOOD: u8 = 95;
const SURE_OF_MEASURED: u8 = 80;
pub(crate) const SURE_OF_REACHED: u8 = 60;
/// So is, of so many last ones within a minute and at least so many, a share of good ones below this: in
/// tenths. The second sees sooner that it gets worse, where much was well just before.
const SHARES: [(usize, u32, u32); 2] = [(usize::MAX, MANY, 7), (20, 20, 6)];
pub(super) const MANY: u32 = 5;
/// Free questions in a row that settle something.
pub(super) const CHEAPS: u32 = 2;
/// Good answers in a row that end trouble, and how many after it came back again and again.
const GOODS: u32 = 2;
const GOODS_MAX: u32 = 32;
/// Nobody asks, where nobody has for this long.
pub(super) const IDLE: Duration = Duration::from_secs(30);

// === impl Watch ===

impl Watch {
    /// Whether there is trouble: where it began, and whether some answers were good.
    pub(super) fn trouble(
        &self,
        now: Moment,
        since: Time,
        around: Around,
    ) -> Option<(Moment, bool)> {
        let failing = self.flow.failing_since().filter(|failing| since <= failing.at);
        let (_, bads) = self.flow.runs();
        // What nobody asks any more has nobody who could close its breaker, or who would miss it.
        let out = (around.open || around.network_down) && self.is_used(now.at, around);
        if out || (RUN <= bads && self.flow.bad() > Some(since)) {
            return Some((failing.unwrap_or(now), false));
        }
        for (last, many, tenths) in SHARES {
            let lately = self.flow.lately(now.at, since, last);
            if many <= lately.all && lately.good * 10 < lately.all * tenths {
                return Some((lately.failed.map_or(now, |at| now.back_to(at)), true));
            }
        }
        (CHEAPS <= self.missed && since <= self.missing).then_some((now, false))
    }

    /// Why trouble is over, if it is.
    pub(super) fn is_back(
        &self,
        now: Time,
        (since, partial): (Time, bool),
        around: Around,
    ) -> Option<Back> {
        if (around.open || around.network_down) && self.is_used(now, around) {
            return None;
        }
        let (goods, needed) = self.goods(since, partial);
        if needed <= goods {
            let why = "good answers in a row, and no breaker in use is open";
            return Some(Back { why, layer: Layer::Yours, sure: SURE_OF_GOOD });
        }
        let idle = self.is_idle(now, IDLE);
        let missed = self.missed_now || self.flow.is_lost();
        // Where nobody was ever missed, such questions were answered all the time.
        if idle && CHEAPS <= self.reached && missed && self.held.is_seen_free() {
            let why = "nobody asks, and free questions reach it again";
            return Some(Back { why, layer: Layer::Http, sure: SURE_OF_REACHED });
        }
        let quiet = if idle { self.missed == 0 } else { self.flow.runs().1 == 0 };
        (quiet && self.held.found_nothing()).then_some(Back {
            why: "what is measured is well, and nothing fails",
            layer: Layer::Http,
            sure: SURE_OF_MEASURED,
        })
    }

    /// How many good answers came in a row, in trouble, and how many end it.
    pub(super) fn goods(&self, since: Time, partial: bool) -> (u32, u32) {
        let least = if partial { MANY } else { GOODS };
        let needed = (least << self.relapses.min(8)).min(GOODS_MAX);
        let fresh = self.flow.good() > Some(since);
        (if fresh { self.flow.runs().0 } else { 0 }, needed)
    }

    pub(super) fn due(&self, now: Time, around: Around) -> Vec<Due> {
        let used = self.is_used(now, around);
        let page = self.pace.pages && used && self.page_job.is_due(now);
        let mut due = Vec::new();
        match self.phase {
            Phase::Troubled { .. } => {
                let cheap = self.is_idle(now, IDLE) && self.cheap_job.is_due(now);
                let diagnosis = self.diagnosis_job.is_due(now);
                for (is_due, kind) in
                    [(diagnosis, Due::Diagnosis), (page, Due::Page), (cheap, Due::Cheap)]
                {
                    due.extend(is_due.then_some(kind));
                }
            }
            Phase::Well { .. } => {
                let turn = used && self.free <= now;
                let quiet = !self.page_job.is_under_way(now) && !self.cheap_job.is_under_way(now);
                let cheap = self.is_idle(now, self.pace.every) && self.cheap_job.is_due(now);
                if turn && quiet && page {
                    due.push(Due::Page);
                } else if turn && quiet && cheap {
                    due.push(Due::Cheap);
                }
            }
        }
        due
    }

    /// Whether anybody may want it: it was asked within the window, or it is the first of a chain.
    pub(super) fn is_used(&self, now: Time, around: Around) -> bool {
        around.first || self.flow.asked().is_some_and(|at| now.since(at) <= WINDOW)
    }

    /// Whether no attempt told anything for so long.
    pub(super) fn is_idle(&self, now: Time, long: Duration) -> bool {
        self.flow.asked().is_none_or(|at| long <= now.since(at))
    }
}
