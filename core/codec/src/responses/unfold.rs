//! `OpenAI` Responses: a whole answer as a stream.
//!
//! **Invariant:** what the provider spelled is copied, not re-spelled, and the last event has the whole
//! answer. Events come in the order that the official SDKs insist on: an item before its parts, a part
//! before its pieces, each done before the next begins.

use crate::Error;
use crate::json::{self, Members, Type, Word};
use crate::lazy::Raw;
use std::borrow::Cow;
use std::fmt::Write as _;

/// The stream's bytes.
pub(crate) fn stream(text: &str) -> Result<String, Error> {
    let answer = Members::read(text).ok_or(Error::NotAnswer("not a JSON object"))?;
    let output = answer.given("output").ok_or(Error::NotAnswer("no output array"))?;
    let items: Vec<Raw<'_>> = serde_json::from_str(output.get())
        .map_err(|_| Error::NotAnswer("output is not an array"))?;
    let last = match word(&answer, "status").as_str() {
        "completed" | "" => "response.completed",
        "incomplete" => "response.incomplete",
        _ => return Err(Error::NotAnswer("an answer that is not complete")),
    };
    let mut writer = Writer { out: String::with_capacity(text.len().saturating_mul(3)), next: 0 };
    let begun = begun(&answer);
    writer.frame("response.created", &begun);
    writer.frame("response.in_progress", &begun);
    for (index, raw) in items.into_iter().enumerate() {
        let item = Members::read(raw.get());
        let item = item.ok_or(Error::NotAnswer("an item is not an object"))?;
        writer.item(index, raw, &item);
    }
    let whole: String = text.chars().filter(|it| !matches!(it, '\n' | '\r')).collect();
    writer.frame(last, &format!("\"response\":{}", whole.trim()));
    Ok(writer.out)
}

/// Writes frames one after the other.
struct Writer {
    out: String,
    /// The next `sequence_number`.
    next: u64,
}

/// How a part is told: the event of its pieces, the member that has its text, and what else both
/// events have.
#[derive(Clone, Copy)]
struct Manner {
    event: &'static str,
    member: &'static str,
    index: &'static str,
}

const OUTPUT_TEXT: Manner =
    Manner { event: "response.output_text", member: "text", index: "content_index" };
const REFUSAL: Manner =
    Manner { event: "response.refusal", member: "refusal", index: "content_index" };
const REASONING: Manner =
    Manner { event: "response.reasoning_text", member: "text", index: "content_index" };
const SUMMARY: Manner =
    Manner { event: "response.reasoning_summary_text", member: "text", index: "summary_index" };

fn word(members: &Members<'_>, key: &str) -> String {
    let word = members.get(key).and_then(|raw| serde_json::from_str::<Word<'_>>(raw.get()).ok());
    word.map(|Word(word)| word.into_owned()).unwrap_or_default()
}

/// An object with some members otherwise: `None` keeps one as it is.
fn with(members: &Members<'_>, other: impl Fn(&str, Type) -> Option<&'static str>) -> String {
    let fields = members.0.iter().map(|(key, raw)| {
        let value = match other(key, json::type_of(*raw)) {
            Some(value) => Cow::Borrowed(value),
            None => json::one_line(*raw),
        };
        format!("{}:{value}", json::quoted(key))
    });
    format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
}

/// The answer before anything was written.
fn begun(answer: &Members<'_>) -> String {
    let response = with(answer, |key, _| match key {
        "status" => Some(r#""in_progress""#),
        "output" => Some("[]"),
        "usage" | "incomplete_details" | "completed_at" | "error" => Some("null"),
        _ => None,
    });
    format!("\"response\":{response}")
}

fn items<'a>(members: &Members<'a>, key: &str) -> Vec<Raw<'a>> {
    members.get(key).and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
}

// === impl Writer ===

