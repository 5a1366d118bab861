//! What evidence comes to: whose fault it is, how sure that is, why, and what to do.
//!
//! The causes are a closed list; each row of [`Cause::row`] says whose side it is on and what a
//! running gateway does about it.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Whose fault it is.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Side {
    /// Nobody's: all is well.
    Fine,
    /// The provider's.
    Them,
    /// This machine's, its network's, or its owner's.
    Me,
    /// Somebody's in between.
    Path,
    /// It could not be told.
    Unknown,
}

/// What is wrong. The words are stable: `me.link`, `them.overloaded`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Cause {
    /// Nothing.
    Fine,
    /// No network: no interface, no route, nobody is reached.
    Link,
    /// A page between us and the network wants something first.
    CaptivePortal,
    /// The resolver of this machine or network does not resolve.
    Resolver,
    /// A line of the hosts file.
    HostsOverride,
    /// A cache on this machine, or of its resolver, holds what is no longer so.
    StaleCache,
    /// Our clock is wrong.
    Clock,
    /// The proxy on the way.
    Proxy,
    /// An inspecting proxy whose authority is not known here.
    TlsInspection,
    /// Our key.
    Key,
    /// Our account: its credit, its quota, its rate.
    Quota,
    /// What is configured: a base URL, a model's name.
    Config,
    /// IPv6 is broken and IPv4 is not.
    Ipv6,
    /// Something on the way does not let us through, or answers in their place.
    Middlebox,
    /// The way to them.
    Route,
    /// Their names.
    TheirDns,
    /// Their certificate.
    TheirTls,
    /// They are down.
    Down,
    /// They have no capacity.
    Overloaded,
    /// They answer, slower or with errors here and there.
    Degraded,
    /// They begin answers and do not go on.
    Stalled,
    /// One of their models.
    Model,
    /// One of their regions.
    Region,
    /// Somebody else answers in their name.
    Interception,
    /// It could not be told.
    Unknown,
}

/// What a running gateway does about a verdict that is certain.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Act {
    /// Nothing.
    None,
    /// Targets on this machine come first, and no vendor's breaker opens.
    LocalFirst,
    /// The next targets are made ready.
    Prewarm,
}

/// One row per cause.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The stable word.
    pub word: &'static str,
    /// Whose it is.
    pub side: Side,
    /// What is done about it where it is certain.
    pub act: Act,
    /// In a few words, for people.
    pub says: &'static str,
}

/// What evidence comes to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// What is wrong.
    pub cause: Cause,
    /// How sure that is, per cent, rounded down; 99 at most.
    pub confidence: u8,
    /// The strongest pieces of evidence for it, strongest first; three at most.
    pub reasons: Vec<Reason>,
    /// What would change it.
    pub would_change: String,
    /// What to do now, most useful first. Never done by us.
    pub advice: Vec<Advice>,
}

/// A piece of evidence, in words.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Reason {
    /// Where it was seen.
    pub layer: Layer,
    /// What was seen: one sentence without a full stop.
    pub text: String,
}

/// Where something was seen: the lines of `doctor`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// This machine and its way out.
    Network,
    /// Names.
    Dns,
    /// TCP and TLS.
    Tls,
    /// HTTP.
    Http,
    /// The status page.
    Status,
    /// Our own requests.
    Yours,
    /// Neutral hosts and other providers.
    Control,
    /// What is configured.
    Config,
}

/// Something to do.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Advice {
    /// What, and why.
    pub text: String,
    /// The exact command for this system, where there is one.
    pub command: Option<String>,
}

// === impl Side ===

impl Side {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Them => "them",
            Self::Me => "me",
            Self::Path => "path",
            Self::Unknown => "unknown",
        }
    }

    /// What `doctor` ends with.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::Them => 10,
            Self::Me => 20,
            Self::Path => 30,
            Self::Unknown => 40,
        }
    }
}

// === impl Cause ===

impl Cause {
    /// All of them, in the order of the list.
    pub const ALL: [Self; 25] = [
        Self::Fine,
        Self::Link,
        Self::CaptivePortal,
        Self::Resolver,
        Self::HostsOverride,
        Self::StaleCache,
        Self::Clock,
        Self::Proxy,
        Self::TlsInspection,
        Self::Key,
        Self::Quota,
        Self::Config,
        Self::Ipv6,
        Self::Middlebox,
        Self::Route,
        Self::TheirDns,
        Self::TheirTls,
        Self::Down,
        Self::Overloaded,
        Self::Degraded,
        Self::Stalled,
        Self::Model,
        Self::Region,
        Self::Interception,
        Self::Unknown,
    ];

    /// The verdict table.
    pub fn row(self) -> Row {
        let row = |word, side, act, says| Row { word, side, act, says };
        let me = |word, act, says| row(word, Side::Me, act, says);
        let path = |word, says| row(word, Side::Path, Act::None, says);
        let them = |word, says| row(word, Side::Them, Act::Prewarm, says);
        match self {
            Self::Fine => row("fine", Side::Fine, Act::None, "all is well"),
            Self::Link => me("me.link", Act::LocalFirst, "no network here"),
            Self::CaptivePortal => {
                me("me.captive_portal", Act::LocalFirst, "a login page holds the network")
            }
            Self::Resolver => me("me.resolver", Act::LocalFirst, "names do not resolve here"),
            Self::HostsOverride => {
                me("me.hosts_override", Act::None, "the hosts file sends the name elsewhere")
            }
            Self::StaleCache => me("me.stale_cache", Act::None, "a cache here is out of date"),
            Self::Clock => me("me.clock", Act::LocalFirst, "the clock here is wrong"),
            Self::Proxy => me("me.proxy", Act::LocalFirst, "the proxy lets nothing through"),
            Self::TlsInspection => {
                me("me.tls_inspection", Act::LocalFirst, "TLS is inspected here")
            }
            Self::Key => me("me.key", Act::None, "the key"),
            Self::Quota => me("me.quota", Act::None, "the account's limits"),
            Self::Config => me("me.config", Act::None, "the configuration"),
            Self::Ipv6 => path("path.ipv6", "IPv6 is broken"),
            Self::Middlebox => {
                path("path.middlebox", "something on the way blocks us or answers in their place")
            }
            Self::Route => path("path.route", "the way there"),
            Self::TheirDns => them("them.dns", "their names"),
            Self::TheirTls => them("them.tls", "their certificate"),
            Self::Down => them("them.down", "they are down"),
            Self::Overloaded => them("them.overloaded", "no capacity"),
            Self::Degraded => them("them.degraded", "slow, or with errors here and there"),
            Self::Stalled => them("them.stalled", "answers begin and stall"),
            Self::Model => them("them.model", "one model"),
            Self::Region => them("them.region", "one region"),
            Self::Interception => {
                row("interception", Side::Path, Act::None, "somebody else answers in their name")
            }
            Self::Unknown => row("unknown", Side::Unknown, Act::None, "it cannot be told"),
        }
    }

    /// The stable word.
    pub fn word(self) -> &'static str {
        self.row().word
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl Serialize for Cause {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.word())
    }
}

// === impl Layer ===

impl Layer {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Dns => "dns",
            Self::Tls => "tcp/tls",
            Self::Http => "http",
            Self::Status => "status",
            Self::Yours => "yours",
            Self::Control => "control",
            Self::Config => "config",
        }
    }
}
