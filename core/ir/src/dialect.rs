//! The wire protocols that callers and providers speak.

use serde::Serialize;

/// A wire protocol. Providers are rows of quirks; dialects are code.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub enum Dialect {
    /// `OpenAI` Chat Completions, `POST /v1/chat/completions`
    /// (<https://platform.openai.com/docs/api-reference/chat>).
    #[serde(rename = "openai")]
    Chat,
    /// Anthropic Messages, `POST /v1/messages`
    /// (<https://docs.claude.com/en/api/messages>).
    #[serde(rename = "anthropic")]
    Messages,
}

/// How the caller wants the answer.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// Server-sent events while the model writes.
    Stream,
    /// One JSON document when it is done.
    Whole,
}

// === impl Dialect ===

impl Dialect {
    /// Every dialect.
    pub const ALL: [Self; 2] = [Self::Chat, Self::Messages];

    /// The name that configuration files use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Chat => "openai",
            Self::Messages => "anthropic",
        }
    }

    /// The dialect of a configuration name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| dialect.name() == name)
    }

    /// The path below a base URL that ends in its version segment.
    pub fn path(self) -> &'static str {
        match self {
            Self::Chat => "/chat/completions",
            Self::Messages => "/messages",
        }
    }
}

// === impl Shape ===

impl Shape {
    /// Both shapes.
    pub const ALL: [Self; 2] = [Self::Stream, Self::Whole];

    /// `stream` or `whole`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stream => "stream",
            Self::Whole => "whole",
        }
    }
}
