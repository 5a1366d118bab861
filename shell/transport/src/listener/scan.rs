//! What hyper does not show of an HTTP/1.1 request: how its head announced the body, byte by byte.
//!
//! hyper takes `Content-Length` beside `Transfer-Encoding` for the latter alone and says nothing of
//! the former, and it takes a bare line feed for a line end. A proxy in front of us may see another
//! end of that request, and what it takes for the body of one could be the next one here (request
//! smuggling, RFC 9112 §11.2). So the bytes are looked through before hyper sees them.
//!
//! ```text
//!          head complete                    body complete
//!   Head ─────────────────▶ Length, Chunked ─────────────▶ Head
//!     │ anything odd          │ odd framing of a chunk
//!     └──────────▶ Blind ◀────┘
//! ```
//!
//! **Invariants:** nothing is changed and nothing is held back; once something is odd, nothing more
//! is looked at, because nothing that follows has a meaning. What is kept is at most one head.

use memchr::memchr;

use super::fault::Fault;

/// Follows the requests of one connection.
#[derive(Debug)]
pub(super) struct Scan {
    part: Part,
    /// The head at hand, as far as it came, where it did not come in one piece.
    head: Vec<u8>,
    /// Where its last line begins, which is not complete.
    line_at: usize,
    /// Longer heads are not looked at: hyper refuses them.
    head_max: usize,
    /// Heads that are complete.
    heads: u64,
    /// What is odd, and in which head, from 1.
    odd: Option<(u64, Fault)>,
}

#[derive(Debug)]
enum Part {
    Head,
    Length(u64),
    Chunked(Chunk),
    Blind,
}

#[derive(Clone, Copy, Debug)]
enum Chunk {
    /// The digits of a size, so far.
    Size(u64, u8),
    /// An extension, which means nothing to us.
    Extension(u64),
    SizeEnd(u64),
    Data(u64),
    DataEnd,
    DataFeed,
    /// Behind the last chunk: a line of a trailer, how long so far, and what its last byte was.
    Trailer {
        length: u64,
        cr: bool,
    },
}

/// Extensions and trailers are read over up to here.
const ASIDE_MAX: u64 = 16 * 1024;
/// Digits of a chunk's size.
const DIGITS_MAX: u8 = 16;

// === impl Scan ===

impl Scan {
    pub(super) fn new(head_max: usize) -> Self {
        Self { part: Part::Head, head: Vec::new(), line_at: 0, head_max, heads: 0, odd: None }
    }

    /// Looks at the next bytes, and tells what was odd so far: in which head, counted from 1.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) -> Option<(u64, Fault)> {
        while !bytes.is_empty() {
            match &mut self.part {
                Part::Blind => break,
                Part::Head => bytes = self.head(bytes),
                Part::Length(left) => {
                    let here = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                    *left -= here as u64;
                    if *left == 0 {
                        self.part = Part::Head;
                    }
                    bytes = bytes.get(here..).unwrap_or_default();
                }
                Part::Chunked(chunk) => match chunk.feed(bytes) {
                    Ok((_, true, rest)) => {
                        self.part = Part::Head;
                        bytes = rest;
                    }
                    Ok((next, false, rest)) => {
                        *chunk = next;
                        bytes = rest;
                    }
                    Err(odd) => self.blind(odd),
                },
            }
        }
        self.odd
    }

    /// Takes what belongs to the head at hand, and returns the rest.
    fn head<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        if self.head.is_empty() {
            match end_of_head(bytes, 0) {
                Ok(length) => {
                    let (head, rest) = bytes.split_at_checked(length).unwrap_or((bytes, &[]));
                    self.read(head);
                    return rest;
                }
                Err(line_at) => self.line_at = line_at,
            }
            self.head.extend_from_slice(bytes);
        } else {
            let before = self.head.len();
            self.head.extend_from_slice(bytes);
            match end_of_head(&self.head, self.line_at) {
                Ok(length) => {
                    let head = std::mem::take(&mut self.head);
                    self.read(head.get(..length).unwrap_or(&head));
                    return bytes.get(length.saturating_sub(before)..).unwrap_or_default();
                }
                Err(line_at) => self.line_at = line_at,
            }
        }
        if self.head_max <= self.head.len() {
            self.head = Vec::new();
            self.part = Part::Blind;
        }
        &[]
    }

    /// A complete head: how long is its body?
    fn read(&mut self, head: &[u8]) {
        if head.iter().all(|byte| matches!(byte, b'\r' | b'\n')) {
            // Line ends in front of a request are nobody's request (RFC 9112 §2.2).
            return;
        }
        self.heads += 1;
        match body_of(head) {
            Ok(part) => self.part = part,
            Err(odd) => self.blind(odd),
        }
    }

    fn blind(&mut self, odd: Fault) {
        self.odd = Some((self.heads, odd));
        self.part = Part::Blind;
    }
}

