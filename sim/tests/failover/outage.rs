//! S15: the first provider is down for a minute while requests keep coming, and then well again.

use crate::scenario::{GOOD, SCENARIOS, Scenario, is_answer, sites};
use crate::verdict::Run;
use drill::provider::{Fault, Plain};
use ir::{Dialect, Ending, Record};
use sim::shell::{Ask, Plan, Trouble};
use std::time::Duration;

/// When it goes down, and when it is well again.
const DOWN: Duration = Duration::from_secs(5);
const WELL: Duration = Duration::from_secs(65);
/// It is used again within this.
const BACK_WITHIN: Duration = Duration::from_secs(10);
/// Requests that may find out, in the minute that it is down.
const REACH_MAX: usize = 8;
/// Between two requests: fifteen in the outage, as in the harness.
const EVERY: Duration = Duration::from_secs(4);
/// Until the last of them.
pub(crate) const LASTS: Duration = Duration::from_secs(84);

/// Fills the plan.
pub(crate) fn happens(plan: &mut Plan, ask: &Ask) {
    let trouble = (Trouble::Ails(0, Fault::Status(503, None)), Trouble::Recovers(0));
    steadily(plan, ask, EVERY, trouble);
}

fn steadily(plan: &mut Plan, ask: &Ask, every: Duration, (down, up): (Trouble, Trouble)) {
    let count = u32::try_from(LASTS.as_millis() / every.as_millis()).unwrap();
    plan.asks = (0..=count).map(|nth| ask.clone().at(every * nth)).collect();
    plan.troubles = vec![(DOWN, down), (WELL, up)];
}

/// What is wrong with it.
pub(crate) fn conduct(run: &Run) -> Vec<&'static str> {
    let log = run.life.seen[0].iter().filter(|(_, seen)| is_answer(seen));
    let asked: Vec<Duration> = log.map(|(at, _)| *at).collect();
    let during = asked.iter().filter(|at| (DOWN..WELL).contains(*at)).count();
    let back = asked.iter().any(|at| (WELL..WELL + BACK_WITHIN).contains(at));
    let checks = [(during <= REACH_MAX, "probe_discipline"), (back, "back_within_10_s")];
    checks.into_iter().filter(|(good, _)| !good).map(|(_, check)| check).collect()
}

/// Promise: whichever way it is down, and however many ask: all are answered; beside those who were on
/// their way to it before its silence said anything, few find out; and all come back.
fn outage((down, up): (Trouble, Trouble), silent_for: Duration, every: Duration) {
    let what = format!("{down:?}, a request every {every:?}");
    let scenario: &Scenario = SCENARIOS.iter().find(|it| it.id == "S15").unwrap();
    let mut plan = Plan { toml: scenario.toml(Dialect::Chat), sites: sites(), ..Plan::default() };
    steadily(&mut plan, &Ask::stream(Dialect::Chat, GOOD), every, (down, up));
    let requests = plan.asks.len();
    let records = plan.live().unwrap().records;
    let answered = records.iter().filter(|record| record.ending == Ending::Answered).count();
    assert_eq!((records.len(), answered), (requests, requests), "{what}");

    let began = records.iter().map(|record| record.at_unix_ms).min().unwrap();
    let at = |record: &Record| Duration::from_millis(record.at_unix_ms - began);
    let first = |target: &str| target.starts_with("a/");
    let tries = records.iter().flat_map(|record| {
        let tries = record.attempts.iter().filter(|attempt| first(&attempt.target));
        tries.map(|attempt| at(record) + Duration::from_millis(attempt.began_ms))
    });
    let tried = tries.filter(|at| (DOWN..WELL).contains(at)).count();
    let before = silent_for.as_millis().div_ceil(every.as_millis());
    assert!(tried <= REACH_MAX + usize::try_from(before).unwrap(), "{what}: {tried} tries");
    let served = |by_first: bool| {
        let by = records.iter().filter(move |it| first(it.target.as_ref().unwrap()) == by_first);
        by.map(at).collect::<Vec<_>>()
    };
    let back = served(true).into_iter().filter(|at| WELL <= *at).min().unwrap();
    assert!(back <= WELL + BACK_WITHIN, "{what}: back at {back:?}");
    let elsewhere = served(false).into_iter().max().unwrap();
    assert!(elsewhere <= WELL + BACK_WITHIN, "{what}: elsewhere until {elsewhere:?}");
}

const RATES: [Duration; 2] = [Duration::from_secs(1), Duration::from_millis(250)];

#[test]
fn it_fails() {
    for fault in [Fault::Status(503, None), Fault::Plain(Plain::ResetBeforeHead)] {
        for every in RATES {
            let trouble = (Trouble::Ails(0, fault.clone()), Trouble::Recovers(0));
            outage(trouble, Duration::ZERO, every);
        }
    }
}

#[test]
fn it_says_nothing() {
    for every in RATES {
        let silent = Trouble::Ails(0, Fault::Plain(Plain::HangBeforeHead));
        // Patience: so long nobody knows.
        outage((silent, Trouble::Recovers(0)), Duration::from_secs(10), every);
    }
}

#[test]
fn its_machine_is_gone() {
    for every in RATES {
        // The connect deadline: so long nobody knows.
        outage((Trouble::Crashes(0), Trouble::Returns(0)), Duration::from_secs(3), every);
    }
}
