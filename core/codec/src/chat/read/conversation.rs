//! The messages of a Chat request.

use crate::json::{self, Members, Type};
use crate::lazy::Raw;
use crate::request::parts::{
    escaped, name, objects, only_object, only_text, says, source, unescaped,
};
use crate::request::{Read, Uncarried, inside, text_of};
use crate::seal::MARK;
use ir::request::{Args, Json, Part, Role, Source, Text, Turn};

/// Where parts of messages stand, for losses.
const PART: &str = "messages[].content[]";

/// What a message of the model may hold.
const SAID: &[&str] = &[
    "role",
    "content",
    "refusal",
    "tool_calls",
    "function_call",
    "reasoning_content",
    "reasoning_details",
];

/// What a message of this role may hold.
fn taken(role: &str) -> &'static [&'static str] {
    match role {
        "assistant" => SAID,
        "tool" => &["role", "content", "tool_call_id"],
        // The name of a deprecated message is that of what it called.
        "function" => &["role", "content", "tool_call_id", "name"],
        _ => &["role", "content"],
    }
}

/// The turns of a conversation.
pub(super) fn turns<'a>(
    read: &mut Read<'_>,
    messages: Vec<Members<'a>>,
) -> Result<Vec<Turn<'a>>, Uncarried> {
    let mut turns = Vec::with_capacity(messages.len());
    let mut functions = 0;
    for message in messages {
        let role = message.get("role").and_then(text_of).unwrap_or_default();
        read.rest("messages[]", &message, taken(&role));
        let turn = match role.as_ref() {
            "system" | "developer" => Turn { role: Role::System, parts: said(read, &message)? },
            "user" => Turn { role: Role::User, parts: said(read, &message)? },
            "assistant" => {
                functions += usize::from(message.get("function_call").is_some());
                let parts = assistant(read, &message, functions)?;
                Turn { role: Role::Assistant, parts }
            }
            "tool" | "function" => {
                if role == "function" {
                    read.text("messages[].name", message.get("name"));
                }
                let id = only_text("messages[].tool_call_id", message.get("tool_call_id"))?;
                let id = id.unwrap_or_else(|| function_id(functions));
                let parts = said(read, &message)?;
                let result = Part::Result { id, parts, error: false };
                Turn { role: Role::User, parts: vec![result] }
            }
            other => {
                let why = format!("Messages has no role {:?}", name(other));
                return Err(Uncarried::new("messages[].role", why));
            }
        };
        turns.push(turn);
    }
    Ok(turns)
}

/// The id that a deprecated `function_call` never had.
fn function_id(count: usize) -> Text<'static> {
    Text::inside(format!("call_function_{count}"))
}

/// The parts of a message's `content`.
fn said<'a>(read: &mut Read<'_>, message: &Members<'a>) -> Result<Vec<Part<'a>>, Uncarried> {
    let mut parts = Vec::new();
    let Some(raw) = message.given("content") else { return Ok(parts) };
    if let Some(text) = inside(raw) {
        parts.extend((!text.is_empty()).then_some(Part::Text(text)));
        return Ok(parts);
    }
    if json::type_of(raw) != Type::Array {
        return Err(Uncarried::new("messages[].content", "it is neither text nor parts"));
    }
    for part in objects(raw, PART)? {
        parts.extend(self::part(read, &part)?);
    }
    Ok(parts)
}

fn part<'a>(read: &mut Read<'_>, part: &Members<'a>) -> Result<Option<Part<'a>>, Uncarried> {
    let kind = read.word("messages[].content[].type", part.get("type"));
    let kind = kind.as_deref().unwrap_or("text");
    let text = |key: &str| {
        let text = only_text(format!("{PART}.{key}"), part.get(key))?;
        Ok(text.filter(|text| !text.is_empty()))
    };
    let (taken, read_part) = match kind {
        "text" | "input_text" | "output_text" => ("text", text("text")?.map(Part::Text)),
        "refusal" => ("refusal", text("refusal")?.map(Part::Refusal)),
        "image_url" => ("image_url", Some(image(read, part)?)),
        "file" => ("file", Some(file(read, part)?)),
        "input_audio" => {
            return Err(Uncarried::new(
                "messages[].content[].input_audio",
                "Messages does not hear",
            ));
        }
        other => {
            let why = format!("Messages has no part of the kind {:?}", name(other));
            return Err(Uncarried::new(PART, why));
        }
    };
    read.rest(PART, part, &["type", taken]);
    Ok(read_part)
}

fn image<'a>(read: &mut Read<'_>, part: &Members<'a>) -> Result<Part<'a>, Uncarried> {
    let missing = || Uncarried::new("messages[].content[].image_url", "it has no url");
    let raw = part.get("image_url").ok_or_else(missing)?;
    let image = Members::read(raw.get()).unwrap_or_default();
    read.rest("messages[].content[].image_url", &image, &["url"]);
    // Some clients leave the object out.
    let url = image.get("url").unwrap_or(raw);
    Ok(Part::Image(source(json::inside(url).ok_or_else(missing)?)))
}

