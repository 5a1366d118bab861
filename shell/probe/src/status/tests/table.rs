//! Every format in every trap: `docs/status-pages.md` is made here, and held.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use bytes::Bytes;
use ir::evidence::{Level, Page};
use tokio::sync::Mutex;

use super::scenes::{DAY, How, Listing, MINUTE, NOW, PROSE, SCENE, Scene, body, row, utf16};
use crate::status::{Body, Format, Get, Got, Reader, Trouble};

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/status-pages.md");

/// The last ones of both lists: whoever adds one after them adds its cells.
const LAST: (usize, usize) = (Trap::NotModified as usize, Format::Feed as usize);

/// What can come in place of good news.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Trap {
    Healthy,
    OursDegraded,
    OtherDegraded,
    OursMajor,
    OursMaintenance,
    OursAnnounced,
    ProseUntil,
    ProseUnresolved,
    ProseNotYet,
    ProsePromise,
    Notice,
    UnknownWord,
    NothingListed,
    Renamed,
    Repeated,
    FutureStart,
    Negative,
    Stale,
    Ahead,
    Html,
    Truncated,
    Utf16,
    Utf8Mark,
    BadEncoding,
    AnotherKind,
    TooLarge,
    CutBody,
    SlowDrip,
    MovedToPage,
    Moved,
    Challenge,
    ServerError,
    NotModified,
}

/// What has to come of a trap, whatever the format.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Due {
    Well,
    Unwell,
    Unknown,
    /// Either unwell or unknown.
    NotWell,
    /// Either well or unknown.
    NotUnwell,
    /// As the format has it; the table tells.
    Any,
}

/// Says what comes, in turns.
struct Fake {
    turns: Mutex<Vec<Got>>,
    silent: bool,
}

// === impl Trap ===

impl Trap {
    const ALL: [Self; 33] = [
        Self::Healthy,
        Self::OursDegraded,
        Self::OtherDegraded,
        Self::OursMajor,
        Self::OursMaintenance,
        Self::OursAnnounced,
        Self::ProseUntil,
        Self::ProseUnresolved,
        Self::ProseNotYet,
        Self::ProsePromise,
        Self::Notice,
        Self::UnknownWord,
        Self::NothingListed,
        Self::Renamed,
        Self::Repeated,
        Self::FutureStart,
        Self::Negative,
        Self::Stale,
        Self::Ahead,
        Self::Html,
        Self::Truncated,
        Self::Utf16,
        Self::Utf8Mark,
        Self::BadEncoding,
        Self::AnotherKind,
        Self::TooLarge,
        Self::CutBody,
        Self::SlowDrip,
        Self::MovedToPage,
        Self::Moved,
        Self::Challenge,
        Self::ServerError,
        Self::NotModified,
    ];

