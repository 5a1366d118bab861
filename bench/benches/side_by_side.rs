//! The gateway beside a direct connection to the same provider, and its way across dialects beside
//! the one that stays within: ratios, taken in turns in one run (A B A B), never absolute claims.
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

const CHAT: &str = "/v1/chat/completions";
const MESSAGES: &str = "/v1/messages";

/// The same asked by a caller of one dialect: of a provider that speaks it, and of one that does not.
struct Crossing {
    name: &'static str,
    path: &'static str,
    same: String,
    crossed: String,
    /// Events in its answer, for the cost of one.
    events: u32,
}

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
    for crossing in crossings() {
        cross(&crossing, gateway_port, &gateway)?;
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

fn crossings() -> Vec<Crossing> {
    let ask = |stream: bool, model: &str| {
        format!(
            r#"{{"model":"{model}","max_tokens":1000,"stream":{stream},"messages":[{{"role":"user","content":"hi"}}]}}"#
        )
    };
    let mut crossings = Vec::new();
    for (name, stream, model, events) in [
        ("whole, small", false, "ok", 0),
        ("stream, 12 words", true, "ok", 14),
        ("stream, 400 words", true, "ok+tokens-400", 402),
    ] {
        // Without a prefix the provider speaks Chat.
        let (chat, messages) = (ask(stream, model), ask(stream, &format!("messages/{model}")));
        for (path, same, crossed) in
            [(CHAT, chat.clone(), messages.clone()), (MESSAGES, messages, chat)]
        {
            crossings.push(Crossing { name, path, same, crossed, events });
        }
    }
    crossings
}

/// The CPU of both ways, in turns.
fn cross(crossing: &Crossing, gateway: u16, process: &Process) -> Result<()> {
    let Crossing { name, path, same, crossed, events } = crossing;
    let requests = if 100 < *events { REQUESTS / 5 } else { REQUESTS };
    let mut spent = [Duration::ZERO; 2];
    for turn in 0..TURNS {
        for (body, spent) in [same, crossed].into_iter().zip(&mut spent) {
            let before = process.cpu()?;
            Client::connect(gateway)?.take(path, body, requests)?;
            if 0 < turn {
                *spent += process.cpu()?.saturating_sub(before);
            }
        }
    }
    let asked = u32::try_from((TURNS - 1) * requests)?;
    let [same, crossed] = spent.map(|spent| spent.as_secs_f64() * 1e6 / f64::from(asked));
    say!("");
    say!("{name}, caller at {path}: {asked} requests each way");
    say!(
        "  CPU per request  same {same:8.1} µs, crossed {crossed:8.1} µs, ratio {:.2}",
        crossed / same
    );
    if 0 < *events {
        let each = |cpu: f64| cpu / f64::from(*events);
        say!("  CPU per event    same {:8.2} µs, crossed {:8.2} µs", each(same), each(crossed));
    }
    Ok(())
}

fn run(case: &Case, provider: u16, gateway: u16, process: &Process) -> Result<()> {
    let (mut direct, mut through) = (Taken::default(), Taken::default());
    let requests =
        if 10_000 < case.body.len() || 100 < case.events { REQUESTS / 5 } else { REQUESTS };
    let mut cpu = Duration::ZERO;
    for turn in 0..TURNS {
        let a = Client::connect(provider)?.take(CHAT, &case.body, requests)?;
        let before = process.cpu()?;
        let b = Client::connect(gateway)?.take(CHAT, &case.body, requests)?;
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
