//! How far availability may lie from what was measured: a bootstrap over weeks.
//!
//! Outages come in bursts, so that requests are not independent and weeks nearly are: as many weeks as
//! there were are drawn with replacement, again and again (Künsch 1989,
//! <https://doi.org/10.1214/aos/1176347265>).

use crate::dice::Dice;

/// The middle 95 % of what other weeks might have come to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// 2.5 % are worse.
    pub low: f64,
    /// 2.5 % are better.
    pub high: f64,
}

const DRAWS: usize = 2000;

/// The bounds of the availability, from requests and losses of each week.
pub fn bounds(weeks: &[(u64, u64)], seed: u64) -> Bounds {
    let mut dice = Dice::new(seed);
    let mut all: Vec<f64> = (0..DRAWS)
        .map(|_| {
            let drawn = weeks.iter().filter_map(|_| dice.pick(weeks));
            let (requests, lost) = drawn.fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1));
            1.0 - super::share(lost, requests)
        })
        .collect();
    all.sort_by(f64::total_cmp);
    let at = |per_mille: usize| all.get(DRAWS * per_mille / 1000).copied().unwrap_or(1.0);
    Bounds { low: at(25), high: at(975) }
}
