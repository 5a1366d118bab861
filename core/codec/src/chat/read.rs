//! `OpenAI` Chat Completions: a request, read leniently
//! (<https://platform.openai.com/docs/api-reference/chat/create>).

mod conversation;

use crate::json::{self, Members, Type};
use crate::lazy::Raw;
use crate::request::parts::{
    Body, name, objects, only_count, only_object, only_text, only_texts, says,
};
use crate::request::{Read, Uncarried, inside, text_of};
use ir::Losses;
use ir::request::{Choice, Format, Json, Request, Text, Thinking, ThinkingForm, Tool};

/// Reads a request.
pub(crate) fn request<'a>(body: &'a [u8], losses: &mut Losses) -> Result<Request<'a>, Uncarried> {
    let Body { messages, rest } = Body::read(body)?;
    let mut read = Read::new(losses);
    let mut request = Request::default();
    for (key, raw) in rest {
        field(&mut read, &mut request, &key, raw)?;
    }
    request.turns = conversation::turns(&mut read, messages)?;
    Ok(request)
}

fn field<'a>(
    read: &mut Read<'_>,
    request: &mut Request<'a>,
    key: &str,
    raw: Raw<'a>,
) -> Result<(), Uncarried> {
    match key {
        "model" | "stream" => {}
        // Whether the stream tells its usage is the business of whoever writes the answer.
        "stream_options" => {
            let options = read.members(key, Some(raw));
            read.rest(key, &options, &["include_usage", "include_obfuscation"]);
        }
        "tools" => {
            for tool in objects(raw, "tools")? {
                request.tools.extend(self::tool(read, &tool)?);
            }
        }
        "functions" => {
            for it in objects(raw, "functions")? {
                request.tools.push(function(read, &it, "functions[]")?);
            }
        }
        "tool_choice" | "function_call" => {
            let newer = key == "tool_choice";
            let choice = Some(choice(read, key, raw)?);
            either(read, &mut request.choice, choice, ("function_call", newer));
        }
        "parallel_tool_calls" => request.parallel = read.flag(key, Some(raw)),
        "max_completion_tokens" | "max_tokens" => {
            let newer = key == "max_completion_tokens";
            let limit = only_count(key.to_owned(), raw)?;
            either(read, &mut request.max_tokens, Some(limit), ("max_tokens", newer));
        }
        "temperature" => request.temperature = read.number(key, Some(raw)),
        "top_p" => request.top_p = read.number(key, Some(raw)),
        "stop" => request.stop = stops(raw)?,
        "reasoning_effort" => effort(read, request, raw),
        "response_format" => request.format = format(read, raw)?,
        "safety_identifier" | "user" => {
            let user = read.text(key, Some(raw));
            if user.is_some() {
                either(read, &mut request.user, user, ("user", key != "user"));
            }
        }
        "service_tier" => request.tier = read.text(key, Some(raw)),
        "web_search_options" => request.tools.extend(search(read, raw)),
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
fn only_here(read: &mut Read<'_>, key: &str, raw: Raw<'_>) -> Result<(), Uncarried> {
    let zero = || raw.get().parse() == Ok(0.0);
    match key {
        "n" if raw.get() != "1" => Err(Uncarried::new("n", "Messages gives one answer")),
        "logprobs" if raw.get() == "true" => Err(Uncarried::new("logprobs", "Messages tells none")),
        "audio" => Err(Uncarried::new("audio", "Messages does not speak")),
        "modalities" if raw.get().contains("audio") => {
            Err(Uncarried::new("modalities", "Messages does not speak"))
        }
        "n" => Ok(()),
        "logprobs" | "store" if raw.get() == "false" => Ok(()),
        "modalities" if only_texts("modalities", raw).is_ok_and(|kinds| is_text(&kinds)) => Ok(()),
        "frequency_penalty" | "presence_penalty" | "top_logprobs" if zero() => Ok(()),
        _ => {
            read.member("", key, raw);
            Ok(())
        }
    }
}

/// Whether an answer in text is all that is asked for.
fn is_text(kinds: &[Text<'_>]) -> bool {
    kinds.iter().all(|kind| kind.as_str() == "text")
}

fn effort<'a>(read: &mut Read<'_>, request: &mut Request<'a>, raw: Raw<'a>) {
    if raw.get() == r#""none""# {
        request.thinking = Some(Thinking { form: ThinkingForm::Off, display: None });
    } else {
        request.effort = read.text("reasoning_effort", Some(raw));
    }
}

fn tool<'a>(read: &mut Read<'_>, tool: &Members<'a>) -> Result<Option<Tool<'a>>, Uncarried> {
    const CUSTOM: &str = "tools[].custom";
    let kind = read.word("tools[].type", tool.get("type"));
    let function = only_object("tools[].function", tool.get("function"))?;
    let custom = only_object(CUSTOM, tool.get("custom"))?;
    match (kind.as_deref(), function, custom) {
        (Some("function") | None, Some(function), _) => {
            read.rest("tools[]", tool, &["type", "function"]);
            self::function(read, &function, "tools[].function").map(Some)
        }
        (Some("custom"), _, Some(custom)) => {
            read.rest("tools[]", tool, &["type", "custom"]);
            read.rest(CUSTOM, &custom, &["name", "description", "format"]);
            let grammar = custom.get("format").filter(|raw| says(*raw));
            Ok(Some(Tool::Free {
                name: only_text("tools[].custom.name", custom.get("name"))?.unwrap_or_default(),
                description: read.text("tools[].custom.description", custom.get("description")),
                grammar: grammar.map(|raw| Json::of(raw.get())),
            }))
        }
        (kind, ..) => {
            read.losses.add(format!("tools[]: {}", name(kind.unwrap_or("unknown"))), "dropped");
            Ok(None)
        }
    }
}

fn function<'a>(
    read: &mut Read<'_>,
    function: &Members<'a>,
    path: &str,
) -> Result<Tool<'a>, Uncarried> {
    read.rest(path, function, &["name", "description", "parameters", "strict"]);
    let name = only_text(format!("{path}.name"), function.get("name"))?;
    Ok(Tool::Function {
        name: name.unwrap_or_default(),
        description: read.text(&format!("{path}.description"), function.get("description")),
        schema: read.object(&format!("{path}.parameters"), function.get("parameters")),
        strict: read.flag_spelt(&format!("{path}.strict"), function.get("strict")),
    })
}

