//! Everything at once, within one limit.
//!
//! Each piece is written to one board as it comes; when the time is over, the board is what there is.

use crate::asked::{self, Outcome};
use crate::dns::{self, Ask};
use crate::local::{self, Local};
use crate::status::other_region;
use crate::{Base, Ground, Subject, control, roads, wire};
use ir::Evidence;
use ir::evidence::{
    Answer, Asked, Here, Knock, Portal, Proof, ProxySeen, Question, Road, Session, Witness,
};
use monitor::Layer;
use rustls::ClientConfig;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

/// What is under way is ended this long before the end, so that what it came to is told.
const TELLING: Duration = Duration::from_millis(100);

/// What is measured here, of the lines that are shown.
const LAYERS: [Layer; 5] = [Layer::Network, Layer::Dns, Layer::Tls, Layer::Http, Layer::Control];

/// Somebody who would be asked.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Asks {
    /// The host, by name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// What for, in a few words.
    pub what: &'static str,
}

/// What every step of one measurement shares.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    pub(crate) ground: Ground,
    pub(crate) subject: Subject,
    /// When all of it ends.
    end: Instant,
    /// How the provider is spoken to over TLS.
    pub(crate) strict: Option<Arc<ClientConfig>>,
}

/// One piece of evidence, as it comes from its task.
enum Piece {
    Local(Box<Local>),
    Proxy(ProxySeen),
    Name(Witness, Answer),
    Neutral(Witness, Answer),
    Proof(Option<Proof>),
    Road(IpAddr, Box<Road>),
    Asked(Question, Box<Outcome>),
    Knock(SocketAddr, Knock),
    Portal(String, Portal, Option<i64>),
    Region(String, Box<Asked>),
    Tls(Option<Box<Session>>),
    /// A task that ended without one.
    Nothing,
}

/// What is under way, and what is known.
struct Board<'a> {
    scene: Arc<Scene>,
    evidence: Evidence,
    tasks: JoinSet<(Layer, Piece)>,
    /// Tasks of each layer that have not ended.
    open: BTreeMap<Layer, usize>,
    /// Layers that were told of.
    over: BTreeSet<Layer>,
    ahead_ms: Vec<i64>,
    /// The signatures are being followed.
    proving: bool,
    /// Addresses that are tried, or were.
    tried: BTreeSet<IpAddr>,
    told: &'a mut (dyn FnMut(Layer, &Evidence) + Send),
}

/// Measures everything about `subject` within `ground.limits.all`. `told` hears of each layer as it
/// ends, with what is known until then, and at the end of those that did not.
///
/// Page, traffic and siblings are for the caller to add.
pub async fn measure(
    ground: &Ground,
    subject: &Subject,
    told: &mut (dyn FnMut(Layer, &Evidence) + Send),
) -> Evidence {
    let began = Instant::now();
    let scene = Arc::new(Scene::new(ground, subject));
    let mut board = Board::new(Arc::clone(&scene), told);
    board.begin();
    while let Ok(Some(joined)) = timeout_at(scene.end, board.tasks.join_next()).await {
        // A task that died takes its piece with it, and its layer ends with the rest.
        if let Ok((layer, piece)) = joined {
            board.take(piece);
            board.ended(layer);
        }
    }
    board.finish(began)
}

/// Asks for the list of models without a key, once, over a new connection: what costs nobody
/// anything and tells whether somebody is there.
pub async fn knock(ground: &Ground, subject: &Subject) -> Asked {
    open(&Arc::new(Scene::new(ground, subject))).await
}

async fn open(scene: &Arc<Scene>) -> Asked {
    let asking = Box::pin(asked::once(scene, Question::Open));
    let mut asked = timeout_at(scene.end, asking).await.unwrap_or_default().asked;
    asked.times = 1;
    asked
}

/// Who would be asked, and what for. Nobody is: files are read, and that blocks.
pub fn would_ask(ground: &Ground, subject: &Subject) -> Vec<Asks> {
    let local = local::look(ground, subject);
    let mut asks = Vec::new();
    let mut add = |host: String, port, what| asks.push(Asks { host, port, what });
    let base = &subject.base;
    match &subject.proxy {
        Some(proxy) => add(proxy.host.clone(), proxy.port, "the proxy on the way"),
        None => add(base.host.clone(), base.port, "the provider"),
    }
    if let Some(there) = elsewhere(ground, subject) {
        add(there.base.host, there.base.port, "another region, only if this one fails");
    }
    for server in local.stub.iter().chain(&local.upstreams) {
        add(server.to_string(), ground.dns_port, "a configured resolver");
    }
    for doh in &ground.doh {
        for address in &doh.addresses {
            add(address.to_string(), doh.port, "a public resolver over HTTPS");
        }
    }
    for address in &ground.neutral.addresses {
        add(address.ip().to_string(), address.port(), "is anybody reached");
    }
    for page in &ground.neutral.portals {
        if let Ok(base) = page.url.parse::<Base>() {
            add(base.host, base.port, "a page whose answer is known");
        }
    }
    if let Some((host, port)) = &ground.neutral.tls {
        add(host.clone(), *port, "TLS to somebody else");
    }
    asks.sort();
    asks.dedup();
    asks
}

