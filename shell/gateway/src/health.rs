//! The board behind a lock: the one piece of state that requests share; and what they tell it, for
//! whoever watches.

use ir::{Blame, Time};
use monitor::Settled;
use parking_lot::{Mutex, MutexGuard};
use policy::{
    Admission, Board, Class, Health, Leg, Outcome, Permit, ProviderId, Scope, Standing, Turn,
};
use std::sync::Arc;
use std::time::Duration;

/// A board that many requests ask at once. Held for the length of one question.
#[derive(Debug)]
pub(crate) struct Locked {
    board: Mutex<Board>,
    heard: Mutex<Option<Vec<Heard>>>,
}

/// What an attempt told.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) provider: ProviderId,
    pub(crate) model: Arc<str>,
    pub(crate) credential: usize,
    pub(crate) at: Time,
    pub(crate) what: What,
}

/// What is told of an attempt.
#[derive(Clone, Copy, Debug)]
pub(crate) enum What {
    /// It ended.
    Ended(Settled),
    /// It showed its first content, after so long.
    First(Duration),
}

/// What waits for whoever watches, at most; they come several times a second, and what is more than
/// this says nothing new.
const HEARD_MAX: usize = 16_384;

/// Health for requests that must leave no trace on it: they ask, and tell nothing. A provider
/// without a token counter is not a provider that is down.
#[derive(Debug)]
pub(crate) struct Bystander<'a>(pub(crate) &'a Locked);

// === impl Locked ===

impl Locked {
    pub(crate) fn new(board: Board) -> Self {
        Self { board: Mutex::new(board), heard: Mutex::new(None) }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Board> {
        self.board.lock()
    }

    /// What was told since the last time; from now on it is kept, or not.
    pub(crate) fn heard(&self, listening: bool) -> Vec<Heard> {
        let next = listening.then(Vec::new);
        std::mem::replace(&mut *self.heard.lock(), next).unwrap_or_default()
    }

    fn tell(&self, now: Time, leg: &Leg, credential: usize, what: What) {
        if let Some(heard) = &mut *self.heard.lock()
            && heard.len() < HEARD_MAX
        {
            let (provider, model) = (leg.provider, Arc::clone(&leg.model));
            heard.push(Heard { provider, model, credential, at: now, what });
        }
    }
}

/// What an outcome says of the provider. Nothing, where it is the caller's or our own.
fn settled(leg: &Leg, outcome: Outcome) -> Settled {
    let class = match outcome {
        Outcome::Good => return Settled::Good,
        Outcome::Cancelled => return Settled::Nothing,
        Outcome::Failed(class, _) => class,
    };
    let row = class.row();
    let own = matches!(row.scope, Scope::Park | Scope::Credential | Scope::Misconfigured);
    let (caller, gateway) = (row.blame == Blame::Caller, row.blame == Blame::Gateway);
    if caller || (gateway && row.scope == Scope::None) || (own && leg.caller_owned) {
        return Settled::Nothing;
    }
    if class == Class::NotFound {
        return Settled::Missing(row.word);
    }
    let alarms = !matches!(row.scope, Scope::None | Scope::Misconfigured);
    Settled::Bad { class: row.word, alarms }
}

impl Health for Locked {
    fn arrived(&self) {
        self.lock().arrived();
    }

    fn enter(&self, now: Time, leg: &Leg) -> Admission {
        self.lock().enter(now, leg)
    }

    fn force(&self, now: Time, leg: &Leg) -> Permit {
        self.lock().force(now, leg)
    }

    fn spend(&self) -> bool {
        self.lock().spend()
    }

    fn alive(&self, now: Time, leg: &Leg, permit: &mut Permit, after: Option<Duration>) {
        if let Some(after) = after {
            self.tell(now, leg, permit.credential, What::First(after));
        }
        self.lock().alive(now, leg, permit, after);
    }

    fn turn(
        &self,
        now: Time,
        leg: &Leg,
        others: &mut dyn Iterator<Item = &Leg>,
        tells: bool,
    ) -> Turn {
        self.lock().turn(now, leg, others, tells)
    }

    fn late(&self, now: Time, leg: &Leg, permit: &mut Permit, after: Duration) {
        self.lock().late(now, leg, permit, after);
    }

    fn slow(&self, now: Time, leg: &Leg, permit: &mut Permit) {
        let before = permit.is_counted();
        self.lock().slow(now, leg, permit);
        if permit.is_counted() && !before {
            let silent = Settled::Bad { class: Class::Silent.word(), alarms: true };
            self.tell(now, leg, permit.credential, What::Ended(silent));
        }
    }

    fn ended(&self, now: Time, leg: &Leg, permit: Permit, outcome: Outcome) {
        // It was told when it lost our patience.
        let told = if permit.is_counted() { Settled::Nothing } else { settled(leg, outcome) };
        self.tell(now, leg, permit.credential, What::Ended(told));
        self.lock().ended(now, leg, &permit, outcome);
    }

    fn standing(&self, leg: &Leg) -> Standing {
        self.lock().standing(leg)
    }

    fn has_credential(&self, now: Time, leg: &Leg) -> bool {
        self.lock().has_credential(now, leg)
    }

    fn local_first(&self) -> bool {
        self.lock().local_first()
    }
}

// === impl Bystander ===

impl Health for Bystander<'_> {
    fn arrived(&self) {}

    fn enter(&self, now: Time, leg: &Leg) -> Admission {
        self.0.enter(now, leg)
    }

    fn force(&self, now: Time, leg: &Leg) -> Permit {
        self.0.force(now, leg)
    }

    fn spend(&self) -> bool {
        self.0.spend()
    }

    fn alive(&self, _now: Time, _leg: &Leg, _permit: &mut Permit, _after: Option<Duration>) {}

    fn turn(
        &self,
        now: Time,
        leg: &Leg,
        others: &mut dyn Iterator<Item = &Leg>,
        _tells: bool,
    ) -> Turn {
        // It is counted among nobody.
        self.0.turn(now, leg, others, false)
    }

    fn late(&self, _now: Time, _leg: &Leg, _permit: &mut Permit, _after: Duration) {}

    fn slow(&self, _now: Time, _leg: &Leg, _permit: &mut Permit) {}

    fn ended(&self, now: Time, leg: &Leg, permit: Permit, _outcome: Outcome) {
        self.0.ended(now, leg, permit, Outcome::Cancelled);
    }

    fn standing(&self, leg: &Leg) -> Standing {
        self.0.standing(leg)
    }

    fn has_credential(&self, now: Time, leg: &Leg) -> bool {
        self.0.has_credential(now, leg)
    }

    fn local_first(&self) -> bool {
        self.0.local_first()
    }
}
