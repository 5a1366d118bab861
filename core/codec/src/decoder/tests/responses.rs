//! `OpenAI` Responses: meanings that recordings do not have.

use super::check;
use crate::Decoder;
use crate::proof::{feed_carrying, framed, joined, written};
use bytes::Bytes;
use ir::{Aside, Dialect, Event, Piece};

mod numbers;
mod wholes;

#[track_caller]
fn responses(lines: &[&str], expect: &[&str]) {
    check(Dialect::Responses, 1, lines, expect);
}

const CREATED: &str =
    r#"{"type":"response.created","response":{"id":"resp_1","model":"m","created_at":1.0}}"#;
const MESSAGE: &str =
    r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"message"}}"#;
const CALL: &str = r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"function_call","call_id":"c","name":"f"}}"#;
const PART: &str = r#"{"type":"response.content_part.added","output_index":0,"content_index":0,"part":{"type":"output_text","text":""}}"#;
const TEXT: &str =
    r#"{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"a"}"#;
const DONE: &str =
    r#"{"type":"response.output_text.done","output_index":0,"content_index":0,"text":"a"}"#;
const PART_DONE: &str = r#"{"type":"response.content_part.done","output_index":0,"content_index":0,"part":{"type":"output_text","text":"a"}}"#;
const MESSAGE_DONE: &str = r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"message","content":[{"type":"output_text","text":"a"}]}}"#;
const COMPLETED: &str = r#"{"type":"response.completed","response":{"status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":"a"}]}],"usage":{"input_tokens":10,"input_tokens_details":{"cached_tokens":3,"cache_write_tokens":2},"output_tokens":4,"output_tokens_details":{"reasoning_tokens":1}}}}"#;

