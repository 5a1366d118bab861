//! TCP and TLS to the host's addresses.

use super::super::kinds::Kind;
use super::super::seen::{Part, Seen, is_good, is_inside, is_private};
use super::{Rule, SHUT_IN, bad, good, says};
use crate::{Cause, Layer};
use ir::evidence::{Reached, Road, Session, Shake, Trust};
use std::net::IpAddr;

pub(super) const RULES: &[Rule] = &[
    bad(Layer::Tls, v6_fails, &[(&[Cause::Ipv6], 34), (&[Cause::Fine], -30)]),
    bad(Layer::Tls, v6_fails_too, &[(&[Cause::Ipv6], 8)]),
    bad(Layer::Tls, refused_nearby, &[(&[Cause::Route], 24)]),
    bad(Layer::Tls, refused_everywhere, &[(&[Cause::Down], 16), (&[Cause::Route], 6)]),
    bad(Layer::Tls, silent_everywhere, &[(&[Cause::Route], 16), (&[Cause::Down], 14)]),
    bad(Layer::Tls, no_way_there, &[(&[Cause::Route], 26), (&[Cause::Down], 2)]),
    bad(Layer::Tls, some_addresses, &[(&[Cause::Route], 54), (&[Cause::Fine], -24)]),
    bad(Layer::Tls, small_hello_passes, &[(&[Cause::Middlebox], 42), (&[Cause::Down], -10)]),
    bad(Layer::Tls, tls_breaks_everywhere, &[(&[Cause::Middlebox], 34), (&[Cause::Proxy], 4)]),
    bad(Layer::Tls, tls_breaks_there, &[(&[Cause::Middlebox], 22), (&[Cause::Down], 14)]),
    bad(
        Layer::Tls,
        not_tls,
        &[(&[Cause::CaptivePortal, Cause::Proxy], 8), (&[Cause::Middlebox], 16)],
    ),
    bad(
        Layer::Tls,
        inspected,
        &[(&[Cause::TlsInspection], 46), (&[Cause::Interception], -16), (&[Cause::TheirTls], -14)],
    ),
    bad(
        Layer::Tls,
        stranger,
        &[(&[Cause::Interception], 30), (&[Cause::TheirTls], 4), (&[Cause::TlsInspection], -8)],
    ),
    bad(Layer::Tls, out_of_date, &[(&[Cause::TheirTls], 38)]),
    bad(Layer::Tls, some_out_of_date, &[(&[Cause::TheirTls], 76), (&[Cause::Fine], -24)]),
    bad(Layer::Tls, neutral_unknown, &[(&[Cause::TlsInspection], 36)]),
    bad(Layer::Tls, other_name, &[(&[Cause::TheirTls], 32), (&[Cause::Interception], 4)]),
    bad(
        Layer::Tls,
        filtered,
        &[
            (&[Cause::Middlebox], 36),
            (&[Cause::Resolver], 14),
            (&[Cause::Interception, Cause::TheirTls], -20),
        ],
    ),
    good(
        Layer::Tls,
        through,
        &[
            (SHUT_IN, -28),
            (&[Cause::Resolver, Cause::HostsOverride, Cause::StaleCache], -14),
            (&[Cause::Clock, Cause::Proxy], -18),
            (&[Cause::TlsInspection, Cause::Interception, Cause::TheirTls, Cause::TheirDns], -30),
            (&[Cause::Down], -3),
            (&[Cause::Fine], 5),
        ],
    ),
    good(Layer::Tls, all_through, &[(&[Cause::Middlebox, Cause::Route], -20)]),
    good(Layer::Tls, v6_well, &[(&[Cause::Ipv6], -24)]),
];

/// Roads that programs take, of one family.
fn family<'a>(seen: &Seen<'a>, v6: bool) -> Vec<(IpAddr, &'a Road)> {
    seen.taken().into_iter().filter(|(address, _)| address.is_ipv6() == v6).collect()
}

fn v6_fails(seen: &Seen<'_>) -> Option<String> {
    v6_dead(seen).filter(|_| !fails_otherwise(seen))
}

/// What fails over IPv4 as well is not IPv6's fault.
fn v6_fails_too(seen: &Seen<'_>) -> Option<String> {
    v6_dead(seen).filter(|_| fails_otherwise(seen))
}

/// Something fails that is no want of a connection.
fn fails_otherwise(seen: &Seen<'_>) -> bool {
    seen.works() == Some(false) && seen.fails_by() != Some(Kind::Reach)
}

fn v6_dead(seen: &Seen<'_>) -> Option<String> {
    let (v4, v6) = (family(seen, false), family(seen, true));
    let fails = !v6.is_empty()
        && v6.iter().all(|(_, road)| road.tcp.reached != Reached::Connected || breaks(road));
    let well = v4.iter().any(|(_, road)| is_good(road));
    // Without a route nobody tries, and nothing is broken.
    let routed = seen.it.here.route_v6 != Some(false);
    says(fails && well && routed, "IPv6 to the host fails, and IPv4 works")
}

