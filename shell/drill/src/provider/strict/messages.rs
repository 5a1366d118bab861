//! What Anthropic's API objects to (<https://docs.claude.com/en/api/messages>).

mod turns;

use super::{Checked, fields, has, is_name, is_open, list, word};
use crate::provider::problem::Problem;
use ir::Dialect;
use serde_json::Value;

/// What a request is judged by, beside its body.
pub(super) struct Terms {
    /// `anthropic-version`.
    pub(super) version: String,
    /// Some beta was asked for: its fields may be there.
    pub(super) beta: bool,
    /// It asks for a count only.
    pub(super) count: bool,
}

/// The versions there are, the newest last.
const VERSIONS: [&str; 2] = ["2023-06-01", "2026-10-21"];
/// The fields of every request.
const USUAL: [&str; 9] = [
    "model",
    "messages",
    "cache_control",
    "output_config",
    "speed",
    "system",
    "thinking",
    "tool_choice",
    "tools",
];
/// The fields of a request for an answer.
const ANSWER: [&str; 8] = [
    "max_tokens",
    "container",
    "diagnostics",
    "inference_geo",
    "metadata",
    "service_tier",
    "stop_sequences",
    "stream",
];
/// The fields that version 2026-10-21 took away.
const SAMPLING: [&str; 3] = ["temperature", "top_p", "top_k"];
/// The fields of betas.
const BETA: [&str; 8] = [
    "billing_policy",
    "compaction",
    "container",
    "context_management",
    "fallback_credit_token",
    "fallbacks",
    "mcp_servers",
    "thread",
];
/// The most `cache_control` marks.
const MARKS_MAX: usize = 4;

/// Checks a body.
pub(super) fn check(body: &Value, terms: &Terms) -> Checked {
    if !VERSIONS.contains(&terms.version.as_str()) {
        let version = &terms.version;
        return Err(match version.as_str() {
            "" => wrong("anthropic-version: header is required"),
            _ => wrong(&format!("anthropic-version: \"{version}\" is not a valid version")),
        });
    }
    let mut allowed = USUAL.to_vec();
    if !terms.count {
        allowed.extend(ANSWER);
        if terms.is_old() {
            allowed.extend(SAMPLING);
        }
    }
    if terms.beta {
        allowed.extend(BETA);
    }
    extra("", body, &allowed)?;
    required("", body, &["model", "messages"])?;
    if !terms.count {
        required("", body, &["max_tokens"])?;
        limits(body)?;
    }
    settings(body, terms)?;
    system(body)?;
    tools(body)?;
    thinking(body)?;
    let marks = marks(body);
    if marks > MARKS_MAX {
        return Err(wrong(&format!(
            "A maximum of {MARKS_MAX} blocks with cache_control may be provided. Found {marks}."
        )));
    }
    let Some(turns) = body.get("messages").and_then(Value::as_array) else {
        return Err(wrong("messages: Input should be a valid list"));
    };
    if turns.is_empty() {
        return Err(wrong("messages: at least one message is required"));
    }
    turns::check(turns, terms)
}

// === impl Terms ===

impl Terms {
    fn is_old(&self) -> bool {
        self.version == "2023-06-01"
    }
}

fn wrong(message: &str) -> Problem {
    Problem::refused(Dialect::Messages, 400, message)
}

/// `path.key`, as the API writes places.
fn at(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn extra(path: &str, value: &Value, allowed: &[&str]) -> Checked {
    match fields(value).find(|(key, _)| !allowed.contains(&key.as_str())) {
        Some((key, _)) => Err(wrong(&format!("{}: Extra inputs are not permitted", at(path, key)))),
        None => Ok(()),
    }
}

fn required(path: &str, value: &Value, keys: &[&str]) -> Checked {
    match keys.iter().find(|key| value.get(key).is_none()) {
        Some(key) => Err(wrong(&format!("{}: Field required", at(path, key)))),
        None => Ok(()),
    }
}

fn one_of(path: &str, value: &Value, key: &str, words: &[&str]) -> Checked {
    let Some(found) = value.get(key).filter(|it| !it.is_null()) else { return Ok(()) };
    if found.as_str().is_some_and(|found| words.contains(&found)) {
        return Ok(());
    }
    let words: Vec<_> = words.iter().map(|word| format!("'{word}'")).collect();
    let words = match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    };
    Err(wrong(&format!("{}: Input should be {words}", at(path, key))))
}

