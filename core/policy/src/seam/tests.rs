//! Every way in which a continuation can meet the delivered text, or miss it.

mod laws;

use super::{Join, Joint, Seam, Shown, TOLD_MAX, anchor, why};

/// What comes of a continuation: what is shown, and how it ends.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Outcome {
    low: Option<u16>,
    text: String,
    lost: Option<&'static str>,
}

/// A text that was delivered, the half character behind it, and whether it is over.
#[derive(Clone, Debug)]
struct Cut {
    told: String,
    half: Option<u16>,
    over: bool,
}

/// Joins the pieces, and sees on the way that nothing is shown before the texts are joined, and that
/// what was joined stays so.
fn join<'a>(cut: &Cut, join: Join, pieces: impl IntoIterator<Item = &'a str>) -> Outcome {
    let mut seam = Seam::new(&cut.told, cut.half, cut.over, join);
    let mut outcome = Outcome { low: None, text: String::new(), lost: None };
    let mut before = Joint::Held;
    let mut shown = Shown::default();
    let mut note = |joint: Joint, shown: &Shown| {
        assert!(joint == Joint::Joined || *shown == Shown::default(), "{joint:?}: {shown:?}");
        assert!(before == Joint::Held || before == joint, "{before:?} became {joint:?}");
        let first = before == Joint::Held;
        assert!(first || shown.low.is_none(), "a low half behind the text");
        before = joint;
        outcome.low = outcome.low.or(shown.low);
        outcome.text.push_str(&shown.text);
        outcome.lost = match joint {
            Joint::Lost(why) => Some(why),
            Joint::Held | Joint::Joined => None,
        };
    };
    for piece in pieces {
        note(seam.take(piece, &mut shown), &shown);
    }
    note(seam.end(&mut shown), &shown);
    assert_ne!(before, Joint::Held, "the end decides");
    outcome
}

/// The continuation, in one piece, letter by letter, and cut at each letter.
fn check(cut: &Cut, how: Join, continuation: &str, expect: &Outcome) -> Result<(), String> {
    let same = |found: Outcome, split: &str| {
        let trouble =
            || format!("{split}: {found:?}, not {expect:?}: {:?}, {continuation:?}", cut.told);
        (found == *expect).then_some(()).ok_or_else(trouble)
    };
    let letters = || continuation.char_indices().map(|(at, letter)| (at, letter.len_utf8()));
    same(join(cut, how, [continuation]), "in one piece")?;
    let each = letters().map(|(at, length)| &continuation[at..at + length]);
    same(join(cut, how, each), "letter by letter")?;
    let apart = 1 + continuation.len().pow(2) / 1_000_000;
    letters().step_by(apart).try_for_each(|(at, _)| {
        let (one, other) = continuation.split_at(at);
        same(join(cut, how, [one, "", other]), "cut in two")
    })
}

fn reason(word: &str) -> &'static str {
    match word {
        "long" => why::LONG,
        "short" => why::SHORT,
        "apart" => why::APART,
        "other" => why::OTHER,
        "ended" => why::ENDED,
        "talk" => why::TALK,
        "twice" => why::TWICE,
        "word" => why::WORD,
        "again" => why::AGAIN,
        "nothing" => why::NOTHING,
        "half" => why::HALF,
        "held" => why::HELD,
        "endless" => why::ENDLESS,
        _ => panic!("no reason: {word}"),
    }
}

/// `\n`, `\r`, `\t`, `\s` (a space at the end of a line), `\u{301}` or `\'` (an accent), and `{x*30}`,
/// which is x thirty times.
fn read(text: &str) -> String {
    let (mut made, mut rest) = (String::new(), text);
    while let Some(letter) = rest.chars().next() {
        let hex = rest.strip_prefix("\\u{").and_then(|it| it.split_once('}'));
        let times = rest.strip_prefix('{').and_then(|it| it.split_once('}'));
        let times = times.and_then(|(it, after)| Some((it.rsplit_once('*')?, after)));
        if let Some((hex, after)) = hex {
            let letter = u32::from_str_radix(hex, 16).ok().and_then(char::from_u32);
            made.push(letter.unwrap_or_else(|| panic!("no letter: {hex}")));
            rest = after;
        } else if let Some(((what, times), after)) = times {
            let one = read(what);
            made.push_str(&one.repeat(times.parse().expect("a number")));
            rest = after;
        } else if let Some(escaped) = rest.strip_prefix('\\') {
            made.push(match escaped.chars().next() {
                Some('n') => '\n',
                Some('r') => '\r',
                Some('t') => '\t',
                Some('s') => ' ',
                Some('\'') => '\u{301}',
                other => panic!("no escape: {other:?}"),
            });
            rest = &escaped[1..];
        } else {
            made.push(letter);
            rest = &rest[letter.len_utf8()..];
        }
    }
    made
}

