//! Anthropic Messages: meanings that recordings do not have.

use super::check;
use ir::Dialect;

const START: &str = r#"{"type":"message_start","message":{"usage":{"input_tokens":3,"cache_creation_input_tokens":5,"cache_read_input_tokens":7,"output_tokens":1}}}"#;
const TEXT: &str =
    r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#;
const HI: &str =
    r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hi"}}"#;
const STOP: &str = r#"{"type":"content_block_stop","index":0}"#;
const END: &str = r#"{"type":"message_stop"}"#;
const USAGE: &str = "start, usage in 3 read 7 write 5 out 1 reasoning 0";

#[track_caller]
fn messages(lines: &[&str], expect: &[&str]) {
    check(Dialect::Messages, 1, lines, expect);
}

#[test]
fn a_plain_answer() {
    let finish = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":9,"output_tokens_details":{"thinking_tokens":4}}}"#;
    messages(
        &[START, TEXT, HI, HI, STOP, finish, END],
        &[
            USAGE,
            "open text 0",
            "delta text 0 ×2",
            "close text 0",
            "usage in 3 read 7 write 5 out 9 reasoning 4, finish Stop",
            "end",
        ],
    );
}

#[test]
fn stop_reasons() {
    for (reason, finish) in [
        ("end_turn", "Stop"),
        ("stop_sequence", "Stop"),
        ("max_tokens", "Length"),
        ("model_context_window_exceeded", "Length"),
        ("tool_use", "Tool"),
        ("refusal", "Refusal"),
        ("pause_turn", "Pause"),
        ("compaction", "Other"),
    ] {
        let line = format!(r#"{{"type":"message_delta","delta":{{"stop_reason":"{reason}"}}}}"#);
        messages(&[&line], &[&format!("finish {finish}")]);
    }
    messages(
        &[
            r#"{"type":"message_delta","delta":{"stop_reason":"error"},"usage":{"input_tokens":1,"output_tokens":2}}"#,
        ],
        &[
            "usage in 1 read 0 write 0 out 2 reasoning 0, fail 500 kind= code=error param= message=the provider ended the answer with an error in_band bare",
        ],
    );
    messages(
        &[r#"{"type":"message_delta","delta":{"stop_reason":null},"usage":{"output_tokens":2}}"#],
        &["-"],
    );
    // Counts that nobody can read are no reason to lose the finish.
    for usage in [r#""x""#, "[]", r#"{"output_tokens":"x"}"#, r#"{"output_tokens":1e999}"#] {
        let delta = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":"#;
        messages(&[&format!("{delta}{usage}}}")], &["finish Stop"]);
    }
}

#[test]
fn usage_is_cumulative_and_may_be_restated() {
    messages(
        &[
            START,
            r#"{"type":"message_delta","delta":{},"usage":{"output_tokens":4}}"#,
            r#"{"type":"message_delta","delta":{},"usage":{"input_tokens":61,"output_tokens":8,"cache_read_input_tokens":null}}"#,
        ],
        &[
            USAGE,
            "usage in 3 read 7 write 5 out 4 reasoning 0",
            "usage in 61 read 7 write 5 out 8 reasoning 0",
        ],
    );
}

#[test]
fn kinds_of_blocks() {
    let block = |index: u32, block: &str| {
        format!(r#"{{"type":"content_block_start","index":{index},"content_block":{block}}}"#)
    };
    for (start, expect) in [
        (r#"{"type":"text","text":""}"#, "open text 0"),
        (r#"{"type":"text","text":"early"}"#, "open text 0, delta text 0"),
        (r#"{"type":"thinking","thinking":"","signature":""}"#, "open reasoning 0"),
        (r#"{"type":"redacted_thinking","data":"x"}"#, "open reasoning 0, delta reasoning 0"),
        (r#"{"type":"tool_use","id":"a","name":"b","input":{}}"#, "open tool 0"),
        (r#"{"type":"tool_use","id":"a","name":"b","input":{"c":1}}"#, "open tool 0, delta tool 0"),
        (r#"{"type":"server_tool_use","id":"a","input":{}}"#, "open other 0, delta other 0"),
        (r#"{"type":"of_tomorrow"}"#, "open other 0, delta other 0"),
        (r#"{"type":"text","text":"","text":""}"#, "open text 0"),
        (r#"{"text":""}"#, "malformed: content_block_start without a type"),
        (r#"{"type":5}"#, "malformed: a known event of another shape"),
        ("[]", "malformed: a known event of another shape"),
        ("null", "malformed: content_block_start without index or content_block"),
    ] {
        messages(&[&block(0, start)], &[expect]);
    }
}

#[test]
fn kinds_of_deltas() {
    let tool = r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"a","name":"b","input":{}}}"#;
    for (delta, expect) in [
        (r#"{"type":"input_json_delta","partial_json":""}"#, "-"),
        (r#"{"type":"input_json_delta","partial_json":"{"}"#, "delta tool 0"),
        (r#"{"type":"text_delta","text":"in a tool"}"#, "delta tool 0"),
        (r#"{"type":"of_tomorrow","what":{"a":1}}"#, "delta tool 0"),
        (r#"{"type":"of_tomorrow","what":null,"estimated":3}"#, "-"),
        (r#"{"type":"of_tomorrow","text":{"a":1}}"#, "delta tool 0"),
        (r#"{"type":"text_delta","text":"\ud83d"}"#, "delta tool 0"),
        (r#"{"type":"text_delta"}"#, "malformed: a delta without its text"),
        (r#"{"type":"text_delta","text":null}"#, "malformed: a delta without its text"),
        (r#"{"type":"input_json_delta","partial_json":{}}"#, "malformed: a delta without its text"),
        ("{}", "malformed: a delta without a type"),
        ("7", "malformed: a known event of another shape"),
    ] {
        let line = format!(r#"{{"type":"content_block_delta","index":0,"delta":{delta}}}"#);
        messages(&[tool, &line], &["open tool 0", expect]);
    }
}

#[test]
fn what_is_doubled_is_skipped_or_ends_the_attempt() {
    messages(&[START, START], &[USAGE, "repeated: a second message_start"]);
    messages(&[TEXT, TEXT], &["open text 0", "repeated: content_block_start of an open block"]);
    messages(
        &[TEXT, STOP, STOP],
        &[
            "open text 0",
            "close text 0",
            "repeated: content_block_stop of a block that is not open",
        ],
    );
    messages(
        &[START, TEXT, HI, START],
        &[
            USAGE,
            "open text 0",
            "delta text 0",
            "fail 500 kind= code= param= message=the provider began the answer again (a second message_start) in_band bare",
        ],
    );
    messages(
        &[START, TEXT, STOP, END, START],
        &[USAGE, "open text 0", "close text 0", "end", USAGE],
    );
}

#[test]
fn deltas_outside_blocks() {
    messages(&[HI, HI, STOP], &["open text 0, delta text 0", "delta text 0", "close text 0"]);
    messages(
        &[
            r#"{"type":"content_block_delta","index":4,"delta":{"type":"thinking_delta","thinking":"x"}}"#,
        ],
        &["open reasoning 4, delta reasoning 4"],
    );
    messages(
        &[
            r#"{"type":"content_block_delta","index":4,"delta":{"type":"input_json_delta","partial_json":"x"}}"#,
        ],
        &["malformed: a delta outside any block"],
    );
}

#[test]
fn errors() {
    for (kind, status) in [
        ("overloaded_error", 529),
        ("rate_limit_error", 429),
        ("api_error", 500),
        ("authentication_error", 401),
        ("permission_error", 403),
        ("not_found_error", 404),
        ("request_too_large", 413),
        ("timeout_error", 504),
        ("billing_error", 402),
        ("conflict_error", 409),
        ("invalid_request_error", 400),
        ("error_of_tomorrow", 500),
    ] {
        let line = format!(r#"{{"type":"error","error":{{"type":"{kind}","message":"m"}}}}"#);
        messages(&[&line], &[&format!("fail {status} kind={kind} code= param= message=m in_band")]);
    }
    messages(
        &[r#"{"error":{"type":"overloaded_error","message":"m","details":{"error_code":"c"}}}"#],
        &["fail 529 kind=overloaded_error code=c param= message=m in_band unheard"],
    );
}

#[test]
fn what_is_unknown_rides_along() {
    messages(
        &[
            r#"{"type":"ping"}"#,
            r#"{"type":"of_tomorrow","message":"a string","index":"a"}"#,
            r#"{"type":"of_tomorrow","index":-1}"#,
            r#"{"type":"of_tomorrow","delta":null,"text":"a"}"#,
            "[DONE]",
        ],
        &["ping", "- ×4"],
    );
    for event in [
        r#"{"type":"of_tomorrow","index":0,"delta":{"type":"text_delta","text":"hi"}}"#,
        r#"{"type":"of_tomorrow","delta":{}}"#,
        r#"{"type":"of_tomorrow","delta":"a string","index":"a"}"#,
        r#"{"type":"of_tomorrow","content_block":{"type":"text","text":"hi"}}"#,
        r#"{"type":"of_tomorrow","content_block":["hi"]}"#,
    ] {
        messages(&[event], &["malformed: an unknown event with content"]);
    }
}

#[test]
fn what_should_be_readable_and_is_not() {
    for (line, reason) in [
        ("{", "data that is no event"),
        ("hello", "data that is no event"),
        ("[7]", "data that is no event"),
        ("{garbled", "data that is no event"),
        (r#""type":"content_block_delta"}"#, "data that is no event"),
        (r#"{"index":0}"#, "an event without a type"),
        (r#"{"type":"message_start"}"#, "message_start without message"),
        (r#"{"type":"message_delta"}"#, "message_delta without delta or usage"),
        (
            r#"{"type":"content_block_delta","index":0}"#,
            "content_block_delta without index or delta",
        ),
        (
            r#"{"type":"content_block_delta","index":-1,"delta":{"type":"x"}}"#,
            "a known event of another shape",
        ),
        (r#"{"type":"content_block_stop"}"#, "content_block_stop without index"),
    ] {
        messages(&[line], &[&format!("malformed: {reason}")]);
    }
    messages(&["[DONE]", "[DONE] "], &["- ×2"]);
}

#[test]
fn the_event_line_counts_only_where_the_type_is_missing() {
    for (frame, expect) in [
        ("event: ping\ndata: {}\n\n", "ping\n"),
        ("event: ping\ndata:\n\n", "ping\n"),
        ("event: ping\n\n", "-\n"),
        ("event: message_stop\ndata: {}\n\n", "end\n"),
        ("event: ping\ndata: {\"type\":\"message_stop\"}\n\n", "end\n"),
        ("event: message_stop\ndata: {\n\n", "malformed: a known event of another shape\n"),
        ("event: heartbeat\ndata: ok\n\n", "-\n"),
        (
            "event: error\ndata: overloaded\n\n",
            "fail 500 kind= code= param= message=overloaded in_band unheard\n",
        ),
        (
            "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"m\"}}\n\n",
            "fail 500 kind=api_error code= param= message=m in_band\n",
        ),
        (
            "data: {\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"m\"}}\n\n",
            "fail 500 kind=api_error code= param= message=m in_band unheard\n",
        ),
        (
            "event: message_stop\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"m\"}}\n\n",
            "fail 500 kind=api_error code= param= message=m in_band unheard\n",
        ),
        (
            "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\"}}\n\n",
            "fail 500 kind=api_error code= param= message={\"error\":{\"type\":\"api_error\"},\"type\":\"error\"} in_band unheard\n",
        ),
        (
            "event: error\ndata: {\"error\":\"m\"}\n\n",
            "fail 500 kind= code= param= message=m in_band unheard\n",
        ),
        (
            "event: error\ndata: {\"message\":\"m\"}\n\n",
            "fail 500 kind= code= param= message=m in_band unheard\n",
        ),
        (
            "event: error\ndata: {\"type\":\"api_error\",\"message\":\"m\"}\n\n",
            "fail 500 kind=api_error code= param= message=m in_band unheard\n",
        ),
        (
            "event: error\ndata: {}\n\n",
            "fail 500 kind= code= param= message={} in_band bare unheard\n",
        ),
        (": comment\n\n", "-\n"),
    ] {
        let (frames, _) = crate::proof::feed(Dialect::Messages, 1, &[frame.into()]);
        assert_eq!(crate::proof::written(&frames), expect, "from {frame:?}");
    }
}
