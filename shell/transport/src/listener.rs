//! The listener: HTTP/1.1 and HTTP/2, plain or over TLS, each connection under its clocks.
//!
//! **Invariants:** at most `connections_max` connections, and `per_address_max` of one address, and
//! as many streams of HTTP/2; a connection on which the next request does not come in time is
//! closed, whatever it sends or does not send, and so is one that takes nothing of its answer; a
//! request that two servers could read in two ways reaches its handler as a [`Fault`]; after
//! [`serve`] returned, no connection is left.
//!
//! Absent: a clock for request bodies (it belongs to whoever reads them), upgrades and tunnels.

mod connection;
mod fault;
mod frames;
mod front;
mod http2;
mod phase;
mod phases;
mod place;
#[cfg(any(test, fuzzing))]
pub(crate) mod proof;
mod scan;
#[cfg(test)]
mod tests;
mod tls;

pub use fault::Fault;
pub use tls::{ServerTls, TlsError};

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;

use crate::{Accept, Tcp};
use phases::Phases;
pub use place::Connections;
use place::{Addresses, Place, Streams};

/// After accepting failed for want of something (file descriptors, memory): the first pause, and the
/// longest.
const PAUSE_MIN: Duration = Duration::from_millis(5);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Connections that the system holds until they are accepted; it may have a lower limit of its own.
/// Whoever comes when it is full waits a second and longer before it tries again.
const QUEUE: u32 = 4096;

/// No machine has as many connections; a semaphore may not have more places.
const CAP_MAX: u32 = 1 << 28;

/// How a listener treats its callers.
#[derive(Clone, Debug)]
pub struct ListenerSettings {
    /// Connections at a time; the others wait in the system's queue. As many streams of HTTP/2, on
    /// all connections together; the others are reset. Read once, at the start.
    pub connections_max: usize,
    /// Connections of one address (IPv6: of one network of 64 bits); more are closed at once. As
    /// many streams of HTTP/2; more are reset.
    pub per_address_max: u32,
    /// From accepting until the first byte, and from the first byte of a request until the end of
    /// its head. A TLS handshake is part of the first.
    pub head_timeout: Duration,
    /// From an answer until the first byte of the next request.
    pub idle_timeout: Duration,
    /// How long a caller may take nothing of an answer that is there for it.
    pub write_timeout: Duration,
    /// Size of a request's head in bytes, request line included; beyond it 431 is answered. In
    /// HTTP/2 a head has at most 16 KiB, of which each field takes 32 bytes beside its own.
    pub head_bytes_max: usize,
    /// How long open answers may take once no connection is accepted any more.
    pub grace: Duration,
    /// TLS, where it is served; then nothing else is.
    pub tls: Option<ServerTls>,
    /// Where the connections that are open are counted. Read once, at the start.
    pub connections: Connections,
}

/// The other side of a connection, and what is to be known of the request it sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Peer {
    /// Its address.
    pub addr: SocketAddr,
    /// Why the request must not be served. Its connection closes behind the answer.
    pub fault: Option<Fault>,
}

/// How a listener comes to its end.
#[derive(Debug)]
pub struct Stopping<S, L> {
    /// Resolves when no connection is to be accepted any more.
    pub asked: S,
    /// Called when the grace is over. Then every answer is polled once more, so that it can say that
    /// it breaks off, and has [`LAST_WORD`] to be heard.
    pub over: L,
}

/// How long the last words of a listener may take.
pub const LAST_WORD: Duration = Duration::from_millis(500);

/// What a connection is to do.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Phase {
    Serve,
    /// Finish the request at hand and close.
    Finish,
    /// Say the last word and close.
    Last,
    /// Close now.
    Drop,
}

// === impl ListenerSettings ===

impl Default for ListenerSettings {
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            per_address_max: u32::MAX,
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            write_timeout: Duration::from_secs(30),
            head_bytes_max: 64 * 1024,
            grace: Duration::from_secs(30),
            tls: None,
            connections: Connections::default(),
        }
    }
}

