//! TOML, and what to say where the text is not TOML.
//!
//! The parser stops at the first error. So that an operator sees all of them at once, the line of
//! an error is blanked and the text is parsed again; what is left is checked like any other text.

use crate::problem::Findings;
use std::ops::Range;
use toml_span::{Error, ErrorKind, Value};

/// The largest configuration, in bytes: far more than any real one.
const TEXT_MAX: usize = 1 << 20;
/// How many errors are looked for.
const ERRORS_MAX: usize = 20;

/// What is wrong, and what to do.
type Words = (String, String);

/// The text with every line blanked that is not TOML, each reported; empty where too little is
/// sure about the rest. Positions stay what they were.
pub(crate) fn mend(original: &str, findings: &mut Findings<'_>) -> String {
    if original.len() > TEXT_MAX {
        findings.damage();
        findings.problem(0, "", "the file is larger than 1 MiB", "is it the right file?");
        return String::new();
    }
    let mut text = original.to_owned();
    let mut structure = true;
    for _ in 0..ERRORS_MAX {
        let Err(error) = toml_span::parse(&text) else { return text };
        findings.damage();
        let lines = broken_lines(&text, error.span.start);
        let header = text.get(lines.clone()).is_some_and(|line| line.trim_start().starts_with('['));
        // The head of a section where a value was expected: something above is not closed.
        let open = header && matches!(error.kind, ErrorKind::UnquotedString);
        let local = is_local(&error.kind) && !open;
        // An error in the structure makes others that are none; only the first one is told.
        if local || structure {
            let (key, (what, hint)) = if open {
                let hint = "is there a list or a table above that is not closed?".to_owned();
                (String::new(), ("expected a value, found a section".to_owned(), hint))
            } else {
                describe(&error, findings)
            };
            findings.syntax(error.span.start, key, what, hint);
        }
        let Some(blanked) = blank(&text, lines) else { break };
        if !local && !structure {
            break;
        }
        structure = structure && local;
        text = blanked;
    }
    String::new()
}

/// The line, from 1, on which a key stands: `["providers", "groq", "base_url"]`. `None` where it does
/// not, or where the text is not TOML.
pub fn line_of(text: &str, path: &[&str]) -> Option<u32> {
    let document = parse(text)?;
    let mut value = &document;
    for key in path {
        value = value.as_table()?.get(*key)?;
    }
    let before = text.get(..value.span.start)?;
    u32::try_from(before.matches('\n').count() + 1).ok()
}

/// The document, where the text is TOML.
pub(crate) fn parse(text: &str) -> Option<Value<'_>> {
    toml_span::parse(text).ok()
}

/// The lines that an error spoils: its own, and for the head of a table the whole table.
fn broken_lines(text: &str, at: usize) -> Range<usize> {
    let at = text.floor_char_boundary(at);
    let (before, after) = text.split_at_checked(at).unwrap_or((text, ""));
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let mut end = at + after.find('\n').unwrap_or(after.len());
    if text.get(start..end).is_some_and(|line| line.trim_start().starts_with('[')) {
        for line in text.get(end..).unwrap_or_default().split_inclusive('\n') {
            if line.trim_start().starts_with('[') {
                break;
            }
            end += line.len();
        }
    }
    start..end
}

/// The text with spaces in a range, byte for byte; `None` where there was nothing left to blank.
fn blank(text: &str, range: Range<usize>) -> Option<String> {
    let inside = text.get(range.clone())?;
    if inside.trim().is_empty() {
        return None;
    }
    let blanks: String = inside
        .chars()
        .flat_map(|c| {
            let space = if matches!(c, '\n' | '\r') { c } else { ' ' };
            std::iter::repeat_n(space, c.len_utf8())
        })
        .collect();
    Some([text.get(..range.start)?, &blanks, text.get(range.end..)?].concat())
}

/// Whether an error says nothing about the lines around it.
fn is_local(kind: &ErrorKind) -> bool {
    match kind {
        ErrorKind::InvalidCharInString(_)
        | ErrorKind::InvalidEscape(_)
        | ErrorKind::InvalidHexEscape(_)
        | ErrorKind::InvalidEscapeValue(_)
        | ErrorKind::InvalidNumber
        | ErrorKind::OutOfRange(_)
        | ErrorKind::DuplicateTable { .. }
        | ErrorKind::DuplicateKey { .. }
        | ErrorKind::UnquotedString
        // Something behind a value on its line.
        | ErrorKind::Wanted { expected: "newline", .. } => true,
        ErrorKind::UnexpectedEof
        | ErrorKind::ExceededDepthLimit
        | ErrorKind::Unexpected(_)
        | ErrorKind::UnterminatedString
        | ErrorKind::Wanted { .. }
        | ErrorKind::RedefineAsArray
        | ErrorKind::MultilineStringKey
        | ErrorKind::Custom(_)
        | ErrorKind::DottedKeyInvalidType { .. }
        | ErrorKind::UnexpectedKeys { .. }
        | ErrorKind::MissingField(_)
        | ErrorKind::Deprecated { .. }
        | ErrorKind::UnexpectedValue { .. } => false,
    }
}

/// The key (where there is one), what is wrong and what to do.
fn describe(error: &Error, findings: &Findings<'_>) -> (String, Words) {
    let words = |what: &str, hint: &str| (String::new(), (what.to_owned(), hint.to_owned()));
    let quotes = "put text, durations and sizes in double quotes: \"10s\"";
    match &error.kind {
        ErrorKind::DuplicateKey { key, first } | ErrorKind::DuplicateTable { name: key, first } => {
            let line = findings.line(first.start);
            let hint = format!("it stands in line {line} already; keep one of them");
            (key.clone(), ("is there twice".to_owned(), hint))
        }
        ErrorKind::UnquotedString => words("the value is not quoted", quotes),
        ErrorKind::InvalidNumber | ErrorKind::OutOfRange(_) => {
            words("not a number that TOML knows", quotes)
        }
        ErrorKind::UnterminatedString => words("a quote is opened and not closed", "close it"),
        ErrorKind::InvalidCharInString(_) => {
            words("a character that a string cannot hold", "close the quote on the same line")
        }
        ErrorKind::InvalidEscape(_)
        | ErrorKind::InvalidHexEscape(_)
        | ErrorKind::InvalidEscapeValue(_) => words(
            "an escape that TOML does not know",
            "double the backslash, or use single quotes: 'C:\\path'",
        ),
        ErrorKind::UnexpectedEof => words("the file ends too early", "is something not closed?"),
        ErrorKind::ExceededDepthLimit => words("nested too deeply", "no key needs that"),
        ErrorKind::Unexpected(c) => {
            let what = format!("unexpected character {}", c.escape_debug());
            words(&what, "quote keys that hold more than letters, digits, - and _")
        }
        ErrorKind::Wanted { expected, found } => {
            let what = format!("expected {expected}, found {found}");
            words(&what, "a line is a [section] or key = value, with text in double quotes")
        }
        ErrorKind::RedefineAsArray | ErrorKind::DottedKeyInvalidType { .. } => {
            words("this name has a value of another kind already", "give it once")
        }
        ErrorKind::MultilineStringKey => words("a key over several lines", "use one line"),
        ErrorKind::Custom(_)
        | ErrorKind::UnexpectedKeys { .. }
        | ErrorKind::MissingField(_)
        | ErrorKind::Deprecated { .. }
        | ErrorKind::UnexpectedValue { .. } => words("not TOML", "see https://toml.io"),
    }
}
