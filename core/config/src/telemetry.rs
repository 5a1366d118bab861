//! Where traces and metrics go.

use crate::{BaseUrl, Way};
use secrecy::{ExposeSecret, SecretString};
use std::time::Duration;

/// The `[telemetry]` section, where it names a collector.
#[derive(Clone, Debug)]
pub struct Telemetry {
    /// The collector. `/traces` and `/metrics` go behind its path.
    pub otlp: BaseUrl,
    /// What each export carries beside its own headers; names in lower case, values fit for a
    /// header.
    pub headers: Vec<(String, SecretString)>,
    /// The share of traces that is exported, from 0 to 1, where the caller did not decide.
    pub sample: f64,
    /// How often metrics are exported.
    pub interval: Duration,
    /// Whether traces are exported.
    pub traces: bool,
    /// Whether metrics are exported.
    pub metrics: bool,
    /// What this process is called.
    pub service: String,
    /// What else is said of it.
    pub resource: Vec<(String, String)>,
    /// How the collector is reached.
    pub way: Way,
}

// === impl Telemetry ===

impl Telemetry {
    /// Whether an exporter for one does for the other.
    pub fn is_same(&self, other: &Self) -> bool {
        let Self { otlp, headers, sample, interval, traces, metrics, service, resource, way } =
            self;
        let mut pairs = headers.iter().zip(&other.headers);
        *otlp == other.otlp
            && headers.len() == other.headers.len()
            && pairs
                .all(|(one, two)| one.0 == two.0 && one.1.expose_secret() == two.1.expose_secret())
            && sample.total_cmp(&other.sample).is_eq()
            && *interval == other.interval
            && (*traces, *metrics) == (other.traces, other.metrics)
            && *service == other.service
            && *resource == other.resource
            && way.is_same(&other.way)
    }
}
