//! What a request of Responses leaves with a provider, or takes up from where it was left
//! (<https://platform.openai.com/docs/guides/conversation-state>).

use super::{Error, Fields, NAME_BYTES_MAX, read};
use crate::json::{self, Type, Word};
use crate::lazy::Raw;
use memchr::memmem;
use serde::Deserialize;

/// What of a request is kept by whom it was told to, or will be.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Kept {
    /// The id of the answer that it goes on from (`previous_response_id`), unescaped.
    pub previous: Option<String>,
    /// It speaks of what only one provider has: a `conversation`, or items by their ids.
    pub elsewhere: bool,
    /// The answer is to be written while nobody waits (`background`), and asked for later.
    pub background: bool,
}

// === impl Kept ===

impl Kept {
    /// Reads it from the members of a request.
    pub(super) fn read(fields: &Fields<'_>) -> Result<Self, Error> {
        let given = |raw: Option<Raw<'_>>| raw.is_some_and(|raw| json::type_of(raw) != Type::Null);
        Ok(Self {
            previous: previous(fields)?,
            elsewhere: given(fields.conversation) || fields.input.is_some_and(has_references),
            background: fields.background.is_some_and(|raw| raw.get() == "true"),
        })
    }

    /// Whether only one provider can serve it.
    pub fn is_bound(&self) -> bool {
        self.previous.is_some() || self.elsewhere
    }
}

/// Whom it goes on from decides where it goes: what is no id is refused here.
fn previous(fields: &Fields<'_>) -> Result<Option<String>, Error> {
    let field = "previous_response_id";
    let Some(raw) = fields.previous_response_id else { return Ok(None) };
    match json::type_of(raw) {
        Type::Null => Ok(None),
        Type::String => {
            let wrong = Error::WrongType { field, expected: "a string", found: "half a character" };
            let Word(id) = read(raw).ok_or(wrong)?;
            if NAME_BYTES_MAX < id.len() {
                return Err(Error::TooLong { field, limit: NAME_BYTES_MAX });
            }
            Ok(Some(id.into_owned()))
        }
        found @ (Type::Object | Type::Array | Type::Number | Type::Bool) => {
            Err(Error::WrongType { field, expected: "a string", found: found.name() })
        }
    }
}

/// Whether some item of the input is only named.
fn has_references(input: Raw<'_>) -> bool {
    #[derive(Deserialize)]
    struct Item<'a> {
        #[serde(borrow, rename = "type")]
        kind: Option<Word<'a>>,
    }
    // Nearly no input has any, and some are long.
    if memmem::find(input.get().as_bytes(), b"item_reference").is_none() {
        return false;
    }
    let items: Vec<Raw<'_>> = read(input).unwrap_or_default();
    let kinds = items.into_iter().filter_map(|raw| read::<Item<'_>>(raw)?.kind);
    kinds.into_iter().any(|kind| kind.as_str() == "item_reference")
}
