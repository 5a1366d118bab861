//! Raw → [`Config`]: what the values mean together, and the secrets they name.

mod chain;
mod provider;
mod secret;
mod telemetry;
mod way;

pub(crate) use secret::from_environment;
pub(crate) use way::Common;

use crate::key::{is_guessed, parse_hash};
use crate::problem::Findings;
use crate::raw::{Named, Raw, Section};
use crate::{
    Config, Confine, Console, ConsoleListen, Key, Overrides, Provider, RecordAs, RecordSink,
    Server, Surroundings, Tls, Watch,
};
use policy::{Breakers, Deadlines, Retries};
use secrecy::SecretString;
use std::net::{IpAddr, SocketAddr};

/// The longest name of a key or a provider.
const NAME_MAX: usize = 64;

/// The configuration that a file describes. Whole only where nothing was found to be wrong.
pub(crate) fn config(
    raw: &Raw,
    common: &Common,
    around: &dyn Surroundings,
    findings: &mut Findings<'_>,
) -> Config {
    let keys = keys(&raw.keys, findings);
    let server = server(raw, findings);
    let tls = tls(&raw.server, around, findings);
    let console = console(raw, &server, &keys, findings);
    let base = base_deadlines(raw);
    impatient(&raw.deadlines, &base, findings);
    let retries = retries(&raw.retry, findings);
    let breakers = breakers(&raw.breaker, findings);
    let beside = provider::Beside { base: &base, common, around };
    let telemetry = telemetry::read(&raw.telemetry, common, around, findings);
    let mut providers = Vec::new();
    for named in &raw.providers {
        let provider = provider::read(named, &beside, findings);
        if let Some(provider) = &provider
            && is_ourselves(provider, &server)
        {
            let path = named.section.key("base_url");
            let what = "points at backstop itself";
            let hint = "a provider is somebody else; see server.listen";
            findings.problem(named.section.at("base_url"), path, what, hint);
        }
        providers.push(provider);
    }
    let models = chain::models(raw, &retries, findings);
    let providers = providers.into_iter().flatten().collect();
    Config {
        server,
        tls,
        console,
        keys,
        providers,
        models,
        retries,
        breakers,
        watch: watch(&raw.watch),
        telemetry,
        warnings: Vec::new(),
    }
}

/// The global deadlines.
pub(crate) fn base_deadlines(raw: &Raw) -> Deadlines {
    overrides(&raw.deadlines).over(Deadlines::default())
}

/// Whether a provider is where we listen: a request would go in circles.
fn is_ourselves(provider: &Provider, server: &Server) -> bool {
    let url = &provider.base_url;
    let same = url.host.parse().is_ok_and(|address: IpAddr| address == server.listen.ip());
    url.port == server.listen.port() && (url.is_loopback() || same)
}

/// The deadlines that a section sets.
fn overrides(section: &Section) -> Overrides {
    Overrides {
        connect: section.time("connect"),
        patience: section.time("patience"),
        patience_whole: section.time("patience_whole"),
        patience_thinking: section.time("patience_thinking"),
        first_content: section.time("first_content"),
        first_content_thinking: section.time("first_content_thinking"),
        idle: section.time("idle"),
        idle_thinking: section.time("idle_thinking"),
        total: section.time("total"),
        load: section.time("load"),
    }
}

/// The deadlines below a provider or a model, checked against what they are laid over.
fn own_deadlines(section: &Section, base: &Deadlines, findings: &mut Findings<'_>) -> Overrides {
    let Some(own) = section.deadlines.as_deref() else { return Overrides::default() };
    let overrides = overrides(own);
    impatient(own, &overrides.over(*base), findings);
    overrides
}

/// Warns where a section makes its patience longer than the attempt may last.
fn impatient(section: &Section, effective: &Deadlines, findings: &mut Findings<'_>) {
    let set = section.has("patience") || section.has("first_content");
    if set && effective.patience >= effective.first_content {
        let key = if section.has("patience") { "patience" } else { "first_content" };
        let what = "patience is not shorter than first_content";
        let hint = "the next target never starts beside a silent one";
        findings.warn(section.at(key), section.key(key), what, hint);
    }
}

