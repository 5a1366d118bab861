//! What becomes of a record, to the last attribute. After a wanted change:
//! `INSTA_UPDATE=always cargo test -p backstop-telemetry`.

use super::{AT, broken, config, failed_over, left, refused};
use crate::directory::Directory;
use crate::meter::Meter;
use crate::spans::spans;
use crate::wire::{Metrics, Resource, Traces};
use ir::Record;
use serde_json::Value;
use std::fmt::Write;
use std::sync::Arc;

/// As it is sent.
fn traces(record: &Record) -> Value {
    let spans = spans(record, &Directory::of(&config()));
    let resource = Resource { attributes: Vec::new() };
    serde_json::to_value(Traces::new(&resource, spans)).expect("JSON")
}

fn metrics(meter: &Meter) -> Value {
    let resource = Resource { attributes: Vec::new() };
    serde_json::to_value(Metrics::new(&resource, meter.told(AT + 10_000))).expect("JSON")
}

/// `key=value`, one after the other.
fn attributes(of: &Value) -> String {
    let all = of["attributes"].as_array().expect("attributes").iter().map(|it| {
        let value = it["value"].as_object().expect("a value");
        let (kind, value) = value.iter().next().expect("one");
        format!("    {} = {kind} {value}\n", it["key"].as_str().expect("a key"))
    });
    all.collect()
}

/// Everything but attributes on a line, and each of these on one.
fn shown(record: &Record) -> String {
    let all = traces(record);
    let spans = all["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().expect("spans");
    let one = |span: &Value| {
        let mut rest = span.clone();
        rest.as_object_mut().expect("a span").remove("attributes");
        format!("{rest}\n{}", attributes(span))
    };
    spans.iter().map(one).collect()
}

#[test]
fn spans_are_as_they_were() {
    for (name, record) in [
        ("failed_over", failed_over()),
        ("broken", broken()),
        ("refused", refused()),
        ("left", left()),
    ] {
        insta::assert_snapshot!(name, shown(&record));
    }
}

#[test]
fn the_bytes_are_as_they_were() {
    let text = serde_json::to_string_pretty(&traces(&refused())).expect("JSON");
    insta::assert_snapshot!("bytes_of_traces", text);
}

#[test]
fn metrics_are_as_they_were() {
    let directory = Directory::of(&config());
    let mut meter = Meter::new(AT);
    for record in [failed_over(), failed_over(), broken(), refused(), left()] {
        meter.count(&record, &directory);
    }
    let all = metrics(&meter);
    let mut text = String::new();
    for metric in all["resourceMetrics"][0]["scopeMetrics"][0]["metrics"].as_array().expect("some")
    {
        let kind = if metric["sum"].is_object() { "sum" } else { "histogram" };
        let mut head = metric.clone();
        let points = head[kind]["dataPoints"].take();
        writeln!(text, "{head}").expect("memory");
        for point in points.as_array().expect("points") {
            let mut rest = point.clone();
            let map = rest.as_object_mut().expect("a point");
            map.remove("attributes");
            map.remove("explicitBounds");
            write!(text, "  {rest}\n{}", attributes(point)).expect("memory");
        }
    }
    insta::assert_snapshot!("metrics", text);
}

/// How many series a metric has, and how much is in the one for the rest.
fn series(meter: &Meter, name: &str, rest: &str) -> (usize, u64) {
    let all = metrics(meter);
    let metrics = all["resourceMetrics"][0]["scopeMetrics"][0]["metrics"].as_array().expect("some");
    let metric = metrics.iter().find(|it| it["name"] == name).expect("a metric");
    let points = metric["sum"]["dataPoints"].as_array().expect("points");
    let here = points.iter().filter(|it| attributes(it).contains(rest));
    let count = |it: &Value| it["asInt"].as_str().and_then(|it| it.parse::<u64>().ok());
    (points.len(), here.filter_map(count).sum())
}

#[test]
fn callers_cannot_make_series_without_end() {
    let directory = Directory::of(&config());
    let mut meter = Meter::new(AT);
    for at in 0..1_000 {
        meter.count(&Record { model: format!("made-up-{at}"), ..refused() }, &directory);
    }
    assert_eq!(series(&meter, "backstop.requests", "_other"), (257, 1_000 - 256));
    // Targets have names of their own, which a reload may change without end.
    let mut meter = Meter::new(AT);
    for at in 0..3_000 {
        let mut record = left();
        record.attempts[0].target = Arc::from(format!("provider-{at}/x"));
        meter.count(&record, &directory);
    }
    let (count, rest) = series(&meter, "backstop.attempts", "otel.metric.overflow");
    assert_eq!(count, 2_000);
    assert_eq!(rest, 3_000 - (2_000 - 2));
}

#[test]
fn spans_have_names_of_their_own() {
    let names = |record: &Record| {
        let spans = spans(record, &Directory::default());
        spans.iter().map(|span| span.span_id).collect::<std::collections::BTreeSet<_>>()
    };
    let one = names(&failed_over());
    assert_eq!((one.len(), &names(&failed_over())), (3, &one));
    let other = names(&Record { id: format!("req_{:032x}", 9), ..failed_over() });
    assert!(one.is_disjoint(&other));
    for odd in ["", "x", "req_", "req_0"] {
        assert_eq!(names(&Record { id: odd.to_owned(), ..failed_over() }).len(), 3, "{odd}");
    }
}
