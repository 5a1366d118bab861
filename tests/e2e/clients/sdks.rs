//! What the users of the official SDKs get from a gateway whose first target fails.

use super::sdk::{self, Account, Language, Row};
use crate::world::{Plan, World};
use ir::{Dialect, Record};
use std::fmt::Write;

/// How a call is made, for which model, and with what beside. The model's first word is the chain:
///
/// - `pair/X`: the first target is asked for X, the second is well;
/// - `tool/X`: the same, where the second calls a tool, and `tools/X`: three of them;
/// - `join/X`: two that say the same, if X is anonymous and long; `call/X`: the same, and the second
///   calls a tool; `calls/X`: it calls two, which are numbered;
/// - `one/X`: one target, asked for X, and `both/X`: two, both asked for X;
/// - `own/X`: one target with the caller's own key;
/// - `park/X` and `quota/X`: as `pair/X`, and `parked/X`: as `one/X`, with a key of their own;
/// - `late/X`: one target that has a second until its first content.
const CALLS: &[Row] = &[
    // Every failure before the content is hidden.
    ("stream", "pair/overloaded", "{}"),
    ("helper", "pair/overloaded", "{}"),
    ("whole", "pair/overloaded", "{}"),
    ("stream", "pair/error-in-200", "{}"),
    ("whole", "pair/error-in-200", "{}"),
    ("helper", "pair/error-after-start", "{}"),
    ("stream", "pair/reset-before-head", "{}"),
    ("stream", "pair/fin-before-content", "{}"),
    ("whole", "pair/short-body", "{}"),
    ("whole", "pair/wrong-type", "{}"),
    ("many", "pair/status-502", "{}"),
    ("stream", "pair/status-500", r#"{"usage": true}"#),
    ("stream", "pair/ok+unicode+thinking", "{}"),
    ("stream", "quota/429-quota", "{}"),
    ("stream", "park/status-429+retry-after-7", "{}"),
    // Half a tool call reaches nobody.
    ("stream", "tool/tool-cut", r#"{"tools": true}"#),
    ("helper", "tool/tool-reset", r#"{"tools": true}"#),
    ("whole", "tool/short-body", r#"{"tools": true}"#),
    ("stream", "tools/tool-fin", r#"{"tools": true}"#),
    ("helper", "tools/overloaded", r#"{"tools": true}"#),
    ("whole", "tools/overloaded", r#"{"tools": true}"#),
    // What is the caller's to know reaches it as its provider said it.
    ("whole", "pair/400-invalid", "{}"),
    ("stream", "pair/400-context", "{}"),
    ("whole", "one/404-model", "{}"),
    ("whole", "own/401", r#"{"headers": {"x-backstop-key": "KEY"}, "key": "sk-mine"}"#),
    // Nobody can serve.
    ("whole", "both/overloaded", r#"{"retries": 0}"#),
    ("stream", "both/status-503+retry-after-9", r#"{"retries": 0}"#),
    ("whole", "parked/status-429+retry-after-7", r#"{"retries": 0}"#),
    ("whole", "one/401", "{}"),
    ("whole", "pair/ok", r#"{"key": "sk-wrong"}"#),
    // The SDK's own retries come on top, where waiting may help.
    ("whole", "one/first-2-status-503", "{}"),
    ("stream", "one/first-2-status-503+tokens-3", "{}"),
    // A cut is gone on with, by whoever says the same.
    ("stream", "join/cut-after-6+anonymous+long+tokens-15", "{}"),
    ("helper", "join/cut-after-7+anonymous+long+tokens-15", "{}"),
    ("stream", "join/fin-after-2+anonymous+long+tokens-15", "{}"),
    ("stream", "join/reset-after-6+anonymous+long+tokens-15", "{}"),
    ("stream", "join/error-after-6+anonymous+long+tokens-15", r#"{"usage": true}"#),
    ("stream", "join/no-finish+anonymous+long+tokens-15", "{}"),
    ("helper", "join/garble-after-6+anonymous+long+tokens-15", "{}"),
    ("stream", "call/text-then-tool-cut+anonymous+long", r#"{"tools": true}"#),
    ("helper", "calls/cut-after-call-1+numbered+tools-2", r#"{"tools": true}"#),
    // Where nobody can, it is never a success.
    ("stream", "pair/cut-after-3", "{}"),
    ("stream", "pair/error-after-3", "{}"),
    // Unusual, but complete.
    ("stream", "pair/no-end", "{}"),
    ("stream", "pair/whole-to-stream", "{}"),
    // Beside answers.
    ("models", "", "{}"),
    ("model", "exact", "{}"),
    ("model", "nothing", "{}"),
];

/// Chat has none of these.
const COUNTS: &[Row] = &[("count", "pair/ok", "{}"), ("count", "pair/status-500", "{}")];

/// Held longer than pings take: they come before success, and before failure. Where pings come,
/// nothing is known of the trail; so these have a world of their own.
const HELD: &[Row] = &[
    ("stream", "one/slow-first-1000ms", "{}"),
    ("helper", "one/slow-head-1000ms", "{}"),
    ("stream", "late/hang-before-head", "{}"),
    ("helper", "late/silent-200", "{}"),
];

/// Plays the plan with every SDK, side by side, and compares.
pub(super) async fn check() {
    let (messages, chat, responses) = tokio::join!(
        accounts(Dialect::Messages),
        accounts(Dialect::Chat),
        accounts(Dialect::Responses)
    );
    sdk::compare("accounts.txt", &format!("{HEAD}\n{messages}\n{chat}\n{responses}"));
}

const HEAD: &str = "What the users of the official SDKs get: a call with its model, then its account.\n\
                    Who tells it stands before it where Python's and JavaScript's differ.\n\
                    `BLESS=1 cargo xtask clients sdks` writes this; every line is to be read.\n";

/// Every call with its accounts, in the order of the plan.
async fn accounts(dialect: Dialect) -> String {
    let counts = if dialect == Dialect::Chat { &[] } else { COUNTS };
    let calls = [CALLS, counts].concat();
    let (python, javascript) = tokio::join!(
        played(Language::Python, dialect, &calls),
        played(Language::JavaScript, dialect, &calls)
    );
    let told = vec![python, javascript];
    let label = |(how, model, _): &Row| format!("{how} {model}");
    let calls = [&calls, HELD].concat();
    format!("# {}\n{}", dialect.name(), sdk::written(&calls, &told, label))
}

/// The accounts of one SDK, in worlds of its own: limits of one are not to meet the other.
async fn played(language: Language, dialect: Dialect, calls: &[Row]) -> (String, Vec<Account>) {
    let ((mut accounts, _), (held, records)) = tokio::join!(
        heard(language, (dialect, "30s"), calls),
        heard(language, (dialect, "100ms"), HELD)
    );
    assert!(records.iter().all(|record| record.pings > 0), "every held stream gets pings");
    accounts.extend(held);
    (language.name().to_owned(), accounts)
}

/// The accounts of some calls in a world of theirs, and its records.
async fn heard(
    language: Language,
    (dialect, ping_every): (Dialect, &str),
    calls: &[Row],
) -> (Vec<Account>, Vec<Record>) {
    let (key, hash) = config::new_key([7; 32]);
    let world = world(dialect, ping_every, &hash).await;
    let accounts = language.play(dialect, world.addr(), (&key, calls)).await;
    // One record per request, however it ended.
    let records = world.records(sdk::sent(&accounts)).await;
    world.stop().await;
    (accounts, records)
}

/// A gateway with a key of its own, and every chain that the calls name.
async fn world(dialect: Dialect, ping_every: &str, hash: &str) -> World {
    let dialect = dialect.name();
    let mut toml = format!(
        "server.ping_every = \"{ping_every}\"\n\
         retry = {{ backoff = \"1ms\", wait = \"1s\", reserve = 1000 }}\n\
         breaker.failures = 1000\nbreaker.requests = 1000\n\
         [keys.sdk]\nhash = \"{hash}\"\n"
    );
    let providers = [
        ("first", "a", "literal:sk-a"),
        ("second", "b", "literal:sk-b"),
        // A rate limit parks a key: those of the others must stay in service.
        ("limited", "a", "literal:sk-limited"),
        ("refused", "a", "literal:sk-refused"),
        ("spent", "a", "literal:sk-spent"),
        ("own", "a", "caller"),
    ];
    for (name, cloud, key) in providers {
        writeln!(
            toml,
            "[providers.{name}]\ndialect = \"{dialect}\"\nbase_url = \"{{{cloud}}}\"\n\
             api_key = \"{key}\"\nlocal = false"
        )
        .expect("writing to a string");
    }
    let chains = [
        ("pair/*", r#""first/$1", "second/ok""#),
        ("tool/*", r#""first/$1", "second/ok+tools""#),
        ("tools/*", r#""first/$1", "second/ok+text+tools-3+interleaved""#),
        ("join/*", r#""first/$1", "second/ok+anonymous+long+tokens-15""#),
        ("call/*", r#""first/$1", "second/ok+anonymous+long+text+tools""#),
        ("calls/*", r#""first/$1", "second/ok+numbered+tools-2+after-calls-rest""#),
        ("one/*", r#""first/$1""#),
        ("one/401", r#""refused/401""#),
        ("both/*", r#""first/$1", "second/$1""#),
        ("park/*", r#""limited/$1", "second/ok""#),
        ("parked/*", r#""limited/$1""#),
        ("quota/*", r#""spent/$1", "second/ok""#),
        ("own/*", r#""own/$1""#),
        ("late/*", r#""first/$1""#),
        ("exact", r#""first/ok""#),
    ];
    for (pattern, chain) in chains {
        let deadline = if pattern == "late/*" { "deadlines.first_content = \"1s\"" } else { "" };
        writeln!(toml, "[models.\"{pattern}\"]\nchain = [{chain}]\n{deadline}").expect("a string");
    }
    Plan::new(toml).clouds(&["a", "b"]).await.start().await
}
