//! What an operator may turn: the numbers behind the decisions, with their defaults.

use std::time::Duration;

/// How long to wait for what. See `docs/reference/config.md`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Deadlines {
    /// DNS, TCP and TLS of one attempt.
    pub connect: Duration,
    /// Without content by then, the next target starts beside the silent one.
    pub patience: Duration,
    /// The same for whole answers, which show no content until they are done.
    pub patience_whole: Duration,
    /// The same for requests that ask for reasoning, until the target's own pace is known.
    pub patience_thinking: Duration,
    /// Hard limit of one attempt until its first content.
    pub first_content: Duration,
    /// The same for requests that ask for reasoning, which many models do without showing it.
    pub first_content_thinking: Duration,
    /// Between contents inside an open text block.
    pub idle: Duration,
    /// Between contents everywhere else.
    pub idle_thinking: Duration,
    /// Of the whole request until the commit.
    pub total: Duration,
    /// How long a local server may take to load its model.
    pub load: Duration,
}

/// How often to try again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Retries {
    /// Attempts on one target, per request.
    pub per_target: u32,
    /// Attempts in all, per request; never fewer than the chain is long.
    pub total: u32,
    /// The longest wait that is waited out on the target that asks for it.
    pub wait: Duration,
    /// Base of the exponential backoff; the wait is drawn between 0 and it (full jitter).
    pub backoff: Duration,
    /// Cap of the backoff.
    pub backoff_max: Duration,
    /// Extra attempts as a share of requests, over all traffic.
    pub ratio: f64,
    /// Extra attempts allowed before any traffic was seen.
    pub reserve: f64,
    /// A stream that writes less than this share of what is usual for its target crawls; 0 for never.
    pub crawl: f64,
}

/// When a target is known to be down.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Breakers {
    /// Consecutive failures that open it.
    pub failures: u32,
    /// Or: a success rate below this, …
    pub success_rate: f64,
    /// … over this window, …
    pub window: Duration,
    /// … with at least this many requests in it.
    pub requests: u32,
    /// The first opening lasts up to this long, each further one twice as long, …
    pub open: Duration,
    /// … up to this.
    pub open_max: Duration,
    /// How often a free probe asks whether it is back.
    pub probe: Duration,
}

// === impl Deadlines ===

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            patience: Duration::from_secs(10),
            patience_whole: Duration::from_mins(1),
            patience_thinking: Duration::from_mins(1),
            first_content: Duration::from_mins(2),
            first_content_thinking: Duration::from_mins(5),
            idle: Duration::from_secs(10),
            idle_thinking: Duration::from_mins(2),
            total: Duration::from_mins(10),
            load: Duration::from_mins(2),
        }
    }
}

// === impl Retries ===

impl Default for Retries {
    fn default() -> Self {
        Self {
            per_target: 2,
            total: 8,
            wait: Duration::from_secs(3),
            backoff: Duration::from_millis(250),
            backoff_max: Duration::from_secs(2),
            ratio: 0.2,
            reserve: 10.0,
            crawl: 0.05,
        }
    }
}

// === impl Breakers ===

impl Default for Breakers {
    fn default() -> Self {
        Self {
            failures: 5,
            success_rate: 0.7,
            window: Duration::from_secs(30),
            requests: 10,
            open: Duration::from_secs(5),
            open_max: Duration::from_mins(2),
            probe: Duration::from_secs(5),
        }
    }
}
