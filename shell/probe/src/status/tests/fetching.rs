//! Asking: redirects, tags, what is remembered, pages of which nothing is known; and limits over real
//! sockets.

use std::time::Duration;

use ir::evidence::{Level, Page};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use transport::UpstreamSettings;

use super::scenes::{How, MINUTE, NOW, SCENE, Scene, body, row};
use super::table::got;
use crate::status::{Body, Format, Get, Got, Reader, Row, Source, Trouble, Web};

/// Answers by address, and writes down what was asked.
#[derive(Default)]
struct Site {
    answers: Vec<(String, Got)>,
    asked: Mutex<Vec<(String, Option<String>)>>,
    /// An address that never answers.
    silent: &'static str,
}

// === impl Site ===

impl Site {
    fn with(mut self, url: &str, got: Got) -> Self {
        self.answers.insert(0, (url.to_owned(), got));
        self
    }

    async fn asked(&self) -> Vec<(String, Option<String>)> {
        std::mem::take(&mut *self.asked.lock().await)
    }
}

impl Get for Site {
    async fn get(&self, url: &str, etag: Option<&str>) -> Result<Got, Trouble> {
        self.asked.lock().await.push((url.to_owned(), etag.map(str::to_owned)));
        if url == self.silent {
            std::future::pending::<()>().await;
        }
        let found = self.answers.iter().find(|(known, _)| known == url);
        let answer = found.map_or_else(|| got(404, b"nothing"), |(_, answer)| answer.clone());
        Ok(if etag.is_some() && answer.etag.as_deref() == etag { got(304, b"") } else { answer })
    }
}

const SOURCE: &str = "https://status.example.com/source";

fn to(location: &str) -> Got {
    Got { location: Some(location.to_owned()), ..got(302, b"") }
}

fn well(format: Format) -> Got {
    got(200, &body(format, &SCENE).unwrap())
}

fn unwell(format: Format) -> Got {
    got(200, &body(format, &Scene { ours: How::Degraded, ..SCENE }).unwrap())
}

fn check(page: &Page, level: Option<Level>, says: &str) {
    assert_eq!(page.level, level, "{page:?}");
    assert!(page.unknown.as_deref().unwrap_or_default().contains(says), "{page:?}");
}

#[tokio::test]
async fn redirects_are_few_and_stay_with_https() {
    let read =
        async |site: &Site| Reader::new(&row(Format::Statuspage), None).read(site, NOW).await;
    let hop = |at: usize| format!("https://status.example.com/{at}");
    let mut site = Site::default().with(&hop(3), well(Format::Statuspage));
    site = site.with(SOURCE, to("/1")).with(&hop(1), to("2")).with(&hop(2), to(&hop(3)));
    let page = read(&site).await;
    check(&page, Some(Level::Operational), "");
    assert_eq!(page.url, hop(3));
    let site = site.with(&hop(3), to("/4")).with(&hop(4), well(Format::Statuspage));
    check(&read(&site).await, None, "more than 3 redirects");
    assert_eq!(site.asked().await.len(), 1 + 3 + 4);
    let plain = Site::default()
        .with(SOURCE, to("http://status.example.com/x"))
        .with("http://status.example.com/x", well(Format::Statuspage));
    check(&read(&plain).await, None, "not https");
    check(&read(&Site::default().with(SOURCE, to("://"))).await, None, "HTTP 302");
    check(&read(&Site::default().with(SOURCE, got(301, b""))).await, None, "HTTP 301");
}

