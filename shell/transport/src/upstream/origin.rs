//! Scheme, host and port: what a connection can be reused for.

use http::uri::{Authority, Scheme};
use http::{HeaderMap, HeaderValue, Uri, header};
use ir::{Dns, Failure};

/// Where a request goes: what an [`Upstream`](crate::Upstream) makes of an address. Compared without
/// regard to case.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Origin {
    tls: bool,
    authority: Authority,
}

// === impl Origin ===

impl Origin {
    /// The origin of an absolute `http` or `https` address.
    ///
    /// Addresses are checked with the configuration; what slips through has no host to be found.
    pub fn of(uri: &Uri) -> Result<Self, Failure> {
        let tls = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            Some(scheme) if *scheme == Scheme::HTTP => false,
            _ => return Err(Failure::Dns(Dns::NotFound)),
        };
        let authority = uri.authority().cloned().ok_or(Failure::Dns(Dns::NotFound))?;
        Ok(Self { tls, authority })
    }

    /// Whether it is spoken to over TLS.
    pub fn is_tls(&self) -> bool {
        self.tls
    }

    /// The host that is looked up, and that a certificate must be for; IPv6 in brackets.
    pub fn host(&self) -> &str {
        self.authority.host()
    }

    /// The port that is connected to.
    pub fn port(&self) -> u16 {
        self.authority.port_u16().unwrap_or(if self.tls { 443 } else { 80 })
    }

    /// Sets `host` where the caller did not: without user info, without the scheme's own port.
    pub(super) fn fill_host(&self, headers: &mut HeaderMap) {
        if headers.contains_key(header::HOST) {
            return;
        }
        let default = if self.tls { 443 } else { 80 };
        let text = match self.authority.port_u16() {
            Some(port) if port != default => format!("{}:{port}", self.host()),
            Some(_) | None => self.host().to_owned(),
        };
        if let Ok(value) = HeaderValue::from_maybe_shared(bytes::Bytes::from(text)) {
            headers.insert(header::HOST, value);
        }
    }
}

/// A host without the brackets of an IPv6 literal.
pub(super) fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

/// The path and query alone, as HTTP/1.1 wants it.
pub(super) fn path_of(uri: &Uri) -> Uri {
    uri.path_and_query().cloned().map_or_else(Uri::default, Uri::from)
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Uri};

    use super::{Origin, path_of};

    #[test]
    fn fills_host_and_strips_to_the_path() {
        let check = |uri: &'static str, host: &str, path: &str| {
            let uri = Uri::from_static(uri);
            let mut headers = HeaderMap::new();
            Origin::of(&uri).unwrap().fill_host(&mut headers);
            assert_eq!(headers["host"], host);
            assert_eq!(path_of(&uri).to_string(), path);
        };
        check(
            "https://api.example.com/v1/messages?beta=true",
            "api.example.com",
            "/v1/messages?beta=true",
        );
        check("https://user:pass@api.example.com:443", "api.example.com", "/");
        check("http://localhost:11434/api/chat", "localhost:11434", "/api/chat");
        check("https://h:80/", "h:80", "/");
        check("http://[::1]:8080/x", "[::1]:8080", "/x");
        assert!(Origin::of(&Uri::from_static("/v1")).is_err());
        assert!(Origin::of(&Uri::from_static("ftp://x/")).is_err());
    }
}
