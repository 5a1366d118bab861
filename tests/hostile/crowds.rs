//! Many connections: that say nothing or little (S29), that come from one address (S30), that
//! vanish at once (R12).

use std::cell::Cell;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{interval, timeout};

use crate::Bed;
use crate::gateway::{Folder, Gateway, growth};
use crate::good::{Good, Met, Turns, ms};
use crate::http1::{HEAD, ask, connect, reset, source};
use crate::provider::Provider;
use crate::report::{Report, mb};

/// Of each kind: silent, with half a head, with a body that does not end.
const EACH: usize = 5_000;
/// Streams that vanish.
const STREAMS: usize = 10_000;
/// Connections that are opened at a time.
const ABREAST: usize = 64;
/// What the system reads ahead for a connection.
const RECEIVE: u32 = 8 * 1024;

/// How a connection of a crowd is slow.
#[derive(Clone, Copy, Debug)]
enum Slow {
    Silent,
    Head,
    Body,
}

/// Slowloris: 15 000 connections that say nothing, or one byte a second of a head or of a body.
pub(crate) async fn slowloris(bed: &Bed) -> Result<Report> {
    let mut report = Report::default();
    let server = "connections_max = 18000\nconnections_per_address = 18000\nbody_timeout = \"10s\"";
    let (_provider, _folder, mut gateway) = bed.raise(server).await?;
    let good = Good::of(gateway.addr, &bed.aside);
    let calm = good.watch(Duration::from_secs(3)).await;
    let before = gateway.holding()?;
    let over = Cell::new(false);
    let attack = async {
        let kinds = [Slow::Silent, Slow::Head, Slow::Body];
        let addr = gateway.addr;
        let mut coming: JoinSet<_> = kinds.map(|slow| slow.crowd(addr)).into_iter().collect();
        let mut crowd = Vec::new();
        while let Some(came) = coming.join_next().await {
            crowd.extend(came??);
        }
        // Good callers and the provider have some.
        let some = before.descriptors + 100;
        let most = gateway.holding()?.descriptors;
        let closed = gateway.returns_to(some, Duration::from_secs(30)).await?;
        drop(crowd);
        anyhow::Ok((most, closed))
    };
    let attack = async {
        let attack = gateway.peak(timeout(Duration::from_mins(1), attack)).await;
        over.set(true);
        attack
    };
    let beside = async {
        let mut met = Met::default();
        while !over.get() {
            met.add(good.watch(Duration::from_secs(2)).await);
        }
        met
    };
    let (attacked, attack) = tokio::join!(beside, attack);
    let (closed, peak) = attack?;
    let (most, closed) = closed.context("15000 connections take more than a minute")??;
    report.check(
        closed.is_some_and(|it| it <= Duration::from_secs(15)),
        format!("{} came, {most} descriptors, all closed after {}", 3 * EACH, said(closed)),
    );
    report.check(peak <= 150 << 20, format!("memory {} ({})", mb(peak), growth(before.rss, peak)));
    let turns = Turns { calm: vec![calm], attacked: vec![attacked] };
    turns.judge(&mut report, |calm| calm * 2);
    gateway.is_well(&mut report)?;
    Ok(report)
}

/// 15 000 connections from one address, of which a hundred are let in.
pub(crate) async fn one_address(bed: &Bed) -> Result<Report> {
    const CAP: usize = 100;
    let mut report = Report::default();
    let server = format!("connections_per_address = {CAP}");
    let (_provider, _folder, mut gateway) = bed.raise(&server).await?;
    let good = Good::of(gateway.addr, &bed.aside);
    good.watch(Duration::from_secs(1)).await;
    let before = gateway.holding()?;
    let (most, tried) = (Cell::new(0), Arc::<AtomicU64>::default());
    let flood = || async {
        let mut flood = JoinSet::new();
        for lane in 0..ABREAST {
            let (addr, tried) = (gateway.addr, Arc::clone(&tried));
            flood.spawn(async move {
                let mut open = Vec::new();
                for _ in (lane..3 * EACH).step_by(ABREAST) {
                    tried.fetch_add(1, Ordering::Relaxed);
                    // Most are reset at once.
                    open.extend(connect(addr, Ipv4Addr::new(127, 0, 2, 1), None).await.ok());
                }
                open
            });
        }
        // Those that were let in stay.
        let mut open = Vec::new();
        let mut ticks = interval(Duration::from_millis(100));
        loop {
            ticks.tick().await;
            open.extend(flood.try_join_next());
            most.set(gateway.holding()?.descriptors.max(most.get()));
        }
    };
    let turns = Turns::of(&good, Duration::from_secs(5), flood).await?;
    turns.judge(&mut report, |calm| calm * 2);
    let tried = tried.load(Ordering::Relaxed);
    let more = most.get().saturating_sub(before.descriptors);
    // Good callers and the provider have some.
    report.check(
        0 < more && more <= CAP + 50,
        format!("{tried} connections from one address, {more} descriptors for them at most"),
    );
    gateway.is_well(&mut report)?;
    Ok(report)
}

