//! `OpenAI` Chat Completions: what a chunk says, for those who carry it elsewhere.
//!
//! **Invariant:** texts are copied as they are spelled. What the dialect says in several places at
//! once (`reasoning` beside `reasoning_content`) is taken from one of them.

use super::{Call, Delta, Function, Part};
use crate::json::{self, Type};
use crate::lazy::Raw;
use ir::{BlockKind, Envelope, Piece};
use serde::Deserialize;
use smallvec::SmallVec;

/// The pieces of one block in one chunk: nearly always one.
pub(crate) type Pieces = SmallVec<[Piece; 1]>;

/// Who answers, as the data of a chunk says.
pub(crate) fn envelope(data: &str) -> Envelope {
    #[derive(Deserialize)]
    struct Head<'a> {
        #[serde(borrow)]
        id: Option<Raw<'a>>,
        #[serde(borrow)]
        model: Option<Raw<'a>>,
        created: Option<json::Count>,
    }
    let Some(head) = json::object_in::<Head<'_>>(data) else { return Envelope::default() };
    Envelope {
        id: json::inside_of(head.id),
        model: json::inside_of(head.model),
        created: head.created.map(|json::Count(created)| created),
    }
}

fn parts(raw: Raw<'_>) -> Vec<Part<'_>> {
    super::parts(raw).unwrap_or_default()
}

/// A text that says anything.
fn text(raw: Option<Raw<'_>>) -> Option<&str> {
    raw.and_then(json::inside).filter(|text| !text.is_empty())
}

// === impl Delta ===

impl Delta<'_> {
    /// What it says in blocks of this kind: something, wherever [`Delta::shown`] has it.
    /// `thought`: readable reasoning came in a field of its own before. What is readable in
    /// `reasoning_details` then says it once more.
    pub(crate) fn said(&self, kind: BlockKind, thought: bool) -> Pieces {
        let mut pieces = Pieces::new();
        match kind {
            BlockKind::Text => self.texts(&mut pieces),
            BlockKind::Reasoning => self.reasons(thought, &mut pieces),
            BlockKind::Other => self.others(&mut pieces),
            BlockKind::Tool => {}
        }
        pieces
    }

    /// Whether it has readable reasoning in a field of its own.
    pub(crate) fn thinks(&self) -> bool {
        text(self.reasoning_content).or_else(|| text(self.reasoning)).is_some()
    }

    fn texts(&self, pieces: &mut Pieces) {
        match self.content.map(|raw| (raw, json::type_of(raw))) {
            Some((raw, Type::Array)) => {
                let parts = parts(raw);
                let texts = parts.iter().filter(|part| part.kind() == "text");
                pieces.extend(texts.filter_map(|part| Some(Piece::Text(text(part.text)?.into()))));
            }
            content => {
                let said = text(content.map(|(raw, _)| raw));
                pieces.extend(said.map(|text| Piece::Text(text.into())));
            }
        }
        if let Some(refusal) = text(self.refusal) {
            pieces.push(Piece::Refusal(refusal.into()));
        }
        if pieces.is_empty() {
            pieces.push(Piece::Native("choices[].message.content"));
        }
    }

    fn reasons(&self, thought: bool, pieces: &mut Pieces) {
        let thinking = |text: &str| Piece::Thinking(text.into());
        if let Some(text) = text(self.reasoning_content).or_else(|| text(self.reasoning)) {
            pieces.push(thinking(text));
        }
        if pieces.is_empty()
            && let Some(raw) = self.content.filter(|raw| json::type_of(*raw) == Type::Array)
        {
            for part in parts(raw) {
                let Some(raw) = part.thinking else { continue };
                pieces.extend(text(Some(raw)).map(thinking));
                if json::type_of(raw) == Type::Array {
                    let inner = parts(raw);
                    pieces.extend(inner.iter().filter_map(|part| text(part.text)).map(thinking));
                }
            }
        }
        if let Some(raw) = self.reasoning_details.filter(|raw| json::type_of(*raw) == Type::Array) {
            if pieces.is_empty() && !thought {
                let details = parts(raw);
                let texts = details.iter().filter_map(|part| text(part.text.or(part.summary)));
                pieces.extend(texts.map(thinking));
            }
            pieces.push(Piece::Details(json::one_line(raw).into()));
        }
        if pieces.is_empty() {
            pieces.push(Piece::Native("choices[].message.reasoning"));
        }
    }

    fn others(&self, pieces: &mut Pieces) {
        for (raw, path) in
            [(self.audio, "choices[].message.audio"), (self.images, "choices[].message.images")]
        {
            if json::holds(raw) {
                pieces.push(Piece::Native(path));
            }
        }
        if pieces.is_empty() {
            pieces.push(Piece::Native("choices[].message.content[]"));
        }
    }
}

// === impl Call ===

impl Call<'_> {
    /// What it says beside the arguments.
    pub(crate) fn said(&self) -> ir::Call {
        let name = self.functions().find_map(|function| text(function.name));
        ir::Call {
            id: self.id.as_ref().map(|id| json::escaped(id.as_str())).unwrap_or_default().into(),
            name: name.unwrap_or_default().into(),
            custom: self.custom.is_some() && self.function.is_none(),
            extra: self
                .extra_content
                .filter(|raw| json::holds(Some(*raw)))
                .map(|raw| json::one_line(raw).into()),
        }
    }

    /// Whether it says anything beside the arguments.
    pub(crate) fn says_more(&self) -> bool {
        self.names_itself() || json::holds(self.extra_content)
    }

    /// Its piece of the arguments. Those that are an object (Ollama) become the text they should be.
    pub(crate) fn arguments(&self) -> Piece {
        let raw = self.functions().find_map(Function::text).filter(|raw| json::holds(Some(*raw)));
        let Some(raw) = raw else { return Piece::Native("choices[].message.tool_calls[]") };
        Piece::Arguments(match json::inside(raw) {
            Some(text) => text.into(),
            None => json::escaped(&json::one_line(raw)).into(),
        })
    }
}
