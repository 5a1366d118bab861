//! Whole answers, and what goes wrong within them.

use super::answer::Part;
use super::fault::{Fault, Place};
use super::problem::Problem;
use super::script::{Desk, Step};
use super::words::{Break, Flaw, Pace};
use super::{http, stream};
use bytes::Bytes;

/// Somewhere in its middle.
const HALF: Place = Place::After(1);

/// Nothing goes wrong.
pub(super) fn good(desk: &Desk<'_>) -> Vec<Step> {
    complete(desk, desk.document())
}

/// A fault within the document; a fault that only a stream can have strikes in its middle.
pub(super) fn faulty(desk: &Desk<'_>, fault: &Fault) -> Vec<Step> {
    match fault {
        Fault::Flaw(flaw) => flawed(desk, *flaw),
        Fault::Break(how, place) => broken(desk, *how, *place),
        Fault::Error(kind, _) => desk.problem(&Problem::in_band(*kind, desk.dialect())),
        Fault::Slow(Pace::First | Pace::Tool, wait) => {
            let mut steps = vec![Step::Wait(*wait)];
            steps.extend(good(desk));
            steps
        }
        Fault::BigAnswer(mib) => big(desk, *mib),
        Fault::GarbleAfter(_)
        | Fault::Slow(Pace::Head | Pace::Drip, _)
        | Fault::Plain(_)
        | Fault::Status(..)
        | Fault::Html(_)
        | Fault::Refusal(_)
        | Fault::NeedsKey(_) => good(desk),
    }
}

fn flawed(desk: &Desk<'_>, flaw: Flaw) -> Vec<Step> {
    match flaw {
        Flaw::ShortBody => broken(desk, Break::Cut, HALF),
        Flaw::ResetBody => broken(desk, Break::Reset, HALF),
        Flaw::StallBody => broken(desk, Break::Stall, HALF),
        Flaw::TornBody | Flaw::NoFinish => broken(desk, Break::Fin, HALF),
        Flaw::PingsOnly => vec![desk.open_head(), Step::Hang],
        Flaw::EndlessLine
        | Flaw::NoEnd
        | Flaw::NoEndOpen
        | Flaw::DoneWithoutFinish
        | Flaw::DoubleEnd => good(desk),
    }
}

fn complete(desk: &Desk<'_>, document: Vec<u8>) -> Vec<Step> {
    let mut steps = vec![desk.sized_head(document.len()), Step::Send(document.into())];
    let tokens = u32::try_from(desk.answer.tokens).unwrap_or(u32::MAX);
    let wait = desk.order.dish.every.saturating_mul(tokens);
    if !wait.is_zero() {
        // It is written before any of it is shown.
        steps.insert(0, Step::Wait(wait));
    }
    steps
}

/// Half a document; up to its first letter of more than a byte, where the cut is in one.
fn broken(desk: &Desk<'_>, how: Break, place: Place) -> Vec<Step> {
    let document = desk.document();
    let length = document.len();
    let within = match place {
        Place::Letter(_) => stream::within_letter(&document),
        Place::BeforeContent
        | Place::After(_)
        | Place::Tool
        | Place::TextThenTool
        | Place::Pair(_)
        | Place::Thinking
        | Place::Last
        | Place::Call(_)
        | Place::InCall(_) => None,
    };
    let half = Bytes::from(document).slice(..within.unwrap_or(length / 2));
    let sized = |end| vec![desk.sized_head(length), Step::Send(half.clone()), end];
    match how {
        Break::Stall => sized(Step::Hang),
        Break::Reset => sized(Step::Reset),
        Break::Cut => sized(Step::Fin),
        Break::Fin => vec![
            desk.open_head(),
            Step::Send(http::chunk(&half)),
            Step::Send(Bytes::from_static(http::LAST_CHUNK)),
            Step::Fin,
        ],
    }
}

fn big(desk: &Desk<'_>, mib: usize) -> Vec<Step> {
    let text = "0123456789abcde ".repeat(mib.saturating_mul(1024 * 1024 / 16));
    let mut answer = desk.answer.clone();
    answer.parts = vec![Part::Text(vec![text])];
    let desk = desk.with(answer);
    complete(&desk, desk.document())
}
