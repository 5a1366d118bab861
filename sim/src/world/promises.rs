//! The promises about a world as a whole.
//!
//! - No failure before content while a target of the chain is well throughout, unless the budget of
//!   extra attempts was used up at that very moment.
//! - No answer ends in an error after content while another target of the chain is well from the
//!   beginning to the end and goes on as it is asked, or says more where that is unmistakable; but for
//!   the budget, a third cut, and words that stand twice in a row where it was cut.
//! - While everything is down: attempts ≤ 1.2 × requests + the reserve, which fills once a minute.
//! - Under load, all requests go to the first target again soon after its outage.
//! - Under load, 10 s after the first target began to take ten times as long, the 99th percentile of
//!   the streams that are not sent there to see is at most 1.3 times what it was, and nobody who is
//!   waits for more than five times as long; nobody is lost by it, few are sent there, and all are
//!   soon after it is over.
//! - Every permit comes back.

use super::{Request, World};
use crate::provider::Fault;
use crate::story::Manner;
use crate::witness::SEAMS_MAX;
use ir::{Ending, Shape, Time};
use policy::{Way, anchor};
use std::time::Duration;

/// An end of as many letters that was said before.
const REPEATED: usize = 6;
/// A blackout is known to be one after this, …
const SETTLED: Duration = Duration::from_secs(8);
/// … and this for each target that is silent: patience with one after the other.
const SETTLED_SILENT: Duration = Duration::from_secs(11);
/// Nor before so many requests met it.
const KNOWN_AFTER: usize = 12;
/// Extra attempts per hundred requests, and the reserve (`policy::Retries::default`).
const RATIO_PERCENT: u64 = 20;
const RESERVE: u64 = 10;
/// From the end of an outage until all requests go to the first target again.
const BACK_WITHIN: Duration = Duration::from_secs(10);
/// A trial that began within a silent outage is believed for its patience.
const BACK_WITHIN_SILENT: Duration = Duration::from_secs(20);
/// A brown-out is met within this …
const MET_WITHIN: Duration = Duration::from_secs(10);
/// … so that the 99th percentile is at most so many hundredths of the healthy one. Both are of a few
/// hundred requests.
const SLOWER_PERCENT: u128 = 130;
/// Who is sent to see waits until it is late there, and then for another target.
const SEEING_PERCENT: u128 = 500;
/// One of so many requests may be sent there to see, and one a second.
const MEASURED_OF: usize = 20;
/// From its end until all requests go to the first target again: one is sent there to see, and a few
/// after it.
const BRISK_WITHIN: Duration = Duration::from_secs(30);
/// Recoveries are watched for so long.
const WATCHED_FOR: Duration = Duration::from_secs(24);

// === impl World ===

impl World {
    /// A request failed before content: was nobody there to answer?
    pub(super) fn explains(&mut self, index: usize) -> Result<(), String> {
        let Some(request) = self.requests.get(index) else { return Ok(()) };
        if request.witness.served {
            return Ok(());
        }
        let plan = request.exchange.plan();
        let well = plan.legs.iter().find(|leg| {
            let provider = self.scene.providers.get(leg.provider.0);
            provider.is_some_and(|provider| provider.is_well(request.began, self.now))
        });
        let counted = request.witness.attempts();
        let allowed = u64::try_from(plan.attempts_max()).unwrap_or(u64::MAX);
        let Some(well) = well.filter(|_| counted < allowed) else {
            self.figures.failed += 1;
            return Ok(());
        };
        if self.health.refused.get() == Some(self.now) {
            self.figures.denied += 1;
            return Ok(());
        }
        let trail = request.exchange.trail(self.now);
        Err(format!("request {index} failed although {} was well: {trail}", well.name))
    }

