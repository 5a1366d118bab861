//! The end of the delivered text, said once more right behind the joint: a word that was cut is begun anew,
//! or the last few words are.
//!
//! So little is no evidence where it may stand twice in a row: letters at the beginning of a word hardly do,
//! nor do four of whatever they are, unless the text says the same in turns ("0000", a row of a table).

use super::clusters::{Cluster, Clusters};
use super::told::Told;

/// What came behind the joint, as long as it says the end of the delivered text again.
#[derive(Debug, Default)]
pub(super) struct Echo {
    came: Clusters,
    /// White space stands before it.
    parted: bool,
    /// A whole word was said twice, if it ends here.
    word: bool,
}

/// More is found elsewhere, wherever it stands.
const ECHO_MAX: usize = 24;
/// So much of any kind is no chance.
const ECHO_MIN: usize = 4;

// === impl Echo ===

impl Echo {
    pub(super) fn new(told: &Told) -> Self {
        Self { parted: !told.trailing.is_empty(), ..Self::default() }
    }

    /// White space came before anything else.
    pub(super) fn part(&mut self) {
        self.parted = true;
    }

    /// Whether with this cluster the end was said again.
    pub(super) fn take(&mut self, told: &Told, cluster: Cluster<'_>) -> bool {
        let length = self.came.len() + 1;
        let ends = !cluster.spelled.starts_with(char::is_alphanumeric);
        if std::mem::take(&mut self.word) && ends {
            return true;
        }
        // Where half a character was delivered, the end is that.
        if ECHO_MAX < length || told.half.is_some() {
            return false;
        }
        let Some(start) = told.len().checked_sub(length) else { return false };
        let own = |at: usize| told.clusters.get(start + at);
        let same = (0..length - 1).all(|at| own(at) == self.came.get(at));
        let again = same && told.fits(told.len() - 1, cluster);
        self.came.push(cluster.spelled);
        if !again {
            return false;
        }
        let within = 0 < start && told.clusters.get(start - 1).starts_with(char::is_alphanumeric);
        if !within && (0..length).all(|at| is_letter(own(at))) {
            // Letters that are words by themselves are doubled often enough.
            let enough =
                1 < length || own(0).chars().any(|it| it.is_lowercase() || it.is_uppercase());
            if !self.parted && enough {
                return true;
            }
            self.word = 1 < length;
        }
        ECHO_MIN <= length && !is_usual(told, start)
    }
}

/// Whether the text says its end, from here on, in turns: it is made of turns itself, stands there twice, has
/// few letters, or is a cell of a row.
fn is_usual(told: &Told, start: usize) -> bool {
    let length = told.len() - start;
    let own = |at: usize| told.clusters.get(start + at);
    let turns = |period: usize| (period..length).all(|at| own(at) == own(at - period));
    let before = |at: usize| told.clusters.get(start - length + at);
    let twice = length <= start && (0..length).all(|at| own(at) == before(at));
    let mut letters: Vec<&str> = (0..length).map(own).filter(|it| !it.trim().is_empty()).collect();
    let mark = letters.last().copied().unwrap_or_default();
    letters.sort_unstable();
    letters.dedup();
    let ahead = (0..start).rev().map(|at| told.clusters.get(at)).find(|it| !it.trim().is_empty());
    let is_mark = |it: &str| !it.starts_with(char::is_alphanumeric);
    let mut near = (start.saturating_sub(ECHO_MAX)..start).map(|at| told.clusters.get(at));
    let opens = is_mark(own(0)) && near.any(|it| it == own(0));
    let cell = opens || is_mark(mark) && ahead == Some(mark);
    twice || cell || letters.len() < ECHO_MIN || (1..=length * 2 / 3).any(turns)
}

fn is_letter(cluster: &str) -> bool {
    cluster.starts_with(char::is_alphabetic)
}
