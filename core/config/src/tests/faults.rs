//! Faults, warnings and what is accepted.

use super::{BASE, Outside, check, good, outside, shown};
use crate::{Config, Credential, FoundLocal, load};
use ir::Prefill;
use proptest::prelude::{Just, Strategy, any, prop, prop_oneof, proptest};
use std::time::Duration;

/// Texts and what is said about them: `>>> top`, or `>>> below` for lines below [`BASE`] whose own
/// lines are not counted; the text; `---`; `ok` and its warnings, or the problems.
const CASES: &str = include_str!("cases.txt");

#[test]
fn every_case_is_answered_as_written() {
    let mut count = 0;
    for case in CASES.split(">>> ").skip(1) {
        let (place, rest) = case.split_once('\n').expect("top or below");
        let (text, expect) = rest.split_once("---\n").expect("text and answer");
        let base = if place == "below" { BASE.trim_start() } else { "" };
        let shift = base.lines().count();
        let expect: Vec<String> = expect.lines().map(|line| moved(line, shift)).collect();
        check(&format!("{base}{text}"), &expect.join("\n"));
        count += 1;
    }
    assert!(count >= 40, "{count}");
}

/// A line of an answer, so many lines further down.
fn moved(line: &str, shift: usize) -> String {
    match line.strip_prefix("f:").and_then(|rest| rest.split_once(':')) {
        Some((number, rest)) => {
            format!("f:{}:{rest}", number.parse::<usize>().expect("a number") + shift)
        }
        None => line.to_owned(),
    }
}

#[test]
fn ten_faults_are_ten_lines() {
    let text = r#"[server]
listen = "localhost:8484"
body_max = 32

[providers.groq]
dialekt = "openai"
api_key = "env:GROQ_API_KEY"

[providers.laptop]
dialect = "ollama"
base_url = "http://me:hunter2@127.0.0.1:11434"

[models."llama-*"]
chain = ["groq/*", "grok/llama", "laptop", "groq/*"]
midstream = "go on"
"#;
    check(
        text,
        r#"
f:2:10: server.listen: not an address and a port; write "127.0.0.1:8484", "[::1]:8484", or "0.0.0.0:8484" for everyone
f:3:12: server.body_max: expected a size, found a whole number; say which unit: "32MiB"
f:6:1: providers.groq.dialekt: unknown key; did you mean "dialect"?
f:7:11: providers.groq.api_key: the environment variable GROQ_API_KEY is not set; set it where backstop is started
f:10:11: providers.laptop.dialect: "ollama" is not in this version; use kind = "ollama" with dialect "openai", its /v1
f:11:12: providers.laptop.base_url: has a user or password; put the credential into api_key
f:14:20: models."llama-*".chain: no provider "grok"; did you mean "groq/llama"?
f:14:34: models."llama-*".chain: does not name a provider and a model; did you mean "laptop/*"?
f:14:44: models."llama-*".chain: the same target twice; keep the first
f:15:13: models."llama-*".midstream: unknown value; possible here: continue, stop
"#,
    );
}

#[test]
fn the_house_example_is_accepted() {
    let text = r#"
[server]
listen = "127.0.0.1:8484"            # beyond loopback, keys are required

[keys.team-a]                        # who may ask; none on loopback means open
hash = "sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"

[providers.anthropic]
dialect  = "anthropic"
base_url = "https://api.anthropic.com"
api_key  = "env:KEY"

[providers.openai]
api_key = ["env:KEY", "file:/key"]

[providers.laptop]
kind     = "ollama"
dialect  = "openai"
base_url = "http://127.0.0.1:11434"

[models."claude-sonnet-*"]           # what callers ask for; the most specific pattern wins
chain     = ["anthropic/*", "openai/gpt-5.4", "laptop/llama3.1:8b"]
midstream = "stop"
whole     = "watched"

[deadlines]
connect       = "3s"
patience      = "10s"
first_content = "120s"
idle          = "10s"
idle_thinking = "120s"
total         = "10m"
"#;
    check(text, "\nok\n");
    let config = good(text);
    assert_eq!(config.keys[0].name, "team-a");
    assert_eq!(config.key_for("foo").map(|key| key.name.as_str()), Some("team-a"));
    assert!(config.key_for("bar").is_none());
    assert_eq!(config.providers[0].base_url.to_string(), "https://api.anthropic.com/v1");
    assert_eq!(config.providers[1].credentials.len(), 2);
    assert!(config.providers[2].local);
    assert!(matches!(config.providers[2].credentials[..], [Credential::None]));
    let model = config.find("claude-sonnet-4-6").expect("a model");
    let targets: Vec<String> =
        model.chain.iter().map(|link| config.target(model, link, "claude-sonnet-4-6")).collect();
    let expect = ["anthropic/claude-sonnet-4-6", "openai/gpt-5.4", "laptop/llama3.1:8b"];
    assert_eq!(targets, expect);
    // A chain crosses dialects.
    for dialect in ir::Crossable::ALL.map(ir::Crossable::dialect) {
        assert_eq!(config.links(model, dialect).len(), 3);
    }
    // Responses crosses to nobody, and is spoken beside Chat without a section of its own.
    let links = config.links(model, ir::Dialect::Responses);
    let speakers: Vec<usize> = links.into_iter().map(|link| link.provider).collect();
    assert_eq!(speakers, [1, 2]);
}

