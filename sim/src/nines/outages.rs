//! When targets are down: lengths log-normal, pauses exponential.
//!
//! Of 414 published outages of one provider the median lasted 1.32 h and the mean 3.80 h (from the
//! data of Chu et al., ICPE 2025, <https://arxiv.org/abs/2501.12469>). A log-normal length has
//! `mean / median = exp(sigma² / 2)`, which gives its sigma.

use super::Setup;
use crate::dice::Dice;
use crate::provider::Fault;
use ir::Time;
use std::time::Duration;

/// One target is ill, or a part of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outage {
    pub(super) from: Time,
    pub(super) until: Time,
    pub(super) fault: Fault,
    /// Of a hundred attempts so many meet it.
    pub(super) percent: u64,
    /// Whether `GET /models` answers all the same.
    pub(super) probe: bool,
}

const MEDIAN_HOURS: f64 = 1.32;
const MEAN_HOURS: f64 = 3.8;
const HOUR: f64 = 3600.0;

/// What an outage is of; each alike often.
const FAULTS: &[Fault] = &[
    Fault::Refused,
    Fault::Error(500),
    Fault::Error(529),
    Fault::Silent,
    Fault::InBand,
    Fault::CutEarly,
    Fault::CutLate,
    Fault::Slow,
];
/// What one for all is of: nothing gets through.
const TOTAL: &[Fault] =
    &[Fault::Refused, Fault::Error(500), Fault::Error(529), Fault::Silent, Fault::InBand];
/// Every other outage is total; of the others this share of attempts meets it, evenly spread.
const PARTIAL: std::ops::Range<u64> = 30..101;
/// How much of what meets an outage on the way is lost, asked directly: all of seven faults, and of
/// the slow what comes after the caller's time; and how many meet it.
const BITES: f64 = (7.0 + 0.42) / 8.0 * (1.0 + 0.65) / 2.0;

/// The outages of each target, in their order.
pub(super) fn draw(setup: &Setup, dice: &mut Dice) -> Vec<Vec<Outage>> {
    let days = setup.lasts();
    let (common, own) = shares(setup);
    let together = spans(common / MEAN_HOURS, days, dice);
    let targets = (0..setup.targets).map(|_| {
        let mut all: Vec<Outage> = Vec::new();
        for span in spans(own / BITES / MEAN_HOURS, days, dice) {
            let percent = if dice.percent(50) { 100 } else { dice.within(PARTIAL) };
            all.push(outage(span, FAULTS, percent, dice));
        }
        all.extend(together.iter().map(|span| outage(*span, TOTAL, 100, dice)));
        all.sort_by_key(|outage| outage.from);
        all
    });
    targets.collect()
}

fn outage((from, until): (f64, f64), faults: &[Fault], percent: u64, dice: &mut Dice) -> Outage {
    let at = |seconds: f64| Time::ZERO + Duration::from_secs_f64(seconds.round());
    let fault = dice.pick(faults).unwrap_or(Fault::Silent);
    Outage { from: at(from), until: at(until), fault, percent, probe: dice.percent(50) }
}

/// What all targets lack together, and each by itself.
fn shares(setup: &Setup) -> (f64, f64) {
    let common = setup.common * setup.unavailability;
    (common, setup.unavailability - common)
}

/// Outages that begin so often an hour of health, in seconds.
fn spans(per_hour: f64, during: Duration, dice: &mut Dice) -> Vec<(f64, f64)> {
    let mut spans = Vec::new();
    if per_hour <= 0.0 {
        return spans;
    }
    // Per hour of all: what is down cannot go down.
    let pause = (1.0 / per_hour - MEAN_HOURS).max(0.1);
    // The first one begins within a pause that is under way.
    let mut at = 0.0;
    loop {
        at += -dice.unit().ln() * pause * HOUR;
        let until = at + length(dice);
        if during.as_secs_f64() <= at {
            return spans;
        }
        spans.push((at, until.min(during.as_secs_f64())));
        at = until;
    }
}

/// Log-normal, in seconds; the normal one by Box and Muller (1958).
fn length(dice: &mut Dice) -> f64 {
    let sigma = (2.0 * (MEAN_HOURS / MEDIAN_HOURS).ln()).sqrt();
    let radius = (-2.0 * dice.unit().ln()).sqrt();
    let normal = radius * (std::f64::consts::TAU * dice.unit()).cos();
    MEDIAN_HOURS * (sigma * normal).exp() * HOUR
}

/// The share of time that all targets are down at once.
pub(super) fn all_down(setup: &Setup, years: u32, seed: u64) -> f64 {
    let mut dice = Dice::new(seed);
    let year = Duration::from_hours(8766);
    let (common, own) = shares(setup);
    let mut down = 0.0;
    for _ in 0..years {
        let mut all = (0..setup.targets).map(|_| spans(own / MEAN_HOURS, year, &mut dice));
        let first = all.next().unwrap_or_default();
        let together = all.fold(first, |some, other| both(&some, &other));
        let together = either(together, spans(common / MEAN_HOURS, year, &mut dice));
        down += together.iter().map(|(from, until)| until - from).sum::<f64>();
    }
    down / (f64::from(years.max(1)) * year.as_secs_f64())
}

fn both(some: &[(f64, f64)], other: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let pairs = some.iter().flat_map(|a| other.iter().map(move |b| (a.0.max(b.0), a.1.min(b.1))));
    pairs.filter(|(from, until)| from < until).collect()
}

fn either(mut some: Vec<(f64, f64)>, other: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    some.extend(other);
    some.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut union: Vec<(f64, f64)> = Vec::new();
    for (from, until) in some {
        match union.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(until),
            Some(_) | None => union.push((from, until)),
        }
    }
    union
}
