//! What holds for every answer over HTTP/1.1: for the fuzz target `answer`, and for the replay of its
//! seeds. Not in the product.

use bytes::BytesMut;

use super::framing::Framing;
use super::head::Heads;

/// What is made of an answer whose connection closes behind it.
#[derive(Debug, Default, Eq, PartialEq)]
struct Made {
    head: Option<(u16, usize, bool)>,
    body: Vec<u8>,
    /// Bytes behind the body.
    left: usize,
    /// It says itself where it ends.
    framed: bool,
    /// `None` where it ended.
    fault: Option<&'static str>,
}

/// So many bytes are taken from the end, one after the other.
const MISSING_MAX: usize = 8;

/// The first four bytes say where the rest is cut. However it is cut, the same is made of it; a length
/// that was announced is kept, and what is no end is told.
pub fn check_answer(input: &[u8]) {
    let (places, bytes) = input.split_first_chunk::<4>().unwrap_or((&[0; 4], input));
    let mut places = places.map(|place| usize::from(place).min(bytes.len()));
    places.sort_unstable();
    let whole = made([bytes]);
    let ends = places.into_iter().chain([bytes.len()]);
    let starts = [0].into_iter().chain(places);
    let pieces = starts.zip(ends).map(|(start, end)| bytes.get(start..end).unwrap_or_default());
    assert_eq!(made(pieces), whole, "cut at {places:?}");
    assert_eq!(made(bytes.chunks(1)), whole, "byte by byte");
    assert!(whole.body.len() + whole.left <= bytes.len());
    if whole.fault.is_none() && whole.framed {
        // Whatever is missing of it, the end is.
        let length = bytes.len() - whole.left;
        for missing in
            (1..=MISSING_MAX.min(length)).chain(places.map(|it| length.saturating_sub(it)))
        {
            let cut = made([bytes.get(..length - missing).unwrap_or_default()]);
            assert!(missing == 0 || cut.fault.is_some(), "{missing} bytes are missing");
        }
    }
}

fn made<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Made {
    let (mut heads, mut input, mut made) = (Heads::default(), BytesMut::new(), Made::default());
    let mut framing = None;
    for piece in pieces {
        input.extend_from_slice(piece);
        if framing.is_none() {
            match heads.next(&mut input) {
                Ok(Some(read)) => {
                    made.head = Some((read.head.status, read.head.headers.len(), read.lasting));
                    made.framed = !matches!(read.framing, Framing::Close);
                    framing = Some((announced(&read.framing), read.framing));
                }
                Ok(None) => continue,
                Err(why) => return Made { fault: Some(why), ..made },
            }
        }
        let Some((_, framing)) = &mut framing else { continue };
        loop {
            match framing.next(&mut input) {
                Ok(Some(data)) => made.body.extend_from_slice(&data),
                Ok(None) => break,
                Err(why) => return Made { fault: Some(why), ..made },
            }
        }
    }
    let Some((announced, mut framing)) = framing else {
        return Made { fault: Some("no head"), ..made };
    };
    if !framing.close() {
        return Made { fault: Some("cut"), ..made };
    }
    let length = u64::try_from(made.body.len()).unwrap_or(u64::MAX);
    assert!(announced.is_none_or(|announced| announced == length), "{announced:?}: {length}");
    Made { left: input.len(), ..made }
}

fn announced(framing: &Framing) -> Option<u64> {
    match framing {
        Framing::Done => Some(0),
        Framing::Length(length) => Some(*length),
        Framing::Chunked(_) | Framing::Close => None,
    }
}

#[cfg(test)]
mod tests {
    use super::check_answer;
    use std::path::Path;

    /// Promise: an answer means the same however it comes, and no cut passes for its end.
    #[test]
    fn seeds_of_answers_replay() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/answer");
        let mut count = 0;
        for entry in std::fs::read_dir(folder).expect("a folder of seeds") {
            let seed = std::fs::read(entry.expect("a seed").path()).expect("a readable seed");
            check_answer(&seed);
            count += 1;
        }
        assert!(count > 15, "{count} seeds");
    }
}
