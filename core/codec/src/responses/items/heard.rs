//! A text as it was said in pieces, against the same text as it comes whole.
//!
//! What was said is kept as a length and a hash, however long it is. Both are of the text and not of its
//! spelling, so it does not matter how it was escaped nor where the pieces were cut, within a surrogate
//! pair neither. White space at either end may be gone from a whole text: parsers of models' answers
//! strip it from what they have already streamed, and all that Unicode calls white
//! (<https://github.com/mlx-node/mlx-node/pull/45>).
//!
//! **Absent:** a guard against texts that are made to have one hash. Whoever writes both could as well
//! say what he likes.

use std::borrow::Cow;

/// What was said in pieces.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Heard {
    /// White space before anything else, in characters.
    lead: usize,
    /// All behind that.
    all: Sum,
    /// The same up to the last byte that is no white space.
    solid: Sum,
    /// The first half of a surrogate pair, of which the other may come. It is not in the sums.
    half: Option<u16>,
    /// It has U+FFFD, which is what becomes of a character that was cut by bytes.
    torn: bool,
}

/// Bytes of text, in their order. Half a pair that stays alone has three, as it would have in UTF-8 if
/// that had any for it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Sum {
    count: usize,
    /// A polynomial of the bytes at [`BASE`]: many of them can be added at once.
    hash: u64,
}

/// What was said as JSON, however that is spelled: white space and the order of members are nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Letters {
    /// All bytes but white space: any piece that is lost makes it less.
    sum: u64,
    /// There is a backslash in it, so that it can be spelled with other letters.
    escapes: bool,
}

/// What a whole text is to its pieces.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Whole<'a> {
    /// It says nothing more.
    Same,
    /// It begins with them and has more: the rest, as the inside of a JSON string.
    More(Cow<'a, str>),
    /// It says something else, or less.
    Other,
}

/// What is left to read of the inside of a JSON string.
#[derive(Clone, Copy, Debug)]
struct Spelled<'a>(&'a str);

/// A piece of it.
#[derive(Clone, Copy, Debug)]
enum Token<'a> {
    /// Characters that are spelled as they are.
    Plain(&'a str),
    /// An escaped UTF-16 code unit.
    Unit(u16),
}

/// Odd, and otherwise without a pattern.
const BASE: u64 = 0x9e37_79b9_7f4a_7c15;

/// Bytes that are added at once.
const STRIDE: usize = 8;

/// The powers of the base that these have, and that of what was before them.
const POWERS: [u64; STRIDE] =
    [power(7), power(6), power(5), power(4), power(3), power(2), power(1), power(0)];
const STEP: u64 = power(8);

/// Bytes of half a pair.
const LONE: usize = 3;

const fn power(exponent: u32) -> u64 {
    BASE.wrapping_pow(exponent)
}

/// Whether a text is nothing but white space: the inside of a JSON string.
pub(super) fn is_white(inside: &str) -> bool {
    let mut rest = Spelled(inside);
    while let Some(token) = rest.next(usize::MAX) {
        if !token.is_white() {
            return false;
        }
    }
    rest.0.is_empty()
}

// === impl Heard ===

impl Heard {
    pub(super) fn is_empty(&self) -> bool {
        self.lead == 0 && self.all.count == 0 && self.half.is_none()
    }

    /// Whether a piece of it was cut within a character.
    pub(super) fn is_torn(&self) -> bool {
        self.torn
    }

    /// One more piece: the inside of a JSON string.
    pub(super) fn add(&mut self, piece: &str) {
        let mut piece = Spelled(piece);
        while let Some(token) = piece.next(usize::MAX) {
            self.push(token);
        }
    }

