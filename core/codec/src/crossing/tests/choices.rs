//! A choice that nobody asked for is not read, whoever it is written for and whatever it says.

use super::resumed::{begun, between, standing};
use super::{legal, plan};
use crate::Crossing;
use crate::proof::framed;
use bytes::Bytes;
use ir::{Block, Crossable, Dialect, Event, Events, Finish, Frame, Opening};

/// A chunk with this of one choice.
fn chunk(index: u32, rest: &str) -> String {
    format!(r#"{{"id":"b1","created":9,"choices":[{{"index":{index},{rest}}}]}}"#)
}

/// What is said beside the first choice, in two chunks.
const BESIDE: [[&str; 2]; 6] = [
    [r#""delta":{"content":"<x>"}"#, r#""delta":{"content":"<x>"}"#],
    [r#""delta":{"content":"<x>"}"#, r#""delta":{},"finish_reason":"length""#],
    [r#""delta":{"reasoning_content":"<x>"}"#, r#""delta":{"content":"<x>"}"#],
    [r#""delta":{"refusal":"<x>"}"#, r#""delta":{},"finish_reason":"content_filter""#],
    [r#""delta":{"function_call":{"name":"<x>"}}"#, r#""delta":{"audio":{"data":"x"}}"#],
    [
        r#""delta":{"tool_calls":[{"index":0,"id":"x","function":{"name":"<x>","arguments":"{"}}]}"#,
        r#""delta":{},"finish_reason":"tool_calls""#,
    ],
];

#[test]
fn of_several_choices_the_first_is_read() {
    for to in Crossable::ALL {
        for (number, beside) in (1..).zip(BESIDE) {
            let lines = [
                chunk(0, r#""delta":{"role":"assistant","content":"th"}"#),
                chunk(number, beside[0]),
                chunk(0, r#""delta":{"content":"re"}"#),
                chunk(number, beside[1]),
                chunk(0, r#""delta":{"content":"e"}"#),
                chunk(0, r#""delta":{},"finish_reason":"stop""#),
                chunk(number, r#""delta":{"content":"<x>"}"#),
                "[DONE]".to_owned(),
            ];
            let stream = framed(Dialect::Chat, lines.iter().map(String::as_str));
            let shown = begun(to, to);
            let resumed =
                Crossing::resumed(between(Crossable::Chat, to), standing(&shown, false), 1 << 20);
            check(to, resumed, &shown, &stream, "one two three");
            if to == Crossable::Messages {
                check(to, Crossing::new(plan(Dialect::Chat), 1 << 20), &[], &stream, "three");
            }
        }
    }
}

/// Some count from one.
#[test]
fn the_only_choice_is_read_whatever_its_number() {
    let lines = [
        chunk(1, r#""delta":{"role":"assistant","content":"thr"}"#),
        chunk(1, r#""delta":{"content":"ee"}"#),
        chunk(1, r#""delta":{},"finish_reason":"stop""#),
        "[DONE]".to_owned(),
    ];
    let stream = framed(Dialect::Chat, lines.iter().map(String::as_str));
    let mut crossing = Crossing::new(plan(Dialect::Chat), 1 << 20);
    let mut frames = Vec::new();
    crossing.feed_through(Bytes::from(stream), &mut frames, |_| Ok(())).expect("frames");
    let mut bytes: Vec<u8> = frames.iter().flat_map(|frame| frame.bytes.to_vec()).collect();
    bytes.extend_from_slice(&crossing.end());
    assert_eq!(legal::read(Dialect::Messages, &bytes, true).text, "three");
}

#[track_caller]
fn check(to: Crossable, mut crossing: Crossing, shown: &[Frame], stream: &str, text: &str) {
    let mut more = Vec::new();
    let mut events = Events::new();
    let sieve = |frame: &mut Events| {
        events.extend(frame.iter().cloned());
        Ok(())
    };
    crossing.feed_through(Bytes::from(stream.to_owned()), &mut more, sieve).expect("frames");
    let mut bytes: Vec<u8> =
        shown.iter().chain(&more).flat_map(|frame| frame.bytes.to_vec()).collect();
    bytes.extend_from_slice(&crossing.end());
    let told = legal::read(to.dialect(), &bytes, true);
    assert_eq!(told.text, text, "{stream}");
    assert!(!String::from_utf8_lossy(&bytes).contains("<x>"), "{stream}");
    let mut choices = events.iter().filter_map(Event::block).map(Block::item);
    let first = choices.next();
    assert!(choices.all(|choice| Some(choice) == first), "{stream}");
    let finishes = events.iter().filter(|event| matches!(event, Event::Finish(..)));
    let finishes: Vec<_> = finishes.cloned().collect();
    assert!(
        matches!(finishes.as_slice(), [Event::Finish(Finish::Stop, _)]),
        "{finishes:?} {stream}"
    );
    let lost: Vec<String> = crossing.losses().iter().map(ToString::to_string).collect();
    let choices = "choices[]=dropped: all but the first".to_owned();
    assert!(lost.contains(&choices), "{lost:?} {stream}");
}

/// The places of Messages and of Responses are no choices, however far they count.
#[test]
fn what_has_no_choices_is_read_whole() {
    let lines = super::resumed::second(Crossable::Messages)
        .into_iter()
        .map(|line| line.replace(r#""index":"#, r#""index":7000"#));
    let lines: Vec<String> = lines.collect();
    for to in Crossable::ALL {
        let shown = begun(to, to);
        let plan = between(Crossable::Messages, to);
        let mut crossing = Crossing::resumed(plan, standing(&shown, false), 1 << 20);
        let stream = framed(Dialect::Messages, lines.iter().map(String::as_str));
        let mut more = Vec::new();
        crossing.feed(Bytes::from(stream), &mut more).expect("frames");
        let opens = |event: &Event| {
            matches!(event, Event::Open(block, Some(opening))
                if 1 << 16 < block.index && matches!(**opening, Opening::Call(_)))
        };
        let events = more.iter().flat_map(|frame| &frame.events);
        assert_eq!(events.filter(|event| opens(event)).count(), 1, "{to:?}");
        let mut bytes: Vec<u8> =
            shown.iter().chain(&more).flat_map(|frame| frame.bytes.to_vec()).collect();
        bytes.extend_from_slice(&crossing.end());
        let told = legal::read(to.dialect(), &bytes, true);
        assert_eq!((told.text.as_str(), told.calls.len()), ("one two three", 1), "{to:?}");
    }
}
