//! What only one format has: regions, surfaces, timelines, trees, and words that contradict each other.

use bytes::Bytes;
use ir::evidence::{Level, Page};
use serde_json::{Value, json};

use super::scenes::{MINUTE, NOW, iso, row, utf16};
use crate::status::{Answer, Body, Format, Selection, read};

fn page(format: Format, selection: &Selection, bytes: &[u8]) -> Page {
    let url = "https://status.example.com/source";
    let body = Body::Whole(Bytes::copy_from_slice(bytes));
    let answer =
        Answer { asked: url, url, status: 200, content_type: "", challenged: false, body: &body };
    read(&answer, Some(format), selection, NOW)
}

fn ours(format: Format, value: &Value) -> Page {
    page(format, &row(format).selection, value.to_string().as_bytes())
}

fn whole(format: Format, value: &Value) -> Page {
    page(format, &Selection::default(), value.to_string().as_bytes())
}

fn check(page: &Page, level: Option<Level>, why: &str) {
    assert_eq!(page.level, level, "{page:?}");
    assert!(page.unknown.as_deref().unwrap_or_default().contains(why), "{page:?}");
}

#[test]
fn what_is_watched_or_of_others_does_not_count() {
    let summary = |incident: Value, planned: Value| {
        json!({"page": {"id": "x", "name": "X"}, "status": {"indicator": "minor"},
            "components": [{"id": "k8w3r06qmzrp", "name": "API", "status": "operational"}],
            "incidents": [incident], "scheduled_maintenances": [planned]})
    };
    let told = |status: &str, id: &str| {
        json!({"id": "1", "name": "Errors", "status": status, "impact": "major",
            "created_at": iso(NOW - MINUTE), "components": [{"id": id}]})
    };
    let none = || json!({});
    let page = ours(Format::Statuspage, &summary(told("monitoring", "k8w3r06qmzrp"), none()));
    check(&page, Some(Level::Operational), "");
    assert_eq!(page.incidents[0].level, Some(Level::Partial));
    let page = ours(Format::Statuspage, &summary(told("identified", "k8w3r06qmzrp"), none()));
    check(&page, Some(Level::Partial), "");
    let page = ours(Format::Statuspage, &summary(told("identified", "rwppv331jlwc"), none()));
    check(&page, Some(Level::Operational), "");
    assert!(page.incidents.is_empty());
    let planned = json!({"id": "2", "name": "Work", "status": "in_progress",
        "components": [{"id": "k8w3r06qmzrp"}], "scheduled_for": iso(NOW - MINUTE)});
    let page = ours(Format::Statuspage, &summary(told("resolved", "k8w3r06qmzrp"), planned));
    check(&page, Some(Level::Maintenance), "");
    assert_eq!(page.incidents.len(), 1);
}

#[test]
fn a_page_as_a_whole_does_not_contradict_itself() {
    let summary = |indicator: &str, words: [&str; 2]| {
        json!({"page": {"id": "x", "name": "X"},
            "status": {"indicator": indicator, "description": "All"},
            "components": [{"id": "a", "name": "A", "status": words[0]},
                {"id": "b", "name": "B", "status": words[1]}]})
    };
    let well = "operational";
    for (indicator, words, level) in [
        ("none", [well, well], Some(Level::Operational)),
        ("none", [well, "major_outage"], Some(Level::Degraded)),
        ("none", [well, "under_maintenance"], Some(Level::Maintenance)),
        ("none", [well, "wobbly"], None),
        ("critical", [well, well], Some(Level::Major)),
        ("critical", [well, "wobbly"], Some(Level::Major)),
        ("wobbly", [well, well], None),
    ] {
        let page = whole(Format::Statuspage, &summary(indicator, words));
        assert_eq!(page.level, level, "{indicator} {words:?}: {page:?}");
        assert!(page.says.starts_with("(the page as a whole) All"), "{page:?}");
    }
    let tree = |words: [&str; 2]| {
        json!({"name": "X", "incidents": [], "components": [
            {"id": "a", "name": "A", "type": "Component", "status": words[0]},
            {"id": "b", "name": "B", "type": "Component", "status": words[1]}]})
    };
    let page = whole(Format::Datadog, &tree([well, "major_outage"]));
    check(&page, Some(Level::Partial), "");
    let page = whole(Format::Datadog, &tree(["major_outage", "major_outage"]));
    check(&page, Some(Level::Major), "");
}

