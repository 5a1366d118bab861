//! One server-sent event of an answer and what it stands for, so that faults find their place.

use super::seen::Seen;
use std::time::{SystemTime, UNIX_EPOCH};

/// What a frame stands for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Cue {
    /// The envelope.
    Start,
    /// A sign of life.
    Ping,
    /// A block of text or thinking begins.
    Open,
    /// A piece of thinking.
    Thinking,
    /// A word of text, or the rest of one.
    Text,
    /// A word of text up to the first half of a surrogate pair.
    Half,
    /// A tool call begins.
    Call,
    /// A piece of a tool's arguments.
    Arguments,
    /// A block ends.
    Close,
    /// The finish reason.
    Finish,
    /// Token counts.
    Usage,
    /// The end marker.
    End,
}

/// One event.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Frame {
    /// What it stands for.
    pub(super) cue: Cue,
    /// Its bytes, the blank line included.
    pub(super) bytes: Vec<u8>,
}

/// Everything an answer depends on beside the request and the order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Scene {
    /// The provider's name; empty for none.
    pub name: String,
    /// Seconds since the Unix epoch.
    pub now_unix: u64,
}

/// The ids of one answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Ids {
    seed: u64,
}

// === impl Cue ===

impl Cue {
    /// Whether it is a piece of the answer.
    pub(super) fn is_content(self) -> bool {
        match self {
            Self::Thinking | Self::Text | Self::Half | Self::Call | Self::Arguments => true,
            Self::Start
            | Self::Ping
            | Self::Open
            | Self::Close
            | Self::Finish
            | Self::Usage
            | Self::End => false,
        }
    }
}

// === impl Frame ===

impl Frame {
    /// A frame of these bytes.
    pub(super) fn new(cue: Cue, text: String) -> Self {
        Self { cue, bytes: text.into_bytes() }
    }
}

// === impl Scene ===

impl Scene {
    /// The scene of a provider, now.
    pub fn now(name: &str) -> Self {
        Self { name: name.to_owned(), now_unix: calendar() }
    }
}

/// Seconds since 1970-01-01 UTC, as the machine has it.
pub(super) fn calendar() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

// === impl Ids ===

impl Ids {
    /// The ids of the answer to a request: the same for the same provider and serial.
    pub(super) fn of(scene: &Scene, seen: &Seen) -> Self {
        // FNV-1a, so that two providers never give the same id.
        let mut seed = 0xcbf2_9ce4_8422_2325_u64;
        for byte in scene.name.bytes().chain(seen.serial.to_le_bytes()) {
            seed = (seed ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Self { seed }
    }

    /// A prefix and letters that look like the real ones.
    pub(super) fn id(&self, prefix: &str, salt: u64) -> String {
        const LETTERS: &[u8] = b"0123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
        let mut state = self.seed ^ salt.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let letter = |_| {
            // SplitMix64 (<https://prng.di.unimi.it/splitmix64.c>).
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            let place = (mixed ^ (mixed >> 31)) % 59;
            usize::try_from(place)
                .ok()
                .and_then(|place| LETTERS.get(place))
                .copied()
                .unwrap_or(b'0')
        };
        let letters = (0..22).map(letter).map(char::from).collect::<String>();
        format!("{prefix}{letters}")
    }
}

#[cfg(test)]
mod tests {
    use super::{Ids, Scene};
    use crate::provider::seen::Seen;

    #[test]
    fn ids_are_stable_and_differ_by_provider() {
        let seen = Seen::new("POST", "/", b"");
        let ids = |name: &str| {
            Ids::of(&Scene { name: name.to_owned(), now_unix: 0 }, &seen).id("req_", 1)
        };
        assert_eq!(ids("a"), ids("a"));
        assert_ne!(ids("a"), ids("b"));
        assert_eq!(ids("a").len(), 26);
    }
}
