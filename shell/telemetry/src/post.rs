//! One request to a collector, and what its answer means (<https://opentelemetry.io/docs/specs/otlp/#otlphttp>).

use crate::Pace;
use bytes::Bytes;
use config::Telemetry;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header};
use secrecy::ExposeSecret;
use serde::Deserialize;
use std::time::{Duration, UNIX_EPOCH};
use tokio::time::timeout;
use transport::{Clock, Payload, Upstream};

/// The way to one path of a collector.
#[derive(Debug)]
pub(crate) struct Post {
    upstream: Upstream,
    uri: Option<Uri>,
    headers: HeaderMap,
    clock: Clock,
    limit: Duration,
}

/// What became of an export.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    /// It is there, or what of it the collector did not want.
    Taken(Option<String>),
    /// It can be sent again: why, and when at the earliest.
    Again(String, Option<Duration>),
    /// It is of no use to send it again.
    Refused(String),
}

/// The largest answer that is read.
const ANSWER_MAX: usize = 64 << 10;
/// The longest text of a collector that is shown.
const SHOWN_MAX: usize = 200;
/// The longest wait that a collector may ask for.
const WAIT_MAX: Duration = Duration::from_mins(5);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Said {
    #[serde(default)]
    partial_success: Partial,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Partial {
    error_message: String,
    rejected_spans: Number,
    rejected_data_points: Number,
}

/// A 64-bit number as the mapping writes it, or as people do.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Number {
    Digits(String),
    Number(u64),
}

// === impl Post ===

impl Post {
    /// To this signal's path.
    pub(crate) fn new(
        telemetry: &Telemetry,
        path: &str,
        (upstream, clock, pace): (&Upstream, Clock, Pace),
    ) -> Self {
        let base = &telemetry.otlp;
        let uri = Uri::builder()
            .scheme(if base.https { "https" } else { "http" })
            .authority(base.authority())
            .path_and_query(format!("{}/{path}", base.path))
            .build();
        let headers = headers(telemetry);
        Self { upstream: upstream.clone(), uri: uri.ok(), headers, clock, limit: pace.answer }
    }

    pub(crate) async fn send(&self, body: Bytes) -> Outcome {
        let Some(uri) = self.uri.clone() else {
            return Outcome::Refused("its address is none".to_owned());
        };
        let mut request = Request::new(Payload::from(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri;
        *request.headers_mut() = self.headers.clone();
        let answer = match timeout(self.limit, self.upstream.send(request)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(failure)) => return Outcome::Again(format!("{failure:?}"), None),
            Err(_) => return Outcome::Again(format!("no answer within {:?}", self.limit), None),
        };
        let status = answer.status;
        let after = answer.headers.get(header::RETRY_AFTER).and_then(|it| it.to_str().ok());
        let after = after.and_then(|text| wait(text, self.clock.unix_ms()));
        // What was taken is taken, whatever becomes of the rest of the answer.
        let body = timeout(self.limit, answer.read(ANSWER_MAX)).await.ok().flatten();
        outcome(status, after, &body.unwrap_or_default())
    }
}

fn headers(telemetry: &Telemetry) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let agent = concat!("backstop-otlp/", env!("CARGO_PKG_VERSION"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static(agent));
    for (name, value) in &telemetry.headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        // The configuration refused what does not fit.
        if let (Ok(name), Ok(mut value)) = (name, HeaderValue::from_str(value.expose_secret())) {
            value.set_sensitive(true);
            headers.insert(name, value);
        }
    }
    headers
}

fn outcome(status: u16, after: Option<Duration>, body: &[u8]) -> Outcome {
    match status {
        200..=299 => Outcome::Taken(partial(body)),
        429 | 502 | 503 | 504 => Outcome::Again(format!("HTTP status {status}"), after),
        _ => Outcome::Refused(format!("HTTP status {status}")),
    }
}

/// What a collector that took it says against a part of it. An answer that nobody can read says nothing.
fn partial(body: &[u8]) -> Option<String> {
    let Partial { error_message, rejected_spans, rejected_data_points } =
        serde_json::from_slice::<Said>(body).ok()?.partial_success;
    let rejected = rejected_spans.value().saturating_add(rejected_data_points.value());
    if rejected == 0 && error_message.is_empty() {
        return None;
    }
    let shown: String = error_message.chars().take(SHOWN_MAX).collect();
    Some(format!("{rejected} rejected: {shown:?}"))
}

/// `Retry-After`, as seconds or as a date.
fn wait(text: &str, now_unix_ms: u64) -> Option<Duration> {
    let seconds = text.trim().parse().ok().map(Duration::from_secs);
    let wait = seconds.or_else(|| {
        let now = UNIX_EPOCH + Duration::from_millis(now_unix_ms);
        let date = httpdate::parse_http_date(text.trim()).ok()?;
        Some(date.duration_since(now).unwrap_or_default())
    });
    wait.map(|wait| wait.min(WAIT_MAX))
}

// === impl Number ===

impl Number {
    fn value(&self) -> u64 {
        match self {
            Self::Digits(text) => text.parse().unwrap_or(0),
            Self::Number(number) => *number,
        }
    }
}

impl Default for Number {
    fn default() -> Self {
        Self::Number(0)
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, Outcome, outcome, wait};

    #[track_caller]
    fn check(status: u16, body: &str, expect: &Outcome) {
        assert_eq!(outcome(status, Some(Duration::from_secs(3)), body.as_bytes()), *expect);
    }

    #[test]
    fn an_answer_means_what_the_specification_says() {
        for body in ["", "{}", "{\"partialSuccess\":{}}", "garbage", "[1]", "\u{0}"] {
            check(200, body, &Outcome::Taken(None));
        }
        for status in [429, 502, 503, 504] {
            let why = format!("HTTP status {status}");
            check(status, "x", &Outcome::Again(why, Some(Duration::from_secs(3))));
        }
        for status in [100, 301, 400, 401, 404, 413, 500, 501] {
            check(status, "x", &Outcome::Refused(format!("HTTP status {status}")));
        }
        check(
            200,
            "{\"partialSuccess\":{\"rejectedSpans\":\"2\",\"errorMessage\":\"too\\nold\"}}",
            &Outcome::Taken(Some("2 rejected: \"too\\nold\"".to_owned())),
        );
        check(
            202,
            "{\"partialSuccess\":{\"rejectedDataPoints\":1,\"more\":[]}}",
            &Outcome::Taken(Some("1 rejected: \"\"".to_owned())),
        );
    }

    #[test]
    fn a_wait_is_seconds_or_a_date_and_has_an_end() {
        let now = 784_111_777_000;
        assert_eq!(wait("7", now), Some(Duration::from_secs(7)));
        assert_eq!(wait("99999", now), Some(Duration::from_mins(5)));
        assert_eq!(wait("Sun, 06 Nov 1994 08:49:40 GMT", now), Some(Duration::from_secs(3)));
        assert_eq!(wait("Sun, 06 Nov 1994 08:49:00 GMT", now), Some(Duration::ZERO));
        assert_eq!(wait("soon", now), None);
        assert_eq!(wait("-1", now), None);
    }
}
