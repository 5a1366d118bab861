//! What an answer is: its form, who spoke, and the class of failure that the gateway would see in it.

use super::Reply;
use crate::Subject;
use bytes::Bytes;
use codec::{Decoder, NotWhole};
use ir::evidence::{Asked, Form, Heard, Question};
use ir::{Deadline, Event, Failure, Finish, Hints};
use policy::Class;
use serde::de::IgnoredAny;

/// Bytes of a page in which marks are looked for.
const PAGE_BYTES_MAX: usize = 32 << 10;

/// Notes what a reply says.
pub(super) fn note(subject: &Subject, question: Question, reply: &Reply, asked: &mut Asked) {
    asked.heard = reply.heard;
    asked.status = reply.status;
    asked.first_byte_ms = reply.first_byte_ms;
    asked.form = form(reply);
    asked.mark = mark(reply, asked.form).map(str::to_owned);
    let failure = failure(subject, question, reply, asked.form);
    let class = failure.map(|failure| policy::classify(&failure, subject.codes));
    let expected = question == Question::Open && asked.form == Form::Json && is_no_key(class);
    asked.class =
        class.filter(|_| !expected).map(|class| class.word().to_owned()).unwrap_or_default();
}

/// Limits and wishes, as its headers tell them.
pub(super) fn hints(reply: &Reply, now_unix_ms: u64, asked: &mut Asked) {
    let pairs =
        || reply.headers.iter().filter_map(|(name, it)| Some((name.as_str(), it.to_str().ok()?)));
    for (name, value) in pairs().filter(|(name, _)| name.contains("ratelimit")) {
        asked.limits = true;
        asked.exhausted |= name.contains("remaining") && value.trim() == "0";
    }
    let hints = policy::hints::read(pairs(), now_unix_ms);
    asked.retry_after_s = hints
        .after
        .map(|after| after.as_millis().div_ceil(1000))
        .and_then(|s| u64::try_from(s).ok());
}

/// A request without a key is refused for just that; vendors disagree about the status.
fn is_no_key(class: Option<Class>) -> bool {
    matches!(class, Some(Class::Unauthorized | Class::Forbidden | Class::InvalidRequest))
}

fn failure(subject: &Subject, question: Question, reply: &Reply, form: Form) -> Option<Failure> {
    match reply.heard {
        Heard::Unasked => return Some(Failure::Unsendable("its address or a header is not one")),
        Heard::Silent => return Some(Failure::Silent(Deadline::FirstContent)),
        Heard::Reset => return Some(Failure::Reset),
        Heard::Garbled => return Some(Failure::BadHttp("the answer is not HTTP")),
        Heard::Stalled => return Some(Failure::Stalled),
        Heard::Cut => return Some(Failure::Cut { clean: false }),
        Heard::Answer => {}
    }
    let status = reply.status?;
    let kind = content_type(reply);
    if !(200..300).contains(&status) {
        let body = if reply.whole { reply.body.as_ref() } else { &[] };
        let said = codec::read_rejection(subject.dialect, status, kind, body, Hints::default());
        return Some(Failure::Rejected(Box::new(said)));
    }
    if form != Form::Json {
        return Some(Failure::WrongContent(kind.unwrap_or_default().to_owned()));
    }
    match question {
        Question::Open | Question::Models => None,
        Question::Whole => match codec::read_whole(subject.dialect, &reply.body) {
            Ok(whole) if whole.empty && whole.finish != Some(Finish::Length) => {
                Some(Failure::Empty)
            }
            Ok(_) => None,
            Err(NotWhole::Malformed(what)) => Some(Failure::Malformed(what)),
            Err(NotWhole::Rejected(said)) => Some(Failure::Rejected(said)),
        },
        Question::Streamed => streamed(subject, &reply.body),
    }
}

