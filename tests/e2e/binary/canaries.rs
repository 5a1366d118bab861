//! Promise: a secret appears in no sink. No key of ours or of a caller stands in what the process
//! prints, logs at any level or records, nor in what another caller is answered; and nothing of a
//! prompt or an answer stands in logs and records.
//!
//! Every secret is a text that occurs nowhere else. All of them go through every feature and every
//! fault of the drill, and through a provider that repeats the key it was asked with wherever it can;
//! then everything that was written anywhere is searched.

mod echo;
mod secrets;

use super::process::{Deaf, Ended, Place, Process, With};
use crate::world::{Act, CROSSABLE, Call, Canned, Heard, Request, path};
use drill::Provider;
use drill::provider::{Fault, unused_addr};
use http::Request as HttpRequest;
use ir::{Dialect, Reach, Shape};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use secrets::{CALLERS, CONTENT, ENV, KEYS, OURS, keys, line_of, spellings};
use std::fs::{read_dir, read_to_string};
use std::net::SocketAddr;
use tokio::task::JoinSet;
use transport::{Payload, Roots, Upstream, UpstreamSettings};

/// Requests under way at once.
const TOGETHER: usize = 8;
const LOUD: (&str, &str) = ("BACKSTOP_LOG", "trace");

/// Everybody who answers, and the configuration that names them.
struct Around {
    cloud: Provider,
    echo: Canned,
    /// Takes traces and metrics.
    collector: Canned,
}

/// What was heard: by whoever sent secrets, and by somebody else meanwhile.
#[derive(Default)]
struct Answers {
    own: Vec<String>,
    others: Vec<String>,
}

// === impl Around ===

impl Around {
    async fn start() -> Self {
        let cloud = Provider::named("a").start().await.expect("a free port");
        let taken = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_vec();
        let collector = Canned::start(vec![Act::Send(taken)]).await;
        Self { cloud, echo: Canned::choose(echo::acts).await, collector }
    }

    fn configuration(&self, more: &str) -> String {
        let (cloud, echo, nobody) = (self.cloud.base_url(), self.echo.base_url(), unused_addr());
        let provider = |name: &str, dialect: &str, url: &str, key: &str| {
            format!(
                "[providers.{name}]\ndialect = \"{dialect}\"\nbase_url = \"{url}\"\n\
                 api_key = {key}\nlocal = false\n"
            )
        };
        let model = |name: &str, chain: &str| format!("[models.\"{name}\"]\nchain = [{chain}]\n");
        let two = format!("[\"file:key\", \"literal:{}\"]", OURS[2]);
        let key = |(at, (_, hash)): (usize, &(String, String))| {
            format!("[keys.key-{at}]\nhash = \"{hash}\"\n")
        };
        let keys = keys().iter().enumerate().map(key).collect::<Vec<_>>().concat();
        [
            "retry.backoff = \"1ms\"\nretry.wait = \"10ms\"\nbreaker.failures = 1000\n\
             breaker.success_rate = 0.0\n[server]\nlisten = \"127.0.0.1:0\"\n\
             record = \"file:records\"\n",
            more,
            "[console]\nlisten = \"127.0.0.1:0\"\n[telemetry]\ninterval = \"100ms\"\n\
             headers = \"authorization=env:CANARY_OTLP\"\n",
            &format!("otlp = \"http://{}\"\n", self.collector.addr()),
            "[deadlines]\nconnect = \"300ms\"\npatience = \"50ms\"\n\
             patience_whole = \"50ms\"\nfirst_content = \"200ms\"\nidle = \"200ms\"\n\
             idle_thinking = \"200ms\"\ntotal = \"1s\"\n",
            &keys,
            &provider("a", "openai", &cloud, "\"env:CANARY_A\""),
            &provider("b", "anthropic", &cloud, "\"env:CANARY_B\""),
            &provider("chat", "openai", &echo, &two),
            &provider("messages", "anthropic", &echo, "\"env:CANARY_ECHO\""),
            &provider("own", "openai", &echo, "\"caller\""),
            &provider("far", "openai", &format!("http://{nobody}/v1"), "\"env:CANARY_FAR\""),
            "proxy = \"env:CANARY_PROXY\"\n",
            &model("chat-echo-*", "\"chat/*\""),
            &model("messages-echo-*", "\"messages/*\""),
            &model("own-echo-*", "\"own/*\""),
            &model("far", "\"far/*\""),
            &model("*", "\"a/*\", \"b/*\""),
        ]
        .concat()
    }
}

