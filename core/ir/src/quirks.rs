//! What sets one provider of a dialect apart from another: a row of data, never a file of code.
//!
//! The rows themselves stand in `config::providers`.

use crate::Dialect;
use std::borrow::Cow;

/// One provider's row.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Quirks {
    /// The provider's usual name, and the default of a `[providers.NAME]` section with that name.
    pub name: &'static str,
    /// What it speaks.
    pub dialect: Dialect,
    /// It speaks Responses too, below the same base URL and with the same keys.
    pub responses: bool,
    /// Where, up to and including the version segment; empty where every account has its own.
    pub base_url: &'static str,
    /// The environment variables that SDKs use for its key, most usual first.
    pub env: &'static [&'static str],
    /// How it wants the key.
    pub auth: Auth,
    /// Whether a last assistant message is continued, and how it is asked for.
    pub prefill: Prefill,
    /// Rows in the place of this one where the base URL ends in this path, which is its version segment.
    pub below: &'static [(&'static str, Quirks)],
    /// Which field limits the answer's length.
    pub tokens: TokenField,
    /// Whether a stream tells its usage.
    pub usage: UsageFlag,
    /// The field of an assistant message in which it wants its own reasoning back.
    pub echo: Option<&'static str>,
    /// It takes system turns among the messages (of Messages; Chat always does).
    pub system_turns: bool,
    /// Error codes of its own, beside the dialect's: code → the class word of `policy::Class`.
    pub codes: &'static [(&'static str, &'static str)],
    /// Its status page, for people.
    pub status_page: &'static str,
    /// Runs on this machine: tried when the network is down, with a load deadline of its own.
    pub local: bool,
    /// When this row was last checked against the provider's documentation.
    pub verified_on: &'static str,
}

/// How a provider wants its key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Auth {
    /// `Authorization: Bearer KEY`.
    Bearer,
    /// A header of this name holds the bare key.
    Header(&'static str),
    /// None is needed; one that is configured goes as a bearer.
    Optional,
}

/// Whether a last assistant message is continued.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Prefill {
    /// Refused or ignored.
    No,
    /// Continued without being asked.
    Native,
    /// Continued where the message carries this boolean field.
    Field(&'static str),
    /// Continued where the request has these boolean members.
    Members(&'static [(&'static str, bool)]),
    /// Depends on the model: newer ones refuse it.
    ByModel,
}

/// Which field limits the answer's length.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum TokenField {
    /// `max_tokens`.
    MaxTokens,
    /// `max_completion_tokens`.
    MaxCompletionTokens,
}

/// Whether a stream tells its usage.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum UsageFlag {
    /// Always.
    Always,
    /// Only with `stream_options.include_usage`, which only the caller sets.
    OnRequest,
}

// === impl Auth ===

impl Auth {
    /// The header that carries a key, in lower case, and its value.
    pub fn header(self, key: &str) -> (&'static str, Cow<'_, str>) {
        match self {
            Self::Header(name) => (name, Cow::Borrowed(key)),
            Self::Bearer | Self::Optional => ("authorization", Cow::Owned(format!("Bearer {key}"))),
        }
    }
}

// === impl TokenField ===

impl TokenField {
    /// The field's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::MaxTokens => "max_tokens",
            Self::MaxCompletionTokens => "max_completion_tokens",
        }
    }
}
