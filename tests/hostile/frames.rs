//! Floods of HTTP/2 frames (S31): each is small, and each costs the other side more than the sender.

use std::time::Duration;

use anyhow::Result;

use crate::Bed;
use crate::gateway::growth;
use crate::good::{Good, Turns, ms};
use crate::http1::source;
use crate::http2::{
    CONTINUATION, DATA, END_HEADERS, Ending, HEADERS, Http2, PING, PRIORITY, RST_STREAM,
    WINDOW_UPDATE, ask, field, frame, question, settings,
};
use crate::report::Report;

/// How long a flood lasts, if nobody ends it.
const FLOOD: Duration = Duration::from_secs(3);
/// The other side must have had enough by then.
const ENOUGH: Duration = Duration::from_secs(1);
/// What one flood may add to memory.
const GROWTH_MAX: u64 = 16 << 20;

/// A flood.
#[derive(Clone, Copy, Debug)]
enum Flood {
    /// Streams that are opened and reset at once (CVE-2023-44487).
    RapidReset,
    /// The same with questions that are complete, so that a provider is asked.
    QuestionsReset,
    /// Streams that the server is made to reset (CVE-2025-8671).
    MadeYouReset,
    /// A head that never ends (CVE-2024-27316).
    Continuation,
    Settings,
    Ping,
    Priority,
    /// DATA without a byte.
    EmptyData,
    /// DATA of one byte.
    SmallData,
    WindowUpdate,
}

const FLOODS: [Flood; 10] = [
    Flood::RapidReset,
    Flood::QuestionsReset,
    Flood::MadeYouReset,
    Flood::Continuation,
    Flood::Settings,
    Flood::Ping,
    Flood::Priority,
    Flood::EmptyData,
    Flood::SmallData,
    Flood::WindowUpdate,
];

/// The scenario.
pub(crate) async fn play(bed: &Bed) -> Result<Report> {
    let mut report = Report::default();
    let (provider, _folder, mut gateway) = bed.raise("").await?;
    let good = Good::of(gateway.addr, &bed.aside);
    let mut calm = vec![good.watch(FLOOD).await];
    let mut attacked = Vec::new();
    for flood in FLOODS {
        let before = gateway.holding()?.rss;
        let asked = provider.counts.asked();
        let http2 = Http2::open(gateway.addr, source(7), 65_535).await?;
        let flooding = gateway.peak(http2.flood(FLOOD, |nth| flood.piece(nth)));
        let (met, flooded) = tokio::join!(good.watch(FLOOD), flooding);
        let (Ending { after, sent }, peak) = flooded?;
        let asked = provider.counts.asked() - asked - met.times.len() as u64;
        attacked.push(met);
        report.check(
            after.is_some_and(|it| it <= ENOUGH) && peak.saturating_sub(before) <= GROWTH_MAX,
            format!(
                "{flood:?}: {} of {sent}, {}{}",
                after.map_or_else(
                    || "not closed".to_owned(),
                    |it| format!("closed after {}", ms(it))
                ),
                growth(before, peak),
                if asked > 0 { format!(", {asked} asked upstream") } else { String::new() },
            ),
        );
    }
    calm.push(good.watch(FLOOD).await);
    Turns { calm, attacked }.judge(&mut report, |calm| calm * 12 / 10);
    gateway.is_well(&mut report)?;
    Ok(report)
}

// === impl Flood ===

impl Flood {
    /// The next bytes of it; many frames at a time, as an attacker would.
    fn piece(self, nth: u64) -> Vec<u8> {
        const MANY: u32 = 64;
        let first = u32::try_from(nth).unwrap_or(u32::MAX / 4096) * MANY;
        let streams = (first..first + MANY).map(|at| at * 2 + 1);
        match self {
            Self::RapidReset => streams
                .flat_map(|id| [frame(HEADERS, END_HEADERS, id, &question()), cancel(id)].concat())
                .collect(),
            Self::QuestionsReset => {
                streams.flat_map(|id| [ask(id, "slow-50"), cancel(id)].concat()).collect()
            }
            Self::MadeYouReset => streams
                .flat_map(|id| [ask(id, "slow-50"), frame(WINDOW_UPDATE, 0, id, &[0; 4])].concat())
                .collect(),
            Self::Continuation if nth == 0 => frame(HEADERS, 0, 1, &question()),
            Self::Continuation => {
                frame(CONTINUATION, 0, 1, &field("a", &"b".repeat(100))).repeat(64)
            }
            Self::Settings => settings(65_535).repeat(64),
            Self::Ping => frame(PING, 0, 0, &[0; 8]).repeat(64),
            Self::Priority => frame(PRIORITY, 0, 1, &[0, 0, 0, 3, 16]).repeat(64),
            Self::EmptyData | Self::SmallData | Self::WindowUpdate if nth == 0 => {
                frame(HEADERS, END_HEADERS, 1, &question())
            }
            Self::EmptyData => frame(DATA, 0, 1, &[]).repeat(64),
            Self::SmallData => frame(DATA, 0, 1, b" ").repeat(64),
            Self::WindowUpdate => frame(WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1]).repeat(64),
        }
    }
}

/// `RST_STREAM` with CANCEL.
fn cancel(stream: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &[0, 0, 0, 8])
}
