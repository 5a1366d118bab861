//! Where the continuation meets the end of the delivered text.
//!
//! Two kinds of evidence are followed side by side. **Followers** take the continuation for a repetition
//! of the delivered text from some place on: its beginning, where it begins anew; a place near its end,
//! where it overlaps. The **finder** looks for the anchor behind a preamble. A follower that comes to the
//! end has the whole continuation for its evidence and goes first.

use super::clusters::{Cluster, Clusters};
use super::preamble::Preamble;
use super::told::{OVERLAP_MIN, TOLD_MIN, Told, advance, borders};
use super::{Join, why};

/// How many clusters may stand before the anchor.
pub(super) const PREAMBLE_MAX: usize = 240;
/// How much of the delivered text's beginning a prefilled answer repeats when it begins anew.
pub(super) const ANEW_MIN: usize = 32;
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
    /// What came may also be an end of the delivered text that is not unmistakable.
    twofold: bool,
    /// A prefilled answer has begun anew, beyond chance: it does not flow any more.
    anew: bool,
    finder: Option<Finder>,
    /// What came, while it may be a preamble or has no places yet.
    seen: Clusters,
    starts: Vec<usize>,
}

/// Takes the continuation for the delivered text from one of its clusters on.
#[derive(Debug)]
struct Follower {
    from: usize,
    next: usize,
}

/// Looks for the anchor, by the algorithm of Knuth, Morris and Pratt.
#[derive(Debug)]
pub(super) struct Finder {
    /// The cluster of the delivered text that the anchor begins with.
    start: usize,
    borders: Vec<usize>,
    /// How many clusters of the anchor the last ones are.
    pub(super) matched: usize,
}