#[tokio::test]
async fn a_tag_spares_the_body_and_a_failure_tells_the_age() {
    let tagged = |tag: &str| Got { etag: Some(tag.to_owned()), ..well(Format::Statuspage) };
    let mut reader = Reader::new(&row(Format::Statuspage), None);
    let site = Site::default().with(SOURCE, tagged("\"1\""));
    check(&reader.read(&site, NOW).await, Some(Level::Operational), "");
    let again = reader.read(&site, NOW + 2 * MINUTE).await;
    check(&again, Some(Level::Operational), "");
    assert_eq!(again.age_s, 120);
    assert_eq!(
        site.asked().await,
        [(SOURCE.to_owned(), None), (SOURCE.to_owned(), Some("\"1\"".to_owned()))]
    );
    let down = Site::default();
    let page = reader.read(&down, NOW + 5 * MINUTE).await;
    check(&page, None, "HTTP 404; last read 5m ago as operational");
    let fresh = Site::default().with(SOURCE, tagged("\"2\""));
    let page = reader.read(&fresh, NOW + 6 * MINUTE).await;
    check(&page, Some(Level::Operational), "");
    assert_eq!(page.age_s, 0);
    let unasked = Site::default().with(SOURCE, got(304, b""));
    let page = Reader::new(&row(Format::Statuspage), None).read(&unasked, NOW).await;
    check(&page, None, "HTTP 304");
    let half_a_year = NOW + 200 * 24 * 60 * MINUTE;
    check(&reader.read(&fresh, half_a_year).await, None, "says nothing about now");
}

#[tokio::test]
async fn a_tag_is_told_only_to_whom_it_is_from() {
    let there = "https://elsewhere.example/x";
    let tagged = Got { etag: Some("\"1\"".to_owned()), ..well(Format::Statuspage) };
    let site = Site::default().with(SOURCE, to(there)).with(there, tagged);
    let mut reader = Reader::new(&row(Format::Statuspage), None);
    for _ in 0..2 {
        check(&reader.read(&site, NOW).await, Some(Level::Operational), "");
    }
    let asked = site.asked().await;
    let told: Vec<_> = asked.iter().filter(|(_, tag)| tag.is_some()).collect();
    assert_eq!(asked.len(), 4);
    assert_eq!(told, [&(there.to_owned(), Some("\"1\"".to_owned()))]);
}

