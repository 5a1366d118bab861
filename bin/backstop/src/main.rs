//! The binary: wiring only. Every command is a file of its own.

mod around;
mod banner;
mod check;
mod cli;
mod demo;
mod discover;
mod key;
mod out;
mod reload;
mod serve;
mod sink;

use anyhow::Context;
use clap::Parser;
use cli::{Cli, Command, DrillCommand, KeyCommand};
use std::io::IsTerminal;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let cli = Cli::parse();
    // The demo breaks things on purpose, and tells of it itself.
    let usual = if matches!(cli.command, Command::Demo) { "error" } else { "warn" };
    let filter = EnvFilter::try_from_env("BACKSTOP_LOG").unwrap_or_else(|_| EnvFilter::new(usual));
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(colour)
        // It would be said on standard error, and panic where that is what is gone.
        .log_internal_errors(false)
        .init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            out::say(&format!("error: the runtime does not start: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let done = runtime.block_on(run(cli.command));
    // Nothing that still runs is waited for: what had to end well has ended.
    runtime.shutdown_background();
    match done {
        Ok(code) => code,
        // Whoever read our output has heard enough: `backstop check | head`.
        Err(error) if is_unheard(&error) => ExitCode::FAILURE,
        Err(error) => {
            out::say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn is_unheard(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<std::io::Error>();
    error.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve(args) => serve::run(&args).await,
        Command::Demo => demo::run().await,
        Command::Check(args) => check::run(&args).await,
        Command::Key { command: KeyCommand::New { name } } => key::new(&name),
        Command::Drill { command: DrillCommand::Provider { listen, name } } => {
            let provider = drill::Provider::named(&name).start_at(listen).await;
            let provider = provider.with_context(|| format!("cannot listen on {listen}"))?;
            let mut interrupt = signal(SignalKind::interrupt())?;
            out::say(&format!("{name} listens on {} (faults by model name)", provider.base_url()));
            interrupt.recv().await;
            Ok(ExitCode::SUCCESS)
        }
    }
}