    /// An answer ended in an error after content: was nobody there to go on with it?
    pub(super) fn explains_cut(&mut self, index: usize) -> Result<(), String> {
        self.figures.broken += 1;
        let Some(Request { exchange, began, witness, attempts, .. }) = self.requests.get(index)
        else {
            return Ok(());
        };
        let plan = exchange.plan();
        let allowed = u64::try_from(plan.attempts_max()).unwrap_or(u64::MAX);
        let may = plan.continues && plan.shape == Shape::Stream && exchange.seams() < SEAMS_MAX;
        let Some(told) = exchange.told().filter(|_| may && witness.attempts() < allowed) else {
            return Ok(());
        };
        // What repeats itself is not told apart from what overlaps it.
        let text = told.text();
        let end = text.char_indices().rev().nth(REPEATED - 1).map_or(0, |(at, _)| at);
        let repeats = text.find(text.get(end..).unwrap_or_default()).is_some_and(|at| at < end);
        // Nor is talk before the beginning of a sentence told apart from one.
        let quoted = anchor(&text).unwrap_or_default();
        let before = text.trim_end().strip_suffix(quoted).unwrap_or_default().trim_end();
        let within = before.ends_with(|last: char| last.is_alphanumeric() || last == ',');
        let doubles = self.scene.asks.get(index).is_some_and(|ask| ask.story.doubles(&text));
        let is_clear = |manner| match manner {
            Manner::Overlaps | Manner::Restarts => !repeats && !doubles,
            Manner::Chats => within && !doubles,
            Manner::Obeys | Manner::Bare | Manner::Strays => !doubles,
        };
        // Whoever could not in one way is not asked in another; nor behind more, where it was not clear.
        let could = |leg: usize, manner: Manner| {
            let mut tried = attempts.iter().filter(|it| it.leg == leg).filter_map(|it| it.way);
            tried.all(|way| manner.serves(way) && (manner == Manner::Obeys || way != Way::Anchor))
        };
        let well = plan.legs.iter().enumerate().find(|(place, leg)| {
            self.scene.providers.get(leg.provider.0).is_some_and(|it| {
                let way = told.way(leg.prefill && !it.refuses, false);
                could(*place, it.manner)
                    && is_clear(it.manner)
                    && it.is_well(*began, self.now)
                    && it.manner.serves(way)
            })
        });
        let Some((_, well)) = well else { return Ok(()) };
        if self.health.refused.get() == Some(self.now) {
            self.figures.denied += 1;
            return Ok(());
        }
        let trail = exchange.trail(self.now);
        Err(format!("request {index} was cut although {} goes on: {trail}", well.name))
    }

    pub(super) fn keeps_promises(&mut self) -> Result<(), String> {
        if self.pending != 0 {
            return Err(format!("{} requests never ended", self.pending));
        }
        let permits = self.health.board.borrow().permits();
        if permits != 0 {
            return Err(format!("BD1: {permits} permits never came back"));
        }
        if let Some((from, until)) = self.scene.blackout {
            let silent = self.scene.targets().filter(|provider| {
                self.scene
                    .providers
                    .get(provider.0)
                    .and_then(|it| it.illness(from))
                    .is_some_and(|ill| ill.fault == Fault::Silent)
            });
            let settled = SETTLED + SETTLED_SILENT * u32::try_from(silent.count()).unwrap_or(0);
            // Where few ask, it takes longer until every breaker has seen enough.
            let since = self.requests.iter().map(|it| it.began).filter(|began| from <= *began);
            let known = since.take(KNOWN_AFTER).last().unwrap_or(from);
            self.spares((from + settled).max(known), until)?;
        }
        if let Some(outage) = self.scene.outage {
            let silent = outage.fault == Fault::Silent;
            let within = if silent { BACK_WITHIN_SILENT } else { BACK_WITHIN };
            self.recovers(outage.until, within)?;
        }
        self.scene.brown_out.map_or(Ok(()), |slow| self.hurries(slow.from, slow.until))
    }

