//! Where a connection stands between two requests, and the clock that goes with it.
//!
//! hyper's own header clock starts when the connection waits for a head, idle or not, so that it
//! would close kept-alive connections after the head's time. Ours sits around the socket:
//!
//! ```text
//!            byte                head complete
//! Waiting ─────────▶ Head ─────────────────────▶ Busy (no clock)
//!    ▲ head_timeout (first), idle_timeout           │ the answer's body is done or dropped
//!    └──────────────────────────────────────────────┘
//! ```
//!
//! A second clock runs while the caller's side takes nothing: see [`Stall`]. Over TLS both clocks
//! see its bytes, so that they hold for the handshake too; HTTP/2 has clocks of its own for all but
//! the socket, in `http2`.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep, sleep_until};

use super::fault::Fault;
use crate::Tcp;

/// The clock of one connection, shared by its socket and the answer at hand.
#[derive(Clone, Debug)]
pub(super) struct Clockwork(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    stand: Stand,
    head_timeout: Duration,
    idle_timeout: Duration,
    /// Requests so far.
    requests: u64,
    /// The first request that has no one meaning, counted from 1.
    fault: Option<(u64, Fault)>,
    /// The answer was cut and its framing cannot say so: only a reset can.
    reset: bool,
    /// When the alarm rings; it is not set for every request.
    armed: Option<Instant>,
    /// The task of the connection, once it waits for bytes.
    task: Option<Waker>,
}

#[derive(Clone, Copy, Debug)]
enum Stand {
    Waiting { until: Instant },
    Head { until: Instant },
    Busy,
}

/// A caller's socket under the clock.
#[derive(Debug)]
pub(super) struct Timed {
    stream: Tcp,
    clockwork: Clockwork,
    alarm: Pin<Box<Sleep>>,
    write_timeout: Duration,
    /// While its buffers are full.
    stall: Option<Stall>,
}

/// The caller's side takes nothing: its buffers and ours are full. It may be slow, but in every
/// `write_timeout` it takes something worth mentioning, or it is given up: what is held for it,
/// here and at the provider, is held from others.
#[derive(Debug)]
struct Stall {
    alarm: Pin<Box<Sleep>>,
    /// Bytes that it took since the alarm was set.
    taken: usize,
}

/// What a slow caller takes at least, in every `write_timeout`.
const TAKEN_MIN: usize = 4 * 1024;

pin_project_lite::pin_project! {
    /// An answer's body, which sets the clock again when it is gone.
    pub(super) struct Tracked<B> {
        #[pin]
        body: B,
        // Its end is the end of the connection (HTTP/1.0).
        unframed: bool,
        busy: Busy,
    }
}

/// While it lives, no request is waited for.
#[derive(Debug)]
pub(super) struct Busy(Clockwork);

// === impl Clockwork ===

impl Clockwork {
    pub(super) fn new(head_timeout: Duration, idle_timeout: Duration) -> Self {
        let stand = Stand::Waiting { until: Instant::now() + head_timeout };
        let state = State {
            stand,
            head_timeout,
            idle_timeout,
            requests: 0,
            fault: None,
            reset: false,
            armed: None,
            task: None,
        };
        Self(Arc::new(Mutex::new(state)))
    }

    /// A request's head is complete. Tells what is wrong with how it was written.
    pub(super) fn busy(&self) -> (Busy, Option<Fault>) {
        let mut state = self.0.lock();
        state.stand = Stand::Busy;
        state.requests += 1;
        let fault = state.fault.filter(|(at, _)| *at <= state.requests).map(|(_, fault)| fault);
        drop(state);
        (Busy(self.clone()), fault)
    }

    /// Whether no request came so far.
    pub(super) fn is_unasked(&self) -> bool {
        self.0.lock().requests == 0
    }

    /// From now on somebody else keeps the time of what is read.
    pub(super) fn leave(&self) {
        self.0.lock().stand = Stand::Busy;
    }

    /// A request was written in a way that has no one meaning.
    pub(super) fn found(&self, request: u64, fault: Fault) {
        self.0.lock().fault.get_or_insert((request, fault));
    }

    fn heard(&self) {
        let mut state = self.0.lock();
        if let Stand::Waiting { .. } = state.stand {
            state.stand = Stand::Head { until: Instant::now() + state.head_timeout };
        }
    }

