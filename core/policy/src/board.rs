//! The health of everything outside, in one place: targets, credentials, hosts, the local network.
//!
//! Fed by what attempts and free probes see, asked by every exchange before an attempt.
//!
//! **Invariant:** a failure that is the caller's, or that hit every remote host at once, opens no
//! vendor's breaker.

use crate::breaker::{Breaker, Entry, Epoch, Sample};
use crate::{
    Breakers, Class, Leg, ProviderId, Retries, Scope, Turn, budget::Budget, pace::Pace, rate::Rate,
    rng::Rng,
};
use ir::{Dialect, Time, invariant};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

mod admission;
mod cell;
mod credentials;
mod declared;
mod network;
mod slow;

pub use admission::{Admission, Permit, Why};
use credentials::Credentials;
pub use network::Probed;
use network::{Miss, Network};

/// What an exchange asks of health, and tells it. The shell locks around it.
pub trait Health {
    /// A request arrived: it feeds the retry budget.
    fn arrived(&self);
    /// May an attempt on this leg begin?
    fn enter(&self, now: Time, leg: &Leg) -> Admission;
    /// Begin it although it may not: the least bad of what is left.
    fn force(&self, now: Time, leg: &Leg) -> Permit;
    /// Take one extra attempt from the budget.
    fn spend(&self) -> bool;
    /// An attempt showed its first content; after how long, where that tells its pace (streams).
    fn alive(&self, now: Time, leg: &Leg, permit: &mut Permit, after: Option<Duration>);
    /// A request that might be sent to this leg, or to one of the others, which were not asked yet:
    /// is the leg slow just now, and another well and faster? `tells`: its answer would tell the pace.
    fn turn(
        &self,
        now: Time,
        leg: &Leg,
        others: &mut dyn Iterator<Item = &Leg>,
        tells: bool,
    ) -> Turn;
    /// An attempt has shown nothing for as long as [`Standing::late`].
    fn late(&self, now: Time, leg: &Leg, permit: &mut Permit, after: Duration);
    /// An attempt lost our patience.
    fn slow(&self, now: Time, leg: &Leg, permit: &mut Permit);
    /// An attempt ended.
    fn ended(&self, now: Time, leg: &Leg, permit: Permit, outcome: Outcome);
    /// What is known of a leg.
    fn standing(&self, leg: &Leg) -> Standing;
    /// Whether the leg's provider has a credential of ours in service.
    fn has_credential(&self, now: Time, leg: &Leg) -> bool;
    /// Whether local targets come first: every remote host fails at once, or it was declared that it is
    /// something here.
    fn local_first(&self) -> bool;
}

/// How an attempt ended, as far as health is concerned.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// With an answer.
    Good,
    /// With a failure, and the wait that was asked for.
    Failed(Class, Option<Duration>),
    /// By our own decision: another was faster, or the caller left.
    Cancelled,
}

/// What is known of a target.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Standing {
    /// Requests enter freely.
    pub closed: bool,
    /// Failures in a row.
    pub run: u32,
    /// Its usual time to first content.
    pub p95: Option<Duration>,
    /// What shows nothing for this long is late, by its own measure.
    pub late: Option<Duration>,
    /// The usual time between two contents of its streams.
    pub gap: Option<Duration>,
    /// Changes whenever it goes down.
    pub epoch: Epoch,
}

/// The health of everything.
#[derive(Debug)]
pub struct Board {
    settings: Breakers,
    /// By provider, dialect and model: some models are served in one dialect only, and a refusal there
    /// says nothing about the other.
    targets: BTreeMap<(ProviderId, Dialect, Arc<str>), Target>,
    providers: Vec<Credentials>,
    hosts: Network,
    budget: Budget,
    /// Permits given out and not yet back.
    permits: usize,
    rng: Rng,
}

#[derive(Debug, Default)]
struct Target {
    breaker: Breaker,
    /// To the first content, of plain requests and of those that ask for reasoning.
    pace: Pace,
    pace_thinking: Pace,
    rate: Rate,
    /// It asked to be left alone until then.
    cool_until: Time,
    used: Time,
}

/// One provider as the board must know it.
#[derive(Clone, Debug)]
pub struct Member {
    /// `host:port`: providers on one host share its fate.
    pub host: String,
    /// It runs on this machine.
    pub local: bool,
    /// How many credentials it has.
    pub credentials: usize,
}

