//! The hands of an exchange: it begins attempts, feeds the exchange what they yield, and hands out
//! what the exchange releases. Polled in place, by the handler until there is a head and then as the
//! response's body: no task, no channel, no copy.

use crate::Shared;
use crate::ask::{Ask, Endpoint};
use crate::cross::{self, Asked, Crossed};
use crate::forward;
use crate::health::Bystander;
use crate::settle::Closed;
use crate::unsaid::Unsaid;
use bytes::{Bytes, BytesMut};
use codec::own::{self, Before};
use codec::seal::Origin;
use config::Credential;
use http::{HeaderMap, Request};
use ir::{Failure, Losses, Repair, Shape, Time};
use policy::{Action, AttemptId, Exchange, Final, Health, Input, Leg, Plan, Repairs, Way};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;
use transport::Payload;

mod kept;
mod kind;
mod last;
mod live;
mod manner;
mod reader;
mod resume;
mod seals;
mod timer;

use live::Live;
use manner::{Manner, Wish};
use timer::Timer;

/// One request under way.
#[derive(Debug)]
pub(crate) struct Drive {
    shared: Arc<Shared>,
    ask: Ask,
    exchange: Exchange,
    /// Every attempt so far, in order. Those that are over keep their head and error body.
    attempts: Vec<Live>,
    /// What the caller wished for, for those who read the answers.
    wish: Wish,
    timer: Timer,
    /// What is handed out before the exchange is asked again.
    tail: VecDeque<Step>,
    /// What the exchange said already, behind what is handed out.
    next: Option<Action>,
    head_out: bool,
    /// What refusals taught, of the legs of this request.
    lessons: Vec<(usize, Repair)>,
    /// Whose answer is handed out.
    winner: Option<AttemptId>,
    /// What was relayed was cut: from now on the only step is [`Step::Break`].
    broken: bool,
    status: u16,
    code: Option<&'static str>,
    bytes_out: u64,
    /// The last frame of an answer that was handed out, but for comments.
    last: Bytes,
    /// The number of the last event that was handed out and had one.
    counted: Before,
    /// When the last piece was handed out, until the next is asked for.
    handed: Option<Time>,
    /// The end was handed out, behind everything else.
    ended: bool,
}

/// What a drive hands out.
#[derive(Debug)]
pub(crate) enum Step {
    /// The head: this attempt's, or ours.
    Head(Option<AttemptId>),
    /// A piece of the body.
    Data(Bytes),
    /// Instead of a head: an error response.
    Refuse(Final),
    /// The body is complete.
    End,
    /// The connection must break.
    Break,
}

/// Small pieces are joined up to this size.
const GATHER_MAX: usize = 8 * 1024;
/// Larger ones leave in pieces of this size, so that what a caller was not ready to take is known.
const PIECE_MAX: usize = 64 * 1024;
/// A pause between two polls that is longer than this was the caller's.
const SLOW_CALLER: Duration = Duration::from_millis(50);

// === impl Drive ===

impl Drive {
    pub(crate) fn new(shared: Arc<Shared>, ask: Ask, plan: Plan) -> Self {
        let wish = Wish {
            dialect: ask.dialect,
            endpoint: ask.endpoint,
            shape: ask.shape(),
            choices: ask.head.choices,
            include_usage: ask.head.include_usage,
            continues: plan.continues,
            answer_max: plan.hold_max,
            clock: shared.clock,
        };
        let exchange = Exchange::new(plan, ask.began);
        shared.health.arrived();
        shared.state.open.fetch_add(1, Ordering::Relaxed);
        Self {
            shared,
            ask,
            exchange,
            // Nearly always there is one, and streams are open for long.
            attempts: Vec::with_capacity(1),
            wish,
            timer: Timer::default(),
            tail: VecDeque::new(),
            next: None,
            head_out: false,
            lessons: Vec::new(),
            winner: None,
            broken: false,
            status: 0,
            code: None,
            bytes_out: 0,
            last: Bytes::new(),
            counted: Before::default(),
            handed: None,
            ended: false,
        }
    }

    pub(crate) fn ask(&self) -> &Ask {
        &self.ask
    }

    pub(crate) fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    pub(crate) fn now(&self) -> Time {
        self.shared.clock.now()
    }

    /// The status and headers of an attempt's answer.
    pub(crate) fn head(&self, id: AttemptId) -> Option<(u16, &HeaderMap)> {
        self.attempts.get(id.0).and_then(Live::head)
    }

