//! Time passes for months: requests arrive, attempts yield, outages come and go.

use super::target::{CALLER_WAITS, Target};
use super::{Losses, Setup, Tally, chain, outages};
use crate::dice::Dice;
use crate::provider::Call;
use crate::story::{Going, Story, joined};
use crate::watched::Watched;
use crate::witness::Witness;
use ir::{Ending, Invariant, Shape, Time};
use policy::{
    Action, AttemptId, Board, Breakers, Exchange, Input, Joiner, Leg, Member, Probed, ProviderId,
    Report, Retries, Terms, Turn,
};
use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

/// Months while they are lived through.
pub(super) struct Quarter {
    setup: Setup,
    seed: u64,
    targets: Vec<Target>,
    legs: Vec<Leg>,
    /// What every answer says.
    story: Story,
    health: Watched,
    /// Those under way, by their numbers.
    live: BTreeMap<u64, Request>,
    heap: BTreeMap<(Time, u64), Happening>,
    numbered: u64,
    now: Time,
    /// The number of the next request.
    next: u64,
    /// Requests in a row that their first target answered at once.
    calm: u64,
    /// Who answered last.
    server: usize,
    tally: Tally,
}

/// A request under way.
struct Request {
    exchange: Exchange,
    witness: Witness,
    began: Time,
    dice: Dice,
    /// Its earliest timer.
    timer: Option<Time>,
    /// The budget refused it something.
    refused: bool,
}

enum Happening {
    News(u64, AttemptId, Input),
    Timer(u64),
    /// The board is asked whom to probe.
    Probes,
    Probed(ProviderId),
}

/// How often the board is asked whom to probe.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Nothing is left out within this of an outage: every memory of the board is shorter, but for the
/// mean of what is usual, which is the same whoever was asked.
const AROUND: Duration = Duration::from_mins(10);
/// Nobody's answer lasts this long.
const LOOK_BACK: Duration = Duration::from_secs(10);
/// Nor before so many requests were answered at once.
const CALM: u64 = 1000;
const WEEK: Duration = Duration::from_hours(24 * 7);

// === impl Quarter ===

impl Quarter {
    pub(super) fn new(setup: &Setup, seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let outages = outages::draw(setup, &mut dice);
        let targets: Vec<Target> =
            outages.into_iter().map(|outages| Target::new(outages, &mut dice)).collect();
        let member = |index| Member { host: format!("host{index}"), local: false, credentials: 1 };
        let members: Vec<Member> = (0..setup.targets).map(member).collect();
        let board = Board::new(&members, Breakers::default(), &Retries::default(), seed);
        let weeks = setup.lasts().as_secs().div_ceil(WEEK.as_secs());
        let weeks = usize::try_from(weeks).unwrap_or(0);
        let begun = targets.iter().map(|it| it.outages().len()).sum::<usize>();
        Self {
            setup: *setup,
            seed: dice.seed(),
            legs: chain::legs(setup.targets),
            story: Story { calls: 0, ..Story::draw(0, &mut dice) },
            health: Watched::new(board),
            live: BTreeMap::new(),
            heap: BTreeMap::new(),
            numbered: 0,
            now: Time::ZERO,
            next: 0,
            calm: 0,
            server: 0,
            tally: Tally {
                outages: u64::try_from(begun).unwrap_or(0),
                direct: vec![0; setup.targets],
                weeks: vec![(0, 0); weeks],
                ..Tally::default()
            },
            targets,
        }
    }

