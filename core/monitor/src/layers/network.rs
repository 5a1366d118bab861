//! This machine and its way out.

use super::{Line, Parts, ms, shown};
use crate::Layer;
use ir::Evidence;
use ir::evidence::{Here, Portal, Reached};

pub(super) fn line(evidence: &Evidence) -> Line {
    let (here, control) = (&evidence.here, &evidence.control);
    let mut parts = Parts::default();
    machine(here, &mut parts);
    let reached = control.neutral.iter().filter(|(_, it)| it.reached == Reached::Connected);
    let nearest = reached.min_by_key(|(_, it)| it.took_ms);
    match nearest {
        Some((name, knock)) => parts.good(format!("{name} {}", ms(knock.took_ms))),
        // Behind a proxy nothing else is let out, as it should be.
        None if here.proxy.is_some() || control.neutral.is_empty() => {}
        None => parts.bad("no neutral host is reached"),
    }
    for (name, knock) in &control.neutral {
        let how = reached_word(knock.reached);
        parts.detail(format!("tcp {name}: {how} {}", ms(knock.took_ms)));
    }
    portals(evidence, &mut parts);
    if let Some(ahead) = here.clock_ahead_s {
        let text = format!("clock {ahead:+} s");
        if 300 < ahead.abs() { parts.bad(text) } else { parts.good(text) }
    }
    for (name, sibling) in &control.siblings {
        let how = match sibling.reached {
            Some(true) => "reached",
            Some(false) => "not reached",
            None => "not asked",
        };
        parts.detail(format!("{}: {how}", shown(name)));
    }
    let proxied = here.proxy.as_ref().is_some_and(|it| it.answered == Some(200));
    parts.line(Layer::Network, nearest.is_some() || proxied)
}

fn machine(here: &Here, parts: &mut Parts) {
    if let Some(interfaces) = &here.interfaces {
        if !interfaces.iter().any(|it| it.up && !it.addresses.is_empty()) {
            parts.bad("no interface is up");
        }
        for it in interfaces {
            let state = if it.up { "up" } else { "down" };
            let addresses: Vec<String> = it.addresses.iter().map(ToString::to_string).collect();
            parts.detail(format!("{} {state} {}", shown(&it.name), addresses.join(" ")));
        }
    }
    match (here.route_v4, here.route_v6) {
        (Some(false), Some(false) | None) => parts.bad("no default route"),
        (Some(true), _) | (Some(false) | None, Some(true)) => parts.good("route"),
        (None, _) => {}
    }
    if let Some(gateway) = here.gateway {
        parts.detail(format!("default route by {gateway}"));
    }
    if let Some(proxy) = &here.proxy {
        let (from, to) = (shown(&proxy.from), shown(&proxy.authority));
        match (proxy.reached, proxy.answered) {
            (Some(false), _) => parts.bad(format!("proxy {to} ({from}) cannot be reached")),
            (_, Some(200) | None) => parts.good(format!("proxy {to} ({from})")),
            (_, Some(status)) => parts.bad(format!("proxy {to} ({from}) answers {status}")),
        }
    }
    for ca in &here.ca {
        let state = if ca.usable { "" } else { ", which holds no certificate" };
        parts.detail(format!("{} = {}{state}", shown(&ca.from), shown(&ca.path)));
    }
    if here.container {
        parts.detail("in a container");
    }
}

fn portals(evidence: &Evidence, parts: &mut Parts) {
    let portals = &evidence.control.portals;
    for (url, portal) in portals {
        let came = match portal {
            Portal::Expected => "as expected".to_owned(),
            Portal::Altered { status, to: Some(to) } => format!("{status} to {}", shown(to)),
            Portal::Altered { status, to: None } => format!("{status}, not what is known"),
            Portal::Nothing => "nothing".to_owned(),
        };
        parts.detail(format!("GET {url}: {came}"));
    }
    let expected = portals.values().any(|it| *it == Portal::Expected);
    let altered = portals.values().any(|it| matches!(it, Portal::Altered { .. }));
    match (expected, altered) {
        (true, _) => parts.good("no captive portal"),
        (false, true) => parts.bad("a captive portal answers"),
        (false, false) => {}
    }
}

/// The word for how TCP went.
pub(super) fn reached_word(reached: Reached) -> &'static str {
    match reached {
        Reached::Connected => "connected",
        Reached::Refused => "refused",
        Reached::Timeout => "no answer",
        Reached::Unreachable => "no way there",
    }
}
