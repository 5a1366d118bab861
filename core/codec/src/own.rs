//! The frames and bodies that we write ourselves: errors, pings, comments, end markers.
//!
//! **Invariant:** whatever a text holds, it stays inside its frame. JSON escapes line ends;
//! comments have them replaced.

mod failed;
mod list;

pub use failed::Before;
pub use list::{ModelRow, model, models};

use crate::lazy::Raw;
use crate::sse;
use bytes::Bytes;
use ir::{Dialect, Failure, Rejection};
use serde::Serialize;
use serde_json::Value;

#[cfg(test)]
mod tests;

/// An error of ours, before it has a dialect.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Error<'a> {
    /// HTTP status, or the one it stands for inside a stream.
    pub status: u16,
    /// The stable code of its page: `BS0301`. A provider's error keeps its own, if it has one.
    pub code: Option<&'a str>,
    /// What happened, why, and what to do next.
    pub message: &'a str,
    /// Our id of the request.
    pub request_id: &'a str,
    /// The dialect's type; `None` for the one that goes with the status.
    pub kind: Option<&'a str>,
    /// The field that is to blame. Messages has no place for it.
    pub param: Option<&'a str>,
}

#[derive(Serialize)]
struct ChatError<'a> {
    error: ChatErrorFields<'a>,
}

#[derive(Serialize)]
struct ChatErrorFields<'a> {
    message: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    param: Option<&'a str>,
    code: Option<&'a str>,
    request_id: &'a str,
}

#[derive(Serialize)]
struct MessagesError<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    error: MessagesErrorFields<'a>,
    request_id: &'a str,
}

#[derive(Serialize)]
struct MessagesErrorFields<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<MessagesErrorDetails<'a>>,
}

#[derive(Serialize)]
struct MessagesErrorDetails<'a> {
    error_code: &'a str,
}

/// Who had a part in an answer.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Served<'a> {
    /// `provider/model`.
    pub target: &'a str,
    /// How its part ended: `cut`, `stalled`, … `ok`.
    pub outcome: &'a str,
    /// The tokens that it wrote, as far as they were counted; absent where its own count follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_tokens_estimated: Option<u64>,
}

/// What the last event of an answer says that several had a part in: JSON on one line.
pub fn served(request_id: &str, served: &[Served<'_>]) -> String {
    #[derive(Serialize)]
    struct Object<'a> {
        request_id: &'a str,
        served: &'a [Served<'a>],
    }
    json(&Object { request_id, served })
}

/// The body of an error answer.
pub fn error_body(dialect: Dialect, error: &Error<'_>) -> Bytes {
    Bytes::from(error_json(dialect, error))
}

/// An error as the end of a stream of which nothing was handed out.
pub fn error_event(dialect: Dialect, error: &Error<'_>) -> Bytes {
    error_after(dialect, error, &Before::default())
}

/// An error as the end of a stream. Nothing follows it: after an error Chat has no `[DONE]`. What of
/// the stream went before matters to Responses alone, whose clients insist on its id and count its
/// events.
pub fn error_after(dialect: Dialect, error: &Error<'_>, before: &Before) -> Bytes {
    Bytes::from(match dialect {
        Dialect::Chat => format!("data: {}\n\n", error_json(dialect, error)),
        Dialect::Messages => format!("event: error\ndata: {}\n\n", error_json(dialect, error)),
        Dialect::Responses => failed::events(error, before),
    })
}

/// What is missing behind a provider's own error that was handed out as the last frame of a stream:
/// clients of Responses that pass over `error` wait for its `response.failed`.
pub fn after_said(
    dialect: Dialect,
    said: &Bytes,
    failure: &Failure,
    before: &Before,
) -> Option<Bytes> {
    let Failure::Rejected(rejection) = failure else { return None };
    match dialect {
        Dialect::Chat | Dialect::Messages => None,
        Dialect::Responses if failed::is_failed(said) => None,
        Dialect::Responses => {
            let sequence = before.sequence.map_or(0, |number| number.saturating_add(1));
            let at = Before { sequence: Some(sequence), ..before.clone() };
            Some(Bytes::from(failed::failed(&translated(rejection, ""), &at)))
        }
    }
}

