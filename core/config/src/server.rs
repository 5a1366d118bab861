//! The listening side: address, limits, where records go.

use secrecy::SecretString;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// The `[server]` section.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Server {
    /// Where callers connect.
    pub listen: SocketAddr,
    /// The largest request body, in bytes.
    pub body_max: u64,
    /// Request bodies that are still coming, all together, in bytes.
    pub uploads_max: u64,
    /// What this process may hold, in bytes, where it is said.
    pub memory_max: Option<u64>,
    /// Requests under way at the same time.
    pub requests_max: u32,
    /// Requests that wait for their turn.
    pub queue_max: u32,
    /// How long one waits for its turn.
    pub queue_wait: Duration,
    /// Connections open at the same time; the next one waits.
    pub connections_max: u32,
    /// Connections of one address, where it is said.
    pub connections_per_address: Option<u32>,
    /// How long a caller may take nothing of an answer that is there for it.
    pub write_timeout: Duration,
    /// How long a caller may take to send a request's head.
    pub head_timeout: Duration,
    /// How long a caller may take to send a request's body.
    pub body_timeout: Duration,
    /// A silent stream gets a comment this often, so that nobody in between takes it for dead.
    pub ping_every: Duration,
    /// Where a successor takes the listening sockets over.
    pub handover: Option<String>,
    /// How long open answers may finish after a stop signal.
    pub grace: Duration,
    /// The largest whole answer, in bytes: it is held until it is complete.
    pub answer_max: u64,
    /// Where the one line per request goes.
    pub record: RecordSink,
    /// How that line is written.
    pub record_as: RecordAs,
    /// Whether the process gives up what serving does not need.
    pub confine: Confine,
}

/// Where the one line per request goes.
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

/// TLS towards callers, as its files say it. Whether they fit together is for whoever serves it.
#[derive(Clone, Debug)]
pub struct Tls {
    /// Certificates in PEM, our own first.
    pub certificate: String,
    /// Its private key in PEM.
    pub key: SecretString,
    /// Authorities of callers in PEM, where callers must show a certificate.
    pub clients: Option<String>,
}

/// Whether the serving process gives up what serving does not need.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Confine {
    /// As far as the kernel can.
    #[default]
    Auto,
    /// All of it, or it does not start.
    Required,
    /// It does not.
    Off,
}

/// How the one line per request is written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum RecordAs {
    /// For people on a terminal, as JSON everywhere else.
    #[default]
    Auto,
    /// As JSON: everything that is known, for programs.
    Json,
    /// For people: what matters at a glance.
    Human,
}

/// Connections of one address beyond loopback, where nobody says how many.
const PER_ADDRESS: u32 = 256;

// === impl Server ===

impl Server {
    /// Connections of one address. On loopback there is one address, and it has them all.
    pub fn per_address(&self) -> u32 {
        let shared = (self.connections_max / 2).clamp(1, PER_ADDRESS);
        let usual = if self.listen.ip().is_loopback() { self.connections_max } else { shared };
        self.connections_per_address.unwrap_or(usual)
    }
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8484)),
            body_max: 32 << 20,
            uploads_max: 128 << 20,
            memory_max: None,
            requests_max: 2048,
            queue_max: 512,
            queue_wait: Duration::from_secs(1),
            connections_max: 4096,
            connections_per_address: None,
            write_timeout: Duration::from_secs(30),
            head_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_mins(1),
            ping_every: Duration::from_secs(15),
            handover: None,
            grace: Duration::from_secs(30),
            answer_max: 32 << 20,
            record: RecordSink::default(),
            record_as: RecordAs::default(),
            confine: Confine::default(),
        }
    }
}
