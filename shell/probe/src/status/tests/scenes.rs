//! What providers could say, in every format: the fixtures, made from one scene each.

use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::status::{Component, Format, Row, Selection, Source};

/// 2026-09-03 13:26 UTC.
pub(super) const NOW: u64 = 1_788_441_960_000;
pub(super) const MINUTE: u64 = 60_000;
pub(super) const DAY: u64 = 86_400_000;

/// The ids of the page, of what is used here, and of something else: Atlassian's and ULIDs.
const ATLASSIAN: [&str; 3] = ["tymt9n04zgry", "k8w3r06qmzrp", "rwppv331jlwc"];
const ULIDS: [&str; 3] =
    ["01JMDK9XYNY2FFNKZSBNYRD1YG", "01JMXBRMFE6N2NNT7DG6XZQ6PW", "01JP8CD9JR3HR6Y7G4Q75N4DVW"];

/// How something is, in any format's words.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum How {
    Well,
    Maintenance,
    Degraded,
    Major,
    /// In a word that nobody knows.
    Odd,
}

/// What a page says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scene {
    pub(super) ours: How,
    pub(super) other: How,
    pub(super) title: &'static str,
    /// When what is open began, and when it was told.
    pub(super) since: u64,
    pub(super) told: u64,
    /// When anything last changed.
    pub(super) changed: u64,
    pub(super) listing: Listing,
    /// What is said of what is open, in formats in which people write.
    pub(super) prose: Option<&'static str>,
}

/// What is said of what is open, and what of it could be taken for its end.
pub(super) const PROSE: [&str; 4] = [
    "Customers may see errors until the issue is resolved. Current status: investigating.",
    "The issue remains unresolved.",
    "Services have not recovered yet.",
    "We expect it to be fully mitigated by 23:20 UTC.",
];

/// What is listed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Listing {
    Usual,
    /// Nothing at all.
    Nothing,
    /// What is used here has another id.
    Renamed,
    /// Everything comes twice.
    Twice,
    /// What is open is about what is used here although that is called well.
    Announced,
}

pub(super) const SCENE: Scene = Scene {
    ours: How::Well,
    other: How::Well,
    title: "Elevated errors",
    since: NOW - 60 * MINUTE,
    told: NOW - 50 * MINUTE,
    changed: NOW - 10 * MINUTE,
    listing: Listing::Usual,
    prose: None,
};

/// The row of a page in a format.
pub(super) fn row(format: Format) -> Row {
    let url = "https://status.example.com/source".to_owned();
    let ours = |id: &str| vec![Component { id: id.to_owned(), name: "Our API".to_owned() }];
    let component = Selection { components: ours(ids(format)[1]), ..Selection::default() };
    let selection = match format {
        Format::Statuspage
        | Format::IncidentIo
        | Format::IncidentIoWidget
        | Format::IncidentIoProxy
        | Format::BetterStack
        | Format::InstatusComponents
        | Format::Datadog
        | Format::Cloudflare => component,
        Format::Instatus | Format::Rootly | Format::Feed => Selection::default(),
        Format::Xai => Selection { surfaces: vec!["api.x.ai".to_owned()], ..Selection::default() },
        Format::Google => Selection { products: vec!["ours".to_owned()], ..Selection::default() },
        Format::Aws => Selection { services: vec!["bedrock".to_owned()], ..Selection::default() },
        Format::Azure => {
            Selection { words: vec!["Azure OpenAI".to_owned()], ..Selection::default() }
        }
    };
    Row {
        names: vec!["example".to_owned()],
        page: "https://status.example.com".to_owned(),
        sources: vec![Source { url, format: Some(format) }],
        selection,
        ..Row::default()
    }
}

/// The body of a page in a format; absent where that format cannot say it.
pub(super) fn body(format: Format, scene: &Scene) -> Option<Vec<u8>> {
    let text = |value: Value| Some(value.to_string().into_bytes());
    if scene.prose.is_some() && !matches!(format, Format::Xai | Format::Azure | Format::Feed) {
        return None;
    }
    match format {
        Format::Statuspage | Format::IncidentIo => text(statuspage(format, scene)),
        Format::IncidentIoWidget => widget(scene).and_then(text),
        Format::IncidentIoProxy => proxy(scene).and_then(text),
        Format::BetterStack => text(better_stack(scene)),
        Format::Instatus => instatus(scene).and_then(text),
        Format::InstatusComponents => {
            components(format, scene).map(|it| json!({"components": it})).and_then(text)
        }
        Format::Rootly => rootly(scene).and_then(text),
        Format::Datadog => datadog(scene).and_then(text),
        Format::Cloudflare => text(cloudflare(scene)),
        Format::Google => google(scene).and_then(text),
        Format::Aws => aws(scene).map(|events| utf16(&events.to_string(), true)),
        Format::Xai => xai(scene).map(String::into_bytes),
        Format::Azure => azure(scene).map(String::into_bytes),
        Format::Feed => feed(scene).map(String::into_bytes),
    }
}

