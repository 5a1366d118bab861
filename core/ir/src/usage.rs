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

/// What a token comes to in text, in bytes, about.
const BYTES_PER_TOKEN: usize = 4;

// === impl Tokens ===

impl Tokens {
    /// Those of two attempts that wrote one answer together: the prompt is counted once, as it was at
    /// its longest; what they wrote is added up.
    #[must_use]
    pub fn joined(self, later: Self) -> Self {
        let prompt =
            |it: Self| it.input.saturating_add(it.cache_read).saturating_add(it.cache_write);
        let longest = if prompt(self) < prompt(later) { later } else { self };
        Self {
            output: self.output.saturating_add(later.output),
            reasoning: self.reasoning.saturating_add(later.reasoning),
            ..longest
        }
    }

    /// With at least as much written as this comes to: the number of pieces that were seen, or, where
    /// pieces are long, what is in them, in bytes.
    #[must_use]
    pub fn written(self, pieces: u64, bytes: usize) -> Self {
        let said = u64::try_from(bytes / BYTES_PER_TOKEN).unwrap_or(u64::MAX);
        Self { output: self.output.max(pieces).max(said), ..self }
    }
}

// === impl Usage ===

impl Usage {
    /// As far as they are known.
    pub fn tokens(self) -> Tokens {
        match self {
            Self::Exact(tokens) | Self::Estimated(tokens) => tokens,
            Self::Unknown => Tokens::default(),
        }
    }
}
