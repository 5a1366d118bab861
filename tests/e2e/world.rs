//! The world of a test: fake clouds, a gateway between them and a raw client.
//!
//! **Invariants:** every wait ends by itself; nothing sleeps; a world that stopped broke no
//! invariant of `ir`, and has nothing listening any more. Deadlines are those of the product unless
//! a test sets its own, so that a slow machine changes no count.

mod call;
mod canned;
mod line;
mod pairing;
mod said;
mod sent;

pub(crate) use call::{Call, Heard, Request, path};
pub(crate) use canned::{Act, Canned};
pub(crate) use line::Line;
pub(crate) use pairing::Pairing;
pub(crate) use said::{Said, json};
pub(crate) use sent::sent;

use drill::provider::Provider;
use gateway::{Gateway, Setup, Sink, Watching};
use ir::{Dialect, Invariant, Record, Shape};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{Notify, oneshot, watch};
use tokio::task::JoinHandle;
use transport::{Clock, ListenerSettings, Resolver, Roots, Stopping};

/// No wait of a test lasts longer: what has not happened by then does not happen.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// Fake clouds, and a gateway between them and whoever asks.
#[derive(Debug)]
pub(crate) struct World {
    /// The clouds, in the order they were given.
    clouds: Vec<Provider>,
    addr: SocketAddr,
    gateway: Gateway,
    kept: Arc<Kept>,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
    probing: JoinHandle<()>,
    watching: Option<JoinHandle<()>>,
}

/// What a world is made of.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// `{name}` stands for the base URL of the cloud of this name.
    toml: String,
    clouds: Vec<Provider>,
    names: BTreeMap<String, String>,
    files: BTreeMap<String, String>,
    resolver: Resolver,
    roots: Roots,
    watching: Option<Watching>,
}

/// The records so far.
#[derive(Debug, Default)]
struct Kept {
    records: Mutex<Vec<Record>>,
    changed: Notify,
}

// === impl Plan ===

impl Plan {
    /// A world of this configuration.
    pub(crate) fn new(toml: impl Into<String>) -> Self {
        Self { toml: toml.into(), ..Self::default() }
    }

    /// With clouds of these names.
    pub(crate) async fn clouds(mut self, names: &[&str]) -> Self {
        for name in names {
            self.clouds.push(Provider::named(name).start().await.expect("a free port"));
        }
        self
    }

    /// With this cloud.
    pub(crate) fn cloud(mut self, cloud: Provider) -> Self {
        self.clouds.push(cloud);
        self
    }

    /// `{name}` stands for this address.
    pub(crate) fn at(mut self, name: &str, base_url: impl Into<String>) -> Self {
        self.names.insert(name.to_owned(), base_url.into());
        self
    }

    /// With a file that the configuration may name.
    pub(crate) fn file(mut self, path: &str, text: impl Into<String>) -> Self {
        self.files.insert(path.to_owned(), text.into());
        self
    }

    pub(crate) fn resolver(mut self, resolver: Resolver) -> Self {
        self.resolver = resolver;
        self
    }

    pub(crate) fn roots(mut self, roots: Roots) -> Self {
        self.roots = roots;
        self
    }

    /// Its providers are watched.
    pub(crate) fn watched(mut self, watching: Watching) -> Self {
        self.watching = Some(watching);
        self
    }

    /// Starts it.
    pub(crate) async fn start(self) -> World {
        let Self { toml, clouds, names, files, resolver, roots, watching } = self;
        let mut toml = addressed(toml, &clouds);
        for (name, url) in &names {
            toml = toml.replace(&format!("{{{name}}}"), url);
        }
        let config = match config::load(&toml, &Around(files)) {
            Ok(config) => config,
            Err(problems) => panic!("{problems:#?}\n{toml}"),
        };
        let kept = Arc::new(Kept::default());
        let sink = Arc::clone(&kept);
        let setup = Setup {
            config: config.clone(),
            resolver,
            roots,
            sink: Sink::new(move |record| sink.keep(record)),
            clock: Clock::start(),
        };
        let gateway = Gateway::new(setup).expect("a gateway");
        let listener = transport::bind(([127, 0, 0, 1], 0).into()).await.expect("a free port");
        let addr = listener.local_addr().expect("its port");
        let (_, settings) = watch::channel(ListenerSettings {
            head_timeout: config.server.head_timeout,
            grace: Duration::ZERO,
            ..ListenerSettings::default()
        });
        let (stop, stopped) = oneshot::channel::<()>();
        let handler = {
            let gateway = gateway.clone();
            move |request, peer| gateway.clone().handle(request, peer)
        };
        let asked = async { stopped.await.unwrap_or_default() };
        let ending = gateway.clone();
        let stopping = Stopping { asked, over: move || ending.end() };
        let serving = transport::serve(listener, settings, handler, stopping);
        World {
            clouds,
            addr,
            kept,
            stop: Some(stop),
            serving: tokio::spawn(serving),
            probing: tokio::spawn(gateway.clone().probe()),
            watching: watching.map(|it| tokio::spawn(gateway.clone().watch(it))),
            gateway,
        }
    }
}

