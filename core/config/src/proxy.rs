//! HTTP proxies: what names one, and which requests go through the one that the environment names.
//!
//! A proxy is asked for a tunnel (`CONNECT`), for `https` and for plain `http` alike, so it sees
//! where a request goes and, behind `https`, nothing else.
//!
//! **Invariant:** name and password of a proxy stand in no problem and in no `Debug` output.

use crate::url::{Fault, host_name, split_port, unescaped};
use crate::{BaseUrl, Problem, Surroundings};
use base64::prelude::{BASE64_STANDARD, Engine};
use secrecy::{ExposeSecret, SecretString};
use std::net::IpAddr;

/// An HTTP proxy.
#[derive(Clone, Debug)]
pub struct Proxy {
    /// Its host; IPv6 without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// What it is told in `Proxy-Authorization`, fit for a header.
    pub credential: Option<SecretString>,
}

/// The proxies that the environment names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment {
    https: Option<Proxy>,
    http: Option<Proxy>,
    direct: Vec<Direct>,
    /// Variables that name none, though they try to.
    pub(crate) faults: Vec<Problem>,
}

/// One entry of `NO_PROXY`.
#[derive(Clone, Debug)]
enum Direct {
    /// Everything.
    All,
    /// This host and those below it, on this port or on all.
    Host(String, Option<u16>),
    /// The addresses with this many leading bits of this one.
    Net(IpAddr, u32),
}

/// Entries of `NO_PROXY` beyond these are not read.
const DIRECT_MAX: usize = 256;

/// A name or a password longer than this is neither.
const CREDENTIAL_MAX: usize = 4 << 10;

// === impl Proxy ===

impl Proxy {
    /// Whether it is the same one, asked with the same credential.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let Self { host, port, credential } = self;
        let told = |it: &Option<SecretString>| it.as_ref().map(|it| it.expose_secret().to_owned());
        *host == other.host && *port == other.port && told(credential) == told(&other.credential)
    }

    /// Reads `http://HOST:PORT`, with or without `NAME:PASSWORD@`.
    pub(crate) fn parse(text: &str) -> Result<Self, Fault> {
        let fault = |what, hint| Err(Fault { what, hint });
        let form = "write http://HOST:PORT";
        let Some((scheme, rest)) = text.split_once("://") else {
            return fault("is not the URL of a proxy", form);
        };
        if !scheme.eq_ignore_ascii_case("http") {
            return fault("is not a proxy that is spoken to over http", form);
        }
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (user, authority) = match rest.rsplit_once('@') {
            Some((user, authority)) => (Some(user), authority),
            None => (None, rest),
        };
        let (host, port) = split_port(authority)?;
        let host = host_name(host)?;
        let credential = user.map(basic).transpose()?;
        Ok(Self { host, port: port.unwrap_or(80), credential })
    }

    /// `host:port`, without what it is told.
    pub fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// `NAME:PASSWORD`, percent-encoded as URLs are, as `Proxy-Authorization` has it (RFC 7617).
fn basic(user: &str) -> Result<SecretString, Fault> {
    let hint = "percent-encode what is not a letter or a digit";
    let bad = Fault { what: "has a name or a password that is not one", hint };
    let Some(mut plain) = unescaped(user) else { return Err(bad) };
    if plain.is_empty() || CREDENTIAL_MAX < plain.len() {
        return Err(bad);
    }
    if !user.contains(':') {
        plain.push(b':');
    }
    Ok(SecretString::from(format!("Basic {}", BASE64_STANDARD.encode(plain))))
}

// === impl Environment ===

