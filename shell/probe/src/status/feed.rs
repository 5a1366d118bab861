//! RSS and Atom: Azure's, and any other.
//!
//! A feed is a log in prose. Azure's holds what goes on and nothing else, so that an empty one is good
//! news. Of any other it is asked that its newest entry says as a label that it is over: a feed of
//! something else is no status page, however quiet.

use std::collections::BTreeSet;

use super::foreign;
use super::pages::Selection;
use super::prose::{self, Heard};
use super::reading::{About, KEPT, Open, Proven, Reading, Said, Unwell};
use super::why::Why;

/// How many entries a feed may have: all are looked at, and each takes many times its text.
const ENTRIES_MAX: usize = 2_000;
/// How long an entry may still be going on that has no word of its state, or is called over in words
/// that may take it back.
const WORDLESS: u64 = 7 * 86_400_000;

/// A feed.
#[derive(Debug)]
pub(super) struct Feed {
    pub(super) title: String,
    pub(super) updated: Option<u64>,
    pub(super) entries: Vec<Entry>,
}

/// One of its entries.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) id: String,
    pub(super) title: String,
    /// With its tags.
    pub(super) text: String,
    pub(super) categories: Vec<String>,
    pub(super) published: Option<u64>,
    pub(super) updated: Option<u64>,
}

/// The feed in a text without its prolog. One that ends early is none, although parsers forgive it.
pub(super) fn parse(text: &str) -> Result<Feed, Why> {
    let root = ["</rss>", "</feed>", "</rdf:RDF>"];
    let opens = ["<rss", "<feed", "<rdf:RDF"];
    let start = without_comments(text);
    if !opens.iter().any(|open| start.starts_with(open)) {
        return Err(Why::Neither);
    }
    if !root.iter().any(|end| text.trim_end().ends_with(end)) {
        return Err(Why::Cut);
    }
    let written = entries_written(text);
    if ENTRIES_MAX < written {
        return Err(Why::Crowded(ENTRIES_MAX));
    }
    let parser = feed_rs::parser::Builder::new()
        .id_generator(|_, title, _| {
            title.as_ref().map(|title| title.content.clone()).unwrap_or_default()
        })
        .build();
    let feed = parser
        .parse(start.as_bytes())
        .map_err(|error| Why::Xml(foreign::sentence(&error.to_string())))?;
    // One that was passed over may be the one that is open.
    if feed.entries.len() < written {
        return Err(Why::Xml("not every entry of it can be read".to_owned()));
    }
    let content =
        |text: Option<feed_rs::model::Text>| text.map(|it| it.content).unwrap_or_default();
    let at = |date: Option<i64>| date.and_then(|ms| u64::try_from(ms).ok());
    let entries = feed.entries.into_iter().map(|entry| Entry {
        id: entry.id,
        title: content(entry.title),
        text: format!(
            "{}<br>{}",
            entry.content.and_then(|it| it.body).unwrap_or_default(),
            content(entry.summary)
        ),
        categories: entry.categories.into_iter().map(|category| category.term).collect(),
        published: at(entry.published.map(|it| it.timestamp_millis())),
        updated: at(entry.updated.map(|it| it.timestamp_millis())),
    });
    Ok(Feed {
        title: content(feed.title),
        updated: at(feed.updated.or(feed.published).map(|it| it.timestamp_millis())),
        entries: entries.collect(),
    })
}

/// How many entries stand in the text.
fn entries_written(text: &str) -> usize {
    let begins = |rest: &str| rest.starts_with(|c: char| c.is_whitespace() || "/>".contains(c));
    let of = |tag| text.split(tag).skip(1).filter(|rest| begins(rest)).count();
    of("<item") + of("<entry")
}

/// What stands before the root.
fn without_comments(text: &str) -> &str {
    let mut rest = text.trim_start();
    while let Some((_, after)) = rest.strip_prefix("<!--").and_then(|it| it.split_once("-->")) {
        rest = after.trim_start();
    }
    rest
}

// === impl Feed ===

impl Feed {
    /// When the newest entry changed.
    pub(super) fn newest(&self) -> Option<u64> {
        self.entries.iter().filter_map(Entry::changed).max()
    }
}

// === impl Entry ===

impl Entry {
    /// When it was changed, or else published.
    pub(super) fn changed(&self) -> Option<u64> {
        self.updated.max(self.published)
    }
}

