//! The five-nines proof: months of requests, outages as they were measured, the policy as it is
//! shipped. `docs/nines.md` says what of it may be believed.
//!
//! **Invariant:** a healthy stretch that is left out has one outcome: nobody is ill or was a while ago,
//! no breaker is open, nothing is slow, and every request so far was answered at once by its first
//! target. `Setup::whole` leaves nothing out, and comes to the same.

use crate::figures::Violation;
use std::time::Duration;

mod chain;
mod outages;
mod quarter;
mod spread;
mod target;

pub use spread::{Bounds, bounds};

/// What is lived through.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Setup {
    /// How long.
    pub days: u64,
    /// Requests a second.
    pub per_second: u64,
    /// Targets of the chain, one after the other.
    pub targets: usize,
    /// The share of requests that a target fails, asked directly.
    pub unavailability: f64,
    /// The share of it that hits all targets at once.
    pub common: f64,
    /// Live through every healthy second too.
    pub whole: bool,
}

/// What it came to.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Tally {
    /// Requests.
    pub requests: u64,
    /// Of them, lived through one by one.
    pub lived: u64,
    /// Attempts of all of them.
    pub attempts: u64,
    /// Answered by another target than the last one was.
    pub switches: u64,
    /// Answered by another target than the first.
    pub elsewhere: u64,
    /// Outages of all targets.
    pub outages: u64,
    /// Lost with Backstop, by what to.
    pub lost: Losses,
    /// Of each target asked directly, how many would have been lost.
    pub direct: Vec<u64>,
    /// Requests and losses of each week.
    pub weeks: Vec<(u64, u64)>,
}

/// What requests were lost to.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Losses {
    /// Every target of the chain was ill.
    pub all_down: u64,
    /// The answer was under way when its target's outage began.
    pub caught: u64,
    /// Its target was ill, showed content, and cut it.
    pub cut: u64,
    /// The budget of extra attempts was used up.
    pub budget: u64,
    /// No content within the caller's own time.
    pub late: u64,
    /// Anything else.
    pub other: u64,
}

/// Lives through it with the outages of a seed.
pub fn nines(setup: &Setup, seed: u64) -> Result<Tally, Violation> {
    quarter::Quarter::new(setup, seed).live().map_err(|what| Violation { seed, what })
}

/// The share of time that all targets are down, over so many years of outages alone: what is left to
/// a gateway that notices at once.
pub fn outages_alone(setup: &Setup, years: u32, seed: u64) -> f64 {
    outages::all_down(setup, years, seed)
}

/// What the formulas say of a chain of so many targets.
pub fn theory(setup: &Setup) -> f64 {
    let common = setup.common * setup.unavailability;
    let own = setup.unavailability - common;
    let together = (0..setup.targets).fold(1.0, |product, _| product * own);
    1.0 - common - together
}

// === impl Setup ===

impl Default for Setup {
    fn default() -> Self {
        Self {
            days: 90,
            per_second: 10,
            targets: 3,
            unavailability: 0.008,
            common: 0.0,
            whole: false,
        }
    }
}

impl Setup {
    fn lasts(&self) -> Duration {
        Duration::from_hours(24 * self.days)
    }

    /// Two targets that are down together so many times as often as chance would have it.
    #[must_use]
    pub fn pair(self, lift: f64) -> Self {
        let unavailability = self.unavailability;
        // Of `u common + (u - u common)² = lift × u²`, to the first order.
        let common = (lift - 1.0) * unavailability / (1.0 - 2.0 * unavailability);
        Self { targets: 2, common, ..self }
    }
}

// === impl Tally ===

impl Tally {
    /// Adds another's. Weeks stand side by side.
    pub fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.lived += other.lived;
        self.attempts += other.attempts;
        self.switches += other.switches;
        self.elsewhere += other.elsewhere;
        self.outages += other.outages;
        self.lost.add(&other.lost);
        self.direct.resize(self.direct.len().max(other.direct.len()), 0);
        self.direct.iter_mut().zip(&other.direct).for_each(|(all, one)| *all += one);
        self.weeks.extend(&other.weeks);
    }

    /// The share of requests that were answered.
    pub fn availability(&self) -> f64 {
        1.0 - share(self.lost.all(), self.requests)
    }

    /// The same, had nobody been lost to all targets being down.
    pub fn availability_beside(&self) -> f64 {
        1.0 - share(self.lost.all() - self.lost.all_down, self.requests)
    }

    /// The same without Backstop, of one target asked directly.
    pub fn directly(&self, target: usize) -> f64 {
        1.0 - share(self.direct.get(target).copied().unwrap_or(0), self.requests)
    }
}

// === impl Losses ===

impl Losses {
    fn add(&mut self, other: &Self) {
        self.all_down += other.all_down;
        self.caught += other.caught;
        self.cut += other.cut;
        self.budget += other.budget;
        self.late += other.late;
        self.other += other.other;
    }

    /// All of them.
    pub fn all(&self) -> u64 {
        self.all_down + self.caught + self.cut + self.budget + self.late + self.other
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share, of counts far below 2^52")]
fn share(some: u64, all: u64) -> f64 {
    some as f64 / all.max(1) as f64
}

#[cfg(test)]
mod tests;