#[test]
fn trees_are_bounded_and_of_known_kinds() {
    let leaf =
        json!({"id": "k8w3r06qmzrp", "name": "A", "type": "Component", "status": "operational"});
    let nest = |depth: usize| {
        let group = |inner: Value| json!({"type": "ComponentGroup", "components": [inner]});
        (0..depth).fold(leaf.clone(), |inner, _| group(inner))
    };
    let tree = |tops: Vec<Value>| json!({"name": "X", "incidents": [], "components": tops});
    check(&ours(Format::Datadog, &tree(vec![nest(7)])), Some(Level::Operational), "");
    check(&ours(Format::Datadog, &tree(vec![nest(8)])), None, "no components");
    check(&ours(Format::Datadog, &tree(vec![leaf.clone(), nest(8)])), None, "not in the format");
    let odd = json!({"type": "Widget"});
    check(&ours(Format::Datadog, &tree(vec![leaf.clone(), odd])), None, "not in the format");
}

#[test]
fn what_is_not_monitored_says_nothing() {
    let index = |status: &str| {
        json!({"data": {"attributes": {"aggregate_state": "operational"}}, "included": [
            {"id": "k8w3r06qmzrp", "type": "status_page_resource",
                "attributes": {"public_name": "A", "status": status}}]})
    };
    check(&ours(Format::BetterStack, &index("not_monitored")), None, "no components");
    check(&whole(Format::BetterStack, &index("not_monitored")), Some(Level::Operational), "");
    check(&ours(Format::BetterStack, &index("downtime")), Some(Level::Major), "");
}

#[test]
fn a_list_that_names_nobody_leaves_it_open() {
    let summary = json!({"ongoing_incidents": [{"id": "1", "name": "Errors"}],
        "in_progress_maintenances": [], "scheduled_maintenances": []});
    check(&ours(Format::IncidentIoWidget, &summary), None, "does not say what it is about");
    check(&whole(Format::IncidentIoWidget, &summary), Some(Level::Degraded), "");
}

#[test]
fn regions_are_told_apart() {
    let aws = |events: &Value, region: Option<&str>, service: &str| {
        let selection = Selection {
            services: vec![service.to_owned()],
            region: region.map(str::to_owned),
            ..Selection::default()
        };
        page(Format::Aws, &selection, &utf16(&events.to_string(), true)).level
    };
    let event = |service: &str, status: &str, more: Value| {
        let mut event = json!([{"service": service, "status": status, "region_name": "Ireland",
            "summary": "Errors", "date": "1788438360"}]);
        event[0]["impacted_services"] = more;
        event
    };
    let open = event("bedrock-eu-west-1", "1", json!({}));
    assert_eq!(aws(&open, Some("eu-west-1"), "bedrock"), Some(Level::Degraded));
    assert_eq!(aws(&open, None, "bedrock"), Some(Level::Degraded));
    assert_eq!(aws(&open, Some("us-east-1"), "bedrock"), Some(Level::Operational));
    assert_eq!(aws(&open, None, "bed"), Some(Level::Operational));
    let over = event("bedrock-eu-west-1", "0", json!({}));
    assert_eq!(aws(&over, Some("eu-west-1"), "bedrock"), Some(Level::Operational));
    let many = event("multipleservices-eu-west-1", "3", json!({"bedrock-eu-west-1": {}}));
    assert_eq!(aws(&many, Some("eu-west-1"), "bedrock"), Some(Level::Partial));
    assert_eq!(aws(&many, Some("eu-west-1"), "s3"), Some(Level::Operational));
    assert_eq!(page(Format::Aws, &Selection::default(), b"[]").level, None);
    assert_eq!(page(Format::Google, &Selection::default(), &utf16("[]", true)).level, None);

    let google = |place: Value, region: Option<&str>| {
        let selection = Selection {
            products: vec!["p".to_owned()],
            region: region.map(str::to_owned),
            ..Selection::default()
        };
        let log = json!([{"id": "1", "begin": iso(NOW - MINUTE), "external_desc": "Errors",
            "status_impact": "SERVICE_OUTAGE", "affected_products": [{"id": "p", "title": "P"}],
            "currently_affected_locations": place}]);
        page(Format::Google, &selection, log.to_string().as_bytes()).level
    };
    let there = json!([{"id": "us-central1"}]);
    assert_eq!(google(there.clone(), Some("us-central1")), Some(Level::Major));
    assert_eq!(google(there.clone(), Some("europe-west4")), Some(Level::Operational));
    assert_eq!(google(there, None), Some(Level::Major));
    assert_eq!(google(json!([{"id": "global"}]), Some("europe-west4")), Some(Level::Major));
    assert_eq!(google(json!([]), Some("europe-west4")), Some(Level::Major));
}

