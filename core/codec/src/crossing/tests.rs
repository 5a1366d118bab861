//! Recorded streams crossed.

mod legal;
mod recorded;

use super::{Crossing, CrossingPlan};
use crate::seal;
use bytes::Bytes;
use ir::{Dialect, Frame, Losses};

/// The other one.
fn other(dialect: Dialect) -> Dialect {
    match dialect {
        Dialect::Chat => Dialect::Messages,
        Dialect::Messages => Dialect::Chat,
    }
}

fn plan(from: Dialect) -> CrossingPlan {
    CrossingPlan {
        from,
        to: other(from),
        origin: seal::Origin::of("a/m"),
        model: "a/m".to_owned(),
        request_id: "bs_1".to_owned(),
        custom_tools: vec!["patch".to_owned()],
        include_usage: true,
        now_unix: 1_800_000_000,
        hold_max: 1 << 20,
    }
}

/// What came of a stream.
struct Crossed {
    frames: Vec<Frame>,
    /// All bytes, the end included.
    bytes: Vec<u8>,
    losses: Losses,
}

fn cross(plan: CrossingPlan, pieces: &[Bytes]) -> Crossed {
    let mut crossing = Crossing::new(plan);
    let mut frames = Vec::new();
    for piece in pieces {
        crossing.feed(piece.clone(), &mut frames).expect("within the limits");
    }
    let end = crossing.end();
    let bytes = frames.iter().flat_map(|frame| frame.bytes.to_vec()).chain(end.to_vec()).collect();
    Crossed { frames, bytes, losses: crossing.losses().clone() }
}
