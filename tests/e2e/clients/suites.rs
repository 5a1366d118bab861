//! The official SDKs' own tests of their endpoints: they mean to run against a server made of the
//! API's specification. Here they run against the fake provider, and against the gateway before it.
//!
//! **Invariant:** the gateway changes the outcome of no test.

use super::{prepared, program};
use crate::world::{Plan, World};
use ir::Dialect;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// All tests of one SDK against one server.
const LIMIT: Duration = Duration::from_mins(5);

/// The tests of one SDK.
struct Suite {
    dialect: Dialect,
    /// Its folder beside the interpreter's.
    folder: &'static str,
    files: &'static [&'static str],
    /// Options of pytest instead of the suite's own, which ask for one process per core.
    options: &'static str,
    /// What the tests' base URL ends with.
    path: &'static str,
    /// The models that the tests ask about by name.
    models: &'static [&'static str],
    /// Words of the names of tests that need not pass, each with the reason. Their outcome is the
    /// same with the gateway and without all the same.
    excluded: &'static [(&'static str, &'static str)],
}

const STORED: &str = "nobody keeps completions here: those paths are not served";
const OWNED: &str = "nobody's models are to be deleted through here: that is not served";

const SUITES: [Suite; 2] = [
    Suite {
        dialect: Dialect::Chat,
        folder: "openai-3.51.0",
        files: &[
            "tests/api_resources/chat/test_completions.py",
            "tests/api_resources/test_models.py",
        ],
        options: "addopts=",
        path: "/v1",
        models: &["gpt-6-astra"],
        excluded: &[
            ("ompletions::test_method_retrieve", STORED),
            ("ompletions::test_method_update", STORED),
            ("ompletions::test_method_list", STORED),
            ("ompletions::test_method_delete", STORED),
            ("ompletions::test_raw_response_retrieve", STORED),
            ("ompletions::test_raw_response_update", STORED),
            ("ompletions::test_raw_response_list", STORED),
            ("ompletions::test_raw_response_delete", STORED),
            ("ompletions::test_streaming_response_retrieve", STORED),
            ("ompletions::test_streaming_response_update", STORED),
            ("ompletions::test_streaming_response_list", STORED),
            ("ompletions::test_streaming_response_delete", STORED),
            ("Models::test_method_delete", OWNED),
            ("Models::test_raw_response_delete", OWNED),
            ("Models::test_streaming_response_delete", OWNED),
        ],
    },
    Suite {
        dialect: Dialect::Messages,
        folder: "anthropic-2.10.0",
        files: &[
            "tests/api_resources/test_messages.py",
            "tests/api_resources/test_models.py",
            "tests/api_resources/beta/test_messages.py",
            "tests/api_resources/beta/test_models.py",
        ],
        options: "addopts=-p tests._alias_httpx",
        path: "",
        models: &["model_id"],
        excluded: &[],
    },
];

/// The outcome of each test by its name.
type Outcomes = BTreeMap<String, String>;

pub(super) async fn check() {
    for suite in &SUITES {
        suite.check().await;
    }
}

// === impl Suite ===

impl Suite {
    async fn check(&self) {
        let world = self.world().await;
        let direct = self.run(&format!("http://{}", world.a().addr())).await;
        let through = self.run(&format!("http://{}", world.addr())).await;
        let names = |outcomes: &Outcomes| outcomes.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&direct), names(&through), "{}: the same tests ran", self.folder);
        for (word, reason) in self.excluded {
            let needed = direct.keys().any(|name| name.contains(word));
            assert!(needed, "{}: no test is called {word}: {reason}", self.folder);
        }
        let mut wrong = Vec::new();
        for (name, direct) in &direct {
            let through = &through[name];
            if through != direct || (direct != "PASSED" && !self.excludes(name)) {
                wrong.push(format!("{name}: {direct} directly, {through} through the gateway"));
            }
        }
        assert!(wrong.is_empty(), "{}: {}:\n{}", self.folder, wrong.len(), wrong.join("\n"));
        world.stop().await;
    }

    fn excludes(&self, name: &str) -> bool {
        self.excluded.iter().any(|(word, _)| name.contains(word))
    }

    async fn run(&self, server: &str) -> Outcomes {
        let python = prepared("BACKSTOP_SUITES", "cargo xtask clients suites");
        let folder = python.parent().and_then(Path::parent).expect("a folder").join(self.folder);
        let mut command = Command::new(python);
        command
            // Nothing of this machine's configuration, keys and proxies.
            .env_clear()
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("TEST_API_BASE_URL", format!("{server}{}", self.path))
            // Room for the names.
            .env("COLUMNS", "500")
            .current_dir(folder)
            .args(["-m", "pytest", "--quiet", "--tb=short", "-rA", "-p", "no:cacheprovider"])
            .args(["-o", self.options])
            .args(self.files);
        let output = program::run(&mut command, "", LIMIT).await;
        let text = String::from_utf8_lossy(&output.stdout);
        let outcomes: Outcomes = text.lines().filter_map(outcome).collect();
        assert!(!outcomes.is_empty(), "{}", program::told(&output));
        outcomes
    }

    /// A gateway before one provider, to which every model leads.
    async fn world(&self) -> World {
        let mut toml = format!(
            "breaker.failures = 1000\nbreaker.requests = 1000\n\
             [providers.a]\ndialect = \"{}\"\nbase_url = \"{{a}}\"\n\
             api_key = \"literal:sk-a\"\nlocal = false\n\
             [models.\"*\"]\nchain = [\"a/*\"]\n",
            self.dialect.name()
        );
        for model in self.models {
            writeln!(toml, "[models.\"{model}\"]\nchain = [\"a/{model}\"]").expect("a string");
        }
        Plan::new(toml).clouds(&["a"]).await.start().await
    }
}

/// A line of the summary: `PASSED file::class::test[parameters]`, `FAILED … - why`.
fn outcome(line: &str) -> Option<(String, String)> {
    let (word, rest) = line.split_once(' ')?;
    let known = ["PASSED", "FAILED", "ERROR", "SKIPPED", "XFAIL", "XPASS"].contains(&word);
    let name = rest.split(" - ").next()?;
    (known && name.contains("::")).then(|| (name.to_owned(), word.to_owned()))
}
