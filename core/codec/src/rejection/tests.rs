//! Error bodies as they are met.

use super::read_rejection;
use crate::proof::told;
use ir::{Dialect, Hints};
use std::time::Duration;

#[track_caller]
fn check(body: &str, expect: &str) {
    check_as(None, body, expect);
}

#[track_caller]
fn check_as(content_type: Option<&str>, body: &str, expect: &str) {
    for dialect in Dialect::ALL {
        let found = read_rejection(dialect, 418, content_type, body.as_bytes(), Hints::default());
        assert_eq!(told(&found), format!("418 {expect}"), "from {body}");
    }
}

#[test]
fn every_family() {
    for (body, expect) in [
        (
            r#"{"error":{"message":"m","type":"t","param":"p","code":"c"}}"#,
            "kind=t code=c param=p message=m",
        ),
        (
            r#"{"type":"error","error":{"type":"t","message":"m","details":{"error_code":"c"}},"request_id":"r"}"#,
            "kind=t code=c param= message=m",
        ),
        (
            r#"{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED","details":[{"@type":"x"},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34.5s"}]}}"#,
            "kind=RESOURCE_EXHAUSTED code=429 param= message=m after=34.5s",
        ),
        (
            r#"[{"error":{"code":400,"message":"m","status":"INVALID_ARGUMENT"}}]"#,
            "kind=INVALID_ARGUMENT code=400 param= message=m",
        ),
        (r#"{"detail":"m"}"#, "kind= code= param= message=m"),
        (
            r#"{"detail":[{"loc":["body"],"msg":"m","type":"missing"}]}"#,
            "kind= code=missing param= message=m",
        ),
        (r#"{"detail":{"message":"m"}}"#, "kind= code= param= message=m"),
        (r#"{"message":"m"}"#, "kind= code= param= message=m"),
        (
            r#"{"__type":"ThrottlingException","Message":"m"}"#,
            "kind=ThrottlingException code= param= message=m",
        ),
        (r#"{"error":"m"}"#, "kind= code= param= message=m"),
        (
            r#"{"error":"Bad Request","message":"m","statusCode":400}"#,
            "kind=Bad Request code= param= message=m",
        ),
        (
            r#"{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}"#,
            "kind=unavailable_error code=503 param= message=Loading model",
        ),
        (
            r#"{"object":"error","message":"m","type":"T","param":null,"code":404}"#,
            "kind=T code=404 param= message=m",
        ),
        (r#"{"errors":[{"message":"m","code":7003}]}"#, "kind= code= param= message=m"),
        (
            r#"{"error":{"message":"m","retry_after":2.5}}"#,
            "kind= code= param= message=m after=2.5s",
        ),
        (r#"{"error":{"message":"m","retry_after":-1}}"#, "kind= code= param= message=m"),
        (
            "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"t\",\"message\":\"m\"}}\n\n",
            "kind=t code= param= message=m",
        ),
        (r#"{"odd":1}"#, r#"kind= code= param= message={"odd":1}"#),
        (r#"["a"]"#, r#"kind= code= param= message=["a"]"#),
        (r#""m""#, "kind= code= param= message=m"),
        ("upstream connect error", "kind= code= param= message=upstream connect error"),
        ("{broken", "kind= code= param= message={broken"),
        ("", "kind= code= param= message= bare"),
        (" \r\n", "kind= code= param= message= bare"),
        (
            "<!DOCTYPE html><head><Title> 502 Bad Gateway </title>",
            "kind= code= param= message=502 Bad Gateway html",
        ),
        ("<html>no title", "kind= code= param= message=<html>no title html"),
    ] {
        check(body, expect);
    }
    check_as(Some("text/html; charset=utf-8"), "busy", "kind= code= param= message=busy html");
    check_as(Some("TEXT/HTML"), r#"{"error":"m"}"#, "kind= code= param= message=m");
}

#[test]
fn the_place_of_an_error_is_its_param() {
    for (body, expect) in [
        (
            r#"{"detail":[{"type":"extra_forbidden","loc":["body","tools",0,"x"],"msg":"m"},{}]}"#,
            "kind= code=extra_forbidden param=tools.0.x message=m",
        ),
        (
            r#"{"object":"error","message":{"detail":[{"type":"extra_forbidden","loc":["body","x"],"msg":"m","input":1}]},"type":"invalid_request_error","param":null,"code":null}"#,
            "kind=invalid_request_error code=extra_forbidden param=x message=m",
        ),
    ] {
        check(body, expect);
    }
}

#[test]
fn what_the_headers_said_comes_first() {
    let hints = Hints { after: Some(Duration::from_secs(1)), ..Hints::default() };
    let body = br#"{"error":{"message":"m","retry_after":9}}"#;
    let rejection = read_rejection(Dialect::Chat, 429, None, body, hints);
    assert_eq!(rejection.hints, hints);
}

#[test]
fn a_message_is_cut_at_whole_characters() {
    let body = format!(
        r#"{{"error":{{"message":"a{}","code":"{}"}}}}"#,
        "é".repeat(4000),
        "x".repeat(500)
    );
    let rejection = read_rejection(Dialect::Chat, 400, None, body.as_bytes(), Hints::default());
    assert_eq!((rejection.message.len(), rejection.code.len()), (2047, 128));
    let rejection = read_rejection(Dialect::Chat, 400, None, &[0xE9; 9000], Hints::default());
    assert_eq!(rejection.message.len(), 2046);
}

#[test]
fn an_error_without_a_status_gets_the_one_of_its_type() {
    let body = br#"{"type":"error","error":{"type":"overloaded_error","message":"m"}}"#;
    let rejection = read_rejection(Dialect::Messages, 200, None, body, Hints::default());
    assert_eq!(rejection.status, 529);
}
