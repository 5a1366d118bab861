//! A request that stays in its dialect, and carries seals from answers that crossed, or that another
//! attempt went on with.
//!
//! Its target is given back what it signed itself, and would refuse the rest: that is another's. Where calls
//! stay behind without the thinking that led to them, it is not asked to think on.
//!
//! **Invariant:** messages keep their bytes, but for thinking that is left out or opened.

use super::Out;
use super::round::{Spoken, Thought, round};
use crate::json::{self, Members};
use crate::lazy::Raw;
use crate::seal::{self, MARK, Origin};
use bytes::Bytes;
use ir::{Crossable, Losses};
use memchr::memmem;
use serde::Deserialize;
use std::borrow::Cow;
use std::ops::Range;

/// Why thinking of no origin is left out.
const REFUSED: &str = "dropped: the target refuses its signature";

/// A message as it is sent.
struct Sent<'a> {
    text: Cow<'a, str>,
    /// Reasoning that was in it is left out.
    lost: bool,
}

/// What of a request may have to be written anew.
#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    messages: Vec<Raw<'a>>,
    #[serde(borrow, default)]
    thinking: Option<Raw<'a>>,
    #[serde(borrow, default)]
    context_management: Option<Raw<'a>>,
}

/// The body as a target of this origin takes it, without the reasoning that others sealed; and what was
/// lost. A target of no origin takes no reasoning at all that was signed. `None` where the body is as it
/// should be. `added`: its last turns are ours.
pub fn without_seals(
    dialect: Crossable,
    body: &[u8],
    own: Option<Origin>,
    added: bool,
) -> Option<(Bytes, Losses)> {
    let sealed = own.is_none() || memmem::find(body, MARK.as_bytes()).is_some();
    let added = added && dialect == Crossable::Messages;
    if !sealed && !added {
        return None;
    }
    let text = std::str::from_utf8(body).ok()?;
    let body: Body<'_> = serde_json::from_str(text).ok()?;
    let mut losses = Losses::default();
    let place = json::place_of_all(text, &body.messages)?;
    let kept = body.messages.iter().filter_map(|raw| message(dialect, raw.get(), own, &mut losses));
    let kept: Vec<Sent<'_>> = kept.collect();
    let mut edits = Vec::new();
    if dialect == Crossable::Messages && body.asks_for_thought() && lacks_thought(&kept, added) {
        edits = body.without_thinking(text, &mut losses);
    } else if !sealed {
        return None;
    }
    let kept: Vec<&str> = kept.iter().map(|sent| &*sent.text).collect();
    edits.push((place, kept.join(",")));
    json::spliced(text, edits).map(|body| (Bytes::from(body), losses))
}

fn is_sealed(text: &str) -> bool {
    memmem::find(text.as_bytes(), MARK.as_bytes()).is_some()
}

/// Whether a request of Messages may hold signed thinking, and its caller would rather see that left out
/// than refused: it says so where it asks for thinking (`prefix_mismatch_behavior`, beta
/// `thinking-binding-controls-2026-08-01`).
pub fn may_lack_seals(body: &[u8]) -> bool {
    const BEHAVIOUR: &str = "prefix_mismatch_behavior";
    let has = |word: &str| memmem::find(body, word.as_bytes()).is_some();
    let strict = || {
        let body: Body<'_> = serde_json::from_slice(body).ok()?;
        let thinking = Members::read(body.thinking?.get())?;
        Some(json::inside(thinking.get(BEHAVIOUR)?)? == "error")
    };
    (has("\"signature\"") || has("\"redacted_thinking\""))
        && !(has(BEHAVIOUR) && strict().unwrap_or_default())
}

