//! Bugs planted on purpose, each found: a check of the checks.
//!
//! `sim/bugs/NAME.patch` plants one. Its first line names the promise that it breaks and says how,
//! the rest is a diff as `git diff -U1` writes it, against the workspace. Nothing of it is in a
//! crate: it is applied to a copy below the target folder, where the simulator is built and lives
//! through worlds until one breaks that promise. `README.md` beside the patches says how to refresh
//! one that no longer applies.
//!
//! **Invariants:** the workspace is only read; what is not patched is found well.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::say;
use crate::step::{Step, root};

/// A planted bug.
struct Bug {
    name: String,
    patch: PathBuf,
    /// The promise that it breaks, as violations name it.
    promise: String,
}

/// The copy of the workspace.
struct Copy {
    from: PathBuf,
    to: PathBuf,
    files: Vec<String>,
}

/// Worlds that a bug may survive, and that the unpatched one must.
const SEEDS: u32 = 400;

/// `cargo xtask bugs [name…]`: plants each and has it found.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let bugs = bugs(&root()?.join("sim/bugs"), args)?;
    let copy = Copy::open()?;
    copy.restore()?;
    if let Some(found) = copy.live("")? {
        bail!("nothing is planted, and yet: {found}");
    }
    let mut survived = Vec::new();
    for bug in &bugs {
        match copy.find(bug) {
            Ok(found) => say::data(format_args!("{:<24} {found}", bug.name)),
            Err(error) => {
                say::data(format_args!("{:<24} NOT FOUND: {error:#}", bug.name));
                survived.push(bug.name.as_str());
            }
        }
        copy.restore()?;
    }
    if survived.is_empty() {
        say::talk(format_args!("{} planted, all found", bugs.len()));
        return Ok(());
    }
    bail!("{} of {}: {}", survived.len(), bugs.len(), survived.join(", "))
}

/// All patches, or those with these names.
fn bugs(folder: &Path, names: &[String]) -> Result<Vec<Bug>> {
    let mut bugs = Vec::new();
    let entries = fs::read_dir(folder)
        .with_context(|| format!("there are no bugs in {}", folder.display()))?;
    for entry in entries {
        let patch = entry?.path();
        if patch.extension().is_none_or(|extension| extension != "patch") {
            continue;
        }
        let name = patch.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        let text = fs::read_to_string(&patch)?;
        let promise = promise(&text).with_context(|| format!("{name} names no promise"))?;
        bugs.push(Bug { name, patch, promise });
    }
    bugs.sort_by(|a, b| a.name.cmp(&b.name));
    if let Some(unknown) = names.iter().find(|name| bugs.iter().all(|bug| bug.name != **name)) {
        let known: Vec<_> = bugs.iter().map(|bug| bug.name.as_str()).collect();
        bail!("there is no bug {unknown:?}; there are {}", known.join(", "));
    }
    bugs.retain(|bug| names.is_empty() || names.contains(&bug.name));
    Ok(bugs)
}

/// `EX1: what it does`: the words before the colon.
fn promise(text: &str) -> Option<String> {
    let (promise, what) = text.lines().next()?.split_once(": ")?;
    (!promise.is_empty() && !what.is_empty()).then(|| promise.to_owned())
}

// === impl Copy ===

impl Copy {
    /// Below the target folder, so that a second run finds it built.
    fn open() -> Result<Self> {
        let from = root()?;
        let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
        let target = target.unwrap_or_else(|| from.join("target"));
        let to = std::path::absolute(target)?.join("bugs/workspace");
        let listed =
            Step::new("git").args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"]);
        let listed = listed.output()?;
        let files = listed.split('\0').filter(|it| !it.is_empty()).map(str::to_owned).collect();
        Ok(Self { from, to, files })
    }

    /// As the workspace is. Files that are the same stay untouched, so that little is built again.
    fn restore(&self) -> Result<()> {
        for file in &self.files {
            let Ok(now) = fs::read(self.from.join(file)) else { continue };
            let to = self.to.join(file);
            if fs::read(&to).is_ok_and(|then| then == now) {
                continue;
            }
            if let Some(folder) = to.parent() {
                fs::create_dir_all(folder)
                    .with_context(|| format!("cannot create {}", folder.display()))?;
            }
            fs::write(&to, now).with_context(|| format!("cannot write {}", to.display()))?;
        }
        Ok(())
    }

    /// Plants a bug and finds it: what was broken, in which world.
    fn find(&self, bug: &Bug) -> Result<String> {
        // The copy is no repository, and must not be taken for a part of one around it.
        let ceiling = self.to.parent().unwrap_or(&self.to).as_os_str();
        Step::new("git")
            .arg("-C")
            .arg(&self.to)
            .args(["apply", "-C1"])
            .arg(&bug.patch)
            .env("GIT_CEILING_DIRECTORIES", ceiling)
            .run()
            .context("its patch no longer applies")?;
        let found = self.live(&bug.promise)?;
        found.with_context(|| format!("{SEEDS} worlds kept every promise"))
    }

    /// Builds the simulator and lives through worlds until one breaks a promise.
    fn live(&self, promise: &str) -> Result<Option<String>> {
        let build = self.to.join("../build");
        let manifest = self.to.join("Cargo.toml");
        // Invariants of the core panic where they are checked: in the profile dev.
        Step::cargo(["build", "--quiet", "--package", "backstop-sim", "--bin", "sim"])
            .arg("--manifest-path")
            .arg(manifest)
            .arg("--target-dir")
            .arg(&build)
            .env("CARGO_PROFILE_DEV_OPT_LEVEL", "1")
            .run()
            .context("it does not build")?;
        let sim = Step::new(build.join("debug/sim")).args(["--first", "--seeds"]);
        let told = sim.arg(SEEDS.to_string()).told()?;
        let broken = told.lines().find(|line| line.starts_with("seed "));
        let Some(broken) = broken else { return Ok(None) };
        if !broken.to_ascii_lowercase().contains(&promise.to_ascii_lowercase()) {
            bail!("not as {promise}, but as {broken}");
        }
        Ok(Some(broken.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::promise;

    #[test]
    fn the_first_line_names_the_promise() {
        assert_eq!(promise("EX1: speaks on\n--- a/x\n"), Some("EX1".to_owned()));
        assert_eq!(promise("--- a/x\n+++ b/x\n"), None);
        assert_eq!(promise("EX1: \n"), None);
    }
}