    /// What the whole text with this inside is to what was said.
    pub(super) fn compare<'a>(&self, inside: &'a str) -> Whole<'a> {
        let mut whole = Self::default();
        let mut rest = Spelled(inside);
        while whole.all.count < self.all.count {
            let alone = if whole.half.is_some() { LONE } else { 0 };
            let most = self.all.count.saturating_sub(whole.all.count).saturating_sub(alone);
            let Some(token) = rest.next(most.max(1)) else { break };
            whole.push(token);
        }
        if whole.all == self.all {
            // Where there was nothing but white space, that much of it is not said again.
            let lead = if self.all.count == 0 { self.lead } else { 0 };
            for _ in 0..lead {
                let mut ahead = rest;
                if ahead.next(1).is_some_and(Token::is_white) {
                    rest = ahead;
                }
            }
            return match self.half.map_or(Some(Cow::Borrowed(rest.0)), |half| rest.behind(half)) {
                Some(rest) if rest.is_empty() => Whole::Same,
                Some(rest) => Whole::More(rest),
                None => Whole::Other,
            };
        }
        while let Some(token) = rest.next(usize::MAX) {
            whole.push(token);
        }
        if whole.solid == self.solid { Whole::Same } else { Whole::Other }
    }

    fn push(&mut self, token: Token<'_>) {
        let before = self.half.take();
        if let (Some(high), Token::Unit(low)) = (before, token)
            && let Some(Ok(pair)) = char::decode_utf16([high, low]).next()
        {
            return self.character(pair);
        }
        if let Some(half) = before {
            self.lone(half);
        }
        match token {
            Token::Plain(text) => self.text(text),
            Token::Unit(unit @ 0xd800..=0xdbff) => self.half = Some(unit),
            Token::Unit(unit) => match char::from_u32(u32::from(unit)) {
                Some(character) => self.character(character),
                None => self.lone(unit),
            },
        }
    }

    fn character(&mut self, character: char) {
        self.text(character.encode_utf8(&mut [0; 4]));
    }

    fn lone(&mut self, half: u16) {
        let [high, low] = half.to_be_bytes();
        let lone: [u8; LONE] = [0xed, high, low];
        self.all.add(&lone);
        self.solid = self.all;
    }

    fn text(&mut self, text: &str) {
        self.torn |= text.contains(char::REPLACEMENT_CHARACTER);
        let mut text = text;
        if self.all.count == 0 {
            let behind = text.trim_start();
            let white = text.strip_suffix(behind).unwrap_or_default();
            self.lead = self.lead.saturating_add(white.chars().count());
            text = behind;
        }
        let solid = text.trim_end();
        if !solid.is_empty() {
            self.all.add(solid.as_bytes());
            self.solid = self.all;
        }
        let white = text.strip_prefix(solid).unwrap_or_default();
        self.all.add(white.as_bytes());
    }
}

// === impl Letters ===

impl Letters {
    /// One more piece: the inside of a JSON string.
    pub(super) fn add(&mut self, piece: &str) {
        let mut piece = Spelled(piece);
        while let Some(token) = piece.next(usize::MAX) {
            let mut count = |byte: u64| {
                self.escapes |= byte == u64::from(b'\\');
                self.sum = self.sum.wrapping_add(byte);
            };
            match token {
                Token::Plain(text) => {
                    let solid = text.bytes().filter(|byte| !byte.is_ascii_whitespace());
                    solid.map(u64::from).for_each(&mut count);
                }
                Token::Unit(unit) if token.is_white() => self.escapes |= 0x80 <= unit,
                Token::Unit(unit) => {
                    count(u64::from(unit));
                    self.escapes |= 0x80 <= unit;
                }
            }
        }
    }

    /// Whether this cannot be the same, spelled anew.
    pub(super) fn differs(self, whole: &str) -> bool {
        let mut other = Self::default();
        other.add(whole);
        self.sum != other.sum && !self.escapes && !other.escapes
    }
}

// === impl Sum ===

impl Sum {
    fn add(&mut self, bytes: &[u8]) {
        self.count = self.count.saturating_add(bytes.len());
        let (strides, rest) = bytes.as_chunks::<STRIDE>();
        for stride in strides {
            let terms = stride.iter().zip(POWERS);
            let terms = terms.map(|(byte, power)| u64::from(*byte).wrapping_mul(power));
            let added = terms.fold(0, u64::wrapping_add);
            self.hash = self.hash.wrapping_mul(STEP).wrapping_add(added);
        }
        for byte in rest {
            self.hash = self.hash.wrapping_mul(BASE).wrapping_add(u64::from(*byte));
        }
    }
}

