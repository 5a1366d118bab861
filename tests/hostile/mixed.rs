//! A million requests of every outcome (R37): what is held after them is what was held after the
//! first hundred thousand.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;
use tokio::time::sleep_until;

use crate::gateway::{Folder, Gateway, Holding};
use crate::http1::{HEAD, Http1, ask, reset, source};
use crate::provider::Provider;
use crate::report::{Report, mb};
use crate::{Bed, talk};

const FIRST: u64 = 100_000;
const ALL: u64 = 1_000_000;
/// Callers at a time.
const LANES: usize = 64;
/// After this, whatever belonged to a request is gone.
const IDLE: Duration = Duration::from_secs(3);
/// Idle connections to providers are kept for a minute, and looked through four times in it.
const UPSTREAM_IDLE: Duration = Duration::from_secs(85);

/// One kind of request.
#[derive(Clone, Debug)]
struct Kind {
    request: Vec<u8>,
    status: u16,
    /// Its caller leaves in the middle of the answer.
    leaves: bool,
}

/// The scenario.
pub(crate) async fn million(bed: &Bed) -> Result<Report> {
    let mut report = Report::default();
    let here = Provider::start(&bed.aside).await?;
    let there = Provider::start(&bed.aside).await?;
    let folder = Folder::new()?;
    let config = format!(
        "{}[providers.there]\ndialect = \"openai\"\nbase_url = \"{}\"\n\
         [models.falls]\nchain = [\"here/half\", \"there/ok\"]\n",
        here.config(""),
        there.base_url(),
    );
    let mut gateway = Gateway::start(bed, &folder, &config).await?;
    let before = gateway.holding()?;
    let began = Instant::now();
    let mut wrong = run(gateway.addr, FIRST).await?;
    let first = rest(&gateway).await?;
    for part in 1..ALL / FIRST {
        wrong += run(gateway.addr, FIRST).await?;
        let now = gateway.holding()?;
        talk(&format!("  {} requests, memory {}", (part + 1) * FIRST, mb(now.rss)));
    }
    let last = rest(&gateway).await?;
    let took = began.elapsed().as_secs().max(1);
    let idle = gateway.returns_to(before.descriptors + 2, UPSTREAM_IDLE).await?;
    let left = gateway.holding()?;
    let rate = ALL / took;
    report.check(wrong == 0, format!("{ALL} requests at {rate}/s, {wrong} not as expected"));
    report.check(
        last.rss <= first.rss + first.rss / 20,
        format!("memory {} after {FIRST}, {} after {ALL}", mb(first.rss), mb(last.rss)),
    );
    report.check(
        idle.is_some() && left.threads <= before.threads + 2,
        format!(
            "descriptors {} before and {} after, threads {} and {}",
            before.descriptors, left.descriptors, before.threads, left.threads
        ),
    );
    gateway.is_well(&mut report)?;
    Ok(report)
}

/// What it holds once its callers are gone.
async fn rest(gateway: &Gateway) -> Result<Holding> {
    sleep_until((Instant::now() + IDLE).into()).await;
    gateway.holding()
}

/// That many requests; how many were not answered as they should be.
async fn run(addr: SocketAddr, count: u64) -> Result<u64> {
    let next = Arc::new(AtomicU64::new(0));
    let kinds: Arc<Vec<Kind>> = Arc::new(kinds());
    let mut lanes = JoinSet::new();
    for nth in 0..LANES {
        let (next, kinds) = (Arc::clone(&next), Arc::clone(&kinds));
        lanes.spawn(async move {
            let mut wrong = 0;
            let mut open = Http1::open(addr, source(nth)).await?;
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                if count <= at {
                    return anyhow::Ok(wrong);
                }
                let kind = usize::try_from(at)? % kinds.len();
                let kind = kinds.get(kind).context("one of them")?;
                let (after, as_expected) = kind.play(open).await?;
                wrong += u64::from(!as_expected);
                open = match after {
                    Some(open) => open,
                    None => Http1::open(addr, source(nth)).await?,
                };
            }
        });
    }
    let mut wrong = 0;
    while let Some(lane) = lanes.join_next().await {
        wrong += lane??;
    }
    Ok(wrong)
}

fn kinds() -> Vec<Kind> {
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n").into_bytes();
    let kind = |request: Vec<u8>, status| Kind { request, status, leaves: false };
    let mut kinds = Vec::new();
    for _ in 0..4 {
        kinds.push(kind(ask("ok", false), 200));
        kinds.push(kind(ask("ok", true), 200));
    }
    kinds.push(kind(ask("falls", false), 200));
    kinds.push(kind(ask("falls", true), 200));
    kinds.push(kind(ask("bad", true), 400));
    kinds.push(kind(format!("{HEAD}content-length: 5\r\n\r\n{{bad}}").into_bytes(), 400));
    kinds.push(kind(get("/v1/nothing"), 404));
    kinds.push(kind(get("/health"), 200));
    kinds.push(kind(get("/v1/models"), 200));
    kinds.push(Kind { leaves: true, ..kind(ask("drip-1000-10", true), 200) });
    kinds
}

// === impl Kind ===

impl Kind {
    /// Plays it on a connection; what is left of that, and whether it was answered as it should be.
    async fn play(&self, mut open: Http1) -> Result<(Option<Http1>, bool)> {
        if self.leaves {
            open.stream.write_all(&self.request).await?;
            let mut first = [0; 12];
            open.stream.read_exact(&mut first).await?;
            reset(open.stream)?;
            return Ok((None, first.ends_with(b" 200")));
        }
        let answer = open.call(&self.request).await?;
        if answer.status == 503 {
            bail!("refused: {}", String::from_utf8_lossy(&answer.body));
        }
        let as_expected = answer.status == self.status;
        let close = answer.head.contains("connection: close");
        Ok(((!close).then_some(open), as_expected))
    }
}
