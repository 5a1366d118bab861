//! Whatever was delivered, and wherever it was cut: what is joined is exact, and only what repeats the
//! delivered text is joined.

use super::{Cut, Join, Outcome, anchor, join, why};
use crate::seam::clusters::Clusters;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop, prop_oneof, proptest};
use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

/// What texts are made of: words, and whatever clusters are hard to tell apart.
const PARTS: &[&str] = &[
    "the ",
    "river",
    "mill ",
    "and ",
    "a",
    "b",
    "e",
    "é",
    "e\u{301}",
    "\u{301}",
    "\u{323}",
    "ệ",
    "ở",
    "한",
    "\u{1112}\u{1161}\u{11ab}",
    "하",
    "\u{11ab}",
    "川",
    "か\u{3099}",
    "が",
    "ทะเล",
    "ำ",
    "क्",
    "त",
    "ि",
    "ش",
    "\u{600}",
    "😀",
    "👨\u{200d}👩\u{200d}👧",
    "\u{200d}",
    "👍🏽",
    "🏽",
    "🇩🇪",
    "🇫",
    "1",
    "3.14",
    ". ",
    ", ",
    "\"",
    "“",
    "'",
    "```\n",
    "- ",
    "|",
    "…",
    " ",
    "  ",
    "\n",
    "\n\n",
    "\r\n",
    "\r",
    "\t",
    "\u{a0}",
    "\u{2028}",
    "\u{200b}",
    "Å",
    "\u{212b}",
    "ﬁ",
    "Ω",
];

/// Runs of white space, each as good as any other.
const WHITE: &[&str] = &[" ", "\n", "\n\n", "\r\n", "\t", "  ", "\u{a0}", " \n    "];

fn texts() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        9 => prop::sample::select(PARTS).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
        3 => prop::string::string_regex("[a-z]{1,8} ").expect("an expression"),
    ];
    let some = prop::collection::vec(part, 0..90).prop_map(|parts| parts.concat());
    // What says the same again and again, with something before and behind it.
    let periodic = (texts_of(0..4), texts_of(1..6), 2..30usize, texts_of(0..6))
        .prop_map(|(before, turn, turns, behind)| before + &turn.repeat(turns) + &behind);
    prop_oneof![4 => some, 1 => periodic]
}

fn texts_of(parts: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(PARTS), parts).prop_map(|parts| parts.concat())
}

/// A text that is cut at one of its UTF-16 units: what was delivered, and all of it.
fn cuts() -> impl Strategy<Value = (Cut, String)> {
    (texts(), any::<prop::sample::Index>(), any::<bool>()).prop_map(|(text, index, halve)| {
        let places: Vec<usize> =
            text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        let at = *index.get(&places);
        let mut units = [0; 2];
        let next = text[at..].chars().next().map(|letter| letter.encode_utf16(&mut units));
        let half = next.filter(|units| units.len() == 2 && halve).map(|units| units[0]);
        (Cut { told: text[..at].to_owned(), half, over: false }, text)
    })
}

fn joins() -> impl Strategy<Value = Join> {
    prop_oneof![Just(Join::Anchor), Just(Join::Restart), Just(Join::Prefill)]
}

/// The text in UTF-16, as the caller puts it together.
fn together(cut: &Cut, outcome: &Outcome) -> Vec<u16> {
    let told = cut.told.encode_utf16().chain(cut.half);
    told.chain(outcome.low).chain(outcome.text.encode_utf16()).collect()
}

