//! What an answer says, read strictly: one envelope, blocks that open and close, at most one end, and
//! nothing behind it.

mod responses;

use ir::{Dialect, Shape};
use serde_json::Value;
use std::collections::BTreeMap;

/// What an answer said.
#[derive(Clone, Debug, Default)]
pub struct Said {
    /// All text, put together.
    pub text: String,
    /// Name and arguments of every tool call.
    pub tools: Vec<(String, String)>,
    /// Why it ended.
    pub finish: Option<String>,
    /// The error that ended it.
    pub error: Option<Value>,
    /// The end marker came; a whole answer has it.
    pub ended: bool,
    /// The model that it names.
    pub model: String,
    /// Tokens, as it counts them.
    pub usage: Option<Value>,
    /// Blocks of Messages by index; tool calls of Chat by theirs.
    blocks: BTreeMap<u64, Block>,
    started: bool,
    /// The number of the last event of Responses.
    number: Option<u64>,
}

#[derive(Clone, Debug, Default)]
struct Block {
    tool: bool,
    name: String,
    text: String,
    closed: bool,
}

// === impl Said ===

impl Said {
    /// Reads an answer, or says what is wrong with how it is made.
    pub fn read(dialect: Dialect, shape: Shape, body: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
        let mut said = Self::default();
        match shape {
            Shape::Whole => said.whole(dialect, &json(text)?)?,
            Shape::Stream => {
                for (event, data) in frames(text)? {
                    said.frame(dialect, &event, &data)?;
                }
            }
        }
        said.close()?;
        Ok(said)
    }

    /// It says that it is complete.
    pub fn is_complete(&self) -> bool {
        self.ended && self.finish.is_some() && self.error.is_none()
    }

    fn frame(&mut self, dialect: Dialect, event: &str, data: &str) -> Result<(), String> {
        // Of Responses an error has two events.
        let failed = dialect == Dialect::Responses && event == "response.failed";
        if self.ended || self.error.is_some() && !failed {
            return Err(format!("EX1: after the end: {data}"));
        }
        match dialect {
            Dialect::Chat if data == "[DONE]" => {
                self.ended = true;
                Ok(())
            }
            Dialect::Chat => self.chat(&json(data)?),
            Dialect::Messages => self.messages(event, &json(data)?),
            Dialect::Responses => self.responses(event, &json(data)?),
        }
    }

    fn chat(&mut self, value: &Value) -> Result<(), String> {
        if let Some(error) = value.get("error") {
            self.error = Some(error.clone());
            return Ok(());
        }
        self.named(str_at(value, "/model"));
        self.counted(value.get("usage"));
        let Some(choice) = value.pointer("/choices/0") else { return Ok(()) };
        if self.finish.is_some() {
            return Err(format!("a choice after its finish: {value}"));
        }
        self.text.push_str(str_at(choice, "/delta/content"));
        for call in array_at(choice, "/delta/tool_calls") {
            let block = self.blocks.entry(number(call, "/index")?).or_default();
            block.tool = true;
            block.name.push_str(str_at(call, "/function/name"));
            block.text.push_str(str_at(call, "/function/arguments"));
            // Chat does not mark the end of a call: its arguments are whole, or it is half.
            block.closed = json(&block.text).is_ok();
        }
        self.finish = choice.get("finish_reason").and_then(Value::as_str).map(str::to_owned);
        Ok(())
    }

    fn messages(&mut self, event: &str, value: &Value) -> Result<(), String> {
        let kind = str_at(value, "/type");
        if kind != event {
            return Err(format!("event {event:?} says that it is {kind:?}"));
        }
        if !self.started && !matches!(kind, "message_start" | "ping" | "error") {
            return Err(format!("{kind} before message_start"));
        }
        match kind {
            "message_start" if self.started => return Err("a second message_start".to_owned()),
            "message_start" => {
                self.started = true;
                self.named(str_at(value, "/message/model"));
            }
            "error" => self.error = value.get("error").cloned(),
            "content_block_start" => {
                let index = number(value, "/index")?;
                let tool = str_at(value, "/content_block/type") == "tool_use";
                let name = str_at(value, "/content_block/name").to_owned();
                let block = Block { tool, name, ..Block::default() };
                if self.blocks.insert(index, block).is_some() {
                    return Err(format!("block {index} twice"));
                }
            }
            "content_block_delta" => {
                let block = self.open(value)?;
                block.text.push_str(str_at(value, "/delta/partial_json"));
                self.text.push_str(str_at(value, "/delta/text"));
            }
            "content_block_stop" => self.open(value)?.closed = true,
            "message_delta" => {
                self.finish = Some(str_at(value, "/delta/stop_reason").to_owned());
                self.counted(value.get("usage"));
            }
            "message_stop" => self.ended = true,
            // Pings, and what a later protocol may bring.
            _ => {}
        }
        Ok(())
    }

    fn open(&mut self, value: &Value) -> Result<&mut Block, String> {
        let block = self.blocks.get_mut(&number(value, "/index")?);
        block.filter(|block| !block.closed).ok_or_else(|| format!("in no open block: {value}"))
    }

