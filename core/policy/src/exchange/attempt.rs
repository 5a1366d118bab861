//! One try on one target: what it has shown, what of it is held back, how it ended.

use super::crawl::Crawl;
use crate::board::{Health, Permit};
use crate::{Class, Leg, Told, Way};
use bytes::Bytes;
use ir::{Block, BlockKind, Event, Failure, Finish, Frame, Repair, Shape, Time, TokenField, Usage};
use std::collections::VecDeque;
use std::time::Duration;

mod settled;

/// What a frame that is held takes beside its bytes: an empty comment is not for nothing.
const FRAME_BYTES: usize = 32;

/// One attempt.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "what was seen of it, each on its own; no state")]
pub(super) struct Attempt {
    pub(super) leg: usize,
    pub(super) credential: usize,
    pub(super) form: Form,
    pub(super) proving: bool,
    /// The right to it; gone once it is settled.
    permit: Option<Permit>,
    pub(super) began: Time,
    pub(super) head_at: Option<Time>,
    pub(super) content_at: Option<Time>,
    pub(super) ended_at: Option<Time>,
    /// When it last showed content or progress, or its head.
    last: Time,
    /// How long it may be silent before another target starts beside it.
    patience: Duration,
    /// After this long without content it is late, and that is said once.
    pub(super) late: Option<Duration>,
    /// When the model last was seen at work.
    worked: Option<Time>,
    /// When its last block opened.
    opened: Option<Time>,
    /// Its last block is text of which nothing came yet.
    hollow: bool,
    pub(super) status: Option<u16>,
    pub(super) upstream_id: Option<String>,
    pub(super) fate: Fate,
    /// It lost our patience.
    pub(super) slow: bool,
    /// Its target was known to be down while it was silent.
    doomed: bool,
    held: VecDeque<Bytes>,
    held_bytes: usize,
    /// Since when something it has shown, or a part of its document, is held back.
    pub(super) held_since: Option<Time>,
    open: Vec<Block>,
    finish: Option<(Finish, Time)>,
    /// Its end was seen, or it is taken for complete without one.
    over: bool,
    pub(super) usage: Usage,
    deltas: u64,
    /// Pieces that were not shown, since they had to be joined first.
    withheld: u64,
    /// What they said, as far as that was read, in bytes.
    said: usize,
    /// What it has shown, where it may be gone on with.
    pub(super) told: Told,
    /// What it is expected to write, where that is known.
    pub(super) crawl: Option<Crawl>,
    /// How it was asked to go on with another's answer.
    pub(super) way: Option<Way>,
    /// What its refusal taught: the leg is asked again in another way.
    pub(super) repair: Option<Repair>,
    /// Fields of its request that could be written otherwise.
    pub(super) written: Vec<&'static str>,
}

/// How an attempt's answer comes, and how it leaves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Form {
    /// As a stream, for one who wants a stream.
    Stream,
    /// As a stream, for one who wants a document: its frames tell how it goes, are put together
    /// outside, and nothing leaves before the last.
    Watched,
    /// As a document.
    Whole,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Fate {
    /// It has not.
    Pending,
    /// With an answer.
    Answered,
    /// Another was faster.
    Lost,
    /// Nobody waits for it any more.
    Abandoned,
    /// It failed.
    Failed(Class),
}

/// What a frame did.
#[derive(Debug)]
pub(super) enum Step {
    /// It is held; `content` if it carried any, `over` if it is the end marker.
    Held { content: bool, over: bool },
    /// It says again what was said, or nothing, or comes behind the finish reason and cannot be read: it
    /// is left out.
    LeftOut,
    /// It said that the attempt failed; the bytes it said it with.
    Failed(Failure, Option<Bytes>),
    /// The answer is complete although its end marker never came.
    Complete,
}

// === impl Fate ===

impl Fate {
    /// Its word in trails and records.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Answered => "ok",
            Self::Lost => "lost",
            Self::Abandoned => "abandoned",
            Self::Failed(class) => class.word(),
        }
    }
}