/// Model names come from callers: no more targets than this are remembered.
const TARGETS_MAX: usize = 1024;
/// A target that asks to be left alone is believed for this long at most.
const COOL_MAX: Duration = Duration::from_mins(10);

// === impl Board ===

impl Board {
    /// A board on which everything is well.
    pub fn new(members: &[Member], settings: Breakers, retries: &Retries, seed: u64) -> Self {
        let mut board = Self {
            settings,
            targets: BTreeMap::new(),
            providers: Vec::new(),
            hosts: Network::default(),
            budget: Budget::new(retries.ratio, retries.reserve),
            permits: 0,
            rng: Rng::new(seed),
        };
        for member in members {
            board.join(member);
        }
        board
    }

    /// One more provider, on which everything is well. Its id is its own until it leaves.
    pub fn join(&mut self, member: &Member) -> ProviderId {
        let id = self.hosts.join(member, &mut self.rng);
        let credentials = Credentials::new(member.credentials);
        match self.providers.get_mut(id.0) {
            Some(free) => *free = credentials,
            None => self.providers.push(credentials),
        }
        id
    }

    /// Only these are still asked, and nobody is under way to any other: the others are forgotten.
    /// Returns who they were; their ids are free.
    pub fn leave_all_but(&mut self, here: &[ProviderId]) -> Vec<ProviderId> {
        let gone = self.hosts.leave_all_but(here);
        self.targets.retain(|(owner, _, _), _| !gone.contains(owner));
        gone
    }

    /// Other numbers from now on. What is known stays known.
    pub fn configure(&mut self, settings: Breakers, retries: &Retries) {
        self.settings = settings;
        self.budget.configure(retries.ratio, retries.reserve);
    }

    /// A request arrived.
    pub fn arrived(&mut self) {
        self.budget.deposit();
    }

    /// Takes one extra attempt from the budget.
    pub fn spend(&mut self) -> bool {
        self.budget.spend()
    }

    /// May an attempt on this leg begin?
    pub fn enter(&mut self, now: Time, leg: &Leg) -> Admission {
        self.budget.at(now);
        self.hosts.at(now);
        if let Some(until) = self.hosts.shut(now, leg.provider) {
            return Admission::Shut(until, Why::HostDown);
        }
        let cool = self.target(now, leg).cool_until;
        if now < cool {
            return Admission::Shut(cool, Why::Cooling);
        }
        let credential = match self.providers.get(leg.provider.0) {
            Some(credentials) if !leg.caller_owned => match credentials.pick(now, leg.only) {
                Ok(credential) => credential,
                Err(until) => return Admission::Shut(until, Why::Parked),
            },
            Some(_) | None => 0,
        };
        let settings = self.settings;
        let breaker = &mut self.target(now, leg).breaker;
        let why = breaker.why();
        let proving = match breaker.enter(now, &settings) {
            Entry::Open => false,
            Entry::Proving => true,
            Entry::Shut(until) => return Admission::Shut(until, why),
        };
        let epoch = breaker.epoch();
        let host = self.hosts.enter(leg.provider);
        if let Some(credentials) = self.providers.get_mut(leg.provider.0)
            && !leg.caller_owned
        {
            credentials.used(credential);
        }
        self.permits += 1;
        let proving = proving || host;
        Admission::Go(Permit { proving, host, ..Permit::new(credential, epoch) })
    }

    /// Begins although it may not.
    pub fn force(&mut self, now: Time, leg: &Leg) -> Permit {
        let epoch = self.target(now, leg).breaker.epoch();
        let credentials = self.providers.get(leg.provider.0).filter(|_| !leg.caller_owned);
        let credential = credentials.map_or(0, |it| it.least_bad(leg.only));
        self.permits += 1;
        Permit::new(credential, epoch)
    }

    /// An attempt showed its first content.
    pub fn alive(&mut self, now: Time, leg: &Leg, permit: &mut Permit, after: Option<Duration>) {
        let target = self.target(now, leg);
        if let Some(after) = after {
            target.pace_mut(leg).note(now, after, permit.late);
        }
        permit.shown = true;
        if permit.proving && target.breaker.believes_content() {
            permit.proving = false;
            target.breaker.proved(permit.epoch);
        }
        permit.host = false;
        self.reached(now, leg.provider);
    }

