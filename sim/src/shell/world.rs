//! One world: the gateway as it is shipped, fake providers, callers, and what goes wrong between them.
//!
//! Everybody is a host of one `turmoil` simulation: one thread, one network, one time, which costs as
//! long as it takes to live through it and no longer.
//!
//! **Invariant:** a world is its plan. Nothing of the machine's clock, network or chance reaches
//! whoever asks, but for the `date` of an answer. (Its memory would, where it has nearly run out.)

use super::caller::{Ask, Heard};
use super::network::{PORT, Resets};
use config::Surroundings;
use drill::provider::{Fault, Provider, Seen};
use gateway::{Gateway, Setup, Sink};
use ir::{Invariant, Record};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use transport::{
    Clock, Connections, Entropy, ListenerSettings, Net, Outside, Resolver, Roots, Stopping,
};
use turmoil::{Builder, Sim};

/// What a world is made of.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Of the network's delays and the gateway's chances.
    pub seed: u64,
    /// The gateway's configuration. The provider `a` is at `http://a.world/v1`.
    pub toml: String,
    /// The providers.
    pub sites: Vec<Site>,
    /// Who asks.
    pub asks: Vec<Ask>,
    /// What happens, and when.
    pub troubles: Vec<(Duration, Trouble)>,
}

/// A provider.
#[derive(Clone, Debug)]
pub struct Site {
    /// The name of its host, below `.world`.
    pub name: &'static str,
    /// What its answers begin with; empty where all providers are to say the same.
    pub says: &'static str,
}

/// What happens to a provider, by its place; or to the gateway.
#[derive(Clone, Debug)]
pub enum Trouble {
    /// The gateway is asked to stop.
    Stops,
    /// It does this to every request.
    Ails(usize, Fault),
    /// It does so no more.
    Recovers(usize),
    /// All its connections are reset.
    Severs(usize),
    /// Its machine goes down …
    Crashes(usize),
    /// … and is there again.
    Returns(usize),
    /// What is sent between it and the gateway is lost …
    Parts(usize),
    /// … and no longer.
    Joins(usize),
    /// What is sent between it and the gateway waits …
    Holds(usize),
    /// … and comes all at once.
    Releases(usize),
    /// From now on it is so far away.
    Moves(usize, Duration),
}

/// What came of a world.
#[derive(Clone, Debug)]
pub struct Life {
    /// What each caller heard, in the order of the plan.
    pub heard: Vec<Heard>,
    /// One line per request, in the order in which they ended.
    pub records: Vec<Record>,
    /// What each provider saw, and when it had arrived. The time counts where its machine stayed up.
    pub seen: Vec<Vec<(Duration, Seen)>>,
    /// Requests that the gateway still has under way, those that wait for their turn, and connections
    /// of callers.
    pub open: (usize, usize, usize),
    /// How long it lasted.
    pub lasted: Duration,
    /// Of everything that was heard, recorded and seen: equal lives have equal hashes.
    pub hash: u64,
}

/// Everything in a world but its time and its network.
#[derive(Debug, Default)]
struct Cast {
    providers: Vec<Provider>,
    /// When the clock of each began.
    began: Vec<Mutex<Option<std::time::Instant>>>,
    gateway: Mutex<Option<Gateway>>,
    connections: Connections,
    /// Told when the gateway is to stop.
    stop: Notify,
    records: Mutex<Vec<Record>>,
    heard: Mutex<BTreeMap<usize, Heard>>,
}

/// The simulation goes on by so much at once: what is sent arrives at the next multiple of it. A
/// smaller step would cost in proportion and change no decision, all of which are slower.
const TICK: Duration = Duration::from_millis(10);
/// A message takes so long.
const DELAY_MIN: Duration = Duration::from_millis(1);
const DELAY_MAX: Duration = Duration::from_millis(30);
/// More than anybody has under way at once.
const SEGMENTS_MAX: usize = 4096;
/// What the calendars show when a world begins, since 1970-01-01 UTC: 2027-01-15 08:00:00.
const EPOCH: Duration = Duration::from_hours(500_000);
/// When everybody has been answered, whatever goes on after that has so long to end.
const TAIL: Duration = Duration::from_secs(2);
/// A world that lasts longer does not end.
const LASTS_MAX: Duration = Duration::from_hours(1);
/// How long the last records may take, on the thread that writes them.
const WRITTEN_WITHIN: Duration = Duration::from_secs(10);

/// The host of the gateway, and that of all callers.
const GATEWAY: &str = "gateway";
const CALLERS: &str = "callers";

// === impl Plan ===

impl Plan {
    /// Lives it through.
    pub fn live(self) -> Result<Life, String> {
        let broken = Invariant::ALL.map(Invariant::broken);
        let mut sim = Builder::new()
            .rng_seed(self.seed)
            .epoch(UNIX_EPOCH + EPOCH)
            .simulation_duration(LASTS_MAX)
            .tick_duration(TICK)
            .min_message_latency(DELAY_MIN)
            .max_message_latency(DELAY_MAX)
            .tcp_capacity(SEGMENTS_MAX)
            .build();
        let cast = Arc::new(self.cast(&sim));
        self.populate(&mut sim, &cast)?;
        self.passes(&mut sim, &cast)?;
        if Invariant::ALL.map(Invariant::broken) != broken {
            return Err("an invariant of the core".to_owned());
        }
        let lasted = sim.elapsed();
        drop(sim);
        cast.life(lasted)
    }

