//! Addresses of pages: their hosts, and where a link on one of them leads.

use http::Uri;

/// How long an address may be.
const LONG: usize = 2_000;

/// The host of an address, without its port.
pub(super) fn host(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let place = authority.rsplit('@').next()?;
    let host = match place.strip_prefix('[') {
        Some(inside) => inside.split(']').next()?,
        None => place.split(':').next()?,
    };
    (!host.is_empty()).then_some(host)
}

/// Whether it is asked over TLS.
pub(super) fn is_https(url: &str) -> bool {
    url.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("https://")) && host(url).is_some()
}

/// Where a link on a page leads; absent where that is no address.
pub(super) fn resolve(base: &str, link: &str) -> Option<String> {
    let link = link.trim().split('#').next()?;
    let (scheme, rest) = base.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end)?;
    let led = if link.contains("://") {
        link.to_owned()
    } else if link.starts_with("//") {
        format!("{scheme}:{link}")
    } else if link.starts_with('/') {
        format!("{scheme}://{authority}{link}")
    } else {
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{scheme}://{authority}{folder}/{link}")
    };
    let uri: Uri = led.parse().ok().filter(|_| led.len() <= LONG)?;
    uri.host().filter(|host| !host.is_empty())?;
    Some(led)
}

#[cfg(test)]
mod tests {
    use super::{host, is_https, resolve};

    #[test]
    fn hosts_are_found() {
        let check = |url: &str, expect: Option<&str>| assert_eq!(host(url), expect, "{url}");
        check("https://status.x.ai/feed.xml", Some("status.x.ai"));
        check("https://a@status.x.ai:443?x", Some("status.x.ai"));
        check("https://[::1]:8/x", Some("::1"));
        check("https:///x", None);
        check("status.x.ai", None);
        assert!(is_https("HTTPS://x"));
        assert!(!is_https("http://x"));
        assert!(!is_https("https://"));
    }

    #[test]
    fn links_lead_somewhere() {
        let check = |link: &str, expect: Option<&str>| {
            assert_eq!(resolve("https://a.example/x/y?q", link).as_deref(), expect, "{link}");
        };
        check("https://b.example/z#top", Some("https://b.example/z"));
        check("//b.example/z", Some("https://b.example/z"));
        check("/z", Some("https://a.example/z"));
        check("z", Some("https://a.example/x/z"));
        check("http://b.example", Some("http://b.example"));
        check("https://", None);
        check("z y", None);
        check(&"z".repeat(3000), None);
    }
}
