//! aider, headless: it asks for an edit in text, and its file is edited though the first target is
//! overloaded or cut off.

use super::home::Home;
use super::{prepared, program};
use crate::world::{CROSSABLE, Pairing, Plan, World, provider};
use ir::{Dialect, Ending};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// From its start to its end, the program's own start-up included.
const LIMIT: Duration = Duration::from_mins(2);

/// The first target is cut off as often as it is asked, in the middle of the edit.
const CUT: &str = "cut-after-3+edit";

/// What is wrong with the first target, and whether the answer is streamed.
const SESSIONS: [(&str, bool); 4] =
    [("overloaded", true), ("fin-before-content", true), (CUT, true), ("short-body", false)];

pub(super) async fn check() {
    let python = prepared("BACKSTOP_AIDER", "cargo xtask clients aider");
    for pairing in Pairing::ALL {
        for dialect in CROSSABLE {
            for (fault, streamed) in SESSIONS {
                session(&python, pairing, (dialect, fault, streamed)).await;
            }
        }
    }
}

async fn session(
    python: &Path,
    pairing: Pairing,
    (dialect, fault, streamed): (Dialect, &str, bool),
) {
    let name = format!("aider-{}-{}-{fault}", dialect.name(), pairing.name());
    let world = world(pairing.beside(dialect), fault).await;
    let home = Home::new(&name);
    let notes = home.path().join("notes.txt");
    std::fs::write(&notes, "before\n").expect("a writable folder");
    let mut command = command(python, dialect, (&world, home.path()));
    if !streamed {
        command.arg("--no-stream");
    }
    let output = program::run(&mut command, "", LIMIT).await;
    let told = program::told(&output);
    assert!(output.status.success(), "{name}: {told}");
    let edited = std::fs::read_to_string(&notes).expect("it is still there");
    assert_eq!(edited, "backstop-edit-made\n", "{name}: {told}");

    // One request, answered by the second target; what that was asked is as its dialect wants it.
    let record = world.record().await;
    assert_eq!(record.ending, Ending::Answered, "{name}: {record:#?}");
    assert_eq!(record.target.as_deref(), Some("b/ok+edit"), "{name}: {record:#?}");
    assert_eq!(record.seams, u32::from(fault == CUT), "{name}: {record:#?}");
    for seen in world.b().log() {
        assert_eq!(seen.objection(), None, "{name}: {}", seen.text());
    }
    world.stop().await;
}

/// The first target has the fault, the second edits.
async fn world(dialect: Dialect, fault: &str) -> World {
    let (a, b) = (provider(dialect, "a"), provider(dialect, "b"));
    let toml = format!("{a}{b}[models.\"*\"]\nchain = [\"a/{fault}\", \"b/ok+edit\"]\n");
    Plan::new(toml).clouds(&["a", "b"]).await.start().await
}

fn command(python: &Path, dialect: Dialect, (world, home): (&World, &Path)) -> Command {
    let base = format!("http://{}", world.addr());
    let (model, base) = match dialect {
        Dialect::Chat => ("openai/gpt-4o", ("OPENAI_API_BASE", format!("{base}/v1"))),
        Dialect::Responses => panic!("aider does not speak it"),
        Dialect::Messages => ("anthropic/claude-sonnet-4-5", ("ANTHROPIC_API_BASE", base)),
    };
    let mut command = Command::new(python);
    let path = std::env::var_os("PATH").unwrap_or_default();
    command
        // Nothing of this machine's configuration, keys and proxies.
        .env_clear()
        .env("PATH", path)
        .env("HOME", home)
        .env(base.0, base.1)
        .env("OPENAI_API_KEY", "k")
        .env("ANTHROPIC_API_KEY", "k")
        // It would fetch prices: nobody listens there, and it goes on without them.
        .env("HTTPS_PROXY", "http://127.0.0.1:1")
        .env("LITELLM_LOCAL_MODEL_COST_MAP", "True")
        .current_dir(home)
        .args(["-m", "aider", "--model", model, "--edit-format", "diff"])
        .args(["--message", "Change the line of notes.txt.", "--yes-always", "--no-git"])
        .args(["--no-check-update", "--no-show-model-warnings", "--no-show-release-notes"])
        .args(["--analytics-disable", "--no-gitignore", "--no-pretty", "--map-tokens", "0"])
        .args(["--no-suggest-shell-commands", "--no-fancy-input", "notes.txt"]);
    command
}