/// What a cluster tells.
#[derive(Debug, Eq, PartialEq)]
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
        let at = |from| Follower { from, next: from };
        let (mut followers, mut finder) = (Vec::new(), None);
        match join {
            Join::Restart => followers.push(at(0)),
            Join::Prefill => {
                followers.extend((told.len() >= ANEW_MIN).then(|| at(0)));
                let end = told.end.filter(|end| end.start > 0 || followers.is_empty());
                followers.extend(end.map(|end| at(end.start)));
            }
            Join::Anchor => finder = Finder::new(told),
        }
        Self {
            join,
            count: 0,
            followers,
            placed: join != Join::Anchor,
            twofold: false,
            anew: false,
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
            Join::Prefill if self.followers.is_empty() => Step::Free,
            Join::Anchor | Join::Restart | Join::Prefill => Step::More,
        }
    }

    /// The next cluster of the continuation; `text` is all of it while [`Search::looks_back`].
    pub(super) fn take(&mut self, told: &Told, cluster: Cluster<'_>, text: &str) -> Step {
        if self.count == 0 && cluster.is_white() {
            return Step::More;
        }
        self.count += 1;
        if self.finder.is_some() || !self.placed {
            self.seen.push(cluster.spelled);
            self.starts.push(cluster.start);
        }
        let arrived = if self.placed {
            self.follow(told, cluster)
        } else {
            self.count == OVERLAP_MIN && self.place(told, cluster)
        };
        if arrived {
            return Step::Met(Preamble::default());
        }
        if let Some(step) = self.find(told, cluster, text) {
            return step;
        }
        if !self.placed || self.finder.is_some() || !self.followers.is_empty() {
            return Step::More;
        }
        match self.join {
            Join::Prefill if !self.anew => Step::Free,
            Join::Prefill | Join::Restart => Step::Lost(why::OTHER),
            Join::Anchor => Step::Lost(why::APART),
        }
    }

    /// What it comes to if nothing follows.
    pub(super) fn end(&self) -> Step {
        if self.join == Join::Prefill && !self.anew { Step::Free } else { Step::Lost(why::ENDED) }
    }

    /// Whether what came may still be needed: as a preamble, or because it flows after all.
    pub(super) fn looks_back(&self) -> bool {
        match self.join {
            Join::Prefill => !self.anew,
            Join::Anchor => !self.placed || self.finder.is_some(),
            Join::Restart => false,
        }
    }

    /// Whether a follower comes to an end that is unmistakable.
    fn follow(&mut self, told: &Told, cluster: Cluster<'_>) -> bool {
        self.followers.retain_mut(|it| {
            let fits = told.fits(it.next, cluster);
            it.next += usize::from(fits);
            fits
        });
        let anew = |it: &Follower| it.from == 0 && it.next >= ANEW_MIN;
        self.anew |= self.join == Join::Prefill && self.followers.iter().any(anew);
        self.arrive(told)
    }

    /// Finds where in the delivered text the beginning of the continuation stands.
    fn place(&mut self, told: &Told, cluster: Cluster<'_>) -> bool {
        self.placed = true;
        let before = OVERLAP_MIN - 1;
        for from in 0..(told.len() + 1).saturating_sub(OVERLAP_MIN) {
            let same = |at: usize| told.clusters.get(from + at) == self.seen.get(at);
            if !(0..before).all(same) || !told.fits(from + before, cluster) {
                continue;
            }
            if self.followers.len() == FOLLOWERS_MAX {
                // The beginning stays, and the places nearest to the end.
                self.followers.remove(1);
                self.twofold = true;
            }
            self.followers.push(Follower { from, next: from + OVERLAP_MIN });
        }
        self.arrive(told)
    }

    fn arrive(&mut self, told: &Told) -> bool {
        let Some(at) = self.followers.iter().position(|it| it.next == told.len()) else {
            return false;
        };
        let from = self.followers.swap_remove(at).from;
        let arrived = match (self.join, told.end) {
            (Join::Restart | Join::Prefill, _) => true,
            (Join::Anchor, Some(end)) => told.len() - from >= end.overlap,
            (Join::Anchor, None) => from == 0 && !self.twofold,
        };
        self.twofold |= !arrived;
        arrived
    }

    /// What the finder says, where it says something.
    fn find(&mut self, told: &Told, cluster: Cluster<'_>, text: &str) -> Option<Step> {
        let finder = self.finder.as_mut()?;
        if finder.take(told, cluster) {
            let first = self.count - finder.len();
            return Some(self.judge(told, first, text));
        }
        if self.count - finder.matched > PREAMBLE_MAX {
            (self.finder, self.seen, self.starts) = (None, Clusters::default(), Vec::new());
        }
        None
    }

    /// The anchor begins with this cluster: what stands before it? The delivered text itself may, behind
    /// a preamble of its own.
    fn judge(&self, told: &Told, first: usize, text: &str) -> Step {
        let start = told.end.map_or(0, |end| end.start);
        let same = |back: &usize| told.clusters.get(start - back) == self.seen.get(first - back);
        let own = (1..=first.min(start)).take_while(same).last().unwrap_or(0);
        let before = |at: usize| self.starts.get(at).and_then(|end| text.get(..*end));
        let read = |at: usize| Preamble::read(before(at)?);
        match read(first - own).or_else(|| read(first)) {
            Some(preamble) => Step::Met(preamble),
            None => Step::Lost(why::TALK),
        }
    }
}

// === impl Finder ===

impl Finder {
    pub(super) fn new(told: &Told) -> Option<Self> {
        let start = told.end?.start;
        let cluster = |at: usize| told.clusters.get(start + at);
        // The last cluster is compared in its own way and begins nothing.
        let length = (told.len() - start).saturating_sub(1);
        let borders = borders(length, |one, other| cluster(one) == cluster(other));
        Some(Self { start, borders, matched: 0 })
    }

    pub(super) fn len(&self) -> usize {
        self.borders.len() + 1
    }

    /// Whether the anchor ends with this cluster.
    pub(super) fn take(&mut self, told: &Told, cluster: Cluster<'_>) -> bool {
        let fits = |at: usize| told.fits(self.start + at, cluster);
        self.matched = advance(&self.borders, self.matched, fits);
        self.matched == self.len()
    }
}
