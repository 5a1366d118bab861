//! The console: a listener apart, where those who watch read how it goes.
//!
//! **Invariants:** only the routes of `route::OPEN` are answered without a key where one is
//! required; where none is, only this machine is answered. It reads no body, asks no provider and
//! changes nothing. No answer carries a header that lets a foreign page read it.
//!
//! Absent: the gateway. What is to be seen is handed in as a [`Sight`].

mod bind;
mod guard;
mod respond;
mod route;
mod tally;

#[cfg(test)]
mod tests;

pub use bind::{Bound, bind};
pub use tally::Tally;

use bytes::Bytes;
use config::Config;
use http::request::Parts;
use http::{Method, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use monitor::Gauges;
use monitor::status::Status;
use respond::Refusal;
use route::Route;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use transport::{ListenerSettings, Peer, Stopping};

/// What the console shows, and whom it asks who may see it.
pub trait Sight: Send + Sync + 'static {
    /// The configuration that holds now: its keys.
    fn config(&self) -> Arc<Config>;
    /// How it stands now.
    fn gauges(&self) -> Gauges;
    /// How every provider stands, and whose fault it is.
    fn status(&self) -> Status;
    /// Whether a stop was asked for.
    fn is_draining(&self) -> bool;
}

/// The console. Clones are the same one.
#[derive(Clone)]
pub struct Console {
    sight: Arc<dyn Sight>,
    tally: Tally,
    /// Where it listens.
    listen: SocketAddr,
}

/// Few watch, and none of them for long.
const CONNECTIONS_MAX: usize = 64;
/// A stop waits this long for those who are still reading.
/// One who takes up all places must not keep the others from looking.
const PER_ADDRESS_MAX: u32 = 16;
const GRACE: Duration = Duration::from_secs(1);

// === impl Console ===

impl Console {
    /// A console that listens at `listen`.
    pub fn new(sight: Arc<dyn Sight>, tally: Tally, listen: SocketAddr) -> Self {
        Self { sight, tally, listen }
    }

    /// Answers the connections of `listener` until `stop` resolves, and for a moment after it. Beyond
    /// loopback it speaks TLS where the gateway's listener, whose settings these are, does: keys are
    /// shown to it.
    pub async fn serve(
        self,
        listener: TcpListener,
        mut gateways: watch::Receiver<ListenerSettings>,
        stop: impl Future<Output = ()>,
    ) {
        let here = self.listen.ip().is_loopback();
        let settings = |gateways: &ListenerSettings| ListenerSettings {
            connections_max: CONNECTIONS_MAX,
            per_address_max: PER_ADDRESS_MAX,
            grace: GRACE,
            tls: gateways.tls.clone().filter(|_| !here),
            ..ListenerSettings::default()
        };
        let ours = watch::Sender::new(settings(&gateways.borrow()));
        let handler = move |request, peer| self.clone().handle(request, peer);
        let stopping = Stopping { asked: stop, over: || {} };
        let following = async {
            while gateways.changed().await.is_ok() {
                ours.send_replace(settings(&gateways.borrow_and_update()));
            }
            // Nobody changes them any more.
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = transport::serve(listener, ours.subscribe(), handler, stopping) => {}
            () = following => {}
        }
    }

    /// Answers one request.
    async fn handle(self, request: Request<Incoming>, peer: Peer) -> Response<Full<Bytes>> {
        let (parts, _) = request.into_parts();
        let answered = match peer.fault {
            Some(fault) => Err(Refusal::odd(fault)),
            None => self.answer(&parts).await,
        };
        answered.unwrap_or_else(|refusal| respond::refusal(&refusal))
    }

    async fn answer(&self, parts: &Parts) -> Result<Response<Full<Bytes>>, Refusal> {
        let path = parts.uri.path();
        let found = route::find(path);
        guard::admit(&self.sight.config(), self.listen, &parts.headers, found)?;
        let Some(route) = found else { return Err(Refusal::unknown(path)) };
        if !matches!(parts.method, Method::GET | Method::HEAD) {
            return Err(Refusal::wrong_method(path, &parts.method));
        }
        match route {
            Route::Root => Ok(respond::root()),
            Route::Health => Ok(respond::status("ok")),
            Route::Ready if self.sight.is_draining() => Ok(respond::unready("stopping")),
            Route::Ready => Ok(respond::status("ready")),
            Route::Metrics => self.metrics().await,
            Route::Status => self.status().await,
        }
    }

    /// The page is made away from the threads that serve: it may be long, and it reads files.
    async fn metrics(&self) -> Result<Response<Full<Bytes>>, Refusal> {
        let (sight, tally) = (Arc::clone(&self.sight), self.tally.clone());
        let made = tokio::task::spawn_blocking(move || tally.page(&sight.gauges())).await;
        made.map(respond::page).map_err(|error| {
            tracing::error!(%error, "the page of metrics was not made");
            Refusal::unmade()
        })
    }
}

impl Console {
    /// It sums up what attempts met: away from the threads that serve, too.
    async fn status(&self) -> Result<Response<Full<Bytes>>, Refusal> {
        let sight = Arc::clone(&self.sight);
        let made = tokio::task::spawn_blocking(move || respond::stands(&sight.status())).await;
        made.map_err(|error| {
            tracing::error!(%error, "the status was not made");
            Refusal::unmade()
        })?
    }
}

impl fmt::Debug for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Console").field("listen", &self.listen).finish_non_exhaustive()
    }
}
