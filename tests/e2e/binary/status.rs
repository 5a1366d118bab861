//! The status of the built binary: on its console, and as `backstop status` shows it.

use super::console::{KEYS, get, serve};
use super::process::{Ended, Place, With};
use crate::world::{Call, Canned, LIMIT, Request};
use ir::{Dialect, Shape};
use serde_json::Value;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc::channel;
use tokio::time::timeout;

/// The status, once it is so.
async fn status(console: SocketAddr, holds: impl Fn(&Value) -> bool) -> Value {
    let enough = async {
        loop {
            let heard = get(console, "/status").await;
            assert_eq!(heard.status, 200, "{}", heard.text());
            let status: Value = serde_json::from_str(&heard.text()).expect("JSON");
            if holds(&status) {
                return status;
            }
        }
    };
    timeout(LIMIT, enough).await.expect("it comes to that")
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_is_seen_in_the_status_the_metrics_the_log_and_on_a_screen() {
    let place = Place::new("status");
    let (clouds, process) = serve(&place, "watch.pages = false\n").await;
    let (addr, console) = (process.addr().await, process.console().await);
    status(console, |it| it["watching"] == true).await;
    for _ in 0..5 {
        let request = Request::ask(Dialect::Chat, Shape::Stream, "status-500");
        assert_eq!(Call::send(addr, &request).await.finish().await.status, 200);
    }
    let judged = |it: &Value| it["providers"][0]["times"]["verdict_unix_ms"].is_u64();
    let seen = status(console, judged).await;
    let (a, b) = (&seen["providers"][0], &seen["providers"][1]);
    assert_eq!((&a["provider"], &a["troubled"]), (&Value::from("a"), &Value::from(true)));
    assert!(a["verdict"]["cause"].is_string() && a["verdict"]["reasons"].is_array(), "{a}");
    assert_eq!(a["targets"][0]["target"], "a/status-500", "{a}");
    assert_eq!(a["targets"][0]["breaker"], "open", "{a}");
    assert_eq!((&b["verdict"]["cause"], &b["troubled"]), (&Value::from("fine"), &false.into()));
    let free = clouds[1].log().iter().filter(|it| it.method == "GET").count();
    let warmed = a["requests"]["prewarm"].as_u64().expect("a number");
    assert!(u64::try_from(free).expect("few") <= warmed.max(1), "{free} free requests");
    let metrics = get(console, "/metrics").await.text();
    assert!(metrics.contains("backstop_verdict{provider=\"a\",cause=\""), "{metrics}");
    assert!(metrics.contains("backstop_watch_requests_total{provider=\"a\",kind=\"diagnosis\"} "));
    process.says("another verdict holds").await;
    let at = console.to_string();
    let Ended { code, out, err } = place.run(&["status", "--console", &at]).await;
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    let head = out.lines().next().expect("a line");
    assert!(head.starts_with("TARGET ") && head.ends_with("PAGE SAYS  LEAD"), "{out}");
    assert!(out.lines().any(|line| line.starts_with("a/status-500  open ")), "{out}");
    let Ended { code, out, .. } = place.run(&["status", "--json", "--console", &at]).await;
    let json: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((code, &json["providers"][0]["provider"]), (Some(0), &Value::from("a")));
    process.signal("TERM");
    assert_eq!(process.ended().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_asked_for_where_one_is_required() {
    let place = Place::new("status-key");
    // The hash of `foo`.
    let keys = "[keys.watcher]\nconsole = true\nhash = \
        \"sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae\"\n";
    let (_clouds, process) = serve(&place, keys).await;
    let at = process.console().await.to_string();
    for (key, code, said) in [
        (None, 1, "a key is required"),
        (Some("bar"), 1, "set BACKSTOP_KEY to a key with console = true"),
        (Some("foo\u{7f}"), 1, "BACKSTOP_KEY is no key"),
        (Some("foo"), 0, "TARGET "),
    ] {
        let env: Vec<(&str, &str)> = key.map(|key| ("BACKSTOP_KEY", key)).into_iter().collect();
        let with = With { env: &env, ..KEYS };
        let ended = place.start(&["status", "--console", &at], &with).ended().await;
        let all = format!("{}{}", ended.out, ended.err);
        assert_eq!(ended.code, Some(code), "{all}");
        assert!(all.contains(said) && !all.contains("foo"), "{all}");
    }
}

/// What others say is no status, though it is JSON.
#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_is_no_gateway() {
    for body in ["{}", "{\"ok\": true}", "[]", "hello"] {
        let stranger = Canned::say("application/json", body).await;
        let at = stranger.addr().to_string();
        let place = Place::new("status-no-gateway");
        let ended = place.start(&["status", "--console", &at], &KEYS).ended().await;
        assert_eq!((ended.code, &*ended.out), (Some(1), ""), "{body}: {}", ended.err);
        assert!(ended.err.contains("is not the status of a gateway"), "{}", ended.err);
    }
}

/// A key is for a console: somebody else who wants one there does not get ours.
#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_does_not_get_the_key() {
    let body = r#"{"error": {"code": "unauthorized", "message": "log in"}}"#;
    let stranger = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let at = stranger.local_addr().expect("an address").to_string();
    let (tell, mut told) = channel(8);
    let serving = tokio::spawn(async move {
        while let Ok((mut stream, _)) = stranger.accept().await {
            let mut heard = vec![0; 4096];
            let length = stream.read(&mut heard).await.expect("a request");
            tell.send(String::from_utf8_lossy(&heard[..length]).into_owned())
                .await
                .expect("an ear");
            let head = format!("HTTP/1.1 401 X\r\ncontent-length: {}\r\n\r\n", body.len());
            stream.write_all((head + body).as_bytes()).await.expect("a reader");
        }
    });
    let with = With { env: &[("BACKSTOP_KEY", "bs-canary")], ..KEYS };
    let place = Place::new("status-stranger");
    let ended = place.start(&["status", "--console", &at], &with).ended().await;
    assert_eq!(ended.code, Some(1), "{}", ended.out);
    assert!(ended.err.contains(" answered 401: log in"), "{}", ended.err);
    serving.abort();
    let mut heard = Vec::new();
    told.recv_many(&mut heard, 8).await;
    assert!(heard.len() == 1 && !heard[0].contains("canary"), "{heard:?}");
}
