//! Reasoning that was open when its answer in Responses was cut: what was shown of it, and how it is closed.
//!
//! **Invariants:** nothing is added to what was shown. It is closed as incomplete, with a seal of ours in
//! the place of its provider's: nobody could go on from it, so it is taken out of later requests
//! ([`crate::request::without_foreign_seals`]).

use crate::json::{self, Members};
use crate::responses::BETWEEN;
use crate::seal;

/// See the module.
#[derive(Debug)]
pub(super) struct Thought {
    pub(super) index: u32,
    /// The inside of its id.
    id: String,
    /// The parts that are done, as JSON.
    parts: Vec<(Form, String)>,
    /// The part behind those, where one is open.
    open: Option<Form>,
    /// The inside of what was shown behind those that are done.
    text: String,
}

/// What a part is of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Form {
    Summary,
    Content,
}

/// Members of its item that are said anew when it is closed.
pub(super) const ANEW: [&str; 4] = ["status", "summary", "content", "encrypted_content"];

// === impl Thought ===

impl Thought {
    /// An item that was added.
    pub(super) fn new(index: u32, item: &Members<'_>) -> Self {
        let id = item.get("id").and_then(|raw| json::inside(raw)).unwrap_or_default().to_owned();
        Self { index, id, parts: Vec::new(), open: None, text: String::new() }
    }

    /// What one of its events has begun or ended.
    pub(super) fn learn(&mut self, kind: &str, event: &Members<'_>) {
        match kind {
            "response.reasoning_summary_part.added" => self.open = Some(Form::Summary),
            "response.content_part.added" => self.open = Some(Form::Content),
            "response.reasoning_summary_part.done" => self.ends(Form::Summary, event),
            "response.content_part.done" => self.ends(Form::Content, event),
            _ => {}
        }
    }

    fn ends(&mut self, form: Form, event: &Members<'_>) {
        self.open = None;
        self.parts.extend(event.get("part").map(|part| (form, part.get().to_owned())));
    }

    /// All that was shown of it, the parts joined: the inside of a string. Where that is not what the parts
    /// said, they are forgotten: it stands as one. Where it is not known, the part that is open is left out.
    pub(super) fn shown(&mut self, all: Option<&str>) {
        let Some(all) = all else {
            self.open = None;
            return;
        };
        let rest = self.parts.iter().try_fold(all, |rest, (_, part)| {
            let part = Members::read(part)?;
            let rest = rest.strip_prefix(json::inside(part.get("text")?)?)?;
            Some(rest.strip_prefix(BETWEEN).unwrap_or(rest))
        });
        if rest.is_none() {
            self.parts = Vec::new();
            self.open = None;
        }
        rest.unwrap_or(all).clone_into(&mut self.text);
    }

    /// The events that end its part, where one is open, and what its item says anew when it is done.
    pub(super) fn close(mut self) -> (Vec<(&'static str, String)>, String) {
        let mut events = Vec::new();
        let form = self.open.unwrap_or(Form::Summary);
        let part = format!(r#"{{"type":"{}","text":"{}"}}"#, form.part(), self.text);
        if self.open.is_some() {
            let (text_done, part_done, key) = form.ending();
            let place = self.parts.iter().filter(|(it, _)| *it == form).count();
            let Self { id, index, text, .. } = &self;
            let at = format!(r#""item_id":"{id}","output_index":{index},"{key}":{place}"#);
            events.push((text_done, format!(r#"{at},"text":"{text}""#)));
            events.push((part_done, format!(r#"{at},"part":{part}"#)));
        }
        if self.open.is_some() || !self.text.is_empty() {
            self.parts.push((form, part));
        }
        let of = |form| {
            let parts = self.parts.iter().filter(|(it, _)| *it == form);
            parts.map(|(_, part)| part.as_str()).collect::<Vec<_>>().join(",")
        };
        let (summary, content) = (of(Form::Summary), of(Form::Content));
        let content =
            if content.is_empty() { content } else { format!(r#","content":[{content}]"#) };
        let sealed = seal::nobodys();
        let item = format!(
            r#""status":"incomplete","summary":[{summary}]{content},"encrypted_content":"{sealed}""#
        );
        (events, item)
    }
}

// === impl Form ===

impl Form {
    /// The type of a part.
    fn part(self) -> &'static str {
        match self {
            Self::Summary => "summary_text",
            Self::Content => "reasoning_text",
        }
    }

    /// The events that end its text and the part, and by what they name its place.
    fn ending(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Summary => (
                "response.reasoning_summary_text.done",
                "response.reasoning_summary_part.done",
                "summary_index",
            ),
            Self::Content => {
                ("response.reasoning_text.done", "response.content_part.done", "content_index")
            }
        }
    }
}
