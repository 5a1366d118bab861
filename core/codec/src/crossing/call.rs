//! A tool call while it is put together, and what makes it fit to be shown.

use super::desk::Desk;
use crate::Error;
use crate::json::{self, Members, Type, Word};
use crate::lazy::Raw;
use crate::request::Alias;
use ir::{Aside, Block, Call, Event, Events, Opening};
use std::fmt;

/// A call whose pieces are collected. Texts are the insides of JSON strings.
#[derive(Debug)]
pub(super) struct Pending {
    block: Block,
    pub(super) said: Call,
    pub(super) arguments: String,
}

/// Calls that were not shown yet, in the order they began.
#[derive(Debug, Default)]
pub(super) struct Calls(Vec<Pending>);

/// Calls that were written since it was last told.
#[derive(Debug, Default)]
pub(super) struct Written(Vec<(Block, Call)>);

/// The ids of the calls that were shown, as text: no two are the same.
#[derive(Debug, Default)]
pub(super) struct Ids(Vec<String>);

/// Why a call is not shown.
pub(super) const BROKEN: &str =
    "a tool call that has no name, or whose arguments are not a JSON object";

/// Whether Messages takes it for an id: `^[a-zA-Z0-9_-]+$`.
pub(super) fn is_legal_id(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(is_legal)
}

/// What of a text may stand in an id; the rest is `_`.
pub(super) fn legal(text: &str, max: usize) -> String {
    let legal = |byte: u8| if is_legal(byte) { char::from(byte) } else { '_' };
    text.bytes().take(max).map(legal).collect()
}

fn is_legal(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// Puts the caller's names of tools in the place of the provider's: a call is known by its name to
/// whoever goes on with the answer, and that may be another provider.
pub(super) fn rename(events: &mut Events, aliases: &[Alias]) {
    if aliases.is_empty() {
        return;
    }
    for event in events {
        if let Event::Open(_, Some(opening)) = event
            && let Opening::Call(call) = &mut **opening
        {
            name(call, aliases);
        }
        if let Event::Aside(Aside::Call(_, call)) = event {
            name(call, aliases);
        }
    }
}

/// Gives a call the name that the caller has for it.
fn name(call: &mut Call, aliases: &[Alias]) {
    let quoted = format!("\"{}\"", call.name);
    let name: Option<Word<'_>> = serde_json::from_str(&quoted).ok();
    let find =
        |name: Word<'_>| aliases.binary_search_by(|it| it.there.as_str().cmp(name.as_str())).ok();
    if let Some(alias) = name.and_then(find).and_then(|place| aliases.get(place)) {
        call.name = alias.here.as_str().into();
    }
}

/// The text whose inside this is. Half a surrogate pair becomes a replacement character: the result
/// is looked at and never passed on.
fn unescaped(inside: &str) -> Option<String> {
    struct Lossy;

    impl serde::de::Visitor<'_> for Lossy {
        type Value = String;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string")
        }

        fn visit_bytes<E>(self, bytes: &[u8]) -> Result<String, E> {
            Ok(String::from_utf8_lossy(bytes).into_owned())
        }
    }

    let quoted = format!("\"{inside}\"");
    let mut json = serde_json::Deserializer::from_str(&quoted);
    serde::Deserializer::deserialize_bytes(&mut json, Lossy).ok()
}

// === impl Calls ===

impl Calls {
    /// A call begins.
    pub(super) fn begin(
        &mut self,
        block: Block,
        said: &Call,
        desk: &mut Desk,
    ) -> Result<(), Error> {
        let call = Pending { block, said: said.clone(), arguments: String::new() };
        desk.hold(call.size())?;
        self.0.push(call);
        Ok(())
    }

    /// More is said of a call.
    pub(super) fn learn(
        &mut self,
        block: Block,
        said: &Call,
        desk: &mut Desk,
    ) -> Result<(), Error> {
        let Some(call) = self.find(block) else { return Ok(()) };
        desk.release(call.size());
        call.said.learn(said);
        desk.hold(call.size())
    }

    /// More of a call's arguments.
    pub(super) fn add(&mut self, block: Block, raw: &str, desk: &mut Desk) -> Result<(), Error> {
        let Some(call) = self.find(block) else { return Ok(()) };
        desk.hold(raw.len())?;
        call.arguments.push_str(raw);
        Ok(())
    }

    /// Takes out the call of a block.
    pub(super) fn take(&mut self, block: Block, desk: &mut Desk) -> Option<Pending> {
        let place = self.0.iter().position(|call| call.block == block)?;
        let call = self.0.remove(place);
        desk.release(call.size());
        Some(call)
    }

