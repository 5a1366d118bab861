//! Time passes: events in their order, each handed to the exchange it concerns.

use crate::figures::Figures;
use crate::provider::Call;
use crate::scene::Scene;
use crate::story::{Going, joined};
use crate::watched::Watched;
use crate::witness::Witness;
use ir::{Ending, Invariant, Time};
use policy::{
    Action, AttemptId, Board, Breakers, Exchange, Input, Joiner, Member, Plan, Probed, ProviderId,
    Retries, Terms, Way,
};
use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::time::Duration;

mod promises;

/// A world while it lives.
pub(crate) struct World {
    scene: Scene,
    health: Watched,
    requests: Vec<Request>,
    heap: BTreeMap<(Time, u64), Happening>,
    numbered: u64,
    now: Time,
    /// Requests that have not ended.
    pending: usize,
    figures: Figures,
}

/// A request while it lives, and what is remembered of it.
struct Request {
    exchange: Exchange,
    witness: Witness,
    began: Time,
    over: bool,
    timer: Option<Time>,
    /// The leg it began with.
    first: Option<usize>,
    attempts: Vec<Tried>,
    /// How it ended, and how long its first content took.
    ended: Option<(Ending, Option<Duration>)>,
}

/// An attempt, as it was begun.
struct Tried {
    at: Time,
    /// It reached somebody.
    reached: bool,
    leg: usize,
    way: Option<Way>,
}

enum Happening {
    /// The next request arrives.
    Arrives,
    News(usize, AttemptId, Box<Input>),
    Timer(usize),
    /// The caller leaves.
    Leaves(usize),
    /// The board is asked whom to probe.
    Probes,
    Probed(ProviderId),
}

/// How often the board is asked whom to probe.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// A world with more happenings than this goes round in circles.
const STEPS_MAX: u64 = 5_000_000;

// === impl World ===

impl World {
    pub(crate) fn new(scene: Scene) -> Self {
        let members: Vec<Member> = scene
            .providers
            .iter()
            .enumerate()
            .map(|(index, provider)| Member {
                host: format!("host{index}"),
                local: provider.local,
                credentials: provider.credentials,
            })
            .collect();
        let board = Board::new(&members, Breakers::default(), &Retries::default(), scene.seed);
        let mut world = Self {
            health: Watched::new(board),
            requests: Vec::with_capacity(scene.asks.len()),
            heap: BTreeMap::new(),
            numbered: 0,
            now: Time::ZERO,
            pending: scene.asks.len(),
            figures: Figures::default(),
            scene,
        };
        for at in world.scene.asks.iter().map(|ask| ask.at).collect::<Vec<_>>() {
            world.later(at, Happening::Arrives);
        }
        world.later(Time::ZERO, Happening::Probes);
        world
    }

    fn later(&mut self, at: Time, what: Happening) {
        self.numbered += 1;
        self.heap.insert((at, self.numbered), what);
    }

    /// Lives to the end: the figures, or the promise that was broken.
    pub(crate) fn live(mut self) -> Result<Figures, String> {
        let broken = Invariant::ALL.map(Invariant::broken);
        while let Some(((at, _), what)) = self.heap.pop_first() {
            self.now = at;
            self.health.now.set(at);
            self.figures.steps += 1;
            if STEPS_MAX < self.figures.steps {
                return Err("it never comes to rest".to_owned());
            }
            self.happens(what).map_err(|what| format!("{what}, at {:?}", at.since(Time::ZERO)))?;
        }
        if Invariant::ALL.map(Invariant::broken) != broken {
            return Err("an invariant of the core".to_owned());
        }
        self.keeps_promises()?;
        Ok(self.figures)
    }

    fn happens(&mut self, what: Happening) -> Result<(), String> {
        match what {
            Happening::Arrives => self.arrives(),
            Happening::News(index, id, input) => {
                if let Some(request) = self.requests.get_mut(index) {
                    request.exchange.handle(self.now, id, *input, &self.health);
                }
                self.goes_on(index)
            }
            Happening::Timer(index) => self.rings(index),
            Happening::Leaves(index) => {
                if let Some(request) = self.requests.get_mut(index) {
                    request.exchange.caller_gone(self.now, &self.health);
                }
                self.goes_on(index)
            }
            Happening::Probes => {
                self.probes();
                Ok(())
            }
            Happening::Probed(id) => {
                let found = self.scene.providers.get(id.0).is_some_and(|it| it.is_found(self.now));
                let probed = if found { Probed::Well } else { Probed::Unanswered };
                self.health.board.borrow_mut().probed(self.now, id, probed);
                Ok(())
            }
        }
    }

    fn arrives(&mut self) -> Result<(), String> {
        let index = self.requests.len();
        let Some(ask) = self.scene.asks.get(index) else { return Ok(()) };
        let plan = Plan {
            legs: ask.legs.clone(),
            shape: ask.shape,
            retries: Retries { total: ask.attempts, ..Retries::default() },
            ping_every: Duration::from_secs(15),
            total: Duration::from_mins(10),
            filter_next: false,
            empty_next: false,
            continues: ask.continues,
            unjoinable: None,
            structured: false,
            hold_max: 1 << 20,
            seed: ask.seed,
        };
        let leaves = ask.leaves;
        self.requests.push(Request {
            exchange: Exchange::new(plan, self.now),
            witness: Witness::new(&ask.story),
            began: self.now,
            over: false,
            timer: None,
            first: None,
            attempts: Vec::new(),
            ended: None,
        });
        if let Some(after) = leaves {
            self.later(self.now + after, Happening::Leaves(index));
        }
        self.figures.requests += 1;
        policy::Health::arrived(&self.health);
        self.ticks(index)
    }

