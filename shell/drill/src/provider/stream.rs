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
/// The pieces of thinking that come before a cut within it.
const THOUGHTS: usize = 2;

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
            let mut steps = begun(desk, cut(all, *place));
            steps.extend(broken(*how));
            steps
        }
        Fault::Error(kind, place) => {
            let first = *place == ErrorPlace::First;
            let count = if first { 0 } else { place_of(&all, place.place()) };
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
            let malformed = Frame::new(Cue::Ping, malformed.to_owned());
            let mut rest = all.iter_mut().skip(at);
            match rest.find(|frame| matches!(frame.cue, Cue::Text | Cue::Half)) {
                Some(text) => *text = malformed,
                None => all.insert(at.min(all.len()), malformed),
            }
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

/// The frames before a place; of the last one, only the bytes before it.
fn cut(mut frames: Vec<Frame>, place: Place) -> Vec<Frame> {
    let count = place_of(&frames, place);
    frames.truncate(count);
    if let (Place::Letter(_), Some(last)) = (place, frames.last_mut()) {
        let within = within_letter(&last.bytes).unwrap_or(last.bytes.len());
        last.bytes.truncate(within);
    }
    frames
}

/// The first place within the bytes of a letter.
pub(super) fn within_letter(text: &[u8]) -> Option<usize> {
    text.iter().position(|byte| (0x80..0xc0).contains(byte))
}

/// How many frames come before a place, the one that it is within included.
fn place_of(frames: &[Frame], place: Place) -> usize {
    let through = |cue: Cue, nth: usize| {
        let mut places = frames.iter().enumerate().filter(|(_, frame)| frame.cue == cue);
        places.nth(nth.saturating_sub(1)).map(|(at, _)| at.saturating_add(1))
    };
    let envelope =
        || frames.iter().take_while(|one| matches!(one.cue, Cue::Start | Cue::Ping)).count();
    let all_content =
        || frames.iter().rposition(|one| one.cue.is_content()).map_or(0, |at| at.saturating_add(1));
    let after = |tokens: usize| match tokens {
        0 => Some(envelope()),
        tokens => through(Cue::Text, tokens),
    };
    let found = match place {
        Place::BeforeContent => Some(envelope()),
        Place::After(tokens) => after(tokens),
        Place::Tool | Place::TextThenTool => through(Cue::Arguments, 1),
        Place::Letter(tokens) => after(tokens).and_then(|from| {
            let wide = |one: &Frame| one.cue == Cue::Text && within_letter(&one.bytes).is_some();
            next(frames, from, wide)
        }),
        Place::Pair(tokens) => {
            after(tokens).and_then(|from| next(frames, from, |one| one.cue == Cue::Half))
        }
        Place::Thinking => through(Cue::Thinking, THOUGHTS),
        Place::Last => None,
        Place::Call(count) => call(frames, count).map(|(_, end)| end),
        Place::InCall(nth) => call(frames, nth).map(|(arguments, _)| arguments.saturating_add(1)),
    };
    found.unwrap_or_else(all_content)
}

/// How many frames there are through the first one like this, at or after a place.
fn next(frames: &[Frame], from: usize, like: impl Fn(&Frame) -> bool) -> Option<usize> {
    let rest = frames.iter().enumerate().skip(from);
    rest.filter(|(_, frame)| like(frame)).map(|(at, _)| at.saturating_add(1)).next()
}

/// How many frames come before the arguments of a tool call, counted from one, and through its end.
/// Calls whose pieces take turns end together.
fn call(frames: &[Frame], nth: usize) -> Option<(usize, usize)> {
    let is = |at: usize, cue: Cue| frames.get(at).is_some_and(|frame| frame.cue == cue);
    let run = |from: usize, cue: Cue| (from..frames.len()).find(|at| !is(*at, cue));
    let begins = |at: &usize| {
        is(*at, Cue::Call) && at.checked_sub(1).is_none_or(|before| !is(before, Cue::Call))
    };
    let start = (0..frames.len()).filter(begins).nth(nth.checked_sub(1)?)?;
    let arguments = run(start, Cue::Call)?;
    let end = run(arguments, Cue::Arguments)?;
    // Messages says that a block is over, Responses more than once; in Chat only what comes next tells.
    let end = run(end, Cue::Close)?;
    Some((arguments, end))
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
