//! What a running gateway's watch asks: the measuring and the pages of `probe`, for the providers of
//! the configuration.

use crate::subject::{Told, subject};
use config::{Config, Provider, Watch};
use gateway::{Prober, Probing, over};
use ir::evidence::{Evidence, Page};
use monitor::Layer;
use parking_lot::Mutex;
use probe::status::{Get, Got, Reader, Trouble, Web, for_host, named};
use probe::{Base, Ground, Limits, Neutral, measure};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use transport::{Clock, Resolver, Roots, Upstream};

/// Measures within this: whoever serves has requests to answer meanwhile.
const WITHIN: Duration = Duration::from_secs(5);
/// Pages that are remembered, by the address of their provider and their own.
const READERS_MAX: usize = 256;

/// Asks, and remembers what pages said.
#[derive(Debug)]
pub(crate) struct Measuring {
    ground: Ground,
    readers: Mutex<BTreeMap<PageKey, Shared>>,
}

/// The host of a provider, and the page that is configured for it.
type PageKey = (String, String);
/// One reads at a time, and what it read is there for the next.
type Shared = Arc<tokio::sync::Mutex<Reader>>;

/// Counts what is asked for.
struct Counted {
    web: Web,
    asked: AtomicU32,
}

// === impl Measuring ===

impl Measuring {
    pub(crate) fn new(clock: Clock) -> Self {
        let limits = Limits { all: WITHIN, ..Limits::default() };
        // A process that serves starts no programs.
        let ground = Ground { limits, clock, programs: false, ..Ground::default() };
        Self { ground, readers: Mutex::default() }
    }

    /// The reader of a provider's page, where one is known.
    fn reader(&self, provider: &Provider) -> Option<Shared> {
        let key =
            (provider.base_url.host.clone(), provider.status_page.clone().unwrap_or_default());
        let mut readers = self.readers.lock();
        if let Some(reader) = readers.get(&key) {
            return Some(Arc::clone(reader));
        }
        let reader = Arc::new(tokio::sync::Mutex::new(page_of(provider)?));
        if READERS_MAX <= readers.len() {
            // Reloads have named ever new ones: what they remember is no more than a tag.
            readers.clear();
        }
        readers.insert(key, Arc::clone(&reader));
        Some(reader)
    }
}

/// Whether a provider is on this machine.
pub(crate) fn is_here(provider: &Provider) -> bool {
    let host = provider.base_url.host.as_str();
    let loopback = provider.base_url.address().is_some_and(|it| it.is_loopback());
    provider.local || loopback || host == "localhost" || host.ends_with(".localhost")
}

/// From where a provider is measured. What is on this machine has nothing to do with the world: nobody
/// beyond is asked because of it, nor where the operator does not want it.
pub(crate) fn ground_of(ground: Ground, provider: &Provider, watch: Watch) -> Ground {
    if is_here(provider) || !watch.controls {
        Ground { doh: Vec::new(), neutral: Neutral::default(), regions: false, ..ground }
    } else {
        ground
    }
}

/// A reader of a provider's page: of the one that is configured, else of the one that is known.
pub(crate) fn page_of(provider: &Provider) -> Option<Reader> {
    match provider.status_page.as_deref() {
        Some("") => None,
        Some(url) => Some(Reader::sniffing(url)),
        None => match for_host(&provider.base_url.host) {
            Some(found) => Some(Reader::new(found.row, found.region)),
            // A provider of that name somewhere else has another page, or none.
            None if provider.base_url.host == usual_host(provider) => {
                named(provider.quirks.name).map(|row| Reader::new(row, None))
            }
            None => None,
        },
    }
}

fn usual_host(provider: &Provider) -> String {
    let base: Option<Base> = provider.quirks.base_url.parse().ok();
    base.map_or_else(String::new, |base| base.host)
}

/// Whoever reads a provider's page goes the same way as its requests.
pub(crate) fn web(provider: &Provider) -> Result<Web, transport::Error> {
    let within = provider.deadlines.connect;
    let mut settings = over(&provider.way, within, &Resolver::System, &Roots::native());
    // A pin is of the provider's host, and its page is elsewhere.
    settings.addresses = Vec::new();
    Upstream::new(settings).map(Web::over)
}

impl Prober for Measuring {
    fn has_page(&self, provider: &Provider) -> bool {
        self.reader(provider).is_some()
    }

    fn page(&self, config: Arc<Config>, place: usize) -> Probing<(Page, u32)> {
        let provider = config.providers.get(place).cloned();
        let reader = provider.as_ref().and_then(|provider| self.reader(provider));
        let now = self.ground.clock.unix_ms();
        Box::pin(async move {
            let (Some(provider), Some(reader)) = (provider, reader) else {
                return (unknown("no status page is known for it"), 0);
            };
            let web = match web(&provider) {
                Ok(web) => Counted { web, asked: AtomicU32::new(0) },
                Err(error) => return (unknown(&error.to_string()), 0),
            };
            let page = reader.lock().await.read(&web, now).await;
            (page, web.asked.load(Ordering::Relaxed))
        })
    }

    fn measure(&self, config: Arc<Config>, place: usize) -> Probing<Evidence> {
        let ground = self.ground.clone();
        Box::pin(async move {
            let Some(provider) = config.providers.get(place) else { return Evidence::default() };
            let ground = ground_of(ground, provider, config.watch);
            let subject = subject(provider, Told::of_config(provider));
            let mut told = |_: Layer, _: &Evidence| {};
            measure(&ground, &subject, &mut told).await
        })
    }
}

/// A page that says nothing, and why.
pub(crate) fn unknown(why: &str) -> Page {
    Page { unknown: Some(why.to_owned()), ..Page::default() }
}

impl Get for Counted {
    async fn get(&self, url: &str, etag: Option<&str>) -> Result<Got, Trouble> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.web.get(url, etag).await
    }
}
