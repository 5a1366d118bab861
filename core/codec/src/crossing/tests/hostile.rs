//! Promise: whatever a provider writes into a text, a name, an id, an argument or an error, its caller
//! reads that text and no event, line or field more; and the arguments of a tool call arrive byte by
//! byte as they were written. Held against two readers of server-sent events that share nothing with
//! ours: one by the letter of the standard, one that cuts as the usual SDKs do.

use super::{cross, other, plan};
use crate::fold::Fold;
use crate::proof::{cases, feed, joined};
use bytes::Bytes;
use ir::{Crossable, Dialect, Event};
use proptest::prelude::{Just, Strategy, any, prop, prop_assert_eq, prop_oneof};
use proptest::sample::select;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Answers of an ordinary run; `BACKSTOP_HOSTILE_CASES` sets another number.
const CASES: u32 = 192;

/// What ends a line for some reader, and what begins a field for another.
const BREAKS: &[&str] = &[
    "\n",
    "\r",
    "\r\n",
    "\n\n",
    "\r\n\r\n",
    "\r\r",
    "\n\n\n",
    "\0",
    "\u{b}",
    "\u{c}",
    "\u{1c}",
    "\u{85}",
    "\u{2028}",
    "\u{2029}",
    "\u{feff}",
    "data:",
    "data: [DONE]",
    "data: {}",
    "event:",
    "event: error",
    "id:",
    "retry: 1",
    ":",
    ": ping",
    "[DONE]",
    "\n\ndata: [DONE]\n\n",
    "\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
    "\"",
    "\\",
    "\\n",
    "\\u000a",
    "\\\"",
    "\"}]}",
    "{",
    "}",
    "/",
    "\\/",
    "é",
    "\u{10ffff}",
    "\u{200b}",
    "</s>",
    "<|im_end|>",
    "x",
];

/// An answer, as it is meant.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Truth {
    text: String,
    thinking: String,
    /// Name and arguments.
    calls: Vec<(String, String)>,
    error: Option<String>,
}

/// How a provider writes it.
#[derive(Clone, Copy, Debug)]
struct Manner {
    line_end: &'static str,
    /// Escapes everything that can be escaped.
    escaped: bool,
    /// Characters in a piece.
    piece: usize,
}

/// One event as a reader of server-sent events gives it.
type Sent = (String, String);

