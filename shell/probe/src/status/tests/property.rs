//! No input reads as well unless it says so: arbitrary bytes, and fixtures that were cut, mixed up or
//! robbed of their good words.
//!
//! The oracle shares no code with the readers: it looks for the words that mean well in the raw text,
//! and for the shape of the logs whose emptiness means it.

use bytes::Bytes;
use ir::evidence::{Level, Page};
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop};
use proptest::{prop_assert, prop_assert_eq, prop_oneof, proptest};

use super::scenes::{How, Listing, NOW, PROSE, SCENE, Scene, body, row};
use crate::status::{Answer, Body, Format, Selection, read};

fn page(format: Option<Format>, selection: &Selection, bytes: &[u8]) -> Page {
    let url = "https://status.example.com/source";
    let body = Body::Whole(Bytes::copy_from_slice(bytes));
    let answer =
        Answer { asked: url, url, status: 200, content_type: "", challenged: false, body: &body };
    read(&answer, format, selection, NOW)
}

/// Whether the raw bytes hold anything that could mean well.
fn could_be_well(bytes: &[u8]) -> bool {
    // UTF-16 of plain letters is the letters between zeros.
    let text: String =
        bytes.iter().filter(|byte| **byte != 0).map(|byte| char::from(*byte)).collect();
    let words = ["\"operational\"", "\"OPERATIONAL\"", "\"none\"", "\"UP\""];
    let logs = [
        ["ongoing_incidents", "scheduled_maintenances", "]"],
        ["ongoing_incidents", "affected_components", "]"],
        ["affected_products", "begin", "]"],
        ["\"service\"", "region_name", "]"],
        ["active_incidents", "active_maintenances", "true"],
        ["<category>", "[", "</rss>"],
        ["Azure Status", "<rss", "</rss>"],
    ];
    let over = ["esolved", "ompleted", "ecovered", "itigated", "estored", "ostmortem"];
    let marked = bytes.starts_with(b"\xfe\xff") || bytes.starts_with(b"\xff\xfe");
    words.iter().any(|word| text.contains(word))
        || logs.iter().any(|log| log.iter().all(|mark| text.contains(mark)))
        || (over.iter().any(|word| text.contains(word)) && text.contains("</"))
        || (marked && text.contains('[') && text.contains(']'))
}

fn is_well(page: &Page) -> bool {
    assert_eq!(page.level.is_none(), page.unknown.is_some(), "{page:?}");
    page.level == Some(Level::Operational)
}

fn formats() -> impl Strategy<Value = Format> {
    prop::sample::select(Format::ALL.to_vec())
}

fn scenes() -> impl Strategy<Value = Scene> {
    let how = || {
        prop_oneof![
            Just(How::Well),
            Just(How::Maintenance),
            Just(How::Degraded),
            Just(How::Major),
            Just(How::Odd)
        ]
    };
    let listing = prop_oneof![
        4 => Just(Listing::Usual),
        1 => Just(Listing::Nothing),
        1 => Just(Listing::Renamed),
        1 => Just(Listing::Twice),
        1 => Just(Listing::Announced)
    ];
    let prose = prop::option::weighted(0.25, prop::sample::select(PROSE.to_vec()));
    (how(), how(), listing, prose).prop_map(|(ours, other, listing, prose)| Scene {
        ours,
        other,
        listing,
        prose,
        ..SCENE
    })
}

