//! Status pages as they go wrong: what a reader of them must not take for good news, nor for bad.
//!
//! A trap is a site of one page at `/`. What a page says is the caller's; how it comes is this file's.

use bytes::Bytes;
use ir::evidence::Level;
use std::time::{Duration, SystemTime};

use super::http::{Body, Ending, Page, Site};

/// 50 MB of JSON that never ends, a kilobyte at a time.
const HUGE: (usize, u64) = (1024, 50 * 1024);
/// Between two bytes of a page that drips.
const DRIP: Duration = Duration::from_millis(50);
/// What somebody in front of a page says to programs.
const CHALLENGE: &str = "<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>\
                         <script src=\"/cdn-cgi/challenge-platform/h/b/orchestrate\"></script></body></html>";

/// What a page of the commonest kind says just now (Statuspage v2, `summary.json`) of a provider's API:
/// <https://support.atlassian.com/statuspage/docs/what-are-the-different-apis-under-statuspage/>.
pub fn summary(level: Level) -> String {
    let (component, indicator, says) = match level {
        Level::Operational => ("operational", "none", "All Systems Operational"),
        Level::Maintenance => ("under_maintenance", "maintenance", "Service Under Maintenance"),
        Level::Degraded => ("degraded_performance", "minor", "Partially Degraded Service"),
        Level::Partial => ("partial_outage", "major", "Partial System Outage"),
        Level::Major => ("major_outage", "critical", "Major Service Outage"),
    };
    let now = humantime::format_rfc3339_seconds(SystemTime::now());
    format!(
        "{{\"page\":{{\"id\":\"tymt9n04zgry\",\"name\":\"Claude\",\"url\":\"https://status.claude.com\",\
         \"updated_at\":\"{now}\"}},\"status\":{{\"indicator\":\"{indicator}\",\"description\":\"{says}\"}},\
         \"components\":[{{\"id\":\"k8w3r06qmzrp\",\"name\":\"Claude API\",\"status\":\"{component}\",\
         \"updated_at\":\"{now}\"}}],\"incidents\":[],\"scheduled_maintenances\":[]}}"
    )
}

/// How a page comes.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Trap {
    /// As it is.
    None,
    /// In UTF-16 with a mark, little end first, as AWS sends it.
    Utf16Le,
    /// The same with the big end first.
    Utf16Be,
    /// A page for browsers where data was asked for.
    Html,
    /// A wall that asks programs to prove that they are none.
    Challenge,
    /// Nothing of a body.
    Empty,
    /// The first half of it, and the end.
    Cut,
    /// A head, and nothing more.
    Stalled,
    /// Not even a head.
    Silent,
    /// Byte by byte.
    Dripping,
    /// 50 MB, and no end of the data in it.
    Huge,
    /// Sent on to itself for ever.
    Circle,
    /// Sent on to `/moved`, which has it.
    Moved,
    /// Sent on to an address of this machine's own.
    Inward,
    /// With a mark (`ETag`): who has it is told so.
    Marked,
    /// An error of the page's own.
    Failing,
}

// === impl Trap ===

impl Trap {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::None,
        Self::Utf16Le,
        Self::Utf16Be,
        Self::Html,
        Self::Challenge,
        Self::Empty,
        Self::Cut,
        Self::Stalled,
        Self::Silent,
        Self::Dripping,
        Self::Huge,
        Self::Circle,
        Self::Moved,
        Self::Inward,
        Self::Marked,
        Self::Failing,
    ];

    /// Whether what the page says can be read: all other readings are `unknown`.
    pub fn is_readable(self) -> bool {
        match self {
            Self::None | Self::Utf16Le | Self::Utf16Be | Self::Moved | Self::Marked => true,
            Self::Html
            | Self::Challenge
            | Self::Empty
            | Self::Cut
            | Self::Stalled
            | Self::Silent
            | Self::Dripping
            | Self::Huge
            | Self::Circle
            | Self::Inward
            | Self::Failing => false,
        }
    }

    /// A site that says `text` of this content type in this way.
    pub fn site(self, kind: &str, text: &str) -> Site {
        let page = Page::new(200, kind, text.to_owned());
        let site = Site::new();
        match self {
            Self::None => site.page("/", page),
            Self::Utf16Le => site.page("/", utf16(kind, text, u16::to_le_bytes)),
            Self::Utf16Be => site.page("/", utf16(kind, text, u16::to_be_bytes)),
            Self::Html => site.page("/", Page::html(200, "<html><body>All is well</body></html>")),
            Self::Challenge => {
                let page = Page::html(403, CHALLENGE).with("cf-mitigated", "challenge");
                site.page("/", page.with("server", "cloudflare"))
            }
            Self::Empty => site.page("/", Page::new(200, kind, Bytes::new())),
            Self::Cut => {
                let half: String = text.chars().take(text.chars().count() / 2).collect();
                site.page("/", Page::new(200, kind, half).ending(Ending::Cut))
            }
            Self::Stalled => site.page("/", page.ending(Ending::Stall)),
            Self::Silent => site.page("/", Page::silent()),
            Self::Dripping => {
                let drip = Body::Dripped(Bytes::from(text.to_owned()), DRIP);
                site.page("/", page.body(drip))
            }
            Self::Huge => {
                let (piece, times) = HUGE;
                let piece = Bytes::from(" ".repeat(piece));
                site.page("/", page.body(Body::Repeated(piece, times)))
            }
            Self::Circle => site.page("/", Page::redirect(302, "/")),
            Self::Moved => site.page("/", Page::redirect(301, "/moved")).page("/moved", page),
            Self::Inward => site.page("/", Page::redirect(302, "http://169.254.169.254/latest/")),
            Self::Marked => site.page("/", page.with("etag", "\"lab-7\"")),
            Self::Failing => site.page("/", Page::json(500, "{\"error\":\"internal\"}")),
        }
    }
}

/// A page in UTF-16 that begins with its mark.
fn utf16(kind: &str, text: &str, bytes: fn(u16) -> [u8; 2]) -> Page {
    let units = [0xFEFF].into_iter().chain(text.encode_utf16());
    let body: Vec<u8> = units.flat_map(bytes).collect();
    Page::new(200, kind, body)
}
