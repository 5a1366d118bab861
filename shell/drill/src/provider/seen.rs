//! What the provider saw of a request, and how the exchange ended.

use super::asked::Endpoint;
use super::strict;
use super::words::Way;
use std::time::{Duration, Instant};

/// One request.
#[derive(Clone, Debug)]
pub struct Seen {
    /// When it had arrived in full.
    pub at: Instant,
    /// Its number among all requests of this provider, from 0; also the root of all ids in its answer.
    pub serial: u64,
    /// The connection it came on: the number among all connections, from 0.
    pub connection: u64,
    /// Its place on its connection, from 0: above it, the connection was reused.
    pub nth: u32,
    /// The method.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The headers in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, chunks put together.
    pub body: Vec<u8>,
    /// The model asked for, or nothing.
    pub model: String,
    /// What was ordered: a fault's name, or `ok`.
    pub fault: String,
    /// Whether it asked for the rest of an answer, and how.
    pub way: Way,
    /// How it ended; `None` while it goes on.
    pub ended: Option<End>,
}

/// How an exchange ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum End {
    /// The script was carried out, and the connection may serve again.
    Done,
    /// The client closed or reset the connection first.
    ClientGone {
        /// After the request had arrived.
        after: Duration,
        /// Bytes of the answer handed to the system until then, head and framing included.
        sent: usize,
    },
    /// We reset the connection, as the script says.
    Reset,
    /// We closed the connection, as the script says.
    Fin,
}

// === impl Seen ===

impl Seen {
    /// A request that came by no socket, for scripts: the first on its connection.
    pub fn new(method: &str, path: &str, body: &[u8]) -> Self {
        Self {
            at: Instant::now(),
            serial: 0,
            connection: 0,
            nth: 0,
            method: method.to_owned(),
            path: path.to_owned(),
            headers: Vec::new(),
            body: body.to_vec(),
            model: String::new(),
            fault: String::new(),
            way: Way::Fresh,
            ended: None,
        }
    }

    /// The first header of this name (in lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(one, _)| one == name).map(|(_, value)| value.as_str())
    }

    /// The body as text, what is not UTF-8 replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// What a real provider would object to in this request, in its words; `None` where it is as
    /// the dialect wants it.
    pub fn objection(&self) -> Option<String> {
        let endpoint = Endpoint::of(&self.method, &self.path, &self.headers);
        let document = serde_json::from_slice(&self.body).unwrap_or_default();
        let checked = strict::check(endpoint, &self.path, &self.headers, &document);
        checked.err().map(|problem| problem.message().to_owned())
    }

    /// The key it came with: `x-api-key`, or the bearer.
    pub fn key(&self) -> Option<&str> {
        let bearer = || self.header("authorization")?.strip_prefix("Bearer ");
        self.header("x-api-key").or_else(bearer)
    }
}

// === impl End ===

impl End {
    /// One word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::ClientGone { .. } => "client-gone",
            Self::Reset => "reset",
            Self::Fin => "fin",
        }
    }
}
