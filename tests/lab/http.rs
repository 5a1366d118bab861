//! An HTTP/1.1 server that answers by a table: API, status page, login page or page that is known.
//!
//! It is written by hand, so that an answer may be cut, stall, drip, lie about its date or be no HTTP.
//! Requests that the table does not know go to a fake provider, where there is one.
//!
//! **Invariants:** a request is at most 64 KiB long; a large body is made as it is sent and
//! never held.

mod over;
mod page;

pub use page::{Body, Ending, Page};

use anyhow::Result;
use bytes::Bytes;
use drill::provider::{Provider, Wire};
use over::Over;
use std::collections::BTreeMap;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{MissedTickBehavior, interval};

use super::server::{Log, Server};
use super::tls::Manner;

/// The longest request, with its body.
const REQUEST_MAX: usize = 64 * 1024;
/// Headers that carry a key.
const KEYED: [&str; 3] = ["authorization", "x-api-key", "x-goog-api-key"];

/// What a server answers.
#[derive(Debug, Default)]
pub struct Site {
    rules: Vec<Rule>,
    otherwise: Option<Page>,
    /// Its clock less the true one, in seconds.
    ahead_s: i64,
    behind: Option<Provider>,
}

/// Which requests get which page.
#[derive(Debug)]
struct Rule {
    path: String,
    key: Key,
    page: Page,
}

/// Which key a request brings.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Key {
    /// Any or none.
    Whatever,
    /// This one.
    Right(String),
}

/// A request, as far as the table looks at it.
#[derive(Debug)]
struct Asked {
    method: String,
    path: String,
    headers: BTreeMap<String, String>,
    /// All of it, as it came.
    bytes: Vec<u8>,
}

// === impl Site ===

impl Site {
    /// One that knows no page, and answers 404.
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers requests for a path with a page. The first rule that fits counts; a path that ends with
    /// `*` is the beginning of one.
    #[must_use]
    pub fn page(mut self, path: &str, page: Page) -> Self {
        self.rules.push(Rule { path: path.to_owned(), key: Key::Whatever, page });
        self
    }

    /// The same for requests that bring this key.
    #[must_use]
    pub fn keyed(mut self, path: &str, key: &str, page: Page) -> Self {
        let key = Key::Right(key.to_owned());
        self.rules.push(Rule { path: path.to_owned(), key, page });
        self
    }

    /// Answers everything else with a page.
    #[must_use]
    pub fn otherwise(mut self, page: Page) -> Self {
        self.otherwise = Some(page);
        self
    }

    /// Its clock is so many seconds ahead of the true one, or behind it.
    #[must_use]
    pub fn ahead(mut self, ahead_s: i64) -> Self {
        self.ahead_s = ahead_s;
        self
    }

    /// Hands what no rule fits to a fake provider.
    #[must_use]
    pub fn before(mut self, provider: Provider) -> Self {
        self.behind = Some(provider);
        self
    }

    /// Starts it in the clear. One site may be served at several addresses.
    pub async fn serve(self: Arc<Self>, at: SocketAddr) -> Result<Server> {
        let (site, log) = (self, Log::default());
        let noted = log.clone();
        Server::tcp(at, log, move |stream| {
            let (site, noted) = (Arc::clone(&site), noted.clone());
            async move { site.speak(stream, &noted).await }
        })
        .await
    }

    /// Starts it behind TLS.
    pub async fn serve_tls(self: Arc<Self>, at: SocketAddr, manner: Manner) -> Result<Server> {
        let (site, log) = (self, Log::default());
        let noted = log.clone();
        Server::tcp(at, log, move |stream| {
            let (site, noted, manner) = (Arc::clone(&site), noted.clone(), manner.clone());
            async move {
                noted.note("hello".to_owned());
                if let Some(stream) = manner.shake(stream).await {
                    site.speak(stream, &noted).await;
                }
            }
        })
        .await
    }

