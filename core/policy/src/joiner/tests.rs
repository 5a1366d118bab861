//! What passes, and what does not: events in, events out.

use super::{Form, Joiner, NOTHING_MORE, Terms};
use crate::told::{Told, Way};
use ir::{Aside, Block, BlockKind, Call, Event, Events, Finish, Opening, Piece};

const TEXT: &str = "The quick, brown fox jumps over the lazy dog and runs";

fn block(kind: BlockKind, index: u32) -> Block {
    Block { kind, index }
}

/// `text …`, `think …`, `refuse …`, `native`, `open N NAME`, `named N NAME`, `args N …`, `close N`,
/// `over`, `finish`, `length`, `filter`.
fn event(line: &str) -> Event {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let (number, more) = rest.split_once(' ').unwrap_or((rest, ""));
    let tool = || block(BlockKind::Tool, number.parse().expect("a number"));
    match word {
        "text" => Event::Delta(block(BlockKind::Text, 0), Piece::Text(rest.into())),
        "refuse" => Event::Delta(block(BlockKind::Text, 0), Piece::Refusal(rest.into())),
        "think" => Event::Delta(block(BlockKind::Reasoning, 0), Piece::Thinking(rest.into())),
        "native" => Event::Open(block(BlockKind::Other, 0), None),
        "open" => {
            let call = Call { name: more.into(), ..Call::default() };
            Event::Open(tool(), Some(Box::new(Opening::Call(call))))
        }
        "named" => {
            let call = Call { name: more.into(), ..Call::default() };
            Event::Aside(Aside::Call(tool(), Box::new(call)))
        }
        "args" => Event::Delta(tool(), Piece::Arguments(more.into())),
        "over" => Event::Close(block(BlockKind::Text, 0)),
        "close" => Event::Close(tool()),
        "finish" => Event::Finish(Finish::Stop, None),
        "length" => Event::Finish(Finish::Length, None),
        "filter" => Event::Finish(Finish::Refusal, None),
        _ => panic!("not an event: {line}"),
    }
}

fn told(lines: &[&str]) -> Told {
    let mut told = Told::default();
    for line in lines {
        told.take(&Events::from_iter([event(line)]));
    }
    told.settle();
    told
}

/// What passes, a word for each event; the last is why it is lost.
fn passed(joiner: &mut Joiner, lines: &[&str]) -> Vec<String> {
    let mut out = Vec::new();
    for line in lines {
        let mut events = Events::from_iter([event(line)]);
        if let Err(why) = joiner.pass(&mut events) {
            out.push(format!("lost: {why}"));
            return out;
        }
        out.extend(events.iter().filter_map(|event| {
            if let Event::Delta(_, Piece::Text(raw)) = event {
                return Some(format!("text {raw}"));
            }
            if let Event::Delta(_, Piece::Arguments(raw)) = event {
                return Some(format!("args {raw}"));
            }
            if let Event::Delta(_, Piece::Thinking(raw)) = event {
                return Some(format!("think {raw}"));
            }
            if let Event::Open(block, _) = event {
                return Some(format!("open {}", block.index));
            }
            if let Event::Close(block) = event {
                return Some(format!("close {}", block.index));
            }
            if let Event::Finish(finish, _) = event {
                return Some(format!("{finish:?}"));
            }
            (*event != Event::Progress).then(|| format!("{event:?}"))
        }));
    }
    out
}

#[track_caller]
fn check(before: &[&str], way: Way, lines: &[&str], expect: &[&str]) {
    let mut joiner = Joiner::new(&told(before), way, Terms::default());
    assert_eq!(passed(&mut joiner, lines), expect, "{way:?} {lines:?}");
}

#[test]
fn text_passes_behind_the_joint_and_as_it_is_spelled() {
    let before = format!("text {TEXT}");
    let before = [before.as_str()];
    // It is held until enough came to know that nothing is repeated once more.
    let more = "b".repeat(120);
    let (more, joined) = (format!("text {more}"), format!("text  é\\n {more}"));
    check(
        &before,
        Way::Anchor,
        &[
            "think hm",
            "text jumps over the lazy",
            r"text  dog and runs \u00e9\n ",
            &more,
            r"text \u00e9",
            "think x",
            "finish",
        ],
        &[&joined, r"text \u00e9", "think x", "Stop"],
    );
    let call = ["text the lazy dog and runs", "open 1 f", "args 1 {", "close 1", "finish"];
    let nothing = "lost: the continuation adds nothing where the delivered text cannot end";
    check(&before, Way::Anchor, &call, &[nothing]);
    check(&[before[0], "over"], Way::Anchor, &call, &["open 1", "args {", "close 1", "Stop"]);
    check(
        &before,
        Way::Anchor,
        &["text I am sorry.", "finish"],
        &["lost: the continuation ends before it meets the delivered text"],
    );
    check(&before, Way::Anchor, &["refuse no"], &["lost: it declined"]);
    check(&before, Way::Anchor, &["native"], &["lost: it begins with something else"]);
    check(&before, Way::Anchor, &["filter"], &["lost: it declined"]);
    check(
        &["think hm"],
        Way::Fresh,
        &["think x", "text a", "finish"],
        &["think x", "text a", "Stop"],
    );
    check(&["text He"], Way::Restart, &["text Hello", "length"], &["text llo", "Length"]);
}

