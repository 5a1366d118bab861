//! `/v1/models`: what callers may ask for, patterns listed by what they resolve to.
//!
//! Clients give this three seconds and follow no redirect; so does it with providers, all at once.
//! What a provider does not say in time is left out, never an error: the names that are configured
//! are always there.

use crate::answer::Answer;
use crate::refusal::{Reason, Refusal};
use crate::{Shared, forward, respond};
use codec::own::{ModelRow, model, models};
use config::{Config, Credential, Link, Model, Name, Provider};
use http::{HeaderMap, Response, StatusCode};
use ir::{Dialect, Time};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::timeout;
use transport::Upstream;

/// What providers said lately.
#[derive(Debug)]
pub(crate) struct Lists(Mutex<Vec<Option<List>>>);

/// What one provider said, and when.
#[derive(Clone, Debug)]
struct List {
    at: Time,
    ids: Vec<String>,
}

/// The callers' patience is 3 s; ours must be shorter.
const WITHIN: Duration = Duration::from_millis(2500);
/// How long a list is good for.
const FRESH: Duration = Duration::from_mins(1);
/// The largest list that is read.
const LIST_MAX: usize = 4 << 20;

// === impl Lists ===

impl Lists {
    pub(crate) fn new(providers: usize) -> Self {
        Self(Mutex::new(vec![None; providers]))
    }

    fn fresh(&self, provider: usize, now: Time) -> Option<Vec<String>> {
        let lists = self.0.lock();
        let list = lists.get(provider)?.as_ref()?;
        (now.since(list.at) < FRESH).then(|| list.ids.clone())
    }

    fn keep(&self, provider: usize, at: Time, ids: &[String]) {
        if let Some(slot) = self.0.lock().get_mut(provider) {
            *slot = Some(List { at, ids: ids.to_vec() });
        }
    }
}

/// The list, or one entry of it.
pub(crate) async fn answer(
    shared: &Shared,
    dialect: Dialect,
    id: Option<String>,
    headers: &HeaderMap,
    request_id: &str,
) -> Response<Answer> {
    let rows = rows(shared, dialect, headers).await;
    let rows: Vec<ModelRow<'_>> = rows
        .iter()
        .map(|(id, owner)| ModelRow { id, display_name: id, created_unix: 0, owned_by: owner })
        .collect();
    let Some(id) = id else { return respond::document(StatusCode::OK, models(dialect, &rows)) };
    if let Some(row) = rows.iter().find(|row| row.id == id) {
        return respond::document(StatusCode::OK, model(dialect, row));
    }
    let message = format!("no model {id:?} is served here");
    let refusal = Refusal::new(dialect, Reason::UnknownModel, message);
    respond::refusal(&refusal, request_id)
}

/// Every name and who serves it first, in order of names.
async fn rows(shared: &Shared, dialect: Dialect, headers: &HeaderMap) -> BTreeMap<String, String> {
    let config = &shared.config;
    let mut rows = BTreeMap::new();
    let mut open = Vec::new();
    for section in &config.models {
        let Some(first) = first(config, section, dialect) else { continue };
        let owner = config.provider(first).map_or("", |provider| provider.name.as_str());
        match section.pattern.as_exact() {
            Some(name) => {
                rows.insert(name.to_owned(), owner.to_owned());
            }
            None => open.push((section, first)),
        }
    }
    let wanted: Vec<usize> = open.iter().map(|(_, link)| link.provider).collect();
    let lists = lists(shared, &wanted, headers).await;
    for (section, link) in open {
        let owner = config.provider(link).map_or("", |provider| provider.name.as_str());
        for theirs in lists.get(&link.provider).into_iter().flatten() {
            let name = match &link.name {
                Name::Matched => section.pattern.to_string().replacen('*', theirs, 1),
                Name::Asked | Name::Fixed(_) => theirs.clone(),
            };
            let ours = config.find(&name).is_some_and(|found| std::ptr::eq(found, section));
            if ours {
                rows.entry(name).or_insert_with(|| owner.to_owned());
            }
        }
    }
    rows
}

/// The first who serves callers of a family: of `OpenAI`'s, those of Chat and those of Responses.
fn first<'a>(config: &'a Config, section: &'a Model, dialect: Dialect) -> Option<&'a Link> {
    let links = config.links(section, dialect).into_iter();
    let beside = match dialect {
        Dialect::Chat => config.links(section, Dialect::Responses),
        Dialect::Messages | Dialect::Responses => Vec::new(),
    };
    links.chain(beside).next()
}

/// Asks every provider that is wanted, at once.
async fn lists(
    shared: &Shared,
    wanted: &[usize],
    headers: &HeaderMap,
) -> BTreeMap<usize, Vec<String>> {
    let now = shared.clock.now();
    let mut found = BTreeMap::new();
    let mut asking = JoinSet::new();
    for index in wanted {
        if found.contains_key(index) {
            continue;
        }
        if let Some(list) = shared.lists.fresh(*index, now) {
            found.insert(*index, list);
            continue;
        }
        found.insert(*index, Vec::new());
        let provider = shared.config.providers.get(*index);
        let (Some(provider), Some(served)) = (provider, shared.served.get(*index)) else {
            continue;
        };
        let asked = ask(provider, &served.upstream, headers);
        let index = *index;
        asking.spawn(async move { (index, timeout(WITHIN, asked).await.ok().flatten()) });
    }
    while let Some(answered) = asking.join_next().await {
        let Ok((index, Some(list))) = answered else { continue };
        let owned = shared.config.providers.get(index).is_some_and(is_callers);
        if !owned {
            shared.lists.keep(index, now, &list);
        }
        found.insert(index, list);
    }
    found
}

/// What one caller may see is not what another may see.
fn is_callers(provider: &Provider) -> bool {
    provider.credentials.iter().any(|credential| matches!(credential, Credential::Caller))
}

fn ask(
    provider: &Provider,
    upstream: &Upstream,
    headers: &HeaderMap,
) -> impl Future<Output = Option<Vec<String>>> + Send + 'static {
    let request = forward::list_request(provider, Some(headers));
    let (upstream, connect) = (upstream.clone(), provider.deadlines.connect);
    async move {
        let answer = upstream.send_within(connect, request.ok()?).await.ok()?;
        if answer.status != 200 {
            return None;
        }
        answer.read(LIST_MAX).await.map(|body| codec::read_models(&body))
    }
}
