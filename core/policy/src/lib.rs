//! Decisions, as state machines that are told the time and do no I/O.
//!
//! **Invariant:** nothing here reads a clock, draws entropy of its own, or performs I/O; the same
//! inputs give the same decisions.

pub mod board;
pub mod breaker;
pub mod brownout;
pub mod budget;
pub mod classify;
pub mod exchange;
pub mod hints;
pub mod joiner;
pub mod learned;
pub mod pace;
pub mod plan;
pub mod rate;
pub mod repair;
pub mod rng;
pub mod seam;
pub mod settings;
pub mod told;
pub mod verdict;

pub use board::{Admission, Board, Health, Member, Outcome, Permit, Probed, Standing, Why};
pub use brownout::Turn;
pub use classify::classify;
pub use exchange::{Action, AttemptId, Exchange, Final, Input, Report, Words};
pub use joiner::{Form, Joiner, NOTHING_MORE, Terms};
pub use learned::{Learned, Repairs};
pub use plan::{Leg, Plan, ProviderId};
pub use rng::Rng;
pub use seam::{Join, Joint, Seam, Shown, TOLD_MAX, anchor};
pub use settings::{Breakers, Deadlines, Retries};
pub use told::{Told, Way};
pub use verdict::{Class, Next, ROWS, Row, Same, Scope, Surface};
