//! The whole room through its face: records in, pages and lines out. The records stand in
//! `tests/records.txt` in the language of [`script`].

#![expect(clippy::disallowed_methods, reason = "tests bless goldens")]

mod page;
mod script;

use crate::family::FAMILY_MAX;
use crate::{Gauges, Metrics, NAMES_MAX, Process, Reloads, Times, human, json, status};
use ir::{Invariant, Record};
use page::Page;
use script::{record, records};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

const RECORDS: &str = include_str!("tests/records.txt");

/// Compares with a file under `tests/golden`; `BLESS=1` writes it.
fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tests/golden").join(name);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, text).expect("a writable folder");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "{name} differs; after a wanted change run with BLESS=1");
}

fn gauges() -> Gauges {
    Gauges {
        version: "0.1.0",
        unwell: vec![("a/large".to_owned(), "open"), ("c/\u{1b}[31m".to_owned(), "misconfigured")],
        hosts: vec![("api.example:443".to_owned(), true), ("127.0.0.1:11434".to_owned(), false)],
        network_down: false,
        local_first: true,
        draining: true,
        in_flight: 7,
        queued: 2,
        connections: 9,
        records_dropped: 1,
        records_unwritten: 2,
        broken: Invariant::ALL.map(|id| (id, u64::from(id == Invariant::Ex2))).to_vec(),
        reloads: Reloads { applied: 3, refused: 1 },
        watched: vec![watched()],
        process: Process {
            resident_bytes: Some(12_345_678),
            open_fds: Some(17),
            started_unix_ms: Some(1_767_225_600_250),
        },
    }
}

fn watched() -> status::Provider {
    let (verdict, page) = (status::Judged::default(), status::Page::default());
    status::Provider {
        provider: "a".to_owned(),
        verdict: Some(status::Judged {
            cause: "them.overloaded".to_owned(),
            confidence: 93,
            ..verdict
        }),
        times: Some(Times { lead_s: Some(185), ..Times::default() }),
        page: Some(status::Page { level: Some("degraded".to_owned()), ..page }),
        requests: status::Requests { page: 12, cheap: 0, diagnosis: 2, prewarm: 1 },
        ..status::Provider::default()
    }
}

fn folded<'a>(records: impl IntoIterator<Item = &'a Record>) -> Metrics {
    let mut metrics = Metrics::default();
    records.into_iter().for_each(|record| metrics.take(record));
    metrics
}

#[test]
fn a_page_golden() {
    let text = folded(&records(RECORDS)).render(&gauges());
    Page::read(&text);
    golden("page.txt", &text);
}

#[test]
fn a_page_of_nothing_golden() {
    let text = Metrics::default().render(&Gauges::default());
    Page::read(&text);
    golden("empty.txt", &text);
}

#[test]
fn lines_golden() {
    let mut text = String::new();
    for record in records(RECORDS) {
        writeln!(text, "{}", human(&record, false)).unwrap();
        writeln!(text, "{}", human(&record, true).replace('\x1b', "\\e")).unwrap();
        let line = String::from_utf8(json(&record).unwrap()).unwrap();
        writeln!(text, "{line}\n").unwrap();
    }
    golden("lines.txt", &text);
}

