//! What connections are told: whoever was let in on the same terms, together.
//!
//! **Invariant:** nobody who was let in by an authority that counts no more asks another time.

use tokio::sync::watch;

use super::Phase;

/// A phase for all that are let in now, and for those before who are still there.
#[derive(Debug)]
pub(super) struct Phases {
    now: watch::Sender<Phase>,
    before: Vec<watch::Sender<Phase>>,
}

// === impl Phases ===

impl Phases {
    pub(super) fn new() -> Self {
        Self { now: watch::Sender::new(Phase::Serve), before: Vec::new() }
    }

    /// For one that is let in.
    pub(super) fn join(&self) -> watch::Receiver<Phase> {
        self.now.subscribe()
    }

    /// From now on others are let in. Who is here finishes what is at hand.
    pub(super) fn renew(&mut self) {
        let last = std::mem::replace(&mut self.now, watch::Sender::new(Phase::Serve));
        last.send_replace(Phase::Finish);
        self.before.push(last);
        self.before.retain(|phase| 0 < phase.receiver_count());
    }

    /// Tells everybody.
    pub(super) fn tell(&self, next: Phase) {
        self.now.send_replace(next);
        for phase in &self.before {
            phase.send_replace(next);
        }
    }
}
