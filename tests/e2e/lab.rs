//! The prober in the lab: in every situation it finds what the situation is about, and the verdict is
//! one that the situation's own row allows ([`Situation::causes`]).

mod facts;
mod servers;

use crate::world::LIMIT;
use backstop_e2e::lab::Situation;
use facts::Facts;
use ir::evidence::Page;
use std::collections::BTreeSet;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Situations that stand at a time: each is a dozen servers, which share one machine with the prober.
const AT_A_TIME: usize = 6;

#[test]
fn every_situation_has_facts_and_no_other() {
    let named: BTreeSet<&str> = facts::all().iter().map(|it| it.name).collect();
    let all: BTreeSet<&str> = Situation::ALL.iter().map(|it| it.word()).collect();
    assert_eq!(named, all);
}

#[test]
fn most_situations_fit_a_network_and_say_what_it_must_be() {
    let fitting: Vec<_> = Situation::ALL.iter().filter(|it| it.plan().fits_a_network()).collect();
    assert!(24 <= fitting.len(), "{fitting:?}");
    let words = |it: Situation| -> Vec<String> {
        it.plan().wishes().iter().map(ToString::to_string).collect()
    };
    let has = |it: Situation, wish: &str| words(it).iter().any(|word| word == wish);
    assert!(has(Situation::Healthy, "address 160.79.104.10"));
    assert!(!has(Situation::RouteSilent, "address 160.79.104.10"));
    assert!(has(Situation::Ipv6Unreachable, "unreachable 2607:6bc0::10"));
    assert!(has(Situation::LinkDown, "link down"));
    assert!(has(Situation::ProxyDead, "variable HTTPS_PROXY=http://192.168.1.3:3128"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_prober_finds_what_each_situation_is_about() {
    let mut missed = Vec::new();
    let mut standing = JoinSet::new();
    for facts in facts::all() {
        while AT_A_TIME <= standing.len() {
            missed.extend(standing.join_next().await.unwrap().unwrap());
        }
        standing.spawn(async move { timeout(LIMIT, missing(facts)).await.unwrap() });
    }
    missed.extend(standing.join_all().await.into_iter().flatten());
    assert!(missed.is_empty(), "{} facts were missed:\n{}", missed.len(), missed.join("\n"));
}

/// The facts of one situation that the prober did not find, and what it found instead.
async fn missing(facts: Facts) -> Vec<String> {
    let situation = Situation::ALL.iter().find(|it| it.word() == facts.name).unwrap();
    let stage = situation.raise().await.unwrap();
    let mut evidence = probe::measure(&stage.ground, &stage.subject, &mut |_, _| {}).await;
    evidence.page = stage.page.map(|level| Page { level: Some(level), ..Page::default() });
    let mut missing = facts.missing(&serde_json::to_value(&evidence).unwrap());
    let verdict = monitor::diagnose(&evidence);
    if !situation.causes().contains(&verdict.cause) {
        missing.push(format!(
            "{}: the verdict is not {:?}: {verdict:?}",
            facts.name,
            situation.causes()
        ));
    }
    missing
}
