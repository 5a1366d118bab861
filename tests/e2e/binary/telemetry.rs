//! What a collector gets of the built binary, and that nobody else is the worse for it.

use super::process::{Deaf, Ended, Place, Process, With};
use crate::world::{Act, Call, Canned, Request};
use drill::Provider;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const TAKEN: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
const NOTHING: With<'static> = With { env: &[], deaf: Deaf::Nobody };
/// What must not be seen by anybody but its owner.
const CANARIES: [&str; 4] = ["canary-prompt", "canary-caller", "canary-provider", "canary-otlp"];

fn answers(text: &str) -> Vec<Act> {
    vec![Act::Send(text.as_bytes().to_vec())]
}

/// Two clouds, of which the first fails, and these lines.
fn configuration((a, b): (&Provider, &Provider), more: &str) -> String {
    let provider = |name: &str, cloud: &Provider| {
        let url = cloud.base_url();
        format!(
            "[providers.{name}]\ndialect = \"openai\"\nbase_url = \"{url}\"\n\
             api_key = \"literal:canary-provider\"\nlocal = false\n"
        )
    };
    format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n[retry]\nper_target = 1\nbackoff = \"1ms\"\n{}{}\
         [models.ok]\nchain = [\"a/status-500\", \"b/ok\"]\n{more}\n",
        provider("a", a),
        provider("b", b)
    )
}

async fn clouds() -> (Provider, Provider) {
    let start = |name| async move { Provider::named(name).start().await.expect("a free port") };
    tokio::join!(start("a"), start("b"))
}

fn section(addr: SocketAddr) -> String {
    format!("[telemetry]\notlp = \"http://{addr}\"\nheaders = \"authorization=env:TOKEN\"")
}

async fn ask(addr: SocketAddr) -> Value {
    let body = json!({
        "model": "ok",
        "messages": [{ "role": "user", "content": "canary-prompt" }],
    });
    let request = Request::post("/v1/chat/completions", body.to_string())
        .header("authorization", "Bearer canary-caller")
        .header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        .header("tracestate", "rojo=00f067aa0ba902b7");
    let heard = Call::send(addr, &request).await.finish().await;
    assert_eq!(heard.status, 200, "{}", heard.text());
    serde_json::from_str(&heard.text()).expect("JSON")
}

async fn stop(process: Process) -> Ended {
    process.signal("TERM");
    let ended = process.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    for canary in CANARIES {
        let told = ended.out.contains(canary) || ended.err.contains(canary);
        assert!(!told, "SE1: {canary}: {} {}", ended.out, ended.err);
    }
    ended
}

/// The bodies that went to a path, read.
fn exported(collector: &Canned, path: &str) -> Vec<Value> {
    let requests = collector.requests();
    let here = requests.iter().filter(|it| it.starts_with(&format!("POST {path} ")));
    let body = |it: &String| it.split_once("\r\n\r\n").expect("a body").1.to_owned();
    here.map(|it| serde_json::from_str(&body(it)).expect("JSON")).collect()
}