/// The length of the head at the front, with the empty line that ends it; or where the line begins
/// that is not complete. `at` is the beginning of a line.
pub(super) fn end_of_head(bytes: &[u8], mut at: usize) -> Result<usize, usize> {
    loop {
        let line = bytes.get(at..).unwrap_or_default();
        let end = memchr(b'\n', line).ok_or(at)?;
        at += end + 1;
        if matches!(line.get(..end), Some([] | [b'\r'])) {
            return Ok(at);
        }
    }
}

/// How the body of this head is framed.
fn body_of(head: &[u8]) -> Result<Part, Fault> {
    let mut lines = head.split_inclusive(|byte| *byte == b'\n');
    let request = line(lines.next().unwrap_or_default())?;
    let (mut length, mut chunked) = (None, false);
    for field in lines {
        let field = line(field)?;
        let Some(colon) = memchr(b':', field) else { continue };
        let (name, value) = field.split_at_checked(colon).unwrap_or((field, b":"));
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        if name.eq_ignore_ascii_case(b"content-length") {
            if length.replace(number(value).ok_or(Fault::OddLength)?).is_some() {
                return Err(Fault::OddLength);
            }
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            if chunked || !value.eq_ignore_ascii_case(b"chunked") {
                return Err(Fault::OddEncoding);
            }
            chunked = true;
        }
    }
    match (chunked, length) {
        (true, Some(_)) => Err(Fault::TwoFramings),
        (true, None) if request.ends_with(b"HTTP/1.0") => Err(Fault::OldChunked),
        (true, None) => Ok(Part::Chunked(Chunk::Size(0, 0))),
        (false, Some(0) | None) => Ok(Part::Head),
        (false, Some(length)) => Ok(Part::Length(length)),
    }
}

/// A line without its end, which is CRLF.
fn line(line: &[u8]) -> Result<&[u8], Fault> {
    line.strip_suffix(b"\r\n").ok_or(Fault::BareLineFeed)
}

fn number(digits: &[u8]) -> Option<u64> {
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| u64::from(*byte - b'0'));
    let more = |sum: u64, byte: &u8| sum.checked_mul(10)?.checked_add(digit(byte)?);
    if digits.is_empty() { None } else { digits.iter().try_fold(0, more) }
}

// === impl Chunk ===

impl Chunk {
    /// The state behind some of these bytes, whether the body is over, and the bytes that are left.
    fn feed(self, bytes: &[u8]) -> Result<(Self, bool, &[u8]), Fault> {
        if let Self::Data(left) = self {
            let here = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let left = left - here as u64;
            let next = if left == 0 { Self::DataEnd } else { Self::Data(left) };
            return Ok((next, false, bytes.get(here..).unwrap_or_default()));
        }
        let Some((first, rest)) = bytes.split_first() else { return Ok((self, false, bytes)) };
        let (next, over) = self.step(*first)?;
        Ok((next, over, rest))
    }

    fn step(self, byte: u8) -> Result<(Self, bool), Fault> {
        let next = match (self, byte) {
            (Self::Size(size, digits), b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F')
                if digits < DIGITS_MAX =>
            {
                let digit = char::from(byte).to_digit(16).ok_or(Fault::OddChunk)?;
                Self::Size((size << 4) | u64::from(digit), digits + 1)
            }
            (Self::Size(size, 1..), b';' | b' ' | b'\t') => Self::Extension(size),
            (Self::Size(size, 1..) | Self::Extension(size), b'\r') => Self::SizeEnd(size),
            (Self::Extension(size), byte) if byte != b'\n' => Self::Extension(size),
            (Self::SizeEnd(0), b'\n') => Self::Trailer { length: 0, cr: false },
            (Self::SizeEnd(size), b'\n') => Self::Data(size),
            (Self::DataEnd, b'\r') => Self::DataFeed,
            (Self::DataFeed, b'\n') => Self::Size(0, 0),
            (Self::Trailer { length: 0, cr: true }, b'\n') => return Ok((self, true)),
            (Self::Trailer { cr: true, .. }, b'\n') => Self::Trailer { length: 0, cr: false },
            (Self::Trailer { cr: false, length }, b'\r') => Self::Trailer { length, cr: true },
            (Self::Trailer { cr: false, length }, byte) if byte != b'\n' && length < ASIDE_MAX => {
                Self::Trailer { length: length + 1, cr: false }
            }
            (
                Self::Size(..)
                | Self::Extension(_)
                | Self::SizeEnd(_)
                | Self::Data(_)
                | Self::DataEnd
                | Self::DataFeed
                | Self::Trailer { .. },
                _,
            ) => return Err(Fault::OddChunk),
        };
        Ok((next, false))
    }
}

#[cfg(test)]
mod tests {
    use super::{Fault, Scan};

