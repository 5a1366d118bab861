//! A fake provider: how fast it is, when it is ill and of what, and what an attempt on it yields.

use crate::dice::Dice;
use crate::story::{Going, Labels, Manner, Says, Story, label};
use ir::{
    Block, BlockKind, Connect, Dns, Event, Events, Failure, Finish, Frame, Hints, Opening, Piece,
    Rejection, Shape, Time, Tokens, Usage, Whole,
};
use policy::{Input, Way};
use std::time::Duration;

/// Someone who serves models.
#[derive(Clone, Debug)]
pub(crate) struct Provider {
    pub(crate) local: bool,
    pub(crate) credentials: usize,
    /// To its first content: at least this …
    pub(crate) first: Duration,
    /// … and up to so much more.
    pub(crate) spread: Duration,
    /// Between frames.
    pub(crate) gap: Duration,
    /// How it goes on with the answers of others.
    pub(crate) manner: Manner,
    /// It says no to going on with a turn of its own.
    pub(crate) refuses: bool,
    /// Of a hundred frames so many are none.
    pub(crate) garbles: u64,
    /// In the order of their beginnings.
    pub(crate) illnesses: Vec<Illness>,
}

/// It is ill for a while.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Illness {
    pub(crate) from: Time,
    pub(crate) until: Time,
    pub(crate) fault: Fault,
    /// Whether `GET /models` answers all the same.
    pub(crate) probe: bool,
}

/// Of what.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fault {
    /// No name, no connection, or none in time.
    Dns,
    Refused,
    ConnectTimeout,
    /// An error answer.
    Error(u16),
    /// 429 with a short Retry-After.
    Throttled,
    /// 529 inside a 200 stream, before content.
    InBand,
    /// Nothing at all, or nothing after the head.
    Silent,
    /// Cut before content, or after some.
    CutEarly,
    CutLate,
    /// Content that stops.
    Stall,
    /// An error inside the stream, after content.
    BrokenLate,
    /// Content that comes much more slowly than usual.
    Crawl,
    /// Ten times as slow as usual, or worse.
    Slow,
    /// Ten times as slow as usual.
    BrownOut,
}

/// The faults that a blackout or an outage of the first target is made of: nothing gets through.
pub(crate) const HARD: &[Fault] = &[
    Fault::Refused,
    Fault::Error(500),
    Fault::Error(502),
    Fault::Error(503),
    Fault::Error(529),
    Fault::InBand,
    Fault::CutEarly,
    Fault::Silent,
];

/// All of them.
pub(crate) const FAULTS: &[Fault] = &[
    Fault::Dns,
    Fault::Refused,
    Fault::ConnectTimeout,
    Fault::Error(500),
    Fault::Error(503),
    Fault::Error(529),
    Fault::Error(404),
    Fault::Error(401),
    Fault::Throttled,
    Fault::InBand,
    Fault::Silent,
    Fault::CutEarly,
    Fault::CutLate,
    Fault::Stall,
    Fault::BrokenLate,
    Fault::Crawl,
    Fault::Slow,
];

/// Between the frames of who crawls, beside twenty times its usual.
const CRAWL: Duration = Duration::from_secs(2);

/// What an attempt yields, and how long after its beginning.
pub(crate) type Yield = Vec<(Duration, Input)>;

/// One attempt, as the provider sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'a> {
    pub(crate) request: usize,
    pub(crate) attempt: usize,
    pub(crate) shape: Shape,
    /// The stream is put together to a document: a hole in it is a failure, which nobody who is well
    /// has.
    pub(crate) watched: bool,
    pub(crate) story: &'a Story,
    pub(crate) going: Option<Going<'a>>,
}

// === impl Fault ===

impl Fault {
    /// Nobody is reached.
    pub(crate) fn unreached(self) -> bool {
        matches!(self, Self::Dns | Self::Refused | Self::ConnectTimeout)
    }

    /// How long what was said is rightly believed: a refused key, an unknown model, a Retry-After.
    fn remembered(self) -> Duration {
        match self {
            Self::Error(401) => Duration::from_mins(1),
            Self::Error(404) => Duration::from_mins(5),
            Self::Throttled => Duration::from_millis(2500),
            Self::Dns
            | Self::Refused
            | Self::ConnectTimeout
            | Self::Error(_)
            | Self::InBand
            | Self::Silent
            | Self::CutEarly
            | Self::CutLate
            | Self::Stall
            | Self::BrokenLate
            | Self::Crawl
            | Self::Slow
            | Self::BrownOut => Duration::ZERO,
        }
    }
}

// === impl Provider ===

