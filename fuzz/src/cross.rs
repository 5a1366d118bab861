//! What the crossing targets share: one input as a provider's stream and its split, crossed, and
//! the promises that hold for every one.

use bytes::Bytes;
use codec::request::Alias;
use codec::{Crossing, CrossingPlan, Decoder, seal};
use ir::{Crossable, Event, Frame};

/// Crosses the stream whole and cut, and reads what came of it with the caller's decoder.
pub fn check(from: Crossable, input: &[u8]) {
    let (places, stream) = input.split_first_chunk::<4>().unwrap_or((&[0; 4], input));
    let stream = Bytes::copy_from_slice(stream);
    let mut places: Vec<usize> =
        places.iter().map(|&place| usize::from(place).min(stream.len())).collect();
    places.sort_unstable();
    let (whole, whole_bytes) = cross(from, &stream, &[]);
    let (cut, cut_bytes) = cross(from, &stream, &places);
    assert_eq!(cut, whole, "CD1: cut at {places:?}");
    assert_eq!(cut_bytes, whole_bytes, "CD1: cut at {places:?}");
    crate::order(&crate::events(&whole));
    told(from, &whole, whole_bytes);
}

fn plan(from: Crossable) -> CrossingPlan {
    CrossingPlan {
        from,
        to: other(from),
        origin: seal::Origin::of("a/m"),
        model: "a/m".to_owned(),
        request_id: "bs_1".to_owned(),
        aliases: vec![
            Alias { there: "patch".to_owned(), here: "patch".to_owned(), free: true },
            Alias { there: "short_1".to_owned(), here: "long.name".to_owned(), free: false },
        ],
        include_usage: true,
        now_unix: 1,
    }
}

fn other(dialect: Crossable) -> Crossable {
    match dialect {
        Crossable::Chat => Crossable::Messages,
        Crossable::Messages => Crossable::Chat,
    }
}

/// The frames, and all bytes with the end. Too much to hold is an end like any other.
fn cross(from: Crossable, stream: &Bytes, places: &[usize]) -> (Vec<Frame>, Vec<u8>) {
    let mut crossing = Crossing::new(plan(from), 1 << 12);
    let mut frames = Vec::new();
    let mut start = 0;
    let mut failed = false;
    for &place in places.iter().chain([&stream.len()]) {
        failed = failed || crossing.feed(stream.slice(start..place), &mut frames).is_err();
        start = place;
    }
    let mut bytes: Vec<u8> = frames.iter().flat_map(|frame| frame.bytes.to_vec()).collect();
    if !failed {
        bytes.extend_from_slice(&crossing.end());
    }
    (frames, bytes)
}

/// What the caller's decoder reads: all of it, in order, with an end only behind a finish.
fn told(from: Crossable, frames: &[Frame], bytes: Vec<u8>) {
    let mut decoder = Decoder::new(other(from).dialect(), 1);
    let mut told = Vec::new();
    decoder.feed(Bytes::from(bytes), &mut told).expect("within the limit");
    assert!(decoder.finish().is_empty(), "whole frames");
    let told = crate::events(&told);
    crate::order(&told);
    let mut finished = false;
    for event in &told {
        match event {
            Event::Malformed(reason) => panic!("what was written cannot be read: {reason}"),
            Event::Repeated(what) => panic!("written twice: {what}"),
            Event::Noise(what) => panic!("written for nothing: {what}"),
            Event::Finish(..) => finished = true,
            Event::End => assert!(finished, "an end without a finish"),
            Event::Ping
            | Event::Start(_)
            | Event::Open(..)
            | Event::Delta(..)
            | Event::Close(_)
            | Event::Progress
            | Event::Usage(_)
            | Event::Fail(_)
            | Event::Aside(_) => {}
        }
    }
    let source = crate::events(frames);
    let source = source.iter().any(|event| matches!(event, Event::Finish(..)));
    assert!(source || !finished, "a finish that nobody gave");
}
