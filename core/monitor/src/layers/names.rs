//! Who says what of the name.

use super::{Line, Mark, Parts, ms, shown};
use crate::Layer;
use crate::diagnose::{Part, Seen, is_inside};
use ir::Evidence;
use ir::evidence::{Answer, HostsEntry, Proof, Rcode, Witness};
use std::collections::BTreeSet;
use std::net::IpAddr;

pub(super) fn line(evidence: &Evidence) -> Line {
    let mut parts = Parts::default();
    for HostsEntry { path, line, address, name } in &evidence.here.hosts {
        parts.bad(format!("{} line {line}: {} is {address}", shown(path), shown(name)));
    }
    let mine = [Witness::System, Witness::Stub];
    let mine: Vec<(&Witness, &Answer)> =
        mine.iter().filter_map(|it| evidence.names.get_key_value(it)).collect();
    let of = |wanted: fn(&Witness) -> bool| -> Vec<(&Witness, &Answer)> {
        evidence.names.iter().filter(|(it, _)| wanted(it)).collect()
    };
    let upstream = of(|it| matches!(it, Witness::Udp(_) | Witness::Tcp(_)));
    let public = of(|it| matches!(it, Witness::Doh(_) | Witness::Authority(_)));
    tell("system", &mine, &mut parts);
    astray(evidence, &mut parts);
    if is_own(&mine, upstream.iter().chain(&public)) {
        parts.good("known in this network only");
    } else {
        tell("resolver", &upstream, &mut parts);
        doh(&public, &mut parts);
    }
    agreement(&mine, &upstream, &public, &mut parts);
    if evidence.here.hosts.is_empty() && !evidence.names.is_empty() {
        parts.good("hosts clean");
    }
    match evidence.dnssec {
        Some(Proof::Bogus) => parts.bad("dnssec bogus"),
        Some(Proof::Secure) => parts.good("dnssec secure"),
        Some(Proof::Insecure) => parts.good("dnssec insecure (normal)"),
        Some(Proof::Indeterminate) | None => {}
    }
    details(evidence, &mut parts);
    // A pin to the host itself is told, and is no fault.
    let pinned = parts.bad.len() == evidence.here.hosts.len() && pins_hold(evidence);
    let found = mine.iter().chain(&upstream).any(|(_, it)| it.found());
    let lost = lost_inside(evidence);
    if let Some(address) = lost {
        parts.good(format!("{address} is in this network"));
    }
    let line = parts.line(Layer::Dns, found && lost.is_none());
    if pinned { Line { mark: Mark::Well, ..line } } else { line }
}

/// Whether every line of a hosts file leads to the host itself.
fn pins_hold(evidence: &Evidence) -> bool {
    let (hosts, seen) = (&evidence.here.hosts, Seen::of(evidence));
    !hosts.is_empty() && hosts.iter().all(|it| seen.is_there(it.address))
}

/// What one group of witnesses says, where that is not an address.
fn tell(who: &str, answers: &[(&Witness, &Answer)], parts: &mut Parts) {
    if answers.iter().any(|(_, it)| it.found()) {
        return;
    }
    if let Some((_, answer)) = answers.first() {
        parts.bad(format!("{who}: {}", word(answer)));
    }
}

/// Addresses at which no provider is, unless the host shows itself there.
fn astray(evidence: &Evidence, parts: &mut Parts) {
    // A line of the hosts file is told already.
    if has_place_inside(evidence) || !evidence.here.hosts.is_empty() {
        return;
    }
    if let Some(odd) = Seen::of(evidence).astray(Part::Cache) {
        parts.bad(format!("system: {odd}, where no provider is"));
    }
}

/// An address of this network, where all of them are there and the host shows itself at none: it may be a
/// private endpoint of theirs, a server of one's own, or a resolver that leads astray.
fn lost_inside(evidence: &Evidence) -> Option<IpAddr> {
    let seen = Seen::of(evidence);
    let mine = seen.addresses(Part::Cache);
    let lost =
        |it: &IpAddr| is_inside(*it) && evidence.roads.contains_key(it) && !seen.is_there(*it);
    let told = !evidence.here.hosts.is_empty() || seen.astray(Part::Cache).is_some();
    mine.first().copied().filter(|_| !told && !has_place_inside(evidence) && mine.iter().all(lost))
}

/// Whoever asks there knows that the host is in this network.
fn has_place_inside(evidence: &Evidence) -> bool {
    evidence.host.ends_with("localhost") || evidence.here.elsewhere.is_some()
}

