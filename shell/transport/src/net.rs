//! The network: the kernel's, or one that stands in for it.
//!
//! The kernel's has a way of its own through [`Tcp`], so that nothing is called through a pointer for
//! its bytes; what stands in for it is boxed.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// Where connections are opened.
#[derive(Clone, Debug, Default)]
pub enum Net {
    /// In the machine's network.
    #[default]
    Kernel,
    /// In one of a simulator.
    Simulated(Arc<dyn Network>),
}

/// A network that stands in for the kernel's.
pub trait Network: fmt::Debug + Send + Sync {
    /// Opens a connection. It fails as the kernel's would: refused, unreachable; or never ends.
    fn connect(&self, addr: SocketAddr) -> Connecting;
}

/// A connection of such a network that is being opened.
pub type Connecting = Pin<Box<dyn Future<Output = io::Result<Box<dyn Link>>> + Send>>;

/// A connection of such a network.
pub trait Link: AsyncRead + AsyncWrite + fmt::Debug + Send + Sync + Unpin {
    /// Makes the coming close a reset.
    fn reset_on_close(&self);
}

/// Where connections of callers come from.
pub trait Accept: Send + Sync {
    /// The next connection, and whose it is.
    fn accept(&self) -> impl Future<Output = io::Result<(Tcp, SocketAddr)>> + Send;
}

/// A TCP connection.
#[derive(Debug)]
pub enum Tcp {
    /// The kernel's.
    Kernel(TcpStream),
    /// A simulator's.
    Simulated(Box<dyn Link>),
}

// === impl Net ===

impl Net {
    /// Opens a connection. Whoever asks has judged the address, and holds the deadline.
    pub async fn connect(&self, addr: SocketAddr) -> io::Result<Tcp> {
        match self {
            Self::Kernel => TcpStream::connect(addr).await.map(Tcp::Kernel),
            Self::Simulated(network) => network.connect(addr).await.map(Tcp::Simulated),
        }
    }
}

// === impl TcpListener ===

impl Accept for TcpListener {
    async fn accept(&self) -> io::Result<(Tcp, SocketAddr)> {
        let (stream, addr) = Self::accept(self).await?;
        Ok((Tcp::Kernel(stream), addr))
    }
}

// === impl Tcp ===

impl Tcp {
    /// The socket, whose options can be set.
    pub(crate) fn socket(&self) -> Option<&TcpStream> {
        match self {
            Self::Kernel(stream) => Some(stream),
            Self::Simulated(_) => None,
        }
    }

    /// Makes the coming close a reset: without linger the kernel sends RST instead of FIN.
    pub(crate) fn reset_on_close(&self) -> io::Result<()> {
        match self {
            Self::Kernel(stream) => SockRef::from(stream).set_linger(Some(Duration::ZERO)),
            Self::Simulated(link) => {
                link.reset_on_close();
                Ok(())
            }
        }
    }
}

impl AsyncRead for Tcp {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Kernel(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Simulated(link) => Pin::new(link).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Tcp {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Kernel(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Simulated(link) => Pin::new(link).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Kernel(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Simulated(link) => Pin::new(link).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Kernel(stream) => stream.is_write_vectored(),
            Self::Simulated(link) => link.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Kernel(stream) => Pin::new(stream).poll_flush(cx),
            Self::Simulated(link) => Pin::new(link).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Kernel(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Simulated(link) => Pin::new(link).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Tcp, TcpStream};

    /// A gateway holds thousands of them.
    #[test]
    fn a_connection_takes_no_more_room_than_its_socket() {
        assert_eq!(size_of::<Tcp>(), size_of::<TcpStream>());
    }
}
