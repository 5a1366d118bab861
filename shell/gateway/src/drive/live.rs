//! One attempt's connection: from the request to its last byte, told to the exchange piece by piece.

use super::kept::Kept;
use super::kind::{Kind, is_encoded, kind};
use super::manner::{Manner, Wish};
use super::reader::Reader;
use crate::ask::Endpoint;
use crate::cross;
use bytes::{Bytes, BytesMut};
use codec::{Balance, NotWhole, own};
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use ir::{Dialect, Event, Failure, Frame, Hints, Losses, Rejection, Shape, Usage, Whole};
use policy::{Input, hints};
use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Sleep, sleep};
use transport::{Answer, AnswerBody, Sending};

/// An attempt's connection. Once it is over it keeps its head and its error body.
#[derive(Debug)]
pub(super) struct Live {
    state: State,
    manner: Manner,
    /// Reads its answer, where that is a stream or crosses.
    reader: Option<Box<Reader>>,
    queue: VecDeque<Input>,
    head: Option<(u16, HeaderMap)>,
    error: Option<Bytes>,
    kept: Kept,
}

enum State {
    /// Waiting for the head.
    Sending(Sending),
    /// Frames as they come.
    Stream { body: AnswerBody },
    /// Bytes until they are complete.
    Collect { body: AnswerBody, bytes: BytesMut, what: What },
    /// An overlong whole answer, as it comes.
    Pass { body: AnswerBody, balance: Balance },
    /// Nothing more.
    Over,
}

/// What is collected.
enum What {
    /// A whole answer.
    Whole,
    /// A whole answer that came although a stream was asked for.
    Unfold,
    /// An error answer, which must be complete soon.
    Error(Hints, Pin<Box<Sleep>>),
}

/// Pieces that are read behind the end of an answer.
const DRAIN_MAX: usize = 4;
/// Error bodies are read this far …
const ERROR_MAX: usize = 1 << 20;
/// … and this long: the decision must not wait for prose.
const ERROR_WITHIN: Duration = Duration::from_secs(1);
/// What is kept of a provider's request id, in characters.
const ID_MAX: usize = 128;

// === impl Live ===

impl Live {
    pub(super) fn new(sending: Sending, mut manner: Manner, kept: Kept) -> Self {
        let fields = std::mem::take(&mut manner.fields);
        let written = (!fields.is_empty()).then_some(Input::Written(fields));
        let queue = written.into_iter().collect();
        Self { kept, ..Self::of(State::Sending(sending), manner, queue) }
    }

    /// An attempt that cannot even be written down.
    pub(super) fn impossible(failure: Failure) -> Self {
        Self::of(State::Over, Manner::default(), VecDeque::from([Input::Failed(failure)]))
    }

    fn of(state: State, manner: Manner, queue: VecDeque<Input>) -> Self {
        Self { state, manner, reader: None, queue, head: None, error: None, kept: Kept::default() }
    }

    /// Whether its answer is put together from a stream.
    pub(super) fn is_folded(&self) -> bool {
        self.reader.as_ref().is_some_and(|reader| reader.folds())
    }

    /// Whether its answer is written anew: it speaks another dialect than the caller, or goes on.
    pub(super) fn is_crossed(&self) -> bool {
        self.manner.crossing.is_some()
    }

    /// Whether it has news at hand.
    pub(super) fn has_more(&self) -> bool {
        !self.queue.is_empty()
    }

    /// The answer that was put together.
    pub(super) fn document(&mut self) -> Option<Bytes> {
        self.reader.as_mut()?.document()
    }

    /// What is missing at the end of its stream, where that is not the same for all.
    pub(super) fn end_marker(&mut self) -> Option<Bytes> {
        self.reader.as_mut()?.end()
    }

    /// What did not come along, so far.
    pub(super) fn losses(&self) -> Losses {
        let mut losses = self.manner.losses.clone();
        if let Some(answer) = self.reader.as_ref().and_then(|reader| reader.losses()) {
            losses.extend(answer);
        }
        losses
    }

    pub(super) fn head(&self) -> Option<(u16, &HeaderMap)> {
        self.head.as_ref().map(|(status, headers)| (*status, headers))
    }

    /// The caller was told; nobody will ask for it again.
    pub(super) fn forget_head(&mut self) {
        self.head = None;
    }

