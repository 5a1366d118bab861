//! Who keeps what: which provider an answer of Responses is kept by, for which key, and which one sealed
//! a piece of reasoning. Later requests name the one and bring the other back.
//!
//! **Invariants:** bounded, and of what was kept, and of the key that it is kept under, only a digest
//! stands here; what nobody spoke of for
//! longest is forgotten first, and of the key that has most: so a key that asks for much crowds out
//! itself, and nobody who has less. What is forgotten is no worse than what was never known: the first
//! target of a chain is asked.

use crate::edge::Who;
use config::{Credential, Provider};
use parking_lot::Mutex;
use secrecy::ExposeSecret as _;
use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;
use std::sync::Arc;

/// Whoever answered, by the names of things that outlive a configuration.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Owner {
    /// The name of its section.
    pub(crate) provider: Arc<str>,
    /// With which of its credentials: several may be several accounts.
    pub(crate) account: Account,
    /// It keeps the beginning only: the answer was cut, and others went on with it.
    pub(crate) part: bool,
}

/// Whom a provider takes the one who asks for. Another configuration may name its credential at another
/// place, or not at all.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Account {
    /// The owner of this key of ours.
    Ours(Digest),
    /// The caller.
    Callers,
    /// Anybody.
    Anybodys,
}

/// What is known of an id, to whoever names it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Known {
    /// The answer was given to it, by this one.
    Own(Owner),
    /// The answer was given to another key.
    Others,
    /// Nobody here knows it.
    Nothing,
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
    answers: Mutex<Store<Owner>>,
    /// By the name of the provider's section.
    seals: Mutex<Store<Arc<str>>>,
    digests: Digests,
}

/// What is remembered of ids, or of seals.
#[derive(Debug)]
struct Store<T> {
    /// Only of those that have any.
    shares: BTreeMap<Who, Share<T>>,
    length: usize,
    /// Counts how often anything was spoken of.
    turns: u64,
}

/// What one key has.
#[derive(Debug)]
struct Share<T> {
    /// With the turn at which it was last spoken of.
    things: HashMap<Digest, (u64, T)>,
    /// By these turns.
    order: BTreeMap<u64, Digest>,
}

/// Ids that are remembered; and as many seals.
const KNOWN_MAX: usize = 64 << 10;

// === impl Digests ===

impl Digests {
    /// What stands for this id or this seal.
    pub(crate) fn of(&self, what: &str) -> Digest {
        Digest(self.0.hash_one(what))
    }

    /// The accounts that a provider is asked with, in the order of its credentials.
    pub(crate) fn accounts(&self, provider: &Provider) -> Vec<Account> {
        let account = |credential: &Credential| match credential {
            Credential::Ours(key) => Account::Ours(self.of(key.expose_secret())),
            Credential::Caller => Account::Callers,
            Credential::None => Account::Anybodys,
        };
        provider.credentials.iter().map(account).collect()
    }
}

// === impl Owners ===

impl Owners {
    /// What makes the digests that are known here.
    pub(crate) fn digests(&self) -> &Digests {
        &self.digests
    }

    /// The answer of this id was given to this key.
    pub(crate) fn keeps(&self, who: &Who, id: Digest, owner: Owner) {
        self.answers.lock().put(who, id, owner);
    }

    /// This was sealed by this provider, in an answer to this key.
    pub(crate) fn sealed(&self, who: &Who, seal: Digest, provider: &Arc<str>) {
        self.seals.lock().put(who, seal, Arc::clone(provider));
    }

    /// Who keeps the answer of this id, where that is this key's to know.
    pub(crate) fn of(&self, who: &Who, id: &str) -> Known {
        let id = self.digests.of(id);
        let mut answers = self.answers.lock();
        match answers.get(who, id).cloned() {
            Some(owner) => Known::Own(owner),
            None if answers.others(id).is_some() => Known::Others,
            None => Known::Nothing,
        }
    }

    /// Who sealed this. It is no secret of the key that it was given to: nobody can do anything with a
    /// seal but bring it back.
    pub(crate) fn sealer(&self, who: &Who, seal: &str) -> Option<Arc<str>> {
        let seal = self.digests.of(seal);
        let mut seals = self.seals.lock();
        seals.get(who, seal).cloned().or_else(|| seals.others(seal).cloned())
    }
}

// === impl Store ===

impl<T> Store<T> {
    /// Remembers it, or that it was spoken of again.
    fn put(&mut self, who: &Who, what: Digest, thing: T) {
        let share = self.shares.entry(who.clone()).or_default();
        self.turns += 1;
        let before = share.things.insert(what, (self.turns, thing));
        share.order.insert(self.turns, what);
        match before {
            Some((turn, _)) => drop(share.order.remove(&turn)),
            None => self.length += 1,
        }
        if KNOWN_MAX < self.length {
            self.forget();
        }
    }

    /// What this key has under this digest.
    fn get(&mut self, who: &Who, what: Digest) -> Option<&T> {
        let share = self.shares.get_mut(who)?;
        let (turn, thing) = share.things.get_mut(&what)?;
        self.turns += 1;
        share.order.remove(turn);
        share.order.insert(self.turns, what);
        *turn = self.turns;
        Some(thing)
    }

    /// What anybody has under this digest. Nobody else keeps it alive by asking.
    fn others(&self, what: Digest) -> Option<&T> {
        self.shares.values().find_map(|share| share.things.get(&what)).map(|(_, thing)| thing)
    }

    /// Forgets one thing, of whoever has most.
    fn forget(&mut self) {
        let heaviest = self.shares.iter_mut().max_by_key(|(_, share)| share.order.len());
        let Some((who, share)) = heaviest else { return };
        if let Some((_, oldest)) = share.order.pop_first() {
            share.things.remove(&oldest);
            self.length = self.length.saturating_sub(1);
        }
        if share.order.is_empty() {
            let who = who.clone();
            self.shares.remove(&who);
        }
    }
}

