//! Anthropic Messages: the events of a stream, in the only order there is
//! (<https://docs.claude.com/en/docs/build-with-claude/streaming>).
//!
//! **Invariant:** whatever is called in whatever order, what is written is the beginning of a legal
//! stream: what must come before is written before, and behind the end nothing is.

use crate::crossing::Resume;
use crate::crossing::desk::Desk;
use crate::{json, seal};
use ir::{BlockKind, Envelope, Mark, Tokens};

/// The state of the stream; every method writes what leads from here to where it may be said.
///
/// ```text
///             message_start              content_block_start
///   Idle ───────────────────▶ Between ─────────────────────────▶ Open ─┐ content_block_delta
///                               │  ▲                              │ ▲──┘
///                               │  └──────────────────────────────┘
///                               │         content_block_stop
///                               │ message_delta, message_stop; or an error, from any state
///                               ▼
///                             Over
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Idle,
    Between,
    Open(Kind),
    Over,
}

/// The blocks that grow piece by piece.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Text,
    Thinking,
}

/// How a message ends.
#[derive(Debug)]
pub(super) struct Stop<'a> {
    /// `stop_reason`.
    pub(super) reason: &'static str,
    /// The inside of `stop_details.explanation` of a refusal; `None` where there was none.
    pub(super) explanation: Option<&'a str>,
    /// The inside of `stop_sequence`.
    pub(super) sequence: Option<&'a str>,
    /// A member more of the last event, with the comma before it.
    pub(super) object: &'a str,
    /// All that is known of the usage; zeros where nothing is.
    pub(super) tokens: Tokens,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Writer {
    state: State,
    /// The next block's.
    index: u32,
    /// What a delta of the open block begins with.
    opening: String,
    /// White space that began a block of text, which may be all there is of it.
    blank: String,
    /// The inside of `message.id`, of `message.model`.
    id: String,
    model: String,
    /// What the inside of a thinking block's signature begins with.
    signature: String,
    /// The rest of it, of the open block: what its provider signed it with, as far as that came.
    secret: String,
    /// The open block has its signature.
    signed: bool,
    /// The open block was begun by another attempt: what it thought is its own.
    theirs: bool,
}

/// White space that is kept until text follows it, in bytes: some models write nothing else for ever.
const BLANK_MAX: usize = 4096;

/// Whether a piece of text is white space only, as far as models write it.
fn is_blank(raw: &str) -> bool {
    let mut bytes = raw.bytes();
    while let Some(byte) = bytes.next() {
        let white = match byte {
            b'\\' => matches!(bytes.next(), Some(b'n' | b't' | b'r')),
            byte => byte == b' ',
        };
        if !white {
            return false;
        }
    }
    true
}

// === impl Writer ===

impl Writer {
    /// `id` until one is known.
    pub(super) fn new(id: String, model: &str, signature: String) -> Self {
        Self {
            state: State::Idle,
            index: 0,
            opening: String::new(),
            blank: String::new(),
            id,
            model: json::escaped(model),
            signature,
            secret: String::new(),
            signed: false,
            theirs: false,
        }
    }

    /// Goes on with a stream that stands where its mark says.
    pub(super) fn resumed(resume: &Resume, signature: String) -> Self {
        let Mark { next, open, signed, details: _ } = resume.mark;
        let kind = match open {
            Some(BlockKind::Text) => Some(Kind::Text),
            Some(BlockKind::Reasoning) => Some(Kind::Thinking),
            // Nothing of these is handed over before it is closed.
            Some(BlockKind::Tool | BlockKind::Other) | None => None,
        };
        let mut writer = Self::new(resume.envelope.id.to_string(), "", signature);
        writer.model = resume.envelope.model.to_string();
        writer.index = if kind.is_some() { next.saturating_sub(1) } else { next };
        writer.state = State::Between;
        if let Some(kind) = kind {
            writer.grows(kind);
            writer.signed = signed;
            writer.theirs = true;
        }
        writer
    }