/// Whether the round of calls at the end lacks the thinking that it began with, or that it would end with,
/// where that is our doing: what the caller wrote that way is its own to mend. `added`: the last turns
/// are ours.
fn lacks_thought(messages: &[Sent<'_>], added: bool) -> bool {
    let round = round(messages.iter().map(Sent::spoken));
    round.is_some_and(|round| round.first.is_gone() || round.ends_without(added))
}

/// A message without the seals of others; `None` where nothing else was in it.
fn message<'a>(
    dialect: Crossable,
    raw: &'a str,
    own: Option<Origin>,
    losses: &mut Losses,
) -> Option<Sent<'a>> {
    let is_concerned = own.is_none() || is_sealed(raw);
    let members = Members::read(raw).filter(|_| is_concerned).unwrap_or_default();
    let content = members.get("content");
    // Of Chat's fields only this one is ours; a text may well speak of seals.
    let details = members.get("reasoning_details").filter(|raw| is_sealed(raw.get()));
    let blocks = match dialect {
        Crossable::Chat => details.map(|_| (Vec::new(), true)),
        Crossable::Messages => content.and_then(|content| blocks(content, own)),
    };
    let Some((blocks, lost)) = blocks else {
        return Some(Sent { text: Cow::Borrowed(raw), lost: false });
    };
    if lost {
        let path = match dialect {
            Crossable::Chat => "messages[].reasoning_details",
            Crossable::Messages => "messages[].content[].thinking",
        };
        losses.add(path, if own.is_some() { "dropped: another's" } else { REFUSED });
    }
    let is_ours = |key: &str| matches!(key, "reasoning_details" | "reasoning_content");
    let left = match dialect {
        Crossable::Chat => {
            let says = |key: &str| !matches!(key, "role" | "name") && !is_ours(key);
            members.0.iter().any(|(key, raw)| says(key) && json::holds(Some(*raw)))
        }
        Crossable::Messages => !blocks.is_empty(),
    };
    let mut out = Out::with_capacity(raw.len());
    out.object(|out| {
        for (key, value) in &members.0 {
            match (dialect, key.as_ref()) {
                // What is told of sealed reasoning is not the target's either.
                (Crossable::Chat, key) if is_ours(key) => {}
                (Crossable::Messages, "content") => {
                    out.raw_member(key, &format!("[{}]", blocks.join(",")));
                }
                (Crossable::Chat | Crossable::Messages, _) => out.raw_member(key, value.get()),
            }
        }
    });
    left.then(|| Sent { text: Cow::Owned(out.finish()), lost })
}

/// A block of a message, as far as seals go.
enum Block {
    Plain,
    /// Reasoning as its provider signed it.
    Signed,
    /// A seal that the target opens; the block as it wrote it.
    Opened(String),
    /// A seal of another's, or an empty one.
    Shut,
}

/// The blocks that are the target's, and whether others are left out; `None` where none has a seal. What
/// stands before one that it signed itself was thought by an attempt that was cut: it knew nothing of
/// that, and may have signed that nothing came before.
fn blocks(content: Raw<'_>, own: Option<Origin>) -> Option<(Vec<Cow<'_, str>>, bool)> {
    let raws: Vec<Raw<'_>> = serde_json::from_str(content.get()).ok()?;
    let read = |raw: Raw<'_>| Block::read(raw, own);
    let blocks: Vec<Block> = raws.iter().copied().map(read).collect();
    let sealed = |block: &Block| matches!(block, Block::Opened(_) | Block::Shut);
    let first = blocks.iter().position(|block| matches!(block, Block::Opened(_))).unwrap_or(0);
    blocks.iter().any(sealed).then(|| {
        let count = raws.len();
        let all = raws.into_iter().zip(blocks).enumerate();
        let kept = all.filter_map(|(at, (raw, block))| match block {
            Block::Opened(text) => Some(Cow::Owned(text)),
            Block::Plain => Some(Cow::Borrowed(raw.get())),
            Block::Signed => (first <= at).then(|| Cow::Borrowed(raw.get())),
            Block::Shut => None,
        });
        let kept: Vec<_> = kept.collect();
        let lost = kept.len() < count;
        (kept, lost)
    })
}

// === impl Sent ===

impl Sent<'_> {
    fn spoken(&self) -> Spoken {
        let message = Members::read(&self.text).unwrap_or_default();
        let kinds = message.get("content").map(kinds).unwrap_or_default();
        match message.get("role").and_then(json::inside) {
            Some("user") => Spoken::User { results: kinds.contains(&"tool_result") },
            Some("assistant") => {
                let begins = matches!(kinds.first(), Some(&("thinking" | "redacted_thinking")));
                Spoken::Model(Thought { begins, lost: self.lost })
            }
            Some(_) | None => Spoken::Operator,
        }
    }
}

