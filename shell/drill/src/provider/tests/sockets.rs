//! Scripts on real sockets, seen by a client that is nothing but a `TcpStream`.

use super::{Seen, Step};
use crate::provider::{End, Fault, Provider, Way, text, unused_addr};
use ir::{Dialect, Shape};
use std::io::{ErrorKind, Result};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const LIMIT: Duration = Duration::from_secs(5);

fn wire(dialect: Dialect, shape: Shape, model: &str) -> String {
    let seen = super::request(dialect, shape, model);
    let (path, body) = (&seen.path, seen.text());
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nhost: drill\r\ncontent-length: {length}\r\n\r\n{body}")
}

fn chat(model: &str) -> String {
    wire(Dialect::Chat, Shape::Stream, model)
}

async fn connect(provider: &Provider) -> TcpStream {
    timeout(LIMIT, TcpStream::connect(provider.addr())).await.unwrap().unwrap()
}

/// Reads until a mark, the end or an error.
async fn read_to(stream: &mut TcpStream, mark: &str) -> (String, Result<()>) {
    let mut all = Vec::new();
    loop {
        let mut piece = vec![0; 65_536];
        match timeout(LIMIT, stream.read(&mut piece)).await.unwrap() {
            Ok(0) => return (String::from_utf8_lossy(&all).into_owned(), Ok(())),
            Ok(count) => all.extend_from_slice(&piece[..count]),
            Err(error) => return (String::from_utf8_lossy(&all).into_owned(), Err(error)),
        }
        if !mark.is_empty() && String::from_utf8_lossy(&all).contains(mark) {
            return (String::from_utf8_lossy(&all).into_owned(), Ok(()));
        }
    }
}

async fn ask(provider: &Provider, request: &str, mark: &str) -> (String, Result<()>) {
    let mut stream = connect(provider).await;
    stream.write_all(request.as_bytes()).await.unwrap();
    read_to(&mut stream, mark).await
}

async fn status(provider: &Provider, model: &str) -> String {
    let (answer, _) = ask(provider, &chat(model), "\r\n").await;
    answer.chars().skip(9).take(3).collect()
}

/// How the `nth` request of this provider ended, from 0.
async fn ended(provider: &Provider, nth: usize) -> End {
    let over = |seen: &[Seen]| seen.get(nth).is_some_and(|seen| seen.ended.is_some());
    assert!(provider.wait_for(over, LIMIT).await);
    provider.log()[nth].ended.unwrap()
}

