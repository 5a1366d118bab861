//! What a piece of an answer means, beside the exact bytes it came in.
//!
//! **Invariants:** the bytes of all frames of an answer, in order, are the answer's bytes. A frame
//! whose meaning is unknown has no events and rides along. What a piece says is carried only where
//! somebody asked for it (`codec::Decoder::carrying`), as JSON spells it: nothing is unescaped that
//! is only passed on.

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
    /// The envelope: `message_start`, `response.created`, or Chat's role chunk. Not content. Of
    /// Responses it is always told: an answer's id is what later requests name it by.
    Start(Option<Box<Envelope>>),
    /// A block begins. Content where the block is a tool call: its name is shown.
    Open(Block, Option<Box<Opening>>),
    /// A non-empty piece of a block. Where it is carried, one frame may bring several.
    Delta(Block, Piece),
    /// The provider closed the block.
    Close(Block),
    /// Why the model stopped. From here on the answer is complete, with or without an end marker.
    Finish(Finish, Option<Box<Reason>>),
    /// The model works, and has nothing to show of it: an empty piece of reasoning, a tool of its
    /// provider.
    Progress,
    /// Token counts so far; a later one replaces an earlier one.
    Usage(Tokens),
    /// The end marker: `message_stop`, `[DONE]`, the last event of Responses.
    End,
    /// An error inside the stream.
    Fail(Box<Rejection>),
    /// A frame that says once more what was said, and is left out; what it repeats.
    Repeated(&'static str),
    /// A frame that should have been readable and is not; the reason. It may have said something.
    Malformed(&'static str),
    /// A frame whose data is known to say nothing, and which a client would choke on: a keep-alive; what
    /// it is.
    Noise(&'static str),
    /// Something beside the content, told only where pieces are carried.
    Aside(Aside),
}

/// Events are moved often: their size is that of the token counts.
const _: () = assert!(size_of::<Event>() <= 48);

/// Who answers.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Envelope {
    /// The provider's id of the answer, the inside of a JSON string; empty where it gave none.
    pub id: Box<str>,
    /// The model it names, likewise.
    pub model: Box<str>,
    /// When the answer began, in seconds since 1970. Messages does not say.
    pub created: Option<u64>,
}

/// What a block says as it begins.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Opening {
    /// A tool call.
    Call(Call),
    /// Reasoning that only its provider can read (`redacted_thinking`): the inside of a JSON string.
    Redacted(Box<str>),
    /// A block that only its dialect has: its type, as text.
    Native(Box<str>),
}

/// What is said of a tool call beside its arguments. Texts are the insides of JSON strings, empty
/// where they were not given.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Call {
    /// By which the result is matched to the call.
    pub id: Box<str>,
    /// What is called.
    pub name: Box<str>,
    /// A custom tool of `OpenAI`: its argument is free text, not JSON.
    pub custom: bool,
    /// Chat's `extra_content`: JSON that the provider wants back with the call (Gemini's
    /// `thought_signature`, <https://ai.google.dev/gemini-api/docs/thought-signatures>).
    pub extra: Option<Box<str>>,
}

/// What a piece of a block says. Texts are the insides of JSON strings, as they were spelled: no
/// quotes, escapes untouched. So half a surrogate pair in each of two pieces is no reason to lose
/// it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Piece {
    /// Nobody asked, or nobody was shown it.
    #[default]
    Unread,
    /// Text for the reader.
    Text(Box<str>),
    /// Text for the reader that declines.
    Refusal(Box<str>),
    /// Readable reasoning.
    Thinking(Box<str>),
    /// What its provider knows its reasoning by.
    Signature(Box<str>),
    /// Chat's `reasoning_details`, a JSON array on one line.
    Details(Box<str>),
    /// Of a call's arguments: JSON as text, or a custom tool's free text.
    Arguments(Box<str>),
    /// A citation of Messages, a JSON object on one line.
    Citation(Box<str>),
    /// What only its dialect has; the name of its place, as in `delta.audio`.
    Native(&'static str),
}

// === impl Block ===

impl Block {
    /// The item of Responses that it is of, or the choice of Chat.
    pub fn item(self) -> u32 {
        self.index >> 16
    }
}

// === impl Piece ===

impl Piece {
    /// How much its model wrote, as far as it was read: bytes of the inside of a JSON string.
    pub fn said(&self) -> usize {
        match self {
            Self::Text(raw) | Self::Refusal(raw) | Self::Thinking(raw) | Self::Arguments(raw) => {
                raw.len()
            }
            Self::Unread
            | Self::Signature(_)
            | Self::Details(_)
            | Self::Citation(_)
            | Self::Native(_) => 0,
        }
    }
}