/// A text in UTF-16 with its mark.
pub(super) fn utf16(text: &str, big: bool) -> Vec<u8> {
    let units = std::iter::once(0xfeff).chain(text.encode_utf16());
    units.flat_map(|unit: u16| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
}

fn ids(format: Format) -> [&'static str; 3] {
    match format {
        Format::IncidentIo | Format::IncidentIoWidget | Format::IncidentIoProxy => ULIDS,
        Format::Statuspage
        | Format::BetterStack
        | Format::Instatus
        | Format::InstatusComponents
        | Format::Rootly
        | Format::Datadog
        | Format::Cloudflare
        | Format::Xai
        | Format::Google
        | Format::Aws
        | Format::Azure
        | Format::Feed => ATLASSIAN,
    }
}

/// A component's word.
fn word(format: Format, how: How) -> &'static str {
    let [well, maintenance, degraded, major] = match format {
        Format::BetterStack => ["operational", "maintenance", "degraded", "downtime"],
        Format::Instatus | Format::InstatusComponents => {
            ["OPERATIONAL", "UNDERMAINTENANCE", "DEGRADEDPERFORMANCE", "MAJOROUTAGE"]
        }
        Format::Datadog => ["operational", "maintenance", "degraded", "major_outage"],
        Format::IncidentIo | Format::IncidentIoWidget | Format::IncidentIoProxy => {
            ["operational", "under_maintenance", "degraded_performance", "full_outage"]
        }
        Format::Rootly => ["none", "maintenance", "minor", "major"],
        Format::Google => ["", "", "SERVICE_DISRUPTION", "SERVICE_OUTAGE"],
        Format::Aws => ["0", "", "1", "3"],
        Format::Xai => ["resolved", "maintenance", "disruption", "outage"],
        Format::Statuspage | Format::Cloudflare | Format::Azure | Format::Feed => {
            ["operational", "under_maintenance", "degraded_performance", "major_outage"]
        }
    };
    match how {
        How::Well => well,
        How::Maintenance => maintenance,
        How::Degraded => degraded,
        How::Major => major,
        How::Odd => "wobbly",
    }
}

fn impact(how: How) -> &'static str {
    match how {
        How::Well => "none",
        How::Maintenance => "maintenance",
        How::Degraded => "minor",
        How::Major => "critical",
        How::Odd => "wobbly",
    }
}

pub(super) fn iso(ms: u64) -> String {
    humantime::format_rfc3339_millis(UNIX_EPOCH + Duration::from_millis(ms)).to_string()
}

fn rfc2822(ms: u64) -> String {
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(ms))
}

// === impl Scene ===

impl Scene {
    /// What is used here and something else: id, name, how.
    fn both(&self, format: Format) -> Vec<(&'static str, &'static str, How)> {
        let [page, ours, other] = ids(format);
        let all = [(ours, "Our API", self.ours), (other, "Their site", self.other)];
        match self.listing {
            Listing::Usual | Listing::Announced => all.to_vec(),
            Listing::Nothing => Vec::new(),
            Listing::Renamed => vec![(page, "Our new API", self.ours), all[1]],
            Listing::Twice => all.repeat(2),
        }
    }

    /// What is open, and about what: id of the component, name, how.
    fn open(&self, format: Format) -> Vec<(&'static str, &'static str, How)> {
        let mut both = self.both(format);
        if self.listing == Listing::Announced {
            both.truncate(1);
            return both.into_iter().map(|(id, name, _)| (id, name, How::Degraded)).collect();
        }
        both.retain(|(_, _, how)| *how != How::Well);
        both
    }

    /// Some formats say no time of their own.
    fn is_about_time(&self) -> bool {
        self.changed + DAY < NOW || NOW < self.changed
    }

    fn worst(&self) -> How {
        match (self.ours, self.other) {
            (How::Well, other) => other,
            (ours, _) => ours,
        }
    }
}

