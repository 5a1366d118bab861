//! One page, asked again and again: its sources in order, what has not changed, and what was last
//! known.
//!
//! **Invariant:** what is remembered is never told as if it had been read now. After a failed reading
//! the page is unknown, and its reason says how old the last good reading is; after a 304 the reading
//! is told with its age.

use std::time::Duration;

use ir::evidence::{Level, Page};
use tokio::time::timeout;

use super::document::Body;
use super::fetch::{Arrived, Get, follow};
use super::moment;
use super::pages::{Row, Source};
use super::read::{read, unknown};
use super::why::Why;
use super::{address, document, sniff, statuspage};

/// How long a page may take in all.
pub const WITHIN: Duration = Duration::from_secs(5);
/// How much of that is kept for its incidents, where they stand elsewhere.
const INCIDENTS_WITHIN: Duration = Duration::from_secs(1);
/// How large a body may be, in bytes.
pub const BODY_MAX: usize = 2 << 20;
/// How many redirects are followed.
pub const REDIRECTS_MAX: usize = 3;
/// How long a tag may be.
const ETAG_MAX: usize = 256;

/// Reads one page, and remembers what it last said.
#[derive(Clone, Debug)]
pub struct Reader {
    row: Row,
    /// The page is not known: it may name its feed.
    sniffs: bool,
    within: Duration,
    kept: Option<Kept>,
}

/// The last good reading.
#[derive(Clone, Debug)]
struct Kept {
    /// Which of the sources gave it, and where it came from in the end.
    source: usize,
    url: String,
    etag: Option<String>,
    at_unix_ms: u64,
    page: Page,
}

/// What came of one source.
enum Asked {
    Page(Box<Page>),
    /// It is the page itself, for people.
    Html(String, String),
}

// === impl Reader ===

impl Reader {
    /// A reader of a known page; only what is about the region counts, where one is used.
    pub fn new(row: &Row, region: Option<&str>) -> Self {
        let mut row = row.clone();
        row.selection.region = region.map(str::to_owned);
        Self { row, sniffs: false, within: WITHIN, kept: None }
    }

    /// A reader of a page of which only the address is known.
    pub fn sniffing(base_url: &str) -> Self {
        let row = Row {
            page: base_url.to_owned(),
            sources: sniff::candidates(base_url),
            ..Row::default()
        };
        Self { row, sniffs: true, within: WITHIN, kept: None }
    }

    /// The same with less time.
    #[cfg(test)]
    pub(super) fn within(self, within: Duration) -> Self {
        Self { within, ..self }
    }

    /// The row it reads.
    pub fn row(&self) -> &Row {
        &self.row
    }

    /// Reads the page, within [`WITHIN`]. It never fails: what cannot be read is unknown.
    pub async fn read(&mut self, get: &impl Get, now_unix_ms: u64) -> Page {
        if let Some(why) = &self.row.unreadable {
            return Page { url: self.row.page.clone(), ..unknown(&Why::Unreadable(why.clone())) };
        }
        let more = self.row.incidents.is_some();
        let kept_back = if more { INCIDENTS_WITHIN } else { Duration::ZERO };
        let within = self.within.saturating_sub(kept_back);
        let asked = timeout(within, self.ask(get, now_unix_ms)).await;
        let mut page = asked.unwrap_or_else(|_| unknown(&Why::Late(WITHIN.as_secs())));
        if page.level.is_none() {
            return self.with_last(page, now_unix_ms);
        }
        if Some(Level::Operational) < page.level && page.incidents.is_empty() {
            page = self.with_incidents(page, get, now_unix_ms).await;
        }
        page
    }

    /// The first source that says something; else the reason of the first one. One that stalls leaves
    /// time to those after it.
    async fn ask(&mut self, get: &impl Get, now: u64) -> Page {
        let mut first: Option<Page> = None;
        let order = self.order();
        let last = order.last().copied();
        for at in order {
            let Some(source) = self.row.sources.get(at).cloned() else { continue };
            let within = if Some(at) == last { self.within } else { self.within / 2 };
            let asked = timeout(within, self.source(get, at, &source, now)).await;
            let page = match asked.unwrap_or(Err(Why::Late(within.as_secs()))) {
                Ok(Asked::Page(page)) => *page,
                Ok(Asked::Html(html, base)) => self.named_feed(get, &html, &base, now).await,
                Err(why) => unknown(&why),
            };
            if page.level.is_some() {
                return page;
            }
            first.get_or_insert(page);
        }
        first.unwrap_or_else(|| unknown(&Why::Sourceless))
    }