    pub(super) fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// Where the stream stands.
    pub(super) fn mark(&self) -> Mark {
        let open = match self.state {
            State::Open(Kind::Text) => Some(BlockKind::Text),
            State::Open(Kind::Thinking) => Some(BlockKind::Reasoning),
            State::Idle | State::Between | State::Over => None,
        };
        let next = self.index.saturating_add(u32::from(open.is_some()));
        Mark { next, open, signed: open.is_some() && self.signed, details: 0 }
    }

    /// The name of the stream.
    pub(super) fn envelope(&self) -> Envelope {
        let Self { id, model, .. } = self;
        Envelope { id: id.as_str().into(), model: model.as_str().into(), created: None }
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// The message's id is known, before its start was written.
    pub(super) fn named(&mut self, id: String) {
        if self.state == State::Idle {
            self.id = id;
        }
    }

    /// `message_start`. The counts are not known yet: zeros, for SDKs must have them; the real ones
    /// come with `message_delta`, where they are cumulative.
    pub(super) fn start(&mut self, desk: &mut Desk) {
        if self.state != State::Idle {
            return;
        }
        self.state = State::Between;
        desk.put(&[
            "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"",
            &self.id,
            "\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"",
            &self.model,
            "\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\
             \"input_tokens\":0,\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,\
             \"output_tokens\":0}}}\n\n",
        ]);
    }

    /// A piece of text. White space alone makes no block: Anthropic refuses such blocks when they
    /// are sent back (<https://github.com/NousResearch/hermes-agent/issues/11929>). Where the piece was
    /// written, the white space that was written before it; `None` where it was not.
    pub(super) fn text(&mut self, raw: &str, desk: &mut Desk) -> Option<String> {
        if raw.is_empty() || self.is_over() {
            return None;
        }
        let mut blank = String::new();
        if self.state != State::Open(Kind::Text) {
            if is_blank(raw) {
                if let State::Open(_) = self.state {
                    self.close(desk);
                }
                if self.blank.len() < BLANK_MAX {
                    self.blank.push_str(raw);
                } else {
                    desk.lose("choices[].message.content", "dropped: white space");
                }
                return None;
            }
            blank = std::mem::take(&mut self.blank);
            self.open(Kind::Text, desk);
            if !blank.is_empty() {
                self.delta(&blank, desk);
            }
        }
        self.delta(raw, desk);
        Some(blank)
    }

    /// A piece of thinking. Where a block of it is open that takes no more, another one is opened.
    pub(super) fn thinking(&mut self, raw: &str, desk: &mut Desk) {
        if raw.is_empty() || self.is_over() {
            return;
        }
        if !self.thinks() || !self.secret.is_empty() {
            self.open(Kind::Thinking, desk);
        }
        self.delta(raw, desk);
    }

    /// A piece of a signature, which is held until its block is closed. What was thought may be kept from
    /// the caller: then its block has nothing else.
    pub(super) fn sign(&mut self, raw: &str, desk: &mut Desk) {
        if raw.is_empty() || self.is_over() {
            return;
        }
        if !self.thinks() {
            self.open(Kind::Thinking, desk);
        }
        // There is one, and it comes whole.
        raw.clone_into(&mut self.secret);
    }

    /// A block of thinking is open that is not another attempt's.
    fn thinks(&self) -> bool {
        self.state == State::Open(Kind::Thinking) && !self.signed && !self.theirs
    }

    /// Closes the block that is open, if one is.
    pub(super) fn close(&mut self, desk: &mut Desk) {
        if !std::mem::take(&mut self.blank).is_empty() {
            desk.lose("choices[].message.content", "dropped: white space");
        }
        let State::Open(kind) = self.state else { return };
        let index = self.index.to_string();
        if kind == Kind::Thinking && !self.signed {
            // What another attempt thought belongs to nobody.
            let nobodys = self.theirs.then(seal::nobodys);
            let signature = nobodys.as_ref().unwrap_or(&self.signature);
            desk.put(&[
                "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":",
                &index,
                ",\"delta\":{\"type\":\"signature_delta\",\"signature\":\"",
                signature,
                &self.secret,
                "\"}}\n\n",
            ]);
        }
        desk.release(std::mem::take(&mut self.secret).len());
        self.stop(desk);
    }

    /// A block of reasoning that only its provider reads; `data` is the inside of a string.
    pub(super) fn redacted(&mut self, data: &str, desk: &mut Desk) {
        let block = ["{\"type\":\"redacted_thinking\",\"data\":\"", data, "\"}"];
        if self.begin(&block, desk) {
            self.stop(desk);
        }
    }

    /// A whole tool call. All are insides of strings.
    pub(super) fn call(&mut self, id: &str, name: &str, arguments: &str, desk: &mut Desk) {
        let block =
            ["{\"type\":\"tool_use\",\"id\":\"", id, "\",\"name\":\"", name, "\",\"input\":{}}"];
        if self.begin(&block, desk) {
            desk.put(&[
                "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":",
                &self.index.to_string(),
                ",\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"",
                arguments,
                "\"}}\n\n",
            ]);
            self.stop(desk);
        }
    }

    /// `message_delta` and `message_stop`.
    pub(super) fn end(&mut self, stop: &Stop<'_>, desk: &mut Desk) {
        if self.is_over() {
            return;
        }
        self.start(desk);
        self.close(desk);
        self.state = State::Over;
        desk.put(&[
            "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"",
            stop.reason,
            "\",\"stop_sequence\":",
        ]);
        match stop.sequence {
            Some(sequence) => desk.put(&["\"", sequence, "\""]),
            None => desk.put(&["null"]),
        }
        if stop.reason == "refusal" {
            desk.put(&[",\"stop_details\":{\"type\":\"refusal\",\"category\":null,"]);
            match stop.explanation {
                Some(text) => desk.put(&["\"explanation\":\"", text, "\"}"]),
                None => desk.put(&["\"explanation\":null}"]),
            }
        }
        let Tokens { input, cache_read, cache_write, output, reasoning } = stop.tokens;
        desk.put(&[&format!(
            "}},\"usage\":{{\"input_tokens\":{input},\"cache_creation_input_tokens\":{cache_write},\
             \"cache_read_input_tokens\":{cache_read},\"output_tokens\":{output}"
        )]);
        if reasoning > 0 {
            desk.put(&[&format!(",\"output_tokens_details\":{{\"thinking_tokens\":{reasoning}}}")]);
        }
        let end = "}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"";
        desk.put(&[end, stop.object, "}\n\n"]);
    }

    /// Ends the stream with bytes of ours; nothing follows an error.
    pub(super) fn fail(&mut self, error: &[u8], desk: &mut Desk) {
        if !self.is_over() {
            self.state = State::Over;
            desk.bytes(error);
        }
    }

    /// Nothing more.
    pub(super) fn abandon(&mut self) {
        self.state = State::Over;
    }

    fn open(&mut self, kind: Kind, desk: &mut Desk) {
        let block = match kind {
            Kind::Text => "{\"type\":\"text\",\"text\":\"\"}",
            Kind::Thinking => "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}",
        };
        if self.begin(&[block], desk) {
            self.grows(kind);
        }
    }

    /// From here on pieces of this kind may be written.
    fn grows(&mut self, kind: Kind) {
        let delta = match kind {
            Kind::Text => "text_delta\",\"text",
            Kind::Thinking => "thinking_delta\",\"thinking",
        };
        self.state = State::Open(kind);
        self.signed = false;
        self.theirs = false;
        let index = self.index;
        self.opening = format!(
            "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\
             \"index\":{index},\"delta\":{{\"type\":\"{delta}\":\""
        );
    }

    /// A piece of the open block.
    fn delta(&self, raw: &str, desk: &mut Desk) {
        desk.put(&[&self.opening, raw, "\"}}\n\n"]);
    }

    /// `content_block_start`, unless the stream is over.
    fn begin(&mut self, block: &[&str], desk: &mut Desk) -> bool {
        if self.is_over() {
            return false;
        }
        self.start(desk);
        self.close(desk);
        desk.put(&[
            "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":",
            &self.index.to_string(),
            ",\"content_block\":",
        ]);
        desk.put(block);
        desk.put(&["}\n\n"]);
        true
    }

    /// `content_block_stop`.
    fn stop(&mut self, desk: &mut Desk) {
        desk.put(&[
            "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":",
            &self.index.to_string(),
            "}\n\n",
        ]);
        self.index = self.index.saturating_add(1);
        self.state = State::Between;
    }
}
