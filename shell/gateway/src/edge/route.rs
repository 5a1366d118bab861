//! Paths: one port serves every dialect by its usual path.

use crate::ask::{Endpoint, Stored};
use crate::edge::refuse;
use crate::refusal::{Reason, Refusal};
use http::{HeaderMap, Method};
use ir::Dialect;

/// What is asked.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Route {
    /// `/`: somebody looks whether anybody is there.
    Root,
    /// `/health`: alive.
    Health,
    /// `/ready`: serving.
    Ready,
    /// The models, or one of them.
    Models(Dialect, Option<String>),
    /// A question.
    Ask(Dialect, Endpoint),
    /// A question about an answer that a provider keeps.
    Stored(Stored),
}

// === impl Route ===

impl Route {
    /// The dialect of a question.
    pub(crate) fn asks(&self) -> Option<Dialect> {
        match self {
            Self::Ask(dialect, _) => Some(*dialect),
            Self::Stored(_) => Some(Dialect::Responses),
            Self::Root | Self::Health | Self::Ready | Self::Models(..) => None,
        }
    }
}

/// The route of a request. Authorisation follows from what is found here, never from the path again.
pub(crate) fn find(
    method: &Method,
    (path, query): (&str, Option<&str>),
    headers: &HeaderMap,
) -> Result<Route, Refusal> {
    let dialect =
        if headers.contains_key("anthropic-version") { Dialect::Messages } else { Dialect::Chat };
    let (route, expected) = match path {
        "/" => (Route::Root, Method::GET),
        "/health" => (Route::Health, Method::GET),
        "/ready" => (Route::Ready, Method::GET),
        "/v1/models" => (Route::Models(dialect, None), Method::GET),
        "/v1/chat/completions" => (Route::Ask(Dialect::Chat, Endpoint::Create), Method::POST),
        "/v1/messages" => (Route::Ask(Dialect::Messages, Endpoint::Create), Method::POST),
        "/v1/responses" => (Route::Ask(Dialect::Responses, Endpoint::Create), Method::POST),
        "/v1/messages/count_tokens" => {
            (Route::Ask(Dialect::Messages, Endpoint::Count), Method::POST)
        }
        "/v1/responses/input_tokens" => {
            (Route::Ask(Dialect::Responses, Endpoint::Count), Method::POST)
        }
        "/v1/responses/compact" => {
            (Route::Ask(Dialect::Responses, Endpoint::Compact), Method::POST)
        }
        _ if path.starts_with(STORED) => return stored(method, path, query),
        _ => match path.strip_prefix("/v1/models/").map(decode) {
            Some(Some(id)) => (Route::Models(dialect, Some(id)), Method::GET),
            Some(None) | None => return unknown(dialect, path),
        },
    };
    let spoken = match &route {
        Route::Ask(spoken, _) => *spoken,
        Route::Stored(_) => Dialect::Responses,
        Route::Root | Route::Health | Route::Ready | Route::Models(..) => dialect,
    };
    if *method == expected || (*method == Method::HEAD && expected == Method::GET) {
        Ok(route)
    } else {
        let message = format!("{path} takes {expected}, not {method}");
        let allow = if expected == Method::GET { "GET, HEAD" } else { "POST" };
        refuse(spoken, Reason::WrongMethod(allow), message)
    }
}

/// What begins the path of an answer that is kept.
const STORED: &str = "/v1/responses/";

/// The longest id of an answer.
const ID_MAX: usize = 256;

/// A question about an answer that is kept.
fn stored(method: &Method, path: &str, query: Option<&str>) -> Result<Route, Refusal> {
    let below = path.strip_prefix(STORED).unwrap_or_default();
    let (id, what) = below.split_once('/').unwrap_or((below, ""));
    // What else could stand there means nothing to anybody who gives ids.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let is_id = !id.is_empty() && id.len() <= ID_MAX && id.bytes().all(plain);
    let methods = match what {
        "" if is_id && !below.ends_with('/') => "GET, DELETE",
        "cancel" if is_id => "POST",
        "input_items" if is_id => "GET",
        _ => return unknown(Dialect::Responses, path),
    };
    if !methods.split(", ").any(|known| known == method.as_str()) {
        let message = format!("{path} takes {methods}, not {method}");
        return refuse(Dialect::Responses, Reason::WrongMethod(methods), message);
    }
    let mut pairs = query.unwrap_or_default().split('&');
    Ok(Route::Stored(Stored {
        method: method.clone(),
        path: format!("/responses/{below}"),
        id: id.to_owned(),
        stream: what.is_empty() && *method == Method::GET && pairs.any(|it| it == "stream=true"),
    }))
}

