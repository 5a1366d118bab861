//! A page of which nothing is known: where to look, and which format something is in by what is in it.

use serde_json::Value;

use super::address;
use super::document::Document;
use super::format::Format;
use super::json::{each, list, table, word};
use super::pages::Source;
use super::statuspage;

/// Where the formats keep what they say, in order of trying.
const PLACES: [&str; 6] = [
    "/api/v2/summary.json",
    "/index.json",
    "/summary.json",
    "/api/v1/status.json",
    "/config.json",
    "/api/v3/summary",
];
/// How many links of a web page are looked at.
const LINKS_MAX: usize = 64;

/// What to ask, in order, of a page of which nothing is known; nothing where it is not https. Its
/// format is told by what comes. The page itself comes last: it may name its feed.
pub fn candidates(base_url: &str) -> Vec<Source> {
    if !address::is_https(base_url) {
        return Vec::new();
    }
    let base = base_url.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    let places = PLACES.iter().map(|place| format!("{base}{place}"));
    places.chain([format!("{base}/")]).map(|url| Source { url, format: None }).collect()
}

/// The format of a document, by what is in it.
pub(super) fn format_of(document: &Document) -> Option<Format> {
    let value = match document {
        Document::Json { value, .. } => value,
        Document::Xml(_) => return Some(Format::Feed),
    };
    match value {
        Value::Array(entries) => entries.first().and_then(log_of),
        Value::Object(_) => page_of(value),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

fn log_of(entry: &Value) -> Option<Format> {
    if entry.get("affected_products").is_some() {
        Some(Format::Google)
    } else if entry.get("service").is_some() && entry.get("region_name").is_some() {
        Some(Format::Aws)
    } else {
        None
    }
}

fn page_of(value: &Value) -> Option<Format> {
    let has = |key: &str| value.get(key).is_some();
    let page = table(value, "page");
    let within =
        |outer: &str, key: &str| table(value, outer).is_some_and(|it| it.get(key).is_some());
    if page.is_some() && has("components") {
        Some(statuspage::vendor(value))
    } else if page.is_some_and(|page| word(page, "status").is_some()) {
        Some(Format::Instatus)
    } else if page.is_some() && within("status", "indicator") {
        Some(Format::Rootly)
    } else if within("data", "attributes") {
        Some(Format::BetterStack)
    } else if within("result", "components") {
        Some(Format::Cloudflare)
    } else if has("ongoing_incidents") {
        Some(Format::IncidentIoWidget)
    } else if within("summary", "affected_components") {
        Some(Format::IncidentIoProxy)
    } else if has("incidents") && each(value, "components").any(|it| it.get("type").is_some()) {
        Some(Format::Datadog)
    } else if list(value, "components").is_some() {
        Some(Format::InstatusComponents)
    } else {
        None
    }
}

/// The feed that a web page names (`<link rel="alternate">`).
pub(super) fn feed_link(html: &str, base: &str) -> Option<String> {
    let small = html.to_ascii_lowercase();
    let tags = small.match_indices("<link").take(LINKS_MAX);
    tags.filter_map(|(at, _)| {
        let end = at + small.get(at..)?.find('>')?;
        let tag = html.get(at..end)?;
        let is = |name: &str, expect: &[&str]| {
            attribute(tag, name)
                .is_some_and(|it| expect.contains(&it.to_ascii_lowercase().as_str()))
        };
        let feeds = is("type", &["application/rss+xml", "application/atom+xml"]);
        let href = attribute(tag, "href").filter(|_| feeds && is("rel", &["alternate"]))?;
        address::resolve(base, &href.replace("&amp;", "&"))
    })
    .find(|url| address::is_https(url))
}

/// The value of an attribute, in either kind of quotes.
fn attribute<'t>(tag: &'t str, name: &str) -> Option<&'t str> {
    let small = tag.to_ascii_lowercase();
    small.match_indices(name).find_map(|(at, _)| {
        let before = small.get(..at)?.chars().next_back()?;
        let rest = tag.get(at + name.len()..)?.trim_start().strip_prefix('=')?.trim_start();
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let inside = rest.get(1..)?.split(quote).next()?;
        before.is_whitespace().then_some(inside)
    })
}

#[cfg(test)]
mod tests {
    use super::{candidates, feed_link};

    #[test]
    fn unknown_pages_are_asked_in_order() {
        let urls = |base| candidates(base).into_iter().map(|it| it.url).collect::<Vec<_>>();
        assert_eq!(
            urls("https://status.example.com/?lang=en"),
            [
                "https://status.example.com/api/v2/summary.json",
                "https://status.example.com/index.json",
                "https://status.example.com/summary.json",
                "https://status.example.com/api/v1/status.json",
                "https://status.example.com/config.json",
                "https://status.example.com/api/v3/summary",
                "https://status.example.com/",
            ]
        );
        assert!(urls("http://status.example.com").is_empty());
        assert!(urls("status.example.com").is_empty());
    }

    #[test]
    fn a_web_page_names_its_feed() {
        let check = |html: &str, expect: Option<&str>| {
            assert_eq!(feed_link(html, "https://a.example/").as_deref(), expect, "{html}");
        };
        check(
            "<LINK data-type='x' type='application/atom+xml' rel=\"Alternate\" href='/h.atom'>",
            Some("https://a.example/h.atom"),
        );
        check(
            "<link rel='stylesheet' href='/a.css'><link rel='alternate' \
             type='application/rss+xml' href='https://b.example/f?a=1&amp;b'>",
            Some("https://b.example/f?a=1&b"),
        );
        check("<link rel='alternate' type='text/html' href='/de'>", None);
        check("<link rel='alternate' type='application/rss+xml' href='http://b.example/f'>", None);
        check("<link rel='alternate' type='application/rss+xml'", None);
        check("<link", None);
    }
}
