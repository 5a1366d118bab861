//! Every way to ask for a rest and every way to take it, at every letter of a text.

use super::{Going, NOTHING_MORE, PREAMBLE, place, quoted, tail};
use crate::provider::answer::{Answer, Part, TALK};
use crate::provider::asked::{Asked, Endpoint};
use crate::provider::order::Order;
use crate::provider::words::{GoesOn, Way};
use ir::Dialect;
use serde_json::{Value, json};

fn cook(model: &str, messages: &Value) -> Answer {
    let body = json!({"model": model, "messages": messages}).to_string();
    let asked = Asked::read(Endpoint::Answer(Dialect::Chat), body.as_bytes());
    Answer::cook(&Order::from_model(model).unwrap(), &asked, "a")
}

fn said(answer: &Answer) -> String {
    let text = answer.parts.iter().map(|part| match part {
        Part::Text(pieces) => pieces.concat(),
        Part::Thinking(_) | Part::Call(_) => String::new(),
    });
    text.collect()
}

fn calls(answer: &Answer) -> Vec<(String, String)> {
    let calls = answer.parts.iter().filter_map(|part| match part {
        Part::Call(call) => Some((call.name.clone(), call.pieces.concat())),
        Part::Text(_) | Part::Thinking(_) => None,
    });
    calls.collect()
}

fn prefill(told: &str) -> Value {
    json!([{"role": "user", "content": "hi"}, {"role": "assistant", "content": told}])
}

/// The last letters of what was told, forty where there are so many.
fn end(told: &str) -> &str {
    let told = told.trim_end();
    let start = told.char_indices().rev().nth(39).map_or(0, |(at, _)| at);
    told[start..].trim_start()
}

fn anchor(told: &str) -> Value {
    let wish = format!("Go on, please.\n\nWhat arrived ends with:\n\n{}", end(told));
    let mut turns = prefill(told.trim_end());
    turns.as_array_mut().unwrap().push(json!({"role": "user", "content": wish}));
    turns
}

const DISHES: [&str; 5] = ["", "+unicode", "+long+unicode+halves", "+anonymous", "+edit"];

/// Every beginning of a text that is not blank.
fn cuts(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let cuts = text.char_indices().skip(1).map(|(at, _)| text.split_at(at));
    cuts.filter(|(told, _)| !told.trim().is_empty())
}

#[test]
fn a_prefill_is_gone_on_with_letter_for_letter() {
    for dish in DISHES {
        let model = format!("ok+tokens-24{dish}");
        let text = said(&cook(&model, &json!([])));
        // A marker alone is no beginning of what it marks.
        for (told, rest) in cuts(&text).filter(|(told, _)| !told.trim_end().ends_with(']')) {
            if "[a]".starts_with(told) {
                continue;
            }
            assert_eq!(said(&cook(&model, &prefill(told))), rest, "{model} {told:?}");
        }
    }
}

#[test]
fn what_is_not_its_own_is_gone_on_with_by_number() {
    let check = |told: &str, expect: &str| {
        assert_eq!(said(&cook("ok+tokens-5", &prefill(told))), expect, "{told}");
    };
    check("[b] w0 w1 w2", " w3 w4");
    check("[b] w0 w1 w2 ", "w3 w4");
    check("Once more: [b] w0 w1 w", "2 w3 w4");
    check("nothing of ours", "[a] w0 w1 w2 w3 w4");
    check("w0 w1 w2 w3 w4", "");
    check("w0é😀 w2é😀", " w3 w4");
    check("w0é😀 w2é😀 ", "w3 w4");
    let restart = said(&cook("ok+tokens-3+goes-on-restart", &prefill("w0 w1")));
    assert_eq!(restart, "[a] w0 w1 w2");
}

/// White space in runs of one blank, letters put together again.
fn normal(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").replace("e\u{301}", "é")
}

#[test]
fn an_anchor_is_repeated_and_gone_on_with() {
    for dish in DISHES {
        let usual = format!("ok+tokens-24{dish}");
        let text = said(&cook(&usual, &json!([])));
        for (told, rest) in cuts(&text).filter(|(told, _)| end(told).chars().count() >= 16) {
            let quote = end(told);
            // White space that was trimmed before the wish was written comes again.
            let blank = &told[told.trim_end().len()..];
            let rest = format!("{blank}{rest}");
            for goes_on in GoesOn::ALL {
                let model = format!("{usual}+goes-on-{}", goes_on.name());
                let got = said(&cook(&model, &anchor(told)));
                let name = format!("{model} {told:?} {got:?}");
                let ends = got.ends_with(&rest);
                assert_eq!(ends, goes_on.follows() || *goes_on == GoesOn::Restart, "{name}");
                let head = got.strip_suffix(&rest).unwrap_or(&got);
                assert!(joins(*goes_on, head, quote, told.trim_end()), "{name}");
                if *goes_on == GoesOn::Restart {
                    assert_eq!(got, text, "{name}");
                }
                if *goes_on == GoesOn::Other {
                    assert_eq!(got.chars().count(), (quote.to_owned() + &rest).chars().count());
                }
            }
        }
    }
}

