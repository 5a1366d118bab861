//! Whether an attempt may begin: the right to it, or why not.

use crate::breaker::Epoch;
use ir::Time;
use std::time::Duration;

/// The right to one attempt. It must come back through [`Health::ended`](super::Health::ended).
#[derive(Debug, Eq, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "what is known of it, each on its own; no state")]
pub struct Permit {
    /// Which of the provider's credentials.
    pub credential: usize,
    /// It finds out whether the target, or its host, is back.
    pub proving: bool,
    /// It is the one let through to a host that is down.
    pub(super) host: bool,
    /// Its failure was counted already, when it lost our patience.
    pub(super) counted: bool,
    /// When the head of an answer came.
    pub(super) heard: Option<Time>,
    /// It showed content.
    pub(super) shown: bool,
    /// It finds out whether a slow target still is.
    pub(crate) measures: bool,
    /// It was said that it is late.
    pub(super) late: bool,
    /// The mean time between the contents of its stream, where that tells anything.
    pub(crate) gap: Option<Duration>,
    pub(super) epoch: Epoch,
}

/// Whether an attempt may begin.
#[derive(Debug, Eq, PartialEq)]
pub enum Admission {
    /// It may.
    Go(Permit),
    /// Not before this time, and why.
    Shut(Time, Why),
}

/// Why an attempt may not begin.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Why {
    /// The breaker is open.
    Open,
    /// A trial is under way.
    Trial,
    /// It comes back in steps, and this step is taken.
    Ramp,
    /// It would have to prove itself, and the budget for that is used up.
    Budget,
    /// It was found misconfigured.
    Misconfigured,
    /// Its host is down.
    HostDown,
    /// It asked to be left alone.
    Cooling,
    /// Every credential rests.
    Parked,
    /// It takes several times as long as usual, and another is well and faster.
    Slow,
}

// === impl Why ===

impl Why {
    /// Its word in trails and records.
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Trial => "trial",
            Self::Ramp => "ramp",
            Self::Budget => "budget",
            Self::Misconfigured => "misconfigured",
            Self::HostDown => "host_down",
            Self::Cooling => "cooling",
            Self::Parked => "parked",
            Self::Slow => "slow",
        }
    }
}

// === impl Permit ===

impl Permit {
    pub(super) fn new(credential: usize, epoch: Epoch) -> Self {
        Self {
            credential,
            proving: false,
            host: false,
            counted: false,
            heard: None,
            shown: false,
            measures: false,
            late: false,
            gap: None,
            epoch,
        }
    }

    /// Whether its failure was counted already: it lost our patience, and how it ends says no more.
    pub fn is_counted(&self) -> bool {
        self.counted
    }

    /// As [`Standing::epoch`] was when it was given.
    pub(crate) fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The head of an answer came: somebody is there, whatever follows.
    pub(crate) fn heard(&mut self, now: Time) {
        self.heard = Some(now);
    }
}