    fn whole(&mut self, dialect: Dialect, value: &Value) -> Result<(), String> {
        if let Some(error) = value.get("error").filter(|error| !error.is_null()) {
            self.error = Some(error.clone());
            return Ok(());
        }
        self.named(str_at(value, "/model"));
        self.counted(value.get("usage"));
        self.ended = true;
        match dialect {
            Dialect::Responses => self.items(value)?,
            Dialect::Chat => {
                let choice = value.pointer("/choices/0").ok_or("no choice")?;
                str_at(choice, "/message/content").clone_into(&mut self.text);
                for call in array_at(choice, "/message/tool_calls") {
                    let arguments = str_at(call, "/function/arguments").to_owned();
                    self.tools.push((str_at(call, "/function/name").to_owned(), arguments));
                }
                self.finish =
                    choice.get("finish_reason").and_then(Value::as_str).map(str::to_owned);
            }
            Dialect::Messages => {
                for block in array_at(value, "/content") {
                    self.text.push_str(str_at(block, "/text"));
                    if str_at(block, "/type") == "tool_use" {
                        let input = block.get("input").map(Value::to_string).unwrap_or_default();
                        self.tools.push((str_at(block, "/name").to_owned(), input));
                    }
                }
                self.finish = value.get("stop_reason").and_then(Value::as_str).map(str::to_owned);
            }
        }
        Ok(())
    }

    /// A tool call is whole, whatever happened; and an end has everything before it.
    fn close(&mut self) -> Result<(), String> {
        for block in self.blocks.values().filter(|block| block.tool) {
            if !block.closed || json(&block.text).is_err() {
                return Err(format!("EX6: half a tool call: {block:?}"));
            }
            self.tools.push((block.name.clone(), block.text.clone()));
        }
        let open = self.blocks.values().any(|block| !block.closed);
        if self.ended && (open || self.finish.is_none()) {
            return Err("EX2: an end without a finish".to_owned());
        }
        Ok(())
    }

    fn named(&mut self, model: &str) {
        if self.model.is_empty() {
            model.clone_into(&mut self.model);
        }
    }

    fn counted(&mut self, usage: Option<&Value>) {
        if let Some(usage) = usage.filter(|usage| !usage.is_null()) {
            self.usage = Some(usage.clone());
        }
    }
}

/// The events of a stream with their data; a frame that does not end is none.
fn frames(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut frames = Vec::new();
    for block in text.split_inclusive("\n\n") {
        if !block.ends_with("\n\n") {
            return Err(format!("CD2: a frame without an end: {block:?}"));
        }
        let field = |name: &str| {
            let values =
                block.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            let values: Vec<&str> = values.map(|it| it.strip_prefix(' ').unwrap_or(it)).collect();
            (!values.is_empty()).then(|| values.join("\n"))
        };
        if let Some(data) = field("data") {
            frames.push((field("event").unwrap_or_default(), data));
        }
    }
    Ok(frames)
}

fn json(text: &str) -> Result<Value, String> {
    let read = serde_json::from_str(text).or_else(|_| serde_json::from_str(&without_halves(text)));
    read.map_err(|error| format!("{error}: {text}"))
}

/// Half of a surrogate pair may stand in JSON, where an answer is cut within a letter, but in no string
/// of ours: a replacement character stands for it.
fn without_halves(text: &str) -> String {
    let unit = |escape: &str| u16::from_str_radix(escape.get(..4)?, 16).ok();
    let mut pieces = text.split("\\u");
    let mut out = pieces.next().unwrap_or_default().to_owned();
    let mut pieces = pieces.peekable();
    while let Some(piece) = pieces.next() {
        let low = |piece: &&str| unit(piece).is_some_and(|unit| (0xdc00..=0xdfff).contains(&unit));
        match unit(piece) {
            Some(0xd800..=0xdbff) if piece.len() == 4 && pieces.peek().is_some_and(low) => {
                let low = pieces.next().unwrap_or_default();
                out.extend(["\\u", piece, "\\u", low]);
            }
            Some(0xd800..=0xdfff) => {
                out.extend(["\\ufffd", piece.get(4..).unwrap_or_default()]);
            }
            Some(_) | None => out.extend(["\\u", piece]),
        }
    }
    out
}

fn str_at<'a>(value: &'a Value, place: &str) -> &'a str {
    value.pointer(place).and_then(Value::as_str).unwrap_or_default()
}

fn array_at<'a>(value: &'a Value, place: &str) -> impl Iterator<Item = &'a Value> {
    value.pointer(place).and_then(Value::as_array).into_iter().flatten()
}

fn number(value: &Value, place: &str) -> Result<u64, String> {
    value.pointer(place).and_then(Value::as_u64).ok_or_else(|| format!("no {place} in {value}"))
}

#[cfg(test)]
mod tests {
    use super::json;

    #[test]
    fn halves_of_pairs_are_read() {
        let check = |text: &str, expect: &str| assert_eq!(json(text).unwrap(), expect, "{text}");
        check(r#""a\ud83d""#, "a\u{fffd}");
        check(r#""\ude00 b \u00e9""#, "\u{fffd} b é");
        check(r#""\ud83d\ude00 \ud83d""#, "😀 \u{fffd}");
        check(r#""\ud83d\ud83d\ude00""#, "\u{fffd}😀");
        assert!(json(r#""\ud8""#).is_err());
    }
}
