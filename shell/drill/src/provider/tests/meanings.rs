//! What a fault says of itself is read back from its bytes, by a reader that shares nothing with
//! the writer.

use super::{Order, Step, steps};
use crate::provider::{Fault, Stage, text, text_of};
use ir::{Dialect, Shape};
use serde_json::Value;

/// What a receiver makes of a script.
#[derive(Debug, Default)]
pub(super) struct Received {
    status: u16,
    /// The body ended by its own framing.
    framed: bool,
    pub(super) text: String,
    /// The text ended with this half of a surrogate pair.
    pub(super) half: Option<u16>,
    thinking: String,
    arguments: String,
    /// The name and the arguments of each call.
    pub(super) calls: Vec<(String, String)>,
    called: bool,
    pub(super) finish: Option<String>,
    ends: usize,
    errors: usize,
    malformed: usize,
}

impl Received {
    fn of(dialect: Dialect, shape: Shape, model: &str) -> Self {
        Self::read(&steps(dialect, shape, model))
    }

    pub(super) fn read(steps: &[Step]) -> Self {
        let sent = steps.iter().filter_map(|step| match step {
            Step::Send(bytes) => Some(bytes.to_vec()),
            Step::Wait(_) | Step::Hang | Step::Reset | Step::Fin => None,
        });
        let bytes = sent.collect::<Vec<_>>().concat();
        let mut received = Self::default();
        let head = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        let Some((head, rest)) = head.map(|at| bytes.split_at(at)) else { return received };
        let (head, rest) = (&*String::from_utf8_lossy(head), &rest[4..]);
        let Some(status) = head.strip_prefix("HTTP/1.1 ") else { return received };
        received.status = status[..3].parse().unwrap();
        let body = received.unframe(head, rest);
        if head.contains("text/event-stream") && !head.contains("gzip") {
            // What has no blank line behind it never came.
            for event in body.split_inclusive("\n\n").filter(|event| event.ends_with("\n\n")) {
                received.event(event);
            }
        } else if let Ok(document) = serde_json::from_str::<Value>(&body) {
            received.document(&document);
        }
        received
    }

    fn unframe(&mut self, head: &str, mut rest: &[u8]) -> String {
        let length = head
            .split_once("content-length: ")
            .map(|(_, rest)| rest.lines().next().unwrap().parse::<usize>().unwrap());
        if let Some(length) = length {
            self.framed = rest.len() == length;
            return String::from_utf8_lossy(rest).into_owned();
        }
        let mut body = Vec::new();
        while let Some(at) = rest.windows(2).position(|window| window == b"\r\n") {
            let size =
                usize::from_str_radix(std::str::from_utf8(&rest[..at]).unwrap(), 16).unwrap();
            if size == 0 {
                self.framed = true;
                break;
            }
            let after = &rest[at + 2..];
            body.extend_from_slice(&after[..size]);
            rest = after[size..].strip_prefix(b"\r\n").unwrap();
        }
        String::from_utf8_lossy(&body).into_owned()
    }

    fn event(&mut self, event: &str) {
        for line in event.lines().filter_map(|line| line.strip_prefix("data: ")) {
            match serde_json::from_str::<Value>(line) {
                Ok(value) => self.value(&value),
                Err(_) if line == "[DONE]" => self.ends += 1,
                Err(_) if self.half(line) => {}
                Err(_) => self.malformed += 1,
            }
        }
    }

