//! What is kept of an exchange: one record per request, never any content.

use crate::{Dialect, Shape, Trace, Usage};
use serde::Serialize;
use std::sync::Arc;

/// One request, settled.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Record {
    /// The request id, as in `x-backstop-request-id`.
    pub id: String,
    /// When it arrived, milliseconds since the Unix epoch.
    pub at_unix_ms: u64,
    /// Where it stands in a trace: the caller's, or one that is named by the digits of its id.
    #[serde(flatten)]
    pub trace: Trace,
    /// Who asked: the name of a key; absent where none is required.
    pub principal: Option<Arc<str>>,
    /// What the caller spoke.
    pub dialect: Dialect,
    /// How it wanted the answer.
    pub shape: Shape,
    /// It asked for a count of tokens, and for no answer.
    #[serde(skip_serializing_if = "is_not")]
    pub counts: bool,
    /// The model it asked for.
    pub model: String,
    /// How it ended.
    pub ending: Ending,
    /// The status the caller saw; 0 where it left before there was one.
    pub status: u16,
    /// The stable code of our own error, where the caller got one (`BS0301`).
    pub code: Option<&'static str>,
    /// Who caused the ending, where it was not an answer.
    pub blame: Option<&'static str>,
    /// The first target of its chain, which serves while all is well; absent where nobody was to be
    /// asked.
    pub preferred: Option<Arc<str>>,
    /// The target that served, `provider/model`; absent where none did.
    pub target: Option<Arc<str>>,
    /// Every attempt, in the order they were begun.
    pub attempts: Vec<AttemptRecord>,
    /// Targets passed over because they were known to be down, and why.
    pub skipped: Vec<(Arc<str>, &'static str)>,
    /// Token counts of the answer that was delivered.
    pub usage: Usage,
    /// Bytes of the answer handed to the caller, our own frames included.
    pub bytes_out: u64,
    /// What did not come along to a target of another dialect and back: `thinking.display=dropped`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub losses: Vec<String>,
    /// How many times it was cut and gone on with.
    #[serde(skip_serializing_if = "is_zero")]
    pub seams: u32,
    /// Frames of ours among them: pings.
    pub pings: u32,
    /// Frames that were left out: they said again what was said, or nothing that can be read.
    pub malformed: u32,
    /// Until the first content was handed over, in ms.
    pub first_content_ms: Option<u64>,
    /// The longest time that something of the delivered answer was held back before it was handed
    /// over, in ms; 0 where nothing was.
    pub held_ms: u64,
    /// Until the end, in ms.
    pub total_ms: u64,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// With a complete answer.
    Answered,
    /// With a provider's own refusal of this request, passed on.
    Rejected,
    /// With an error before any content.
    Failed,
    /// With an error after content.
    Broken,
    /// The caller left.
    Abandoned,
}

/// One try on one target.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AttemptRecord {
    /// `provider/model`.
    pub target: Arc<str>,
    /// Which of the provider's credentials, from 0.
    pub credential: usize,
    /// When it began, in ms since the request arrived.
    pub began_ms: u64,
    /// When its response head came, in ms since it began.
    pub head_ms: Option<u64>,
    /// When its first content came, in ms since it began.
    pub first_content_ms: Option<u64>,
    /// How long it lasted, in ms.
    pub lasted_ms: u64,
    /// HTTP status, where it answered at all.
    pub status: Option<u16>,
    /// `ok`, `lost` (another was faster), `abandoned`, or the class of its failure.
    pub outcome: &'static str,
    /// Who caused the failure.
    pub blame: Option<&'static str>,
    /// What its refusal taught, where the next attempt was written otherwise: `plain`,
    /// `without temperature`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repair: Option<String>,
    /// How it was asked to go on with an answer that was cut: `anchor`, `prefill`, `restart`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub way: Option<&'static str>,
    /// The provider's request id.
    pub upstream_id: Option<String>,
    /// It may have been processed and billed although no answer came.
    pub ambiguous_billing: bool,
    /// Token counts as far as they were seen.
    pub usage: Usage,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_not(flag: &bool) -> bool {
    !flag
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

// === impl Ending ===

impl Ending {
    /// The word used in logs and metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
            Self::Broken => "broken",
            Self::Abandoned => "abandoned",
        }
    }
}

impl AttemptRecord {
    /// The entry in a trail: `anthropic/claude-sonnet-4-6=529`.
    pub fn trail(&self) -> String {
        match self.status {
            Some(status) if self.outcome != "ok" && status >= 300 => {
                format!("{}={status}", self.target)
            }
            Some(_) | None => format!("{}={}", self.target, self.outcome),
        }
    }
}
