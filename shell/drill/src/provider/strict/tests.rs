//! Each objection once, and the requests that none is raised to.

use super::super::{Asked, Endpoint};
use ir::Dialect;
use serde_json::{Value, json};

const VERSION: &str = "2026-10-21";

/// Every field of `patch` replaces that of `body`; null removes it.
fn patched(mut body: Value, patch: &Value) -> Value {
    for (key, value) in patch.as_object().unwrap() {
        if value.is_null() {
            body.as_object_mut().unwrap().remove(key);
        } else {
            body[key] = value.clone();
        }
    }
    body
}

fn objection(dialect: Dialect, version: &str, body: &Value) -> String {
    let headers = [("anthropic-version".to_owned(), version.to_owned())];
    let endpoint = Endpoint::Answer(dialect);
    let asked = Asked::read(endpoint, body.to_string().as_bytes());
    let checked = super::check(endpoint, "/v1/x", &headers, &asked.document);
    checked.err().map(|problem| problem.message().to_owned()).unwrap_or_default()
}

fn says(dialect: Dialect, version: &str, body: &Value, expect: &str) {
    let found = objection(dialect, version, body);
    let right = if expect.is_empty() { found.is_empty() } else { found.starts_with(expect) };
    assert!(right, "{body}\n says {found:?}\n not  {expect:?}");
}

fn messages(patch: &Value, expect: &str) {
    let body = json!({"model": "m", "max_tokens": 9,
                      "messages": [{"role": "user", "content": "Hi"}]});
    says(Dialect::Messages, VERSION, &patched(body, patch), expect);
}

/// A conversation in Messages.
fn turns(turns: &Value, expect: &str) {
    messages(&json!({"messages": turns}), expect);
}

fn chat(patch: &Value, expect: &str) {
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
    says(Dialect::Chat, "", &patched(body, patch), expect);
}

fn tool() -> Value {
    json!({"name": "get_weather", "input_schema": {"type": "object", "properties": {}}})
}

fn function() -> Value {
    json!({"type": "function",
           "function": {"name": "get_weather", "parameters": {"type": "object"}}})
}

#[test]
fn fields_of_messages() {
    messages(&json!({}), "");
    messages(&json!({"max_tokens": null}), "max_tokens: Field required");
    messages(&json!({"max_tokens": "9"}), "max_tokens: Input should be a valid integer");
    messages(&json!({"messages": []}), "messages: at least one message is required");
    messages(&json!({"seed": 1}), "seed: Extra inputs are not permitted");
    messages(&json!({"temperature": 1}), "temperature: Extra inputs are not permitted");
    messages(&json!({"metadata": {"a": "b"}}), "metadata.a: Extra inputs are not permitted");
    messages(&json!({"stop_sequences": ["\n"]}), "stop_sequences: each stop sequence must contain");
    messages(&json!({"system": [{"type": "text", "text": ""}]}), "system: text content blocks");
    let open = json!({"format": {"type": "json_schema", "schema": {"type": "object"}}});
    messages(&json!({"output_config": open}), "output_config.format.schema: For 'object' type");
    messages(&json!({"output_config": {"effort": "none"}}), "output_config.effort: Input should");
    messages(&json!({"thinking": {"type": "enabled"}}), "thinking.enabled.budget_tokens: Field");
    let budget = json!({"type": "enabled", "budget_tokens": 1024});
    messages(&json!({"thinking": budget}), "`max_tokens` must be greater than");
    messages(&json!({"context_management": {}}), "context_management: Extra inputs");
}

#[test]
fn the_version_and_the_body_go_together() {
    let body = json!({"model": "m", "max_tokens": 9, "temperature": 0.5,
                      "messages": [{"role": "user", "content": "Hi"}]});
    let check = |version: &str, expect: &str| says(Dialect::Messages, version, &body, expect);
    check("2023-06-01", "");
    check("2026-10-21", "temperature: Extra inputs are not permitted");
    check("", "anthropic-version: header is required");
    check("2025-01-01", "anthropic-version: \"2025-01-01\" is not a valid version");
    let warm = patched(body.clone(), &json!({"temperature": 1.5}));
    let expect = "temperature: Input should be less than or equal to 1";
    says(Dialect::Messages, "2023-06-01", &warm, expect);
}