    /// The source that spoke last comes first: it may not have changed.
    fn order(&self) -> Vec<usize> {
        let last = self.kept.as_ref().map(|kept| kept.source);
        let others = (0..self.row.sources.len()).filter(|at| Some(*at) != last);
        last.into_iter().chain(others).collect()
    }

    async fn source(
        &mut self,
        get: &impl Get,
        at: usize,
        source: &Source,
        now: u64,
    ) -> Result<Asked, Why> {
        let kept = self.kept.as_ref().filter(|kept| kept.source == at);
        let tag = kept.and_then(|kept| Some((kept.url.as_str(), kept.etag.as_deref()?)));
        let arrived = follow(get, &source.url, tag).await?;
        if arrived.got.status == 304 {
            // One that nobody asked for says nothing.
            let kept = kept.filter(|_| tag.is_some()).ok_or(Why::Status(304))?;
            return kept.again(now).map(|page| Asked::Page(Box::new(page)));
        }
        let answer = arrived.answer(&source.url);
        let page = read(&answer, source.format, &self.row.selection, now);
        if page.level.is_some() {
            self.keep(at, &arrived, &page, now);
        } else if self.sniffs
            && let Some(html) = web_page(&arrived)
        {
            return Ok(Asked::Html(html, arrived.url));
        }
        Ok(Asked::Page(Box::new(page)))
    }

    /// The feed that a web page names, read.
    async fn named_feed(&mut self, get: &impl Get, html: &str, base: &str, now: u64) -> Page {
        let Some(url) = sniff::feed_link(html, base) else { return unknown(&Why::Unsniffed) };
        match follow(get, &url, None).await {
            Ok(arrived) => read(&arrived.answer(&url), None, &self.row.selection, now),
            Err(why) => unknown(&why),
        }
    }

    fn keep(&mut self, source: usize, arrived: &Arrived, page: &Page, now: u64) {
        let etag = arrived.got.etag.clone().filter(|etag| etag.len() <= ETAG_MAX);
        let (url, page) = (arrived.url.clone(), page.clone());
        self.kept = Some(Kept { source, url, etag, at_unix_ms: now, page });
    }

    /// A page that is unknown, with how old the last good reading is.
    fn with_last(&self, page: Page, now: u64) -> Page {
        let why = page.unknown.clone().unwrap_or_default();
        let last = self.kept.as_ref().and_then(|kept| Some((kept, kept.page.level?)));
        let unknown = match last {
            Some((kept, level)) => {
                let ago = humantime::format_duration(Duration::from_secs(kept.age_s(now)));
                format!("{why}; last read {ago} ago as {}", level.word())
            }
            None => why,
        };
        let url = if page.url.is_empty() { self.row.page.clone() } else { page.url.clone() };
        Page { url, unknown: Some(unknown), ..page }
    }

    /// The incidents of a page whose components stand apart from them. Without them it says as much as
    /// before.
    async fn with_incidents(&self, mut page: Page, get: &impl Get, now: u64) -> Page {
        let Some(url) = &self.row.incidents else { return page };
        let Ok(Ok(arrived)) = timeout(INCIDENTS_WITHIN, follow(get, url, None)).await else {
            return page;
        };
        page.incidents =
            statuspage::incidents_alone(&arrived.answer(url), &self.row.selection, now);
        let notices = !page.incidents.is_empty() && page.incidents.iter().all(|it| it.notice);
        if notices && page.level <= Some(Level::Degraded) {
            page.level = None;
            page.unknown = Some(Why::Notices.to_string());
        }
        page
    }
}

// === impl Kept ===

impl Kept {
    /// The same reading, later.
    fn again(&self, now: u64) -> Result<Page, Why> {
        moment::judge(self.page.updated_unix_ms, now)?;
        Ok(Page { age_s: self.age_s(now), ..self.page.clone() })
    }

    fn age_s(&self, now: u64) -> u64 {
        now.saturating_sub(self.at_unix_ms) / 1000
    }
}

/// The text of what is a web page.
fn web_page(arrived: &Arrived) -> Option<String> {
    let Body::Whole(bytes) = &arrived.got.body else { return None };
    let answer = arrived.answer(&arrived.url);
    let html = matches!(answer.document(None), Err(Why::Html { .. }));
    // The page itself is the last to be asked; the others are no pages for people.
    let text = document::decode(bytes, &arrived.got.content_type).ok()?.0.into_owned();
    (html && address::is_https(&arrived.url)).then_some(text)
}
