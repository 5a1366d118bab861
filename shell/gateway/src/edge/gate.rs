//! The gate: how many requests are under way at once, and how many wait for their turn.
//!
//! Beyond what a machine can carry, more requests make all of them slow; so some wait, for a moment,
//! and whoever would have to wait behind too many is told at once to come back. Where several keys
//! ask, they share: a place goes to the key that has fewest, and a full line sends away one of the key
//! that has most in it. No key has all places. So a key that asks for too much is in its own way,
//! and not in others'.
//!
//! **Invariants:** a place that is given up goes to somebody who waits and is still there; of one
//! key, to whoever waits longest.

use parking_lot::Mutex;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// The gate. Clones are the same one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gate(Arc<Mutex<Line>>);

/// Whose request it is: the name of a key, or nobody's in particular.
pub(crate) type Who = Option<Arc<str>>;

#[derive(Debug, Default)]
struct Line {
    inside: usize,
    waiting: usize,
    /// Counts who began to wait, so that it is known who came first.
    turns: u64,
    /// As they were when somebody last came.
    inside_max: usize,
    kept: usize,
    /// Those that have somebody inside or waiting.
    shares: BTreeMap<Who, Share>,
}

/// What one key has.
#[derive(Debug, Default)]
struct Share {
    inside: usize,
    /// With when each came.
    waiting: VecDeque<(u64, oneshot::Sender<Pass>)>,
}

/// How many there may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) inside_max: u32,
    pub(crate) waiting_max: u32,
    /// How long one waits at most.
    pub(crate) wait: Duration,
    /// Places that one key leaves to the others.
    pub(crate) kept: u32,
}

/// The right to be under way, given up when dropped.
#[derive(Debug)]
pub(crate) struct Pass {
    gate: Gate,
    who: Who,
}

// === impl Gate ===

impl Gate {
    /// Whether `who` would be sent away now.
    pub(crate) fn is_full(&self, limits: Limits, who: &Who) -> bool {
        let mut line = self.0.lock();
        line.heed(limits);
        !line.has_place(who) && !line.has_turn(limits) && line.heavier(who).is_none()
    }

    /// Lets a request in, at once or after a wait; or not.
    pub(crate) async fn enter(&self, limits: Limits, who: &Who) -> Option<Pass> {
        let (sent_away, turn) = {
            let mut line = self.0.lock();
            line.heed(limits);
            if line.has_place(who) {
                line.inside += 1;
                line.shares.entry(who.clone()).or_default().inside += 1;
                return Some(Pass { gate: self.clone(), who: who.clone() });
            }
            let mut sent_away = None;
            if !line.has_turn(limits) {
                let heavier = line.heavier(who)?;
                sent_away = line.shares.get_mut(&heavier).and_then(|it| it.waiting.pop_back());
                line.waiting -= usize::from(sent_away.is_some());
            }
            let (turn, mine) = oneshot::channel();
            line.turns += 1;
            line.waiting += 1;
            let turns = line.turns;
            line.shares.entry(who.clone()).or_default().waiting.push_back((turns, turn));
            (sent_away, mine)
        };
        // Dropped, it says that there is no turn to wait for.
        drop(sent_away);
        timeout(limits.wait, turn).await.ok()?.ok()
    }

    /// How many are under way, and how many wait.
    pub(crate) fn count(&self) -> (usize, usize) {
        let mut line = self.0.lock();
        line.forget_the_gone();
        (line.inside, line.waiting)
    }
}

// === impl Line ===

impl Line {
    fn heed(&mut self, limits: Limits) {
        self.inside_max = usize::try_from(limits.inside_max).unwrap_or(usize::MAX);
        self.kept = usize::try_from(limits.kept).unwrap_or(usize::MAX);
    }

    fn has_place(&self, who: &Who) -> bool {
        let mine = self.shares.get(who).map_or(0, |share| share.inside);
        self.inside < self.inside_max && mine < self.inside_max.saturating_sub(self.kept)
    }

    fn has_turn(&mut self, limits: Limits) -> bool {
        let waiting_max = usize::try_from(limits.waiting_max).unwrap_or(usize::MAX);
        if waiting_max <= self.waiting {
            self.forget_the_gone();
        }
        self.waiting < waiting_max
    }

    /// Whoever left the line still stands in it.
    fn forget_the_gone(&mut self) {
        self.shares.retain(|_, share| {
            share.waiting.retain(|(_, turn)| !turn.is_closed());
            !share.is_empty()
        });
        self.waiting = self.shares.values().map(|share| share.waiting.len()).sum();
    }

    /// Of those who wait, the key that has most, if it would still have as much as `who` after one
    /// of its own went and one of `who` came.
    fn heavier(&self, who: &Who) -> Option<Who> {
        let mine = self.shares.get(who).map_or(0, Share::weight);
        let waiting = self.shares.iter().filter(|(_, share)| !share.waiting.is_empty());
        let (heaviest, share) = waiting.max_by_key(|(_, share)| share.weight())?;
        (mine + 1 < share.weight()).then(|| heaviest.clone())
    }

    /// A place is free: whose it is next, if anybody who waits may have it.
    fn next(&mut self) -> Option<(Who, oneshot::Sender<Pass>)> {
        loop {
            let waiting = self.shares.iter().filter(|(_, share)| !share.waiting.is_empty());
            let first = |share: &Share| share.waiting.front().map_or(u64::MAX, |(turn, _)| *turn);
            let (who, _) = waiting.min_by_key(|(_, share)| (share.inside, first(share)))?;
            let who = who.clone();
            if !self.has_place(&who) {
                return None;
            }
            let share = self.shares.get_mut(&who)?;
            let (_, turn) = share.waiting.pop_front()?;
            self.waiting -= 1;
            if !turn.is_closed() {
                share.inside += 1;
                self.inside += 1;
                return Some((who, turn));
            }
        }
    }
}

