//! What one request is answered with.

use bytes::Bytes;
use std::fmt::Write as _;
use std::time::Duration;

/// An answer.
#[derive(Clone, Debug)]
pub struct Page {
    status: u16,
    headers: Vec<(String, String)>,
    pub(super) body: Body,
    pub(super) ending: Ending,
}

/// The body of an answer.
#[derive(Clone, Debug)]
pub enum Body {
    /// These bytes.
    Bytes(Bytes),
    /// These bytes, so many times.
    Repeated(Bytes, u64),
    /// These bytes, one by one.
    Dripped(Bytes, Duration),
}

/// How an answer ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ending {
    /// As it should.
    Whole,
    /// A head, and then nothing.
    Stall,
    /// A part of the body, and then the end of the connection.
    Cut,
    /// Not even a head.
    Silent,
    /// It is no HTTP.
    Garbled,
}

// === impl Page ===

impl Page {
    /// One of this content type.
    pub fn new(status: u16, kind: &str, body: impl Into<Bytes>) -> Self {
        let headers = vec![("content-type".to_owned(), kind.to_owned())];
        Self { status, headers, body: Body::Bytes(body.into()), ending: Ending::Whole }
    }

    /// One of JSON.
    pub fn json(status: u16, body: &str) -> Self {
        Self::new(status, "application/json", body.to_owned())
    }

    /// One for a browser.
    pub fn html(status: u16, body: &str) -> Self {
        Self::new(status, "text/html; charset=utf-8", body.to_owned())
    }

    /// One of plain text.
    pub fn text(body: &str) -> Self {
        Self::new(200, "text/plain", body.to_owned())
    }

    /// One without a body.
    pub fn empty(status: u16) -> Self {
        Self::new(status, "text/plain", Bytes::new())
    }

    /// One that sends browsers elsewhere.
    pub fn redirect(status: u16, to: &str) -> Self {
        Self::empty(status).with("location", to)
    }

    /// One that never begins.
    pub fn silent() -> Self {
        Self { ending: Ending::Silent, ..Self::empty(200) }
    }

    /// With a header more.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With another body.
    #[must_use]
    pub fn body(mut self, body: Body) -> Self {
        self.body = body;
        self
    }

    /// With another end.
    #[must_use]
    pub fn ending(mut self, ending: Ending) -> Self {
        self.ending = ending;
        self
    }

    /// The value of a header.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
    }

    /// Its head, or that of "the same as you have".
    pub(super) fn head(&self, same: bool, date: &str) -> String {
        let status = if same { 304 } else { self.status };
        let mut head = format!("HTTP/1.1 {status} Lab\r\ndate: {date}\r\n");
        for (name, value) in &self.headers {
            // Writing to a string does not fail.
            write!(head, "{name}: {value}\r\n").ok();
        }
        if !same && status != 204 {
            let length = self.body.length();
            // What is to be cut promises more than comes.
            let length = length + u64::from(self.ending == Ending::Cut);
            write!(head, "content-length: {length}\r\n").ok();
        }
        head + "\r\n"
    }
}

// === impl Body ===

impl Body {
    /// Its length in bytes.
    fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) | Self::Dripped(bytes, _) => bytes.len() as u64,
            Self::Repeated(piece, times) => times.saturating_mul(piece.len() as u64),
        }
    }

    /// What is sent of it at once.
    pub(super) fn first(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) | Self::Dripped(bytes, _) | Self::Repeated(bytes, _) => bytes,
        }
    }
}
