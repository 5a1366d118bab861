//! The lab as a program, for `cargo xtask lab` and for a look at a situation.
//!
//! - `lab list` names the situations, each with the causes that a right verdict has, the best first;
//! - `lab show NAME` prints the evidence that the prober finds in one, as JSON;
//! - `lab wishes NAME` prints what a network must be for one, a line each; nothing where it cannot be
//!   played in a network;
//! - `lab serve NAME FOLDER` plays one in the network that it runs in, and writes the files of the other
//!   side into the folder. It says `ready`, and ends when its standard input does.

use std::io::{Write, stderr, stdout};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use backstop_e2e::lab::Situation;
use backstop_e2e::lab::stage::Network;
use tokio::runtime::Builder;

/// How it is called.
const USAGE: &str = "usage: lab list | show NAME | wishes NAME | serve NAME FOLDER";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            writeln!(stderr().lock(), "error: {error:#}").ok();
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[&str]) -> Result<()> {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    match args {
        ["list"] => list(),
        ["show", name] => runtime.block_on(show(find(name)?)),
        ["wishes", name] => wishes(find(name)?),
        ["serve", name, folder] => {
            let network = Network::raise(find(name)?.plan(), Path::new(folder));
            // It runs until nobody holds our input any more.
            let network = runtime.block_on(network)?;
            say("ready")?;
            std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink())?;
            drop(network);
            Ok(())
        }
        _ => bail!(USAGE),
    }
}

fn find(name: &str) -> Result<Situation> {
    let found = Situation::ALL.iter().find(|it| it.word() == name);
    found.copied().with_context(|| format!("there is no situation {name:?}; see `lab list`"))
}

fn list() -> Result<()> {
    for it in Situation::ALL {
        let causes: Vec<&str> = it.causes().iter().map(|cause| cause.word()).collect();
        say(&format!("{} {}", it.word(), causes.join(" ")))?;
    }
    Ok(())
}

async fn show(situation: Situation) -> Result<()> {
    let stage = situation.raise().await?;
    let evidence = probe::measure(&stage.ground, &stage.subject, &mut |_, _| {}).await;
    say(&serde_json::to_string_pretty(&evidence)?)
}

fn wishes(situation: Situation) -> Result<()> {
    let plan = situation.plan();
    if plan.fits_a_network() {
        for wish in plan.wishes() {
            say(&wish.to_string())?;
        }
    }
    Ok(())
}

fn say(line: &str) -> Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}
