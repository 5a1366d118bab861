//! The sixteen scenarios of `FailoverBench` (<https://github.com/failoverbench/failoverbench>), rebuilt
//! here: on shipped defaults, in every dialect and shape, in virtual time.
//!
//! A configuration has its providers and a chain, and nothing else. What a scenario asks for and what
//! is good conduct in it stands in `scenario`; how it is judged, in `verdict`.

#[cfg(test)]
mod outage;
#[cfg(test)]
mod scenario;
#[cfg(test)]
mod verdict;

use ir::{Dialect, Shape};
use parking_lot::Mutex;
use scenario::{SCENARIOS, Scenario};
use std::sync::atomic::{AtomicUsize, Ordering};
use verdict::{Cell, Grade};

/// Plays every scenario in every dialect and shape, two at a time: a world has one thread.
fn cells() -> Vec<Cell> {
    let rows = SCENARIOS.iter().flat_map(|scenario| {
        Dialect::ALL.into_iter().flat_map(move |dialect| {
            Shape::ALL.into_iter().map(move |shape| (scenario, dialect, shape))
        })
    });
    let rows: Vec<(&Scenario, Dialect, Shape)> = rows.collect();
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((scenario, dialect, shape)) =
                    rows.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    let cell = scenario.play(*dialect, *shape);
                    done.lock().push(cell);
                }
            });
        }
    });
    let mut cells = done.into_inner();
    cells.sort_by_key(|cell| (cell.scenario.id, cell.dialect, cell.shape));
    cells
}

#[test]
#[expect(clippy::print_stdout, reason = "the table is what it is run for: -- --nocapture")]
fn sixteen_scenarios_on_shipped_defaults() {
    let cells = cells();
    assert_eq!(cells.len(), 16 * Dialect::ALL.len() * Shape::ALL.len());
    let table: Vec<String> = cells.iter().map(Cell::to_string).collect();
    let table = table.join("\n");
    println!("{table}");
    let mut wrong = Vec::new();
    for cell in &cells {
        if cell.grade != Grade::Pass {
            wrong.push(format!("does not pass: {cell}"));
        }
    }
    assert!(wrong.is_empty(), "{}\n\n{table}", wrong.join("\n"));
}
