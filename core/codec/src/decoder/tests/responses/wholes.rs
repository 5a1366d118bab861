//! `OpenAI` Responses: what comes whole against what came in pieces, and what only the last event has.

use super::{CALL, CREATED, MESSAGE, PART, TEXT, completed, incomplete, responses};
use crate::proof::{feed_carrying, framed};
use bytes::Bytes;
use ir::{Aside, Dialect, Event, Piece};

const MORE: &str =
    r#"{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"b"}"#;
pub(super) const TOOL: &str =
    r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"file_search_call"}}"#;
pub(super) const OPEN: &str = "open text 0, delta text 0";
pub(super) const DELTA: &str = "delta text 0";
pub(super) const END: &str = "finish Stop, end";

pub(super) fn text_done(text: &str) -> String {
    format!(
        r#"{{"type":"response.output_text.done","output_index":0,"content_index":0,"text":{text}}}"#
    )
}

pub(super) fn part(text: &str) -> String {
    format!(r#"{{"type":"output_text","text":{text}}}"#)
}

pub(super) fn part_done(text: &str) -> String {
    let part = part(text);
    format!(
        r#"{{"type":"response.content_part.done","output_index":0,"content_index":0,"part":{part}}}"#
    )
}

pub(super) fn message(text: &str) -> String {
    format!(r#"{{"type":"message","content":[{}]}}"#, part(text))
}

pub(super) fn item_done(item: &str) -> String {
    format!(r#"{{"type":"response.output_item.done","output_index":0,"item":{item}}}"#)
}

pub(super) fn last(text: &str) -> String {
    completed(&format!("[{}]", message(text)))
}

/// What an answer means behind its beginning, and what it said, piece by piece; nothing contradicts that.
#[track_caller]
pub(super) fn told(lines: &[&str], expect: &[&str], said: &[&str]) {
    contradicted(lines, expect, said, &[]);
}

/// The same, and which of its lines say that it was something else.
#[track_caller]
pub(super) fn contradicted(lines: &[&str], expect: &[&str], said: &[&str], by: &[usize]) {
    responses(&[&[CREATED], lines].concat(), &[&["start"], expect].concat());
    let bytes = Bytes::from(framed(Dialect::Responses, lines.iter().copied()));
    let frames = feed_carrying(Dialect::Responses, 1, &[bytes]);
    let mut heard = Vec::new();
    for event in frames.iter().flat_map(|frame| &frame.events) {
        if let Event::Delta(_, Piece::Text(text) | Piece::Arguments(text)) = event {
            heard.push(&**text);
        }
    }
    assert_eq!(heard, said, "{lines:?}");
    let aside = |event: &&Event| matches!(event, Event::Aside(Aside::Contradicted));
    let asides = frames.iter().map(|frame| frame.events.iter().filter(aside).count());
    let lines_of = asides.enumerate().flat_map(|(line, times)| std::iter::repeat_n(line, times));
    assert_eq!(lines_of.collect::<Vec<_>>(), by, "{lines:?}");
}

#[test]
fn the_rest_of_a_text_is_told_when_it_comes_whole() {
    let (more, whole) = (r#""ab""#, "delta text 0, close text 0");
    let (text, part, item, last) =
        (&*text_done(more), &*part_done(more), &*item_done(&message(more)), &*last(more));
    for (lines, expect) in [
        (&[text, part, item, last][..], &[OPEN, DELTA, "close text 0", "-", END][..]),
        (&[part, item, last], &[OPEN, whole, "-", END]),
        (&[item, last], &[OPEN, whole, END]),
        (&[last], &[OPEN, "delta text 0, close text 0, finish Stop, end"]),
        (&[text, last], &[OPEN, DELTA, "close text 0, finish Stop, end"]),
    ] {
        told(&[&[TEXT], lines].concat(), expect, &["a", "b"]);
    }
    // A part that was closed without a word begins once more.
    let empty = part_done(r#""""#);
    told(
        &[MESSAGE, PART, &empty, item],
        &["-", "open text 0", "close text 0", "open text 0, delta text 0, close text 0"],
        &["ab"],
    );
    // So does a message.
    told(
        &[&item_done(r#"{"type":"message","content":[]}"#), last],
        &["-", "open text 0, delta text 0, close text 0, finish Stop, end"],
        &["ab"],
    );
}

#[test]
fn a_text_that_is_not_what_was_said_of_it_contradicts_that() {
    for other in ["x", "a", "ac", "abb"].map(|text| format!("\"{text}\"")) {
        let longer = other == r#""abb""#;
        let (part, item) = (part_done(&other), item_done(&message(&other)));
        let last = last(&other);
        for (line, means) in [
            (&text_done(&other), "-"),
            (&part, "close text 0"),
            (&item, "close text 0"),
            (&last, "close text 0, finish Stop, end"),
        ] {
            if !longer {
                let lines = [TEXT, MORE, line];
                contradicted(&lines, &[OPEN, DELTA, means], &["a", "b"], &[2]);
            }
        }
        // It was closed: what is more cannot be told either.
        let closed = part_done(r#""ab""#);
        let (lines, means) = ([TEXT, MORE, &closed, &item], [OPEN, DELTA, "close text 0", "-"]);
        contradicted(&lines, &means, &["a", "b"], &[3]);
    }
}

/// A server that says several tokens in one step loses all but the last of them; what it has whole is
/// right.
#[test]
fn pieces_that_were_lost_are_no_broken_answer() {
    let piece = |text: &str| TEXT.replace(r#""delta":"a""#, &format!(r#""delta":"{text}""#));
    let whole = r#""Hello world!""#;
    let lines = [
        MESSAGE,
        PART,
        &piece("Hello"),
        &piece("!"),
        &text_done(whole),
        &part_done(whole),
        &item_done(&message(whole)),
        &last(whole),
    ];
    let means = ["-", "open text 0", "delta text 0 ×2", "-", "close text 0", "-", END];
    contradicted(&lines, &means, &["Hello", "!"], &[4]);
    // What is more behind that is no more of it.
    let longer = part_done(r#""Hello!!""#);
    let lines = [&lines[..5], &[&longer]].concat();
    contradicted(&lines, &means[..5], &["Hello", "!"], &[4]);
}

/// A filter that shortens what was said has not lost a piece: it is why the answer stops.
#[test]
fn what_a_filter_shortens_is_no_hole() {
    let refused = |text: &str| {
        let output = format!(r#""output":[{}]"#, message(text));
        incomplete("content_filter").replace(r#""output":[]"#, &output)
    };
    let stop = "close text 0, finish Refusal, end";
    for less in [r#""a""#, r#""x""#, r#""""#] {
        told(&[TEXT, MORE, &refused(less)], &[OPEN, DELTA, stop], &["a", "b"]);
    }
    let short = text_done(r#""a""#);
    let lines = [TEXT, MORE, &short, &refused(r#""a""#)];
    contradicted(&lines, &[OPEN, DELTA, "-", stop], &["a", "b"], &[2]);
}

/// A token that ends within a character is shown as U+FFFD; the whole has the character.
#[test]
fn a_character_that_was_cut_is_no_hole() {
    for piece in ["Hi \u{fffd}\u{fffd}", r"Hi \ufffd"] {
        let delta = TEXT.replace(r#""delta":"a""#, &format!(r#""delta":"{piece}""#));
        let whole = r#""Hi \ud83d\ude00""#;
        let lines = [&delta, &text_done(whole), &part_done(whole), &item_done(&message(whole))];
        told(&lines.map(String::as_str), &[OPEN, "-", "close text 0", "-"], &[piece]);
    }
}

/// A text that came whole has had its pieces, also those that come behind it.
#[test]
fn pieces_behind_the_whole_are_none() {
    let whole = text_done(r#""ab""#);
    for ends in [
        [part_done(r#""ab""#), item_done(&message(r#""ab""#))],
        [item_done(&message(r#""ab""#)), last(r#""ab""#)],
    ] {
        let lines = [TEXT, &whole, MORE, MORE, &ends[0]];
        told(&lines, &[OPEN, DELTA, "- ×2", "close text 0"], &["a", "b"]);
    }
}

#[test]
fn what_servers_leave_out_or_spell_otherwise_is_no_hole() {
    for same in [r#""""#, "null", "[]", r#""ab""#, r#"" ab""#, r#""\u0061\u0062""#] {
        let item = item_done(&message(same));
        let lines = [TEXT, MORE, &text_done(same), &part_done(same), &item, &last(same)];
        told(&lines, &[OPEN, DELTA, "-", "close text 0", "-", END], &["a", "b"]);
    }
    for item in [r#"{"type":"message"}"#, r#"{"type":"message","content":[]}"#] {
        let end = completed(&format!("[{item}]"));
        told(&[TEXT, &item_done(item), &end], &[OPEN, "close text 0", END], &["a"]);
    }
    // What is more behind the end of its part is white space.
    let (closed, white) = (part_done(r#""ab""#), item_done(&message(r#"" ab\n ""#)));
    told(&[TEXT, MORE, &closed, &white], &[OPEN, DELTA, "close text 0", "-"], &["a", "b"]);
    // Nothing was said at all.
    let silent = message(r#""""#);
    let end = completed(&format!("[{silent}]"));
    told(&[&item_done(&silent), &end], &["open text 0, close text 0", END], &[]);
    // The marks of what a tool found are taken from the text.
    let at = |line: &str| line.replace(r#""output_index":0"#, r#""output_index":1"#);
    let (text, other) = (at(TEXT), r#""x""#);
    let lines = [
        TOOL,
        &text,
        &at(&text_done(other)),
        &at(&part_done(other)),
        &at(&item_done(&message(other))),
    ];
    let expect = ["open other 0", "open text 1/0, delta text 1/0", "-", "close text 1/0", "-"];
    told(&lines, &expect, &["a"]);
    // Nobody knows whether the pieces begin with the text that a part began with.
    let begun = PART.replace(r#""text":"""#, r#""text":"x""#);
    let lines = [MESSAGE, &begun, TEXT, &part_done(r#""xa""#)];
    told(&lines, &["-", "open text 0", DELTA, "close text 0"], &["a"]);
}

#[test]
fn the_rest_of_a_call_is_told_when_it_comes_whole() {
    let piece =
        r#"{"type":"response.function_call_arguments.delta","output_index":0,"delta":"{\"a\":"}"#;
    let call = |arguments: &str| format!(r#"{{"type":"function_call","arguments":{arguments}}}"#);
    let done = |arguments: &str| {
        format!(
            r#"{{"type":"response.function_call_arguments.done","output_index":0,"arguments":{arguments}}}"#
        )
    };
    let (open, delta, close) = ("open tool 0", "delta tool 0", "close tool 0");
    let whole = r#""{\"a\":1}""#;
    let item = item_done(&call(whole));
    told(
        &[CALL, piece, &done(whole), &item],
        &[open, "delta tool 0 ×2", close],
        &[r#"{\"a\":"#, "1}"],
    );
    let both = "delta tool 0, close tool 0";
    told(&[CALL, piece, &item], &[open, delta, both], &[r#"{\"a\":"#, "1}"]);
    let end = completed(&format!("[{}]", call(whole)));
    let ended = "delta tool 0, close tool 0, finish Tool, end";
    told(&[CALL, piece, &end], &[open, delta, ended], &[r#"{\"a\":"#, "1}"]);
    // Spelled anew, or left out: the pieces are what was said.
    let rest = piece.replace(r#"{\"a\":"#, r#"1,\"b\":2}"#);
    let two = &[r#"{\"a\":"#, r#"1,\"b\":2}"#];
    for same in [r#""{ \"b\": 2, \"a\": 1}""#, r#""""#, "null", r#"{"b":2,"a":1}"#] {
        let lines = [CALL, piece, &rest, &done(same), &item_done(&call(same))];
        told(&lines, &[open, "delta tool 0 ×2", "-", close], two);
    }
    // A piece of them was lost.
    for other in [r#""{ \"a\": 1}""#, r#"{"b":1}"#] {
        let lines = [CALL, piece, &done(other), &item_done(&call(other))];
        contradicted(&lines, &[open, delta, "-", close], &two[..1], &[2]);
    }
}

#[test]
fn what_only_the_last_event_has_is_told_by_it() {
    let (text, call) = (message(r#""b""#), r#"{"type":"function_call","arguments":"{}"}"#);
    let first = message(r#""a""#);
    let thought = r#"{"type":"reasoning","summary":[{"type":"summary_text","text":"t"}]}"#;
    let tool = r#"{"type":"web_search_call"}"#;
    let done = item_done(&first);
    let whole = "open text 0, delta text 0, close text 0";
    let second = "open text 1/0, delta text 1/0, close text 1/0, finish Stop, end";
    let called = "open tool 1/0, delta tool 1/0, close tool 1/0, finish Tool, end";
    for (output, expect, said) in [
        (format!("[{first},{text}]"), second, &["a", "b"][..]),
        (format!("[{first},{call}]"), called, &["a", "{}"]),
        (
            format!("[{first},{thought}]"),
            "open reasoning 1/0, progress, delta reasoning 1/0, progress, close reasoning 1/0, finish Stop, end",
            &["a"],
        ),
        (
            format!("[{first},{tool}]"),
            "open other 1/0, delta other 1/0, close other 1/0, finish Stop, end",
            &["a"],
        ),
        (format!("[{first}]"), END, &["a"]),
        ("[]".to_owned(), END, &["a"]),
    ] {
        told(&[&done, &completed(&output)], &[whole, expect], said);
    }
    // The limit cut it: it is part of what there is.
    let cut = incomplete("max_output_tokens")
        .replace(r#""output":[]"#, &format!(r#""output":[{first},{call}]"#));
    let length = called.replace("Tool, end", "Length, end");
    told(&[&done, &cut], &[whole, &length], &["a", "{}"]);
}

/// A part that says nothing may be left out of the whole.
#[test]
fn a_text_behind_an_empty_part_is_told_once() {
    let part = |place: u32, event: &str, text: &str| {
        format!(
            r#"{{"type":"response.content_part.{event}","output_index":0,"content_index":{place},"part":{}}}"#,
            part(text)
        )
    };
    let text =
        r#"{"type":"response.output_text.delta","output_index":0,"content_index":1,"delta":"b"}"#;
    let item = item_done(&message("\"b\""));
    let last = last("\"b\"");
    let lines = [
        MESSAGE.to_owned(),
        part(0, "added", "\"\""),
        part(0, "done", "\"\""),
        part(1, "added", "\"\""),
        text.to_owned(),
        part(1, "done", "\"b\""),
        item,
        last,
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let expect = [
        "-",
        "open text 0",
        "close text 0",
        "open text 1",
        "delta text 1",
        "close text 1",
        "-",
        END,
    ];
    told(&lines, &expect, &["b"]);
}
