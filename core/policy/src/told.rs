//! What of an answer has reached its caller, as far as another attempt must know it to go on.
//!
//! **Invariants:** it holds what was handed over and nothing else (`Told::settle`,
//! `Told::forget_unsettled`); texts are kept unescaped, no more than [`TOLD_MAX`] bytes of them;
//! what cannot be gone on with says why. **Absent:** frames.

use crate::seam::{self, TOLD_MAX};
use ir::{Aside, Block, BlockKind, Call, Envelope, Event, Events, Mark, Opening, Piece, Said};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

#[cfg(test)]
mod tests;
mod text;

pub(crate) use text::{Unescape, escaped};

/// Reasoning that is kept, in bytes, to be sent back to whom it came from: beyond that it is not.
const THOUGHTS_MAX: usize = 64 << 10;
/// Parts of one answer.
const PARTS_MAX: usize = 1024;

/// What an answer has shown.
#[derive(Clone, Debug, Default)]
pub struct Told {
    parts: Vec<Said>,
    /// The parts, and of the last of them the bytes, that were handed over.
    sure: (usize, usize),
    /// The calls that are not closed yet.
    open: Vec<(Block, Call, String)>,
    unescape: Unescape,
    /// The first half of a surrogate pair that was handed over without its other half.
    half: Option<u16>,
    /// Bytes of texts and calls, of reasoning.
    said: usize,
    thought: usize,
    envelope: Option<Box<Envelope>>,
    /// Of Responses: what began and ended something, and how much of it was handed over.
    kept: Vec<Box<str>>,
    sure_kept: usize,
    kept_bytes: usize,
    /// Where the text began that was opened last: how much text was there before.
    opened: Option<usize>,
    sure_opened: Option<usize>,
    /// Where the stream stands behind what was read, behind what was handed over.
    ahead: Mark,
    mark: Mark,
    /// The mark is told, and not to be made of blocks.
    marked: bool,
    /// The text was over where it stops: it was closed, or something else had begun behind it. That
    /// may have been read and not told.
    over: bool,
    bar: Option<&'static str>,
}

/// How an answer is gone on with.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Way {
    /// The request as it was: nothing that has to be joined was shown.
    Fresh,
    /// The request as it was: the answer is to say once more what was shown.
    Restart,
    /// What was shown, and the wish to repeat its end and go on.
    Anchor,
    /// What was shown as a turn that the target goes on with by itself.
    Prefill,
    /// Calls were shown last: whether there are more of them.
    Calls,
}

// === impl Way ===

impl Way {
    /// Every way.
    pub const ALL: [Self; 5] =
        [Self::Fresh, Self::Restart, Self::Anchor, Self::Prefill, Self::Calls];

    /// Whether what is said has to be joined to what was shown.
    pub(crate) fn joins(self) -> bool {
        match self {
            Self::Fresh => false,
            Self::Restart | Self::Anchor | Self::Prefill | Self::Calls => true,
        }
    }

    /// Its word in records.
    pub fn word(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Restart => "restart",
            Self::Anchor => "anchor",
            Self::Prefill => "prefill",
            Self::Calls => "calls",
        }
    }
}

// === impl Told ===

impl Told {
    /// Nothing yet, of an attempt that goes on with this.
    pub(crate) fn behind(before: &Self) -> Self {
        // It is written from where that stands, and says where it stands itself.
        let (ahead, mark) = (before.mark, before.mark);
        let unescape = Unescape::behind(before.half);
        Self { unescape, ahead, mark, marked: true, ..Self::default() }
    }

    /// Takes in what a frame says. It counts when it is settled.
    pub(crate) fn take(&mut self, events: &Events) {
        for event in events {
            self.event(event);
        }
    }

    /// All of it was handed over.
    pub(crate) fn settle(&mut self) {
        self.half = self.unescape.half();
        self.settle_parts();
    }

    /// What was held back when its attempt failed was never said.
    pub(crate) fn forget_unsettled(&mut self) {
        let (parts, length) = self.sure;
        let read = self.text_len();
        self.parts.truncate(parts);
        if let Some(last) = self.parts.last_mut() {
            truncate(last, length);
        }
        self.over &= self.text_len() == read;
        self.open.clear();
        self.kept.truncate(self.sure_kept);
        self.opened = self.sure_opened;
        self.ahead = self.mark;
        self.unescape = Unescape::default();
    }

