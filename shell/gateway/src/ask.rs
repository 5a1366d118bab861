//! A request that was read and found good: what the rest of the gateway works on.

use crate::edge::Pass;
use bytes::Bytes;
use codec::Head;
use http::{HeaderMap, Method};
use ir::{Dialect, Shape, Time, Trace};
use std::sync::Arc;

/// What a caller asks.
#[derive(Debug)]
pub(crate) struct Ask {
    /// Ours, as in `x-backstop-request-id`.
    pub(crate) id: String,
    /// When it arrived.
    pub(crate) began: Time,
    /// The same by the wall clock, ms since the Unix epoch.
    pub(crate) at_unix_ms: u64,
    /// Where it stands in a trace.
    pub(crate) trace: Trace,
    /// Who asks, where keys are required.
    pub(crate) principal: Option<Arc<str>>,
    /// Its right to be under way, until it has ended.
    pub(crate) pass: Option<Pass>,
    pub(crate) dialect: Dialect,
    pub(crate) endpoint: Endpoint,
    /// It came over HTTP/2, where a caller takes what it made room for and nothing else.
    pub(crate) http2: bool,
    /// The query as it came, without its `?`.
    pub(crate) query: Option<String>,
    /// The headers as they came, without any key of ours. What of them leaves is decided in
    /// `forward`.
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) head: Head,
    /// What is asked about an answer that a provider keeps.
    pub(crate) stored: Option<Stored>,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Endpoint {
    /// An answer.
    Create,
    /// How many tokens the question has (`/v1/messages/count_tokens`, `/v1/responses/input_tokens`).
    Count,
    /// The conversation made shorter (`/v1/responses/compact`).
    Compact,
    /// Something about an answer that a provider keeps.
    Stored,
}

/// What is asked about an answer that a provider keeps, as it is passed on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Stored {
    pub(crate) method: Method,
    /// Below the base URL: `/responses/resp_1/cancel`.
    pub(crate) path: String,
    /// The answer's id.
    pub(crate) id: String,
    /// It asks for a stream, which goes on where another broke off.
    pub(crate) stream: bool,
}

// === impl Stored ===

impl Stored {
    /// It asks for the answer itself.
    pub(crate) fn is_answer(&self) -> bool {
        self.method == Method::GET && self.path.ends_with(&self.id)
    }
}

// === impl Ask ===

impl Ask {
    /// Whether the caller presents a credential of its own.
    pub(crate) fn brings_credential(&self) -> bool {
        ["authorization", "x-api-key", "api-key"]
            .into_iter()
            .any(|name| self.headers.contains_key(name))
    }

    /// Gives up its place, and all but what is recorded: whoever writes records may be slow.
    pub(crate) fn let_go(&mut self) {
        self.pass = None;
        self.forget();
    }

    /// Gives up what a provider would be asked with.
    pub(crate) fn forget(&mut self) {
        self.body = Bytes::new();
        self.headers = HeaderMap::new();
        self.query = None;
    }

    pub(crate) fn shape(&self) -> Shape {
        match self.endpoint {
            Endpoint::Create if self.head.stream => Shape::Stream,
            Endpoint::Stored if self.stored.as_ref().is_some_and(|it| it.stream) => Shape::Stream,
            Endpoint::Create | Endpoint::Count | Endpoint::Compact | Endpoint::Stored => {
                Shape::Whole
            }
        }
    }

    /// Whether only one provider can serve it: whoever keeps what it speaks of.
    pub(crate) fn is_bound(&self) -> bool {
        self.stored.is_some() || self.head.kept.is_bound()
    }
}
