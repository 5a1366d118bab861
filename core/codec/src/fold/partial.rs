//! JSON that was broken off, closed.

use crate::json;
use crate::lazy::Raw;

/// A document that is one, or else as much of it as was complete, with its brackets closed: what an
/// answer that met its token limit within the arguments of a call has. `None` where it is no object.
///
/// What was begun and not completed is left out, as the SDK of Anthropic does.
pub(super) fn closed(text: &str) -> Option<String> {
    let text = text.trim();
    if json::first(text.as_bytes()) != Some(b'{') || json::too_deep(text.as_bytes()) {
        return None;
    }
    let is_json = |text: &str| serde_json::from_str::<Raw<'_>>(text).is_ok();
    if is_json(text) {
        return Some(text.to_owned());
    }
    // The last two places where a value may have ended: a comma, or behind a bracket.
    let (mut last, mut before) = (None, None);
    let (mut open, mut in_string, mut escaped) = (Vec::new(), false, false);
    for (at, byte) in text.bytes().enumerate() {
        let end = match (in_string, escaped, byte) {
            (true, true, _) => {
                escaped = false;
                None
            }
            (true, false, b'\\') => {
                escaped = true;
                None
            }
            (_, false, b'"') => {
                in_string = !in_string;
                None
            }
            (false, _, b'{' | b'[') => {
                open.push(if byte == b'{' { '}' } else { ']' });
                Some(at.saturating_add(1))
            }
            (false, _, b'}' | b']') => {
                open.pop();
                Some(at.saturating_add(1))
            }
            (false, _, b',') => Some(at),
            (_, _, _) => None,
        };
        if let Some(end) = end {
            before = last.replace((end, open.clone()));
        }
    }
    if open.is_empty() && !in_string {
        return None; // It was not broken off, it is broken.
    }
    [last, before].into_iter().flatten().find_map(|(end, open)| {
        let mut text = text.get(..end)?.to_owned();
        text.extend(open.iter().rev());
        is_json(&text).then_some(text)
    })
}

#[cfg(test)]
mod tests {
    use super::closed;

    #[test]
    fn what_was_complete_stays() {
        for (text, expect) in [
            ("{}", Some("{}")),
            (r#" {"a": 1.0e2} "#, Some(r#"{"a": 1.0e2}"#)),
            ("{", Some("{}")),
            (r#"{"a":"x"#, Some("{}")),
            (r#"{"a":"x","b"#, Some(r#"{"a":"x"}"#)),
            (r#"{"a":"x","b":"#, Some(r#"{"a":"x"}"#)),
            (r#"{"a":[1,{"b":2},{"c":tr"#, Some(r#"{"a":[1,{"b":2},{}]}"#)),
            (r#"{"a":"\"},{","b":[["#, Some(r#"{"a":"\"},{","b":[[]]}"#)),
            (r#"{"a":{"b":1},"#, Some(r#"{"a":{"b":1}}"#)),
            ("[1", None),
            ("", None),
            ("{{{", None),
            (r#"{"a" "b"}"#, None),
        ] {
            assert_eq!(closed(text).as_deref(), expect, "from {text}");
        }
    }
}