/// The same provider in another region, without our key, where it has others and that is wanted.
fn elsewhere(ground: &Ground, subject: &Subject) -> Option<Subject> {
    let host = other_region(&subject.base.host).filter(|_| ground.regions)?;
    let base = Base { host, ..subject.base.clone() };
    Some(Subject { base, addresses: Vec::new(), header: None, usual: None, ..subject.clone() })
}

// === impl Scene ===

impl Scene {
    pub(crate) fn new(ground: &Ground, subject: &Subject) -> Self {
        let roots = wire::trusted(&ground.roots, &subject.extra_roots);
        Self {
            end: Instant::now() + ground.limits.all,
            strict: wire::strict(&roots, ground.clock).ok(),
            ground: ground.clone(),
            subject: subject.clone(),
        }
    }

    /// The end of a step that may take this long: early enough for it to be told of.
    pub(crate) fn until(&self, limit: Duration) -> Instant {
        let last = self.end.checked_sub(TELLING).unwrap_or(self.end);
        Instant::now().checked_add(limit).map_or(last, |until| until.min(last))
    }

    /// How long a step may take; none where it need not begin.
    pub(crate) fn left(&self) -> Option<Duration> {
        let left = self.until(Duration::MAX).saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }
}

// === impl Board ===

impl<'a> Board<'a> {
    fn new(scene: Arc<Scene>, told: &'a mut (dyn FnMut(Layer, &Evidence) + Send)) -> Self {
        let (ground, subject) = (&scene.ground, &scene.subject);
        let evidence = Evidence {
            provider: subject.provider.clone(),
            host: subject.base.host.clone(),
            port: subject.base.port,
            at_unix_ms: ground.clock.unix_ms(),
            here: Here { os: ground.os, key: subject.key.clone(), ..Here::default() },
            ..Evidence::default()
        };
        Self {
            scene,
            evidence,
            tasks: JoinSet::new(),
            open: BTreeMap::new(),
            over: BTreeSet::new(),
            ahead_ms: Vec::new(),
            proving: false,
            tried: BTreeSet::new(),
            told,
        }
    }

    /// Begins a step of a layer.
    fn spawn(&mut self, layer: Layer, step: impl Future<Output = Piece> + Send + 'static) {
        *self.open.entry(layer).or_default() += 1;
        let step = Box::pin(step);
        drop(self.tasks.spawn(async move { (layer, step.await) }));
    }

    /// Begins everything that needs nothing first.
    fn begin(&mut self) {
        let scene = Arc::clone(&self.scene);
        self.spawn(Layer::Network, async move {
            let read =
                tokio::task::spawn_blocking(move || local::look(&scene.ground, &scene.subject));
            read.await.map_or(Piece::Nothing, |local| Piece::Local(Box::new(local)))
        });
        if self.scene.subject.proxy.is_some() {
            let scene = Arc::clone(&self.scene);
            self.spawn(Layer::Network, async move {
                match &scene.subject.proxy {
                    Some(proxy) => Piece::Proxy(asked::knock_at_proxy(&scene, proxy).await),
                    None => Piece::Nothing,
                }
            });
        }
        self.addresses();
        self.ask_names(Ask::System);
        if !dns::is_inside(&self.scene.subject.base.host) {
            for doh in self.scene.ground.doh.clone() {
                self.ask_name(Ask::Doh(doh));
            }
        }
        if let Some(doh) = self.scene.ground.doh.first().cloned() {
            self.ask_neutral(Ask::Doh(doh));
        }
        self.ask(Question::Open);
        if self.scene.subject.header.is_some() {
            self.ask(Question::Models);
        }
        self.control();
    }

