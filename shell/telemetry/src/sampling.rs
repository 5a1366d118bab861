//! Which traces are exported: the caller's word, else by the trace's own digits, so that everybody
//! along a trace decides alike.

use ir::Trace;

/// Traces whose digits are below this are left out: `1 - share`, of 56 bits
/// (<https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/>).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sampling {
    least: u64,
}

const BITS: u64 = 1 << 56;

// === impl Sampling ===

impl Sampling {
    /// Keeps this share, from 0 to 1.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "a power of two times a number from 0 to 1 is exact and stays below it"
    )]
    pub(crate) fn new(share: f64) -> Self {
        Self { least: ((1.0 - share.clamp(0.0, 1.0)) * BITS as f64) as u64 }
    }

    pub(crate) fn keeps(self, trace: &Trace) -> bool {
        let digits = u64::try_from(trace.id.0 & u128::from(BITS - 1)).unwrap_or(0);
        trace.sampled.unwrap_or(self.least <= digits)
    }
}

#[cfg(test)]
mod tests {
    use super::{BITS, Sampling};
    use ir::{SpanId, Trace, TraceId};

    #[track_caller]
    fn check(share: f64, digits: u64, expect: bool) {
        let own = Trace::root(TraceId((7 << 56) | u128::from(digits)));
        assert_eq!(Sampling::new(share).keeps(&own), expect, "{share} {digits:x}");
        for said in [true, false] {
            let theirs = Trace { parent: Some(SpanId(1)), sampled: Some(said), ..own.clone() };
            assert_eq!(Sampling::new(share).keeps(&theirs), said, "{share}: a caller says {said}");
        }
    }

    #[test]
    fn a_share_is_kept_by_the_digits_unless_the_caller_decided() {
        for digits in [0, 1, BITS / 2, BITS - 1] {
            check(1.0, digits, true);
            check(0.0, digits, false);
        }
        check(0.5, BITS / 2 - 1, false);
        check(0.5, BITS / 2, true);
        check(0.25, BITS / 2, false);
        check(0.25, BITS / 4 * 3, true);
    }
}