    /// Whether an attempt's answer is put together from a stream.
    pub(crate) fn is_folded(&self, id: AttemptId) -> bool {
        self.attempts.get(id.0).is_some_and(Live::is_folded)
    }

    /// Whether an attempt's target speaks another dialect than the caller.
    pub(crate) fn is_crossed(&self, id: AttemptId) -> bool {
        self.attempts.get(id.0).is_some_and(Live::is_crossed)
    }

    /// What did not come along to an attempt's target and back, so far.
    pub(crate) fn losses(&self, id: AttemptId) -> Losses {
        self.attempts.get(id.0).map(Live::losses).unwrap_or_default()
    }

    /// The body of an attempt's error answer.
    pub(crate) fn error_body(&self, id: AttemptId) -> Option<Bytes> {
        self.attempts.get(id.0).and_then(Live::error_body)
    }

    /// Notes what the caller was told in the head.
    pub(crate) fn told(&mut self, status: u16, code: Option<&'static str>) {
        self.status = status;
        self.code = code;
        // Their headers hold the buffers that they were read into.
        self.attempts.iter_mut().for_each(Live::forget_head);
    }

    /// This is its whole body, and there is nothing behind it.
    pub(crate) fn say(&mut self, body: Bytes) {
        let body = Some(body).filter(|body| !body.is_empty());
        self.tail.extend(body.map(Step::Data));
        self.tail.push_back(Step::End);
    }

    /// The bytes that are still to be handed out, where all of them are at hand. Otherwise nothing was
    /// done but what [`Self::poll`] would have done.
    pub(crate) fn length(&mut self, cx: &mut Context<'_>) -> Option<u64> {
        let mut steps = VecDeque::new();
        let mut length = 0;
        // One document and its end, not more: what comes in pieces is handed out as it is taken.
        while steps.len() < 2
            && let Poll::Ready(step) = self.poll_step(cx)
        {
            if let Step::Data(bytes) = &step {
                length += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            }
            let last = !matches!(step, Step::Data(_));
            steps.push_back(step);
            if last {
                break;
            }
        }
        let ended = matches!(steps.back(), Some(Step::End));
        steps.append(&mut self.tail);
        self.tail = steps;
        ended.then_some(length)
    }

