//! The gate: how many requests are under way at once, and how many wait for their turn.
//!
//! Beyond what a machine can carry, more requests make all of them slow; so some wait, for a moment
//! and in order, and whoever would have to wait behind too many is told at once to come back.
//!
//! **Invariant:** a place that is given up goes to whoever waits longest and is still there.

use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// The gate. Clones are the same one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gate(Arc<Mutex<Line>>);

#[derive(Debug, Default)]
struct Line {
    inside: u32,
    /// How many may be, as whoever came last was told.
    inside_max: u32,
    waiting: VecDeque<oneshot::Sender<Pass>>,
}

/// How many there may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) inside_max: u32,
    pub(crate) waiting_max: u32,
    /// How long one waits at most.
    pub(crate) wait: Duration,
}

/// The right to be under way, given up when dropped.
#[derive(Debug)]
pub(crate) struct Pass(Gate);

// === impl Gate ===

impl Gate {
    /// Lets a request in, at once or after a wait; or not.
    pub(crate) async fn enter(&self, limits: Limits) -> Option<Pass> {
        let turn = {
            let mut line = self.0.lock();
            line.inside_max = limits.inside_max;
            if line.inside < limits.inside_max {
                line.inside += 1;
                return Some(Pass(self.clone()));
            }
            // Whoever left the line still stands in it.
            line.waiting.retain(|turn| !turn.is_closed());
            if limits.waiting_max <= u32::try_from(line.waiting.len()).unwrap_or(u32::MAX) {
                return None;
            }
            let (turn, mine) = oneshot::channel();
            line.waiting.push_back(turn);
            mine
        };
        timeout(limits.wait, turn).await.ok()?.ok()
    }

    /// How many are under way, and how many wait.
    pub(crate) fn count(&self) -> (usize, usize) {
        let line = self.0.lock();
        let waiting = line.waiting.iter().filter(|turn| !turn.is_closed()).count();
        (usize::try_from(line.inside).unwrap_or(usize::MAX), waiting)
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let next = {
            let mut line = self.0.0.lock();
            let fits = line.inside <= line.inside_max;
            let mut waiting = std::iter::from_fn(|| line.waiting.pop_front());
            let next = if fits { waiting.find(|it| !it.is_closed()) } else { None };
            if next.is_none() {
                line.inside = line.inside.saturating_sub(1);
            }
            next
        };
        if let Some(next) = next {
            // Whoever left just now drops it, and it goes to the one behind.
            drop(next.send(Self(self.0.clone())));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Gate, Limits};
    use std::time::Duration;

    const LIMITS: Limits = Limits { inside_max: 2, waiting_max: 2, wait: Duration::from_secs(1) };

    #[tokio::test(start_paused = true)]
    async fn some_go_in_some_wait_and_the_rest_are_told() {
        let gate = Gate::default();
        let first = gate.enter(LIMITS).await.unwrap();
        let _second = gate.enter(LIMITS).await.unwrap();
        let waits = |gate: &Gate| {
            let gate = gate.clone();
            tokio::spawn(async move { gate.enter(LIMITS).await })
        };
        let (third, fourth) = (waits(&gate), waits(&gate));
        while gate.count() != (2, 2) {
            tokio::task::yield_now().await;
        }
        assert!(gate.enter(LIMITS).await.is_none(), "the line is full");
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
        let first = gate.enter(limits).await.unwrap();
        let waits = |gate: &Gate| {
            let gate = gate.clone();
            tokio::spawn(async move { gate.enter(limits).await })
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
}
