//! The board, watched: who was let in as a trial, whom the budget refused.

use ir::Time;
use policy::{Admission, Board, Health, Leg, Outcome, Permit, Standing, Turn};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A board on one thread that notes what it is asked.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) board: RefCell<Board>,
    /// The world's time: not everything that is asked tells it.
    pub(crate) now: Cell<Time>,
    /// When the budget last said no.
    pub(crate) refused: Cell<Option<Time>>,
    ramps: RefCell<BTreeMap<Arc<str>, Ramp>>,
    broken: RefCell<Option<String>>,
}

/// One way back, from its trial on.
#[derive(Clone, Copy, Debug, Default)]
struct Ramp {
    /// Let in to prove something, and nothing is known of them yet.
    unproven: u64,
    /// Showed content.
    proved: u32,
    /// When the trial was let in.
    trial: Time,
}

/// A second trial beside a silent one waits so long.
const TRIAL_FOR: Duration = Duration::from_secs(10);
/// More than this never prove themselves at once.
const AT_ONCE_MAX: u64 = 64;

// === impl Watched ===

impl Watched {
    pub(crate) fn new(board: Board) -> Self {
        Self {
            board: RefCell::new(board),
            now: Cell::new(Time::ZERO),
            refused: Cell::new(None),
            ramps: RefCell::default(),
            broken: RefCell::default(),
        }
    }

    /// The first promise that was broken, if one was.
    pub(crate) fn broken(&self) -> Option<String> {
        self.broken.borrow_mut().take()
    }

    fn word(&self, leg: &Leg) -> &'static str {
        let unwell = self.board.borrow().unwell();
        let mut own = unwell
            .into_iter()
            .filter(|(provider, model, _)| *provider == leg.provider && *model == leg.model);
        own.next().map_or("closed", |(_, _, word)| word)
    }

    /// One was let in to prove something: one trial at a time, and after it a ramp that doubles.
    fn let_in(&self, leg: &Leg, before: &'static str) {
        let mut ramps = self.ramps.borrow_mut();
        let ramp = ramps.entry(Arc::clone(&leg.name)).or_default();
        let after = self.word(leg);
        let now = self.now.get();
        if before == "trial" && now.since(ramp.trial) < TRIAL_FOR {
            let what = format!("a second trial of {} at {:?}", leg.name, self.now.get());
            self.broken.borrow_mut().get_or_insert(what);
        }
        if after == "trial" {
            *ramp = Ramp { trial: now, ..Ramp::default() };
        }
        ramp.unproven += 1;
        let limit = (2 << ramp.proved.min(5)).min(AT_ONCE_MAX);
        if after == "ramp" && limit < ramp.unproven {
            let at_once = ramp.unproven;
            let what = format!("{at_once} on the ramp of {}, not {limit}", leg.name);
            self.broken.borrow_mut().get_or_insert(what);
        }
    }

    /// Whatever happened in between, a ramp begins anew.
    fn turned(&self, leg: &Leg, before: &'static str) {
        let after = self.word(leg);
        if before != after && (before == "ramp" || before != "trial") {
            self.ramps.borrow_mut().remove(&leg.name);
        }
    }

    fn settled(&self, leg: &Leg, proved: bool) {
        if let Some(ramp) = self.ramps.borrow_mut().get_mut(&leg.name) {
            ramp.unproven = ramp.unproven.saturating_sub(1);
            ramp.proved += u32::from(proved);
        }
    }
}

impl Health for Watched {
    fn arrived(&self) {
        self.board.borrow_mut().arrived();
    }

    fn enter(&self, now: Time, leg: &Leg) -> Admission {
        let before = self.word(leg);
        let admission = self.board.borrow_mut().enter(now, leg);
        if let Admission::Go(permit) = &admission
            && permit.proving
            && before != "closed"
        {
            self.let_in(leg, before);
        }
        admission
    }

    fn force(&self, now: Time, leg: &Leg) -> Permit {
        self.board.borrow_mut().force(now, leg)
    }

    fn spend(&self) -> bool {
        let may = self.board.borrow_mut().spend();
        if !may {
            self.refused.set(Some(self.now.get()));
        }
        may
    }

    fn alive(&self, now: Time, leg: &Leg, permit: &mut Permit, after: Option<Duration>) {
        let proving = permit.proving;
        self.board.borrow_mut().alive(now, leg, permit, after);
        if proving && !permit.proving {
            self.settled(leg, true);
        }
    }

    fn turn(
        &self,
        now: Time,
        leg: &Leg,
        others: &mut dyn Iterator<Item = &Leg>,
        tells: bool,
    ) -> Turn {
        self.board.borrow_mut().turn(now, leg, others, tells)
    }

    fn late(&self, now: Time, leg: &Leg, permit: &mut Permit, after: Duration) {
        self.board.borrow_mut().late(now, leg, permit, after);
    }

    fn slow(&self, now: Time, leg: &Leg, permit: &mut Permit) {
        let before = self.word(leg);
        self.board.borrow_mut().slow(now, leg, permit);
        self.turned(leg, before);
    }

    fn ended(&self, now: Time, leg: &Leg, permit: Permit, outcome: Outcome) {
        if permit.proving {
            self.settled(leg, outcome == Outcome::Good);
        }
        let before = self.word(leg);
        self.board.borrow_mut().ended(now, leg, &permit, outcome);
        self.turned(leg, before);
    }

    fn standing(&self, leg: &Leg) -> Standing {
        self.board.borrow().standing(leg)
    }

    fn has_credential(&self, now: Time, leg: &Leg) -> bool {
        self.board.borrow().has_credential(now, leg)
    }

    fn local_first(&self) -> bool {
        self.board.borrow().local_first()
    }
}
