//! How far an answer was read, and how far of that it was handed over: in numbers, so that what was only
//! read can be forgotten as a whole.

use crate::seam::TOLD_MAX;
use ir::Mark;

/// How far an answer goes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Extent {
    /// The parts, of the last of them the bytes, and what is kept, once that was handed over.
    pub(super) parts: usize,
    pub(super) last: usize,
    pub(super) kept: usize,
    /// Bytes of texts and calls, of reasoning, of what is kept.
    pub(super) said: usize,
    pub(super) thought: usize,
    pub(super) kept_bytes: usize,
    /// Where the text began that was opened last: how much text was there before.
    pub(super) opened: Option<usize>,
    /// Where the stream stands.
    pub(super) mark: Mark,
    /// Why it cannot be gone on with.
    pub(super) bar: Option<&'static str>,
}

/// What Responses announces may echo a request's instructions and tools; what it ends, it says again.
const KEPT_MAX: usize = 1 << 20;
const TOO_LONG: &str = "more was delivered than is kept (256 KiB)";
const TOO_MUCH_KEPT: &str = "more was announced than is kept (1 MiB)";

// === impl Extent ===

impl Extent {
    /// Of this and what was said behind it: how much it is, and whether that is too much.
    pub(super) fn with(self, more: Self) -> Self {
        let mut both = Self {
            said: self.said.saturating_add(more.said),
            thought: self.thought.saturating_add(more.thought),
            kept_bytes: self.kept_bytes.saturating_add(more.kept_bytes),
            bar: self.bar.or(more.bar),
            ..self
        };
        both.limit();
        both
    }

    /// Bars it where it is too much.
    pub(super) fn limit(&mut self) {
        if TOLD_MAX < self.said {
            self.bar.get_or_insert(TOO_LONG);
        }
        if KEPT_MAX < self.kept_bytes {
            self.bar.get_or_insert(TOO_MUCH_KEPT);
        }
    }
}
