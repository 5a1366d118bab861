//! Bad input: a clear error in the caller's dialect, with a stable code, and nobody else unharmed.

use crate::world::{CROSSABLE, Heard, Pairing, Plan, Request, Said, World, each, pair, path};
use ir::{Dialect, Shape};
use std::sync::Arc;
use transport::Resolver;

/// A world with small limits.
const SMALL: &str = "server.body_max = \"4KiB\"\nserver.body_timeout = \"100ms\"\n";

/// The error is one of the dialect's, says this code, and tells a client not to try again.
#[track_caller]
fn check(dialect: Dialect, heard: &Heard, status: u16, code: &str) {
    assert_eq!((heard.status, heard.code().as_str()), (status, code), "{}", heard.text());
    assert!(heard.whole);
    assert_eq!(heard.header("content-type"), Some("application/json"));
    // What was too slow may be faster the next time.
    assert_eq!(heard.header("x-should-retry"), (status != 408).then_some("false"));
    let id = heard.header("x-backstop-request-id").expect("an id");
    assert!(heard.text().contains(id));
    let json = heard.json();
    let kind = json["error"]["type"].as_str().expect("a type");
    assert!(!kind.is_empty() && !json["error"]["message"].as_str().expect("words").is_empty());
    match dialect {
        Dialect::Chat | Dialect::Responses => {
            assert!(json["error"].get("param").is_some(), "SDKs read it");
        }
        Dialect::Messages => assert_eq!(json["type"], "error"),
    }
}

/// Sends requests while a long answer streams, and sees that nothing happens to that.
async fn beside_a_stream(dialect: Dialect, world: &World, requests: Vec<(Request, u16, &str)>) {
    let other = Request::ask(dialect, Shape::Stream, "ok+tokens-300+every-1ms");
    let mut other = world.send(&other).await;
    assert!(other.until("w0").await);
    let calls = world.calls();
    for (request, status, code) in requests {
        check(dialect, &world.hear(&request).await, status, code);
    }
    assert_eq!(world.calls(), calls, "nothing of it reached a provider");
    let heard = other.finish().await;
    let said = Said::read(dialect, Shape::Stream, &heard.body).expect("a stream");
    assert!(said.is_complete() && said.text.ends_with("w299"));
    assert_eq!(world.ask(dialect, Shape::Whole, "ok").await.status, 200);
}

#[tokio::test]
async fn bodies_that_are_no_request() {
    each(async |dialect| {
        let world = World::pair(dialect, SMALL).await;
        let post = |body: &str| Request::post(path(dialect), body);
        let deep = format!("{{\"model\":\"ok\",\"messages\":{}", "[".repeat(2000));
        let mut requests = vec![
            (post(""), 400, "BS0101"),
            (post("{"), 400, "BS0101"),
            (post("{\"model\":\"ok\",}"), 400, "BS0101"),
            (post("{\"model\":\"ok\",\"messages\":[]} x"), 400, "BS0101"),
            (post("{\"model\":\"\\ud800\",\"messages\":[]}"), 400, "BS0101"),
            (post(&deep), 400, "BS0101"),
            (post("[]"), 400, "BS0101"),
            (post("null"), 400, "BS0101"),
            (post("{}"), 400, "BS0102"),
            (post("{\"messages\":[]}"), 400, "BS0102"),
            (post("{\"model\":7,\"messages\":[]}"), 400, "BS0102"),
            (post("{\"model\":null,\"messages\":[]}"), 400, "BS0102"),
            (post("{\"model\":\"ok\",\"messages\":[],\"stream\":\"yes\"}"), 400, "BS0102"),
            (post("{\"model\":\"ok\",\"model\":\"ok\",\"messages\":[]}"), 400, "BS0102"),
            (post("").body(&b"{\"model\":\"\xff\"}"[..]), 400, "BS0103"),
            (post("").body(&b"\xff\xfe{\0}\0"[..]), 400, "BS0103"),
        ];
        // A request of Responses may go on from what its provider keeps, and say nothing more.
        if dialect != Dialect::Responses {
            requests.push((post("{\"model\":\"ok\"}"), 400, "BS0102"));
            requests.push((post("{\"model\":\"ok\",\"messages\":{}}"), 400, "BS0102"));
        }
        beside_a_stream(dialect, &world, requests).await;
        world.stop().await;
    })
    .await;
}