/// What went wrong in a stream that came to its end.
fn streamed(subject: &Subject, body: &Bytes) -> Option<Failure> {
    let mut frames = Vec::new();
    if Decoder::new(subject.dialect, 1).feed(body.clone(), &mut frames).is_err() {
        return Some(Failure::Malformed("a frame is too long"));
    }
    // So few tokens may all go into reasoning that is not shown.
    let (mut content, mut finished) = (false, false);
    for event in frames.into_iter().flat_map(|frame| frame.events) {
        match event {
            Event::Delta(..) | Event::Progress => content = true,
            Event::Finish(finish, _) => {
                content |= finish == Finish::Length;
                finished = true;
            }
            Event::End => finished = true,
            Event::Fail(said) => return Some(Failure::Rejected(said)),
            Event::Malformed(what) => return Some(Failure::Malformed(what)),
            Event::Ping
            | Event::Start(_)
            | Event::Open(..)
            | Event::Close(_)
            | Event::Usage(_)
            | Event::Repeated(_)
            | Event::Noise(_)
            | Event::Aside(_) => {}
        }
    }
    match (content, finished) {
        (true, true) => None,
        (false, true) => Some(Failure::Empty),
        (_, false) => Some(Failure::Cut { clean: true }),
    }
}

fn content_type(reply: &Reply) -> Option<&str> {
    reply.headers.get("content-type")?.to_str().ok()
}

/// What a body is, by what is in it.
fn form(reply: &Reply) -> Form {
    let body = reply.body.trim_ascii();
    if body.is_empty() {
        return Form::None;
    }
    let begins = |tag: &[u8]| body.get(..tag.len()).is_some_and(|it| it.eq_ignore_ascii_case(tag));
    if begins(b"<!doctype html") || begins(b"<html") {
        return Form::Html;
    }
    let kind = content_type(reply).unwrap_or_default().to_ascii_lowercase();
    let json = if reply.whole {
        serde_json::from_slice::<IgnoredAny>(body).is_ok() || is_stream_of_json(body)
    } else {
        // The rest was left unread, or never came.
        (kind.contains("json") && (begins(b"{") || begins(b"[")))
            || kind.contains("event-stream") && (begins(b"data:") || begins(b"event:"))
    };
    if json {
        Form::Json
    } else if kind.contains("html") {
        Form::Html
    } else {
        Form::Other
    }
}

/// Server-sent events whose data are documents, but for an end marker.
fn is_stream_of_json(body: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(body) else { return false };
    let mut data =
        text.lines().filter_map(|line| line.strip_prefix("data:")).map(str::trim).peekable();
    let is_json = |data: &str| data == "[DONE]" || serde_json::from_str::<IgnoredAny>(data).is_ok();
    data.peek().is_some() && data.all(is_json)
}

/// Who spoke in the provider's place.
fn mark(reply: &Reply, form: Form) -> Option<&'static str> {
    let header = |name: &str| reply.headers.get(name).and_then(|it| it.to_str().ok());
    if header("cf-mitigated").is_some_and(|it| it.contains("challenge")) {
        return Some("challenge");
    }
    let status = reply.status?;
    if status == 511 {
        return Some("portal"); // RFC 6585 §6.
    }
    if form != Form::Html {
        return None;
    }
    let page = reply.body.get(..PAGE_BYTES_MAX).unwrap_or(&reply.body);
    let page = String::from_utf8_lossy(page).to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| page.contains(word));
    if has(&["just a moment...", "/cdn-cgi/challenge-platform", "cf-chl-"]) {
        return Some("challenge");
    }
    // 520 to 527 and 530 are Cloudflare's own (<https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors/>).
    let theirs = header("server").is_some_and(|it| it.eq_ignore_ascii_case("cloudflare"));
    if matches!(status, 520..=527 | 530) && (theirs || has(&["cloudflare"]))
        || has(&["cf-error-details", "cloudflare ray id"])
    {
        return Some("cloudflare");
    }
    let login = has(&["<form", "http-equiv=\"refresh\"", "window.location"])
        && has(&[
            "login",
            "log in",
            "sign in",
            "password",
            "wi-fi",
            "wifi",
            "hotspot",
            "captive",
            "voucher",
            "terms of use",
        ]);
    login.then_some("portal")
}
