//! Promise: what is served without a key is a list of three paths, and the path that was judged is the
//! one that is served. No spelling of another path gets anywhere else.

use super::{cases, drawn};
use crate::world::{Line, Plan, pair, path};
use ir::Dialect;
use proptest::prelude::{Strategy, prop};
use proptest::prop_oneof;
use proptest::sample::select;

/// Paths of an ordinary run.
const CASES: usize = 3000;

/// Everything that is served to whoever asks.
const OPEN: [&str; 3] = ["/", "/health", "/ready"];

const TOKENS: &[&str] = &[
    "/",
    "//",
    "/.",
    "/..",
    "/./",
    "/../",
    "/..;/",
    "/.;/",
    ";",
    ";x=y",
    "%2f",
    "%2F",
    "%5c",
    "\\",
    "%2e",
    "%2e%2e",
    "%2e%2e%2f",
    "%00",
    "%0d%0a",
    "%25",
    "%252f",
    "%20",
    "?",
    "??",
    "?/health",
    "#",
    "&",
    "=",
    ".",
    "..",
    "*",
    "~",
    "v1",
    "/v1",
    "/V1",
    "/v1/",
    "health",
    "/health",
    "/Health",
    "/health/",
    "/ready",
    "ready",
    "/models",
    "/models/",
    "chat",
    "/chat/completions",
    "/completions",
    "/messages",
    "/messages/",
    "count_tokens",
    "/v1/chat/completions",
    "/v1/messages",
    "/v1/messages/count_tokens",
    "/v1/models",
    "/v1/models/ok",
    "/v1/responses",
    "/responses/",
    "/resp_1",
    "resp_1",
    "/cancel",
    "/input_items",
    "/compact",
    "metrics",
    "admin",
    "/metrics",
    "/admin",
    "/console",
    "/debug/pprof",
    "/.env",
    "/api/create",
    "/api/pull",
    "%68ealth",
    "%76%31",
    "{addr}",
    "http://{addr}",
    "http://evil.example",
    "evil.example",
    "@",
    ":80",
    "localhost",
];

fn targets() -> impl Strategy<Value = String> {
    let beginning = prop_oneof![
        6 => select(&["/", "/v1", "/health", "/ready", "/v1/messages", "/v1/chat/completions", "/v1/responses/"][..]),
        1 => select(&["http://{addr}", "http://{addr}/health", "*", "//health", "http:/health"][..]),
    ];
    (beginning, prop::collection::vec(select(TOKENS), 0..5))
        .prop_map(|(beginning, rest)| format!("{beginning}{}", rest.concat()))
}

/// What a target names, read anew: the path, without what is in front of it and behind it.
fn named(target: &str, addr: &str) -> Option<String> {
    let rest = target.strip_prefix(&format!("http://{addr}")).unwrap_or(target);
    let path = rest.split(['?', '#']).next().unwrap_or_default();
    let path = if path.is_empty() && rest.len() < target.len() { "/" } else { path };
    path.starts_with('/').then(|| path.to_owned())
}

