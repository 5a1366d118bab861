//! A request body in pieces, sent without joining them.
//!
//! Mostly three, because a relayed request is the caller's bytes with the model name spliced in: what
//! stood before the name, the name, what stood after it.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use smallvec::SmallVec;

/// The bytes of a request. A clone shares them.
#[derive(Clone, Debug, Default)]
pub struct Payload {
    pieces: SmallVec<[Bytes; 3]>,
    /// The first piece that has not been sent.
    next: usize,
}

// === impl Payload ===

impl Payload {
    /// No body at all.
    pub fn empty() -> Self {
        Self::default()
    }

    /// What is still to be sent.
    pub(crate) fn into_pieces(self) -> impl Iterator<Item = Bytes> {
        self.pieces.into_iter().skip(self.next).filter(|piece| !piece.is_empty())
    }

    /// Bytes that are still to be sent.
    pub fn remaining(&self) -> u64 {
        self.pieces.iter().skip(self.next).map(|piece| piece.len() as u64).sum()
    }
}

impl From<SmallVec<[Bytes; 3]>> for Payload {
    fn from(pieces: SmallVec<[Bytes; 3]>) -> Self {
        Self { pieces, next: 0 }
    }
}

impl From<[Bytes; 3]> for Payload {
    fn from(pieces: [Bytes; 3]) -> Self {
        Self::from(SmallVec::from(pieces))
    }
}

impl From<Bytes> for Payload {
    fn from(whole: Bytes) -> Self {
        Self::from(SmallVec::from_iter([whole]))
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = self.next;
        let found = self.pieces.iter().enumerate().skip(next).find(|(_, piece)| !piece.is_empty());
        let (at, piece) = found.map_or((next, None), |(at, piece)| (at + 1, Some(piece.clone())));
        self.next = at;
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.remaining() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.remaining())
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http_body::Body;
    use http_body_util::BodyExt;

    use super::Payload;

    async fn check(pieces: [&'static str; 3], frames: &[&'static str]) {
        let mut payload = Payload::from(pieces.map(|piece| Bytes::from_static(piece.as_bytes())));
        let mut left: u64 = pieces.iter().map(|piece| piece.len() as u64).sum();
        let mut sent = Vec::new();
        while !payload.is_end_stream() {
            assert_eq!(payload.size_hint().exact(), Some(left));
            let frame = payload.frame().await.unwrap().unwrap().into_data().unwrap();
            left -= frame.len() as u64;
            sent.push(frame);
        }
        assert_eq!(sent, frames);
        assert!(payload.frame().await.is_none());
        assert!(payload.frame().await.is_none());
    }

    #[tokio::test]
    async fn skips_empty_pieces_and_knows_its_length() {
        check(["", "", ""], &[]).await;
        check(["a", "", ""], &["a"]).await;
        check(["", "b", ""], &["b"]).await;
        check(["", "", "c"], &["c"]).await;
        check(["a", "", "ccc"], &["a", "ccc"]).await;
        check(["a", "bb", "ccc"], &["a", "bb", "ccc"]).await;
    }
}