fn limits(body: &Value) -> Checked {
    match body.get("max_tokens").and_then(Value::as_i64) {
        None => return Err(wrong("max_tokens: Input should be a valid integer")),
        Some(count) if count < 0 => {
            return Err(wrong("max_tokens: Input should be greater than or equal to 0"));
        }
        Some(_) => {}
    }
    for key in ["temperature", "top_p"] {
        let Some(value) = body.get(key) else { continue };
        let message = match value.as_f64() {
            None => "Input should be a valid number",
            Some(value) if value > 1.0 => "Input should be less than or equal to 1",
            Some(value) if value < 0.0 => "Input should be greater than or equal to 0",
            Some(_) => continue,
        };
        return Err(wrong(&format!("{key}: {message}")));
    }
    Ok(())
}

fn settings(body: &Value, terms: &Terms) -> Checked {
    if has(body, "stream") && !body.get("stream").is_some_and(Value::is_boolean) {
        return Err(wrong("stream: Input should be a valid boolean"));
    }
    if has(body, "stop_sequences") {
        let Some(all) = body.get("stop_sequences").and_then(Value::as_array) else {
            return Err(wrong("stop_sequences: Input should be a valid list"));
        };
        for (n, one) in all.iter().enumerate() {
            let Some(text) = one.as_str() else {
                return Err(wrong(&format!("stop_sequences.{n}: Input should be a valid string")));
            };
            if text.trim().is_empty() {
                let message = "stop_sequences: each stop sequence must contain non-whitespace";
                return Err(wrong(message));
            }
        }
    }
    if let Some(metadata) = body.get("metadata") {
        extra("metadata", metadata, &["user_id"])?;
    }
    one_of("", body, "service_tier", &["auto", "standard_only"])?;
    one_of("", body, "speed", &["standard", "fast"])?;
    let Some(output) = body.get("output_config") else { return Ok(()) };
    let budget: &[&str] = if terms.beta { &["task_budget"] } else { &[] };
    extra("output_config", output, &[&["effort", "format"], budget].concat())?;
    one_of("output_config", output, "effort", &["low", "medium", "high", "xhigh", "max"])?;
    let Some(format) = output.get("format").filter(|it| !it.is_null()) else { return Ok(()) };
    extra("output_config.format", format, &["type", "schema"])?;
    required("output_config.format", format, &["type", "schema"])?;
    one_of("output_config.format", format, "type", &["json_schema"])?;
    if format.get("schema").is_some_and(is_open) {
        return Err(wrong(
            "output_config.format.schema: For 'object' type, 'additionalProperties' must be \
             explicitly set to false",
        ));
    }
    Ok(())
}

fn system(body: &Value) -> Checked {
    match body.get("system") {
        None | Some(Value::String(_)) => Ok(()),
        Some(Value::Array(blocks)) => {
            for (n, block) in blocks.iter().enumerate() {
                let here = format!("system.{n}");
                extra(&here, block, &["type", "text", "cache_control", "citations"])?;
                required(&here, block, &["type", "text"])?;
                one_of(&here, block, "type", &["text"])?;
                filled("system", block)?;
            }
            Ok(())
        }
        Some(_) => Err(wrong("system: Input should be a valid string or a valid list")),
    }
}

fn tools(body: &Value) -> Checked {
    let tools = list(body, "tools");
    for (n, tool) in tools.iter().enumerate() {
        if matches!(word(tool, "type"), None | Some("custom")) {
            custom(&format!("tools.{n}.custom"), tool)?;
        } else if let Some(kind) = word(tool, "type")
            // The typed ones end in the date of their version.
            && !kind.bytes().last().is_some_and(|last| last.is_ascii_digit())
            && kind != "mcp_toolset"
        {
            return Err(wrong(&format!(
                "tools.{n}: Input tag '{kind}' found using 'type' does not match any of the \
                 expected tags"
            )));
        }
    }
    let names: Vec<_> = tools.iter().filter_map(|tool| word(tool, "name")).collect();
    if names.iter().enumerate().any(|(n, name)| names.iter().take(n).any(|one| one == name)) {
        return Err(wrong("tools: Tool names must be unique."));
    }
    choice(body, &names)
}

fn custom(here: &str, tool: &Value) -> Checked {
    let allowed = [
        "type",
        "name",
        "description",
        "input_schema",
        "strict",
        "defer_loading",
        "allowed_callers",
        "eager_input_streaming",
        "input_examples",
        "cache_control",
    ];
    extra(here, tool, &allowed)?;
    required(here, tool, &["name", "input_schema"])?;
    if !word(tool, "name").is_some_and(|name| is_name(name, 128)) {
        let message = "String should match pattern '^[a-zA-Z0-9_-]{1,128}$'";
        return Err(wrong(&format!("{here}.name: {message}")));
    }
    if tool.get("description").is_some_and(|it| !it.is_string()) {
        return Err(wrong(&format!("{here}.description: Input should be a valid string")));
    }
    let schema = tool.get("input_schema").unwrap_or(&Value::Null);
    if !schema.is_object() {
        return Err(wrong(&format!("{here}.input_schema: Input should be a valid dictionary")));
    }
    required(&at(here, "input_schema"), schema, &["type"])?;
    one_of(&at(here, "input_schema"), schema, "type", &["object"])
}

