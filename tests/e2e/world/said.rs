//! What an answer says, by a reading of our own: strict about the protocol, so that whatever an SDK
//! would choke on is found here.

mod responses;

use ir::{Dialect, Shape};
use serde_json::Value;
use std::collections::BTreeMap;

/// What an answer said.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said {
    pub(crate) text: String,
    pub(crate) thinking: String,
    /// Name and arguments of every tool call.
    pub(crate) tools: Vec<(String, String)>,
    pub(crate) finish: Option<String>,
    /// The error event that ended it.
    pub(crate) error: Option<Value>,
    /// The end marker came. A whole answer always has it.
    pub(crate) ended: bool,
    /// Comments, and pings as such.
    pub(crate) comments: Vec<String>,
    pub(crate) pings: usize,
    pub(crate) usage: Option<Value>,
    /// The id of an answer of Responses, and the number of its last event.
    id: String,
    sequence: Option<u64>,
    /// Blocks of Messages and items of Responses: open or not. Tool calls of Chat: by index.
    blocks: BTreeMap<u64, Block>,
    started: bool,
}

#[derive(Clone, Debug, Default)]
struct Block {
    kind: String,
    name: String,
    text: String,
    closed: bool,
    /// A part of it has begun.
    part: bool,
}

// === impl Said ===

impl Said {
    /// Reads an answer, or says what is wrong with it.
    pub(crate) fn read(dialect: Dialect, shape: Shape, body: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
        let mut said = Self::default();
        match (dialect, shape) {
            (Dialect::Chat, Shape::Whole) => said.chat_whole(&json(text)?)?,
            (Dialect::Messages, Shape::Whole) => said.messages_whole(&json(text)?)?,
            (Dialect::Responses, Shape::Whole) => said.responses_whole(&json(text)?)?,
            (dialect, Shape::Stream) => {
                for frame in frames(text)? {
                    said.frame(dialect, &frame)?;
                }
                said.close()?;
                said.text = joined(&said.text);
            }
        }
        Ok(said)
    }

    /// Which cloud spoke: its answers begin with its name in brackets.
    pub(crate) fn cloud(&self) -> &str {
        let name = self.text.strip_prefix('[').and_then(|rest| rest.split_once(']'));
        name.map_or("", |(name, _)| name)
    }

    /// Whether it is complete, and says so once.
    pub(crate) fn is_complete(&self) -> bool {
        self.ended && self.finish.is_some() && self.error.is_none()
    }

    fn frame(&mut self, dialect: Dialect, frame: &Frame) -> Result<(), String> {
        // Of Responses an error has two events.
        let more = frame.event == "response.failed";
        if self.ended || (self.error.is_some() && !more) {
            return Err(format!("after the end: {frame:?}"));
        }
        self.comments.extend(frame.comments.iter().cloned());
        let Some(data) = &frame.data else { return Ok(()) };
        match dialect {
            Dialect::Chat => self.chat(data),
            Dialect::Messages => self.messages(&frame.event, &json(data)?),
            Dialect::Responses => self.responses(&frame.event, &json(data)?),
        }
    }

    fn chat(&mut self, data: &str) -> Result<(), String> {
        if data == "[DONE]" {
            self.ended = true;
            return Ok(());
        }
        let value = json(data)?;
        if let Some(error) = value.get("error") {
            self.error = Some(error.clone());
            // Nothing more comes of a call; whether it is whole, its arguments tell.
            self.blocks.values_mut().for_each(|block| block.closed = true);
            return Ok(());
        }
        if let Some(usage) = value.get("usage").filter(|usage| !usage.is_null()) {
            self.usage = Some(usage.clone());
        }
        let Some(choice) = value.pointer("/choices/0") else { return Ok(()) };
        if self.finish.is_some() {
            return Err(format!("a choice after its finish reason: {data}"));
        }
        self.text.push_str(str_at(choice, "/delta/content"));
        self.thinking.push_str(str_at(choice, "/delta/reasoning_content"));
        for call in
            choice.pointer("/delta/tool_calls").and_then(Value::as_array).into_iter().flatten()
        {
            let block = self.blocks.entry(number(call, "/index")?).or_default();
            block.name.push_str(str_at(call, "/function/name"));
            block.text.push_str(str_at(call, "/function/arguments"));
            "tool_use".clone_into(&mut block.kind);
        }
        self.finish = choice.get("finish_reason").and_then(Value::as_str).map(str::to_owned);
        if self.finish.is_some() {
            self.blocks.values_mut().for_each(|block| block.closed = true);
        }
        Ok(())
    }

    fn messages(&mut self, event: &str, value: &Value) -> Result<(), String> {
        let kind = str_at(value, "/type");
        if kind != event {
            return Err(format!("event {event:?} says it is {kind:?}"));
        }
        if !self.started && !matches!(kind, "message_start" | "ping" | "error") {
            return Err(format!("{kind} before message_start"));
        }
        match kind {
            "message_start" if self.started => return Err("a second message_start".to_owned()),
            "message_start" => self.started = true,
            "ping" => self.pings += 1,
            "error" => self.error = value.get("error").cloned(),
            "content_block_start" => {
                let index = number(value, "/index")?;
                let kind = str_at(value, "/content_block/type").to_owned();
                let name = str_at(value, "/content_block/name").to_owned();
                let block = Block { kind, name, ..Block::default() };
                if self.blocks.insert(index, block).is_some() {
                    return Err(format!("block {index} twice"));
                }
            }
            "content_block_delta" => {
                let block = self.open(value)?;
                for place in ["/delta/text", "/delta/thinking", "/delta/partial_json"] {
                    block.text.push_str(str_at(value, place));
                }
                self.text.push_str(str_at(value, "/delta/text"));
                self.thinking.push_str(str_at(value, "/delta/thinking"));
            }
            "content_block_stop" => self.open(value)?.closed = true,
            "message_delta" => {
                self.finish = Some(str_at(value, "/delta/stop_reason").to_owned());
                self.usage = value.get("usage").cloned();
            }
            "message_stop" => self.ended = true,
            // Unknown events ride along.
            _ => {}
        }
        Ok(())
    }

