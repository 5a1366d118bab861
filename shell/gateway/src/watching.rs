//! The watch over providers: asks what is due, has it judged, and does what a certain verdict allows.
//!
//! What is due and which verdict holds is `monitor::Watch`'s to say. What is measured comes from a
//! [`Prober`], so that the gateway knows nothing of name servers and status pages.
//!
//! **Invariants:** no request waits for it; at most [`DIAGNOSES_MAX`] diagnoses are under way, each
//! within a limit of its own; no token is spent.

mod acting;
mod asking;

use crate::health::What;
use crate::{Gateway, Shared};
use acting::{Acting, Held};
use asking::{Asker, Done, Found, Job};
use config::Config;
use ir::Time;
use ir::evidence::{Control, Evidence, Page, Sibling};
use monitor::{Around, Change, Moment, Pace, Told, Verdict, Watch, status};
use policy::{Probed, ProviderId};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

/// What a prober does, when it is done.
pub type Probing<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Who measures. Each future may be dropped at any time.
pub trait Prober: Send + Sync + 'static {
    /// Whether it knows a status page of a provider.
    fn has_page(&self, provider: &config::Provider) -> bool;
    /// Reads the status page of the provider at this place: what it says, and how many requests that
    /// took.
    fn page(&self, config: Arc<Config>, place: usize) -> Probing<(Page, u32)>;
    /// Measures everything about the provider at this place that costs no tokens. Traffic, the page
    /// and other providers' traffic are filled in behind it.
    fn measure(&self, config: Arc<Config>, place: usize) -> Probing<Evidence>;
}

/// Who measures, and who judges.
#[derive(Clone)]
pub struct Watching {
    /// Who measures.
    pub prober: Arc<dyn Prober>,
    /// What evidence comes to.
    pub judge: fn(&Evidence) -> Verdict,
}

/// A watch over each provider of the configuration.
#[derive(Debug, Default)]
pub(crate) struct Watches {
    watches: BTreeMap<ProviderId, Watch>,
    /// Connections that were opened ahead because of a provider.
    warmed: BTreeMap<ProviderId, u64>,
}

/// A provider, and its id on the board.
#[derive(Clone, Copy)]
struct Whom<'a> {
    provider: &'a config::Provider,
    id: ProviderId,
}

/// Targets that are not well, and the word for each.
type Unwell = BTreeMap<ProviderId, BTreeMap<String, &'static str>>;

/// How often the watches look. Little happens in most looks.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Diagnoses under way at once.
const DIAGNOSES_MAX: usize = 4;
/// Questions under way at once.
const JOBS_MAX: usize = 256;
/// Other providers that are told of in evidence.
const SIBLINGS_MAX: usize = 16;
/// An answer of another provider is news for so long, in seconds.
const NEWS_S: u64 = 30;

/// Watches for ever.
pub(crate) async fn run(gateway: Gateway, watching: Watching) {
    let mut look = interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let asker = Asker::new(watching.prober, DIAGNOSES_MAX);
    let mut under_way: JoinSet<Done> = JoinSet::new();
    let mut acting = Acting::default();
    loop {
        let done = tokio::select! {
            _ = look.tick() => None,
            Some(done) = under_way.join_next(), if !under_way.is_empty() => Some(done),
        };
        let shared = gateway.live.now();
        match done {
            // One that broke is lost: its watch asks again when it has waited long enough.
            Some(Err(error)) => tracing::error!(%error, "a question of the watch broke"),
            Some(Ok(done)) => {
                if let Some(held) = take(&shared, done, watching.judge) {
                    for job in acting.act(&shared, &held) {
                        under_way.spawn(asker.ask(&shared, job));
                    }
                }
            }
            None => {
                for job in look_at_all(&shared, &asker) {
                    if under_way.len() < JOBS_MAX {
                        under_way.spawn(asker.ask(&shared, job));
                    } else {
                        give_up(&shared, job);
                    }
                }
            }
        }
    }
}

/// There is too much under way: it is asked another time.
fn give_up(shared: &Shared, job: Job) {
    let Job::Due(id, due) = job else { return };
    let now = moment(shared);
    if let Some(watch) = shared.watches.lock().watches.get_mut(&id) {
        watch.undone(now, due);
    }
}

