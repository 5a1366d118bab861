//! Settling: what has ended becomes exactly one record, away from the requests.
//!
//! A thread of its own, so that a sink that blocks (a full or frozen disk) delays no request. The
//! queue is bounded: beyond it records are dropped, counted and said so. A request never waits, and
//! of many that end together one wakes the thread.

use crate::ask::{Ask, Endpoint};
use crate::refusal::{Reason, Refusal};
use crate::respond::status_of;
use ir::{Dialect, Ending, LOSSES_MAX, Losses, Record, Shape, Trace, Usage};
use policy::Report;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::time::Duration;

/// Where records go.
pub struct Sink(Box<dyn FnMut(&Record) + Send>);

/// A drive that has ended.
#[derive(Debug)]
pub(crate) struct Closed {
    pub(crate) report: Report,
    pub(crate) ask: Ask,
    pub(crate) status: u16,
    pub(crate) code: Option<&'static str>,
    pub(crate) bytes_out: u64,
    pub(crate) losses: Losses,
}

/// A question that did not get through the edge.
#[derive(Clone, Debug)]
pub(crate) struct Turned {
    pub(crate) id: String,
    pub(crate) at_unix_ms: u64,
    pub(crate) trace: Trace,
    pub(crate) principal: Option<Arc<str>>,
    pub(crate) dialect: Dialect,
    pub(crate) endpoint: Endpoint,
    pub(crate) shape: Shape,
    pub(crate) model: String,
    pub(crate) took_ms: u64,
    /// Why it was refused; `None` where its caller left.
    pub(crate) refusal: Option<Refusal>,
}

/// Takes what has ended.
#[derive(Debug)]
pub(crate) struct Settler {
    queue: Sender<Message>,
    count: Arc<Count>,
}

/// What is known of the queue on both sides. It takes no room for those that are not there, as one of
/// a fixed length would: two megabytes of an idle process.
#[derive(Debug, Default)]
struct Count {
    /// Those in the queue.
    waiting: AtomicUsize,
    /// Records that found no place in it.
    dropped: AtomicU64,
}

#[derive(Debug)]
enum Message {
    Closed(Box<Closed>),
    Turned(Box<Turned>),
    Flush(SyncSender<()>),
    Redirect(Sink),
}

/// Whoever ends within so long after another is recorded with it: to wake a thread costs two system
/// calls and a task switch, on the way of the request that does it.
const GATHER: Duration = Duration::from_millis(2);
/// Ended requests that wait for the sink at most.
const QUEUE_MAX: usize = 16_384;

// === impl Sink ===

impl Sink {
    /// A sink that is called once per record, in the order in which requests end, by one thread.
    pub fn new(write: impl FnMut(&Record) + Send + 'static) -> Self {
        Self(Box::new(write))
    }

    /// The same, where each record goes to another place before. That place never waits.
    #[must_use]
    pub fn after(mut self, mut before: impl FnMut(&Record) + Send + 'static) -> Self {
        Self::new(move |record| {
            before(record);
            (self.0)(record);
        })
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sink")
    }
}

// === impl Settler ===

impl Settler {
    pub(crate) fn start(sink: Sink) -> Self {
        let (queue, ended) = channel();
        let count = Arc::<Count>::default();
        let seen = Arc::clone(&count);
        let thread = std::thread::Builder::new().name("settle".to_owned());
        if let Err(error) = thread.spawn(move || run(sink, &ended, &seen)) {
            tracing::error!(%error, "no thread for records: none will be written");
        }
        Self { queue, count }
    }

    pub(crate) fn settle(&self, closed: Closed) {
        self.record(Message::Closed(Box::new(closed)));
    }

    pub(crate) fn turned(&self, turned: Turned) {
        self.record(Message::Turned(Box::new(turned)));
    }

    /// Whatever ends from now on goes there.
    pub(crate) fn redirect(&self, sink: Sink) {
        if !self.send(Message::Redirect(sink)) {
            tracing::warn!("records go where they went: their sink does not take them");
        }
    }

