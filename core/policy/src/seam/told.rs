//! The text that was delivered, and which end of it is unmistakable.

use super::clusters::{Cluster, Clusters, spell};
use super::gap::is_break;
use super::preamble::{FENCES, is_fenced, is_mark, is_nested};
use unicode_normalization::char::canonical_combining_class;
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
/// What ends a sentence, or a part of it, in other letters than those of ASCII.
const WIDE_ENDS: [char; 16] =
    ['。', '！', '？', '：', '；', '…', '—', '–', '।', '؟', '۔', '）', '】', '》', '•', '·'];
/// What ends no text: something is to follow.
const OPENERS: &str = ",:-–—([{</\\„«‹&+=#@，、：；،؛（「『【《〈〔［｛→⇒";
/// Marks of which the second is another than the first.
const PAIRS: [(char, char); 5] = [('“', '”'), ('„', '“'), ('„', '”'), ('«', '»'), ('»', '«')];
/// Of a line so much is looked at.
const LINE_BYTES_MAX: usize = 4096;
/// How far back a word is looked for to begin with.
const WORD_MAX: usize = 20;
/// An end that says the same this often may go on saying it: nobody could tell how often it was said.
const TURNS: usize = 3;

/// So much of an end that occurs elsewhere shows that the text repeats itself.
const CONTEXT_MIN: usize = 8;

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
    /// It may be over where it stops.
    may_end: bool,
    /// It stops inside a block of code.
    pub(super) fenced: bool,
    pub(super) end: Option<End>,
    ends: Ends,
}

/// How often the ends of the text occur in it.
#[derive(Debug, Default)]
struct Ends {
    /// The longest end that occurs elsewhere.
    elsewhere: usize,
    /// It ends with the same turn, over and over.
    turns: bool,
    /// Occurrences of ends, long enough to count: from their first cluster to behind their last one, in
    /// the order of the text; those that touch are one.
    places: Vec<(usize, usize)>,
}

/// An end of the text that occurs nowhere else in it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct End {
    /// The cluster that the anchor begins with.
    pub(super) start: usize,
    /// The fewest clusters of the end that are unmistakable, though shorter than the anchor.
    pub(super) overlap: usize,
    /// The anchor begins within a line and a sentence. Whoever says it right behind something else was
    /// asked to: a text that says it once more says what stands before it, too.
    pub(super) within: bool,
}

/// The text that was delivered, without the white space at its end.
struct Core<'a> {
    text: &'a str,
    clusters: &'a Clusters,
    /// Where each cluster begins in the text.
    starts: &'a [usize],
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
    let ends = Ends::of(&clusters, core.len() == told.len());
    let end = End::find(&Core { text: core, clusters: &clusters, starts: &starts }, &ends)?;
    core.get(*starts.get(end.start)?..)
}

/// Whether a target is recognised that says all of this again, instead of going on with a turn of its
/// own.
pub(crate) fn is_followed(told: &str) -> bool {
    TOLD_MIN <= Clusters::read(told.trim_end()).0.len()
}

// === impl Told ===

