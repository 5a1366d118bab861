//! Promise: whatever a value holds that is copied into a header or a comment of an answer, it stays
//! one value: no header, line or event more than without it.

use super::{cases, drawn};
use crate::world::{Act, CROSSABLE, Canned, Line, Plan, World, pair, path, plain};
use ir::Dialect;
use proptest::prelude::{Strategy, any, prop};
use proptest::prop_oneof;
use proptest::sample::select;
use serde_json::json;
use std::collections::BTreeSet;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Values of an ordinary run.
const CASES: usize = 300;
/// What an attacker would add.
const EVIL: &str = "x-evil";

/// Texts that would break out of a line.
fn texts() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        select(
            &[
                "\r\n",
                "\n",
                "\r",
                "\r\n\r\n",
                "\n\n",
                "\0",
                "\t",
                "\u{b}",
                "\u{c}",
                "\u{85}",
                "\u{2028}",
                "\u{2029}",
                "\u{1b}[2J",
                "\u{7f}",
                "%0d%0a",
                "\\r\\n",
                "x-evil: 1",
                "\r\nx-evil: 1",
                "\nx-evil: 1",
                "\r x-evil: 1",
                "set-cookie: x-evil=1",
                "HTTP/1.1 200 OK",
                "data: x-evil",
                "event: x-evil",
                "\n\ndata: x-evil\n\n",
                ":",
                "gpt",
                "é",
                "嘊",
                "嘍",
                "\u{10ffff}",
            ][..]
        )
        .prop_map(str::to_owned),
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(token, 1..6).prop_map(|tokens| tokens.concat())
}

/// The answer as it came, up to the end of the connection.
async fn raw(world: &World, dialect: Dialect, body: &str, extra: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(world.addr()).await.expect("a gateway");
    let request = format!(
        "POST {} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n{extra}\r\n{body}",
        path(dialect),
        body.len()
    );
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer).await);
    answer
}

/// The names of the headers, and what is behind the head. A head has whole lines of printable bytes.
#[track_caller]
fn parted(answer: &[u8]) -> (BTreeSet<String>, Vec<u8>) {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
    let (head, body) = (&answer[..end], &answer[end + 4..]);
    let mut names = BTreeSet::new();
    let mut rest = head;
    let mut first = true;
    while !rest.is_empty() {
        let length = rest.windows(2).position(|pair| pair == b"\r\n").unwrap_or(rest.len());
        let line = &rest[..length];
        rest = rest.get(length + 2..).unwrap_or_default();
        let odd = line.iter().any(|byte| *byte != b'\t' && (*byte < b' ' || *byte == 0x7f));
        assert!(!odd, "{:?}", String::from_utf8_lossy(head));
        let text = String::from_utf8_lossy(line).into_owned();
        if !first {
            names.insert(text.split_once(':').expect("a header").0.to_ascii_lowercase());
        }
        first = false;
    }
    assert!(!names.contains(EVIL), "{:?}", String::from_utf8_lossy(head));
    (names, body.to_vec())
}

