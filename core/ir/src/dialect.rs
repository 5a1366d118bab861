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
    /// `OpenAI` Responses, `POST /v1/responses`
    /// (<https://platform.openai.com/docs/api-reference/responses>).
    #[serde(rename = "openai-responses")]
    Responses,
}

/// A dialect that crosses: what is said in it can be written in any other of these. The others are
/// served by providers that speak them, and by nobody else.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Crossable {
    /// See [`Dialect::Chat`].
    Chat,
    /// See [`Dialect::Messages`].
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
    pub const ALL: [Self; 3] = [Self::Chat, Self::Messages, Self::Responses];

    /// The name that configuration files use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Chat => "openai",
            Self::Messages => "anthropic",
            Self::Responses => "openai-responses",
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
            Self::Responses => "/responses",
        }
    }

    /// The same as a dialect that crosses, where it is one.
    pub fn crossable(self) -> Option<Crossable> {
        match self {
            Self::Chat => Some(Crossable::Chat),
            Self::Messages => Some(Crossable::Messages),
            Self::Responses => None,
        }
    }

    /// Whether what is said in this dialect can be asked of those who speak only the other.
    pub fn crosses(self, other: Self) -> bool {
        self.crossable().is_some() && other.crossable().is_some()
    }
}

// === impl Crossable ===

impl Crossable {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Chat, Self::Messages];

    /// The same as one of all dialects.
    pub fn dialect(self) -> Dialect {
        match self {
            Self::Chat => Dialect::Chat,
            Self::Messages => Dialect::Messages,
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
