//! What a request said, in words that belong to no dialect: a conversation reads the same here in
//! Chat and in Messages, so that a translated one can be held against its original.
//!
//! ```text
//! system(Be brief.) user(Hi. image:image/png:70) assistant(calls get_weather{"city":"Oslo"})
//! tool(get_weather: sunny) | tools get_weather | choice auto | effort low | user-id 7
//! ```

use serde_json::Value;
use std::collections::BTreeMap;

/// The longest echo in letters, so that an agent's prompt does not come back whole.
const LETTERS_MAX: usize = 4_000;

/// A request's conversation and its settings.
pub(super) fn of(document: &Value) -> String {
    let mut echo = Echo::default();
    if let Some(system) = document.get("system") {
        let text = echo.content(system);
        echo.turn("system", &text);
    }
    let turns = document.get("messages").and_then(Value::as_array);
    for turn in turns.map(Vec::as_slice).unwrap_or_default() {
        echo.message(turn);
    }
    let mut all = vec![echo.turns.join(" ")];
    all.extend(settings(document));
    all.join(" | ").chars().take(LETTERS_MAX).collect()
}

#[derive(Default)]
struct Echo {
    turns: Vec<String>,
    last: String,
    /// The tools of the calls so far, by their ids.
    tools: BTreeMap<String, String>,
}

// === impl Echo ===

impl Echo {
    /// Neighbours of one role are one turn, as providers read them.
    fn turn(&mut self, role: &str, said: &str) {
        if said.is_empty() {
            return;
        }
        if self.last == role
            && let Some(turn) = self.turns.last_mut()
        {
            turn.truncate(turn.len().saturating_sub(1));
            turn.push(' ');
            turn.push_str(said);
            turn.push(')');
        } else {
            self.turns.push(format!("{role}({said})"));
            role.clone_into(&mut self.last);
        }
    }

    fn message(&mut self, turn: &Value) {
        let role = match text(turn, "role") {
            "developer" => "system",
            role => role,
        };
        if role == "tool" {
            let content = turn.get("content").map(|it| self.content(it)).unwrap_or_default();
            let said = self.result(text(turn, "tool_call_id"), &content);
            return self.turn("tool", &said);
        }
        let blocks = turn.get("content").and_then(Value::as_array);
        let (results, rest): (Vec<&Value>, Vec<&Value>) =
            blocks.into_iter().flatten().partition(|block| text(block, "type") == "tool_result");
        for result in results {
            let content = result.get("content").map(|it| self.content(it)).unwrap_or_default();
            let failed = result.get("is_error").and_then(Value::as_bool) == Some(true);
            let content = if failed { format!("failed {content}") } else { content };
            let said = self.result(text(result, "tool_use_id"), &content);
            self.turn("tool", &said);
        }
        let mut said: Vec<String> =
            rest.into_iter().filter_map(|block| self.block(block)).collect();
        said.extend(turn.get("content").and_then(Value::as_str).map(str::to_owned));
        let calls = turn.get("tool_calls").and_then(Value::as_array).into_iter().flatten();
        for call in calls {
            let (name, arguments) = (
                call.pointer("/function/name").and_then(Value::as_str).unwrap_or_default(),
                call.pointer("/function/arguments").and_then(Value::as_str).unwrap_or_default(),
            );
            let read = serde_json::from_str::<Value>(arguments).unwrap_or_default();
            said.push(self.call(text(call, "id"), name, &read));
        }
        said.retain(|one| !one.is_empty());
        self.turn(role, &said.join(" "));
    }

    fn call(&mut self, id: &str, name: &str, input: &Value) -> String {
        self.tools.insert(id.to_owned(), name.to_owned());
        format!("calls {name}{input}")
    }

    fn result(&self, id: &str, content: &str) -> String {
        let name = self.tools.get(id).map_or("unknown", String::as_str);
        format!("{name}: {content}")
    }

