//! Codex, headless, with a tool-using turn: its first target is overloaded, or cut off in the middle of
//! the tool call. It speaks Responses and nothing else.

use super::home::Home;
use super::{prepared, program};
use crate::world::{Plan, World, provider};
use drill::provider::Seen;
use ir::{Dialect, Ending};
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// From its start to its answer, the program's own start-up included.
const LIMIT: Duration = Duration::from_mins(2);

/// What the fake clouds' tool call does: `echo` this.
const RAN: &str = "backstop-tool-ran";

/// What is wrong with the first target, and who is to say the last word. Cut twice: the gateway
/// tries a target once more that was cut for the first time.
const SESSIONS: [(&str, &str); 5] = [
    ("ok+tools", "a"),
    ("overloaded", "b"),
    ("error-after-start", "b"),
    ("first-2-tool-cut+tools", "a"),
    ("first-2-tool-reset+tools", "a"),
];

pub(super) async fn check() {
    let codex = prepared("BACKSTOP_CODEX", "cargo xtask clients codex");
    for (fault, last) in SESSIONS {
        session(&codex, fault, last).await;
    }
    cut(&codex, "continue", &[(Ending::Answered, 1)]).await;
    cut(&codex, "stop", &[(Ending::Broken, 0), (Ending::Answered, 0)]).await;
}

async fn session(codex: &Path, fault: &str, last: &str) {
    let world = started("", fault).await;
    let home = Home::new(&format!("codex-{fault}"));
    let output = program::run(&mut command(codex, &world, home.path()), "", LIMIT).await;
    let told = program::told(&output);
    assert!(output.status.success(), "{fault}: {told}");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(text.trim(), drill::provider::text(last, 0, 12), "{fault}: {told}");

    // The tool ran once: one request carries its output.
    let asked = asked(&world);
    let outputs: Vec<String> = asked.iter().flat_map(outputs).collect();
    assert!(!outputs.is_empty() && outputs.iter().all(|it| it.contains(RAN)), "{fault}: {told}");
    for seen in &asked {
        assert_eq!(seen.objection(), None, "{fault}: {}", seen.text());
    }

    // One record per request, every one of them answered.
    let records = world.records(2).await;
    assert!(records.iter().all(|record| record.ending == Ending::Answered), "{records:#?}");
    assert!(records.iter().all(|record| record.dialect == Dialect::Responses), "{records:#?}");
    let first = if fault == "ok+tools" { "a/ok+tools" } else { "b/ok+tools" };
    assert_eq!(records[0].target.as_deref(), Some(first), "{fault}: {records:#?}");
    world.stop().await;
}

/// An answer that is cut is gone on with, and Codex does not notice. Where that is switched off it is told,
/// and asks again by itself.
async fn cut(codex: &Path, midstream: &str, endings: &[(Ending, u32)]) {
    let world = started(&format!("midstream = \"{midstream}\"\n"), "once-cut-after-3").await;
    let home = Home::new(&format!("codex-{midstream}"));
    let output = program::run(&mut command(codex, &world, home.path()), "", LIMIT).await;
    let told = program::told(&output);
    assert!(output.status.success(), "{midstream}: {told}");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(text.trim(), drill::provider::text("a", 0, 12), "{midstream}: {told}");
    let records = world.records(endings.len()).await;
    let ended: Vec<_> = records.iter().map(|record| (record.ending, record.seams)).collect();
    assert_eq!(ended, endings, "{midstream}: {records:#?}");
    world.stop().await;
}

/// The requests as the clouds saw them.
fn asked(world: &World) -> Vec<Seen> {
    let seen = [world.a().log(), world.b().log()].concat();
    seen.into_iter().filter(|seen| seen.method == "POST").collect()
}

/// What came of the tools, as a request tells the model.
fn outputs(seen: &Seen) -> Vec<String> {
    let body: Value = serde_json::from_str(&seen.text()).expect("JSON");
    let items = body["input"].as_array().expect("items");
    let results = items.iter().filter(|item| item["type"] == "function_call_output");
    results.map(Value::to_string).collect()
}

/// The first target has the fault, the second calls a tool and then comes to an end.
async fn started(settings: &str, fault: &str) -> World {
    let (a, b) = (provider(Dialect::Responses, "a"), provider(Dialect::Responses, "b"));
    let toml = format!(
        "breaker.failures = 1000\nbreaker.requests = 1000\n{a}{b}\
         [models.\"*\"]\nchain = [\"a/{fault}\", \"b/ok+tools\"]\n{settings}\n"
    );
    Plan::new(toml).clouds(&["a", "b"]).await.start().await
}

fn command(codex: &Path, world: &World, home: &Path) -> Command {
    let config = format!(
        "model = \"gpt-5.4\"\nmodel_provider = \"backstop\"\n\
         [model_providers.backstop]\nname = \"backstop\"\nbase_url = \"http://{}/v1\"\n\
         env_key = \"BACKSTOP_KEY\"\nwire_api = \"responses\"\n",
        world.addr()
    );
    let folder = home.join(".codex");
    std::fs::create_dir_all(&folder).expect("a folder of its own");
    std::fs::write(folder.join("config.toml"), config).expect("a configuration of its own");
    let mut command = Command::new(codex);
    let path = std::env::var_os("PATH").unwrap_or_default();
    command
        // Nothing of this machine's configuration, keys and proxies.
        .env_clear()
        .env("PATH", path)
        .env("HOME", home)
        .env("BACKSTOP_KEY", "k")
        .current_dir(home)
        .args(["exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox"])
        .arg("Say by the shell that the tool ran.");
    command
}