fn v6_well(seen: &Seen<'_>) -> Option<String> {
    let v6 = family(seen, true);
    says(v6.iter().any(|(_, road)| is_good(road)) || v6.is_empty(), "IPv6 is not in the way")
}

/// All roads fail at TCP in this way, and the network is there.
fn all_fail(seen: &Seen<'_>, how: Reached) -> bool {
    // Of addresses inside nobody says that they are the host's.
    let outside = seen.taken().iter().any(|(address, _)| !is_inside(*address));
    let dead = seen.dead().is_some_and(|dead| {
        let tried: Vec<Reached> =
            dead.iter().copied().filter(|it| *it != Reached::Unreachable).collect();
        if tried.is_empty() {
            how == Reached::Unreachable
        } else {
            tried.iter().all(|it| *it == how)
        }
    });
    outside && dead && seen.world() != Some(false)
}

fn refused_everywhere(seen: &Seen<'_>) -> Option<String> {
    says(all_fail(seen, Reached::Refused), "every address of the host refuses connections")
}

/// Sooner than anybody far away could have answered.
fn refused_nearby(seen: &Seen<'_>) -> Option<String> {
    let well = |it: &&ir::evidence::Knock| it.reached == Reached::Connected;
    let nearest = seen.it.control.neutral.values().filter(well).map(|it| it.took_ms).min()?;
    // A host of this network is itself that near.
    let far = seen.taken().into_iter().filter(|(address, _)| !is_inside(*address));
    let refused = far.map(|(_, road)| road.tcp.took_ms).max()?;
    says(
        all_fail(seen, Reached::Refused) && 3 * refused < nearest,
        format!(
            "the host refuses within {refused} ms, and nobody outside is nearer than {nearest} ms: somebody here does"
        ),
    )
}

fn silent_everywhere(seen: &Seen<'_>) -> Option<String> {
    let others = seen.siblings() != Some(false);
    says(
        all_fail(seen, Reached::Timeout) && others,
        "no address of the host answers, and others do",
    )
}

fn no_way_there(seen: &Seen<'_>) -> Option<String> {
    says(
        all_fail(seen, Reached::Unreachable),
        "there is no way to the host, and there is one to others",
    )
}

fn some_addresses(seen: &Seen<'_>) -> Option<String> {
    // What only a line of a hosts file says is no address of theirs.
    let pinned = |it: &IpAddr| seen.it.here.hosts.iter().any(|line| line.address == *it);
    let some = |v6: bool| {
        let mut roads = family(seen, v6);
        roads.retain(|(address, _)| !is_inside(*address) && !pinned(address));
        let dead = roads.iter().filter(|(_, it)| it.tcp.reached != Reached::Connected).count();
        0 < dead && dead < roads.len()
    };
    says(
        some(false) || some(true),
        "some of the host's addresses do not answer here, and others of the same family do",
    )
}

/// TCP is well, and TLS is cut or stalls.
fn breaks(road: &Road) -> bool {
    let broken = |it: &Session| matches!(it.shake, Shake::Cut | Shake::Stalled | Shake::Refused);
    road.tcp.reached == Reached::Connected && road.tls.as_ref().is_some_and(broken)
}

/// Every road that connects breaks at TLS.
fn all_break(seen: &Seen<'_>) -> bool {
    let mut connected =
        seen.taken().into_iter().filter(|(_, it)| it.tcp.reached == Reached::Connected).peekable();
    connected.peek().is_some() && connected.all(|(_, road)| breaks(road))
}

fn small_hello_passes(seen: &Seen<'_>) -> Option<String> {
    let passes =
        |it: &Road| breaks(it) && it.small.as_ref().is_some_and(|it| it.shake == Shake::Complete);
    says(
        seen.taken().iter().any(|(_, road)| passes(road)),
        "TLS stalls, and passes with a smaller first message",
    )
}

fn tls_breaks_everywhere(seen: &Seen<'_>) -> Option<String> {
    let neutral = seen.it.control.tls.as_ref();
    let neutral =
        neutral.is_some_and(|it| matches!(it.shake, Shake::Cut | Shake::Stalled | Shake::Refused));
    says(
        all_break(seen) && neutral,
        "TLS breaks off here and at a neutral host, although TCP connects",
    )
}

fn tls_breaks_there(seen: &Seen<'_>) -> Option<String> {
    let neutral = seen.it.control.tls.as_ref().is_some_and(|it| it.shake == Shake::Complete);
    let small = seen
        .taken()
        .iter()
        .any(|(_, it)| it.small.as_ref().is_some_and(|it| it.shake == Shake::Complete));
    says(
        all_break(seen) && neutral && !small,
        "TCP connects, and TLS with the host is cut or stalls",
    )
}

fn not_tls(seen: &Seen<'_>) -> Option<String> {
    let sessions = seen.sessions();
    let plain = !sessions.is_empty() && sessions.iter().all(|it| it.shake == Shake::NotTls);
    says(plain, "what answers at the host's addresses does not speak TLS")
}