    /// Addresses that need no name: written in the URL, or beside it.
    fn addresses(&mut self) {
        let subject = &self.scene.subject;
        let written = subject.base.literal().into_iter().chain(subject.addresses.iter().copied());
        for address in written.collect::<Vec<_>>() {
            self.road(address);
        }
    }

    fn control(&mut self) {
        for address in self.scene.ground.neutral.addresses.clone() {
            let scene = Arc::clone(&self.scene);
            self.spawn(Layer::Network, async move {
                Piece::Knock(
                    address,
                    wire::tcp(&scene.ground, address, scene.ground.limits.tcp).await.0,
                )
            });
        }
        for page in self.scene.ground.neutral.portals.clone() {
            let scene = Arc::clone(&self.scene);
            self.spawn(Layer::Network, async move {
                let (portal, ahead_ms) = control::portal(&scene, &page).await;
                Piece::Portal(page.url, portal, ahead_ms)
            });
        }
        if let Some((host, port)) = self.scene.ground.neutral.tls.clone() {
            let scene = Arc::clone(&self.scene);
            self.spawn(Layer::Control, async move {
                Piece::Tls(control::tls(&scene, &host, port).await.map(Box::new))
            });
        }
    }

    fn ask_names(&mut self, ask: Ask) {
        self.ask_neutral(ask.clone());
        self.ask_name(ask);
    }

    fn ask_name(&mut self, ask: Ask) {
        if self.scene.subject.base.literal().is_some() {
            return;
        }
        let scene = Arc::clone(&self.scene);
        self.spawn(Layer::Dns, async move {
            let answer = ask.about(&scene.ground, &scene.subject.base.host).await;
            Piece::Name(ask.witness(), answer)
        });
    }

    fn ask_neutral(&mut self, ask: Ask) {
        let Some(name) = self.scene.ground.neutral.name.clone() else { return };
        let scene = Arc::clone(&self.scene);
        self.spawn(Layer::Control, async move {
            let answer = ask.about(&scene.ground, &name).await;
            Piece::Neutral(ask.witness(), answer)
        });
    }

    fn ask(&mut self, question: Question) {
        let scene = Arc::clone(&self.scene);
        self.spawn(Layer::Http, async move {
            Piece::Asked(question, Box::new(asked::ask(&scene, question).await))
        });
    }

    /// Behind a proxy there are no roads of ours.
    fn road(&mut self, address: IpAddr) {
        let family = self.tried.iter().filter(|it| it.is_ipv4() == address.is_ipv4());
        let full = roads::ADDRESSES_MAX <= family.count();
        if full || self.scene.subject.proxy.is_some() || !self.tried.insert(address) {
            return;
        }
        let scene = Arc::clone(&self.scene);
        self.spawn(Layer::Tls, async move {
            let road = roads::road(&scene, address).await;
            road.map_or(Piece::Nothing, |road| Piece::Road(address, Box::new(road)))
        });
    }

    /// Writes a piece down, and begins what it makes possible.
    fn take(&mut self, piece: Piece) {
        match piece {
            Piece::Local(local) => self.local(*local),
            Piece::Proxy(seen) => self.evidence.here.proxy = Some(seen),
            Piece::Name(witness, answer) => self.named(witness, answer),
            Piece::Neutral(witness, answer) => {
                self.evidence.control.names.insert(witness, answer);
            }
            Piece::Proof(proof) => self.evidence.dnssec = proof,
            Piece::Road(address, road) => {
                self.evidence.roads.insert(address, *road);
            }
            Piece::Asked(question, outcome) => {
                self.ahead_ms.extend(outcome.ahead_ms);
                self.spend(question, &outcome.asked);
                self.region(question, &outcome.asked);
                self.evidence.asked.insert(question, outcome.asked);
            }
            Piece::Knock(address, knock) => {
                self.evidence.control.neutral.insert(address.to_string(), knock);
            }
            Piece::Portal(url, portal, ahead_ms) => {
                self.ahead_ms.extend(ahead_ms);
                self.evidence.control.portals.insert(url, portal);
            }
            Piece::Region(host, asked) => {
                self.evidence.control.regions.insert(host, *asked);
            }
            Piece::Tls(session) => self.evidence.control.tls = session.map(|it| *it),
            Piece::Nothing => {}
        }
    }