/// The table: what was told stands once for the cases below it. `{A}` is the anchor, `{T}` all of it.
#[test]
fn every_way_to_go_on_has_its_outcome() {
    let mut cut = Cut { told: String::new(), half: None, over: false };
    let (mut name, mut asked, mut cases) = ("", None, 0);
    let mut wrong = Vec::new();
    for line in include_str!("tests/cases.txt").lines() {
        let (word, rest) = line.trim_start().split_once(' ').unwrap_or_else(|| (line.trim(), ""));
        let how = match word {
            "" | "#" => continue,
            "told" => {
                cut = Cut { told: read(rest), half: None, over: false };
                continue;
            }
            "half" => {
                cut.half = Some(u16::from_str_radix(rest, 16).expect("a surrogate"));
                continue;
            }
            "over" => {
                cut.over = true;
                continue;
            }
            "quotes" => {
                let quoted = anchor(&cut.told).unwrap_or("nothing");
                if quoted != read(rest) {
                    wrong.push(format!("the anchor of {:?} is {quoted:?}", cut.told));
                }
                continue;
            }
            "case" => {
                (name, asked) = (rest, None);
                continue;
            }
            "anchor" => Some(Join::Anchor),
            "restart" => Some(Join::Restart),
            "prefill" => Some(Join::Prefill),
            _ => None,
        };
        if let Some(how) = how {
            let quoted = anchor(&cut.told).unwrap_or_default();
            let text = read(rest).replace("{A}", quoted).replace("{T}", &cut.told);
            asked = Some((how, text));
            continue;
        }
        let mut expect = Outcome { low: None, text: String::new(), lost: None };
        match word {
            "shows" => expect.text = read(rest),
            "lost" => expect.lost = Some(reason(rest)),
            _ => {
                expect.low = u16::from_str_radix(word, 16).ok();
                assert!(expect.low.is_some(), "no outcome: {line}");
                expect.text = read(rest);
            }
        }
        let (how, text) = asked.as_ref().unwrap_or_else(|| panic!("nothing asked: {name}"));
        let checked = check(&cut, *how, text, &expect);
        wrong.extend(checked.err().map(|trouble| format!("{name}: {trouble}")));
        cases += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(cases >= 80, "{cases} cases");
}

/// A continuation costs what it is long, whatever was told and however small its pieces are.
#[test]
fn a_hostile_continuation_is_cheap() {
    let periodic = "ha".repeat(TOLD_MAX / 16) + "!";
    let plain: Vec<String> = (0..TOLD_MAX / 64).map(|at| format!("{at:07} ")).collect();
    let plain = plain.concat();
    for told in [&periodic, &plain] {
        let cut = Cut { told: told.clone(), half: None, over: false };
        for how in [Join::Anchor, Join::Restart, Join::Prefill] {
            let again = told.clone() + "and on";
            let again = join(&cut, how, again.split_inclusive(|_| true));
            let lost = (how == Join::Prefill).then_some(why::AGAIN);
            assert_eq!(again.lost, lost, "{how:?}");
            for text in [told.repeat(4), "ha".repeat(1 << 17), "\u{1f468}\u{200d}".repeat(1 << 13)]
            {
                let outcome = join(&cut, how, text.split_inclusive(|_| true));
                let suffix = text.ends_with(&outcome.text);
                assert!(suffix, "{how:?}: what is shown is the end of the continuation");
            }
        }
    }
}

#[test]
fn too_much_is_not_compared() {
    let told = "0123456 ".repeat(TOLD_MAX / 8) + "1";
    assert_eq!(anchor(&told), None);
    let cut = Cut { told: told.clone(), half: None, over: false };
    for how in [Join::Anchor, Join::Restart, Join::Prefill] {
        assert_eq!(join(&cut, how, [told.as_str()]).lost, Some(why::LONG));
    }
}