// === impl Token ===

impl Token<'_> {
    fn is_white(self) -> bool {
        match self {
            Self::Plain(text) => text.trim().is_empty(),
            Self::Unit(unit) => char::from_u32(u32::from(unit)).is_some_and(char::is_whitespace),
        }
    }
}

// === impl Spelled ===

impl<'a> Spelled<'a> {
    /// The next piece; what is plain comes as `most` bytes at the most.
    fn next(&mut self, most: usize) -> Option<Token<'a>> {
        let Self(text) = *self;
        if let Some(escape) = text.strip_prefix('\\') {
            let (unit, rest) = escaped(escape)?;
            *self = Self(rest);
            return Some(Token::Unit(unit));
        }
        let ahead = text.as_bytes();
        let ahead = ahead.get(..most).unwrap_or(ahead);
        let plain = memchr::memchr(b'\\', ahead).unwrap_or(ahead.len());
        // A text that is as long within a character is another text: it may as well be longer.
        let (plain, rest) = text.split_at_checked(text.ceil_char_boundary(plain))?;
        *self = Self(rest);
        Some(Token::Plain(plain)).filter(|_| !plain.is_empty())
    }

    /// What stands behind a pair of which this half was said, or behind the half alone.
    fn behind(mut self, half: u16) -> Option<Cow<'a, str>> {
        if self.0.starts_with('\\') {
            let same = |token: &Token<'_>| matches!(token, Token::Unit(unit) if *unit == half);
            return self.next(1).filter(same).map(|_| Cow::Borrowed(self.0));
        }
        let mut rest = self.0.chars();
        let mut halves = [0; 2];
        match rest.next()?.encode_utf16(&mut halves) {
            [high, low] if *high == half => {
                Some(Cow::Owned(format!("\\u{low:04x}{}", rest.as_str())))
            }
            _ => None,
        }
    }
}

/// What a backslash begins, and what stands behind it.
fn escaped(text: &str) -> Option<(u16, &str)> {
    let mut rest = text.chars();
    let unit = match rest.next()? {
        'b' => 0x8,
        'f' => 0xc,
        'n' => 0xa,
        'r' => 0xd,
        't' => 0x9,
        'u' => {
            let (digits, rest) = rest.as_str().split_at_checked(4)?;
            return Some((u16::from_str_radix(digits, 16).ok()?, rest));
        }
        itself => u16::try_from(u32::from(itself)).ok()?,
    };
    Some((unit, rest.as_str()))
}

