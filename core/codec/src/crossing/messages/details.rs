//! Chat's `reasoning_details`: what comes in pieces, put together as it is to be sent back
//! (<https://openrouter.ai/docs/use-cases/reasoning-tokens#preserving-reasoning-blocks>).
//!
//! **Invariant:** values are copied as they are spelled, in the order they came.

use crate::json::{self, Members, Word};
use crate::lazy::Raw;

/// The details of one answer.
#[derive(Debug, Default)]
pub(super) struct Details(Vec<Detail>);

/// The members of one, in their order; keys as text, values as JSON on one line.
#[derive(Debug)]
struct Detail(Vec<(String, String)>);

/// What grows piece by piece; anything else is whole at once.
const GROWING: [&str; 2] = ["text", "summary"];

/// What has more members than this is nothing known, and stays by itself: every piece is looked
/// through for every member.
const MEMBERS_MAX: usize = 32;

// === impl Details ===

impl Details {
    /// Takes the details of one chunk, a JSON array.
    pub(super) fn add(&mut self, array: &str) {
        let items: Vec<Members<'_>> = serde_json::from_str(array).unwrap_or_default();
        for item in &items {
            match self.0.last_mut().filter(|last| last.goes_on(item)) {
                Some(last) => last.grow(item),
                None => self.0.push(Detail::new(item)),
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The JSON array.
    pub(super) fn json(&self) -> String {
        let details: Vec<String> = self.0.iter().map(Detail::json).collect();
        format!("[{}]", details.join(","))
    }
}

// === impl Detail ===

impl Detail {
    fn new(item: &Members<'_>) -> Self {
        let pair = |(key, raw): &(std::borrow::Cow<'_, str>, Raw<'_>)| {
            (key.clone().into_owned(), json::one_line(*raw).into_owned())
        };
        Self(item.0.iter().map(pair).collect())
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// Whether an item is the next piece: of readable reasoning, with the same type, place and id.
    fn goes_on(&self, item: &Members<'_>) -> bool {
        let kind: Option<Word<'_>> =
            item.get("type").and_then(|raw| serde_json::from_str(raw.get()).ok());
        let readable = kind
            .is_some_and(|kind| matches!(kind.as_str(), "reasoning.text" | "reasoning.summary"));
        let known = self.0.len().max(item.0.len()) <= MEMBERS_MAX;
        let same = |key| self.get(key) == item.get(key).map(Raw::get);
        let signed = self.get("signature").is_some_and(|signature| signature.len() > 4);
        readable && known && !signed && same("type") && same("index") && same("id")
    }

    fn grow(&mut self, item: &Members<'_>) {
        for (key, raw) in &item.0 {
            let value = json::one_line(*raw);
            match self.0.iter_mut().find(|(name, _)| name == key) {
                Some((_, known)) if GROWING.contains(&key.as_ref()) => {
                    if let (true, Some(more)) = (known.ends_with('"'), json::inside(*raw)) {
                        known.pop();
                        known.push_str(more);
                        known.push('"');
                    } else if known == "null" {
                        *known = value.into_owned();
                    }
                }
                Some((_, known)) if value != "null" => *known = value.into_owned(),
                Some(_) => {}
                None => self.0.push((key.clone().into_owned(), value.into_owned())),
            }
        }
    }

    fn json(&self) -> String {
        let member = |(key, value): &(String, String)| format!("{}:{value}", json::quoted(key));
        format!("{{{}}}", self.0.iter().map(member).collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::{Details, MEMBERS_MAX};

    #[test]
    fn pieces_become_one() {
        let mut details = Details::default();
        for array in [
            r#"[{"type":"reasoning.text","index":0,"text":"\ud83d","signature":null}]"#,
            r#"[{"type":"reasoning.text","index":0,"text":"\ude00"}]"#,
            r#"[{"type":"reasoning.text","index":0,"signature":"sig=","format":"x"}]"#,
            r#"[{"type":"reasoning.text","index":0,"text":"b"},{"type":"reasoning.encrypted","data":"e"}]"#,
            r#"[{"type":"reasoning.encrypted","data":"f"}]"#,
            "not an array",
        ] {
            details.add(array);
        }
        assert_eq!(
            details.json(),
            r#"[{"type":"reasoning.text","index":0,"text":"\ud83d\ude00","signature":"sig=","format":"x"},{"type":"reasoning.text","index":0,"text":"b"},{"type":"reasoning.encrypted","data":"e"},{"type":"reasoning.encrypted","data":"f"}]"#
        );
    }

    #[test]
    fn what_is_too_wide_stays_by_itself() {
        let wide = |members: usize| -> String {
            let members: Vec<String> = (3..members).map(|it| format!("\"k{it}\":0")).collect();
            let rest = [r#""type":"reasoning.text","index":0,"text":"a""#.to_owned()];
            let object = rest.into_iter().chain(members).collect::<Vec<_>>().join(",");
            format!("[{{{object}}}]")
        };
        for (members, count) in [(MEMBERS_MAX, 1), (MEMBERS_MAX + 1, 2)] {
            let mut details = Details::default();
            details.add(&wide(members));
            details.add(&wide(members));
            assert_eq!(details.0.len(), count, "{members}");
        }
    }
}