// === impl Answers ===

impl Answers {
    /// Asks with all secrets of a caller, and as somebody else what fails in our own words.
    async fn ask(&mut self, addr: SocketAddr, requests: Vec<Request>) {
        let mut running = JoinSet::new();
        for (at, request) in requests.into_iter().enumerate() {
            while TOGETHER <= running.len() {
                self.take(running.join_next().await.expect("one").expect("no panic"));
            }
            let dialect = Dialect::ALL[at % 3];
            let other = ["400-invalid", "401", "fail-after-2", "ok"][at % 4];
            let other =
                Request::ask(dialect, Shape::Stream, other).header("x-backstop-key", &keys()[3].0);
            running.spawn(async move {
                let own = Call::send(addr, &request).await.finish().await;
                (own, Call::send(addr, &other).await.finish().await)
            });
        }
        for pair in running.join_all().await {
            self.take(pair);
        }
    }

    fn take(&mut self, (own, other): (Heard, Heard)) {
        let text = |heard: &Heard| format!("{:?}\n{}", heard.headers, heard.text());
        self.own.push(text(&own));
        self.others.push(text(&other));
    }
}

/// A request that carries every secret of a caller.
fn request(dialect: Dialect, shape: Shape, model: &str, place: usize) -> Request {
    let body = secrets::body(dialect, shape, model);
    let key = &keys()[place % 3].0;
    let request = Request::post(path(dialect), body)
        .header("cookie", CALLERS[0])
        .header("x-secret", CALLERS[1])
        .header("openai-organization", CALLERS[2]);
    match place % 3 {
        0 => request
            .header("x-backstop-key", key)
            .header("authorization", &format!("Bearer {}", CALLERS[3]))
            .header("x-api-key", CALLERS[4]),
        1 => request.header("authorization", &format!("Bearer {key}")),
        _ => request.header("x-api-key", key),
    }
}

/// Every way to ask, of everybody.
fn requests() -> Vec<Request> {
    let mut all = Vec::new();
    let faults = Fault::menu().into_iter().map(|fault| fault.name());
    let echoes = ["chat", "messages", "own"]
        .into_iter()
        .flat_map(|whose| echo::WAYS.iter().map(move |way| format!("{whose}-echo-{way}")));
    let others = ["ok", "ok+tools", "far", "no such model"].map(str::to_owned);
    for (at, model) in others.into_iter().chain(faults).enumerate() {
        for (dialect, shape) in CROSSABLE.into_iter().zip([Shape::Stream, Shape::Whole]) {
            all.push(request(dialect, shape, &model, at));
        }
    }
    for (at, model) in echoes.enumerate() {
        for dialect in Dialect::ALL {
            for shape in [Shape::Stream, Shape::Whole] {
                all.push(request(
                    dialect,
                    shape,
                    &model,
                    if model.starts_with("own") { 0 } else { at },
                ));
            }
        }
    }
    for dialect in Dialect::ALL {
        let ask = || request(dialect, Shape::Whole, "ok", 0);
        all.push(ask().at(&format!("{}?key={}", path(dialect), CALLERS[5])));
        all.push(ask().at(&format!("/v1/{}", CALLERS[5])));
        all.push(ask().header("host", CALLERS[5]));
        all.push(ask().without("x-backstop-key").header("x-backstop-key", CALLERS[6]));
        all.push(ask().without("content-type").header("content-type", CALLERS[1]));
        all.push(ask().body(format!("{{\"model\":{}", CONTENT[0])));
        all.push(ask().at("/v1/messages/count_tokens"));
    }
    all.push(request(Dialect::Chat, Shape::Whole, "ok", 0).at("/v1/models"));
    let key = &keys()[1].0;
    all.push(Request::get("/v1/models").header("authorization", &format!("Bearer {key}")));
    all
}

