//! Claude Code, headless, with a tool-using turn: its first target is overloaded, or cut off in the
//! middle of the tool call.

use super::home::Home;
use super::{prepared, program};
use crate::world::{Pairing, Plan, World, provider};
use drill::provider::Seen;
use ir::{Dialect, Ending};
use serde_json::Value;
use std::collections::BTreeMap;
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
    ("first-2-cut-after-3+tools", "a"),
    ("overloaded", "b"),
    ("error-after-start", "b"),
    ("first-2-tool-cut+tools", "a"),
    ("first-2-tool-reset+tools", "a"),
];

pub(super) async fn check() {
    let claude = prepared("BACKSTOP_CLAUDE", "cargo xtask clients claude-code");
    for pairing in Pairing::ALL {
        for (fault, last) in SESSIONS {
            session(&claude, pairing, (fault, last)).await;
        }
    }
}

async fn session(claude: &Path, pairing: Pairing, (fault, last): (&str, &str)) {
    let world = world(pairing.beside(Dialect::Messages), fault).await;
    let home = Home::new(&format!("claude-{}-{fault}", pairing.name()));
    let output = program::run(&mut command(claude, &world, home.path()), "", LIMIT).await;
    let told = program::told(&output);
    assert!(output.status.success(), "{fault}: {told}");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(text.trim(), drill::provider::text(last, 0, 12), "{fault}: {told}");

    // The tool ran once: one request carries its output, and only one.
    let asked = asked(&world);
    let outputs: Vec<String> = asked.values().flat_map(|seen| outputs(&seen.text())).collect();
    assert!(matches!(&outputs[..], [one] if one.contains(RAN)), "{fault}: {outputs:?}\n{told}");

    for seen in asked.values() {
        assert_eq!(seen.objection(), None, "{fault}: {}", seen.text());
    }

    // One record per request, every one of them answered, the first by the second target.
    let records = world.records(asked.len()).await;
    assert!(records.iter().all(|record| record.ending == Ending::Answered), "{records:#?}");
    assert_eq!(records[0].target.as_deref(), Some("b/ok+tools"), "{fault}: {records:#?}");
    assert!(records[0].attempts.len() > 1, "{fault}: {records:#?}");
    world.stop().await;
}

/// The requests as the clouds saw them, whoever was asked how often: by their bodies.
fn asked(world: &World) -> BTreeMap<String, Seen> {
    let seen = [world.a().log(), world.b().log()].concat();
    let posted = seen.into_iter().filter(|seen| seen.method == "POST");
    let spliced = |seen: &Seen| seen.text().replacen(&format!("\"{}\"", seen.model), "", 1);
    // The name of the model is what the gateway changes.
    posted.map(|seen| (spliced(&seen), seen)).collect()
}

/// What came of the tools, as a request tells the model, in either dialect.
fn outputs(body: &str) -> Vec<String> {
    let body: Value = serde_json::from_str(body).expect("JSON");
    let messages = body["messages"].as_array().expect("messages");
    let tools = messages.iter().filter(|message| message["role"] == "tool");
    let blocks = messages.iter().filter_map(|message| message["content"].as_array()).flatten();
    let results = blocks.filter(|block| block["type"] == "tool_result");
    let all = tools.chain(results);
    all.inspect(|it| assert!(it["is_error"] != true, "{it}")).map(Value::to_string).collect()
}

/// The first target has the fault, the second calls a tool and then comes to an end.
async fn world(dialect: Dialect, fault: &str) -> World {
    let (a, b) = (provider(dialect, "a"), provider(dialect, "b"));
    let toml = format!(
        "breaker.failures = 1000\nbreaker.requests = 1000\n{a}{b}\
         [models.\"*\"]\nchain = [\"a/{fault}\", \"b/ok+tools\"]\n"
    );
    Plan::new(toml).clouds(&["a", "b"]).await.start().await
}

fn command(claude: &Path, world: &World, home: &Path) -> Command {
    let mut command = Command::new(claude);
    let path = std::env::var_os("PATH").unwrap_or_default();
    command
        // Nothing of this machine's configuration, keys and proxies.
        .env_clear()
        .env("PATH", path)
        .env("HOME", home)
        .env("ANTHROPIC_BASE_URL", format!("http://{}", world.addr()))
        .env("ANTHROPIC_API_KEY", "k")
        .env("ANTHROPIC_MODEL", "claude-sonnet-4-6")
        .env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")
        .current_dir(home)
        .args(["-p", "Say by the shell that the tool ran.", "--output-format", "text"])
        .args(["--allowedTools", "Bash(echo:*)"]);
    command
}
