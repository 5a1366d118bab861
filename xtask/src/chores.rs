//! The chores that are a few commands each.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::cache::Cache;
use crate::step::{Step, root, run_all};
use crate::{binary, clients, say, system};

/// The version that `check` installs where there is none.
const CARGO_DENY: &str = "0.20.2";

/// `cargo xtask dev`: the gateway, built from source.
pub(crate) fn dev(args: &[String]) -> Result<()> {
    Step::cargo(["run", "--package", "backstop", "--", "serve"]).args(args).run()
}

/// `cargo xtask test`: every test there is, or those that the arguments select.
pub(crate) fn test(args: &[String]) -> Result<()> {
    let sdks = clients::sdks(&Cache::open()?)?;
    let binary = binary::build("dev")?;
    let tests = || {
        let step = Step::cargo(["test"]).env(binary::VARIABLE, &binary);
        sdks.iter().fold(step, |step, (variable, path)| step.env(variable, path))
    };
    if !args.is_empty() {
        let chosen = args.iter().any(|arg| arg.starts_with("-p") || arg.starts_with("--package"));
        let all: &[&str] = if chosen { &[] } else { &["--workspace"] };
        return tests().args(all).args(args).run();
    }
    run_all(vec![
        // Benchmarks measure; they prove nothing.
        tests().args(["--workspace", "--lib", "--bins", "--tests", "--no-fail-fast"]),
        tests().args(["--workspace", "--doc"]),
    ])
}

/// `cargo xtask check`: what must hold beside the tests.
pub(crate) fn check(args: &[String]) -> Result<()> {
    nothing(args)?;
    system::component("rustfmt", "fmt")?;
    system::component("clippy", "clippy")?;
    let deny = cargo_deny()?;
    let deny = match &deny {
        Some(program) => Step::new(program),
        None => Step::cargo(["deny"]),
    };
    let mut steps = vec![
        Step::cargo(["fmt", "--all", "--check"]),
        Step::cargo(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
        Step::cargo(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"),
        deny.args(["check", "--hide-inclusion-graph", "licenses", "bans", "sources"]),
    ];
    if root()?.join("fuzz/Cargo.toml").exists() {
        // The fuzz targets are a workspace of their own.
        steps.push(Step::cargo(["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"]));
    }
    run_all(steps)
}

/// `cargo xtask bench`.
pub(crate) fn bench(args: &[String]) -> Result<()> {
    let bench = Step::cargo(["bench", "--package", "backstop-bench"]).args(args);
    // The core is measured by itself.
    if args.windows(2).any(|pair| pair == ["--bench", "core"]) {
        return bench.run();
    }
    let nginx = system::program("nginx", "nginx", "the gateway is measured beside it")?;
    let valgrind = system::program("valgrind", "valgrind", "it counts instructions")?;
    let bench = bench.env("BACKSTOP_NGINX", nginx).env("BACKSTOP_VALGRIND", valgrind);
    bench.env(binary::VARIABLE, binary::build("dist")?).run()
}

/// `cargo xtask bless`: golden tests (their names say `golden`) write what they see.
pub(crate) fn bless(args: &[String]) -> Result<()> {
    let golden = ["golden".to_owned()];
    let filter = if args.is_empty() { &golden } else { args };
    blessed(&["test", "--workspace", "--tests"]).args(filter).run()?;
    say::talk(format_args!("read the difference before you commit it: git diff --stat"));
    Ok(())
}

/// `cargo xtask sim`: optimised, because seeds are worth more than compile time.
pub(crate) fn sim(args: &[String]) -> Result<()> {
    let step = Step::cargo(["run", "--release", "--package", "backstop-sim", "--bin", "sim", "--"]);
    step.args(args).run()
}

/// `cargo xtask nines`: months of requests and outages, which only an optimised build lives through.
pub(crate) fn nines(args: &[String]) -> Result<()> {
    let step =
        Step::cargo(["run", "--release", "--package", "backstop-sim", "--bin", "nines", "--"]);
    step.args(args).run()
}

/// `cargo xtask docs`: the reference is written by the test that checks it.
pub(crate) fn docs(args: &[String]) -> Result<()> {
    nothing(args)?;
    blessed(&["test", "--package", "backstop-config", "reference"]).run()?;
    blessed(&["test", "--package", "backstop-monitor", "--test", "verdicts", "the_page"]).run()?;
    blessed(&["test", "--package", "backstop-probe", "--lib", "status"]).run()?;
    Step::cargo(["doc", "--workspace", "--no-deps"]).run()
}

fn blessed(args: &[&str]) -> Step {
    Step::cargo([]).args(args).env("BLESS", "1").env("INSTA_UPDATE", "always")
}

fn nothing(args: &[String]) -> Result<()> {
    match args.first() {
        None => Ok(()),
        Some(arg) => bail!("unexpected argument {arg:?}: this chore takes none"),
    }
}

/// The program to check licences with; `None` is the machine's own `cargo deny`.
fn cargo_deny() -> Result<Option<PathBuf>> {
    if Step::cargo(["deny", "--version"]).succeeds() {
        return Ok(None);
    }
    let program = |folder: &Path| folder.join("bin/cargo-deny");
    let works = |folder: &Path| Step::new(program(folder)).arg("--version").succeeds();
    let folder = Cache::open()?.thing(&format!("cargo-deny-{CARGO_DENY}"), works, |folder| {
        // Debug: it is built far more often than it has work to do.
        Step::cargo(["install", "cargo-deny", "--version", CARGO_DENY, "--locked", "--debug"])
            .arg("--root")
            .arg(folder)
            // Its objects do not belong among ours, and our flags are not meant for it.
            .without("CARGO_TARGET_DIR")
            .without("RUSTFLAGS")
            .run()
    })?;
    Ok(Some(program(&folder)))
}
