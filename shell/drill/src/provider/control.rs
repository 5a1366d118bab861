//! The control surface, for a provider that runs in a process of its own.
//!
//! `GET /_drill/log` · `GET /_drill/menu` · `POST /_drill/clear` · `POST /_drill/set` with a
//! fault's name as the body (`ok` or nothing: no fault) · `POST /_drill/sever`.
//! These requests are not in the log.

use super::fault::Fault;
use super::http::{self, Request};
use super::json::quote;
use super::seen::{End, Seen};
use super::state::State;

/// How much of a body the log shows.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// How much of a key the log shows: enough to tell two of a test apart, too little to use.
const KEY_LETTERS_MAX: usize = 8;

/// The answer to a control request; `None` for all others.
pub(super) fn answer(state: &State, request: &Request) -> Option<Vec<u8>> {
    let verb = request.path.strip_prefix("/_drill/")?;
    Some(match (request.method.as_str(), verb) {
        ("GET", "log") => {
            let rows = state.look(|seen| {
                seen.iter().map(|seen| row(state, seen)).collect::<Vec<_>>().join(",\n")
            });
            reply(200, &format!("[{rows}]\n"))
        }
        ("GET", "menu") => {
            let names = Fault::menu().iter().map(|fault| quote(&fault.name())).collect::<Vec<_>>();
            reply(200, &format!("[{}]\n", names.join(",\n")))
        }
        ("POST", "clear") => {
            state.clear();
            reply(200, "{}\n")
        }
        ("POST", "sever") => {
            state.severed.notify_waiters();
            reply(200, "{}\n")
        }
        ("POST", "set") => set(state, &request.body),
        _ => reply(404, "{\"error\":\"no such control\"}\n"),
    })
}

fn set(state: &State, body: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(body);
    let name = text.trim();
    let fault = if name.is_empty() || name == "ok" {
        None
    } else {
        let Some(fault) = Fault::from_model(name) else {
            let problem = format!("`{name}` is no fault: see GET /_drill/menu");
            return reply(400, &format!("{{\"error\":{}}}\n", quote(&problem)));
        };
        Some(fault)
    };
    let name = fault.as_ref().map_or_else(|| "ok".to_owned(), Fault::name);
    state.set(fault);
    reply(200, &format!("{{\"fault\":{}}}\n", quote(&name)))
}

fn reply(status: u16, body: &str) -> Vec<u8> {
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("content-length", body.len().to_string()),
    ];
    let mut bytes = http::head(status, &headers);
    bytes.extend_from_slice(body.as_bytes());
    bytes
}

fn row(state: &State, seen: &Seen) -> String {
    let headers = seen.headers.iter().map(|(name, value)| {
        let value = match name.as_str() {
            "authorization" | "x-api-key" => shorten(value),
            _ => value.clone(),
        };
        format!("[{},{}]", quote(name), quote(&value))
    });
    let body = seen.body.get(..BODY_BYTES_MAX).unwrap_or(&seen.body);
    format!(
        r#"{{"serial":{},"at_ms":{},"connection":{},"nth":{},"method":{},"path":{},"model":{},"fault":{},"way":{},"ended":{},"headers":[{}],"body_bytes":{},"body":{}}}"#,
        seen.serial,
        seen.at.saturating_duration_since(state.begun).as_millis(),
        seen.connection,
        seen.nth,
        quote(&seen.method),
        quote(&seen.path),
        quote(&seen.model),
        quote(&seen.fault),
        quote(seen.way.name()),
        seen.ended.map_or_else(|| "null".to_owned(), ended),
        headers.collect::<Vec<_>>().join(","),
        seen.body.len(),
        quote(&String::from_utf8_lossy(body))
    )
}

fn ended(end: End) -> String {
    let word = end.word();
    match end {
        End::ClientGone { after, sent } => {
            format!(r#"{{"how":"{word}","after_ms":{},"sent":{sent}}}"#, after.as_millis())
        }
        End::Done | End::Reset | End::Fin => format!(r#"{{"how":"{word}"}}"#),
    }
}

fn shorten(value: &str) -> String {
    let key = value.strip_prefix("Bearer ");
    let scheme = if key.is_some() { "Bearer " } else { "" };
    let key = key.unwrap_or(value);
    match key.char_indices().nth(KEY_LETTERS_MAX).and_then(|(at, _)| key.get(..at)) {
        Some(head) => format!("{scheme}{head}…"),
        None => value.to_owned(),
    }
}
