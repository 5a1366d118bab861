//! `backstop check`: what would run, per model, and what cannot be promised.

use crate::around::{self, Loaded};
use crate::cli::ConfigArgs;
use crate::serve::listener_settings;
use crate::{banner, confine, out, sink};
use anyhow::Context;
use config::{Config, Credential, Link, Model, Provider, Whole};
use ir::Dialect;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;
use transport::{Resolver, Roots, Upstream};

/// What one vendor's API is measured to give (status pages, first half of 2026).
const VENDOR: f64 = 0.992;

/// Checks and prints.
pub(crate) async fn run(args: &ConfigArgs) -> anyhow::Result<ExitCode> {
    let Some(loaded) = around::load(args).await? else { return Ok(ExitCode::from(2)) };
    let Loaded { config, path, .. } = &loaded;
    around::say_all(path.as_deref(), &config.warnings);
    let from = path.as_ref().map_or_else(|| "no file".to_owned(), |it| it.display().to_string());
    out::print(&format!(
        "{from}: {}, {}, {}, listening on {}",
        count(config.providers.len(), "provider"),
        count(config.models.len(), "model"),
        count(config.keys.len(), "key"),
        config.server.listen
    ))?;
    out::print(&confine::preview(&config.server))?;
    for model in &config.models {
        print_model(config, model)?;
    }
    let troubles = troubles(config);
    for trouble in &troubles {
        out::say(&format!("error: {trouble:#}"));
    }
    Ok(if troubles.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What `serve` would stumble over here and now, as this user, although each value is in order.
fn troubles(config: &Config) -> Vec<anyhow::Error> {
    let providers = config.providers.iter().map(|provider| {
        let connect = provider.deadlines.connect;
        let settings = gateway::over(&provider.way, connect, &Resolver::System, &Roots::native());
        let upstream = Upstream::new(settings).map(drop);
        upstream.with_context(|| format!("providers.{}", provider.name))
    });
    let handover = config.server.handover.iter().map(|path| {
        let made = confine::may_create(Path::new(path));
        made.with_context(|| format!("server.handover: {path}"))
    });
    let others = [listener_settings(config).map(drop), sink::probe(&config.server)];
    others.into_iter().chain(handover).chain(providers).filter_map(Result::err).collect()
}

/// `1 key`, `2 keys`.
fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

fn print_model(config: &Config, model: &Model) -> anyhow::Result<()> {
    out::print("")?;
    out::print(&format!("{}    {}", model.pattern, banner::chain(config, model)))?;
    for dialect in Dialect::ALL {
        let links = config.links(model, dialect);
        if links.is_empty() {
            let why = if dialect.crossable().is_some() {
                "served with the caller's own key only, in the other dialect"
            } else {
                "not served: nobody in this chain speaks it"
            };
            out::print(&format!("  {:16}  {why}", dialect.name()))?;
            continue;
        }
        out::print(&format!("  {:16}  asked in this order:", dialect.name()))?;
        for (place, link) in links.iter().enumerate() {
            let crosses = config.provider(link).is_some_and(|it| !it.speaks(dialect));
            let crosses = if crosses { ", asked in its own dialect" } else { "" };
            let what = describe(config, model, link);
            out::print(&format!("    {}. {what}{crosses}", place + 1))?;
        }
        for line in promises(config, &links) {
            out::print(&format!("    {line}"))?;
        }
    }
    Ok(())
}

fn describe(config: &Config, model: &Model, link: &Link) -> String {
    let Some(provider) = config.provider(link) else { return String::new() };
    let ours = provider.credentials.iter().filter(|credential| credential.is_ours()).count();
    let credential = match (ours, provider.credentials.first()) {
        (0, Some(Credential::Caller)) => "the caller's own key".to_owned(),
        (0, _) => "no key".to_owned(),
        (1, _) => "our key".to_owned(),
        (many, _) => format!("{many} keys of ours in turn"),
    };
    let deadlines = config.deadlines(model, link.provider);
    let target = config.target(model, link, "*");
    let place = if provider.local { ", on this machine" } else { "" };
    let way = describe_way(provider);
    let whole = match model.whole {
        Whole::Watched => "as streams".to_owned(),
        Whole::Plain => format!("{:?}", deadlines.patience_whole),
    };
    format!(
        "{target} at {}{way}, {credential}{place}; connect {:?}, patience {:?} (reasoning {:?}, whole \
         {whole}), first content {:?} (reasoning {:?}), idle {:?}",
        provider.base_url,
        deadlines.connect,
        deadlines.patience,
        deadlines.patience_thinking,
        deadlines.first_content,
        deadlines.first_content_thinking,
        deadlines.idle
    )
}

/// How it is reached, where that is not the usual way.
fn describe_way(provider: &Provider) -> String {
    let way = &provider.way;
    let pins: Vec<String> = way.addresses.iter().map(ToString::to_string).collect();
    let pins = if pins.is_empty() { String::new() } else { format!(" ({})", pins.join(", ")) };
    match &way.proxy {
        Some(proxy) => format!("{pins} through the proxy {}", proxy.authority()),
        None => pins,
    }
}

/// What the chain can give at best, and what it cannot.
fn promises(config: &Config, links: &[&Link]) -> Vec<String> {
    let providers = || links.iter().filter_map(|link| config.provider(link));
    let clouds: BTreeSet<&str> =
        providers().filter(|it| !it.local).map(|it| it.base_url.host.as_str()).collect();
    let local = providers().any(|provider| provider.local);
    let mut lines = Vec::new();
    if !clouds.is_empty() {
        let down = (1.0 - VENDOR).powi(i32::try_from(clouds.len()).unwrap_or(i32::MAX));
        // Rounded down: availability is never rounded up.
        let percent = ((1.0 - down) * 1e6).floor() / 1e4;
        let vendors = count(clouds.len(), "vendor");
        let each = if clouds.len() == 1 { "" } else { " each, if they fail independently" };
        lines.push(format!("at best {percent} % from {vendors} of {:.1} %{each}", VENDOR * 100.0));
    }
    if links.len() == 1 {
        lines.push("cannot be promised: an answer while this one target is down".to_owned());
    } else if clouds.len() == 1 && !local {
        lines.push("cannot be promised: an answer while this one vendor is down".to_owned());
    }
    if !local {
        lines.push("cannot be promised: an answer while this machine is offline".to_owned());
    }
    if providers().any(|it| matches!(it.credentials.first(), Some(Credential::Caller))) {
        lines.push(
            "a caller's key is used as it comes: when it is refused, so is the caller".into(),
        );
    }
    lines
}
