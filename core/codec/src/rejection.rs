//! Error documents of every family, read as leniently as they are written.
//!
//! The shapes: `{"error":{type,code,param,message}}` (`OpenAI`, vLLM, llama.cpp), the same within
//! `{"type":"error"}` (Anthropic), `{"error":{code,message,status}}` (Google), `{"error":"text"}`
//! (Ollama), `{"detail":…}` (`FastAPI`), `{"message":…}`, any of these in an array or in a server-sent
//! event, plain text, a page of HTML, nothing.

use crate::json;
use ir::{Dialect, Hints, Rejection};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::time::Duration;

#[cfg(test)]
mod tests;

/// `Rejection::message` holds no more than this, in bytes.
const MESSAGE_BYTES_MAX: usize = 2048;
/// `kind`, `code` and `param` hold no more than this, in bytes.
const WORD_BYTES_MAX: usize = 128;

/// Which status an error's type or code stands for when it comes inside a 200 answer. Anthropic:
/// <https://docs.claude.com/en/api/errors>; `OpenAI`: <https://platform.openai.com/docs/guides/error-codes>;
/// Google: <https://cloud.google.com/apis/design/errors>.
const STATUSES: &[(&str, u16)] = &[
    ("invalid_request_error", 400),
    ("authentication_error", 401),
    ("billing_error", 402),
    ("permission_error", 403),
    ("not_found_error", 404),
    ("conflict_error", 409),
    ("request_too_large", 413),
    ("rate_limit_error", 429),
    ("api_error", 500),
    ("timeout_error", 504),
    ("overloaded_error", 529),
    ("invalid_api_key", 401),
    ("model_not_found", 404),
    ("context_length_exceeded", 400),
    ("content_filter", 400),
    ("content_policy_violation", 400),
    ("insufficient_quota", 429),
    ("credit_balance_exhausted", 429),
    ("rate_limit_exceeded", 429),
    ("slow_down", 429),
    ("server_is_overloaded", 503),
    ("service_unavailable_error", 503),
    ("insufficient_system_resource", 503),
    ("server_error", 500),
    ("vector_store_timeout", 504),
    ("invalid_prompt", 400),
    ("bio_policy", 400),
    ("cyber_policy", 400),
    ("misalignment_policy_violation", 400),
    ("data_residency_mismatch", 400),
    ("invalid_encrypted_content", 400),
    ("previous_response_not_found", 400),
    ("invalid_image", 400),
    ("invalid_image_format", 400),
    ("invalid_image_mode", 400),
    ("invalid_image_url", 400),
    ("invalid_base64_image", 400),
    ("image_too_large", 400),
    ("image_too_small", 400),
    ("image_parse_error", 400),
    ("image_content_policy_violation", 400),
    ("image_file_too_large", 400),
    ("image_file_not_found", 400),
    ("unsupported_image_media_type", 400),
    ("empty_image_file", 400),
    ("failed_to_download_image", 400),
    ("usage_limit_reached", 429),
    ("internal_server_error", 500),
    ("INVALID_ARGUMENT", 400),
    ("FAILED_PRECONDITION", 400),
    ("UNAUTHENTICATED", 401),
    ("PERMISSION_DENIED", 403),
    ("NOT_FOUND", 404),
    ("RESOURCE_EXHAUSTED", 429),
    ("CANCELLED", 499),
    ("INTERNAL", 500),
    ("UNAVAILABLE", 503),
    ("DEADLINE_EXCEEDED", 504),
];

/// Reads the body of an error answer, whatever it is. `hints` are those of the headers; what the
/// body says fills their gaps. A `status` of 2xx means that the error is known by its body alone:
/// its status is then the one its type stands for.
pub fn read_rejection(
    dialect: Dialect,
    status: u16,
    content_type: Option<&str>,
    body: &[u8],
    hints: Hints,
) -> Rejection {
    let text = String::from_utf8_lossy(body);
    let text = text.trim_start_matches('\u{feff}').trim();
    let mut rejection = Rejection { status, hints, ..Rejection::default() };
    if text.is_empty() {
        rejection.bare = true;
    } else if is_html(content_type, text) {
        rejection.html = true;
        rejection.message = cut(title(text).unwrap_or(text), MESSAGE_BYTES_MAX);
    } else if let Some(value) = document(text) {
        fill(&mut rejection, &value);
    } else {
        rejection.message = cut(text, MESSAGE_BYTES_MAX);
    }
    if (200..300).contains(&status) {
        rejection.status = in_band_status(dialect, &rejection, None);
    }
    rejection
}

/// Reads an error document inside a 200 answer.
pub(crate) fn in_band(dialect: Dialect, document: &[u8]) -> Box<Rejection> {
    let text = String::from_utf8_lossy(document);
    let mut rejection = Rejection { in_band: true, ..Rejection::default() };
    let value = self::document(&text);
    match &value {
        Some(value) => fill(&mut rejection, value),
        None => rejection.message = cut(text.trim(), MESSAGE_BYTES_MAX),
    }
    if rejection.kind == "error" {
        rejection.kind.clear(); // The event's own type.
    }
    rejection.bare = match &value {
        Some(Value::Object(members)) => members.is_empty(),
        Some(Value::Array(items)) => items.is_empty(),
        Some(Value::String(text)) => text.is_empty(),
        Some(value) => value.is_null(),
        None => rejection.message.is_empty(),
    };
    rejection.status = in_band_status(dialect, &rejection, value.as_ref());
    Box::new(rejection)
}

