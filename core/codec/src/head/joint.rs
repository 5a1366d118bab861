//! Whether the halves of a stream that was cut could be joined, as far as the request tells.

use super::{Fields, read};
use crate::json::{self, Type, Word};
use crate::lazy::Raw;
use serde::Deserialize;

// === impl Fields ===

impl<'a> Fields<'a> {
    /// One answer of text and calls: nothing of several choices, of sound or of probabilities can be
    /// joined.
    pub(super) fn is_continuable(&self) -> bool {
        let is = |raw: Option<Raw<'a>>| raw.filter(|raw| json::type_of(*raw) != Type::Null);
        let modes = is(self.modalities).map_or(Some(Vec::new()), read::<Vec<Word<'_>>>);
        self.choices() == Ok(1)
            && is(self.audio).is_none()
            && is(self.logprobs).is_none_or(|raw| raw.get() == "false")
            && modes.is_some_and(|modes| modes.iter().all(|mode| mode.as_str() == "text"))
    }

    /// A form is asked for; one that cannot be read may be any.
    pub(super) fn is_structured(&self) -> bool {
        #[derive(Deserialize)]
        struct Format<'a> {
            #[serde(borrow, rename = "type")]
            kind: Word<'a>,
        }
        let format = self.response_format.filter(|raw| json::type_of(*raw) != Type::Null);
        format
            .is_some_and(|raw| read::<Format<'_>>(raw).is_none_or(|it| it.kind.as_str() != "text"))
    }

    /// Probabilities are asked for, in Responses.
    pub(super) fn tells_odds(&self) -> bool {
        let is = |raw: Option<Raw<'a>>| raw.filter(|raw| json::type_of(*raw) != Type::Null);
        is(self.top_logprobs).is_some_and(|raw| raw.get() != "0")
            || is(self.include).is_some_and(|raw| raw.get().contains("logprobs"))
    }

    /// The same of Responses.
    pub(super) fn has_text_format(&self) -> bool {
        #[derive(Deserialize)]
        struct Format<'a> {
            #[serde(borrow, rename = "type")]
            kind: Word<'a>,
        }
        #[derive(Deserialize)]
        struct Text<'a> {
            #[serde(borrow)]
            format: Option<Format<'a>>,
        }
        let text = self.text.filter(|raw| json::type_of(*raw) != Type::Null);
        let plain = |text: Text<'_>| text.format.is_none_or(|it| it.kind.as_str() == "text");
        text.is_some_and(|raw| !read::<Text<'_>>(raw).is_some_and(plain))
    }

    pub(super) fn has_format(&self) -> bool {
        #[derive(Deserialize)]
        struct OutputConfig<'a> {
            #[serde(borrow)]
            format: Option<Raw<'a>>,
        }
        let config = self.output_config.and_then(read::<OutputConfig<'_>>);
        config.is_some_and(|config| config.format.is_some())
    }
}
