//! The retry budget: extra attempts as a share of all traffic, so that an outage is not multiplied.
//!
//! A token bucket filled by requests (Finagle's `RetryBudget`, gRPC A6): each request deposits
//! `ratio`, each extra attempt takes 1, and no more than `reserve` is ever kept for a quiet time. An
//! empty reserve fills again within a minute, however few requests there are: else the last one of a
//! busy hour, on a silent target, would wait for others to come.

use ir::Time;
use std::time::Duration;

/// The budget of all traffic.
#[derive(Debug)]
pub struct Budget {
    tokens: f64,
    ratio: f64,
    reserve: f64,
    /// When the reserve was last topped up.
    filled: Time,
}

/// An empty reserve is full after this.
const FILLS_IN: Duration = Duration::from_mins(1);

// === impl Budget ===

impl Budget {
    /// A full budget.
    pub fn new(ratio: f64, reserve: f64) -> Self {
        Self { tokens: reserve, ratio, reserve, filled: Time::ZERO }
    }

    /// Other numbers from now on.
    pub fn configure(&mut self, ratio: f64, reserve: f64) {
        (self.ratio, self.reserve) = (ratio, reserve);
        self.tokens = self.tokens.min(reserve);
    }

    /// A request arrived.
    pub fn deposit(&mut self) {
        self.tokens = (self.tokens + self.ratio).min(self.reserve);
    }

    /// Lets time pass.
    pub fn at(&mut self, now: Time) {
        let share = now.since(self.filled).as_secs_f64() / FILLS_IN.as_secs_f64();
        self.tokens = (self.tokens + self.reserve * share).min(self.reserve);
        self.filled = self.filled.max(now);
    }

    /// Takes one extra attempt, or says no.
    pub fn spend(&mut self) -> bool {
        let enough = 1.0 <= self.tokens;
        if enough {
            self.tokens -= 1.0;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::Budget;
    use ir::Time;
    use std::time::Duration;

    #[test]
    fn extra_attempts_stay_a_share_of_traffic() {
        let mut budget = Budget::new(0.2, 10.0);
        let early = (0..50).filter(|_| budget.spend()).count();
        assert_eq!(early, 10, "the reserve");
        let later = (0..1000)
            .filter(|_| {
                budget.deposit();
                budget.spend()
            })
            .count();
        assert!((195..=205).contains(&later), "a fifth of the traffic, not {later}");
    }

    #[test]
    fn the_reserve_fills_again_in_a_quiet_minute() {
        let mut budget = Budget::new(0.2, 10.0);
        let start = Time::ZERO + Duration::from_hours(1);
        budget.at(start);
        assert_eq!((0..50).filter(|_| budget.spend()).count(), 10);
        budget.at(start + Duration::from_millis(5900));
        assert!(!budget.spend());
        budget.at(start + Duration::from_millis(6100));
        assert!(budget.spend() && !budget.spend());
        budget.at(start + Duration::from_hours(1));
        assert_eq!((0..50).filter(|_| budget.spend()).count(), 10, "and no more");
        budget.at(start);
        assert!(!budget.spend(), "time does not run twice");
    }
}