fn file<'a>(read: &mut Read<'_>, part: &Members<'a>) -> Result<Part<'a>, Uncarried> {
    const PATH: &str = "messages[].content[].file";
    let file = only_object(PATH, part.get("file"))?.unwrap_or_default();
    let data = file.get("file_data").and_then(json::inside);
    let Some(data) = data else {
        return Err(Uncarried::new(PATH, "it lies in the store of another vendor"));
    };
    read.rest(PATH, &file, &["file_data", "filename"]);
    let name = read.text("messages[].content[].file.filename", file.get("filename"));
    match source(data) {
        Source::Inline { mime, data } => match unescaped(&mime).as_deref() {
            Some("application/pdf") => Ok(Part::File(Source::Inline { mime, data }, name)),
            Some(image) if image.starts_with("image/") => {
                if name.is_some() {
                    read.losses.add("messages[].content[].file.filename", "dropped: of an image");
                }
                Ok(Part::Image(Source::Inline { mime, data }))
            }
            Some(_) | None => {
                Err(Uncarried::new(PATH, "Messages takes PDF and images, no other files"))
            }
        },
        Source::Url(_) | Source::Plain(_) | Source::Stored(_) => {
            Err(Uncarried::new(PATH, "its file_data is no data URL"))
        }
    }
}

fn assistant<'a>(
    read: &mut Read<'_>,
    message: &Members<'a>,
    functions: usize,
) -> Result<Vec<Part<'a>>, Uncarried> {
    let mut parts = Vec::new();
    reasoning(read, message, &mut parts)?;
    parts.extend(said(read, message)?);
    let refusal = read.text("messages[].refusal", message.get("refusal"));
    let refusal = refusal.filter(|text| !text.is_empty());
    parts.extend(refusal.map(Part::Refusal));
    if let Some(raw) = message.given("tool_calls") {
        for call in objects(raw, "messages[].tool_calls")? {
            parts.push(self::call(read, &call)?);
        }
    }
    if let Some(call) = only_object("messages[].function_call", message.get("function_call"))? {
        let id = function_id(functions);
        parts.push(function(read, id, &call, "messages[].function_call")?);
    }
    Ok(parts)
}

/// Reasoning is of use to its issuer only, and he knows it by the seal that we put on it.
fn reasoning<'a>(
    read: &mut Read<'_>,
    message: &Members<'a>,
    parts: &mut Vec<Part<'a>>,
) -> Result<(), Uncarried> {
    const DETAILS: &str = "messages[].reasoning_details";
    let before = parts.len();
    let details = message.given("reasoning_details");
    let (details, odd) = match details {
        Some(raw) if json::type_of(raw) == Type::Array => (objects(raw, DETAILS)?, false),
        details => (Vec::new(), details.is_some()),
    };
    if odd {
        read.losses.add(DETAILS, "dropped: not an array");
    }
    for detail in details {
        let text = |key: &str| detail.get(key).and_then(inside).unwrap_or_default();
        let (signature, data) = (text("signature"), text("data"));
        let is_ours = |text: &Text<'_>| text.as_str().starts_with(MARK);
        if is_ours(&signature) {
            parts.push(Part::Think { text: text("text"), seal: signature });
        } else if is_ours(&data) {
            parts.push(Part::Sealed(data));
        } else {
            read.losses.add(DETAILS, "dropped: it is another vendor's");
        }
    }
    let told = message.get("reasoning_content").filter(|raw| says(*raw));
    if told.is_some() && parts.len() == before {
        read.losses.add("messages[].reasoning_content", "dropped: it is another vendor's");
    }
    Ok(())
}

fn call<'a>(read: &mut Read<'_>, call: &Members<'a>) -> Result<Part<'a>, Uncarried> {
    const PATH: &str = "messages[].tool_calls[]";
    const CUSTOM: &str = "messages[].tool_calls[].custom";
    const FUNCTION: &str = "messages[].tool_calls[].function";
    let id = only_text("messages[].tool_calls[].id", call.get("id"))?.unwrap_or_default();
    // What is in it says what it is.
    read.word("messages[].tool_calls[].type", call.get("type"));
    if let Some(custom) = only_object(CUSTOM, call.get("custom"))? {
        read.rest(PATH, call, &["id", "type", "index", "custom"]);
        read.rest(CUSTOM, &custom, &["name", "input"]);
        let text = |key: &str| only_text(format!("{CUSTOM}.{key}"), custom.get(key));
        let (name, input) = (text("name")?, text("input")?);
        let args = Args::Free(input.unwrap_or_default());
        return Ok(Part::Call { id, name: name.unwrap_or_default(), args });
    }
    read.rest(PATH, call, &["id", "type", "index", "function"]);
    let function = only_object(FUNCTION, call.get("function"))?.unwrap_or_default();
    self::function(read, id, &function, FUNCTION)
}

fn function<'a>(
    read: &mut Read<'_>,
    id: Text<'a>,
    function: &Members<'a>,
    path: &str,
) -> Result<Part<'a>, Uncarried> {
    read.rest(path, function, &["name", "arguments"]);
    let name = only_text(format!("{path}.name"), function.get("name"))?.unwrap_or_default();
    // A string by the rules; some clients send the object itself.
    let args = function.get("arguments").map_or_else(|| Args::Quoted(Text::default()), arguments);
    Ok(Part::Call { id, name, args })
}

fn arguments(raw: Raw<'_>) -> Args<'_> {
    match (inside(raw), json::type_of(raw)) {
        (Some(text), _) => Args::Quoted(text),
        (None, Type::Object) => Args::Object(Json::of(raw.get())),
        (None, Type::Null) => Args::Quoted(Text::default()),
        // The writer knows what to do with what is no object.
        (None, Type::Array | Type::Number | Type::Bool | Type::String) => {
            Args::Quoted(escaped(raw.get()))
        }
    }
}