fn unknown(dialect: Dialect, path: &str) -> Result<Route, Refusal> {
    // The usual slip: an SDK's base URL with /v1 too many, or without it.
    let hint = if path.starts_with("/v1/v1/") {
        "; the base URL has one /v1 too many"
    } else if matches!(path, "/chat/completions" | "/messages" | "/responses" | "/models") {
        "; the base URL needs /v1 at its end"
    } else {
        ""
    };
    let shown: String = path.chars().take(200).collect();
    let message = format!(
        "nothing is served at {shown:?}{hint}; served: /v1/chat/completions, /v1/responses, \
         /v1/responses/input_tokens, /v1/responses/compact, /v1/messages, \
         /v1/messages/count_tokens, /v1/models, /health, /ready"
    );
    refuse(dialect, Reason::UnknownPath, message)
}

/// Model names hold slashes and colons: percent signs are decoded.
fn decode(text: &str) -> Option<String> {
    String::from_utf8(config::unescaped(text)?).ok().filter(|id| !id.is_empty())
}

#[cfg(test)]
mod tests {
    use super::find;
    use http::{HeaderMap, HeaderValue, Method};

    #[track_caller]
    fn check(method: &str, path: &str, expect: &str) {
        let mut headers = HeaderMap::new();
        if path.ends_with('!') {
            headers.insert("anthropic-version", HeaderValue::from_static("2023-06-01"));
        }
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let (at, query) = match path.trim_end_matches('!').split_once('?') {
            Some((at, query)) => (at, Some(query)),
            None => (path.trim_end_matches('!'), None),
        };
        let found = match find(&method, (at, query), &headers) {
            Ok(route) => format!("{route:?}"),
            Err(refusal) => format!("{} {}", refusal.reason.code(), refusal.message),
        };
        assert!(found.starts_with(expect), "{method} {path}: {found}");
    }

    #[test]
    fn routes() {
        check("GET", "/", "Root");
        check("HEAD", "/", "Root");
        check("GET", "/health", "Health");
        check("GET", "/ready", "Ready");
        check("GET", "/v1/models", "Models(Chat, None)");
        check("GET", "/v1/models!", "Models(Messages, None)");
        check("GET", "/v1/models/meta%2Fllama:8b", "Models(Chat, Some(\"meta/llama:8b\"))");
        check("GET", "/v1/models/groq/llama", "Models(Chat, Some(\"groq/llama\"))");
        check("POST", "/v1/chat/completions", "Ask(Chat, Create)");
        check("POST", "/v1/messages", "Ask(Messages, Create)");
        check("POST", "/v1/responses", "Ask(Responses, Create)");
        check("POST", "/v1/responses/input_tokens", "Ask(Responses, Count)");
        check("POST", "/v1/responses/compact", "Ask(Responses, Compact)");
        let stored = |method: &str, path: &str, stream: bool| {
            let below = path.split('?').next().unwrap().strip_prefix("/v1").unwrap();
            let said = format!(
                "Stored(Stored {{ method: {method}, path: {below:?}, id: \"resp_1\", stream: {stream} }})"
            );
            check(method, path, &said);
        };
        stored("GET", "/v1/responses/resp_1", false);
        stored("GET", "/v1/responses/resp_1?stream=true&starting_after=3", true);
        stored("DELETE", "/v1/responses/resp_1?stream=true", false);
        stored("POST", "/v1/responses/resp_1/cancel", false);
        stored("GET", "/v1/responses/resp_1/input_items?limit=2", false);
        check("POST", "/v1/responses/resp_1", "BS0105 /v1/responses/resp_1 takes GET, DELETE");
        check("GET", "/v1/responses/resp_1/cancel", "BS0105");
        for path in ["/v1/responses/", "/v1/responses/..", "/v1/responses/a%2Fb"] {
            check("GET", path, "BS0106");
        }
        check("GET", "/v1/responses/a/b", "BS0106");
        check("GET", "/v1/responses/a/", "BS0106");
        check(
            "POST",
            "/responses",
            "BS0106 nothing is served at \"/responses\"; the base URL needs",
        );
        check("POST", "/v1/messages/count_tokens", "Ask(Messages, Count)");
        check("GET", "/v1/messages", "BS0105 /v1/messages takes POST, not GET");
        check("DELETE", "/v1/models", "BS0105");
        check(
            "POST",
            "/v1/v1/messages",
            "BS0106 nothing is served at \"/v1/v1/messages\"; the base",
        );
        check("POST", "/chat/completions", "BS0106");
        check("GET", "/v1/models/", "BS0106");
        check("GET", "/v1/models/%zz", "BS0106");
        check("GET", "/v1/models/%+1", "BS0106");
        check("GET", "/v1/messages/../models", "BS0106");
    }
}