#[tokio::test]
async fn a_good_answer_is_one_chunk_per_event_and_keeps_the_connection() {
    let provider = Provider::named("cloud-a").start().await.unwrap();
    let mut stream = connect(&provider).await;
    for nth in 0..3 {
        stream.write_all(chat("ok").as_bytes()).await.unwrap();
        let (answer, end) = read_to(&mut stream, "\r\n0\r\n\r\n").await;
        end.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("data: [DONE]"));
        assert!(answer.contains(r#""delta":{"content":"[cloud-a] w0"}"#));
        assert_eq!(ended(&provider, nth).await, End::Done);
        let log = provider.log();
        assert_eq!((log[nth].connection, log[nth].nth as usize), (0, nth));
        assert_eq!((log[nth].model.as_str(), log[nth].fault.as_str()), ("ok", "ok"));
    }
    assert_eq!(provider.connections(), 1);
}

#[tokio::test]
async fn a_reset_is_a_reset_and_comes_after_the_words() {
    let provider = Provider::start().await.unwrap();
    for (nth, model) in
        ["reset-after-3", "reset-before-content", "reset-before-head"].into_iter().enumerate()
    {
        let (answer, end) = ask(&provider, &chat(model), "").await;
        assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset, "{model}");
        assert_eq!(answer.contains(r#""content":" w2""#), model == "reset-after-3");
        assert_eq!(ended(&provider, nth).await, End::Reset);
    }
    let whole = wire(Dialect::Messages, Shape::Whole, "reset-body");
    let (answer, end) = ask(&provider, &whole, "").await;
    assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert!(answer.contains("content-length") && !answer.contains("service_tier"));
}

#[tokio::test]
async fn a_fin_is_clean_and_a_cut_is_not() {
    let provider = Provider::start().await.unwrap();
    for (nth, (model, framed)) in
        [("fin-after-3", true), ("cut-after-3", false), ("no-end", true)].into_iter().enumerate()
    {
        let (answer, end) = ask(&provider, &chat(model), "").await;
        end.unwrap();
        assert_eq!(answer.ends_with("\r\n0\r\n\r\n"), framed, "{model}");
        assert_eq!(ended(&provider, nth).await, End::Fin);
    }
    let (answer, end) = ask(&provider, &chat("fin-before-head"), "").await;
    end.unwrap();
    assert_eq!(answer, "");
}

#[tokio::test]
async fn a_client_that_leaves_is_seen_at_once() {
    let provider = Provider::start().await.unwrap();
    let cases = [
        ("hang-before-head", ""),
        ("silent-200", "\r\n\r\n"),
        ("stall-after-3", " w2"),
        ("ok+every-600000ms", "role"),
        ("pings-only", ": ping"),
    ];
    for (nth, (model, mark)) in cases.into_iter().enumerate() {
        let mut stream = connect(&provider).await;
        stream.write_all(chat(model).as_bytes()).await.unwrap();
        let here = |seen: &[Seen]| seen.last().is_some_and(|seen| seen.model == model);
        assert!(provider.wait_for(here, LIMIT).await);
        if !mark.is_empty() {
            read_to(&mut stream, mark).await.1.unwrap();
        }
        assert_eq!(provider.log().last().unwrap().ended, None);
        drop(stream);
        let gone = |seen: &[Seen]| seen.last().is_some_and(|seen| seen.ended.is_some());
        assert!(provider.wait_for(gone, Duration::from_millis(100)).await, "{model}");
        let End::ClientGone { sent, .. } = ended(&provider, nth).await else { panic!("{model}") };
        assert_eq!(sent == 0, model == "hang-before-head", "{model}");
    }
}

#[tokio::test]
async fn a_stale_connection_dies_under_the_next_request() {
    let provider = Provider::start().await.unwrap();
    let mut stream = connect(&provider).await;
    stream.write_all(chat("stale").as_bytes()).await.unwrap();
    let (answer, _) = read_to(&mut stream, "\r\n0\r\n\r\n").await;
    assert!(answer.contains("[DONE]"));
    stream.write_all(chat("stale").as_bytes()).await.unwrap();
    let (answer, end) = read_to(&mut stream, "").await;
    end.unwrap();
    assert_eq!(answer, "");
    assert_eq!(status(&provider, "stale").await, "200");
    assert_eq!(provider.log().len(), 3);
}

#[tokio::test]
async fn the_first_requests_fail_and_the_others_do_not() {
    let provider = Provider::start().await.unwrap();
    let mut codes = Vec::new();
    for model in ["once-status-529", "once-status-529", "first-2-401", "first-2-401", "first-2-401"]
    {
        codes.push(status(&provider, model).await);
    }
    assert_eq!(codes, ["529", "200", "401", "401", "200"]);
    provider.clear();
    assert!(provider.log().is_empty());
    assert_eq!(status(&provider, "once-status-529").await, "529");
}

#[tokio::test]
async fn a_fault_for_all_takes_the_models_list_with_it() {
    let provider = Provider::start().await.unwrap();
    let models = "GET /v1/models HTTP/1.1\r\n\r\n";
    provider.set(Fault::from_model("status-503"));
    assert_eq!(status(&provider, "gpt-5.4").await, "503");
    assert!(ask(&provider, models, "\r\n\r\n").await.0.starts_with("HTTP/1.1 503"));
    provider.set(Fault::from_model("stall-after-3"));
    assert!(ask(&provider, models, "}]}").await.0.contains("gpt-5.4"));
    provider.set(None);
    assert_eq!(status(&provider, "gpt-5.4").await, "200");
    let anthropic = "GET /v1/models HTTP/1.1\r\nanthropic-version: 2023-06-01\r\n\r\n";
    assert!(ask(&provider, anthropic, "last_id").await.0.contains("claude-sonnet-4-6"));
}

#[tokio::test]
async fn the_key_decides() {
    let provider = Provider::start().await.unwrap();
    for (header, code) in [
        ("x-a: b", "401"),
        ("authorization: Bearer sk-drill", "200"),
        ("X-Api-Key: sk-drill", "200"),
        ("authorization: Bearer sk-other", "401"),
    ] {
        let request = chat("needs-key-sk-drill").replace("host: drill", header);
        let (answer, _) = ask(&provider, &request, "\r\n").await;
        assert!(answer.contains(code), "{header}: {answer}");
    }
}

#[tokio::test]
async fn a_misspelt_fault_and_an_unknown_path_are_404() {
    let provider = Provider::start().await.unwrap();
    assert_eq!(status(&provider, "stall-aftr-3").await, "200");
    assert_eq!(status(&provider, "stall-after-three").await, "404");
    assert_eq!(status(&provider, "ok+tool").await, "404");
    let request = "POST /v1/nothing HTTP/1.1\r\ncontent-length: 0\r\n\r\n";
    assert!(ask(&provider, request, "\r\n").await.0.starts_with("HTTP/1.1 404"));
    let request = "POST /v1/messages HTTP/1.1\r\ncontent-length: 1\r\n\r\n{";
    assert!(ask(&provider, request, "\r\n").await.0.starts_with("HTTP/1.1 400"));
    assert!(ask(&provider, "nonsense\r\n\r\n", "\r\n").await.0.starts_with("HTTP/1.1 400"));
}

#[tokio::test]
async fn large_bodies_go_both_ways() {
    let provider = Provider::start().await.unwrap();
    let filler = "x".repeat(8 * 1024 * 1024);
    let body = format!(r#"{{"model":"big-answer-4MiB","filler":"{filler}"}}"#);
    let request = format!(
        "POST /v1/messages HTTP/1.1\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n\
         {:x}\r\n{body}\r\n0\r\n\r\n",
        body.len()
    );
    let (answer, end) = ask(&provider, &request, "").await;
    end.unwrap();
    assert!(answer.len() > 4 * 1024 * 1024 && answer.ends_with('}'));
    assert_eq!(provider.log()[0].body.len(), body.len());
}

#[tokio::test]
async fn severed_connections_are_reset_and_the_log_says_so() {
    let provider = Provider::start().await.unwrap();
    let mut stream = connect(&provider).await;
    stream.write_all(chat("stall-after-3").as_bytes()).await.unwrap();
    read_to(&mut stream, " w2").await.1.unwrap();
    provider.sever();
    let (_, end) = read_to(&mut stream, "").await;
    assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(ended(&provider, 0).await, End::Reset);
    assert_eq!(status(&provider, "ok").await, "200");
}

#[tokio::test]
async fn a_stopped_provider_refuses_and_may_come_back() {
    let provider = Provider::start().await.unwrap();
    let addr = provider.addr();
    let mut open = connect(&provider).await;
    provider.stop().await;
    let refused = TcpStream::connect(addr).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    drop(read_to(&mut open, "").await);
    let again = Provider::start_at(addr).await.unwrap();
    assert_eq!(status(&again, "ok").await, "200");
}

#[tokio::test]
async fn an_unused_address_refuses_until_a_provider_takes_it() {
    let addr = unused_addr();
    assert_ne!(addr, unused_addr());
    let refused = TcpStream::connect(addr).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    let provider = Provider::start_at(addr).await.unwrap();
    assert_eq!(provider.base_url(), format!("http://{addr}/v1"));
    assert_eq!(status(&provider, "ok").await, "200");
}

#[tokio::test]
async fn the_control_surface_works_from_outside() {
    let provider = Provider::start().await.unwrap();
    let post = |verb: &str, body: &str| {
        let length = body.len();
        format!("POST /_drill/{verb} HTTP/1.1\r\ncontent-length: {length}\r\n\r\n{body}")
    };
    let set = ask(&provider, &post("set", "status-529"), "}\n").await.0;
    assert!(set.contains(r#"{"fault":"status-529"}"#));
    let request = chat("ok").replace("host: drill", "authorization: Bearer sk-1234567890");
    assert!(ask(&provider, &request, "\r\n").await.0.contains("529"));
    let wrong = ask(&provider, &post("set", "nothing"), "}\n").await.0;
    assert!(wrong.starts_with("HTTP/1.1 400"));
    ended(&provider, 0).await;
    let log = ask(&provider, "GET /_drill/log HTTP/1.1\r\n\r\n", "]\n").await.0;
    let (_, log) = log.split_once("\r\n\r\n").unwrap();
    let log: serde_json::Value = serde_json::from_str(log).unwrap();
    assert_eq!(log[0]["fault"], "status-529");
    assert_eq!(log[0]["way"], "fresh");
    assert_eq!(log[0]["ended"]["how"], "done");
    assert_eq!(log[0]["headers"][0][1], "Bearer sk-12345…");
    assert!(log.get(1).is_none());
    assert!(ask(&provider, &post("clear", ""), "}\n").await.0.contains("200 OK"));
    assert!(ask(&provider, &post("set", ""), "}\n").await.0.contains(r#""ok""#));
    let menu = ask(&provider, "GET /_drill/menu HTTP/1.1\r\n\r\n", "]\n").await.0;
    assert!(menu.contains(r#""stall-after-3""#));
    assert!(provider.log().is_empty());
}

#[tokio::test]
async fn the_log_tells_how_a_rest_is_asked_for() {
    let provider = Provider::start().await.unwrap();
    let told = r#"{"role":"assistant","content":"w0 w1 w2 w3 w4 w5 w6"}"#;
    let anchor = r#"{"role":"user","content":"Go on.\n\nw0 w1 w2 w3 w4 w5 w6"}"#;
    let call = r#"{"role":"assistant","tool_calls":[{"function":{"name":"a","arguments":"{}"}}]}"#;
    let asked = r#"{"role":"user","content":"Answer with NOTHING-MORE"}"#;
    for (nth, (turns, way, mark)) in [
        (String::new(), Way::Fresh, "w0"),
        (told.to_owned(), Way::Prefill, " w7"),
        (format!("{told},{anchor}"), Way::Anchor, "w6 w7"),
        (format!(r#"{call},{{"role":"tool"}},{asked}"#), Way::Calls, "NOTHING-MORE"),
    ]
    .into_iter()
    .enumerate()
    {
        let body = format!(r#"{{"model":"ok","messages":[{turns}]}}"#);
        let length = body.len();
        let path = "/v1/chat/completions";
        let head = format!("POST {path} HTTP/1.1\r\ncontent-length: {length}\r\n\r\n");
        let (answer, _) = ask(&provider, &format!("{head}{body}"), "}}}").await;
        assert!(answer.contains(mark), "{answer}");
        assert_eq!(provider.log()[nth].way, way);
    }
    let log = ask(&provider, "GET /_drill/log HTTP/1.1\r\n\r\n", "]\n").await.0;
    let words = Way::ALL.iter().map(|way| format!(r#""way":"{}""#, way.name()));
    assert!(words.into_iter().all(|word| log.contains(&word)), "{log}");
}

#[tokio::test]
async fn every_fault_on_a_socket_ends_as_its_script_says() {
    let provider = Provider::named("cloud-a").start().await.unwrap();
    let mut nth = 0;
    for dialect in Dialect::ALL {
        for shape in Shape::ALL {
            for fault in Fault::menu() {
                carry_out(&provider, nth, (dialect, shape, &fault.name())).await;
                nth += 1;
            }
        }
    }
}

async fn carry_out(
    provider: &Provider,
    nth: usize,
    (dialect, shape, name): (Dialect, Shape, &str),
) {
    let request = wire(dialect, shape, name).replace("host: drill", "connection: close");
    let steps = super::steps(dialect, shape, name);
    let mut stream = connect(provider).await;
    stream.write_all(request.as_bytes()).await.unwrap();
    let expect = match steps.last() {
        Some(Step::Hang) => {
            let arrived = |seen: &[Seen]| seen.len() > nth;
            assert!(provider.wait_for(arrived, LIMIT).await);
            drop(stream);
            let end = ended(provider, nth).await;
            assert!(matches!(end, End::ClientGone { .. }), "{name}: {end:?}");
            return;
        }
        Some(Step::Reset) => End::Reset,
        Some(Step::Fin) => End::Fin,
        Some(Step::Send(_) | Step::Wait(_)) | None => End::Done,
    };
    drop(read_to(&mut stream, "").await);
    assert_eq!(ended(provider, nth).await, expect, "{name}");
}

#[tokio::test]
async fn the_text_is_known_beforehand() {
    let provider = Provider::named("b").start().await.unwrap();
    let request = wire(Dialect::Messages, Shape::Whole, "ok+tokens-5");
    let (answer, _) = ask(&provider, &request, "service_tier").await;
    assert!(answer.contains(&format!(r#""text":"{}""#, text("b", 0, 5))));
}
