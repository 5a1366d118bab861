//! What a piece of an answer means, beside the exact bytes it came in.
//!
//! **Invariant:** the bytes of all frames of an answer, in order, are the answer's bytes. A frame
//! whose meaning is unknown has no events and rides along.

use crate::{Rejection, Tokens, Usage};
use bytes::Bytes;
use smallvec::SmallVec;

/// One server-sent event (or comment), with its meaning.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Frame {
    /// The bytes as received, the closing blank line included.
    pub bytes: Bytes,
    /// What they mean, in order. Empty for comments and for what we do not know.
    pub events: Events,
}

/// The meanings of one frame.
pub type Events = SmallVec<[Event; 2]>;

/// One meaning in a stream.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event {
    /// The provider says it is alive. Not content.
    Ping,
    /// The envelope: `message_start`, or Chat's role chunk. Not content.
    Start,
    /// A block begins. Content where the block is a tool call: its name is shown.
    Open(Block),
    /// A non-empty piece of a block.
    Delta(Block),
    /// The provider closed the block.
    Close(Block),
    /// Why the model stopped. From here on the answer is complete, with or without an end marker.
    Finish(Finish),
    /// The model works, and has nothing to show of it: an empty piece of reasoning.
    Progress,
    /// Token counts so far; a later one replaces an earlier one.
    Usage(Tokens),
    /// The end marker: `message_stop`, `[DONE]`.
    End,
    /// An error inside the stream.
    Fail(Box<Rejection>),
    /// A frame that says once more what was said, and is left out; what it repeats.
    Repeated(&'static str),
    /// A frame that should have been readable and is not; the reason.
    Malformed(&'static str),
}

/// A part of an answer.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Block {
    /// What it holds.
    pub kind: BlockKind,
    /// Its place: the content index of Messages; in Chat, `choice << 16 | tool index`.
    pub index: u32,
}

/// What a block holds.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum BlockKind {
    /// Text for the reader, refusals included.
    Text,
    /// Thinking, reasoning, signatures.
    Reasoning,
    /// A call that the caller shall carry out.
    Tool,
    /// Anything else: server tools and their results, blocks we do not know.
    Other,
}

/// Why the model stopped.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Finish {
    /// It had said everything, or hit a stop sequence.
    Stop,
    /// The token limit, or the end of its context.
    Length,
    /// It waits for tool results.
    Tool,
    /// A filter or a refusal. An answer, not a fault.
    Refusal,
    /// It paused (`pause_turn`).
    Pause,
    /// A reason we do not know.
    Other,
}

/// What the exchange must know of a whole (non-streaming) answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Whole {
    /// Why the model stopped; `None` where the document does not say.
    pub finish: Option<Finish>,
    /// Token counts.
    pub usage: Usage,
    /// No text, no reasoning, no tool call.
    pub empty: bool,
}

// === impl Event ===

impl Event {
    /// Whether this is a semantic piece of the answer (text, reasoning, tool).
    pub fn is_content(&self) -> bool {
        match self {
            Self::Delta(_) => true,
            Self::Open(block) => block.kind == BlockKind::Tool,
            Self::Ping
            | Self::Start
            | Self::Progress
            | Self::Close(_)
            | Self::Finish(_)
            | Self::Usage(_)
            | Self::End
            | Self::Fail(_)
            | Self::Repeated(_)
            | Self::Malformed(_) => false,
        }
    }
}