// === impl World ===

impl World {
    /// The usual world: the clouds `a` and `b` as remote providers with keys of ours, and every
    /// model served by `a` under the name that was asked for, then by `b`, which is well.
    /// `settings` are lines such as `deadlines.patience = "100ms"`.
    pub(crate) async fn pair(dialect: Dialect, settings: &str) -> Self {
        Plan::new(pair(dialect, settings)).clouds(&["a", "b"]).await.start().await
    }

    /// The same with `a` alone.
    pub(crate) async fn single(dialect: Dialect, settings: &str) -> Self {
        Plan::new(alone(dialect, settings)).clouds(&["a"]).await.start().await
    }

    /// A cloud, by its place.
    pub(crate) fn cloud(&self, place: usize) -> &Provider {
        &self.clouds[place]
    }

    /// The first cloud.
    pub(crate) fn a(&self) -> &Provider {
        self.cloud(0)
    }

    /// The second cloud.
    pub(crate) fn b(&self) -> &Provider {
        self.cloud(1)
    }

    /// How many answers each cloud was asked for.
    pub(crate) fn calls(&self) -> Vec<usize> {
        let asked = |cloud: &Provider| cloud.log().iter().filter(|it| it.method == "POST").count();
        self.clouds.iter().map(asked).collect()
    }

    /// Where the gateway listens.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(crate) fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// Serves by another configuration from now on, with the same clouds.
    pub(crate) fn reload(&self, toml: impl Into<String>) {
        let toml = addressed(toml.into(), &self.clouds);
        let config = config::load(&toml, &Around(BTreeMap::new())).expect("a configuration");
        self.gateway.reload(config).expect("a way to everybody");
    }

    /// Sends a request, on a connection of its own.
    pub(crate) async fn send(&self, request: &Request) -> Call {
        Call::send(self.addr, request).await
    }

    /// Sends a request and hears everything.
    pub(crate) async fn hear(&self, request: &Request) -> Heard {
        self.send(request).await.finish().await
    }

    /// Asks for an answer and hears everything.
    pub(crate) async fn ask(&self, dialect: Dialect, shape: Shape, model: &str) -> Heard {
        self.hear(&Request::ask(dialect, shape, model)).await
    }

    /// The records, once there are `count`, and proof that there are no more.
    pub(crate) async fn records(&self, count: usize) -> Vec<Record> {
        let records = self.records_at_least(count).await;
        assert_eq!(records.len(), count, "{records:#?}");
        records
    }

    /// The records, once there are so many.
    pub(crate) async fn records_at_least(&self, count: usize) -> Vec<Record> {
        let enough = async {
            loop {
                let changed = self.kept.changed.notified();
                if count <= self.kept.records.lock().len() {
                    return;
                }
                changed.await;
            }
        };
        let in_time = tokio::time::timeout(LIMIT, enough).await;
        self.gateway.flush(LIMIT);
        let records = self.kept.records.lock().clone();
        assert!(in_time.is_ok(), "{count} records, not {records:#?}");
        records
    }

    /// The only record so far.
    pub(crate) async fn record(&self) -> Record {
        self.records(1).await.remove(0)
    }

    /// Stops it. Whoever is still served is cut off.
    pub(crate) async fn stop(mut self) {
        self.probing.abort();
        if let Some(watching) = &self.watching {
            watching.abort();
        }
        drop(self.stop.take());
        tokio::time::timeout(LIMIT, &mut self.serving).await.expect("it stops").expect("no panic");
        self.gateway.flush(LIMIT);
        for invariant in Invariant::ALL {
            assert_eq!(invariant.broken(), 0, "{invariant:?}");
        }
    }
}

