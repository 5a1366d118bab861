//! One HTTP/1.1 connection, driven by whoever uses it.
//!
//! It has no task of its own: a piece costs one wake-up, dropping the answer closes the socket at
//! once, and an idle connection costs nothing but its socket. It is looked at again when it is taken
//! from the pool. Ours and not hyper's, whose client keeps 24 KiB of buffers and a queue for each:
//! here what comes is read into room that all connections of a thread share, and only as much as came
//! is kept.
//!
//! **Invariants:** it carries another request only if the last was written and answered to their
//! ends, and nothing came behind that. Reading goes no further than a piece ahead of the reader.

mod framing;
mod head;
#[cfg(any(test, fuzzing))]
pub(crate) mod proof;

pub(super) use head::Head;

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf, Bytes, BytesMut};
use http::Request;
use ir::Failure;
use smallvec::SmallVec;
use tokio::io::AsyncWrite;

use super::wire::Wire;
use crate::{Payload, room};
use framing::Framing;
use head::{Heads, Read};

/// An open connection.
#[derive(Debug)]
pub(super) struct Http1 {
    wire: Wire,
    /// Of the present request, what is not written yet.
    output: Output,
    /// What came and was not handed out.
    input: BytesMut,
    /// The rest of the present answer's body.
    framing: Framing,
    /// Whether it carried a request before.
    used: bool,
    /// Whether anything of the present answer came.
    heard: bool,
    /// Whether it can carry another request after this one.
    lasting: bool,
}

/// Head and body of a request.
#[derive(Debug, Default)]
struct Output(SmallVec<[Bytes; 4]>);

/// Why there is no head.
enum Lost {
    /// The connection ended.
    Gone,
    /// What came is none.
    Odd(&'static str),
}

// === impl Http1 ===

impl Http1 {
    pub(super) fn new(wire: Wire) -> Self {
        Self {
            wire,
            output: Output::default(),
            input: BytesMut::new(),
            framing: Framing::Done,
            used: false,
            heard: false,
            lasting: true,
        }
    }

    pub(super) fn used(&self) -> bool {
        self.used
    }

    /// Whether it is open and waits for a request, as far as it was looked at.
    pub(super) fn is_idle(&self) -> bool {
        self.lasting && self.is_done() && self.output.is_empty() && self.input.is_empty()
    }

    /// Whether the present answer was read to its end.
    pub(super) fn is_done(&self) -> bool {
        self.framing.is_done()
    }

    /// Looks what came to an idle one: the end, or bytes that nobody asked for (some servers say 408
    /// before they close).
    pub(super) fn look(&mut self) {
        if self.poll_read(&mut Context::from_waker(Waker::noop())).is_ready() {
            self.lasting = false;
        }
    }

    /// Sends a request and waits for the head of its answer.
    pub(super) async fn send(&mut self, request: Box<Request<Payload>>) -> Result<Head, Failure> {
        let reused = self.used;
        self.used = true;
        self.heard = false;
        self.output = Output::of(*request);
        let mut heads = Heads::default();
        let answered = poll_fn(|cx| self.poll_head(&mut heads, cx)).await;
        let Read { head, framing, lasting } = answered.map_err(|lost| match lost {
            Lost::Odd(why) => Failure::BadHttp(why),
            Lost::Gone if reused && !self.heard => Failure::Stale,
            Lost::Gone => Failure::Reset,
        })?;
        if reused && head.status == 408 && !lasting {
            // Said when it was idle for too long; it crossed what we sent (RFC 9110 §15.5.9).
            return Err(Failure::Stale);
        }
        self.framing = framing;
        self.lasting &= lasting;
        Ok(head)
    }

    fn poll_head(&mut self, heads: &mut Heads, cx: &mut Context<'_>) -> Poll<Result<Read, Lost>> {
        loop {
            self.write(cx);
            if let Some(read) = heads.next(&mut self.input).map_err(Lost::Odd)? {
                return Poll::Ready(Ok(read));
            }
            match ready!(self.poll_read(cx)) {
                Ok(0) | Err(_) => return Poll::Ready(Err(Lost::Gone)),
                Ok(_) => self.heard = true,
            }
        }
    }

    /// The next bytes of the answer's body, never empty. `None` is its end; an error is a cut.
    pub(super) fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        // Whoever answers early may still be listening.
        self.write(cx);
        loop {
            let next = self.framing.next(&mut self.input);
            if self.input.is_empty() {
                // Whoever is slow holds what it was given, and no room beside that.
                self.input = BytesMut::new();
            }
            match next {
                Ok(Some(data)) => return Poll::Ready(Some(Ok(data))),
                Ok(None) if self.is_done() => return Poll::Ready(None),
                Ok(None) => {}
                Err(why) => return Poll::Ready(Some(Err(io::Error::other(why)))),
            }
            if ready!(self.poll_read(cx))? == 0 {
                self.lasting = false;
                if !self.framing.close() {
                    return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())));
                }
            }
        }
    }

    /// Takes what came: so many bytes, none at the end.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        room::poll_read(&mut self.wire, cx, &mut self.input)
    }

    /// Writes what it takes. One that takes no more may still answer, as those do that refuse a body
    /// by its head.
    fn write(&mut self, cx: &mut Context<'_>) {
        if !self.output.is_empty()
            && let Poll::Ready(Err(error)) = self.output.poll_write(&mut self.wire, cx)
        {
            tracing::debug!(%error, "a request was not taken");
            self.output = Output::default();
            self.lasting = false;
        }
    }
}

// === impl Output ===

impl Output {
    fn of(request: Request<Payload>) -> Self {
        let head = head::write(&request);
        let pieces = request.into_body().into_pieces();
        Self(std::iter::once(head).chain(pieces).collect())
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Empty only once all of it is on its way.
    fn poll_write(&mut self, wire: &mut Wire, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.0.iter().any(|piece| !piece.is_empty()) {
            let slices = self.0.iter().map(|piece| IoSlice::new(piece));
            let slices: SmallVec<[IoSlice<'_>; 4]> = slices.collect();
            let polled = Pin::new(&mut *wire).poll_write_vectored(cx, &slices);
            drop(slices);
            let mut written = ready!(polled)?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            for piece in &mut self.0 {
                let here = written.min(piece.len());
                piece.advance(here);
                written -= here;
            }
        }
        ready!(Pin::new(wire).poll_flush(cx))?;
        self.0.clear();
        Poll::Ready(Ok(()))
    }
}
