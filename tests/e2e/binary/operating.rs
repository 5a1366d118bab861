//! `backstop serve` over its life: changed files, sockets that outlive it, TLS, and its last word.

use super::process::{Deaf, Place, Process, With};
use crate::world::{Call, Heard, LIMIT, Request, Said, path};
use drill::Provider;
use http::Request as HttpRequest;
use ir::{Dialect, Reach, Shape};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use transport::{Payload, Roots, Upstream, UpstreamSettings};

const NOTHING: With<'static> = With { env: &[], deaf: Deaf::Nobody };

/// One cloud, which speaks Chat and Responses, behind the model `ok`, with these lines in `[server]` and
/// whatever more.
fn configuration(cloud: &Provider, server: &str, more: &str) -> String {
    let base_url = cloud.base_url();
    format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n{server}\n\
         [providers.a]\ndialect = \"openai\"\nbase_url = \"{base_url}\"\n\
         api_key = \"file:key\"\nlocal = false\n\
         [providers.r]\ndialect = \"openai-responses\"\nbase_url = \"{base_url}\"\n\
         api_key = \"file:key\"\nlocal = false\n\
         [models.ok]\nchain = [\"a/ok\", \"r/ok\"]\n{more}\n"
    )
}

async fn cloud() -> Provider {
    Provider::named("a").start().await.expect("a free port")
}

async fn ask(addr: SocketAddr, model: &str, key: &str) -> Heard {
    let request = Request::ask(Dialect::Chat, Shape::Whole, model).header("x-backstop-key", key);
    Call::send(addr, &request).await.finish().await
}

