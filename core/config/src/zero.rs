//! The configuration where a file says nothing: vendors from the environment, local servers that
//! were found, every model with its own vendor first.
//!
//! **Invariant:** without [`Fallback::Any`] no chain holds two vendors; a local server is none.
//! `ANTHROPIC_BASE_URL` and its like are not read: where Backstop runs they point at Backstop.

use crate::assemble::{Common, from_environment};
use crate::{
    BaseUrl, Config, Credential, Fallback, FoundLocal, Link, Midstream, Model, Name, OnEmpty,
    OnFilter, Overrides, Pattern, Problem, Provider, Surroundings, Whole, providers,
};
use ir::{Crossable, Quirks};
use policy::Deadlines;

/// What vendors call their own models.
const OWN_NAMES: &[(&str, &[&str])] =
    &[("anthropic", &["claude-*"]), ("openai", &["gpt-*", "chatgpt-*", "o1*", "o3*", "o4*"])];

/// These are offered with the caller's own key where we have none.
const ALWAYS: &[&str] = &["anthropic", "openai"];

/// What there is to offer beside a file.
pub(crate) struct Offer<'a> {
    pub(crate) around: &'a dyn Surroundings,
    /// Local servers that were found.
    pub(crate) found: &'a [FoundLocal],
    pub(crate) fallback: Fallback,
    /// The global deadlines.
    pub(crate) deadlines: Deadlines,
    /// The way to everybody.
    pub(crate) common: &'a Common,
}

/// A place where a local model may be had.
struct Local {
    provider: usize,
    models: Vec<String>,
}

/// Adds what a configuration does not say: providers where there are none, then models. Its chains
/// are never longer than `retries.total`, which is raised where it must be.
pub(crate) fn fill(config: &mut Config, offer: &Offer<'_>) {
    let mut local = Vec::new();
    if config.providers.is_empty() {
        clouds(config, offer);
        for server in offer.found {
            local.extend(add_local(config, offer, server));
        }
    }
    config.models = models(&config.providers, &local, offer.fallback);
    let longest = config.models.iter().map(|model| model.chain.len()).max().unwrap_or(0);
    let longest = u32::try_from(longest).unwrap_or(u32::MAX);
    config.retries.total = config.retries.total.max(longest);
}

/// The vendors whose usual environment variable is set, and those that are always there.
fn clouds(config: &mut Config, offer: &Offer<'_>) {
    for quirks in providers::ROWS.iter().filter(|row| !row.local && !row.base_url.is_empty()) {
        let ours = credential(config, quirks, offer);
        let caller = ALWAYS.contains(&quirks.name).then_some(Credential::Caller);
        let (Some(credential), Ok(base_url)) = (ours.or(caller), BaseUrl::parse(quirks.base_url))
        else {
            continue;
        };
        let way = offer.common.way(&base_url, false);
        config.providers.push(Provider {
            name: quirks.name.to_owned(),
            quirks,
            dialect: quirks.dialect,
            base_url,
            credentials: vec![credential],
            local: false,
            deadlines: offer.deadlines,
            way,
            status_page: None,
        });
    }
}

/// A provider of the table as it would be without a file: with its key from the environment, or with
/// the caller's own where there is none. `None` where there is no such row, or no usual place for it.
pub fn known(name: &str, around: &dyn Surroundings) -> Option<Provider> {
    let quirks = providers::row(name).filter(|row| !row.base_url.is_empty())?;
    let base_url = BaseUrl::parse(quirks.base_url).ok()?;
    let ours = from_environment(quirks, around, |_, _, _| {});
    let usual = if quirks.local { Credential::None } else { Credential::Caller };
    Some(Provider {
        name: quirks.name.to_owned(),
        quirks,
        dialect: quirks.dialect,
        way: Common::usual(around).way(&base_url, quirks.local),
        base_url,
        credentials: vec![ours.unwrap_or(usual)],
        local: quirks.local,
        deadlines: Deadlines::default(),
        status_page: None,
    })
}

fn credential(config: &mut Config, quirks: &Quirks, offer: &Offer<'_>) -> Option<Credential> {
    from_environment(quirks, offer.around, |name, what, hint| {
        config.warnings.push(Problem::outside(name, what, hint));
    })
}