// === impl Attempt ===

impl Attempt {
    pub(super) fn new(
        leg: usize,
        permit: Permit,
        form: Form,
        patience: Duration,
        now: Time,
    ) -> Self {
        Self {
            leg,
            credential: permit.credential,
            form,
            proving: permit.proving,
            permit: Some(permit),
            began: now,
            head_at: None,
            content_at: None,
            ended_at: None,
            last: now,
            patience,
            late: None,
            worked: None,
            hollow: false,
            opened: None,
            status: None,
            upstream_id: None,
            fate: Fate::Pending,
            slow: false,
            doomed: false,
            held: VecDeque::new(),
            held_bytes: 0,
            held_since: None,
            open: Vec::new(),
            finish: None,
            over: false,
            usage: Usage::Unknown,
            deltas: 0,
            withheld: 0,
            said: 0,
            crawl: None,
            told: Told::default(),
            way: None,
            repair: None,
            written: Vec::new(),
        }
    }

    /// How it failed, where it did.
    pub(super) fn class(&self) -> Option<Class> {
        match self.fate {
            Fate::Failed(class) => Some(class),
            Fate::Pending | Fate::Answered | Fate::Lost | Fate::Abandoned => None,
        }
    }

    pub(super) fn is_live(&self) -> bool {
        self.permit.is_some()
    }

    pub(super) fn head(&mut self, now: Time, status: u16, upstream_id: Option<String>) {
        self.head_at = Some(now);
        self.last = now;
        self.status = Some(status);
        self.upstream_id = upstream_id;
        if let Some(permit) = &mut self.permit {
            permit.heard(now);
        }
    }

    /// More of a document came.
    pub(super) fn document(&mut self, now: Time, leg: &Leg) {
        self.last = now;
        // Asked for a stream, it sends a document: from now on it has the time of one.
        if matches!(self.form, Form::Watched | Form::Stream) {
            self.form = Form::Whole;
            self.late = None;
            self.patience = leg.patience(Shape::Whole, None);
        }
        self.held_since.get_or_insert(now);
    }

    /// Takes a frame in.
    pub(super) fn frame(&mut self, now: Time, frame: Frame) -> Step {
        let mut content = false;
        let mut over = false;
        for event in &frame.events {
            content |= event.is_content();
            match event {
                Event::Ping | Event::Start(_) | Event::Aside(_) => {}
                Event::Progress => {
                    self.worked = Some(now);
                    self.withheld += u64::from(self.joins());
                }
                Event::Open(block, _) => {
                    self.hollow = block.kind == BlockKind::Text;
                    self.opens(now, *block);
                }
                Event::Delta(block, piece) => {
                    // Text that goes on with another attempt's is in a block that was opened by that.
                    if block.kind == BlockKind::Text && !self.has_open(BlockKind::Text) {
                        self.opens(now, *block);
                    }
                    self.deltas += 1;
                    self.said += piece.said();
                }
                Event::Close(block) => {
                    self.hollow = false;
                    self.open.retain(|open| open != block);
                }
                Event::Finish(finish, _) => self.finish = Some((*finish, now)),
                Event::Usage(tokens) => self.usage = Usage::Exact(*tokens),
                Event::End if self.is_complete() => {
                    over = true;
                    self.over = true;
                    break;
                }
                Event::End => return Step::Failed(Failure::Cut { clean: true }, None),
                // After the finish reason the answer is complete, whatever is said behind it.
                Event::Fail(_) if self.is_complete() => {
                    self.over = true;
                    return Step::Complete;
                }
                Event::Fail(rejection) => {
                    // A frame that is taken for an error, without being one in its dialect (a second
                    // `message_start`, a `finish_reason` of "error"), cannot say it to the caller.
                    let passed = !rejection.bare && !rejection.unheard;
                    let said = Some(frame.bytes).filter(|it| passed && !it.is_empty());
                    return Step::Failed(Failure::Rejected(rejection.clone()), said);
                }
                Event::Repeated(_) | Event::Noise(_) => return Step::LeftOut,
                Event::Malformed(_) if self.is_complete() => return Step::LeftOut,
                // It may have said something: an answer without that has a hole.
                Event::Malformed(what) => {
                    return Step::Failed(Failure::Malformed(what), None);
                }
            }
        }
        if content {
            self.last = now;
            self.hollow = false;
            if let Some(crawl) = &mut self.crawl {
                crawl.wrote(now);
            }
            self.held_since.get_or_insert(now);
        }
        if self.form != Form::Watched && !frame.bytes.is_empty() {
            self.held_bytes += frame.bytes.len() + FRAME_BYTES;
            self.held.push_back(frame.bytes);
        }
        Step::Held { content, over }
    }