/// Whether what comes before the rest is what the way says.
fn joins(goes_on: GoesOn, head: &str, quote: &str, told: &str) -> bool {
    match goes_on {
        GoesOn::Anchor | GoesOn::Stops => head == quote,
        GoesOn::Preamble => head.strip_prefix(PREAMBLE) == Some(quote),
        GoesOn::Overlap => {
            let short = head.chars().count();
            let shortest = quote.chars().count() < 24;
            quote.ends_with(head) && (short < quote.chars().count() || shortest)
        }
        GoesOn::Longer => told.ends_with(head) && (head.len() > quote.len() || head == told),
        GoesOn::Respelled => {
            let other = head != quote;
            normal(head) == normal(quote) && other == quote.contains(' ')
        }
        GoesOn::Chat => head.ends_with('?'),
        GoesOn::Quotes => head.contains(&format!("“{quote}”")) && head.ends_with('.'),
        GoesOn::Restart => true,
        GoesOn::Other => !head.contains('w'),
        GoesOn::Wraps => head.starts_with(&format!("“{quote}")) && head.ends_with('”'),
        GoesOn::Nothing => head.is_empty(),
    }
}

#[test]
fn calls_follow_where_the_text_is_gone_on_with() {
    let count = |model: &str, messages: &Value| calls(&cook(model, messages)).len();
    let told = "[b] w0 w1 w2 w3 w4 w5 w6";
    for goes_on in GoesOn::ALL {
        let model = format!("ok+tools-2+text+goes-on-{}", goes_on.name());
        let expect = if goes_on.follows() || *goes_on == GoesOn::Restart { 2 } else { 0 };
        assert_eq!(count(&model, &anchor(told)), expect, "{model}");
    }
    // What was said was said, though nobody ordered it here.
    let answer = cook("ok+tools", &anchor(told));
    assert_eq!(said(&answer), "[b] w0 w1 w2 w3 w4 w5 w6 w7 w8 w9 w10 w11");
    assert!(answer.calls());
    // Nothing of the text is left, and there is no empty piece of it.
    let answer = cook("ok+tools+tokens-7", &prefill(told));
    assert!(matches!(answer.parts.as_slice(), [Part::Call(_)]));
    let mute = cook("ok+thinking+tools+text+goes-on-nothing", &anchor(told));
    assert_eq!((mute.parts.len(), mute.tokens), (0, 0));
}

/// The same conversation in each dialect, with so many calls made.
fn handed_back(made: usize, wish: &str) -> [Value; 2] {
    let ids: Vec<String> = (0..made).map(|n| format!("c{n}")).collect();
    let each = |make: &dyn Fn(&String) -> Value| ids.iter().map(make).collect::<Vec<_>>();
    let tool_calls = each(&|id| {
        let function = json!({"name": "get_weather", "arguments": "{\"city\":\"Rome\"}"});
        json!({"id": id, "type": "function", "function": function})
    });
    let mut chat = vec![
        json!({"role": "user", "content": "hi"}),
        json!({"role": "assistant", "content": "w0 w1", "tool_calls": tool_calls}),
    ];
    let unknown = "(not known yet)";
    chat.extend(each(&|id| json!({"role": "tool", "tool_call_id": id, "content": unknown})));
    chat.push(json!({"role": "user", "content": wish}));
    let mut said = vec![json!({"type": "text", "text": "w0 w1"})];
    said.extend(each(&|id| {
        json!({"type": "tool_use", "id": id, "name": "get_weather", "input": {"city": "Rome"}})
    }));
    let mut results =
        each(&|id| json!({"type": "tool_result", "tool_use_id": id, "content": unknown}));
    results.push(json!({"type": "text", "text": wish}));
    let messages = vec![
        json!({"role": "user", "content": "hi"}),
        json!({"role": "assistant", "content": said}),
        json!({"role": "user", "content": results}),
    ];
    [json!(chat), json!(messages)]
}