fn hostile() -> impl Strategy<Value = String> {
    let atom = prop_oneof![
        4 => select(BREAKS).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    // White space alone is no content.
    prop::collection::vec(atom, 0..6).prop_map(|atoms| format!("x{}", atoms.concat()))
}

/// Arguments as models write them: JSON in many spellings, numbers that no type holds.
fn arguments() -> impl Strategy<Value = String> {
    let number = select(&["1e400", "-0.0", "0.1e-7", "123456789012345678901234567890", "1E+2"][..]);
    let space = select(&["", " ", "\n", "\t ", "\r\n"][..]);
    (hostile(), hostile(), number, space, any::<bool>()).prop_map(
        |(key, value, number, space, escaped)| {
            let spell = |text: &str| spelled(text, escaped);
            let (key, value) = (spell(&key), spell(&value));
            format!("{{{space}{key}:{space}{value},\"n\":{number}{space},\"n\":[{{}},{value}]}}")
        },
    )
}

fn truth() -> impl Strategy<Value = Truth> {
    let calls = prop::collection::vec((hostile(), arguments()), 0..3);
    let error = prop_oneof![3 => Just(None), 1 => hostile().prop_map(Some)];
    (hostile(), prop_oneof![Just(String::new()), hostile()], calls, error)
        .prop_map(|(text, thinking, calls, error)| Truth { text, thinking, calls, error })
}

fn manner() -> impl Strategy<Value = Manner> {
    let line_end = select(&["\n", "\r\n", "\r"][..]);
    (line_end, any::<bool>(), 1..9_usize).prop_map(|(line_end, escaped, piece)| Manner {
        line_end,
        escaped,
        piece,
    })
}

/// A string as JSON.
fn spelled(text: &str, escaped: bool) -> String {
    if !escaped {
        return Value::from(text).to_string();
    }
    let units: Vec<String> = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
    format!("\"{}\"", units.concat())
}

// === impl Manner ===

impl Manner {
    fn pieces(self, text: &str) -> Vec<String> {
        let letters: Vec<char> = text.chars().collect();
        letters
            .chunks(self.piece)
            .map(|piece| spelled(&piece.iter().collect::<String>(), self.escaped))
            .collect()
    }

    fn framed(self, events: &[(&str, String)], done: bool) -> Bytes {
        let end = self.line_end;
        let frame = |(kind, data): &(&str, String)| match *kind {
            "" => format!("data: {data}{end}{end}"),
            kind => format!("event: {kind}{end}data: {data}{end}{end}"),
        };
        let mut stream = events.iter().map(frame).collect::<Vec<_>>().concat();
        if done {
            stream = [&stream, "data: [DONE]", end, end].concat();
        }
        Bytes::from(stream)
    }
}

// === impl Truth ===

impl Truth {
    /// The same without anything odd.
    fn plain(&self) -> Self {
        let letters = |text: &str| "x".repeat(text.chars().count());
        Self {
            text: letters(&self.text),
            thinking: letters(&self.thinking),
            calls: self
                .calls
                .iter()
                .map(|(name, text)| {
                    (letters(name), {
                        // As long, and JSON.
                        let inside = text.chars().count().saturating_sub(8);
                        format!("{{\"x\":\"{}\"}}", "x".repeat(inside))
                    })
                })
                .collect(),
            error: self.error.as_deref().map(letters),
        }
    }

    fn stream(&self, dialect: Dialect, manner: Manner) -> Bytes {
        match dialect {
            Dialect::Chat => self.chat(manner),
            Dialect::Messages => self.messages(manner),
            Dialect::Responses => panic!("it crosses to nobody"),
        }
    }

    fn failed(&self) -> Option<String> {
        let message = self.error.as_ref()?;
        let error = json!({ "type": "api_error", "message": message });
        Some(json!({ "type": "error", "error": error }).to_string())
    }

    fn chat(&self, manner: Manner) -> Bytes {
        let chunk = |delta: String, finish: &str| {
            let choice =
                format!("{{\"index\":0,\"delta\":{{{delta}}},\"finish_reason\":{finish}}}");
            ("", format!("{{\"id\":\"c\",\"model\":\"m\",\"choices\":[{choice}]}}"))
        };
        let mut events = vec![chunk("\"role\":\"assistant\"".to_owned(), "null")];
        for (field, text) in [("reasoning_content", &self.thinking), ("content", &self.text)] {
            let pieces = manner.pieces(text).into_iter();
            events.extend(pieces.map(|piece| chunk(format!("\"{field}\":{piece}"), "null")));
        }
        for (index, (name, arguments)) in self.calls.iter().enumerate() {
            let name = spelled(name, manner.escaped);
            let head = format!(
                "\"id\":\"call_{index}\",\"type\":\"function\",\"function\":{{\"name\":{name},\"arguments\":\"\"}}"
            );
            let call = |inside: &str| {
                chunk(format!("\"tool_calls\":[{{\"index\":{index},{inside}}}]"), "null")
            };
            events.push(call(&head));
            let pieces = manner.pieces(arguments).into_iter();
            events.extend(pieces.map(|it| call(&format!("\"function\":{{\"arguments\":{it}}}"))));
        }
        if let Some(error) = self.failed() {
            events.push(("", error));
            return manner.framed(&events, false);
        }
        let finish = if self.calls.is_empty() { "\"stop\"" } else { "\"tool_calls\"" };
        events.push(chunk(String::new(), finish));
        manner.framed(&events, true)
    }

    fn messages(&self, manner: Manner) -> Bytes {
        let mut events = vec![(
            "message_start",
            "{\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[],\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}}".to_owned(),
        )];
        let mut blocks: Vec<(String, &str, Vec<String>)> = Vec::new();
        if !self.thinking.is_empty() {
            let block = "\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"".to_owned();
            blocks.push((
                block,
                "\"type\":\"thinking_delta\",\"thinking\"",
                manner.pieces(&self.thinking),
            ));
        }
        let block = "\"type\":\"text\",\"text\":\"\"".to_owned();
        blocks.push((block, "\"type\":\"text_delta\",\"text\"", manner.pieces(&self.text)));
        for (index, (name, arguments)) in self.calls.iter().enumerate() {
            let name = spelled(name, manner.escaped);
            let block = format!(
                "\"type\":\"tool_use\",\"id\":\"toolu_{index}\",\"name\":{name},\"input\":{{}}"
            );
            blocks.push((
                block,
                "\"type\":\"input_json_delta\",\"partial_json\"",
                manner.pieces(arguments),
            ));
        }
        for (index, (block, delta, pieces)) in blocks.into_iter().enumerate() {
            let place = format!("\"index\":{index}");
            events.push((
                "content_block_start",
                format!(
                    "{{\"type\":\"content_block_start\",{place},\"content_block\":{{{block}}}}}"
                ),
            ));
            events.extend(pieces.into_iter().map(|piece| {
                (
                    "content_block_delta",
                    format!(
                        "{{\"type\":\"content_block_delta\",{place},\"delta\":{{{delta}:{piece}}}}}"
                    ),
                )
            }));
            events.push((
                "content_block_stop",
                format!("{{\"type\":\"content_block_stop\",{place}}}"),
            ));
        }
        if let Some(error) = self.failed() {
            events.push(("error", error));
            return manner.framed(&events, false);
        }
        let reason = if self.calls.is_empty() { "end_turn" } else { "tool_use" };
        events.push(("message_delta", format!("{{\"type\":\"message_delta\",\"delta\":{{\"stop_reason\":\"{reason}\"}},\"usage\":{{\"output_tokens\":1}}}}")));
        events.push(("message_stop", "{\"type\":\"message_stop\"}".to_owned()));
        manner.framed(&events, false)
    }
}

/// A reader by the letter of the standard.
fn by_the_letter(bytes: &[u8]) -> Vec<Sent> {
    let text = std::str::from_utf8(bytes).expect("UTF-8").replace("\r\n", "\n").replace('\r', "\n");
    let (mut sent, mut event, mut data) = (Vec::new(), String::new(), None::<String>);
    for line in text.split('\n') {
        if line.is_empty() {
            if let Some(data) = data.take() {
                sent.push((event.clone(), data));
            }
            event.clear();
            continue;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut event),
            "data" => match &mut data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => data = Some(value.to_owned()),
            },
            _ => {}
        }
    }
    sent
}

