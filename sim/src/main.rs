//! `sim --seeds 1000 [--from N]`: lives through that many worlds and says what they came to. Ends
//! with a failure, and the seeds, where a promise was broken. `sim shell --seeds 100` does so in the
//! worlds of the real shell. An option may be written `seeds=1000`.

use clap::{Parser, Subcommand};
use sim::{Figures, Violation, shell};
use std::any::Any;
use std::fmt::Display;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Instant;

/// Lives through worlds, one per seed.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Args {
    #[command(flatten)]
    which: Which,
    #[command(subcommand)]
    of: Option<Of>,
}

/// Which worlds.
#[derive(Clone, Copy, Debug, clap::Args)]
struct Which {
    /// How many worlds
    #[arg(long, default_value_t = 1000)]
    seeds: u64,
    /// The first seed
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Stop at the first that breaks a promise
    #[arg(long)]
    first: bool,
}

/// Worlds of what.
#[derive(Debug, Subcommand)]
enum Of {
    /// The gateway as it is shipped, over a simulated network
    Shell(Which),
}

fn main() -> anyhow::Result<ExitCode> {
    let spelt = |arg: String| match arg.split_once('=') {
        Some((name, _)) if !name.starts_with('-') => format!("--{arg}"),
        Some(_) | None => arg,
    };
    let args = Args::parse_from(std::env::args().map(spelt));
    match args.of {
        None => live(args.which, (Figures::add, |all| all.requests), sim::run),
        Some(Of::Shell(seeds)) => {
            live(seeds, (shell::Tally::add, |all| all.requests.values().sum()), shell::run)
        }
    }
}

/// Lives through worlds, and says what they came to.
fn live<T: Default + Display>(
    of: Which,
    (add, requests): (impl Fn(&mut T, &T), impl Fn(&T) -> u64),
    run: impl Fn(u64) -> Result<T, Violation>,
) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    let began = Instant::now();
    let mut all = T::default();
    let mut broken = Vec::new();
    for seed in of.from..of.from.saturating_add(of.seeds) {
        match lived(seed, &run) {
            Ok(figures) => add(&mut all, &figures),
            Err(what) => {
                broken.push(seed.to_string());
                writeln!(out, "{what}")?;
            }
        }
        if of.first && !broken.is_empty() {
            break;
        }
    }
    let took = began.elapsed().as_secs_f64();
    writeln!(out, "{all}")?;
    let rate = u128::from(requests(&all)) * 60_000 / began.elapsed().as_millis().max(1);
    writeln!(out, "rate       {rate} requests a minute")?;
    writeln!(out, "worlds     {} in {took:.1} s, {} broke a promise", of.seeds, broken.len())?;
    if broken.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "seeds      {}", broken.join(" "))?;
    Ok(ExitCode::FAILURE)
}

/// What one world came to, or what it broke: where invariants of the core are checked, they panic.
fn lived<T>(seed: u64, run: impl Fn(u64) -> Result<T, Violation>) -> Result<T, String> {
    let panicked = |panic: Box<dyn Any + Send>| {
        let said = panic.downcast_ref::<String>().map(String::as_str);
        let said = said.or_else(|| panic.downcast_ref::<&str>().copied());
        format!("seed {seed}: {}", said.unwrap_or("a panic"))
    };
    let lived = catch_unwind(AssertUnwindSafe(|| run(seed))).map_err(panicked)?;
    lived.map_err(|violation| violation.to_string())
}
