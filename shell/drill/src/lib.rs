//! Drills: what tests, the demo and the bench put in the place of the outside world.
//!
//! **Invariant:** nothing here shares code with the gateway: neither its codec nor its HTTP.

pub mod provider;

pub use provider::Provider;