#[tokio::test]
async fn requests_that_are_not_for_us() {
    for dialect in Dialect::ALL {
        let world = World::pair(dialect, SMALL).await;
        let ask = || Request::ask(dialect, Shape::Whole, "ok");
        let plain = |kind: &str| ask().without("content-type").header("content-type", kind);
        let requests = vec![
            (ask().header("host", "evil.example"), 403, "BS0109"),
            (ask().header("host", "127.0.0.1.nip.io:8484"), 403, "BS0109"),
            (ask().header("origin", "https://evil.example"), 403, "BS0109"),
            (ask().header("origin", "null"), 403, "BS0109"),
            (plain("text/plain"), 415, "BS0108"),
            (plain("application/x-www-form-urlencoded"), 415, "BS0108"),
            (ask().without("content-type"), 415, "BS0108"),
            (ask().header("content-encoding", "gzip"), 415, "BS0114"),
            (Request::get(path(dialect)), 405, "BS0105"),
            (Request::new("DELETE", path(dialect)), 405, "BS0105"),
        ];
        beside_a_stream(dialect, &world, requests).await;
        let allowed = ask().header("origin", "http://localhost:3000");
        assert_eq!(world.hear(&allowed).await.status, 200);
        let wrong = world.hear(&Request::get(path(dialect))).await;
        assert_eq!(wrong.header("allow"), Some("POST"));
        world.stop().await;
    }
    let world = World::pair(Dialect::Chat, "").await;
    let lost = world.hear(&Request::get("/v1/v1/models")).await;
    check(Dialect::Chat, &lost, 404, "BS0106");
    assert!(lost.text().contains("one /v1 too many"), "{}", lost.text());
    world.stop().await;
}

#[tokio::test]
async fn bodies_that_are_too_large_or_too_slow() {
    for dialect in Dialect::ALL {
        let world = World::pair(dialect, SMALL).await;
        let large = format!("{{\"model\":\"ok\",\"messages\":[\"{}\"]}}", "x".repeat(5000));
        let announced = Request::post(path(dialect), large.clone());
        let chunks = format!("{:x}\r\n{large}\r\n0\r\n\r\n", large.len());
        let chunked = Request::post(path(dialect), chunks)
            .without("content-length")
            .header("transfer-encoding", "chunked");
        // It announces more than it sends.
        let slow = Request::post(path(dialect), "{\"model\":")
            .without("content-length")
            .header("content-length", "100");
        let requests =
            vec![(announced, 413, "BS0107"), (chunked, 413, "BS0107"), (slow, 408, "BS0112")];
        beside_a_stream(dialect, &world, requests).await;
        world.stop().await;
    }
}

#[tokio::test]
async fn models_that_nobody_serves() {
    for dialect in Dialect::ALL {
        let text = pair(dialect, "").replace("models.\"*\"", "models.\"claude-sonnet-4-6\"");
        let world = Plan::new(text).clouds(&["a", "b"]).await.start().await;
        let heard = world.ask(dialect, Shape::Whole, "claude-sonet-4-6").await;
        check(dialect, &heard, 404, "BS0104");
        assert!(heard.text().contains("did you mean claude-sonnet-4-6?"), "{}", heard.text());
        let heard = world.ask(dialect, Shape::Stream, "zzz").await;
        check(dialect, &heard, 404, "BS0104");
        assert!(heard.text().contains("claude-sonnet-4-6"), "what is served: {}", heard.text());
        assert_eq!(world.calls(), [0, 0]);
        world.stop().await;
    }
}

