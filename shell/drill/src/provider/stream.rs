//! Streamed answers, and what goes wrong within them.

use super::fault::{ErrorPlace, Fault, Place};
use super::frame::{Cue, Frame};
use super::http;
use super::problem::Problem;
use super::script::{Desk, Step};
use super::words::{Break, Flaw, Pace};
use super::{chat, messages, responses};
use bytes::Bytes;
use ir::Dialect;
use std::time::Duration;

/// The bytes of an endless line, and of its pieces.
const ENDLESS_BYTES: usize = 32 * 1024 * 1024;
const ENDLESS_PIECE: usize = 16 * 1024;
/// The time between two pings, and how many there are: two minutes of them, then silence.
const PING_EVERY: Duration = Duration::from_millis(50);
const PINGS: usize = 2_400;

/// The frames of a good answer.
pub(super) fn frames(desk: &Desk<'_>) -> Vec<Frame> {
    match desk.dialect() {
        Dialect::Chat => desk.chat().stream(),
        Dialect::Messages => desk.messages().stream(),
        Dialect::Responses => desk.responses().stream(),
    }
}

/// Nothing goes wrong.
pub(super) fn good(desk: &Desk<'_>) -> Vec<Step> {
    ended(desk, frames(desk))
}

/// A fault within the stream.
pub(super) fn faulty(desk: &Desk<'_>, fault: &Fault) -> Vec<Step> {
    let mut all = frames(desk);
    match fault {
        Fault::Flaw(flaw) => flawed(desk, *flaw, all),
        Fault::Break(how, place) => {
            all.truncate(place_of(&all, *place));
            let mut steps = begun(desk, all);
            steps.extend(broken(*how));
            steps
        }
        Fault::Error(kind, place) => {
            let count = match place {
                ErrorPlace::First => 0,
                ErrorPlace::Start => place_of(&all, Place::BeforeContent),
                ErrorPlace::After(tokens) => place_of(&all, Place::After(*tokens)),
            };
            all.truncate(count);
            let body = desk.problem_body(&Problem::in_band(*kind, desk.dialect()));
            let error = |event| vec![Frame::new(Cue::End, event)];
            all.extend(match desk.dialect() {
                Dialect::Chat => error(chat::error_event(&body)),
                Dialect::Messages => error(messages::error_event(&body)),
                Dialect::Responses => {
                    responses::error_events(*kind, &body, &desk.responses().id(), count)
                }
            });
            ended(desk, all)
        }
        Fault::GarbleAfter(tokens) => {
            let malformed = match desk.dialect() {
                Dialect::Chat => chat::malformed(),
                Dialect::Messages => messages::malformed(),
                Dialect::Responses => responses::malformed(),
            };
            let at = place_of(&all, Place::After(*tokens));
            all.insert(at.min(all.len()), Frame::new(Cue::Ping, malformed.to_owned()));
            ended(desk, all)
        }
        Fault::Slow(pace, wait) => slow(desk, *pace, *wait, all),
        Fault::BigAnswer(_)
        | Fault::Plain(_)
        | Fault::Status(..)
        | Fault::Html(_)
        | Fault::Refusal(_)
        | Fault::NeedsKey(_) => ended(desk, all),
    }
}

fn flawed(desk: &Desk<'_>, flaw: Flaw, mut all: Vec<Frame>) -> Vec<Step> {
    match flaw {
        Flaw::PingsOnly => pings(desk, all),
        Flaw::EndlessLine => endless(desk, all),
        Flaw::NoEnd => {
            all.retain(|frame| frame.cue != Cue::End);
            closed(desk, all)
        }
        Flaw::NoEndOpen => {
            all.retain(|frame| frame.cue != Cue::End);
            let mut steps = begun(desk, all);
            steps.push(Step::Hang);
            steps
        }
        Flaw::NoFinish => {
            all.retain(|frame| !matches!(frame.cue, Cue::Finish | Cue::Usage | Cue::End));
            closed(desk, all)
        }
        Flaw::DoneWithoutFinish => {
            all.retain(|frame| frame.cue != Cue::Finish);
            if desk.dialect() == Dialect::Responses {
                all.push(responses::done());
            }
            ended(desk, all)
        }
        Flaw::DoubleEnd => {
            all.extend(all.last().cloned());
            ended(desk, all)
        }
        Flaw::ShortBody => faulty(desk, &Fault::Break(Break::Cut, Place::After(1))),
        Flaw::ResetBody => faulty(desk, &Fault::Break(Break::Reset, Place::After(1))),
        Flaw::StallBody => faulty(desk, &Fault::Break(Break::Stall, Place::After(1))),
        Flaw::TornBody => faulty(desk, &Fault::Break(Break::Fin, Place::After(1))),
    }
}

