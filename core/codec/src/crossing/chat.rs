//! To `OpenAI` Chat Completions.
//!
//! - A tool call is collected and shown whole when its block is closed. Whether the token limit cut
//!   its arguments is told behind that, so a call that cannot be read stays open until the finish.
//! - The finish is written with the end: Messages may tell it, and the usage, more than once.
//! - Thinking is `reasoning_content`, which clients show, and, where it is signed, once more whole
//!   in `reasoning_details`, which clients of `OpenRouter`'s form send back; its signature is sealed. The
//!   seal is empty where it goes on with an answer in which more than reasoning was shown.
//! - What a server did by itself (`server_tool_use` and the results) is never shown as a call:
//!   nobody could answer it.

mod citations;
mod writer;

use super::call::{self, Calls, Ids, Pending, Written};
use super::desk::Desk;
use super::{CrossingPlan, Resume, Verdict, resume};
use crate::json::{self, Members};
use crate::request::Alias;
use crate::{Error, own, seal};
use citations::Citations;
use ir::{
    Aside, Block, BlockKind, Dialect, Envelope, Event, Events, Finish, Mark, Opening, Piece,
    Reason, Tokens,
};
use writer::Writer;

/// See the module.
#[derive(Debug)]
pub(super) struct Encoder {
    plan: CrossingPlan,
    writer: Writer,
    /// The calls whose blocks are open.
    calls: Calls,
    /// Blocks of calls that the provider closed and that cannot be read.
    cut: Vec<Block>,
    /// The ids of the calls that were shown.
    shown: Ids,
    written: Written,
    citations: Citations,
    thinking: Thinking,
    finish: Option<(Finish, Option<Box<Reason>>)>,
    tokens: Option<Tokens>,
    /// What it goes on with.
    resume: Option<Resume>,
}

/// The thinking block that is open, insides of strings, and how many details were written, those of
/// whom it goes on with included.
#[derive(Debug, Default)]
struct Thinking {
    text: String,
    /// Empty where it was signed and is of no use to whoever signed it.
    signature: Option<String>,
    count: u32,
}

/// How an answer ends: `finish_reason`, and the inside of what declines.
struct Stop {
    reason: &'static str,
    refusal: Option<String>,
}

/// An id that is longer, in bytes, is not repeated in every chunk: ours takes its place.
const ID_MAX: usize = 256;

/// The form of our `reasoning_details`
/// (<https://openrouter.ai/docs/use-cases/reasoning-tokens#reasoning_details-array-structure>).
const FORMAT: &str = "anthropic-claude-v1";

// === impl Encoder ===

impl Encoder {
    pub(super) fn new(plan: CrossingPlan) -> Self {
        let id = format!("chatcmpl-{}", json::escaped(&plan.request_id));
        let writer = Writer::new(&id, plan.now_unix, &plan.model, plan.include_usage);
        Self::writing(plan, writer)
    }

    /// Goes on with a stream of ours, or of a provider.
    pub(super) fn resumed(plan: CrossingPlan, resume: Resume) -> Self {
        let writer = Writer::resumed(&resume.envelope, plan.now_unix, plan.include_usage);
        let shown = Ids::of(&resume.shown);
        let thinking = Thinking { count: resume.mark.details, ..Thinking::default() };
        Self { shown, thinking, resume: Some(resume), ..Self::writing(plan, writer) }
    }

