//! Base URLs: where a provider is, up to and including its version segment.
//!
//! **Invariant:** a host is either an address in its usual form or a name that no resolver takes for
//! an address. `127.1`, `0x7f000001` and `2130706433` are refused: what reads them as an address and
//! what does not would disagree about who is spoken to.

use ir::{Place, reach};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where a provider is.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct BaseUrl {
    /// `https`, or plain `http`.
    pub https: bool,
    /// A host name in lower case without a dot at its end, or an address; IPv6 without brackets.
    pub host: String,
    /// The port, also where it was left out.
    pub port: u16,
    /// Begins with `/`, does not end with one, and holds a version segment: where it was written
    /// without one, `/v1` was appended. A dialect's path goes behind it.
    pub path: String,
}

/// What is wrong with the text of a base URL. Never shows the text: it may hold a password.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Fault {
    pub(crate) what: &'static str,
    pub(crate) hint: &'static str,
}

// === impl BaseUrl ===

impl BaseUrl {
    /// Reads a base URL: `http` or `https`, host, port and path, nothing else.
    pub(crate) fn parse(text: &str) -> Result<Self, Fault> {
        Self::parse_with(text, version_path)
    }

    /// Reads the base URL of a collector, to which OTLP always appends `/v1`.
    pub(crate) fn parse_otlp(text: &str) -> Result<Self, Fault> {
        Self::parse_with(text, otlp_path)
    }

    fn parse_with(
        text: &str,
        path_of: impl FnOnce(&str) -> Result<String, Fault>,
    ) -> Result<Self, Fault> {
        let (https, rest) = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (true, rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (false, rest),
            Some(_) | None => {
                return fault("is not an http or https URL", "begin with https:// or http://");
            }
        };
        if rest.contains(['?', '#']) {
            return fault("has a query or a fragment", "write only scheme, host, port and path");
        }
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        if authority.contains('@') {
            return fault("has a user or password", "put the credential into api_key");
        }
        let (host, port) = split_port(authority)?;
        let port = port.unwrap_or(if https { 443 } else { 80 });
        Ok(Self { https, host: host_name(host)?, port, path: path_of(path)? })
    }

    /// `host`, or `host:port` where the port is not the scheme's own; IPv6 in brackets. Fit for
    /// the `Host` header.
    pub fn authority(&self) -> String {
        let host =
            if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let usual = if self.https { 443 } else { 80 };
        if self.port == usual { host } else { format!("{host}:{}", self.port) }
    }

    /// The address, where it is one and not a name.
    pub fn address(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// Whether it can only be this machine.
    pub fn is_loopback(&self) -> bool {
        match self.host.parse::<IpAddr>() {
            Ok(address) => address.is_loopback(),
            Err(_) => self.host == "localhost" || self.host.ends_with(".localhost"),
        }
    }

    /// Whether it is this machine, a private network, or a name that only a private network
    /// resolves (a bare name, `.local`, `.internal`, `.lan`, `.home.arpa`).
    pub fn is_private(&self) -> bool {
        if let Some(address) = self.address() {
            let place = Place::of(address);
            return matches!(place, Place::Loopback | Place::Private | Place::LinkLocal);
        }
        let ends = [".localhost", ".local", ".internal", ".lan", ".home.arpa"];
        !self.host.contains('.') || ends.iter().any(|end| self.host.ends_with(end))
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.https { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority(), self.path)
    }
}

fn fault<T>(what: &'static str, hint: &'static str) -> Result<T, Fault> {
    Err(Fault { what, hint })
}

/// Host and port of an authority; the host keeps its brackets.
pub(crate) fn split_port(authority: &str) -> Result<(&str, Option<u16>), Fault> {
    let end = authority.rfind(']').map_or(0, |bracket| bracket + 1);
    let tail = authority.get(end..).unwrap_or_default();
    let Some((more, port)) = tail.split_once(':') else { return Ok((authority, None)) };
    let host = authority.get(..end + more.len()).unwrap_or_default();
    // Numbers may have a sign, ports may not.
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    match port.parse() {
        Ok(port) if port > 0 && digits => Ok((host, Some(port))),
        Ok(_) | Err(_) => fault("has no valid port", "a port is a number from 1 to 65535"),
    }
}

/// Percent-encoding undone (RFC 3986 §2.1); `None` where a `%` stands before anything but two digits.
pub fn unescaped(text: &str) -> Option<Vec<u8>> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let digits = part.get(..2).filter(|it| it.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(part.get(2..)?.as_bytes());
    }
    Some(bytes)
}

