//! What the decoder targets share: one input as a stream and its split, and the promises that hold
//! for every one. The first four bytes of an input say where the stream is cut.

pub mod cross;

use bytes::Bytes;
use codec::{Balance, Decoder, Fold};
use ir::{Dialect, Event, Frame};
use std::collections::BTreeSet;

/// Decodes the stream whole and cut, and checks CD1, CD2 and the order of blocks.
pub fn check(dialect: Dialect, input: &[u8]) {
    let (places, stream) = input.split_first_chunk::<4>().unwrap_or((&[0; 4], input));
    let stream = Bytes::copy_from_slice(stream);
    let mut places: Vec<usize> =
        places.iter().map(|&place| usize::from(place).min(stream.len())).collect();
    places.sort_unstable();
    for choices in [1, 2] {
        let (whole, bytes) = decode(dialect, choices, &stream, &[]);
        assert_eq!(bytes, stream, "CD2: whole");
        let (cut, bytes) = decode(dialect, choices, &stream, &places);
        assert_eq!(bytes, stream, "CD2: cut at {places:?}");
        assert_eq!(events(&cut), events(&whole), "CD1: cut at {places:?}");
        order(&events(&whole));
        fold(dialect, &whole);
    }
}

/// Whatever was taken in, it is a document.
fn fold(dialect: Dialect, frames: &[Frame]) {
    let mut fold = Fold::new(dialect, 1 << 20);
    let _complaint = frames.iter().find_map(|frame| fold.take(frame).err());
    let mut balance = Balance::default();
    balance.feed(&fold.document());
    assert!(balance.is_closed(), "a document that is none");
}

fn decode(
    dialect: Dialect,
    choices: u32,
    stream: &Bytes,
    places: &[usize],
) -> (Vec<Frame>, Vec<u8>) {
    let mut decoder = Decoder::new(dialect, choices);
    let mut frames = Vec::new();
    let mut start = 0;
    for &place in places.iter().chain([&stream.len()]) {
        decoder.feed(stream.slice(start..place), &mut frames).expect("within the limit");
        start = place;
    }
    let mut bytes: Vec<u8> = frames.iter().flat_map(|frame| frame.bytes.to_vec()).collect();
    bytes.extend_from_slice(&decoder.finish());
    (frames, bytes)
}

fn events(frames: &[Frame]) -> Vec<Event> {
    frames.iter().flat_map(|frame| frame.events.to_vec()).collect()
}

/// Pieces come in open blocks, and a block is opened and closed once.
fn order(events: &[Event]) {
    let mut open = BTreeSet::new();
    for event in events {
        match event {
            Event::Open(block, _) => assert!(open.insert(*block), "opened twice: {block:?}"),
            Event::Close(block) => assert!(open.remove(block), "closed twice: {block:?}"),
            Event::Delta(block, _) => assert!(open.contains(block), "outside a block: {block:?}"),
            // What follows these is another answer, or none.
            Event::End | Event::Fail(_) => break,
            Event::Ping
            | Event::Start(_)
            | Event::Finish(..)
            | Event::Usage(_)
            | Event::Progress
            | Event::Repeated(_)
            | Event::Malformed(_)
            | Event::Noise(_)
            | Event::Aside(_) => {}
        }
    }
}
