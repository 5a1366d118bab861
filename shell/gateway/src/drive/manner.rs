//! How an attempt asks, and what the caller wished for.

use super::resume::Going;
use crate::ask::Endpoint;
use crate::unsaid::Unsaid;
use codec::CrossingPlan;
use ir::{Dialect, Losses, Shape};
use std::sync::Arc;
use transport::Clock;

/// How an attempt asks.
#[derive(Debug, Default)]
pub(super) struct Manner {
    /// For a stream, although the caller wants a whole answer.
    pub(super) watched: bool,
    /// In another dialect than the caller's.
    pub(super) crossing: Option<CrossingPlan>,
    /// What did not come along; in the end also of the answer.
    pub(super) losses: Losses,
    /// What of the request could be written otherwise, where it was written anew or goes on.
    pub(super) fields: Vec<&'static str>,
    /// What must not come back.
    pub(super) unsaid: Arc<Unsaid>,
    /// The answer that it goes on with.
    pub(super) going: Option<Going>,
}

/// What the caller wished for, as far as reading answers needs it.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) dialect: Dialect,
    pub(super) endpoint: Endpoint,
    pub(super) shape: Shape,
    pub(super) choices: u32,
    pub(super) include_usage: bool,
    /// Its stream may have to be gone on with: what is said in it has to be known.
    pub(super) continues: bool,
    pub(super) answer_max: usize,
    pub(super) clock: Clock,
}