/// Azure: what is there goes on, unless it says that it is resolved; which service it is about, its
/// categories say, or else its title.
pub(super) fn azure(feed: &Feed, selection: &Selection, now: u64) -> Result<Reading, Why> {
    let mark = Proven::by(&[feed.title.to_lowercase().contains("azure status")])
        .ok_or(Why::Format(super::format::Format::Azure))?;
    let updated = feed.newest().max(feed.updated);
    let mut reading = Reading::new(updated, selection.words.is_empty(), "");
    for entry in feed.entries.iter().filter(|it| !prose::is_resolved(&it.title, &it.text)) {
        let named = |word: &String| {
            let word = word.to_lowercase();
            let in_title = || entry.title.to_lowercase().contains(&word);
            entry.categories.iter().any(|it| it.to_lowercase().contains(&word)) || in_title()
        };
        let ours = selection.words.is_empty() || selection.words.iter().any(named);
        let about = if ours { About::Ours } else { About::Others };
        reading.open(&open(entry, Said::Unwell(Unwell::Degraded), about), now);
        if ours && !foreign::is_notice(&entry.title) {
            entry
                .categories
                .iter()
                .take(KEPT)
                .for_each(|category| reading.affected(foreign::sentence(category)));
        }
    }
    reading.log(mark);
    Ok(reading)
}

/// Any other feed, as a whole. The newest state of each entry counts.
pub(super) fn read(feed: &Feed, now: u64) -> Result<Reading, Why> {
    let newest = feed.newest().ok_or(Why::Entryless)?;
    let mut reading = Reading::new(Some(newest), true, &feed.title);
    let mut latest: Option<(Option<u64>, Said)> = None;
    // Better Stack tells of a resource by its name, which is known to be one if it went down before.
    let fell: BTreeSet<&str> =
        feed.entries.iter().filter_map(|it| it.title.strip_suffix(" went down")).collect();
    for entry in latest_of_each(&feed.entries) {
        let recent = entry.changed().is_none_or(|at| now < at.saturating_add(WORDLESS));
        let notice = foreign::is_notice(&entry.title);
        let up = entry.title.strip_suffix(" recovered").is_some_and(|name| fell.contains(name));
        let title = if up { "Recovered" } else { &entry.title };
        let said = match prose::heard(title, &entry.text) {
            Heard::Said(said) => said,
            Heard::Doubt if !notice => {
                reading.doubt(Why::Doubtful(foreign::sentence(&entry.title)));
                continue;
            }
            Heard::Unclear if recent && !notice => {
                reading.doubt(Why::Doubtful(foreign::sentence(&entry.title)));
                continue;
            }
            Heard::Silent if recent && !notice => {
                reading.doubt(Why::Unattributed(foreign::sentence(&entry.title)));
                continue;
            }
            // Of a time before others that are well it says nothing, but it is not well itself.
            Heard::Unclear => Said::Odd(foreign::sentence(&entry.title)),
            Heard::Doubt | Heard::Silent => continue,
        };
        if let Said::Unwell(_) = said {
            reading.open(&open(entry, said.clone(), About::Unsaid), now);
        }
        // What is planned or only announced is no sign of how things are.
        let counts = !notice && !matches!(said, Said::Nothing);
        if counts && latest.as_ref().is_none_or(|(at, _)| *at < entry.changed()) {
            latest = Some((entry.changed(), said));
        }
    }
    match latest {
        Some((_, said @ Said::Well(_))) => reading.add("the newest entry", &said),
        Some((_, Said::Odd(title))) => reading.doubt(Why::Doubtful(title)),
        Some(_) | None => reading.doubt(Why::Entryless),
    }
    Ok(reading)
}

/// Where a feed has an entry per update, the newest of each id.
fn latest_of_each(entries: &[Entry]) -> impl Iterator<Item = &Entry> {
    let mut latest: std::collections::BTreeMap<&str, &Entry> = std::collections::BTreeMap::new();
    for entry in entries {
        // Better Stack marks updates of one incident as `incident/ID#hash`.
        let id = entry.id.split_once('#').map_or(entry.id.as_str(), |(id, _)| id);
        let known = latest.entry(id).or_insert(entry);
        if known.changed() < entry.changed() {
            *known = entry;
        }
    }
    latest.into_values()
}

/// An entry that is open.
pub(super) fn open(entry: &Entry, said: Said, about: About) -> Open<'_> {
    Open {
        id: entry.id.clone(),
        title: &entry.title,
        said,
        since: entry.published.or(entry.updated),
        told: entry.published.or(entry.updated),
        about,
        counts: true,
    }
}
