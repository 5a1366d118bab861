//! Real faults on loopback against the built binary: what is too heavy for the test command.
//!
//! `cargo xtask hostile [name…]` builds the binary and this, and starts it. Each scenario starts a
//! gateway of its own as a child, attacks it by hand at the level of sockets, and looks at what is
//! left: descriptors, memory, good callers beside the attack, calls at the provider. It prints one
//! line: the promise's number, its name, whether it was kept, and the figures.
//!
//! **Invariants:** only loopback; no process outlives its scenario; verdicts rest on counts and
//! ratios, and no latency below [`LATENCY_FLOOR`] fails one, because machines are shared.
//!
//! Absent: figures that would hold on another machine.

mod back;
mod bodies;
mod bomb;
mod crowds;
mod frames;
mod gateway;
mod good;
mod http1;
mod http2;
mod memory;
mod mixed;
mod operating;
mod overload;
mod provider;
mod readers;
mod report;
mod storm;
mod tls;

use std::io::{Write, stderr, stdout};
use std::path::PathBuf;
use std::pin::Pin;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use gateway::{Folder, Gateway};
use provider::Provider;
use report::Report;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::time::timeout;

/// No latency below this fails a scenario.
pub(crate) const LATENCY_FLOOR: Duration = Duration::from_millis(20);

/// What scenarios are played with.
#[derive(Clone, Debug)]
pub(crate) struct Bed {
    /// The gateway's program.
    pub(crate) binary: PathBuf,
    /// Where providers and good callers run, so that attackers do not hold them up in here.
    pub(crate) aside: Handle,
}

/// What a scenario comes to, in the end.
type Playing<'a> = Pin<Box<dyn Future<Output = Result<Report>> + 'a>>;

/// One attack, or one day in operation.
struct Scenario {
    name: &'static str,
    /// The promise that it is about.
    promise: &'static str,
    seconds_max: u64,
    play: for<'a> fn(&'a Bed) -> Playing<'a>,
}

const SCENARIOS: [Scenario; 19] = [
    Scenario {
        name: "http2-bomb",
        promise: "S32",
        seconds_max: 110,
        play: |bed| Box::pin(bomb::play(bed)),
    },
    Scenario {
        name: "slowloris",
        promise: "S29",
        seconds_max: 90,
        play: |bed| Box::pin(crowds::slowloris(bed)),
    },
    Scenario {
        name: "huge-bodies",
        promise: "S20",
        seconds_max: 60,
        play: |bed| Box::pin(bodies::huge(bed)),
    },
    Scenario {
        name: "vanishing",
        promise: "R12",
        seconds_max: 90,
        play: |bed| Box::pin(crowds::vanishing(bed)),
    },
    Scenario {
        name: "million",
        promise: "R37",
        seconds_max: 420,
        play: |bed| Box::pin(mixed::million(bed)),
    },
    Scenario {
        name: "slow-readers",
        promise: "R43",
        seconds_max: 110,
        play: |bed| Box::pin(readers::play(bed)),
    },
    Scenario {
        name: "reloads",
        promise: "R14",
        seconds_max: 60,
        play: |bed| Box::pin(operating::reloads(bed)),
    },
    Scenario {
        name: "handovers",
        promise: "R16",
        seconds_max: 90,
        play: |bed| Box::pin(operating::handovers(bed)),
    },
    Scenario {
        name: "http2-floods",
        promise: "S31",
        seconds_max: 90,
        play: |bed| Box::pin(frames::play(bed)),
    },
    Scenario {
        name: "all-down",
        promise: "R8",
        seconds_max: 40,
        play: |bed| Box::pin(storm::all_down(bed)),
    },
    Scenario {
        name: "half-down",
        promise: "R8",
        seconds_max: 40,
        play: |bed| Box::pin(storm::half_down(bed)),
    },
    Scenario {
        name: "recovery",
        promise: "R9",
        seconds_max: 120,
        play: |bed| Box::pin(back::recovery(bed)),
    },
    Scenario {
        name: "brown-out",
        promise: "R10",
        seconds_max: 110,
        play: |bed| Box::pin(back::brown_out(bed)),
    },
    Scenario {
        name: "overload",
        promise: "R39",
        seconds_max: 40,
        play: |bed| Box::pin(overload::play(bed)),
    },
    Scenario {
        name: "one-address",
        promise: "S30",
        seconds_max: 40,
        play: |bed| Box::pin(crowds::one_address(bed)),
    },
    Scenario {
        name: "odd-tls",
        promise: "S33",
        seconds_max: 60,
        play: |bed| Box::pin(tls::play(bed)),
    },
    Scenario {
        name: "large-beside-small",
        promise: "R42",
        seconds_max: 40,
        play: |bed| Box::pin(bodies::beside_small(bed)),
    },
    Scenario {
        name: "noisy-key",
        promise: "R41",
        seconds_max: 40,
        play: |bed| Box::pin(overload::noisy(bed)),
    },
    Scenario {
        name: "small-memory",
        promise: "R40",
        seconds_max: 60,
        play: |bed| Box::pin(memory::play(bed)),
    },
];

