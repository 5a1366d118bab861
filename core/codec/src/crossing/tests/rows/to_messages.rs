//! Chat to Messages: texts, reasoning, finishes, usage.

use super::super::{cross, legal, plan, row};
use super::{COUNTS, START, USAGE, delta, deltas, stop};
use crate::seal;
use bytes::Bytes;
use ir::{Dialect, Event};

#[test]
fn texts_keep_their_spelling() {
    let odd = r#"a\/b\u0000\ud83d\u00e9é\"\\"#;
    let half = r"\ude00\uD800";
    deltas(
        &[
            &delta(r#""role":"assistant","content":"""#),
            &delta(&format!(r#""content":"{odd}""#)),
            &delta(&format!(r#""content":"{half}""#)),
        ],
        "stop",
        &["0 text", &format!("  {odd}"), &format!("  {half}"), "  .", "finish end_turn"],
        &[],
    );
}

/// Rows "normal stop" to "refusal" of the map.
#[test]
fn finishes() {
    for (reason, expect, losses) in [
        ("stop", "finish end_turn", &[][..]),
        ("eos", "finish end_turn", &[]),
        ("length", "finish max_tokens", &[]),
        (
            "content_filter",
            r#"finish refusal {"type":"refusal","category":null,"explanation":null}"#,
            &[],
        ),
        ("new_word", "finish max_tokens", &["choices[].finish_reason=unknown: as max_tokens"]),
        (
            "tool_calls",
            "finish end_turn",
            &["choices[].finish_reason=as end_turn: there was no call"],
        ),
    ] {
        deltas(&[&delta(r#""content":"a""#)], reason, &["0 text", "  a", "  .", expect], losses);
    }
}

#[test]
fn a_refusal_is_text_and_a_reason() {
    deltas(
        &[&delta(r#""refusal":"I c""#), &delta(r#""refusal":"an\n""#)],
        "stop",
        &[
            "0 text",
            "  I c",
            r"  an\n",
            "  .",
            r#"finish refusal {"type":"refusal","category":null,"explanation":"I can\n"}"#,
        ],
        &[],
    );
}

/// <https://github.com/BerriAI/litellm/issues/33224>
#[test]
fn p24_thinking_and_text_have_blocks_of_their_own() {
    let signature = format!("  signature {}", seal::wrap(seal::Origin::of("a/m"), ""));
    deltas(
        &[
            &delta(r#""reasoning_content":"hm""#),
            &delta(r#""reasoning":"m","reasoning_content":"m""#),
            &delta(r#""content":"a""#),
            &delta(r#""content":"b","reasoning":"c""#),
        ],
        "stop",
        &[
            "0 thinking",
            "  hm",
            "  m",
            &signature,
            "  .",
            "1 text",
            "  a",
            "  .",
            "2 thinking",
            "  c",
            &signature,
            "  .",
            "3 text",
            "  b",
            "  .",
            "finish end_turn",
        ],
        &[],
    );
}

/// Mistral's parts; what is not text has no place.
#[test]
fn parts_of_a_content() {
    let parts = r#""content":[{"type":"thinking","thinking":[{"type":"text","text":"t"}]},{"type":"text","text":"a"},{"type":"text","text":"b"},{"type":"image_url"}]"#;
    let signature = format!("  signature {}", seal::wrap(seal::Origin::of("a/m"), ""));
    deltas(
        &[&delta(parts)],
        "stop",
        &["0 thinking", "  t", &signature, "  .", "1 text", "  a", "  b", "  .", "finish end_turn"],
        &["choices[].message.content[]=dropped"],
    );
}

/// <https://github.com/NousResearch/hermes-agent/issues/11929>: no empty block, and none of white
/// space.
#[test]
fn p43_no_block_without_text() {
    deltas(
        &[&delta(r#""content":"""#), &delta(r#""content":null"#)],
        "stop",
        &["finish end_turn"],
        &[],
    );
    deltas(
        &[&delta(r#""content":"\n""#), &delta(r#""content":"\n ""#), &delta(r#""content":"a""#)],
        "stop",
        &["0 text", r"  \n\n ", "  a", "  .", "finish end_turn"],
        &[],
    );
    let crossed = deltas(
        &[&delta(r#""content":" \n\t""#)],
        "stop",
        &["finish end_turn"],
        &["choices[].message.content=dropped: white space"],
    );
    assert!(crossed.frames.iter().flat_map(|frame| &frame.events).any(Event::is_content));
}

#[test]
fn what_messages_has_no_place_for_is_named() {
    deltas(
        &[
            r#"{"id":"c.1","choices":[{"index":0,"delta":{"content":"a"},"logprobs":{"content":[]}}]}"#,
            &delta(r#""annotations":[{"type":"url_citation"}]"#),
            &delta(r#""audio":{"data":"x"}"#),
            &delta(r#""images":[{"type":"image_url"}]"#),
        ],
        "stop",
        &["0 text", "  a", "  .", "finish end_turn"],
        &[
            "choices[].logprobs=dropped",
            "choices[].message.annotations=dropped",
            "choices[].message.audio=dropped",
            "choices[].message.images=dropped",
        ],
    );
}

/// <https://github.com/BerriAI/litellm/issues/30794>, autogen#6465: the usage chunk has no choices,
/// Azure's first one has none, or no delta.
#[test]
fn p33_p34_chunks_without_choices() {
    row(
        plan(Dialect::Chat),
        &[
            r#"{"id":"","choices":[],"prompt_filter_results":[{}]}"#,
            r#"{"id":"c.1","choices":[{"index":0,"finish_reason":null}]}"#,
            &delta(r#""content":"a""#),
            &stop("stop"),
            USAGE,
            "[DONE]",
        ],
        &[START, "0 text", "  a", "  .", "finish end_turn", COUNTS, "stop"],
        &[],
    );
}

/// Usage in every chunk, or in the one that finishes: the last one counts.
#[test]
fn p35_usage_comes_anywhere() {
    row(
        plan(Dialect::Chat),
        &[
            r#"{"id":"c.1","choices":[{"index":0,"delta":{"content":"a"}}],"usage":{"prompt_tokens":9,"completion_tokens":1}}"#,
            r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":2}}"#,
            "[DONE]",
        ],
        &[
            START,
            "0 text",
            "  a",
            "  .",
            "finish end_turn",
            "usage in 9 read 0 write 0 out 2 reasoning 0",
            "stop",
        ],
        &[],
    );
}

/// epam-dial#140: only the first choice is asked for, and only it is shown.
#[test]
fn p36_other_choices_are_not_shown() {
    let other = |fields: &str| format!(r#"{{"choices":[{{"index":1,{fields}}}]}}"#);
    deltas(
        &[
            &delta(r#""content":"a""#),
            &other(
                r#""delta":{"content":"x","tool_calls":[{"index":0,"id":"i","function":{"name":"f","arguments":"{"}}]}"#,
            ),
            &delta(r#""content":"b""#),
        ],
        "stop",
        &["0 text", "  a", "  b", "  .", "finish end_turn"],
        &["choices[]=dropped: all but the first"],
    );
}

/// Comments ride along: <https://openrouter.ai/docs/api-reference/streaming> sends them.
#[test]
fn p39_comments_ride_along() {
    let stream = format!(
        ": OPENROUTER PROCESSING\n\ndata: {}\n\n: again\r\n\r\nretry: 5\n\ndata: {}\n\ndata: [DONE]\n\n: late\n\n",
        delta(r#""content":"a""#),
        stop("stop"),
    );
    let crossed = cross(plan(Dialect::Chat), &[Bytes::from(stream)]);
    let text = String::from_utf8(crossed.bytes).unwrap();
    assert!(text.starts_with(": OPENROUTER PROCESSING\n\nevent: message_start"), "{text}");
    assert!(text.contains("\n\n: again\r\n\r\nevent: "), "{text}");
    assert!(!text.contains("retry") && !text.contains("late"), "{text}");
}

/// <https://github.com/BerriAI/litellm/issues/37992>: what is not known is named, what is zero not.
#[test]
fn p60_zero_usage_is_not_missing_usage() {
    let zero = r#"{"choices":[],"usage":{"prompt_tokens":0,"completion_tokens":0}}"#;
    let told = "usage in 0 read 0 write 0 out 0 reasoning 0";
    for (lines, losses) in [
        (vec![stop("stop"), zero.to_owned()], &[][..]),
        (vec![stop("stop")], &["usage=unknown: as zero"]),
    ] {
        let first = delta(r#""content":"a""#);
        let mut stream = vec![first.as_str()];
        stream.extend(lines.iter().map(String::as_str));
        stream.push("[DONE]");
        let expect = [START, "0 text", "  a", "  .", "finish end_turn", told, "stop"];
        row(plan(Dialect::Chat), &stream, &expect, losses);
    }
}

/// <https://github.com/anthropics/claude-code/issues/59520>: ids look like the caller's family.
#[test]
fn p65_ids_are_of_the_callers_family() {
    for (id, expect) in [
        ("chatcmpl-A1_b", "start msg_chatcmpl-A1_b"),
        ("gen 1/2:é", "start msg_gen_1_2___"),
        ("", "start msg_bs_1"),
    ] {
        let first =
            format!(r#"{{"id":"{id}","choices":[{{"index":0,"delta":{{"content":"a"}}}}]}}"#);
        let told = ["0 text", "  a", "  .", "finish end_turn", COUNTS, "stop"];
        let mut expect = vec![expect];
        expect.extend(told);
        row(plan(Dialect::Chat), &[&first, &stop("stop"), USAGE, "[DONE]"], &expect, &[]);
    }
}

/// What says nothing before its end: no end behind no finish, and the end that is missing.
#[test]
fn ends() {
    let start = delta(r#""content":"a""#);
    let until = |lines: &[&str]| {
        let stream = crate::proof::framed(Dialect::Chat, lines.iter().copied());
        let crossed = cross(plan(Dialect::Chat), &[Bytes::from(stream)]);
        let told = legal::read(Dialect::Messages, &crossed.bytes, true);
        (told.ended, told.finish, told.tokens.map(|tokens| tokens.output))
    };
    assert_eq!(until(&[]), (false, None, None));
    assert_eq!(until(&[&start]), (false, None, None));
    assert_eq!(until(&[&start, "[DONE]"]), (false, None, None));
    let finish = Some("end_turn".to_owned());
    assert_eq!(until(&[&start, &stop("stop")]), (true, finish.clone(), Some(0)));
    assert_eq!(until(&[&start, &stop("stop"), USAGE]), (true, finish.clone(), Some(4)));
    assert_eq!(until(&[&start, &stop("stop"), USAGE, "[DONE]", &start]), (true, finish, Some(4)));
}