fn doh(public: &[(&Witness, &Answer)], parts: &mut Parts) {
    if public.is_empty() {
        return;
    }
    let found = public.iter().filter(|(_, it)| it.found()).count();
    let came = public.iter().filter(|(_, it)| it.came()).count();
    let text = format!("DoH {found}/{}", public.len());
    match (found, came) {
        // Many networks let nobody past their own resolver.
        (0, 0) => parts.good("DoH not reached"),
        (0, _) => parts.bad(text),
        _ => parts.good(text),
    }
}

/// A name of this network, which those outside of it do not know.
fn is_own<'a>(
    mine: &[(&Witness, &Answer)],
    mut others: impl Iterator<Item = &'a (&'a Witness, &'a Answer)> + Clone,
) -> bool {
    let inside = |it: &Answer| it.addresses.iter().all(|it| is_inside(*it));
    let unknown = |it: &Answer| it.rcode == Rcode::NxDomain;
    let found = mine.iter().any(|(_, it)| it.found()) && mine.iter().all(|(_, it)| inside(it));
    let own = |it: &Answer| !it.came() || unknown(it) || (it.found() && inside(it));
    found && others.clone().any(|(_, it)| unknown(it)) && others.all(|(_, it)| own(it))
}

fn agreement(
    mine: &[(&Witness, &Answer)],
    upstream: &[(&Witness, &Answer)],
    public: &[(&Witness, &Answer)],
    parts: &mut Parts,
) {
    let all = |answers: &[(&Witness, &Answer)]| -> BTreeSet<IpAddr> {
        answers.iter().flat_map(|(_, it)| it.addresses.iter().copied()).collect()
    };
    let (mine, upstream, public) = (all(mine), all(upstream), all(public));
    let meet = |one: &BTreeSet<IpAddr>, two: &BTreeSet<IpAddr>| !one.is_disjoint(two);
    match (mine.is_empty(), upstream.is_empty(), public.is_empty()) {
        (false, false, _) if !meet(&mine, &upstream) => parts.good("system ≠ its resolver"),
        (false, _, false) if !meet(&mine, &public) => parts.good("system ≠ DoH"),
        (false, false, _) => parts.good("system = resolver"),
        (false, true, false) => parts.good("system = DoH"),
        (false, true, true) => parts.good("system"),
        (true, _, _) => {}
    }
}

fn details(evidence: &Evidence, parts: &mut Parts) {
    if let Some(conf) = &evidence.here.resolv_conf {
        let servers: Vec<String> = conf.servers.iter().map(ToString::to_string).collect();
        let leads = conf.leads_to.as_deref().map(|to| format!(" → {}", shown(to)));
        let (path, leads) = (shown(&conf.path), leads.unwrap_or_default());
        parts.detail(format!("{path}{leads}: {}", servers.join(" ")));
    }
    for (witness, answer) in &evidence.names {
        parts.detail(format!("{}: {}", shown(&witness.to_string()), full(answer)));
    }
    for (witness, answer) in &evidence.control.names {
        parts.detail(format!("neutral name, {}: {}", shown(&witness.to_string()), full(answer)));
    }
}

/// All of an answer in a line.
fn full(answer: &Answer) -> String {
    let addresses: Vec<String> = answer.addresses.iter().map(ToString::to_string).collect();
    let mut text = format!("{} {}", word(answer), addresses.join(" "));
    if let Some(ttl) = answer.ttl_s {
        text = format!("{text} ttl {ttl}");
    }
    if !answer.cnames.is_empty() {
        text = format!("{text} by {}", shown(&answer.cnames.join(" ")));
    }
    for code in &answer.ede {
        text = format!("{text} EDE {code}");
    }
    if let Some(words) = &answer.ede_text {
        text = format!("{text} {:?}", shown(words));
    }
    if answer.ad {
        text.push_str(" AD");
    }
    format!("{text} {}", ms(answer.took_ms))
}

/// The word for an answer.
fn word(answer: &Answer) -> &'static str {
    match answer.rcode {
        Rcode::NoError if answer.addresses.is_empty() => "NOERROR without addresses",
        Rcode::NoError => "NOERROR",
        Rcode::NxDomain => "NXDOMAIN",
        Rcode::ServFail => "SERVFAIL",
        Rcode::Refused => "REFUSED",
        Rcode::Other => "an odd code",
        Rcode::Timeout => "no answer",
        Rcode::Unreachable => "cannot be reached",
        Rcode::Garbled => "an answer that cannot be read",
    }
}