    fn row(self) -> (&'static str, Due) {
        match self {
            Self::Healthy => ("all is well", Due::Well),
            Self::OursDegraded => ("what is used here is degraded", Due::Unwell),
            Self::OtherDegraded => ("something else is degraded", Due::Any),
            Self::OursMajor => ("what is used here is down", Due::Unwell),
            Self::OursMaintenance => ("planned work on it", Due::Unwell),
            Self::OursAnnounced => ("an incident about it, which is called well", Due::Any),
            Self::ProseUntil => ("prose: errors until it is resolved", Due::NotWell),
            Self::ProseUnresolved => ("prose: it remains unresolved", Due::NotWell),
            Self::ProseNotYet => ("prose: it has not recovered yet", Due::NotWell),
            Self::ProsePromise => ("prose: expected to be mitigated by then", Due::NotWell),
            Self::Notice => ("degraded for a notice about limits or bills", Due::NotUnwell),
            Self::UnknownWord => ("a word that nobody knows", Due::Unknown),
            Self::NothingListed => ("no components, or no entries", Due::NotUnwell),
            Self::Renamed => ("the component has another id", Due::Unknown),
            Self::Repeated => ("everything comes twice", Due::Unwell),
            Self::FutureStart => ("an incident begins in the future", Due::Unwell),
            Self::Negative => ("an incident was told before it began", Due::Unwell),
            Self::Stale => ("nothing has changed for a year", Due::Unknown),
            Self::Ahead => ("it was changed next month", Due::Unknown),
            Self::Html => ("a web page in its place", Due::Unknown),
            Self::Truncated => ("the document ends early", Due::Unknown),
            Self::Utf16 => ("UTF-16 with its mark", Due::Well),
            Self::Utf8Mark => ("UTF-8 with a mark", Due::Well),
            Self::BadEncoding => ("UTF-16 that ends within a character", Due::Unknown),
            Self::AnotherKind => ("a sound document of another kind", Due::Unknown),
            Self::TooLarge => ("a body of 50 MB", Due::Unknown),
            Self::CutBody => ("the body is cut", Due::Unknown),
            Self::SlowDrip => ("a byte now and then", Due::Unknown),
            Self::MovedToPage => ("a redirect to a web page elsewhere", Due::Unknown),
            Self::Moved => ("a redirect to the document elsewhere", Due::Well),
            Self::Challenge => ("403 with a challenge", Due::Unknown),
            Self::ServerError => ("500", Due::Unknown),
            Self::NotModified => ("304, five minutes later", Due::Well),
        }
    }

    /// What the page says.
    fn scene(self) -> Scene {
        let degraded = Scene { ours: How::Degraded, ..SCENE };
        match self {
            Self::OursDegraded => degraded,
            Self::OtherDegraded => Scene { other: How::Degraded, ..SCENE },
            Self::OursMajor => Scene { ours: How::Major, ..SCENE },
            Self::OursMaintenance => Scene { ours: How::Maintenance, ..SCENE },
            Self::OursAnnounced => Scene { listing: Listing::Announced, ..SCENE },
            Self::ProseUntil => Scene { prose: Some(PROSE[0]), ..degraded },
            Self::ProseUnresolved => Scene { prose: Some(PROSE[1]), ..degraded },
            Self::ProseNotYet => Scene { prose: Some(PROSE[2]), ..degraded },
            Self::ProsePromise => Scene { prose: Some(PROSE[3]), ..degraded },
            Self::Notice => Scene { title: "Usage limits change in October", ..degraded },
            Self::UnknownWord => Scene { ours: How::Odd, ..SCENE },
            Self::NothingListed => Scene { listing: Listing::Nothing, ..SCENE },
            Self::Renamed => Scene { listing: Listing::Renamed, ..SCENE },
            Self::Repeated => Scene { listing: Listing::Twice, ..degraded },
            Self::FutureStart => Scene { since: NOW + 20 * 60 * MINUTE, ..degraded },
            Self::Negative => Scene { told: NOW - 3 * DAY, ..degraded },
            Self::Stale => {
                let then = NOW - 365 * DAY;
                Scene { changed: then, since: then, told: then, ..SCENE }
            }
            Self::Ahead => Scene { changed: NOW + 30 * DAY, ..SCENE },
            Self::Healthy
            | Self::Html
            | Self::Truncated
            | Self::Utf16
            | Self::Utf8Mark
            | Self::BadEncoding
            | Self::AnotherKind
            | Self::TooLarge
            | Self::CutBody
            | Self::SlowDrip
            | Self::MovedToPage
            | Self::Moved
            | Self::Challenge
            | Self::ServerError
            | Self::NotModified => SCENE,
        }
    }

