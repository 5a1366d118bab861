//! Server-sent events: bytes to frames, as the WHATWG reads them
//! (<https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation>).
//!
//! A frame is everything up to and including the blank line after its fields or comments; blank
//! lines before them belong to it. It is given out as soon as the blank line is complete: after
//! `\r\n\r` nobody waits for the `\n`, which then leads the next frame and means nothing there.
//!
//! **Invariant:** a byte is looked at once while its frame is incomplete, however it was split.

use crate::lazy::Raw;
use crate::{Error, json};
use bytes::{Buf, Bytes, BytesMut};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::borrow::Cow;

#[cfg(test)]
mod tests;

/// The longest frame, in bytes. Images and encrypted reasoning come in one frame; 16 MiB is far
/// beyond the largest that we know of.
pub const FRAME_BYTES_MAX: usize = 16 << 20;

/// The byte order mark.
const MARK: char = '\u{feff}';

/// Cuts a stream into frames.
#[cfg_attr(test, derive(Clone))]
#[derive(Debug, Default)]
pub(crate) struct Framer {
    /// Bytes of a frame that is not complete.
    pending: BytesMut,
    /// The current line has bytes.
    in_line: bool,
    /// The frame has a line that is not empty.
    in_frame: bool,
    /// The last byte was `\r`: a `\n` that follows belongs to it.
    after_cr: bool,
}

/// What a frame says.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct Fields<'a> {
    /// The `event:` field; empty where there is none.
    pub(crate) event: &'a str,
    /// The `data:` fields, joined; `None` where there is none and no event is to be dispatched.
    pub(crate) data: Option<Cow<'a, str>>,
    /// There is a line that is no field of an event, and says something all the same: what is left of a
    /// field, or of something that is no stream of events.
    pub(crate) stray: bool,
    /// Such a line may be what is left of another frame.
    pub(crate) torn: bool,
}

/// What a frame's `data:` fields say, joined; empty where it has none, and where it is not UTF-8.
pub fn data_of(frame: &Bytes) -> Bytes {
    let text = std::str::from_utf8(frame).unwrap_or_default();
    match Fields::read(text, false).data {
        Some(Cow::Borrowed(data)) => frame.slice_ref(data.as_bytes()),
        Some(Cow::Owned(data)) => Bytes::from(data),
        None => Bytes::new(),
    }
}

/// Whether a frame has nothing but comments: the one thing that is the same in every dialect.
pub fn is_comment(frame: &[u8]) -> bool {
    let ends = memchr::memchr2_iter(b'\n', b'\r', frame).map(|end| end.saturating_add(1));
    // An event is told by its first byte: nothing is looked for in its line.
    let mut starts = std::iter::once(0).chain(ends);
    starts.all(|start| frame.get(start).is_none_or(|byte| matches!(byte, b':' | b'\n' | b'\r')))
}

/// Whether a frame's data is an object with an `error` in it, whatever its name is and whoever reads it
/// as one.
pub fn names_error(frame: &Bytes) -> bool {
    #[derive(Deserialize)]
    struct Named<'a> {
        #[serde(borrow)]
        error: Option<Raw<'a>>,
    }
    // Inside a string the quotes are escaped: of long answers nothing more is read.
    if memchr::memmem::find(frame, br#""error""#).is_none() {
        return false;
    }
    let data = data_of(frame);
    let named: Option<Named<'_>> = json::object(&data);
    named.is_some_and(|named| json::holds(named.error))
}

/// What [`is_keepalive`] is true of, in words.
pub(crate) const KEEPALIVE: &str = "a keep-alive in the place of data";

/// Words that are sent to keep a connection open, by name or as data.
const WORDS: [&str; 4] = ["ping", "heartbeat", "keepalive", "keep-alive"];

