//! Times as pages write them, and what is too old or too new to say anything about now.
//!
//! **Staleness.** A page that lists what is so now may rest unchanged for weeks: nothing happened. But
//! a page of a provider on which nothing at all changed for half a year was left behind when the
//! provider moved (`STALE`). The same goes for a log of incidents: its newest entry is its only sign
//! of life. A page that says no time is not judged by it. A page that claims to have been changed more
//! than a day from now (`AHEAD`) is wrong, or our clock is; either way it says nothing.

use std::time::{Duration, UNIX_EPOCH};

use super::why::Why;

/// How old the newest change may be.
pub(super) const STALE: Duration = Duration::from_hours(180 * 24);
/// How far ahead of our clock it may be.
const AHEAD: Duration = Duration::from_hours(24);

/// RFC 3339 with any offset, in milliseconds since the Unix epoch; absent where it is none, or before
/// the epoch.
pub(super) fn parse(text: &str) -> Option<u64> {
    let text = text.trim();
    if !text.is_ascii() || 40 < text.len() {
        return None;
    }
    let (local, offset_ms) = match text.strip_suffix(['Z', 'z']) {
        Some(local) => (local, 0),
        None => split_offset(text)?,
    };
    let at = humantime::parse_rfc3339_weak(local).ok()?.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(at.as_millis()).ok()?.checked_sub(offset_ms)?.try_into().ok()
}

/// The local time, and how far it is ahead of UTC.
fn split_offset(text: &str) -> Option<(&str, i64)> {
    let at = text.len().checked_sub("+00:00".len())?;
    let (local, offset) = text.split_at_checked(at)?;
    let (sign, clock) = match offset.split_at_checked(1)? {
        ("+", clock) => (1, clock),
        ("-", clock) => (-1, clock),
        _ => return None,
    };
    let (hours, minutes) = clock.split_once(':')?;
    let minutes = hours.parse::<u32>().ok()? * 60 + minutes.parse::<u32>().ok()?;
    Some((local, sign * i64::from(minutes) * 60_000))
}

/// Whether a page whose newest change was then says anything about now.
pub(super) fn judge(newest: Option<u64>, now: u64) -> Result<(), Why> {
    let Some(newest) = newest else { return Ok(()) };
    if now.saturating_add(ms(AHEAD)) < newest {
        return Err(Why::Future);
    }
    let old = now.saturating_sub(newest);
    if ms(STALE) < old { Err(Why::Stale(old / ms(Duration::from_hours(24)))) } else { Ok(()) }
}

/// A beginning cannot lie ahead: what does is taken to begin now.
pub(super) fn begun(at: Option<u64>, now: u64) -> Option<u64> {
    at.map(|at| at.min(now))
}

/// Whole milliseconds.
pub(super) fn ms(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{judge, parse};

    #[test]
    fn moments_are_read_with_their_offset() {
        let check = |text: &str, expect: Option<u64>| assert_eq!(parse(text), expect, "{text}");
        check("1970-01-01T00:00:01Z", Some(1_000));
        check("1970-01-01T00:00:01.250Z", Some(1_250));
        check("1970-01-01T01:00:01+01:00", Some(1_000));
        check("1969-12-31T17:00:01.000-07:00", None);
        check("1970-01-01T00:00:00-07:00", Some(25_200_000));
        check("1970-01-01T00:00:00+07:00", None);
        check("2026-09-03 13:26:00Z", Some(1_788_441_960_000));
        check("2026-09-03", None);
        check("yesterday", None);
        check("", None);
        check("+00:00", None);
        check("2026-09-03T13:26:00+99:999999999999", None);
    }

    #[test]
    fn a_change_is_believed_from_half_a_year_ago_until_tomorrow() {
        let now = 1_788_441_960_000;
        let day = 86_400_000;
        let check = |newest: Option<u64>, expect: bool| {
            assert_eq!(judge(newest, now).is_ok(), expect, "{newest:?}");
        };
        check(None, true);
        check(Some(now), true);
        check(Some(now + day), true);
        check(Some(now + day + 1), false);
        check(Some(now - 180 * day), true);
        check(Some(now - 180 * day - 1), false);
        check(Some(0), false);
        check(Some(u64::MAX), false);
    }
}
