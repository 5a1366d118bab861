//! Instatus: the summary, which speaks of the page as a whole, and the components.
//! <https://instatus.com/help/api>. Histories stand only in its web pages, and are not read.

use serde_json::Value;

use super::format::Format;
use super::json::{each, label, list, moment, table, word};
use super::pages::Selection;
use super::reading::{About, Open, Part, Reading, Said, Unwell, Words};
use super::why::Why;

const PAGE: Words = Words {
    well: &["UP"],
    nothing: &[],
    unwell: &[("HASISSUES", Unwell::Degraded), ("UNDERMAINTENANCE", Unwell::Maintenance)],
};

const COMPONENTS: Words = Words {
    well: &["OPERATIONAL"],
    nothing: &[],
    unwell: &[
        ("UNDERMAINTENANCE", Unwell::Maintenance),
        ("DEGRADEDPERFORMANCE", Unwell::Degraded),
        ("MINOROUTAGE", Unwell::Partial),
        ("PARTIALOUTAGE", Unwell::Partial),
        ("MAJOROUTAGE", Unwell::Major),
    ],
};

/// The page as a whole. That it has issues says nothing of how bad they are: its incidents do.
pub(super) fn summary(value: &Value, now: u64) -> Result<Reading, Why> {
    let page = table(value, "page")
        .filter(|page| word(page, "name").is_some() && page.get("status").is_some())
        .ok_or(Why::Format(Format::Instatus))?;
    let status = word(page, "status");
    let mut reading = Reading::new(None, true, status.unwrap_or_default());
    reading.add("the page", &PAGE.hear(status));
    for incident in each(value, "activeIncidents") {
        let said = COMPONENTS.impact(word(incident, "impact"));
        let counts = word(incident, "status") != Some("MONITORING");
        reading.open(&open(incident, said, counts), now);
    }
    for planned in each(value, "activeMaintenances") {
        let begins = moment(planned, "start");
        if begins.is_none_or(|begins| begins <= now) {
            reading.open(&open(planned, Said::Unwell(Unwell::Maintenance), true), now);
        }
    }
    Ok(reading)
}

/// The components, by their ids.
pub(super) fn components(value: &Value, selection: &Selection) -> Result<Reading, Why> {
    let listed = list(value, "components").ok_or(Why::Format(Format::InstatusComponents))?;
    let parts: Vec<Part<'_>> = listed
        .iter()
        .map(|it| Part {
            id: word(it, "id").unwrap_or_default(),
            name: word(it, "name").unwrap_or_default(),
            said: COMPONENTS.hear(word(it, "status")),
        })
        .collect();
    let newest = listed.iter().filter_map(|it| moment(it, "updatedAt")).max();
    let mut reading = Reading::new(newest, false, "");
    reading.parts(&parts, selection, None)?;
    Ok(reading)
}

fn open(incident: &Value, said: Said, counts: bool) -> Open<'_> {
    let since = moment(incident, "started").or_else(|| moment(incident, "start"));
    Open {
        id: label(incident, "id").or_else(|| label(incident, "url")).unwrap_or_default(),
        title: word(incident, "name").unwrap_or_default(),
        said,
        since,
        told: since,
        about: About::Unsaid,
        counts,
    }
}