/// A reader that cuts bytes at blank lines first, as the usual SDKs do.
fn by_the_cut(bytes: &[u8]) -> Vec<Sent> {
    let mut sent = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let ends = [b"\n\n".as_slice(), b"\r\r", b"\r\n\r\n"].into_iter();
        let end = ends.filter_map(|end| {
            let at = rest.windows(end.len()).position(|window| window == end)?;
            Some((at, at + end.len()))
        });
        let (length, next) = end.min().unwrap_or((rest.len(), rest.len()));
        let chunk = &rest[..length];
        rest = &rest[next..];
        let mut event = String::new();
        let mut lines = Vec::new();
        for line in chunk.split(|byte| matches!(byte, b'\n' | b'\r')) {
            if let Some(kind) = line.strip_prefix(b"event: ") {
                event = String::from_utf8(kind.to_vec()).expect("UTF-8");
            } else if let Some(data) = line.strip_prefix(b"data: ") {
                lines.push(String::from_utf8(data.to_vec()).expect("UTF-8"));
            }
        }
        if !lines.is_empty() {
            sent.push((event, lines.join("\n")));
        }
    }
    sent
}

fn text_at<'a>(value: &'a Value, place: &str) -> &'a str {
    value.pointer(place).and_then(Value::as_str).unwrap_or_default()
}

/// What events say, read as an SDK puts them together.
fn told(dialect: Dialect, sent: &[Sent]) -> Truth {
    let mut truth = Truth::default();
    let mut calls: BTreeMap<u64, (String, String)> = BTreeMap::new();
    for (kind, data) in sent.iter().filter(|(_, data)| data != "[DONE]") {
        let value: Value = serde_json::from_str(data).unwrap_or_else(|_| panic!("JSON: {data:?}"));
        if value.get("error").is_some() {
            truth.error = Some(text_at(&value, "/error/message").to_owned());
            continue;
        }
        let index = |place: &str| value.pointer(place).and_then(Value::as_u64).unwrap_or_default();
        match dialect {
            Dialect::Chat => {
                truth.text.push_str(text_at(&value, "/choices/0/delta/content"));
                truth.thinking.push_str(text_at(&value, "/choices/0/delta/reasoning_content"));
                let call = "/choices/0/delta/tool_calls/0";
                if value.pointer(call).is_some() {
                    let entry = calls.entry(index(&format!("{call}/index"))).or_default();
                    entry.0.push_str(text_at(&value, &format!("{call}/function/name")));
                    entry.1.push_str(text_at(&value, &format!("{call}/function/arguments")));
                }
            }
            Dialect::Messages => {
                assert_eq!(kind, text_at(&value, "/type"), "an event is what it says");
                truth.text.push_str(text_at(&value, "/delta/text"));
                truth.thinking.push_str(text_at(&value, "/delta/thinking"));
                if text_at(&value, "/content_block/type") == "tool_use" {
                    let name = text_at(&value, "/content_block/name").to_owned();
                    calls.insert(index("/index"), (name, String::new()));
                }
                if let Some(call) = calls.get_mut(&index("/index")) {
                    call.1.push_str(text_at(&value, "/delta/partial_json"));
                }
            }
            Dialect::Responses => panic!("it crosses to nobody"),
        }
    }
    truth.calls = calls.into_values().collect();
    truth
}

