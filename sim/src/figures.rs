//! What a world came to, in numbers; and how one says that a promise was broken.

use std::fmt;
use std::time::Duration;

/// The figures of one world, or of many.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Figures {
    /// Requests.
    pub requests: u64,
    /// Attempts that met a fault.
    pub faults: u64,
    /// Attempts of all of them.
    pub attempts: u64,
    /// Ended with a complete answer.
    pub answered: u64,
    /// Ended with an error before any content, where no target was healthy throughout.
    pub failed: u64,
    /// Ended with an error before any content although a target was healthy throughout, since the
    /// budget of extra attempts was used up.
    pub denied: u64,
    /// Ended with an error after content.
    pub broken: u64,
    /// Times that an answer was gone on with after content.
    pub seams: u64,
    /// Left by their caller.
    pub abandoned: u64,
    /// Answered by another target than the first of the chain.
    pub elsewhere: u64,
    /// Worlds in which everything was down at once.
    pub blackouts: u64,
    /// Attempts per hundred requests while everything was down, at worst.
    pub blackout_percent: u64,
    /// Recoveries of a first target under load.
    pub recoveries: u64,
    /// From the end of its outage until all requests went there again, at worst.
    pub recovery: Duration,
    /// Worlds in which the first target alone was slow.
    pub brown_outs: u64,
    /// The 99th percentile there beside the healthy one, in hundredths, at worst.
    pub brown_out_percent: u64,
    /// Inputs, timers and probes lived through.
    pub steps: u64,
    /// Of every action and its time: equal traces have equal hashes.
    pub hash: u64,
}

/// A broken promise.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Violation {
    /// The world that broke it.
    pub seed: u64,
    /// Which, and how.
    pub what: String,
}

// === impl Figures ===

impl Figures {
    /// Adds another world's.
    pub fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.attempts += other.attempts;
        self.faults += other.faults;
        self.answered += other.answered;
        self.failed += other.failed;
        self.denied += other.denied;
        self.broken += other.broken;
        self.seams += other.seams;
        self.abandoned += other.abandoned;
        self.elsewhere += other.elsewhere;
        self.blackouts += other.blackouts;
        self.blackout_percent = self.blackout_percent.max(other.blackout_percent);
        self.recoveries += other.recoveries;
        self.recovery = self.recovery.max(other.recovery);
        self.brown_outs += other.brown_outs;
        self.brown_out_percent = self.brown_out_percent.max(other.brown_out_percent);
        self.steps += other.steps;
        self.hash = self.hash.rotate_left(1) ^ other.hash;
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "requests   {} with {} attempts", self.requests, self.attempts)?;
        writeln!(f, "faults     {}", self.faults)?;
        writeln!(f, "answered   {}, elsewhere {}", self.answered, self.elsewhere)?;
        writeln!(f, "failed     {}, denied by the budget {}", self.failed, self.denied)?;
        writeln!(f, "gone on    {} times, broken {}", self.seams, self.broken)?;
        writeln!(f, "abandoned  {}", self.abandoned)?;
        let percent = self.blackout_percent;
        writeln!(f, "blackouts  {}, at worst {percent} attempts for 100 requests", self.blackouts)?;
        let worst = self.recovery.as_secs_f64();
        writeln!(f, "recoveries {}, at worst {worst:.1} s", self.recoveries)?;
        let percent = self.brown_out_percent;
        writeln!(f, "brown-outs {}, p99 at worst {percent} % of the healthy", self.brown_outs)?;
        write!(f, "steps      {}, trace {:016x}", self.steps, self.hash)
    }
}

// === impl Violation ===

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}: {}", self.seed, self.what)
    }
}

impl std::error::Error for Violation {}
