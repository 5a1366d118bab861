//! `OpenAI` Chat Completions: a request, written strictly.

mod conversation;

use crate::request::parts::Plainness;
use crate::request::schema;
use crate::request::{Notes, Out, Target, Uncarried, Written};
use ir::request::{Choice, Format, Json, Request, Text, Thinking, ThinkingForm, Tool};
use ir::{Losses, Repair, TokenField, UsageFlag};

/// Names of functions
/// (<https://platform.openai.com/docs/api-reference/chat/create#chat-create-tools>).
const NAMES: Plainness = Plainness { max: 64 };

/// What `stop` takes at most.
const STOPS_MAX: usize = 4;

/// What `user` takes at most, in bytes.
const USER_MAX: usize = 64;

/// A writer on its way.
#[derive(Debug)]
pub(super) struct Writer<'t> {
    notes: Notes<'t>,
}

/// Writes a request.
pub(crate) fn request(
    request: &Request<'_>,
    target: &Target<'_>,
    losses: Losses,
) -> Result<Written, Uncarried> {
    let mut writer = Writer { notes: Notes::new(target, losses) };
    let mut out = Out::with_capacity(16 << 10);
    out.object(|out| {
        out.plain("model", target.model);
        out.key("messages");
        writer.turns(out, &request.turns)?;
        writer.tools(out, request)?;
        writer.length(out, request.max_tokens.as_ref());
        writer.number(out, "temperature", request.temperature.as_ref());
        writer.number(out, "top_p", request.top_p.as_ref());
        writer.stops(out, &request.stop);
        writer.thinking(out, request);
        writer.format(out, request.format.as_ref())?;
        writer.account(out, request);
        writer.stream(out);
        Ok(())
    })?;
    Ok(writer.notes.written(out.finish()))
}

// === impl Writer ===

