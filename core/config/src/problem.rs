//! What is wrong, where, and what to do about it.
//!
//! **Invariant:** no value of an `api_key` and no file content stands in a problem.

use crate::Config;
use std::fmt;

/// One thing that is wrong with a configuration, or worth a word.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Problem {
    /// The line, from 1; 0 where it did not come from a file.
    pub line: u32,
    /// The column, from 1, in characters; 0 where it did not come from a file.
    pub column: u32,
    /// The key, as in `providers.groq.dialect`; empty where the text is not TOML.
    pub key: String,
    /// What is wrong.
    pub what: String,
    /// What to do about it; may be empty.
    pub hint: String,
}

/// Problems and warnings while they are being collected.
pub(crate) struct Findings<'t> {
    text: &'t str,
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
    /// Lines that are not TOML were left out: what seems absent may stand there.
    damaged: bool,
}

// === impl Problem ===

impl Problem {
    /// The problem in a line of its own: `backstop.toml:12:5: providers.groq.dialekt: unknown key;
    /// did you mean "dialect"?`.
    pub fn render(&self, path: &str) -> String {
        if self.line == 0 { self.to_string() } else { format!("{path}:{self}") }
    }

    /// A warning about something that is not in a file.
    pub(crate) fn outside(
        key: impl Into<String>,
        what: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self { line: 0, column: 0, key: key.into(), what: what.into(), hint: hint.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "{}:{}: ", self.line, self.column)?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.what)?;
        if !self.hint.is_empty() {
            write!(f, "; {}", self.hint)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problem {}

// === impl Findings ===

impl<'t> Findings<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self { text, problems: Vec::new(), warnings: Vec::new(), damaged: false }
    }

    /// Something is wrong at a byte of the text.
    pub(crate) fn problem(
        &mut self,
        at: usize,
        key: impl Into<String>,
        what: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let at = self.opening(at);
        self.syntax(at, key, what, hint);
    }

    /// As [`problem`](Self::problem), at exactly this byte.
    pub(crate) fn syntax(
        &mut self,
        at: usize,
        key: impl Into<String>,
        what: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let problem = self.place(at, key.into(), what.into(), hint.into());
        self.problems.push(problem);
    }

    /// Something is missing. Not said where lines were left out: it may stand there.
    pub(crate) fn absent(
        &mut self,
        at: usize,
        key: impl Into<String>,
        what: impl Into<String>,
        hint: impl Into<String>,
    ) {
        if !self.damaged {
            self.problem(at, key, what, hint);
        }
    }

    /// Something works but is worth a word.
    pub(crate) fn warn(
        &mut self,
        at: usize,
        key: impl Into<String>,
        what: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let at = self.opening(at);
        let warning = self.place(at, key.into(), what.into(), hint.into());
        self.warnings.push(warning);
    }

    /// From here on the text is known to be incomplete.
    pub(crate) fn damage(&mut self) {
        self.damaged = true;
    }

    pub(crate) fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }

    /// The line of a byte, from 1.
    pub(crate) fn line(&self, at: usize) -> u32 {
        self.position(at).0
    }

    /// The configuration with its warnings, or the problems in the order of the file.
    pub(crate) fn finish(self, mut config: Config) -> Result<Config, Vec<Problem>> {
        if self.problems.is_empty() {
            config.warnings.extend(sorted(self.warnings));
            Ok(config)
        } else {
            Err(sorted(self.problems))
        }
    }

    /// Where a value opens: the parser's spans of strings leave the quotes out.
    fn opening(&self, at: usize) -> usize {
        let before = self.text.get(..at).unwrap_or_default();
        let quotes = ["\"\"\"", "'''", "\"", "'"];
        let quote = quotes.into_iter().find(|quote| before.ends_with(quote));
        at.saturating_sub(quote.map_or(0, str::len))
    }

    fn place(&self, at: usize, key: String, what: String, hint: String) -> Problem {
        let (line, column) = self.position(at);
        Problem { line, column, key, what, hint }
    }

    /// Line and column of a byte, both from 1.
    fn position(&self, at: usize) -> (u32, u32) {
        let at = self.text.floor_char_boundary(at);
        let before = self.text.get(..at).unwrap_or_default();
        let before = before.strip_prefix('\u{feff}').unwrap_or(before);
        let line = before.matches('\n').count();
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
        let count = |n: usize| u32::try_from(n.saturating_add(1)).unwrap_or(u32::MAX);
        (count(line), count(column))
    }
}

fn sorted(mut problems: Vec<Problem>) -> Vec<Problem> {
    problems.sort_by(|a, b| (a.line, a.column, &a.key).cmp(&(b.line, b.column, &b.key)));
    problems.dedup();
    problems
}
