//! What is done about a verdict that is certain, and where `[watch] act` allows it.
//!
//! **Invariant:** nothing is done that traffic cannot undo, and nothing lasts longer than the verdict:
//! what is declared runs out unless the next diagnosis says the same.

use super::asking::Job;
use crate::Shared;
use ir::Time;
use monitor::{Act, Verdict};
use policy::ProviderId;
use std::collections::BTreeMap;
use std::time::Duration;

/// What was done, and when.
#[derive(Debug, Default)]
pub(super) struct Acting {
    /// When a connection was last opened ahead to each.
    warmed: BTreeMap<ProviderId, Time>,
}

/// Targets on this machine come first for so long after a verdict that says so.
const LOCAL_FOR: Duration = Duration::from_mins(1);
/// One is made ready this often, at most.
const WARM_EVERY: Duration = Duration::from_mins(1);
/// Because of one provider so many are made ready, at most.
const WARM_MAX: usize = 4;

// === impl Acting ===

impl Acting {
    /// Does what the verdict that holds about a provider allows; gives what is to be asked for it.
    pub(super) fn act(
        &mut self,
        shared: &Shared,
        (id, verdict): (ProviderId, Verdict),
    ) -> Vec<Job> {
        let now = shared.clock.now();
        if !shared.config.watch.act {
            return Vec::new();
        }
        match monitor::act(&verdict) {
            Act::None => Vec::new(),
            Act::LocalFirst => {
                let remote = shared.provider(id).is_some_and(|(provider, _)| !provider.local);
                if remote {
                    shared.health.lock().declare_local(now, now + LOCAL_FOR);
                }
                Vec::new()
            }
            Act::Prewarm => self.warm(shared, id, now),
        }
    }

    fn warm(&mut self, shared: &Shared, because: ProviderId, now: Time) -> Vec<Job> {
        self.warmed.retain(|_, at| now.since(*at) < WARM_EVERY);
        let mut next = next(shared, because);
        next.retain(|id| !self.warmed.contains_key(id));
        next.truncate(WARM_MAX);
        self.warmed.extend(next.iter().map(|id| (*id, now)));
        next.into_iter().map(|next| Job::Warm { because, next }).collect()
    }
}

/// Whoever comes next in the chains that begin with a provider, each once.
fn next(shared: &Shared, id: ProviderId) -> Vec<ProviderId> {
    let of = |place: usize| shared.served.get(place).map(|served| served.id);
    let mut all = Vec::new();
    for model in &shared.config.models {
        let mut links = model.chain.iter().filter_map(|link| of(link.provider));
        if links.next() != Some(id) {
            continue;
        }
        if let Some(next) = links.find(|next| *next != id)
            && !all.contains(&next)
        {
            all.push(next);
        }
    }
    all
}