    fn record(&self, message: Message) {
        if !self.send(message) {
            self.count.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// False where it finds no place, or nobody who takes it.
    fn send(&self, message: Message) -> bool {
        let more = |waiting| (waiting < QUEUE_MAX).then_some(waiting + 1);
        let waiting = &self.count.waiting;
        if waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_err() {
            return false;
        }
        let sent = self.queue.send(message).is_ok();
        if !sent {
            waiting.fetch_sub(1, Ordering::Relaxed);
        }
        sent
    }

    /// Records that found no place in the queue, since the beginning.
    pub(crate) fn dropped(&self) -> u64 {
        self.count.dropped.load(Ordering::Relaxed)
    }

    /// Waits until everything so far is written, but not for a sink that hangs.
    pub(crate) fn flush(&self, within: Duration) {
        let (done, wait) = sync_channel(1);
        if !self.send(Message::Flush(done)) || wait.recv_timeout(within).is_err() {
            tracing::warn!("the last records may be missing: their sink does not take them");
        }
    }
}

fn run(mut sink: Sink, ended: &Receiver<Message>, count: &Count) {
    let mut told = 0;
    while let Ok(first) = ended.recv() {
        // Nobody who sends now finds a thread that waits and has to be woken.
        std::thread::sleep(GATHER);
        for message in std::iter::once(first).chain(ended.try_iter().take(QUEUE_MAX)) {
            count.waiting.fetch_sub(1, Ordering::Relaxed);
            write(&mut sink, message);
        }
        let missing = count.dropped.load(Ordering::Relaxed).saturating_sub(told);
        if missing != 0 {
            tracing::warn!(missing, "records were dropped: their sink is too slow");
            told += missing;
        }
    }
}

fn write(sink: &mut Sink, message: Message) {
    match message {
        Message::Closed(closed) => (sink.0)(&closed.record()),
        Message::Turned(turned) => (sink.0)(&turned.record()),
        // Whoever waits may have left.
        Message::Flush(done) => done.send(()).unwrap_or_default(),
        Message::Redirect(other) => *sink = other,
    }
}

// === impl Closed ===

impl Closed {
    fn record(self) -> Record {
        let Self { report, ask, status, code, bytes_out, losses } = self;
        let blame = report.last_word.as_ref().map(|word| word.class.row().blame.label());
        let shape = ask.shape();
        Record {
            id: ask.id,
            at_unix_ms: ask.at_unix_ms,
            trace: ask.trace,
            principal: ask.principal,
            dialect: ask.dialect,
            shape,
            counts: ask.endpoint == Endpoint::Count,
            model: ask.head.model,
            ending: report.ending,
            status,
            code,
            blame: if report.ending == Ending::Abandoned { Some("caller") } else { blame },
            preferred: report.preferred,
            target: report.target,
            attempts: report.attempts,
            skipped: report.skipped,
            usage: report.usage,
            bytes_out,
            losses: losses.said(LOSSES_MAX),
            seams: report.seams,
            pings: report.pings,
            malformed: report.malformed,
            first_content_ms: report.first_content_ms,
            held_ms: report.held_ms,
            total_ms: report.total_ms,
        }
    }
}

// === impl Turned ===

impl Turned {
    fn record(self) -> Record {
        let reason = self.refusal.map(|refusal| refusal.reason);
        let ours = reason.is_some_and(|it| matches!(it, Reason::Busy | Reason::Stopping));
        Record {
            id: self.id,
            at_unix_ms: self.at_unix_ms,
            trace: self.trace,
            principal: self.principal,
            dialect: self.dialect,
            shape: self.shape,
            counts: self.endpoint == Endpoint::Count,
            model: self.model,
            ending: match reason {
                Some(_) if ours => Ending::Failed,
                Some(_) => Ending::Rejected,
                None => Ending::Abandoned,
            },
            status: reason.map_or(0, |reason| status_of(reason).as_u16()),
            code: reason.map(Reason::code),
            blame: Some(if ours { "gateway" } else { "caller" }),
            preferred: None,
            target: None,
            attempts: Vec::new(),
            skipped: Vec::new(),
            usage: Usage::Unknown,
            bytes_out: 0,
            losses: Vec::new(),
            seams: 0,
            pings: 0,
            malformed: 0,
            first_content_ms: None,
            held_ms: 0,
            total_ms: self.took_ms,
        }
    }
}
