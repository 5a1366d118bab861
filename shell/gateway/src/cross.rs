//! A request for a target that speaks another dialect than its caller.
//!
//! **Invariant:** of the caller's headers only those leave that mean the same to every vendor.

use crate::ask::Ask;
use crate::forward;
use bytes::Bytes;
use codec::request::{Target, Written, cross};
use codec::seal::Origin;
use codec::{CrossingPlan, own};
use config::{Credential, Provider};
use http::Request;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use ir::{Crossable, Dialect, Failure, Losses, Rejection, Repair, Shape};
use policy::{Class, Leg};
use transport::Payload;

/// A request in its target's words, and what must be known to read the answer.
#[derive(Debug)]
pub(crate) struct Crossed {
    pub(crate) request: Request<Payload>,
    pub(crate) plan: CrossingPlan,
    pub(crate) losses: Losses,
    /// What of it could be written otherwise.
    pub(crate) fields: Vec<&'static str>,
}

/// The headers of a caller that mean the same everywhere.
const SHARED: &[&str] = &[
    "accept",
    "content-type",
    "idempotency-key",
    "traceparent",
    "tracestate",
    "user-agent",
    "x-client-request-id",
];

/// What begins the name of a header that speaks to one vendor only.
const VENDORS: &[&str] = &["anthropic-", "openai-"];

/// Pairs of names for the same: of Chat, and of Messages.
const NAMES: [(&str, &str); 5] = [
    ("x-request-id", "request-id"),
    ("x-ratelimit-limit-requests", "anthropic-ratelimit-requests-limit"),
    ("x-ratelimit-remaining-requests", "anthropic-ratelimit-requests-remaining"),
    ("x-ratelimit-limit-tokens", "anthropic-ratelimit-tokens-limit"),
    ("x-ratelimit-remaining-tokens", "anthropic-ratelimit-tokens-remaining"),
];

/// What begins the names of headers that only callers of their own dialect can read. Resets of
/// limits are among them: the families spell times differently.
const FOREIGN: &[&str] = &["anthropic-", "openai-", "x-ratelimit-"];

/// A request as it is to be crossed.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) ask: &'a Ask,
    /// What its target taught.
    pub(crate) repairs: &'a [Repair],
    /// The body where it is to go on with an answer.
    pub(crate) going_on: Option<&'a Bytes>,
}

/// Writes the request of an attempt.
pub(crate) fn request(
    asked: &Asked<'_>,
    provider: &Provider,
    credential: &Credential,
    leg: &Leg,
) -> Result<Crossed, Failure> {
    let Asked { ask, repairs, going_on } = *asked;
    let (Some(to), Some(from)) = (ask.dialect.crossable(), provider.dialect.crossable()) else {
        return Err(Failure::Uncarried(format!("{} crosses to nobody", Dialect::Responses.name())));
    };
    let origin = Origin::of(&leg.name);
    let streamed = leg.watched || ask.shape() == Shape::Stream;
    let target = Target {
        dialect: from,
        quirks: provider.quirks,
        model: &leg.model,
        traits: config::traits(&leg.model),
        origin,
        stream: streamed && !repairs.contains(&Repair::Plain),
        repairs,
    };
    let written = cross(to, going_on.unwrap_or(&ask.body), &target);
    let written = written.map_err(|uncarried| Failure::Uncarried(uncarried.to_string()))?;
    let headers = headers(ask, &written);
    let Written { body, mut losses, aliases, fields, .. } = written;
    vendors_headers(ask, &mut losses);
    let payload = Payload::from(Bytes::from(body));
    let request = forward::post(provider, provider.dialect.path(), None, payload);
    let mut request = request.map_err(|_| forward::UNSENDABLE)?;
    *request.headers_mut() = headers;
    if going_on.is_some() {
        request.headers_mut().remove(forward::IDEMPOTENCY_KEY);
    }
    forward::authorize(request.headers_mut(), provider, credential);
    let plan = CrossingPlan { aliases, ..plan(ask, (from, to), leg) };
    Ok(Crossed { request, plan, losses, fields })
}

