//! `backstop serve`: what it serves, what it records, and how it stops.

use super::process::{Deaf, Place, Process, With};
use crate::world::{Call, Heard, LIMIT, Request, Said};
use drill::Provider;
use drill::provider::{TlsFault, unused_addr};
use ir::{Dialect, Shape};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A configuration with one cloud that speaks every dialect, recording to `record`.
fn configuration(cloud: &Provider, record: &str) -> String {
    let base_url = cloud.base_url();
    format!(
        "[server]\nlisten = \"127.0.0.1:0\"\nrecord = \"{record}\"\n\
         [providers.chat]\ndialect = \"openai\"\nbase_url = \"{base_url}\"\napi_key = \"env:MINE\"\n\
         [providers.messages]\ndialect = \"anthropic\"\nbase_url = \"{base_url}\"\n\
         api_key = \"env:MINE\"\n\
         [providers.responses]\ndialect = \"openai-responses\"\nbase_url = \"{base_url}\"\n\
         api_key = \"env:MINE\"\n\
         [models.\"*\"]\nchain = [\"chat/*\", \"messages/*\", \"responses/*\"]\n"
    )
}

const MINE: With<'static> = With { env: &[("MINE", "sk-mine")], deaf: Deaf::Nobody };

/// A cloud, and a gateway before it.
async fn serve(place: &Place, record: &str, with: &With<'_>) -> (Provider, Process) {
    let cloud = Provider::named("a").start().await.expect("a free port");
    place.write("backstop.toml", &configuration(&cloud, record));
    (cloud, place.start(&["serve"], with))
}

async fn ask(process: &Process, dialect: Dialect, shape: Shape, model: &str) -> Heard {
    let request = Request::ask(dialect, shape, model);
    Call::send(process.addr().await, &request).await.finish().await
}

