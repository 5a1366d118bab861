//! Who says what of a name.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// Somebody who can be asked about a name. Written as one or two words: `system`, `hosts`, `stub`,
/// `udp 192.168.1.1`, `tcp 192.168.1.1`, `doh cloudflare`, `authority ns1.example.com`.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(into = "String", try_from = "String")]
pub enum Witness {
    /// The system's own way, `getaddrinfo`: what programs get.
    System,
    /// The hosts file.
    Hosts,
    /// A resolver on this machine that passes questions on (127.0.0.53).
    Stub,
    /// A configured resolver, asked directly over UDP.
    Udp(IpAddr),
    /// The same over TCP.
    Tcp(IpAddr),
    /// A public resolver over HTTPS, by its name.
    Doh(String),
    /// A server that has the zone.
    Authority(String),
}

/// What somebody answered.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Answer {
    /// What kind of answer: the better of those for A and AAAA.
    pub rcode: Rcode,
    /// The addresses, v4 and v6.
    pub addresses: Vec<IpAddr>,
    /// The names on the way, in order.
    pub cnames: Vec<String>,
    /// The shortest life of the records, in seconds.
    pub ttl_s: Option<u32>,
    /// For how long the absence of records may be remembered, in seconds (RFC 2308).
    pub negative_ttl_s: Option<u32>,
    /// The resolver says that it has validated them (RFC 4035).
    pub ad: bool,
    /// Extended errors (RFC 8914), by number.
    pub ede: Vec<u16>,
    /// What was written beside the first of them, cut at 200 characters.
    pub ede_text: Option<String>,
    /// How long it took, in ms.
    pub took_ms: u64,
}

/// What kind of answer came.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Rcode {
    /// The name is there; with or without addresses.
    #[default]
    NoError,
    /// There is no such name.
    NxDomain,
    /// The resolver could not find out.
    ServFail,
    /// The resolver does not want to.
    Refused,
    /// Any other code.
    Other,
    /// Nothing came in time.
    Timeout,
    /// The resolver cannot be reached.
    Unreachable,
    /// What came is no answer.
    Garbled,
}

/// Whether records are signed, and rightly (RFC 4033).
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Proof {
    /// Signed, and the chain holds.
    Secure,
    /// Not signed: the usual case.
    Insecure,
    /// Signed, and the chain does not hold.
    Bogus,
    /// It could not be found out.
    Indeterminate,
}

/// A witness that is not written as one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NoWitness(String);

// === impl Witness ===

impl fmt::Display for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.write_str("system"),
            Self::Hosts => f.write_str("hosts"),
            Self::Stub => f.write_str("stub"),
            Self::Udp(server) => write!(f, "udp {server}"),
            Self::Tcp(server) => write!(f, "tcp {server}"),
            Self::Doh(name) => write!(f, "doh {name}"),
            Self::Authority(name) => write!(f, "authority {name}"),
        }
    }
}

impl FromStr for Witness {
    type Err = NoWitness;

    fn from_str(text: &str) -> Result<Self, NoWitness> {
        let no = || NoWitness(text.to_owned());
        match text.split_once(' ') {
            None if text == "system" => Ok(Self::System),
            None if text == "hosts" => Ok(Self::Hosts),
            None if text == "stub" => Ok(Self::Stub),
            Some(("udp", server)) => server.parse().map(Self::Udp).map_err(|_| no()),
            Some(("tcp", server)) => server.parse().map(Self::Tcp).map_err(|_| no()),
            Some(("doh", name)) => Ok(Self::Doh(name.to_owned())),
            Some(("authority", name)) => Ok(Self::Authority(name.to_owned())),
            Some(_) | None => Err(no()),
        }
    }
}

impl From<Witness> for String {
    fn from(witness: Witness) -> Self {
        witness.to_string()
    }
}

impl TryFrom<String> for Witness {
    type Error = NoWitness;

    fn try_from(text: String) -> Result<Self, NoWitness> {
        text.parse()
    }
}

// === impl NoWitness ===

impl fmt::Display for NoWitness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is no witness; write system, hosts, stub, udp ADDRESS, tcp ADDRESS, doh NAME or \
             authority NAME",
            self.0
        )
    }
}

// === impl Answer ===

impl Answer {
    /// Whether the witness spoke at all.
    pub fn came(&self) -> bool {
        match self.rcode {
            Rcode::NoError | Rcode::NxDomain | Rcode::ServFail | Rcode::Refused | Rcode::Other => {
                true
            }
            Rcode::Timeout | Rcode::Unreachable | Rcode::Garbled => false,
        }
    }

    /// Whether it gave an address.
    pub fn found(&self) -> bool {
        self.rcode == Rcode::NoError && !self.addresses.is_empty()
    }
}
