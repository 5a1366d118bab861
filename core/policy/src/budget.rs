//! The retry budget: extra attempts as a share of all traffic, so that an outage is not multiplied.
//!
//! A token bucket filled by requests (Finagle's `RetryBudget`, gRPC A6): each request deposits
//! `ratio`, each extra attempt takes 1, and no more than `reserve` is ever kept for a quiet time.

/// The budget of all traffic.
#[derive(Debug)]
pub struct Budget {
    tokens: f64,
    ratio: f64,
    reserve: f64,
}

// === impl Budget ===

impl Budget {
    /// A full budget.
    pub fn new(ratio: f64, reserve: f64) -> Self {
        Self { tokens: reserve, ratio, reserve }
    }

    /// A request arrived.
    pub fn deposit(&mut self) {
        self.tokens = (self.tokens + self.ratio).min(self.reserve);
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
}
