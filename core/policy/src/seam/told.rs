//! The text that was delivered, and which end of it is unmistakable.

use super::clusters::{Cluster, Clusters, spell};
use super::preamble::is_mark;
use super::search::ANEW_MIN;
use unicode_segmentation::UnicodeSegmentation;

/// Longer texts are not looked at: their clusters are held in memory while they are followed.
pub const TOLD_MAX: usize = 256 * 1024;

/// Fewer clusters are no evidence of anything.
pub(super) const TOLD_MIN: usize = 24;
/// What an end is worth that nobody asked to repeat.
pub(super) const OVERLAP_MIN: usize = 16;

/// About a line: models repeat that much faithfully, and it seldom occurs twice.
const ANCHOR_MIN: usize = 40;
const ANCHOR_MAX: usize = 400;
const ANCHOR_BYTES_MAX: usize = 4096;
/// How much longer than what occurs elsewhere an end must be to be told apart from it.
const SPARE: usize = 8;
/// How far back a word is looked for to begin with.
const WORD_MAX: usize = 20;
/// An end that says the same this often may go on saying it: nobody could tell how often it was said.
const TURNS: usize = 3;

/// As much of its end as tells whether a word goes on.
const WORD_BYTES_MAX: usize = 64;

/// The text that was delivered.
#[derive(Debug)]
pub(super) struct Told {
    /// Without white space at either end.
    pub(super) clusters: Clusters,
    /// Whether it was cut right behind its last cluster, which may be half of one.
    open: bool,
    /// The last cluster as it was delivered.
    last: String,
    /// As it was delivered, some of the end before the white space.
    word: String,
    /// The white space that it ends with.
    pub(super) trailing: String,
    /// The first half of a surrogate pair that it ends with.
    pub(super) half: Option<u16>,
    pub(super) end: Option<End>,
}

/// An end of the text that occurs nowhere else in it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct End {
    /// The cluster that the anchor begins with.
    pub(super) start: usize,
    /// The fewest clusters of the end that are unmistakable, though shorter than the anchor.
    pub(super) overlap: usize,
}

/// What to quote as the end of the delivered text, to be repeated verbatim.
///
/// It is about a line long, begins with a word where there are words, and occurs nowhere else in the
/// text. `None` where no end is unmistakable: the text is too short or too long, or its end says the same
/// over and over. Then only a restart or a prefill can be joined.
pub fn anchor(told: &str) -> Option<&str> {
    if told.len() > TOLD_MAX {
        return None;
    }
    let core = told.trim_end();
    let (clusters, starts) = Clusters::read(core);
    let end = End::find(&clusters, core.len() == told.len())?;
    core.get(*starts.get(end.start)?..)
}

/// Whether a target is recognised that says all of this again, instead of going on with a turn of its
/// own.
pub(crate) fn is_followed(told: &str) -> bool {
    ANEW_MIN <= Clusters::read(told.trim_end()).0.len()
}

// === impl Told ===