#[tokio::test]
async fn sources_are_asked_in_order_until_one_says_something() {
    let second = "https://status.example.com/second";
    let mut page = row(Format::IncidentIo);
    page.sources.push(Source { url: second.to_owned(), format: Some(Format::IncidentIoProxy) });
    let site = Site::default()
        .with(SOURCE, got(500, b""))
        .with(second, Got { etag: Some("\"1\"".to_owned()), ..well(Format::IncidentIoProxy) });
    let mut reader = Reader::new(&page, None);
    let read = reader.read(&site, NOW).await;
    check(&read, Some(Level::Operational), "");
    assert_eq!((read.url.as_str(), read.format.as_str()), (second, "incident.io-proxy"));
    assert_eq!(site.asked().await.len(), 2);
    // The one that spoke is asked first.
    check(&reader.read(&site, NOW).await, Some(Level::Operational), "");
    assert_eq!(site.asked().await.len(), 1);
    // Of two that say nothing, the first one's reason is told.
    let none = Site::default().with(SOURCE, got(500, b""));
    check(&Reader::new(&page, None).read(&none, NOW).await, None, "HTTP 500");
    let blocked = Row { unreadable: Some("it is closed".to_owned()), ..page };
    check(&Reader::new(&blocked, None).read(&site, NOW).await, None, "it is closed");
    assert_eq!(site.asked().await.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_stalls_leaves_time_to_the_next() {
    let second = "https://status.example.com/second";
    let mut page = row(Format::IncidentIo);
    page.sources.push(Source { url: second.to_owned(), format: Some(Format::IncidentIoProxy) });
    let stalls = Site { silent: SOURCE, ..Site::default() };
    let site = stalls.with(second, well(Format::IncidentIoProxy));
    let before = tokio::time::Instant::now();
    check(&Reader::new(&page, None).read(&site, NOW).await, Some(Level::Operational), "");
    assert_eq!(before.elapsed().as_secs(), 2);
    let both = Site { silent: second, ..Site::default() }.with(SOURCE, got(500, b""));
    check(&Reader::new(&page, None).read(&both, NOW).await, None, "HTTP 500");
    assert_eq!(before.elapsed().as_secs(), 7);
}

#[tokio::test]
async fn incidents_that_stand_apart_are_added() {
    let incidents = "https://status.example.com/incidents";
    let components = "{\"page\": {\"id\": \"x\", \"name\": \"X\"}, \"components\": [{\"id\": \
                      \"01JMXBRMFE6N2NNT7DG6XZQ6PW\", \"name\": \"Chat\", \"status\": \
                      \"degraded_performance\"}]}";
    let told = |title: &str| {
        let text = format!(
            "{{\"incidents\": [{{\"id\": \"1\", \"name\": \"{title}\", \"status\": \
             \"investigating\", \"impact\": \"minor\", \"components\": [], \"created_at\": \
             \"2026-09-03T13:00:00Z\"}}, {{\"id\": \"0\", \"name\": \"Past\", \"status\": \"resolved\"}}]}}"
        );
        got(200, text.as_bytes())
    };
    let row = Row { incidents: Some(incidents.to_owned()), ..row(Format::IncidentIo) };
    let site = Site::default().with(SOURCE, got(200, components.as_bytes()));
    let page = Reader::new(&row, None).read(&site, NOW).await;
    check(&page, Some(Level::Degraded), "");
    assert!(page.incidents.is_empty());
    assert_eq!(page.affected, ["Chat"]);
    assert_eq!(page.says, "Chat: degraded");
    let site = site.with(incidents, told("Elevated errors"));
    let page = Reader::new(&row, None).read(&site, NOW).await;
    check(&page, Some(Level::Degraded), "");
    assert_eq!(page.incidents.len(), 1);
    assert_eq!(page.incidents[0].told_unix_ms, Some(NOW - 26 * MINUTE));
    let site = site.with(incidents, told("New usage limits"));
    check(&Reader::new(&row, None).read(&site, NOW).await, None, "only notices");
    let well = Site::default().with(SOURCE, well(Format::IncidentIo));
    check(&Reader::new(&row, None).read(&well, NOW).await, Some(Level::Operational), "");
    assert_eq!(well.asked().await.len(), 1, "a page that is well is not asked twice");
}

#[tokio::test]
async fn a_page_of_which_nothing_is_known_is_read_by_what_is_in_it() {
    let base = "https://status.example.com";
    let places = [
        (Format::Statuspage, "/api/v2/summary.json"),
        (Format::IncidentIo, "/api/v2/summary.json"),
        (Format::BetterStack, "/index.json"),
        (Format::Instatus, "/summary.json"),
        (Format::Rootly, "/api/v1/status.json"),
        (Format::Datadog, "/config.json"),
        (Format::Cloudflare, "/api/v3/summary"),
    ];
    for (format, place) in places {
        let at = format!("{base}{place}");
        for (answer, level) in
            [(well(format), Level::Operational), (unwell(format), Level::Degraded)]
        {
            let site = Site::default().with(&at, answer);
            let page = Reader::sniffing(base).read(&site, NOW).await;
            check(&page, Some(level), "");
            assert_eq!((page.url.as_str(), page.format.as_str()), (at.as_str(), format.word()));
            assert!(page.says.starts_with("(the page as a whole)"), "{page:?}");
        }
    }
    let html = "<!doctype html><link rel='alternate' type='application/atom+xml' href='/h.atom'>";
    let site = Site::default()
        .with("https://status.example.com/", got(200, html.as_bytes()))
        .with("https://status.example.com/h.atom", well(Format::Feed));
    let page = Reader::sniffing(base).read(&site, NOW).await;
    check(&page, Some(Level::Operational), "");
    assert_eq!(page.format, "feed");
    assert_eq!(site.asked().await.len(), 8);
    check(&Reader::sniffing(base).read(&Site::default(), NOW).await, None, "HTTP 404");
    check(
        &Reader::sniffing("http://x").read(&Site::default(), NOW).await,
        None,
        "no page is known",
    );
}

#[tokio::test]
async fn a_vendor_that_was_changed_is_recognised_only_by_ids_that_hold() {
    // Selected by ids of the old vendor: unknown.
    let site = Site::default().with(SOURCE, well(Format::IncidentIo));
    let page = Reader::new(&row(Format::Statuspage), None).read(&site, NOW).await;
    check(&page, None, "component Our API is not on the page");
    // As a whole: as what it is now.
    let site = Site::default().with(SOURCE, well(Format::BetterStack));
    let page = Reader::new(&row(Format::Instatus), None).read(&site, NOW).await;
    check(&page, Some(Level::Operational), "");
    assert_eq!(page.format, "better-stack");
    // What counts as a whole elsewhere says nothing of what was selected.
    let site = Site::default().with(SOURCE, well(Format::Rootly));
    check(&Reader::new(&row(Format::BetterStack), None).read(&site, NOW).await, None, "not in");
    // And any feed looks like a feed.
    let site = Site::default().with(SOURCE, well(Format::Feed));
    check(&Reader::new(&row(Format::Rootly), None).read(&site, NOW).await, None, "not in");
}

/// Answers every connection with these bytes, and then either ends or stays.
async fn serve(said: Vec<u8>, stays: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/source", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let said = said.clone();
            tokio::spawn(async move {
                let mut head = [0; 4096];
                let count = stream.read(&mut head).await.unwrap();
                let head = String::from_utf8_lossy(&head[..count]).to_lowercase();
                assert!(head.contains("accept-encoding: identity"), "{head}");
                assert!(!head.contains("authorization"), "{head}");
                // The other side may leave in the middle: that is what is tested.
                drop(stream.write_all(&said).await);
                if stays {
                    std::future::pending::<()>().await;
                }
            });
        }
    });
    url
}

