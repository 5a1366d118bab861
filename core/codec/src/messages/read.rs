//! Anthropic Messages: a request, read leniently (<https://docs.claude.com/en/api/messages>).

mod conversation;
mod typed;

use crate::json::Members;
use crate::request::parts::{Body, escaped, is_null, is_true, members, name, objects, says};
use crate::request::{Out, Read, Uncarried, inside, text_of};
use ir::Losses;
use ir::request::{Choice, Format, Json, Request, Role, Text, Thinking, ThinkingForm, Tool, Turn};
use serde_json::value::RawValue;

/// Reads a request.
pub(crate) fn request<'a>(body: &'a [u8], losses: &mut Losses) -> Result<Request<'a>, Uncarried> {
    let Body { messages, rest } = Body::read(body)?;
    let mut read = Read::new(losses);
    let mut request = Request::default();
    let mut system = None;
    for (key, raw) in rest.iter().filter(|(_, raw)| !is_null(raw)) {
        match key.as_ref() {
            "system" => system = Some(*raw),
            key => field(&mut read, &mut request, key, raw)?,
        }
    }
    if let Some(raw) = system {
        let parts = conversation::content(&mut read, raw, "system")?;
        request.turns.push(Turn { role: Role::System, parts });
    }
    conversation::turns(&mut read, messages, &mut request.turns)?;
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
        "max_tokens" if raw.get() == "0" => {
            return Err(Uncarried::new(
                "max_tokens",
                "0 warms a cache, which Chat has no word for",
            ));
        }
        "max_tokens" => request.max_tokens = number(),
        "temperature" => request.temperature = number(),
        "top_p" => request.top_p = number(),
        "stop_sequences" => {
            let stops: Vec<&RawValue> = serde_json::from_str(raw.get()).unwrap_or_default();
            request.stop = stops.into_iter().filter_map(inside).collect();
        }
        "tools" => {
            for tool in objects(raw, "tools")? {
                request.tools.extend(self::tool(read, &tool));
            }
        }
        "tool_choice" => choice(read, request, raw)?,
        "thinking" => request.thinking = Some(thinking(read, raw)?),
        "output_config" => output(read, request, raw)?,
        "metadata" => {
            let metadata = members(Some(raw));
            read.rest("metadata", &metadata, &["user_id"]);
            request.user = metadata.get("user_id").and_then(inside);
        }
        "service_tier" => {
            request.tier = match text_of(raw).as_deref() {
                Some("standard_only") => Some(Text::inside("default")),
                Some(_) | None => inside(raw),
            };
        }
        _ => only_here(read, key, raw)?,
    }
    Ok(())
}

/// What Chat has no word for.
fn only_here(read: &mut Read<'_>, key: &str, raw: &RawValue) -> Result<(), Uncarried> {
    match key {
        "thread" => Err(Uncarried::new("thread", "the conversation lies with another vendor")),
        "inference_geo" if raw.get() != r#""global""# => {
            Err(Uncarried::new("inference_geo", "Chat cannot promise where it is computed"))
        }
        "inference_geo" => Ok(()),
        _ => {
            read.member("", key, raw);
            Ok(())
        }
    }
}

fn tool<'a>(read: &mut Read<'_>, tool: &Members<'a>) -> Option<Tool<'a>> {
    let text = |key: &str| tool.get(key).and_then(inside);
    let kind = tool.get("type").and_then(text_of);
    let kind = kind.as_deref().unwrap_or("custom");
    if kind == "custom" {
        let taken = ["type", "name", "description", "input_schema", "strict"];
        read.rest("tools[]", tool, &taken);
        let value = |key| tool.get(key).filter(|raw| !is_null(raw)).map(|raw| Json::of(raw.get()));
        return Some(Tool::Function {
            name: text("name").unwrap_or_default(),
            description: text("description"),
            schema: value("input_schema"),
            strict: value("strict"),
        });
    }
    if kind.starts_with("web_search_") {
        read.rest("tools[]", tool, &["type", "name", "user_location"]);
        return Some(Tool::Search(place(tool)));
    }
    if let Some(known) = typed::find(kind) {
        read.rest("tools[]", tool, &["type", "name"]);
        return Some(Tool::Function {
            name: text("name").unwrap_or_default(),
            description: Some(escaped(known.description)),
            schema: Some(Json::of(known.schema)),
            strict: None,
        });
    }
    // What the provider itself carries out, and what we do not know.
    read.losses.add(format!("tools[]: {}", name(kind)), "dropped");
    None
}

