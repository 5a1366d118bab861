//! Responses: the one file in which an HTTP status is chosen and an error gets its words.

use crate::answer::{Answer, Handle};
use crate::cross;
use crate::drive::{Drive, Step};
use crate::forward::answer_headers;
use crate::refusal::{Reason, Refusal};
use bytes::Bytes;
use codec::own;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use ir::{Connect, Deadline, Dns, Failure, Proxy, Shape, Tls};
use policy::{AttemptId, Class, Final, Words};
use std::task::Context;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-backstop-request-id");
const TARGET: HeaderName = HeaderName::from_static("x-backstop-target");
const TRAIL: HeaderName = HeaderName::from_static("x-backstop-trail");
const LOSS: HeaderName = HeaderName::from_static("x-backstop-loss");
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");
/// Tells proxies to pass a stream on as it comes.
const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const SSE: HeaderValue = HeaderValue::from_static("text/event-stream");

/// The longest value of a header of ours.
const VALUE_MAX: usize = 4096;

/// Losses that a header names; the record has the others.
pub(crate) const LOSSES_SHOWN: usize = 24;

/// An error in our words.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    kind: Option<String>,
    message: String,
}

// === impl Told ===

impl Told {
    /// As the codec writes it.
    pub(crate) fn own<'a>(&'a self, request_id: &'a str) -> own::Error<'a> {
        own::Error {
            status: self.status,
            code: Some(self.code),
            message: &self.message,
            request_id,
            kind: self.kind.as_deref(),
            param: None,
        }
    }
}

/// The response to a drive's first step.
pub(crate) fn open(mut handle: Handle, step: Step, cx: &mut Context<'_>) -> Response<Answer> {
    let Some(drive) = handle.drive() else { return Response::new(Answer::full(Bytes::new())) };
    match step {
        Step::Head(id) => {
            let (status, headers) = head(drive, id);
            drive.told(status.as_u16(), None);
            // A whole answer has its length, unless it is overlong and comes in pieces.
            let length = match drive.ask().shape() {
                Shape::Stream => None,
                Shape::Whole => drive.length(cx),
            };
            respond(status, headers, Answer::drive(handle, length))
        }
        Step::Refuse(word) => {
            let (status, headers) = refuse(drive, &word);
            let length = drive.length(cx);
            respond(status, headers, Answer::drive(handle, length))
        }
        Step::Data(_) | Step::End | Step::Break => {
            // The exchange says its head first; there is no answer without one.
            ir::invariant!(Ex2, false);
            handle.settle();
            respond(StatusCode::BAD_GATEWAY, HeaderMap::new(), Answer::full(Bytes::new()))
        }
    }
}

/// The headers of an attempt's answer under the names that its caller knows, and what did not come
/// along: nothing is dropped in silence.
fn theirs(drive: &Drive, id: AttemptId) -> HeaderMap {
    let mut headers = drive.head(id).map(|(_, it)| answer_headers(it)).unwrap_or_default();
    if drive.is_crossed(id) {
        headers = cross::answer_headers(drive.ask().dialect, headers);
    }
    let losses = drive.losses(id);
    if !losses.is_empty() {
        set(&mut headers, LOSS, &losses.said(LOSSES_SHOWN).join("; "));
    }
    headers
}

fn head(drive: &Drive, id: Option<AttemptId>) -> (StatusCode, HeaderMap) {
    let status = id.and_then(|id| drive.head(id)).map_or(200, |(status, _)| status);
    let mut headers = id.map(|id| theirs(drive, id)).unwrap_or_default();
    if drive.ask().shape() == Shape::Stream {
        let is_stream = headers
            .get(CONTENT_TYPE)
            .is_some_and(|value| value.as_bytes().starts_with(SSE.as_bytes()));
        if !is_stream {
            headers.insert(CONTENT_TYPE, SSE);
        }
        headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache"));
    } else if id.is_some_and(|id| drive.is_folded(id)) {
        // What the provider said of its stream does not hold for a document.
        headers.insert(CONTENT_TYPE, JSON);
        headers.remove(CACHE_CONTROL);
        headers.remove(BUFFERING);
    }
    name_target(&mut headers, drive, id);
    (StatusCode::from_u16(status).unwrap_or(StatusCode::OK), headers)
}

/// Who served, and who was asked: a fallback is never hidden.
fn name_target(headers: &mut HeaderMap, drive: &Drive, id: Option<AttemptId>) {
    set(headers, REQUEST_ID, &drive.ask().id);
    if let Some(target) = id.and_then(|id| drive.exchange().target(id)) {
        set(headers, TARGET, target);
    }
    if id.is_some() || drive.exchange().is_done() {
        set(headers, TRAIL, &drive.exchange().trail(drive.now()));
    }
}

