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
mod memory;
mod models;
mod owners;
mod plan;
mod probe;
mod refusal;
mod respond;
mod settle;
mod unsaid;
mod watch;
mod watching;
mod way;

pub use answer::{Answer, Broken};
pub use memory::resident_bytes;
pub use settle::Sink;
pub use watching::{Prober, Probing, Watching};
pub use way::over;

use config::{Config, Provider};
use edge::{Gate, Uploads};
use health::Locked;
use http::{Request, Response};
use hyper::body::Incoming;
use memory::Gauge;
use owners::{Account, Owner, Owners};
use parking_lot::{Mutex, RwLock};
use policy::{Board, Learned, Member, ProviderId};
use settle::Settler;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::time::{sleep, timeout};
use transport::{Clock, Entropy, Outside, Peer, Resolver, Roots, Upstream, UpstreamSettings};
use unsaid::Unsaid;
use watching::Watches;

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
    live: Arc<Live>,
}

/// The configuration that holds now, and what outlives it.
#[derive(Debug)]
struct Live {
    now: RwLock<Arc<Shared>>,
    resolver: Resolver,
    roots: Roots,
    outside: Outside,
    /// Providers of this configuration, and of earlier ones that somebody may still ask.
    known: Mutex<Vec<Weak<Served>>>,
}

/// What every request may look at: one configuration, from its beginning to its end.
#[derive(Debug)]
struct Shared {
    config: Arc<Config>,
    clock: Clock,
    entropy: Entropy,
    health: Arc<Locked>,
    /// How targets want to be asked.
    learned: Arc<Mutex<Learned>>,
    /// In the order of the configuration.
    served: Vec<Arc<Served>>,
    settler: Arc<Settler>,
    lists: models::Lists,
    /// Who keeps what later requests may name.
    owners: Arc<Owners>,
    /// Who watches each provider.
    watches: Arc<Mutex<Watches>>,
    state: Arc<State>,
}

/// A provider that is asked. It lives as long as a configuration that names it, and as long as a
/// request that began under one.
#[derive(Debug)]
struct Served {
    id: ProviderId,
    /// A pool of its own: a provider that hangs uses up nobody else's connections.
    upstream: Upstream,
    /// What must not come back from it.
    unsaid: Arc<Unsaid>,
    /// Who asks there, by its credentials.
    accounts: Vec<Account>,
}

/// Where the process stands.
#[derive(Debug, Default)]
struct State {
    draining: AtomicBool,
    /// The grace is over: whatever is under way ends now.
    over: AtomicBool,
    /// Requests under way.
    open: AtomicUsize,
    /// Who may begin, and who waits.
    gate: Gate,
    /// Bodies that have begun and are not complete.
    uploads: Uploads,
    /// How much memory is left.
    memory: Gauge,
}

/// What a server leaves behind when it is dropped ends within this.
const ENDED_WITHIN: Duration = Duration::from_secs(1);

// === impl Gateway ===

impl Gateway {
    /// Makes a gateway that is ready to be asked.
    pub fn new(setup: Setup) -> Result<Self, transport::Error> {
        Self::within(setup, Outside::default())
    }

    /// The same within another network, and with other chances, than the machine's.
    pub fn within(setup: Setup, outside: Outside) -> Result<Self, transport::Error> {
        let Setup { config, resolver, roots, sink, clock } = setup;
        let entropy = outside.entropy.clone();
        let board = Board::new(&[], config.breakers, &config.retries, entropy.draw());
        let nothing = Shared {
            config: Arc::default(),
            clock,
            entropy,
            health: Arc::new(Locked::new(board)),
            learned: Arc::default(),
            served: Vec::new(),
            settler: Arc::new(Settler::start(sink)),
            lists: models::Lists::new(0),
            owners: Arc::default(),
            watches: Arc::default(),
            state: Arc::default(),
        };
        let known = Mutex::default();
        let now = RwLock::new(Arc::new(nothing));
        let live = Live { now, resolver, roots, outside, known };
        let gateway = Self { live: Arc::new(live) };
        gateway.reload(config)?;
        Ok(gateway)
    }

    /// Serves by another configuration from now on; requests under way go on as they began. What is
    /// known of a provider that stays as it was stays known. An error changes nothing.
    pub fn reload(&self, config: Config) -> Result<(), transport::Error> {
        self.forget();
        let mut known = self.live.known.lock();
        let old = self.live.now();
        let mut served = Vec::new();
        for provider in &config.providers {
            let mut same = old.config.providers.iter().zip(&old.served);
            served.push(match same.find(|(other, _)| provider.is_same(other)) {
                Some((_, served)) => Ok(Arc::clone(served)),
                None => Err(self.live.upstream(provider)?),
            });
        }
        // From here on nothing can fail.
        let mut board = old.health.lock();
        board.configure(config.breakers, &config.retries);
        let joined = config.providers.iter().zip(served).map(|(provider, served)| {
            served.unwrap_or_else(|upstream| {
                let id = board.join(&member(provider));
                let unsaid = Arc::new(Unsaid::of(provider));
                let accounts = old.owners.digests().accounts(provider);
                let served = Arc::new(Served { id, upstream, unsaid, accounts });
                known.push(Arc::downgrade(&served));
                served
            })
        });
        let served = joined.collect();
        drop(board);
        let new = Shared {
            clock: old.clock,
            entropy: old.entropy.clone(),
            health: Arc::clone(&old.health),
            learned: Arc::clone(&old.learned),
            settler: Arc::clone(&old.settler),
            owners: Arc::clone(&old.owners),
            watches: Arc::clone(&old.watches),
            state: Arc::clone(&old.state),
            lists: models::Lists::new(config.providers.len()),
            served,
            config: Arc::new(config),
        };
        *self.live.now.write() = Arc::new(new);
        Ok(())
    }

