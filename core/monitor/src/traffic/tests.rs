//! Attempts in, evidence out.

use super::{Flow, KEYS_MAX, Settled, Told};
use crate::diagnose::Seen;
use crate::status::Provider;
use crate::watch::{Around, Pace, Watch};
use crate::{Cause, Moment, diagnose};
use ir::evidence::Traffic;
use ir::{Evidence, Time};
use std::time::Duration;

const UNIX_MS: u64 = 1_795_000_000_000;

fn at(second: u64) -> Moment {
    Moment { at: Time::ZERO + Duration::from_secs(second), unix_ms: UNIX_MS + second * 1000 }
}

const GOOD: Settled = Settled::Good;

fn bad(class: &'static str) -> Settled {
    Settled::Bad { class, alarms: true }
}

fn told(flow: &mut Flow, second: u64, model: &str, credential: usize, outcome: Settled) {
    flow.told(at(second), &Told { model, credential, outcome });
}

#[test]
fn a_window_moves_and_what_says_nothing_is_left_out() {
    let mut flow = Flow::default();
    told(&mut flow, 5, "a", 0, GOOD);
    told(&mut flow, 5, "a", 0, Settled::Nothing);
    told(&mut flow, 500, "b", 0, bad("overloaded"));
    told(&mut flow, 880, "a", 0, bad("overloaded"));
    told(&mut flow, 890, "a", 0, bad("silent"));
    let seen = flow.view(at(890));
    assert_eq!((seen.window_s, seen.all.n, seen.all.ok, seen.lately.n), (900, 4, 1, 2));
    assert_eq!((seen.all.failed("overloaded"), seen.all.failed("silent")), (2, 1));
    assert_eq!(seen.models["a"].n + seen.models["b"].n, 4);
    assert_eq!(seen.failing_since_unix_ms, Some(UNIX_MS + 500_000));
    assert_eq!(seen.good_ago_s, Some(885));
    let later = flow.view(at(910));
    assert_eq!((later.all.n, later.all.ok, later.good_ago_s), (3, 0, Some(905)));
    told(&mut flow, 3000, "a", 0, GOOD);
    let last = flow.view(at(3000));
    assert_eq!((last.all.n, last.lately.n, last.failing_since_unix_ms), (1, 1, None));
}

#[test]
fn keys_that_were_good_and_are_refused_are_told_from_those_that_never_were() {
    let check = |script: &[(usize, Settled)], expect: (u32, u32)| {
        let mut flow = Flow::default();
        for (second, (key, outcome)) in (0..).zip(script) {
            told(&mut flow, second, "a", *key, *outcome);
        }
        let seen = flow.view(at(60));
        assert_eq!((seen.keys, seen.keys_refused), expect, "{script:?}");
    };
    check(&[], (0, 0));
    check(&[(0, GOOD), (1, GOOD)], (2, 0));
    check(&[(0, GOOD), (0, bad("unauthorized"))], (1, 1));
    check(&[(0, bad("unauthorized"))], (1, 0));
    check(&[(0, GOOD), (1, GOOD), (1, bad("forbidden"))], (2, 1));
    check(&[(0, GOOD), (0, bad("unauthorized")), (0, bad("overloaded"))], (1, 0));
    let many: Vec<_> = (0..1000).map(|key| (key, GOOD)).collect();
    check(&many, (u32::try_from(KEYS_MAX).unwrap(), 0));
}

#[test]
fn the_usual_time_is_that_of_the_day_before_the_window() {
    let mut flow = Flow::default();
    let seen = |flow: &Flow, second| {
        let seen = flow.view(at(second));
        (seen.ttft_ms, seen.ttft_usual_ms)
    };
    for second in 0..3600 {
        flow.first_content(at(second), "a", 400);
    }
    assert!(matches!(seen(&flow, 3600), (Some(350..450), Some(350..450))));
    for second in 3600..4500 {
        flow.first_content(at(second), "a", 4000);
    }
    assert!(matches!(seen(&flow, 4500), (Some(3500..4500), Some(350..450))));
    let next_day = 4500 + 26 * 3600;
    flow.first_content(at(next_day), "a", 80);
    assert!(matches!(seen(&flow, next_day), (Some(70..90), None)));
}

#[test]
fn made_up_names_find_no_room() {
    let mut flow = Flow::default();
    told(&mut flow, 0, "real", 0, GOOD);
    for name in 0..20_000 {
        let name = format!("made up {name}\u{1b}[31m");
        told(&mut flow, name.len() as u64 % 900, &name, name.len(), Settled::Missing("not_found"));
    }
    assert!(flow.buckets.values().all(|models| models.len() <= super::MODELS_MAX + 1));
    let seen = flow.view(at(899));
    assert_eq!((seen.all.n, seen.all.all(), seen.models.len()), (1, 20_001, 16));
    assert_eq!(seen.models["real"].ok, 1, "what is used is not pushed out");
    assert!(seen.models.keys().all(|name| !name.contains('\u{1b}')));
}

/// A provider that answers all free questions.
fn answering(traffic: &Traffic, now: Moment) -> Evidence {
    let evidence: Evidence = toml::from_str(
        r#"
        asked.open = { heard = "answer", form = "json", status = 401 }
        asked.models = { heard = "answer", form = "json", status = 200 }
        "#,
    )
    .unwrap();
    Evidence { at_unix_ms: now.unix_ms, traffic: Some(traffic.clone()), ..evidence }
}

