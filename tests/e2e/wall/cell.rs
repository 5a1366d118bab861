//! One cell of the wall: a request, what its caller saw, and whether that is right.

use super::Pair;
use super::bytes::Envelope;
use super::chain::dish;
use super::rows::Told;
use super::site::{Place, Site};
use crate::table;
use crate::world::{Heard, Request, Said, path};
use drill::provider::{Dish, Fault, Plain, Stage, text_of};
use ir::{Dialect, Ending, Record, Shape, Usage};
use serde_json::{Value, json};
use std::fmt;
use std::time::Duration;

/// A cell that was asked.
#[derive(Debug)]
pub(super) struct Cell {
    pub(super) pair: Pair,
    shape: Shape,
    pub(super) place: Place,
    heard: Heard,
    said: Result<Said, String>,
    envelope: Result<Envelope, String>,
    record: Record,
}

/// What a caller got.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Got {
    /// All of it.
    Whole,
    /// A beginning, and one error.
    Beginning,
    /// One error, and nothing else.
    Error,
}

/// A request that was made.
pub(super) struct Asked {
    pub(super) place: Place,
    pub(super) number: usize,
    heard: Heard,
}

// === impl Asked ===

impl Asked {
    /// Asks for what stands at a place.
    pub(super) async fn ask(
        site: &Site,
        number: usize,
        place: Place,
        how: (Dialect, Shape),
    ) -> Self {
        let request = request(number, how);
        let stale = matches!(place.trouble.fault(), Some(Fault::Plain(Plain::Stale)));
        if stale {
            // Stale is a connection that was used.
            assert_eq!(site.world.hear(&request).await.status, 200);
        }
        Self { place, number, heard: site.world.hear(&request).await }
    }
}

fn request(number: usize, (dialect, shape): (Dialect, Shape)) -> Request {
    let schema = json!({"type": "object"});
    let tool = match dialect {
        Dialect::Chat => json!({"type": "function",
            "function": {"name": "get_weather", "parameters": schema}}),
        Dialect::Messages => json!({"name": "get_weather", "input_schema": schema}),
        Dialect::Responses => {
            json!({"type": "function", "name": "get_weather", "parameters": schema, "strict": false})
        }
    };
    let (say, limit) = match dialect {
        Dialect::Chat | Dialect::Messages => ("messages", "max_tokens"),
        Dialect::Responses => ("input", "max_output_tokens"),
    };
    let body = json!({
        "model": number.to_string(),
        limit: 1024,
        "stream": shape == Shape::Stream,
        say: [{"role": "user", "content": "say the words"}],
        "tools": [tool],
    });
    Request::post(path(dialect), body.to_string()).header("anthropic-version", "2023-06-01")
}

// === impl Cell ===

impl Cell {
    pub(super) fn new(pair: Pair, shape: Shape, asked: Asked, record: Record) -> Self {
        let Asked { place, heard, .. } = asked;
        let streams = shape == Shape::Stream && heard.status == 200;
        let read = if heard.status == 200 { shape } else { Shape::Whole };
        Self {
            pair,
            shape,
            said: Said::read(pair.caller, read, &heard.body),
            envelope: if streams {
                Envelope::read(pair.caller, &heard.body)
            } else {
                Ok(Envelope::default())
            },
            place,
            heard,
            record,
        }
    }

    pub(super) fn got(&self) -> Got {
        match &self.said {
            Ok(said) if said.is_complete() => Got::Whole,
            Ok(said) if said.ended || said.error.is_some() => Got::Beginning,
            Ok(_) | Err(_) => Got::Error,
        }
    }

    /// How many times it was gone on with.
    pub(super) fn seams(&self) -> usize {
        self.envelope.as_ref().map_or(0, |it| it.seams.len())
    }

    /// Whether it was cut after its caller had seen something of it.
    pub(super) fn was_cut(&self) -> bool {
        0 < self.seams() || self.got() == Got::Beginning
    }

