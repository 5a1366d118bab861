//! The "HTTP/2 bomb" (S32): streams with heads that unpack to much, and windows that never open.
//!
//! Each connection opens as many streams as it may, each with hundreds of fields that take one byte
//! on the wire (HPACK), asks for ten megabytes, and lets none of them come, or one byte.

use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::io::AsyncWriteExt;
use tokio::task::JoinSet;
use tokio::time::sleep_until;

use crate::Bed;
use crate::crowds::comes;
use crate::gateway::Gateway;
use crate::good::Good;
use crate::http1::{body, source};
use crate::http2::{DATA, END_HEADERS, END_STREAM, HEADERS, Http2, frame, question};
use crate::report::{Report, mb};

/// What the gateway lets one connection have (its SETTINGS say so).
const STREAMS: u32 = 64;
/// A row of the table that both sides keep; 62 is the newest (RFC 7541 §6.1).
const NEWEST: u8 = 0x80 | 0x3e;
/// When memory is looked at for the last time before streams are reaped.
const HOLD: Duration = Duration::from_secs(8);
/// `server.write_timeout`, its own time included.
const REAPED_WITHIN: Duration = Duration::from_secs(34);

/// What is thrown.
#[derive(Clone, Copy, Debug)]
struct Bomb {
    connections: usize,
    /// Of each stream, in bytes.
    window: u32,
    /// Fields of one byte each on the wire. With more than a hundred it is refused, and the refusal is
    /// held instead.
    fields: usize,
    memory_max: u64,
}

const BOMBS: [Bomb; 6] = [
    Bomb { connections: 1, window: 1, fields: 90, memory_max: 2 << 20 },
    Bomb { connections: 30, window: 0, fields: 90, memory_max: 60 << 20 },
    Bomb { connections: 30, window: 1, fields: 90, memory_max: 60 << 20 },
    Bomb { connections: 50, window: 1, fields: 90, memory_max: 100 << 20 },
    Bomb { connections: 50, window: 0, fields: 235, memory_max: 100 << 20 },
    Bomb { connections: 1000, window: 0, fields: 90, memory_max: 256 << 20 },
];

/// The scenario.
pub(crate) async fn play(bed: &Bed) -> Result<Report> {
    let mut report = Report::default();
    for bomb in BOMBS {
        let Bomb { connections, window, fields, memory_max } = bomb;
        let (provider, _folder, mut gateway) = bed.raise("").await?;
        Good::of(gateway.addr, &bed.aside).watch(Duration::from_secs(1)).await;
        let before = gateway.holding()?;
        let (bombs, peak) = gateway.peak(throw(&gateway, bomb)).await?;
        let bombs = bombs?;
        let grown = peak.saturating_sub(before.rss);
        let each = grown / connections as u64;
        let (open, connections) = (provider.counts.open(), bombs.len());
        report.check(
            grown <= memory_max,
            format!(
                "{connections} connections, window {window}, {fields} fields: {} each, \
                 {open} answers held",
                mb(each)
            ),
        );
        if connections == 30 && window == 1 {
            let opened = u64::from(STREAMS) * connections as u64;
            let reset = reaped(bombs).await;
            comes(|| provider.counts.open() == 0, Duration::from_secs(5)).await;
            let left = provider.counts.open();
            report.check(
                opened <= reset && left == 0,
                format!("{reset} of {opened} streams reset within {REAPED_WITHIN:?}, {left} left"),
            );
        }
        gateway.is_well(&mut report)?;
    }
    Ok(report)
}

/// Opens the connections with all their streams, and waits while they are held.
async fn throw(gateway: &Gateway, bomb: Bomb) -> Result<Vec<Http2>> {
    let mut throwing = JoinSet::new();
    for nth in 0..bomb.connections {
        let addr = gateway.addr;
        throwing.spawn(async move {
            let Ok(mut http2) = Http2::open(addr, source(nth), bomb.window).await else {
                return Ok(None);
            };
            for stream in 0..STREAMS {
                // It may be closed on us, which is as good a defence as any.
                if http2.stream.write_all(&bomb.stream(stream * 2 + 1)).await.is_err() {
                    break;
                }
            }
            anyhow::Ok(Some(http2))
        });
    }
    let mut open = Vec::new();
    while let Some(thrown) = throwing.join_next().await {
        open.extend(thrown??);
    }
    sleep_until((Instant::now() + HOLD).into()).await;
    Ok(open)
}

/// How many streams are reset in time.
async fn reaped(bombs: Vec<Http2>) -> u64 {
    let until = Instant::now() + REAPED_WITHIN;
    let mut reading = JoinSet::new();
    for mut http2 in bombs {
        reading.spawn(async move { http2.resets(u64::from(STREAMS), until).await });
    }
    reading.join_all().await.into_iter().sum()
}

// === impl Bomb ===

impl Bomb {
    /// One stream: HEADERS that unpack to much, and a question.
    fn stream(self, id: u32) -> Vec<u8> {
        let mut block = question();
        // A field that is remembered (RFC 7541 §6.2.1).
        block.extend([0x40, 1, b'a', 0]);
        block.extend([NEWEST].repeat(self.fields));
        let mut bytes = frame(HEADERS, END_HEADERS, id, &block);
        bytes.extend(frame(DATA, END_STREAM, id, body("big-10", true).as_bytes()));
        bytes
    }
}
