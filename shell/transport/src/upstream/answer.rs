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
use http_body::Body;
use hyper::body::Incoming;
use ir::Failure;

use super::http1::{Head, Http1};
use super::http2::Stream;
use super::origin::Origin;
use super::pool::Pool;

/// How many pieces a dropped body looks for its end, among those that are already here.
const PIECES_DROPPED_MAX: usize = 8;

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
    One { connection: Box<Http1>, pool: Arc<Pool>, origin: Origin },
    Two { body: Incoming, stream: Stream },
}

// === impl Answer ===

impl Answer {
    pub(super) fn one(
        head: Head,
        connection: Box<Http1>,
        reused: bool,
        (pool, origin): (Arc<Pool>, Origin),
    ) -> Self {
        let bare = connection.is_done();
        let mut body = AnswerBody { source: Source::One { connection, pool, origin } };
        if bare {
            body.end();
        }
        Self { status: head.status, headers: head.headers, body, reused }
    }

    pub(super) fn two(response: Response<Incoming>, stream: Stream) -> Self {
        let reused = stream.reused();
        let (head, body) = response.into_parts();
        let body = AnswerBody { source: Source::Two { body, stream } };
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
        let polled = match &mut self.source {
            Source::Ended => return Poll::Ready(None),
            Source::One { connection, .. } => {
                ready!(connection.poll_chunk(cx)).map(|it| it.map_err(|why| why.to_string()))
            }
            Source::Two { body, stream: _ } => {
                ready!(poll_data(body, cx)).map(|it| it.map_err(|why| why.to_string()))
            }
        };
        Poll::Ready(match polled {
            Some(Ok(chunk)) => Some(Ok(chunk)),
            Some(Err(why)) => {
                tracing::debug!(why, "answer cut");
                self.source = Source::Ended;
                Some(Err(Failure::Cut { clean: false }))
            }
            None => {
                self.end();
                None
            }
        })
    }

    /// The whole body is here: the connection is free, unless the peer closes it.
    fn end(&mut self) {
        match mem::replace(&mut self.source, Source::Ended) {
            Source::Ended => {}
            Source::One { connection, pool, origin } => {
                if connection.is_idle() {
                    pool.keep(&origin, connection);
                }
            }
            Source::Two { body, stream } => drop((body, stream)),
        }
    }
}

impl Drop for AnswerBody {
    /// A reader often stops at the dialect's last event, one piece before the end of HTTP: what has
    /// already come is looked through, so that the connection is not lost for that.
    fn drop(&mut self) {
        let Source::One { .. } = self.source else { return };
        let quiet = &mut Context::from_waker(Waker::noop());
        for _ in 0..PIECES_DROPPED_MAX {
            match self.poll_chunk(quiet) {
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(Some(Err(_)) | None) | Poll::Pending => return,
            }
        }
    }
}

/// The next data of a body on HTTP/2; trailers are not passed on.
fn poll_data(
    body: &mut Incoming,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<Bytes, hyper::Error>>> {
    loop {
        match ready!(Pin::new(&mut *body).poll_frame(cx)) {
            Some(Ok(frame)) => match frame.into_data() {
                Ok(chunk) if !chunk.is_empty() => return Poll::Ready(Some(Ok(chunk))),
                Ok(_) | Err(_) => {}
            },
            Some(Err(error)) => return Poll::Ready(Some(Err(error))),
            None => return Poll::Ready(None),
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
