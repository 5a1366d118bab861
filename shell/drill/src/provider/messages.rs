//! Answers in the bytes of Anthropic Messages
//! (<https://docs.claude.com/en/api/messages-streaming>).

use super::answer::{
    Answer, CACHE_READ_TOKENS, CACHE_WRITE_TOKENS, Call, Ending, INPUT_TOKENS, Part,
};
use super::frame::{Cue, Frame, Ids};
use super::json::quote;
use super::words::Finish;

/// The signature of every piece of thinking.
pub(super) const SIGNATURE: &str = "EqoBCkgIDRABGAIiQDrillDrillDrillDrillDrill0123456789+/AbCdEf==";

/// What comes with a refusal.
const REFUSED: &str = r#","stop_details":{"type":"refusal","category":"cyber","explanation":"The request was declined."}"#;

/// An answer about to be written.
#[derive(Debug)]
pub(super) struct Messages<'a> {
    /// What it says.
    pub(super) answer: &'a Answer,
    /// Its ids.
    pub(super) ids: &'a Ids,
    /// The model's name, echoed.
    pub(super) model: &'a str,
}

// === impl Messages ===

impl Messages<'_> {
    /// The answer as a stream.
    pub(super) fn stream(&self) -> Vec<Frame> {
        let mut frames = vec![
            event(
                Cue::Start,
                "message_start",
                &format!(
                    r#""message":{}"#,
                    self.message(
                        "",
                        r#""stop_reason":null,"stop_sequence":null"#,
                        &Self::usage(1, 0)
                    )
                ),
            ),
            ping(),
        ];
        for (index, part) in self.answer.parts.iter().enumerate() {
            frames.extend(self.part(index, part));
        }
        frames.push(event(
            Cue::Finish,
            "message_delta",
            &format!(
                r#""delta":{{{}}},"usage":{}"#,
                self.stop(),
                Self::usage(self.answer.tokens, self.answer.thinking)
            ),
        ));
        frames.push(Frame::new(
            Cue::End,
            "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n".to_owned(),
        ));
        frames
    }

    /// The answer as a document.
    pub(super) fn whole(&self) -> String {
        let parts = self.answer.parts.iter().enumerate().map(|(index, part)| match part {
            Part::Thinking(pieces) => format!(
                r#"{{"type":"thinking","thinking":{},"signature":"{SIGNATURE}"}}"#,
                quote(&pieces.concat())
            ),
            Part::Text(pieces) => {
                format!(r#"{{"type":"text","text":{}}}"#, quote(&pieces.concat()))
            }
            Part::Call(call) => self.tool_use(index, call, &call.pieces.concat()),
        });
        let content = parts.collect::<Vec<_>>().join(",");
        let usage = Self::usage(self.answer.tokens, self.answer.thinking);
        self.message(&content, &self.stop(), &usage)
    }

    /// Why it ended, and what belongs to that.
    fn stop(&self) -> String {
        let mut details = "";
        let (reason, sequence) = match &self.answer.ending {
            Ending::Usual if self.answer.calls() => ("tool_use", None),
            Ending::Usual => ("end_turn", None),
            Ending::Length => ("max_tokens", None),
            Ending::Sequence(which) => ("stop_sequence", Some(which)),
            Ending::Ordered(Finish::Refusal) => {
                details = REFUSED;
                ("refusal", None)
            }
            Ending::Ordered(Finish::Filtered) => ("refusal", None),
            Ending::Ordered(Finish::Context) => ("model_context_window_exceeded", None),
            Ending::Ordered(Finish::Paused) => ("pause_turn", None),
        };
        let sequence = sequence.map_or_else(|| "null".to_owned(), |which| quote(which));
        format!(r#""stop_reason":"{reason}","stop_sequence":{sequence}{details}"#)
    }

    fn message(&self, content: &str, stop: &str, usage: &str) -> String {
        format!(
            r#"{{"model":{},"id":{},"type":"message","role":"assistant","content":[{content}],{stop},"usage":{usage}}}"#,
            quote(self.model),
            quote(&self.ids.id("msg_01", 1))
        )
    }

    /// `input_tokens` excludes what was read from or written to a cache.
    fn usage(output: usize, thinking: usize) -> String {
        let thinking = match thinking {
            0 => String::new(),
            count => format!(r#","output_tokens_details":{{"thinking_tokens":{count}}}"#),
        };
        format!(
            r#"{{"input_tokens":{INPUT_TOKENS},"cache_creation_input_tokens":{CACHE_WRITE_TOKENS},"cache_read_input_tokens":{CACHE_READ_TOKENS},"cache_creation":{{"ephemeral_5m_input_tokens":{CACHE_WRITE_TOKENS},"ephemeral_1h_input_tokens":0}},"output_tokens":{output}{thinking},"service_tier":"standard"}}"#
        )
    }

    fn tool_use(&self, index: usize, call: &Call, input: &str) -> String {
        let salt = u64::try_from(index).unwrap_or_default().saturating_add(100);
        format!(
            r#"{{"type":"tool_use","id":{},"name":{},"input":{input}}}"#,
            quote(&self.ids.id("toolu_01", salt)),
            quote(&call.name)
        )
    }

    fn part(&self, index: usize, part: &Part) -> Vec<Frame> {
        let mut frames = Vec::new();
        match part {
            Part::Thinking(pieces) => {
                let block = r#"{"type":"thinking","thinking":"","signature":""}"#;
                frames.push(open(Cue::Open, index, block));
                frames.extend(pieces.iter().map(|piece| {
                    let delta = format!(r#""type":"thinking_delta","thinking":{}"#, quote(piece));
                    delta_event(Cue::Thinking, index, &delta)
                }));
                let signature = format!(r#""type":"signature_delta","signature":"{SIGNATURE}""#);
                frames.push(delta_event(Cue::Thinking, index, &signature));
            }
            Part::Text(pieces) => {
                frames.push(open(Cue::Open, index, r#"{"type":"text","text":""}"#));
                frames.extend(self.answer.spelt(pieces).into_iter().map(|(cue, text)| {
                    delta_event(cue, index, &format!(r#""type":"text_delta","text":{text}"#))
                }));
            }
            Part::Call(call) => {
                frames.push(open(Cue::Call, index, &self.tool_use(index, call, "{}")));
                frames.extend(call.pieces.iter().map(|piece| {
                    let cue = if piece.is_empty() { Cue::Call } else { Cue::Arguments };
                    let json = quote(piece);
                    let delta = format!(r#""type":"input_json_delta","partial_json":{json}"#);
                    delta_event(cue, index, &delta)
                }));
            }
        }
        frames.push(event(Cue::Close, "content_block_stop", &format!(r#""index":{index}"#)));
        frames
    }
}

fn event(cue: Cue, name: &str, fields: &str) -> Frame {
    Frame::new(cue, format!("event: {name}\ndata: {{\"type\":\"{name}\",{fields}}}\n\n"))
}

fn open(cue: Cue, index: usize, block: &str) -> Frame {
    event(cue, "content_block_start", &format!(r#""index":{index},"content_block":{block}"#))
}

fn delta_event(cue: Cue, index: usize, delta: &str) -> Frame {
    event(cue, "content_block_delta", &format!(r#""index":{index},"delta":{{{delta}}}"#))
}

/// A sign of life.
pub(super) fn ping() -> Frame {
    Frame::new(Cue::Ping, "event: ping\ndata: {\"type\": \"ping\"}\n\n".to_owned())
}

/// An event cut in the middle of its JSON, framed as if it were whole.
pub(super) fn malformed() -> &'static str {
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"del\n\n"
}

/// An error inside a stream.
pub(super) fn error_event(body: &str) -> String {
    format!("event: error\ndata: {body}\n\n")
}

/// `POST /v1/messages/count_tokens`.
pub(super) fn count() -> String {
    format!(r#"{{"input_tokens":{}}}"#, INPUT_TOKENS + CACHE_READ_TOKENS + CACHE_WRITE_TOKENS)
}

/// `GET /v1/models`.
pub(super) fn models() -> String {
    let ids = ["claude-opus-4-6", "claude-sonnet-4-6", "claude-haiku-4-5"];
    let rows = ids.map(model);
    let [first, _, last] = ids;
    format!(
        r#"{{"data":[{}],"has_more":false,"first_id":"{first}","last_id":"{last}"}}"#,
        rows.join(",")
    )
}

/// `GET /v1/models/ID`.
pub(super) fn model(id: &str) -> String {
    let id = quote(id);
    format!(
        r#"{{"type":"model","id":{id},"display_name":{id},"created_at":"2026-02-01T00:00:00Z","lifecycle":"active","deprecated_at":null,"retires_at":null,"line":null,"max_input_tokens":200000,"max_tokens":64000,"capabilities":null}}"#
    )
}
