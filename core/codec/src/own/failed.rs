//! An error as the end of a stream of Responses: two events, as `OpenAI` itself ends one.
//!
//! The SDKs raise at the first (`error`, read in both of its published shapes), Codex at the second
//! (`response.failed`). Clients that read on compare the id with the first event's and expect the
//! numbers of events to go on.

use super::{Error, chat_kind, json};
use crate::json::{Count, Word, escaped};
use crate::sse;
use bytes::Bytes;
use ir::Envelope;
use serde::Serialize;
use serde::de::{Deserializer as _, MapAccess, Visitor};
use std::fmt::{self, Write as _};

/// What of a stream went before, as far as its last event must agree with it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Before {
    /// The answer's id, the inside of a JSON string; empty where none was told.
    pub id: Box<str>,
    /// The model that answers, likewise.
    pub model: Box<str>,
    /// When the answer began, in seconds since 1970.
    pub created: u64,
    /// The number of the last event that was handed out.
    pub sequence: Option<u64>,
}

#[derive(Serialize)]
struct Said<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    code: Option<&'a str>,
    message: &'a str,
    param: Option<&'a str>,
    request_id: &'a str,
}

// === impl Before ===

impl Before {
    /// Of a stream of which this was told as it began.
    pub fn of(begun: Option<&Envelope>) -> Self {
        let Some(Envelope { id, model, created }) = begun.cloned() else { return Self::default() };
        Self { id, model, created: created.unwrap_or_default(), sequence: None }
    }

    /// Of a stream of this name, whose last event has this number.
    pub(crate) fn at(envelope: &Envelope, number: u64) -> Self {
        Self { sequence: Some(number), ..Self::of(Some(envelope)) }
    }

    /// Notes events that are handed out. One without a number is not counted.
    pub fn note(&mut self, frames: &Bytes) {
        self.sequence = backwards(frames).find_map(|data| sequence(&data)).or(self.sequence);
    }

    /// The number of the last event; 0 where none had one.
    pub fn number(&self) -> u64 {
        self.sequence.unwrap_or_default()
    }
}

/// The data of each event, the last one first: what is written here may be several at once, and comments
/// beside them.
fn backwards(frames: &Bytes) -> impl Iterator<Item = Bytes> {
    let frames = frames.clone();
    let in_line = |byte: &u8| !matches!(byte, b'\n' | b'\r');
    let mut end = frames.iter().rposition(in_line).map_or(0, |last| last.saturating_add(1));
    let events = std::iter::from_fn(move || {
        let rest = frames.get(..end).filter(|rest| !rest.is_empty())?;
        let at = memchr::memmem::rfind(rest, b"\n\n").map_or(0, |at| at.saturating_add(2));
        // The end of its last line is a part of it.
        let last = frames.slice(at..end.saturating_add(1).min(frames.len()));
        end = at.saturating_sub(2);
        Some(last)
    });
    events.map(|event| sse::data_of(&event)).filter(|data| !data.is_empty())
}

/// The number of an event. It stands near the beginning, and what follows it is not read: this is asked of
/// every event that is handed out.
fn sequence(data: &[u8]) -> Option<u64> {
    struct Found<'a>(&'a mut Option<u64>);

    impl<'de> Visitor<'de> for Found<'_> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an event")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
            while let Some(Word(key)) = map.next_key()? {
                if key == "sequence_number" {
                    *self.0 = map.next_value::<Option<Count>>()?.map(|Count(number)| number);
                    return Ok(());
                }
                crate::json::skip(&mut map)?;
            }
            Ok(())
        }
    }

    let mut number = None;
    // Where it stops before the end, the rest of the event is said to be amiss.
    let _ignored = serde_json::Deserializer::from_slice(data).deserialize_map(Found(&mut number));
    number
}

/// Both events.
pub(super) fn events(error: &Error<'_>, before: &Before) -> String {
    let Error { status, code, message, request_id, kind, param } = *error;
    let kind = kind.unwrap_or_else(|| chat_kind(status));
    let said = json(&Said { kind, code, message, param, request_id });
    let (code, message, param) = (json(&code), json(&message), json(&param));
    let number = before.sequence.map_or(0, |number| number.saturating_add(1));
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ignored = write!(
        out,
        "event: error\ndata: {{\"type\":\"error\",\"sequence_number\":{number},\"code\":{code},\
         \"message\":{message},\"param\":{param},\"error\":{said}}}\n\n"
    );
    let number = number.saturating_add(1);
    out + &failed(error, &Before { sequence: Some(number), ..before.clone() })
}

/// The second event, with this number.
pub(super) fn failed(error: &Error<'_>, at: &Before) -> String {
    let Error { code, message, request_id, .. } = *error;
    let (code, message) = (json(&code), json(&message));
    let Before { id, model, created, sequence } = at;
    let number = sequence.unwrap_or_default();
    let id = if id.is_empty() { format!("resp_{}", escaped(request_id)) } else { id.to_string() };
    format!(
        "event: response.failed\ndata: {{\"type\":\"response.failed\",\"sequence_number\":{number},\
         \"response\":{{\"id\":\"{id}\",\"object\":\"response\",\"created_at\":{created},\
         \"status\":\"failed\",\"error\":{{\"code\":{code},\"message\":{message}}},\
         \"incomplete_details\":null,\"instructions\":null,\"metadata\":{{}},\"model\":\"{model}\",\
         \"output\":[],\"parallel_tool_calls\":true,\"tool_choice\":\"auto\",\"tools\":[],\
         \"usage\":null}}}}\n\n"
    )
}

/// Whether a frame ends with the second event.
pub(super) fn is_failed(frame: &Bytes) -> bool {
    backwards(frame).next().is_some_and(|data| {
        let kind = std::str::from_utf8(&data).ok().and_then(crate::json::kind);
        kind.as_deref() == Some("response.failed")
    })
}