/// The body of an error answer that says what a provider's error said inside a stream: its own data,
/// where that has the shape of one.
pub fn body_of(frame: &Bytes, rejection: &Rejection) -> Bytes {
    #[derive(serde::Deserialize)]
    struct Body<'a> {
        #[serde(borrow)]
        error: Option<Raw<'a>>,
    }
    let data = sse::data_of(frame);
    let body: Option<Body<'_>> = crate::json::object(&data);
    if body.is_some_and(|body| crate::json::holds(body.error)) {
        return data;
    }
    let Rejection { kind, code, param, message, status, .. } = rejection;
    let said = |text: &'_ str| if text.is_empty() { Value::Null } else { Value::from(text) };
    let kind = if kind.is_empty() { chat_kind(*status) } else { kind };
    let error = serde_json::json!({
        "error": { "message": message, "type": kind, "param": said(param), "code": said(code) },
    });
    Bytes::from(error.to_string())
}

/// A frame that says we are alive and nothing else.
pub fn ping(dialect: Dialect) -> Bytes {
    match dialect {
        Dialect::Chat | Dialect::Responses => Bytes::from_static(b": ping\n\n"),
        Dialect::Messages => Bytes::from_static(b"event: ping\ndata: {\"type\": \"ping\"}\n\n"),
    }
}

/// A comment: clients skip it, people who look at the wire read it. Line ends become spaces, and so does
/// whatever some reader or terminal takes for one.
pub fn comment(text: &str) -> Bytes {
    let text = text.replace(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'), " ");
    Bytes::from(format!(": {text}\n\n"))
}

/// The end marker, for an answer that is complete but for it. Of Responses none can be: its last event
/// is both its finish and its end.
pub fn missing_end(dialect: Dialect) -> Bytes {
    match dialect {
        Dialect::Chat => Bytes::from_static(b"data: [DONE]\n\n"),
        Dialect::Messages => {
            Bytes::from_static(b"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n")
        }
        Dialect::Responses => Bytes::new(),
    }
}

/// A provider's refusal, to be said in another dialect than its own: its status, code, field and
/// words, under the type that the caller's dialect has for the status. A type from elsewhere would
/// mislead: clients decide by it whether to try again
/// (<https://github.com/router-for-me/CLIProxyAPI/issues/3055>).
pub fn translated<'a>(rejection: &'a Rejection, request_id: &'a str) -> Error<'a> {
    let said = |text: &'a str| (!text.is_empty()).then_some(text);
    Error {
        status: rejection.status,
        code: said(&rejection.code),
        message: said(&rejection.message).unwrap_or("the provider gave no reason"),
        request_id,
        kind: None,
        param: said(&rejection.param),
    }
}

/// JSON on one line.
pub(crate) fn json(value: &impl Serialize) -> String {
    // Our own structs have nothing that could fail: no maps with odd keys, no fallible code.
    serde_json::to_string(value).unwrap_or_default()
}

fn error_json(dialect: Dialect, error: &Error<'_>) -> String {
    let Error { status, code, message, request_id, kind, param } = *error;
    match dialect {
        Dialect::Chat | Dialect::Responses => {
            let kind = kind.unwrap_or_else(|| chat_kind(status));
            json(&ChatError { error: ChatErrorFields { message, kind, param, code, request_id } })
        }
        Dialect::Messages => {
            let kind = kind.unwrap_or_else(|| messages_kind(status));
            let details = code.map(|error_code| MessagesErrorDetails { error_code });
            let error = MessagesErrorFields { kind, message, details };
            json(&MessagesError { kind: "error", error, request_id })
        }
    }
}

/// <https://docs.claude.com/en/api/errors>
fn messages_kind(status: u16) -> &'static str {
    match status {
        400 | 422 => "invalid_request_error",
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        408 | 504 => "timeout_error",
        409 => "conflict_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        503 | 529 => "overloaded_error",
        _ => "api_error",
    }
}

/// <https://platform.openai.com/docs/guides/error-codes>
fn chat_kind(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        429 => "rate_limit_error",
        503 | 529 => "service_unavailable_error",
        400..=499 => "invalid_request_error",
        _ => "server_error",
    }
}