    /// Whether what is held may leave: something was shown or the answer finished, no tool call is half
    /// there, and no text has only begun: cut there, it would stay empty, and Messages takes no empty
    /// text back. What leaves as a document leaves when it is over.
    pub(super) fn is_releasable(&self) -> bool {
        let ready = match self.form {
            Form::Stream | Form::Whole => self.content_at.is_some() || self.finish.is_some(),
            Form::Watched => self.over,
        };
        let hollow = self.hollow && self.finish.is_none();
        ready && !self.has_open_tool() && !hollow
    }

    /// Nothing more is expected of it: it is complete, with or without an end marker.
    pub(super) fn is_over(&mut self) -> bool {
        self.over |= self.is_complete();
        self.over
    }

    fn opens(&mut self, now: Time, block: Block) {
        self.opened = Some(now);
        self.open.push(block);
        if let Some(crawl) = &mut self.crawl {
            crawl.opens(now);
        }
    }

    pub(super) fn has_open_tool(&self) -> bool {
        self.has_open(BlockKind::Tool)
    }

    fn has_open(&self, kind: BlockKind) -> bool {
        self.open.iter().any(|block| block.kind == kind)
    }

    /// A finish reason was seen and no tool call is half there.
    pub(super) fn is_complete(&self) -> bool {
        self.finish.is_some() && !self.has_open_tool()
    }

    /// It finished without having shown anything, and a refusal is not what it was.
    pub(super) fn is_empty_answer(&self) -> bool {
        let refused = |(finish, _): (Finish, Time)| finish == Finish::Refusal;
        self.content_at.is_none() && self.finish.is_some_and(|finish| !refused(finish))
    }

    /// It finished with a filter's refusal, without having shown anything.
    pub(super) fn is_bare_refusal(&self) -> bool {
        let refused = |(finish, _): (Finish, Time)| finish == Finish::Refusal;
        self.content_at.is_none() && self.finish.is_some_and(refused)
    }

    /// When it loses our patience: a model that is seen at work has it anew, up to a limit.
    pub(super) fn slow_at(&self, leg: &Leg) -> Time {
        let most = self.began + self.patience.max(leg.deadlines.first_content_thinking);
        (self.worked.unwrap_or(self.began) + self.patience).min(most)
    }

    /// When it is to be said that it is late.
    pub(super) fn late_at(&self) -> Time {
        let late = self.late.filter(|_| self.content_at.is_none() && self.is_live());
        late.map_or(Time::MAX, |late| self.began + late)
    }

    /// Says that it is late.
    pub(super) fn is_late(&mut self, now: Time, leg: &Leg, health: &dyn Health) {
        if let Some(permit) = &mut self.permit
            && self.late.take().is_some()
        {
            health.late(now, leg, permit, now.since(self.began));
        }
    }

    /// When it has had its time to show content. What works without showing anything has as long as
    /// if it had been asked to reason.
    pub(super) fn silent_at(&self, leg: &Leg) -> Time {
        let usual = self.began + leg.first_content();
        let working = self.worked.map(|at| at + leg.deadlines.idle_thinking);
        let working = working.map(|at| at.min(self.began + leg.deadlines.first_content_thinking));
        usual.max(working.unwrap_or(Time::ZERO))
    }