/// Where the search shall start is the only thing that both dialects know of it.
fn search<'a>(read: &mut Read<'_>, raw: Raw<'a>) -> Option<Tool<'a>> {
    const PLACE: &str = "web_search_options.user_location";
    let options = read.members("web_search_options", Some(raw));
    if json::type_of(raw) != Type::Object {
        return None;
    }
    read.rest("web_search_options", &options, &["user_location"]);
    let place = read.members(PLACE, options.get("user_location"));
    read.rest(PLACE, &place, &["type", "approximate"]);
    read.word("web_search_options.user_location.type", place.get("type"));
    let place = read.object(&format!("{PLACE}.approximate"), place.get("approximate"));
    Some(Tool::Search(place))
}

fn choice<'a>(read: &mut Read<'_>, key: &str, raw: Raw<'a>) -> Result<Choice<'a>, Uncarried> {
    let odd = || Uncarried::new(key.to_owned(), "it is none that is known");
    if json::type_of(raw) == Type::String {
        return match text_of(raw).as_deref() {
            Some("auto") => Ok(Choice::Auto),
            Some("none") => Ok(Choice::None),
            Some("required" | "any") => Ok(Choice::Any),
            Some(_) | None => Err(odd()),
        };
    }
    let choice = Members::read(raw.get()).ok_or_else(odd)?;
    read.word(&format!("{key}.type"), choice.get("type"));
    if let Some(subset) = only_object("tool_choice.allowed_tools", choice.get("allowed_tools"))? {
        read.rest(key, &choice, &["type", "allowed_tools"]);
        return self::subset(read, &subset);
    }
    // `function_call` names it at the top, `tool_choice` within.
    let within = within(&choice);
    let named = match within {
        Some(within) => {
            read.rest(key, &choice, &["type", within]);
            only_object(format!("{key}.{within}"), choice.get(within))?.ok_or_else(odd)?
        }
        None => choice,
    };
    read.rest(key, &named, &["type", "name"]);
    let name = named.get("name").and_then(inside).ok_or_else(odd)?;
    Ok(Choice::Named(name))
}

