//! What the head of a provider's answer announces.
//!
//! **Invariant:** what could not be read frame by frame, or is of another kind than was asked for, is a
//! failure before a byte of it is read.

use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use ir::{Failure, Shape};

/// What kind of answer it is.
pub(super) enum Announced {
    /// Frames.
    Stream,
    /// A document.
    Whole,
    /// A refusal, whatever its form.
    Error,
}

/// Reads the head of an answer to a request for this shape; or why it announces none.
pub(super) fn announced(
    status: u16,
    headers: &HeaderMap,
    shape: Shape,
) -> Result<Announced, Failure> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
    if matches!(status, 202..=299) {
        return Err(Failure::Malformed("a success without an answer"));
    }
    if !matches!(status, 200 | 201) {
        return Ok(Announced::Error);
    }
    let encoding = text(CONTENT_ENCODING).to_ascii_lowercase();
    if !matches!(encoding.as_str(), "" | "identity") {
        return Err(Failure::WrongContent(format!("content-encoding {encoding}")));
    }
    let content_type = text(CONTENT_TYPE).to_ascii_lowercase();
    let content_type = content_type.split(';').next().unwrap_or("").trim();
    let json = content_type == "application/json" || content_type.ends_with("+json");
    match (content_type, shape) {
        ("text/event-stream", Shape::Stream) => Ok(Announced::Stream),
        (_, Shape::Stream | Shape::Whole) if json => Ok(Announced::Whole),
        ("", Shape::Stream) => Ok(Announced::Stream),
        ("", Shape::Whole) => Ok(Announced::Whole),
        (other, Shape::Stream | Shape::Whole) => Err(Failure::WrongContent(other.to_owned())),
    }
}
