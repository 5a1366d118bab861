//! What targets taught about how they want to be asked, kept for the next request.
//!
//! **Invariant:** bounded, and of each provider by itself: what one refuses, another may know.

use crate::ProviderId;
use ir::Repair;
use smallvec::SmallVec;
use std::collections::VecDeque;
use std::sync::Arc;

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
    repairs: Repairs,
}

/// Targets that are remembered: their names come from callers.
const TARGETS_MAX: usize = 1024;
/// Repairs of one target. There are fewer fields than this: a limit on everything.
const REPAIRS_MAX: usize = 32;

// === impl Learned ===

impl Learned {
    /// Notes what a target taught. Of several limits the smallest holds.
    pub fn learn(&mut self, provider: ProviderId, model: &Arc<str>, repair: Repair) {
        if !repair.lasts() {
            return;
        }
        let place = self.place(provider, model);
        let known = place.and_then(|place| self.targets.remove(place));
        let mut target = known.unwrap_or_else(|| Target {
            provider,
            model: Arc::clone(model),
            repairs: Repairs::new(),
        });
        let same = |known: &&mut Repair| match (**known, repair) {
            (Repair::MaxTokens(_), Repair::MaxTokens(_))
            | (Repair::TokenField(_), Repair::TokenField(_)) => true,
            (known, repair) => known == repair,
        };
        if let Some(known) = target.repairs.iter_mut().find(same) {
            *known = newer(*known, repair);
        } else if target.repairs.len() < REPAIRS_MAX {
            target.repairs.push(repair);
        }
        if self.targets.len() >= TARGETS_MAX {
            self.targets.pop_front();
        }
        self.targets.push_back(target);
    }

    /// What is known of a target.
    pub fn known(&self, provider: ProviderId, model: &str) -> Repairs {
        let place = self.place(provider, model);
        place
            .and_then(|place| self.targets.get(place))
            .map_or_else(Repairs::new, |target| target.repairs.clone())
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
            | Repair::WithoutNow(_),
            repair,
        ) => repair,
    }
}

#[cfg(test)]
mod tests {
    use super::{Learned, TARGETS_MAX};
    use crate::ProviderId;
    use ir::{Repair, TokenField};
    use std::sync::Arc;

    const A: ProviderId = ProviderId(0);
    const B: ProviderId = ProviderId(1);

    #[test]
    fn it_is_the_targets_own() {
        let mut learned = Learned::default();
        learned.learn(A, &Arc::from("m"), Repair::Plain);
        learned.learn(A, &Arc::from("m"), Repair::Without("top_p"));
        learned.learn(A, &Arc::from("m"), Repair::Plain);
        let known = learned.known(A, "m");
        assert_eq!(known.as_slice(), [Repair::Plain, Repair::Without("top_p")]);
        assert!(learned.known(B, "m").is_empty());
        assert!(learned.known(A, "n").is_empty());
    }

    #[test]
    fn the_smallest_limit_and_the_latest_field_hold() {
        let mut learned = Learned::default();
        for limit in [9, 5, 7] {
            learned.learn(A, &Arc::from("m"), Repair::MaxTokens(limit));
        }
        learned.learn(A, &Arc::from("m"), Repair::TokenField(TokenField::MaxTokens));
        let last = Repair::TokenField(TokenField::MaxCompletionTokens);
        learned.learn(A, &Arc::from("m"), last);
        assert_eq!(learned.known(A, "m").as_slice(), [Repair::MaxTokens(5), last]);
    }

    #[test]
    fn the_least_recently_learnt_goes_first() {
        let mut learned = Learned::default();
        let name = |number: usize| Arc::from(format!("m{number}"));
        for number in 0..TARGETS_MAX {
            learned.learn(A, &name(number), Repair::Plain);
        }
        learned.learn(A, &name(0), Repair::Plain);
        learned.learn(A, &name(TARGETS_MAX), Repair::Plain);
        assert_eq!(learned.targets.len(), TARGETS_MAX);
        assert!(!learned.known(A, "m0").is_empty());
        assert!(learned.known(A, "m1").is_empty());
        assert!(!learned.known(A, "m2").is_empty());
    }
}
