//! What of an answer counts as told, and how it can be gone on with.

use super::{Told, Unescape, Way, escaped};
use crate::seam::TOLD_MAX;
use ir::{Block, BlockKind, Call, Envelope, Event, Mark, Opening, Piece, Said};
use proptest::prelude::{any, proptest};

fn block(kind: BlockKind, index: u32) -> Block {
    Block { kind, index }
}

fn text(raw: &str) -> Event {
    Event::Delta(block(BlockKind::Text, 0), Piece::Text(raw.into()))
}

fn opens(index: u32) -> Event {
    let call = Call { id: "c".into(), name: "f".into(), ..Call::default() };
    Event::Open(block(BlockKind::Tool, index), Some(Box::new(Opening::Call(call))))
}

fn arguments(index: u32, raw: &str) -> Event {
    Event::Delta(block(BlockKind::Tool, index), Piece::Arguments(raw.into()))
}

fn closes(index: u32) -> Event {
    Event::Close(block(BlockKind::Tool, index))
}

fn take(told: &mut Told, events: &[Event]) {
    for event in events {
        told.take(&std::iter::once(event.clone()).collect());
    }
}

fn told(events: &[Event]) -> Told {
    let mut told = Told::default();
    take(&mut told, events);
    told.settle();
    told
}

#[test]
fn what_was_held_was_not_told() {
    let mut first = told(&[text("a"), text("b\\n")]);
    take(&mut first, &[text("held"), opens(1), arguments(1, "{")]);
    first.forget_unsettled();
    assert_eq!(first.parts(), [Said::Text("ab\n".to_owned())]);
    assert_eq!(first.way(false, false), Way::Restart, "too short for an anchor");
}

#[test]
fn what_was_thought_and_held_was_not_told() {
    let thinks = |piece| Event::Delta(block(BlockKind::Reasoning, 0), piece);
    let mut it = told(&[thinks(Piece::Thinking("one".into()))]);
    take(&mut it, &[thinks(Piece::Thinking(" two".into())), thinks(Piece::Signature("s".into()))]);
    it.forget_unsettled();
    assert_eq!(it.parts(), [Said::Thinking("one".to_owned(), String::new())]);
}

#[test]
fn what_is_kept_is_counted_as_it_is_kept() {
    let escaped = "\\u4e2d".repeat(TOLD_MAX / 6);
    assert_eq!(told(&[text(&escaped)]).bar(), None, "half of what it takes on the wire");
    assert!(told(&[text(&escaped), text(&escaped), text(&escaped)]).bar().is_some());
}

#[test]
fn a_text_is_over_where_something_else_begins() {
    let over = |shown: &[Event], held: &[Event]| {
        let mut it = told(shown);
        take(&mut it, held);
        it.forget_unsettled();
        it.is_text_over()
    };
    let close = Event::Close(block(BlockKind::Text, 0));
    assert!(!over(&[text("a")], &[]));
    assert!(!over(&[text("a")], &[text("held"), opens(1)]), "some of the text was never told");
    assert!(over(&[text("a")], &[opens(1), arguments(1, "{")]));
    assert!(over(&[text("a"), close.clone()], &[]));
    assert!(!over(&[text("a"), close], &[text("held")]));
}

