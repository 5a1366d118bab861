//! Names: who says what of the host, and whether what they say leads to it.

use super::super::seen::{Part, Seen, is_good, is_inside};
use super::{Rule, bad, good, says};
use crate::{Cause, Layer};
use ir::evidence::{Answer, HostsEntry, Proof, Rcode, Reached, Session, Shake, Trust, Witness};
use std::net::IpAddr;

pub(super) const RULES: &[Rule] = &[
    bad(
        Layer::Dns,
        hosts_line,
        &[
            (&[Cause::HostsOverride], 48),
            (&[Cause::Interception, Cause::StaleCache, Cause::Resolver, Cause::Down], -12),
        ],
    ),
    good(Layer::Dns, hosts_line_harmless, &[(&[Cause::HostsOverride], 4)]),
    bad(
        Layer::Dns,
        only_public_find,
        &[(&[Cause::Resolver], 32), (&[Cause::TheirDns], -20), (&[Cause::Link], -10)],
    ),
    bad(Layer::Dns, resolvers_dead, &[(&[Cause::Resolver], 32), (&[Cause::TheirDns], -12)]),
    bad(Layer::Dns, programs_get_nothing, &[(&[Cause::Resolver], 36), (&[Cause::TheirDns], -12)]),
    bad(Layer::Dns, cache_knows_nothing, &[(&[Cause::StaleCache], 34), (&[Cause::Resolver], -10)]),
    bad(
        Layer::Dns,
        cache_is_old,
        &[
            (&[Cause::StaleCache], 36),
            (&[Cause::Route], -16),
            (&[Cause::Resolver, Cause::Interception, Cause::TheirTls], -12),
        ],
    ),
    bad(Layer::Dns, cache_leads_inside, &[(&[Cause::StaleCache], 36), (&[Cause::Resolver], -12)]),
    bad(
        Layer::Dns,
        resolvers_lead_inside,
        &[(&[Cause::Resolver], 36), (&[Cause::Interception], -14), (&[Cause::HostsOverride], -8)],
    ),
    bad(
        Layer::Dns,
        resolvers_block,
        &[(&[Cause::Resolver], 34), (&[Cause::TheirDns], -10), (&[Cause::Interception], -24)],
    ),
    bad(
        Layer::Dns,
        resolvers_lead_astray,
        &[(&[Cause::Interception], 22), (&[Cause::Resolver], 4)],
    ),
    bad(
        Layer::Dns,
        resolvers_lead_to_a_filter,
        &[(&[Cause::Resolver], 40), (&[Cause::Interception], -14)],
    ),
    bad(
        Layer::Dns,
        resolvers_lead_nowhere,
        &[(&[Cause::Resolver], 26), (&[Cause::Route, Cause::Down], -6)],
    ),
    bad(Layer::Dns, all_fail, &[(&[Cause::TheirDns], 36), (&[Cause::Resolver], -12)]),
    bad(Layer::Dns, all_empty, &[(&[Cause::TheirDns], 38), (&[Cause::Resolver], -14)]),
    bad(Layer::Dns, all_without, &[(&[Cause::TheirDns], 30), (&[Cause::Resolver], -12)]),
    bad(Layer::Dns, nobody_answers_for_it, &[(&[Cause::TheirDns], 28)]),
    bad(Layer::Dns, bogus, &[(&[Cause::TheirDns], 34)]),
    good(
        Layer::Dns,
        differ_and_hold,
        &[(&[Cause::Interception], -30), (&[Cause::Resolver, Cause::StaleCache], -14)],
    ),
    good(
        Layer::Dns,
        in_order,
        &[
            (&[Cause::Resolver, Cause::StaleCache], -16),
            (&[Cause::TheirDns], -26),
            (&[Cause::HostsOverride], -8),
        ],
    ),
];

/// The line of the hosts file that programs go by, where it leads elsewhere than to the host.
fn wrong_line<'a>(seen: &Seen<'a>) -> Option<&'a HostsEntry> {
    let road = |address: &IpAddr| seen.it.roads.get(address);
    let leads_there = |it: &&HostsEntry| match road(&it.address) {
        Some(road) => seen.is_there(it.address) || (is_good(road) && !is_inside(it.address)),
        None => !is_inside(it.address) && seen.works() == Some(true),
    };
    seen.it.here.hosts.iter().find(|it| !leads_there(it))
}

