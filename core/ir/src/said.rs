//! A part of an answer that its caller has seen.

use crate::Call;

/// A part of an answer, in the order of the answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Said {
    /// Text for the reader, unescaped.
    Text(String),
    /// Readable reasoning, and what its provider knows it by: insides of JSON strings.
    Thinking(String, String),
    /// Reasoning that only its provider reads: the inside of a JSON string.
    Redacted(String),
    /// A tool call, complete, and its arguments: insides of JSON strings.
    Call(Call, String),
}

// === impl Said ===

impl Said {
    /// The text of a text.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Thinking(..) | Self::Redacted(_) | Self::Call(..) => None,
        }
    }
}