/// Model names come from callers: what does not fit into a header is replaced.
fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    let fits = |byte: &u8| matches!(byte, b' '..=b'~');
    let value = if value.len() <= VALUE_MAX && value.as_bytes().iter().all(fits) {
        HeaderValue::from_str(value)
    } else {
        let fits = |c: char| if c.is_ascii_graphic() || c == ' ' { c } else { '?' };
        HeaderValue::from_str(&value.chars().take(VALUE_MAX).map(fits).collect::<String>())
    };
    if let Ok(value) = value {
        headers.insert(name, value);
    }
}

/// An error in place of an answer; its body is the drive's to hand out.
fn refuse(drive: &mut Drive, word: &Final) -> (StatusCode, HeaderMap) {
    let told = error_of(drive, word);
    let theirs = match word.words {
        Words::Theirs(id) => drive.error_body(id).map(|body| (id, body)),
        Words::Ours(_) | Words::Said(_) => None,
    };
    let (mut headers, body, code) = if let Some((id, body)) = theirs {
        // An error that came inside a stream is now an error of its own.
        let streamed = matches!(&word.failure, Failure::Rejected(it) if it.in_band);
        let mut headers = self::theirs(drive, id);
        if streamed || drive.is_crossed(id) {
            headers.insert(CONTENT_TYPE, JSON);
        }
        name_target(&mut headers, drive, Some(id));
        (headers, body, None)
    } else {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, JSON);
        name_target(&mut headers, drive, None);
        let body = own::error_body(drive.ask().dialect, &told.own(&drive.ask().id));
        (headers, body, Some(told.code))
    };
    headers.remove(RETRY_AFTER);
    headers.remove("retry-after-ms");
    if let Some(seconds) = word.retry_after_s {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if word.hopeless {
        headers.insert(SHOULD_RETRY, HeaderValue::from_static("false"));
    }
    drive.told(told.status, code);
    drive.say(body);
    (StatusCode::from_u16(told.status).unwrap_or(StatusCode::BAD_GATEWAY), headers)
}

/// The last word of an exchange in our terms.
pub(crate) fn error_of(drive: &Drive, word: &Final) -> Told {
    let row = word.class.row();
    let about = word.words.about().and_then(|id| drive.exchange().target(id));
    let crossed = word.words.about().is_some_and(|id| drive.is_crossed(id));
    let (kind, message) = match (&word.failure, word.words) {
        (Failure::Rejected(it), Words::Theirs(_)) if !it.message.is_empty() => {
            // Another dialect's type would mislead: clients decide by it.
            let own = !crossed && !it.unheard;
            let kind = (!it.kind.is_empty() && own).then(|| it.kind.clone());
            (kind, it.message.clone())
        }
        (_, _) => (None, sentence(word, about, drive)),
    };
    let overloaded = word.class == Class::Overloaded;
    let status = if crossed {
        cross::status(drive.ask().dialect, word.status, overloaded)
    } else {
        word.status
    };
    Told { status, code: row.code, kind, message }
}

/// What happened, why, and what to do next.
fn sentence(word: &Final, target: Option<&str>, drive: &Drive) -> String {
    let class = word.class;
    let target = target.unwrap_or("no target");
    let what = observed(&word.failure);
    let advice = if matches!(class, Class::Unauthorized | Class::Forbidden) {
        "check the api_key of this provider in backstop.toml or the environment"
    } else if class == Class::Certificate {
        "the connection may be intercepted: nothing was sent over it"
    } else if class == Class::Uncarried {
        "leave it out, or add a target of your dialect to the chain"
    } else if class == Class::DnsNotFound {
        "check base_url, and the name servers of this machine"
    } else if class == Class::Stopping {
        "it is being stopped or restarted: try again"
    } else if class == Class::DnsForbidden {
        "nothing was sent there: check the name servers of this machine, or pin its addresses"
    } else if class == Class::Proxy {
        "nothing was sent: check this provider's proxy in backstop.toml or the environment"
    } else if class.row().transient && drive.ask().is_bound() {
        "nobody else keeps what the request speaks of: try again, or send the conversation itself"
    } else if class.row().transient {
        "it may pass: try again, or add a target to the chain"
    } else {
        "see docs/errors for this code"
    };
    let trail = drive.exchange().trail(drive.now());
    let why = word.why.as_ref().map(|why| format!("; not gone on with: {why}")).unwrap_or_default();
    format!("{target} {what}{why}; asked: {trail}; {advice}")
}

