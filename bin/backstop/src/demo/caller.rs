//! A caller, as small as one can be: it knows both dialects, streamed and whole, and trusts nothing
//! that is not complete.

use anyhow::Context;
use bytes::Bytes;
use http::Request;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use ir::{Crossable, Shape};
use serde_json::{Value, json};
use std::future::poll_fn;
use std::io::Result as Written;
use std::time::{Duration, Instant};
use tokio::time::timeout;
use transport::{Payload, Upstream};

/// What is asked.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) dialect: Crossable,
    pub(super) shape: Shape,
    pub(super) model: &'static str,
    /// Whether a tool is offered.
    pub(super) tool: bool,
}

/// What came.
#[derive(Debug, Default)]
pub(super) struct Reply {
    /// Everything that was said: text, and tool calls as a name with its arguments.
    pub(super) text: String,
    /// Why it is not a complete answer.
    pub(super) trouble: Option<String>,
    /// Until the first of it.
    pub(super) first: Duration,
    /// How much was said when it was cut, and how long it took until it went on.
    pub(super) seams: Vec<(usize, Duration)>,
    /// Who had a part in it, as its end tells.
    served: Vec<String>,
    /// When the last of it came.
    heard: Duration,
    target: String,
    trail: String,
    /// It was said to be complete.
    ended: bool,
}

/// What is told while it comes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Said<'a> {
    /// More of the answer.
    Words(&'a str),
    /// The answer was cut, and somebody else goes on with it.
    Seam,
}

