//! Evidence in, verdict out: is it them, is it me, or is it the way?
//!
//! Every rule ([`rules`]) is one sentence about the evidence, and says how much likelier each cause is
//! where it holds, in decibans: ten of them make a cause ten times as likely. They add up to a score
//! for each cause, and the scores to how sure the best one is. So a decision is a sum that can be
//! read, what weighs most can be told, and evidence that is missing costs certainty and nothing else.
//!
//! ```text
//!   evidence ── seen ──▶ rules that hold ── weights ──▶ scores ──▶ cause, confidence
//!                              └── the three that weigh most for it ──▶ reasons
//! ```
//!
//! Own requests weigh most, then questions that cost something, then cheap ones, then status pages:
//! see the weights of `rules::traffic`, `rules::http` and `rules::page`.
//!
//! **Invariants:** addresses that differ are never called an interception: only a host that cannot show
//! to be itself is. A green page takes nothing back. The same evidence gives the same verdict.

mod advice;
mod kinds;
mod rules;
mod seen;
mod words;

use crate::shown::shown;
use crate::{Cause, Reason, Side, Verdict};
use ir::Evidence;
pub(crate) use kinds::is_unreached;
use rules::{RULES, Rule};
pub(crate) use seen::{Part, Seen, is_inside};

/// What is assumed before anything was seen, in decibans: that it cannot be told.
const UNTOLD: i32 = 0;
/// All is well: seldom the reason for a question, and easily shown.
const WELL: i32 = -8;
/// Any other cause.
const OTHER: i32 = -14;
/// A rule that tells of trouble speaks this much against all being well.
const TROUBLE: i32 = -14;
/// Nothing is surer than this, per cent.
const CONFIDENCE_MAX: u8 = 99;
/// What is less sure than this, per cent, is not told as if it were known.
const CONFIDENCE_MIN: u8 = 50;
/// What is a thousand times less likely than the best is not worth a word.
const NEXT_WITHIN: i32 = 30;
/// No reason is longer, in bytes.
const TEXT_MAX: usize = 400;
/// So many reasons are given.
const REASONS: usize = 3;

/// A rule that holds, and what was seen.
struct Held {
    rule: &'static Rule,
    text: String,
}

/// What the evidence comes to.
pub fn diagnose(evidence: &Evidence) -> Verdict {
    let seen = Seen::of(evidence);
    let held: Vec<Held> = RULES
        .iter()
        .flat_map(|rules| rules.iter())
        .filter_map(|rule| (rule.when)(&seen).map(|text| Held { rule, text }))
        .collect();
    let scores: Vec<(Cause, i32)> =
        Cause::ALL.iter().map(|cause| (*cause, score(*cause, &held))).collect();
    let (mut cause, mut confidence) = (Cause::Unknown, 0);
    let mut next = None;
    for (candidate, score) in &scores {
        let sure = certainty(*score, &scores);
        if confidence < sure {
            (next, cause, confidence) = (Some(cause), *candidate, sure);
        }
    }
    // The best of many that are all unlikely is no answer.
    if confidence < CONFIDENCE_MIN && cause != Cause::Unknown {
        (next, cause, confidence) = (Some(cause), Cause::Unknown, 100 - confidence);
    }
    let next = second(cause, &scores).or(next);
    let next = next.filter(|next| *next != cause && !matches!(next, Cause::Unknown | Cause::Fine));
    Verdict {
        cause,
        confidence: confidence.min(CONFIDENCE_MAX),
        reasons: reasons(cause, &held),
        would_change: words::would_change(cause, next),
        advice: advice::advise(cause, &seen),
    }
}

/// The sum of what speaks for a cause.
fn score(cause: Cause, held: &[Held]) -> i32 {
    let prior = match cause.row().side {
        Side::Unknown => UNTOLD,
        Side::Fine => WELL,
        Side::Me | Side::Path | Side::Them => OTHER,
    };
    prior + held.iter().map(|held| held.rule.weight(cause)).sum::<i32>()
}

/// How sure a score is among the others, per cent, rounded down.
fn certainty(score: i32, scores: &[(Cause, i32)]) -> u8 {
    let odds = |other: i32| 10f64.powf(f64::from(other - score) / 10.0);
    let all: f64 = scores.iter().map(|(_, other)| odds(*other)).sum();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and 100, since one of the odds is 1"
    )]
    let percent = (100.0 / all).floor() as u8;
    percent
}

/// The likeliest cause beside one, if it is not out of the question.
fn second(cause: Cause, scores: &[(Cause, i32)]) -> Option<Cause> {
    let best = scores.iter().map(|(_, score)| *score).max().unwrap_or(0);
    let others = scores
        .iter()
        .filter(|(other, _)| *other != cause && !matches!(other, Cause::Unknown | Cause::Fine));
    let next = others.max_by_key(|(_, score)| *score);
    next.filter(|(_, score)| OTHER < *score && best - NEXT_WITHIN < *score).map(|(it, _)| *it)
}

/// What weighs most for a cause; where nothing does, what tells of trouble.
fn reasons(cause: Cause, held: &[Held]) -> Vec<Reason> {
    let mut weighed: Vec<(i32, &Held)> =
        held.iter().map(|held| (held.rule.weight(cause), held)).collect();
    if weighed.iter().all(|(weight, _)| *weight <= 0) {
        weighed = held.iter().filter(|it| it.rule.trouble).map(|held| (1, held)).collect();
    }
    weighed.retain(|(weight, _)| 0 < *weight);
    // The order of the rules breaks ties, so the sort must be stable.
    weighed.sort_by_key(|(weight, _)| -weight);
    let reason = |(_, held): (i32, &Held)| Reason {
        layer: held.rule.layer,
        text: shown(&held.text, TEXT_MAX).into_owned(),
    };
    weighed.into_iter().take(REASONS).map(reason).collect()
}

// === impl Rule ===

impl Rule {
    /// How much it speaks for a cause.
    fn weight(&self, cause: Cause) -> i32 {
        let named = self.says.iter().filter(|(causes, _)| causes.contains(&cause));
        let said: i32 = named.map(|(_, weight)| *weight).sum();
        let trouble = if self.trouble && cause == Cause::Fine { TROUBLE } else { 0 };
        said + trouble
    }
}
