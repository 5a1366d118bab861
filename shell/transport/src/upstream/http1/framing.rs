//! Where the body of an answer ends (RFC 9112 §6 and §7), without hands: bytes in, bytes out.
//!
//! **Invariant:** what is not framed to its end never counts as ended; a size that has no one meaning
//! is an error and never a guess.

use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderMap, header};
use httparse::Status;
use memchr::memchr;

/// The longest line with the size of a chunk. Extensions are rare and short.
const SIZE_LINE_MAX: usize = 4096;
/// All lines behind the last chunk.
const TRAILERS_MAX: usize = 16 * 1024;

const ODD_SIZE: &str = "a chunk whose size is not one";
const ODD_CHUNK: &str = "a chunk that does not end where it said";
const LONG_TRAILERS: &str = "more trailers than a head may have";

/// What is still to come of a body.
#[derive(Debug)]
pub(crate) enum Framing {
    /// Nothing.
    Done,
    /// So many bytes.
    Length(u64),
    /// Chunks.
    Chunked(Chunk),
    /// Whatever comes until the connection is closed.
    Close,
}

/// Where it stands among the chunks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Chunk {
    /// Before the line with a size.
    Size,
    /// Inside, with so many bytes to come.
    Data(u64),
    /// Before the line's end behind the data.
    Behind,
    /// Behind the last one; so many bytes of trailers were read.
    Trailers(usize),
}

/// What one look at the chunks gave.
enum Step {
    Data(BytesMut),
    Passed,
    Ended,
    /// Nothing, before more has come.
    Starved,
}

// === impl Framing ===

impl Framing {
    /// That of an answer. Lengths that differ and codings that nobody asked for are errors.
    pub(crate) fn of(status: u16, headers: &HeaderMap) -> Result<Self, &'static str> {
        let mut codings = headers.get_all(header::TRANSFER_ENCODING).into_iter();
        let coding = codings.next();
        if codings.next().is_some() {
            return Err("an answer with two transfer codings");
        }
        let length = length(headers)?;
        if matches!(status, 204 | 304) {
            return Ok(Self::Done);
        }
        match (coding, length) {
            // It overrides a length beside it (RFC 9112 §6.3).
            (Some(coding), _) if coding.as_bytes().eq_ignore_ascii_case(b"chunked") => {
                Ok(Self::Chunked(Chunk::Size))
            }
            (Some(_), _) => Err("an answer in a transfer coding that nobody asked for"),
            (None, Some(0)) => Ok(Self::Done),
            (None, Some(length)) => Ok(Self::Length(length)),
            (None, None) => Ok(Self::Close),
        }
    }

    pub(crate) fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }

    /// The connection was closed: whether that is the end.
    pub(crate) fn close(&mut self) -> bool {
        let ended = matches!(self, Self::Close | Self::Done);
        if ended {
            *self = Self::Done;
        }
        ended
    }

    /// What of `input` belongs to the body, in one piece and never empty. `None`: more has to come,
    /// or it is done. Whatever stands before a fault is handed out before the fault is told.
    pub(crate) fn next(&mut self, input: &mut BytesMut) -> Result<Option<Bytes>, &'static str> {
        let data = match self {
            Self::Done => return Ok(None),
            Self::Close => input.split(),
            Self::Length(left) => {
                let data = take(left, input);
                if *left == 0 {
                    *self = Self::Done;
                }
                data
            }
            Self::Chunked(_) => self.chunks(input)?,
        };
        Ok((!data.is_empty()).then(|| data.freeze()))
    }

    /// The data of all chunks that are at hand.
    fn chunks(&mut self, input: &mut BytesMut) -> Result<BytesMut, &'static str> {
        let mut all = BytesMut::new();
        while let Self::Chunked(chunk) = self {
            match chunk.step(input) {
                Ok(Step::Data(data)) if all.is_empty() => all = data,
                Ok(Step::Data(data)) => {
                    // Joined in place where there is room, which only the second one makes.
                    all.reserve(data.len() + input.len());
                    all.extend_from_slice(&data);
                }
                Ok(Step::Passed) => {}
                Ok(Step::Ended) => *self = Self::Done,
                Err(why) if all.is_empty() => return Err(why),
                // Nothing was taken of a fault, so that it is found again.
                Ok(Step::Starved) | Err(_) => break,
            }
        }
        Ok(all)
    }
}

// === impl Chunk ===

impl Chunk {
    /// One step; an error takes nothing of `input`.
    fn step(&mut self, input: &mut BytesMut) -> Result<Step, &'static str> {
        match self {
            Self::Size => {
                // A line without a digit would pass for a size of zero, which is an end.
                if input.first().is_some_and(|byte| !byte.is_ascii_hexdigit()) {
                    return Err(ODD_SIZE);
                }
                let (line, size) = match httparse::parse_chunk_size(input) {
                    Ok(Status::Complete(found)) if found.0 <= SIZE_LINE_MAX => found,
                    Ok(Status::Partial) if input.len() <= SIZE_LINE_MAX => {
                        return Ok(Step::Starved);
                    }
                    Ok(_) | Err(_) => return Err(ODD_SIZE),
                };
                // In an extension it would be a line end to somebody else.
                if memchr(b'\n', input).is_some_and(|end| end + 1 != line) {
                    return Err(ODD_SIZE);
                }
                input.advance(line);
                *self = if size == 0 { Self::Trailers(0) } else { Self::Data(size) };
                Ok(Step::Passed)
            }
            Self::Data(left) => {
                let data = take(left, input);
                if *left == 0 {
                    *self = Self::Behind;
                }
                Ok(if data.is_empty() { Step::Starved } else { Step::Data(data) })
            }
            Self::Behind => match **input {
                [] | [b'\r'] => Ok(Step::Starved),
                [b'\r', b'\n', ..] => {
                    input.advance(2);
                    *self = Self::Size;
                    Ok(Step::Passed)
                }
                _ => Err(ODD_CHUNK),
            },
            Self::Trailers(seen) => {
                let line = memchr(b'\n', input).map(|at| at + 1);
                let length = *seen + line.unwrap_or(input.len());
                if TRAILERS_MAX < length {
                    return Err(LONG_TRAILERS);
                }
                let Some(line) = line else { return Ok(Step::Starved) };
                *seen = length;
                let ended = matches!(&*input.split_to(line), b"\r\n" | b"\n");
                Ok(if ended { Step::Ended } else { Step::Passed })
            }
        }
    }
}

/// As much as is at hand of what is left.
fn take(left: &mut u64, input: &mut BytesMut) -> BytesMut {
    let length = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
    *left -= length as u64;
    input.split_to(length)
}

/// The length that an answer claims; it may say the same one more than once.
fn length(headers: &HeaderMap) -> Result<Option<u64>, &'static str> {
    let mut length = None;
    let values = headers.get_all(header::CONTENT_LENGTH).into_iter();
    for text in values.flat_map(|value| value.as_bytes().split(|byte| *byte == b',')) {
        let text = text.trim_ascii();
        let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
        let one = std::str::from_utf8(text).ok().filter(|_| digits);
        let one: u64 = one.and_then(|it| it.parse().ok()).ok_or("an answer of odd length")?;
        if length.is_some_and(|other| other != one) {
            return Err("an answer of two lengths");
        }
        length = Some(one);
    }
    Ok(length)
}

#[cfg(test)]
mod tests;