fn is_word(text: &str) -> bool {
    WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Whether a frame that is no event says nothing: what some send where a comment was meant. That is
/// no data (<https://github.com/Growth-Circle/cadis/issues/2329>), a document with nothing in it, a
/// comment as data (<https://github.com/anomalyco/opencode/issues/50871>), or a word
/// (<https://github.com/aaif-goose/goose/pull/11816>). Anything else was something once.
pub(crate) fn is_keepalive(event: &str, data: &str) -> bool {
    let data = data.trim_ascii();
    // The rest of an object could begin with a colon, and has quotes.
    let comment = data.starts_with(':') && !has_quote(data);
    is_hollow(data) || comment || is_word(data) || (is_word(event) && !is_torn(data))
}

/// Whether it is nothing, or a document with nothing in it.
pub(crate) fn is_hollow(data: &str) -> bool {
    match data.trim_ascii().as_bytes() {
        [] | b"null" => true,
        [b'{', inside @ .., b'}'] | [b'[', inside @ .., b']'] => inside.trim_ascii().is_empty(),
        _ => false,
    }
}

/// Whether data is no document and may be what is left of one, or several of which the blank line
/// between them was lost: those have quotes. Under a name that nobody knows it would be passed over.
pub(crate) fn is_torn(data: &str) -> bool {
    has_quote(data) && serde_json::from_str::<IgnoredAny>(data).is_err()
}

/// Whether a line that is no field of an event may be what is left of its data: an object, whose texts have
/// quotes and whose end is a brace. The line's name proves nothing: a damaged `data` may look like any.
fn is_rest(line: &str) -> bool {
    memchr::memchr2(b'"', b'}', line.as_bytes()).is_some()
}

fn has_quote(data: &str) -> bool {
    memchr::memchr(b'"', data.as_bytes()).is_some()
}

// === impl Framer ===

impl Framer {
    /// Takes what came and gives out the next whole frame, if there is one. To be called until it
    /// gives none; `chunk` is empty then.
    pub(crate) fn next(&mut self, chunk: &mut Bytes) -> Result<Option<Bytes>, Error> {
        let end = self.scan(chunk);
        let taken = end.unwrap_or(chunk.len());
        if self.pending.len().saturating_add(taken) > FRAME_BYTES_MAX {
            return Err(Error::FrameTooLong { limit: FRAME_BYTES_MAX });
        }
        if end.is_none() {
            self.pending.extend_from_slice(chunk);
            chunk.advance(taken);
            return Ok(None);
        }
        let rest = chunk.split_to(taken);
        if self.pending.is_empty() {
            return Ok(Some(rest));
        }
        self.pending.extend_from_slice(&rest);
        Ok(Some(self.pending.split().freeze()))
    }

    /// The bytes of a frame that did not become complete.
    pub(crate) fn finish(&mut self) -> Bytes {
        self.in_line = false;
        self.in_frame = false;
        self.after_cr = false;
        self.pending.split().freeze()
    }

    /// How many bytes of the chunk complete the frame.
    fn scan(&mut self, chunk: &[u8]) -> Option<usize> {
        let mut at = 0usize;
        if self.after_cr && chunk.first() == Some(&b'\n') {
            at = 1;
        }
        self.after_cr = self.after_cr && chunk.is_empty();
        while let Some(rest) = chunk.get(at..).filter(|rest| !rest.is_empty()) {
            let Some(length) = memchr::memchr2(b'\n', b'\r', rest) else {
                self.in_line = true;
                return None;
            };
            let blank = length == 0 && !self.in_line;
            self.in_line = false;
            at = at.saturating_add(length).saturating_add(1);
            if rest.get(length) == Some(&b'\r') {
                match chunk.get(at) {
                    Some(b'\n') => at = at.saturating_add(1),
                    Some(_) => {}
                    None => self.after_cr = true,
                }
            }
            if blank && self.in_frame {
                self.in_frame = false;
                return Some(at);
            }
            self.in_frame = self.in_frame || !blank;
        }
        None
    }
}

// === impl Fields ===

impl<'a> Fields<'a> {
    /// Reads a frame. `first`: it begins the stream and may have a byte order mark.
    pub(crate) fn read(frame: &'a str, first: bool) -> Self {
        let text = match frame.strip_prefix(MARK) {
            Some(text) if first => text,
            Some(_) | None => frame,
        };
        let mut fields = Self::default();
        let mut start = 0usize;
        // The blank line between `\r` and `\n` that this sees is as good as no line.
        for end in memchr::memchr2_iter(b'\n', b'\r', text.as_bytes()) {
            fields.line(text.get(start..end).unwrap_or_default());
            start = end.saturating_add(1);
        }
        fields
    }

    fn line(&mut self, line: &'a str) {
        let colon = memchr::memchr(b':', line.as_bytes()).unwrap_or(line.len());
        let (name, value) = line.split_at_checked(colon).unwrap_or((line, ""));
        let value = value.strip_prefix(':').unwrap_or(value);
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "event" => self.event = value,
            "data" => self.add(value),
            "" | "id" | "retry" => {}
            other => {
                let said = other.trim_start_matches(MARK).trim_ascii();
                let stray = !said.is_empty() && !is_word(said);
                self.stray |= stray;
                self.torn |= stray && is_rest(line);
            }
        }
    }

    fn add(&mut self, value: &'a str) {
        match &mut self.data {
            Some(data) => {
                let data = data.to_mut();
                data.push('\n');
                data.push_str(value);
            }
            None => self.data = Some(Cow::Borrowed(value)),
        }
    }
}