impl Writer {
    fn item(&mut self, index: usize, raw: Raw<'_>, item: &Members<'_>) {
        let kind = word(item, "type");
        let (text, list) = (Type::String, Type::Array);
        let added = with(item, |key, of| match (kind.as_str(), key) {
            (_, "status") => Some(r#""in_progress""#),
            ("message" | "reasoning", "content") | ("reasoning", "summary") if of == list => {
                Some("[]")
            }
            ("function_call", "arguments") | ("custom_tool_call", "input") if of == text => {
                Some(r#""""#)
            }
            _ => None,
        });
        let place = format!("\"output_index\":{index}");
        self.frame("response.output_item.added", &format!("{place},\"item\":{added}"));
        let id = item.get("id").map_or(Cow::Borrowed(r#""""#), json::one_line);
        let at = format!("\"item_id\":{id},{place}");
        match kind.as_str() {
            "message" => self.parts(&at, &items(item, "content"), None),
            "reasoning" => {
                self.parts(&at, &items(item, "summary"), Some(SUMMARY));
                self.parts(&at, &items(item, "content"), None);
            }
            "function_call" => {
                self.call(&at, "response.function_call_arguments", "arguments", item);
            }
            "custom_tool_call" => {
                self.call(&at, "response.custom_tool_call_input", "input", item);
            }
            _ => {}
        }
        let done = json::one_line(raw);
        self.frame("response.output_item.done", &format!("{place},\"item\":{done}"));
    }

    /// Parts one after the other; those of a summary have events of their own.
    fn parts(&mut self, at: &str, parts: &[Raw<'_>], summary: Option<Manner>) {
        for (index, raw) in parts.iter().enumerate() {
            let Some(part) = Members::read(raw.get()) else { continue };
            let manner = summary.or_else(|| match word(&part, "type").as_str() {
                "output_text" => Some(OUTPUT_TEXT),
                "refusal" => Some(REFUSAL),
                "reasoning_text" => Some(REASONING),
                _ => None,
            });
            let key = manner.map_or("content_index", |manner| manner.index);
            let at = format!("{at},\"{key}\":{index}");
            let border = if summary.is_some() {
                "response.reasoning_summary_part"
            } else {
                "response.content_part"
            };
            let empty = with(&part, |key, of| match (key, of) {
                ("text" | "refusal", Type::String) => Some(r#""""#),
                ("annotations" | "logprobs", Type::Array) => Some("[]"),
                _ => None,
            });
            self.frame(&format!("{border}.added"), &format!("{at},\"part\":{empty}"));
            if let Some(manner) = manner {
                self.text(&at, manner, &part);
            }
            let whole = json::one_line(*raw);
            self.frame(&format!("{border}.done"), &format!("{at},\"part\":{whole}"));
        }
    }

    fn text(&mut self, at: &str, manner: Manner, part: &Members<'_>) {
        let Manner { event, member, .. } = manner;
        let Some(text) = part.get(member).filter(|raw| json::type_of(*raw) == Type::String) else {
            return;
        };
        let logprobs = if event == OUTPUT_TEXT.event { ",\"logprobs\":[]" } else { "" };
        let text = text.get();
        if text != r#""""# {
            self.frame(&format!("{event}.delta"), &format!("{at},\"delta\":{text}{logprobs}"));
        }
        self.frame(&format!("{event}.done"), &format!("{at},\"{member}\":{text}{logprobs}"));
    }

    fn call(&mut self, at: &str, event: &str, member: &str, item: &Members<'_>) {
        let Some(text) = item.get(member).filter(|raw| json::type_of(*raw) == Type::String) else {
            return;
        };
        let text = text.get();
        if text != r#""""# {
            self.frame(&format!("{event}.delta"), &format!("{at},\"delta\":{text}"));
        }
        self.frame(&format!("{event}.done"), &format!("{at},\"{member}\":{text}"));
    }

    fn frame(&mut self, kind: &str, fields: &str) {
        let number = self.next;
        self.next = number.saturating_add(1);
        // Writing to a string cannot fail.
        let _ignored = write!(
            self.out,
            "event: {kind}\ndata: {{\"type\":\"{kind}\",\"sequence_number\":{number},{fields}}}\n\n"
        );
    }
}