/// What the counters say is what the records say, counted apart.
#[test]
fn the_counters_are_the_records() {
    let records = records(RECORDS);
    let page = Page::read(&folded(&records).render(&Gauges::default()));
    let all = || records.iter();
    let number = |count: usize| u64::try_from(count).unwrap();
    let is = |name: &str, wanted: &[(&str, &str)], expect: u64| {
        assert_eq!(page.sum(name, wanted), expect, "{name} {wanted:?}");
    };
    is("backstop_requests_total", &[], number(records.len()));
    is("backstop_requests_by_model_total", &[], number(records.len()));
    is("backstop_requests_by_key_total", &[], number(records.len()));
    is("backstop_request_seconds_count", &[], number(records.len()));
    for record in &records {
        let ending = record.ending.word();
        let same = |other: &&Record| other.ending == record.ending;
        is("backstop_requests_total", &[("ending", ending)], number(all().filter(same).count()));
        let same = |other: &&Record| other.blame == record.blame;
        let blame = record.blame.unwrap_or("none");
        is("backstop_requests_total", &[("blame", blame)], number(all().filter(same).count()));
        for attempt in &record.attempts {
            let tried = all().flat_map(|it| &it.attempts);
            let same = tried.filter(|other| other.outcome == attempt.outcome);
            let outcome = [("outcome", attempt.outcome)];
            is("backstop_attempts_total", &outcome, number(same.count()));
        }
    }
    let served = |it: &&Record| it.target.is_some();
    is("backstop_first_content_seconds_count", &[], number(all().filter(served).count()));
    is("backstop_held_seconds_count", &[], number(all().filter(served).count()));
    let elsewhere = |it: &&Record| it.target.is_some() && it.target != it.preferred;
    is("backstop_failovers_total", &[], number(all().filter(elsewhere).count()));
    is("backstop_skipped_total", &[], number(all().map(|it| it.skipped.len()).sum()));
    is("backstop_errors_total", &[], number(all().filter(|it| it.code.is_some()).count()));
    is("backstop_bytes_out_total", &[], all().map(|it| it.bytes_out).sum());
    is("backstop_pings_total", &[], all().map(|it| u64::from(it.pings)).sum());
    is("backstop_malformed_frames_total", &[], all().map(|it| u64::from(it.malformed)).sum());
}

/// A name that acts on whatever reads it, and one of a megabyte.
fn nasty() -> Vec<String> {
    let long = format!("{}\n", "x".repeat(1 << 20));
    let controls: String = (0..0x20).chain(0x7f..0xa0).filter_map(char::from_u32).collect();
    let texts = [
        "two\nlines",
        "\r\x1b[2J\x1b]0;title\x07",
        "\0",
        "\u{9b}31m",
        "\u{2028}\u{202e}\u{feff}",
        "\"} 1\nbackstop_requests_total{dialect=\"",
        "\\",
        "{le=\"+Inf\"}",
        "_other",
        "_none",
        "",
        " ",
    ];
    texts.iter().map(|text| (*text).to_owned()).chain([long, controls]).collect()
}

#[test]
fn a_record_is_one_line_whatever_it_is_called() {
    let mut metrics = Metrics::default();
    for name in nasty() {
        let mut record = record("answered openai stream m 200 of=a/m served=b/m first=1");
        record.model.clone_from(&name);
        record.principal = Some(Arc::from(name.as_str()));
        let target: Arc<str> = Arc::from(format!("b/{name}"));
        record.target = Some(Arc::clone(&target));
        record.preferred = Some(Arc::from(format!("a/{name}")));
        record.skipped = vec![(Arc::from(format!("a/{name}")), "open")];
        record.losses = vec![format!("{name}=dropped")];
        let mut attempt = script::attempt("try b/m ok 200");
        attempt.target = target;
        attempt.upstream_id = Some(name.chars().take(128).collect());
        record.attempts = vec![attempt];
        for colour in [false, true] {
            let line = human(&record, colour);
            let ours = line.replace("\x1b[", "").replace(['0', '2', '3'], "");
            let seen = if colour { ours } else { line.clone() };
            assert!(!seen.chars().any(crate::shown::is_hidden), "{seen:?}");
            assert!(line.len() < 1024, "{}", line.len());
        }
        let line = String::from_utf8(json(&record).unwrap()).unwrap();
        assert!(!line.chars().any(crate::shown::is_hidden), "{line:?}");
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(read["model"], name.as_str(), "JSON says what it was");
        metrics.take(&record);
    }
    let text = metrics.render(&Gauges::default());
    let page = Page::read(&text);
    assert_eq!(page.sum("backstop_requests_total", &[]), nasty().len() as u64);
    assert!(text.lines().all(|line| line.len() < 512), "names are cut");
    let hidden = |c: char| c != '\n' && crate::shown::is_hidden(c);
    assert!(!text.chars().any(hidden));
}

