//! `OpenAI` Chat Completions: what a whole answer says.

use super::{finish, wire};
use crate::{NotWhole, json, rejection};
use ir::{Dialect, Usage, Whole};
use wire::{Choice, Chunk};

/// Reads an answer. One that no strict reader takes (doubled keys) gets a second look.
pub(crate) fn read(body: &[u8]) -> Result<Whole, NotWhole> {
    strictly(body).or_else(|reason| match (&reason, json::tidied(body)) {
        (NotWhole::Malformed(_), Some(text)) => strictly(text.as_bytes()),
        (NotWhole::Malformed(_) | NotWhole::Rejected(_), _) => Err(reason),
    })
}

fn strictly(body: &[u8]) -> Result<Whole, NotWhole> {
    let answer: Chunk<'_> =
        wire::read(body).ok_or(NotWhole::Malformed("not a JSON object of the expected shape"))?;
    if answer.is_error() {
        return Err(NotWhole::Rejected(rejection::in_band(Dialect::Chat, body)));
    }
    let choices = answer.choices().ok_or(NotWhole::Malformed("no choices array"))?;
    if choices.is_empty() {
        return Err(NotWhole::Malformed("no choice"));
    }
    for choice in choices {
        if let Some(reason) = &choice.finish_reason {
            finish(reason.as_str(), false).map_err(NotWhole::Rejected)?;
        }
        if let Some(message) = &choice.message {
            message.check().map_err(NotWhole::Malformed)?;
        }
    }
    let first = choices.first();
    let reason = first.and_then(|choice| choice.finish_reason.as_ref());
    let calls = first.and_then(|choice| choice.message.as_ref());
    let calls = calls.is_some_and(|message| message.calls().next().is_some());
    let finish = reason
        .filter(|reason| !matches!(reason.as_str(), "" | "null"))
        .map(|reason| finish(reason.as_str(), calls))
        .transpose()
        .map_err(NotWhole::Rejected)?;
    Ok(Whole {
        finish,
        usage: answer.usage.and_then(|usage| usage.tokens()).map_or(Usage::Unknown, Usage::Exact),
        empty: !choices.iter().any(is_content),
    })
}

fn is_content(choice: &Choice<'_>) -> bool {
    choice.message.as_ref().is_some_and(|message| {
        let content = message.content().unwrap_or_default();
        content.text
            || content.reasoning
            || content.other
            || message.reasons()
            || message.shows_other()
            || json::holds(message.refusal)
            || message.calls().next().is_some()
    })
}
