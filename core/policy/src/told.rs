//! What of an answer has reached its caller, as far as another attempt must know it to go on.
//!
//! **Invariants:** it holds what was handed over and nothing else (`Told::settle`,
//! `Told::forget_unsettled`); texts are kept unescaped, no more than [`seam::TOLD_MAX`] bytes of them;
//! what cannot be gone on with says why. **Absent:** frames.

use crate::seam;
use ir::{
    Aside, Block, BlockKind, Call, Envelope, Event, Events, ItemEvent, Mark, Opening, Piece, Said,
};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

mod extent;
#[cfg(test)]
mod tests;
mod text;
mod way;

use extent::Extent;
pub(crate) use text::{Unescape, escaped};
pub use way::Way;

/// Reasoning that is kept, in bytes, to be sent back to whom it came from: beyond that it is not.
const THOUGHTS_MAX: usize = 64 << 10;
/// Parts of one answer.
const PARTS_MAX: usize = 1024;

/// What an answer has shown.
#[derive(Clone, Debug, Default)]
pub struct Told {
    parts: Vec<Said>,
    /// The calls that are not closed yet.
    open: Vec<(Block, Call, String)>,
    /// The block beside them that is open.
    beside: Option<Block>,
    unescape: Unescape,
    /// The first half of a surrogate pair that was handed over without its other half.
    half: Option<u16>,
    envelope: Option<Box<Envelope>>,
    /// Of Responses: what began and ended something.
    kept: Vec<ItemEvent>,
    /// How far it was read, and how far of that it was handed over.
    read: Extent,
    sure: Extent,
    /// The mark is told, and not to be made of blocks.
    marked: bool,
    /// The text was over where it stops: it was closed, or something else had begun behind it. That
    /// may have been read and not told.
    over: bool,
}

// === impl Told ===

impl Told {
    /// Nothing yet, of an attempt that goes on with this.
    pub(crate) fn behind(before: &Self) -> Self {
        // It is written from where that stands, and says where it stands itself.
        let read = Extent { mark: before.sure.mark, ..Extent::default() };
        let unescape = Unescape::behind(before.half);
        Self { unescape, read, sure: read, marked: true, ..Self::default() }
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
        let read = self.text_len();
        self.read = self.sure;
        self.drop_unsettled();
        self.over &= self.text_len() == read;
        self.open.clear();
        self.unescape = Unescape::default();
    }

    /// Goes on with what another attempt has said behind it.
    pub(crate) fn absorb(&mut self, mut later: Self) {
        later.forget_unsettled();
        let before = self.text_len();
        self.half = later.half.or_else(|| self.half.filter(|_| later.parts.is_empty()));
        self.kept.append(&mut later.kept);
        for part in later.parts {
            match (self.parts.last_mut(), part) {
                (Some(Said::Text(text)), Said::Text(more)) => text.push_str(&more),
                (_, part) => self.parts.push(part),
            }
        }
        let more = later.sure;
        let opened = more.opened.map(|at| before.saturating_add(at));
        self.read = Extent {
            opened: opened.or(self.read.opened),
            mark: if later.marked { more.mark } else { self.read.mark },
            ..self.read.with(more)
        };
        self.marked |= later.marked;
        if self.envelope.is_none() {
            self.envelope = later.envelope;
        }
        self.over = later.over;
        self.settle_parts();
    }

    fn settle_parts(&mut self) {
        if self.read.bar.is_some() {
            // Nobody goes on with it.
            (self.parts, self.kept) = (Vec::new(), Vec::new());
        }
        let (parts, last) = (self.parts.len(), self.parts.last().map_or(0, length));
        self.read = Extent { parts, last, kept: self.kept.len(), ..self.read };
        self.sure = self.read;
    }

    /// Leaves what was handed over.
    fn drop_unsettled(&mut self) {
        self.parts.truncate(self.sure.parts);
        if let Some(last) = self.parts.last_mut() {
            truncate(last, self.sure.last);
        }
        self.kept.truncate(self.sure.kept);
    }

    /// What was shown, in order.
    pub fn parts(&self) -> &[Said] {
        &self.parts
    }

    /// Whether its reasoning was kept as a whole.
    pub fn is_thought_whole(&self) -> bool {
        self.read.thought <= THOUGHTS_MAX
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
        let open = text.get(self.read.opened.unwrap_or(0).min(text.len())..).unwrap_or_default();
        let half = self.half.map(|high| format!("\\u{high:04x}")).unwrap_or_default();
        escaped(open) + &half
    }

    /// Of Responses: the events that began or ended something, as JSON.
    pub fn kept(&self) -> &[ItemEvent] {
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
        self.sure.mark
    }

    /// How it can be gone on with, where nothing bars that. `prefill`: the target goes on with a turn of
    /// the model by itself; `structured`: the text is to be one JSON document.
    pub fn way(&self, prefill: bool, structured: bool) -> Way {
        if let Some(Said::Call(..)) = self.last_shown() {
            return Way::Calls;
        }
        let text = self.text();
        if text.trim().is_empty() && self.half.is_none() {
            return Way::Fresh;
        }
        // Whoever begins anew instead must be recognised: with a short text that would not be certain.
        let turn = prefill && self.half.is_none() && seam::is_followed(&text);
        if structured {
            Way::Restart
        } else if turn {
            Way::Prefill
        } else if seam::anchor(&text).is_some() {
            Way::Anchor
        } else {
            Way::Restart
        }
    }

