//! The console of the built binary: what it counts is what was recorded, and it stops last.

use super::process::{Deaf, Place, Process, With};
use crate::world::{CROSSABLE, Call, Heard, LIMIT, Request, Said, pair};
use drill::Provider;
use ir::{Dialect, Shape};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

pub(super) const KEYS: With<'static> =
    With { env: &[("KEY_a", "sk-a"), ("KEY_b", "sk-b")], deaf: Deaf::Nobody };

/// Two clouds behind a gateway with a console of its own.
pub(super) async fn serve(place: &Place, settings: &str) -> (Vec<Provider>, Process) {
    let settings = format!(
        "server.listen = \"127.0.0.1:0\"\nconsole.listen = \"127.0.0.1:0\"\n\
         retry.per_target = 1\nbreaker.open = \"1h\"\nbreaker.open_max = \"1h\"\n{settings}"
    );
    let mut text = pair(Dialect::Chat, &settings);
    let mut clouds = Vec::new();
    for name in ["a", "b"] {
        let cloud = Provider::named(name).start().await.expect("a free port");
        text = text.replace(&format!("{{{name}}}"), &cloud.base_url());
        clouds.push(cloud);
    }
    place.write("backstop.toml", &text);
    (clouds, place.start(&["serve"], &KEYS))
}

pub(super) async fn get(addr: SocketAddr, path: &str) -> Heard {
    Call::send(addr, &Request::get(path)).await.finish().await
}

/// The page, once as many requests are counted.
async fn page(addr: SocketAddr, requests: u64) -> String {
    let counted = async {
        loop {
            let heard = get(addr, "/metrics").await;
            assert_eq!(heard.status, 200, "{}", heard.text());
            let text = heard.text();
            if family(&text, "backstop_requests_total").values().sum::<u64>() == requests {
                return text;
            }
        }
    };
    timeout(LIMIT, counted).await.expect("they are counted")
}

/// The samples of a name by their labels; seconds as milliseconds.
fn family(text: &str, name: &str) -> BTreeMap<String, u64> {
    let samples = text.lines().filter_map(|line| line.strip_prefix(name)?.rsplit_once(' '));
    let whole = |value: &str| match value.split_once('.') {
        None if name.ends_with("seconds_sum") => format!("{value}000"),
        None => value.to_owned(),
        Some((seconds, rest)) => format!("{seconds}{rest:0<3}"),
    };
    samples
        .filter(|(labels, _)| labels.is_empty() || labels.starts_with('{'))
        .map(|(labels, value)| (labels.to_owned(), whole(value).parse().expect("a number")))
        .collect()
}

