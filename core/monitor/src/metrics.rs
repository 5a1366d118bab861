//! The fold: what every record adds to the counters.
//!
//! Absent: rates and averages. Who sees the counters at two times has both.

mod attempts;
mod requests;

use crate::family::{Counters, Kind, Registry};
use crate::gauges::Gauges;
use crate::names::OTHER;
use crate::page::{Measure, Page};
use attempts::Attempts;
use ir::Record;
use requests::Requests;

/// What was counted since the process began.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Requests,
    attempts: Attempts,
    losses: Counters<1>,
    bytes_out: u64,
    pings: u64,
    malformed: u64,
}

// === impl Metrics ===

impl Default for Metrics {
    fn default() -> Self {
        Self {
            registry: Registry::default(),
            requests: Requests::default(),
            attempts: Attempts::default(),
            losses: Counters::new(
                "backstop_losses_total",
                ["field"],
                "What did not come along to a target of another dialect, or back.",
            ),
            bytes_out: 0,
            pings: 0,
            malformed: 0,
        }
    }
}

impl Metrics {
    /// Takes a record in.
    pub fn take(&mut self, record: &Record) {
        self.requests.take(record, &mut self.registry);
        self.attempts.take(record, &mut self.registry);
        for loss in &record.losses {
            let (field, several) = lost(loss);
            let field = self.registry.value(Kind::Field, field, true);
            self.losses.add([field], several);
        }
        self.bytes_out = self.bytes_out.saturating_add(record.bytes_out);
        self.pings = self.pings.saturating_add(u64::from(record.pings));
        self.malformed = self.malformed.saturating_add(u64::from(record.malformed));
    }

    /// The page of a scrape, in the Prometheus text format: what was counted, and how it stands.
    pub fn render(&self, gauges: &Gauges) -> String {
        let (mut page, registry) = (Page::default(), &self.registry);
        self.requests.render(registry, &mut page);
        self.attempts.render(registry, &mut page);
        self.losses.render(registry, &mut page);
        for (name, help, count) in [
            ("backstop_bytes_out_total", "Bytes of answers handed to callers.", self.bytes_out),
            ("backstop_pings_total", "Keep-alives of ours in answers.", self.pings),
            (
                "backstop_malformed_frames_total",
                "Frames of providers that could not be read and were left out.",
                self.malformed,
            ),
        ] {
            page.single(name, Measure::Counter, help, count);
        }
        gauges.render(registry.names(Kind::Target).iter(), &mut page);
        page.finish()
    }
}

/// The field of a loss as records say it, `thinking.display=dropped`; or how many more there were.
fn lost(loss: &str) -> (&str, u64) {
    let more = loss.strip_prefix("and ").and_then(|it| it.strip_suffix(" more"));
    match (more.and_then(|it| it.parse().ok()), loss.rsplit_once('=')) {
        (Some(more), _) => (OTHER, more),
        (None, Some((field, _))) => (field, 1),
        (None, None) => (OTHER, 1),
    }
}
