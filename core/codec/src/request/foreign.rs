//! A request of Responses for a provider that did not seal the reasoning in it.
//!
//! Encrypted reasoning is good for the account that made it; anybody else refuses the whole request
//! (`invalid_encrypted_content`, <https://github.com/openai/codex/issues/8100>). The conversation goes
//! on without it, and without what has a seal of ours: that was cut, and was not sealed by anybody.
//!
//! **Invariant:** every other item keeps its bytes.

use crate::json::{self, Members, Word};
use crate::lazy::{self, Raw};
use crate::seal;
use bytes::Bytes;
use memchr::memmem;
use serde::Deserialize;

/// The body without the reasoning that its target cannot open; `None` where there is none, and the
/// body is as it should be. `opens` is asked with the inside of a JSON string.
pub fn without_foreign_seals(body: &[u8], opens: impl Fn(&str) -> bool) -> Option<Bytes> {
    #[derive(Deserialize)]
    struct Body<'a> {
        #[serde(borrow)]
        input: Vec<Raw<'a>>,
    }
    memmem::find(body, b"encrypted_content")?;
    let text = std::str::from_utf8(body).ok()?;
    let Body { input } = serde_json::from_str(text).ok()?;
    let place = json::place_of_all(text, &input)?;
    let mut kept = input.clone();
    let is_open = |seal: &str| seal::unwrap(seal).is_none() && opens(seal);
    kept.retain(|raw| sealed(*raw).is_none_or(is_open));
    if kept.len() == input.len() {
        return None;
    }
    let kept: Vec<&str> = kept.into_iter().map(Raw::get).collect();
    json::spliced(text, vec![(place, kept.join(","))]).map(Bytes::from)
}

/// What is sealed in an item, where that is reasoning.
fn sealed(raw: Raw<'_>) -> Option<&str> {
    let item = Members::read(raw.get())?;
    let Word(kind) = lazy::read(item.get("type")?.get()).ok()?;
    let sealed = json::inside(item.get("encrypted_content")?)?;
    (kind == "reasoning" && !sealed.is_empty()).then_some(sealed)
}

#[cfg(test)]
mod tests {
    use super::without_foreign_seals;

    #[test]
    fn what_another_sealed_is_left_out_and_the_rest_is_untouched() {
        let own = r#"{"type":"reasoning","id":"rs_1","encrypted_content":"own","summary":[]}"#;
        let foreign = r#"{"type":"reasoning","encrypted_content":"gAA\u003d","summary":[ ]}"#;
        let bare = r#"{ "type":"reasoning","summary":[],"encrypted_content":null}"#;
        let compaction = r#"{"type":"compaction","encrypted_content":"x"}"#;
        let body = |items: &[&str]| {
            format!(r#"{{ "z":1, "input": [ {} ] ,"model":"m"}}"#, items.join(","))
        };
        let stripped = |items: &[&str]| {
            let body = without_foreign_seals(body(items).as_bytes(), |seal| seal == "own");
            body.map(|body| String::from_utf8(body.to_vec()).expect("UTF-8"))
        };
        let all = [own, foreign, bare, compaction];
        assert_eq!(stripped(&all), Some(body(&[own, bare, compaction])));
        assert_eq!(stripped(&[foreign]), Some(body(&[""])));
        let cut = format!(
            r#"{{"type":"reasoning","id":"rs_2","summary":[],"encrypted_content":"{}"}}"#,
            crate::seal::nobodys()
        );
        let all_open = without_foreign_seals(body(&[own, &cut]).as_bytes(), |_| true);
        assert_eq!(all_open.as_deref(), Some(body(&[own]).as_bytes()), "it is nobody's");
        assert_eq!(stripped(&[own, bare, compaction]), None);
        assert_eq!(without_foreign_seals(br#"{"input":"encrypted_content"}"#, |_| false), None);
    }
}