/// How a finish was spelled.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Reason {
    /// As text; empty where none was given.
    pub word: Box<str>,
    /// The stop sequence that was hit: the inside of a JSON string.
    pub stop_sequence: Option<Box<str>>,
    /// The `stop_details` of Messages: a JSON object on one line.
    pub stop_details: Option<Box<str>>,
}

/// What stands beside the content of an answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Aside {
    /// What was not said of a call as it began.
    Call(Block, Box<Call>),
    /// How the caller was shown a call, told before its close: the id, the name and the form that it
    /// has there.
    Shown(Block, Box<Call>),
    /// Reasoning that only its provider can read, of a block that may have shown none: the inside of a
    /// JSON string.
    Sealed(Block, Box<str>),
    /// What only its dialect has: its path, in the words of a [`Loss`](crate::Loss).
    Native(&'static str),
    /// Where the stream that was written for the caller stands behind this frame.
    Mark(Mark),
    /// What begins or ends an item of Responses: whoever goes on must know it.
    Kept(ItemEvent),
    /// What was said in pieces came whole, and is something else: whoever takes the pieces has a hole.
    Contradicted,
}

/// An event of Responses that begins or ends an item, or the answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ItemEvent {
    /// The item, as in the index of its blocks ([`Block::index`]), which need not be its `output_index`. 0 of
    /// the answer.
    pub item: u32,
    /// The event, as JSON; empty where nothing is carried.
    pub json: Box<str>,
}

/// Where a stream stands, as far as whoever goes on with it must know.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Mark {
    /// The index of the next block: the `index` of Messages.
    pub next: u32,
    /// What the block before that holds, where it is still open.
    pub open: Option<BlockKind>,
    /// That is reasoning, and has what comes last: its signature; or it can only be read by its provider.
    pub signed: bool,
    /// The index of the next of Chat's `reasoning_details`, which has no blocks.
    pub details: u32,
}

/// A part of an answer.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Block {
    /// What it holds.
    pub kind: BlockKind,
    /// Its place: the content index of Messages; in Chat, `choice << 16 | tool index`; in Responses,
    /// `item << 16 | content_index`, where an item has its `output_index`, unless it has none or that is
    /// another's.
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

// === impl Call ===

impl Call {
    /// How much is said of it, in bytes.
    pub fn said(&self) -> usize {
        let Self { id, name, custom: _, extra } = self;
        let extra = extra.as_ref().map_or(0, |extra| extra.len());
        id.len().saturating_add(name.len()).saturating_add(extra)
    }

    /// Takes in what is said of it later: what is known stays, some servers repeat it with every piece;
    /// but for what its provider wants back.
    pub fn learn(&mut self, later: &Self) {
        if self.id.is_empty() {
            self.id.clone_from(&later.id);
        }
        if self.name.is_empty() {
            self.name.clone_from(&later.name);
        }
        if later.extra.is_some() {
            self.extra.clone_from(&later.extra);
        }
    }
}

// === impl Event ===

impl Event {
    /// Whether this is a semantic piece of the answer (text, reasoning, tool).
    pub fn is_content(&self) -> bool {
        match self {
            Self::Delta(..) => true,
            Self::Open(block, _) => block.kind == BlockKind::Tool,
            Self::Ping
            | Self::Start(_)
            | Self::Progress
            | Self::Close(_)
            | Self::Finish(..)
            | Self::Aside(_)
            | Self::Usage(_)
            | Self::End
            | Self::Fail(_)
            | Self::Repeated(_)
            | Self::Malformed(_)
            | Self::Noise(_) => false,
        }
    }

    /// The block that it is about.
    pub fn block(&self) -> Option<Block> {
        match self {
            Self::Open(block, _) | Self::Delta(block, _) | Self::Close(block) => Some(*block),
            Self::Aside(aside) => match aside {
                Aside::Call(block, _) | Aside::Shown(block, _) | Aside::Sealed(block, _) => {
                    Some(*block)
                }
                Aside::Native(_) | Aside::Mark(_) | Aside::Kept(_) | Aside::Contradicted => None,
            },
            Self::Ping
            | Self::Start(_)
            | Self::Progress
            | Self::Finish(..)
            | Self::Usage(_)
            | Self::End
            | Self::Fail(_)
            | Self::Repeated(_)
            | Self::Malformed(_)
            | Self::Noise(_) => None,
        }
    }
}
