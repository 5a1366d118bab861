//! The messages of a Chat request, written.

use super::Writer;
use crate::json::{self, Members};
use crate::lazy::Raw;
use crate::request::parts::{Plainness, concat, unescaped};
use crate::request::{Out, Uncarried};
use ir::request::{Args, Part, Role, Source, Text, Turn};
use ir::{Prefill, Repair};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Ids of calls: `OpenAI` refuses longer ones (<https://github.com/vercel/ai/issues/5171>).
const IDS: Plainness = Plainness { max: 40 };

/// What a model's turn brought that only its issuer can use.
#[derive(Debug, Default)]
struct Back {
    /// Reasoning, told.
    reasoning: String,
    /// `{"reasoning_details":…,"extra_content":{ID:…}}`, as the answer's crossing wrote it.
    sealed: Option<String>,
}

/// What goes with calls, by their ids.
type Extra<'b> = BTreeMap<Cow<'b, str>, Raw<'b>>;

/// Whether it is what the model has said so far, and not calls that wait for their results.
fn is_said_by_model(turn: &Turn<'_>) -> bool {
    let is_call = |part: &Part<'_>| matches!(part, Part::Call { .. });
    turn.role == Role::Assistant && !turn.parts.iter().any(is_call)
}

// === impl Writer ===

impl Writer<'_> {
    /// The messages, in order.
    pub(super) fn turns(&mut self, out: &mut Out, turns: &[Turn<'_>]) -> Result<(), Uncarried> {
        out.list(|out| {
            for (index, turn) in turns.iter().enumerate() {
                match turn.role {
                    Role::System => self.system(out, turn),
                    Role::User => self.user(out, turn)?,
                    Role::Assistant => self.assistant(out, turn, index + 1 == turns.len()),
                }
            }
            Ok(())
        })?;
        if let Prefill::Members(members) = self.notes.target.quirks.prefill
            && turns.last().is_some_and(is_said_by_model)
        {
            for (name, value) in members {
                out.key(name);
                out.raw(if *value { "true" } else { "false" });
            }
        }
        Ok(())
    }

    fn system(&mut self, out: &mut Out, turn: &Turn<'_>) {
        let as_user = self.notes.target.repairs.contains(&Repair::SystemAsUser);
        if as_user {
            self.notes.losses.add("system", "as a user turn: the model refuses the role");
        }
        let texts = self.texts(&turn.parts);
        if texts.is_empty() {
            return;
        }
        self.notes.wrote("system");
        out.object(|out| {
            out.word("role", if as_user { "user" } else { "system" });
            content(out, &texts);
        });
    }

    /// The texts among parts where only text may be; what else there is, is a loss.
    fn texts<'p>(&mut self, parts: &'p [Part<'_>]) -> Vec<&'p Text<'p>> {
        let mut texts = Vec::new();
        for part in parts {
            match part {
                Part::Text(text) | Part::Refusal(text) => texts.push(text),
                Part::Image(_)
                | Part::File(..)
                | Part::Think { .. }
                | Part::Sealed(_)
                | Part::Call { .. }
                | Part::Result { .. } => {
                    self.notes
                        .losses
                        .add("messages[].content[]", "dropped: only text may stand there");
                }
            }
        }
        texts
    }

    fn user(&mut self, out: &mut Out, turn: &Turn<'_>) -> Result<(), Uncarried> {
        let mut shown: Vec<&Part<'_>> = Vec::new();
        for part in &turn.parts {
            if let Part::Result { id, parts, error } = part {
                let media = self.result(out, id, parts, *error);
                shown.extend(media);
            }
        }
        let others = turn.parts.iter().filter(|part| !matches!(part, Part::Result { .. }));
        shown.extend(others);
        match shown.as_slice() {
            [] => Ok(()),
            [Part::Text(text)] => {
                out.object(|out| {
                    out.word("role", "user");
                    content(out, &[text]);
                });
                Ok(())
            }
            parts => out.object(|out| {
                out.word("role", "user");
                out.key("content");
                out.list(|out| parts.iter().try_for_each(|part| self.part(out, part)))
            }),
        }
    }

    /// One message per result. What is not text cannot stand in it, and is shown by the user.
    fn result<'p>(
        &mut self,
        out: &mut Out,
        id: &Text<'_>,
        parts: &'p [Part<'p>],
        error: bool,
    ) -> Vec<&'p Part<'p>> {
        const PATH: &str = "messages[].content[].tool_result";
        let (mut texts, mut media) = (Vec::new(), Vec::new());
        for part in parts {
            if let Part::Text(text) = part {
                texts.push(text.clone());
            } else {
                media.push(part);
            }
        }
        if error {
            self.notes.losses.add(format!("{PATH}.is_error"), "as a prefix of its text");
            match texts.first_mut() {
                Some(first) => *first = concat(&["Error: ", first.as_str()]),
                None => texts.push(Text::inside("Error: ")),
            }
        }
        if !media.is_empty() {
            self.notes.losses.add(format!("{PATH}.content"), "images and documents in a user turn");
            texts.push(Text::inside("(What it shows follows.)"));
        }
        out.object(|out| {
            out.word("role", "tool");
            out.word("tool_call_id", &IDS.of(id, "call_"));
            content(out, &texts.iter().collect::<Vec<_>>());
        });
        media
    }

    fn part(&mut self, out: &mut Out, part: &Part<'_>) -> Result<(), Uncarried> {
        match part {
            Part::Text(text) | Part::Refusal(text) => out.object(|out| {
                out.word("type", "text");
                out.text("text", text);
            }),
            Part::Image(source) => return image(out, source),
            Part::File(source, name) => return self.file(out, source, name.as_ref()),
            // They are the model's, or stand in messages of their own.
            Part::Think { .. } | Part::Sealed(_) | Part::Call { .. } | Part::Result { .. } => {
                self.notes.losses.add("messages[].content[]", "dropped: only a model says it");
            }
        }
        Ok(())
    }

    fn file(
        &mut self,
        out: &mut Out,
        source: &Source<'_>,
        name: Option<&Text<'_>>,
    ) -> Result<(), Uncarried> {
        const PATH: &str = "messages[].content[].document";
        match source {
            Source::Inline { mime, data } => out.object(|out| {
                out.word("type", "file");
                out.key("file");
                out.object(|out| {
                    out.word("filename", name.map_or("document.pdf", Text::as_str));
                    out.key("file_data");
                    out.joined(&["data:", mime.as_str(), ";base64,", data.as_str()]);
                });
            }),
            Source::Plain(text) => {
                self.notes.losses.add(PATH, "as text");
                let (title, line) = name.map_or(("", ""), |name| (name.as_str(), "\\n\\n"));
                out.object(|out| {
                    out.word("type", "text");
                    out.key("text");
                    out.joined(&[title, line, text.as_str()]);
                });
            }
            Source::Url(_) => {
                return Err(Uncarried::new(PATH, "Chat takes documents inline, not by their URL"));
            }
            Source::Stored(_) => {
                return Err(Uncarried::new(PATH, "it lies in the store of another vendor"));
            }
        }
        Ok(())
    }

    fn assistant(&mut self, out: &mut Out, turn: &Turn<'_>, last: bool) {
        let back = self.back(&turn.parts);
        let texts: Vec<&Text<'_>> = turn.parts.iter().filter_map(text).collect();
        let plain = |part: &Part<'_>| matches!(part, Part::File(Source::Plain(_), _));
        if turn.parts.iter().any(plain) {
            self.notes.losses.add("messages[].content[].document", "as text");
        }
        if turn.parts.iter().any(is_media) {
            self.notes.losses.add("messages[].content[]: a model's image or document", "dropped");
        }
        let refusal = turn
            .parts
            .iter()
            .find_map(|part| if let Part::Refusal(text) = part { Some(text) } else { None });
        let is_call = |part: &Part<'_>| matches!(part, Part::Call { .. });
        let first = turn.parts.iter().position(is_call);
        let late = turn.parts.iter().rposition(|part| matches!(part, Part::Text(_)));
        if first.is_some_and(|first| late.is_some_and(|late| first < late)) {
            self.notes.losses.add("messages[].content[].text", "before the calls that it follows");
        }
        if texts.is_empty() && refusal.is_none() && first.is_none() {
            return;
        }
        let prefill = self.prefill(last && first.is_none());
        let sealed = back.sealed.as_deref().and_then(Members::read).unwrap_or_default();
        out.object(|out| {
            out.word("role", "assistant");
            if texts.is_empty() {
                out.key("content");
                out.raw("null");
            } else {
                content(out, &texts);
            }
            if let Some(refusal) = refusal {
                out.text("refusal", refusal);
            }
            if let Some(field) = prefill {
                out.key(field);
                out.raw("true");
            }
            self.given_back(out, &back.reasoning, &sealed);
            if first.is_some() {
                let extra = extra(&sealed);
                out.key("tool_calls");
                out.list(|out| {
                    turn.parts.iter().for_each(|part| self.call(out, part, &extra));
                });
            }
        });
    }

    /// A conversation that ends with the model is to be continued, not answered.
    fn prefill(&mut self, asked: bool) -> Option<&'static str> {
        match self.notes.target.quirks.prefill {
            _ if !asked => None,
            Prefill::Native | Prefill::Members(_) => None,
            Prefill::Field(field) => Some(field),
            Prefill::No | Prefill::ByModel => {
                self.notes.losses.add("messages[]: a last assistant turn", "perhaps not continued");
                None
            }
        }
    }

    /// Reasoning goes back to whom it came from, and to nobody else.
    fn back(&mut self, parts: &[Part<'_>]) -> Back {
        let mut back = Back::default();
        for part in parts {
            match part {
                Part::Think { text, seal } if self.notes.target.opens(seal).is_some() => {
                    if self.notes.target.quirks.echo.is_some() {
                        self.notes.wrote("seals");
                        back.reasoning.push_str(text.as_str());
                    } else {
                        let path = "messages[].content[].thinking";
                        self.notes.losses.add(path, "dropped: not asked for");
                    }
                }
                Part::Think { .. } => {
                    self.notes.losses.add("messages[].content[].thinking", "dropped: another's");
                }
                Part::Sealed(data) => {
                    const PATH: &str = "messages[].content[].redacted_thinking";
                    let Some(sealed) = self.notes.target.opens(data).map(Text::inside) else {
                        self.notes.losses.add(PATH, "dropped: another's");
                        continue;
                    };
                    let sealed = unescaped(&sealed).filter(|it| Members::read(it).is_some());
                    self.notes.wrote("seals");
                    if back.sealed.is_some() || sealed.is_none() {
                        self.notes.losses.add(PATH, "dropped: not what was given");
                    }
                    back.sealed = sealed.map(Cow::into_owned).or(back.sealed);
                }
                Part::Text(_)
                | Part::Refusal(_)
                | Part::Image(_)
                | Part::File(..)
                | Part::Call { .. }
                | Part::Result { .. } => {}
            }
        }
        back
    }

    fn given_back(&mut self, out: &mut Out, reasoning: &str, sealed: &Members<'_>) {
        if let Some(field) = self.notes.target.quirks.echo.filter(|_| !reasoning.is_empty()) {
            out.text(field, &Text::inside(reasoning));
        }
        if let Some(details) = sealed.get("reasoning_details") {
            out.key("reasoning_details");
            out.raw(details.get());
        }
    }

    fn call(&mut self, out: &mut Out, part: &Part<'_>, extra: &Extra<'_>) {
        let Part::Call { id, name, args } = part else { return };
        out.object(|out| {
            out.word("id", &IDS.of(id, "call_"));
            let name = self.name(name);
            if let Args::Free(text) = args {
                out.word("type", "custom");
                out.key("custom");
                out.object(|out| {
                    out.word("name", &name);
                    out.text("input", text);
                });
            } else {
                out.word("type", "function");
                out.key("function");
                out.object(|out| {
                    out.word("name", &name);
                    out.key("arguments");
                    match args {
                        Args::Object(json) => out.raw(&json::quoted(json.as_str())),
                        Args::Quoted(text) | Args::Free(text) => out.joined(&[text.as_str()]),
                    }
                });
            }
            if let Some(extra) = extra.get(id.as_str()) {
                out.key("extra_content");
                out.raw(extra.get());
            }
        });
    }
}

