//! Recorded streams against golden files, every split, and the cases that recordings do not have.

use super::Decoder;
use crate::proof::{
    bare, cut, events, feed, feed_carrying, framed, golden, joined, seeds, streams, written,
};
use bytes::Bytes;
use ir::{Dialect, Event, Frame, Piece};

mod chat;
mod messages;
mod responses;

/// A piece of text in each dialect.
const PIECES: [(Dialect, &str); 3] = [
    (Dialect::Chat, r#"{"choices":[{"index":0,"delta":{"content":"a"}}]}"#),
    (
        Dialect::Messages,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}}"#,
    ),
    (Dialect::Responses, r#"{"type":"response.output_text.delta","output_index":0,"delta":"a"}"#),
];

/// What the data of a stream's events means, one line per event.
fn check(dialect: Dialect, choices: u32, lines: &[&str], expect: &[&str]) {
    let bytes = Bytes::from(framed(dialect, lines.iter().copied()));
    let (frames, rest) = feed(dialect, choices, std::slice::from_ref(&bytes));
    let written = written(&frames);
    assert_eq!(written.lines().collect::<Vec<_>>(), expect, "\nfrom {}", lines.join("\n"));
    assert_eq!(joined(&frames, &rest), bytes, "CD2");
    carried("", dialect, choices, &frames, &bytes);
}

/// What is carried changes nothing of what is meant.
fn carried(name: &str, dialect: Dialect, choices: u32, plain: &[Frame], bytes: &Bytes) {
    let carrying = feed_carrying(dialect, choices, std::slice::from_ref(bytes));
    assert_eq!(carrying.len(), plain.len(), "{name}");
    for (carrying, plain) in carrying.iter().zip(plain) {
        assert_eq!(bare(&carrying.events), bare(&plain.events), "{name}: {carrying:?}");
        let unread = |event: &Event| matches!(event, Event::Delta(_, Piece::Unread));
        assert!(!carrying.events.iter().any(unread), "{name}: {carrying:?}");
    }
}

/// CD1 and CD2: the same events and bytes as in one piece.
fn same(name: &str, dialect: Dialect, whole: &[Frame], bytes: &Bytes, places: &[usize]) {
    let (frames, rest) = feed(dialect, 1, &cut(bytes, places));
    assert!(events(&frames) == events(whole), "CD1: {name} cut at {places:?}");
    assert!(joined(&frames, &rest) == *bytes, "CD2: {name} cut at {places:?}");
}