    /// Lives to the end: what it came to, or the promise that was broken.
    pub(super) fn live(mut self) -> Result<Tally, String> {
        let broken = Invariant::ALL.map(Invariant::broken);
        self.later(Time::ZERO, Happening::Probes);
        let end = Time::ZERO + self.setup.lasts();
        loop {
            let arrives = self.arrival(self.next);
            let due = self.heap.first_key_value().map(|((at, _), _)| *at);
            if end <= arrives && self.live.is_empty() {
                break;
            }
            if arrives < end && due.is_none_or(|due| arrives < due) {
                self.goes_to(arrives);
                let skipped = if self.setup.whole { 0 } else { self.skips(end) };
                if skipped == 0 {
                    self.arrives()?;
                }
            } else if let Some(((at, _), what)) = self.heap.pop_first() {
                self.goes_to(at);
                self.happens(what).map_err(|what| format!("{what}, at {at:?}"))?;
            }
        }
        if Invariant::ALL.map(Invariant::broken) != broken {
            return Err("an invariant of the core".to_owned());
        }
        let permits = self.health.board.borrow().permits();
        if permits != 0 {
            return Err(format!("BD1: {permits} permits never came back"));
        }
        Ok(self.tally)
    }

    fn goes_to(&mut self, at: Time) {
        self.now = at;
        self.health.now.set(at);
    }

    fn later(&mut self, at: Time, what: Happening) {
        self.numbered += 1;
        self.heap.insert((at, self.numbered), what);
    }

