//! `OpenAI` Chat Completions: what a whole answer says.

use super::{finish, wire};
use crate::{NotWhole, json, rejection};
use ir::{Dialect, Usage, Whole};
use wire::{Choice, Chunk, Delta};

/// Reads an answer, strictly.
pub(crate) fn read(body: &[u8]) -> Result<Whole, NotWhole> {
    let answer: Chunk<'_> =
        json::object(body).ok_or(NotWhole::Malformed("not a JSON object of the expected shape"))?;
    if answer.is_error() {
        return Err(NotWhole::Rejected(rejection::in_band(Dialect::Chat, body)));
    }
    let choices = answer.choices().ok_or(NotWhole::Malformed("no choices array"))?;
    if choices.is_empty() {
        return Err(NotWhole::Malformed("no choice"));
    }
    for choice in choices {
        if let Some(reason) = choice.reason() {
            finish(reason, false).map_err(NotWhole::Rejected)?;
        }
        if let Some(message) = &choice.message {
            message.check().map_err(NotWhole::Malformed)?;
        }
    }
    let first = choices.first();
    let calls = first.and_then(|choice| choice.message.as_ref());
    let calls = calls.is_some_and(|message| message.calls().next().is_some());
    let finish = first
        .and_then(Choice::reason)
        .map(|reason| finish(reason, calls))
        .transpose()
        .map_err(NotWhole::Rejected)?;
    Ok(Whole {
        finish,
        usage: answer.usage.and_then(|usage| usage.tokens()).map_or(Usage::Unknown, Usage::Exact),
        empty: !choices.iter().any(is_content),
    })
}

fn is_content(choice: &Choice<'_>) -> bool {
    choice.message.as_ref().is_some_and(Delta::is_content)
}
