//! The binary: wiring only. Every command is a file of its own.

mod around;
mod banner;
mod check;
mod cli;
mod confine;
mod console;
mod demo;
mod discover;
mod doctor;
mod heap;
mod key;
mod out;
mod prober;
mod process;
mod reload;
mod serve;
mod sink;
mod status;
mod subject;
mod systemd;
mod telemetry;

use anyhow::Context;
use clap::Parser;
use cli::{Cli, Command, ConfigArgs, DrillCommand, KeyCommand};
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

const STARTS_NOT: &str = "the runtime does not start";

fn main() -> ExitCode {
    let cli = Cli::parse();
    // The demo breaks things on purpose, and tells of it itself.
    let usual = match cli.command {
        Command::Demo => "error",
        // What resolvers say wrongly is evidence, and told as such.
        Command::Doctor(_) => "warn,hickory_net=off,hickory_resolver=off,hickory_proto=off",
        Command::Serve(_)
        | Command::Status(_)
        | Command::Check(_)
        | Command::Key { .. }
        | Command::Drill { .. } => "warn",
    };
    let filter = EnvFilter::try_from_env("BACKSTOP_LOG").unwrap_or_else(|_| EnvFilter::new(usual));
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| out::Log)
        .with_ansi(colour)
        // It would be said on standard error, and panic where that is what is gone.
        .log_internal_errors(false)
        .init();
    let code = match start(cli.command) {
        Ok(code) => code,
        // Whoever read our output has heard enough: `backstop check | head`.
        Err(error) if is_unheard(&error) => ExitCode::FAILURE,
        Err(error) => {
            out::say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    };
    out::finish();
    code
}

fn start(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve(args) => serve_confined(&args),
        Command::Demo => on_threads(demo::run()),
        Command::Doctor(args) => on_threads(doctor::run(&args)),
        Command::Status(args) => on_threads(status::run(&args)),
        Command::Check(args) => on_threads(check::run(&args)),
        Command::Key { command: KeyCommand::New { name } } => key::new(&name),
        Command::Drill { command: DrillCommand::Provider { listen, name } } => {
            on_threads(provide(listen, name))
        }
    }
}

/// What is given up, each thread gives up by itself: it is done before there is a second one.
fn serve_confined(args: &ConfigArgs) -> anyhow::Result<ExitCode> {
    heap::limit();
    let alone = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let alone = alone.context(STARTS_NOT)?;
    let Some(loaded) = alone.block_on(around::load(args))? else { return Ok(ExitCode::from(2)) };
    drop(alone);
    let inherited = transport::inherited().context("LISTEN_FDS")?;
    raise_descriptors();
    confine::apply(&loaded.config.server)?;
    out::aside().context("no thread for standard error")?;
    on_threads(serve::run(args, loaded, inherited))
}

/// As many descriptors as the system lets us have: each request takes two, and the usual limit is for
/// programs that wait on few with `select`.
fn raise_descriptors() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = rustix::process::Rlimit { current: limit.maximum, ..limit };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, ?limit, "the limit of descriptors stays");
    }
}

/// Runs to the end, on as many threads as the machine has cores.
fn on_threads(work: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.context(STARTS_NOT)?;
    let done = runtime.block_on(work);
    // Nothing that still runs is waited for: what had to end well has ended.
    runtime.shutdown_background();
    done
}

async fn provide(listen: SocketAddr, name: String) -> anyhow::Result<ExitCode> {
    let provider = drill::Provider::named(&name).start_at(listen).await;
    let provider = provider.with_context(|| format!("cannot listen on {listen}"))?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    out::say(&format!("{name} listens on {} (faults by model name)", provider.base_url()));
    interrupt.recv().await;
    Ok(ExitCode::SUCCESS)
}

fn is_unheard(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<std::io::Error>();
    error.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
