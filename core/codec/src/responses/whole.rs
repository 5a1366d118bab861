//! `OpenAI` Responses: what a whole answer says.
//!
//! An answer that is `queued` or `in_progress` is one that was asked for in the background: it is
//! complete as it is, says that the caller shall come back, and has no finish.

use super::wire::{Item, Response};
use super::{broken, finish, is_content, item_kind};
use crate::{NotWhole, json, rejection};
use ir::{BlockKind, Dialect, Usage, Whole};

/// Reads an answer, strictly.
pub(crate) fn read(body: &[u8]) -> Result<Whole, NotWhole> {
    let answer: Response<'_> =
        json::object(body).ok_or(NotWhole::Malformed("not a JSON object of the expected shape"))?;
    let status = answer.status.as_ref().map_or("", json::Word::as_str);
    if let Some(fault) = broken(status, &answer.reason(), answer.error) {
        return Err(NotWhole::Rejected(fault));
    }
    if answer.output.is_none() && json::holds(answer.error) {
        return Err(NotWhole::Rejected(rejection::in_band(Dialect::Responses, body)));
    }
    if answer.output.is_none() {
        return Err(NotWhole::Malformed("no output array"));
    }
    let output = answer.output().ok_or(NotWhole::Malformed("output is not an array of items"))?;
    let waiting = matches!(status, "queued" | "in_progress");
    Ok(Whole {
        finish: match status {
            "completed" | "incomplete" => Some(finish(status, &answer.reason(), waits(&output))),
            _ => None,
        },
        usage: answer.usage.and_then(|usage| usage.tokens()).map_or(Usage::Unknown, Usage::Exact),
        // One that is under way shows nothing yet, and is no empty answer.
        empty: !waiting && !output.iter().any(is_content),
    })
}

/// Whether calls are in it that the caller is to carry out.
pub(super) fn waits(output: &[Item<'_>]) -> bool {
    let calls = output.iter().filter(|item| item_kind(item.kind()) == BlockKind::Tool).count();
    let results = output.iter().filter(|item| super::items::is_result(item.kind())).count();
    results < calls
}
