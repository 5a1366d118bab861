//! Everything at once: measuring, pages, other providers, and what a running gateway knows.

use super::Finding;
use super::scope::{Patient, Scope};
use super::screen::Screen;
use crate::prober::{ground_of, page_of, unknown, web};
use crate::status::{self, Here};
use config::Provider;
use ir::Evidence;
use ir::evidence::{Asked, Form, Heard, Page, Question, Sibling, Traffic};
use monitor::{Layer, Line};
use probe::{Ground, Subject, knock, measure};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::sync::mpsc::{Sender, channel};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Nothing takes longer than this in all.
const WITHIN: Duration = Duration::from_secs(9);
/// Lines on their way to the screen: each layer of each patient once.
const LINES_MAX: usize = 16 * 8;

/// What came of one part.
enum Part {
    Measured(usize, Box<Evidence>),
    Page(usize, Page),
    Sibling(String, bool),
    /// What a running gateway's requests met, by provider.
    Traffic(BTreeMap<String, Traffic>),
    /// A gateway runs there, and does not say how it stands without a key.
    Closed(SocketAddr),
}

/// Examines everybody of the scope within ten seconds, and tells the screen as layers end. With where a
/// gateway's console is that wants a key, if there is one.
pub(super) async fn all(
    scope: &Scope,
    mut screen: Screen,
    live: bool,
) -> anyhow::Result<(Vec<Finding>, Option<SocketAddr>)> {
    let (tell, mut told) = channel::<(usize, Line)>(LINES_MAX);
    let mut parts = JoinSet::new();
    for (place, patient) in scope.patients.iter().enumerate() {
        let ground = ground_of(scope.ground.clone(), &patient.provider, scope.watch);
        let subject = patient.subject.clone();
        parts.spawn(one(place, ground, subject, tell.clone()));
        parts.spawn(page(place, patient.provider.clone(), tell.clone()));
    }
    for sibling in &scope.siblings {
        parts.spawn(beside(scope.ground.clone(), sibling.clone()));
    }
    if let Some(at) = scope.console.filter(|at| at.ip().is_loopback()) {
        let whom = |it: &Patient| (it.subject.provider.clone(), at_of(&it.subject));
        parts.spawn(yours(at, scope.patients.iter().map(whom).collect(), tell.clone()));
    }
    drop(tell);
    if live {
        screen.begin()?;
    }
    let mut ended = Vec::new();
    loop {
        tokio::select! {
            Some((place, line)) = told.recv() => screen.tell(place, line)?,
            part = parts.join_next() => match part {
                Some(part) => ended.extend(part.ok()),
                None => break,
            },
        }
    }
    while let Ok((place, line)) = told.try_recv() {
        screen.tell(place, line)?;
    }
    let closed = ended.iter().find_map(|it| match it {
        Part::Closed(at) => Some(*at),
        Part::Measured(..) | Part::Page(..) | Part::Sibling(..) | Part::Traffic(_) => None,
    });
    let findings = join(scope, ended);
    screen.end()?;
    Ok((findings, closed))
}

/// What is known without asking anybody.
pub(super) fn nobody(scope: &Scope) -> Vec<Finding> {
    let look = |patient: &Patient| Finding::of(probe::look(&scope.ground, &patient.subject));
    scope.patients.iter().map(look).collect()
}

async fn one(place: usize, ground: Ground, subject: Subject, tell: Sender<(usize, Line)>) -> Part {
    let mut told = |layer: Layer, evidence: &Evidence| {
        let line = monitor::layer_line(layer, evidence);
        // A screen that is full has other lines to show, and gets this one with the verdict.
        tell.try_send((place, line)).unwrap_or_default();
    };
    Part::Measured(place, Box::new(measure(&ground, &subject, &mut told).await))
}

async fn page(place: usize, provider: Provider, tell: Sender<(usize, Line)>) -> Part {
    let page = timeout(WITHIN, read(&provider)).await;
    let page = page.unwrap_or_else(|_| unknown("nothing came in time"));
    let shown = Evidence { page: Some(page.clone()), ..Evidence::default() };
    let line = monitor::layer_line(Layer::Status, &shown);
    tell.try_send((place, line)).unwrap_or_default();
    Part::Page(place, page)
}