/// Where nobody outside is reached, nobody can tell whether a line leads to the host.
fn hosts_line(seen: &Seen<'_>) -> Option<String> {
    let HostsEntry { path, line, address, name } =
        wrong_line(seen).filter(|it| is_inside(it.address) || !seen.is_cut_off())?;
    let used = seen
        .it
        .names
        .get(&Witness::System)
        .is_none_or(|it| !it.found() || it.addresses.contains(address));
    says(used, format!("{path} line {line} sends {name} to {address}"))
}

fn hosts_line_harmless(seen: &Seen<'_>) -> Option<String> {
    let entry = seen.it.here.hosts.first().filter(|_| wrong_line(seen).is_none())?;
    let HostsEntry { path, line, address, name } = entry;
    says(true, format!("{path} line {line} pins {name} to {address}, which is the host"))
}

fn only_public_find(seen: &Seen<'_>) -> Option<String> {
    let upstream = seen.finds(Part::Upstream).unwrap_or(false);
    let here = seen.finds(Part::Cache) == Some(false) && !upstream;
    let spoke = seen.answers(Part::Public).filter(|(_, it)| it.came()).count();
    let find = seen.answers(Part::Public).filter(|(_, it)| it.found()).count();
    says(
        here && spoke < 2 * find && fails(seen),
        format!(
            "no resolver that is configured here finds the name ({}), and public ones do",
            worst(seen)
        ),
    )
}

fn resolvers_dead(seen: &Seen<'_>) -> Option<String> {
    let here = seen.finds(Part::Cache) == Some(false) && seen.finds(Part::Upstream) != Some(true);
    let others = seen.neutral_name(Part::Cache) == Some(false)
        && seen.neutral_name(Part::Upstream) != Some(true);
    says(
        here && others && seen.world() == Some(true) && fails(seen),
        format!("no name resolves here ({}), although the network is there", worst(seen)),
    )
}

fn programs_get_nothing(seen: &Seen<'_>) -> Option<String> {
    let none =
        seen.finds(Part::Cache) == Some(false) && seen.neutral_name(Part::Cache) == Some(false);
    let some = seen.finds(Part::Upstream) == Some(true);
    says(
        none && some && fails(seen),
        "programs here get no name resolved, and one of the configured resolvers answers",
    )
}

fn cache_knows_nothing(seen: &Seen<'_>) -> Option<String> {
    let upstream = seen.finds(Part::Upstream) == Some(true);
    // What the system's own cache or its stub says; the neutral name resolves in the same way.
    let none = seen.finds(Part::Cache) == Some(false);
    says(
        none && upstream
            && seen.neutral_name(Part::Cache) != Some(false)
            && fails(seen)
            && !is_bogus(seen),
        format!(
            "programs here get no address ({}), and the resolver behind them gives one",
            worst(seen)
        ),
    )
}

fn cache_is_old(seen: &Seen<'_>) -> Option<String> {
    let cache = seen.addresses(Part::Cache);
    let mut other = seen.addresses(Part::Upstream);
    other.extend(seen.addresses(Part::Public));
    let foreign: Vec<IpAddr> = cache.iter().filter(|it| !other.contains(it)).copied().collect();
    let apart = !foreign.is_empty() && !other.is_empty() && seen.it.here.hosts.is_empty();
    let public = foreign.iter().all(|it| !is_inside(*it));
    let lost = foreign.iter().any(|it| seen.it.roads.get(it).is_some_and(|road| !is_good(road)));
    let holds = other.iter().any(|it| seen.it.roads.get(it).is_some_and(is_good));
    // A resolver that lies is not a cache that is old: then the stub only passes it on.
    let shared = seen.answers(Part::Upstream).next().is_some();
    says(
        apart && public && lost && holds && (shared || system_alone(seen)),
        format!(
            "programs here get {}, which does not lead to the host; its resolver gives {}",
            list(&foreign),
            list(&other.into_iter().collect::<Vec<_>>())
        ),
    )
}

/// Our requests do not get through, as far as is known. Where they do, behind a proxy or over
/// connections that there are, nobody needs the name.
fn fails(seen: &Seen<'_>) -> bool {
    seen.works() != Some(true)
}

/// The system's answer is its own: its stub, asked directly, gives another.
fn system_alone(seen: &Seen<'_>) -> bool {
    let names = &seen.it.names;
    let (Some(system), Some(stub)) = (names.get(&Witness::System), names.get(&Witness::Stub))
    else {
        return false;
    };
    stub.found() && !stub.addresses.iter().any(|it| system.addresses.contains(it))
}