    fn writing(plan: CrossingPlan, writer: Writer) -> Self {
        Self {
            resume: None,
            plan,
            writer,
            calls: Calls::default(),
            cut: Vec::new(),
            shown: Ids::default(),
            written: Written::default(),
            citations: Citations::default(),
            thinking: Thinking::default(),
            finish: None,
            tokens: None,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.writer.is_over()
    }

    /// Under which name the caller knows the answer.
    pub(super) fn envelope(&self) -> Envelope {
        self.writer.envelope()
    }

    /// Where the caller's stream stands.
    pub(super) fn mark(&self) -> Mark {
        Mark { details: self.thinking.count, ..Mark::default() }
    }

    /// The names of tools.
    pub(super) fn aliases(&self) -> &[Alias] {
        &self.plan.aliases
    }

    pub(super) fn frame(&mut self, events: &mut Events, desk: &mut Desk) -> Result<Verdict, Error> {
        for event in &*events {
            // Behind the end, or an error, nobody listens.
            if self.is_over() {
                break;
            }
            self.event(event, desk)?;
        }
        self.written.tell(events);
        if self.cut.is_empty() {
            return Ok(Verdict::Same);
        }
        // No second block may be where a first one is open.
        let again = |event: &Event| matches!(event, Event::Open(it, _) if self.cut.contains(it));
        if events.iter().any(again) {
            self.writer.abandon();
            return Ok(Verdict::Broken(call::BROKEN));
        }
        // A call that cannot be read is open until the finish says whether that is a fault.
        events.retain(|event| !matches!(event, Event::Close(block) if self.cut.contains(block)));
        let finish = events.iter().position(|event| matches!(event, Event::Finish(..)));
        let Some((place, (finish, _))) = finish.zip(self.finish.as_ref()) else {
            return Ok(Verdict::Same);
        };
        match finish {
            Finish::Length | Finish::Refusal => {
                desk.lose("content[].tool_use", "dropped: cut");
                events.insert_many(place, self.cut.drain(..).map(Event::Close));
                Ok(Verdict::Same)
            }
            Finish::Stop | Finish::Tool | Finish::Pause | Finish::Other => {
                self.writer.abandon();
                Ok(Verdict::Broken(call::BROKEN))
            }
        }
    }

    /// What is missing, where the finish is known.
    pub(super) fn end(&mut self, desk: &mut Desk) {
        if self.is_over() {
            return;
        }
        let Some((finish, reason)) = self.finish.take() else { return };
        if !self.calls.is_empty() {
            desk.lose("content[].tool_use", "dropped: never closed");
        }
        self.close_text(desk);
        let stop = self.stop(finish, &reason.unwrap_or_default(), desk);
        if let Some(refusal) = &stop.refusal {
            self.writer.text("refusal", refusal, desk);
        }
        let (tokens, object) = resume::ending(self.resume.as_ref(), self.tokens, desk);
        if self.tokens.is_none() && self.plan.include_usage {
            desk.lose("usage", resume::untold(tokens, "unknown"));
        }
        self.writer.end(stop.reason, tokens, object, desk);
    }

    fn event(&mut self, event: &Event, desk: &mut Desk) -> Result<(), Error> {
        match event {
            Event::Start(envelope) => {
                let named = |it: &&Envelope| (1..=ID_MAX).contains(&it.id.len());
                if let Some(envelope) = envelope.as_deref().filter(named) {
                    let created = envelope.created.unwrap_or(self.plan.now_unix);
                    self.writer.named(&format!("chatcmpl-{}", envelope.id), created);
                }
                self.writer.start(desk);
            }
            Event::Open(block, opening) => self.open(*block, opening.as_deref(), desk)?,
            Event::Delta(block, piece) => self.piece(*block, piece, desk)?,
            Event::Close(block) => self.close(*block, desk),
            // What was cut stays cut: a call may have been left out for it.
            Event::Finish(..)
                if matches!(self.finish, Some((Finish::Length | Finish::Refusal, _))) => {}
            Event::Finish(finish, reason) => self.finish = Some((*finish, reason.clone())),
            Event::Usage(tokens) => self.tokens = Some(*tokens),
            Event::End => self.end(desk),
            Event::Fail(rejection) if self.finish.is_none() && !rejection.bare => {
                let error = own::translated(rejection, &self.plan.request_id);
                self.writer.fail(&own::error_event(Dialect::Chat, &error), desk);
            }
            Event::Ping => desk.bytes(&own::ping(Dialect::Chat)),
            // Behind the finish the answer is complete, whatever is said.
            Event::Fail(_)
            | Event::Progress
            | Event::Repeated(_)
            | Event::Malformed(_)
            | Event::Noise(_)
            | Event::Aside(
                Aside::Mark(_) | Aside::Kept(_) | Aside::Shown(..) | Aside::Contradicted,
            ) => {}
            Event::Aside(Aside::Call(block, said)) => self.calls.learn(*block, said, desk)?,
            Event::Aside(Aside::Sealed(..)) => desk.lose("reasoning.encrypted_content", "dropped"),
            Event::Aside(Aside::Native(path)) => desk.lose(*path, "dropped"),
        }
        Ok(())
    }

    fn open(
        &mut self,
        block: Block,
        opening: Option<&Opening>,
        desk: &mut Desk,
    ) -> Result<(), Error> {
        if block.kind == BlockKind::Text {
            self.citations.begin();
        }
        match opening {
            Some(Opening::Call(said)) => self.calls.begin(block, said, desk)?,
            Some(Opening::Redacted(data)) => {
                let data = if resume::signs(self.resume.as_ref()) { data } else { "" };
                let data = seal::wrap(self.plan.origin, data);
                self.detail(&format!("\"type\":\"reasoning.encrypted\",\"data\":\"{data}\""), desk);
            }
            Some(Opening::Native(kind)) => desk.lose_block(kind),
            None => {}
        }
        Ok(())
    }

    fn piece(&mut self, block: Block, piece: &Piece, desk: &mut Desk) -> Result<(), Error> {
        match piece {
            Piece::Text(raw) => {
                self.citations.pass(raw);
                self.writer.text("content", raw, desk);
            }
            Piece::Thinking(raw) => {
                desk.hold(raw.len())?;
                self.thinking.text.push_str(raw);
                self.writer.text("reasoning_content", raw, desk);
            }
            Piece::Signature(raw) => self.sign(raw, desk)?,
            Piece::Refusal(raw) => self.writer.text("refusal", raw, desk),
            Piece::Arguments(raw) => self.calls.add(block, raw, desk)?,
            Piece::Citation(object) => {
                let size = self.citations.add(object, desk);
                desk.hold(size)?;
            }
            Piece::Details(_) => desk.lose("choices[].message.reasoning_details", "dropped"),
            // The block's opening named the loss.
            Piece::Native(_) if block.kind == BlockKind::Other => {}
            Piece::Native(path) => desk.lose(*path, "dropped"),
            Piece::Unread => {}
        }
        Ok(())
    }

    /// A piece of a signature, which is held until its block is closed.
    fn sign(&mut self, raw: &str, desk: &mut Desk) -> Result<(), Error> {
        if raw.is_empty() {
            return Ok(());
        }
        let signature = self.thinking.signature.get_or_insert_default();
        if resume::signs(self.resume.as_ref()) {
            desk.hold(raw.len())?;
            raw.clone_into(signature);
        } else {
            desk.lose("content[].signature", "dropped");
        }
        Ok(())
    }

    fn close(&mut self, block: Block, desk: &mut Desk) {
        match block.kind {
            BlockKind::Text => self.close_text(desk),
            BlockKind::Reasoning => self.close_thinking(desk),
            BlockKind::Tool => self.close_call(block, desk),
            BlockKind::Other => {}
        }
    }

    fn close_text(&mut self, desk: &mut Desk) {
        if let Some(annotations) = self.citations.close() {
            self.writer.delta(&["\"annotations\":", &annotations], desk);
        }
    }

    fn close_thinking(&mut self, desk: &mut Desk) {
        let text = std::mem::take(&mut self.thinking.text);
        let signature = std::mem::take(&mut self.thinking.signature);
        let signed = signature.as_ref().map_or(0, String::len);
        desk.release(text.len().saturating_add(signed));
        if let Some(signature) = signature {
            let signature = seal::wrap(self.plan.origin, &signature);
            let inside = format!(
                "\"type\":\"reasoning.text\",\"text\":\"{text}\",\"signature\":\"{signature}\""
            );
            self.detail(&inside, desk);
        }
    }

    /// A chunk with one of `reasoning_details`.
    fn detail(&mut self, inside: &str, desk: &mut Desk) {
        let index = self.thinking.count.to_string();
        self.thinking.count = self.thinking.count.saturating_add(1);
        let detail = [
            "\"reasoning_details\":[{\"index\":",
            &index,
            ",",
            inside,
            ",\"format\":\"",
            FORMAT,
            "\"}]",
        ];
        self.writer.delta(&detail, desk);
    }

    fn close_call(&mut self, block: Block, desk: &mut Desk) {
        let Some(call) = self.calls.take(block, desk) else { return };
        if !call.is_whole() {
            self.cut.push(block);
            return;
        }
        let index = self.shown.len().to_string();
        let own = format!("call_{:016x}", seal::hash(&self.plan.request_id));
        let id = self.shown.show(&call.said.id, &own);
        let is_custom = call.is_custom(&self.plan.aliases);
        self.written.add(&call, &id, is_custom);
        let body = if is_custom { custom(&call, desk) } else { function(&call) };
        let call = ["\"tool_calls\":[{\"index\":", &index, ",\"id\":\"", &id, "\",", &body, "}]"];
        self.writer.delta(&call, desk);
    }

    fn stop(&self, finish: Finish, reason: &Reason, desk: &mut Desk) -> Stop {
        let mut refusal = None;
        let reason = match finish {
            Finish::Stop | Finish::Tool if !self.shown.is_empty() => "tool_calls",
            Finish::Stop => {
                if reason.stop_sequence.is_some() {
                    desk.lose("stop_sequence", "dropped");
                }
                "stop"
            }
            Finish::Tool => {
                desk.lose("stop_reason", "as stop: there was no call");
                "stop"
            }
            Finish::Length => {
                if &*reason.word == "model_context_window_exceeded" {
                    desk.lose("stop_reason", "model_context_window_exceeded: as length");
                }
                "length"
            }
            Finish::Refusal => {
                refusal = reason.stop_details.as_deref().and_then(|it| explanation(it, desk));
                "content_filter"
            }
            // It must not look like an end: the caller would take the answer for complete.
            Finish::Pause => {
                desk.lose("stop_reason", "pause_turn: as length");
                "length"
            }
            Finish::Other => {
                desk.lose("stop_reason", "unknown: as length");
                "length"
            }
        };
        Stop { reason, refusal }
    }
}

/// The inside of the explanation in `stop_details`.
fn explanation(details: &str, desk: &mut Desk) -> Option<String> {
    let members = Members::read(details)?;
    if json::holds(members.get("category")) {
        desk.lose("stop_details.category", "dropped");
    }
    Some(json::inside(members.get("explanation")?)?.to_owned())
}

/// A custom tool, unwrapped, in the form that whole answers have: whoever asked with a custom tool
/// looks there. The typed deltas of the SDKs have only functions; Python's plain iteration and
/// Node's helper take this form all the same, Python's `.stream()` helper takes none (3.51).
fn custom(call: &Pending, desk: &mut Desk) -> String {
    let input = if call.said.custom { Some(call.arguments.clone()) } else { call.input() };
    let input = input.unwrap_or_else(|| {
        desk.lose("content[].tool_use.input", "as the custom tool's text");
        call.arguments().to_owned()
    });
    let name = &call.said.name;
    format!("\"type\":\"custom\",\"custom\":{{\"name\":\"{name}\",\"input\":\"{input}\"}}")
}

fn function(call: &Pending) -> String {
    let (name, arguments) = (&call.said.name, call.arguments());
    format!(
        "\"type\":\"function\",\"function\":{{\"name\":\"{name}\",\"arguments\":\"{arguments}\"}}"
    )
}
