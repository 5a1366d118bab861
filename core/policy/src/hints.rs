//! What a provider asks of whoever retries, read from its response headers.
//!
//! Both forms of `Retry-After`, `retry-after-ms`, `x-should-retry`, and the reset headers of `OpenAI`
//! (`x-ratelimit-reset-requests: 6m0s`) and Anthropic (`anthropic-ratelimit-requests-reset`, RFC 3339).
//! A value that cannot be read is no value: never zero, never a year.

use ir::Hints;
use std::time::{Duration, SystemTime};

/// Longer waits are not believed.
const WAIT_MAX: Duration = Duration::from_hours(24);

/// Reads the hints. `headers` are name (lower case) and value; `now_unix_ms` is the wall clock.
pub fn read<'a>(headers: impl Iterator<Item = (&'a str, &'a str)>, now_unix_ms: u64) -> Hints {
    let now = SystemTime::UNIX_EPOCH + Duration::from_millis(now_unix_ms);
    let mut hints = Hints::default();
    let (mut ms, mut seconds) = (None, None);
    let mut limits = Limits::default();
    for (name, value) in headers {
        let value = value.trim();
        match name {
            "retry-after-ms" => ms = number(value).map(|ms| Duration::from_secs_f64(ms / 1000.0)),
            "retry-after" => seconds = after(value, now),
            "x-should-retry" => hints.should_retry = value.parse().ok(),
            _ => limits.note(name, value, now),
        }
    }
    hints.after = ms.or(seconds).filter(|wait| *wait <= WAIT_MAX);
    hints.reset = limits.reset().filter(|wait| *wait <= WAIT_MAX);
    hints
}

fn number(value: &str) -> Option<f64> {
    value.parse().ok().filter(|number: &f64| (0.0..=1e12).contains(number))
}

/// `Retry-After`: seconds, or an HTTP date.
fn after(value: &str, now: SystemTime) -> Option<Duration> {
    number(value).map(Duration::from_secs_f64).or_else(|| {
        let at = httpdate::parse_http_date(value).ok()?;
        Some(at.duration_since(now).unwrap_or(Duration::ZERO))
    })
}

/// The limit headers of one answer: several limits, of which perhaps one is exhausted.
#[derive(Debug, Default)]
struct Limits<'a> {
    resets: Vec<(&'a str, Duration)>,
    exhausted: Vec<&'a str>,
}

// === impl Limits ===

impl<'a> Limits<'a> {
    fn note(&mut self, name: &'a str, value: &str, now: SystemTime) {
        if let Some(rest) = name.strip_prefix("anthropic-ratelimit-") {
            if let Some(limit) = rest.strip_suffix("-reset") {
                let at = humantime::parse_rfc3339_weak(value).ok();
                let wait = at.map(|at| at.duration_since(now).unwrap_or(Duration::ZERO));
                self.resets.extend(wait.map(|wait| (limit, wait)));
            } else if let (Some(limit), "0") = (rest.strip_suffix("-remaining"), value) {
                self.exhausted.push(limit);
            }
        } else if let Some(limit) = name.strip_prefix("x-ratelimit-reset-") {
            let plain = || number(value).map(Duration::from_secs_f64);
            let wait = humantime::parse_duration(value).ok().or_else(plain);
            self.resets.extend(wait.map(|wait| (limit, wait)));
        } else if let (Some(limit), "0") = (name.strip_prefix("x-ratelimit-remaining-"), value) {
            self.exhausted.push(limit);
        }
    }

    /// When what is exhausted is there again; where nobody says what is, the latest reset.
    fn reset(&self) -> Option<Duration> {
        let counts = |limit: &&str| self.exhausted.is_empty() || self.exhausted.contains(limit);
        self.resets.iter().filter(|(limit, _)| counts(limit)).map(|(_, wait)| *wait).max()
    }
}

#[cfg(test)]
mod tests {
    use super::read;

    /// 2026-11-20T12:00:00Z.
    const NOW: u64 = 1_795_176_000_000;

    #[track_caller]
    fn check(headers: &[(&str, &str)], expect: &str) {
        let hints = read(headers.iter().copied(), NOW);
        let ms = |wait: Option<std::time::Duration>| {
            wait.map_or_else(|| "-".to_owned(), |wait| wait.as_millis().to_string())
        };
        let found = format!(
            "after {} reset {} retry {:?}",
            ms(hints.after),
            ms(hints.reset),
            hints.should_retry
        );
        assert_eq!(found, expect, "{headers:?}");
    }

    #[test]
    fn reads_every_form() {
        check(&[], "after - reset - retry None");
        check(&[("retry-after", "2")], "after 2000 reset - retry None");
        check(&[("retry-after", "1.5")], "after 1500 reset - retry None");
        check(&[("retry-after-ms", "50"), ("retry-after", "2")], "after 50 reset - retry None");
        check(&[("retry-after", "Fri, 20 Nov 2026 12:00:07 GMT")], "after 7000 reset - retry None");
        check(&[("retry-after", "Fri, 20 Nov 2020 12:00:07 GMT")], "after 0 reset - retry None");
        check(&[("x-should-retry", "false")], "after - reset - retry Some(false)");
        check(&[("x-should-retry", "maybe")], "after - reset - retry None");
        check(&[("x-ratelimit-reset-requests", "6m0s")], "after - reset 360000 retry None");
        check(&[("x-ratelimit-reset-tokens", "120ms")], "after - reset 120 retry None");
        check(
            &[("anthropic-ratelimit-tokens-reset", "2026-11-20T12:00:30Z")],
            "after - reset 30000 retry None",
        );
        check(
            &[("x-ratelimit-reset-tokens", "1s"), ("x-ratelimit-reset-requests", "3s")],
            "after - reset 3000 retry None",
        );
        check(
            &[
                ("anthropic-ratelimit-tokens-reset", "2026-11-20T12:00:30Z"),
                ("anthropic-ratelimit-tokens-remaining", "900"),
                ("anthropic-ratelimit-requests-reset", "2026-11-20T12:00:02Z"),
                ("anthropic-ratelimit-requests-remaining", "0"),
            ],
            "after - reset 2000 retry None",
        );
    }

    #[test]
    fn nonsense_is_no_value() {
        for value in ["", "soon", "-3", "NaN", "inf", "1e300", "99999999999", "0x10"] {
            check(&[("retry-after", value)], "after - reset - retry None");
            check(&[("retry-after-ms", value)], "after - reset - retry None");
        }
        check(&[("x-ratelimit-reset-requests", "never")], "after - reset - retry None");
        check(&[("anthropic-ratelimit-requests-reset", "soon")], "after - reset - retry None");
    }
}