/// What is made of it: for how long it fails, whether it works, and whether all is well.
fn judged(flow: &Flow, now: u64) -> (Option<u64>, Option<bool>, bool) {
    let evidence = answering(&flow.view(at(now)), at(now));
    let seen = Seen::of(&evidence);
    (seen.failing_for_s(), seen.works(), diagnose(&evidence).cause == Cause::Fine)
}

/// A run of failures is of three in a row, and of a moment ago: neither of those of the whole window, nor
/// of names that callers made up, nor of silence. A request each 10 s, until the last that is bad.
#[test]
fn a_run_of_failures_is_of_those_in_a_row() {
    let check = |bads: &[(u64, Settled)], now: u64, expect: (Option<u64>, Option<bool>, bool)| {
        let mut flow = Flow::default();
        let last = bads.last().map_or(now, |(second, _)| *second);
        for second in (0..=last).step_by(10) {
            let bad = bads.iter().find(|(at, _)| *at == second);
            told(&mut flow, second, "a", 0, bad.map_or(GOOD, |(_, outcome)| *outcome));
        }
        assert_eq!(judged(&flow, now), expect, "{bads:?} at {now}");
    };
    let error = bad("server_error");
    let made_up = Settled::Missing("not_found");
    let fine = (None, Some(true), true);
    check(&[], 890, fine);
    check(&[(880, error)], 886, fine);
    check(&[(300, error), (600, error), (880, error)], 886, fine);
    check(&[(800, made_up), (810, made_up), (880, error)], 886, fine);
    let run = [(860, error), (870, error), (880, error)];
    check(&run, 884, (Some(20), Some(false), false));
    // A breaker that is open lets nobody ask.
    check(&run, 1_000, (Some(20), Some(false), false));
    check(&run, 1_180, (Some(20), Some(false), false));
    // Nobody has asked for long: only what answers now says anything.
    check(&run, 1_250, fine);
    check(&run, 1_700, fine);
}

/// Names that callers made up are no part of any share, and one that is asked for again and again is
/// found: by whoever examines everything, and by the status, which knows what attempts met.
#[test]
fn names_that_are_not_there_are_found_and_counted_in_no_share() {
    const MISSING: Settled = Settled::Missing("not_found");
    // So many good ones, so many made-up names, and how often each of them is asked for.
    let check = |good: u64, names: u64, times: u64, expect: &str| {
        let pace = Pace { every: Duration::from_mins(1), pages: false };
        let mut watch = Watch::new(at(0), pace, 1);
        watch.knocked(at(0), Some(true));
        let asked = names * times;
        for number in 0..good.max(asked) {
            let now = at(number / 50);
            if number < good {
                watch.told(now, &Told { model: "real", credential: 0, outcome: GOOD });
            }
            if number < asked {
                let model = &*format!("made up {}", number % names);
                watch.told(now, &Told { model, credential: 0, outcome: MISSING });
            }
        }
        let now = at(good.max(asked) / 50);
        let traffic = watch.traffic(now);
        let counts = (traffic.all.n, traffic.all.ok, traffic.all.all());
        assert_eq!(counts, (good, good, good + asked), "{good}, {names} x {times}");
        let status = Provider::in_brief("p", &watch, now).verdict.map(|it| it.cause);
        let doctor = diagnose(&answering(&traffic, now)).cause.word();
        assert_eq!((doctor, &*status.unwrap()), (expect, expect), "{good}, {names} x {times}");
        assert!(watch.look(now, Around::default()).1.is_none());
    };
    check(12, 9, 1, "fine");
    check(12, 9, 2, "fine");
    check(3, 4, 1, "fine");
    check(10_000, 10_000, 1, "fine");
    check(6, 1, 12, "me.config");
    check(0, 1, 12, "me.config");
    check(0, 1, 1, "fine");
    check(0, 4, 1, "fine");
}

#[test]
fn a_model_that_is_not_there_any_more_was_not_made_up() {
    let mut flow = Flow::default();
    for second in 0..10 {
        told(
            &mut flow,
            second,
            "gone",
            0,
            if second < 6 { GOOD } else { Settled::Missing("not_found") },
        );
        told(&mut flow, second, "real", 0, GOOD);
    }
    let seen = flow.view(at(10));
    assert_eq!((seen.all.n, seen.all.ok, seen.models["gone"].share()), (20, 16, Some(0.6)));
    assert_eq!(diagnose(&answering(&seen, at(10))).cause, Cause::Model);
    // A breaker lets one attempt through in five minutes; the last good one was long ago.
    for second in [300, 600, 900, 1200, 1500, 1800] {
        told(&mut flow, second, "gone", 0, Settled::Missing("not_found"));
        (0..9).for_each(|_| told(&mut flow, second, "real", 0, GOOD));
    }
    let seen = flow.view(at(1800));
    assert_eq!((seen.all.n, seen.models["gone"].n, seen.models["gone"].ok), (30, 3, 0));
    assert_eq!(diagnose(&answering(&seen, at(1800))).cause, Cause::Model);
}