/// 10 000 streams whose callers are gone at once, with a reset.
pub(crate) async fn vanishing(bed: &Bed) -> Result<Report> {
    let mut report = Report::default();
    let provider = Provider::start_h2(&bed.aside).await?;
    let folder = Folder::new()?;
    let authority = provider.authority.as_deref().context("it speaks TLS")?;
    let authority = folder.write("authority.pem", authority)?;
    let server = "connections_max = 12000\nrequests_max = 12000\nconnections_per_address = 12000";
    let config = format!("{}[upstream]\nca = {authority:?}\n", provider.config(server));
    let mut gateway = Gateway::start(bed, &folder, &config).await?;
    Good::of(gateway.addr, &bed.aside).watch(Duration::from_secs(1)).await;
    let before = gateway.holding()?;
    let crowd = open(gateway.addr, source, (STREAMS, ask("drip-1000-4000", true))).await?;
    let wanted = STREAMS as u64;
    let all = comes(|| provider.counts.open() == wanted, Duration::from_secs(40)).await;
    let open = provider.counts.open();
    let refused = crowd.iter().filter_map(refusal).collect::<Vec<_>>();
    let first = refused.first().map(|first| format!(", {} refused: {first}", refused.len()));
    report.check(all.is_some(), format!("{open} streams{}", first.unwrap_or_default()));
    let held = gateway.holding()?;
    let vanished = Instant::now();
    for stream in crowd {
        reset(stream)?;
    }
    let took = vanished.elapsed();
    let cancelled = comes(|| provider.counts.open() == 0, Duration::from_secs(20)).await;
    report.check(
        cancelled.is_some_and(|it| it <= Duration::from_secs(1)),
        format!("all cancelled {} after the last reset (they took {})", said(cancelled), ms(took)),
    );
    // Connections to the provider are kept for the next, 100 streams on each.
    let kept = STREAMS / 100 + 20;
    let back = gateway.returns_to(before.descriptors + kept, Duration::from_secs(10)).await?;
    let each = held.rss.saturating_sub(before.rss) / wanted;
    report.check(
        back.is_some(),
        format!("descriptors {} → {} → back {}", before.descriptors, held.descriptors, said(back)),
    );
    report.check(each <= 64 * 1024, format!("memory {} KB a stream", each / 1024));
    gateway.is_well(&mut report)?;
    Ok(report)
}

/// What is there of an answer, if it is not a good one.
fn refusal(stream: &TcpStream) -> Option<String> {
    let mut buffer = [0; 1024];
    let read = stream.try_read(&mut buffer).ok()?;
    let text = String::from_utf8_lossy(buffer.get(..read)?).into_owned();
    let body = text.split("\r\n\r\n").nth(1).unwrap_or_default();
    let head = text.lines().next().unwrap_or_default();
    (!text.starts_with("HTTP/1.1 200")).then(|| format!("{head} {body}"))
}

/// Waits until something holds; how long that took, if it came.
pub(crate) async fn comes(holds: impl Fn() -> bool, within: Duration) -> Option<Duration> {
    let began = Instant::now();
    let mut ticks = interval(Duration::from_millis(10));
    while began.elapsed() < within {
        ticks.tick().await;
        if holds() {
            return Some(began.elapsed());
        }
    }
    None
}

/// A time that may not have come.
pub(crate) fn said(time: Option<Duration>) -> String {
    time.map_or_else(|| "never".to_owned(), ms)
}

// === impl Slow ===

impl Slow {
    /// Many of them, all connected.
    async fn crowd(self, addr: SocketAddr) -> Result<Vec<JoinSet<()>>> {
        let mut lanes = JoinSet::new();
        for lane in 0..ABREAST {
            lanes.spawn(async move {
                let mut crowd = JoinSet::new();
                for nth in (lane..EACH).step_by(ABREAST) {
                    let stream = connect(addr, source(nth), Some(RECEIVE)).await?;
                    crowd.spawn(self.stay(stream));
                }
                anyhow::Ok(crowd)
            });
        }
        let mut all = Vec::new();
        while let Some(lane) = lanes.join_next().await {
            all.push(lane??);
        }
        Ok(all)
    }

    /// Stays until the other side closes.
    async fn stay(self, mut stream: TcpStream) {
        let first = match self {
            Self::Silent => String::new(),
            Self::Head => format!("{HEAD}x-slow: "),
            Self::Body => format!("{HEAD}content-length: 1000\r\n\r\n{{"),
        };
        let mut ticks = interval(Duration::from_secs(1));
        ticks.tick().await;
        let mut buffer = [0; 1024];
        let mut alive = stream.write_all(first.as_bytes()).await.is_ok();
        while alive {
            tokio::select! {
                read = stream.read(&mut buffer) => alive = matches!(read, Ok(1..)),
                _ = ticks.tick() => alive = match self {
                    Self::Silent => true,
                    Self::Head | Self::Body => stream.write_all(b" ").await.is_ok(),
                },
            }
        }
    }
}

/// Opens that many connections, from the addresses that `from` tells, and says something on each.
async fn open(
    addr: SocketAddr,
    from: fn(usize) -> Ipv4Addr,
    (count, says): (usize, Vec<u8>),
) -> Result<Vec<TcpStream>> {
    let mut opening = JoinSet::new();
    for lane in 0..ABREAST {
        let says = says.clone();
        opening.spawn(async move {
            let mut open = Vec::new();
            for nth in (lane..count).step_by(ABREAST) {
                let mut stream = connect(addr, from(nth), Some(RECEIVE)).await?;
                stream.write_all(&says).await?;
                open.push(stream);
            }
            anyhow::Ok(open)
        });
    }
    let mut all = Vec::new();
    while let Some(opened) = opening.join_next().await {
        all.append(&mut opened??);
    }
    Ok(all)
}