    /// What chance holds for one request: the same, whichever others are lived through.
    fn dice(&self, number: u64) -> Dice {
        let mut mixed = Dice::new(self.seed ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        Dice::new(mixed.seed())
    }

    /// The same for a caller that asks one target directly.
    fn direct(&self, number: u64, target: usize) -> Dice {
        let mut mixed = self.dice(number);
        let target = u64::try_from(target).unwrap_or(u64::MAX);
        Dice::new(mixed.seed() ^ target.wrapping_mul(0xD1B5_4A32_D192_ED03))
    }

    /// Each arrives somewhere in its own part of a second.
    fn arrival(&self, number: u64) -> Time {
        let part = Duration::from_secs(1) / u32::try_from(self.setup.per_second).unwrap_or(1);
        let micros = u64::try_from(part.as_micros()).unwrap_or(1);
        let within = Duration::from_micros(self.dice(number).within(0..micros));
        Time::ZERO + Duration::from_micros(number * micros) + within
    }

    /// Leaves out the rest of a healthy stretch: how many requests.
    fn skips(&mut self, end: Time) -> u64 {
        if self.calm < CALM || !self.is_settled() {
            return 0;
        }
        let begins = |target: &Target| {
            let outages = target.outages().iter();
            outages.map(|outage| outage.from).find(|from| self.now <= *from)
        };
        let next = self.targets.first().and_then(begins);
        let until = next.map_or(end, |next| Time::ZERO + next.since(Time::ZERO + AROUND));
        let part = 1_000_000 / self.setup.per_second.max(1);
        let numbered =
            |at: Time| u64::try_from(at.since(Time::ZERO).as_micros()).unwrap_or(u64::MAX) / part;
        let (first, last) = (self.next, numbered(until));
        while self.next < last {
            // No further than its week.
            let week = self.week(Time::ZERO + Duration::from_micros(self.next * part));
            let weeks = u32::try_from(week + 1).unwrap_or(u32::MAX);
            let to = last.min(numbered(Time::ZERO + WEEK * weeks) + 1).max(self.next + 1);
            if let Some(of_week) = self.tally.weeks.get_mut(week) {
                of_week.0 += to - self.next;
            }
            self.next = to;
        }
        let skipped = self.next - first;
        if 0 < skipped {
            self.asks_others_directly(first..self.next, numbered);
            self.tally.requests += skipped;
            self.tally.attempts += skipped;
            self.calm = 0;
        }
        skipped
    }

    /// Of requests that are left out, what would have become of them at the targets that nobody asks.
    fn asks_others_directly(&mut self, left_out: Range<u64>, numbered: impl Fn(Time) -> u64) {
        for (index, target) in self.targets.iter().enumerate().skip(1) {
            let mut next = left_out.start;
            for outage in target.outages() {
                // An answer lasts shorter than this before it is caught.
                let from = numbered(Time::ZERO + outage.from.since(Time::ZERO + LOOK_BACK));
                let until = (numbered(outage.until) + 1).min(left_out.end);
                for number in from.max(next)..until {
                    let at = self.arrival(number);
                    let lost = u64::from(!target.serves(at, &mut self.direct(number, index)));
                    if let Some(all) = self.tally.direct.get_mut(index) {
                        *all += lost;
                    }
                }
                next = next.max(until);
            }
        }
    }

    /// Every request has one outcome: the first target is not ill and was not a while ago, and nothing
    /// stands against it. How the others are is nobody's concern then.
    fn is_settled(&mut self) -> bool {
        let ill = |target: &Target| {
            target
                .outages()
                .iter()
                .any(|it| it.from <= self.now + AROUND && self.now < it.until + AROUND)
        };
        if self.targets.first().is_none_or(ill) {
            return false;
        }
        let mut board = self.health.board.borrow_mut();
        let Some((first, others)) = self.legs.split_first() else { return false };
        board.standing(first).closed
            && board.turn(self.now, first, &mut others.iter(), false) == Turn::Usual
    }

    fn week(&self, at: Time) -> usize {
        let week = at.since(Time::ZERO).as_secs() / WEEK.as_secs();
        usize::try_from(week).unwrap_or(usize::MAX).min(self.tally.weeks.len().saturating_sub(1))
    }

    fn arrives(&mut self) -> Result<(), String> {
        let number = self.next;
        self.next += 1;
        let mut dice = self.dice(number);
        for (index, target) in self.targets.iter().enumerate() {
            let lost = u64::from(!target.serves(self.now, &mut self.direct(number, index)));
            if let Some(all) = self.tally.direct.get_mut(index) {
                *all += lost;
            }
        }
        let plan = chain::plan(&self.legs, &mut dice);
        let request = Request {
            exchange: Exchange::new(plan, self.now),
            witness: Witness::new(&self.story),
            began: self.now,
            dice,
            timer: None,
            refused: false,
        };
        self.live.insert(number, request);
        self.tally.requests += 1;
        self.tally.lived += 1;
        let week = self.week(self.now);
        if let Some(week) = self.tally.weeks.get_mut(week) {
            week.0 += 1;
        }
        policy::Health::arrived(&self.health);
        self.ticks(number)
    }

    fn happens(&mut self, what: Happening) -> Result<(), String> {
        match what {
            Happening::News(number, id, input) => {
                let Some(request) = self.live.get_mut(&number) else { return Ok(()) };
                request.exchange.handle(self.now, id, input, &self.health);
                self.goes_on(number)
            }
            Happening::Timer(number) => {
                let Some(request) = self.live.get_mut(&number) else { return Ok(()) };
                if request.timer == Some(self.now) {
                    request.timer = None;
                    return self.ticks(number);
                }
                Ok(())
            }
            Happening::Probes => {
                let due = self.health.board.borrow_mut().probes_due(self.now);
                for id in due {
                    self.later(self.now + Duration::from_millis(50), Happening::Probed(id));
                }
                self.later(self.now + LOOK_EVERY, Happening::Probes);
                Ok(())
            }
            Happening::Probed(id) => {
                let found = self.targets.get(id.0).is_some_and(|it| it.is_found(self.now));
                let probed = if found { Probed::Well } else { Probed::Unanswered };
                self.health.board.borrow_mut().probed(self.now, id, probed);
                Ok(())
            }
        }
    }

    fn ticks(&mut self, number: u64) -> Result<(), String> {
        if let Some(request) = self.live.get_mut(&number) {
            request.exchange.tick(self.now, &self.health);
            if !request.witness.served && request.began + CALLER_WAITS <= self.now {
                request.exchange.caller_gone(self.now, &self.health);
            }
        }
        self.goes_on(number)
    }

    /// Does what the exchange says, and sets its timer.
    fn goes_on(&mut self, number: u64) -> Result<(), String> {
        let Some(request) = self.live.get_mut(&number) else { return Ok(()) };
        request.refused |= self.health.refused.get() == Some(self.now);
        while let Some(action) = request.exchange.poll() {
            request.witness.sees(&action, request.exchange.plan())?;
            if let Action::Begin { attempt, leg, way, .. } = action
                && let Some(target) = self.targets.get(leg)
            {
                let request_of = usize::try_from(number).unwrap_or(usize::MAX);
                let shape = Shape::Stream;
                let told = request.exchange.told();
                let going = way.zip(told).map(|(way, told)| Going { way, told });
                let call = Call {
                    request: request_of,
                    attempt: attempt.0,
                    shape,
                    watched: false,
                    story: &self.story,
                    going,
                };
                let mut news = target.call(self.now, call, &mut request.dice);
                if let Some(Going { way, told }) = going {
                    news = joined(news, call, Joiner::new(told, way, Terms::default()));
                }
                for (after, input) in news {
                    self.numbered += 1;
                    let key = (self.now + after, self.numbered);
                    self.heap.insert(key, Happening::News(number, attempt, input));
                }
            }
        }
        request.witness.rests()?;
        self.health.broken().map_or(Ok(()), Err)?;
        if request.exchange.is_done() {
            return self.is_over(number);
        }
        let leaves = (!request.witness.served).then_some(request.began + CALLER_WAITS);
        let due = request.exchange.poll_timeout().into_iter().chain(leaves).min();
        // A timer that comes too early looks again.
        if let Some(due) = due.filter(|due| request.timer.is_none_or(|timer| *due < timer)) {
            request.timer = Some(due);
            self.later(due, Happening::Timer(number));
        }
        Ok(())
    }

    fn is_over(&mut self, number: u64) -> Result<(), String> {
        let Some(request) = self.live.remove(&number) else { return Ok(()) };
        let report = request.exchange.report(self.now);
        request.witness.over(report.ending == Ending::Abandoned)?;
        let attempts = request.witness.attempts();
        self.tally.attempts += attempts;
        if report.ending == Ending::Answered {
            let server = self.legs.iter().position(|leg| Some(&leg.name) == report.target.as_ref());
            let server = server.unwrap_or(0);
            self.tally.switches += u64::from(server != self.server);
            self.tally.elsewhere += u64::from(server != 0);
            self.server = server;
            let at_once = server == 0 && attempts == 1;
            self.calm = if at_once { self.calm + 1 } else { 0 };
            return Ok(());
        }
        self.calm = 0;
        *self.cause(&request, &report) += 1;
        let week = self.week(request.began);
        if let Some(week) = self.tally.weeks.get_mut(week) {
            week.1 += 1;
        }
        Ok(())
    }

    /// What a request was lost to.
    fn cause(&mut self, request: &Request, report: &Report) -> &mut u64 {
        let ill = |target: &Target, at| target.outage(at).is_some();
        let all = |at| self.targets.iter().all(|target| ill(target, at));
        let all_down = all(request.began) || all(self.now);
        let server = self.legs.iter().position(|leg| Some(&leg.name) == report.target.as_ref());
        let began = report.attempts.last().map(|it| Duration::from_millis(it.began_ms));
        let began = request.began + began.unwrap_or_default();
        let target = server.and_then(|index| self.targets.get(index));
        let was_ill = target.is_some_and(|target| ill(target, began));
        let Losses { all_down: down, caught, cut, budget, late, other } = &mut self.tally.lost;
        match report.ending {
            Ending::Broken if was_ill => cut,
            Ending::Broken => caught,
            Ending::Answered | Ending::Rejected | Ending::Failed | Ending::Abandoned
                if all_down =>
            {
                down
            }
            Ending::Answered | Ending::Rejected | Ending::Failed | Ending::Abandoned
                if request.refused =>
            {
                budget
            }
            Ending::Abandoned => late,
            Ending::Answered | Ending::Rejected | Ending::Failed => other,
        }
    }
}