    fn cast(&self, sim: &Sim<'_>) -> Cast {
        let calendar = || turmoil::since_epoch().map_or(0, |since| since.as_secs());
        let provider = |site: &Site| {
            let addr = SocketAddr::new(sim.lookup(site.name), PORT);
            Provider::named(site.says).apart(addr, calendar)
        };
        Cast {
            providers: self.sites.iter().map(provider).collect(),
            began: self.sites.iter().map(|_| Mutex::default()).collect(),
            ..Cast::default()
        }
    }

    /// Everybody takes their place.
    fn populate(&self, sim: &mut Sim<'_>, cast: &Arc<Cast>) -> Result<(), String> {
        let resets = Resets::default();
        for (place, site) in self.sites.iter().enumerate() {
            let (cast, resets) = (Arc::clone(cast), resets.clone());
            sim.host(site.name, move || provides(Arc::clone(&cast), place, resets.clone()));
        }
        let known = self.sites.iter().zip(&cast.providers);
        let known = known.map(|(site, it)| (format!("{}.world", site.name), Ok(vec![it.addr()])));
        let config = config::load(&self.toml, &Around);
        let config = config.map_err(|problems| format!("{problems:?} in {}", self.toml))?;
        let setting = Setting {
            config,
            resolver: Resolver::Scripted(Arc::new(known.collect())),
            seed: self.seed,
            resets: resets.clone(),
        };
        let gateway = Arc::clone(cast);
        sim.host(GATEWAY, move || serves(Arc::clone(&gateway), setting.clone()));
        let addr = SocketAddr::new(sim.lookup(GATEWAY), PORT);
        sim.client(CALLERS, ask(Arc::clone(cast), self.asks.clone(), (addr, resets)));
        Ok(())
    }

    /// Time passes.
    fn passes(&self, sim: &mut Sim<'_>, cast: &Cast) -> Result<(), String> {
        let mut troubles = self.troubles.clone();
        troubles.sort_by_key(|(at, _)| *at);
        let mut troubles = troubles.into_iter().peekable();
        let mut until = None;
        while until.is_none_or(|until| sim.elapsed() < until) {
            while let Some((_, trouble)) = troubles.next_if(|(at, _)| *at <= sim.elapsed()) {
                trouble.strikes(sim, self, cast);
            }
            if sim.step().map_err(|error| error.to_string())? {
                until.get_or_insert_with(|| sim.elapsed() + TAIL);
            }
        }
        Ok(())
    }
}

// === impl Trouble ===

impl Trouble {
    /// The place of the provider; none where it is the gateway's.
    fn place(&self) -> Option<usize> {
        match self {
            Self::Stops => None,
            Self::Ails(place, _)
            | Self::Recovers(place)
            | Self::Severs(place)
            | Self::Crashes(place)
            | Self::Returns(place)
            | Self::Parts(place)
            | Self::Joins(place)
            | Self::Holds(place)
            | Self::Releases(place)
            | Self::Moves(place, _) => Some(*place),
        }
    }

    fn strikes(self, sim: &mut Sim<'_>, plan: &Plan, cast: &Cast) {
        let Some(place) = self.place() else { return cast.stop.notify_one() };
        let (Some(site), Some(provider)) = (plan.sites.get(place), cast.providers.get(place))
        else {
            return;
        };
        match self {
            Self::Stops => {}
            Self::Ails(_, fault) => provider.set(Some(fault)),
            Self::Recovers(_) => provider.set(None),
            Self::Severs(_) => provider.sever(),
            Self::Crashes(_) => sim.crash(site.name),
            Self::Returns(_) => sim.bounce(site.name),
            Self::Parts(_) => sim.partition(GATEWAY, site.name),
            Self::Joins(_) => sim.repair(GATEWAY, site.name),
            Self::Holds(_) => sim.hold(GATEWAY, site.name),
            Self::Releases(_) => sim.release(GATEWAY, site.name),
            Self::Moves(_, far) => sim.set_link_latency(GATEWAY, site.name, far),
        }
    }
}

/// A provider's machine.
async fn provides(cast: Arc<Cast>, place: usize, resets: Resets) -> turmoil::Result {
    let (Some(provider), Some(began)) = (cast.providers.get(place), cast.began.get(place)) else {
        return Err("nobody has this place".into());
    };
    *began.lock() = Some(Instant::now().into_std());
    let door = resets.listen().await?;
    let mut connections = JoinSet::new();
    loop {
        let (line, _) = door.next().await?;
        connections.spawn(provider.serve(line));
        while connections.try_join_next().is_some() {}
    }
}