/// Asks in every way, and sees that every answer is good.
async fn ask_every_way(process: &Process) -> usize {
    let mut asked = 0;
    for dialect in Dialect::ALL {
        for shape in [Shape::Stream, Shape::Whole] {
            let heard = ask(process, dialect, shape, "ok").await;
            let said = Said::read(dialect, shape, &heard.body).expect("an answer");
            assert!(heard.whole && said.is_complete(), "{said:?}");
            assert_eq!(said.text, drill::provider::text("a", 0, 12));
            asked += 1;
        }
    }
    asked
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_served_and_recorded_line_by_line() {
    let place = Place::new("file");
    let (cloud, process) = serve(&place, "stdout", &MINE).await;
    let asked = ask_every_way(&process).await;
    let refused = ask(&process, Dialect::Chat, Shape::Whole, "400-invalid").await;
    assert_eq!(refused.status, 400);
    assert!(cloud.log().iter().all(|seen| seen.key() == Some("sk-mine")));
    process.signal("TERM");
    let ended = process.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let records: Vec<Value> =
        ended.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(records.len(), asked + 1, "{}", ended.out);
    let endings: Vec<&str> = records.iter().filter_map(|it| it["ending"].as_str()).collect();
    let (last, before) = endings.split_last().expect("records");
    assert_eq!(*last, "rejected");
    assert!(before.iter().all(|ending| *ending == "answered"), "{endings:?}");
    assert!(!ended.out.contains("sk-mine") && !ended.err.contains("sk-mine"), "SE1");
    for text in ["backstop.toml", "OPENAI_BASE_URL=", "ANTHROPIC_BASE_URL=", "stopping"] {
        assert!(ended.err.contains(text), "no {text:?} in {}", ended.err);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_file_the_environment_is_served() {
    let place = Place::new("zero");
    let env = [("ANTHROPIC_API_KEY", "sk-ant-secret")];
    let with = With { env: &env, deaf: Deaf::Nobody };
    let process = place.start(&["serve", "--listen", "127.0.0.1:0"], &with);
    let addr = process.addr().await;
    let health = Call::send(addr, &Request::get("/health")).await.finish().await;
    assert_eq!((health.status, health.text().as_str()), (200, r#"{"status":"ok"}"#));
    let ready = Call::send(addr, &Request::get("/ready")).await.finish().await;
    assert_eq!(ready.status, 200);
    let unknown = ask(&process, Dialect::Chat, Shape::Whole, "gtp-5.4").await;
    assert_eq!((unknown.status, unknown.code().as_str()), (404, "BS0104"));
    process.signal("INT");
    let ended = process.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    for text in [
        "configured by the environment (no backstop.toml was found)",
        "claude-*     anthropic/*",
        "gpt-*        openai/* (caller's key)",
    ] {
        assert!(ended.err.contains(text), "no {text:?} in {}", ended.err);
    }
    // Local servers may follow, where this machine has any.
    assert!(!ended.err.contains("anthropic/* (caller's key)"), "{}", ended.err);
    assert!(!ended.err.contains("sk-ant-secret"), "SE1");
}

/// Promise: certificates are checked. The machine's store is the one that the environment names.
#[tokio::test(flavor = "multi_thread")]
async fn the_environment_says_whom_to_trust() {
    for (name, trusted) in [("root.pem", true), ("other.pem", false)] {
        let place = Place::new(&format!("trust-{trusted}"));
        let start = || Provider::start_tls(TlsFault::Valid);
        let (cloud, other) = (start().await.expect("a port"), start().await.expect("a port"));
        place.write("backstop.toml", &configuration(&cloud, "off"));
        place.write("root.pem", &cloud.root_pem().expect("a root"));
        place.write("other.pem", &other.root_pem().expect("a root"));
        let env = [("MINE", "sk-mine"), ("SSL_CERT_FILE", name), ("HTTPS_PROXY", "http://[::1]:1")];
        let process = place.start(&["serve"], &With { env: &env, deaf: Deaf::Nobody });
        let heard = ask(&process, Dialect::Chat, Shape::Whole, "ok").await;
        // Nobody goes through a proxy to this machine.
        let expect = if trusted { (200, 1) } else { (502, 0) };
        assert_eq!((heard.status, cloud.log().len()), expect, "{}", heard.text());
    }
}

/// Some C libraries take the limits out again that `serve` starts once more with.
#[tokio::test(flavor = "multi_thread")]
async fn it_starts_once_more_and_no_further() {
    let place = Place::new("once");
    let env = [("MINE", "sk-mine"), ("BACKSTOP_STARTED_ONCE_MORE", "1")];
    let (_cloud, process) = serve(&place, "stdout", &With { env: &env, deaf: Deaf::Nobody }).await;
    assert_eq!(ask(&process, Dialect::Chat, Shape::Whole, "ok").await.status, 200);
    process.signal("INT");
    assert_eq!(process.ended().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_is_said_and_ends_it() {
    let place = Place::new("port");
    let cloud = Provider::start().await.expect("a free port");
    place.write("backstop.toml", &configuration(&cloud, "off"));
    let taken = cloud.addr().to_string();
    let ended = place.start(&["serve", "--listen", &taken], &MINE).ended().await;
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    let expected = format!("error: {taken} is in use");
    assert!(ended.err.contains(&expected) && ended.out.is_empty(), "{}", ended.err);
    let ended = place.run(&["drill", "provider", "--listen", &taken]).await;
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    assert!(ended.err.starts_with(&format!("error: cannot listen on {taken}")), "{}", ended.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_lets_an_open_stream_finish() {
    let place = Place::new("finish");
    let (_cloud, process) = serve(&place, "stdout", &MINE).await;
    let addr = process.addr().await;
    let model = "ok+every-30ms+tokens-30";
    let request = Request::ask(Dialect::Messages, Shape::Stream, model);
    let mut call = Call::send(addr, &request).await;
    assert!(call.until("w1").await, "the stream is open");
    process.signal("INT");
    process.says("stopping: open answers may finish within 30").await;
    let refused = async { while TcpStream::connect(addr).await.is_ok() {} };
    timeout(LIMIT, refused).await.expect("nobody new is served");
    let heard = call.finish().await;
    let said = Said::read(Dialect::Messages, Shape::Stream, &heard.body).expect("an answer");
    assert!(heard.whole && said.is_complete(), "{said:?}");
    assert_eq!(said.text, drill::provider::text("a", 0, 30));
    let ended = process.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(ended.out.lines().count(), 1, "it is recorded before the end: {}", ended.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_at_once() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let place = Place::new(signal);
        let (_cloud, process) = serve(&place, "stdout", &MINE).await;
        let request = Request::ask(Dialect::Chat, Shape::Stream, "stall-after-2");
        let mut call = Call::send(process.addr().await, &request).await;
        assert!(call.until("w1").await, "the stream is open");
        process.signal("INT");
        process.says("stopping").await;
        process.signal(signal);
        let ended = process.ended().await;
        assert_eq!(ended.code, Some(code), "{}", ended.err);
        // It breaks, or there is just time to say why.
        let heard = call.finish().await;
        let honest = !heard.whole || heard.text().contains("BS0204");
        assert!(honest, "what was cut does not pass for complete: {}", heard.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_go_to_a_file_and_a_full_disk_costs_no_answer() {
    let place = Place::new("disk");
    let (_cloud, process) = serve(&place, "file:records.jsonl", &MINE).await;
    let asked = ask_every_way(&process).await;
    process.signal("INT");
    assert_eq!(process.ended().await.code, Some(0));
    assert_eq!(place.read("records.jsonl").lines().count(), asked);

    let (_cloud, process) = serve(&place, "file:/dev/full", &MINE).await;
    ask_every_way(&process).await;
    process.says("records cannot be written").await;
    process.signal("INT");
    let ended = process.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(ended.err.matches("records cannot be written").count(), 1, "{}", ended.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_reading_its_output_costs_no_answer() {
    for deaf in [Deaf::Out, Deaf::Both, Deaf::Stuck] {
        let place = Place::new(&format!("deaf-{deaf:?}"));
        // Everything is logged, so that every line of the log is lost, and pipes are soon full.
        let env = [("MINE", "sk-mine"), ("BACKSTOP_LOG", "trace")];
        let cloud = Provider::named("a").start().await.expect("a free port");
        place.write("backstop.toml", &configuration(&cloud, "stdout"));
        let addr = unused_addr();
        let args = ["serve", "--listen", &addr.to_string()];
        let process = place.start(&args, &With { env: &env, deaf });
        let listening = async { while TcpStream::connect(addr).await.is_err() {} };
        timeout(LIMIT, listening).await.expect("it serves");
        for model in ["ok", "status-500", "ok"].repeat(20) {
            let request = Request::ask(Dialect::Chat, Shape::Whole, model);
            let heard = Call::send(addr, &request).await.finish().await;
            assert_eq!(heard.status, if model == "ok" { 200 } else { 500 }, "{}", heard.text());
        }
        process.signal("INT");
        assert_eq!(process.ended().await.code, Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fake_provider_says_where_it_is_and_serves_until_it_is_stopped() {
    let place = Place::new("drill");
    let args = ["drill", "provider", "--listen", "127.0.0.1:0", "--name", "cloud-z"];
    let process = place.start(&args, &With::default());
    process.says("/v1 (faults by model name)").await;
    let addr = process.listens_on("/v1");
    let request = Request::ask(Dialect::Chat, Shape::Whole, "ok");
    let heard = Call::send(addr, &request).await.finish().await;
    assert!(heard.text().contains("[cloud-z] w0 w1"), "{}", heard.text());
    process.signal("INT");
    assert_eq!(process.ended().await.code, Some(0));
}
