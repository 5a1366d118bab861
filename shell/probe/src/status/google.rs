//! Google Cloud's log of incidents: <https://status.cloud.google.com/incidents.schema.json>.
//!
//! Well is: the log was read, it is not an empty one (there is always a past), and nothing without an
//! end is about the products and the region that are used here.

use serde_json::Value;

use super::foreign;
use super::format::Format;
use super::json::{each, label, moment, word};
use super::pages::Selection;
use super::reading::{About, Open, Proven, Reading, Unwell, Words};
use super::why::Why;

const IMPACT: Words = Words {
    well: &[],
    nothing: &[],
    unwell: &[
        ("SERVICE_INFORMATION", Unwell::Degraded),
        ("SERVICE_DISRUPTION", Unwell::Partial),
        ("SERVICE_OUTAGE", Unwell::Major),
    ],
};

/// Where everywhere is meant.
const GLOBAL: &str = "global";

pub(super) fn read(value: &Value, selection: &Selection, now: u64) -> Result<Reading, Why> {
    let entries = value.as_array().ok_or(Why::Format(Format::Google))?;
    if entries.is_empty() {
        return Err(Why::Entryless);
    }
    let is_entry = |it: &Value| {
        word(it, "id").is_some()
            && moment(it, "begin").is_some()
            && it.get("affected_products").is_some_and(Value::is_array)
    };
    let mark = Proven::by(&[entries.iter().all(is_entry)]).ok_or(Why::Format(Format::Google))?;
    let changed =
        |it: &Value| ["modified", "created", "begin"].into_iter().find_map(|key| moment(it, key));
    let mut reading =
        Reading::new(entries.iter().filter_map(changed).max(), selection.products.is_empty(), "");
    for entry in entries.iter().filter(|it| is_open(it)) {
        let about = about(entry, selection);
        let title = word(entry, "external_desc").unwrap_or_default();
        let impact = IMPACT.hear(word(entry, "status_impact"));
        if about != About::Others && !foreign::is_notice(title) {
            reading.add("an open incident", &impact);
            for product in each(entry, "affected_products").filter(|it| is_ours(it, selection)) {
                reading.affected(foreign::sentence(word(product, "title").unwrap_or_default()));
            }
        }
        let open = Open {
            id: label(entry, "id").unwrap_or_default(),
            title,
            said: impact,
            since: moment(entry, "begin"),
            told: moment(entry, "created"),
            about,
            counts: false,
        };
        reading.open(&open, now);
    }
    reading.log(mark);
    Ok(reading)
}

/// An entry without an end. One that is no time ends nothing.
fn is_open(entry: &Value) -> bool {
    moment(entry, "end").is_none()
}

fn about(entry: &Value, selection: &Selection) -> About {
    let here = |it: &Value| {
        label(it, "id").is_some_and(|id| {
            id == GLOBAL || selection.region.as_deref().is_none_or(|region| id == region)
        })
    };
    let mut places = each(entry, "currently_affected_locations").peekable();
    let there = places.peek().is_none() || places.any(here);
    let products = each(entry, "affected_products").any(|it| is_ours(it, selection));
    if products && there { About::Ours } else { About::Others }
}

fn is_ours(product: &Value, selection: &Selection) -> bool {
    selection.products.is_empty()
        || word(product, "id").is_some_and(|id| selection.products.iter().any(|it| it == id))
}