/// Hands on what attempts told, and gives what is due.
fn look_at_all(shared: &Shared, asker: &Asker) -> Vec<Job> {
    let settings = shared.config.watch;
    let now = moment(shared);
    let heard = shared.health.heard(settings.enabled);
    let mut watches = shared.watches.lock();
    watches.follow(shared, asker, now);
    for heard in heard {
        let Some(watch) = watches.watches.get_mut(&heard.provider) else { continue };
        let then = now.back_to(heard.at);
        match heard.what {
            What::Ended(outcome) => {
                let (model, credential) = (&*heard.model, heard.credential);
                watch.told(then, &Told { model, credential, outcome });
            }
            What::First(after) => watch.first_content(then, &heard.model, ms(after)),
        }
    }
    let arounds = arounds(shared);
    let mut jobs = Vec::new();
    for (id, watch) in &mut watches.watches {
        let around = arounds.get(id).copied().unwrap_or_default();
        let (due, change) = watch.look(now, around);
        say(shared, *id, change);
        jobs.extend(due.into_iter().map(|due| Job::Due(*id, due)));
    }
    jobs
}

/// Takes in what came of a question. The verdict that holds, where a diagnosis found it.
fn take(shared: &Shared, done: Done, judge: fn(&Evidence) -> Verdict) -> Option<Held> {
    let Done { id, due, found } = done;
    let now = moment(shared);
    let around = arounds(shared).get(&id).copied().unwrap_or_default();
    let mut watches = shared.watches.lock();
    if let Found::Warmed(because) = found {
        *watches.warmed.entry(because).or_default() += 1;
        return None;
    }
    let mut found_now = None;
    let change = match found {
        Found::Measured(evidence) => {
            let evidence = watches.complete(shared, id, *evidence, now);
            let verdict = judge(&evidence);
            found_now = Some((verdict.cause, monitor::is_shared(verdict.cause, &evidence)));
            watches.watches.get_mut(&id)?.judged(now, verdict, around)
        }
        Found::Read(page, requests) => watches.watches.get_mut(&id)?.read(now, page, requests),
        Found::Knocked(reached) => {
            watches.watches.get_mut(&id)?.knocked(now, reached);
            if reached == Some(true) {
                shared.health.lock().probed(now.at, id, Probed::Well);
            }
            None
        }
        Found::Nothing | Found::Warmed(_) => {
            watches.watches.get_mut(&id)?.undone(now, due);
            None
        }
    };
    say(shared, id, change);
    // One that holds although this diagnosis found another is not acted on once more.
    let (held, _) = watches.watches.get(&id)?.verdict()?;
    let (_, shared) = found_now.filter(|(cause, _)| *cause == held.cause)?;
    Some(Held { id, verdict: held.clone(), shared })
}

/// One line per change.
fn say(shared: &Shared, id: ProviderId, change: Option<Change>) {
    let Some((provider, _)) = shared.provider(id) else { return };
    let provider = &provider.name;
    match change {
        None => {}
        Some(Change::Verdict { cause, confidence, reason }) => {
            let reason = reason.escape_debug();
            tracing::warn!(provider, cause, confidence, %reason, "another verdict holds");
        }
        Some(Change::Acknowledged { lead_s }) => {
            tracing::warn!(provider, lead_s, "its status page says so too");
        }
    }
}

/// How each provider stands, beside what its attempts met.
fn arounds(shared: &Shared) -> BTreeMap<ProviderId, Around> {
    let board = shared.health.lock();
    let down = board.down(shared.clock.now());
    let network_down = board.network_down();
    drop(board);
    let config = &shared.config;
    let firsts: BTreeSet<usize> =
        config.models.iter().filter_map(|model| Some(model.chain.first()?.provider)).collect();
    let all = config.providers.iter().zip(&shared.served).enumerate();
    all.map(|(place, (provider, served))| {
        let around = Around {
            open: down.contains(&served.id),
            network_down: network_down && !provider.local,
            first: firsts.contains(&place),
        };
        (served.id, around)
    })
    .collect()
}