    /// How those went on who were asked to and did, in order.
    pub(super) fn ways(&self) -> Vec<&'static str> {
        let Some(served) = self.envelope.as_ref().ok().and_then(|it| it.served.as_ref()) else {
            return Vec::new();
        };
        let targets = served.iter().skip(1).filter_map(|it| it["target"].as_str());
        let mut attempts = self.record.attempts.iter().rev();
        let mut ways: Vec<_> = targets
            .rev()
            .filter_map(|target| attempts.find(|it| *it.target == *target)?.way)
            .collect();
        ways.reverse();
        ways
    }

    /// Whether somebody of the chain should go on: an answer is gone on with twice.
    pub(super) fn is_hopeful(&self) -> bool {
        let hopeful = self.place.chain.is_some_and(|chain| chain.is_hopeful());
        hopeful && !self.was_cut_thrice() && self.place.trouble.told() != Told::Enough
    }

    /// Whether it was cut a third time, which is once too often.
    pub(super) fn was_cut_thrice(&self) -> bool {
        1 < self.seams() && self.got() == Got::Beginning
    }

    /// From the last of what was delivered to the first of what follows, where it was not waited for.
    pub(super) fn delay(&self) -> Option<Duration> {
        let at = *self.envelope.as_ref().ok()?.seams.first()?;
        if self.place.trouble.signal() != table::Signal::Heard {
            return None;
        }
        let before = self.heard.pieces.iter().rev().find(|piece| piece.end <= at)?;
        let behind = self.heard.pieces.iter().find(|piece| at < piece.end)?;
        Some(behind.at - before.at)
    }

    /// What is wrong with it.
    pub(super) fn wrong(&self) -> Option<String> {
        let checks = [Self::heard_right, Self::said_right, Self::told_right, Self::recorded_right];
        let wrong = checks.into_iter().find_map(|check| check(self).err())?;
        let text = self.heard.text();
        Some(format!("{self}\n  {wrong}\n  {text:?}\n  {:?}\n", self.record))
    }

    fn dish(&self) -> Dish {
        dish(&self.place.trouble)
    }

    /// It ended by its framing, and can be read by whoever reads strictly.
    fn heard_right(&self) -> Result<(), String> {
        ensure(self.heard.whole, "the connection broke")?;
        self.envelope.as_ref().map_err(Clone::clone)?;
        if self.heard.status != 200 {
            let empty = self.heard.body.is_empty();
            return ensure(empty || self.heard.json().get("error").is_some(), "no error");
        }
        self.said.as_ref().map(drop).map_err(Clone::clone)
    }

    /// All of it, or a beginning that says it is none, or the refusal of what is the caller's own.
    fn said_right(&self) -> Result<(), String> {
        let stage = self.place.trouble.stage();
        match self.got() {
            Got::Whole => self.whole_right(),
            Got::Beginning => {
                let before = stage == Stage::BeforeContent || self.shape == Shape::Whole;
                ensure(!before, "a failure that could be hidden")?;
                ensure(!self.is_harmless(), "a failure of nobody")?;
                self.beginning_right()
            }
            Got::Error => {
                let hopeless = stage == Stage::AfterContent && !self.is_hopeful();
                let hopeless = hopeless && !self.is_harmless();
                ensure(stage == Stage::CallersOwn || hopeless, "nobody served")?;
                let asked = self.record.attempts.iter().filter(|it| it.target.starts_with('a'));
                ensure(asked.count() == 1 || stage != Stage::CallersOwn, "refused more than once")
            }
        }
    }

    /// Its trouble comes to nothing: an answer that is slow, or ends oddly, is an answer.
    fn is_harmless(&self) -> bool {
        let fault = self.place.trouble.fault();
        fault.is_some_and(|fault| {
            fault.stage() == Stage::AfterContent
                && fault.is_complete()
                && self.place.trouble.told() == Told::Enough
        })
    }

    fn whole_right(&self) -> Result<(), String> {
        let said = self.said.as_ref().map_err(Clone::clone)?;
        let big = matches!(self.place.trouble.fault(), Some(Fault::BigAnswer(_)));
        let text = self.text();
        ensure(big || said.text == text, format!("not the text: {:?}", said.text))?;
        let (all, got) = (self.calls(), calls(said)?);
        let fewer = self.place.chain.is_some_and(|chain| chain.gives_up_calls());
        let fewer = fewer && self.ways().contains(&"calls");
        ensure(got == all || fewer && all.starts_with(&got), format!("not the calls: {got:?}"))?;
        let finish = said.finish.as_deref().unwrap_or_default();
        let finishes = match (self.pair.caller, got.is_empty()) {
            (Dialect::Chat, true) => "stop",
            (Dialect::Chat, false) => "tool_calls",
            (Dialect::Messages, true) => "end_turn",
            (Dialect::Messages, false) => "tool_use",
            (Dialect::Responses, _) => "completed",
        };
        ensure(finish == finishes, format!("it finishes with {finish}"))
    }

    fn beginning_right(&self) -> Result<(), String> {
        let said = self.said.as_ref().map_err(Clone::clone)?;
        ensure(said.error.is_some() && !said.ended, "no honest end")?;
        // Half a letter was delivered where it was cut within one.
        let text = said.text.trim_end_matches(char::REPLACEMENT_CHARACTER);
        ensure(self.text().starts_with(text), format!("not a beginning: {:?}", said.text))?;
        let got = calls(said)?;
        ensure(self.calls().starts_with(&got), format!("not the first calls: {got:?}"))
    }

    /// What everybody says.
    fn text(&self) -> String {
        let dish = self.dish();
        if dish.text || dish.tools == 0 {
            text_of(&dish, "", 0, dish.tokens)
        } else {
            String::new()
        }
    }

    /// What everybody calls.
    fn calls(&self) -> Vec<Value> {
        let call = |n| json!({"number": n, "city": "Oslo", "unit": "celsius"});
        (0..self.dish().tools).map(call).collect()
    }

    /// Who had a part in it is told, where several had.
    fn told_right(&self) -> Result<(), String> {
        let envelope = self.envelope.as_ref().map_err(Clone::clone)?;
        let (seams, whole) = (self.seams(), self.got() == Got::Whole);
        let parts = envelope.served.as_ref().map_or(0, Vec::len);
        let expected = if 0 < seams && whole { seams + 1 } else { 0 };
        ensure(parts == expected, format!("{parts} parts and {seams} seams"))?;
        let outcome = |it: &Value| it["outcome"].as_str().unwrap_or_default().to_owned();
        let outcomes: Vec<_> = envelope.served.iter().flatten().map(outcome).collect();
        let (last, cut) = outcomes.split_last().unzip();
        ensure(last.is_none_or(|it| it == "ok"), "the last part did not end well")?;
        ensure(!cut.unwrap_or_default().contains(&"ok".to_owned()), "a part that was not cut")?;
        let comments = self.said.iter().flat_map(|said| &said.comments);
        let comments = comments.filter(|it| it.starts_with("backstop")).count();
        // Before an error of ours one more says who was asked.
        let errors = usize::from(self.got() == Got::Beginning);
        ensure((seams..=seams + errors).contains(&comments), "a comment too many")
    }

    fn recorded_right(&self) -> Result<(), String> {
        let Record { ending, seams, attempts, usage, .. } = &self.record;
        let endings: &[Ending] = match self.got() {
            Got::Whole => &[Ending::Answered],
            Got::Beginning => &[Ending::Broken],
            Got::Error => &[Ending::Rejected, Ending::Failed],
        };
        ensure(endings.contains(ending), format!("recorded as {ending:?}"))?;
        ensure(usize::try_from(*seams) == Ok(self.seams()), format!("{seams} seams recorded"))?;
        let ways = attempts.iter().filter(|it| it.way.is_some()).count();
        ensure(self.seams() <= ways, "a seam without a way")?;
        ensure(ways == 0 || self.was_cut(), "a way without a cut")?;
        if self.seams() == 0 || self.got() != Got::Whole {
            return Ok(());
        }
        ensure(matches!(usage, Usage::Estimated(_)), "usage that was not estimated")?;
        let envelope = self.envelope.as_ref().map_err(Clone::clone)?;
        // Where the last one did not say what it used, Messages is told zeros.
        let known = attempts.last().is_some_and(|last| last.usage != Usage::Unknown);
        let told = envelope.output.filter(|_| known);
        let same = told.is_none_or(|told| told == usage.tokens().output);
        ensure(same, format!("{told:?} tokens told, {usage:?} recorded"))?;
        let parts = envelope.served.iter().flatten();
        let estimated = |it: &Value| it["output_tokens_estimated"].as_u64();
        let (cut, last): (Vec<_>, Vec<_>) = parts.map(estimated).partition(Option::is_some);
        ensure(cut.len() == self.seams() && last.len() == 1, "a part that is not estimated")
    }
}

/// The arguments of its calls.
fn calls(said: &Said) -> Result<Vec<Value>, String> {
    let read = |(_, arguments): &(String, String)| serde_json::from_str(arguments);
    said.tools.iter().map(read).collect::<Result<_, _>>().map_err(|error| error.to_string())
}

fn ensure(good: bool, why: impl Into<String>) -> Result<(), String> {
    if good { Ok(()) } else { Err(why.into()) }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let chain = self.place.chain.map(|chain| chain.name()).unwrap_or_default();
        let (trouble, pair, shape) = (self.place.trouble.name(), self.pair, self.shape.name());
        write!(f, "{pair} {shape} | {trouble} | {chain} | {:?}", self.got())
    }
}