#[test]
fn calls_that_were_handed_back_are_answered() {
    let wish = format!("If there is nothing, answer with this one word: {NOTHING_MORE}");
    let oslo = ("get_weather".to_owned(), r#"{"city":"Oslo","unit":"celsius"}"#.to_owned());
    let rome = ("get_weather".to_owned(), r#"{"city":"Rome"}"#.to_owned());
    for made in 1..=3 {
        for turns in handed_back(made, &wish) {
            let check = |more: &str, text: &str, expect: &[(String, String)]| {
                let answer = cook(&format!("ok+tools-3+text{more}"), &turns);
                assert_eq!(said(&answer), text, "{more} {turns}");
                assert_eq!(calls(&answer), expect, "{more} {turns}");
            };
            check("", NOTHING_MORE, &[]);
            let rest = vec![oslo.clone(); 3 - made];
            let word = if rest.is_empty() { NOTHING_MORE } else { "" };
            check("+after-calls-rest", word, &rest);
            check("+after-calls-again", "", &vec![rome.clone(); made]);
            check("+after-calls-talk", TALK, &[]);
        }
    }
    // The results of a call that nobody asks so about get their final word.
    for turns in handed_back(1, "And now?") {
        let answer = cook("ok+tools-3+tokens-2", &turns);
        assert_eq!((said(&answer).as_str(), calls(&answer).len()), ("[a] w0 w1", 0));
    }
}

#[test]
fn the_ways_are_told_apart() {
    let way = |turns: &Value| {
        let prefilled =
            turns.as_array().unwrap().last().is_some_and(|it| it["role"] == "assistant");
        Going::read(turns.as_array().unwrap(), prefilled).way()
    };
    let told = "w0 w1 w2 w3 w4 w5 w6";
    let user = |content: Value| json!({"role": "user", "content": content});
    let assistant = |content: Value| json!({"role": "assistant", "content": content});
    let wish = |end: &str| format!("Go on.\n\n{end}");
    let blocks = |text: &str| json!([{"type": "text", "text": text}]);
    for (turns, expect) in [
        (json!([]), Way::Fresh),
        (json!([user(json!("hi"))]), Way::Fresh),
        (prefill(told), Way::Prefill),
        (json!([assistant(blocks(told))]), Way::Prefill),
        (anchor(told), Way::Anchor),
        (json!([assistant(blocks(told)), user(blocks(&wish(told)))]), Way::Anchor),
        // What a proxy makes of two turns of one role, or of one that was torn in two.
        (
            json!([
                assistant(json!("w0 w1 w2")),
                assistant(json!(" w3 w4 w5 w6")),
                user(json!(wish("w1 w2 w3 w4 w5 w6")))
            ]),
            Way::Anchor,
        ),
        (json!([assistant(json!(told)), user(json!(wish("w1 w2")))]), Way::Fresh),
        (json!([assistant(json!(told)), user(json!(wish("w1 w2 w3 w4 w5")))]), Way::Fresh),
        (json!([assistant(json!(told)), user(json!(format!("Go on.\n{told}")))]), Way::Fresh),
        (json!([user(json!(told)), user(json!(wish(told)))]), Way::Fresh),
        (handed_back(2, NOTHING_MORE)[0].clone(), Way::Calls),
        (handed_back(2, NOTHING_MORE)[1].clone(), Way::Calls),
        (handed_back(2, "Thanks.")[0].clone(), Way::Fresh),
        (handed_back(0, NOTHING_MORE)[0].clone(), Way::Fresh),
        (json!([3, null, {"role": "user"}]), Way::Fresh),
    ] {
        assert_eq!(way(&turns), expect, "{turns}");
    }
}

#[test]
fn ends_and_places_are_found() {
    assert_eq!(tail("w10 w11 w12", 3), "w12");
    assert_eq!(tail("w10 w11 w12", 4), "w11 w12");
    assert_eq!(tail("w10 w11 w12", 99), "w10 w11 w12");
    assert_eq!(tail("", 3), "");
    assert_eq!(place("[b] w0 w1", "w0 w1 w2"), Some(5));
    assert_eq!(place("[b] w1", "w0 w1 w2"), None);
    assert_eq!(place("w0 \n", "w0 w1"), None);
    assert_eq!(place("", "w0"), None);
    let told = "a list:\n\n- one of them\n\n- two of them";
    // The longest end, though it has a blank line of its own.
    assert_eq!(quoted(told, &format!("Go on:\n\n{}", &told[9..])), Some(&told[9..]));
    assert_eq!(quoted(told, "Go on:\n\n\n- two of them, no"), None);
}