/// A caller's own key is its own vendor's, whatever dialect the caller speaks elsewhere.
#[tokio::test]
async fn a_callers_key_does_not_cross() {
    for dialect in CROSSABLE {
        let text = pair(dialect, "").replace("env:KEY_a", "caller").replace("env:KEY_b", "caller");
        let world = Plan::new(text).clouds(&["a", "b"]).await.start().await;
        let other = Pairing::Crossed.beside(dialect);
        let own = Request::ask(other, Shape::Whole, "ok").header("authorization", "Bearer sk-mine");
        let heard = world.hear(&own).await;
        check(other, &heard, 400, "BS0113");
        assert!(heard.text().contains(path(dialect)), "{}", heard.text());
        assert_eq!(world.calls(), [0, 0]);
        world.stop().await;
    }
}

/// Nothing crosses to or from Responses, and whoever asks is told where to ask.
#[tokio::test]
async fn what_does_not_cross_is_refused() {
    for dialect in CROSSABLE {
        for (served, asked) in [(Dialect::Responses, dialect), (dialect, Dialect::Responses)] {
            let world = Plan::new(pair(served, "")).clouds(&["a", "b"]).await.start().await;
            for shape in Shape::ALL {
                let heard = world.ask(asked, shape, "ok").await;
                check(asked, &heard, 400, "BS0113");
                assert!(heard.text().contains("ask at /v1/"), "{}", heard.text());
                assert!(heard.text().contains(served.name()), "{}", heard.text());
            }
            assert_eq!(world.calls(), [0, 0]);
            assert_eq!(world.ask(served, Shape::Whole, "ok").await.status, 200);
            world.stop().await;
        }
    }
}

#[tokio::test]
async fn keys_that_are_missing_or_wrong() {
    let (key, hash) = config::new_key([7; 32]);
    for dialect in Dialect::ALL {
        let text = pair(dialect, "") + &format!("[keys.team]\nhash = \"{hash}\"\n");
        let world = Plan::new(text).clouds(&["a", "b"]).await.start().await;
        let ask = || Request::ask(dialect, Shape::Whole, "ok");
        let good = || ask().header("x-backstop-key", &key);
        check(dialect, &world.hear(&ask()).await, 401, "BS0110");
        for (name, value) in [
            ("authorization", "Bearer bsk_wrong"),
            ("x-api-key", "bsk_wrong"),
            ("x-backstop-key", ""),
        ] {
            let heard = world.hear(&ask().header(name, value)).await;
            check(dialect, &heard, 401, "BS0111");
        }
        // Who has a key may come from anywhere.
        let far = good().header("host", "gateway.example").header("origin", "https://app.example");
        assert_eq!(world.hear(&far).await.status, 200);
        assert_eq!(world.hear(&Request::get("/v1/models")).await.status, 401);
        assert_eq!(world.hear(&Request::get("/health")).await.status, 200);
        assert_eq!(world.calls(), [1, 0]);
        world.stop().await;
    }
}

#[tokio::test]
async fn nothing_is_configured() {
    // No name resolves, so that nothing could leave.
    let nowhere = Resolver::Scripted(Arc::default());
    let world = Plan::new("").resolver(nowhere).start().await;
    for (dialect, model, variable) in [
        (Dialect::Chat, "gpt-5.4", "OPENAI_API_KEY"),
        (Dialect::Messages, "claude-sonnet-4-6", "ANTHROPIC_API_KEY"),
    ] {
        let heard = world.ask(dialect, Shape::Stream, model).await;
        check(dialect, &heard, 401, "BS0201");
        assert!(heard.text().contains(variable), "what to do: {}", heard.text());
        let heard = world.ask(dialect, Shape::Stream, "llama").await;
        check(dialect, &heard, 404, "BS0104");
    }
    world.stop().await;
}

#[tokio::test]
async fn heads_that_are_no_http_end_their_connection_only() {
    let world = World::pair(Dialect::Chat, "").await;
    let mut long = Request::get("/health");
    for _ in 0..200 {
        long = long.header("x-filler", &"x".repeat(1000));
    }
    let mut call = world.send(&long).await;
    assert_eq!(call.status().await, 431);
    let mut call = world.send(&Request::new("\u{0}\u{1}", "/health")).await;
    assert_eq!(call.status().await, 400);
    assert_eq!(world.ask(Dialect::Chat, Shape::Whole, "ok").await.status, 200);
    world.stop().await;
}
