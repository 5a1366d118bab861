//! The nouns every other room speaks: time, dialects, frames, failures, records.
//!
//! **Invariant:** this crate depends on no other crate of the workspace, does no I/O and reads no clock.

pub mod dialect;
pub mod event;
pub mod evidence;
pub mod failure;
pub mod invariant;
pub mod loss;
pub mod quirks;
pub mod reach;
pub mod record;
pub mod repair;
pub mod request;
pub mod said;
pub mod time;
pub mod trace;
pub mod traits;
pub mod usage;

pub use dialect::{Crossable, Dialect, Shape};
pub use event::{
    Aside, Block, BlockKind, Call, Envelope, Event, Events, Finish, Frame, ItemEvent, Mark,
    Opening, Piece, Reason, Whole,
};
pub use evidence::Evidence;
pub use failure::{Blame, Connect, Deadline, Dns, Failure, Hints, Proxy, Rejection, Tls};
pub use invariant::Invariant;
pub use loss::{LOSSES_MAX, Loss, Losses};
pub use quirks::{Auth, Prefill, Quirks, TokenField, UsageFlag};
pub use reach::{Place, Reach};
pub use record::{AttemptRecord, Ending, Record};
pub use repair::Repair;
pub use request::Request;
pub use said::Said;
pub use time::Time;
pub use trace::{SpanId, Trace, TraceId};
pub use traits::{Thinks, Traits};
pub use usage::{Tokens, Usage};