    /// Takes out all.
    pub(super) fn take_all(&mut self) -> Vec<Pending> {
        std::mem::take(&mut self.0)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn find(&mut self, block: Block) -> Option<&mut Pending> {
        self.0.iter_mut().find(|call| call.block == block)
    }
}

// === impl Ids ===

impl Ids {
    /// Of those that were shown before: insides of JSON strings, empty where a call had none.
    pub(super) fn of(shown: &[Box<str>]) -> Self {
        Self(shown.iter().map(|id| plain(id)).collect())
    }

    /// How many were shown.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The id to show, the inside of a JSON string: the provider's, if it has one and nobody else has
    /// that, else `own` with its place behind. Servers that count give the same ids in every answer.
    pub(super) fn show(&mut self, id: &str, own: &str) -> String {
        let mut place = self.0.len();
        let mut show = id.to_owned();
        while show.is_empty() || self.0.contains(&plain(&show)) {
            show = format!("{own}_{place}");
            place = place.saturating_add(1);
        }
        self.0.push(plain(&show));
        show
    }
}

/// The text to compare whose inside this is.
fn plain(inside: &str) -> String {
    unescaped(inside).unwrap_or_else(|| inside.to_owned())
}

// === impl Written ===

impl Written {
    /// This call was written, under this id.
    pub(super) fn add(&mut self, call: &Pending, id: &str, custom: bool) {
        let said = Call { id: id.into(), custom, ..call.said.clone() };
        self.0.push((call.block, said));
    }

    /// Tells of each call, before its close, how it was written.
    pub(super) fn tell(&mut self, events: &mut Events) {
        for (block, said) in self.0.drain(..) {
            let closes = events.iter().position(|event| *event == Event::Close(block));
            let place = closes.unwrap_or(events.len());
            events.insert(place, Event::Aside(Aside::Shown(block, Box::new(said))));
        }
    }
}

// === impl Pending ===

impl Pending {
    /// How much of it is held, in bytes.
    fn size(&self) -> usize {
        self.arguments.len().saturating_add(self.said.said())
    }

    /// The arguments, the inside of a JSON string still; those of a call without any are `{}`.
    pub(super) fn arguments(&self) -> &str {
        if self.is_bare() { "{}" } else { &self.arguments }
    }

    /// Whether it can be shown: it is called something, with a JSON object.
    pub(super) fn is_whole(&self) -> bool {
        let object = || {
            let text = unescaped(&self.arguments)?;
            let raw: Raw<'_> = serde_json::from_str(&text).ok()?;
            (json::type_of(raw) == Type::Object).then_some(())
        };
        !self.said.name.is_empty() && (self.said.custom || self.is_bare() || object().is_some())
    }

    /// The inside of the text `input`, the one argument of a custom tool that was sent as a
    /// function.
    pub(super) fn input(&self) -> Option<String> {
        let text = unescaped(&self.arguments)?;
        let members = Members::read(&text)?;
        Some(json::inside(members.get("input")?)?.to_owned())
    }

    /// Whether it is a custom tool for the caller, whose names these are.
    pub(super) fn is_custom(&self, aliases: &[Alias]) -> bool {
        self.said.custom || aliases.iter().any(|it| it.free && *it.here == *self.said.name)
    }

    fn is_bare(&self) -> bool {
        !self.said.custom && self.arguments.bytes().all(|byte| byte == b' ')
    }
}

#[cfg(test)]
mod tests {
    use super::{Pending, is_legal_id, legal, unescaped};
    use ir::{Block, BlockKind, Call};

    #[test]
    fn arguments_are_looked_at_and_not_touched() {
        let pending = |arguments: &str| {
            let block = Block { kind: BlockKind::Tool, index: 0 };
            let said = Call { name: "f".into(), ..Call::default() };
            Pending { block, said, arguments: arguments.to_owned() }
        };
        for whole in [
            "",
            "{}",
            r#"{\"a\":1e400}"#,
            r#"{\"a\":\"\\ud83d\"}"#,
            r#"{\"a\":\"\ud83d\"}"#,
            r"\u007b}",
            r#" {\"a\":1,\"a\":2}\n"#,
        ] {
            assert!(pending(whole).is_whole(), "{whole}");
        }
        for half in [r#"{\"a\""#, "[]", "null", r#"\"{}\""#, "{}{}", r#"{\"a\":\"\u0000\"}"#] {
            assert!(!pending(half).is_whole(), "{half}");
        }
        assert_eq!(
            pending(r#"{\"input\":\"a\\n\\u00e9\"}"#).input().as_deref(),
            Some(r"a\n\u00e9")
        );
        assert_eq!(unescaped(r"\ud83d").as_deref(), Some("\u{fffd}\u{fffd}\u{fffd}"));
    }

    #[test]
    fn ids_are_legal() {
        assert!(is_legal_id("call_A-1") && !is_legal_id("a.b") && !is_legal_id(""));
        assert_eq!(legal("a.b:é", 9), "a_b___");
    }
}
