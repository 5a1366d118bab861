//! Configuration and head → plan: which targets, in which order, within which limits.

use crate::Shared;
use crate::ask::{Ask, Endpoint, Stored};
use crate::owners::{Known, Owner};
use crate::refusal::{Reason, Refusal};
use config::{Config, Credential, Link, Midstream, Model, OnEmpty, OnFilter, Provider, Whole};
use ir::{Dialect, Repair, Shape};
use policy::{Leg, Plan, ProviderId};
use std::sync::Arc;
use std::time::Duration;

/// The plan of a request, or why there is none.
pub(crate) fn plan(shared: &Shared, ask: &Ask) -> Result<Plan, Refusal> {
    if let Some(stored) = &ask.stored {
        return keeper(shared, ask, stored);
    }
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
    bind(shared, ask, &mut legs)?;
    legs.shrink_to_fit();
    let wished = continues(model, ask);
    Ok(Plan {
        filter_next: model.content_filter == OnFilter::Next,
        empty_next: model.empty == OnEmpty::Next && ask.endpoint == Endpoint::Create,
        continues: wished && ask.head.continuable,
        unjoinable: (wished && !ask.head.continuable).then_some(UNJOINABLE),
        ..of_legs(shared, ask, (legs, total))
    })
}

fn of_legs(shared: &Shared, ask: &Ask, (legs, total): (Vec<Leg>, Duration)) -> Plan {
    let config = &shared.config;
    Plan {
        shape: ask.shape(),
        retries: config.retries,
        ping_every: config.server.ping_every,
        total,
        filter_next: false,
        empty_next: false,
        continues: false,
        unjoinable: None,
        structured: ask.head.structured,
        hold_max: usize::try_from(config.server.answer_max).unwrap_or(usize::MAX),
        seed: shared.entropy.draw(),
        legs,
    }
}

/// Leaves only whom a request is bound to: whoever keeps the answer that it goes on from, where that is
/// known, else the first of its chain. Nobody, where the answer was given to another key.
fn bind(shared: &Shared, ask: &Ask, legs: &mut Vec<Leg>) -> Result<(), Refusal> {
    if !ask.head.kept.is_bound() {
        return Ok(());
    }
    let id = ask.head.kept.previous.as_deref().unwrap_or_default();
    let owner = match shared.owners.of(&ask.principal, id) {
        Known::Own(owner) => owner,
        Known::Others => return Err(not_found(ask, id)),
        Known::Nothing => {
            legs.truncate(1);
            return Ok(());
        }
    };
    if owner.part {
        return Err(in_parts(ask, id));
    }
    let Some((_, served, credential)) = shared.keeper(&owner) else {
        return Err(out_of_reach(shared, ask, id, &owner));
    };
    legs.retain(|leg| leg.provider == served.id);
    for leg in legs.iter_mut() {
        leg.only = Some(credential);
    }
    if legs.is_empty() { Err(out_of_reach(shared, ask, id, &owner)) } else { Ok(()) }
}

/// The plan of a question about an answer that is kept: whoever keeps it, where that is known, else the
/// first provider that could. There is none about another key's.
fn keeper(shared: &Shared, ask: &Ask, stored: &Stored) -> Result<Plan, Refusal> {
    let config = &shared.config;
    let id = stored.id.as_str();
    let owner = match shared.owners.of(&ask.principal, id) {
        Known::Own(owner) => Some(owner),
        Known::Others => return Err(not_found(ask, id)),
        Known::Nothing => None,
    };
    if stored.is_answer() && owner.as_ref().is_some_and(|owner| owner.part) {
        return Err(in_parts(ask, id));
    }
    let mine = |provider: &Provider| provider.credentials.iter().any(is_callers);
    let fits = |provider: &Provider| {
        provider.speaks(ask.dialect) && (ask.brings_credential() || !mine(provider))
    };
    let (provider, served, only) = if let Some(owner) = &owner {
        let found = shared.keeper(owner).ok_or_else(|| out_of_reach(shared, ask, id, owner))?;
        (found.0, found.1, Some(found.2))
    } else {
        let found = config.providers.iter().zip(&shared.served).find(|(it, _)| fits(it));
        let (provider, served) = found.ok_or_else(|| {
            let message = "no provider here speaks Responses and has a key: nobody keeps answers";
            Refusal::new(ask.dialect, Reason::OutOfReach, message)
        })?;
        (provider, &**served, None)
    };
    let leg = Leg {
        provider: served.id,
        watched: false,
        model: Arc::from("-"),
        name: Arc::from(format!("{}/-", provider.name)),
        dialect: ask.dialect,
        local: provider.local,
        caller_owned: provider.credentials.first().is_some_and(is_callers),
        credentials: provider.credentials.len(),
        only,
        thinking: false,
        crossed: false,
        prefill: false,
        codes: provider.quirks.codes,
        deadlines: provider.deadlines,
    };
    let total = leg.deadlines.total;
    Ok(of_legs(shared, ask, (vec![leg], total)))
}

