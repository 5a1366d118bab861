//! The whole room through its face: texts in, configurations or problems out.

mod faults;
mod hosts;
mod keys;
mod telemetry;
mod ways;
mod zero;

use crate::{Access, Config, Problem, Surroundings, load};
use std::collections::BTreeMap;

/// A file that needs nothing from outside.
pub(crate) const BASE: &str = r#"
[providers.a]
dialect = "openai"
base_url = "http://127.0.0.1:9001/v1"
[providers.b]
dialect = "openai"
base_url = "http://127.0.0.1:9002/v1"
[models."*"]
chain = ["a/*", "b/small"]
"#;

/// What every secret of these tests looks like.
pub(crate) const SECRET: &str = "sk-SECRET-0451";

/// An outside of a few variables and files.
#[derive(Default)]
pub(crate) struct Outside {
    env: BTreeMap<&'static str, &'static str>,
    files: BTreeMap<&'static str, &'static str>,
}

impl Outside {
    /// With a file.
    pub(crate) fn file(mut self, path: &'static str, text: &'static str) -> Self {
        self.files.insert(path, text);
        self
    }

    pub(crate) fn env(pairs: &[(&'static str, &'static str)]) -> Self {
        Self { env: pairs.iter().copied().collect(), files: BTreeMap::new() }
    }
}

impl Surroundings for Outside {
    fn env(&self, name: &str) -> Option<String> {
        self.env.get(name).map(|value| (*value).to_owned())
    }

    fn file(&self, path: &str) -> Result<String, String> {
        match self.files.get(path) {
            Some(text) => Ok((*text).to_owned()),
            None => Err("no such file".to_owned()),
        }
    }

    fn access(&self, path: &str) -> Access {
        match path {
            "/open" => Access::Read,
            "/anybodys" | "/etc/backstop/anybodys.pem" => Access::Write,
            _ => Access::Closed,
        }
    }
}

/// An outside with one key of each sort.
pub(crate) fn outside() -> Outside {
    let mut outside = Outside::env(&[
        ("KEY", SECRET),
        ("OTHER", SECRET),
        ("EMPTY", " \n"),
        ("TWO_LINES", "sk-SECRET-0451\nsk-SECRET-0451"),
        ("EXAMPLE_KEY", SECRET),
        ("OTLP_TOKEN", SECRET),
    ]);
    outside.files = BTreeMap::from([
        ("/key", "sk-SECRET-0451\n"),
        ("/empty", ""),
        ("/open", "sk-SECRET-0451\n"),
        ("/anybodys", "sk-SECRET-0451\n"),
        ("/etc/backstop/anybodys.pem", "/etc/backstop/anybodys.pem"),
        // Certificates are read when they are served.
        ("/etc/backstop/cert.pem", "/etc/backstop/cert.pem"),
        ("/etc/backstop/key.pem", "/etc/backstop/key.pem"),
        ("/etc/backstop/clients.pem", "/etc/backstop/clients.pem"),
        ("/etc/ssl/company.pem", crate::ca::tests::PEM),
    ]);
    outside
}

/// So many random inputs; `BACKSTOP_HOSTILE_CASES` sets another number.
#[expect(clippy::disallowed_methods, reason = "the number of cases is no configuration")]
pub(crate) fn cases(usual: u32) -> u32 {
    let asked = std::env::var("BACKSTOP_HOSTILE_CASES").ok().and_then(|text| text.parse().ok());
    asked.unwrap_or(usual)
}

/// Problems as an operator sees them, one per line.
pub(crate) fn shown(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(|problem| problem.render("f")).collect();
    assert!(!lines.concat().contains(SECRET), "a secret is shown: {lines:?}");
    lines.join("\n")
}

#[track_caller]
pub(crate) fn good(text: &str) -> Config {
    let config = load(text, &outside()).unwrap_or_else(|problems| {
        panic!("not accepted:\n{}\n{text}", shown(&problems));
    });
    assert!(!format!("{config:?}").contains(SECRET), "a secret is in Debug");
    config
}

/// Loads a text and compares its problems, or `ok` and its warnings.
#[track_caller]
pub(crate) fn check(text: &str, expect: &str) {
    let found = match load(text, &outside()) {
        Ok(config) if config.warnings.is_empty() => "ok".to_owned(),
        Ok(config) => format!("ok\n{}", shown(&config.warnings)),
        Err(problems) => shown(&problems),
    };
    assert_eq!(found, expect.trim(), "\n--- in\n{text}\n--- found\n{found}");
}
