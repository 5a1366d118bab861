//! A request that stays in its dialect, and carries seals from answers that crossed.
//!
//! Its target would refuse them: they are another's. This is the one case in which a request of the
//! same dialect is changed beyond its model's name.
//!
//! **Invariant:** messages without a seal keep their bytes.

use super::Out;
use crate::json::{self, Members, Type, type_of};
use crate::lazy::Raw;
use crate::seal::MARK;
use bytes::Bytes;
use ir::Crossable;
use memchr::memmem;
use serde::Deserialize;
use std::borrow::Cow;

/// The body without sealed reasoning; `None` where there is none, and the body is as it should be.
pub fn without_seals(dialect: Crossable, body: &[u8]) -> Option<Bytes> {
    #[derive(Deserialize)]
    struct Body<'a> {
        #[serde(borrow)]
        messages: Vec<Raw<'a>>,
    }
    memmem::find(body, MARK.as_bytes())?;
    let text = std::str::from_utf8(body).ok()?;
    let Body { messages } = serde_json::from_str(text).ok()?;
    let start = json::place_in(text, *messages.first()?).start;
    let end = json::place_in(text, *messages.last()?).end;
    let kept: Vec<Cow<'_, str>> =
        messages.iter().filter_map(|raw| message(dialect, raw.get())).collect();
    let mut out = String::with_capacity(text.len());
    out.push_str(text.get(..start)?);
    out.push_str(&kept.join(","));
    out.push_str(text.get(end..)?);
    Some(Bytes::from(out))
}

fn is_sealed(text: &str) -> bool {
    memmem::find(text.as_bytes(), MARK.as_bytes()).is_some()
}

/// A message without seals; `None` where nothing else was in it.
fn message(dialect: Crossable, raw: &str) -> Option<Cow<'_, str>> {
    let members = Members::read(raw).filter(|_| is_sealed(raw)).unwrap_or_default();
    // Of Chat's fields only this one is ours; a text may well speak of seals.
    let field = match dialect {
        Crossable::Chat => "reasoning_details",
        Crossable::Messages => "content",
    };
    if !members.get(field).is_some_and(|raw| is_sealed(raw.get())) {
        return Some(Cow::Borrowed(raw));
    }
    let says = |key| members.get(key).is_some_and(|raw| json::holds(Some(raw)));
    let mut left = dialect == Crossable::Messages || says("content") || says("tool_calls");
    let mut out = Out::with_capacity(raw.len());
    out.object(|out| {
        for (key, value) in &members.0 {
            match (dialect, key.as_ref()) {
                // What is told of sealed reasoning is not the target's either.
                (Crossable::Chat, "reasoning_details" | "reasoning_content") => {}
                (Crossable::Messages, "content") if type_of(*value) == Type::Array => {
                    let blocks = blocks(*value);
                    left = !blocks.is_empty();
                    out.raw_member(key, &format!("[{}]", blocks.join(",")));
                }
                (Crossable::Chat | Crossable::Messages, _) => out.raw_member(key, value.get()),
            }
        }
    });
    left.then(|| Cow::Owned(out.finish()))
}

/// The blocks that are not sealed reasoning.
fn blocks(content: Raw<'_>) -> Vec<&str> {
    let blocks: Vec<Raw<'_>> = serde_json::from_str(content.get()).unwrap_or_default();
    let kept = |raw: &Raw<'_>| {
        let block = Members::read(raw.get()).unwrap_or_default();
        let sealed = |key| block.get(key).is_some_and(|raw| is_sealed(raw.get()));
        !(sealed("signature") || sealed("data"))
    };
    blocks.into_iter().filter(kept).map(Raw::get).collect()
}

#[cfg(test)]
mod tests {
    use super::without_seals;
    use ir::Crossable;

    #[test]
    fn seals_are_left_out_and_the_rest_is_untouched() {
        for (dialect, before, after) in [
            (
                Crossable::Messages,
                r#"{ "z":1, "messages": [ {"role":"user","content":"a \u00e9 backstop"} , {"role":"assistant","content":[{"type":"thinking","thinking":"h","signature":"backstop1.0123456789abcdef."},{"type":"text", "text":"b"}]} ], "model":"m"}"#,
                r#"{ "z":1, "messages": [ {"role":"user","content":"a \u00e9 backstop"},{"role":"assistant","content":[{"type":"text", "text":"b"}]} ], "model":"m"}"#,
            ),
            (
                Crossable::Messages,
                r#"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"redacted_thinking","data":"backstop1.0123456789abcdef.x"}]},{"role":"user","content":"b"}]}"#,
                r#"{"messages":[{"role":"user","content":"a"},{"role":"user","content":"b"}]}"#,
            ),
            (
                Crossable::Chat,
                r#"{"messages":[{"role":"assistant","content":"b","reasoning_content":"h","reasoning_details":[{"signature":"backstop1.0123456789abcdef.x","index":0}]}]}"#,
                r#"{"messages":[{"role":"assistant","content":"b"}]}"#,
            ),
        ] {
            let stripped = without_seals(dialect, before.as_bytes()).expect("a seal");
            assert_eq!(std::str::from_utf8(&stripped), Ok(after));
        }
        let plain = br#"{"messages":[{"role":"assistant","reasoning_content":"h"}]}"#;
        assert_eq!(without_seals(Crossable::Chat, plain), None);
    }
}
