//! Beside the provider: other providers, its other regions.

use super::super::seen::Seen;
use super::{Rule, SHUT_IN, THEM, bad, good, says};
use crate::{Cause, Layer};
use ir::evidence::{Asked, Heard};

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

fn one_region(seen: &Seen<'_>) -> Option<String> {
    let well = |it: &Asked| it.heard == Heard::Answer && it.status.is_some_and(|it| it < 500);
    let (host, _) = seen.it.control.regions.iter().find(|(_, it)| well(it))?;
    says(fails(seen), format!("the same provider answers in another region, at {host}"))
}