/// Both readers hear the truth, in as many events as a harmless answer has.
fn holds(
    dialect: Dialect,
    bytes: &[u8],
    (truth, harmless): (&Truth, usize),
) -> Result<(), TestCaseError> {
    let (one, two) = (by_the_letter(bytes), by_the_cut(bytes));
    prop_assert_eq!(&one, &two, "two readers read two things");
    prop_assert_eq!(one.len(), harmless, "as many events as without anything odd");
    prop_assert_eq!(&told(dialect, &one), truth);
    Ok(())
}

/// The document that a stream is put together to.
fn folded(dialect: Dialect, bytes: &Bytes) -> Bytes {
    let (mut frames, _) = feed(dialect, 1, std::slice::from_ref(bytes));
    let mut fold = Fold::new(dialect, 1 << 20);
    for frame in &mut frames {
        if !frame.events.iter().any(|event| matches!(event, Event::Fail(_))) {
            fold.take(frame).expect("an answer");
        }
    }
    fold.document()
}

/// What a document says; arguments of Messages as they are spelled.
fn documented(dialect: Dialect, document: &[u8]) -> Truth {
    let mut truth = Truth::default();
    match dialect {
        Dialect::Chat => {
            let value: Value = serde_json::from_slice(document).expect("JSON");
            let message = &value["choices"][0]["message"];
            text_at(message, "/content").clone_into(&mut truth.text);
            text_at(message, "/reasoning_content").clone_into(&mut truth.thinking);
            for call in message["tool_calls"].as_array().into_iter().flatten() {
                let arguments = text_at(call, "/function/arguments").to_owned();
                truth.calls.push((text_at(call, "/function/name").to_owned(), arguments));
            }
        }
        Dialect::Messages => {
            #[derive(serde::Deserialize)]
            struct Document<'a> {
                #[serde(borrow)]
                content: Vec<Part<'a>>,
            }
            #[derive(serde::Deserialize)]
            struct Part<'a> {
                text: Option<String>,
                thinking: Option<String>,
                name: Option<String>,
                #[serde(borrow)]
                input: Option<&'a serde_json::value::RawValue>,
            }
            let text = std::str::from_utf8(document).expect("UTF-8");
            let document: Document<'_> = serde_json::from_str(text).expect("a document");
            for part in document.content {
                truth.text.push_str(&part.text.unwrap_or_default());
                truth.thinking.push_str(&part.thinking.unwrap_or_default());
                if let (Some(name), Some(input)) = (part.name, part.input) {
                    truth.calls.push((name, input.get().to_owned()));
                }
            }
        }
        Dialect::Responses => panic!("it crosses to nobody"),
    }
    truth
}

fn check(truth: &Truth, manner: Manner) -> Result<(), TestCaseError> {
    for from in Crossable::ALL.map(Crossable::dialect) {
        let stream = truth.stream(from, manner);
        let harmless = truth.plain().stream(from, manner);
        // In the caller's own dialect: what is relayed is what came.
        let (frames, rest) = feed(from, 1, std::slice::from_ref(&stream));
        prop_assert_eq!(joined(&frames, &rest), stream.to_vec());
        let events = by_the_letter(&harmless).len();
        prop_assert_eq!(by_the_letter(&stream).len(), events);
        prop_assert_eq!(&told(from, &by_the_letter(&stream)), truth);
        // In the other.
        let to = other(from);
        let mut expected = truth.clone();
        if truth.error.is_some() && from == Dialect::Chat {
            // A call that was not finished is not shown: no end was said to the last one.
            expected.calls =
                told(to, &by_the_letter(&cross(plan(from), std::slice::from_ref(&stream)).bytes))
                    .calls;
            prop_assert_eq!(&expected.calls[..], &truth.calls[..expected.calls.len()]);
        }
        let crossed = Bytes::from(cross(plan(from), std::slice::from_ref(&stream)).bytes);
        let usual = cross(plan(from), std::slice::from_ref(&harmless)).bytes;
        holds(to, &crossed, (&expected, by_the_letter(&usual).len()))?;
        if truth.error.is_none() {
            prop_assert_eq!(&documented(from, &folded(from, &stream)), truth);
            prop_assert_eq!(&documented(to, &folded(to, &crossed)), truth);
        }
    }
    Ok(())
}

#[test]
fn what_is_written_is_what_is_read() {
    let settings = Config { cases: cases(CASES), failure_persistence: None, ..Config::default() };
    let ran = TestRunner::new(settings)
        .run(&(truth(), manner()), |(truth, manner)| check(&truth, manner));
    ran.unwrap_or_else(|why| panic!("{why}"));
}
