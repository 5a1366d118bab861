//! What targets taught about how they want to be asked, kept for the next request.
//!
//! **Invariant:** bounded, in time too, and of each provider by itself: what one refuses, another
//! may know, and what it refuses today it may know tomorrow.

use crate::ProviderId;
use ir::{Repair, Time};
use smallvec::SmallVec;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// A target's repairs, oldest first.
pub type Repairs = SmallVec<[Repair; 4]>;

/// What was learnt, the least recently learnt first.
#[derive(Debug, Default)]
pub struct Learned {
    targets: VecDeque<Target>,
}

#[derive(Debug)]
struct Target {
    provider: ProviderId,
    model: Arc<str>,
    /// Each with the time it was learnt at.
    repairs: SmallVec<[(Repair, Time); 4]>,
}

/// What was learnt is forgotten after this long: one refusal in this time is what it costs.
const KEPT: Duration = Duration::from_hours(1);

/// Targets that are remembered: their names come from callers.
const TARGETS_MAX: usize = 1024;
/// Repairs of one target. There are fewer fields than this: a limit on everything.
const REPAIRS_MAX: usize = 32;

// === impl Learned ===

impl Learned {
    /// A provider is gone.
    pub fn forget(&mut self, provider: ProviderId) {
        self.targets.retain(|target| target.provider != provider);
    }

    /// Notes what a target taught. Of several limits the smallest holds.
    pub fn learn(&mut self, now: Time, provider: ProviderId, model: &Arc<str>, repair: Repair) {
        let place = self.place(provider, model);
        let known = place.and_then(|place| self.targets.remove(place));
        let mut target = known.unwrap_or_else(|| Target {
            provider,
            model: Arc::clone(model),
            repairs: SmallVec::new(),
        });
        target.repairs.retain(|(_, at)| now.since(*at) < KEPT);
        let same = |(known, _): &&mut (Repair, Time)| repair.replaces(*known);
        if let Some(known) = target.repairs.iter_mut().find(same) {
            *known = (newer(known.0, repair), now);
        } else if target.repairs.len() < REPAIRS_MAX {
            target.repairs.push((repair, now));
        }
        if self.targets.len() >= TARGETS_MAX {
            self.targets.pop_front();
        }
        self.targets.push_back(target);
    }

    /// What is known of a target.
    pub fn known(&self, now: Time, provider: ProviderId, model: &str) -> Repairs {
        let target = self.place(provider, model).and_then(|place| self.targets.get(place));
        let repairs = target.into_iter().flat_map(|target| &target.repairs);
        repairs.filter(|(_, at)| now.since(*at) < KEPT).map(|(repair, _)| *repair).collect()
    }

    fn place(&self, provider: ProviderId, model: &str) -> Option<usize> {
        self.targets.iter().rposition(|it| it.provider == provider && *it.model == *model)
    }
}

/// What holds of two repairs of one kind.
fn newer(known: Repair, repair: Repair) -> Repair {
    match (known, repair) {
        (Repair::MaxTokens(known), Repair::MaxTokens(limit)) => Repair::MaxTokens(known.min(limit)),
        (
            Repair::Plain
            | Repair::Without(_)
            | Repair::TokenField(_)
            | Repair::MaxTokens(_)
            | Repair::SystemAsUser
            | Repair::Unsealed
            | Repair::Unprefilled,
            repair,
        ) => repair,
    }
}

#[cfg(test)]
mod tests {
    use super::{KEPT, Learned, TARGETS_MAX};
    use crate::ProviderId;
    use ir::{Repair, Time, TokenField};
    use std::sync::Arc;

    const A: ProviderId = ProviderId(0);
    const B: ProviderId = ProviderId(1);
    const T: Time = Time::ZERO;

    #[test]
    fn it_is_the_targets_own() {
        let mut learned = Learned::default();
        learned.learn(T, A, &Arc::from("m"), Repair::Plain);
        learned.learn(T, A, &Arc::from("m"), Repair::Without("top_p"));
        learned.learn(T, A, &Arc::from("m"), Repair::Plain);
        let known = learned.known(T, A, "m");
        assert_eq!(known.as_slice(), [Repair::Plain, Repair::Without("top_p")]);
        assert!(learned.known(T, B, "m").is_empty());
        assert!(learned.known(T, A, "n").is_empty());
    }

    #[test]
    fn the_smallest_limit_and_the_latest_field_hold() {
        let mut learned = Learned::default();
        for limit in [9, 5, 7] {
            learned.learn(T, A, &Arc::from("m"), Repair::MaxTokens(limit));
        }
        learned.learn(T, A, &Arc::from("m"), Repair::TokenField(TokenField::MaxTokens));
        let last = Repair::TokenField(TokenField::MaxCompletionTokens);
        learned.learn(T, A, &Arc::from("m"), last);
        assert_eq!(learned.known(T, A, "m").as_slice(), [Repair::MaxTokens(5), last]);
    }

    #[test]
    fn the_least_recently_learnt_goes_first() {
        let mut learned = Learned::default();
        let name = |number: usize| Arc::from(format!("m{number}"));
        for number in 0..TARGETS_MAX {
            learned.learn(T, A, &name(number), Repair::Plain);
        }
        learned.learn(T, A, &name(0), Repair::Plain);
        learned.learn(T, A, &name(TARGETS_MAX), Repair::Plain);
        assert_eq!(learned.targets.len(), TARGETS_MAX);
        assert!(!learned.known(T, A, "m0").is_empty());
        assert!(learned.known(T, A, "m1").is_empty());
        assert!(!learned.known(T, A, "m2").is_empty());
    }

    #[test]
    fn it_is_forgotten() {
        let mut learned = Learned::default();
        learned.learn(T, A, &Arc::from("m"), Repair::Plain);
        let half = T + KEPT / 2;
        learned.learn(half, A, &Arc::from("m"), Repair::Without("top_p"));
        let late = T + KEPT.mul_f32(0.99);
        assert_eq!(learned.known(late, A, "m").len(), 2);
        assert_eq!(learned.known(T + KEPT, A, "m").as_slice(), [Repair::Without("top_p")]);
        assert!(learned.known(half + KEPT, A, "m").is_empty());
    }
}
