//! This machine and its way out.

use super::super::seen::Seen;
use super::{Rule, SHUT_IN, bad, good, says};
use crate::{Cause, Layer};
use ir::evidence::{KeySeen, Session};

pub(super) const RULES: &[Rule] = &[
    bad(Layer::Network, no_interface, &[(&[Cause::Link], 35)]),
    bad(Layer::Network, no_route, &[(&[Cause::Link], 26)]),
    bad(Layer::Network, nothing_reached, &[(&[Cause::Link], 30), (&[Cause::Proxy], -4)]),
    bad(Layer::Network, not_even_the_proxy, &[(&[Cause::Link], 90)]),
    good(Layer::Network, reached, &[(SHUT_IN, -22)]),
    bad(
        Layer::Network,
        portal,
        &[
            (&[Cause::CaptivePortal], 42),
            (
                &[
                    Cause::Link,
                    Cause::Resolver,
                    Cause::TlsInspection,
                    Cause::Interception,
                    Cause::Middlebox,
                    Cause::Route,
                ],
                -20,
            ),
        ],
    ),
    good(Layer::Network, no_portal, &[(&[Cause::CaptivePortal], -25)]),
    bad(Layer::Network, clock, &[(&[Cause::Clock], 16)]),
    bad(Layer::Network, clock_breaks_tls, &[(&[Cause::Clock], 34), (&[Cause::TheirTls], -20)]),
    good(Layer::Network, clock_right, &[(&[Cause::Clock], -20)]),
    bad(Layer::Network, proxy_dead, &[(&[Cause::Proxy], 40)]),
    bad(Layer::Network, proxy_refuses, &[(&[Cause::Proxy], 40)]),
    good(Layer::Network, proxy_open, &[(&[Cause::Proxy], -12)]),
    good(Layer::Network, no_proxy, &[(&[Cause::Proxy], -16)]),
    bad(Layer::Config, key_missing, &[(&[Cause::Key], 36)]),
    good(Layer::Config, ca_unusable, &[(&[Cause::TlsInspection], 8), (&[Cause::Config], 6)]),
];

fn no_interface(seen: &Seen<'_>) -> Option<String> {
    let interfaces = seen.it.here.interfaces.as_ref()?;
    let up = interfaces.iter().any(|it| it.up && !it.addresses.is_empty());
    says(
        !up && seen.world() != Some(true) && !seen.is_here(),
        "no interface is up and has an address",
    )
}

fn no_route(seen: &Seen<'_>) -> Option<String> {
    let here = &seen.it.here;
    let none = here.route_v4 == Some(false) && here.route_v6 != Some(true);
    says(none && seen.world() != Some(true) && !seen.is_here(), "there is no default route")
}

fn nothing_reached(seen: &Seen<'_>) -> Option<String> {
    let proxied = seen.it.here.proxy.is_some();
    says(
        seen.is_cut_off() && !proxied && !seen.is_here() && seen.held_by_portal().is_none(),
        format!("{} cannot be reached, nor anything else outside", neutral_names(seen)),
    )
}

fn not_even_the_proxy(seen: &Seen<'_>) -> Option<String> {
    let proxy = seen.it.here.proxy.as_ref()?;
    let deaf = !seen.it.names.is_empty() && seen.spoke().is_empty();
    says(
        deaf && seen.is_cut_off() && proxy.reached == Some(false),
        format!(
            "no resolver, no neutral host and not even the proxy {} is reached",
            proxy.authority
        ),
    )
}

fn reached(seen: &Seen<'_>) -> Option<String> {
    says(seen.world() == Some(true), "the network lets us out")
}

fn portal(seen: &Seen<'_>) -> Option<String> {
    let (url, status, to) = seen.held_by_portal()?;
    let to = to.map(|to| format!(" and sends to {to}")).unwrap_or_default();
    says(
        seen.works() != Some(true),
        format!("{url} is answered by somebody in between: status {status}{to}"),
    )
}

fn no_portal(seen: &Seen<'_>) -> Option<String> {
    let portals = &seen.it.control.portals;
    says(!portals.is_empty() && seen.held_by_portal().is_none(), "no captive portal")
}

fn clock(seen: &Seen<'_>) -> Option<String> {
    let ahead = seen.clock_off()?;
    says(seen.works() != Some(true), clock_words(ahead))
}

fn clock_breaks_tls(seen: &Seen<'_>) -> Option<String> {
    let out_of_date = |it: &&Session| !it.in_date && it.names_host;
    let theirs = seen.sessions().into_iter().filter(out_of_date).count();
    let neutral = seen.it.control.tls.as_ref().is_some_and(|it| !it.in_date && it.names_host);
    let off = seen.clock_off();
    let words = off.map_or_else(|| "our clock is wrong".to_owned(), clock_words);
    says(
        neutral || (0 < theirs && off.is_some()),
        format!("{words}, and certificates that hold look out of date here"),
    )
}

fn clock_right(seen: &Seen<'_>) -> Option<String> {
    says(seen.it.here.clock_ahead_s.is_some() && seen.clock_off().is_none(), "the clock is right")
}

fn proxy_dead(seen: &Seen<'_>) -> Option<String> {
    let proxy = seen.it.here.proxy.as_ref()?;
    let text = format!("the proxy {} ({}) cannot be reached", proxy.authority, proxy.from);
    says(proxy.reached == Some(false), text)
}

fn proxy_refuses(seen: &Seen<'_>) -> Option<String> {
    let proxy = seen.it.here.proxy.as_ref()?;
    let status = proxy.answered.filter(|status| !(200..300).contains(status))?;
    let text = format!("the proxy {} ({}) answers {status}", proxy.authority, proxy.from);
    says(true, text)
}

fn proxy_open(seen: &Seen<'_>) -> Option<String> {
    let proxy = seen.it.here.proxy.as_ref()?;
    let open = proxy.answered.is_some_and(|status| (200..300).contains(&status));
    says(open, format!("the proxy {} opens a tunnel", proxy.authority))
}

fn no_proxy(seen: &Seen<'_>) -> Option<String> {
    says(seen.it.here.proxy.is_none(), "no proxy is configured")
}

fn key_missing(seen: &Seen<'_>) -> Option<String> {
    match &seen.it.here.key {
        Some(KeySeen::Missing { from }) => {
            says(seen.works_for_us() != Some(true), format!("there is no key: {from} is not set"))
        }
        Some(KeySeen::Present { .. } | KeySeen::NotNeeded | KeySeen::Callers) | None => None,
    }
}

fn ca_unusable(seen: &Seen<'_>) -> Option<String> {
    let broken = seen.it.here.ca.iter().find(|ca| !ca.usable)?;
    let text = format!("{} names {}, which holds no certificate", broken.from, broken.path);
    says(seen.works() != Some(true), text)
}

/// The neutral addresses that were tried, two at most.
fn neutral_names(seen: &Seen<'_>) -> String {
    let names: Vec<&str> = seen.it.control.neutral.keys().map(String::as_str).take(2).collect();
    names.join(" and ")
}

fn clock_words(ahead_s: i64) -> String {
    let (by, way) = (ahead_s.unsigned_abs(), if ahead_s < 0 { "behind" } else { "ahead" });
    let by = match by {
        0..7200 => format!("{} min", by / 60),
        7200..172_800 => format!("{} h", by / 3600),
        _ => format!("{} days", by / 86_400),
    };
    format!("our clock is {by} {way} of everybody else's")
}
