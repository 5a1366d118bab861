//! Texts of Responses whose `content_index` is not the place of their part: each is one part, said once.

use super::resumed::kept;
use crate::Crossing;
use crate::proof::{feed_carrying, framed};
use bytes::Bytes;
use ir::{Aside, BlockKind, Dialect, Event, Piece};

fn added(output: u32, kind: &str) -> String {
    format!(
        r#"{{"type":"response.output_item.added","output_index":{output},"item":{{"type":"{kind}","id":"i_{output}","content":[]}}}}"#
    )
}

fn part(event: &str, [output, content]: [u32; 2], text: &str) -> String {
    format!(
        r#"{{"type":"response.content_part.{event}","output_index":{output},"content_index":{content},"part":{{"type":"output_text","text":"{text}"}}}}"#
    )
}

fn said(event: &str, [output, content]: [u32; 2], text: &str) -> String {
    let key = if event == "delta" { "delta" } else { "text" };
    format!(
        r#"{{"type":"response.output_text.{event}","output_index":{output},"content_index":{content},"{key}":"{text}"}}"#
    )
}

fn done(output: u32, texts: &[&str]) -> String {
    format!(
        r#"{{"type":"response.output_item.done","output_index":{output},"item":{}}}"#,
        message(texts)
    )
}

fn message(texts: &[&str]) -> String {
    let part = |text: &&str| format!(r#"{{"type":"output_text","text":"{text}"}}"#);
    let parts: Vec<String> = texts.iter().map(part).collect();
    format!(r#"{{"type":"message","content":[{}]}}"#, parts.join(","))
}

fn last(items: &[String]) -> String {
    format!(
        r#"{{"type":"response.completed","response":{{"status":"completed","output":[{}]}}}}"#,
        items.join(",")
    )
}

/// Natively, and behind a seam: the texts that are told and how many blocks they are, and whether the
/// whole contradicts them (`other`).
#[track_caller]
fn check(lines: &[String], (texts, opens): (&[&str], usize), other: bool) {
    let bytes = Bytes::from(framed(Dialect::Responses, lines.iter().map(String::as_str)));
    let frames = feed_carrying(Dialect::Responses, 1, std::slice::from_ref(&bytes));
    let events = || frames.iter().flat_map(|frame| &frame.events);
    let text: Vec<&str> = events().filter_map(text).collect();
    assert_eq!(text, texts, "{lines:#?}");
    let (mut open, mut begun, mut closed) = (0_usize, 0, 0);
    for event in events() {
        assert!(!matches!(event, Event::Malformed(_)), "{event:?}");
        if matches!(event, Event::Open(block, _) if block.kind == BlockKind::Text) {
            (open, begun) = (open + 1, begun + 1);
        }
        if matches!(event, Event::Close(block) if block.kind == BlockKind::Text) {
            (open, closed) = (open - 1, closed + 1);
        }
        assert!(open <= 1, "one after the other: {lines:#?}");
    }
    assert_eq!((begun, closed), (opens, opens), "{lines:#?}");
    let contradicted = events().any(|event| *event == Event::Aside(Aside::Contradicted));
    assert_eq!(contradicted, other, "{lines:#?}");
    let mut more = Vec::new();
    let mut crossing = Crossing::resumed_responses("bs_1".to_owned(), kept(&[], ""), 1 << 20);
    let fed = crossing.feed(bytes, &mut more);
    let all: Vec<u8> = more.iter().flat_map(|frame| frame.bytes.to_vec()).collect();
    let stream = String::from_utf8(all).expect("UTF-8");
    let data = stream.lines().filter_map(|line| line.strip_prefix("data: "));
    let events = data.map(|data| serde_json::from_str::<serde_json::Value>(data).expect("JSON"));
    let deltas = events.filter(|event| event["type"] == "response.output_text.delta");
    let deltas: String =
        deltas.map(|event| event["delta"].as_str().expect("a text").to_owned()).collect();
    assert_eq!(deltas, texts.concat(), "{fed:?} {stream}");
}

fn text(event: &Event) -> Option<&str> {
    if let Event::Delta(_, Piece::Text(text)) = event { Some(text) } else { None }
}

/// vLLM, without harmony: the index grows with every event.
#[test]
fn an_index_that_grows_is_of_the_part_that_is_open() {
    let whole = "one two";
    let [item, end] = [done(0, &[whole]), last(&[message(&[whole])])];
    let begun = [added(0, "message"), part("added", [0, 0], "")];
    let pieces = [said("delta", [0, 1], "one"), said("delta", [0, 2], " two")];
    let wholes = [said("done", [0, 3], whole), part("done", [0, 4], whole)];
    let ends = [item, end];
    let once = (&["one", " two"][..], 1);
    check(&[&begun[..], &pieces, &wholes, &ends].concat(), once, false);
    check(&[&begun[..], &pieces, &wholes[1..], &ends].concat(), once, false);
    check(&[&begun[..], &pieces, &ends].concat(), once, false);
    check(&[&begun[..], &pieces, &ends[1..]].concat(), once, false);
    // None was added: the first that is spoken of is open.
    check(&[&begun[..1], &pieces, &wholes, &ends].concat(), once, false);
    check(&[&pieces[..], &wholes, &ends].concat(), once, false);
    // The rest comes whole, and whole once more.
    let again = [said("done", [0, 5], whole)];
    let lines = [&begun[..], &pieces[..1], &wholes[..1], &again, &wholes[1..], &ends].concat();
    check(&lines, once, false);
}

/// vLLM, with harmony: the index is counted through all items.
#[test]
fn an_index_through_all_items_is_of_the_part_in_its_order() {
    let thought = r#"{"type":"reasoning","summary":[],"content":[]}"#;
    let done_thinking =
        format!(r#"{{"type":"response.output_item.done","output_index":0,"item":{thought}}}"#);
    let whole = "one two";
    let lines = [
        added(0, "reasoning"),
        r#"{"type":"response.reasoning_text.delta","output_index":0,"content_index":0,"delta":"hm"}"#.to_owned(),
        done_thinking,
        added(1, "message"),
        part("added", [1, 1], ""),
        said("delta", [1, 1], "one"),
        said("delta", [1, 1], " two"),
        said("done", [1, 1], whole),
        part("done", [1, 1], whole),
        done(1, &[whole]),
        last(&[thought.to_owned(), message(&[whole])]),
    ];
    check(&lines, (&["one", " two"], 1), false);
    for missing in [7..9, 7..10, 8..10, 9..10] {
        let lines: Vec<String> = (0..)
            .zip(&lines)
            .filter(|(n, _)| !missing.contains(n))
            .map(|(_, line)| line.clone())
            .collect();
        check(&lines, (&["one", " two"], 1), false);
    }
}

#[test]
fn parts_of_a_message_are_those_of_its_item_in_their_order() {
    let begun = |at: u32, text: &str| {
        let at = [0, at];
        [part("added", at, ""), said("delta", at, text), part("done", at, text)]
    };
    let two = [&[added(0, "message")][..], &begun(3, "one"), &begun(7, " two")].concat();
    let pieces = &["one", " two"][..];
    for (texts, all, opens, other) in [
        (&["one", " two"][..], pieces, 2, false),
        // One more, behind them.
        (&["one", " two", " three"], &["one", " two", " three"], 3, false),
        (&[], pieces, 2, false),
        // They became one, or one is left out, or was another.
        (&["one two"], pieces, 2, true),
        (&[" two"], pieces, 2, true),
        (&["ONE", " two", " three"], pieces, 2, true),
    ] {
        check(&[&two[..], &[done(0, texts)]].concat(), (all, opens), other);
    }
    // A part whose text has come is not gone on with: what has another index is another.
    let lines = [
        said("delta", [0, 0], "one"),
        said("done", [0, 0], "one"),
        part("done", [0, 0], "one"),
        said("delta", [0, 1], " two"),
        done(0, &["one", " two"]),
    ];
    check(&lines, (pieces, 2), false);
}
