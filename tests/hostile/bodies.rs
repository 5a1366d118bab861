//! Bodies without measure: a gigabyte, fifty at once (S20); sixteen megabytes beside small
//! questions (R42).

use std::cell::Cell;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Result;
use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::Bed;
use crate::good::{Good, Turns, ms};
use crate::http1::{HEAD, Http1, connect, source};
use crate::report::{Report, mb};

const BODY: u64 = 1 << 30;
const AT_ONCE: usize = 50;
const PIECE: usize = 64 * 1024;
/// One body may be as large as `server.body_max`, 32 MiB, while no other comes; and what goes with it.
const GROWTH_MAX: u64 = 40 << 20;
const LARGE: usize = 16 << 20;

/// How one is told that its body is too large.
#[derive(Debug)]
struct Refused {
    status: Option<u16>,
    after: Duration,
    sent: u64,
}

/// Fifty bodies of a gigabyte at once, with their length announced, then in chunks.
pub(crate) async fn huge(bed: &Bed) -> Result<Report> {
    let mut report = Report::default();
    for announced in [true, false] {
        let (_provider, _folder, mut gateway) = bed.raise("").await?;
        let good = Good::of(gateway.addr, &bed.aside);
        good.watch(Duration::from_secs(1)).await;
        let before = gateway.holding()?.rss;
        let sending = timeout(Duration::from_secs(20), send_all(gateway.addr, announced));
        let (refused, peak) = gateway.peak(sending).await?;
        let refused = refused??;
        let mut statuses: Vec<_> = refused.iter().filter_map(|it| it.status).collect();
        let told = statuses.iter().filter(|status| [413, 503].contains(*status)).count();
        statuses.sort_unstable();
        statuses.dedup();
        let longest = refused.iter().map(|it| it.after).max().unwrap_or_default();
        let most = refused.iter().map(|it| it.sent).max().unwrap_or_default();
        let how = if announced { "announced" } else { "chunked" };
        report.check(
            told == AT_ONCE && (!announced || longest <= Duration::from_secs(1)),
            format!(
                "{how}: {told} of {AT_ONCE} told {statuses:?} within {}, {} taken at most",
                ms(longest),
                mb(most)
            ),
        );
        let grown = peak.saturating_sub(before);
        report.check(grown <= GROWTH_MAX, format!("memory +{}", mb(grown)));
        let again = || async {
            loop {
                send_all(gateway.addr, announced).await?;
            }
        };
        let turns = Turns::of(&good, Duration::from_secs(2), again).await?;
        turns.judge_failures(&mut report);
        gateway.is_well(&mut report)?;
    }
    Ok(report)
}

/// Fifty at once.
async fn send_all(addr: SocketAddr, announced: bool) -> Result<Vec<Refused>> {
    let mut all = JoinSet::new();
    for nth in 0..AT_ONCE {
        let stream = connect(addr, source(nth), None).await?;
        all.spawn(send(Http1::new(stream), announced));
    }
    Ok(all.join_all().await)
}

/// Sends a gigabyte until it is told not to.
async fn send(http1: Http1, announced: bool) -> Refused {
    let began = Instant::now();
    let (mut read, mut write) = http1.stream.into_split();
    let mut sent = 0;
    let sending = async {
        let (head, piece) = if announced {
            (format!("{HEAD}content-length: {BODY}\r\n\r\n"), " ".repeat(PIECE))
        } else {
            let piece = format!("{PIECE:x}\r\n{}\r\n", " ".repeat(PIECE));
            (format!("{HEAD}transfer-encoding: chunked\r\n\r\n"), piece)
        };
        let mut open = write.write_all(head.as_bytes()).await.is_ok();
        while open && sent < BODY {
            open = write.write_all(piece.as_bytes()).await.is_ok();
            sent += PIECE as u64;
        }
        // Refused; the answer is on its way, or lost.
        std::future::pending::<()>().await;
    };
    let mut head = [0; 12];
    let told = tokio::select! {
        () = sending => false,
        read = read.read_exact(&mut head) => read.is_ok(),
    };
    let status = std::str::from_utf8(&head).ok().and_then(|head| head.get(9..12)?.parse().ok());
    Refused { status: status.filter(|_| told), after: began.elapsed(), sent }
}

/// Questions of sixteen megabytes, one after the other, beside small ones.
pub(crate) async fn beside_small(bed: &Bed) -> Result<Report> {
    let mut report = Report::default();
    let (_provider, _folder, mut gateway) = bed.raise("").await?;
    let good = Good::of(gateway.addr, &bed.aside);
    good.watch(Duration::from_secs(1)).await;
    let request = large();
    let served = Cell::new(0);
    let attack = || {
        let (request, addr) = (request.clone(), gateway.addr);
        let served = &served;
        async move {
            let mut open = Http1::open(addr, source(1)).await?;
            loop {
                let answer = open.call(&request).await?;
                anyhow::ensure!(answer.is_good(), "a large one was answered {}", answer.head);
                served.set(served.get() + 1);
            }
        }
    };
    let turns = Turns::of(&good, Duration::from_secs(5), attack).await?;
    turns.judge(&mut report, |calm| calm + Duration::from_millis(10));
    let served = served.get();
    report.check(served > 0, format!("{served} large ones were served"));
    gateway.is_well(&mut report)?;
    Ok(report)
}

/// A long conversation of short turns, which takes more to read than one long text.
fn large() -> Bytes {
    let turn = r#"{"role":"user","content":"and what do you say to this?"},"#;
    let turns = turn.repeat(LARGE / turn.len());
    let turns = turns.trim_end_matches(',');
    let body = format!("{{\"model\":\"ok\",\"stream\":false,\"messages\":[{turns}]}}");
    format!("{HEAD}content-length: {}\r\n\r\n{body}", body.len()).into()
}
