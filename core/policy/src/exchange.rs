//! One request, from its plan to its end: which target to try, what to hold back, what to relay, and
//! what to say when nothing is left.
//!
//! An [`Exchange`] is driven: it is told the time and what happened, and answers what to do. It holds
//! no socket, starts no timer and reads no clock.
//!
//! ```text
//!                  no live attempt, or all of them silent beyond their patience:
//!                  begin the next leg (or the same again, after its wait)
//!                        +------+
//!                        v      |
//!   new ------------> Seeking --+--- first releasable content of the lead ---> Committed
//!                        | ^                                                    | |
//!                        | +--- cut, stall, in-band error: who goes on? --------+ |
//!      nothing left, or  |                                                        |
//!      a final refusal   |                 finish seen and its end, or EOF: Finish|
//!      with nobody beside|        nobody can go on, an overlong one: Fail, Break  |
//!      it: Fail          v                                                        v
//!                      Done <-----------------------------------------------------+
//!                        ^--- the caller left: every attempt is cancelled, from any state
//! ```
//!
//! Frames of an attempt are held until its first content; of several attempts the first with content
//! becomes the lead and the others are cancelled. Frames are also held while a tool call is open, so
//! that half a call never leaves; until something left, a failure is still unseen.
//!
//! **Invariant:** EX1 to EX6 of `ir::Invariant` hold at every step.

use crate::{Class, Health, Plan, Way, rng::Rng};
use bytes::Bytes;
use ir::{Ending, Failure, Finish, Frame, Repair, Time, Whole, invariant};
use smallvec::SmallVec;
use std::collections::VecDeque;
use std::time::Duration;

mod attempt;
mod crawl;
mod ending;
mod failing;
mod report;
mod resume;
mod seek;

use attempt::{Attempt, Fate, Form, Step};
pub use ending::{Final, Words};
use failing::{Again, Fall, LegState};
pub use report::Report;
use resume::Resumed;

/// Names an attempt: its number within the exchange, from 0.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct AttemptId(pub usize);

/// What happened to an attempt.
#[derive(Clone, Debug)]
pub enum Input {
    /// The head of an answer came.
    Head {
        /// HTTP status.
        status: u16,
        /// The provider's request id.
        upstream_id: Option<String>,
    },
    /// The fields of the request that could be written otherwise: of one that was written anew or goes on,
    /// as it is sent; of the caller's own, before it is told that it was refused.
    Written(Vec<&'static str>),
    /// One frame of a streamed answer.
    Frame(Frame),
    /// A streamed or overlong answer ended: by its own framing, or cut.
    Eof {
        /// Whether the transport called it an end.
        clean: bool,
    },
    /// More of a whole answer came; it is not complete yet.
    Progress,
    /// A whole answer, complete and well-formed.
    Whole(Bytes, Whole),
    /// A whole answer is longer than we hold: what came so far. The rest follows as chunks.
    Overflow(Bytes),
    /// More of an overlong answer.
    Chunk(Bytes),
    /// It failed.
    Failed(Failure),
}

/// What to do next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Action {
    /// Send the request to this leg of the plan with this credential.
    Begin {
        /// The attempt's name from now on.
        attempt: AttemptId,
        /// Place in the plan.
        leg: usize,
        /// Which of the provider's credentials.
        credential: usize,
        /// It is to go on, in this way, with what was shown ([`Exchange::told`]).
        way: Option<Way>,
    },
    /// Drop this attempt: connection, buffers and all.
    Cancel(AttemptId),
    /// This attempt's refusal says how the leg wants to be asked: the next attempt on it is to be
    /// written so.
    Repair {
        /// The attempt that was refused.
        attempt: AttemptId,
        /// Place in the plan.
        leg: usize,
        /// What to do otherwise.
        repair: Repair,
    },
    /// So asked the leg gave its answer: later requests are to be written in this way too.
    Learn {
        /// Place in the plan.
        leg: usize,
        /// What to do otherwise.
        repair: Repair,
    },
    /// Send the response head: this attempt's own, or ours where nobody has won yet.
    Head(Option<AttemptId>),
    /// Our head went out before anyone had won: say in a comment who serves.
    Note(AttemptId),
    /// Hand these bytes to the caller.
    Relay(Bytes),
    /// Hand a keep-alive of ours to the caller.
    Ping,
    /// The answer is complete. Where its end marker never came, supply it.
    Finish {
        /// Write the dialect's end marker first.
        supply_end: bool,
    },
    /// There is no answer: an error response, or one error event where the head is out.
    Fail(Final),
    /// An overlong whole answer was cut: break the connection, so that it cannot pass for complete.
    Break,
}

