//! The frames and bodies that we write ourselves: errors, pings, comments, end markers.
//!
//! **Invariant:** whatever a text holds, it stays inside its frame. JSON escapes line ends;
//! comments have them replaced.

mod list;

pub use list::{ModelRow, model, models};

use bytes::Bytes;
use ir::{Dialect, Rejection};
use serde::Serialize;

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

/// An error as a stream's last frame. Nothing follows it: after an error Chat has no `[DONE]`.
pub fn error_event(dialect: Dialect, error: &Error<'_>) -> Bytes {
    let json = error_json(dialect, error);
    Bytes::from(match dialect {
        Dialect::Chat => format!("data: {json}\n\n"),
        Dialect::Messages => format!("event: error\ndata: {json}\n\n"),
    })
}

/// A frame that says we are alive and nothing else.
pub fn ping(dialect: Dialect) -> Bytes {
    match dialect {
        Dialect::Chat => Bytes::from_static(b": ping\n\n"),
        Dialect::Messages => Bytes::from_static(b"event: ping\ndata: {\"type\": \"ping\"}\n\n"),
    }
}

/// A comment: clients skip it, people who look at the wire read it. Line ends become spaces, and so does
/// whatever some reader or terminal takes for one.
pub fn comment(text: &str) -> Bytes {
    let text = text.replace(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'), " ");
    Bytes::from(format!(": {text}\n\n"))
}

/// The end marker, for an answer that is complete but for it.
pub fn missing_end(dialect: Dialect) -> Bytes {
    match dialect {
        Dialect::Chat => Bytes::from_static(b"data: [DONE]\n\n"),
        Dialect::Messages => {
            Bytes::from_static(b"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n")
        }
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
        Dialect::Chat => {
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
