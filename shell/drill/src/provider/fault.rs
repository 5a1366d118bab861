//! What can be ordered to go wrong, and what a receiver may expect of each.
//!
//! **Invariant:** [`Fault::menu`] holds every variant: it is generated from [`Kind`], and a fault
//! without a kind does not compile.

use super::words::{Break, Flaw, InBand, Kind, Pace, Plain, Refusal};
use ir::{Dialect, Shape};
use std::time::Duration;

/// One fault with its arguments. Its name (`Display`, [`Fault::name`]) orders it as a model.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Fault {
    /// Something else comes instead of a good answer, or around it.
    Plain(Plain),
    /// The body of a 200 answer is wrong.
    Flaw(Flaw),
    /// An error answer of this status with the dialect's usual body, and what it asks of retries.
    Status(u16, Option<Hint>),
    /// An error answer of this status with an HTML page.
    Html(u16),
    /// A refusal in the dialect's own words.
    Refusal(Refusal),
    /// The answer breaks off.
    Break(Break, Place),
    /// An error inside a 200 answer.
    Error(InBand, ErrorPlace),
    /// The frame after this many tokens of text is malformed, and what it said is lost; nothing else is
    /// wrong.
    GarbleAfter(usize),
    /// It takes its time.
    Slow(Pace, Duration),
    /// A whole answer of this many MiB of text.
    BigAnswer(usize),
    /// 401 unless the key (`authorization: Bearer`, `x-api-key`) is this.
    NeedsKey(String),
}

/// Where an answer breaks off.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Place {
    /// After the head and the envelope, before any content.
    BeforeContent,
    /// After this many tokens of text.
    After(usize),
    /// Within the arguments of a tool call that comes first.
    Tool,
    /// Within the arguments of a tool call that comes after text.
    TextThenTool,
    /// Within the bytes of a letter, after at least this many tokens of text.
    Letter(usize),
    /// Between the halves of a surrogate pair, each escaped in a frame of its own, after at least
    /// this many tokens of text.
    Pair(usize),
    /// Within a piece of thinking.
    Thinking,
    /// After the last piece of content: nothing is missing but the end.
    Last,
    /// After this many tool calls are complete; from one on.
    Call(usize),
    /// Within the arguments of this tool call, counted from one.
    InCall(usize),
}

/// Where an error stands inside a 200 answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ErrorPlace {
    /// It is the first event; the document, where a whole answer was asked for.
    First,
    /// After the envelope, before any content.
    Start,
    /// After this many tokens of text.
    After(usize),
    /// Within a piece of thinking.
    Thinking,
    /// After the last piece of content.
    Last,
    /// After this many tool calls are complete; from one on.
    Call(usize),
}

/// What an error answer asks of whoever retries.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Hint {
    /// `retry-after` in seconds.
    After(u64),
    /// `retry-after` as an HTTP date, two seconds ahead.
    AfterDate,
    /// `retry-after-ms`.
    AfterMs(u64),
    /// `retry-after: 99999999999999999999`.
    Absurd,
    /// `x-should-retry`.
    ShouldRetry(bool),
    /// The limit headers say that the exhausted requests come back after this many seconds.
    Reset(u64),
}

/// What a receiver can still do about a fault.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Stage {
    /// No content had been sent when it struck: another target can serve unseen.
    BeforeContent,
    /// Content had been sent.
    AfterContent,
    /// The request is at fault: it shall be told so, once.
    CallersOwn,
}

// === impl Fault ===

