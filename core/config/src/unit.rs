//! Durations and sizes as people write them: `10s`, `1m30s`, `32MiB`.

use std::time::Duration;

/// Reads a duration, or says how to write it.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let mut total: u64 = 0;
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err("write a number and its unit: \"10s\"".to_owned());
    }
    while !rest.is_empty() {
        let (number, after) = digits(rest).ok_or_else(|| duration_hint(text))?;
        let (unit, after) = word(after);
        let scale = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return Err(duration_hint(text)),
        };
        let part = number.checked_mul(scale).ok_or_else(|| duration_hint(text))?;
        total = total.checked_add(part).ok_or_else(|| duration_hint(text))?;
        rest = after;
    }
    Ok(Duration::from_millis(total))
}

/// Writes a duration so that [`duration`] reads it back, to the millisecond.
pub(crate) fn show_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    for (scale, unit) in [(3_600_000, "h"), (60_000, "m"), (1_000, "s")] {
        if millis > 0 && millis.is_multiple_of(scale) {
            return format!("{}{unit}", millis / scale);
        }
    }
    format!("{millis}ms")
}

/// Reads a size in bytes, or says how to write it.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    let hint = || "write a whole number and its unit: B, KiB, MiB, GiB, KB, MB or GB".to_owned();
    let (number, unit) = digits(text.trim()).ok_or_else(hint)?;
    let scale: u64 = match unit.trim() {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "" => return Err(format!("say which unit: \"{number}MiB\" or \"{number}B\"")),
        _ => return Err(hint()),
    };
    number.checked_mul(scale).ok_or_else(hint)
}

/// Writes a size so that [`size`] reads it back.
pub(crate) fn show_size(bytes: u64) -> String {
    for (shift, unit) in [(30, "GiB"), (20, "MiB"), (10, "KiB")] {
        if bytes > 0 && bytes.trailing_zeros() >= shift {
            return format!("{}{unit}", bytes >> shift);
        }
    }
    format!("{bytes}B")
}

fn duration_hint(text: &str) -> String {
    match digits(text.trim()) {
        Some((number, "")) => format!("say which unit: \"{number}s\" or \"{number}ms\""),
        Some(_) | None => {
            "write whole numbers with ms, s, m or h: \"500ms\", \"10s\", \"1m30s\"".to_owned()
        }
    }
}

fn digits(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at_checked(end)?;
    Some((number.parse().ok()?, rest))
}

fn word(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

#[cfg(test)]
mod tests {
    use super::{duration, show_duration, show_size, size};
    use proptest::prelude::{any, proptest};
    use std::time::Duration;

    #[test]
    fn durations() {
        for (text, millis) in [
            ("0s", 0),
            ("500ms", 500),
            ("10s", 10_000),
            ("2m", 120_000),
            ("1h", 3_600_000),
            ("1m30s", 90_000),
            (" 5s ", 5_000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "s", "10 s", "1.5s", "-1s", "10S", "10sec", "1d", "99999999999999999h"] {
            assert!(duration(text).is_err(), "{text}");
        }
        assert_eq!(duration("10"), Err("say which unit: \"10s\" or \"10ms\"".to_owned()));
    }

    #[test]
    fn sizes() {
        for (text, bytes) in
            [("0B", 0), ("1B", 1), ("32MiB", 32 << 20), ("2 GiB", 2 << 30), ("5MB", 5_000_000)]
        {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "MiB", "1.5MiB", "32", "32mib", "99999999999999999999GiB", "-1B"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_back(millis in 0..u64::from(u32::MAX), bytes in any::<u64>()) {
            let time = Duration::from_millis(millis);
            assert_eq!(duration(&show_duration(time)), Ok(time));
            assert_eq!(size(&show_size(bytes)), Ok(bytes));
        }
    }
}
