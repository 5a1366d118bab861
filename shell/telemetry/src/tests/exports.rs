//! Promises of the exporter: it delivers, it tries again as the specification says, and whatever the
//! collector does, nobody waits for it and nothing grows.

use super::collector::{Collector, LIMIT, OK};
use super::{broken, config, failed_over};
use crate::{Exporter, Pace, QUEUE_MAX, Setup};
use config::{BaseUrl, Telemetry, Way};
use ir::{Reach, Record, Trace, TraceId};
use secrecy::SecretString;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use transport::{Clock, Upstream, UpstreamSettings};

/// Waits that are no waits, and an end that leaves a slow machine its time.
const PACE: Pace = Pace {
    linger: Duration::from_millis(1),
    backoff: Duration::from_millis(1),
    backoff_max: Duration::from_millis(2),
    answer: LIMIT,
    last: Duration::from_millis(1_800),
};

fn telemetry(addr: SocketAddr) -> Telemetry {
    let host = addr.ip().to_string();
    let otlp = BaseUrl { https: false, host, port: addr.port(), path: "/v1".to_owned() };
    Telemetry {
        otlp,
        headers: vec![("authorization".to_owned(), SecretString::from("Bearer one"))],
        sample: 1.0,
        interval: LIMIT,
        traces: true,
        metrics: true,
        service: "edge".to_owned(),
        resource: vec![("deployment.environment.name".to_owned(), "test".to_owned())],
        way: Way {
            ca: Vec::new(),
            proxy: None,
            addresses: Vec::new(),
            reach: Reach { loopback: true, private: true },
        },
    }
}

fn start(telemetry: Telemetry, pace: Pace) -> Exporter {
    let reach = telemetry.way.reach;
    let settings = UpstreamSettings { reach, ..UpstreamSettings::default() };
    let upstream = Upstream::new(settings).expect("an upstream");
    let exporter =
        Exporter::start(Setup { telemetry, upstream, clock: Clock::start(), pace }).expect("one");
    exporter.know(&config());
    exporter
}

/// The number of spans, and the name of the service.
fn spans(body: &str) -> (usize, String) {
    let body: Value = serde_json::from_str(body).expect("JSON");
    let resource = &body["resourceSpans"][0];
    let spans = resource["scopeSpans"][0]["spans"].as_array().expect("spans");
    let named = &resource["resource"]["attributes"][0];
    assert_eq!(named["key"], "service.name");
    (spans.len(), named["value"]["stringValue"].as_str().expect("a name").to_owned())
}

#[test]
fn traces_come_at_once_and_metrics_at_the_end() {
    let collector = Collector::start(|_| Some(OK));
    let exporter = start(telemetry(collector.addr()), PACE);
    assert_eq!(collector.accepted(), 0, "nothing to export, and a connection");
    exporter.take(&failed_over());
    let export = collector.next();
    assert_eq!((export.path.as_str(), spans(&export.body)), ("/v1/traces", (3, "edge".to_owned())));
    for line in [
        "content-type: application/json\r\n",
        "authorization: bearer one\r\n",
        "user-agent: backstop-otlp/",
        &format!("host: {}\r\n", collector.addr()),
    ] {
        assert!(export.head.contains(line), "{}", export.head);
    }
    exporter.take(&broken());
    exporter.leave().wait();
    let rest = collector.rest();
    let paths: Vec<&str> = rest.iter().map(|it| it.path.as_str()).collect();
    assert_eq!(paths, ["/v1/traces", "/v1/metrics"]);
    assert!(rest[1].body.contains("gen_ai.client.operation.duration"), "{}", rest[1].body);
    assert!(rest.iter().all(|it| it.body.contains("deployment.environment.name")));
}