/// Where a search starts, without the type that Chat has one level higher.
fn place<'a>(tool: &Members<'a>) -> Option<Json<'a>> {
    let place = tool.get("user_location").filter(|raw| says(raw))?;
    let place = Members::read(place.get())?;
    let mut out = Out::with_capacity(128);
    out.object(|out| {
        for (key, raw) in place.0.iter().filter(|(key, _)| key != "type") {
            out.raw_member(key, raw.get());
        }
    });
    Some(Json::of(out.finish()))
}

fn choice<'a>(
    read: &mut Read<'_>,
    request: &mut Request<'a>,
    raw: &'a RawValue,
) -> Result<(), Uncarried> {
    let choice = members(Some(raw));
    read.rest("tool_choice", &choice, &["type", "name", "disable_parallel_tool_use"]);
    if let Some(off) = choice.get("disable_parallel_tool_use").filter(|raw| !is_null(raw)) {
        request.parallel = Some(!is_true(off));
    }
    request.choice = match choice.get("type").and_then(text_of).as_deref() {
        Some("auto") => Some(Choice::Auto),
        Some("any") => Some(Choice::Any),
        Some("none") => Some(Choice::None),
        Some("tool") => choice.get("name").and_then(inside).map(Choice::Named),
        Some(_) | None => {
            return Err(Uncarried::new("tool_choice.type", "it is none that is known"));
        }
    };
    Ok(())
}

fn thinking<'a>(read: &mut Read<'_>, raw: &'a RawValue) -> Result<Thinking<'a>, Uncarried> {
    let thinking = members(Some(raw));
    read.rest("thinking", &thinking, &["type", "budget_tokens", "display"]);
    let budget = thinking.get("budget_tokens").map(|raw| Json::of(raw.get()));
    let form = match (thinking.get("type").and_then(text_of).as_deref(), budget) {
        (Some("disabled"), _) => ThinkingForm::Off,
        (Some("enabled"), Some(budget)) => ThinkingForm::Budget(budget),
        (Some("adaptive" | "enabled"), _) => ThinkingForm::Adaptive,
        (Some("between_tools"), _) => ThinkingForm::BetweenTools,
        (Some(_) | None, _) => {
            return Err(Uncarried::new("thinking.type", "it is none that is known"));
        }
    };
    Ok(Thinking { form, display: thinking.get("display").and_then(inside) })
}

fn output<'a>(
    read: &mut Read<'_>,
    request: &mut Request<'a>,
    raw: &'a RawValue,
) -> Result<(), Uncarried> {
    let output = members(Some(raw));
    read.rest("output_config", &output, &["effort", "format"]);
    request.effort = output.get("effort").and_then(inside);
    let Some(raw) = output.get("format").filter(|raw| !is_null(raw)) else { return Ok(()) };
    let format = members(Some(raw));
    read.rest("output_config.format", &format, &["type", "schema"]);
    match (format.get("type").and_then(text_of).as_deref(), format.get("schema")) {
        (Some("json_schema"), Some(schema)) => {
            request.format = Some(Format::Schema {
                name: None,
                description: None,
                schema: Json::of(schema.get()),
                strict: Some(Json::of("true")),
            });
            Ok(())
        }
        (_, _) => Err(Uncarried::new("output_config.format", "it is none that is known")),
    }
}
