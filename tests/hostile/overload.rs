//! More than it can carry: three times its capacity (R39), and a key that takes ten times its share
//! (R41).
//!
//! Capacity is what the configuration says: 64 requests at a time of 100 ms each.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use parking_lot::Mutex;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::Bed;
use crate::LATENCY_FLOOR;
use crate::gateway::{Folder, Gateway};
use crate::good::{Good, Met, Turns, ms};
use crate::http1::{Answer, Http1, ask, ask_as, source};
use crate::provider::Provider;
use crate::report::Report;

const SERVER: &str = "requests_max = 64\nqueue_max = 32";
const INSIDE: usize = 64;
const MODEL: &str = "slow-100";
const DURING: Duration = Duration::from_secs(5);

/// What open-loop callers met.
#[derive(Debug, Default)]
struct Tally {
    good: u32,
    /// 503 with Retry-After, and how long they took.
    turned_away: Vec<Duration>,
    wrong: Vec<String>,
    idle: Vec<Http1>,
}

/// Three times as many requests as it can carry.
pub(crate) async fn play(bed: &Bed) -> Result<Report> {
    let mut report = Report::default();
    let (provider, _folder, mut gateway) = bed.raise(SERVER).await?;
    let addr = gateway.addr;
    let began = Instant::now();
    let mut lanes = JoinSet::new();
    for nth in 0..INSIDE {
        lanes.spawn(timeout(DURING, closed(addr, nth, ask(MODEL, true))));
    }
    while let Some(ended) = lanes.join_next().await {
        if let Ok(ended) = ended? {
            ended?;
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    let peak = f64::from(u32::try_from(provider.counts.asked())?) / seconds;
    let offered = 3.0 * peak;
    let (tally, probes) = tokio::join!(open_loop(addr, offered), probe(addr));
    let tally = tally?;
    let goodput = f64::from(tally.good) / DURING.as_secs_f64();
    report.check(
        goodput >= 0.9 * peak,
        format!("{goodput:.0}/s of {offered:.0}/s served, {peak:.0}/s at the peak"),
    );
    let away = Met { times: tally.turned_away, wrong: Vec::new() };
    let p99 = away.p99();
    report.check(
        p99 <= LATENCY_FLOOR,
        format!(
            "{} told 503 + Retry-After, p50 {}, p99 {}",
            away.times.len(),
            ms(away.quantile(500)),
            ms(p99)
        ),
    );
    let first = tally.wrong.first().cloned().unwrap_or_default();
    report.check(tally.wrong.is_empty(), format!("{} otherwise {first}", tally.wrong.len()));
    let first = probes.wrong.first().cloned().unwrap_or_default();
    let slowest = probes.quantile(1000);
    report.check(
        probes.wrong.is_empty() && slowest <= Duration::from_millis(100),
        format!("/health and /ready {} times, {} at most {first}", probes.times.len(), ms(slowest)),
    );
    gateway.is_well(&mut report)?;
    Ok(report)
}

/// Asks again and again on one connection.
async fn closed(addr: SocketAddr, nth: usize, request: Vec<u8>) -> Result<()> {
    let mut http1 = Http1::open(addr, source(nth)).await?;
    loop {
        let answer = http1.call(&request).await?;
        if ![200, 503].contains(&answer.status) {
            bail!("answered {}", answer.head);
        }
    }
}

/// Asks at a rate, whether answers come or not.
async fn open_loop(addr: SocketAddr, per_second: f64) -> Result<Tally> {
    let tally = Arc::<Mutex<Tally>>::default();
    let mut ticks = interval(Duration::from_secs_f64(1.0 / per_second));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (began, mut nth, mut all) = (Instant::now(), 0, JoinSet::new());
    while began.elapsed() < DURING {
        ticks.tick().await;
        nth += 1;
        all.spawn(once(addr, nth, Arc::clone(&tally)));
        while all.try_join_next().is_some() {}
    }
    timeout(Duration::from_secs(10), all.join_all()).await.context("answers do not come")?;
    Ok(std::mem::take(&mut *tally.lock()))
}

async fn once(addr: SocketAddr, nth: usize, tally: Arc<Mutex<Tally>>) {
    let idle = tally.lock().idle.pop();
    let calling = async {
        let mut http1 = match idle {
            Some(http1) => http1,
            None => Http1::open(addr, source(nth)).await?,
        };
        let asked = Instant::now();
        let answer = http1.call(&ask(MODEL, true)).await?;
        anyhow::Ok((http1, answer, asked.elapsed()))
    };
    let called = calling.await;
    let mut tally = tally.lock();
    match called {
        Ok((http1, answer, took)) => {
            tally.idle.push(http1);
            if answer.is_good() {
                tally.good += 1;
            } else if is_turned_away(&answer) {
                tally.turned_away.push(took);
            } else {
                tally.wrong.push(answer.status.to_string());
            }
        }
        Err(error) => tally.wrong.push(format!("{error:#}")),
    }
}

fn is_turned_away(answer: &Answer) -> bool {
    answer.status == 503 && answer.head.contains("retry-after:")
}

/// Looks whether it lives, on new connections.
async fn probe(addr: SocketAddr) -> Met {
    let mut met = Met::default();
    let mut ticks = interval(Duration::from_millis(50));
    let began = Instant::now();
    while began.elapsed() < DURING {
        ticks.tick().await;
        for path in ["/health", "/ready"] {
            let request = format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n");
            let asked = Instant::now();
            let from = Ipv4Addr::LOCALHOST;
            match async { Http1::open(addr, from).await?.call(request.as_bytes()).await }.await {
                Ok(answer) if answer.status == 200 => met.times.push(asked.elapsed()),
                Ok(answer) => met.wrong.push(answer.status.to_string()),
                Err(error) => met.wrong.push(format!("{error:#}")),
            }
        }
    }
    met
}

/// One key has twenty times as many callers as the other, more than may be under way.
pub(crate) async fn noisy(bed: &Bed) -> Result<Report> {
    let mut report = Report::default();
    let provider = Provider::start(&bed.aside).await?;
    let folder = Folder::new()?;
    let (noisy, quiet) = (key(bed)?, key(bed)?);
    let config = format!(
        "{}[keys.noisy]\nhash = \"{}\"\n[keys.quiet]\nhash = \"{}\"\n",
        provider.config(SERVER),
        noisy.1,
        quiet.1,
    );
    let mut gateway = Gateway::start(bed, &folder, &config).await?;
    let addr = gateway.addr;
    let good = Good { addr, aside: bed.aside.clone(), key: Some(quiet.0) };
    good.watch(Duration::from_secs(1)).await;
    let request = ask_as(MODEL, true, Some(&noisy.0));
    let noise = || async {
        let mut lanes = JoinSet::new();
        for nth in 0..INSIDE * 5 / 2 {
            lanes.spawn(closed(addr, nth, request.clone()));
        }
        match lanes.join_next().await {
            Some(ended) => ended?,
            None => Ok(()),
        }
    };
    let turns = Turns::of(&good, DURING, noise).await?;
    turns.judge(&mut report, |calm| calm * 12 / 10);
    gateway.is_well(&mut report)?;
    Ok(report)
}

/// A key and its hash.
fn key(bed: &Bed) -> Result<(String, String)> {
    let made = Command::new(&bed.binary).args(["key", "new", "somebody"]).output()?;
    let said = String::from_utf8(made.stderr)?;
    let hash = said.split('"').find(|word| word.starts_with("sha256:")).context("no hash")?;
    Ok((String::from_utf8(made.stdout)?.trim().to_owned(), hash.to_owned()))
}
