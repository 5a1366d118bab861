//! One command of a chore: shown, run from the workspace root, timed.
//!
//! **Invariant:** a step that exits non-zero is an error that names the command.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, anyhow, bail};

use crate::say;

/// A command with its arguments and what it changes in the environment.
pub(crate) struct Step {
    program: OsString,
    args: Vec<OsString>,
    set: Vec<(&'static str, OsString)>,
    unset: Vec<&'static str>,
}

/// Runs all steps, also those after a failed one, so that one run shows everything.
pub(crate) fn run_all(steps: Vec<Step>) -> Result<()> {
    let mut failed = Vec::new();
    for step in steps {
        if let Err(error) = step.run() {
            say::talk(format_args!("failed: {error:#}"));
            failed.push(step.to_string());
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    bail!("{} of the steps failed:\n  {}", failed.len(), failed.join("\n  "))
}

/// The workspace root: the parent of this package.
pub(crate) fn root() -> Result<PathBuf> {
    let package = std::env::var_os("CARGO_MANIFEST_DIR")
        .context("run this as `cargo xtask <chore>`: cargo tells where the workspace is")?;
    let package = PathBuf::from(package);
    package.parent().map(PathBuf::from).context("xtask has no folder above it")
}

// === impl Step ===

impl Step {
    /// `cargo` with these arguments; the same cargo that runs this chore.
    pub(crate) fn cargo<const N: usize>(args: [&str; N]) -> Self {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        Self::new(cargo).args(args)
    }

    /// A program by name or path.
    pub(crate) fn new(program: impl Into<OsString>) -> Self {
        Self { program: program.into(), args: Vec::new(), set: Vec::new(), unset: Vec::new() }
    }

    /// More arguments.
    pub(crate) fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// One more argument.
    pub(crate) fn arg(self, arg: impl AsRef<OsStr>) -> Self {
        self.args([arg])
    }

    /// Sets a variable for the command.
    pub(crate) fn env(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.set.push((name, value.into()));
        self
    }

    /// Hides a variable from the command.
    pub(crate) fn without(mut self, name: &'static str) -> Self {
        self.unset.push(name);
        self
    }

    /// Shows the command, runs it and says how long it took.
    pub(crate) fn run(&self) -> Result<()> {
        say::talk(format_args!("» {self}"));
        let started = Instant::now();
        let status = self.command()?.status().with_context(|| format!("cannot start {self}"))?;
        let seconds = started.elapsed().as_secs_f64();
        if !status.success() {
            return Err(anyhow!("{status} after {seconds:.1} s: {self}"));
        }
        say::talk(format_args!("  done in {seconds:.1} s"));
        Ok(())
    }

    /// Whether the command exists and succeeds; says nothing.
    pub(crate) fn succeeds(&self) -> bool {
        let Ok(mut command) = self.command() else { return false };
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }

    /// What the command prints on standard output.
    pub(crate) fn output(&self) -> Result<String> {
        let output = self
            .command()?
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| format!("cannot start {self}"))?;
        if !output.status.success() {
            bail!("{}: {self}", output.status);
        }
        String::from_utf8(output.stdout).with_context(|| format!("not text, from {self}"))
    }

    /// What the command prints on standard output, whether it succeeds or not.
    pub(crate) fn told(&self) -> Result<String> {
        say::talk(format_args!("» {self}"));
        let mut command = self.command()?;
        command.stdin(Stdio::null()).stderr(Stdio::null());
        let output = command.output().with_context(|| format!("cannot start {self}"))?;
        String::from_utf8(output.stdout).with_context(|| format!("not text, from {self}"))
    }

    fn command(&self) -> Result<Command> {
        let mut command = Command::new(&self.program);
        command.args(&self.args).current_dir(root()?);
        for (name, value) in &self.set {
            command.env(name, value);
        }
        for name in &self.unset {
            command.env_remove(name);
        }
        Ok(command)
    }
}

// === impl Display for Step ===

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.set {
            write!(f, "{name}={} ", quoted(value))?;
        }
        // Cargo runs chores with its own path; its name is what a reader types.
        let cargo = std::env::var_os("CARGO").is_some_and(|cargo| cargo == self.program);
        f.write_str(&if cargo { "cargo".to_owned() } else { quoted(&self.program) })?;
        self.args.iter().try_for_each(|arg| write!(f, " {}", quoted(arg)))
    }
}

/// The word as one may paste it into a shell.
fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |c: char| c.is_alphanumeric() || "-_./=:,@+%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.into_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::Step;

    #[test]
    fn a_step_reads_like_the_command_line() {
        let step = Step::new("npm").args(["install", "a b"]).arg("it's").env("BLESS", "1");
        assert_eq!(step.to_string(), r"BLESS=1 npm install 'a b' 'it'\''s'");
    }

    #[test]
    fn a_failing_step_names_its_command() {
        let error = Step::new("false").arg("x").run().unwrap_err().to_string();
        assert!(error.ends_with("false x"), "{error}");
        assert!(!Step::new("no-such-program-here").succeeds());
        assert_eq!(Step::new("echo").arg("out").output().unwrap(), "out\n");
    }
}
