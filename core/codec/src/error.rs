//! What can be wrong with a request's body, a stream's framing or an answer to unfold.
//!
//! The texts are shown to callers: they say where, what was expected and what was found, and never
//! repeat more of the input than a JSON type or a number.

/// Why bytes could not be read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Error {
    /// The body is not UTF-8.
    #[error("the body is not UTF-8: invalid byte at offset {offset}")]
    NotUtf8 {
        /// The first byte that is not.
        offset: usize,
    },
    /// The body is not JSON.
    #[error("the body is not JSON: {what} at line {line} column {column}")]
    NotJson {
        /// From 1; 0 where there is no position.
        line: usize,
        /// From 1, in bytes.
        column: usize,
        /// What the parser says.
        what: String,
    },
    /// The body is JSON, but not an object.
    #[error("the body must be a JSON object, found {found}")]
    NotObject {
        /// The JSON type that was found.
        found: &'static str,
    },
    /// A field that must be there is not.
    #[error("the field `{field}` is missing")]
    Missing {
        /// Its name.
        field: &'static str,
    },
    /// A field has another JSON type.
    #[error("the field `{field}` must be {expected}, found {found}")]
    WrongType {
        /// Its name.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
        /// The JSON type that was found.
        found: &'static str,
    },
    /// A text that names something is longer than any name.
    #[error("the field `{field}` is longer than {limit} bytes")]
    TooLong {
        /// Its name.
        field: &'static str,
        /// The limit.
        limit: usize,
    },
    /// A key that decides where the request goes stands there twice; parsers differ on which counts.
    #[error("the field `{field}` is there twice")]
    Duplicate {
        /// Its name.
        field: &'static str,
    },
    /// Arrays and objects nested too deeply.
    #[error("the body is nested deeper than {limit} levels")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// A number outside its range.
    #[error("the field `{field}` must be between {min} and {max}, found {found}")]
    OutOfRange {
        /// Its name.
        field: &'static str,
        /// The smallest value.
        min: u32,
        /// The largest value.
        max: u32,
        /// What was found.
        found: u64,
    },
    /// A stream's frame has no end within the limit.
    #[error("a frame of the stream is longer than {limit} bytes")]
    FrameTooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// An answer, or a part of it that must be complete before it is handed on, is longer than what
    /// may be held.
    #[error("the answer holds more than {limit} bytes back")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// A document that should be a whole answer is not; what is wrong.
    #[error("the document is not an answer: {0}")]
    NotAnswer(&'static str),
    /// It does not go on with the answer that was cut; why.
    #[error("the answer does not go on with the one that was cut: {0}")]
    Unjoined(&'static str),
}

// === impl Error ===

impl Error {
    /// The field that is to blame, where there is one (`error.param` of `OpenAI`).
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::Missing { field }
            | Self::WrongType { field, .. }
            | Self::Duplicate { field }
            | Self::TooLong { field, .. }
            | Self::OutOfRange { field, .. } => Some(field),
            Self::NotUtf8 { .. }
            | Self::NotJson { .. }
            | Self::NotObject { .. }
            | Self::TooDeep { .. }
            | Self::FrameTooLong { .. }
            | Self::TooLarge { .. }
            | Self::NotAnswer(_)
            | Self::Unjoined(_) => None,
        }
    }
}