fn inspected(seen: &Seen<'_>) -> Option<String> {
    let neutral = seen.it.control.tls.as_ref().filter(|it| is_private(it))?;
    let impostor =
        seen.impostors().into_iter().find(|it| is_private(it) && it.issuer == neutral.issuer)?;
    says(
        matches!(neutral.trust, Trust::Nobody | Trust::SelfSigned)
            && seen.held_by_portal().is_none(),
        format!(
            "{:?} vouches for the host and for a neutral one, and is not trusted here",
            impostor.issuer
        ),
    )
}

fn stranger(seen: &Seen<'_>) -> Option<String> {
    let unknown = |it: &&Session| matches!(it.trust, Trust::Nobody | Trust::SelfSigned);
    let impostor = seen.impostors().into_iter().find(unknown)?;
    let neutral = seen.it.control.tls.as_ref();
    let same = neutral.is_some_and(|it| it.issuer == impostor.issuer && is_private(it))
        || seen.held_by_portal().is_some();
    // A host of one's own with a certificate of one's own is no interception.
    let ours =
        seen.it.here.elsewhere.is_some() || seen.taken().iter().all(|(it, _)| is_inside(*it));
    says(
        !same && !ours,
        format!(
            "whoever answers for the host is vouched for by {:?}, whom nobody knows; a neutral host is as it should be",
            impostor.issuer
        ),
    )
}

fn out_of_date(seen: &Seen<'_>) -> Option<String> {
    let old = |it: &Session| {
        !it.in_date && it.names_host && matches!(it.trust, Trust::Public | Trust::Machine)
    };
    let neutral = seen.it.control.tls.as_ref().is_none_or(|it| it.in_date);
    says(
        seen.only_impostors()
            && seen.impostors().into_iter().all(old)
            && neutral
            && seen.clock_off().is_none(),
        "the host's certificate is out of date, and our clock is right",
    )
}

fn some_out_of_date(seen: &Seen<'_>) -> Option<String> {
    let old = |it: &Session| !it.in_date && it.names_host && it.trust == Trust::Public;
    let (all, old) = (seen.sessions(), seen.impostors().into_iter().filter(|it| old(it)).count());
    says(
        0 < old && old < all.len() && seen.clock_off().is_none(),
        "the certificate at some of the host's addresses is out of date, and good at others",
    )
}

fn neutral_unknown(seen: &Seen<'_>) -> Option<String> {
    let neutral = seen.it.control.tls.as_ref()?;
    let unknown = neutral.shake == Shake::Complete
        && neutral.in_date
        && matches!(neutral.trust, Trust::Nobody | Trust::SelfSigned);
    let untried = seen.sessions().is_empty() && seen.any(&["certificate"]).is_some();
    says(
        unknown && untried && seen.held_by_portal().is_none(),
        format!("{:?} vouches for a neutral host, and is not trusted here", neutral.issuer),
    )
}

fn other_name(seen: &Seen<'_>) -> Option<String> {
    let other = |it: &Session| !it.names_host && it.in_date && it.trust == Trust::Public;
    // Where no provider is, no certificate is a provider's.
    let theirs = seen.astray(Part::Cache).is_none();
    says(
        seen.only_impostors() && seen.impostors().into_iter().all(other) && theirs && !spared(seen),
        "the certificate at every address of the host is good and for another name",
    )
}

/// Only addresses that programs do not get lead to the host.
fn spared(seen: &Seen<'_>) -> bool {
    seen.spared().iter().any(|(_, road)| is_good(road))
}

/// Somebody's page in their place: of a filter, mostly. A server of one's own may have any certificate.
fn filtered(seen: &Seen<'_>) -> Option<String> {
    let foreign = |it: &Session| !it.names_host && it.in_date && it.trust == Trust::Machine;
    let impostors = seen.impostors();
    let issuer = &impostors.first()?.issuer;
    let inside = seen.taken().iter().all(|(address, _)| is_inside(*address));
    let own = seen.is_elsewhere() || (inside && seen.astray(Part::Cache).is_none());
    says(
        seen.only_impostors() && impostors.into_iter().all(foreign) && !own && !spared(seen),
        format!(
            "{issuer:?}, whom only this machine trusts, vouches for whoever answers for the host, under another name"
        ),
    )
}

fn all_through(seen: &Seen<'_>) -> Option<String> {
    let routed = seen.it.here.route_v6 != Some(false);
    let mut tried = seen.taken().into_iter().filter(|(it, _)| routed || it.is_ipv4()).peekable();
    says(
        tried.peek().is_some() && tried.all(|(_, road)| is_good(road)),
        "every address of the host is reached",
    )
}

fn through(seen: &Seen<'_>) -> Option<String> {
    says(seen.gets_through() == Some(true), "TCP and TLS are well, and the host shows itself")
}
