//! OTLP 1.x as JSON, by the mapping of
//! <https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>: ids as hex digits, 64-bit numbers as
//! decimal strings, enums as numbers.
//!
//! **Invariant:** no text is longer than [`TEXT_MAX`] bytes.

use crate::names::SCHEMA_URL;
use ir::{SpanId, TraceId};
use serde::{Serialize, Serializer};
use std::borrow::Cow;
use std::fmt::Display;

/// The longest text of an attribute.
const TEXT_MAX: usize = 4 << 10;

/// The body of `/v1/traces`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Traces<'a> {
    resource_spans: [ResourceSpans<'a>; 1],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceSpans<'a> {
    resource: &'a Resource,
    scope_spans: [ScopeSpans; 1],
    schema_url: &'static str,
}

#[derive(Debug, Serialize)]
struct ScopeSpans {
    scope: Scope,
    spans: Vec<Span>,
}

/// The body of `/v1/metrics`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Metrics<'a> {
    resource_metrics: [ResourceMetrics<'a>; 1],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceMetrics<'a> {
    resource: &'a Resource,
    scope_metrics: [ScopeMetrics; 1],
    schema_url: &'static str,
}

#[derive(Debug, Serialize)]
struct ScopeMetrics {
    scope: Scope,
    metrics: Vec<Metric>,
}

/// Who tells.
#[derive(Debug, Serialize)]
pub(crate) struct Resource {
    pub(crate) attributes: Vec<KeyValue>,
}

#[derive(Debug, Serialize)]
struct Scope {
    name: &'static str,
    version: &'static str,
}

/// One piece of work.
#[expect(clippy::struct_field_names, reason = "as OTLP calls them")]
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Span {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) trace_state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) parent_span_id: Option<SpanId>,
    pub(crate) flags: u32,
    pub(crate) name: String,
    #[serde(serialize_with = "number")]
    pub(crate) kind: Kind,
    #[serde(serialize_with = "decimal")]
    pub(crate) start_time_unix_nano: u64,
    #[serde(serialize_with = "decimal")]
    pub(crate) end_time_unix_nano: u64,
    pub(crate) attributes: Vec<KeyValue>,
    pub(crate) status: Status,
}

/// On which side of a call a span is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Server = 2,
    Client = 3,
}

/// How a span ended: nothing said, or as an error.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Status {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<u8>,
}

/// One metric with its series.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Metric {
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
    pub(crate) unit: &'static str,
    #[serde(flatten)]
    pub(crate) points: Points,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Points {
    #[serde(rename_all = "camelCase")]
    Sum { aggregation_temporality: u8, is_monotonic: bool, data_points: Vec<Count> },
    #[serde(rename_all = "camelCase")]
    Histogram { aggregation_temporality: u8, data_points: Vec<Spread> },
}

/// How often.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Count {
    pub(crate) attributes: Vec<KeyValue>,
    #[serde(serialize_with = "decimal")]
    pub(crate) start_time_unix_nano: u64,
    #[serde(serialize_with = "decimal")]
    pub(crate) time_unix_nano: u64,
    #[serde(serialize_with = "decimal")]
    pub(crate) as_int: u64,
}

/// How much, in buckets.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Spread {
    pub(crate) attributes: Vec<KeyValue>,
    #[serde(serialize_with = "decimal")]
    pub(crate) start_time_unix_nano: u64,
    #[serde(serialize_with = "decimal")]
    pub(crate) time_unix_nano: u64,
    #[serde(serialize_with = "decimal")]
    pub(crate) count: u64,
    pub(crate) sum: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    #[serde(serialize_with = "decimals")]
    pub(crate) bucket_counts: Vec<u64>,
    pub(crate) explicit_bounds: &'static [f64],
}

/// One attribute.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct KeyValue {
    key: Cow<'static, str>,
    value: AnyValue,
}

/// What an attribute says.
#[expect(clippy::enum_variant_names, reason = "as OTLP calls them")]
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum AnyValue {
    StringValue(String),
    BoolValue(bool),
    #[serde(serialize_with = "decimal")]
    IntValue(i64),
    DoubleValue(f64),
    ArrayValue {
        values: Vec<AnyValue>,
    },
}

/// `AGGREGATION_TEMPORALITY_CUMULATIVE`: a point that is lost costs nothing.
pub(crate) const CUMULATIVE: u8 = 2;
/// `STATUS_CODE_ERROR`.
pub(crate) const ERROR: u8 = 2;

const SCOPE: Scope = Scope { name: "backstop", version: env!("CARGO_PKG_VERSION") };

// === impl Traces ===

impl<'a> Traces<'a> {
    pub(crate) fn new(resource: &'a Resource, spans: Vec<Span>) -> Self {
        let scope_spans = [ScopeSpans { scope: SCOPE, spans }];
        Self { resource_spans: [ResourceSpans { resource, scope_spans, schema_url: SCHEMA_URL }] }
    }
}

// === impl Metrics ===

impl<'a> Metrics<'a> {
    pub(crate) fn new(resource: &'a Resource, metrics: Vec<Metric>) -> Self {
        let scope_metrics = [ScopeMetrics { scope: SCOPE, metrics }];
        let schema_url = SCHEMA_URL;
        Self { resource_metrics: [ResourceMetrics { resource, scope_metrics, schema_url }] }
    }
}

// === impl KeyValue ===

impl KeyValue {
    pub(crate) fn new(key: impl Into<Cow<'static, str>>, value: impl Into<AnyValue>) -> Self {
        Self { key: key.into(), value: value.into() }
    }
}

// === impl AnyValue ===

impl From<&str> for AnyValue {
    fn from(text: &str) -> Self {
        Self::StringValue(text.get(..text.floor_char_boundary(TEXT_MAX)).unwrap_or(text).to_owned())
    }
}

impl From<bool> for AnyValue {
    fn from(flag: bool) -> Self {
        Self::BoolValue(flag)
    }
}

impl From<i64> for AnyValue {
    fn from(number: i64) -> Self {
        Self::IntValue(number)
    }
}

impl From<u64> for AnyValue {
    fn from(number: u64) -> Self {
        Self::IntValue(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<f64> for AnyValue {
    fn from(number: f64) -> Self {
        Self::DoubleValue(number)
    }
}

impl From<&[String]> for AnyValue {
    fn from(texts: &[String]) -> Self {
        Self::ArrayValue { values: texts.iter().map(|text| Self::from(text.as_str())).collect() }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn number<S: Serializer>(kind: &Kind, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u8(*kind as u8)
}

fn decimal<S: Serializer>(number: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}

fn decimals<S: Serializer>(numbers: &[u64], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(numbers.iter().map(u64::to_string))
}
