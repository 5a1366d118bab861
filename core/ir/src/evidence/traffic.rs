//! What our own requests met: the best witness.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What our own requests met at a provider within a window that ends now.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Traffic {
    /// The window, in seconds.
    pub window_s: u64,
    /// All of it.
    pub all: Tally,
    /// The last minute of it.
    pub lately: Tally,
    /// By model; 16 at most, those with most failures first.
    pub models: BTreeMap<String, Tally>,
    /// When the run of failures that still goes on began, milliseconds since the Unix epoch; three in a
    /// row at least.
    pub failing_since_unix_ms: Option<u64>,
    /// How long ago the last of all failures was, in seconds, however long before the window.
    pub failed_ago_s: Option<u64>,
    /// How long ago an answer was good, in seconds, however long before the window.
    pub good_ago_s: Option<u64>,
    /// Credentials that were asked with, and those of them that were refused.
    pub keys: u32,
    /// Those whose last word was a refusal although they were good before.
    pub keys_refused: u32,
    /// Middle time to first content within the window, in ms.
    pub ttft_ms: Option<u64>,
    /// The same over the day before.
    pub ttft_usual_ms: Option<u64>,
}

/// Attempts, counted. What the caller did wrong, and what was cancelled, is left out. What is not there
/// and never was answered may be a name that a caller made up: it is among the classes and nowhere else.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tally {
    /// Attempts.
    pub n: u64,
    /// Those that ended with an answer.
    pub ok: u64,
    /// The others, and names that may be made up, by the class of their failure as in
    /// `docs/failures.md`.
    pub classes: BTreeMap<String, u64>,
    /// Of a model: it was answered once, before the window perhaps.
    pub answered: bool,
}

// === impl Tally ===

impl Tally {
    /// How many failed in this way.
    pub fn failed(&self, class: &str) -> u64 {
        self.classes.get(class).copied().unwrap_or(0)
    }

    /// All of them, names that may be made up as well.
    pub fn all(&self) -> u64 {
        self.n.max(self.ok + self.classes.values().sum::<u64>())
    }

    /// The share of good ones; absent where there are none at all.
    pub fn share(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "counts of a window are small")]
        (0 < self.n).then(|| self.ok as f64 / self.n as f64)
    }
}