    /// A piece of text that ends or begins with half a surrogate pair, which `serde_json` does not
    /// read.
    fn half(&mut self, line: &str) -> bool {
        let inside = ["\"content\":\"", "\"text\":\"", "\"delta\":\""].iter().find_map(|key| {
            let (_, rest) = line.split_once(key)?;
            rest.split_once('"').map(|(inside, _)| inside)
        });
        let Some(inside) = inside else { return false };
        let unit = |text: &str| u16::from_str_radix(text.strip_prefix("\\u")?, 16).ok();
        let json = |inside: &str| serde_json::from_str::<String>(&format!("\"{inside}\"")).ok();
        let ends = inside.len().checked_sub(6).and_then(|at| inside.split_at_checked(at));
        let (before, rest) = match self.half.take() {
            // The other half is there: both are one letter.
            Some(high) => {
                let (low, rest) = inside.split_at(6);
                let pair = [high, unit(low).unwrap()];
                self.text.push_str(&String::from_utf16(&pair).unwrap());
                (rest, None)
            }
            None => match ends.and_then(|(before, high)| Some((before, unit(high)?))) {
                Some((before, high)) => (before, Some(high)),
                None => return false,
            },
        };
        self.text.push_str(&json(before).unwrap());
        self.half = rest;
        true
    }

    fn value(&mut self, value: &Value) {
        let say = |path: &str| value.pointer(path).and_then(Value::as_str).unwrap_or_default();
        self.text.push_str(say("/choices/0/delta/content"));
        self.text.push_str(say("/delta/text"));
        self.thinking.push_str(say("/choices/0/delta/reasoning_content"));
        self.thinking.push_str(say("/delta/thinking"));
        for name in [say("/choices/0/delta/tool_calls/0/function/name"), say("/content_block/name")]
        {
            if !name.is_empty() {
                self.calls.push((name.to_owned(), String::new()));
            }
        }
        if let Some((_, arguments)) = self.calls.last_mut() {
            arguments.push_str(say("/choices/0/delta/tool_calls/0/function/arguments"));
            arguments.push_str(say("/delta/partial_json"));
        }
        self.arguments.push_str(say("/choices/0/delta/tool_calls/0/function/arguments"));
        self.arguments.push_str(say("/delta/partial_json"));
        self.called |= say("/content_block/type") == "tool_use";
        self.called |= !say("/choices/0/delta/tool_calls/0/id").is_empty();
        self.errors += usize::from(value.get("error").is_some());
        self.ends += usize::from(say("/type") == "message_stop");
        for path in ["/choices/0/finish_reason", "/delta/stop_reason"] {
            if !say(path).is_empty() {
                self.finish = Some(say(path).to_owned());
            }
        }
        self.response_event(say("/type"), value);
    }

    /// An event of Responses: its last one is its finish and its end.
    fn response_event(&mut self, kind: &str, value: &Value) {
        let delta = value.get("delta").and_then(Value::as_str).unwrap_or_default();
        match kind {
            "response.output_text.delta" => self.text.push_str(delta),
            "response.reasoning_summary_text.delta" => self.thinking.push_str(delta),
            "response.function_call_arguments.delta" => {
                self.arguments.push_str(delta);
                if let Some((_, arguments)) = self.calls.last_mut() {
                    arguments.push_str(delta);
                }
            }
            "response.output_item.added" => {
                let item = |path| value.pointer(path).and_then(Value::as_str).unwrap_or_default();
                if item("/item/type") == "function_call" {
                    self.called = true;
                    self.calls.push((item("/item/name").to_owned(), String::new()));
                }
            }
            "response.completed" => {
                self.finish = Some(kind.to_owned());
                self.ends += 1;
            }
            "response.failed" => self.errors += 1,
            _ => {}
        }
    }

    fn document(&mut self, value: &Value) {
        let say = |path: &str| value.pointer(path).and_then(Value::as_str).unwrap_or_default();
        self.text.push_str(say("/choices/0/message/content"));
        self.text.push_str(say("/content/0/text"));
        self.text.push_str(say("/output/0/content/0/text"));
        self.errors += usize::from(value.get("error").is_some_and(|error| !error.is_null()));
        for path in ["/choices/0/finish_reason", "/stop_reason", "/status"] {
            if !say(path).is_empty() {
                self.finish = Some(say(path).to_owned());
            }
        }
    }
}

#[test]
fn stage_and_completeness_are_true() {
    for dialect in Dialect::ALL {
        for shape in Shape::ALL {
            for fault in Fault::menu() {
                if fault.applies_to(dialect, shape) {
                    agree(dialect, shape, &fault);
                }
            }
        }
    }
}

