//! Who resolves names here: resolv.conf(5), nsswitch.conf(5), and who stands behind a loopback address.

use super::{address, text};
use crate::Ground;
use ir::evidence::{Nsswitch, Os, ResolvConf, ResolverKind};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

/// Resolvers and domains beyond these are not told of.
const ENTRIES_MAX: usize = 16;

/// Where `systemd-resolved` and Docker listen.
const RESOLVED: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(127, 0, 0, 53)), IpAddr::V4(Ipv4Addr::new(127, 0, 0, 54))];
const DOCKER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 11));

/// The configured resolvers, and those behind the first where it only passes questions on.
pub(super) fn configured(ground: &Ground) -> Option<ResolvConf> {
    let files = &ground.files;
    let mut conf = read(&files.resolv_conf)?;
    let first = conf.servers.first().copied();
    if first.is_some_and(|first| RESOLVED.contains(&first)) {
        conf.upstreams = behind(&files.upstream_resolv_conf);
        if conf.upstreams.is_empty() && ground.programs {
            conf.upstreams = super::resolvectl::upstreams();
        }
    } else if first.is_some_and(|first| first.is_loopback() && first != DOCKER) {
        let known = ["NetworkManager/no-stub-resolv.conf", "dnsmasq/resolv.conf"];
        let found = known.iter().map(|name| behind(&files.run.join(name)));
        conf.upstreams = found.into_iter().find(|found| !found.is_empty()).unwrap_or_default();
    }
    Some(conf)
}

fn behind(path: &Path) -> Vec<IpAddr> {
    let servers = read(path).map(|conf| conf.servers).unwrap_or_default();
    servers.into_iter().filter(|server| !server.is_loopback()).collect()
}

fn read(path: &Path) -> Option<ResolvConf> {
    let text = text(path)?;
    let linked = path.symlink_metadata().is_ok_and(|it| it.file_type().is_symlink());
    let leads_to = if linked { path.canonicalize().ok() } else { None };
    let mut conf = ResolvConf {
        path: path.display().to_string(),
        leads_to: leads_to.map(|path| path.display().to_string()),
        ..ResolvConf::default()
    };
    for line in text.lines() {
        let mut words = line.split(['#', ';']).next().unwrap_or_default().split_whitespace();
        match words.next() {
            Some("nameserver") => conf.servers.extend(words.next().and_then(address)),
            // The last of them counts.
            Some("search" | "domain") => {
                conf.search = words.take(ENTRIES_MAX).map(str::to_owned).collect();
            }
            Some("options") => {
                let mut dots = words.filter_map(|word| word.strip_prefix("ndots:")?.parse().ok());
                conf.ndots = dots.next_back().or(conf.ndots);
            }
            Some(_) | None => {}
        }
    }
    conf.servers.truncate(ENTRIES_MAX);
    Some(conf)
}

/// The line `hosts:`, without what stands in brackets.
pub(super) fn nsswitch(path: &Path) -> Option<Nsswitch> {
    let text = text(path)?;
    text.lines().enumerate().find_map(|(at, line)| {
        let rest = line.split('#').next()?.trim_start().strip_prefix("hosts:")?;
        let mut depth = 0_u32;
        let outside: String = rest
            .chars()
            .filter_map(|c| match c {
                '[' => {
                    depth += 1;
                    Some(' ')
                }
                ']' => {
                    depth = depth.saturating_sub(1);
                    Some(' ')
                }
                c => (depth == 0).then_some(c),
            })
            .collect();
        Some(Nsswitch {
            path: path.display().to_string(),
            line: u32::try_from(at).ok()?.saturating_add(1),
            order: outside.split_whitespace().take(ENTRIES_MAX).map(str::to_owned).collect(),
        })
    })
}

/// Who answers programs: by the system, by the first resolver, and by what daemons leave behind.
pub(super) fn kind(ground: &Ground, conf: Option<&ResolvConf>) -> Option<ResolverKind> {
    match ground.os {
        Os::Macos => return Some(ResolverKind::Mdnsresponder),
        Os::Windows => return Some(ResolverKind::DnsClient),
        Os::Linux | Os::Other => {}
    }
    let first = conf?.servers.first().copied();
    let left = |names: &[&str]| names.iter().any(|name| ground.files.run.join(name).exists());
    if first.is_some_and(|first| RESOLVED.contains(&first)) {
        return Some(ResolverKind::SystemdResolved);
    }
    if left(&["nscd/socket"]) {
        return Some(ResolverKind::Nscd);
    }
    if ground.env.contains_key("KUBERNETES_SERVICE_HOST") {
        return Some(ResolverKind::Kubernetes);
    }
    match first {
        Some(DOCKER) => Some(ResolverKind::Docker),
        Some(first) if first.is_loopback() => {
            if left(&["unbound.pid", "unbound/unbound.pid", "unbound.ctl"]) {
                Some(ResolverKind::Unbound)
            } else if left(&["dnsmasq.pid", "dnsmasq", "NetworkManager/dnsmasq.pid"]) {
                Some(ResolverKind::Dnsmasq)
            } else {
                None
            }
        }
        Some(_) => Some(ResolverKind::Direct),
        None => None,
    }
}