fn rss(title: &str, items: &[[&str; 4]]) -> String {
    let item = |[title, guid, categories, text]: &[&str; 4]| {
        let categories = categories.replace(' ', "</category><category>");
        format!(
            "<item><title>{title}</title><guid>{guid}</guid><category>{categories}</category><pubDate>Thu, 03 Sep 2026 \
             12:00:00 GMT</pubDate><description>{text}</description></item>"
        )
    };
    let items: String = items.iter().map(item).collect();
    format!("<rss version=\"2.0\"><channel><title>{title}</title>{items}</channel></rss>")
}

#[test]
fn surfaces_are_told_apart_and_guids_repeat() {
    let read = |items: &[[&str; 4]]| {
        let text = rss("xAI", items);
        page(Format::Xai, &row(Format::Xai).selection, text.as_bytes())
    };
    let page = read(&[
        ["[grok.com] Errors", "INC1", "outage", ""],
        ["[api.x.ai] Errors", "INC1", "disruption", "Status: Investigating"],
        ["[us.api.x.ai] Errors", "INC1", "disruption", ""],
        ["[eu.api.x.ai] Past", "INC0", "outage", "Status: Resolved"],
    ]);
    check(&page, Some(Level::Degraded), "");
    assert_eq!(page.affected, ["api.x.ai", "us.api.x.ai"]);
    assert_eq!(page.incidents.len(), 1);
    check(&read(&[["[notapi.x.ai] E", "1", "outage", ""]]), Some(Level::Operational), "");
    check(&read(&[["[api.x.ai] E", "1", "outage resolved", ""]]), Some(Level::Operational), "");
    let read_as = |text: &str| read(&[["[api.x.ai] E", "1", "outage", text]]);
    check(&read_as("Status: Resolved\nSeverity: High"), Some(Level::Operational), "");
    check(&read_as("&lt;b&gt;Status:&lt;/b&gt; Resolved"), Some(Level::Operational), "");
    check(&read_as("Status: Resolved once the fix is out"), Some(Level::Major), "");
    check(&read(&[["[x] E", "1", "outage", ""], ["E", "2", "outage", ""]]), None, "does not say");
    check(&read(&[["E", "1", "outage", ""]]), None, "not in the format");
    check(&read(&[]), None, "no entries");
}

