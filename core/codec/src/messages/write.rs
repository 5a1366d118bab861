//! Anthropic Messages: a request, written strictly.

mod conversation;
mod reasoning;

use crate::json::Members;
use crate::request::parts::{Plainness, concat, escaped, unescaped};
use crate::request::{Notes, Out, Target, Uncarried, Written};
use ir::Losses;
use ir::request::{Choice, Json, Part, Request, Text, Tool};
use std::collections::BTreeSet;

/// Names of tools (<https://docs.claude.com/en/api/messages#body-tools>).
const NAMES: Plainness = Plainness { max: 128 };

/// What `metadata.user_id` takes at most, in bytes.
const USER_MAX: usize = 256;

/// The version that knows `temperature`, `top_p` and `top_k`
/// (<https://platform.claude.com/docs/en/api/migration-2026-10-21>).
const SAMPLING: &str = "2023-06-01";
/// The version that refuses them, and lets system turns stand among messages.
const CURRENT: &str = "2026-10-21";
/// What lets them stand there in the older version.
const SYSTEM_TURNS: &str = "mid-conversation-system-2026-04-07";

/// A writer on its way.
#[derive(Debug)]
pub(super) struct Writer<'t> {
    notes: Notes<'t>,
    /// A system turn stands among the messages.
    system_turns: bool,
}

/// Writes a request.
pub(crate) fn request(
    request: &Request<'_>,
    target: &Target<'_>,
    losses: Losses,
) -> Result<Written, Uncarried> {
    let mut writer = Writer { notes: Notes::new(target, losses), system_turns: false };
    let mut out = Out::with_capacity(16 << 10);
    let mut sampled = false;
    out.object(|out| {
        out.plain("model", target.model);
        writer.length(out, request.max_tokens.as_ref());
        writer.turns(out, request)?;
        writer.tools(out, request)?;
        let thinks = writer.thinking(out, request)?;
        sampled = writer.sampling(out, request, thinks);
        writer.stops(out, &request.stop);
        writer.account(out, request);
        if target.stream {
            writer.notes.wrote("stream");
            out.key("stream");
            out.raw("true");
        }
        Ok(())
    })?;
    let Writer { mut notes, system_turns } = writer;
    notes.fields.extend(system_turns.then_some("system"));
    let version = if sampled { SAMPLING } else { CURRENT };
    let beta = (sampled && system_turns).then_some(SYSTEM_TURNS);
    Ok(Written { version: Some(version), beta, ..notes.written(out.finish()) })
}

// === impl Writer ===

