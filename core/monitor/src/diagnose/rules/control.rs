//! Beside the provider: other providers, its other regions.

use super::super::seen::{Seen, is_inside};
use super::{Rule, SHUT_IN, THEM, bad, good, says};
use crate::{Cause, Layer};
use ir::evidence::{Heard, Question, Reached, Road};
use std::net::IpAddr;

pub(super) const RULES: &[Rule] = &[
    bad(
        Layer::Control,
        together,
        &[
            (THEM, -12),
            (SHUT_IN, 8),
            (&[Cause::Resolver, Cause::Proxy, Cause::TlsInspection, Cause::Clock], 8),
            (&[Cause::Route], 2),
        ],
    ),
    good(
        Layer::Control,
        alone,
        &[
            (SHUT_IN, -18),
            (&[Cause::Resolver], -6),
            (&[Cause::Proxy], -8),
            (&[Cause::TlsInspection, Cause::Clock], -10),
        ],
    ),
    bad(
        Layer::Control,
        one_region,
        &[(&[Cause::Region], 80), (&[Cause::Down, Cause::Degraded, Cause::Overloaded], -14)],
    ),
    bad(Layer::Control, region_unreached, &[(&[Cause::Region], 40), (&[Cause::Down], -10)]),
];

fn fails(seen: &Seen<'_>) -> bool {
    seen.works() == Some(false) || seen.gets_through() == Some(false)
}

fn together(seen: &Seen<'_>) -> Option<String> {
    let names: Vec<&str> = seen.it.control.siblings.keys().map(String::as_str).take(2).collect();
    says(
        seen.siblings() == Some(false) && (fails(seen) || seen.works().is_none()),
        format!("another vendor fails at the same time, which is seldom so: {}", names.join(", ")),
    )
}

fn alone(seen: &Seen<'_>) -> Option<String> {
    says(seen.siblings() == Some(true), "other providers are reached from here")
}

/// Another region that answers as it should to whoever has no key.
fn other_region<'a>(seen: &Seen<'a>) -> Option<&'a str> {
    let mut regions = seen.it.control.regions.iter();
    let (host, _) = regions.find(|(_, it)| it.is_as_it_should(Question::Open))?;
    Some(host)
}

/// The question is the same in both regions, and needs no key: what only the answers to others tell (a
/// key, an account, a model) would be so in every region.
fn one_region(seen: &Seen<'_>) -> Option<String> {
    let open = seen.ask(Question::Open)?;
    let theirs = match open.heard {
        Heard::Answer => open.status.is_some_and(|status| 500 <= status),
        Heard::Silent | Heard::Reset | Heard::Stalled | Heard::Cut => true,
        Heard::Unasked | Heard::Garbled => false,
    };
    let host = other_region(seen)?;
    says(
        theirs && fails(seen),
        format!("the same provider answers in another region, at {host}, and fails here"),
    )
}

/// Every address that anybody named was tried: a hosts line or a resolver that leads astray is no
/// region's fault.
fn region_unreached(seen: &Seen<'_>) -> Option<String> {
    let roads = || seen.it.roads.iter();
    let lost = |reached: Reached| match reached {
        Reached::Refused | Reached::Timeout => true,
        // An address of a family that this machine does not have tells nothing.
        Reached::Connected | Reached::Unreachable => false,
    };
    let there = |(address, road): (&IpAddr, &Road)| {
        is_inside(*address) || road.tcp.reached == Reached::Connected
    };
    let silent = !roads().any(there) && roads().any(|(_, road)| lost(road.tcp.reached));
    let host = other_region(seen)?;
    says(
        silent && fails(seen),
        format!("no address accepts a connection, and the same provider answers at {host}"),
    )
}
