//! What both encoders write on: one buffer, the losses, and the measure of what is held.

use crate::Error;
use bytes::{Bytes, BytesMut};
use ir::{Event, Events, Losses, Tokens};
use std::borrow::Cow;

/// Frames are cut from blocks of this size.
const BLOCK_BYTES: usize = 8 << 10;

/// See the module.
#[derive(Debug)]
pub(super) struct Desk {
    out: BytesMut,
    pub(super) losses: Losses,
    held: usize,
    hold_max: usize,
    /// Pieces that were said, and the bytes of what is in them.
    said: (u64, usize),
}

// === impl Desk ===

impl Desk {
    pub(super) fn new(hold_max: usize) -> Self {
        Self {
            out: BytesMut::with_capacity(BLOCK_BYTES),
            losses: Losses::default(),
            held: 0,
            hold_max,
            said: (0, 0),
        }
    }

    /// Counts what is said.
    pub(super) fn count(&mut self, events: &Events) {
        for event in events {
            if let Event::Delta(_, piece) = event {
                let (pieces, bytes) = self.said;
                self.said = (pieces.saturating_add(1), bytes.saturating_add(piece.said()));
            }
        }
    }

    /// These counts; where nothing is counted as written, what was said, as far as its length tells.
    pub(super) fn estimated(&self, tokens: Tokens) -> Tokens {
        let (pieces, bytes) = self.said;
        if tokens.output == 0 { tokens.written(pieces, bytes) } else { tokens }
    }

    /// Writes texts one behind the other.
    pub(super) fn put(&mut self, texts: &[&str]) {
        for text in texts {
            self.out.extend_from_slice(text.as_bytes());
        }
    }

    /// Writes frames of ours.
    pub(super) fn bytes(&mut self, frames: &[u8]) {
        self.out.extend_from_slice(frames);
    }

    /// What was written since it was last asked.
    pub(super) fn take(&mut self) -> Bytes {
        if self.out.is_empty() { Bytes::new() } else { self.out.split().freeze() }
    }

    /// Holds so many bytes more.
    pub(super) fn hold(&mut self, bytes: usize) -> Result<(), Error> {
        self.held = self.held.saturating_add(bytes);
        if self.held > self.hold_max {
            return Err(Error::TooLarge { limit: self.hold_max });
        }
        Ok(())
    }

    /// Holds so many bytes less.
    pub(super) fn release(&mut self, bytes: usize) {
        self.held = self.held.saturating_sub(bytes);
    }

    pub(super) fn lose(&mut self, path: impl Into<Cow<'static, str>>, fate: &'static str) {
        self.losses.add(path, fate);
    }

    /// A block that only its dialect has. Its type comes from outside and goes into headers: a word
    /// of the protocol, or none.
    pub(super) fn lose_block(&mut self, kind: &str) {
        let word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let known = !kind.is_empty() && kind.len() <= 48 && kind.bytes().all(word);
        self.lose(format!("content[].{}", if known { kind } else { "unknown" }), "dropped");
    }
}
