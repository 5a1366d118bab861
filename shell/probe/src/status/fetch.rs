//! One GET, and the redirects after it: bounded in bytes and in number, never away from https.
//!
//! Who carries it is behind [`Get`], so that tests say what comes; [`Web`] is the real one.

use std::future::{Future, poll_fn};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, Request, header};
use ir::Failure;
use transport::{AnswerBody, Payload, Upstream, UpstreamSettings};

use super::address;
use super::document::{Answer, Body};
use super::reader::{BODY_MAX, REDIRECTS_MAX};
use super::why::Why;

/// Statuses that send elsewhere.
const ELSEWHERE: [u16; 5] = [301, 302, 303, 307, 308];
/// How long a header's value may be that is kept.
const VALUE_MAX: usize = 2_000;

/// Asks for one address, and follows nothing.
pub trait Get: Sync {
    /// What comes; with a tag, it may be that nothing has changed since (304).
    fn get(
        &self,
        url: &str,
        etag: Option<&str>,
    ) -> impl Future<Output = Result<Got, Trouble>> + Send;
}

/// What came.
#[derive(Clone, Debug)]
pub struct Got {
    /// Its status.
    pub status: u16,
    /// Where it sends to.
    pub location: Option<String>,
    /// The tag of what came.
    pub etag: Option<String>,
    /// Its content type; empty where it has none.
    pub content_type: String,
    /// Its head says that it is a challenge for browsers.
    pub challenged: bool,
    /// Its body, of at most [`BODY_MAX`].
    pub body: Body,
}

/// Why nothing came, in a few words.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct Trouble(pub String);

/// Asks over the network.
#[derive(Clone, Debug)]
pub struct Web {
    upstream: Upstream,
}

/// What came in the end, and where from.
#[derive(Clone, Debug)]
pub(super) struct Arrived {
    pub(super) url: String,
    pub(super) got: Got,
}

/// Asks, and follows redirects.
pub(super) async fn follow(
    get: &impl Get,
    asked: &str,
    etag: Option<(&str, &str)>,
) -> Result<Arrived, Why> {
    let mut url = asked.to_owned();
    for _ in 0..=REDIRECTS_MAX {
        // A tag is of one address only.
        let tag = etag.filter(|(of, _)| *of == url).map(|(_, tag)| tag);
        let got =
            get.get(&url, tag).await.map_err(|trouble| Why::Unreached(trouble.to_string()))?;
        let Some(location) = got.location.as_deref().filter(|_| ELSEWHERE.contains(&got.status))
        else {
            return Ok(Arrived { url, got });
        };
        let next = address::resolve(&url, location).ok_or(Why::Status(got.status))?;
        if !address::is_https(&url) || !address::is_https(&next) {
            return Err(Why::Insecure);
        }
        url = next;
    }
    Err(Why::Redirects(REDIRECTS_MAX))
}

// === impl Arrived ===

impl Arrived {
    /// The same, to be read.
    pub(super) fn answer<'a>(&'a self, asked: &'a str) -> Answer<'a> {
        Answer {
            asked,
            url: &self.url,
            status: self.got.status,
            content_type: &self.got.content_type,
            challenged: self.got.challenged,
            body: &self.got.body,
        }
    }
}

// === impl Web ===

impl Web {
    /// Over connections of its own.
    pub fn new(settings: UpstreamSettings) -> Result<Self, transport::Error> {
        Upstream::new(settings).map(Self::over)
    }

    /// Over connections that there are.
    pub fn over(upstream: Upstream) -> Self {
        Self { upstream }
    }
}

impl Get for Web {
    async fn get(&self, url: &str, etag: Option<&str>) -> Result<Got, Trouble> {
        let agent = concat!("backstop/", env!("CARGO_PKG_VERSION"));
        let mut request = Request::get(url)
            .header(header::USER_AGENT, agent)
            .header(header::ACCEPT, "application/json, application/rss+xml, application/xml, */*")
            // What is not packed cannot unpack to more than was read.
            .header(header::ACCEPT_ENCODING, "identity");
        if let Some(etag) = etag {
            request = request.header(header::IF_NONE_MATCH, etag);
        }
        let request = request
            .body(Payload::empty())
            .map_err(|_| Trouble("the address is none".to_owned()))?;
        let answer =
            self.upstream.send(request).await.map_err(|why| Trouble(say(&why).to_owned()))?;
        let value = |name| value(&answer.headers, &name);
        let challenged = value(HeaderName::from_static("cf-mitigated"));
        Ok(Got {
            status: answer.status,
            location: value(header::LOCATION),
            etag: value(header::ETAG),
            content_type: value(header::CONTENT_TYPE).unwrap_or_default(),
            challenged: challenged.as_deref() == Some("challenge"),
            body: body(value(header::CONTENT_LENGTH), answer.body).await,
        })
    }
}

fn value(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    (value.len() <= VALUE_MAX).then(|| value.to_owned())
}

/// A body that says that it is too large is not even begun.
async fn body(length: Option<String>, mut body: AnswerBody) -> Body {
    if length.and_then(|length| length.parse::<usize>().ok()).is_some_and(|it| BODY_MAX < it) {
        return Body::TooLarge;
    }
    let mut whole = BytesMut::new();
    while let Some(chunk) = poll_fn(|cx| body.poll_chunk(cx)).await {
        let Ok(chunk): Result<Bytes, Failure> = chunk else { return Body::Cut };
        if BODY_MAX < whole.len() + chunk.len() {
            return Body::TooLarge;
        }
        whole.extend_from_slice(&chunk);
    }
    Body::Whole(whole.freeze())
}

/// Why nothing came, for people.
fn say(failure: &Failure) -> &'static str {
    match failure {
        Failure::Dns(_) => "its name does not resolve",
        Failure::Connect(_) => "no connection",
        Failure::Proxy(_) => "the proxy does not let it through",
        Failure::Tls(_) => "no TLS session",
        Failure::BadHttp(_) => "what came is not HTTP",
        Failure::Silent(_) => "nobody answers in time",
        Failure::Unprocessed
        | Failure::Stale
        | Failure::Reset
        | Failure::Rejected(_)
        | Failure::WrongContent(_)
        | Failure::Malformed(_)
        | Failure::Cut { .. }
        | Failure::Empty
        | Failure::Filtered
        | Failure::Stalled
        | Failure::Crawling
        | Failure::Unjoined(_)
        | Failure::Overflow(_)
        | Failure::Unsendable(_)
        | Failure::Uncarried(_)
        | Failure::Stopping => "the connection was cut before an answer",
    }
}