impl Environment {
    /// Reads the usual variables; in lower case first, as curl does.
    pub(crate) fn read(around: &dyn Surroundings) -> Self {
        let mut environment = Self::default();
        let mut find = |names: &[&'static str]| {
            names.iter().find_map(|name| {
                let value = around.env(name).filter(|value| !value.trim().is_empty())?;
                let value = value.trim();
                // Often without a scheme, and then it is this one.
                let parsed = if value.contains("://") {
                    Proxy::parse(value)
                } else {
                    Proxy::parse(&format!("http://{value}"))
                };
                match parsed {
                    Ok(proxy) => Some(proxy),
                    Err(fault) => {
                        let hint = format!("{}; until then it is passed over", fault.hint);
                        let fault = Problem::outside(*name, fault.what, hint);
                        if !environment.faults.contains(&fault) {
                            environment.faults.push(fault);
                        }
                        None
                    }
                }
            })
        };
        let https = find(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]);
        let http = find(&["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]);
        let direct = ["no_proxy", "NO_PROXY"].iter().find_map(|name| around.env(name));
        environment.direct = direct.as_deref().map(Direct::all).unwrap_or_default();
        Self { https, http, ..environment }
    }

    /// The proxy for a provider. None for this machine, whatever the variables say.
    pub(crate) fn proxy_for(&self, url: &BaseUrl) -> Option<Proxy> {
        if url.is_loopback() || self.direct.iter().any(|direct| direct.holds(url)) {
            return None;
        }
        if url.https { self.https.clone() } else { self.http.clone() }
    }
}

// === impl Direct ===

impl Direct {
    /// The entries of a list; what is none is passed over, as everybody does.
    fn all(text: &str) -> Vec<Self> {
        let entries = text.split(|c: char| c == ',' || c.is_whitespace());
        entries.filter(|entry| !entry.is_empty()).filter_map(Self::one).take(DIRECT_MAX).collect()
    }

    fn one(entry: &str) -> Option<Self> {
        if entry == "*" {
            return Some(Self::All);
        }
        if let Some((net, bits)) = entry.split_once('/') {
            let net: IpAddr = net.parse().ok()?;
            let longest = if net.is_ipv4() { 32 } else { 128 };
            return Some(Self::Net(net, bits.parse().ok().filter(|bits| *bits <= longest)?));
        }
        if let Ok(address) = entry.parse::<IpAddr>() {
            return Some(Self::Host(address.to_string(), None));
        }
        let (host, port) = split_port(entry).ok()?;
        let host = host.strip_prefix('*').unwrap_or(host);
        let host = host_name(host.strip_prefix('.').unwrap_or(host)).ok()?;
        Some(Self::Host(host, port))
    }

