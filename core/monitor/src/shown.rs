//! Foreign text as it may be shown: on one line, without control over a terminal, not too long.

use std::borrow::Cow;

/// What stands for what was cut off.
const CUT: char = '…';

/// The text with everything escaped that is not plainly seen, cut to `bytes_max`. Two texts that are
/// short enough look the same only if they are.
pub(crate) fn shown(text: &str, bytes_max: usize) -> Cow<'_, str> {
    let plain = |c: char| c != '\\' && !is_hidden(c);
    // Nearly all texts, among them the name of a model in each request.
    let usual = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'\\';
    if text.len() <= bytes_max && (text.bytes().all(usual) || text.chars().all(plain)) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::new();
    for c in text.chars() {
        let before = shown.len();
        if plain(c) {
            shown.push(c);
        } else {
            shown.extend(c.escape_default());
        }
        if bytes_max.saturating_sub(CUT.len_utf8()) < shown.len() {
            shown.truncate(before);
            shown.push(CUT);
            break;
        }
    }
    Cow::Owned(shown)
}

/// Whether a character acts on the text around it instead of being seen: controls, separators of
/// lines, marks of direction, characters without width.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn what_is_plain_stays_and_everything_else_is_escaped_or_cut() {
        let check = |text: &str, expect: &str| assert_eq!(shown(text, 24), expect, "{text:?}");
        check("", "");
        check("claude-sonnet-4-6", "claude-sonnet-4-6");
        check("llama3.1:8b \"quoted\"", "llama3.1:8b \"quoted\"");
        check("größe 模型 🦀", "größe 模型 🦀");
        check("a\nb\r\tc\0", "a\\nb\\r\\tc\\u{0}");
        check("\x1b[31mred", "\\u{1b}[31mred");
        check("\u{9b}31m", "\\u{9b}31m");
        check("a\\nb", "a\\\\nb");
        check("x\u{202e}y", "x\\u{202e}y");
        check("123456789012345678901234", "123456789012345678901234");
        check("1234567890123456789012345", "123456789012345678901…");
        check("1234567890123456789é12345", "1234567890123456789é…");
        check("12345678901234567890é1234", "12345678901234567890…");
        check("12345678901234567890\n", "12345678901234567890…");
        let long = "\0".repeat(1 << 20);
        assert_eq!(shown(&long, 128).len(), 125 + "…".len());
    }
}