/// A file in which every secret stands where it does not belong.
fn misplaced() -> String {
    let [first, second, ..] = &OURS;
    format!(
        "[keys.a]\nhash = \"{first}\"\n[keys.{second}]\nhash = 1\n\
         [providers.a]\ndialect = \"openai\"\nbase_url = \"https://me:{first}@east.example.com/v1\"\n\
         api_key = \"{first}\"\n\
         [providers.b]\ndialect = \"openai\"\nbase_url = \"https://b.example.com/v1?key={first}\"\n\
         api_key = \"env:{second}\"\n\
         [providers.c]\ndialect = \"openai\"\nbase_url = \"https://c.example.com/v1\"\n\
         api_key = [\"litteral:{first}\", \"literal:{first} {second}\", 5]\n\
         proxy = \"http://me:{first}@/x\"\n\
         [providers.d]\ndialect = \"openai\"\nbase_url = \"https://d.example.com/v1\"\n\
         api_key = \"file:key\"\nca = \"key\"\nproxy = \"socks5://me:{first}@proxy.example.com\"\n"
    )
}

/// Nothing of these texts stands there, however it is spelled.
#[track_caller]
fn holds_none<'a>(what: &str, text: &str, secrets: impl IntoIterator<Item = &'a str>) {
    for secret in secrets {
        for spelled in spellings(secret) {
            let found = text.find(&spelled).map(|at| {
                let start = text.floor_char_boundary(at.saturating_sub(300));
                &text[start..text.floor_char_boundary(at + 200)]
            });
            assert_eq!(found, None, "{what} holds {spelled}");
        }
    }
}

/// What the process itself shows, and what was printed and recorded.
fn written(place: &Place, ended: &Ended) -> Vec<(&'static str, String)> {
    vec![
        ("standard output", ended.out.clone()),
        ("standard error", ended.err.clone()),
        ("the records", place.read("records")),
    ]
}

#[track_caller]
fn search(written: &[(&str, String)], tls_key: &str) {
    let backstop: Vec<String> = keys().into_iter().map(|(key, _)| key).collect();
    let all = OURS.iter().chain(&CALLERS).chain(&CONTENT).copied();
    let all = all.chain(backstop.iter().map(String::as_str)).chain([tls_key]);
    for (what, text) in written {
        holds_none(what, text, all.clone());
    }
}

