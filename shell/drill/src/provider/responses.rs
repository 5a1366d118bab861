//! Answers in the bytes of `OpenAI` Responses
//! (<https://platform.openai.com/docs/api-reference/responses>), and what is done with those that
//! are kept.

use super::answer::{
    Answer, CACHE_READ_TOKENS, CACHE_WRITE_TOKENS, Call, Ending, INPUT_TOKENS, Part,
};
use super::asked::Stored;
use super::frame::{Cue, Frame, Ids};
use super::json::quote;
use super::words::{Finish, InBand};

/// What stands for thinking that only its provider can read.
pub(super) const SEALED: &str = "gAAAAABdrilldrilldrilldrilldrilldrill0123456789-_AbCdEf==";

/// An answer about to be written.
#[derive(Debug)]
pub(super) struct Responses<'a> {
    /// What it says.
    pub(super) answer: &'a Answer,
    /// Its ids.
    pub(super) ids: &'a Ids,
    /// The model's name, echoed.
    pub(super) model: &'a str,
    /// Seconds since the Unix epoch.
    pub(super) created: u64,
    /// The answer that it goes on from.
    pub(super) previous: Option<&'a str>,
}

/// Numbers the events of one stream.
struct Writer {
    frames: Vec<Frame>,
}

/// How an answer stands.
#[derive(Clone, Copy)]
struct Standing<'a> {
    status: &'a str,
    reason: Option<&'a str>,
}

const BEGUN: Standing<'_> = Standing { status: "in_progress", reason: None };

// === impl Writer ===

impl Writer {
    /// Every frame is one event.
    fn event(&mut self, cue: Cue, kind: &str, fields: &str) {
        let number = self.frames.len();
        self.frames.push(Frame::new(
            cue,
            format!(
                "event: {kind}\ndata: {{\"type\":\"{kind}\",\"sequence_number\":{number},{fields}}}\n\n"
            ),
        ));
    }
}

// === impl Responses ===