// === impl Share ===

impl Share {
    fn weight(&self) -> usize {
        self.inside + self.waiting.len()
    }

    fn is_empty(&self) -> bool {
        self.weight() == 0
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let next = {
            let mut line = self.gate.0.lock();
            if let Some(share) = line.shares.get_mut(&self.who) {
                share.inside = share.inside.saturating_sub(1);
                if share.is_empty() {
                    line.shares.remove(&self.who);
                }
            }
            line.inside = line.inside.saturating_sub(1);
            line.next()
        };
        if let Some((who, turn)) = next {
            // Whoever left just now drops it, and it goes to the one behind.
            drop(turn.send(Self { gate: self.gate.clone(), who }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Gate, Limits};
    use std::sync::Arc;
    use std::time::Duration;

    const LIMITS: Limits =
        Limits { inside_max: 2, waiting_max: 2, wait: Duration::from_secs(1), kept: 0 };

    #[tokio::test(start_paused = true)]
    async fn some_go_in_some_wait_and_the_rest_are_told() {
        let gate = Gate::default();
        let first = gate.enter(LIMITS, &None).await.unwrap();
        let _second = gate.enter(LIMITS, &None).await.unwrap();
        let waits = |gate: &Gate| {
            let gate = gate.clone();
            tokio::spawn(async move { gate.enter(LIMITS, &None).await })
        };
        let (third, fourth) = (waits(&gate), waits(&gate));
        while gate.count() != (2, 2) {
            tokio::task::yield_now().await;
        }
        assert!(gate.enter(LIMITS, &None).await.is_none(), "the line is full");
        drop(first);
        let third = third.await.unwrap().expect("its turn");
        assert_eq!(gate.count(), (2, 1));
        assert!(fourth.await.unwrap().is_none(), "it waited long enough");
        assert_eq!(gate.count(), (2, 0));
        drop(third);
        assert_eq!(gate.count(), (1, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_goes_past_whoever_left() {
        let gate = Gate::default();
        let limits = Limits { inside_max: 1, ..LIMITS };
        let first = gate.enter(limits, &None).await.unwrap();
        let waits = |gate: &Gate| {
            let gate = gate.clone();
            tokio::spawn(async move { gate.enter(limits, &None).await })
        };
        let leaves = waits(&gate);
        while gate.count() != (1, 1) {
            tokio::task::yield_now().await;
        }
        leaves.abort();
        assert!(leaves.await.is_err());
        let stays = waits(&gate);
        while gate.count() != (1, 1) {
            tokio::task::yield_now().await;
        }
        drop(first);
        let stays = stays.await.unwrap().expect("its turn");
        assert_eq!(gate.count(), (1, 0));
        drop(stays);
        assert_eq!(gate.count(), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn keys_share_what_there_is() {
        let gate = Gate::default();
        let limits = Limits { inside_max: 4, waiting_max: 4, ..LIMITS };
        let [loud, quiet] = ["loud", "quiet"].map(|name| Some(Arc::<str>::from(name)));
        let asks = |who: &Option<Arc<str>>| {
            let (gate, who) = (gate.clone(), who.clone());
            tokio::spawn(async move { gate.enter(limits, &who).await })
        };
        let mut inside = Vec::new();
        for _ in 0..4 {
            inside.push(gate.enter(limits, &loud).await.unwrap());
        }
        let waiting: Vec<_> = (0..4).map(|_| asks(&loud)).collect();
        while gate.count() != (4, 4) {
            tokio::task::yield_now().await;
        }
        assert!(gate.is_full(limits, &loud) && gate.enter(limits, &loud).await.is_none());
        // The line is full; the last of those who have most makes room.
        assert!(!gate.is_full(limits, &quiet));
        let first = asks(&quiet);
        let mut waiting = waiting.into_iter();
        let last = waiting.next_back().unwrap();
        assert!(last.await.unwrap().is_none(), "sent away");
        assert_eq!(gate.count(), (4, 4));
        // And the next place goes to those who have fewest.
        inside.pop();
        let first = first.await.unwrap().expect("its turn");
        assert_eq!(gate.count(), (4, 3));
        inside.pop();
        let second = waiting.next().unwrap().await.unwrap().expect("its turn");
        assert_eq!(gate.count(), (4, 2));
        drop((first, second, inside, waiting));
    }

    #[tokio::test(start_paused = true)]
    async fn no_key_has_all_places() {
        let gate = Gate::default();
        let limits = Limits { inside_max: 4, waiting_max: 4, kept: 1, ..LIMITS };
        let [loud, quiet, other] = ["loud", "quiet", "other"].map(|it| Some(Arc::<str>::from(it)));
        let mut inside = Vec::new();
        for _ in 0..3 {
            inside.push(gate.enter(limits, &loud).await.unwrap());
        }
        assert!(gate.enter(limits, &loud).await.is_none(), "it waited for a place of its own");
        let quiet = gate.enter(limits, &quiet).await.expect("the place that was kept");
        assert_eq!(gate.count(), (4, 0));
        let waits = tokio::spawn({
            let (gate, loud) = (gate.clone(), loud.clone());
            async move { gate.enter(limits, &loud).await }
        });
        while gate.count() != (4, 1) {
            tokio::task::yield_now().await;
        }
        drop(quiet);
        assert_eq!(gate.count(), (3, 1), "kept again");
        let other = gate.enter(limits, &other).await.expect("the place that was kept");
        inside.pop();
        let waited = waits.await.unwrap().expect("a place of its own");
        assert_eq!(gate.count(), (4, 0));
        drop((inside, other, waited));
        assert_eq!(gate.count(), (0, 0));
    }
}