    fn content(&mut self, content: &Value) -> String {
        match content {
            Value::String(text) => text.clone(),
            Value::Array(blocks) => {
                let parts = blocks.iter().filter_map(|block| self.block(block));
                parts.collect::<Vec<_>>().join(" ")
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => String::new(),
        }
    }

    fn block(&mut self, block: &Value) -> Option<String> {
        Some(match text(block, "type") {
            "text" => text(block, "text").to_owned(),
            "refusal" => text(block, "refusal").to_owned(),
            "thinking" => format!("thinks {}", text(block, "thinking").trim_end()),
            "tool_use" => {
                let input = block.get("input").cloned().unwrap_or_default();
                self.call(text(block, "id"), text(block, "name"), &input)
            }
            "image" => image(block.get("source")?),
            "image_url" => linked(block.pointer("/image_url/url")?.as_str()?),
            kind => kind.to_owned(),
        })
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn image(source: &Value) -> String {
    match text(source, "type") {
        "base64" => format!("image:{}:{}", text(source, "media_type"), text(source, "data").len()),
        _ => format!("image:{}", text(source, "url")),
    }
}

fn linked(url: &str) -> String {
    match url.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,")) {
        Some((kind, data)) => format!("image:{kind}:{}", data.len()),
        None => format!("image:{url}"),
    }
}

/// What is set beside the conversation, where both dialects have a word for it.
fn settings(document: &Value) -> Vec<String> {
    let at = |path: &str| document.pointer(path).filter(|it| !it.is_null());
    let word = |path: &str| at(path).and_then(Value::as_str);
    let mut out = Vec::new();
    let tools = at("/tools").and_then(Value::as_array).into_iter().flatten();
    let tools = tools
        .filter_map(|tool| tool.pointer("/function/name").or_else(|| tool.get("name"))?.as_str());
    let tools = tools.collect::<Vec<_>>().join(",");
    if !tools.is_empty() {
        out.push(format!("tools {tools}"));
    }
    if let Some(effort) = word("/reasoning_effort").or_else(|| word("/output_config/effort")) {
        out.push(format!("effort {effort}"));
    }
    if let Some(value) = at("/temperature") {
        out.push(format!("temperature {value}"));
    }
    let users = ["/metadata/user_id", "/safety_identifier", "/user"];
    if let Some(user) = users.into_iter().find_map(word) {
        out.push(format!("user-id {user}"));
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn both_dialects_read_alike() {
        let chat = json!({
            "reasoning_effort": "low",
            "user": "7",
            "tools": [{"type": "function", "function": {"name": "get_weather"}}],
            "messages": [
                {"role": "developer", "content": "Be brief."},
                {"role": "user", "content": [
                    {"type": "text", "text": "Hi."},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]},
                {"role": "assistant", "content": null, "tool_calls": [
                    {"id": "a", "type": "function",
                     "function": {"name": "get_weather", "arguments": "{ \"city\": \"Oslo\"}"}}]},
                {"role": "tool", "tool_call_id": "a", "content": "sunny"},
                {"role": "user", "content": "Thanks."},
            ],
        });
        let messages = json!({
            "output_config": {"effort": "low"},
            "metadata": {"user_id": "7"},
            "tools": [{"name": "get_weather"}],
            "system": [{"type": "text", "text": "Be brief."}],
            "messages": [
                {"role": "user", "content": [
                    {"type": "text", "text": "Hi."},
                    {"type": "image", "source":
                        {"type": "base64", "media_type": "image/png", "data": "AAAA"}}]},
                {"role": "assistant", "content": [
                    {"type": "tool_use", "id": "t", "name": "get_weather",
                     "input": {"city": "Oslo"}}]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "t", "content": "sunny"},
                    {"type": "text", "text": "Thanks."}]},
            ],
        });
        let expect = "system(Be brief.) user(Hi. image:image/png:4) \
                      assistant(calls get_weather{\"city\":\"Oslo\"}) tool(get_weather: sunny) \
                      user(Thanks.) | tools get_weather | effort low | user-id 7";
        assert_eq!(super::of(&chat), expect);
        assert_eq!(super::of(&messages), expect);
    }
}
