//! The wall: every fault that a gateway of this kind has to meet × every pair of dialects of which one
//! can serve the other × how an answer is asked for; and for what fails after the first content also
//! × where it is cut × what the next one does with the wish to go on.
//!
//! Everybody says the same text, so that what was joined can be held against what nobody had cut.
//!
//! **Invariant:** it is generated from the drill's menu and the enums of `ir` and the drill; what is
//! printed is for people, asserted is all of it.

mod bytes;
mod cell;
mod chain;
mod http2;
mod rows;
mod site;
mod tally;

use cell::{Asked, Cell};
use chain::Chain;
use drill::provider::Stage;
use ir::{Dialect, Shape};
use rows::{ROWS, Trouble};
use site::{Place, Site};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tally::Tally;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Words of every text.
const WORDS: usize = 60;
/// What is waited for where nothing is heard.
const SHORT: Duration = Duration::from_millis(150);
/// Cells of a pair under way at once: some wait for a deadline, and none shall wait for the others'
/// work.
const TOGETHER: usize = 12;

/// The troubles that are timed: nothing is waited for in them.
const TIMED: [&str; 2] = ["cut-after-30", "error-after-30-api"];

/// Who asks, and who is asked first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Pair {
    caller: Dialect,
    target: Dialect,
}

// === impl Pair ===

impl Pair {
    /// Every pair of which one can serve the other.
    fn all() -> Vec<Self> {
        let pairs = |caller| Dialect::ALL.map(|target| Self { caller, target });
        let pairs = Dialect::ALL.into_iter().flat_map(pairs);
        pairs.filter(|pair| serves(pair.caller, pair.target)).collect()
    }

    /// What somebody behind the first may speak as well.
    fn other(self) -> Option<Dialect> {
        let mut others = Dialect::ALL.into_iter().filter(|it| *it != self.target);
        others.find(|other| serves(self.caller, *other))
    }
}

/// Whether a target of this dialect can serve that caller.
fn serves(caller: Dialect, target: Dialect) -> bool {
    caller == target || caller.crosses(target)
}

impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} → {}", self.caller.name(), self.target.name())
    }
}

/// The cells of an answer of this shape: those whose chain is of one kind, and the others.
fn places(pair: Pair, shape: Shape) -> [Vec<Place>; 2] {
    let chains = match shape {
        Shape::Stream => Chain::all(pair),
        Shape::Whole => Chain::few(),
    };
    let (mut early, mut late) = (Vec::new(), Vec::new());
    for trouble in Trouble::all() {
        let streams = trouble.applies_to(pair.target, Shape::Stream);
        // A whole answer is watched, that is streamed, where there is such trouble in a stream.
        let plain = shape == Shape::Whole && !streams;
        if !streams && !trouble.applies_to(pair.target, shape) {
            continue;
        }
        let place = |chain| Place { trouble: trouble.clone(), chain, plain };
        match trouble.stage() {
            Stage::BeforeContent | Stage::CallersOwn => early.push(place(None)),
            Stage::AfterContent => {
                let chains = chains.iter().filter(|chain| chain.matters(trouble.told()));
                late.extend(chains.map(|chain| place(Some(*chain))));
            }
        }
    }
    [early, late]
}

/// Makes every request of a site.
async fn cells((pair, shape): (Pair, Shape), places: &[Place], together: usize) -> Vec<Cell> {
    let site = Arc::new(Site::build(pair, places).await);
    let room = Arc::new(Semaphore::new(together));
    let mut running = JoinSet::new();
    for (number, place) in places.iter().cloned().enumerate() {
        let (site, room) = (Arc::clone(&site), Arc::clone(&room));
        running.spawn(async move {
            let _room = room.acquire().await.expect("never closed");
            Asked::ask(&site, number, place, (pair.caller, shape)).await
        });
    }
    let mut asked = running.join_all().await;
    asked.sort_by_key(|asked| asked.number);
    let site = Arc::into_inner(site).expect("nobody asks any more");
    let objections = site.objections(places);
    assert!(objections.is_empty(), "{pair}: {}", objections.join("\n"));
    // The last one of each model: a second request was made on purpose.
    let records = site.world.records_at_least(asked.len()).await;
    let records: BTreeMap<_, _> =
        records.into_iter().map(|record| (record.model.clone(), record)).collect();
    site.world.stop().await;
    let cell = |asked: Asked| {
        let record = records[&asked.number.to_string()].clone();
        Cell::new(pair, shape, asked, record)
    };
    asked.into_iter().map(cell).collect()
}

/// All cells of a pair.
async fn asked_in_every_way(pair: Pair) -> Vec<Cell> {
    let mut all = Vec::new();
    for shape in Shape::ALL {
        for places in places(pair, shape) {
            all.extend(cells((pair, shape), &places, TOGETHER).await);
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_is_hidden_or_gone_on_with_or_told() {
    let mut tally = Tally::default();
    let mut running = JoinSet::new();
    for pair in Pair::all() {
        running.spawn(asked_in_every_way(pair));
    }
    for cell in running.join_all().await.iter().flatten() {
        tally.count(cell);
    }
    // How long the reader waits is told by requests that have the machine for themselves.
    for pair in Pair::all() {
        let [_, mut places] = places(pair, Shape::Stream);
        places.retain(|place| TIMED.contains(&place.trouble.name().as_str()));
        for cell in cells((pair, Shape::Stream), &places, 1).await {
            tally.time(&cell);
        }
    }
    tally.judge();
}

#[test]
fn every_row_has_its_troubles() {
    let all: Vec<usize> = Trouble::all().iter().flat_map(|it| it.rows().to_vec()).collect();
    let missing: Vec<_> = (1..=ROWS.len()).filter(|row| !all.contains(row)).collect();
    assert!(missing.is_empty(), "rows that nothing stands for: {missing:?}");
    assert!(all.iter().all(|row| (1..=ROWS.len()).contains(row)), "a row that there is not");
}

#[test]
fn every_fault_of_the_menu_stands_in_the_wall() {
    let kinds: BTreeSet<_> = Trouble::all()
        .iter()
        .filter(|trouble| !trouble.rows().is_empty())
        .filter_map(|trouble| trouble.fault().map(drill::provider::Fault::kind))
        .collect();
    let menu: BTreeSet<_> = drill::provider::Kind::ALL.iter().copied().collect();
    assert_eq!(kinds, menu);
}