/// What people write of what is open, in words of its end: each sentence denies or puts off what the
/// word in it means.
fn open_prose() -> impl Strategy<Value = String> {
    let sentences = [
        "The issue is not OVER.",
        "It has not OVER yet",
        "The service hasn't OVER.",
        "Nothing has OVER; it never OVER",
        "unOVER",
        "The issue remains unOVER.",
        "Errors continue until it is OVER.",
        "Access stays off unless OVER - see below",
        "We post an update once OVER.",
        "OVER when the fix is out",
        "OVER, if all goes well",
        "OVER? Not yet.",
        "OVER - not yet for everybody",
        "OVER: no",
        "We expect it to be OVER by 23:20 UTC.",
        "It will be OVER soon",
        "It should be OVER within the hour",
        "Status: not OVER",
        "Status: unOVER",
        "Status: to be OVER",
        "Expected status: OVER",
        "Status: OVER once the fix is out",
        "It was thought to be OVER",
        "Partially OVER",
    ];
    let over = ["resolved", "completed", "recovered", "mitigated", "restored"];
    let tail =
        ["", " Current status: investigating.", " We look into it.", "&lt;br&gt;More at 14:00."];
    let dress = ["OVER", "&lt;b&gt;OVER&lt;/b&gt;", "&lt;em&gt;OVER"];
    let case: [fn(&str) -> String; 3] = [str::to_owned, str::to_uppercase, |word| {
        word.split_at(1).0.to_uppercase() + word.split_at(1).1
    }];
    let select = |all: &[&'static str]| prop::sample::select(all.to_vec());
    let parts = (select(&sentences), select(&over), select(&tail), select(&dress));
    (parts, prop::sample::select(case.to_vec())).prop_map(
        |((sentence, over, tail, dress), case)| {
            let dress = if sentence.contains("unOVER") { "OVER" } else { dress };
            sentence.replace("OVER", &dress.replace("OVER", &case(over))) + tail
        },
    )
}

/// A label that says that it is over, and sentences beside it of which one holds a word of trouble, doubt,
/// part, return or time, at any place, or a word of no known language.
fn taken_back() -> impl Strategy<Value = String> {
    let labels = ["Resolved", "<b>Resolved</b>", "Status: Completed", "[Recovered]", "MITIGATED"];
    let usual = ["This incident has been resolved", "All systems are operational", "It is over"];
    let words = [
        "again",
        "back",
        "not",
        "no",
        "only",
        "partial",
        "partly",
        "some",
        "most",
        "half",
        "except",
        "reopened",
        "remains",
        "remain",
        "still",
        "yet",
        "until",
        "since",
        "soon",
        "tomorrow",
        "expected",
        "pending",
        "monitoring",
        "investigating",
        "down",
        "degraded",
        "failing",
        "fail",
        "unavailable",
        "slow",
        "was",
        "were",
        "had",
        "if",
        "unless",
        "but",
        "however",
        "for",
        "EU",
        "99",
        "50 %",
        "12:30",
        "(partly)",
        "[US]",
        "nicht",
        "teilweise",
        "pas",
        "nein",
        "未",
        "|",
        "?",
    ];
    let select = |all: &[&'static str]| prop::sample::select(all.to_vec());
    let odd = prop_oneof![4 => select(&words).prop_map(str::to_owned), 1 => "q[a-z]{3,8}"];
    let seam = select(&[" - ", ": ", ". ", " ", "<br>", "</p><p>"]);
    (select(&labels), seam, select(&usual), odd, any::<prop::sample::Index>(), any::<bool>())
        .prop_map(|(label, seam, usual, odd, at, before)| {
            let mut words: Vec<&str> = usual.split(' ').collect();
            words.insert(at.index(words.len() + 1), &odd);
            let said = words.join(" ");
            if before { format!("{said}<br>{label}") } else { format!("{label}{seam}{said}.") }
        })
}

/// Something else in place of something.
fn edits() -> impl Strategy<Value = Vec<(prop::sample::Index, Option<u8>)>> {
    prop::collection::vec((any::<prop::sample::Index>(), any::<Option<u8>>()), 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 512,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn arbitrary_bytes_are_never_well(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        mark in prop::sample::select(vec!["", "{", "[", "<rss>", "<feed>", "\u{feff}"]),
        format in prop::option::of(formats()),
    ) {
        let bytes = [mark.as_bytes(), &bytes].concat();
        let page = page(format, &Selection::default(), &bytes);
        prop_assert!(!is_well(&page) || could_be_well(&bytes), "{page:?}");
    }

    #[test]
    fn a_fixture_that_was_cut_is_never_well(
        format in formats(),
        scene in scenes(),
        at in any::<prop::sample::Index>(),
    ) {
        let Some(whole) = body(format, &scene) else { return Ok(()) };
        let short = whole.trim_ascii_end();
        let cut = &short[..at.index(short.len())];
        for selection in [row(format).selection, Selection::default()] {
            let page = page(Some(format), &selection, cut);
            prop_assert!(!is_well(&page), "{page:?}");
            prop_assert!(page.level.is_none(), "{page:?}");
        }
    }

    #[test]
    fn a_fixture_that_was_mutated_is_well_only_if_it_says_so(
        format in formats(),
        expected in prop::option::of(formats()),
        scene in scenes(),
        edits in edits(),
    ) {
        let Some(mut bytes) = body(format, &scene) else { return Ok(()) };
        for (at, with) in edits {
            let at = at.index(bytes.len().max(1));
            match with.filter(|_| !bytes.is_empty()) {
                Some(byte) => bytes[at] = byte,
                None if bytes.is_empty() => {}
                None => drop(bytes.remove(at)),
            }
        }
        for selection in [row(format).selection, Selection::default()] {
            let page = page(expected, &selection, &bytes);
            prop_assert!(!is_well(&page) || could_be_well(&bytes), "{page:?}");
        }
    }

    #[test]
    fn what_is_unwell_or_odd_is_never_well(format in formats(), scene in scenes()) {
        let Some(bytes) = body(format, &scene) else { return Ok(()) };
        if scene.ours != How::Well && scene.listing != Listing::Nothing {
            let page = page(Some(format), &row(format).selection, &bytes);
            prop_assert!(!is_well(&page), "{page:?}");
        }
    }

    #[test]
    fn what_is_open_in_prose_is_never_well(
        prose in open_prose(),
        title in prop::option::of(open_prose()),
        ours in prop::sample::select(vec![How::Degraded, How::Major]),
        listing in prop::sample::select(vec![Listing::Usual, Listing::Twice]),
    ) {
        for format in [Format::Xai, Format::Azure, Format::Feed] {
            let scene = Scene { ours, listing, prose: Some(PROSE[1]), ..SCENE };
            let text = String::from_utf8(body(format, &scene).unwrap()).unwrap();
            let text = text.replace(PROSE[1], &prose);
            let text = text.replace(SCENE.title, title.as_deref().unwrap_or(SCENE.title));
            for selection in [row(format).selection, Selection::default()] {
                let page = page(Some(format), &selection, text.as_bytes());
                prop_assert!(!is_well(&page), "{text}\n{page:?}");
                if format == Format::Azure {
                    prop_assert_eq!(page.level, Some(Level::Degraded), "{}", text);
                    prop_assert_eq!(page.incidents.len(), 1, "{}", text);
                }
            }
        }
    }

    #[test]
    fn what_is_taken_back_in_any_word_is_never_well(text in taken_back()) {
        let scene = Scene { ours: How::Degraded, prose: Some(PROSE[1]), ..SCENE };
        let text = text.replace('<', "&lt;").replace('>', "&gt;");
        let feed = String::from_utf8(body(Format::Feed, &scene).unwrap()).unwrap();
        let page = page(Some(Format::Feed), &Selection::default(), feed.replace(PROSE[1], &text).as_bytes());
        prop_assert!(!is_well(&page), "{text}\n{page:?}");
    }

    #[test]
    fn without_its_good_words_nothing_is_well(format in formats(), scene in scenes()) {
        let logs = [
            Format::IncidentIoWidget, Format::IncidentIoProxy, Format::Google, Format::Aws,
            Format::Azure, Format::Xai, Format::Cloudflare,
        ];
        let Some(bytes) = body(format, &scene).filter(|_| !logs.contains(&format)) else {
            return Ok(());
        };
        let mut text = String::from_utf8(bytes).unwrap();
        for word in ["operational", "OPERATIONAL", "none", "UP", "Resolved"] {
            text = text.replace(word, "");
        }
        for selection in [row(format).selection, Selection::default()] {
            let page = page(Some(format), &selection, text.as_bytes());
            prop_assert!(!is_well(&page), "{page:?}");
        }
    }

    #[test]
    fn whatever_is_told_cannot_act_on_a_terminal(title in "\\PC{0,20}[\u{0}-\u{1f}\u{202e}]\\PC{0,300}") {
        let text = serde_json::json!({
            "page": {"name": title, "id": title, "status": title},
            "status": {"indicator": title, "description": title},
            "components": [{"id": title, "name": title, "status": "major_outage"}],
            "incidents": vec![serde_json::json!({"name": title, "status": title}); 40],
        });
        let page = page(None, &Selection::default(), text.to_string().as_bytes());
        let told = format!("{}{:?}", page.says, page.unknown) + &page.affected.concat();
        let titles: String = page.incidents.iter().map(|it| it.title.as_str()).collect();
        let acts = |c: char| c.is_control() || c == '\u{202e}';
        prop_assert!(!(told + &titles).contains(acts), "it acts");
        prop_assert!(page.incidents.len() <= 16);
        prop_assert!(page.incidents.iter().all(|it| it.title.chars().count() <= 200));
        prop_assert!(page.says.chars().count() <= 200);
    }
}