/// Asks until the answer has this status.
async fn until(addr: SocketAddr, (model, key): (&str, &str), status: u16) {
    let asking = async { while ask(addr, model, key).await.status != status {} };
    assert!(timeout(LIMIT, asking).await.is_ok(), "{model} {key}: never {status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_file_is_taken_up_and_a_bad_one_is_not() {
    let (place, cloud) = (Place::new("changed"), cloud().await);
    place.write("key", "sk-one");
    place.write("backstop.toml", &configuration(&cloud, "", ""));
    let process = place.start(&["serve"], &NOTHING);
    let addr = process.addr().await;
    until(addr, ("ok", ""), 200).await;
    until(addr, ("more", ""), 404).await;

    let more = "[models.more]\nchain = [\"a/ok\"]";
    place.write("backstop.toml", &configuration(&cloud, "grace = \"7s\"", more));
    process.says("the configuration changed: models.more: new; server.grace: new").await;
    until(addr, ("more", ""), 200).await;

    // Whatever is wrong with it, it is one line and nothing changes.
    let large = "x".repeat(17 << 20);
    let routes: String = (0..10_000).fold(String::new(), |routes, at| {
        routes + &format!("[models.\"m{at}\"]\nchain = [\"nobody/x\"]\n")
    });
    let twice = configuration(&cloud, "grace = \"1s\"\ngrace = \"2s\"", "");
    for (bad, said) in [
        ("[server", "backstop.toml:1:"),
        ("", "backstop.toml is empty"),
        ("# nothing yet\n\n", "backstop.toml is empty"),
        ("[server]\ngrase = \"1s\"\n", "server.grase: unknown key"),
        (twice.as_str(), "is there twice"),
        (routes.as_str(), "more)"),
        (large.as_str(), "larger than"),
        (
            "[providers.b]\ndialect = \"openai\"\nbase_url = \"https://b\"\napi_key = \"env:NO\"\n",
            "NO",
        ),
    ] {
        place.write("backstop.toml", bad);
        process.signal("HUP");
        process.says_once_more("the configuration stays as it was").await;
        assert!(process.said().contains(said), "no {said:?} in {}", process.said());
        assert_eq!(ask(addr, "more", "").await.status, 200);
    }
    std::fs::remove_file(place.path("backstop.toml")).expect("it is there");
    assert_eq!(ask(addr, "more", "").await.status, 200);

    // A key in a file of its own.
    place.write("backstop.toml", &configuration(&cloud, "grace = \"7s\"", more));
    cloud.clear();
    place.write("key", "sk-two");
    let renewed = || cloud.log().iter().any(|seen| seen.key() == Some("sk-two"));
    let asking = async {
        while {
            ask(addr, "ok", "").await;
            !renewed()
        } {}
    };
    timeout(LIMIT, asking).await.expect("the new key is used");
    process.signal("HUP");
    process.says("read again: the configuration is as it was").await;
    process.signal("TERM");
    let ended = process.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(!ended.err.contains("sk-"), "SE1: {}", ended.err);
    assert!(ended.err.lines().all(|line| line.len() < 500), "{}", ended.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_is_refused() {
    let (place, cloud) = (Place::new("revoked"), cloud().await);
    let (one, one_hash) = config::new_key([1; 32]);
    let (two, two_hash) = config::new_key([2; 32]);
    let keys = |names: &[(&str, &str)]| {
        let key = |(name, hash): &(&str, &str)| format!("[keys.{name}]\nhash = \"{hash}\"\n");
        configuration(&cloud, "", &names.iter().map(key).collect::<Vec<_>>().concat())
    };
    place.write("key", "sk-one");
    place.write("backstop.toml", &keys(&[("one", &one_hash), ("two", &two_hash)]));
    let process = place.start(&["serve"], &NOTHING);
    let addr = process.addr().await;
    assert_eq!(ask(addr, "ok", &one).await.status, 200);
    assert_eq!(ask(addr, "ok", &two).await.status, 200);
    place.write("backstop.toml", &keys(&[("two", &two_hash)]));
    until(addr, ("ok", &one), 401).await;
    assert_eq!(ask(addr, "ok", &two).await.status, 200);
    process.says("the configuration changed: keys.one: gone").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_outlasts_the_grace_gets_one_honest_error() {
    for dialect in Dialect::ALL {
        let place = Place::new(&format!("grace-{}", dialect.name()));
        let cloud = cloud().await;
        place.write("key", "sk-one");
        let more = "[models.\"*\"]\nchain = [\"a/*\", \"r/*\"]";
        let server = "grace = \"100ms\"\nrequests_max = 2\nqueue_wait = \"20s\"";
        place.write("backstop.toml", &configuration(&cloud, server, more));
        let process = place.start(&["serve"], &NOTHING);
        let addr = process.addr().await;
        let stalls = Request::ask(dialect, Shape::Stream, "stall-after-2");
        let mut stream = Call::send(addr, &stalls).await;
        assert!(stream.until("w1").await, "the stream is open");
        let silent = Request::ask(dialect, Shape::Whole, "hang-before-head");
        let whole = Call::send(addr, &silent).await;
        while cloud.log().len() < 2 {
            tokio::task::yield_now().await;
        }
        let (uploads, waits) = (upload(addr, dialect, 1).await, upload(addr, dialect, 0).await);
        process.signal("TERM");
        let (stream, whole) = tokio::join!(stream.finish(), whole.finish());
        let (uploads, waits) = tokio::join!(uploads.finish(), waits.finish());
        for heard in [whole, uploads, waits] {
            assert_eq!((heard.status, heard.code().as_str()), (503, "BS0204"), "{}", heard.text());
            assert_eq!(heard.header("retry-after"), Some("1"));
        }
        assert!(stream.whole, "{}", stream.text());
        let said = Said::read(dialect, Shape::Stream, &stream.body).expect("a stream");
        assert!(!said.is_complete() && stream.text().contains("BS0204"), "{}", stream.text());
        let ended = process.ended().await;
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        let records: Vec<Value> =
            ended.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let mut endings: Vec<_> = records.iter().map(|it| (&it["ending"], &it["code"])).collect();
        endings.sort_by_key(|(ending, _)| ending.to_string());
        assert_eq!(format!("{endings:?}"), ENDINGS, "{}", ended.out);
    }
}

const ENDINGS: &str = r#"[(String("broken"), String("BS0204")), (String("failed"), String("BS0204")), (String("failed"), String("BS0204")), (String("failed"), String("BS0204"))]"#;

/// A request of which all but the last bytes are sent, once the gateway wants its body.
async fn upload(addr: SocketAddr, dialect: Dialect, kept: usize) -> Call {
    let mut stream = TcpStream::connect(addr).await.expect("a connection");
    let request = Request::ask(dialect, Shape::Whole, "ok");
    let body = request.payload();
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: {addr}\r\ncontent-type: application/json\r\n\
         expect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        path(dialect),
        body.len()
    );
    stream.write_all(head.as_bytes()).await.expect("room");
    let mut interim = [0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
    timeout(LIMIT, stream.read_exact(&mut interim)).await.expect("in time").expect("an answer");
    Call::on(stream, &body[..body.len() - kept]).await
}

/// Asks again and again, on a new connection each time, until it is stopped; then tells how often,
/// and what was no answer.
struct Asking {
    stop: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<(usize, Vec<u16>)>,
}

impl Asking {
    fn start(addr: SocketAddr) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let task = tokio::spawn(async move {
            let (mut count, mut bad) = (0, Vec::new());
            while !stopped.load(Ordering::Relaxed) {
                let heard = ask(addr, "ok", "").await;
                count += 1;
                if heard.status != 200 || !heard.whole {
                    bad.push(heard.status);
                }
            }
            (count, bad)
        });
        Self { stop, task }
    }

    async fn all_were_answered(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        let (count, bad) = self.task.await.expect("no panic");
        assert!(bad.is_empty(), "{bad:?} of {count}");
        count
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_successor_takes_over_and_nobody_is_refused() {
    let (place, cloud) = (Place::new("handover"), cloud().await);
    place.write("key", "sk-one");
    let server = format!("handover = {:?}", place.path("handover").display().to_string());
    let more = "[models.\"*\"]\nchain = [\"a/*\"]";
    place.write("backstop.toml", &configuration(&cloud, &server, more));
    let mut serving: Process = place.start(&["serve"], &NOTHING);
    let addr = serving.addr().await;
    let asking = Asking::start(addr);
    for _ in 0..3 {
        let slow = Request::ask(Dialect::Chat, Shape::Stream, "ok+every-10ms+tokens-30");
        let mut stream = Call::send(addr, &slow).await;
        assert!(stream.until("w1").await, "the stream is open");
        let successor = place.start(&["serve"], &NOTHING);
        assert_eq!(successor.addr().await, addr);
        serving.says("a successor serves; stopping").await;
        let heard = stream.finish().await;
        let said = Said::read(Dialect::Chat, Shape::Stream, &heard.body).expect("an answer");
        assert!(heard.whole && said.is_complete(), "{said:?}");
        let ended = serving.ended().await;
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        serving = successor;
    }
    assert!(asking.all_were_answered().await > 0);
    serving.signal("TERM");
    assert_eq!(serving.ended().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn reloads_under_way_lose_nobody() {
    let (place, cloud) = (Place::new("reloads"), cloud().await);
    place.write("key", "sk-one");
    let file = |at: usize| {
        let more = format!("[models.m{at}]\nchain = [\"a/ok\"]");
        configuration(&cloud, "", &more)
    };
    place.write("backstop.toml", &file(0));
    let process = place.start(&["serve"], &NOTHING);
    let addr = process.addr().await;
    let asking = [(); 4].map(|()| Asking::start(addr));
    for at in 1..=20 {
        place.write("backstop.toml", &file(at));
        process.signal("HUP");
        process.says(&format!("models.m{at}: new")).await;
        assert_eq!(ask(addr, &format!("m{at}"), "").await.status, 200);
    }
    for asking in asking {
        asking.all_were_answered().await;
    }
    // A provider that stayed as it was keeps its connections.
    assert!(cloud.connections() < 50, "{}", cloud.connections());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_of_the_service_manager_is_served() {
    let (place, cloud) = (Place::new("activated"), cloud().await);
    let key = config::new_key([1; 32]);
    place.write("key", "sk-one");
    // The file names a port that nobody may take.
    let listen = "listen = \"127.0.0.1:0\"";
    let file = configuration(&cloud, "", "").replace(listen, "listen = \"192.0.2.1:1\"");
    place.write("backstop.toml", &format!("{file}[keys.one]\nhash = \"{}\"\n", key.1));
    let process = place.start_activated("127.0.0.1", &["serve"], &NOTHING);
    assert_eq!(ask(process.addr().await, "ok", &key.0).await.status, 200);
}

/// Promise: whatever the file says, a socket beyond this machine is served with keys or not at all.
#[tokio::test(flavor = "multi_thread")]
async fn a_socket_for_all_needs_keys() {
    let (place, cloud) = (Place::new("for-all"), cloud().await);
    place.write("key", "sk-one");
    place.write("backstop.toml", &configuration(&cloud, "", ""));
    let ended = place.start_activated("0.0.0.0", &["serve"], &NOTHING).ended().await;
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    assert!(ended.err.contains("is beyond this machine, and there are no keys"), "{}", ended.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_served_and_its_certificate_renewed() {
    let (place, cloud) = (Place::new("tls"), cloud().await);
    let issue = || {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
        place.write("cert.pem", &cert.pem());
        place.write("key.pem", &signing_key.serialize_pem());
        cert.der().to_vec()
    };
    let asked = async |addr: SocketAddr, root: &[u8]| {
        let roots = Roots::native().with_der(root.to_vec());
        let reach = Reach { loopback: true, ..UpstreamSettings::default().reach };
        let settings = UpstreamSettings { roots, reach, ..UpstreamSettings::default() };
        let upstream = Upstream::new(settings);
        let address = format!("https://localhost:{}/health", addr.port());
        let request = HttpRequest::get(address).body(Payload::empty()).expect("a request");
        upstream.expect("an upstream").send(request).await.map(|answer| answer.status)
    };
    place.write("key", "sk-one");
    let first = issue();
    let server = "tls_cert = \"cert.pem\"\ntls_key = \"key.pem\"";
    let (_, hash) = config::new_key([1; 32]);
    let beyond = format!(
        "[console]\nlisten = \"0.0.0.0:0\"\n[keys.watcher]\nhash = \"{hash}\"\nconsole = true"
    );
    place.write("backstop.toml", &configuration(&cloud, server, &beyond));
    let process = place.start(&["serve"], &NOTHING);
    process.says("Ctrl-C stops").await;
    let addr = process.listens_by("https", ",");
    assert_eq!(asked(addr, &first).await, Ok(200));
    // Keys are shown to the console too, where it listens beyond this machine.
    let console = process.said();
    let console = console.split("Metrics        https://").nth(1).expect("a console");
    let console: SocketAddr =
        console.split('/').next().and_then(|it| it.parse().ok()).expect("one");
    assert_eq!(asked(console, &first).await, Ok(200));
    let second = issue();
    process.says("the configuration changed: a file that it names").await;
    assert_eq!(asked(addr, &second).await, Ok(200));
    assert!(asked(addr, &first).await.is_err());
    assert_eq!(asked(console, &second).await, Ok(200));
    place.write("key.pem", "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n");
    process.says("the configuration stays as it was").await;
    assert_eq!(asked(addr, &second).await, Ok(200));
    place.write("backstop.toml", &configuration(&cloud, server, ""));
    let ended = place.start(&["serve"], &NOTHING).ended().await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains("error: server.tls_cert, tls_key"), "{}", ended.err);
}
