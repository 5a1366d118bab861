//! Every row of the classification table (`docs/failures.md`): what is observed, which class it is
//! in, and the four verdicts. A class without a case fails.

use super::classify;
use crate::{Class, ROWS, Row, Scope, Surface};
use ir::{Connect, Dns, Failure, Place, Proxy, Rejection, Tls};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Reads what may be said to fail: `dns`, `cut`, `529 kind=… code=… after=2s in_band said: …`.
pub(crate) fn failure(text: &str) -> Failure {
    let (first, rest) = text.split_once(' ').unwrap_or((text, ""));
    match first {
        "dns" => Failure::Dns(Dns::NotFound),
        "servfail" => Failure::Dns(Dns::Failed),
        "metadata" => {
            let address = IpAddr::from([169, 254, 169, 254]);
            Failure::Dns(Dns::Forbidden(address, Place::of(address)))
        }
        "no-proxy" => Failure::Proxy(Proxy::Unreachable),
        "silent-proxy" => Failure::Proxy(Proxy::Silent),
        "garbled-proxy" => Failure::Proxy(Proxy::Garbled),
        "denied" => Failure::Proxy(Proxy::Denied(rest.parse().expect("a status"))),
        "refused" => Failure::Connect(Connect::Refused),
        "timeout" => Failure::Connect(Connect::Timeout),
        "unreachable" => Failure::Connect(Connect::Unreachable),
        "cert" => Failure::Tls(Tls::Certificate("expired".to_owned())),
        "tls" => Failure::Tls(Tls::Handshake),
        "unprocessed" => Failure::Unprocessed,
        "stale" => Failure::Stale,
        "reset" => Failure::Reset,
        "badhttp" => Failure::BadHttp("no status line"),
        "html" => Failure::WrongContent("text/html".to_owned()),
        "malformed" => Failure::Malformed("no choices"),
        "cut" => Failure::Cut { clean: false },
        "end" => Failure::Cut { clean: true },
        "empty" => Failure::Empty,
        "silent" => Failure::Silent(ir::Deadline::FirstContent),
        "stalled" => Failure::Stalled,
        "crawling" => Failure::Crawling,
        "unjoined" => Failure::Unjoined("it declined"),
        "overflow" => Failure::Overflow(1),
        "uncarried" => Failure::Uncarried("n: one answer".to_owned()),
        "stopping" => Failure::Stopping,
        "unsendable" => Failure::Unsendable("no address"),
        status => {
            let status = status.parse().unwrap_or_else(|_| panic!("not a failure: {text}"));
            Failure::Rejected(rejection(status, rest))
        }
    }
}

/// Reads what a provider said, as `codec` hands it over.
pub(crate) fn rejection(status: u16, text: &str) -> Box<Rejection> {
    let mut read = Rejection { status, ..Rejection::default() };
    let (marks, message) = text.split_once("said: ").unwrap_or((text, ""));
    message.clone_into(&mut read.message);
    let wait = |text: &str| humantime::parse_duration(text).ok();
    for mark in marks.split_whitespace() {
        match mark.split_once('=').unwrap_or((mark, "")) {
            ("after", text) => read.hints.after = wait(text),
            ("reset", text) => read.hints.reset = wait(text),
            ("retry", text) => read.hints.should_retry = text.parse().ok(),
            ("kind", text) => text.clone_into(&mut read.kind),
            ("code", text) => text.clone_into(&mut read.code),
            ("param", text) => text.clone_into(&mut read.param),
            ("in_band", "") => read.in_band = true,
            ("html", "") => read.html = true,
            ("bare", "") => read.bare = true,
            ("unheard", "") => read.unheard = true,
            _ => panic!("not a mark of a rejection: {mark}"),
        }
    }
    Box::new(read)
}

