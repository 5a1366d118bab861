//! The Prometheus text format, version 0.0.4
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/>).

use std::fmt::{Display, Write};

/// The media type of a page.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What a family measures.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Measure {
    Counter,
    Gauge,
    Histogram,
}

/// A page under way. Writing to it cannot fail.
#[derive(Debug, Default)]
pub(crate) struct Page(String);

/// Milliseconds as seconds, exactly.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seconds(pub(crate) u64);

// === impl Measure ===

impl Measure {
    fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

// === impl Page ===

impl Page {
    /// Opens a family. Its samples follow, and no others.
    pub(crate) fn family(&mut self, name: &str, measure: Measure, help: &str) {
        let measure = measure.word();
        writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {measure}").unwrap_or_default();
    }

    /// One sample.
    pub(crate) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.0.push_str(name);
        let mut open = '{';
        for (label, value) in labels {
            self.0.push(open);
            self.0.push_str(label);
            self.0.push_str("=\"");
            for c in value.chars() {
                match c {
                    '\\' => self.0.push_str("\\\\"),
                    '"' => self.0.push_str("\\\""),
                    '\n' => self.0.push_str("\\n"),
                    c => self.0.push(c),
                }
            }
            self.0.push('"');
            open = ',';
        }
        let close = if labels.is_empty() { "" } else { "}" };
        writeln!(self.0, "{close} {value}").unwrap_or_default();
    }

    /// A family of one sample without labels.
    pub(crate) fn single(&mut self, name: &str, measure: Measure, help: &str, value: impl Display) {
        self.family(name, measure, help);
        self.sample(name, &[], value);
    }

    pub(crate) fn finish(self) -> String {
        self.0
    }
}

// === impl Seconds ===

impl Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (whole, rest) = (self.0 / 1000, self.0 % 1000);
        let rest = format!(".{rest:03}");
        write!(f, "{whole}{}", rest.trim_end_matches('0').trim_end_matches('.'))
    }
}

#[cfg(test)]
mod tests {
    use super::{Page, Seconds};

    #[test]
    fn seconds_are_exact() {
        let check = |ms: u64, expect: &str| assert_eq!(Seconds(ms).to_string(), expect);
        check(0, "0");
        check(1, "0.001");
        check(50, "0.05");
        check(250, "0.25");
        check(1000, "1");
        check(2500, "2.5");
        check(600_000, "600");
        check(u64::MAX, "18446744073709551.615");
    }

    #[test]
    fn values_of_labels_are_escaped() {
        let mut page = Page::default();
        page.sample("a", &[], 1);
        page.sample("b_total", &[("x", "\\ \" \n 模"), ("y", "")], Seconds(1500));
        assert_eq!(page.finish(), "a 1\nb_total{x=\"\\\\ \\\" \\n 模\",y=\"\"} 1.5\n");
    }
}
