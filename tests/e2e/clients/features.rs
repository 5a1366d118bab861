//! What the users of the official SDKs get of everything that both dialects can say, from a
//! provider that speaks theirs and from one that speaks the other.
//!
//! The provider refuses what is illegal, heeds what it is asked for and can tell what it heard; so
//! an account that is the same in both pairings shows that nothing was lost on the way.

use super::sdk::{self, Account, Language, Row};
use crate::world::{Pairing, Plan, World};
use drill::provider::Seen;
use ir::Dialect;
use std::fmt::Write;

/// The model's first word is the provider's key, so that a limit meets nobody else.
const CALLS: &[Row] = &[
    // What was said arrives as it was said.
    ("whole", "one/ok+strict+echo", r#"{"system": true, "image": true, "user": true}"#),
    ("stream", "one/ok+strict+echo", r#"{"system": true, "image": true, "tools": true}"#),
    ("helper", "one/ok+strict+echo+unicode", r#"{"system": true, "think": true}"#),
    // Text, counted.
    ("whole", "one/ok+strict", r#"{"usage": true, "detail": true}"#),
    ("stream", "one/ok+strict+unicode", r#"{"usage": true, "detail": true}"#),
    ("helper", "one/ok+strict+tokens-40", "{}"),
    // Tools: several at once, and what came of them sent back.
    ("whole", "one/ok+strict+tools", r#"{"tools": true}"#),
    ("stream", "one/ok+strict+text+tools-3+interleaved", r#"{"tools": true}"#),
    ("helper", "one/ok+strict+tools-3+interleaved", r#"{"tools": true}"#),
    ("rounds", "one/ok+strict+text+tools-3", r#"{"tools": true, "system": true}"#),
    ("rounds", "one/ok+strict+tools-3+interleaved", r#"{"tools": true, "stream": true}"#),
    ("rounds", "one/ok+strict+tools+echo", r#"{"tools": true}"#),
    ("rounds", "one/ok+strict+tools+echo", r#"{"tools": true, "stream": true, "image": true}"#),
    ("rounds", "one/ok+strict+tools-3+echo", r#"{"tools": true, "more": true, "parts": true}"#),
    ("rounds", "one/ok+strict+tools+echo", r#"{"tools": true, "middle": true, "stream": true}"#),
    ("whole", "one/ok+strict+obeys+tools-3", r#"{"tools": true, "choice": "one"}"#),
    ("stream", "one/ok+strict+obeys+tools-3", r#"{"tools": true, "choice": "none"}"#),
    ("whole", "one/ok+strict+obeys", r#"{"tools": true, "choice": "some"}"#),
    ("stream", "one/ok+strict+obeys", r#"{"tools": true, "choice": "named"}"#),
    // Thinking, and thinking sent back with the results of the calls it led to.
    ("whole", "one/ok+strict+obeys", r#"{"think": true, "detail": true, "usage": true}"#),
    ("stream", "one/ok+strict+obeys", r#"{"think": true, "detail": true, "usage": true}"#),
    ("helper", "one/ok+strict+obeys", r#"{"think": true, "detail": true}"#),
    (
        "rounds",
        "one/ok+strict+obeys+text+tools-3",
        r#"{"think": true, "detail": true, "tools": true}"#,
    ),
    (
        "rounds",
        "one/ok+strict+obeys+tools",
        r#"{"think": true, "detail": true, "tools": true, "stream": true}"#,
    ),
    // An answer of a given form.
    ("parse", "one/ok+strict+obeys", "{}"),
    ("parse", "one/ok+strict+obeys", r#"{"stream": true}"#),
    // Where an answer ends.
    ("whole", "one/ok+strict+obeys", r#"{"max": 3, "usage": true}"#),
    ("stream", "one/ok+strict+obeys", r#"{"max": 3, "usage": true}"#),
    ("whole", "one/ok+strict+obeys", r#"{"stop": ["w5", "w3"]}"#),
    ("stream", "one/ok+strict+obeys", r#"{"stop": ["w5", "w3"]}"#),
    ("whole", "one/ok+strict+tokens-3+refusal", "{}"),
    ("stream", "one/ok+strict+tokens-3+refusal", "{}"),
    ("whole", "one/ok+strict+tokens-3+filtered", "{}"),
    ("stream", "one/ok+strict+tokens-3+filtered", "{}"),
    ("whole", "one/ok+strict+tokens-3+context", "{}"),
    ("stream", "one/ok+strict+tokens-3+paused", "{}"),
    // What goes wrong is said in the client's own words.
    ("whole", "one/ok+strict", r#"{"set": {"frobnicate": 1}, "detail": true}"#),
    ("whole", "one/400-invalid", r#"{"detail": true}"#),
    ("stream", "one/400-context", r#"{"detail": true}"#),
    ("whole", "one/400-content-filter", r#"{"detail": true}"#),
    ("whole", "one/404-model", r#"{"detail": true}"#),
    ("stream", "one/413", r#"{"detail": true}"#),
    ("whole", "refused/401", r#"{"detail": true}"#),
    ("whole", "one/status-500", r#"{"detail": true, "retries": 0}"#),
    ("stream", "one/status-503+retry-after-9", r#"{"detail": true, "retries": 0}"#),
    ("stream", "one/overloaded", r#"{"detail": true, "retries": 0}"#),
    ("whole", "one/once-overloaded", r#"{"detail": true}"#),
    ("whole", "limited/status-429+retry-after-7", r#"{"detail": true, "retries": 0}"#),
    ("stream", "spent/429-quota", r#"{"detail": true, "retries": 0}"#),
    // A break after the head is an error of the stream.
    ("stream", "one/error-after-3", r#"{"detail": true}"#),
    ("stream", "one/cut-after-3", r#"{"detail": true}"#),
    ("helper", "one/tool-fin", r#"{"tools": true, "detail": true, "retries": 0}"#),
];

/// Only Messages has words for these.
const MESSAGES: &[Row] = &[
    ("rounds", "one/ok+strict+tools+echo", r#"{"tools": true, "failed": true}"#),
    (
        "stream",
        "one/ok+strict+obeys",
        r#"{"set": {"thinking": {"type": "adaptive", "display": "omitted"}}, "detail": true}"#,
    ),
    (
        "whole",
        "one/ok+strict+obeys",
        r#"{"set": {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2000}, "detail": true}"#,
    ),
    (
        "whole",
        "one/ok+strict+echo",
        r#"{"set": {"system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]}}"#,
    ),
    ("whole", "one/ok+strict+obeys", r#"{"set": {"stop_sequences": ["q", "r", "s", "t", "w3"]}}"#),
    ("count", "one/ok+strict", "{}"),
];

/// Only Chat has words for these.
const CHAT: &[Row] = &[
    ("whole", "one/ok+strict+echo", r#"{"set": {"temperature": 0.5, "seed": 7}}"#),
    ("stream", "one/ok+strict+echo", r#"{"set": {"temperature": 1.5, "user": "user-7"}}"#),
    ("whole", "one/ok+strict+obeys", r#"{"set": {"max_tokens": 3, "stop": "w2"}}"#),
    (
        "whole",
        "one/ok+strict+obeys",
        r#"{"set": {"response_format": {"type": "json_object"}, "messages": [{"role": "developer", "content": "Say it in JSON."}, {"role": "user", "content": "Hi"}]}}"#,
    ),
    (
        "stream",
        "one/ok+strict+obeys",
        r#"{"set": {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object", "properties": {"n": {"type": "integer"}}}}}}}"#,
    ),
    ("whole", "one/ok+strict", r#"{"set": {"n": 2}, "detail": true}"#),
    ("whole", "one/ok+strict", r#"{"set": {"logprobs": true, "top_logprobs": 2}, "detail": true}"#),
];

const HEAD: &str = "What the users of the official SDKs get of what both dialects can say: a call, then its \
     account.\nWho tells it stands before it where they differ; those behind a provider of the \
     other dialect are `crossed`.\n`BLESS=1 cargo xtask clients sdks` writes this; every line is \
     to be read.\n";

/// Plays the plan with every SDK and every pairing that is ready, and compares.
pub(super) async fn check() {
    let (messages, chat) = tokio::join!(accounts(Dialect::Messages), accounts(Dialect::Chat));
    sdk::compare("accounts-features.txt", &format!("{HEAD}\n{messages}\n{chat}"));
}

async fn accounts(dialect: Dialect) -> String {
    let own = match dialect {
        Dialect::Messages => MESSAGES,
        Dialect::Chat => CHAT,
        Dialect::Responses => panic!("it crosses to nobody"),
    };
    let calls = [CALLS, own].concat();
    let mut told = Vec::new();
    for pairing in Pairing::ALL {
        let (python, javascript) = tokio::join!(
            played(Language::Python, (dialect, pairing), &calls),
            played(Language::JavaScript, (dialect, pairing), &calls)
        );
        told.extend([python, javascript]);
    }
    let label = |(how, model, with): &Row| format!("{how} {model} {}", with.replace("{}", ""));
    format!("# {}\n{}", dialect.name(), sdk::written(&calls, &told, label))
}

async fn played(
    language: Language,
    (dialect, pairing): (Dialect, Pairing),
    calls: &[Row],
) -> (String, Vec<Account>) {
    let (key, hash) = config::new_key([7; 32]);
    let world = world(pairing.beside(dialect), &hash).await;
    let accounts = language.play(dialect, world.addr(), (&key, calls)).await;
    // One record per request, however it ended.
    world.records(sdk::sent(&accounts)).await;
    for seen in world.a().log() {
        let odd = seen.text().contains("frobnicate");
        let objection = seen.objection();
        assert!(
            odd || objection.is_none(),
            "{language:?} {dialect:?} {pairing:?}: {objection:?}: {}",
            text(&seen)
        );
    }
    world.stop().await;
    let name = match pairing {
        Pairing::Same => language.name().to_owned(),
        Pairing::Crossed => format!("{} {}", language.name(), pairing.name()),
    };
    (name, accounts)
}

fn text(seen: &Seen) -> String {
    format!("{} {} {:?} {}", seen.method, seen.path, seen.header("anthropic-version"), seen.text())
}

/// A gateway before one provider of a dialect, under several keys.
async fn world(provider: Dialect, hash: &str) -> World {
    let mut toml = format!(
        "retry = {{ backoff = \"1ms\", wait = \"1s\", reserve = 1000 }}\n\
         breaker.failures = 1000\nbreaker.requests = 1000\n\
         [keys.sdk]\nhash = \"{hash}\"\n"
    );
    for name in ["one", "refused", "limited", "spent"] {
        writeln!(
            toml,
            "[providers.{name}]\ndialect = \"{}\"\nbase_url = \"{{a}}\"\n\
             api_key = \"literal:sk-{name}\"\nlocal = false\n\
             [models.\"{name}/*\"]\nchain = [\"{name}/$1\"]",
            provider.name()
        )
        .expect("writing to a string");
    }
    Plan::new(toml).clouds(&["a"]).await.start().await
}
