//! The body of an answer: bytes at hand, or a drive that is polled in place.
//!
//! **Invariant:** a drive is settled exactly once. Where the server drops this body, because the
//! caller hung up, the drive goes to the settler; nothing is settled in a destructor.

use crate::drive::{Drive, Step};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// An answer's body.
#[derive(Debug)]
pub struct Answer(Kind);

#[derive(Debug)]
enum Kind {
    Full(Bytes),
    Drive { drive: Handle, left: Option<u64> },
}

/// The answer broke and the connection with it: what was sent must not pass for complete.
#[derive(Debug, thiserror::Error)]
#[error("the answer was cut by its provider")]
pub struct Broken;

/// A drive that is handed to the settler when it is dropped before its end.
#[derive(Debug, Default)]
pub(crate) struct Handle(Option<Box<Drive>>);

// === impl Handle ===

impl Handle {
    pub(crate) fn new(drive: Box<Drive>) -> Self {
        Self(Some(drive))
    }

    pub(crate) fn drive(&mut self) -> Option<&mut Drive> {
        self.0.as_deref_mut()
    }

    /// All of it was handed out but the end, which is at hand.
    fn finish(&mut self, cx: &mut Context<'_>) {
        if let Some(drive) = self.drive() {
            let end = drive.poll(cx);
            ir::invariant!(Ex2, matches!(end, Poll::Ready(Step::End)));
        }
        self.settle();
    }

    /// It has ended: on to its record.
    pub(crate) fn settle(&mut self) {
        if let Some(drive) = self.0.take() {
            drive.settle();
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.settle();
    }
}

// === impl Answer ===

impl Answer {
    /// Bytes at hand.
    pub(crate) fn full(bytes: Bytes) -> Self {
        Self(Kind::Full(bytes))
    }

    /// What a drive hands out: so many bytes, where that is known.
    pub(crate) fn drive(mut drive: Handle, left: Option<u64>) -> Self {
        if left == Some(0) {
            // Nobody asks for what is empty.
            drive.finish(&mut Context::from_waker(Waker::noop()));
        }
        Self(Kind::Drive { drive, left })
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let (slot, left) = match &mut self.0 {
            Kind::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                return Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))));
            }
            Kind::Drive { drive, left } => (drive, left),
        };
        let Some(drive) = slot.drive() else { return Poll::Ready(None) };
        let end = match std::task::ready!(drive.poll(cx)) {
            Step::Data(bytes) => {
                let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                *left = left.map(|left| left.saturating_sub(length));
                // On HTTP/1.1 the server knows the length, has room for this piece, and does not ask
                // again. On HTTP/2 it asks when the caller has made room for this one.
                if *left == Some(0) && !drive.ask().http2 {
                    slot.finish(cx);
                }
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            Step::Break => Some(Err(Broken)),
            Step::End | Step::Head(_) | Step::Refuse(_) => None,
        };
        slot.settle();
        Poll::Ready(end)
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Full(bytes) => bytes.is_empty(),
            Kind::Drive { drive, .. } => drive.0.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Drive { left, .. } => left.map(SizeHint::with_exact).unwrap_or_default(),
        }
    }
}
