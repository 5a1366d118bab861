//! `backstop serve`: from start to stop.

use crate::around::{self, Loaded};
use crate::cli::ConfigArgs;
use crate::reload::{self, Reload};
use crate::{banner, out, sink, systemd};
use anyhow::Context;
use config::{Config, Server};
use gateway::{Gateway, Setup};
use std::net::TcpListener as StdListener;
use std::path::Path;
use std::process::ExitCode;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{oneshot, watch};
use transport::{
    Clock, Estate, Inheritance, ListenerSettings, Resolver, Roots, ServerTls, Stopping, Testator,
};

/// Signals that stop it.
struct Stops {
    interrupt: Signal,
    terminate: Signal,
}

/// The socket that is listened on, and who had it before.
struct Sockets {
    listener: TcpListener,
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
    let sink = sink::open(&server.record)?;
    let Sockets { listener, predecessor } = sockets(&server, inherited).await?;
    let listen = listener.local_addr().unwrap_or(server.listen);
    let banner = banner::text(&loaded.config, loaded.path.as_deref(), listen);
    let setup = Setup {
        config: loaded.config.clone(),
        resolver: Resolver::System,
        roots: Roots::native(),
        sink,
        clock,
    };
    let gateway = Gateway::new(setup).context("the gateway does not start")?;
    tokio::spawn(gateway.clone().probe());
    // Before anybody is told that it serves: whoever waits for that may stop it at once.
    let mut stops = Stops::new()?;
    let hangup = signal(SignalKind::hangup())?;
    let succeeded = testator(&server, &listener)?;
    let watched = settings.subscribe();
    tokio::spawn(reload::run(Reload::new(args.clone(), gateway.clone(), settings, loaded), hangup));
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
    if let Some(predecessor) = predecessor {
        predecessor.ready().context("the process before this one does not hear that it may go")?;
        out::say("took over from the process before, which now lets its open answers finish");
    }
    let why = tokio::select! {
        () = &mut serving => "stopping",
        () = stops.next() => "stopping",
        () = succeeded => "a successor serves; stopping",
    };
    gateway.drain();
    systemd::tell(systemd::State::Stopping);
    stop.send(()).unwrap_or_default();
    let grace = watched.borrow().grace;
    out::say(&format!("{why}: open answers may finish within {grace:?}"));
    let code = tokio::select! {
        () = &mut serving => ExitCode::SUCCESS,
        _ = stops.interrupt.recv() => ExitCode::from(130),
        _ = stops.terminate.recv() => ExitCode::from(143),
    };
    // With it go the connections that are left: what they carried ends, and is recorded.
    drop(serving);
    gateway.settled().await;
    gateway.flush();
    Ok(code)
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

/// The socket that a service manager opened, or that the process before this one has, or a new one.
async fn sockets(server: &Server, inherited: Vec<StdListener>) -> anyhow::Result<Sockets> {
    if let Some(listener) = inherited.into_iter().next() {
        listener.set_nonblocking(true)?;
        return Ok(Sockets { listener: TcpListener::from_std(listener)?, predecessor: None });
    }
    if let Some(path) = &server.handover {
        let claimed = Inheritance::claim(Path::new(path));
        let claimed = claimed.with_context(|| format!("server.handover: {path}"))?;
        if let Some(mut predecessor) = claimed {
            let listener = predecessor.listeners.drain(..).next();
            let listener = listener.context("the process before this one has no socket")?;
            return Ok(Sockets { listener, predecessor: Some(predecessor) });
        }
    }
    let listener = transport::bind(server.listen).await?;
    Ok(Sockets { listener, predecessor: None })
}

/// Resolves when a successor has the sockets and serves; never, where none can come.
fn testator(
    server: &Server,
    listener: &TcpListener,
) -> anyhow::Result<impl Future<Output = ()> + use<>> {
    let testator = match &server.handover {
        Some(path) => {
            let testator = Testator::at(Path::new(path), Estate::of(&[listener])?);
            Some(testator.with_context(|| format!("server.handover: {path}"))?)
        }
        None => None,
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
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
