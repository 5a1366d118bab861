//! Metrics: what is counted of each settled request.
//!
//! **Invariant:** bounded. Callers choose the names of models, so at most [`MODELS_MAX`] are told apart;
//! and no metric has more than [`SERIES_MAX`] series. What is beyond is counted as one.

use crate::directory::{Directory, Whom};
use crate::names;
use crate::spans::{fault, fault_of};
use crate::wire;
use crate::wire::{AnyValue, CUMULATIVE, Count, KeyValue, Points, Spread};
use ir::{AttemptRecord, Record, Shape, Usage};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Names of models that are told apart; the others are [`OTHER`].
const MODELS_MAX: usize = 256;
const OTHER: &str = "_other";
/// Series of one metric, as the metrics SDK specification has it.
const SERIES_MAX: usize = 2000;
const NANOS_PER_MS: u64 = 1_000_000;

/// Buckets for durations and for tokens, as the conventions give them.
const SECONDS: &[f64] =
    &[0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
const FIRST_TOKEN: &[f64] =
    &[0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
const TOKENS: &[f64] = &[
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1_024.0,
    4_096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];

/// Everything that was counted since the start.
#[derive(Debug)]
pub(crate) struct Meter {
    began_unix_ms: u64,
    models: BTreeSet<Arc<str>>,
    series: BTreeMap<Metric, BTreeMap<Labels, Cell>>,
}

/// What is measured.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Metric {
    OperationDuration,
    TokenUsage,
    FirstChunk,
    ServerDuration,
    ServerFirstToken,
    Requests,
    Attempts,
    Failovers,
}

/// How a metric is named and measured; counted where there are no bounds.
struct Spec {
    name: &'static str,
    unit: &'static str,
    description: &'static str,
    bounds: Option<&'static [f64]>,
}

/// What sets a series apart.
type Labels = Vec<(&'static str, Label)>;

#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Label {
    Text(Arc<str>),
    Number(u64),
    Flag(bool),
}

/// One series.
#[derive(Clone, Debug)]
struct Cell {
    count: u64,
    sum: f64,
    min: f64,
    max: f64,
    buckets: Vec<u64>,
}

// === impl Meter ===

impl Meter {
    pub(crate) fn new(began_unix_ms: u64) -> Self {
        Self { began_unix_ms, models: BTreeSet::new(), series: BTreeMap::new() }
    }

    /// Counts a settled request.
    pub(crate) fn count(&mut self, record: &Record, directory: &Directory) {
        for attempt in &record.attempts {
            self.attempt(record, attempt, directory);
        }
        let asked = self.model(&record.model);
        let served = record.target.as_deref().map(|target| directory.find(target));
        let mut labels = base(record);
        let provider = served.as_ref().map(|whom| text(whom.provider()));
        labels.extend(provider.map(|it| (names::PROVIDER, it)));
        labels.extend(asked.clone().map(|it| (names::REQUEST_MODEL, it)));
        if let (Some(ms), Shape::Stream) = (record.first_content_ms, record.shape) {
            self.seconds(Metric::ServerFirstToken, labels.clone(), ms);
        }
        labels.extend(fault(record).map(|it| (names::ERROR_TYPE, text(it))));
        self.seconds(Metric::ServerDuration, labels, record.total_ms);

        let mut labels: Labels = base(record);
        labels.extend(asked.map(|it| (names::REQUEST_MODEL, it)));
        if let (Some(whom), true) = (&served, is_failover(record)) {
            let mut labels = labels.clone();
            labels.push((names::PROVIDER_SECTION, text(whom.section)));
            self.add(Metric::Failovers, labels, 1.0);
        }
        labels.push((names::ENDING, text(record.ending.word())));
        labels.extend(record.code.map(|code| (names::CODE, text(code))));
        self.add(Metric::Requests, labels, 1.0);
    }

    fn attempt(&mut self, record: &Record, attempt: &AttemptRecord, directory: &Directory) {
        let whom = directory.find(&attempt.target);
        let mut labels = self.whom(record, &whom);
        if let Usage::Exact(tokens) = attempt.usage {
            let input = tokens.input.saturating_add(tokens.cache_read);
            let input = input.saturating_add(tokens.cache_write);
            for (kind, count) in [("input", input), ("output", tokens.output)] {
                let mut labels = labels.clone();
                labels.push((names::TOKEN_TYPE, text(kind)));
                self.add(Metric::TokenUsage, labels, float(count));
            }
        }
        if let (Some(ms), Shape::Stream) = (attempt.first_content_ms, record.shape) {
            self.seconds(Metric::FirstChunk, labels.clone(), ms);
        }
        // What we ended ourselves says nothing of how long it takes.
        if !matches!(attempt.outcome, "lost" | "abandoned") {
            labels.extend(fault_of(attempt).map(|class| (names::ERROR_TYPE, text(class))));
            self.seconds(Metric::OperationDuration, labels, attempt.lasted_ms);
        }

        let mut labels = base(record);
        labels.push((names::PROVIDER_SECTION, text(whom.section)));
        labels.extend(self.model(whom.model).map(|it| (names::REQUEST_MODEL, it)));
        labels.push((names::OUTCOME, text(attempt.outcome)));
        self.add(Metric::Attempts, labels, 1.0);
    }

    /// Whom an attempt asked, as the conventions want it.
    fn whom(&mut self, record: &Record, whom: &Whom<'_>) -> Labels {
        let mut labels = base(record);
        labels.push((names::PROVIDER, text(whom.provider())));
        labels.extend(self.model(whom.model).map(|it| (names::REQUEST_MODEL, it)));
        if let Some(peer) = whom.peer {
            labels.push((names::SERVER_ADDRESS, Label::Text(Arc::clone(&peer.host))));
            labels.push((names::SERVER_PORT, Label::Number(peer.port.into())));
        }
        labels
    }

    /// The name of a model, while there is room for another.
    fn model(&mut self, name: &str) -> Option<Label> {
        if name.is_empty() {
            return None;
        }
        if let Some(known) = self.models.get(name) {
            return Some(Label::Text(Arc::clone(known)));
        }
        if MODELS_MAX <= self.models.len() {
            return Some(text(OTHER));
        }
        let name: Arc<str> = Arc::from(name);
        self.models.insert(Arc::clone(&name));
        Some(Label::Text(name))
    }

    fn seconds(&mut self, metric: Metric, labels: Labels, ms: u64) {
        self.add(metric, labels, Duration::from_millis(ms).as_secs_f64());
    }

    fn add(&mut self, metric: Metric, labels: Labels, value: f64) {
        let series = self.series.entry(metric).or_default();
        let room = series.len() < SERIES_MAX - 1 || series.contains_key(&labels);
        let labels = if room { labels } else { vec![(names::OVERFLOW, Label::Flag(true))] };
        let bounds = metric.spec().bounds.unwrap_or_default();
        series.entry(labels).or_insert_with(|| Cell::new(bounds)).add(value, bounds);
    }

    /// Everything so far, as it is exported.
    pub(crate) fn told(&self, now_unix_ms: u64) -> Vec<wire::Metric> {
        let times = (nanos(self.began_unix_ms), nanos(now_unix_ms));
        let one = |(metric, series): (&Metric, &BTreeMap<Labels, Cell>)| {
            let Spec { name, unit, description, bounds } = metric.spec();
            let points = match bounds {
                Some(bounds) => Points::Histogram {
                    aggregation_temporality: CUMULATIVE,
                    data_points: series.iter().map(|it| spread(it, times, bounds)).collect(),
                },
                None => Points::Sum {
                    aggregation_temporality: CUMULATIVE,
                    is_monotonic: true,
                    data_points: series.iter().map(|it| counted(it, times)).collect(),
                },
            };
            wire::Metric { name, description, unit, points }
        };
        self.series.iter().map(one).collect()
    }
}

fn base(record: &Record) -> Labels {
    vec![(names::OPERATION, text(names::operation(record.counts)))]
}

/// Whether another target answered than the one that does while all is well.
fn is_failover(record: &Record) -> bool {
    record.target.is_some() && record.target != record.preferred
}

fn text(text: &str) -> Label {
    Label::Text(Arc::from(text))
}

#[expect(clippy::cast_precision_loss, reason = "nobody counts so many tokens")]
fn float(count: u64) -> f64 {
    count as f64
}

fn nanos(ms: u64) -> u64 {
    ms.saturating_mul(NANOS_PER_MS)
}

fn counted((labels, cell): (&Labels, &Cell), (began, now): (u64, u64)) -> Count {
    Count {
        attributes: attributes(labels),
        start_time_unix_nano: began,
        time_unix_nano: now,
        as_int: cell.count,
    }
}

fn spread(
    (labels, cell): (&Labels, &Cell),
    (began, now): (u64, u64),
    bounds: &'static [f64],
) -> Spread {
    Spread {
        attributes: attributes(labels),
        start_time_unix_nano: began,
        time_unix_nano: now,
        count: cell.count,
        sum: cell.sum,
        min: cell.min,
        max: cell.max,
        bucket_counts: cell.buckets.clone(),
        explicit_bounds: bounds,
    }
}

fn attributes(labels: &Labels) -> Vec<KeyValue> {
    let value = |label: &Label| match label {
        Label::Text(text) => AnyValue::from(&**text),
        Label::Number(number) => AnyValue::from(*number),
        Label::Flag(flag) => AnyValue::from(*flag),
    };
    labels.iter().map(|(key, label)| KeyValue::new(*key, value(label))).collect()
}

// === impl Metric ===

impl Metric {
    fn spec(self) -> Spec {
        let (name, unit, description, bounds) = match self {
            Self::OperationDuration => (
                "gen_ai.client.operation.duration",
                "s",
                "GenAI operation duration.",
                Some(SECONDS),
            ),
            Self::TokenUsage => (
                "gen_ai.client.token.usage",
                "{token}",
                "Number of input and output tokens used.",
                Some(TOKENS),
            ),
            Self::FirstChunk => (
                "gen_ai.client.operation.time_to_first_chunk",
                "s",
                "Time until a provider's first content, in a stream.",
                Some(SECONDS),
            ),
            Self::ServerDuration => (
                "gen_ai.server.request.duration",
                "s",
                "Time of a whole request, all attempts included.",
                Some(SECONDS),
            ),
            Self::ServerFirstToken => (
                "gen_ai.server.time_to_first_token",
                "s",
                "Time until the caller got the first content of a stream.",
                Some(FIRST_TOKEN),
            ),
            Self::Requests => {
                ("backstop.requests", "{request}", "Requests, by how they ended.", None)
            }
            Self::Attempts => {
                ("backstop.attempts", "{attempt}", "Attempts, by their outcome.", None)
            }
            Self::Failovers => (
                "backstop.failovers",
                "{request}",
                "Requests that another target served than the first of its chain.",
                None,
            ),
        };
        Spec { name, unit, description, bounds }
    }
}

// === impl Cell ===

impl Cell {
    fn new(bounds: &[f64]) -> Self {
        let buckets = vec![0; bounds.len() + 1];
        Self { count: 0, sum: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY, buckets }
    }

    /// A bound belongs to the bucket below it.
    fn add(&mut self, value: f64, bounds: &[f64]) {
        self.count += 1;
        self.sum += value;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        let at = bounds.partition_point(|bound| *bound < value);
        if let Some(bucket) = self.buckets.get_mut(at) {
            *bucket += 1;
        }
    }
}
