//! What `OpenAI`'s API objects to (<https://platform.openai.com/docs/api-reference/chat/create>).

mod turns;

use super::{Checked, fields, has, is_name, is_open, list, word};
use crate::provider::problem::Problem;
use serde_json::Value;

/// The fields of a request.
const FIELDS: [&str; 37] = [
    "audio",
    "frequency_penalty",
    "function_call",
    "functions",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "messages",
    "metadata",
    "modalities",
    "model",
    "moderation",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning_effort",
    "response_format",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "user",
    "verbosity",
    "web_search_options",
];
/// The longest name of a tool or schema.
const NAME_MAX: usize = 64;
/// The most stop sequences.
const STOPS_MAX: usize = 4;

/// Checks a body.
pub(super) fn check(body: &Value) -> Checked {
    if !has(body, "model") {
        return Err(wrong("you must provide a model parameter", None, None));
    }
    if !has(body, "messages") {
        return Err(missing("messages"));
    }
    unknown("", body, &FIELDS)?;
    numbers(body)?;
    settings(body)?;
    format(body)?;
    tools(body)?;
    let Some(turns) = body.get("messages").and_then(Value::as_array) else {
        return Err(mistyped("messages", "an array of objects"));
    };
    turns::check(turns)
}

pub(super) fn wrong(message: &str, param: Option<&str>, code: Option<&'static str>) -> Problem {
    Problem::of_chat(message, param, code)
}

pub(super) fn missing(param: &str) -> Problem {
    let message = format!("Missing required parameter: '{param}'.");
    wrong(&message, Some(param), Some("missing_required_parameter"))
}

pub(super) fn mistyped(param: &str, expected: &str) -> Problem {
    let message = format!("Invalid type for '{param}': expected {expected}.");
    wrong(&message, Some(param), Some("invalid_type"))
}

pub(super) fn unknown(path: &str, value: &Value, allowed: &[&str]) -> Checked {
    let Some((key, _)) = fields(value).find(|(key, _)| !allowed.contains(&key.as_str())) else {
        return Ok(());
    };
    let param = at(path, key);
    let message = format!("Unknown parameter: '{param}'.");
    Err(wrong(&message, Some(&param), Some("unknown_parameter")))
}

fn at(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

pub(super) fn required(path: &str, value: &Value, keys: &[&str]) -> Checked {
    match keys.iter().find(|key| !has(value, key)) {
        Some(key) => Err(missing(&at(path, key))),
        None => Ok(()),
    }
}

fn filled(param: &str, items: &[Value]) -> Checked {
    if !items.is_empty() {
        return Ok(());
    }
    let message = format!(
        "Invalid '{param}': empty array. Expected an array with minimum length 1, but got an empty \
         array instead."
    );
    Err(wrong(&message, Some(param), Some("empty_array")))
}

pub(super) fn one_of(path: &str, value: &Value, key: &str, words: &[&str]) -> Checked {
    let Some(found) = value.get(key).filter(|it| !it.is_null()) else { return Ok(()) };
    let param = at(path, key);
    let Some(found) = found.as_str() else { return Err(mistyped(&param, "a string")) };
    if words.contains(&found) {
        return Ok(());
    }
    let words: Vec<_> = words.iter().map(|word| format!("'{word}'")).collect();
    let words = match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{}, and {last}", rest.join(", ")),
        None => String::new(),
    };
    let message = format!("Invalid value: '{found}'. Supported values are: {words}.");
    Err(wrong(&message, Some(&param), Some("invalid_value")))
}

pub(super) fn named(param: &str, name: Option<&str>) -> Checked {
    if name.is_some_and(|name| is_name(name, NAME_MAX)) {
        return Ok(());
    }
    let message = format!(
        "Invalid '{param}': string does not match pattern. Expected a string that matches the \
         pattern '^[a-zA-Z0-9_-]+$'."
    );
    Err(wrong(&message, Some(param), Some("invalid_value")))
}

/// Numbers with their least and most values.
const NUMBERS: [(&str, f64, f64); 9] = [
    ("temperature", 0.0, 2.0),
    ("top_p", 0.0, 1.0),
    ("frequency_penalty", -2.0, 2.0),
    ("presence_penalty", -2.0, 2.0),
    ("n", 1.0, 128.0),
    ("top_logprobs", 0.0, 20.0),
    ("max_tokens", 1.0, f64::MAX),
    ("max_completion_tokens", 1.0, f64::MAX),
    ("seed", f64::MIN, f64::MAX),
];

fn numbers(body: &Value) -> Checked {
    for (key, least, most) in NUMBERS {
        let Some(value) = body.get(key).filter(|it| !it.is_null()) else { continue };
        let Some(number) = value.as_f64() else { return Err(mistyped(key, "a number")) };
        let (kind, code, bound) = if number < least {
            ("below minimum value", "integer_below_min_value", format!(">= {least}"))
        } else if number > most {
            ("above maximum value", "decimal_above_max_value", format!("<= {most}"))
        } else {
            continue;
        };
        let message =
            format!("Invalid '{key}': {kind}. Expected a value {bound}, but got {value} instead.");
        return Err(wrong(&message, Some(key), Some(code)));
    }
    if has(body, "max_tokens") && has(body, "max_completion_tokens") {
        let message = "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not \
                       supported.";
        return Err(wrong(message, Some("max_tokens"), Some("invalid_parameter_combination")));
    }
    Ok(())
}

