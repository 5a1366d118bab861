//! What leaves towards a provider: the address, the headers that may pass, the credential.
//!
//! Headers are an open list: what we do not know rides along, as client and provider add fields that
//! we have not heard of. Held back are the connection's own headers, whatever names the caller or its
//! page, and every credential but the one that belongs there.
//!
//! **Invariant:** a key of ours is put into a request to its own provider only; a caller's own
//! credential leaves only towards a provider with `api_key = "caller"`.

use crate::ask::{Ask, Endpoint};
use bytes::Bytes;
use codec::seal::Origin;
use codec::{Head, Watch};
use config::{Credential, Provider};
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, Method, Request, Uri};
use ir::{Dialect, Failure, Losses, UsageFlag};
use policy::Leg;
use secrecy::ExposeSecret;
use transport::Payload;

/// Never passed on, in either direction: they belong to one connection (RFC 9110, 7.6.1).
const HOP_BY_HOP: &[&str] = &[
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Never passed on to a provider: made anew, or none of its business.
const OURS: &[&str] = &[
    "accept-encoding",
    "content-length",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "origin",
    "referer",
    "via",
    "x-real-ip",
];

/// Credentials: they stay on the side that they came from.
pub(crate) const CREDENTIALS: &[&str] = &[
    "authorization",
    "x-api-key",
    "api-key",
    "x-goog-api-key",
    "x-litellm-api-key",
    "x-litellm-key",
    "ocp-apim-subscription-key",
];

/// What only goes with the caller's own.
const ACCOUNTS: &[&str] = &["openai-organization", "openai-project"];

/// Headers that are added to a caller's: credential, encoding, host.
const OWN_HEADERS: usize = 3;

/// Why a request cannot be written down.
pub(crate) const UNSENDABLE: Failure = Failure::Unsendable("its address or a header is not one");
/// Why an answer is not gone on with.
const UNWRITTEN: Failure = Failure::Unjoined("the request for its rest cannot be read");
/// Why reasoning that was sealed elsewhere does not stay behind.
const UNREAD: Failure = Failure::Unsendable("without what others sealed it cannot be read");

/// A request for one attempt, asking for a stream where its whole answer is watched.
pub(crate) fn request(
    ask: &Ask,
    question: Option<&Question>,
    (provider, credential): (&Provider, &Credential),
    leg: &Leg,
) -> Result<Request<Payload>, http::Error> {
    let path = match (ask.endpoint, ask.dialect) {
        (Endpoint::Create | Endpoint::Stored, dialect) => dialect.path(),
        (Endpoint::Count, Dialect::Responses) => "/responses/input_tokens",
        (Endpoint::Count, Dialect::Chat | Dialect::Messages) => "/messages/count_tokens",
        (Endpoint::Compact, _) => "/responses/compact",
    };
    let watch = leg.watched.then_some(Watch {
        ask_usage: ask.dialect == Dialect::Chat && provider.quirks.usage == UsageFlag::OnRequest,
    });
    let query = ask.query.as_deref();
    let mut request = if let Some(stored) = &ask.stored {
        Request::builder()
            .method(stored.method.clone())
            .uri(uri(provider, &stored.path, query)?)
            .body(Payload::from(ask.body.clone()))?
    } else {
        let (body, head) = question.map_or((&ask.body, &ask.head), |it| (&it.body, &it.head));
        let payload = Payload::from(head.splice(body, &leg.model, watch));
        post(provider, path, query, payload)?
    };
    let goes_on = question.is_some_and(|it| it.goes_on);
    let caller = matches!(credential, Credential::Caller);
    let headers = request.headers_mut();
    headers.reserve(ask.headers.keys_len() + OWN_HEADERS);
    for (name, value) in &ask.headers {
        let own = || CREDENTIALS.iter().chain(ACCOUNTS).any(|it| *it == name.as_str());
        let same = !goes_on || name.as_str() != IDEMPOTENCY_KEY;
        if same && may_leave(name) && !is_nominated(&ask.headers, name) && (caller || !own()) {
            headers.append(name, value.clone());
        }
    }
    authorize(headers, provider, credential);
    Ok(request)
}

/// What is asked, where that is not what came: before the model's name is put in.
#[derive(Debug)]
pub(crate) struct Question {
    body: Bytes,
    head: Head,
    /// It is to go on with an answer.
    goes_on: bool,
}

/// The request without reasoning that was sealed for somebody else: a target of another `origin`, or another
/// provider of Responses; and what did not come along. Without an origin no reasoning comes along.
/// `going_on` is the body where it is to go on with an answer. What was written here and cannot be read
/// is not sent, nor is the caller's own in its place: it would be answered as if it were the other.
pub(crate) fn question(
    ask: &Ask,
    going_on: Option<&Bytes>,
    origin: Option<Origin>,
    opens: impl Fn(&str) -> bool,
) -> Result<(Option<Question>, Losses), Failure> {
    let body = going_on.unwrap_or(&ask.body);
    let unsealed = match ask.dialect.crossable() {
        Some(dialect) => codec::request::without_seals(dialect, body, origin, going_on.is_some()),
        None => codec::request::without_foreign_seals(body, opens).map(|body| {
            let mut losses = Losses::default();
            losses.add("input[].encrypted_content", "dropped: another's");
            (body, losses)
        }),
    };
    let (unsealed, losses) = unsealed.unzip();
    let losses = losses.unwrap_or_default();
    let Some(body) = unsealed.or_else(|| going_on.cloned()) else { return Ok((None, losses)) };
    let goes_on = going_on.is_some();
    let unreadable = if goes_on { UNWRITTEN } else { UNREAD };
    let head = codec::read_head(ask.dialect, &body).map_err(|_| unreadable)?;
    Ok((Some(Question { body, head, goes_on }), losses))
}

/// Names one question to its provider. To go on with the answer to it is another.
pub(crate) const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// A request without headers.
pub(crate) fn post(
    provider: &Provider,
    path: &str,
    query: Option<&str>,
    payload: Payload,
) -> Result<Request<Payload>, http::Error> {
    Request::builder().method(Method::POST).uri(uri(provider, path, query)?).body(payload)
}

/// A free question without a key, to be refused: the list of models.
pub(crate) fn open_request(provider: &Provider) -> Result<Request<Payload>, http::Error> {
    let query = (provider.dialect == Dialect::Messages).then_some("limit=1000");
    let mut request = Request::builder()
        .method(Method::GET)
        .uri(uri(provider, "/models", query)?)
        .body(Payload::empty())?;
    let headers = request.headers_mut();
    if provider.dialect == Dialect::Messages {
        headers.insert("anthropic-version", HeaderValue::from_static("2023-06-01"));
    }
    Ok(request)
}

/// A free question: the list of models, with the provider's own credential or the caller's.
pub(crate) fn list_request(
    provider: &Provider,
    caller: Option<&HeaderMap>,
) -> Result<Request<Payload>, http::Error> {
    let mut request = open_request(provider)?;
    let headers = request.headers_mut();
    let credential = provider.credentials.first().unwrap_or(&Credential::None);
    if let (Credential::Caller, Some(caller)) = (credential, caller) {
        for name in ["authorization", "x-api-key", "anthropic-beta", "anthropic-version"] {
            if let Some(value) = caller.get(name) {
                headers.insert(HeaderName::from_static(name), value.clone());
            }
        }
    }
    authorize(headers, provider, credential);
    Ok(request)
}

fn uri(provider: &Provider, path: &str, query: Option<&str>) -> Result<Uri, http::Error> {
    let base = &provider.base_url;
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    Uri::builder()
        .scheme(if base.https { "https" } else { "http" })
        .authority(base.authority())
        .path_and_query(format!("{}{path}{query}", base.path))
        .build()
}

fn may_leave(name: &HeaderName) -> bool {
    let name = name.as_str();
    let prefixed = ["x-backstop-", "x-forwarded-", "sec-", "proxy-"];
    !HOP_BY_HOP.contains(&name)
        && !OURS.contains(&name)
        && !prefixed.iter().any(|prefix| name.starts_with(prefix))
}

/// Whether `Connection` names it: then it was for one hop (RFC 9110, 7.6.1).
fn is_nominated(headers: &HeaderMap, name: &HeaderName) -> bool {
    if !headers.contains_key(header::CONNECTION) {
        return false;
    }
    let values = headers.get_all(header::CONNECTION).into_iter();
    let mut named = values.filter_map(|value| value.to_str().ok()).flat_map(|it| it.split(','));
    named.any(|named| named.trim().eq_ignore_ascii_case(name.as_str()))
}

/// Adds the credential that belongs there, where it is ours.
pub(crate) fn authorize(headers: &mut HeaderMap, provider: &Provider, credential: &Credential) {
    // Compressed answers could not be read frame by frame.
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    let Credential::Ours(key) = credential else { return };
    let (name, value) = provider.quirks.auth.header(key.expose_secret());
    // The configuration refused keys that do not fit into a header.
    if let Ok(mut value) = HeaderValue::from_str(&value) {
        value.set_sensitive(true);
        headers.insert(HeaderName::from_static(name), value);
    }
}

/// The headers of a provider's answer that may reach the caller.
pub(crate) fn answer_headers(from: &HeaderMap) -> HeaderMap {
    let kept = |name: &HeaderName| {
        let nominated = is_nominated(from, name);
        let name = name.as_str();
        !nominated
            && !HOP_BY_HOP.contains(&name)
            && !CREDENTIALS.contains(&name)
            && !matches!(name, "content-length" | "set-cookie" | "alt-svc")
            && !name.starts_with("x-backstop-")
    };
    let mut headers = HeaderMap::with_capacity(from.len() + 4);
    for (name, value) in from.iter().filter(|(name, _)| kept(name)) {
        headers.append(name, value.clone());
    }
    headers
}

#[cfg(test)]
mod tests;
