//! One answer, read: which format it is in, and what it says of what is used here.

use ir::evidence::Page;

use super::document::{Answer, Document};
use super::format::Format;
use super::pages::Selection;
use super::reading::Reading;
use super::why::Why;
use super::{
    aws, better_stack, cloudflare, datadog, feed, google, incident_io, instatus, rootly, sniff,
    statuspage, xai,
};

/// What an answer says of what is used here. It is read as the format that is expected; where none is
/// expected, by what is in it, and so if it is not in the expected one and the page counts as a whole. `now_unix_ms` is the time by which the age
/// of what it says is judged.
pub fn read(
    answer: &Answer<'_>,
    expected: Option<Format>,
    selection: &Selection,
    now_unix_ms: u64,
) -> Page {
    let (page, format) = match answer.document(expected) {
        Ok(document) => attempt(&document, expected, selection, now_unix_ms),
        Err(why) => (unknown(&why), expected),
    };
    Page { url: answer.url.to_owned(), format: format.map_or("", Format::word).to_owned(), ..page }
}

/// A page that is unknown, for a reason.
pub(super) fn unknown(why: &Why) -> Page {
    Page { unknown: Some(why.to_string()), ..Page::default() }
}

/// As what is expected; and where it is not that, as what it looks like: providers change vendors. But
/// ids of one vendor mean nothing at another, and any feed looks like a feed.
fn attempt(
    document: &Document,
    expected: Option<Format>,
    selection: &Selection,
    now: u64,
) -> (Page, Option<Format>) {
    let first = expected.or_else(|| sniff::format_of(document));
    let Some(first) = first else { return (unknown(&Why::Unsniffed), None) };
    let other = || {
        let other = sniff::format_of(document).filter(|_| selection.is_empty());
        other.filter(|other| *other != first && *other != Format::Feed)
    };
    match by_format(document, first, selection, now) {
        Ok((reading, format)) => (reading.page(now), Some(format)),
        Err(why @ Why::Format(_)) => match other() {
            Some(other) => match by_format(document, other, selection, now) {
                Ok((reading, format)) => (reading.page(now), Some(format)),
                Err(_) => (unknown(&why), expected),
            },
            None => (unknown(&why), expected),
        },
        Err(why) => (unknown(&why), Some(first)),
    }
}

fn by_format(
    document: &Document,
    format: Format,
    selection: &Selection,
    now: u64,
) -> Result<(Reading, Format), Why> {
    let reading = match (format, document) {
        (Format::Statuspage | Format::IncidentIo, Document::Json { value, .. }) => {
            return statuspage::read(value, selection, now);
        }
        (Format::IncidentIoWidget, Document::Json { value, .. }) => {
            incident_io::widget(value, selection, now)?
        }
        (Format::IncidentIoProxy, Document::Json { value, .. }) => {
            incident_io::proxy(value, selection, now)?
        }
        (Format::BetterStack, Document::Json { value, .. }) => {
            better_stack::read(value, selection, now)?
        }
        (Format::Instatus, Document::Json { value, .. }) => instatus::summary(value, now)?,
        (Format::InstatusComponents, Document::Json { value, .. }) => {
            instatus::components(value, selection)?
        }
        (Format::Rootly, Document::Json { value, .. }) => rootly::read(value, now)?,
        (Format::Datadog, Document::Json { value, .. }) => datadog::read(value, selection, now)?,
        (Format::Cloudflare, Document::Json { value, .. }) => {
            cloudflare::read(value, selection, now)?
        }
        (Format::Google, Document::Json { value, .. }) => google::read(value, selection, now)?,
        (Format::Aws, Document::Json { value, utf16 }) => aws::read(value, *utf16, selection, now)?,
        (Format::Xai, Document::Xml(text)) => xai::read(&feed::parse(text)?, selection, now)?,
        (Format::Azure, Document::Xml(text)) => feed::azure(&feed::parse(text)?, selection, now)?,
        (Format::Feed, Document::Xml(text)) => feed::read(&feed::parse(text)?, now)?,
        (format, Document::Json { .. } | Document::Xml(_)) => return Err(Why::Format(format)),
    };
    Ok((reading, format))
}