    /// Goes on with what another attempt has said behind it.
    pub(crate) fn absorb(&mut self, mut later: Self) {
        later.forget_unsettled();
        let before = self.text_len();
        self.opened = later.opened.map(|at| before.saturating_add(at)).or(self.opened);
        self.kept.append(&mut later.kept);
        self.half = later.half.or_else(|| self.half.filter(|_| later.parts.is_empty()));
        for part in later.parts {
            match (self.parts.last_mut(), part) {
                (Some(Said::Text(text)), Said::Text(more)) => text.push_str(&more),
                (_, part) => self.parts.push(part),
            }
        }
        self.said = self.said.saturating_add(later.said);
        self.thought = self.thought.saturating_add(later.thought);
        if TOLD_MAX < self.said {
            self.bars(TOO_LONG);
        }
        if later.marked {
            self.ahead = later.mark;
            self.marked = true;
        }
        if self.envelope.is_none() {
            self.envelope = later.envelope;
        }
        self.over = later.over;
        self.bar = self.bar.or(later.bar);
        self.settle_parts();
    }

    fn settle_parts(&mut self) {
        self.sure = (self.parts.len(), self.parts.last().map_or(0, length));
        self.mark = self.ahead;
        self.sure_kept = self.kept.len();
        self.sure_opened = self.opened;
    }

    /// What was shown, in order.
    pub fn parts(&self) -> &[Said] {
        &self.parts
    }

    /// Whether its reasoning was kept as a whole.
    pub fn is_thought_whole(&self) -> bool {
        self.thought <= THOUGHTS_MAX
    }

    /// The text that was shown: what a continuation has to be joined to.
    pub fn text(&self) -> String {
        self.parts.iter().filter_map(Said::text).collect()
    }

    fn text_len(&self) -> usize {
        let texts = self.parts.iter().filter(|part| matches!(part, Said::Text(_)));
        texts.map(length).sum()
    }

    /// The text of the block that was opened last: the inside of a JSON string.
    pub fn open_text(&self) -> String {
        let text = self.text();
        let open = text.get(self.opened.unwrap_or(0).min(text.len())..).unwrap_or_default();
        let half = self.half.map(|high| format!("\\u{high:04x}")).unwrap_or_default();
        escaped(open) + &half
    }

    /// Of Responses: the events that began or ended something, as JSON.
    pub fn kept(&self) -> &[Box<str>] {
        &self.kept
    }

    /// The first half of a surrogate pair that the text ends with.
    pub fn half(&self) -> Option<u16> {
        self.half
    }

    /// Whether nothing of the text is missing: a call, say, had begun behind it.
    pub(crate) fn is_text_over(&self) -> bool {
        self.over
    }

    /// Who answered, as the caller was told.
    pub fn envelope(&self) -> Option<&Envelope> {
        self.envelope.as_deref()
    }

    /// Where the caller's stream stands.
    pub fn mark(&self) -> Mark {
        self.mark
    }

