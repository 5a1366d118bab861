//! `OpenAI` Chat Completions: a request, read leniently
//! (<https://platform.openai.com/docs/api-reference/chat/create>).

mod conversation;

use crate::json::{self, Members, Type};
use crate::request::parts::{Body, is_null, is_true, members, name, objects, says};
use crate::request::{Read, Uncarried, inside, text_of};
use ir::Losses;
use ir::request::{Choice, Format, Json, Request, Text, Thinking, ThinkingForm, Tool};
use serde_json::value::RawValue;

/// Reads a request.
pub(crate) fn request<'a>(body: &'a [u8], losses: &mut Losses) -> Result<Request<'a>, Uncarried> {
    let Body { messages, rest } = Body::read(body)?;
    let mut read = Read::new(losses);
    let mut request = Request::default();
    for (key, raw) in rest.iter().filter(|(_, raw)| !is_null(raw)) {
        field(&mut read, &mut request, key, raw)?;
    }
    request.turns = conversation::turns(&mut read, messages)?;
    Ok(request)
}

fn field<'a>(
    read: &mut Read<'_>,
    request: &mut Request<'a>,
    key: &str,
    raw: &'a RawValue,
) -> Result<(), Uncarried> {
    let number = || Some(Json::of(raw.get()));
    match key {
        "model" | "stream" => {}
        // Whether the stream tells its usage is the business of whoever writes the answer.
        "stream_options" => {
            read.rest(
                "stream_options",
                &members(Some(raw)),
                &["include_usage", "include_obfuscation"],
            );
        }
        "tools" => {
            for tool in objects(raw, "tools")? {
                request.tools.extend(self::tool(read, &tool));
            }
        }
        "functions" => {
            let functions = objects(raw, "functions")?;
            request.tools.extend(functions.iter().map(|it| function(read, it, "functions[]")));
        }
        "tool_choice" | "function_call" => {
            let newer = key == "tool_choice";
            either(read, &mut request.choice, choice(raw)?, ("function_call", newer));
        }
        "parallel_tool_calls" => request.parallel = Some(is_true(raw)),
        "max_completion_tokens" | "max_tokens" => {
            let newer = key == "max_completion_tokens";
            either(read, &mut request.max_tokens, number(), ("max_tokens", newer));
        }
        "temperature" => request.temperature = number(),
        "top_p" => request.top_p = number(),
        "stop" => request.stop = stops(raw),
        "reasoning_effort" => effort(request, raw),
        "response_format" => request.format = format(read, raw)?,
        "safety_identifier" | "user" => {
            either(read, &mut request.user, inside(raw), ("user", key != "user"));
        }
        "service_tier" => request.tier = inside(raw),
        "web_search_options" => request.tools.push(search(read, raw)),
        _ => only_here(read, key, raw)?,
    }
    Ok(())
}

/// Of two names for one thing the newer counts.
fn either<T: PartialEq>(
    read: &mut Read<'_>,
    place: &mut Option<T>,
    said: Option<T>,
    (older, newer): (&'static str, bool),
) {
    if place.is_some() && *place != said {
        read.losses.add(older, "dropped: the newer name counts");
    }
    if newer || place.is_none() {
        *place = said;
    }
}

/// What Messages has no word for.
fn only_here(read: &mut Read<'_>, key: &str, raw: &RawValue) -> Result<(), Uncarried> {
    let zero = || raw.get().parse() == Ok(0.0);
    match key {
        "n" if raw.get() != "1" => Err(Uncarried::new("n", "Messages gives one answer")),
        "logprobs" if is_true(raw) => Err(Uncarried::new("logprobs", "Messages tells none")),
        "audio" => Err(Uncarried::new("audio", "Messages does not speak")),
        "modalities" if raw.get().contains("audio") => {
            Err(Uncarried::new("modalities", "Messages does not speak"))
        }
        "n" | "logprobs" | "modalities" => Ok(()),
        "frequency_penalty" | "presence_penalty" | "top_logprobs" if zero() => Ok(()),
        "store" if !is_true(raw) => Ok(()),
        _ => {
            read.member("", key, raw);
            Ok(())
        }
    }
}

fn effort<'a>(request: &mut Request<'a>, raw: &'a RawValue) {
    if raw.get() == r#""none""# {
        request.thinking = Some(Thinking { form: ThinkingForm::Off, display: None });
    } else {
        request.effort = inside(raw);
    }
}

