//! A message, or a part of it, that began without an event of its own, as that event: whoever goes on with
//! the answer knows by such events what has begun.

use crate::responses::wire::Wire;

/// `output_item.added`. Where its message is not named, neither is it here.
pub(super) fn item(wire: &Wire<'_>, index: u32) -> String {
    let id = member("id", wire);
    format!(
        r#"{{"type":"response.output_item.added","output_index":{index},"item":{{"type":"message",{id}"role":"assistant","content":[]}}}}"#
    )
}

/// `content_part.added`.
pub(super) fn part(wire: &Wire<'_>, index: u32, place: u32) -> String {
    let id = member("item_id", wire);
    format!(
        r#"{{"type":"response.content_part.added",{id}"output_index":{index},"content_index":{place},"part":{{"type":"output_text","text":""}}}}"#
    )
}

/// The id of the message, as this member.
fn member(key: &str, wire: &Wire<'_>) -> String {
    wire.item_id().map(|id| format!(r#""{key}":"{id}","#)).unwrap_or_default()
}