    /// Somebody spoke to us there.
    fn reached(&mut self, at: Time, provider: ProviderId) {
        if self.hosts.reached(at, provider) {
            self.forgive_remote();
        }
    }

    /// An attempt ended.
    pub fn ended(&mut self, now: Time, leg: &Leg, permit: &Permit, outcome: Outcome) {
        invariant!(Bd1, 0 < self.permits);
        self.permits = self.permits.saturating_sub(1);
        if let Some(heard) = permit.heard {
            self.reached(heard, leg.provider);
        }
        match outcome {
            Outcome::Good => {
                self.reached(now, leg.provider);
                if permit.proving {
                    self.target(now, leg).breaker.proved(permit.epoch);
                }
                if let Some(gap) = permit.gap {
                    self.target(now, leg).rate.note(gap);
                }
                // What came after our patience is no better for having come.
                if !permit.counted {
                    self.sample(now, leg, permit, Sample::Good);
                }
                return;
            }
            Outcome::Failed(class, wait) => self.failed(now, leg, permit, (class, wait)),
            Outcome::Cancelled => {}
        }
        if permit.proving {
            self.target(now, leg).breaker.released(now, permit.epoch);
        }
        if permit.host {
            self.hosts.released(leg.provider);
        }
    }

    fn failed(
        &mut self,
        now: Time,
        leg: &Leg,
        permit: &Permit,
        (class, wait): (Class, Option<Duration>),
    ) {
        let scope = class.row().scope;
        if scope == Scope::Host {
            return self.missed(now, leg, permit, class);
        }
        if class.has_spoken() {
            self.reached(now, leg.provider);
        }
        match scope {
            Scope::Target if !permit.counted => {
                let sample = if permit.shown { Sample::Broken } else { Sample::Bad };
                self.sample(now, leg, permit, sample);
            }
            // A caller's own account and its limits say nothing about anybody else's.
            Scope::Park | Scope::Credential | Scope::Misconfigured if leg.caller_owned => return,
            Scope::Park => {
                self.sample(now, leg, permit, Sample::Throttled);
                self.park(now, leg.provider, permit.credential, wait);
                return;
            }
            Scope::Credential => {
                if let Some(credentials) = self.providers.get_mut(leg.provider.0) {
                    credentials.refused(now, permit.credential, wait);
                }
            }
            Scope::Misconfigured => self.target(now, leg).breaker.misconfigured(now),
            Scope::Target | Scope::None | Scope::Host => {}
        }
        // A conflict is between this caller and its own request.
        if let Some(wait) = wait.filter(|_| class.row().transient && class != Class::Conflict) {
            self.target(now, leg).cool_until = now + wait.min(COOL_MAX);
        }
    }

    /// Nobody, or somebody else, answered at the host's address.
    fn missed(&mut self, now: Time, leg: &Leg, permit: &Permit, class: Class) {
        let unreached = !matches!(class, Class::WrongContent | Class::Firewall);
        let miss = Miss { unreached, trial: permit.host };
        let settings = self.settings;
        if self.hosts.failed(now, leg.provider, miss, &settings) {
            self.forgive_remote();
        }
        if permit.proving && !self.hosts.is_ours() {
            let mut rng = self.rng.clone();
            let breaker = &mut self.target(now, leg).breaker;
            breaker.missed(now, permit.epoch, &settings, &mut rng);
            self.rng = rng;
        }
    }

    fn park(&mut self, now: Time, provider: ProviderId, credential: usize, wait: Option<Duration>) {
        if let Some(credentials) = self.providers.get_mut(provider.0) {
            credentials.parked(now, credential, wait);
        }
    }

    fn sample(&mut self, now: Time, leg: &Leg, permit: &Permit, sample: Sample) {
        let settings = self.settings;
        let mut rng = self.rng.clone();
        let breaker = &mut self.target(now, leg).breaker;
        breaker.sample(now, (permit.epoch, sample), &settings, &mut rng);
        self.rng = rng;
    }

    /// The local network went down, or came back: what failed around that time was nobody's fault
    /// out there.
    fn forgive_remote(&mut self) {
        for ((provider, _, _), target) in &mut self.targets {
            if !self.hosts.is_local(*provider) {
                target.breaker.forgive();
            }
        }
    }