fn observed(failure: &Failure) -> String {
    match failure {
        Failure::Dns(Dns::NotFound) => "has a host name that does not exist".into(),
        Failure::Dns(Dns::Failed) => "has a host name that could not be resolved".into(),
        Failure::Dns(Dns::Forbidden(address, place)) => {
            format!("has a host name that leads to {address}, which is {}", place.words())
        }
        Failure::Connect(Connect::Refused) => "refuses connections".into(),
        Failure::Connect(Connect::Timeout) => "did not accept a connection in time".into(),
        Failure::Connect(Connect::Unreachable) => "cannot be reached from here".into(),
        Failure::Proxy(Proxy::Unreachable) => "is behind a proxy that cannot be reached".into(),
        Failure::Proxy(Proxy::Silent) => "is behind a proxy that did not answer in time".into(),
        Failure::Proxy(Proxy::Denied(status)) => {
            format!("is behind a proxy that answered CONNECT with status {status}")
        }
        Failure::Proxy(Proxy::Garbled) => "is behind a proxy that did not speak HTTP".into(),
        Failure::Tls(Tls::Certificate(why)) => format!("showed an invalid certificate ({why})"),
        Failure::Tls(Tls::Handshake) => "broke off the TLS handshake".into(),
        Failure::Unprocessed => "refused the request unread".into(),
        Failure::Stale | Failure::Reset => "closed the connection without an answer".into(),
        Failure::BadHttp(why) => format!("did not speak HTTP ({why})"),
        Failure::Rejected(it) => format!("answered with status {}", it.status),
        Failure::WrongContent(what) => format!("answered with {what:?} instead of its dialect"),
        Failure::Malformed(why) => format!("answered with something unreadable ({why})"),
        Failure::Cut { .. } => "cut its answer short".into(),
        Failure::Empty => "answered with nothing".into(),
        Failure::Filtered => "refused by its content filter".into(),
        Failure::Silent(Deadline::FirstContent) => "showed no content in time".into(),
        Failure::Silent(Deadline::Total) => "was the last asked when the time was over".into(),
        Failure::Stalled => "fell silent in the middle of its answer".into(),
        Failure::Crawling => "wrote much more slowly than it usually does".into(),
        Failure::Unjoined(why) => format!("did not go on with the answer ({why})"),
        Failure::Uncarried(why) => format!("cannot be asked this in its own dialect ({why})"),
        Failure::Unsendable(why) => format!("could not be asked ({why})"),
        Failure::Stopping => "was answering when the gateway had to stop".into(),
        Failure::Overflow(bytes) => format!("sent more than {bytes} bytes that had to be held"),
    }
}

/// The response to a request that is not served.
pub(crate) fn refusal(refusal: &Refusal, request_id: &str) -> Response<Answer> {
    let status = status_of(refusal.reason);
    let usual = own::Error {
        status: status.as_u16(),
        code: Some(refusal.reason.code()),
        message: &refusal.message,
        request_id,
        kind: None,
        param: refusal.field,
    };
    // As OpenAI says it; clients that read the second code send the conversation itself.
    let theirs = own::Error { code: None, kind: Some("invalid_request_error"), ..usual };
    let error = if refusal.reason == Reason::NoAnswer {
        theirs
    } else if refusal.reason == Reason::NoPrevious {
        own::Error { code: Some("previous_response_not_found"), ..theirs }
    } else {
        usual
    };
    let body = own::error_body(refusal.dialect, &error);
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, JSON);
    if matches!(refusal.reason, Reason::Busy | Reason::Stopping) {
        headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    } else if !refusal.reason.may_pass() {
        headers.insert(SHOULD_RETRY, HeaderValue::from_static("false"));
    }
    set(&mut headers, REQUEST_ID, request_id);
    if let Reason::WrongMethod(allow) = refusal.reason {
        headers.insert(ALLOW, HeaderValue::from_static(allow));
    }
    respond(status, headers, Answer::full(body))
}

/// The status of a refusal.
pub(crate) fn status_of(reason: Reason) -> StatusCode {
    match reason {
        Reason::BadJson
        | Reason::BadField
        | Reason::BadUtf8
        | Reason::OtherDialect
        | Reason::NoPrevious
        | Reason::OddRequest => StatusCode::BAD_REQUEST,
        Reason::UnknownModel
        | Reason::UnknownPath
        | Reason::NoCounter
        | Reason::OutOfReach
        | Reason::NoAnswer => StatusCode::NOT_FOUND,
        Reason::WrongMethod(_) => StatusCode::METHOD_NOT_ALLOWED,
        Reason::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Reason::NotJson | Reason::Encoded => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Reason::Foreign => StatusCode::FORBIDDEN,
        Reason::NoKey | Reason::WrongKey | Reason::Unconfigured => StatusCode::UNAUTHORIZED,
        Reason::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
        Reason::Busy | Reason::Stopping => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// A plain JSON document of ours.
pub(crate) fn document(status: StatusCode, body: Bytes) -> Response<Answer> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, JSON);
    respond(status, headers, Answer::full(body))
}

fn respond(status: StatusCode, headers: HeaderMap, body: Answer) -> Response<Answer> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}