/// How an answer of a leg is written for its caller.
pub(crate) fn plan(ask: &Ask, (from, to): (Crossable, Crossable), leg: &Leg) -> CrossingPlan {
    CrossingPlan {
        from,
        to,
        origin: Origin::of(&leg.name),
        model: leg.model.to_string(),
        request_id: ask.id.clone(),
        aliases: Vec::new(),
        // A whole answer always tells its usage.
        include_usage: ask.head.include_usage || ask.shape() == Shape::Whole,
        now_unix: ask.at_unix_ms / 1000,
    }
}

fn headers(ask: &Ask, written: &Written) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in &ask.headers {
        if SHARED.contains(&name.as_str()) {
            headers.append(name, value.clone());
        }
    }
    for (name, value) in [("anthropic-version", written.version), ("anthropic-beta", written.beta)]
    {
        if let Some(value) = value {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
    }
    headers
}

/// What a caller said to its own vendor in headers. The version only says how the body is written.
fn vendors_headers(ask: &Ask, losses: &mut Losses) {
    for name in ask.headers.keys().map(HeaderName::as_str) {
        let vendors = VENDORS.iter().any(|prefix| name.starts_with(prefix));
        if vendors && name != "anthropic-version" {
            losses.add(format!("header {name}"), "dropped");
        }
    }
}

/// The headers of an answer under the names that callers of a dialect know.
pub(crate) fn answer_headers(to: Dialect, mut headers: HeaderMap) -> HeaderMap {
    let names = NAMES.map(|(chat, messages)| match to {
        Dialect::Chat | Dialect::Responses => (messages, chat),
        Dialect::Messages => (chat, messages),
    });
    for (theirs, ours) in names {
        if let Some(value) = headers.remove(theirs) {
            headers.insert(HeaderName::from_static(ours), value);
        }
    }
    let foreign = |name: &&HeaderName| {
        let name = name.as_str();
        FOREIGN.iter().any(|prefix| name.starts_with(prefix))
            && !names.iter().any(|(_, ours)| *ours == name)
    };
    let dropped: Vec<HeaderName> = headers.keys().filter(foreign).cloned().collect();
    for name in dropped {
        headers.remove(name);
    }
    headers
}

/// What clients of Chat know a failure by, where Messages has no code for it
/// (<https://platform.openai.com/docs/guides/error-codes>).
const CODES: &[(Class, &str)] = &[
    (Class::ContextExceeded, "context_length_exceeded"),
    (Class::ContentFilter, "content_filter"),
    (Class::NotFound, "model_not_found"),
    (Class::Quota, "insufficient_quota"),
    (Class::NoCredit, "insufficient_quota"),
    (Class::RateLimited, "rate_limit_exceeded"),
    (Class::Overloaded, "server_is_overloaded"),
];

/// How Anthropic says that a prompt is too long: Claude Code knows it by these words and makes its
/// conversation shorter (<https://code.claude.com/docs/en/llm-gateway-protocol>).
const TOO_LONG: &str = "prompt is too long";

/// A provider's refusal as the body of an error in the caller's dialect, with what its clients
/// know such a failure by.
pub(crate) fn refusal(plan: &CrossingPlan, rejection: &Rejection) -> Bytes {
    let class = policy::classify(&Failure::Rejected(Box::new(rejection.clone())), &[]);
    let mut error = own::translated(rejection, &plan.request_id);
    let mut message = error.message.to_owned();
    match plan.to {
        Crossable::Chat => {
            let known = CODES.iter().find(|(known, _)| *known == class).map(|(_, code)| *code);
            error.code = error.code.or(known);
        }
        Crossable::Messages => {
            if class == Class::ContextExceeded && !message.contains(TOO_LONG) {
                message = format!("{TOO_LONG}: {message}");
            }
        }
    }
    error.message = &message;
    own::error_body(plan.to.dialect(), &error)
}

/// The status that callers of a dialect know: an overload is 529 in Messages and 503 in Chat.
pub(crate) fn status(to: Dialect, status: u16, overloaded: bool) -> u16 {
    match (to, status) {
        (Dialect::Chat | Dialect::Responses, 529) => 503,
        (Dialect::Messages, 503) if overloaded => 529,
        (Dialect::Chat | Dialect::Messages | Dialect::Responses, status) => status,
    }
}
