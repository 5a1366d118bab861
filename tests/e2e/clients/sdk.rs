//! An official SDK, driven by a plan of calls, and the accounts of what its user got.
//!
//! What each call comes to stands in `tests/clients/accounts*.txt`, to be read by people;
//! `BLESS=1 cargo xtask clients sdks` rewrites them.

use super::{prepared, program};
use ir::Dialect;
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// How a call is made, for which model, and with what beside.
pub(super) type Row = (&'static str, &'static str, &'static str);

/// The languages that both vendors write their SDKs in themselves, and that we drive.
#[derive(Clone, Copy, Debug)]
pub(super) enum Language {
    Python,
    JavaScript,
}

/// What one call came to.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) line: String,
    /// Requests for answers.
    pub(super) sent: usize,
}

/// Everyone's account of the same calls: who tells it, and what.
pub(super) type Told = Vec<(String, Vec<Account>)>;

/// All calls of one SDK.
const LIMIT: Duration = Duration::from_mins(1);

// === impl Language ===

impl Language {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::JavaScript => "javascript",
        }
    }

    /// Plays a plan at a gateway, with a key of its own.
    pub(super) async fn play(
        self,
        dialect: Dialect,
        addr: std::net::SocketAddr,
        (key, calls): (&str, &[Row]),
    ) -> Vec<Account> {
        let plan = json!({
            "base_url": format!("http://{addr}"),
            "key": key,
            "calls": calls.iter().map(|call| described(call, key)).collect::<Vec<_>>(),
        });
        let output = program::run(&mut self.command(dialect), &plan.to_string(), LIMIT).await;
        let text = String::from_utf8_lossy(&output.stdout);
        let accounts: Vec<Account> = text.lines().map(Account::read).collect();
        let complete = output.status.success() && accounts.len() == calls.len();
        assert!(complete, "{}", program::told(&output));
        accounts
    }

    fn command(self, dialect: Dialect) -> Command {
        let (variable, ending) = match self {
            Self::Python => ("BACKSTOP_PYTHON", "py"),
            Self::JavaScript => ("BACKSTOP_NODE", "mjs"),
        };
        let script = match dialect {
            Dialect::Chat => "openai_sdk",
            Dialect::Messages => "anthropic_sdk",
            Dialect::Responses => "responses_sdk",
        };
        let script = folder().join(script).with_extension(ending);
        let mut command = Command::new(prepared(variable, "cargo xtask test"));
        // Nothing of this machine's configuration, keys and proxies.
        command.env_clear().env("PYTHONDONTWRITEBYTECODE", "1").arg(script);
        command
    }
}

// === impl Account ===

impl Account {
    fn read(line: &str) -> Self {
        let read: Value = serde_json::from_str(line).expect("JSON");
        let sent = read["sent"].as_u64().unwrap_or_default();
        Self {
            // One line each.
            line: read["account"].as_str().unwrap_or_default().replace('\n', "\\n"),
            sent: usize::try_from(sent).expect("few"),
        }
    }
}

/// How many requests for answers they all came to.
pub(super) fn sent(accounts: &[Account]) -> usize {
    accounts.iter().map(|account| account.sent).sum()
}

/// Each call with its account; who tells it stands before it where they differ.
pub(super) fn written(calls: &[Row], told: &Told, label: impl Fn(&Row) -> String) -> String {
    let mut out = String::new();
    for (at, call) in calls.iter().enumerate() {
        writeln!(out, "{}", label(call).trim_end()).expect("writing to a string");
        let mut groups: Vec<(Vec<&str>, &str)> = Vec::new();
        for (who, accounts) in told {
            let line = accounts[at].line.as_str();
            match groups.iter_mut().find(|(_, one)| *one == line) {
                Some((tellers, _)) => tellers.push(who),
                None => groups.push((vec![who], line)),
            }
        }
        for (tellers, line) in &groups {
            let who =
                if groups.len() == 1 { String::new() } else { format!("{}: ", tellers.join(", ")) };
            writeln!(out, "    {who}{line}").expect("writing to a string");
        }
    }
    out
}

/// Compares with what is written in `tests/clients`, or writes it there.
pub(super) fn compare(name: &str, seen: &str) {
    let golden = folder().join(name);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&golden, seen).expect("a writable tree");
    }
    let expected = std::fs::read_to_string(&golden).unwrap_or_default();
    for (number, (seen, expected)) in seen.lines().zip(expected.lines()).enumerate() {
        assert_eq!(seen, expected, "{}:{}", golden.display(), number + 1);
    }
    assert_eq!(seen.lines().count(), expected.lines().count(), "{}", golden.display());
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients")
}

fn described((how, model, with): &Row, key: &str) -> Value {
    let mut case: Value = serde_json::from_str(&with.replace("KEY", key)).expect("JSON");
    case["how"] = json!(how);
    case["model"] = json!(model);
    case
}