fn subset<'a>(read: &mut Read<'_>, subset: &Members<'a>) -> Result<Choice<'a>, Uncarried> {
    const PATH: &str = "tool_choice.allowed_tools";
    const TOOLS: &str = "tool_choice.allowed_tools.tools";
    let odd = || Uncarried::new(PATH, "it is none that is known");
    read.rest(PATH, subset, &["mode", "tools"]);
    let must = match subset.given("mode").map(text_of) {
        Some(Some(mode)) if mode == "required" => true,
        Some(Some(mode)) if mode == "auto" => false,
        Some(_) => return Err(odd()),
        None => false,
    };
    let tools = objects(subset.get("tools").ok_or_else(odd)?, TOOLS)?;
    let names = tools.into_iter().map(|tool| {
        read.word("tool_choice.allowed_tools.tools[].type", tool.get("type"));
        let within = within(&tool);
        read.rest("tool_choice.allowed_tools.tools[]", &tool, &["type", within.unwrap_or("name")]);
        let inner = within.and_then(|within| tool.get(within));
        let inner = only_object(TOOLS, inner)?.unwrap_or(tool);
        only_text(TOOLS, inner.get("name"))?.ok_or_else(odd)
    });
    Ok(Choice::Subset { names: names.collect::<Result<_, _>>()?, must })
}

/// Where a tool is named, if not at the top.
fn within(named: &Members<'_>) -> Option<&'static str> {
    ["function", "custom"].into_iter().find(|key| named.given(key).is_some())
}

fn stops(raw: Raw<'_>) -> Result<Vec<Text<'_>>, Uncarried> {
    inside(raw).map_or_else(|| only_texts("stop", raw), |one| Ok(vec![one]))
}

fn format<'a>(read: &mut Read<'_>, raw: Raw<'a>) -> Result<Option<Format<'a>>, Uncarried> {
    const SCHEMA: &str = "response_format.json_schema";
    let format = only_object("response_format", Some(raw))?.unwrap_or_default();
    let kind = format.get("type").and_then(text_of);
    let taken: &[&str] =
        if kind.as_deref() == Some("json_schema") { &["type", "json_schema"] } else { &["type"] };
    read.rest("response_format", &format, taken);
    match kind.as_deref() {
        Some("text") => Ok(None),
        Some("json_object") => Ok(Some(Format::Object)),
        Some("json_schema") => {
            let schema = only_object(SCHEMA, format.get("json_schema"))?.unwrap_or_default();
            read.rest(SCHEMA, &schema, &["name", "description", "schema", "strict"]);
            let raw = schema.given("schema");
            only_object("response_format.json_schema.schema", raw)?;
            Ok(Some(Format::Schema {
                name: read.text("response_format.json_schema.name", schema.get("name")),
                description: read
                    .text("response_format.json_schema.description", schema.get("description")),
                schema: Json::of(raw.map_or("{}", Raw::get)),
                strict: read.flag_spelt("response_format.json_schema.strict", schema.get("strict")),
            }))
        }
        kind => {
            let why = format!("Messages knows no answers of the form {:?}", kind.unwrap_or("?"));
            Err(Uncarried::new("response_format.type", why))
        }
    }
}