/// Listens on `addr`, also while connections of an earlier process there are still closing.
pub async fn bind(addr: SocketAddr) -> io::Result<TcpListener> {
    let listening = || {
        let socket = if addr.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        socket.bind(addr)?;
        socket.listen(QUEUE)
    };
    listening().map_err(|error| explain(addr, &error))
}

/// What happened, and what to do about it.
fn explain(addr: SocketAddr, error: &io::Error) -> io::Error {
    let kind = error.kind();
    let text = if kind == io::ErrorKind::AddrInUse {
        format!(
            "{addr} is in use: something else, perhaps another backstop, listens there; \
             stop it or set `listen` to another address"
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

/// Answers the connections of `listener` with `handler` until it is asked to stop. Then no
/// connection is accepted, idle ones are closed, busy ones finish their request; what is not done
/// within the grace says its last word and is dropped.
///
/// New `settings` hold for connections from then on; where they admit other callers, by their
/// certificates, those who are connected finish what is at hand and have to connect again. The
/// handler's future, and the answer's body, are dropped as soon as the caller is seen to be gone. An
/// answer whose body fails breaks its connection, so that the caller sees that it was cut.
pub async fn serve<A, H, F, B>(
    listener: A,
    mut settings: watch::Receiver<ListenerSettings>,
    handler: H,
    stopping: Stopping<impl Future<Output = ()>, impl FnOnce()>,
) where
    A: Accept,
    H: Fn(Request<Incoming>, Peer) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let ListenerSettings { connections_max: cap, connections, .. } = settings.borrow().clone();
    let cap = u32::try_from(cap).unwrap_or(CAP_MAX).clamp(1, CAP_MAX);
    let room = Arc::new(Semaphore::new(cap as usize));
    let addresses = Addresses::default();
    let (streams, streaming) = (Arc::new(Semaphore::new(cap as usize)), Addresses::default());
    let mut phases = Phases::new();
    let mut tls = settings.borrow_and_update().tls.clone();
    let accepting = async {
        loop {
            let (stream, addr, permit) = tokio::select! {
                accepted = accept(&listener, &room) => accepted,
                Ok(()) = settings.changed() => {
                    let new = settings.borrow_and_update().tls.clone();
                    if !ServerTls::admit_the_same(tls.as_ref(), new.as_ref()) {
                        phases.renew();
                    }
                    tls = new;
                    continue;
                }
            };
            let settings = settings.borrow().clone();
            let per_address_max = settings.per_address_max;
            let Some(seat) = addresses.sit(addr.ip(), per_address_max) else {
                turn_away(&stream, addr);
                continue;
            };
            let streams = Streams {
                room: Arc::clone(&streams),
                addresses: streaming.clone(),
                address: addr.ip(),
                per_address_max,
            };
            let held = (connections.opened(), seat, permit);
            let place = Place::new(phases.join(), streams, held);
            let peer = Peer { addr, fault: None };
            let serving = connection::run(stream, settings, handler.clone(), peer, place);
            drop(tokio::spawn(serving));
        }
    };
    tokio::select! {
        () = accepting => {}
        () = stopping.asked => {}
    }
    drop(listener);
    phases.tell(Phase::Finish);
    let grace = settings.borrow().grace;
    if timeout(grace, all_back(&room, cap)).await.is_ok() {
        return;
    }
    tracing::warn!(?grace, "answers are broken off");
    (stopping.over)();
    phases.tell(Phase::Last);
    drop(timeout(LAST_WORD, all_back(&room, cap)).await);
    phases.tell(Phase::Drop);
    all_back(&room, cap).await;
}

/// One address has too many connections: a reset, which costs us nothing more.
fn turn_away(stream: &Tcp, addr: SocketAddr) {
    tracing::debug!(%addr, "too many connections of one address");
    if let Err(error) = stream.reset_on_close() {
        tracing::debug!(%error, "socket option refused");
    }
}

/// The next connection, once there is room for it.
async fn accept(
    listener: &impl Accept,
    room: &Arc<Semaphore>,
) -> (Tcp, SocketAddr, Option<OwnedSemaphorePermit>) {
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