/// The state machine of one request.
#[derive(Debug)]
pub struct Exchange {
    plan: Plan,
    began: Time,
    attempts: Vec<Attempt>,
    legs: Vec<LegState>,
    phase: Phase,
    /// The attempt whose content came first.
    lead: Option<AttemptId>,
    /// Those whose content was handed over: more than one where the answer was gone on with.
    leads: SmallVec<[AttemptId; 2]>,
    /// The answer was cut, and is gone on with.
    resumed: Option<Box<Resumed>>,
    /// The same leg again, at this time.
    again: Option<Again>,
    /// The budget said no to an extra attempt: when to ask again.
    ask_again: Option<Time>,
    /// The response head is out.
    head_out: bool,
    /// When the caller last got a byte, or the beginning.
    last_out: Time,
    /// Since when there is room to deliver.
    room: Time,
    first_content: Option<Time>,
    ended: Option<Time>,
    /// The attempt that refused the request beside a slower one.
    refusal: Option<AttemptId>,
    /// Rests of others that were waited out.
    rests: u32,
    /// The longest time that something shown was held back.
    held: Duration,
    pings: u32,
    malformed: u32,
    last_word: Option<Final>,
    queue: VecDeque<Action>,
    rng: Rng,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    Seeking,
    Committed,
    Done(Ending),
}

/// A stream whose finish reason was seen is given this long for the rest of its end.
const TAIL: Duration = Duration::from_secs(2);

// === impl Exchange ===

impl Exchange {
    /// An exchange that has not begun. Call [`Self::tick`] to begin.
    pub fn new(plan: Plan, now: Time) -> Self {
        let rng = Rng::new(plan.seed);
        let legs = plan.legs.iter().map(|_| LegState::default()).collect();
        Self {
            plan,
            began: now,
            // Nearly always there is one, and streams are open for long.
            attempts: Vec::with_capacity(1),
            legs,
            phase: Phase::Seeking,
            lead: None,
            leads: SmallVec::new(),
            resumed: None,
            again: None,
            ask_again: None,
            head_out: false,
            last_out: now,
            room: now,
            first_content: None,
            ended: None,
            refusal: None,
            rests: 0,
            held: Duration::ZERO,
            pings: 0,
            malformed: 0,
            last_word: None,
            queue: VecDeque::new(),
            rng,
        }
    }

    /// What it may do.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The next thing to do, or `None` until something happens.
    pub fn poll(&mut self) -> Option<Action> {
        self.queue.pop_front()
    }