impl Told {
    pub(super) fn new(told: &str, half: Option<u16>, over: bool) -> Self {
        let core = told.trim_end();
        let (clusters, starts) = Clusters::read(core);
        let open = core.len() == told.len();
        let word = core.len().saturating_sub(WORD_BYTES_MAX)..core.len();
        let word = word.clone().find_map(|at| core.get(at..)).unwrap_or_default();
        let ends = Ends::of(&clusters, open);
        let trailing = told.get(core.len()..).unwrap_or_default();
        let fenced = is_fenced(core);
        Self {
            open,
            last: starts.last().and_then(|at| core.get(*at..)).unwrap_or_default().to_owned(),
            word: word.to_owned(),
            trailing: trailing.to_owned(),
            half,
            may_end: over || !(opens(core) || fenced && is_nested(core) || numbers(core, trailing)),
            fenced,
            end: End::find(&Core { text: core, clusters: &clusters, starts: &starts }, &ends),
            ends,
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

    /// Whether a continuation that follows the text from this cluster to its end may as well have
    /// repeated less, or nothing, and say the same once more: the text did so before.
    pub(super) fn may_recur(&self, from: usize) -> bool {
        self.ends.hold(from)
    }

    /// Whether its beginning is enough to be known by, and occurs nowhere else in it.
    pub(super) fn begins_once(&self) -> bool {
        let same = |from: usize, at: usize| self.clusters.get(from + at) == self.clusters.get(at);
        let again = |from: usize| (0..TOLD_MIN).all(|at| same(from, at));
        TOLD_MIN <= self.len() && !(1..=self.len() - TOLD_MIN).any(again)
    }

    /// Whether a text may be over where this one stops. Behind a letter nobody knows: it may be half a word,
    /// and half a list.
    pub(super) fn may_end(&self) -> bool {
        self.may_end
    }

    /// Whether the letter, right behind the last one before the white space, would be of one word with it.
    pub(super) fn is_word_with(&self, letter: char) -> bool {
        let mut both = self.word.clone();
        both.push(letter);
        both.split_word_bound_indices().next_back().is_some_and(|(at, _)| at < self.word.len())
    }
}

// === impl Ends ===

impl Ends {
    /// The text is read from its end backwards. At each cluster the longest end of the text that ends
    /// there is found by the Z algorithm (Gusfield 1997, 1.4).
    fn of(clusters: &Clusters, open: bool) -> Self {
        let count = clusters.len();
        let last = clusters.get(count.saturating_sub(1));
        // The last cluster may be half of one: so whatever may complete it is taken for the same.
        let backwards = |at: usize| {
            let cluster = clusters.get((count - 1).saturating_sub(at));
            if open && begin_alike(cluster, last) { last } else { cluster }
        };
        let lengths = recurrences(count, |one, other| backwards(one) == backwards(other));
        let mut ends = Self::default();
        for (back, length) in lengths.into_iter().enumerate().skip(1) {
            ends.elsewhere = ends.elsewhere.max(length);
            ends.turns |= TOLD_MIN.max(TURNS * back) <= back + length;
            if length >= CONTEXT_MIN {
                // White space behind it is no beginning of a continuation.
                let end = count - back;
                ends.push(end - length, end + usize::from(clusters.is_white(end)));
            }
        }
        ends.places.reverse();
        ends
    }

    /// One that begins before those that are known, or within the first of them.
    fn push(&mut self, start: usize, end: usize) {
        match self.places.last_mut() {
            Some((first, _)) if *first <= end => *first = start.min(*first),
            Some(_) | None => self.places.push((start, end)),
        }
    }

    /// Whether one of them begins at this cluster or before, and ends at it or behind.
    fn hold(&self, at: usize) -> bool {
        let next = self.places.partition_point(|(start, _)| *start <= at);
        let place = next.checked_sub(1).and_then(|place| self.places.get(place));
        place.is_some_and(|(_, end)| at <= *end)
    }
}

// === impl End ===

impl End {
    fn find(core: &Core<'_>, ends: &Ends) -> Option<Self> {
        let count = core.clusters.len();
        if count < TOLD_MIN || ends.turns {
            return None;
        }
        let overlap = OVERLAP_MIN.max(ends.elsewhere + SPARE);
        let length = ANCHOR_MIN.min(count).max(overlap);
        let start = count.checked_sub(length)?;
        let last = count.saturating_sub(overlap.max(TOLD_MIN));
        let start = core.beginning(ends, start, last)?;
        let bytes = core.clusters.bytes_from(start);
        let fits = count - start <= ANCHOR_MAX && bytes <= ANCHOR_BYTES_MAX;
        fits.then(|| Self { start, overlap, within: core.is_within(start) })
    }
}

// === impl Core ===

impl Core<'_> {
    /// A place for the anchor to begin at: a word within a line and a sentence, shortly before this place,
    /// or behind it up to the last; else any word there; else, where there are no words, whatever is neither
    /// white space nor directly behind a quotation mark, which would look like one around the anchor.
    /// Where the text may recur, none can begin.
    fn beginning(&self, ends: &Ends, start: usize, last: usize) -> Option<usize> {
        let clusters = self.clusters;
        let fits = |at: &usize| !ends.hold(*at) && !clusters.is_white(*at);
        let begins = |at: &usize| *at == 0 || clusters.is_white(at.saturating_sub(1));
        let word = |at: &usize| fits(at) && begins(at);
        let within = |at: &usize| word(at) && self.is_within(*at);
        let marked = |at: usize| clusters.get(at.saturating_sub(1)).chars().all(is_mark);
        let plain = |at: &usize| fits(at) && (*at == 0 || !marked(*at));
        let near = || (start.saturating_sub(WORD_MAX)..=start).rev();
        let found = near().find(within).or_else(|| (start..=last).find(within));
        let letter = |at: &usize| plain(at) && self.is_within(*at);
        let words = near().any(|at| clusters.is_white(at));
        let found = found.or_else(|| if words { near().find(word) } else { near().find(letter) });
        let found = found.or_else(|| near().find(plain)).or_else(|| (start..=last).find(word));
        found.or_else(|| (0..=start).rev().find(plain))
    }

    /// Whether the cluster continues a line, and what stands before it ends nothing.
    fn is_within(&self, at: usize) -> bool {
        let before = self.starts.get(at).and_then(|end| self.text.get(..*end)).unwrap_or_default();
        let bare = before.trim_end();
        let same_line = !before.get(bare.len()..).is_some_and(|white| white.contains(is_break));
        let Some(last) = bare.chars().next_back() else { return false };
        let ends = if last.is_ascii() {
            last.is_ascii_punctuation() && last != ','
        } else {
            WIDE_ENDS.contains(&last) || is_mark(last)
        };
        same_line && !ends
    }
}

/// The last line of a text.
fn last_line(core: &str) -> &str {
    let line = core.rsplit(is_break).next().unwrap_or_default();
    let from = line.floor_char_boundary(line.len().saturating_sub(LINE_BYTES_MAX));
    line.get(from..).unwrap_or_default()
}

/// Whether the number of an item stands alone in the last line, and white space behind it.
fn numbers(core: &str, trailing: &str) -> bool {
    let number = last_line(core).trim_start().strip_suffix(['.', ')']).unwrap_or_default();
    let digits = !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit());
    digits && !trailing.is_empty() && !trailing.contains(is_break)
}

