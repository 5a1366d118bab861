//! Which files of this machine are read.

use std::path::{Path, PathBuf};

/// The files that are read. One that is not there is no trouble: what it would say is absent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Files {
    /// Names and addresses that the operator wrote down.
    pub hosts: PathBuf,
    /// The resolvers that are configured.
    pub resolv_conf: PathBuf,
    /// Where `systemd-resolved` says whom it asks itself.
    pub upstream_resolv_conf: PathBuf,
    /// In which order names are looked up.
    pub nsswitch: PathBuf,
    /// The kernel's routes for IPv4.
    pub route_v4: PathBuf,
    /// The same for IPv6.
    pub route_v6: PathBuf,
    /// The kernel's own addresses, IPv4.
    pub fib_trie: PathBuf,
    /// The kernel's own addresses, IPv6.
    pub if_inet6: PathBuf,
    /// A folder with one folder per interface.
    pub interfaces: PathBuf,
    /// What Docker leaves in its containers.
    pub dockerenv: PathBuf,
    /// What Podman leaves there.
    pub containerenv: PathBuf,
    /// The groups of the first process.
    pub cgroup: PathBuf,
    /// The folder where daemons leave sockets and ids: `nscd`, `dnsmasq`, `unbound`.
    pub run: PathBuf,
}

// === impl Files ===

impl Files {
    /// The usual paths below a folder, as they are below `/`.
    pub fn below(root: &Path) -> Self {
        Self {
            hosts: root.join("etc/hosts"),
            resolv_conf: root.join("etc/resolv.conf"),
            upstream_resolv_conf: root.join("run/systemd/resolve/resolv.conf"),
            nsswitch: root.join("etc/nsswitch.conf"),
            route_v4: root.join("proc/net/route"),
            route_v6: root.join("proc/net/ipv6_route"),
            fib_trie: root.join("proc/net/fib_trie"),
            if_inet6: root.join("proc/net/if_inet6"),
            interfaces: root.join("sys/class/net"),
            dockerenv: root.join(".dockerenv"),
            containerenv: root.join("run/.containerenv"),
            cgroup: root.join("proc/1/cgroup"),
            run: root.join("run"),
        }
    }
}

impl Default for Files {
    /// Those of this machine.
    fn default() -> Self {
        let mut files = Self::below(Path::new("/"));
        if cfg!(windows) {
            let root = std::env::var_os("SystemRoot").unwrap_or_else(|| r"C:\Windows".into());
            files.hosts = Path::new(&root).join(r"System32\drivers\etc\hosts");
        }
        files
    }
}