    /// Why what was handed over of it cannot be gone on with, in any way.
    pub fn bar(&self) -> Option<&'static str> {
        self.sure.bar.or_else(|| is_behind_a_call(self.settled()).then_some(BEHIND_A_CALL))
    }

    /// The same of it and what another attempt has said behind it.
    pub(crate) fn bar_with(&self, later: &Self) -> Option<&'static str> {
        let both = || self.settled().chain(later.settled());
        let behind = || is_behind_a_call(both()).then_some(BEHIND_A_CALL);
        self.sure.with(later.sure).bar.or_else(behind)
    }

    fn settled(&self) -> impl DoubleEndedIterator<Item = &Said> {
        self.parts.iter().take(self.sure.parts)
    }

    fn last_shown(&self) -> Option<&Said> {
        self.parts.iter().rev().find(is_shown)
    }

    fn bars(&mut self, why: &'static str) {
        self.read.bar.get_or_insert(why);
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
                self.read.mark = *mark;
                self.marked = true;
            }
            Event::Aside(Aside::Call(block, said)) => {
                if let Some((_, call, _)) = self.open.iter_mut().find(|(it, ..)| it == block) {
                    call.learn(said);
                }
            }
            Event::Aside(Aside::Shown(block, said)) => {
                if let Some((_, call, _)) = self.open.iter_mut().find(|(it, ..)| it == block) {
                    call.clone_from(said);
                }
            }
            Event::Aside(Aside::Kept(event)) => {
                self.read.kept_bytes = self.read.kept_bytes.saturating_add(event.json.len());
                if self.limit() {
                    self.kept.push(event.clone());
                }
            }
            Event::Aside(Aside::Contradicted) => {
                // It is of what was handed over, whether this is or not.
                self.bars(HOLE);
                self.sure.bar.get_or_insert(HOLE);
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
        if self.beside.is_some_and(|open| open != block) {
            self.bars("several blocks that were open at once");
        }
        if block.kind != BlockKind::Tool {
            self.beside = Some(block);
        }
        if !self.marked {
            let mark = &mut self.read.mark;
            mark.next = mark.next.max(block.index.saturating_add(1));
            mark.open = Some(block.kind);
            mark.signed = matches!(opening, Some(Opening::Redacted(_)));
        }
        match opening {
            Some(Opening::Call(call)) => self.open.push((block, call.clone(), String::new())),
            Some(Opening::Redacted(data)) if self.thinks(data.len()) => {
                self.push(Said::Redacted(data.to_string()));
            }
            Some(Opening::Native(_)) => self.bars(NATIVE),
            None if block.kind == BlockKind::Text => {
                self.read.opened = Some(self.text_len());
            }
            None if block.kind == BlockKind::Reasoning && self.thinks(0) => {
                self.push(Said::Thinking(String::new(), String::new()));
            }
            Some(Opening::Redacted(_)) | None => {}
        }
    }

    fn closes(&mut self, block: Block) {
        self.over = true;
        self.beside = self.beside.filter(|open| *open != block);
        if !self.marked {
            self.read.mark.open = None;
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
        self.read.mark.signed |= !self.marked && matches!(piece, Piece::Signature(_));
        match piece {
            Piece::Text(raw) => {
                self.over = false;
                if self.read.bar.is_none() {
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
            self.read.mark.details = self.read.mark.details.max(next);
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
        self.read.said = self.read.said.saturating_add(bytes);
        self.limit()
    }

    /// Bars it where too much was read, and keeps no more of what cannot be gone on with. Whether it can.
    fn limit(&mut self) -> bool {
        self.read.limit();
        let barred = self.read.bar.is_some();
        if barred {
            self.drop_unsettled();
            self.open.clear();
        }
        !barred
    }

    /// The same of reasoning: too much of it is not sent back, and that is all.
    fn thinks(&mut self, bytes: usize) -> bool {
        if self.read.bar.is_some() || THOUGHTS_MAX < self.read.thought {
            return false;
        }
        self.read.thought = self.read.thought.saturating_add(bytes);
        self.read.thought <= THOUGHTS_MAX
    }
}

const NATIVE: &str = "something that only its dialect has";
const HOLE: &str = "pieces that are not what was said as a whole";
const BEHIND_A_CALL: &str = "text behind a tool call that was delivered";

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape of a filter")]
fn is_shown(part: &&Said) -> bool {
    !matches!(part, Said::Thinking(..) | Said::Redacted(_))
}

fn is_behind_a_call<'a>(parts: impl DoubleEndedIterator<Item = &'a Said>) -> bool {
    let mut shown = parts.filter(is_shown).rev();
    matches!(shown.next(), Some(Said::Text(_))) && shown.any(|part| matches!(part, Said::Call(..)))
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
