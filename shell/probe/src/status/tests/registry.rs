//! The registry of pages: whole, dated, and in step with the table of providers.

use crate::status::{Format, Reader, for_host, named, other_region, parse, rows};

/// The table of providers, which is another crate's: its text is read, not its code.
const PROVIDERS: &str = include_str!("../../../../../core/config/src/providers.rs");
const TEXT: &str = include_str!("../../../data/pages.toml");

#[test]
fn the_registry_is_whole() {
    let parsed = parse(TEXT).unwrap();
    assert_eq!(parsed, rows());
    assert!(24 < rows().len());
    let mut names: Vec<&str> =
        rows().iter().flat_map(|row| &row.names).map(String::as_str).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count, "a name stands twice");
    for row in rows() {
        assert!(!row.source.is_empty(), "{:?} says no source", row.names);
        assert!(!row.hosts.is_empty(), "{:?} is about no host", row.names);
        assert!(row.verified_on.as_str() <= "2027", "{:?}", row.names);
        let mut ids: Vec<&str> = row.selection.components.iter().map(|it| it.id.as_str()).collect();
        ids.dedup();
        assert_eq!(ids.len(), row.selection.components.len(), "{:?}", row.names);
    }
}

#[test]
fn every_provider_with_a_page_has_a_row() {
    let text = PROVIDERS.split("#[cfg(test)]").next().unwrap();
    let value = |line: &str, key: &str| {
        let rest = line.trim().strip_prefix(key)?.strip_prefix(": \"")?;
        Some(rest.split('"').next()?.to_owned())
    };
    let mut name = String::new();
    let mut served = 0;
    for line in text.lines() {
        if let Some(found) = value(line, "name") {
            name = found;
        }
        if let Some(page) = value(line, "status_page").filter(|page| !page.is_empty()) {
            let row = named(&name).unwrap_or_else(|| panic!("{name} has no row in pages.toml"));
            assert_eq!(row.names[0], name, "the first name is that of the table of providers");
            assert_eq!(row.page, page, "{name}");
            served += 1;
        }
    }
    assert_eq!(served, text.matches("status_page: \"https://").count());
    assert!(9 < served, "the table of providers is written otherwise now");
}

#[test]
fn hosts_lead_to_pages_and_regions() {
    let check = |host: &str, expect: Option<(&str, Option<&str>)>| {
        let found = for_host(host).map(|found| (found.row.names[0].as_str(), found.region));
        assert_eq!(found, expect, "{host}");
    };
    check("api.anthropic.com", Some(("anthropic", None)));
    check("bedrock-runtime.eu-west-3.amazonaws.com", Some(("bedrock", Some("eu-west-3"))));
    check("us-central1-aiplatform.googleapis.com", Some(("vertex", Some("us-central1"))));
    check("aiplatform.googleapis.com", Some(("vertex", None)));
    check("mine.openai.azure.com", Some(("azure", None)));
    check("us.api.x.ai", Some(("xai", Some("us"))));
    check("a.b.openai.azure.com", None);
    check("bedrock-runtime..amazonaws.com", None);
    check("api.anthropic.com.example.com", None);
    check("localhost", None);
    assert_eq!(named("Claude").unwrap().names[0], "anthropic");
    assert!(named("nobody").is_none());
    let reader = Reader::new(named("bedrock").unwrap(), Some("us-east-1"));
    assert_eq!(reader.row().selection.region.as_deref(), Some("us-east-1"));
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    let good = "[[page]]\nnames = [\"a\"]\npage = \"https://a.example\"\n\
                sources = [{ url = \"https://a.example/x\", format = \"statuspage\" }]\n\
                verified_on = \"2026-11-20\"\nsource = \"x\"\n";
    assert_eq!(parse(good).unwrap().len(), 1);
    let check = |from: &str, to: &str, line: usize, says: &str| {
        let error = parse(&good.replace(from, to)).unwrap_err();
        assert_eq!(error.line, line, "{error}");
        assert!(error.what.contains(says), "{error}");
    };
    check("https://a.example\"", "http://a.example\"", 3, "https");
    check("https://a.example/x", "ftp://a.example/x", 4, "https");
    check("\"statuspage\"", "\"statusmage\"", 4, "is no format");
    check("2026-11-20", "2026-13-20", 5, "date");
    check("2026-11-20", "yesterday", 5, "date");
    check("source = \"x\"", "sauce = \"x\"", 1, "source");
    check("names = [\"a\"]", "names = []", 1, "names");
    check("source = \"x\"", "source = \"x\"\nunreadable = \"why\"", 1, "unreadable");
    check("names = [\"a\"]", "names = [\"a\"", 3, "");
}

#[test]
fn formats_keep_their_names() {
    for format in Format::ALL {
        assert_eq!(Format::named(format.word()), Some(format));
    }
    assert_eq!(Format::named("nothing"), None);
}

#[test]
fn another_region_is_another_host_of_the_same() {
    let check = |host: &str, expect: Option<&str>| {
        assert_eq!(other_region(host).as_deref(), expect, "{host}");
    };
    let bedrock = "bedrock-runtime.us-west-2.amazonaws.com";
    check("bedrock-runtime.us-east-1.amazonaws.com", Some(bedrock));
    check("bedrock.eu-west-3.amazonaws.com", Some("bedrock.us-west-2.amazonaws.com"));
    check(bedrock, Some("bedrock-runtime.eu-central-1.amazonaws.com"));
    check("aiplatform.googleapis.com", Some("us-central1-aiplatform.googleapis.com"));
    check("api.x.ai", Some("us.api.x.ai"));
    check("us.api.x.ai", None);
    check("api.anthropic.com", None);
    check("example.com", None);
}