fn components(format: Format, scene: &Scene) -> Option<Value> {
    // Without incidents there are no titles.
    let titled = scene.listing == Listing::Announced || scene.title != SCENE.title;
    if titled && format == Format::InstatusComponents {
        return None;
    }
    let changed = iso(scene.changed);
    Some(
        scene
            .both(format)
            .into_iter()
            .map(|(id, name, how)| {
                json!({"id": id, "name": name, "status": word(format, how),
                    "updated_at": changed, "updatedAt": changed})
            })
            .collect(),
    )
}

fn statuspage(format: Format, scene: &Scene) -> Value {
    let incidents: Vec<Value> = scene
        .open(format)
        .into_iter()
        .map(|(id, _, how)| {
            // incident.io names no components there.
            let named = if format == Format::Statuspage { json!([{"id": id}]) } else { json!([]) };
            json!({"id": format!("incident-{id}"), "name": scene.title, "status": "investigating",
                "impact": impact(how), "created_at": iso(scene.told),
                "started_at": iso(scene.since), "components": named})
        })
        .collect();
    json!({
        "page": {"id": ids(format)[0], "name": "Example", "updated_at": iso(scene.changed)},
        "status": {"indicator": impact(scene.worst()), "description": "All about us"},
        "components": components(format, scene),
        "incidents": incidents,
        "scheduled_maintenances": [
            {"id": "later", "name": "Later", "status": "scheduled", "impact": "maintenance"}],
    })
}

fn widget(scene: &Scene) -> Option<Value> {
    let format = Format::IncidentIoWidget;
    if matches!(scene.listing, Listing::Nothing | Listing::Renamed) || scene.is_about_time() {
        return None;
    }
    let (planned, open): (Vec<_>, Vec<_>) =
        scene.open(format).into_iter().partition(|(_, _, how)| *how == How::Maintenance);
    let tell = |(id, name, how): (&str, &str, How)| {
        json!({"id": format!("incident-{id}"), "name": scene.title, "status": "investigating",
            "started_at": iso(scene.since), "created_at": iso(scene.told),
            "affected_components": [
                {"id": id, "name": name, "current_status": word(format, how)}]})
    };
    Some(json!({
            "page_title": "Example",
            "ongoing_incidents": open.into_iter().map(tell).collect::<Vec<_>>(),
            "in_progress_maintenances": planned.into_iter().map(tell).collect::<Vec<_>>(),
            "scheduled_maintenances": [],
    }))
}

fn proxy(scene: &Scene) -> Option<Value> {
    if scene.is_about_time() {
        return None;
    }
    let format = Format::IncidentIoProxy;
    let name = |(id, name, _): (&str, &str, How)| json!({"id": id, "name": name});
    let incidents: Vec<Value> = scene
        .open(format)
        .into_iter()
        .map(|(id, _, how)| {
            json!({"id": format!("incident-{id}"), "name": scene.title, "status": "investigating",
                "started_at": iso(scene.since), "published_at": iso(scene.told),
                "affected_components": [{"component_id": id, "status": word(format, how)}]})
        })
        .collect();
    let unwell: Vec<Value> = scene
        .open(format)
        .into_iter()
        .map(|(id, _, how)| json!({"component_id": id, "status": word(format, how)}))
        .collect();
    Some(json!({"summary": {
        "public_url": "https://status.example.com",
        "components": scene.both(format).into_iter().map(name).collect::<Vec<_>>(),
        "affected_components": unwell,
        "ongoing_incidents": incidents,
        "scheduled_maintenances": [],
    }}))
}

fn better_stack(scene: &Scene) -> Value {
    let format = Format::BetterStack;
    let mut included = vec![json!({"id": "1", "type": "status_page_section", "attributes": {}})];
    included.extend(scene.both(format).into_iter().map(|(id, name, how)| {
        json!({"id": id, "type": "status_page_resource",
            "attributes": {"public_name": name, "status": word(format, how), "availability": 0.99}})
    }));
    included.extend(scene.open(format).into_iter().map(|(id, _, how)| {
        let kind = if how == How::Maintenance { "maintenance" } else { "manual" };
        json!({"id": format!("report-{id}"), "type": "status_report", "attributes": {
            "title": scene.title, "report_type": kind, "ends_at": null,
            "starts_at": iso(scene.since), "created_at": iso(scene.told), "affected_resources": [
                {"status_page_resource_id": id, "status": word(format, how)}]}})
    }));
    json!({
        "data": {"type": "status_page", "attributes": {"company_name": "Example",
            "aggregate_state": word(format, scene.worst()), "updated_at": iso(scene.changed)}},
        "included": included,
    })
}

