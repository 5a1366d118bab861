//! `backstop serve`.

use crate::around;
use crate::cli::ConfigArgs;
use crate::{banner, out, sink};
use anyhow::Context;
use gateway::{Gateway, Setup};
use std::process::ExitCode;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use transport::{Clock, ListenerSettings, Resolver, Roots};

/// Serves until a signal, then lets open answers finish; a second signal ends at once.
pub(crate) async fn run(args: &ConfigArgs) -> anyhow::Result<ExitCode> {
    let clock = Clock::start();
    let Some(loaded) = around::load(args).await? else { return Ok(ExitCode::from(2)) };
    around::say_all(loaded.path.as_deref(), &loaded.config.warnings);
    let sink = sink::open(&loaded.config.server.record)?;
    let listener = transport::bind(loaded.config.server.listen).await?;
    let listen = listener.local_addr().unwrap_or(loaded.config.server.listen);
    let banner = banner::text(&loaded.config, loaded.path.as_deref(), listen);
    let server = loaded.config.server.clone();
    let setup = Setup {
        config: loaded.config,
        resolver: Resolver::System,
        roots: Roots::native(),
        sink,
        clock,
    };
    let gateway = Gateway::new(setup).context("the gateway does not start")?;
    tokio::spawn(gateway.clone().probe());
    // Before anybody is told that it serves: whoever waits for that may stop it at once.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::spawn(hangups(signal(SignalKind::hangup())?));
    out::say(&banner);

    let settings = ListenerSettings {
        connections_max: usize::try_from(server.connections_max).unwrap_or(usize::MAX),
        head_timeout: server.head_timeout,
        ..ListenerSettings::default()
    };
    let (stop, stopped) = oneshot::channel::<()>();
    let handler = {
        let gateway = gateway.clone();
        move |request, peer| gateway.clone().handle(request, peer)
    };
    let stopping = async { stopped.await.unwrap_or_default() };
    let mut serving =
        Box::pin(transport::serve(listener, settings, handler, stopping, server.grace));
    tokio::select! {
        () = &mut serving => {}
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    gateway.drain();
    stop.send(()).unwrap_or_default();
    out::say(&format!("stopping: open answers may finish within {:?}", server.grace));
    let code = tokio::select! {
        () = &mut serving => ExitCode::SUCCESS,
        _ = interrupt.recv() => ExitCode::from(130),
        _ = terminate.recv() => ExitCode::from(143),
    };
    // With it go the connections that are left: what they carried ends, and is recorded.
    drop(serving);
    gateway.settled().await;
    gateway.flush();
    Ok(code)
}

/// A terminal that closes, or a habit from other servers, must not end the service.
async fn hangups(mut hangup: Signal) {
    while hangup.recv().await.is_some() {
        out::say("SIGHUP: this version does not reload its configuration; restart it instead");
    }
}