    /// When to give up, if a request is waited for.
    fn deadline(&self) -> Option<Instant> {
        self.0.lock().deadline()
    }
}

impl State {
    fn deadline(&self) -> Option<Instant> {
        match self.stand {
            Stand::Waiting { until } | Stand::Head { until } => Some(until),
            Stand::Busy => None,
        }
    }
}

impl Drop for Busy {
    /// hyper does not read again after an answer when it already waits for bytes. So the alarm is
    /// either set, and not too late, or the connection is woken to set it.
    fn drop(&mut self) {
        let now = Instant::now();
        let mut state = self.0.0.lock();
        let until = now + state.idle_timeout;
        state.stand = Stand::Waiting { until };
        let rings = state.armed.is_some_and(|armed| armed > now && armed <= until);
        let task = if rings { None } else { state.task.take() };
        drop(state);
        if let Some(task) = task {
            task.wake();
        }
    }
}

// === impl Timed ===

impl Timed {
    pub(super) fn new(stream: Tcp, clockwork: Clockwork, write_timeout: Duration) -> Self {
        let first = clockwork.deadline().unwrap_or_else(Instant::now);
        let alarm = Box::pin(sleep_until(first));
        Self { stream, clockwork, alarm, write_timeout, stall: None }
    }

    /// What became of writing `asked` bytes, under the clock.
    fn written(
        &mut self,
        cx: &mut Context<'_>,
        asked: usize,
        polled: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match (polled, &mut self.stall) {
            (Poll::Ready(Ok(taken)), Some(stall)) if taken < asked => {
                stall.taken = stall.taken.saturating_add(taken);
                Poll::Ready(Ok(taken))
            }
            (Poll::Ready(done), stall) => {
                *stall = None;
                Poll::Ready(done)
            }
            (Poll::Pending, stall) => {
                let fresh = || Stall { alarm: Box::pin(sleep(self.write_timeout)), taken: 0 };
                let stall = stall.get_or_insert_with(fresh);
                while stall.alarm.as_mut().poll(cx).is_ready() {
                    if stall.taken < TAKEN_MIN {
                        return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                    }
                    *stall = fresh();
                }
                Poll::Pending
            }
        }
    }

    /// Rings when the deadline is over. The alarm is set anew only when it rang too early or would
    /// ring too late, so that a busy connection does not touch the timers for every request.
    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.clockwork.0.lock();
        if !state.task.as_ref().is_some_and(|task| task.will_wake(cx.waker())) {
            state.task = Some(cx.waker().clone());
        }
        let Some(until) = state.deadline() else { return Poll::Pending };
        if self.alarm.deadline() > until {
            self.alarm.as_mut().reset(until);
        }
        while self.alarm.as_mut().poll(cx).is_ready() {
            if Instant::now() >= until {
                return Poll::Ready(());
            }
            self.alarm.as_mut().reset(until);
        }
        state.armed = Some(self.alarm.deadline());
        Poll::Pending
    }
}

impl AsyncRead for Timed {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        match Pin::new(&mut this.stream).poll_read(cx, buf) {
            Poll::Ready(result) => {
                if buf.filled().len() > before {
                    this.clockwork.heard();
                }
                Poll::Ready(result)
            }
            Poll::Pending => match this.poll_late(cx) {
                Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
                Poll::Pending => Poll::Pending,
            },
        }
    }
}

impl AsyncWrite for Timed {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_write(cx, buf);
        this.written(cx, buf.len(), polled)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_write_vectored(cx, bufs);
        this.written(cx, bufs.iter().map(|buf| buf.len()).sum(), polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

impl Drop for Timed {
    fn drop(&mut self) {
        let reset = self.clockwork.0.lock().reset;
        if reset && let Err(error) = self.stream.reset_on_close() {
            tracing::debug!(%error, "a cut answer looks whole");
        }
    }
}

// === impl Tracked ===

impl<B> Tracked<B> {
    pub(super) fn new(body: B, unframed: bool, busy: Busy) -> Self {
        Self { body, unframed, busy }
    }
}

impl<B: Body<Data = Bytes>> Body for Tracked<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.project();
        let polled = this.body.poll_frame(cx);
        if *this.unframed && matches!(polled, Poll::Ready(Some(Err(_)))) {
            this.busy.0.0.lock().reset = true;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
