//! Every recorded stream, crossed.

use super::{cross, legal, other, plan};
use crate::proof::{bare, cut, documents, events, feed, feed_carrying, golden, streams, written};
use crate::{Decoder, unfold};
use bytes::Bytes;
use ir::{BlockKind, Dialect, Event, Opening, Piece, Tokens};

/// What the events of a stream say: text, thinking, calls, usage. Insides of strings.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Said {
    pub(super) text: String,
    pub(super) thinking: String,
    pub(super) calls: Vec<(String, String)>,
    pub(super) tokens: Option<Tokens>,
}

/// As the decoder of its dialect reads it.
pub(super) fn said(dialect: Dialect, bytes: &Bytes) -> Said {
    let frames = feed_carrying(dialect, 1, std::slice::from_ref(bytes));
    let mut said = Said::default();
    let mut blocks = Vec::new();
    for event in events(&frames) {
        match event {
            Event::Open(block, opening) => {
                if let Some(Opening::Call(call)) = opening.as_deref() {
                    blocks.push(block);
                    said.calls.push((call.name.to_string(), String::new()));
                }
            }
            Event::Delta(block, Piece::Arguments(raw)) if block.kind == BlockKind::Tool => {
                let place = blocks.iter().rposition(|open| *open == block).expect("an open call");
                said.calls[place].1.push_str(&raw);
            }
            Event::Delta(_, Piece::Text(raw) | Piece::Refusal(raw)) => said.text.push_str(&raw),
            Event::Delta(_, Piece::Thinking(raw)) => said.thinking.push_str(&raw),
            Event::Usage(tokens) => said.tokens = Some(tokens),
            // Some recordings go on with the next answer.
            Event::End => break,
            Event::Ping
            | Event::Start(_)
            | Event::Delta(..)
            | Event::Close(_)
            | Event::Finish(..)
            | Event::Progress
            | Event::Fail(_)
            | Event::Repeated(_)
            | Event::Malformed(_)
            | Event::Noise(_)
            | Event::Aside(_) => {}
        }
    }
    for (_, arguments) in &mut said.calls {
        if arguments.trim().is_empty() {
            *arguments = "{}".to_owned();
        }
    }
    said
}

#[test]
fn recorded_streams_cross_as_they_did() {
    for stream in super::crossing(streams()) {
        let crossed = cross(plan(stream.dialect), std::slice::from_ref(&stream.bytes));
        let losses = crossed.losses.iter().map(|loss| format!(": loss {loss}\n\n"));
        let text = String::from_utf8(crossed.bytes.clone()).unwrap() + &losses.collect::<String>();
        golden(&format!("crossed/{}.sse", stream.name), &text);
        let told = legal::read(other(stream.dialect), &crossed.bytes, true);
        assert!(!told.failed, "{}", stream.name);
        // It begins again, which is a failure without words.
        assert_eq!(told.ended, stream.name != "spliced-message-start.chunks.txt");
        if !told.ended {
            continue;
        }

        // What the provider said is what the caller is told, letter by letter.
        let source = said(stream.dialect, &stream.bytes);
        let refused = told.finish.as_deref() == Some("content_filter");
        assert!(told.text == source.text || refused, "{}", stream.name);
        assert_eq!(told.thinking, source.thinking, "{}", stream.name);
        let calls =
            |(_, name, arguments): &(String, String, String)| (name.clone(), arguments.clone());
        assert_eq!(
            told.calls.iter().map(calls).collect::<Vec<_>>(),
            source.calls,
            "{}",
            stream.name
        );
        // No usage is no usage in Chat, and zeros in Messages.
        let tokens = source.tokens.unwrap_or_default();
        assert_eq!(told.tokens.unwrap_or_default(), tokens, "{}", stream.name);

        // So it is for the decoder of the caller's dialect.
        let bytes = Bytes::from(crossed.bytes);
        let again = said(other(stream.dialect), &bytes);
        assert!(again.text == source.text || refused, "{}", stream.name);
        assert_eq!((again.thinking, again.calls), (source.thinking, source.calls));
        assert_eq!(again.tokens.unwrap_or_default(), tokens, "{}", stream.name);
        let (frames, _) = feed(other(stream.dialect), 1, &[bytes]);
        assert!(!written(&frames).contains("malformed"), "{}", stream.name);
        let finish = |frames: &[ir::Frame]| {
            let finish = |event: &Event| matches!(event, Event::Finish(..));
            bare(&events(frames)).into_iter().find(finish)
        };
        let (plain, _) = feed(stream.dialect, 1, std::slice::from_ref(&stream.bytes));
        let pause = Some(Event::Finish(ir::Finish::Pause, None));
        assert!(finish(&frames) == finish(&plain) || finish(&plain) == pause, "{}", stream.name);
    }
}