/// A host as it is written, as it is meant.
pub(crate) fn host_name(host: &str) -> Result<String, Fault> {
    if host.is_empty() {
        return fault("has no host", "write https://HOST/…");
    }
    if let Some(inside) = host.strip_prefix('[') {
        return match inside.strip_suffix(']').map(str::parse::<Ipv6Addr>) {
            Some(Ok(address)) => Ok(unwrapped(address)?.to_string()),
            Some(Err(_)) | None => fault("has no valid IPv6 address", "write http://[::1]:8080"),
        };
    }
    // The dot at the end of a full name; certificates and `Host` do without.
    let host = host.strip_suffix('.').unwrap_or(host);
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    let hint = "use letters, digits, dots and hyphens; other scripts in their xn-- form";
    if host.len() > 253 || !host.chars().all(known) {
        return fault("has no valid host", hint);
    }
    if host.split('.').any(|label| label.is_empty() || label.len() > 63) {
        return fault("has no valid host", hint);
    }
    if ends_in_a_number(host) {
        return match host.parse::<Ipv4Addr>() {
            Ok(address) => usable(address.into()).map(|address| address.to_string()),
            Err(_) => fault(
                "has an address in an unusual form",
                "write the address in the usual form: four numbers from 0 to 255, as in 127.0.0.1",
            ),
        };
    }
    Ok(host.to_ascii_lowercase())
}

