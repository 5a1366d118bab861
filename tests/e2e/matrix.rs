//! The matrix: what callers of each dialect may ask for × what the provider speaks, and what becomes
//! of it: carried, or with the losses that are declared.
//!
//! The provider refuses what its dialect does not allow, so a cell that is not refused is legal there.
//! `BLESS=1 cargo test -p backstop-e2e -- matrix` writes `tests/matrix.txt`; every line is to be read.

use crate::world::{CROSSABLE, Plan, Request, Said, World, alone, path};
use ir::{Dialect, Shape};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;

/// What is asked for, in the words of both: fields beside the model and the messages, and the
/// messages where they are not the usual ones; `null` where a dialect has no word for it.
#[expect(clippy::too_many_lines, reason = "a table of data")]
fn features() -> Vec<(&'static str, Value, Value)> {
    let image = "iVBORw0KGgo=";
    let pdf = "JVBERi0=";
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}},
        "required": ["city"], "additionalProperties": false});
    let chat_tool = json!({"type": "function", "function": {"name": "f", "parameters": schema}});
    let tool = json!({"name": "f", "input_schema": schema});
    let user = |content: Value| json!([{"role": "user", "content": content}]);
    vec![
        ("text", json!({}), json!({})),
        (
            "system at the head",
            json!({"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "a"}]}),
            json!({"system": "s"}),
        ),
        (
            "system in the middle",
            json!({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"},
                {"role": "developer", "content": "s"}, {"role": "user", "content": "c"}]}),
            json!({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"},
                {"role": "system", "content": "s"}, {"role": "user", "content": "c"}]}),
        ),
        (
            "image",
            json!({"messages": user(json!([{"type": "image_url",
                "image_url": {"url": format!("data:image/png;base64,{image}")}}]))}),
            json!({"messages": user(json!([{"type": "image",
                "source": {"type": "base64", "media_type": "image/png", "data": image}}]))}),
        ),
        (
            "document",
            json!({"messages": user(json!([{"type": "file", "file": {"filename": "a.pdf",
                "file_data": format!("data:application/pdf;base64,{pdf}")}}]))}),
            json!({"messages": user(json!([{"type": "document", "title": "a.pdf",
                "source": {"type": "base64", "media_type": "application/pdf", "data": pdf}}]))}),
        ),
        ("tools", json!({"tools": [chat_tool]}), json!({"tools": [tool]})),
        (
            "tools, one at a time",
            json!({"tools": [chat_tool], "parallel_tool_calls": false}),
            json!({"tools": [tool], "tool_choice": {"type": "auto", "disable_parallel_tool_use": true}}),
        ),
        (
            "a forced call",
            json!({"tools": [chat_tool], "tool_choice": {"type": "function", "function": {"name": "f"}}}),
            json!({"tools": [tool], "tool_choice": {"type": "tool", "name": "f"}}),
        ),
        (
            "calls and results",
            json!({"tools": [chat_tool], "messages": [{"role": "user", "content": "a"},
                {"role": "assistant", "content": null, "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                    {"id": "c2", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
                {"role": "tool", "tool_call_id": "c1", "content": "1"},
                {"role": "tool", "tool_call_id": "c2", "content": "2"}]}),
            json!({"tools": [tool], "messages": [{"role": "user", "content": "a"},
                {"role": "assistant", "content": [
                    {"type": "tool_use", "id": "c1", "name": "f", "input": {}},
                    {"type": "tool_use", "id": "c2", "name": "f", "input": {}}]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "c1", "content": "1"},
                    {"type": "tool_result", "tool_use_id": "c2", "content": "2", "is_error": true}]}]}),
        ),
        (
            "a tool of the provider",
            json!({"web_search_options": {}}),
            json!({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}),
        ),
        (
            "effort",
            json!({"reasoning_effort": "high"}),
            json!({"thinking": {"type": "adaptive"},
            "output_config": {"effort": "high"}}),
        ),
        (
            "a budget for thinking",
            Value::Null,
            json!({"max_tokens": 4096,
            "thinking": {"type": "enabled", "budget_tokens": 2048}}),
        ),
        (
            "no thinking",
            json!({"reasoning_effort": "none"}),
            json!({"thinking": {"type": "disabled"}}),
        ),
        (
            "a schema for the answer",
            json!({"response_format": {"type": "json_schema",
                "json_schema": {"name": "n", "strict": true, "schema": schema}}}),
            json!({"output_config": {"format": {"type": "json_schema", "schema": schema}}}),
        ),
        (
            "some JSON",
            json!({"response_format": {"type": "json_object"}, "messages": user(json!("in JSON"))}),
            Value::Null,
        ),
        ("temperature", json!({"temperature": 0.5}), json!({"temperature": 0.5})),
        ("top_k", Value::Null, json!({"top_k": 5})),
        ("seed", json!({"seed": 7}), Value::Null),
        ("stop", json!({"stop": ["x"]}), json!({"stop_sequences": ["x"]})),
        ("cache marks", Value::Null, json!({"cache_control": {"type": "ephemeral"}})),
        ("several answers", json!({"n": 2}), Value::Null),
        ("log probabilities", json!({"logprobs": true}), Value::Null),
        ("who asks", json!({"user": "u"}), json!({"metadata": {"user_id": "u"}})),
    ]
}