/// Told of everything as it comes.
type Words<'a> = &'a mut dyn FnMut(Said<'_>) -> Written<()>;

/// No answer of the demo takes longer.
const WITHIN: Duration = Duration::from_secs(10);
/// No answer of the demo is larger.
const ANSWER_MAX: usize = 1 << 20;

/// Asks, and reads the answer to its end.
pub(super) async fn ask(
    line: &Upstream,
    front: &str,
    ask: &Ask,
    words: Words<'_>,
) -> anyhow::Result<Reply> {
    let began = Instant::now();
    let mut reply = Reply::default();
    let request = ask.request(front)?;
    match timeout(WITHIN, read(line, request, ask, (&mut reply, words, began))).await {
        Ok(read) => read?,
        Err(_) => reply.trouble = Some(format!("no complete answer within {WITHIN:?}")),
    }
    if !reply.ended {
        reply.trouble.get_or_insert_with(|| "it ended before it was complete".to_owned());
    }
    Ok(reply)
}

async fn read(
    line: &Upstream,
    request: Request<Payload>,
    ask: &Ask,
    (reply, words, began): (&mut Reply, Words<'_>, Instant),
) -> anyhow::Result<()> {
    let answer = line.send(request).await;
    let mut answer = answer.map_err(|failure| anyhow::anyhow!("the gateway: {failure:?}"))?;
    let header = |name: &str| {
        let value = answer.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    reply.target = header("x-backstop-target");
    reply.trail = header("x-backstop-trail");
    let mut rest = Vec::new();
    while let Some(chunk) = poll_fn(|cx| answer.body.poll_chunk(cx)).await {
        let Ok(chunk): Result<Bytes, _> = chunk else {
            reply.trouble = Some("the connection broke".to_owned());
            return Ok(());
        };
        rest.extend_from_slice(&chunk);
        anyhow::ensure!(rest.len() <= ANSWER_MAX, "more than {ANSWER_MAX} bytes");
        let streams = ask.shape == Shape::Stream && answer.status == 200;
        while let Some(end) = line_end(&rest).filter(|_| streams) {
            let taken: Vec<u8> = rest.drain(..=end).collect();
            if reply.seam(&taken) {
                words(Said::Seam)?;
            }
            let said = reply.event(ask.dialect, &taken);
            reply.say(&said, began, words)?;
        }
    }
    if answer.status != 200 {
        let body = String::from_utf8_lossy(&rest).into_owned();
        reply.trouble = Some(format!("status {}: {body}", answer.status));
    } else if ask.shape == Shape::Whole {
        let said = reply.document(ask.dialect, &rest);
        reply.say(&said, began, words)?;
    }
    Ok(())
}

fn line_end(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|byte| *byte == b'\n')
}

// === impl Ask ===

impl Ask {
    fn request(&self, front: &str) -> anyhow::Result<Request<Payload>> {
        let path = match self.dialect {
            Crossable::Chat => "/v1/chat/completions",
            Crossable::Messages => "/v1/messages",
        };
        let mut body = json!({
            "model": self.model,
            "stream": self.shape == Shape::Stream,
            "max_tokens": 64,
            "messages": [{ "role": "user", "content": "What is the weather in Oslo?" }],
        });
        let schema = json!({ "type": "object" });
        if let Some(body) = body.as_object_mut().filter(|_| self.tool) {
            let tool = match self.dialect {
                Crossable::Chat => json!({
                    "type": "function",
                    "function": { "name": "get_weather", "parameters": schema },
                }),
                Crossable::Messages => json!({ "name": "get_weather", "input_schema": schema }),
            };
            body.insert("tools".to_owned(), json!([tool]));
        }
        Request::post(format!("{front}{path}"))
            .header(CONTENT_TYPE, "application/json")
            .header(AUTHORIZATION, "Bearer demo")
            .header("anthropic-version", "2023-06-01")
            .body(Payload::from(Bytes::from(body.to_string())))
            .context("a request of the demo")
    }
}

// === impl Reply ===

impl Reply {
    /// Whether it is exactly this, complete, and came without trouble.
    pub(super) fn is_whole(&self, expect: &str) -> bool {
        self.ended && self.trouble.is_none() && self.text == expect
    }

    /// The cloud that served.
    pub(super) fn server(&self) -> &str {
        cloud(&self.target)
    }

    /// Whether a cloud was not asked, since it was known to be down.
    pub(super) fn passed_by(&self, name: &str) -> bool {
        self.trail.split(',').any(|entry| {
            let outcome = entry.rsplit('=').next().unwrap_or_default();
            cloud(entry) == name && matches!(outcome, "open" | "host_down")
        })
    }

    /// Who was asked and what came of it: `cloud-a 529 ×2, cloud-b ok`.
    pub(super) fn trail_in(&self, times: &str) -> String {
        let mut entries: Vec<(String, usize)> = Vec::new();
        for entry in self.trail.split(',').filter(|entry| !entry.is_empty()) {
            let outcome = entry.rsplit('=').next().unwrap_or_default();
            let entry = format!("{} {outcome}", cloud(entry));
            match entries.last_mut() {
                Some((last, count)) if *last == entry => *count += 1,
                Some(_) | None => entries.push((entry, 1)),
            }
        }
        let entries = entries.into_iter().map(|(entry, count)| match count {
            1 => entry,
            count => format!("{entry} {times}{count}"),
        });
        entries.collect::<Vec<_>>().join(", ")
    }

    /// The clouds that had a part in it, in order; none where one of them said all of it.
    pub(super) fn voices(&self) -> Vec<&str> {
        self.served.iter().map(|target| cloud(target)).collect()
    }

    fn say(&mut self, said: &str, began: Instant, words: Words<'_>) -> Written<()> {
        if said.is_empty() {
            return Ok(());
        }
        let (now, length) = (began.elapsed(), self.text.len());
        if self.text.is_empty() {
            self.first = now;
        }
        if let Some((_, gap)) = self.seams.last_mut().filter(|(place, _)| *place == length) {
            *gap = now.saturating_sub(self.heard);
        }
        self.heard = now;
        self.text.push_str(said);
        words(Said::Words(said))
    }

    /// Takes a comment that says who goes on. Whether it is one.
    fn seam(&mut self, line: &[u8]) -> bool {
        let seam = line.starts_with(b": backstop target=");
        if seam {
            self.seams.push((self.text.len(), Duration::ZERO));
        }
        seam
    }

    /// What one line of a stream says.
    fn event(&mut self, dialect: Crossable, line: &[u8]) -> String {
        let line = String::from_utf8_lossy(line);
        let Some(data) = line.trim().strip_prefix("data:").map(str::trim) else {
            return String::new();
        };
        if data == "[DONE]" {
            self.ended = true;
            return String::new();
        }
        let event: Value = serde_json::from_str(data).unwrap_or_default();
        if event.get("error").is_some() {
            self.trouble = Some(data.to_owned());
        }
        let served = event.pointer("/backstop/served").and_then(Value::as_array);
        self.served.extend(served.into_iter().flatten().map(|it| text(it, "/target")));
        match dialect {
            Crossable::Chat => {
                let delta = event.pointer("/choices/0/delta");
                delta.map(said_in_chat).unwrap_or_default()
            }
            Crossable::Messages => {
                self.ended |= text(&event, "/type") == "message_stop";
                let parts = ["/delta/text", "/content_block/name", "/delta/partial_json"];
                parts.map(|part| text(&event, part)).concat()
            }
        }
    }

    /// What a whole answer says.
    fn document(&mut self, dialect: Crossable, body: &[u8]) -> String {
        let Ok(document) = serde_json::from_slice::<Value>(body) else {
            self.trouble = Some("it is not JSON".to_owned());
            return String::new();
        };
        match dialect {
            Crossable::Chat => {
                self.ended = !text(&document, "/choices/0/finish_reason").is_empty();
                document.pointer("/choices/0/message").map(said_in_chat).unwrap_or_default()
            }
            Crossable::Messages => {
                self.ended = !text(&document, "/stop_reason").is_empty();
                let blocks = document.get("content").and_then(Value::as_array);
                let blocks = blocks.map(Vec::as_slice).unwrap_or_default();
                let said = blocks.iter().map(|block| {
                    let input = block.get("input").map(Value::to_string).unwrap_or_default();
                    format!("{}{}{input}", text(block, "/text"), text(block, "/name"))
                });
                said.collect()
            }
        }
    }
}

/// A message or a delta of one.
fn said_in_chat(message: &Value) -> String {
    let call = "/tool_calls/0/function";
    let parts = ["/content".to_owned(), format!("{call}/name"), format!("{call}/arguments")];
    parts.map(|part| text(message, &part)).concat()
}

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// `cloud-a` of `cloud-a.chat/gpt-5.4=529`.
fn cloud(target: &str) -> &str {
    target.split(['.', '/']).next().unwrap_or_default()
}
