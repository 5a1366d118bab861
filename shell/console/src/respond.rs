//! Responses: the one file of the console in which a status is chosen.

use crate::route;
use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, WWW_AUTHENTICATE,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderValue, Method, Response, StatusCode};
use http_body_util::Full;
use monitor::status::Status;
use serde_json::json;
use transport::Fault;

/// A request that is not answered.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    /// The code of its page in `docs/errors`.
    code: &'static str,
    /// What happened, why, and what to do.
    message: String,
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");

// === impl Refusal ===

impl Refusal {
    pub(crate) fn odd(fault: Fault) -> Self {
        let message = fault.words().to_owned();
        Self { status: StatusCode::BAD_REQUEST, code: "BS0116", message }
    }

    pub(crate) fn foreign(message: String) -> Self {
        Self { status: StatusCode::FORBIDDEN, code: "BS0109", message }
    }

    pub(crate) fn no_key() -> Self {
        let message = "a key is required; present it as a bearer token or as x-backstop-key";
        Self { status: StatusCode::UNAUTHORIZED, code: "BS0110", message: message.to_owned() }
    }

    pub(crate) fn wrong_key() -> Self {
        let message = "this key is not known here; make one with: backstop key new NAME";
        Self { status: StatusCode::UNAUTHORIZED, code: "BS0111", message: message.to_owned() }
    }

    pub(crate) fn not_for_this(name: &str) -> Self {
        let message = format!(
            "the key {name} may not read the console; set console = true in [keys.{name}], or \
             present another"
        );
        Self { status: StatusCode::FORBIDDEN, code: "BS0117", message }
    }

    pub(crate) fn unknown(path: &str) -> Self {
        let shown: String = path.chars().take(200).collect();
        let served = route::ALL.map(route::Route::path).join(", ");
        let message = format!("nothing is shown at {shown:?}; shown: {served}");
        Self { status: StatusCode::NOT_FOUND, code: "BS0106", message }
    }

    pub(crate) fn wrong_method(path: &str, method: &Method) -> Self {
        let message = format!("{path} takes GET, not {method}");
        Self { status: StatusCode::METHOD_NOT_ALLOWED, code: "BS0105", message }
    }

    pub(crate) fn unmade() -> Self {
        let message = "the page could not be made; see standard error".to_owned();
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, code: "BS0203", message }
    }
}

/// The response to a request that is not answered.
pub(crate) fn refusal(refusal: &Refusal) -> Response<Full<Bytes>> {
    let Refusal { status, code, message } = refusal;
    let body = json!({ "error": { "code": code, "message": message } });
    let mut response = respond(*status, JSON, body.to_string());
    let headers = response.headers_mut();
    match *status {
        StatusCode::METHOD_NOT_ALLOWED => {
            headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        }
        StatusCode::UNAUTHORIZED => {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        _ => {}
    }
    response
}

/// What is here.
pub(crate) fn root() -> Response<Full<Bytes>> {
    let body = json!({ "backstop": env!("CARGO_PKG_VERSION"), "metrics": "/metrics", "status": "/status" });
    respond(StatusCode::OK, JSON, body.to_string())
}

/// All is well.
pub(crate) fn status(word: &str) -> Response<Full<Bytes>> {
    respond(StatusCode::OK, JSON, json!({ "status": word }).to_string())
}

/// Not for new work.
pub(crate) fn unready(word: &str) -> Response<Full<Bytes>> {
    respond(StatusCode::SERVICE_UNAVAILABLE, JSON, json!({ "status": word }).to_string())
}

/// How everything stands.
pub(crate) fn stands(status: &Status) -> Result<Response<Full<Bytes>>, Refusal> {
    let body = serde_json::to_string(status).map_err(|error| {
        tracing::error!(%error, "the status was not written");
        Refusal::unmade()
    })?;
    Ok(respond(StatusCode::OK, JSON, body))
}

/// The page of a scrape.
pub(crate) fn page(text: String) -> Response<Full<Bytes>> {
    respond(StatusCode::OK, HeaderValue::from_static(monitor::CONTENT_TYPE), text)
}

/// Nothing of it is kept, run, guessed at or read by a foreign page.
fn respond(status: StatusCode, media: HeaderValue, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, media);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
