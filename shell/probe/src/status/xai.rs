//! xAI's feed: one entry per incident and surface, with the surface before the title and the state
//! among the categories. The same guid comes once per surface.
//!
//! Well is: it is that feed, it has entries that are not all old, and none that is open is about a
//! surface that is used here.

use super::feed::{Entry, Feed, open};
use super::foreign;
use super::format::Format;
use super::pages::Selection;
use super::prose;
use super::reading::{About, Proven, Reading, Said, Unwell, Words};
use super::why::Why;

const KINDS: Words = Words {
    well: &[],
    nothing: &[],
    unwell: &[
        ("disruption", Unwell::Degraded),
        ("outage", Unwell::Major),
        ("maintenance", Unwell::Maintenance),
    ],
};

/// The category of what is over.
const RESOLVED: &str = "resolved";

pub(super) fn read(feed: &Feed, selection: &Selection, now: u64) -> Result<Reading, Why> {
    if feed.entries.is_empty() {
        return Err(Why::Entryless);
    }
    let attributed = feed.entries.iter().any(|entry| surface(&entry.title).is_some());
    let categorised = feed.entries.iter().any(|entry| !entry.categories.is_empty());
    let mark = Proven::by(&[attributed, categorised]).ok_or(Why::Format(Format::Xai))?;
    let mut reading = Reading::new(feed.newest(), selection.surfaces.is_empty(), "");
    if feed.newest().is_none() {
        reading.doubt(Why::Entryless);
    }
    for entry in feed.entries.iter().filter(|entry| !is_over(entry)) {
        let about = about(entry, selection);
        let kind =
            entry.categories.iter().map(|it| it.trim().to_lowercase()).find(|it| !it.is_empty());
        let said = KINDS.hear(kind.as_deref());
        let counts = about != About::Others && !foreign::is_notice(&entry.title);
        if counts && about == About::Unsaid && !reading.whole {
            reading.doubt(Why::Unattributed(foreign::sentence(&entry.title)));
        } else if counts {
            reading.add(&entry.title, &said);
            if let (Said::Unwell(_), Some(surface)) = (&said, surface(&entry.title)) {
                reading.affected(foreign::sentence(surface));
            }
        }
        reading.open(&open(entry, said, about), now);
    }
    reading.log(mark);
    Ok(reading)
}

/// By its category, or by a line of its text.
fn is_over(entry: &Entry) -> bool {
    entry.categories.iter().any(|it| it.trim().eq_ignore_ascii_case(RESOLVED))
        || prose::is_resolved("", &entry.text)
}

/// What stands between brackets before the title.
fn surface(title: &str) -> Option<&str> {
    title.trim_start().strip_prefix('[')?.split_once(']').map(|(surface, _)| surface.trim())
}

/// A surface is a host; one that lies below it is a region of it.
fn about(entry: &Entry, selection: &Selection) -> About {
    let Some(surface) = surface(&entry.title) else { return About::Unsaid };
    let is_ours = |ours: &String| {
        let below = surface.strip_suffix(ours.as_str());
        below.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    let any = selection.surfaces.is_empty();
    if any || selection.surfaces.iter().any(is_ours) { About::Ours } else { About::Others }
}
