//! Addresses where nobody answers.

use anyhow::{Context, Result, bail};
use socket2::{Domain, Socket, Type};
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};

use super::server::ANY;

/// Connections that fill the queue of a listener that accepts none; Linux holds one more than it was
/// told.
const QUEUE_MAX: usize = 16;

/// An address that takes the first packet of a connection and never answers it: its queue is full.
#[derive(Debug)]
pub struct BlackHole {
    addr: SocketAddr,
    /// They keep the queue full, and the port ours.
    _held: Vec<Socket>,
}

/// An address of this machine that refuses connections: its port was the kernel's choice and is
/// closed again. Somebody else may be given it later, so it is asked for just before its use.
pub fn refused() -> Result<SocketAddr> {
    let listener = TcpListener::bind(ANY).context("binding a port to close")?;
    Ok(listener.local_addr()?)
}

// === impl BlackHole ===

impl BlackHole {
    /// Fills the queue of a listener.
    pub fn open() -> Result<Self> {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        listener.bind(&ANY.into())?;
        listener.listen(0)?;
        let at = listener.local_addr()?;
        let addr = at.as_socket().context("an address of this machine")?;
        let mut held = vec![listener];
        // What is beyond the queue stays under way: the loopback itself answers at once or never. An
        // attempt that is not over when the next one begins is one of those.
        for _ in 0..QUEUE_MAX {
            let caller = Socket::new(Domain::IPV4, Type::STREAM, None)?;
            caller.set_nonblocking(true)?;
            match caller.connect(&at) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error)
                    if error.raw_os_error()
                        == Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => {}
                Err(error) => bail!("filling a queue: {error}"),
            }
            held.push(caller);
        }
        Ok(Self { addr, _held: held })
    }

    /// Where nobody answers.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}
