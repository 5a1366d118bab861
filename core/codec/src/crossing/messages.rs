//! To Anthropic Messages.
//!
//! - One block is open at a time, and Chat's calls interleave: a call is collected, and shown whole
//!   when the answer has its finish and it is known whether calls were cut. Until then it is open.
//! - `message_delta` is written with the end, since Chat tells the usage behind the finish.
//! - Reasoning becomes a thinking block whose signature is a seal: the caller sends it back, and nobody
//!   takes it for a signature of Anthropic's. It holds the provider's own where that speaks Messages too,
//!   and goes on with an answer in which nothing but reasoning was shown; else it is empty.
//! - What the provider wants back with the calls (`reasoning_details`, `extra_content`) travels
//!   sealed in one `redacted_thinking` block before them.

mod details;
mod writer;

use super::call::{self, Calls, Ids, Pending, Written};
use super::desk::Desk;
use super::{CrossingPlan, Resume, Verdict, resume};
use crate::request::Alias;
use crate::{Error, json, own, seal};
use details::Details;
use ir::{
    Aside, Block, BlockKind, Dialect, Envelope, Event, Events, Finish, Mark, Opening, Piece, Tokens,
};
use std::fmt::Write as _;
use writer::{Stop, Writer};

/// See the module.
#[derive(Debug)]
pub(super) struct Encoder {
    plan: CrossingPlan,
    writer: Writer,
    /// The calls that were not shown, in the order they began.
    calls: Calls,
    /// Blocks of theirs that the provider closed.
    closed: Vec<Block>,
    /// The ids of those that were.
    shown: Ids,
    written: Written,
    details: Details,
    /// The inside of what the answer said to decline.
    refusal: String,
    finish: Option<Finish>,
    /// The inside of the stop sequence that was hit, where that is told.
    stop_sequence: Option<Box<str>>,
    tokens: Option<Tokens>,
    /// What it goes on with.
    resume: Option<Resume>,
}

const CALLS: &str = "choices[].message.tool_calls[]";

// === impl Encoder ===

impl Encoder {
    pub(super) fn new(plan: CrossingPlan) -> Self {
        let id = format!("msg_{}", call::legal(&plan.request_id, 64));
        let writer = Writer::new(id, &plan.model, seal::wrap(plan.origin, ""));
        Self::writing(plan, writer)
    }

    /// Goes on with a stream of ours, or of a provider.
    pub(super) fn resumed(plan: CrossingPlan, resume: Resume) -> Self {
        let writer = Writer::resumed(&resume, seal::wrap(plan.origin, ""));
        let shown = Ids::of(&resume.shown);
        Self { shown, resume: Some(resume), ..Self::writing(plan, writer) }
    }

