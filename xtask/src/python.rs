//! Python environments with programs and libraries at the exact versions of a file in
//! `tests/clients`.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::cache::{Cache, fingerprint};
use crate::step::{Step, root};
use crate::{say, system};

/// An environment of pinned packages.
struct Environment {
    /// Its name in the cache.
    name: &'static str,
    /// The list of its packages, in `tests/clients`.
    requirements: &'static str,
    /// What proves that it works, in Python.
    proof: &'static str,
    /// The minor versions of Python 3 that the packages take.
    minors: RangeInclusive<u32>,
}

/// Interpreters to try, the machine's default first.
const PYTHONS: [&str; 8] = [
    "python3",
    "/usr/bin/python3",
    "python3.15",
    "python3.14",
    "python3.13",
    "python3.12",
    "python3.11",
    "python3.10",
];

/// The interpreter of an environment that has the SDKs; made when missing.
pub(crate) fn sdks(cache: &Cache) -> Result<PathBuf> {
    let environment = Environment {
        name: "python",
        requirements: "requirements.txt",
        proof: "import anthropic, openai",
        minors: 11..=99,
    };
    environment.prepare(cache)
}

/// The interpreter of an environment that has aider.
pub(crate) fn aider(cache: &Cache) -> Result<PathBuf> {
    let environment = Environment {
        name: "aider",
        requirements: "aider-requirements.txt",
        proof: "import aider.main",
        // Its numpy is built for no newer one.
        minors: 10..=12,
    };
    environment.prepare(cache)
}

// === impl Environment ===

impl Environment {
    fn prepare(&self, cache: &Cache) -> Result<PathBuf> {
        let list = root()?.join("tests/clients").join(self.requirements);
        let text = std::fs::read_to_string(&list)
            .with_context(|| format!("cannot read {}", list.display()))?;
        let name = format!("{}-{}", self.name, fingerprint(&text));
        let works =
            |folder: &Path| Step::new(interpreter(folder)).args(["-c", self.proof]).succeeds();
        let folder = cache.thing(&name, works, |folder| {
            Step::new(self.find()?).args(["-m", "venv"]).arg(folder).run()?;
            // The scripts of a venv hold its path and this one will be renamed: only `-m` works.
            let pip =
                ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"];
            Step::new(interpreter(folder)).args(pip).arg("--requirement").arg(&list).run()
        })?;
        let python = interpreter(&folder);
        say::talk(format_args!("{} is {}", self.name, python.display()));
        Ok(python)
    }

    /// A Python that the packages take and that can make environments.
    fn find(&self) -> Result<&'static str> {
        if let Some(python) = self.working() {
            return Ok(python);
        }
        let versions = format!("3.{} to 3.{}", self.minors.start(), self.minors.end());
        let why = format!("a Python of {versions} with venv is missing");
        system::install(&["python3", "python3-venv"], &why)?;
        match self.working() {
            Some(python) => Ok(python),
            None => bail!("this machine has no Python of {versions}; install one"),
        }
    }

    fn working(&self) -> Option<&'static str> {
        let (from, to) = (self.minors.start(), self.minors.end());
        // Debian ships venv without ensurepip unless python3-venv is installed.
        let question = format!(
            "import ensurepip, sys, venv; sys.exit(not (3, {from}) <= sys.version_info[:2] <= (3, {to}))"
        );
        PYTHONS.into_iter().find(|python| Step::new(python).arg("-c").arg(&question).succeeds())
    }
}

fn interpreter(folder: &Path) -> PathBuf {
    folder.join("bin/python")
}
