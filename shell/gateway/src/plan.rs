//! Configuration and head → plan: which targets, in which order, within which limits.

use crate::Shared;
use crate::ask::{Ask, Endpoint};
use crate::refusal::{Reason, Refusal};
use config::{Config, Credential, Link, Midstream, Model, OnEmpty, OnFilter, Whole};
use ir::{Dialect, Repair, Shape};
use policy::{Leg, Plan, ProviderId};
use std::sync::Arc;

/// The plan of a request, or why there is none.
pub(crate) fn plan(shared: &Shared, ask: &Ask) -> Result<Plan, Refusal> {
    let config = &shared.config;
    let model = config.find(&ask.head.model).ok_or_else(|| unknown(config, ask))?;
    let links = config.links(model, ask.dialect);
    let mut legs: Vec<Leg> =
        links.into_iter().filter_map(|link| leg(shared, model, link, ask)).collect();
    if legs.is_empty() {
        return Err(other_dialect(config, model, ask));
    }
    if !ask.brings_credential() {
        legs.retain(|leg| !leg.caller_owned);
    }
    let Some(total) = legs.iter().map(|leg| leg.deadlines.total).max() else {
        return Err(nobodys_key(config, model, ask));
    };
    let hold_max = usize::try_from(config.server.answer_max).unwrap_or(usize::MAX);
    legs.shrink_to_fit();
    Ok(Plan {
        shape: ask.shape(),
        retries: config.retries,
        ping_every: config.server.ping_every,
        total,
        filter_next: model.content_filter == OnFilter::Next,
        empty_next: model.empty == OnEmpty::Next && ask.endpoint == Endpoint::Create,
        continues: continues(model, ask),
        structured: ask.head.structured,
        hold_max,
        seed: shared.entropy.draw(),
        legs,
    })
}

/// One link of a chain as a leg. Tokens are counted in the caller's dialect only.
fn leg(shared: &Shared, model: &Model, link: &Link, ask: &Ask) -> Option<Leg> {
    let config = &shared.config;
    let asked = &ask.head.model;
    let provider = config.provider(link)?;
    let crossed = !provider.speaks(ask.dialect);
    if crossed && ask.endpoint == Endpoint::Count {
        return None;
    }
    let name: Arc<str> = Arc::from(config.target(model, link, asked));
    let upstream: Arc<str> = Arc::from(link.model(model, asked));
    let provider_id = shared.served.get(link.provider)?.id;
    let refuses = |repair| learnt(shared, provider_id, &upstream, repair);
    let spoken = if crossed { provider.dialect } else { ask.dialect };
    let prefill = config::prefills(provider.quirks, spoken, &upstream) && !ask.head.thinking;
    let caller = |credential: &Credential| matches!(credential, Credential::Caller);
    Some(Leg {
        provider: provider_id,
        watched: is_watched(model, ask) && !refuses(Repair::Plain),
        prefill: prefill && !refuses(Repair::Unprefilled),
        model: upstream,
        name,
        dialect: spoken,
        local: provider.local,
        caller_owned: provider.credentials.first().is_some_and(caller),
        credentials: provider.credentials.len(),
        thinking: ask.head.thinking,
        crossed,
        codes: provider.quirks.codes,
        deadlines: config.deadlines(model, link.provider),
    })
}

/// Whether an answer is asked for as a stream although the caller wants it whole.
fn is_watched(model: &Model, ask: &Ask) -> bool {
    let asked = match model.whole {
        Whole::Watched => ask.endpoint == Endpoint::Create && ask.shape() == Shape::Whole,
        Whole::Plain => false,
    };
    asked && ask.head.watchable
}

/// Whether a stream that fails after content is gone on with.
fn continues(model: &Model, ask: &Ask) -> bool {
    match model.midstream {
        Midstream::Continue => {
            ask.endpoint == Endpoint::Create && ask.shape() == Shape::Stream && ask.head.continuable
        }
        Midstream::Stop => false,
    }
}

/// Whether a target taught us this.
fn learnt(shared: &Shared, provider: ProviderId, model: &str, repair: Repair) -> bool {
    let now = shared.clock.now();
    shared.learned.lock().known(now, provider, model).contains(&repair)
}

fn unknown(config: &Config, ask: &Ask) -> Refusal {
    let near = config.near(&ask.head.model);
    let hint = if near.is_empty() {
        let served = config.models.iter().take(8).map(|model| model.pattern.to_string());
        format!("served here: {}", served.collect::<Vec<_>>().join(", "))
    } else {
        format!("did you mean {}?", near.join(", "))
    };
    let message = format!("no model {:?} is served here; {hint}", ask.head.model);
    Refusal::new(ask.dialect, Reason::UnknownModel, message)
}

/// Every target wants the caller's own key, and the caller brings none.
fn nobodys_key(config: &Config, model: &Model, ask: &Ask) -> Refusal {
    let env = |link: &Link| config.provider(link)?.quirks.env.first().copied();
    let names: Vec<&str> = model.chain.iter().filter_map(env).collect();
    let set = if names.is_empty() {
        "set api_key of its provider".to_owned()
    } else {
        format!("set {} where backstop runs", names.join(" or "))
    };
    let message = format!(
        "no key is configured for {:?}, and the request carries none: {set}, or send your own key",
        ask.head.model,
    );
    Refusal::new(ask.dialect, Reason::Unconfigured, message)
}

fn other_dialect(config: &Config, model: &Model, ask: &Ask) -> Refusal {
    let speaks = |link: &Link| {
        let provider = config.provider(link);
        provider.map(|provider| format!("{} speaks {}", provider.name, provider.dialect.name()))
    };
    let spoken: Vec<String> = model.chain.iter().filter_map(speaks).collect();
    let path = match ask.dialect {
        Dialect::Chat => Dialect::Messages.path(),
        Dialect::Messages | Dialect::Responses => Dialect::Chat.path(),
    };
    let (model, spoken) = (&ask.head.model, spoken.join(", "));
    let (reason, message) = match ask.endpoint {
        Endpoint::Create if ask.dialect.crossable().is_none() => (
            Reason::OtherDialect,
            format!(
                "nobody who serves {model:?} speaks Responses, which crosses to no other dialect \
                 ({spoken}): ask at /v1{path}, or add a provider that speaks it to the chain",
            ),
        ),
        Endpoint::Create => (
            Reason::OtherDialect,
            format!(
                "{model:?} is served with the caller's own key only, and such a key crosses to no \
                 other dialect ({spoken}): ask at /v1{path}, or give a provider a key of the gateway",
            ),
        ),
        // Clients take a clean 404 for "not here" and count by themselves.
        Endpoint::Count => (
            Reason::NoCounter,
            format!("nobody who serves {model:?} counts tokens in this dialect: {spoken}"),
        ),
    };
    Refusal::new(ask.dialect, reason, message)
}