/// Of what kind the blocks of a message are.
fn kinds(content: Raw<'_>) -> Vec<&str> {
    let blocks: Vec<Raw<'_>> = serde_json::from_str(content.get()).unwrap_or_default();
    blocks.iter().map(|raw| kind(*raw).unwrap_or_default()).collect()
}

/// Of what kind an object is.
fn kind(raw: Raw<'_>) -> Option<&str> {
    Members::read(raw.get())?.get("type").and_then(json::inside)
}

// === impl Body ===

impl Body<'_> {
    /// The one way to ask for thinking in which it has to come back with its calls
    /// (<https://platform.claude.com/docs/en/build-with-claude/extended-thinking>).
    fn asks_for_thought(&self) -> bool {
        self.thinking.and_then(kind) == Some("enabled")
    }

    /// What has to change so that the model does not think.
    fn without_thinking(&self, text: &str, losses: &mut Losses) -> Vec<(Range<usize>, String)> {
        const WHY: &str = "dropped: the thinking behind the last calls is another's";
        losses.add("thinking", WHY);
        let thinking = self.thinking.map(|raw| (raw, r#"{"type":"disabled"}"#.to_owned()));
        let management = self.context_management.and_then(|raw| {
            let kept = without_clearing(raw)?;
            losses.add("context_management.edits[]", WHY);
            Some((raw, kept))
        });
        let edits = thinking.into_iter().chain(management);
        edits.map(|(raw, new)| (json::place_in(text, raw), new)).collect()
    }
}

/// What is to be done with the context, without the clearing of thinking, which is refused where there is
/// none (<https://github.com/anthropics/claude-code/issues/11971>). `None` where nothing is cleared.
fn without_clearing(management: Raw<'_>) -> Option<String> {
    let members = Members::read(management.get())?;
    let edits: Vec<Raw<'_>> = serde_json::from_str(members.get("edits")?.get()).ok()?;
    let clears = |raw: &Raw<'_>| kind(*raw).is_some_and(|kind| kind.starts_with("clear_thinking_"));
    let kept: Vec<&str> = edits.iter().filter(|raw| !clears(raw)).map(|raw| raw.get()).collect();
    if kept.len() == edits.len() {
        return None;
    }
    let place = json::place_of_all(management.get(), &edits)?;
    json::spliced(management.get(), vec![(place, kept.join(","))])
}

// === impl Block ===

impl Block {
    fn read(raw: Raw<'_>, own: Option<Origin>) -> Self {
        let block = Members::read(raw.get()).unwrap_or_default();
        let field = match block.get("type").and_then(json::inside) {
            Some("thinking") => "signature",
            Some("redacted_thinking") => "data",
            Some(_) | None => return Self::Plain,
        };
        let signature = block.get(field).and_then(|raw| Some((raw, json::inside(raw)?)));
        let Some((place, seal)) = signature.filter(|(_, it)| it.starts_with(MARK)) else {
            return if own.is_some() { Self::Signed } else { Self::Shut };
        };
        let opened = seal::unwrap(seal);
        let secret = opened.filter(|(it, secret)| Some(*it) == own && !secret.is_empty());
        let opened = secret.and_then(|(_, secret)| {
            let edit = (json::place_in(raw.get(), place), format!("\"{secret}\""));
            json::spliced(raw.get(), vec![edit])
        });
        opened.map_or(Self::Shut, Self::Opened)
    }
}

#[cfg(test)]
mod tests {
    use super::{may_lack_seals, without_seals};
    use crate::seal::{Origin, wrap};
    use ir::Crossable;

    const OWN: &str = "a/m";
    const DROPPED: &str = "messages[].content[].thinking=dropped: another's";

    /// The body as the target takes it, and what it lost; `None` where it takes it as it is.
    fn unsealed(dialect: Crossable, body: &str, added: bool) -> Option<(String, String)> {
        let found = without_seals(dialect, body.as_bytes(), Some(Origin::of(OWN)), added);
        found.map(|(body, losses)| {
            let body = String::from_utf8(body.to_vec()).expect("UTF-8");
            (body, losses.said(9).join("; "))
        })
    }

    #[test]
    fn seals_are_left_out_and_the_rest_is_untouched() {
        let chat = "messages[].reasoning_details=dropped: another's";
        for (dialect, before, after, lost) in [
            (
                Crossable::Messages,
                r#"{ "z":1, "messages": [ {"role":"user","content":"a \u00e9 backstop"} , {"role":"assistant","content":[{"type":"thinking","thinking":"h","signature":"backstop1.0123456789abcdef."},{"type":"text", "text":"b"}]} ], "model":"m"}"#,
                r#"{ "z":1, "messages": [ {"role":"user","content":"a \u00e9 backstop"},{"role":"assistant","content":[{"type":"text", "text":"b"}]} ], "model":"m"}"#,
                DROPPED,
            ),
            (
                Crossable::Messages,
                r#"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"redacted_thinking","data":"backstop1.0123456789abcdef.x"}]},{"role":"user","content":"b"}]}"#,
                r#"{"messages":[{"role":"user","content":"a"},{"role":"user","content":"b"}]}"#,
                DROPPED,
            ),
            // A text may speak of seals, and so may what somebody else sealed.
            (
                Crossable::Messages,
                r#"{"messages":[{ "role":"user","content":"backstop1." },{"role":"user","content":[ {"type":"text","text":"backstop1."},{"type":"redacted_thinking","data":"a backstop1."}]}]}"#,
                r#"{"messages":[{ "role":"user","content":"backstop1." },{"role":"user","content":[ {"type":"text","text":"backstop1."},{"type":"redacted_thinking","data":"a backstop1."}]}]}"#,
                "",
            ),
            (
                Crossable::Chat,
                r#"{"messages":[{"role":"assistant","content":"b","reasoning_content":"h","reasoning_details":[{"signature":"backstop1.0123456789abcdef.x","index":0}]}]}"#,
                r#"{"messages":[{"role":"assistant","content":"b"}]}"#,
                chat,
            ),
            // Who declines says something.
            (
                Crossable::Chat,
                r#"{"messages":[{"role":"assistant","content":null,"refusal":"no","reasoning_details":[{"signature":"backstop1.0123456789abcdef.x"}]},{"role":"assistant","name":"m","content":"","reasoning_details":[{"data":"backstop1.0123456789abcdef.x"}]}]}"#,
                r#"{"messages":[{"role":"assistant","content":null,"refusal":"no"}]}"#,
                chat,
            ),
        ] {
            let expect = (after.to_owned(), lost.to_owned());
            assert_eq!(unsealed(dialect, before, false), Some(expect));
        }
        let plain = r#"{"messages":[{"role":"assistant","reasoning_content":"h"}]}"#;
        assert_eq!(unsealed(Crossable::Chat, plain, false), None);
    }

    /// A block of thinking that was signed so, as a caller sends it back.
    fn thought(signature: &str) -> String {
        format!(r#"{{"type":"thinking", "thinking":"h\u00e9","signature":"{signature}"}}"#)
    }

    #[test]
    fn what_a_target_signed_it_gets_back() {
        let sealed = |target: &str, secret: &str| wrap(Origin::of(target), secret);
        let own = |secret: &str| thought(&sealed(OWN, secret));
        let redacted = |data: &str| format!(r#"{{"type":"redacted_thinking","data":"{data}"}}"#);
        let text = r#"{"type":"text","text":"t"}"#.to_owned();
        for (blocks, expect) in [
            (vec![own("Er\\/U="), text.clone()], vec![thought("Er\\/U="), text.clone()]),
            (vec![redacted(&sealed(OWN, "x")), text.clone()], vec![redacted("x"), text.clone()]),
            (vec![thought(&sealed("b/m", "x")), text.clone()], vec![text.clone()]),
            (vec![redacted(&sealed("b/m", "x")), text.clone()], vec![text.clone()]),
            // What was cut was signed by nobody, and it was another attempt's.
            (vec![own(""), own("x"), text.clone()], vec![thought("x"), text.clone()]),
            (
                vec![thought("plain"), redacted("plain"), own("x"), text.clone()],
                vec![thought("x"), text.clone()],
            ),
            // Whoever thought before that keeps its own.
            (
                vec![thought("plain"), thought(&sealed("b/m", "x")), text.clone()],
                vec![thought("plain"), text.clone()],
            ),
            (
                vec![own("x"), thought("plain"), text.clone()],
                vec![thought("x"), thought("plain"), text.clone()],
            ),
        ] {
            let body = |blocks: &[String]| {
                let content = blocks.join(",");
                format!(r#"{{"messages":[{{"role":"assistant","content":[{content}]}}]}}"#)
            };
            let lost = if expect.len() < blocks.len() { DROPPED } else { "" };
            let expect = Some((body(&expect), lost.to_owned()));
            assert_eq!(unsealed(Crossable::Messages, &body(&blocks), false), expect);
        }
    }

    const BUDGET: &str = r#"{"type":"enabled","budget_tokens":1024}"#;
    const CALL: &str = r#"{"type":"tool_use","id":"c","name":"f","input":{}}"#;
    const LOST: &str = "thinking=dropped: the thinking behind the last calls is another's";

    /// A conversation of these turns of the model, each with the results of its calls behind it.
    fn rounds(thinking: &str, turns: &[&[&str]]) -> String {
        let result = r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"c"}]}"#;
        let turn = |blocks: &&[&str]| {
            let content = blocks.join(",");
            format!(r#",{{"role":"assistant","content":[{content}]}},{result}"#)
        };
        let turns: String = turns.iter().map(turn).collect();
        format!(
            r#"{{"thinking":{thinking},"messages":[{{"role":"user","content":"q"}}{turns}],"z":1}}"#
        )
    }

    #[test]
    fn behind_calls_whose_thinking_stayed_behind_nobody_thinks() {
        let shut = &*thought(&wrap(Origin::of("b/m"), "x"));
        let own = &*thought(&wrap(Origin::of(OWN), "x"));
        let plain = &*thought("plain");
        let text = r#"{"type":"text","text":"t"}"#;
        let adaptive = r#"{"type":"adaptive"}"#;
        for (thinking, turns, added, off) in [
            (BUDGET, &[&[shut, CALL][..]][..], false, true),
            (BUDGET, &[&[own, CALL]], false, false),
            // Nobody thinks before each call.
            (BUDGET, &[&[own, CALL], &[CALL]], false, false),
            (BUDGET, &[&[shut, plain, CALL]], false, false),
            // It has to come first.
            (BUDGET, &[&[text, shut, CALL]], false, true),
            // No round of calls: an answer, or one that is over.
            (BUDGET, &[&[shut, CALL], &[plain, text]], false, true),
            // What began the round counts, and what ends it.
            (BUDGET, &[&[shut, CALL], &[CALL]], false, true),
            (BUDGET, &[&[plain, CALL], &[shut, CALL]], false, true),
            (BUDGET, &[&[plain, CALL], &[shut, CALL], &[plain, CALL]], false, false),
            // Whoever came behind it was not asked to think.
            (BUDGET, &[&[plain, CALL], &[shut, CALL], &[CALL]], false, true),
            (BUDGET, &[&[plain, CALL], &[shut, CALL], &[CALL], &[plain, CALL]], false, false),
            // Nothing is ours of it: the caller has to mend it.
            (BUDGET, &[&[CALL]], false, false),
            (BUDGET, &[&[CALL]], true, true),
            (BUDGET, &[&[plain, CALL]], true, false),
            // Others think as they like.
            (adaptive, &[&[shut, CALL]], false, false),
            ("null", &[&[shut, CALL]], false, false),
            (r#"{"type":"disabled"}"#, &[&[CALL]], true, false),
        ] {
            let body = rounds(thinking, turns);
            let found = unsealed(Crossable::Messages, &body, added);
            let disabled = r#""thinking":{"type":"disabled"},"#;
            let Some((found, lost)) = found else {
                assert!(!off, "{body}");
                continue;
            };
            assert_eq!(lost.contains(LOST), off, "{body}");
            assert_eq!(lost.contains(DROPPED), body.contains(shut), "{body}");
            let kept = format!(r#""thinking":{thinking},"#);
            assert!(found.contains(if off { disabled } else { &kept }), "{body}: {found}");
            assert!(found.ends_with(r#"],"z":1}"#), "{found}");
        }
    }

    /// A round is over once the model answered without a call, or the user spoke instead of a result.
    #[test]
    fn only_the_last_round_counts() {
        let shut = thought(&wrap(Origin::of("b/m"), "x"));
        let body = rounds(BUDGET, &[&[&shut, CALL]]);
        let behind = |more: &str| {
            let body = body.replace(r#"],"z""#, &format!(r#",{more}],"z""#));
            unsealed(Crossable::Messages, &body, false).expect("a seal").1
        };
        assert_eq!(behind(r#"{"role":"assistant","content":"done"}"#), DROPPED);
        let next = r#"{"role":"assistant","content":"done"},{"role":"user","content":"more"}"#;
        assert_eq!(behind(next), DROPPED);
        let both = format!("{DROPPED}; {LOST}");
        assert_eq!(behind(r#"{"role":"system","content":"be brief"}"#), both);
        assert_eq!(behind(r#"{"role":"user","content":"and be brief"}"#), both);
    }

    /// A target refused what another had signed, and is asked without any of it.
    #[test]
    fn a_target_that_refuses_signatures_gets_none() {
        let unsigned = |body: &str| {
            let found = without_seals(Crossable::Messages, body.as_bytes(), None, false);
            found.map(|(body, losses)| {
                let body = String::from_utf8(body.to_vec()).expect("UTF-8");
                (body, losses.said(9).join("; "))
            })
        };
        let own = thought(&wrap(Origin::of(OWN), "x"));
        let plain = thought("plain");
        let text = r#"{"type":"text","text":"t"}"#;
        let redacted = r#"{"type":"redacted_thinking","data":"d"}"#;
        let body = rounds(BUDGET, &[&[&plain, text, CALL], &[redacted, &own, CALL]]);
        let without = rounds(BUDGET, &[&[text, CALL], &[CALL]]);
        let without = without.replace(BUDGET, r#"{"type":"disabled"}"#);
        let dropped = "messages[].content[].thinking=dropped: the target refuses its signature";
        assert_eq!(unsigned(&body), Some((without, format!("{dropped}; {LOST}"))));
        let adaptive = r#"{"type":"adaptive"}"#;
        let body = rounds(adaptive, &[&[&plain, CALL]]);
        assert_eq!(unsigned(&body), Some((rounds(adaptive, &[&[CALL]]), dropped.to_owned())));
    }

    #[test]
    fn who_wants_to_be_told_is_told() {
        let plain = thought("plain");
        let sealed = thought(&wrap(Origin::of(OWN), "x"));
        let redacted = r#"{"type":"redacted_thinking","data":"d"}"#;
        let strict = r#"{"type":"adaptive","prefix_mismatch_behavior" : "error"}"#;
        let lax = strict.replace("error", "drop_block");
        for (thinking, block, expect) in [
            (BUDGET, &*plain, true),
            (BUDGET, redacted, true),
            (&lax, &plain, true),
            (strict, &plain, false),
            (strict, &sealed, false),
            // A text may speak of it.
            (BUDGET, r#"{"type":"text","text":"\"signature\" and \"redacted_thinking\""}"#, false),
            (BUDGET, CALL, false),
        ] {
            let body = rounds(thinking, &[&[block, CALL]]);
            assert_eq!(may_lack_seals(body.as_bytes()), expect, "{body}");
        }
    }

    /// Where nobody thinks, no thinking can be cleared.
    #[test]
    fn what_clears_thinking_goes_with_it() {
        let shut = thought(&wrap(Origin::of("b/m"), "x"));
        let other = r#"{"type":"clear_tool_uses_20250919", "keep":3}"#;
        let with = |edits: &str| {
            let management = format!(r#""context_management":{{"edits":[{edits}],"y":2}},"z""#);
            rounds(BUDGET, &[&[&shut, CALL]]).replace(r#""z""#, &management)
        };
        let clearing = r#"{"type":"clear_thinking_20251015","keep":"all"}"#;
        for (before, after) in [
            (clearing.to_owned(), ""),
            (format!("{clearing},{other}"), other),
            (other.to_owned(), other),
        ] {
            let (found, lost) =
                unsealed(Crossable::Messages, &with(&before), false).expect("a seal");
            let end = format!(r#""context_management":{{"edits":[{after}],"y":2}},"z":1}}"#);
            assert!(found.ends_with(&end), "{found}");
            assert_eq!(lost.contains("context_management.edits[]"), before.contains(clearing));
        }
    }
}
