//! AWS: `/public/currentevents`, in UTF-16 with a mark of order: a flat list of what goes on in all
//! regions, empty where nothing does.
//!
//! Events say whether they are open, and not reliably how bad they are. An empty list has nothing in it
//! that could prove what it is a list of; in UTF-16 with its mark, where AWS was expected, it is believed.

use serde_json::Value;

use super::foreign;
use super::format::Format;
use super::json::{label, word};
use super::pages::Selection;
use super::reading::{About, Open, Proven, Reading, Said, Unwell, Words};
use super::why::Why;

/// `0` is over; the others are open.
const STATUS: Words = Words {
    well: &[],
    nothing: &["0"],
    unwell: &[("1", Unwell::Degraded), ("2", Unwell::Degraded), ("3", Unwell::Partial)],
};

pub(super) fn read(
    value: &Value,
    utf16: bool,
    selection: &Selection,
    now: u64,
) -> Result<Reading, Why> {
    let events = value.as_array().ok_or(Why::Format(Format::Aws))?;
    let is_event = |it: &Value| {
        word(it, "service").is_some()
            && it.get("status").is_some()
            && it.get("region_name").is_some()
    };
    let proven = events.iter().all(is_event) && (utf16 || !events.is_empty());
    let mark = Proven::by(&[proven]).ok_or(Why::Format(Format::Aws))?;
    let mut reading = Reading::new(None, selection.services.is_empty(), "");
    for event in events {
        let service = word(event, "service").unwrap_or_default();
        let about = about(event, service, selection);
        let title = word(event, "summary").unwrap_or_default();
        let said = STATUS.hear(label(event, "status").as_deref());
        if matches!(said, Said::Nothing) || about == About::Others {
            continue;
        }
        if !foreign::is_notice(title) {
            reading.add(service, &said);
            reading.affected(foreign::sentence(service));
        }
        let since = label(event, "date").and_then(|date| date.parse::<u64>().ok());
        let since = since.map(|seconds| seconds.saturating_mul(1000));
        let id = label(event, "arn").unwrap_or_else(|| service.to_owned());
        reading.open(&Open { id, title, said, since, told: since, about, counts: false }, now);
    }
    reading.log(mark);
    Ok(reading)
}

/// By the service itself, or by those that an event of many services names.
fn about(event: &Value, service: &str, selection: &Selection) -> About {
    let hit = |key: &str| selection.services.iter().any(|it| is_of(key, it, selection));
    let impacted = event.get("impacted_services").and_then(Value::as_object);
    let among = impacted.is_some_and(|all| all.keys().any(|key| hit(key)));
    let any = selection.services.is_empty();
    if any || hit(service) || among { About::Ours } else { About::Others }
}

/// `bedrock-us-east-1` is `bedrock` in a region, and `bedrock` is it in all of them.
fn is_of(key: &str, service: &str, selection: &Selection) -> bool {
    let Some(rest) = key.strip_prefix(service) else { return false };
    match (rest.strip_prefix('-'), &selection.region) {
        (Some(place), Some(region)) => place == region,
        (Some(place), None) => place.split('-').count() >= 3,
        (None, _) => rest.is_empty(),
    }
}
