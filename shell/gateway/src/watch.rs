//! Says what changes: targets that go down or come back, the local network, promises that broke.
//! One line per change, never one per request.

use crate::Shared;
use crate::memory::Pressure;
use ir::Invariant;
use std::collections::BTreeMap;

/// What was said last.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    unwell: BTreeMap<String, &'static str>,
    network_down: bool,
    declared: bool,
    memory: Pressure,
    broken: BTreeMap<Invariant, u64>,
}

// === impl Watch ===

impl Watch {
    /// Looks, and says what is different.
    pub(crate) fn look(&mut self, shared: &Shared, memory: Pressure) {
        if self.memory != memory {
            tracing::warn!(?memory, "how much of its memory is used up has changed");
            self.memory = memory;
        }
        let unwell: BTreeMap<String, &'static str> = shared.unwell().into_iter().collect();
        // Model names come from callers: what they hold is escaped.
        for (name, now) in unwell.iter().filter(|(name, now)| self.unwell.get(*name) != Some(*now))
        {
            if matches!(*now, "trial" | "ramp") {
                tracing::info!(name = %name.escape_debug(), now, "a target is coming back");
            } else {
                tracing::warn!(name = %name.escape_debug(), now, "a target is not well");
            }
        }
        for name in self.unwell.keys().filter(|name| !unwell.contains_key(*name)) {
            tracing::warn!(name = %name.escape_debug(), "a target is back");
        }
        self.unwell = unwell;
        let board = shared.health.lock();
        let (network_down, declared) = (board.network_down(), board.is_declared_local());
        drop(board);
        if self.network_down != network_down {
            tracing::warn!(
                down = network_down,
                "the local network: every remote host fails at once, or no longer"
            );
            self.network_down = network_down;
        }
        if self.declared != declared {
            tracing::warn!(
                declared,
                "because of a verdict, targets on this machine come first, or no longer"
            );
            self.declared = declared;
        }
        for invariant in Invariant::ALL {
            let broken = invariant.broken();
            if self.broken.insert(invariant, broken).unwrap_or(0) < broken {
                tracing::error!(?invariant, broken, "a promise was broken; please report it");
            }
        }
    }
}
