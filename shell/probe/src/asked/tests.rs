//! What servers say over HTTP → what is told of it.

use super::ask;
use crate::measure::Scene;
use crate::stage::{Authority, Heard as Bytes, Play, answer, ground, hasty, lead, names, play};
use crate::{Completion, Ground, Header, Proxy, Subject, Trusted, Way};
use ir::evidence::{Asked, Form, Heard, Question};
use ir::{Dialect, Reach, TokenField};
use secrecy::SecretString;
use std::net::SocketAddr;
use std::sync::Arc;

const KEY: &str = "sk-canary-0001";
const HOST: &str = "api.example.com";

fn subject(base: &str, dialect: Dialect) -> Subject {
    let mut subject = Subject::new("x", base, dialect).unwrap();
    let value = SecretString::from(format!("Bearer {KEY}"));
    subject.header = Some(Header { name: "authorization".parse().unwrap(), value });
    subject.reach = Reach { loopback: true, private: true };
    subject
}

/// A scene where a host leads to that server.
fn scene(base: &str, dialect: Dialect, server: SocketAddr) -> (Ground, Subject) {
    let mut ground = ground();
    // Addresses for examples are where no provider may be.
    ground.resolver = names(&[(HOST, "8.8.8.1"), ("proxy", "127.0.0.9")]);
    lead(&mut ground, "8.8.8.1:443", server);
    lead(&mut ground, "8.8.8.1:80", server);
    lead(&mut ground, "127.0.0.9:3128", server);
    (ground, subject(base, dialect))
}

async fn asked(script: Play, question: Question, dialect: Dialect) -> (Asked, Bytes) {
    let quiet = matches!(script, Play::Silence | Play::SayAndHold(_));
    let (at, heard) = play(script).await;
    let (ground, mut subject) = scene("http://api.example.com/v1", dialect, at);
    let ground = if quiet { hasty(ground) } else { ground };
    subject.completion =
        Some(Completion { model: "m".to_owned(), field: TokenField::MaxTokens, tokens: 1 });
    let scene = Arc::new(Scene::new(&ground, &subject));
    (ask(&scene, question).await.asked, heard)
}

const JSON: &str = "content-type: application/json\r\n";
const HTML: &str = "content-type: text/html\r\n";

