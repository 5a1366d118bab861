//! What a refusal says about how to ask: the field it names, and what to do about it.
//!
//! A provider's words are read only where they say that something is not known, not supported or
//! not permitted, and only where that is said of a field which may be written otherwise. To mention
//! a field is not enough: "'oneOf' is not permitted" in a `response_format` is the caller's mistake.
//!
//! Some providers quote the request in their words, so a caller may choose them: a lesson is kept
//! only once it has helped, and only where the field itself is refused, not a value of it or its
//! company.
//!
//! **Invariant:** pure; what is not understood is `None`, and the refusal stays what it is.

use crate::classify::is_unsigned;
use ir::{Dialect, Rejection, Repair, TokenField};
use phrase::{Mention, mentions};

mod phrase;
#[cfg(test)]
mod tests;

/// Fields of Chat Completions that an answer is possible without.
const CHAT: &[&str] = &[
    "temperature",
    "top_p",
    "reasoning_effort",
    "parallel_tool_calls",
    "tool_choice",
    "response_format",
    "stop",
    "stream_options",
    "service_tier",
    "user",
    "web_search_options",
    "strict",
];

/// Fields of Messages that an answer is possible without.
const MESSAGES: &[&str] = &[
    "temperature",
    "top_p",
    "thinking",
    "stop_sequences",
    "service_tier",
    "metadata",
    "tool_choice",
    "strict",
];

/// The two things that `output_config` of Messages says.
const EFFORT: &str = "output_config.effort";
const FORMAT: &str = "output_config.format";

/// Codes that say by themselves that `error.param` is what is refused.
const CODES: &[&str] =
    &["unsupported_parameter", "unsupported_value", "unknown_parameter", "extra_forbidden"];

/// What a refusal taught.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Lesson {
    /// What to do otherwise.
    pub repair: Repair,
    /// It holds for later requests too: a value that is refused, or a field beside another one, says
    /// nothing about them.
    pub lasts: bool,
}

/// What a refusal by a provider of this dialect asks to be done otherwise, where it says so.
pub fn named(rejection: &Rejection, dialect: Dialect) -> Option<Lesson> {
    if !matches!(rejection.status, 400 | 422) {
        return None;
    }
    let repair = asked(rejection, dialect)?;
    let lasts = match repair {
        Repair::Unsealed => false,
        Repair::MaxTokens(_)
        | Repair::TokenField(_)
        | Repair::SystemAsUser
        | Repair::Unprefilled => true,
        Repair::Plain | Repair::Without(_) => !is_conditional(rejection, dialect, repair),
    };
    Some(Lesson { repair, lasts })
}

fn asked(rejection: &Rejection, dialect: Dialect) -> Option<Repair> {
    if let Some(limit) = token_limit(rejection) {
        return Some(Repair::MaxTokens(limit));
    }
    let message = rejection.message.to_ascii_lowercase();
    if refuses_system(rejection, &message) {
        return Some(Repair::SystemAsUser);
    }
    if is_unsigned(&message) {
        return Some(Repair::Unsealed);
    }
    let coded = CODES.iter().any(|code| is_coded(rejection, code));
    let param = rejection.param.to_ascii_lowercase();
    if !param.is_empty() {
        let refused = coded
            || phrase::says_extra(&message)
            || mentions(&message).any(|it| it.is_refused() && it.path == param);
        return if refused { repair(&param, dialect) } else { None };
    }
    let refused = mentions(&message).filter(Mention::is_refused);
    refused.into_iter().find_map(|it| repair(it.path, dialect))
}

/// Whether the words are about a value of the field, or about the field beside another one.
fn is_conditional(rejection: &Rejection, dialect: Dialect, repair: Repair) -> bool {
    const CONDITIONS: &[&str] = &[
        " when ",
        " while ",
        " unless ",
        " if ",
        " with ",
        "both be ",
        "may only be ",
        "must be ",
    ];
    const VALUES: &[&str] = &["supported values", "unsupported value", "being set to"];
    // Every value but one that nobody has to say.
    const ANY: &[&str] = &["only the default", "supported values are: false", "must be verified"];
    const MODEL: &[&str] = &["with this model", "with the model"];
    let message = rejection.message.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|words| message.contains(words));
    // Their values are no texts, so that no caller's words are quoted as one.
    let wordless = matches!(repair, Repair::Plain | Repair::Without("temperature" | "top_p"));
    if wordless && says(ANY) {
        return false;
    }
    let coded = ["unsupported_value", "invalid_value"];
    let coded = coded.iter().any(|code| is_coded(rejection, code)) && repair != Repair::Plain;
    let quoted =
        |it: Mention<'_>| it.quoted && it.is_refused() && self::repair(it.path, dialect).is_none();
    if coded || says(VALUES) || mentions(&message).any(quoted) {
        return true;
    }
    let message = MODEL.iter().fold(message, |message, words| message.replace(words, ""));
    CONDITIONS.iter().any(|words| message.contains(words))
}