impl Fault {
    /// Every fault with representative arguments; waits are tens of milliseconds.
    pub fn menu() -> Vec<Self> {
        Kind::ALL.iter().flat_map(|kind| samples(*kind)).collect()
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Plain(_) => Kind::Plain,
            Self::Flaw(_) => Kind::Flaw,
            Self::Status(..) => Kind::Status,
            Self::Html(_) => Kind::Html,
            Self::Refusal(_) => Kind::Refusal,
            Self::Break(..) => Kind::Break,
            Self::Error(..) => Kind::Error,
            Self::GarbleAfter(_) => Kind::GarbleAfter,
            Self::Slow(..) => Kind::Slow,
            Self::BigAnswer(_) => Kind::BigAnswer,
            Self::NeedsKey(_) => Kind::NeedsKey,
        }
    }

    /// What a receiver can still do about it.
    pub fn stage(&self) -> Stage {
        match self {
            Self::Flaw(flaw) => flaw_stage(*flaw),
            Self::Status(code, _) => status_stage(*code),
            Self::Refusal(refusal) => refusal_stage(*refusal),
            Self::Error(InBand::Invalid, ErrorPlace::First | ErrorPlace::Start) => {
                Stage::CallersOwn
            }
            Self::Break(_, Place::BeforeContent | Place::After(0) | Place::Letter(0))
            | Self::Error(_, ErrorPlace::First | ErrorPlace::Start | ErrorPlace::After(0))
            | Self::Plain(_)
            | Self::Html(_)
            | Self::GarbleAfter(0)
            | Self::BigAnswer(_)
            | Self::NeedsKey(_)
            | Self::Slow(Pace::Head | Pace::First, _) => Stage::BeforeContent,
            // A tool call shows its name before its arguments break.
            Self::Break(
                _,
                Place::After(_)
                | Place::Tool
                | Place::TextThenTool
                | Place::Letter(_)
                | Place::Pair(_)
                | Place::Thinking
                | Place::Last
                | Place::Call(_)
                | Place::InCall(_),
            )
            | Self::Error(
                _,
                ErrorPlace::After(_)
                | ErrorPlace::Thinking
                | ErrorPlace::Last
                | ErrorPlace::Call(_),
            )
            | Self::GarbleAfter(_)
            | Self::Slow(Pace::Tool | Pace::Drip, _) => Stage::AfterContent,
        }
    }

    /// Whether it means what it says for this dialect and shape. Where it does not, the nearest
    /// thing is done: half a document in the place of half a stream, or a good answer.
    pub fn applies_to(&self, dialect: Dialect, shape: Shape) -> bool {
        let stream = shape == Shape::Stream;
        match self {
            Self::Flaw(flaw) => flaw_applies(*flaw, shape),
            Self::Plain(Plain::WholeToStream)
            | Self::Break(..)
            | Self::GarbleAfter(_)
            | Self::Slow(Pace::Tool, _)
            | Self::Error(
                _,
                ErrorPlace::Start
                | ErrorPlace::After(_)
                | ErrorPlace::Thinking
                | ErrorPlace::Last
                | ErrorPlace::Call(_),
            ) => stream,
            Self::BigAnswer(_) => !stream,
            Self::Error(_, ErrorPlace::First)
            | Self::Plain(_)
            | Self::Status(..)
            | Self::Html(_)
            | Self::NeedsKey(_)
            | Self::Slow(Pace::Head | Pace::First | Pace::Drip, _) => true,
            // Anthropic's list of errors has no 422.
            Self::Refusal(refusal) => {
                dialect != Dialect::Messages || *refusal != Refusal::Unprocessable
            }
        }
    }

    /// Whether the receiver gets every word and can know it: nothing is wrong but the manners.
    /// False for those that depend on the request: `stale`, `refuses-prefill`, `needs-key`.
    pub fn is_complete(&self) -> bool {
        match self {
            Self::Plain(plain) => matches!(plain, Plain::WholeToStream | Plain::Gzip),
            Self::Flaw(flaw) => matches!(flaw, Flaw::NoEnd | Flaw::NoEndOpen | Flaw::DoubleEnd),
            Self::Slow(..) | Self::BigAnswer(_) => true,
            Self::Status(..)
            | Self::Html(_)
            | Self::Refusal(_)
            | Self::Break(..)
            | Self::Error(..)
            | Self::GarbleAfter(_)
            | Self::NeedsKey(_) => false,
        }
    }

    /// Whether the provider is down altogether, so that `GET …/models` fails as well.
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Plain(plain) => matches!(
                plain,
                Plain::ResetBeforeHead
                    | Plain::HangBeforeHead
                    | Plain::FinBeforeHead
                    | Plain::GarbageHttp
                    | Plain::HugeHead
                    | Plain::Redirect
                    | Plain::WrongType
                    | Plain::Overloaded
                    | Plain::Loading
            ),
            Self::Status(code, _) | Self::Html(code) => *code >= 500,
            Self::Slow(Pace::Head, _) => true,
            Self::Slow(Pace::First | Pace::Tool | Pace::Drip, _)
            | Self::Flaw(_)
            | Self::Refusal(_)
            | Self::Break(..)
            | Self::Error(..)
            | Self::GarbleAfter(_)
            | Self::BigAnswer(_)
            | Self::NeedsKey(_) => false,
        }
    }
}

// === impl ErrorPlace ===

impl ErrorPlace {
    /// Where a break would be, if one came there instead.
    pub(super) fn place(self) -> Place {
        match self {
            Self::First | Self::Start => Place::BeforeContent,
            Self::After(tokens) => Place::After(tokens),
            Self::Thinking => Place::Thinking,
            Self::Last => Place::Last,
            Self::Call(count) => Place::Call(count),
        }
    }
}

