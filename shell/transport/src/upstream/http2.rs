//! One HTTP/2 connection, shared by many streams and driven by a task of its own.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use ir::Failure;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::wire::Wire;
use crate::Payload;

/// An answer's head may be this large.
const HEAD_BYTES_MAX: u32 = 256 * 1024;

/// A slow reader holds at most this much of the connection's window.
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 16 * 1024 * 1024;

/// Never more streams on one connection, whatever the peer allows: they share its fate.
const STREAMS_MAX: usize = 100;

/// A connection with streams on it is asked for a sign of life, so that one whose path vanished does
/// not swallow requests. No ping while idle: some servers count those as abuse.
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// An open connection.
#[derive(Debug)]
pub(super) struct Http2 {
    sender: SendRequest<Payload>,
    streams: AtomicUsize,
    streams_max: Arc<AtomicUsize>,
    /// The peer announced that it takes no more.
    retired: AtomicBool,
    left_at: Mutex<Instant>,
}

/// The right to one stream, given back when dropped.
#[derive(Debug)]
pub(super) struct Stream {
    connection: Arc<Http2>,
    reused: bool,
}

/// Why there is no head.
#[derive(Debug)]
pub(super) enum Lost {
    /// Not a byte of it was written; here it is again.
    Unsent(Box<Request<Payload>>),
    /// It may have been seen.
    Failed(hyper::Error),
}

// === impl Http2 ===

impl Http2 {
    pub(super) async fn open(wire: Wire) -> Result<Arc<Self>, Failure> {
        let (sender, mut connection) = Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_header_list_size(HEAD_BYTES_MAX)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(PING_TIMEOUT)
            .handshake::<_, Payload>(TokioIo::new(wire))
            .await
            .map_err(|_| Failure::Reset)?;
        let streams_max = Arc::new(AtomicUsize::new(STREAMS_MAX));
        let allowed = Arc::clone(&streams_max);
        let driver = tokio::spawn(async move {
            let ended = poll_fn(|cx| {
                let polled = Pin::new(&mut connection).poll(cx);
                let peer = connection.current_max_send_streams();
                allowed.store(peer.clamp(1, STREAMS_MAX), Ordering::Relaxed);
                polled
            });
            if let Err(error) = ended.await {
                tracing::debug!(%error, "connection ended");
            }
        });
        // It ends with the last sender.
        drop(driver);
        Ok(Arc::new(Self {
            sender,
            streams: AtomicUsize::new(0),
            streams_max,
            retired: AtomicBool::new(false),
            left_at: Mutex::new(Instant::now()),
        }))
    }

    /// One more stream, if the peer allows it.
    pub(super) fn stream(self: &Arc<Self>, reused: bool) -> Option<Stream> {
        let max = self.streams_max.load(Ordering::Relaxed);
        let more = |streams| (streams < max).then_some(streams + 1);
        self.streams.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).ok()?;
        Some(Stream { connection: Arc::clone(self), reused })
    }

    pub(super) fn is_open(&self) -> bool {
        !self.retired.load(Ordering::Relaxed) && !self.sender.is_closed()
    }

    /// How long no stream was on it; zero while one is.
    pub(super) fn idle_for(&self, now: Instant) -> Duration {
        if self.streams.load(Ordering::Acquire) > 0 {
            return Duration::ZERO;
        }
        now.saturating_duration_since(*self.left_at.lock())
    }
}

// === impl Stream ===

impl Stream {
    pub(super) fn reused(&self) -> bool {
        self.reused
    }

    /// No further stream is opened on this connection.
    pub(super) fn retire(&self) {
        self.connection.retired.store(true, Ordering::Relaxed);
    }

    pub(super) async fn send(
        &self,
        request: Box<Request<Payload>>,
    ) -> Result<Response<Incoming>, Lost> {
        self.connection.sender.clone().try_send_request(*request).await.map_err(Lost::from)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if self.connection.streams.fetch_sub(1, Ordering::AcqRel) == 1 {
            *self.connection.left_at.lock() = Instant::now();
        }
    }
}

// === impl Lost ===

impl From<TrySendError<Request<Payload>>> for Lost {
    fn from(mut error: TrySendError<Request<Payload>>) -> Self {
        match error.take_message() {
            Some(request) => Self::Unsent(Box::new(request)),
            None => Self::Failed(error.into_error()),
        }
    }
}
