//! The simulated network as the transport, the fake provider and callers see it.
//!
//! `turmoil` resets a connection only where something is left unread. So whoever resets one says so in
//! [`Resets`], and the other side finds a reset where it would find the end.

use drill::provider::Wire;
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::io::{self, Result};
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use transport::{Accept, Connecting, Link, Network, Tcp};
use turmoil::net::{TcpListener, TcpStream};

/// Where everybody in the world listens.
pub(super) const PORT: u16 = 80;

/// Connections that end with a reset: who resets, and whom.
#[derive(Clone, Debug, Default)]
pub(super) struct Resets(Arc<Mutex<BTreeSet<(SocketAddr, SocketAddr)>>>);

/// One side of a connection.
#[derive(Debug)]
pub(super) struct Line {
    stream: TcpStream,
    here: SocketAddr,
    there: SocketAddr,
    resets: Resets,
}

/// Whoever listens.
pub(super) struct Door {
    listener: TcpListener,
    resets: Resets,
}

// === impl Resets ===

impl Resets {
    /// Opens a connection from the host at work.
    pub(super) async fn connect(&self, addr: SocketAddr) -> Result<Line> {
        Line::new(TcpStream::connect(addr).await?, self)
    }

    /// Listens at the host at work.
    pub(super) async fn listen(&self) -> Result<Door> {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT)).await?;
        Ok(Door { listener, resets: self.clone() })
    }
}

impl Network for Resets {
    fn connect(&self, addr: SocketAddr) -> Connecting {
        let resets = self.clone();
        Box::pin(async move {
            let line = Self::connect(&resets, addr).await?;
            Ok(Box::new(line) as Box<dyn Link>)
        })
    }
}

// === impl Door ===

impl Door {
    /// The next connection, and whose it is.
    pub(super) async fn next(&self) -> Result<(Line, SocketAddr)> {
        let (stream, addr) = self.listener.accept().await?;
        Ok((Line::new(stream, &self.resets)?, addr))
    }
}

impl Accept for Door {
    async fn accept(&self) -> Result<(Tcp, SocketAddr)> {
        let (line, addr) = self.next().await?;
        Ok((Tcp::Simulated(Box::new(line)), addr))
    }
}

// === impl Line ===

impl Line {
    fn new(stream: TcpStream, resets: &Resets) -> Result<Self> {
        let (here, there) = (stream.local_addr()?, stream.peer_addr()?);
        // Ports are used again, and this connection is a new one.
        resets.0.lock().remove(&(here, there));
        Ok(Self { stream, here, there, resets: resets.clone() })
    }

    fn reset(&self) {
        self.resets.0.lock().insert((self.here, self.there));
    }
}

impl Link for Line {
    fn reset_on_close(&self) {
        self.reset();
    }
}

impl Wire for Line {
    fn reset_on_close(&self) {
        self.reset();
    }
}

impl AsyncRead for Line {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(cx, buf))?;
        let ended = buf.filled().len() == before && 0 < buf.remaining();
        if ended && this.resets.0.lock().contains(&(this.there, this.here)) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Line {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
