//! The gateway: carries each request through the core, and decides nothing itself.
//!
//! ```text
//!   edge     bytes in: route, guard, key, body, head        → Ask | Refusal
//!   plan     configuration + head                           → policy::Plan
//!   drive    loop { obey the exchange, feed it what happens } → bytes out
//!   settle   exactly one Record per request
//! ```
//!
//! **Invariant:** there is one path. No endpoint has a pipeline, an error body or a log of its own.
//! Absent: any decision about retries, health or what to hold back; those are `policy`'s.

mod answer;
mod ask;
mod cross;
mod drive;
mod edge;
mod forward;
mod health;
mod models;
mod plan;
mod probe;
mod refusal;
mod respond;
mod settle;
mod watch;

pub use answer::{Answer, Broken};
pub use settle::Sink;

use config::Config;
use health::Locked;
use http::{Request, Response};
use hyper::body::Incoming;
use parking_lot::Mutex;
use policy::{Board, Learned, Member};
use settle::Settler;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::{sleep, timeout};
use transport::{Clock, Peer, Resolver, Roots, Upstream, UpstreamSettings, entropy};

/// What a gateway is made of.
#[derive(Debug)]
pub struct Setup {
    /// What to serve.
    pub config: Config,
    /// Who resolves names.
    pub resolver: Resolver,
    /// Whom to trust.
    pub roots: Roots,
    /// Where records go.
    pub sink: Sink,
    /// The clock of the process.
    pub clock: Clock,
}

/// A running gateway. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Gateway {
    shared: Arc<Shared>,
}

/// What every request may look at.
#[derive(Debug)]
struct Shared {
    config: Config,
    clock: Clock,
    health: Locked,
    /// How targets want to be asked.
    learned: Mutex<Learned>,
    /// One pool per provider: a provider that hangs uses up nobody else's connections.
    upstreams: Vec<Upstream>,
    settler: Settler,
    lists: models::Lists,
    draining: AtomicBool,
    /// Requests under way.
    open: AtomicUsize,
}

/// What a server leaves behind when it is dropped ends within this.
const ENDED_WITHIN: Duration = Duration::from_secs(1);

// === impl Gateway ===

impl Gateway {
    /// Makes a gateway that is ready to be asked.
    pub fn new(setup: Setup) -> Result<Self, transport::Error> {
        let Setup { config, resolver, roots, sink, clock } = setup;
        let upstreams = config
            .providers
            .iter()
            .map(|provider| {
                Upstream::new(UpstreamSettings {
                    connect: provider.deadlines.connect,
                    resolver: resolver.clone(),
                    roots: roots.clone(),
                    ..UpstreamSettings::default()
                })
            })
            .collect::<Result<_, _>>()?;
        let members: Vec<Member> = config
            .providers
            .iter()
            .map(|provider| Member {
                host: format!("{}:{}", provider.base_url.host, provider.base_url.port),
                local: provider.local,
                credentials: provider.credentials.len(),
            })
            .collect();
        let board = Board::new(&members, config.breakers, &config.retries, entropy());
        let shared = Shared {
            clock,
            health: Locked::new(board),
            learned: Mutex::default(),
            upstreams,
            settler: Settler::start(sink),
            lists: models::Lists::new(config.providers.len()),
            draining: AtomicBool::new(false),
            open: AtomicUsize::new(0),
            config,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Answers one request.
    pub async fn handle(self, request: Request<Incoming>, _peer: Peer) -> Response<Answer> {
        edge::serve(self.shared, request).await
    }

    /// Asks providers that are known to be down whether they are back, for free. Never returns.
    pub async fn probe(self) {
        probe::run(self.shared).await;
    }

    /// Readiness off: a stop was asked for.
    pub fn drain(&self) {
        self.shared.draining.store(true, Ordering::Relaxed);
    }

    /// Waits, for a moment, until every request has ended. To be called when the server is gone, and
    /// with it everybody who could still ask.
    pub async fn settled(&self) {
        let ended = async {
            while self.shared.open.load(Ordering::Relaxed) != 0 {
                sleep(Duration::from_millis(1)).await;
            }
        };
        if timeout(ENDED_WITHIN, ended).await.is_err() {
            tracing::warn!("requests are still under way and will not be recorded");
        }
    }

    /// Waits until every request that has ended is recorded.
    pub fn flush(&self) {
        self.shared.settler.flush();
    }

    /// Every target that is not well: `provider/model` and how it stands.
    pub fn unwell(&self) -> Vec<(String, &'static str)> {
        self.shared.unwell()
    }
}

// === impl Shared ===

impl Shared {
    fn unwell(&self) -> Vec<(String, &'static str)> {
        let unwell = self.health.lock().unwell();
        let name = |id: policy::ProviderId| {
            self.config.providers.get(id.0).map_or("", |provider| provider.name.as_str())
        };
        unwell
            .into_iter()
            .map(|(id, model, word)| (format!("{}/{model}", name(id)), word))
            .collect()
    }
}
