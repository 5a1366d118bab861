//! What is this machine, and what is foreign: the rule for whoever may be asked without a key.
//!
//! Without keys any page in the user's browser could reach a loopback port: by a name that resolves
//! there (DNS rebinding), or by a form. So a foreign `Host` or `Origin` is refused.

use std::net::{IpAddr, SocketAddr};

/// Why a request does not come from this machine.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Foreign<'a> {
    /// It has more than one `Host`: one of them is not ours.
    Hosts,
    /// Its `Host` is not this machine.
    Host(&'a str),
    /// It comes from a page of another host: its `Origin`.
    Origin(&'a str),
}

/// Why a request to the listener at `listen` is foreign, where it is: by its `Host` and `Origin`
/// headers, in their order; what of them is no text is `?`.
pub fn foreign<'a>(
    mut hosts: impl Iterator<Item = &'a str>,
    mut origins: impl Iterator<Item = &'a str>,
    listen: SocketAddr,
) -> Option<Foreign<'a>> {
    let host = hosts.next().unwrap_or("");
    if hosts.next().is_some() {
        return Some(Foreign::Hosts);
    }
    if !is_here(host) && host != listen.to_string() {
        return Some(Foreign::Host(host));
    }
    let elsewhere = |origin: &&str| !is_here(origin.split_once("://").map_or("", |(_, it)| it));
    origins.find(elsewhere).map(Foreign::Origin)
}

/// `localhost`, `*.localhost` (RFC 6761) or a loopback address, with any port.
fn is_here(authority: &str) -> bool {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => rest.split_once(']').unwrap_or(("", "")),
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let digits = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    if !port.is_empty() && !port.strip_prefix(':').is_some_and(digits) {
        return false;
    }
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    let loopback = host.parse::<IpAddr>().is_ok_and(|ip| match ip {
        IpAddr::V4(ip) => ip.is_loopback(),
        IpAddr::V6(ip) => ip.to_canonical().is_loopback(),
    });
    loopback || host == "localhost" || host.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::{Foreign, foreign, is_here};

    #[test]
    fn here_and_elsewhere() {
        for here in [
            "localhost",
            "LOCALHOST:8484",
            "localhost.",
            "app.localhost:1",
            "127.0.0.1:8484",
            "127.8.8.8",
            "[::1]:8484",
            "[::ffff:127.0.0.1]",
        ] {
            assert!(is_here(here), "{here}");
        }
        for elsewhere in [
            "",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.nip.io",
            "127.0.0.1@evil.example",
            "10.0.0.1",
            "0.0.0.0",
            "[::]",
            "null",
            "evillocalhost",
            "localhost:evil",
            "[::1].evil.example",
            "[::1]:80:evil",
            "localhost:80@evil.example",
        ] {
            assert!(!is_here(elsewhere), "{elsewhere}");
        }
    }

    #[test]
    fn a_request_is_foreign_by_its_host_or_by_any_origin() {
        let check = |hosts: &[&'static str], origins: &[&'static str], expect| {
            let listen = "127.0.0.1:8485".parse().expect("an address");
            let found = foreign(hosts.iter().copied(), origins.iter().copied(), listen);
            assert_eq!(found, expect, "{hosts:?} {origins:?}");
        };
        check(&["localhost:8485"], &[], None);
        check(&["127.0.0.1"], &["http://localhost:3000", "https://app.localhost"], None);
        check(&[], &[], Some(Foreign::Host("")));
        check(&["evil.example"], &[], Some(Foreign::Host("evil.example")));
        check(&["localhost", "localhost"], &[], Some(Foreign::Hosts));
        let page = "https://evil.example";
        check(&["localhost"], &["http://localhost", page], Some(Foreign::Origin(page)));
        check(&["localhost"], &["null"], Some(Foreign::Origin("null")));
        check(&["localhost"], &[""], Some(Foreign::Origin("")));
    }
}
