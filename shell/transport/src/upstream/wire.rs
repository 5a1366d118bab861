//! One byte stream to a provider, plain or TLS, that remembers whether the provider said anything.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::stream::Stream;

/// An open connection.
#[derive(Debug)]
pub(super) struct Wire {
    stream: Stream<TcpStream, TlsStream<TcpStream>>,
    heard: Heard,
}

/// Whether a byte of the answer came since the last request.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard(Arc<AtomicBool>);

/// hyper doubles its buffer for as long as reads fill it, up to what a head may have, and keeps it. An
/// answer whose caller is slow would hold that much.
const READ_MAX: usize = 16 * 1024;

// === impl Wire ===

impl Wire {
    pub(super) fn plain(stream: TcpStream) -> Self {
        Self { stream: Stream::Plain(stream), heard: Heard::default() }
    }

    pub(super) fn tls(stream: TlsStream<TcpStream>) -> Self {
        Self { stream: Stream::Tls(Box::new(stream)), heard: Heard::default() }
    }

    pub(super) fn heard(&self) -> Heard {
        self.heard.clone()
    }

    /// Whether both sides agreed on HTTP/2.
    pub(super) fn speaks_h2(&self) -> bool {
        match &self.stream {
            Stream::Plain(_) => false,
            Stream::Tls(stream) => stream.get_ref().1.alpn_protocol() == Some(b"h2"),
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let polled = if READ_MAX < buf.remaining() {
            let mut some = ReadBuf::new(buf.initialize_unfilled_to(READ_MAX));
            let polled = Pin::new(&mut this.stream).poll_read(cx, &mut some);
            let read = some.filled().len();
            buf.advance(read);
            polled
        } else {
            Pin::new(&mut this.stream).poll_read(cx, buf)
        };
        if buf.filled().len() > before {
            this.heard.0.store(true, Ordering::Relaxed);
        }
        polled
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, bufs)
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

// === impl Heard ===

impl Heard {
    pub(super) fn forget(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    pub(super) fn anything(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