impl Provider {
    /// What it is ill of now.
    pub(crate) fn illness(&self, now: Time) -> Option<Illness> {
        self.illnesses.iter().find(|ill| ill.from <= now && now < ill.until).copied()
    }

    /// Well from one time to the other, both included, not rightly passed by for what it said, and
    /// never garbled.
    pub(crate) fn is_well(&self, from: Time, until: Time) -> bool {
        let over = |ill: &Illness| ill.until + ill.fault.remembered();
        let ill = self.illnesses.iter().any(|ill| ill.from <= until && from < over(ill));
        !ill && self.garbles == 0
    }

    /// What an attempt that begins now yields.
    pub(crate) fn call(&self, now: Time, call: Call<'_>, dice: &mut Dice) -> Yield {
        self.yields(self.illness(now).map(|ill| ill.fault), call, dice)
    }

    /// What one yields that meets this fault, or none.
    pub(crate) fn yields(&self, fault: Option<Fault>, call: Call<'_>, dice: &mut Dice) -> Yield {
        let first = self.first + dice.ms(0..ms(self.spread));
        let mut tape = Tape {
            call,
            says: call.story.says(call.going, self.manner, dice),
            garbles: if call.watched { 0 } else { self.garbles },
            at: Duration::ZERO,
            labels: Labels::default(),
            out: Vec::new(),
        };
        let prefill = call.going.is_some_and(|going| going.way == Way::Prefill);
        match fault {
            None if self.refuses && prefill => tape.rejected(400, first, None),
            None => tape.answer(first, self.gap, dice),
            Some(Fault::Crawl) => tape.answer(first, self.gap * 20 + CRAWL, dice),
            Some(Fault::Slow) => tape.answer(first * 10 + dice.ms(0..9000), self.gap, dice),
            Some(Fault::BrownOut) => tape.answer(first * 10, self.gap, dice),
            Some(fault) => tape.fails(fault, first, self.gap, dice),
        }
        tape.out
    }

    /// Whether a free probe that is answered now finds it.
    pub(crate) fn is_found(&self, now: Time) -> bool {
        self.illness(now).is_none_or(|ill| ill.probe && !ill.fault.unreached())
    }
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What an attempt yields, while it is written.
struct Tape<'a> {
    call: Call<'a>,
    says: Says,
    garbles: u64,
    at: Duration,
    labels: Labels,
    out: Yield,
}

// === impl Tape ===

