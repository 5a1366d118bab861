//! How an address is reached: TCP, then TLS.

use super::Witness;
use serde::{Deserialize, Serialize};

/// One address of the host.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Road {
    /// Who named it.
    pub from: Vec<Witness>,
    /// TCP to the provider's port.
    pub tcp: Knock,
    /// TLS over it, as every client speaks it; absent where nobody tried (no TCP, plain HTTP).
    pub tls: Option<Session>,
    /// Where that stalled: TLS once more with a small first message (TLS 1.2, no post-quantum share).
    pub small: Option<Session>,
}

/// One attempt at a TCP connection.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Knock {
    /// How it went.
    pub reached: Reached,
    /// How long it took, in ms.
    pub took_ms: u64,
}

/// How an attempt at a TCP connection went.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reached {
    /// Somebody accepted it.
    Connected,
    /// Somebody refused it.
    Refused,
    /// Nobody answered in time.
    Timeout,
    /// There is no way there.
    #[default]
    Unreachable,
}

/// One attempt at a TLS session with the host's name.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Session {
    /// How it went.
    pub shake: Shake,
    /// How long it took, in ms.
    pub took_ms: u64,
    /// `TLS1.3`.
    pub version: String,
    /// Who signed the first certificate: its organisation, or else its common name.
    pub issuer: String,
    /// Whether the first certificate is for this host.
    pub names_host: bool,
    /// Who vouches for the chain, whatever its dates and names.
    pub trust: Trust,
    /// From when the first certificate holds, seconds since the Unix epoch.
    pub not_before_unix: Option<i64>,
    /// Until when.
    pub not_after_unix: Option<i64>,
    /// Whether our own clock says that now is between the two.
    pub in_date: bool,
    /// SHA-256 over the chain, in hex.
    pub chain: String,
}

/// How an attempt at a TLS session went, whatever the certificates say.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shake {
    /// It came to its end, or to the certificates.
    Complete,
    /// The connection was cut.
    #[default]
    Cut,
    /// Nothing more came.
    Stalled,
    /// The other side said no.
    Refused,
    /// The other side speaks something else.
    NotTls,
}

/// Who vouches for a chain of certificates.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    /// The authorities that browsers ship.
    Public,
    /// Only this machine's own store, or a file that is configured here.
    Machine,
    /// Nobody who is known here.
    #[default]
    Nobody,
    /// The certificate vouches for itself.
    SelfSigned,
}

// === impl Session ===

impl Session {
    /// Whether whoever answered has shown to be the host: the oracle against which differing addresses
    /// are judged. An authority that only this machine knows may be an inspecting proxy's.
    pub fn is_the_host(&self) -> bool {
        self.shake == Shake::Complete
            && self.names_host
            && self.in_date
            && matches!(self.trust, Trust::Public | Trust::Machine)
    }
}