fn server(raw: &Raw, findings: &mut Findings<'_>) -> Server {
    let section = &raw.server;
    let usual = Server::default();
    let listen = section.text("listen").and_then(|it| address(it, 8484, section, findings));
    let listen = listen.unwrap_or(usual.listen);
    if !listen.ip().is_loopback() && raw.keys.is_empty() {
        let what = "beyond loopback, and no [keys]: anyone could ask";
        let hint = "make one with `backstop key new NAME`, or listen on 127.0.0.1";
        findings.absent(section.at("listen"), section.key("listen"), what, hint);
    }
    Server {
        listen,
        body_max: section.size("body_max").unwrap_or(usual.body_max),
        uploads_max: section.size("uploads_max").unwrap_or(usual.uploads_max),
        memory_max: section.size("memory_max"),
        requests_max: section.count("requests_max").unwrap_or(usual.requests_max),
        queue_max: section.count("queue_max").unwrap_or(usual.queue_max),
        queue_wait: section.time("queue_wait").unwrap_or(usual.queue_wait),
        connections_max: section.count("connections_max").unwrap_or(usual.connections_max),
        connections_per_address: section.count("connections_per_address"),
        write_timeout: section.time("write_timeout").unwrap_or(usual.write_timeout),
        head_timeout: section.time("head_timeout").unwrap_or(usual.head_timeout),
        body_timeout: section.time("body_timeout").unwrap_or(usual.body_timeout),
        ping_every: section.time("ping_every").unwrap_or(usual.ping_every),
        handover: section.text("handover").map(str::to_owned),
        grace: section.time("grace").unwrap_or(usual.grace),
        answer_max: section.size("answer_max").unwrap_or(usual.answer_max),
        record: record(section, findings).unwrap_or(usual.record),
        record_as: record_as(section),
        confine: confine(section),
    }
}

/// The files of TLS, where they are named: certificate and key together.
fn tls(section: &Section, around: &dyn Surroundings, findings: &mut Findings<'_>) -> Option<Tls> {
    let mut read = |key: &str| {
        let path = section.text(key)?;
        let read = around.file(path);
        if let Err(why) = &read {
            let what = format!("{path:?} cannot be read: {why}");
            let hint = "name a PEM file that this user may read";
            findings.problem(section.at(key), section.key(key), what, hint);
        }
        read.ok()
    };
    let (certificate, key, clients) = (read("tls_cert"), read("tls_key"), read("tls_clients"));
    if let (Some(path), Some(_)) = (section.text("tls_key"), &key) {
        secret::guard(path, around, (section.at("tls_key"), section.key("tls_key")), findings);
    }
    for (set, other) in
        [("tls_cert", "tls_key"), ("tls_key", "tls_cert"), ("tls_clients", "tls_cert")]
    {
        if section.has(set) && !section.has(other) && !section.refused(other) {
            let what = format!("stands without server.{other}");
            let hint = "TLS needs a certificate and its key";
            findings.problem(section.at(set), section.key(set), what, hint);
        }
    }
    Some(Tls { certificate: certificate?, key: SecretString::from(key?), clients })
}

fn console(raw: &Raw, server: &Server, keys: &[Key], findings: &mut Findings<'_>) -> Console {
    let section = &raw.console;
    let listen = match section.text("listen") {
        None => None,
        Some("off") => Some(ConsoleListen::Off),
        Some(text) => address(text, 8485, section, findings).map(ConsoleListen::At),
    };
    let Some(listen) = listen else { return Console::default() };
    let (at, path) = (section.at("listen"), section.key("listen"));
    // A key that could not be read is reported, and may have been meant.
    let may_read = keys.iter().any(|key| key.console) || keys.len() < raw.keys.len();
    if let Some(addr) = listen.addr() {
        if !addr.ip().is_loopback() && !may_read {
            let what = "beyond loopback, and no key may read it: anyone could";
            let hint = "set console = true in one of [keys], or listen on 127.0.0.1";
            findings.absent(at, path, what, hint);
        } else if addr == server.listen && addr.port() != 0 {
            let hint = "the console is a listener of its own: give it another port";
            findings.problem(at, path, "the same as server.listen", hint);
        }
    }
    Console { listen }
}

/// An address and a port; `port` is the usual one here.
fn address(
    text: &str,
    port: u16,
    section: &Section,
    findings: &mut Findings<'_>,
) -> Option<SocketAddr> {
    let parsed = text.parse().ok();
    if parsed.is_none() {
        let meant = text.rsplit(':').next().and_then(|it| it.parse().ok());
        let port: u16 = meant.unwrap_or(port);
        let hint = format!(
            "write \"127.0.0.1:{port}\", \"[::1]:{port}\", or \"0.0.0.0:{port}\" for everyone"
        );
        let what = "not an address and a port";
        findings.problem(section.at("listen"), section.key("listen"), what, hint);
    }
    parsed
}

fn record(section: &Section, findings: &mut Findings<'_>) -> Option<RecordSink> {
    let text = section.text("record")?;
    match (text, text.strip_prefix("file:")) {
        ("stdout", _) => Some(RecordSink::Stdout),
        ("stderr", _) => Some(RecordSink::Stderr),
        ("off", _) => Some(RecordSink::Off),
        (_, Some(path)) if !path.trim().is_empty() => Some(RecordSink::File(path.to_owned())),
        (_, Some(_) | None) => {
            let hint = "possible here: \"stdout\", \"stderr\", \"off\", \"file:PATH\"";
            findings.problem(section.at("record"), section.key("record"), "unknown value", hint);
            None
        }
    }
}

