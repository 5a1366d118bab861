//! What all servers of the lab have in common: an address, a memory, and an end.
//!
//! **Invariants:** a server that is dropped accepts nothing more and cuts what it has open; it holds
//! no more than [`OPEN_MAX`] connections, and remembers no more than [`LOG_MAX`] questions.

use anyhow::{Context, Result};
use parking_lot::Mutex;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// The most connections that a server has open.
pub const OPEN_MAX: usize = 256;
/// The most questions that a server remembers.
pub const LOG_MAX: usize = 4096;
/// Any port of the loopback.
pub const ANY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A server that runs. Dropped, it stops.
#[derive(Debug)]
pub struct Server {
    addr: SocketAddr,
    log: Log,
    tasks: Vec<JoinHandle<()>>,
}

/// What a server was asked, in the order it came.
#[derive(Clone, Debug, Default)]
pub struct Log(Arc<Mutex<Vec<String>>>);

// === impl Server ===

impl Server {
    /// Accepts connections at an address and serves each with `serve`.
    pub async fn tcp<F, S>(at: SocketAddr, log: Log, serve: S) -> Result<Self>
    where
        S: Fn(TcpStream) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind(at).await.with_context(|| format!("binding {at}"))?;
        Self::accepting(listener, log, serve)
    }

    /// The same with a listener that is there already.
    pub fn accepting<F, S>(listener: TcpListener, log: Log, serve: S) -> Result<Self>
    where
        S: Fn(TcpStream) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let addr = listener.local_addr()?;
        let task = tokio::spawn(accept(listener, serve));
        Ok(Self { addr, log, tasks: vec![task] })
    }

    /// One that somebody else made of these tasks.
    pub fn of(addr: SocketAddr, log: Log, tasks: Vec<JoinHandle<()>>) -> Self {
        Self { addr, log, tasks }
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What it was asked so far.
    pub fn asked(&self) -> Vec<String> {
        self.log.0.lock().clone()
    }

    /// How many questions came so far; no more than [`LOG_MAX`] are counted.
    pub fn count(&self) -> usize {
        self.log.0.lock().len()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

// === impl Log ===

impl Log {
    /// Remembers a question.
    pub fn note(&self, question: String) {
        let mut log = self.0.lock();
        if log.len() < LOG_MAX {
            log.push(question);
        }
    }
}

/// Accepts until it is dropped, which ends its connections too.
async fn accept<F, S>(listener: TcpListener, serve: S)
where
    S: Fn(TcpStream) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let mut open = JoinSet::new();
    loop {
        while open.try_join_next().is_some() {}
        if OPEN_MAX <= open.len() {
            open.join_next().await;
        }
        match listener.accept().await {
            Ok((stream, _)) => {
                open.spawn(serve(stream));
            }
            // Out of descriptors, or a caller that left before it was accepted.
            Err(_) => tokio::task::yield_now().await,
        }
    }
}
