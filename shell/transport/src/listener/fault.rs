//! Requests that have no one meaning, or ask for what is not served on this port: told to whoever
//! answers, before anything else is looked at.
//!
//! Who is asked for decides nothing here (a request is routed by its path alone), but a proxy in
//! front of us, a log or a page in a browser may go by it, and by another of two names than we would.

use http::uri::Authority;
use http::{HeaderMap, Method, Request, Version, header};
use memchr::memchr;

/// Fields in a head; HTTP/1.1 has the same limit (hyper's).
const FIELDS_MAX: usize = 100;

/// What is wrong with how a request was put. The connection closes behind the answer to it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// A line of the head ends with a bare line feed.
    BareLineFeed,
    /// `Content-Length` beside `Transfer-Encoding`.
    TwoFramings,
    /// A `Transfer-Encoding` other than one `chunked`.
    OddEncoding,
    /// A `Content-Length` other than one number.
    OddLength,
    /// `Transfer-Encoding` in HTTP/1.0.
    OldChunked,
    /// Chunks that are none.
    OddChunk,
    /// No `Host`, or no `:authority`.
    NoHost,
    /// More than one `Host`.
    TwoHosts,
    /// A `Host` that is not `host` or `host:port`.
    OddHost,
    /// The address of the request names another host than its `Host`.
    OtherHost,
    /// `CONNECT`: this is no proxy.
    Tunnel,
    /// `Upgrade` to something that is not served.
    Upgrade,
    /// More header fields than are read.
    TooManyFields,
}

/// What is wrong with how this request was put.
pub(super) fn find<B>(request: &Request<B>) -> Option<Fault> {
    if request.method() == Method::CONNECT {
        return Some(Fault::Tunnel);
    }
    if FIELDS_MAX < request.headers().len() {
        return Some(Fault::TooManyFields);
    }
    host(request).or_else(|| upgrade(request.headers()))
}

fn host<B>(request: &Request<B>) -> Option<Fault> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let host = hosts.next();
    if hosts.next().is_some() {
        return Some(Fault::TwoHosts);
    }
    let asked = request.uri().authority();
    let Some(host) = host else {
        let named = asked.is_some() || request.version() <= Version::HTTP_10;
        let odd = asked.is_some_and(|it| !is_plain(it.as_str().as_bytes()));
        return if odd { Some(Fault::OddHost) } else { (!named).then_some(Fault::NoHost) };
    };
    if !is_plain(host.as_bytes()) {
        return Some(Fault::OddHost);
    }
    let other =
        |asked: &Authority| !asked.as_str().as_bytes().eq_ignore_ascii_case(host.as_bytes());
    asked.is_some_and(other).then_some(Fault::OtherHost)
}

/// `name`, `name:port`, `[address]` or `[address]:port`, in the letters that names and addresses have.
fn is_plain(host: &[u8]) -> bool {
    let Some(port) = behind_address(host).or_else(|| behind_name(host)) else { return false };
    match port.strip_prefix(b":") {
        Some(port) => (1..=5).contains(&port.len()) && port.iter().all(u8::is_ascii_digit),
        None => port.is_empty(),
    }
}

/// What stands behind the brackets of an IPv6 address.
fn behind_address(host: &[u8]) -> Option<&[u8]> {
    let rest = host.strip_prefix(b"[")?;
    let (address, rest) = rest.split_at_checked(memchr(b']', rest)?)?;
    let known = |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
    (!address.is_empty() && address.iter().all(known)).then(|| rest.get(1..))?
}

/// What stands behind a name or an IPv4 address.
fn behind_name(host: &[u8]) -> Option<&[u8]> {
    let (name, rest) = host.split_at_checked(memchr(b':', host).unwrap_or(host.len()))?;
    let known = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._".contains(byte);
    (!name.is_empty() && name.iter().all(known)).then_some(rest)
}

/// Anything but an offer of HTTP/2, which may be left unanswered (RFC 9110 §7.8) and which some
/// clients make with every first request.
fn upgrade(headers: &HeaderMap) -> Option<Fault> {
    let offers = headers.get_all(header::UPGRADE).iter();
    let h2c = |value: &http::HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"h2c");
    offers.into_iter().any(|value| !h2c(value)).then_some(Fault::Upgrade)
}

// === impl Fault ===