/// Whether some resolver takes a host for an IPv4 address (<https://url.spec.whatwg.org/#ends-in-a-number-checker>).
fn ends_in_a_number(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or_default();
    let hex = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X"));
    let digits = last.bytes().all(|byte| byte.is_ascii_digit());
    digits || hex.is_some_and(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// An IPv6 address, or the IPv4 address that it stands for.
fn unwrapped(address: Ipv6Addr) -> Result<IpAddr, Fault> {
    if let Some(v4) = address.to_ipv4_mapped() {
        return usable(v4.into());
    }
    match reach::carried(address).map(|v4| Place::of(v4.into())) {
        // Translated by the network, as an address out there.
        None | Some(Place::Public) => usable(address.into()),
        Some(_) => {
            fault("wraps an IPv4 address that is not public", "write the IPv4 address itself")
        }
    }
}

/// An address where a provider can be, though perhaps it should not.
pub(crate) fn usable(address: IpAddr) -> Result<IpAddr, Fault> {
    match Place::of(address) {
        Place::Unspecified => {
            fault("is an address to listen on, not to connect to", "this machine is 127.0.0.1")
        }
        Place::Multicast => fault("is a multicast address", "write the address of one machine"),
        Place::Reserved if address == Ipv4Addr::BROADCAST => {
            fault("is the broadcast address", "write the address of one machine")
        }
        Place::Public
        | Place::Private
        | Place::Loopback
        | Place::LinkLocal
        | Place::Metadata
        | Place::Reserved
        | Place::Example => Ok(address),
    }
}

/// The path with its version segment and without a slash at its end.
fn version_path(path: &str) -> Result<String, Fault> {
    let path = bare_path(path)?;
    for endpoint in ["chat/completions", "messages", "responses", "completions"] {
        if path == endpoint || path.strip_suffix(endpoint).is_some_and(|rest| rest.ends_with('/')) {
            return fault("ends in an endpoint", "end it before the endpoint, after /v1");
        }
    }
    if path.contains("openai/deployments") {
        return fault(
            "is the old Azure form, which needs an api-version",
            "use https://RESOURCE.openai.azure.com/openai/v1 and name the deployment as model",
        );
    }
    match (path.is_empty(), path.split('/').any(is_version)) {
        (true, _) => Ok("/v1".to_owned()),
        (false, true) => Ok(format!("/{path}")),
        (false, false) => Ok(format!("/{path}/v1")),
    }
}

/// The path of a collector with `/v1`, whatever it holds before.
fn otlp_path(path: &str) -> Result<String, Fault> {
    let path = bare_path(path)?;
    if matches!(path.rsplit('/').next(), Some("v1" | "traces" | "metrics" | "logs")) {
        return fault("ends in what OTLP appends", "end it before /v1");
    }
    Ok(if path.is_empty() { "/v1".to_owned() } else { format!("/{path}/v1") })
}

fn bare_path(path: &str) -> Result<&str, Fault> {
    let known = |c: char| c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@%/".contains(c);
    if !path.chars().all(known) {
        return fault("has a character that no URL has", "percent-encode it");
    }
    let path = path.trim_matches('/');
    if path.split('/').any(|step| matches!(step, "." | "..")) {
        // Some clients and servers take the step, and some look for a folder of that name.
        return fault("has a step back in its path", "write the path that is meant");
    }
    Ok(path)
}

/// `v1`, `v4`, `v1beta`.
fn is_version(segment: &str) -> bool {
    segment.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::BaseUrl;

    #[track_caller]
    fn check(text: &str, expect: &str) {
        let shown = match BaseUrl::parse(text) {
            Ok(url) => url.to_string(),
            Err(fault) => fault.what.to_owned(),
        };
        assert_eq!(shown, expect, "{text}");
    }

    #[test]
    fn base_urls() {
        check("https://api.anthropic.com", "https://api.anthropic.com/v1");
        check("https://api.anthropic.com/", "https://api.anthropic.com/v1");
        check("https://API.Anthropic.com:443/v1/", "https://api.anthropic.com/v1");
        check("https://api.groq.com/openai/v1", "https://api.groq.com/openai/v1");
        check("https://api.deepseek.com/anthropic", "https://api.deepseek.com/anthropic/v1");
        check("https://x.ai/v1beta/openai/", "https://x.ai/v1beta/openai");
        check("https://z.ai/api/paas/v4", "https://z.ai/api/paas/v4");
        check("http://127.0.0.1:11434", "http://127.0.0.1:11434/v1");
        check("http://[::1]:8080/v1", "http://[::1]:8080/v1");
        check("http://[::1]", "http://[::1]/v1");
        check("http://model_server:8000", "http://model_server:8000/v1");
        check("HTTPS://API.openai.com./v1", "https://api.openai.com/v1");
        check("http://[::FFFF:127.0.0.1]:1", "http://127.0.0.1:1/v1");
        check("https://[64:ff9b::808:808]", "https://[64:ff9b::808:808]/v1");
    }

    #[test]
    fn faults() {
        check("", "is not an http or https URL");
        check("api.openai.com", "is not an http or https URL");
        check("ftp://a", "is not an http or https URL");
        check("https://", "has no host");
        check("https:///v1", "has no host");
        check("https://:8080", "has no host");
        check("https://user:pass@host/v1", "has a user or password");
        check("https://host/v1?api-version=1", "has a query or a fragment");
        check("https://host/v1#x", "has a query or a fragment");
        check("https://host:0", "has no valid port");
        check("https://host:+80", "has no valid port");
        check("https://host:\u{663}", "has no valid port");
        check("https://host:99999", "has no valid port");
        check("https://host:", "has no valid port");
        check("https://::1/v1", "has no valid port");
        check("https://[::g]/v1", "has no valid IPv6 address");
        check("https://[::1/v1", "has no valid port");
        check("https://bücher.de", "has no valid host");
        check("https://a..b", "has no valid host");
        check("https://host/a b", "has a character that no URL has");
        check("https://host/v1/chat/completions", "ends in an endpoint");
        check("https://host/v1/messages/", "ends in an endpoint");
        check(
            "https://r.openai.azure.com/openai/deployments/d",
            "is the old Azure form, which needs an api-version",
        );
    }

    #[test]
    fn authorities_and_neighbourhoods() {
        let url = |text: &str| BaseUrl::parse(text).expect("a URL");
        assert_eq!(url("http://h:80").authority(), "h");
        assert_eq!(url("https://h:80").authority(), "h:80");
        assert_eq!(url("http://[::1]:1").authority(), "[::1]:1");
        for here in
            ["localhost", "a.localhost.", "127.0.0.1", "127.9.9.9", "[::1]", "[::ffff:127.0.0.1]"]
        {
            assert!(url(&format!("http://{here}")).is_loopback(), "{here}");
            assert!(url(&format!("http://{here}")).is_private(), "{here}");
        }
        for near in ["ollama", "gpu.local", "10.0.0.5", "192.168.1.9", "172.16.0.1", "100.64.0.1"] {
            assert!(!url(&format!("http://{near}")).is_loopback(), "{near}");
            assert!(url(&format!("http://{near}")).is_private(), "{near}");
        }
        for far in ["api.openai.com", "8.8.8.8", "100.128.0.1", "172.32.0.1", "[2001:db8::1]"] {
            assert!(!url(&format!("http://{far}")).is_private(), "{far}");
        }
    }
}
