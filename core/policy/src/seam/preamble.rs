//! What stands before the repeated end of the delivered text: nothing, an ellipsis, or talk that has ended.

/// What was said before the anchor.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Preamble {
    /// There are words.
    pub(super) talk: bool,
    /// A block of code is opened right before the anchor. If it is closed right behind it, the anchor was
    /// quoted, and what follows may be about it.
    pub(super) fenced: bool,
}

/// Marks that stand around quoted text. Fences and emphasis are written with the marks of Markdown.
const MARKS: &str = "\"'`*_~“”„‘«»‹「『";

/// What ends a sentence that introduces something. A question is none, nor is half a sentence.
const ENDS: [char; 6] = [':', '：', '.', '!', '。', '！'];

/// What a block of code begins and ends with, each three times.
pub(super) const FENCES: [char; 2] = ['`', '~'];

/// A fence names its language with no more than this.
const LANGUAGE_BYTES_MAX: usize = 20;

pub(super) fn is_mark(letter: char) -> bool {
    MARKS.contains(letter)
}

/// Whether a text stops inside a block of code (<https://spec.commonmark.org/0.31.2/#fenced-code-blocks>).
pub(super) fn is_fenced(text: &str) -> bool {
    let mut open: Option<(char, usize)> = None;
    for line in text.lines() {
        let Some((mark, count, rest)) = fence(line) else { continue };
        open = match open {
            None if mark == '`' && rest.contains('`') => None,
            None => Some((mark, count)),
            Some((own, least)) if own == mark && least <= count && rest.is_empty() => None,
            Some(open) => Some(open),
        };
    }
    open.is_some()
}

/// The same where a block with a language may begin within another, as models write them: each is ended by
/// a fence of its own.
pub(super) fn is_nested(text: &str) -> bool {
    let depth = text.lines().filter_map(fence).fold(0_usize, |depth, (_, _, rest)| {
        if rest.is_empty() && 0 < depth { depth - 1 } else { depth + 1 }
    });
    0 < depth
}

/// The marks that a line begins with as a fence does, how many they are, and what follows them.
fn fence(line: &str) -> Option<(char, usize, &str)> {
    let line = line.trim();
    let mark = line.chars().next().filter(|mark| FENCES.contains(mark))?;
    let rest = line.trim_start_matches(mark);
    let count = line.len() - rest.len();
    (count >= 3).then(|| (mark, count, rest.trim_start()))
}

// === impl Preamble ===

impl Preamble {
    /// Reads what stands before the anchor. `None` where the anchor stands within a sentence, which then
    /// speaks of it; or within marks, which may be closed behind the answer, or in the middle of it. A
    /// block of code is opened anew by whoever goes on inside of one: then the delivered text is
    /// `fenced`.
    pub(super) fn read(text: &str, fenced: bool) -> Option<Self> {
        let (mut rest, mut own_line) = trimmed(text);
        // An ellipsis stands apart from nothing.
        let mut attached = rest.len() == text.len();
        if let Some(before) = rest.strip_suffix('…').or_else(|| rest.strip_suffix("...")) {
            let (bare, line) = trimmed(before);
            (rest, own_line) = (bare, own_line || line);
            attached = rest.len() == before.len();
        }
        let opened = without_fence(rest).filter(|_| own_line);
        match opened {
            Some(before) if fenced => rest = before.trim_end(),
            Some(_) => return None,
            None => {}
        }
        let words = rest.trim_end_matches(is_mark);
        let closes = !attached && !words.is_empty() && words.trim_end() == words;
        let marked = words.len() < rest.len() && !closes;
        if marked || is_tagged(words) {
            return None;
        }
        let talk = !rest.is_empty();
        let ended = !talk || own_line || words.ends_with(ENDS);
        ended.then_some(Self { talk, fenced: opened.is_some() })
    }
}

