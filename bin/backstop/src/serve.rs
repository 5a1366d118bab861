//! `backstop serve`: from start to stop.

use crate::around::{self, Loaded, guarded};
use crate::cli::ConfigArgs;
use crate::console::{self, Counts, Running, Watched};
use crate::prober::Measuring;
use crate::reload::{self, Reload};
use crate::telemetry::Telemetry;
use crate::{banner, out, sink, systemd};
use anyhow::Context;
use config::{Config, Server};
use gateway::{Gateway, Setup, Watching};
use std::net::TcpListener as StdListener;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{oneshot, watch};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep_until, timeout_at};
use transport::{
    Clock, Estate, Inheritance, ListenerSettings, Resolver, Roots, ServerTls, Stopping, Testator,
};

/// What is still open when the grace is over says its last word, and within this all of it has ended
/// but the last of what is said (`out::finish`): together a second.
const ENDED_WITHIN: Duration = Duration::from_millis(750);
/// Records, traces and metrics are written within this, if there is so much time …
const WRITTEN_WITHIN: Duration = Duration::from_secs(2);
/// … and within this, where a second signal asks for an end at once.
const WRITTEN_AT_ONCE: Duration = Duration::from_millis(200);

/// Signals that stop it.
struct Stops {
    interrupt: Signal,
    terminate: Signal,
}

/// The sockets that are listened on, and who had them before.
struct Sockets {
    listener: TcpListener,
    /// The console's, where there is one.
    watching: Option<TcpListener>,
    predecessor: Option<Inheritance>,
}

/// Serves until a signal, then lets open answers finish; a second signal ends at once.
/// `inherited` are the sockets that a service manager opened.
pub(crate) async fn run(
    args: &ConfigArgs,
    loaded: Loaded,
    inherited: Vec<StdListener>,
) -> anyhow::Result<ExitCode> {
    let clock = Clock::start();
    around::say_all(loaded.path.as_deref(), &loaded.config.warnings);
    let server = loaded.config.server.clone();
    let settings = watch::Sender::new(listener_settings(&loaded.config)?);
    let counts = Counts::default();
    let telemetry = Telemetry::start(&loaded.config, clock)?;
    let sink = telemetry.beside(sink::open(&server, counts.clone())?);
    let Sockets { listener, watching, predecessor } = sockets(&loaded.config, inherited).await?;
    let listen = listener.local_addr().unwrap_or(server.listen);
    guarded(&loaded.config, listen)?;
    let at = banner::At { listen, console: console::addr(watching.as_ref()) };
    let banner = banner::text(&loaded.config, loaded.path.as_deref(), at);
    let setup = Setup {
        config: loaded.config.clone(),
        resolver: Resolver::System,
        roots: Roots::native(),
        sink,
        clock,
    };
    let gateway = Gateway::new(setup).context("the gateway does not start")?;
    attend(&gateway, clock);
    // Before anybody is told that it serves: whoever waits for that may stop it at once.
    let mut stops = Stops::new()?;
    let hangup = signal(SignalKind::hangup())?;
    let estate = estate(&server, &listener, watching.as_ref())?;
    let connections = settings.borrow().connections.clone();
    let seen = Watched::new(gateway.clone(), connections, counts.clone(), clock);
    let watched = settings.subscribe();
    let mut console = console::start(watching, watched.clone(), seen);
    let serving = (gateway.clone(), telemetry.clone(), listen);
    let reload = Reload::new(args.clone(), serving, settings, loaded, counts);
    tokio::spawn(reload::run(reload, hangup));
    out::say(&banner);
    systemd::tell(systemd::State::Serving);

    let (stop, stopped) = oneshot::channel::<()>();
    let handler = {
        let gateway = gateway.clone();
        move |request, peer| gateway.clone().handle(request, peer)
    };
    let asked = async { stopped.await.unwrap_or_default() };
    let ending = gateway.clone();
    let stopping = Stopping { asked, over: move || ending.end() };
    let mut serving = Box::pin(transport::serve(listener, watched.clone(), handler, stopping));
    let succeeded = succession(estate, predecessor)?;
    let why = tokio::select! {
        () = &mut serving => "stopping",
        _ = stops.next() => "stopping",
        () = succeeded => {
            console.close();
            "a successor serves; stopping"
        }
    };
    gateway.drain();
    systemd::tell(systemd::State::Stopping);
    stop.send(()).unwrap_or_default();
    let grace = watched.borrow().grace;
    let latest = Instant::now() + grace + ENDED_WITHIN;
    out::say(&format!("{why}: open answers may finish within {grace:?}"));
    let (code, patience) = tokio::select! {
        () = &mut serving => (ExitCode::SUCCESS, WRITTEN_WITHIN),
        code = stops.next() => (code, WRITTEN_AT_ONCE),
        () = sleep_until(latest) => (ExitCode::SUCCESS, WRITTEN_AT_ONCE),
    };
    // With it go the connections that are left: what they carried ends, by us, and is recorded.
    gateway.end();
    drop(serving);
    tokio::select! {
        () = end(gateway, telemetry, console, latest.min(Instant::now() + patience)) => Ok(code),
        code = stops.next() => Ok(code),
    }
}

