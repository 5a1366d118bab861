//! User instructions per request, counted by callgrind: the one figure that does not depend on what
//! else the machine does.

use super::load::{Callers, Question};
use super::process::{Process, Under};
use anyhow::{Context, Result};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use tokio::runtime::Runtime;

/// Requests of the shorter of two runs; the other has twice as many, and the difference is theirs.
const REQUESTS: usize = 400;

/// Runs what `start` starts twice, and returns what one more request costs.
pub(crate) fn instructions(
    runtime: &Runtime,
    folder: &Path,
    start: impl Fn(Under) -> Result<Process>,
    question: (&str, &Question),
) -> Result<f64> {
    let once = counted(runtime, folder, &start, question, REQUESTS)?;
    let twice = counted(runtime, folder, &start, question, REQUESTS * 2)?;
    Ok((twice - once) / f64::from(u32::try_from(REQUESTS)?))
}

fn counted(
    runtime: &Runtime,
    folder: &Path,
    start: &impl Fn(Under) -> Result<Process>,
    (name, question): (&str, &Question),
    times: usize,
) -> Result<f64> {
    let valgrind = std::env::var_os("BACKSTOP_VALGRIND");
    let valgrind = valgrind.context("BACKSTOP_VALGRIND names no program")?;
    // Kept where somebody wants to know where they go: `callgrind_annotate` reads it.
    let kept = std::env::var_os("BACKSTOP_PROFILES").map(PathBuf::from);
    let name = format!("callgrind.{name}.{times}");
    let out = kept.as_deref().unwrap_or(folder).join(name);
    let mut file = OsString::from("--callgrind-out-file=");
    file.push(&out);
    let process = start(vec![valgrind, "--tool=callgrind".into(), file])?;
    Callers::connect(runtime, process.port, 1)?.ask(runtime, question, times)?;
    process.stop()?;
    total(&out)
}

/// The sum at the end of a profile.
fn total(profile: &Path) -> Result<f64> {
    let text = std::fs::read_to_string(profile)?;
    let line = text.lines().rev().find_map(|line| line.strip_prefix("totals:"));
    Ok(line.context("callgrind counted nothing")?.trim().parse()?)
}