    /// What comes, in turns; absent where the format cannot come to it.
    fn turns(self, format: Format) -> Option<Vec<Got>> {
        let said = body(format, &self.scene())?;
        let html = "<!doctype html><html><body>All systems operational</body></html>";
        let challenge = "<html><title>Just a moment...</title><script src='/_cf_chl'></script>";
        let away = Got { location: Some("https://elsewhere.example/x".into()), ..got(301, b"") };
        Some(match self {
            Self::Html => vec![got(200, html.as_bytes())],
            Self::Truncated => vec![got(200, said.get(..said.len() / 2 * 2 - 8)?)],
            Self::Utf16 => vec![got(200, &utf16(&text(format, &said), false))],
            Self::Utf8Mark => vec![got(200, format!("\u{feff}{}", text(format, &said)).as_bytes())],
            Self::BadEncoding => {
                let wide = utf16(&text(format, &said), true);
                vec![got(200, wide.get(..wide.len() - 1)?)]
            }
            Self::AnotherKind => vec![got(200, another(format).as_bytes())],
            Self::TooLarge => vec![Got { body: Body::TooLarge, ..got(200, b"") }],
            Self::CutBody => vec![Got { body: Body::Cut, ..got(200, b"") }],
            Self::MovedToPage => vec![away, got(200, html.as_bytes())],
            Self::Moved => vec![away, got(200, &said)],
            Self::Challenge => vec![got(403, challenge.as_bytes())],
            Self::ServerError => vec![got(500, &said)],
            Self::NotModified => {
                let tagged = Got { etag: Some("\"1\"".into()), ..got(200, &said) };
                vec![tagged, got(304, b"")]
            }
            Self::Healthy
            | Self::OursDegraded
            | Self::OtherDegraded
            | Self::OursMajor
            | Self::OursMaintenance
            | Self::OursAnnounced
            | Self::ProseUntil
            | Self::ProseUnresolved
            | Self::ProseNotYet
            | Self::ProsePromise
            | Self::Notice
            | Self::UnknownWord
            | Self::NothingListed
            | Self::Renamed
            | Self::Repeated
            | Self::FutureStart
            | Self::Negative
            | Self::Stale
            | Self::Ahead
            | Self::SlowDrip => vec![got(200, &said)],
        })
    }
}

/// Formats in which a state is a field, and no prose.
const WITHOUT_PROSE: [Format; 12] = [
    Format::Statuspage,
    Format::IncidentIo,
    Format::IncidentIoWidget,
    Format::IncidentIoProxy,
    Format::BetterStack,
    Format::Instatus,
    Format::InstatusComponents,
    Format::Rootly,
    Format::Datadog,
    Format::Cloudflare,
    Format::Google,
    Format::Aws,
];

/// Formats that cannot come to a trap, because they have no components, times, titles or words for it.
fn cannot(trap: Trap) -> &'static [Format] {
    match trap {
        Trap::OursMaintenance => &[Format::Google, Format::Aws, Format::Azure],
        Trap::OursAnnounced => &[
            Format::InstatusComponents,
            Format::Xai,
            Format::Google,
            Format::Aws,
            Format::Azure,
            Format::Feed,
        ],
        Trap::ProseUntil | Trap::ProseUnresolved | Trap::ProseNotYet | Trap::ProsePromise => {
            &WITHOUT_PROSE
        }
        Trap::Notice => &[Format::InstatusComponents],
        Trap::UnknownWord => &[Format::Azure, Format::Feed],
        Trap::NothingListed => &[Format::IncidentIoWidget, Format::Instatus, Format::Rootly],
        Trap::Renamed => &[
            Format::IncidentIoWidget,
            Format::Instatus,
            Format::Rootly,
            Format::Xai,
            Format::Google,
            Format::Aws,
            Format::Azure,
            Format::Feed,
        ],
        Trap::Stale | Trap::Ahead => &[
            Format::IncidentIoWidget,
            Format::IncidentIoProxy,
            Format::Instatus,
            Format::Datadog,
            Format::Aws,
        ],
        Trap::Healthy
        | Trap::OursDegraded
        | Trap::OtherDegraded
        | Trap::OursMajor
        | Trap::Repeated
        | Trap::FutureStart
        | Trap::Negative
        | Trap::Html
        | Trap::Truncated
        | Trap::Utf16
        | Trap::Utf8Mark
        | Trap::BadEncoding
        | Trap::AnotherKind
        | Trap::TooLarge
        | Trap::CutBody
        | Trap::SlowDrip
        | Trap::MovedToPage
        | Trap::Moved
        | Trap::Challenge
        | Trap::ServerError
        | Trap::NotModified => &[],
    }
}

