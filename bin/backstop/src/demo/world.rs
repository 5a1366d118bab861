//! Two clouds and the gateway, on loopback.

use super::caller::{self, Ask, Reply, Said};
use super::midway;
use super::scene::{LIMITED, SCENES, STEADY};
use anyhow::Context;
use config::Surroundings;
use drill::Provider;
use drill::provider::{Fault, unused_addr};
use gateway::{Gateway, Setup, Sink};
use std::fmt::Write;
use std::net::SocketAddr;
use tokio::sync::watch;
use transport::{Clock, ListenerSettings, Resolver, Roots, Stopping, Upstream, UpstreamSettings};

/// Everything the demo runs.
#[derive(Debug)]
pub(super) struct World {
    /// `None` while it is gone.
    a: Option<Provider>,
    b: Provider,
    /// Where cloud-a lives, also while it is gone.
    home: SocketAddr,
    front: SocketAddr,
    line: Upstream,
}

/// The demo's configuration asks for nothing outside.
struct Nowhere;

/// The deadlines of a demo: nobody wants to watch ten seconds of silence.
const SETTINGS: &str = r#"
[server]
listen = "127.0.0.1:0"
record = "off"

[deadlines]
patience = "300ms"
patience_whole = "300ms"

[retry]
wait = "200ms"
backoff = "50ms"
reserve = 1000

[breaker]
open = "300ms"
probe = "100ms"
"#;

// === impl World ===

impl World {
    pub(super) async fn start() -> anyhow::Result<Self> {
        let home = unused_addr();
        let a = Provider::named("cloud-a").start_at(home).await.context("cloud-a")?;
        let b = Provider::named("cloud-b").start().await.context("cloud-b")?;
        let text = configuration(home, b.addr());
        let config = config::load(&text, &Nowhere).map_err(|problems| {
            let lines: Vec<String> = problems.iter().map(|it| it.render("the demo")).collect();
            anyhow::anyhow!(lines.join("\n"))
        })?;
        let listener = transport::bind(config.server.listen).await?;
        let front = listener.local_addr()?;
        let setup = Setup {
            config,
            resolver: Resolver::System,
            roots: Roots::native(),
            sink: Sink::new(|_| {}),
            clock: Clock::start(),
        };
        let gateway = Gateway::new(setup)?;
        tokio::spawn(gateway.clone().probe());
        let handler = move |request, peer| gateway.clone().handle(request, peer);
        let (_, settings) = watch::channel(ListenerSettings::default());
        let never = Stopping { asked: std::future::pending(), over: || {} };
        tokio::spawn(transport::serve(listener, settings, handler, never));
        let line = Upstream::new(UpstreamSettings::default())?;
        Ok(Self { a: Some(a), b, home, front, line })
    }

    /// Where the gateway listens.
    pub(super) fn front(&self) -> String {
        format!("http://{}", self.front)
    }

    pub(super) fn address_a(&self) -> String {
        format!("http://{}", self.home)
    }

    pub(super) fn address_b(&self) -> String {
        format!("http://{}", self.b.addr())
    }

    /// Asks the gateway, and hands over the words as they come.
    pub(super) async fn ask(
        &self,
        ask: &Ask,
        word: &mut dyn FnMut(Said<'_>) -> std::io::Result<()>,
    ) -> anyhow::Result<Reply> {
        caller::ask(&self.line, &self.front(), ask, word).await
    }

    /// How many requests cloud-a has seen.
    pub(super) fn asked(&self) -> usize {
        self.a.as_ref().map_or(0, |cloud| cloud.log().len())
    }

    /// Breaks cloud-a for every request, or mends it.
    pub(super) fn set(&self, fault: Option<Fault>) {
        if let Some(cloud) = &self.a {
            cloud.set(fault);
        }
    }

    /// Ends cloud-a: its address refuses connections.
    pub(super) async fn kill(&mut self) {
        if let Some(cloud) = self.a.take() {
            cloud.stop().await;
        }
    }

    /// Starts cloud-a again where it was.
    pub(super) async fn revive(&mut self) -> anyhow::Result<()> {
        self.a = Some(Provider::named("cloud-a").start_at(self.home).await.context("cloud-a")?);
        Ok(())
    }
}

/// A cloud is two sections, one per dialect; a model has a chain in each.
fn configuration(a: SocketAddr, b: SocketAddr) -> String {
    let mut text = SETTINGS.to_owned();
    for (cloud, addr) in [("cloud-a", a), ("cloud-b", b)] {
        for (suffix, dialect) in [("chat", "openai"), ("messages", "anthropic")] {
            // Writing to a string cannot fail.
            write!(
                text,
                "\n[providers.\"{cloud}.{suffix}\"]\ndialect = \"{dialect}\"\n\
                 base_url = \"http://{addr}/v1\"\napi_key = \"literal:demo\"\nlocal = false\n"
            )
            .unwrap_or_default();
        }
    }
    let (steady, words) = STEADY;
    let scenes =
        SCENES.iter().chain([&LIMITED]).map(|scene| (scene.model, scene.order, scene.spare));
    let others = [(steady, words, words), (midway::MODEL, midway::ORDER, midway::SPARE)];
    for (model, order, spare) in scenes.chain(others) {
        write!(
            text,
            "\n[models.\"{model}\"]\nchain = [\"cloud-a.chat/{order}\", \"cloud-b.chat/{spare}\", \
             \"cloud-a.messages/{order}\", \"cloud-b.messages/{spare}\"]\n"
        )
        .unwrap_or_default();
    }
    // The section of the last one goes on.
    text.push_str(midway::SETTINGS);
    text
}

// === impl Nowhere ===

impl Surroundings for Nowhere {
    fn env(&self, _name: &str) -> Option<String> {
        None
    }

    fn file(&self, path: &str) -> Result<String, String> {
        Err(format!("the demo reads no file: {path}"))
    }
}
