//! Requests with very many of a kind: each is found again. Whoever looks each up among all would
//! keep these tests, and a gateway, busy for minutes.

use super::{OWN, quirks};
use crate::request::{Target, Uncarried, Written, cross};
use crate::seal::{Origin, wrap};
use ir::{Crossable, Thinks, Traits};
use serde_json::{Value, json};

const MANY: usize = 30_000;

fn crossed(from: Crossable, body: &Value) -> Result<Written, Uncarried> {
    let to = if from == Crossable::Chat { Crossable::Messages } else { Crossable::Chat };
    let target = Target {
        dialect: to,
        quirks: &quirks(to),
        model: "model",
        traits: Traits { max_tokens: 32000, thinks: Thinks::Adaptive },
        origin: Origin::of(OWN),
        stream: false,
        repairs: &[],
    };
    cross(from, body.to_string().as_bytes(), &target)
}

fn body(from: Crossable, body: &Value) -> Value {
    let written = crossed(from, body).expect("it crosses");
    serde_json::from_str(&written.body).expect("JSON")
}

fn each<T>(make: impl Fn(usize) -> T) -> Vec<T> {
    (0..MANY).map(make).collect()
}

#[test]
fn what_goes_with_a_call_is_found_among_many() {
    let extra: serde_json::Map<String, Value> =
        each(|at| (format!("c{at}"), json!(at))).into_iter().collect();
    let sealed = wrap(Origin::of(OWN), &json!({"extra_content": extra}).to_string());
    let mut content = vec![json!({"type": "redacted_thinking", "data": sealed})];
    content.extend(each(
        |at| json!({"type": "tool_use", "id": format!("c{at}"), "name": "f", "input": {}}),
    ));
    let request = json!({"max_tokens": 5, "messages": [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": content},
        {"role": "user", "content": "b"},
    ]});
    let written = body(Crossable::Messages, &request);
    let calls = written["messages"][1]["tool_calls"].as_array().expect("calls");
    assert_eq!(calls.len(), MANY);
    assert!(calls.iter().enumerate().all(|(at, call)| call["extra_content"] == json!(at)));
}

#[test]
fn a_subset_is_found_among_many_tools() {
    let tool = |at: usize| json!({"type": "function", "function": {"name": format!(".{at}")}});
    let mut names = each(tool);
    names.reverse();
    let request = json!({
        "messages": [{"role": "user", "content": "a"}],
        "tools": each(tool),
        "tool_choice": {"type": "allowed_tools",
            "allowed_tools": {"mode": "auto", "tools": names}},
    });
    let written = crossed(Crossable::Chat, &request).expect("it crosses");
    assert_eq!(written.aliases.len(), MANY);
    let written: Value = serde_json::from_str(&written.body).expect("JSON");
    assert_eq!(written["tools"].as_array().map(Vec::len), Some(MANY));
}

#[test]
fn results_in_reverse_stand_behind_their_calls() {
    let calls = each(|at| {
        json!({"id": format!("c{at}"), "type": "function",
            "function": {"name": "f", "arguments": "{}"}})
    });
    let result = |at| json!({"role": "tool", "tool_call_id": format!("c{at}"), "content": "r"});
    let mut messages = vec![json!({"role": "assistant", "tool_calls": calls})];
    messages.extend((0..MANY).rev().map(result));
    let written = body(Crossable::Chat, &json!({"messages": messages}));
    // The first is put before the model's turn.
    let results = written["messages"][2]["content"].as_array().expect("results");
    assert_eq!(results.len(), MANY);
    assert!(results.iter().all(|result| result["type"] == "tool_result"));
}

#[test]
fn a_schema_of_many_members_is_taken_strictly() {
    let properties: serde_json::Map<String, Value> =
        each(|at| (format!("p{at}"), json!({}))).into_iter().collect();
    for left_out in [0, 1] {
        let required = (left_out..MANY).rev().map(|at| format!("p{at}")).collect::<Vec<_>>();
        let schema = json!({"type": "object", "properties": properties, "required": required,
            "additionalProperties": false});
        let written = body(
            Crossable::Messages,
            &json!({
                "max_tokens": 5,
                "messages": [{"role": "user", "content": "a"}],
                "tools": [{"name": "f", "input_schema": schema, "strict": true}],
            }),
        );
        let strict = &written["tools"][0]["function"]["strict"];
        assert_eq!(*strict, if left_out == 0 { json!(true) } else { Value::Null });
    }
}

#[test]
fn contents_within_contents_have_an_end() {
    let mut content = json!("r");
    for level in 1..8 {
        content = json!([{"type": "tool_result", "tool_use_id": "c", "content": content}]);
        let request = json!({"max_tokens": 5, "messages": [{"role": "user", "content": content}]});
        let refused = crossed(Crossable::Messages, &request).is_err();
        assert_eq!(refused, 3 < level, "{level}");
    }
}