    /// The files are read: now it is known whom else to ask.
    fn local(&mut self, local: Local) {
        let seen = self.evidence.here.proxy.take();
        self.evidence.here = local.here;
        if seen.is_some() {
            self.evidence.here.proxy = seen;
        }
        if let Some(answer) = dns::of_hosts(&self.evidence.here.hosts) {
            self.named(Witness::Hosts, answer);
        }
        if let Some(stub) = local.stub {
            self.ask_name(Ask::Stub(stub));
        }
        if let Some(first) = local.upstreams.first().or(local.stub.as_ref()) {
            self.ask_neutral(Ask::Udp(*first));
        }
        for server in &local.upstreams {
            self.ask_name(Ask::Udp(*server));
            self.ask_name(Ask::Tcp(*server));
        }
    }

    /// Somebody answered: each new address is a road, and the first resolver that knows the name is
    /// asked for its signatures.
    fn named(&mut self, witness: Witness, answer: Answer) {
        for address in answer.addresses.clone() {
            self.road(address);
        }
        let server = match &witness {
            Witness::Udp(server) | Witness::Tcp(server) if answer.came() => Some(*server),
            Witness::System
            | Witness::Hosts
            | Witness::Stub
            | Witness::Udp(_)
            | Witness::Tcp(_)
            | Witness::Doh(_)
            | Witness::Authority(_) => None,
        };
        if let Some(server) = server.filter(|_| !self.proving) {
            self.proving = true;
            let scene = Arc::clone(&self.scene);
            self.spawn(Layer::Dns, async move {
                let host = &scene.subject.base.host;
                Piece::Proof(dns::validate(&scene.ground, server, host).await)
            });
        }
        self.evidence.names.insert(witness, answer);
    }

    /// Free questions first: what costs tokens is asked where the key was taken.
    fn spend(&mut self, question: Question, asked: &Asked) {
        let last =
            if self.scene.subject.header.is_some() { Question::Models } else { Question::Open };
        let taken = asked.status.is_some_and(|status| !matches!(status, 401 | 403 | 407));
        if question == last && taken && self.scene.subject.completion.is_some() {
            self.ask(Question::Whole);
            self.ask(Question::Streamed);
        }
    }

    /// Whether it is this region alone: asked only where the free question did not come back as it should.
    fn region(&mut self, question: Question, asked: &Asked) {
        let fails = question == Question::Open && !asked.is_as_it_should(question);
        let there = || elsewhere(&self.scene.ground, &self.scene.subject);
        let Some(subject) = fails.then(there).flatten() else { return };
        let scene = Arc::new(Scene { subject, ..Scene::clone(&self.scene) });
        self.spawn(Layer::Http, async move {
            Piece::Region(scene.subject.base.host.clone(), Box::new(open(&scene).await))
        });
    }

    /// A step of a layer ended, and with the last of them the layer.
    fn ended(&mut self, layer: Layer) {
        if let Some(open) = self.open.get_mut(&layer) {
            *open = open.saturating_sub(1);
        }
        self.date();
        self.roads();
        for layer in LAYERS {
            if !self.over.contains(&layer) && self.is_over(layer) {
                self.over.insert(layer);
                (self.told)(layer, &self.evidence);
            }
        }
    }

    /// Whether nothing of a layer is under way, and nothing more will be.
    fn is_over(&self, layer: Layer) -> bool {
        let idle = |layer: Layer| self.open.get(&layer).is_none_or(|open| *open == 0);
        match layer {
            // Whom to ask stands in the files, and which addresses there are is told by names.
            Layer::Dns | Layer::Control => idle(layer) && idle(Layer::Network),
            Layer::Tls => idle(layer) && idle(Layer::Dns) && idle(Layer::Network),
            Layer::Network | Layer::Http | Layer::Status | Layer::Yours | Layer::Config => {
                idle(layer)
            }
        }
    }

    /// Who named each address.
    fn roads(&mut self) {
        let Evidence { names, roads, .. } = &mut self.evidence;
        for (address, road) in roads {
            let by = names.iter().filter(|(_, answer)| answer.addresses.contains(address));
            road.from = by.map(|(witness, _)| witness.clone()).collect();
        }
    }

    /// The middle of what all answers say of our clock, in whole seconds.
    fn date(&mut self) {
        self.ahead_ms.sort_unstable();
        let middle = self.ahead_ms.get(self.ahead_ms.len() / 2);
        self.evidence.here.clock_ahead_s = middle.map(|ms| (ms + 500).div_euclid(1000));
    }

    fn finish(mut self, began: Instant) -> Evidence {
        self.roads();
        self.evidence.took_ms = wire::ms(began.elapsed());
        for layer in LAYERS {
            if !self.over.contains(&layer) {
                (self.told)(layer, &self.evidence);
            }
        }
        self.evidence
    }
}

#[cfg(test)]
mod tests;
