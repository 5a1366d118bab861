//! What was asked of a provider over HTTP, and what came.

use serde::{Deserialize, Serialize};

/// What is asked, cheapest first.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    /// The list of models without a key: to be refused, as JSON.
    Open,
    /// The list of models with our key.
    Models,
    /// One short answer, whole. Costs tokens.
    Whole,
    /// One short answer, as a stream. Costs tokens.
    Streamed,
}

/// One question and what came of it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Asked {
    /// How it ended.
    pub heard: Heard,
    /// The status, where there was one.
    pub status: Option<u16>,
    /// What the body was.
    pub form: Form,
    /// The class of its failure, as in `docs/failures.md` (`overloaded`, `unauthorized`); empty where
    /// it was as expected.
    pub class: String,
    /// Who spoke in the provider's place, by marks of its page: `challenge`, `cloudflare`, `portal`.
    pub mark: Option<String>,
    /// A rate limit's headers were there.
    pub limits: bool,
    /// One of them says that nothing remains.
    pub exhausted: bool,
    /// It asked to be left alone for this long, in seconds.
    pub retry_after_s: Option<u64>,
    /// How many times it was asked, with the same result.
    pub times: u32,
    /// Through a proxy.
    pub proxied: bool,
    /// Until the name was resolved, in ms; absent where it was not needed.
    pub dns_ms: Option<u64>,
    /// Until there was a connection, in ms since then.
    pub connect_ms: Option<u64>,
    /// Until there was a TLS session, in ms since then.
    pub tls_ms: Option<u64>,
    /// Until the first byte of the answer, in ms since then.
    pub first_byte_ms: Option<u64>,
    /// How long it took, in ms.
    pub took_ms: u64,
}

// === impl Asked ===

impl Asked {
    /// Whether a question was answered as it should be. [`Question::Open`] is, too, where it is refused for
    /// want of a key: somebody is there who wants one.
    pub fn is_as_it_should(&self, question: Question) -> bool {
        let expected = match question {
            Question::Open => matches!(self.status, Some(200..=299 | 400 | 401 | 403)),
            Question::Models | Question::Whole | Question::Streamed => {
                matches!(self.status, Some(200..=299)) && self.class.is_empty()
            }
        };
        self.heard == Heard::Answer && self.form == Form::Json && expected
    }
}

/// How a question ended.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Heard {
    /// With an answer that is complete.
    Answer,
    /// There was no connection to ask over.
    #[default]
    Unasked,
    /// No head of an answer in time.
    Silent,
    /// The connection was cut before the head.
    Reset,
    /// A head, and then no more of its body.
    Stalled,
    /// The body was cut.
    Cut,
    /// What came is not HTTP.
    Garbled,
}

/// What a body was.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// JSON that can be read, or a stream of it.
    Json,
    /// A page for a browser.
    Html,
    /// Something else.
    Other,
    /// Nothing.
    #[default]
    None,
}
