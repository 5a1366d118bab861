//! Hosts, and whether it is the local network rather than any of them.
//!
//! The local network is down where at least two remote hosts began to fail by DNS, connect, proxy or
//! TLS within [`TOGETHER`], and no remote host was reached since the first of them did. One that is
//! down for longer says nothing; nor is the network blamed while others were reached a moment ago.
//!
//! Whoever measured it may also declare that it is something here: that holds until it runs out, or
//! until any remote host is reached, and meanwhile no host is to blame, as while the network is down.
//! It proves right where whoever is then reached was lost meanwhile: if it lasted, what failed is forgiven.
//! It proves wrong where that one was there all the time: then no other is believed for [`DOUBTED`].

use super::Member;
use crate::{Breakers, ProviderId, rng::Rng};
use ir::Time;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Every host, and which provider lives where.
#[derive(Debug, Default)]
pub(super) struct Network {
    hosts: BTreeMap<Arc<str>, Host>,
    /// By the providers' ids; an id that is nobody's has none.
    homes: Vec<Option<Home>>,
    /// The local network is down, since then.
    down: Option<Time>,
    /// It was declared to be, since then and until then.
    declared: Option<(Time, Time)>,
    /// When a remote host last showed that what was declared was wrong.
    disproved: Option<Time>,
}

/// Where a provider lives.
#[derive(Debug)]
struct Home {
    host: Arc<str>,
    /// When the provider was last probed.
    probed: Option<Time>,
}

#[derive(Debug)]
struct Host {
    local: bool,
    run: u32,
    openings: u32,
    open_until: Option<Time>,
    /// One request was let in, to find out.
    trying: bool,
    /// Since when nobody is reached there.
    failing: Option<Time>,
    reached: Option<Time>,
    /// Of its jitter.
    rng: Rng,
}

/// How a free probe ended: connect, TLS, `GET /models`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Probed {
    /// With an answer below 500: somebody is there, and well.
    Well,
    /// With another answer.
    Unwell,
    /// Without any.
    Unanswered,
}

/// How a host failed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Miss {
    /// By DNS, connect or TLS, rather than by what was said there.
    pub(super) unreached: bool,
    /// It was the one let in while the host was open.
    pub(super) trial: bool,
}

/// While one request finds out, others ask again after this.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// Failures this close together are one event.
const TOGETHER: Duration = Duration::from_secs(30);
/// What was declared holds for this long at most, if nobody declares it again.
const DECLARED_MAX: Duration = Duration::from_mins(1);
/// After one that was wrong, none is believed for this long.
const DOUBTED: Duration = Duration::from_mins(10);
/// Whoever was reached within this, and did not fail since, is there.
const JUST_NOW: Duration = Duration::from_secs(3);

// === impl Network ===

impl Network {
    /// A provider moves in, under the first id that is nobody's.
    pub(super) fn join(&mut self, member: &Member, rng: &mut Rng) -> ProviderId {
        let name: Arc<str> = Arc::from(member.host.as_str());
        self.hosts.entry(Arc::clone(&name)).or_insert_with(|| Host::new(member, rng.draw()));
        let home = Some(Home { host: name, probed: None });
        if let Some((id, free)) = self.homes.iter_mut().enumerate().find(|(_, it)| it.is_none()) {
            *free = home;
            return ProviderId(id);
        }
        self.homes.push(home);
        ProviderId(self.homes.len() - 1)
    }

    /// All others move out, and hosts of which nobody is left are forgotten.
    pub(super) fn leave_all_but(&mut self, here: &[ProviderId]) -> Vec<ProviderId> {
        let mut gone = Vec::new();
        for (index, home) in self.homes.iter_mut().enumerate() {
            let provider = ProviderId(index);
            if !here.contains(&provider) && home.take().is_some() {
                gone.push(provider);
            }
        }
        let homes = &self.homes;
        let lives = |name: &Arc<str>| homes.iter().flatten().any(|home| home.host == *name);
        self.hosts.retain(|name, _| lives(name));
        gone
    }

