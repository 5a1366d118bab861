//! Every key of the table: settable, at its default the default, and in the reference.

use super::{Outside, good, outside};
use crate::schema::{KEYS, Kind, Scope, Spec};
use crate::unit::{show_duration, show_size};
use crate::{
    Config, Confine, ConsoleListen, Credential, Midstream, OnEmpty, OnFilter, RecordAs, RecordSink,
    Whole, load, reference,
};
use secrecy::ExposeSecret;
use std::collections::BTreeMap;

/// The hash of a key.
const HASH: &str = "\"sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae\"";

/// A file in which one key has one value, given as TOML.
fn file(spec: &Spec, value: &str) -> String {
    let mut sections: BTreeMap<&str, BTreeMap<&str, &str>> = BTreeMap::from([
        (
            "providers.example",
            BTreeMap::from([
                ("dialect", r#""openai""#),
                ("base_url", r#""https://example.test/v1""#),
                ("api_key", r#""env:KEY""#),
            ]),
        ),
        ("models.base", BTreeMap::from([("chain", r#"["example/base"]"#)])),
    ]);
    let section = match spec.scope {
        Scope::Key => "keys.someone",
        Scope::Provider => "providers.example",
        Scope::Model => "models.base",
        Scope::Server
        | Scope::Console
        | Scope::Deadlines
        | Scope::Retry
        | Scope::Breaker
        | Scope::Upstream
        | Scope::Watch
        | Scope::Telemetry => spec.scope.name(),
    };
    let keys = sections.entry(section).or_default();
    if spec.name.starts_with("tls_") {
        // One does not stand without the other.
        keys.insert("tls_cert", r#""/etc/backstop/cert.pem""#);
        keys.insert("tls_key", r#""/etc/backstop/key.pem""#);
    }
    if spec.scope == Scope::Telemetry {
        // Without a collector there is nothing to say.
        keys.insert("otlp", r#""http://127.0.0.1:4318""#);
    }
    if spec.scope == Scope::Key {
        keys.insert("hash", HASH);
    }
    keys.insert(spec.name, value);
    let mut lines = Vec::new();
    for (section, keys) in sections {
        lines.push(format!("[{section}]\n"));
        lines.extend(keys.into_iter().map(|(key, value)| format!("{key} = {value}\n")));
    }
    lines.concat()
}

fn tls(config: &Config) -> &crate::Tls {
    config.tls.as_ref().expect("TLS")
}

fn telemetry(config: &Config) -> &crate::Telemetry {
    config.telemetry.as_ref().expect("a collector")
}

/// The value of a key in a configuration, as TOML. A key that is missing here fails.
#[expect(clippy::too_many_lines, reason = "one line per key")]
fn value(config: &Config, spec: &Spec) -> String {
    let text = |text: &str| format!("\"{text}\"");
    let time = |time| text(&show_duration(time));
    let size = |bytes| text(&show_size(bytes));
    let provider = &config.providers[0];
    let model = &config.models[0];
    let deadlines = config.deadlines(model, 0);
    let (retries, breakers) = (&config.retries, &config.breakers);
    match (spec.scope, spec.name) {
        (Scope::Server, "listen") => text(&config.server.listen.to_string()),
        (Scope::Server, "body_max") => size(config.server.body_max),
        (Scope::Server, "uploads_max") => size(config.server.uploads_max),
        (Scope::Server, "memory_max") => config.server.memory_max.map_or_else(String::new, size),
        (Scope::Server, "requests_max") => config.server.requests_max.to_string(),
        (Scope::Server, "queue_max") => config.server.queue_max.to_string(),
        (Scope::Server, "queue_wait") => time(config.server.queue_wait),
        (Scope::Server, "connections_per_address") => config.server.per_address().to_string(),
        (Scope::Server, "write_timeout") => time(config.server.write_timeout),
        (Scope::Server, "handover") => text(config.server.handover.as_deref().unwrap_or_default()),
        (Scope::Server, "tls_cert") => text(&tls(config).certificate),
        (Scope::Server, "tls_key") => text(tls(config).key.expose_secret()),
        (Scope::Server, "tls_clients") => text(tls(config).clients.as_deref().unwrap_or_default()),
        (Scope::Server, "connections_max") => config.server.connections_max.to_string(),
        (Scope::Server, "head_timeout") => time(config.server.head_timeout),
        (Scope::Server, "body_timeout") => time(config.server.body_timeout),
        (Scope::Server, "ping_every") => time(config.server.ping_every),
        (Scope::Server, "grace") => time(config.server.grace),
        (Scope::Server, "answer_max") => size(config.server.answer_max),
        (Scope::Server, "record") => match &config.server.record {
            RecordSink::Stdout => text("stdout"),
            RecordSink::Stderr => text("stderr"),
            RecordSink::Off => text("off"),
            RecordSink::File(path) => text(&format!("file:{path}")),
        },
        (Scope::Server, "confine") => match config.server.confine {
            Confine::Auto => text("auto"),
            Confine::Required => text("required"),
            Confine::Off => text("off"),
        },
        (Scope::Server, "record_as") => match config.server.record_as {
            RecordAs::Auto => text("auto"),
            RecordAs::Json => text("json"),
            RecordAs::Human => text("human"),
        },
        (Scope::Console, "listen") => match config.console.listen {
            ConsoleListen::Off => text("off"),
            ConsoleListen::At(addr) => text(&addr.to_string()),
            ConsoleListen::IfFree(_) => String::new(),
        },
        (Scope::Key, "console") => config.keys[0].console.to_string(),
        (Scope::Key, "hash") => {
            let hex: Vec<String> =
                config.keys[0].hash.iter().map(|byte| format!("{byte:02x}")).collect();
            text(&format!("sha256:{}", hex.concat()))
        }
        (Scope::Provider, "dialect") => text(provider.dialect.name()),
        (Scope::Provider, "kind") => text(provider.quirks.name),
        (Scope::Provider, "base_url") => text(&provider.base_url.to_string()),
        (Scope::Provider, "api_key") => match &provider.credentials[0] {
            Credential::Ours(key) => {
                assert_eq!(key.expose_secret(), super::SECRET);
                text("env:EXAMPLE_KEY")
            }
            Credential::Caller | Credential::None => String::new(),
        },
        (Scope::Provider, "local") => provider.local.to_string(),
        (Scope::Provider | Scope::Upstream, "ca") => text(&provider.way.ca[0].path),
        (Scope::Provider | Scope::Upstream, "proxy") => {
            let proxy = provider.way.proxy.as_ref().expect("a proxy");
            text(&format!("http://{}", proxy.authority()))
        }
        (Scope::Provider, "status_page") => text(provider.status_page.as_deref().expect("a page")),
        (Scope::Provider, "addresses") => format!("[\"{}\"]", provider.way.addresses[0]),
        (Scope::Provider | Scope::Model, "deadlines") => {
            format!("{{ connect = {} }}", time(deadlines.connect))
        }
        (Scope::Model, "chain") => format!("[\"{}\"]", config.target(model, &model.chain[0], "x")),
        (Scope::Model, "midstream") => match model.midstream {
            Midstream::Continue => text("continue"),
            Midstream::Stop => text("stop"),
        },
        (Scope::Model, "whole") => match model.whole {
            Whole::Watched => text("watched"),
            Whole::Plain => text("plain"),
        },
        (Scope::Model, "content_filter") => match model.content_filter {
            OnFilter::Return => text("return"),
            OnFilter::Next => text("next"),
        },
        (Scope::Model, "empty") => match model.empty {
            OnEmpty::Return => text("return"),
            OnEmpty::Next => text("next"),
        },
        (Scope::Deadlines, "connect") => time(deadlines.connect),
        (Scope::Deadlines, "patience") => time(deadlines.patience),
        (Scope::Deadlines, "patience_whole") => time(deadlines.patience_whole),
        (Scope::Deadlines, "patience_thinking") => time(deadlines.patience_thinking),
        (Scope::Deadlines, "first_content") => time(deadlines.first_content),
        (Scope::Deadlines, "first_content_thinking") => time(deadlines.first_content_thinking),
        (Scope::Deadlines, "idle") => time(deadlines.idle),
        (Scope::Deadlines, "idle_thinking") => time(deadlines.idle_thinking),
        (Scope::Deadlines, "total") => time(deadlines.total),
        (Scope::Deadlines, "load") => time(deadlines.load),
        (Scope::Retry, "per_target") => retries.per_target.to_string(),
        (Scope::Retry, "total") => retries.total.to_string(),
        (Scope::Retry, "wait") => time(retries.wait),
        (Scope::Retry, "backoff") => time(retries.backoff),
        (Scope::Retry, "backoff_max") => time(retries.backoff_max),
        (Scope::Retry, "ratio") => retries.ratio.to_string(),
        (Scope::Retry, "crawl") => retries.crawl.to_string(),
        (Scope::Retry, "reserve") => retries.reserve.to_string(),
        (Scope::Breaker, "failures") => breakers.failures.to_string(),
        (Scope::Breaker, "success_rate") => breakers.success_rate.to_string(),
        (Scope::Breaker, "window") => time(breakers.window),
        (Scope::Breaker, "requests") => breakers.requests.to_string(),
        (Scope::Breaker, "open") => time(breakers.open),
        (Scope::Breaker, "open_max") => time(breakers.open_max),
        (Scope::Breaker, "probe") => time(breakers.probe),
        (Scope::Watch, "enabled") => config.watch.enabled.to_string(),
        (Scope::Watch, "act") => config.watch.act.to_string(),
        (Scope::Watch, "pages") => config.watch.pages.to_string(),
        (Scope::Watch, "controls") => config.watch.controls.to_string(),
        (Scope::Watch, "every") => time(config.watch.every),
        (Scope::Telemetry, "otlp") => {
            text(telemetry(config).otlp.to_string().trim_end_matches("/v1"))
        }
        (Scope::Telemetry, "headers") => {
            let (name, value) = &telemetry(config).headers[0];
            assert_eq!(value.expose_secret(), super::SECRET);
            format!("[\"{name}=env:OTLP_TOKEN\"]")
        }
        (Scope::Telemetry, "sample") => telemetry(config).sample.to_string(),
        (Scope::Telemetry, "interval") => time(telemetry(config).interval),
        (Scope::Telemetry, "traces") => telemetry(config).traces.to_string(),
        (Scope::Telemetry, "metrics") => telemetry(config).metrics.to_string(),
        (scope, name) => panic!("{scope:?}.{name} is not covered"),
    }
}

#[test]
fn every_key_takes_its_example() {
    for spec in KEYS {
        let config = good(&file(spec, spec.example));
        assert_eq!(value(&config, spec), spec.example, "{}", spec.name);
    }
}

#[test]
fn the_defaults_of_the_table_are_those_of_the_code() {
    let mut fixed = 0;
    for spec in KEYS {
        if !spec.default.starts_with(|c: char| c == '"' || c.is_ascii_digit()) {
            continue;
        }
        fixed += 1;
        let with = good(&file(spec, spec.default));
        let without = good(
            &file(spec, spec.default).replace(&format!("{} = {}\n", spec.name, spec.default), ""),
        );
        assert_eq!(format!("{with:?}"), format!("{without:?}"), "{}", spec.name);
        if spec.default != spec.example {
            let other = good(&file(spec, spec.example));
            assert_ne!(format!("{other:?}"), format!("{without:?}"), "{}", spec.name);
        }
    }
    assert!(fixed > 30, "{fixed}");
}

#[test]
fn every_key_refuses_another_type_at_its_own_place() {
    for spec in KEYS {
        let wrong = match spec.kind {
            Kind::Flag => "\"true\"",
            Kind::Deadlines => "3",
            Kind::Text(_)
            | Kind::Texts(_)
            | Kind::Time(..)
            | Kind::Size(..)
            | Kind::Count(..)
            | Kind::Number(..)
            | Kind::Word { .. } => "true",
        };
        let text = file(spec, wrong);
        let problems = load(&text, &outside()).expect_err(spec.name);
        assert_eq!(problems.len(), 1, "{}: {problems:?}", spec.name);
        let line = format!("{} = {wrong}", spec.name);
        let at = text.lines().position(|other| other == line).expect("its line") + 1;
        assert_eq!(usize::try_from(problems[0].line), Ok(at), "{}", spec.name);
        let column = spec.name.len() + " = ".len() + 1;
        assert_eq!(usize::try_from(problems[0].column), Ok(column), "{}", spec.name);
        assert!(problems[0].key.ends_with(spec.name), "{}", problems[0].key);
        assert!(!problems[0].hint.is_empty(), "{}", spec.name);
    }
}

#[test]
fn words_for_later_say_so() {
    for spec in KEYS {
        let Kind::Word { now, later } = spec.kind else { continue };
        for word in now {
            good(&file(spec, &format!("\"{word}\"")));
        }
        for (word, hint) in later {
            let problems =
                load(&file(spec, &format!("\"{word}\"")), &outside()).expect_err("a problem");
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert_eq!(problems[0].what, format!("\"{word}\" is not in this version"));
            assert_eq!(problems[0].hint, *hint);
        }
    }
}

#[test]
fn bounds_are_inclusive() {
    for spec in KEYS {
        let quoted = |text: String| format!("\"{text}\"");
        let millis = |n| quoted(format!("{n}ms"));
        let bytes = |n| quoted(format!("{n}B"));
        let (inside, outside_of) = match spec.kind {
            Kind::Time(from, to) => {
                (vec![millis(from), millis(to)], vec![millis(from.wrapping_sub(1)), millis(to + 1)])
            }
            Kind::Size(from, to) => {
                (vec![bytes(from), bytes(to)], vec![bytes(from - 1), bytes(to + 1)])
            }
            Kind::Count(from, to) => (
                vec![from.to_string(), to.to_string()],
                vec![(i64::from(from) - 1).to_string(), (i64::from(to) + 1).to_string()],
            ),
            Kind::Number(from, to) => (
                vec![format!("{from:?}"), format!("{to:?}")],
                vec![format!("{:?}", from - 0.5), format!("{:?}", to + 0.5)],
            ),
            Kind::Text(_) | Kind::Texts(_) | Kind::Flag | Kind::Word { .. } | Kind::Deadlines => {
                continue;
            }
        };
        for value in inside {
            // Some bounds contradict another key's default; that is not about the range.
            if let Err(problems) = load(&file(spec, &value), &outside()) {
                assert!(problems.iter().all(|p| p.what != "out of range"), "{problems:?}");
            }
        }
        for value in outside_of {
            let problems = load(&file(spec, &value), &outside()).expect_err(spec.name);
            let ranged = |what: &str| what == "out of range" || what.starts_with("not a ");
            assert!(problems.iter().any(|p| ranged(&p.what)), "{} {value}", spec.name);
        }
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test reads and writes the page it guards")]
fn the_page_is_the_reference() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/config.md");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, reference()).expect("docs/reference is writable");
    }
    let page = std::fs::read_to_string(path).expect("docs/reference/config.md");
    assert!(page == reference(), "{path} is old: run BLESS=1 cargo test -p backstop-config");
}

#[test]
fn the_example_of_the_page_is_accepted() {
    let text = reference();
    let (_, rest) = text.split_once("```toml\n").expect("an example");
    let (example, _) = rest.split_once("```").expect("its end");
    let mut around = Outside::env(&[("ANTHROPIC_API_KEY", "k"), ("OPENAI_API_KEY", "k")]);
    around.files = BTreeMap::from([("/run/secrets/openai", "k")]);
    let config = load(example, &around).expect("accepted");
    assert_eq!(config.providers.len(), 3);
    assert_eq!(config.providers[1].credentials.len(), 2);
    for spec in KEYS {
        assert!(text.contains(&format!("| `{}` |", spec.name)), "{}", spec.name);
    }
}
