//! Messages to Chat: texts, thinking, citations, finishes, usage.

use super::super::{cross, legal, plan, row};
use super::{MESSAGE, STOP, close, end, events, open, piece};
use crate::proof::framed;
use crate::seal;
use bytes::Bytes;
use ir::Dialect;

fn text(index: u32, text: &str) -> Vec<String> {
    vec![
        open(index, r#""type":"text","text":"""#),
        piece(index, &format!(r#""type":"text_delta","text":"{text}""#)),
        close(index),
    ]
}

#[test]
fn texts_keep_their_spelling() {
    let odd = r#"a\/b\u0000\ud83d\u00e9é\"\\"#;
    let mut blocks = text(0, odd);
    blocks.push(end(r#""stop_reason":"end_turn""#));
    let crossed = events(&blocks, &[&format!("content {odd}"), "finish stop"], &[]);
    let expect = r#"data: {"id":"chatcmpl-msg_1","object":"chat.completion.chunk","created":1800000000,"model":"a/m","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null}"#;
    let all = String::from_utf8(crossed.bytes).unwrap();
    assert_eq!(all.lines().next(), Some(expect));
}

#[test]
fn finishes() {
    for (delta, expect, losses) in [
        (r#""stop_reason":"end_turn""#, &["finish stop"][..], &[][..]),
        (
            r#""stop_reason":"stop_sequence","stop_sequence":"\n\nHuman""#,
            &["finish stop"],
            &["stop_sequence=dropped"],
        ),
        (r#""stop_reason":"max_tokens""#, &["finish length"], &[]),
        (
            r#""stop_reason":"tool_use""#,
            &["finish stop"],
            &["stop_reason=as stop: there was no call"],
        ),
        (
            r#""stop_reason":"refusal","stop_details":{"type":"refusal","category":"cyber","explanation":"n\u006f"}"#,
            &[r"refusal n\u006f", "finish content_filter"],
            &["stop_details.category=dropped"],
        ),
        (r#""stop_reason":"refusal","stop_details":null"#, &["finish content_filter"], &[]),
        (
            r#""stop_reason":"end_turn","container":{"id":"c"}"#,
            &["finish stop"],
            &["container=dropped"],
        ),
    ] {
        let mut blocks = text(0, "a");
        blocks.push(end(delta));
        let mut told = vec!["content a"];
        told.extend(expect);
        events(&blocks, &told, losses);
    }
}

/// <https://github.com/laravel/ai/issues/881>: an answer that is not complete never looks like one.
#[test]
fn p62_reasons_that_chat_does_not_have() {
    for (reason, loss) in [
        ("pause_turn", "stop_reason=pause_turn: as length"),
        ("model_context_window_exceeded", "stop_reason=model_context_window_exceeded: as length"),
        ("compaction", "stop_reason=unknown: as length"),
    ] {
        let mut blocks = text(0, "a");
        blocks.push(end(&format!(r#""stop_reason":"{reason}""#)));
        events(&blocks, &["content a", "finish length"], &[loss]);
    }
}

/// <https://github.com/BerriAI/litellm/issues/38153>: a second start is not shown, one behind
/// content is an error without words.
#[test]
fn p28_message_start_twice() {
    let mut blocks = vec![MESSAGE.to_owned()];
    blocks.extend(text(0, "a"));
    blocks.push(end(r#""stop_reason":"end_turn""#));
    events(&blocks, &["content a", "finish stop"], &[]);
    let mut lines = vec![MESSAGE.to_owned()];
    lines.extend(text(0, "a"));
    lines.push(MESSAGE.to_owned());
    lines.extend(text(0, "b"));
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    row(plan(Dialect::Messages), &lines, &["role", "content a"], &[]);
}

/// <https://github.com/BerriAI/litellm/issues/13373>: a delta of a block that was not opened.
#[test]
fn p29_deltas_outside_any_block() {
    events(
        &[
            piece(7, r#""type":"text_delta","text":"a""#),
            piece(9, r#""type":"input_json_delta","partial_json":"{""#),
            end(r#""stop_reason":"end_turn""#),
        ],
        &["content a", "finish stop"],
        &[],
    );
}

/// Counts are told more than once; the last ones count, and the first are a guess.
#[test]
fn p37_p38_usage_is_cumulative() {
    let mut blocks = text(0, "a");
    blocks.push(r#"{"type":"message_delta","delta":{},"usage":{"output_tokens":2}}"#.to_owned());
    blocks.push(end(r#""stop_reason":"end_turn""#));
    events(&blocks, &["content a", "finish stop"], &[]);
    // Two finishes: the last one.
    let mut blocks = text(0, "a");
    blocks.push(end(r#""stop_reason":"end_turn""#));
    blocks.push(end(r#""stop_reason":"max_tokens""#));
    events(&blocks, &["content a", "finish length"], &[]);
}

#[test]
fn p39_pings_are_comments() {
    let mut blocks = vec![r#"{"type":"ping"}"#.to_owned()];
    blocks.extend(text(0, "a"));
    blocks.push(end(r#""stop_reason":"end_turn""#));
    events(&blocks, &[": ping", "content a", "finish stop"], &[]);
}

/// Without `include_usage` no chunk has it.
#[test]
fn p35_usage_only_where_it_was_asked_for() {
    let mut plan = plan(Dialect::Messages);
    plan.include_usage = false;
    let mut lines = vec![MESSAGE.to_owned()];
    lines.extend(text(0, "a"));
    lines.extend([end(r#""stop_reason":"end_turn""#), STOP.to_owned()]);
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    row(plan, &lines, &["role", "content a", "finish stop", "done"], &[]);
}

/// Unknown is not zero: no usage, no chunk of it.
#[test]
fn p60_unknown_usage_is_not_shown() {
    row(
        plan(Dialect::Messages),
        &[
            r#"{"type":"message_start","message":{"id":"msg_1"}}"#,
            r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"}}"#,
            STOP,
        ],
        &["role", "finish stop", "done"],
        &["usage=unknown"],
    );
}

#[test]
fn thinking_is_shown_and_comes_back_signed() {
    let origin = seal::Origin::of("a/m");
    let detail = format!(
        r#"reasoning_details [{{"index":0,"type":"reasoning.text","text":"h\u006dm","signature":"{}","format":"anthropic-claude-v1"}}]"#,
        seal::wrap(origin, r"Er\/U=")
    );
    let redacted = format!(
        r#"reasoning_details [{{"index":1,"type":"reasoning.encrypted","data":"{}","format":"anthropic-claude-v1"}}]"#,
        seal::wrap(origin, "Zx+/=")
    );
    let omitted = format!(
        r#"reasoning_details [{{"index":2,"type":"reasoning.text","text":"","signature":"{}","format":"anthropic-claude-v1"}}]"#,
        seal::wrap(origin, "b")
    );
    let thinking = r#""type":"thinking","thinking":"","signature":"""#;
    events(
        &[
            open(0, thinking),
            piece(0, r#""type":"thinking_delta","thinking":"h\u006d""#),
            piece(0, r#""type":"thinking_delta","thinking":"m""#),
            piece(0, r#""type":"signature_delta","signature":"old""#),
            piece(0, r#""type":"signature_delta","signature":"Er\/U=""#),
            close(0),
            open(1, r#""type":"redacted_thinking","data":"Zx+/=""#),
            close(1),
            // Reasoning that is not shown.
            open(2, thinking),
            piece(2, r#""type":"thinking_delta","thinking":"""#),
            piece(2, r#""type":"signature_delta","signature":"b""#),
            close(2),
            // And what nobody signed.
            open(3, thinking),
            piece(3, r#""type":"thinking_delta","thinking":"x""#),
            close(3),
            end(r#""stop_reason":"end_turn""#),
        ],
        &[
            r"thinking h\u006d",
            "thinking m",
            &detail,
            &redacted,
            &omitted,
            "thinking x",
            "finish stop",
        ],
        &[],
    );
}

/// `LiteLLM` shows them as calls of functions that nobody offered.
#[test]
fn what_a_server_did_is_never_a_call() {
    let mut blocks = Vec::new();
    for (index, kind) in
        ["server_tool_use", "web_search_tool_result", "mcp_tool_use", "container_upload", "X y"]
            .into_iter()
            .enumerate()
    {
        let index = u32::try_from(index).unwrap();
        blocks.push(open(
            index,
            &format!(r#""type":"{kind}","id":"srvtoolu_1","name":"f","input":{{}}"#),
        ));
        blocks.push(piece(index, r#""type":"input_json_delta","partial_json":"{}""#));
        blocks.push(close(index));
    }
    blocks.extend(text(9, "a"));
    blocks.push(end(r#""stop_reason":"end_turn""#));
    events(
        &blocks,
        &["content a", "finish stop"],
        &[
            "content[].server_tool_use=dropped",
            "content[].web_search_tool_result=dropped",
            "content[].mcp_tool_use=dropped",
            "content[].container_upload=dropped",
            "content[].unknown=dropped",
        ],
    );
}

/// A citation is of its block, and Chat counts characters of the whole text.
#[test]
fn citations_become_annotations() {
    let mut blocks = text(0, r"\ud83d\ude00é ");
    blocks.push(open(1, r#""type":"text","text":"","citations":[]"#));
    blocks.push(piece(1, r#""type":"citations_delta","citation":{"type":"web_search_result_location","cited_text":"x","url":"https:\/\/a.b/?q=\"","title":"T","encrypted_index":"E"}"#));
    blocks.push(piece(1, r#""type":"text_delta","text":"said""#));
    blocks.push(piece(
        1,
        r#""type":"citations_delta","citation":{"type":"char_location","cited_text":"x"}"#,
    ));
    blocks.push(close(1));
    blocks.push(end(r#""stop_reason":"end_turn""#));
    events(
        &blocks,
        &[
            r"content \ud83d\ude00é ",
            "content said",
            r#"annotations [{"index":0,"type":"url_citation","url_citation":{"start_index":3,"end_index":7,"url":"https:\/\/a.b/?q=\"","title":"T"}}]"#,
            "finish stop",
        ],
        &["content[].citations[].encrypted_index=dropped", "content[].citations[]=dropped"],
    );
}

/// Blocks and deltas of tomorrow do not break anything.
#[test]
fn what_is_unknown_is_named() {
    let mut blocks = text(0, "a");
    blocks.insert(1, piece(0, r#""type":"sparkle_delta","sparkle":"x""#));
    blocks.push(r#"{"type":"fancy_event","x":1}"#.to_owned());
    blocks.push(end(r#""stop_reason":"end_turn""#));
    let losses = ["content[].delta=dropped", "an unknown event=dropped"];
    events(&blocks, &["content a", "finish stop"], &losses);
}

/// <https://github.com/anthropics/claude-code/issues/59520>, and the request's id where there is
/// none.
#[test]
fn p65_ids_are_of_the_callers_family() {
    for (message, id) in [(r#"{"id":"msg_1"}"#, "chatcmpl-msg_1"), ("{}", "chatcmpl-bs_1")] {
        let start = format!(r#"{{"type":"message_start","message":{message}}}"#);
        let crossed = cross(
            plan(Dialect::Messages),
            &[Bytes::from(framed(Dialect::Messages, [start.as_str()]))],
        );
        assert!(String::from_utf8(crossed.bytes).unwrap().contains(&format!("\"{id}\"")));
    }
}

#[test]
fn ends() {
    let text = text(0, "a");
    let finish = end(r#""stop_reason":"end_turn""#);
    let until = |lines: &[&str]| {
        let mut all = vec![MESSAGE];
        all.extend(text.iter().map(String::as_str));
        all.extend(lines);
        let stream = framed(Dialect::Messages, all);
        let crossed = cross(plan(Dialect::Messages), &[Bytes::from(stream)]);
        let told = legal::read(Dialect::Chat, &crossed.bytes, true);
        (told.ended, told.tokens.map(|tokens| tokens.output))
    };
    assert_eq!(until(&[]), (false, None));
    assert_eq!(until(&[STOP]), (false, None));
    assert_eq!(until(&[&finish]), (true, Some(4)));
    assert_eq!(until(&[&finish, STOP, MESSAGE]), (true, Some(4)));
}