    /// Whether there is something to do already.
    pub fn has_actions(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Whether it has ended. The queue may still hold its last actions.
    pub fn is_done(&self) -> bool {
        matches!(self.phase, Phase::Done(_))
    }

    /// Whether an attempt is still under way.
    pub fn is_live(&self, id: AttemptId) -> bool {
        self.attempts.get(id.0).is_some_and(Attempt::is_live)
    }

    /// There is room to deliver again: while the caller did not take what it was given, idle clocks
    /// stood still.
    pub fn room(&mut self, now: Time) {
        self.room = now;
    }

    /// Tells what happened to an attempt. News of an attempt that is over are ignored.
    pub fn handle(&mut self, now: Time, id: AttemptId, input: Input, health: &dyn Health) {
        if !self.is_live(id) || self.is_done() {
            return;
        }
        match input {
            Input::Head { status, upstream_id } => {
                if let Some(attempt) = self.attempts.get_mut(id.0) {
                    attempt.head(now, status, upstream_id);
                }
            }
            Input::Written(fields) => {
                if let Some(attempt) = self.attempts.get_mut(id.0) {
                    attempt.written = fields;
                }
            }
            Input::Frame(frame) => self.frame(now, id, frame, health),
            Input::Eof { clean } => self.eof(now, id, clean, health),
            Input::Whole(body, whole) => self.whole(now, id, (body, whole), health),
            Input::Overflow(body) | Input::Chunk(body) => {
                self.document(now, id);
                self.content(now, id, health);
                self.commit(now, id, health);
                self.relay(now, body);
            }
            // Nothing that comes after the finish reason makes an answer incomplete.
            Input::Failed(_) if self.is_complete(id) => self.eof(now, id, false, health),
            Input::Failed(failure) => self.failed(now, id, failure.into(), health),
            Input::Progress => self.document(now, id),
        }
        self.seek(now, health);
    }

    fn document(&mut self, now: Time, id: AttemptId) {
        if let Some(attempt) = self.attempts.get_mut(id.0)
            && let Some(leg) = self.plan.legs.get(attempt.leg)
        {
            attempt.document(now, leg);
        }
    }

    fn frame(&mut self, now: Time, id: AttemptId, frame: Frame, health: &dyn Health) {
        let Some(attempt) = self.attempts.get_mut(id.0) else { return };
        if self.plan.continues {
            attempt.told.take(&frame.events);
        }
        match attempt.frame(now, frame) {
            Step::LeftOut => self.malformed += 1,
            Step::Failed(failure, said) => {
                self.failed(now, id, Fall { failure, said }, health);
            }
            Step::Held { content, over } => {
                if content {
                    self.content(now, id, health);
                }
                self.release(now, id, health);
                if over {
                    self.finish(now, id, false, health);
                }
            }
            Step::Complete => {
                self.release(now, id, health);
                self.finish(now, id, true, health);
            }
        }
    }

    /// Hands over what an attempt holds, where it may leave.
    fn release(&mut self, now: Time, id: AttemptId, health: &dyn Health) {
        let hold_max = self.plan.hold_max;
        let Some(attempt) = self.attempts.get_mut(id.0) else { return };
        if !attempt.is_releasable() {
            if hold_max < attempt.held_bytes() {
                let failure = Failure::Overflow(u64::try_from(hold_max).unwrap_or(u64::MAX));
                self.failed(now, id, failure.into(), health);
            }
            return;
        }
        let (leg, empty, refused) =
            (attempt.leg, attempt.is_empty_answer(), attempt.is_bare_refusal());
        let seeking = self.phase == Phase::Seeking && !self.is_resumed();
        if empty && seeking && self.passes_over_empty(leg) {
            return self.failed(now, id, Failure::Empty.into(), health);
        }
        if refused && seeking && self.plan.filter_next && self.has_others(leg) {
            return self.failed(now, id, Failure::Filtered.into(), health);
        }
        let Some(attempt) = self.attempts.get_mut(id.0) else { return };
        invariant!(Ex6, !attempt.has_open_tool());
        attempt.told.settle();
        let held = attempt.take_held();
        self.commit(now, id, health);
        for bytes in held {
            self.relay(now, bytes);
        }
    }

    /// An attempt showed content: the others are out.
    fn content(&mut self, now: Time, id: AttemptId, health: &dyn Health) {
        if let Some(attempt) = self.attempts.get_mut(id.0)
            && attempt.first_content(now)
            && let Some(leg) = self.plan.legs.get(attempt.leg)
        {
            attempt.alive(now, leg, health);
        }
        if self.lead.is_none() {
            self.lead = Some(id);
            self.cancel_others(now, id, health);
        }
    }

    fn cancel_others(&mut self, now: Time, keep: AttemptId, health: &dyn Health) {
        self.again = None;
        for index in 0..self.attempts.len() {
            if index != keep.0 {
                self.cancel(now, AttemptId(index), Fate::Lost, health);
            }
        }
    }

    fn cancel(&mut self, now: Time, id: AttemptId, fate: Fate, health: &dyn Health) {
        if let Some(attempt) = self.attempts.get_mut(id.0).filter(|attempt| attempt.is_live())
            && let Some(leg) = self.plan.legs.get(attempt.leg)
        {
            attempt.cancelled(now, fate, leg, health);
            // Should the winner fail before anything left, a loser may be asked again: it was
            // healthy, only slower. A silent one never is.
            if fate == Fate::Lost
                && !attempt.slow
                && let Some(state) = self.legs.get_mut(attempt.leg)
            {
                state.standing = failing::Standing::Fresh;
            }
            self.queue.push_back(Action::Cancel(id));
        }
    }

    /// From here on the answer is the caller's.
    fn commit(&mut self, now: Time, id: AttemptId, health: &dyn Health) {
        if let Some(since) = self.attempts.get_mut(id.0).and_then(|it| it.held_since.take()) {
            self.held = self.held.max(now.since(since));
        }
        if self.phase != Phase::Seeking {
            invariant!(Ex5, self.lead == Some(id));
            return;
        }
        self.lead = Some(id);
        self.cancel_others(now, id, health);
        self.phase = Phase::Committed;
        self.leads.push(id);
        self.first_content.get_or_insert(now);
        let who = if self.head_out { Action::Note(id) } else { Action::Head(Some(id)) };
        self.head_out = true;
        self.queue.push_back(who);
    }

    fn relay(&mut self, now: Time, bytes: Bytes) {
        invariant!(Ex1, self.phase == Phase::Committed);
        if !bytes.is_empty() {
            self.last_out = now;
            self.queue.push_back(Action::Relay(bytes));
        }
    }

    fn whole(
        &mut self,
        now: Time,
        id: AttemptId,
        (body, whole): (Bytes, Whole),
        health: &dyn Health,
    ) {
        let Some(attempt) = self.attempts.get_mut(id.0) else { return };
        let leg = attempt.leg;
        attempt.usage = whole.usage;
        match (whole.empty, whole.finish == Some(Finish::Refusal)) {
            (true, false) if self.passes_over_empty(leg) => {
                return self.failed(now, id, Failure::Empty.into(), health);
            }
            (_, true) if self.plan.filter_next && self.has_others(leg) => {
                return self.failed(now, id, Failure::Filtered.into(), health);
            }
            (true, false) => {}
            (_, true) | (false, false) => self.content(now, id, health),
        }
        self.commit(now, id, health);
        self.relay(now, body);
        self.finish(now, id, false, health);
    }

    fn eof(&mut self, now: Time, id: AttemptId, clean: bool, health: &dyn Health) {
        let Some(attempt) = self.attempts.get_mut(id.0) else { return };
        if attempt.form == Form::Whole {
            // Only an overlong answer ends this way.
            return if clean && self.phase == Phase::Committed {
                self.finish(now, id, false, health);
            } else {
                self.failed(now, id, Failure::Cut { clean }.into(), health);
            };
        }
        if attempt.is_over() {
            self.release(now, id, health);
            self.finish(now, id, true, health);
        } else {
            self.failed(now, id, Failure::Cut { clean }.into(), health);
        }
    }

    fn finish(&mut self, now: Time, id: AttemptId, supply_end: bool, health: &dyn Health) {
        if self.phase != Phase::Committed {
            return; // `release` found it empty or too long, and failed it.
        }
        if let Some(attempt) = self.attempts.get_mut(id.0)
            && let Some(leg) = self.plan.legs.get(attempt.leg)
        {
            attempt.answered(now, leg, health);
            let lessons = self.legs.get(attempt.leg).map(|state| &state.lessons);
            for lesson in lessons.into_iter().flatten().filter(|lesson| lesson.lasts) {
                self.queue.push_back(Action::Learn { leg: attempt.leg, repair: lesson.repair });
            }
        }
        self.queue.push_back(Action::Finish { supply_end });
        self.end(now, Ending::Answered);
    }

    fn end(&mut self, now: Time, ending: Ending) {
        invariant!(Ex2, !self.is_done());
        invariant!(Ex4, !self.attempts.iter().any(Attempt::is_live));
        self.phase = Phase::Done(ending);
        self.ended = Some(now);
    }
}

#[cfg(test)]
mod tests;
