//! The messages of a Messages request, written.

use super::{NAMES, Writer, is_blank};
use crate::json::Members;
use crate::request::parts::{Plainness, concat, unescaped};
use crate::request::{Out, Uncarried};
use ir::request::{Args, Format, Part, Request, Role, Source, Text, Turn};
use ir::{Repair, Thinks};
use std::borrow::Cow;

/// Ids of calls (<https://docs.claude.com/en/api/messages#body-messages>).
const IDS: Plainness = Plainness { max: 128 };

/// What is said where a caller wants JSON of no schema.
const JSON_ONLY: &str = "Answer with a single JSON object and nothing else.";

/// A message: turns of one speaker that follow one another.
#[derive(Debug)]
struct Message<'p, 'a> {
    role: Role,
    parts: Vec<Cow<'p, Part<'a>>>,
}

// === impl Writer ===

impl Writer<'_> {
    /// `system` and `messages`.
    pub(super) fn turns(&mut self, out: &mut Out, request: &Request<'_>) -> Result<(), Uncarried> {
        let leading = request.turns.iter().take_while(|turn| turn.role == Role::System).count();
        let (system, rest) = request.turns.split_at_checked(leading).unwrap_or_default();
        // A conversation has a user turn: where there is none, the operator's is one.
        let (system, rest) = match (system.split_last(), rest.is_empty()) {
            (Some((_, system)), true) => {
                self.notes.losses.add("messages[]", "the last system turn as a user turn");
                (system, request.turns.get(leading.saturating_sub(1)..).unwrap_or_default())
            }
            (Some(_) | None, _) => (system, rest),
        };
        let json_only = Part::Text(Text::inside(JSON_ONLY));
        let mut texts: Vec<&Part<'_>> = system.iter().flat_map(|turn| &turn.parts).collect();
        if request.format == Some(Format::Object) {
            self.notes.losses.add("response_format", "as an instruction");
            texts.push(&json_only);
        }
        texts.retain(|part| self.keeps(part));
        if !texts.is_empty() {
            out.key("system");
            self.content(out, &texts)?;
        }
        let messages = self.messages(rest);
        match messages.last() {
            None => return Err(Uncarried::new("messages[]", "nothing is left to be asked")),
            Some(last) if last.role == Role::Assistant && self.refuses_prefill() => {
                let why = "the model does not go on with a turn of its own";
                return Err(Uncarried::new("messages[]: a last assistant turn", why));
            }
            Some(_) => {}
        }
        out.key("messages");
        out.list(|out| {
            messages.iter().try_for_each(|message| {
                let parts: Vec<&Part<'_>> = message.parts.iter().map(AsRef::as_ref).collect();
                out.object(|out| {
                    out.word("role", word(message.role));
                    out.key("content");
                    self.content(out, &parts)
                })
            })
        })
    }

    /// Turns of one speaker become one message; what Messages would refuse is left out.
    fn messages<'p, 'a>(&mut self, turns: &'p [Turn<'a>]) -> Vec<Message<'p, 'a>> {
        let mut messages: Vec<Message<'p, 'a>> = Vec::with_capacity(turns.len());
        let leading = turns.iter().all(|turn| turn.role == Role::System);
        for turn in turns {
            let mut parts: Vec<Cow<'p, Part<'a>>> = Vec::new();
            parts.extend(turn.parts.iter().filter(|part| self.keeps(part)).map(Cow::Borrowed));
            let role = match turn.role {
                Role::System if leading => Role::User,
                Role::System if !self.takes_system_turns() => {
                    self.notes.losses.add("messages[].role", "system as a marked user text");
                    parts = parts.into_iter().map(|part| Cow::Owned(marked(&part))).collect();
                    Role::User
                }
                Role::System | Role::User | Role::Assistant => turn.role,
            };
            self.system_turns |= role == Role::System;
            if parts.is_empty() {
                continue;
            }
            match messages.last_mut() {
                Some(last) if last.role == role => last.parts.append(&mut parts),
                Some(_) | None => messages.push(Message { role, parts }),
            }
        }
        if messages.first().is_some_and(|first| first.role == Role::Assistant) {
            self.notes.losses.add("messages[0]", "a user turn is put before it");
            let nothing = Part::Text(Text::inside("(The assistant begins.)"));
            messages.insert(0, Message { role: Role::User, parts: vec![Cow::Owned(nothing)] });
        }
        messages
    }

    /// Models that think as they like refuse to go on with a turn of their own
    /// (<https://platform.claude.com/docs/en/build-with-claude/streaming>).
    fn refuses_prefill(&self) -> bool {
        self.notes.target.traits.thinks == Thinks::Adaptive
    }

    fn takes_system_turns(&self) -> bool {
        self.notes.target.quirks.system_turns
            && !self.notes.target.repairs.contains(&Repair::SystemAsUser)
    }

    /// Whether a part is written. Messages refuses blank texts, and thinking of others.
    fn keeps(&mut self, part: &Part<'_>) -> bool {
        match part {
            Part::Text(text) | Part::Refusal(text) => {
                let blank = is_blank(text);
                if blank && !text.is_empty() {
                    self.notes.losses.add("messages[].content", "dropped: it is only white space");
                }
                !blank
            }
            Part::Think { .. } | Part::Sealed(_) => {
                let own = self.is_own(part);
                if own {
                    self.notes.wrote("seals");
                } else {
                    self.notes.losses.add("messages[].reasoning_details", "dropped: another's");
                }
                own
            }
            Part::Image(_) | Part::File(..) | Part::Call { .. } | Part::Result { .. } => true,
        }
    }

    /// Reasoning that this target once wrote.
    pub(super) fn is_own(&self, part: &Part<'_>) -> bool {
        let (Part::Think { seal, .. } | Part::Sealed(seal)) = part else { return false };
        self.notes.target.opens(seal).is_some_and(|sealed| !sealed.is_empty())
    }

    fn content(&mut self, out: &mut Out, parts: &[&Part<'_>]) -> Result<(), Uncarried> {
        if let [Part::Text(text)] = parts {
            out.joined(&[text.as_str()]);
            return Ok(());
        }
        out.list(|out| parts.iter().try_for_each(|part| self.block(out, part)))
    }

    fn block(&mut self, out: &mut Out, part: &Part<'_>) -> Result<(), Uncarried> {
        out.object(|out| {
            match part {
                Part::Text(text) | Part::Refusal(text) => {
                    out.word("type", "text");
                    out.text("text", text);
                }
                Part::Image(source) => media(out, "image", source)?,
                Part::File(source, title) => {
                    media(out, "document", source)?;
                    if let Some(title) = title {
                        out.text("title", title);
                    }
                }
                Part::Think { text, seal } => {
                    out.word("type", "thinking");
                    out.text("thinking", text);
                    out.word("signature", self.notes.target.opens(seal).unwrap_or_default());
                }
                Part::Sealed(data) => {
                    out.word("type", "redacted_thinking");
                    out.word("data", self.notes.target.opens(data).unwrap_or_default());
                }
                Part::Call { id, name, args } => {
                    out.word("type", "tool_use");
                    out.word("id", &IDS.of(id, "toolu_"));
                    let free = matches!(args, Args::Free(_));
                    out.word("name", &self.notes.alias(NAMES, name, free));
                    self.input(out, args);
                }
                Part::Result { id, parts, error } => self.result(out, (id, *error), parts)?,
            }
            Ok(())
        })
    }

    fn input(&mut self, out: &mut Out, args: &Args<'_>) {
        out.key("input");
        match args {
            Args::Object(json) => out.raw(json.as_str()),
            Args::Free(text) => out.object(|out| out.text("input", text)),
            Args::Quoted(text) => match unescaped(text) {
                Some(json) if json.trim().is_empty() => out.raw("{}"),
                Some(json) if Members::read(&json).is_some() => out.raw(json.trim()),
                Some(_) | None => {
                    self.notes
                        .losses
                        .add("messages[].tool_calls[].function.arguments", "as a text");
                    out.object(|out| out.text("arguments", text));
                }
            },
        }
    }

    fn result(
        &mut self,
        out: &mut Out,
        (id, error): (&Text<'_>, bool),
        parts: &[Part<'_>],
    ) -> Result<(), Uncarried> {
        let kept: Vec<&Part<'_>> = parts.iter().filter(|part| self.keeps(part)).collect();
        out.word("type", "tool_result");
        out.word("tool_use_id", &IDS.of(id, "toolu_"));
        if !kept.is_empty() {
            out.key("content");
            self.content(out, &kept)?;
        }
        if error {
            out.key("is_error");
            out.raw("true");
        }
        Ok(())
    }
}

fn word(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
    }
}

/// An operator's word where only users and models may speak.
fn marked<'a>(part: &Part<'_>) -> Part<'a> {
    match part {
        Part::Text(text) | Part::Refusal(text) => {
            Part::Text(concat(&["<system>\\n", text.as_str(), "\\n</system>"]))
        }
        Part::Image(_)
        | Part::File(..)
        | Part::Think { .. }
        | Part::Sealed(_)
        | Part::Call { .. }
        | Part::Result { .. } => Part::Text(Text::default()),
    }
}

fn media(out: &mut Out, kind: &str, source: &Source<'_>) -> Result<(), Uncarried> {
    out.word("type", kind);
    out.key("source");
    out.object(|out| {
        match source {
            Source::Inline { mime, data } => {
                out.word("type", "base64");
                // A usual slip, which Anthropic does not forgive.
                let jpeg = unescaped(mime).as_deref() == Some("image/jpg");
                out.word("media_type", if jpeg { "image/jpeg" } else { mime.as_str() });
                out.text("data", data);
            }
            Source::Url(url) => {
                out.word("type", "url");
                out.text("url", url);
            }
            Source::Plain(text) => {
                out.word("type", "text");
                out.word("media_type", "text/plain");
                out.text("data", text);
            }
            Source::Stored(_) => {
                return Err(Uncarried::new("messages[].content[]", "it lies with another vendor"));
            }
        }
        Ok(())
    })
}
