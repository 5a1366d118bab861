//! What stands before the repeated end of the delivered text: nothing, marks, or talk that has ended.

/// What was said before the anchor.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Preamble {
    /// There are words, not only marks.
    pub(super) talk: bool,
    /// What would close the marks right before the anchor: if it follows the anchor at once, the anchor
    /// was quoted, and what follows may be about it.
    pub(super) closers: String,
}

/// Marks that stand around quoted text, each with what closes it. Fences and emphasis are written with
/// the marks of Markdown.
const MARKS: [(char, &str); 15] = [
    ('"', "\""),
    ('\'', "'"),
    ('`', "`"),
    ('*', "*"),
    ('_', "_"),
    ('~', "~"),
    ('“', "”"),
    ('”', "”"),
    ('„', "“”"),
    ('‘', "’"),
    ('«', "»"),
    ('»', "«"),
    ('‹', "›"),
    ('「', "」"),
    ('『', "』"),
];

/// What ends a sentence that introduces something. A question is none, nor is half a sentence.
const ENDS: [char; 6] = [':', '：', '.', '!', '。', '！'];

const FENCES: [&str; 2] = ["`", "~"];

/// A fence names its language with no more than this.
const LANGUAGE_BYTES_MAX: usize = 20;

pub(super) fn is_mark(letter: char) -> bool {
    MARKS.iter().any(|(mark, _)| *mark == letter)
}

// === impl Preamble ===

impl Preamble {
    /// Reads what stands before the anchor; `None` where the anchor stands within a sentence, which
    /// then speaks of it.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (mut rest, mut closers) = (text, String::new());
        let (mut attached, mut own_line) = (true, false);
        loop {
            let bare = rest.trim_end();
            attached &= rest == bare;
            own_line |= rest.get(bare.len()..).is_some_and(|white| white.contains('\n'));
            rest = without_fence(bare, own_line);
            if rest.len() < bare.len() {
                closers.push_str("`~");
                continue;
            }
            let dots = rest.strip_suffix('…').or_else(|| rest.strip_suffix("..."));
            let mark = MARKS.iter().find_map(|(mark, closer)| {
                rest.strip_suffix(*mark).map(|shorter| (shorter, *closer))
            });
            rest = match (dots, mark) {
                (Some(shorter), _) => shorter,
                (None, Some((shorter, closer))) => {
                    // Only a fence stands apart from what it is around.
                    let around = attached || FENCES.iter().any(|fence| rest.ends_with(fence));
                    closers.push_str(if around { closer } else { "" });
                    shorter
                }
                (None, None) => break,
            };
        }
        let talk = !rest.is_empty();
        (!talk || own_line || rest.ends_with(ENDS)).then_some(Self { talk, closers })
    }
}

/// Without the line at its end that opens a fence with the name of a language.
fn without_fence(text: &str, own_line: bool) -> &str {
    let line = text.rsplit('\n').next().unwrap_or_default();
    let language = line.trim_start().trim_start_matches(['`', '~']);
    let fence = line.trim_start().len() - language.len();
    let named = !language.is_empty()
        && language.len() <= LANGUAGE_BYTES_MAX
        && language.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-#_.".contains(&byte));
    if own_line && fence >= 3 && named {
        text.get(..text.len() - line.len()).unwrap_or_default()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::Preamble;

    fn check(text: &str, expect: Option<(bool, &str)>) {
        let expect = expect.map(|(talk, closers)| Preamble { talk, closers: closers.to_owned() });
        assert_eq!(Preamble::read(text), expect, "{text:?}");
    }

    #[test]
    fn talk_has_ended_where_the_anchor_begins() {
        check("", Some((false, "")));
        check(" \n ", Some((false, "")));
        check("…", Some((false, "")));
        check("... ", Some((false, "")));
        check("\"", Some((false, "\"")));
        check("“…", Some((false, "”")));
        check("```\n", Some((false, "```")));
        check("```python\n", Some((false, "`~")));
        check("~~~ \n", Some((false, "~~~")));
        check("Sure, here it goes on: ", Some((true, "")));
        check("Sure:\n\n```rust\n", Some((true, "`~")));
        check("**Continuation:**\n\n", Some((true, "")));
        check("## Continuation\n\n", Some((true, "")));
        check("続きです：", Some((true, "")));
        check("Here: “", Some((true, "”")));
        check("You asked me to repeat ", None);
        check("You asked me to repeat “", None);
        check("Do you mean ", None);
        check("```python ", None);
        check("Did you mean this? ", None);
    }
}
