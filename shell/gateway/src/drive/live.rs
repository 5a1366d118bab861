//! One attempt's connection: from the request to its last byte, told to the exchange piece by piece.

use crate::ask::Endpoint;
use bytes::{Bytes, BytesMut};
use codec::{Balance, Decoder, Fold, NotWhole};
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use ir::{Dialect, Event, Failure, Frame, Hints, Rejection, Shape, Usage, Whole};
use policy::{Input, hints};
use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Sleep, sleep};
use transport::{Answer, AnswerBody, Clock, Sending};

/// An attempt's connection. Once it is over it keeps its head and its error body.
#[derive(Debug)]
pub(super) struct Live {
    state: State,
    /// A whole answer is asked for as a stream.
    watched: bool,
    /// That answer, as far as it came. It outlives the connection: what comes behind the finish
    /// reason may be cut.
    fold: Option<Box<Fold>>,
    queue: VecDeque<Input>,
    head: Option<(u16, HeaderMap)>,
    error: Option<Bytes>,
}

/// What the caller wished for, as far as reading answers needs it.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) dialect: Dialect,
    pub(super) endpoint: Endpoint,
    pub(super) shape: Shape,
    pub(super) choices: u32,
    pub(super) include_usage: bool,
    pub(super) answer_max: usize,
    pub(super) clock: Clock,
}

enum State {
    /// Waiting for the head.
    Sending(Sending),
    /// Frames as they come.
    Stream { body: AnswerBody, decoder: Decoder },
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

// === impl Live ===

impl Live {
    pub(super) fn new(sending: Sending, watched: bool) -> Self {
        Self::of(State::Sending(sending), watched, VecDeque::new())
    }

    /// An attempt that cannot even be written down: the address or a header is not one.
    pub(super) fn impossible() -> Self {
        let failure = Failure::Unsendable("its address or a header is not one");
        Self::of(State::Over, false, VecDeque::from([Input::Failed(failure)]))
    }

    fn of(state: State, watched: bool, queue: VecDeque<Input>) -> Self {
        Self { state, watched, fold: None, queue, head: None, error: None }
    }

    /// Whether its answer is put together from a stream.
    pub(super) fn is_folded(&self) -> bool {
        self.fold.is_some()
    }

    /// The answer that was put together, once.
    pub(super) fn document(&mut self) -> Option<Bytes> {
        self.fold.take().map(|fold| fold.document())
    }

    pub(super) fn head(&self) -> Option<(u16, &HeaderMap)> {
        self.head.as_ref().map(|(status, headers)| (*status, headers))
    }

    pub(super) fn error_body(&self) -> Option<Bytes> {
        self.error.clone()
    }

    /// Drops the connection.
    pub(super) fn stop(&mut self) {
        self.state = State::Over;
        self.fold = None;
        self.queue.clear();
    }

