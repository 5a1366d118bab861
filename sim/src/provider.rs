//! A fake provider: how fast it is, when it is ill and of what, and what an attempt on it yields.

use crate::dice::Dice;
use bytes::Bytes;
use ir::{
    Block, BlockKind, Connect, Dns, Event, Events, Failure, Finish, Frame, Hints, Piece, Rejection,
    Shape, Time, Tokens, Usage, Whole,
};
use policy::Input;
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
    /// Of a hundred answers so many show nothing.
    pub(crate) quiet: u64,
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
    Fault::Slow,
];

/// What an attempt yields, and how long after its beginning.
pub(crate) type Yield = Vec<(Duration, Input)>;

/// One attempt, as the provider sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) request: usize,
    pub(crate) attempt: usize,
    pub(crate) shape: Shape,
    /// The stream is put together to a document: a hole in it is a failure, which nobody who is well
    /// has.
    pub(crate) watched: bool,
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

    /// Well from one time to the other, both included, and not rightly passed by for what it said.
    pub(crate) fn is_well(&self, from: Time, until: Time) -> bool {
        let over = |ill: &Illness| ill.until + ill.fault.remembered();
        !self.illnesses.iter().any(|ill| ill.from <= until && from < over(ill))
    }

    /// What an attempt that begins now yields.
    pub(crate) fn call(&self, now: Time, call: Call, dice: &mut Dice) -> Yield {
        self.yields(self.illness(now).map(|ill| ill.fault), call, dice)
    }

    /// What one yields that meets this fault, or none.
    pub(crate) fn yields(&self, fault: Option<Fault>, call: Call, dice: &mut Dice) -> Yield {
        let first = self.first + dice.ms(0..ms(self.spread));
        let mut tape = Tape {
            call,
            quiet: self.quiet,
            at: Duration::ZERO,
            number: 0,
            out: Vec::new(),
            open: 0,
        };
        match fault {
            None => tape.answer(first, self.gap, dice),
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

/// The bytes of a frame name it: request, attempt, number, tool calls open behind it, and whether the
/// answer has its finish by then.
pub(crate) fn label(call: Call, number: u32, (open, finish): (usize, bool)) -> Bytes {
    let finish = u8::from(finish);
    Bytes::from(format!("{} {} {number} {open} {finish};", call.request, call.attempt))
}

/// What an attempt yields, while it is written.
struct Tape {
    call: Call,
    quiet: u64,
    at: Duration,
    number: u32,
    out: Yield,
    /// Tool calls open.
    open: usize,
}

// === impl Tape ===

impl Tape {
    fn put(&mut self, input: Input) {
        self.out.push((self.at, input));
    }

    fn head(&mut self, after: Duration) {
        self.at += after;
        self.put(Input::Head { status: 200, upstream_id: None });
    }

    fn frame(&mut self, after: Duration, events: &[Event]) {
        self.at += after;
        let calls = |event: &Event, opens: bool| match event {
            Event::Open(block, _) => opens && block.kind == BlockKind::Tool,
            Event::Close(block) => !opens && block.kind == BlockKind::Tool,
            Event::Delta(..)
            | Event::Start(_)
            | Event::Progress
            | Event::Ping
            | Event::Finish(..)
            | Event::Usage(_)
            | Event::End
            | Event::Fail(_)
            | Event::Repeated(_)
            | Event::Malformed(_)
            | Event::Noise(_)
            | Event::Aside(_) => false,
        };
        self.open += events.iter().filter(|event| calls(event, true)).count();
        self.open -= events.iter().filter(|event| calls(event, false)).count();
        let bytes = match events {
            // Malformed: it never leaves.
            [Event::Malformed(_)] => Bytes::from_static(b"malformed"),
            // An error may be relayed behind a half call that was dropped.
            [Event::Fail(_)] => label(self.call, 0, (0, false)),
            _ => {
                self.number += 1;
                let finish = events.iter().any(|event| matches!(event, Event::Finish(..)));
                label(self.call, self.number, (self.open, finish))
            }
        };
        self.put(Input::Frame(Frame { bytes, events: Events::from(events) }));
    }

    fn answer(&mut self, first: Duration, gap: Duration, dice: &mut Dice) {
        if self.call.shape == Shape::Whole {
            self.head(first);
            self.at += gap * 10;
            let usage = Usage::Exact(Tokens::default());
            let whole = Whole { finish: Some(Finish::Stop), usage, empty: false };
            return self.put(Input::Whole(label(self.call, 1, (0, true)), whole));
        }
        self.content(first, gap, dice);
        if dice.percent(30) {
            self.calls(gap, dice);
        }
        self.frame(gap, &[Event::Finish(Finish::Stop, None)]);
        if dice.percent(95) {
            self.frame(Duration::ZERO, &[Event::End]);
        }
        self.put(Input::Eof { clean: dice.percent(95) });
    }

    /// Envelope and text.
    fn content(&mut self, first: Duration, gap: Duration, dice: &mut Dice) {
        self.head(first / 2);
        self.frame(Duration::ZERO, &[Event::Start(None)]);
        let text = Block { kind: BlockKind::Text, index: 0 };
        let quiet = dice.percent(self.quiet);
        if quiet {
            return self.at += first / 2;
        }
        self.frame(first / 2, &[Event::Open(text, None), Event::Delta(text, Piece::Unread)]);
        for _ in 0..dice.within(1..8) {
            match dice.within(0..20) {
                0 if !self.call.watched => self.frame(gap, &[Event::Malformed("not JSON")]),
                1 => self.frame(gap, &[Event::Ping]),
                2 => self.frame(gap, &[]),
                _ => self.frame(gap, &[Event::Delta(text, Piece::Unread)]),
            }
        }
        self.frame(gap, &[Event::Close(text)]);
    }

    /// Tool calls, one after the other or side by side.
    fn calls(&mut self, gap: Duration, dice: &mut Dice) {
        let count = u32::try_from(dice.within(1..4)).unwrap_or(1);
        let blocks = (1..=count).map(|index| Block { kind: BlockKind::Tool, index });
        let blocks: Vec<Block> = blocks.collect();
        let beside = dice.percent(50);
        for block in &blocks {
            self.frame(gap, &[Event::Open(*block, None)]);
            self.frame(gap, &[Event::Delta(*block, Piece::Unread)]);
            if !beside {
                self.frame(gap, &[Event::Close(*block)]);
            }
        }
        if beside {
            let closes: Vec<Event> = blocks.into_iter().map(Event::Close).collect();
            self.frame(gap, &closes);
        }
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
            Fault::CutLate | Fault::Stall | Fault::BrokenLate | Fault::Slow | Fault::BrownOut
                if stream =>
            {
                self.content(first, gap, dice);
                if dice.percent(50) {
                    self.frame(
                        gap,
                        &[Event::Open(Block { kind: BlockKind::Tool, index: 9 }, None)],
                    );
                }
                self.at += gap;
                if fault == Fault::CutLate {
                    self.put(Input::Eof { clean: dice.percent(50) });
                } else if fault == Fault::BrokenLate {
                    self.frame(gap, &[Event::Fail(rejection(500, None))]);
                }
            }
            Fault::CutLate | Fault::Stall | Fault::BrokenLate | Fault::Slow | Fault::BrownOut => {
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
