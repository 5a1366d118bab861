//! A reader on its way through a request.
//!
//! **Invariant:** a member is taken, or stands among the losses: also where it is of another type
//! than it should be. `null` is as if it were not there.

use super::parts::{is_null, name, says};
use super::{Uncarried, inside, text_of};
use crate::json::{self, Members, Type};
use crate::lazy::Raw;
use ir::Losses;
use ir::request::{Json, Text};
use std::borrow::Cow;

/// A reader on its way through a request.
#[derive(Debug)]
pub(crate) struct Read<'l> {
    /// What it leaves behind.
    pub(crate) losses: &'l mut Losses,
    /// Contents within contents that it is in.
    level: usize,
}

/// Levels of contents: a message's, a result's in it, a document's in that. Every level is read
/// anew, so that there must be an end.
const LEVELS_MAX: usize = 3;

// === impl Read ===

impl<'l> Read<'l> {
    /// One at the beginning.
    pub(crate) fn new(losses: &'l mut Losses) -> Self {
        Self { losses, level: 0 }
    }

    /// Reads a content, unless it is too deep within others.
    pub(crate) fn within<R>(
        &mut self,
        path: &'static str,
        read: impl FnOnce(&mut Self) -> Result<R, Uncarried>,
    ) -> Result<R, Uncarried> {
        if self.level == LEVELS_MAX {
            return Err(Uncarried::new(path, "it stands too deep within others"));
        }
        self.level = self.level.saturating_add(1);
        let said = read(self);
        self.level = self.level.saturating_sub(1);
        said
    }

    /// A string.
    pub(crate) fn text<'a>(&mut self, path: &str, raw: Option<Raw<'a>>) -> Option<Text<'a>> {
        self.typed(path, raw, (Type::String, "dropped: not a string"), inside)
    }

    /// A string, unescaped.
    pub(crate) fn word<'a>(&mut self, path: &str, raw: Option<Raw<'a>>) -> Option<Cow<'a, str>> {
        self.typed(path, raw, (Type::String, "dropped: not a string"), text_of)
    }

    /// A number, as it is spelt.
    pub(crate) fn number<'a>(&mut self, path: &str, raw: Option<Raw<'a>>) -> Option<Json<'a>> {
        self.typed(path, raw, (Type::Number, "dropped: not a number"), Some).map(spelt)
    }

    /// A boolean.
    pub(crate) fn flag(&mut self, path: &str, raw: Option<Raw<'_>>) -> Option<bool> {
        self.flag_spelt(path, raw).map(|flag| flag.as_str() == "true")
    }

    /// A boolean, as it is spelt.
    pub(crate) fn flag_spelt<'a>(&mut self, path: &str, raw: Option<Raw<'a>>) -> Option<Json<'a>> {
        self.typed(path, raw, (Type::Bool, "dropped: not a boolean"), Some).map(spelt)
    }

    /// An object, as it is spelt.
    pub(crate) fn object<'a>(&mut self, path: &str, raw: Option<Raw<'a>>) -> Option<Json<'a>> {
        self.typed(path, raw, (Type::Object, "dropped: not an object"), Some).map(spelt)
    }

    /// The members of an object; none where it is none.
    pub(crate) fn members<'a>(&mut self, path: &str, raw: Option<Raw<'a>>) -> Members<'a> {
        let read = |raw: Raw<'a>| Members::read(raw.get());
        self.typed(path, raw, (Type::Object, "dropped: not an object"), read).unwrap_or_default()
    }

    fn typed<'a, T>(
        &mut self,
        path: &str,
        raw: Option<Raw<'a>>,
        (kind, fate): (Type, &'static str),
        read: impl FnOnce(Raw<'a>) -> Option<T>,
    ) -> Option<T> {
        let raw = raw.filter(|raw| !is_null(*raw))?;
        let value = if json::type_of(raw) == kind { read(raw) } else { None };
        if value.is_none() {
            self.losses.add(path.to_owned(), fate);
        }
        value
    }

    /// What an object says beside the members that were taken.
    pub(crate) fn rest(&mut self, path: &str, members: &Members<'_>, taken: &[&str]) {
        for (key, raw) in &members.0 {
            if !taken.contains(&key.as_ref()) {
                self.member(path, key, *raw);
            }
        }
    }

    /// A member that nobody takes.
    pub(crate) fn member(&mut self, path: &str, key: &str, raw: Raw<'_>) {
        if says(raw) {
            let dot = if path.is_empty() { "" } else { "." };
            self.losses.add(format!("{path}{dot}{}", name(key)), "dropped");
        }
    }
}

fn spelt(raw: Raw<'_>) -> Json<'_> {
    Json::of(raw.get())
}