#[test]
fn a_filters_stop_is_an_end_behind_the_joint_and_none_before_it() {
    let text = format!("text {TEXT}");
    let declined = "lost: it declined";
    for length in [1, 2, 100, 118, 119, 120, 121, 500] {
        let rest = format!(" {}", "b".repeat(length));
        let joined = [format!("text {rest}"), "Refusal".to_owned()];
        let joined = [joined[0].as_str(), joined[1].as_str()];
        for (way, repeated) in [(Way::Anchor, "the lazy dog and runs"), (Way::Restart, TEXT)] {
            let more = format!("text {repeated}{rest}");
            check(&[&text], way, &[&more, "filter"], &joined);
        }
        let more = format!("text {rest}");
        check(&[&text], Way::Prefill, &[&more, "filter"], &joined);
    }
    check(&[&text], Way::Anchor, &["text I am sorry.", "filter"], &[declined]);
    // Where it may have ended, too: what adds nothing has not gone on.
    for told in [text.as_str(), &format!("{text}.")] {
        for rest in ["", " ", r"\n"] {
            let anchor = told.split_at(told.len() - 22).1;
            let more = format!("text {anchor}{rest}");
            check(&[told], Way::Anchor, &[&more, "filter"], &[declined]);
            let all = format!("{told}{rest}");
            let blank = format!("text {rest}");
            let left = [&*blank, declined];
            let left = if rest.is_empty() { &left[1..] } else { &left };
            check(&[told], Way::Restart, &[&all, "filter"], left);
        }
    }
    let before = ["open 1 f", "args 1 {}", "close 1"];
    let nothing = format!("text {NOTHING_MORE}");
    check(&before, Way::Calls, &[&nothing, "filter"], &[declined]);
    let form = Form::new(|document| document == r#"{"a":[1,2]}"#);
    let terms = Terms { form: Some(form), ..Terms::default() };
    let mut joiner = Joiner::new(&told(&[r#"text {\"a\":"#]), Way::Restart, terms);
    let half = passed(&mut joiner, &[r#"text {\"a\":[1"#, "filter"]);
    assert_eq!(half, ["lost: the joined document is not what was asked for"]);
}

#[test]
fn half_a_character_before_the_joint_and_behind_it() {
    let before = [r"text The quick brown fox jumps over the lazy dog \ud83d"];
    check(
        &before,
        Way::Restart,
        &["text The quick brown fox jumps over the lazy dog 😀 yes", "finish"],
        &[r"text \ude00 yes", "Stop"],
    );
    let before = format!("text {TEXT}");
    check(
        &[&before],
        Way::Restart,
        &[&before, r"text  a\ud83d", r"text \ude00", "finish"],
        &[r"text  a\ud83d", r"text \ude00", "Stop"],
    );
    // Nothing but white space was said before it.
    let white = format!("{before} ");
    check(
        &[&before],
        Way::Restart,
        &[&white, r"text \ud83d", r"text \ude00 x", "finish"],
        &["text  ", r"text \ud83d", r"text \ude00 x", "Stop"],
    );
}

#[test]
fn calls_that_were_delivered_are_not_made_again() {
    let before = ["open 1 f", r#"args 1 {\"a\":1,\"b\":2}"#, "close 1"];
    let nothing = format!("text {NOTHING_MORE}");
    check(&before, Way::Calls, &[&nothing, "finish"], &["Tool"]);
    check(&before, Way::Calls, &["text `NOTHING-MORE`.", "finish"], &["Tool"]);
    let again = ["open 0 f", r#"args 0 { \"b\":2, \"a\" : 1}"#, "close 0", "finish"];
    check(&before, Way::Calls, &again, &["lost: it is not said whether more calls follow"]);
    let spelled = [r"open 0 \u0066", r#"args 0 {\"a\":1,\"b\":2}"#, "close 0", "finish"];
    check(&before, Way::Calls, &spelled, &["lost: it is not said whether more calls follow"]);
    let before = ["open 1 f", r#"args 1 {\"n\":[10,9007199254740993]}"#, "close 1"];
    for (numbers, same) in [
        ("10.0,9007199254740993", true),
        ("1e1,9007199254740993", true),
        ("10,9007199254740992", false),
    ] {
        let arguments = format!(r#"args 0 {{\"n\":[{numbers}]}}"#);
        let again = ["open 0 f", arguments.as_str(), "close 0", "finish"];
        let lost = ["lost: it is not said whether more calls follow"];
        let another = ["open 0", &arguments.replace("args 0", "args"), "close 0", "Tool"];
        check(&before, Way::Calls, &again, if same { &lost } else { &another });
    }
    let before = ["open 1 f", r#"args 1 {\"a\":1,\"b\":2}"#, "close 1"];
    let more = [
        "open 0 f",
        r#"args 0 {\"a\":1,\"b\":2}"#,
        "open 1 g",
        "args 1 {}",
        "close 0",
        "close 1",
        "finish",
    ];
    check(&before, Way::Calls, &more, &["open 1", "args {}", "close 1", "Tool"]);
    let roll = ["open 0 roll", "args 0 {}", "close 0"];
    let again = ["open 1 roll", "args 1 {}", "close 1", "finish"];
    let twins = [&roll[..], &again].concat();
    let both = ["open 0", "args {}", "close 0", "open 1", "args {}", "close 1", "Tool"];
    check(&before, Way::Calls, &twins, &both);
    let terms = Terms { one_call: true, ..Terms::default() };
    let mut joiner = Joiner::new(&told(&before), Way::Calls, terms);
    assert_eq!(passed(&mut joiner, &more), ["lost: it makes a second call where one may be"]);
    for chat in [&["text I will look.", "finish"][..], &["finish"], &[nothing.as_str(), "length"]] {
        check(&before, Way::Calls, chat, &["lost: it is not said whether more calls follow"]);
    }
    check(
        &before,
        Way::Calls,
        &["text And: ", "open 1 g", "close 1"],
        &["lost: it says something behind the calls that were delivered"],
    );
}

/// How long another call may be, whatever its pieces.
#[test]
fn what_is_held_of_calls_is_what_they_say_and_is_given_back() {
    let before = ["open 1 f", r#"args 1 {\"a\":1}"#, "close 1"];
    // One call for each of these lengths, in pieces of so many letters; some name it with each piece.
    let some = [
        (&[24_000][..], 4, false, true),
        (&[24_000], 4, true, true),
        (&[24_000; 40], 4000, false, true),
        (&[99_000], 1, false, true),
        (&[99_000; 4], 9000, true, true),
        (&[101_000], 1, false, false),
        (&[101_000], 101_000, false, false),
        (&[24_000, 101_000], 1000, false, false),
    ];
    for (lengths, letters, named, joins) in some {
        let mut lines = Vec::new();
        let mut expect = Vec::new();
        for length in lengths {
            let piece = "b".repeat(letters);
            let text = piece.repeat(length / letters);
            lines.extend(["open 0 g".to_owned(), r#"args 0 {\"a\":\""#.to_owned()]);
            for _ in 0..length / letters {
                lines.push(format!("args 0 {piece}"));
                lines.extend(named.then(|| "named 0 g".to_owned()));
            }
            lines.extend([r#"args 0 \"}"#.to_owned(), "close 0".to_owned()]);
            let args = format!(r#"args {{\"a\":\"{text}\"}}"#);
            expect.extend(["open 0".to_owned(), args, "close 0".to_owned()]);
        }
        lines.push("finish".to_owned());
        expect.push("Tool".to_owned());
        let terms = Terms { held_max: 100_000, ..Terms::default() };
        let mut joiner = Joiner::new(&told(&before), Way::Calls, terms);
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let passed = passed(&mut joiner, &lines);
        let lost = passed.last().is_some_and(|last| last == "lost: more calls than can be held");
        let at = format!("{lengths:?} {letters} {named}");
        assert!(if joins { passed == expect } else { lost }, "{at}");
    }
    let text = format!("text {}", ".".repeat(300 << 10));
    let lost = ["lost: it says something behind the calls that were delivered"];
    check(&before, Way::Calls, &[&text], &lost);
}

#[test]
fn a_document_is_shown_when_it_is_one() {
    let terms = || {
        let form = Form::new(|document| document == r#"{"a":[1,2]}"#);
        Terms { form: Some(form), ..Terms::default() }
    };
    let before = told(&[r#"text {\"a\":"#]);
    let lines = [r#"text {\"a\":[1"#, "text ,2", "text ]}", "finish"];
    let mut joiner = Joiner::new(&before, Way::Restart, terms());
    assert_eq!(passed(&mut joiner, &lines[..3]), Vec::<String>::new());
    assert_eq!(passed(&mut joiner, &lines[3..]), [r"text [1,2]}", "Stop"]);
    for cut in [&[r#"text {\"a\":[1"#, "finish"][..], &[r#"text {\"a\":[1,3]}"#, "finish"]] {
        let mut joiner = Joiner::new(&before, Way::Restart, terms());
        assert_eq!(
            passed(&mut joiner, cut),
            ["lost: the joined document is not what was asked for"]
        );
    }
}