/// What the gateway is made of.
#[derive(Clone, Debug)]
struct Setting {
    config: config::Config,
    resolver: Resolver,
    seed: u64,
    resets: Resets,
}

/// The gateway's machine: what `serve` wires up, without the process around it.
async fn serves(cast: Arc<Cast>, setting: Setting) -> turmoil::Result {
    let Setting { config, resolver, seed, resets } = setting;
    let server = config.server.clone();
    let records = Arc::clone(&cast);
    let setup = Setup {
        config,
        resolver,
        roots: Roots::native(),
        sink: Sink::new(move |record| records.records.lock().push(record.clone())),
        clock: Clock::start_at(u64::try_from(EPOCH.as_millis()).unwrap_or(u64::MAX)),
    };
    let net = Net::Simulated(Arc::new(resets.clone()));
    let gateway = Gateway::within(setup, Outside { net, entropy: Entropy::seeded(seed) })?;
    *cast.gateway.lock() = Some(gateway.clone());
    tokio::spawn(gateway.clone().probe());
    let (_held, settings) = watch::channel(ListenerSettings {
        connections_max: usize::try_from(server.connections_max).unwrap_or(usize::MAX),
        per_address_max: server.per_address(),
        head_timeout: server.head_timeout,
        write_timeout: server.write_timeout,
        grace: server.grace,
        connections: cast.connections.clone(),
        ..ListenerSettings::default()
    });
    let (ending, draining) = (gateway.clone(), gateway.clone());
    let asked = async {
        cast.stop.notified().await;
        draining.drain();
    };
    let stopping = Stopping { asked, over: move || ending.end() };
    let handler = move |request, peer| gateway.clone().handle(request, peer);
    transport::serve(resets.listen().await?, settings, handler, stopping).await;
    // The machine stays, and refuses who comes.
    std::future::pending().await
}

/// Everybody who asks, each at its time.
async fn ask(
    cast: Arc<Cast>,
    asks: Vec<Ask>,
    (gateway, resets): (SocketAddr, Resets),
) -> turmoil::Result {
    let mut callers = JoinSet::new();
    for (place, ask) in asks.into_iter().enumerate() {
        let resets = resets.clone();
        callers.spawn(async move {
            tokio::time::sleep(ask.at).await;
            (place, ask.call(gateway, resets).await)
        });
    }
    while let Some(called) = callers.join_next().await {
        let (place, heard) = called?;
        cast.heard.lock().insert(place, heard);
    }
    Ok(())
}

// === impl Cast ===

impl Cast {
    fn life(&self, lasted: Duration) -> Result<Life, String> {
        let gateway = self.gateway.lock().take().ok_or("no gateway")?;
        gateway.flush(WRITTEN_WITHIN);
        let heard: Vec<Heard> = std::mem::take(&mut *self.heard.lock()).into_values().collect();
        let records = std::mem::take(&mut *self.records.lock());
        let seen = self.providers.iter().zip(&self.began).map(|(provider, began)| {
            let began = *began.lock();
            let at = |seen: &Seen| began.map(|began| seen.at.saturating_duration_since(began));
            let log = provider.log().into_iter();
            log.map(|seen| (at(&seen).unwrap_or_default(), seen)).collect()
        });
        let seen: Vec<Vec<(Duration, Seen)>> = seen.collect();
        let hash = hash(&heard, &records, &seen);
        let (under_way, waiting) = gateway.load();
        let open = (under_way, waiting, self.connections.open());
        Ok(Life { heard, records, seen, open, lasted, hash })
    }
}

/// FNV-1a (<http://www.isthe.com/chongo/tech/comp/fnv/>) of everything but the dates, which are those
/// of the machine.
fn hash(heard: &[Heard], records: &[Record], seen: &[Vec<(Duration, Seen)>]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut mix = |text: &str| {
        for byte in text.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    for Heard { status, headers, body, whole, first, took, .. } in heard {
        let headers: Vec<_> = headers.iter().filter(|(name, _)| name != "date").collect();
        mix(&format!("{status} {headers:?} {body:?} {whole} {first:?} {took:?}"));
    }
    for record in records {
        mix(&format!("{record:?}"));
    }
    for (_, Seen { connection, nth, headers, body, ended, .. }) in seen.iter().flatten() {
        mix(&format!("{connection} {nth} {headers:?} {body:?} {ended:?}"));
    }
    hash
}

/// The key that a provider is asked with, where `KEY_NAME` of its name is configured.
pub(super) fn key_of(name: &str) -> String {
    format!("sk-world-{name}")
}

/// An environment in which `KEY`, and every `KEY_NAME`, is a key.
struct Around;

impl Surroundings for Around {
    fn env(&self, name: &str) -> Option<String> {
        match name.strip_prefix("KEY")? {
            "" => Some("sk-world".to_owned()),
            provider => provider.strip_prefix('_').map(key_of),
        }
    }

    fn file(&self, path: &str) -> Result<String, String> {
        Err(format!("there is no file {path}"))
    }
}
