//! This machine: its files and variables, read and not judged.
//!
//! **Invariants:** a file is read up to [`FILE_BYTES_MAX`] and only where it is one; nothing is
//! written; of variables only those of [`crate::Ground::env`] are looked at.

mod authorities;
mod hosts;
mod links;
mod resolvectl;
mod resolvers;

use crate::{Ground, Subject};
use ir::Place;
use ir::evidence::{Elsewhere, Here, Os, ProxySeen};
use std::fs::File;
use std::io::Read as _;
use std::net::IpAddr;
use std::path::Path;

/// No file is read beyond this.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Resolvers beyond these are not asked.
const UPSTREAMS_MAX: usize = 3;

/// What was read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Local {
    pub(crate) here: Here,
    /// A resolver on this machine that passes questions on.
    pub(crate) stub: Option<IpAddr>,
    /// Those that are asked directly.
    pub(crate) upstreams: Vec<IpAddr>,
}

/// Reads everything. Blocks on files.
pub(crate) fn look(ground: &Ground, subject: &Subject) -> Local {
    let files = &ground.files;
    let mut here = Here {
        os: ground.os,
        key: subject.key.clone(),
        vendors: subject.vendors,
        elsewhere: elsewhere(subject),
        ca: authorities::seen(ground, subject),
        hosts: hosts::naming(&files.hosts, &subject.base.host),
        container: is_container(ground),
        proxy: subject.proxy.as_ref().map(|proxy| ProxySeen {
            from: proxy.from.clone(),
            authority: proxy.authority(),
            reached: None,
            answered: None,
        }),
        ..Here::default()
    };
    links::look(files, &mut here);
    here.nsswitch = resolvers::nsswitch(&files.nsswitch);
    here.resolv_conf = resolvers::configured(ground);
    let (stub, mut upstreams) = match &here.resolv_conf {
        Some(conf) => {
            let stub = conf.servers.first().copied().filter(IpAddr::is_loopback);
            let direct = conf.servers.iter().filter(|server| !server.is_loopback());
            (stub, conf.upstreams.iter().chain(direct).copied().collect::<Vec<_>>())
        }
        None => (None, Vec::new()),
    };
    let mut seen = Vec::new();
    upstreams.retain(|server| {
        // One that holds on a link only is reached by naming the link: here it would seem dead.
        let linked = server.is_ipv6() && Place::of(*server) == Place::LinkLocal;
        let new = !seen.contains(server) && !linked;
        seen.push(*server);
        new
    });
    upstreams.truncate(UPSTREAMS_MAX);
    here.resolver = resolvers::kind(ground, here.resolv_conf.as_ref());
    Local { here, stub, upstreams }
}

fn elsewhere(subject: &Subject) -> Option<Elsewhere> {
    let (usual, named) = subject.usual.as_ref()?;
    (*usual != subject.base).then(|| Elsewhere {
        from: named.from.clone(),
        path: named.path.clone(),
        line: named.line,
        url: subject.base.to_string(),
        usual: usual.to_string(),
    })
}

fn is_container(ground: &Ground) -> bool {
    let (files, env) = (&ground.files, &ground.env);
    let marks = ["docker", "kubepods", "containerd", "libpod", "lxc"];
    let grouped = || {
        let groups = text(&files.cgroup).unwrap_or_default();
        ground.os == Os::Linux && marks.iter().any(|mark| groups.contains(mark))
    };
    files.dockerenv.exists()
        || files.containerenv.exists()
        || env.contains_key("KUBERNETES_SERVICE_HOST")
        || env.contains_key("container")
        || grouped()
}

/// The beginning of a file; none where there is no such file.
fn bytes(path: &Path) -> Option<Vec<u8>> {
    // Opening a pipe would wait for its other end.
    if !path.metadata().ok()?.is_file() {
        return None;
    }
    let mut read = Vec::new();
    File::open(path).ok()?.take(FILE_BYTES_MAX).read_to_end(&mut read).ok()?;
    Some(read)
}

/// The same as text, whatever it holds.
fn text(path: &Path) -> Option<String> {
    let read = bytes(path)?;
    let text = String::from_utf8_lossy(&read);
    Some(text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned())
}

/// An address as such files write it: perhaps with the interface it holds on.
fn address(text: &str) -> Option<IpAddr> {
    text.split('%').next()?.parse().ok()
}

#[cfg(test)]
mod tests;
