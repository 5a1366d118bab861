//! An answer that was cut anywhere and gone on with is one legal stream, whoever speaks what.

use super::{legal, plan};
use crate::proof::framed;
use crate::{Crossing, CrossingPlan, Decoder, Resume};
use bytes::Bytes;
use ir::{
    Aside, BlockKind, Crossable, Dialect, Envelope, Event, Events, Frame, ItemEvent, Mark, Opening,
    Piece, Tokens,
};

/// What the provider says that is cut: thinking, text, a call, more text.
pub(super) fn first(dialect: Crossable) -> Vec<&'static str> {
    match dialect {
        Crossable::Chat => vec![
            r#"{"id":"a1","object":"chat.completion.chunk","created":7,"model":"m-a","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null}"#,
            r#"{"id":"a1","object":"chat.completion.chunk","created":7,"model":"m-a","choices":[{"index":0,"delta":{"reasoning_content":"hm"},"finish_reason":null}],"usage":null}"#,
            r#"{"id":"a1","object":"chat.completion.chunk","created":7,"model":"m-a","choices":[{"index":0,"delta":{"content":"one "},"finish_reason":null}],"usage":null}"#,
            r#"{"id":"a1","object":"chat.completion.chunk","created":7,"model":"m-a","choices":[{"index":0,"delta":{"content":"two "},"finish_reason":null}],"usage":null}"#,
        ],
        Crossable::Messages => vec![
            r#"{"type":"message_start","message":{"id":"msg_a1","type":"message","role":"assistant","model":"m-a","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":11,"output_tokens":1}}}"#,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"sig"}}"#,
            r#"{"type":"content_block_stop","index":0}"#,
            r#"{"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}"#,
            r#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"one "}}"#,
            r#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"two "}}"#,
            r#"{"type":"content_block_stop","index":1}"#,
        ],
    }
}

/// What whoever goes on says.
pub(super) fn second(dialect: Crossable) -> Vec<&'static str> {
    match dialect {
        Crossable::Chat => vec![
            r#"{"id":"b1","object":"chat.completion.chunk","created":9,"model":"m-b","choices":[{"index":0,"delta":{"role":"assistant","content":"three"}}]}"#,
            r#"{"id":"b1","object":"chat.completion.chunk","created":9,"model":"m-b","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}]}}]}"#,
            r#"{"id":"b1","object":"chat.completion.chunk","created":9,"model":"m-b","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#,
            r#"{"id":"b1","object":"chat.completion.chunk","created":9,"model":"m-b","choices":[],"usage":{"prompt_tokens":20,"completion_tokens":5,"total_tokens":25}}"#,
            "[DONE]",
        ],
        Crossable::Messages => vec![
            r#"{"type":"message_start","message":{"id":"msg_b1","type":"message","role":"assistant","model":"m-b","content":[],"usage":{"input_tokens":20,"output_tokens":1}}}"#,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"three"}}"#,
            r#"{"type":"content_block_stop","index":0}"#,
            r#"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"c1","name":"f","input":{}}}"#,
            r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{}"}}"#,
            r#"{"type":"content_block_stop","index":1}"#,
            r#"{"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":5}}"#,
            r#"{"type":"message_stop"}"#,
        ],
    }
}

/// The frames of the answer that is cut, as its caller gets them.
pub(super) fn begun(from: Crossable, to: Crossable) -> Vec<Frame> {
    let bytes = Bytes::from(framed(from.dialect(), first(from)));
    let mut frames = Vec::new();
    if from == to {
        Decoder::carrying(from.dialect(), 1).feed(bytes, &mut frames).expect("frames");
    } else {
        let mut crossing = Crossing::new(between(from, to), 1 << 20).marking();
        crossing.feed(bytes, &mut frames).expect("frames");
    }
    frames
}

pub(super) fn between(from: Crossable, to: Crossable) -> CrossingPlan {
    CrossingPlan { from, to, ..plan(from.dialect()) }
}