/// Whether something is to follow the last letter of a text. A mark that is the second of two says more
/// than what stands before it.
fn opens(core: &str) -> bool {
    let line = last_line(core);
    let Some(last) = line.chars().next_back() else { return false };
    if !is_mark(last) && last != '$' {
        let arrow = line.ends_with("=>") || line.ends_with("->") && !line.ends_with("-->");
        return arrow || OPENERS.contains(last) || last.is_alphanumeric();
    }
    let bare = line.trim_end_matches(last);
    let marks = line.get(bare.len()..).unwrap_or_default();
    if FENCES.contains(&last) && 3 <= marks.len() {
        // Blocks are counted.
        return false;
    }
    let times = |mark| bare.matches::<char>(mark).count();
    let mut pairs = PAIRS.iter().filter(|(_, second)| *second == last).peekable();
    let closes = match pairs.peek() {
        Some(_) => pairs.any(|(first, _)| times(last) < times(*first)),
        // It stands within words, too.
        None if last == '\'' => false,
        None => bare.matches(marks).count() % 2 == 1,
    };
    let before = bare.chars().next_back();
    if closes {
        return matches!(before, Some(':' | '：'));
    }
    let open = |before: char| before.is_whitespace() || OPENERS.contains(before);
    OPENERS.contains(last) || before.is_none_or(open)
}

/// Whether two clusters have the same letter at their beginning; marks that have none are alike, in
/// whatever order they are spelled.
fn begin_alike(one: &str, other: &str) -> bool {
    let bare = |text: &str| text.starts_with(|letter| canonical_combining_class(letter) > 0);
    one.chars().next() == other.chars().next() || (bare(one) && bare(other))
}

/// For each place of a sequence, how much from there on is the same as its beginning; 0 at its beginning
/// itself.
fn recurrences(length: usize, same: impl Fn(usize, usize) -> bool) -> Vec<usize> {
    let mut lengths: Vec<usize> = Vec::with_capacity(length);
    let (mut start, mut end) = (0, 0);
    for at in 0..length {
        let known = lengths.get(at - start).filter(|_| start < at && at < end);
        let mut count = known.map_or(0, |known| (*known).min(end - at));
        while 0 < at && at + count < length && same(count, at + count) {
            count += 1;
        }
        if end < at + count {
            (start, end) = (at, at + count);
        }
        lengths.push(count);
    }
    lengths
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
