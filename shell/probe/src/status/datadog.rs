//! Datadog's status pages: one static file, `config.json`, with a tree of components and the incidents
//! with their timelines.
//!
//! How bad an incident is stands in its timeline; what it names beside it is how things are now.

use serde_json::Value;

use super::format::Format;
use super::json::{each, label, list, moment, word};
use super::pages::Selection;
use super::reading::{About, Open, Part, Reading, Said, Unwell, Words};
use super::why::Why;

/// How deep groups may lie in each other.
const DEPTH_MAX: usize = 8;
/// How many components are looked at.
const PARTS_MAX: usize = 10_000;

const WORDS: Words = Words {
    well: &["operational"],
    nothing: &[],
    unwell: &[
        ("maintenance", Unwell::Maintenance),
        ("degraded", Unwell::Degraded),
        ("partial_outage", Unwell::Partial),
        ("major_outage", Unwell::Major),
    ],
};

pub(super) fn read(value: &Value, selection: &Selection, now: u64) -> Result<Reading, Why> {
    let (Some(components), Some(incidents)) = (list(value, "components"), list(value, "incidents"))
    else {
        return Err(Why::Format(Format::Datadog));
    };
    // Statuspage has lists of these names too, and says of itself what this one does not.
    if value.get("page").is_some() || word(value, "name").is_none() {
        return Err(Why::Format(Format::Datadog));
    }
    let mut parts = Vec::new();
    let mut reading = Reading::new(None, false, "");
    if !gather(components, 0, &mut parts) {
        reading.doubt(Why::Format(Format::Datadog));
    }
    reading.parts(&parts, selection, None)?;
    for incident in incidents {
        let resolved = incident.get("resolved").and_then(Value::as_bool).unwrap_or(false);
        if !resolved && moment(incident, "resolvedDate").is_none() {
            reading.open(&open(incident, selection), now);
        }
    }
    Ok(reading)
}

/// The components of a tree; false where it is deeper or larger than is looked at, or has parts of
/// another kind.
fn gather<'v>(tree: &'v [Value], depth: usize, parts: &mut Vec<Part<'v>>) -> bool {
    let mut whole = depth < DEPTH_MAX;
    for node in tree.iter().filter(|_| depth < DEPTH_MAX) {
        match word(node, "type") {
            Some("ComponentGroup") => {
                let inner = list(node, "components").unwrap_or_default();
                whole &= gather(inner, depth + 1, parts);
            }
            Some("Component") if parts.len() < PARTS_MAX => parts.push(Part {
                id: word(node, "id").unwrap_or_default(),
                name: word(node, "name").unwrap_or_default(),
                said: WORDS.hear(word(node, "status")),
            }),
            _ => whole = false,
        }
    }
    whole
}

/// By the newest step of its timeline.
fn open<'v>(incident: &'v Value, selection: &Selection) -> Open<'v> {
    let told = moment(incident, "publishedDate");
    let newest = each(incident, "timeline").max_by_key(|step| moment(step, "startedAt"));
    let begun = each(incident, "timeline").filter_map(|step| moment(step, "startedAt")).min();
    let named: Vec<&Value> =
        newest.into_iter().flat_map(|step| each(step, "componentsAffected")).collect();
    let ours = |it: &&Value| label(it, "id").is_some_and(|id| selection.has(&id));
    let counted = |it: &&Value| selection.components.is_empty() || ours(it);
    let levels =
        named.iter().copied().filter(counted).filter_map(|it| WORDS.level(word(it, "status")));
    Open {
        id: label(incident, "id").unwrap_or_default(),
        title: word(incident, "title").unwrap_or_default(),
        said: levels.max().map_or(Said::Nothing, Said::Unwell),
        since: begun.or(told),
        told,
        about: if selection.components.is_empty() || named.is_empty() {
            About::Unsaid
        } else if named.iter().any(ours) {
            About::Ours
        } else {
            About::Others
        },
        // The tree says how they are now.
        counts: false,
    }
}
