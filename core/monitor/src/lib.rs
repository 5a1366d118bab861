//! Records into views: metrics for a scraper, one line for a reader.
//!
//! **Invariants:** what is told is bounded whatever callers ask for: names find a place up to
//! [`NAMES_MAX`], texts are escaped and cut. Nothing here holds content, and nothing reads a clock or
//! a file: what a process knows of itself is handed in as [`Gauges`].
//!
//! The text format is written here, in `page.rs`: it is small, and the field's crate for it
//! (`prometheus-client`) shares its counters behind locks, which are the shell's.

mod bundle;
mod diagnose;
mod family;
mod gauges;
mod layers;
mod line;
mod metrics;
mod moment;
mod names;
mod page;
mod shown;
pub mod status;
mod traffic;
mod verdict;
mod watch;

pub use bundle::redacted;
pub use diagnose::diagnose;
pub use gauges::{Gauges, Process, Reloads};
pub use layers::{Line, Mark, SHOWN, line as layer_line, lines};
pub use line::{human, json};
pub use metrics::Metrics;
pub use moment::Moment;
pub use names::NAMES_MAX;
pub use page::CONTENT_TYPE;
pub use shown::is_hidden;
pub use traffic::{Flow, KEYS_MAX, MODELS_MAX, Seen, Settled, Told};
pub use verdict::{Act, Advice, Cause, Layer, Reason, Row, Side, Verdict};
pub use watch::{Around, CERTAIN, Change, Counted, Due, Pace, Times, Watch, act, is_shared};

#[cfg(test)]
mod tests;
