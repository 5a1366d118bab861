//! Atlassian Statuspage, version 2, and incident.io as far as it speaks the same:
//! <https://developer.statuspage.io>, <https://docs.incident.io/status-pages>.
//!
//! `summary.json`, `components.json`, `status.json` and `incidents.json` share their shapes. Whose page
//! it is, is told by the ids: incident.io's are ULIDs, Atlassian's have twelve characters. At
//! incident.io incidents name no components, so that only the components' own words count there.

use ir::evidence::Incident;
use serde_json::Value;

use super::document::{Answer, Document};
use super::format::Format;
use super::json::{each, label, list, moment, table, word};
use super::pages::Selection;
use super::reading::{About, Open, Part, Reading, Said, Unwell, Words};
use super::why::Why;

/// Words of components, at both vendors.
pub(super) const COMPONENTS: Words = Words {
    well: &["operational"],
    nothing: &[],
    unwell: &[
        ("degraded_performance", Unwell::Degraded),
        ("partial_outage", Unwell::Partial),
        ("major_outage", Unwell::Major),
        ("full_outage", Unwell::Major),
        ("under_maintenance", Unwell::Maintenance),
    ],
};

/// Words for the page as a whole, and for the impact of an incident.
pub(super) const INDICATOR: Words = Words {
    well: &["none"],
    nothing: &[],
    unwell: &[
        ("minor", Unwell::Degraded),
        ("major", Unwell::Partial),
        ("critical", Unwell::Major),
        ("maintenance", Unwell::Maintenance),
    ],
};

/// Words of incidents and of planned work that are over.
const OVER: [&str; 3] = ["resolved", "postmortem", "completed"];
/// Words of planned work that goes on.
const UNDER_WAY: [&str; 2] = ["in_progress", "verifying"];

/// The summary, or the components alone.
pub(super) fn read(
    value: &Value,
    selection: &Selection,
    now: u64,
) -> Result<(Reading, Format), Why> {
    let format = vendor(value);
    let page = table(value, "page")
        .filter(|page| ["name", "id"].iter().any(|key| word(page, key).is_some()));
    let components = list(value, "components");
    let (Some(page), Some(components)) = (page, components) else {
        return Err(Why::Format(format));
    };
    let status = table(value, "status");
    let mut reading = Reading::new(
        newest(page, components),
        false,
        status.and_then(|status| word(status, "description")).unwrap_or_default(),
    );
    let whole = status.map(|status| INDICATOR.hear(word(status, "indicator")));
    // A group's word is that of its parts.
    let is_group = |it: &Value| it.get("group").and_then(Value::as_bool).unwrap_or(false);
    let parts: Vec<Part<'_>> =
        components.iter().filter(|it| !is_group(it) || selects(selection, it)).map(part).collect();
    reading.parts(&parts, selection, whole.as_ref())?;
    incidents(value, selection, &mut reading, now);
    Ok((reading, format))
}

/// The incidents that are open, and planned work that goes on; for a reading that has none yet.
pub(super) fn incidents(value: &Value, selection: &Selection, reading: &mut Reading, now: u64) {
    for incident in each(value, "incidents") {
        let status = word(incident, "status").unwrap_or_default();
        let over = OVER.contains(&status) || moment(incident, "resolved_at").is_some();
        if !over {
            let said = INDICATOR.impact(word(incident, "impact"));
            reading.open(&open(incident, (said, status != "monitoring"), selection), now);
        }
    }
    for planned in each(value, "scheduled_maintenances") {
        if UNDER_WAY.contains(&word(planned, "status").unwrap_or_default()) {
            let said = (Said::Unwell(Unwell::Maintenance), true);
            reading.open(&open(planned, said, selection), now);
        }
    }
}

/// The incidents of a page that tells them apart from its components.
pub(super) fn incidents_alone(
    answer: &Answer<'_>,
    selection: &Selection,
    now: u64,
) -> Vec<Incident> {
    let Ok(Document::Json { value, .. }) = answer.document(Some(Format::Statuspage)) else {
        return Vec::new();
    };
    let mut reading = Reading::new(None, false, "");
    incidents(&value, selection, &mut reading, now);
    reading.page(now).incidents
}

fn open<'v>(incident: &'v Value, (said, counts): (Said, bool), selection: &Selection) -> Open<'v> {
    let begun = moment(incident, "started_at").or_else(|| moment(incident, "scheduled_for"));
    let told = moment(incident, "created_at");
    Open {
        id: label(incident, "id").unwrap_or_default(),
        title: word(incident, "name").unwrap_or_default(),
        said,
        since: begun.or(told),
        told,
        about: about(incident, selection),
        counts,
    }
}

/// By the ids of its components, never by its title.
fn about(incident: &Value, selection: &Selection) -> About {
    let named = list(incident, "components").unwrap_or_default();
    if named.is_empty() || selection.components.is_empty() {
        About::Unsaid
    } else if named.iter().any(|it| selects(selection, it)) {
        About::Ours
    } else {
        About::Others
    }
}

fn part(component: &Value) -> Part<'_> {
    Part {
        id: word(component, "id").unwrap_or_default(),
        name: word(component, "name").unwrap_or_default(),
        said: said(component),
    }
}

fn said(component: &Value) -> Said {
    COMPONENTS.hear(word(component, "status"))
}

fn selects(selection: &Selection, component: &Value) -> bool {
    word(component, "id").is_some_and(|id| selection.has(id))
}

/// The newest change of the page or of a component: some pages keep only one of the two.
fn newest(page: &Value, components: &[Value]) -> Option<u64> {
    let changes = components.iter().filter_map(|it| moment(it, "updated_at"));
    changes.chain(moment(page, "updated_at")).max()
}

/// Whose page it is, by its ids.
pub(super) fn vendor(value: &Value) -> Format {
    let page = table(value, "page").and_then(|page| word(page, "id"));
    let first = each(value, "components").find_map(|it| word(it, "id"));
    let incident = each(value, "incidents").find_map(|it| word(it, "id"));
    if [page, first, incident].into_iter().flatten().any(is_ulid) {
        Format::IncidentIo
    } else {
        Format::Statuspage
    }
}

/// 26 characters of Crockford's alphabet.
pub(super) fn is_ulid(id: &str) -> bool {
    let crockford = |c: char| {
        c.is_ascii_digit() || (c.is_ascii_uppercase() && !matches!(c, 'I' | 'L' | 'O' | 'U'))
    };
    id.len() == 26 && id.chars().all(crockford)
}
