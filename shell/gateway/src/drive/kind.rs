//! What kind of answer a head announces, and whether one refuses signed thinking.
//!
//! **Invariant:** nothing that is compressed is read. It was not asked for, and what it unpacks to has no
//! limit that could be seen before.

use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use ir::{Dialect, Event, Failure, Rejection, Repair, Shape};
use policy::{Input, repair};

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

/// Whether a provider of this dialect refuses the signed thinking that it was sent, by the law that the
/// exchange learns by.
pub(super) fn refuses_seals(input: &Input, dialect: Dialect) -> bool {
    let refuses = |rejection: &Rejection| {
        repair::named(rejection, dialect).is_some_and(|it| it.repair == Repair::Unsealed)
    };
    match input {
        Input::Failed(Failure::Rejected(rejection)) => refuses(rejection),
        Input::Frame(frame) => frame
            .events
            .iter()
            .any(|event| matches!(event, Event::Fail(rejection) if refuses(rejection))),
        Input::Head { .. }
        | Input::Written(_)
        | Input::Eof { .. }
        | Input::Progress
        | Input::Whole(..)
        | Input::Overflow(_)
        | Input::Chunk(_)
        | Input::Failed(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::refuses_seals;
    use bytes::Bytes;
    use ir::{Dialect, Event, Failure, Frame, Rejection};
    use policy::Input;

    const SIGNATURE: &str = "messages.1.content.0: Invalid `signature` in `thinking` block";

    /// Promise: a request is searched only for a refusal that teaches to leave thinking out, and not for
    /// every failure of an outage.
    #[test]
    fn only_who_speaks_of_signatures_refuses_them() {
        for (status, message, expect) in [
            (400, SIGNATURE, true),
            (422, SIGNATURE, true),
            (400, "messages: at least one message is required", false),
            (401, SIGNATURE, false),
            (429, SIGNATURE, false),
            (500, SIGNATURE, false),
            (503, "overloaded", false),
            (529, SIGNATURE, false),
        ] {
            let message = message.to_owned();
            let rejection = Box::new(Rejection { status, message, ..Rejection::default() });
            let frame = Frame {
                bytes: Bytes::new(),
                events: [Event::Ping, Event::Fail(rejection.clone())].into_iter().collect(),
            };
            for input in [Input::Frame(frame), Input::Failed(Failure::Rejected(rejection))] {
                assert_eq!(refuses_seals(&input, Dialect::Messages), expect, "{input:?}");
            }
        }
        for other in [Input::Progress, Input::Failed(Failure::Reset)] {
            assert!(!refuses_seals(&other, Dialect::Messages), "{other:?}");
        }
    }
}