fn moment(shared: &Shared) -> Moment {
    Moment { at: shared.clock.now(), unix_ms: shared.clock.unix_ms() }
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

// === impl Watches ===

impl Watches {
    /// A watch for each provider there is, and for no other.
    fn follow(&mut self, shared: &Shared, asker: &Asker, now: Moment) {
        let settings = shared.config.watch;
        if !settings.enabled {
            *self = Self::default();
            return;
        }
        let here: BTreeSet<ProviderId> = shared.served.iter().map(|served| served.id).collect();
        self.watches.retain(|id, _| here.contains(id));
        self.warmed.retain(|id, _| here.contains(id));
        for (provider, served) in shared.config.providers.iter().zip(&shared.served) {
            let pages = settings.pages && asker.has_page(provider);
            let pace = Pace { every: settings.every, pages };
            let new = || Watch::new(now, pace, shared.entropy.draw());
            self.watches.entry(served.id).or_insert_with(new).configure(pace);
        }
    }

    /// What was measured, with what is known here.
    fn complete(&self, shared: &Shared, id: ProviderId, found: Evidence, now: Moment) -> Evidence {
        let Some(watch) = self.watches.get(&id) else { return found };
        let mut siblings = found.control.siblings;
        let all = shared.config.providers.iter().zip(&shared.served);
        for (provider, served) in all.filter(|(it, served)| served.id != id && !it.local) {
            let Some(other) = self.watches.get(&served.id) else { continue };
            if SIBLINGS_MAX <= siblings.len() && !siblings.contains_key(&provider.name) {
                continue;
            }
            let sibling = siblings.entry(provider.name.clone()).or_default();
            complete_sibling(sibling, other, now);
        }
        Evidence {
            traffic: Some(watch.traffic(now)),
            page: found.page.or_else(|| watch.page(now)),
            control: Control { siblings, ..found.control },
            ..found
        }
    }

    /// How a provider stands; with its targets, where the words for those that are not well are given.
    fn stands(&self, whom: Whom<'_>, now: Moment, unwell: Option<&Unwell>) -> status::Provider {
        let Whom { provider, id } = whom;
        let (name, none) = (&provider.name, BTreeMap::new());
        let known = self.watches.get(&id).map(|watch| match unwell {
            Some(unwell) => {
                status::Provider::of(name, watch, now, unwell.get(&id).unwrap_or(&none))
            }
            None => status::Provider::in_brief(name, watch, now),
        });
        let unknown = || status::Provider { provider: name.clone(), ..status::Provider::default() };
        let mut stands = known.unwrap_or_else(unknown);
        stands.host = format!("{}:{}", provider.base_url.host, provider.base_url.port);
        stands.requests.prewarm = self.warmed.get(&id).copied().unwrap_or_default();
        stands
    }
}

fn complete_sibling(sibling: &mut Sibling, other: &Watch, now: Moment) {
    let traffic = other.traffic(now);
    let lately = |at: Time| now.at.since(at).as_secs() <= NEWS_S;
    let answered = traffic.good_ago_s.is_some_and(|ago| ago <= NEWS_S);
    if answered || other.reached_at().is_some_and(lately) {
        sibling.reached = Some(true);
    }
    sibling.page = sibling.page.or_else(|| other.page(now)?.level);
    sibling.traffic = Some(traffic.lately);
}

impl Shared {
    /// How everything stands.
    pub(crate) fn status(&self) -> status::Status {
        let now = moment(self);
        let board = self.health.lock();
        let (network_down, local_first) = (board.network_down(), board.is_declared_local());
        let all = board.unwell();
        drop(board);
        let mut unwell = Unwell::new();
        for (id, model, word) in all {
            unwell.entry(id).or_default().insert(model.to_string(), word);
        }
        status::Status {
            at_unix_ms: now.unix_ms,
            watching: self.is_watched(),
            network_down,
            local_first,
            providers: self.stand(now, Some(&unwell)),
        }
    }

    /// How each provider stands, without targets and traffic; nothing where nobody watches.
    pub(crate) fn watched(&self) -> Vec<status::Provider> {
        if self.is_watched() { self.stand(moment(self), None) } else { Vec::new() }
    }

    fn is_watched(&self) -> bool {
        !self.watches.lock().watches.is_empty()
    }

    /// The lock is taken for each anew: whoever looks waits for one of them at most.
    fn stand(&self, now: Moment, unwell: Option<&Unwell>) -> Vec<status::Provider> {
        let all = self.config.providers.iter().zip(&self.served);
        all.map(|(provider, served)| {
            let whom = Whom { provider, id: served.id };
            self.watches.lock().stands(whom, now, unwell)
        })
        .collect()
    }
}

impl fmt::Debug for Watching {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watching")
    }
}
