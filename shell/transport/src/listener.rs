//! The listener: HTTP/1.1 connections, each with its clocks, under one cap.
//!
//! **Invariants:** at most `connections_max` connections; a connection on which the next request
//! does not come in time is closed, whatever it sends or does not send; after [`serve`] returned, no
//! connection is left.
//!
//! Absent: TLS and HTTP/2 (later issues), a clock for request bodies and for slow readers (they
//! belong to whoever reads the body and fills the answer).

mod connection;
mod phase;
#[cfg(test)]
mod tests;

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// After accepting failed for want of something (file descriptors, memory): the first pause, and the
/// longest.
const PAUSE_MIN: Duration = Duration::from_millis(5);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// No machine has as many connections; a semaphore may not have more places.
const CAP_MAX: u32 = 1 << 28;

/// How a listener treats its callers.
#[derive(Clone, Copy, Debug)]
pub struct ListenerSettings {
    /// Connections at a time; the others wait in the system's queue.
    pub connections_max: usize,
    /// From accepting until the first byte, and from the first byte of a request until the end of
    /// its head.
    pub head_timeout: Duration,
    /// From an answer until the first byte of the next request.
    pub idle_timeout: Duration,
    /// Size of a request's head in bytes, request line included; beyond it 431 is answered.
    pub head_bytes_max: usize,
}

/// The other side of a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Peer {
    /// Its address.
    pub addr: SocketAddr,
}

/// What a connection is to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    Serve,
    /// Finish the request at hand and close.
    Finish,
    /// Close now.
    Drop,
}

// === impl ListenerSettings ===

impl Default for ListenerSettings {
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            head_bytes_max: 64 * 1024,
        }
    }
}

/// Listens on `addr`, also while connections of an earlier process there are still closing.
pub async fn bind(addr: SocketAddr) -> io::Result<TcpListener> {
    // Tokio sets SO_REUSEADDR.
    TcpListener::bind(addr).await.map_err(|error| explain(addr, &error))
}

/// What happened, and what to do about it.
fn explain(addr: SocketAddr, error: &io::Error) -> io::Error {
    let kind = error.kind();
    let text = if kind == io::ErrorKind::AddrInUse {
        format!(
            "{addr} is in use: something else, perhaps another backstop, listens there; \
             stop it or set another address in [server] listen"
        )
    } else if kind == io::ErrorKind::PermissionDenied {
        format!("{addr} may not be used: ports below 1024 need privileges; set a higher one")
    } else if kind == io::ErrorKind::AddrNotAvailable {
        format!("{addr} is not an address of this machine; set one that is, or 0.0.0.0")
    } else {
        format!("cannot listen on {addr}: {error}")
    };
    io::Error::new(kind, text)
}

/// Answers the connections of `listener` with `handler` until `stop` resolves. Then no connection is
/// accepted, idle ones are closed, busy ones finish their request; what is not done after `grace` is
/// dropped.
///
/// The handler's future, and the answer's body, are dropped as soon as the caller is seen to be
/// gone. An answer whose body fails breaks its connection, so that the caller sees that it was cut.
pub async fn serve<H, F, B>(
    listener: TcpListener,
    settings: ListenerSettings,
    handler: H,
    stop: impl Future<Output = ()>,
    grace: Duration,
) where
    H: Fn(Request<Incoming>, Peer) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let cap = u32::try_from(settings.connections_max).unwrap_or(CAP_MAX).clamp(1, CAP_MAX);
    let room = Arc::new(Semaphore::new(cap as usize));
    let phase = watch::Sender::new(Phase::Serve);
    let accepting = async {
        loop {
            let (stream, addr, permit) = accept(&listener, &room).await;
            let serving = connection::run(stream, settings, handler.clone(), Peer { addr });
            drop(tokio::spawn(connection::until(serving, phase.subscribe(), permit)));
        }
    };
    tokio::select! {
        () = accepting => {}
        () = stop => {}
    }
    drop(listener);
    phase.send_replace(Phase::Finish);
    if tokio::time::timeout(grace, all_back(&room, cap)).await.is_err() {
        tracing::warn!(?grace, "connections are dropped unfinished");
        phase.send_replace(Phase::Drop);
        all_back(&room, cap).await;
    }
}

/// The next connection, once there is room for it.
async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, Option<OwnedSemaphorePermit>) {
    // The semaphore is never closed.
    let permit = Arc::clone(room).acquire_owned().await.ok();
    let mut pause = None;
    loop {
        match listener.accept().await {
            Ok((stream, addr)) => return (stream, addr, permit),
            Err(error) => {
                pause = pause_after(&error, pause);
                if let Some(pause) = pause {
                    tracing::warn!(%error, ?pause, "cannot accept");
                    tokio::time::sleep(pause).await;
                }
            }
        }
    }
}

/// How long to wait after an error: not at all where only that connection was lost.
fn pause_after(error: &io::Error, last: Option<Duration>) -> Option<Duration> {
    let gone = [
        io::ErrorKind::ConnectionAborted,
        io::ErrorKind::ConnectionReset,
        io::ErrorKind::ConnectionRefused,
        io::ErrorKind::Interrupted,
    ];
    if gone.contains(&error.kind()) {
        return None;
    }
    Some(last.map_or(PAUSE_MIN, |last| (last * 2).min(PAUSE_MAX)))
}

/// Every connection gave its place back.
async fn all_back(room: &Semaphore, cap: u32) {
    // Never closed, so that an error cannot come.
    drop(room.acquire_many(cap).await);
}
