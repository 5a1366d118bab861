//! Where a request may go, in which order, and within which limits.

use crate::{Deadlines, Retries};
use ir::{Dialect, Shape};
use std::sync::Arc;
use std::time::Duration;

/// Names a provider: its place in the configuration.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ProviderId(pub usize);

/// One target of a chain, ready to be tried.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "what is known of it, each on its own; no state")]
pub struct Leg {
    /// Whose.
    pub provider: ProviderId,
    /// The model's name there.
    pub model: Arc<str>,
    /// `provider/model`, as trails and records say it.
    pub name: Arc<str>,
    /// What its provider speaks.
    pub dialect: Dialect,
    /// It runs on this machine.
    pub local: bool,
    /// The credential is the caller's own: never replaced by ours, its state never kept.
    pub caller_owned: bool,
    /// How many credentials the provider has.
    pub credentials: usize,
    /// The one of them that it may be asked with, where what is asked for belongs to its account.
    pub only: Option<usize>,
    /// The request asks it for reasoning, which takes its time: a pace of its own.
    pub thinking: bool,
    /// The request is written anew for it, from the caller's dialect: what it refuses of that may
    /// be written otherwise.
    pub crossed: bool,
    /// A whole answer is asked of it as a stream, and put together here: silence and stalls are seen
    /// in seconds, and a cut anywhere inside is unseen.
    pub watched: bool,
    /// It goes on with a last turn of the model, where it is asked to.
    pub prefill: bool,
    /// The provider's own error codes.
    pub codes: &'static [(&'static str, &'static str)],
    /// Its deadlines, overrides applied.
    pub deadlines: Deadlines,
}

/// What a request may do.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "what is allowed, each on its own; no state")]
pub struct Plan {
    /// The targets, best first.
    pub legs: Vec<Leg>,
    /// How it wants the answer.
    pub shape: Shape,
    /// Limits on attempts and waits.
    pub retries: Retries,
    /// Silence towards the caller after which a held stream is kept alive with a ping.
    pub ping_every: Duration,
    /// Of the whole request until the commit.
    pub total: Duration,
    /// A content filter's refusal may be tried elsewhere.
    pub filter_next: bool,
    /// An empty answer may be tried elsewhere.
    pub empty_next: bool,
    /// A stream that fails after content was handed over is gone on with.
    pub continues: bool,
    /// Why that is not done although it is wished for.
    pub unjoinable: Option<&'static str>,
    /// Its text is to be one JSON document.
    pub structured: bool,
    /// Bytes that are held back at most.
    pub hold_max: usize,
    /// Of the jitter.
    pub seed: u64,
}

// === impl Plan ===

impl Plan {
    /// How many attempts there may be: never fewer than the chain is long.
    pub fn attempts_max(&self) -> usize {
        usize::try_from(self.retries.total).unwrap_or(usize::MAX).max(self.legs.len())
    }
}

// === impl Leg ===

impl Leg {
    /// How it answers, where the caller wants the answer in this shape.
    pub fn shape(&self, wanted: Shape) -> Shape {
        if self.watched { Shape::Stream } else { wanted }
    }

    /// How long it may be silent before the next target starts beside it. `p95` is its own usual
    /// time to first content, where that is known.
    pub fn patience(&self, shape: Shape, p95: Option<Duration>) -> Duration {
        let base = match (shape, self.thinking, p95) {
            (Shape::Whole, _, _) => self.deadlines.patience_whole,
            (Shape::Stream, true, None) => self.deadlines.patience_thinking,
            (Shape::Stream, _, _) => self.deadlines.patience,
        };
        let learned = match shape {
            Shape::Stream => p95.unwrap_or_default().saturating_mul(3),
            // The pace of whole answers is the length of answers, not the health of a target.
            Shape::Whole => Duration::ZERO,
        };
        base.max(learned).min(self.first_content())
    }

    /// The hard limit of one attempt until its first content.
    pub fn first_content(&self) -> Duration {
        if self.thinking {
            self.deadlines.first_content_thinking
        } else {
            self.deadlines.first_content
        }
    }
}
