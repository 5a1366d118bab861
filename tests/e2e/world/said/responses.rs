//! `OpenAI` Responses, as strictly as the official SDKs read it: one id, numbers that go up, an item
//! before its parts, a part before its pieces, and a last event that says what was streamed.

use super::{Block, Said, joined, number, str_at};
use serde_json::Value;

// === impl Said ===

impl Said {
    pub(super) fn responses(&mut self, event: &str, value: &Value) -> Result<(), String> {
        let kind = str_at(value, "/type");
        if kind != event {
            return Err(format!("event {event:?} says it is {kind:?}"));
        }
        let sequence = number(value, "/sequence_number")?;
        if self.sequence.is_some_and(|last| sequence <= last) {
            return Err(format!("event {sequence} after {:?}", self.sequence));
        }
        self.sequence = Some(sequence);
        let is_error = matches!(kind, "error" | "response.failed");
        if !self.started && kind != "response.created" && !is_error {
            return Err(format!("{kind} before response.created"));
        }
        if let Some(response) = value.get("response") {
            let id = str_at(response, "/id");
            if !self.id.is_empty() && id != self.id {
                return Err(format!("{id} is not {}", self.id));
            }
            id.clone_into(&mut self.id);
        }
        let delta = str_at(value, "/delta");
        match kind {
            "response.created" if self.started => return Err("a second response.created".into()),
            "response.created" => self.started = true,
            "error" => self.error = value.get("error").cloned(),
            "response.failed" => {
                let error = value.pointer("/response/error").cloned();
                self.error = self.error.take().or(error);
            }
            "response.output_item.added" => self.item_added(value)?,
            "response.content_part.added" => {
                let block = self.item(value)?;
                if block.part {
                    return Err(format!("a part twice: {value}"));
                }
                block.part = true;
            }
            "response.output_text.delta" | "response.refusal.delta" => {
                let block = self.item(value)?;
                if !block.part {
                    return Err(format!("in no part: {value}"));
                }
                block.text.push_str(delta);
                self.text.push_str(delta);
            }
            "response.reasoning_summary_text.delta" => {
                self.item(value)?.text.push_str(delta);
                self.thinking.push_str(delta);
            }
            "response.function_call_arguments.delta" => self.item(value)?.text.push_str(delta),
            "response.output_item.done" => self.item_done(value)?,
            "response.completed" | "response.incomplete" => self.last(value)?,
            // Unknown events ride along.
            _ => {}
        }
        Ok(())
    }

    fn item_added(&mut self, value: &Value) -> Result<(), String> {
        let index = number(value, "/output_index")?;
        let kind = match str_at(value, "/item/type") {
            "function_call" => "tool_use",
            other => other,
        };
        let name = str_at(value, "/item/name").to_owned();
        let block = Block { kind: kind.to_owned(), name, ..Block::default() };
        if self.blocks.insert(index, block).is_some() {
            return Err(format!("item {index} twice"));
        }
        Ok(())
    }

    fn item(&mut self, value: &Value) -> Result<&mut Block, String> {
        let block = self.blocks.get_mut(&number(value, "/output_index")?);
        block.filter(|block| !block.closed).ok_or_else(|| format!("in no open item: {value}"))
    }

    fn item_done(&mut self, value: &Value) -> Result<(), String> {
        let block = self.item(value)?;
        block.closed = true;
        let arguments = str_at(value, "/item/arguments");
        if block.kind == "tool_use" && block.text != arguments {
            return Err(format!("{arguments:?} was streamed as {:?}", block.text));
        }
        Ok(())
    }

    /// The last event says what was streamed.
    fn last(&mut self, value: &Value) -> Result<(), String> {
        let response = value.get("response").ok_or("no response")?;
        let mut whole = Self::default();
        whole.responses_whole(response)?;
        let calls = self.blocks.values().filter(|block| block.kind == "tool_use");
        let calls: Vec<_> = calls.map(|block| (block.name.clone(), block.text.clone())).collect();
        let streamed = (joined(&self.text), self.thinking.clone(), calls);
        if (whole.text, whole.thinking, whole.tools) != streamed {
            return Err(format!("the last event says something else: {response}"));
        }
        self.finish = whole.finish;
        self.usage = whole.usage;
        self.ended = true;
        Ok(())
    }

    pub(super) fn responses_whole(&mut self, value: &Value) -> Result<(), String> {
        for item in value.get("output").and_then(Value::as_array).ok_or("no output")? {
            for part in item.get("content").and_then(Value::as_array).into_iter().flatten() {
                self.text.push_str(str_at(part, "/text"));
                self.text.push_str(str_at(part, "/refusal"));
            }
            for part in item.get("summary").and_then(Value::as_array).into_iter().flatten() {
                self.thinking.push_str(str_at(part, "/text"));
            }
            if str_at(item, "/type") == "function_call" {
                let arguments = str_at(item, "/arguments").to_owned();
                self.tools.push((str_at(item, "/name").to_owned(), arguments));
            }
        }
        self.finish = value.get("status").and_then(Value::as_str).map(str::to_owned);
        self.usage = value.get("usage").cloned();
        self.ended = true;
        Ok(())
    }
}
