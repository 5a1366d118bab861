//! What is done about a verdict that is certain, and where `[watch] act` allows it.
//!
//! **Invariant:** nothing is done that traffic cannot undo, and nothing lasts longer than the verdict:
//! what is declared runs out unless the next diagnosis says the same.

use super::asking::Job;
use crate::Shared;
use ir::Time;
use monitor::{Act, Cause, Verdict};
use policy::ProviderId;
use std::collections::BTreeMap;
use std::time::Duration;

/// What was done, and when.
#[derive(Debug, Default)]
pub(super) struct Acting {
    /// When a connection was last opened ahead to each.
    warmed: BTreeMap<ProviderId, Time>,
}

/// The verdict that holds about a provider, found once more.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) id: ProviderId,
    pub(super) verdict: Verdict,
    /// What was measured beside it does not speak against its being everybody's trouble.
    pub(super) shared: bool,
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
    pub(super) fn act(&mut self, shared: &Shared, held: &Held) -> Vec<Job> {
        let now = shared.clock.now();
        if !shared.config.watch.act {
            return Vec::new();
        }
        match monitor::act(&held.verdict) {
            Act::None => Vec::new(),
            Act::LocalFirst => {
                if held.shared && concerns_all(shared, held) {
                    shared.health.lock().declare_local(now, now + LOCAL_FOR);
                }
                Vec::new()
            }
            Act::Prewarm => self.warm(shared, held.id, now),
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

/// Whether what is wrong on the way to a provider is on the way to all that are not on this machine: a
/// proxy is, if they all go through it.
fn concerns_all(shared: &Shared, held: &Held) -> bool {
    let Some((provider, _)) = shared.provider(held.id) else { return false };
    let proxy = |of: &config::Provider| of.way.proxy.as_ref().map(|it| (it.host.clone(), it.port));
    let own = proxy(provider);
    let mut remote = shared.config.providers.iter().filter(|it| !it.local);
    !provider.local && (held.verdict.cause != Cause::Proxy || remote.all(|it| proxy(it) == own))
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