/// No arguments of the process hold a secret, and it has no children that could.
fn shows_nothing(process: &Process) {
    let of = |name: &str| format!("/proc/{}/{name}", process.pid());
    if let Ok(line) = read_to_string(of("cmdline")) {
        holds_none("the command line", &line, OURS);
    }
    for thread in read_dir(of("task")).into_iter().flatten() {
        let children = thread.expect("a thread").path().join("children");
        assert_eq!(read_to_string(children).unwrap_or_default(), "", "no child processes");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_sink_holds_a_secret() {
    let (place, around) = (Place::new("canaries"), Around::start().await);
    place.write("key", OURS[1]);
    place.write("backstop.toml", &around.configuration(""));
    let env = [&ENV[..], &[LOUD]].concat();
    let with = With { env: &env, deaf: Deaf::Nobody };
    let process = place.start(&["serve"], &with);
    let addr = process.addr().await;
    let mut answers = Answers::default();
    answers.ask(addr, requests()).await;
    shows_nothing(&process);
    let metrics = Request::get("/metrics");
    let metrics = Call::send(process.console().await, &metrics).await.finish().await;
    assert!(metrics.text().contains("backstop_"), "{}", metrics.text());

    // What changes, and what is wrong, is told without its value.
    place.write("key", OURS[3]);
    place.write("backstop.toml", &misplaced());
    process.signal("HUP");
    process.says_once_more("the configuration stays as it was").await;
    place.write(
        "backstop.toml",
        &around.configuration("body_max = \"1MiB\"\n").replace(OURS[2], OURS[4]),
    );
    process.says("server.body_max").await;
    answers.ask(addr, vec![request(Dialect::Chat, Shape::Stream, "chat-echo-400", 1)]).await;
    process.signal("TERM");
    let ended = process.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let mut written = written(&place, &ended);
    written.push(("the metrics", metrics.text()));
    // What stands in the heads is for the collector.
    let exported = around.collector.requests();
    let body = |request: &String| request.split_once("\r\n\r\n").map(|(_, it)| it.to_owned());
    written.push(("what was exported", exported.iter().filter_map(body).collect()));
    assert!(exported.iter().any(|it| it.starts_with("POST /v1/traces")), "traces were exported");
    search(&written, KEYS);

    let backstop: Vec<String> = keys().into_iter().map(|(key, _)| key).collect();
    let ours: Vec<&str> = OURS.iter().copied().chain(backstop.iter().map(String::as_str)).collect();
    for answer in &answers.own {
        holds_none("an answer", answer, ours.iter().copied());
    }
    let redacted = answers.own.iter().filter(|it| it.contains("[redacted]")).count();
    assert!(redacted > 20, "keys were repeated in {redacted} answers");
    assert!(answers.own.iter().any(|it| it.contains(CONTENT[8])), "answers came");
    let theirs = CALLERS.iter().chain(&CONTENT).copied();
    for answer in &answers.others {
        holds_none("another's answer", answer, ours.iter().copied().chain(theirs.clone()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn checks_and_refusals_to_start_hold_no_secret() {
    let (place, around) = (Place::new("canaries-check"), Around::start().await);
    place.write("key", OURS[1]);
    let env = [&ENV[..], &[LOUD]].concat();
    let with = With { env: &env, deaf: Deaf::Nobody };
    let broken = around.configuration("").replace("record", &format!("\"{}", OURS[0]));
    let doubled = around.configuration("").replace("[models.far]", "[providers.chat]");
    for (file, commands, code) in [
        (around.configuration(""), &["check"][..], 0),
        (misplaced(), &["check", "serve"][..], 2),
        (broken, &["check", "serve"][..], 2),
        (doubled, &["check"][..], 0),
    ] {
        place.write("backstop.toml", &file);
        for command in commands {
            let Ended { code: seen, out, err } = place.start(&[command], &with).ended().await;
            assert_eq!(seen, Some(code), "{out}{err}");
            holds_none(command, &format!("{out}{err}"), OURS);
        }
    }
    std::fs::remove_file(place.path("backstop.toml")).expect("it was written");
    let usual = [("OPENAI_API_KEY", OURS[0]), ("HTTPS_PROXY", ENV[4].1), LOUD];
    for args in [&["check"][..], &["--help"], &["serve", "--help"], &["key", "new", "team"]] {
        let ended = place.start(args, &With { env: &usual, deaf: Deaf::Nobody }).ended().await;
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        holds_none(args[0], &format!("{}{}", ended.out, ended.err), OURS);
    }
}

/// Over TLS and HTTP/2, whose libraries have logs of their own.
#[tokio::test(flavor = "multi_thread")]
async fn no_log_of_an_encrypted_connection_holds_a_secret() {
    let (place, around) = (Place::new("canaries-tls"), Around::start().await);
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let tls_key = signing_key.serialize_pem();
    place.write("key", OURS[1]);
    place.write("cert.pem", &cert.pem());
    place.write("key.pem", &tls_key);
    let tls = "tls_cert = \"cert.pem\"\ntls_key = \"key.pem\"\n";
    let file = around.configuration("").replace("record =", &format!("{tls}record ="));
    place.write("backstop.toml", &file);
    let env = [&ENV[..], &[LOUD]].concat();
    let process = place.start(&["serve"], &With { env: &env, deaf: Deaf::Nobody });
    process.says("Ctrl-C stops").await;
    let addr = process.listens_by("https", ",");
    let roots = Roots::native().with_der(cert.der().to_vec());
    let reach = Reach { loopback: true, ..Reach::default() };
    let settings = UpstreamSettings { roots, reach, ..UpstreamSettings::default() };
    let upstream = Upstream::new(settings).expect("an upstream");
    for (at, model) in ["ok", "401", "chat-echo-400", "messages-echo-401"].iter().enumerate() {
        let asked = request(Dialect::Chat, Shape::Whole, model, at);
        let address = format!("https://localhost:{}{}", addr.port(), path(Dialect::Chat));
        let mut request = HttpRequest::post(address);
        for (name, value) in asked.headers().filter(|(name, _)| *name != "content-length") {
            request = request.header(name, value);
        }
        let body = Payload::from(bytes::Bytes::copy_from_slice(asked.payload()));
        let answer = upstream.send(request.body(body).expect("a request")).await;
        let answer = answer.expect("an answer").read(1 << 20).await.expect("a body");
        holds_none("an answer", &String::from_utf8_lossy(&answer), OURS);
    }
    process.signal("TERM");
    let ended = process.ended().await;
    assert!(ended.err.contains("h2::"), "spoken was HTTP/2, and its log is loud");
    search(&written(&place, &ended), line_of(&tls_key));
}