    fn host(&self, provider: ProviderId) -> Option<&Host> {
        let home = self.homes.get(provider.0)?.as_ref()?;
        self.hosts.get(&home.host)
    }

    fn host_mut(&mut self, provider: ProviderId) -> Option<&mut Host> {
        let home = self.homes.get(provider.0)?.as_ref()?;
        self.hosts.get_mut(&home.host)
    }

    pub(super) fn is_local(&self, provider: ProviderId) -> bool {
        self.host(provider).is_some_and(|host| host.local)
    }

    pub(super) fn is_closed(&self, provider: ProviderId) -> bool {
        self.host(provider).is_none_or(|host| host.open_until.is_none())
    }

    /// Every host by its name, and whether requests enter it freely.
    pub(super) fn hosts(&self) -> impl Iterator<Item = (&str, bool)> {
        self.hosts.iter().map(|(name, host)| (&**name, host.open_until.is_none()))
    }

    /// By what hosts met.
    pub(super) fn is_down(&self) -> bool {
        self.down.is_some()
    }

    /// By that, or because it was declared: then no remote host is to blame.
    pub(super) fn is_ours(&self) -> bool {
        self.is_down() || self.is_declared()
    }

    pub(super) fn is_declared(&self) -> bool {
        self.declared.is_some()
    }

    /// What was declared runs out.
    pub(super) fn at(&mut self, now: Time) {
        self.declared = self.declared.filter(|(_, until)| now < *until);
    }

    /// It is something here, until then. False where that is not believed: a remote host was reached
    /// that does not fail since, or the last one was wrong.
    pub(super) fn declare(&mut self, now: Time, until: Time) -> bool {
        if self.disproved.is_some_and(|at| now.since(at) < DOUBTED) {
            return false;
        }
        let just_now = |at: Time| now.since(at) <= TOGETHER;
        let there = |host: &Host| host.failing.is_none() && host.reached.is_some_and(just_now);
        if self.hosts.values().any(|host| !host.local && there(host)) {
            return false;
        }
        self.at(now);
        let since = self.declared.map_or(now, |(since, _)| since);
        self.declared = Some((since, until.min(now + DECLARED_MAX)));
        true
    }

    /// Until when nothing should be sent there. An open host lets one request in when its time is
    /// over; a free probe that reaches it closes it earlier.
    pub(super) fn shut(&self, now: Time, provider: ProviderId) -> Option<Time> {
        let host = self.host(provider)?;
        let until = host.open_until?;
        if now < until {
            return Some(until);
        }
        host.trying.then(|| now + ASK_AGAIN)
    }

    /// Lets a request in. True where it is to find out whether the host is back.
    pub(super) fn enter(&mut self, provider: ProviderId) -> bool {
        let Some(host) = self.host_mut(provider) else { return false };
        host.trying = host.open_until.is_some();
        host.trying
    }

    /// The one that was let in found nothing out.
    pub(super) fn released(&mut self, provider: ProviderId) {
        if let Some(host) = self.host_mut(provider) {
            host.trying = false;
        }
    }

    /// Somebody spoke to us there, then. True where that shows that the local network is back.
    pub(super) fn reached(&mut self, at: Time, provider: ProviderId) -> bool {
        let Some(host) = self.host_mut(provider) else { return false };
        host.reached = host.reached.max(Some(at));
        let was_lost = host.failing.is_some();
        if host.failing.is_none_or(|since| since <= at) {
            host.failing = None;
            host.close();
        }
        if host.local {
            return false;
        }
        let declared = self.declared.map(|(since, _)| since).filter(|since| *since <= at);
        let held = was_lost && declared.is_some_and(|since| TOGETHER <= at.since(since));
        let down = self.down.is_some_and(|since| since <= at);
        if declared.is_none() && !down {
            return false;
        }
        if declared.is_some() && !was_lost && !down {
            self.disproved = Some(at);
        }
        (self.down, self.declared) = (None, None);
        if held {
            self.hosts.values_mut().filter(|host| !host.local).for_each(Host::close);
        }
        held || down
    }