/// Names of models, of fields and of tools come from callers, and stand in the target, the trail, what
/// was lost, errors and comments.
#[tokio::test]
async fn what_a_caller_names_stays_one_value() {
    let text = pair(Dialect::Messages, "retry.per_target = 1\nbreaker.failures = 1000");
    let text = text.replace("chain = [\"a/*\", \"b/ok\"]", "chain = [\"b/*\"]");
    let world = Plan::new(text).clouds(&["a", "b"]).await.start().await;
    let mut seen = BTreeSet::new();
    for (at, evil) in drawn(cases(CASES), &texts()).into_iter().enumerate() {
        let dialect = CROSSABLE[at % 2];
        let good = ["ok", "cut-after-2", "status-500", "400-invalid"][at / 2 % 4];
        let model = if at % 3 == 0 { format!("{good}{evil}") } else { good.to_owned() };
        let body = json!({
            "model": model, "max_tokens": 9, "stream": at % 5 < 3, "stop": null,
            evil.clone(): evil, "metadata": { evil.clone(): evil },
            "messages": [{ "role": "user", "content": "hi", evil.clone(): 1 }],
            "tools": [{ "type": "function", "function": { "name": evil, "parameters": {} } }],
        });
        let answer = raw(&world, dialect, &body.to_string(), "").await;
        let (names, rest) = parted(&answer);
        seen.extend(names);
        let rest = String::from_utf8_lossy(&rest);
        for line in rest.split(['\r', '\n']).filter(|line| !line.starts_with('{')) {
            let begins = ["data:", "event:", ":", "id:"].iter().any(|it| line.starts_with(it));
            let chunk = line.bytes().all(|byte| byte.is_ascii_hexdigit());
            assert!(begins || chunk, "a line of its own: {line:?} in {rest:?}");
            assert!(!line.starts_with("data: x-evil") && !line.starts_with("event: x-evil"));
            let comment = line.starts_with(':');
            let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
            assert!(!comment || !line.contains(breaks), "{line:?}");
        }
    }
    let ours = ["x-backstop-loss", "x-backstop-target", "x-backstop-trail"];
    assert!(ours.iter().all(|name| seen.contains(*name)), "{seen:?}");
    world.stop().await;
}

/// Bytes that a provider puts into its headers.
#[tokio::test]
async fn what_a_provider_puts_into_headers_stays_one_value() {
    let bytes = prop_oneof![
        texts().prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 1..20),
    ];
    let whole = r#"{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}"#;
    let values = drawn(cases(CASES), &bytes);
    let asked = values.clone();
    let canned = Canned::choose(move |request| {
        let at = request.split("case-").nth(1).and_then(|rest| rest.split('"').next());
        let at: usize = at.and_then(|at| at.parse().ok()).expect("a case");
        let (value, length) = (&asked[at], whole.len());
        let status = [200, 200, 400][at % 3];
        let name =
            ["x-request-id", "request-id", "openai-organization", "x-ratelimit-reset-requests"];
        let head =
            format!("HTTP/1.1 {status} OK\r\ncontent-length: {length}\r\n{}: ", name[at % 4]);
        let tail = "\r\ncontent-type: application/json\r\nx-last: 1\r\n\r\n";
        vec![Act::Send([head.as_bytes(), value, tail.as_bytes(), whole.as_bytes()].concat())]
    })
    .await;
    let text = plain(&pair(Dialect::Chat, "breaker.failures = 1000"));
    let plan = Plan::new(text).at("a", canned.base_url());
    let world = plan.clouds(&["b"]).await.start().await;
    let mut passed = 0;
    for (at, value) in values.iter().enumerate() {
        let body = json!({ "model": format!("case-{at}"), "messages": [] }).to_string();
        let answer = raw(&world, Dialect::Chat, &body, "").await;
        // What is two lines on the provider's side is its own two headers, or the end of its head.
        if value.contains(&b'\n') {
            continue;
        }
        let (names, rest) = parted(&answer);
        passed += usize::from(names.contains("x-last"));
        let body = String::from_utf8_lossy(&rest);
        assert!(body.starts_with('{') && body.ends_with('}'), "one document: {body:?}");
    }
    assert!(passed > 0, "some values were fine");
    world.stop().await;
}

/// Ids of a request that a caller names are not those of ours.
#[tokio::test]
async fn an_id_of_ours_is_made_here() {
    let world = World::single(Dialect::Chat, "").await;
    let mut line = Line::to(world.addr());
    let body = r#"{"model":"ok","messages":[{"role":"user","content":"hi"}]}"#;
    let request = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nx-backstop-request-id: mine\r\n\
         x-request-id: mine\r\nx-backstop-target: evil\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let heard = line.say(request.as_bytes()).await;
    assert_eq!(heard.status, 200);
    assert!(heard.header("x-backstop-request-id").is_some_and(|id| id.starts_with("req_")));
    assert_eq!(heard.header("x-backstop-target"), Some("a/ok"));
    world.stop().await;
}
