//! The promises about a world as a whole.
//!
//! - No failure before content while a target of the chain is well throughout, unless the budget of
//!   extra attempts was used up at that very moment.
//! - While everything is down: attempts ≤ 1.2 × requests + the reserve, which fills once a minute.
//! - Under load, all requests go to the first target again soon after its outage.
//! - Every permit comes back.

use super::World;
use crate::provider::Fault;
use ir::Time;
use std::time::Duration;

/// A blackout is known to be one after this, …
const SETTLED: Duration = Duration::from_secs(8);
/// … and this for each target that is silent: patience with one after the other.
const SETTLED_SILENT: Duration = Duration::from_secs(11);
/// Extra attempts per hundred requests, and the reserve (`policy::Retries::default`).
const RATIO_PERCENT: u64 = 20;
const RESERVE: u64 = 10;
/// From the end of an outage until all requests go to the first target again.
const BACK_WITHIN: Duration = Duration::from_secs(10);
/// A trial that began within a silent outage is believed for its patience.
const BACK_WITHIN_SILENT: Duration = Duration::from_secs(20);
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
            self.spares(from + settled, until)?;
        }
        if let Some(outage) = self.scene.outage {
            let silent = outage.fault == Fault::Silent;
            let within = if silent { BACK_WITHIN_SILENT } else { BACK_WITHIN };
            self.recovers(outage.until, within)?;
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
            let reached = request.attempts.iter().filter(|(at, reached)| *reached && *at < until);
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
