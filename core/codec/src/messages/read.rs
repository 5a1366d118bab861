//! Anthropic Messages: a request, read leniently (<https://docs.claude.com/en/api/messages>).

mod conversation;
mod typed;

use crate::json::Members;
use crate::lazy::Raw;
use crate::request::parts::{
    Body, escaped, name, objects, only_count, only_object, only_text, only_texts,
};
use crate::request::{Out, Read, Uncarried, inside, text_of};
use ir::Losses;
use ir::request::{Choice, Format, Json, Request, Role, Text, Thinking, ThinkingForm, Tool, Turn};

/// Reads a request.
pub(crate) fn request<'a>(body: &'a [u8], losses: &mut Losses) -> Result<Request<'a>, Uncarried> {
    let Body { messages, rest } = Body::read(body)?;
    let mut read = Read::new(losses);
    let mut request = Request::default();
    let mut system = None;
    for (key, raw) in rest {
        match key.as_ref() {
            "system" => system = Some(raw),
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
    raw: Raw<'a>,
) -> Result<(), Uncarried> {
    match key {
        "model" | "stream" => {}
        "max_tokens" if raw.get() == "0" => {
            return Err(Uncarried::new(
                "max_tokens",
                "0 warms a cache, which Chat has no word for",
            ));
        }
        "max_tokens" => request.max_tokens = Some(only_count("max_tokens", raw)?),
        "temperature" => request.temperature = read.number(key, Some(raw)),
        "top_p" => request.top_p = read.number(key, Some(raw)),
        "stop_sequences" => request.stop = only_texts("stop_sequences", raw)?,
        "tools" => {
            for tool in objects(raw, "tools")? {
                request.tools.extend(self::tool(read, &tool)?);
            }
        }
        "tool_choice" => choice(read, request, raw)?,
        "thinking" => request.thinking = Some(thinking(read, raw)?),
        "output_config" => output(read, request, raw)?,
        "metadata" => {
            let metadata = read.members("metadata", Some(raw));
            read.rest("metadata", &metadata, &["user_id"]);
            request.user = read.text("metadata.user_id", metadata.get("user_id"));
        }
        "service_tier" => {
            request.tier = match text_of(raw).as_deref() {
                Some("standard_only") => Some(Text::inside("default")),
                Some(_) | None => read.text(key, Some(raw)),
            };
        }
        _ => only_here(read, key, raw)?,
    }
    Ok(())
}

/// What Chat has no word for.
fn only_here(read: &mut Read<'_>, key: &str, raw: Raw<'_>) -> Result<(), Uncarried> {
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

fn tool<'a>(read: &mut Read<'_>, tool: &Members<'a>) -> Result<Option<Tool<'a>>, Uncarried> {
    let kind = read.word("tools[].type", tool.get("type"));
    let kind = kind.as_deref().unwrap_or("custom");
    let name = || Ok(only_text("tools[].name", tool.get("name"))?.unwrap_or_default());
    if kind == "custom" {
        let taken = ["type", "name", "description", "input_schema", "strict"];
        read.rest("tools[]", tool, &taken);
        return Ok(Some(Tool::Function {
            name: name()?,
            description: read.text("tools[].description", tool.get("description")),
            schema: read.object("tools[].input_schema", tool.get("input_schema")),
            strict: read.flag_spelt("tools[].strict", tool.get("strict")),
        }));
    }
    if kind.starts_with("web_search_") {
        read.rest("tools[]", tool, &["type", "name", "user_location"]);
        read.word("tools[].name", tool.get("name"));
        return Ok(Some(Tool::Search(place(read, tool))));
    }
    if let Some(known) = typed::find(kind) {
        read.rest("tools[]", tool, &["type", "name"]);
        return Ok(Some(Tool::Function {
            name: name()?,
            description: Some(escaped(known.description)),
            schema: Some(Json::of(known.schema)),
            strict: None,
        }));
    }
    // What the provider itself carries out, and what we do not know.
    read.losses.add(format!("tools[]: {}", self::name(kind)), "dropped");
    Ok(None)
}

/// Where a search starts, without the type that Chat has one level higher.
fn place<'a>(read: &mut Read<'_>, tool: &Members<'a>) -> Option<Json<'a>> {
    let place = read.members("tools[].user_location", tool.get("user_location"));
    if place.0.is_empty() {
        return None;
    }
    read.word("tools[].user_location.type", place.get("type"));
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
    raw: Raw<'a>,
) -> Result<(), Uncarried> {
    const OFF: &str = "disable_parallel_tool_use";
    let choice = only_object("tool_choice", Some(raw))?.unwrap_or_default();
    let kind = choice.get("type").and_then(text_of);
    let taken: &[&str] =
        if kind.as_deref() == Some("tool") { &["type", "name", OFF] } else { &["type", OFF] };
    read.rest("tool_choice", &choice, taken);
    if let Some(off) = read.flag("tool_choice.disable_parallel_tool_use", choice.get(OFF)) {
        request.parallel = Some(!off);
    }
    let odd = |path| Uncarried::new(path, "it is none that is known");
    request.choice = Some(match kind.as_deref() {
        Some("auto") => Choice::Auto,
        Some("any") => Choice::Any,
        Some("none") => Choice::None,
        Some("tool") => {
            let name = choice.get("name").and_then(inside);
            Choice::Named(name.ok_or_else(|| odd("tool_choice.name"))?)
        }
        Some(_) | None => return Err(odd("tool_choice.type")),
    });
    Ok(())
}

fn thinking<'a>(read: &mut Read<'_>, raw: Raw<'a>) -> Result<Thinking<'a>, Uncarried> {
    let thinking = only_object("thinking", Some(raw))?.unwrap_or_default();
    let kind = thinking.get("type").and_then(text_of);
    let enabled = kind.as_deref() == Some("enabled");
    let taken: &[&str] =
        if enabled { &["type", "budget_tokens", "display"] } else { &["type", "display"] };
    read.rest("thinking", &thinking, taken);
    let budget = thinking.given("budget_tokens").filter(|_| enabled);
    let budget = budget.map(|raw| only_count("thinking.budget_tokens", raw)).transpose()?;
    let form = match (kind.as_deref(), budget) {
        (Some("disabled"), _) => ThinkingForm::Off,
        (Some("enabled"), Some(budget)) => ThinkingForm::Budget(budget),
        (Some("adaptive" | "enabled"), _) => ThinkingForm::Adaptive,
        (Some("between_tools"), _) => ThinkingForm::BetweenTools,
        (Some(_) | None, _) => {
            return Err(Uncarried::new("thinking.type", "it is none that is known"));
        }
    };
    Ok(Thinking { form, display: read.text("thinking.display", thinking.get("display")) })
}

fn output<'a>(
    read: &mut Read<'_>,
    request: &mut Request<'a>,
    raw: Raw<'a>,
) -> Result<(), Uncarried> {
    let output = read.members("output_config", Some(raw));
    read.rest("output_config", &output, &["effort", "format"]);
    request.effort = read.text("output_config.effort", output.get("effort"));
    let Some(raw) = output.given("format") else { return Ok(()) };
    let format = only_object("output_config.format", Some(raw))?.unwrap_or_default();
    read.rest("output_config.format", &format, &["type", "schema"]);
    let schema = format.given("schema");
    only_object("output_config.format.schema", schema)?;
    match (format.get("type").and_then(text_of).as_deref(), schema) {
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
