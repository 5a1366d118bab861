//! Requests to one provider: a connection, the head of the answer, and every trouble on the way
//! there as the [`Failure`] it was.
//!
//! The pool is our own, over HTTP/1.1 of our own and hyper's HTTP/2, and not hyper-util's `Client`,
//! because that one does not say whether a failed connection had been used before (stale or reset),
//! keeps handing out the siblings of a dead one, puts all HTTP/2 requests on one connection however
//! many streams the peer allows, and runs every connection in a task of its own.
//!
//! **Invariants:** nothing is retried once a byte of a request was written; redirects are not
//! followed; a provider's connections, lookups and TLS sessions are its own; nobody is connected to
//! but the proxy, addresses that were judged, and those that were written down.

mod answer;
mod connect;
mod dial;
mod http1;
mod http2;
mod observe;
mod origin;
mod pool;
mod resolve;
mod roots;
#[cfg(test)]
mod tests;
mod tunnel;
mod wire;

pub use answer::{Answer, AnswerBody};
#[cfg(any(test, fuzzing))]
pub(crate) use http1::proof;
pub use origin::Origin;
pub use resolve::{Resolver, interleave, judged};
pub use roots::Roots;
pub use tunnel::Via;

use std::fmt;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, header};
use ir::{Failure, Reach};
use parking_lot::Mutex;
use tokio::time::timeout;

use crate::{Net, Payload};
use connect::{Connector, Stage};
use http1::Http1;
use http2::{Http2, Lost, Stream};
use pool::{Lease, Pool};
use resolve::Lookup;
use tunnel::Tunnel;

/// How many pooled connections may turn out to be closed before a request is written on one. It is
/// not a retry: nothing left this process.
const CLOSED_MAX: usize = 4;

/// How to reach a provider.
#[derive(Clone, Debug)]
pub struct UpstreamSettings {
    /// For DNS, TCP and TLS together.
    pub connect: Duration,
    /// Who knows the addresses.
    pub resolver: Resolver,
    /// Where connections are opened.
    pub net: Net,
    /// Where a name may lead.
    pub reach: Reach,
    /// Where the name leads, whatever the resolver says. Empty: it is asked.
    pub addresses: Vec<IpAddr>,
    /// Whom to ask for a tunnel, in place of connecting.
    pub via: Option<Via>,
    /// Whom to trust.
    pub roots: Roots,
    /// How many idle HTTP/1.1 connections are kept per origin.
    pub idle_per_host: usize,
    /// How long an idle connection is kept; less than providers keep them.
    pub idle_timeout: Duration,
}

/// One provider. Clones share its connections.
#[derive(Clone)]
pub struct Upstream {
    shared: Arc<Shared>,
}

/// An answer to come. Dropping it gives the request up: its connection is closed, its stream reset.
pub struct Sending {
    future: Pin<Box<dyn Future<Output = Result<Answer, Failure>> + Send>>,
}

/// Why an upstream cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An extra root is not a certificate.
    #[error("a trusted certificate cannot be read: {0}")]
    Root(rustls::Error),
    /// The TLS library refuses its own defaults.
    #[error("TLS is not available: {0}")]
    Tls(rustls::Error),
}

struct Shared {
    connector: Connector,
    connect: Duration,
    pool: Arc<Pool>,
}

// === impl UpstreamSettings ===

impl Default for UpstreamSettings {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            resolver: Resolver::System,
            net: Net::Kernel,
            reach: Reach::default(),
            addresses: Vec::new(),
            via: None,
            roots: Roots::native(),
            idle_per_host: 64,
            idle_timeout: Duration::from_mins(1),
        }
    }
}

// === impl Upstream ===

impl Upstream {
    /// A provider without connections yet.
    pub fn new(settings: UpstreamSettings) -> Result<Self, Error> {
        let UpstreamSettings { resolver, net, reach, addresses, via, roots, .. } = settings;
        let tunnel = via.map(|via| {
            let asks = (resolver.clone(), net.clone());
            Tunnel::new(via, asks, addresses.clone())
        });
        let lookup = Lookup::new(resolver, reach, addresses);
        let connector = Connector::new((lookup, net), tunnel, &roots)?;
        let pool = Arc::new(Pool::new(settings.idle_per_host, settings.idle_timeout));
        let shared = Arc::new(Shared { connector, connect: settings.connect, pool });
        Ok(Self { shared })
    }

    /// Sends a request, whose address is absolute, and waits for the head of the answer. Only the
    /// way there has a deadline; waiting for the answer has none. Nothing happens before the first
    /// poll.
    pub fn send(&self, request: Request<Payload>) -> Sending {
        self.send_within(self.shared.connect, request)
    }