impl Tape<'_> {
    fn put(&mut self, input: Input) {
        self.out.push((self.at, input));
    }

    fn head(&mut self, after: Duration) {
        self.at += after;
        self.put(Input::Head { status: 200, upstream_id: None });
    }

    fn frame(&mut self, after: Duration, events: &[Event]) {
        self.at += after;
        let bytes = self.labels.frame(self.call, events);
        self.put(Input::Frame(Frame { bytes, events: Events::from(events) }));
    }

    fn answer(&mut self, first: Duration, gap: Duration, dice: &mut Dice) {
        if self.call.shape == Shape::Whole {
            self.head(first);
            self.at += gap * 10;
            let usage = Usage::Exact(Tokens::default());
            let whole = Whole { finish: Some(Finish::Stop), usage, empty: false };
            let says = self.call.story.document();
            return self.put(Input::Whole(label(self.call, 1, (0, true), &says), whole));
        }
        self.head(first / 2);
        self.frame(Duration::ZERO, &[Event::Start(None)]);
        self.at += first / 2;
        let Says { text, calls, last } = std::mem::take(&mut self.says);
        self.text(&text, gap, dice);
        self.calls(&calls, gap, dice);
        self.text(last, gap, dice);
        self.frame(gap, &[Event::Finish(Finish::Stop, None)]);
        if dice.percent(95) {
            self.frame(Duration::ZERO, &[Event::End]);
        }
        self.put(Input::Eof { clean: dice.percent(95) });
    }

    /// Text, in pieces of any length.
    fn text(&mut self, mut text: &str, gap: Duration, dice: &mut Dice) {
        if text.is_empty() {
            return;
        }
        let block = Block { kind: BlockKind::Text, index: 0 };
        self.frame(Duration::ZERO, &[Event::Open(block, None)]);
        while !text.is_empty() {
            let wish = usize::try_from(dice.within(1..80)).unwrap_or(1).min(text.len());
            let (piece, rest) = text.split_at(text.ceil_char_boundary(wish));
            text = rest;
            match dice.within(0..20) {
                0 => self.frame(gap, &[Event::Ping]),
                1 => self.frame(gap, &[]),
                _ => {}
            }
            // What it said is lost.
            let garbled = dice.percent(self.garbles);
            let said = Event::Delta(block, Piece::Text(piece.into()));
            self.frame(gap, &[if garbled { Event::Malformed("not JSON") } else { said }]);
        }
        self.frame(gap, &[Event::Close(block)]);
    }

    /// Tool calls, one after the other or side by side.
    fn calls(&mut self, numbers: &[u32], gap: Duration, dice: &mut Dice) {
        let beside = dice.percent(50);
        let block = |index: u32| Block { kind: BlockKind::Tool, index };
        for number in numbers {
            let name = format!("call{number}").into();
            let id = format!("{}-{number}", self.call.attempt).into();
            let opening = Opening::Call(ir::Call { id, name, ..ir::Call::default() });
            self.frame(gap, &[Event::Open(block(*number), Some(Box::new(opening)))]);
            let arguments = Piece::Arguments(format!("{{\\\"n\\\":{number}}}").into());
            self.frame(gap, &[Event::Delta(block(*number), arguments)]);
            if !beside {
                self.frame(gap, &[Event::Close(block(*number))]);
            }
        }
        if beside {
            for number in numbers {
                self.frame(gap, &[Event::Close(block(*number))]);
            }
        }
    }

    /// Leaves of an answer what came until some moment after its first content.
    fn cut(&mut self, dice: &mut Dice) {
        let says = |is: fn(&Event) -> bool| move |(_, input): &(Duration, Input)| matches!(input, Input::Frame(frame) if frame.events.iter().any(is));
        let content = says(|event| matches!(event, Event::Delta(..)));
        let finish = says(|event| matches!(event, Event::Finish(..)));
        let end = self.out.iter().position(finish).unwrap_or(self.out.len());
        let first = self.out.iter().position(content).map_or(end, |at| at + 1);
        let count = u64::try_from(end.saturating_sub(first)).unwrap_or(0) + 1;
        let more = usize::try_from(dice.within(0..count)).unwrap_or(0);
        self.out.truncate(first + more);
        self.at = self.out.last().map_or(self.at, |(at, _)| *at);
    }

    fn fails(&mut self, fault: Fault, first: Duration, gap: Duration, dice: &mut Dice) {
        let stream = self.call.shape == Shape::Stream;
        match fault {
            Fault::Dns => self.put(Input::Failed(Failure::Dns(Dns::NotFound))),
            Fault::Refused => self.put(Input::Failed(Failure::Connect(Connect::Refused))),
            Fault::ConnectTimeout => {
                self.at = Duration::from_secs(3);
                self.put(Input::Failed(Failure::Connect(Connect::Timeout)));
            }
            Fault::Error(status) => self.rejected(status, dice.ms(5..200), None),
            Fault::Throttled => {
                let after = dice.ms(500..2500);
                self.rejected(429, dice.ms(5..50), Some(after));
            }
            Fault::InBand if stream => {
                self.head(first / 2);
                self.frame(Duration::ZERO, &[Event::Start(None)]);
                self.frame(dice.ms(1..100), &[Event::Fail(rejection(529, None))]);
            }
            Fault::Silent if dice.percent(50) => self.head(first),
            Fault::Silent => {}
            Fault::CutEarly | Fault::InBand => {
                self.head(first);
                self.at += gap;
                self.put(Input::Eof { clean: dice.percent(50) });
            }
            Fault::CutLate | Fault::Stall | Fault::BrokenLate if stream => {
                self.answer(first, gap, dice);
                self.cut(dice);
                self.at += gap;
                if fault == Fault::CutLate {
                    self.put(Input::Eof { clean: dice.percent(50) });
                } else if fault == Fault::BrokenLate {
                    self.frame(gap, &[Event::Fail(rejection(500, None))]);
                }
            }
            Fault::CutLate
            | Fault::Stall
            | Fault::BrokenLate
            | Fault::Crawl
            | Fault::Slow
            | Fault::BrownOut => {
                self.head(first);
                self.put(Input::Progress);
                if fault != Fault::Stall {
                    self.put(Input::Eof { clean: false });
                }
            }
        }
    }

    fn rejected(&mut self, status: u16, after: Duration, wait: Option<Duration>) {
        self.at += after;
        self.put(Input::Head { status, upstream_id: None });
        self.put(Input::Failed(Failure::Rejected(rejection(status, wait))));
    }
}

fn rejection(status: u16, after: Option<Duration>) -> Box<Rejection> {
    let hints = Hints { after, ..Hints::default() };
    Box::new(Rejection { status, kind: "api_error".to_owned(), hints, ..Rejection::default() })
}
