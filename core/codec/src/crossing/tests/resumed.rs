//! An answer that was cut anywhere and gone on with is one legal stream, whoever speaks what.

use super::{legal, plan};
use crate::proof::framed;
use crate::{Crossing, CrossingPlan, Decoder, Resume};
use bytes::Bytes;
use ir::{Aside, BlockKind, Dialect, Envelope, Event, Frame, Mark, Piece, Tokens};

/// What the provider says that is cut: thinking, text, a call, more text.
fn first(dialect: Dialect) -> Vec<&'static str> {
    match dialect {
        Dialect::Chat => vec![
            r#"{"id":"a1","object":"chat.completion.chunk","created":7,"model":"m-a","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null}"#,
            r#"{"id":"a1","object":"chat.completion.chunk","created":7,"model":"m-a","choices":[{"index":0,"delta":{"reasoning_content":"hm"},"finish_reason":null}],"usage":null}"#,
            r#"{"id":"a1","object":"chat.completion.chunk","created":7,"model":"m-a","choices":[{"index":0,"delta":{"content":"one "},"finish_reason":null}],"usage":null}"#,
            r#"{"id":"a1","object":"chat.completion.chunk","created":7,"model":"m-a","choices":[{"index":0,"delta":{"content":"two "},"finish_reason":null}],"usage":null}"#,
        ],
        Dialect::Messages => vec![
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
fn second(dialect: Dialect) -> Vec<&'static str> {
    match dialect {
        Dialect::Chat => vec![
            r#"{"id":"b1","object":"chat.completion.chunk","created":9,"model":"m-b","choices":[{"index":0,"delta":{"role":"assistant","content":"three"}}]}"#,
            r#"{"id":"b1","object":"chat.completion.chunk","created":9,"model":"m-b","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}]}}]}"#,
            r#"{"id":"b1","object":"chat.completion.chunk","created":9,"model":"m-b","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#,
            r#"{"id":"b1","object":"chat.completion.chunk","created":9,"model":"m-b","choices":[],"usage":{"prompt_tokens":20,"completion_tokens":5,"total_tokens":25}}"#,
            "[DONE]",
        ],
        Dialect::Messages => vec![
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
fn begun(from: Dialect, to: Dialect) -> Vec<Frame> {
    let bytes = Bytes::from(framed(from, first(from)));
    let mut frames = Vec::new();
    if from == to {
        Decoder::carrying(from, 1).feed(bytes, &mut frames).expect("frames");
    } else {
        let mut crossing = Crossing::new(between(from, to), 1 << 20).marking();
        crossing.feed(bytes, &mut frames).expect("frames");
    }
    frames
}

fn between(from: Dialect, to: Dialect) -> CrossingPlan {
    CrossingPlan { from, to, ..plan(from) }
}

/// Where a stream stands behind these frames, and its name: as `policy::Told` takes it.
fn standing(frames: &[Frame], crossed: bool) -> Resume {
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
        } else if let (Event::Open(block, _), false) = (event, crossed) {
            resume.mark = Mark { next: block.index + 1, open: Some(block.kind), signed: false };
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
    for to in Dialect::ALL {
        for (from, then) in Dialect::ALL.into_iter().flat_map(|a| Dialect::ALL.map(|b| (a, b))) {
            let frames = begun(from, to);
            for place in 1..=frames.len() {
                let shown = &frames[..place];
                let mut bytes: Vec<u8> =
                    shown.iter().flat_map(|frame| frame.bytes.to_vec()).collect();
                let resume = standing(shown, from != to);
                let mut more = Vec::new();
                let mut crossing = Crossing::resumed(between(then, to), resume, 1 << 20);
                let rest = Bytes::from(framed(then, second(then)));
                crossing.feed(rest, &mut more).expect("frames");
                bytes.extend(more.iter().flat_map(|frame| frame.bytes.to_vec()));
                bytes.extend_from_slice(&crossing.end());
                let told = legal::read(to, &bytes, true);
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
fn what_is_held_back_is_not_written() {
    for to in Dialect::ALL {
        let resume = standing(&begun(to, to), false);
        let mut crossing = Crossing::resumed(between(to, to), resume, 1 << 20);
        let rest = Bytes::from(framed(to, second(to)));
        let mut more = Vec::new();
        let text = |event: &Event| matches!(event, Event::Delta(block, _) if block.kind == BlockKind::Text);
        let sieve = |events: &mut ir::Events| {
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