    /// The first target takes ten times as long from one time to the other, and nobody suffers.
    fn hurries(&mut self, from: Time, until: Time) -> Result<(), String> {
        let lost = |request: &&Request| {
            let kept = matches!(request.ended, Some((Ending::Answered | Ending::Abandoned, _)));
            !kept && from <= request.began
        };
        if let Some(lost) = self.requests.iter().find(lost) {
            let trail = lost.exchange.trail(self.now);
            return Err(format!("lost by a brown-out: {:?}, {trail}", lost.ended));
        }
        let begun = |after: Time, before: Time| {
            let within = move |it: &&Request| after <= it.began && it.began < before;
            self.requests.iter().filter(within)
        };
        // A whole answer comes as late as it is long, wherever it comes from.
        let streams = |it: &&Request| it.exchange.plan().shape == Shape::Stream;
        let healthy = p99(begun(Time::ZERO, from).filter(streams));
        let met = from + MET_WITHIN;
        let seeing = |request: &&Request| request.first == Some(0);
        let slow = p99(begun(met, until).filter(|it| !seeing(it)).filter(streams));
        let of_healthy = |slow: Duration| slow.as_millis() * 100 / healthy.as_millis().max(1);
        let percent = of_healthy(slow);
        let firsts = begun(met, until).filter(seeing).filter(streams).filter_map(|it| it.ended?.1);
        let slowest = firsts.max().unwrap_or_default();
        let all = begun(met, until).count();
        let sent = begun(met, until).filter(seeing).count();
        let seconds = usize::try_from(until.since(met).as_secs()).unwrap_or(usize::MAX);
        let back = until + BRISK_WITHIN;
        let elsewhere = begun(back, Time::MAX).filter(|it| it.first.is_some_and(|leg| leg != 0));
        let elsewhere = elsewhere.count();
        self.figures.brown_outs += 1;
        self.figures.brown_out_percent = u64::try_from(percent).unwrap_or(u64::MAX);
        if SLOWER_PERCENT < percent {
            return Err(format!("{slow:?} in a brown-out, {healthy:?} before"));
        }
        if SEEING_PERCENT < of_healthy(slowest) {
            return Err(format!("{slowest:?} in a brown-out, sent to see, {healthy:?} before"));
        }
        if (all / MEASURED_OF).min(seconds) < sent {
            return Err(format!("{sent} of {all} were sent where it is slow"));
        }
        if 0 < elsewhere {
            return Err(format!("{elsewhere} pass by the first target long after its brown-out"));
        }
        Ok(())
    }

    /// Whoever is down is not asked more often than there are requests.
    fn spares(&mut self, from: Time, until: Time) -> Result<(), String> {
        let during = |at: Time| from <= at && at < until;
        let asked = self.requests.iter().filter(|request| during(request.began));
        let (mut requests, mut attempts) = (0_u64, 0_u64);
        for request in asked {
            requests += 1;
            let reached = request.attempts.iter().filter(|it| it.reached && it.at < until);
            attempts += u64::try_from(reached.count()).unwrap_or(u64::MAX);
        }
        let minutes = until.since(from).as_secs().div_ceil(60);
        let allowed = requests + requests * RATIO_PERCENT / 100 + RESERVE * (1 + minutes);
        self.figures.blackouts += 1;
        self.figures.blackout_percent = attempts * 100 / requests.max(1);
        if allowed < attempts {
            return Err(format!("{attempts} attempts for {requests} requests in a blackout"));
        }
        Ok(())
    }

    /// Back to the first of the chain.
    fn recovers(&mut self, back: Time, within: Duration) -> Result<(), String> {
        let watched = self.requests.iter().filter(|request| {
            back <= request.began && request.began < back + WATCHED_FOR && self.scene.loaded
        });
        // A caller that left at once was not sent anywhere.
        let elsewhere = watched.filter(|request| request.first.is_some_and(|leg| leg != 0));
        let last = elsewhere.map(|request| request.began.since(back)).max().unwrap_or_default();
        self.figures.recoveries += 1;
        self.figures.recovery = last;
        if within < last {
            let seconds = last.as_secs_f64();
            return Err(format!("{seconds:.1} s after its outage the first target is passed by"));
        }
        Ok(())
    }
}

/// Of what was answered, the 99th percentile (nearest rank) of the time to first content.
fn p99<'a>(requests: impl Iterator<Item = &'a Request>) -> Duration {
    let mut firsts: Vec<Duration> =
        requests.filter_map(|request| request.ended.and_then(|(_, first)| first)).collect();
    firsts.sort_unstable();
    let rank = (firsts.len() * 99).div_ceil(100).saturating_sub(1);
    firsts.get(rank).copied().unwrap_or_default()
}
