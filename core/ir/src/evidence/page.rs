//! What a status page says. A weak witness: pages are late, and they move.

use serde::{Deserialize, Serialize};

/// A status page, as it was read.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Page {
    /// Where it was read.
    pub url: String,
    /// The format it was read as: `statuspage`, `incident.io`, …
    pub format: String,
    /// What it says of what is used here; absent where that is not known.
    ///
    /// **Invariant:** it is there only if a reading was parsed that says so.
    pub level: Option<Level>,
    /// Why it is not known.
    pub unknown: Option<String>,
    /// Its own sentence, cut at 200 characters.
    pub says: String,
    /// Components that it calls unwell, of those that are used here.
    pub affected: Vec<String>,
    /// What is going on there, newest first; 16 at most.
    pub incidents: Vec<Incident>,
    /// How long ago it was read, in seconds.
    pub age_s: u64,
    /// When its author last changed it, milliseconds since the Unix epoch.
    pub updated_unix_ms: Option<u64>,
}

/// Something that a page says is going on.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Incident {
    /// Its id there.
    pub id: String,
    /// Its title, cut at 200 characters.
    pub title: String,
    /// How bad it is called.
    pub level: Option<Level>,
    /// When it began, milliseconds since the Unix epoch.
    pub since_unix_ms: Option<u64>,
    /// When the page first spoke of it, milliseconds since the Unix epoch.
    pub told_unix_ms: Option<u64>,
    /// It tells of limits, bills or farewells rather than of an outage.
    pub notice: bool,
}

/// How well something is, by its own word. The order is from well to unwell.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// All is well.
    Operational,
    /// Planned work.
    Maintenance,
    /// Slower, or with errors here and there.
    Degraded,
    /// Down in part.
    Partial,
    /// Down.
    Major,
}

// === impl Level ===

impl Level {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Operational => "operational",
            Self::Maintenance => "maintenance",
            Self::Degraded => "degraded",
            Self::Partial => "partial",
            Self::Major => "major",
        }
    }
}
