//! A stream of Responses that was begun by somebody else: what is known of it, and what is written on.

use super::thought::{self, Thought};
use crate::Error;
use crate::crossing::Resume;
use crate::crossing::call::Pending;
use crate::crossing::desk::Desk;
use crate::json::{self, Members};
use crate::own::Before;
use ir::{Envelope, ItemEvent, Tokens};
use serde_json::Value;
use std::collections::BTreeMap;

/// Members of the response that are said anew at its end.
const ANEW: [&str; 5] = ["status", "output", "usage", "incomplete_details", "error"];

/// See the module.
#[derive(Debug)]
pub(super) struct Begun {
    envelope: Envelope,
    /// The response as it was announced, but for what is said anew: members with their commas behind.
    skeleton: String,
    /// The items by their index: as they were added, or done.
    items: BTreeMap<u32, String>,
    /// The message that is open.
    open: Option<Open>,
    /// The reasoning that is open.
    thinking: Option<Thought>,
    /// Two messages were open at once, or two parts: which text is whose, is not known.
    mixed: bool,
    /// The number of the last event.
    number: u64,
    kept: Vec<ItemEvent>,
}

/// A message, and its part that is open.
#[derive(Debug)]
struct Open {
    index: u32,
    /// The inside of its id.
    id: String,
    /// The parts that are done, as JSON.
    parts: Vec<String>,
    /// The inside of the text so far of the part behind those, where one is open.
    part: Option<String>,
}

// === impl Begun ===

impl Begun {
    pub(super) fn read(resume: &Resume) -> Self {
        let mut begun = Self {
            envelope: resume.envelope.clone(),
            skeleton: String::new(),
            items: BTreeMap::new(),
            open: None,
            thinking: None,
            mixed: false,
            number: resume.sequence,
            kept: Vec::new(),
        };
        for event in &resume.kept {
            begun.learn(event);
        }
        if let Some(thought) = &mut begun.thinking {
            thought.shown(resume.thought.as_deref());
        }
        if let Some(open) = &mut begun.open
            && let Some(text) = &mut open.part
        {
            text.clone_from(&resume.open_text);
        }
        begun
    }

    /// What one event has begun or ended.
    fn learn(&mut self, event: &ItemEvent) -> Option<()> {
        let members = Members::read(&event.json)?;
        let text = |key| json::inside(members.get(key)?);
        let index = event.item;
        let kind = text("type")?;
        let thought = self.thinking.as_mut().filter(|thought| thought.index == index);
        if let Some(thought) = thought {
            thought.learn(kind, &members);
        }
        match kind {
            "response.created" => {
                let response = Members::read(members.get("response")?.get())?;
                let kept = response.0.iter().filter(|(key, _)| !ANEW.contains(&key.as_ref()));
                let kept = kept.map(|(key, raw)| format!("{}:{},", json::quoted(key), raw.get()));
                self.skeleton = kept.collect();
            }
            "response.output_item.added" => {
                let item = members.get("item")?.get();
                self.items.insert(index, item.to_owned());
                let fields = Members::read(item)?;
                if json::inside(fields.get("type")?)? == "reasoning" {
                    self.thinking = Some(Thought::new(index, &fields));
                }
                if json::inside(fields.get("type")?)? == "message" {
                    self.mixed |= self.open.is_some();
                    let id = fields.get("id").and_then(json::inside).unwrap_or_default().to_owned();
                    self.open = Some(Open { index, id, parts: Vec::new(), part: None });
                }
            }
            "response.output_item.done" => {
                self.items.insert(index, members.get("item")?.get().to_owned());
                self.open = self.open.take().filter(|open| open.index != index);
                self.thinking = self.thinking.take().filter(|open| open.index != index);
            }
            "response.content_part.added" => {
                let open = self.open.as_mut().filter(|open| open.index == index)?;
                self.mixed |= open.part.replace(String::new()).is_some();
                if open.id.is_empty() {
                    text("item_id").unwrap_or_default().clone_into(&mut open.id);
                }
            }
            "response.content_part.done" => {
                let open = self.open.as_mut().filter(|open| open.index == index)?;
                open.parts.push(members.get("part")?.get().to_owned());
                open.part = None;
            }
            _ => {}
        }
        Some(())
    }