    fn open(&mut self, value: &Value) -> Result<&mut Block, String> {
        let block = self.blocks.get_mut(&number(value, "/index")?);
        block.filter(|block| !block.closed).ok_or_else(|| format!("in no open block: {value}"))
    }

    /// Tool calls are whole, whatever happened.
    fn close(&mut self) -> Result<(), String> {
        for block in self.blocks.values().filter(|block| block.kind == "tool_use") {
            if !block.closed || json(&block.text).is_err() {
                return Err(format!("half a tool call: {block:?}"));
            }
            self.tools.push((block.name.clone(), block.text.clone()));
        }
        let open = self.blocks.values().any(|block| !block.closed);
        if self.ended && (open || self.finish.is_none()) {
            return Err("an end marker without a finish".to_owned());
        }
        Ok(())
    }

    fn chat_whole(&mut self, value: &Value) -> Result<(), String> {
        let choice = value.pointer("/choices/0").ok_or("no choice")?;
        str_at(choice, "/message/content").clone_into(&mut self.text);
        for call in
            choice.pointer("/message/tool_calls").and_then(Value::as_array).into_iter().flatten()
        {
            let (name, arguments) = ("/function/name", "/function/arguments");
            self.tools.push((str_at(call, name).to_owned(), str_at(call, arguments).to_owned()));
        }
        self.finish = choice.get("finish_reason").and_then(Value::as_str).map(str::to_owned);
        self.usage = value.get("usage").cloned();
        self.ended = true;
        Ok(())
    }

    fn messages_whole(&mut self, value: &Value) -> Result<(), String> {
        for block in value.get("content").and_then(Value::as_array).ok_or("no content")? {
            self.text.push_str(str_at(block, "/text"));
            if str_at(block, "/type") == "tool_use" {
                let input = block.get("input").map(Value::to_string).unwrap_or_default();
                self.tools.push((str_at(block, "/name").to_owned(), input));
            }
        }
        self.finish = value.get("stop_reason").and_then(Value::as_str).map(str::to_owned);
        self.usage = value.get("usage").cloned();
        self.ended = true;
        Ok(())
    }
}

/// One server-sent event.
#[derive(Debug, Default)]
struct Frame {
    event: String,
    data: Option<String>,
    comments: Vec<String>,
}

fn frames(text: &str) -> Result<Vec<Frame>, String> {
    let mut frames = Vec::new();
    let mut frame = Frame::default();
    let mut begun = false;
    for line in text.lines() {
        if line.is_empty() {
            frames.push(std::mem::take(&mut frame));
            begun = false;
            continue;
        }
        begun = true;
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "" => frame.comments.push(value.to_owned()),
            "event" => value.clone_into(&mut frame.event),
            "data" => {
                let data = frame.data.get_or_insert_default();
                if !data.is_empty() {
                    data.push('\n');
                }
                data.push_str(value);
            }
            _ => {}
        }
    }
    if begun { Err(format!("a frame without end: {frame:?}")) } else { Ok(frames) }
}

/// JSON that may have half a surrogate pair in its strings.
pub(crate) fn json(text: &str) -> Result<Value, String> {
    let read = serde_json::from_str(text).or_else(|_| serde_json::from_str(&whole_letters(text)));
    read.map_err(|error| format!("{error}: {text}"))
}

/// Where letters for private use begin, one for each number that half a surrogate pair may have.
const HALVES: u32 = 0xf_0000;

/// Half a surrogate pair is legal in JSON and in no string of ours: its place is taken by a letter for
/// private use.
fn whole_letters(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    let mut stand_in;
    while let Some((before, escape)) = rest.find("\\u").map(|at| rest.split_at(at)) {
        let unit = |from: usize| u16::from_str_radix(escape.get(from..from + 4)?, 16).ok();
        let low = escape.get(6..8).filter(|it| *it == "\\u").and_then(|_| unit(8));
        let (size, letter) = match unit(2) {
            Some(0xd800..=0xdbff) if low.is_some_and(|it| (0xdc00..=0xdfff).contains(&it)) => {
                (12, &escape[..12])
            }
            Some(half @ 0xd800..=0xdfff) => {
                stand_in = char::from_u32(HALVES + u32::from(half)).expect("a letter").to_string();
                (6, stand_in.as_str())
            }
            Some(_) | None => (2, &escape[..2]),
        };
        out.push_str(before);
        out.push_str(letter);
        rest = &escape[size..];
    }
    out + rest
}

/// The same text with the letters that came in two halves; a half that is alone is the replacement
/// character, as it would be for whoever decodes it.
fn joined(text: &str) -> String {
    let unit = |letter: char| match u32::from(letter).checked_sub(HALVES) {
        Some(half @ 0xd800..=0xdfff) => u16::try_from(half).ok(),
        Some(_) | None => None,
    };
    let units = text.chars().flat_map(|letter| match unit(letter) {
        Some(half) => vec![half],
        None => letter.encode_utf16(&mut [0; 2]).to_vec(),
    });
    char::decode_utf16(units).map(|it| it.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

fn str_at<'a>(value: &'a Value, place: &str) -> &'a str {
    value.pointer(place).and_then(Value::as_str).unwrap_or_default()
}

fn number(value: &Value, place: &str) -> Result<u64, String> {
    value.pointer(place).and_then(Value::as_u64).ok_or_else(|| format!("no {place} in {value}"))
}
