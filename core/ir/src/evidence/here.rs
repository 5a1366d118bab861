//! This machine: what stands between a program and the network before anything is sent.

use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// This machine, and what is configured on it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Here {
    /// Which system it is.
    pub os: Os,
    /// Who answers the names that programs ask for.
    pub resolver: Option<ResolverKind>,
    /// It runs in a container.
    pub container: bool,
    /// Interfaces beyond loopback.
    pub interfaces: Option<Vec<Interface>>,
    /// Whether there is a default route for IPv4.
    pub route_v4: Option<bool>,
    /// Whether there is one for IPv6.
    pub route_v6: Option<bool>,
    /// The next hop of the default route.
    pub gateway: Option<IpAddr>,
    /// Our clock less that of the others, in seconds, by the dates of HTTP answers.
    pub clock_ahead_s: Option<i64>,
    /// The proxy that requests to the host go through, where there is one.
    pub proxy: Option<ProxySeen>,
    /// Variables and keys that name further certificate authorities.
    pub ca: Vec<CaFile>,
    /// Lines of hosts files that name the host.
    pub hosts: Vec<HostsEntry>,
    /// The resolvers that are configured.
    pub resolv_conf: Option<ResolvConf>,
    /// In which order names are looked up.
    pub nsswitch: Option<Nsswitch>,
    /// The key for the provider.
    pub key: Option<KeySeen>,
    /// The name is one that a vendor has on the internet: no address of a network like this one is its.
    pub vendors: bool,
    /// The provider is asked elsewhere than usual.
    pub elsewhere: Option<Elsewhere>,
}

/// Systems that advice is worded for.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Os {
    /// Linux.
    Linux,
    /// macOS.
    Macos,
    /// Windows.
    Windows,
    /// Any other, or none that is known.
    #[default]
    Other,
}

/// Who answers the names that programs ask for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ResolverKind {
    /// `systemd-resolved`, on 127.0.0.53.
    SystemdResolved,
    /// `dnsmasq`, alone or below `NetworkManager`.
    Dnsmasq,
    /// `unbound`.
    Unbound,
    /// `nscd` or `nsncd` keeps what was found.
    Nscd,
    /// A cluster's own.
    Kubernetes,
    /// Docker's, on 127.0.0.11.
    Docker,
    /// `mDNSResponder`.
    Mdnsresponder,
    /// The DNS client of Windows.
    DnsClient,
    /// None: programs ask the configured resolvers themselves.
    Direct,
}

/// An interface beyond loopback.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Whether it is up and has a carrier.
    pub up: bool,
    /// Its addresses, without those that hold on the link only.
    pub addresses: Vec<IpAddr>,
}

/// A proxy on the way.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProxySeen {
    /// Who says so: `HTTPS_PROXY`, `providers.anthropic.proxy`.
    pub from: String,
    /// `host:port`, without name and password.
    pub authority: String,
    /// Whether there is a TCP connection to it.
    pub reached: Option<bool>,
    /// The status it answered a wish for a tunnel with; 200 is a tunnel.
    pub answered: Option<u16>,
}

/// Further certificate authorities.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct CaFile {
    /// Who says so: `SSL_CERT_FILE`, `providers.anthropic.ca`.
    pub from: String,
    /// Which file or folder.
    pub path: String,
    /// Whether it can be read and holds a certificate.
    pub usable: bool,
}

/// A line of a hosts file.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct HostsEntry {
    /// Which file.
    pub path: String,
    /// Which line, from 1.
    pub line: u32,
    /// Where it sends the name.
    pub address: IpAddr,
    /// The name, as it stands there.
    pub name: String,
}

/// The resolvers that are configured.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ResolvConf {
    /// Which file.
    pub path: String,
    /// Where it really stands, where it is a link.
    pub leads_to: Option<String>,
    /// The resolvers, in order.
    pub servers: Vec<IpAddr>,
    /// Where the first of them, if it only passes questions on, passes them on to.
    pub upstreams: Vec<IpAddr>,
    /// Domains that are tried behind a short name.
    pub search: Vec<String>,
    /// How many dots make a name that is tried as it is first.
    pub ndots: Option<u32>,
}

/// In which order names are looked up.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Nsswitch {
    /// Which file.
    pub path: String,
    /// Which line, from 1.
    pub line: u32,
    /// The sources of `hosts:`, in order, without what stands in brackets.
    pub order: Vec<String>,
}

/// The key for a provider.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "is", deny_unknown_fields)]
pub enum KeySeen {
    /// There is one.
    Present {
        /// Where it comes from: `ANTHROPIC_API_KEY`, `providers.anthropic.api_key`.
        from: String,
    },
    /// There is none, and one is needed.
    Missing {
        /// Where it was looked for.
        from: String,
    },
    /// None is needed.
    NotNeeded,
    /// Callers bring theirs.
    Callers,
}

/// A provider that is asked elsewhere than usual.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Elsewhere {
    /// Who says so: `providers.anthropic.base_url`, `ANTHROPIC_BASE_URL`.
    pub from: String,
    /// Which file, and which line of it, where it is one.
    pub path: Option<String>,
    /// From 1.
    pub line: Option<u32>,
    /// Where it is asked.
    pub url: String,
    /// Where it is usually asked.
    pub usual: String,
}
