//! Text out of JSON strings and into them.

use std::fmt::Write as _;

/// Unescapes the insides of JSON strings that follow one another: half a surrogate pair in each of
/// two is one character.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Unescape {
    /// A high surrogate whose other half has not come.
    high: Option<u16>,
}

// === impl Unescape ===

impl Unescape {
    /// Goes on behind half a pair, where there was one.
    pub(crate) fn behind(high: Option<u16>) -> Self {
        Self { high }
    }

    /// The high surrogate that came last, where its other half has not come.
    pub(crate) fn half(self) -> Option<u16> {
        self.high
    }

    /// Puts the text behind `text`. False where it is none: half a pair alone, an unknown escape.
    pub(crate) fn push(&mut self, inside: &str, text: &mut String) -> bool {
        let mut rest = inside;
        loop {
            let plain = rest.find('\\').unwrap_or(rest.len());
            let (before, escape) = rest.split_at(plain);
            if !before.is_empty() {
                if self.high.is_some() {
                    return false;
                }
                text.push_str(before);
            }
            let Some(escape) = escape.strip_prefix('\\') else { return true };
            let Some(after) = self.escape(escape, text) else { return false };
            rest = after;
        }
    }

    /// Takes one escape without its backslash; what follows it.
    fn escape<'a>(&mut self, escape: &'a str, text: &mut String) -> Option<&'a str> {
        let letter = escape.chars().next()?;
        let rest = escape.get(letter.len_utf8()..)?;
        if letter == 'u' {
            let unit = u16::from_str_radix(rest.get(..4)?, 16).ok()?;
            self.unit(unit, text)?;
            return rest.get(4..);
        }
        if self.high.is_some() {
            return None;
        }
        text.push(match letter {
            '"' | '\\' | '/' => letter,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            _ => return None,
        });
        Some(rest)
    }

    fn unit(&mut self, unit: u16, text: &mut String) -> Option<()> {
        match (self.high.take(), unit) {
            (None, 0xd800..=0xdbff) => self.high = Some(unit),
            (Some(high), 0xdc00..=0xdfff) => {
                text.push(char::decode_utf16([high, unit]).next()?.ok()?);
            }
            (None, unit) => text.push(char::from_u32(u32::from(unit))?),
            (Some(_), _) => return None,
        }
        Some(())
    }
}

/// A text as the inside of a JSON string.
pub(crate) fn escaped(text: &str) -> String {
    let mut inside = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '"' => inside.push_str("\\\""),
            '\\' => inside.push_str("\\\\"),
            '\n' => inside.push_str("\\n"),
            '\r' => inside.push_str("\\r"),
            '\t' => inside.push_str("\\t"),
            letter if letter < ' ' => {
                // Writing to a string cannot fail.
                let _ignored = write!(inside, "\\u{:04x}", u32::from(letter));
            }
            letter => inside.push(letter),
        }
    }
    inside
}
