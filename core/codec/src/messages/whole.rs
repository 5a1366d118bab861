//! Anthropic Messages: what a whole answer says.

use super::wire::{BlockStart, Usage};
use super::{block_kind, finish};
use crate::json::{self, Few, Word};
use crate::lazy::{self, Raw};
use crate::{NotWhole, rejection};
use ir::{BlockKind, Dialect, Whole};
use serde::Deserialize;

/// Blocks of one answer: a limit on everything.
const BLOCKS_MAX: usize = 16 << 10;

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Word<'a>>,
    #[serde(borrow)]
    content: Option<Raw<'a>>,
    #[serde(borrow)]
    stop_reason: Option<Word<'a>>,
    #[serde(default, deserialize_with = "json::lenient")]
    usage: Option<Usage>,
    #[serde(borrow)]
    error: Option<Raw<'a>>,
}

/// Reads an answer, strictly.
pub(crate) fn read(body: &[u8]) -> Result<Whole, NotWhole> {
    let message: Message<'_> =
        json::object(body).ok_or(NotWhole::Malformed("not a JSON object of the expected shape"))?;
    if json::holds(message.error)
        || message.kind.as_ref().is_some_and(|kind| kind.as_str() == "error")
    {
        return Err(NotWhole::Rejected(rejection::in_band(Dialect::Messages, body)));
    }
    let content = message.content.ok_or(NotWhole::Malformed("no content array"))?;
    let Few(blocks): Few<BlockStart<'_>, BLOCKS_MAX> = lazy::read(content.get())
        .map_err(|_| NotWhole::Malformed("content is not an array of blocks"))?;
    let reason = message.stop_reason.as_ref().filter(|reason| !reason.as_str().is_empty());
    Ok(Whole {
        finish: reason
            .map(|reason| finish(reason.as_str()))
            .transpose()
            .map_err(NotWhole::Rejected)?,
        usage: message
            .usage
            .and_then(|usage| usage.tokens())
            .map_or(ir::Usage::Unknown, ir::Usage::Exact),
        empty: !blocks.iter().any(is_content),
    })
}

fn is_content(block: &BlockStart<'_>) -> bool {
    match block.kind.as_ref().map_or(BlockKind::Other, |kind| block_kind(kind.as_str())) {
        BlockKind::Text | BlockKind::Reasoning => block.shows(),
        BlockKind::Tool | BlockKind::Other => true,
    }
}
