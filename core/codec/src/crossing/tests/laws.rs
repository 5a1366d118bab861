//! Laws over generated answers and over bytes of any kind.

use super::recorded::{Said, said};
use super::{Crossed, cross, legal, other, plan, try_cross};
use crate::Decoder;
use crate::proof::{Recorded, bare, cut, events, feed, framed, seeds, streams};
use bytes::Bytes;
use ir::{Aside, BlockKind, Crossable, Dialect, Event, Opening, Piece, Tokens};
use proptest::prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::sample::Index;
use std::fmt::Write as _;
use std::sync::LazyLock;

/// A part of an answer; texts are insides of JSON strings.
#[derive(Clone, Debug)]
enum Part {
    Text(Vec<String>),
    Thinking(Vec<String>),
    Call { id: String, name: String, arguments: String, pieces: Vec<Index> },
}

#[derive(Clone, Debug)]
struct Answer {
    parts: Vec<Part>,
    tokens: Tokens,
    cut: bool,
}

/// A piece of a text as models write it, half surrogates and odd escapes included; never white
/// space alone.
fn piece() -> impl Strategy<Value = String> {
    let atom = prop_oneof![
        "[a-zé€😀 ]{1,3}",
        Just(r"\n".to_owned()),
        Just(r#"\""#.to_owned()),
        Just(r"\\".to_owned()),
        Just(r"\/".to_owned()),
        Just(r"\u0000".to_owned()),
        Just(r"\ud83d".to_owned()),
        Just(r"\ude00".to_owned()),
    ];
    proptest::collection::vec(atom, 0..4).prop_map(|atoms| format!("x{}", atoms.concat()))
}

fn pieces() -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec(piece(), 1..4)
}

/// Arguments: the inside of a string that is JSON's spelling of an object.
fn arguments() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just("{}".to_owned()),
        Just(r#"{\"a\": 1e400,\n\"a\":-0.0}"#.to_owned()),
        piece().prop_map(|text| {
            let text = text.replace('\\', r"\\").replace(r#"\\""#, r#"\\\""#);
            format!(r#"{{\"text\":\"{text}\"}}"#)
        }),
    ]
}

fn part() -> impl Strategy<Value = Part> {
    prop_oneof![
        pieces().prop_map(Part::Text),
        pieces().prop_map(Part::Thinking),
        (
            prop_oneof!["[a-zA-Z0-9_-]{1,8}", "[a-z.:]{0,4}"],
            "[a-z_]{1,8}",
            arguments(),
            proptest::collection::vec(any::<Index>(), 0..3)
        )
            .prop_map(|(id, name, arguments, pieces)| Part::Call {
                id,
                name,
                arguments,
                pieces
            }),
    ]
}

fn answer() -> impl Strategy<Value = Answer> {
    let count = 0..1_000_000_u64;
    let tokens = (count.clone(), count.clone(), count.clone(), count.clone(), count);
    let tokens = tokens.prop_map(|(input, cache_read, cache_write, output, more)| {
        let reasoning = output.min(more);
        Tokens { input, cache_read, cache_write, output, reasoning }
    });
    (proptest::collection::vec(part(), 0..5), tokens, any::<bool>())
        .prop_map(|(parts, tokens, cut)| Answer { parts, tokens, cut })
}

/// Cuts arguments into pieces, between characters of the spelling.
fn split<'a>(arguments: &'a str, places: &[Index]) -> Vec<&'a str> {
    let whole: Vec<usize> = escapes(arguments);
    let mut places: Vec<usize> =
        places.iter().map(|place| whole[place.index(whole.len())]).collect();
    places.extend([0, arguments.len()]);
    places.sort_unstable();
    places.windows(2).map(|pair| &arguments[pair[0]..pair[1]]).collect()
}

/// The places where a text may be cut without cutting an escape.
fn escapes(text: &str) -> Vec<usize> {
    let mut places = vec![0];
    let mut characters = text.char_indices().peekable();
    while let Some((_, character)) = characters.next() {
        let skip = match (character, characters.peek().copied()) {
            ('\\', Some((_, 'u'))) => 5,
            ('\\', _) => 1,
            _other => 0,
        };
        for _ in 0..skip {
            characters.next();
        }
        places.push(characters.peek().map_or(text.len(), |(at, _)| *at));
    }
    places
}

// === impl Answer ===

