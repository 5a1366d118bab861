//! Where a request stands in a trace, in the terms of W3C Trace Context
//! (<https://www.w3.org/TR/trace-context/>).

use serde::{Serialize, Serializer};
use std::fmt;
use std::sync::Arc;

/// The name of a trace. Never all zero.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct TraceId(pub u128);

/// The name of a span. Never zero.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct SpanId(pub u64);

/// The place of one request.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Trace {
    /// The caller's trace, or one of our own.
    #[serde(rename = "trace_id")]
    pub id: TraceId,
    /// The caller's span; absent where it named none.
    #[serde(rename = "parent_span_id", skip_serializing_if = "Option::is_none")]
    pub parent: Option<SpanId>,
    /// Whether the caller keeps its trace; `None` where it named none.
    #[serde(skip)]
    pub sampled: Option<bool>,
    /// The caller's `tracestate`, as it came.
    #[serde(skip)]
    pub state: Option<Arc<str>>,
}

// === impl TraceId ===

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl Serialize for TraceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

// === impl SpanId ===

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Serialize for SpanId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

// === impl Trace ===

impl Trace {
    /// The beginning of a trace.
    pub fn root(id: TraceId) -> Self {
        Self { id, parent: None, sampled: None, state: None }
    }
}
