//! Recorded streams as documents, documents there and back, every split, and the cases that
//! recordings do not have.

use super::Fold;
use crate::proof::{Recorded, cut, documents, feed, framed, golden, streams};
use crate::{Error, json, read_whole, unfold};
use bytes::Bytes;
use ir::{Dialect, Event, Finish, Frame, Usage};
use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};
use proptest::sample::Index;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::LazyLock;

const MAX: usize = 16 << 20;

static SHORT: LazyLock<Vec<Recorded>> =
    LazyLock::new(|| streams().into_iter().filter(|stream| stream.bytes.len() < 8 << 10).collect());

/// What these frames come to, and the first complaint.
fn fold(dialect: Dialect, frames: &[Frame]) -> (Value, Option<Error>) {
    let mut fold = Fold::new(dialect, MAX);
    let error = frames.iter().find_map(|frame| fold.take(frame).err());
    let document = fold.document();
    let text = String::from_utf8(document.to_vec()).unwrap();
    let value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text}"));
    (value, error)
}

fn folded(stream: &Recorded, pieces: &[Bytes]) -> Value {
    let (frames, _) = feed(stream.dialect, 1, pieces);
    let (value, error) = fold(stream.dialect, &frames);
    assert_eq!(error, None, "{}", stream.name);
    value
}

#[test]
fn recorded_streams_as_documents_golden() {
    for stream in streams() {
        let value = folded(&stream, std::slice::from_ref(&stream.bytes));
        golden(&format!("folded/{}.json", stream.name), &format!("{value:#}\n"));
        // The document says what the stream said, unless that was that it failed.
        let (frames, _) = feed(stream.dialect, 1, std::slice::from_ref(&stream.bytes));
        let whole = read_whole(stream.dialect, value.to_string().as_bytes()).unwrap();
        // One recording has several answers behind each other; the first counts.
        let events = frames.iter().flat_map(|frame| &frame.events);
        let events: Vec<&Event> = events.take_while(|event| **event != Event::End).collect();
        if events.iter().any(|event| matches!(event, Event::Fail(_))) {
            continue;
        }
        let (mut finish, mut usage) = (None, Usage::Unknown);
        for event in &events {
            if let Event::Finish(said, _) = event {
                finish = Some(*said);
            }
            if let Event::Usage(tokens) = event {
                usage = Usage::Exact(*tokens);
            }
        }
        assert_eq!(whole.finish, finish, "{}", stream.name);
        assert_eq!(whole.usage, usage, "{}", stream.name);
        assert_eq!(whole.empty, !events.iter().any(|event| event.is_content()), "{}", stream.name);
    }
}