    pub(super) fn finished_at(&self) -> Option<Time> {
        self.finish.map(|(_, at)| at)
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    pub(super) fn take_held(&mut self) -> VecDeque<Bytes> {
        self.held_bytes = 0;
        std::mem::take(&mut self.held)
    }

    /// When its silence becomes a stall, counted from its last content or from when there was room
    /// to deliver. Text comes as it is written; the arguments of a call are collected by some
    /// providers for minutes, and nobody sees them before the call is closed.
    pub(super) fn stalls_at(&self, room: Time, leg: &Leg) -> Time {
        let idle = if self.is_writing() { leg.deadlines.idle } else { leg.deadlines.idle_thinking };
        // A block that opened has its own time, however long the pause before it was.
        let last = self.last.max(room).max(self.opened.unwrap_or(Time::ZERO));
        let working = self.worked.map(|at| at + leg.deadlines.idle_thinking);
        let working = working.map(|at| at.min(last + leg.deadlines.first_content_thinking));
        (last + idle).max(working.unwrap_or(Time::ZERO))
    }

    /// Text is open, and nothing else is waited for.
    fn is_writing(&self) -> bool {
        !self.has_open_tool() && self.has_open(BlockKind::Text)
    }

    /// When it is known to crawl.
    pub(super) fn crawls_at(&self, room: Time) -> Time {
        let crawl = self.crawl.as_ref().filter(|_| self.is_writing() && self.finish.is_none());
        crawl.map_or(Time::MAX, |crawl| crawl.due(room))
    }

    /// Its answer has to be joined to another's: what it says first is withheld.
    pub(super) fn joins(&self) -> bool {
        self.way.is_some_and(Way::joins)
    }

    /// Notes the first content. True the first time.
    pub(super) fn first_content(&mut self, now: Time) -> bool {
        let first = self.content_at.is_none();
        if first {
            self.content_at = Some(now);
        }
        first
    }

    /// It lost our patience.
    pub(super) fn lost_patience(&mut self, now: Time, leg: &Leg, health: &dyn Health) {
        self.slow = true;
        if let Some(permit) = &mut self.permit {
            health.slow(now, leg, permit);
        }
    }

    /// Whether its target was known to be down at some time since it began. That it is back by now
    /// is no comfort to an attempt from before.
    pub(super) fn is_doomed(&mut self, leg: &Leg, health: &dyn Health) -> bool {
        let standing = health.standing(leg);
        let since = |permit: &Permit| permit.epoch() != standing.epoch;
        self.doomed |= !standing.closed || self.permit.as_ref().is_some_and(since);
        self.doomed
    }

    /// Whether its request would be another one after this.
    pub(super) fn can(&self, repair: Repair) -> bool {
        let wrote = |field: &str| self.written.contains(&field);
        match repair {
            Repair::Plain => wrote("stream"),
            Repair::Without(field) => wrote(field),
            Repair::TokenField(TokenField::MaxTokens) => wrote("max_completion_tokens"),
            Repair::TokenField(TokenField::MaxCompletionTokens) => wrote("max_tokens"),
            Repair::MaxTokens(_) => wrote("max_tokens") || wrote("max_completion_tokens"),
            Repair::SystemAsUser => wrote("system"),
            Repair::Unsealed => wrote("seals"),
            Repair::Unprefilled => self.way == Some(Way::Prefill),
        }
    }

    /// Whether it counts as one of the attempts a plan allows. One that was provably not processed,
    /// or found the model still loading, does not; nor does one that was refused for how we had
    /// written it.
    pub(super) fn counts(&self) -> bool {
        self.repair.is_none() && !matches!(self.class(), Some(Class::Unprocessed | Class::Loading))
    }

    /// It answered with nothing, and billed for it: the same again would be as empty.
    pub(super) fn is_billed_nothing(&self) -> bool {
        self.class() == Some(Class::Empty)
            && matches!(self.usage, Usage::Exact(tokens) if 0 < tokens.output)
    }
}
