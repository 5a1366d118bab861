//! The only seam to sockets, TLS, DNS, the clock and entropy.
//!
//! **Invariants:** it decides nothing (no retry, no redirect, no proxy or certificate that it was
//! not given): every trouble becomes an
//! [`ir::Failure`] as it was observed. Nothing below this crate reads a clock or opens a socket, so
//! that the simulator can stand in for it.

mod clock;
mod entropy;
mod handover;
mod listener;
mod payload;
#[cfg(any(test, fuzzing))]
pub mod proof {
    //! What fuzz targets hold to.

    pub use crate::listener::proof::check_head;
    pub use crate::upstream::proof::check_answer;
}
mod room;
mod stream;
mod upstream;

pub use clock::Clock;
pub use entropy::{entropy, secret};
pub use handover::{Estate, Inheritance, Testator, inherited};
pub use listener::{
    Connections, Fault, LAST_WORD, ListenerSettings, Peer, ServerTls, Stopping, TlsError, bind,
    serve,
};
pub use payload::Payload;
pub use upstream::{
    Answer, AnswerBody, Error, Origin, Resolver, Roots, Sending, Upstream, UpstreamSettings, Via,
};
