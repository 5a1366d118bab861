//! Reasoning at a seam: what was cut is closed as it was shown, and what follows is of its own.

use super::legal;
use super::resumed::{CREATED, RESPONSES, between, first, kept, second, standing};
use super::rows::{close, delta, open, piece};
use crate::proof::framed;
use crate::{Crossing, Decoder, Resume};
use bytes::Bytes;
use ir::{Aside, Crossable, Dialect, Event};
use serde_json::Value;

/// Reasoning that a caller of Chat was shown in details goes on to be numbered, whoever showed it: its
/// clients join what has one index.
#[test]
fn details_are_counted_on() {
    let details = |bytes: &[u8]| -> Vec<(u64, String)> {
        let text = std::str::from_utf8(bytes).expect("UTF-8");
        let data = text.lines().filter_map(|line| line.strip_prefix("data: {"));
        let chunks = data.map(|data| format!("{{{data}"));
        let chunks = chunks.map(|it| serde_json::from_str::<Value>(&it).expect("JSON"));
        let lists = chunks.map(|it| it["choices"][0]["delta"]["reasoning_details"].clone());
        let items = lists.flat_map(|it| it.as_array().cloned().unwrap_or_default());
        let said = |item: &Value| {
            let text = item["text"].as_str().or_else(|| item["data"].as_str()).expect("a text");
            text.rsplit('.').next().unwrap_or_default().to_owned()
        };
        items.map(|item| (item["index"].as_u64().expect("an index"), said(&item))).collect()
    };
    let signed = |text: &str| thinks(0, text, Some("sig"), true);
    let sealed = [
        r#"{"type":"content_block_start","index":1,"content_block":{"type":"redacted_thinking","data":"secret"}}"#.to_owned(),
        r#"{"type":"content_block_stop","index":1}"#.to_owned(),
    ];
    for (shown, anew, expect) in [
        (vec![], vec![signed("b")], &[(0, "b")][..]),
        (vec![signed("a")], vec![signed("b")], &[(0, "a"), (1, "b")]),
        (
            vec![signed("a"), sealed.to_vec()],
            vec![signed("b"), sealed.to_vec()],
            &[(0, "a"), (1, "secret"), (2, "b"), (3, "secret")],
        ),
        // What was cut before it was signed has no detail, and nothing of it is in a later one.
        (vec![thinks(0, "a", None, false)], vec![signed("b")], &[(0, "b")]),
    ] {
        let stream = |parts: &[Vec<String>]| {
            let start = first(Crossable::Messages)[0].to_owned();
            let lines: Vec<String> = [start].into_iter().chain(parts.concat()).collect();
            Bytes::from(framed(Dialect::Messages, lines.iter().map(String::as_str)))
        };
        let plan = || between(Crossable::Messages, Crossable::Chat);
        let mut frames = Vec::new();
        let mut crossing = Crossing::new(plan(), 1 << 20).marking();
        crossing.feed(stream(&shown), &mut frames).expect("frames");
        // Twice: the second continuation goes on from where the first one stands.
        let mut expect = expect.to_vec();
        for turn in 0..2 {
            let resume = Resume { signs: true, ..standing(&frames, true) };
            let mut crossing = Crossing::resumed(plan(), resume, 1 << 20);
            crossing.feed(stream(&anew), &mut frames).expect("frames");
            let bytes: Vec<u8> = frames.iter().flat_map(|frame| frame.bytes.to_vec()).collect();
            legal::read(Dialect::Chat, &bytes, true);
            let found = details(&bytes);
            let found: Vec<(u64, &str)> = found.iter().map(|(at, it)| (*at, &**it)).collect();
            assert_eq!(found, expect, "turn {turn}");
            let again: Vec<&str> =
                expect[expect.len() - anew.len()..].iter().map(|it| it.1).collect();
            let next = expect.len() as u64;
            expect.extend((next..).zip(again));
        }
    }
}

