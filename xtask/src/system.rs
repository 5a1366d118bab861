//! Programs that must come from the machine: installed where that is possible without asking.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::say;
use crate::step::Step;

/// What a chore needs and this machine lacks.
#[derive(Debug)]
pub(crate) struct Lacks(pub(crate) String);

impl fmt::Display for Lacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Lacks {}

/// Installs Debian packages when `apt-get` is there and we may use it without a password.
///
/// `why` says what is missing; it opens the error.
pub(crate) fn install(packages: &[&str], why: &str) -> Result<()> {
    let names = packages.join(" ");
    if !Step::new("apt-get").arg("--version").succeeds() {
        bail!("{why}; install what Debian calls {names}, then run this again");
    }
    if !is_root() && !Step::new("sudo").args(["-n", "true"]).succeeds() {
        bail!("{why}; run `sudo apt-get install {names}`, then run this again");
    }
    say::talk(format_args!("{why}; installing {names}"));
    apt_get().args(["update", "--quiet"]).run()?;
    apt_get().args(["install", "--quiet", "--yes", "--no-install-recommends"]).args(packages).run()
}

/// A program of the machine, installed where it is missing. `why` says what needs it.
pub(crate) fn program(name: &str, package: &str, why: &str) -> Result<PathBuf> {
    // Servers stand where the paths of ordinary users do not lead.
    let places = [PathBuf::from(name), Path::new("/usr/sbin").join(name)];
    let find = || {
        let here = |place: &&PathBuf| {
            ["--version", "-v", "-V"].iter().any(|asked| Step::new(*place).arg(asked).succeeds())
        };
        places.iter().find(here).cloned()
    };
    if let Some(found) = find() {
        return Ok(found);
    }
    install(&[package], &format!("{name} is missing: {why}"))?;
    find().with_context(|| format!("{package} was installed, and there is still no {name}"))
}

/// Makes sure of a rustup component: a minimal toolchain lacks them.
pub(crate) fn component(name: &str, subcommand: &str) -> Result<()> {
    if Step::cargo([subcommand, "--version"]).succeeds() {
        return Ok(());
    }
    if !Step::new("rustup").arg("--version").succeeds() {
        bail!("cargo {subcommand} is missing; install {name} of your Rust toolchain");
    }
    Step::new("rustup").args(["component", "add", name]).run()
}

fn apt_get() -> Step {
    let step =
        if is_root() { Step::new("apt-get") } else { Step::new("sudo").arg("-n").arg("apt-get") };
    step.env("DEBIAN_FRONTEND", "noninteractive")
}

/// Whether we may do everything.
pub(crate) fn is_root() -> bool {
    Step::new("id").arg("-u").output().is_ok_and(|id| id.trim() == "0")
}
