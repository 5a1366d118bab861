//! The messages of a Messages request.

use crate::json::Members;
use crate::request::parts::{concat, escaped, is_null, is_true, members, name, objects};
use crate::request::{Read, Uncarried, inside, text_of};
use ir::request::{Args, Json, Part, Role, Source, Text, Turn};
use serde_json::value::RawValue;

/// Where blocks stand, for losses.
const BLOCK: &str = "messages[].content[]";

/// The turns of a conversation, behind those that there are.
pub(super) fn turns<'a>(
    read: &mut Read<'_>,
    messages: Vec<Members<'a>>,
    turns: &mut Vec<Turn<'a>>,
) -> Result<(), Uncarried> {
    turns.reserve(messages.len());
    for message in messages {
        read.rest("messages[]", &message, &["role", "content"]);
        let role = match message.get("role").and_then(text_of).as_deref() {
            Some("user") => Role::User,
            Some("assistant") => Role::Assistant,
            Some("system") => Role::System,
            other => {
                let why = format!("Chat has no role {:?}", name(other.unwrap_or_default()));
                return Err(Uncarried::new("messages[].role", why));
            }
        };
        let raw = message.get("content").filter(|raw| !is_null(raw));
        let parts = raw.map_or(Ok(Vec::new()), |raw| content(read, raw, "messages[].content"))?;
        turns.push(Turn { role, parts });
    }
    Ok(())
}

/// Text, or blocks.
pub(super) fn content<'a>(
    read: &mut Read<'_>,
    raw: &'a RawValue,
    path: &'static str,
) -> Result<Vec<Part<'a>>, Uncarried> {
    let mut parts = Vec::new();
    if let Some(text) = inside(raw) {
        parts.extend((!text.is_empty()).then_some(Part::Text(text)));
        return Ok(parts);
    }
    let blocks: Vec<Members<'a>> = serde_json::from_str(raw.get())
        .map_err(|_| Uncarried::new(path, "it is neither text nor blocks"))?;
    read.within(path, |read| {
        blocks.iter().try_for_each(|block| self::block(read, block, &mut parts))
    })?;
    Ok(parts)
}

fn block<'a>(
    read: &mut Read<'_>,
    block: &Members<'a>,
    parts: &mut Vec<Part<'a>>,
) -> Result<(), Uncarried> {
    let text = |key: &str| block.get(key).and_then(inside).unwrap_or_default();
    let kind = block.get("type").and_then(text_of);
    let (taken, part): (&[&str], Part<'a>) = match kind.as_deref().unwrap_or("text") {
        "text" => (&["text"], Part::Text(text("text"))),
        // The summary of what was said before; its seal is its issuer's.
        "compaction" => (&["content"], Part::Text(text("content"))),
        "thinking" => {
            let (text, seal) = (text("thinking"), text("signature"));
            (&["thinking", "signature"], Part::Think { text, seal })
        }
        "redacted_thinking" => (&["data"], Part::Sealed(text("data"))),
        "image" => (&["source"], Part::Image(source(block, "messages[].content[].image")?)),
        "document" => return document(read, block, parts),
        "search_result" => {
            read.losses.add("messages[].content[].search_result", "as text");
            (&["source", "title", "content"], found(block))
        }
        "tool_use" => {
            let args = block.get("input").map_or_else(|| Json::of("{}"), |raw| Json::of(raw.get()));
            let call = Part::Call { id: text("id"), name: text("name"), args: Args::Object(args) };
            (&["id", "name", "input"], call)
        }
        "tool_result" => (&["tool_use_id", "content", "is_error"], result(read, block)?),
        other => {
            read.losses.add(format!("{BLOCK}: {}", name(other)), "dropped");
            return Ok(());
        }
    };
    for (key, raw) in &block.0 {
        if key != "type" && !taken.contains(&key.as_ref()) {
            read.member(BLOCK, key, raw);
        }
    }
    if part != Part::Text(Text::default()) {
        parts.push(part);
    }
    Ok(())
}

fn result<'a>(read: &mut Read<'_>, block: &Members<'a>) -> Result<Part<'a>, Uncarried> {
    let id = block.get("tool_use_id").and_then(inside).unwrap_or_default();
    let error = block.get("is_error").is_some_and(is_true);
    let raw = block.get("content").filter(|raw| !is_null(raw));
    let parts = raw.map_or(Ok(Vec::new()), |raw| {
        content(read, raw, "messages[].content[].tool_result.content")
    })?;
    Ok(Part::Result { id, parts, error })
}

fn source<'a>(block: &Members<'a>, path: &'static str) -> Result<Source<'a>, Uncarried> {
    let source = members(block.get("source"));
    let text = |key: &str| source.get(key).and_then(inside).unwrap_or_default();
    match source.get("type").and_then(text_of).as_deref() {
        Some("base64") => Ok(Source::Inline { mime: text("media_type"), data: text("data") }),
        Some("url") => Ok(Source::Url(text("url"))),
        Some("text") => Ok(Source::Plain(text("data"))),
        Some("file") => Ok(Source::Stored(text("file_id"))),
        Some(_) | None => Err(Uncarried::new(path, "its source is of a kind that Chat has not")),
    }
}

fn document<'a>(
    read: &mut Read<'_>,
    block: &Members<'a>,
    parts: &mut Vec<Part<'a>>,
) -> Result<(), Uncarried> {
    const PATH: &str = "messages[].content[].document";
    read.rest(PATH, block, &["type", "source", "title", "context", "citations"]);
    if members(block.get("citations")).get("enabled").is_some_and(is_true) {
        read.losses.add("messages[].content[].document.citations", "dropped");
    }
    let title = block.get("title").and_then(inside).filter(|title| !title.is_empty());
    let context = block.get("context").and_then(inside).filter(|context| !context.is_empty());
    if let Some(context) = context {
        read.losses.add("messages[].content[].document.context", "as text");
        parts.push(Part::Text(context));
    }
    let inner = members(block.get("source"));
    if inner.get("type").and_then(text_of).as_deref() == Some("content") {
        read.losses.add(PATH, "as text");
        parts.extend(title.map(Part::Text));
        if let Some(raw) = inner.get("content") {
            parts.extend(content(read, raw, PATH)?);
        }
        return Ok(());
    }
    parts.push(Part::File(source(block, PATH)?, title));
    Ok(())
}

/// A search result, as text.
fn found<'a>(block: &Members<'a>) -> Part<'a> {
    let text =
        |members: &Members<'a>, key: &str| members.get(key).and_then(inside).unwrap_or_default();
    let blocks = block.get("content").and_then(|raw| objects(raw, BLOCK).ok()).unwrap_or_default();
    let texts: Vec<Text<'a>> = blocks.iter().map(|block| text(block, "text")).collect();
    let (title, source, line) = (text(block, "title"), text(block, "source"), escaped("\n"));
    let mut pieces = vec![title.as_str(), line.as_str(), source.as_str()];
    for text in &texts {
        pieces.extend([line.as_str(), text.as_str()]);
    }
    Part::Text(concat(&pieces))
}
