//! Retry storms (R8): every provider is down, or answers two of five, and many ask.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::Bed;
use crate::LATENCY_FLOOR;
use crate::gateway::{Folder, Gateway};
use crate::good::{Met, ms};
use crate::http1::{Http1, ask, source};
use crate::provider::Provider;
use crate::report::Report;

/// Connections that ask, and how often each does: 2 000 requests a second, where the machine can.
const LANES: usize = 100;
const EVERY: Duration = Duration::from_millis(50);
const DURING: Duration = Duration::from_secs(6);
/// Until then breakers may still be closed.
const SETTLED: Duration = Duration::from_secs(2);
/// Extra attempts: a share of requests in tenths, and a reserve (`retry.ratio`, `retry.reserve`).
const EXTRA_TENTHS: u64 = 2;
const RESERVE: u64 = 10;
/// The reserve fills again within a minute.
const FILLED_MEANWHILE: u64 = 2;
/// How quick an answer is once breakers are open.
const QUICK: Duration = Duration::from_millis(50);

/// What came of a storm.
struct Storm {
    requests: u64,
    attempts: u64,
    good: u64,
    settled: Met,
}

/// Both providers answer 503 to everything.
pub(crate) async fn all_down(bed: &Bed) -> Result<Report> {
    let mut report = Report::default();
    let models = "[models.storm]\nchain = [\"here/down\", \"there/down\"]\n";
    let storm = storm(bed, models, &mut report).await?;
    let p99 = storm.settled.p99();
    report.check(p99 <= QUICK.max(LATENCY_FLOOR), format!("p99 {} with breakers open", ms(p99)));
    Ok(report)
}

/// The only provider answers 503 to three of five, and a breaker that never opens leaves it to the
/// budget alone. (To go on to the next target costs nothing, while its breaker is closed.)
pub(crate) async fn half_down(bed: &Bed) -> Result<Report> {
    let mut report = Report::default();
    let models = "[models.storm]\nchain = [\"here/half\"]\n\
                  [breaker]\nfailures = 1000\nsuccess_rate = 0.0\n";
    let storm = storm(bed, models, &mut report).await?;
    report.check(storm.good > 0, format!("{} answered well", storm.good));
    Ok(report)
}

async fn storm(bed: &Bed, models: &str, report: &mut Report) -> Result<Storm> {
    let here = Provider::start(&bed.aside).await?;
    let there = Provider::start(&bed.aside).await?;
    let folder = Folder::new()?;
    let config = format!(
        "{}[providers.there]\ndialect = \"openai\"\nbase_url = \"{}\"\n\
         {models}",
        here.config(""),
        there.base_url(),
    );
    let mut gateway = Gateway::start(bed, &folder, &config).await?;
    let mut lanes = JoinSet::new();
    for nth in 0..LANES {
        lanes.spawn(lane(gateway.addr, nth));
    }
    let mut storm = Storm { requests: 0, attempts: 0, good: 0, settled: Met::default() };
    let mut broken = Vec::new();
    while let Some(lane) = lanes.join_next().await {
        let (requests, good, met) = lane?;
        storm.requests += requests;
        storm.good += good;
        storm.settled.times.extend(met.times);
        broken.extend(met.wrong);
    }
    storm.attempts = here.counts.asked() + there.counts.asked();
    let allowed = storm.requests * (10 + EXTRA_TENTHS) / 10 + RESERVE + FILLED_MEANWHILE;
    report.check(
        0 < storm.attempts && storm.attempts <= allowed,
        format!("{} requests, {} attempts, {allowed} allowed", storm.requests, storm.attempts),
    );
    let first = broken.first().cloned().unwrap_or_default();
    report.check(broken.is_empty(), format!("{} without an answer {first}", broken.len()));
    gateway.is_well(report)?;
    Ok(storm)
}

/// Asks at a steady pace: how often, how often in vain, and how long it took once all had settled.
async fn lane(addr: SocketAddr, nth: usize) -> (u64, u64, Met) {
    let (mut requests, mut good, mut met) = (0, 0, Met::default());
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let request = ask("storm", nth.is_multiple_of(2));
    let began = Instant::now();
    let mut open = None;
    while began.elapsed() < DURING {
        ticks.tick().await;
        requests += 1;
        let asked = Instant::now();
        let calling = async {
            let mut http1 = match open.take() {
                Some(http1) => http1,
                None => Http1::open(addr, source(nth)).await?,
            };
            let answer = http1.call(&request).await?;
            anyhow::Ok((http1, answer))
        };
        match calling.await {
            Ok((http1, answer)) => {
                good += u64::from(answer.is_good());
                open = Some(http1);
                if SETTLED < began.elapsed() {
                    met.times.push(asked.elapsed());
                }
            }
            Err(error) => met.wrong.push(format!("{error:#}")),
        }
    }
    (requests, good, met)
}
