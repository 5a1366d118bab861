//! What kind of answer a head announces.
//!
//! **Invariant:** nothing that is compressed is read. It was not asked for, and what it unpacks to has no
//! limit that could be seen before.

use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use ir::{Failure, Shape};

/// What kind of answer a head announces.
pub(super) enum Kind {
    Stream,
    Whole,
    Error,
}

pub(super) fn kind(status: u16, headers: &HeaderMap, shape: Shape) -> Result<Kind, Failure> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
    if matches!(status, 202..=299) {
        return Err(Failure::Malformed("a success without an answer"));
    }
    if !matches!(status, 200 | 201) {
        return Ok(Kind::Error);
    }
    if is_encoded(headers) {
        let encoding = text(CONTENT_ENCODING).to_ascii_lowercase();
        return Err(Failure::WrongContent(format!("content-encoding {encoding}")));
    }
    let content_type = text(CONTENT_TYPE).to_ascii_lowercase();
    let content_type = content_type.split(';').next().unwrap_or("").trim();
    let json = content_type == "application/json" || content_type.ends_with("+json");
    match (content_type, shape) {
        ("text/event-stream", Shape::Stream) => Ok(Kind::Stream),
        (_, Shape::Stream | Shape::Whole) if json => Ok(Kind::Whole),
        ("", Shape::Stream) => Ok(Kind::Stream),
        ("", Shape::Whole) => Ok(Kind::Whole),
        (other, Shape::Stream | Shape::Whole) => Err(Failure::WrongContent(other.to_owned())),
    }
}

/// Whether the body is anything but its own bytes.
pub(super) fn is_encoded(headers: &HeaderMap) -> bool {
    let plain = |value: &[u8]| value.is_empty() || value.eq_ignore_ascii_case(b"identity");
    headers.get_all(CONTENT_ENCODING).iter().any(|value| !plain(value.as_bytes()))
}
