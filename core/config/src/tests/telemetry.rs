//! `[telemetry]`: off unless a collector is named, and what the environment adds where it is asked.

use super::{BASE, Outside, SECRET};
use crate::{Config, Problem, load};
use secrecy::ExposeSecret;

/// What the section says beside its first line, in an environment that has everything.
fn read(lines: &str) -> Result<Config, Vec<Problem>> {
    let around = Outside::env(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://otlp.example.com/api"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "Api-Key=two%20words,x-a=1"),
        ("OTEL_SERVICE_NAME", "edge"),
        ("OTEL_RESOURCE_ATTRIBUTES", "service.name=not-this,deployment.environment.name=a%2Cb"),
        ("TOKEN", "Bearer sk-SECRET-0451"),
        ("LINES", "one\ntwo"),
    ]);
    load(&format!("{BASE}[telemetry]\n{lines}\n"), &around.file("/token", "sk-SECRET-0451\n"))
}

/// Where it goes, what it is called, and its headers.
#[track_caller]
fn check(lines: &str, expect: &str) {
    let config = read(lines).unwrap_or_else(|problems| panic!("{lines}: {problems:?}"));
    assert!(!format!("{config:?}").contains(SECRET));
    let warned = config.warnings.iter().map(|it| format!("{}: {}", it.key, it.what));
    let warned: Vec<String> = warned.collect();
    let shown = config.telemetry.map_or_else(
        || "off".to_owned(),
        |it| {
            let headers =
                it.headers.iter().map(|(name, value)| format!(" {name}={}", value.expose_secret()));
            let resource = it.resource.iter().map(|(key, value)| format!(" {key}:{value}"));
            let more: String = headers.chain(resource).collect();
            format!("{} {}{more}", it.otlp, it.service)
        },
    );
    assert_eq!([vec![shown], warned].concat().join("\n"), expect, "{lines}");
}

#[test]
fn a_file_says_where_it_goes_and_the_environment_only_where_it_is_asked() {
    check("", "off");
    check("sample = 0.5", "off\ntelemetry.otlp: is missing: nothing is exported");
    check("otlp = \"http://127.0.0.1:4318\"", "http://127.0.0.1:4318/v1 backstop");
    check("otlp = \"https://h/api/v2/otlp/\"", "https://h/api/v2/otlp/v1 backstop");
    check(
        "otlp = \"http://collector:4317\"",
        "http://collector:4317/v1 backstop\ntelemetry.otlp: 4317 is the usual port of OTLP over gRPC",
    );
    check(
        "otlp = \"http://h\"\nheaders = [\"Authorization=env:TOKEN\", \"x-b = file:/token\", \
         \"X-Scope-OrgID=literal:team one\"]",
        "http://h/v1 backstop authorization=Bearer sk-SECRET-0451 x-b=sk-SECRET-0451 \
         x-scope-orgid=team one",
    );
    check(
        "otlp = \"env\"\nheaders = \"x-a=literal:2\"",
        "https://otlp.example.com/api/v1 edge api-key=two words x-a=2 \
         deployment.environment.name:a,b",
    );
}

#[test]
fn faults_say_where_and_show_no_value() {
    let check = |lines: &str, expect: &str| {
        let problems = read(lines).expect_err(lines);
        let shown: Vec<_> = problems.iter().map(|it| format!("{}: {}", it.key, it.what)).collect();
        assert_eq!(shown, [expect], "{lines}");
        assert!(!format!("{problems:?}").contains(SECRET));
    };
    let headers = |header: &str| format!("otlp = \"http://h\"\nheaders = [\"{header}\"]");
    check("otlp = \"localhost:4318\"", "telemetry.otlp: is not an http or https URL");
    check("otlp = \"http://h/v1/traces\"", "telemetry.otlp: ends in what OTLP appends");
    check("otlp = \"http://h/v1\"", "telemetry.otlp: ends in what OTLP appends");
    check("otlp = \"https://me:sk-SECRET-0451@h\"", "telemetry.otlp: has a user or password");
    check(&headers("sk-SECRET-0451"), "telemetry.headers: does not say where the value comes from");
    check(
        &headers("authorization=sk-SECRET-0451"),
        "telemetry.headers: does not say where the value comes from",
    );
    check(
        &headers("a=env:NOTHING"),
        "telemetry.headers: the environment variable NOTHING is not set",
    );
    check(&headers("a=file:/nothing"), "telemetry.headers: the file cannot be read");
    check(&headers("a=env:LINES"), "telemetry.headers: a value that no header can hold, or none");
    check(&headers("a b=literal:x"), "telemetry.headers: not the name of a header");
    check(&headers("Host=literal:x"), "telemetry.headers: a header that every export has already");
}

#[test]
fn variables_that_cannot_be_read_are_told() {
    let text = format!("{BASE}[telemetry]\notlp = \"env\"\n");
    let whats = |pairs: &[(&'static str, &'static str)]| match load(&text, &Outside::env(pairs)) {
        Ok(config) => config.warnings.into_iter().map(|it| it.what).collect::<Vec<_>>(),
        Err(problems) => problems.into_iter().map(|it| it.what).collect(),
    };
    let at = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");
    let nothing = "the environment variable OTEL_EXPORTER_OTLP_ENDPOINT is not set";
    assert_eq!(whats(&[]), [nothing]);
    assert_eq!(whats(&[(at.0, "")]), [nothing]);
    assert_eq!(
        whats(&[(at.0, "grpc://h")]),
        ["OTEL_EXPORTER_OTLP_ENDPOINT is not an http or https URL"]
    );
    for odd in ["a", "a=%4", "a=%zz", "=1", "a=%ff"] {
        let headers = whats(&[at, ("OTEL_EXPORTER_OTLP_HEADERS", odd)]);
        assert_eq!(headers, ["OTEL_EXPORTER_OTLP_HEADERS cannot be read"], "{odd}");
        let resource = whats(&[at, ("OTEL_RESOURCE_ATTRIBUTES", odd)]);
        let told = "OTEL_RESOURCE_ATTRIBUTES cannot be read and is left out";
        assert_eq!(resource, [told], "{odd}");
    }
}
