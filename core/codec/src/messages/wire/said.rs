//! Anthropic Messages: what an event says, for those who carry it elsewhere.
//!
//! **Invariant:** texts are copied as they are spelled.

use super::{BlockStart, Delta, Message, Rare};
use crate::json::{self, Type, Word, inside_of};
use crate::lazy::Raw;
use ir::{Aside, BlockKind, Envelope, Opening, Piece, Reason};

fn object(raw: Option<Raw<'_>>) -> Option<Box<str>> {
    let raw = raw.filter(|raw| json::type_of(*raw) == Type::Object);
    raw.map(|raw| json::one_line(raw).into())
}

// === impl Message ===

impl Message<'_> {
    /// Who answers.
    pub(crate) fn said(&self) -> Envelope {
        Envelope { id: inside_of(self.id), model: inside_of(self.model), created: None }
    }

    /// Blocks that are there before any begins: how an answer goes on whose code called a tool
    /// (<https://docs.claude.com/en/docs/agents-and-tools/tool-use/programmatic-tool-calling>).
    pub(crate) fn aside(&self) -> Option<Aside> {
        json::holds(self.content).then_some(Aside::Native("message_start.message.content"))
    }
}

// === impl BlockStart ===

impl BlockStart<'_> {
    /// What it says of the block; nothing of a text or of readable thinking.
    pub(crate) fn opening(&self, kind: BlockKind) -> Option<Opening> {
        match kind {
            BlockKind::Text => None,
            BlockKind::Reasoning => self.data.map(|data| Opening::Redacted(inside_of(Some(data)))),
            BlockKind::Tool => Some(Opening::Call(ir::Call {
                id: inside_of(self.id),
                name: inside_of(self.name),
                custom: false,
                extra: None,
            })),
            BlockKind::Other => {
                Some(Opening::Native(self.kind.as_ref().map_or("", Word::as_str).into()))
            }
        }
    }

    /// What it says before any delta.
    pub(crate) fn said(&self, kind: BlockKind) -> Piece {
        match kind {
            BlockKind::Text => Piece::Text(inside_of(self.text)),
            BlockKind::Reasoning => Piece::Thinking(inside_of(self.thinking)),
            BlockKind::Tool => {
                let input = self.input.map(|raw| json::escaped(&json::one_line(raw)));
                Piece::Arguments(input.unwrap_or_default().into())
            }
            BlockKind::Other => Piece::Native("content[]"),
        }
    }
}

// === impl Delta ===

impl Delta<'_> {
    /// What it says, in a block of this kind.
    pub(crate) fn said(&self, kind: BlockKind) -> Piece {
        match (kind, self.kind.as_str()) {
            (BlockKind::Other, _) => Piece::Native("content[]"),
            (_, "text_delta") => Piece::Text(inside_of(self.text)),
            (_, "thinking_delta") => Piece::Thinking(inside_of(self.thinking)),
            (_, "signature_delta") => Piece::Signature(inside_of(self.signature)),
            (BlockKind::Tool, "input_json_delta") => Piece::Arguments(inside_of(self.partial_json)),
            (_, "citations_delta") => object(self.rare().citation)
                .map_or(Piece::Native("content[].citations[]"), Piece::Citation),
            (BlockKind::Text | BlockKind::Reasoning | BlockKind::Tool, _) => {
                Piece::Native("content[].delta")
            }
        }
    }

    fn rare(&self) -> Rare<'_> {
        self.rare.as_deref().copied().unwrap_or_default()
    }

    /// How the finish is spelled.
    pub(crate) fn reason(&self) -> Reason {
        let Rare { stop_sequence, stop_details, .. } = self.rare();
        let sequence = stop_sequence.filter(|raw| json::type_of(*raw) == Type::String);
        Reason {
            word: self.stop_reason.as_ref().map_or("", Word::as_str).into(),
            stop_sequence: sequence.map(|raw| inside_of(Some(raw))),
            stop_details: object(stop_details),
        }
    }

    /// What stands beside the finish and has no place in another dialect.
    pub(crate) fn aside(&self) -> Option<Aside> {
        json::holds(self.rare().container).then_some(Aside::Native("container"))
    }
}
