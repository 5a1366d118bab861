//! The first letters behind the joint: white space that was delivered already, the other half of a
//! surrogate pair, a word that goes on.

use super::told::Told;
use super::why;

/// Reads what follows the last cluster of the delivered text.
#[derive(Debug)]
pub(super) struct Gap {
    /// Words stood before the anchor.
    talk: bool,
    /// How much of the delivered white space has come again.
    come: usize,
    /// Some white space has come.
    white: bool,
}

/// What is read.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Read {
    /// More must come.
    More,
    /// The rest flows, behind the low half of a pair.
    Done(Option<u16>),
    Lost(&'static str),
}

// === impl Gap ===

impl Gap {
    pub(super) fn new(talk: bool) -> Self {
        Self { talk, come: 0, white: false }
    }

    /// Takes from the text what was delivered already.
    pub(super) fn take(&mut self, told: &Told, text: &mut String, whole: bool) -> Read {
        let mut taken = 0;
        let read = loop {
            let rest = text.get(taken..).unwrap_or_default();
            let Some(letter) = rest.chars().next() else {
                break if !whole {
                    Read::More
                } else if told.half.is_some() {
                    Read::Lost(why::HALF)
                } else {
                    Read::Done(None)
                };
            };
            if !letter.is_whitespace() {
                break self.letter(told, letter, &mut taken);
            }
            if rest == "\r" && !whole {
                break Read::More;
            }
            // Where words stood before, a line that was not delivered may end what was repeated.
            if self.talk && is_break(letter) && !told.trailing.contains(is_break) {
                break Read::Lost(why::TALK);
            }
            self.white = true;
            match self.account(told, unit(rest, letter)) {
                0 if told.half.is_some() => break Read::Lost(why::HALF),
                0 => break Read::Done(None),
                known => taken += known,
            }
        };
        text.drain(..taken);
        read
    }

    /// The first letter that is no white space.
    fn letter(&self, told: &Told, letter: char, taken: &mut usize) -> Read {
        if let Some(half) = told.half {
            let mut units = [0; 2];
            let [high, low] = *letter.encode_utf16(&mut units) else {
                return Read::Lost(why::HALF);
            };
            if high != half {
                return Read::Lost(why::HALF);
            }
            *taken += letter.len_utf8();
            return Read::Done(Some(low));
        }
        // Whoever goes on by itself was not shown the white space either.
        let parted = !told.trailing.is_empty() && !self.white;
        if parted && told.is_word_with(letter) {
            return Read::Lost(why::WORD);
        }
        Read::Done(None)
    }

    /// How many bytes of this white space the delivered one accounts for. A line that has ended
    /// accounts for spaces; spaces account for no line.
    fn account(&mut self, told: &Told, unit: &str) -> usize {
        let rest = told.trailing.get(self.come..).unwrap_or_default();
        if told.half.is_some() {
            // Something was delivered behind it: it is over, and any run is as good as any other.
            return if told.trailing.is_empty() { 0 } else { unit.len() };
        }
        let Some(next) = rest.chars().next() else { return 0 };
        if !unit.starts_with(is_break) {
            self.come += if is_break(next) { 0 } else { next.len_utf8() };
            return unit.len();
        }
        let Some((spaces, ending)) = rest.find(is_break).map(|at| rest.split_at(at)) else {
            return 0;
        };
        let line = unit_of_break(ending);
        self.come += spaces.len() + line;
        // A line that was cut within its two-byte ending.
        if ending == "\r" && unit == "\r\n" { 1 } else { unit.len() }
    }
}

fn unit(text: &str, letter: char) -> &str {
    text.get(..if is_break(letter) { unit_of_break(text) } else { letter.len_utf8() })
        .unwrap_or_default()
}

/// How many bytes end the line that ends here.
fn unit_of_break(text: &str) -> usize {
    if text.starts_with("\r\n") { 2 } else { text.chars().next().map_or(0, char::len_utf8) }
}

/// What ends a line (UAX 14, the classes BK, CR, LF, NL).
pub(super) fn is_break(letter: char) -> bool {
    matches!(letter, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::{Gap, Read};
    use crate::seam::told::Told;

    /// What of the continuation is left, at every split of it.
    fn check(told: &str, continuation: &str, expect: &str) {
        let told = Told::new(told, None, false);
        for cut in (0..=continuation.len()).filter(|cut| continuation.is_char_boundary(*cut)) {
            let mut gap = Gap::new(false);
            let mut text = continuation[..cut].to_owned();
            let first = gap.take(&told, &mut text, false);
            text.push_str(&continuation[cut..]);
            let read = if first == Read::More { gap.take(&told, &mut text, true) } else { first };
            assert_eq!((text.as_str(), read), (expect, Read::Done(None)), "{continuation:?}");
        }
    }

    #[test]
    fn delivered_white_space_is_not_doubled() {
        check("foo", " bar", " bar");
        check("foo ", " bar", "bar");
        check("foo ", "(bar", "(bar");
        check("foo ", "  bar", " bar");
        check("foo  ", " bar", "bar");
        check("foo \n", "\nbar", "bar");
        check("foo\n", "\n\nbar", "\nbar");
        check("foo ", "\nbar", "\nbar");
        check("foo\n", " bar", "bar");
        check("foo\n", "\r\nbar", "bar");
        check("foo\r\n", "\nbar", "bar");
        check("foo\r", "\r\nbar", "\nbar");
        check("foo\r\n", "\r\n\r\nbar", "\r\nbar");
        check("foo\n    ", "\n        bar", "    bar");
        check("foo\n", "\n    bar", "    bar");
        check("foo\n\n", "\nbar", "bar");
        check("foo \n \n", "\n\n\nbar", "\nbar");
        check("foo\u{a0}", " bar", "bar");
        check("foo\u{2028}", "\nbar", "bar");
        check("foo", "", "");
        check("foo \n", " \n", "");
    }
}