/// With the address of each cloud in the place of `{name}`.
fn addressed(mut toml: String, clouds: &[Provider]) -> String {
    for cloud in clouds {
        toml = toml.replace(&format!("{{{}}}", cloud.name()), &cloud.base_url());
    }
    toml
}

/// Tests all dialects at once: most of it is waiting.
pub(crate) async fn each(test: impl AsyncFn(Dialect)) {
    let [one, two, three] = Dialect::ALL;
    tokio::join!(Box::pin(test(one)), Box::pin(test(two)), Box::pin(test(three)));
}

/// The dialects that cross.
pub(crate) const CROSSABLE: [Dialect; 2] = [Dialect::Chat, Dialect::Messages];

/// Tests those that cross, at once.
pub(crate) async fn each_that_crosses(test: impl AsyncFn(Dialect)) {
    let [one, other] = CROSSABLE;
    tokio::join!(test(one), test(other));
}

/// Retries without pauses worth mentioning, so that tests need not wait for them.
const QUICK: &str = "retry.backoff = \"1ms\"\n";

/// What breaks after content is told at once: that it is gone on with has tests of its own.
const STOP: &str = "midstream = \"stop\"\n";

/// The configuration of [`World::pair`].
pub(crate) fn pair(dialect: Dialect, settings: &str) -> String {
    let (a, b) = (provider(dialect, "a"), provider(dialect, "b"));
    format!("{QUICK}{settings}\n{a}{b}[models.\"*\"]\nchain = [\"a/*\", \"b/ok\"]\n{STOP}")
}

/// The configuration of [`World::single`].
pub(crate) fn alone(dialect: Dialect, settings: &str) -> String {
    let a = provider(dialect, "a");
    format!("{QUICK}{settings}\n{a}[models.\"*\"]\nchain = [\"a/*\"]\n{STOP}")
}

/// The same, where what breaks after content is gone on with, as it is shipped.
pub(crate) fn continuing(text: &str) -> String {
    text.replace(STOP, "")
}

/// The same, where whole answers are asked for as they are.
pub(crate) fn plain(text: &str) -> String {
    text.replace("chain = [", "whole = \"plain\"\nchain = [")
}

/// A remote provider with a key of ours, `sk-NAME`, at `{NAME}`.
pub(crate) fn provider(dialect: Dialect, name: &str) -> String {
    let dialect = dialect.name();
    format!(
        "[providers.{name}]\ndialect = \"{dialect}\"\nbase_url = \"{{{name}}}\"\n\
         api_key = \"env:KEY_{name}\"\nlocal = false\n"
    )
}

// === impl Kept ===

impl Kept {
    fn keep(&self, record: &Record) {
        self.records.lock().push(record.clone());
        self.changed.notify_waiters();
    }
}

/// An environment of a few files, in which every `KEY_NAME` is `sk-NAME`.
struct Around(BTreeMap<String, String>);

impl config::Surroundings for Around {
    fn env(&self, name: &str) -> Option<String> {
        Some(format!("sk-{}", name.strip_prefix("KEY_")?))
    }

    fn file(&self, path: &str) -> Result<String, String> {
        self.0.get(path).cloned().ok_or_else(|| format!("there is no file {path}"))
    }
}

/// An address at which nobody accepts: the queue of its listener is full. It stays so while what
/// comes with it lives.
pub(crate) async fn unanswered() -> (SocketAddr, Vec<OwnedFd>) {
    const QUEUE_MAX: usize = 64;
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(([127, 0, 0, 1], 0).into()).expect("a free port");
    let listener = socket.listen(1).expect("a listener");
    let addr = listener.local_addr().expect("its port");
    let mut held = vec![OwnedFd::from(listener.into_std().expect("a listener"))];
    while held.len() < QUEUE_MAX {
        let connecting = TcpStream::connect(addr);
        match tokio::time::timeout(Duration::from_millis(500), connecting).await {
            Ok(Ok(stream)) => held.push(stream.into_std().expect("a stream").into()),
            Ok(Err(_)) | Err(_) => break,
        }
    }
    (addr, held)
}
