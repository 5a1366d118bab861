//! TCP and TLS to the host's addresses.

use super::network::reached_word;
use super::{Line, Parts, ms, shown};
use crate::Layer;
use ir::Evidence;
use ir::evidence::{Reached, Road, Session, Shake, Trust};
use std::net::IpAddr;

const DAY_S: i64 = 86_400;

pub(super) fn line(evidence: &Evidence) -> Line {
    let mut parts = Parts::default();
    // Without a route for it nobody takes IPv6, and nothing of it is a fault.
    let has_route = evidence.here.route_v6 != Some(false);
    let routed = |it: &IpAddr| it.is_ipv4() || it.is_loopback() || has_route;
    let roads: Vec<(&IpAddr, &Road)> =
        evidence.roads.iter().filter(|(address, _)| routed(address)).collect();
    for (name, v6) in [("v4", false), ("v6", true)] {
        let family: Vec<&Road> =
            roads.iter().filter(|(it, _)| it.is_ipv6() == v6).map(|(_, road)| *road).collect();
        tcp(name, &family, &mut parts);
    }
    let sessions: Vec<&Session> = roads.iter().filter_map(|(_, it)| it.tls.as_ref()).collect();
    tls(evidence, &sessions, &mut parts);
    for (address, road) in &evidence.roads {
        parts.detail(detail(address, road));
    }
    if let Some(neutral) = &evidence.control.tls {
        parts.detail(format!("a neutral host: {}", full(neutral)));
    }
    let proxied = evidence.here.proxy.is_some() && evidence.roads.is_empty();
    if proxied {
        parts.good("through the proxy");
    }
    let connected = roads.iter().any(|(_, it)| it.tcp.reached == Reached::Connected);
    parts.line(Layer::Tls, connected)
}

fn tcp(name: &str, family: &[&Road], parts: &mut Parts) {
    let Some(first) = family.first() else { return };
    let connected = family.iter().filter(|it| it.tcp.reached == Reached::Connected);
    let dead = family.len() - connected.clone().count();
    match connected.map(|it| it.tcp.took_ms).min() {
        Some(took) if dead == 0 => parts.good(format!("{name} {}", ms(took))),
        Some(took) => {
            parts.bad(format!("{name} {}, {dead} of {} addresses dead", ms(took), family.len()));
        }
        None => parts.bad(format!("{name} {}", reached_word(first.tcp.reached))),
    }
}

fn tls(evidence: &Evidence, sessions: &[&Session], parts: &mut Parts) {
    if let Some(bad) = sessions.iter().find(|it| !it.is_the_host()) {
        parts.bad(fault(bad));
        return;
    }
    let Some(first) = sessions.first() else { return };
    let now = i64::try_from(evidence.at_unix_ms / 1000).unwrap_or(0);
    let left = first.not_after_unix.map(|until| (until - now) / DAY_S);
    let left = left.map(|days| format!(" ({days} d left)")).unwrap_or_default();
    let trust = match first.trust {
        Trust::Machine => format!(" by {:?}, trusted here only", shown(&first.issuer)),
        Trust::Public | Trust::Nobody | Trust::SelfSigned => String::new(),
    };
    parts.good(format!("{} chain ok{trust}{left}", shown(&first.version)));
}

/// What is wrong with a session.
fn fault(session: &Session) -> String {
    let issuer = shown(&session.issuer);
    match session.shake {
        Shake::Cut => "TLS is cut".to_owned(),
        Shake::Stalled => "TLS stalls".to_owned(),
        Shake::Refused => "TLS is refused".to_owned(),
        Shake::NotTls => "no TLS is spoken there".to_owned(),
        Shake::Complete if !session.names_host => "the certificate is for another host".to_owned(),
        Shake::Complete => match session.trust {
            Trust::Nobody => format!("the certificate is vouched for by {issuer:?}, unknown here"),
            Trust::SelfSigned => "the certificate vouches for itself".to_owned(),
            Trust::Public | Trust::Machine => "the certificate is out of date".to_owned(),
        },
    }
}

fn detail(address: &IpAddr, road: &Road) -> String {
    let from: Vec<String> = road.from.iter().map(ToString::to_string).collect();
    let tcp = format!("{} {}", reached_word(road.tcp.reached), ms(road.tcp.took_ms));
    let tls = road.tls.as_ref().map(|it| format!("; {}", full(it))).unwrap_or_default();
    let small = road.small.as_ref().map(|it| format!("; small hello: {}", full(it)));
    let from = if from.is_empty() {
        String::new()
    } else {
        format!(" (from {})", shown(&from.join(", ")))
    };
    format!("{address}{from}: {tcp}{tls}{}", small.unwrap_or_default())
}

/// All of a session in a line.
fn full(session: &Session) -> String {
    if session.shake != Shake::Complete {
        return format!("{} {}", fault(session), ms(session.took_ms));
    }
    let state = if session.is_the_host() { "ok".to_owned() } else { fault(session) };
    let (version, issuer) = (shown(&session.version), shown(&session.issuer));
    let chain: String = session.chain.chars().take(12).collect();
    format!("{version} {} by {issuer:?}, {state}, chain {}", ms(session.took_ms), shown(&chain))
}
