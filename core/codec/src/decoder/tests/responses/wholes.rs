//! `OpenAI` Responses: what comes whole against what came in pieces, and what only the last event has.

use super::{CALL, CREATED, MESSAGE, PART, TEXT, completed, incomplete, responses};
use crate::proof::{feed_carrying, framed};
use bytes::Bytes;
use ir::{Aside, Dialect, Event, Piece};

const MORE: &str =
    r#"{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"b"}"#;
const TOOL: &str =
    r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"file_search_call"}}"#;
const OPEN: &str = "open text 0, delta text 0";
const DELTA: &str = "delta text 0";
const END: &str = "finish Stop, end";

fn text_done(text: &str) -> String {
    format!(
        r#"{{"type":"response.output_text.done","output_index":0,"content_index":0,"text":{text}}}"#
    )
}

fn part(text: &str) -> String {
    format!(r#"{{"type":"output_text","text":{text}}}"#)
}

fn part_done(text: &str) -> String {
    let part = part(text);
    format!(
        r#"{{"type":"response.content_part.done","output_index":0,"content_index":0,"part":{part}}}"#
    )
}

fn message(text: &str) -> String {
    format!(r#"{{"type":"message","content":[{}]}}"#, part(text))
}

fn item_done(item: &str) -> String {
    format!(r#"{{"type":"response.output_item.done","output_index":0,"item":{item}}}"#)
}

fn last(text: &str) -> String {
    completed(&format!("[{}]", message(text)))
}

/// What an answer means behind its beginning, and what it said, piece by piece; nothing contradicts that.
#[track_caller]
fn told(lines: &[&str], expect: &[&str], said: &[&str]) {
    contradicted(lines, expect, said, &[]);
}

/// The same, and which of its lines say that it was something else.
#[track_caller]
fn contradicted(lines: &[&str], expect: &[&str], said: &[&str], by: &[usize]) {
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

#[test]
fn items_without_their_places_are_told_once() {
    let (text, call) = (message(r#""a""#), r#"{"type":"function_call","arguments":"{}"}"#);
    let thought = r#"{"type":"reasoning","summary":[]}"#;
    let at = |index: u32, item: &str| {
        item_done(item).replace(r#""output_index":0"#, &format!(r#""output_index":{index}"#))
    };
    let third = "open text 2/0, delta text 2/0, close text 2/0";
    // The list counts from nought, or leaves out what was thought.
    for output in [
        format!("[{text}]"),
        format!("[{thought},{text}]"),
        format!("[{text},{tool}]", tool = r#"{"type":"x"}"#),
    ] {
        told(&[&at(2, &text), &completed(&output)], &[third, END], &["a"]);
    }
    let calls = completed(&format!("[{call},{call}]"));
    let two = "open tool 1/0, delta tool 1/0, close tool 1/0";
    told(
        &[&at(1, call), &at(2, call), &calls],
        &[two, "open tool 2/0, delta tool 2/0, close tool 2/0", "finish Tool, end"],
        &["{}", "{}"],
    );
    // There was none of its kind: it is new, and has a place of its own.
    let tool = |place: &str| {
        ["open", "delta", "close"].map(|what| format!("{what} tool {place}, ")).concat()
            + "finish Tool, end"
    };
    let both = completed(&format!("[{text},{call}]"));
    told(&[&at(2, &text), &both], &[third, &tool("1/0")], &["a", "{}"]);
    // There was, and nobody knows which of them it was.
    let both = completed(&format!("[{text},{text}]"));
    contradicted(&[&at(2, &text), &both], &[third, END], &["a"], &[1]);
    // The places are there, and what was told stands at another.
    let (final_, whole) = (message(r#""f""#), "open text 0, delta text 0, close text 0");
    let both = completed(&format!("[{text},{final_}]"));
    contradicted(&[&at(0, &final_), &both], &[whole, END], &["f"], &[1]);
    let begun = TEXT.replace(r#""delta":"a""#, r#""delta":"f""#);
    let means = [OPEN, "close text 0, finish Stop, end"];
    contradicted(&[&begun, &both], &means, &["f"], &[1]);
    let other = r#"{"type":"function_call","arguments":"{\"a\":1}"}"#;
    let both = completed(&format!("[{other},{call}]"));
    let called = "open tool 0, delta tool 0, close tool 0";
    contradicted(&[&at(0, call), &both], &[called, "finish Tool, end"], &["{}"], &[1]);
    // A message without a word is none more.
    let empty = completed(&format!(r#"[{text},{{"type":"message","content":[]}}]"#));
    told(&[&at(2, &text), &empty], &[third, END], &["a"]);
    let far = at(0xFFFF, &text);
    let end = completed(&format!("[{text},{call}]"));
    let place = third.replace("2/0", "65535/0");
    told(&[&far, &end], &[&place, &tool("1/0")], &["a", "{}"]);
    let end = completed(&format!("[{call},{text}]"));
    told(&[&far, &end], &[&place, &tool("0")], &["a", "{}"]);
}

/// Ollama gives a message and the calls behind it one `output_index`: they are told apart by their ids.
#[test]
fn items_with_one_number_are_told_apart_by_their_ids() {
    let added = |item: &str| {
        format!(r#"{{"type":"response.output_item.added","output_index":0,"item":{item}}}"#)
    };
    let call = |id: &str, arguments: &str| {
        format!(
            r#"{{"type":"function_call","id":"{id}","call_id":"c_{id}","name":"f","arguments":"{arguments}"}}"#
        )
    };
    let piece = |id: &str| {
        format!(
            r#"{{"type":"response.function_call_arguments.delta","item_id":"{id}","output_index":0,"delta":"{{}}"}}"#
        )
    };
    let text = r#"{"type":"response.output_text.delta","item_id":"m","output_index":0,"content_index":0,"delta":"a"}"#;
    let begun = added(r#"{"type":"message","id":"m","content":[]}"#);
    let calls = ["f1", "f2"].map(|id| {
        [added(&call(id, "")), piece(id), item_done(&call(id, "{}")), added(&call(id, ""))]
    });
    let last = completed(&format!("[{}, {}]", call("f1", "{}"), call("f2", "{}")));
    let lines: Vec<&str> = [begun.as_str(), text]
        .into_iter()
        .chain(calls.iter().flatten().map(String::as_str))
        .chain([last.as_str()])
        .collect();
    let again = "repeated: output_item.added of an item that is there";
    let expect = [
        "-",
        OPEN,
        "open tool 1/0",
        "delta tool 1/0",
        "close tool 1/0",
        again,
        "open tool 2/0",
        "delta tool 2/0",
        "close tool 2/0",
        again,
        "close text 0, finish Tool, end",
    ];
    told(&lines, &expect, &["a", "{}", "{}"]);
}

/// An item that was not done stands in the last event, where that may be.
#[test]
fn items_are_found_in_the_last_event() {
    let added = |index: u32, item: &str| {
        format!(r#"{{"type":"response.output_item.added","output_index":{index},"item":{item}}}"#)
    };
    let call = |id: &str, arguments: &str| {
        format!(r#"{{"type":"function_call","id":"{id}","name":"f","arguments":"{arguments}"}}"#)
    };
    let named = |id: &str, text: &str| {
        message(text)
            .replace("{\"type\":\"message\"", &format!("{{\"type\":\"message\",\"id\":\"{id}\""))
    };
    let (first, second) = (added(0, &call("f1", "")), added(2, &call("f2", "")));
    let opened = ["open tool 0", "open tool 2/0"];
    let both = "delta tool 0, close tool 0, delta tool 2/0, close tool 2/0, finish Tool, end";
    let turned = "delta tool 2/0, close tool 2/0, delta tool 0, close tool 0, finish Tool, end";
    let front = "open text 3/0, delta text 3/0, close text 3/0, ";
    let whole = |id: &str, value: u8| call(id, &format!("{{\\\"v\\\":{value}}}"));
    let (one, two) = (whole("f1", 1), whole("f2", 2));
    let text = named("m", "\"x\"");
    let (said_one, said_two) = (r#"{\"v\":1}"#, r#"{\"v\":2}"#);
    for (output, end, said) in [
        // One was left out between them, and stands there or not.
        (format!("[{one},{two}]"), both.to_owned(), vec![said_one, said_two]),
        (
            format!(r#"[{one},{{"type":"x","id":"x1"}},{two}]"#),
            format!(
                "delta tool 0, close tool 0, open other 1/0, delta other 1/0, close other 1/0, {}",
                "delta tool 2/0, close tool 2/0, finish Tool, end"
            ),
            vec![said_one, said_two],
        ),
        // By their ids, whatever their order is.
        (format!("[{two},{one}]"), turned.to_owned(), vec![said_two, said_one]),
        // What only the list has stands in front.
        (format!("[{text},{one},{two}]"), format!("{front}{both}"), vec!["x", said_one, said_two]),
        // Their ids are others by then: by their order.
        (
            format!("[{},{}]", whole("g1", 1), whole("g2", 2)),
            both.to_owned(),
            vec![said_one, said_two],
        ),
        (
            format!("[{text},{},{}]", whole("g1", 1), whole("g2", 2)),
            format!("{front}{both}"),
            vec!["x", said_one, said_two],
        ),
    ] {
        let end_of_it = end.as_str();
        told(&[&first, &second, &completed(&output)], &[opened[0], opened[1], end_of_it], &said);
    }
}

/// vLLM ends what a tool of its own did under the next number, and counts the parts of what was thought with
/// every event.
#[test]
fn what_ends_under_another_number_is_known_by_its_id() {
    let added = |index: u32, kind: &str, id: &str| {
        format!(
            r#"{{"type":"response.output_item.added","output_index":{index},"item":{{"type":"{kind}","id":"{id}"}}}}"#
        )
    };
    let thought = |event: &str, place: u32, text: &str| {
        format!(
            r#"{{"type":"response.reasoning_text.{event},"item_id":"r","output_index":0,"content_index":{place},{text}}}"#
        )
    };
    let lines = [
        added(0, "reasoning", "r"),
        thought("delta\"", 1, r#""delta":"a""#),
        thought("delta\"", 2, r#""delta":"b""#),
        thought("done\"", 3, r#""text":"ab""#),
        added(1, "mcp_call", "c"),
        r#"{"type":"response.output_item.done","output_index":2,"item":{"type":"mcp_call","id":"c"}}"#
            .to_owned(),
        added(2, "message", "m"),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let expect = [
        "open reasoning 0, progress",
        "delta reasoning 0 ×2",
        "-",
        "open other 1/0",
        "delta other 1/0, close other 1/0",
        "-",
    ];
    told(&lines, &expect, &[]);
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