/// Sums that the records give, by labels.
#[derive(Default)]
struct Expected(BTreeMap<(&'static str, String), u64>);

impl Expected {
    fn add(&mut self, name: &'static str, labels: &[(&str, &Value)], count: u64) {
        let word = |value: &Value| value.as_str().unwrap_or("none").to_owned();
        let labels: Vec<String> =
            labels.iter().map(|(label, it)| format!("{label}=\"{}\"", word(it))).collect();
        let labels = labels.join(",");
        let labels = if labels.is_empty() { labels } else { format!("{{{labels}}}") };
        *self.0.entry((name, labels)).or_default() += count;
    }

    fn record(&mut self, record: &Value) {
        let number = |value: &Value| value.as_u64().unwrap_or(0);
        let shape = [("shape", &record["shape"])];
        let (ending, blame) = (("ending", &record["ending"]), ("blame", &record["blame"]));
        let dialect = ("dialect", &record["dialect"]);
        self.add("backstop_requests_total", &[dialect, shape[0], ending, blame], 1);
        self.add("backstop_request_seconds_count", &shape, 1);
        self.add("backstop_request_seconds_sum", &shape, number(&record["total_ms"]));
        self.add("backstop_bytes_out_total", &[], number(&record["bytes_out"]));
        self.add("backstop_malformed_frames_total", &[], number(&record["malformed"]));
        if record["code"].is_string() {
            self.add("backstop_errors_total", &[("code", &record["code"])], 1);
        }
        let server = [("target", &record["target"])];
        if record["target"].is_string() {
            let first = number(&record["first_content_ms"]);
            self.add("backstop_first_content_seconds_count", &server, 1);
            self.add("backstop_first_content_seconds_sum", &server, first);
            self.add("backstop_held_seconds_count", &shape, 1);
            self.add("backstop_held_seconds_sum", &shape, number(&record["held_ms"]));
            if record["target"] != record["preferred"] {
                let from = ("from", &record["preferred"]);
                self.add("backstop_failovers_total", &[from, ("to", &record["target"])], 1);
            }
        }
        for skipped in record["skipped"].as_array().expect("a list") {
            let labels = [("target", &skipped[0]), ("why", &skipped[1])];
            self.add("backstop_skipped_total", &labels, 1);
        }
        for attempt in record["attempts"].as_array().expect("a list") {
            let target = ("target", &attempt["target"]);
            let labels = [target, ("outcome", &attempt["outcome"]), ("blame", &attempt["blame"])];
            self.add("backstop_attempts_total", &labels, 1);
            if attempt["ambiguous_billing"] == true {
                self.add("backstop_ambiguous_billing_total", &[target], 1);
            }
            for kind in ["input", "cache_read", "cache_write", "output", "reasoning"] {
                let (count, word) = (number(&attempt["usage"][kind]), Value::from(kind));
                if count != 0 {
                    let labels = [target, ("kind", &word), ("source", &attempt["usage"]["source"])];
                    self.add("backstop_tokens_total", &labels, count);
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_counters_equal_the_records() {
    let place = Place::new("counters");
    let (_clouds, process) = serve(&place, "").await;
    let (addr, console) = (process.addr().await, process.console().await);
    let mut asked = 0;
    for dialect in CROSSABLE {
        for shape in Shape::ALL {
            for model in ["ok", "status-500", "400-invalid", "cut-after-3", "garble-after-3"] {
                Call::send(addr, &Request::ask(dialect, shape, model)).await.finish().await;
                asked += 1;
            }
        }
        // Its breaker opens, and it is passed over.
        for _ in 0..4 {
            let request = Request::ask(dialect, Shape::Stream, "status-500");
            assert_eq!(Call::send(addr, &request).await.finish().await.status, 200);
            asked += 1;
        }
        for body in ["{", "{\"model\":7,\"messages\":[]}"] {
            let request = Request::post(crate::world::path(dialect), body);
            assert_eq!(Call::send(addr, &request).await.finish().await.status, 400);
            asked += 1;
        }
    }
    let text = page(console, asked).await;
    for line in [
        "backstop_target_state{target=\"a/status-500\",state=\"open\"} 1",
        "backstop_target_state{target=\"b/ok\",state=\"closed\"} 1",
        "backstop_targets_unwell{state=\"open\"} 1",
        "backstop_requests_in_flight 0",
        "backstop_requests_queued 0",
        "backstop_draining 0",
        "backstop_network_down 0",
    ] {
        assert!(text.lines().any(|it| it == line), "no {line} in {text}");
    }
    assert!(family(&text, "backstop_host_up").values().all(|up| *up == 1), "{text}");
    assert!(family(&text, "process_start_time_seconds")[""] > 1_700_000_000);
    process.signal("TERM");
    let ended = process.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let mut expected = Expected::default();
    for line in ended.out.lines() {
        expected.record(&serde_json::from_str(line).expect("JSON"));
    }
    let mut names: Vec<&str> = expected.0.keys().map(|(name, _)| *name).collect();
    names.dedup();
    assert_eq!(names.len(), 15, "every family was met: {names:?}");
    for name in names {
        let wanted = expected.0.iter().filter(|((it, _), _)| *it == name);
        let wanted = wanted.map(|((_, labels), count)| (labels.clone(), *count)).collect();
        assert_eq!(family(&text, name), wanted, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_answers_until_the_last_stream_is_done() {
    let place = Place::new("drain");
    let (_clouds, process) = serve(&place, "").await;
    let (addr, console) = (process.addr().await, process.console().await);
    assert_eq!(get(console, "/ready").await.status, 200);
    let request = Request::ask(Dialect::Chat, Shape::Stream, "ok+every-30ms+tokens-100");
    let mut call = Call::send(addr, &request).await;
    assert!(call.until("w1").await, "the stream is open");
    process.signal("TERM");
    process.says("stopping: open answers may finish").await;
    let refused = async { while TcpStream::connect(addr).await.is_ok() {} };
    timeout(LIMIT, refused).await.expect("nobody new is served");
    let ready = get(console, "/ready").await;
    assert_eq!((ready.status, ready.text().as_str()), (503, r#"{"status":"stopping"}"#));
    assert_eq!(get(console, "/health").await.status, 200);
    let text = page(console, 0).await;
    for line in ["backstop_draining 1", "backstop_requests_in_flight 1", "backstop_connections 1"] {
        assert!(text.lines().any(|it| it == line), "no {line} in {text}");
    }
    let heard = call.finish().await;
    let said = Said::read(Dialect::Chat, Shape::Stream, &heard.body).expect("an answer");
    assert!(heard.whole && said.is_complete(), "{said:?}");
    let ended = process.ended().await;
    assert_eq!((ended.code, ended.out.lines().count()), (Some(0), 1), "{}", ended.err);
    assert!(TcpStream::connect(console).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_console_that_was_asked_for_must_have_its_port() {
    let place = Place::new("console-port");
    let holder = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let taken = holder.local_addr().expect("its port");
    let file = |console: &str| {
        format!("[server]\nlisten = \"127.0.0.1:0\"\n[console]\nlisten = \"{console}\"\n")
    };
    place.write("backstop.toml", &file(&taken.to_string()));
    let ended = place.start(&["serve"], &KEYS).ended().await;
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    assert!(ended.err.contains(&format!("error: [console]: {taken} is in use")), "{}", ended.err);

    place.write("backstop.toml", &file("off"));
    let process = place.start(&["serve"], &KEYS);
    assert_eq!(get(process.addr().await, "/ready").await.status, 200);
    process.signal("INT");
    let ended = process.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(!ended.err.contains("Metrics") && !ended.err.contains("console"), "{}", ended.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_the_console_is_asked_for() {
    let place = Place::new("console-key");
    let made = place.run(&["key", "new", "prometheus"]).await;
    let hash = made.err.lines().find_map(|line| line.trim().strip_prefix("hash = "));
    let settings = format!(
        "keys.prometheus = {{ hash = {}, console = true }}\n",
        hash.expect("a line for the file")
    );
    let (_clouds, process) = serve(&place, &settings).await;
    let console = process.console().await;
    let request = Request::get("/metrics");
    let refused = Call::send(console, &request).await.finish().await;
    assert_eq!((refused.status, refused.code().as_str()), (401, "BS0110"));
    let bearer = format!("Bearer {}", made.out.trim());
    let request = request.header("authorization", &bearer);
    let heard = Call::send(console, &request).await.finish().await;
    assert_eq!(heard.status, 200, "{}", heard.text());
    assert!(!heard.text().contains(made.out.trim()), "SE1");
    assert_eq!(get(console, "/ready").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_may_have_their_own_line() {
    let place = Place::new("people");
    let (_clouds, process) = serve(&place, "server.record_as = \"human\"\n").await;
    let addr = process.addr().await;
    for (model, status) in [("status-500", 200), ("400-invalid", 400)] {
        let request = Request::ask(Dialect::Chat, Shape::Stream, model);
        assert_eq!(Call::send(addr, &request).await.finish().await.status, status);
    }
    let request = Request::post("/v1/chat/completions", "{\"model\":\"\\u001b[2J\\n\"");
    assert_eq!(Call::send(addr, &request).await.finish().await.status, 400);
    process.signal("TERM");
    let ended = process.ended().await;
    let lines: Vec<&str> = ended.out.lines().collect();
    assert_eq!(lines.len(), 3, "{}", ended.out);
    assert!(lines[0].contains(" 200 answered   status-500 → b/ok  first "), "{}", ended.out);
    assert!(lines[0].ends_with("[a/status-500=500, b/ok=ok]"), "{}", ended.out);
    assert!(lines[1].contains(" 400 rejected   400-invalid  all "), "{}", ended.out);
    assert!(lines[2].ends_with("  caller BS0101"), "{}", ended.out);
    assert!(!ended.out.contains('\x1b'), "{}", ended.out);
}

/// Whatever a model or a key is called, a request is one line, short and without control over a
/// terminal.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_one_line_whatever_it_is_called() {
    let long = "m".repeat(1 << 20);
    let names =
        ["two\\nlines", "\\u001b[2J\\u009b31m", "\\u0000", "\\u2028\\u202e", "\\\"}\\\\", &long];
    let keys = ["nobody".to_owned(), "k".repeat(60_000), "{\"a\":\"\\n\"}".to_owned()];
    for form in ["json", "human"] {
        let place = Place::new(&format!("names-{form}"));
        let made = place.run(&["key", "new", "team-a"]).await;
        let hash = made.err.lines().find_map(|line| line.trim().strip_prefix("hash = "));
        let settings = format!(
            "server.record_as = \"{form}\"\nkeys.team-a = {{ hash = {} }}\n",
            hash.expect("a line for the file")
        );
        let (_clouds, process) = serve(&place, &settings).await;
        let addr = process.addr().await;
        for name in names {
            let body = format!("{{\"model\":\"{name}\",\"messages\":[]}}");
            let request = Request::post("/v1/chat/completions", body);
            let request = request.header("x-backstop-key", made.out.trim());
            Call::send(addr, &request).await.finish().await;
        }
        for key in &keys {
            let request = Request::ask(Dialect::Messages, Shape::Whole, "ok");
            let request = request.header("x-api-key", key);
            assert_eq!(Call::send(addr, &request).await.finish().await.status, 401);
        }
        process.signal("TERM");
        let ended = process.ended().await;
        assert_eq!(ended.out.lines().count(), names.len() + keys.len(), "{}", ended.out);
        for line in ended.out.lines() {
            assert!(line.len() < 2048, "{} bytes", line.len());
            let acts = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{202e}');
            assert!(!line.contains(acts), "{line:?}");
            assert!(!line.contains(made.out.trim()) && !line.contains("kkk"), "SE1");
            assert!(form == "human" || serde_json::from_str::<Value>(line).is_ok(), "{line}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_successor_takes_the_console_over() {
    let place = Place::new("console-heir");
    let (_clouds, old) = serve(&place, "server.handover = \"heir.sock\"\n").await;
    let console = old.console().await;
    assert!(page(console, 0).await.contains("backstop_draining 0"));
    let new = place.start(&["serve"], &KEYS);
    assert_eq!(new.console().await, console, "{}", new.said());
    let ended = old.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let ready = get(console, "/ready").await;
    assert_eq!((ready.status, ready.text().as_str()), (200, r#"{"status":"ready"}"#));
    Call::send(new.addr().await, &Request::ask(Dialect::Chat, Shape::Whole, "ok"))
        .await
        .finish()
        .await;
    assert!(page(console, 1).await.contains("backstop_draining 0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_is_counted_and_its_keys_hold_for_the_console() {
    let place = Place::new("console-reload");
    let (clouds, process) = serve(&place, "").await;
    let (addr, console) = (process.addr().await, process.console().await);
    let reloads = async || {
        let text = get(console, "/metrics").await.text();
        let family = family(&text, "backstop_config_reloads_total");
        ["applied", "refused"].map(|it| family.get(&format!("{{result=\"{it}\"}}")).copied())
    };
    assert_eq!(reloads().await, [Some(0), Some(0)]);
    let good = place.read("backstop.toml");
    place.write("backstop.toml", "[server");
    process.says("the configuration stays as it was").await;
    assert_eq!(reloads().await, [Some(0), Some(1)]);
    // What was counted stays counted, also where records go elsewhere from now on.
    Call::send(addr, &Request::ask(Dialect::Chat, Shape::Whole, "ok")).await.finish().await;
    page(console, 1).await;
    place.write("backstop.toml", &format!("server.record_as = \"human\"\n{good}"));
    process.says("the configuration changed: server.record_as: new").await;
    assert_eq!(reloads().await, [Some(1), Some(1)]);
    Call::send(addr, &Request::ask(Dialect::Chat, Shape::Whole, "ok")).await.finish().await;
    page(console, 2).await;
    let (key, hash) = config::new_key([3; 32]);
    let keys = format!("keys.watcher = {{ hash = \"{hash}\", console = true }}\n{good}");
    place.write("backstop.toml", &keys);
    process.says("keys: new").await;
    assert_eq!(get(console, "/metrics").await.status, 401);
    let request = Request::get("/metrics").header("authorization", &format!("Bearer {key}"));
    assert_eq!(Call::send(console, &request).await.finish().await.status, 200);
    process.signal("TERM");
    let ended = process.ended().await;
    assert!(ended.out.lines().any(|line| line.contains(" 200 answered ")), "{}", ended.out);
    drop(clouds);
}