/// A local server, once per dialect that crosses: all of them speak both below the same `/v1` (Ollama from 0.14
/// (<https://ollama.com/blog/claude>), llama.cpp from January 2026 (its pull request 17570), LM
/// Studio (<https://lmstudio.ai/docs/developer/anthropic-compat>), vLLM
/// (<https://docs.vllm.ai/en/v0.32.0/serving/online_serving/>)). One that is older answers 404,
/// which takes that target out. Responses is spoken beside Chat: see [`Provider::speaks`].
fn add_local(config: &mut Config, offer: &Offer<'_>, server: &FoundLocal) -> Vec<Local> {
    let quirks = server.quirks;
    let base_url = match BaseUrl::parse(&server.base_url) {
        Ok(base_url) => base_url,
        Err(fault) => {
            let what = format!("the address where it was found {}", fault.what);
            config.warnings.push(Problem::outside(quirks.name, what, fault.hint));
            return Vec::new();
        }
    };
    let ours = credential(config, quirks, offer).unwrap_or(Credential::None);
    let mut added = Vec::new();
    for dialect in Crossable::ALL.map(Crossable::dialect) {
        let name = if dialect == quirks.dialect {
            quirks.name.to_owned()
        } else {
            format!("{}-{}", quirks.name, dialect.name())
        };
        let name = free_name(config, name);
        added.push(Local { provider: config.providers.len(), models: server.models.clone() });
        config.providers.push(Provider {
            name,
            quirks,
            dialect,
            base_url: base_url.clone(),
            credentials: vec![ours.clone()],
            local: true,
            deadlines: offer.deadlines,
            way: offer.common.way(&base_url, true),
            status_page: None,
        });
    }
    added
}

/// The name, or the name with the first number that makes it a new one.
fn free_name(config: &Config, name: String) -> String {
    let taken = |name: &str| config.providers.iter().any(|provider| provider.name == name);
    if !taken(&name) {
        return name;
    }
    let numbered = (2_u32..).map(|number| format!("{name}-{number}"));
    numbered.into_iter().find(|name| !taken(name)).unwrap_or(name)
}

/// Every vendor's own names, every provider's `NAME/…`, and every local model.
fn models(providers: &[Provider], local: &[Local], fallback: Fallback) -> Vec<Model> {
    let mut models: Vec<Model> = Vec::new();
    for (place, provider) in providers.iter().enumerate() {
        let own = OWN_NAMES.iter().filter(|(row, _)| *row == provider.quirks.name);
        for pattern in own.flat_map(|(_, patterns)| *patterns) {
            add(&mut models, Pattern::new(pattern), place, Name::Asked);
        }
        let pattern = Pattern::new(&format!("{}/*", provider.name));
        add(&mut models, pattern, place, Name::Matched);
    }
    for server in local {
        for model in &server.models {
            let name = Name::Fixed(model.clone());
            add(&mut models, Pattern::exact(model), server.provider, name);
        }
    }
    for model in &mut models {
        if fallback == Fallback::Any {
            append_vendors(model, providers);
        }
        for server in local {
            append_local(model, server);
        }
    }
    models
}

/// Adds a link to the model of a pattern, which is made where there is none.
fn add(models: &mut Vec<Model>, pattern: Pattern, provider: usize, name: Name) {
    let link = Link { provider, name };
    if let Some(model) = models.iter_mut().find(|model| model.pattern == pattern) {
        model.chain.push(link);
        return;
    }
    models.push(Model {
        pattern,
        chain: vec![link],
        deadlines: Overrides::default(),
        midstream: Midstream::default(),
        whole: Whole::default(),
        content_filter: OnFilter::default(),
        empty: OnEmpty::default(),
    });
}

/// The other vendors we have a key of our own for, each with the model that its documentation
/// names, or with the name that was asked for. Never a vendor that would get a caller's key.
fn append_vendors(model: &mut Model, providers: &[Provider]) {
    for (place, provider) in providers.iter().enumerate() {
        let ours = provider.credentials.iter().any(Credential::is_ours);
        if provider.local || !ours || model.chain.iter().any(|link| link.provider == place) {
            continue;
        }
        let row = provider.quirks.name;
        let named = providers::FALLBACK_MODELS.iter().find(|(name, _)| *name == row);
        let name = named.map_or(Name::Asked, |(_, model)| Name::Fixed((*model).to_owned()));
        model.chain.push(Link { provider: place, name });
    }
}

/// A local server's first model that is not made for embeddings, where the chain does not name the
/// server already.
fn append_local(model: &mut Model, server: &Local) {
    let first = server.models.iter().find(|name| !name.to_lowercase().contains("embed"));
    let there = model.chain.iter().any(|link| link.provider == server.provider);
    if let (Some(first), false) = (first, there) {
        model.chain.push(Link { provider: server.provider, name: Name::Fixed(first.clone()) });
    }
}
