//! A day in operation, quickly: a hundred reloads (R14) and twenty handovers (R16) under load.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use parking_lot::Mutex;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep_until, timeout};

use crate::Bed;
use crate::crowds::comes;
use crate::gateway::{Folder, Gateway};
use crate::http1::{Http1, ask, source};
use crate::provider::Provider;
use crate::report::Report;

const RELOADS: usize = 100;
const HANDOVERS: usize = 20;
/// Streams that are open at any time.
const STREAMS: usize = 1_000;

/// How requests ended.
#[derive(Debug, Default)]
struct Ends {
    good: AtomicU64,
    /// What went wrong, the first few of them.
    wrong: Mutex<Vec<String>>,
    /// No more are to begin.
    over: AtomicBool,
}

/// A hundred reloads beside 500 new connections a second.
pub(crate) async fn reloads(bed: &Bed) -> Result<Report> {
    let mut report = Report::default();
    let provider = Provider::start(&bed.aside).await?;
    let folder = Folder::new()?;
    let configs = ["", "head_timeout = \"9s\""].map(|server| provider.config(server));
    let [first, _] = &configs;
    let mut gateway = Gateway::start(bed, &folder, first).await?;
    let ends = Arc::<Ends>::default();
    let load = tokio::spawn(newcomers(gateway.addr, 500, Arc::clone(&ends)));
    let taken_up = |gateway: &Gateway| {
        gateway.count("the configuration changed") + gateway.count("read again")
    };
    let mut pace = interval(Duration::from_millis(100));
    for config in configs.iter().cycle().skip(1).take(RELOADS) {
        pace.tick().await;
        let before = taken_up(&gateway);
        folder.write("backstop.toml", config)?;
        gateway.signal("HUP")?;
        let done = comes(|| before < taken_up(&gateway), Duration::from_secs(5)).await;
        done.context("a reload is not taken up")?;
    }
    let reloads = taken_up(&gateway);
    ends.over.store(true, Ordering::Relaxed);
    load.await??;
    report.check(reloads >= RELOADS, format!("{reloads} reloads"));
    ends.judge("connections", &mut report);
    gateway.is_well(&mut report)?;
    Ok(report)
}

/// Twenty handovers beside 200 new connections a second and a thousand open streams.
pub(crate) async fn handovers(bed: &Bed) -> Result<Report> {
    let mut report = Report::default();
    let provider = Provider::start(&bed.aside).await?;
    let folder = Folder::new()?;
    let config = provider.config(&format!("handover = {:?}", folder.path("handover.sock")));
    let mut serving = Gateway::start(bed, &folder, &config).await?;
    let addr = serving.addr;
    let ends = [Arc::<Ends>::default(), Arc::<Ends>::default()];
    let [newcomers_ends, streams_ends] = &ends;
    let load = tokio::spawn(newcomers(addr, 200, Arc::clone(newcomers_ends)));
    let mut streams = JoinSet::new();
    for nth in 0..STREAMS {
        streams.spawn(stream(addr, nth, Arc::clone(streams_ends)));
    }
    let open = || STREAMS as u64 <= provider.counts.open();
    comes(open, Duration::from_secs(20)).await.context("the streams do not open")?;
    let mut before = Vec::new();
    for _ in 0..HANDOVERS {
        let successor = Gateway::start(bed, &folder, &config).await?;
        before.push(std::mem::replace(&mut serving, successor));
        serving.says("took over").await?;
        sleep_until((Instant::now() + Duration::from_millis(400)).into()).await;
    }
    for ends in &ends {
        ends.over.store(true, Ordering::Relaxed);
    }
    load.await??;
    timeout(Duration::from_secs(30), streams.join_all()).await.context("streams do not end")?;
    newcomers_ends.judge("new connections", &mut report);
    streams_ends.judge("streams", &mut report);
    let mut gone = 0;
    for mut old in before {
        let mut ticks = interval(Duration::from_millis(50));
        let until = Instant::now() + Duration::from_secs(5);
        while old.ended()?.is_none() && Instant::now() < until {
            ticks.tick().await;
        }
        gone += u64::from(old.ended()? == Some(true));
    }
    report
        .check(gone == HANDOVERS as u64, format!("{gone} of {HANDOVERS} predecessors ended well"));
    serving.is_well(&mut report)?;
    Ok(report)
}

/// New connections at this rate, one question on each.
async fn newcomers(addr: SocketAddr, per_second: u32, ends: Arc<Ends>) -> Result<()> {
    let mut ticks = interval(Duration::from_secs(1) / per_second);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut all = JoinSet::new();
    let mut nth = 0;
    while !ends.over.load(Ordering::Relaxed) {
        ticks.tick().await;
        nth += 1;
        all.spawn(one(addr, nth, ask("ok", nth.is_multiple_of(2)), Arc::clone(&ends)));
        while all.try_join_next().is_some() {}
    }
    timeout(Duration::from_secs(20), all.join_all()).await.context("answers do not come")?;
    Ok(())
}

/// Streams of four seconds, one after the other.
async fn stream(addr: SocketAddr, nth: usize, ends: Arc<Ends>) {
    while !ends.over.load(Ordering::Relaxed) {
        one(addr, nth, ask("drip-16-250", true), Arc::clone(&ends)).await;
    }
}

async fn one(addr: SocketAddr, nth: usize, request: Vec<u8>, ends: Arc<Ends>) {
    let asked = async { Http1::open(addr, source(nth)).await?.call(&request).await };
    match asked.await {
        Ok(answer) if answer.is_good() => {
            ends.good.fetch_add(1, Ordering::Relaxed);
        }
        Ok(answer) => ends.wrong.lock().push(format!("answered {}", answer.status)),
        Err(error) => ends.wrong.lock().push(format!("{error:#}")),
    }
}

// === impl Ends ===

impl Ends {
    fn judge(&self, of: &str, report: &mut Report) {
        let (good, wrong) = (self.good.load(Ordering::Relaxed), self.wrong.lock());
        let first = wrong.first().map(|first| format!(" ({first})")).unwrap_or_default();
        let all = good + wrong.len() as u64;
        report.check(
            wrong.is_empty() && good > 0,
            format!("{of}: {} of {all} dropped, reset or refused{first}", wrong.len()),
        );
    }
}