/// Whether a text ends with a tag that opens something, which is closed like a mark.
fn is_tagged(text: &str) -> bool {
    let bare =
        text.trim_end_matches(|letter: char| letter.is_whitespace() || ENDS.contains(&letter));
    let inside = bare.strip_suffix('>').and_then(|bare| bare.rsplit_once('<')).map(|(_, tag)| tag);
    inside.is_some_and(|tag| {
        tag.starts_with(|first: char| first.is_alphabetic()) && !tag.ends_with('/')
    })
}

/// Without the white space at its end, and whether there is a line end in that.
fn trimmed(text: &str) -> (&str, bool) {
    let bare = text.trim_end();
    (bare, text.get(bare.len()..).is_some_and(|white| white.contains('\n')))
}

/// Without the line at its end that opens a fence, with the name of a language or without; `None` where
/// there is none.
fn without_fence(text: &str) -> Option<&str> {
    let line = text.rsplit('\n').next().unwrap_or_default();
    let (_, _, language) = fence(line)?;
    let names = |byte: u8| byte.is_ascii_alphanumeric() || b"+-#_.".contains(&byte);
    let opens = language.len() <= LANGUAGE_BYTES_MAX && language.bytes().all(names);
    text.get(..text.len() - line.len()).filter(|_| opens)
}

#[cfg(test)]
mod tests {
    use super::{Preamble, is_fenced};

    /// Whether there is talk; `None` where it is no preamble. And whether it opens a block of code behind
    /// a text that stops in one.
    fn check(text: &str, expect: Option<bool>, opens: bool) {
        let plain = expect.filter(|_| !opens).map(|talk| Preamble { talk, fenced: false });
        assert_eq!(Preamble::read(text, false), plain, "{text:?}");
        let fenced = expect.map(|talk| Preamble { talk, fenced: opens });
        assert_eq!(Preamble::read(text, true), fenced, "{text:?} in a block of code");
    }

    #[test]
    fn talk_has_ended_where_the_anchor_begins() {
        for (text, expect, opens) in [
            ("", Some(false), false),
            (" \n ", Some(false), false),
            ("…", Some(false), false),
            ("... ", Some(false), false),
            ("```\n", Some(false), true),
            ("```python\n", Some(false), true),
            ("~~~ \n", Some(false), true),
            ("Sure, here it goes on: ", Some(true), false),
            ("Sure, here it goes on: …", Some(true), false),
            ("Sure:\n\n```rust\n", Some(true), true),
            ("**Continuation:**\n\n", Some(true), false),
            ("**Continuation:** ", Some(true), false),
            ("## Continuation\n\n", Some(true), false),
            ("続きです：", Some(true), false),
            ("\"", None, false),
            ("“…", None, false),
            ("Continuation:\"...", None, false),
            ("続きです：「…", None, false),
            ("**Continuation:** …", Some(true), false),
            ("<rest>\n", None, false),
            ("Here it is <continued>:\n", None, false),
            ("<a href=\"x\">", None, false),
            ("<think>\n\n</think>\n\n", Some(true), false),
            ("<br/>\n", Some(true), false),
            ("->\n", Some(true), false),
            ("« ", None, false),
            ("**", None, false),
            ("Here: “", None, false),
            ("Here: ** ", None, false),
            ("Here:\n\n\"", None, false),
            ("``` ", None, false),
            ("```python ", None, false),
            ("You asked me to repeat ", None, false),
            ("You asked me to repeat “", None, false),
            ("Do you mean ", None, false),
            ("Did you mean this? ", None, false),
        ] {
            check(text, expect, opens);
        }
    }

    #[test]
    fn a_text_may_stop_in_a_block_of_code() {
        for (text, expect) in [
            ("", false),
            ("a ``` b", false),
            ("So:\n```rust\nfn main", true),
            ("So:\n  ~~~\nfn main() {}\n  ~~~\n\nAnd", false),
            ("```\na\n```\n```", true),
            ("```mill``` it is called\n", false),
            ("~~~md\n```\nx\n~~~\n\nThe", false),
            ("````\n```\nx\n```", true),
            ("```\na\n``` b\n", true),
        ] {
            assert_eq!(is_fenced(text), expect, "{text:?}");
        }
    }
}