fn cache_leads_inside(seen: &Seen<'_>) -> Option<String> {
    let inside = seen.astray(Part::Cache)?;
    let upstream = seen.addresses(Part::Upstream);
    let well = !upstream.is_empty() && upstream.iter().all(|it| !is_inside(*it));
    says(
        well && seen.it.here.hosts.is_empty(),
        format!(
            "programs here get {inside}, where no provider is; the resolver behind them does not say so"
        ),
    )
}

fn resolvers_lead_inside(seen: &Seen<'_>) -> Option<String> {
    let inside = seen.astray(Part::Upstream).or_else(|| {
        let alone = seen.answers(Part::Upstream).next().is_none() && seen.it.here.hosts.is_empty();
        seen.astray(Part::Cache).filter(|_| alone)
    })?;
    let public = seen.addresses(Part::Public);
    let differs = public.iter().all(|it| !is_inside(*it));
    says(differs, format!("the configured resolver gives {inside}, where no provider is"))
}

fn resolvers_block(seen: &Seen<'_>) -> Option<String> {
    // Forged, blocked, censored, filtered, prohibited: RFC 8914, 4.5 and 4.16 to 4.19.
    const BLOCKS: [u16; 5] = [4, 15, 16, 17, 18];
    let mut here = seen.answers(Part::Cache).chain(seen.answers(Part::Upstream));
    let told = |answer: &Answer| answer.ede.iter().copied().find(|code| BLOCKS.contains(code));
    let (witness, code) = here.find_map(|(who, it)| Some((who, told(it)?)))?;
    let public = seen.finds(Part::Public) != Some(false);
    says(public, format!("{witness} says that it blocks the name (extended error {code})"))
}

/// Addresses of the configured resolvers that public ones do not give.
fn foreign(seen: &Seen<'_>) -> Vec<IpAddr> {
    let public = seen.addresses(Part::Public);
    let mut mine = seen.addresses(Part::Upstream);
    if mine.is_empty() {
        mine = seen.addresses(Part::Cache);
    }
    if public.is_empty() || seen.it.here.hosts.iter().any(|it| mine.contains(&it.address)) {
        return Vec::new();
    }
    mine.into_iter().filter(|it| !public.contains(it) && !is_inside(*it)).collect()
}

/// Addresses that public resolvers do not give, and whose certificate is not the host's: those with an
/// authority that only this machine trusts, or the others.
fn strangers(seen: &Seen<'_>, trusted_here: bool) -> Vec<IpAddr> {
    let session = |it: &IpAddr| seen.it.roads.get(it).and_then(|road| road.tls.as_ref());
    let stranger = |it: &Session| {
        let here = it.trust == Trust::Machine;
        it.shake == Shake::Complete && !it.is_the_host() && here == trusted_here
    };
    foreign(seen).into_iter().filter(|it| session(it).is_some_and(stranger)).collect()
}

fn resolvers_lead_astray(seen: &Seen<'_>) -> Option<String> {
    let astray = strangers(seen, false);
    says(
        !astray.is_empty(),
        format!(
            "the configured resolver leads to {}, where somebody else answers in the host's name",
            list(&astray)
        ),
    )
}

/// Whoever has an authority on this machine is no stranger: a company's filter, a program that guards.
fn resolvers_lead_to_a_filter(seen: &Seen<'_>) -> Option<String> {
    let filter = strangers(seen, true);
    says(
        !filter.is_empty() && fails(seen),
        format!(
            "the configured resolver leads to {}, where somebody answers whom only this machine trusts",
            list(&filter)
        ),
    )
}

fn resolvers_lead_nowhere(seen: &Seen<'_>) -> Option<String> {
    let dead = |it: &IpAddr| {
        seen.it.roads.get(it).is_some_and(|road| road.tcp.reached != Reached::Connected)
    };
    let foreign = foreign(seen);
    let lost = !foreign.is_empty() && foreign.iter().all(dead);
    let elsewhere = seen.spared().iter().any(|(_, road)| is_good(road));
    let cache: bool = seen.addresses(Part::Cache).iter().any(|it| foreign.contains(it));
    says(
        lost && elsewhere && cache,
        format!(
            "the configured resolver leads to {}, where nobody answers; public ones lead to the host",
            list(&foreign)
        ),
    )
}

fn all_fail(seen: &Seen<'_>) -> Option<String> {
    let said: Vec<u16> = seen.spoke().iter().flat_map(|it| it.ede.iter().copied()).collect();
    let why = match said.first() {
        Some(code) => format!(" (extended error {code})"),
        None => String::new(),
    };
    says(
        seen.all_say(Rcode::ServFail)
            && seen.neutral_name(Part::Public) != Some(false)
            && others_resolve(seen),
        format!("every resolver fails for this name{why}, and finds others"),
    )
}

