//! What one dialect says and another cannot: never dropped in silence.

use std::borrow::Cow;

/// A part of a request or an answer that did not reach the other side as it was.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Loss {
    /// Where it stood, in the words of the dialect that it came in: `thinking.display`,
    /// `messages[].content[].citations`. Places in lists have no number, so that a thousand alike
    /// are one.
    pub path: Cow<'static, str>,
    /// What became of it, in a few words: `dropped`, `as a system line`.
    pub fate: &'static str,
}

/// Losses of one request or answer that are kept apart: a limit on everything.
pub const LOSSES_MAX: usize = 64;

/// The losses of one crossing, each once, in the order they were met.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Losses {
    kept: Vec<Loss>,
    /// Those beyond.
    more: usize,
}

// === impl Losses ===

impl Losses {
    /// Notes one.
    pub fn add(&mut self, path: impl Into<Cow<'static, str>>, fate: &'static str) {
        let loss = Loss { path: path.into(), fate };
        if self.kept.contains(&loss) {
            return;
        }
        if self.kept.len() < LOSSES_MAX {
            self.kept.push(loss);
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    /// Notes those of another crossing.
    pub fn extend(&mut self, other: &Self) {
        for loss in &other.kept {
            self.add(loss.path.clone(), loss.fate);
        }
        self.more = self.more.saturating_add(other.more);
    }

    /// In the order they were met.
    pub fn iter(&self) -> impl Iterator<Item = &Loss> {
        self.kept.iter()
    }

    /// As headers and records say them: `a=dropped`, and how many more there are than `most`.
    pub fn said(&self, most: usize) -> Vec<String> {
        let mut said: Vec<String> = self.kept.iter().take(most).map(ToString::to_string).collect();
        let more = self.kept.len().saturating_sub(most).saturating_add(self.more);
        if 0 < more {
            said.push(format!("and {more} more"));
        }
        said
    }

    /// Nothing was lost.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }
}

impl std::fmt::Display for Loss {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}={}", self.path, self.fate)
    }
}