fn units(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

/// What texts are compared by.
fn spelled(text: &str) -> Vec<String> {
    let (clusters, _) = Clusters::read(text);
    (0..clusters.len()).map(|at| clusters.get(at).to_owned()).collect()
}

/// Whether there is a mark on white space.
fn is_marked(text: &str) -> bool {
    let marked = |it: &str| it.starts_with(char::is_whitespace) && !it.trim().is_empty();
    text.graphemes(true).any(marked)
}

/// Other white space wherever there is some.
fn respaced(text: &str, white: &[&str]) -> String {
    let (mut spaced, mut rest, mut run) = (String::new(), text, 0);
    while let Some(at) = rest.find(char::is_whitespace) {
        spaced.push_str(&rest[..at]);
        rest = rest[at..].trim_start();
        spaced.push_str(white[run % white.len()]);
        run += 1;
    }
    spaced + rest
}

/// Whether a text begins with the end of the other, or with what may be the whole of that.
fn echoes(told: &[String], rest: &[String]) -> bool {
    (1..=rest.len().min(told.len())).any(|length| {
        let (own, again) = (&told[told.len() - length..], &rest[..length]);
        own[..length - 1] == again[..length - 1] && again[length - 1].starts_with(&own[length - 1])
    })
}

/// What may be said about a continuation that repeats the anchor, and why that is so.
fn may_be_lost(lost: Option<&str>, cut: &Cut, continuation: &str, rest: &str, talk: bool) -> bool {
    let told = spelled(&cut.told);
    let came = spelled(continuation);
    let quoted = spelled(anchor(&cut.told).unwrap_or_default());
    let times = |part: &[String]| {
        let same = |it: &&[String]| {
            let all = it.iter().zip(part).enumerate();
            all.into_iter().all(|(at, (it, own))| it == own || at + 1 == part.len())
        };
        came.windows(part.len().max(1)).filter(same).count()
    };
    let end = quoted.get(quoted.len().saturating_sub(16)..).unwrap_or_default();
    match lost {
        None => true,
        Some(why::TWICE) => {
            let beginning = told.get(..24).unwrap_or_default();
            times(end) > 1 || times(beginning) > 0 || echoes(&told, &spelled(rest.trim_start()))
        }
        // What was told before the anchor may end like the talk.
        Some(why::TALK | why::AGAIN) => talk,
        Some(why::NOTHING) => rest.trim().is_empty(),
        Some(why) => why == why::ENDLESS,
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: std::option_env!("BACKSTOP_CASES").map_or(1000, |n| n.parse().unwrap()),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// However it is split, the outcome is the same, and what is shown is the end of what came.
    #[test]
    fn a_split_changes_nothing(
        (cut, text) in cuts(),
        how in joins(),
        before in prop_oneof![Just(String::new()), Just("Sure:\n".to_owned()), texts_of(0..30)],
        from in any::<prop::sample::Index>(),
        behind in texts_of(0..20),
        sizes in prop::collection::vec(1..9usize, 1..9),
    ) {
        let quoted = anchor(&cut.told).unwrap_or_default().to_owned();
        let places: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        let bodies = [quoted + &behind, text.clone(), text[*from.get(&places)..].to_owned()];
        for body in bodies {
            let continuation = before.clone() + &body;
            let whole = join(&cut, how, [continuation.as_str()]);
            let letters: Vec<char> = continuation.chars().collect();
            let (mut pieces, mut at) = (Vec::new(), 0);
            for size in sizes.iter().cycle() {
                if at >= letters.len() {
                    break;
                }
                let end = letters.len().min(at + size);
                pieces.push(letters[at..end].iter().collect::<String>());
                at = end;
            }
            let split = join(&cut, how, pieces.iter().map(String::as_str));
            assert_eq!(split, whole, "{how:?} {:?} {continuation:?}", cut.told);
            let decomposed: String = continuation.nfd().collect();
            let same = continuation.ends_with(&whole.text);
            assert!(same || decomposed.ends_with(&whole.text.nfd().collect::<String>()));
        }
    }

    /// Whoever says the delivered text again from its beginning, and goes on, gives all of the text.
    #[test]
    fn a_restart_gives_the_text((cut, text) in cuts()) {
        let outcome = join(&cut, Join::Restart, [text.as_str()]);
        if outcome.lost != Some(why::ENDLESS) {
            assert_eq!(outcome.lost, None, "{:?} of {text:?}", cut.told);
            assert_eq!(together(&cut, &outcome), units(&text), "{:?}", cut.told);
        }
    }

    /// Whoever repeats the anchor and goes on gives all of the text, behind a preamble or without one.
    #[test]
    fn an_anchor_gives_the_text((cut, text) in cuts(), talk in any::<bool>()) {
        if let Some(quoted) = anchor(&cut.told) {
            let rest = &text[cut.told.trim_end().len()..];
            let preamble = if talk { "Sure, here it goes on:\n" } else { "" };
            let continuation = format!("{preamble}{quoted}{rest}");
            let outcome = join(&cut, Join::Anchor, [continuation.as_str()]);
            let may = may_be_lost(outcome.lost, &cut, &continuation, rest, talk);
            assert!(may, "{outcome:?}: {:?}, {continuation:?}", cut.told);
            if outcome.lost.is_none() {
                assert_eq!(together(&cut, &outcome), units(&text), "{continuation:?}");
            }
        }
    }

    /// Whoever repeats less of the end, or more, and goes on gives all of the text, if anything.
    #[test]
    fn any_part_of_the_end_gives_the_text(
        (cut, text) in cuts(),
        from in any::<prop::sample::Index>(),
        prefilled in any::<bool>(),
    ) {
        let core = cut.told.trim_end();
        let places: Vec<usize> = core.grapheme_indices(true).map(|(at, _)| at).chain([core.len()]).collect();
        let at = *from.get(&places);
        let enough = if prefilled { 4 } else { 8 };
        if cut.half.is_some() || spelled(&core[at..]).len() < enough || is_marked(&text) {
            return Ok(());
        }
        let how = if prefilled { Join::Prefill } else { Join::Anchor };
        let outcome = join(&cut, how, [&text[at..]]);
        if outcome.lost.is_none() {
            let joined = cut.told.clone() + &outcome.text;
            assert_eq!(joined, text, "{how:?} {:?} {:?}", cut.told, &text[at..]);
        }
    }

    /// What says the same over and over is not told apart from itself: all of it comes out, or nothing.
    #[test]
    fn what_repeats_itself_is_never_lost_or_doubled(
        turn in texts_of(4..14),
        turns in 2..9usize,
        before in texts_of(0..9),
        behind in texts_of(1..9),
        percent in 100..400usize,
        repeated in 0..80usize,
        prefilled in any::<bool>(),
    ) {
        let all = before.clone() + &turn.repeat(turns) + &behind;
        let turn = spelled(&turn).len();
        let (clusters, starts) = Clusters::read(&all);
        let cut = spelled(&before).len() + 12 + turn * percent / 100;
        if turn < 16 || clusters.len() <= cut {
            return Ok(());
        }
        let told = all[..starts[cut]].trim_end();
        let cut = Cut { told: told.to_owned(), half: None, over: false };
        let again = starts.iter().rev().filter(|at| **at <= told.len()).nth(repeated).copied();
        let how = if prefilled { Join::Prefill } else { Join::Anchor };
        // Less than can be recognised is what a target that goes on by itself never does.
        let again = if prefilled && (1..5).contains(&repeated) { None } else { again };
        let continuation = &all[again.unwrap_or(told.len())..];
        let outcome = join(&cut, how, [continuation]);
        if outcome.lost.is_none() {
            let joined = cut.told.clone() + &outcome.text;
            assert_eq!(joined, all, "{how:?} {:?} {continuation:?}", cut.told);
        }
    }

    /// So does whoever spells it otherwise, but for the spelling.
    #[test]
    fn another_spelling_gives_the_same_text(
        (cut, text) in cuts(),
        composed in any::<bool>(),
        anew in any::<bool>(),
        white in prop::collection::vec(prop::sample::select(WHITE), 1..5),
    ) {
        let border = text.grapheme_indices(true).any(|(at, _)| at == cut.told.len());
        let quoted = if anew { Some(text.as_str()) } else { anchor(&cut.told) };
        if let (Some(quoted), None) = (quoted, cut.half) {
            let rest = if anew { "" } else { &text[cut.told.trim_end().len()..] };
            let faithful = format!("{quoted}{rest}");
            let faithful: String =
                if composed { faithful.nfc().collect() } else { faithful.nfd().collect() };
            let continuation = respaced(&faithful, &white);
            // A mark on white space, or a cut within a letter, is another text with other white space.
            let marked = is_marked(&faithful) || is_marked(&continuation);
            if !border || marked || spelled(&continuation) != spelled(&faithful) {
                return Ok(());
            }
            let how = if anew { Join::Restart } else { Join::Anchor };
            let outcome = join(&cut, how, [continuation.as_str()]);
            let may = may_be_lost(outcome.lost, &cut, &continuation, rest, false);
            assert!(may, "{outcome:?}: {:?}, {continuation:?}", cut.told);
            if outcome.lost.is_none() {
                let joined = cut.told.clone() + &outcome.text;
                if !is_marked(&joined) {
                    assert_eq!(spelled(&joined), spelled(&text), "{:?} {continuation:?}", cut.told);
                }
            }
        }
    }

    /// What is joined behind a told text has repeated an end of it right before.
    #[test]
    fn nothing_else_is_joined(
        (cut, text) in cuts(),
        few in prop::collection::vec(prop::sample::select(&["a", "b", " ", "aab "][..]), 0..200),
        from in any::<prop::sample::Index>(),
        anew in any::<bool>(),
    ) {
        let few = few.concat();
        let middle = few.chars().count() / 2;
        let small: String = few.chars().take(middle).collect();
        let unlike = Cut { told: small, half: None, over: false };
        let places: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        let part = &text[*from.get(&places)..];
        let how = if anew { Join::Restart } else { Join::Anchor };
        let cases = [(&cut, part), (&unlike, &few[middle..]), (&unlike, part), (&cut, &few)];
        for (cut, continuation) in cases {
            let outcome = join(cut, how, [continuation]);
            if cut.told.trim().is_empty() || outcome.lost.is_some() {
                continue;
            }
            let held = continuation.len().saturating_sub(outcome.text.len());
            let Some(withheld) = continuation.get(..held) else { continue };
            let (came, told) = (spelled(withheld.trim_end()), spelled(cut.told.trim_end()));
            let enough = if anew { told.len() } else { 16 };
            let tail = |it: &[String]| it[it.len().saturating_sub(enough)..it.len() - 1].concat();
            let exact = outcome.low.is_none() && continuation.ends_with(&outcome.text);
            if exact && came.len() >= enough {
                assert_eq!(tail(&came), tail(&told), "{how:?} {:?} {continuation:?}", cut.told);
            }
            let count = came.len() + usize::from(!exact || outcome.low.is_some());
            assert!(count >= enough.min(told.len()), "{how:?} {:?} {continuation:?}", cut.told);
        }
    }
}