impl Answer {
    fn has_calls(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Call { .. }))
    }

    fn stream(&self, dialect: Dialect) -> Bytes {
        let lines = match dialect {
            Dialect::Chat => self.chat(),
            Dialect::Messages => self.messages(),
            Dialect::Responses => panic!("it crosses to nobody"),
        };
        Bytes::from(framed(dialect, lines.iter().map(String::as_str)))
    }

    fn chat(&self) -> Vec<String> {
        let chunk = |fields: &str| {
            format!(r#"{{"id":"c.1","choices":[{{"index":0,"delta":{{{fields}}}}}]}}"#)
        };
        let mut lines = vec![chunk(r#""role":"assistant","content":"""#)];
        let mut index = 0;
        for part in &self.parts {
            match part {
                Part::Text(pieces) => lines
                    .extend(pieces.iter().map(|piece| chunk(&format!(r#""content":"{piece}""#)))),
                Part::Thinking(pieces) => lines.extend(
                    pieces.iter().map(|piece| chunk(&format!(r#""reasoning_content":"{piece}""#))),
                ),
                Part::Call { id, name, arguments, pieces } => {
                    let mut head = format!(r#""id":"{id}","type":"function","#);
                    let mut name = format!(r#""name":"{name}","#);
                    for piece in split(arguments, pieces) {
                        lines.push(chunk(&format!(
                            r#""tool_calls":[{{"index":{index},{head}"function":{{{name}"arguments":"{piece}"}}}}]"#
                        )));
                        (head, name) = (String::new(), String::new());
                    }
                    index += 1;
                }
            }
        }
        let reason = if self.cut { "length" } else { "stop" };
        lines.push(format!(
            r#"{{"choices":[{{"index":0,"delta":{{}},"finish_reason":"{reason}"}}]}}"#
        ));
        let Tokens { input, cache_read, cache_write, output, reasoning } = self.tokens;
        let prompt = input + cache_read + cache_write;
        lines.push(format!(
            r#"{{"choices":[],"usage":{{"prompt_tokens":{prompt},"completion_tokens":{output},"total_tokens":{},"prompt_tokens_details":{{"cached_tokens":{cache_read},"cache_write_tokens":{cache_write}}},"completion_tokens_details":{{"reasoning_tokens":{reasoning}}}}}}}"#,
            prompt + output
        ));
        lines.push("[DONE]".to_owned());
        lines
    }

    fn messages(&self) -> Vec<String> {
        let mut lines =
            vec![r#"{"type":"message_start","message":{"id":"msg_1","content":[]}}"#.to_owned()];
        for (index, part) in self.parts.iter().enumerate() {
            let block = match part {
                Part::Text(_) => r#""type":"text","text":"""#.to_owned(),
                Part::Thinking(_) => r#""type":"thinking","thinking":"","signature":"""#.to_owned(),
                Part::Call { id, name, .. } => {
                    format!(r#""type":"tool_use","id":"{id}","name":"{name}","input":{{}}"#)
                }
            };
            lines.push(format!(
                r#"{{"type":"content_block_start","index":{index},"content_block":{{{block}}}}}"#
            ));
            let deltas: Vec<String> = match part {
                Part::Text(pieces) => pieces
                    .iter()
                    .map(|it| format!(r#""type":"text_delta","text":"{it}""#))
                    .collect(),
                Part::Thinking(pieces) => pieces
                    .iter()
                    .map(|it| format!(r#""type":"thinking_delta","thinking":"{it}""#))
                    .chain([r#""type":"signature_delta","signature":"c2ln""#.to_owned()])
                    .collect(),
                Part::Call { arguments, pieces, .. } => split(arguments, pieces)
                    .iter()
                    .map(|it| format!(r#""type":"input_json_delta","partial_json":"{it}""#))
                    .collect(),
            };
            lines.extend(deltas.iter().map(|delta| {
                format!(r#"{{"type":"content_block_delta","index":{index},"delta":{{{delta}}}}}"#)
            }));
            lines.push(format!(r#"{{"type":"content_block_stop","index":{index}}}"#));
        }
        let reason = match (self.cut, self.has_calls()) {
            (true, _) => "max_tokens",
            (false, true) => "tool_use",
            (false, false) => "end_turn",
        };
        let Tokens { input, cache_read, cache_write, output, reasoning } = self.tokens;
        let mut end = format!(r#"{{"type":"message_delta","delta":{{"stop_reason":"{reason}"}},"#);
        let _ignored = write!(
            end,
            r#""usage":{{"input_tokens":{input},"cache_read_input_tokens":{cache_read},"cache_creation_input_tokens":{cache_write},"output_tokens":{output},"output_tokens_details":{{"thinking_tokens":{reasoning}}}}}}}"#
        );
        lines.extend([end, r#"{"type":"message_stop"}"#.to_owned()]);
        lines
    }

    /// What is to be read of it: empty arguments are an object, and Chat's calls come last.
    fn said(&self) -> Said {
        let mut said = Said { tokens: Some(self.tokens), ..Said::default() };
        for part in &self.parts {
            match part {
                Part::Text(pieces) => said.text.push_str(&pieces.concat()),
                Part::Thinking(pieces) => said.thinking.push_str(&pieces.concat()),
                Part::Call { name, arguments, .. } => {
                    let arguments = if arguments.is_empty() { "{}" } else { arguments };
                    said.calls.push((name.clone(), arguments.to_owned()));
                }
            }
        }
        said
    }
}

static SHORT: LazyLock<Vec<Recorded>> = LazyLock::new(|| {
    super::crossing(streams()).into_iter().filter(|stream| stream.bytes.len() < 4 << 10).collect()
});

fn finish(dialect: Dialect, bytes: &Bytes) -> Option<Event> {
    let (frames, _) = feed(dialect, 1, std::slice::from_ref(bytes));
    bare(&events(&frames)).into_iter().find(|event| matches!(event, Event::Finish(..)))
}

/// What holds whatever came: what leaves is legal, has an end only behind a finish, and has one
/// wherever the exchange takes the answer for complete.
fn lawful(dialect: Dialect, bytes: &Bytes, crossed: &Crossed) {
    let told = legal::read(other(dialect), &crossed.bytes, true);
    let events = events(&crossed.frames);
    says_what_it_shows(dialect, crossed);
    let finished = events.iter().any(|event| matches!(event, Event::Finish(..)));
    assert!(finished || !told.ended, "{bytes:?}");
    assert!(!is_complete(&events) || told.ended, "{bytes:?}");
}

/// Whoever goes on with an answer goes on behind what its events say: a frame's say the text and the
/// calls of its bytes, as long as the exchange reads them.
fn says_what_it_shows(dialect: Dialect, crossed: &Crossed) {
    let mut reader = Decoder::carrying(other(dialect), 1);
    for frame in &crossed.frames {
        let declines = |event: &Event| matches!(event, Event::Delta(_, Piece::Refusal(_)));
        let ends =
            |event: &Event| matches!(event, Event::End | Event::Fail(_) | Event::Malformed(_));
        if frame.events.iter().any(|event| declines(event) || ends(event)) {
            return;
        }
        let mut read = Vec::new();
        reader.feed(frame.bytes.clone(), &mut read).expect("frames");
        let read = events(&read);
        assert_eq!(text(&frame.events), text(&read), "{frame:?}");
        let (mut told, mut shown) = (Vec::new(), Vec::new());
        for event in &frame.events {
            if let Event::Aside(Aside::Shown(_, call)) = event {
                told.push((&call.id, &call.name));
            }
        }
        for event in &read {
            if let Event::Open(_, Some(opening)) = event
                && let Opening::Call(call) = &**opening
            {
                shown.push((&call.id, &call.name));
            }
        }
        assert_eq!(told, shown, "{frame:?}");
    }
}

fn text(events: &[Event]) -> String {
    let mut text = String::new();
    for event in events {
        if let Event::Delta(_, Piece::Text(raw)) = event {
            text.push_str(raw);
        }
    }
    text
}

/// Whether an exchange stops at an answer that is whole: with its finish, and no call open.
fn is_complete(events: &[Event]) -> bool {
    let (mut finished, mut open) = (false, Vec::new());
    for event in events {
        match event {
            Event::Open(block, _) if block.kind == BlockKind::Tool => open.push(*block),
            Event::Close(block) => open.retain(|it| it != block),
            Event::Finish(..) => finished = true,
            Event::End | Event::Fail(_) => break,
            Event::Malformed(_) if !open.is_empty() => return false,
            Event::Ping
            | Event::Start(_)
            | Event::Open(..)
            | Event::Delta(..)
            | Event::Progress
            | Event::Usage(_)
            | Event::Repeated(_)
            | Event::Malformed(_)
            | Event::Noise(_)
            | Event::Aside(_) => {}
        }
    }
    finished && open.is_empty()
}

fn all_kinds(dialect: Dialect, bytes: &Bytes, places: &[usize]) {
    let plan = plan(dialect);
    if try_cross(plan.clone(), 4096, bytes).is_err() {
        return;
    }
    let whole = cross(plan.clone(), std::slice::from_ref(bytes));
    let split = cross(plan, &cut(bytes, places));
    assert_eq!(split.frames, whole.frames, "CD1: {bytes:?} cut at {places:?}");
    assert_eq!(split.bytes, whole.bytes, "CD1: {bytes:?} cut at {places:?}");
    lawful(dialect, bytes, &whole);
}

/// The seeds of both fuzz targets.
#[test]
fn seeds_replay() {
    for target in ["chat", "messages", "cross_chat", "cross_messages"] {
        for (_, seed) in seeds(target) {
            let (places, stream) = seed.split_first_chunk::<4>().unwrap_or((&[0; 4], &seed));
            let stream = Bytes::copy_from_slice(stream);
            let mut places: Vec<usize> =
                places.iter().map(|&place| usize::from(place).min(stream.len())).collect();
            places.sort_unstable();
            for dialect in Crossable::ALL.map(Crossable::dialect) {
                all_kinds(dialect, &stream, &places);
            }
        }
    }
}

proptest! {
    #[test]
    fn what_is_said_is_told(answer in answer(), chat: bool) {
        let from = if chat { Dialect::Chat } else { Dialect::Messages };
        let stream = answer.stream(from);
        let source = said(from, &stream);
        prop_assert_eq!(&source, &answer.said(), "the generator and the decoder");
        let there = Bytes::from(cross(plan(from), std::slice::from_ref(&stream)).bytes);
        let told = legal::read(other(from), &there, true);
        prop_assert!(told.ended);
        prop_assert_eq!(&said(other(from), &there), &source);
        prop_assert_eq!(finish(other(from), &there), finish(from, &stream));
        // And back again.
        let back = Bytes::from(cross(plan(other(from)), std::slice::from_ref(&there)).bytes);
        legal::read(from, &back, true);
        prop_assert_eq!(said(from, &back), source);
        prop_assert_eq!(finish(from, &back), finish(from, &stream));
    }

    #[test]
    fn white_space_is_told_when_it_is_shown(
        pieces in proptest::collection::vec((
            prop_oneof![Just("content"), Just("content"), Just("reasoning_content")],
            prop_oneof![Just(r"\n"), Just(" "), Just(r"\n \t"), Just("a"), Just(r"\nb ")],
        ), 1..8),
    ) {
        let chunk = |(field, text): &(&str, &str)| {
            format!(r#"{{"choices":[{{"index":0,"delta":{{"{field}":"{text}"}}}}]}}"#)
        };
        let lines: Vec<String> = pieces.iter().map(chunk).collect();
        let bytes = framed(Dialect::Chat, lines.iter().map(String::as_str));
        let crossed = cross(plan(Dialect::Chat), &[Bytes::from(bytes)]);
        says_what_it_shows(Dialect::Chat, &crossed);
        let deltas = |event: &&Event| matches!(event, Event::Delta(..));
        let told = events(&crossed.frames);
        prop_assert_eq!(told.iter().filter(deltas).count(), pieces.len(), "each counts as content");
    }

    #[test]
    fn mangled_answers_stay_legal(
        answer in answer(),
        chat: bool,
        flips in proptest::collection::vec((any::<Index>(), prop_oneof![any::<u8>(), Just(b'"'), Just(b'}'), Just(b'0')]), 0..5),
        places in proptest::collection::vec(any::<Index>(), 0..4),
        error in proptest::option::of(any::<Index>()),
    ) {
        let from = if chat { Dialect::Chat } else { Dialect::Messages };
        let mut frames = answer.stream(from).split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>();
        if let Some(error) = error {
            let line = br#"data: {"type":"error","error":{"type":"api_error","message":"x"}}"#;
            frames.insert(error.index(frames.len()), [b"\n\n", line.as_slice(), b"\n\n"].concat());
        }
        let mut bytes = frames.concat();
        for (at, byte) in flips {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let mut places: Vec<usize> = places.iter().map(|place| place.index(bytes.len())).collect();
        places.sort_unstable();
        for dialect in Crossable::ALL.map(Crossable::dialect) {
            all_kinds(dialect, &Bytes::from(bytes.clone()), &places);
        }
    }

    #[test]
    fn mangled_recordings_stay_legal(
        which: Index,
        lines in proptest::collection::vec((any::<Index>(), any::<Index>()), 0..4),
        flips in proptest::collection::vec((any::<Index>(), any::<u8>()), 0..4),
    ) {
        let stream = which.get(&SHORT);
        let mut frames: Vec<&[u8]> = stream.bytes.split_inclusive(|byte| *byte == b'\n').collect();
        for (a, b) in lines {
            let (a, b) = (a.index(frames.len()), b.index(frames.len()));
            frames.swap(a, b);
        }
        let mut bytes = frames.concat();
        for (at, byte) in flips {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        all_kinds(stream.dialect, &Bytes::from(bytes), &[]);
    }
}
