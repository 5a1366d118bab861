//! A connection of which somebody has read the beginning, as if nobody had.

use bytes::{Buf, Bytes};
use drill::provider::Wire;
use std::io::Result;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection whose first bytes were read already.
#[derive(Debug)]
pub(super) struct Over<S> {
    first: Bytes,
    stream: S,
}

// === impl Over ===

impl<S> Over<S> {
    /// The bytes that were read come again before all others.
    pub(super) fn new(first: Bytes, stream: S) -> Self {
        Self { first, stream }
    }
}

impl<S: Wire> Wire for Over<S> {
    fn reset_on_close(&self) {
        self.stream.reset_on_close();
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Over<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        if self.first.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, into);
        }
        let fits = self.first.len().min(into.remaining());
        into.put_slice(&self.first.copy_to_bytes(fits));
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Over<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