fn agree(dialect: Dialect, shape: Shape, fault: &Fault) {
    let got = Received::of(dialect, shape, &fault.name());
    let name = format!("{fault} {dialect:?} {shape:?} {got:?}");
    let all = text("cloud-a", 0, 12);
    let answered_on_condition = ["stale", "refuses-prefill"].contains(&fault.name().as_str());
    let hidden = ["gzip", "huge-head", "garble-after-0"].contains(&fault.name().as_str());
    let big = fault.name().starts_with("big-answer");
    if fault.is_complete() && !hidden && !big && !got.called {
        assert_eq!(got.text, all, "{name}");
        assert_eq!(got.errors, 0, "{name}");
        assert!(got.finish.is_some(), "{name}");
    }
    if !fault.is_complete() && !answered_on_condition && !hidden {
        let finished = got.finish.is_some() && got.ends == 1 && got.text == all;
        assert!(!finished, "{name}");
    }
    match fault.stage() {
        Stage::BeforeContent if !fault.is_complete() && !answered_on_condition && !hidden => {
            assert_eq!((got.text.as_str(), got.called), ("", false), "{name}");
        }
        Stage::BeforeContent => {}
        Stage::AfterContent => {
            let content = !got.text.is_empty() || got.called || !got.thinking.is_empty();
            let unread = got.finish.is_none() || 0 < got.malformed;
            assert!(content && unread || fault.is_complete(), "{name}");
        }
        Stage::CallersOwn => {
            let in_band = got.status == 200 && got.errors == 1 && got.text.is_empty();
            assert!(in_band || (400..500).contains(&got.status), "{name}");
        }
    }
}

#[test]
fn breaks_come_after_exactly_so_many_words() {
    for dialect in Dialect::ALL {
        for n in [1, 3, 12] {
            for how in ["stall", "reset", "cut", "fin", "error"] {
                let got = Received::of(dialect, Shape::Stream, &format!("{how}-after-{n}"));
                assert_eq!(got.text, text("cloud-a", 0, n), "{how}");
                assert_eq!(got.framed, how == "fin" || how == "error", "{how}");
                assert_eq!(got.finish, None, "{how}");
                assert_eq!(got.errors, usize::from(how == "error"), "{dialect:?}");
            }
        }
    }
}

#[test]
fn ends_are_as_ordered() {
    for dialect in Dialect::ALL {
        let check = |model: &str, ends: usize, finish: bool| {
            let got = Received::of(dialect, Shape::Stream, model);
            assert_eq!((got.ends, got.finish.is_some()), (ends, finish), "{model}");
            assert_eq!(got.text, text("cloud-a", 0, 12), "{model}");
        };
        check("ok", 1, true);
        // Nothing can be missing behind the last event of Responses.
        let end = usize::from(dialect == Dialect::Responses);
        check("no-end", end, true);
        check("no-end-open", end, true);
        check("no-finish", 0, false);
        check("done-without-finish", 1, false);
        check("double-end", 2, true);
        for (model, word) in [("garble-after-0", 0), ("garble-after-3", 3)] {
            let got = Received::of(dialect, Shape::Stream, model);
            assert_eq!((got.ends, got.finish.is_some(), got.malformed), (1, true, 1), "{model}");
            let there = text("cloud-a", 0, word) + &text("cloud-a", word + 1, 12);
            assert_eq!(got.text, there, "{model}");
        }
    }
}