/// Something sound that is no status page.
fn another(format: Format) -> &'static str {
    match format {
        Format::Xai | Format::Azure | Format::Feed => {
            "<rss version=\"2.0\"><channel><title>Blog</title><item><title>Hello</title>\
             <pubDate>Thu, 03 Sep 2026 10:00:00 GMT</pubDate></item></channel></rss>"
        }
        Format::Statuspage
        | Format::IncidentIo
        | Format::IncidentIoWidget
        | Format::IncidentIoProxy
        | Format::BetterStack
        | Format::Instatus
        | Format::InstatusComponents
        | Format::Rootly
        | Format::Datadog
        | Format::Cloudflare
        | Format::Google
        | Format::Aws => "{\"status\": \"operational\", \"none\": [], \"UP\": \"OPERATIONAL\"}",
    }
}

/// A fixture as text.
fn text(format: Format, said: &[u8]) -> String {
    if format == Format::Aws {
        let units = said.chunks_exact(2).skip(1).map(|it| u16::from_be_bytes([it[0], it[1]]));
        return String::from_utf16(&units.collect::<Vec<_>>()).unwrap();
    }
    String::from_utf8(said.to_vec()).unwrap()
}

pub(super) fn got(status: u16, body: &[u8]) -> Got {
    Got {
        status,
        location: None,
        etag: None,
        content_type: String::new(),
        challenged: false,
        body: Body::Whole(Bytes::copy_from_slice(body)),
    }
}

impl Get for Fake {
    async fn get(&self, _url: &str, _etag: Option<&str>) -> Result<Got, Trouble> {
        if self.silent {
            std::future::pending::<()>().await;
        }
        let mut turns = self.turns.lock().await;
        if turns.is_empty() {
            return Err(Trouble("no connection".to_owned()));
        }
        Ok(turns.remove(0))
    }
}

/// What a reader makes of a trap; absent where the format cannot come to it.
async fn reading(format: Format, trap: Trap) -> Option<Page> {
    let turns = trap.turns(format)?;
    let again = trap == Trap::NotModified;
    let fake = Fake { turns: Mutex::new(turns), silent: trap == Trap::SlowDrip };
    let mut reader = Reader::new(&row(format), None);
    let first = reader.read(&fake, NOW).await;
    Some(if again { reader.read(&fake, NOW + 5 * MINUTE).await } else { first })
}

/// What holds for every format.
fn check(format: Format, trap: Trap, page: &Page) {
    let at = format!("{} × {trap:?}: {page:?}", format.word());
    assert_eq!(page.level.is_none(), page.unknown.is_some(), "{at}");
    let well = page.level == Some(Level::Operational);
    let unwell = page.level.is_some() && !well;
    match trap.row().1 {
        Due::Well => assert!(well, "{at}"),
        Due::Unwell => assert!(unwell, "{at}"),
        Due::Unknown => assert_eq!(page.level, None, "{at}"),
        Due::NotWell => assert!(!well, "{at}"),
        Due::NotUnwell => assert!(!unwell, "{at}"),
        Due::Any => {}
    }
    for incident in &page.incidents {
        assert!(incident.since_unix_ms.is_none_or(|since| since <= NOW), "{at}");
        assert!(incident.since_unix_ms <= incident.told_unix_ms, "{at}");
        assert_eq!(incident.notice, trap == Trap::Notice, "{at}");
    }
    let ids: BTreeSet<&str> = page.incidents.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(ids.len(), page.incidents.len(), "{at}");
    assert_eq!(page.age_s, if trap == Trap::NotModified { 300 } else { 0 }, "{at}");
}

