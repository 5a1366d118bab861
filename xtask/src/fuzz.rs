//! `cargo xtask fuzz`: libFuzzer on stable Rust, without cargo-fuzz.
//!
//! The sanitizer's coverage is a codegen pass that stable rustc can be asked for; what cargo-fuzz
//! adds on nightly is the address sanitizer, which safe code has little use for.
//!
//! **Invariant:** an input that broke a target is kept, named, and makes the chore fail.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};

use crate::cache::Cache;
use crate::step::{Step, root};
use crate::{say, system};

/// See <https://clang.llvm.org/docs/SanitizerCoverage.html> for the flags' meaning.
const RUSTFLAGS: &str = "-Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Ccodegen-units=1 -Cdebug-assertions=on -Coverflow-checks=on --cfg fuzzing";

const SECONDS: u32 = 60;

/// What was asked for on the command line.
#[derive(Debug, Eq, PartialEq)]
struct Wish {
    seconds: u32,
    /// Empty means every target.
    targets: Vec<String>,
}

/// Where the parts of a run are.
struct Places {
    programs: PathBuf,
    seeds: PathBuf,
    corpus: PathBuf,
    findings: PathBuf,
}

/// Builds the targets and runs each for its time, all of them even when one finds something.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let wish = Wish::parse(args)?;
    let targets = wish.select(targets(&root()?.join("fuzz/fuzz_targets"))?)?;
    let places = build()?;
    let mut broken = Vec::new();
    for target in &targets {
        let found = places.fuzz(target, wish.seconds)?;
        broken.extend(found.into_iter().map(|found| format!("{target}: {found}")));
    }
    if broken.is_empty() {
        say::talk(format_args!("{} targets held for {} s each", targets.len(), wish.seconds));
        return Ok(());
    }
    bail!("fuzzing found something; keep each input as a test:\n  {}", broken.join("\n  "))
}

fn targets(folder: &Path) -> Result<Vec<String>> {
    let entries = std::fs::read_dir(folder)
        .with_context(|| format!("there are no fuzz targets in {}", folder.display()))?;
    let mut names = BTreeSet::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
        }
    }
    Ok(names.into_iter().collect())
}

fn build() -> Result<Places> {
    if !Step::new("c++").arg("--version").succeeds() {
        system::install(&["g++"], "a C++ compiler is missing: libFuzzer is written in it")?;
    }
    let host = host()?;
    let cache = Cache::open()?;
    let built = cache.folder("fuzz/target")?;
    Step::cargo(["build", "--manifest-path", "fuzz/Cargo.toml", "--release", "--bins"])
        // Naming the target keeps the flags away from build scripts and procedural macros.
        .args(["--target", &host])
        .arg("--target-dir")
        .arg(&built)
        .env("RUSTFLAGS", RUSTFLAGS)
        .run()?;
    Ok(Places {
        programs: built.join(host).join("release"),
        seeds: root()?.join("fuzz/seeds"),
        corpus: cache.folder("fuzz/corpus")?,
        findings: cache.folder("fuzz/findings")?,
    })
}

fn host() -> Result<String> {
    let version = Step::new("rustc").arg("-vV").output()?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc -vV names no host")?.to_owned())
}

fn files_since(folder: &Path, since: SystemTime) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.metadata()?.modified()? >= since {
            found.push(entry.path());
        }
    }
    Ok(found)
}

// === impl Wish ===

impl Wish {
    fn parse(args: &[String]) -> Result<Self> {
        let mut wish = Self { seconds: SECONDS, targets: Vec::new() };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            if arg == "--seconds" {
                let value = args.next().context("--seconds needs a number")?;
                wish.seconds = value
                    .parse()
                    .ok()
                    // libFuzzer takes 0 for "without end".
                    .filter(|seconds| *seconds > 0)
                    .with_context(|| format!("--seconds {value:?} is not a positive number"))?;
            } else if arg.starts_with('-') {
                bail!("unknown option {arg:?}; usage: fuzz [--seconds 60] [target…]");
            } else {
                wish.targets.push(arg.clone());
            }
        }
        Ok(wish)
    }

    fn select(&self, known: Vec<String>) -> Result<Vec<String>> {
        if let Some(unknown) = self.targets.iter().find(|name| !known.contains(name)) {
            bail!("there is no fuzz target {unknown:?}; there are: {}", known.join(", "));
        }
        Ok(if self.targets.is_empty() { known } else { self.targets.clone() })
    }
}

// === impl Places ===

impl Places {
    /// Runs one target and returns the inputs that broke it, with the command that repeats them.
    fn fuzz(&self, target: &str, seconds: u32) -> Result<Vec<String>> {
        let corpus = self.corpus.join(target);
        let findings = self.findings.join(target);
        for folder in [&corpus, &findings] {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("cannot create {}", folder.display()))?;
        }
        let program = self.programs.join(target);
        // New inputs go to the first folder; the others are only read. What was once found is tried
        // again, so that it is reported until it is mended.
        let mut step = Step::new(&program).args([&corpus, &findings]);
        let seeds = self.seeds.join(target);
        if seeds.is_dir() {
            step = step.arg(seeds);
        }
        // File systems keep time coarsely.
        let started = SystemTime::now() - Duration::from_secs(1);
        let result = step
            .arg(format!("-max_total_time={seconds}"))
            .arg(format!("-artifact_prefix={}/", findings.display()))
            .args(["-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1"])
            .run();
        let Err(error) = result else { return Ok(Vec::new()) };
        let found: Vec<String> = files_since(&findings, started)?
            .into_iter()
            .map(|input| format!("{} {}", program.display(), input.display()))
            .collect();
        // A target that fails without leaving an input is broken itself.
        Ok(if found.is_empty() { vec![format!("{error:#}")] } else { found })
    }
}

#[cfg(test)]
mod tests {
    use super::{SECONDS, Wish};

    fn parse(line: &str) -> Result<Wish, String> {
        let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Wish::parse(&args).map_err(|error| error.to_string())
    }

    #[test]
    fn options_and_targets_come_in_any_order() {
        let wish = |seconds, targets: &[&str]| {
            Ok(Wish { seconds, targets: targets.iter().map(|it| (*it).to_owned()).collect() })
        };
        assert_eq!(parse(""), wish(SECONDS, &[]));
        assert_eq!(parse("sse --seconds 5 head"), wish(5, &["sse", "head"]));
        assert!(parse("--seconds").is_err());
        assert!(parse("--seconds 0").is_err());
        assert!(parse("--minutes 5").is_err());
    }

    #[test]
    fn an_unknown_target_is_an_error_that_lists_the_known() {
        let known = vec!["head".to_owned(), "sse".to_owned()];
        let error = parse("seam").unwrap().select(known.clone()).unwrap_err().to_string();
        assert!(error.contains("\"seam\"") && error.contains("head, sse"), "{error}");
        assert_eq!(parse("").unwrap().select(known.clone()).unwrap(), known);
    }
}
