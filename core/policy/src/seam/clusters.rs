//! Text as it is compared: by grapheme clusters (UAX 29), each in its canonical decomposition (NFD,
//! UAX 15), a run of white space as one.
//!
//! **Invariant:** the clusters of a text are the same however it comes in; one is only read when it
//! can no longer grow.

use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

/// Every run of white space.
const WHITE: &str = " ";

/// Longer ones are no characters. Each piece reads the last cluster anew, which this keeps cheap; the
/// longest emoji in use have 41 bytes.
const CLUSTER_BYTES_MAX: usize = 256;

/// The clusters of a text.
#[derive(Debug, Default)]
pub(super) struct Clusters {
    spelled: String,
    ends: Vec<usize>,
}

/// One of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cluster<'a> {
    /// As it came.
    pub(super) raw: &'a str,
    /// As it is compared.
    pub(super) spelled: &'a str,
    /// Where it begins in the text.
    pub(super) start: usize,
}

/// Reads clusters out of a text that grows.
#[derive(Debug)]
pub(super) struct Reader {
    /// What is read so far.
    pub(super) read: usize,
    /// More is not read.
    pub(super) limit: usize,
    /// Whether the last one was white space: more of it is no cluster of its own.
    in_white: bool,
    spelled: String,
}

/// What a reader finds.
#[derive(Debug)]
pub(super) enum Found<'a> {
    Cluster(Cluster<'a>),
    /// What there is may still grow.
    Nothing,
    /// A cluster that has outgrown every limit.
    Endless,
    /// The limit of the reader.
    Beyond,
}

/// What a cluster is compared by.
pub(super) fn spell(raw: &str, into: &mut String) {
    if raw.chars().all(char::is_whitespace) {
        into.push_str(WHITE);
    } else if raw.is_ascii() {
        into.push_str(raw);
    } else {
        into.extend(raw.nfd());
    }
}

/// The first cluster. White space never ends one, as it does by UAX 29 behind a few Arabic signs:
/// else a text would have other clusters when the white space at its end is taken away.
fn first(text: &str) -> Option<&str> {
    let cluster = text.graphemes(true).next()?;
    let mut letters = cluster.char_indices().skip(1);
    match letters.find(|(_, letter)| letter.is_whitespace()) {
        Some((at, _)) if !cluster.starts_with(char::is_whitespace) => cluster.get(..at),
        Some(_) | None => Some(cluster),
    }
}

// === impl Clusters ===

impl Clusters {
    /// Those of a whole text, with where each begins. White space at its beginning is left out.
    pub(super) fn read(text: &str) -> (Self, Vec<usize>) {
        let (mut clusters, mut starts, mut reader) =
            (Self::default(), Vec::new(), Reader::new(usize::MAX));
        while let Found::Cluster(cluster) = reader.next_of_any_length(text) {
            if !(clusters.is_empty() && cluster.is_white()) {
                clusters.push(cluster.spelled);
                starts.push(cluster.start);
            }
        }
        (clusters, starts)
    }

    pub(super) fn push(&mut self, spelled: &str) {
        self.spelled.push_str(spelled);
        self.ends.push(self.spelled.len());
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// How it is spelled; nothing is spelled beyond the end.
    pub(super) fn get(&self, at: usize) -> &str {
        let start = at.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied());
        let end = self.ends.get(at).copied();
        start.zip(end).and_then(|(start, end)| self.spelled.get(start..end)).unwrap_or_default()
    }

    pub(super) fn is_white(&self, at: usize) -> bool {
        self.get(at) == WHITE
    }

    /// How long those from here on are, spelled out.
    pub(super) fn bytes_from(&self, at: usize) -> usize {
        let start = at.checked_sub(1).and_then(|before| self.ends.get(before).copied());
        self.spelled.len().saturating_sub(start.unwrap_or(0))
    }
}

// === impl Cluster ===

impl Cluster<'_> {
    pub(super) fn is_white(&self) -> bool {
        self.spelled == WHITE
    }

    /// Where the text goes on.
    pub(super) fn end(&self) -> usize {
        self.start + self.raw.len()
    }
}

// === impl Reader ===

impl Reader {
    pub(super) fn new(limit: usize) -> Self {
        Self { read: 0, limit, in_white: false, spelled: String::new() }
    }

    /// The next cluster of a text of which more may come, unless it is `whole`.
    pub(super) fn next<'a>(&'a mut self, text: &'a str, whole: bool) -> Found<'a> {
        loop {
            let rest = text.get(self.read..).unwrap_or_default();
            let Some(raw) = first(rest) else { return Found::Nothing };
            if raw.len() > CLUSTER_BYTES_MAX {
                return Found::Endless;
            }
            if raw.len() == rest.len() && !whole {
                return Found::Nothing;
            }
            let begins = self.step(raw);
            if self.read > self.limit {
                return Found::Beyond;
            }
            if begins {
                let start = self.read - raw.len();
                return Found::Cluster(Cluster { raw, spelled: &self.spelled, start });
            }
        }
    }

    fn next_of_any_length<'a>(&'a mut self, text: &'a str) -> Found<'a> {
        while let Some(raw) = text.get(self.read..).and_then(first) {
            if self.step(raw) {
                let start = self.read - raw.len();
                return Found::Cluster(Cluster { raw, spelled: &self.spelled, start });
            }
        }
        Found::Nothing
    }

    /// Goes on behind it; false where it is more of the same white space.
    fn step(&mut self, raw: &str) -> bool {
        self.read += raw.len();
        self.spelled.clear();
        spell(raw, &mut self.spelled);
        let again = self.in_white && self.spelled == WHITE;
        self.in_white = self.spelled == WHITE;
        !again
    }
}
