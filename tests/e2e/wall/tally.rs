//! What the wall comes to.

use super::Pair;
use super::cell::{Cell, Got};
use super::rows::ROWS;
use drill::provider::Stage;
use std::collections::BTreeMap;
use std::time::Duration;

/// Counts of all cells.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pairs: BTreeMap<Pair, Count>,
    chains: BTreeMap<String, Count>,
    rows: BTreeMap<usize, Count>,
    ways: BTreeMap<&'static str, usize>,
    all: Count,
    delays: Vec<Duration>,
    wrong: Vec<String>,
    lost: Vec<String>,
}

/// Counts of some of them.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    cells: usize,
    whole: usize,
    /// That were cut after something of them was seen.
    cut: usize,
    mended: usize,
    /// Those of them that somebody should have gone on with, and how many of them somebody did.
    hopeful: usize,
    rescued: usize,
    /// Those that were cut a third time.
    thrice: usize,
    /// Failures that were seen though nothing had been.
    visible: usize,
}

// === impl Tally ===

impl Tally {
    pub(super) fn count(&mut self, cell: &Cell) {
        let mut counts = vec![&mut self.all, self.pairs.entry(cell.pair).or_default()];
        if let Some(chain) = &cell.place.chain {
            counts.push(self.chains.entry(chain.name()).or_default());
        }
        for count in counts {
            count.add(cell);
        }
        for row in cell.place.trouble.rows() {
            self.rows.entry(*row).or_default().add(cell);
        }
        for way in cell.ways() {
            *self.ways.entry(way).or_default() += 1;
        }
        self.wrong.extend(cell.wrong());
        if cell.was_cut() && cell.is_hopeful() && cell.got() != Got::Whole {
            self.lost.push(cell.to_string());
        }
    }

    /// Takes only its time.
    pub(super) fn time(&mut self, cell: &Cell) {
        self.delays.extend(cell.delay());
    }

    /// Prints it, and fails with everything that is wrong.
    #[expect(clippy::print_stdout, reason = "the table is what this is for")]
    pub(super) fn judge(mut self) {
        println!("\n{:38} {}", "fault", Count::HEADER);
        for (row, count) in &self.rows {
            println!("{row:2} {:35} {count}", ROWS[row - 1]);
        }
        println!("\n{:38} {}", "asked → served in", Count::HEADER);
        for (pair, count) in &self.pairs {
            println!("{:38} {count}", pair.to_string());
        }
        println!("\n{:38} {}", "behind it", Count::HEADER);
        for (chain, count) in &self.chains {
            println!("{chain:38} {count}");
        }
        println!("\n{:38} {}\n", "all", self.all);
        for (way, count) in &self.ways {
            println!("gone on with by {way:8} {count:5} times");
        }
        self.delays.sort();
        let part = |share: usize| self.delays[(self.delays.len() - 1) * share / 100];
        let (median, late) = (part(50), part(99));
        println!("\ncut to continued, {} of them: {median:?}, p99 {late:?}", self.delays.len());
        println!("{} were to be gone on with, and were not", self.lost.len());
        self.lost.iter().for_each(|cell| println!("  {cell}"));
        println!("{} have lost, doubled or wrong letters, calls or ends", self.wrong.len());
        let wrong = &self.wrong;
        assert!(wrong.is_empty(), "{} cells are wrong:\n{}", wrong.len(), wrong.join("\n"));
        assert_eq!(self.all.visible, 0, "failures were seen although nothing had been");
        let Count { hopeful, rescued, .. } = self.all;
        assert!(0 < hopeful, "nothing was cut");
        assert!(99 * hopeful <= 100 * rescued, "{rescued} of {hopeful} were gone on with");
    }
}

// === impl Count ===

impl Count {
    const HEADER: &str = " cells   whole     cut  mended  hoped  rescued  thrice  visible";

    fn add(&mut self, cell: &Cell) {
        let whole = cell.got() == Got::Whole;
        self.cells += 1;
        self.whole += usize::from(whole);
        self.cut += usize::from(cell.was_cut());
        self.mended += usize::from(cell.was_cut() && whole);
        let hopeful = cell.was_cut() && cell.is_hopeful();
        self.hopeful += usize::from(hopeful);
        self.rescued += usize::from(hopeful && whole);
        self.thrice += usize::from(cell.was_cut_thrice());
        let early = cell.place.trouble.stage() == Stage::BeforeContent;
        self.visible += usize::from(early && !whole);
    }
}

impl std::fmt::Display for Count {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { cells, whole, cut, mended, hopeful, rescued, thrice, visible } = self;
        write!(
            f,
            "{cells:6} {whole:7} {cut:7} {mended:7} {hopeful:6} {rescued:8} {thrice:7} {visible:8}"
        )
    }
}
