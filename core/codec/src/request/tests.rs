//! Requests that cross, case by case: `tests/data/requests`, and what they become in `tests/golden`.

use super::{Target, cross};
use crate::proof::{golden, seeds};
use crate::seal::{Origin, wrap};
use ir::{Crossable, Prefill, Quirks, Repair, Thinks, TokenField, Traits, UsageFlag};
use std::fmt::Write as _;

mod fields;
mod many;
mod mistyped;
mod round;

/// The target of the cases.
pub(super) const OWN: &str = "there/model";

/// A provider of which nothing is known.
pub(super) fn quirks(dialect: Crossable) -> Quirks {
    Quirks {
        name: "there",
        dialect: dialect.dialect(),
        responses: false,
        base_url: "",
        env: &[],
        auth: ir::Auth::Bearer,
        prefill: Prefill::No,
        below: &[],
        tokens: TokenField::MaxTokens,
        usage: UsageFlag::OnRequest,
        echo: None,
        system_turns: true,
        codes: &[],
        status_page: "",
        local: false,
        verified_on: "",
    }
}

/// A case: its name, its options, its request.
#[derive(Debug)]
struct Case<'a> {
    name: &'a str,
    options: Vec<&'a str>,
    body: String,
}

fn cases(text: &str) -> Vec<Case<'_>> {
    let cases = text.split("\n=== ").skip(1).map(|case| {
        let (head, body) = case.split_once('\n').expect("a head and a body");
        let (name, options) = head.split_once(" [").unwrap_or((head, "]"));
        let options = options.trim_end_matches(']');
        Case { name, options: options.split(", ").collect(), body: sealed(body.trim()) }
    });
    cases.collect()
}

/// `{own:TEXT}` is a seal of the target, `{other:TEXT}` one of another.
fn sealed(body: &str) -> String {
    let mut body = body.to_owned();
    for (word, target) in [("{own:", OWN), ("{other:", "elsewhere/model")] {
        while let Some(start) = body.find(word) {
            // The text may hold braces: it ends where a string's end follows.
            let end = start + body[start..].find("}\"").expect("an end of the seal");
            let text = body[start + word.len()..end].to_owned();
            body.replace_range(start..=end, &wrap(Origin::of(target), &text));
        }
    }
    body
}

/// What a case asks the target to be.
fn crossed(from: Crossable, case: &Case<'_>) -> String {
    let to = if from == Crossable::Chat { Crossable::Messages } else { Crossable::Chat };
    let mut quirks = quirks(to);
    let mut traits = Traits { max_tokens: 32000, thinks: Thinks::Adaptive };
    let mut repairs = Vec::new();
    let mut stream = false;
    for option in &case.options {
        match option.split_once(' ').unwrap_or((option, "")) {
            ("", _) => {}
            ("compatible", _) => quirks.system_turns = false,
            ("budget", _) => traits.thinks = Thinks::Budget,
            ("thoughtless", _) => traits.thinks = Thinks::No,
            ("as-user", _) => repairs.push(Repair::SystemAsUser),
            ("without", field) => repairs.push(Repair::Without(field.to_owned().leak())),
            ("max", limit) => repairs.push(Repair::MaxTokens(limit.parse().expect("a number"))),
            ("other-tokens", _) => {
                repairs.push(Repair::TokenField(TokenField::MaxCompletionTokens));
            }
            ("openai", _) => quirks.tokens = TokenField::MaxCompletionTokens,
            ("echo", _) => quirks.echo = Some("reasoning_content"),
            ("prefill", _) => quirks.prefill = Prefill::Native,
            ("prefix", _) => quirks.prefill = Prefill::Field("prefix"),
            ("stream", _) => stream = true,
            (other, _) => panic!("an unknown option {other:?} of {:?}", case.name),
        }
    }
    let origin = Origin::of(OWN);
    let target = Target {
        dialect: to,
        quirks: &quirks,
        model: "model",
        traits,
        origin,
        stream,
        repairs: &repairs,
    };
    told(from, case.body.as_bytes(), &target)
}

/// What became of a request, in lines.
fn told(from: Crossable, body: &[u8], target: &Target<'_>) -> String {
    let written = match cross(from, body, target) {
        Ok(written) => written,
        Err(refused) => return format!("refused: {refused}\n"),
    };
    serde_json::from_str::<serde_json::Value>(&written.body).expect("JSON");
    let mut text = format!("{}\n", written.body);
    for loss in written.losses.iter() {
        writeln!(text, "lost: {loss}").expect("a string");
    }
    for alias in &written.aliases {
        writeln!(text, "alias: {alias:?}").expect("a string");
    }
    let current = written.version.filter(|version| *version != "2026-10-21");
    for header in [current, written.beta].into_iter().flatten() {
        writeln!(text, "header: {header}").expect("a string");
    }
    text
}

#[test]
fn every_case_crosses_as_written_down() {
    for (from, name, cases_of) in [
        (Crossable::Chat, "chat", include_str!("../../tests/data/requests/chat.txt")),
        (Crossable::Messages, "messages", include_str!("../../tests/data/requests/messages.txt")),
    ] {
        let mut text = String::new();
        for case in cases(cases_of) {
            writeln!(text, "=== {}\n{}", case.name, crossed(from, &case)).expect("a string");
        }
        golden(&format!("requests/{name}.txt"), &text);
    }
}

/// The seeds of the fuzz target, whose first byte is its options.
#[test]
fn seeds_replay() {
    for (name, input) in seeds("request") {
        for (from, to) in
            [(Crossable::Chat, Crossable::Messages), (Crossable::Messages, Crossable::Chat)]
        {
            let quirks = quirks(to);
            let traits = Traits { max_tokens: 32000, thinks: Thinks::Adaptive };
            let target = Target {
                dialect: to,
                quirks: &quirks,
                model: "model",
                traits,
                origin: Origin::of(OWN),
                stream: true,
                repairs: &[],
            };
            if let Ok(written) = cross(from, &input[1..], &target) {
                let head = crate::read_head(to.dialect(), written.body.as_bytes());
                assert!(head.is_ok_and(|head| head.stream), "{name}");
            }
        }
    }
}
