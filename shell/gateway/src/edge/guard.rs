//! Who may ask: keys where there are any; on an open loopback gateway, nobody from outside.
//!
//! Without keys any page in the user's browser could reach the loopback port: by a name that
//! resolves there (DNS rebinding), or by a form. So a foreign `Host` or `Origin` is refused, and so
//! is a body that a browser may send unasked.

use crate::edge::refuse;
use crate::refusal::{Reason, Refusal};
use config::Config;
use http::{HeaderMap, HeaderName, header};
use ir::Dialect;
use std::net::IpAddr;
use std::sync::Arc;

/// Where a key of ours may stand.
const KEY_HEADERS: [&str; 3] = ["x-backstop-key", "authorization", "x-api-key"];

/// Admits a caller and tells the name of its key, where keys are required; or says why not.
///
/// **Invariant:** a key of ours goes no further: every header that holds one is taken out.
pub(crate) fn admit(
    config: &Config,
    headers: &mut HeaderMap,
    dialect: Dialect,
    has_body: bool,
) -> Result<Option<Arc<str>>, Refusal> {
    if has_body {
        check_body(headers, dialect)?;
    }
    if config.keys.is_empty() {
        check_open(config, headers, dialect)?;
        return Ok(None);
    }
    let Some(key) = KEY_HEADERS.iter().find_map(|name| presented(headers, name).next()) else {
        let message = "a key is required; present it as x-backstop-key, as a bearer token, or as \
                       x-api-key";
        return refuse(dialect, Reason::NoKey, message);
    };
    let Some(found) = config.key_for(key) else {
        let message = "this key is not known here; make one with: backstop key new NAME";
        return refuse(dialect, Reason::WrongKey, message);
    };
    let principal = Arc::from(found.name.as_str());
    let key = key.to_owned();
    let ours = |headers: &HeaderMap, name: &HeaderName| {
        let known = presented(headers, name.as_str()).any(|key| config.key_for(key).is_some());
        known || headers.get_all(name).iter().any(|value| holds(value.as_bytes(), key.as_bytes()))
    };
    let names: Vec<HeaderName> = headers.keys().filter(|it| ours(headers, it)).cloned().collect();
    for name in names {
        headers.remove(name);
    }
    Ok(Some(principal))
}

/// Whether a header repeats the key, in whatever spelling stands around it.
fn holds(value: &[u8], key: &[u8]) -> bool {
    !key.is_empty() && value.windows(key.len()).any(|window| window == key)
}

/// The keys in a header. `x-backstop-key` leaves the other headers free for a credential of the
/// caller's own.
fn presented<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
    let bearer = name == "authorization";
    let texts = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    texts.filter_map(move |text| {
        if !bearer {
            return Some(text);
        }
        let (scheme, token) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    })
}

fn check_body(headers: &HeaderMap, dialect: Dialect) -> Result<(), Refusal> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let content_type = text(header::CONTENT_TYPE).unwrap_or("");
    let essence = content_type.split(';').next().unwrap_or("").trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        let message = format!("the body is declared as {essence:?}; send application/json");
        return refuse(dialect, Reason::NotJson, message);
    }
    match text(header::CONTENT_ENCODING) {
        None | Some("identity") => Ok(()),
        Some(encoding) => {
            let message = format!("the body is encoded as {encoding:?}; send it plain");
            refuse(dialect, Reason::Encoded, message)
        }
    }
}

fn check_open(config: &Config, headers: &HeaderMap, dialect: Dialect) -> Result<(), Refusal> {
    let mut hosts = headers.get_all(header::HOST).iter().filter_map(|value| value.to_str().ok());
    let host = hosts.next().unwrap_or("");
    if hosts.next().is_some() {
        return refuse(dialect, Reason::Foreign, "two Host headers: one of them is not ours");
    }
    if !is_here(host) && host != config.server.listen.to_string() {
        let message = format!(
            "Host {host:?} is not this machine, and this gateway is open to whoever reaches it; \
             ask by 127.0.0.1 or localhost, or set up keys: backstop key new NAME"
        );
        return refuse(dialect, Reason::Foreign, message);
    }
    for origin in headers.get_all(header::ORIGIN) {
        let origin = origin.to_str().unwrap_or("?");
        let from = origin.split_once("://").map_or("", |(_, host)| host);
        if !is_here(from) {
            let message =
                format!("the page {origin:?} may not use this gateway; set up keys first");
            return refuse(dialect, Reason::Foreign, message);
        }
    }
    Ok(())
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
    use super::is_here;

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
}
