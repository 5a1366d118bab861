//! Bugs planted on purpose, each found: a check of the checks.
//!
//! `sim/bugs/NAME.patch` plants one. Its first line names the promise that it breaks and says how,
//! with `(shell)` behind the promise where only worlds of the whole gateway can show it; the rest is a
//! diff as `git diff -U1` writes it, against the workspace. Nothing of it is in a crate: it is applied
//! to a copy below the target folder, where the simulator is built and lives through worlds until one
//! breaks that promise. `README.md` beside the patches says how to refresh one that no longer applies.
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
    told: Told,
}

/// What the first line of a patch says.
#[derive(Debug, Eq, PartialEq)]
struct Told {
    /// The promise that it breaks, as violations name it.
    promise: String,
    worlds: Worlds,
}

/// Which worlds show a bug.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Worlds {
    /// Those of the core.
    Core,
    /// Those of the whole gateway, which take longer.
    Shell,
}

/// The copy of the workspace.
struct Copy {
    from: PathBuf,
    to: PathBuf,
    files: Vec<String>,
}

/// `cargo xtask bugs [name…]`: plants each and has it found.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let bugs = bugs(&root()?.join("sim/bugs"), args)?;
    let copy = Copy::open()?;
    copy.restore()?;
    copy.build()?;
    for worlds in Worlds::ALL.into_iter().filter(|it| bugs.iter().any(|bug| bug.told.worlds == *it))
    {
        if let Some(found) = copy.live(worlds)? {
            bail!("nothing is planted, and yet: {found}");
        }
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
        let told = Told::read(&text).with_context(|| format!("{name} names no promise"))?;
        bugs.push(Bug { name, patch, told });
    }
    bugs.sort_by(|a, b| a.name.cmp(&b.name));
    if let Some(unknown) = names.iter().find(|name| bugs.iter().all(|bug| bug.name != **name)) {
        let known: Vec<_> = bugs.iter().map(|bug| bug.name.as_str()).collect();
        bail!("there is no bug {unknown:?}; there are {}", known.join(", "));
    }
    bugs.retain(|bug| names.is_empty() || names.contains(&bug.name));
    Ok(bugs)
}

// === impl Told ===

impl Told {
    /// `EX1: what it does`, or `EX1 (shell): what it does`.
    fn read(text: &str) -> Option<Self> {
        let (promise, what) = text.lines().next()?.split_once(": ")?;
        let shell = promise.strip_suffix(" (shell)");
        let worlds = if shell.is_some() { Worlds::Shell } else { Worlds::Core };
        let promise = shell.unwrap_or(promise).to_owned();
        (!promise.is_empty() && !what.is_empty()).then_some(Self { promise, worlds })
    }
}

// === impl Worlds ===

impl Worlds {
    const ALL: [Self; 2] = [Self::Core, Self::Shell];

    /// How many a bug may survive, and the unpatched one must.
    fn seeds(self) -> u32 {
        match self {
            Self::Core => 4000,
            Self::Shell => 40,
        }
    }

    /// How the simulator is told.
    fn word(self) -> Option<&'static str> {
        match self {
            Self::Core => None,
            Self::Shell => Some("shell"),
        }
    }
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
        self.build()?;
        let Told { promise, worlds } = &bug.told;
        let found = self.live(*worlds)?;
        let found =
            found.with_context(|| format!("{} worlds kept every promise", worlds.seeds()))?;
        if !found.to_ascii_lowercase().contains(&promise.to_ascii_lowercase()) {
            bail!("not as {promise}, but as {found}");
        }
        Ok(found)
    }

    fn build(&self) -> Result<()> {
        // Invariants of the core panic where they are checked: in the profile dev.
        Step::cargo(["build", "--quiet", "--package", "backstop-sim", "--bin", "sim"])
            .arg("--manifest-path")
            .arg(self.to.join("Cargo.toml"))
            .arg("--target-dir")
            .arg(self.to.join("../build"))
            .env("CARGO_PROFILE_DEV_OPT_LEVEL", "1")
            .run()
            .context("it does not build")
    }

    /// Lives through worlds until one breaks a promise.
    fn live(&self, worlds: Worlds) -> Result<Option<String>> {
        let sim = Step::new(self.to.join("../build/debug/sim")).args(worlds.word());
        let sim = sim.args(["--first", "--seeds"]).arg(worlds.seeds().to_string());
        let told = sim.told()?;
        let ends = told.lines().any(|line| line.starts_with("worlds "));
        let broken = told.lines().find(|line| line.starts_with("seed "));
        if broken.is_none() && !ends {
            bail!("it did not come to an end: {told}");
        }
        Ok(broken.map(str::to_owned))
    }
}

#[cfg(test)]
mod tests {
    use super::{Told, Worlds, bugs};
    use crate::step::root;
    use std::fs;

    #[test]
    fn the_first_line_names_the_promise() {
        let check = |text: &str, expect: Option<(&str, Worlds)>| {
            let expect = expect.map(|(promise, worlds)| Told { promise: promise.into(), worlds });
            assert_eq!(Told::read(text), expect, "{text:?}");
        };
        check("EX1: speaks on\n--- a/x\n", Some(("EX1", Worlds::Core)));
        check("CD1 (shell): splits\n--- a/x\n", Some(("CD1", Worlds::Shell)));
        check("in a blackout: asks on\n", Some(("in a blackout", Worlds::Core)));
        check("--- a/x\n+++ b/x\n", None);
        check("EX1: \n", None);
        check(" (shell): asks\n", None);
    }

    #[test]
    fn every_invariant_has_a_bug_and_every_bug_is_listed() {
        let root = root().unwrap();
        let bugs = bugs(&root.join("sim/bugs"), &[]).unwrap();
        let source = fs::read_to_string(root.join("core/ir/src/invariant.rs")).unwrap();
        let ids = source.lines().filter_map(|line| line.trim().split_once(" => \""));
        let ids: Vec<_> = ids.map(|(_, id)| id.trim_end_matches("\",")).collect();
        assert!(ids.contains(&"CD1") && ids.contains(&"SE1"), "{ids:?}");
        let planted = |id: &&str| bugs.iter().any(|bug| bug.told.promise == *id);
        let missing: Vec<_> = ids.into_iter().filter(|id| !planted(id)).collect();
        assert!(missing.is_empty(), "nothing is planted against {missing:?}");
        let list = fs::read_to_string(root.join("sim/bugs/README.md")).unwrap();
        let listed = list.lines().filter(|line| line.starts_with("| `")).count();
        assert_eq!(listed, bugs.len(), "what is listed is planted");
        for bug in &bugs {
            let text = fs::read_to_string(&bug.patch).unwrap();
            let (promise, what) = text.lines().next().unwrap().split_once(": ").unwrap();
            let row = format!("| `{}` | {promise} | {what} | ", bug.name);
            assert!(list.contains(&row), "{row}");
        }
    }
}
