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
pub struct Losses(Vec<Loss>);

// === impl Losses ===

impl Losses {
    /// Notes one.
    pub fn add(&mut self, path: impl Into<Cow<'static, str>>, fate: &'static str) {
        let loss = Loss { path: path.into(), fate };
        if self.0.len() < LOSSES_MAX && !self.0.contains(&loss) {
            self.0.push(loss);
        }
    }

    /// Notes those of another crossing.
    pub fn extend(&mut self, other: &Self) {
        for loss in &other.0 {
            self.add(loss.path.clone(), loss.fate);
        }
    }

    /// In the order they were met.
    pub fn iter(&self) -> impl Iterator<Item = &Loss> {
        self.0.iter()
    }

    /// Nothing was lost.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl std::fmt::Display for Losses {
    /// `a=dropped; b=as text`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (place, loss) in self.0.iter().enumerate() {
            let separator = if place == 0 { "" } else { "; " };
            write!(f, "{separator}{loss}")?;
        }
        Ok(())
    }
}

impl std::fmt::Display for Loss {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}={}", self.path, self.fate)
    }
}