/// A block of thinking of Messages, its signature and its end where they came.
fn thinks(index: u32, text: &str, signature: Option<&str>, closed: bool) -> Vec<String> {
    let mut lines = vec![open(index, r#""type":"thinking","thinking":"","signature":"""#)];
    if !text.is_empty() {
        lines.push(piece(index, &format!(r#""type":"thinking_delta","thinking":"{text}""#)));
    }
    if let Some(signature) = signature {
        let signature = format!(r#""type":"signature_delta","signature":"{signature}""#);
        lines.push(piece(index, &signature));
    }
    lines.extend(closed.then(|| close(index)));
    lines
}

/// Reasoning that was open when its answer was cut takes nothing of another attempt's, neither a piece nor
/// a signature, and is closed before anything else begins.
#[test]
fn reasoning_that_was_cut_is_closed_as_it_was_shown() {
    let text = |index| {
        let block = open(index, r#""type":"text","text":"""#);
        vec![block, piece(index, r#""type":"text_delta","text":"b""#), close(index)]
    };
    let call = vec![open(0, r#""type":"tool_use","id":"c","name":"f","input":{}"#), close(0)];
    let redacted = open(0, r#""type":"redacted_thinking","data":"secret""#);
    let anew = [thinks(0, "ah", Some("other"), true), text(1)].concat();
    let chat = vec![delta(r#""reasoning_content":"ah""#), delta(r#""content":"b""#)];
    let ours = "  signature backstop1.e620bc190468c37c.";
    let nobodys = "  signature backstop1.cbf29ce484222325.";
    let told_anew = ["1 thinking", "  ah", ours, "  .", "2 text", "  b", "  ."];
    let (told_text, told_call) = (["1 text", "  b", "  ."], ["1 call c f", "  {}", "  ."]);
    let cut = ["0 thinking", "  hm", nobodys, "  ."];
    let (from, like) = (Crossable::Messages, Crossable::Chat);
    for (shown, before) in [
        (vec![thinks(0, "hm", None, false)], &cut[..]),
        (
            vec![thinks(0, "hm", Some("own"), false)],
            &["0 thinking", "  hm", "  signature own", "  ."],
        ),
        (vec![thinks(0, "", None, false)], &["0 thinking", nobodys, "  ."]),
        (vec![vec![redacted]], &["0 redacted secret", "  ."]),
        // The second is cut too, before it has said anything, or while it thinks.
        (vec![thinks(0, "hm", None, false), vec![]], &cut),
        (
            vec![thinks(0, "hm", None, false), vec![open(0, r#""type":"thinking","thinking":"""#)]],
            &cut,
        ),
    ] {
        for (then, lines, after) in [
            (from, &anew, &told_anew[..]),
            (like, &chat, &told_anew),
            (from, &text(0), &told_text),
            (from, &call, &told_call),
            (from, &vec![], &[]),
        ] {
            let bytes = continued(&shown, false, then, lines);
            let told = legal::read(Dialect::Messages, &bytes, true);
            let expect = [before, after].concat();
            let found = &told.lines[1..told.lines.len() - 3];
            assert_eq!(found, expect, "{shown:?}, then {lines:?}");
        }
    }
    // What the second thought is of its own: the third adds nothing to it either.
    let shown = [thinks(0, "hm", None, false), thinks(0, "ah", None, false)];
    let told = legal::read(Dialect::Messages, &continued(&shown, false, from, &anew), true);
    let second = ["1 thinking", "  ah", nobodys, "  ."];
    let third = ["2 thinking", "  ah", ours, "  .", "3 text", "  b", "  ."];
    assert_eq!(told.lines[1..12], [&cut[..], &second, &third[..3]].concat());
    assert_eq!(told.lines[12..16], third[3..]);
}

/// Whoever goes on where only reasoning was shown signs its own, for itself: the caller sends that back.
#[test]
fn what_goes_on_is_signed_for_its_target() {
    let seal = |secret: &str| format!("  signature backstop1.e620bc190468c37c.{secret}");
    let pieces = |signatures: &[&str]| -> Vec<String> {
        let delta =
            |it: &&str| piece(0, &format!(r#""type":"signature_delta","signature":"{it}""#));
        let thinking = [thinks(0, "ah", None, false), signatures.iter().map(delta).collect()];
        [thinking.concat(), vec![close(0)]].concat()
    };
    let redacted = vec![open(0, r#""type":"redacted_thinking","data":"s\/x""#), close(0)];
    let cut = thinks(0, "hm", None, false);
    let nobodys = "  signature backstop1.cbf29ce484222325.";
    let shut = ["0 thinking", "  hm", nobodys, "  ."];
    let second = |told: &[&str]| told.iter().map(ToString::to_string).collect::<Vec<String>>();
    for (lines, expect) in [
        (
            thinks(0, "ah", Some("own="), true),
            second(&["1 thinking", "  ah", &seal("own="), "  ."]),
        ),
        // There is one, and it comes whole: another stands in the place of the first.
        (pieces(&["old", "o\\/wn="]), second(&["1 thinking", "  ah", &seal("o\\/wn="), "  ."])),
        // What was thought is kept from the caller (`display: omitted`).
        (thinks(0, "", Some("own="), true), second(&["1 thinking", &seal("own="), "  ."])),
        (redacted, second(&["1 redacted backstop1.e620bc190468c37c.s\\/x", "  ."])),
        (pieces(&[]), second(&["1 thinking", "  ah", &seal(""), "  ."])),
    ] {
        for signs in [true, false] {
            let bytes = continued(std::slice::from_ref(&cut), signs, Crossable::Messages, &lines);
            let told = legal::read(Dialect::Messages, &bytes, true).lines;
            let found = &told[1..told.len() - 3];
            if signs {
                assert_eq!(found, [second(&shut), expect.clone()].concat(), "{lines:?}");
            } else {
                // Behind a joint it would hold for what is not sent back.
                assert!(
                    !found.concat().contains("own=") && !found.concat().contains("s\\/x"),
                    "{found:?}"
                );
            }
        }
    }
    // One that was cut again before its block was closed has signed nothing.
    let open_ended = thinks(0, "ah", Some("own="), false);
    let text = [
        open(0, r#""type":"text","text":"""#),
        piece(0, r#""type":"text_delta","text":"b""#),
        close(0),
    ];
    let bytes = continued(&[cut, open_ended], true, Crossable::Messages, &text);
    let told = legal::read(Dialect::Messages, &bytes, true).lines;
    let expect = ["1 thinking", "  ah", nobodys, "  .", "2 text"];
    assert_eq!(told[5..10], expect);
}

/// In Chat too: behind a joint there is a seal, and nothing in it.
#[test]
fn what_goes_on_in_chat_is_signed_for_its_target() {
    let start = first(Crossable::Messages)[0];
    let redacted = vec![open(0, r#""type":"redacted_thinking","data":"s\/x""#), close(0)];
    for (lines, secret) in [
        (thinks(0, "ah", Some("own="), true), Some("own=")),
        (thinks(0, "", Some("own="), true), Some("own=")),
        (redacted, Some(r"s\/x")),
        (thinks(0, "ah", Some(""), true), None),
        (thinks(0, "ah", None, true), None),
    ] {
        for signs in [true, false] {
            let resume = Resume { signs, ..standing(&[], true) };
            let plan = between(Crossable::Messages, Crossable::Chat);
            let mut crossing = Crossing::resumed(plan, resume, 1 << 20);
            let stream = [start].into_iter().chain(lines.iter().map(String::as_str));
            let mut frames = Vec::new();
            crossing
                .feed(Bytes::from(framed(Dialect::Messages, stream)), &mut frames)
                .expect("frames");
            let bytes: Vec<u8> = frames.iter().flat_map(|frame| frame.bytes.to_vec()).collect();
            let text = String::from_utf8(bytes).expect("UTF-8");
            let seal = |secret| format!("\"backstop1.e620bc190468c37c.{secret}\"");
            let expect = secret.map(|secret| seal(if signs { secret } else { "" }));
            let found = text.matches("backstop1.").count();
            assert_eq!(found, expect.iter().len(), "{lines:?}: {text}");
            assert!(expect.is_none_or(|seal| text.contains(&seal)), "{lines:?}: {text}");
        }
    }
}

/// What a caller of Messages gets of answers in Messages, each cut behind its lines and gone on with by
/// the next, and at last by one that ends. `signs`: nothing but reasoning is shown of those that are cut.
fn continued(shown: &[Vec<String>], signs: bool, then: Crossable, lines: &[String]) -> Vec<u8> {
    let to = Crossable::Messages;
    let stream = |from: Crossable, start: &str, lines: &[String], end: &[&str]| {
        let lines = lines.iter().map(String::as_str);
        let lines = [start].into_iter().chain(lines).chain(end.iter().copied());
        Bytes::from(framed(from.dialect(), lines))
    };
    let (mut frames, mut resume) = (Vec::new(), Resume::default());
    for (place, lines) in shown.iter().enumerate() {
        let bytes = stream(to, first(to)[0], lines, &[]);
        let mut more = Vec::new();
        if place == 0 {
            Decoder::carrying(to.dialect(), 1).feed(bytes, &mut more).expect("frames");
            resume = Resume { signs, ..standing(&more, false) };
        } else {
            let mut crossing = Crossing::resumed(between(to, to), resume.clone(), 1 << 20);
            crossing.feed(bytes, &mut more).expect("frames");
            let marks = more.iter().flat_map(|frame| &frame.events).filter_map(|event| {
                if let Event::Aside(Aside::Mark(mark)) = event { Some(*mark) } else { None }
            });
            resume.mark = marks.last().unwrap_or(resume.mark);
        }
        frames.append(&mut more);
    }
    let begun = second(then);
    let called = lines.iter().any(|line| line.contains("tool_use"));
    let (start, end) = match then {
        Crossable::Chat => (
            r#"{"id":"b1","choices":[]}"#,
            vec![r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#, "[DONE]"],
        ),
        Crossable::Messages if called => (begun[0], begun[begun.len() - 2..].to_vec()),
        Crossable::Messages => (
            begun[0],
            vec![
                r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":5}}"#,
                r#"{"type":"message_stop"}"#,
            ],
        ),
    };
    let mut crossing = Crossing::resumed(between(then, to), resume, 1 << 20);
    crossing.feed(stream(then, start, lines, &end), &mut frames).expect("frames");
    frames.iter().flat_map(|frame| frame.bytes.to_vec()).collect()
}

const ITEM: &str = r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"reasoning","id":"rs_a","status":"in_progress","summary":[],"encrypted_content":"begun"}}"#;
const DONE: &str = r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"reasoning","id":"rs_a","summary":[],"encrypted_content":"whole"}}"#;

/// What ends a part of a summary.
const ENDS: &[&str] = &["reasoning_summary_text.done", "reasoning_summary_part.done"];

/// What was said of reasoning that is open: the events of its parts, all that was shown, which of its events
/// end it before its item is done, and as what.
type Cut = (Vec<String>, Option<&'static str>, &'static [&'static str], String);

fn cuts() -> Vec<Cut> {
    let part = |family: &str, key: &str, at: u32, end: &str, kind: &str, text: &str| {
        format!(
            r#"{{"type":"response.{family}.{end}","item_id":"rs_a","output_index":0,"{key}":{at},"part":{{"type":"{kind}","text":"{text}"}}}}"#
        )
    };
    let summary = |at, end, text| {
        part("reasoning_summary_part", "summary_index", at, end, "summary_text", text)
    };
    let content = |end, text| part("content_part", "content_index", 0, end, "reasoning_text", text);
    let ours = r#""encrypted_content":"backstop1.cbf29ce484222325.""#;
    let closed = |parts: &str| {
        format!(r#"{{"type":"reasoning","id":"rs_a","status":"incomplete",{parts},{ours}}}"#)
    };
    let shown = |kind: &str, text: &str| format!(r#"{{"type":"{kind}","text":"{text}"}}"#);
    let (one, two) = (shown("summary_text", "one"), shown("summary_text", "two"));
    let both = shown("summary_text", "one\\n\\ntwo");
    vec![
        (vec![], Some(""), &[], closed(r#""summary":[]"#)),
        // Not every server says where a part begins.
        (vec![], Some("one"), &[], closed(&format!(r#""summary":[{one}]"#))),
        (
            vec![summary(0, "added", "")],
            Some("one"),
            ENDS,
            closed(&format!(r#""summary":[{one}]"#)),
        ),
        (
            vec![summary(0, "added", ""), summary(0, "done", "one"), summary(1, "added", "")],
            Some("one\\n\\ntwo"),
            ENDS,
            closed(&format!(r#""summary":[{one},{two}]"#)),
        ),
        (
            vec![summary(0, "added", ""), summary(0, "done", "one")],
            Some("one"),
            &[],
            closed(&format!(r#""summary":[{one}]"#)),
        ),
        // More was shown than is kept: what is done is done.
        (
            vec![summary(0, "added", ""), summary(0, "done", "one"), summary(1, "added", "")],
            None,
            &[],
            closed(&format!(r#""summary":[{one}]"#)),
        ),
        // Its end was spelled in another way than its pieces.
        (
            vec![summary(0, "added", ""), summary(0, "done", "\\u006fne"), summary(1, "added", "")],
            Some("one\\n\\ntwo"),
            &[],
            closed(&format!(r#""summary":[{both}]"#)),
        ),
        (
            vec![content("added", "")],
            Some("one"),
            &["reasoning_text.done", "content_part.done"],
            closed(&format!(r#""summary":[],"content":[{}]"#, shown("reasoning_text", "one"))),
        ),
    ]
}

/// Reasoning that was open is done before anything else begins, its part before it, and stands in the last
/// event as it was shown; a seal of ours stands in the place of its provider's.
#[test]
fn reasoning_of_responses_is_done_before_the_rest() {
    let (created, message) = (RESPONSES[0], &RESPONSES[1..6]);
    let [call, last] = [&RESPONSES[6..9], &RESPONSES[9..]];
    for (parts, thought, ends, expect) in cuts() {
        let begun: Vec<&str> =
            [CREATED, ITEM].into_iter().chain(parts.iter().map(String::as_str)).collect();
        for rest in [&[message, call][..], &[call], &[]] {
            let lines = [created].into_iter().chain(rest.concat()).chain(last.iter().copied());
            let resume = Resume { thought: thought.map(str::to_owned), ..kept(&begun, "") };
            let events = responses(resume, lines);
            let kinds: Vec<&str> = events.iter().map(kind).collect();
            let mut first = ends.to_vec();
            first.push("output_item.done");
            assert_eq!(kinds[..first.len()], first, "{begun:?}");
            let item = events[first.len() - 1]["item"].to_string();
            let expect: Value = serde_json::from_str(&expect).expect("JSON");
            assert_eq!(item, expect.to_string(), "{begun:?}");
            let last = events.last().expect("a last event");
            assert_eq!(last["response"]["output"][0], expect, "{begun:?}");
            if let [text_done, part_done] = &events[..first.len() - 1] {
                assert_eq!(text_done["text"], part_done["part"]["text"]);
                let key = if kinds[1] == "content_part.done" { "content" } else { "summary" };
                let place = text_done[format!("{key}_index")].as_u64().expect("a place");
                assert_eq!(part_done[format!("{key}_index")], place);
                let place = usize::try_from(place).expect("a place");
                assert_eq!(expect[key][place], part_done["part"], "{begun:?}");
            }
        }
    }
    // What was done is not done again.
    let lines = RESPONSES.iter().copied();
    let events = responses(kept(&[CREATED, ITEM, DONE], ""), lines);
    assert_eq!(kind(&events[0]), "output_item.added");
    assert_eq!(
        events.last().expect("a last event")["response"]["output"][0]["encrypted_content"],
        "whole"
    );
}

fn kind(event: &Value) -> &str {
    event["type"].as_str().and_then(|kind| kind.strip_prefix("response.")).expect("a type")
}

/// The events that go on with an answer in Responses.
fn responses<'a>(resume: Resume, lines: impl Iterator<Item = &'a str>) -> Vec<Value> {
    let mut frames = Vec::new();
    let mut crossing = Crossing::resumed_responses("bs_1".to_owned(), resume, 1 << 20);
    let bytes = Bytes::from(framed(Dialect::Responses, lines));
    crossing.feed(bytes, &mut frames).expect("frames");
    let bytes: Vec<u8> = frames.iter().flat_map(|frame| frame.bytes.to_vec()).collect();
    let text = String::from_utf8(bytes).expect("UTF-8");
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    data.map(|data| serde_json::from_str(data).expect("JSON")).collect()
}