    /// Where records go from now on.
    pub fn redirect(&self, sink: Sink) {
        self.live.now().settler.redirect(sink);
    }

    /// Answers one request.
    pub fn handle(
        self,
        request: Request<Incoming>,
        peer: Peer,
    ) -> impl Future<Output = Response<Answer>> + Send {
        edge::serve(self.live.now(), request, peer)
    }

    /// Asks providers that are known to be down whether they are back, for free. Never returns.
    pub async fn probe(self) {
        probe::run(self).await;
    }

    /// Watches providers: is it them, or is it me? Never returns.
    pub async fn watch(self, watching: Watching) {
        watching::run(self, watching).await;
    }

    /// How every provider stands, and whose fault it is.
    pub fn status(&self) -> monitor::status::Status {
        self.live.now().status()
    }

    /// The same of each provider in brief, without targets and traffic; nothing where nobody watches.
    pub fn watched(&self) -> Vec<monitor::status::Provider> {
        self.live.now().watched()
    }

    /// Readiness off: a stop was asked for.
    pub fn drain(&self) {
        self.live.now().state.draining.store(true, Ordering::Relaxed);
    }

    /// Whatever is under way ends when it is next polled, with an error that says why.
    pub fn end(&self) {
        self.live.now().state.over.store(true, Ordering::Relaxed);
    }

    /// Waits, for a moment, until every request has ended. To be called when the server is gone, and
    /// with it everybody who could still ask.
    pub async fn settled(&self) {
        let state = Arc::clone(&self.live.now().state);
        let ended = async {
            while state.open.load(Ordering::Relaxed) != 0 {
                sleep(Duration::from_millis(1)).await;
            }
        };
        if timeout(ENDED_WITHIN, ended).await.is_err() {
            tracing::warn!("requests are still under way and will not be recorded");
        }
    }

    /// Waits until every request that has ended is recorded, but not longer than this.
    pub fn flush(&self, within: Duration) {
        self.live.now().settler.flush(within);
    }

    /// The configuration that holds now.
    pub fn config(&self) -> Arc<Config> {
        Arc::clone(&self.live.now().config)
    }

    /// Records that were dropped because their sink was too slow.
    pub fn records_dropped(&self) -> u64 {
        self.live.now().settler.dropped()
    }

    /// Whether every remote host fails at once.
    pub fn network_down(&self) -> bool {
        self.live.now().health.lock().network_down()
    }

    /// Whether a verdict puts targets on this machine first.
    pub fn is_declared_local(&self) -> bool {
        self.live.now().health.lock().is_declared_local()
    }

    /// Every host of a provider, `host:port`, and whether requests enter it freely.
    pub fn hosts(&self) -> Vec<(String, bool)> {
        let shared = self.live.now();
        let board = shared.health.lock();
        board.hosts().map(|(host, up)| (host.to_owned(), up)).collect()
    }

    /// Every target that is not well: `provider/model` and how it stands.
    pub fn unwell(&self) -> Vec<(String, &'static str)> {
        self.live.now().unwell()
    }

    /// How many requests are under way, and how many wait for their turn.
    pub fn load(&self) -> (usize, usize) {
        self.live.now().state.gate.count()
    }

    /// Whether a stop was asked for.
    pub fn is_draining(&self) -> bool {
        self.live.now().state.draining.load(Ordering::Relaxed)
    }

    /// Forgets providers that no configuration names any more, once nobody is under way to them.
    fn forget(&self) {
        let shared = self.live.now();
        let mut known = self.live.known.lock();
        known.retain(|served| served.strong_count() != 0);
        let here: Vec<ProviderId> = known.iter().filter_map(|it| Some(it.upgrade()?.id)).collect();
        let gone = shared.health.lock().leave_all_but(&here);
        let mut learned = shared.learned.lock();
        for id in gone {
            learned.forget(id);
        }
    }
}

/// A provider as the board must know it.
fn member(provider: &Provider) -> Member {
    Member {
        host: way::host(provider),
        local: provider.local,
        credentials: provider.credentials.len(),
    }
}

// === impl Live ===

impl Live {
    fn now(&self) -> Arc<Shared> {
        Arc::clone(&self.now.read())
    }

    fn upstream(&self, provider: &Provider) -> Result<Upstream, transport::Error> {
        let settings = way::settings(provider, &self.resolver, &self.roots);
        Upstream::new(UpstreamSettings { net: self.outside.net.clone(), ..settings })
    }
}

// === impl Shared ===

impl Shared {
    /// A provider of this configuration, and the way to it.
    fn provider(&self, id: ProviderId) -> Option<(&Provider, &Served)> {
        let mut all = self.config.providers.iter().zip(&self.served);
        all.find(|(_, served)| served.id == id).map(|(it, served)| (it, &**served))
    }

    /// Who keeps something, where this configuration names both the provider and the account: with the
    /// place of its credential.
    fn keeper(&self, owner: &Owner) -> Option<(&Provider, &Served, usize)> {
        let mut all = self.config.providers.iter().zip(&self.served);
        let (provider, served) = all.find(|(provider, _)| *provider.name == *owner.provider)?;
        let credential = served.accounts.iter().position(|account| *account == owner.account)?;
        Some((provider, served, credential))
    }

    fn unwell(&self) -> Vec<(String, &'static str)> {
        let unwell = self.health.lock().unwell();
        // One that was taken out of the configuration is nobody's concern any more.
        let known = unwell.into_iter().filter_map(|(id, model, word)| {
            let (provider, _) = self.provider(id)?;
            Some((format!("{}/{model}", provider.name), word))
        });
        known.collect()
    }
}
