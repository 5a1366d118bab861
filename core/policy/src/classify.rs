//! Failure → class: a pure function, the provider's own words before the status.

use crate::verdict::Class;
use ir::{Connect, Dns, Failure, Proxy, Rejection, Tls};

/// The class of a failure. `codes` are the provider's own error codes, from its row of quirks.
pub fn classify(failure: &Failure, codes: &[(&str, &str)]) -> Class {
    match failure {
        Failure::Dns(Dns::NotFound) => Class::DnsNotFound,
        Failure::Dns(Dns::Failed) => Class::DnsFailed,
        Failure::Dns(Dns::Forbidden(..)) => Class::DnsForbidden,
        Failure::Connect(Connect::Refused | Connect::Timeout | Connect::Unreachable) => {
            Class::Unreachable
        }
        Failure::Proxy(Proxy::Unreachable | Proxy::Silent | Proxy::Denied(_) | Proxy::Garbled) => {
            Class::Proxy
        }
        Failure::Tls(Tls::Certificate(_)) => Class::Certificate,
        Failure::Tls(Tls::Handshake) => Class::Handshake,
        Failure::Unprocessed => Class::Unprocessed,
        Failure::Stale => Class::Stale,
        Failure::Reset => Class::Reset,
        Failure::BadHttp(_) => Class::BadHttp,
        Failure::Rejected(rejection) => rejected(rejection, codes),
        Failure::WrongContent(_) => Class::WrongContent,
        Failure::Malformed(_) => Class::Malformed,
        Failure::Cut { .. } => Class::Cut,
        Failure::Empty => Class::Empty,
        Failure::Filtered => Class::ContentFilter,
        Failure::Silent(_) => Class::Silent,
        Failure::Stalled | Failure::Crawling => Class::Stalled,
        Failure::Unjoined(_) => Class::Unjoined,
        Failure::Overflow(_) => Class::Overlong,
        Failure::Unsendable(_) => Class::GatewayFault,
        Failure::Uncarried(_) => Class::Uncarried,
        Failure::Stopping => Class::Stopping,
    }
}

fn rejected(rejection: &Rejection, codes: &[(&str, &str)]) -> Class {
    by_code(rejection, codes)
        .or_else(|| by_words(rejection))
        .or_else(|| by_kind(rejection))
        .unwrap_or_else(|| by_status(rejection))
}

/// Structured codes, the provider's own first. Only these decide about quotas: at least one vendor
/// says "insufficient quota" in prose for a limit per minute.
fn by_code(rejection: &Rejection, codes: &[(&str, &str)]) -> Option<Class> {
    let own = |said: &str| {
        let row = codes.iter().find(|(code, _)| said.eq_ignore_ascii_case(code));
        row.and_then(|(_, word)| Class::from_word(word))
    };
    let shared = |said: &str| {
        let row = CODES.iter().find(|(code, _)| said.eq_ignore_ascii_case(code));
        row.map(|(_, class)| *class)
    };
    // A type is coarser than a code: it is asked second.
    let (code, kind) = (&rejection.code, &rejection.kind);
    own(code).or_else(|| own(kind)).or_else(|| shared(code)).or_else(|| shared(kind))
}

/// Codes that several providers of a dialect share.
const CODES: &[(&str, Class)] = &[
    ("insufficient_quota", Class::Quota),
    ("credit_balance_exhausted", Class::NoCredit),
    ("billing_hard_limit_reached", Class::Quota),
    ("contract_spend_limit_reached", Class::Quota),
    ("billing_error", Class::NoCredit),
    ("context_length_exceeded", Class::ContextExceeded),
    ("exceed_context_size_error", Class::ContextExceeded),
    ("model_max_prompt_tokens_exceeded", Class::ContextExceeded),
    ("content_filter", Class::ContentFilter),
    ("content_policy_violation", Class::ContentFilter),
    ("responsibleaipolicyviolation", Class::ContentFilter),
    ("invalid_encrypted_content", Class::BadSignature),
    ("unsupported_parameter", Class::Unsupported),
    ("unsupported_value", Class::Unsupported),
    ("unknown_parameter", Class::Unsupported),
    ("invalid_api_key", Class::Unauthorized),
    ("model_not_found", Class::NotFound),
    ("deploymentnotfound", Class::NotFound),
    ("slow_down", Class::RateLimited),
    ("rate_limit_exceeded", Class::RateLimited),
    ("server_is_overloaded", Class::Overloaded),
    ("overloaded_error", Class::Overloaded),
    ("request_too_large", Class::TooLarge),
];

