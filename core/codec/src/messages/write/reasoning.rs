//! How much a model shall think, and in which form it shall answer.

use super::Writer;
use crate::request::round::{Spoken, Thought, round};
use crate::request::schema;
use crate::request::{Out, Uncarried, is_forced};
use ir::Thinks;
use ir::request::{Format, Json, Part, Request, Role, Text, ThinkingForm};

/// What a budget is for an effort, in tokens. At least 1024, and less than `max_tokens`
/// (<https://docs.claude.com/en/docs/build-with-claude/extended-thinking>).
const BUDGETS: &[(&str, u64)] =
    &[("low", 2048), ("medium", 8192), ("high", 16384), ("xhigh", 24576), ("max", 32000)];

/// The smallest budget there is.
const BUDGET_MIN: u64 = 1024;

// === impl Writer ===

impl Writer<'_> {
    /// Writes `thinking` and `output_config`. Whether the model is asked to think.
    pub(super) fn thinking(
        &mut self,
        out: &mut Out,
        request: &Request<'_>,
    ) -> Result<bool, Uncarried> {
        let form = request.thinking.as_ref().map(|thinking| &thinking.form);
        let effort = request.effort.as_ref().map(Text::as_str);
        let effort = match effort {
            Some("minimal") => {
                self.notes.losses.add("reasoning_effort", "minimal as low");
                Some("low")
            }
            effort => effort,
        };
        let asked = effort.is_some() || form.is_some_and(|form| *form != ThinkingForm::Off);
        let off = form == Some(&ThinkingForm::Off);
        let obstacle = if is_forced(request) {
            Some("dropped: not beside a forced call")
        } else if self.notes.target.traits.thinks == Thinks::No {
            Some("dropped: the model does not think")
        } else if self.notes.target.traits.thinks == Thinks::Budget && is_mid_round(self, request) {
            Some("dropped: the thinking behind the last calls is another's")
        } else {
            None
        };
        if let Some(fate) = obstacle.filter(|_| asked && !off) {
            self.notes.losses.add("reasoning_effort", fate);
        }
        let mut thinks = asked && !off && obstacle.is_none() && self.notes.may("thinking");
        let adaptive = self.notes.target.traits.thinks == Thinks::Adaptive;
        if thinks && !adaptive {
            thinks = self.budget(out, request, effort);
        } else if thinks {
            out.key("thinking");
            out.object(|out| self::form(out, form, request));
        } else if off && self.notes.target.traits.thinks != Thinks::No && self.notes.may("thinking")
        {
            out.key("thinking");
            out.object(|out| out.word("type", "disabled"));
        }
        let effort =
            effort.filter(|_| thinks && adaptive && self.notes.may("output_config.effort"));
        self.output(out, effort, request.format.as_ref())?;
        Ok(thinks)
    }

    /// Older models think up to a number of tokens. Whether there is room for any.
    fn budget(&mut self, out: &mut Out, request: &Request<'_>, effort: Option<&str>) -> bool {
        let of = |effort: &str| BUDGETS.iter().find(|(word, _)| *word == effort);
        let budget = of(effort.unwrap_or("high")).map_or(8192, |(_, budget)| *budget);
        let limit = request.max_tokens.as_ref().map(Json::as_str).and_then(|it| it.parse().ok());
        let limit = limit.unwrap_or(self.notes.target.traits.max_tokens);
        // The rest is for the answer itself.
        let budget = budget.min(limit / 2);
        if budget < BUDGET_MIN {
            self.notes.losses.add("reasoning_effort", "dropped: the answer's limit leaves no room");
            return false;
        }
        self.notes.losses.add("reasoning_effort", "as a budget of tokens");
        out.key("thinking");
        out.object(|out| {
            out.word("type", "enabled");
            out.key("budget_tokens");
            out.raw(&budget.to_string());
        });
        true
    }

    fn output(
        &mut self,
        out: &mut Out,
        effort: Option<&str>,
        format: Option<&Format<'_>>,
    ) -> Result<(), Uncarried> {
        let schema = match format {
            Some(Format::Schema { name, description, schema, strict }) => {
                if name.is_some() || description.is_some() {
                    self.notes.losses.add("response_format.json_schema.name", "dropped");
                }
                if strict.as_ref().is_none_or(|strict| strict.as_str() != "true") {
                    self.notes.losses.add("response_format.json_schema.strict", "strictly");
                }
                if !self.notes.may("output_config.format") {
                    let why = "the model refuses to answer in a form";
                    return Err(Uncarried::new("response_format", why));
                }
                Some(schema)
            }
            // It is told as a system text.
            Some(Format::Object) | None => None,
        };
        if effort.is_none() && schema.is_none() {
            return Ok(());
        }
        out.key("output_config");
        out.object(|out| {
            if let Some(effort) = effort {
                out.word("effort", effort);
            }
            if let Some(schema) = schema {
                out.key("format");
                out.object(|out| {
                    out.word("type", "json_schema");
                    let closed = schema::closed(schema.as_str());
                    if closed != schema.as_str() {
                        self.notes.losses.add("response_format.json_schema.schema", "closed");
                    }
                    out.key("schema");
                    out.raw(&closed);
                });
            }
        });
        Ok(())
    }
}

fn form(out: &mut Out, form: Option<&ThinkingForm<'_>>, request: &Request<'_>) {
    match form {
        Some(ThinkingForm::Budget(budget)) => {
            out.word("type", "enabled");
            out.json("budget_tokens", budget);
        }
        Some(ThinkingForm::BetweenTools) => out.word("type", "between_tools"),
        Some(ThinkingForm::Adaptive | ThinkingForm::Off) | None => {
            out.word("type", "adaptive");
        }
    }
    if let Some(display) = request.thinking.as_ref().and_then(|it| it.display.as_ref()) {
        out.text("display", display);
    }
}

/// The conversation ends in a round of calls, and the thinking that led to them is not ours to give back: a
/// model with a budget refuses to go on thinking. A caller of another dialect may know of none, so that
/// a round that begins without has lost it.
fn is_mid_round(writer: &Writer<'_>, request: &Request<'_>) -> bool {
    let spoken = request.turns.iter().map(|turn| match turn.role {
        Role::System => Spoken::Operator,
        Role::User => {
            let results = turn.parts.iter().any(|part| matches!(part, Part::Result { .. }));
            Spoken::User { results }
        }
        Role::Assistant => {
            let is_thought =
                |part: &&Part<'_>| matches!(part, Part::Think { .. } | Part::Sealed(_));
            let is_lost = |part: &Part<'_>| is_thought(&part) && !writer.is_own(part);
            let first = turn.parts.iter().find(|part| !is_lost(part));
            let begins = first.as_ref().is_some_and(is_thought);
            Spoken::Model(Thought { begins, lost: turn.parts.iter().any(is_lost) })
        }
    });
    round(spoken).is_some_and(|round| !round.first.begins || round.ends_without(false))
}
