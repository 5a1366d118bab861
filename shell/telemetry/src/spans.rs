//! A settled request as spans: one for the request, below it one per attempt.
//!
//! **Invariants:** a request always gives the same spans: their names are made of its id. A span ends
//! no earlier than it began, and an attempt no earlier than its request began.

use crate::directory::{Directory, Whom};
use crate::names;
use crate::wire::{AnyValue, ERROR, KeyValue, Kind, Span, Status};
use ir::{AttemptRecord, Ending, Record, Shape, SpanId, Usage};
use std::time::Duration;

/// The flag of a trace that is kept, and those that say where a parent is (`SpanFlags` in OTLP).
const SAMPLED: u32 = 1;
const PARENT_IS_KNOWN: u32 = 0x100;
const PARENT_IS_REMOTE: u32 = 0x200;
const NANOS_PER_MS: u64 = 1_000_000;

/// Attributes in the making.
struct Attributes(Vec<KeyValue>);

/// The spans of a request.
pub(crate) fn spans(record: &Record, directory: &Directory) -> Vec<Span> {
    let own = name_of(record);
    let attempts = record.attempts.iter().enumerate();
    let attempts = attempts.map(|(at, attempt)| of_attempt(record, own, (at, attempt), directory));
    std::iter::once(of_request(record, own, directory)).chain(attempts).collect()
}

/// What is wrong with a request, in a word of a short list; `None` where nothing is.
pub(crate) fn fault(record: &Record) -> Option<&'static str> {
    match record.ending {
        Ending::Answered | Ending::Abandoned => None,
        Ending::Rejected | Ending::Failed | Ending::Broken => {
            let class = record.attempts.iter().rev().find_map(fault_of);
            Some(class.or(record.code).unwrap_or_else(|| record.ending.word()))
        }
    }
}

/// The class word of a failed attempt. One that lost, or whose caller left, did not fail.
pub(crate) fn fault_of(attempt: &AttemptRecord) -> Option<&'static str> {
    (!matches!(attempt.outcome, "ok" | "lost" | "abandoned")).then_some(attempt.outcome)
}

fn of_request(record: &Record, own: SpanId, directory: &Directory) -> Span {
    let mut attributes = Attributes::of(record);
    attributes.add(names::REQUEST_MODEL, known(&record.model));
    if let Some(target) = record.target.as_deref() {
        let whom = directory.find(target);
        attributes.add(names::PROVIDER, Some(whom.provider()));
        attributes.add(names::RESPONSE_MODEL, Some(whom.model));
    }
    attributes.usage(&record.usage);
    attributes.first_chunk(record, record.first_content_ms);
    attributes.add(names::STATUS_CODE, (record.status != 0).then_some(u64::from(record.status)));
    attributes.add(names::ERROR_TYPE, fault(record));
    attributes.add(names::REQUEST_ID, Some(record.id.as_str()));
    attributes.add(names::ENDING, Some(record.ending.word()));
    attributes.add(names::DIALECT, Some(record.dialect.name()));
    attributes.add(names::PRINCIPAL, record.principal.as_deref());
    attributes.add(names::TARGET, record.target.as_deref());
    attributes.add(names::TRAIL, known(&trail(record)));
    attributes.add(names::CODE, record.code);
    attributes.add(names::BLAME, record.blame);
    attributes.add(names::HOLD, hold(record));
    attributes.add(names::LOSS, Some(record.losses.as_slice()).filter(|it| !it.is_empty()));
    // What the caller got wrong is no error of the server's (HTTP conventions, 4xx).
    let broken = matches!(record.ending, Ending::Failed | Ending::Broken);
    let remote = if record.trace.parent.is_some() { PARENT_IS_REMOTE } else { 0 };
    Span {
        trace_id: record.trace.id,
        span_id: own,
        trace_state: record.trace.state.as_deref().map(str::to_owned),
        parent_span_id: record.trace.parent,
        flags: SAMPLED | PARENT_IS_KNOWN | remote,
        name: title(record, &record.model),
        kind: Kind::Server,
        start_time_unix_nano: nanos(record.at_unix_ms),
        end_time_unix_nano: nanos(record.at_unix_ms.saturating_add(record.total_ms)),
        attributes: attributes.0,
        status: Status { code: broken.then_some(ERROR) },
    }
}