/// The last event with this output and nothing else.
fn completed(output: &str) -> String {
    format!(r#"{{"type":"response.completed","response":{{"output":{output}}}}}"#)
}

/// The last event of this name, with these members of its answer.
fn last(named: &str, members: &str) -> String {
    format!(r#"{{"type":"response.{named}","response":{{{members}}}}}"#)
}

fn incomplete(reason: &str) -> String {
    format!(
        r#"{{"type":"response.incomplete","response":{{"incomplete_details":{{"reason":"{reason}"}},"output":[]}}}}"#
    )
}

#[test]
fn a_plain_answer() {
    responses(
        &[
            CREATED,
            r#"{"type":"response.in_progress"}"#,
            MESSAGE,
            PART,
            TEXT,
            DONE,
            PART_DONE,
            MESSAGE_DONE,
            COMPLETED,
            "[DONE]",
        ],
        &[
            "start",
            "ping",
            "-",
            "open text 0",
            "delta text 0",
            "-",
            "close text 0",
            "-",
            "usage in 5 read 3 write 2 out 4 reasoning 1, finish Stop, end",
            "-",
        ],
    );
}

#[test]
fn what_comes_whole_is_told_once() {
    for (lines, expect) in [
        (vec![CREATED, COMPLETED], vec!["open text 0, delta text 0, close text 0"]),
        (
            vec![CREATED, MESSAGE_DONE, COMPLETED],
            vec!["open text 0, delta text 0, close text 0", ""],
        ),
        (vec![CREATED, TEXT, COMPLETED], vec!["open text 0, delta text 0", "close text 0"]),
        (
            vec![CREATED, MESSAGE, PART, DONE, PART_DONE, COMPLETED],
            vec!["-", "open text 0", "delta text 0", "close text 0", ""],
        ),
        (
            vec![CREATED, MESSAGE, PART_DONE, MESSAGE_DONE, COMPLETED],
            vec!["-", "open text 0, delta text 0, close text 0", "-", ""],
        ),
    ] {
        let mut expect: Vec<String> = expect.into_iter().map(str::to_owned).collect();
        let last = expect.pop().expect("the last event");
        let usage = "usage in 5 read 3 write 2 out 4 reasoning 1";
        let comma = if last.is_empty() { "" } else { ", " };
        expect.insert(0, "start".to_owned());
        expect.push(format!("{usage}{comma}{last}, finish Stop, end"));
        responses(&lines, &expect.iter().map(String::as_str).collect::<Vec<_>>());
    }
}

#[test]
fn calls() {
    let piece = |text: &str| {
        format!(
            r#"{{"type":"response.function_call_arguments.delta","output_index":0,"delta":"{text}"}}"#
        )
    };
    let all =
        r#"{"type":"response.function_call_arguments.done","output_index":0,"arguments":"{}"}"#;
    let done = r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"function_call","arguments":"{}"}}"#;
    let there = completed(r#"[{"type":"function_call","arguments":"{}"}]"#);
    let end = "finish Tool, end";
    responses(
        &[CREATED, CALL, &piece(""), &piece("{"), &piece("}"), all, done, &there],
        &["start", "open tool 0", "-", "delta tool 0 ×2", "-", "close tool 0", end],
    );
    responses(
        &[CREATED, CALL, all, done, &completed("[]")],
        &["start", "open tool 0", "delta tool 0", "close tool 0", end],
    );
    responses(
        &[CREATED, CALL, done, &completed("null")],
        &["start", "open tool 0", "delta tool 0, close tool 0", end],
    );
    // It stands in the last event: it was closed.
    responses(
        &[CREATED, CALL, &piece("{}"), &there],
        &["start", "open tool 0", "delta tool 0", "close tool 0, finish Tool, end"],
    );
    // It does not: nobody knows how it goes on.
    responses(
        &[CREATED, CALL, &piece("{}"), &completed("[]")],
        &["start", "open tool 0", "delta tool 0", "finish Stop, end"],
    );
    // The limit cut it, which is told.
    responses(
        &[CREATED, CALL, &piece("{"), &incomplete("max_output_tokens")],
        &["start", "open tool 0", "delta tool 0", "close tool 0, finish Length, end"],
    );
    // A call of which nothing could be read stands in the last event all the same, which tells it.
    let text = r#"{"type":"message"}"#;
    let lost = completed(&format!(r#"[{text},{{"type":"function_call","arguments":"{{}}"}}]"#));
    responses(
        &[CREATED, MESSAGE, r#"{"type":"response.output_item.added","output_index":1,"it"#, &lost],
        &[
            "start",
            "-",
            "malformed: data that is no event",
            "open tool 1/0, delta tool 1/0, close tool 1/0, finish Tool, end",
        ],
    );
    // Its provider carried it out.
    responses(
        &[
            CREATED,
            &completed(r#"[{"type":"shell_call"},{"type":"shell_call_output","output":[]}]"#),
        ],
        &[
            "start",
            "open tool 0, close tool 0, open other 1/0, delta other 1/0, close other 1/0, finish Stop, end",
        ],
    );
}

#[test]
fn custom_calls_and_others() {
    responses(
        &[
            CREATED,
            r#"{"type":"response.output_item.added","output_index":2,"item":{"type":"custom_tool_call","call_id":"c","name":"f","input":""}}"#,
            r#"{"type":"response.custom_tool_call_input.delta","output_index":2,"delta":"ab"}"#,
            r#"{"type":"response.custom_tool_call_input.done","output_index":2,"input":"ab"}"#,
            r#"{"type":"response.output_item.done","output_index":2,"item":{"type":"custom_tool_call","input":"ab"}}"#,
            r#"{"type":"response.output_item.added","output_index":3,"item":{"type":"shell_call"}}"#,
            r#"{"type":"response.shell_call_command.delta","output_index":3,"delta":"ls"}"#,
            r#"{"type":"response.output_item.done","output_index":3,"item":{"type":"shell_call"}}"#,
            r#"{"type":"response.output_item.added","output_index":4,"item":{"type":"web_search_call"}}"#,
            r#"{"type":"response.web_search_call.searching","output_index":4}"#,
            r#"{"type":"response.output_item.done","output_index":4,"item":{"type":"web_search_call"}}"#,
            &completed("[]"),
        ],
        &[
            "start",
            "open tool 2/0",
            "delta tool 2/0",
            "-",
            "close tool 2/0",
            "open tool 3/0",
            "delta tool 3/0",
            "close tool 3/0",
            "open other 4/0",
            "progress",
            "delta other 4/0, close other 4/0",
            "finish Tool, end",
        ],
    );
}

#[test]
fn reasoning() {
    let added = r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"reasoning","summary":[]}}"#;
    let delta = |kind: &str, key: &str, index: u32, text: &str| {
        format!(
            r#"{{"type":"response.{kind}.delta","output_index":0,"{key}":{index},"delta":"{text}"}}"#
        )
    };
    let summary = |index, text| delta("reasoning_summary_text", "summary_index", index, text);
    let done = r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"reasoning","summary":[{"type":"summary_text","text":"ab"},{"type":"summary_text","text":"c"}],"encrypted_content":"gAA"}}"#;
    let lines = [
        CREATED.to_owned(),
        added.to_owned(),
        summary(0, ""),
        summary(0, "a"),
        summary(0, "b"),
        summary(1, "c"),
        done.to_owned(),
        completed("[]"),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    responses(
        &lines,
        &[
            "start",
            "open reasoning 0, progress",
            "progress",
            "delta reasoning 0 ×3",
            "aside: Sealed(Block { kind: Reasoning, index: 0 }, \"gAA\"), progress, close reasoning 0",
            "finish Stop, end",
        ],
    );
    let bytes = Bytes::from(framed(Dialect::Responses, lines));
    let events = feed_carrying(Dialect::Responses, 1, &[bytes]);
    let mut said = Vec::new();
    for event in events.iter().flat_map(|frame| &frame.events) {
        if let Event::Delta(_, Piece::Thinking(text)) = event {
            said.push(text.to_string());
        } else if let Event::Aside(Aside::Sealed(_, text)) = event {
            said.push(format!("sealed {text}"));
        }
    }
    assert_eq!(said, ["a", "b", "\\n\\nc", "sealed gAA"]);
    // All at once, and of servers that show what was thought itself.
    responses(
        &[CREATED, &delta("reasoning_text", "content_index", 0, "x"), &completed("[]")],
        &["start", "open reasoning 0, delta reasoning 0", "close reasoning 0, finish Stop, end"],
    );
    responses(
        &[CREATED, done, &completed("[]")],
        &[
            "start",
            "open reasoning 0, progress, delta reasoning 0, delta reasoning 0, aside: Sealed(Block { kind: Reasoning, index: 0 }, \"gAA\"), progress, close reasoning 0",
            "finish Stop, end",
        ],
    );
}

#[test]
fn ends() {
    for (line, expect) in [
        (incomplete("max_output_tokens"), "finish Length, end"),
        (incomplete("content_filter"), "finish Refusal, end"),
        (incomplete("steered"), "finish Other, end"),
        (incomplete("max_messages"), "finish Other, end"),
        (incomplete(""), "finish Other, end"),
        (last("completed", r#""status":"completed""#), "finish Stop, end"),
        (
            last(
                "completed",
                r#""status":"incomplete","incomplete_details":{"reason":"max_output_tokens"}"#,
            ),
            "finish Length, end",
        ),
        (last("incomplete", r#""status":"completed""#), "finish Other, end"),
        (completed("[]"), "finish Stop, end"),
        ("[DONE]".to_owned(), "end"),
        (
            r#"{"type":"response.completed"}"#.to_owned(),
            "malformed: the last event without its response",
        ),
    ] {
        responses(&[CREATED, &line], &["start", expect]);
    }
}

#[test]
fn failures() {
    let failed = |fields: &str| last("failed", &format!(r#""id":"resp_1",{fields}"#));
    for (line, expect) in [
        (
            last("completed", r#""status":"failed","error":{"code":"server_is_overloaded","message":"m"}"#),
            "fail 503 kind= code=server_is_overloaded param= message=m in_band",
        ),
        (
            last("completed", r#""status":"cancelled","output":[]"#),
            "fail 499 kind= code=cancelled param= message=the answer was cancelled in_band bare",
        ),
        (
            last("completed", r#""status":"in_progress","output":[]"#),
            "fail 500 kind= code=server_error param= message=the provider ended an answer that is not complete in_band bare",
        ),
        (
            incomplete("server_error"),
            "fail 500 kind= code=server_error param= message=the provider broke the answer off in_band bare",
        ),
        (
            failed(r#""error":{"code":"server_is_overloaded","message":"m"}"#),
            "fail 503 kind= code=server_is_overloaded param= message=m in_band",
        ),
        (
            failed(r#""error":{"code":"rate_limit_exceeded","message":"m"}"#),
            "fail 429 kind= code=rate_limit_exceeded param= message=m in_band",
        ),
        (
            failed(r#""error":{"code":"server_error","message":"m"}"#),
            "fail 500 kind= code=server_error param= message=m in_band",
        ),
        (
            failed(r#""error":{"code":"context_length_exceeded","message":"m"}"#),
            "fail 400 kind= code=context_length_exceeded param= message=m in_band",
        ),
        (
            failed(r#""error":null"#),
            "fail 500 kind= code=server_error param= message=the provider failed and did not say how in_band bare",
        ),
        (
            r#"{"type":"response.cancelled","response":{}}"#.to_owned(),
            "fail 499 kind= code=cancelled param= message=the answer was cancelled in_band bare",
        ),
        (
            r#"{"type":"error","code":"server_error","message":"m","param":null,"sequence_number":2}"#
                .to_owned(),
            "fail 500 kind= code=server_error param= message=m in_band",
        ),
        (
            r#"{"type":"error","error":{"type":"insufficient_quota","code":"insufficient_quota","message":"m","param":null}}"#
                .to_owned(),
            "fail 429 kind=insufficient_quota code=insufficient_quota param= message=m in_band",
        ),
        (
            r#"{"error":{"message":"m","type":"server_error"}}"#.to_owned(),
            "fail 500 kind=server_error code= param= message=m in_band",
        ),
    ] {
        responses(&[CREATED, &line], &["start", expect]);
    }
}

#[test]
fn what_comes_twice_or_out_of_order() {
    responses(
        &[CREATED, CREATED, MESSAGE, MESSAGE, PART, PART, TEXT, PART_DONE, PART_DONE, TEXT],
        &[
            "start",
            "repeated: a second response.created",
            "-",
            "repeated: output_item.added of an item that is there",
            "open text 0",
            "repeated: content_part.added of a part that is there",
            "delta text 0",
            "close text 0",
            "repeated: content_part.done of a part that is done",
            "malformed: a delta of a part that is done",
        ],
    );
    responses(
        &[CREATED, MESSAGE_DONE, MESSAGE_DONE, TEXT, CREATED],
        &[
            "start",
            "open text 0, delta text 0, close text 0",
            "repeated: output_item.done of an item that is done",
            "malformed: a part of an item that is done",
            "fail 500 kind= code= param= message=the provider began the answer again (a second response.created) in_band bare",
        ],
    );
    let stray = r#"{"type":"response.function_call_arguments.delta","output_index":5,"delta":"x"}"#;
    let far = r#"{"type":"response.output_text.delta","output_index":65536,"delta":"x"}"#;
    let odd = r#"{"type":"response.output_text.delta","output_index":0,"delta":{}}"#;
    let shape = r#"{"type":"response.output_item.added","output_index":"zero"}"#;
    let other = r#"{"type":"response.of_tomorrow","x":[]}"#;
    responses(
        &[stray, far, odd, shape, other, r#"{"x":1}"#, "nothing", r#"{"type":"keepalive"}"#],
        &[
            "malformed: a piece of a call that never began",
            "malformed: an index out of range",
            "malformed: a delta without its text",
            "malformed: a known event of another shape",
            "-",
            "malformed: an event without a type",
            "malformed: data that is no event",
            "ping",
        ],
    );
}

#[test]
fn refusals_are_text() {
    let added = r#"{"type":"response.content_part.added","output_index":0,"content_index":1,"part":{"type":"refusal","refusal":""}}"#;
    let delta =
        r#"{"type":"response.refusal.delta","output_index":0,"content_index":1,"delta":"no"}"#;
    let done =
        r#"{"type":"response.refusal.done","output_index":0,"content_index":1,"refusal":"no"}"#;
    let lines = [CREATED, MESSAGE, added, delta, done];
    responses(&lines, &["start", "-", "open text 1", "delta text 1", "-"]);
    let bytes = Bytes::from(framed(Dialect::Responses, lines));
    let frames = feed_carrying(Dialect::Responses, 1, &[bytes]);
    let refused =
        |event: &Event| matches!(event, Event::Delta(_, Piece::Refusal(text)) if &**text == "no");
    assert_eq!(frames.iter().flat_map(|frame| &frame.events).filter(|it| refused(it)).count(), 1);
}

#[test]
fn a_kept_stream_is_content_and_an_end() {
    let call = r#"{"type":"response.function_call_arguments.delta","output_index":3,"delta":"x"}"#;
    for (last, expect) in [
        (completed("[]"), "Stop"),
        (incomplete("max_output_tokens"), "Other"),
        (
            r#"{"type":"response.failed","response":{"error":{"code":"server_error"}}}"#.into(),
            "Other",
        ),
    ] {
        let bytes = Bytes::from(framed(Dialect::Responses, [call, TEXT, &last]));
        let mut decoder = Decoder::resuming();
        let mut frames = Vec::new();
        decoder.feed(bytes.clone(), &mut frames).expect("within the limit");
        let finish = format!("delta other 0, close other 0, finish {expect}, end\n");
        assert_eq!(
            written(&frames),
            ["open other 0, delta other 0\n", "delta other 0\n", &finish].concat()
        );
        assert_eq!(joined(&frames, &decoder.finish()), bytes, "CD2");
    }
}