/// Reads an error that is the data of a frame with this `event:` line.
pub(crate) fn in_frame(dialect: Dialect, event: &str, data: &str) -> Box<Rejection> {
    let mut rejection = in_band(dialect, data.as_bytes());
    rejection.unheard = !is_heard(dialect, event, data);
    rejection
}

/// Whether a frame is an error as its dialect spells one. Clients of Chat raise at an `error` that is
/// there, whatever the `event:` line is
/// (<https://github.com/openai/openai-python/blob/main/src/openai/_streaming.py>), those of Messages read
/// no frame without such a line
/// (<https://github.com/anthropics/anthropic-sdk-python/blob/main/src/anthropic/_streaming.py>). What else
/// is said in Responses has its `response.failed` put behind it ([`own::after_said`](crate::own::after_said)).
fn is_heard(dialect: Dialect, event: &str, data: &str) -> bool {
    #[derive(Deserialize)]
    struct Heard {
        #[serde(rename = "type")]
        kind: Option<Value>,
        error: Map<String, Value>,
    }
    if dialect == Dialect::Responses {
        return true;
    }
    let heard = Some(data).filter(|data| data.len() <= json::TREE_BYTES_MAX);
    let Some(Heard { kind, error }) = heard.and_then(json::object_in) else { return false };
    let typed = kind.as_ref().and_then(Value::as_str) == Some("error");
    let says = |key: &str| error.get(key).is_some_and(Value::is_string);
    match dialect {
        Dialect::Chat | Dialect::Responses => !error.is_empty(),
        Dialect::Messages => event == "error" && typed && says("type") && says("message"),
    }
}

/// An error inside a 200 answer that the provider did not spell out.
pub(crate) fn said(status: u16, code: &str, message: &str) -> Box<Rejection> {
    Box::new(Rejection {
        status,
        code: cut(code, WORD_BYTES_MAX),
        message: message.to_owned(),
        in_band: true,
        bare: true,
        ..Rejection::default()
    })
}

/// A numeric code or status of 4xx or 5xx counts in Chat's streams, where compatible servers put
/// the HTTP status there; otherwise the code, then the type; what is unknown is the server's fault.
fn in_band_status(dialect: Dialect, rejection: &Rejection, document: Option<&Value>) -> u16 {
    let numeric = match dialect {
        Dialect::Chat => status_number(rejection.code.as_str())
            .or_else(|| document.and_then(|document| numeric_status(document.get("error")?)))
            .or_else(|| document.and_then(numeric_status)),
        Dialect::Messages | Dialect::Responses => None,
    };
    let named =
        |word: &str| STATUSES.iter().find(|(name, _)| *name == word).map(|&(_, status)| status);
    numeric.or_else(|| named(&rejection.code)).or_else(|| named(&rejection.kind)).unwrap_or(500)
}

fn numeric_status(object: &Value) -> Option<u16> {
    ["status", "status_code", "statusCode", "code"]
        .into_iter()
        .find_map(|key| status_number(&word(object.get(key)?)))
}

fn status_number(text: &str) -> Option<u16> {
    text.parse().ok().filter(|status| (400..600).contains(status))
}