#[test]
fn tools_of_messages() {
    let choice = |choice: Value, expect: &str| {
        messages(&json!({"tools": [tool()], "tool_choice": choice}), expect);
    };
    choice(json!({"type": "auto", "disable_parallel_tool_use": true}), "");
    choice(json!({"type": "function"}), "tool_choice.type: Input should be");
    choice(json!({"type": "tool", "name": "x"}), "tool_choice: Tool 'x' not found");
    choice(json!("auto"), "tool_choice: Input should be a valid dictionary");
    messages(&json!({"tool_choice": {"type": "auto"}}), "tool_choice: tool_choice may only be");
    let with = |patch: &Value, expect: &str| {
        messages(&json!({"tools": [patched(tool(), patch)]}), expect);
    };
    with(&json!({"parameters": {}}), "tools.0.custom.parameters: Extra inputs are not permitted");
    with(&json!({"input_schema": {}}), "tools.0.custom.input_schema.type: Field required");
    with(&json!({"name": "a.b"}), "tools.0.custom.name: String should match pattern");
    with(&json!({"type": "function"}), "tools.0: Input tag 'function'");
    with(&json!({"type": "bash_20250124", "input_schema": null}), "");
    messages(&json!({"tools": [tool(), tool()]}), "tools: Tool names must be unique");
    let forced = json!({"tools": [tool()], "tool_choice": {"type": "any"},
                        "thinking": {"type": "adaptive"}});
    messages(&forced, "Thinking may not be enabled when tool_choice forces tool use");
}

#[test]
fn blocks_of_messages() {
    let user = |block: Value, expect: &str| {
        turns(&json!([{"role": "user", "content": [block]}]), expect);
    };
    user(json!({"type": "text", "text": "Hi"}), "");
    user(json!({"type": "text", "text": ""}), "messages: text content blocks must be non-empty");
    user(json!({"type": "text", "text": " "}), "messages: text content blocks must contain");
    user(json!({"type": "text", "text": "a", "x": 1}), "messages.0.content.0.text.x: Extra inputs");
    user(json!({"type": "image_url"}), "messages.0.content.0: Input tag 'image_url'");
    user(json!({"type": "tool_use"}), "messages.0.content.0: `tool_use` blocks are not permitted");
    let source = |media: &str, data: &str| {
        let source = json!({"type": "base64", "media_type": media, "data": data});
        json!({"type": "image", "source": source})
    };
    user(source("image/png", "AAAA"), "");
    user(source("image/tiff", "AAAA"), "messages.0.content.0.image.source.base64.media_type: Inp");
    let url = "data:image/png;base64,AAAA";
    user(source("image/png", url), "messages.0.content.0.image.source.base64.data: invalid base64");
    let thought = json!({"type": "thinking", "thinking": "t", "signature": "foreign"});
    turns(
        &json!([{"role": "user", "content": "a"}, {"role": "assistant", "content": [thought]}]),
        "messages.1.content.0.thinking.signature: Invalid `signature`",
    );
    turns(
        &json!([{"role": "user", "content": ""}]),
        "messages.0: all messages must have non-empty",
    );
    turns(&json!([{"role": "tool", "content": "a"}]), "messages.0.role: Input should be 'user',");
    turns(&json!([{"role": "system", "content": "a"}]), "messages: first message must use the");
    turns(&json!([{"role": "user", "content": "a"}, {"role": "system", "content": "b"}]), "");
}

#[test]
fn calls_and_results_of_messages() {
    let call = |id: &str| json!({"type": "tool_use", "id": id, "name": "t", "input": {}});
    let result = |id: &str| json!({"type": "tool_result", "tool_use_id": id, "content": "r"});
    let text = json!({"type": "text", "text": "x"});
    let round = |calls: &[Value], results: &[Value], expect: &str| {
        let all = json!([{"role": "user", "content": "a"}, {"role": "assistant", "content": calls},
                         {"role": "user", "content": results}]);
        turns(&all, expect);
    };
    round(&[call("a"), call("b")], &[result("b"), result("a"), text.clone()], "");
    round(&[call("a"), call("b")], &[result("a")], "messages.1: `tool_use` ids were found without");
    round(&[call("a")], &[text.clone(), result("a")], "messages.1: `tool_use` ids were found");
    round(&[call("a")], &[result("a"), result("c")], "messages.2.content.0: unexpected");
    round(&[call("a"), call("a")], &[result("a")], "messages: `tool_use` ids must be unique");
    round(&[call("a.b")], &[result("a.b")], "messages.1.content.0.tool_use.id: String should");
    round(&[call("a")], &[result("a")], "");
    let thinking = json!({"thinking": {"type": "enabled", "budget_tokens": 1024},
        "max_tokens": 2048,
        "messages": [{"role": "user", "content": "a"},
                     {"role": "assistant", "content": [call("a")]},
                     {"role": "user", "content": [result("a")]}]});
    messages(&thinking, "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`");
}