    /// Goes on until there is something to hand out.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        if let Some(handed) = self.handed.take() {
            let now = self.now();
            if SLOW_CALLER < now.since(handed) {
                self.exchange.room(now);
            }
        }
        if self.shared.state.over.load(Ordering::Relaxed) && !self.exchange.is_done() {
            self.with_health(|exchange, now, health| exchange.stop(now, health));
        }
        let mut step = std::task::ready!(self.poll_step(cx));
        if let Step::Data(mut bytes) = step {
            if PIECE_MAX < bytes.len() {
                self.tail.push_front(Step::Data(bytes.split_off(PIECE_MAX)));
            } else {
                bytes = self.gather(bytes, cx);
            }
            self.bytes_out += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            step = Step::Data(bytes);
        }
        self.handed = Some(self.now());
        self.ended |= matches!(step, Step::End | Step::Break);
        Poll::Ready(step)
    }

    /// Joins a piece with those that are at hand: frames that came together leave together, and the
    /// copy costs less than a chunk of HTTP for each.
    fn gather(&mut self, first: Bytes, cx: &mut Context<'_>) -> Bytes {
        let mut joined = BytesMut::new();
        while self.has_more() {
            let length = joined.len().max(first.len());
            match self.poll_step(cx) {
                Poll::Ready(Step::Data(more)) if length + more.len() <= GATHER_MAX => {
                    if joined.is_empty() {
                        joined.extend_from_slice(&first);
                    }
                    joined.extend_from_slice(&more);
                }
                Poll::Ready(step) => {
                    self.tail.push_front(step);
                    break;
                }
                Poll::Pending => break,
            }
        }
        if joined.is_empty() { first } else { joined.freeze() }
    }

    /// Whether there is something to do without asking a provider for more.
    fn has_more(&self) -> bool {
        !self.tail.is_empty()
            || self.next.is_some()
            || self.exchange.has_actions()
            || self.attempts.iter().any(Live::has_more)
    }

    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        loop {
            if let Some(step) = self.tail.pop_front() {
                return Poll::Ready(step);
            }
            let action = match self.next.take().or_else(|| self.exchange.poll()) {
                Some(action) => Some(action),
                None if self.poll_attempts(cx) => continue,
                None => {
                    self.with_health(|exchange, now, health| exchange.tick(now, health));
                    self.exchange.poll()
                }
            };
            match action {
                Some(action) => {
                    if let Some(step) = self.obey(action, cx) {
                        return Poll::Ready(step);
                    }
                }
                None if self.broken => return Poll::Ready(Step::Break),
                None if self.exchange.is_done() => return Poll::Ready(Step::End),
                None => std::task::ready!(self.poll_timer(cx)),
            }
        }
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let deadline = self.exchange.poll_timeout();
        self.timer.poll(cx, &self.shared.clock, deadline)
    }

    /// Feeds the exchange with what its attempts have. True where there was anything.
    fn poll_attempts(&mut self, cx: &mut Context<'_>) -> bool {
        for index in 0..self.attempts.len() {
            let Some(live) = self.attempts.get_mut(index) else { continue };
            if let Poll::Ready(input) = live.poll(cx, &self.wish) {
                self.feed(AttemptId(index), input);
                return true;
            }
        }
        false
    }

    fn feed(&mut self, id: AttemptId, input: Input) {
        // What the caller wrote is looked at only where it was refused; what goes on, as it is sent.
        let callers = self.attempts.get(id.0).is_some_and(|live| !live.is_crossed());
        if callers && seals::refuses(&input, self.ask.dialect) {
            let written = Input::Written(seals::leavable(self.ask.dialect, &self.ask.body));
            self.with_health(|exchange, now, health| exchange.handle(now, id, written, health));
        }
        self.with_health(|exchange, now, health| exchange.handle(now, id, input, health));
    }

    /// Only answers tell about health; a provider that cannot count tokens is not a sick one.
    fn with_health(&mut self, tell: impl FnOnce(&mut Exchange, Time, &dyn Health)) {
        let now = self.shared.clock.now();
        match self.ask.endpoint {
            Endpoint::Create => tell(&mut self.exchange, now, &*self.shared.health),
            Endpoint::Count | Endpoint::Compact | Endpoint::Stored => {
                tell(&mut self.exchange, now, &Bystander(&self.shared.health));
            }
        }
    }

    fn obey(&mut self, action: Action, cx: &mut Context<'_>) -> Option<Step> {
        match action {
            Action::Begin { attempt, leg, credential, way } => {
                let live = self.begin(leg, credential, way);
                ir::invariant!(Ex3, attempt.0 == self.attempts.len());
                self.attempts.push(live);
            }
            Action::Cancel(id) => {
                if let Some(live) = self.attempts.get_mut(id.0) {
                    live.stop();
                }
            }
            Action::Repair { leg, repair, .. } => self.lessons.push((leg, repair)),
            Action::Learn { leg, repair } => self.learn(leg, repair),
            Action::Head(id) => {
                self.head_out = true;
                self.winner = id;
                self.keep();
                return Some(Step::Head(id));
            }
            Action::Note(id) => {
                self.winner = Some(id);
                self.keep();
                return Some(Step::Data(self.note(Some(id), None)));
            }
            Action::Relay(bytes) => return Some(self.relay(bytes)),
            Action::Ping => return Some(Step::Data(own::ping(self.ask.dialect))),
            Action::Finish { supply_end } => {
                self.keep();
                let last = match self.ask.shape() {
                    Shape::Whole => self.attempts.iter_mut().find_map(Live::document),
                    Shape::Stream => supply_end.then(|| self.missing_end()),
                };
                self.tail.extend(last.map(Step::Data));
                self.attempts.iter_mut().for_each(|live| live.drain(cx));
                self.tail.push_back(Step::End);
                // Nobody is asked any more, and whoever takes the answer may be slow.
                self.ask.forget();
            }
            Action::Fail(word) if self.head_out => self.last_event(&word),
            Action::Fail(word) => return Some(Step::Refuse(word)),
            Action::Break => self.broken = true,
        }
        None
    }

    /// What helped holds for later requests.
    fn learn(&mut self, place: usize, repair: Repair) {
        if let Some(leg) = self.exchange.plan().legs.get(place) {
            let now = self.shared.clock.now();
            self.shared.learned.lock().learn(now, leg.provider, &leg.model, repair);
        }
    }

    /// What a leg taught, this request and earlier ones; the latest word about anything.
    fn taught(&self, place: usize, leg: &Leg) -> Repairs {
        let lessons = self.lessons.iter().filter(|(it, _)| *it == place);
        let mut repairs: Repairs = lessons.map(|(_, repair)| *repair).collect();
        let now = self.shared.clock.now();
        for known in self.shared.learned.lock().known(now, leg.provider, &leg.model) {
            if !repairs.iter().any(|repair| repair.replaces(known)) {
                repairs.push(known);
            }
        }
        repairs
    }

    /// The end that the answer's stream never had.
    fn missing_end(&mut self) -> Bytes {
        let theirs = self.attempts.iter_mut().find_map(Live::end_marker);
        theirs.unwrap_or_else(|| own::missing_end(self.ask.dialect))
    }

    fn begin(&self, place: usize, credential: usize, way: Option<Way>) -> Live {
        let begun = self.exchange.plan().legs.get(place).and_then(|leg| {
            let (_, served) = self.shared.provider(leg.provider)?;
            let asked = self.request(place, leg, credential, way)?;
            let connect = leg.deadlines.connect;
            let kept = self.kept(leg, credential);
            Some(asked.map(|(request, manner)| {
                Live::new(served.upstream.send_within(connect, request), manner, kept)
            }))
        });
        begun.unwrap_or(Err(forward::UNSENDABLE)).unwrap_or_else(Live::impossible)
    }

    /// What is sent to a leg, and how its answer is to be read.
    fn request(
        &self,
        place: usize,
        leg: &Leg,
        credential: usize,
        way: Option<Way>,
    ) -> Option<Result<(Request<Payload>, Manner), Failure>> {
        let (provider, served) = self.shared.provider(leg.provider)?;
        let credential = provider.credentials.get(credential)?;
        let unsaid = match credential {
            Credential::Caller => Arc::new(Unsaid::callers(&self.ask.headers)),
            Credential::Ours(_) | Credential::None => Arc::clone(&served.unsaid),
        };
        let mut going = None;
        if let Some(way) = way {
            let Some(found) = self.going(leg, provider, way) else {
                let why = codec::request::why_not_going_on(&self.ask.body);
                return Some(Err(Failure::Uncarried(why.to_owned())));
            };
            going = Some(found);
        }
        let body = going.as_ref().and_then(|going| going.body.clone());
        let manner = Manner { watched: leg.watched, unsaid, ..Manner::default() };
        if !leg.crossed {
            let opens = |seal: &str| self.opens(leg, seal);
            let refused = self.lessons.contains(&(place, Repair::Unsealed));
            let origin = (!refused).then(|| Origin::of(&leg.name));
            let asked = forward::question(&self.ask, body.as_ref(), origin, opens);
            let (question, losses) = match asked {
                Ok(found) => found,
                Err(failure) => return Some(Err(failure)),
            };
            let request =
                forward::request(&self.ask, question.as_ref(), (provider, credential), leg);
            // What goes on with a stream is written anew, whoever speaks what.
            let same = self.ask.dialect.crossable().filter(|_| going.is_some());
            let crossing = same.map(|it| cross::plan(&self.ask, (it, it), leg));
            let sent = body.as_ref().unwrap_or(&self.ask.body);
            let fields = same.map_or_else(Vec::new, |_| seals::leavable(self.ask.dialect, sent));
            let manner = Manner { crossing, losses, fields, going, ..manner };
            return Some(request.map(|request| (request, manner)).map_err(|_| forward::UNSENDABLE));
        }
        let repairs = self.taught(place, leg);
        let asked = Asked { ask: &self.ask, repairs: &repairs, going_on: body.as_ref() };
        let crossed = cross::request(&asked, provider, credential, leg);
        Some(crossed.map(|Crossed { request, plan, losses, fields }| {
            (request, Manner { crossing: Some(plan), losses, fields, going, ..manner })
        }))
    }

    /// Ends it, if the caller left before its end, and passes it on to be recorded.
    pub(crate) fn settle(mut self) {
        let over = self.shared.state.over.load(Ordering::Relaxed);
        self.with_health(|exchange, now, health| {
            // What we cut is not the caller's leaving.
            if over {
                exchange.stop(now, health);
            }
            exchange.caller_gone(now, health);
        });
        if !self.ended {
            self.exchange.untaken(over);
        }
        self.ask.let_go();
        let losses = self.winner.map(|id| self.losses(id)).unwrap_or_default();
        // Whatever is still under way upstream is dropped here and now.
        self.attempts.clear();
        let closed = Closed {
            report: self.exchange.report(self.now()),
            ask: self.ask,
            status: self.status,
            code: self.code,
            bytes_out: self.bytes_out,
            losses,
        };
        self.shared.settler.settle(closed);
        self.shared.state.open.fetch_sub(1, Ordering::Relaxed);
    }
}
