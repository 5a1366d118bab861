//! Cloudflare's own page, its third version: `/api/v3/summary`.
//!
//! It lists some hundred places, a few of which are always being worked on. So where no component is
//! selected, the page as a whole is well if no incident is active, whatever single places say.

use serde_json::Value;

use super::format::Format;
use super::json::{each, label, list, moment, table, word};
use super::pages::Selection;
use super::reading::{About, Open, Part, Proven, Reading, Said, Unwell};
use super::statuspage::{COMPONENTS, INDICATOR};
use super::why::Why;

pub(super) fn read(value: &Value, selection: &Selection, now: u64) -> Result<Reading, Why> {
    let succeeded = value.get("success").and_then(Value::as_bool) == Some(true);
    let result = table(value, "result").ok_or(Why::Format(Format::Cloudflare))?;
    let components = list(result, "components").ok_or(Why::Format(Format::Cloudflare))?;
    let mark = Proven::by(&[
        succeeded,
        list(result, "active_incidents").is_some(),
        list(result, "active_maintenances").is_some(),
    ])
    .ok_or(Why::Format(Format::Cloudflare))?;
    if components.is_empty() {
        return Err(Why::Bare);
    }
    let updated = components.iter().filter_map(|it| moment(it, "updated_at")).max();
    let mut reading = Reading::new(updated, false, "");
    if selection.components.is_empty() {
        reading.whole = true;
        reading.log(mark);
    } else {
        let parts: Vec<Part<'_>> = components.iter().map(part).collect();
        reading.parts(&parts, selection, None)?;
    }
    for incident in each(result, "active_incidents") {
        let said = INDICATOR.impact(word(incident, "impact"));
        let counts = word(incident, "status") != Some("monitoring");
        reading.open(&open(incident, (said, counts), selection), now);
    }
    for planned in each(result, "active_maintenances") {
        let said = (Said::Unwell(Unwell::Maintenance), !reading.whole);
        reading.open(&open(planned, said, selection), now);
    }
    Ok(reading)
}

fn part(component: &Value) -> Part<'_> {
    Part {
        id: word(component, "id").unwrap_or_default(),
        name: word(component, "name").unwrap_or_default(),
        said: COMPONENTS.hear(word(component, "status")),
    }
}

/// By the ids of its components.
fn open<'v>(incident: &'v Value, (said, counts): (Said, bool), selection: &Selection) -> Open<'v> {
    let named = ["components", "affected_components"]
        .into_iter()
        .find_map(|key| list(incident, key).filter(|list| !list.is_empty()))
        .unwrap_or_default();
    let ours = |it: &Value| {
        let id = it.as_str().map(str::to_owned).or_else(|| label(it, "id"));
        id.is_some_and(|id| selection.has(&id))
    };
    let told = moment(incident, "created_at");
    Open {
        id: label(incident, "id").unwrap_or_default(),
        title: word(incident, "name").unwrap_or_default(),
        said,
        since: moment(incident, "starts_at").or(told),
        told,
        about: if selection.components.is_empty() || named.is_empty() {
            About::Unsaid
        } else if named.iter().any(ours) {
            About::Ours
        } else {
            About::Others
        },
        counts,
    }
}
