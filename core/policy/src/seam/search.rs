//! Where the continuation meets the end of the delivered text.
//!
//! Two kinds of evidence are followed side by side. **Followers** take the continuation for a repetition
//! of the delivered text from some place on: its beginning, where it begins anew; a place near its end,
//! where it overlaps. The **finder** looks for the anchor behind a preamble. A follower that comes to the
//! end has the whole continuation for its evidence and goes first.
//!
//! A text that repeats itself may be gone on with by what was said before. So neither counts where less
//! of it may have been repeated ([`Told::may_recur`]), nor from a target that goes on by itself: it has
//! nothing to repeat.

use super::clusters::{Cluster, Clusters};
use super::preamble::Preamble;
use super::told::{OVERLAP_MIN, TOLD_MIN, Told, advance, borders};
use super::{Join, why};
use std::ops::Range;

/// How many clusters may stand before the anchor.
pub(super) const PREAMBLE_MAX: usize = 240;
/// A target that goes on by itself and begins with this much of the end of the delivered text, or with
/// [`OVERLAP_MIN`] of its beginning, repeats it.
const AGAIN_MIN: usize = 4;
/// So many places are followed at once, so that what repeats itself costs no more than what does not.
const FOLLOWERS_MAX: usize = 16;

/// The search for the end of the delivered text.
#[derive(Debug)]
pub(super) struct Search {
    join: Join,
    /// Clusters that came, but for white space before the first.
    count: usize,
    followers: Vec<Follower>,
    /// The places to follow are known: it takes a beginning to find them.
    placed: bool,
    finder: Option<Finder>,
    /// What came, while it has no places yet.
    seen: Clusters,
    /// Where each cluster of what may be a preamble begins.
    starts: Vec<usize>,
}

/// Takes the continuation for the delivered text from one of its clusters on.
#[derive(Debug)]
struct Follower {
    from: usize,
    next: usize,
}

/// Looks for a part of the delivered text, by the algorithm of Knuth, Morris and Pratt.
#[derive(Debug)]
pub(super) struct Finder {
    /// The cluster of the delivered text that the part begins with.
    start: usize,
    borders: Vec<usize>,
    /// How many clusters of the part the last ones are.
    pub(super) matched: usize,
}

/// What a cluster tells.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Step {
    More,
    /// It is the last one of the delivered text.
    Met(Preamble),
    /// Nothing of the delivered text is repeated: all of it flows.
    Free,
    Lost(&'static str),
}

// === impl Search ===

impl Search {
    pub(super) fn new(told: &Told, join: Join) -> Self {
        let (followers, finder) = match join {
            Join::Restart => (vec![Follower { from: 0, next: 0 }], None),
            Join::Prefill => (Vec::new(), None),
            Join::Anchor => {
                (Vec::new(), told.end.map(|end| Finder::new(told, end.start..told.len())))
            }
        };
        Self {
            join,
            count: 0,
            followers,
            placed: join == Join::Restart,
            finder,
            seen: Clusters::default(),
            starts: Vec::new(),
        }
    }

    /// What is settled before anything came.
    pub(super) fn begin(&self, told: &Told) -> Step {
        match self.join {
            Join::Anchor if told.len() < TOLD_MIN => Step::Lost(why::SHORT),
            Join::Restart if told.len() == 0 => Step::Free,
            Join::Prefill if told.len() < AGAIN_MIN => Step::Free,
            Join::Anchor | Join::Restart | Join::Prefill => Step::More,
        }
    }

    /// The next cluster of the continuation; `text` is all of it while [`Search::looks_back`].
    pub(super) fn take(&mut self, told: &Told, cluster: Cluster<'_>, text: &str) -> Step {
        if self.count == 0 && cluster.is_white() {
            return Step::More;
        }
        self.count += 1;
        if !self.placed {
            self.seen.push(cluster.spelled);
        }
        if self.finder.is_some() {
            self.starts.push(cluster.start);
        }
        if self.placed {
            self.follow(told, cluster);
        } else {
            self.place(told, cluster);
        }
        match self.join {
            Join::Anchor => self.anchored(told, cluster, text),
            Join::Restart => self.restarted(told),
            Join::Prefill => self.prefilled(told),
        }
    }

    /// What it comes to if nothing follows.
    pub(super) fn end(&self) -> Step {
        if self.join == Join::Prefill { Step::Free } else { Step::Lost(why::ENDED) }
    }

    /// Whether what came may still be needed: as a preamble, or because it flows after all.
    pub(super) fn looks_back(&self) -> bool {
        match self.join {
            Join::Prefill => true,
            Join::Anchor => !self.placed || self.finder.is_some(),
            Join::Restart => false,
        }
    }

