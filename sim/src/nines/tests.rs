//! A few days of it, with more outages than there are.

use super::{Setup, Tally, bounds, nines, outages_alone, theory};

fn live(setup: &Setup, seed: u64) -> Tally {
    nines(setup, seed).unwrap_or_else(|violation| panic!("{violation}"))
}

fn near(found: f64, expect: f64, within: f64) {
    assert!((found - expect).abs() < within, "{found}, not {expect}");
}

#[test]
fn what_is_left_out_changes_nothing() {
    let setup = Setup { days: 1, per_second: 2, unavailability: 0.1, ..Setup::default() };
    let some = live(&setup, 2);
    let all = live(&Setup { whole: true, ..setup }, 2);
    assert_eq!(all.lived, all.requests);
    assert!(some.lived < all.lived * 3 / 4, "{some:?}");
    assert!(0 < all.direct.iter().sum::<u64>(), "outages came: {all:?}");
    assert_eq!(Tally { lived: all.lived, ..some }, all);
    assert_eq!(live(&Setup { whole: true, ..setup }, 2), all, "the same seed is the same day");
}

/// Five times as many outages as there are may lose five times one in a hundred thousand.
#[test]
fn three_bad_days_lose_little() {
    let setup = Setup { days: 3, unavailability: 0.04, ..Setup::default() };
    let tally = live(&setup, 6);
    assert!(tally.directly(0) < 0.9, "the first target is down for long: {tally:?}");
    let by_us = tally.lost.all() - tally.lost.all_down;
    assert!(by_us * 100_000 <= tally.requests * 5, "{tally:?}");
    assert!(tally.attempts * 100 <= tally.requests * 101, "few extra attempts: {tally:?}");
}

#[test]
fn what_all_lose_at_once_nobody_saves() {
    let setup =
        Setup { days: 1, per_second: 1, unavailability: 0.2, common: 0.9, ..Setup::default() };
    let tally = live(&setup, 1);
    assert!(0 < tally.lost.all_down && tally.availability() < 0.999, "{tally:?}");
    assert_eq!(tally.weeks.iter().map(|week| week.1).sum::<u64>(), tally.lost.all());
}

#[test]
fn the_formulas() {
    let setup = Setup::default();
    near(theory(&setup), 1.0 - 0.008_f64.powi(3), 1e-12);
    near(theory(&Setup { targets: 2, ..setup }), 0.999_936, 1e-9);
    near(theory(&Setup { common: 0.05, ..setup }), 0.999_6, 1e-6);
    near(theory(&setup.pair(1.3)), 0.999_917, 1e-6);
    near(theory(&setup.pair(3.0)), 0.999_808, 1e-6);
}

#[test]
fn outages_alone_come_to_what_the_formulas_say() {
    let one = Setup { targets: 1, ..Setup::default() };
    near(outages_alone(&one, 2000, 1), 0.008, 0.0004);
    let common = Setup { common: 0.2, ..Setup::default() };
    near(outages_alone(&common, 2000, 1), 1.0 - theory(&common), 0.0002);
}

#[test]
fn bounds_lie_around_what_was_measured() {
    let weeks = [(1000, 0), (1000, 0), (1000, 10), (1000, 2)];
    let found = bounds(&weeks, 1);
    assert!(found.low < 0.997 && 0.997 < found.high && found.high <= 1.0, "{found:?}");
    assert_eq!(bounds(&weeks, 1), found);
}
