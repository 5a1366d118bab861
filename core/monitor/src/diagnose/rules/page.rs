//! What the status page says: a weak witness. A green page takes nothing back.

use super::super::seen::Seen;
use super::{Rule, THEM, bad, good, says};
use crate::{Cause, Layer};
use ir::evidence::{Incident, Level};

pub(super) const RULES: &[Rule] = &[
    bad(
        Layer::Status,
        major,
        &[
            (&[Cause::Down], 16),
            (&[Cause::Degraded, Cause::Overloaded, Cause::Stalled, Cause::Model, Cause::Region], 8),
            (&[Cause::TheirDns, Cause::TheirTls], 6),
        ],
    ),
    bad(
        Layer::Status,
        partial,
        &[
            (&[Cause::Down, Cause::Degraded], 10),
            (&[Cause::Overloaded, Cause::Stalled, Cause::Model, Cause::Region], 8),
            (&[Cause::TheirDns, Cause::TheirTls], 4),
        ],
    ),
    bad(
        Layer::Status,
        degraded,
        &[
            (&[Cause::Degraded], 16),
            (&[Cause::Overloaded, Cause::Stalled, Cause::Model, Cause::Region], 6),
            (&[Cause::Down], 5),
        ],
    ),
    good(Layer::Status, one_region, &[(&[Cause::Region], 10)]),
    bad(
        Layer::Status,
        this_region,
        &[(&[Cause::Region], 48), (&[Cause::Down, Cause::Degraded, Cause::Overloaded], -14)],
    ),
    good(Layer::Status, green, &[(THEM, -1), (&[Cause::Route], 3)]),
];

fn says_level(seen: &Seen<'_>, level: Level) -> Option<String> {
    let page = seen.it.page.as_ref().filter(|page| page.level == Some(level))?;
    let incident = page.incidents.iter().find(|it| !it.notice);
    let said = incident.map_or(page.says.as_str(), |it: &Incident| it.title.as_str());
    says(true, format!("the status page says {}: \"{said}\"", level.word()))
}

fn major(seen: &Seen<'_>) -> Option<String> {
    says_level(seen, Level::Major)
}

fn partial(seen: &Seen<'_>) -> Option<String> {
    says_level(seen, Level::Partial)
}

fn degraded(seen: &Seen<'_>) -> Option<String> {
    says_level(seen, Level::Degraded)
}

/// The page is about the region that we ask, and says so by its name.
fn this_region(seen: &Seen<'_>) -> Option<String> {
    let page = seen.it.page.as_ref().filter(|_| seen.page_is_unwell())?;
    // `us-east-1`, as it stands in `bedrock-runtime.us-east-1.amazonaws.com`.
    let mut region = seen.it.host.split('.').filter_map(|part| {
        let last = part.strip_suffix("-aiplatform").unwrap_or(part);
        (last.contains('-') && last.ends_with(|it: char| it.is_ascii_digit())).then_some(last)
    });
    let region = region.next()?;
    let titles = page.incidents.iter().filter(|it| !it.notice).map(|it| &it.title);
    let named =
        page.affected.iter().chain(titles).any(|it| it.to_ascii_lowercase().contains(region));
    says(
        named && seen.works() != Some(true),
        format!("the status page tells of the region that is asked: {region}"),
    )
}

fn one_region(seen: &Seen<'_>) -> Option<String> {
    let page = seen.it.page.as_ref().filter(|_| seen.page_is_unwell())?;
    let texts = || {
        let titles = page.incidents.iter().filter(|it| !it.notice).map(|it| &it.title);
        page.affected.iter().chain(titles)
    };
    let regional = |text: &String| {
        let text = text.to_ascii_lowercase();
        let marks =
            ["region", "us-", "eu-", "ap-", "us.", "eu.", "-east", "-west", "-central", "europe"];
        marks.iter().any(|mark| text.contains(mark))
    };
    let named = texts().find(|text| regional(text))?;
    says(true, format!("the status page names a region: \"{named}\""))
}

fn green(seen: &Seen<'_>) -> Option<String> {
    let page = seen.it.page.as_ref().filter(|it| it.level == Some(Level::Operational))?;
    says(true, format!("the status page is green, read {} s ago", page.age_s))
}
