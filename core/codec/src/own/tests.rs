//! Our own bytes: their exact spelling, and that nothing breaks out of them.

use super::{
    Before, Error, ModelRow, after_said, body_of, comment, error_after, error_body, error_event,
    missing_end, model, models, ping,
};
use crate::proof::{events, feed, word, written};
use crate::{read_models, read_rejection};
use bytes::Bytes;
use ir::{Dialect, Envelope, Event, Failure, Hints};
use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

fn error(status: u16) -> Error<'static> {
    Error {
        status,
        code: Some("BS0301"),
        message: "no \"target\"\nleft",
        request_id: "bs_1",
        kind: None,
        param: None,
    }
}

#[test]
fn errors_are_spelled_like_the_family() {
    assert_eq!(
        error_body(Dialect::Chat, &error(503)),
        r#"{"error":{"message":"no \"target\"\nleft","type":"service_unavailable_error","param":null,"code":"BS0301","request_id":"bs_1"}}"#
    );
    assert_eq!(
        error_body(Dialect::Messages, &error(503)),
        r#"{"type":"error","error":{"type":"overloaded_error","message":"no \"target\"\nleft","details":{"error_code":"BS0301"}},"request_id":"bs_1"}"#
    );
    let event = error_event(Dialect::Messages, &error(401));
    assert!(
        event.starts_with(b"event: error\ndata: {\"type\":\"error\",") && event.ends_with(b"}\n\n")
    );
    let event = error_event(Dialect::Chat, &error(401));
    assert!(event.starts_with(b"data: {\"error\":{") && event.ends_with(b"}\n\n"));
}