fn instatus(scene: &Scene) -> Option<Value> {
    if matches!(scene.listing, Listing::Nothing | Listing::Renamed) || scene.is_about_time() {
        return None;
    }
    let status = match scene.worst() {
        How::Well => "UP",
        How::Maintenance => "UNDERMAINTENANCE",
        How::Degraded | How::Major => "HASISSUES",
        How::Odd => "WOBBLY",
    };
    let tell = |(id, _, how): (&str, &str, How)| {
        json!({"id": id, "name": scene.title, "status": "INVESTIGATING",
            "impact": word(Format::Instatus, how), "started": iso(scene.since)})
    };
    let mut page = json!({"page": {"name": "Example", "status": status}});
    let open = scene.open(Format::Instatus);
    if !open.is_empty() {
        page["activeIncidents"] = open.into_iter().map(tell).collect();
    }
    Some(page)
}

fn rootly(scene: &Scene) -> Option<Value> {
    if matches!(scene.listing, Listing::Nothing | Listing::Renamed) {
        return None;
    }
    let indicator = word(Format::Rootly, scene.worst());
    let tell = |(id, _, how): (&str, &str, How)| {
        json!({"id": id, "name": scene.title, "status": "investigating",
            "impact": word(Format::Rootly, how),
            "started_at": iso(scene.since), "created_at": iso(scene.told)})
    };
    Some(json!({
        "page": {"name": "Example", "updated_at": iso(scene.changed)},
        "status": {"indicator": indicator, "description": "All about us"},
        "incidents": scene.open(Format::Rootly).into_iter().map(tell).collect::<Vec<_>>(),
    }))
}

fn datadog(scene: &Scene) -> Option<Value> {
    if scene.is_about_time() {
        return None;
    }
    let format = Format::Datadog;
    let part = |(id, name, how): (&str, &str, How)| json!({"id": id, "name": name, "type": "Component", "status": word(format, how)});
    let parts: Vec<Value> = scene.both(format).into_iter().map(part).collect();
    let tree = if parts.is_empty() {
        json!([])
    } else {
        json!([{"id": "group", "name": "All", "type": "ComponentGroup", "components": parts}])
    };
    let tell = |(id, _, how): (&str, &str, How)| {
        json!({"id": format!("incident-{id}"), "title": scene.title, "resolved": false,
            "publishedDate": iso(scene.told), "timeline": [{"startedAt": iso(scene.since),
                "componentsAffected": [{"id": id, "status": word(format, how)}]}]})
    };
    Some(json!({"id": "page", "name": "Example", "components": tree,
        "incidents": scene.open(format).into_iter().map(tell).collect::<Vec<_>>()}))
}

fn cloudflare(scene: &Scene) -> Value {
    let format = Format::Cloudflare;
    let (planned, open): (Vec<_>, Vec<_>) =
        scene.open(format).into_iter().partition(|(_, _, how)| *how == How::Maintenance);
    let tell = |(id, _, how): (&str, &str, How)| {
        json!({"id": format!("incident-{id}"), "name": scene.title, "status": "investigating",
            "impact": impact(how), "starts_at": iso(scene.since), "created_at": iso(scene.told),
            "components": [{"id": id}]})
    };
    json!({"success": true, "result": {
        "components": components(format, scene),
        "active_incidents": open.into_iter().map(tell).collect::<Vec<_>>(),
        "recent_incidents": [],
        "active_maintenances": planned.into_iter().map(tell).collect::<Vec<_>>(),
    }})
}

/// A log has entries: those that are open, and one that is over.
fn google(scene: &Scene) -> Option<Value> {
    let maintenance = [scene.ours, scene.other].contains(&How::Maintenance);
    if maintenance || matches!(scene.listing, Listing::Renamed | Listing::Announced) {
        return None;
    }
    let entry = |id: &str, product: &str, how: How| {
        json!({"id": id, "begin": iso(scene.since), "created": iso(scene.told),
            "modified": iso(scene.changed), "external_desc": scene.title,
            "status_impact": word(Format::Google, how),
            "affected_products": [{"id": product, "title": product}],
            "currently_affected_locations": []})
    };
    let mut entries: Vec<Value> = scene
        .open(Format::Google)
        .into_iter()
        .map(|(id, name, how)| entry(id, if name == "Our API" { "ours" } else { "theirs" }, how))
        .collect();
    if scene.listing != Listing::Nothing {
        let mut over = entry("over", "ours", How::Major);
        over["begin"] = json!(iso(scene.changed - 60 * MINUTE));
        over["end"] = json!(iso(scene.changed));
        entries.push(over);
    }
    Some(Value::Array(entries))
}