/// Where a stream stands behind these frames, and its name: as `policy::Told` takes it.
pub(super) fn standing(frames: &[Frame], crossed: bool) -> Resume {
    let mut resume = Resume {
        used: Tokens { input: 11, output: 4, ..Tokens::default() },
        object: r#"{"served":[]}"#.to_owned(),
        ..Resume::default()
    };
    for event in frames.iter().flat_map(|frame| &frame.events) {
        if let Event::Start(Some(envelope)) = event {
            resume.envelope = Envelope::clone(envelope);
        } else if let Event::Aside(Aside::Mark(mark)) = event {
            resume.mark = *mark;
        } else if let (Event::Open(block, opening), false) = (event, crossed) {
            let (next, open) = (block.index + 1, Some(block.kind));
            let signed = matches!(opening.as_deref(), Some(Opening::Redacted(_)));
            resume.mark = Mark { next, open, signed, ..resume.mark };
        } else if let (Event::Delta(_, Piece::Signature(_)), false) = (event, crossed) {
            resume.mark.signed = true;
        } else if let (Event::Close(_), false) = (event, crossed) {
            resume.mark.open = None;
        }
    }
    resume
}

#[test]
fn a_cut_anywhere_is_gone_on_with_in_one_envelope() {
    let mut cuts = 0;
    for to in Crossable::ALL {
        for (from, then) in Crossable::ALL.into_iter().flat_map(|a| Crossable::ALL.map(|b| (a, b)))
        {
            let frames = begun(from, to);
            for place in 1..=frames.len() {
                let shown = &frames[..place];
                let mut bytes: Vec<u8> =
                    shown.iter().flat_map(|frame| frame.bytes.to_vec()).collect();
                let resume = standing(shown, from != to);
                let mut more = Vec::new();
                let mut crossing = Crossing::resumed(between(then, to), resume, 1 << 20);
                let rest = Bytes::from(framed(then.dialect(), second(then)));
                crossing.feed(rest, &mut more).expect("frames");
                bytes.extend(more.iter().flat_map(|frame| frame.bytes.to_vec()));
                bytes.extend_from_slice(&crossing.end());
                let told = legal::read(to.dialect(), &bytes, true);
                let text = String::from_utf8_lossy(&bytes);
                let at = format!("{from:?} {then:?} to {to:?} at {place}:\n{text}");
                assert!(told.ended && !told.failed, "{at}");
                let before = told.text.strip_suffix("three");
                assert!(before.is_some_and(|before| "one two ".starts_with(before)), "{at}");
                assert_eq!(told.calls.len(), 1, "{at}");
                let tokens = told.tokens.expect("usage");
                assert_eq!((tokens.input, tokens.output), (20, 9), "{at}");
                assert_eq!(text.matches(r#""backstop":{"served":[]}"#).count(), 1, "{at}");
                let last = text.trim_end().rsplit("\n\n").find(|it| !it.contains("[DONE]"));
                assert!(last.expect("a last event").contains("backstop"), "{at}");
                cuts += 1;
            }
        }
    }
    assert!(40 < cuts, "{cuts}");
}

#[test]
fn what_was_not_counted_is_estimated() {
    for to in Crossable::ALL {
        for then in Crossable::ALL {
            let resume = standing(&begun(to, to), false);
            let lines: Vec<String> = second(then)
                .into_iter()
                .filter(|line| !line.contains("prompt_tokens"))
                .map(|line| {
                    line.replace(r#"{"input_tokens":20,"output_tokens":1}"#, "{}")
                        .replace(r#"{"output_tokens":5}"#, "{}")
                })
                .collect();
            let rest = framed(then.dialect(), lines.iter().map(String::as_str));
            let mut crossing = Crossing::resumed(between(then, to), resume, 1 << 20);
            let mut frames = Vec::new();
            crossing.feed(Bytes::from(rest), &mut frames).expect("frames");
            let mut bytes: Vec<u8> = frames.iter().flat_map(|it| it.bytes.to_vec()).collect();
            bytes.extend_from_slice(&crossing.end());
            let text = String::from_utf8_lossy(&bytes);
            // The four of the one that was cut, and two pieces.
            let (input, output) = match to {
                Crossable::Chat => (r#""prompt_tokens":11,"#, r#""completion_tokens":6,"#),
                Crossable::Messages => (r#""input_tokens":11,"#, r#""output_tokens":6}"#),
            };
            let last = text.contains(input) && text.contains(output);
            assert!(last, "{then:?} to {to:?}: {text}");
        }
    }
    let lines = RESPONSES.iter().map(|line| {
        line.replace(r#"{"input_tokens":20,"output_tokens":5,"total_tokens":25}"#, "null")
    });
    let lines: Vec<String> = lines.collect();
    let rest = framed(Dialect::Responses, lines.iter().map(String::as_str));
    let kept = kept(&[CREATED], "");
    let mut crossing = Crossing::resumed_responses("bs_1".to_owned(), kept, 1 << 20);
    let mut frames = Vec::new();
    crossing.feed(Bytes::from(rest), &mut frames).expect("frames");
    let last = frames.last().map(|frame| frame.bytes.clone()).unwrap_or_default();
    let last = String::from_utf8_lossy(&last);
    assert!(last.contains(r#""input_tokens":11,"#), "{last}");
    assert!(last.contains(r#""output_tokens":10,"#), "{last}");
}

#[test]
fn a_call_that_counts_as_closed_was_written() {
    let mut closed = 0;
    for to in Crossable::ALL {
        for then in Crossable::ALL {
            let resume = standing(&begun(to, to), false);
            let mut crossing = Crossing::resumed(between(then, to), resume, 1 << 20);
            let mut frames = Vec::new();
            crossing
                .feed(Bytes::from(framed(then.dialect(), second(then))), &mut frames)
                .expect("frames");
            let mut written = false;
            for frame in &frames {
                written |= String::from_utf8_lossy(&frame.bytes).contains("\"c1\"");
                let closes =
                    |event: &Event| matches!(event, Event::Close(it) if it.kind == BlockKind::Tool);
                let closes = frame.events.iter().filter(|event| closes(event)).count();
                assert!(written || closes == 0, "{then:?} to {to:?}: {frame:?}");
                closed += closes;
            }
        }
    }
    assert_eq!(closed, Crossable::ALL.len().pow(2), "each is closed once");
}

#[test]
fn what_is_held_back_is_not_written() {
    for to in Crossable::ALL {
        let resume = standing(&begun(to, to), false);
        let mut crossing = Crossing::resumed(between(to, to), resume, 1 << 20);
        let rest = Bytes::from(framed(to.dialect(), second(to)));
        let mut more = Vec::new();
        let text = |event: &Event| matches!(event, Event::Delta(block, _) if block.kind == BlockKind::Text);
        let sieve = |events: &mut Events| {
            events.retain(|event| !text(event));
            Ok(())
        };
        crossing.feed_through(rest.clone(), &mut more, sieve).expect("frames");
        let bytes: Vec<u8> = more.iter().flat_map(|frame| frame.bytes.to_vec()).collect();
        assert!(!String::from_utf8_lossy(&bytes).contains("three"));
        let resume = standing(&begun(to, to), false);
        let mut crossing = Crossing::resumed(between(to, to), resume, 1 << 20);
        let lost = crossing.feed_through(rest, &mut Vec::new(), |events| {
            if events.iter().any(text) { Err("it declined") } else { Ok(()) }
        });
        assert_eq!(lost, Err(crate::Error::Unjoined("it declined")));
    }
}

/// What whoever goes on in Responses says; the first text is the anchor's rest.
pub(super) const RESPONSES: [&str; 10] = [
    r#"{"type":"response.created","sequence_number":0,"response":{"id":"resp_b","object":"response","created_at":9,"status":"in_progress","model":"m-b","output":[]}}"#,
    r#"{"type":"response.output_item.added","sequence_number":1,"output_index":0,"item":{"type":"message","id":"msg_b","status":"in_progress","role":"assistant","content":[]}}"#,
    r#"{"type":"response.content_part.added","sequence_number":2,"item_id":"msg_b","output_index":0,"content_index":0,"part":{"type":"output_text","annotations":[],"text":""}}"#,
    r#"{"type":"response.output_text.delta","sequence_number":3,"item_id":"msg_b","output_index":0,"content_index":0,"delta":"three \ud83d\ude00"}"#,
    r#"{"type":"response.output_text.done","sequence_number":4,"item_id":"msg_b","output_index":0,"content_index":0,"text":"three \ud83d\ude00"}"#,
    r#"{"type":"response.output_item.done","sequence_number":5,"output_index":0,"item":{"type":"message","id":"msg_b","status":"completed","role":"assistant","content":[{"type":"output_text","annotations":[],"text":"three \ud83d\ude00"}]}}"#,
    r#"{"type":"response.output_item.added","sequence_number":6,"output_index":1,"item":{"type":"function_call","id":"fc_b","call_id":"call_b","name":"f","arguments":"","status":"in_progress"}}"#,
    r#"{"type":"response.function_call_arguments.delta","sequence_number":7,"item_id":"fc_b","output_index":1,"delta":"{\"a\":1}"}"#,
    r#"{"type":"response.output_item.done","sequence_number":8,"output_index":1,"item":{"type":"function_call","id":"fc_b","call_id":"call_b","name":"f","arguments":"{\"a\":1}","status":"completed"}}"#,
    r#"{"type":"response.completed","sequence_number":9,"response":{"id":"resp_b","object":"response","created_at":9,"status":"completed","model":"m-b","output":[{"type":"message","id":"msg_b","status":"completed","role":"assistant","content":[{"type":"output_text","annotations":[],"text":"three \ud83d\ude00"}]},{"type":"function_call","id":"fc_b","call_id":"call_b","name":"f","arguments":"{\"a\":1}","status":"completed"}],"usage":{"input_tokens":20,"output_tokens":5,"total_tokens":25}}}"#,
];

fn item_event(json: &str) -> ItemEvent {
    let event: serde_json::Value = serde_json::from_str(json).expect("JSON");
    let item = event["output_index"].as_u64().unwrap_or_default().try_into().expect("an index");
    ItemEvent { item, json: json.into() }
}

/// What is known of the answer that was cut, and how much of it is text.
pub(super) fn kept(events: &[&str], open_text: &str) -> Resume {
    Resume {
        envelope: Envelope { id: "resp_a".into(), model: "m-a".into(), created: Some(7) },
        used: Tokens { input: 11, output: 4, ..Tokens::default() },
        object: r#"{"served":[]}"#.to_owned(),
        kept: events.iter().map(|event| item_event(event)).collect(),
        open_text: open_text.to_owned(),
        thought: Some("hm".to_owned()),
        sequence: 17,
        ..Resume::default()
    }
}

pub(super) const CREATED: &str = r#"{"type":"response.created","sequence_number":0,"response":{"id":"resp_a","object":"response","created_at":7,"status":"in_progress","error":null,"model":"m-a","output":[],"parallel_tool_calls":true,"tools":[],"usage":null}}"#;
const MESSAGE: &str = r#"{"type":"response.output_item.added","sequence_number":2,"output_index":0,"item":{"type":"message","id":"msg_a","status":"in_progress","role":"assistant","content":[]}}"#;
const PART: &str = r#"{"type":"response.content_part.added","sequence_number":3,"item_id":"msg_a","output_index":0,"content_index":0,"part":{"type":"output_text","annotations":[],"text":""}}"#;
const REASONING: &str = r#"{"type":"response.output_item.added","sequence_number":2,"output_index":0,"item":{"type":"reasoning","id":"rs_a","summary":[]}}"#;

#[test]
fn responses_go_on_in_one_envelope() {
    for (begun, text, expect) in [
        (&[CREATED, MESSAGE, PART][..], "one two ", "one two three"),
        (&[CREATED, MESSAGE], "", "three"),
        (&[CREATED, REASONING], "", "three"),
        (&[CREATED], "", "three"),
    ] {
        let mut more = Vec::new();
        let mut crossing =
            Crossing::resumed_responses("bs_1".to_owned(), kept(begun, text), 1 << 20);
        let rest = Bytes::from(framed(Dialect::Responses, RESPONSES));
        crossing.feed(rest, &mut more).expect("frames");
        let bytes: Vec<u8> = more.iter().flat_map(|frame| frame.bytes.to_vec()).collect();
        let stream = String::from_utf8(bytes).expect("UTF-8");
        let events: Vec<serde_json::Value> = stream
            .lines()
            .filter_map(|line| line.strip_prefix("data: "))
            .map(|data| serde_json::from_str(data).expect("JSON"))
            .collect();
        for (event, number) in events.iter().zip(18..) {
            assert_eq!(event["sequence_number"], number, "{stream}");
        }
        let last = events.last().expect("a last event");
        assert_eq!(last["type"], "response.completed");
        assert_eq!(last["backstop"]["served"], serde_json::json!([]));
        let response = &last["response"];
        assert_eq!((&response["id"], &response["status"]), (&"resp_a".into(), &"completed".into()));
        assert_eq!(response["usage"]["output_tokens"], 9);
        let output = response["output"].as_array().expect("items");
        let message = output.iter().find(|item| item["type"] == "message").expect("a message");
        assert_eq!(message["content"][0]["text"], format!("{expect} 😀"), "{stream}");
        let thought = output.iter().find(|item| item["type"] == "reasoning");
        let shown = thought.map(|item| item["summary"][0]["text"].clone());
        assert_eq!(shown, begun.contains(&REASONING).then(|| "hm".into()));
        let call = output.last().expect("a call");
        assert_eq!((&call["call_id"], &call["arguments"]), (&"call_b".into(), &"{\"a\":1}".into()));
        let added = |kind: &str| events.iter().filter(|event| event["type"] == kind).count();
        let before = begun.len() - 1 - usize::from(begun.contains(&PART));
        assert_eq!(added("response.output_item.added") + before, output.len(), "{stream}");
        assert_eq!(added("response.output_item.done"), output.len(), "{stream}");
        let kept = more.iter().flat_map(|frame| &frame.events);
        let kept = kept.filter(|event| matches!(event, Event::Aside(Aside::Kept(_)))).count();
        let marks =
            ["output_item.added", "output_item.done", "content_part.added", "content_part.done"];
        let told: usize = marks.iter().map(|kind| added(&format!("response.{kind}"))).sum();
        assert_eq!(kept, told, "what was begun here can be gone on with");
    }
}

/// Who goes on once more must know where the text began that is open then.
#[test]
fn a_part_that_is_begun_behind_a_cut_is_told() {
    let part = r#"{"type":"response.content_part.done","output_index":0,"content_index":0,"part":{"type":"output_text","annotations":[],"text":"one "}}"#;
    let item = r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"message","id":"msg_a","content":[]}}"#;
    for (begun, opens) in [
        (&[CREATED, MESSAGE, PART][..], false),
        (&[CREATED, MESSAGE, PART, part], true),
        (&[CREATED, MESSAGE, PART, part, item], true),
        (&[CREATED], true),
    ] {
        let mut more = Vec::new();
        let mut crossing =
            Crossing::resumed_responses("bs_1".to_owned(), kept(begun, "one "), 1 << 20);
        // Of text that has to be joined the opening is held back.
        let sieve = |events: &mut Events| {
            events
                .retain(|event| !matches!(event, Event::Open(it, _) if it.kind == BlockKind::Text));
            Ok(())
        };
        let rest = Bytes::from(framed(Dialect::Responses, RESPONSES));
        crossing.feed_through(rest, &mut more, sieve).expect("frames");
        let mut events = more.iter().flat_map(|frame| &frame.events);
        let text = |event: &&Event| matches!(event, Event::Open(it, _) | Event::Delta(it, _) if it.kind == BlockKind::Text);
        let first = events.find(text);
        assert_eq!(matches!(first, Some(Event::Open(..))), opens, "{begun:?}");
        assert!(!events.any(|event| text(&event) && matches!(event, Event::Open(..))));
    }
}

#[test]
fn what_is_thought_and_not_shown_is_not_told() {
    let thought = [
        r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"reasoning","id":"rs_b","summary":[]}}"#,
        r#"{"type":"response.reasoning_summary_part.added","item_id":"rs_b","output_index":0,"summary_index":0,"part":{"type":"summary_text","text":""}}"#,
        r#"{"type":"response.reasoning_summary_text.delta","item_id":"rs_b","output_index":0,"summary_index":0,"delta":"anew"}"#,
        r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"reasoning","id":"rs_b","summary":[]}}"#,
    ];
    let mut more = Vec::new();
    let mut crossing = Crossing::resumed_responses("bs_1".to_owned(), kept(&[], ""), 1 << 20);
    let rest = Bytes::from(framed(Dialect::Responses, thought));
    crossing.feed(rest, &mut more).expect("frames");
    let about = |event: &Event| {
        matches!(event, Event::Open(it, _) | Event::Delta(it, _) | Event::Close(it)
            if it.kind == BlockKind::Reasoning)
    };
    let events = || more.iter().flat_map(|frame| &frame.events);
    assert!(!events().any(about), "{more:?}");
    assert!(events().any(|event| matches!(event, Event::Progress)), "it is seen at work");
    assert!(more.iter().all(|frame| frame.bytes.is_empty()), "{more:?}");
}

/// A call that was delivered is known by its name to whoever goes on: that has to be the caller's.
#[test]
fn calls_have_the_callers_names_and_forms() {
    use super::rows::{MESSAGE, call, close, open, piece, stop};
    let short = r#""type":"tool_use","id":"t1","name":"short_1","input":{}"#;
    let patch = r#""type":"tool_use","id":"t2","name":"patch","input":{}"#;
    let input = r#""type":"input_json_delta","partial_json":"{\"input\":\"x\"}""#;
    let later = [
        call(r#""index":0,"id":"a.b","function":{"arguments":"{}"}"#),
        call(r#""index":0,"function":{"name":"short_1"}"#),
        stop("tool_calls"),
    ];
    for (from, lines, expect) in [
        (
            Dialect::Messages,
            vec![MESSAGE.to_owned(), open(0, short), close(0)],
            &["long.name", "shown t1 long.name", "close"][..],
        ),
        (
            Dialect::Messages,
            vec![MESSAGE.to_owned(), open(0, patch), piece(0, input), close(0)],
            &["patch", "shown t2 patch custom", "close"],
        ),
        (
            Dialect::Chat,
            later.to_vec(),
            &["", "+ long.name", "shown toolu_987e2a67aa75280c_0 long.name", "close"],
        ),
    ] {
        let mut crossing = Crossing::new(plan(from), 1 << 20).marking();
        let mut frames = Vec::new();
        let mut named = Vec::new();
        let sieve = |events: &mut Events| {
            named.extend(events.iter().filter_map(name));
            Ok(())
        };
        let bytes = Bytes::from(framed(from, lines.iter().map(String::as_str)));
        crossing.feed_through(bytes, &mut frames, sieve).expect("frames");
        let events = || frames.iter().flat_map(|frame| &frame.events);
        let words: Vec<String> = events().filter_map(name).collect();
        assert_eq!(words, expect);
        named.retain(|word| word != "close");
        assert_eq!(named, words[..named.len()], "the sieve sees them too");
    }
}

/// What an event says of a call.
fn name(event: &Event) -> Option<String> {
    if let Event::Open(_, Some(opening)) = event
        && let Opening::Call(call) = &**opening
    {
        return Some(call.name.to_string());
    }
    if let Event::Aside(Aside::Call(_, call)) = event {
        return Some(format!("+ {}", call.name));
    }
    if let Event::Aside(Aside::Shown(_, call)) = event {
        let form = if call.custom { " custom" } else { "" };
        return Some(format!("shown {} {}{form}", call.id, call.name));
    }
    let tool = |block: &ir::Block| block.kind == BlockKind::Tool;
    matches!(event, Event::Close(block) if tool(block)).then(|| "close".to_owned())
}

/// Servers that count give the same ids in every answer, and no two calls of one answer may share one.
#[test]
fn ids_that_were_shown_are_not_shown_again() {
    let pairs = Crossable::ALL.into_iter().flat_map(|to| Crossable::ALL.map(|then| (then, to)));
    for (then, to) in pairs {
        ids("c1", |shown| {
            let resume = Resume { shown, ..standing(&begun(to, to), false) };
            let crossing = Crossing::resumed(between(then, to), resume, 1 << 20);
            shown_id(crossing, &framed(then.dialect(), second(then)))
        });
    }
    ids("call_b", |shown| {
        let resume = Resume { shown, ..kept(&[CREATED], "") };
        let crossing = Crossing::resumed_responses("bs_1".to_owned(), resume, 1 << 20);
        shown_id(crossing, &framed(Dialect::Responses, RESPONSES))
    });
}

/// An answer that is gone on with twice: whoever is second must not use an id of the first's again.
#[test]
fn items_of_two_seams_have_ids_of_their_own() {
    let mut ids = Vec::new();
    let mut resume = kept(&[CREATED], "");
    for _ in 0..2 {
        let rest = Bytes::from(framed(Dialect::Responses, RESPONSES));
        let mut crossing = Crossing::resumed_responses("bs_1".to_owned(), resume.clone(), 1 << 20);
        let mut frames = Vec::new();
        crossing.feed(rest, &mut frames).expect("frames");
        for event in frames.iter().flat_map(|frame| &frame.events) {
            let Event::Aside(Aside::Kept(kept)) = event else { continue };
            let event: serde_json::Value = serde_json::from_str(&kept.json).expect("JSON");
            if event["type"] == "response.output_item.added" {
                ids.push(event["item"]["id"].as_str().expect("an id").to_owned());
            }
            resume.sequence = event["sequence_number"].as_u64().expect("a number");
            resume.kept.push(kept.clone());
        }
    }
    assert_eq!(ids.len(), 4, "a message and a call, twice");
    let all: std::collections::BTreeSet<_> = ids.iter().collect();
    assert_eq!(all.len(), ids.len(), "{ids:?}");
}

/// `show`: under which id the call `id` is shown, behind calls with others.
fn ids(id: &str, show: impl Fn(Vec<Box<str>>) -> String) {
    let show = |shown: &[&str]| show(shown.iter().map(|id| Box::from(*id)).collect());
    assert_eq!([show(&[]), show(&["c0", ""])], [id, id]);
    let ours = show(&[id]);
    let spelled = format!("\\u{:04x}{}", id.as_bytes()[0], &id[1..]);
    assert!(ours != id && show(&[&spelled]) == ours, "{ours}");
    let third = show(&[id, "c0"]);
    assert!(third != ours && third != id, "{third}");
    let taken = show(&[id, &third]);
    assert!(taken != third && taken != id, "{taken}");
}

/// The id of the one call, which is written as it is told.
fn shown_id(mut crossing: Crossing, stream: &str) -> String {
    let mut frames = Vec::new();
    crossing.feed(Bytes::from(stream.to_owned()), &mut frames).expect("frames");
    let bytes: Vec<u8> = frames.iter().flat_map(|frame| frame.bytes.to_vec()).collect();
    let told = frames.iter().flat_map(|frame| &frame.events).find_map(|event| {
        if let Event::Aside(Aside::Shown(_, call)) = event {
            Some(call.id.to_string())
        } else {
            None
        }
    });
    let told = told.expect("a call");
    assert!(String::from_utf8_lossy(&bytes).contains(&format!("\"{told}\"")), "{told}");
    told
}
