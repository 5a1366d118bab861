//! Without a file, and with one that says little.

use super::{Outside, SECRET};
use crate::{Config, Credential, Fallback, FoundLocal, load, load_beside, providers, zero};
use ir::Dialect;
use std::time::Duration;

fn ollama() -> FoundLocal {
    FoundLocal {
        quirks: providers::row("ollama").expect("a row"),
        base_url: "http://127.0.0.1:11434".to_owned(),
        models: vec!["nomic-embed-text".to_owned(), "llama3.1:8b".to_owned()],
    }
}

/// The targets of a name, as `provider/model`.
fn targets(config: &Config, asked: &str) -> Vec<String> {
    let Some(model) = config.find(asked) else { return Vec::new() };
    model.chain.iter().map(|link| config.target(model, link, asked)).collect()
}

#[track_caller]
fn check(config: &Config, asked: &str, expect: &[&str]) {
    assert_eq!(targets(config, asked), expect, "{asked}");
}

#[test]
fn an_empty_world_still_passes_callers_on() {
    let config = zero(&Outside::default(), &[], Fallback::OwnVendor);
    let names: Vec<&str> = config.providers.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["openai", "anthropic"]);
    for provider in &config.providers {
        assert!(matches!(provider.credentials[..], [Credential::Caller]), "{}", provider.name);
    }
    check(&config, "claude-sonnet-4-6", &["anthropic/claude-sonnet-4-6"]);
    for name in ["gpt-5.4", "o1", "o3-mini", "o4-mini", "chatgpt-4o-latest"] {
        check(&config, name, &[&format!("openai/{name}")]);
    }
    check(&config, "openai/gpt-5.4", &["openai/gpt-5.4"]);
    check(&config, "mistral-large", &[]);
    check(&config, "groq/llama", &[]);
    assert_eq!(config.near("gtp-5"), ["gpt-*"]);
    assert!(config.warnings.is_empty());
}

#[test]
fn responses_is_spoken_beside_chat() {
    let around = Outside::env(&[("OPENAI_API_KEY", SECRET), ("MISTRAL_API_KEY", SECRET)]);
    let config = zero(&around, &[ollama()], Fallback::OwnVendor);
    let served = |asked: &str| -> Vec<String> {
        let model = config.find(asked).expect("a model");
        let links = config.links(model, Dialect::Responses);
        links.into_iter().map(|link| config.target(model, link, asked)).collect()
    };
    assert_eq!(served("gpt-5.4"), ["openai/gpt-5.4", "ollama/llama3.1:8b"]);
    // These speak it not, and nothing crosses to them.
    for model in ["claude-sonnet-4-6", "mistral/large"] {
        assert_eq!(served(model), ["ollama/llama3.1:8b"], "{model}");
    }
}

#[test]
fn keys_in_the_environment_make_providers() {
    let around = Outside::env(&[
        ("ANTHROPIC_API_KEY", SECRET),
        ("GROQ_API_KEY", SECRET),
        ("AZURE_OPENAI_API_KEY", SECRET),
        ("ANTHROPIC_BASE_URL", "http://127.0.0.1:8484"),
        ("MISTRAL_API_KEY", " "),
    ]);
    let config = zero(&around, &[], Fallback::OwnVendor);
    let names: Vec<&str> = config.providers.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["openai", "groq", "anthropic"]);
    assert!(config.providers[1].credentials[0].is_ours());
    assert!(config.providers[2].credentials[0].is_ours());
    assert_eq!(config.providers[2].base_url.host, "api.anthropic.com");
    check(&config, "groq/openai/gpt-oss-120b", &["groq/openai/gpt-oss-120b"]);
    check(&config, "claude-opus-4-6", &["anthropic/claude-opus-4-6"]);
    check(&config, "gpt-5.4", &["openai/gpt-5.4"]);
    assert_eq!(
        super::shown(&config.warnings),
        "MISTRAL_API_KEY: the key is empty; fill it, or leave api_key out"
    );
    assert!(!format!("{config:?}").contains(SECRET));
}

