//! Scenarios of evidence, and what the rules make of them. The page `docs/verdicts.md` is written by
//! these tests: the table of causes, and what was said of which scenario.
//!
//! Three sets: `tree` has a scenario for each branch of the decision tree, `facts` is from outages that
//! were and from what happens to networks, and `mixed` has signals that contradict each other; rules are
//! made with these. `held_out` was written from the same facts by somebody who had not seen the rules,
//! and is only judged by.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test that prints its table")]

#[path = "verdicts/load.rs"]
mod load;

use ir::Evidence;
use load::{Scenario, read};
use monitor::{Act, Cause, diagnose};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

const BASES: &str = include_str!("../scenarios/bases.toml");
const FAILURES: &str = include_str!("../../../docs/failures.md");
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/verdicts.md");

/// A set of scenarios, how many it has at least, and how many of 100 must be right.
const SETS: [(&str, &str, usize, usize); 4] = [
    ("tree", include_str!("../scenarios/tree.toml"), 60, 100),
    ("facts", include_str!("../scenarios/facts.toml"), 120, 100),
    ("mixed", include_str!("../scenarios/mixed.toml"), 120, 98),
    ("held_out", include_str!("../scenarios/held_out.toml"), 100, 95),
];

fn sets() -> impl Iterator<Item = (&'static str, Vec<Scenario>)> {
    SETS.iter().map(|(name, text, _, _)| (*name, read(BASES, text).unwrap()))
}

/// How many are right, and what is said of the others.
fn judge(scenarios: &[Scenario]) -> (usize, String) {
    let mut wrong = String::new();
    let mut right = 0;
    for scenario in scenarios {
        let verdict = diagnose(&scenario.evidence);
        if verdict.cause == scenario.expect {
            right += 1;
            continue;
        }
        let reasons: Vec<&str> = verdict.reasons.iter().map(|it| it.text.as_str()).collect();
        let (said, sure) = (verdict.cause, verdict.confidence);
        writeln!(wrong, "{scenario}, not {said} ({sure} %): {}", reasons.join("; ")).unwrap();
    }
    (right, wrong)
}

/// What is right, and what was said, with how often.
fn matrix(scenarios: &[Scenario]) -> String {
    let mut cells: BTreeMap<(Cause, Cause), usize> = BTreeMap::new();
    for scenario in scenarios {
        *cells.entry((scenario.expect, diagnose(&scenario.evidence).cause)).or_default() += 1;
    }
    let mut lines = String::from("| right | said |\n|---|---|\n");
    for right in Cause::ALL {
        let row = cells.iter().filter(|((it, _), _)| *it == right);
        let said: Vec<String> = row.map(|((_, said), n)| format!("{said} {n}")).collect();
        if !said.is_empty() {
            writeln!(lines, "| {right} | {} |", said.join(", ")).unwrap();
        }
    }
    lines
}

#[test]
fn scenarios_are_decided() {
    for ((name, scenarios), (_, _, least, percent)) in sets().zip(SETS) {
        let (right, wrong) = judge(&scenarios);
        println!("{name}: {right} of {}\n{wrong}{}", scenarios.len(), matrix(&scenarios));
        assert!(least <= scenarios.len(), "{name}: {} scenarios", scenarios.len());
        let enough = scenarios.len() * percent <= right * 100;
        assert!(enough, "{name}: {right} of {}\n{wrong}", scenarios.len());
    }
}

/// A verdict is of use: it says why, what would change it, and what to do.
#[test]
fn verdicts_are_whole() {
    for (name, scenarios) in sets() {
        for scenario in &scenarios {
            let verdict = diagnose(&scenario.evidence);
            let advised = verdict.cause == Cause::Fine || !verdict.advice.is_empty();
            assert!(advised, "{name}: {scenario}: no advice");
            assert!(verdict.reasons.len() <= 3 && verdict.confidence <= 99, "{name}: {scenario}");
            let told = verdict.cause == Cause::Unknown || !verdict.reasons.is_empty();
            assert!(told && !verdict.would_change.is_empty(), "{name}: {scenario}: no reason");
        }
    }
}

/// Differing addresses alone are never an interception: without a session that shows somebody else,
/// whatever resolvers say.
#[test]
fn addresses_that_differ_are_no_interception() {
    for (name, scenarios) in sets() {
        for scenario in scenarios {
            let mut evidence = scenario.evidence;
            evidence.roads.values_mut().for_each(|road| road.tls = None);
            let cause = diagnose(&evidence).cause;
            assert_ne!(cause, Cause::Interception, "{name}: {}", scenario.name);
        }
    }
}