fn aws(scene: &Scene) -> Option<Value> {
    let maintenance = [scene.ours, scene.other].contains(&How::Maintenance);
    if maintenance
        || scene.is_about_time()
        || matches!(scene.listing, Listing::Renamed | Listing::Announced)
    {
        return None;
    }
    let event = |(id, name, how): (&str, &str, How)| {
        let service = if name == "Our API" { "bedrock-us-east-1" } else { "ec2-us-east-1" };
        json!({"service": service, "status": word(Format::Aws, how), "region_name": "N. Virginia",
            "summary": scene.title, "date": (scene.since / 1000).to_string(), "arn": id})
    };
    Some(scene.both(Format::Aws).into_iter().map(event).collect())
}

fn rss(title: &str, built: u64, items: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<rss version=\"2.0\"><channel>\
         <title>{title}</title><link>https://status.example.com</link><description>x</description>\
         <lastBuildDate>{}</lastBuildDate>{items}</channel></rss>\n",
        rfc2822(built)
    )
}

fn xai(scene: &Scene) -> Option<String> {
    if matches!(scene.listing, Listing::Renamed | Listing::Announced) {
        return None;
    }
    let mut items = Vec::new();
    for (_, name, how) in scene.open(Format::Xai) {
        let surface = if name == "Our API" { "us.api.x.ai" } else { "grok.com" };
        items.push(format!(
            "<item><title>[{surface}] {}</title><guid>INC7</guid><category>{}</category>\
             <pubDate>{}</pubDate><description><![CDATA[{}]]></description></item>",
            scene.title,
            word(Format::Xai, how),
            rfc2822(scene.since),
            scene.prose.unwrap_or("Status: Investigating")
        ));
    }
    if scene.listing != Listing::Nothing {
        items.push(format!(
            "<item><title>[api.x.ai] Past</title><guid>INC6</guid><category>outage</category>\
             <category>resolved</category><pubDate>{}</pubDate><description><![CDATA[Status: \
             Resolved]]></description></item>",
            rfc2822(scene.changed)
        ));
    }
    Some(rss("xAI status", scene.changed, &items.concat()))
}

fn azure(scene: &Scene) -> Option<String> {
    let known =
        [scene.ours, scene.other].iter().all(|how| !matches!(how, How::Odd | How::Maintenance));
    if !known || matches!(scene.listing, Listing::Renamed | Listing::Announced) {
        return None;
    }
    let items: Vec<String> = scene
        .open(Format::Azure)
        .into_iter()
        .map(|(id, name, _)| {
            let service = if name == "Our API" { "Azure OpenAI Service" } else { "Storage" };
            format!(
                "<item><title>{}</title><guid>{id}</guid><category>{service}</category>\
                 <pubDate>{}</pubDate><description>{}</description></item>",
                scene.title,
                rfc2822(scene.since),
                scene.prose.unwrap_or("We look into it.")
            )
        })
        .collect();
    Some(rss("Azure Status", scene.changed, &items.concat()))
}

/// Atom, with an entry that is over and one that may not be.
fn feed(scene: &Scene) -> Option<String> {
    let known = [scene.ours, scene.other].iter().all(|how| *how != How::Odd);
    if !known || matches!(scene.listing, Listing::Renamed | Listing::Announced) {
        return None;
    }
    let label = |state: &str| format!("&lt;b&gt;{state}&lt;/b&gt; - It is over.");
    let entry = |id: &str, title: &str, at: u64, state: &str| {
        format!(
            "<entry><id>tag:{id}</id><title>{title}</title><published>{}</published><updated>{}\
             </updated><content type=\"html\">{state}</content></entry>",
            iso(at),
            iso(at)
        )
    };
    let mut entries = String::new();
    for (id, _, how) in scene.open(Format::Feed) {
        let state = match how {
            How::Maintenance => "In progress",
            How::Major => "Outage",
            How::Well | How::Degraded | How::Odd => "Investigating",
        };
        let text = scene.prose.map_or_else(|| label(state), str::to_owned);
        entries += &entry(id, scene.title, scene.since, &text);
    }
    if scene.listing != Listing::Nothing {
        entries += &entry("over", "Past", scene.changed - 2 * 60 * MINUTE, &label("Resolved"));
    }
    Some(format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><feed xmlns=\"http://www.w3.org/2005/Atom\">\
         <id>x</id><title>Example</title><updated>{}</updated>{entries}</feed>",
        iso(scene.changed)
    ))
}
