//! What connections are told: whoever was let in on the same terms, together.
//!
//! **Invariant:** nobody who was let in by an authority that counts no more asks another time.

use parking_lot::Mutex;
use tokio::sync::watch;

use super::Phase;

/// A phase for all that are let in now, and for those before who are still there.
#[derive(Debug)]
pub(super) struct Phases {
    now: Mutex<watch::Sender<Phase>>,
    before: Mutex<Vec<watch::Sender<Phase>>>,
}

// === impl Phases ===

impl Phases {
    pub(super) fn new() -> Self {
        let now = Mutex::new(watch::Sender::new(Phase::Serve));
        Self { now, before: Mutex::default() }
    }

    /// For one that is let in.
    pub(super) fn join(&self) -> watch::Receiver<Phase> {
        self.now.lock().subscribe()
    }

    /// From now on others are let in. Who is here finishes what is at hand.
    pub(super) fn renew(&self) {
        let last = std::mem::replace(&mut *self.now.lock(), watch::Sender::new(Phase::Serve));
        last.send_replace(Phase::Finish);
        let mut before = self.before.lock();
        before.push(last);
        before.retain(|phase| 0 < phase.receiver_count());
    }

    /// Tells everybody.
    pub(super) fn tell(&self, next: Phase) {
        self.now.lock().send_replace(next);
        for phase in &*self.before.lock() {
            phase.send_replace(next);
        }
    }
}