    fn anchored(&mut self, told: &Told, cluster: Cluster<'_>, text: &str) -> Step {
        if self.arrives(told) {
            return Step::Met(Preamble::default());
        }
        if let Some(step) = self.find(told, cluster, text) {
            return step;
        }
        let over = self.placed && self.finder.is_none() && self.followers.is_empty();
        if over { Step::Lost(why::APART) } else { Step::More }
    }

    fn restarted(&self, told: &Told) -> Step {
        match self.followers.first() {
            None => Step::Lost(why::OTHER),
            Some(it) if it.next == told.len() => Step::Met(Preamble::default()),
            Some(_) => Step::More,
        }
    }

    /// Nothing of what was delivered is to come again. If it does, it was repeated or is to be said
    /// twice, and nobody knows which.
    fn prefilled(&self, told: &Told) -> Step {
        let again =
            |it: &Follower| it.next == told.len() || (it.from == 0 && it.next >= OVERLAP_MIN);
        let many = self.count >= OVERLAP_MIN && self.followers.len() > FOLLOWERS_MAX;
        if many || self.followers.iter().any(again) {
            Step::Lost(why::AGAIN)
        } else if self.placed && self.followers.is_empty() {
            Step::Free
        } else {
            Step::More
        }
    }

    fn follow(&mut self, told: &Told, cluster: Cluster<'_>) {
        self.followers.retain_mut(|it| {
            let fits = told.fits(it.next, cluster);
            it.next += usize::from(fits);
            fits
        });
    }

    /// Finds where in the delivered text the beginning of the continuation stands, once there is enough
    /// of it.
    fn place(&mut self, told: &Told, cluster: Cluster<'_>) {
        let enough = if self.join == Join::Prefill { AGAIN_MIN } else { OVERLAP_MIN };
        if self.count < enough {
            return;
        }
        self.placed = true;
        let before = enough - 1;
        for from in 0..(told.len() + 1).saturating_sub(enough) {
            let same = |at: usize| told.clusters.get(from + at) == self.seen.get(at);
            if !(0..before).all(same) || !told.fits(from + before, cluster) {
                continue;
            }
            if self.join == Join::Anchor && self.followers.len() == FOLLOWERS_MAX {
                // The beginning stays, and the places nearest to the end.
                self.followers.remove(1);
            }
            self.followers.push(Follower { from, next: from + enough });
        }
    }

    /// Whether a follower comes to an end that is unmistakable.
    fn arrives(&mut self, told: &Told) -> bool {
        let Some(at) = self.followers.iter().position(|it| it.next == told.len()) else {
            return false;
        };
        let from = self.followers.swap_remove(at).from;
        let enough = told.end.map_or(from == 0, |end| told.len() - from >= end.overlap);
        enough && !told.may_recur(from)
    }

    /// What the finder says, where it says something.
    fn find(&mut self, told: &Told, cluster: Cluster<'_>, text: &str) -> Option<Step> {
        let finder = self.finder.as_mut()?;
        if finder.take(told, cluster) {
            let first = self.count - finder.len();
            return Some(self.judge(told, first, text));
        }
        if self.count - finder.matched > PREAMBLE_MAX {
            (self.finder, self.starts) = (None, Vec::new());
        }
        None
    }

    /// The anchor begins with this cluster: is what stands before it a preamble? Where the delivered text
    /// stands before it as it did there, or where a sentence begins with it, the answer itself may have come
    /// to say it once more.
    fn judge(&self, told: &Told, first: usize, text: &str) -> Step {
        let before = self.starts.get(first).and_then(|end| text.get(..*end)).unwrap_or_default();
        let Some(preamble) = Preamble::read(before, told.fenced) else {
            return Step::Lost(why::TALK);
        };
        let within = told.end.is_some_and(|end| end.within);
        if before.trim().is_empty() || within {
            Step::Met(preamble)
        } else {
            Step::Lost(why::AGAIN)
        }
    }
}

// === impl Finder ===

impl Finder {
    pub(super) fn new(told: &Told, part: Range<usize>) -> Self {
        let cluster = |at: usize| told.clusters.get(part.start + at);
        // The last cluster is compared in its own way and begins nothing.
        let length = part.len().saturating_sub(1);
        let borders = borders(length, |one, other| cluster(one) == cluster(other));
        Self { start: part.start, borders, matched: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.borders.len() + 1
    }

    /// Whether the part ends with this cluster.
    pub(super) fn take(&mut self, told: &Told, cluster: Cluster<'_>) -> bool {
        let fits = |at: usize| told.fits(self.start + at, cluster);
        self.matched = advance(&self.borders, self.matched, fits);
        self.matched == self.len()
    }
}