    pub(super) fn error_body(&self) -> Option<Bytes> {
        self.error.clone()
    }

    /// Who keeps its answer.
    pub(super) fn kept(&self) -> &Kept {
        &self.kept
    }

    /// Drops the connection.
    pub(super) fn stop(&mut self) {
        self.state = State::Over;
        self.manner.losses = self.losses();
        self.reader = None;
        self.queue.clear();
    }

    /// Its answer is complete: if the end of its body is at hand, take it, so that the connection
    /// can serve again.
    pub(super) fn drain(&mut self, cx: &mut Context<'_>) {
        if let State::Stream { body } = &mut self.state {
            // Whoever goes on talking behind the end is not listened to for long.
            for _ in 0..DRAIN_MAX {
                if !matches!(body.poll_chunk(cx), Poll::Ready(Some(Ok(_)))) {
                    break;
                }
            }
        }
        self.stop();
    }

    /// The next news. Pending for ever once it is over.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, wish: &Wish) -> Poll<Input> {
        loop {
            if let Some(input) = self.queue.pop_front() {
                return Poll::Ready(input);
            }
            match &mut self.state {
                State::Over => return Poll::Pending,
                State::Sending(sending) => {
                    let answer = ready!(Pin::new(sending).poll(cx));
                    match answer {
                        Ok(answer) => self.open(answer, wish),
                        Err(failure) => self.fail(failure),
                    }
                }
                State::Stream { body } => {
                    let chunk = ready!(body.poll_chunk(cx));
                    self.stream(chunk);
                }
                State::Pass { body, balance } => match ready!(body.poll_chunk(cx)) {
                    Some(Ok(chunk)) => {
                        balance.feed(&chunk);
                        self.queue.push_back(Input::Chunk(chunk));
                    }
                    Some(Err(_)) => self.end(false),
                    // Without a length, an end is an end only if the document is closed.
                    None => {
                        let closed = balance.is_closed();
                        self.end(closed);
                    }
                },
                State::Collect { body, what, .. } => {
                    let late = match what {
                        What::Error(_, sleep) => sleep.as_mut().poll(cx).is_ready(),
                        What::Whole | What::Unfold => false,
                    };
                    let cut = Some(Err(Failure::Cut { clean: false }));
                    let chunk = if late { cut } else { ready!(body.poll_chunk(cx)) };
                    self.collect(chunk, wish);
                }
            }
        }
    }

    fn fail(&mut self, failure: Failure) {
        self.state = State::Over;
        self.queue.push_back(Input::Failed(failure));
    }

    fn end(&mut self, clean: bool) {
        self.state = State::Over;
        self.queue.push_back(Input::Eof { clean });
    }

    /// The head is here: what kind of answer is it?
    fn open(&mut self, answer: Answer, wish: &Wish) {
        let Answer { status, mut headers, body, .. } = answer;
        self.manner.unsaid.head(&mut headers);
        let upstream_id = ["request-id", "x-request-id"].into_iter().find_map(|name| {
            let text = headers.get(name).and_then(|value| value.to_str().ok())?;
            Some(text.chars().take(ID_MAX).collect())
        });
        self.queue.push_back(Input::Head { status, upstream_id });
        let shape = if self.manner.watched { Shape::Stream } else { wish.shape };
        let kind = kind(status, &headers, shape);
        self.state = match kind {
            Ok(Kind::Stream) => {
                self.begin_reading(wish);
                State::Stream { body }
            }
            Ok(Kind::Whole) => {
                let what = match wish.shape {
                    Shape::Stream => What::Unfold,
                    Shape::Whole => What::Whole,
                };
                State::Collect { body, bytes: BytesMut::new(), what }
            }
            Ok(Kind::Error) => {
                let pairs = headers.iter();
                let pairs =
                    pairs.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
                let hints = hints::read(pairs, wish.clock.unix_ms());
                let what = What::Error(hints, Box::pin(sleep(ERROR_WITHIN)));
                State::Collect { body, bytes: BytesMut::new(), what }
            }
            Err(failure) => {
                self.queue.push_back(Input::Failed(failure));
                State::Over
            }
        };
        self.head = Some((status, headers));
    }

    fn stream(&mut self, chunk: Option<Result<Bytes, Failure>>) {
        match chunk {
            Some(Ok(chunk)) => self.read(chunk),
            Some(Err(_)) => self.end(false),
            None => self.end(true),
        }
    }

    fn begin_reading(&mut self, wish: &Wish) {
        let crossing = self.manner.crossing.clone();
        self.reader = Some(Box::new(match self.manner.going.take() {
            Some(going) => Reader::resumed(wish, crossing, going),
            None => Reader::new(wish, crossing),
        }));
    }

    fn read(&mut self, chunk: Bytes) {
        let Some(reader) = &mut self.reader else { return };
        let (frames, fed) = reader.feed(chunk);
        for mut frame in frames {
            self.manner.unsaid.frame(&mut frame);
            self.note(&frame);
            self.queue.push_back(Input::Frame(frame));
        }
        if let Err(failure) = fed {
            self.fail(failure);
        }
    }

    /// Keeps what it tells of itself, and what an error inside the stream said: before the commit
    /// that becomes a body.
    fn note(&mut self, frame: &Frame) {
        self.kept.frame(frame);
        for event in &frame.events {
            if let Event::Fail(rejection) = event
                && !rejection.bare
                && !frame.bytes.is_empty()
            {
                self.error = Some(own::body_of(&frame.bytes, rejection));
            }
        }
    }

    fn collect(&mut self, chunk: Option<Result<Bytes, Failure>>, wish: &Wish) {
        let State::Collect { bytes, what, .. } = &mut self.state else { return };
        let limit = match what {
            What::Error(..) => ERROR_MAX,
            What::Whole | What::Unfold => wish.answer_max,
        };
        match chunk {
            Some(Ok(chunk)) => {
                bytes.extend_from_slice(&chunk);
                if limit < bytes.len() {
                    self.overflow(wish);
                } else {
                    self.queue.push_back(Input::Progress);
                }
            }
            Some(Err(failure)) if !matches!(what, What::Error(..)) => self.fail(failure),
            // An error answer that is cut still says its status.
            Some(Err(_)) => self.complete(wish, false),
            None => self.complete(wish, true),
        }
    }

    /// More than we hold: errors are read no further, whole answers are relayed as they come.
    fn overflow(&mut self, wish: &Wish) {
        let State::Collect { body, bytes, what } = std::mem::replace(&mut self.state, State::Over)
        else {
            return;
        };
        match what {
            What::Whole if !bytes.trim_ascii_start().starts_with(b"{") => {
                self.fail(Failure::Malformed("a document that is no object"));
            }
            What::Whole if !self.is_crossed() => {
                let mut balance = Balance::default();
                balance.feed(&bytes);
                self.queue.push_back(Input::Overflow(bytes.freeze()));
                self.state = State::Pass { body, balance };
            }
            What::Whole | What::Unfold => {
                let limit = u64::try_from(wish.answer_max).unwrap_or(u64::MAX);
                self.fail(Failure::Overflow(limit));
            }
            What::Error(..) => {
                self.state = State::Collect { body, bytes, what };
                self.complete(wish, false);
            }
        }
    }

    /// No more is read: it was read to its end, or, of an error, it was not.
    fn complete(&mut self, wish: &Wish, ended: bool) {
        let State::Collect { bytes, what, .. } = std::mem::replace(&mut self.state, State::Over)
        else {
            return;
        };
        let body = bytes.freeze();
        match what {
            What::Whole => self.whole(body, wish),
            What::Unfold => self.unfold(&body, wish),
            What::Error(hints, _) => {
                let body = if self.is_unread() { Bytes::new() } else { body };
                // Half of what it said would pass for all of it.
                let body = ended.then_some(body);
                let said = body.as_deref().unwrap_or_default();
                let rejection = self.rejection(said, hints, self.theirs(wish));
                self.refused(Box::new(rejection), body);
            }
        }
    }

    /// A compressed error, which nobody asked for, is not unpacked: nothing is known of what is in it.
    fn is_unread(&mut self) -> bool {
        let Some((_, headers)) = &mut self.head else { return false };
        let unread = is_encoded(headers);
        headers.remove(CONTENT_ENCODING);
        unread
    }

    /// What the provider speaks.
    fn theirs(&self, wish: &Wish) -> Dialect {
        self.manner.crossing.as_ref().map_or(wish.dialect, |plan| plan.from.dialect())
    }

    fn rejection(&self, body: &[u8], hints: Hints, dialect: Dialect) -> Rejection {
        let Some((status, headers)) = &self.head else { return Rejection::default() };
        let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        codec::read_rejection(dialect, *status, content_type, body, hints)
    }

    /// It said no: in its own bytes, or the same in the caller's dialect.
    fn refused(&mut self, mut rejection: Box<Rejection>, body: Option<Bytes>) {
        self.manner.unsaid.rejection(&mut rejection);
        self.error = match &self.manner.crossing {
            Some(plan) => Some(cross::refusal(plan, &rejection)),
            None => body.map(|body| self.manner.unsaid.body(body)),
        };
        self.fail(Failure::Rejected(rejection));
    }

    fn whole(&mut self, body: Bytes, wish: &Wish) {
        let read = match wish.endpoint {
            Endpoint::Create => codec::read_whole(self.theirs(wish), &body),
            // A count is not an answer: any document will do, and the caller reads it.
            Endpoint::Count | Endpoint::Compact | Endpoint::Stored => {
                Ok(Whole { finish: None, usage: Usage::Unknown, empty: false })
            }
        };
        if wish.endpoint == Endpoint::Create && !self.is_crossed() {
            self.kept.whole(wish.dialect, &body);
        }
        match read {
            Ok(whole) if self.is_crossed() => self.crossed(&body, whole, wish),
            Ok(whole) => self.queue.push_back(Input::Whole(body, whole)),
            Err(NotWhole::Malformed(what)) => self.fail(Failure::Malformed(what)),
            Err(NotWhole::Rejected(rejection)) => self.refused(rejection, Some(body)),
        }
    }

    /// A document of another dialect: it crosses as the stream that it would have been.
    fn crossed(&mut self, body: &Bytes, whole: Whole, wish: &Wish) {
        if whole.finish.is_none() {
            // It may be half an answer, and nothing in the other dialect would say so.
            return self.fail(Failure::Cut { clean: true });
        }
        let Ok(stream) = codec::unfold_unread(self.theirs(wish), body) else {
            return self.fail(Failure::Malformed("a whole answer that is none"));
        };
        let crossing = self.manner.crossing.clone();
        let mut reader = Reader::new(wish, crossing);
        let (frames, fed) = reader.feed(stream);
        let odd = |event: &Event| {
            if let Event::Malformed(what) = event { Some(*what) } else { None }
        };
        let odd = frames.iter().flat_map(|frame| &frame.events).find_map(odd);
        if let Some(what) = odd {
            return self.fail(Failure::Malformed(what));
        }
        if let Err(failure) = fed {
            return self.fail(failure);
        }
        if let Some(document) = reader.document() {
            self.queue.push_back(Input::Whole(document, whole));
        }
        if let Some(losses) = reader.losses() {
            self.manner.losses.extend(losses);
        }
    }

    fn unfold(&mut self, body: &Bytes, wish: &Wish) {
        match codec::read_whole(self.theirs(wish), body) {
            Err(NotWhole::Rejected(rejection)) => {
                return self.refused(rejection, Some(body.clone()));
            }
            Err(NotWhole::Malformed(what)) => return self.fail(Failure::Malformed(what)),
            Ok(_) => {}
        }
        if self.is_crossed() || self.manner.going.is_some() {
            let Ok(stream) = codec::unfold_unread(self.theirs(wish), body) else {
                return self.fail(Failure::Malformed("a whole answer that is none"));
            };
            self.begin_reading(wish);
            self.read(stream);
            return self.end(true);
        }
        match codec::unfold(wish.dialect, body, wish.include_usage) {
            Ok(frames) => {
                for frame in &frames {
                    self.note(frame);
                }
                self.queue.extend(frames.into_iter().map(Input::Frame));
                self.end(true);
            }
            Err(_) => self.fail(Failure::Malformed("a whole answer that is none")),
        }
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Sending(_) => "Sending",
            Self::Stream { .. } => "Stream",
            Self::Collect { .. } => "Collect",
            Self::Pass { .. } => "Pass",
            Self::Over => "Over",
        })
    }
}
