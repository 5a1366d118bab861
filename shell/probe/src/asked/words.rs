//! What a model is asked, where that is allowed: little, and with an answer that is known to come.

use crate::Subject;
use ir::Dialect;
use serde_json::{Value, json};

const PROMPT: &str = "Count from one to ten, in words, separated by commas.";
/// Some models refuse to say less.
const TOKENS_MIN: u32 = 16;

/// The body of the request; none where no answer may be asked for.
pub(super) fn completion(subject: &Subject, stream: bool) -> Option<Vec<u8>> {
    let asked = subject.completion.as_ref()?;
    let tokens = asked.tokens.max(TOKENS_MIN);
    let turns = || json!([{ "role": "user", "content": PROMPT }]);
    let mut body = match subject.dialect {
        Dialect::Chat => json!({ "messages": turns(), asked.field.name(): tokens }),
        Dialect::Messages => json!({ "messages": turns(), "max_tokens": tokens }),
        Dialect::Responses => {
            json!({ "input": PROMPT, "max_output_tokens": tokens, "store": false })
        }
    };
    if let Value::Object(members) = &mut body {
        members.insert("model".to_owned(), Value::from(asked.model.as_str()));
        members.insert("stream".to_owned(), Value::from(stream));
    }
    serde_json::to_vec(&body).ok()
}
