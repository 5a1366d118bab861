//! The board behind a lock: the one piece of state that requests share.

use ir::Time;
use parking_lot::{Mutex, MutexGuard};
use policy::{Admission, Board, Health, Leg, Outcome, Permit, Standing, Turn};
use std::time::Duration;

/// A board that many requests ask at once. Held for the length of one question.
#[derive(Debug)]
pub(crate) struct Locked(Mutex<Board>);

/// Health for requests that must leave no trace on it: they ask, and tell nothing. A provider
/// without a token counter is not a provider that is down.
#[derive(Debug)]
pub(crate) struct Bystander<'a>(pub(crate) &'a Locked);

// === impl Locked ===

impl Locked {
    pub(crate) fn new(board: Board) -> Self {
        Self(Mutex::new(board))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Board> {
        self.0.lock()
    }
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
        self.lock().slow(now, leg, permit);
    }

    fn ended(&self, now: Time, leg: &Leg, permit: Permit, outcome: Outcome) {
        self.lock().ended(now, leg, &permit, outcome);
    }

    fn standing(&self, leg: &Leg) -> Standing {
        self.lock().standing(leg)
    }

    fn has_credential(&self, now: Time, leg: &Leg) -> bool {
        self.lock().has_credential(now, leg)
    }

    fn network_down(&self) -> bool {
        self.lock().network_down()
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

    fn network_down(&self) -> bool {
        self.0.network_down()
    }
}
