//! What a newcomer reads first: what is served, from where, and how to point clients at it.

use config::{Config, Credential, Model, Provider};
use ir::Dialect;
use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

/// The addresses really taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At {
    pub(crate) listen: SocketAddr,
    /// None where there is no console.
    pub(crate) console: Option<SocketAddr>,
}

/// The start-up banner of this configuration, read from `path`.
pub(crate) fn text(config: &Config, path: Option<&Path>, at: At) -> String {
    let listen = at.listen;
    let mut text = String::new();
    let from = path.map_or_else(
        || "the environment (no backstop.toml was found)".to_owned(),
        |path| path.display().to_string(),
    );
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    let base = format!("{scheme}://{}", reached(listen));
    // Writing to a string cannot fail.
    let mut line = |it: &str| writeln!(text, "{it}").unwrap_or_default();
    line(&format!(
        "backstop {} listens on {scheme}://{listen}, configured by {from}",
        env!("CARGO_PKG_VERSION")
    ));
    line("");
    let width =
        config.models.iter().map(|model| model.pattern.to_string().len()).max().unwrap_or(0);
    for model in &config.models {
        line(&format!("  {:width$}  {}", model.pattern.to_string(), chain(config, model)));
    }
    line("");
    for dialect in Dialect::ALL {
        let speaks = |provider: &Provider| provider.speaks(dialect);
        if !config.providers.iter().any(speaks) {
            continue;
        }
        line(&match dialect {
            Dialect::Chat => format!("  OpenAI SDKs    export OPENAI_BASE_URL={base}/v1"),
            Dialect::Messages => {
                format!("  Claude Code    export ANTHROPIC_BASE_URL={base}")
            }
            Dialect::Responses => {
                format!("  Codex          base_url = \"{base}/v1\", wire_api = \"responses\"")
            }
        });
    }
    if let Some(console) = at.console {
        let scheme = if console.ip().is_loopback() { "http" } else { scheme };
        line(&format!("  Metrics        {scheme}://{}/metrics", reached(console)));
    }
    let ours = |provider: &Provider| provider.credentials.iter().any(Credential::is_ours);
    if !config.providers.iter().any(|provider| ours(provider) || provider.local) {
        line("  No key is set here (ANTHROPIC_API_KEY, OPENAI_API_KEY, …) and no local server was");
        line("  found: each caller's own key goes to its own vendor, and there is no fallback.");
    }
    line(&match config.keys.len() {
        0 => "  Open to this machine only, without keys.".to_owned(),
        1 => "  One key may ask.".to_owned(),
        keys => format!("  {keys} keys may ask."),
    });
    line("  Ctrl-C stops: open answers may finish.");
    text
}

/// Whoever listens everywhere is reached here by loopback; from elsewhere by a name of its own.
pub(crate) fn reached(mut addr: SocketAddr) -> SocketAddr {
    if addr.ip().is_unspecified() {
        addr.set_ip(if addr.is_ipv4() {
            Ipv4Addr::LOCALHOST.into()
        } else {
            Ipv6Addr::LOCALHOST.into()
        });
    }
    addr
}

/// A chain on one line.
pub(crate) fn chain(config: &Config, model: &Model) -> String {
    let names = model.chain.iter().filter_map(|link| {
        let provider = config.provider(link)?;
        let owner = match provider.credentials.first() {
            Some(Credential::Caller) => " (caller's key)",
            Some(Credential::Ours(_) | Credential::None) | None => "",
        };
        let name = match &link.name {
            config::Name::Asked => "*",
            config::Name::Matched => "$1",
            config::Name::Fixed(name) => name,
        };
        Some(format!("{}/{name}{owner}", provider.name))
    });
    names.collect::<Vec<_>>().join(" → ")
}
