//! An answer: its head, and its body as it comes.
//!
//! **Invariant:** a body that ends without an error ended by its own framing. Everything else is a
//! [`Failure::Cut`].

use std::fmt;
use std::future::poll_fn;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Response};
use http_body::{Body, Frame};
use hyper::body::Incoming;
use ir::Failure;

use super::http1::Http1;
use super::http2::Stream;
use super::origin::Origin;
use super::pool::Pool;

/// How many frames a dropped body looks for its end, among those that are already here.
const FRAMES_DROPPED_MAX: usize = 8;

/// What a provider said.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers as received, hop-by-hop ones included.
    pub headers: HeaderMap,
    /// The rest.
    pub body: AnswerBody,
    /// Whether the connection had carried a request before.
    pub reused: bool,
}

/// The body of an answer. Read to its end, it returns its connection; dropped before, it closes it
/// (HTTP/2: resets the stream).
pub struct AnswerBody {
    source: Source,
}

enum Source {
    Ended,
    One { connection: Box<Http1>, body: Incoming, pool: Arc<Pool>, origin: Origin },
    Two { body: Incoming, stream: Stream },
}

type Polled = Poll<Option<Result<Frame<Bytes>, hyper::Error>>>;

// === impl Answer ===

impl Answer {
    pub(super) fn one(
        response: Response<Incoming>,
        connection: Box<Http1>,
        reused: bool,
        (pool, origin): (Arc<Pool>, Origin),
    ) -> Self {
        let wrap = |body| Source::One { connection, body, pool, origin };
        Self::new(response, reused, wrap)
    }

    pub(super) fn two(response: Response<Incoming>, stream: Stream) -> Self {
        let reused = stream.reused();
        Self::new(response, reused, |body| Source::Two { body, stream })
    }

    fn new(
        response: Response<Incoming>,
        reused: bool,
        wrap: impl FnOnce(Incoming) -> Source,
    ) -> Self {
        let (head, body) = response.into_parts();
        let bare = body.is_end_stream();
        let mut body = AnswerBody { source: wrap(body) };
        if bare {
            body.end();
        }
        Self { status: head.status.as_u16(), headers: head.headers, body, reused }
    }

    /// The whole body, where it comes to its end within `max` bytes.
    pub async fn read(mut self, max: usize) -> Option<Bytes> {
        let mut whole = BytesMut::new();
        while let Some(chunk) = poll_fn(|cx| self.body.poll_chunk(cx)).await {
            whole.extend_from_slice(&chunk.ok()?);
            if max < whole.len() {
                return None;
            }
        }
        Some(whole.freeze())
    }
}

// === impl AnswerBody ===

impl AnswerBody {
    /// The next bytes, never empty. `None` is the end by the answer's own framing; an answer that was
    /// cut ends with [`Failure::Cut`]. Trailers are not passed on. After either there is only `None`.
    pub fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Failure>>> {
        loop {
            match ready!(self.poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(chunk) if !chunk.is_empty() => return Poll::Ready(Some(Ok(chunk))),
                    Ok(_) | Err(_) => {}
                },
                Some(Err(error)) => {
                    tracing::debug!(%error, "answer cut");
                    self.source = Source::Ended;
                    return Poll::Ready(Some(Err(Failure::Cut { clean: false })));
                }
                None => {
                    self.end();
                    return Poll::Ready(None);
                }
            }
        }
    }

    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Polled {
        match &mut self.source {
            Source::Ended => Poll::Ready(None),
            Source::One { connection, body, .. } => connection.poll_frame(body, cx),
            Source::Two { body, stream: _ } => Pin::new(body).poll_frame(cx),
        }
    }

    /// The whole body is here: the connection is free, unless the peer closes it.
    fn end(&mut self) {
        match mem::replace(&mut self.source, Source::Ended) {
            Source::Ended => {}
            Source::One { mut connection, body, pool, origin } => {
                drop(body);
                if !connection.is_idle() {
                    connection.look();
                }
                if connection.is_idle() {
                    pool.keep(&origin, connection);
                }
            }
            Source::Two { body, stream } => drop((body, stream)),
        }
    }
}

impl Drop for AnswerBody {
    /// A reader often stops at the dialect's last event, one frame before the end of HTTP: what has
    /// already come is looked through, so that the connection is not lost for that.
    fn drop(&mut self) {
        let Source::One { .. } = self.source else { return };
        let quiet = &mut Context::from_waker(Waker::noop());
        for _ in 0..FRAMES_DROPPED_MAX {
            match self.poll_frame(quiet) {
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(None) => return self.end(),
                Poll::Ready(Some(Err(_))) | Poll::Pending => return,
            }
        }
    }
}

impl fmt::Debug for AnswerBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.source {
            Source::Ended => "ended",
            Source::One { .. } => "http/1.1",
            Source::Two { .. } => "h2",
        };
        f.debug_tuple("AnswerBody").field(&state).finish()
    }
}