fn is_callers(credential: &Credential) -> bool {
    matches!(credential, Credential::Caller)
}

/// The answer is another key's: nobody else learns more of it than of one that never was. Whoever keeps
/// it would hand it over, since it is asked with a credential of ours.
fn not_found(ask: &Ask, id: &str) -> Refusal {
    let (what, reason, field) = match &ask.stored {
        Some(_) => ("Response", Reason::NoAnswer, None),
        None => ("Previous response", Reason::NoPrevious, Some("previous_response_id")),
    };
    let message = format!("{what} with id '{id}' not found.");
    Refusal { field, ..Refusal::new(ask.dialect, reason, message) }
}

/// Who keeps an answer may not be asked.
fn out_of_reach(shared: &Shared, ask: &Ask, id: &str, owner: &Owner) -> Refusal {
    let Owner { provider, .. } = owner;
    let named = shared.config.providers.iter().any(|it| *it.name == **provider);
    let message = if named && shared.keeper(owner).is_none() {
        format!(
            "the answer {id:?} is kept by an account of {provider:?} whose key is not configured \
             here any more: send the conversation itself"
        )
    } else {
        format!(
            "the answer {id:?} is kept by {provider:?}, which does not serve this model here any \
             more: ask for a model that it serves, or send the conversation itself"
        )
    };
    Refusal::new(ask.dialect, Reason::OutOfReach, message)
}

/// Nobody keeps all of an answer that was cut.
fn in_parts(ask: &Ask, id: &str) -> Refusal {
    let message = format!(
        "the answer {id:?} was cut, and finished by another target: nobody keeps all of it. Send \
         the conversation itself"
    );
    Refusal::new(ask.dialect, Reason::OutOfReach, message)
}

/// One link of a chain as a leg. Tokens are counted in the caller's dialect only.
fn leg(shared: &Shared, model: &Model, link: &Link, ask: &Ask) -> Option<Leg> {
    let config = &shared.config;
    let asked = &ask.head.model;
    let provider = config.provider(link)?;
    let crossed = !provider.speaks(ask.dialect);
    if crossed && ask.endpoint != Endpoint::Create {
        return None;
    }
    let name: Arc<str> = Arc::from(config.target(model, link, asked));
    let upstream: Arc<str> = Arc::from(link.model(model, asked));
    let provider_id = shared.served.get(link.provider)?.id;
    let refuses = |repair| learnt(shared, provider_id, &upstream, repair);
    let spoken = if crossed { provider.dialect } else { ask.dialect };
    let prefill = config::prefills(provider.quirks, spoken, &upstream) && !ask.head.thinking;
    Some(Leg {
        provider: provider_id,
        watched: is_watched(model, ask) && !refuses(Repair::Plain),
        prefill: prefill && !refuses(Repair::Unprefilled),
        model: upstream,
        name,
        dialect: spoken,
        local: provider.local,
        caller_owned: provider.credentials.first().is_some_and(is_callers),
        credentials: provider.credentials.len(),
        only: None,
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

/// Whether a stream that fails after content is to be gone on with.
fn continues(model: &Model, ask: &Ask) -> bool {
    match model.midstream {
        Midstream::Continue => ask.endpoint == Endpoint::Create && ask.shape() == Shape::Stream,
        Midstream::Stop => false,
    }
}

/// Why halves of an answer could not be joined, as far as the request tells (`codec::Head`).
const UNJOINABLE: &str =
    "it asked for several choices, probabilities or sound, or for what its provider keeps";

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
    let crosses = |link: &Link| {
        config.provider(link).is_some_and(|provider| provider.dialect.crosses(ask.dialect))
    };
    let reachable = model.chain.iter().any(crosses);
    let path = match ask.dialect {
        Dialect::Chat | Dialect::Messages if !reachable => Dialect::Responses.path(),
        Dialect::Chat => Dialect::Messages.path(),
        Dialect::Messages | Dialect::Responses => Dialect::Chat.path(),
    };
    let (model, spoken) = (&ask.head.model, spoken.join(", "));
    let (reason, message) = match ask.endpoint {
        Endpoint::Create | Endpoint::Compact if !reachable => (
            Reason::OtherDialect,
            format!(
                "nobody who serves {model:?} speaks {}, and nothing crosses to it from what they \
                 speak ({spoken}): ask at /v1{path}, or add a provider that speaks it to the chain",
                ask.dialect.name()
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
        Endpoint::Count | Endpoint::Compact | Endpoint::Stored => (
            Reason::NoCounter,
            format!("nobody who serves {model:?} counts tokens in this dialect: {spoken}"),
        ),
    };
    Refusal::new(ask.dialect, reason, message)
}