#[test]
fn what_came_later_is_put_behind() {
    let mut first = told(&[text("one ")]);
    let mut later = told(&[text("two"), opens(1), arguments(1, r#"{\"a\":1}"#), closes(1)]);
    take(&mut later, &[text("held")]);
    first.absorb(later);
    assert_eq!(first.text(), "one two");
    assert_eq!(first.parts().len(), 2);
    assert_eq!(first.way(true, true), Way::Calls);
    first.absorb(told(&[text("behind")]));
    assert!(first.bar().is_some(), "text behind a call");
}

#[test]
fn half_a_character_waits_for_its_other_half() {
    let half = told(&[text(r"a\ud83d")]);
    assert_eq!((half.text().as_str(), half.half()), ("a", Some(0xd83d)));
    assert_eq!(half.way(true, false), Way::Restart, "no turn can end with half of one");
    let whole = told(&[text(r"a\ud83d"), text(r"\ude00")]);
    assert_eq!((whole.text().as_str(), whole.half()), ("a😀", None));
    let mut joined = half.clone();
    let mut later = Told::behind(&half);
    take(&mut later, &[text(r"\ude00 b")]);
    later.settle();
    joined.absorb(later);
    assert_eq!((joined.text().as_str(), joined.half()), ("a😀 b", None));
    assert!(told(&[text(r"\ude00")]).bar().is_some());
    assert!(told(&[text(r"\ud83d"), text("x")]).bar().is_some());
}

#[test]
fn ways() {
    let thinks =
        |raw: &str| Event::Delta(block(BlockKind::Reasoning, 0), Piece::Thinking(raw.into()));
    let refuses = Event::Delta(block(BlockKind::Text, 0), Piece::Refusal("no".into()));
    let shown = |name: &str, custom: bool| {
        let call = Call { id: "d".into(), name: name.into(), custom, extra: None };
        Event::Aside(ir::Aside::Shown(block(BlockKind::Tool, 0), Box::new(call)))
    };
    let native = Event::Open(
        block(BlockKind::Other, 0),
        Some(Box::new(Opening::Native("server_tool_use".into()))),
    );
    for (events, prefill, structured, way) in [
        (vec![], false, false, Some(Way::Fresh)),
        (vec![thinks("hm")], true, false, Some(Way::Fresh)),
        (vec![text(" \\n")], true, false, Some(Way::Fresh)),
        (vec![text("Only a few words")], true, false, Some(Way::Restart)),
        (vec![text(&"more than a few words ".repeat(2))], true, false, Some(Way::Prefill)),
        (vec![text("{")], true, true, Some(Way::Restart)),
        (vec![text("a"), thinks("hm")], false, false, Some(Way::Restart)),
        (vec![opens(0), closes(0)], true, false, Some(Way::Calls)),
        (vec![text("a"), opens(0), closes(0), thinks("hm")], true, false, Some(Way::Calls)),
        (vec![opens(0), shown("g", false), closes(0)], true, false, Some(Way::Calls)),
        (vec![opens(0), shown("f", true), closes(0)], true, false, None),
        (vec![opens(0), shown("", false), closes(0)], true, false, None),
        (vec![refuses], true, false, None),
        (vec![native], true, false, None),
    ] {
        let told = told(&events);
        let found = told.bar().is_none().then(|| told.way(prefill, structured));
        assert_eq!(found, way, "{events:?}");
    }
}

#[test]
fn a_call_is_told_as_the_caller_was_shown_it() {
    let call = Call { id: "d".into(), name: "long.name".into(), ..Call::default() };
    let aside = ir::Aside::Shown(block(BlockKind::Tool, 0), Box::new(call.clone()));
    let told = told(&[opens(0), arguments(0, "{}"), Event::Aside(aside), closes(0)]);
    assert_eq!(told.parts(), [Said::Call(call, "{}".to_owned())]);
}

fn kept(json: &str) -> Event {
    Event::Aside(ir::Aside::Kept(ir::ItemEvent { item: 0, json: json.into() }))
}

#[test]
fn too_much_is_not_kept() {
    let piece = "x".repeat(1024);
    let mut long = Told::default();
    for _ in 0..TOLD_MAX / 1024 {
        take(&mut long, &[text(&piece)]);
        long.settle();
    }
    assert_eq!(long.text().len(), TOLD_MAX);
    let mut more = long.clone();
    take(&mut more, &[text("y")]);
    more.settle();
    assert!(more.bar().is_some() && more.text().is_empty());
    let thought = Event::Delta(block(BlockKind::Reasoning, 0), Piece::Thinking(piece.into()));
    let thoughts = told(&vec![thought; 100]);
    assert!(!thoughts.is_thought_whole());
    assert_eq!(thoughts.way(false, false), Way::Fresh, "that is no reason not to go on");
}

#[test]
fn what_was_held_bars_nothing() {
    let long = "x".repeat(TOLD_MAX + 1);
    let native = Event::Open(
        block(BlockKind::Other, 1),
        Some(Box::new(Opening::Native("web_search_call".into()))),
    );
    let custom = Call { id: "d".into(), name: "patch".into(), custom: true, extra: None };
    let custom = Event::Open(block(BlockKind::Tool, 1), Some(Box::new(Opening::Call(custom))));
    for held in [
        vec![opens(0), arguments(0, &long)],
        vec![text(&long)],
        vec![opens(0), native],
        vec![opens(0), custom, closes(1)],
        vec![kept(&long.repeat(4))],
        vec![text(r"\ude00")],
    ] {
        let mut it = told(&[text("said")]);
        take(&mut it, &held);
        it.forget_unsettled();
        assert_eq!((it.bar(), it.text().as_str()), (None, "said"), "{held:?}");
        let mut both = it.clone();
        both.absorb(it.clone());
        assert_eq!((both.bar(), both.text().as_str()), (None, "saidsaid"), "{held:?}");
        let settled = told(&held);
        assert!(settled.bar().is_some() && settled.parts().is_empty(), "{held:?}");
    }
}

#[test]
fn what_both_said_may_be_too_much_or_in_no_order() {
    let half = "x".repeat(TOLD_MAX / 2 + 1);
    let kept = |times| kept(&half.repeat(times));
    let call = || vec![opens(0), closes(0)];
    for (before, behind, barred) in [
        (vec![text("a")], vec![text("b")], false),
        (vec![text(&half)], vec![text(&half)], true),
        (vec![kept(4)], vec![kept(3)], false),
        (vec![kept(4)], vec![kept(4)], true),
        (call(), call(), false),
        (call(), vec![text("b")], true),
        (vec![text("a")], call(), false),
    ] {
        let (mut it, later) = (told(&before), told(&behind));
        assert_eq!((it.bar(), later.bar()), (None, None));
        assert_eq!(it.bar_with(&later).is_some(), barred);
        it.absorb(later);
        assert_eq!(it.bar().is_some(), barred);
    }
}

#[test]
fn blocks_that_are_open_at_once_are_in_no_order() {
    let open = |kind, index| Event::Open(block(kind, index), None);
    let close = |kind, index| Event::Close(block(kind, index));
    let (text, thinking) = (BlockKind::Text, BlockKind::Reasoning);
    for (events, barred) in [
        (vec![open(thinking, 0), close(thinking, 0), open(text, 1)], false),
        (vec![open(thinking, 0), open(text, 1)], true),
        (vec![open(text, 0), open(text, 1), close(text, 0), close(text, 1)], true),
        (vec![open(text, 0), open(text, 0)], false),
        (vec![opens(0), opens(1), closes(0), closes(1)], false),
    ] {
        assert_eq!(told(&events).bar().is_some(), barred, "{events:?}");
    }
}

#[test]
fn marks_are_told_or_made_of_blocks() {
    let open = |kind, index| Event::Open(block(kind, index), None);
    let first = told(&[
        open(BlockKind::Text, 0),
        text("a"),
        Event::Close(block(BlockKind::Text, 0)),
        open(BlockKind::Reasoning, 1),
    ]);
    assert_eq!(
        first.mark(),
        Mark { next: 2, open: Some(BlockKind::Reasoning), signed: false, details: 0 }
    );
    let opening = Box::new(Opening::Redacted("secret".into()));
    let redacted = told(&[Event::Open(block(BlockKind::Reasoning, 2), Some(opening))]);
    let signed = Mark { next: 3, open: Some(BlockKind::Reasoning), signed: true, details: 0 };
    assert_eq!(redacted.mark(), signed, "it takes no signature");
    let mark = Mark { next: 7, open: None, signed: false, details: 0 };
    let crossed = told(&[Event::Aside(ir::Aside::Mark(mark)), open(BlockKind::Text, 0)]);
    assert_eq!(crossed.mark(), mark);
}

#[test]
fn details_are_counted_by_their_indexes() {
    let details =
        |array: &str| Event::Delta(block(BlockKind::Reasoning, 0), Piece::Details(array.into()));
    let mark = |details| Event::Aside(ir::Aside::Mark(Mark { details, ..Mark::default() }));
    for (events, next) in [
        (vec![], 0),
        (vec![details(r#"[{"text":"a","index":0}]"#), details(r#"[{"index":0,"text":"b"}]"#)], 1),
        (vec![details(r#"[{"index":3,"text":"\ud83d"},{"index":1}]"#)], 4),
        (vec![details(r#"[{"index":4}]"#), details(r#"[{"index":2}]"#)], 5),
        (vec![details(r#"[{"text":"a"},{"index":null},{"index":"7"},{"index":-1}]"#)], 0),
        (vec![details(r#"{"index":1}"#), details("[1]")], 0),
        (vec![mark(2), details(r#"[{"index":9}]"#)], 2),
    ] {
        let first = told(&events);
        assert_eq!(first.mark().details, next, "{events:?}");
        // What goes on says so itself, and what of it was held back was never said.
        let mut later = Told::behind(&first);
        take(&mut later, &[text("a"), mark(next + 1)]);
        later.settle();
        take(&mut later, &[mark(next + 2)]);
        let mut both = first.clone();
        both.absorb(later);
        assert_eq!(both.mark().details, next + 1, "{events:?}");
    }
}

#[test]
fn a_mark_that_was_held_back_is_none() {
    let mut first = told(&[Event::Open(block(BlockKind::Text, 0), None), text("a")]);
    let mark = first.mark();
    let mut later = Told::behind(&first);
    take(&mut later, &[text("b")]);
    later.settle();
    take(
        &mut later,
        &[Event::Aside(ir::Aside::Mark(Mark { next: 1, open: None, signed: false, details: 0 }))],
    );
    first.absorb(later);
    assert_eq!(first.mark(), mark, "its block is still open");
}

#[test]
fn the_first_envelope_is_the_callers() {
    let start =
        |id: &str| Event::Start(Some(Box::new(Envelope { id: id.into(), ..Envelope::default() })));
    let mut first = told(&[start("a")]);
    first.absorb(told(&[start("b")]));
    assert_eq!(first.envelope().map(|it| &*it.id), Some("a"));
}

proptest! {
    #[test]
    fn what_is_escaped_is_unescaped(said in any::<String>(), cut in any::<proptest::sample::Index>()) {
        let inside = escaped(&said);
        let places: Vec<usize> = (0..=inside.len()).filter(|at| inside.is_char_boundary(*at)).collect();
        let at = places[cut.index(places.len())];
        let mut found = String::new();
        let mut unescape = Unescape::default();
        // Pieces are whole strings: a cut inside an escape is none.
        let whole = unescape.push(&inside, &mut found);
        assert!(whole && found == said);
        let mut halves = String::new();
        let mut unescape = Unescape::default();
        if unescape.push(&inside[..at], &mut halves) && unescape.push(&inside[at..], &mut halves) {
            assert_eq!(halves, said);
        }
    }
}