/// Whether a refusal is of reasoning that another signed or sealed, or that was changed. `message` is in
/// lower case.
pub(crate) fn is_unsigned(message: &str) -> bool {
    let has = |word: &str| message.contains(word);
    has("thinking") && (has("signature") || has("`data`") || has("cannot be modified"))
}

/// Wording that has no code of its own. Each stands only beside statuses that it can belong to.
fn by_words(rejection: &Rejection) -> Option<Class> {
    let message = rejection.message.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| message.contains(word));
    match rejection.status {
        400 | 402 | 403 if has(&["credit balance is too low"]) => Some(Class::NoCredit),
        400 | 413 | 422 | 500 if has(CONTEXT_WORDS) => Some(Class::ContextExceeded),
        400 | 422 if rejection.in_band && has(&["overloaded", "at capacity"]) => {
            Some(Class::Overloaded)
        }
        400 | 422 if rejection.in_band && has(&["rate limit"]) => Some(Class::RateLimited),
        400 if is_unsigned(&message) => Some(Class::BadSignature),
        // Calls without the thinking that led to them: another target made them, and it or one that
        // does not think can go on.
        400 if has(&["expected `thinking`", "expected thinking"]) => Some(Class::Unsupported),
        // Anthropic's filter has no code (<https://github.com/anthropics/claude-code/issues/58367>).
        400 if has(&["blocked by content filtering"]) => Some(Class::ContentFilter),
        403 if has(POLICY_WORDS) => Some(Class::ContentFilter),
        404 if names_an_object(rejection, &message) => Some(Class::InvalidRequest),
        400 | 422 if has(UNSUPPORTED_WORDS) => Some(Class::Unsupported),
        503 if has(&["loading model"]) => Some(Class::Loading),
        503 if has(&["server busy"]) => Some(Class::Saturated),
        _ => None,
    }
}

/// A 403 that speaks of what was asked, not of who asked.
const POLICY_WORDS: &[&str] = &[
    "flagged",
    "moderation",
    "usage guidelines",
    "usage policies",
    "usage policy",
    "content policy",
];

/// The dialect's own error says that something the request names is not there. A web server's
/// "file not found" has no type, and means the path.
fn names_an_object(rejection: &Rejection, message: &str) -> bool {
    let mut words = message.split(|c: char| !c.is_ascii_alphanumeric());
    let named = words.any(|word| OBJECT_WORDS.contains(&word));
    !rejection.kind.is_empty() && named && !message.contains("model")
}

/// What a request may name that is not there, through no fault of the target.
const OBJECT_WORDS: &[&str] = &[
    "file",
    "container",
    "thread",
    "conversation",
    "previous",
    "store",
    "batch",
    "skill",
    "prompt",
];

const CONTEXT_WORDS: &[&str] = &[
    "prompt is too long",
    "maximum context length",
    "context length exceeded",
    "exceeds the available context size",
    "exceed context limit",
    "exceeds the context window",
    "maximum prompt length",
];

const UNSUPPORTED_WORDS: &[&str] = &[
    "extra inputs are not permitted",
    "unsupported parameter",
    "is not supported with this model",
    "does not support",
    "max_tokens is too large",
    "maximum allowed number of output tokens",
];

/// Error types, which are coarser than codes.
fn by_kind(rejection: &Rejection) -> Option<Class> {
    // Several families spell them differently; a status that contradicts is ignored only where the
    // error came inside a stream and has none of its own.
    match rejection.kind.as_str() {
        "rate_limit_error" | "too_many_requests" => Some(Class::RateLimited),
        "authentication_error" => Some(Class::Unauthorized),
        "permission_error" => Some(Class::Forbidden),
        "not_found_error" if rejection.status == 404 || rejection.in_band => Some(Class::NotFound),
        "timeout_error" => Some(Class::RequestTimeout),
        "service_unavailable_error" => Some(Class::Unavailable),
        _ => None,
    }
}

fn by_status(rejection: &Rejection) -> Class {
    match rejection.status {
        300..=399 => Class::Redirected,
        400 if rejection.bare => Class::Opaque,
        401 => Class::Unauthorized,
        402 => Class::NoCredit,
        403 if rejection.html => Class::Firewall,
        403 => Class::Forbidden,
        404 | 405 | 410 => Class::NotFound,
        408 => Class::RequestTimeout,
        409 => Class::Conflict,
        413 => Class::TooLarge,
        429 => Class::RateLimited,
        400..=499 => Class::InvalidRequest,
        501 | 505 => Class::NotImplemented,
        502..=504 | 520..=524 | 530 => Class::Unavailable,
        529 => Class::Overloaded,
        _ => Class::ServerError,
    }
}

#[cfg(test)]
pub(crate) mod tests;