/// However many names callers make up, the page stays within its bounds.
#[test]
fn a_million_names_are_few_series() {
    let mut metrics = Metrics::default();
    let mut record = record("failed openai stream m 502 of=a/m blame=provider");
    record.attempts = vec![script::attempt("try a/m not_found provider 404")];
    for number in 0..1_000_000 {
        record.model = format!("model-{number}");
        let target: Arc<str> = Arc::from(format!("a/model-{number}"));
        record.preferred = Some(Arc::clone(&target));
        record.attempts[0].target = target;
        metrics.take(&record);
    }
    // Those that are in use are still seen by their names.
    for _ in 0..3 {
        metrics.take(&script::record(
            "answered openai stream gpt-5.4 200 of=b/gpt-5.4 served=b/gpt-5.4 first=9\n\
             try b/gpt-5.4 ok 200",
        ));
    }
    let page = Page::read(&metrics.render(&Gauges::default()));
    assert_eq!(page.sum("backstop_requests_total", &[]), 1_000_003);
    let others = page.sum("backstop_requests_by_model_total", &[("model", "_other")]);
    assert_eq!(others, 1_000_000 - NAMES_MAX as u64 / 2);
    assert_eq!(page.sum("backstop_requests_by_model_total", &[("model", "gpt-5.4")]), 3);
    assert_eq!(page.sum("backstop_attempts_total", &[("target", "b/gpt-5.4")]), 3);
    assert!(page.series() < 1200, "{}", page.series());
}

/// The worst that can be asked for: names that are all vouched for, in every combination.
#[test]
fn every_family_has_its_bound() {
    let mut metrics = Metrics::default();
    let mut unwell = Vec::new();
    for number in 0..30_000 {
        let mut record = record("answered openai stream m 200 of=a/m served=b/m first=9 held=4");
        let name = |place: usize| Arc::from(format!("a/{}", number * 31 % (place * 97)));
        record.model = format!("model-{number}");
        record.principal = Some(name(5));
        record.preferred = Some(name(7));
        record.target = Some(name(11));
        record.losses = vec![format!("field-{number}=dropped")];
        record.skipped = vec![(name(13), "open"), (name(3), "cooling")];
        for (place, outcome) in ["ok", "cut", "stalled", "silent", "reset"].iter().enumerate() {
            let line = format!("try a/m {outcome} provider 200 tokens=1+2+3+4+5 billed");
            let mut attempt = script::attempt(&line);
            attempt.target = name(place + 2);
            record.attempts.push(attempt);
        }
        unwell.push((format!("c/{number}"), "open"));
        metrics.take(&record);
    }
    let gauges = Gauges { unwell, ..Gauges::default() };
    let text = metrics.render(&gauges);
    let page = Page::read(&text);
    for (name, words, each) in [
        ("backstop_failovers_total", 1, 1),
        ("backstop_attempts_total", 5, 5),
        ("backstop_tokens_total", 5, 5 * 15),
        ("backstop_skipped_total", 2, 2),
    ] {
        let series = page.count(name);
        assert!(series <= FAMILY_MAX + words, "{name}: {series}");
        // Of failovers those are none that stay where they were to go.
        let (all, least) = (page.sum(name, &[]), each * (30_000 - 3_000));
        assert!(least < all && all <= each * 30_000, "{name}: {all} are counted");
    }
    assert_eq!(page.sum("backstop_targets_unwell", &[("state", "open")]), 30_000);
    assert!(page.series() < 20_000, "{}", page.series());
    assert!(text.len() < 4 << 20, "{}", text.len());
}
