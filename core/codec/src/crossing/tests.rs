//! Recorded streams crossed, a row for each thing that may come, laws over generated answers.

mod begun;
mod choices;
mod hostile;
mod indexes;
mod laws;
mod legal;
mod recorded;
mod resumed;
mod rows;
mod thought;

use super::{Crossing, CrossingPlan};
use crate::proof::{Recorded, framed};
use crate::request::Alias;
use crate::seal;
use bytes::Bytes;
use ir::{Dialect, Frame, Losses};
use legal::Told;

/// The recorded ones that cross.
fn crossing(recorded: Vec<Recorded>) -> Vec<Recorded> {
    recorded.into_iter().filter(|it| it.dialect.crossable().is_some()).collect()
}

/// The other one.
fn other(dialect: Dialect) -> Dialect {
    match dialect {
        Dialect::Chat => Dialect::Messages,
        Dialect::Messages => Dialect::Chat,
        Dialect::Responses => panic!("it crosses to nobody"),
    }
}

fn plan(from: Dialect) -> CrossingPlan {
    CrossingPlan {
        from: from.crossable().expect("a dialect that crosses"),
        to: other(from).crossable().expect("a dialect that crosses"),
        origin: seal::Origin::of("a/m"),
        model: "a/m".to_owned(),
        request_id: "bs_1".to_owned(),
        aliases: vec![
            Alias { there: "patch".to_owned(), here: "patch".to_owned(), free: true },
            Alias { there: "short_1".to_owned(), here: "long.name".to_owned(), free: false },
        ],
        include_usage: true,
        now_unix: 1_800_000_000,
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
    let mut crossing = Crossing::new(plan, 1 << 20);
    let mut frames = Vec::new();
    for piece in pieces {
        crossing.feed(piece.clone(), &mut frames).expect("within the limits");
    }
    let end = crossing.end();
    let bytes = frames.iter().flat_map(|frame| frame.bytes.to_vec()).chain(end.to_vec()).collect();
    Crossed { frames, bytes, losses: crossing.losses().clone() }
}

/// The same bytes cross within a limit, or do not.
fn try_cross(
    plan: CrossingPlan,
    held_max: usize,
    bytes: &Bytes,
) -> Result<Vec<Frame>, crate::Error> {
    let mut frames = Vec::new();
    Crossing::new(plan, held_max).feed(bytes.clone(), &mut frames).map(|()| frames)
}

/// A row: the provider's data, what a strict client is told, and what was lost.
#[track_caller]
fn row(plan: CrossingPlan, lines: &[&str], expect: &[&str], losses: &[&str]) -> Crossed {
    let bytes = Bytes::from(framed(plan.from.dialect(), lines.iter().copied()));
    let (to, usage) = (plan.to.dialect(), plan.include_usage);
    let crossed = cross(plan, &[bytes]);
    let told: Told = legal::read(to, &crossed.bytes, usage);
    let from = lines.join("\n");
    assert_eq!(told.lines, expect, "\nfrom {from}\nto {}", String::from_utf8_lossy(&crossed.bytes));
    let lost: Vec<String> = crossed.losses.iter().map(ToString::to_string).collect();
    assert_eq!(lost, losses, "\nfrom {from}");
    crossed
}