    fn holds(&self, url: &BaseUrl) -> bool {
        match self {
            Self::All => true,
            Self::Host(host, port) => {
                let below = url.host.strip_suffix(host.as_str());
                let named = below.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
                named && port.is_none_or(|port| port == url.port)
            }
            Self::Net(net, bits) => match (net, url.address()) {
                (IpAddr::V4(net), Some(IpAddr::V4(address))) => {
                    let tail = 32 - bits;
                    net.to_bits().checked_shr(tail) == address.to_bits().checked_shr(tail)
                }
                (IpAddr::V6(net), Some(IpAddr::V6(address))) => {
                    let tail = 128 - bits;
                    net.to_bits().checked_shr(tail) == address.to_bits().checked_shr(tail)
                }
                (IpAddr::V4(_) | IpAddr::V6(_), _) => false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Environment, Proxy};
    use crate::BaseUrl;
    use crate::tests::Outside;
    use secrecy::ExposeSecret;

    #[test]
    fn proxies() {
        let check = |text: &str, expect: &str| {
            let shown = match Proxy::parse(text) {
                Ok(proxy) => {
                    let told = proxy.credential.as_ref().map(ExposeSecret::expose_secret);
                    assert!(told.is_none_or(|told| !format!("{proxy:?}").contains(told)));
                    format!("{} {}", proxy.authority(), told.unwrap_or("-"))
                }
                Err(fault) => fault.what.to_owned(),
            };
            assert_eq!(shown, expect, "{text}");
        };
        check("http://proxy.corp:3128", "proxy.corp:3128 -");
        check("HTTP://Proxy.Corp.:3128/", "proxy.corp:3128 -");
        check("http://10.0.0.1", "10.0.0.1:80 -");
        check("http://[::1]:3128", "[::1]:3128 -");
        check("http://user:pass@p:1", "p:1 Basic dXNlcjpwYXNz");
        check("http://user@p:1", "p:1 Basic dXNlcjo=");
        check("http://a%40b:p%3A%2f%25@p:1", "p:1 Basic YUBiOnA6LyU=");
        // The last @ ends it, as in most clients.
        check("http://user:p@ss@p:1", "p:1 Basic dXNlcjpwQHNz");
        check("proxy.corp:3128", "is not the URL of a proxy");
        check("socks5://p:1080", "is not a proxy that is spoken to over http");
        check("https://p:443", "is not a proxy that is spoken to over http");
        check("http://", "has no host");
        check("http://p:1/path", "has no valid port");
        check("http://127.1:3128", "has an address in an unusual form");
        check("http://@p:1", "has a name or a password that is not one");
        check("http://a%:b@p:1", "has a name or a password that is not one");
        check("http://a%+1:b@p:1", "has a name or a password that is not one");
    }

    /// Variables, a base URL, and the port of the proxy that it gets.
    #[test]
    fn the_environment() {
        let check = |env: &[(&'static str, &'static str)], url: &str, expect: Option<u16>| {
            let environment = Environment::read(&Outside::env(env));
            let url = BaseUrl::parse(url).unwrap();
            let port = environment.proxy_for(&url).map(|proxy| proxy.port);
            assert_eq!(port, expect, "{env:?} {url}");
        };
        let all = [
            ("HTTPS_PROXY", "http://s:1"),
            ("HTTP_PROXY", "http://h:2"),
            ("ALL_PROXY", "http://a:3"),
        ];
        check(&all, "https://x.example", Some(1));
        check(&all, "http://x.example", Some(2));
        check(&all[2..], "https://x.example", Some(3));
        check(&[], "https://x.example", None);
        check(&[("https_proxy", "p:4"), all[0]], "https://x.example", Some(4));
        check(&[("https_proxy", " "), all[0]], "https://x.example", Some(1));
        // What cannot be used is passed over, and said.
        check(&[("HTTPS_PROXY", "socks5://p:9"), all[2]], "https://x.example", Some(3));
        for here in ["http://127.0.0.1:1", "http://localhost", "https://[::1]"] {
            check(&all, here, None);
        }
        let but = |list: &'static str, url: &str, direct: bool| {
            let env = [all[0], ("NO_PROXY", list)];
            check(&env, url, (!direct).then_some(1));
        };
        but("*", "https://x.example", true);
        but("example", "https://x.example", true);
        but("x.example", "https://x.example", true);
        but(".x.example", "https://x.example", true);
        but("*.example", "https://x.example", true);
        but("x.example:443", "https://x.example", true);
        but("x.example:444", "https://x.example", false);
        but("y.example, x.example", "https://x.example", true);
        but("a b x.example", "https://x.example", true);
        but("X.Example.", "https://x.example", true);
        but("ample", "https://x.example", false);
        but("x.example", "https://yx.example", false);
        but("10.0.0.0/8", "https://10.1.2.3", true);
        but("10.0.0.0/8", "https://11.1.2.3", false);
        but("0.0.0.0/0", "https://11.1.2.3", true);
        but("10.0.0.0/33,10.1.2.3/", "https://10.1.2.3", false);
        but("10.1.2.3", "https://10.1.2.3", true);
        but("fd00::/8", "https://[fd00::1]", true);
        but("[fd00::1]:443,::", "https://[fd00::1]", true);
        but("fd00::1", "https://[fd00::1]", true);
        but("::/0", "https://10.1.2.3", false);
        let twice = [("ALL_PROXY", "socks5://SECRET:SECRET@p")];
        let faults = Environment::read(&Outside::env(&twice)).faults;
        assert_eq!(faults.len(), 1, "said once, though looked at twice");
        assert!(!format!("{faults:?}").contains("SECRET"));
    }
}
