//! The messages of a Messages request.

use crate::json::Members;
use crate::lazy::Raw;
use crate::request::parts::{concat, escaped, name, objects, only_object, only_text};
use crate::request::{Read, Uncarried, inside, text_of};
use ir::request::{Args, Json, Part, Role, Source, Text, Turn};

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
        let raw = message.given("content");
        let parts = raw.map_or(Ok(Vec::new()), |raw| content(read, raw, "messages[].content"))?;
        turns.push(Turn { role, parts });
    }
    Ok(())
}

/// Text, or blocks.
pub(super) fn content<'a>(
    read: &mut Read<'_>,
    raw: Raw<'a>,
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
    let text = |key: &str| text_in(BLOCK, block, key);
    let kind = read.word("messages[].content[].type", block.get("type"));
    let (taken, part): (&[&str], Part<'a>) = match kind.as_deref().unwrap_or("text") {
        "text" => (&["type", "text"], Part::Text(text("text")?)),
        // The summary of what was said before; its seal is its issuer's.
        "compaction" => (&["type", "content"], Part::Text(text("content")?)),
        "thinking" => {
            let (text, seal) = (text("thinking")?, text("signature")?);
            (&["type", "thinking", "signature"], Part::Think { text, seal })
        }
        "redacted_thinking" => (&["type", "data"], Part::Sealed(text("data")?)),
        "image" => {
            (&["type", "source"], Part::Image(source(read, block, "messages[].content[].image")?))
        }
        "document" => return document(read, block, parts),
        "search_result" => {
            read.losses.add("messages[].content[].search_result", "as text");
            (&["type", "source", "title", "content"], found(read, block)?)
        }
        "tool_use" => {
            let input = block.given("input");
            let args = Args::Object(Json::of(input.map_or("{}", Raw::get)));
            let call = Part::Call { id: text("id")?, name: text("name")?, args };
            (&["type", "id", "name", "input"], call)
        }
        "tool_result" => (&["type", "tool_use_id", "content", "is_error"], result(read, block)?),
        other => {
            read.losses.add(format!("{BLOCK}: {}", name(other)), "dropped");
            return Ok(());
        }
    };
    read.rest(BLOCK, block, taken);
    if part != Part::Text(Text::default()) {
        parts.push(part);
    }
    Ok(())
}

fn result<'a>(read: &mut Read<'_>, block: &Members<'a>) -> Result<Part<'a>, Uncarried> {
    let id = text_in(BLOCK, block, "tool_use_id")?;
    let error = read.flag("messages[].content[].is_error", block.get("is_error"));
    let raw = block.given("content");
    let parts = raw.map_or(Ok(Vec::new()), |raw| {
        content(read, raw, "messages[].content[].tool_result.content")
    })?;
    Ok(Part::Result { id, parts, error: error.unwrap_or_default() })
}

/// A string that a block means nothing without; empty where it is not there.
fn text_in<'a>(path: &str, members: &Members<'a>, key: &str) -> Result<Text<'a>, Uncarried> {
    Ok(only_text(format!("{path}.{key}"), members.get(key))?.unwrap_or_default())
}

fn source<'a>(
    read: &mut Read<'_>,
    block: &Members<'a>,
    path: &'static str,
) -> Result<Source<'a>, Uncarried> {
    let path_within = format!("{path}.source");
    let source = only_object(path_within.clone(), block.get("source"))?.unwrap_or_default();
    let text = |key: &str| text_in(&path_within, &source, key);
    let (taken, said): (&[&str], Source<'a>) = match source.get("type").and_then(text_of).as_deref()
    {
        Some("base64") => {
            let (mime, data) = (text("media_type")?, text("data")?);
            (&["type", "media_type", "data"], Source::Inline { mime, data })
        }
        Some("url") => (&["type", "url"], Source::Url(text("url")?)),
        Some("text") => {
            text("media_type")?;
            (&["type", "media_type", "data"], Source::Plain(text("data")?))
        }
        Some("file") => (&["type", "file_id"], Source::Stored(text("file_id")?)),
        Some(_) | None => {
            return Err(Uncarried::new(path, "its source is of a kind that Chat has not"));
        }
    };
    read.rest(&path_within, &source, taken);
    Ok(said)
}

fn document<'a>(
    read: &mut Read<'_>,
    block: &Members<'a>,
    parts: &mut Vec<Part<'a>>,
) -> Result<(), Uncarried> {
    const PATH: &str = "messages[].content[].document";
    const CITATIONS: &str = "messages[].content[].document.citations";
    read.rest(PATH, block, &["type", "source", "title", "context", "citations"]);
    let citations = read.members(CITATIONS, block.get("citations"));
    read.rest(CITATIONS, &citations, &["enabled"]);
    if read.flag(CITATIONS, citations.get("enabled")) == Some(true) {
        read.losses.add(CITATIONS, "dropped");
    }
    let title = read.text("messages[].content[].document.title", block.get("title"));
    let title = title.filter(|title| !title.is_empty());
    let context = read.text("messages[].content[].document.context", block.get("context"));
    let context = context.filter(|context| !context.is_empty());
    if let Some(context) = context {
        read.losses.add("messages[].content[].document.context", "as text");
        parts.push(Part::Text(context));
    }
    let inner = only_object("messages[].content[].document.source", block.get("source"))?;
    let inner = inner.unwrap_or_default();
    if inner.get("type").and_then(text_of).as_deref() == Some("content") {
        read.losses.add(PATH, "as text");
        read.rest("messages[].content[].document.source", &inner, &["type", "content"]);
        parts.extend(title.map(Part::Text));
        if let Some(raw) = inner.given("content") {
            parts.extend(content(read, raw, PATH)?);
        }
        return Ok(());
    }
    parts.push(Part::File(source(read, block, PATH)?, title));
    Ok(())
}

/// A search result, as text.
fn found<'a>(read: &mut Read<'_>, block: &Members<'a>) -> Result<Part<'a>, Uncarried> {
    const PATH: &str = "messages[].content[].search_result";
    let blocks = block.given("content");
    let blocks = blocks.map_or(Ok(Vec::new()), |raw| objects(raw, PATH))?;
    let mut texts = Vec::with_capacity(blocks.len());
    for block in &blocks {
        read.word("messages[].content[].search_result.content[].type", block.get("type"));
        read.rest("messages[].content[].search_result.content[]", block, &["type", "text"]);
        texts.push(text_in(PATH, block, "text")?);
    }
    let (title, source) = (text_in(PATH, block, "title")?, text_in(PATH, block, "source")?);
    let line = escaped("\n");
    let mut pieces = vec![title.as_str(), line.as_str(), source.as_str()];
    for text in &texts {
        pieces.extend([line.as_str(), text.as_str()]);
    }
    Ok(Part::Text(concat(&pieces)))
}