fn tool<'a>(read: &mut Read<'_>, tool: &Members<'a>) -> Option<Tool<'a>> {
    let kind = tool.get("type").and_then(text_of);
    match (kind.as_deref(), tool.get("function"), tool.get("custom")) {
        (Some("function") | None, Some(raw), _) => {
            read.rest("tools[]", tool, &["type", "function"]);
            Some(function(read, &members(Some(raw)), "tools[].function"))
        }
        (Some("custom"), _, Some(raw)) => {
            read.rest("tools[]", tool, &["type", "custom"]);
            let custom = members(Some(raw));
            read.rest("tools[].custom", &custom, &["name", "description", "format"]);
            Some(Tool::Free {
                name: text(&custom, "name"),
                description: custom.get("description").and_then(inside),
                grammar: custom
                    .get("format")
                    .filter(|raw| says(raw))
                    .map(|raw| Json::of(raw.get())),
            })
        }
        (kind, ..) => {
            read.losses.add(format!("tools[]: {}", name(kind.unwrap_or("unknown"))), "dropped");
            None
        }
    }
}

fn function<'a>(read: &mut Read<'_>, function: &Members<'a>, path: &str) -> Tool<'a> {
    read.rest(path, function, &["name", "description", "parameters", "strict"]);
    let value = |key| function.get(key).filter(|raw| !is_null(raw)).map(|raw| Json::of(raw.get()));
    Tool::Function {
        name: text(function, "name"),
        description: function.get("description").and_then(inside),
        schema: value("parameters"),
        strict: value("strict"),
    }
}

/// Where the search shall start is the only thing that both dialects know of it.
fn search<'a>(read: &mut Read<'_>, raw: &'a RawValue) -> Tool<'a> {
    let options = members(Some(raw));
    read.rest("web_search_options", &options, &["user_location"]);
    let place = options.get("user_location").and_then(|raw| Members::read(raw.get()));
    let place = place.and_then(|place| place.get("approximate"));
    Tool::Search(place.map(|raw| Json::of(raw.get())))
}

fn text<'a>(members: &Members<'a>, key: &str) -> Text<'a> {
    members.get(key).and_then(inside).unwrap_or_default()
}

fn choice(raw: &RawValue) -> Result<Option<Choice<'_>>, Uncarried> {
    let odd = || Uncarried::new("tool_choice", "it is none that is known");
    if json::type_of(raw) == Type::String {
        return match text_of(raw).as_deref() {
            Some("auto") => Ok(Some(Choice::Auto)),
            Some("none") => Ok(Some(Choice::None)),
            Some("required" | "any") => Ok(Some(Choice::Any)),
            Some(_) | None => Err(odd()),
        };
    }
    let choice = members(Some(raw));
    // `function_call` names it at the top, `tool_choice` within.
    let named = [Some(raw), choice.get("function"), choice.get("custom")]
        .into_iter()
        .find_map(|raw| members(raw).get("name").and_then(inside));
    if let Some(name) = named {
        return Ok(Some(Choice::Named(name)));
    }
    let subset = members(choice.get("allowed_tools"));
    let tools = subset.get("tools").ok_or_else(odd)?;
    let names = objects(tools, "tool_choice.allowed_tools.tools")?;
    let names = names.iter().filter_map(|tool| {
        let inner = tool.get("function").or_else(|| tool.get("custom"));
        let inner = inner.map_or_else(|| tool.clone(), |raw| members(Some(raw)));
        inner.get("name").and_then(inside)
    });
    let must = subset.get("mode").and_then(text_of).as_deref() == Some("required");
    Ok(Some(Choice::Subset { names: names.collect(), must }))
}

fn stops(raw: &RawValue) -> Vec<Text<'_>> {
    if let Some(one) = inside(raw) {
        return vec![one];
    }
    let many: Vec<&RawValue> = serde_json::from_str(raw.get()).unwrap_or_default();
    many.into_iter().filter_map(inside).collect()
}

fn format<'a>(read: &mut Read<'_>, raw: &'a RawValue) -> Result<Option<Format<'a>>, Uncarried> {
    let format = members(Some(raw));
    match format.get("type").and_then(text_of).as_deref() {
        Some("text") => Ok(None),
        Some("json_object") => Ok(Some(Format::Object)),
        Some("json_schema") => {
            let schema = members(format.get("json_schema"));
            read.rest(
                "response_format.json_schema",
                &schema,
                &["name", "description", "schema", "strict"],
            );
            let value = |key| schema.get(key).filter(|raw| !is_null(raw));
            Ok(Some(Format::Schema {
                name: schema.get("name").and_then(inside),
                description: schema.get("description").and_then(inside),
                schema: value("schema").map_or_else(|| Json::of("{}"), |raw| Json::of(raw.get())),
                strict: value("strict").map(|raw| Json::of(raw.get())),
            }))
        }
        kind => {
            let why = format!("Messages knows no answers of the form {:?}", kind.unwrap_or("?"));
            Err(Uncarried::new("response_format.type", why))
        }
    }
}