/// Where the breaks of the menu are.
const PLACES: [Place; 10] = [
    Place::BeforeContent,
    Place::After(3),
    Place::Tool,
    Place::TextThenTool,
    Place::Letter(3),
    Place::Pair(3),
    Place::Thinking,
    Place::Last,
    Place::Call(1),
    Place::InCall(2),
];

/// Where the errors of the menu are.
const ERROR_PLACES: [ErrorPlace; 6] = [
    ErrorPlace::First,
    ErrorPlace::Start,
    ErrorPlace::After(3),
    ErrorPlace::Thinking,
    ErrorPlace::Last,
    ErrorPlace::Call(1),
];

fn samples(kind: Kind) -> Vec<Fault> {
    match kind {
        Kind::Plain => Plain::ALL.iter().map(|plain| Fault::Plain(*plain)).collect(),
        Kind::Flaw => Flaw::ALL.iter().map(|flaw| Fault::Flaw(*flaw)).collect(),
        Kind::Status => {
            let mut all: Vec<_> =
                [500, 502, 503, 504, 529, 429].map(|code| Fault::Status(code, None)).into();
            all.extend(hints().map(|hint| Fault::Status(429, Some(hint))));
            all.push(Fault::Status(503, Some(Hint::After(1))));
            all
        }
        Kind::Html => vec![Fault::Html(502)],
        Kind::Refusal => Refusal::ALL.iter().map(|refusal| Fault::Refusal(*refusal)).collect(),
        Kind::Break => Break::ALL
            .iter()
            .flat_map(|how| PLACES.map(|place| Fault::Break(*how, place)))
            .collect(),
        Kind::Error => InBand::ALL
            .iter()
            .flat_map(|kind| ERROR_PLACES.map(|place| Fault::Error(*kind, place)))
            .collect(),
        Kind::GarbleAfter => vec![Fault::GarbleAfter(0), Fault::GarbleAfter(3)],
        Kind::Slow => Pace::ALL
            .iter()
            .map(|pace| {
                // Some thousand bytes are dripped: without a wait between them.
                let wait = if *pace == Pace::Drip { 0 } else { 30 };
                Fault::Slow(*pace, Duration::from_millis(wait))
            })
            .collect(),
        Kind::BigAnswer => vec![Fault::BigAnswer(1)],
        Kind::NeedsKey => vec![Fault::NeedsKey("sk-drill".to_owned())],
    }
}

fn hints() -> [Hint; 7] {
    [
        Hint::After(1),
        Hint::AfterDate,
        Hint::AfterMs(50),
        Hint::Absurd,
        Hint::ShouldRetry(false),
        Hint::ShouldRetry(true),
        Hint::Reset(1),
    ]
}

fn status_stage(code: u16) -> Stage {
    match code {
        400 | 413 | 422 => Stage::CallersOwn,
        _ => Stage::BeforeContent,
    }
}

fn refusal_stage(refusal: Refusal) -> Stage {
    match refusal {
        Refusal::Invalid
        | Refusal::UnsupportedParam
        | Refusal::Context
        | Refusal::ContentFilter
        | Refusal::Bare
        | Refusal::TooLarge
        | Refusal::Unprocessable => Stage::CallersOwn,
        Refusal::Credit
        | Refusal::Unauthorized
        | Refusal::Payment
        | Refusal::Forbidden
        | Refusal::Firewall
        | Refusal::Model
        | Refusal::Timeout
        | Refusal::Conflict
        | Refusal::Quota
        | Refusal::Unimplemented => Stage::BeforeContent,
    }
}

fn flaw_stage(flaw: Flaw) -> Stage {
    match flaw {
        Flaw::PingsOnly
        | Flaw::EndlessLine
        // A whole answer shows nothing until it is complete.
        | Flaw::ShortBody
        | Flaw::ResetBody
        | Flaw::StallBody
        | Flaw::TornBody => Stage::BeforeContent,
        Flaw::NoEnd
        | Flaw::NoEndOpen
        | Flaw::NoFinish
        | Flaw::DoneWithoutFinish
        | Flaw::DoubleEnd => Stage::AfterContent,
    }
}

fn flaw_applies(flaw: Flaw, shape: Shape) -> bool {
    let of = match flaw {
        Flaw::PingsOnly
        | Flaw::EndlessLine
        | Flaw::NoEnd
        | Flaw::NoEndOpen
        | Flaw::NoFinish
        | Flaw::DoneWithoutFinish
        | Flaw::DoubleEnd => Shape::Stream,
        Flaw::ShortBody | Flaw::ResetBody | Flaw::StallBody | Flaw::TornBody => Shape::Whole,
    };
    of == shape
}
