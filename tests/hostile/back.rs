//! A first target that is down for a minute and comes back (R9), or is ten times as slow for a while
//! (R10), with a second one behind it that is as good as it was.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep_until};

use crate::gateway::{Folder, Gateway};
use crate::good::{Met, ms};
use crate::http1::{Http1, ask, source};
use crate::provider::{Counts, Provider};
use crate::report::Report;
use crate::{Bed, LATENCY_FLOOR};

/// Connections that ask, and how often each does: 100 requests a second.
const LANES: usize = 20;
const EVERY: Duration = Duration::from_millis(200);
/// How long a healthy provider takes, and a slow one.
const WELL_MS: u64 = 100;
const SLOW_MS: u64 = 1000;
/// Enough to know what is usual.
const HEALTHY: Duration = Duration::from_secs(8);
const DOWN: Duration = Duration::from_mins(1);
const SLOW: Duration = Duration::from_secs(30);
/// Until all is as it should be: after its return, and after it became slow.
const WITHIN: Duration = Duration::from_secs(10);
/// What measures a slow one takes turns with what is passed over: it is back a little later.
const BRISK_WITHIN: Duration = Duration::from_secs(20);
const AFTERWARDS: Duration = Duration::from_secs(8);
/// Of so many requests one may be sent to a slow target, or one a second.
const MEASURED_OF: usize = 20;

/// Two providers and a gateway before them, and what callers met.
struct Stage {
    first: Provider,
    second: Provider,
    gateway: Gateway,
    _folder: Folder,
    began: Instant,
    lanes: JoinSet<Vec<Asked>>,
}

/// One request.
struct Asked {
    at: Instant,
    took: Duration,
    /// What went wrong.
    wrong: Option<String>,
}

/// Down for a minute: full traffic within ten seconds, few probes, no herd.
pub(crate) async fn recovery(bed: &Bed) -> Result<Report> {
    let mut report = Report::default();
    let mut stage = Stage::raise(bed, HEALTHY + DOWN + WITHIN + AFTERWARDS).await?;
    let down = stage.began + HEALTHY;
    let back = down + DOWN;
    let first = &stage.first.counts;
    sleep_until(down.into()).await;
    first.down.store(true, Ordering::Relaxed);
    sleep_until(back.into()).await;
    first.down.store(false, Ordering::Relaxed);
    let all = stage.ends().await?;
    judge(&mut report, &all, |_| true);
    let late = seen(&stage.second.counts, back + WITHIN, Instant::now()).len();
    report.check(late == 0, format!("{late} went elsewhere {WITHIN:?} after its return"));
    let probes = stage.first.counts.probes.lock().len();
    let seconds = DOWN.as_secs() + WITHIN.as_secs();
    report.check(
        u64::try_from(probes)? <= seconds,
        format!("{probes} probes in {} s", DOWN.as_secs()),
    );
    let steady = peak(&seen(&stage.first.counts, stage.began, down));
    let herd = peak(&seen(&stage.first.counts, back, Instant::now()));
    report.check(
        0 < herd && herd * 10 <= steady * 12,
        format!("at most {herd} a second came back, {steady} before"),
    );
    stage.gateway.is_well(&mut report)?;
    Ok(report)
}

/// Ten times as slow for half a minute: nobody is lost, and after ten seconds nobody notices.
pub(crate) async fn brown_out(bed: &Bed) -> Result<Report> {
    let mut report = Report::default();
    let lasts = HEALTHY + SLOW + BRISK_WITHIN + AFTERWARDS;
    let mut stage = Stage::raise(bed, lasts).await?;
    let slow = stage.began + HEALTHY;
    let brisk = slow + SLOW;
    let first = &stage.first.counts;
    sleep_until(slow.into()).await;
    first.takes_ms.store(SLOW_MS, Ordering::Relaxed);
    sleep_until(brisk.into()).await;
    first.takes_ms.store(WELL_MS, Ordering::Relaxed);
    let all = stage.ends().await?;
    let met = slow + WITHIN;
    let healthy = judge(&mut report, &all, |at| at < slow).max(LATENCY_FLOOR);
    let during = all.iter().filter(|it| met <= it.at && it.at < brisk);
    let times: Vec<Duration> = during.map(|it| it.took).collect();
    let asked = times.len();
    let p99 = Met { times, wrong: Vec::new() }.p99();
    report.check(
        p99 <= healthy * 3 / 2,
        format!("p99 {} after {WITHIN:?}, {} before", ms(p99), ms(healthy)),
    );
    let sent = seen(&stage.first.counts, met, brisk).len();
    let seconds = usize::try_from(brisk.duration_since(met).as_secs())?;
    report.check(
        sent <= (asked / MEASURED_OF).min(seconds),
        format!("{sent} of {asked} were sent where it is slow"),
    );
    let late = seen(&stage.second.counts, brisk + BRISK_WITHIN, Instant::now()).len();
    report.check(late == 0, format!("{late} went elsewhere {BRISK_WITHIN:?} after it"));
    stage.gateway.is_well(&mut report)?;
    Ok(report)
}