    /// How it can be gone on with, or why it cannot. `prefill`: the target goes on with a turn of the
    /// model by itself; `structured`: the text is to be one JSON document.
    pub fn way(&self, prefill: bool, structured: bool) -> Result<Way, &'static str> {
        if let Some(bar) = self.bar() {
            return Err(bar);
        }
        if let Some(Said::Call(..)) = self.last_shown() {
            return Ok(Way::Calls);
        }
        let text = self.text();
        if text.trim().is_empty() && self.half.is_none() {
            return Ok(Way::Fresh);
        }
        // Whoever begins anew instead must be recognised: with a short text that would not be certain.
        let turn = prefill && self.half.is_none() && seam::is_followed(&text);
        Ok(if structured {
            Way::Restart
        } else if turn {
            Way::Prefill
        } else if seam::anchor(&text).is_some() {
            Way::Anchor
        } else {
            Way::Restart
        })
    }

    /// Why it cannot be gone on with, in any way.
    pub fn bar(&self) -> Option<&'static str> {
        let called = || self.parts.iter().any(|part| matches!(part, Said::Call(..)));
        let behind = matches!(self.last_shown(), Some(Said::Text(_))) && called();
        self.bar.or_else(|| behind.then_some("text behind a tool call that was delivered"))
    }

    fn last_shown(&self) -> Option<&Said> {
        let shown = |part: &&Said| !matches!(part, Said::Thinking(..) | Said::Redacted(_));
        self.parts.iter().rev().find(shown)
    }

    fn bars(&mut self, why: &'static str) {
        self.bar.get_or_insert(why);
    }

    fn event(&mut self, event: &Event) {
        match event {
            Event::Start(envelope) => {
                if self.envelope.is_none() {
                    self.envelope.clone_from(envelope);
                }
            }
            Event::Open(block, opening) => self.opens(*block, opening.as_deref()),
            Event::Delta(block, piece) => self.piece(*block, piece),
            Event::Close(block) => self.closes(*block),
            Event::Aside(Aside::Mark(mark)) => {
                self.ahead = *mark;
                self.marked = true;
            }
            Event::Aside(Aside::Call(block, said)) => {
                if let Some((_, call, _)) = self.open.iter_mut().find(|(it, ..)| it == block) {
                    learn(call, said);
                }
            }
            Event::Aside(Aside::Shown(block, said)) => {
                if let Some((_, call, _)) = self.open.iter_mut().find(|(it, ..)| it == block) {
                    call.clone_from(said);
                }
            }
            Event::Aside(Aside::Kept(event)) => {
                self.kept_bytes = self.kept_bytes.saturating_add(event.len());
                if TOLD_MAX < self.kept_bytes {
                    self.bars(TOO_LONG);
                    self.kept = Vec::new();
                } else {
                    self.kept.push(event.clone());
                }
            }
            Event::Finish(..) => self.over = true,
            Event::Aside(Aside::Native(_) | Aside::Sealed(..))
            | Event::Ping
            | Event::Progress
            | Event::Usage(_)
            | Event::End
            | Event::Fail(_)
            | Event::Repeated(_)
            | Event::Malformed(_)
            | Event::Noise(_) => {}
        }
    }

    fn opens(&mut self, block: Block, opening: Option<&Opening>) {
        self.over = block.kind != BlockKind::Text;
        if !self.marked {
            self.ahead.next = self.ahead.next.max(block.index.saturating_add(1));
            self.ahead.open = Some(block.kind);
            self.ahead.signed = matches!(opening, Some(Opening::Redacted(_)));
        }
        match opening {
            Some(Opening::Call(call)) => self.open.push((block, call.clone(), String::new())),
            Some(Opening::Redacted(data)) if self.thinks(data.len()) => {
                self.push(Said::Redacted(data.to_string()));
            }
            Some(Opening::Native(_)) => self.bars(NATIVE),
            None if block.kind == BlockKind::Text => self.opened = Some(self.text_len()),
            None if block.kind == BlockKind::Reasoning && self.thinks(0) => {
                self.push(Said::Thinking(String::new(), String::new()));
            }
            Some(Opening::Redacted(_)) | None => {}
        }
    }

    fn closes(&mut self, block: Block) {
        self.over = true;
        if !self.marked {
            self.ahead.open = None;
        }
        let Some(place) = self.open.iter().position(|(it, ..)| *it == block) else { return };
        let (_, call, arguments) = self.open.remove(place);
        if call.custom {
            self.bars("a call of a custom tool");
        } else if call.name.is_empty() {
            // It has members of its own instead (a shell's, a computer's): no function is called.
            self.bars(NATIVE);
        }
        self.push(Said::Call(call, arguments));
    }

    fn piece(&mut self, block: Block, piece: &Piece) {
        self.ahead.signed |= !self.marked && matches!(piece, Piece::Signature(_));
        match piece {
            Piece::Text(raw) => {
                self.over = false;
                if self.bar.is_none() {
                    self.text_of(raw);
                }
            }
            Piece::Arguments(raw) => {
                if self.says(raw.len())
                    && let Some((.., arguments)) =
                        self.open.iter_mut().find(|(it, ..)| *it == block)
                {
                    arguments.push_str(raw);
                }
            }
            Piece::Thinking(raw) if self.thinks(raw.len()) => match self.parts.last_mut() {
                Some(Said::Thinking(text, signature)) if signature.is_empty() => text.push_str(raw),
                // What is signed is a block of its own.
                Some(_) | None => self.push(Said::Thinking(raw.to_string(), String::new())),
            },
            Piece::Signature(raw) if self.thinks(raw.len()) => match self.parts.last_mut() {
                // There is one, and it comes whole.
                Some(Said::Thinking(_, signature)) => *signature = raw.to_string(),
                Some(_) | None => self.push(Said::Thinking(String::new(), raw.to_string())),
            },
            Piece::Refusal(_) => self.bars("a refusal"),
            Piece::Native(_) => self.bars(NATIVE),
            Piece::Unread if block.kind == BlockKind::Other => self.bars(NATIVE),
            Piece::Details(raw) => self.details(raw),
            // What of these was shown is not said again; without the others the rest is whole.
            Piece::Unread | Piece::Thinking(_) | Piece::Signature(_) | Piece::Citation(_) => {}
        }
    }

    /// Details of reasoning, a JSON array: clients join those of one index, so whoever goes on counts on
    /// from the last. What has no index is joined to nothing.
    fn details(&mut self, raw: &str) {
        if self.marked {
            return;
        }
        let details: Vec<BTreeMap<String, &RawValue>> =
            serde_json::from_str(raw).unwrap_or_default();
        for index in details.iter().filter_map(|detail| detail.get("index")) {
            let next = index.get().parse::<u32>().map_or(0, |index| index.saturating_add(1));
            self.ahead.details = self.ahead.details.max(next);
        }
    }

    fn text_of(&mut self, raw: &str) {
        if !matches!(self.parts.last(), Some(Said::Text(_))) {
            self.push(Said::Text(String::new()));
        }
        let Some(Said::Text(text)) = self.parts.last_mut() else { return };
        let before = text.len();
        let readable = self.unescape.push(raw, text);
        let more = text.len() - before;
        if !readable {
            self.bars("text that is no text");
        }
        self.says(more);
    }

    fn push(&mut self, part: Said) {
        if self.parts.len() < PARTS_MAX {
            self.parts.push(part);
        } else {
            self.bars("too many parts");
        }
    }

    /// Whether so many bytes more are kept.
    fn says(&mut self, bytes: usize) -> bool {
        if self.bar.is_some() {
            return false;
        }
        self.said = self.said.saturating_add(bytes);
        if TOLD_MAX < self.said {
            self.bars(TOO_LONG);
            self.parts = Vec::new();
            self.sure = (0, 0);
            return false;
        }
        true
    }

    /// The same of reasoning: too much of it is not sent back, and that is all.
    fn thinks(&mut self, bytes: usize) -> bool {
        if self.bar.is_some() || THOUGHTS_MAX < self.thought {
            return false;
        }
        self.thought = self.thought.saturating_add(bytes);
        self.thought <= THOUGHTS_MAX
    }
}

const TOO_LONG: &str = "more was delivered than is kept (256 KiB)";
const NATIVE: &str = "something that only its dialect has";

/// Takes in what was said of a call later: what is known stays.
fn learn(call: &mut Call, later: &Call) {
    if call.id.is_empty() {
        call.id.clone_from(&later.id);
    }
    if call.name.is_empty() {
        call.name.clone_from(&later.name);
    }
}

/// How much of a part that grows there is, in bytes.
fn length(part: &Said) -> usize {
    match part {
        Said::Text(text) => text.len(),
        Said::Thinking(text, signature) => text.len() + signature.len(),
        Said::Redacted(_) | Said::Call(..) => 0,
    }
}

/// Leaves as much of it as there was.
fn truncate(part: &mut Said, length: usize) {
    match part {
        Said::Text(text) => cut(text, length),
        Said::Thinking(text, signature) => {
            cut(signature, length.saturating_sub(text.len()));
            cut(text, length);
        }
        Said::Redacted(_) | Said::Call(..) => {}
    }
}

fn cut(text: &mut String, length: usize) {
    if text.is_char_boundary(length) {
        text.truncate(length);
    }
}
