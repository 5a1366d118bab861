//! An answer in Responses that was cut, as its decoder reads it, and what goes on with it: whatever was
//! shown stands in the last event, or nobody goes on.

use super::resumed::{CREATED, RESPONSES};
use crate::proof::framed;
use crate::{Crossing, Decoder, Error, Resume};
use bytes::Bytes;
use ir::{Aside, BlockKind, Dialect, Envelope, Event, Frame, Piece};
use serde_json::Value;
use std::collections::BTreeMap;

/// What is known of an answer that was cut behind these frames: as `policy::Told` takes it.
fn known(frames: &[Frame]) -> Resume {
    let mut resume = Resume {
        envelope: Envelope { id: "resp_a".into(), model: "m-a".into(), created: Some(7) },
        object: r#"{"served":[]}"#.to_owned(),
        sequence: 17,
        ..Resume::default()
    };
    let mut thought = String::new();
    for event in frames.iter().flat_map(|frame| &frame.events) {
        if let Event::Open(block, _) = event
            && block.kind == BlockKind::Text
        {
            resume.open_text = String::new();
        } else if let Event::Delta(_, Piece::Text(raw)) = event {
            resume.open_text.push_str(raw);
        } else if let Event::Delta(_, Piece::Thinking(raw)) = event {
            thought.push_str(raw);
        } else if let Event::Aside(Aside::Kept(kept)) = event {
            resume.kept.push(kept.clone());
        }
    }
    resume.thought = Some(thought);
    resume
}

/// What the caller gets of an answer that is cut behind `shown` and gone on with by `anew`.
fn seam(shown: &[&str], anew: &[&str]) -> Result<Vec<Value>, Error> {
    joined(framed(Dialect::Responses, shown.iter().copied()), anew)
}

/// The same, of a stream's text.
fn joined(shown: String, anew: &[&str]) -> Result<Vec<Value>, Error> {
    let (mut frames, mut more) = (Vec::new(), Vec::new());
    Decoder::carrying(Dialect::Responses, 1).feed(Bytes::from(shown), &mut frames)?;
    let mut crossing = Crossing::resumed_responses("bs_1".to_owned(), known(&frames), 1 << 20);
    crossing.feed(Bytes::from(framed(Dialect::Responses, anew.iter().copied())), &mut more)?;
    let left_out = |event: &Event| matches!(event, Event::Repeated(_) | Event::Malformed(_));
    let shown = frames.iter().filter(|frame| !frame.events.iter().any(left_out));
    let bytes: Vec<u8> = shown.chain(&more).flat_map(|frame| frame.bytes.to_vec()).collect();
    let text = String::from_utf8(bytes).expect("UTF-8");
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    Ok(data.map(|data| serde_json::from_str(data).expect("JSON")).collect())
}

/// The text of the last event, which is that of the pieces, part by part.
#[track_caller]
fn text(events: &[Value]) -> String {
    let number = |value: &Value| value.as_u64().expect("a number");
    let mut pieces: BTreeMap<(u64, u64), String> = BTreeMap::new();
    let mut begun: BTreeMap<String, u32> = BTreeMap::new();
    for event in events {
        let kind = event["type"].as_str().unwrap_or_default();
        if kind == "response.output_text.delta" {
            let place = (number(&event["output_index"]), number(&event["content_index"]));
            pieces.entry(place).or_default().push_str(event["delta"].as_str().expect("a text"));
        }
        // What came in no pieces came whole.
        if let Some(whole) = event["text"].as_str().or_else(|| event["part"]["text"].as_str())
            && matches!(kind, "response.output_text.done" | "response.content_part.done")
        {
            let place = (number(&event["output_index"]), number(&event["content_index"]));
            pieces.entry(place).or_insert_with(|| whole.to_owned());
        }
        if let Some(it) = kind.strip_prefix("response.").filter(|it| {
            it.contains(".added") || it.contains("item.done") || it.contains("part.done")
        }) {
            let place = format!("{it} {} {}", event["output_index"], event["content_index"]);
            *begun.entry(place).or_default() += 1;
        }
    }
    assert!(begun.values().all(|times| *times == 1), "{begun:?}");
    let last = events.last().expect("a last event");
    assert_eq!(last["type"], "response.completed", "{events:#?}");
    let mut whole: BTreeMap<(u64, u64), String> = BTreeMap::new();
    for (item, index) in last["response"]["output"].as_array().expect("items").iter().zip(0..) {
        let parts = item["content"].as_array().map(Vec::as_slice).unwrap_or_default();
        for (part, place) in parts.iter().zip(0..) {
            whole.insert((index, place), part["text"].as_str().expect("a text").to_owned());
        }
    }
    assert_eq!(whole, pieces, "{events:#?}");
    whole.into_values().collect()
}