// === impl Bed ===

impl Bed {
    /// A provider and a gateway before it with these lines in `[server]`, and where its files are.
    pub(crate) async fn raise(&self, server: &str) -> Result<(Provider, Folder, Gateway)> {
        let provider = Provider::start(&self.aside).await?;
        let folder = Folder::new()?;
        let gateway = Gateway::start(self, &folder, &provider.config(server)).await?;
        Ok((provider, folder, gateway))
    }
}

fn main() -> ExitCode {
    let names: Vec<String> = std::env::args().skip(1).collect();
    match run(&names) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            talk(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Plays the scenarios with these names or promises, or all. Tells whether every promise was kept.
fn run(names: &[String]) -> Result<bool> {
    let known = |name: &str, it: &Scenario| it.name == name || it.promise == name;
    for name in names {
        if !SCENARIOS.iter().any(|it| known(name, it)) {
            let all: Vec<_> = SCENARIOS.iter().map(|it| it.name).collect();
            bail!("there is no scenario {name:?}; there are {}", all.join(", "));
        }
    }
    let limit = gateway::raise_descriptors()?;
    if limit < 20_000 {
        bail!("{limit} descriptors may be open, 20000 are needed: raise `ulimit -Hn`");
    }
    let binary = std::env::var_os("BACKSTOP_BIN").map(PathBuf::from);
    let binary = binary.context("BACKSTOP_BIN: run this as `cargo xtask hostile`")?;
    let (aside, attackers) = (runtime()?, runtime()?);
    let bed = Bed { binary, aside: aside.handle().clone() };
    let mut kept = true;
    for it in SCENARIOS.iter().filter(|it| names.is_empty() || names.iter().any(|n| known(n, it))) {
        let began = Instant::now();
        let limit = Duration::from_secs(it.seconds_max);
        let playing = async { timeout(limit, (it.play)(&bed)).await };
        let report = match attackers.block_on(playing) {
            Ok(Ok(report)) => report,
            Ok(Err(error)) => Report::failed(format!("{error:#}")),
            Err(_) => Report::failed(format!("not over after {limit:?}")),
        };
        kept &= report.kept();
        let took = began.elapsed().as_secs();
        say(&format!("{:<4} {:<19} {report} ({took} s)", it.promise, it.name));
    }
    aside.shutdown_background();
    attackers.shutdown_background();
    Ok(kept)
}

fn runtime() -> Result<Runtime> {
    Ok(Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}

/// A line that was asked for. A reader that went away is no error.
fn say(line: &str) {
    writeln!(stdout().lock(), "{line}").ok();
}

/// A line about the work.
pub(crate) fn talk(line: &str) {
    writeln!(stderr().lock(), "{line}").ok();
}