/// Every path of keys in a document; items of an array share theirs.
fn paths(value: &Value, at: &str, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                let at = format!("{at}.{key}");
                into.insert(at.clone());
                paths(value, &at, into);
            }
        }
        Value::Array(items) => {
            for item in items {
                paths(item, at, into);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Streams that have a recorded whole twin, an answer to the same question at another time: what the
/// one has and the other has not.
#[test]
fn twins_have_the_same_keys_golden() {
    let documents = documents();
    let mut told = String::new();
    for stream in streams() {
        let stem = stream.name.trim_end_matches(".chunks.txt");
        let twin = documents.iter().find(|document| document.name == format!("{stem}.json"));
        let Some(twin) = twin else { continue };
        let (mut ours, mut theirs) = (BTreeSet::new(), BTreeSet::new());
        paths(&folded(&stream, std::slice::from_ref(&stream.bytes)), "", &mut ours);
        paths(&serde_json::from_slice(&twin.bytes).unwrap(), "", &mut theirs);
        let only = |left: &BTreeSet<String>, right: &BTreeSet<String>| {
            left.difference(right).cloned().collect::<Vec<_>>().join(" ")
        };
        write!(
            told,
            "{stem}\n  folded only: {}\n  whole only: {}\n",
            only(&ours, &theirs),
            only(&theirs, &ours)
        )
        .unwrap();
    }
    golden("folded-twins.txt", &told);
}

#[test]
fn documents_come_back() {
    for document in documents() {
        if read_whole(document.dialect, &document.bytes).is_err() {
            continue;
        }
        let frames = unfold(document.dialect, &document.bytes, true).unwrap();
        let (value, error) = fold(document.dialect, &frames);
        assert_eq!(error, None, "{}", document.name);
        let expect: Value = serde_json::from_slice(&document.bytes).unwrap();
        assert_eq!(value, expect, "{}", document.name);
    }
}

#[test]
fn every_split_gives_the_same() {
    for stream in streams() {
        let whole = folded(&stream, std::slice::from_ref(&stream.bytes));
        let length = stream.bytes.len();
        // Frames do not depend on splits (CD1): a few of each stream are enough.
        for place in (0..length).step_by(length / 13 + 1) {
            let pieces = cut(&stream.bytes, &[place, (place + 3).min(length)]);
            assert_eq!(folded(&stream, &pieces), whole, "{} cut at {place}", stream.name);
        }
    }
}

/// A document from the data of a stream's events, as text.
#[track_caller]
fn check(dialect: Dialect, lines: &[&str], expect: &str) {
    let bytes = Bytes::from(framed(dialect, lines.iter().copied()));
    let (frames, _) = feed(dialect, 1, &[bytes]);
    let mut fold = Fold::new(dialect, MAX);
    for frame in &frames {
        fold.take(frame).unwrap();
    }
    assert_eq!(String::from_utf8_lossy(&fold.document()), expect, "\nfrom {}", lines.join("\n"));
}

#[test]
fn chat_spellings_and_strangers_stay() {
    check(
        Dialect::Chat,
        &[
            r#"{"id":"","object":"chat.completion.chunk","new":{"a":1.0},"choices":[]}"#,
            r#"{"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":"\u0041\ud83d","odd":[1]},"logprobs":{"content":[{"token":"a"}]},"finish_reason":null,"mine":null}],"obfuscation":"xx"}"#,
            r#"{"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":"\ude00","odd":[2],"deep":{"x":"y","n":1e2}},"logprobs":{"content":[{"token":"b"}]}}]}"#,
            r#"{"id":"c","choices":[{"index":0,"delta":{"deep":{"x":"z","n":2}},"finish_reason":"stop","mine":{"k":[]}}],"usage":null}"#,
            r#"{"id":"c","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2.0}}"#,
            "[DONE]",
        ],
        r#"{"id":"c","object":"chat.completion","new":{"a":1.0},"choices":[{"index":0,"message":{"role":"assistant","content":"\u0041\ud83d\ude00","odd":[1,2],"deep":{"x":"yz","n":2},"refusal":null},"logprobs":{"content":[{"token":"a"},{"token":"b"}]},"finish_reason":"stop","mine":{"k":[]}}],"usage":{"prompt_tokens":1,"completion_tokens":2.0}}"#,
    );
}

#[test]
fn chat_calls_are_told_apart() {
    let call =
        |call: &str| format!(r#"{{"choices":[{{"index":0,"delta":{{"tool_calls":[{call}]}}}}]}}"#);
    let end = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#;
    let whole = |calls: &str| {
        format!(
            r#"{{"choices":[{{"index":0,"message":{{"tool_calls":[{calls}],"role":"assistant","content":null,"refusal":null}},"finish_reason":"tool_calls"}}]}}"#
        )
    };
    let two = whole(
        r#"{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"b","type":"function","function":{"name":"g","arguments":"[1]"}}"#,
    );
    for (first, rest, second, more) in [
        // With indexes, and interleaved.
        (r#""index":0,"#, r#""index":0,"#, r#""index":1,"#, r#""index":1,"#),
        // All with the same one, told apart by their ids.
        (r#""index":0,"#, r#""index":0,"#, r#""index":0,"#, r#""index":0,"#),
        // Without.
        ("", "", "", ""),
    ] {
        let lines = [
            call(&format!(
                r#"{{{first}"id":"a","type":"function","function":{{"name":"f","arguments":""}}}}"#
            )),
            call(&format!(r#"{{{rest}"function":{{"arguments":"{{}}"}}}}"#)),
            call(&format!(
                r#"{{{second}"id":"b","type":"function","function":{{"name":"g","arguments":"[1"}}}}"#
            )),
            call(&format!(
                r#"{{{more}"id":"b","type":"function","function":{{"arguments":"]"}}}}"#
            )),
            end.to_owned(),
        ];
        check(Dialect::Chat, &lines.each_ref().map(String::as_str), &two);
    }
}

#[test]
fn chat_parts_grow() {
    let delta =
        |delta: &str| format!(r#"{{"choices":[{{"index":0,"delta":{{"content":{delta}}}}}]}}"#);
    let lines = [
        delta(r#""""#),
        delta(r#"[{"type":"thinking","thinking":[{"type":"text","text":"a"}]}]"#),
        delta(r#"[{"type":"thinking","thinking":[{"type":"text","text":"b"}]}]"#),
        delta(r#""c""#),
        delta(r#"[{"type":"text","text":"d"},{"type":"reference","reference_ids":[1]}]"#),
    ];
    check(
        Dialect::Chat,
        &lines.each_ref().map(String::as_str),
        r#"{"choices":[{"index":0,"message":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"ab"}]},{"type":"text","text":"cd"},{"type":"reference","reference_ids":[1]}],"role":"assistant","refusal":null}}]}"#,
    );
}

#[test]
fn messages_spellings_and_strangers_stay() {
    check(
        Dialect::Messages,
        &[
            r#"{"type":"message_start","message":{"id":"m","type":"message","new":{ "a" : 1.0},"content":[],"stop_reason":null,"usage":{"input_tokens":1,"output_tokens":1,"odd":null}}}"#,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"\ud83d"}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"\ude00"}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"s\/"}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"of_tomorrow","odd":"x","n":[1]}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"of_tomorrow","odd":"y","n":[2]}}"#,
            r#"{"type":"content_block_stop","index":0}"#,
            r#"{"type":"content_block_start","index":1,"content_block":{"type":"text","text":"","citations":null}}"#,
            r#"{"type":"content_block_delta","index":1,"delta":{"type":"citations_delta","citation":{"x":1}}}"#,
            r#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"hi"}}"#,
            r#"{"type":"content_block_stop","index":1}"#,
            r#"{"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}}"#,
            r#"{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":""}}"#,
            r#"{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"a\": 1.0, \"b\":\"\\u00"}}"#,
            r#"{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"e9\"}"}}"#,
            r#"{"type":"content_block_stop","index":2}"#,
            r#"{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":9,"input_tokens":null},"context_management":{"applied_edits":[]}}"#,
            r#"{"type":"message_stop"}"#,
        ],
        r#"{"id":"m","type":"message","new":{ "a" : 1.0},"content":[{"type":"thinking","thinking":"\ud83d\ude00","signature":"s\/","odd":"xy","n":[1,2]},{"type":"text","text":"hi","citations":[{"x":1}]},{"type":"tool_use","id":"t","name":"f","input":{"a": 1.0, "b":"\u00e9"}}],"stop_reason":"tool_use","usage":{"input_tokens":1,"output_tokens":9,"odd":null},"stop_sequence":null,"context_management":{"applied_edits":[]},"role":"assistant"}"#,
    );
}

/// A signature comes in one piece; where there are two, the SDKs keep the last.
#[test]
fn messages_signatures_are_no_pieces() {
    let signed = |text: &str| {
        format!(
            r#"{{"type":"content_block_delta","index":0,"delta":{{"type":"signature_delta","signature":"{text}"}}}}"#
        )
    };
    let lines = [
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#,
        &signed("a"),
        &signed("b"),
        r#"{"type":"content_block_stop","index":0}"#,
    ];
    check(
        Dialect::Messages,
        &lines,
        r#"{"type":"message","role":"assistant","content":[{"type":"thinking","thinking":"","signature":"b"}]}"#,
    );
}

/// A call whose arguments are these, in one piece.
fn call(arguments: &str) -> Vec<Frame> {
    let delta = format!(
        r#"{{"type":"content_block_delta","index":0,"delta":{{"type":"input_json_delta","partial_json":{}}}}}"#,
        json::quoted(arguments)
    );
    let lines = [
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}}"#,
        &delta,
        r#"{"type":"content_block_stop","index":0}"#,
    ];
    feed(Dialect::Messages, 1, &[Bytes::from(framed(Dialect::Messages, lines))]).0
}

#[test]
fn arguments_are_json_or_a_failure() {
    for (arguments, expect) in [
        (r#"{"a":1}"#, Ok(r#"{"a":1}"#)),
        ("", Ok("{}")),
        ("  ", Ok("{}")),
        // The token limit came within.
        (r#"{"a":1,"b":"tw"#, Ok(r#"{"a":1}"#)),
        ("oops", Err("arguments that are not JSON")),
        (r#"{"a" "b"}"#, Err("arguments that are not JSON")),
    ] {
        let (value, error) = fold(Dialect::Messages, &call(arguments));
        match expect {
            Ok(input) => {
                let input: Value = serde_json::from_str(input).unwrap();
                assert_eq!((&value["content"][0]["input"], error), (&input, None), "{arguments}");
            }
            Err(what) => assert_eq!(error, Some(Error::NotAnswer(what)), "{arguments}"),
        }
    }
}

#[test]
fn what_the_decoder_leaves_out_is_left_out() {
    let text =
        |text: &str| format!(r#"{{"choices":[{{"index":0,"delta":{{"content":"{text}"}}}}]}}"#);
    let finish = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
    check(
        Dialect::Chat,
        &[&text("a"), r#"{"choices":5}"#, &text("b"), finish, "[DONE]", &text("c")],
        r#"{"choices":[{"index":0,"message":{"content":"ab","role":"assistant","refusal":null},"finish_reason":"stop"}]}"#,
    );
    check(
        Dialect::Chat,
        &[&text("a"), finish, r#"{"error":{"message":"m"}}"#, &text("b")],
        r#"{"choices":[{"index":0,"message":{"content":"a","role":"assistant","refusal":null},"finish_reason":"stop"}]}"#,
    );
}

#[test]
fn no_more_is_held_than_may_be() {
    let line = r#"{"choices":[{"index":0,"delta":{"content":"0123456789"}}]}"#;
    let (frames, _) =
        feed(Dialect::Chat, 1, &[Bytes::from(framed(Dialect::Chat, [line].repeat(100)))]);
    let mut fold = Fold::new(Dialect::Chat, 200);
    let taken = frames.iter().take_while(|frame| fold.take(frame).is_ok()).count();
    assert!((8..20).contains(&taken), "{taken}");
    let text = fold.document();
    assert!(text.len() < 200 + 100, "{}", text.len());
    let value: Value = serde_json::from_slice(&text).unwrap();
    let content = value["choices"][0]["message"]["content"].as_str().unwrap();
    assert_eq!(content.len(), 10 * taken, "what did not fit was not taken in");
    // Counts that are said again and again are held once.
    let line = r#"{"id":"c","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#;
    let (frames, _) =
        feed(Dialect::Chat, 1, &[Bytes::from(framed(Dialect::Chat, [line].repeat(100)))]);
    let mut fold = Fold::new(Dialect::Chat, 200);
    assert!(frames.iter().all(|frame| fold.take(frame).is_ok()));
}

#[test]
fn what_is_too_large_is_no_answer() {
    let many: Vec<String> = (0..300).map(|n| format!(r#""k{n}":1,"#)).collect();
    let many = many.concat();
    let line = format!(r#"{{"choices":[{{"index":0,"delta":{{{many}"content":"x"}}}}]}}"#);
    let (frames, _) = feed(Dialect::Chat, 1, &[Bytes::from(framed(Dialect::Chat, [&*line]))]);
    let (_, error) = fold(Dialect::Chat, &frames);
    assert_eq!(error, Some(Error::NotAnswer("an object that cannot be taken in")));
    // What nobody knows may be as large as it likes.
    let line = format!(r#"{{"type":"of_tomorrow",{many}"x":1}}"#);
    let lines = framed(Dialect::Messages, [&*line]);
    let (frames, _) = feed(Dialect::Messages, 1, &[Bytes::from(lines)]);
    assert_eq!(fold(Dialect::Messages, &frames).1, None);
}

#[test]
fn depth_is_no_danger() {
    let deep = format!("{}{}", r#"{"a":"#.repeat(50_000), "1".to_owned() + &"}".repeat(50_000));
    let line = format!(r#"{{"choices":[{{"index":0,"delta":{{"x":{deep}}}}}]}}"#);
    let (frames, _) =
        feed(Dialect::Chat, 1, &[Bytes::from(framed(Dialect::Chat, [line.as_str(), &line]))]);
    let mut fold = Fold::new(Dialect::Chat, MAX);
    for frame in &frames {
        fold.take(frame).unwrap();
    }
    assert!(fold.document().len() > deep.len());
}

proptest! {
    #[test]
    fn mangled_recordings_never_panic(
        which: Index,
        flips in proptest::collection::vec((any::<Index>(), any::<u8>()), 0..6),
    ) {
        let stream = which.get(&SHORT);
        let mut bytes = stream.bytes.to_vec();
        for (at, byte) in flips {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let (frames, _) = feed(stream.dialect, 1, &[Bytes::from(bytes)]);
        let mut fold = Fold::new(stream.dialect, MAX);
        for frame in &frames {
            if fold.take(frame).is_err() {
                break;
            }
        }
        // Whatever was taken in, it is a document.
        prop_assert!(serde_json::from_slice::<&serde_json::value::RawValue>(&fold.document()).is_ok());
    }

    #[test]
    fn text_arrives_however_it_is_cut(said in "[^\u{0}]{0,40}", places: Vec<Index>) {
        let quoted = json::quoted(&said);
        let inside = &quoted[1..quoted.len() - 1];
        // Between characters of the spelling; an escape is never cut by a provider that quotes.
        let mut cuts: Vec<usize> = places.iter().map(|place| place.index(said.len() + 1)).collect();
        cuts.retain(|cut| said.is_char_boundary(*cut));
        cuts.sort_unstable();
        let mut lines = Vec::new();
        let mut start = 0;
        for cut in cuts.into_iter().chain([said.len()]) {
            let piece = json::quoted(&said[start..cut]);
            lines.push(format!(r#"{{"choices":[{{"index":0,"delta":{{"content":{piece}}}}}]}}"#));
            start = cut;
        }
        let bytes = Bytes::from(framed(Dialect::Chat, lines.iter().map(String::as_str)));
        let (frames, _) = feed(Dialect::Chat, 1, &[bytes]);
        let mut fold = Fold::new(Dialect::Chat, MAX);
        for frame in &frames {
        fold.take(frame).unwrap();
    }
        let document = fold.document();
        let text = std::str::from_utf8(&document).unwrap();
        let spelled = format!(r#""content":"{inside}""#);
        prop_assert!(text.contains(&spelled), "{} in {}", spelled, text);
        let value: Value = serde_json::from_str(text).unwrap();
        prop_assert_eq!(value["choices"][0]["message"]["content"].as_str(), Some(said.as_str()));
    }
}

fn responses(lines: &[&str]) -> (Value, Option<Error>) {
    let bytes = Bytes::from(framed(Dialect::Responses, lines.iter().copied()));
    let (frames, _) = feed(Dialect::Responses, 1, &[bytes]);
    fold(Dialect::Responses, &frames)
}

#[test]
fn the_last_event_of_responses_is_the_document() {
    let done = r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"message","id":"msg_1","content":[]}}"#;
    let other = r#"{"type":"response.output_item.done","output_index":1,"item":{"type":"function_call","id":"fc_1","arguments":"{}"}}"#;
    let last = |rest: &str| {
        format!(
            r#"{{"type":"response.completed","response":{{"id":"resp_1","x":1e2{rest},"z":[]}}}}"#
        )
    };
    let both = r#"[{"type":"message","id":"msg_1","content":[]},{"type":"function_call","id":"fc_1","arguments":"{}"}]"#;
    for output in [
        format!(r#","output":{both}"#),
        r#","output":[]"#.into(),
        r#","output":null"#.into(),
        String::new(),
    ] {
        let (value, error) = responses(&[done, other, &last(&output), "[DONE]"]);
        assert_eq!(error, None, "{output}");
        let expect: Value = serde_json::from_str(both).unwrap();
        assert_eq!((&value["output"], &value["id"]), (&expect, &Value::from("resp_1")), "{output}");
    }
    // Byte for byte, what was not needed for it included.
    let spelled = r#"{"id":"resp_1", "output" :[ ],"n":1.0e2}"#;
    let mut fold = Fold::new(Dialect::Responses, MAX);
    let line = format!(r#"{{"type":"response.completed","response":{spelled}}}"#);
    let (frames, _) =
        feed(Dialect::Responses, 1, &[Bytes::from(framed(Dialect::Responses, [line.as_str()]))]);
    for frame in &frames {
        fold.take(frame).unwrap();
    }
    assert_eq!(fold.document(), spelled);
    // What it leaves out is there, as long as nothing else of it is lost.
    for (listed, complete) in [("msg_1", true), ("fc_1", true), ("msg_2", false)] {
        let less = last(&format!(r#","output":[{{"type":"message","id":"{listed}"}}]"#));
        let (value, error) = responses(&[done, other, &less]);
        let expect = Error::NotAnswer("the last event lacks items that were begun");
        assert_eq!(error, (!complete).then_some(expect), "{listed}");
        if complete {
            let ids = value["output"].as_array().unwrap().iter().map(|item| &item["id"]);
            assert!(ids.eq(["msg_1", "fc_1"]), "{value}");
        }
    }
}

/// What was begun is in the answer, or there is no answer.
#[test]
fn an_item_that_was_never_done_is_no_answer() {
    let done = r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"message","id":"msg_1","content":[{"type":"output_text","text":"one"}]}}"#;
    let added = |kind: &str| {
        format!(
            r#"{{"type":"response.output_item.added","output_index":1,"item":{{"type":"{kind}","id":"x_2"}}}}"#
        )
    };
    let piece = |kind: &str, delta: &str| {
        format!(r#"{{"type":"response.{kind}","output_index":1,"delta":"{delta}"}}"#)
    };
    let (message, thought) = (added("message"), added("reasoning"));
    let said = piece("output_text.delta", "two");
    let hidden = piece("reasoning_summary_text.delta", "");
    let thinks = piece("reasoning_summary_text.delta", "two");
    let whole = r#"{"type":"response.output_text.done","output_index":1,"text":"two"}"#;
    let longer = r#"{"type":"response.output_text.done","output_index":1,"text":"two more"}"#;
    let refused = piece("refusal.delta", "no");
    let second = r#"{"type":"response.output_item.done","output_index":1,"item":{"type":"message","id":"x_2","content":[{"type":"output_text","text":"two"}]}}"#;
    let search = added("web_search_call");
    let one = r#"[{"type":"message","id":"msg_1"}]"#;
    let both = r#"[{"type":"message","id":"msg_1"},{"type":"message","id":"x_2"}]"#;
    for (lines, output, complete) in [
        // It is made of its pieces.
        (&[done, &*message, &*said][..], "[]", true),
        (&[done, &*message, &*said], "null", true),
        // It has not said a word.
        (&[done, &*message], "[]", true),
        (&[done, &*said], "[]", true),
        (&[done, &*said, whole], "[]", true),
        (&[done, &*said, longer], "[]", false),
        (&[done, &*said, &*refused], "[]", false),
        (&[done, whole], "[]", false),
        (&[done, &*search], "[]", false),
        (&[done, &*thought, &*thinks], "[]", false),
        (&[&*message, &*said], "[]", true),
        (&[done, &*message, &*said], one, true),
        (&[done, &*message, &*said], both, true),
        (&[done, &*message, &*said, second], "[]", true),
        (&[done, second], "[]", true),
        // Nothing of it can be read, and so nothing is lost.
        (&[done, &*thought, &*hidden], "[]", true),
        (&[&*thought], "[]", true),
        (&[], "[]", true),
    ] {
        let last = format!(
            r#"{{"type":"response.completed","response":{{"id":"resp_1","output":{output}}}}}"#
        );
        let (value, error) = responses(&[lines, &[&*last]].concat());
        let expect = Error::NotAnswer("the last event lacks items that were begun");
        assert_eq!(error, (!complete).then_some(expect), "{lines:?}, {output}");
        let texts = value["output"].as_array().into_iter().flatten();
        let texts = texts.filter(|item| item["content"][0]["text"] == "two").count();
        let listed = output == both || !lines.iter().any(|line| line.contains("two"));
        assert!(!complete || listed || texts == 1, "{lines:?}, {output}: {value}");
    }
}

const NOUGHT: &str = r#""output_index":0,"#;
const ONE: &str = r#""output_index":1,"#;
const MESSAGE: &str = r#"{"type":"message","id":"m","role":"assistant","content":[]}"#;
const TEXT: &str =
    r#"{"type":"response.output_text.delta","item_id":"m","output_index":0,"delta":"one"}"#;
const SAID: &str = r#"{"id":"m","type":"message","role":"assistant","status":"completed","content":[{"type":"output_text","annotations":[],"text":"one"}]}"#;

fn of_item(event: &str, number: &str, item: &str) -> String {
    format!(r#"{{"type":"response.output_item.{event}",{number}"item":{item}}}"#)
}

fn called(id: &str) -> String {
    format!(r#"{{"type":"function_call","id":"{id}","arguments":"{{}}"}}"#)
}

/// Two calls of this number, as they begin and end.
fn two_calls(number: &str) -> Vec<String> {
    let item = |id| ["added", "done"].map(|event| of_item(event, number, &called(id)));
    [item("f1"), item("f2")].concat()
}

fn list(items: &[&str]) -> String {
    format!("[{}]", items.join(","))
}

/// What these events and a last one with this list are put together to; nothing where they cannot be.
#[track_caller]
fn together(lines: &[String], listed: &str, expect: &str) {
    let last = format!(r#"{{"type":"response.completed","response":{{"output":{listed}}}}}"#);
    let lines = lines.iter().map(String::as_str).chain([last.as_str()]).collect::<Vec<_>>();
    let (value, error) = responses(&lines);
    assert_eq!(error.is_some(), expect.is_empty(), "{lines:?}: {error:?}");
    if !expect.is_empty() {
        let expect: Value = serde_json::from_str(expect).unwrap();
        assert_eq!(value["output"], expect, "{lines:?}");
    }
}

/// Items that have one number, that end under another's or have none.
#[test]
fn items_are_told_apart_as_the_decoder_does() {
    let (first, second) = (called("f1"), called("f2"));
    let both = list(&[&first, &second]);
    together(&two_calls(NOUGHT), "[]", &both);
    together(&two_calls(NOUGHT), &list(&[&first]), &both);
    together(&two_calls(""), "[]", &both);
    together(&two_calls(""), &both, &both);
    let elsewhere = [of_item("added", NOUGHT, &first), of_item("done", ONE, &first)];
    together(&elsewhere, &list(&[&first]), &list(&[&first]));
    let begun = [of_item("added", NOUGHT, MESSAGE), TEXT.to_owned()];
    let all = [&begun[..], &two_calls(NOUGHT)].concat();
    // Ollama lists the calls alone.
    together(&all, &both, &list(&[SAID, &first, &second]));
    // Another stands in the place of one, or of all.
    together(&all, &list(&[&called("f3"), &first, &second]), "");
    together(&all, &list(&[&called("f3")]), "");
    // Thoughts are listed that have not said a word, and not the text.
    let thought = r#"{"type":"reasoning","id":"r","summary":[]}"#;
    let thinks = [&[of_item("added", ONE, thought)], &begun[..]].concat();
    together(&thinks, &list(&[thought]), &list(&[SAID, thought]));
}

/// Some providers name items anew by the last event, or one as another.
#[test]
fn ids_are_believed_where_each_is_known() {
    let (first, second) = (called("f1"), called("f2"));
    let unnamed = r#"{"type":"function_call","arguments":"{}"}"#;
    for listed in [&called("g1"), unnamed] {
        together(&two_calls(NOUGHT), &list(&[listed, &second]), &list(&[listed, &second]));
        together(&two_calls(NOUGHT), &list(&[listed, listed]), &list(&[listed, listed]));
    }
    // One id for both: it says of neither which it is.
    let twice = [of_item("done", NOUGHT, &first), of_item("done", ONE, &first)];
    together(&twice, &list(&[&first]), "");
    together(&twice, "[]", &list(&[&first, &first]));
    // A piece under another number is nowhere in the list.
    let text = TEXT.replace(r#"x":0"#, r#"x":1"#);
    let apart = [of_item("added", NOUGHT, MESSAGE), text, of_item("done", NOUGHT, SAID)];
    together(&apart, &list(&[SAID]), "");
}

/// What was said is not lost where it is done, or listed, without a word.
#[test]
fn what_is_hollow_is_made_of_its_pieces() {
    let (first, second) = (called("f1"), called("f2"));
    let silent = first.replace("{}", "");
    let begun = [of_item("added", NOUGHT, MESSAGE), TEXT.to_owned()];
    let all = [&begun[..], &two_calls(NOUGHT)].concat();
    together(&all, &list(&[MESSAGE, &silent, &second]), &list(&[SAID, &first, &second]));
    let piece =
        r#"{"type":"response.function_call_arguments.delta","output_index":0,"delta":"{}"}"#;
    let [added, done] = ["added", "done"].map(|event| of_item(event, NOUGHT, &silent));
    let made = first.replace("\"arguments\"", "\"status\":\"completed\",\"arguments\"");
    together(&[added, piece.to_owned(), done], &list(&[&silent]), &list(&[&made]));
}

/// A call that the token limit cut cannot be made, and is in no answer. Whether it was the limit is what
/// the decoder reads, of the event's name and the answer's word the worse.
#[test]
fn a_call_that_the_limit_cut_is_nobodys_loss() {
    let done = r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"message","id":"msg_1","content":[{"type":"output_text","text":"one"}]}}"#;
    let call = r#"{"type":"response.output_item.added","output_index":1,"item":{"type":"function_call","id":"fc_1"}}"#;
    let arguments =
        r#"{"type":"response.function_call_arguments.delta","output_index":1,"delta":"{"}"#;
    let said = r#"{"type":"response.output_text.delta","output_index":1,"delta":"two"}"#;
    for (named, status, limited) in [
        ("completed", "null", false),
        ("completed", r#""completed""#, false),
        ("completed", r#""incomplete""#, true),
        ("incomplete", "null", true),
        ("incomplete", r#""completed""#, true),
        ("incomplete", r#""incomplete""#, true),
    ] {
        for output in ["[]", r#"[{"type":"message","id":"msg_1"}]"#] {
            let last = format!(
                r#"{{"type":"response.{named}","response":{{"status":{status},"incomplete_details":{{"reason":"max_output_tokens"}},"output":{output}}}}}"#
            );
            let lines = framed(Dialect::Responses, [done, call, arguments, &last]);
            let (frames, _) = feed(Dialect::Responses, 1, &[lines.into()]);
            let (value, error) = fold(Dialect::Responses, &frames);
            assert_eq!(error.is_none(), limited, "{last}");
            assert!(!limited || value["output"].as_array().unwrap().len() == 1, "{last}: {value}");
            let length = Event::Finish(Finish::Length, None);
            let read = frames.iter().any(|frame| frame.events.contains(&length));
            assert_eq!(read, limited, "{last}");
            let (value, error) = responses(&[done, said, &last]);
            assert_eq!(error, None, "{last}");
            let text = &value["output"][1]["content"][0]["text"];
            assert_eq!(text, "two", "a text is never left out: {last}");
        }
    }
}