#[tokio::test]
async fn without_a_key_only_the_open_paths_are_served() {
    let (_, hash) = config::new_key([7; 32]);
    let text = pair(Dialect::Chat, "") + &format!("[keys.team]\nhash = \"{hash}\"\n");
    let world = Plan::new(text).clouds(&["a", "b"]).await.start().await;
    let addr = world.addr().to_string();
    let mut line = Line::to(world.addr());
    let methods = ["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "get", "QUERY"];
    let mut open = 0;
    for (at, target) in drawn(cases(CASES), &targets()).into_iter().enumerate() {
        let target = target.replace("{addr}", &addr);
        let method = methods[(at / 2) % methods.len() * (at % 2)];
        let request = format!(
            "{method} {target} HTTP/1.1\r\nhost: {addr}\r\ncontent-type: application/json\r\n\
             content-length: 2\r\n\r\n{{}}"
        );
        let heard = line.say(request.as_bytes()).await;
        let named = named(&target, &addr);
        let listed = named.as_deref().is_some_and(|path| OPEN.contains(&path));
        match heard.status {
            200 => {
                assert!(listed && method == "GET", "{method} {target}");
                open += 1;
            }
            400 | 401 | 404 | 405 => {}
            status => panic!("{method} {target}: {status}"),
        }
    }
    assert!(open > 0, "some were open");
    assert_eq!(world.calls(), [0, 0], "nothing reached a provider");
    world.stop().await;
}

#[tokio::test]
async fn with_a_key_a_provider_is_asked_by_three_paths_alone() {
    let world = Plan::new(pair(Dialect::Chat, "")).clouds(&["a", "b"]).await.start().await;
    let addr = world.addr().to_string();
    let mut line = Line::to(world.addr());
    let body = r#"{"model":"ok","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}"#;
    let paths = Dialect::ALL.map(path);
    let mut served = 0;
    for target in drawn(cases(CASES) / 6, &targets()) {
        let target = target.replace("{addr}", &addr);
        let request = format!(
            "POST {target} HTTP/1.1\r\nhost: {addr}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        let before = world.calls()[0];
        let heard = line.say(request.as_bytes()).await;
        let asked = world.calls()[0] - before;
        let known = named(&target, &addr).filter(|it| paths.contains(&it.as_str()));
        assert_eq!(asked, usize::from(known.is_some() && heard.status == 200), "{target}");
        if asked == 1 {
            let seen = world.a().log().pop().expect("a request");
            // Both callers are served in the dialect that the provider speaks.
            let seen = seen.path.split('?').next();
            assert_eq!(seen, Some(path(Dialect::Chat)), "{target}");
            served += 1;
        }
    }
    assert!(served > 0, "some were served");
    world.stop().await;
}

/// An answer that a provider keeps is named by the path, which must lead to nothing else there.
#[tokio::test]
async fn what_names_an_answer_leads_to_answers_alone() {
    let world = Plan::new(pair(Dialect::Responses, "")).clouds(&["a", "b"]).await.start().await;
    let addr = world.addr().to_string();
    let mut line = Line::to(world.addr());
    let body = r#"{"model":"ok","input":"hi"}"#;
    let methods = ["GET", "POST", "DELETE"];
    let mut kept = 0;
    for (at, target) in drawn(cases(CASES), &targets()).into_iter().enumerate() {
        let target = target.replace("{addr}", &addr);
        let method = methods[at % methods.len()];
        let body = if method == "POST" { body } else { "" };
        let request = format!(
            "{method} {target} HTTP/1.1\r\nhost: {addr}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        let before = world.a().log().len();
        line.say(request.as_bytes()).await;
        let log = world.a().log();
        if let Some(seen) = log.get(before) {
            let path = seen.path.split('?').next().expect("a path");
            if path == "/v1/models" {
                // What a list of models is made of.
                continue;
            }
            assert_eq!(Some(path), named(&target, &addr).as_deref(), "{method} {target}");
            let below = path.strip_prefix("/v1/responses").expect("a path of Responses");
            assert!(below.is_empty() || below.starts_with('/'), "{method} {target}");
            let parts: Vec<&str> = below.split('/').skip(1).collect();
            let plain = |id: &str| {
                !id.is_empty()
                    && id.bytes().all(|it| it.is_ascii_alphanumeric() || b"_-".contains(&it))
            };
            match parts.as_slice() {
                [] | ["compact"] => assert_eq!(method, "POST", "{target}"),
                [id] => assert!(plain(id) && method != "POST", "{method} {target}"),
                [id, "cancel"] => assert!(plain(id) && method == "POST", "{method} {target}"),
                [id, "input_items"] => assert!(plain(id) && method == "GET", "{method} {target}"),
                _ => panic!("{method} {target}"),
            }
            kept += usize::from(parts.first().is_some_and(|id| *id != "compact"));
        }
    }
    assert!(kept > 0, "some were asked for");
    world.stop().await;
}