    fn writing(plan: CrossingPlan, writer: Writer) -> Self {
        Self {
            resume: None,
            stop_sequence: None,
            plan,
            writer,
            calls: Calls::default(),
            closed: Vec::new(),
            shown: Ids::default(),
            written: Written::default(),
            details: Details::default(),
            refusal: String::new(),
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

    /// The names of tools.
    pub(super) fn aliases(&self) -> &[Alias] {
        &self.plan.aliases
    }

    /// Where the caller's stream stands.
    pub(super) fn mark(&self) -> Mark {
        self.writer.mark()
    }

    pub(super) fn frame(&mut self, events: &mut Events, desk: &mut Desk) -> Result<Verdict, Error> {
        for event in &mut *events {
            // Behind the end, or an error, nobody listens.
            if self.is_over() {
                break;
            }
            self.event(event, desk)?;
            if let Event::Finish(_, Some(reason)) = event {
                self.stop_sequence.clone_from(&reason.stop_sequence);
            }
            if let Event::Finish(finish, _) = event
                && let Err(what) = self.finish(*finish, desk)
            {
                self.writer.abandon();
                return Ok(Verdict::Broken(what));
            }
        }
        if self.keeps_open(events) {
            self.written.tell(events);
            return Ok(Verdict::Same);
        }
        self.writer.abandon();
        Ok(Verdict::Broken(call::BROKEN))
    }

    /// Leaves a call open until it is shown, so that nobody takes it for told before. False where a
    /// second one would be where the first is.
    fn keeps_open(&mut self, events: &mut Events) -> bool {
        let again = |event: &Event| matches!(event, Event::Open(it, _) if self.closed.contains(it));
        if events.iter().any(again) {
            return false;
        }
        let finish = events.iter().position(|event| matches!(event, Event::Finish(..)));
        if let Some(place) = finish {
            events.insert_many(place, self.closed.drain(..).map(Event::Close));
        } else if self.finish.is_none() {
            events.retain(|event| {
                let closed = if let Event::Close(block) = event { Some(*block) } else { None };
                let call = closed.filter(|block| block.kind == BlockKind::Tool);
                self.closed.extend(call);
                call.is_none()
            });
        }
        true
    }

    /// What is missing, where the finish is known.
    pub(super) fn end(&mut self, desk: &mut Desk) {
        let Some(finish) = self.finish.filter(|_| !self.is_over()) else { return };
        for _ in self.calls.take_all() {
            desk.lose(CALLS, "dropped: behind the finish");
        }
        let (tokens, object) = resume::ending(self.resume.as_ref(), self.tokens, desk);
        if self.tokens.is_none() {
            desk.lose("usage", resume::untold(tokens, "unknown: as zero"));
        }
        let object = object.to_owned();
        let refused = (!self.refusal.is_empty()).then_some(self.refusal.as_str());
        let reason = self.reason(finish, desk);
        let sequence = self.stop_sequence.as_deref().filter(|_| reason == "end_turn");
        let reason = if sequence.is_some() { "stop_sequence" } else { reason };
        let tokens = tokens.unwrap_or_default();
        let object = &object;
        self.writer.end(&Stop { reason, explanation: refused, sequence, tokens, object }, desk);
    }

    /// Leaves of the event what of it is shown.
    fn event(&mut self, event: &mut Event, desk: &mut Desk) -> Result<(), Error> {
        match event {
            Event::Start(envelope) => {
                let id = envelope.as_ref().map_or("", |envelope| &envelope.id);
                if !id.is_empty() {
                    self.writer.named(format!("msg_{}", call::legal(id, 64)));
                }
                self.writer.start(desk);
            }
            Event::Open(block, opening) => self.open(*block, opening.as_deref(), desk)?,
            Event::Delta(block, piece) => self.piece(*block, piece, desk)?,
            Event::Close(block) if block.kind != BlockKind::Tool => self.writer.close(desk),
            Event::Usage(tokens) => self.tokens = Some(*tokens),
            Event::End => self.end(desk),
            Event::Fail(rejection) if self.finish.is_none() && !rejection.bare => {
                let error = own::translated(rejection, &self.plan.request_id);
                self.writer.fail(&own::error_event(Dialect::Messages, &error), desk);
            }
            Event::Ping => desk.bytes(&own::ping(Dialect::Messages)),
            // Calls wait for the finish, and behind the finish the answer is complete, whatever is
            // said.
            Event::Close(_)
            | Event::Finish(..)
            | Event::Fail(_)
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
        match opening {
            Some(Opening::Call(said)) => self.calls.begin(block, said, desk)?,
            Some(Opening::Redacted(data)) => {
                let data = if resume::signs(self.resume.as_ref()) { data } else { "" };
                let sealed = seal::wrap(self.plan.origin, data);
                self.writer.redacted(&sealed, desk);
            }
            Some(Opening::Native(kind)) => desk.lose_block(kind),
            None => {}
        }
        Ok(())
    }

    /// Leaves of the piece what of it is shown: white space may be held back, and told with what follows.
    fn piece(&mut self, block: Block, piece: &mut Piece, desk: &mut Desk) -> Result<(), Error> {
        match piece {
            Piece::Text(raw) => match self.writer.text(raw, desk) {
                Some(blank) if blank.is_empty() => {}
                Some(blank) => *raw = (blank + raw).into(),
                None => *piece = Piece::Unread,
            },
            Piece::Thinking(raw) => self.writer.thinking(raw, desk),
            Piece::Refusal(raw) => {
                desk.hold(raw.len())?;
                self.refusal.push_str(raw);
                let _written = self.writer.text(raw, desk);
            }
            Piece::Arguments(raw) => self.calls.add(block, raw, desk)?,
            Piece::Details(raw) => {
                desk.hold(raw.len())?;
                self.details.add(raw);
            }
            Piece::Signature(raw) if resume::signs(self.resume.as_ref()) => {
                desk.hold(raw.len())?;
                self.writer.sign(raw, desk);
            }
            Piece::Signature(_) => desk.lose("content[].signature", "dropped"),
            Piece::Citation(_) => desk.lose("content[].citations[]", "dropped"),
            Piece::Native(path) => desk.lose(*path, "dropped"),
            Piece::Unread => {}
        }
        Ok(())
    }

    /// The finish is known: shows the calls, unless one of them is broken and the answer was not
    /// cut.
    fn finish(&mut self, finish: Finish, desk: &mut Desk) -> Result<(), &'static str> {
        self.finish = Some(finish);
        let cut = match finish {
            Finish::Length | Finish::Refusal => true,
            Finish::Stop | Finish::Tool | Finish::Pause | Finish::Other => false,
        };
        let calls = self.calls.take_all();
        let (whole, broken): (Vec<_>, Vec<_>) = calls.into_iter().partition(Pending::is_whole);
        if !broken.is_empty() {
            if !cut {
                return Err(call::BROKEN);
            }
            desk.lose(CALLS, "dropped: cut");
        }
        let ids: Vec<String> = whole.iter().map(|call| self.show_id(&call.said.id)).collect();
        self.secrets(&whole, &ids, desk);
        for (call, id) in whole.iter().zip(&ids) {
            self.written.add(call, id, call.said.custom);
            if call.said.custom {
                desk.lose(format!("{CALLS}.custom"), "as a tool with one input");
                let input = json::escaped(&call.arguments);
                let arguments = format!(r#"{{\"input\":\"{input}\"}}"#);
                self.writer.call(id, &call.said.name, &arguments, desk);
            } else {
                self.writer.call(id, &call.said.name, call.arguments(), desk);
            }
        }
        Ok(())
    }

    /// The id to show: the provider's where Messages allows it and nobody else has it, else one
    /// that is the same whenever this answer is read.
    fn show_id(&mut self, id: &str) -> String {
        let own = format!("toolu_{:016x}", seal::hash(&format!("{}/{id}", self.writer.id())));
        self.shown.show(if call::is_legal_id(id) { id } else { "" }, &own)
    }

    /// What the provider wants back, for nobody else to read.
    fn secrets(&mut self, calls: &[Pending], ids: &[String], desk: &mut Desk) {
        let extra: Vec<String> = calls
            .iter()
            .zip(ids)
            .filter_map(|(call, id)| Some(format!("\"{id}\":{}", call.said.extra.as_ref()?)))
            .collect();
        if self.details.is_empty() && extra.is_empty() {
            return;
        }
        let mut secrets = String::from("{");
        // Writing to a string cannot fail.
        if !self.details.is_empty() {
            let _ignored = write!(secrets, "\"reasoning_details\":{}", self.details.json());
        }
        if !extra.is_empty() {
            let comma = if self.details.is_empty() { "" } else { "," };
            let _ignored = write!(secrets, "{comma}\"extra_content\":{{{}}}", extra.join(","));
        }
        secrets.push('}');
        self.details = Details::default();
        let sealed = seal::wrap(self.plan.origin, &json::escaped(&secrets));
        self.writer.redacted(&sealed, desk);
    }

    fn reason(&self, finish: Finish, desk: &mut Desk) -> &'static str {
        const PATH: &str = "choices[].finish_reason";
        match finish {
            Finish::Stop | Finish::Tool if !self.shown.is_empty() => "tool_use",
            Finish::Stop if !self.refusal.is_empty() => "refusal",
            Finish::Stop => "end_turn",
            Finish::Tool => {
                desk.lose(PATH, "as end_turn: there was no call");
                "end_turn"
            }
            Finish::Length => "max_tokens",
            Finish::Refusal => "refusal",
            Finish::Pause => "pause_turn",
            Finish::Other => {
                desk.lose(PATH, "unknown: as max_tokens");
                "max_tokens"
            }
        }
    }
}