    /// Answers one request after the other until either side has had enough.
    async fn speak<S: Wire + 'static>(&self, mut stream: S, log: &Log) {
        let mut read = Vec::new();
        while let Some(asked) = take(&mut stream, &mut read).await {
            log.note(format!("{} {}", asked.method, asked.path));
            let Some(page) = self.find(&asked) else {
                if let Some(provider) = &self.behind {
                    let over = Over::new(Bytes::from(asked.bytes), stream);
                    return provider.serve(over).await;
                }
                let none = Page::json(404, "{\"error\":{\"message\":\"no such path\"}}");
                if self.answer(&mut stream, &asked, &none).await.is_none() {
                    return;
                }
                continue;
            };
            if self.answer(&mut stream, &asked, page).await.is_none() {
                return;
            }
        }
    }

    fn find(&self, asked: &Asked) -> Option<&Page> {
        let path = asked.path.split('?').next().unwrap_or_default();
        let fits = |rule: &&Rule| {
            let here = match rule.path.strip_suffix('*') {
                Some(begin) => path.starts_with(begin),
                None => path == rule.path,
            };
            here && match &rule.key {
                Key::Whatever => true,
                Key::Right(key) => asked.key() == Some(key),
            }
        };
        let ruled = self.rules.iter().find(fits).map(|rule| &rule.page);
        ruled.or(self.otherwise.as_ref())
    }

    /// Sends a page; none where the connection ends with it.
    async fn answer<S: Wire>(&self, stream: &mut S, asked: &Asked, page: &Page) -> Option<()> {
        if page.ending == Ending::Silent {
            return pending().await;
        }
        if page.ending == Ending::Garbled {
            stream.write_all(b"\x15\x03\x01 this is no HTTP\r\n\r\n").await.ok()?;
            return None;
        }
        let etag = page.header("etag");
        let same = etag.is_some() && asked.headers.get("if-none-match").map(String::as_str) == etag;
        let head = page.head(same, &self.date());
        stream.write_all(head.as_bytes()).await.ok()?;
        if same || asked.method == "HEAD" {
            return Some(());
        }
        match page.ending {
            Ending::Stall => return pending().await,
            Ending::Cut => {
                stream.write_all(page.body.first()).await.ok()?;
                stream.shutdown().await.ok()?;
                return None;
            }
            Ending::Whole | Ending::Silent | Ending::Garbled => {}
        }
        send(stream, &page.body).await
    }

    fn date(&self) -> String {
        let by = Duration::from_secs(self.ahead_s.unsigned_abs());
        let now = SystemTime::now();
        let then = if self.ahead_s < 0 { now.checked_sub(by) } else { now.checked_add(by) };
        httpdate::fmt_http_date(then.unwrap_or(now))
    }
}

// === impl Asked ===

impl Asked {
    /// The key that it brings.
    fn key(&self) -> Option<&str> {
        let value = KEYED.iter().find_map(|name| self.headers.get(*name))?;
        Some(value.strip_prefix("Bearer ").unwrap_or(value))
    }
}

async fn send<S: Wire>(stream: &mut S, body: &Body) -> Option<()> {
    match body {
        Body::Bytes(bytes) => stream.write_all(bytes).await.ok()?,
        Body::Repeated(piece, times) => {
            for _ in 0..*times {
                stream.write_all(piece).await.ok()?;
            }
        }
        Body::Dripped(bytes, every) => {
            let mut ticks = interval(*every);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            for byte in bytes.chunks(1) {
                ticks.tick().await;
                stream.write_all(byte).await.ok()?;
                stream.flush().await.ok()?;
            }
        }
    }
    stream.flush().await.ok()
}

/// The next request; none where there is none, or none that can be read.
async fn take<S: Wire>(stream: &mut S, read: &mut Vec<u8>) -> Option<Asked> {
    loop {
        if let Some((asked, length)) = parse(read)? {
            let mut asked = asked;
            asked.bytes = read.drain(..length).collect();
            return Some(asked);
        }
        if REQUEST_MAX <= read.len() || stream.read_buf(read).await.ok()? == 0 {
            return None;
        }
    }
}

/// A request and its length, once all of it is there.
#[expect(clippy::option_option, reason = "unreadable, not there yet, there")]
fn parse(read: &[u8]) -> Option<Option<(Asked, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(head) = request.parse(read).ok()? else { return Some(None) };
    let (method, path) = (request.method?.to_owned(), request.path?.to_owned());
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let headers: BTreeMap<String, String> = request
        .headers
        .iter()
        .map(|header| (header.name.to_ascii_lowercase(), text(header.value)))
        .collect();
    let body: usize = match headers.get("content-length") {
        Some(length) => length.parse().ok()?,
        None => 0,
    };
    let length = head.checked_add(body)?;
    if read.len() < length {
        return Some(None);
    }
    Some(Some((Asked { method, path, headers, bytes: Vec::new() }, length)))
}
