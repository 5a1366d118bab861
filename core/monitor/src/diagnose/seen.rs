//! Evidence as the rules ask for it: the questions that several of them share, answered once.

mod traffic;

use ir::evidence::{
    Answer, Asked, Form, Heard, Level, Page, Portal, Question, Rcode, Reached, Road, Session,
    Shake, Tally, Trust, Witness,
};
use ir::{Evidence, Place};
use std::collections::BTreeSet;
use std::net::IpAddr;
pub(super) use traffic::ENOUGH;

/// A piece of evidence and what follows from it alone.
pub(crate) struct Seen<'a> {
    pub(super) it: &'a Evidence,
}

/// Which part of the lookup a witness stands for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Part {
    /// What programs here get: the system's way, its hosts file, its stub.
    Cache,
    /// The resolvers that are configured.
    Upstream,
    /// Public ones, and servers that have the zone.
    Public,
}

/// A page that was read longer ago tells nothing of the network, in seconds.
const FRESH_S: u64 = 60;

impl<'a> Seen<'a> {
    pub(crate) fn of(it: &'a Evidence) -> Self {
        Self { it }
    }

    // --- names ---

    /// The answers of one part.
    pub(super) fn answers(&self, part: Part) -> impl Iterator<Item = (&'a Witness, &'a Answer)> {
        self.it.names.iter().filter(move |(witness, _)| part_of(witness) == Some(part))
    }

    /// Every address that one part gives.
    pub(crate) fn addresses(&self, part: Part) -> BTreeSet<IpAddr> {
        self.answers(part).flat_map(|(_, answer)| answer.addresses.iter().copied()).collect()
    }

    /// Whether anybody of one part gives an address; absent where nobody was asked.
    pub(super) fn finds(&self, part: Part) -> Option<bool> {
        let mut asked = self.answers(part).peekable();
        asked.peek()?;
        Some(asked.any(|(_, answer)| answer.found()))
    }

    /// An address of one part at which the host cannot be, and does not show itself. One of this network
    /// may be a server of one's own, unless the name is a vendor's, or others give it a public one.
    pub(crate) fn astray(&self, part: Part) -> Option<IpAddr> {
        let outside = self.it.here.vendors
            || [Part::Upstream, Part::Public]
                .iter()
                .any(|part| self.addresses(*part).iter().any(|it| !is_inside(*it)));
        let odd = |it: &IpAddr| match Place::of(*it) {
            Place::Private | Place::LinkLocal => outside,
            Place::Public | Place::Example | Place::Multicast => false,
            Place::Loopback | Place::Metadata | Place::Unspecified | Place::Reserved => true,
        };
        self.addresses(part).into_iter().find(|it| odd(it) && !self.is_there(*it))
    }

    /// Whether the host shows itself at an address: by its certificate, or, where it has none, by answers
    /// that are as they should be. A proxy looks the name up by itself.
    pub(crate) fn is_there(&self, address: IpAddr) -> bool {
        let answers = || self.it.here.proxy.is_none() && self.answers_small();
        let shows = |road: &Road| is_good(road) && (road.tls.is_some() || answers());
        self.it.roads.get(&address).is_some_and(shows)
    }

    /// Whether the neutral name is found by one part.
    pub(super) fn neutral_name(&self, part: Part) -> Option<bool> {
        let names = &self.it.control.names;
        let mut asked = names.iter().filter(|(it, _)| part_of(it) == Some(part)).peekable();
        asked.peek()?;
        Some(asked.any(|(_, answer)| answer.found()))
    }