    pub(super) fn take_kept(&mut self) -> Vec<ItemEvent> {
        std::mem::take(&mut self.kept)
    }

    /// What was shown is not known well enough to go on with it.
    pub(super) fn is_mixed(&self) -> bool {
        self.mixed
    }

    /// A part of a message is open.
    pub(super) fn is_writing(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.part.is_some())
    }

    /// What an error at the end must agree with.
    pub(super) fn before(&self) -> Before {
        Before::at(&self.envelope, self.number)
    }

    /// A piece of text; `id` is for the message, where none is open.
    pub(super) fn text(&mut self, raw: &str, id: &str, desk: &mut Desk) -> Result<(), Error> {
        if raw.is_empty() {
            return Ok(());
        }
        self.close_thought(desk);
        if self.open.is_none() {
            let index = self.items.keys().next_back().map_or(0, |last| last.saturating_add(1));
            let item = format!(
                r#"{{"type":"message","id":"{id}","status":"in_progress","role":"assistant","content":[]}}"#
            );
            self.added(index, &item, desk);
            let id = id.to_owned();
            self.open = Some(Open { index, id, parts: Vec::new(), part: None });
        }
        let Some(mut open) = self.open.take() else { return Ok(()) };
        let place = open.parts.len();
        let at = format!(
            r#""item_id":"{}","output_index":{},"content_index":{place}"#,
            open.id, open.index
        );
        if open.part.is_none() {
            let inside = format!(r#"{at},"part":{}"#, part(""));
            self.event("response.content_part.added", &inside, Some(open.index), desk);
        }
        let mut text = open.part.take().unwrap_or_default();
        let inside = format!(r#"{at},"delta":"{raw}","logprobs":[]"#);
        self.event("response.output_text.delta", &inside, None, desk);
        desk.hold(raw.len())?;
        text.push_str(raw);
        open.part = Some(text);
        self.open = Some(open);
        Ok(())
    }

    /// The message that is open is done.
    pub(super) fn close(&mut self, desk: &mut Desk) {
        let Some(mut open) = self.open.take() else { return };
        let (index, id) = (open.index, open.id.clone());
        let place = open.parts.len();
        if let Some(text) = open.part.take() {
            let at = format!(r#""item_id":"{id}","output_index":{index},"content_index":{place}"#);
            let inside = format!(r#"{at},"text":"{text}","logprobs":[]"#);
            self.event("response.output_text.done", &inside, None, desk);
            let inside = format!(r#"{at},"part":{}"#, part(&text));
            self.event("response.content_part.done", &inside, Some(index), desk);
            open.parts.push(part(&text));
        }
        let parts = open.parts.join(",");
        let item = self.added_but(index, &["status", "content"]);
        let item = format!(r#"{item}"status":"completed","content":[{parts}]}}"#);
        self.done(index, &item, desk);
    }

    /// The reasoning that is open is done, as far as it came.
    fn close_thought(&mut self, desk: &mut Desk) {
        let Some(thought) = self.thinking.take() else { return };
        let index = thought.index;
        let (events, anew) = thought.close();
        for (kind, inside) in events {
            self.event(kind, &inside, None, desk);
        }
        let item = self.added_but(index, &thought::ANEW);
        self.done(index, &format!("{item}{anew}}}"), desk);
    }

    /// The beginning of an item as it was added, but for these members.
    fn added_but(&self, index: u32, anew: &[&str]) -> String {
        let mut item = String::from("{");
        let added = self.items.get(&index).map(String::as_str).and_then(Members::read);
        for (key, raw) in added.iter().flat_map(|members| &members.0) {
            if !anew.contains(&key.as_ref()) {
                item.extend([&json::quoted(key), ":", raw.get(), ","]);
            }
        }
        item
    }

    /// A whole call.
    pub(super) fn call(&mut self, call: &Pending, id: &str, desk: &mut Desk) {
        self.close_thought(desk);
        self.close(desk);
        let index = self.items.keys().next_back().map_or(0, |last| last.saturating_add(1));
        let (name, call_id) = (&call.said.name, &call.said.id);
        let (kind, field, family) = if call.said.custom {
            ("custom_tool_call", "input", "custom_tool_call_input")
        } else {
            ("function_call", "arguments", "function_call_arguments")
        };
        let arguments = if call.said.custom { &call.arguments } else { call.arguments() };
        let item = |arguments: &str, status: &str| {
            format!(
                r#"{{"type":"{kind}","id":"{id}","call_id":"{call_id}","name":"{name}","{field}":"{arguments}","status":"{status}"}}"#
            )
        };
        self.added(index, &item("", "in_progress"), desk);
        let at = format!(r#""item_id":"{id}","output_index":{index}"#);
        let inside = format!(r#"{at},"delta":"{arguments}""#);
        self.event(&format!("response.{family}.delta"), &inside, None, desk);
        let inside = format!(r#"{at},"name":"{name}","{field}":"{arguments}""#);
        self.event(&format!("response.{family}.done"), &inside, None, desk);
        self.done(index, &item(arguments, "completed"), desk);
    }

    /// The last event.
    pub(super) fn end(
        &mut self,
        (status, why): (&str, &str),
        tokens: Option<Tokens>,
        object: &str,
        desk: &mut Desk,
    ) {
        self.close_thought(desk);
        let output: Vec<&str> = self.items.values().map(String::as_str).collect();
        let details =
            if why.is_empty() { "null".to_owned() } else { format!(r#"{{"reason":"{why}"}}"#) };
        let usage = tokens.map_or_else(|| "null".to_owned(), usage_of);
        let inside = format!(
            r#""response":{{{}"status":"{status}","error":null,"incomplete_details":{details},"output":[{}],"usage":{usage}}}{object}"#,
            self.skeleton,
            output.join(","),
        );
        self.event(&format!("response.{status}"), &inside, None, desk);
    }

    fn added(&mut self, index: u32, item: &str, desk: &mut Desk) {
        self.items.insert(index, item.to_owned());
        let inside = format!(r#""output_index":{index},"item":{item}"#);
        self.event("response.output_item.added", &inside, Some(index), desk);
    }

    fn done(&mut self, index: u32, item: &str, desk: &mut Desk) {
        self.items.insert(index, item.to_owned());
        let inside = format!(r#""output_index":{index},"item":{item}"#);
        self.event("response.output_item.done", &inside, Some(index), desk);
    }

    /// Writes one event; `keeps`: it begins or ends something of this item.
    fn event(&mut self, kind: &str, inside: &str, keeps: Option<u32>, desk: &mut Desk) {
        self.number = self.number.saturating_add(1);
        let number = self.number.to_string();
        let data = ["{\"type\":\"", kind, "\",\"sequence_number\":", &number, ",", inside, "}"];
        desk.put(&["event: ", kind, "\ndata: "]);
        desk.put(&data);
        desk.put(&["\n\n"]);
        if let Some(item) = keeps {
            self.kept.push(ItemEvent { item, json: data.concat().into() });
        }
    }
}

/// A part of a message whose text has this inside.
fn part(text: &str) -> String {
    format!(r#"{{"type":"output_text","annotations":[],"logprobs":[],"text":"{text}"}}"#)
}

/// The input includes the cache here, and the output includes reasoning
/// (<https://platform.openai.com/docs/api-reference/responses/object#responses/object-usage>).
fn usage_of(tokens: Tokens) -> String {
    let Tokens { input, cache_read, cache_write, output, reasoning } = tokens;
    let prompt = input.saturating_add(cache_read).saturating_add(cache_write);
    serde_json::json!({
        "input_tokens": prompt,
        "input_tokens_details": { "cached_tokens": cache_read, "cache_write_tokens": cache_write },
        "output_tokens": output,
        "output_tokens_details": { "reasoning_tokens": reasoning },
        "total_tokens": Value::from(prompt.saturating_add(output)),
    })
    .to_string()
}