impl Writer<'_> {
    /// Messages wants a limit; where the caller has none, it is the model's own.
    fn length(&mut self, out: &mut Out, max_tokens: Option<&Json<'_>>) {
        self.notes.wrote("max_tokens");
        out.key("max_tokens");
        let most = Json::of(self.notes.target.traits.max_tokens.to_string());
        let asked = max_tokens.unwrap_or(&most);
        match self.notes.target.cut(asked) {
            Some(limit) => {
                if max_tokens.is_some() {
                    self.notes.losses.add("max_tokens", "cut to the model's limit");
                }
                out.raw(&limit.to_string());
            }
            None => out.raw(asked.as_str()),
        }
    }

    fn tools(&mut self, out: &mut Out, request: &Request<'_>) -> Result<(), Uncarried> {
        if self.notes.without_tools(request) {
            return Ok(());
        }
        let only: Option<BTreeSet<&Text<'_>>> = match &request.choice {
            Some(Choice::Subset { names, .. }) => {
                self.notes.losses.add("tool_choice.allowed_tools", "only these tools are offered");
                Some(names.iter().collect())
            }
            Some(Choice::Auto | Choice::None | Choice::Any | Choice::Named(_)) | None => None,
        };
        let offered = |tool: &&Tool<'_>| match (&only, tool.name()) {
            (Some(only), Some(name)) => only.contains(name),
            (Some(_) | None, _) => true,
        };
        let offered: Vec<&Tool<'_>> = request.tools.iter().filter(offered).collect();
        if let Some(Choice::Named(name)) = &request.choice
            && !offered.iter().any(|tool| tool.name() == Some(name))
        {
            return Err(Uncarried::new("tool_choice", "the tool that it names cannot be offered"));
        }
        if offered.is_empty() {
            self.notes.no_tools(request)?;
            self.former_tools(out, request);
            return Ok(());
        }
        out.key("tools");
        out.list(|out| offered.iter().for_each(|tool| self.tool(out, tool)));
        self.choice(out, request)
    }

    /// Anthropic has refused requests with calls in their history and no tools: those that were called
    /// are named, and not to be called again.
    fn former_tools(&mut self, out: &mut Out, request: &Request<'_>) {
        let parts = request.turns.iter().flat_map(|turn| &turn.parts);
        let called: BTreeSet<&Text<'_>> = parts.filter_map(called).collect();
        if called.is_empty() {
            return;
        }
        out.key("tools");
        out.list(|out| {
            for name in called {
                out.object(|out| {
                    out.word("name", &self.notes.alias(NAMES, name, false));
                    out.key("input_schema");
                    out.raw(r#"{"type":"object"}"#);
                });
            }
        });
        out.key("tool_choice");
        out.object(|out| out.word("type", "none"));
    }

    fn tool(&mut self, out: &mut Out, tool: &Tool<'_>) {
        match tool {
            Tool::Function { name, description, schema, strict } => out.object(|out| {
                out.word("name", &self.notes.alias(NAMES, name, false));
                if let Some(description) = description {
                    out.text("description", description);
                }
                out.key("input_schema");
                out.raw(&object_schema(schema.as_ref()));
                if let Some(strict) = strict.as_ref().filter(|_| self.notes.may("strict")) {
                    out.json("strict", strict);
                }
            }),
            Tool::Free { name, description, grammar } => out.object(|out| {
                out.word("name", &self.notes.alias(NAMES, name, true));
                let said = description.as_ref().map_or("", Text::as_str);
                if let Some(grammar) = grammar {
                    self.notes.losses.add("tools[].custom.format", "told in the description");
                    let grammar = escaped(grammar.as_str());
                    let told = concat(&[said, "\\n\\nThe input must be of this form: ", grammar.as_str()]);
                    out.text("description", &told);
                } else if !said.is_empty() {
                    out.word("description", said);
                }
                out.key("input_schema");
                out.raw(r#"{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}"#);
            }),
            Tool::Search(place) => {
                if self.notes.may("web_search") {
                    out.object(|out| search(out, place.as_ref()));
                }
            }
        }
    }

    fn choice(&mut self, out: &mut Out, request: &Request<'_>) -> Result<(), Uncarried> {
        let alone = request.parallel == Some(false);
        let choice = match (&request.choice, alone) {
            (None, false) => return Ok(()),
            (None, true) => &Choice::Auto,
            (Some(choice), _) => choice,
        };
        if !self.notes.may_choose(request)? {
            return Ok(());
        }
        out.key("tool_choice");
        out.object(|out| {
            match choice {
                Choice::Auto | Choice::Subset { must: false, .. } => out.word("type", "auto"),
                Choice::None => {
                    if alone {
                        self.notes.losses.add("parallel_tool_calls", "dropped: no calls");
                    }
                    return out.word("type", "none");
                }
                Choice::Any | Choice::Subset { must: true, .. } => out.word("type", "any"),
                Choice::Named(name) => {
                    out.word("type", "tool");
                    out.word("name", &self.notes.alias(NAMES, name, false));
                }
            }
            if alone {
                out.key("disable_parallel_tool_use");
                out.raw("true");
            }
        });
        Ok(())
    }

    /// Whether anything was written that only the older version takes.
    fn sampling(&mut self, out: &mut Out, request: &Request<'_>, thinks: bool) -> bool {
        let mut sampled = false;
        for (field, number) in [("temperature", &request.temperature), ("top_p", &request.top_p)] {
            let Some(number) = number else { continue };
            let value: f64 = number.as_str().parse().unwrap_or(1.0);
            if thinks {
                self.notes.losses.add(field, "dropped: not beside thinking");
            } else if field == "top_p" && request.temperature.is_some() {
                self.notes.losses.add(field, "dropped: not beside temperature");
            } else if self.notes.may(field) {
                sampled = true;
                out.key(field);
                if value > 1.0 {
                    self.notes.losses.add(field, "as 1, the most that there is");
                    out.raw("1");
                } else {
                    out.raw(number.as_str());
                }
            }
        }
        sampled
    }

    fn stops(&mut self, out: &mut Out, stops: &[Text<'_>]) {
        let (said, blank): (Vec<&Text<'_>>, Vec<&Text<'_>>) =
            stops.iter().partition(|stop| !is_blank(stop));
        if !blank.is_empty() {
            self.notes.losses.add("stop", "dropped: it is only white space");
        }
        if said.is_empty() || !self.notes.may("stop_sequences") {
            return;
        }
        out.key("stop_sequences");
        out.list(|out| said.iter().for_each(|stop| out.joined(&[stop.as_str()])));
    }

    fn account(&mut self, out: &mut Out, request: &Request<'_>) {
        match &request.user {
            Some(user) if USER_MAX < user.as_str().len() => {
                self.notes.losses.add("user", "dropped: it is longer than Messages takes");
            }
            Some(user) if self.notes.may("metadata") => {
                out.key("metadata");
                out.object(|out| out.text("user_id", user));
            }
            Some(_) | None => {}
        }
        let tier = match request.tier.as_ref().map(Text::as_str) {
            Some("auto") => "auto",
            Some("default") => "standard_only",
            Some(_) => return self.notes.losses.add("service_tier", "dropped"),
            None => return,
        };
        if self.notes.may("service_tier") {
            out.word("service_tier", tier);
        }
    }
}

fn called<'p, 'a>(part: &'p Part<'a>) -> Option<&'p Text<'a>> {
    if let Part::Call { name, .. } = part { Some(name) } else { None }
}

/// A schema of arguments must say that it is an object's.
fn object_schema(schema: Option<&Json<'_>>) -> String {
    let text = schema.map_or("{}", Json::as_str);
    let members = Members::read(text).unwrap_or_default();
    if members.get("type").is_some() {
        return text.to_owned();
    }
    let rest = text.trim_start().strip_prefix('{').unwrap_or("}");
    let comma = if members.0.is_empty() { "" } else { "," };
    let properties = if members.get("properties").is_some() { "" } else { r#","properties":{}"# };
    format!(r#"{{"type":"object"{properties}{comma}{rest}"#)
}

fn search(out: &mut Out, place: Option<&Json<'_>>) {
    out.word("type", "web_search_20250305");
    out.word("name", "web_search");
    let Some(place) = place.and_then(|place| Members::read(place.as_str())) else { return };
    out.key("user_location");
    out.object(|out| {
        out.word("type", "approximate");
        for (key, raw) in &place.0 {
            out.raw_member(key, raw.get());
        }
    });
}

/// Nothing but white space, which Messages refuses as a text.
fn is_blank(text: &Text<'_>) -> bool {
    unescaped(text).is_some_and(|text| text.trim().is_empty())
}