async fn read(provider: &Provider) -> Page {
    let Some(mut reader) = page_of(provider) else {
        return unknown("no status page is known for it");
    };
    match web(provider) {
        Ok(web) => reader.read(&web, super::unix_ms()).await,
        Err(error) => unknown(&error.to_string()),
    }
}

/// Where a provider is asked, as a gateway says it: a name alone may be somebody else's there.
fn at_of(subject: &Subject) -> String {
    format!("{}:{}", subject.base.host, subject.base.port)
}

/// What the requests of a gateway on this machine met, where one runs. `whom` are names, and where each
/// is asked.
async fn yours(at: SocketAddr, whom: Vec<(String, String)>, tell: Sender<(usize, Line)>) -> Part {
    let here = status::here(at).await;
    let closed = matches!(here, Here::Closed);
    let known: BTreeMap<String, Traffic> = match here {
        Here::Open(status) => {
            let all = status.providers.into_iter();
            let same = all.filter(|it| whom.contains(&(it.provider.clone(), it.host.clone())));
            same.filter_map(|it| Some((it.provider, it.traffic?))).collect()
        }
        Here::Closed | Here::Nobody => BTreeMap::new(),
    };
    for (place, (name, _)) in whom.iter().enumerate() {
        let traffic = known.get(name).cloned();
        let shown = Evidence { traffic, at_unix_ms: super::unix_ms(), ..Evidence::default() };
        let line = monitor::layer_line(Layer::Yours, &shown);
        tell.try_send((place, line)).unwrap_or_default();
    }
    if closed { Part::Closed(at) } else { Part::Traffic(known) }
}

/// Whether another provider is reached: any answer of its own below 500.
async fn beside(ground: Ground, subject: Subject) -> Part {
    let asked = timeout(WITHIN, knock(&ground, &subject)).await.unwrap_or_default();
    Part::Sibling(subject.provider, is_reached(&asked))
}

fn is_reached(asked: &Asked) -> bool {
    let below = asked.status.is_some_and(|status| status < 500);
    asked.heard == Heard::Answer && asked.form == Form::Json && below
}

/// Puts together what belongs together: those who were examined are each other's siblings.
fn join(scope: &Scope, parts: Vec<Part>) -> Vec<Finding> {
    let mut evidence: BTreeMap<usize, Evidence> = BTreeMap::new();
    let mut pages = BTreeMap::new();
    let mut siblings: BTreeMap<String, Sibling> = BTreeMap::new();
    let mut traffic = BTreeMap::new();
    for part in parts {
        match part {
            Part::Measured(place, it) => {
                if let Some(open) = it.asked.get(&Question::Open) {
                    let reached = Some(is_reached(open));
                    siblings.insert(it.provider.clone(), Sibling { reached, ..Sibling::default() });
                }
                evidence.insert(place, *it);
            }
            Part::Page(place, page) => {
                pages.insert(place, page);
            }
            Part::Traffic(known) => traffic = known,
            Part::Closed(_) => {}
            Part::Sibling(name, reached) => {
                let reached = Some(reached);
                siblings.insert(name, Sibling { reached, ..Sibling::default() });
            }
        }
    }
    let of = |(place, patient): (usize, &Patient)| {
        let mut evidence = evidence.remove(&place).unwrap_or_else(|| Evidence {
            provider: patient.subject.provider.clone(),
            host: patient.subject.base.host.clone(),
            port: patient.subject.base.port,
            ..Evidence::default()
        });
        evidence.page = pages.remove(&place);
        evidence.traffic = traffic.get(&evidence.provider).filter(|it| it.all.all() != 0).cloned();
        evidence.control.siblings = siblings.clone();
        evidence.control.siblings.remove(&evidence.provider);
        Finding::of(evidence)
    };
    scope.patients.iter().enumerate().map(of).collect()
}
