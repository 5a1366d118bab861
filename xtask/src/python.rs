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
    /// The lists of its packages, in `tests/clients`.
    requirements: &'static [&'static str],
    /// The list of those whose source is laid beside the interpreter's folder, likewise.
    sources: Option<&'static str>,
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
        requirements: &["requirements.txt"],
        sources: None,
        proof: "import anthropic, openai",
        minors: 11..=99,
    };
    environment.prepare(cache)
}

/// The interpreter of an environment that has the SDKs, with their own tests beside it.
pub(crate) fn suites(cache: &Cache) -> Result<PathBuf> {
    let environment = Environment {
        name: "suites",
        requirements: &["requirements.txt", "suites-requirements.txt"],
        sources: Some("suites-sources.txt"),
        proof: "import anthropic, openai, pytest, pytest_asyncio, http_snapshot",
        minors: 11..=99,
    };
    environment.prepare(cache)
}

/// The interpreter of an environment that has aider.
pub(crate) fn aider(cache: &Cache) -> Result<PathBuf> {
    let environment = Environment {
        name: "aider",
        requirements: &["aider-requirements.txt"],
        sources: None,
        proof: "import aider.main",
        // Its numpy is built for no newer one.
        minors: 10..=12,
    };
    environment.prepare(cache)
}

// === impl Environment ===

impl Environment {
    fn prepare(&self, cache: &Cache) -> Result<PathBuf> {
        let lists = root()?.join("tests/clients");
        let mut text = String::new();
        for name in self.requirements.iter().copied().chain(self.sources) {
            let list = lists.join(name);
            let read = std::fs::read_to_string(&list);
            text += &read.with_context(|| format!("cannot read {}", list.display()))?;
        }
        let name = format!("{}-{}", self.name, fingerprint(&text));
        let works =
            |folder: &Path| Step::new(interpreter(folder)).args(["-c", self.proof]).succeeds();
        let folder = cache.thing(&name, works, |folder| {
            Step::new(self.find()?).args(["-m", "venv"]).arg(folder).run()?;
            let required = self.requirements.iter().copied();
            required
                .fold(pip(folder, "install"), |pip, name| {
                    pip.arg("--requirement").arg(lists.join(name))
                })
                .run()?;
            match self.sources {
                Some(sources) => unpack(folder, &lists.join(sources)),
                None => Ok(()),
            }
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

/// The scripts of a venv hold its path and this one will be renamed: only `-m` works.
fn pip(folder: &Path, command: &str) -> Step {
    let options = ["--quiet", "--disable-pip-version-check", "--no-input"];
    Step::new(interpreter(folder)).args(["-m", "pip", command]).args(options)
}

/// Lays the sources of packages into the folder, each in one of its own.
fn unpack(folder: &Path, list: &Path) -> Result<()> {
    let archives = folder.join("archives");
    pip(folder, "download")
        .args(["--no-deps", "--no-binary", ":all:", "--require-hashes", "--dest"])
        .arg(&archives)
        .arg("--requirement")
        .arg(list)
        .run()?;
    for archive in std::fs::read_dir(&archives).context("cannot list the sources")? {
        let archive = archive.context("cannot list the sources")?.path();
        let unpack = Step::new(interpreter(folder)).args(["-m", "tarfile", "--extract"]);
        unpack.arg(archive).arg(folder).run()?;
    }
    Ok(())
}