    /// Closes the connections that nobody uses.
    pub fn close_idle(&self) {
        self.shared.pool.close_idle();
    }

    /// The same with another deadline for DNS, TCP and TLS.
    pub fn send_within(&self, connect: Duration, request: Request<Payload>) -> Sending {
        let shared = Arc::clone(&self.shared);
        // In a box: each future on the way would have room for it.
        let request = Box::new(request);
        Sending { future: Box::pin(async move { shared.send(connect, request).await }) }
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream")
            .field("connector", &self.shared.connector)
            .field("connect", &self.shared.connect)
            .finish_non_exhaustive()
    }
}

// === impl Shared ===

impl Shared {
    async fn send(
        &self,
        connect: Duration,
        mut request: Box<Request<Payload>>,
    ) -> Result<Answer, Failure> {
        let origin = Origin::of(request.uri())?;
        for _ in 0..CLOSED_MAX {
            let stream = match self.lease(connect, &origin).await? {
                Lease::One(connection) => return self.on_one(origin, connection, request).await,
                Lease::Two(stream) => stream,
            };
            request = match on_two(stream, request).await {
                Ok(answer) => return Ok(answer),
                Err(Unserved::Failed(failure)) => return Err(failure),
                Err(Unserved::Unsent(request)) => request,
            };
        }
        Err(Failure::Unprocessed)
    }

    /// A pooled connection, or a new one within the deadline.
    async fn lease(&self, connect: Duration, origin: &Origin) -> Result<Lease, Failure> {
        if let Some(lease) = self.pool.take(origin) {
            return Ok(lease);
        }
        let stage = Mutex::new(Stage::Tcp);
        // In a box, which is gone when the request is sent.
        match timeout(connect, Box::pin(self.open(origin, &stage))).await {
            Ok(opened) => opened,
            Err(_) => Err(stage.into_inner().late()),
        }
    }

    async fn open(&self, origin: &Origin, stage: &Mutex<Stage>) -> Result<Lease, Failure> {
        let permit = match self.pool.dials(origin) {
            Some(dials) => dials.acquire_owned().await.ok(),
            None => None,
        };
        // Whoever held the permit before us may have opened one with room.
        if permit.is_some()
            && let Some(lease) = self.pool.take(origin)
        {
            return Ok(lease);
        }
        let wire = self.connector.open(origin, stage).await?;
        if !wire.speaks_h2() {
            return Ok(Lease::One(Box::new(Http1::new(wire))));
        }
        let connection = Http2::open(wire).await?;
        self.pool.share(origin, connection).map(Lease::Two).ok_or(Failure::Unprocessed)
    }

    async fn on_one(
        &self,
        origin: Origin,
        mut connection: Box<Http1>,
        mut request: Box<Request<Payload>>,
    ) -> Result<Answer, Failure> {
        *request.uri_mut() = origin::path_of(request.uri());
        origin.fill_host(request.headers_mut());
        let reused = connection.used();
        match connection.send(request).await {
            Ok(head) => {
                let home = (Arc::clone(&self.pool), origin);
                Ok(Answer::one(head, connection, reused, home))
            }
            Err(failure) => {
                tracing::debug!(?failure, "no answer");
                if failure == Failure::Stale {
                    self.pool.purge(&origin);
                }
                Err(failure)
            }
        }
    }
}

/// Why a connection brought no answer.
enum Unserved {
    Unsent(Box<Request<Payload>>),
    Failed(Failure),
}

async fn on_two(stream: Stream, mut request: Box<Request<Payload>>) -> Result<Answer, Unserved> {
    // The address says it.
    request.headers_mut().remove(header::HOST);
    match stream.send(request).await {
        Ok(response) => Ok(Answer::two(response, stream)),
        Err(Lost::Unsent(request)) if stream.reused() => {
            stream.retire();
            Err(Unserved::Unsent(request))
        }
        Err(Lost::Unsent(_)) => Err(Unserved::Failed(Failure::Unprocessed)),
        Err(Lost::Failed(error)) => {
            let failure = observe::failure(&error, stream.reused());
            tracing::debug!(?error, ?failure, "no answer");
            if observe::is_leaving(&error) {
                stream.retire();
            }
            Err(Unserved::Failed(failure))
        }
    }
}

// === impl Sending ===

impl Future for Sending {
    type Output = Result<Answer, Failure>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.future.as_mut().poll(cx)
    }
}

impl fmt::Debug for Sending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sending").finish_non_exhaustive()
    }
}
