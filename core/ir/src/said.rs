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