impl Writer<'_> {
    fn number(&mut self, out: &mut Out, field: &'static str, number: Option<&Json<'_>>) {
        if let Some(number) = number.filter(|_| self.notes.may(field)) {
            out.json(field, number);
        }
    }

    fn tools(&mut self, out: &mut Out, request: &Request<'_>) -> Result<(), Uncarried> {
        if self.notes.without_tools(request) {
            return Ok(());
        }
        let functions = || request.tools.iter().filter(|tool| !matches!(tool, Tool::Search(_)));
        let search = request.tools.iter().find_map(|tool| match tool {
            Tool::Search(place) => Some(place),
            Tool::Function { .. } | Tool::Free { .. } => None,
        });
        if let Some(place) = search.filter(|_| self.notes.may("web_search_options")) {
            out.key("web_search_options");
            out.object(|out| {
                if let Some(place) = place {
                    out.key("user_location");
                    out.object(|out| {
                        out.word("type", "approximate");
                        out.json("approximate", place);
                    });
                }
            });
        }
        if functions().next().is_none() {
            return self.notes.no_tools(request);
        }
        out.key("tools");
        out.list(|out| functions().for_each(|tool| self.tool(out, tool)));
        self.choice(out, request)?;
        let Some(parallel) = request.parallel else { return Ok(()) };
        if request.choice == Some(Choice::None) {
            self.notes.losses.add(self.notes.parallel(), "dropped: no calls");
        } else if self.notes.may("parallel_tool_calls") {
            out.key("parallel_tool_calls");
            out.raw(if parallel { "true" } else { "false" });
        }
        Ok(())
    }

    fn tool(&mut self, out: &mut Out, tool: &Tool<'_>) {
        match tool {
            Tool::Function { name, description, schema, strict } => out.object(|out| {
                out.word("type", "function");
                out.key("function");
                out.object(|out| {
                    out.word("name", &self.name(name));
                    if let Some(description) = description {
                        out.text("description", description);
                    }
                    if let Some(schema) = schema {
                        out.json("parameters", schema);
                    }
                    self.strict(out, strict.as_ref(), schema.as_ref());
                });
            }),
            Tool::Free { name, description, grammar } => out.object(|out| {
                out.word("type", "custom");
                out.key("custom");
                out.object(|out| {
                    out.word("name", &self.name(name));
                    if let Some(description) = description {
                        out.text("description", description);
                    }
                    if let Some(grammar) = grammar {
                        out.json("format", grammar);
                    }
                });
            }),
            Tool::Search(_) => {}
        }
    }

    fn strict(&mut self, out: &mut Out, strict: Option<&Json<'_>>, schema: Option<&Json<'_>>) {
        let Some(strict) = strict.filter(|_| self.notes.may("strict")) else { return };
        if strict.as_str() == "true" && !schema::is_strict(schema.map_or("{}", Json::as_str)) {
            self.notes
                .losses
                .add("tools[].strict", "dropped: Chat takes only closed schemas strictly");
        } else {
            out.json("strict", strict);
        }
    }

    /// A tool's name as the target takes it.
    fn name(&mut self, name: &Text<'_>) -> String {
        self.notes.alias(NAMES, name, false)
    }

    fn choice(&mut self, out: &mut Out, request: &Request<'_>) -> Result<(), Uncarried> {
        let Some(choice) = &request.choice else { return Ok(()) };
        if let Choice::Named(name) = choice
            && !request.tools.iter().any(|tool| tool.name() == Some(name))
        {
            return Err(Uncarried::new("tool_choice", "the tool that it names cannot be offered"));
        }
        if !self.notes.may_choose(request)? {
            return Ok(());
        }
        out.key("tool_choice");
        match choice {
            Choice::Auto => out.joined(&["auto"]),
            Choice::None => out.joined(&["none"]),
            Choice::Any => out.joined(&["required"]),
            Choice::Named(name) => {
                let name = self.name(name);
                out.object(|out| named(out, &name));
            }
            Choice::Subset { names, must } => out.object(|out| {
                out.word("type", "allowed_tools");
                out.key("allowed_tools");
                out.object(|out| {
                    out.word("mode", if *must { "required" } else { "auto" });
                    out.key("tools");
                    out.list(|out| {
                        for name in names {
                            let name = self.name(name);
                            out.object(|out| named(out, &name));
                        }
                    });
                });
            }),
        }
        Ok(())
    }

    /// The limit of the answer's length, under the name that the target knows.
    fn length(&mut self, out: &mut Out, max_tokens: Option<&Json<'_>>) {
        let Some(max_tokens) = max_tokens else { return };
        let learned = self.notes.target.repairs.iter().find_map(|repair| match repair {
            Repair::TokenField(field) => Some(*field),
            Repair::Plain
            | Repair::Without(_)
            | Repair::MaxTokens(_)
            | Repair::SystemAsUser
            | Repair::Unsealed
            | Repair::Unprefilled => None,
        });
        let field = match learned.unwrap_or(self.notes.target.quirks.tokens) {
            TokenField::MaxTokens => "max_tokens",
            TokenField::MaxCompletionTokens => "max_completion_tokens",
        };
        self.notes.wrote(field);
        out.key(field);
        match self.notes.target.cut(max_tokens) {
            Some(limit) => {
                self.notes.losses.add("max_tokens", "cut to the model's limit");
                out.raw(&limit.to_string());
            }
            None => out.raw(max_tokens.as_str()),
        }
    }

    fn stops(&mut self, out: &mut Out, stops: &[Text<'_>]) {
        if stops.is_empty() || !self.notes.may("stop") {
            return;
        }
        if STOPS_MAX < stops.len() {
            self.notes.losses.add("stop_sequences", "the first 4");
        }
        out.key("stop");
        out.list(|out| {
            stops.iter().take(STOPS_MAX).for_each(|stop| out.joined(&[stop.as_str()]));
        });
    }

    /// Chat has one word for how much a model thinks.
    fn thinking(&mut self, out: &mut Out, request: &Request<'_>) {
        let thinking = request.thinking.as_ref();
        if thinking.is_some_and(|Thinking { display, .. }| display.is_some()) {
            self.notes.losses.add("thinking.display", "dropped");
        }
        let effort = request.effort.as_ref().map(Text::as_str);
        let effort = match (thinking.map(|it| &it.form), effort) {
            (Some(ThinkingForm::Off), effort) => {
                if effort.is_some() {
                    self.notes.losses.add("output_config.effort", "dropped: thinking is off");
                }
                Some("none")
            }
            (Some(ThinkingForm::Budget(budget)), None) => {
                self.notes.losses.add("thinking.budget_tokens", "as an effort");
                Some(effort_of(budget))
            }
            (Some(ThinkingForm::Budget(_)), effort) => {
                self.notes.losses.add("thinking.budget_tokens", "dropped: the effort says it");
                effort
            }
            (Some(ThinkingForm::BetweenTools), effort) => {
                self.notes.losses.add("thinking.type", "between_tools as adaptive");
                effort
            }
            // To think as it likes is what a model does that is told nothing.
            (Some(ThinkingForm::Adaptive) | None, effort) => effort,
        };
        if let Some(effort) = effort.filter(|_| self.notes.may("reasoning_effort")) {
            out.word("reasoning_effort", effort);
        }
    }

    fn format(&mut self, out: &mut Out, format: Option<&Format<'_>>) -> Result<(), Uncarried> {
        let Some(format) = format else { return Ok(()) };
        if !self.notes.may("response_format") {
            let why = "the model refuses to answer in a form";
            return Err(Uncarried::new("output_config.format", why));
        }
        out.key("response_format");
        match format {
            Format::Object => out.object(|out| out.word("type", "json_object")),
            Format::Schema { name, description, schema, strict } => out.object(|out| {
                out.word("type", "json_schema");
                out.key("json_schema");
                out.object(|out| {
                    out.word("name", name.as_ref().map_or("answer", Text::as_str));
                    if let Some(description) = description {
                        out.text("description", description);
                    }
                    let strict = strict.as_ref().map(Json::as_str);
                    if strict == Some("true") && !schema::is_strict(schema.as_str()) {
                        self.notes.losses.add("output_config.format.schema", "not strictly");
                    } else if let Some(strict) = strict {
                        out.key("strict");
                        out.raw(strict);
                    }
                    out.json("schema", schema);
                });
            }),
        }
        Ok(())
    }

    fn account(&mut self, out: &mut Out, request: &Request<'_>) {
        match &request.user {
            Some(user) if USER_MAX < user.as_str().len() => {
                self.notes.losses.add("metadata.user_id", "dropped: it is longer than Chat takes");
            }
            Some(user) if self.notes.may("user") => out.text("user", user),
            Some(_) | None => {}
        }
        if let Some(tier) = request.tier.as_ref().filter(|_| self.notes.may("service_tier")) {
            out.text("service_tier", tier);
        }
    }

    fn stream(&mut self, out: &mut Out) {
        if !self.notes.target.stream {
            return;
        }
        self.notes.wrote("stream");
        out.key("stream");
        out.raw("true");
        // It is ours to ask for, and no loss where it is refused.
        if self.notes.target.quirks.usage == UsageFlag::OnRequest
            && !self.notes.target.refuses("stream_options")
        {
            self.notes.wrote("stream_options");
            out.key("stream_options");
            out.raw(r#"{"include_usage":true}"#);
        }
    }
}

fn named(out: &mut Out, name: &str) {
    out.word("type", "function");
    out.key("function");
    out.object(|out| out.word("name", name));
}

/// The effort that comes nearest to a budget of thinking tokens.
fn effort_of(budget: &Json<'_>) -> &'static str {
    match budget.as_str().parse::<f64>().unwrap_or(0.0) {
        few if few < 4096.0 => "low",
        some if some < 16384.0 => "medium",
        _ => "high",
    }
}