fn all_empty(seen: &Seen<'_>) -> Option<String> {
    says(
        seen.all_say(Rcode::NoError) && nobody_is_deaf(seen),
        "every resolver knows the name and none has an address for it",
    )
}

fn all_without(seen: &Seen<'_>) -> Option<String> {
    says(
        seen.all_say(Rcode::NxDomain) && seen.it.here.elsewhere.is_none() && nobody_is_deaf(seen),
        "every resolver says that there is no such name",
    )
}

fn nobody_answers_for_it(seen: &Seen<'_>) -> Option<String> {
    let asked = seen.it.names.keys().filter(|it| **it != Witness::Hosts).count();
    let silent =
        seen.it.names.iter().filter(|(it, _)| **it != Witness::Hosts).all(|(_, it)| !it.found());
    let kinds = seen.spoke().iter().all(|it| it.rcode == Rcode::ServFail);
    says(
        2 < asked && silent && kinds && others_resolve(seen) && !seen.all_say(Rcode::ServFail),
        "no resolver gets an answer for this name, and all get one for others",
    )
}

/// Other names are found, or nobody asked for one: a resolver that knows nothing tells nothing.
fn nobody_is_deaf(seen: &Seen<'_>) -> bool {
    seen.it.control.names.is_empty() || others_resolve(seen)
}

/// Other names are found by the same resolvers.
fn others_resolve(seen: &Seen<'_>) -> bool {
    seen.neutral_name(Part::Cache) == Some(true)
        || seen.neutral_name(Part::Upstream) == Some(true)
        || seen.neutral_name(Part::Public) == Some(true)
}

/// What validates refuses them, and what does not hands them on: no cache is to blame.
fn is_bogus(seen: &Seen<'_>) -> bool {
    // RFC 8914, 4.7 to 4.11: what fails at a signature.
    const SIGNATURES: [u16; 5] = [6, 7, 8, 9, 10];
    let told = |it: &&Answer| it.ede.iter().any(|code| SIGNATURES.contains(code));
    seen.it.dnssec == Some(Proof::Bogus) || seen.spoke().iter().any(told)
}

fn bogus(seen: &Seen<'_>) -> Option<String> {
    let bogus = is_bogus(seen);
    says(
        bogus && seen.works() != Some(true),
        "the signatures of their records do not hold (DNSSEC)",
    )
}

fn differ_and_hold(seen: &Seen<'_>) -> Option<String> {
    let foreign = foreign(seen);
    let hold =
        |it: &IpAddr| seen.it.roads.get(it).is_some_and(|it| it.tls.is_some() && is_good(it));
    says(
        !foreign.is_empty() && foreign.iter().all(hold),
        "resolvers give different addresses, and the host shows itself at all of them",
    )
}

fn in_order(seen: &Seen<'_>) -> Option<String> {
    let (mine, public) = (seen.addresses(Part::Cache), seen.addresses(Part::Public));
    let found = seen.finds(Part::Cache) == Some(true);
    let agree = public.is_empty() || mine.iter().any(|it| public.contains(it));
    says(
        found && agree && seen.astray(Part::Cache).is_none(),
        "the name resolves, and everybody agrees on it",
    )
}

/// The worst word that a resolver here had.
fn worst(seen: &Seen<'_>) -> &'static str {
    let here = seen.answers(Part::Upstream).chain(seen.answers(Part::Cache));
    match here.filter(|(_, it)| !it.found()).map(|(_, it)| it.rcode).max() {
        Some(Rcode::NoError) => "no address",
        Some(Rcode::NxDomain) => "no such name",
        Some(Rcode::ServFail) => "server failure",
        Some(Rcode::Refused) => "refused",
        Some(Rcode::Other | Rcode::Garbled) => "an answer that cannot be read",
        Some(Rcode::Timeout) => "no answer in time",
        Some(Rcode::Unreachable) => "the resolver cannot be reached",
        None => "nothing",
    }
}

/// Two addresses at most, for a sentence.
fn list(addresses: &[IpAddr]) -> String {
    let shown: Vec<String> = addresses.iter().take(2).map(ToString::to_string).collect();
    let more = if 2 < addresses.len() { ", …" } else { "" };
    format!("{}{more}", shown.join(", "))
}