fn confine(section: &Section) -> Confine {
    match section.word("confine") {
        Some("required") => Confine::Required,
        Some("off") => Confine::Off,
        Some(_) | None => Confine::Auto,
    }
}

fn record_as(section: &Section) -> RecordAs {
    match section.word("record_as") {
        Some("json") => RecordAs::Json,
        Some("human") => RecordAs::Human,
        Some(_) | None => RecordAs::Auto,
    }
}

fn keys(all: &[Named], findings: &mut Findings<'_>) -> Vec<Key> {
    let mut keys: Vec<Key> = Vec::new();
    for Named { name, section } in all {
        check_name(name, section, findings);
        let path = section.key("hash");
        let Some(text) = section.text("hash") else {
            if !section.refused("hash") {
                let hint = format!("`backstop key new {name}` makes it");
                findings.absent(section.at, path, "is missing", hint);
            }
            continue;
        };
        let Some(hash) = parse_hash(text) else {
            let hint = "only the hash belongs here; `backstop key new NAME` makes key and hash";
            let what = "not sha256: and 64 hex digits";
            findings.problem(section.at("hash"), path, what, hint);
            continue;
        };
        if is_guessed(&hash) {
            let what = "the hash of a key that anybody would guess";
            let hint = format!("`backstop key new {name}` makes one that nobody guesses");
            findings.problem(section.at("hash"), path.clone(), what, hint);
        }
        if let Some(other) = keys.iter().find(|key| key.hash == hash) {
            let what = format!("the same hash as keys.{}", other.name);
            let hint = "give everyone a key of their own";
            findings.problem(section.at("hash"), path, what, hint);
        }
        let console = section.flag("console").unwrap_or(false);
        keys.push(Key { name: name.clone(), hash, console });
    }
    keys
}

/// Names stand in headers, metrics and chains.
fn check_name(name: &str, section: &Section, findings: &mut Findings<'_>) {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > NAME_MAX || !name.chars().all(fits) {
        let hint = "use up to 64 letters, digits, hyphens, dots and underscores";
        findings.problem(section.at, section.path.clone(), "not a name", hint);
    }
}

fn watch(section: &Section) -> Watch {
    let usual = Watch::default();
    Watch {
        enabled: section.flag("enabled").unwrap_or(usual.enabled),
        act: section.flag("act").unwrap_or(usual.act),
        pages: section.flag("pages").unwrap_or(usual.pages),
        controls: section.flag("controls").unwrap_or(usual.controls),
        every: section.time("every").unwrap_or(usual.every),
    }
}

fn retries(section: &Section, findings: &mut Findings<'_>) -> Retries {
    let usual = Retries::default();
    let retries = Retries {
        per_target: section.count("per_target").unwrap_or(usual.per_target),
        total: section.count("total").unwrap_or(usual.total),
        wait: section.time("wait").unwrap_or(usual.wait),
        backoff: section.time("backoff").unwrap_or(usual.backoff),
        backoff_max: section.time("backoff_max").unwrap_or(usual.backoff_max),
        ratio: section.number("ratio").unwrap_or(usual.ratio),
        crawl: section.number("crawl").unwrap_or(usual.crawl),
        reserve: section.number("reserve").unwrap_or(usual.reserve),
    };
    if retries.per_target > retries.total {
        let (what, hint) = ("more than retry.total", "fewer here, or more there");
        findings.problem(section.at("per_target"), section.key("per_target"), what, hint);
    }
    if retries.backoff > retries.backoff_max {
        let (what, hint) = ("longer than retry.backoff_max", "shorter here, or longer there");
        findings.problem(section.at("backoff"), section.key("backoff"), what, hint);
    }
    retries
}

fn breakers(section: &Section, findings: &mut Findings<'_>) -> Breakers {
    let usual = Breakers::default();
    let breakers = Breakers {
        failures: section.count("failures").unwrap_or(usual.failures),
        success_rate: section.number("success_rate").unwrap_or(usual.success_rate),
        window: section.time("window").unwrap_or(usual.window),
        requests: section.count("requests").unwrap_or(usual.requests),
        open: section.time("open").unwrap_or(usual.open),
        open_max: section.time("open_max").unwrap_or(usual.open_max),
        probe: section.time("probe").unwrap_or(usual.probe),
    };
    if breakers.open > breakers.open_max {
        let (what, hint) = ("longer than breaker.open_max", "shorter here, or longer there");
        findings.problem(section.at("open"), section.key("open"), what, hint);
    }
    breakers
}
