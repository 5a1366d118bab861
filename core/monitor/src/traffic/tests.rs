//! Attempts in, evidence out.

use super::{Flow, KEYS_MAX, Settled, Told};
use crate::diagnose::Seen;
use crate::{Cause, Moment, diagnose};
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
        told(&mut flow, name.len() as u64 % 900, &name, name.len(), bad("not_found"));
    }
    assert!(flow.buckets.values().all(|models| models.len() <= super::MODELS_MAX + 1));
    let seen = flow.view(at(899));
    assert_eq!((seen.all.n, seen.models.len()), (20_001, 16));
    assert!(seen.models.keys().all(|name| !name.contains('\u{1b}')));
}

/// What is made of a provider that answers all free questions: for how long it fails, whether it works,
/// and whether all is well.
fn judged(flow: &Flow, now: u64) -> (Option<u64>, Option<bool>, bool) {
    let evidence: Evidence = toml::from_str(
        r#"
        asked.open = { heard = "answer", form = "json", status = 401 }
        asked.models = { heard = "answer", form = "json", status = 200 }
        "#,
    )
    .unwrap();
    let (at_unix_ms, traffic) = (at(now).unix_ms, Some(flow.view(at(now))));
    let evidence = Evidence { at_unix_ms, traffic, ..evidence };
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
    let made_up = Settled::Bad { class: "not_found", alarms: false };
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
