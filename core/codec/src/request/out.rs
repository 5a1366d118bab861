//! JSON, written piece by piece.
//!
//! **Invariant:** commas stand where they belong; what is copied is not looked into.

use crate::json;
use ir::request::{Json, Text};

/// A document on its way.
#[derive(Debug)]
pub(crate) struct Out {
    text: String,
    /// A value stands before the place where we are.
    behind: bool,
}

// === impl Out ===

impl Out {
    /// An empty one, for about this many bytes.
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self { text: String::with_capacity(bytes), behind: false }
    }

    /// The text.
    pub(crate) fn finish(self) -> String {
        self.text
    }

    /// An object with these members.
    pub(crate) fn object<R>(&mut self, fill: impl FnOnce(&mut Self) -> R) -> R {
        self.bracket('{', '}', fill)
    }

    /// An array with these items.
    pub(crate) fn list<R>(&mut self, fill: impl FnOnce(&mut Self) -> R) -> R {
        self.bracket('[', ']', fill)
    }

    /// A member's name, one of ours. Its value comes next.
    pub(crate) fn key(&mut self, name: &str) {
        self.comma();
        self.text.push('"');
        self.text.push_str(name);
        self.text.push_str("\":");
        self.behind = false;
    }

    /// A value as it is spelt.
    pub(crate) fn raw(&mut self, json: &str) {
        self.comma();
        self.text.push_str(json);
        self.behind = true;
    }

    /// A string of these insides, one after the other.
    pub(crate) fn joined(&mut self, insides: &[&str]) {
        self.comma();
        self.text.push('"');
        for inside in insides {
            self.text.push_str(inside);
        }
        self.text.push('"');
        self.behind = true;
    }

    /// A member with this value.
    pub(crate) fn json(&mut self, name: &str, json: &Json<'_>) {
        self.key(name);
        self.raw(json.as_str());
    }

    /// A member with this name and value of somebody else's.
    pub(crate) fn raw_member(&mut self, name: &str, json: &str) {
        self.raw(&json::quoted(name));
        self.text.push(':');
        self.behind = false;
        self.raw(json);
    }

    /// A member with this text.
    pub(crate) fn text(&mut self, name: &str, text: &Text<'_>) {
        self.key(name);
        self.joined(&[text.as_str()]);
    }

    /// A member with this word, which needs no escapes.
    pub(crate) fn word(&mut self, name: &str, word: &str) {
        self.key(name);
        self.joined(&[word]);
    }

    /// A member with this text, which is no JSON yet.
    pub(crate) fn plain(&mut self, name: &str, text: &str) {
        self.key(name);
        self.raw(&json::quoted(text));
    }

    fn bracket<R>(&mut self, open: char, close: char, fill: impl FnOnce(&mut Self) -> R) -> R {
        self.comma();
        self.text.push(open);
        self.behind = false;
        let filled = fill(self);
        self.text.push(close);
        self.behind = true;
        filled
    }

    fn comma(&mut self) {
        if self.behind {
            self.text.push(',');
        }
    }
}