#[cfg(test)]
mod tests {
    use super::{Heard, Whole};
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};
    use std::fmt::Write as _;

    #[track_caller]
    fn check(pieces: &[&str], whole: &str, expect: &str) {
        let mut heard = Heard::default();
        for piece in pieces {
            heard.add(piece);
        }
        let is = match heard.compare(whole) {
            Whole::Same => "same".to_owned(),
            Whole::More(rest) => format!("more [{rest}]"),
            Whole::Other => "other".to_owned(),
        };
        assert_eq!(is, expect, "{pieces:?} {whole:?}");
    }

    proptest! {
        /// However a text is spelled and cut, the whole is the same, and the rest is what was not said.
        #[test]
        fn spelling_and_cuts_change_nothing(
            text in "[ \\n\u{3000}\u{a0}a\"é\u{1f600}漢]{1,12}",
            spelled in any::<[bool; 24]>(),
            whole in any::<[bool; 24]>(),
            cut in 0_usize..24,
        ) {
            let units: Vec<u16> = text.encode_utf16().collect();
            let spell = |units: &[u16], escape: &[bool]| {
                let mut out = String::new();
                for (character, escape) in char::decode_utf16(units.iter().copied()).zip(escape) {
                    match character {
                        Ok(plain) if !escape && !"\n\"".contains(plain) => out.push(plain),
                        Ok(other) => {
                            for unit in other.encode_utf16(&mut [0; 2]) {
                                write!(out, "\\u{unit:04X}").expect("a string");
                            }
                        }
                        Err(lone) => write!(out, "\\u{:04x}", lone.unpaired_surrogate())
                            .expect("a string"),
                    }
                }
                out
            };
            let (before, behind) = units.split_at(cut.min(units.len()));
            let mut heard = Heard::default();
            heard.add(&spell(before, &spelled));
            let whole = spell(&units, &whole);
            let mut all = heard;
            all.add(&spell(behind, &spelled));
            prop_assert_eq!(all.compare(&whole), Whole::Same);
            let solid = |units: &[u16]| !units.iter().all(|unit| matches!(unit, 0x20 | 0xa | 0xa0 | 0x3000));
            match heard.compare(&whole) {
                Whole::More(rest) => {
                    heard.add(&rest);
                    prop_assert_eq!(heard.compare(&whole), Whole::Same);
                    prop_assert!(!behind.is_empty());
                }
                Whole::Same => prop_assert!(!solid(behind)),
                Whole::Other => prop_assert!(false, "{heard:?} {whole:?}"),
            }
            // Another letter at the end is another text.
            heard.add("x");
            prop_assert_eq!(heard.compare(&whole), Whole::Other);
        }
    }

    #[test]
    fn whole_and_pieces() {
        for (pieces, whole, expect) in [
            (&["ab", "c"][..], "abc", "same"),
            (&["ab", "c"], "abc d", "more [ d]"),
            (&["ab", "c"], "ab", "other"),
            (&["ab", "c"], "abd", "other"),
            (&["ab", "c"], "abde", "other"),
            (&["ab", "c"], "xyz", "other"),
            (&[], "abc", "more [abc]"),
            // However it is spelled.
            (&["\u{e9}\\n\\\"\\/"], r"\u00E9\u000a\u0022/", "same"),
            (&["\\u00e9"], "\u{e9}t\u{e9}", "more [t\u{e9}]"),
            (&["a\\\\", "n"], "a\\n", "other"),
            (&["\\ud83d", "\\ude00"], "\u{1f600}", "same"),
            (&["\u{1f600}"], "\\ud83d\\ude00!", "more [!]"),
            // Half a pair is said, and the whole has both.
            (&["a\\ud83d"], "a\u{1f600}!", "more [\\ude00!]"),
            (&["a\\ud83d"], "a\\ud83d\\ude00!", "more [\\ude00!]"),
            (&["a\\ud83d"], "a\\ud83d", "same"),
            (&["a\\ud83d"], "a\u{1fae0}", "other"),
            // White space around it is nothing.
            (&["\\n\\nab ", "c \\n"], "ab c", "same"),
            (&["ab"], "\\n ab", "same"),
            (&["ab "], "ab", "same"),
            (&["ab "], "ab\\n", "same"),
            (&["ab "], "a", "other"),
            (&["ab "], "ab  c", "more [ c]"),
            (&["ab \\n"], "ab c", "other"),
            (&["\\n"], "ab", "more [ab]"),
            (&["\\n"], "\\n\\nab", "more [\\nab]"),
            (&["\\n", " "], "\\n", "same"),
            (&["ab"], "a b", "other"),
            // Whatever Unicode calls so, however it is spelled.
            (&["\u{3000}ab\u{a0}"], "ab", "same"),
            (&["\\u3000ab\\u00a0\\u000b"], "ab", "same"),
            (&["ab"], "\\u3000\u{2003}ab", "same"),
            (&["ab "], "ab\u{85}", "same"),
            (&["\u{3000}"], "\u{3000}ab", "more [ab]"),
            (&["\u{3000}\u{3000}"], "\\u3000ab", "more [ab]"),
            (&["ab\u{3000}"], "ab\u{3000}c", "more [c]"),
            (&["ab\u{3000}"], "ab\u{a0}c", "other"),
            // No JSON, and still no panic.
            (&["\\u12", "\\"], "\\u12\u{e9}", "more [\\u12\u{e9}]"),
            (&["a\\"], "a\\u12\u{e9}", "more [\\u12\u{e9}]"),
        ] {
            check(pieces, whole, expect);
        }
    }
}
