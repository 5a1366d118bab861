//! Answers in the bytes of `OpenAI` Chat Completions
//! (<https://platform.openai.com/docs/api-reference/chat>).

use super::answer::{
    Answer, CACHE_READ_TOKENS, CACHE_WRITE_TOKENS, Call, Ending, INPUT_TOKENS, Part,
};
use super::frame::{Cue, Frame, Ids};
use super::json::quote;
use super::words::Finish;

/// An answer about to be written.
#[derive(Debug)]
pub(super) struct Chat<'a> {
    /// What it says.
    pub(super) answer: &'a Answer,
    /// Its ids.
    pub(super) ids: &'a Ids,
    /// The model's name, echoed.
    pub(super) model: &'a str,
    /// Seconds since the Unix epoch.
    pub(super) created: u64,
    /// Whether the last chunk tells the usage.
    pub(super) include_usage: bool,
}

/// The end marker.
const DONE: &str = "data: [DONE]\n\n";

// === impl Chat ===

impl Chat<'_> {
    /// The answer as a stream.
    pub(super) fn stream(&self) -> Vec<Frame> {
        let mut frames = vec![self.delta(
            Cue::Start,
            r#"{"role":"assistant","content":"","refusal":null}"#,
            "null",
        )];
        for part in &self.answer.parts {
            match part {
                Part::Thinking(pieces) => frames.extend(pieces.iter().map(|piece| {
                    let delta = format!(r#"{{"reasoning_content":{}}}"#, quote(piece));
                    self.delta(Cue::Thinking, &delta, "null")
                })),
                Part::Text(pieces) => {
                    let key = if self.refuses() { "refusal" } else { "content" };
                    frames.extend(self.answer.spelt(pieces).into_iter().map(|(cue, text)| {
                        self.delta(cue, &format!(r#"{{"{key}":{text}}}"#), "null")
                    }));
                }
                Part::Call(_) => {}
            }
        }
        frames.extend(self.calls());
        frames.push(self.delta(Cue::Finish, "{}", &quote(self.finish())));
        if self.include_usage {
            frames.push(self.usage_chunk());
        }
        frames.push(Frame::new(Cue::End, DONE.to_owned()));
        frames
    }

    /// The answer as a document.
    pub(super) fn whole(&self) -> String {
        let text = self.answer.parts.iter().filter_map(|part| match part {
            Part::Text(pieces) => Some(pieces.concat()),
            Part::Thinking(_) | Part::Call(_) => None,
        });
        let text = text.collect::<String>();
        let said = if text.is_empty() { "null".to_owned() } else { quote(&text) };
        let (content, refusal) =
            if self.refuses() { ("null", said.as_str()) } else { (said.as_str(), "null") };
        let thinking = self.answer.parts.iter().filter_map(|part| match part {
            Part::Thinking(pieces) => Some(pieces.concat()),
            Part::Text(_) | Part::Call(_) => None,
        });
        let mut message =
            format!(r#"{{"role":"assistant","content":{content},"refusal":{refusal}"#);
        let thinking = thinking.collect::<String>();
        if !thinking.is_empty() {
            message.push_str(r#","reasoning_content":"#);
            message.push_str(&quote(&thinking));
        }
        let calls = self.numbered_calls().map(|(n, call)| {
            format!("{{{},{}}}", self.call_id(n), function(&call.name, &call.pieces.concat()))
        });
        let calls = calls.collect::<Vec<_>>().join(",");
        if !calls.is_empty() {
            message.push_str(r#","tool_calls":["#);
            message.push_str(&calls);
            message.push(']');
        }
        message.push_str(r#","annotations":[]}"#);
        let finish = quote(self.finish());
        format!(
            r#"{{{}"choices":[{{"index":0,"message":{message},"logprobs":null,"finish_reason":{finish}}}],"usage":{}}}"#,
            self.envelope("chat.completion"),
            self.usage()
        )
    }

    fn finish(&self) -> &'static str {
        match &self.answer.ending {
            Ending::Usual if self.answer.calls() => "tool_calls",
            Ending::Usual | Ending::Sequence(_) | Ending::Ordered(Finish::Refusal) => "stop",
            Ending::Length | Ending::Ordered(Finish::Context | Finish::Paused) => "length",
            Ending::Ordered(Finish::Filtered) => "content_filter",
        }
    }

    fn refuses(&self) -> bool {
        self.answer.ending == Ending::Ordered(Finish::Refusal)
    }

    /// The same id, time and model in every chunk.
    fn envelope(&self, object: &str) -> String {
        format!(
            r#""id":{},"object":"{object}","created":{},"model":{},"service_tier":"default","system_fingerprint":"fp_drill00001","#,
            quote(&self.ids.id("chatcmpl-", 1)),
            self.created,
            quote(self.model)
        )
    }

    fn delta(&self, cue: Cue, delta: &str, finish: &str) -> Frame {
        let usage = if self.include_usage { r#","usage":null"# } else { "" };
        let envelope = self.envelope("chat.completion.chunk");
        let choice =
            format!(r#"{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":{finish}}}"#);
        let text = format!(
            "data: {{{envelope}\"choices\":[{choice}]{usage},\"obfuscation\":\"x7Kq\"}}\n\n"
        );
        Frame::new(cue, text)
    }

    fn usage_chunk(&self) -> Frame {
        let envelope = self.envelope("chat.completion.chunk");
        let text = format!("data: {{{envelope}\"choices\":[],\"usage\":{}}}\n\n", self.usage());
        Frame::new(Cue::Usage, text)
    }

    /// `prompt_tokens` includes what was cached, `completion_tokens` what was reasoned.
    fn usage(&self) -> String {
        let prompt = INPUT_TOKENS + CACHE_READ_TOKENS + CACHE_WRITE_TOKENS;
        let (output, thinking) = (self.answer.tokens, self.answer.thinking);
        let total = prompt.saturating_add(output);
        format!(
            r#"{{"prompt_tokens":{prompt},"completion_tokens":{output},"total_tokens":{total},"prompt_tokens_details":{{"cached_tokens":{CACHE_READ_TOKENS},"cache_write_tokens":{CACHE_WRITE_TOKENS},"audio_tokens":0}},"completion_tokens_details":{{"reasoning_tokens":{thinking},"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}}}"#
        )
    }

    fn numbered_calls(&self) -> impl Iterator<Item = (usize, &Call)> {
        let calls = self.answer.parts.iter().filter_map(|part| match part {
            Part::Call(call) => Some(call),
            Part::Thinking(_) | Part::Text(_) => None,
        });
        calls.enumerate()
    }

    fn call_id(&self, n: usize) -> String {
        let salt = u64::try_from(n).unwrap_or_default().saturating_add(100);
        format!(r#""id":{},"type":"function""#, quote(&self.ids.id("call_", salt)))
    }

    /// One call after the other, or taking turns piece by piece.
    fn calls(&self) -> Vec<Frame> {
        let mut queues: Vec<_> =
            self.numbered_calls().map(|(n, call)| self.call(n, call).into_iter()).collect();
        if !self.answer.interleaved {
            return queues.into_iter().flatten().collect();
        }
        let mut frames = Vec::new();
        let longest = queues.iter().map(ExactSizeIterator::len).max().unwrap_or_default();
        for _ in 0..longest {
            frames.extend(queues.iter_mut().filter_map(Iterator::next));
        }
        frames
    }

    /// The first piece has the id and the name, the others only the index.
    fn call(&self, n: usize, call: &Call) -> Vec<Frame> {
        let pieces = call.pieces.iter().enumerate().map(|(nth, piece)| {
            let (cue, body) = if nth == 0 {
                (Cue::Call, format!("{},{}", self.call_id(n), function(&call.name, piece)))
            } else {
                let arguments = quote(piece);
                (Cue::Arguments, format!(r#""function":{{"arguments":{arguments}}}"#))
            };
            let delta = format!(r#"{{"tool_calls":[{{"index":{n},{body}}}]}}"#);
            self.delta(cue, &delta, "null")
        });
        pieces.collect()
    }
}

fn function(name: &str, arguments: &str) -> String {
    format!(r#""function":{{"name":{},"arguments":{}}}"#, quote(name), quote(arguments))
}

/// A sign of life: Chat has none of its own, so proxies send comments.
pub(super) fn ping() -> Frame {
    Frame::new(Cue::Ping, ": ping\n\n".to_owned())
}

/// A chunk cut in the middle of its JSON, framed as if it were whole.
pub(super) fn malformed() -> &'static str {
    "data: {\"id\":\"chatcmpl-broken\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"del\n\n"
}

/// An error inside a stream.
pub(super) fn error_event(body: &str) -> String {
    format!("data: {body}\n\n")
}

/// `GET /v1/models`.
pub(super) fn models() -> String {
    let rows = ["gpt-5.4", "gpt-5.4-mini", "ok"].map(model);
    format!(r#"{{"object":"list","data":[{}]}}"#, rows.join(","))
}

/// `GET /v1/models/ID`.
pub(super) fn model(id: &str) -> String {
    let id = quote(id);
    format!(r#"{{"id":{id},"object":"model","created":1750000000,"owned_by":"drill"}}"#)
}