/// Asks whoever is down whether it is back, and watches whoever is used.
fn attend(gateway: &Gateway, clock: Clock) {
    tokio::spawn(gateway.clone().probe());
    let prober = Arc::new(Measuring::new(clock));
    let watching_over = Watching { prober, judge: monitor::diagnose };
    tokio::spawn(gateway.clone().watch(watching_over));
}

/// Writes down and sends off what is left. Whoever does not take it by then does without.
async fn end(gateway: Gateway, telemetry: Telemetry, console: Running, until: Instant) {
    let ending = async {
        gateway.settled().await;
        // A sink that hangs and a collector that is silent hold up a thread that nobody waits for.
        let written = spawn_blocking(move || {
            gateway.flush(until.saturating_duration_since(Instant::now()));
            telemetry.stop();
        });
        if let Err(error) = written.await {
            tracing::warn!(%error, "the last records may be missing");
        }
        console.stop().await;
    };
    if timeout_at(until, ending).await.is_err() {
        tracing::warn!("the last records, traces or metrics may be missing: nobody took them");
    }
}

/// How callers are treated, as the configuration has it.
pub(crate) fn listener_settings(config: &Config) -> anyhow::Result<ListenerSettings> {
    let server = &config.server;
    let tls = match &config.tls {
        Some(tls) => Some(reload::server_tls(tls)?),
        None => None::<ServerTls>,
    };
    Ok(ListenerSettings {
        connections_max: usize::try_from(server.connections_max).unwrap_or(usize::MAX),
        per_address_max: server.per_address(),
        head_timeout: server.head_timeout,
        write_timeout: server.write_timeout,
        grace: server.grace,
        tls,
        ..ListenerSettings::default()
    })
}

/// The sockets that a service manager opened, or that the process before this one has, or new ones:
/// the gateway's, then the console's.
async fn sockets(config: &Config, inherited: Vec<StdListener>) -> anyhow::Result<Sockets> {
    let mut listeners = Vec::new();
    for listener in inherited {
        listener.set_nonblocking(true)?;
        listeners.push(TcpListener::from_std(listener)?);
    }
    let mut predecessor = None;
    if let (true, Some(path)) = (listeners.is_empty(), &config.server.handover) {
        let claimed = Inheritance::claim(Path::new(path));
        predecessor = claimed.with_context(|| format!("server.handover: {path}"))?;
        if let Some(predecessor) = &mut predecessor {
            listeners = std::mem::take(&mut predecessor.listeners);
            let what = "the process before this one has no socket";
            anyhow::ensure!(!listeners.is_empty(), what);
        }
    }
    let mut listeners = listeners.into_iter();
    let listener = match listeners.next() {
        Some(listener) => listener,
        None => transport::bind(config.server.listen).await?,
    };
    let watching = console::bind(config.console.listen, listeners.next()).await?;
    Ok(Sockets { listener, watching, predecessor })
}

/// What a successor takes over, and where.
fn estate(
    server: &Server,
    listener: &TcpListener,
    watching: Option<&TcpListener>,
) -> anyhow::Result<Option<(PathBuf, Estate)>> {
    let Some(path) = &server.handover else { return Ok(None) };
    let sockets: Vec<&TcpListener> = [listener].into_iter().chain(watching).collect();
    Ok(Some((PathBuf::from(path), Estate::of(&sockets)?)))
}

/// Tells the predecessor that it may go, and then waits in its place: resolves when a successor has
/// the sockets and serves; never, where none can come.
fn succession(
    estate: Option<(PathBuf, Estate)>,
    predecessor: Option<Inheritance>,
) -> anyhow::Result<impl Future<Output = ()> + use<>> {
    let succeeds = predecessor.is_some();
    match predecessor.map(Inheritance::ready) {
        None => {}
        Some(Ok(())) => {
            out::say("took over from the process before, which now lets its open answers finish");
        }
        // It was stopped meanwhile, and its callers are ours.
        Some(Err(error)) => out::say(&format!("the process before is gone already: {error}")),
    }
    let testator = match estate.map(|(path, estate)| (Testator::at(&path, estate), path)) {
        None => None,
        Some((Ok(testator), _)) => Some(testator),
        Some((Err(error), path)) if succeeds => {
            let path = path.display();
            out::say(&format!("server.handover: {path}: {error}; no successor can take over"));
            None
        }
        Some((Err(error), path)) => {
            return Err(error).with_context(|| format!("server.handover: {}", path.display()));
        }
    };
    Ok(async move {
        match testator {
            Some(testator) => testator.succeeded().await,
            None => std::future::pending().await,
        }
    })
}

// === impl Stops ===

impl Stops {
    /// From here on neither a reader that left nor a file that is full ends the process: whoever writes
    /// there hears of it. (The standard library sees to the first by itself, unless `heap` failed.)
    fn new() -> std::io::Result<Self> {
        drop(signal(SignalKind::pipe())?);
        #[cfg(target_os = "linux")]
        drop(signal(SignalKind::from_raw(libc::SIGXFSZ))?);
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// The next one, as what the process ends with if it ends for that alone.
    async fn next(&mut self) -> ExitCode {
        tokio::select! {
            _ = self.interrupt.recv() => ExitCode::from(130),
            _ = self.terminate.recv() => ExitCode::from(143),
        }
    }
}
