//! What is asked of the provider over HTTP, each over a connection of its own, its phases timed.
//!
//! **Invariants:** a key is sent only over TLS whose certificate is trusted, or where the operator
//! wrote `http`; answers of models are asked for once and never again; of no body more than
//! [`BODY_BYTES_MAX`] is read.

mod exchange;
mod open;
mod said;
mod tunnel;
mod words;

pub(crate) use exchange::{Reply, Request, exchange};
pub(crate) use tunnel::knock as knock_at_proxy;

use crate::measure::Scene;
use crate::wire;
use ::http::{HeaderMap, HeaderValue, Method};
use bytes::Bytes;
use ir::Dialect;
use ir::evidence::{Asked, Heard, Question};
use open::Wire;
use secrecy::ExposeSecret as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// No body is read beyond this.
const BODY_BYTES_MAX: usize = 64 << 10;
/// A free question that fails is asked this many times.
const TIMES_MAX: u32 = 3;
/// One that took longer than this is not asked again: there is no time for it.
const QUICK: Duration = Duration::from_millis(1_500);

/// What came of a question, and how much our clock was ahead of the answer's date, in ms.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) asked: Asked,
    pub(crate) ahead_ms: Option<i64>,
}

/// Asks. A free question that the provider fails is asked again, to tell a moment from a state: what
/// came most often is told.
pub(crate) async fn ask(scene: &Arc<Scene>, question: Question) -> Outcome {
    let began = Instant::now();
    let mut first = once(scene, question).await;
    first.asked.times = 1;
    if !is_worth_repeating(question, &first.asked) || QUICK < began.elapsed() {
        return first;
    }
    let mut other: Option<Outcome> = None;
    for _ in 1..TIMES_MAX {
        let again = once(scene, question).await;
        if is_same(&first.asked, &again.asked) {
            first.asked.times += 1;
        } else if let Some(other) = other.as_mut().filter(|it| is_same(&it.asked, &again.asked)) {
            other.asked.times += 1;
        } else {
            other.get_or_insert(again).asked.times = 1;
        }
        if QUICK < began.elapsed() {
            break;
        }
    }
    match other {
        Some(other) if first.asked.times < other.asked.times => other,
        Some(_) | None => first,
    }
}

/// Asks once.
pub(crate) async fn once(scene: &Arc<Scene>, question: Question) -> Outcome {
    let began = Instant::now();
    let mut outcome = Outcome::default();
    outcome.asked.proxied = scene.subject.proxy.is_some();
    let opening = open::open(scene, &mut outcome.asked);
    let opened = match timeout_at(scene.until(Duration::MAX), opening).await {
        Ok(opened) => opened,
        Err(_) => Err(open::late(&outcome.asked)),
    };
    match opened {
        Ok(wire) => {
            let request = request(scene, question);
            let until = match question {
                Question::Open | Question::Models => scene.until(scene.ground.limits.http),
                Question::Whole | Question::Streamed => scene.until(Duration::MAX),
            };
            let speaks_h2 = wire.speaks_h2();
            let clock = scene.ground.clock;
            let reply = match wire {
                Wire::Plain(stream) => {
                    Box::pin(exchange(stream, speaks_h2, request, (clock, until))).await
                }
                Wire::Tls(stream) => {
                    Box::pin(exchange(stream, speaks_h2, request, (clock, until))).await
                }
            };
            outcome.ahead_ms = reply.ahead_ms;
            said::note(&scene.subject, question, &reply, &mut outcome.asked);
            said::hints(&reply, clock.unix_ms(), &mut outcome.asked);
        }
        Err(failure) => {
            outcome.asked.heard = Heard::Unasked;
            policy::classify(&failure, &[]).word().clone_into(&mut outcome.asked.class);
        }
    }
    outcome.asked.took_ms = wire::ms(began.elapsed());
    outcome
}

fn is_worth_repeating(question: Question, asked: &Asked) -> bool {
    let free = match question {
        Question::Open | Question::Models => true,
        Question::Whole | Question::Streamed => false,
    };
    let theirs = match asked.heard {
        Heard::Answer => asked.status.is_some_and(|status| 500 <= status),
        Heard::Reset | Heard::Cut | Heard::Garbled => true,
        Heard::Unasked | Heard::Silent | Heard::Stalled => false,
    };
    free && theirs
}

fn is_same(one: &Asked, other: &Asked) -> bool {
    one.heard == other.heard && one.status == other.status && one.class == other.class
}

/// The request of a question, as the gateway would write it.
fn request(scene: &Scene, question: Question) -> Request {
    let subject = &scene.subject;
    let mut headers = HeaderMap::new();
    headers.insert("accept", HeaderValue::from_static("application/json"));
    headers.insert("user-agent", HeaderValue::from_static("backstop-doctor"));
    if subject.dialect == Dialect::Messages {
        headers.insert("anthropic-version", HeaderValue::from_static("2023-06-01"));
    }
    for (name, value) in &subject.headers {
        headers.insert(name.clone(), value.clone());
    }
    let keyed = question != Question::Open;
    if let Some(header) = subject.header.as_ref().filter(|_| keyed)
        && let Ok(mut value) = HeaderValue::from_str(header.value.expose_secret())
    {
        value.set_sensitive(true);
        headers.insert(header.name.clone(), value);
    }
    let written = match question {
        Question::Open | Question::Models => None,
        Question::Whole => words::completion(subject, false),
        Question::Streamed => words::completion(subject, true),
    };
    let (method, path) = if written.is_some() {
        headers.insert("content-type", HeaderValue::from_static("application/json"));
        (Method::POST, subject.dialect.path())
    } else {
        (Method::GET, "/models")
    };
    Request {
        method,
        tls: subject.base.tls,
        authority: subject.base.authority(),
        path: format!("{}{path}", subject.base.path),
        headers,
        body: written.map(Bytes::from).unwrap_or_default(),
        body_max: BODY_BYTES_MAX,
    }
}

#[cfg(test)]
mod tests;