#[tokio::test(start_paused = true)]
async fn every_format_in_every_trap() {
    assert!(Trap::ALL.iter().enumerate().all(|(at, trap)| *trap as usize == at));
    assert!(Format::ALL.iter().enumerate().all(|(at, format)| *format as usize == at));
    assert_eq!((Trap::ALL.len(), Format::ALL.len()), (LAST.0 + 1, LAST.1 + 1));
    let mut cells = String::new();
    let mut reasons: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for trap in Trap::ALL {
        write!(cells, "| {} |", trap.row().0).unwrap();
        for format in Format::ALL {
            let word = if let Some(page) = reading(format, trap).await {
                check(format, trap, &page);
                assert!(!cannot(trap).contains(&format), "{trap:?} × {}", format.word());
                if let Some(why) = page.unknown {
                    let why = why.replace(format.word(), "…");
                    reasons.entry(trap.row().0.to_owned()).or_default().insert(why);
                }
                page.level.map_or("**?**", Level::word)
            } else {
                assert!(cannot(trap).contains(&format), "{trap:?} × {}", format.word());
                "·"
            };
            write!(cells, " {word} |").unwrap();
        }
        cells.push('\n');
    }
    hold(&page(&cells, &reasons));
}

fn page(cells: &str, reasons: &BTreeMap<String, BTreeSet<String>>) -> String {
    let mut page = HEAD.to_owned();
    let names = Format::ALL.map(Format::word).join(" | ");
    writeln!(page, "| what comes | {names} |\n|---|{}", "---|".repeat(Format::ALL.len())).unwrap();
    page += cells;
    page += REASONS;
    for (trap, whys) in reasons {
        let whys: Vec<&str> = whys.iter().map(String::as_str).collect();
        writeln!(page, "| {trap} | {} |", whys.join("<br>")).unwrap();
    }
    page
}

fn hold(page: &str) {
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(DOCUMENT, page).unwrap();
    }
    let held = std::fs::read_to_string(DOCUMENT).unwrap_or_default();
    assert!(held == page, "docs/status-pages.md is old: run BLESS=1 cargo test -p backstop-probe");
}

const HEAD: &str = "\
<!-- Made by `status::tests::table`; `BLESS=1 cargo test -p backstop-probe` rewrites it. -->

# How status pages are read

A status page is a weak witness: it is late, and it moves. So whatever cannot be read is unknown, and
never well and never down; and a page is well only where it says so in so many words. Which provider
has which page stands in `shell/probe/data/pages.toml`, with the day on which each row was last checked.

One row per situation, one column per format; `**?**` is unknown, `·` cannot come to pass in that
format. Things are told apart by their ids, never by titles. `instatus`, `rootly` and `feed` know only
the page as a whole, and the reading says so.

- What is unwell counts although something else is unknown: it can only be worse. What is well counts
  only if nothing is unknown.
- Notices (limits, bills, farewells) are shown and never count. Where a component is marked for nothing
  else, the page is unknown.
- A page whose newest change is more than 180 days old was left behind, and one that was changed more
  than a day from now is wrong: both are unknown. Formats without times are not judged by them.
- An empty list of AWS is good news in UTF-16 with its mark and where AWS was expected, and an empty
  feed of Azure is; no other emptiness is.
- Of prose only a label is believed: at the start of an update, behind `Status:`, or at an end of a
  title. That it is over is believed only where nothing but dates, names and usual sentences of an end
  (\"This incident has been resolved.\") stand beside it, and older updates below their dates. With any
  other word, number, bracket or language beside it the feed is unknown, for a week after the entry, and
  longer if it is the newest one. What Azure lists is open unless its title or its `Status:` says that it
  is resolved.
- A page may take 5 s in all, 2 MiB and 3 redirects, from https to https only.

";

const REASONS: &str = "
## What is said of the unknown

`…` is the name of the format.

| what comes | reasons |
|---|---|
";
