//! `OpenAI` Responses: which item an event is of, where indexes alone do not say it.

use super::wholes::{
    DELTA, END, OPEN, TOOL, contradicted, item_done, last, message, part, part_done, text_done,
    told,
};
use super::{MESSAGE, PART, TEXT, completed};

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

/// Before 2026 vLLM counted on before it said that an item is done.
#[test]
fn a_text_that_ends_under_the_next_number_is_told_once() {
    let at = |line: &str, number: u32| {
        let named = line.replace(r#""output_index":0"#, r#""item_id":"m","output_index":0"#);
        named.replace(r#""output_index":0"#, &format!(r#""output_index":{number}"#))
    };
    let begun = MESSAGE.replace(r#"{"type":"message"}"#, r#"{"type":"message","id":"m"}"#);
    let item = message(r#""a""#).replace(r#""content""#, r#""id":"m","content""#);
    let lines = [
        begun,
        at(PART, 0),
        at(TEXT, 0),
        at(&text_done(r#""a""#), 1),
        at(&part_done(r#""a""#), 1),
        at(&item_done(&item), 1),
        last(r#""a""#),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    told(&lines, &["-", "open text 0", DELTA, "-", "close text 0", "-", END], &["a"]);
}

/// llama.cpp gives its items no numbers, and calls no ids but those of the call.
#[test]
fn items_without_numbers_are_told_apart_by_their_ids() {
    let added = |item: &str| format!(r#"{{"type":"response.output_item.added","item":{item}}}"#);
    let done = |item: &str| format!(r#"{{"type":"response.output_item.done","item":{item}}}"#);
    let of = |event: &str, id: &str, rest: &str| {
        format!(r#"{{"type":"response.{event}","item_id":"{id}",{rest}}}"#)
    };
    let call = |id: &str, arguments: &str| {
        format!(
            r#"{{"type":"function_call","call_id":"{id}","name":"f","arguments":"{arguments}"}}"#
        )
    };
    let thought = |text: &str| {
        format!(
            r#"{{"type":"reasoning","id":"r","content":[{{"type":"reasoning_text","text":"{text}"}}]}}"#
        )
    };
    let said = |text: &str| message(text).replace(r#""content""#, r#""id":"m","content""#);
    let part = |text: &str| format!(r#""part":{}"#, part(text));
    let list = [thought("t"), said(r#""a""#), call("c1", "{}"), call("c2", "{}")];
    let lines = [
        added(&thought("")),
        of("reasoning_text.delta", "r", r#""delta":"t""#),
        added(r#"{"type":"message","id":"m","content":[]}"#),
        of("content_part.added", "m", &part(r#""""#)),
        of("output_text.delta", "m", r#""delta":"a""#),
        added(&call("c1", "")),
        of("function_call_arguments.delta", "c1", r#""delta":"{}""#),
        added(&call("c2", "")),
        of("function_call_arguments.delta", "c2", r#""delta":"{}""#),
        done(&list[0]),
        of("output_text.done", "m", r#""text":"a""#),
        of("content_part.done", "m", &part(r#""a""#)),
        done(&list[1]),
        done(&list[2]),
        done(&list[3]),
        completed(&format!("[{}]", list.join(","))),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let expect = [
        "open reasoning 0, progress",
        "delta reasoning 0",
        "-",
        "open text 1/0",
        "delta text 1/0",
        "open tool 2/0",
        "delta tool 2/0",
        "open tool 3/0",
        "delta tool 3/0",
        "progress, close reasoning 0",
        "-",
        "close text 1/0",
        "-",
        "close tool 2/0",
        "close tool 3/0",
        "finish Tool, end",
    ];
    told(&lines, &expect, &["a", "{}", "{}"]);
}

/// Without ids it is the item that is open.
#[test]
fn items_without_anything_are_those_that_are_open() {
    let added = |item: &str| format!(r#"{{"type":"response.output_item.added","item":{item}}}"#);
    let done = |item: &str| format!(r#"{{"type":"response.output_item.done","item":{item}}}"#);
    let open = [
        added(r#"{"type":"message"}"#),
        r#"{"type":"response.output_text.delta","delta":"a"}"#.to_owned(),
        done(&message(r#""a""#)),
        added(r#"{"type":"function_call","name":"f"}"#),
        r#"{"type":"response.function_call_arguments.delta","delta":"{}"}"#.to_owned(),
        done(r#"{"type":"function_call","arguments":"{}"}"#),
        r#"{"type":"response.function_call_arguments.delta","delta":"{}"}"#.to_owned(),
    ];
    let lines: Vec<&str> = open.iter().map(String::as_str).collect();
    let expect = [
        "-",
        OPEN,
        "close text 0",
        "open tool 1/0",
        "delta tool 1/0",
        "close tool 1/0",
        "malformed: an event of an item without its index",
    ];
    told(&lines, &expect, &["a", "{}"]);
}

/// Ids that several have, or that are none.
#[test]
fn ids_are_not_believed_against_numbers() {
    let done = |index: u32, id: &str, text: &str| {
        let item = message(text).replace(r#""content""#, &format!(r#""id":"{id}","content""#));
        item_done(&item).replace(r#""output_index":0"#, &format!(r#""output_index":{index}"#))
    };
    let (first, second) = (
        "open text 0, delta text 0, close text 0",
        "open text 1/0, delta text 1/0, close text 1/0",
    );
    let (one, two) = (done(0, "x", r#""a""#), done(1, "x", r#""b""#));
    told(&[&one, &two], &[first, second], &["a", "b"]);
    let other = done(0, "y", r#""b""#);
    told(&[&one, &other], &[first, "malformed: an item that became another"], &["a"]);
    told(&[&one, &one], &[first, "repeated: output_item.done of an item that is done"], &["a"]);
    // A text has to be in a message.
    let (tool, text) = (TOOL, text_done(r#""a""#));
    let nowhere = "malformed: a text in an item that is no message";
    told(&[tool, &text], &["open other 0", nowhere], &[]);
    told(&[tool, &part_done(r#""a""#)], &["open other 0", nowhere], &[]);
    told(&[tool, &part_done(r#""""#)], &["open other 0", "-"], &[]);
}

/// `LiteLLM` gives a text the number of the thoughts before it, and neither an event of its own nor always
/// one id.
#[test]
fn a_text_under_the_number_of_thoughts_begins_anew() {
    let added = r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"reasoning","id":"r"}}"#;
    let thought = r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"reasoning","id":"r"}}"#;
    let text = TEXT.replace(r#""output_index""#, r#""item_id":"m","output_index""#);
    let ended = text_done(r#""a""#).replace(r#""output_index""#, r#""item_id":"m","output_index""#);
    for id in ["m", "chatcmpl"] {
        let item = message(r#""a""#).replace(r#""content""#, &format!(r#""id":"{id}","content""#));
        let last = completed(&format!(r#"[{{"type":"reasoning","id":"r"}},{item}]"#));
        let lines = [
            added,
            thought,
            &text,
            &text,
            &ended.replace("\"a\"", "\"aa\""),
            &item_done(&item.replace("\"a\"", "\"aa\"")),
            &last.replace("\"a\"", "\"aa\""),
        ];
        let expect = [
            "open reasoning 0, progress",
            "progress, close reasoning 0",
            "open text 1/0, delta text 1/0",
            "delta text 1/0",
            "-",
            "close text 1/0",
            END,
        ];
        told(&lines, &expect, &["a", "a"]);
    }
}
