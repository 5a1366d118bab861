//! The gateway beside a direct connection to the same provider: ratios, taken in turns in one run
//! (A B A B), never absolute claims.
//!
//! The provider and the gateway are processes of their own (`BACKSTOP_BIN`, a release build), so
//! that the gateway's CPU is its own.

mod side_by_side {
    pub(crate) mod client;
    pub(crate) mod process;
}

use anyhow::Result;
use side_by_side::client::{Client, Taken};
use side_by_side::process::{Process, config, free_port};
use std::io::Write;
use std::time::Duration;

/// A line of the result.
macro_rules! say {
    ($($part:tt)*) => { writeln!(std::io::stdout(), $($part)*)? };
}

/// Turns of each side; the first of each is thrown away.
const TURNS: usize = 7;
/// Requests in one turn.
const REQUESTS: usize = 1500;

/// What is asked.
struct Case {
    name: &'static str,
    body: String,
    /// Events in its answer, for the cost of one.
    events: u32,
}

fn main() -> Result<()> {
    let (provider_port, gateway_port) = (free_port()?, free_port()?);
    let provider = Process::provider(provider_port)?;
    let file = config(gateway_port, provider_port)?;
    let gateway = Process::gateway(&file, gateway_port)?;
    say!("idle: gateway {} KiB resident", gateway.resident_kib()?);
    for case in cases() {
        run(&case, provider_port, gateway_port, &gateway)?;
    }
    say!("after: gateway {} KiB resident", gateway.resident_kib()?);
    drop((gateway, provider));
    std::fs::remove_file(file)?;
    Ok(())
}

fn cases() -> Vec<Case> {
    let ask = |stream: bool, model: &str, prompt: &str| {
        format!(
            r#"{{"model":"{model}","stream":{stream},"messages":[{{"role":"user","content":"{prompt}"}}]}}"#
        )
    };
    let long = "all work and no play ".repeat(20_000);
    vec![
        Case { name: "whole, small", body: ask(false, "ok", "hi"), events: 0 },
        Case { name: "whole, 400 KiB prompt", body: ask(false, "ok", &long), events: 0 },
        Case { name: "stream, 12 words", body: ask(true, "ok", "hi"), events: 14 },
        Case { name: "stream, 400 words", body: ask(true, "ok+tokens-400", "hi"), events: 402 },
    ]
}

fn run(case: &Case, provider: u16, gateway: u16, process: &Process) -> Result<()> {
    let (mut direct, mut through) = (Taken::default(), Taken::default());
    let requests =
        if 10_000 < case.body.len() || 100 < case.events { REQUESTS / 5 } else { REQUESTS };
    let mut cpu = Duration::ZERO;
    for turn in 0..TURNS {
        let a = Client::connect(provider)?.take(&case.body, requests)?;
        let before = process.cpu()?;
        let b = Client::connect(gateway)?.take(&case.body, requests)?;
        let spent = process.cpu()?.saturating_sub(before);
        if 0 < turn {
            direct.add(a);
            through.add(b);
            cpu += spent;
        }
    }
    let per_request = cpu.as_secs_f64() * 1e6 / f64::from(through.count());
    say!("");
    say!("{}: {} requests each way, one connection", case.name, through.count());
    say!("  CPU of the gateway       {per_request:8.1} µs per request");
    if 0 < case.events {
        say!(
            "                           {:8.2} µs per event",
            per_request / f64::from(case.events)
        );
    }
    for (name, a, b) in [
        ("first byte p50", direct.first(50), through.first(50)),
        ("first byte p99", direct.first(99), through.first(99)),
        ("whole answer p50", direct.last(50), through.last(50)),
        ("whole answer p99", direct.last(99), through.last(99)),
    ] {
        say!("  {name:18} direct {a:8.1} µs, through {b:8.1} µs, ratio {:.2}", b / a);
    }
    Ok(())
}
