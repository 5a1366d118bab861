//! Who keeps what: which provider an answer of Responses is kept by, and which one sealed a piece of
//! reasoning. Later requests name the one and bring the other back.
//!
//! **Invariant:** bounded, and of what was kept only its hash stands here. What is forgotten is no
//! worse than what was never known: the first target of a chain is asked.

use parking_lot::Mutex;
use std::collections::hash_map::{Entry, RandomState};
use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasher;
use std::sync::Arc;

/// Whoever answered, by the names of things that outlive a configuration.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Owner {
    /// The name of its section.
    pub(crate) provider: Arc<str>,
    /// Which of its credentials: several may be several accounts.
    pub(crate) credential: usize,
    /// It keeps the beginning only: the answer was cut, and others went on with it.
    pub(crate) part: bool,
}

/// What stands for an id or a seal, which may be megabytes.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Digest(u64);

/// Makes digests. Their key is drawn when the process begins, so that nobody can make two things look
/// like one. Clones make the same ones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Digests(RandomState);

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Owners {
    known: Mutex<Known>,
    digests: Digests,
}

#[derive(Debug, Default)]
struct Known {
    owners: HashMap<Digest, Owner>,
    /// The oldest first.
    order: VecDeque<Digest>,
}

/// Ids and seals that are remembered.
const KNOWN_MAX: usize = 64 << 10;

// === impl Digests ===

impl Digests {
    /// What stands for this id or this seal.
    pub(crate) fn of(&self, what: &str) -> Digest {
        Digest(self.0.hash_one(what))
    }
}

// === impl Owners ===

impl Owners {
    /// What makes the digests that are known here.
    pub(crate) fn digests(&self) -> &Digests {
        &self.digests
    }

    /// This id, or this seal, is of this owner.
    pub(crate) fn note(&self, what: Digest, owner: &Owner) {
        let mut known = self.known.lock();
        match known.owners.entry(what) {
            Entry::Occupied(mut entry) => {
                entry.insert(owner.clone());
                return;
            }
            Entry::Vacant(entry) => {
                entry.insert(owner.clone());
            }
        }
        known.order.push_back(what);
        if KNOWN_MAX < known.order.len()
            && let Some(oldest) = known.order.pop_front()
        {
            known.owners.remove(&oldest);
        }
    }

    /// Whose it is, where that is known.
    pub(crate) fn of(&self, what: &str) -> Option<Owner> {
        self.known.lock().owners.get(&self.digests.of(what)).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::{KNOWN_MAX, Owner, Owners};
    use std::sync::Arc;

    fn owner(provider: &str) -> Owner {
        Owner { provider: Arc::from(provider), credential: 1, part: false }
    }

    #[test]
    fn the_oldest_is_forgotten_first() {
        let owners = Owners::default();
        let note = |id: &str, owner: Owner| owners.note(owners.digests().of(id), &owner);
        note("resp_first", owner("a"));
        note("resp_first", owner("b"));
        assert_eq!(owners.of("resp_first"), Some(owner("b")));
        for number in 1..KNOWN_MAX {
            note(&format!("resp_{number}"), owner("c"));
        }
        assert_eq!(owners.of("resp_first"), Some(owner("b")));
        note("resp_last", owner("d"));
        assert_eq!(owners.of("resp_first"), None);
        assert_eq!(owners.of("resp_last"), Some(owner("d")));
        assert_eq!(owners.known.lock().owners.len(), KNOWN_MAX);
    }
}
