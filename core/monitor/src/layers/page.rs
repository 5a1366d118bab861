//! What the status page says.

use super::{Line, Mark, shown};
use crate::Layer;
use ir::Evidence;
use ir::evidence::Level;

pub(super) fn line(evidence: &Evidence) -> Line {
    let untold = |text: &str| Line {
        layer: Layer::Status,
        mark: Mark::Untold,
        text: text.to_owned(),
        details: Vec::new(),
    };
    let Some(page) = &evidence.page else { return untold("not read") };
    let read = format!("read {} s ago", page.age_s);
    let mut details = Vec::new();
    if !page.url.is_empty() && !page.format.is_empty() {
        details.push(format!("{} as {}, {read}", shown(&page.url), shown(&page.format)));
    }
    for incident in &page.incidents {
        let level = incident.level.map_or("no level", Level::word);
        let notice = if incident.notice { " (a notice)" } else { "" };
        details.push(format!("{level}{notice}: {:?}", shown(&incident.title)));
    }
    let Some(level) = page.level else {
        let why = page.unknown.as_deref().unwrap_or("no reading");
        return Line { details, ..untold(&format!("unknown: {}", shown(why))) };
    };
    let says = if page.says.is_empty() {
        level.word().to_owned()
    } else {
        format!("\"{}\"", shown(&page.says))
    };
    let affected = if page.affected.is_empty() {
        String::new()
    } else {
        let names: Vec<String> = page.affected.iter().take(3).map(|it| shown(it)).collect();
        format!(", unwell: {}", names.join(", "))
    };
    let (mark, lag) = match level {
        Level::Operational | Level::Maintenance => (Mark::Well, " (a page may lag)"),
        Level::Degraded | Level::Partial | Level::Major => (Mark::Unwell, ""),
    };
    let text = format!("{says}{affected}, {read}{lag}");
    Line { layer: Layer::Status, mark, text, details }
}