fn is_html(content_type: Option<&str>, text: &str) -> bool {
    let starts = |prefix: &str| {
        text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    let said = content_type.is_some_and(|value| {
        value.trim_start().get(..9).is_some_and(|start| start.eq_ignore_ascii_case("text/html"))
    });
    starts("<!doctype html") || starts("<html") || (said && !text.starts_with(['{', '[']))
}

/// The title of a page.
fn title(text: &str) -> Option<&str> {
    let lower = text.to_ascii_lowercase();
    let start = lower.find("<title>")?.saturating_add("<title>".len());
    let end = lower.get(start..)?.find("</title>")?.saturating_add(start);
    text.get(start..end).map(str::trim).filter(|title| !title.is_empty())
}

/// The JSON of a body, or of the first event of a stream.
fn document(text: &str) -> Option<Value> {
    if text.len() > json::TREE_BYTES_MAX {
        return None;
    }
    serde_json::from_str(text).ok().or_else(|| {
        let data = text.lines().find_map(|line| line.strip_prefix("data:"))?;
        serde_json::from_str(data.trim()).ok()
    })
}

fn fill(rejection: &mut Rejection, document: &Value) {
    match document {
        Value::Array(items) => {
            if let Some(first) = items.first().filter(|first| first.is_object()) {
                fill_object(rejection, first);
            }
        }
        Value::String(text) => rejection.message = cut(text, MESSAGE_BYTES_MAX),
        Value::Object(_) => fill_object(rejection, document),
        Value::Null | Value::Bool(_) | Value::Number(_) => {
            rejection.message = document.to_string();
        }
    }
    if rejection.message.is_empty() {
        rejection.message = cut(&document.to_string(), MESSAGE_BYTES_MAX);
    }
}

fn fill_object(rejection: &mut Rejection, document: &Value) {
    let outer = document.as_object();
    let mut message = outer.and_then(said_in);
    match document.get("error") {
        Some(Value::Object(error)) => {
            fill_error(rejection, error);
            message = said_in(error).or(message);
        }
        Some(Value::String(text)) => {
            // `{"error":"Bad Request","message":"…"}`: the longer text is in `message`.
            if message.is_some() {
                rejection.kind = cut(text, WORD_BYTES_MAX);
            } else {
                message = Some(text.clone());
            }
            fill_outer(rejection, outer);
        }
        Some(Value::Array(_) | Value::Null | Value::Bool(_) | Value::Number(_)) | None => {
            fill_outer(rejection, outer);
        }
    }
    if let Some(message) = message {
        rejection.message = cut(&message, MESSAGE_BYTES_MAX);
    }
    if let Some(detail) = detail(document).filter(|_| rejection.param.is_empty()) {
        rejection.param = cut(&place(detail), WORD_BYTES_MAX);
        if rejection.code.is_empty() {
            rejection.code = detail.get("type").map(word).unwrap_or_default();
        }
    }
}

/// What is wrong in a request, as `FastAPI` says it: `{"detail":[{"type":…,"loc":["body","x"],
/// "msg":…}]}` (vLLM), or the same as the `message` (Mistral).
fn detail(document: &Value) -> Option<&Value> {
    let outer = [Some(document), document.get("message"), document.get("error")];
    outer.into_iter().flatten().find_map(|it| it.get("detail")?.as_array()?.first())
}

/// A `loc` as a path, without the `body` that it begins with.
fn place(detail: &Value) -> String {
    let segments = detail.get("loc").and_then(Value::as_array);
    let segments = segments.into_iter().flatten().map(word);
    segments.skip_while(|it| it == "body").collect::<Vec<_>>().join(".")
}

/// `{"object":"error","message":…,"type":…,"code":…}` and the like: what stands outside.
fn fill_outer(rejection: &mut Rejection, outer: Option<&Map<String, Value>>) {
    let Some(outer) = outer else { return };
    let kind = std::mem::take(&mut rejection.kind);
    fill_error(rejection, outer);
    if !kind.is_empty() {
        rejection.kind = kind;
    }
}

fn fill_error(rejection: &mut Rejection, error: &Map<String, Value>) {
    let get = |key: &str| error.get(key).map(word).unwrap_or_default();
    let status = error.get("status").filter(|status| status.is_string());
    rejection.kind = [get("type"), status.map(word).unwrap_or_default(), get("__type")]
        .into_iter()
        .find(|kind| !kind.is_empty())
        .unwrap_or_default();
    rejection.code = get("code");
    if rejection.code.is_empty() {
        let inner = error.get("details").and_then(|details| details.get("error_code"));
        rejection.code = inner.map(word).unwrap_or_default();
    }
    rejection.param = get("param");
    rejection.hints.after = rejection.hints.after.or_else(|| retry_after(error));
}

/// The first of several: `[{"loc":…,"msg":…}]`.
fn first_said(items: &Value) -> Option<String> {
    let item = items.as_array()?.first()?;
    let message = item.get("msg").or_else(|| item.get("message"));
    message.or(Some(item)).and_then(Value::as_str).map(str::to_owned)
}

/// The text for a reader, wherever it stands.
fn said_in(object: &Map<String, Value>) -> Option<String> {
    let text = |value: &Value| match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Object(inner) => {
            let told = inner.get("message").and_then(Value::as_str).map(str::to_owned);
            told.or_else(|| inner.get("detail").and_then(first_said))
        }
        Value::Array(_) => first_said(value),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => None,
    };
    ["message", "Message", "detail", "msg", "error_description", "errors"]
        .into_iter()
        .find_map(|key| object.get(key).and_then(text))
}

/// `retry_after_ms`, `retry_after` (seconds) and Google's `RetryInfo`
/// (<https://github.com/googleapis/googleapis/blob/master/google/rpc/error_details.proto>).
fn retry_after(error: &Map<String, Value>) -> Option<Duration> {
    let seconds = |seconds: f64| Duration::try_from_secs_f64(seconds).ok();
    if let Some(ms) = error.get("retry_after_ms").and_then(Value::as_f64) {
        return seconds(ms / 1000.0);
    }
    if let Some(after) = error.get("retry_after").and_then(Value::as_f64) {
        return seconds(after);
    }
    let details = error.get("details")?.as_array()?;
    let delay = details.iter().find_map(|detail| detail.get("retryDelay")?.as_str())?;
    seconds(delay.strip_suffix('s')?.parse().ok()?)
}

/// A string as it is, a number as text.
fn word(value: &Value) -> String {
    match value {
        Value::String(text) => cut(text, WORD_BYTES_MAX),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => String::new(),
    }
}

/// No more than `max` bytes, whole characters.
fn cut(text: &str, max: usize) -> String {
    text.get(..text.floor_char_boundary(max)).unwrap_or_default().to_owned()
}