    /// Its answer is complete: if the end of its body is at hand, take it, so that the connection
    /// can serve again.
    pub(super) fn drain(&mut self, cx: &mut Context<'_>) {
        if let State::Stream { body, .. } = &mut self.state {
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
                State::Stream { body, .. } => {
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
                    let chunk = if late { None } else { ready!(body.poll_chunk(cx)) };
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
        let Answer { status, headers, body, .. } = answer;
        let upstream_id = ["request-id", "x-request-id"].into_iter().find_map(|name| {
            headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
        });
        self.queue.push_back(Input::Head { status, upstream_id });
        let shape = if self.watched { Shape::Stream } else { wish.shape };
        let kind = kind(status, &headers, shape);
        self.state = match kind {
            Ok(Kind::Stream) => {
                if self.watched {
                    self.fold = Some(Box::new(Fold::new(wish.dialect, wish.answer_max)));
                }
                State::Stream { body, decoder: Decoder::new(wish.dialect, wish.choices) }
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
        let State::Stream { decoder, .. } = &mut self.state else { return };
        let mut frames = Vec::new();
        let fed = match chunk {
            Some(Ok(chunk)) => decoder.feed(chunk, &mut frames),
            Some(Err(_)) => return self.end(false),
            None => return self.end(true),
        };
        for mut frame in frames {
            self.note_error(&frame);
            if let Some(fold) = &mut self.fold {
                if let Err(error) = fold.take(&frame) {
                    return self.fail(unfoldable(&error));
                }
                // What it means is enough to go by.
                frame.bytes = Bytes::new();
            }
            self.queue.push_back(Input::Frame(frame));
        }
        if fed.is_err() {
            self.fail(Failure::Malformed("a frame without end"));
        }
    }

    /// Keeps what an error inside the stream said: before the commit it becomes a body.
    fn note_error(&mut self, frame: &Frame) {
        if frame.events.iter().any(|event| matches!(event, Event::Fail(_))) {
            self.error = Some(codec::data_of(&frame.bytes));
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
            Some(Err(_)) | None => self.complete(wish),
        }
    }

    /// More than we hold: errors are read no further, whole answers are relayed as they come.
    fn overflow(&mut self, wish: &Wish) {
        let State::Collect { body, bytes, what } = std::mem::replace(&mut self.state, State::Over)
        else {
            return;
        };
        match what {
            What::Whole if first(&bytes) != Some(b'{') => {
                self.fail(Failure::Malformed("a document that is no object"));
            }
            What::Whole => {
                let mut balance = Balance::default();
                balance.feed(&bytes);
                self.queue.push_back(Input::Overflow(bytes.freeze()));
                self.state = State::Pass { body, balance };
            }
            What::Unfold => {
                let limit = u64::try_from(wish.answer_max).unwrap_or(u64::MAX);
                self.fail(Failure::Overflow(limit));
            }
            What::Error(..) => {
                self.state = State::Collect { body, bytes, what };
                self.complete(wish);
            }
        }
    }

    fn complete(&mut self, wish: &Wish) {
        let State::Collect { bytes, what, .. } = std::mem::replace(&mut self.state, State::Over)
        else {
            return;
        };
        let body = bytes.freeze();
        match what {
            What::Whole => self.whole(body, wish),
            What::Unfold => self.unfold(&body, wish),
            What::Error(hints, _) => {
                let rejection = self.rejection(&body, hints, wish.dialect);
                self.error = Some(body);
                self.fail(Failure::Rejected(Box::new(rejection)));
            }
        }
    }

    fn rejection(&self, body: &[u8], hints: Hints, dialect: Dialect) -> Rejection {
        let Some((status, headers)) = &self.head else { return Rejection::default() };
        let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        codec::read_rejection(dialect, *status, content_type, body, hints)
    }

    fn whole(&mut self, body: Bytes, wish: &Wish) {
        let read = match wish.endpoint {
            Endpoint::Create => codec::read_whole(wish.dialect, &body),
            // A count is not an answer: any document will do, and the caller reads it.
            Endpoint::Count => Ok(Whole { finish: None, usage: Usage::Unknown, empty: false }),
        };
        match read {
            Ok(whole) => self.queue.push_back(Input::Whole(body, whole)),
            Err(NotWhole::Malformed(what)) => self.fail(Failure::Malformed(what)),
            Err(NotWhole::Rejected(rejection)) => {
                self.error = Some(body);
                self.fail(Failure::Rejected(rejection));
            }
        }
    }

    fn unfold(&mut self, body: &Bytes, wish: &Wish) {
        match codec::read_whole(wish.dialect, body) {
            Err(NotWhole::Rejected(rejection)) => {
                self.error = Some(body.clone());
                return self.fail(Failure::Rejected(rejection));
            }
            Err(NotWhole::Malformed(what)) => return self.fail(Failure::Malformed(what)),
            Ok(_) => {}
        }
        match codec::unfold(wish.dialect, body, wish.include_usage) {
            Ok(frames) => {
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

/// Why an answer cannot be put together.
fn unfoldable(error: &codec::Error) -> Failure {
    match error {
        codec::Error::TooLarge { limit } => {
            Failure::Overflow(u64::try_from(*limit).unwrap_or(u64::MAX))
        }
        codec::Error::NotAnswer(what) => Failure::Malformed(what),
        codec::Error::NotUtf8 { .. }
        | codec::Error::NotJson { .. }
        | codec::Error::NotObject { .. }
        | codec::Error::Missing { .. }
        | codec::Error::WrongType { .. }
        | codec::Error::TooLong { .. }
        | codec::Error::Duplicate { .. }
        | codec::Error::TooDeep { .. }
        | codec::Error::OutOfRange { .. }
        | codec::Error::FrameTooLong { .. } => {
            Failure::Malformed("a stream that cannot be put together")
        }
    }
}

/// The first byte that is not space.
fn first(bytes: &[u8]) -> Option<u8> {
    bytes.iter().copied().find(|byte| !byte.is_ascii_whitespace())
}

/// What kind of answer a head announces.
enum Kind {
    Stream,
    Whole,
    Error,
}

fn kind(status: u16, headers: &HeaderMap, shape: Shape) -> Result<Kind, Failure> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
    if matches!(status, 202..=299) {
        return Err(Failure::Malformed("a success without an answer"));
    }
    if !matches!(status, 200 | 201) {
        return Ok(Kind::Error);
    }
    let encoding = text(CONTENT_ENCODING).to_ascii_lowercase();
    if !matches!(encoding.as_str(), "" | "identity") {
        return Err(Failure::WrongContent(format!("content-encoding {encoding}")));
    }
    let content_type = text(CONTENT_TYPE).to_ascii_lowercase();
    let content_type = content_type.split(';').next().unwrap_or("").trim();
    let json = content_type == "application/json" || content_type.ends_with("+json");
    match (content_type, shape) {
        ("text/event-stream", Shape::Stream) => Ok(Kind::Stream),
        (_, Shape::Stream | Shape::Whole) if json => Ok(Kind::Whole),
        ("", Shape::Stream) => Ok(Kind::Stream),
        ("", Shape::Whole) => Ok(Kind::Whole),
        (other, Shape::Stream | Shape::Whole) => Err(Failure::WrongContent(other.to_owned())),
    }
}
