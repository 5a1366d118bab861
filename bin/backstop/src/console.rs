//! The console beside the gateway: what it shows, and its life.

use crate::{out, process};
use anyhow::Context;
use config::{Config, ConsoleListen};
use console::{Bound, Console, Sight, Tally};
use gateway::Gateway;
use ir::{Invariant, Record};
use monitor::status::Status;
use monitor::{Gauges, Reloads};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use transport::{Clock, Connections, ListenerSettings};

/// What is counted outside of the gateway. Clones are the same counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts(Arc<Counted>);

#[derive(Debug, Default)]
struct Counted {
    tally: Tally,
    /// Records that could not be written.
    unwritten: AtomicU64,
    /// How often the configuration was read again.
    applied: AtomicU64,
    refused: AtomicU64,
}

/// Everything that the console shows.
#[derive(Debug)]
pub(crate) struct Watched {
    gateway: Gateway,
    /// Those of the gateway's callers.
    connections: Connections,
    counts: Counts,
    started_unix_ms: u64,
}

/// A console at work, or none.
#[derive(Debug)]
pub(crate) struct Running {
    stop: Option<oneshot::Sender<()>>,
    serving: Option<JoinHandle<()>>,
}

/// Takes the console's address, or the socket there that somebody opened before. Where nobody asked
/// for the address and it is not to be had, that is said.
pub(crate) async fn bind(
    listen: ConsoleListen,
    inherited: Option<TcpListener>,
) -> anyhow::Result<Option<TcpListener>> {
    if let Some(listener) = inherited.filter(|listener| is_at(listener, listen)) {
        return Ok(Some(listener));
    }
    match console::bind(listen).await.context("[console]")? {
        Bound::Here(listener) => Ok(Some(listener)),
        Bound::Off => Ok(None),
        Bound::Taken(error) => {
            out::say(&format!("no console, and so no metrics: {error} in [console]"));
            Ok(None)
        }
    }
}

/// Whether a socket listens where the configuration says; port 0 is any.
fn is_at(listener: &TcpListener, listen: ConsoleListen) -> bool {
    let (Ok(here), Some(wanted)) = (listener.local_addr(), listen.addr()) else { return false };
    here.ip() == wanted.ip() && [0, here.port()].contains(&wanted.port())
}

/// Where a listener really listens.
pub(crate) fn addr(listener: Option<&TcpListener>) -> Option<SocketAddr> {
    listener.and_then(|listener| listener.local_addr().ok())
}

/// Serves the console until it is stopped.
pub(crate) fn start(
    listener: Option<TcpListener>,
    settings: watch::Receiver<ListenerSettings>,
    watched: Watched,
) -> Running {
    let Some((listener, addr)) = listener.and_then(|it| it.local_addr().ok().map(|at| (it, at)))
    else {
        return Running { stop: None, serving: None };
    };
    let tally = watched.counts.0.tally.clone();
    let console = Console::new(Arc::new(watched), tally, addr);
    let (stop, stopped) = oneshot::channel::<()>();
    let stopping = async { stopped.await.unwrap_or_default() };
    let serving = tokio::spawn(console.serve(listener, settings, stopping));
    Running { stop: Some(stop), serving: Some(serving) }
}

// === impl Running ===

impl Running {
    /// Nobody new is answered: a successor answers at the same socket.
    pub(crate) fn close(&mut self) {
        if let Some(stop) = self.stop.take() {
            stop.send(()).unwrap_or_default();
        }
    }

    /// Stops it: the last to go, so that an end can be watched.
    pub(crate) async fn stop(mut self) {
        self.close();
        let Some(serving) = self.serving else { return };
        if let Err(error) = serving.await {
            out::say(&format!("the console did not end well: {error}"));
        }
    }
}

// === impl Counts ===

impl Counts {
    /// Takes a record in.
    pub(crate) fn take(&self, record: &Record) {
        self.0.tally.take(record);
    }

    /// A record could not be written.
    pub(crate) fn unwritten(&self) {
        self.0.unwritten.fetch_add(1, Ordering::Relaxed);
    }

    /// The configuration was read again, and taken over or not.
    pub(crate) fn reloaded(&self, applied: bool) {
        let count = if applied { &self.0.applied } else { &self.0.refused };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

// === impl Watched ===

impl Watched {
    pub(crate) fn new(
        gateway: Gateway,
        connections: Connections,
        counts: Counts,
        clock: Clock,
    ) -> Self {
        let since = clock.now().since(ir::Time::ZERO).as_millis();
        let since = u64::try_from(since).unwrap_or(u64::MAX);
        let started_unix_ms = clock.unix_ms().saturating_sub(since);
        Self { gateway, connections, counts, started_unix_ms }
    }
}

impl Sight for Watched {
    fn config(&self) -> Arc<Config> {
        self.gateway.config()
    }

    fn gauges(&self) -> Gauges {
        let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let (in_flight, queued) = self.gateway.load();
        let counted = &self.counts.0;
        Gauges {
            version: env!("CARGO_PKG_VERSION"),
            unwell: self.gateway.unwell(),
            hosts: self.gateway.hosts(),
            network_down: self.gateway.network_down(),
            local_first: self.gateway.is_declared_local(),
            draining: self.gateway.is_draining(),
            in_flight: number(in_flight),
            queued: number(queued),
            connections: number(self.connections.open()),
            records_dropped: self.gateway.records_dropped(),
            records_unwritten: read(&counted.unwritten),
            broken: Invariant::ALL.map(|invariant| (invariant, invariant.broken())).to_vec(),
            reloads: Reloads { applied: read(&counted.applied), refused: read(&counted.refused) },
            watched: self.gateway.watched(),
            process: process::measure(self.started_unix_ms),
        }
    }

    fn status(&self) -> Status {
        self.gateway.status()
    }

    fn is_draining(&self) -> bool {
        self.gateway.is_draining()
    }
}
