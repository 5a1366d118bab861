//! `sim --seeds 1000 [--from N]`: lives through that many worlds and says what they came to. Ends
//! with a failure, and the seed, where a promise was broken.

use clap::Parser;
use sim::Figures;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::Instant;

/// Lives through worlds, one per seed.
#[derive(Debug, Parser)]
struct Args {
    /// How many worlds
    #[arg(long, default_value_t = 1000)]
    seeds: u64,
    /// The first seed
    #[arg(long, default_value_t = 0)]
    from: u64,
}

fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    let mut out = std::io::stdout().lock();
    let began = Instant::now();
    let mut all = Figures::default();
    let mut violations = 0_u64;
    for seed in args.from..args.from.saturating_add(args.seeds) {
        match sim::run(seed) {
            Ok(figures) => all.add(&figures),
            Err(violation) => {
                violations += 1;
                writeln!(out, "{violation}")?;
            }
        }
    }
    let took = began.elapsed().as_secs_f64();
    writeln!(out, "{all}")?;
    writeln!(out, "worlds     {} in {took:.1} s, {violations} broke a promise", args.seeds)?;
    Ok(if violations == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