impl Responses<'_> {
    /// The answer as a stream. Its last event is its finish and its end.
    pub(super) fn stream(&self) -> Vec<Frame> {
        let mut writer = Writer { frames: Vec::new() };
        let begun = format!(r#""response":{}"#, self.response(BEGUN, "", "null"));
        writer.event(Cue::Start, "response.created", &begun);
        writer.event(Cue::Start, "response.in_progress", &begun);
        for (index, part) in self.answer.parts.iter().enumerate() {
            match part {
                Part::Thinking(pieces) => self.thinking(&mut writer, index, pieces),
                Part::Text(pieces) => self.text(&mut writer, index, pieces),
                Part::Call(call) => self.call(&mut writer, index, call),
            }
        }
        let standing = self.standing();
        let last = format!(r#""response":{}"#, self.whole());
        writer.event(Cue::Finish, &format!("response.{}", standing.status), &last);
        writer.frames
    }

    /// The answer as a document.
    pub(super) fn whole(&self) -> String {
        let items = self.answer.parts.iter().enumerate().map(|(index, part)| match part {
            Part::Thinking(pieces) => self.thought(index, &pieces.concat(), true),
            Part::Text(pieces) => {
                self.message(index, "completed", &self.part(&quote(&pieces.concat())))
            }
            Part::Call(call) => self.function(index, call, "completed", &call.pieces.concat()),
        });
        let items = items.collect::<Vec<_>>().join(",");
        self.response(self.standing(), &items, &self.usage())
    }

    fn standing(&self) -> Standing<'static> {
        let incomplete = |reason| Standing { status: "incomplete", reason: Some(reason) };
        match &self.answer.ending {
            Ending::Usual | Ending::Sequence(_) | Ending::Ordered(Finish::Refusal) => {
                Standing { status: "completed", reason: None }
            }
            Ending::Length | Ending::Ordered(Finish::Context) => incomplete("max_output_tokens"),
            Ending::Ordered(Finish::Filtered) => incomplete("content_filter"),
            Ending::Ordered(Finish::Paused) => incomplete("steered"),
        }
    }

    fn response(&self, standing: Standing<'_>, output: &str, usage: &str) -> String {
        let Standing { status, reason } = standing;
        let details = reason.map_or_else(
            || "null".to_owned(),
            |reason| format!(r#"{{"reason":{}}}"#, quote(reason)),
        );
        let previous = self.previous.map_or_else(|| "null".to_owned(), quote);
        format!(
            r#"{{"id":{},"object":"response","created_at":{},"status":"{status}","background":false,"error":null,"incomplete_details":{details},"instructions":null,"max_output_tokens":null,"max_tool_calls":null,"model":{},"output":[{output}],"parallel_tool_calls":true,"previous_response_id":{previous},"prompt_cache_key":null,"reasoning":{{"effort":null,"summary":null}},"safety_identifier":null,"service_tier":"default","store":true,"temperature":1.0,"text":{{"format":{{"type":"text"}},"verbosity":"medium"}},"tool_choice":"auto","tools":[],"top_logprobs":0,"top_p":1.0,"truncation":"disabled","usage":{usage},"user":null,"metadata":{{}}}}"#,
            quote(&self.id()),
            self.created,
            quote(self.model)
        )
    }

    /// The answer's id.
    pub(super) fn id(&self) -> String {
        self.ids.id("resp_", 1)
    }

    /// `input_tokens` includes what was cached, `output_tokens` what was reasoned.
    fn usage(&self) -> String {
        let input = INPUT_TOKENS + CACHE_READ_TOKENS + CACHE_WRITE_TOKENS;
        let (output, thinking) = (self.answer.tokens, self.answer.thinking);
        let total = input.saturating_add(output);
        format!(
            r#"{{"input_tokens":{input},"input_tokens_details":{{"cached_tokens":{CACHE_READ_TOKENS},"cache_write_tokens":{CACHE_WRITE_TOKENS}}},"output_tokens":{output},"output_tokens_details":{{"reasoning_tokens":{thinking}}},"total_tokens":{total}}}"#
        )
    }

    fn item_id(&self, prefix: &str, index: usize) -> String {
        quote(&self.ids.id(prefix, u64::try_from(index).unwrap_or_default().saturating_add(100)))
    }

    fn message(&self, index: usize, status: &str, parts: &str) -> String {
        let id = self.item_id("msg_", index);
        format!(
            r#"{{"id":{id},"type":"message","status":"{status}","role":"assistant","phase":"final_answer","content":[{parts}]}}"#
        )
    }

    fn refuses(&self) -> bool {
        self.answer.ending == Ending::Ordered(Finish::Refusal)
    }

    /// A part of a message with this text, a JSON string.
    fn part(&self, text: &str) -> String {
        if self.refuses() {
            format!(r#"{{"type":"refusal","refusal":{text}}}"#)
        } else {
            format!(r#"{{"type":"output_text","annotations":[],"logprobs":[],"text":{text}}}"#)
        }
    }

    fn thought(&self, index: usize, text: &str, sealed: bool) -> String {
        let id = self.item_id("rs_", index);
        let summary = if text.is_empty() {
            String::new()
        } else {
            format!(r#"{{"type":"summary_text","text":{}}}"#, quote(text))
        };
        let sealed =
            if sealed { format!(r#","encrypted_content":"{SEALED}""#) } else { String::new() };
        format!(r#"{{"id":{id},"type":"reasoning","summary":[{summary}]{sealed}}}"#)
    }

    fn function(&self, index: usize, call: &Call, status: &str, arguments: &str) -> String {
        format!(
            r#"{{"id":{},"type":"function_call","status":"{status}","arguments":{},"call_id":{},"name":{}}}"#,
            self.item_id("fc_", index),
            quote(arguments),
            self.item_id("call_", index),
            quote(&call.name)
        )
    }

    fn thinking(&self, writer: &mut Writer, index: usize, pieces: &[String]) {
        let place = format!(r#""output_index":{index}"#);
        let at = format!(r#""item_id":{},{place},"summary_index":0"#, self.item_id("rs_", index));
        let added = self.thought(index, "", false);
        writer.event(Cue::Open, "response.output_item.added", &item(&place, &added));
        if !pieces.is_empty() {
            let part = |text: &str| {
                format!(r#"{at},"part":{{"type":"summary_text","text":{}}}"#, quote(text))
            };
            let name = "response.reasoning_summary";
            writer.event(Cue::Open, &format!("{name}_part.added"), &part(""));
            for piece in pieces {
                let delta = format!(r#"{at},"delta":{},"obfuscation":"x7Kq""#, quote(piece));
                writer.event(Cue::Thinking, &format!("{name}_text.delta"), &delta);
            }
            let text = pieces.concat();
            let done = format!(r#"{at},"text":{}"#, quote(&text));
            writer.event(Cue::Close, &format!("{name}_text.done"), &done);
            writer.event(Cue::Close, &format!("{name}_part.done"), &part(&text));
        }
        let done = self.thought(index, &pieces.concat(), true);
        writer.event(Cue::Close, "response.output_item.done", &item(&place, &done));
    }

    fn text(&self, writer: &mut Writer, index: usize, pieces: &[String]) {
        let place = format!(r#""output_index":{index}"#);
        let at = format!(r#""item_id":{},{place},"content_index":0"#, self.item_id("msg_", index));
        let added = self.message(index, "in_progress", "");
        writer.event(Cue::Open, "response.output_item.added", &item(&place, &added));
        let part = |text: &str| format!(r#"{at},"part":{}"#, self.part(text));
        writer.event(Cue::Open, "response.content_part.added", &part(r#""""#));
        let (name, key, more) = if self.refuses() {
            ("response.refusal", "refusal", "")
        } else {
            ("response.output_text", "text", r#","logprobs":[]"#)
        };
        for (cue, text) in self.answer.spelt(pieces) {
            let delta = format!(r#"{at},"delta":{text}{more},"obfuscation":"x7Kq""#);
            writer.event(cue, &format!("{name}.delta"), &delta);
        }
        let text = quote(&pieces.concat());
        writer.event(Cue::Close, &format!("{name}.done"), &format!(r#"{at},"{key}":{text}{more}"#));
        writer.event(Cue::Close, "response.content_part.done", &part(&text));
        let done = self.message(index, "completed", &self.part(&text));
        writer.event(Cue::Close, "response.output_item.done", &item(&place, &done));
    }

    fn call(&self, writer: &mut Writer, index: usize, call: &Call) {
        let place = format!(r#""output_index":{index}"#);
        let at = format!(r#""item_id":{},{place}"#, self.item_id("fc_", index));
        let added = self.function(index, call, "in_progress", "");
        writer.event(Cue::Call, "response.output_item.added", &item(&place, &added));
        let name = "response.function_call_arguments";
        for piece in call.pieces.iter().filter(|piece| !piece.is_empty()) {
            let delta = format!(r#"{at},"delta":{},"obfuscation":"x7Kq""#, quote(piece));
            writer.event(Cue::Arguments, &format!("{name}.delta"), &delta);
        }
        let all = call.pieces.concat();
        let done = format!(r#"{at},"name":{},"arguments":{}"#, quote(&call.name), quote(&all));
        writer.event(Cue::Close, &format!("{name}.done"), &done);
        let done = self.function(index, call, "completed", &all);
        writer.event(Cue::Close, "response.output_item.done", &item(&place, &done));
    }

    /// What is done with an answer that is kept.
    pub(super) fn stored(&self, what: Stored, id: &str) -> String {
        match what {
            Stored::Answer | Stored::Resume => self.whole().replacen(&self.id(), id, 1),
            Stored::Cancel => {
                let cancelled = Standing { status: "cancelled", reason: None };
                self.response(cancelled, "", "null").replacen(&self.id(), id, 1)
            }
            Stored::Delete => {
                format!(r#"{{"id":{},"object":"response","deleted":true}}"#, quote(id))
            }
            Stored::Items => {
                r#"{"object":"list","data":[],"first_id":null,"last_id":null,"has_more":false}"#
                    .to_owned()
            }
        }
    }

    /// A conversation made shorter.
    pub(super) fn compacted(&self) -> String {
        let id = quote(&self.id());
        let item = self.item_id("cmp_", 0);
        format!(
            r#"{{"id":{id},"object":"response.compaction","created_at":{},"output":[{{"id":{item},"type":"compaction","encrypted_content":"{SEALED}"}}],"usage":{}}}"#,
            self.created,
            self.usage()
        )
    }
}

/// The fields of an event about an item.
fn item(place: &str, item: &str) -> String {
    format!(r#"{place},"item":{item}"#)
}

/// How many tokens a question has.
pub(super) fn count() -> String {
    format!(r#"{{"object":"response.input_tokens","input_tokens":{INPUT_TOKENS}}}"#)
}

/// A sign of life: Responses has none of its own, so proxies send comments.
pub(super) fn ping() -> Frame {
    Frame::new(Cue::Ping, ": ping\n\n".to_owned())
}

/// An event cut in the middle of its JSON, framed as if it were whole.
pub(super) fn malformed() -> &'static str {
    "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"\n\n"
}

/// What ends a stream that some proxies believe every stream must end with.
pub(super) fn done() -> Frame {
    Frame::new(Cue::End, "data: [DONE]\n\n".to_owned())
}

/// An error inside a stream, behind so many events. Real ones come in all three ways.
pub(super) fn error_events(kind: InBand, body: &str, id: &str, before: usize) -> Vec<Frame> {
    let error = body.strip_prefix(r#"{"error":"#).and_then(|body| body.strip_suffix('}'));
    let error = error.unwrap_or(body);
    let said = |number: usize| {
        Frame::new(
            Cue::End,
            format!(
                "event: error\ndata: {{\"type\":\"error\",\"sequence_number\":{number},\"error\":{error}}}\n\n"
            ),
        )
    };
    let failed = |number: usize| {
        Frame::new(
            Cue::End,
            format!(
                "event: response.failed\ndata: {{\"type\":\"response.failed\",\"sequence_number\":{number},\"response\":{{\"id\":\"{id}\",\"object\":\"response\",\"status\":\"failed\",\"error\":{error},\"output\":[]}}}}\n\n"
            ),
        )
    };
    match kind {
        InBand::Overloaded => vec![failed(before)],
        InBand::RateLimit | InBand::Invalid => vec![said(before)],
        InBand::Api => vec![said(before), failed(before.saturating_add(1))],
    }
}
