//! Errors of providers, in the dialect of the caller.

use super::super::{plan, row};
use super::{MESSAGE, START, delta, stop};
use crate::own::{error_body, error_event, translated};
use crate::read_rejection;
use ir::{Dialect, Event, Hints};

/// <https://github.com/router-for-me/CLIProxyAPI/issues/3055>: the type says whether to try again; one
/// that the caller's dialect does not have, or that is missing, is the server's fault.
#[test]
fn p63_errors_inside_a_stream() {
    let text = delta(r#""content":"a""#);
    for (error, expect) in [
        (
            r#"{"error":{"message":"too \"much\"","type":"invalid_request_error","code":"rate_limit_exceeded"}}"#,
            r#"error rate_limit_error "rate_limit_exceeded" too \"much\""#,
        ),
        (r#"{"error":{"message":"down","code":503}}"#, r#"error overloaded_error "503" down"#),
        (r#"{"error":"odd"}"#, "error api_error - odd"),
        (r#"{"error":{"message":"no","type":"new_error"}}"#, "error api_error - no"),
    ] {
        let lines = [text.as_str(), error, &text, &stop("stop"), "[DONE]"];
        let crossed = row(plan(Dialect::Chat), &lines, &[START, "0 text", "  a", expect], &[]);
        assert!(matches!(crossed.frames[1].events[0], Event::Fail(_)));
    }
    for (error, expect) in [
        (
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
            "error service_unavailable_error null Overloaded",
        ),
        (
            r#"{"type":"error","error":{"type":"api_error","message":"x","details":{"error_code":"thread_gone"}}}"#,
            r#"error server_error "thread_gone" x"#,
        ),
    ] {
        row(plan(Dialect::Messages), &[MESSAGE, error, MESSAGE], &["role", expect], &[]);
    }
}

/// A finish that is a fault has no words to pass on, and nothing follows it.
#[test]
fn a_finish_that_is_an_error() {
    let lines = [delta(r#""content":"a""#), stop("error"), delta(r#""content":"b""#)];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    row(plan(Dialect::Chat), &lines, &[START, "0 text", "  a"], &[]);
}

/// Behind the finish the answer is complete, whatever is said.
#[test]
fn an_error_behind_the_finish_changes_nothing() {
    let crossed = row(
        plan(Dialect::Chat),
        &[
            &delta(r#""content":"a""#),
            &stop("stop"),
            r#"{"error":{"message":"x"}}"#,
            &delta(r#""content":"b""#),
            &stop("length"),
            "[DONE]",
        ],
        &[
            START,
            "0 text",
            "  a",
            "  .",
            "finish end_turn",
            "usage in 0 read 0 write 0 out 0 reasoning 0",
            "stop",
        ],
        &["usage=unknown: as zero"],
    );
    assert!(crossed.frames[2].bytes.is_empty());
}

/// What cannot be read has no bytes, and the exchange decides.
#[test]
fn p40_a_frame_that_cannot_be_read() {
    let crossed = row(
        plan(Dialect::Chat),
        &[&delta(r#""content":"a""#), "{", &delta(r#""content":"b""#)],
        &[START, "0 text", "  a", "  b"],
        &[],
    );
    assert!(matches!(crossed.frames[1].events[0], Event::Malformed(_)));
    assert!(crossed.frames[1].bytes.is_empty());
}

#[test]
fn bodies_keep_what_the_provider_said() {
    let body = br#"{"type":"error","error":{"type":"not_found_error","message":"model: x"}}"#;
    let rejection = read_rejection(Dialect::Messages, 404, None, body, Hints::default());
    assert_eq!(
        error_body(Dialect::Chat, &translated(&rejection, "bs_1")),
        r#"{"error":{"message":"model: x","type":"not_found_error","param":null,"code":null,"request_id":"bs_1"}}"#
    );
    let body = br#"{"error":{"message":"long","type":"x","param":"messages","code":"context_length_exceeded"}}"#;
    let rejection = read_rejection(Dialect::Chat, 400, None, body, Hints::default());
    assert_eq!(
        error_event(Dialect::Messages, &translated(&rejection, "bs_1")),
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"long\",\"details\":{\"error_code\":\"context_length_exceeded\"}},\"request_id\":\"bs_1\"}\n\n"
    );
    let rejection = read_rejection(Dialect::Chat, 529, None, b"", Hints::default());
    assert_eq!(
        error_body(Dialect::Messages, &translated(&rejection, "bs_1")),
        r#"{"type":"error","error":{"type":"overloaded_error","message":"the provider gave no reason"},"request_id":"bs_1"}"#
    );
}