    /// Everybody who answered about the name at all, beside the hosts file.
    pub(super) fn spoke(&self) -> Vec<&'a Answer> {
        let by_wire = self.it.names.iter().filter(|(it, _)| **it != Witness::Hosts);
        by_wire.map(|(_, answer)| answer).filter(|answer| answer.came()).collect()
    }

    /// Whether everybody who answered, and more than programs' own way, said the same kind of nothing.
    pub(super) fn all_say(&self, rcode: Rcode) -> bool {
        let spoke = self.spoke();
        let says = |it: &Answer| it.rcode == rcode && it.addresses.is_empty();
        let outside = self.answers(Part::Public).chain(self.answers(Part::Upstream));
        let heard = outside.filter(|(_, answer)| answer.came()).count();
        let saying = spoke.iter().filter(|it| says(it)).count();
        // One of many may still remember what was so a minute ago.
        2 <= spoke.len() && 1 <= heard && 3 * spoke.len() <= 4 * saying
    }

    // --- roads ---

    /// The roads that programs here take: to the addresses that the system gives, else to all.
    pub(super) fn taken(&self) -> Vec<(IpAddr, &'a Road)> {
        let mine = self.addresses(Part::Cache);
        let roads = || self.it.roads.iter().map(|(address, road)| (*address, road));
        let taken: Vec<_> = roads().filter(|(address, _)| mine.contains(address)).collect();
        if taken.is_empty() { roads().collect() } else { taken }
    }

    /// The roads to addresses that only others give.
    pub(super) fn spared(&self) -> Vec<(IpAddr, &'a Road)> {
        let mine = self.addresses(Part::Cache);
        let roads = self.it.roads.iter().map(|(address, road)| (*address, road));
        if mine.is_empty() {
            Vec::new()
        } else {
            roads.filter(|it| !mine.contains(&it.0)).collect()
        }
    }

    /// Whether programs get through to the host itself; absent where nobody tried.
    pub(super) fn gets_through(&self) -> Option<bool> {
        if self.finds(Part::Cache) == Some(false) {
            return Some(false);
        }
        let taken = self.taken();
        (!taken.is_empty()).then(|| taken.iter().any(|(_, road)| is_good(road)))
    }

    /// TLS sessions of the roads that programs take.
    pub(super) fn sessions(&self) -> Vec<&'a Session> {
        self.taken().into_iter().filter_map(|(_, road)| road.tls.as_ref()).collect()
    }

    /// Those of them that came to certificates which are not the host's.
    pub(super) fn impostors(&self) -> Vec<&'a Session> {
        let complete = |it: &&Session| it.shake == Shake::Complete && !it.is_the_host();
        self.sessions().into_iter().filter(complete).collect()
    }

    /// Whether every session that was tried came to certificates which are not the host's.
    pub(super) fn only_impostors(&self) -> bool {
        let impostors = self.impostors().len();
        0 < impostors && impostors == self.sessions().len()
    }

    /// How every road that programs take failed at TCP, where all of them did.
    pub(super) fn dead(&self) -> Option<Vec<Reached>> {
        let taken = self.taken();
        let failed: Vec<Reached> = taken
            .iter()
            .map(|(_, road)| road.tcp.reached)
            .filter(|it| *it != Reached::Connected)
            .collect();
        // A family that this machine does not have tells nothing, unless there is no other.
        (!taken.is_empty() && failed.len() == taken.len()).then_some(failed)
    }

    // --- beside the provider ---

    /// Whether an address that needs no name is reached; absent where nobody tried.
    pub(super) fn neutral(&self) -> Option<bool> {
        let neutral = &self.it.control.neutral;
        let connected = |it: &ir::evidence::Knock| it.reached == Reached::Connected;
        (!neutral.is_empty()).then(|| neutral.values().any(connected))
    }

    /// Whether anything outside of this network is reached, in whatever way; absent where nobody tried.
    pub(super) fn world(&self) -> Option<bool> {
        let it = self.it;
        let doh = |names: &std::collections::BTreeMap<Witness, Answer>| {
            let told = |it: &Answer| it.came() && it.rcode != Rcode::Refused;
            names.iter().any(|(who, said)| part_of(who) == Some(Part::Public) && told(said))
        };
        let portal = it.control.portals.values().any(|it| *it == Portal::Expected);
        let sibling = it.control.siblings.values().any(|it| it.reached == Some(true));
        let road = it.roads.values().any(is_good);
        let fresh = |page: &Page| page.level.is_some() && page.age_s <= FRESH_S;
        let page = it.page.as_ref().is_some_and(fresh);
        let neutral_tls = it.control.tls.as_ref().is_some_and(Session::is_the_host);
        let reached = self.neutral() == Some(true)
            || doh(&it.names)
            || doh(&it.control.names)
            || self.asked().any(|(_, asked)| is_theirs(asked));
        if reached || portal || sibling || road || page || neutral_tls {
            return Some(true);
        }
        let tried = !it.control.neutral.is_empty()
            || !it.control.portals.is_empty()
            || !it.asked.is_empty()
            || !it.roads.is_empty();
        tried.then_some(false)
    }

    /// Whether somebody neutral was tried, and nobody outside is reached.
    pub(super) fn is_cut_off(&self) -> bool {
        self.world() == Some(false) && self.neutral() == Some(false)
    }

    /// Whether other providers are well; absent where nothing is known, or some are and some are not.
    pub(super) fn siblings(&self) -> Option<bool> {
        let well = |it: &ir::evidence::Sibling| {
            let share = it.traffic.as_ref().filter(|it| ENOUGH <= it.n).and_then(Tally::share);
            match (share, it.reached) {
                // What is reached now counts more than what was answered a quarter of an hour ago.
                (_, Some(false)) => Some(false),
                (Some(share), _) => Some(0.5 <= share),
                (None, reached) => reached,
            }
        };
        let known: Vec<bool> = self.it.control.siblings.values().filter_map(well).collect();
        let good = known.iter().filter(|it| **it).count();
        match (good, known.len()) {
            (_, 0) => None,
            (0, _) => Some(false),
            (good, all) => (all <= 2 * good).then_some(true),
        }
    }

    /// Portals that were altered, and none as it should be.
    pub(super) fn held_by_portal(&self) -> Option<(&'a str, u16, Option<&'a str>)> {
        let portals = &self.it.control.portals;
        if portals.values().any(|it| *it == Portal::Expected) {
            return None;
        }
        portals.iter().find_map(|(url, portal)| match portal {
            Portal::Altered { status, to } => Some((url.as_str(), *status, to.as_deref())),
            Portal::Expected | Portal::Nothing => None,
        })
    }

    // --- questions ---

    /// Every question.
    pub(super) fn asked(&self) -> impl Iterator<Item = (Question, &'a Asked)> {
        self.it.asked.iter().map(|(question, asked)| (*question, asked))
    }

    /// One question.
    pub(super) fn ask(&self, question: Question) -> Option<&'a Asked> {
        self.it.asked.get(&question)
    }

    /// A free question of a class.
    pub(super) fn free(&self, classes: &[&str]) -> Option<&'a Asked> {
        let free = [Question::Models, Question::Open];
        let mut asked = free.iter().filter_map(|question| self.ask(*question));
        asked.find(|asked| classes.contains(&asked.class.as_str()))
    }

    /// Any question of a class.
    pub(super) fn any(&self, classes: &[&str]) -> Option<&'a Asked> {
        self.asked().map(|(_, it)| it).find(|asked| classes.contains(&asked.class.as_str()))
    }

    /// Whether the provider answers small questions as it should.
    pub(super) fn answers_small(&self) -> bool {
        [Question::Models, Question::Open]
            .iter()
            .filter_map(|question| self.ask(*question).map(|asked| (*question, asked)))
            .any(|(question, asked)| asked.is_as_it_should(question))
    }

    /// Whether an answer that costs something came as it should.
    pub(super) fn answers_large(&self) -> Option<bool> {
        let asked = [Question::Whole, Question::Streamed].map(|question| self.ask(question));
        let mut asked = asked.into_iter().flatten().peekable();
        asked.peek()?;
        Some(asked.all(|it| it.heard == Heard::Answer && it.class.is_empty()))
    }

    // --- pages ---

    /// What the page says, where it was read lately.
    pub(super) fn page(&self) -> Option<Level> {
        self.it.page.as_ref().and_then(|page| page.level)
    }

    /// Whether the page tells of trouble.
    pub(super) fn page_is_unwell(&self) -> bool {
        self.page().is_some_and(|level| Level::Degraded <= level)
    }

    // --- together ---

    /// Whether the provider serves us now; absent where it cannot be told.
    pub(crate) fn works(&self) -> Option<bool> {
        // Breakers stop asking: a minute that was good before a run of failures began tells nothing.
        if self.failing_for_s().is_some() {
            return Some(false);
        }
        if let Some(failing) = self.failing() {
            return Some(failing < 0.05);
        }
        if let Some(large) = self.answers_large() {
            return Some(large);
        }
        let free = |question| {
            // Who has no list of models says so, and nothing else.
            let asked = self.ask(question).filter(|it| self.is_elsewhere() || !has_no_list(it))?;
            Some(asked.is_as_it_should(question))
        };
        free(Question::Models).or_else(|| free(Question::Open))
    }

    /// Whether the provider is on this machine: the network has nothing to do with it.
    pub(super) fn is_here(&self) -> bool {
        let host = self.it.host.as_str();
        let literal: Option<IpAddr> = host.parse().ok();
        literal.is_some_and(|it| it.is_loopback())
            || host == "localhost"
            || host.ends_with(".localhost")
    }

    /// Whether the provider is asked elsewhere than usual.
    pub(super) fn is_elsewhere(&self) -> bool {
        self.it.here.elsewhere.is_some()
    }

    /// Whether the list of models is shown to anybody, so that it tells nothing of a key.
    pub(super) fn is_open(&self) -> bool {
        let shown = |it: &Asked| it.status.is_some_and(|status| (200..300).contains(&status));
        self.ask(Question::Open).is_some_and(shown)
    }

    /// Whether anything that takes our key was served.
    pub(super) fn works_for_us(&self) -> Option<bool> {
        let good = |question| self.ask(question).map(|it| it.is_as_it_should(question));
        let served = self.failing().map(|failing| failing < 0.05 && self.failing_for_s().is_none());
        served.or_else(|| good(Question::Whole)).or_else(|| good(Question::Models))
    }

    /// Our clock is off by more than certificates and signatures bear.
    pub(super) fn clock_off(&self) -> Option<i64> {
        self.it.here.clock_ahead_s.filter(|ahead| 300 < ahead.abs())
    }
}

