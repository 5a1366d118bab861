//! `OpenAI` Responses: numbers that go up, items that are added before they go on and done once, and a
//! last event that says what was streamed.

use super::{Block, Said, array_at, number, str_at};
use serde_json::Value;

// === impl Said ===

impl Said {
    pub(super) fn responses(&mut self, event: &str, value: &Value) -> Result<(), String> {
        let kind = str_at(value, "/type");
        if kind != event {
            return Err(format!("event {event:?} says that it is {kind:?}"));
        }
        let this = number(value, "/sequence_number")?;
        if self.number.is_some_and(|last| this <= last) {
            return Err(format!("event {this} after {:?}", self.number));
        }
        self.number = Some(this);
        if !self.started && !matches!(kind, "response.created" | "error" | "response.failed") {
            return Err(format!("{kind} before response.created"));
        }
        match kind {
            "response.created" if self.started => return Err("a second response.created".into()),
            "response.created" => {
                self.started = true;
                self.named(str_at(value, "/response/model"));
            }
            "error" => self.error = value.get("error").cloned(),
            "response.failed" => {
                let error = value.pointer("/response/error").cloned();
                self.error = self.error.take().or(error);
            }
            "response.output_item.added" => {
                let index = number(value, "/output_index")?;
                let tool = str_at(value, "/item/type") == "function_call";
                let name = str_at(value, "/item/name").to_owned();
                let block = Block { tool, name, ..Block::default() };
                if self.blocks.insert(index, block).is_some() {
                    return Err(format!("item {index} twice"));
                }
            }
            "response.output_text.delta" => {
                self.item(value)?;
                self.text.push_str(str_at(value, "/delta"));
            }
            "response.function_call_arguments.delta" => {
                self.item(value)?.text.push_str(str_at(value, "/delta"));
            }
            "response.output_item.done" => self.item(value)?.closed = true,
            "response.completed" | "response.incomplete" => self.last(value)?,
            // What a later protocol may bring.
            _ => {}
        }
        Ok(())
    }

    fn item(&mut self, value: &Value) -> Result<&mut Block, String> {
        let block = self.blocks.get_mut(&number(value, "/output_index")?);
        block.filter(|block| !block.closed).ok_or_else(|| format!("in no open item: {value}"))
    }

    fn last(&mut self, value: &Value) -> Result<(), String> {
        let response = value.get("response").ok_or("no response")?;
        let mut whole = Self::default();
        whole.items(response)?;
        if whole.text != self.text {
            return Err(format!("the last event says something else: {response}"));
        }
        // What was added and never done stands in it.
        let output = array_at(response, "/output").count();
        if output < self.blocks.len() {
            return Err(format!("{output} items of {}", self.blocks.len()));
        }
        self.blocks.values_mut().filter(|block| !block.tool).for_each(|block| block.closed = true);
        self.finish = whole.finish;
        self.counted(response.get("usage"));
        self.ended = true;
        Ok(())
    }

    /// A whole answer.
    pub(super) fn items(&mut self, value: &Value) -> Result<(), String> {
        if value.get("output").is_none() {
            return Err("no output".to_owned());
        }
        for item in array_at(value, "/output") {
            for part in array_at(item, "/content") {
                self.text.push_str(str_at(part, "/text"));
            }
            if str_at(item, "/type") == "function_call" {
                let arguments = str_at(item, "/arguments").to_owned();
                self.tools.push((str_at(item, "/name").to_owned(), arguments));
            }
        }
        self.finish = value.get("status").and_then(Value::as_str).map(str::to_owned);
        Ok(())
    }
}
