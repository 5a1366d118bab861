//! Cut answers and the rests of them, as scripts: whatever arrived and the rest is the uncut text.

use super::meanings::Received;
use super::{Order, Seen, Step, request, scene, script, steps};
use crate::provider::{Fault, text_of};
use ir::{Dialect, Shape};
use serde_json::{Value, json};

/// What the answers hold; a good one of this dish says what was to come.
const DISH: &str = "+tokens-24+unicode+halves+long";

/// A request with these turns behind the first, and these fields.
fn steps_of(dialect: Dialect, model: &str, turns: &[Value], fields: &Value) -> Vec<Step> {
    let seen = request(dialect, Shape::Stream, model);
    let mut body: Value = serde_json::from_slice(&seen.body).unwrap();
    if dialect == Dialect::Responses {
        body["input"] = json!([{"role": "user", "content": "hi"}]);
    }
    let before = if dialect == Dialect::Responses { "input" } else { "messages" };
    body[before].as_array_mut().unwrap().extend_from_slice(turns);
    let all = body.as_object_mut().unwrap();
    all.extend(fields.as_object().cloned().unwrap_or_default());
    let seen = Seen { body: body.to_string().into_bytes(), ..seen };
    script(&seen, &Order::from_model(model).unwrap(), &scene())
}

fn answered(dialect: Dialect, model: &str, turns: &[Value], fields: &Value) -> Received {
    Received::read(&steps_of(dialect, model, turns, fields))
}

/// Every cut within text.
fn cuts() -> Vec<String> {
    let mut cuts: Vec<String> = (1..=24).map(|n| format!("cut-after-{n}")).collect();
    cuts.extend((1..24).map(|n| format!("fin-in-letter-{n}")));
    cuts.extend((0..24).map(|n| format!("reset-in-pair-{n}")));
    cuts.extend(
        ["stall-after-last", "error-after-last", "error-after-7", "text-then-tool-cut"]
            .map(str::to_owned),
    );
    cuts
}

fn assistant(content: &Value) -> Value {
    json!({"role": "assistant", "content": content})
}

#[test]
fn what_arrived_and_a_prefill_are_the_whole_text() {
    for dialect in Dialect::ALL {
        for cut in cuts() {
            let told = arrived(dialect, &cut);
            let blocks = json!([{"type": "text", "text": told}]);
            let mut ways =
                vec![(assistant(&json!(told)), json!({})), (assistant(&blocks), json!({}))];
            if dialect == Dialect::Chat {
                let mut turn = assistant(&json!(told));
                turn["prefix"] = json!(true);
                ways.push((turn, json!({})));
                let fields =
                    json!({"continue_final_message": true, "add_generation_prompt": false});
                ways.push((assistant(&json!(told)), fields));
            }
            for (turn, fields) in ways {
                let got = answered(dialect, &format!("ok{DISH}"), &[turn], &fields);
                assert_eq!(format!("{told}{}", got.text), uncut(), "{dialect:?} {cut}");
                assert!(got.finish.is_some() && got.half.is_none(), "{cut}");
            }
        }
    }
}

#[test]
fn what_arrived_and_what_follows_an_anchor_are_the_whole_text() {
    for dialect in Dialect::ALL {
        for cut in cuts() {
            let told = arrived(dialect, &cut);
            let start = told.char_indices().rev().nth(39).map_or(0, |(at, _)| at);
            let quote = told[start..].trim_start();
            if quote.chars().count() < 16 {
                continue;
            }
            let wish = format!("Go on.\n\nWhat arrived ends with:\n\n{quote}");
            for wish in [json!(wish), json!([{"type": "text", "text": wish}])] {
                let turns = [assistant(&json!(told)), json!({"role": "user", "content": wish})];
                let got = answered(dialect, &format!("ok{DISH}"), &turns, &json!({}));
                let rest = got.text.strip_prefix(quote).unwrap();
                assert_eq!(format!("{told}{rest}"), uncut(), "{dialect:?} {cut}");
                let restart = format!("ok{DISH}+goes-on-restart");
                assert_eq!(answered(dialect, &restart, &turns, &json!({})).text, uncut());
            }
        }
    }
}

/// Two cuts, one after the other, of which the second is in the rest.
#[test]
fn a_rest_that_is_cut_has_a_rest() {
    for dialect in Dialect::ALL {
        let mut told = arrived(dialect, "cut-after-9");
        let turns = [assistant(&json!(told))];
        let again = answered(dialect, &format!("cut-in-pair-4{DISH}"), &turns, &json!({}));
        assert!(again.half.is_some() && again.finish.is_none());
        told.push_str(&again.text);
        let turns = [assistant(&json!(told))];
        told.push_str(&answered(dialect, &format!("ok{DISH}"), &turns, &json!({})).text);
        assert_eq!(told, uncut());
    }
}

#[test]
fn another_provider_says_the_same_where_nobody_is_named() {
    for dialect in Dialect::ALL {
        let model = "ok+tokens-9+anonymous";
        let seen = request(dialect, Shape::Stream, model);
        let of = |name: &str| {
            let scene = crate::provider::Scene { name: name.to_owned(), ..scene() };
            Received::read(&script(&seen, &Order::from_model(model).unwrap(), &scene)).text
        };
        assert_eq!(of("a"), of("b"));
        assert_eq!(of("a"), text_of(&Order::from_model(model).unwrap().dish, "a", 0, 9));
    }
}

#[test]
fn a_prefill_is_refused_and_an_anchor_is_not() {
    for dialect in Dialect::ALL {
        let model = format!("refuses-prefill{DISH}");
        let told = arrived(dialect, "cut-after-9");
        let turns = [assistant(&json!(told))];
        assert_eq!(answered(dialect, &model, &turns, &json!({})).text, "");
        let wish = json!({"role": "user", "content": format!("Go on.\n\n{told}")});
        let [turn] = turns;
        assert_eq!(answered(dialect, &model, &[turn, wish], &json!({})).text, uncut());
    }
}

#[test]
fn every_break_in_a_rest_is_a_break() {
    for dialect in Dialect::ALL {
        let told = arrived(dialect, "cut-after-3");
        for fault in Fault::menu() {
            let whole = steps(dialect, Shape::Stream, &fault.name());
            let rest = steps_of(dialect, &fault.name(), &[assistant(&json!(told))], &json!({}));
            if fault.name() != "refuses-prefill" {
                let ends = |steps: &[Step]| {
                    let last = steps.last().cloned();
                    last.filter(|step| !matches!(step, Step::Send(_)))
                };
                assert_eq!(ends(&whole), ends(&rest), "{fault}");
            }
        }
    }
}

fn arrived(dialect: Dialect, cut: &str) -> String {
    let got = Received::read(&steps(dialect, Shape::Stream, &format!("{cut}{DISH}")));
    assert_eq!(got.finish, None, "{cut}");
    assert!(!got.text.is_empty() && uncut().starts_with(&got.text), "{cut} {got:?}");
    got.text
}

fn uncut() -> String {
    let order = Order::from_model(&format!("ok{DISH}")).unwrap();
    text_of(&order.dish, "cloud-a", 0, order.dish.tokens)
}
