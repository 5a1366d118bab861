//! Dialect ⇄ ir: what requests ask for, what answers mean, and the few bytes that are our own.
//!
//! Within one dialect nothing is re-serialised: a request keeps its bytes but for what is spliced into
//! them (the model's name, [`Head::splice`]; seals and the turns that ask for the rest of an answer,
//! [`request`]), and an answer's frames carry the exact bytes they came in ([`Decoder`]).
//! Between two dialects an answer is written anew from what its events carry ([`Crossing`]).
//!
//! **Invariants:** CD1, a decoder gives the same events, and the same bytes in the same order, for
//! every split of its input; CD2, the frames' bytes and what [`Decoder::finish`] returns, put
//! together, are the input. No byte of a provider or of a caller can make this crate panic.

mod broken;
mod chat;
mod conform;
mod crossing;
mod decoder;
mod error;
mod fold;
mod head;
mod json;
mod lazy;
mod messages;
mod models;
pub mod own;
#[cfg(test)]
mod proof;
mod rejection;
pub mod request;
mod responses;
pub mod seal;
mod sse;
mod whole;

pub use conform::{Conform, conforms};
pub use crossing::{Crossing, CrossingPlan, Resume};
pub use decoder::Decoder;
pub use error::Error;
pub use fold::Fold;
pub use head::{Head, Kept, Pieces, Watch, read_head};
pub use json::Balance;
pub use models::read_models;
pub use rejection::read_rejection;
pub use sse::{FRAME_BYTES_MAX, data_of, is_comment, names_error};
pub use whole::{NotWhole, read_envelope, read_seals, read_whole, unfold, unfold_unread};
