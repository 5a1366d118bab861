//! `nines [--seeds 10] [--days 90] [--whole]`: lives through quarters of requests and outages and
//! says how many were answered, without Backstop and with it. Ends with a failure where, of
//! independent targets, fewer than 99.999 % were.

use clap::Parser;
use sim::{Setup, Tally, bounds, nines, outages_alone, theory};
use std::io::{StdoutLock, Write};
use std::process::ExitCode;
use std::time::Instant;

/// Lives through quarters, one per seed.
#[derive(Debug, Parser)]
struct Args {
    /// How many quarters
    #[arg(long, default_value_t = 10)]
    seeds: u64,
    /// The first seed
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Days of a quarter
    #[arg(long, default_value_t = 90)]
    days: u64,
    /// Requests a second
    #[arg(long, default_value_t = 10)]
    per_second: u64,
    /// The share of requests that each target fails, asked directly
    #[arg(long, default_value_t = 0.008)]
    unavailability: f64,
    /// Live through every healthy second too, and through independent targets only
    #[arg(long)]
    whole: bool,
}

/// What is to be reached.
const FIVE_NINES: f64 = 0.999_99;
/// Quarters of each kind with a common cause: they are there for comparison.
const SEEDS_COMMON: u64 = 3;
/// Years of outages alone.
const YEARS: u32 = 4000;

fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    let mut out = std::io::stdout().lock();
    let began = Instant::now();
    let setup = Setup {
        days: args.days,
        per_second: args.per_second,
        unavailability: args.unavailability,
        whole: args.whole,
        ..Setup::default()
    };
    let mut all = Tally::default();
    let mut each = Vec::new();
    for seed in args.from..args.from.saturating_add(args.seeds) {
        let tally = nines(&setup, seed)?;
        each.push((seed, tally.availability()));
        all.add(&tally);
    }
    independent(&mut out, &args, (&setup, &all, &each))?;
    if !args.whole {
        correlated(&mut out, &args, &setup)?;
    }
    writeln!(out, "\ntook {:.0} s", began.elapsed().as_secs_f64())?;
    let reached = FIVE_NINES <= all.availability();
    if !reached {
        writeln!(out, "NOT REACHED: {} is less than 99.999 %", percent(all.availability()))?;
    }
    Ok(if reached { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn independent(
    out: &mut StdoutLock<'_>,
    args: &Args,
    (setup, all, each): (&Setup, &Tally, &[(u64, f64)]),
) -> anyhow::Result<()> {
    writeln!(
        out,
        "{} quarters of {} days, {} requests a second: {} requests, {} of them near an outage and\n\
         lived through one by one; {} outages of {} targets, independent of each other\n",
        args.seeds, args.days, args.per_second, all.requests, all.lived, all.outages, setup.targets,
    )?;
    for target in 0..setup.targets {
        let first = if target == 0 { ", the first of the chain" } else { "" };
        writeln!(out, "without, target {target}    {}{first}", percent(all.directly(target)))?;
    }
    let directly: f64 = (0..setup.targets).map(|it| 1.0 - all.directly(it)).product();
    let bounds = bounds(&all.weeks, args.from);
    let by = |order: fn(&f64, &f64) -> std::cmp::Ordering| {
        each.iter().max_by(|a, b| order(&a.1, &b.1)).copied().unwrap_or_default()
    };
    let (worst, best) = (by(|a, b| b.total_cmp(a)), by(f64::total_cmp));
    writeln!(out, "with Backstop        {}", percent(all.availability()))?;
    writeln!(out, "  95 % of bootstraps {} to {}", percent(bounds.low), percent(bounds.high))?;
    writeln!(out, "  worst quarter      {}, seed {}", percent(worst.1), worst.0)?;
    writeln!(out, "  best quarter       {}, seed {}", percent(best.1), best.0)?;
    writeln!(out, "1 - product of (1-A) {} of these targets", percent(1.0 - directly))?;
    writeln!(out, "                     {} by design", percent(theory(setup)))?;
    let lost = &all.lost;
    writeln!(out, "\nlost                 {} requests", lost.all())?;
    writeln!(out, "  {:<9} under way when the outage of their target began", lost.caught)?;
    writeln!(out, "  {:<9} cut after content by a target that was ill already", lost.cut)?;
    writeln!(out, "  {:<9} all targets down at once", lost.all_down)?;
    writeln!(out, "  {:<9} budget of extra attempts used up", lost.budget)?;
    writeln!(out, "  {:<9} no content within the caller's minute", lost.late)?;
    writeln!(out, "  {:<9} anything else", lost.other)?;
    let extra = all.attempts.saturating_sub(all.requests);
    let per_million = extra.saturating_mul(1_000_000) / all.requests.max(1);
    writeln!(out, "extra attempts       {extra}, {per_million} per million requests")?;
    writeln!(out, "answered elsewhere   {}", all.elsewhere)?;
    writeln!(out, "switches             {}", all.switches)?;
    Ok(())
}

/// What is left where outages are not independent.
fn correlated(out: &mut StdoutLock<'_>, args: &Args, setup: &Setup) -> anyhow::Result<()> {
    writeln!(
        out,
        "\nwith a common cause: the formula; {YEARS} years of outages alone, where somebody notices at\n\
         once; the same less what Backstop lost beside in {SEEDS_COMMON} quarters; and those quarters",
    )?;
    let three = |common| Setup { common, ..*setup };
    let rows = [
        ("3 targets, 5 % of unavailability common ", three(0.05)),
        ("3 targets, 20 % of unavailability common", three(0.2)),
        ("2 targets, independent                  ", setup.pair(1.0)),
        ("2 targets, lift 1.3                     ", setup.pair(1.3)),
        ("2 targets, lift 2                       ", setup.pair(2.0)),
        ("2 targets, lift 3                       ", setup.pair(3.0)),
    ];
    for (name, setup) in rows {
        let alone = 1.0 - outages_alone(&setup, YEARS, args.from);
        let mut all = Tally::default();
        for seed in args.from..args.from.saturating_add(SEEDS_COMMON) {
            all.add(&nines(&setup, seed)?);
        }
        let beside = 1.0 - all.availability_beside();
        writeln!(
            out,
            "{name} {} {} {} {}",
            percent(theory(&setup)),
            percent(alone),
            percent(alone - beside),
            percent(all.availability()),
        )?;
    }
    Ok(())
}

/// With as many digits as nines may need.
fn percent(share: f64) -> String {
    format!("{:9.5} %", share * 100.0)
}
