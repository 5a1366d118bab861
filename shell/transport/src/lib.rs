//! The only seam to sockets, TLS, DNS, the clock and entropy.
//!
//! **Invariants:** it decides nothing (no retry, no redirect, no proxy or certificate that it was
//! not given): every trouble becomes an
//! [`ir::Failure`] as it was observed. Nothing above this crate reads a clock, opens a socket or draws
//! entropy by itself, so that a simulator can put its own in their place: a [`Clock`] whose wall
//! clock goes with tokio's, and an [`Outside`].

mod clock;
mod entropy;
mod handover;
mod listener;
mod net;
mod outside;
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
pub use entropy::{Entropy, entropy, secret};
pub use handover::{Estate, Inheritance, Testator, inherited};
pub use listener::{
    Connections, Fault, LAST_WORD, ListenerSettings, Peer, ServerTls, Stopping, TlsError, bind,
    serve,
};
pub use net::{Accept, Connecting, Link, Net, Network, Tcp};
pub use outside::Outside;
pub use payload::Payload;
pub use upstream::{
    Answer, AnswerBody, Error, Origin, Resolver, Roots, Sending, Upstream, UpstreamSettings, Via,
    interleave, judged,
};
