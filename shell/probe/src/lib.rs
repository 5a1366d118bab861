//! Measures evidence about providers, and decides nothing.
//!
//! A [`Subject`] says who is measured, a [`Ground`] from where: this machine, or whatever stands in
//! for parts of it. [`measure`] asks everything at once and brings [`ir::Evidence`]; [`knock`] asks
//! the one thing that costs nothing; [`would_ask`] only says who would be asked.
//!
//! **Invariants:** whatever is asked has a limit in time and in bytes; nothing on the machine is
//! changed; nothing that costs tokens is asked unless that was allowed. What was not measured is
//! absent from the evidence, and never made up. Keys go only where a certificate that is trusted
//! says so, or where the operator wrote `http`.

mod asked;
mod control;
mod dns;
mod ground;
mod local;
mod measure;
mod offline;
mod roads;
#[cfg(test)]
mod stage;
pub mod status;
mod subject;
mod wire;

pub use ground::{Doh, Files, Ground, Limits, Neutral, PortalPage, Trusted, Way, Ways};
pub use measure::{Asks, knock, measure, would_ask};
pub use offline::look;
pub use subject::{Base, Completion, Error, Header, Named, Proxy, Subject};
