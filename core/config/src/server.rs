//! The listening side: address, limits, where records go.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// The `[server]` section.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Server {
    /// Where callers connect.
    pub listen: SocketAddr,
    /// The largest request body, in bytes.
    pub body_max: u64,
    /// Connections open at the same time; the next one waits.
    pub connections_max: u32,
    /// How long a caller may take to send a request's head.
    pub head_timeout: Duration,
    /// How long a caller may take to send a request's body.
    pub body_timeout: Duration,
    /// A silent stream gets a comment this often, so that nobody in between takes it for dead.
    pub ping_every: Duration,
    /// How long open answers may finish after a stop signal.
    pub grace: Duration,
    /// The largest whole answer, in bytes: it is held until it is complete.
    pub answer_max: u64,
    /// Where the one JSON line per request goes.
    pub record: RecordSink,
}

/// Where the one JSON line per request goes.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum RecordSink {
    /// Standard output: records are data, and data belongs there. The default, because what was
    /// not kept cannot be looked up in an incident; a record holds no content.
    #[default]
    Stdout,
    /// Standard error, beside the talk.
    Stderr,
    /// Nowhere.
    Off,
    /// Appended to this file.
    File(String),
}

// === impl Server ===

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8484)),
            body_max: 32 << 20,
            connections_max: 1024,
            head_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_mins(1),
            ping_every: Duration::from_secs(15),
            grace: Duration::from_secs(30),
            answer_max: 32 << 20,
            record: RecordSink::default(),
        }
    }
}