/// A green page vetoes nothing: what is theirs with an unwell page, or with none, is not fine with a
/// green one.
#[test]
fn a_green_page_takes_nothing_back() {
    for (name, scenarios) in sets() {
        for scenario in scenarios {
            let mut without = scenario.evidence;
            without.page = None;
            let mut green = without.clone();
            green.page = Some(ir::evidence::Page {
                level: Some(ir::evidence::Level::Operational),
                ..ir::evidence::Page::default()
            });
            let (before, after) = (diagnose(&without).cause, diagnose(&green).cause);
            let taken_back = before != Cause::Fine && after == Cause::Fine;
            assert!(!taken_back, "{name}: {}: {before}, then {after}", scenario.name);
        }
    }
}

/// Every class of failure that the evidence speaks of.
fn classes(evidence: &Evidence) -> BTreeSet<&str> {
    let asked = evidence.asked.values().chain(evidence.control.regions.values());
    let traffic = evidence.traffic.iter().flat_map(|traffic| {
        [&traffic.all, &traffic.lately].into_iter().chain(traffic.models.values())
    });
    let siblings =
        evidence.control.siblings.values().filter_map(|sibling| sibling.traffic.as_ref());
    let tallied = traffic.chain(siblings).flat_map(|tally| tally.classes.keys());
    let asked = asked.map(|asked| asked.class.as_str()).filter(|class| !class.is_empty());
    asked.chain(tallied.map(String::as_str)).collect()
}

#[test]
fn scenarios_are_sound() {
    for (name, scenarios) in sets() {
        let mut names = BTreeSet::new();
        for scenario in &scenarios {
            assert!(!scenario.source.is_empty(), "{name}: {scenario}");
            assert!(names.insert(scenario.name.clone()), "{name}: {scenario}: twice");
            for class in classes(&scenario.evidence) {
                let row = format!("\n| `{class}` |");
                assert!(FAILURES.contains(&row), "{name}: {scenario}: {class:?}");
            }
        }
        let of = |cause: Cause| scenarios.iter().filter(|it| it.expect == cause).count();
        for cause in Cause::ALL {
            assert!(1 <= of(cause), "{name}: {cause}: none");
        }
    }
}

#[test]
fn what_is_written_wrongly_is_said() {
    let check = |text: &str, expect: &str| {
        let said = read("[here]\nprovider = \"x\"\n[ring]\nlike = \"ring\"", text).err();
        assert!(said.as_ref().is_some_and(|said| said.contains(expect)), "{text}: {said:?}");
    };
    let written = |base: &str, rest: &str| {
        format!("[[scenario]]\nname = \"a\"\nsource = \"own\"\nbase = \"{base}\"\n{rest}")
    };
    check(&written("here", "expect = \"them.odd\""), "\"them.odd\" is no cause");
    check(&written("there", "expect = \"fine\""), "there is no base \"there\"");
    check(&written("ring", "expect = \"fine\""), "is like itself");
    check(&written("here", "expect = \"fine\"\nwithout = [\"pages\"]"), "no such thing");
    check(&written("here", "expect = \"fine\"\nbut.pages = 1"), "unknown field `pages`");
    check(&written("here", "expect = \"fine\"\nbuts.port = 1"), "unknown field `buts`");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the page is a file of the repository")]
fn the_page_is_the_table() {
    let mut page = String::from(HEAD);
    for cause in Cause::ALL {
        let row = cause.row();
        let act = match row.act {
            Act::None => "–",
            Act::LocalFirst => "local targets first, breakers spared",
            Act::Prewarm => "the next targets are made ready",
        };
        let (side, says) = (row.side.word(), row.says);
        writeln!(page, "| `{cause}` | {side} | {says} | {act} |").unwrap();
    }
    page.push_str(SETS_HEAD);
    for (name, scenarios) in sets() {
        let (right, _) = judge(&scenarios);
        let all = scenarios.len();
        write!(page, "\n### {name}: {right} of {all}\n\n{}", matrix(&scenarios)).unwrap();
    }
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(PAGE, &page).unwrap();
    }
    let there = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert!(there == page, "docs/verdicts.md is old: run BLESS=1 cargo test -p backstop-monitor");
}

const HEAD: &str = "\
# Verdicts

What `backstop doctor` and a running gateway say about a provider, and what the gateway does about it where it is
sure (90 %) and `[watch] act` is on. This page is written by the tests of `core/monitor`.

| cause | whose | in words | what a gateway does |
|---|---|---|---|
";

const SETS_HEAD: &str = "
## How right they are

Each set is a file of `core/monitor/scenarios`: evidence as it would have been measured, and the right verdict. `tree` has
a scenario or more for each branch of the decision tree; `facts` is from outages that were and from what happens to
networks, with what else is odd at the same time; `mixed` has more of that, with signals that contradict each other. Rules
were made with these. `held_out` was written from the same facts by somebody who had not seen the rules, and is only judged
by.
";
