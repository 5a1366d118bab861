//! Whom to measure.
//!
//! **Invariant:** no secret is in any `Debug` output.

use ::http::{HeaderName, HeaderValue, Uri};
use ir::evidence::{CaFile, KeySeen};
use ir::{Dialect, Reach, TokenField};
use rustls::pki_types::CertificateDer;
use secrecy::SecretString;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// Whom to measure: one provider, as it is configured.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The provider's name.
    pub provider: String,
    /// Where it is asked.
    pub base: Base,
    /// Where it is usually asked, and who says that it be asked elsewhere. Absent where there is no
    /// usual place.
    pub usual: Option<(Base, Named)>,
    /// The host is its vendor's own, on the internet.
    pub vendors: bool,
    /// The header that carries our key; absent where there is none.
    pub header: Option<Header>,
    /// The key, as far as it may be told.
    pub key: Option<KeySeen>,
    /// Headers that every request carries, none of them secret.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The proxy on the way, as configuration and environment came to it.
    pub proxy: Option<Proxy>,
    /// Where the host is, whatever resolvers say; empty: they are asked.
    pub addresses: Vec<IpAddr>,
    /// Where the name may lead.
    pub reach: Reach,
    /// Further authorities that its certificate may be from.
    pub extra_roots: Vec<CertificateDer<'static>>,
    /// Files with certificates that are configured for it: they are looked into and told of.
    pub ca: Vec<CaFile>,
    /// What it speaks.
    pub dialect: Dialect,
    /// Error codes of its own, as in its row of quirks.
    pub codes: &'static [(&'static str, &'static str)],
    /// One real answer may be asked for, and how. Costs tokens. Absent: none is.
    pub completion: Option<Completion>,
}

/// A base URL in its parts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Base {
    /// Whether it is `https`.
    pub tls: bool,
    /// The host, in lower case; IPv6 without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The path, without a slash at its end.
    pub path: String,
}

/// Who says something, where that is to be found.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Named {
    /// `providers.anthropic.base_url`, `ANTHROPIC_BASE_URL`.
    pub from: String,
    /// The file, where it is one.
    pub path: Option<String>,
    /// Its line, from 1.
    pub line: Option<u32>,
}

/// A header with a secret in it.
#[derive(Clone, Debug)]
pub struct Header {
    /// `authorization`, `x-api-key`.
    pub name: HeaderName,
    /// All of its value: `Bearer …`.
    pub value: SecretString,
}

/// A proxy on the way, which is asked for tunnels.
#[derive(Clone, Debug)]
pub struct Proxy {
    /// Who says so: `HTTPS_PROXY`, `providers.anthropic.proxy`.
    pub from: String,
    /// Its host; IPv6 without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// What it is told in `Proxy-Authorization`.
    pub authorization: Option<SecretString>,
}

/// One real answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Completion {
    /// The model that is asked.
    pub model: String,
    /// The field that limits the answer's length (of Chat; the others have one name for it).
    pub field: TokenField,
    /// How long it may be; at least 16 are asked for.
    pub tokens: u32,
}

/// Why there is no subject.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The base URL is none.
    #[error(
        "{0:?} is not a base URL; write http://HOST or https://HOST, with a path where there is one"
    )]
    Base(String),
}

// === impl Subject ===

impl Subject {
    /// A provider that is asked there, and of which nothing more is known: no key, no proxy.
    pub fn new(provider: &str, base: &str, dialect: Dialect) -> Result<Self, Error> {
        Ok(Self {
            provider: provider.to_owned(),
            base: base.parse()?,
            usual: None,
            vendors: false,
            header: None,
            key: None,
            headers: Vec::new(),
            proxy: None,
            addresses: Vec::new(),
            reach: Reach::default(),
            extra_roots: Vec::new(),
            ca: Vec::new(),
            dialect,
            codes: &[],
            completion: None,
        })
    }
}

// === impl Base ===

impl Base {
    /// `host:port`, as the authority of a request; without the scheme's own port.
    pub fn authority(&self) -> String {
        let host =
            if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == if self.tls { 443 } else { 80 } {
            host
        } else {
            format!("{host}:{}", self.port)
        }
    }

    /// The address that the host is, where it is written as one.
    pub fn literal(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}

impl FromStr for Base {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        // What stands before an @ is a secret, and no part of an address.
        let told = || text.rsplit_once('@').map_or(text, |(_, rest)| rest);
        let bad = || Error::Base(told().chars().take(256).collect());
        let uri: Uri = text.parse().map_err(|_| bad())?;
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            Some(_) | None => return Err(bad()),
        };
        let authority = uri.authority().ok_or_else(bad)?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() || uri.query().is_some() || authority.as_str().contains('@') {
            return Err(bad());
        }
        let port = match (authority.port(), authority.port_u16()) {
            (Some(_), None | Some(0)) => return Err(bad()),
            (_, Some(port)) => port,
            (None, None) if tls => 443,
            (None, None) => 80,
        };
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        Ok(Self { tls, host, port, path: uri.path().trim_end_matches('/').to_owned() })
    }
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority(), self.path)
    }
}

// === impl Proxy ===

impl Proxy {
    /// `host:port`, without what it is told.
    pub fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Base;

    #[test]
    fn bases() {
        let check = |text: &str, expect: Option<&str>| {
            let base: Option<Base> = text.parse().ok();
            assert_eq!(base.map(|base| base.to_string()).as_deref(), expect, "{text}");
        };
        check("https://API.example.com/v1/", Some("https://api.example.com/v1"));
        check("https://api.example.com.:443", Some("https://api.example.com"));
        check("http://127.0.0.1:11434/v1", Some("http://127.0.0.1:11434/v1"));
        check("http://[::1]:80", Some("http://[::1]"));
        for bad in ["", "api.example.com", "ftp://x", "https://", "https://u:p@x", "https://x:0"] {
            check(bad, None);
        }
        let told = "https://u:s3cret@x:0".parse::<Base>().unwrap_err();
        assert!(!told.to_string().contains("s3cret"));
    }
}
