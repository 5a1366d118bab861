//! Slow readers (R43): a thousand callers that take a byte a second of ten megabytes.

use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;
use tokio::time::{interval, sleep_until};

use crate::Bed;
use crate::crowds::{comes, said};
use crate::good::{Good, Turns};
use crate::http1::{ask, connect, source};
use crate::report::{Report, mb};

const READERS: usize = 1_000;
/// A stream may take this much of memory.
const EACH_MAX: u64 = 128 * 1024;
const REAPED_WITHIN: Duration = Duration::from_mins(1);
/// What the system reads ahead for one.
const RECEIVE: u32 = 4 * 1024;

/// The scenario.
pub(crate) async fn play(bed: &Bed) -> Result<Report> {
    let mut report = Report::default();
    let (provider, _folder, mut gateway) = bed.raise("").await?;
    let good = Good::of(gateway.addr, &bed.aside);
    let calm = good.watch(Duration::from_secs(3)).await;
    let before = gateway.holding()?;
    let began = Instant::now();
    let mut readers = JoinSet::new();
    let request = ask("big-10", true);
    for nth in 0..READERS {
        let mut stream = connect(gateway.addr, source(nth), Some(RECEIVE)).await?;
        stream.write_all(&request).await?;
        readers.spawn(async move {
            let mut ticks = interval(Duration::from_secs(1));
            while stream.read_u8().await.is_ok() {
                ticks.tick().await;
            }
        });
    }
    let held = sleep_until((Instant::now() + Duration::from_secs(5)).into());
    let ((), peak) = gateway.peak(held).await?;
    let attacked = good.watch(Duration::from_secs(3)).await;
    let open = provider.counts.open();
    let each = peak.saturating_sub(before.rss) / READERS as u64;
    report.check(
        each <= EACH_MAX && open == READERS as u64,
        format!("{open} streams, memory {} KB each", each / 1024),
    );
    let taken = provider.counts.sent() / READERS as u64;
    let whole = 10 << 20;
    report.check(taken < whole * 9 / 10, format!("{} of 10.5 MB taken of each", mb(taken)));
    let left = REAPED_WITHIN.saturating_sub(began.elapsed());
    // Up to 64 idle connections are kept to the provider.
    let cancelled = comes(|| provider.counts.open() == 0, left).await;
    let left = REAPED_WITHIN.saturating_sub(began.elapsed());
    let reaped = gateway.returns_to(before.descriptors + 70, left).await?;
    let after = cancelled.and(reaped).map(|_| began.elapsed());
    report.check(after.is_some(), format!("all reaped after {}", said(after)));
    let turns = Turns { calm: vec![calm], attacked: vec![attacked] };
    turns.judge(&mut report, |calm| calm * 2);
    gateway.is_well(&mut report)?;
    Ok(report)
}