#[test]
fn fields_of_chat() {
    chat(&json!({}), "");
    chat(&json!({"model": null}), "you must provide a model parameter");
    chat(&json!({"messages": null}), "Missing required parameter: 'messages'.");
    chat(&json!({"messages": []}), "Invalid 'messages': empty array.");
    chat(&json!({"system": "x"}), "Unknown parameter: 'system'.");
    chat(&json!({"temperature": 3}), "Invalid 'temperature': above maximum value.");
    chat(&json!({"max_tokens": 0}), "Invalid 'max_tokens': below minimum value.");
    chat(&json!({"max_tokens": 1, "max_completion_tokens": 1}), "Setting 'max_tokens' and");
    chat(&json!({"stream_options": {}}), "The 'stream_options' parameter is only allowed when");
    chat(&json!({"stop": ["a", "b", "c", "d", "e"]}), "Invalid 'stop': array too long.");
    chat(&json!({"metadata": {"a": "b"}}), "The 'metadata' parameter is only allowed when 'store'");
    chat(&json!({"reasoning_effort": "some"}), "Invalid value: 'some'. Supported values are:");
    chat(&json!({"response_format": {"type": "json_object"}}), "'messages' must contain the word");
    let format = |schema: Value| {
        json!({"response_format": {"type": "json_schema",
                                                            "json_schema": schema}})
    };
    let open = json!({"type": "object"});
    chat(&format(json!({"schema": open})), "Missing required parameter: 'response_format.json_sch");
    chat(&format(json!({"name": "a b", "schema": open})), "Invalid 'response_format.json_schema.n");
    chat(&format(json!({"name": "a", "schema": open})), "");
    let strict = json!({"name": "a", "schema": open, "strict": true});
    chat(&format(strict), "Invalid schema for response_format 'a'");
}

#[test]
fn tools_of_chat() {
    let tools = |patch: &Value, expect: &str| {
        chat(&patched(json!({"tools": [function()]}), patch), expect);
    };
    tools(&json!({"tool_choice": "required", "parallel_tool_calls": false}), "");
    tools(&json!({"tools": []}), "Invalid 'tools': empty array.");
    tools(&json!({"tools": null, "tool_choice": "auto"}), "'tool_choice' is only allowed when");
    tools(&json!({"tools": [tool()]}), "Missing required parameter: 'tools[0].type'.");
    tools(&json!({"tool_choice": "any"}), "Invalid value: 'any'.");
    tools(&json!({"tool_choice": {"type": "function", "function": {"name": "x"}}}), "Tool choice");
    let named = json!({"type": "function", "function": {"name": "a.b"}});
    tools(&json!({"tools": [named]}), "Invalid 'tools[0].function.name': string does not match");
}

