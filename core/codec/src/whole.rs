//! Answers that come as one document.

use crate::{Decoder, Error, chat, json, messages, responses};
use bytes::Bytes;
use ir::{Dialect, Envelope, Event, Frame, Rejection, Usage, Whole};

#[cfg(test)]
mod tests;

/// Why a document is not an answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum NotWhole {
    /// Not a JSON object of the dialect's shape; what was wrong.
    Malformed(&'static str),
    /// An error document in spite of its 200.
    Rejected(Box<Rejection>),
}

/// Reads a whole answer. One that no strict reader takes (doubled keys) gets a second look.
pub fn read_whole(dialect: Dialect, body: &[u8]) -> Result<Whole, NotWhole> {
    let strictly = |body: &[u8]| match dialect {
        Dialect::Chat => chat::whole::read(body),
        Dialect::Messages => messages::whole::read(body),
        Dialect::Responses => responses::whole::read(body),
    };
    strictly(body).or_else(|reason| {
        match (&reason, std::str::from_utf8(body).ok().and_then(json::tidied)) {
            (NotWhole::Malformed(_), Some(text)) => strictly(text.as_bytes()),
            (NotWhole::Malformed(_) | NotWhole::Rejected(_), _) => Err(reason),
        }
    })
}

/// Who answers in a whole answer. Told of Responses alone, whose later requests name it by its id.
pub fn read_envelope(dialect: Dialect, body: &[u8]) -> Option<Envelope> {
    match dialect {
        Dialect::Chat | Dialect::Messages => None,
        Dialect::Responses => responses::stored::envelope(body),
    }
}

/// What only its provider can read of a whole answer of Responses: the insides of JSON strings.
pub fn read_seals(dialect: Dialect, body: &[u8]) -> Vec<Box<str>> {
    match dialect {
        Dialect::Chat | Dialect::Messages => Vec::new(),
        Dialect::Responses => responses::stored::seals(body),
    }
}

/// The stream that a whole answer would have been, for a provider that was asked for a stream and
/// sent a document. The frames are what [`Decoder`] reads from their bytes, but for a usage that nobody
/// told, which is zero for clients of Messages alone.
///
/// `include_usage` is what the caller asked for: without it Chat's stream has no usage, and
/// [`read_whole`] is where to learn it. The others always tell it.
pub fn unfold(dialect: Dialect, body: &[u8], include_usage: bool) -> Result<Vec<Frame>, Error> {
    let (stream, choices) = stream(dialect, body, include_usage, messages::unfold::AS_ZERO)?;
    let mut frames = Vec::new();
    Decoder::new(dialect, choices).feed(stream, &mut frames)?;
    if read_whole(dialect, body).is_ok_and(|whole| whole.usage == Usage::Unknown) {
        for frame in &mut frames {
            frame.events.retain(|event| !matches!(event, Event::Usage(_)));
        }
    }
    Ok(frames)
}

/// The same as bytes, for whoever reads them here and not a caller: a usage that nobody told is not in
/// them.
pub fn unfold_unread(dialect: Dialect, body: &[u8]) -> Result<Bytes, Error> {
    stream(dialect, body, true, "{}").map(|(stream, _)| stream)
}

/// The bytes of the stream, and of how many choices it is.
fn stream(
    dialect: Dialect,
    body: &[u8],
    include_usage: bool,
    untold: &str,
) -> Result<(Bytes, u32), Error> {
    let text = std::str::from_utf8(body)
        .map_err(|error| Error::NotUtf8 { offset: error.valid_up_to() })?;
    let (stream, choices) = match dialect {
        Dialect::Chat => chat::unfold::stream(text, include_usage)?,
        Dialect::Messages => (messages::unfold::stream(text, untold)?, 1),
        Dialect::Responses => (responses::unfold::stream(text)?, 1),
    };
    Ok((Bytes::from(stream), choices))
}
