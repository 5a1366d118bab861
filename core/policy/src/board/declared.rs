//! What a watch tells the board, and what it asks of it.

use super::Board;
use crate::ProviderId;
use ir::Time;
use std::collections::BTreeSet;
use std::time::Duration;

/// What was wanted within this is in use; watches have the same window.
const IN_USE: Duration = Duration::from_mins(15);

// === impl Board ===

impl Board {
    /// Whoever measured it says that it is the network here, or this machine: until then, and a minute
    /// at most, local targets come first, and no remote host is to blame. The first remote host that is
    /// reached ends it: where that one was lost too and it lasted, what failed is forgiven; where that one
    /// was there all the time, none is believed for ten minutes. False where it is not believed, for that
    /// or because a remote host was reached a moment ago.
    pub fn declare_local(&mut self, now: Time, until: Time) -> bool {
        self.hosts.declare(now, until)
    }

    /// Whether that holds.
    pub fn is_declared_local(&self) -> bool {
        self.hosts.is_declared()
    }

    /// The providers of which a target that is in use, or whose host, is known to be down. What nobody
    /// asks any more has nobody who could close its breaker. A target that is misconfigured is not
    /// down: its name may be one that a caller made up.
    pub fn down(&self, now: Time) -> BTreeSet<ProviderId> {
        let targets = self.targets.iter().filter(|(_, target)| {
            !target.breaker.is_closed()
                && !target.breaker.is_misconfigured()
                && now.since(target.used) <= IN_USE
        });
        let mut down: BTreeSet<ProviderId> = targets.map(|((owner, _, _), _)| *owner).collect();
        let all = (0..self.providers.len()).map(ProviderId);
        down.extend(all.filter(|provider| !self.hosts.is_closed(*provider)));
        down
    }
}

#[cfg(test)]
mod tests;