    /// What is known of a leg.
    pub fn standing(&self, leg: &Leg) -> Standing {
        let key = (leg.provider, leg.dialect, Arc::clone(&leg.model));
        let target = self.targets.get(&key);
        let pace = target.map(|target| target.pace(leg));
        Standing {
            closed: target.is_none_or(|target| target.breaker.is_closed())
                && self.hosts.is_closed(leg.provider),
            run: target.map_or(0, |target| target.breaker.run()),
            p95: pace.and_then(Pace::p95),
            late: pace.and_then(|pace| pace.brownout.late_after()),
            gap: target.and_then(|target| target.rate.usual()),
            epoch: target.map_or_else(Epoch::default, |target| target.breaker.epoch()),
        }
    }

    /// Whether the leg's provider has a credential of ours in service.
    pub fn has_credential(&self, now: Time, leg: &Leg) -> bool {
        let credentials = self.providers.get(leg.provider.0);
        !leg.caller_owned
            && credentials.is_some_and(|credentials| credentials.is_ready(now, leg.only))
    }

    /// Whether every remote host fails at once, as attempts met them.
    pub fn network_down(&self) -> bool {
        self.hosts.is_down()
    }

    /// Whether local targets come first: for that, or because it was declared.
    pub fn local_first(&self) -> bool {
        self.hosts.is_ours()
    }

    /// The providers that a free probe (connect, TLS, `GET /models`) should ask now; each at most
    /// once per probe period.
    pub fn probes_due(&mut self, now: Time) -> Vec<ProviderId> {
        let waiting: Vec<ProviderId> = self
            .targets
            .iter()
            .filter(|(_, target)| target.breaker.wants_probe())
            .map(|((provider, _, _), _)| *provider)
            .collect();
        self.hosts.probes_due(now, &waiting, self.settings.probe)
    }

    /// A free probe came back.
    pub fn probed(&mut self, now: Time, provider: ProviderId, probed: Probed) {
        match probed {
            Probed::Well => self.reached(now, provider),
            Probed::Unwell => {}
            Probed::Unanswered => self.hosts.unanswered(now, provider),
        }
        let well = probed == Probed::Well;
        for ((owner, _, _), target) in &mut self.targets {
            if *owner == provider {
                target.breaker.probed(now, well, &mut self.rng);
            }
        }
    }

    /// Every target that is not well, and the word for how it stands.
    pub fn unwell(&self) -> Vec<(ProviderId, Arc<str>, &'static str)> {
        self.targets
            .iter()
            .filter(|(_, target)| !target.breaker.is_closed())
            .map(|((provider, _, model), target)| {
                (*provider, Arc::clone(model), target.breaker.word())
            })
            .collect()
    }

    /// Every host, `host:port`, and whether requests enter it freely.
    pub fn hosts(&self) -> impl Iterator<Item = (&str, bool)> {
        self.hosts.hosts()
    }

    /// How many permits are out. Zero once every exchange has ended (BD1).
    pub fn permits(&self) -> usize {
        self.permits
    }

    fn target(&mut self, now: Time, leg: &Leg) -> &mut Target {
        let key = (leg.provider, leg.dialect, Arc::clone(&leg.model));
        if TARGETS_MAX <= self.targets.len() && !self.targets.contains_key(&key) {
            self.evict(now);
        }
        let target = self.targets.entry(key).or_default();
        target.used = now;
        target
    }

    /// Forgets what holds nothing, or else what was used longest ago: of names that are nobody's
    /// (callers can make up any number) first, of targets in trouble last.
    fn evict(&mut self, now: Time) {
        let settings = self.settings;
        self.targets
            .retain(|_, target| !target.breaker.is_idle(now, &settings) || now < target.cool_until);
        if TARGETS_MAX <= self.targets.len() {
            let oldest =
                self.targets.iter().min_by_key(|(_, target)| (target.worth(), target.used));
            if let Some(key) = oldest.map(|(key, _)| key.clone()) {
                self.targets.remove(&key);
            }
        }
    }
}

// === impl Target ===

impl Target {
    /// How much is lost when it is forgotten.
    fn worth(&self) -> u8 {
        match (self.breaker.is_misconfigured(), self.breaker.is_closed(), self.breaker.run()) {
            (true, _, _) => 0,
            (false, true, 0) => 1,
            (false, true, _) => 2,
            (false, false, _) => 3,
        }
    }
}

#[cfg(test)]
mod tests;