#[test]
fn tool_arguments_are_cut_in_their_middle() {
    for dialect in Dialect::ALL {
        let whole = Received::of(dialect, Shape::Stream, "ok+tools").arguments;
        assert_eq!(whole, r#"{"city":"Oslo","unit":"celsius"}"#);
        for model in ["tool-cut", "text-then-tool-stall"] {
            let got = Received::of(dialect, Shape::Stream, model);
            assert!(got.called && !got.arguments.is_empty(), "{got:?}");
            assert!(whole.starts_with(&got.arguments) && got.arguments.len() < whole.len());
            assert_eq!(got.text.is_empty(), model == "tool-cut");
        }
    }
}

#[test]
fn whole_documents_break_in_their_middle() {
    for dialect in Dialect::ALL {
        for model in ["short-body", "reset-body", "stall-body", "stall-after-3", "tool-reset"] {
            let got = Received::of(dialect, Shape::Whole, model);
            assert!(!got.framed && got.text.is_empty(), "{model}");
        }
        let torn = Received::of(dialect, Shape::Whole, "torn-body");
        assert!(torn.framed && torn.text.is_empty());
        assert_eq!(Received::of(dialect, Shape::Whole, "big-answer-1MiB").text.len(), 1 << 20);
    }
}

#[test]
fn a_cut_is_where_it_was_ordered() {
    for dialect in Dialect::ALL {
        let of = |model: &str| Received::of(dialect, Shape::Stream, model);
        let dish = Order::from_model("ok+unicode").unwrap().dish;
        let words = |count: usize| text_of(&dish, "cloud-a", 0, count);
        // Every other word is written in ASCII, and has no bytes to be cut between.
        for (model, count) in
            [("cut-in-letter-1", 2), ("cut-in-letter-2", 2), ("fin-in-letter-3", 4)]
        {
            let got = of(model);
            assert_eq!((got.text.as_str(), got.malformed), (words(count).as_str(), 0), "{model}");
            let steps = steps(dialect, Shape::Stream, model);
            let cut = steps.iter().rev().find_map(|step| match step {
                Step::Send(bytes) if !bytes.starts_with(b"0\r\n") => Some(bytes),
                Step::Send(_) | Step::Wait(_) | Step::Hang | Step::Reset | Step::Fin => None,
            });
            let piece = cut.unwrap().strip_suffix(b"\r\n").unwrap();
            assert_eq!(std::str::from_utf8(piece).unwrap_err().error_len(), None, "{model}");
        }
        for (model, count) in [("cut-in-pair-0", 1), ("cut-in-pair-1", 1), ("cut-in-pair-2", 3)] {
            let got = of(model);
            assert_eq!(got.text, words(count) + &format!(" w{count}é語"), "{model}");
            assert_eq!((got.half, got.malformed), (Some(0xd83d), 0), "{model}");
        }
        assert_eq!(of("ok+unicode+halves").text, words(12));
        assert_eq!(of("stall-in-thinking").thinking, "t0 t1 ");
        assert_eq!(of("error-in-thinking").thinking, "t0 t1 ");
        for model in ["cut-after-last", "error-after-last"] {
            let got = of(model);
            assert_eq!((got.text, got.finish), (text("cloud-a", 0, 12), None), "{model}");
        }
        let whole = r#"{"city":"Oslo","unit":"celsius"}"#;
        let check = |model: &str, expect: &[&str]| {
            let got = of(model);
            let arguments: Vec<_> = got.calls.iter().map(|(_, text)| text.as_str()).collect();
            assert_eq!(arguments, expect, "{model}");
            assert_eq!(got.finish, None, "{model}");
        };
        check("cut-after-call-1", &[whole]);
        check("cut-after-call-1+tools-3", &[whole]);
        check("cut-after-call-2", &[whole, whole]);
        check("error-after-call-2+tools-3", &[whole, whole]);
        check("cut-in-call-1", &[r#"{"city":""#]);
        check("cut-in-call-2", &[whole, r#"{"city":""#]);
    }
}

#[test]
fn a_document_is_cut_within_a_letter() {
    for dialect in Dialect::ALL {
        let steps = steps(dialect, Shape::Whole, "cut-in-letter-3");
        let [_, Step::Send(body), Step::Fin] = steps.as_slice() else { panic!("{steps:?}") };
        let error = std::str::from_utf8(body).unwrap_err();
        assert_eq!((error.error_len(), error.valid_up_to()), (None, body.len() - 1));
    }
}
