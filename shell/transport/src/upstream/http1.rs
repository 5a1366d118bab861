//! One HTTP/1.1 connection, driven by whoever uses it.
//!
//! hyper's connection future runs inside the task that waits for the answer, not in a task of its
//! own: a chunk costs one wake-up instead of two, dropping the answer closes the socket at once, and
//! an idle connection costs no task. It is looked at again when it is taken from the pool.
//!
//! The two halves of one connection must not wake the task they share. So a task that was woken
//! polls with a waker that does nothing first: most likely something came. Only when nothing did, or
//! right after something was taken, it polls with its own. **Invariant:** the last poll of each half
//! before `Pending` carries the real waker.

use std::future::poll_fn;
use std::mem;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper_util::rt::TokioIo;
use ir::Failure;

use super::wire::{Heard, Wire};
use crate::Payload;

/// An answer's head may be this large. Providers stay below 8 KiB.
const HEAD_BYTES_MAX: usize = 256 * 1024;

/// An open connection.
#[derive(Debug)]
pub(super) struct Http1 {
    /// `None` once it ended.
    connection: Option<Connection<TokioIo<Wire>, Payload>>,
    sender: SendRequest<Payload>,
    heard: Heard,
    /// Whether it carried a request before.
    used: bool,
    /// The last poll ended with `Pending`: the next one follows a wake-up.
    waiting: bool,
}

/// Why there is no head.
#[derive(Debug)]
pub(super) enum Lost {
    /// Not a byte of it was written; here it is again.
    Unsent(Box<Request<Payload>>),
    /// It may have been seen.
    Failed(hyper::Error),
}

// === impl Http1 ===

impl Http1 {
    pub(super) async fn open(wire: Wire) -> Result<Self, Failure> {
        let heard = wire.heard();
        let (sender, connection) = Builder::new()
            .max_buf_size(HEAD_BYTES_MAX)
            .max_header_size(HEAD_BYTES_MAX)
            .handshake(TokioIo::new(wire))
            .await
            .map_err(|_| Failure::Reset)?;
        Ok(Self { connection: Some(connection), sender, heard, used: false, waiting: false })
    }

    pub(super) fn used(&self) -> bool {
        self.used
    }

    /// Whether any byte of the present answer came.
    pub(super) fn heard(&self) -> bool {
        self.heard.anything()
    }

    /// Whether it is open and waits for a request, as far as it was looked at.
    pub(super) fn is_idle(&self) -> bool {
        self.connection.is_some() && self.sender.is_ready()
    }

    /// Looks what came since: the end, or bytes that nobody asked for (some servers say 408 before
    /// they close).
    pub(super) fn look(&mut self) {
        drive(&mut self.connection, &mut Context::from_waker(Waker::noop()));
    }

    /// Sends a request and waits for the head of its answer.
    pub(super) async fn send(
        &mut self,
        request: Request<Payload>,
    ) -> Result<Response<Incoming>, Lost> {
        self.heard.forget();
        self.used = true;
        self.waiting = false;
        let mut reply = pin!(self.sender.try_send_request(request));
        let (connection, waiting) = (&mut self.connection, &mut self.waiting);
        let answered =
            poll_fn(|cx| poll_half(connection, waiting, cx, |cx| reply.as_mut().poll(cx)));
        answered.await.map_err(Lost::from)
    }

    /// The next frame of the answer's body.
    pub(super) fn poll_frame(
        &mut self,
        body: &mut Incoming,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        poll_half(&mut self.connection, &mut self.waiting, cx, |cx| {
            Pin::new(&mut *body).poll_frame(cx)
        })
    }
}

/// Polls `half`, the reply or the body, and the connection that fills it.
fn poll_half<T>(
    connection: &mut Option<Connection<TokioIo<Wire>, Payload>>,
    waiting: &mut bool,
    cx: &mut Context<'_>,
    mut half: impl FnMut(&mut Context<'_>) -> Poll<T>,
) -> Poll<T> {
    if mem::replace(waiting, false) {
        let quiet = &mut Context::from_waker(Waker::noop());
        // Takes the place of the waker that the last poll left there.
        let polled = half(quiet);
        if polled.is_ready() {
            return polled;
        }
        drive(connection, quiet);
        let polled = half(quiet);
        if polled.is_ready() {
            return polled;
        }
    }
    drive(connection, cx);
    let polled = half(cx);
    *waiting = polled.is_pending();
    polled
}

/// A connection that ended is dropped: its reply and its body then learn that nothing more comes.
fn drive(connection: &mut Option<Connection<TokioIo<Wire>, Payload>>, cx: &mut Context<'_>) {
    if let Some(open) = connection
        && Pin::new(open).poll(cx).is_ready()
    {
        *connection = None;
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
