//! What a watch tells the board, and what it asks of it.

use super::Board;
use crate::ProviderId;
use ir::Time;
use std::collections::BTreeSet;

// === impl Board ===

impl Board {
    /// Whoever measured it says that it is the network here, or this machine: until then, and a minute
    /// at most, it is as if every remote host failed at once. The first remote host that is reached
    /// shows otherwise. False where one was reached a moment ago: then it is not believed.
    pub fn declare_local(&mut self, now: Time, until: Time) -> bool {
        let declared = self.hosts.declare(now, until);
        if declared == Some(true) {
            self.forgive_remote();
        }
        declared.is_some()
    }

    /// Whether that holds.
    pub fn is_declared_local(&self) -> bool {
        self.hosts.is_declared()
    }

    /// The providers of which a target, or whose host, is known to be down. A target that is
    /// misconfigured is not: its name may be one that a caller made up.
    pub fn down(&self) -> BTreeSet<ProviderId> {
        let targets = self.targets.iter().filter(|(_, target)| {
            !target.breaker.is_closed() && !target.breaker.is_misconfigured()
        });
        let mut down: BTreeSet<ProviderId> = targets.map(|((owner, _, _), _)| *owner).collect();
        let all = (0..self.providers.len()).map(ProviderId);
        down.extend(all.filter(|provider| !self.hosts.is_closed(*provider)));
        down
    }
}

#[cfg(test)]
mod tests;