#[test]
fn kinds_go_with_the_status() {
    let kind = |dialect, status| {
        let body = error_body(dialect, &error(status));
        let rejection = read_rejection(dialect, status, None, &body, Hints::default());
        assert_eq!((rejection.code.as_str(), rejection.bare), ("BS0301", false));
        rejection.kind
    };
    for (status, chat, messages) in [
        (400, "invalid_request_error", "invalid_request_error"),
        (401, "authentication_error", "authentication_error"),
        (402, "invalid_request_error", "billing_error"),
        (403, "permission_error", "permission_error"),
        (404, "not_found_error", "not_found_error"),
        (408, "invalid_request_error", "timeout_error"),
        (409, "invalid_request_error", "conflict_error"),
        (413, "invalid_request_error", "request_too_large"),
        (429, "rate_limit_error", "rate_limit_error"),
        (500, "server_error", "api_error"),
        (502, "server_error", "api_error"),
        (503, "service_unavailable_error", "overloaded_error"),
        (504, "server_error", "timeout_error"),
        (529, "service_unavailable_error", "overloaded_error"),
    ] {
        assert_eq!(kind(Dialect::Chat, status), chat, "{status}");
        assert_eq!(kind(Dialect::Messages, status), messages, "{status}");
    }
    let named = Error { kind: Some("odd"), ..error(400) };
    assert!(error_body(Dialect::Chat, &named).windows(12).any(|part| part == br#""type":"odd""#));
}

#[test]
fn a_client_reads_them_as_what_they_are() {
    for (dialect, bytes, expect) in [
        (Dialect::Chat, ping(Dialect::Chat), "-\n"),
        (Dialect::Messages, ping(Dialect::Messages), "ping\n"),
        (Dialect::Chat, missing_end(Dialect::Chat), "end\n"),
        (Dialect::Messages, missing_end(Dialect::Messages), "end\n"),
        (Dialect::Messages, comment("switched"), "-\n"),
        (Dialect::Responses, ping(Dialect::Responses), "-\n"),
        (Dialect::Responses, missing_end(Dialect::Responses), ""),
    ] {
        let (frames, rest) = feed(dialect, 1, &[bytes]);
        assert_eq!((written(&frames).as_str(), rest), (expect, Bytes::new()));
    }
}

#[test]
fn lists_of_models() {
    let rows = [
        ModelRow { id: "a", display_name: "A", created_unix: 1_755_000_000, owned_by: "x" },
        ModelRow { id: "b/c", display_name: "B", created_unix: u64::MAX, owned_by: "y" },
    ];
    assert_eq!(
        models(Dialect::Chat, &rows[..1]),
        r#"{"object":"list","data":[{"id":"a","object":"model","created":1755000000,"owned_by":"x"}]}"#
    );
    assert_eq!(
        models(Dialect::Messages, &rows[..1]),
        r#"{"data":[{"type":"model","id":"a","display_name":"A","created_at":"2025-08-12T12:00:00Z","lifecycle":"active","deprecated_at":null,"retires_at":null,"line":null,"max_input_tokens":null,"max_tokens":null,"capabilities":null}],"has_more":false,"first_id":"a","last_id":"a"}"#
    );
    assert_eq!(
        model(Dialect::Messages, &rows[1]),
        r#"{"type":"model","id":"b/c","display_name":"B","created_at":"9999-12-31T23:59:59Z","lifecycle":"active","deprecated_at":null,"retires_at":null,"line":null,"max_input_tokens":null,"max_tokens":null,"capabilities":null}"#
    );
    assert_eq!(
        models(Dialect::Messages, &[]),
        r#"{"data":[],"has_more":false,"first_id":null,"last_id":null}"#
    );
    for dialect in Dialect::ALL {
        assert_eq!(read_models(&models(dialect, &rows)), ["a", "b/c"]);
    }
    assert!(model(Dialect::Chat, &rows[1]).starts_with(br#"{"id":"b/c","object":"model""#));
}

#[test]
fn an_error_ends_a_stream_of_responses_as_its_clients_expect() {
    let begun = Envelope { id: "resp_1".into(), model: "m".into(), created: Some(7) };
    let mut before = Before::of(Some(&begun));
    before.note(&Bytes::from("event: x\ndata: {\"type\":\"x\",\"sequence_number\":4}\n\n"));
    for uncounted in [
        ": a comment has none\n\n",
        "event: ping\ndata: {\"type\":\"ping\"}\n\n",
        "data: keepalive\r\n\r\n",
        "event: y\ndata: {\"type\":\"y\",\"sequence_number\":\"9\"}\n\n",
        "",
        "\n\n",
    ] {
        before.note(&Bytes::from(uncounted));
        assert_eq!(before.number(), 4, "{uncounted}");
    }
    let event = error_after(Dialect::Responses, &error(503), &before);
    let failed = r#"event: response.failed
data: {"type":"response.failed","sequence_number":6,"response":{"id":"resp_1","object":"response","created_at":7,"status":"failed","error":{"code":"BS0301","message":"no \"target\"\nleft"},"incomplete_details":null,"instructions":null,"metadata":{},"model":"m","output":[],"parallel_tool_calls":true,"tool_choice":"auto","tools":[],"usage":null}}

"#;
    let said = r#"event: error
data: {"type":"error","sequence_number":5,"code":"BS0301","message":"no \"target\"\nleft","param":null,"error":{"type":"service_unavailable_error","code":"BS0301","message":"no \"target\"\nleft","param":null,"request_id":"bs_1"}}

"#;
    assert_eq!(std::str::from_utf8(&event), Ok([said, failed].concat().as_str()));
    // Of which nothing was handed out.
    let event = error_event(Dialect::Responses, &error(503));
    let text = std::str::from_utf8(&event).expect("text");
    assert!(text.contains("\"sequence_number\":0,") && text.contains("\"id\":\"resp_bs_1\""));
}

#[test]
fn what_a_provider_said_inside_a_stream() {
    let frame = |data: &str| Bytes::from(format!("data: {data}\n\n"));
    let rejection = |data: &str| crate::rejection::in_band(Dialect::Responses, data.as_bytes());
    let nested = r#"{"type":"error","error":{"code":"server_error","message":"m"}}"#;
    assert_eq!(body_of(&frame(nested), &rejection(nested)), nested);
    let flat = r#"{"type":"error","code":"rate_limit_exceeded","message":"m","param":null}"#;
    assert_eq!(
        body_of(&frame(flat), &rejection(flat)),
        r#"{"error":{"code":"rate_limit_exceeded","message":"m","param":null,"type":"rate_limit_error"}}"#
    );
    let before = Before { id: "resp_1".into(), sequence: Some(3), ..Before::default() };
    let after = |dialect, data: &str| {
        let failure = Failure::Rejected(rejection(data));
        after_said(dialect, &frame(data), &failure, &before)
    };
    let more = after(Dialect::Responses, nested).expect("the other half");
    let (frames, _) = feed(Dialect::Responses, 1, std::slice::from_ref(&more));
    assert_eq!(written(&frames), "fail 500 kind= code=server_error param= message=m in_band\n");
    assert!(std::str::from_utf8(&more).expect("text").contains("\"sequence_number\":4,"));
    let failed = r#"{"type":"response.failed","response":{"error":{"code":"x"}}}"#;
    assert_eq!(after(Dialect::Responses, failed), None);
    assert_eq!(after(Dialect::Chat, nested), None);
}

proptest! {
    #[test]
    fn no_text_makes_another_frame(text in "(\\PC|[\r\n\u{0}\u{b}\u{c}\u{85}\u{2028}\u{2029}:]|data: )*", status: u16, messages in any::<bool>()) {
        let dialect = if messages { Dialect::Messages } else { Dialect::Chat };
        let said = comment(&text);
        let line = std::str::from_utf8(&said).expect("text").strip_suffix("\n\n").expect("one line");
        let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
        prop_assert_eq!(line.find(breaks), None);
        let (frames, rest) = feed(dialect, 1, std::slice::from_ref(&said));
        prop_assert_eq!((frames.len(), events(&frames).len(), rest.len()), (1, 0, 0));
        let error = Error { status, code: Some(&text), message: &text, request_id: &text, kind: Some(&text), param: Some(&text) };
        let (frames, rest) = feed(dialect, 1, &[error_event(dialect, &error)]);
        prop_assert_eq!((frames.len(), rest.len()), (1, 0));
        let events = events(&frames);
        prop_assert!(matches!(&events[..], [Event::Fail(_)]), "{:?}", events.iter().map(word).collect::<Vec<_>>());
        let (frames, rest) = feed(Dialect::Responses, 1, &[error_event(Dialect::Responses, &error)]);
        prop_assert_eq!((frames.len(), rest.len()), (2, 0));
        prop_assert!(frames.iter().all(|frame| matches!(frame.events[..], [Event::Fail(_)])));
    }
}