#[test]
fn metrics_come_every_interval_and_failing_ones_are_in_the_next() {
    const BAD: &str = "HTTP/1.1 500 no\r\ncontent-length: 0\r\n\r\n";
    let collector = Collector::start(|at| Some(if at == 0 { BAD } else { OK }));
    let interval = Duration::from_millis(20);
    let exporter =
        start(Telemetry { traces: false, interval, ..telemetry(collector.addr()) }, PACE);
    exporter.take(&failed_over());
    for _ in 0..3 {
        let export = collector.next();
        assert_eq!(export.path, "/v1/metrics");
        assert!(export.body.contains("backstop.failovers"));
    }
    exporter.leave().wait();
}

#[test]
fn a_batch_is_sent_again_as_it_was_and_given_up_in_the_end() {
    const BUSY: &str =
        "HTTP/1.1 503 busy\r\nretry-after: 0\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    const BAD: &str = "HTTP/1.1 400 bad\r\ncontent-length: 0\r\n\r\n";
    let check = |answers: &'static [&str], tries: usize| {
        let collector = Collector::start(|at| Some(answers.get(at).copied().unwrap_or(OK)));
        let telemetry = Telemetry { metrics: false, ..telemetry(collector.addr()) };
        let exporter = start(telemetry, PACE);
        exporter.take(&failed_over());
        let first = collector.next().body;
        for _ in 1..tries {
            assert_eq!(collector.next().body, first);
        }
        // The next one is another, whatever became of the first.
        exporter.take(&broken());
        let next = collector.next().body;
        assert!(next != first && spans(&next).0 == 2, "{answers:?}: {next}");
        exporter.leave().wait();
        assert!(collector.rest().is_empty(), "{answers:?}");
    };
    check(&[], 1);
    check(&[BUSY, BUSY], 3);
    check(&[BUSY, BUSY, BUSY, BUSY, BUSY], 5);
    check(&[BAD], 1);
    // No HTTP at all, and none that ends.
    check(&["garbage\r\n\r\n"], 2);
}

#[test]
fn nobody_waits_for_a_collector_and_nothing_grows() {
    let collector = Collector::start(|_| None);
    let exporter = start(telemetry(collector.addr()), PACE);
    exporter.take(&failed_over());
    assert_eq!(collector.next().path, "/v1/traces");
    let many = 3 * QUEUE_MAX;
    for _ in 0..many {
        exporter.take(&failed_over());
    }
    let dropped = exporter.shared.dropped.load(Ordering::SeqCst);
    let kept = u64::try_from(many).expect("few") - dropped;
    assert_eq!(kept, u64::try_from(QUEUE_MAX).expect("few"));
    let began = Instant::now();
    exporter.leave().wait();
    let took = began.elapsed();
    // Two seconds, and what a slow machine adds.
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn nobody_there_is_no_trouble_either() {
    let collector = Collector::start(|_| None);
    let mut nobody = collector.addr();
    nobody.set_ip([127, 0, 0, 2].into());
    let exporter = start(telemetry(nobody), PACE);
    for _ in 0..10 {
        exporter.take(&failed_over());
    }
    exporter.leave().wait();
    assert_eq!(collector.accepted(), 0);
}

#[test]
fn what_is_not_kept_is_not_exported() {
    let collector = Collector::start(|_| Some(OK));
    let telemetry = Telemetry { sample: 0.0, metrics: false, ..telemetry(collector.addr()) };
    let exporter = start(telemetry, PACE);
    exporter.take(&failed_over());
    exporter.take(&Record { trace: Trace::root(TraceId(1)), ..failed_over() });
    // Its caller keeps it.
    exporter.take(&broken());
    exporter.leave().wait();
    let rest = collector.rest();
    assert_eq!(rest.len(), 1);
    assert_eq!(spans(&rest[0].body).0, 2);
}

#[test]
fn what_is_left_goes_out_in_the_background() {
    let collector = Collector::start(|_| Some(OK));
    let pace = Pace { linger: LIMIT, ..PACE };
    let exporter = start(Telemetry { metrics: false, ..telemetry(collector.addr()) }, pace);
    for _ in 0..300 {
        exporter.take(&failed_over());
    }
    let leaving = exporter.leave();
    let mut count = 0;
    while count < 900 {
        count += spans(&collector.next().body).0;
    }
    assert_eq!(count, 900);
    leaving.wait();
}