/// When requests came, within a time.
fn seen(counts: &Counts, from: Instant, until: Instant) -> Vec<Instant> {
    let times = counts.times.lock();
    times.iter().copied().filter(|at| from <= *at && *at < until).collect()
}

/// The most that came within any second.
fn peak(times: &[Instant]) -> usize {
    let within = |from: &Instant| {
        let second = *from + Duration::from_secs(1);
        times.iter().filter(|at| from <= *at && **at < second).count()
    };
    times.iter().map(within).max().unwrap_or(0)
}

// === impl Stage ===

impl Stage {
    async fn raise(bed: &Bed, lasts: Duration) -> Result<Self> {
        let (first, second) =
            (Provider::start(&bed.aside).await?, Provider::start(&bed.aside).await?);
        for provider in [&first, &second] {
            provider.counts.takes_ms.store(WELL_MS, Ordering::Relaxed);
        }
        let folder = Folder::new()?;
        let config = format!(
            "{}[providers.there]\ndialect = \"openai\"\nbase_url = \"{}\"\n\
             [models.moody]\nchain = [\"here/moody\", \"there/moody\"]\n",
            first.config(""),
            second.base_url(),
        );
        let gateway = Gateway::start(bed, &folder, &config).await?;
        let began = Instant::now();
        let mut lanes = JoinSet::new();
        for nth in 0..LANES {
            lanes.spawn_on(lane(gateway.addr, nth, began + lasts), &bed.aside);
        }
        Ok(Self { first, second, gateway, _folder: folder, began, lanes })
    }

    async fn ends(&mut self) -> Result<Vec<Asked>> {
        let mut all = Vec::new();
        while let Some(lane) = self.lanes.join_next().await {
            all.extend(lane?);
        }
        Ok(all)
    }
}

/// Nobody was lost; and how long those took that began at some time.
fn judge(report: &mut Report, all: &[Asked], at: impl Fn(Instant) -> bool) -> Duration {
    let wrong: Vec<&String> = all.iter().filter_map(|it| it.wrong.as_ref()).collect();
    let first = wrong.first().map(|first| format!(" ({first})")).unwrap_or_default();
    report.check(
        wrong.is_empty() && !all.is_empty(),
        format!("{} of {} lost{first}", wrong.len(), all.len()),
    );
    let times = all.iter().filter(|it| at(it.at)).map(|it| it.took).collect();
    Met { times, wrong: Vec::new() }.p99()
}

/// Asks at a steady pace until then.
async fn lane(addr: SocketAddr, nth: usize, until: Instant) -> Vec<Asked> {
    let request = ask("moody", nth.is_multiple_of(2));
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut all, mut open) = (Vec::new(), None);
    while Instant::now() < until {
        ticks.tick().await;
        let at = Instant::now();
        let calling = async {
            let mut http1 = match open.take() {
                Some(http1) => http1,
                None => Http1::open(addr, source(nth)).await?,
            };
            let answer = http1.call(&request).await?;
            anyhow::Ok((http1, answer))
        };
        let wrong = match calling.await {
            Ok((http1, answer)) => {
                open = Some(http1);
                (!answer.is_good()).then(|| answer.status.to_string())
            }
            Err(error) => Some(format!("{error:#}")),
        };
        all.push(Asked { at, took: at.elapsed(), wrong });
    }
    all
}
