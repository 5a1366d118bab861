//! Every field once more, with values of every type that it has not: carried, reported or refused.

use super::fields::{base, blocks, outcome, top, within};
use ir::Crossable;
use serde_json::{Value, json};
use std::mem::discriminant;

/// A value of each type; `null` is as if a field were not there.
fn values() -> [Value; 6] {
    [json!(5), json!(-1.5), json!("odd"), json!(true), json!([5]), json!({"odd": 5})]
}

/// Where the values within this one stand, itself among them.
fn places(value: &Value, at: &str, into: &mut Vec<String>) {
    into.push(at.to_owned());
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(key, value)| places(value, &format!("{at}/{key}"), into));
        }
        Value::Array(items) => {
            let items = items.iter().enumerate();
            items.for_each(|(index, value)| places(value, &format!("{at}/{index}"), into));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The same without the value at this place.
fn without(request: &Value, place: &str) -> Value {
    let mut request = request.clone();
    let (parent, key) = place.rsplit_once('/').expect("a place");
    match request.pointer_mut(parent).expect("a parent") {
        Value::Object(members) => drop(members.remove(key)),
        Value::Array(items) => drop(items.remove(key.parse().expect("an index"))),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            panic!("nothing is in {parent}")
        }
    }
    request
}

/// A place as losses spell it, and all that it is in: `messages[].content[]`, `messages[]`.
fn spelt(place: &str) -> Vec<String> {
    let mut path = String::new();
    let mut paths = Vec::new();
    for step in place.split('/').skip(1) {
        if step.parse::<usize>().is_ok() {
            path.push_str("[]");
        } else {
            let dot = if path.is_empty() { "" } else { "." };
            path = format!("{path}{dot}{step}");
        }
        paths.push(path.clone());
    }
    paths
}

/// Fails unless the value says something on the other side that its absence does not, or a loss or
/// the refusal names it.
fn check(from: Crossable, request: &Value, place: &str) {
    let proper = request.pointer(place).expect("a value");
    let plain = outcome(from, &without(request, place));
    let paths = spelt(place);
    let keys: Vec<&str> = place.split('/').filter(|key| !key.is_empty()).collect();
    for odd in values() {
        let whole = |value: &Value| value.as_f64().is_none_or(|it| it.fract() == 0.0);
        if discriminant(&odd) == discriminant(proper) && whole(&odd) == whole(proper) {
            continue;
        }
        let mut changed = request.clone();
        *changed.pointer_mut(place).expect("a place") = odd.clone();
        let what = format!("{from:?} {place} = {odd}");
        let (body, losses) = match outcome(from, &changed) {
            Ok(crossed) => crossed,
            Err(refused) => {
                assert!(keys.iter().any(|key| refused.contains(key)), "{what}: {refused}");
                continue;
            }
        };
        let known = |loss: &String| plain.as_ref().is_ok_and(|(_, known)| known.contains(loss));
        let is_named = losses.iter().any(|loss| {
            // A loss may say which kind it was: `tools[]: web_fetch`.
            let path = loss.split(": ").next().unwrap_or_default();
            paths.iter().any(|it| it == path)
                || !known(loss) && keys.iter().any(|key| loss.contains(key))
        });
        let is_said = plain.as_ref().map_or(true, |(plain, _)| *plain != body);
        assert!(is_named || is_said, "{what} is neither carried nor reported: {losses:?} {body}");
    }
}

#[test]
fn at_the_top_of_a_request() {
    for from in Crossable::ALL {
        for (key, value) in top(from).as_object().expect("fields") {
            let mut request = base(from);
            request.as_object_mut().expect("fields").remove("tool_choice");
            request[key] = value.clone();
            let mut all = Vec::new();
            places(value, &format!("/{key}"), &mut all);
            for place in &all {
                check(from, &request, place);
            }
        }
    }
}

#[test]
fn within_a_request() {
    for from in Crossable::ALL {
        let mut all = Vec::new();
        places(&base(from), "", &mut all);
        // The head of a request reads the model's name.
        for place in all.iter().filter(|place| !matches!(place.as_str(), "" | "/model")) {
            check(from, &base(from), place);
        }
        for (place, member) in within(from) {
            let mut request = base(from);
            let (key, value) = member.as_object().expect("one").iter().next().expect("one");
            request.pointer_mut(place).expect("a place")[key] = value.clone();
            let mut all = Vec::new();
            places(value, &format!("{place}/{key}"), &mut all);
            for place in &all {
                check(from, &request, place);
            }
        }
    }
}

#[test]
fn within_every_kind_of_block() {
    for block in blocks() {
        let mut request = base(Crossable::Messages);
        request["messages"][0]["content"].as_array_mut().expect("blocks").push(block.clone());
        let mut all = Vec::new();
        places(&block, "/messages/0/content/3", &mut all);
        for place in &all {
            check(Crossable::Messages, &request, place);
        }
    }
}

/// A limit of tokens that is none would be no limit: it is for the caller to mend.
#[test]
fn limits_are_whole_numbers_above_zero() {
    for (from, field, place) in [
        (Crossable::Chat, "max_tokens", "/max_tokens"),
        (Crossable::Chat, "max_completion_tokens", "/max_completion_tokens"),
        (Crossable::Messages, "max_tokens", "/max_tokens"),
        (Crossable::Messages, "budget_tokens", "/thinking/budget_tokens"),
    ] {
        for odd in
            [json!("x"), json!("5"), json!(-1), json!(1.5), json!(true), json!([5]), json!(0)]
        {
            let mut request = base(from);
            request["thinking"] = json!({"type": "enabled", "budget_tokens": 5});
            if from == Crossable::Chat {
                request.as_object_mut().expect("fields").remove("thinking");
                request[field] = json!(5);
            }
            *request.pointer_mut(place).expect("a limit") = odd.clone();
            let refused = outcome(from, &request).expect_err("a refusal");
            let warms = (from, field, &odd) == (Crossable::Messages, "max_tokens", &json!(0));
            let why = if warms { "warms a cache" } else { "it is no whole number above zero" };
            assert!(refused.contains(field) && refused.contains(why), "{odd}: {refused}");
        }
    }
}

/// The answer would not stop there.
#[test]
fn stops_are_strings() {
    for (from, field) in [(Crossable::Chat, "stop"), (Crossable::Messages, "stop_sequences")] {
        for odd in [json!(5), json!([5, "a"]), json!(["a", null]), json!({"a": "b"})] {
            let mut request = base(from);
            request[field] = odd.clone();
            let refused = outcome(from, &request).expect_err("a refusal");
            assert!(refused.starts_with(field), "{odd}: {refused}");
        }
    }
}
