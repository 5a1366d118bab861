//! The table: every trouble of the first target × its dialect × whether the caller speaks it × how an
//! answer is asked for, and what the caller saw of it.
//!
//! **Invariant:** it is generated from the drill's menu and the enums of `ir`; what must come of each
//! row stands in `expect`, by full matches. The printed times are for people; asserted are outcomes,
//! counts, and the median of the decisions.

mod cell;
mod expect;

pub(crate) use expect::{Signal, Trouble, Way};

use crate::world::Pairing;
use cell::Cell;
use drill::provider::{Fault, Stage, TlsFault};
use expect::Asked;
use ir::{Connect, Dialect, Dns, Place, Proxy};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Cells under way at once: some wait for a deadline, and none shall wait for the others' work.
const TOGETHER: usize = 6;

/// A decision takes no longer than this from the moment its signal is there.
const DECISION: Duration = Duration::from_millis(50);

fn ways() -> Vec<Trouble> {
    let inside = Dns::Forbidden([169, 254, 169, 254].into(), Place::Metadata);
    let dns = [Dns::NotFound, Dns::Failed, inside].map(Way::Dns);
    let tcp = [Connect::Refused, Connect::Timeout, Connect::Unreachable].map(Way::Connect);
    let proxy = [Proxy::Unreachable, Proxy::Silent, Proxy::Denied(407), Proxy::Garbled];
    let proxy = proxy.map(Way::Proxy);
    let tls = TlsFault::ALL.map(Way::Tls);
    dns.into_iter().chain(tcp).chain(proxy).chain(tls).map(Trouble::Way).collect()
}

fn faults(stage: Stage) -> impl Iterator<Item = Trouble> {
    Fault::menu().into_iter().filter(move |fault| fault.stage() == stage).map(Trouble::Fault)
}

/// The table that a fault stands in, by its stage.
fn title(stage: Stage) -> &'static str {
    match stage {
        Stage::BeforeContent => {
            "Before the first content: a chain of a faulty and a healthy target"
        }
        Stage::AfterContent => "After the first content: complete, or one honest error",
        Stage::CallersOwn => "The caller's own faults: told once, or another target can do it",
    }
}

/// Runs every cell of these rows.
async fn cells(rows: Vec<Trouble>) -> Vec<Cell> {
    let room = Arc::new(Semaphore::new(TOGETHER));
    let mut running = JoinSet::new();
    let mut places = 0..;
    for row in rows {
        let before = running.len();
        for dialect in Dialect::ALL {
            let pairs = Pairing::ALL.into_iter().filter(|pairing| pairing.is_there(dialect));
            let ways = pairs.flat_map(|it| Asked::ALL.map(|asked| (it, asked)));
            for (pairing, asked) in ways {
                if row.applies_to(dialect, asked.upstream()) {
                    let (row, room, place) = (row.clone(), Arc::clone(&room), places.next());
                    running.spawn(async move {
                        let _room = room.acquire().await.expect("never closed");
                        (place, Cell::run(row, dialect, pairing, asked).await)
                    });
                }
            }
        }
        assert!(before < running.len(), "a row without cells: {}", row.name());
    }
    let mut cells = running.join_all().await;
    cells.sort_by_key(|(place, _)| *place);
    cells.into_iter().map(|(_, cell)| cell).collect()
}

#[expect(clippy::print_stdout, reason = "the table is what this is for")]
fn print(title: &str, cells: &[Cell]) {
    println!("\n{title}\n\n{}", Cell::HEADER);
    for cell in cells {
        println!("{cell}");
    }
    let (served, all) = (cells.iter().filter(|cell| cell.is_served()).count(), cells.len());
    println!("\n{all} cells, {served} answered in full");
}

/// Prints a table and fails with everything that is wrong in it.
fn judge(title: &str, cells: &[Cell]) {
    print(title, cells);
    let wrong: Vec<String> = cells.iter().filter_map(Cell::wrong).collect();
    assert!(wrong.is_empty(), "{} cells are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test]
async fn before_content_every_failure_is_hidden() {
    let rows = faults(Stage::BeforeContent).chain(ways()).collect();
    let cells = cells(rows).await;
    judge(title(Stage::BeforeContent), &cells);
    let visible = cells.iter().filter(|cell| !cell.is_served()).count();
    assert_eq!(visible, 0, "failures were seen although a healthy target was there");
    let mut decisions: Vec<Duration> = cells.iter().filter_map(Cell::decision).collect();
    decisions.sort();
    let (median, max) = (decisions[decisions.len() / 2], decisions[decisions.len() - 1]);
    print_decisions(decisions.len(), median, max);
    assert!(median <= DECISION, "a decision takes {median:?}");
}

#[expect(clippy::print_stdout, reason = "the table is what this is for")]
fn print_decisions(count: usize, median: Duration, max: Duration) {
    println!("{count} decisions: median {median:?}, longest {max:?}");
}

#[tokio::test]
async fn after_content_every_end_is_honest() {
    let cells = cells(faults(Stage::AfterContent).collect()).await;
    judge(title(Stage::AfterContent), &cells);
}

#[tokio::test]
async fn the_callers_own_faults_are_told_once() {
    let cells = cells(faults(Stage::CallersOwn).collect()).await;
    judge(title(Stage::CallersOwn), &cells);
}

#[test]
fn every_fault_stands_in_one_table() {
    let stages = [Stage::BeforeContent, Stage::AfterContent, Stage::CallersOwn];
    let rows: usize = stages.into_iter().map(|stage| faults(stage).count()).sum();
    assert_eq!(rows, Fault::menu().len());
}
