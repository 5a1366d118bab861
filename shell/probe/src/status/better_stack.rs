//! Better Stack: `index.json`, as JSON:API: <https://betterstack.com/docs/uptime/status-pages>.
//!
//! Resources have ids; where none is selected, the aggregate is the word for the whole page. What is
//! `not_monitored` says nothing.

use serde_json::Value;

use super::format::Format;
use super::json::{each, label, list, moment, table, word};
use super::pages::Selection;
use super::reading::{About, Open, Part, Reading, Said, Unwell, Words};
use super::why::Why;

const WORDS: Words = Words {
    well: &["operational"],
    nothing: &["not_monitored"],
    unwell: &[
        ("degraded", Unwell::Degraded),
        ("downtime", Unwell::Major),
        ("maintenance", Unwell::Maintenance),
    ],
};

pub(super) fn read(value: &Value, selection: &Selection, now: u64) -> Result<Reading, Why> {
    let page = table(value, "data").and_then(|it| table(it, "attributes"));
    let included = list(value, "included");
    let (Some(page), Some(included)) = (page, included) else {
        return Err(Why::Format(Format::BetterStack));
    };
    let state = page.get("aggregate_state").ok_or(Why::Format(Format::BetterStack))?;
    let of_kind = |kind: &'static str| {
        included
            .iter()
            .filter(move |it| word(it, "type") == Some(kind))
            .filter_map(|it| Some((word(it, "id").unwrap_or_default(), table(it, "attributes")?)))
    };
    let mut reading =
        Reading::new(moment(page, "updated_at"), false, state.as_str().unwrap_or_default());
    let parts: Vec<Part<'_>> = of_kind("status_page_resource")
        .map(|(id, resource)| Part {
            id,
            name: word(resource, "public_name").unwrap_or_default(),
            said: WORDS.hear(word(resource, "status")),
        })
        .collect();
    let whole = WORDS.hear(state.as_str());
    reading.parts(&parts, selection, Some(&whole))?;
    for (id, report) in of_kind("status_report") {
        self::report(id, report, selection, &mut reading, now);
    }
    Ok(reading)
}

/// A report, unless it is over or is planned for later. The resources speak for it.
fn report(id: &str, report: &Value, selection: &Selection, reading: &mut Reading, now: u64) {
    let since = moment(report, "starts_at");
    let planned = word(report, "report_type") == Some("maintenance");
    let over = moment(report, "ends_at").is_some_and(|ends| ends <= now);
    if over || (planned && since.is_some_and(|since| now < since)) {
        return;
    }
    let named = list(report, "affected_resources").unwrap_or_default();
    let resource = |it: &Value| label(it, "status_page_resource_id").or_else(|| label(it, "id"));
    let ours = named.iter().any(|it| resource(it).is_some_and(|id| selection.has(&id)));
    let worst = each(report, "affected_resources").filter_map(|it| WORDS.level(word(it, "status")));
    let said = match worst.max() {
        _ if planned => Said::Unwell(Unwell::Maintenance),
        Some(worst) => Said::Unwell(worst),
        None => Said::Nothing,
    };
    let open = Open {
        id: id.to_owned(),
        title: word(report, "title").unwrap_or_default(),
        said,
        since,
        told: moment(report, "created_at").or(since),
        about: match (ours, selection.components.is_empty() || named.is_empty()) {
            (_, true) => About::Unsaid,
            (true, false) => About::Ours,
            (false, false) => About::Others,
        },
        counts: false,
    };
    reading.open(&open, now);
}
