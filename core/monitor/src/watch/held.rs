//! The verdict that holds while there is trouble, and when it gives way to another.
//!
//! **Invariant:** it does not flap: another takes its place if it is surer, or if it is found twice in
//! a row.

use super::Change;
use crate::{Act, Cause, Moment, Verdict};

/// The verdict that holds, if there is one yet.
#[derive(Debug, Default)]
pub(super) struct Held {
    verdict: Option<(Verdict, Moment)>,
    /// What the last diagnosis found instead.
    candidate: Option<Cause>,
    /// How often in a row the same was found.
    same: u32,
    /// How often in a row nothing was found.
    fine: u32,
}

/// From here on something is done about a verdict, in per cent.
pub const CERTAIN: u8 = 90;
/// From here on it is sure.
const SURE: u8 = 80;
/// What is found so often is not asked for as often any more, sure or not.
const SAME: u32 = 8;
const TWICE: u32 = 2;

// === impl Held ===

impl Held {
    /// A diagnosis came to this. True where another verdict holds now.
    pub(super) fn take(&mut self, now: Moment, found: Verdict) -> bool {
        if found.cause == Cause::Fine {
            self.fine = self.fine.saturating_add(1);
            return false;
        }
        self.fine = 0;
        let Some((verdict, _)) = &mut self.verdict else {
            return self.replace(now, found);
        };
        if verdict.cause == found.cause {
            *verdict = found;
            self.candidate = None;
            self.same = self.same.saturating_add(1);
            return false;
        }
        let known = |cause| cause != Cause::Unknown;
        let surer =
            known(found.cause) && (!known(verdict.cause) || verdict.confidence < found.confidence);
        if surer || self.candidate == Some(found.cause) {
            return self.replace(now, found);
        }
        self.candidate = Some(found.cause);
        false
    }

    fn replace(&mut self, now: Moment, found: Verdict) -> bool {
        self.verdict = Some((found, now));
        (self.candidate, self.same) = (None, 1);
        true
    }

    pub(super) fn verdict(&self) -> Option<(&Verdict, Moment)> {
        self.verdict.as_ref().map(|(verdict, since)| (verdict, *since))
    }

    pub(super) fn change(&self) -> Option<Change> {
        let (verdict, _) = self.verdict.as_ref()?;
        let reason =
            verdict.reasons.first().map_or_else(|| verdict.cause.row().says, |it| &it.text);
        Some(Change::Verdict {
            cause: verdict.cause.word(),
            confidence: verdict.confidence,
            reason: reason.to_owned(),
        })
    }

    /// Whether nothing new is to be expected soon.
    pub(super) fn is_settled(&self) -> bool {
        let sure = self.verdict.as_ref().is_some_and(|(it, _)| SURE <= it.confidence);
        self.candidate.is_none() && self.fine == 0 && (sure || SAME <= self.same)
    }

    /// Whether targets on this machine come first because of it.
    pub(super) fn puts_local_first(&self) -> bool {
        self.verdict.as_ref().is_some_and(|(verdict, _)| act(verdict) == Act::LocalFirst)
    }

    /// Nothing was found in its place. True where one held until now.
    pub(super) fn let_go(&mut self) -> bool {
        (self.candidate, self.same) = (None, 0);
        self.verdict.take().is_some()
    }

    /// That nothing was found says nothing any more.
    pub(super) fn doubt(&mut self) {
        self.fine = 0;
    }

    /// How often in a row nothing was found.
    pub(super) fn nothing(&self) -> u32 {
        self.fine
    }

    /// Diagnoses found nothing, twice in a row.
    pub(super) fn found_nothing(&self) -> bool {
        TWICE <= self.fine
    }

    /// Whether a free question that is answered may show that it is over: not where the trouble is what
    /// comes as an answer.
    pub(super) fn is_seen_free(&self) -> bool {
        match self.verdict.as_ref().map_or(Cause::Unknown, |(verdict, _)| verdict.cause) {
            Cause::Key
            | Cause::Quota
            | Cause::Config
            | Cause::Overloaded
            | Cause::Degraded
            | Cause::Stalled
            | Cause::Model
            | Cause::Region
            | Cause::Interception
            | Cause::CaptivePortal => false,
            Cause::Fine
            | Cause::Down
            | Cause::Unknown
            | Cause::Link
            | Cause::Resolver
            | Cause::HostsOverride
            | Cause::StaleCache
            | Cause::Clock
            | Cause::Proxy
            | Cause::TlsInspection
            | Cause::Ipv6
            | Cause::Middlebox
            | Cause::Route
            | Cause::TheirDns
            | Cause::TheirTls => true,
        }
    }
}

/// What is done about a verdict: nothing unless it is certain.
pub fn act(verdict: &Verdict) -> Act {
    if verdict.confidence < CERTAIN { Act::None } else { verdict.cause.row().act }
}