#[test]
fn the_most_specific_pattern_wins() {
    let config = good(
        r#"
[providers.a]
kind = "ollama"
[models."*"]
chain = ["a/any"]
[models."gpt-*"]
chain = ["a/gpt"]
[models."*-mini"]
chain = ["a/mini"]
[models."gpt-5*"]
chain = ["a/five"]
[models."gpt-*-mini"]
chain = ["a/gpt-mini"]
[models."gpt-5-mini"]
chain = ["a/exact"]
[models."o*3"]
chain = ["a/first"]
[models."o3*"]
chain = ["a/second"]
[models."a/*"]
chain = ["a/$1"]
"#,
    );
    for (asked, expect) in [
        ("gpt-5-mini", "a/exact"),
        ("gpt-5.4-mini", "a/gpt-mini"),
        ("gpt-5.4", "a/five"),
        ("gpt-4o", "a/gpt"),
        ("gpt-", "a/gpt"),
        ("o4-mini", "a/mini"),
        ("o3", "a/first"),
        ("o3-pro", "a/second"),
        ("a/x/y", "a/x/y"),
        ("a/", "a/"),
        ("anything", "a/any"),
        ("", "a/any"),
    ] {
        let model = config.find(asked).expect("\"*\" matches");
        assert_eq!(config.target(model, &model.chain[0], asked), expect, "{asked}");
    }
}

#[test]
fn deadlines_come_from_the_narrowest_scope() {
    let config = good(
        r#"
[deadlines]
connect = "1s"
idle = "2s"
total = "3s"
[providers.a]
kind = "ollama"
deadlines = { idle = "4s", total = "5s" }
[providers.b]
kind = "ollama"
[models.x]
chain = ["a/x", "b/x"]
deadlines.total = "6s"
[models.y]
chain = ["a/x"]
"#,
    );
    let seconds = |model: &str, provider| {
        let model = config.find(model).expect("a model");
        let deadlines = config.deadlines(model, provider);
        [deadlines.connect, deadlines.idle, deadlines.total].map(|time: Duration| time.as_secs())
    };
    assert_eq!(seconds("x", 0), [1, 4, 6]);
    assert_eq!(seconds("x", 1), [1, 2, 6]);
    assert_eq!(seconds("y", 0), [1, 4, 5]);
    assert!(config.find("z").is_none());
}

#[test]
fn rows_give_what_a_section_leaves_out() {
    let around = Outside::env(&[("GROQ_API_KEY", "k"), ("VLLM_API_KEY", "k")]);
    let text = r#"
[providers.groq]
[providers.fast]
kind = "groq"
base_url = "https://api.groq.com"
[providers.mock]
kind = "groq"
base_url = "http://127.0.0.1:9"
[providers.azure]
base_url = "https://r.openai.azure.com"
api_key = "caller"
[providers.ollama]
dialect = "anthropic"
[providers.vllm]
[providers.box]
kind = "ollama"
base_url = "http://192.168.1.9:11434"
[providers.cloud]
kind = "ollama"
base_url = "https://ollama.com"
[providers.here]
dialect = "anthropic"
base_url = "http://localhost:9"
[providers.deepseek]
dialect = "anthropic"
base_url = "https://api.deepseek.com/anthropic"
api_key = "caller"
"#;
    let config = load(text, &around).expect("accepted");
    let shown: Vec<String> = config
        .providers
        .iter()
        .map(|p| {
            let credential = match p.credentials[0] {
                Credential::Ours(_) => "ours",
                Credential::Caller => "caller",
                Credential::None => "none",
            };
            let place = if p.local { "local" } else { "far" };
            let (row, dialect) = (p.quirks.name, p.dialect.name());
            format!("{}: {row} {dialect} {} {credential} {place}", p.name, p.base_url)
        })
        .collect();
    assert_eq!(
        shown,
        [
            "groq: groq openai https://api.groq.com/openai/v1 ours far",
            "fast: groq openai https://api.groq.com/openai/v1 ours far",
            "mock: groq openai http://127.0.0.1:9/v1 ours local",
            "azure: azure openai https://r.openai.azure.com/openai/v1 caller far",
            "ollama: ollama anthropic http://127.0.0.1:11434/v1 none local",
            "vllm: vllm openai http://127.0.0.1:8000/v1 ours local",
            "box: ollama openai http://192.168.1.9:11434/v1 none local",
            "cloud: ollama openai https://ollama.com/v1 none far",
            "here: anthropic-compatible anthropic http://localhost:9/v1 none local",
            "deepseek: anthropic-compatible anthropic https://api.deepseek.com/anthropic/v1 caller far",
        ]
    );
}