/// Nothing that an attempt observes is of these classes: others say them.
const NOT_OBSERVED: &[(&str, &str)] = &[
    ("own_limit", "said by admission, before any attempt"),
    ("caller_gone", "the exchange is abandoned, and no attempt failed"),
    ("guardrail_block", "said by a guardrail"),
    ("guardrail_down", "said by a guardrail"),
];

#[test]
fn every_condition_has_its_class() {
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    let mut class = "";
    for line in include_str!("tests/conditions.txt").lines() {
        match line.strip_prefix("  ") {
            Some(condition) if !condition.trim_start().starts_with('#') => {
                let found = classify(&failure(condition), &[]).word();
                if found != class {
                    wrong.push(format!("{condition}: {found}, not {class}"));
                }
                seen.insert(class);
            }
            Some(_) => {}
            None => class = line.trim(),
        }
    }
    for row in ROWS.iter().filter(|row| !seen.contains(row.word)) {
        if !NOT_OBSERVED.iter().any(|(word, _)| *word == row.word) {
            wrong.push(format!("{}: no condition", row.word));
        }
    }
    let unknown = seen.iter().filter(|word| Class::from_word(word).is_none());
    wrong.extend(unknown.map(|word| format!("{word}: no such class")));
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The page that operators read and the table that decides say the same, in the same order.
#[test]
fn the_page_and_the_table_are_one() {
    let page = include_str!("../../../../docs/failures.md");
    let rows = page.lines().filter(|line| line.starts_with("| `") && line.contains("](errors/"));
    let told = rows.map(|line| {
        // The condition stands in words, which `conditions.txt` puts to the proof.
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let (word, rest) = cells.split_first().unwrap();
        format!("{word} | {}", rest[1..].join(" | "))
    });
    let decided = ROWS.iter().map(|row| {
        let Row { word, blame, same, next, scope, surface, transient, class, code } = *row;
        assert_eq!(class.row().word, word, "ROWS and the match are one");
        assert_eq!(Class::from_word(word), Some(class));
        let (blame, helps) = (blame.label(), if transient { "yes" } else { "no" });
        let surface = match surface {
            Surface::AsReceived => "as received".to_owned(),
            Surface::OwnIfOurs(status) => format!("ours {status} if ours"),
            Surface::Own(status) => format!("ours {status}"),
        };
        let scope = if scope == Scope::None { "nobody".to_owned() } else { words(scope) };
        let (same, next) = (words(same), words(next));
        format!(
            "`{word}` | {same} | {next} | {scope} | {surface} | {helps} | {blame} | \
             [{code}](errors/{code}.md)"
        )
        .replace("after wait", "after its wait")
    });
    for (told, decided) in told.clone().zip(decided) {
        assert_eq!(told, decided, "docs/failures.md and core/policy/src/verdict.rs");
    }
    assert_eq!(told.count(), ROWS.len(), "a row that one of them lacks");
}

/// `IfFilterAllowed` → `if filter allowed`.
fn words(name: impl std::fmt::Debug) -> String {
    let mut words = String::new();
    for letter in format!("{name:?}").chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}

/// The provider's own codes come before everything.
#[test]
fn a_row_of_quirks_decides_first() {
    let codes = &[("1113", "no_credit"), ("rate_limit_exceeded", "quota"), ("7", "no_such_class")];
    let check = |text: &str, expect: &str| {
        assert_eq!(classify(&failure(text), codes).word(), expect, "{text}");
    };
    check("429 code=1113 said: Insufficient balance", "no_credit");
    check("429 code=RATE_LIMIT_EXCEEDED", "quota");
    check("429 code=7", "rate_limited");
    check("429", "rate_limited");
}

/// Whatever the status, there is a class, and no row lets a caller's mistake touch anyone's health.
#[test]
fn a_callers_mistake_touches_nobodys_health() {
    for status in 300..=599 {
        let row = classify(&failure(&status.to_string()), &[]).row();
        let caller = row.blame == ir::Blame::Caller;
        assert!(!caller || row.scope == Scope::None, "{status}: {}", row.word);
    }
}
