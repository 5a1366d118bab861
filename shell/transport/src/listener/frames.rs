//! Looks at the frames of an HTTP/2 caller before hyper does, and counts what costs us more than it.
//!
//! Frames that carry no request are cheap to send and not to take: PING and SETTINGS want an answer,
//! a reset throws work away (CVE-2023-44487, CVE-2025-8671), empty DATA and CONTINUATION keep us busy
//! (CVE-2019-9518, CVE-2024-27316). Each has its own name and the next one will have another, so all
//! of them draw on one allowance, which fills again with time.
//!
//! **Invariant:** whatever is split how over reads counts the same.
//!
//! Absent: what a frame means. That is hyper's.

use std::time::Duration;

use tokio::time::Instant;

/// What a connection may spend at once. It is full again after a second.
const ALLOWANCE: u32 = 10_000;
/// Of a frame that callers rarely send; honest ones stay below a hundred a second.
const RARE: u32 = 20;
/// Of a frame that comes with every piece of an answer, or with a request.
const USUAL: u32 = 1;
/// DATA that carries less is hardly worth its head.
const DATA_MIN: usize = 64;
/// What a client says first (RFC 9113 §3.4); it is no frame.
const PREFACE: usize = 24;
/// Length, type, flags, stream (RFC 9113 §4.1).
const HEAD: usize = 9;

/// The frames of one connection.
#[derive(Debug)]
pub(super) struct Frames {
    /// Bytes that are no head of a frame, and still to come.
    skip: usize,
    head: [u8; HEAD],
    /// Bytes of the head that came.
    length: usize,
    left: u32,
    filled: Instant,
}

// === impl Frames ===

impl Frames {
    pub(super) fn new(now: Instant) -> Self {
        Self { skip: PREFACE, head: [0; HEAD], length: 0, left: ALLOWANCE, filled: now }
    }

    /// Takes the next bytes. False: that was too much.
    pub(super) fn feed(&mut self, mut bytes: &[u8], now: Instant) -> bool {
        self.fill(now);
        while !bytes.is_empty() {
            let passed = self.skip.min(bytes.len());
            self.skip -= passed;
            bytes = bytes.get(passed..).unwrap_or_default();
            let wanted = (HEAD - self.length).min(bytes.len());
            let (more, rest) = bytes.split_at(wanted);
            if let Some(free) = self.head.get_mut(self.length..self.length + wanted) {
                free.copy_from_slice(more);
            }
            self.length += wanted;
            bytes = rest;
            if self.length == HEAD {
                let [a, b, c, kind, flags, ..] = self.head;
                self.skip = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
                self.length = 0;
                let Some(left) = self.left.checked_sub(cost(kind, flags, self.skip)) else {
                    return false;
                };
                self.left = left;
            }
        }
        true
    }

    fn fill(&mut self, now: Instant) {
        let since = now.saturating_duration_since(self.filled).min(Duration::from_secs(1));
        let more = u32::try_from(since.as_millis()).unwrap_or(u32::MAX) * (ALLOWANCE / 1000);
        if more > 0 {
            self.left = (self.left + more).min(ALLOWANCE);
            self.filled = now;
        }
    }
}

/// What a frame draws on the allowance.
fn cost(kind: u8, flags: u8, length: usize) -> u32 {
    const DATA: u8 = 0;
    const HEADERS: u8 = 1;
    const WINDOW_UPDATE: u8 = 8;
    const END_STREAM: u8 = 1;
    let ends = flags & END_STREAM != 0;
    match kind {
        DATA if DATA_MIN <= length || ends => 0,
        DATA if length == 0 => RARE,
        DATA | HEADERS | WINDOW_UPDATE => USUAL,
        _ => RARE,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{ALLOWANCE, Frames, PREFACE, RARE};

    fn frame(kind: u8, flags: u8, length: u8) -> Vec<u8> {
        let mut frame = vec![0, 0, length, kind, flags, 0, 0, 0, 1];
        frame.extend(std::iter::repeat_n(0, usize::from(length)));
        frame
    }

    /// How many of these frames are let through at once.
    fn passed(frame: &[u8], pieces: usize) -> u32 {
        let now = Instant::now();
        let mut frames = Frames::new(now);
        assert!(frames.feed(&[7; PREFACE], now));
        let mut count = 0;
        while count < 2 * ALLOWANCE && frame.chunks(pieces).all(|it| frames.feed(it, now)) {
            count += 1;
        }
        count
    }

    #[test]
    fn what_carries_nothing_has_an_end() {
        let (all, endless) = (usize::MAX, 2 * ALLOWANCE);
        for (name, frame, expected) in [
            ("PING", frame(6, 0, 8), ALLOWANCE / RARE),
            ("SETTINGS", frame(4, 0, 6), ALLOWANCE / RARE),
            ("RST_STREAM", frame(3, 0, 4), ALLOWANCE / RARE),
            ("PRIORITY", frame(2, 0, 5), ALLOWANCE / RARE),
            ("CONTINUATION", frame(9, 0, 200), ALLOWANCE / RARE),
            ("unknown", frame(200, 0, 1), ALLOWANCE / RARE),
            ("empty DATA", frame(0, 0, 0), ALLOWANCE / RARE),
            ("small DATA", frame(0, 0, 1), ALLOWANCE),
            ("WINDOW_UPDATE", frame(8, 0, 4), ALLOWANCE),
            ("HEADERS", frame(1, 4, 100), ALLOWANCE),
            ("DATA", frame(0, 0, 64), endless),
            ("last DATA", frame(0, 1, 0), endless),
        ] {
            for pieces in [all, 1, 2, 7, 10] {
                assert_eq!(passed(&frame, pieces), expected, "{name} in pieces of {pieces}");
            }
        }
    }

    #[test]
    fn the_allowance_fills_again() {
        let start = Instant::now();
        let mut frames = Frames::new(start);
        let pings = frame(6, 0, 8).repeat(usize::try_from(ALLOWANCE / RARE).unwrap());
        assert!(frames.feed(&[0; PREFACE], start) && frames.feed(&pings, start));
        let later = start + Duration::from_secs(1);
        assert!(frames.feed(&pings, later) && !frames.feed(&frame(6, 0, 8), later));
    }
}