/// The part that a witness stands for; the hosts file is programs' own way.
fn part_of(witness: &Witness) -> Option<Part> {
    match witness {
        Witness::System | Witness::Stub => Some(Part::Cache),
        Witness::Udp(server) | Witness::Tcp(server) if server.is_loopback() => Some(Part::Cache),
        Witness::Udp(_) | Witness::Tcp(_) => Some(Part::Upstream),
        Witness::Doh(_) | Witness::Authority(_) => Some(Part::Public),
        Witness::Hosts => None,
    }
}

/// Whether the host itself is at the end of a road.
pub(super) fn is_good(road: &Road) -> bool {
    road.tcp.reached == Reached::Connected && road.tls.as_ref().is_none_or(Session::is_the_host)
}

/// Whether whoever vouches for a session is unknown to the public.
pub(super) fn is_private(session: &Session) -> bool {
    session.shake == Shake::Complete && session.trust != Trust::Public
}

/// Whether an answer is the provider's, or at least nobody's in between.
fn is_theirs(asked: &Asked) -> bool {
    asked.heard == Heard::Answer && asked.form == Form::Json
}

/// Whether somebody answered, and has nothing at the path of the list.
pub(super) fn has_no_list(asked: &Asked) -> bool {
    asked.heard == Heard::Answer
        && matches!(asked.status, Some(404 | 405 | 501))
        && asked.mark.is_none()
}

/// Addresses at which nobody of the internet can be: nowhere, this machine, this network.
pub(crate) fn is_inside(address: IpAddr) -> bool {
    match Place::of(address) {
        // Addresses for examples are nobody's, and stand for anybody's.
        Place::Public | Place::Example | Place::Multicast => false,
        Place::Private
        | Place::Loopback
        | Place::LinkLocal
        | Place::Metadata
        | Place::Unspecified
        | Place::Reserved => true,
    }
}