    /// Feeds it whole and at every split; tells the heads and the first oddity.
    #[track_caller]
    fn check(bytes: &[u8], expect: (u64, Option<(u64, Fault)>)) {
        for split in 0..bytes.len() {
            let mut scan = Scan::new(4096);
            let (one, two) = bytes.split_at(split);
            scan.feed(one);
            scan.feed(two);
            let text = String::from_utf8_lossy(bytes);
            assert_eq!((scan.heads, scan.odd), expect, "split at {split}: {text}");
        }
        let mut scan = Scan::new(4096);
        for byte in bytes {
            scan.feed(std::slice::from_ref(byte));
        }
        assert_eq!((scan.heads, scan.odd), expect, "byte by byte");
    }

    fn odd(head: &str, odd: Fault) {
        check(
            format!("POST / HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n").as_bytes(),
            (1, Some((1, odd))),
        );
    }

    #[test]
    fn sound_requests_one_after_the_other() {
        let get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
        let sized = "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nGET /";
        let chunked = "POST / HTTP/1.1\r\ntransfer-encoding: Chunked\r\n\r\n\
                       5;x=y\r\nGET /\r\nA\r\n0\r\n\r\n0\r\n\r\n\r\n0\r\nt: x\r\n\r\n";
        check(get.as_bytes(), (1, None));
        check(format!("\r\n{get}{get}").as_bytes(), (2, None));
        check(format!("{sized}{get}{chunked}{sized}{get}").as_bytes(), (5, None));
    }

    #[test]
    fn odd_heads() {
        odd("Content-Length: 5\r\nTransfer-Encoding: chunked", Fault::TwoFramings);
        odd("Transfer-Encoding: chunked\r\ncontent-length: 0", Fault::TwoFramings);
        odd("Content-Length: 5\r\nContent-Length: 5", Fault::OddLength);
        odd("Content-Length: 5, 5", Fault::OddLength);
        odd("Content-Length: +5", Fault::OddLength);
        odd("Content-Length: 99999999999999999999", Fault::OddLength);
        odd("Content-Length:", Fault::OddLength);
        odd("Transfer-Encoding: xchunked", Fault::OddEncoding);
        odd("Transfer-Encoding: gzip, chunked", Fault::OddEncoding);
        odd("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", Fault::OddEncoding);
        odd("Transfer-Encoding: identity", Fault::OddEncoding);
        odd("X: y\nContent-Length: 5", Fault::BareLineFeed);
        check(b"GET / HTTP/1.1\nHost: x\n\n", (1, Some((1, Fault::BareLineFeed))));
        check(
            b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
            (1, Some((1, Fault::OldChunked))),
        );
    }

    #[test]
    fn odd_chunks() {
        for body in [
            "x\r\n",
            "\r\n",
            "5\n",
            "5\r5",
            "2\r\nabc\r\n",
            "2\r\nab\n",
            "0\r\n\n",
            "0\r\nx\n",
            "1;\n",
            "-1\r\n",
            "0x1\r\n",
            "00000000000000000\r\n",
        ] {
            let text = format!("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
            check(text.as_bytes(), (1, Some((1, Fault::OddChunk))));
        }
    }

    #[test]
    fn the_second_of_two_is_odd() {
        let mut scan = Scan::new(4096);
        let two = "GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nContent-Length: x\r\n\r\nGET";
        assert_eq!(scan.feed(two.as_bytes()), Some((2, Fault::OddLength)));
    }

    #[test]
    fn an_endless_head_is_not_kept() {
        let mut scan = Scan::new(4096);
        for _ in 0..10_000 {
            assert_eq!(scan.feed(b"x: y\r\n"), None);
            assert!(scan.head.capacity() <= 16 * 1024);
        }
    }
}
