//! Text that others wrote: cut, and unable to act on a terminal; and whether it tells of an outage at
//! all.

/// How much is kept of a sentence.
const LONG: usize = 200;
/// How much is kept of a word.
const SHORT: usize = 40;

/// Words of an announcement that is not about an outage.
const ADVISORY: [&str; 9] = [
    "usage limit",
    "quota",
    "deplet",
    "billing",
    "invoice",
    "deprecat",
    "suspend",
    "complian",
    "end of life",
];

/// Words that make it one after all.
const OUTAGE: [&str; 20] = [
    "outage",
    "error",
    "unavailab",
    "not available",
    "degrad",
    "disrupt",
    "fail",
    "down",
    "latenc",
    "slow",
    "timeout",
    "timed out",
    "unable",
    "cannot",
    "incident",
    "5xx",
    "stall",
    "interrupt",
    "not working",
    "issue",
];

/// A sentence: white space is one space, whatever could act is escaped, and 200 characters are kept.
pub(super) fn sentence(text: &str) -> String {
    clean(text, LONG)
}

/// A word, the same way.
pub(super) fn short(text: &str) -> String {
    clean(text, SHORT)
}

fn clean(text: &str, max: usize) -> String {
    let mut kept = String::new();
    let mut count = 0;
    let mut space = false;
    for c in text.chars() {
        if c.is_whitespace() {
            space = !kept.is_empty();
            continue;
        }
        let mut piece = String::new();
        if std::mem::take(&mut space) {
            piece.push(' ');
        }
        if acts(c) {
            piece.extend(c.escape_unicode());
        } else {
            piece.push(c);
        }
        let chars = piece.chars().count();
        if max < count + chars + 1 {
            kept.push('…');
            break;
        }
        count += chars;
        kept.push_str(&piece);
    }
    kept
}

/// Controls, and what changes the direction of a line or cannot be seen.
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{61c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// Whether a title tells of limits, bills or farewells, and of no outage.
pub(super) fn is_notice(title: &str) -> bool {
    let title = title.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| title.contains(word));
    has(&ADVISORY) && !has(&OUTAGE)
}

#[cfg(test)]
mod tests {
    use super::{is_notice, sentence, short};

    #[test]
    fn text_cannot_act_and_is_cut() {
        let check = |text: &str, expect: &str| assert_eq!(sentence(text), expect);
        check("  All\n\tsystems   operational ", "All systems operational");
        check("\u{1b}[2Jgone\u{7}", r"\u{1b}[2Jgone\u{7}");
        check("a\u{202e}b\u{200b}c\u{9b}", r"a\u{202e}b\u{200b}c\u{9b}");
        check("héllo — 状态", "héllo — 状态");
        check("", "");
        let long = sentence(&"é".repeat(1000));
        assert_eq!(long.chars().count(), 200);
        assert!(long.ends_with('…'));
        assert!(sentence(&"\u{1b}".repeat(1000)).chars().count() <= 200);
        assert_eq!(short(&"x".repeat(50)).chars().count(), 40);
    }

    #[test]
    fn notices_are_told_from_outages() {
        let check = |title: &str, expect: bool| assert_eq!(is_notice(title), expect, "{title}");
        check("Usage limits reset for all plans", true);
        check("Scheduled deprecation of gpt-4", true);
        check("Invoices of August are late", true);
        check("Quota increases for new accounts", true);
        check("Quota service errors", false);
        check("Billing page is down", false);
        check("Elevated error rates on Claude Opus", false);
        check("Accounts suspended by mistake: unable to log in", false);
        check("Investigating", false);
    }
}