fn extra<'b>(sealed: &Members<'b>) -> Extra<'b> {
    let extra = sealed.get("extra_content").and_then(|raw| Members::read(raw.get()));
    extra.unwrap_or_default().0.into_iter().collect()
}

/// What only a user may show.
fn is_media(part: &Part<'_>) -> bool {
    matches!(
        part,
        Part::Image(_) | Part::File(Source::Inline { .. } | Source::Url(_) | Source::Stored(_), _)
    )
}

/// What is text in a turn of the model: its texts, and its documents of plain text.
fn text<'p>(part: &'p Part<'_>) -> Option<&'p Text<'p>> {
    if let Part::Text(text) | Part::File(Source::Plain(text), _) = part { Some(text) } else { None }
}

/// One text is a string, several are parts: nothing is put between them.
fn content(out: &mut Out, texts: &[&Text<'_>]) {
    out.key("content");
    match texts {
        [] => out.joined(&[]),
        [one] => out.joined(&[one.as_str()]),
        many => out.list(|out| {
            for text in many {
                out.object(|out| {
                    out.word("type", "text");
                    out.text("text", text);
                });
            }
        }),
    }
}

fn image(out: &mut Out, source: &Source<'_>) -> Result<(), Uncarried> {
    const PATH: &str = "messages[].content[].image";
    let url: &[&str] = match source {
        Source::Inline { mime, data } => &["data:", mime.as_str(), ";base64,", data.as_str()],
        Source::Url(url) => &[url.as_str()],
        Source::Stored(_) => {
            return Err(Uncarried::new(PATH, "it lies in the store of another vendor"));
        }
        Source::Plain(_) => return Err(Uncarried::new(PATH, "a text is no image")),
    };
    out.object(|out| {
        out.word("type", "image_url");
        out.key("image_url");
        out.object(|out| {
            out.key("url");
            out.joined(url);
        });
    });
    Ok(())
}