fn choice(body: &Value, names: &[&str]) -> Checked {
    let Some(choice) = body.get("tool_choice").filter(|it| !it.is_null()) else { return Ok(()) };
    if !choice.is_object() {
        return Err(wrong("tool_choice: Input should be a valid dictionary or object"));
    }
    required("tool_choice", choice, &["type"])?;
    one_of("tool_choice", choice, "type", &["auto", "any", "tool", "none"])?;
    let kind = word(choice, "type").unwrap_or_default();
    let allowed: &[&str] = match kind {
        "tool" => &["type", "name", "disable_parallel_tool_use"],
        "none" => &["type"],
        _ => &["type", "disable_parallel_tool_use"],
    };
    extra(&at("tool_choice", kind), choice, allowed)?;
    if list(body, "tools").is_empty() {
        return Err(wrong("tool_choice: tool_choice may only be specified while providing tools"));
    }
    if kind == "tool" {
        required("tool_choice.tool", choice, &["name"])?;
        let name = word(choice, "name").unwrap_or_default();
        if !names.contains(&name) {
            let message = format!("tool_choice: Tool '{name}' not found in provided tools");
            return Err(wrong(&message));
        }
    }
    Ok(())
}

fn thinking(body: &Value) -> Checked {
    let Some(thinking) = body.get("thinking").filter(|it| !it.is_null()) else { return Ok(()) };
    required("thinking", thinking, &["type"])?;
    one_of("thinking", thinking, "type", &["enabled", "adaptive", "between_tools", "disabled"])?;
    let kind = word(thinking, "type").unwrap_or_default();
    let allowed: &[&str] = match kind {
        "enabled" => &["type", "budget_tokens", "display"],
        "adaptive" => &["type", "display"],
        _ => &["type"],
    };
    extra(&at("thinking", kind), thinking, allowed)?;
    one_of(&at("thinking", kind), thinking, "display", &["summarized", "omitted"])?;
    if kind == "enabled" {
        required("thinking.enabled", thinking, &["budget_tokens"])?;
        let budget = thinking.get("budget_tokens").and_then(Value::as_i64).unwrap_or_default();
        if budget < 1024 {
            let message = "Input should be greater than or equal to 1024";
            return Err(wrong(&format!("thinking.enabled.budget_tokens: {message}")));
        }
        let most = body.get("max_tokens").and_then(Value::as_i64);
        if most.is_some_and(|most| most <= budget) {
            return Err(wrong("`max_tokens` must be greater than `thinking.budget_tokens`."));
        }
        turns::first_thoughts(list(body, "messages"))?;
    }
    if !matches!(kind, "enabled" | "adaptive") {
        return Ok(());
    }
    let forced = body.pointer("/tool_choice/type").and_then(Value::as_str);
    if matches!(forced, Some("any" | "tool")) {
        return Err(wrong("Thinking may not be enabled when tool_choice forces tool use."));
    }
    if body.get("temperature").and_then(Value::as_f64).is_some_and(|it| it < 1.0) {
        return Err(wrong("`temperature` may only be set to 1 when thinking is enabled."));
    }
    if body.get("top_k").is_some() {
        return Err(wrong("`top_k` must be unset when thinking is enabled."));
    }
    Ok(())
}

/// A text must say something.
fn filled(place: &str, block: &Value) -> Checked {
    match word(block, "text") {
        None => Err(wrong(&format!("{place}: text: Input should be a valid string"))),
        Some("") => Err(wrong(&format!("{place}: text content blocks must be non-empty"))),
        Some(text) if text.trim().is_empty() => {
            let message = "text content blocks must contain non-whitespace text";
            Err(wrong(&format!("{place}: {message}")))
        }
        Some(_) => Ok(()),
    }
}

fn marks(value: &Value) -> usize {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| match key.as_str() {
                "cache_control" => usize::from(!value.is_null()),
                // A schema may describe a field of this name.
                "input_schema" | "input" | "schema" => 0,
                _ => marks(value),
            })
            .sum(),
        Value::Array(items) => items.iter().map(marks).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}
