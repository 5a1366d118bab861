//! What was observed to go wrong with an attempt, before anyone decides what to do about it.
//!
//! Classes and verdicts are `policy::classify`; this is only the observation.

use crate::Place;
use std::net::IpAddr;
use std::time::Duration;

/// Who caused a failure. Exactly one word, used as a metric label.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Blame {
    /// The caller's request was wrong, or the caller left.
    Caller,
    /// Our own limits, keys, configuration or faults.
    Gateway,
    /// The model provider.
    Provider,
    /// The way there: DNS, route, TLS, interception.
    Network,
}

/// A failed attempt, as observed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Failure {
    /// The host has no address, or none that may be used.
    Dns(Dns),
    /// No TCP connection.
    Connect(Connect),
    /// The proxy on the way there did not let us through.
    Proxy(Proxy),
    /// No TLS session.
    Tls(Tls),
    /// The peer refused the stream unprocessed: HTTP/2 GOAWAY below our id, `REFUSED_STREAM`.
    Unprocessed,
    /// A reused connection was gone before any byte of the answer.
    Stale,
    /// A fresh connection was gone before the answer's head.
    Reset,
    /// Bytes that are not HTTP, or beyond its limits; what was wrong.
    BadHttp(&'static str),
    /// An error answer, by status or inside a stream.
    Rejected(Box<Rejection>),
    /// A 2xx answer of another content type or encoding than was asked for.
    WrongContent(String),
    /// A frame, or a whole answer, that is not what the dialect says; what was wrong.
    Malformed(&'static str),
    /// The answer ended before it was complete. `clean`: by its own framing, not by a reset.
    Cut {
        /// Whether the transport called it an end.
        clean: bool,
    },
    /// A 2xx answer without text, reasoning or tool call.
    Empty,
    /// A 2xx answer that is a filter's refusal and shows nothing.
    Filtered,
    /// Nothing by a deadline.
    Silent(Deadline),
    /// Content began and then stopped coming.
    Stalled,
    /// It still writes, and much more slowly than is usual for it.
    Crawling,
    /// It was asked to go on with an answer that was cut, and does not, or not certainly; why.
    Unjoined(&'static str),
    /// More than we are willing to hold, in bytes.
    Overflow(u64),
    /// The request could not be written down for this target; what was wrong.
    Unsendable(&'static str),
    /// The target's dialect cannot say what the request says; what, and why.
    Uncarried(String),
    /// The gateway stops, and its grace is over.
    Stopping,
}

/// Why a name gives no address to connect to.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Dns {
    /// No such name, or no address for it.
    NotFound,
    /// The resolver failed or did not answer.
    Failed,
    /// It leads only to where its provider may not be: the first such address, and what it is.
    /// Nothing was sent there, not even a SYN.
    Forbidden(IpAddr, Place),
}

/// Why there is no TCP connection.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Connect {
    /// Nobody listens there.
    Refused,
    /// No answer within the connect deadline.
    Timeout,
    /// No route, or the network is down.
    Unreachable,
}

/// Why a proxy did not let us through. It says nothing about whom it was asked for.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Proxy {
    /// There is no connection to the proxy itself.
    Unreachable,
    /// It did not answer by the connect deadline.
    Silent,
    /// It answered with this status.
    Denied(u16),
    /// It answered with something that is not HTTP, or closed.
    Garbled,
}

/// Why there is no TLS session.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Tls {
    /// The certificate is not valid for this host; why.
    Certificate(String),
    /// The handshake was cut, stalled or refused.
    Handshake,
}

/// The deadlines of an attempt and of a request.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Deadline {
    /// Until the first content, hard.
    FirstContent,
    /// Until the commit, over all attempts.
    Total,
}

/// An error as the provider said it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "how it was said, each on its own; no state")]
pub struct Rejection {
    /// HTTP status; for an error inside a stream the status that its type stands for.
    pub status: u16,
    /// `error.type`, or empty.
    pub kind: String,
    /// `error.code` (or `details.error_code`) as text, or empty.
    pub code: String,
    /// `error.param`, or empty.
    pub param: String,
    /// `error.message`, cut at 2 KiB.
    pub message: String,
    /// What the provider asked for.
    pub hints: Hints,
    /// It came inside a 200 stream.
    pub in_band: bool,
    /// There are no words of it to pass on: the body was empty, or an answer ended with a mark of
    /// failure in place of an error.
    pub bare: bool,
    /// It came inside a stream, in a frame that is no error as the dialect spells one: clients pass over it.
    pub unheard: bool,
    /// The body was HTML: a proxy, a firewall or a captive portal spoke.
    pub html: bool,
}

/// What a provider asks of whoever retries.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Hints {
    /// Come back after this long (`retry-after-ms`, `Retry-After`, in-band forms).
    pub after: Option<Duration>,
    /// `x-should-retry`: an explicit word about the same target.
    pub should_retry: Option<bool>,
    /// When the exhausted rate limit resets, from the limit headers.
    pub reset: Option<Duration>,
}

// === impl Blame ===

impl Blame {
    /// The metric label.
    pub fn label(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Gateway => "gateway",
            Self::Provider => "provider",
            Self::Network => "network",
        }
    }
}

// === impl Hints ===

impl Hints {
    /// How long the provider asks us to stay away, where it says so.
    pub fn wait(&self) -> Option<Duration> {
        self.after.or(self.reset)
    }
}
