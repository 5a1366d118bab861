//! A board for one thread: tests and the simulator. The gateway has its own lock.

use super::{Admission, Board, Health, Outcome, Permit, Standing};
use crate::{Leg, Turn};
use ir::Time;
use std::cell::RefCell;
use std::time::Duration;

impl Health for RefCell<Board> {
    fn arrived(&self) {
        self.borrow_mut().arrived();
    }

    fn enter(&self, now: Time, leg: &Leg) -> Admission {
        self.borrow_mut().enter(now, leg)
    }

    fn force(&self, now: Time, leg: &Leg) -> Permit {
        self.borrow_mut().force(now, leg)
    }

    fn spend(&self) -> bool {
        self.borrow_mut().spend()
    }

    fn alive(&self, now: Time, leg: &Leg, permit: &mut Permit, after: Option<Duration>) {
        self.borrow_mut().alive(now, leg, permit, after);
    }

    fn turn(
        &self,
        now: Time,
        leg: &Leg,
        others: &mut dyn Iterator<Item = &Leg>,
        tells: bool,
    ) -> Turn {
        self.borrow_mut().turn(now, leg, others, tells)
    }

    fn late(&self, now: Time, leg: &Leg, permit: &mut Permit, after: Duration) {
        self.borrow_mut().late(now, leg, permit, after);
    }

    fn slow(&self, now: Time, leg: &Leg, permit: &mut Permit) {
        self.borrow_mut().slow(now, leg, permit);
    }

    fn ended(&self, now: Time, leg: &Leg, permit: Permit, outcome: Outcome) {
        self.borrow_mut().ended(now, leg, &permit, outcome);
    }

    fn standing(&self, leg: &Leg) -> Standing {
        self.borrow().standing(leg)
    }

    fn has_credential(&self, now: Time, leg: &Leg) -> bool {
        self.borrow().has_credential(now, leg)
    }

    fn local_first(&self) -> bool {
        self.borrow().local_first()
    }
}
