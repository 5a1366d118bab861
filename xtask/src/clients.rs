//! `cargo xtask clients`: real client programs against the gateway.
//!
//! A client is a row of [`CLIENTS`]; its tests stand in the end-to-end tests and ask
//! `BACKSTOP_CLIENTS` (names, separated by commas) whether they are wanted.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::cache::Cache;
use crate::step::Step;
use crate::{javascript, python, say};

/// A program that talks to the gateway as its users' programs do. Several may go by one name.
struct Client {
    name: &'static str,
    /// The variable that tells the tests where the program is.
    variable: &'static str,
    prepare: fn(&Cache) -> Result<PathBuf>,
}

const CLIENTS: [Client; 6] = [
    Client { name: SDKS, variable: "BACKSTOP_PYTHON", prepare: python::sdks },
    Client { name: SDKS, variable: "BACKSTOP_NODE", prepare: javascript::prepare },
    Client { name: "claude-code", variable: "BACKSTOP_CLAUDE", prepare: claude_code },
    Client { name: "codex", variable: "BACKSTOP_CODEX", prepare: codex },
    Client { name: "aider", variable: "BACKSTOP_AIDER", prepare: python::aider },
    Client { name: "suites", variable: "BACKSTOP_SUITES", prepare: python::suites },
];

/// The clients that every test run prepares.
const SDKS: &str = "sdks";

/// Pinned: a new version is a commit.
const CLAUDE_CODE: &str = "2.1.328";
const CODEX: &str = "0.169.0";

/// Prepares the clients that are named, or all, and runs their tests.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let mut known = CLIENTS.map(|client| client.name).to_vec();
    known.dedup();
    let known = known.join(", ");
    if let Some(unknown) = args.iter().find(|arg| CLIENTS.iter().all(|it| it.name != **arg)) {
        bail!("there is no client {unknown:?}; there are: {known}");
    }
    let wanted =
        || CLIENTS.iter().filter(|it| args.is_empty() || args.iter().any(|a| a == it.name));
    let mut names: Vec<&str> = wanted().map(|client| client.name).collect();
    names.dedup();
    let cache = Cache::open()?;
    let mut step = Step::cargo(["test", "--package", "backstop-e2e", "--test", "e2e"])
        .args(["--", "clients::"])
        .env("BACKSTOP_CLIENTS", names.join(","));
    for client in wanted() {
        step = step.env(client.variable, (client.prepare)(&cache)?);
    }
    step.run()
}

/// What the tests of the SDKs need: variables, and where they point.
pub(crate) fn sdks(cache: &Cache) -> Result<Vec<(&'static str, PathBuf)>> {
    let wanted = CLIENTS.iter().filter(|client| client.name == SDKS);
    wanted.map(|client| Ok((client.variable, (client.prepare)(cache)?))).collect()
}

fn claude_code(cache: &Cache) -> Result<PathBuf> {
    npm_program(cache, "claude", ("@anthropic-ai/claude-code", CLAUDE_CODE))
}

fn codex(cache: &Cache) -> Result<PathBuf> {
    npm_program(cache, "codex", ("@openai/codex", CODEX))
}

/// A program that npm installs.
fn npm_program(cache: &Cache, name: &str, (package, version): (&str, &str)) -> Result<PathBuf> {
    let program = |folder: &Path| folder.join("node_modules/.bin").join(name);
    let works = |folder: &Path| Step::new(program(folder)).arg("--version").succeeds();
    let kept = package.rsplit('/').next().unwrap_or(package);
    let folder = cache.thing(&format!("{kept}-{version}"), works, |folder| {
        javascript::npm()?;
        Step::new("npm")
            .args(["install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix"])
            .arg(folder)
            .arg(format!("{package}@{version}"))
            .run()
    })?;
    let program = program(&folder);
    say::talk(format_args!("{name} is {}", program.display()));
    Ok(program)
}
