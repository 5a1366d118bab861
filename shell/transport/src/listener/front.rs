//! What hyper reads from and writes to: a caller's socket, plain or TLS, and what was read of it to
//! see which HTTP it speaks.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;
use tokio_rustls::server::TlsStream;

use super::fault::Fault;
use super::frames::Frames;
use super::phase::{Clockwork, Timed};
use super::scan::{Scan, end_of_head};
use crate::room;
use crate::stream::Stream;

/// What a client says first that speaks HTTP/2 without having agreed on it (RFC 9113 §3.3).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A caller's socket.
pub(super) type Socket = Stream<Timed, TlsStream<Timed>>;

/// A caller's bytes.
#[derive(Debug)]
pub(super) struct Front {
    socket: Socket,
    /// Read, and not yet taken.
    ahead: Bytes,
    watch: Watch,
}

/// Who looks at the bytes before hyper does.
#[derive(Debug)]
enum Watch {
    Nobody,
    Http1(Scan, Clockwork),
    Http2(Frames),
}

// === impl Socket ===

impl Socket {
    /// Whether the caller speaks HTTP/2, and the bytes that were read to see that. Of HTTP/1.1 that is
    /// a whole head, or as much as one may have: whoever never ends it costs what came of it, and not
    /// what hyper keeps for a connection.
    pub(super) async fn greeted(&mut self, head_max: usize) -> io::Result<(bool, Bytes)> {
        let agreed = match self {
            Self::Tls(stream) => stream.get_ref().1.alpn_protocol(),
            Self::Plain(_) => None,
        };
        if agreed == Some(b"h2") {
            return Ok((true, Bytes::new()));
        }
        let may_be_h2 = agreed.is_none();
        let (mut first, mut line_at) = (BytesMut::new(), 0);
        loop {
            if poll_fn(|cx| room::poll_read(self, cx, &mut first)).await? == 0 {
                return Ok((false, first.freeze()));
            }
            if may_be_h2 && first.starts_with(PREFACE) {
                return Ok((true, first.freeze()));
            }
            if may_be_h2 && PREFACE.starts_with(&first) {
                continue;
            }
            match end_of_head(&first, line_at) {
                Err(at) if first.len() < head_max => line_at = at,
                Ok(_) | Err(_) => return Ok((false, first.freeze())),
            }
        }
    }
}

// === impl Front ===

impl Front {
    pub(super) fn new(socket: Socket, ahead: Bytes) -> Self {
        Self { socket, ahead, watch: Watch::Nobody }
    }

    /// What is odd about a request is told to the clockwork of its connection.
    pub(super) fn scanned(self, scan: Scan, clockwork: Clockwork) -> Self {
        Self { watch: Watch::Http1(scan, clockwork), ..self }
    }

    /// A caller that keeps us busy with nothing is cut off.
    pub(super) fn counted(self, frames: Frames) -> Self {
        Self { watch: Watch::Http2(frames), ..self }
    }
}

// === impl Watch ===

impl Watch {
    /// Looks at the next bytes. False: the connection cannot go on.
    fn look(&mut self, bytes: &[u8]) -> bool {
        match self {
            Self::Nobody => true,
            Self::Http1(scan, clockwork) => {
                let Some((head, fault)) = scan.feed(bytes) else { return true };
                clockwork.found(head, fault);
                // Where this body ends is anybody's guess.
                fault != Fault::OddChunk
            }
            Self::Http2(frames) => {
                let good = frames.feed(bytes, Instant::now());
                if !good {
                    tracing::debug!("a connection is closed: its frames carry nothing");
                }
                good
            }
        }
    }
}

impl AsyncRead for Front {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let polled = if this.ahead.is_empty() {
            Pin::new(&mut this.socket).poll_read(cx, buf)
        } else {
            let here = this.ahead.len().min(buf.remaining());
            buf.put_slice(this.ahead.get(..here).unwrap_or_default());
            this.ahead.advance(here);
            if this.ahead.is_empty() {
                this.ahead = Bytes::new();
            }
            Poll::Ready(Ok(()))
        };
        let good = match buf.filled().get(before..) {
            Some(bytes) if !bytes.is_empty() => this.watch.look(bytes),
            Some(_) | None => true,
        };
        if good { polled } else { Poll::Ready(Err(io::ErrorKind::InvalidData.into())) }
    }
}

impl AsyncWrite for Front {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().socket).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().socket).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(cx)
    }
}
