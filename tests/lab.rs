//! The lab: servers on loopback that put a prober into every situation.
//!
//! Each server is a handle: it tells where it listens and what it was asked, and stops when it is
//! dropped. Nothing leaves this machine, nothing sleeps, and ports are the kernel's choice unless a
//! situation needs a known one.
//!
//! A [`Situation`] is a world made of them, with the ground and the subject that a prober gets in it.
//!
//! Absent: anything that measures or judges.

pub mod dns;
pub mod files;
pub mod http;
pub mod pages;
pub mod proxy;
pub mod server;
pub mod situation;
pub mod stage;
pub mod tcp;
pub mod tls;

pub use situation::Situation;
pub use stage::Stage;
