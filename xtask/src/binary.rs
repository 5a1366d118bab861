//! The binary that end-to-end tests drive, built as `cargo test` builds everything else.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::step::Step;

/// Tells the tests where the binary is.
pub(crate) const VARIABLE: &str = "BACKSTOP_BIN";

/// Builds `backstop` in a cargo profile (`dev`, `release`, `dist`) and returns its path, as cargo tells it.
pub(crate) fn build(profile: &str) -> Result<PathBuf> {
    let step = Step::cargo(["build", "--package", "backstop", "--profile", profile]);
    // Errors and warnings stay readable; what cargo did comes as JSON, one line each.
    let told = step.arg("--message-format=json-render-diagnostics").output()?;
    executable(&told).context("cargo built no program from the package backstop")
}

/// Builds an example of the end-to-end tests and returns its path.
pub(crate) fn build_example(name: &str) -> Result<PathBuf> {
    let step = Step::cargo(["build", "--package", "backstop-e2e", "--example", name]);
    let told = step.arg("--message-format=json-render-diagnostics").output()?;
    executable(&told).with_context(|| format!("cargo built no example {name}"))
}

/// Builds `backstop` for release as one file that needs no other: no loader, no C library. Returns its
/// path.
pub(crate) fn build_static() -> Result<PathBuf> {
    let about = Step::new("rustc").arg("-vV").output()?;
    let host = about.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.context("rustc does not say what it builds for")?;
    anyhow::ensure!(host.contains("-linux-"), "an image is made of a Linux binary, not for {host}");
    // With a target of its own, the flags are for the program alone and not for the macros.
    let step = Step::cargo(["build", "--package", "backstop", "--profile", "dist", "--locked"]);
    let step = step.args(["--target", host]).env("RUSTFLAGS", "-C target-feature=+crt-static");
    let told = step.arg("--message-format=json-render-diagnostics").output()?;
    executable(&told).context("cargo built no program from the package backstop")
}

fn executable(told: &str) -> Option<PathBuf> {
    let messages = told.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut programs = messages.filter_map(|it| Some(it.get("executable")?.as_str()?.to_owned()));
    programs.next_back().map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::executable;

    #[test]
    fn the_program_is_the_last_one_that_cargo_names() {
        let told = r#"{"reason":"compiler-artifact","executable":null}
{"reason":"compiler-artifact","executable":"/a folder/backstop"}
{"reason":"build-finished","success":true}"#;
        assert_eq!(executable(told), Some(PathBuf::from("/a folder/backstop")));
        assert_eq!(executable(""), None);
    }
}