#[test]
fn a_base_url_decides_which_of_its_rows_holds() {
    for (kind, base_url, path, prefix) in [
        ("deepseek", "https://api.deepseek.com", "/v1", false),
        ("deepseek", "https://api.deepseek.com/v1", "/v1", false),
        ("deepseek", "https://api.deepseek.com/beta", "/beta", true),
        ("deepseek", "https://api.deepseek.com/beta/", "/beta", true),
        ("deepseek", "http://127.0.0.1:9/v1/beta", "/v1/beta", true),
        ("deepseek", "http://127.0.0.1:9/beta/v1", "/beta/v1", false),
        ("deepseek", "http://127.0.0.1:9/alphabeta", "/alphabeta/v1", false),
        ("deepseek", "http://beta", "/v1", false),
        ("groq", "http://127.0.0.1:9/beta", "/beta/v1", false),
    ] {
        let lines = format!("kind = \"{kind}\"\nbase_url = \"{base_url}\"");
        let config = good(&format!("[providers.p]\n{lines}\napi_key = \"caller\"\n"));
        let provider = &config.providers[0];
        let asked = provider.quirks.prefill == Prefill::Field("prefix");
        let found = (provider.quirks.name, &*provider.base_url.path, asked);
        assert_eq!(found, (kind, path, prefix), "{base_url}");
    }
}

#[test]
fn positions_count_characters_after_any_line_end() {
    check(
        "\u{feff}x = 1",
        "f:1:1: x: unknown section; possible here: server, console, keys, providers, models, deadlines, retry, breaker, upstream, watch, telemetry",
    );
    check(
        "# é\r\n[retry]\r\nwait = 'é' # é\r\n",
        "f:3:8: retry.wait: not a duration; write whole numbers with ms, s, m or h: \"500ms\", \"10s\", \"1m30s\"",
    );
    check(
        "[retry]\n\"é\" = 1",
        "f:2:1: retry.\"é\": unknown key; possible here: per_target, total, wait, backoff, backoff_max, ratio, reserve, crawl",
    );
    let large = format!("#{}", "x".repeat(1 << 20));
    check(&large, "f:1:1: the file is larger than 1 MiB; is it the right file?");
}

/// Texts that are nearly configurations: real lines in any order, cut anywhere.
fn nearly() -> impl Strategy<Value = String> {
    let lines: Vec<&'static str> = CASES.lines().chain(BASE.lines()).collect();
    let line = prop_oneof![
        8 => prop::sample::select(lines).prop_map(str::to_owned),
        1 => "[\\[\\]{}\"'.=,#a-c0-9 \\\\-]{0,20}",
        1 => Just("[a.b]".to_owned()),
        1 => Just("[[a]]".to_owned()),
        1 => Just("a.b.c = 1".to_owned()),
    ];
    (prop::collection::vec(line, 0..20), any::<prop::sample::Index>()).prop_map(|(lines, cut)| {
        let text = lines.join("\n");
        let cut = text.floor_char_boundary(cut.index(text.len() + 1));
        text[..cut].to_owned()
    })
}

/// Every problem stands in the text, in order, with something to do about it.
fn sound(text: &str) {
    let Err(problems) = load(text, &outside()) else { return };
    assert!(!problems.is_empty());
    assert!(problems.is_sorted_by_key(|problem| (problem.line, problem.column)));
    let lines = text.matches('\n').count() + 1;
    for problem in &problems {
        assert!((1..=lines).contains(&(problem.line as usize)), "{problem} in {text:?}");
        assert!(problem.column >= 1);
    }
    shown(&problems);
}

proptest! {
    #[test]
    fn any_text_is_answered(text in any::<String>()) {
        sound(&text);
    }

    #[test]
    fn any_nearly_right_text_is_answered(text in nearly()) {
        sound(&text);
    }

    #[test]
    fn any_name_is_answered(asked in any::<String>(), base_url in any::<String>()) {
        let quirks = crate::providers::row("ollama").expect("a row");
        let found = FoundLocal { quirks, base_url, models: vec![asked.clone()] };
        let config = crate::zero(&outside(), &[found], crate::Fallback::Any);
        let names: Vec<String> = config.near(&asked);
        assert!(names.len() <= 3);
        if let Some(model) = config.find(&asked) {
            assert!(model.pattern.matches(&asked));
            for link in &model.chain {
                config.target(model, link, &asked);
            }
        }
    }

    #[test]
    fn any_base_url_is_answered_and_reads_back(text in "https?://[a-z0-9.:\\[\\]@/?#%-]{0,30}") {
        let quirks = crate::providers::row("ollama").expect("a row");
        let found = FoundLocal { quirks, base_url: text, models: Vec::new() };
        let config = crate::zero(&Outside::default(), &[found], crate::Fallback::OwnVendor);
        if let Some(provider) = config.providers.get(2) {
            let again = FoundLocal { quirks, base_url: provider.base_url.to_string(), models: Vec::new() };
            let config: Config = crate::zero(&Outside::default(), &[again], crate::Fallback::OwnVendor);
            assert_eq!(config.providers[2].base_url, provider.base_url);
        }
    }
}