#[test]
fn feeds_say_in_so_many_words_that_it_is_over() {
    let read =
        |items: &[[&str; 4]]| page(Format::Feed, &Selection::default(), rss("X", items).as_bytes());
    let over = ["Errors", "1", "x", "&lt;b&gt;Resolved&lt;/b&gt; It is over."];
    check(&read(&[over]), Some(Level::Operational), "");
    check(&read(&[over, ["Errors", "2", "x", "Monitoring"]]), Some(Level::Degraded), "");
    check(
        &read(&[over, ["Work", "2", "x", "Scheduled - On Monday"]]),
        Some(Level::Operational),
        "",
    );
    check(&read(&[over, ["Work", "2", "x", "Scheduled for Monday"]]), None, "for certain");
    check(&read(&[over, ["Hello", "2", "x", "How are you"]]), None, "does not say");
    check(&read(&[["Work", "2", "x", "Scheduled - On Monday"]]), None, "no entries");
    check(&read(&[over, ["Errors", "2", "x", "They remain unresolved."]]), None, "for certain");
    check(&read(&[["API went down", "2", "x", ""]]), Some(Level::Partial), "");
    check(&read(&[over, ["Errors", "2", "x", "Resolved - EU only"]]), None, "for certain");
    // A name is known where it went down before.
    let [up, fell] = [("recovered", "#b"), ("went down", "#a")]
        .map(|(verb, at)| [format!("Hub - Git {verb}"), format!("incident/2{at}")]);
    let hub =
        |of: &[[String; 2]]| read(&of.iter().map(|[t, id]| [t, id, "x", ""]).collect::<Vec<_>>());
    check(&hub(&[up.clone(), fell]), Some(Level::Operational), "");
    check(&hub(&[up]), None, "for certain");
    let updates =
        [["E", "incident/1#a", "x", "Resolved"], ["E", "incident/1#b", "x", "Investigating"]];
    // Of the same moment the first one holds.
    check(&read(&updates), Some(Level::Operational), "");
    // In free words that it is over is believed a week later, but not of the newest entry.
    let aged = |day: &str| {
        let text = rss("X", &[over, ["Errors", "2", "x", "Resolved - At ten it was over."]]);
        let (first, last) = text.split_at(text.rfind("Thu, 03 Sep").unwrap_or_default());
        let text = format!("{first}{}", last.replace("Thu, 03 Sep", day));
        page(Format::Feed, &Selection::default(), text.as_bytes())
    };
    check(&aged("Mon, 31 Aug"), None, "for certain");
    check(&aged("Thu, 20 Aug"), Some(Level::Operational), "");
    let old = rss("X", &[["Errors", "2", "x", "Resolved - At ten it was over."]])
        .replace("03 Sep", "20 Aug");
    check(&page(Format::Feed, &Selection::default(), old.as_bytes()), None, "for certain");
    let azure = page(Format::Azure, &Selection::default(), rss("Azure Storage", &[]).as_bytes());
    check(&azure, None, "not in the format");
    let foreign = rss("Azure Status", &[]).replace(
        "</channel>",
        "<x:y xmlns:x='urn:x'><item><title>Azure OpenAI</title></item></x:y></channel>",
    );
    let azure = page(Format::Azure, &Selection::default(), foreign.as_bytes());
    check(&azure, None, "not every entry");
    let azure = |title: &str, text: &str| {
        let text = rss("Azure Status", &[[title, "1", "Storage", text]]);
        page(Format::Azure, &Selection::default(), text.as_bytes())
    };
    check(&azure("Resolved - Errors", "It was mitigated."), Some(Level::Operational), "");
    check(&azure("Errors", "Current status: Resolved."), Some(Level::Operational), "");
    check(&azure("Errors", "Resolved - It was mitigated."), Some(Level::Degraded), "");
    check(&azure("Unresolved errors", "Mitigated."), Some(Level::Degraded), "");
    let empty = page(Format::Azure, &Selection::default(), rss("Azure Status", &[]).as_bytes());
    check(&empty, Some(Level::Operational), "");
}

#[test]
fn deep_and_wide_documents_end() {
    let deep = |open: &str, close: &str| open.repeat(30_000) + &close.repeat(30_000);
    for text in [
        deep("[", "]"),
        deep("{\"a\":", "}"),
        format!("<rss version=\"2.0\"><channel>{}</channel></rss>", deep("<a>", "</a>")),
        format!(
            "<rss version=\"2.0\"><channel><item>{}</item></channel></rss>",
            deep("<a>", "</a>")
        ),
        format!(
            "<feed xmlns=\"http://www.w3.org/2005/Atom\"><entry><content type=\"xhtml\"><div>{}\
             </div></content></entry></feed>",
            deep("<a>", "</a>")
        ),
        rss("X", &[["Errors", "1", "x", &"&lt;b&gt;[resolved,".repeat(20_000)]]),
        rss("X", &[["Errors", "1", "x", &"&lt;b".repeat(50_000)]]),
        rss("X", &[[&"-resolved, ".repeat(20_000), "1", "x", &"status:, ".repeat(20_000)]]),
        "<rss version=\"2.0\"><channel>".to_owned()
            + &"<item/>".repeat(30_000)
            + "</channel></rss>",
    ] {
        check(&page(Format::Feed, &Selection::default(), text.as_bytes()), None, "");
    }
    let long = rss("X", &vec![["Errors", "1", "x", "Resolved"]; 2_001]);
    check(&page(Format::Feed, &Selection::default(), long.as_bytes()), None, "more than 2000");
    let many: Vec<Value> =
        (0..5_000).map(|at| json!({"id": at, "name": "E", "status": "open"})).collect();
    let page = whole(
        Format::Rootly,
        &json!({"page": {"name": "X"}, "status": {"indicator": "major"}, "incidents": many}),
    );
    check(&page, Some(Level::Partial), "");
    assert_eq!(page.incidents.len(), 16);
}
