//! JSON strings, written by hand so that a fault of the codec's cannot hide behind the same fault
//! here.

/// The bytes of `\uXXXX`.
const ESCAPE_BYTES: usize = 6;

/// `text` as a JSON string, quotes included; what JSON must escape is escaped, nothing else.
pub(super) fn quote(text: &str) -> String {
    write(text, false)
}

/// The same in ASCII: the rest as `\uXXXX`, in surrogate pairs beyond the basic plane.
pub(super) fn quote_ascii(text: &str) -> String {
    write(text, true)
}

/// The same as [`quote_ascii`] in two strings, where there is a surrogate pair: the first one ends
/// with its high half, as servers write it that cut between UTF-16 units.
pub(super) fn quote_halves(text: &str) -> (String, Option<String>) {
    let wide = text.find(|letter| u32::from(letter) > 0xffff);
    let Some((before, rest)) = wide.and_then(|at| text.split_at_checked(at)) else {
        return (quote_ascii(text), None);
    };
    let (mut head, pair) = (quote_ascii(before), quote_ascii(rest));
    let Some((high, tail)) = pair.split_at_checked(ESCAPE_BYTES.saturating_add(1)) else {
        return (quote_ascii(text), None);
    };
    head.truncate(head.len().saturating_sub(1));
    head.push_str(high.trim_start_matches('"'));
    head.push('"');
    (head, Some(format!("\"{tail}")))
}

fn write(text: &str, ascii: bool) -> String {
    let mut out = String::with_capacity(text.len().saturating_add(2));
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            letter if u32::from(letter) < 0x20 || (ascii && !letter.is_ascii()) => {
                let mut units = [0_u16; 2];
                for unit in letter.encode_utf16(&mut units) {
                    out.push_str("\\u");
                    let digits = [12, 8, 4, 0].map(|shift| u32::from(*unit >> shift & 0xf));
                    out.extend(digits.into_iter().filter_map(|one| char::from_digit(one, 16)));
                }
            }
            letter => out.push(letter),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::{quote, quote_ascii, quote_halves};

    #[test]
    fn strings_read_back() {
        for text in ["", "plain", "a\"b\\c\n\r\t\u{1}\u{7f}", "é😀\u{2028}"] {
            for json in [quote(text), quote_ascii(text)] {
                assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text, "{json}");
            }
        }
        assert_eq!(quote_ascii("é😀"), "\"\\u00e9\\ud83d\\ude00\"");
    }

    #[test]
    fn a_pair_is_split_and_joins_again() {
        let (head, tail) = quote_halves("é😀x");
        assert_eq!((head.as_str(), tail.as_deref()), (r#""\u00e9\ud83d""#, Some(r#""\ude00x""#)));
        for text in ["", "plain", "\\ud83d is spelled", "é語"] {
            assert_eq!(quote_halves(text), (quote_ascii(text), None), "{text}");
        }
    }
}
