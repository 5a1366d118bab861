//! One value: its type, its unit, its range.
//!
//! **Invariant:** what a string says is not shown: it may be a secret in the wrong place.

use super::Given;
use crate::near;
use crate::problem::Findings;
use crate::schema::Kind;
use crate::unit;
use std::ops::RangeInclusive;
use std::time::Duration;
use toml_span::Value;
use toml_span::value::ValueInner;

/// What is wrong and what to do.
type Fault = (String, String);

/// Reads a value as its kind; reports and gives nothing where it does not fit.
pub(super) fn read(
    kind: &Kind,
    path: &str,
    value: &Value<'_>,
    findings: &mut Findings<'_>,
) -> Option<Given> {
    if let Kind::Texts(_) = kind {
        return texts(path, value, findings);
    }
    match one(kind, value) {
        Ok(given) => Some(given),
        Err((what, hint)) => {
            findings.problem(value.span.start, path, what, hint);
            None
        }
    }
}

fn one(kind: &Kind, value: &Value<'_>) -> Result<Given, Fault> {
    match *kind {
        Kind::Text(_) | Kind::Texts(_) => text(value).map(|text| Given::Text(text.to_owned())),
        Kind::Flag => match value.as_bool() {
            Some(flag) => Ok(Given::Flag(flag)),
            None => Err(wrong(value, "true or false", "without quotes")),
        },
        Kind::Time(from, to) => {
            let text = unit_text(value, "a duration", "s")?;
            let time = unit::duration(text).map_err(|hint| ("not a duration".to_owned(), hint))?;
            let show = |millis| unit::show_duration(Duration::from_millis(millis));
            let range = Duration::from_millis(from)..=Duration::from_millis(to);
            within(time, range, || format!("from {} to {}", show(from), show(to))).map(Given::Time)
        }
        Kind::Size(from, to) => {
            let text = unit_text(value, "a size", "MiB")?;
            let size = unit::size(text).map_err(|hint| ("not a size".to_owned(), hint))?;
            let show = unit::show_size;
            within(size, from..=to, || format!("from {} to {}", show(from), show(to)))
                .map(Given::Size)
        }
        Kind::Count(from, to) => {
            let Some(number) = value.as_integer() else {
                return Err(wrong(value, "a whole number", "without quotes"));
            };
            let range = || format!("from {from} to {to}");
            let number = within(number, from.into()..=to.into(), range)?;
            Ok(Given::Count(u32::try_from(number).unwrap_or(to)))
        }
        Kind::Number(from, to) => {
            let Some(number) = number(value) else {
                return Err(wrong(value, "a number", "without quotes"));
            };
            within(number, from..=to, || format!("from {from} to {to}")).map(Given::Number)
        }
        Kind::Word { now, later } => word(text(value)?, now, later).map(Given::Word),
        // Read as a section, never as a value.
        Kind::Deadlines => Err(wrong(value, "a table", "write { connect = \"3s\" }")),
    }
}

fn text<'a>(value: &'a Value<'_>) -> Result<&'a str, Fault> {
    value.as_str().ok_or_else(|| wrong(value, "a string", "put it in double quotes"))
}

/// The string of a value with a unit; a bare number gets told how to write it.
fn unit_text<'a>(value: &'a Value<'_>, wanted: &str, unit: &str) -> Result<&'a str, Fault> {
    value.as_str().ok_or_else(|| {
        let hint = match value.as_integer() {
            Some(number) => format!("say which unit: \"{number}{unit}\""),
            None => format!("write \"10{unit}\""),
        };
        wrong(value, wanted, &hint)
    })
}

/// A float, or an integer that a float holds exactly.
fn number(value: &Value<'_>) -> Option<f64> {
    value
        .as_float()
        .or_else(|| value.as_integer().and_then(|n| i32::try_from(n).ok()).map(f64::from))
}

fn word(text: &str, now: &[&'static str], later: &[(&str, &str)]) -> Result<&'static str, Fault> {
    if let Some(word) = now.iter().find(|word| **word == text) {
        return Ok(word);
    }
    match later.iter().find(|(word, _)| *word == text) {
        Some((word, hint)) => Err((format!("\"{word}\" is not in this version"), (*hint).into())),
        None => Err(("unknown value".to_owned(), near::did_you_mean(text, now))),
    }
}

fn within<T: PartialOrd>(
    value: T,
    range: RangeInclusive<T>,
    words: impl FnOnce() -> String,
) -> Result<T, Fault> {
    if range.contains(&value) {
        Ok(value)
    } else {
        Err(("out of range".to_owned(), format!("possible here: {}", words())))
    }
}

fn texts(path: &str, value: &Value<'_>, findings: &mut Findings<'_>) -> Option<Given> {
    let Some(array) = value.as_array() else {
        if let Some(text) = value.as_str() {
            return Some(Given::Texts(vec![(value.span.start, text.to_owned())]));
        }
        let (what, hint) = wrong(value, "a string or a list of strings", "quote it");
        findings.problem(value.span.start, path, what, hint);
        return None;
    };
    let mut all = Vec::new();
    let mut whole = true;
    for element in array {
        match text(element) {
            Ok(text) => all.push((element.span.start, text.to_owned())),
            Err((what, hint)) => {
                findings.problem(element.span.start, path, what, hint);
                whole = false;
            }
        }
    }
    whole.then_some(Given::Texts(all))
}

fn wrong(value: &Value<'_>, wanted: &str, hint: &str) -> Fault {
    let found = match value.as_ref() {
        ValueInner::String(_) => "a string",
        ValueInner::Integer(_) => "a whole number",
        ValueInner::Float(_) => "a number",
        ValueInner::Boolean(_) => "true or false",
        ValueInner::Array(_) => "a list",
        ValueInner::Table(_) => "a table",
    };
    (format!("expected {wanted}, found {found}"), hint.to_owned())
}