impl<T> Default for Store<T> {
    fn default() -> Self {
        Self { shares: BTreeMap::new(), length: 0, turns: 0 }
    }
}

// === impl Share ===

impl<T> Default for Share<T> {
    fn default() -> Self {
        Self { things: HashMap::new(), order: BTreeMap::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::{Account, KNOWN_MAX, Known, Owner, Owners, Store};
    use crate::edge::Who;
    use std::sync::Arc;

    fn owner(provider: &str) -> Owner {
        Owner { provider: Arc::from(provider), account: Account::Callers, part: false }
    }

    fn keys<const N: usize>(names: [&str; N]) -> [Who; N] {
        names.map(|name| Some(Arc::from(name)))
    }

    /// Answers with these ids, and as many seals.
    fn given(owners: &Owners, who: &Who, ids: impl Iterator<Item = usize>) {
        for id in ids {
            note(owners, who, &format!("resp_{id}"), "p");
        }
    }

    fn note(owners: &Owners, who: &Who, id: &str, provider: &str) {
        let what = owners.digests().of(id);
        owners.keeps(who, what, owner(provider));
        owners.sealed(who, what, &Arc::from(provider));
    }

    fn sealer(owners: &Owners, who: &Who, what: &str) -> Option<String> {
        owners.sealer(who, what).map(|it| it.to_string())
    }

    /// Both stores are full, and hold what they say.
    #[track_caller]
    fn is_bounded(owners: &Owners) {
        check(&owners.answers.lock());
        check(&owners.seals.lock());
    }

    #[track_caller]
    fn check<T>(store: &Store<T>) {
        let things: usize = store.shares.values().map(|share| share.things.len()).sum();
        let order: usize = store.shares.values().map(|share| share.order.len()).sum();
        assert_eq!([store.length, things, order], [KNOWN_MAX; 3]);
    }

    #[test]
    fn what_nobody_speaks_of_is_forgotten_first() {
        let owners = Owners::default();
        let [who] = keys(["a"]);
        note(&owners, &who, "resp_used", "a");
        note(&owners, &who, "resp_used", "b");
        note(&owners, &who, "resp_idle", "c");
        given(&owners, &who, 2..KNOWN_MAX);
        is_bounded(&owners);
        assert_eq!(owners.of(&who, "resp_used"), Known::Own(owner("b")));
        assert_eq!(sealer(&owners, &who, "resp_used").as_deref(), Some("b"));
        note(&owners, &who, "resp_last", "d");
        is_bounded(&owners);
        assert_eq!(owners.of(&who, "resp_used"), Known::Own(owner("b")));
        assert_eq!(sealer(&owners, &who, "resp_used").as_deref(), Some("b"));
        assert_eq!(owners.of(&who, "resp_idle"), Known::Nothing);
        assert_eq!(sealer(&owners, &who, "resp_idle"), None);
        assert_eq!(owners.of(&who, "resp_last"), Known::Own(owner("d")));
    }

    #[test]
    fn seals_crowd_out_no_answers() {
        let owners = Owners::default();
        let who = None;
        note(&owners, &who, "resp_1", "a");
        for seal in 0..2 * KNOWN_MAX {
            let seal = owners.digests().of(&seal.to_string());
            owners.sealed(&who, seal, &Arc::from("a"));
        }
        assert_eq!(owners.of(&who, "resp_1"), Known::Own(owner("a")));
        assert_eq!(sealer(&owners, &who, "resp_1"), None);
    }

    #[test]
    fn a_key_that_has_most_crowds_out_itself() {
        let owners = Owners::default();
        let [loud, quiet] = keys(["loud", "quiet"]);
        note(&owners, &quiet, "resp_quiet", "q");
        note(&owners, &None, "resp_open", "o");
        given(&owners, &loud, 0..2 * KNOWN_MAX);
        is_bounded(&owners);
        assert_eq!(owners.of(&quiet, "resp_quiet"), Known::Own(owner("q")));
        assert_eq!(owners.of(&None, "resp_open"), Known::Own(owner("o")));
        assert_eq!(owners.of(&loud, "resp_0"), Known::Nothing);
        let latest = format!("resp_{}", 2 * KNOWN_MAX - 1);
        assert_eq!(owners.of(&loud, &latest), Known::Own(owner("p")));
        // Those that come later get half, and the other keeps its latest.
        given(&owners, &quiet, 0..KNOWN_MAX);
        is_bounded(&owners);
        assert_eq!(owners.of(&loud, &latest), Known::Own(owner("p")));
        let shares = owners.answers.lock();
        let length = |who: &Who| shares.shares.get(who).map_or(0, |share| share.things.len());
        assert!(length(&loud).abs_diff(length(&quiet)) <= 2);
    }

    #[test]
    fn an_answer_is_known_to_its_own_key() {
        let owners = Owners::default();
        let [a, b] = keys(["a", "b"]);
        note(&owners, &a, "resp_1", "p");
        for (who, expect) in
            [(&a, Known::Own(owner("p"))), (&b, Known::Others), (&None, Known::Others)]
        {
            assert_eq!(owners.of(who, "resp_1"), expect);
            assert_eq!(sealer(&owners, who, "resp_1").as_deref(), Some("p"));
            assert_eq!(owners.of(who, "resp_2"), Known::Nothing);
        }
        // Servers that count from one give both the same id: neither takes the other's.
        note(&owners, &b, "resp_1", "q");
        assert_eq!(owners.of(&a, "resp_1"), Known::Own(owner("p")));
        assert_eq!(owners.of(&b, "resp_1"), Known::Own(owner("q")));
    }
}
