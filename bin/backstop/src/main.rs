//! The binary: wiring only. Every command is a file of its own.

mod around;
mod banner;
mod check;
mod cli;
mod demo;
mod discover;
mod key;
mod out;
mod serve;
mod sink;

use clap::Parser;
use cli::{Cli, Command, DrillCommand, KeyCommand};
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let filter = EnvFilter::try_from_env("BACKSTOP_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
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
        Err(error) => {
            out::say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve(args) => serve::run(&args).await,
        Command::Demo => demo::run().await,
        Command::Check(args) => check::run(&args).await,
        Command::Key { command: KeyCommand::New { name } } => key::new(&name),
        Command::Drill { command: DrillCommand::Provider { listen, name } } => {
            out::say(&format!("{name} listens on http://{listen}/v1 (faults by model name)"));
            tokio::select! {
                ended = drill::provider::run(listen, &name) => ended?,
                _ = tokio::signal::ctrl_c() => {}
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}