fn is_coded(rejection: &Rejection, code: &str) -> bool {
    [&rejection.code, &rejection.kind].into_iter().any(|it| it.eq_ignore_ascii_case(code))
}

/// What to do about a field that is refused; `path` is where it stands in the request.
fn repair(path: &str, dialect: Dialect) -> Option<Repair> {
    let mut segments = path.split(['.', '[', ']', '/']).filter(|it| !it.is_empty());
    let first = segments.next()?;
    // The schema is worth keeping where only its strictness is refused.
    let name = if segments.next_back() == Some("strict") { "strict" } else { first };
    let plain = plain(name);
    match (dialect, plain.as_str()) {
        (_, "stream" | "streaming") => return Some(Repair::Plain),
        (Dialect::Chat, "maxtokens") => {
            return Some(Repair::TokenField(TokenField::MaxCompletionTokens));
        }
        (Dialect::Chat, "maxcompletiontokens") => {
            return Some(Repair::TokenField(TokenField::MaxTokens));
        }
        (Dialect::Messages, "effort") => return Some(Repair::Without(EFFORT)),
        (Dialect::Messages, "outputconfig") => {
            let format = path.contains("format");
            return Some(Repair::Without(if format { FORMAT } else { EFFORT }));
        }
        (Dialect::Chat, "effort") => return Some(Repair::Without("reasoning_effort")),
        (Dialect::Chat | Dialect::Messages | Dialect::Responses, _) => {}
    }
    let fields = match dialect {
        Dialect::Chat => CHAT,
        Dialect::Messages => MESSAGES,
        // Nothing is written anew in it.
        Dialect::Responses => &[],
    };
    fields.iter().find(|field| self::plain(field) == plain).map(|field| Repair::Without(field))
}

/// A name without what spellings differ in: xAI says `reasoningEffort`.
fn plain(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '-')).map(|c| c.to_ascii_lowercase()).collect()
}

/// A role that may not stand among the messages.
fn refuses_system(rejection: &Rejection, message: &str) -> bool {
    let named = |text: &str| ["system", "developer"].iter().any(|role| text.contains(role));
    let place = |path: &str| path.starts_with("messages") && path.ends_with("role");
    let param = rejection.param.to_ascii_lowercase();
    let placed = place(&param) || mentions(message).any(|it| place(it.path));
    // The roles that are allowed, and neither of ours among them.
    let allowed = ["input should be ", "supported values are: ", "must be one of "];
    let others = allowed.iter().find_map(|start| message.split_once(start)).map(|(_, it)| it);
    let others = others.filter(|it| it.contains("user"));
    if let Some(others) = others.filter(|_| placed) {
        return !others.contains("system") || message.contains("'developer'");
    }
    let refused = ["does not support 'system'", "does not support 'developer'"];
    placed && refused.iter().any(|words| message.contains(words))
        || message.contains("unexpected role") && named(message)
        || ["system", "developer"].iter().any(|role| {
            message.contains(&format!("{role} role not supported"))
                || message.contains(&format!("{role} role is not supported"))
        })
}

/// A model that writes less is none; a smaller number speaks of something else.
const LIMIT_LEAST: u64 = 256;

/// The most tokens that the model writes, where that is what is said. A limit that depends on the
/// length of the question is none of the model's.
fn token_limit(rejection: &Rejection) -> Option<u64> {
    const BEFORE: &[&str] = &[
        "at most ",
        "less than or equal to ",
        "expected a value <= ",
        "cannot exceed ",
        "must not exceed ",
        "valid range of max_tokens is [1, ",
    ];
    let message = rejection.message.to_ascii_lowercase().replace(['`', '\'', '"'], "");
    let about = |text: &str| text.contains("max_tokens") || text.contains("max_completion_tokens");
    if !about(&message) && !about(&rejection.param) || message.contains("context length") {
        return None;
    }
    let number = |text: &str| -> Option<u64> {
        let digits = |c: char| c.is_ascii_digit() || matches!(c, ',' | '_');
        let end = text.find(|c: char| !digits(c)).unwrap_or(text.len());
        let digits: String = text.get(..end)?.chars().filter(char::is_ascii_digit).collect();
        digits.parse().ok().filter(|limit| LIMIT_LEAST <= *limit)
    };
    if let Some((said, _)) = message.split_once(", which is the maximum") {
        return said.rsplit_once("> ").and_then(|(_, limit)| number(limit));
    }
    BEFORE.iter().find_map(|words| number(message.split_once(words)?.1))
}
