//! What came of asking: a document that can be read, or the trap that it was.

use std::borrow::Cow;

use bytes::Bytes;
use encoding_rs::{Encoding, UTF_8};
use serde_json::Value;

use super::format::Format;
use super::why::Why;
use super::{address, foreign, reader};

/// Statuses with which a challenge comes.
const CHALLENGED: [u16; 5] = [200, 401, 403, 429, 503];
/// Marks of pages that want a browser to prove itself, in small letters.
const CHALLENGES: [&str; 7] = [
    "_cf_chl",
    "challenge-platform",
    "cf-challenge",
    "just a moment...",
    "captcha",
    "px-captcha",
    "attention required! | cloudflare",
];
/// How much of a body is looked through for them.
const MARKS_WITHIN: usize = 64 << 10;

/// What came when a source was asked.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// Where it was asked first.
    pub asked: &'a str,
    /// Where the answer came from in the end.
    pub url: &'a str,
    /// Its status.
    pub status: u16,
    /// Its content type, as it came.
    pub content_type: &'a str,
    /// Its head says that it is a challenge for browsers (`cf-mitigated`).
    pub challenged: bool,
    /// Its body.
    pub body: &'a Body,
}

/// A body, and how it ended.
#[derive(Clone, Debug)]
pub enum Body {
    /// All of it.
    Whole(Bytes),
    /// It was larger than it may be.
    TooLarge,
    /// It ended early.
    Cut,
}

/// A document of which it is known how it is written.
#[derive(Debug)]
pub(super) enum Document {
    /// JSON.
    Json {
        value: Value,
        /// It came in UTF-16.
        utf16: bool,
    },
    /// XML, decoded and without its prolog.
    Xml(String),
}

// === impl Answer ===

impl Answer<'_> {
    /// The document, or why there is none.
    pub(super) fn document(&self, expected: Option<Format>) -> Result<Document, Why> {
        if self.challenged {
            return Err(Why::Challenge);
        }
        let bytes = match self.body {
            Body::Whole(bytes) if self.status == 200 => bytes,
            Body::Whole(bytes) if is_challenge(self.status, bytes) => return Err(Why::Challenge),
            Body::Whole(_) | Body::TooLarge | Body::Cut if self.status != 200 => {
                return Err(Why::Status(self.status));
            }
            Body::TooLarge => return Err(Why::TooLarge(reader::BODY_MAX)),
            Body::Cut | Body::Whole(_) => return Err(Why::Cut),
        };
        let (text, utf16) = decode(bytes, self.content_type)?;
        let text = text.trim();
        match text.as_bytes().first() {
            None => Err(Why::Blank),
            Some(b'{' | b'[') => json(text).map(|value| Document::Json { value, utf16 }),
            Some(b'<') if is_html(text) => Err(self.web_page(bytes, expected)),
            Some(b'<') => Ok(Document::Xml(without_prolog(text).to_owned())),
            Some(_) => Err(Why::Neither),
        }
    }

    /// Why a web page came.
    fn web_page(&self, bytes: &[u8], expected: Option<Format>) -> Why {
        if is_challenge(self.status, bytes) {
            return Why::Challenge;
        }
        let hosts = (address::host(self.asked), address::host(self.url));
        match hosts {
            (Some(asked), Some(now)) if asked != now => Why::Moved { to: foreign::short(now) },
            _ => Why::Html { expected },
        }
    }
}

/// The text of an answer: by its mark of order, else by what its head says, else UTF-8. And whether it
/// was UTF-16 by its mark.
pub(super) fn decode<'b>(bytes: &'b [u8], content_type: &str) -> Result<(Cow<'b, str>, bool), Why> {
    let (encoding, rest, utf16) = match Encoding::for_bom(bytes) {
        Some((encoding, mark)) => {
            (encoding, bytes.get(mark..).unwrap_or_default(), encoding != UTF_8)
        }
        None => (charset(content_type).unwrap_or(UTF_8), bytes, false),
    };
    encoding
        .decode_without_bom_handling_and_without_replacement(rest)
        .map(|text| (text, utf16))
        .ok_or(Why::Encoding)
}

fn charset(content_type: &str) -> Option<&'static Encoding> {
    let named = content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"'))
    })?;
    Encoding::for_label(named.as_bytes())
}

fn json(text: &str) -> Result<Value, Why> {
    serde_json::from_str(text).map_err(|error| {
        if error.is_eof() { Why::Cut } else { Why::Json(foreign::sentence(&error.to_string())) }
    })
}

fn is_html(text: &str) -> bool {
    let head: String = text.chars().take(512).collect::<String>().to_ascii_lowercase();
    head.starts_with("<!doctype html") || head.starts_with("<html") || head.contains("<html")
}

fn is_challenge(status: u16, bytes: &[u8]) -> bool {
    let head = bytes.get(..bytes.len().min(MARKS_WITHIN)).unwrap_or_default();
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    // A document may speak of challenges; a page for browsers is one.
    CHALLENGED.contains(&status)
        && head.contains("<html")
        && CHALLENGES.iter().any(|mark| head.contains(mark))
}

/// The prolog names an encoding that the text does not have any more.
fn without_prolog(text: &str) -> &str {
    match text.strip_prefix("<?xml") {
        Some(rest) => rest.split_once("?>").map_or(text, |(_, rest)| rest.trim_start()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::{decode, is_html, without_prolog};

    #[test]
    fn text_is_decoded_by_its_mark_and_then_by_its_head() {
        let check = |bytes: &[u8], head: &str, expect: Option<(&str, bool)>| {
            let got = decode(bytes, head).ok();
            assert_eq!(got.as_ref().map(|(text, utf16)| (&**text, *utf16)), expect, "{bytes:?}");
        };
        check(b"[]", "", Some(("[]", false)));
        check(b"\xef\xbb\xbf[]", "", Some(("[]", false)));
        check(b"\xfe\xff\0[\0]", "", Some(("[]", true)));
        check(b"\xff\xfe[\0]\0", "", Some(("[]", true)));
        check(b"\xfe\xff\0[\0", "", None);
        check(b"\xfe\xff\xd8\0\0]", "", None);
        check(b"\xe9", "", None);
        check(b"\xe9", "text/xml; Charset=\"iso-8859-1\"", Some(("é", false)));
        check(b"\0[\0]", "application/json; charset=utf-16be", Some(("[]", false)));
        check(b"x", "text/plain; charset=none-such", Some(("x", false)));
    }

    #[test]
    fn web_pages_are_told_from_feeds() {
        let check = |text: &str, expect: bool| assert_eq!(is_html(text), expect, "{text}");
        check("<!DOCTYPE html><title>x", true);
        check("<HTML lang=en>", true);
        check("<!-- hello --><html>", true);
        check("<rss version='2.0'>", false);
        check("<?xml version='1.0'?><feed>", false);
        assert_eq!(without_prolog("<?xml version='1.0' encoding='utf-16'?>\n<rss>"), "<rss>");
        assert_eq!(without_prolog("<?xml version"), "<?xml version");
    }
}
