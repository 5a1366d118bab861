//! `OpenAI` Chat Completions: a whole answer as a stream.
//!
//! **Invariant:** what the provider spelled is copied, not re-spelled. Each member of a message
//! becomes one delta: reasoning first, as models write it, tool calls last.

use crate::Error;
use crate::head::CHOICES_MAX;
use crate::json::{self, Members, Type};
use crate::lazy::Raw;
use std::borrow::Cow;
use std::fmt::Write as _;

/// The stream's bytes, and how many choices it has.
pub(crate) fn stream(text: &str, include_usage: bool) -> Result<(String, u32), Error> {
    let answer = Members::read(text).ok_or(Error::NotAnswer("not a JSON object"))?;
    let choices = answer.get("choices").ok_or(Error::NotAnswer("no choices array"))?;
    let choices: Vec<Members<'_>> = serde_json::from_str(choices.get())
        .map_err(|_| Error::NotAnswer("choices is not an array of objects"))?;
    let count = u32::try_from(choices.len()).unwrap_or(u32::MAX);
    if count > CHOICES_MAX {
        return Err(Error::NotAnswer("too many choices"));
    }
    let mut writer = Writer::new(&answer, include_usage);
    for (position, choice) in choices.iter().enumerate() {
        writer.choice(position, choice);
    }
    if let Some(usage) = answer.get("usage").filter(|_| include_usage) {
        writer.usage(usage);
    }
    Ok((writer.finish(), count))
}

/// The members of a message that come first, in this order.
const FIRST: [&str; 4] = ["reasoning_content", "reasoning", "reasoning_details", "content"];

/// Writes chunks with one envelope.
struct Writer {
    out: String,
    /// `{"id":…,"object":"chat.completion.chunk",…` without the closing brace.
    envelope: String,
    include_usage: bool,
}

// === impl Writer ===

impl Writer {
    fn new(answer: &Members<'_>, include_usage: bool) -> Self {
        let fields = answer.0.iter().filter_map(|(key, raw)| {
            let value = match key.as_ref() {
                "choices" | "usage" | "error" => return None,
                "object" => Cow::Borrowed(r#""chat.completion.chunk""#),
                _ => json::one_line(*raw),
            };
            Some(format!("{}:{value},", json::quoted(key)))
        });
        let envelope = format!("{{{}", fields.collect::<String>());
        Self { out: String::new(), envelope, include_usage }
    }

    fn choice(&mut self, position: usize, choice: &Members<'_>) {
        let index = choice.get("index").map_or_else(|| position.to_string().into(), json::one_line);
        let message = choice.get("message").and_then(|raw| Members::read(raw.get()));
        let message = message.unwrap_or_default();
        let role = message.get("role").map_or(Cow::Borrowed(r#""assistant""#), json::one_line);
        self.delta(&index, &format!(r#""role":{role},"content":"""#));
        for key in FIRST {
            if let Some(raw) = message.get(key) {
                self.member(&index, key, raw);
            }
        }
        for (key, raw) in &message.0 {
            if !matches!(key.as_ref(), "role" | "tool_calls") && !FIRST.contains(&key.as_ref()) {
                self.member(&index, key, *raw);
            }
        }
        if let Some(calls) = message.get("tool_calls") {
            self.calls(&index, calls);
        }
        self.end(&index, choice);
    }

    /// One member of a message, where it says anything.
    fn member(&mut self, index: &str, key: &str, raw: Raw<'_>) {
        if json::type_of(raw) != Type::Null {
            self.delta(index, &format!("{}:{}", json::quoted(key), json::one_line(raw)));
        }
    }

    fn calls(&mut self, index: &str, calls: Raw<'_>) {
        let calls: Vec<Members<'_>> = serde_json::from_str(calls.get()).unwrap_or_default();
        for (position, call) in calls.iter().enumerate() {
            let mut fields = vec![format!(r#""index":{position}"#)];
            for (key, raw) in &call.0 {
                match key.as_ref() {
                    "index" => {}
                    "function" => fields.push(format!(r#""function":{}"#, function(*raw))),
                    _ => fields.push(format!("{}:{}", json::quoted(key), json::one_line(*raw))),
                }
            }
            self.delta(index, &format!(r#""tool_calls":[{{{}}}]"#, fields.join(",")));
        }
    }

    /// The chunk that finishes a choice, with whatever else the choice had.
    fn end(&mut self, index: &str, choice: &Members<'_>) {
        let fields = choice.0.iter().filter_map(|(key, raw)| match key.as_ref() {
            "index" | "message" => None,
            _ => Some(format!(",{}:{}", json::quoted(key), json::one_line(*raw))),
        });
        let fields: String = fields.collect();
        self.chunk(&format!(r#"{{"index":{index},"delta":{{}}{fields}}}"#), "null");
    }

    fn usage(&mut self, usage: Raw<'_>) {
        self.chunk("", &json::one_line(usage));
    }

    fn delta(&mut self, index: &str, fields: &str) {
        let choice = format!(r#"{{"index":{index},"delta":{{{fields}}},"finish_reason":null}}"#);
        self.chunk(&choice, "null");
    }

    fn chunk(&mut self, choice: &str, usage: &str) {
        let Self { out, envelope, include_usage } = self;
        let usage = if *include_usage { format!(r#","usage":{usage}"#) } else { String::new() };
        // Writing to a string cannot fail.
        let _ignored = write!(out, "data: {envelope}\"choices\":[{choice}]{usage}}}\n\n");
    }

    fn finish(mut self) -> String {
        self.out.push_str("data: [DONE]\n\n");
        self.out
    }
}

/// A called function; arguments that are an object (Ollama) become the string they should be.
fn function(raw: Raw<'_>) -> String {
    let Some(members) = Members::read(raw.get()) else { return json::one_line(raw).into_owned() };
    let fields = members.0.iter().map(|(key, raw)| {
        let value = match (key.as_ref(), json::type_of(*raw)) {
            ("arguments", Type::Object) => json::quoted(raw.get()).into(),
            _ => json::one_line(*raw),
        };
        format!("{}:{value}", json::quoted(key))
    });
    format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
}