impl Fault {
    /// What is said to the caller.
    pub fn words(self) -> &'static str {
        match self {
            Self::BareLineFeed => "a line of the head ends without a carriage return",
            Self::TwoFramings => "the body has a Content-Length and a Transfer-Encoding",
            Self::OddEncoding => "the Transfer-Encoding is not one chunked",
            Self::OddLength => "the Content-Length is not one number",
            Self::OldChunked => "an HTTP/1.0 request cannot be chunked",
            Self::OddChunk => "the body is not in well-formed chunks",
            Self::NoHost => "there is no Host",
            Self::TwoHosts => "there is more than one Host",
            Self::OddHost => "the Host is not a name or an address, with or without a port",
            Self::OtherHost => "the address names another host than the Host field",
            Self::Tunnel => "CONNECT is for proxies, and this is none",
            Self::Upgrade => "this port serves HTTP and upgrades to nothing else",
            Self::TooManyFields => "there are more than 100 header fields",
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{Request, Version};

    use super::{Fault, find};

    #[track_caller]
    fn check(target: &str, fields: &[(&str, &str)], expect: Option<Fault>) {
        let mut request = Request::builder().method("POST").uri(target);
        for (name, value) in fields {
            request = request.header(*name, value.as_bytes());
        }
        let request = request.body(()).unwrap();
        assert_eq!(find(&request), expect, "{target} {fields:?}");
    }

    #[test]
    fn hosts() {
        for good in [
            "x",
            "localhost",
            "API.example.com",
            "a_b.c",
            "x:80",
            "127.0.0.1:8484",
            "[::1]",
            "[::ffff:127.0.0.1]:8484",
            "localhost.",
        ] {
            check("/", &[("host", good)], None);
        }
        for odd in [
            "",
            " ",
            "a?",
            "a?/x#",
            "a#b",
            "a/b",
            "/",
            "@a",
            "a@b",
            "user:pass@a",
            "a b",
            "a\tb",
            "a,b",
            "a;b",
            "a:",
            "a:x",
            "a:-1",
            "a:999999",
            "a:80:80",
            "a:80/x",
            "[",
            "[]",
            "[::1",
            "::1",
            "[::1]x",
            "[::1]:",
            "[::1]:x",
            "[x]",
            "[::1%25eth0]",
            "a\\b",
            "a%2f",
            "a%00",
            "*",
            "a\u{e9}",
            "a|b",
            "a'b",
            "a\"b",
            "<a>",
            "{a}",
            "a$b",
            "a&b=c",
            "a+b",
            "a!b",
            "(a)",
            "http://a",
            "//a",
            "a\u{7f}",
        ] {
            if let Ok(value) = http::HeaderValue::from_bytes(odd.as_bytes()) {
                check("/", &[("host", value.to_str().unwrap_or(odd))], Some(Fault::OddHost));
            }
        }
        check("/", &[], Some(Fault::NoHost));
        check("/", &[("host", "a"), ("host", "a")], Some(Fault::TwoHosts));
        check("/", &[("host", "a"), ("host", "b")], Some(Fault::TwoHosts));
    }

    #[test]
    fn addresses_that_name_a_host() {
        check("http://a/x", &[], None);
        check("http://a/x", &[("host", "A")], None);
        check("http://a:80/x", &[("host", "a:80")], None);
        check("http://a/x", &[("host", "b")], Some(Fault::OtherHost));
        check("http://a:1/x", &[("host", "a:2")], Some(Fault::OtherHost));
        check("http://u@a/x", &[("host", "a")], Some(Fault::OtherHost));
        check("http://u@a/x", &[], Some(Fault::OddHost));
    }

    #[test]
    fn old_callers_need_no_host() {
        let mut request = Request::builder().uri("/").body(()).unwrap();
        *request.version_mut() = Version::HTTP_10;
        assert_eq!(find(&request), None);
    }

    #[test]
    fn what_is_not_served() {
        let connect = Request::builder().method("CONNECT").uri("a:443").body(()).unwrap();
        assert_eq!(find(&connect), Some(Fault::Tunnel));
        let upgrade = |to| [("host", "a"), ("connection", "upgrade"), ("upgrade", to)];
        check("/", &upgrade("h2c"), None);
        check("/", &upgrade("websocket"), Some(Fault::Upgrade));
        check("/", &upgrade("TLS/1.0"), Some(Fault::Upgrade));
        check("/", &upgrade("h2c, websocket"), Some(Fault::Upgrade));
        let many: Vec<(String, &str)> = (0..100).map(|at| (format!("x-{at}"), "y")).collect();
        let mut many: Vec<(&str, &str)> =
            many.iter().map(|(name, it)| (name.as_str(), *it)).collect();
        many.push(("host", "a"));
        check("/", &many, Some(Fault::TooManyFields));
    }
}
