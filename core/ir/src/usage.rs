//! Token counts, and how sure we are of them. Zero is not unknown.

use serde::Serialize;

/// Token counts under one convention: `input` excludes what was read from or written to a cache,
/// `output` includes reasoning.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Tokens {
    /// Fresh prompt tokens.
    pub input: u64,
    /// Prompt tokens read from a cache.
    pub cache_read: u64,
    /// Prompt tokens written to a cache.
    pub cache_write: u64,
    /// Tokens the model wrote, reasoning included.
    pub output: u64,
    /// Of these, reasoning.
    pub reasoning: u64,
}

/// Token counts with their source.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(tag = "source", rename_all = "lowercase")]
pub enum Usage {
    /// The provider said nothing.
    #[default]
    Unknown,
    /// Our own count of what passed through; the provider did not get to say.
    Estimated(Tokens),
    /// As the provider said.
    Exact(Tokens),
}