const MESSAGE: &str = r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"message","id":"msg_a","status":"in_progress","role":"assistant","content":[]}}"#;
const PART: &str = r#"{"type":"response.content_part.added","item_id":"msg_a","output_index":0,"content_index":0,"part":{"type":"output_text","annotations":[],"text":""}}"#;
const TEXT: &str = r#"{"type":"response.output_text.delta","item_id":"msg_a","output_index":0,"content_index":0,"delta":"one two "}"#;
const PART_DONE: &str = r#"{"type":"response.content_part.done","item_id":"msg_a","output_index":0,"content_index":0,"part":{"type":"output_text","annotations":[],"text":"one two "}}"#;
const DONE: &str = r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"message","id":"msg_a","status":"completed","role":"assistant","content":[{"type":"output_text","annotations":[],"text":"one two "}]}}"#;
/// Where it says who it is, it is another item with the same number.
const REASONING: &str = r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"reasoning","summary":[]}}"#;

/// What is left out of a stream has begun and ended nothing.
#[test]
fn what_is_said_again_is_not_kept() {
    for shown in [
        &[CREATED, CREATED, MESSAGE, PART, TEXT][..],
        &[CREATED, MESSAGE, PART, TEXT, MESSAGE],
        &[CREATED, MESSAGE, PART, TEXT, PART],
        &[CREATED, MESSAGE, PART, TEXT, PART_DONE, PART_DONE],
        &[CREATED, MESSAGE, PART, TEXT, PART_DONE, DONE, PART_DONE],
        &[CREATED, MESSAGE, PART, TEXT, PART_DONE, DONE, DONE, MESSAGE],
        &[CREATED, MESSAGE, PART, TEXT, REASONING],
    ] {
        let events = seam(shown, &RESPONSES).expect("a rescue");
        assert_eq!(text(&events), "one two three 😀", "{shown:?}");
    }
}