#[test]
fn turns_of_chat() {
    let check = |turns: Value, expect: &str| chat(&json!({"messages": turns}), expect);
    let user = || json!({"role": "user", "content": "a"});
    let calls = |ids: &[&str]| {
        let call = |id: &&str| {
            json!({"id": id, "type": "function",
                                      "function": {"name": "t", "arguments": "{}"}})
        };
        let calls: Vec<_> = ids.iter().map(call).collect();
        json!({"role": "assistant", "content": null, "tool_calls": calls})
    };
    let result = |id: &str| json!({"role": "tool", "tool_call_id": id, "content": "r"});
    check(json!([user(), calls(&["a", "b"]), result("b"), result("a"), user()]), "");
    check(
        json!([user(), calls(&["a", "b"]), result("a")]),
        "An assistant message with 'tool_calls'",
    );
    check(json!([user(), calls(&["a"]), user(), result("a")]), "An assistant message with");
    check(json!([user(), result("a")]), "Invalid parameter: messages with role 'tool' must be");
    check(json!([user(), calls(&[])]), "Invalid 'messages[1].tool_calls': empty array.");
    let long = "toolu_0123456789012345678901234567890123456";
    check(json!([user(), calls(&[long]), result(long)]), "Invalid 'messages[1].tool_calls[0].id'");
    check(json!([{"role": "human", "content": "a"}]), "Invalid value: 'human'. Supported values");
    check(json!([{"role": "assistant", "content": null}]), "Invalid value for 'content': expected");
    check(json!([{"role": "user", "content": "a", "x": 1}]), "Unknown parameter: 'messages[0].x'.");
    let part = |role: &str, part: Value| json!([{"role": role, "content": [part]}]);
    let image = |url: &str| json!({"type": "image_url", "image_url": {"url": url}});
    check(part("user", image("data:image/png;base64,AAAA")), "");
    check(part("user", image("AAAA")), "Invalid 'messages[0].content[0].image_url.url'.");
    check(part("system", image("https://a.invalid/")), "Invalid 'messages[0].content[0]': content");
    check(part("user", json!({"type": "image"})), "Invalid value: 'image'. Supported values are:");
}

fn responses(patch: &Value, expect: &str) {
    says(Dialect::Responses, "", &patched(json!({"model": "m", "input": "Hi"}), patch), expect);
}

#[test]
fn fields_of_responses() {
    responses(&json!({}), "");
    responses(&json!({"model": null}), "Missing required parameter: 'model'");
    responses(&json!({"input": null}), "Missing required parameter: 'input'");
    responses(&json!({"input": null, "previous_response_id": "resp_1"}), "");
    responses(&json!({"input": 7}), "Invalid type for 'input'");
    responses(&json!({"messages": []}), "Unknown parameter: 'messages'");
    responses(&json!({"stop": ["a"]}), "Unknown parameter: 'stop'");
    responses(&json!({"max_output_tokens": 9}), "Invalid 'max_output_tokens': integer below");
    responses(&json!({"stream_options": {}}), "The 'stream_options' parameter");
    responses(&json!({"stream_options": {}, "stream": true}), "");
    responses(&json!({"stream": "yes"}), "Invalid type for 'stream'");
    responses(&json!({"reasoning": {"effort": "much"}}), "Invalid value: 'much'");
    responses(&json!({"reasoning": {"efort": "low"}}), "Unknown parameter: 'reasoning.efort'");
    let both = json!({"previous_response_id": "resp_1", "conversation": "conv_1"});
    responses(&both, "Mutually exclusive parameters");
    let tool = json!({"type": "function", "name": "f", "parameters": {}, "strict": null});
    responses(&json!({"tools": [tool]}), "");
    let loose = json!({"type": "function", "name": "f", "parameters": {}});
    responses(&json!({"tools": [loose]}), "Missing required parameter: 'tools[0].strict'");
    let nested = json!({"type": "function", "function": {"name": "f"}});
    responses(&json!({"tools": [nested]}), "Missing required parameter: 'tools[0].name'");
    responses(&json!({"tool_choice": "required"}), "Tool choice 'required'");
}

#[test]
fn conversations_of_responses() {
    let items = |items: Value, expect: &str| responses(&json!({"input": items}), expect);
    let user = json!({"role": "user", "content": [{"type": "input_text", "text": "Hi"}]});
    let call = json!({"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"});
    let output = json!({"type": "function_call_output", "call_id": "c", "output": "x"});
    items(json!([user, call, output]), "");
    items(json!([user, call]), "No tool output found for function call c");
    items(json!([user, output]), "No tool call found for function call output with call_id c");
    let patch = json!({"input": [output], "previous_response_id": "resp_1"});
    responses(&patch, "");
    items(json!([{"role": "tool", "content": "x"}]), "Invalid value: 'tool'");
    let mine = json!({"role": "user", "content": [{"type": "output_text", "text": "Hi"}]});
    items(json!([mine]), "Invalid value: 'output_text'");
    items(json!([{"type": "reasoning", "id": "rs_1"}]), "Missing required parameter: 'input[0].s");
}
