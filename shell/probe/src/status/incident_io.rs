//! incident.io in its own words: what its widgets ask for (`/api/v1/summary`), and what its pages ask
//! for (`/proxy/<host>`). Both list only what is not well.
//!
//! So well is: both lists of what is going on are there, and nothing in them is about what is used
//! here. The second is not documented, and has not changed since 2025.

use serde_json::Value;

use super::format::Format;
use super::json::{each, label, list, moment, table, word};
use super::pages::Selection;
use super::reading::{About, Open, Proven, Reading, Said, Unwell};
use super::statuspage::COMPONENTS;
use super::why::Why;

/// What widgets ask for.
pub(super) fn widget(value: &Value, selection: &Selection, now: u64) -> Result<Reading, Why> {
    let format = Format::IncidentIoWidget;
    let mark = Proven::by(&[
        list(value, "ongoing_incidents").is_some(),
        list(value, "in_progress_maintenances").is_some(),
        list(value, "scheduled_maintenances").is_some(),
    ])
    .ok_or(Why::Format(format))?;
    let mut reading = Reading::new(None, selection.components.is_empty(), "");
    for incident in each(value, "ongoing_incidents") {
        let about = going_on(incident, "current_status", selection, &mut reading, now);
        // The list is all that it says: what is not said of whom may be about us.
        if about == About::Unsaid && !reading.whole {
            let title = word(incident, "name").unwrap_or_default();
            reading.doubt(Why::Unattributed(super::foreign::sentence(title)));
        }
    }
    for planned in each(value, "in_progress_maintenances") {
        planned_work(planned, selection, &mut reading, now);
    }
    reading.log(mark);
    Ok(reading)
}

/// What its pages ask for.
pub(super) fn proxy(value: &Value, selection: &Selection, now: u64) -> Result<Reading, Why> {
    let format = Format::IncidentIoProxy;
    let summary = table(value, "summary").ok_or(Why::Format(format))?;
    let components = list(summary, "components").ok_or(Why::Format(format))?;
    let affected = list(summary, "affected_components").ok_or(Why::Format(format))?;
    let mark =
        Proven::by(&[list(summary, "ongoing_incidents").is_some()]).ok_or(Why::Format(format))?;
    if components.is_empty() {
        return Err(Why::Bare);
    }
    let mut reading = Reading::new(None, selection.components.is_empty(), "");
    for ours in &selection.components {
        if !components.iter().any(|it| id(it) == Some(ours.id.as_str())) {
            reading.doubt(Why::Missing(ours.name.clone()));
        }
    }
    for unwell in affected {
        let ours = id(unwell);
        if reading.whole || is_ours(unwell, selection) {
            let name = components
                .iter()
                .find(|it| id(it) == ours)
                .and_then(|it| word(it, "name"))
                .or(ours)
                .unwrap_or_default();
            hear(name, unwell.get("status"), &mut reading);
        }
    }
    for incident in each(summary, "ongoing_incidents") {
        going_on(incident, "status", selection, &mut reading, now);
    }
    reading.log(mark);
    Ok(reading)
}

/// A component of ours, by its word.
fn hear(name: &str, status: Option<&Value>, reading: &mut Reading) {
    let said = COMPONENTS.hear(status.and_then(Value::as_str));
    reading.add(name, &said);
    if matches!(said, Said::Unwell(_)) {
        reading.affected(super::foreign::sentence(name));
    }
}

/// An incident with the components that it names, which speak for it; `key` is where each says how it
/// is.
fn going_on(
    incident: &Value,
    key: &str,
    selection: &Selection,
    reading: &mut Reading,
    now: u64,
) -> About {
    let title = word(incident, "name").unwrap_or_default();
    let named = list(incident, "affected_components").unwrap_or_default();
    let about = about(named, selection);
    let (whole, mut spoken) = (reading.whole, false);
    for component in named.iter().filter(|it| whole || is_ours(it, selection)) {
        if component.get(key).is_some() {
            hear(word(component, "name").unwrap_or_default(), component.get(key), reading);
            spoken = true;
        }
    }
    let told = moment(incident, "published_at").or_else(|| moment(incident, "created_at"));
    let said = COMPONENTS.impact(word(incident, "current_worst_impact"));
    let open = Open {
        id: label(incident, "id").unwrap_or_default(),
        title,
        said,
        since: moment(incident, "started_at").or(told),
        told,
        about,
        counts: !spoken && word(incident, "status") != Some("monitoring"),
    };
    reading.open(&open, now);
    about
}

fn planned_work(planned: &Value, selection: &Selection, reading: &mut Reading, now: u64) {
    let named = list(planned, "affected_components").unwrap_or_default();
    let told = moment(planned, "started_at");
    let open = Open {
        id: label(planned, "id").unwrap_or_default(),
        title: word(planned, "name").unwrap_or_default(),
        said: Said::Unwell(Unwell::Maintenance),
        since: told,
        told,
        about: about(named, selection),
        counts: true,
    };
    reading.open(&open, now);
}

/// By ids, never by title.
fn about(named: &[Value], selection: &Selection) -> About {
    if selection.components.is_empty() || named.is_empty() {
        About::Unsaid
    } else if named.iter().any(|it| is_ours(it, selection)) {
        About::Ours
    } else {
        About::Others
    }
}

fn is_ours(component: &Value, selection: &Selection) -> bool {
    id(component).is_some_and(|id| selection.has(id))
}

fn id(component: &Value) -> Option<&str> {
    word(component, "component_id").or_else(|| word(component, "id"))
}