fn request(dialect: Dialect, shape: Shape, fields: &Value) -> Request {
    let mut body = json!({
        "model": "ok+strict",
        "messages": [{"role": "user", "content": "hi"}],
        "max_tokens": 4096,
        "stream": shape == Shape::Stream,
    });
    for (key, value) in fields.as_object().expect("fields") {
        body[key] = value.clone();
    }
    // The older version knows every field of these.
    Request::post(path(dialect), body.to_string()).header("anthropic-version", "2023-06-01")
}

/// What became of one feature.
async fn cell(world: &World, caller: Dialect, fields: &Value) -> String {
    if fields.is_null() {
        return "no word for it".to_owned();
    }
    let mut told = Vec::new();
    for shape in Shape::ALL {
        let heard = world.hear(&request(caller, shape, fields)).await;
        let said = Said::read(caller, shape, &heard.body).is_ok_and(|said| said.is_complete());
        told.push(match (heard.status, heard.header("x-backstop-loss")) {
            (200, None) if said => "carried".to_owned(),
            (200, Some(losses)) if said => format!("loses {losses}"),
            (400, _) if heard.code() == "BS0313" => "refused".to_owned(),
            (status, _) => panic!("{caller:?} {fields}: {status} {}", heard.text()),
        });
    }
    assert_eq!(told[0], told[1], "streamed and whole differ: {fields}");
    told.remove(0)
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "the matrix is what this is for")]
async fn what_each_caller_may_ask_of_each_provider() {
    let mut worlds = Vec::new();
    for provider in CROSSABLE {
        let row = format!("local = false\nkind = \"{}\"", provider.name());
        let text = alone(provider, "").replace("local = false", &row);
        worlds.push(Plan::new(text).clouds(&["a"]).await.start().await);
    }
    let mut text = String::new();
    for (name, chat, messages) in features() {
        writeln!(text, "{name}").expect("a string");
        for (caller, fields) in [(Dialect::Chat, &chat), (Dialect::Messages, &messages)] {
            for (provider, world) in CROSSABLE.into_iter().zip(&worlds) {
                let cell = cell(world, caller, fields).await;
                let (caller, provider) = (caller.name(), provider.name());
                writeln!(text, "    {caller:9} → {provider:9}  {cell}").expect("a string");
            }
        }
    }
    for world in worlds {
        world.stop().await;
    }
    println!("{text}");
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("matrix.txt");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&golden, &text).expect("a writable tree");
    }
    assert_eq!(text, std::fs::read_to_string(&golden).unwrap_or_default(), "{}", golden.display());
}