    fn rings(&mut self, index: usize) -> Result<(), String> {
        match self.requests.get_mut(index) {
            Some(request) if request.timer == Some(self.now) => request.timer = None,
            Some(_) | None => return Ok(()),
        }
        self.ticks(index)?;
        let due = self.requests.get(index).and_then(|request| request.timer);
        if due.is_some_and(|due| due <= self.now) {
            Err("a timer that spins".into())
        } else {
            Ok(())
        }
    }

    fn ticks(&mut self, index: usize) -> Result<(), String> {
        if let Some(request) = self.requests.get_mut(index) {
            request.exchange.tick(self.now, &self.health);
        }
        self.goes_on(index)
    }

    /// Does what the exchange says, and sets its timer.
    fn goes_on(&mut self, index: usize) -> Result<(), String> {
        let Some(request) = self.requests.get_mut(index) else { return Ok(()) };
        if request.over {
            return Ok(());
        }
        let mut begun = Vec::new();
        while let Some(action) = request.exchange.poll() {
            request.witness.sees(&action, request.exchange.plan())?;
            if let Action::Begin { attempt, leg, way, .. } = action {
                request.first.get_or_insert(leg);
                begun.push((attempt, leg, way));
            }
            let nanos = self.now.since(Time::ZERO).as_nanos();
            let mut trace = Trace(self.figures.hash);
            // It takes whatever is written.
            _ = write!(trace, "{nanos} {index} {action:?}");
            self.figures.hash = trace.0;
        }
        request.witness.rests()?;
        for (attempt, leg, way) in begun {
            self.begins(index, attempt, (leg, way));
        }
        self.health.broken().map_or(Ok(()), Err)?;
        let Some(request) = self.requests.get_mut(index) else { return Ok(()) };
        if request.exchange.is_done() {
            return self.is_over(index);
        }
        let due = request.exchange.poll_timeout();
        if let Some(due) = due.filter(|due| request.timer.is_none_or(|timer| *due != timer)) {
            request.timer = Some(due);
            self.later(due, Happening::Timer(index));
        }
        Ok(())
    }

    fn begins(&mut self, index: usize, attempt: AttemptId, (leg, way): (usize, Option<Way>)) {
        let Some(request) = self.requests.get_mut(index) else { return };
        let Some(ask) = self.scene.asks.get(index) else { return };
        let plan = request.exchange.plan();
        let place = leg;
        let leg = plan.legs.get(place);
        let shape = leg.map_or(plan.shape, |leg| leg.shape(plan.shape));
        let Some(provider) = leg.and_then(|leg| self.scene.providers.get(leg.provider.0)) else {
            return;
        };
        self.figures.faults += u64::from(provider.illness(self.now).is_some());
        let unreached = provider.illness(self.now).is_some_and(|ill| ill.fault.unreached());
        request.attempts.push(Tried { at: self.now, reached: !unreached, leg: place, way });
        let watched = shape != plan.shape;
        let told = request.exchange.told();
        let going = way.zip(told).map(|(way, told)| Going { way, told });
        let (story, attempt) = (&ask.story, attempt.0);
        let call = Call { request: index, attempt, shape, watched, story, going };
        let mut news = provider.call(self.now, call, &mut self.scene.dice);
        if let Some(Going { way, told }) = going {
            news = joined(news, call, Joiner::new(told, way, Terms::default()));
        }
        for (after, input) in news {
            self.numbered += 1;
            let news = Happening::News(index, AttemptId(attempt), Box::new(input));
            self.heap.insert((self.now + after, self.numbered), news);
        }
    }

    fn is_over(&mut self, index: usize) -> Result<(), String> {
        let Some(request) = self.requests.get_mut(index) else { return Ok(()) };
        let report = request.exchange.report(self.now);
        request.over = true;
        let first = report.first_content_ms.map(Duration::from_millis);
        request.ended = Some((report.ending, first));
        request.witness.over(report.ending == Ending::Abandoned)?;
        self.pending -= 1;
        self.figures.attempts += request.witness.attempts();
        self.figures.seams += u64::try_from(request.exchange.seams()).unwrap_or(0);
        match report.ending {
            Ending::Answered => {
                self.figures.answered += 1;
                let first = request.exchange.plan().legs.first().map(|leg| &leg.name);
                self.figures.elsewhere += u64::from(report.target.as_ref() != first);
            }
            Ending::Broken => self.explains_cut(index)?,
            Ending::Abandoned => self.figures.abandoned += 1,
            Ending::Rejected | Ending::Failed => self.explains(index)?,
        }
        Ok(())
    }

    fn probes(&mut self) {
        let due = self.health.board.borrow_mut().probes_due(self.now);
        for id in due {
            let after = self.scene.dice.ms(5..100);
            self.later(self.now + after, Happening::Probed(id));
        }
        if 0 < self.pending {
            self.later(self.now + LOOK_EVERY, Happening::Probes);
        }
    }
}

/// What was done, in 64 bits: FNV-1a (<http://www.isthe.com/chongo/tech/comp/fnv/>).
struct Trace(u64);

// === impl Trace ===

impl Write for Trace {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let fold = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        self.0 = text.bytes().fold(self.0 ^ 0xcbf2_9ce4_8422_2325, fold);
        Ok(())
    }
}