fn response(length: Option<usize>, body: &[u8]) -> Vec<u8> {
    let length = length.map_or_else(
        || "connection: close\r\n".to_owned(),
        |length| format!("content-length: {length}\r\n"),
    );
    [format!("HTTP/1.1 200 OK\r\netag: \"7\"\r\n{length}\r\n").as_bytes(), body].concat()
}

async fn over_loopback(said: Vec<u8>, stays: bool) -> Page {
    let web = Web::new(UpstreamSettings::default()).unwrap();
    let mut row = row(Format::Statuspage);
    row.sources[0].url = serve(said, stays).await;
    let mut reader = Reader::new(&row, None).within(Duration::from_millis(300));
    // A watch reads in a task of its own.
    tokio::spawn(async move { reader.read(&web, NOW).await }).await.unwrap()
}

#[tokio::test]
async fn limits_hold_over_real_sockets() {
    let good = body(Format::Statuspage, &SCENE).unwrap();
    let whole = response(Some(good.len()), &good);
    check(&over_loopback(whole.clone(), true).await, Some(Level::Operational), "");
    check(&over_loopback(response(None, &good), false).await, Some(Level::Operational), "");
    // 50 MB, announced, and then more than it may be without a word.
    check(&over_loopback(response(Some(50 << 20), &good), true).await, None, "larger than");
    check(&over_loopback(response(None, &vec![b' '; 3 << 20]), false).await, None, "larger than");
    // A head, and then a body that does not go on, or is cut.
    let half = &whole[..whole.len() - 20];
    check(&over_loopback(half.to_vec(), true).await, None, "no whole answer within");
    check(&over_loopback(half.to_vec(), false).await, None, "ended early");
    // What came is a document by itself, and yet not all of it.
    let more = response(Some(good.len() + 1), &good);
    check(&over_loopback(more, false).await, None, "ended early");
    check(&over_loopback(Vec::new(), true).await, None, "no whole answer within");
    check(&over_loopback(Vec::new(), false).await, None, "could not be asked");
    check(&over_loopback(b"* OK IMAP\r\n".to_vec(), false).await, None, "could not be asked");
}

#[tokio::test]
async fn the_head_of_an_answer_is_kept() {
    let said = b"HTTP/1.1 403 Forbidden\r\ncf-mitigated: challenge\r\ncontent-type: text/html\r\n\
                 location: /x\r\ncontent-length: 0\r\n\r\n";
    let web = Web::new(UpstreamSettings::default()).unwrap();
    let got = web.get(&serve(said.to_vec(), true).await, Some("\"1\"")).await.unwrap();
    assert_eq!((got.status, got.challenged), (403, true));
    assert_eq!(got.content_type, "text/html");
    assert_eq!(got.location.as_deref(), Some("/x"));
    assert!(matches!(got.body, Body::Whole(body) if body.is_empty()));
    let trouble = web.get("not an address", None).await.unwrap_err();
    assert_eq!(trouble.to_string(), "the address is none");
}
