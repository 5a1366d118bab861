//! The open connections of one provider: idle HTTP/1.1 ones, and HTTP/2 ones with room.
//!
//! **Invariants:** a provider's connections are never another's (a bulkhead); at most
//! `idle_per_host` idle ones per origin, none older than `idle_timeout`; nothing is awaited while
//! the lock is held.

use std::collections::HashMap;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::http1::Http1;
use super::http2::{Http2, Stream};
use super::origin::Origin;

/// How many connections to an origin that speaks HTTP/2 are opened at a time: the others wait to
/// share them, instead of opening one each.
const DIALS_H2_MAX: usize = 2;

/// Idle connections are looked through this many times per idle timeout.
const SWEEPS: u32 = 4;
const SWEEP_MIN: Duration = Duration::from_millis(10);

/// The connections.
#[derive(Debug)]
pub(super) struct Pool {
    hosts: Mutex<HashMap<Origin, Host>>,
    idle_per_host: usize,
    idle_timeout: Duration,
    sweeping: AtomicBool,
}

/// A connection for one request.
#[derive(Debug)]
pub(super) enum Lease {
    One(Box<Http1>),
    Two(Stream),
}

#[derive(Debug, Default)]
struct Host {
    /// The most recently used is last, and is used first.
    ones: Vec<Idle>,
    twos: Vec<Arc<Http2>>,
    dials: Option<Arc<Semaphore>>,
}

#[derive(Debug)]
struct Idle {
    connection: Box<Http1>,
    since: Instant,
}

// === impl Pool ===

impl Pool {
    pub(super) fn new(idle_per_host: usize, idle_timeout: Duration) -> Self {
        let hosts = Mutex::new(HashMap::new());
        Self { hosts, idle_per_host, idle_timeout, sweeping: AtomicBool::new(false) }
    }

    /// An open connection, or nothing.
    pub(super) fn take(&self, origin: &Origin) -> Option<Lease> {
        loop {
            let Idle { mut connection, since } = {
                let mut hosts = self.hosts.lock();
                let host = hosts.get_mut(origin)?;
                let mut open = host.twos.iter().filter(|open| open.is_open());
                if let Some(stream) = open.find_map(|open| open.stream(true)) {
                    return Some(Lease::Two(stream));
                }
                host.ones.pop()?
            };
            connection.look();
            if since.elapsed() < self.idle_timeout && connection.is_idle() {
                return Some(Lease::One(connection));
            }
        }
    }

    /// Keeps a connection for the next request. `connection` is idle.
    pub(super) fn keep(self: &Arc<Self>, origin: &Origin, connection: Box<Http1>) {
        let idle = Idle { connection, since: Instant::now() };
        let surplus = {
            let mut hosts = self.hosts.lock();
            let host = hosts.entry(origin.clone()).or_default();
            if host.ones.len() < self.idle_per_host {
                host.ones.push(idle);
                None
            } else {
                Some(idle)
            }
        };
        drop(surplus);
        self.sweep_later();
    }

    /// Shares a new connection and takes the first stream on it.
    pub(super) fn share(
        self: &Arc<Self>,
        origin: &Origin,
        connection: Arc<Http2>,
    ) -> Option<Stream> {
        let stream = connection.stream(false);
        {
            let mut hosts = self.hosts.lock();
            let host = hosts.entry(origin.clone()).or_default();
            host.twos.push(connection);
            host.dials.get_or_insert_with(|| Arc::new(Semaphore::new(DIALS_H2_MAX)));
        }
        self.sweep_later();
        stream
    }

    /// Where to queue before opening a connection, for an origin known to speak HTTP/2.
    pub(super) fn dials(&self, origin: &Origin) -> Option<Arc<Semaphore>> {
        self.hosts.lock().get(origin)?.dials.clone()
    }

    /// Drops the idle connections of an origin: one was found dead, and its siblings are as old.
    pub(super) fn purge(&self, origin: &Origin) {
        let dead = self.hosts.lock().get_mut(origin).map(|host| mem::take(&mut host.ones));
        drop(dead);
    }

    /// Drops every connection that nobody uses.
    pub(super) fn close_idle(&self) {
        let mut idle = Vec::new();
        for host in self.hosts.lock().values_mut() {
            idle.append(&mut host.ones);
        }
        drop(idle);
    }

    /// Starts the sweeper, which ends when nothing is left. Without a runtime the next one starts it.
    fn sweep_later(self: &Arc<Self>) {
        if self.sweeping.swap(true, Ordering::AcqRel) {
            return;
        }
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(sweep_all(Arc::downgrade(self), self.idle_timeout))),
            Err(_) => self.sweeping.store(false, Ordering::Release),
        }
    }

    /// Drops what is old or ended. Returns whether anything is left.
    pub(super) fn sweep(&self) -> bool {
        let now = Instant::now();
        let mut old: Vec<Idle> = Vec::new();
        let mut ended: Vec<Arc<Http2>> = Vec::new();
        let mut hosts = self.hosts.lock();
        for host in hosts.values_mut() {
            old.extend(host.ones.extract_if(.., |idle| {
                idle.connection.look();
                now.saturating_duration_since(idle.since) >= self.idle_timeout
                    || !idle.connection.is_idle()
            }));
            ended.extend(
                host.twos.extract_if(.., |open| {
                    !open.is_open() || open.idle_for(now) >= self.idle_timeout
                }),
            );
        }
        let left = hosts.values().any(|host| !host.ones.is_empty() || !host.twos.is_empty());
        if !left {
            // Under the lock, so that whoever keeps one next starts the sweeper again.
            self.sweeping.store(false, Ordering::Release);
        }
        drop(hosts);
        drop((old, ended));
        left
    }
}

async fn sweep_all(pool: Weak<Pool>, idle_timeout: Duration) {
    let period = (idle_timeout / SWEEPS).max(SWEEP_MIN);
    loop {
        tokio::time::sleep(period).await;
        if !pool.upgrade().is_some_and(|pool| pool.sweep()) {
            return;
        }
    }
}