/// Whether a frame without a name that cannot be read says nothing, or was something once.
#[test]
fn only_what_keeps_a_connection_open_says_nothing() {
    for (data, nothing) in [
        ("", true),
        ("  ", true),
        (": keepalive", true),
        (": OPENROUTER PROCESSING", true),
        ("ping", true),
        ("Heartbeat ", true),
        ("null", true),
        ("[]", true),
        ("{}", true),
        ("{ } ", true),
        ("pinged", false),
        ("Internal Server Error", false),
        ("nulls", false),
        ("0", false),
        ("true", false),
        (r#""a""#, false),
        ("[null]", false),
        ("[}", false),
        (r#"choices":[{"delta":{"content":"not "}}]}"#, false),
        (r#":[{"delta":{"content":"not "}}]}"#, false),
        (r#"type":"content_block_delta","index":0,"delta":{}}"#, false),
        ("{garbled", false),
    ] {
        let bytes = Bytes::from(format!("data: {data}\n\n"));
        for dialect in Dialect::ALL {
            let (frames, _) = feed(dialect, 1, std::slice::from_ref(&bytes));
            let noise = matches!(*frames[0].events, [Event::Noise(_)]);
            let malformed = matches!(*frames[0].events, [Event::Malformed(_)]);
            assert_eq!((noise, malformed), (nothing, !nothing), "{dialect:?}: {data}");
        }
    }
}

/// Whether a frame that has no data has lost it.
#[test]
fn what_has_lost_its_data_may_have_said_something() {
    use Dialect::{Chat, Messages, Responses};
    for (frame, lost) in [
        (": comment\n\n", &[][..]),
        ("id: 7\nretry: 5\n\n", &[]),
        ("event: ping\n\n", &[]),
        ("event: of_tomorrow\n\n", &[]),
        ("event: response.in_progress\n\n", &[]),
        ("\u{feff}\n\n", &[]),
        ("\u{feff}: comment\n\n", &[]),
        (" \n\n", &[]),
        ("keep-alive\n\n", &[]),
        ("Ping: 3\n\n", &[]),
        ("event: error\n\n", &[Chat, Messages, Responses]),
        ("event: content_block_delta\n\n", &[Messages]),
        ("event: message_stop\n\n", &[Messages]),
        ("event: response.output_text.delta\n\n", &[Responses]),
        ("event: response.reasoning_text.delta\nid: 4\n\n", &[Responses]),
        ("dota: {}\n\n", &[Chat, Messages, Responses]),
        ("DATA: {}\n\n", &[Chat, Messages, Responses]),
        (" data: {}\n\n", &[Chat, Messages, Responses]),
        ("\u{feff}data: {}\n\n", &[Chat, Messages, Responses]),
        ("data {}\n\n", &[Chat, Messages, Responses]),
        ("{\"error\":1}\n\n", &[Chat, Messages, Responses]),
        ("<html>\n\n", &[Chat, Messages, Responses]),
    ] {
        for dialect in Dialect::ALL {
            // Not the first frame: that one may begin with a mark.
            let bytes = Bytes::from(format!(": first\n\n{frame}"));
            let (frames, _) = feed(dialect, 1, std::slice::from_ref(&bytes));
            let malformed = matches!(*frames[1].events, [Event::Malformed(_)]);
            assert_eq!(malformed, lost.contains(&dialect), "{dialect:?}: {frame:?}");
            assert!(malformed || frames[1].events.is_empty(), "{dialect:?}: {frame:?}");
        }
    }
    // What has its data may have whatever else can be no part of an event.
    for dialect in Dialect::ALL {
        let frame = "dota: x\nevent: ping\nfoo: bar\ndata: {\"type\":\"ping\"}\n\n";
        let (frames, _) = feed(dialect, 1, &[frame.into()]);
        assert!(matches!(*frames[0].events, [] | [Event::Ping]), "{dialect:?}: {frames:?}");
    }
}

/// What has a quote or a brace may be a frame, of which the border to the next was lost.
#[test]
fn a_stray_line_may_have_said_something() {
    // What is left of `data` where bytes of it were lost, doubled or changed, or of the text behind it.
    let names = ["DATA", "Data", "dat", "da", "d", "dta", "daata", "data2", "data-", "dota"];
    let names = names.iter().chain(&["mydata", "even", "id2", "meta", "Note", "not plain"]);
    for dialect in Dialect::ALL {
        let lost = PIECES.iter().find(|it| it.0 == dialect).map_or("", |it| it.1);
        let (name, error) = match dialect {
            Dialect::Chat => ("", r#"{"error":{"message":"m"}}"#),
            Dialect::Messages | Dialect::Responses => {
                ("event: error\n", r#"{"type":"error","error":{"type":"api_error","message":"m"}}"#)
            }
        };
        let piece = format!("data: {lost}\n");
        let (plain, _) = feed(dialect, 1, &[format!("{piece}\n").into()]);
        let named = names.clone().flat_map(|name| {
            let frames =
                [format!("{name}: {lost}\n{piece}\n"), format!("{piece}{name}:{lost}\n\n")];
            frames.map(|frame| (frame, "lost"))
        });
        let others = [
            (format!("{piece}ata: {lost}\n\n"), "lost"),
            (format!("ata: {lost}\n{piece}\n"), "lost"),
            (format!("{piece}{lost}\n\n"), "lost"),
            (format!("{piece}\u{feff}data: {lost}\n\n"), "lost"),
            (format!("{piece} data: {lost}\n\n"), "lost"),
            (format!("{piece}delta\":\"a\"}}\n\n"), "lost"),
            (format!("{piece}foo: bar\n\n"), "plain"),
            (format!("{piece}Note: say \\\"x\\\"\"}}}}]}}\n\n"), "lost"),
            (format!("{piece}meta: {{\"a\":1}}\n\n"), "lost"),
            (format!("{piece}}}]}}\n\n"), "lost"),
            (format!("{piece}ta: [DONE]\n\n"), "plain"),
            (format!("{piece}: \"a\"\nid: \"7\"\nretry: \"\"\nping: \"a\"\n\n"), "plain"),
            (format!("{name}data: {error}\nata: {lost}\n\n"), "fail"),
        ];
        for (frame, expect) in named.chain(others) {
            let mut decoder = Decoder::new(dialect, 1);
            let mut frames = Vec::new();
            decoder.feed(frame.clone().into(), &mut frames).unwrap();
            // Nothing of what cannot be read is taken in.
            decoder.feed(format!("{piece}\n").into(), &mut frames).unwrap();
            let found = match (&*frames[0].events, expect) {
                ([Event::Malformed(_)], _) => "lost",
                ([Event::Fail(_)], _) => "fail",
                (events, _) if *events == *plain[0].events => "plain",
                (_, _) => "other",
            };
            assert_eq!(found, expect, "{dialect:?}: {frame}");
            let again = frames[1].events == plain[0].events;
            assert!(again || expect == "plain", "{dialect:?}: {frame}");
        }
    }
}

/// Whether a named event whose data has nothing in it has lost something.
#[test]
fn what_is_hollow_is_told_by_its_name() {
    for (dialect, name, expect) in [
        (Dialect::Chat, "ping", "noise"),
        (Dialect::Chat, "of_tomorrow", "noise"),
        (Dialect::Chat, "error", "fail"),
        (Dialect::Messages, "ping", "ping"),
        (Dialect::Messages, "heartbeat", "noise"),
        (Dialect::Messages, "content_block_delta", "malformed"),
        (Dialect::Messages, "error", "fail"),
        (Dialect::Responses, "keepalive", "ping"),
        (Dialect::Responses, "heartbeat", "noise"),
        (Dialect::Responses, "response.in_progress", "noise"),
        (Dialect::Responses, "response.output_text.delta", "malformed"),
        (Dialect::Responses, "response.output_text.done", "malformed"),
        (Dialect::Responses, "response.reasoning_text.delta", "malformed"),
        (Dialect::Responses, "error", "fail"),
    ] {
        for data in ["", "null", "[]", "{}", "{ }"] {
            let frame = format!("event: {name}\ndata: {data}\n\n");
            let (frames, _) = feed(dialect, 1, &[frame.into()]);
            let found = written(&frames);
            assert!(found.starts_with(expect), "{dialect:?}, {name}: {data:?} is {found}");
        }
    }
}

/// Of two frames whose border was lost there is one name, which says nothing of both.
#[test]
fn frames_that_became_one_may_have_said_something() {
    for (dialect, first) in PIECES {
        for name in ["ping", "heartbeat", "of_tomorrow", "response.output_text.done", "message"] {
            let second = format!(r#"{{"type":"{name}"}}"#);
            let both = format!("event: x\ndata: {first}\nevent: {name}\ndata: {second}\n\n");
            let (frames, _) = feed(dialect, 1, &[both.into()]);
            let malformed = matches!(*frames[0].events, [Event::Malformed(_)]);
            assert!(malformed, "{dialect:?}, {name}: {frames:?}");
        }
    }
}

/// A strict client ends where bytes are not UTF-8, and another shows something else than was said.
#[test]
fn a_frame_is_utf8_or_cannot_be_read() {
    for (dialect, before, after) in [
        (Dialect::Chat, r#"{"choices":[{"index":0,"delta":{"content":"a"#, r#""}}]}"#),
        (
            Dialect::Messages,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"#,
            r#""}}"#,
        ),
        (
            Dialect::Responses,
            r#"{"type":"response.output_text.delta","output_index":0,"delta":"a"#,
            r#""}"#,
        ),
    ] {
        // No character, one that is spelled too long, two halves of a pair.
        for odd in [&b"\xFF"[..], b"\xC0\xAF", b"\xED\xA0\xBD\xED\xB8\x80"] {
            let events = |before: &str, after: &str| {
                let bytes = [before.as_bytes(), odd, after.as_bytes(), b"\n\n"].concat();
                feed(dialect, 1, &[Bytes::from(bytes)]).0.remove(0).events
            };
            let unread = [Event::Malformed("a frame that is not UTF-8")];
            assert_eq!(*events(&format!("data: {before}"), after), unread, "{dialect:?}");
            assert_eq!(*events("event: ", "\ndata: {\"type\":\"ping\"}"), unread, "{dialect:?}");
            let comment = [Event::Noise("a comment that is not UTF-8")];
            assert_eq!(*events(": ", ""), comment, "{dialect:?}");
            let error = events(r#"data: {"error":{"message":""#, r#""}}"#);
            let [Event::Fail(error)] = &*error else { panic!("{dialect:?}: {error:?}") };
            // Clients that read strictly raise at the bytes, and not at what they say.
            assert!(error.unheard, "{dialect:?}: {error:?}");
        }
    }
}

#[test]
fn recorded_streams_mean_what_they_meant() {
    for stream in streams() {
        let (frames, rest) = feed(stream.dialect, 1, std::slice::from_ref(&stream.bytes));
        assert_eq!(joined(&frames, &rest), stream.bytes, "CD2: {}", stream.name);
        carried(&stream.name, stream.dialect, 1, &frames, &stream.bytes);
        golden(&format!("streams/{}.events.txt", stream.name), &written(&frames));
    }
}

/// Each split lies in some frame, and the decoder's state at a frame's border does not depend on how
/// it got there: so each frame is cut at each place, beginning from a copy of the decoder.
#[test]
fn every_split_is_the_same() {
    for stream in streams() {
        let length = stream.bytes.len();
        let step = if length <= 16 << 10 { 1 } else { length >> 12 | 1 };
        let (whole, _) = feed(stream.dialect, 1, std::slice::from_ref(&stream.bytes));
        let mut decoder = Decoder::new(stream.dialect, 1);
        let mut start = 0;
        for (place, frame) in whole.iter().enumerate() {
            let pair = &whole[place..whole.len().min(place + 2)];
            let end = start + pair.iter().map(|frame| frame.bytes.len()).sum::<usize>();
            for cut in (start..start + frame.bytes.len()).filter(|cut| cut % step == 0) {
                let (mut decoder, mut frames) = (decoder.clone(), Vec::new());
                decoder.feed(stream.bytes.slice(start..cut), &mut frames).unwrap();
                decoder.feed(stream.bytes.slice(cut..end), &mut frames).unwrap();
                assert!(frames == pair, "CD1, CD2: {} cut at {cut}", stream.name);
            }
            decoder.feed(frame.bytes.clone(), &mut Vec::new()).unwrap();
            start += frame.bytes.len();
        }
    }
}

#[test]
fn splits_of_whole_streams_are_the_same() {
    for stream in streams() {
        let length = stream.bytes.len();
        let (whole, _) = feed(stream.dialect, 1, std::slice::from_ref(&stream.bytes));
        // One cut, and two that are close to each other.
        for place in (0..length - 10).step_by(length / 17) {
            for width in [0, 1, 2, 7] {
                let places = [place, place + width];
                same(&stream.name, stream.dialect, &whole, &stream.bytes, &places);
            }
        }
    }
}

#[test]
fn a_stream_byte_by_byte_is_the_same() {
    for stream in streams() {
        let (whole, _) = feed(stream.dialect, 1, std::slice::from_ref(&stream.bytes));
        let places: Vec<usize> = (0..stream.bytes.len()).collect();
        same(&stream.name, stream.dialect, &whole, &stream.bytes, &places);
    }
}

#[test]
fn line_ends_do_not_matter() {
    for stream in streams() {
        let (whole, _) = feed(stream.dialect, 1, std::slice::from_ref(&stream.bytes));
        let text = std::str::from_utf8(&stream.bytes).unwrap();
        for end in ["\r\n", "\r"] {
            let bytes = Bytes::from(text.replace('\n', end));
            let length = bytes.len();
            for places in [vec![], (0..length).step_by(3).collect(), (0..length).collect()] {
                let (frames, rest) = feed(stream.dialect, 1, &cut(&bytes, &places));
                assert_eq!(events(&frames), events(&whole), "{} with {end:?}", stream.name);
                assert_eq!(joined(&frames, &rest), bytes, "{} with {end:?}", stream.name);
            }
        }
    }
}

#[test]
fn a_frame_in_one_chunk_is_not_copied() {
    let chunk = Bytes::from_static(b"data: {\"choices\":[]}\n\n: comment\n\ndata: [DO");
    let (frames, rest) = feed(Dialect::Chat, 1, std::slice::from_ref(&chunk));
    assert_eq!(frames.len(), 2);
    assert_eq!(frames[0].bytes.as_ptr(), chunk.as_ptr());
    assert_eq!(&rest[..], b"data: [DO");
}

/// The seeds of the fuzz targets, each a split and a stream, through the door that fuzzing uses.
#[test]
fn seeds_replay() {
    for target in ["sse", "chat", "messages", "responses"] {
        for (name, seed) in seeds(target) {
            let (places, stream) = seed.split_first_chunk::<4>().unwrap_or((&[0; 4], &seed));
            let stream = Bytes::copy_from_slice(stream);
            let mut places: Vec<usize> =
                places.iter().map(|&place| usize::from(place).min(stream.len())).collect();
            places.sort_unstable();
            for dialect in Dialect::ALL {
                let (whole, _) = feed(dialect, 1, std::slice::from_ref(&stream));
                same(&name, dialect, &whole, &stream, &places);
            }
        }
    }
}

mod properties {
    use super::same;
    use crate::proof::{Recorded, events, feed, streams};
    use crate::sse::{Fields, Framer};
    use bytes::Bytes;
    use ir::Dialect;
    use proptest::prelude::{Just, Strategy, any, prop_assert_eq, prop_oneof, proptest};
    use proptest::sample::Index;
    use std::sync::LazyLock;

    /// The stream as the WHATWG describes it, line by line over the whole text: the events that
    /// would be dispatched, with their names and data.
    fn reference(stream: &str) -> Vec<(String, String)> {
        let text = stream.strip_prefix('\u{feff}').unwrap_or(stream);
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let mut lines: Vec<&str> = text.split('\n').collect();
        lines.pop(); // What follows the last line end is no line.
        let (mut found, mut name, mut data) = (Vec::new(), String::new(), String::new());
        for line in lines {
            if line.is_empty() {
                if let Some(data) = data.strip_suffix('\n') {
                    found.push((name.clone(), data.to_owned()));
                }
                (name, data) = (String::new(), String::new());
                continue;
            }
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "event" => name = value.to_owned(),
                "data" => data.extend([value, "\n"]),
                _ => {}
            }
        }
        found
    }

    static SHORT: LazyLock<Vec<Recorded>> = LazyLock::new(|| {
        streams().into_iter().filter(|stream| stream.bytes.len() < 8 << 10).collect()
    });

    fn places(count: usize) -> impl Strategy<Value = Vec<Index>> {
        proptest::collection::vec(any::<Index>(), 0..count)
    }

    fn cut(stream: &Bytes, places: &[Index]) -> Vec<usize> {
        let mut places: Vec<usize> =
            places.iter().map(|place| place.index(stream.len() + 1)).collect();
        places.sort_unstable();
        places
    }

    fn line() -> impl Strategy<Value = String> {
        let field = prop_oneof![
            Just("data".to_owned()),
            Just("data:".to_owned()),
            Just("data: ".to_owned()),
            Just("event: ".to_owned()),
            Just(":".to_owned()),
            Just("id: ".to_owned()),
            Just(String::new()),
            "[a-z: ]{0,5}",
        ];
        let end = prop_oneof![Just("\n"), Just("\r\n"), Just("\r")];
        (field, "[^\r\n]{0,6}", end, 0..3usize).prop_map(|(field, value, end, blank)| {
            format!("{field}{value}{end}{}", if blank == 0 { end } else { "" })
        })
    }

    proptest! {
        #[test]
        fn frames_are_what_the_reference_reads(
            bom: bool,
            lines in proptest::collection::vec(line(), 0..12),
            places in places(6),
        ) {
            let stream = format!("{}{}", if bom { "\u{feff}" } else { "" }, lines.concat());
            let bytes = Bytes::from(stream.clone());
            let mut framer = Framer::default();
            let (mut found, mut first) = (Vec::new(), true);
            for mut piece in crate::proof::cut(&bytes, &cut(&bytes, &places)) {
                while let Some(frame) = framer.next(&mut piece).unwrap() {
                    let text = std::str::from_utf8(&frame).unwrap();
                    let fields = Fields::read(text, std::mem::take(&mut first));
                    if let Some(data) = fields.data {
                        found.push((fields.event.to_owned(), data.into_owned()));
                    }
                }
            }
            prop_assert_eq!(found, reference(&stream), "from {:?}", stream);
        }

        #[test]
        fn arbitrary_bytes_never_panic(
            stream in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), any::<u8>()], 0..200),
            places in places(8),
        ) {
            let stream = Bytes::from(stream);
            for dialect in Dialect::ALL {
                let (whole, _) = feed(dialect, 1, std::slice::from_ref(&stream));
                same("arbitrary", dialect, &whole, &stream, &cut(&stream, &places));
            }
        }

        #[test]
        fn mangled_recordings_never_panic(
            which: Index,
            flips in proptest::collection::vec((any::<Index>(), any::<u8>()), 0..6),
            places in places(4),
        ) {
            let stream = which.get(&SHORT);
            let mut bytes = stream.bytes.to_vec();
            for (at, byte) in flips {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            let bytes = Bytes::from(bytes);
            let (whole, _) = feed(stream.dialect, 1, std::slice::from_ref(&bytes));
            same(&stream.name, stream.dialect, &whole, &bytes, &cut(&bytes, &places));
            super::carried(&stream.name, stream.dialect, 1, &whole, &bytes);
            // Deltas come in open blocks only, and what is open is not opened again.
            let mut open = std::collections::BTreeSet::new();
            for event in events(&whole) {
                match event {
                    ir::Event::Open(block, _) => prop_assert_eq!(open.insert(block), true),
                    ir::Event::Close(block) => prop_assert_eq!(open.remove(&block), true),
                    ir::Event::Delta(block, _) => prop_assert_eq!(open.contains(&block), true),
                    // What follows these is another answer, or none.
                    ir::Event::End | ir::Event::Fail(_) => break,
                    ir::Event::Ping
                    | ir::Event::Start(_)
                    | ir::Event::Progress
                    | ir::Event::Finish(..)
                    | ir::Event::Usage(_)
                    | ir::Event::Repeated(_)
                    | ir::Event::Malformed(_)
                    | ir::Event::Noise(_)
                    | ir::Event::Aside(_) => {}
                }
            }
        }
    }
}