fn settings(body: &Value) -> Checked {
    for key in ["stream", "store", "logprobs", "parallel_tool_calls"] {
        if has(body, key) && !body.get(key).is_some_and(Value::is_boolean) {
            return Err(mistyped(key, "a boolean"));
        }
    }
    let efforts = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];
    one_of("", body, "reasoning_effort", &efforts)?;
    one_of("", body, "verbosity", &["low", "medium", "high"])?;
    let tiers = ["auto", "default", "flex", "scale", "priority", "fast"];
    one_of("", body, "service_tier", &tiers)?;
    if has(body, "stream_options") {
        if body.get("stream").and_then(Value::as_bool) != Some(true) {
            let message =
                "The 'stream_options' parameter is only allowed when 'stream' is enabled.";
            return Err(wrong(message, Some("stream_options"), None));
        }
        let options = body.get("stream_options").unwrap_or(&Value::Null);
        unknown("stream_options", options, &["include_usage", "include_obfuscation"])?;
    }
    if has(body, "metadata") && body.get("store").and_then(Value::as_bool) != Some(true) {
        let message = "The 'metadata' parameter is only allowed when 'store' is enabled.";
        return Err(wrong(message, Some("metadata"), None));
    }
    match body.get("stop") {
        None | Some(Value::Null | Value::String(_)) => Ok(()),
        Some(Value::Array(all)) if all.len() > STOPS_MAX => {
            let message = format!(
                "Invalid 'stop': array too long. Expected an array with maximum length {STOPS_MAX}, \
                 but got an array with length {} instead.",
                all.len()
            );
            Err(wrong(&message, Some("stop"), Some("array_above_max_length")))
        }
        Some(Value::Array(all)) if all.iter().all(Value::is_string) => Ok(()),
        Some(_) => Err(mistyped("stop", "one of a string or array of strings")),
    }
}

fn format(body: &Value) -> Checked {
    let Some(format) = body.get("response_format").filter(|it| !it.is_null()) else {
        return Ok(());
    };
    required("response_format", format, &["type"])?;
    one_of("response_format", format, "type", &["text", "json_object", "json_schema"])?;
    if word(format, "type") == Some("json_object") {
        let messages = body.get("messages").map(Value::to_string).unwrap_or_default();
        if messages.to_ascii_lowercase().contains("json") {
            return Ok(());
        }
        let message = "'messages' must contain the word 'json' in some form, to use \
                       'response_format' of type 'json_object'.";
        return Err(wrong(message, Some("messages"), None));
    }
    if word(format, "type") != Some("json_schema") {
        return unknown("response_format", format, &["type"]);
    }
    unknown("response_format", format, &["type", "json_schema"])?;
    required("response_format", format, &["json_schema"])?;
    let here = "response_format.json_schema";
    let schema = format.get("json_schema").unwrap_or(&Value::Null);
    unknown(here, schema, &["name", "description", "schema", "strict"])?;
    required(here, schema, &["name", "schema"])?;
    let name = word(schema, "name");
    named("response_format.json_schema.name", name)?;
    let strict = schema.get("strict").and_then(Value::as_bool) == Some(true);
    if strict && schema.get("schema").is_some_and(is_open) {
        let message = format!(
            "Invalid schema for response_format '{}': In context=(), 'additionalProperties' is \
             required to be supplied and to be false.",
            name.unwrap_or_default()
        );
        return Err(wrong(&message, Some("response_format"), Some("invalid_json_schema")));
    }
    Ok(())
}

fn tools(body: &Value) -> Checked {
    let tools = list(body, "tools");
    if body.get("tools").is_some_and(Value::is_array) {
        filled("tools", tools)?;
    }
    for (n, tool) in tools.iter().enumerate() {
        let here = format!("tools[{n}]");
        required(&here, tool, &["type"])?;
        one_of(&here, tool, "type", &["function", "custom"])?;
        let kind = word(tool, "type").unwrap_or_default();
        unknown(&here, tool, &["type", kind])?;
        required(&here, tool, &[kind])?;
        let inner = tool.get(kind).unwrap_or(&Value::Null);
        let here = at(&here, kind);
        let allowed: &[&str] = match kind {
            "function" => &["name", "description", "parameters", "strict"],
            _ => &["name", "description", "format"],
        };
        unknown(&here, inner, allowed)?;
        required(&here, inner, &["name"])?;
        named(&at(&here, "name"), word(inner, "name"))?;
        if has(inner, "parameters") && !inner.get("parameters").is_some_and(Value::is_object) {
            return Err(mistyped(&at(&here, "parameters"), "an object"));
        }
    }
    for key in ["tool_choice", "parallel_tool_calls"] {
        if has(body, key) && tools.is_empty() {
            let message = format!("'{key}' is only allowed when 'tools' are specified.");
            return Err(wrong(&message, Some(key), None));
        }
    }
    choice(body, tools)
}

fn choice(body: &Value, tools: &[Value]) -> Checked {
    let choice = match body.get("tool_choice") {
        None | Some(Value::Null) => return Ok(()),
        Some(Value::String(_)) => {
            return one_of("", body, "tool_choice", &["none", "auto", "required"]);
        }
        Some(choice) => choice,
    };
    required("tool_choice", choice, &["type"])?;
    one_of("tool_choice", choice, "type", &["function", "custom", "allowed_tools"])?;
    let kind = word(choice, "type").unwrap_or_default();
    unknown("tool_choice", choice, &["type", kind])?;
    required("tool_choice", choice, &[kind])?;
    if kind == "allowed_tools" {
        return Ok(());
    }
    let name = choice.get(kind).and_then(|inner| word(inner, "name")).unwrap_or_default();
    let offered = |tool: &Value| tool.get(kind).and_then(|it| word(it, "name")) == Some(name);
    if tools.iter().any(offered) {
        return Ok(());
    }
    let message = format!("Tool choice '{kind}' not found in 'tools' parameter.");
    Err(wrong(&message, Some("tool_choice"), None))
}