/// Every span that was exported.
fn spans(collector: &Canned) -> Vec<Value> {
    let all = exported(collector, "/v1/traces");
    let of = |body: &Value| body["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().cloned();
    all.iter().filter_map(of).flatten().collect()
}

/// The attributes by their names; lists as they are, everything else as text.
fn attributes(of: &Value) -> BTreeMap<String, String> {
    let all = of["attributes"].as_array().expect("attributes");
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let one = |it: &Value| {
        let value = it["value"].as_object().and_then(|it| it.values().next()).expect("a value");
        (text(&it["key"]), text(value))
    };
    all.iter().map(one).collect()
}

fn nanos(of: &Value, key: &str) -> u64 {
    of[key].as_str().and_then(|it| it.parse().ok()).expect("a number in a string")
}

/// Promise: a request is one trace, its attempts are spans of their own below it, and what it said is
/// in none of them.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_fails_over_is_one_trace() {
    let (place, (a, b)) = (Place::new("one-trace"), clouds().await);
    let collector = Canned::start(answers(TAKEN)).await;
    place.write("backstop.toml", &configuration((&a, &b), &section(collector.addr())));
    let env = [("TOKEN", "Bearer canary-otlp")];
    let process = place.start(&["serve"], &With { env: &env, deaf: Deaf::Nobody });
    let answer = ask(process.addr().await).await;
    let ended = stop(process).await;
    let record: Value = serde_json::from_str(ended.out.trim()).expect("one record");

    let all = spans(&collector);
    let [request, failed, good] = all.as_slice() else { panic!("{all:#?}") };
    for span in &all {
        assert_eq!(span["traceId"], "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(span["traceState"], "rojo=00f067aa0ba902b7");
        let (began, ended) = (nanos(span, "startTimeUnixNano"), nanos(span, "endTimeUnixNano"));
        assert!(nanos(request, "startTimeUnixNano") <= began && began <= ended, "{span}");
        assert!(ended <= nanos(request, "endTimeUnixNano"), "{span}");
    }
    assert!(nanos(failed, "endTimeUnixNano") <= nanos(good, "startTimeUnixNano") + 1_000_000);
    assert_eq!(request["parentSpanId"], "b7ad6b7169203331");
    assert_eq!(
        (&failed["parentSpanId"], &good["parentSpanId"]),
        (&request["spanId"], &request["spanId"])
    );
    let named: Vec<_> = all.iter().map(|it| (&it["name"], &it["kind"], &it["status"])).collect();
    let error = json!({ "code": 2 });
    assert_eq!(
        named,
        [
            (&json!("chat ok"), &json!(2), &json!({})),
            (&json!("chat status-500"), &json!(3), &error),
            (&json!("chat ok"), &json!(3), &json!({})),
        ]
    );
    assert_eq!(record["trace_id"], request["traceId"]);
    assert_eq!(record["parent_span_id"], request["parentSpanId"]);
    told_of_the_request(request, &record);
    told_of_the_attempts(failed, good, (&a, &b));

    let metrics = exported(&collector, "/v1/metrics").pop().expect("metrics");
    let metrics = &metrics["resourceMetrics"][0]["scopeMetrics"][0]["metrics"];
    let names: Vec<_> = metrics.as_array().expect("some").iter().map(|it| &it["name"]).collect();
    assert_eq!(
        names,
        [
            "gen_ai.client.operation.duration",
            "gen_ai.client.token.usage",
            "gen_ai.server.request.duration",
            "backstop.requests",
            "backstop.attempts",
            "backstop.failovers",
        ]
    );
    let said = answer["choices"][0]["message"]["content"].as_str().expect("words");
    for export in collector.requests() {
        assert_eq!(export.matches("canary-otlp").count(), 1, "its header: {export}");
        let leaked = CANARIES[..3].iter().find(|canary| export.contains(**canary));
        assert!(leaked.is_none() && !export.contains(said), "{leaked:?}: {export}");
    }
}

fn told_of_the_request(span: &Value, record: &Value) {
    let mut told = attributes(span);
    assert_eq!(told.remove("backstop.request.id").as_deref(), record["id"].as_str());
    assert!(told.remove("backstop.hold").is_some());
    let expect = [
        ("backstop.dialect", "openai"),
        ("backstop.ending", "answered"),
        ("backstop.target", "b/ok"),
        ("backstop.trail", "a/status-500=500,b/ok=ok"),
        ("backstop.usage.source", "exact"),
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.provider.name", "openai"),
        ("gen_ai.request.model", "ok"),
        ("gen_ai.response.model", "ok"),
        ("gen_ai.usage.cache_creation.input_tokens", "3"),
        ("gen_ai.usage.cache_read.input_tokens", "5"),
        ("gen_ai.usage.input_tokens", "19"),
        ("gen_ai.usage.output_tokens", "12"),
        ("http.response.status_code", "200"),
    ];
    let expect = expect.map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(told, BTreeMap::from(expect));
}

fn told_of_the_attempts(failed: &Value, good: &Value, (a, b): (&Provider, &Provider)) {
    let port = |cloud: &Provider| {
        cloud.base_url().rsplit(':').next().map(|it| it.trim_end_matches("/v1").to_owned())
    };
    let mut told = attributes(failed);
    assert_eq!(told.remove("server.port"), port(a));
    told.remove("backstop.upstream_id");
    let expect = [
        ("backstop.attempt", "1"),
        ("backstop.blame", "provider"),
        ("backstop.credential", "0"),
        ("backstop.outcome", "server_error"),
        ("backstop.target", "a/status-500"),
        ("error.type", "server_error"),
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.provider.name", "openai"),
        ("gen_ai.request.model", "status-500"),
        ("http.response.status_code", "500"),
        ("server.address", "127.0.0.1"),
    ];
    let expect = expect.map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(told, BTreeMap::from(expect));
    let told = attributes(good);
    assert_eq!(told.get("server.port"), port(b).as_ref());
    assert_eq!(told["backstop.attempt"], "2");
    assert_eq!(told["backstop.outcome"], "ok");
    assert_eq!(told["gen_ai.usage.input_tokens"], "19");
    assert!(!told.contains_key("error.type"), "{told:?}");
}

/// Promise: whatever a collector does, requests are answered, it is told in one line, and the process
/// stops.
#[tokio::test(flavor = "multi_thread")]
async fn a_bad_collector_costs_nobody_anything() {
    const ERROR: &str = "HTTP/1.1 500 no\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let cases: [(&str, Vec<Act>, &str); 4] = [
        ("error", answers(ERROR), "HTTP status 500"),
        ("garbage", answers("garbage garbage\r\n\r\n"), "BadHttp"),
        ("closed", Vec::new(), "Reset"),
        // Nobody says anything before the stop, since it is waited for.
        ("silent", vec![Act::Hang], ""),
    ];
    for (name, acts, why) in cases {
        let (place, (a, b)) = (Place::new(&format!("collector-{name}")), clouds().await);
        let collector = Canned::start(acts).await;
        let section = section(collector.addr()) + "\ninterval = \"100ms\"";
        place.write("backstop.toml", &configuration((&a, &b), &section));
        let env = [("TOKEN", "Bearer canary-otlp")];
        let process = place.start(&["serve"], &With { env: &env, deaf: Deaf::Nobody });
        let addr = process.addr().await;
        for _ in 0..20 {
            ask(addr).await;
        }
        if !why.is_empty() {
            process.says("metrics cannot be exported").await;
            process.says("traces cannot be exported").await;
        }
        let began = Instant::now();
        let ended = stop(process).await;
        assert!(began.elapsed() < Duration::from_secs(15), "{name}: {:?}", began.elapsed());
        assert_eq!(ended.out.lines().count(), 20, "{}", ended.out);
        for signal in ["traces", "metrics"] {
            let line = format!("{signal} cannot be exported to http://{}", collector.addr());
            let lines = ended.err.lines().filter(|it| it.contains(&line) && it.contains(why));
            let expect = usize::from(!why.is_empty());
            assert_eq!(lines.count(), expect, "{name} {signal}: {}", ended.err);
        }
        assert!(ended.err.contains("20 traces were not exported"), "{name}: {}", ended.err);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_comes_back_gets_what_it_missed() {
    const BUSY: &str =
        "HTTP/1.1 503 no\r\nretry-after: 0\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let (place, (a, b)) = (Place::new("collector-back"), clouds().await);
    let asked = AtomicUsize::new(0);
    let collector = Canned::choose(move |_| {
        let first = asked.fetch_add(1, Ordering::SeqCst) == 0;
        answers(if first { BUSY } else { TAKEN })
    })
    .await;
    let section = format!("{}\nmetrics = false", section(collector.addr()));
    place.write("backstop.toml", &configuration((&a, &b), &section));
    let env = [("TOKEN", "Bearer canary-otlp")];
    let process = place.start(&["serve"], &With { env: &env, deaf: Deaf::Nobody });
    ask(process.addr().await).await;
    process.says("HTTP status 503; requests are not affected").await;
    process.says("traces are exported again").await;
    let ended = stop(process).await;
    assert!(!ended.err.contains("missing"), "{}", ended.err);
    let bodies = exported(&collector, "/v1/traces");
    assert!(bodies.len() == 2 && bodies[0] == bodies[1], "{bodies:?}");
}

/// Promise: off unless the file says so, whatever the environment says; and a change takes effect at
/// once.
#[tokio::test(flavor = "multi_thread")]
async fn it_is_off_until_a_file_says_so() {
    let (place, (a, b)) = (Place::new("telemetry-off"), clouds().await);
    let collector = Canned::start(answers(TAKEN)).await;
    let url = format!("http://{}", collector.addr());
    let env = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-mine=canary-otlp"),
        ("OTEL_SERVICE_NAME", "edge"),
    ];
    place.write("backstop.toml", &configuration((&a, &b), ""));
    let process = place.start(&["serve"], &With { env: &env, deaf: Deaf::Nobody });
    let addr = process.addr().await;
    ask(addr).await;
    place.write("backstop.toml", &configuration((&a, &b), "[telemetry]\notlp = \"env\""));
    process.says("the configuration changed: telemetry: new").await;
    assert!(collector.requests().is_empty());
    ask(addr).await;
    place.write("backstop.toml", &configuration((&a, &b), "[telemetry]\nsample = 0.5"));
    process.says("telemetry.otlp: gone").await;
    ask(addr).await;
    stop(process).await;
    assert_eq!(spans(&collector).len(), 3);
    let requests = collector.requests();
    assert!(requests.iter().all(|it| it.contains("x-mine: canary-otlp")));
    assert!(requests.iter().all(|it| it.contains("\"stringValue\":\"edge\"")));

    // The faults of the section are those of the file.
    place.write("backstop.toml", &configuration((&a, &b), "[telemetry]\notlp = \"env\""));
    let process = place.start(&["serve"], &NOTHING);
    let ended = process.ended().await;
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("OTEL_EXPORTER_OTLP_ENDPOINT is not set"), "{}", ended.err);
}