/// Status, headers and body of an answer to the question without a key; what is told: class, form,
/// mark, and how many times it was asked.
#[tokio::test]
async fn answers() {
    use Form::{Html, Json, None as Nothing, Other};
    let check = async |(status, headers, body): (u16, &str, &str),
                       expect: (&str, Form, Option<&str>, u32)| {
        let script = Play::Say(answer(status, headers, body));
        let (asked, _) = asked(script, Question::Open, Dialect::Chat).await;
        assert_eq!((asked.heard, asked.status), (Heard::Answer, Some(status)), "{body}");
        let found = (asked.class.as_str(), asked.form, asked.mark.as_deref(), asked.times);
        assert_eq!(found, expect, "{status} {headers} {body}");
        assert!(asked.first_byte_ms.is_some() && asked.connect_ms.is_some());
    };
    let unkeyed = r#"{"error":{"message":"no key","type":"invalid_request_error"}}"#;
    check((401, JSON, unkeyed), ("", Json, None, 1)).await;
    check((400, JSON, unkeyed), ("", Json, None, 1)).await;
    check((403, JSON, unkeyed), ("", Json, None, 1)).await;
    check((200, JSON, r#"{"data":[]}"#), ("", Json, None, 1)).await;
    check((401, JSON, ""), ("unauthorized", Nothing, None, 1)).await;
    check((200, JSON, ""), ("wrong_content", Nothing, None, 1)).await;
    check((200, "", "hello"), ("wrong_content", Other, None, 1)).await;
    check((200, JSON, "{\"half\":"), ("wrong_content", Other, None, 1)).await;
    check((404, JSON, r#"{"error":"x"}"#), ("not_found", Json, None, 1)).await;
    let overloaded = r#"{"error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    check((529, JSON, overloaded), ("overloaded", Json, None, 3)).await;
    check((500, "", ""), ("server_error", Nothing, None, 3)).await;
    check((503, HTML, "<html>down</html>"), ("unavailable", Html, None, 3)).await;
    let origin =
        "<!DOCTYPE html><title>api.example.com | 522: Connection timed out</title> cloudflare";
    check((522, HTML, origin), ("unavailable", Html, Some("cloudflare"), 3)).await;
    let wall = "<html><title>Just a moment...</title>";
    check((403, HTML, wall), ("firewall", Html, Some("challenge"), 1)).await;
    check((403, "cf-mitigated: challenge\r\n", "x"), ("forbidden", Other, Some("challenge"), 1))
        .await;
    let login = "<HTML><form action=/login>Hotel Wi-Fi <input type=password>";
    check((200, HTML, login), ("wrong_content", Html, Some("portal"), 1)).await;
    check((511, "", "log in"), ("server_error", Other, Some("portal"), 3)).await;
    check((302, "location: http://portal.example/\r\n", ""), ("redirected", Nothing, None, 1))
        .await;
}

#[tokio::test]
async fn limits_and_wishes() {
    let check = async |headers: &str, expect: (bool, bool, Option<u64>)| {
        let script = Play::Say(answer(429, &format!("{JSON}{headers}"), "{}"));
        let (asked, _) = asked(script, Question::Models, Dialect::Messages).await;
        assert_eq!((asked.limits, asked.exhausted, asked.retry_after_s), expect, "{headers}");
        assert_eq!((asked.class.as_str(), asked.times), ("rate_limited", 1));
    };
    check("", (false, false, None)).await;
    check("x-ratelimit-remaining-requests: 12\r\n", (true, false, None)).await;
    check("anthropic-ratelimit-tokens-remaining: 0\r\nretry-after: 30\r\n", (true, true, Some(30)))
        .await;
    check("retry-after-ms: 1200\r\n", (false, false, Some(2))).await;
    check("retry-after: soon\r\n", (false, false, None)).await;
}

#[tokio::test]
async fn no_answers() {
    let check = async |script: Play, heard: Heard, class: &str, times: u32| {
        let (asked, _) = asked(script, Question::Open, Dialect::Chat).await;
        assert_eq!((asked.heard, asked.class.as_str(), asked.times), (heard, class, times));
    };
    let say = |text: &str| Play::Say(text.as_bytes().to_vec());
    let hold = |text: &str| Play::SayAndHold(text.as_bytes().to_vec());
    check(Play::Silence, Heard::Silent, "silent", 1).await;
    check(say(""), Heard::Reset, "reset", 3).await;
    check(say("SSH-2.0-OpenSSH_9.2\r\n"), Heard::Garbled, "bad_http", 3).await;
    check(hold("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"), Heard::Stalled, "stalled", 1)
        .await;
    check(say("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"), Heard::Cut, "cut", 3).await;
    check(hold("HTTP/1.1 200 OK\r\nx: "), Heard::Silent, "silent", 1).await;
    // Far more than is read, of which the beginning is enough.
    let long = format!("{{\"data\":[\"{}\"]}}", "x".repeat(2 << 20));
    check(Play::Say(answer(200, JSON, &long)), Heard::Answer, "", 1).await;
    let headers = "x: y\r\n".repeat(50_000);
    check(Play::Say(answer(200, &headers, "{}")), Heard::Garbled, "bad_http", 3).await;
}

/// What is asked of models: little, once, with the key, as the dialect has it.
#[tokio::test]
async fn completions() {
    let check = async |question, dialect, body: &str, expect: (&str, &str)| {
        let kind = if question == Question::Streamed {
            "content-type: text/event-stream\r\n"
        } else {
            JSON
        };
        let script = Play::Say(answer(200, kind, body));
        let (asked, heard) = asked(script, question, dialect).await;
        let heard = heard.lock().clone();
        assert_eq!((asked.class.as_str(), heard.len()), (expect.0, 1), "{body}");
        assert!(heard[0].starts_with(expect.1), "{}", heard[0]);
        assert!(heard[0].contains(KEY) && heard[0].contains(r#""model":"m""#), "{}", heard[0]);
        assert!(heard[0].contains(r#"tokens":16"#), "{}", heard[0]);
        assert_eq!(asked.form, Form::Json, "{body}");
    };
    let chat = "POST /v1/chat/completions HTTP/1.1\r\n";
    let whole = r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"one"},"finish_reason":"stop"}]}"#;
    check(Question::Whole, Dialect::Chat, whole, ("", chat)).await;
    check(
        Question::Whole,
        Dialect::Chat,
        r#"{"error":{"type":"overloaded_error"}}"#,
        ("overloaded", chat),
    )
    .await;
    check(Question::Whole, Dialect::Chat, "{}", ("malformed", chat)).await;
    let delta = r#"data: {"choices":[{"index":0,"delta":{"content":"one"},"finish_reason":null}]}"#;
    let end = r#"data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
    let stream = format!("{delta}\n\n{end}\n\ndata: [DONE]\n\n");
    check(Question::Streamed, Dialect::Chat, &stream, ("", chat)).await;
    check(Question::Streamed, Dialect::Chat, &format!("{delta}\n\n"), ("cut", chat)).await;
    let failed = format!(
        "{delta}\n\ndata: {{\"error\":{{\"type\":\"server_error\",\"message\":\"x\"}}}}\n\n"
    );
    check(Question::Streamed, Dialect::Chat, &failed, ("server_error", chat)).await;
    let messages = "POST /v1/messages HTTP/1.1\r\n";
    let whole = r#"{"type":"message","role":"assistant","content":[{"type":"text","text":"one"}],"stop_reason":"max_tokens","usage":{"input_tokens":1,"output_tokens":16}}"#;
    check(Question::Whole, Dialect::Messages, whole, ("", messages)).await;
    let whole = r#"{"object":"response","status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":"one"}]}]}"#;
    check(Question::Whole, Dialect::Responses, whole, ("", "POST /v1/responses HTTP/1.1\r\n"))
        .await;
}

/// Whoever cannot show to be the host is sent no key, and no question either.
#[tokio::test]
async fn keys_go_only_where_they_belong() {
    let (good, other) = (Authority::new("Good"), Authority::new("Other"));
    let play_tls = async |acceptor| {
        let inner = Play::Say(answer(200, JSON, "{}"));
        play(Play::Tls(acceptor, Box::new(inner))).await
    };
    for (acceptor, class) in [
        (good.server(HOST, &["http/1.1"], |_| {}), ""),
        (good.server("x.org", &[], |_| {}), "certificate"),
        (other.server(HOST, &[], |_| {}), "certificate"),
        (crate::stage::self_signed(HOST), "certificate"),
    ] {
        let (at, heard) = play_tls(acceptor).await;
        let (mut ground, subject) = scene("https://api.example.com/v1", Dialect::Chat, at);
        // What browsers ship is not asked where the machine has a store of its own.
        ground.roots = Trusted { public: other.store(), machine: good.store() };
        for question in [Question::Open, Question::Models] {
            let asked = ask(&Arc::new(Scene::new(&ground, &subject)), question).await.asked;
            assert_eq!(asked.class, class);
            assert_eq!(asked.tls_ms.is_some(), class.is_empty());
        }
        let heard = heard.lock().clone();
        if class.is_empty() {
            let [open, models] = heard.as_slice() else { panic!("{heard:?}") };
            assert!(open.starts_with("GET /v1/models HTTP/1.1\r\n") && !open.contains(KEY));
            assert!(models.contains(KEY) && models.contains("host: api.example.com\r\n"));
        } else {
            assert!(heard.is_empty(), "{heard:?}");
        }
        assert!(!format!("{subject:?}").contains(KEY));
    }
}

#[tokio::test]
async fn the_way_there() {
    let (at, _) = play(Play::Say(answer(200, JSON, "{}"))).await;
    let check = async |change: fn(&mut Ground, &mut Subject), heard, class: &str| {
        let (mut ground, mut subject) = scene("http://api.example.com", Dialect::Chat, at);
        change(&mut ground, &mut subject);
        let asked = ask(&Arc::new(Scene::new(&ground, &subject)), Question::Open).await.asked;
        assert_eq!((asked.heard, asked.class.as_str()), (heard, class));
    };
    let gone = Heard::Unasked;
    check(|_, _| {}, Heard::Answer, "").await;
    check(|it, _| it.resolver = names(&[]), gone, "dns_not_found").await;
    check(|it, _| it.resolver = names(&[(HOST, "")]), gone, "dns_failed").await;
    check(|it, _| it.resolver = names(&[(HOST, "169.254.169.254")]), gone, "dns_forbidden").await;
    check(
        |it, of| {
            it.resolver = names(&[(HOST, "127.0.0.1")]);
            of.reach = Reach::default();
        },
        gone,
        "dns_forbidden",
    )
    .await;
    check(|it, _| it.ways.tcp.clear(), gone, "unreachable").await;
    // One of two families is dead, silently.
    check(
        |it, _| {
            it.resolver = names(&[(HOST, "2600::1 8.8.8.1")]);
            it.ways.tcp.insert("[2600::1]:80".parse().unwrap(), Way::Silent);
        },
        Heard::Answer,
        "",
    )
    .await;
    // Written down, nobody is asked where it is.
    check(
        |it, of| {
            it.resolver = names(&[]);
            of.addresses = vec!["8.8.8.1".parse().unwrap()];
        },
        Heard::Answer,
        "",
    )
    .await;
}

#[tokio::test]
async fn through_a_proxy() {
    let check = async |says: &str, heard: Heard, class: &str| {
        let (at, told) = play(Play::Say(says.as_bytes().to_vec())).await;
        let (ground, mut subject) = scene("http://nobody.knows:80/v1", Dialect::Chat, at);
        subject.proxy = Some(Proxy {
            from: "HTTPS_PROXY".to_owned(),
            host: "proxy".to_owned(),
            port: 3128,
            authorization: Some(SecretString::from("Basic c2VjcmV0".to_owned())),
        });
        let scene = Arc::new(Scene::new(&ground, &subject));
        let asked = ask(&scene, Question::Open).await.asked;
        assert_eq!(
            (asked.heard, asked.class.as_str(), asked.proxied),
            (heard, class, true),
            "{says}"
        );
        let told = told.lock().clone();
        let head = "CONNECT nobody.knows:80 HTTP/1.1\r\nhost: nobody.knows:80\r\nproxy-authorization: Basic c2VjcmV0\r\n\r\n";
        assert!(told.iter().all(|it| it == head), "{told:?}");
        super::knock_at_proxy(&scene, subject.proxy.as_ref().unwrap()).await
    };
    // It lets us through, and closes.
    let seen = check("HTTP/1.1 200 Connection established\r\n\r\n", Heard::Reset, "reset").await;
    assert_eq!((seen.reached, seen.answered), (Some(true), Some(200)));
    assert_eq!(seen.authority, "proxy:3128");
    let seen = check("HTTP/1.1 407 Denied\r\n\r\n<html>", Heard::Unasked, "proxy").await;
    assert_eq!((seen.reached, seen.answered), (Some(true), Some(407)));
    let seen = check("nonsense", Heard::Unasked, "proxy").await;
    assert_eq!((seen.reached, seen.answered), (Some(true), None));
}

/// Our clock against the date of an answer.
#[tokio::test]
async fn clocks() {
    let check = async |ours_unix_ms: u64, expect: i64| {
        let date = "date: Fri, 20 Nov 2026 12:00:00 GMT\r\n";
        let (at, _) = play(Play::Say(answer(200, &format!("{JSON}{date}"), "{}"))).await;
        let (mut ground, subject) = scene("http://api.example.com", Dialect::Chat, at);
        ground.clock = transport::Clock::start_at(ours_unix_ms);
        let ahead = ask(&Arc::new(Scene::new(&ground, &subject)), Question::Open).await.ahead_ms;
        let off = ahead.unwrap() - expect;
        assert!(off.abs() < 1_500, "{off}");
    };
    check(1_795_176_000_000, 0).await;
    check(1_795_176_000_000 + 600_000, 600_000).await;
    check(1_795_176_000_000 - 86_400_000, -86_400_000).await;
}