/// The head and these frames, each in a chunk of its own.
fn begun(desk: &Desk<'_>, frames: Vec<Frame>) -> Vec<Step> {
    let every = desk.order.dish.every;
    let mut steps = vec![desk.open_head()];
    for frame in frames {
        if frame.cue.is_content() && !every.is_zero() {
            steps.push(Step::Wait(every));
        }
        steps.push(Step::Send(http::chunk(&frame.bytes)));
    }
    steps
}

/// The same with the clean end of the body.
fn ended(desk: &Desk<'_>, frames: Vec<Frame>) -> Vec<Step> {
    let mut steps = begun(desk, frames);
    steps.push(Step::Send(Bytes::from_static(http::LAST_CHUNK)));
    steps
}

/// The same with the end of the connection.
fn closed(desk: &Desk<'_>, frames: Vec<Frame>) -> Vec<Step> {
    let mut steps = ended(desk, frames);
    steps.push(Step::Fin);
    steps
}

fn broken(how: Break) -> Vec<Step> {
    match how {
        Break::Stall => vec![Step::Hang],
        Break::Reset => vec![Step::Reset],
        Break::Cut => vec![Step::Fin],
        Break::Fin => vec![Step::Send(Bytes::from_static(http::LAST_CHUNK)), Step::Fin],
    }
}

/// How many frames come before a place.
fn place_of(frames: &[Frame], place: Place) -> usize {
    let through = |cue: Cue, nth: usize| {
        let mut places = frames.iter().enumerate().filter(|(_, frame)| frame.cue == cue);
        places.nth(nth.saturating_sub(1)).map(|(at, _)| at.saturating_add(1))
    };
    let envelope =
        || frames.iter().take_while(|one| matches!(one.cue, Cue::Start | Cue::Ping)).count();
    let all_content =
        || frames.iter().rposition(|one| one.cue.is_content()).map_or(0, |at| at.saturating_add(1));
    match place {
        Place::BeforeContent | Place::After(0) => envelope(),
        Place::After(tokens) => through(Cue::Text, tokens).unwrap_or_else(all_content),
        Place::Tool | Place::TextThenTool => through(Cue::Arguments, 1).unwrap_or_else(all_content),
    }
}

fn slow(desk: &Desk<'_>, pace: Pace, wait: Duration, all: Vec<Frame>) -> Vec<Step> {
    let mut steps = vec![desk.open_head()];
    let mut awaited = false;
    for frame in all {
        let due = match pace {
            Pace::Tool => frame.cue == Cue::Arguments,
            Pace::First => !awaited && frame.cue != Cue::Start && frame.cue != Cue::Ping,
            Pace::Head | Pace::Drip => false,
        };
        if due {
            awaited = true;
            steps.push(Step::Wait(wait));
        }
        steps.push(Step::Send(http::chunk(&frame.bytes)));
    }
    steps.push(Step::Send(Bytes::from_static(http::LAST_CHUNK)));
    steps
}

fn pings(desk: &Desk<'_>, mut all: Vec<Frame>) -> Vec<Step> {
    all.truncate(place_of(&all, Place::BeforeContent));
    let ping = match desk.dialect() {
        Dialect::Chat => chat::ping(),
        Dialect::Messages => messages::ping(),
        Dialect::Responses => responses::ping(),
    };
    let ping = Step::Send(http::chunk(&ping.bytes));
    let mut steps = begun(desk, all);
    steps.extend((0..PINGS).flat_map(|_| [Step::Wait(PING_EVERY), ping.clone()]));
    steps.push(Step::Hang);
    steps
}

fn endless(desk: &Desk<'_>, mut all: Vec<Frame>) -> Vec<Step> {
    all.truncate(place_of(&all, Place::BeforeContent));
    let mut steps = begun(desk, all);
    steps.push(Step::Send(http::chunk(b"data: {\"filler\":\"")));
    let piece = Step::Send(http::chunk(&[b'x'; ENDLESS_PIECE]));
    steps.extend(std::iter::repeat_n(piece, ENDLESS_BYTES / ENDLESS_PIECE));
    steps.push(Step::Fin);
    steps
}