impl Told {
    pub(super) fn new(told: &str, half: Option<u16>) -> Self {
        let core = told.trim_end();
        let (clusters, starts) = Clusters::read(core);
        let open = core.len() == told.len();
        let word = core.len().saturating_sub(WORD_BYTES_MAX)..core.len();
        let word = word.clone().find_map(|at| core.get(at..)).unwrap_or_default();
        Self {
            open,
            last: starts.last().and_then(|at| core.get(*at..)).unwrap_or_default().to_owned(),
            word: word.to_owned(),
            trailing: told.get(core.len()..).unwrap_or_default().to_owned(),
            half,
            end: End::find(&clusters, open),
            clusters,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.clusters.len()
    }

    /// Whether the cluster is the one that was delivered in this place, or completes it.
    pub(super) fn fits(&self, at: usize, cluster: Cluster<'_>) -> bool {
        if at >= self.len() {
            return false;
        }
        let own = self.clusters.get(at);
        let grown = || {
            // Marks that were not delivered may be spelled before those that were.
            let more = cluster.raw.starts_with(&self.last) && begin_alike(cluster.spelled, own);
            more || cluster.spelled.starts_with(own)
        };
        cluster.spelled == own || (self.open && at + 1 == self.len() && grown())
    }

    /// What of the cluster that fits in the last place was not delivered. It is the cluster's own bytes,
    /// or its decomposition where one character stands for what was delivered and for what was not.
    pub(super) fn rest(&self, cluster: Cluster<'_>) -> String {
        let own = self.clusters.get(self.len().saturating_sub(1));
        if cluster.spelled == own {
            return String::new();
        }
        if let Some(rest) = cluster.raw.strip_prefix(&self.last) {
            return rest.to_owned();
        }
        let mut spelled = String::new();
        for (at, _) in cluster.raw.char_indices().skip(1) {
            let (delivered, rest) = cluster.raw.split_at(at);
            spelled.clear();
            spell(delivered, &mut spelled);
            if spelled == own {
                return rest.to_owned();
            }
        }
        cluster.spelled.strip_prefix(own).unwrap_or_default().to_owned()
    }

    /// Whether the text stops within words, where no line ends by itself.
    pub(super) fn stops_in_words(&self) -> bool {
        self.word.ends_with(char::is_alphanumeric)
    }

    /// Whether the letter, right behind the last one before the white space, would be of one word with it.
    pub(super) fn is_word_with(&self, letter: char) -> bool {
        let mut both = self.word.clone();
        both.push(letter);
        both.split_word_bound_indices().next_back().is_some_and(|(at, _)| at < self.word.len())
    }
}

// === impl End ===

impl End {
    /// The text is read from its end backwards; what of its end occurs elsewhere is found by the
    /// algorithm of Knuth, Morris and Pratt, with the end as the pattern.
    fn find(clusters: &Clusters, open: bool) -> Option<Self> {
        let count = clusters.len();
        if count < TOLD_MIN {
            return None;
        }
        let last = clusters.get(count - 1);
        // The last cluster may be half of one: so whatever may complete it is taken for the same.
        let backwards = |at: usize| {
            let cluster = clusters.get((count - 1).saturating_sub(at));
            if open && begin_alike(cluster, last) { last } else { cluster }
        };
        let depth = count.min(ANCHOR_MAX);
        let borders = borders(depth, |one, other| backwards(one) == backwards(other));
        let mut turning = borders.iter().enumerate().map(|(at, border)| (at + 1, at + 1 - border));
        if turning.any(|(length, period)| length >= TOLD_MIN && length >= TURNS * period) {
            return None;
        }
        let (mut elsewhere, mut matched) = (0, 0);
        for at in 1..count {
            matched = advance(&borders, matched, |place| backwards(place) == backwards(at));
            elsewhere = elsewhere.max(matched);
            if elsewhere == depth {
                return None;
            }
        }
        let length = ANCHOR_MIN.min(count).max(elsewhere + SPARE);
        let start = count.checked_sub(length).filter(|_| length <= ANCHOR_MAX)?;
        let start = beginning(clusters, start);
        let overlap = OVERLAP_MIN.max(elsewhere + SPARE);
        (clusters.bytes_from(start) <= ANCHOR_BYTES_MAX).then_some(Self { start, overlap })
    }
}

fn begin_alike(one: &str, other: &str) -> bool {
    one.chars().next() == other.chars().next()
}

/// A place at or shortly before this one where a word begins; else any that is neither white space
/// nor directly behind a quotation mark, which would look like one around the anchor.
fn beginning(clusters: &Clusters, start: usize) -> usize {
    let begins = |at: &usize| *at == 0 || clusters.is_white(at.saturating_sub(1));
    let near = start.saturating_sub(WORD_MAX)..=start;
    let word = near.rev().find(|at| begins(at) && !clusters.is_white(*at));
    let marked = |at: usize| clusters.get(at.saturating_sub(1)).chars().all(is_mark);
    let mut before = (0..=start).rev();
    let plain = || before.find(|at| *at == 0 || !(clusters.is_white(*at) || marked(*at)));
    word.or_else(plain).unwrap_or(start)
}

/// For each beginning of a pattern, how long its longest other end is that is a beginning too.
pub(super) fn borders(length: usize, same: impl Fn(usize, usize) -> bool) -> Vec<usize> {
    let mut borders = Vec::with_capacity(length);
    let mut matched = 0;
    for at in 0..length {
        if at > 0 {
            matched = advance(&borders, matched, |place| same(place, at));
        }
        borders.push(matched);
    }
    borders
}

/// How much of the pattern is matched when one more came, of which is known where it would fit.
pub(super) fn advance(
    borders: &[usize],
    mut matched: usize,
    fits: impl Fn(usize) -> bool,
) -> usize {
    loop {
        if fits(matched) {
            return matched + 1;
        }
        let Some(shorter) = matched.checked_sub(1).and_then(|at| borders.get(at)) else { return 0 };
        matched = *shorter;
    }
}
