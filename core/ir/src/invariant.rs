//! The promises that hold at every step, each with an id.
//!
//! A broken one panics in debug builds, tests and simulation, and is counted in production, where
//! the answer goes on as well as it can.

use std::sync::atomic::{AtomicU64, Ordering};

/// A promise.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Invariant {
    /// No byte to the caller after the end.
    Ex1,
    /// Exactly one end per response, and it tells the truth.
    Ex2,
    /// Attempts do not exceed the plan.
    Ex3,
    /// No attempt outlives its exchange.
    Ex4,
    /// Delivered text is never doubled, lost or reordered across a switch.
    Ex5,
    /// No part of a tool call reaches the caller before its provider closed it.
    Ex6,
    /// A decoder gives the same events for every split of the bytes.
    Cd1,
    /// Relayed frames are unchanged and in order.
    Cd2,
    /// Reserved = settled + released.
    Bd1,
    /// One record per request.
    St1,
    /// A secret appears in no sink.
    Se1,
}

static BROKEN: [AtomicU64; Invariant::ALL.len()] =
    [const { AtomicU64::new(0) }; Invariant::ALL.len()];

// === impl Invariant ===

impl Invariant {
    /// Every promise.
    pub const ALL: [Self; 11] = [
        Self::Ex1,
        Self::Ex2,
        Self::Ex3,
        Self::Ex4,
        Self::Ex5,
        Self::Ex6,
        Self::Cd1,
        Self::Cd2,
        Self::Bd1,
        Self::St1,
        Self::Se1,
    ];

    /// Counts a breach. Use [`invariant!`](crate::invariant!), which also panics in debug builds.
    pub fn count(self) {
        if let Some(counter) = BROKEN.get(self as usize) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Its id: `EX1`.
    pub fn id(self) -> &'static str {
        match self {
            Self::Ex1 => "EX1",
            Self::Ex2 => "EX2",
            Self::Ex3 => "EX3",
            Self::Ex4 => "EX4",
            Self::Ex5 => "EX5",
            Self::Ex6 => "EX6",
            Self::Cd1 => "CD1",
            Self::Cd2 => "CD2",
            Self::Bd1 => "BD1",
            Self::St1 => "ST1",
            Self::Se1 => "SE1",
        }
    }

    /// How often it was broken since the process began.
    pub fn broken(self) -> u64 {
        BROKEN.get(self as usize).map_or(0, |counter| counter.load(Ordering::Relaxed))
    }
}

/// Checks a promise: panics where debug assertions are on, counts otherwise.
///
/// ```
/// ir::invariant!(Ex2, 1 + 1 == 2);
/// ```
#[macro_export]
macro_rules! invariant {
    ($id:ident, $cond:expr) => {
        if !$cond {
            $crate::Invariant::$id.count();
            debug_assert!(false, "invariant {} broken: {}", stringify!($id), stringify!($cond));
        }
    };
}