fn of_attempt(
    record: &Record,
    parent: SpanId,
    (at, attempt): (usize, &AttemptRecord),
    directory: &Directory,
) -> Span {
    let whom = directory.find(&attempt.target);
    let mut attributes = Attributes::of(record);
    attributes.whom(&whom);
    attributes.usage(&attempt.usage);
    attributes.first_chunk(record, attempt.first_content_ms);
    attributes.add(names::STATUS_CODE, attempt.status.map(u64::from));
    attributes.add(names::ERROR_TYPE, fault_of(attempt));
    attributes.add(names::TARGET, Some(&*attempt.target));
    let number = u64::try_from(at).unwrap_or(u64::MAX).saturating_add(1);
    attributes.add(names::ATTEMPT, Some(number));
    attributes.add(names::OUTCOME, Some(attempt.outcome));
    attributes.add(names::BLAME, attempt.blame);
    attributes.add(names::CREDENTIAL, u64::try_from(attempt.credential).ok());
    attributes.add(names::REPAIR, attempt.repair.as_deref());
    attributes.add(names::UPSTREAM_ID, attempt.upstream_id.as_deref());
    attributes.add(names::AMBIGUOUS, attempt.ambiguous_billing.then_some(true));
    let began = record.at_unix_ms.saturating_add(attempt.began_ms);
    Span {
        trace_id: record.trace.id,
        span_id: below(parent, number),
        trace_state: record.trace.state.as_deref().map(str::to_owned),
        parent_span_id: Some(parent),
        flags: SAMPLED | PARENT_IS_KNOWN,
        name: title(record, whom.model),
        kind: Kind::Client,
        start_time_unix_nano: nanos(began),
        end_time_unix_nano: nanos(began.saturating_add(attempt.lasted_ms)),
        attributes: attributes.0,
        status: Status { code: fault_of(attempt).map(|_| ERROR) },
    }
}

/// `chat gpt-5.4`.
fn title(record: &Record, model: &str) -> String {
    let operation = names::operation(record.counts);
    if model.is_empty() { operation.to_owned() } else { format!("{operation} {model}") }
}

/// The name of a request's span: the later half of the digits of its id.
fn name_of(record: &Record) -> SpanId {
    let digits = record.id.rsplit('_').next().unwrap_or_default();
    let digits = u128::from_str_radix(digits, 16).ok();
    let half = digits.and_then(|it| u64::try_from(it & u128::from(u64::MAX)).ok());
    let named = half.unwrap_or_else(|| record.id.bytes().fold(0, |sum, it| mixed(sum, it.into())));
    SpanId(named.max(1))
}

/// The name of a part of a span.
fn below(parent: SpanId, number: u64) -> SpanId {
    SpanId(mixed(parent.0, number).max(1))
}

/// `SplitMix64` (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
fn mixed(seed: u64, step: u64) -> u64 {
    let mut bits = seed.wrapping_add(step.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

fn trail(record: &Record) -> String {
    let skipped = record.skipped.iter().map(|(target, why)| format!("{target}={why}"));
    let tried = record.attempts.iter().map(AttemptRecord::trail);
    skipped.chain(tried).collect::<Vec<_>>().join(",")
}

/// How long something was held back, in seconds.
fn hold(record: &Record) -> Option<f64> {
    record.target.as_ref()?;
    Some(Duration::from_millis(record.held_ms).as_secs_f64())
}

fn known(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn nanos(ms: u64) -> u64 {
    ms.saturating_mul(NANOS_PER_MS)
}

// === impl Attributes ===

impl Attributes {
    fn of(record: &Record) -> Self {
        let mut attributes = Self(Vec::with_capacity(24));
        attributes.add(names::OPERATION, Some(names::operation(record.counts)));
        attributes.add(names::REQUEST_STREAM, (record.shape == Shape::Stream).then_some(true));
        attributes
    }

    /// Adds one, where it is known.
    fn add(&mut self, key: &'static str, value: Option<impl Into<AnyValue>>) {
        self.0.extend(value.map(|value| KeyValue::new(key, value)));
    }

    fn whom(&mut self, whom: &Whom<'_>) {
        self.add(names::PROVIDER, Some(whom.provider()));
        self.add(names::REQUEST_MODEL, known(whom.model));
        self.add(names::SERVER_ADDRESS, whom.peer.map(|peer| &*peer.host));
        self.add(names::SERVER_PORT, whom.peer.map(|peer| u64::from(peer.port)));
    }

    fn first_chunk(&mut self, record: &Record, ms: Option<u64>) {
        let streamed = ms.filter(|_| record.shape == Shape::Stream);
        self.add(names::FIRST_CHUNK, streamed.map(|ms| Duration::from_millis(ms).as_secs_f64()));
    }

    /// Input tokens include cached ones here; in a record they do not.
    fn usage(&mut self, usage: &Usage) {
        let (tokens, source) = match usage {
            Usage::Unknown => return,
            Usage::Estimated(tokens) => (tokens, "estimated"),
            Usage::Exact(tokens) => (tokens, "exact"),
        };
        let input = tokens.input.saturating_add(tokens.cache_read);
        let some = |count: u64| (count != 0).then_some(count);
        self.add(names::INPUT_TOKENS, Some(input.saturating_add(tokens.cache_write)));
        self.add(names::OUTPUT_TOKENS, Some(tokens.output));
        self.add(names::CACHE_READ_TOKENS, some(tokens.cache_read));
        self.add(names::CACHE_WRITE_TOKENS, some(tokens.cache_write));
        self.add(names::REASONING_TOKENS, some(tokens.reasoning));
        self.add(names::USAGE_SOURCE, Some(source));
    }
}