#[test]
fn local_servers_end_every_chain_in_both_dialects() {
    let config = zero(&Outside::default(), &[ollama()], Fallback::OwnVendor);
    let local: Vec<_> = config.providers.iter().filter(|p| p.local).collect();
    assert_eq!(local.len(), 2);
    assert_eq!((local[0].name.as_str(), local[0].dialect), ("ollama", Dialect::Chat));
    assert_eq!((local[1].name.as_str(), local[1].dialect), ("ollama-anthropic", Dialect::Messages));
    assert!(matches!(local[0].credentials[..], [Credential::None]));
    assert_eq!(local[0].base_url.to_string(), "http://127.0.0.1:11434/v1");
    let last = ["ollama/llama3.1:8b", "ollama-anthropic/llama3.1:8b"];
    check(&config, "claude-x", &["anthropic/claude-x", last[0], last[1]]);
    check(&config, "gpt-5", &["openai/gpt-5", last[0], last[1]]);
    check(&config, "llama3.1:8b", &last);
    check(&config, "ollama/qwen3", &["ollama/qwen3", last[1]]);
    // Embeddings are not what a chat falls back to, but may be asked for by name.
    check(
        &config,
        "nomic-embed-text",
        &["ollama/nomic-embed-text", "ollama-anthropic/nomic-embed-text"],
    );
}

#[test]
fn servers_of_one_kind_get_names_of_their_own() {
    let mut second = ollama();
    second.base_url = "http://127.0.0.1:11435".to_owned();
    let mut broken = ollama();
    broken.base_url = "127.0.0.1".to_owned();
    let config = zero(&Outside::default(), &[ollama(), second, broken], Fallback::OwnVendor);
    let names: Vec<&str> = config.providers.iter().skip(2).map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["ollama", "ollama-anthropic", "ollama-2", "ollama-anthropic-2"]);
    assert_eq!(config.warnings.len(), 1);
    assert_eq!(targets(&config, "llama3.1:8b").len(), 4);
}

#[test]
fn any_crosses_vendors_with_our_keys_only() {
    let around = Outside::env(&[("GROQ_API_KEY", SECRET), ("TOGETHER_API_KEY", SECRET)]);
    let config = zero(&around, &[ollama()], Fallback::Any);
    check(
        &config,
        "gpt-5",
        &[
            "openai/gpt-5",
            "groq/openai/gpt-oss-120b",
            "together/gpt-5",
            "ollama/llama3.1:8b",
            "ollama-anthropic/llama3.1:8b",
        ],
    );
    for model in &config.models {
        for link in model.chain.iter().skip(1) {
            let provider = config.provider(link).expect("a provider");
            assert!(!matches!(provider.credentials[0], Credential::Caller), "{}", model.pattern);
        }
    }
}

#[test]
fn chains_fit_the_attempts() {
    let pairs: Vec<_> = providers::ROWS
        .iter()
        .filter_map(|row| row.env.first())
        .map(|name| (*name, SECRET))
        .collect();
    let config = zero(&Outside::env(&pairs), &[ollama()], Fallback::Any);
    let longest = config.models.iter().map(|model| model.chain.len()).max();
    assert_eq!(longest.map(u32::try_from), Some(Ok(config.retries.total)));
    assert!(config.retries.total > 8);
}

#[test]
fn a_file_that_says_little_is_filled_up() {
    let empty = load("", &Outside::default()).expect("an empty file");
    let none = zero(&Outside::default(), &[], Fallback::OwnVendor);
    assert_eq!(format!("{empty:?}"), format!("{none:?}"));
    let text = "[deadlines]\nconnect = \"1s\"\n[server]\ngrace = \"1s\"";
    let around = Outside::default();
    let beside = load_beside(text, &around, &[ollama()], Fallback::OwnVendor).expect("accepted");
    assert_eq!(beside.server.grace, Duration::from_secs(1));
    assert_eq!(beside.providers.len(), 4);
    for provider in &beside.providers {
        assert_eq!(provider.deadlines.connect, Duration::from_secs(1), "{}", provider.name);
    }
    let text = "[providers.work]\nkind = \"openai\"\napi_key = \"caller\"\n[providers.vllm]";
    let own = load_beside(text, &around, &[ollama()], Fallback::OwnVendor).expect("accepted");
    assert_eq!(own.providers.len(), 2);
    check(&own, "gpt-5", &["work/gpt-5"]);
    check(&own, "vllm/qwen", &["vllm/qwen"]);
    check(&own, "claude-x", &[]);
}