/// Not every server says where an item or a part begins: what was said in it is in the last event all the
/// same.
#[test]
fn what_began_by_what_was_said_goes_on() {
    let nameless = MESSAGE.replace(r#""id":"msg_a","#, "");
    let bare = TEXT.replace(r#""item_id":"msg_a","#, "");
    let text_done = |of: &str| {
        of.replace("output_text.delta", "output_text.done").replace(r#""delta""#, r#""text""#)
    };
    let whole = text_done(TEXT);
    for (shown, id) in [
        (&[CREATED, MESSAGE, TEXT][..], Some("msg_a")),
        (&[CREATED, MESSAGE, TEXT, PART_DONE], Some("msg_a")),
        (&[CREATED, MESSAGE, TEXT, PART_DONE, DONE], Some("msg_a")),
        (&[CREATED, MESSAGE, PART, TEXT], Some("msg_a")),
        (&[CREATED, TEXT], Some("msg_a")),
        (&[CREATED, bare.as_str()], None),
        (&[CREATED, TEXT, PART_DONE], Some("msg_a")),
        (&[CREATED, PART, TEXT], Some("msg_a")),
        (&[CREATED, PART, TEXT, PART_DONE], Some("msg_a")),
        (&[CREATED, PART_DONE], Some("msg_a")),
        (&[CREATED, TEXT, DONE], Some("msg_a")),
        (&[CREATED, nameless.as_str(), PART, TEXT], None),
        (&[CREATED, nameless.as_str(), TEXT], None),
        (&[CREATED, MESSAGE, whole.as_str()], Some("msg_a")),
        (&[CREATED, whole.as_str()], Some("msg_a")),
    ] {
        let events = seam(shown, &RESPONSES).expect("a rescue");
        assert_eq!(text(&events), "one two three 😀", "{shown:?}");
        let last = events.last().expect("a last event");
        assert_eq!(last["response"]["output"][0]["id"].as_str(), id, "{shown:?}");
    }
}

/// Of an event whose type stands in its name alone it is known what it began.
#[test]
fn a_name_may_be_all_that_says_what_begins() {
    let frame = |line: &&str| {
        let mut event: Value = serde_json::from_str(line).expect("JSON");
        let kind = event["type"].take();
        event.as_object_mut().expect("an object").remove("type");
        format!("event: {}\ndata:  {event}\n\n", kind.as_str().expect("a type"))
    };
    for shown in [&[CREATED, MESSAGE, PART, TEXT][..], &[CREATED, MESSAGE, PART, TEXT, PART_DONE]] {
        let stream = shown.iter().map(frame).collect();
        let events = joined(stream, &RESPONSES).expect("a rescue");
        let last = events.last().expect("a last event");
        assert_eq!(last["response"]["id"], "resp_a");
        let message = &last["response"]["output"][0];
        let parts = message["content"].as_array().expect("parts").iter();
        let said: String = parts.map(|part| part["text"].as_str().expect("a text")).collect();
        assert_eq!((&message["id"], said.as_str()), (&"msg_a".into(), "one two three 😀"));
    }
}

/// Of two texts that are open at once it is not known which goes on.
#[test]
fn of_two_open_texts_neither_goes_on() {
    let second = |line: &str| line.replace(r#""output_index":0"#, r#""output_index":1"#);
    let part = |line: &str| line.replace(r#""content_index":0"#, r#""content_index":1"#);
    let begun = [CREATED, MESSAGE, PART, TEXT];
    for more in [
        vec![second(MESSAGE)],
        vec![second(MESSAGE), second(PART), second(TEXT)],
        vec![second(TEXT)],
        vec![part(PART), part(TEXT)],
    ] {
        let shown: Vec<&str> = begun.into_iter().chain(more.iter().map(String::as_str)).collect();
        let found = seam(&shown, &RESPONSES);
        assert!(matches!(found, Err(Error::Unjoined(_))), "{more:?}: {found:?}");
    }
}

/// What was shown by whoever declines, or of what only he has, cannot be written behind it: he has not gone
/// on.
#[test]
fn who_declines_has_not_gone_on() {
    let event = |kind: &str, members: &str| {
        format!(r#"{{"type":"response.{kind}","output_index":0,{members}}}"#)
    };
    let declines = [
        RESPONSES[1].to_owned(),
        event("refusal.delta", r#""content_index":0,"delta":"I cannot help.""#),
    ];
    let part = r#"{"type":"refusal","refusal":"I cannot help."}"#;
    let whole = [event("content_part.done", &format!(r#""content_index":0,"part":{part}"#))];
    let native =
        [event("output_item.added", r#""item":{"type":"image_generation_call","id":"ig"}"#)];
    let [text, last] = [&RESPONSES[1..6], &RESPONSES[9..]];
    let behind = event("refusal.delta", r#""content_index":1,"delta":"I cannot help.""#)
        .replace(r#""output_index":0"#, r#""output_index":7"#);
    let lines = |lines: &[String]| -> Vec<String> {
        let all = RESPONSES[..1].iter().map(ToString::to_string).chain(lines.iter().cloned());
        all.chain(last.iter().map(ToString::to_string)).collect()
    };
    let joined: Vec<String> = text.iter().map(ToString::to_string).chain([behind]).collect();
    for anew in [lines(&declines), lines(&whole), lines(&native), lines(&joined)] {
        let anew: Vec<&str> = anew.iter().map(String::as_str).collect();
        for shown in [&[CREATED, REASONING][..], &[CREATED, MESSAGE, PART, TEXT]] {
            let found = seam(shown, &anew);
            assert!(matches!(found, Err(Error::Unjoined(_))), "{anew:?}: {found:?}");
        }
    }
}

/// Items that the decoder tells apart stand apart in the last event.
#[test]
fn items_of_one_number_stand_in_the_last_event() {
    let call = |number: u32, id: &str| {
        let item = |arguments: &str| {
            format!(
                r#"{{"type":"function_call","id":"{id}","call_id":"c","name":"f","arguments":"{arguments}"}}"#
            )
        };
        let event = |event: &str, number: u32, item: String| {
            format!(
                r#"{{"type":"response.output_item.{event}","output_index":{number},"item":{item}}}"#
            )
        };
        [event("added", 0, item("")), event("done", number, item("{}"))]
    };
    let message = [
        r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"message","id":"m","content":[]}}"#,
        r#"{"type":"response.output_text.delta","item_id":"m","output_index":0,"content_index":0,"delta":"one"}"#,
        r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"message","id":"m","content":[{"type":"output_text","text":"one"}]}}"#,
    ]
    .map(str::to_owned);
    let end = [
        r#"{"type":"response.created","response":{"id":"resp_b","output":[]}}"#,
        r#"{"type":"response.completed","response":{"id":"resp_b","status":"completed","output":[]}}"#,
    ];
    for (shown, ids) in [
        ([call(0, "f1"), call(0, "f2")].concat(), vec!["f1", "f2"]),
        ([&message[..], &call(0, "f1")].concat(), vec!["m", "f1"]),
        // It ends under another number.
        (call(1, "f1").to_vec(), vec!["f1"]),
    ] {
        let shown: Vec<&str> =
            [CREATED].into_iter().chain(shown.iter().map(String::as_str)).collect();
        let events = seam(&shown, &end).expect("a joint");
        let output = events.last().expect("the last event")["response"]["output"].clone();
        let items: Vec<_> = output.as_array().expect("items").iter().collect();
        assert_eq!(items.iter().map(|item| &item["id"]).collect::<Vec<_>>(), ids, "{shown:?}");
        assert!(items.iter().all(|item| item["arguments"] != ""), "{output}");
    }
}