    /// No free probe was answered there. While it is declared that it is something here, that is the one
    /// sign by which a host that nobody asks shows that it is lost too; else silence proves too little.
    pub(super) fn unanswered(&mut self, now: Time, provider: ProviderId) {
        if self.is_declared()
            && let Some(host) = self.host_mut(provider)
        {
            host.failing.get_or_insert(now);
        }
    }

    /// Nobody did. True where that shows that the local network is down.
    pub(super) fn failed(
        &mut self,
        now: Time,
        provider: ProviderId,
        miss: Miss,
        settings: &Breakers,
    ) -> bool {
        let Some(host) = self.host_mut(provider) else { return false };
        if miss.unreached {
            host.failing.get_or_insert(now);
        }
        let remote = miss.unreached && !host.local;
        if remote && self.is_ours() {
            return false;
        }
        if remote && self.all_fail(now) {
            self.down = Some(now);
            self.hosts.values_mut().filter(|host| !host.local).for_each(Host::close);
            return true;
        }
        if let Some(host) = self.host_mut(provider) {
            host.failed(now, miss, settings);
        }
        false
    }

    fn all_fail(&self, now: Time) -> bool {
        let remote = || self.hosts.values().filter(|host| !host.local);
        let together = |since: &Time| now.since(*since) <= TOGETHER;
        let failing = || remote().filter_map(|host| host.failing).filter(together);
        let Some(first) = failing().min() else { return false };
        let reached = |host: &Host| {
            let just_now = |at: Time| host.failing.is_none() && now.since(at) <= JUST_NOW;
            host.reached.is_some_and(|at| first <= at || just_now(at))
        };
        2 <= failing().count() && !remote().any(reached)
    }

    /// Which providers to probe: those that wait for it, those on an open host, and, while the
    /// network is down, every remote one that failed; where that was declared, every remote one.
    pub(super) fn probes_due(
        &mut self,
        now: Time,
        waiting: &[ProviderId],
        period: Duration,
    ) -> Vec<ProviderId> {
        let mut due = Vec::new();
        self.at(now);
        let (down, declared) = (self.down.is_some(), self.declared.is_some());
        for (index, home) in self.homes.iter_mut().enumerate() {
            let (provider, Some(Home { host, probed })) = (ProviderId(index), home) else {
                continue;
            };
            let Some(host) = self.hosts.get(host) else { continue };
            let lost = !host.local && (declared || (down && host.failing.is_some()));
            let wanted = waiting.contains(&provider) || host.open_until.is_some() || lost;
            let rested = probed.is_none_or(|at| period <= now.since(at));
            if wanted && rested && !period.is_zero() {
                *probed = Some(now);
                due.push(provider);
            }
        }
        due
    }
}

// === impl Host ===

impl Host {
    fn new(member: &Member, seed: u64) -> Self {
        Self {
            local: member.local,
            run: 0,
            openings: 0,
            open_until: None,
            trying: false,
            failing: None,
            reached: None,
            rng: Rng::new(seed),
        }
    }

    fn close(&mut self) {
        self.run = 0;
        self.openings = 0;
        self.open_until = None;
        self.trying = false;
    }

    /// What was under way when it opened is not counted again.
    fn failed(&mut self, now: Time, miss: Miss, settings: &Breakers) {
        self.run = self.run.saturating_add(1);
        let opens = match self.open_until {
            None => settings.failures <= self.run,
            Some(_) => miss.trial,
        };
        if opens {
            let pause = self.rng.backoff(settings.open, self.openings, settings.open_max);
            self.openings = self.openings.saturating_add(1);
            self.open_until = Some(now + pause);
            self.run = 0;
            self.trying = false;
        }
    }
}