/// Whole answers cross as the streams that they would have been.
#[test]
fn recorded_documents_cross() {
    let mut count = 0;
    for document in super::crossing(documents()) {
        let Ok(frames) = unfold(document.dialect, &document.bytes, true) else { continue };
        let stream: Vec<u8> = frames.iter().flat_map(|frame| frame.bytes.to_vec()).collect();
        let stream = Bytes::from(stream);
        let crossed = cross(plan(document.dialect), std::slice::from_ref(&stream));
        let told = legal::read(other(document.dialect), &crossed.bytes, true);
        assert!(told.ended, "{}", document.name);
        let source = said(document.dialect, &stream);
        let again = said(other(document.dialect), &Bytes::from(crossed.bytes));
        let refused = told.finish.as_deref() == Some("content_filter");
        assert!(again.text == source.text || refused, "{}", document.name);
        assert_eq!(again.thinking, source.thinking, "{}", document.name);
        assert_eq!((again.calls, again.tokens), (source.calls, source.tokens), "{}", document.name);
        count += 1;
    }
    assert!(15 < count, "{count} documents");
}

/// The exchange sees what it would see where nothing crosses.
#[test]
fn the_events_are_the_providers() {
    for stream in super::crossing(streams()) {
        let crossed = cross(plan(stream.dialect), std::slice::from_ref(&stream.bytes));
        let (plain, _) = feed(stream.dialect, 1, std::slice::from_ref(&stream.bytes));
        assert_eq!(crossed.frames.len(), plain.len());
        for (crossed, plain) in crossed.frames.iter().zip(&plain) {
            assert_eq!(bare(&crossed.events), bare(&plain.events), "{}", stream.name);
            // Behind a failure nothing means anything.
            if plain.events.iter().any(|event| matches!(event, Event::Fail(_))) {
                break;
            }
        }
    }
}

/// CD1 for what is written: frame by frame the same bytes, however the input was split.
#[test]
fn splits_do_not_matter() {
    for stream in super::crossing(streams()) {
        let length = stream.bytes.len();
        let whole = cross(plan(stream.dialect), std::slice::from_ref(&stream.bytes));
        let step = (length / 13).max(1);
        let mut splits: Vec<Vec<usize>> = (0..length).step_by(step).map(|at| vec![at]).collect();
        splits.push((0..length).collect());
        splits.push((0..length).step_by(7).collect());
        for places in splits {
            let crossed = cross(plan(stream.dialect), &cut(&stream.bytes, &places));
            assert!(crossed.frames == whole.frames, "{} cut at {places:?}", stream.name);
            assert!(crossed.bytes == whole.bytes, "{} cut at {places:?}", stream.name);
        }
    }
}

/// A short stream at every place.
#[test]
fn every_split_is_the_same() {
    for stream in super::crossing(streams()).into_iter().filter(|stream| stream.bytes.len() < 3000)
    {
        let whole = cross(plan(stream.dialect), std::slice::from_ref(&stream.bytes));
        for place in 0..stream.bytes.len() {
            let crossed = cross(plan(stream.dialect), &cut(&stream.bytes, &[place]));
            assert!(crossed.frames == whole.frames, "{} cut at {place}", stream.name);
        }
    }
}

/// A stream that ends anywhere is legal so far, and has an end only behind its finish.
#[test]
fn what_is_cut_has_no_end() {
    for stream in
        super::crossing(streams()).into_iter().filter(|stream| stream.bytes.len() < 10_000)
    {
        let to = other(stream.dialect);
        let mut decoder = Decoder::new(stream.dialect, 1);
        let (mut frames, mut at, mut finished) = (Vec::new(), 0, false);
        decoder.feed(stream.bytes.clone(), &mut frames).unwrap();
        for frame in &frames {
            at += frame.bytes.len();
            if frame.events.iter().any(|event| matches!(event, Event::Fail(_))) {
                break;
            }
            finished |= frame.events.iter().any(|event| matches!(event, Event::Finish(..)));
            let crossed = cross(plan(stream.dialect), &[stream.bytes.slice(..at)]);
            let told = legal::read(to, &crossed.bytes, true);
            assert_eq!(told.ended, finished, "{} cut at {at}", stream.name);
        }
    }
}
